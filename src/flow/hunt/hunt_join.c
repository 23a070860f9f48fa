/* SPDX-License-Identifier: EUPL-1.2 */
/* Matches put in order and joined: see hunt_join.h. Runs in the hunter on bytes of anybody. */
#include "flow/hunt/hunt_join.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"

enum {
    HASH_BYTES = 16,
    KEPT_BYTES = HUNT_JOIN_VALUE_MAX - 2 * HASH_BYTES,
    NO_PLACE = HUNT_PLACES_MAX, /* in a ref */
    PLACE_SHIFT = 33,
    SAVED_MAX = 64 << 20, /* bytes of windows: the bound of the state, keys counted more than once */
};
#define COUNTED_BIT ((uint64_t)1 << 32) /* below the place: the record was counted before */

struct waiting {
    uint32_t rule, nvalues;
    time_ns time;
    uint64_t arrival;
    uint64_t ref;
    struct span scope;
    struct span *values; /* ptr NULL = absent; in the arena that is in use */
};

struct hunt_join {
    const struct correlations *correlations;
    struct correlator *correlator;
    hunt_joined_fn joined;
    void *ctx;
    uint64_t arrivals;
    VEC(struct waiting) waiting;
    struct arena texts[2]; /* of what waits; the other one takes what is left over */
    int use;
    size_t bytes;
    VEC(struct hunt_place) places;
    struct map place_of;
    struct arena keys;
    uint64_t *told;   /* for each correlation: ref + 1 of the record told last */
    uint64_t counted; /* the same of the record that was counted last */
};

struct hunt_join *hunt_join_new(const struct correlations *c, hunt_joined_fn joined, void *ctx)
{
    struct hunt_join *j = mem_alloc(sizeof *j);
    j->correlations = c;
    j->joined = joined;
    j->ctx = ctx;
    j->correlator =
        correlator_new(c, HUNT_JOIN_STATE_BYTES, HUNT_JOIN_LATENESS_S * TIME_SECOND);
    arena_init(&j->texts[0], 0);
    arena_init(&j->texts[1], 0);
    arena_init(&j->keys, 0);
    map_init(&j->place_of);
    j->told = mem_calloc((size_t)correlations_count(c) + 1, sizeof *j->told);
    return j;
}

void hunt_join_free(struct hunt_join **given)
{
    struct hunt_join *j = *given;
    if (j == NULL) {
        return;
    }
    correlator_free(&j->correlator);
    vec_free(&j->waiting);
    vec_free(&j->places);
    map_free(&j->place_of);
    arena_fini(&j->texts[0]);
    arena_fini(&j->texts[1]);
    arena_fini(&j->keys);
    mem_free(j->told);
    mem_free(j);
    *given = NULL;
}

/* ---- where ---- */

static uint32_t place_number(struct hunt_join *j, const struct hunt_place *p)
{
    /* Texts are kept once for the run, so an address stands for one. */
    const uint64_t parts[] = {(uint64_t)(uint32_t)p->day << 32 | p->block,
                              (uint64_t)(uintptr_t)p->source.ptr, p->source.len,
                              (uint64_t)(uintptr_t)p->host.ptr, p->host.len};
    struct span key = span_make((const char *)parts, sizeof parts);
    uint64_t known = 0;
    bool fresh = false;
    if (map_get(&j->place_of, key, &known)) {
        return (uint32_t)known;
    }
    if (j->places.len >= HUNT_PLACES_MAX) {
        return NO_PLACE;
    }
    *map_at(&j->place_of, arena_copy(&j->keys, key), &fresh) = j->places.len;
    vec_push(&j->places, *p);
    return (uint32_t)j->places.len - 1;
}

/* ---- in order ---- */

