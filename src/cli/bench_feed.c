/* SPDX-License-Identifier: EUPL-1.2 */
/* The feed as bodies, in shared memory: see bench_e2e.h. What reads the files is caged; who sends only copies bytes. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/bench_e2e.h"
#include "cli/bench_priv.h"
#include "cli/child.h"

#define FEED_ROOM ((size_t)16 << 30) /* bytes of address space: only what is written takes memory */

/* At the start of the shared memory: numbers, the list of batches, the bytes. */
struct head {
    uint64_t events, bytes, matches, nbatches, data_at;
    char error[512];
};

struct feed_job {
    const struct bench_options *o;
    const struct engine *engine;
    char *map;
};

static void detect_all(struct bench *b, uint64_t *matches_out)
{
    const struct match *found;
    struct err e;
    *matches_out = 0;
    for (size_t i = 0; i < b->records.len; i++) {
        event_clear(&b->ev);
        struct stream *st = &b->streams.data[b->records.data[i].stream];
        if (normalise(b->normaliser, st, bench_record_at(b, i), &b->ev, &e) != NORMALISE_HEADER) {
            *matches_out += matcher_run(b->matcher, &b->ev, &found);
        }
    }
}

static int check_formats(const struct bench *b, struct err *e)
{
    for (size_t i = 0; i < b->streams.len; i++) {
        if (b->streams.data[i].format != FORMAT_JSON) {
            return err_set(e, ERR_UNSUPPORTED, "name files of JSON records: the feed goes to POST /ingest as NDJSON");
        }
    }
    return 0;
}

/* Records lie one behind the other with a line end each, so a batch is a stretch of them. */
static int lay_batches(struct bench *b, const struct feed_job *job, struct err *e)
{
    struct head *h = (struct head *)(void *)job->map;
    struct bench_batch *list = (struct bench_batch *)(void *)(job->map + sizeof *h);
    h->data_at = sizeof *h + (b->records.len + 1) * sizeof *list;
    if (h->data_at + b->share_bytes > FEED_ROOM) {
        return err_set(e, ERR_LIMIT, "the feed is larger than %zu GB", FEED_ROOM >> 30);
    }
    char *data = job->map + h->data_at;
    struct bench_batch *now = NULL;
    for (size_t i = 0; i < b->records.len; i++) {
        struct span r = bench_record_at(b, i);
        if (now == NULL || now->events == BENCH_BATCH_EVENTS || now->len + r.len + 1 > BENCH_BATCH_BYTES) {
            now = &list[h->nbatches++];
            *now = (struct bench_batch){.at = h->bytes};
        }
        memcpy(data + h->bytes, r.ptr, r.len);
        data[h->bytes + r.len] = '\n';
        h->bytes += r.len + 1;
        now->len += (uint32_t)r.len + 1;
        now->events++;
        h->events++;
    }
    return 0;
}

static void read_feed(void *arg, int out)
{
    static struct bench b;
    const struct feed_job *job = arg;
    struct head *h = (struct head *)(void *)job->map;
    struct bench_options o = *job->o;
    struct err e = {0};
    o.cores = 1; /* --cores is the node's */
    b.o = &o;
    int rc = bench_prepare(&b, job->engine, &e);
    rc = rc == 0 ? check_formats(&b, &e) : rc;
    rc = rc == 0 ? lay_batches(&b, job, &e) : rc;
    if (rc == 0) {
        detect_all(&b, &h->matches);
    } else {
        (void)snprintf(h->error, sizeof h->error, "%.500s", e.text);
    }
    cli_child_write(out, SPAN("."));
    _exit(0);
}

int bench_feed_make(const struct bench_options *o, const struct engine *engine, struct bench_feed *out, struct err *e)
{
    struct buf answer;
    int status = 0;
    *out = (struct bench_feed){0};
    void *map = mmap(NULL, FEED_ROOM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) {
        return err_set(e, ERR_LIMIT, "no room for the feed");
    }
    struct feed_job job = {o, engine, map};
    const struct head *h = map;
    out->map = map;
    buf_init(&answer, 1 << 16);
    int rc = cli_child(read_feed, &job, "the reading process", &answer, &status, e);
    if (rc == 0 && (answer.len != 1 || status != 0)) {
        rc = err_set(e, ERR_IO, "the reading process ended early (status %d)", status);
    }
    if (rc == 0 && h->error[0] != '\0') {
        rc = err_set(e, ERR_INVALID, "%.*s", (int)sizeof h->error, h->error);
    }
    buf_free(&answer);
    out->events = h->events;
    out->bytes = h->bytes - h->events; /* line ends are ours */
    out->matches = h->matches;
    out->nbatches = h->nbatches;
    out->batches = (const struct bench_batch *)(const void *)((const char *)map + sizeof *h);
    out->data = (const char *)map + h->data_at;
    if (rc != 0) {
        bench_feed_free(out);
    }
    return rc;
}

void bench_feed_free(struct bench_feed *f)
{
    if (f->map != NULL) {
        (void)munmap(f->map, FEED_ROOM);
        f->map = NULL;
    }
}
