/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The windows of a correlator as bytes, and back: see correlate.h. Aggregates are not stored, they are made again from the
 * entries. Runs in the correlator role (snapshots, new rule sets). The reader trusts nothing: what it reads went over the
 * disk.
 */
#include "base/map.h"
#include "base/mem.h"
#include "flow/detect/correlate_priv.h"

/*
 * Layout: u8 version, 16 bytes key of the hashes, u64 latest, counters, u32 number of correlations with their identities,
 * u32 number of groups; a group: u32 correlation, str key, u32 entries, each u64 time, u64 ref, u64 value, u32 rule and
 * the top bit for fired. Groups from the one touched longest ago on. All little-endian.
 */
enum { STATE_VERSION = 1, ENTRY_BYTES = 28, COUNTERS = 7 };
#define FIRED UINT32_C(0x80000000)

static void counters_of(struct correlator_stats *s, uint64_t *out[COUNTERS])
{
    uint64_t *all[COUNTERS] = {&s->inputs, &s->outputs, &s->evicted, &s->late, &s->not_tried, &s->no_group, &s->dropped};
    memcpy(out, all, sizeof all);
}

static void put_group(struct buf *out, const struct corr_group *g)
{
    buf_u32(out, g->number);
    buf_str(out, span_make(g->key, g->key_len));
    buf_u32(out, (uint32_t)(g->end - g->head));
    for (size_t i = g->head; i < g->end; i++) {
        const struct corr_entry *e = &g->entries[i];
        uint64_t value = 0;
        memcpy(&value, &e->value, sizeof value);
        buf_u64(out, (uint64_t)e->time);
        buf_u64(out, e->ref);
        buf_u64(out, value);
        buf_u32(out, e->rule | (e->fired ? FIRED : 0));
    }
}

void correlator_save(const struct correlator *k, struct buf *out)
{
    struct correlator_stats stats = k->stats;
    uint64_t *counters[COUNTERS];
    CHECK_OBJ(k, CORRELATOR_MAGIC);
    counters_of(&stats, counters);
    buf_u8(out, STATE_VERSION);
    buf_put(out, k->key, sizeof k->key);
    buf_u64(out, (uint64_t)k->latest);
    for (size_t i = 0; i < COUNTERS; i++) {
        buf_u64(out, *counters[i]);
    }
    buf_u64(out, stats.forgotten);
    buf_u32(out, k->c->n);
    for (uint32_t i = 0; i < k->c->n; i++) {
        buf_put(out, k->c->corrs[i].identity, CORR_IDENTITY_BYTES);
    }
    buf_u32(out, (uint32_t)k->ngroups);
    for (const struct corr_group *g = k->oldest; g != NULL; g = g->newer) {
        put_group(out, g);
    }
}

/* Which correlation of `c` each one of the snapshot is now; UINT32_MAX = none. */
static uint32_t *read_identities(const struct correlations *c, struct cursor *in, uint32_t *count_out)
{
    uint32_t n = cursor_u32(in);
    if (n > cursor_left(in) / CORR_IDENTITY_BYTES) {
        in->failed = true;
        n = 0;
    }
    struct map by_identity;
    uint32_t *now = mem_calloc((size_t)n + 1, sizeof *now);
    map_init(&by_identity);
    for (uint32_t i = 0; i < c->n; i++) {
        map_put(&by_identity, span_make((const char *)c->corrs[i].identity, CORR_IDENTITY_BYTES), i);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t found = UINT32_MAX;
        (void)map_get(&by_identity, cursor_take(in, CORR_IDENTITY_BYTES), &found);
        now[i] = (uint32_t)found;
    }
    map_free(&by_identity);
    *count_out = n;
    return now;
}

/* The key must hold as many texts as the correlation groups by, and the scope. */
static bool key_fits(const struct corr_rule *c, struct span key)
{
    struct cursor in = cursor_of(key);
    for (uint32_t i = 0; i <= c->ngroup; i++) {
        (void)cursor_str(&in);
    }
    return cursor_done(&in);
}

