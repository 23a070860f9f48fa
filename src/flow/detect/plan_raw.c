/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Prepares the first look for keywords: in the record as it came, before any value is unescaped or folded. Compiler role;
 * match_raw.c does the looking. Must never miss: what JSON can write in several ways is left out or looked for as such.
 */
#include <stdlib.h>

#include "flow/detect/plan_build.h"

enum {
    PLAN_CHAIN_SETS = 64,     /* of keywords, in one chain */
    PLAN_CHAIN_LITERALS = 96, /* looked for at once for a chain */
};

/* JSON writes these characters as they are or as "\u…", never in another way. */
static bool stays_in_json(char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '/';
}

static struct span raw_part(struct span literal)
{
    struct span best = SPAN("");
    size_t from = 0;
    for (size_t i = 0; i <= literal.len; i++) {
        if (i < literal.len && stays_in_json(literal.ptr[i])) {
            continue;
        }
        if (i - from > best.len) {
            best = span_sub(literal, from, i - from);
        }
        from = i + 1;
    }
    return best;
}

/* Behind "\\u" stand four hex digits, or it is no escape and what follows stands for itself. */
static void admit_hex(struct plan_masks *t, unsigned place, unsigned bucket)
{
    for (const char *c = "0123456789abcdefABCDEF"; *c != '\0'; c++) {
        plan_admit(t, place, (unsigned char)*c, bucket);
    }
}

static void add_masks(struct plan_raw *r, const struct plan_raw_literal *l)
{
    for (unsigned k = 0; k < PLAN_MASK_PLACES; k++) {
        if (l->offset + k >= l->text.len && l->escape) {
            admit_hex(&r->masks, k, l->bucket);
            continue;
        }
        if (l->offset + k >= l->text.len) {
            plan_admit_all(&r->masks, k, l->bucket);
            continue;
        }
        char c = l->text.ptr[l->offset + k];
        plan_admit(&r->masks, k, (unsigned char)c, l->bucket);
        if (!l->exact && c >= 'a' && c <= 'z') {
            plan_admit(&r->masks, k, (unsigned char)(c - 32), l->bucket);
        }
    }
}

