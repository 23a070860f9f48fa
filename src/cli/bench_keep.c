/* SPDX-License-Identifier: EUPL-1.2 */
/* The feed into day files: see bench_archive.h. The packing process parses and opens nothing; the keeping one never parses. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/block.h"
#include "archive/filter.h"
#include "archive/merge.h"
#include "archive/walk.h"
#include "archive/window.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/bench_archive.h"
#include "cli/bench_priv.h"
#include "cli/child.h"
#include "os/sandbox.h"
#include "roles/window_codec.h"

enum {
    FRAME_MAX = WINDOW_MESSAGE_MAX + 1,
    FULL_RATE = 42000,   /* events a second on the records' clock when windows are always full */
    LABEL_MIN = 3,       /* bytes of a host's name before its domain: shorter ones are words of other things, too */
    LABEL_MAX = 63,      /* RFC 1035 2.3.4 */
    FIRST_DAY = 20779,   /* 2026-11-22: the same windows and days on every run */
};

enum frame { FRAME_WINDOW, FRAME_FIGURES, FRAME_ERROR };

struct keep_job {
    const struct bench_options *o;
    const struct engine *engine;
    const char *data_dir;
    bool merge;
};

/* ---- packing ---- */

struct packing {
    struct bench b;
    struct window *window;
    struct bench_kept figures;
    struct buf frame;
    int fd;
};

static void send_frame(int fd, enum frame kind, struct span body)
{
    char head[5];
    uint32_t n = (uint32_t)body.len + 1;
    memcpy(head, &n, 4);
    head[4] = (char)kind;
    cli_child_write(fd, span_make(head, sizeof head));
    cli_child_write(fd, body);
}

/* The same name on each host: letters become other letters, digits other digits. */
static void other_name(char *name, size_t n, uint64_t host)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t state = host * LABEL_MAX + i;
        uint64_t r = bench_random(&state);
        char c = name[i];
        if (c >= '0' && c <= '9') {
            name[i] = (char)('0' + r % 10);
        } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            name[i] = (char)((c >= 'a' ? 'a' : 'A') + r % 26);
        }
    }
}

/* Puts the record on that host, wherever it names its own; left as it is when that makes it another kind of event. */
static void move_host(struct bench *b, const struct bench_record *r, uint64_t host)
{
    class_id class = bench_class(b, r);
    struct span name = class == CLASS_NONE ? span_make(NULL, 0) : event_entity(&b->ev, ENTITY_HOST);
    ptrdiff_t dot = name.len == 0 ? -1 : span_find(name, '.');
    name = dot < 0 ? name : span_sub(name, 0, (size_t)dot);
    if (name.len < LABEL_MIN || name.len > LABEL_MAX) {
        return;
    }
    char own[LABEL_MAX];
    char made[LABEL_MAX];
    size_t n = name.len;
    char *text = b->bytes.data + r->at;
    memcpy(own, name.ptr, n);
    memcpy(made, own, n);
    other_name(made, n, host);
    struct span was = arena_copy(&b->temp, span_make(text, r->len));
    for (char *at = text; (at = memmem(at, (size_t)(text + r->len - at), own, n)) != NULL; at += n) {
        memcpy(at, made, n);
    }
    if (bench_class(b, r) != class) {
        memcpy(text, was.ptr, was.len);
    }
    arena_reset(&b->temp);
}

static void seal(struct packing *p)
{
    struct archive_window w = {.intake = 1, .id = ++p->figures.windows};
    window_seal(p->window, &w.blocks, &w.nblocks);
    w.received = w.blocks[0].header.received_max;
    p->figures.blocks += w.nblocks;
    buf_clear(&p->frame);
    window_encode(&p->frame, &w);
    CHECK(!p->frame.failed);
    send_frame(p->fd, FRAME_WINDOW, buf_view(&p->frame));
    window_reset(p->window);
}

static enum normalise_result read_at(struct packing *p, size_t i, time_ns received, struct stream **st_out)
{
    struct err e;
    struct stream *st = &p->b.streams.data[p->b.records.data[i].stream];
    event_clear(&p->b.ev);
    st->received = received;
    *st_out = st;
    return normalise(p->b.normaliser, st, bench_record_at(&p->b, i), &p->b.ev, &e);
}

static time_ns received_at(const struct packing *p, size_t i)
{
    uint64_t rate = p->b.o->rate == 0 ? FULL_RATE : p->b.o->rate;
    return (time_ns)FIRST_DAY * TIME_DAY + (time_ns)((double)i * 1e9 / (double)rate);
}

