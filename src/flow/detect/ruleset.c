/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Compiles a sigma_set against a catalog: which rules each event class must try, and how to find out quickly which of
 * them can match. Compiler role, and scan, bench and hunt, which compile for themselves. Reads only; whoever calls seals
 * the region afterwards.
 */
#include "flow/detect/ruleset.h"

#include <stdlib.h>

#include "base/buf.h"
#include "flow/detect/plan_build.h"

enum {
    CHAIN_MAX = 16,               /* classes evaluated for one event; sources of today make 2 */
    SPLIT_VALUES_MAX = 2048,      /* plans per class; all public rules name about 300 event ids */
    STAGE_KEY_MAX_BYTES = 64 * 1024 * 1024, /* serialised rule numbers of one class */
};

/* Rules with the same log source apply to the same classes: asked once per distinct one. */
struct routes {
    struct logsource *sources; /* distinct */
    uint32_t nsources;
    uint32_t *of_rule;
    bool *applies; /* scratch, per source: to the class at hand */
};

static struct span lower(struct arena *a, struct span s)
{
    char *out = arena_bytes(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        out[i] = ascii_lower(s.ptr[i]);
    }
    return span_make(out, s.len);
}

static void routes_make(struct plan_build *b, struct routes *r)
{
    uint32_t n = (uint32_t)b->set->rules.len;
    struct map index;
    map_init(&index);
    r->sources = arena_calloc(&b->temp, n + 1, sizeof *r->sources);
    r->of_rule = arena_calloc(&b->temp, n + 1, sizeof *r->of_rule);
    for (uint32_t i = 0; i < n; i++) {
        const struct logsource *l = &b->set->rules.data[i]->logsource;
        const char *key = arena_printf(&b->temp, "%.*s\x1f%.*s\x1f%.*s", SPAN_ARG(l->product),
                                       SPAN_ARG(l->category), SPAN_ARG(l->service));
        bool fresh;
        uint64_t *at = map_at(&index, lower(&b->temp, span_of(key)), &fresh);
        if (fresh) {
            r->sources[r->nsources] = *l;
            *at = r->nsources++;
        }
        r->of_rule[i] = (uint32_t)*at;
    }
    r->applies = arena_calloc(&b->temp, r->nsources + 1, sizeof *r->applies);
    map_free(&index);
}

static void routes_ask(struct routes *r, const struct event_class *c)
{
    for (uint32_t s = 0; s < r->nsources; s++) {
        r->applies[s] = false;
        for (uint32_t i = 0; i < c->nsources && !r->applies[s]; i++) {
            r->applies[s] = logsource_applies(&r->sources[s], &c->sources[i]);
        }
    }
}

static int span_order(const void *x, const void *y)
{
    const struct span *a = x;
    const struct span *b = y;
    size_t n = a->len < b->len ? a->len : b->len;
    int c = n == 0 ? 0 : memcmp(a->ptr, b->ptr, n);
    return c != 0 ? c : (a->len > b->len) - (a->len < b->len);
}

/* Distinct values of the split field that the rules name, sorted. */
static uint32_t split_values(struct plan_build *b, const struct plan_stage *s, struct map *values,
                             struct span **out)
{
    for (uint32_t i = 0; i < s->nrules; i++) {
        plan_split_values(b, b->roots[s->rules[i]], s->split, values);
    }
    struct span *list = arena_calloc(&b->temp, values->len + 1, sizeof *list);
    uint32_t n = 0;
    for (size_t i = 0; i < values->cap; i++) {
        if (values->slots[i].hash != 0) {
            list[n++] = values->slots[i].key;
        }
    }
    qsort(list, n, sizeof *list, span_order);
    *out = list;
    return n;
}

static void stage_split(struct plan_build *b, struct plan_stage *s, struct plan_env *env,
                        const struct map *values, const struct span *list, uint32_t n)
{
    struct span *texts = arena_calloc(&b->temp, n, sizeof *texts);
    const struct plan **by_value = arena_calloc(b->region, n, sizeof *by_value);
    env->split = s->split;
    env->values = values;
    for (uint32_t i = 0; i < n; i++) {
        env->value = list[i];
        texts[i] = plan_copy(b, list[i]);
        by_value[i] = plan_make(b, s->rules, s->nrules, env);
    }
    s->values = plan_pack_hash(b, texts, n);
    s->by_value = by_value;
    env->other = true;
    s->other = plan_make(b, s->rules, s->nrules, env);
}

static void stage_plans(struct plan_build *b, struct plan_stage *s, const struct event_class *c)
{
    struct plan_env env = {.view = c->view, .class_id = s->class_id, .split = FIELD_NONE};
    s->whole = plan_make(b, s->rules, s->nrules, &env);
    if (b->reference || c->split == FIELD_NONE ||
        c->view->start[c->split] == c->view->start[c->split + 1]) {
        return;
    }
    struct map values;
    map_init(&values);
    struct span *list;
    s->split = c->split;
    uint32_t n = split_values(b, s, &values, &list);
    if (n == 0 || n > SPLIT_VALUES_MAX) {
        s->split = FIELD_NONE;
    } else {
        stage_split(b, s, &env, &values, list, n);
    }
    map_free(&values);
}

