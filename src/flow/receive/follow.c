/* SPDX-License-Identifier: EUPL-1.2 */
/* Following files: see follow.h. Runs in intake, which cannot open anything: all it has are the fds
 * given. */
#include "flow/receive/follow.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "wire/syslog_frame.h"

struct followed {
    char *name;
    int fd;
    uint32_t source;
    struct follow_position at; /* offset: everything before it was handed on */
    uint64_t read_at;          /* next byte to read; beyond at.offset by an unfinished line */
    uint64_t frame_base;       /* file offset where the framer's count started */
    bool pipe;
    bool moved;
    bool ending;         /* read to its end, then drop */
    time_ns quiet_since; /* of an ending one: monotonic time of the first look that found nothing */
    struct syslog_framer framer;
    char cursor[JOURNAL_CURSOR_MAX]; /* of a pipe: of the last entry handed on */
    size_t cursor_len;
};

struct follow {
    const struct receive_sink *sink;
    VEC(struct followed *) files;
    size_t at; /* which is read next */
    struct receive_pace pace;
    char buffer[FOLLOW_READ_BYTES];
};

void follow_position_encode(struct buf *out, const struct follow_position *p)
{
    buf_u64(out, p->device);
    buf_u64(out, p->inode);
    buf_u64(out, p->offset);
}

bool follow_position_decode(struct span bytes, struct follow_position *out)
{
    struct cursor c = cursor_of(bytes);
    struct follow_position p = {0}; /* one statement each: initialisers have no order */
    uint64_t *parts[] = {&p.device, &p.inode, &p.offset};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        *parts[i] = cursor_u64(&c);
    }
    if (!cursor_done(&c)) {
        return false;
    }
    *out = p;
    return true;
}

/*
 * "__CURSOR" : "s=…" — a key that only journald can write (names with two underscores are its own),
 * and a quote inside a value is escaped, so the first match is the key itself.
 */
struct span journal_cursor(struct span line)
{
    static const char key[] = "\"__CURSOR\"";
    const char *at = line.len == 0 ? NULL : memmem(line.ptr, line.len, key, sizeof key - 1);
    if (at == NULL) {
        return span_make("", 0);
    }
    struct span rest = span_sub(line, (size_t)(at - line.ptr) + sizeof key - 1, line.len);
    ptrdiff_t open = span_find(span_sub(rest, 0, 8), '"');
    if (open < 0) {
        return span_make("", 0);
    }
    rest = span_sub(rest, (size_t)open + 1, rest.len);
    ptrdiff_t close = span_find(span_sub(rest, 0, JOURNAL_CURSOR_MAX + 1), '"');
    return close < 0 ? span_make("", 0) : span_sub(rest, 0, (size_t)close);
}

struct follow *follow_new(const struct receive_sink *sink)
{
    struct follow *f = mem_alloc(sizeof *f);
    f->sink = sink;
    receive_pace_init(&f->pace, RECEIVE_STEP_MIN, sizeof f->buffer);
    return f;
}

static void drop(struct followed *file)
{
    (void)close(file->fd);
    syslog_framer_fini(&file->framer);
    mem_free(file->name);
    mem_free(file);
}

void follow_free(struct follow **f)
{
    if (*f == NULL) {
        return;
    }
    for (size_t i = 0; i < (*f)->files.len; i++) {
        drop((*f)->files.data[i]);
    }
    vec_free(&(*f)->files);
    mem_free(*f);
    *f = NULL;
}

/* Whether another file of the same name waits for this one's end. */
static bool has_successor(const struct follow *f, size_t i)
{
    for (size_t k = i + 1; k < f->files.len; k++) {
        if (strcmp(f->files.data[k]->name, f->files.data[i]->name) == 0) {
            return true;
        }
    }
    return false;
}

int follow_add(struct follow *f, const struct follow_file *file, struct err *e)
{
    if (f->files.len >= FOLLOW_FILES_MAX) {
        (void)close(file->fd);
        return err_set(e, ERR_LIMIT, "more than %d followed files", (int)FOLLOW_FILES_MAX);
    }
    for (size_t i = 0; i < f->files.len; i++) {
        struct followed *old = f->files.data[i];
        if (!span_eq(span_of(old->name), file->name)) {
            continue;
        }
        if (!file->pipe && old->at.inode == file->at.inode && old->at.device == file->at.device) {
            (void)close(file->fd);
            old->source = file->source; /* told again, after a reload: it may stand for another source now, or be wanted again */
            old->ending = old->ending && has_successor(f, i);
            old->quiet_since = 0;
            return 0;
        }
        old->ending = true;
    }
    struct followed *new = mem_alloc(sizeof *new);
    new->name = mem_alloc(file->name.len + 1);
    memcpy(new->name, file->name.ptr, file->name.len);
    new->fd = file->fd;
    new->source = file->source;
    new->at = file->at;
    new->read_at = new->frame_base = file->at.offset;
    new->pipe = file->pipe;
    new->moved = true;
    syslog_framer_init(&new->framer, SYSLOG_FRAMING_LINES, RECEIVE_EVENT_MAX);
    vec_push(&f->files, new);
    return 0;
}

void follow_end(struct follow *f, struct span name)
{
    for (size_t i = 0; i < f->files.len; i++) {
        f->files.data[i]->ending |= span_eq(span_of(f->files.data[i]->name), name);
    }
}

