/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The correlator: finds the group that a match belongs to, feeds what completes on to the correlations above, keeps all
 * groups within a bound of bytes. Runs in the correlator role and in scan; single-threaded; it never reads a clock: all time is
 * event time.
 */
#include "flow/detect/correlate.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"
#include "flow/detect/correlate_priv.h"

#define CORRELATOR_MAGIC 0x434f5252u

enum {
    BUCKETS_FIRST = 1024,
    KEY_MAX_BYTES = 1024 * 1024, /* of a group or value tuple: 64 fields of at most CORRELATE_GROUP_VALUE_MAX */
    GROUP_TEXT_MAX = 4096,
    GROUP_SHARE = 4, /* no group may hold more than this part of the bound: one flood must not push all others out */
};

/* A value larger than this, say 10^18 bytes, is no measurement; sums of smaller ones are exact. */
#define NUMBER_MAX 1e18

/* What is being fed: the event itself, or a correlation that completed. */
struct feed {
    uint32_t number;
    time_ns time;
    uint64_t ref;
    const struct correlate_input *event; /* NULL when a late event completed an earlier one: its values are gone */
    const struct corr_group *inner;      /* of the correlation that completed */
};

struct correlator {
    uint32_t magic;
    const struct correlations *c;
    size_t max_bytes;
    int64_t lateness_ns;
    unsigned char key[crypto_shorthash_KEYBYTES];
    struct corr_group **buckets;
    size_t nbuckets;
    size_t ngroups;
    struct corr_group *oldest, *newest; /* by last touch */
    size_t bytes;
    time_ns latest; /* newest event time seen */
    struct buf scratch; /* group key being made */
    struct buf values;  /* value tuple being hashed */
    struct arena texts; /* of the outputs */
    VEC(struct correlate_output) outputs;
    struct correlator_stats stats;
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
    buf_init(&k->scratch, KEY_MAX_BYTES);
    buf_init(&k->values, KEY_MAX_BYTES);
    arena_init(&k->texts, 0);
    return k;
}

/* ---- groups ---- */

static void list_remove(struct correlator *k, struct corr_group *g)
{
    *(g->older == NULL ? &k->oldest : &g->older->newer) = g->newer;
    *(g->newer == NULL ? &k->newest : &g->newer->older) = g->older;
    g->older = g->newer = NULL;
}

