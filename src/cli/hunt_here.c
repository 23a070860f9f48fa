/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno hunt` where no node runs. Three caged children: one compiles the rules (engine.c), one may read the data folder
 * and nothing else and hands out packed blocks, one may open nothing at all and looks into them. This process only
 * carries what they say to the person.
 *
 *     reader --blocks--> looker --progress, result--> this process
 *     reader <--what blocks must hold-- looker
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archive/walk.h"
#include "base/log.h"
#include "cli/child.h"
#include "cli/data_logs.h"
#include "cli/engine.h"
#include "cli/hunt.h"
#include "flow/hunt/hunt_run.h"
#include "flow/hunt/hunt_skips.h"
#include "os/sandbox.h"
#include "records/hunts.h"

enum {
    FRAME_MAX = HUNT_RESULT_MAX + (1 << 20), /* bytes of one frame between the three */
    PROGRESS_MS = 200,
    READER_SCRATCH_BYTES = 1 << 20, /* a packed block and its header */
    NEEDS_MAX = 60 * 1024, /* bytes: what a pipe holds, so that neither of the two waits for the other; more is not told */
};

/* First byte of a frame. */
enum frame { FRAME_TOTALS, FRAME_BLOCK, FRAME_END, FRAME_ERROR, FRAME_PROGRESS, FRAME_RESULT };

struct here {
    struct hunt_command *c;
    const char *data_dir;
    struct engine engine;
    int blocks[2], answers[2], needs[2]; /* pipes: read end, write end */
};

/* ---- frames ---- */

static void frame_send(int fd, const struct buf *frame)
{
    struct buf head;
    CHECK(!frame->failed && frame->len <= FRAME_MAX);
    buf_init(&head, 8);
    buf_u32(&head, (uint32_t)frame->len);
    cli_child_write(fd, buf_view(&head));
    cli_child_write(fd, buf_view(frame));
    buf_free(&head);
}

static bool read_whole(int fd, struct buf *b, size_t n)
{
    buf_clear(b);
    while (b->len < n) {
        char *to = buf_room(b, n - b->len);
        ssize_t got = to == NULL ? 0 : read(fd, to, n - b->len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        buf_added(b, (size_t)got);
    }
    return true;
}

/* False when the other side is gone, or says what cannot be. */
static bool frame_get(int fd, struct buf *frame)
{
    if (!read_whole(fd, frame, 4)) {
        return false;
    }
    struct cursor c = cursor_of(buf_view(frame));
    uint32_t n = cursor_u32(&c);
    return n > 0 && n <= FRAME_MAX && read_whole(fd, frame, n);
}

static _Noreturn void child_fail(int fd, const struct err *e)
{
    struct buf b;
    buf_init(&b, 8192);
    buf_u8(&b, FRAME_ERROR);
    buf_cstr(&b, e->text);
    frame_send(fd, &b);
    _exit(0);
}

/* ---- the reader: the data folder, nothing else ---- */

static void send_totals(int fd, const struct archive_walk_totals *t)
{
    struct buf b;
    buf_init(&b, 256);
    buf_u8(&b, FRAME_TOTALS);
    buf_u64(&b, t->blocks);
    buf_u64(&b, (uint64_t)t->retained_from);
    buf_u64(&b, (uint64_t)t->retained_to);
    frame_send(fd, &b);
    buf_free(&b);
}

/* What the looker wants of blocks, once it has said so. */
struct wanted {
    struct arena arena;
    struct filter_query query;
    struct hunt_skips skips;
    struct buf bytes;
    struct buf frame; /* that is sent, and its parts */
    struct buf header;
    struct buf skipped;
};

static void on_skipped(void *ctx, const struct archive_header *h)
{
    struct wanted *n = ctx;
    hunt_skips_add(&n->skips, h);
}

/* Never waits. */
static void take_needs(struct here *h, struct wanted *n, struct archive_walk *w)
{
    char *to = w->query == NULL ? buf_room(&n->bytes, NEEDS_MAX) : NULL;
    ssize_t got = to == NULL ? 0 : read(h->needs[0], to, NEEDS_MAX);
    if (got <= 0) {
        return;
    }
    buf_added(&n->bytes, (size_t)got);
    struct cursor c = cursor_of(buf_view(&n->bytes));
    struct span query = cursor_str(&c);
    if (cursor_done(&c) && filter_query_decode(query, &n->arena, &n->query, NULL) == 0) {
        w->query = &n->query;
        w->skipped = on_skipped;
        w->ctx = n;
    }
}

static void send_block(int fd, const struct archive_walk *w, struct wanted *n, const struct archive_header *h,
                       struct span body)
{
    struct buf *b = &n->frame;
    buf_clear(b);
    buf_clear(&n->header);
    buf_clear(&n->skipped);
    hunt_skips_take(&n->skips, &n->skipped);
    archive_header_encode(&n->header, h);
    buf_u8(b, FRAME_BLOCK);
    buf_u8(b, !archive_walk_fits(w, h));
    buf_u8(b, body.ptr == NULL);
    buf_str(b, buf_view(&n->skipped));
    buf_str(b, buf_view(&n->header));
    buf_span(b, body.ptr == NULL ? SPAN("") : body);
    frame_send(fd, b);
}

static _Noreturn void reader(struct here *h)
{
    char folder[4096];
    struct err e = {0};
    struct archive_reader *r = NULL;
    struct archive_walk w;
    struct archive_walk_totals totals;
    struct arena scratch;
    struct wanted wanted = {0};
    int fd = h->blocks[1];
    uint64_t damaged = 0;
    const struct sandbox_options options = {.data_dir = h->data_dir};
    (void)snprintf(folder, sizeof folder, "%s/archive", h->data_dir);
    arena_init(&scratch, READER_SCRATCH_BYTES);
    arena_init(&wanted.arena, 0);
    buf_init(&wanted.bytes, 2 * NEEDS_MAX);
    buf_init(&wanted.frame, FRAME_MAX);
    buf_init(&wanted.header, ARCHIVE_HEADER_MAX_BYTES);
    buf_init(&wanted.skipped, HUNT_SKIPS_MAX_BYTES);
    hunt_skips_init(&wanted.skips);
    archive_walk_init(&w);
    w.from = h->c->hunt.from;
    w.to = h->c->hunt.to;
    w.organisation = h->c->hunt.organisation;
    w.source = h->c->hunt.source;
    w.context = true;
    int rc = sqlite3_initialize() == SQLITE_OK ? cli_enter_data(&options, &e)
                                               : err_set(&e, ERR_IO, "SQLite could not start");
    rc = rc == 0 ? archive_reader_open(folder, &r, &e) : rc;
    rc = rc == 0 ? archive_walk_count(r, &w, &totals, &e) : rc;
    if (rc == 0) {
        send_totals(fd, &totals);
    }
    while (rc == 0) {
        struct archive_header header;
        struct span body;
        arena_reset(&scratch);
        take_needs(h, &wanted, &w);
        int next = archive_walk_next(r, &w, &scratch, &header, &body, &e);
        if (next > 0) {
            send_block(fd, &w, &wanted, &header, body);
        } else if (next == 0) {
            break;
        } else if (next == ERR_INVALID) {
            damaged++; /* a header that cannot be read */
        } else {
            rc = next;
        }
    }
    if (rc != 0) {
        child_fail(fd, &e);
    }
    struct buf b;
    buf_init(&b, HUNT_SKIPS_MAX_BYTES + 64);
    buf_u8(&b, FRAME_END);
    buf_u64(&b, damaged);
    hunt_skips_take(&wanted.skips, &b);
    frame_send(fd, &b);
    _exit(0);
}

/* ---- the looker: opens nothing ---- */

struct looker {
    struct here *h;
    struct hunt_run *run;
    struct buf out;
    uint64_t total;
    time_ns told;
};

static void tell_progress(struct looker *l)
{
    struct hunt_run_progress p;
    time_ns now = clock_mono();
    if (now - l->told < (time_ns)PROGRESS_MS * 1000000) {
        return;
    }
    l->told = now;
    hunt_run_progress(l->run, &p);
    buf_clear(&l->out);
    buf_u8(&l->out, FRAME_PROGRESS);
    buf_u64(&l->out, p.blocks);
    buf_u64(&l->out, l->total);
    buf_u64(&l->out, p.events);
    buf_u64(&l->out, p.matches);
    frame_send(l->h->answers[1], &l->out);
}

static void tell_needs(struct looker *l)
{
    struct buf needs;
    buf_init(&needs, NEEDS_MAX - 4);
    if (hunt_run_needs(l->run, &needs)) {
        buf_clear(&l->out);
        buf_str(&l->out, buf_view(&needs));
        cli_child_write(l->h->needs[1], buf_view(&l->out));
    }
    buf_free(&needs);
}

static int look_at(struct looker *l, struct cursor *c, struct err *e)
{
    struct archive_header header;
    bool context = cursor_u8(c) != 0;
    bool purged = cursor_u8(c) != 0;
    struct span skips = cursor_str(c);
    struct cursor head = cursor_of(cursor_str(c));
    struct span body = cursor_take(c, cursor_left(c));
    int rc = archive_header_decode(&head, &header, e);
    rc = rc == 0 ? hunt_run_skipped(l->run, skips, e) : rc;
    if (rc == 0) {
        hunt_run_block(l->run, &header, purged ? span_make(NULL, 0) : body,
                       context ? HUNT_BLOCK_CONTEXT : HUNT_BLOCK_COUNT);
        tell_progress(l);
        tell_needs(l);
    }
    return rc;
}

/* Until the last block. */
static int look(struct looker *l, struct err *e)
{
    struct buf frame;
    int rc = 0;
    bool ended = false;
    buf_init(&frame, FRAME_MAX);
    while (rc == 0 && !ended) {
        if (!frame_get(l->h->blocks[0], &frame)) {
            rc = err_set(e, ERR_CLOSED, "the process that reads the archive died");
            break;
        }
        struct cursor c = cursor_of(buf_view(&frame));
        uint8_t kind = cursor_u8(&c);
        if (kind == FRAME_TOTALS) {
            l->total = cursor_u64(&c);
            time_ns from = (time_ns)cursor_u64(&c);
            hunt_run_retained(l->run, from, (time_ns)cursor_u64(&c));
        } else if (kind == FRAME_BLOCK) {
            rc = look_at(l, &c, e);
        } else if (kind == FRAME_ERROR) {
            struct span text = cursor_take(&c, cursor_left(&c));
            rc = err_set(e, ERR_IO, "%.*s", SPAN_ARG(span_sub(text, 0, 700)));
        } else {
            hunt_run_damaged(l->run, cursor_u64(&c));
            rc = hunt_run_skipped(l->run, cursor_take(&c, cursor_left(&c)), e);
            ended = true;
        }
    }
    buf_free(&frame);
    return rc;
}

static _Noreturn void looker(struct here *h)
{
    struct err e = {0};
    struct looker l = {.h = h, .told = clock_mono()};
    log_init("hunt-worker", LOG_WARN);
    buf_init(&l.out, FRAME_MAX);
    const struct compiled *compiled = engine_map(&h->engine, &e);
    int rc = compiled == NULL ? ERR_INVALID : sandbox_enter(SANDBOX_SCAN_WORKER, &e);
    if (rc == 0) {
        const struct hunt_run_parts parts = {&h->c->hunt, compiled->catalog, compiled->ruleset,
                                             compiled->hunt};
        rc = hunt_run_new(&parts, &l.run, &e);
    }
    rc = rc == 0 ? look(&l, &e) : rc;
    if (rc != 0) {
        child_fail(h->answers[1], &e);
    }
    struct buf result;
    buf_init(&result, HUNT_RESULT_MAX);
    hunt_run_result(l.run, true, &result);
    buf_clear(&l.out);
    buf_u8(&l.out, result.failed ? FRAME_ERROR : FRAME_RESULT);
    buf_span(&l.out, result.failed ? SPAN("the result is too large") : buf_view(&result));
    frame_send(h->answers[1], &l.out);
    _exit(0);
}

/* ---- this process ---- */

static void add_text(struct here *h, struct span name, struct span text)
{
    vec_push(&h->engine.bundle.files, (struct bundle_file){BUNDLE_RULE, name, text});
}

static int compile(struct here *h, struct err *e)
{
    struct engine *en = &h->engine;
    const struct hunt *hunt = &h->c->hunt;
    struct span search;
    struct stat st;
    const char *own = arena_printf(&h->c->arena, "%s/sources", h->data_dir);
    int rc = engine_add(en, BUNDLE_SOURCE, NULL, 0, e);
    rc = rc == 0 && stat(own, &st) == 0 ? engine_add(en, BUNDLE_SOURCE, &own, 1, e) : rc;
    for (uint32_t i = 0; i < hunt->nrules; i++) {
        /* as the keeper names them: two may be called alike, and none is called as the search is */
        add_text(h, span_of(arena_printf(&h->c->arena, "%u/%.*s", i + 1, SPAN_ARG(hunt->rules[i].name))),
                 hunt->rules[i].text);
    }
    if (rc == 0 && hunt->search.len > 0) {
        rc = hunt_search_rule(hunt->search, &h->c->arena, &search, e);
        if (rc == 0) {
            add_text(h, SPAN(HUNT_SEARCH_NAME), search);
        }
    }
    const struct compile_options options = {.hunt = true};
    return rc == 0 ? engine_compile(en, &options, e) : rc;
}

static int write_document(struct span result, struct buf *document, struct err *e)
{
    struct arena scratch;
    struct hunt_result r;
    struct json_writer j;
    arena_init(&scratch, 0);
    int rc = hunt_result_decode(result, &scratch, &r, e);
    if (rc == 0) {
        json_writer_init(&j, document);
        json_object(&j);
        json_key(&j, "status");
        json_text(&j, span_of(hunt_status_name(HUNT_STATUS_DONE)));
        json_key(&j, "result");
        json_object(&j);
        hunt_result_json(&j, &r);
        json_end(&j);
        json_end(&j);
        rc = document->failed ? err_set(e, ERR_LIMIT, "the answer is too large") : 0;
    }
    arena_fini(&scratch);
    return rc;
}

static int carry(struct here *h, struct buf *document, struct err *e)
{
    struct buf frame;
    int rc = ERR_BUSY; /* goes on */
    buf_init(&frame, FRAME_MAX);
    while (rc == ERR_BUSY) {
        if (!frame_get(h->answers[0], &frame)) {
            rc = err_set(e, ERR_CLOSED, "the process that looks at the records died");
            break;
        }
        struct cursor c = cursor_of(buf_view(&frame));
        uint8_t kind = cursor_u8(&c);
        struct span rest = span_make(c.ptr, cursor_left(&c));
        if (kind == FRAME_PROGRESS) {
            int64_t blocks = (int64_t)cursor_u64(&c);
            int64_t total = (int64_t)cursor_u64(&c);
            int64_t events = (int64_t)cursor_u64(&c);
            hunt_show_progress(h->c, blocks, total, events, (int64_t)cursor_u64(&c));
        } else if (kind == FRAME_RESULT) {
            rc = write_document(rest, document, e);
        } else {
            rc = err_set(e, ERR_IO, "%.*s", SPAN_ARG(span_sub(rest, 0, 700)));
        }
    }
    buf_free(&frame);
    return rc;
}

static pid_t start(struct here *h, void (*work)(struct here *h), const int *keep)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        const int all[] = {h->blocks[0], h->blocks[1], h->answers[0], h->answers[1], h->needs[0], h->needs[1]};
        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
            if (all[i] != keep[0] && all[i] != keep[1] && all[i] != keep[2]) {
                (void)close(all[i]);
            }
        }
        work(h);
        _exit(127); /* work never returns */
    }
    return pid;
}

static void run_reader(struct here *h)
{
    reader(h);
}

static void run_looker(struct here *h)
{
    looker(h);
}

int hunt_here(struct hunt_command *c, const char *data_dir, struct buf *document, struct err *e)
{
    struct here h = {.c = c, .data_dir = data_dir, .blocks = {-1, -1}, .answers = {-1, -1}, .needs = {-1, -1}};
    engine_init(&h.engine);
    (void)signal(SIGPIPE, SIG_IGN);
    int rc = compile(&h, e);
    if (rc == 0 && (pipe(h.blocks) != 0 || pipe(h.answers) != 0 || pipe(h.needs) != 0 ||
                    fcntl(h.needs[0], F_SETFL, O_NONBLOCK) != 0)) {
        rc = err_set_errno(e, ERR_IO, errno, "pipe");
    }
    if (rc == 0) {
        const int reads[] = {h.blocks[1], h.needs[0], h.needs[0]};
        const int looks[] = {h.blocks[0], h.answers[1], h.needs[1]};
        pid_t pids[2] = {start(&h, run_reader, reads), start(&h, run_looker, looks)};
        (void)close(h.blocks[0]);
        (void)close(h.blocks[1]);
        (void)close(h.answers[1]);
        (void)close(h.needs[0]);
        (void)close(h.needs[1]);
        rc = pids[0] < 0 || pids[1] < 0 ? err_set_errno(e, ERR_IO, errno, "fork")
                                        : carry(&h, document, e);
        (void)close(h.answers[0]);
        for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
            while (pids[i] > 0 && waitpid(pids[i], NULL, 0) < 0 && errno == EINTR) {
            }
        }
    }
    engine_free(&h.engine);
    return rc;
}
