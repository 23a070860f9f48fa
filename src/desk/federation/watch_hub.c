/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The hub's half of a watch: reads the signals of its circles in the order in which they were kept,
 * and looks in them for what several members saw. After a start it reads its own warnings first and
 * then all signals within the longest window: what was warned of is known, so nothing is counted or
 * told twice. What a member took back is counted anew from what still holds.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "desk/federation/watch_priv.h"

enum { LOAD_PAGE = 40 };

struct hub_circle *watch_circle_at(struct fed_watch *w, struct span id)
{
    for (size_t i = 0; i < w->circles.len; i++) {
        if (span_eq(span_of(w->circles.data[i]->id), id)) {
            return w->circles.data[i];
        }
    }
    if (w->circles.len == WATCH_CIRCLES_MAX || id.len > FED_CIRCLE_MAX) {
        return NULL;
    }
    struct hub_circle *c = mem_alloc(sizeof *c);
    struct community_options o = {.things_max = WATCH_THINGS};
    memcpy(c->id, id.ptr, id.len);
    memcpy(o.seed, w->seed, sizeof o.seed);
    c->community = community_new(&o);
    cohort_init(&c->cohort);
    community_cohorts(c->community, cohort_since, &c->cohort);
    map_init(&c->by_id);
    vec_push(&w->circles, c);
    return c;
}

void watch_hub_free(struct fed_watch *w)
{
    for (size_t i = 0; i < w->circles.len; i++) {
        struct hub_circle *c = w->circles.data[i];
        for (size_t k = 0; k < c->warnings.len; k++) {
            mem_free((void *)(uintptr_t)c->warnings.data[k]->value.ptr);
            mem_free(c->warnings.data[k]);
        }
        vec_free(&c->warnings);
        map_free(&c->by_id);
        community_free(&c->community);
        cohort_free(&c->cohort);
        mem_free(c);
    }
    watch_plans_free(w);
    for (size_t i = 0; i < w->dirty.len; i++) {
        mem_free((void *)(uintptr_t)w->dirty.data[i].organisation.ptr);
    }
    vec_free(&w->circles);
    vec_free(&w->dirty);
}

static struct span heap_copy(struct span s)
{
    char *text = mem_alloc(s.len + 1);
    memcpy(text, s.ptr, s.len);
    return span_make(text, s.len);
}

/* Those over their date, and those never told after all, go; the highest version of them is remembered, so
 * that what is found again is told as something newer. */
static void forget_over(struct fed_watch *w, struct hub_circle *c)
{
    size_t kept = 0;
    map_free(&c->by_id);
    map_init(&c->by_id);
    for (size_t i = 0; i < c->warnings.len; i++) {
        struct hub_warning *hw = c->warnings.data[i];
        if (hw->expires <= w->now && !watch_plan_waits(w, hw)) {
            c->forgotten = hw->version > c->forgotten ? hw->version : c->forgotten;
            mem_free((void *)(uintptr_t)hw->value.ptr);
            mem_free(hw);
        } else {
            map_put(&c->by_id, span_make(hw->id, WARNING_ID_LEN), (uint64_t)(uintptr_t)hw);
            c->warnings.data[kept++] = hw;
        }
    }
    c->warnings.len = kept;
}

struct hub_warning *watch_warning_add(struct fed_watch *w, struct hub_circle *c, struct span id,
                                      enum community_kind kind, struct span value)
{
    uint64_t at = 0;
    if (map_get(&c->by_id, id, &at)) {
        return (struct hub_warning *)(uintptr_t)at;
    }
    if (c->warnings.len >= WATCH_WARNINGS_MAX) {
        forget_over(w, c);
    }
    if (c->warnings.len >= WATCH_WARNINGS_MAX) {
        return NULL;
    }
    struct hub_warning *hw = mem_alloc(sizeof *hw);
    memcpy(hw->id, id.ptr, WARNING_ID_LEN);
    hw->kind = kind;
    hw->value = heap_copy(value);
    vec_push(&c->warnings, hw);
    map_put(&c->by_id, span_make(hw->id, WARNING_ID_LEN), (uint64_t)(uintptr_t)hw);
    return hw;
}

