/* SPDX-License-Identifier: EUPL-1.2 */
/* The caged child that measures: loads all records into memory in feed order, then runs timed rounds. */
#include "cli/bench_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/record_reader.h"
#include "os/sandbox.h"

#define MEET_MAX (600 * TIME_SECOND)
/* Where the processes of one measurement wait for each other and put what they found; shared memory. */
struct meeting {
    _Atomic uint32_t arrived;
    struct bench_result results[BENCH_CORES_MAX];
};

/* Until all have arrived as often as this one. A process that died is not waited for for ever. */
static void meet(struct bench *b)
{
    if (b->o->cores == 1) {
        return;
    }
    time_ns until = clock_mono() + MEET_MAX;
    uint32_t target = (atomic_fetch_add(&b->meeting->arrived, 1) / b->o->cores + 1) * b->o->cores;
    while (atomic_load(&b->meeting->arrived) < target) {
        if (clock_mono() > until) {
            _exit(1);
        }
        (void)sched_yield();
    }
}

double bench_now_cpu(void)
{
    struct timespec ts;
    MUST(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts));
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void keep(struct bench *b, struct span record)
{
    struct bench_record at = {b->bytes.len, (uint32_t)record.len, (uint32_t)b->streams.len - 1, 0};
    buf_span(&b->bytes, record);
    buf_u8(&b->bytes, '\n');
    vec_push(&b->records, at);
}

static int load_file(struct bench *b, int fd, struct err *e)
{
    struct record_reader r;
    struct stream st;
    int rc = record_reader_open(&r, fd, 255, e);
    if (rc != 0) {
        return rc;
    }
    stream_init(&st);
    st.declared = -1;
    st.format = r.format;
    st.evtx = b->evtx;
    vec_push(&b->streams, st);
    for (uint64_t chunks = 0;;) {
        struct span record;
        uint64_t offset;
        enum record_result res = record_next(&r, &record, &offset, e);
        if (res == RECORD_END) {
            break;
        }
        if (res == RECORD_FAILED) {
            rc = e->code;
            break;
        }
        if (r.format != FORMAT_EVTX) {
            keep(b, record);
        } else if (r.chunks > chunks) {
            chunks = r.chunks;
            keep(b, span_make(r.window.data + r.at, r.chunk_bytes));
        }
        if (b->records.len > 0 && res != RECORD_DAMAGE) {
            b->records.data[b->records.len - 1].events++;
        }
    }
    record_reader_close(&r);
    return b->bytes.failed ? err_set(e, ERR_LIMIT, "the inputs do not fit into memory") : rc;
}

/* Shuffles the records over all files, as a collector of many hosts would see them. */
static void shuffle(struct bench *b)
{
    uint64_t state = b->o->seed;
    for (size_t i = b->records.len; i > 1; i--) {
        size_t k = (size_t)(bench_random(&state) % i);
        struct bench_record t = b->records.data[i - 1];
        b->records.data[i - 1] = b->records.data[k];
        b->records.data[k] = t;
    }
}

/*
 * The records one behind the other in their order and nothing between them: the reader fetches ahead, and with several
 * cores what follows must not be another's, as it is not in an intake.
 */
static void lay_out(struct bench *b)
{
    struct buf sorted;
    buf_init(&sorted, b->bytes.len + 64);
    for (size_t i = 0; i < b->records.len; i++) {
        struct bench_record *r = &b->records.data[i];
        size_t at = sorted.len;
        buf_put(&sorted, b->bytes.data + r->at, r->len + 1);
        r->at = at;
    }
    buf_free(&b->bytes);
    b->bytes = sorted;
}

struct span bench_record_at(const struct bench *b, size_t i)
{
    return span_make(b->bytes.data + b->records.data[i].at, b->records.data[i].len);
}

class_id bench_class(struct bench *b, const struct bench_record *r)
{
    struct err e;
    struct span text = span_make(b->bytes.data + r->at, r->len);
    event_clear(&b->ev);
    if (b->streams.data[r->stream].format == FORMAT_EVTX) {
        return CLASS_NONE; /* a chunk of many */
    }
    enum normalise_result res = normalise(b->normaliser, &b->streams.data[r->stream], text, &b->ev, &e);
    return res == NORMALISE_EVENT ? b->ev.class_id : CLASS_NONE;
}

/* Whether an event of this class counts for rules of this category. */
static bool has_category(const struct bench *b, class_id c, struct span category)
{
    for (; c != CLASS_NONE; c = b->compiled->catalog->classes[c].also) {
        const struct event_class *x = &b->compiled->catalog->classes[c];
        for (uint32_t i = 0; i < x->nsources; i++) {
            if (span_eq(x->sources[i].category, category)) {
                return true;
            }
        }
    }
    return false;
}

static int keep_only(struct bench *b, struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < b->records.len; i++) {
        if (has_category(b, bench_class(b, &b->records.data[i]), span_of(b->o->only))) {
            b->records.data[n++] = b->records.data[i];
        }
    }
    b->records.len = n;
    return n > 0 ? 0 : err_set(e, ERR_NOT_FOUND, "no event of category \"%s\" in the files given", b->o->only);
}

