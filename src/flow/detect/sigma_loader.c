/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The loader: gathers documents of all files, builds each on its own, then resolves what refers to what. A document that
 * cannot be loaded is refused with file, line and reason and costs no other. Runs in the compiler role and in `rules
 * check`; it reads bytes handed to it, never files.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "flow/detect/sigma_collection.h"
#include "flow/detect/sigma_priv.h"

struct document {
    const struct yaml_node *root;
    struct span text;
    struct span file;
    uint32_t line;
    bool merged;  /* holds keys of other documents of its file */
    bool foreign; /* of another node */
};

struct sigma_loader {
    struct arena trees; /* YAML of all files, until finish */
    struct arena scratch;
    struct map placeholders;
    VEC(struct document) docs;
    correlation_list correlations;
    VEC(struct sigma_filter *) filters;
    uint32_t npreds; /* of all documents */
    size_t regex_bytes;
    struct sigma_index index;
    struct map owner; /* id → address of struct sigma_rule, over all kinds of documents */
    struct sigma_set *set;
};

int sigma_refuse(struct sigma_build *b, uint32_t line, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    if (b->failed) {
        return ERR_INVALID;
    }
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    b->failed = true;
    b->problem = (struct sigma_refused){b->file, line == 0 ? b->line : line,
                                        arena_copy(b->arena, span_of(text))};
    return ERR_INVALID;
}

void sigma_warn(struct sigma_build *b, uint32_t line, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    vec_push(&b->set->warnings, (struct sigma_warning){b->file, line, arena_copy(b->arena, span_of(text))});
}

struct sigma_loader *sigma_loader_new(void)
{
    struct sigma_loader *l = mem_alloc(sizeof *l);
    arena_init(&l->trees, 1024 * 1024);
    arena_init(&l->scratch, 1024 * 1024);
    map_init(&l->placeholders);
    map_init(&l->index.ids);
    map_init(&l->index.names);
    map_init(&l->owner);
    l->set = mem_alloc(sizeof *l->set);
    arena_init(&l->set->arena, 1024 * 1024);
    return l;
}

void sigma_set_free(struct sigma_set **set)
{
    struct sigma_set *s = *set;
    if (s == NULL) {
        return;
    }
    vec_free(&s->rules);
    vec_free(&s->correlations);
    vec_free(&s->refused);
    vec_free(&s->warnings);
    arena_fini(&s->arena);
    mem_free(s);
    *set = NULL;
}

void sigma_loader_free(struct sigma_loader **loader)
{
    struct sigma_loader *l = *loader;
    if (l == NULL) {
        return;
    }
    sigma_set_free(&l->set);
    vec_free(&l->docs);
    vec_free(&l->correlations);
    vec_free(&l->filters);
    map_free(&l->placeholders);
    map_free(&l->index.ids);
    map_free(&l->index.names);
    map_free(&l->owner);
    arena_fini(&l->trees);
    arena_fini(&l->scratch);
    mem_free(l);
    *loader = NULL;
}

/* A name given again gets the new values behind the old ones. */
void sigma_loader_placeholder(struct sigma_loader *l, const struct sigma_placeholder *p)
{
    struct sigma_placeholder *mine = arena_alloc(&l->trees, sizeof *mine);
    uint64_t before_at = 0;
    const struct sigma_placeholder *before = NULL;
    if (map_get(&l->placeholders, p->name, &before_at)) {
        before = (const struct sigma_placeholder *)(uintptr_t)before_at;
    }
    uint32_t old = before == NULL ? 0 : before->nvalues;
    struct span *values = arena_calloc(&l->trees, (size_t)old + p->nvalues + 1, sizeof *values);
    for (uint32_t i = 0; i < old; i++) {
        values[i] = before->values[i];
    }
    for (uint32_t i = 0; i < p->nvalues; i++) {
        values[old + i] = arena_copy(&l->trees, p->values[i]);
    }
    *mine = (struct sigma_placeholder){arena_copy(&l->trees, p->name), values, old + p->nvalues};
    map_put(&l->placeholders, mine->name, (uint64_t)(uintptr_t)mine);
}

static void set_refuse(struct sigma_set *set, struct span file, uint32_t line, const char *reason)
{
    vec_push(&set->refused,
             (struct sigma_refused){file, line, arena_copy(&set->arena, span_of(reason))});
}