static struct span stage_key(struct plan_build *b, const struct event_class *c,
                             const uint32_t *rules, uint32_t n)
{
    struct buf k;
    buf_init(&k, STAGE_KEY_MAX_BYTES);
    buf_u64(&k, (uint64_t)(uintptr_t)c->view);
    buf_u32(&k, c->split);
    for (uint32_t i = 0; i < n; i++) {
        buf_u32(&k, rules[i]);
    }
    CHECK(!k.failed);
    struct span key = arena_copy(&b->temp, buf_view(&k));
    buf_free(&k);
    return key;
}

static void stage_make(struct plan_build *b, class_id cls, const uint32_t *rules, uint32_t n,
                       struct plan_stage *out)
{
    const struct event_class *c = &b->catalog->classes[cls];
    struct span key = stage_key(b, c, rules, n);
    uint64_t at;
    if (map_get(&b->stages, key, &at)) {
        *out = *(const struct plan_stage *)(uintptr_t)at;
        out->class_id = cls;
        return;
    }
    uint32_t *copy = arena_calloc(b->region, n, sizeof *copy);
    if (n > 0) {
        memcpy(copy, rules, n * sizeof *copy);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (b->roots[rules[i]] == NULL) {
            b->roots[rules[i]] = plan_tree(b, b->set->rules.data[rules[i]]);
            b->tries[rules[i]] = plan_steps(b, b->roots[rules[i]]);
        }
    }
    *out = (struct plan_stage){.class_id = cls, .split = FIELD_NONE, .rules = copy, .nrules = n};
    stage_plans(b, out, c);
    map_put(&b->stages, key, (uint64_t)(uintptr_t)out);
}

static int chain_make(struct plan_build *b, struct routes *r, class_id first,
                      struct plan_chain *out, struct err *e)
{
    uint32_t nrules = (uint32_t)b->set->rules.len;
    bool *had = arena_calloc(&b->temp, nrules + 1, sizeof *had);
    uint32_t *rules = arena_calloc(&b->temp, nrules + 1, sizeof *rules);
    uint32_t nstages = 0;
    for (class_id c = first; c != CLASS_NONE; c = b->catalog->classes[c].also) {
        CHECK(c < b->catalog->nclasses);
        if (++nstages > CHAIN_MAX) {
            return err_set(e, ERR_LIMIT, "class %.*s: more than %d classes in its chain",
                           SPAN_ARG(b->catalog->classes[first].name), (int)CHAIN_MAX);
        }
    }
    struct plan_stage *stages = arena_calloc(b->region, nstages, sizeof *stages);
    class_id c = first;
    for (uint32_t s = 0; s < nstages; s++, c = b->catalog->classes[c].also) {
        uint32_t n = 0;
        routes_ask(r, &b->catalog->classes[c]);
        for (uint32_t i = 0; i < nrules; i++) {
            if (r->applies[r->of_rule[i]] && !had[i]) {
                had[i] = true;
                rules[n++] = i;
            }
        }
        stage_make(b, c, rules, n, &stages[s]);
    }
    *out = (struct plan_chain){stages, nstages, NULL};
    return 0;
}

static struct ruleset_rule pack_meta(struct plan_build *b, const struct sigma_rule *r)
{
    return (struct ruleset_rule){.id = plan_copy(b, r->id),
                                 .title = plan_copy(b, r->title),
                                 .file = plan_copy(b, r->file),
                                 .hash = plan_copy(b, span_of(r->hash)),
                                 .level = r->level,
                                 .quiet = r->quiet};
}

/* Correlations stand behind the rules: whoever reports one needs its name and level as well. */
static void pack_rules(struct plan_build *b, struct ruleset *rs)
{
    const struct sigma_set *set = b->set;
    struct ruleset_rule *rules =
        arena_calloc(b->region, rs->nrules + (size_t)rs->ncorrelations, sizeof *rules);
    for (uint32_t i = 0; i < rs->nrules; i++) {
        rules[i] = pack_meta(b, set->rules.data[i]);
        rs->unreachable += b->roots[i] == NULL;
    }
    for (uint32_t c = 0; c < rs->ncorrelations; c++) {
        const struct sigma_correlation *k = set->correlations.data[c];
        rules[rs->nrules + c] = pack_meta(b, &k->meta);
        for (uint32_t i = 0; i < k->nrefs; i++) {
            rules[k->ref_index[i]].correlated = true;
        }
    }
    rs->rules = rules;
}