/* Equal windows side by side, so that they share a bucket. */
static int window_cmp(const void *x, const void *y)
{
    const struct plan_raw_literal *a = x;
    const struct plan_raw_literal *b = y;
    int c = memcmp(a->text.ptr + a->offset, b->text.ptr + b->offset, PLAN_RAW_MIN);
    if (c != 0) {
        return c;
    }
    size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
    c = memcmp(a->text.ptr, b->text.ptr, n);
    return c != 0 ? c : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

const struct plan_raw *plan_raw_make(struct plan_build *b, const struct plan_literal *literals,
                                     uint32_t n)
{
    /* Other spellings of ASCII text: the two characters outside ASCII that fold into it (Kelvin sign, long s), and JSON's
     * escape. Where one of them stands, the values are looked at in full. The escape has a bucket of its own, for the bytes
     * of a bucket's literals are admitted in every combination. */
    enum { BUCKET_ESCAPE = PLAN_MASK_BUCKETS - 1, BUCKET_HIGH = BUCKET_ESCAPE - 1, BUCKETS = BUCKET_HIGH };
    static const struct plan_raw_literal others[] = {
        {.text = {"\xe2\x84\xaa", 3}, .exact = true, .bucket = BUCKET_HIGH},
        {.text = {"\xc5\xbf", 2}, .exact = true, .bucket = BUCKET_HIGH},
        {.text = {"\\u", 2}, .exact = true, .escape = true, .bucket = BUCKET_ESCAPE},
    };
    enum { OTHERS = ARRAY_LEN(others) };
    struct plan_raw_literal *raw = arena_calloc(b->region, n + OTHERS, sizeof *raw);
    for (uint32_t i = 0; i < n; i++) {
        raw[i].text = raw_part(literals[i].text);
        if (raw[i].text.len < PLAN_RAW_MIN) {
            return NULL; /* shorter parts would be found in nearly every record */
        }
        raw[i].offset = plan_rare_window(raw[i].text);
    }
    qsort(raw, n, sizeof *raw, window_cmp);
    memcpy(raw + n, others, sizeof others);
    for (uint32_t i = 0; i < OTHERS; i++) { /* into the region: other processes have nothing of this one's constants */
        raw[n + i].text = arena_copy(b->region, others[i].text);
    }
    struct plan_raw *r = arena_alloc(b->region, sizeof *r);
    r->literals = raw;
    r->n = n + OTHERS;
    for (uint32_t i = 0; i < r->n; i++) {
        raw[i].bucket = i < n ? (uint8_t)((uint64_t)i * BUCKETS / n) : raw[i].bucket;
        r->first[raw[i].bucket + 1] = i + 1;
        add_masks(r, &raw[i]);
    }
    for (unsigned k = 1; k <= PLAN_MASK_BUCKETS; k++) {
        r->first[k] = r->first[k] < r->first[k - 1] ? r->first[k - 1] : r->first[k];
    }
    return r;
}

/* Sets of keywords that the stages of a chain look for, each once. */
struct keyword_sets {
    const struct plan_set *sets[PLAN_CHAIN_SETS];
    uint32_t n;
    bool bad; /* too many, or one cannot be looked for in a record as it came */
};

/* Whether the plan looks for keywords: then their set is in x. */
static bool add_plan(struct keyword_sets *x, const struct plan *plan)
{
    const struct plan_group *g = plan == NULL || plan->ngroups == 0 ? NULL : &plan->groups[plan->ngroups - 1];
    if (g == NULL || g->field != FIELD_NONE || g->set == NULL) {
        return false; /* keywords stand last */
    }
    for (uint32_t i = 0; i < x->n; i++) {
        if (x->sets[i] == g->set) {
            return true;
        }
    }
    x->bad = x->bad || x->n == PLAN_CHAIN_SETS || g->set->raw == NULL;
    if (!x->bad) {
        x->sets[x->n++] = g->set;
    }
    return true;
}

/* The same of any of a stage's plans. */
static bool add_stage(struct keyword_sets *x, const struct plan_stage *stage)
{
    bool any = add_plan(x, stage->whole);
    any |= add_plan(x, stage->other);
    for (uint32_t i = 0; stage->values != NULL && i < stage->values->n; i++) {
        any |= add_plan(x, stage->by_value[i]);
    }
    return any;
}

static int text_cmp(const void *x, const void *y)
{
    const struct plan_literal *a = x;
    const struct plan_literal *b = y;
    size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
    int c = memcmp(a->text.ptr, b->text.ptr, n);
    return c != 0 ? c : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

/* All literals of the sets, each text once; NULL: more than PLAN_CHAIN_LITERALS, with which a record would stop often. */
static struct plan_literal *union_of(struct plan_build *b, const struct keyword_sets *x, uint32_t *n_out)
{
    uint32_t all = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->n; i++) {
        all += x->sets[i]->n;
    }
    struct plan_literal *l = arena_calloc(&b->temp, all + 1, sizeof *l);
    for (uint32_t i = 0, at = 0; i < x->n; at += x->sets[i++]->n) {
        memcpy(l + at, x->sets[i]->literals, x->sets[i]->n * sizeof *l);
    }
    qsort(l, all, sizeof *l, text_cmp);
    for (uint32_t i = 0; i < all; i++) {
        if (i == 0 || text_cmp(&l[i], &l[i - 1]) != 0) {
            l[n++] = l[i];
        }
    }
    *n_out = n;
    return n > PLAN_CHAIN_LITERALS ? NULL : l;
}

void plan_raw_chains(struct plan_build *b, struct plan_chain *chains, uint32_t n)
{
    for (uint32_t c = 0; c < n; c++) {
        struct keyword_sets x = {0};
        uint32_t with = 0; /* stages that look for any */
        for (uint32_t i = 0; i < chains[c].nstages; i++) {
            with += add_stage(&x, &chains[c].stages[i]);
        }
        uint32_t nliterals = 0;
        if (with > 1 && x.n > 1 && !x.bad) {
            const struct plan_literal *l = union_of(b, &x, &nliterals);
            chains[c].raw = l == NULL ? NULL : plan_raw_make(b, l, nliterals);
        }
    }
}
