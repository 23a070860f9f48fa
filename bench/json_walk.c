/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading JSON records into leaves against simdjson's on-demand walk (all keys and values as raw tokens) over the same
 * bytes in memory: medians of nine rounds and the best, thread CPU time. --alone: without simdjson. Run by hand; not
 * part of the tests.
 * usage: json_walk [--shuffle] [--alone] [--kernel NAME] FILE...      (NDJSON, plain, gzip or zstd)
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "wire/json_index.h"
#include "wire/json_oracle.h"
#include "wire/json_read.h"
#include "wire/unpack.h"

enum { ROUNDS = 9, KEY_SAMPLE = 7 };
#define CORPUS_MAX (4ul << 30) /* bytes in memory */

struct corpus {
    struct buf text;
    VEC(struct span) lines;
};

struct target {
    struct arena region;
    const struct keytable *table;
    struct leaves l;
};

static int load(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        perror(path);
        return -1;
    }
    struct unpack *u = unpack_new(fd);
    struct err e;
    size_t n = 0;
    int rc;
    do {
        rc = unpack_read(u, buf_room(out, 1 << 20), 1 << 20, &n, &e);
        buf_added(out, n);
    } while (rc == 0 && n > 0);
    if (rc != 0) {
        (void)fprintf(stderr, "%s: %s\n", path, e.text);
    }
    if (out->len > 0 && out->data[out->len - 1] != '\n') {
        buf_u8(out, '\n');
    }
    unpack_free(&u);
    (void)close(fd);
    return rc;
}

/* The lines of all in one buffer, in order or interleaved by a fixed seed. */
static void build_corpus(struct corpus *c, const struct buf *all, int shuffle)
{
    VEC(struct span) lines = {0};
    for (size_t at = 0; at < all->len;) {
        const char *nl = memchr(all->data + at, '\n', all->len - at);
        size_t len = (size_t)(nl - all->data) - at;
        if (len > 0) {
            vec_push(&lines, span_make(all->data + at, len));
        }
        at += len + 1;
    }
    uint64_t seed = 1;
    for (size_t i = lines.len; shuffle && i > 1; i--) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t k = (size_t)(seed >> 33) % i;
        struct span s = lines.data[k];
        lines.data[k] = lines.data[i - 1];
        lines.data[i - 1] = s;
    }
    buf_init(&c->text, CORPUS_MAX);
    (void)buf_room(&c->text, all->len + lines.len + json_oracle_padding());
    for (size_t i = 0; i < lines.len; i++) {
        vec_push(&c->lines, span_make(c->text.data + c->text.len, lines.data[i].len));
        buf_span(&c->text, lines.data[i]);
        buf_u8(&c->text, '\n');
    }
    vec_free(&lines);
}

struct keys {
    struct map seen;
    struct arena names;
    struct keytable_builder *builder;
    unsigned count;
    unsigned step;
};

static void add_key(void *ctx, struct span name, const struct leaf *leaf)
{
    struct keys *k = ctx;
    uint64_t value;
    (void)leaf;
    if (map_get(&k->seen, name, &value)) {
        return;
    }
    map_put(&k->seen, arena_copy(&k->names, name), 1);
    if (k->count++ % k->step != 0) {
        return;
    }
    key_node node = KEY_ROOT;
    while (name.len > 0) {
        ptrdiff_t dot = span_find(name, '.');
        size_t len = dot < 0 ? name.len : (size_t)dot;
        node = keytable_add(k->builder, node, span_sub(name, 0, len));
        name = span_sub(name, len + 1, name.len);
    }
}

/* Every step-th of the paths in the corpus. */
static void build_table(const struct corpus *c, struct target *t, unsigned step)
{
    struct keys k = {.builder = keytable_builder_new(), .step = step};
    struct arena scratch;
    map_init(&k.seen);
    arena_init(&k.names, 0);
    arena_init(&scratch, 1 << 20);
    for (size_t i = 0; i < c->lines.len; i += KEY_SAMPLE) {
        if (json_walk(c->lines.data[i], &scratch, add_key, &k, NULL) != 0) {
            (void)fprintf(stderr, "record %zu is no JSON\n", i);
        }
        arena_reset(&scratch);
    }
    arena_init(&t->region, 1 << 20);
    t->table = keytable_pack(k.builder, &t->region);
    leaves_init(&t->l, keytable_nodes(t->table));
    keytable_builder_free(&k.builder);
    map_free(&k.seen);
    arena_fini(&k.names);
    arena_fini(&scratch);
}

