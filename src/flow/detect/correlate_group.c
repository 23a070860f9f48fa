/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One group of one correlation: its entries in event-time order and aggregates over a window of them that can slide both
 * ways, so that an event out of order costs what lies behind it and not the window. Used by correlate.c; bytes are
 * bounded there.
 */
#include <math.h>

#include "base/mem.h"
#include "flow/detect/correlate_priv.h"

enum { FIRST_CAP = 4 };

time_ns time_before(time_ns t, int64_t ns)
{
    return t < INT64_MIN + 1 + ns ? INT64_MIN + 1 : t - ns;
}

static bool is_temporal(const struct corr_rule *c)
{
    return c->type == CORR_TEMPORAL || c->type == CORR_TEMPORAL_ORDERED;
}

static size_t nstarts(const struct corr_rule *c)
{
    return c->type != CORR_TEMPORAL_ORDERED ? 0 : c->masks ? (size_t)1 << c->nrefs : c->nrefs;
}

static void starts_clear(struct corr_group *g)
{
    for (size_t i = 0; i < nstarts(g->corr); i++) {
        g->starts[i] = TIME_NONE;
    }
}

/* Where seen begins behind a key: aligned for both arrays. */
static size_t tail_at(size_t key_len)
{
    size_t at = sizeof(struct corr_group) + key_len;
    return (at + 7) / 8 * 8;
}

static size_t nseen(const struct corr_rule *c)
{
    return is_temporal(c) ? c->nrefs : 0;
}

/* The group itself with its key and arrays, in one piece: a match of a cold group costs few cache misses. */
static size_t own_bytes(const struct corr_rule *c, size_t key_len)
{
    return tail_at(key_len) + nseen(c) * sizeof(struct corr_seen) + nstarts(c) * sizeof(time_ns);
}

struct corr_group *group_new(const struct corr_rule *c, uint32_t number, struct span key, uint64_t hash)
{
    struct corr_group *g = mem_alloc(own_bytes(c, key.len));
    g->corr = c;
    g->number = number;
    g->hash = hash;
    CHECK(key.len <= CORRELATE_KEY_MAX);
    if (key.len > 0) {
        memcpy(g->key, key.ptr, key.len);
    }
    g->key_len = (uint32_t)key.len;
    char *tail = (char *)g + tail_at(key.len);
    if (nseen(c) > 0) {
        g->seen = (struct corr_seen *)(void *)tail;
    }
    if (nstarts(c) > 0) {
        g->starts = (time_ns *)(void *)(tail + nseen(c) * sizeof(struct corr_seen));
        starts_clear(g);
    }
    return g;
}

void group_free(struct corr_group **group)
{
    struct corr_group *g = *group;
    mem_free(g->entries);
    count_free(&g->counts);
    sorted_free(&g->sorted);
    mem_free(g);
    *group = NULL;
}

size_t group_bytes(const struct corr_group *g)
{
    return own_bytes(g->corr, g->key_len) + g->cap * sizeof *g->entries + count_bytes(&g->counts) +
           sorted_bytes(&g->sorted);
}

/* ---- aggregates of the window ---- */

static __int128 millionths(double v)
{
    return (__int128)rint(v * 1e6);
}

static bool counts_values(const struct corr_rule *c)
{
    return c->type == CORR_VALUE_COUNT || (c->type == CORR_VALUE_PERCENTILE && c->percentile < 0);
}

static bool ranks_values(const struct corr_rule *c)
{
    return c->type == CORR_VALUE_MEDIAN || (c->type == CORR_VALUE_PERCENTILE && c->percentile >= 0);
}

static void window_add(struct corr_group *g, const struct corr_entry *e)
{
    const struct corr_rule *c = g->corr;
    if (g->seen != NULL) {
        g->distinct += g->seen[e->rule].count++ == 0 ? 1 : 0;
    } else if (counts_values(c)) {
        (void)count_add(&g->counts, e->value.hash);
    } else if (ranks_values(c)) {
        sorted_insert(&g->sorted, e->value.number);
    } else if (c->type == CORR_VALUE_SUM || c->type == CORR_VALUE_AVG) {
        g->sum += millionths(e->value.number);
    }
}

