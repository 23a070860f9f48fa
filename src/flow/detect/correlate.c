/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The correlator: finds the group that a match belongs to, feeds what completes on to the correlations above, keeps all
 * groups within a bound of bytes. Runs in the correlator role and in scan; single-threaded; all time is event time, and no clock
 * is read but for what correlations cost (correlate_cost.c).
 */
#include "flow/detect/correlate.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"
#include "flow/detect/correlate_priv.h"

enum {
    BUCKETS_FIRST = 1024,
    GROUP_TEXT_MAX = 4096,
    GROUP_SHARE = 4, /* no group may hold more than this part of the bound: one flood must not push all others out */
};

/* What is being fed: the event itself, or a correlation that completed. */
struct feed {
    uint32_t number;
    time_ns time;
    uint64_t ref;
    struct span scope;
    const struct correlate_input *event; /* NULL when a late event completed an earlier one: its values are gone */
    const struct corr_group *inner;      /* of the correlation that completed */
};

struct correlator *correlator_new(const struct correlations *c, size_t state_max_bytes, int64_t lateness_ns)
{
    struct correlator *k = mem_alloc(sizeof *k);
    k->magic = CORRELATOR_MAGIC;
    k->c = c;
    k->max_bytes = state_max_bytes;
    k->lateness_ns = lateness_ns;
    k->latest = TIME_NONE;
    randombytes_buf(k->key, sizeof k->key);
    k->nbuckets = BUCKETS_FIRST;
    k->buckets = mem_calloc(k->nbuckets, sizeof(struct corr_group *));
    k->accounts = mem_calloc(c->n + (size_t)1, sizeof *k->accounts);
    buf_init(&k->scratch, CORRELATE_KEY_MAX);
    buf_init(&k->values, CORRELATE_KEY_MAX);
    arena_init(&k->texts, 0);
    return k;
}

/* ---- groups ---- */

static void list_remove(struct correlator *k, struct corr_group *g)
{
    *(g->older == NULL ? &k->oldest : &g->older->newer) = g->newer;
    *(g->newer == NULL ? &k->newest : &g->newer->older) = g->older;
    g->older = g->newer = NULL;
    account_unlink(k, g);
}

static void list_append(struct correlator *k, struct corr_group *g)
{
    g->older = k->newest;
    *(k->newest == NULL ? &k->oldest : &k->newest->newer) = g;
    k->newest = g;
    account_link(k, g);
}

static void buckets_grow(struct correlator *k)
{
    size_t n = k->nbuckets * 2;
    struct corr_group **all = mem_calloc(n, sizeof(struct corr_group *));
    for (size_t i = 0; i < k->nbuckets; i++) {
        for (struct corr_group *g = k->buckets[i]; g != NULL;) {
            struct corr_group *next = g->chain;
            g->chain = all[g->hash & (n - 1)];
            all[g->hash & (n - 1)] = g;
            g = next;
        }
    }
    mem_free(k->buckets);
    k->buckets = all;
    k->nbuckets = n;
}

static uint64_t hash_of(const struct correlator *k, struct span s)
{
    uint64_t h = 0;
    MUST(crypto_shorthash((unsigned char *)&h, (const unsigned char *)(s.len == 0 ? "" : s.ptr), s.len, k->key));
    return h;
}

struct corr_group *correlator_group(struct correlator *k, uint32_t number, struct span key)
{
    uint64_t hash = hash_of(k, key) ^ (number * UINT64_C(0x9e3779b97f4a7c15));
    for (struct corr_group *g = k->buckets[hash & (k->nbuckets - 1)]; g != NULL; g = g->chain) {
        if (g->hash == hash && g->number == number && span_eq(span_make(g->key, g->key_len), key)) {
            if (g != k->newest) {
                list_remove(k, g);
                list_append(k, g);
            }
            return g;
        }
    }
    if (k->ngroups >= k->nbuckets) {
        buckets_grow(k);
    }
    struct corr_group *g = group_new(&k->c->corrs[number], number, key, hash);
    g->chain = k->buckets[hash & (k->nbuckets - 1)];
    k->buckets[hash & (k->nbuckets - 1)] = g;
    k->ngroups++;
    account_add(k, g);
    list_append(k, g);
    return g;
}

