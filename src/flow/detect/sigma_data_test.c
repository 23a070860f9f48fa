/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The public rules: all of the three folders of SigmaHQ load but the two that need placeholders. Needs the data folder
 * beside the repository (its path is the first argument); without it the test counts as skipped (exit 77).
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "flow/detect/sigma.h"

enum { FILES_WANTED = 3754, LOADED_WANTED = 3752, EXIT_SKIPPED = 77 };

static VEC(char *) paths;

static int visit(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    struct span s = span_of(path);
    (void)st;
    (void)ftw;
    if (kind == FTW_F && span_ends(s, SPAN(".yml"))) {
        vec_push(&paths, mem_strdup(path));
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void load(struct sigma_loader *l, const char *path)
{
    char *data = mem_alloc(SIGMA_FILE_MAX_BYTES);
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    size_t n = fread(data, 1, SIGMA_FILE_MAX_BYTES, f);
    (void)fclose(f);
    sigma_loader_file(l, span_of(path), span_make(data, n));
    mem_free(data);
}

static int expect(const char *what, size_t got, size_t want)
{
    (void)printf("%s: %zu (want %zu)\n", what, got, want);
    return got == want ? 0 : 1;
}

static int check_refused(const struct sigma_set *set)
{
    int bad = 0;
    for (size_t i = 0; i < set->refused.len; i++) {
        const struct sigma_refused *r = &set->refused.data[i];
        (void)printf("%.*s:%u: %.*s\n", SPAN_ARG(r->file), r->line, SPAN_ARG(r->reason));
        bad += memmem(r->reason.ptr, r->reason.len, "placeholder %", 13) == NULL || r->line == 0;
    }
    return bad;
}

int main(int argc, char **argv)
{
    static const char *const folders[] = {"rules", "rules-threat-hunting", "rules-emerging-threats"};
    struct stat st;
    struct sigma_loader *l = sigma_loader_new();
    if (argc < 2 || stat(argv[1], &st) != 0) {
        (void)printf("skipped: no public rules beside the repository\n");
        sigma_loader_free(&l);
        return EXIT_SKIPPED;
    }
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char folder[4096];
        (void)snprintf(folder, sizeof folder, "%s/%s", argv[1], folders[i]);
        CHECK(nftw(folder, visit, 32, FTW_PHYS) == 0);
    }
    qsort(paths.data, paths.len, sizeof *paths.data, by_name);
    time_ns from = clock_mono();
    for (size_t i = 0; i < paths.len; i++) {
        load(l, paths.data[i]);
    }
    struct sigma_set *set = sigma_loader_finish(l);
    (void)printf("%.3f s, %zu bytes kept\n", (double)(clock_mono() - from) / 1e9, set->arena.used_bytes);
    uint32_t nfields = 0;
    uint64_t leaves = 0;
    (void)sigma_set_fields(set, &nfields);
    for (size_t i = 0; i < set->rules.len; i++) {
        leaves += set->rules.data[i]->nleaves;
    }
    (void)printf("%u fields, %llu leaves, %zu warnings\n", nfields, (unsigned long long)leaves, set->warnings.len);
    int bad = expect("files", paths.len, FILES_WANTED) + expect("loaded", set->rules.len, LOADED_WANTED) +
              expect("refused", set->refused.len, FILES_WANTED - LOADED_WANTED) + check_refused(set);
    for (size_t i = 0; i < set->warnings.len; i++) {
        (void)printf("warning: %.*s:%u: %.*s\n", SPAN_ARG(set->warnings.data[i].file),
                     set->warnings.data[i].line, SPAN_ARG(set->warnings.data[i].text));
    }
    for (size_t i = 0; i < paths.len; i++) {
        mem_free(paths.data[i]);
    }
    vec_free(&paths);
    sigma_set_free(&set);
    sigma_loader_free(&l);
    return bad != 0;
}
