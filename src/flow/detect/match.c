/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The matcher: which rules match an event. For each class of the event's chain it picks the plan, scans for anchors,
 * evaluates the woken rules in rule order. Runs in intake, scan and hunt workers; allocates nothing per event once warm;
 * what it reads is the shared rule set, what it writes is its own.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "flow/detect/match_priv.h"

enum {
    EPOCH_MAX = 0x7fffffff, /* an answer keeps its epoch in 31 bits */
    SAMPLE = 256,           /* one event in as many is timed: a look at the thread's CPU clock is a system call */
    FETCH_MAX = 128,        /* rules whose conditions are fetched ahead */
};

static int make_regexes(struct matcher *m, struct err *e)
{
    m->regexes = mem_calloc(m->rs->nregexes, sizeof *m->regexes);
    for (uint32_t i = 0; i < m->rs->nregexes; i++) {
        const struct plan_pred *p = &m->rs->preds[m->rs->regexes[i]];
        m->regexes[i] = regex_new(p->text, p->regex_flags, e);
        if (m->regexes[i] == NULL) {
            return ERR_INVALID;
        }
    }
    return 0;
}

struct matcher *matcher_new(const struct ruleset *rs, const struct catalog *catalog, struct err *e)
{
    CHECK_OBJ(rs, RULESET_MAGIC);
    CHECK(rs->nfields == catalog->nfields && rs->nclasses == catalog->nclasses);
    struct matcher *m = mem_alloc(sizeof *m);
    m->magic = MATCHER_MAGIC;
    m->rs = rs;
    m->catalog = catalog;
    m->answers = mem_calloc(rs->npreds, sizeof *m->answers);
    m->fields = mem_calloc(rs->nfields, sizeof *m->fields);
    m->decisive = mem_calloc(rs->njoints, sizeof *m->decisive);
    m->woken = mem_calloc((size_t)rs->max_words * PLAN_MAPS, sizeof *m->woken);
    m->costs = mem_calloc(rs->nrules, sizeof *m->costs);
    m->plan_runs = mem_calloc(rs->nplans, sizeof *m->plan_runs);
    m->marks = mem_calloc(rs->nrules, sizeof *m->marks);
    m->memo = memo_new(2 * rs->ngroups); /* of whole values and of lines */
    buf_init(&m->keywords, KEYWORD_TEXT_MAX_BYTES);
    if (make_regexes(m, e) < 0) {
        matcher_free(&m);
    }
    return m;
}

void matcher_free(struct matcher **m)
{
    if (*m == NULL) {
        return;
    }
    CHECK_OBJ(*m, MATCHER_MAGIC);
    for (uint32_t i = 0; (*m)->regexes != NULL && i < (*m)->rs->nregexes; i++) {
        regex_free(&(*m)->regexes[i]);
    }
    mem_free((*m)->regexes);
    mem_free((*m)->answers);
    mem_free((*m)->fields);
    mem_free((*m)->decisive);
    mem_free((*m)->woken);
    mem_free((*m)->costs);
    mem_free((*m)->plan_runs);
    mem_free((*m)->marks);
    mem_free((*m)->watched);
    memo_free(&(*m)->memo);
    buf_free(&(*m)->keywords);
    vec_free(&(*m)->matches);
    vec_free(&(*m)->merged);
    (*m)->magic = 0;
    mem_free(*m);
    *m = NULL;
}

/* The matcher forgets all answers: another event, or the same through another view. */
static void next_epoch(struct matcher *m)
{
    if (m->epoch == EPOCH_MAX) {
        memset(m->answers, 0, m->rs->npreds * sizeof *m->answers);
        memset(m->fields, 0, m->rs->nfields * sizeof *m->fields);
        m->epoch = 0;
    }
    m->epoch++;
}

void match_look_through(struct matcher *m, struct event *ev, class_id cls)
{
    m->ev = ev;
    event_use_class(ev, cls);
    next_epoch(m);
}

static bool holds(struct matcher *m, const struct plan_step *s);

/*
 * Whether some kid is worth `decides`. What decided last time mostly does again, however the kids are ordered: a
 * condition that ends in a long list of exceptions costs one question, not the list.
 */