static void window_remove(struct corr_group *g, const struct corr_entry *e)
{
    const struct corr_rule *c = g->corr;
    if (g->seen != NULL) {
        g->distinct -= --g->seen[e->rule].count == 0 ? 1 : 0;
    } else if (counts_values(c)) {
        (void)count_remove(&g->counts, e->value.hash);
    } else if (ranks_values(c)) {
        sorted_remove(&g->sorted, e->value.number);
    } else if (c->type == CORR_VALUE_SUM || c->type == CORR_VALUE_AVG) {
        g->sum -= millionths(e->value.number);
    }
}

/* Makes the window the one that ends with entry `last`: all entries up to it that are at most the timespan older. */
static void window_to(struct corr_group *g, size_t last)
{
    time_ns from = time_before(g->entries[last].time, g->corr->span_ns);
    while (g->hi <= last) {
        window_add(g, &g->entries[g->hi++]);
    }
    while (g->hi > last + 1) {
        g->hi--;
        if (g->hi >= g->lo) {
            window_remove(g, &g->entries[g->hi]);
        } else {
            g->lo = g->hi; /* the window was empty of it already */
        }
    }
    while (g->lo < g->hi && g->entries[g->lo].time < from) {
        window_remove(g, &g->entries[g->lo++]);
    }
    while (g->lo > g->head && g->entries[g->lo - 1].time >= from) {
        window_add(g, &g->entries[--g->lo]);
    }
}

/* ---- ordered chains ---- */

/* An entry of rule k lengthens every chain that ends before k in the list of rules. Masks: every set of rules below k. */
static void starts_add(struct corr_group *g, const struct corr_entry *e)
{
    uint32_t k = e->rule;
    if (!g->corr->masks) {
        g->starts[k] = k == 0 ? e->time : g->starts[k - 1];
        return;
    }
    for (size_t mask = 0; mask < (size_t)1 << k; mask++) {
        time_ns start = mask == 0 ? e->time : g->starts[mask];
        time_ns *with = &g->starts[mask | (size_t)1 << k];
        *with = start > *with ? start : *with;
    }
}

/* A rule under an odd number of "not" asks about the whole window; else about the chain, or the window when there is none. */
static bool extended_holds(const struct corr_group *g, const struct sigma_corr_node *n, bool negated,
                           bool by_mask, size_t mask)
{
    if (n->kind == NODE_PRED) {
        return by_mask && !negated ? (mask >> n->ref & 1) != 0 : g->seen[n->ref].count > 0;
    }
    if (n->kind == NODE_NOT) {
        return !extended_holds(g, n->kids[0], !negated, by_mask, mask);
    }
    for (uint32_t i = 0; i < n->nkids; i++) {
        if (extended_holds(g, n->kids[i], negated, by_mask, mask) != (n->kind == NODE_AND)) {
            return n->kind == NODE_OR;
        }
    }
    return n->kind == NODE_AND;
}

static bool bounds_hold(const struct corr_rule *c, double v)
{
    for (uint32_t i = 0; i < c->nbounds; i++) {
        double b = c->bounds[i].number;
        bool holds = false;
        switch (c->bounds[i].cmp) {
        case CMP_EQ:
            holds = v == b;
            break;
        case CMP_NEQ:
            holds = v != b;
            break;
        case CMP_LT:
            holds = v < b;
            break;
        case CMP_LTE:
            holds = v <= b;
            break;
        case CMP_GT:
            holds = v > b;
            break;
        case CMP_GTE:
            holds = v >= b;
            break;
        }
        if (!holds) {
            return false;
        }
    }
    return true;
}

/* Whether a chain that ends with this entry satisfies the condition; *measure_out the longest such chain. */
static bool ordered_holds(const struct corr_group *g, const struct corr_entry *e, double *measure_out)
{
    const struct corr_rule *c = g->corr;
    time_ns from = time_before(e->time, c->span_ns);
    bool holds = false;
    CHECK(g->starts != NULL); /* every group of an ordered correlation has them */
    *measure_out = c->nrefs;
    if (!c->masks) {
        return e->rule == c->nrefs - 1 && g->starts[e->rule] != TIME_NONE && g->starts[e->rule] >= from;
    }
    *measure_out = 0;
    for (size_t mask = (size_t)1 << e->rule; mask < (size_t)2 << e->rule; mask++) {
        double length = __builtin_popcountll(mask);
        bool alive = g->starts[mask] != TIME_NONE && g->starts[mask] >= from;
        if (alive && length > *measure_out &&
            (c->extended != NULL ? extended_holds(g, c->extended, false, true, mask) : bounds_hold(c, length))) {
            *measure_out = length;
            holds = true;
        }
    }
    return holds;
}

