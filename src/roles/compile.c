/* SPDX-License-Identifier: EUPL-1.2 */
/* From files to a compiled region: see compile.h. Parses what a city or its peers wrote, so it runs in a sandbox. */
#include "roles/compile.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <libfyaml.h>
#include <pcre2.h>
#include <stdio.h>

#include "flow/detect/rates.h"

static void refuse(struct sigma_set *set, struct span file, const struct err *e)
{
    struct sigma_refused r = {arena_copy(&set->arena, file), e->line,
                              span_of(arena_strdup(&set->arena, e->text))};
    vec_push(&set->refused, r);
}

/* A placeholder file holds one value per line; its name without folder and ending is the placeholder's. */
static void add_placeholder(struct sigma_loader *loader, const struct bundle_file *file,
                            struct arena *scratch)
{
    VEC(struct span) values = {0};
    struct span rest = file->bytes;
    while (rest.len > 0) {
        ptrdiff_t nl = span_find(rest, '\n');
        struct span line = span_trim(nl < 0 ? rest : span_sub(rest, 0, (size_t)nl));
        rest = nl < 0 ? span_make(rest.ptr, 0) : span_sub(rest, (size_t)nl + 1, rest.len);
        bool item = span_starts(line, SPAN("- "));
        line = item ? span_trim(span_sub(line, 2, line.len)) : line;
        if (line.len > 0 && line.ptr[0] != '#') {
            vec_push(&values, line);
        }
    }
    const char *name = arena_cstr(scratch, file->name);
    const char *slash = strrchr(name, '/');
    struct span stem = span_of(slash == NULL ? name : slash + 1);
    ptrdiff_t dot = span_find(stem, '.');
    struct sigma_placeholder p = {dot < 0 ? stem : span_sub(stem, 0, (size_t)dot), values.data,
                                  (uint32_t)values.len};
    sigma_loader_placeholder(loader, &p);
    vec_free(&values);
}

static struct sigma_set *load_rules(const struct bundle *bundle)
{
    struct sigma_loader *loader = sigma_loader_new();
    struct arena scratch;
    arena_init(&scratch, 0);
    for (size_t i = 0; i < bundle->files.len; i++) {
        const struct bundle_file *f = &bundle->files.data[i];
        if (f->kind == BUNDLE_PLACEHOLDER) {
            add_placeholder(loader, f, &scratch);
        } else if (f->kind == BUNDLE_RULE) {
            sigma_loader_file(loader, f->name, f->bytes);
        }
    }
    for (size_t i = 0; i < bundle->files.len; i++) {
        const struct bundle_file *f = &bundle->files.data[i];
        if (f->kind == BUNDLE_FOREIGN) {
            sigma_loader_foreign(loader, f->name, f->bytes);
        }
    }
    struct sigma_set *set = sigma_loader_finish(loader);
    sigma_loader_free(&loader);
    arena_fini(&scratch);
    return set;
}

/* A table of frequencies lies among the sources: it too says what their logs are like. */
static bool is_table(const struct bundle_file *f)
{
    return f->kind == BUNDLE_SOURCE && span_ends(f->name, SPAN(".tsv"));
}

static struct rates *load_rates(const struct bundle *bundle, struct sigma_set *set)
{
    struct rates *rates = rates_new();
    for (size_t i = 0; i < bundle->files.len; i++) {
        const struct bundle_file *f = &bundle->files.data[i];
        struct err e = {0};
        if (is_table(f) && rates_add(rates, f->name, f->bytes, &e) != 0) {
            refuse(set, f->name, &e);
        }
    }
    return rates;
}

static struct sources *load_sources(const struct bundle *bundle,
                                    const struct compile_options *options, struct sigma_set *set)
{
    struct sources *sources = sources_new();
    for (size_t i = 0; i < bundle->files.len; i++) {
        const struct bundle_file *f = &bundle->files.data[i];
        struct err e = {0};
        if (f->kind == BUNDLE_SOURCE && !is_table(f) && sources_add(sources, f->name, f->bytes, &e) != 0) {
            refuse(set, f->name, &e);
        }
    }
    for (uint32_t i = 0; i < options->nswitches; i++) {
        struct span s = options->switches[i];
        struct err e = {0};
        bool on = span_ends(s, SPAN("=on"));
        ptrdiff_t eq = span_find(s, '=');
        struct span name = eq < 0 ? s : span_sub(s, 0, (size_t)eq);
        if (sources_switch(sources, name, on, &e) != 0) {
            refuse(set, s, &e);
        }
    }
    return sources;
}

static int compile_all(struct compiled *root, const struct sources *sources, const struct rates *rates,
                       const struct compile_options *options, struct sigma_set *set,
                       struct arena *region, struct err *e)
{
    uint32_t nfields = 0;
    const struct span *fields = sigma_set_fields(set, &nfields);
    int rc = sources_compile(sources, fields, nfields, options->declared, options->ndeclared,
                             region, &root->catalog, e);
    if (rc == 0) {
        struct ruleset_options ro = {.reference = options->reference, .rates = rates};
        rc = ruleset_compile(set, root->catalog, region, &ro, &root->ruleset, e);
    }
    if (rc == 0) {
        root->correlations = correlations_compile(set, root->catalog, region);
        root->hunt = options->hunt ? hunt_plan_compile(set, root->catalog, root->correlations, region) : NULL;
        root->ndeclared = options->ndeclared;
        root->used_bytes = (size_t)(region->next - region->base);
        root->magic = COMPILED_MAGIC;
    }
    return rc;
}

int compile_bundle(const struct bundle *bundle, const struct compile_options *options,
                   struct arena *region, const struct compiled **out,
                   struct compile_report *report, struct err *e)
{
    memset(report, 0, sizeof *report);
    report->set = load_rules(bundle);
    if (options->double_seed != 0) {
        sigma_double(report->set, options->double_seed);
    }
    if (options->rules_only) {
        return 0;
    }
    if (options->hunt) {
        hunt_plan_prepare(report->set);
    }
    struct compiled *root = arena_alloc(region, sizeof *root);
    struct sources *sources = load_sources(bundle, options, report->set);
    /* A hunt's few rules are not worth reading it. */
    struct rates *rates = options->hunt ? NULL : load_rates(bundle, report->set);
    int rc = compile_all(root, sources, rates, options, report->set, region, e);
    rates_free(&rates);
    sources_free(&sources);
    if (rc == 0) {
        report->unreachable = ruleset_unreachable(root->ruleset);
        report->region_bytes = root->used_bytes;
        *out = root;
    }
    return rc;
}

void compile_report_free(struct compile_report *report)
{
    if (report->set != NULL) {
        sigma_set_free(&report->set);
    }
}

const char *compile_stamp(void)
{
    static char text[256];
    char pcre[64] = "";
    (void)pcre2_config(PCRE2_CONFIG_VERSION, pcre);
#if defined(__x86_64__)
    /* Nothing compiled depends on them today; a plan that does must not meet another processor. */
    unsigned cpu = (__builtin_cpu_supports("avx2") ? 1U : 0U) | (__builtin_cpu_supports("avx512bw") ? 2U : 0U) |
                   (__builtin_cpu_supports("avx512vbmi") ? 4U : 0U);
#else
    unsigned cpu = 0;
#endif
    (void)snprintf(text, sizeof text, "pcre2 %s, fyaml %s, cpu %u, pointer %zu", pcre, fy_library_version(), cpu,
                   sizeof(void *));
    return text;
}
