/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * All public rules on real events: the matcher must find exactly what the plain evaluator finds. Needs the data folder
 * beside the repository (its path is the first argument); without it the test counts as skipped (exit 77).
 * SERENO_PLAN_EVENTS sets how many events of each file and class are tried (default 2).
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "flow/detect/plan_kit.h"

enum { EXIT_SKIPPED = 77, EVENTS_DEFAULT = 2, CLASSES_MAX = 220, FILE_MAX_BYTES = 512 * 1024 * 1024 };

static VEC(char *) paths;
static struct span suffix;

static int visit(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    if (kind == FTW_F && span_ends(span_of(path), suffix)) {
        vec_push(&paths, mem_strdup(path));
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_files(const char *folder, const char *end)
{
    for (size_t i = 0; i < paths.len; i++) {
        mem_free(paths.data[i]);
    }
    vec_clear(&paths);
    suffix = span_of(end);
    CHECK(nftw(folder, visit, 32, FTW_PHYS) == 0);
    qsort(paths.data, paths.len, sizeof *paths.data, by_name);
}

static struct span read_file(const char *path)
{
    struct stat st;
    CHECK(stat(path, &st) == 0 && st.st_size < FILE_MAX_BYTES);
    char *data = mem_alloc((size_t)st.st_size + 1);
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    size_t n = fread(data, 1, (size_t)st.st_size, f);
    (void)fclose(f);
    return span_make(data, n);
}

static struct span read_zstd(const char *path)
{
    struct span packed = read_file(path);
    struct buf out;
    buf_init(&out, FILE_MAX_BYTES);
    ZSTD_DStream *z = ZSTD_createDStream();
    ZSTD_inBuffer in = {packed.ptr, packed.len, 0};
    while (in.pos < in.size) {
        ZSTD_outBuffer o = {buf_room(&out, 1 << 20), 1 << 20, 0};
        CHECK(o.dst != NULL && !ZSTD_isError(ZSTD_decompressStream(z, &o, &in)));
        buf_added(&out, o.pos);
    }
    (void)ZSTD_freeDStream(z);
    mem_free((void *)(uintptr_t)packed.ptr);
    return buf_view(&out);
}

static struct sigma_set *load_rules(const char *data)
{
    static const char *const folders[] = {"rules", "rules-threat-hunting", "rules-emerging-threats"};
    struct sigma_loader *l = sigma_loader_new();
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char folder[4096];
        (void)snprintf(folder, sizeof folder, "%s/sigma/%s", data, folders[i]);
        list_files(folder, ".yml");
        for (size_t f = 0; f < paths.len; f++) {
            struct span bytes = read_file(paths.data[f]);
            sigma_loader_file(l, span_of(paths.data[f]), bytes);
            mem_free((void *)(uintptr_t)bytes.ptr);
        }
    }
    struct sigma_set *set = sigma_loader_finish(l);
    sigma_loader_free(&l);
    return set;
}

/* One class per log source that rules state; Windows ones fold the event id. */
static uint32_t make_classes(struct arena *a, const struct sigma_set *set, struct kit_class *out)
{
    struct map seen;
    map_init(&seen);
    uint32_t n = 0;
    for (size_t i = 0; i < set->rules.len; i++) {
        const struct logsource *l = &set->rules.data[i]->logsource;
        const char *name = arena_printf(a, "%.*s_%.*s_%.*s", SPAN_ARG(l->product),
                                        SPAN_ARG(l->category), SPAN_ARG(l->service));
        bool fresh;
        (void)map_at(&seen, span_of(name), &fresh);
        if (fresh) {
            CHECK(n < CLASSES_MAX);
            bool windows = span_eq(l->product, SPAN("windows"));
            out[n++] = (struct kit_class){.name = name,
                                          .sources = {*l},
                                          .nsources = 1,
                                          .split = windows ? "EventID" : NULL};
        }
    }
    map_free(&seen);
    return n;
}

/* Any class will do: both evaluators are asked the same. The file's name, the Sysmon number or chance picks one. */
static class_id pick_class(struct kit *k, const char *path, uint32_t line)
{
    static const char *const sysmon[] = {
        [1] = "process_creation", [3] = "network_connection", [7] = "image_load",
        [8] = "create_remote_thread", [10] = "process_access", [11] = "file_event",
        [12] = "registry_event", [13] = "registry_set", [17] = "pipe_created", [22] = "dns_query",
    };
    struct span base = span_of(strrchr(path, '/') + 1);
    for (class_id c = 0; c < k->catalog.nclasses; c++) {
        struct span name = k->catalog.classes[c].name;
        size_t used = 0;
        for (size_t i = 0; i < base.len && used < name.len; i++) {
            used += base.ptr[i] == name.ptr[used]; /* "-" stands for an empty part */
        }
        if (used == name.len && name.len > 4 && base.len >= name.len &&
            !span_starts(base, SPAN("windows"))) {
            return c;
        }
    }
    event_use_class(&k->ev, 0);
    uint32_t leaf = event_first(&k->ev, catalog_field(&k->catalog, SPAN("EventID")));
    uint64_t id = 0;
    if (leaf != LEAF_NIL && num_u64(event_plain(&k->ev, leaf), &id) && id < ARRAY_LEN(sysmon) &&
        sysmon[id] != NULL) {
        for (class_id c = 0; c < k->catalog.nclasses; c++) {
            struct span name = k->catalog.classes[c].name;
            if (span_starts(name, SPAN("windows_")) &&
                memmem(name.ptr, name.len, sysmon[id], strlen(sysmon[id])) != NULL) {
                return c;
            }
        }
    }
    CHECK(k->catalog.nclasses > 0);
    return (class_id)(line * 7919u % k->catalog.nclasses);
}

struct tally {
    uint64_t events;
    uint64_t pairs;
    uint64_t matches;
    uint64_t differ;
};

static void compare_event(struct kit *k, struct event *ev, const char *path, uint32_t line,
                          struct tally *t)
{
    const struct match *found;
    uint32_t n = matcher_run(k->m, ev, &found);
    uint32_t at = 0;
    const struct event_class *c = &k->catalog.classes[ev->class_id];
    for (uint32_t r = 0; r < k->set->rules.len; r++) {
        if (!logsource_applies(&k->set->rules.data[r]->logsource, &c->sources[0])) {
            continue;
        }
        bool fast = at < n && found[at].rule == r;
        at += fast;
        bool plain = reference_match(k->set->rules.data[r], &k->catalog, ev, ev->class_id);
        t->pairs++;
        t->matches += plain;
        if (fast != plain) {
            t->differ++;
            (void)printf("%s line %u, class %.*s, rule %.*s: matcher %d, reference %d\n", path, line,
                         SPAN_ARG(c->name), SPAN_ARG(k->set->rules.data[r]->id), fast, plain);
        }
    }
    CHECK(at == n);
    t->events++;
}

static void compare_file(struct kit *k, const char *path, uint32_t per_class, struct tally *t)
{
    struct span text = read_zstd(path);
    uint32_t *tried = mem_calloc(k->catalog.nclasses, sizeof *tried);
    struct span rest = text;
    for (uint32_t line = 0; rest.len > 0; line++) {
        ptrdiff_t nl = span_find(rest, '\n');
        struct span json = span_sub(rest, 0, nl < 0 ? rest.len : (size_t)nl);
        rest = span_sub(rest, json.len + 1, rest.len);
        if (json.len < 2 || json.ptr[0] != '{') {
            continue;
        }
        struct event *ev = kit_event(k, json, 0);
        ev->class_id = pick_class(k, path, line);
        if (tried[ev->class_id]++ < per_class) {
            compare_event(k, ev, path, line, t);
        }
    }
    mem_free(tried);
    mem_free((void *)(uintptr_t)text.ptr);
}

static void compile_kit(struct kit *k, struct sigma_set *set, struct arena *a)
{
    uint32_t nfields;
    const struct span *fields = sigma_set_fields(set, &nfields);
    const char **names = arena_calloc(a, nfields + 1, sizeof *names);
    for (uint32_t i = 0; i < nfields; i++) {
        names[i] = arena_cstr(a, fields[i]);
    }
    struct kit_class *classes = arena_calloc(a, CLASSES_MAX, sizeof *classes);
    uint32_t nclasses = make_classes(a, set, classes);
    kit_init(k, names, classes, nclasses);
    for (size_t i = 0; i < set->rules.len; i++) {
        vec_push(&k->set->rules, set->rules.data[i]);
    }
    time_ns from = clock_mono();
    kit_compile(k, NULL);
    (void)printf("%zu rules, %u classes: planned in %.2f s, %zu bytes\n", set->rules.len, nclasses,
                 (double)(clock_mono() - from) / 1e9, k->region.used_bytes);
}

int main(int argc, char **argv)
{
    struct stat st;
    if (argc < 2 || stat(argv[1], &st) != 0) {
        (void)printf("skipped: no data beside the repository\n");
        return EXIT_SKIPPED;
    }
    const char *wanted = getenv("SERENO_PLAN_EVENTS");
    uint32_t per_class = wanted == NULL ? EVENTS_DEFAULT : (uint32_t)strtoul(wanted, NULL, 10);
    struct arena a;
    arena_init(&a, 0);
    struct sigma_set *set = load_rules(argv[1]);
    struct kit k;
    compile_kit(&k, set, &a);
    struct tally t = {0};
    static const char *const folders[] = {"synthetic", "otrf"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char folder[4096];
        (void)snprintf(folder, sizeof folder, "%s/events/%s", argv[1], folders[i]);
        list_files(folder, ".ndjson.zst");
        for (size_t f = 0; f < paths.len; f++) {
            compare_file(&k, paths.data[f], per_class, &t);
        }
    }
    struct matcher_stats s;
    matcher_stats(k.m, &s);
    (void)printf("%llu events, %llu (rule, event) pairs, %llu matches, %llu candidates, %llu differ\n",
                 (unsigned long long)t.events, (unsigned long long)t.pairs,
                 (unsigned long long)t.matches, (unsigned long long)s.candidates,
                 (unsigned long long)t.differ);
    kit_fini(&k);
    sigma_set_free(&set);
    arena_fini(&a);
    return t.differ == 0 && t.matches > 0 ? 0 : 1;
}