static void take_document(struct sigma_loader *l, struct collection *c, struct span file,
                          bool foreign, const struct yaml_doc *doc)
{
    const struct yaml_node *root = NULL;
    bool merged = false;
    if (doc->problem != NULL) {
        set_refuse(l->set, file, doc->problem_line, doc->problem);
        return;
    }
    if (doc->root->kind != YAML_MAP) {
        set_refuse(l->set, file, doc->root->line, "a rule must be a map");
        return;
    }
    const char *problem = collection_next(c, &l->trees, doc->root, &root, &merged);
    if (problem != NULL) {
        set_refuse(l->set, file, doc->line, problem);
    } else if (root != NULL) {
        struct document d = {root, arena_copy(&l->trees, doc->text), file, doc->line, merged, foreign};
        vec_push(&l->docs, d);
    }
}

static void take_file(struct sigma_loader *l, struct span file_name, bool foreign, struct span bytes)
{
    struct span file = arena_copy(&l->set->arena, file_name);
    struct collection c = {0};
    struct yaml_docs docs = {0};
    struct err e = {0};
    if (bytes.len > SIGMA_FILE_MAX_BYTES) {
        set_refuse(l->set, file, 0, "the file is larger than 1 MiB");
        return;
    }
    int code = yaml_read(&l->trees, bytes, &docs, &e);
    if (docs.len == 0) {
        set_refuse(l->set, file, e.line, code != 0 ? e.text : "the file holds no rule");
        return;
    }
    for (uint32_t i = 0; i < docs.len; i++) {
        take_document(l, &c, file, foreign, &docs.docs[i]);
    }
}

void sigma_loader_file(struct sigma_loader *l, struct span file_name, struct span bytes)
{
    take_file(l, file_name, false, bytes);
}

void sigma_loader_foreign(struct sigma_loader *l, struct span file_name, struct span bytes)
{
    take_file(l, file_name, true, bytes);
}

/* ---- one document ---- */

/* Gives a rule its id; a second owner is refused unless the id came with a collection. */
static int own_id(struct sigma_loader *l, struct sigma_build *b, const struct document *d,
                  struct sigma_rule *r)
{
    uint64_t at = 0;
    bool fresh = false;
    if (r->id.len == 0) {
        r->id = map_get(&l->owner, r->file, &at)
                    ? span_of(arena_printf(b->arena, "%.*s:%u", SPAN_ARG(r->file), r->line))
                    : r->file;
    }
    if (d->foreign && map_get(&l->owner, r->id, &at) && !span_eq(((const struct sigma_rule *)(uintptr_t)at)->file, r->file)) {
        sigma_foreign_rename(b->arena, r);
    }
    if (map_get(&l->owner, r->id, &at)) {
        const struct sigma_rule *first = (const struct sigma_rule *)(uintptr_t)at;
        if (!d->merged || !span_eq(first->file, r->file)) {
            return sigma_refuse(b, b->line, "id %.*s is taken by %.*s line %u",
                                SPAN_ARG(span_sub(r->id, 0, 200)), SPAN_ARG(first->file), first->line);
        }
        r->id = span_of(arena_printf(b->arena, "%.*s#%u", SPAN_ARG(r->id), r->line));
        sigma_warn(b, b->line, "several rules of this collection share an id: this one goes by %.*s",
                   SPAN_ARG(span_sub(r->id, 0, 200)));
    }
    *map_at(&l->owner, r->id, &fresh) = (uint64_t)(uintptr_t)r;
    return fresh ? 0 : sigma_refuse(b, b->line, "id %.*s stands twice", SPAN_ARG(span_sub(r->id, 0, 200)));
}

static void build_rule(struct sigma_loader *l, struct sigma_build *b, const struct document *d)
{
    static const char *const own[] = {"condition", "timeframe", NULL};
    struct sigma_rule *r = arena_alloc(b->arena, sizeof *r);
    const struct yaml_node *detection = yaml_get(d->root, "detection");
    const struct yaml_node *timeframe = yaml_get(detection, "timeframe");
    bool negated = false;
    if (sigma_meta(b, d->root, d->text, r) != 0 || sigma_logsource(b, d->root, &r->logsource) != 0) {
        return;
    }
    r->root = sigma_detection(b, detection, "detection", own, &negated);
    r->nleaves = b->nleaves;
    r->foreign = d->foreign;
    if (r->root == NULL || own_id(l, b, d, r) != 0) {
        return;
    }
    if (timeframe != NULL) {
        sigma_warn(b, timeframe->line, "'timeframe' is not part of Sigma any more: write a correlation rule");
    }
    vec_push(&l->set->rules, r);
}

static void build_correlation(struct sigma_loader *l, struct sigma_build *b,
                              const struct document *d)
{
    struct sigma_correlation *c = sigma_correlation(b, d->root, d->text);
    if (c != NULL && own_id(l, b, d, &c->meta) == 0) {
        c->meta.foreign = d->foreign;
        vec_push(&l->correlations, c);
    }
}

