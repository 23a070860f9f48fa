/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A hub in a hub: what the members of its own circles saw, this one tells the hubs above, as signals of its own: rule,
 * technique or indicator, a quarter of an hour, and the count that was published in the circle, or 1; no member, no name
 * and no product of one. Only what it warned its circle of goes, never what came from above, nothing of an NDA circle, and
 * nothing unless a row of its own sharing policy names findings of circles (WATCH_FINDINGS). A warning taken back takes its
 * signal back.
 *
 * The number of a signal is made of the warning's id, so telling again replaces: after a restart all that is in force is
 * told once more, and nothing counts twice.
 */
#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/finding.h"
#include "desk/federation/watch_priv.h"

enum {
    REPORT_EVERY_S = 5,
    REPORTED_MAX = 1 << 16,     /* remembered; then all is told once more */
};

/* A circle above, and what it is about to be told; texts in the round's arena. */
struct above {
    struct span circle;
    struct signal *signals; /* SIGNALS_PER_BODY */
    size_t nsignals;
};

/* A warning that is about to be told, by a row of the policy. */
struct report_tell {
    struct span circle, warning, share;
    int64_t version;
};

struct report_round {
    struct fed_watch *w;
    struct arena arena;
    VEC(struct above) above;
    VEC(struct report_tell) tells;
    struct fed_sharing sharing; /* rows that speak of findings, only */
};

/* ---- which of them ---- */

static struct span key_of(struct arena *a, struct span circle, const struct hub_warning *hw)
{
    return span_of(arena_printf(a, "%.*s\x1f%s", SPAN_ARG(circle), hw->id));
}

/* A finding of this hub's own that the circle above was not told as it stands. */
static bool is_news(const struct fed_watch *w, struct span key, const struct hub_warning *hw)
{
    uint64_t told = 0;
    return hw->from[0] == '\0' && hw->version > 0 && hw->expires > w->now &&
           (!map_get(&w->reported, key, &told) || (int64_t)told != hw->version);
}

static struct finding finding_of(const struct hub_warning *hw, struct arena *a)
{
    return (struct finding){.warning = arena_copy(a, span_make(hw->id, WARNING_ID_LEN)),
                            .kind = hw->kind,
                            .value = arena_copy(a, hw->value),
                            .level = hw->level,
                            .seen = hw->seen,
                            .last = hw->last,
                            .withdrawn = hw->withdrawn,
                            .passed_on = hw->from[0] != '\0'};
}

/* What the city's own policy of sharing says; *row_out: the row of it that decided. */
static bool is_shared(const struct report_round *r, const struct above *above, const struct hub_warning *hw, struct span *row_out)
{
    const struct fed_share_facts facts = {
        .circle = above->circle,
        .product = SPAN(""),
        .source = SPAN(WATCH_FINDINGS),
        .level = hw->withdrawn ? LEVEL_CRITICAL : hw->level, /* taking back may always go */
        .techniques = &hw->value,
        .ntechniques = hw->kind == COMMUNITY_TECHNIQUE,
    };
    struct fed_share_verdict v = fed_share_decide(&r->sharing, &facts);
    time_ns due = hw->issued + v.minutes * 60 * TIME_SECOND; /* issued 0: before this hub started */
    *row_out = v.row;
    return v.moment == FED_AT_ONCE || (v.moment == FED_AFTER_MINUTES && due <= r->w->now);
}

static void remember(struct fed_watch *w, struct span key, int64_t version)
{
    bool fresh = false;
    uint64_t known = 0;
    if (map_get(&w->reported, key, &known)) {
        map_put(&w->reported, key, (uint64_t)version);
        return;
    }
    if (w->reported.len >= REPORTED_MAX) {
        watch_report_forget(w);
    }
    *map_at(&w->reported, arena_copy(&w->reported_keys, key), &fresh) = (uint64_t)version;
}

/* ---- a round ---- */

static void round_free(struct report_round *r)
{
    r->w->report_round = NULL;
    vec_free(&r->above);
    vec_free(&r->tells);
    arena_fini(&r->arena);
    mem_free(r);
}

static void issued(void *ctx, int rc, struct span text, struct span id)
{
    struct fed_watch *w = ctx;
    (void)id;
    if (rc < 0) {
        char shown[LOG_VALUE_MAX];
        log_warn("federation.report", "why=\"%s\"", log_value(text, shown));
        watch_report_forget(w); /* told again: the same numbers replace */
        w->report_at = w->now + WATCH_RETRY_S * TIME_SECOND;
    }
}

static void issue(struct report_round *r, const struct above *above)
{
    struct fed_watch *w = r->w;
    const struct fed_membership *m = w->host.circle(w->host.arg, above->circle);
    struct err e = {0};
    struct watch_issue i = {
        .telling = WATCH_TELLS_FINDINGS,
        .class = FED_OUT_BULK,
        .reason = SPAN("this hub's policy of sharing lets findings of its circles go: counts, no names"),
        .audience = SPAN("the hub of the circle"),
    };
    int rc = m == NULL ? err_set(&e, ERR_NOT_FOUND, "no membership of the circle above")
                       : finding_draft(&r->arena, m, w->now, &i.draft, &e);
    i.draft.body = rc < 0 ? NULL : signals_body(&r->arena, above->signals, above->nsignals);
    rc = rc < 0 ? rc : w->host.issue(w->host.arg, &i, issued, w, &e);
    if (rc < 0) {
        issued(w, rc, span_of(e.text), SPAN(""));
        return;
    }
    log_info("federation.reported", "circle=%.*s signals=%zu", SPAN_ARG(above->circle), above->nsignals);
}