typedef size_t round_fn(const struct corpus *c, struct target *t);

static size_t run_oracle(const struct corpus *c, struct target *t)
{
    size_t sum = 0;
    (void)t;
    for (size_t i = 0; i < c->lines.len; i++) {
        sum += json_oracle_walk(c->lines.data[i].ptr, c->lines.data[i].len);
    }
    return sum;
}

static size_t run_index(const struct corpus *c, struct target *t)
{
    static uint32_t entries[JSON_CHUNK + JSON_INDEX_SLACK];
    size_t sum = 0;
    (void)t;
    for (size_t i = 0; i < c->lines.len; i++) {
        struct json_index x;
        json_index_init(&x, c->lines.data[i].ptr, c->lines.data[i].len);
        while (x.next < x.len) {
            sum += json_index_more(&x, entries);
        }
    }
    return sum;
}

static size_t run_read(const struct corpus *c, struct target *t)
{
    size_t sum = 0;
    for (size_t i = 0; i < c->lines.len; i++) {
        sum += json_read(&t->l, t->table, KEY_ROOT, c->lines.data[i], NULL) == 0 ? t->l.len : 0;
    }
    return sum;
}

static size_t run_split_read(const struct corpus *c, struct target *t)
{
    struct json_split s;
    struct span window = buf_view(&c->text);
    struct span record;
    size_t sum = 0;
    size_t used;
    json_split_init(&s, true);
    while (json_split_next(&s, window, true, &used, &record, NULL) == JSON_SPLIT_RECORD) {
        sum += t == NULL || json_read(&t->l, t->table, KEY_ROOT, record, NULL) == 0 ? 1 : 0;
        window = span_sub(window, used, window.len);
    }
    return sum;
}

static double cpu_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Returns the median in seconds. */
static double report(const char *name, const struct corpus *c, round_fn *f, struct target *t)
{
    double times[ROUNDS];
    size_t sum = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double from = cpu_now();
        sum += f(c, t);
        times[i] = cpu_now() - from;
    }
    qsort(times, ROUNDS, sizeof times[0], by_value);
    double s = times[ROUNDS / 2];
    double n = (double)c->lines.len;
    (void)printf("%-32s %6.2f M events/s %6.2f GB/s %6.0f ns/event, best %6.0f  (sum %zu)\n", name, n / s / 1e6,
                 (double)c->text.len / s / 1e9, s / n * 1e9, times[0] / n * 1e9, sum);
    return s;
}

int main(int argc, char **argv)
{
    struct buf all;
    struct corpus c = {0};
    struct target every;
    struct target some;
    const char *only = NULL;
    int shuffle = 0;
    int alone = 0;
    int bad = 0;
    buf_init(&all, CORPUS_MAX);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--shuffle") == 0) {
            shuffle = 1;
        } else if (strcmp(argv[i], "--alone") == 0) {
            alone = 1;
        } else if (strcmp(argv[i], "--kernel") == 0 && i + 1 < argc) {
            only = argv[++i];
        } else {
            bad |= load(argv[i], &all) != 0;
        }
    }
    if (all.len == 0) {
        (void)fprintf(stderr, "usage: json_walk [--shuffle] [--alone] [--kernel NAME] FILE...\n");
        return 2;
    }
    build_corpus(&c, &all, shuffle);
    build_table(&c, &every, 1);
    build_table(&c, &some, 2);
    (void)printf("%zu events of %zu bytes, %u paths\n", c.lines.len, c.text.len / c.lines.len,
                 keytable_nodes(every.table) - 1);
    double oracle = 0;
    if (!alone) {
        (void)printf("simdjson's kernel: %s\n", json_oracle_kernel());
        oracle = report("simdjson on-demand, raw tokens", &c, run_oracle, NULL);
    }
    struct json_kernel kernels[JSON_KERNELS_MAX];
    uint32_t n = json_kernels(kernels);
    for (uint32_t i = 0; i < n; i++) {
        if (only != NULL && strcmp(only, kernels[i].name) != 0) {
            continue;
        }
        json_kernel_use(&kernels[i]);
        (void)printf("kernel %s\n", kernels[i].name);
        (void)report("  index only", &c, run_index, NULL);
        double ours = report("  read, all paths known", &c, run_read, &every);
        if (!alone) {
            (void)printf("  events per second to simdjson's: %.2f\n", oracle / ours);
        }
        (void)report("  read, every second path known", &c, run_read, &some);
        (void)report("  split only", &c, run_split_read, NULL);
        (void)report("  split and read", &c, run_split_read, &every);
    }
    return bad;
}