static void read_entries(struct correlator *k, struct corr_group *g, struct cursor *in, uint32_t n)
{
    account_take(k, g);
    group_reserve(g, n);
    for (uint32_t i = 0; i < n && !in->failed; i++) {
        struct corr_entry *e = &g->entries[i];
        e->time = (time_ns)cursor_u64(in);
        e->ref = cursor_u64(in);
        uint64_t value = cursor_u64(in);
        memcpy(&e->value, &value, sizeof value);
        uint32_t rule = cursor_u32(in);
        e->rule = rule & ~FIRED;
        e->fired = (rule & FIRED) != 0;
        if (e->rule >= g->corr->nrefs || e->time == TIME_NONE || (i > 0 && e->time < g->entries[i - 1].time) ||
            !group_value_fits(g->corr, e)) {
            in->failed = true;
            break;
        }
        g->end = i + 1;
    }
    group_rebuild(g);
    account_add(k, g);
}

static void read_group(struct correlator *k, struct cursor *in, const uint32_t *now, uint32_t known)
{
    uint32_t number = cursor_u32(in);
    struct span key = cursor_str(in);
    uint32_t n = cursor_u32(in);
    if (in->failed || number >= known || n > cursor_left(in) / ENTRY_BYTES || key.len > CORRELATE_KEY_MAX) {
        in->failed = true;
        return;
    }
    if (now[number] == UINT32_MAX) {
        k->stats.forgotten += n;
        (void)cursor_take(in, (size_t)n * ENTRY_BYTES);
        return;
    }
    const struct corr_rule *c = &k->c->corrs[now[number]];
    if (!key_fits(c, key)) {
        in->failed = true;
        return;
    }
    struct corr_group *g = correlator_group(k, now[number], key);
    if (g->end > 0) { /* the same group twice */
        in->failed = true;
    } else if (n > 0) {
        read_entries(k, g, in, n);
    }
}

static void read_all(struct correlator *k, struct cursor *in)
{
    uint64_t *counters[COUNTERS];
    uint32_t known = 0;
    counters_of(&k->stats, counters);
    if (cursor_u8(in) != STATE_VERSION) {
        in->failed = true;
        return;
    }
    struct span key = cursor_take(in, sizeof k->key);
    if (!in->failed) {
        memcpy(k->key, key.ptr, sizeof k->key);
    }
    k->latest = (time_ns)cursor_u64(in);
    for (size_t i = 0; i < COUNTERS; i++) {
        *counters[i] = cursor_u64(in);
    }
    k->stats.forgotten = cursor_u64(in);
    uint32_t *now = read_identities(k->c, in, &known);
    uint32_t groups = cursor_u32(in);
    for (uint32_t i = 0; i < groups && !in->failed; i++) {
        read_group(k, in, now, known);
    }
    mem_free(now);
}

int correlator_load(const struct correlations *c, size_t state_max_bytes, int64_t lateness_ns, struct span bytes,
                    struct correlator **out, struct err *e)
{
    struct correlator *k = correlator_new(c, state_max_bytes, lateness_ns);
    struct cursor in = cursor_of(bytes);
    read_all(k, &in);
    *out = NULL;
    if (!cursor_done(&in)) {
        correlator_free(&k);
        return err_set(e, ERR_INVALID, "the stored windows of correlations are damaged");
    }
    correlator_evict(k, k->latest);
    *out = k;
    return 0;
}

struct correlator *correlator_move(struct correlator **old, const struct correlations *c)
{
    struct correlator *next = NULL;
    struct buf b;
    buf_init(&b, CORRELATE_SAVED_MAX);
    correlator_save(*old, &b);
    if (b.failed || correlator_load(c, (*old)->max_bytes, (*old)->lateness_ns, buf_view(&b), &next, NULL) != 0) {
        next = correlator_new(c, (*old)->max_bytes, (*old)->lateness_ns);
        next->stats = (*old)->stats;
        for (const struct corr_group *g = (*old)->oldest; g != NULL; g = g->newer) {
            next->stats.forgotten += g->end - g->head;
        }
    }
    buf_free(&b);
    correlator_free(old);
    return next;
}
