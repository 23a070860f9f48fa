/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A hub in a hub: what a hub above warns of, this one tells its own circles too, in an envelope of its
 * own that names what it derives from (docs/FEDERATION.md §5). Whether it may was decided when the
 * warning came (fed_policy_onward); who reads it is asked of each member when it is issued. Loops are
 * impossible: a warning that came through a circle is not told there again, one in force is not told
 * anew, and the way has an end. A withdrawal follows the same way.
 *
 * Rows that changed are compared with what the circles were told, so a restart, or a round that was
 * missed, changes nothing.
 */
#include "base/log.h"
#include "desk/federation/watch_priv.h"

enum {
    ONWARD_PAGE = 40,                   /* rows of one look */
    ONWARD_WIDE = FED_WARNING_PAGE_MAX, /* where more than a page came in one moment: a pull's worth */
    ONWARD_CARE_S = 2,
};

/* ---- one that is to be passed on ---- */

/* The warning as it stands now; it may be over meanwhile. */
static void source_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    struct hub_plan *p = w->plan;
    struct fed_warning_row row = {0};
    struct err e = {0};
    if (rc == ERR_CLOSED) {
        watch_plan_failed(w, text);
        return;
    }
    if (rc == 0) {
        fed_warning_decode(data, &row);
    }
    bool holds = rc == 0 && !data->failed && row.withdrawn == 0 && row.expires > w->now &&
                 row.onward.len > 0;
    if (holds) {
        row.body = arena_copy(&p->arena, row.body);
        holds = warning_from_row(&row, &p->arena, &p->w, &e) == 0 &&
                warning_onward(&p->w, row.circle, span_of(p->circle->id), &p->arena);
    }
    if (!holds) {
        watch_plan_drop(w);
        return;
    }
    p->pap = arena_copy(&p->arena, row.onward);
    p->expires = row.expires;
    watch_plan_tell(w, p);
}

void watch_onward_ask(struct fed_watch *w, struct hub_plan *p)
{
    struct buf q;
    watch_question(&q, ASK_WARNING);
    buf_str(&q, p->source);
    w->planning = watch_ask(w, &q, source_known, w);
}

/* ---- which are to be ---- */

struct comparing {
    struct fed_watch *w;
    const struct fed_warning_row *row;
    enum community_kind kind;
};

static void compare(void *ctx, const struct fed_membership *m)
{
    const struct comparing *x = ctx;
    struct fed_watch *w = x->w;
    const struct fed_warning_row *r = x->row;
    struct hub_circle *c = watch_circle_at(w, m->circle);
    char id[WARNING_ID_LEN + 1];
    uint64_t at = 0;
    if (c == NULL) {
        return;
    }
    warning_make_id(m->circle, x->kind, r->value, id);
    struct hub_warning *hw = map_get(&c->by_id, span_of(id), &at)
                                 ? (struct hub_warning *)(uintptr_t)at
                                 : NULL;
    bool told = hw != NULL && hw->version > 0 && !hw->withdrawn;
    bool ours = told && span_eq(span_of(hw->from), r->id); /* this hub told of it because of r */
    if (watch_plan_waits(w, hw) || !watch_plan_room(w)) {
        w->onward_newest = 0; /* looked at again once it is told */
    } else if (r->withdrawn != 0 || r->onward.len == 0) {
        if (ours) {
            watch_plan_withdraw(w, c, hw);
            hw->plan->pap =
                r->onward.len > 0 ? arena_copy(&hw->plan->arena, r->onward) : SPAN("RED");
        }
    } else if (r->expires > w->now && (!told || (ours && hw->from_version < r->version))) {
        struct hub_plan *p = watch_plan_new(w, c, x->kind, r->value);
        if (p == NULL) {
            w->onward_newest = 0; /* once there is room */
            return;
        }
        p->source = arena_copy(&p->arena, r->id);
    }
}

static void rows_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    struct span self = span_make(w->node, FED_NODE_LEN);
    time_ns oldest = INT64_MAX;
    (void)text;
    w->passing = false;
    if (rc < 0) {
        return;
    }
    bool first = w->onward_before == INT64_MAX;
    uint32_t n = cursor_u32(data);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_warning_row row;
        struct comparing x = {w, &row, COMMUNITY_INDICATOR};
        fed_warning_decode(data, &row);
        if (data->failed) {
            break;
        }
        oldest = row.updated;
        w->onward_newest = first && i == 0 ? row.updated : w->onward_newest;
        if (row.updated >= w->onward_mark && !span_eq(row.issuer, self) &&
            community_kind_parse(row.kind, &x.kind)) {
            w->host.own_circles(w->host.arg, &x, compare);
        }
    }
    bool whole_page = n == (w->onward_wide ? ONWARD_WIDE : ONWARD_PAGE);
    if (whole_page && oldest >= w->onward_mark) { /* rows of one moment are looked at twice rather than left out */
        bool stuck = oldest + 1 >= w->onward_before;
        w->onward_before = stuck && w->onward_wide ? oldest : oldest + 1;
        w->onward_wide = stuck && !w->onward_wide;
        w->onward_at = 0;
    } else {
        w->onward_mark = w->onward_newest;
        w->onward_before = INT64_MAX;
        w->onward_wide = false;
    }
}

static void count(void *ctx, const struct fed_membership *m)
{
    (void)m;
    ++*(size_t *)ctx;
}

void watch_onward_tick(struct fed_watch *w)
{
    struct buf q;
    size_t circles = 0;
    if (w->passing || w->host.own_circles == NULL || w->now < w->onward_at) {
        return;
    }
    w->onward_at = w->now + ONWARD_CARE_S * TIME_SECOND;
    w->host.own_circles(w->host.arg, &circles, count);
    if (circles == 0) {
        return; /* no hub */
    }
    watch_question(&q, ASK_WARNINGS);
    buf_u64(&q, (uint64_t)w->onward_before);
    buf_u32(&q, w->onward_wide ? ONWARD_WIDE : ONWARD_PAGE);
    buf_u8(&q, 1);
    w->passing = watch_ask(w, &q, rows_known, w);
}