static void group_forget(struct correlator *k, struct corr_group *g)
{
    struct corr_group **at = &k->buckets[g->hash & (k->nbuckets - 1)];
    while (*at != g) {
        at = &(*at)->chain;
    }
    *at = g->chain;
    list_remove(k, g);
    k->ngroups--;
    account_take(k, g);
    group_free(&g);
}

void correlator_free(struct correlator **correlator)
{
    struct correlator *k = *correlator;
    if (k == NULL) {
        return;
    }
    CHECK_OBJ(k, CORRELATOR_MAGIC);
    while (k->oldest != NULL) {
        group_forget(k, k->oldest);
    }
    mem_free(k->buckets);
    mem_free(k->accounts);
    buf_free(&k->scratch);
    buf_free(&k->values);
    arena_fini(&k->texts);
    vec_free(&k->outputs);
    mem_free(k);
    *correlator = NULL;
}

/* Entries that a later event could still have counted are lost: counted. What is past every window is just tidied away. */
static uint64_t entries_lost(const struct correlator *k, const struct corr_group *g, size_t n, time_ns now)
{
    if (n == 0 || g->entries[g->end - 1].time < time_before(now, g->corr->span_ns + k->lateness_ns)) {
        return 0;
    }
    return n;
}

static void count_evicted(struct correlator *k, const struct corr_group *g, uint64_t n)
{
    k->stats.evicted += n;
    k->accounts[g->number].cost.evicted += n;
}

static void halve(struct correlator *k, struct corr_group *g, time_ns now)
{
    account_take(k, g);
    uint64_t lost = entries_lost(k, g, g->end - g->head, now);
    size_t gone = group_halve(g);
    count_evicted(k, g, lost == 0 ? 0 : gone);
    account_add(k, g);
}

static void evict(struct correlator *k, struct corr_group *g, time_ns now)
{
    count_evicted(k, g, entries_lost(k, g, g->end - g->head, now));
    group_forget(k, g);
}

void correlator_evict(struct correlator *k, time_ns now)
{
    while (k->bytes > k->max_bytes && k->oldest != NULL) {
        evict(k, k->oldest, now);
    }
}

/* ---- values of what is fed ---- */

/* Value of a field id among those extracted for the event's rule; ptr NULL = absent. */
static struct span event_value(const struct correlator *k, const struct correlate_input *in, field_id field)
{
    uint32_t n = 0;
    const field_id *fields = correlations_fields(k->c, in->rule, &n);
    for (uint32_t lo = 0, hi = n; lo < hi;) {
        uint32_t mid = (lo + hi) / 2;
        if (fields[mid] == field) {
            return in->values[mid];
        }
        if (fields[mid] < field) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return (struct span){0};
}

static struct span group_scope(const struct corr_group *g)
{
    struct cursor c = cursor_of(span_make(g->key, g->key_len));
    return cursor_str(&c);
}

/* The i-th value of a group's key. */
static struct span group_value(const struct corr_group *g, uint32_t i)
{
    struct cursor c = cursor_of(span_make(g->key, g->key_len));
    struct span v = cursor_str(&c); /* the scope */
    for (i++; i > 0; i--) {
        v = cursor_str(&c);
    }
    return v;
}

static struct span feed_value(const struct correlator *k, const struct feed *f, const struct corr_key *key)
{
    if (key->inner != UINT32_MAX && f->inner != NULL) {
        return group_value(f->inner, key->inner);
    }
    return f->event == NULL || key->field == FIELD_NONE ? span_make(NULL, 0)
                                                        : event_value(k, f->event, key->field);
}

/* Appends count values; false when one is absent. Long ones are cut and told apart by a hash. */
static bool put_values(struct correlator *k, const struct feed *f, const struct corr_key *keys, uint32_t count,
                       struct buf *out)
{
    for (uint32_t i = 0; i < count; i++) {
        struct span v = feed_value(k, f, &keys[i]);
        if (v.ptr == NULL) {
            return false;
        }
        if (v.len <= CORRELATE_GROUP_VALUE_MAX) {
            buf_str(out, v);
            continue;
        }
        char text[CORRELATE_GROUP_VALUE_MAX];
        size_t kept = sizeof text - 20;
        memcpy(text, v.ptr, kept);
        (void)snprintf(text + kept, sizeof text - kept, "..%016llx", (unsigned long long)hash_of(k, v));
        buf_str(out, span_make(text, kept + 18));
    }
    return true;
}

/* The value a correlation measures; false when it is absent or no number where one is needed. */
static bool entry_value(struct correlator *k, const struct feed *f, const struct corr_rule *c,
                        const struct corr_key *keys, struct corr_entry *e)
{
    if (c->nvalues == 0) {
        return true;
    }
    if (c->type == CORR_VALUE_COUNT || (c->type == CORR_VALUE_PERCENTILE && c->percentile < 0)) {
        buf_clear(&k->values);
        if (!put_values(k, f, keys + c->ngroup, c->nvalues, &k->values)) {
            return false;
        }
        e->value.hash = hash_of(k, buf_view(&k->values));
        return true;
    }
    struct span text = feed_value(k, f, &keys[c->ngroup]);
    return text.ptr != NULL && num_double(text, &e->value.number) && fabs(e->value.number) <= CORRELATE_NUMBER_MAX;
}

/* ---- outputs ---- */

/* "src_ip=10.0.0.1, user=root", cut at GROUP_TEXT_MAX. */
static struct span group_text(struct correlator *k, const struct corr_group *g)
{
    size_t room = g->key_len;
    for (uint32_t i = 0; i < g->corr->ngroup; i++) {
        room += g->corr->names[i].len + 3;
    }
    room = room < GROUP_TEXT_MAX ? room : GROUP_TEXT_MAX;
    char *text = arena_alloc(&k->texts, room + 1);
    struct buf b = {.data = text, .cap = room, .max = room};
    struct cursor c = cursor_of(span_make(g->key, g->key_len));
    (void)cursor_str(&c); /* the scope */
    for (uint32_t i = 0; i < g->corr->ngroup; i++) {
        const struct span parts[] = {i == 0 ? SPAN("") : SPAN(", "), g->corr->names[i], SPAN("="), cursor_str(&c)};
        for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
            buf_span(&b, span_sub(parts[p], 0, room - b.len));
        }
    }
    return buf_view(&b);
}