/* ---- verdicts ---- */

/* Linear interpolation between the closest ranks. */
static double percentile_of(struct sorted_list *s, double percent)
{
    double rank = percent / 100 * (s->len - 1);
    uint32_t below = (uint32_t)rank;
    double part = rank - below;
    double v = sorted_at(s, below);
    return part > 0 ? v + part * (sorted_at(s, below + 1) - v) : v;
}

static double measure(struct corr_group *g, const struct corr_entry *e)
{
    const struct corr_rule *c = g->corr;
    double n = (double)(g->hi - g->lo);
    switch (c->type) {
    case CORR_EVENT_COUNT:
        return n;
    case CORR_VALUE_COUNT:
        return g->counts.len;
    case CORR_VALUE_SUM:
        return (double)g->sum / 1e6;
    case CORR_VALUE_AVG:
        return (double)g->sum / 1e6 / n;
    case CORR_VALUE_MEDIAN:
        return percentile_of(&g->sorted, 50);
    case CORR_VALUE_PERCENTILE:
        return c->percentile >= 0 ? percentile_of(&g->sorted, c->percentile)
                                  : 100.0 * count_get(&g->counts, e->value.hash) / n;
    case CORR_TEMPORAL:
    case CORR_TEMPORAL_ORDERED:
        break;
    }
    return g->distinct;
}

/* The window ends with entry `last`: does it complete the correlation? */
static void try_entry(struct corr_group *g, size_t last, group_fire *fire, void *ctx)
{
    struct corr_entry *e = &g->entries[last];
    double v = 0;
    bool holds = false;
    if (e->fired) {
        return;
    }
    if (g->corr->type == CORR_TEMPORAL_ORDERED) {
        holds = ordered_holds(g, e, &v);
    } else {
        v = measure(g, e);
        holds = g->corr->extended != NULL ? extended_holds(g, g->corr->extended, false, false, 0)
                                          : bounds_hold(g->corr, v);
    }
    if (holds) {
        e->fired = true;
        fire(ctx, g, last, v);
    }
}

/* ---- entries ---- */

/* All entries move by `by` towards the front. */
static void seen_shift(struct corr_group *g, size_t by)
{
    for (size_t i = 0; i < nseen(g->corr); i++) {
        g->seen[i].newest -= g->seen[i].newest < by ? g->seen[i].newest : by;
    }
}

/* An entry came in at `at`; those behind it moved by one. */
static void seen_insert(struct corr_group *g, size_t at)
{
    for (size_t i = 0; i < nseen(g->corr); i++) {
        g->seen[i].newest += g->seen[i].newest > at ? 1 : 0;
    }
    if (g->seen != NULL) {
        struct corr_seen *s = &g->seen[g->entries[at].rule];
        s->newest = s->newest < at + 1 ? at + 1 : s->newest;
    }
}

static void entries_room(struct corr_group *g)
{
    if (g->end < g->cap) {
        return;
    }
    if (g->head > g->cap / 2) {
        size_t by = g->head;
        memmove(g->entries, g->entries + by, (g->end - by) * sizeof *g->entries);
        g->head = 0;
        g->end -= by;
        g->lo -= by;
        g->hi -= by;
        seen_shift(g, by);
        return;
    }
    g->cap = g->cap == 0 ? FIRST_CAP : g->cap * 2;
    g->entries = mem_realloc(g->entries, g->cap * sizeof *g->entries);
}

/* Drops entries before `to`; the window gives them up first. */
static void entries_drop(struct corr_group *g, size_t to)
{
    while (g->lo < to) {
        if (g->lo < g->hi) {
            window_remove(g, &g->entries[g->lo]);
        }
        g->lo++;
    }
    g->hi = g->hi < g->lo ? g->lo : g->hi;
    g->head = to;
}