/* Changes one record as the options say; what would change its class is left as it was. */
static void change(struct bench *b, struct bench_vary *v, const struct bench_record *r)
{
    struct span text = span_make(b->bytes.data + r->at, r->len);
    class_id before = bench_class(b, r);
    struct span was = arena_copy(&b->temp, text);
    if (b->o->vary > 0) {
        bench_vary(v, text);
    }
    if (b->o->unique) {
        bench_make_unique(v, text);
    }
    if (bench_class(b, r) != before) {
        memcpy(b->bytes.data + r->at, was.ptr, was.len);
    }
    arena_reset(&b->temp);
}

/* n records made from those there are, in turn. */
static int remake(struct bench *b, size_t n, struct err *e)
{
    struct bench_vary v = {.random = b->o->seed};
    struct buf made;
    size_t real = b->records.len;
    arena_init(&v.scratch, 1 << 20);
    buf_init(&made, (size_t)16 << 30);
    for (size_t i = 0; i < n; i++) {
        struct bench_record r = b->records.data[i % real];
        size_t at = made.len;
        buf_put(&made, b->bytes.data + r.at, r.len + 1);
        r.at = at;
        vec_push(&b->records, r); /* behind the real ones for now */
    }
    memmove(b->records.data, b->records.data + real, n * sizeof *b->records.data);
    b->records.len = n;
    buf_free(&b->bytes);
    b->bytes = made;
    for (size_t i = 0; i < n && !made.failed; i++) {
        change(b, &v, &b->records.data[i]);
    }
    arena_fini(&v.scratch);
    return made.failed ? err_set(e, ERR_LIMIT, "the events made do not fit into memory") : 0;
}

/* Every cores-th record is this process's. */
static void keep_share(struct bench *b)
{
    size_t n = 0;
    for (size_t i = b->part; i < b->records.len; i += b->o->cores) {
        b->records.data[n++] = b->records.data[i];
    }
    b->records.len = n;
}

static int load(struct bench *b, struct err *e)
{
    int rc = 0;
    buf_init(&b->bytes, (size_t)16 << 30);
    for (size_t i = 0; i < b->o->nfds && rc == 0; i++) {
        rc = load_file(b, b->fds[i], e);
    }
    if (rc == 0 && b->records.len == 0) {
        rc = err_set(e, ERR_NOT_FOUND, "no records in the files given");
    }
    rc = rc == 0 && b->o->only != NULL ? keep_only(b, e) : rc;
    if (rc == 0 && b->o->interleaved) {
        shuffle(b);
    }
    if (rc == 0 && (b->o->vary > 0 || b->o->unique)) {
        rc = remake(b, b->o->vary > 0 ? b->o->vary : b->records.len, e);
    }
    if (rc == 0) {
        keep_share(b);
        if (b->o->interleaved || b->o->only != NULL || b->o->cores != 1) {
            lay_out(b);
        }
        for (size_t i = 0; i < b->records.len; i++) {
            b->share_bytes += b->records.data[i].len + 1;
            b->events += b->records.data[i].events;
        }
    }
    return rc;
}

/* A record into the event, and if asked every rule on it. */
static void read_record(struct bench *b, struct stream *st, struct span record, bool detect)
{
    const struct match *found;
    struct err e;
    event_clear(&b->ev);
    if (normalise(b->normaliser, st, record, &b->ev, &e) != NORMALISE_HEADER && detect) {
        b->matches += matcher_run(b->matcher, &b->ev, &found);
    }
}

static void read_chunk(struct bench *b, struct stream *st, struct span chunk, bool detect)
{
    struct span record;
    struct err e;
    enum evtx_next next;
    (void)evtx_chunk(b->evtx, chunk, true, &e);
    while ((next = evtx_record_next(b->evtx, &record, &e)) != EVTX_RECORDS_END) {
        if (next == EVTX_RECORD) {
            read_record(b, st, record, detect);
        }
    }
}

static void round_parse(struct bench *b)
{
    struct err e;
    for (size_t i = 0; i < b->records.len; i++) {
        struct stream *st = &b->streams.data[b->records.data[i].stream];
        if (st->format == FORMAT_JSON || st->format == FORMAT_ZEEKJSON) {
            event_clear(&b->ev);
            (void)!json_read(&b->ev.leaves, b->compiled->catalog->keys, KEY_ROOT, bench_record_at(b, i), &e);
        } else if (st->format == FORMAT_EVTX) {
            read_chunk(b, st, bench_record_at(b, i), false);
        } else {
            read_record(b, st, bench_record_at(b, i), false);
        }
    }
}

static void round_detect(struct bench *b)
{
    b->matches = 0;
    for (size_t i = 0; i < b->records.len; i++) {
        struct stream *st = &b->streams.data[b->records.data[i].stream];
        if (st->format == FORMAT_EVTX) {
            read_chunk(b, st, bench_record_at(b, i), true);
        } else {
            read_record(b, st, bench_record_at(b, i), true);
        }
    }
}