/* As intake keeps it (roles/intake_event.c). */
static void keep_at(struct packing *p, size_t i)
{
    const struct catalog *catalog = p->b.compiled->catalog;
    struct event *ev = &p->b.ev;
    struct stream *st = NULL;
    time_ns received = received_at(p, i);
    enum normalise_result result = read_at(p, i, received, &st);
    bool classed = ev->class_id < catalog->nclasses;
    struct archive_record r = {
        .organisation = SPAN("bench"),
        .source = SPAN("bench"),
        .class_name = classed ? catalog->classes[ev->class_id].name : SPAN(""),
        .host = classed ? event_entity(ev, ENTITY_HOST) : SPAN(""),
        .time = result == NORMALISE_HEADER ? received : ev->time,
        .received = received,
        .flags = ev->tags | normalise_flag(st->format),
        .original = bench_record_at(&p->b, i),
    };
    if (!window_fits(p->window, &r)) {
        seal(p);
    }
    (void)window_add(p->window, &r);
}

static void pack_all(struct packing *p)
{
    struct bench *b = &p->b;
    struct stream *st = NULL;
    time_ns due = 0;
    for (size_t i = 0; i < b->records.len && b->o->hosts > 0; i++) {
        move_host(b, &b->records.data[i], i % b->o->hosts);
    }
    double from = bench_now_cpu();
    for (size_t i = 0; i < b->records.len; i++) {
        (void)read_at(p, i, received_at(p, i), &st);
    }
    p->figures.parse_s = bench_now_cpu() - from;
    from = bench_now_cpu();
    for (size_t i = 0; i < b->records.len; i++) {
        if (b->o->rate > 0 && window_count(p->window) > 0 && received_at(p, i) >= due) {
            seal(p);
        }
        if (window_count(p->window) == 0) {
            due = received_at(p, i) + (time_ns)WINDOW_MAX_MS * 1000000;
        }
        keep_at(p, i);
        p->figures.bytes += b->records.data[i].len;
    }
    seal(p);
    p->figures.pack_s = bench_now_cpu() - from - p->figures.parse_s;
    p->figures.events = b->records.len;
}

static _Noreturn void packer(const struct keep_job *job, int fd)
{
    static struct packing p;
    struct err e = {0};
    p.b.o = job->o;
    p.fd = fd;
    int rc = bench_prepare(&p.b, job->engine, &e);
    for (size_t i = 0; rc == 0 && i < p.b.streams.len; i++) {
        if (p.b.streams.data[i].format == FORMAT_EVTX) {
            rc = err_set(&e, ERR_UNSUPPORTED, "event log files are not measured here: name logs of lines or JSON records");
        }
    }
    if (rc == 0) {
        p.window = window_new((int)job->o->level);
        buf_init(&p.frame, WINDOW_MESSAGE_MAX);
        pack_all(&p);
        send_frame(fd, FRAME_FIGURES, span_make((const char *)&p.figures, sizeof p.figures));
    } else {
        send_frame(fd, FRAME_ERROR, span_of(e.text));
    }
    _exit(0);
}

/* ---- keeping ---- */

struct keeping {
    struct bench_kept k;
    char folder[PATH_MAX];
    struct archive *archive;
    int fd;
    uint64_t records;
};