/* The records know what is about to be told, and by which row; now it goes. */
static void noted(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    struct report_round *r = w->report_round;
    (void)data;
    if (rc < 0) {
        issued(w, rc, text, SPAN(""));
    }
    for (size_t i = 0; i < r->above.len && rc == 0; i++) {
        if (r->above.data[i].nsignals > 0) {
            issue(r, &r->above.data[i]);
        }
    }
    round_free(r);
}

static void note(struct report_round *r)
{
    struct buf q;
    watch_question(&q, ASK_FINDINGS_TOLD);
    buf_u32(&q, (uint32_t)r->tells.len);
    for (size_t i = 0; i < r->tells.len; i++) {
        const struct report_tell *t = &r->tells.data[i];
        buf_str(&q, t->circle);
        buf_str(&q, t->warning);
        buf_u64(&q, (uint64_t)t->version);
        buf_str(&q, t->share);
    }
    if (!watch_ask(r->w, &q, noted, r->w)) {
        issued(r->w, ERR_CLOSED, SPAN("the keeper is away"), SPAN(""));
        round_free(r);
    }
}

/* What a circle above is to be told of one own circle. False: there is no more room, the rest comes at once. */
static bool pick(struct report_round *r, struct above *above, const struct hub_circle *c)
{
    struct fed_watch *w = r->w;
    struct span self = span_make(w->node, FED_NODE_LEN);
    const struct fed_membership *own = w->host.circle(w->host.arg, span_of(c->id));
    const struct fed_membership *m = w->host.circle(w->host.arg, above->circle);
    for (size_t k = 0; k < c->warnings.len && own != NULL && m != NULL; k++) {
        const struct hub_warning *hw = c->warnings.data[k];
        struct span key = key_of(&r->arena, above->circle, hw);
        struct span row = {0};
        if (!is_news(w, key, hw) || !is_shared(r, above, hw, &row)) {
            continue;
        }
        struct finding f = finding_of(hw, &r->arena);
        if (!finding_may_go(&r->arena, &f, own, m, self, w->now)) {
            continue;
        }
        if (above->nsignals + FINDING_PARTS > SIGNALS_PER_BODY) {
            w->report_at = w->now;
            return false;
        }
        above->nsignals += finding_signals(&f, &r->arena, above->signals + above->nsignals);
        vec_push(&r->tells, (struct report_tell){above->circle, f.warning, arena_copy(&r->arena, row), hw->version});
        remember(w, key, hw->version);
    }
    return true;
}

static void sharing_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    struct report_round *r = w->report_round;
    size_t kept = 0;
    (void)text;
    if (rc == 0) {
        fed_sharing_decode(data, &r->arena, &r->sharing);
    }
    if (rc < 0 || data->failed) {
        round_free(r);
        return;
    }
    for (size_t i = 0; i < r->sharing.count; i++) {
        if (span_eq(r->sharing.rows[i].source, SPAN(WATCH_FINDINGS))) {
            r->sharing.rows[kept++] = r->sharing.rows[i];
        }
    }
    r->sharing.count = kept;
    for (size_t i = 0; i < r->above.len && kept > 0; i++) {
        struct above *above = &r->above.data[i];
        above->signals = arena_calloc(&r->arena, SIGNALS_PER_BODY, sizeof *above->signals);
        for (size_t k = 0; k < w->circles.len && pick(r, above, w->circles.data[k]); k++) {
        }
    }
    if (r->tells.len > 0) {
        note(r);
    } else {
        round_free(r);
    }
}

static void note_above(void *ctx, const struct fed_membership *m)
{
    struct report_round *r = ctx;
    vec_push(&r->above, (struct above){.circle = arena_copy(&r->arena, m->circle)});
}

/* Whether anything might have to be told: so that a quiet hub asks nobody. */
static bool any_news(struct report_round *r)
{
    const struct fed_watch *w = r->w;
    for (size_t a = 0; a < r->above.len; a++) {
        for (size_t i = 0; i < w->circles.len; i++) {
            for (size_t k = 0; k < w->circles.data[i]->warnings.len; k++) {
                const struct hub_warning *hw = w->circles.data[i]->warnings.data[k];
                if (is_news(w, key_of(&r->arena, r->above.data[a].circle, hw), hw)) {
                    return true;
                }
            }
        }
    }
    return false;
}

void watch_report_tick(struct fed_watch *w)
{
    struct buf q;
    if (w->report_round != NULL || !w->loaded || w->host.circles_above == NULL || w->now < w->report_at ||
        w->host.stopped(w->host.arg)) {
        return;
    }
    w->report_at = w->now + REPORT_EVERY_S * TIME_SECOND;
    struct report_round *r = mem_alloc(sizeof *r);
    r->w = w;
    arena_init(&r->arena, 0);
    w->report_round = r;
    w->host.circles_above(w->host.arg, r, note_above);
    if (!any_news(r)) {
        round_free(r);
        return;
    }
    watch_question(&q, ASK_SHARING);
    if (!watch_ask(w, &q, sharing_known, w)) {
        round_free(r);
    }
}

void watch_report_forget(struct fed_watch *w)
{
    map_free(&w->reported);
    map_init(&w->reported);
    arena_reset(&w->reported_keys);
}

void watch_report_init(struct fed_watch *w)
{
    map_init(&w->reported);
    arena_init(&w->reported_keys, 0);
}

void watch_report_free(struct fed_watch *w)
{
    if (w->report_round != NULL) {
        round_free(w->report_round);
    }
    map_free(&w->reported);
    arena_fini(&w->reported_keys);
}