static void hand_on(struct follow *f, struct followed *file, const struct syslog_frame *frame)
{
    struct receive_record r = {
        .bytes = frame->bytes,
        .source = file->source,
        .sender = span_of(file->name),
        .received = clock_now(),
        .cut = frame->cut,
    };
    (void)f->sink->record(f->sink->ctx, &r);
    /* Only now: a window that was sealed to make room for this record must not claim it. */
    file->at.offset = file->frame_base + file->framer.consumed;
    file->moved = true;
    struct span cursor = file->pipe ? journal_cursor(frame->bytes) : span_make("", 0);
    if (cursor.len > 0) {
        memcpy(file->cursor, cursor.ptr, cursor.len);
        file->cursor_len = cursor.len;
    }
}

/* A file that became shorter was emptied in place (copytruncate): it starts over. */
static void notice_truncation(struct followed *file)
{
    struct stat st;
    if (file->pipe || fstat(file->fd, &st) != 0 || (uint64_t)st.st_size >= file->read_at) {
        return;
    }
    log_warn("follow.truncated", "file=\"%s\" size=%lld read=%llu", file->name,
             (long long)st.st_size, (unsigned long long)file->read_at);
    syslog_framer_fini(&file->framer);
    syslog_framer_init(&file->framer, SYSLOG_FRAMING_LINES, RECEIVE_EVENT_MAX);
    file->at.offset = file->read_at = file->frame_base = 0;
    file->moved = true;
}

/* A rotated file may still get lines until its writer takes the new one. */
static bool is_over(struct followed *file)
{
    time_ns now = clock_mono();
    if (!file->ending) {
        return false;
    }
    if (file->quiet_since == 0) {
        file->quiet_since = now;
    }
    return now - file->quiet_since >= (time_ns)FOLLOW_GRACE_MS * 1000000;
}

/* Its predecessor of the same name is still being read: one after the other, so that positions tell
 * the truth. */
static bool must_wait(const struct follow *f, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(f->files.data[k]->name, f->files.data[i]->name) == 0) {
            return true;
        }
    }
    return false;
}

static bool turn_is_over(const struct follow *f)
{
    return f->pace.begun >= f->pace.end;
}

enum outcome { NOTHING_LEFT, MORE_WAITS, ENDED };

static enum outcome read_file(struct follow *f, struct followed *file, const bool *stop)
{
    notice_truncation(file);
    for (size_t got = 0; got < FOLLOW_BYTES_PER_POLL;) {
        if (f->sink->waits != NULL && f->sink->waits(f->sink->ctx, file->source)) {
            return NOTHING_LEFT; /* looked at again when it is time; the others go on */
        }
        if (*stop) {
            return MORE_WAITS;
        }
        ssize_t n = file->pipe ? read(file->fd, f->buffer, f->pace.step)
                               : pread(file->fd, f->buffer, f->pace.step, (off_t)file->read_at);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return NOTHING_LEFT;
        }
        if (n < 0) {
            log_error("follow.read", "file=\"%s\" errno=%d", file->name, errno);
            return ENDED;
        }
        if (n == 0) {
            return file->pipe || is_over(file) ? ENDED : NOTHING_LEFT;
        }
        file->quiet_since = 0;
        struct syslog_frame frame;
        struct span input = span_make(f->buffer, (size_t)n);
        file->read_at += (uint64_t)n;
        got += (size_t)n;
        while (syslog_framer_next(&file->framer, &input, &frame)) {
            hand_on(f, file, &frame);
        }
        (void)receive_pace_goes_on(&f->pace, (size_t)n); /* only a read of nothing says that there is no more */
        if (turn_is_over(f)) {
            return MORE_WAITS;
        }
    }
    return MORE_WAITS;
}

/* Read to its end: its last line may lack its own. */
static void let_go(struct follow *f, size_t i)
{
    struct followed *file = f->files.data[i];
    struct syslog_frame frame;
    while (syslog_framer_end(&file->framer, &frame)) {
        hand_on(f, file, &frame);
    }
    drop(file);
    memmove(&f->files.data[i], &f->files.data[i + 1], (f->files.len - i - 1) * sizeof f->files.data[0]);
    f->files.len--;
}

bool follow_poll(struct follow *f, const bool *stop)
{
    bool more = false;
    receive_pace_begin(&f->pace, true);
    for (size_t left = f->files.len; left > 0; left--) {
        f->at = f->at < f->files.len ? f->at : 0;
        enum outcome outcome = must_wait(f, f->at) ? NOTHING_LEFT : read_file(f, f->files.data[f->at], stop);
        more |= outcome == MORE_WAITS;
        if (outcome == ENDED) {
            let_go(f, f->at);
        } else {
            f->at++;
        }
        if (turn_is_over(f)) {
            return true;
        }
    }
    return more;
}

static void tell_position(struct followed *file, follow_visit *visit, void *ctx)
{
    struct buf b;
    if (file->pipe) {
        if (file->cursor_len > 0) {
            visit(ctx, span_of(file->name), span_make(file->cursor, file->cursor_len));
        }
        return;
    }
    buf_init(&b, sizeof file->at);
    follow_position_encode(&b, &file->at);
    visit(ctx, span_of(file->name), buf_view(&b));
    buf_free(&b);
}

void follow_positions(struct follow *f, follow_visit *visit, void *ctx)
{
    for (size_t i = 0; i < f->files.len; i++) {
        struct followed *file = f->files.data[i];
        if (file->moved && !must_wait(f, i)) {
            tell_position(file, visit, ctx);
            file->moved = false;
        }
    }
}

size_t follow_count(const struct follow *f)
{
    return f->files.len;
}