static bool read_whole(int fd, char *to, size_t n)
{
    while (n > 0) {
        ssize_t got = read(fd, to, n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        to += got;
        n -= (size_t)got;
    }
    return true;
}

static int keep_window(struct keeping *g, struct span body, struct err *e)
{
    struct arena scratch;
    struct archive_window w;
    struct archive_kept kept;
    arena_init(&scratch, 0);
    double cpu = bench_now_cpu();
    time_ns wall = clock_mono();
    int rc = window_decode(body, &scratch, &w, e);
    rc = rc == 0 ? archive_write(g->archive, &w, &kept, e) : rc;
    g->k.write_s += bench_now_cpu() - cpu;
    g->k.write_wall_s += (double)(clock_mono() - wall) / 1e9;
    for (size_t i = 0; rc == 0 && i < w.nblocks; i++) {
        g->records += w.blocks[i].header.count;
    }
    arena_fini(&scratch);
    return rc;
}

/* All windows; then what the packing process measured. */
static int keep_all(struct keeping *g, struct err *e)
{
    char *frame = mem_alloc(FRAME_MAX);
    int rc = ERR_BUSY; /* goes on */
    while (rc == ERR_BUSY) {
        uint32_t n = 0;
        if (!read_whole(g->fd, (char *)&n, sizeof n) || n == 0 || n > FRAME_MAX || !read_whole(g->fd, frame, n)) {
            rc = err_set(e, ERR_CLOSED, "the packing process ended early");
            break;
        }
        struct span body = span_make(frame + 1, n - 1);
        if (frame[0] == FRAME_WINDOW) {
            rc = keep_window(g, body, e);
            rc = rc == 0 ? ERR_BUSY : rc;
        } else if (frame[0] == FRAME_FIGURES && body.len == sizeof g->k) {
            double cpu = g->k.write_s;
            double wall = g->k.write_wall_s;
            memcpy(&g->k, body.ptr, sizeof g->k);
            g->k.write_s = cpu;
            g->k.write_wall_s = wall;
            rc = 0;
        } else {
            rc = err_set(e, ERR_INVALID, "%.*s", SPAN_ARG(span_sub(body, 0, 400)));
        }
    }
    mem_free(frame);
    if (rc == 0 && g->records != g->k.events) {
        rc = err_set(e, ERR_INVALID, "%llu of %llu events were kept", (unsigned long long)g->records,
                     (unsigned long long)g->k.events);
    }
    return rc;
}

static int64_t pragma(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t n = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
        n = sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_finalize(s);
    return n;
}

/* Bytes of pages in use, of all day files: what merging left free goes back to the disk once the day is over. */
static int used_bytes(const char *folder, uint64_t *out, struct err *e)
{
    DIR *dir = opendir(folder);
    int rc = dir == NULL ? err_set_errno(e, ERR_IO, errno, "%s", folder) : 0;
    *out = 0;
    for (struct dirent *d; rc == 0 && (d = readdir(dir)) != NULL;) {
        char path[PATH_MAX];
        sqlite3 *db = NULL;
        if (!span_ends(span_of(d->d_name), SPAN(".db"))) {
            continue;
        }
        int n = snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        bool good = n < (int)sizeof path && sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK;
        int64_t pages = good ? pragma(db, "PRAGMA page_count") - pragma(db, "PRAGMA freelist_count") : -1;
        int64_t size = good ? pragma(db, "PRAGMA page_size") : -1;
        if (pages < 0 || size < 0) {
            rc = err_set(e, ERR_IO, "%s: its size cannot be read", d->d_name);
        } else {
            *out += (uint64_t)pages * (uint64_t)size;
        }
        (void)sqlite3_close(db);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return rc;
}

static bool explains(const struct archive_record *r)
{
    enum source_format format = FORMAT_ZEEK;
    return !normalise_flag_format(r->flags, &format) || format == FORMAT_ZEEK;
}

static int merge_day(struct keeping *g, struct archive_reader *r, int32_t day, struct err *e)
{
    const struct merge_options o = {.level = MERGE_LEVEL, .wait_bytes = MERGE_STRETCH_BYTES, .closed = true, .explains = explains};
    struct merge *m = NULL;
    int rc = 0;
    while ((rc = archive_merge_prepare(r, day, &o, &m, e)) == 1) {
        struct merge_totals t;
        archive_merge_totals(m, &t);
        rc = archive_merge_commit(g->archive, m, e);
        archive_merge_free(&m);
        if (rc != 0) {
            break;
        }
        g->k.packs += t.packs;
        g->k.filters += t.filters;
        g->k.filter_bytes += t.filter_bytes;
    }
    return rc;
}

static int merge_all(struct keeping *g, struct err *e)
{
    struct archive_reader *r = NULL;
    struct arena list;
    int32_t *days = NULL;
    size_t n = 0;
    arena_init(&list, 0);
    double from = bench_now_cpu();
    int rc = archive_reader_open(g->folder, &r, e);
    rc = rc == 0 ? archive_days(r, &list, &days, &n, e) : rc;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = merge_day(g, r, days[i], e);
    }
    archive_reader_close(&r);
    arena_fini(&list);
    g->k.merge_s = bench_now_cpu() - from;
    return rc;
}

/* Makes every block's filter once more, and nothing else on the clock. */
static int time_filters(struct keeping *g, struct err *e)
{
    struct archive_reader *r = NULL;
    struct archive_walk w;
    struct archive_header h;
    struct block block;
    struct span body;
    struct arena scratch;
    struct buf out;
    struct filter_builder *f = filter_builder_new();
    arena_init(&scratch, 1 << 20);
    buf_init(&out, FILTER_MAX_BYTES);
    archive_walk_init(&w);
    int rc = archive_reader_open(g->folder, &r, e);
    while (rc == 0 && (rc = archive_walk_next(r, &w, &scratch, &h, &body, e)) == 1) {
        rc = block_unpack(&h, body, &scratch, &block, e);
        double from = bench_now_cpu();
        for (size_t i = 0; rc == 0 && i < block.count; i++) {
            filter_add(f, block.records[i].original);
        }
        (void)!filter_finish(f, &out); /* only its time counts */
        g->k.filter_s += bench_now_cpu() - from;
        buf_clear(&out);
        arena_reset(&scratch);
    }
    archive_reader_close(&r);
    filter_builder_free(&f);
    buf_free(&out);
    arena_fini(&scratch);
    return rc;
}

static int keep(struct keeping *g, const struct keep_job *job, struct err *e)
{
    const struct sandbox_options options = {.data_dir = job->data_dir};
    int n = snprintf(g->folder, sizeof g->folder, "%s/archive", job->data_dir);
    int rc = n < (int)sizeof g->folder && sqlite3_initialize() == SQLITE_OK ? sandbox_enter_with(SANDBOX_KEEPER, &options, e)
                                                                            : err_set(e, ERR_IO, "SQLite could not start");
    rc = rc == 0 ? archive_open(g->folder, &g->archive, e) : rc;
    rc = rc == 0 ? keep_all(g, e) : rc;
    archive_close(&g->archive);
    rc = rc == 0 ? used_bytes(g->folder, &g->k.kept_bytes, e) : rc;
    if (rc != 0 || !job->merge) {
        return rc;
    }
    rc = archive_open(g->folder, &g->archive, e);
    rc = rc == 0 ? merge_all(g, e) : rc;
    archive_close(&g->archive);
    rc = rc == 0 ? used_bytes(g->folder, &g->k.merged_bytes, e) : rc;
    return rc == 0 ? time_filters(g, e) : rc;
}

static void keeper(void *arg, int out)
{
    static struct keeping g;
    const struct keep_job *job = arg;
    struct err e = {0};
    int ends[2];
    int rc = pipe(ends) == 0 ? 0 : err_set_errno(&e, ERR_IO, errno, "pipe");
    pid_t pid = rc == 0 ? fork() : -1;
    if (pid == 0) {
        (void)close(ends[0]);
        (void)close(out);
        packer(job, ends[1]);
    }
    rc = rc == 0 && pid < 0 ? err_set_errno(&e, ERR_IO, errno, "fork") : rc;
    if (rc == 0) {
        (void)close(ends[1]);
        g.fd = ends[0];
        rc = keep(&g, job, &e);
    }
    if (rc != 0) {
        (void)snprintf(g.k.error, sizeof g.k.error, "%.100s%s%.350s", e.where, e.where[0] == '\0' ? "" : ": ", e.text);
    }
    cli_child_write(out, span_make((const char *)&g.k, sizeof g.k));
    _exit(0);
}

int bench_keep(const struct bench_options *o, const struct engine *engine, const char *data_dir, bool merge,
               struct bench_kept *out, struct err *e)
{
    struct keep_job job = {o, engine, data_dir, merge};
    struct buf answer;
    int status = 0;
    for (size_t i = 0; i < o->nfds; i++) {
        (void)lseek(o->fds[i], 0, SEEK_SET); /* read before, in another round */
    }
    buf_init(&answer, 1 << 20);
    int rc = cli_child(keeper, &job, "the keeping process", &answer, &status, e);
    if (rc == 0 && (answer.len != sizeof *out || status != 0)) {
        rc = err_set(e, ERR_IO, "the keeping process ended early (status %d)", status);
    }
    if (rc == 0) {
        memcpy(out, answer.data, sizeof *out);
        out->error[sizeof out->error - 1] = '\0';
        rc = out->error[0] == '\0' ? 0 : err_set(e, ERR_INVALID, "%s", out->error);
    }
    buf_free(&answer);
    return rc;
}

void bench_json_head(struct json_writer *j, struct span name, const struct bench_options *o, const struct bench_text *t)
{
    json_object(j);
    json_key(j, "bench");
    json_text(j, name);
    json_key(j, "feed");
    json_text(j, o->interleaved ? SPAN("interleaved") : SPAN("contiguous"));
    json_key(j, "build");
    json_text(j, span_of(t->build));
    json_key(j, "cpu");
    json_text(j, span_of(t->cpu));
}