static void build_filter(struct sigma_loader *l, struct sigma_build *b, const struct document *d)
{
    if (d->foreign) { /* it could silence the rules of this house */
        (void)sigma_refuse(b, b->line, "a filter that comes from another node is not applied");
        return;
    }
    struct sigma_filter *f = sigma_filter(b, d->root, d->text);
    if (f == NULL || own_id(l, b, d, &f->meta) != 0) {
        return;
    }
    if (l->filters.len == SIGMA_REFS_MAX) {
        (void)sigma_refuse(b, b->line, "more than %d filters", SIGMA_REFS_MAX);
        return;
    }
    vec_push(&l->filters, f);
}

static void build_document(struct sigma_loader *l, const struct document *d)
{
    struct sigma_build b = {.set = l->set,
                            .arena = &l->set->arena,
                            .scratch = &l->scratch,
                            .placeholders = &l->placeholders,
                            .file = d->file,
                            .line = d->line,
                            .regex_before = l->regex_bytes};
    bool detects = yaml_get(d->root, "detection") != NULL;
    arena_reset(&l->scratch);
    if (l->npreds > SIGMA_PREDS_TOTAL_MAX) {
        (void)sigma_refuse(&b, d->line, "the rules before this one hold more than %d values",
                           SIGMA_PREDS_TOTAL_MAX);
    } else if (yaml_get(d->root, "correlation") != NULL) {
        build_correlation(l, &b, d);
    } else if (yaml_get(d->root, "filter") != NULL && !detects) {
        build_filter(l, &b, d);
    } else if (detects) {
        build_rule(l, &b, d);
    } else {
        (void)sigma_refuse(&b, d->line, "neither a detection, nor a correlation, nor a filter");
    }
    l->npreds += b.npreds;
    l->regex_bytes += b.failed ? 0 : b.regex_bytes;
    if (b.failed) {
        vec_push(&l->set->refused, b.problem);
    }
}

/* ---- all documents ---- */

static void index_add(struct sigma_index *ix, const struct sigma_rule *r, size_t number)
{
    bool fresh = false;
    map_put(&ix->ids, r->id, number + 1);
    /* A name from outside could make one of ours stand for two rules. */
    if (r->name.len > 0 && !r->foreign) {
        uint64_t *at = map_at(&ix->names, r->name, &fresh);
        *at = fresh ? number + 1 : SIGMA_AMBIGUOUS;
    }
}

static void index_all(struct sigma_loader *l)
{
    size_t nrules = l->set->rules.len;
    for (size_t i = 0; i < nrules; i++) {
        index_add(&l->index, l->set->rules.data[i], i);
    }
    for (size_t i = 0; i < l->correlations.len; i++) {
        index_add(&l->index, &l->correlations.data[i]->meta, nrules + i);
    }
}

static int span_order(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int d = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
    return d != 0 ? d : (a.len > b.len) - (a.len < b.len);
}

static int refused_order(const void *a, const void *b)
{
    const struct sigma_refused *x = a;
    const struct sigma_refused *y = b;
    int d = span_order(x->file, y->file);
    d = d != 0 ? d : (x->line > y->line) - (x->line < y->line);
    return d != 0 ? d : span_order(x->reason, y->reason);
}

static int warning_order(const void *a, const void *b)
{
    const struct sigma_warning *x = a;
    const struct sigma_warning *y = b;
    int d = span_order(x->file, y->file);
    d = d != 0 ? d : (x->line > y->line) - (x->line < y->line);
    return d != 0 ? d : span_order(x->text, y->text);
}

struct sigma_set *sigma_loader_finish(struct sigma_loader *l)
{
    struct sigma_set *set = l->set;
    CHECK(set != NULL); /* once */
    for (size_t i = 0; i < l->docs.len; i++) {
        build_document(l, &l->docs.data[i]);
    }
    sigma_foreign_fence(set, &l->correlations);
    index_all(l);
    sigma_filters_apply(set, &l->index, l->filters.data, l->filters.len);
    sigma_correlations_resolve(set, &l->index, l->correlations.data, l->correlations.len);
    sigma_foreign_silence(set);
    set->nfilters = (uint32_t)l->filters.len;
    if (set->refused.len > 0) {
        qsort(set->refused.data, set->refused.len, sizeof *set->refused.data, refused_order);
    }
    if (set->warnings.len > 0) {
        qsort(set->warnings.data, set->warnings.len, sizeof *set->warnings.data, warning_order);
    }
    l->set = NULL;
    return set;
}
