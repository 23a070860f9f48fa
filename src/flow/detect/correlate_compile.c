/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Correlations of a loaded set, packed into the compile region: plain data that every process maps read-only. Runs in
 * the compiler role. References stay numbers (rules first, then correlations); fields become field ids.
 */
#include <sodium.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/vec.h"
#include "flow/detect/correlate_priv.h"

enum { IDENTITY_TEXT_MAX = 256 << 20 /* bytes hashed of one definition: nrefs × fields names */ };

typedef VEC(field_id) field_list;

struct compiler {
    const struct sigma_set *set;
    const struct catalog *catalog;
    struct arena *region;
    struct corr_rule *corrs;
    uint32_t nrules;
    uint32_t n;
};

static const struct sigma_rule *meta_of(const struct compiler *c, uint32_t number)
{
    return number < c->nrules ? c->set->rules.data[number]
                              : &c->set->correlations.data[number - c->nrules]->meta;
}

/* The field that a group-by or value name means in what ref k refers to. */
static struct span real_name(const struct compiler *c, const struct sigma_correlation *s, uint32_t k,
                             struct span name)
{
    const struct sigma_rule *meta = meta_of(c, s->ref_index[k]);
    for (uint32_t i = 0; i < s->naliases; i++) {
        const struct sigma_alias *a = &s->aliases[i];
        if (span_eq(a->alias, name) && (span_eq(a->rule, s->refs[k]) || span_eq(a->rule, meta->id) ||
                                        (meta->name.len > 0 && span_eq(a->rule, meta->name)))) {
            return a->field;
        }
    }
    return name;
}

static struct corr_key key_of(const struct compiler *c, const struct sigma_correlation *s, uint32_t k,
                              struct span name)
{
    struct span real = real_name(c, s, k, name);
    struct corr_key key = {catalog_field(c->catalog, real), UINT32_MAX};
    if (s->ref_index[k] >= c->nrules) {
        const struct sigma_correlation *inner = c->set->correlations.data[s->ref_index[k] - c->nrules];
        for (uint32_t i = 0; i < inner->ngroup_by; i++) {
            if (span_eq(inner->group_by[i], real)) {
                key.inner = i;
                break;
            }
        }
    }
    return key;
}

static const struct corr_key *keys_of(const struct compiler *c, const struct sigma_correlation *s)
{
    uint32_t width = s->ngroup_by + s->nfields;
    struct corr_key *keys = arena_calloc(c->region, (size_t)s->nrefs * width + 1, sizeof *keys);
    for (uint32_t k = 0; k < s->nrefs; k++) {
        for (uint32_t i = 0; i < width; i++) {
            keys[(size_t)k * width + i] =
                key_of(c, s, k, i < s->ngroup_by ? s->group_by[i] : s->fields[i - s->ngroup_by]);
        }
    }
    return keys;
}

/* Depth is bounded by the loader. */
static const struct sigma_corr_node *copy_node(struct arena *region, const struct sigma_corr_node *n)
{
    if (n == NULL) {
        return NULL;
    }
    struct sigma_corr_node *out = arena_alloc(region, sizeof *out);
    *out = *n;
    out->kids = arena_calloc(region, (size_t)n->nkids + 1, sizeof *out->kids);
    for (uint32_t i = 0; i < n->nkids; i++) {
        out->kids[i] = copy_node(region, n->kids[i]);
    }
    return out;
}

static void compile_bounds(const struct compiler *c, const struct sigma_correlation *s,
                           struct corr_rule *out)
{
    bool temporal = s->type == CORR_TEMPORAL || s->type == CORR_TEMPORAL_ORDERED;
    bool all = temporal && s->nbounds == 0;
    struct sigma_bound *bounds = arena_calloc(c->region, (size_t)s->nbounds + 1, sizeof *bounds);
    for (uint32_t i = 0; i < s->nbounds; i++) {
        bounds[i] = s->bounds[i];
    }
    if (all) {
        bounds[0] = (struct sigma_bound){CMP_GTE, s->nrefs};
    }
    out->bounds = bounds;
    out->nbounds = all ? 1 : s->nbounds;
    out->extended = copy_node(c->region, s->extended);
    out->masks = s->type == CORR_TEMPORAL_ORDERED && (s->nbounds > 0 || s->extended != NULL);
}

/* ---- identity ---- */