static void list_append(struct correlator *k, struct corr_group *g)
{
    g->older = k->newest;
    *(k->newest == NULL ? &k->oldest : &k->newest->newer) = g;
    k->newest = g;
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

static struct corr_group *group_find(struct correlator *k, uint32_t number, struct span key)
{
    uint64_t hash = hash_of(k, key) ^ (number * UINT64_C(0x9e3779b97f4a7c15));
    for (struct corr_group *g = k->buckets[hash & (k->nbuckets - 1)]; g != NULL; g = g->chain) {
        if (g->hash == hash && g->number == number && span_eq(span_make(g->key, g->key_len), key)) {
            list_remove(k, g);
            list_append(k, g);
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
    k->bytes += group_bytes(g);
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
    k->bytes -= group_bytes(g);
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

static void halve(struct correlator *k, struct corr_group *g, time_ns now)
{
    k->bytes -= group_bytes(g);
    uint64_t lost = entries_lost(k, g, g->end - g->head, now);
    size_t gone = group_halve(g);
    k->stats.evicted += lost == 0 ? 0 : gone;
    k->bytes += group_bytes(g);
}

/* Back within the bound: the groups longest untouched go first. */
static void evict(struct correlator *k, time_ns now)
{
    while (k->bytes > k->max_bytes && k->oldest != NULL) {
        struct corr_group *g = k->oldest;
        k->stats.evicted += entries_lost(k, g, g->end - g->head, now);
        group_forget(k, g);
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

/* The i-th value of a group's key. */
static struct span group_value(const struct corr_group *g, uint32_t i)
{
    struct cursor c = cursor_of(span_make(g->key, g->key_len));
    struct span v = cursor_str(&c);
    while (i-- > 0) {
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

/* Appends count values from key `from` on; false when one is absent. Long ones are cut and told apart by a hash. */
static bool put_values(struct correlator *k, const struct feed *f, const struct corr_key *keys, uint32_t count,
                       struct buf *out)
{
    buf_clear(out);
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
        if (!put_values(k, f, keys + c->ngroup, c->nvalues, &k->values)) {
            return false;
        }
        e->value.hash = hash_of(k, buf_view(&k->values));
        return true;
    }
    struct span text = feed_value(k, f, &keys[c->ngroup]);
    return text.ptr != NULL && num_double(text, &e->value.number) && fabs(e->value.number) <= NUMBER_MAX;
}

/* ---- outputs ---- */

/* "src_ip=10.0.0.1, user=root", cut at GROUP_TEXT_MAX. */
static struct span group_text(struct correlator *k, const struct corr_group *g)
{
    struct buf b;
    buf_init(&b, GROUP_TEXT_MAX);
    for (uint32_t i = 0; i < g->corr->ngroup; i++) {
        buf_cstr(&b, i == 0 ? "" : ", ");
        buf_span(&b, g->corr->names[i]);
        buf_cstr(&b, "=");
        buf_span(&b, group_value(g, i));
    }
    struct span text = arena_copy(&k->texts, buf_view(&b));
    buf_free(&b);
    return text;
}

/* The last events of the window; of temporal types the latest of each rule go first, so that none is missing. */
static void put_refs(const struct corr_group *g, size_t last, struct correlate_output *out)
{
    size_t picked[CORRELATE_REFS_MAX];
    uint64_t rules = 0;
    uint32_t n = 0;
    bool temporal = g->per_rule != NULL;
    for (size_t i = last + 1; temporal && i-- > g->lo && n < CORRELATE_REFS_MAX && last - i < CORRELATE_LATE_SCAN;) {
        uint32_t rule = g->entries[i].rule;
        if (rule < 64 && (rules >> rule & 1) == 0) {
            rules |= UINT64_C(1) << rule;
            picked[n++] = i;
        }
    }
    uint32_t first_of_rules = n;
    for (size_t i = last + 1; i-- > g->lo && n < CORRELATE_REFS_MAX;) {
        bool have = false;
        for (uint32_t j = 0; j < first_of_rules && !have; j++) {
            have = picked[j] == i;
        }
        if (!have) {
            picked[n++] = i;
        }
    }
    for (uint32_t i = 1; i < n; i++) { /* back into event order */
        size_t v = picked[i];
        uint32_t j = i;
        for (; j > 0 && picked[j - 1] > v; j--) {
            picked[j] = picked[j - 1];
        }
        picked[j] = v;
    }
    for (uint32_t i = 0; i < n; i++) {
        out->refs[i] = g->entries[picked[i]].ref;
    }
    out->nrefs = n;
}

static void on_fire(void *ctx, struct corr_group *g, size_t entry, double measure)
{
    struct correlator *k = ctx;
    if (k->outputs.len >= CORRELATE_OUTPUTS_MAX) {
        k->stats.dropped++;
        return;
    }
    struct correlate_output out = {.correlation = g->number,
                                   .time = g->entries[entry].time,
                                   .ref = g->entries[entry].ref,
                                   .group = group_text(k, g),
                                   .value = measure};
    put_refs(g, entry, &out);
    vec_push(&k->outputs, out);
    k->stats.outputs++;
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
    if (!put_values(k, f, keys, c->ngroup, &k->scratch) || !entry_value(k, f, c, keys, &e)) {
        k->stats.no_group++;
        return;
    }
    struct corr_group *g = group_find(k, use->corr, buf_view(&k->scratch));
    size_t first = k->outputs.len;
    k->bytes -= group_bytes(g);
    enum group_result result = group_add(g, &e, c->span_ns + k->lateness_ns, on_fire, k);
    k->bytes += group_bytes(g);
    if (result != GROUP_OK) {
        k->stats.not_tried++;
    }
    feed_up(k, f, g, first);
    if (group_bytes(g) > k->max_bytes / GROUP_SHARE) {
        halve(k, g, f->time);
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
    struct feed f = {.number = in->rule, .time = in->time, .ref = in->ref, .event = in};
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
    evict(k, in->time);
    *out = k->outputs.data;
    return (uint32_t)k->outputs.len;
}

void correlator_stats(const struct correlator *k, struct correlator_stats *out)
{
    *out = k->stats;
    out->state_bytes = k->bytes;
}
