/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno bench hunt`: runs `sereno hunt` itself on day files made of the feed, and tells how many bytes of original log one
 * second of CPU time looks through. What a hunt costs that has nothing to look through (its start) is measured and taken off.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/bench_archive.h"
#include "wire/json_write.h"

enum {
    INDICATORS = 50,
    ARGS_MAX = 2 * 256 + 2 * INDICATORS + 16,
    NCASES = 5,
};

/* Nothing of these is in anybody's logs: RFC 5737 and RFC 2606 keep both for examples. */
#define NETWORK "198.51.100."
#define DOMAIN "bench.example"

static const struct hunt_case {
    const char *name, *key;
    unsigned indicators;
    bool rules, merged; /* merged: with token filters */
} cases[NCASES] = {
    {"one indicator, every block read", "one", 1, false, false},
    {"50 indicators, every block read", "fifty", INDICATORS, false, false},
    {"every rule", "rules", 0, true, false},
    {"one indicator, merged, filters", "one_filtered", 1, false, true},
    {"50 indicators, merged, filters", "fifty_filtered", INDICATORS, false, true},
};

struct figure {
    double cpu_s, wall_s;
};

struct bench_hunts {
    struct figure took[NCASES], start[NCASES]; /* medians; start: nothing to look through */
    struct bench_kept kept;
    const char *const *rules;
    size_t nrules;
};

static _Noreturn void exec_hunt(char **argv)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0 && dup2(null, STDOUT_FILENO) >= 0) {
        (void)execv("/proc/self/exe", argv);
    }
    _exit(127);
}

/* One `sereno hunt`; CPU time of all its processes. */
static int run_hunt(char **argv, struct figure *out, struct err *e)
{
    struct rusage usage;
    int status = 0;
    time_ns wall = clock_mono();
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        exec_hunt(argv);
    }
    while (pid > 0 && wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) > 1) { /* 1: a rule was refused, which was told before */
        return err_set(e, ERR_IO, "a hunt ended with status %d", status);
    }
    out->wall_s = (double)(clock_mono() - wall) / 1e9;
    out->cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    return 0;
}

static int by_cpu(const void *x, const void *y)
{
    const struct figure *a = x;
    const struct figure *b = y;
    return (a->cpu_s > b->cpu_s) - (a->cpu_s < b->cpu_s);
}

static int median(char **argv, unsigned rounds, struct figure *out, struct err *e)
{
    struct figure all[BENCH_ROUNDS_MAX] = {0};
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < rounds; i++) {
        rc = run_hunt(argv, &all[i], e);
    }
    if (rc == 0) {
        qsort(all, rounds, sizeof all[0], by_cpu);
        *out = all[rounds / 2];
    }
    return rc;
}

static int measure(struct bench_hunts *h, unsigned i, const char *folder, unsigned rounds, struct err *e)
{
    char values[INDICATORS][40];
    char *argv[ARGS_MAX] = {"sereno", "hunt", "--quiet", "--json", "--data", (char *)(uintptr_t)folder};
    size_t n = 6;
    for (unsigned k = 0; k < cases[i].indicators; k++) {
        (void)snprintf(values[k], sizeof values[k], k % 2 == 0 ? NETWORK "%u" : "n%u." DOMAIN, k + 1);
        argv[n++] = "--indicator";
        argv[n++] = values[k];
    }
    for (size_t k = 0; k < h->nrules && cases[i].rules; k++) {
        argv[n++] = "--rule";
        argv[n++] = (char *)(uintptr_t)h->rules[k];
    }
    int rc = median(argv, rounds, &h->took[i], e);
    argv[n++] = "--from";
    argv[n++] = "2200-01-01";
    return rc == 0 ? median(argv, rounds, &h->start[i], e) : rc;
}

static bool measured(const struct bench_hunts *h, unsigned i)
{
    return !cases[i].rules || h->nrules > 0;
}

/* Two archives, one with filters, one after the other. */
static int measure_all(struct bench_hunts *h, const struct bench_options *o, const struct engine *engine, struct err *e)
{
    int rc = 0;
    for (int merged = 0; rc == 0 && merged < 2; merged++) {
        char folder[BENCH_FOLDER_MAX];
        rc = bench_folder_make(folder, e);
        if (rc != 0) {
            break;
        }
        rc = bench_keep(o, engine, folder, merged == 1, &h->kept, e);
        for (unsigned i = 0; rc == 0 && i < NCASES; i++) {
            if (cases[i].merged == (merged == 1) && measured(h, i)) {
                rc = measure(h, i, folder, o->rounds, e);
            }
        }
        bench_folder_drop(folder);
    }
    return rc;
}

/* Gigabytes of originals per second; 0: no more time than its start. */
static double speed(const struct bench_hunts *h, double took, double start)
{
    return took > start ? (double)h->kept.bytes / 1e9 / (took - start) : 0;
}

static void print_text(const struct bench_hunts *h, const struct bench_options *o, const struct bench_text *t)
{
    (void)printf("%llu events, %.1f MB of originals, %s feed, seed %llu, %s, medians of %u hunts\n"
                 "                                     GB/s per core    CPU s  its start   GB/s wall\n",
                 (unsigned long long)h->kept.events, (double)h->kept.bytes / 1e6, o->interleaved ? "interleaved" : "contiguous",
                 (unsigned long long)o->seed, t->cpu, o->rounds);
    for (unsigned i = 0; i < NCASES; i++) {
        if (measured(h, i)) {
            (void)printf("  %-34s %13.2f %8.3f %10.3f %11.2f\n", cases[i].name,
                         speed(h, h->took[i].cpu_s, h->start[i].cpu_s), h->took[i].cpu_s, h->start[i].cpu_s,
                         speed(h, h->took[i].wall_s, h->start[i].wall_s));
        }
    }
}

static void print_json(const struct bench_hunts *h, const struct bench_options *o, const struct bench_text *t)
{
    struct buf b;
    struct json_writer j;
    buf_init(&b, 65536);
    json_writer_init(&j, &b);
    bench_json_head(&j, SPAN("hunt"), o, t);
    json_key(&j, "rounds");
    json_u64(&j, o->rounds);
    json_key(&j, "events");
    json_u64(&j, h->kept.events);
    json_key(&j, "bytes");
    json_u64(&j, h->kept.bytes);
    json_key(&j, "cases");
    json_array(&j);
    for (unsigned i = 0; i < NCASES; i++) {
        if (measured(h, i)) {
            json_object(&j);
            json_key(&j, "hunt");
            json_text(&j, span_of(cases[i].key));
            json_key(&j, "bytes_per_s");
            json_double(&j, speed(h, h->took[i].cpu_s, h->start[i].cpu_s) * 1e9);
            json_key(&j, "cpu_s");
            json_double(&j, h->took[i].cpu_s);
            json_key(&j, "start_cpu_s");
            json_double(&j, h->start[i].cpu_s);
            json_key(&j, "wall_s");
            json_double(&j, h->took[i].wall_s);
            json_key(&j, "start_wall_s");
            json_double(&j, h->start[i].wall_s);
            json_end(&j);
        }
    }
    json_end(&j);
    json_end(&j);
    (void)printf("%.*s\n", (int)b.len, b.data);
    buf_free(&b);
}

int bench_hunt(const struct bench_options *o, const struct engine *engine, const struct bench_text *t,
               const char *const *rules, size_t nrules, struct err *e)
{
    struct bench_hunts h = {.rules = rules, .nrules = nrules};
    int rc = measure_all(&h, o, engine, e);
    if (rc == 0) {
        (t->json ? print_json : print_text)(&h, o, t);
    }
    return rc;
}