/* Bytes that no other sequence of puts makes: every part says how long it is. */
static void put_node(struct buf *b, const struct sigma_corr_node *n)
{
    buf_u8(b, n == NULL ? UINT8_MAX : (uint8_t)n->kind);
    if (n == NULL) {
        return;
    }
    buf_u32(b, n->kind == NODE_PRED ? n->ref : n->nkids);
    for (uint32_t i = 0; n->kind != NODE_PRED && i < n->nkids; i++) {
        put_node(b, n->kids[i]);
    }
}

/* What ref k is and which fields it gives: a rule by its id (without one by its place), a correlation by its identity. */
static void put_ref(struct buf *b, const struct compiler *c, const struct sigma_correlation *s, uint32_t k)
{
    uint32_t number = s->ref_index[k];
    buf_u8(b, number < c->nrules ? 0 : 1);
    if (number >= c->nrules) {
        buf_put(b, c->corrs[number - c->nrules].identity, CORR_IDENTITY_BYTES);
    } else {
        const struct sigma_rule *meta = c->set->rules.data[number];
        buf_str(b, meta->id.len > 0 ? meta->id : meta->file);
    }
    for (uint32_t i = 0; i < s->ngroup_by; i++) {
        buf_str(b, real_name(c, s, k, s->group_by[i]));
    }
    for (uint32_t i = 0; i < s->nfields; i++) {
        buf_str(b, real_name(c, s, k, s->fields[i]));
    }
}

static void compile_identity(const struct compiler *c, const struct sigma_correlation *s, struct corr_rule *out)
{
    struct buf b;
    buf_init(&b, IDENTITY_TEXT_MAX);
    buf_str(&b, s->meta.id.len > 0 ? s->meta.id : s->meta.file);
    buf_u8(&b, (uint8_t)s->type);
    buf_u64(&b, (uint64_t)s->timespan_ns);
    buf_u32(&b, s->nrefs);
    buf_u32(&b, s->ngroup_by);
    buf_u32(&b, s->nfields);
    for (uint32_t k = 0; k < s->nrefs; k++) {
        put_ref(&b, c, s, k);
    }
    buf_u32(&b, s->nbounds);
    for (uint32_t i = 0; i < s->nbounds; i++) {
        buf_u8(&b, (uint8_t)s->bounds[i].cmp);
        buf_put(&b, &s->bounds[i].number, sizeof s->bounds[i].number);
    }
    buf_put(&b, &s->percentile, sizeof s->percentile);
    put_node(&b, s->extended);
    CHECK(!b.failed); /* the loader bounds a rule's text */
    MUST(crypto_generichash(out->identity, sizeof out->identity, (const unsigned char *)b.data, b.len, NULL, 0));
    buf_free(&b);
}

static void compile_one(const struct compiler *c, uint32_t number)
{
    const struct sigma_correlation *s = c->set->correlations.data[number];
    struct corr_rule *out = &c->corrs[number];
    struct span *names = arena_calloc(c->region, (size_t)s->ngroup_by + 1, sizeof *names);
    for (uint32_t i = 0; i < s->ngroup_by; i++) {
        names[i] = arena_copy(c->region, s->group_by[i]);
    }
    *out = (struct corr_rule){.type = s->type,
                              .span_ns = s->timespan_ns,
                              .nrefs = s->nrefs,
                              .ngroup = s->ngroup_by,
                              .nvalues = s->nfields,
                              .keys = keys_of(c, s),
                              .names = names,
                              .percentile = s->percentile};
    compile_bounds(c, s, out);
    compile_identity(c, s, out);
}

/* Who refers to each number: counted, then filled. */
static void compile_uses(const struct compiler *c, struct correlations *out)
{
    uint32_t total = c->nrules + c->n;
    uint32_t *start = arena_calloc(c->region, (size_t)total + 2, sizeof *start);
    for (uint32_t i = 0; i < c->n; i++) {
        const struct sigma_correlation *s = c->set->correlations.data[i];
        for (uint32_t k = 0; k < s->nrefs; k++) {
            start[s->ref_index[k] + 1]++;
        }
    }
    for (uint32_t i = 0; i < total; i++) {
        start[i + 1] += start[i];
    }
    struct corr_use *uses = arena_calloc(c->region, (size_t)start[total] + 1, sizeof *uses);
    uint32_t *at = mem_calloc((size_t)total + 1, sizeof *at);
    for (uint32_t i = 0; i < c->n; i++) {
        const struct sigma_correlation *s = c->set->correlations.data[i];
        for (uint32_t k = 0; k < s->nrefs; k++) {
            uint32_t number = s->ref_index[k];
            uses[start[number] + at[number]++] = (struct corr_use){i, k};
        }
    }
    mem_free(at);
    out->use_start = start;
    out->uses = uses;
}