static int by_time(const void *a, const void *b)
{
    const struct waiting *x = a;
    const struct waiting *y = b;
    if (x->time != y->time) {
        return x->time < y->time ? -1 : 1;
    }
    return (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

static void tell(struct hunt_join *j, const struct correlate_output *out)
{
    uint64_t mark = out->ref + 1;
    uint32_t place = (uint32_t)(out->ref >> PLACE_SHIFT);
    if (j->told[out->correlation] == mark) {
        return; /* one record that matches two of its rules completes it once */
    }
    j->told[out->correlation] = mark;
    const struct hunt_joined joined = {
        .correlation = out->correlation,
        .time = out->time,
        .organisation = out->scope,
        .place = place < j->places.len ? &j->places.data[place] : NULL,
        .index = (uint32_t)out->ref,
        .counted = (out->ref & COUNTED_BIT) != 0 || j->counted == mark,
    };
    j->counted = mark;
    j->joined(j->ctx, &joined);
}

static void feed(struct hunt_join *j, const struct waiting *w)
{
    const struct correlate_output *out = NULL;
    const struct correlate_input in = {
        .rule = w->rule, .time = w->time, .scope = w->scope, .values = w->values, .ref = w->ref};
    uint32_t n = correlator_feed(j->correlator, &in, &out);
    for (uint32_t i = 0; i < n; i++) {
        tell(j, &out[i]);
    }
}

static struct span *copy_values(struct arena *to, const struct span *values, uint32_t n, size_t *bytes)
{
    struct span *out = arena_calloc(to, n, sizeof *out);
    for (uint32_t i = 0; i < n; i++) {
        if (values[i].ptr != NULL) {
            out[i] = values[i].len == 0 ? SPAN("") : arena_copy(to, values[i]);
            *bytes += values[i].len;
        }
    }
    *bytes += n * sizeof *out;
    return out;
}

/* What is left over goes to the other arena, so that the one in use can be emptied. */
static void carry_over(struct hunt_join *j, size_t from)
{
    struct arena *to = &j->texts[1 - j->use];
    size_t kept = 0;
    j->bytes = 0;
    for (size_t i = from; i < j->waiting.len; i++) {
        struct waiting w = j->waiting.data[i];
        w.scope = arena_copy(to, w.scope);
        w.values = copy_values(to, w.values, w.nvalues, &j->bytes);
        j->bytes += w.scope.len;
        j->waiting.data[kept++] = w;
    }
    j->waiting.len = kept;
    arena_reset(&j->texts[j->use]);
    j->use = 1 - j->use;
}

/* The oldest n of what waits. */
static void release(struct hunt_join *j, size_t n)
{
    if (j->waiting.len == 0) {
        return;
    }
    qsort(j->waiting.data, j->waiting.len, sizeof *j->waiting.data, by_time);
    for (size_t i = 0; i < n; i++) {
        feed(j, &j->waiting.data[i]);
    }
    carry_over(j, n);
}

static struct span value_of(struct arena *a, struct span v)
{
    unsigned char hash[HASH_BYTES];
    char *out = NULL;
    if (v.len <= HUNT_JOIN_VALUE_MAX) {
        return v.len == 0 ? SPAN("") : arena_copy(a, v);
    }
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)v.ptr, v.len, NULL, 0));
    out = arena_bytes(a, HUNT_JOIN_VALUE_MAX + 1);
    memcpy(out, v.ptr, KEPT_BYTES);
    (void)sodium_bin2hex(out + KEPT_BYTES, 2 * HASH_BYTES + 1, hash, sizeof hash);
    return span_make(out, HUNT_JOIN_VALUE_MAX);
}

void hunt_join_add(struct hunt_join *j, struct event *ev, const struct hunt_join_match *m)
{
    uint32_t n = 0;
    const field_id *ids = correlations_fields(j->correlations, m->rule, &n);
    struct arena *a = &j->texts[j->use];
    uint32_t read = n < HUNT_JOIN_FIELDS_MAX ? n : HUNT_JOIN_FIELDS_MAX;
    struct waiting w = {.rule = m->rule,
                        .nvalues = n,
                        .time = ev->time,
                        .arrival = j->arrivals++,
                        .scope = arena_copy(a, span_sub(m->organisation, 0, CORRELATE_SCOPE_MAX)),
                        .values = arena_calloc(a, n, sizeof *w.values)};
    event_use_class(ev, m->class_id);
    for (uint32_t i = 0; i < read; i++) {
        uint32_t leaf = event_first(ev, ids[i]);
        if (leaf != LEAF_NIL) {
            w.values[i] = value_of(a, event_plain(ev, leaf));
            j->bytes += w.values[i].len;
        }
    }
    j->bytes += n * sizeof *w.values + w.scope.len;
    uint32_t place = place_number(j, &m->place);
    w.ref = (uint64_t)place << PLACE_SHIFT | (m->counted ? COUNTED_BIT : 0) |
            (place == NO_PLACE ? (uint32_t)m->event : m->index);
    vec_push(&j->waiting, w);
    if (j->waiting.len >= HUNT_WAITING_MAX || j->bytes >= HUNT_WAITING_BYTES) {
        release(j, (j->waiting.len + 1) / 2);
    }
}

void hunt_join_flush(struct hunt_join *j)
{
    release(j, j->waiting.len);
}

uint64_t hunt_join_unsure(const struct hunt_join *j)
{
    struct correlator_stats s;
    correlator_stats(j->correlator, &s);
    return s.late + s.evicted + s.not_tried + s.dropped + s.forgotten;
}