/* ---- own warnings, at the start ---- */

static void load_warning(struct fed_watch *w, const struct fed_warning_row *row, struct arena *arena)
{
    struct warning *body = arena_alloc(arena, sizeof *body);
    struct err e;
    struct hub_circle *c = watch_circle_at(w, row->circle);
    int64_t epoch = 0;
    if (c == NULL || warning_from_row(row, arena, body, &e) < 0) {
        return;
    }
    c->forgotten = row->expires <= w->now && body->version > c->forgotten ? body->version : c->forgotten;
    struct hub_warning *hw = row->expires <= w->now ? NULL : watch_warning_add(w, c, body->id, body->kind, body->value);
    if (hw == NULL) { /* over: nobody is told of it any more */
        return;
    }
    (void)!num_i64(row->published, &epoch);
    hw->expires = row->expires;
    hw->version = body->version;
    hw->withdrawn = body->withdrawn;
    hw->level = body->level;
    hw->seen = body->seen;
    hw->last = body->last;
    if (body->nderived > 0) { /* passed on: counted by nobody here */
        const struct warning_source *s = &body->derived[body->nderived - 1];
        memcpy(hw->from, s->warning.ptr, WARNING_ID_LEN);
        hw->from_version = s->version;
        return;
    }
    hw->published = (struct policy_published){.warned = !body->withdrawn,
                                              .product_told = body->nproducts > 0,
                                              .count = (uint32_t)body->seen,
                                              .cohort_epoch = (uint64_t)epoch};
}

static void warnings_loaded(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    struct arena arena;
    (void)text;
    w->loading = false;
    if (rc < 0) {
        return;
    }
    arena_init(&arena, 0);
    uint32_t n = cursor_u32(data);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_warning_row row;
        fed_warning_decode(data, &row);
        if (!data->failed) {
            w->load_before = row.updated;
            if (span_eq(row.issuer, span_make(w->node, FED_NODE_LEN))) {
                load_warning(w, &row, &arena);
            }
        }
    }
    struct fed_sharing sharing;
    fed_sharing_decode(data, &arena, &sharing);
    w->forgotten = data->failed ? w->forgotten : sharing.forgotten;
    w->loaded = n < LOAD_PAGE;
    arena_fini(&arena);
}

static void load(struct fed_watch *w)
{
    struct buf q;
    watch_question(&q, ASK_WARNINGS);
    buf_u64(&q, (uint64_t)w->load_before);
    buf_u32(&q, LOAD_PAGE);
    buf_u8(&q, 0);
    w->loading = watch_ask(w, &q, warnings_loaded, w);
}

/* ---- signals ---- */

static void take_back(struct fed_watch *w, struct hub_circle *c, struct span organisation)
{
    for (size_t i = 0; i < w->dirty.len; i++) {
        if (w->dirty.data[i].circle == c && span_eq(w->dirty.data[i].organisation, organisation)) {
            return;
        }
    }
    vec_push(&w->dirty, (struct hub_dirty){c, heap_copy(organisation)});
}

static void take_signal(struct fed_watch *w, const struct fed_signal_row *row, bool quiet,
                        struct arena *arena)
{
    struct community_finding f[COMMUNITY_FINDINGS_MAX];
    struct signal s;
    struct hub_circle *c = watch_circle_at(w, row->circle);
    if (c == NULL) {
        return;
    }
    if (row->count == 0) {
        take_back(w, c, row->organisation);
        return;
    }
    signal_from_row(row, arena, &s);
    size_t n = community_take(c->community, row->organisation, &s, signal_bucket(w->now), arena, f);
    for (size_t i = 0; i < n && !quiet; i++) {
        if (f[i].members >= POLICY_WARN_AT && f[i].members > f[i].before) {
            watch_plan_finding(w, c, &f[i], &s);
        }
    }
}

static void read_on(struct fed_watch *w);

/* The members agreed that they may be guessed, or no longer do: all is looked at again. What was
 * told is known, so nothing is told twice. */