/* Adds what correlation i, and those upon it, ask of an event below it. `seen` marks correlations already visited. */
static void need_fields(const struct correlations *out, uint32_t number, unsigned char *seen,
                        field_list *fields)
{
    for (uint32_t u = out->use_start[number]; u < out->use_start[number + 1]; u++) {
        const struct corr_use *use = &out->uses[u];
        const struct corr_rule *r = &out->corrs[use->corr];
        uint32_t width = r->ngroup + r->nvalues;
        for (uint32_t i = 0; i < width; i++) {
            const struct corr_key *key = &r->keys[(size_t)use->ref * width + i];
            if (key->field != FIELD_NONE && key->inner == UINT32_MAX) {
                vec_push(fields, key->field);
            }
        }
        if (seen[use->corr] == 0) {
            seen[use->corr] = 1;
            need_fields(out, out->nrules + use->corr, seen, fields);
        }
    }
}

static int by_id(const void *a, const void *b)
{
    field_id x = *(const field_id *)a;
    field_id y = *(const field_id *)b;
    return (x > y) - (x < y);
}

static void sort_distinct(field_list *f)
{
    size_t n = 0;
    if (f->len == 0) {
        return;
    }
    qsort(f->data, f->len, sizeof *f->data, by_id);
    for (size_t i = 0; i < f->len; i++) {
        if (n == 0 || f->data[n - 1] != f->data[i]) {
            f->data[n++] = f->data[i];
        }
    }
    f->len = n;
}

static void compile_fields(const struct compiler *c, struct correlations *out)
{
    uint32_t *start = arena_calloc(c->region, (size_t)c->nrules + 1, sizeof *start);
    field_list all = {0};
    unsigned char *seen = mem_alloc((size_t)c->n + 1);
    for (uint32_t r = 0; r < c->nrules; r++) {
        field_list one = {0};
        if (out->use_start[r] < out->use_start[r + 1]) {
            memset(seen, 0, c->n);
            need_fields(out, r, seen, &one);
            sort_distinct(&one);
        }
        for (size_t i = 0; i < one.len; i++) {
            vec_push(&all, one.data[i]);
        }
        start[r + 1] = (uint32_t)all.len;
        vec_free(&one);
    }
    field_id *fields = arena_calloc(c->region, all.len + 1, sizeof *fields);
    if (all.len > 0) {
        memcpy(fields, all.data, all.len * sizeof *fields);
    }
    out->field_start = start;
    out->fields = fields;
    mem_free(seen);
    vec_free(&all);
}

const struct correlations *correlations_compile(const struct sigma_set *set, const struct catalog *catalog,
                                                struct arena *region)
{
    struct correlations *out = arena_alloc(region, sizeof *out);
    struct compiler c = {.set = set,
                         .catalog = catalog,
                         .region = region,
                         .nrules = (uint32_t)set->rules.len,
                         .n = (uint32_t)set->correlations.len};
    c.corrs = arena_calloc(region, (size_t)c.n + 1, sizeof *c.corrs);
    for (uint32_t i = 0; i < c.n; i++) {
        compile_one(&c, i);
    }
    *out = (struct correlations){.nrules = c.nrules, .n = c.n, .corrs = c.corrs};
    compile_uses(&c, out);
    compile_fields(&c, out);
    return out;
}

const field_id *correlations_fields(const struct correlations *c, uint32_t rule, uint32_t *count_out)
{
    CHECK(rule < c->nrules);
    *count_out = c->field_start[rule + 1] - c->field_start[rule];
    return c->fields + c->field_start[rule];
}

bool correlations_uses(const struct correlations *c, uint32_t rule)
{
    return rule < c->nrules && c->use_start[rule] < c->use_start[rule + 1];
}

uint32_t correlations_count(const struct correlations *c)
{
    return c->n;
}

uint32_t correlations_reads(const struct correlations *c, uint32_t correlation, uint32_t rule, field_id *out, uint32_t max)
{
    uint32_t n = 0;
    CHECK(rule < c->nrules);
    for (uint32_t u = c->use_start[rule]; u < c->use_start[rule + 1]; u++) {
        const struct corr_rule *r = &c->corrs[c->uses[u].corr];
        uint32_t row = r->ngroup + r->nvalues;
        for (uint32_t i = 0; i < row && c->uses[u].corr == correlation && n < max; i++) {
            out[n++] = r->keys[(size_t)c->uses[u].ref * row + i].field;
        }
    }
    return n;
}