/* Of temporal types the latest event of each rule, so that none is missing: indices into entries. */
static uint32_t pick_rules(const struct corr_group *g, size_t last, size_t *picked)
{
    uint32_t n = 0;
    for (uint32_t r = 0; g->seen != NULL && r < g->corr->nrefs && n < CORRELATE_REFS_MAX; r++) {
        if (g->seen[r].count == 0) {
            continue;
        }
        size_t at = g->seen[r].newest - 1;
        for (size_t i = last; at > last && i + 1 > g->lo && last - i < CORRELATE_LATE_SCAN; i--) {
            if (g->entries[i].rule == r) { /* a late event completed one that has others behind it */
                at = i;
                break;
            }
            if (i == 0) {
                break;
            }
        }
        if (at <= last && at >= g->lo) {
            picked[n++] = at;
        }
    }
    return n;
}

static int by_place(const void *a, const void *b)
{
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* The last events of the window, oldest first; those that pick_rules names are among them. */
static void put_refs(const struct corr_group *g, size_t last, struct correlate_output *out)
{
    size_t picked[CORRELATE_REFS_MAX];
    uint32_t n = pick_rules(g, last, picked);
    if (n > 1) {
        qsort(picked, n, sizeof *picked, by_place);
    }
    /* Those picked that do not lie in the tail come first, then the tail fills the rest. */
    size_t window = last + 1 - g->lo;
    uint32_t outside = 0;
    size_t tail = window < CORRELATE_REFS_MAX ? window : CORRELATE_REFS_MAX;
    while (outside < n && picked[outside] < last + 1 - tail) {
        outside++;
        tail = window - outside < CORRELATE_REFS_MAX - outside ? window - outside : CORRELATE_REFS_MAX - outside;
    }
    out->nrefs = 0;
    for (uint32_t i = 0; i < outside; i++) {
        out->refs[out->nrefs++] = g->entries[picked[i]].ref;
    }
    for (size_t i = last + 1 - tail; i <= last; i++) {
        out->refs[out->nrefs++] = g->entries[i].ref;
    }
}

static void on_fire(void *ctx, struct corr_group *g, size_t entry, double measure)
{
    struct correlator *k = ctx;
    if (k->outputs.len >= CORRELATE_OUTPUTS_MAX) {
        k->stats.dropped++;
        return;
    }
    vec_reserve(&k->outputs, k->outputs.len + 1);
    struct correlate_output *out = &k->outputs.data[k->outputs.len++]; /* filled in place: it is large */
    out->correlation = g->number;
    out->time = g->entries[entry].time;
    out->ref = g->entries[entry].ref;
    out->scope = arena_copy(&k->texts, group_scope(g));
    out->group = group_text(k, g);
    out->value = measure;
    put_refs(g, entry, out);
    k->stats.outputs++;
    k->accounts[g->number].cost.outputs++;
}

/* ---- feeding ---- */

static void feed_all(struct correlator *k, const struct feed *f);

/* Hands what completed in group g on to the correlations above. Depth is bounded by the loader (chains of at most 10). */
static void feed_up(struct correlator *k, const struct feed *f, const struct corr_group *g, size_t first)
{
    size_t end = k->outputs.len;
    for (size_t i = first; i < end; i++) {
        const struct correlate_output *o = &k->outputs.data[i];
        struct feed up = {.number = k->c->nrules + g->number,
                          .time = o->time,
                          .ref = o->ref,
                          .scope = o->scope,
                          .event = o->ref == f->ref && o->time == f->time ? f->event : NULL,
                          .inner = g};
        feed_all(k, &up);
    }
}

static void feed_one(struct correlator *k, const struct feed *f, const struct corr_use *use)
{
    const struct corr_rule *c = &k->c->corrs[use->corr];
    const struct corr_key *keys = c->keys + (size_t)use->ref * (c->ngroup + c->nvalues);
    struct corr_entry e = {.time = f->time, .ref = f->ref, .rule = use->ref};
    struct corr_account *account = &k->accounts[use->corr];
    if (account->mark == CORRELATOR_STOP) {
        return;
    }
    time_ns begun = account_begin(k, use->corr);
    account->cost.events++;
    buf_clear(&k->scratch);
    buf_str(&k->scratch, f->scope);
    if (!put_values(k, f, keys, c->ngroup, &k->scratch) || !entry_value(k, f, c, keys, &e)) {
        k->stats.no_group++;
        return;
    }
    struct corr_group *g = correlator_group(k, use->corr, buf_view(&k->scratch));
    size_t first = k->outputs.len;
    account_take(k, g);
    enum group_result result = group_add(g, &e, c->span_ns + k->lateness_ns, on_fire, k);
    account_add(k, g);
    account->cost.tried++;
    account_end(k, use->corr, begun);
    if (result != GROUP_OK) {
        k->stats.not_tried++;
    }
    feed_up(k, f, g, first);
    if (group_bytes(g) > k->max_bytes / GROUP_SHARE) {
        halve(k, g, f->time);
    }
    while (account_over(k, use->corr) && account->oldest != g) {
        evict(k, account->oldest, f->time);
    }
}

static void feed_all(struct correlator *k, const struct feed *f)
{
    for (uint32_t u = k->c->use_start[f->number]; u < k->c->use_start[f->number + 1]; u++) {
        feed_one(k, f, &k->c->uses[u]);
    }
}

uint32_t correlator_feed(struct correlator *k, const struct correlate_input *in,
                         const struct correlate_output **out)
{
    CHECK_OBJ(k, CORRELATOR_MAGIC);
    CHECK(in->rule < k->c->nrules);
    struct feed f = {.number = in->rule, .time = in->time, .ref = in->ref,
                     .scope = span_sub(in->scope, 0, CORRELATE_SCOPE_MAX), .event = in};
    vec_clear(&k->outputs);
    arena_reset(&k->texts);
    *out = NULL;
    k->stats.inputs++;
    if (in->time == TIME_NONE) { /* in no window */
        k->stats.late++;
        return 0;
    }
    if (k->latest != TIME_NONE && in->time < time_before(k->latest, k->lateness_ns)) {
        k->stats.late++;
    }
    k->latest = in->time > k->latest ? in->time : k->latest;
    feed_all(k, &f);
    correlator_evict(k, in->time);
    *out = k->outputs.data;
    return (uint32_t)k->outputs.len;
}

void correlator_stats(const struct correlator *k, struct correlator_stats *out)
{
    *out = k->stats;
    out->groups = k->ngroups;
    out->state_bytes = k->bytes;
}
