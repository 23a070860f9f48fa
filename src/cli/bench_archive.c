/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno bench archive`: what keeping an event costs, in bytes and in CPU time, before and after merging. */
#include "cli/bench_archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "wire/json_write.h"

int bench_folder_make(char out[BENCH_FOLDER_MAX], struct err *e)
{
    char path[BENCH_FOLDER_MAX + 16];
    const char *base = getenv("TMPDIR");
    int n = snprintf(out, BENCH_FOLDER_MAX, "%s/sereno-bench-XXXXXX", base == NULL || base[0] == '\0' ? "/var/tmp" : base);
    if (n >= BENCH_FOLDER_MAX || mkdtemp(out) == NULL) {
        return err_set_errno(e, ERR_IO, n >= BENCH_FOLDER_MAX ? ENAMETOOLONG : errno, "a folder below TMPDIR");
    }
    (void)snprintf(path, sizeof path, "%s/archive", out);
    int rc = mkdir(path, 0700);
    (void)snprintf(path, sizeof path, "%s/lock", out);
    int fd = rc == 0 ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", path);
        bench_folder_drop(out);
        return rc;
    }
    (void)close(fd);
    return 0;
}

void bench_folder_drop(const char *folder)
{
    char path[BENCH_FOLDER_MAX + 300];
    (void)snprintf(path, sizeof path, "%s/archive", folder);
    DIR *dir = opendir(path);
    for (struct dirent *d; dir != NULL && (d = readdir(dir)) != NULL;) {
        (void)snprintf(path, sizeof path, "%s/archive/%s", folder, d->d_name);
        (void)unlink(path); /* "." and ".." stay */
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    (void)snprintf(path, sizeof path, "%s/archive", folder);
    (void)rmdir(path);
    (void)snprintf(path, sizeof path, "%s/lock", folder);
    (void)unlink(path);
    (void)rmdir(folder);
}

/* The seconds that the rounds measured, one place of the struct each. */
static const struct timing {
    const char *name, *key;
    size_t at;
} timings[] = {
    {"read into slots", "parse_us", offsetof(struct bench_kept, parse_s)},
    {"sort, pack, hand on", "pack_us", offsetof(struct bench_kept, pack_s)},
    {"write, durable", "write_us", offsetof(struct bench_kept, write_s)},
    {"... wall time", "write_wall_us", offsetof(struct bench_kept, write_wall_s)},
    {"merge, filters included", "merge_us", offsetof(struct bench_kept, merge_s)},
    {"... filters alone", "filter_us", offsetof(struct bench_kept, filter_s)},
};

static double *seconds(struct bench_kept *k, const struct timing *t)
{
    return (double *)(void *)((char *)k + t->at);
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Into the first: of each timing the median of the rounds. */
static void medians(struct bench_kept *all, unsigned rounds)
{
    for (size_t t = 0; t < ARRAY_LEN(timings); t++) {
        double took[BENCH_ROUNDS_MAX] = {0};
        for (unsigned i = 0; i < rounds; i++) {
            took[i] = *seconds(&all[i], &timings[t]);
        }
        qsort(took, rounds, sizeof took[0], by_number);
        *seconds(&all[0], &timings[t]) = took[rounds / 2];
    }
}

static double share(uint64_t a, uint64_t b)
{
    return b == 0 ? 0 : (double)a / (double)b;
}

static void print_text(const struct bench_options *o, const struct bench_text *t, struct bench_kept *k)
{
    (void)printf("%llu events, %.1f MB, %s feed, seed %llu, level %u, %s, medians of %u rounds\n",
                 (unsigned long long)k->events, (double)k->bytes / 1e6, o->interleaved ? "interleaved" : "contiguous",
                 (unsigned long long)o->seed, o->level, t->cpu, o->rounds);
    if (o->rate > 0 || o->hosts > 0) {
        (void)printf("  %llu events/s, %llu hosts (0: full windows, the hosts of the records)\n", (unsigned long long)o->rate,
                     (unsigned long long)o->hosts);
    }
    (void)printf("  %llu windows, %llu blocks, after merging %llu packs and %llu filters\n", (unsigned long long)k->windows,
                 (unsigned long long)k->blocks, (unsigned long long)k->packs, (unsigned long long)k->filters);
    (void)printf("  kept   %9.1f bytes per event of %.1f   1/%.1f\n", share(k->kept_bytes, k->events),
                 share(k->bytes, k->events), share(k->bytes, k->kept_bytes));
    (void)printf("  merged %9.1f bytes per event, %.1f of them filters   1/%.1f\n", share(k->merged_bytes, k->events),
                 share(k->filter_bytes, k->events), share(k->bytes, k->merged_bytes));
    for (size_t i = 0; i < ARRAY_LEN(timings); i++) {
        (void)printf("  %-26s %8.2f us per event\n", timings[i].name, *seconds(k, &timings[i]) * 1e6 / (double)k->events);
    }
}

static void print_json(const struct bench_options *o, const struct bench_text *t, struct bench_kept *k)
{
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"seed", o->seed},         {"rounds", o->rounds},         {"level", o->level},           {"rate", o->rate},
        {"hosts", o->hosts},       {"events", k->events},         {"bytes", k->bytes},           {"windows", k->windows},
        {"blocks", k->blocks},     {"packs", k->packs},           {"filters", k->filters},       {"kept_bytes", k->kept_bytes},
        {"merged_bytes", k->merged_bytes}, {"filter_bytes", k->filter_bytes},
    };
    struct buf b;
    struct json_writer j;
    buf_init(&b, 65536);
    json_writer_init(&j, &b);
    bench_json_head(&j, SPAN("archive"), o, t);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        json_key(&j, numbers[i].key);
        json_u64(&j, numbers[i].value);
    }
    for (size_t i = 0; i < ARRAY_LEN(timings); i++) {
        json_key(&j, timings[i].key);
        json_double(&j, *seconds(k, &timings[i]) * 1e6 / (double)k->events);
    }
    json_key(&j, "kept_ratio");
    json_double(&j, share(k->bytes, k->kept_bytes));
    json_key(&j, "merged_ratio");
    json_double(&j, share(k->bytes, k->merged_bytes));
    json_end(&j);
    (void)printf("%.*s\n", (int)b.len, b.data);
    buf_free(&b);
}

int bench_archive(const struct bench_options *o, const struct engine *engine, const struct bench_text *t, struct err *e)
{
    struct bench_kept *all = mem_calloc(o->rounds, sizeof *all);
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < o->rounds; i++) {
        char folder[BENCH_FOLDER_MAX];
        rc = bench_folder_make(folder, e);
        if (rc == 0) {
            rc = bench_keep(o, engine, folder, true, &all[i], e);
            bench_folder_drop(folder);
        }
    }
    if (rc == 0) {
        medians(all, o->rounds);
        (t->json ? print_json : print_text)(o, t, &all[0]);
    }
    mem_free(all);
    return rc;
}