/* ---- as bytes ---- */

void hunt_join_save(const struct hunt_join *j, struct buf *out)
{
    struct buf windows;
    buf_u64(out, j->arrivals);
    buf_u64(out, j->counted);
    buf_u32(out, (uint32_t)j->places.len);
    for (size_t i = 0; i < j->places.len; i++) {
        const struct hunt_place *p = &j->places.data[i];
        buf_u32(out, (uint32_t)p->day);
        buf_u32(out, p->block);
        buf_str(out, p->source);
        buf_str(out, p->host);
    }
    for (uint32_t i = 0; i < correlations_count(j->correlations); i++) {
        buf_u64(out, j->told[i]);
    }
    buf_u32(out, (uint32_t)j->waiting.len);
    for (size_t i = 0; i < j->waiting.len; i++) {
        const struct waiting *w = &j->waiting.data[i];
        buf_u32(out, w->rule);
        buf_u64(out, (uint64_t)w->time);
        buf_u64(out, w->arrival);
        buf_u64(out, w->ref);
        buf_str(out, w->scope);
        for (uint32_t k = 0; k < w->nvalues; k++) {
            buf_u8(out, w->values[k].ptr != NULL);
            buf_str(out, w->values[k].ptr != NULL ? w->values[k] : SPAN(""));
        }
    }
    buf_init(&windows, SAVED_MAX);
    correlator_save(j->correlator, &windows);
    out->failed = out->failed || windows.failed;
    buf_str(out, buf_view(&windows));
    buf_free(&windows);
}

static void get_places(struct hunt_join *j, struct cursor *c, hunt_keep_fn keep)
{
    uint32_t n = cursor_u32(c);
    c->failed = c->failed || n > HUNT_PLACES_MAX;
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        struct hunt_place p = {0};
        p.day = (int32_t)cursor_u32(c);
        p.block = cursor_u32(c);
        p.source = keep(j->ctx, cursor_str(c));
        p.host = keep(j->ctx, cursor_str(c));
        c->failed = c->failed || place_number(j, &p) != i; /* none twice */
    }
}

static void get_waiting(struct hunt_join *j, struct cursor *c, uint32_t nrules)
{
    struct waiting w = {0};
    struct arena *a = &j->texts[j->use];
    w.rule = cursor_u32(c);
    w.time = (time_ns)cursor_u64(c);
    w.arrival = cursor_u64(c);
    w.ref = cursor_u64(c);
    w.scope = cursor_str(c);
    if (c->failed || w.rule >= nrules || !correlations_uses(j->correlations, w.rule) ||
        w.scope.len > CORRELATE_SCOPE_MAX || w.arrival >= j->arrivals) {
        c->failed = true;
        return;
    }
    (void)correlations_fields(j->correlations, w.rule, &w.nvalues);
    w.scope = arena_copy(a, w.scope);
    w.values = arena_calloc(a, w.nvalues, sizeof *w.values);
    for (uint32_t i = 0; i < w.nvalues && !c->failed; i++) {
        uint8_t there = cursor_u8(c);
        struct span v = cursor_str(c);
        c->failed = c->failed || there > 1 || v.len > HUNT_JOIN_VALUE_MAX || (there == 0 && v.len > 0);
        if (there == 1) {
            w.values[i] = v.len == 0 ? SPAN("") : arena_copy(a, v);
        }
        j->bytes += v.len;
    }
    j->bytes += w.nvalues * sizeof *w.values + w.scope.len;
    vec_push(&j->waiting, w);
}

bool hunt_join_restore(struct hunt_join *j, struct cursor *c, uint32_t nrules, hunt_keep_fn keep)
{
    struct correlator *windows = NULL;
    CHECK(j->arrivals == 0);
    j->arrivals = cursor_u64(c);
    j->counted = cursor_u64(c);
    get_places(j, c, keep);
    for (uint32_t i = 0; i < correlations_count(j->correlations); i++) {
        j->told[i] = cursor_u64(c);
    }
    uint32_t n = cursor_u32(c);
    c->failed = c->failed || n >= HUNT_WAITING_MAX;
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        get_waiting(j, c, nrules);
    }
    struct span saved = cursor_str(c);
    if (c->failed || correlator_load(j->correlations, HUNT_JOIN_STATE_BYTES, HUNT_JOIN_LATENESS_S * TIME_SECOND,
                                     saved, &windows, NULL) != 0) {
        c->failed = true;
        return false;
    }
    correlator_free(&j->correlator);
    j->correlator = windows;
    return true;
}