static void look_again(struct fed_watch *w, bool agreed)
{
    struct community_options o = {.things_max = WATCH_THINGS};
    memcpy(o.seed, w->seed, sizeof o.seed);
    for (size_t i = 0; i < w->circles.len; i++) {
        community_free(&w->circles.data[i]->community);
        w->circles.data[i]->community = community_new(&o);
        community_cohorts(w->circles.data[i]->community, cohort_since, &w->circles.data[i]->cohort);
    }
    w->agreed = agreed;
    w->place = 0;
}

static void signals_read_in(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    struct arena arena;
    (void)text;
    w->reading = false;
    if (rc < 0) {
        return;
    }
    bool agreed = cursor_u8(data) != 0;
    uint32_t n = cursor_u32(data);
    if (!data->failed && agreed != w->agreed) {
        look_again(w, agreed);
        read_on(w);
        return;
    }
    arena_init(&arena, 0);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_signal_row row;
        fed_signal_decode(data, &row);
        if (!data->failed) {
            w->place = row.place;
            take_signal(w, &row, false, &arena);
        }
        arena_reset(&arena);
    }
    arena_fini(&arena);
    if (n == FED_SIGNALS_BATCH) {
        read_on(w);
    }
}

static void read_on(struct fed_watch *w)
{
    struct buf q;
    watch_question(&q, ASK_SIGNALS_AFTER);
    buf_u64(&q, (uint64_t)w->place);
    buf_u64(&q, (uint64_t)(signal_bucket(w->now) - community_window_max()));
    w->reading = watch_ask(w, &q, signals_read_in, w);
}

/* ---- what was taken back ---- */

static bool in_force(struct fed_watch *w, struct hub_circle *c, const struct hub_warning *hw)
{
    return !hw->withdrawn && hw->version > 0 && hw->from[0] == '\0' &&
           community_members(c->community, hw->kind, hw->value, signal_bucket(w->now)) >=
               POLICY_WARN_AT;
}

static void counted_anew(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    struct hub_dirty d = w->dirty.data[0];
    struct hub_circle *c = d.circle;
    struct arena arena;
    (void)text;
    w->forgetting = false;
    if (rc < 0) {
        return;
    }
    arena_init(&arena, 0);
    VEC(struct hub_warning *) held = {0};
    for (size_t i = 0; i < c->warnings.len; i++) {
        if (in_force(w, c, c->warnings.data[i])) {
            vec_push(&held, c->warnings.data[i]);
        }
    }
    community_forget(c->community, d.organisation);
    uint32_t n = cursor_u32(data);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_signal_row row;
        fed_signal_decode(data, &row);
        if (!data->failed) {
            take_signal(w, &row, true, &arena);
        }
    }
    for (size_t i = 0; i < held.len; i++) {
        if (!in_force(w, c, held.data[i])) {
            watch_plan_withdraw(w, c, held.data[i]);
        }
    }
    vec_free(&held);
    arena_fini(&arena);
    mem_free((void *)(uintptr_t)d.organisation.ptr);
    for (size_t i = 1; i < w->dirty.len; i++) {
        w->dirty.data[i - 1] = w->dirty.data[i];
    }
    w->dirty.len--;
}

static void count_anew(struct fed_watch *w)
{
    struct buf q;
    w->forget_at = w->now + WATCH_FORGET_S * TIME_SECOND;
    watch_question(&q, ASK_SIGNALS_OF);
    buf_str(&q, span_of(w->dirty.data[0].circle->id));
    buf_str(&q, w->dirty.data[0].organisation);
    buf_u64(&q, (uint64_t)(signal_bucket(w->now) - community_window_max()));
    w->forgetting = watch_ask(w, &q, counted_anew, w);
}

void watch_hub_tick(struct fed_watch *w)
{
    if (!w->loaded) {
        if (!w->loading) {
            load(w);
        }
        return;
    }
    if (!w->reading) {
        read_on(w);
    }
    if (!w->forgetting && w->dirty.len > 0 && w->now >= w->forget_at) {
        count_anew(w);
    }
    watch_onward_tick(w);
    watch_plan_tick(w);
}