static bool some_kid(struct matcher *m, const struct plan_step *s, bool decides)
{
    const struct plan_step *kids = m->rs->steps + s->kids;
    uint16_t *last = &m->decisive[s->number];
    if (*last < s->n && holds(m, &kids[*last]) == decides) {
        return true;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        if (i != *last && holds(m, &kids[i]) == decides) {
            *last = i < UINT16_MAX && !kids[i].dear ? (uint16_t)i : 0;
            return true;
        }
    }
    return false;
}

/* Depth is bounded by the loader (SIGMA_DEPTH_MAX) and checked when the tree is made. */
static bool holds(struct matcher *m, const struct plan_step *s)
{
    switch ((enum plan_node_kind)s->kind) {
    case PLAN_PRED:
        return match_pred(m, s->n) != s->negate;
    case PLAN_AND:
        return !some_kid(m, s, false);
    case PLAN_OR:
        return some_kid(m, s, true);
    case PLAN_TRUE:
        return true;
    case PLAN_FALSE:
        return false;
    }
    UNREACHABLE();
}

static const struct plan *choose_plan(struct matcher *m, const struct plan_stage *s)
{
    if (s->split == FIELD_NONE) {
        return s->whole;
    }
    uint32_t leaf = match_first(m, s->split);
    if (leaf == LEAF_NIL || event_next(m->ev, leaf) != LEAF_NIL ||
        m->ev->leaves.data[leaf].kind == LEAF_NULL) {
        return s->whole;
    }
    uint32_t at = match_hash_find(s->values, event_folded(m->ev, leaf));
    return at == PLAN_HASH_NONE ? s->other : s->by_value[at];
}

/* A stopped rule is passed over; a watched one is timed by the CPU time it takes, whatever else the machine does. */
static bool evaluate(struct matcher *m, uint32_t rule)
{
    const struct plan_step *first = m->rs->steps + m->rs->tries[rule];
    if (m->marks[rule] == MATCHER_PLAIN) {
        return holds(m, first);
    }
    if (m->marks[rule] == MATCHER_STOP) {
        return false;
    }
    time_ns from = clock_cpu();
    bool yes = holds(m, first);
    m->watched[rule] += (uint64_t)(clock_cpu() - from);
    return yes;
}

void matcher_mark(struct matcher *m, uint32_t rule, enum matcher_mark mark)
{
    CHECK_OBJ(m, MATCHER_MAGIC);
    CHECK(rule < m->rs->nrules);
    if (m->watched == NULL) {
        m->watched = mem_calloc(m->rs->nrules, sizeof *m->watched);
    }
    m->marks[rule] = (uint8_t)mark;
    m->watched[rule] = 0;
}

uint64_t matcher_watched_ns(const struct matcher *m, uint32_t rule)
{
    return m->watched == NULL ? 0 : m->watched[rule];
}

bool matcher_stopped(const struct matcher *m, uint32_t rule)
{
    return m->marks[rule] == MATCHER_STOP;
}

/* from: of a timed event, when the one before ended; else 0. */
static time_ns try_rule(struct matcher *m, uint32_t rule, class_id cls, time_ns from)
{
    struct matcher_cost *cost = &m->costs[rule];
    m->stats.candidates++;
    cost->candidates++;
    if (evaluate(m, rule)) {
        cost->hits++;
        vec_push(&m->matches, (struct match){rule, cls});
    }
    if (from == 0) {
        return 0;
    }
    time_ns now = clock_cpu();
    cost->ns += (uint64_t)(now - from) * SAMPLE;
    return now;
}

/* What a kid's answer is read from. */
static void fetch_kid(const struct matcher *m, const struct plan_step *s)
{
    if (s->kind == PLAN_PRED) {
        __builtin_prefetch(&m->answers[s->n]);
        __builtin_prefetch(&m->rs->preds[s->n]);
    } else {
        __builtin_prefetch(m->rs->steps + s->kids);
    }
}

/*
 * Conditions lie far apart, and each step into one waits for memory. So all of them are walked one step at a time: when
 * the last is through, what the first needs has come.
 */
