/* SPDX-License-Identifier: EUPL-1.2 */
/* The caged child that measures: loads all records into memory in feed order, then runs timed rounds. */
#include "cli/bench.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/record_reader.h"
#include "flow/normalise/normalise.h"
#include "os/sandbox.h"

/* A record; of event log files a chunk, since its records need its templates. */
struct record {
    size_t at;
    uint32_t len;
    uint32_t stream; /* index into streams */
};

struct bench {
    const struct bench_options *o;
    struct buf bytes; /* all records, in feed order once shuffled */
    VEC(struct record) records;
    VEC(struct stream) streams;
    const struct compiled *compiled;
    struct normaliser *normaliser;
    struct matcher *matcher;
    struct event ev;
    struct evtx *evtx; /* reads the chunk at hand */
    uint64_t events;
    uint64_t matches;
};

static double now_cpu(void)
{
    struct timespec ts;
    MUST(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts));
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* splitmix64: a fixed, well-mixed sequence per seed, so that a feed can be made again anywhere. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void keep(struct bench *b, struct span record)
{
    struct record at = {b->bytes.len, (uint32_t)record.len, (uint32_t)b->streams.len - 1};
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
        b->events += res != RECORD_DAMAGE;
    }
    record_reader_close(&r);
    return b->bytes.failed ? err_set(e, ERR_LIMIT, "the inputs do not fit into memory") : rc;
}

/* Records shuffled over all files and laid out again in that order, as a collector of many hosts would see them. */
static void interleave(struct bench *b)
{
    uint64_t state = b->o->seed;
    struct buf sorted;
    for (size_t i = b->records.len; i > 1; i--) {
        size_t k = (size_t)(next_random(&state) % i);
        struct record t = b->records.data[i - 1];
        b->records.data[i - 1] = b->records.data[k];
        b->records.data[k] = t;
    }
    buf_init(&sorted, b->bytes.len + 64);
    for (size_t i = 0; i < b->records.len; i++) {
        struct record *r = &b->records.data[i];
        size_t at = sorted.len;
        buf_put(&sorted, b->bytes.data + r->at, r->len + 1);
        r->at = at;
    }
    buf_free(&b->bytes);
    b->bytes = sorted;
}

static int load(struct bench *b, struct err *e)
{
    int rc = 0;
    buf_init(&b->bytes, (size_t)16 << 30);
    for (size_t i = 0; i < b->o->nfds && rc == 0; i++) {
        rc = load_file(b, b->o->fds[i], e);
    }
    if (rc == 0 && b->records.len == 0) {
        rc = err_set(e, ERR_NOT_FOUND, "no records in the files given");
    }
    if (rc == 0 && b->o->interleaved) {
        interleave(b);
    }
    return rc;
}

static struct span record_at(const struct bench *b, size_t i)
{
    return span_make(b->bytes.data + b->records.data[i].at, b->records.data[i].len);
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
            (void)!json_read(&b->ev.leaves, b->compiled->catalog->keys, KEY_ROOT, record_at(b, i), &e);
        } else if (st->format == FORMAT_EVTX) {
            read_chunk(b, st, record_at(b, i), false);
        } else {
            read_record(b, st, record_at(b, i), false);
        }
    }
}

static void round_detect(struct bench *b)
{
    b->matches = 0;
    for (size_t i = 0; i < b->records.len; i++) {
        struct stream *st = &b->streams.data[b->records.data[i].stream];
        if (st->format == FORMAT_EVTX) {
            read_chunk(b, st, record_at(b, i), true);
        } else {
            read_record(b, st, record_at(b, i), true);
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
        double cpu = now_cpu();
        time_ns wall = clock_mono();
        round(b);
        all[i] = (struct bench_figure){now_cpu() - cpu, (double)(clock_mono() - wall) / 1e9, 0};
    }
    qsort(all, b->o->rounds, sizeof all[0], by_cpu);
    all[b->o->rounds / 2].best_s = all[0].cpu_s;
    return all[b->o->rounds / 2];
}

static int run(struct bench *b, const struct engine *engine, struct bench_result *r, struct err *e)
{
    struct rusage usage;
    struct matcher_stats stats;
    b->compiled = engine_map(engine, e);
    if (b->compiled == NULL) {
        return e->code;
    }
    int rc = sandbox_enter(SANDBOX_SCAN_WORKER, e);
    if (rc != 0) {
        return rc;
    }
    b->normaliser = normaliser_new(b->compiled->catalog);
    b->matcher = matcher_new(b->compiled->ruleset, b->compiled->catalog, e);
    b->evtx = evtx_new();
    event_init(&b->ev, b->compiled->catalog);
    rc = b->matcher == NULL ? e->code : load(b, e);
    if (rc != 0) {
        return rc;
    }
    r->events = b->events;
    r->bytes = b->bytes.len;
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

_Noreturn void bench_child(const struct bench_options *o, const struct engine *engine, int out)
{
    struct bench b = {.o = o};
    struct bench_result r = {0};
    struct err e = {0};
    if (run(&b, engine, &r, &e) != 0) {
        memcpy(r.error, e.text, sizeof r.error - 1);
    }
    ssize_t n = write(out, &r, sizeof r);
    _exit(n == (ssize_t)sizeof r ? 0 : 1);
}