/* Copy of a working array in the region. */
static const void *packed(struct plan_build *b, const void *data, size_t count, size_t size)
{
    void *out = arena_calloc(b->region, count, size);
    if (count > 0) {
        memcpy(out, data, count * size);
    }
    return out;
}

static int compile_chains(struct plan_build *b, struct ruleset *rs, struct plan_chain **chains_out, struct err *e)
{
    struct routes routes = {0};
    routes_make(b, &routes);
    struct plan_chain *chains = arena_calloc(b->region, b->catalog->nclasses, sizeof *chains);
    for (class_id c = 0; c < b->catalog->nclasses; c++) {
        int rc = chain_make(b, &routes, c, &chains[c], e);
        if (rc < 0) {
            return rc;
        }
    }
    *chains_out = chains;
    rs->chains = chains;
    rs->nclasses = b->catalog->nclasses;
    return 0;
}

static void pack_ruleset(struct plan_build *b, struct ruleset *rs)
{
    pack_rules(b, rs);
    rs->roots = packed(b, b->roots, rs->nrules, sizeof *b->roots);
    rs->tries = packed(b, b->tries, rs->nrules, sizeof *b->tries);
    rs->steps = packed(b, b->steps.data, b->steps.len, sizeof *b->steps.data);
    rs->nsteps = (uint32_t)b->steps.len;
    rs->preds = packed(b, b->preds.data, b->preds.len, sizeof *b->preds.data);
    rs->npreds = (uint32_t)b->preds.len;
    rs->regexes = packed(b, b->regexes.data, b->regexes.len, sizeof *b->regexes.data);
    rs->nregexes = (uint32_t)b->regexes.len;
    rs->njoints = b->njoints;
    rs->nfields = b->catalog->nfields;
    rs->max_words = b->max_words;
    rs->ngroups = b->ngroups;
    rs->plans = packed(b, b->made.data, b->made.len, sizeof *b->made.data);
    rs->nplans = (uint32_t)b->made.len;
}

int ruleset_compile(const struct sigma_set *set, const struct catalog *catalog,
                    struct arena *region, const struct ruleset_options *options,
                    const struct ruleset **out, struct err *e)
{
    struct plan_build b = {.set = set, .catalog = catalog, .region = region};
    b.reference = options != NULL && options->reference;
    b.rates = options == NULL ? NULL : options->rates;
    arena_init(&b.temp, 1024 * 1024);
    map_init(&b.pred_index);
    map_init(&b.texts);
    map_init(&b.plans);
    map_init(&b.stages);
    map_init(&b.windows);
    map_init(&b.hashes);
    map_init(&b.sets);
    map_init(&b.gram_rates);
    map_init(&b.lists);
    b.roots = arena_calloc(&b.temp, set->rules.len + 1, sizeof *b.roots);
    b.tries = arena_calloc(&b.temp, set->rules.len + 1, sizeof *b.tries);
    memset(b.tries, 0xff, (set->rules.len + 1) * sizeof *b.tries); /* PLAN_NO_STEP */
    struct ruleset *rs = arena_alloc(region, sizeof *rs);
    rs->magic = RULESET_MAGIC;
    rs->nrules = (uint32_t)set->rules.len;
    rs->ncorrelations = (uint32_t)set->correlations.len;
    struct plan_chain *chains = NULL;
    int rc = compile_chains(&b, rs, &chains, e);
    if (rc == 0) {
        plan_share_sets(&b);
        plan_raw_chains(&b, chains, rs->nclasses);
        pack_ruleset(&b, rs);
        *out = rs;
    }
    vec_free(&b.preds);
    vec_free(&b.anchors);
    vec_free(&b.regexes);
    vec_free(&b.steps);
    vec_free(&b.made);
    vec_free(&b.pending);
    map_free(&b.pred_index);
    map_free(&b.texts);
    map_free(&b.plans);
    map_free(&b.stages);
    map_free(&b.windows);
    map_free(&b.hashes);
    map_free(&b.sets);
    map_free(&b.gram_rates);
    map_free(&b.lists);
    arena_fini(&b.temp);
    return rc;
}

uint32_t ruleset_nrules(const struct ruleset *rs)
{
    CHECK_OBJ(rs, RULESET_MAGIC);
    return rs->nrules;
}

const struct ruleset_rule *ruleset_rule(const struct ruleset *rs, uint32_t rule)
{
    CHECK_OBJ(rs, RULESET_MAGIC);
    CHECK(rule < rs->nrules + rs->ncorrelations);
    return &rs->rules[rule];
}

uint32_t ruleset_ncorrelations(const struct ruleset *rs)
{
    CHECK_OBJ(rs, RULESET_MAGIC);
    return rs->ncorrelations;
}

uint32_t ruleset_unreachable(const struct ruleset *rs)
{
    CHECK_OBJ(rs, RULESET_MAGIC);
    return rs->unreachable;
}