static int by_cpu(const void *x, const void *y)
{
    const struct bench_figure *a = x;
    const struct bench_figure *b = y;
    return (a->cpu_s > b->cpu_s) - (a->cpu_s < b->cpu_s);
}

static struct bench_figure timed(struct bench *b, void (*round)(struct bench *))
{
    struct bench_figure all[BENCH_ROUNDS_MAX] = {0};
    round(b); /* warm: caches, arenas, the first page faults */
    for (unsigned i = 0; i < b->o->rounds; i++) {
        meet(b);
        double cpu = bench_now_cpu();
        time_ns wall = clock_mono();
        round(b);
        meet(b); /* wall: until the last one is through */
        all[i] = (struct bench_figure){bench_now_cpu() - cpu, (double)(clock_mono() - wall) / 1e9, 0};
    }
    qsort(all, b->o->rounds, sizeof all[0], by_cpu);
    all[b->o->rounds / 2].best_s = all[0].cpu_s;
    return all[b->o->rounds / 2];
}

int bench_prepare(struct bench *b, const struct engine *engine, struct err *e)
{
    b->compiled = engine_map(engine, e);
    if (b->compiled == NULL) {
        return e->code;
    }
    if (b->o->nfds > BENCH_FILES_MAX) {
        return err_set(e, ERR_LIMIT, "more than %d files", (int)BENCH_FILES_MAX);
    }
    for (size_t i = 0; i < b->o->nfds; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", b->o->fds[i]);
        b->fds[i] = b->o->cores == 1 ? b->o->fds[i] : open(path, O_RDONLY | O_CLOEXEC);
        if (b->fds[i] < 0) {
            return err_set_errno(e, ERR_IO, errno, "a file to be read again");
        }
    }
    int rc = sandbox_enter(SANDBOX_SCAN_WORKER, e);
    if (rc != 0) {
        return rc;
    }
    arena_init(&b->temp, 1 << 20);
    b->normaliser = normaliser_new(b->compiled->catalog);
    b->matcher = matcher_new(b->compiled->ruleset, b->compiled->catalog, e);
    b->evtx = evtx_new();
    event_init(&b->ev, b->compiled->catalog);
    return b->matcher == NULL ? e->code : load(b, e);
}

static int run(struct bench *b, const struct engine *engine, struct bench_result *r, struct err *e)
{
    struct rusage usage;
    struct matcher_stats stats;
    int rc = bench_prepare(b, engine, e);
    if (rc != 0) {
        return rc;
    }
    r->events = b->events;
    r->bytes = b->share_bytes;
    r->rules = ruleset_nrules(b->compiled->ruleset);
    r->parse = timed(b, round_parse);
    if (b->o->what == BENCH_DETECT) {
        r->detect = timed(b, round_detect);
        r->matches = b->matches;
        matcher_stats(b->matcher, &stats);
        r->candidates = stats.candidates / (b->o->rounds + 1);
    }
    MUST(getrusage(RUSAGE_SELF, &usage));
    r->peak_rss = (uint64_t)usage.ru_maxrss * 1024;
    return 0;
}

static void add_figure(struct bench_figure *to, const struct bench_figure *f)
{
    to->cpu_s += f->cpu_s;
    to->best_s += f->best_s;
    to->wall_s = f->wall_s > to->wall_s ? f->wall_s : to->wall_s;
}

/* All processes' results as one: CPU and counts added up, wall of the longest. */
static void join_results(const struct meeting *m, unsigned cores, struct bench_result *out)
{
    *out = m->results[0];
    for (unsigned i = 1; i < cores; i++) {
        const struct bench_result *r = &m->results[i];
        out->events += r->events;
        out->bytes += r->bytes;
        out->matches += r->matches;
        out->candidates += r->candidates;
        out->peak_rss += r->peak_rss;
        add_figure(&out->parse, &r->parse);
        add_figure(&out->detect, &r->detect);
        if (r->error[0] != '\0') {
            memcpy(out->error, r->error, sizeof out->error);
        }
    }
}

_Noreturn void bench_child(const struct bench_options *o, const struct engine *engine, int out)
{
    static struct bench b;
    struct bench_result all;
    struct err e = {0};
    b.o = o;
    b.meeting = mmap(NULL, sizeof *b.meeting, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(b.meeting != MAP_FAILED);
    while (b.part + 1 < o->cores && fork() == 0) {
        b.part++; /* each begins the next: what is left is a chain of one process per core */
    }
    struct bench_result *r = &b.meeting->results[b.part];
    if (run(&b, engine, r, &e) != 0) {
        memcpy(r->error, e.text, sizeof r->error - 1);
        _exit(b.part == 0 && write(out, r, sizeof *r) == (ssize_t)sizeof *r ? 0 : 1);
    }
    meet(&b);
    if (b.part != 0) {
        _exit(0);
    }
    join_results(b.meeting, o->cores, &all);
    ssize_t n = write(out, &all, sizeof all);
    _exit(n == (ssize_t)sizeof all ? 0 : 1);
}