static void fetch_rules(const struct matcher *m, const uint32_t *rules, uint32_t n)
{
    const struct ruleset *rs = m->rs;
    for (uint32_t i = 0; i < n; i++) {
        __builtin_prefetch(&rs->tries[rules[i]]);
        __builtin_prefetch(&m->costs[rules[i]], 1);
    }
    for (uint32_t i = 0; i < n; i++) {
        __builtin_prefetch(rs->steps + rs->tries[rules[i]]);
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct plan_step *first = rs->steps + rs->tries[rules[i]];
        if (first->kind == PLAN_AND || first->kind == PLAN_OR) {
            __builtin_prefetch(rs->steps + first->kids);
            __builtin_prefetch(&m->decisive[first->number]);
        } else {
            fetch_kid(m, first);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct plan_step *first = rs->steps + rs->tries[rules[i]];
        if (first->kind == PLAN_AND || first->kind == PLAN_OR) {
            uint32_t kid = m->decisive[first->number];
            fetch_kid(m, rs->steps + first->kids + (kid < first->n ? kid : 0));
        }
    }
}

static void run_stage(struct matcher *m, const struct plan_stage *s)
{
    uint32_t rules[FETCH_MAX] __attribute__((uninitialized)); /* the first n are set */
    const struct plan *plan = choose_plan(m, s);
    m->plan_runs[plan->number]++;
    match_scan(m, plan);
    const uint64_t *woken = m->woken;
    const uint32_t nwords = plan->nwords;
    time_ns at = 0;
    for (uint32_t w = 0; w < nwords;) {
        uint32_t n = 0;
        for (; w < nwords && n + 64 <= FETCH_MAX; w++) {
            for (uint64_t bits = woken[w] & woken[nwords + w] & ~woken[2 * nwords + w]; bits != 0; bits &= bits - 1) {
                rules[n++] = plan->rules[w * 64 + (uint32_t)__builtin_ctzll(bits)];
            }
        }
        if (n > 0 && m->stats.events % SAMPLE == 0) {
            at = clock_cpu();
        }
        fetch_rules(m, rules, n);
        for (uint32_t i = 0; i < n; i++) {
            at = try_rule(m, rules[i], s->class_id, at);
        }
    }
}

void matcher_costs(const struct matcher *m, struct matcher_cost *out)
{
    CHECK_OBJ(m, MATCHER_MAGIC);
    memcpy(out, m->costs, m->rs->nrules * sizeof *out);
    for (uint32_t p = 0; p < m->rs->nplans; p++) {
        const struct plan *plan = m->rs->plans[p];
        for (uint32_t i = 0; i < plan->nrules; i++) {
            out[plan->rules[i]].events += m->plan_runs[p];
        }
    }
}

/* Matches of a later stage are put among those before it, by rule. */
static void merge_from(struct matcher *m, size_t second)
{
    size_t n = m->matches.len;
    if (second == 0 || second == n || m->matches.data[second - 1].rule < m->matches.data[second].rule) {
        return;
    }
    vec_clear(&m->merged);
    size_t a = 0;
    size_t b = second;
    while (a < second || b < n) {
        bool first = b == n || (a < second && m->matches.data[a].rule < m->matches.data[b].rule);
        vec_push(&m->merged, m->matches.data[first ? a++ : b++]);
    }
    memcpy(m->matches.data, m->merged.data, n * sizeof *m->matches.data);
}

uint32_t matcher_run(struct matcher *m, struct event *ev, const struct match **matches_out)
{
    CHECK_OBJ(m, MATCHER_MAGIC);
    CHECK(ev->class_id < m->rs->nclasses && ev->catalog == m->catalog);
    vec_clear(&m->matches);
    const struct plan_chain *chain = &m->rs->chains[ev->class_id];
    m->looked = NULL;
    m->chain_raw = chain->raw;
    m->none = false;
    for (uint32_t i = 0; i < chain->nstages; i++) {
        if (chain->stages[i].nrules == 0) {
            continue;
        }
        size_t before = m->matches.len;
        match_look_through(m, ev, chain->stages[i].class_id);
        run_stage(m, &chain->stages[i]);
        merge_from(m, before);
    }
    event_use_class(ev, ev->class_id);
    m->stats.events++;
    m->stats.matches += m->matches.len;
    *matches_out = m->matches.data;
    return (uint32_t)m->matches.len;
}

void matcher_stats(const struct matcher *m, struct matcher_stats *out)
{
    CHECK_OBJ(m, MATCHER_MAGIC);
    *out = m->stats;
}