static void entries_expire(struct corr_group *g, time_ns before)
{
    size_t to = g->head;
    while (to < g->lo && g->entries[to].time < before) {
        to++;
    }
    g->head = to;
}

size_t group_halve(struct corr_group *g)
{
    size_t n = (g->end - g->head + 1) / 2;
    entries_drop(g, g->head + n);
    size_t left = g->end - g->head;
    size_t cap = left < FIRST_CAP ? FIRST_CAP : left;
    memmove(g->entries, g->entries + g->head, left * sizeof *g->entries);
    g->lo -= g->head;
    g->hi -= g->head;
    seen_shift(g, g->head);
    g->head = 0;
    g->end = left;
    g->cap = cap;
    g->entries = mem_realloc(g->entries, cap * sizeof *g->entries);
    return n;
}

/* Chains cannot be taken back: they are told again from the entries that can still matter. */
static bool starts_replay(struct corr_group *g, size_t at)
{
    time_ns from = time_before(g->entries[at].time, g->corr->span_ns);
    size_t first = at;
    while (first > g->head && g->entries[first - 1].time >= from) {
        first--;
    }
    if (g->end - first > CORRELATE_LATE_SCAN) {
        return false;
    }
    starts_clear(g);
    for (; first < at; first++) {
        starts_add(g, &g->entries[first]);
    }
    return true;
}

/* Tries the entry at `at` and those behind it whose windows hold it. */
static enum group_result try_from(struct corr_group *g, size_t at, group_fire *fire, void *ctx)
{
    bool ordered = g->starts != NULL;
    time_ns reach = g->entries[at].time > INT64_MAX - g->corr->span_ns ? INT64_MAX
                                                                       : g->entries[at].time + g->corr->span_ns;
    if (ordered && at + 1 < g->end && !starts_replay(g, at)) {
        return GROUP_NOT_TRIED;
    }
    for (size_t i = at; i < g->end; i++) {
        if (ordered) {
            starts_add(g, &g->entries[i]);
        }
        if (g->entries[i].time <= reach) {
            window_to(g, i);
            try_entry(g, i, fire, ctx);
        } else if (!ordered) {
            break;
        }
    }
    return GROUP_OK;
}

enum group_result group_add(struct corr_group *g, const struct corr_entry *e, int64_t keep_ns,
                            group_fire *fire, void *ctx)
{
    size_t at = g->end;
    while (at > g->head && g->entries[at - 1].time > e->time) {
        at--;
        if (g->end - at > CORRELATE_LATE_SCAN) {
            return GROUP_TOO_LATE;
        }
    }
    size_t behind = g->end - at;
    entries_room(g);
    at = g->end - behind;
    memmove(g->entries + at + 1, g->entries + at, behind * sizeof *g->entries);
    g->entries[at] = *e;
    g->end++;
    seen_insert(g, at);
    if (at < g->hi) { /* it came into or before the window */
        g->hi++;
        if (at < g->lo) {
            g->lo++;
        } else {
            window_add(g, &g->entries[at]);
        }
    }
    enum group_result result = try_from(g, at, fire, ctx);
    window_to(g, g->end - 1);
    entries_expire(g, time_before(e->time, keep_ns));
    return result;
}

void group_reserve(struct corr_group *g, size_t n)
{
    CHECK(g->cap == 0 && n > 0);
    g->cap = n;
    g->entries = mem_realloc(g->entries, n * sizeof *g->entries);
}

bool group_value_fits(const struct corr_rule *c, const struct corr_entry *e)
{
    bool number = ranks_values(c) || c->type == CORR_VALUE_SUM || c->type == CORR_VALUE_AVG;
    return !number || fabs(e->value.number) <= CORRELATE_NUMBER_MAX; /* false for NaN */
}

void group_rebuild(struct corr_group *g)
{
    for (size_t i = 0; i < g->end; i++) {
        if (g->seen != NULL) {
            g->seen[g->entries[i].rule].newest = i + 1;
        }
        if (g->starts != NULL) {
            starts_add(g, &g->entries[i]);
        }
    }
    if (g->end > 0) {
        window_to(g, g->end - 1);
    }
}
