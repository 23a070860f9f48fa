/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A node tells of its alerts. A round: the keeper names alerts that are due; the city's policy says
 * of each, for each circle, whether it is told; what is told is noted first, then it goes out, and
 * only then the alert counts as dealt with. A round that ends in between is made again: a signal
 * with the same number replaces itself, so nothing is counted twice.
 */
#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/watch_priv.h"

enum { TELL_EVERY_MS = 500 };

void watch_tell_free(struct fed_watch *w)
{
    struct tell_round *r = w->round;
    w->round = NULL;
    if (r == NULL) {
        return;
    }
    vec_free(&r->signals);
    vec_free(&r->tells);
    vec_free(&r->shares);
    vec_free(&r->dealt);
    arena_fini(&r->arena);
    mem_free(r);
}

static void dealt_with(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    (void)data;
    if (rc < 0) {
        char shown[LOG_VALUE_MAX];
        log_warn("signals.dealt", "why=\"%s\"", log_value(text, shown));
    }
    w->tell_at = w->round->dealt.len == FED_PENDING_BATCH ? 0 : w->tell_at;
    watch_tell_free(w);
}

/* The end of a round: the keeper is told which alerts are dealt with. */
static void round_end(struct fed_watch *w)
{
    struct tell_round *r = w->round;
    struct buf q;
    CHECK(r != NULL); /* held while something of it is open */
    watch_question(&q, ASK_SIGNALS_DEALT);
    buf_u32(&q, (uint32_t)r->dealt.len);
    for (size_t i = 0; i < r->dealt.len; i++) {
        const struct fed_dealt *d = &r->dealt.data[i];
        buf_str(&q, d->alert);
        buf_u64(&q, (uint64_t)d->stamp);
        /* What could not be told is tried again. */
        buf_u64(&q, (uint64_t)(r->failed && d->due == TIME_NONE
                                   ? w->now + WATCH_RETRY_S * TIME_SECOND
                                   : d->due));
    }
    if (!watch_ask(w, &q, dealt_with, w)) {
        watch_tell_free(w); /* the keeper is away: it will name them again */
    }
}

static void issued(void *ctx, int rc, struct span text, struct span id)
{
    struct fed_watch *w = ctx;
    char shown[LOG_VALUE_MAX];
    (void)id;
    if (w->round == NULL) {
        return;
    }
    if (rc < 0) {
        w->round->failed = true;
        log_warn("signals.issue", "why=\"%s\"", log_value(text, shown));
    }
    if (--w->round->open == 0) {
        round_end(w);
    }
}

static int issue(struct fed_watch *w, struct span circle, struct span hub, struct signal *list,
                 size_t count, struct err *e)
{
    struct arena *a = &w->round->arena;
    struct jcs *audience = NULL;
    const struct fed_audience who = {.nodes = &hub, .nnodes = 1};
    int rc = fed_audience_write(a, &who, &audience, e);
    const struct watch_issue i = {
        .telling = WATCH_TELLS_ALERTS,
        .draft = {.type = FED_TYPE_SIGNAL,
                  .circle = circle,
                  .audience = audience,
                  .tlp = SPAN("AMBER"),
                  .pap = SPAN("AMBER"),
                  .expires_s = w->now / TIME_SECOND + WATCH_SIGNAL_LIFE_S,
                  .body = rc < 0 ? NULL : signals_body(a, list, count)},
        .class = FED_OUT_BULK,
        .reason = SPAN("the city's policy of sharing lets it go"),
        .audience = SPAN("the hub of the circle"),
    };
    return rc < 0 ? rc : w->host.issue(w->host.arg, &i, issued, w, e);
}

/* One envelope for each circle; a round has at most FED_PENDING_BATCH alerts, so one is enough. */
static void issue_all(struct fed_watch *w)
{
    struct tell_round *r = w->round;
    _Static_assert((int)FED_PENDING_BATCH <= (int)SIGNALS_PER_BODY, "a round fits an envelope");
    r->open = 1; /* held until all are on their way */
    for (size_t i = 0; i < r->signals.len; i++) {
        struct tell_signal *first = &r->signals.data[i];
        struct signal list[SIGNALS_PER_BODY];
        struct err e = {0};
        size_t n = 0;
        bool before = false;
        for (size_t k = 0; k < i; k++) {
            before = before || span_eq(r->signals.data[k].circle, first->circle);
        }
        for (size_t k = i; k < r->signals.len && !before; k++) {
            if (span_eq(r->signals.data[k].circle, first->circle) && n < SIGNALS_PER_BODY) {
                list[n++] = r->signals.data[k].signal;
            }
        }
        if (before) {
            continue;
        }
        r->open++;
        if (issue(w, first->circle, first->hub, list, n, &e) < 0) {
            issued(w, -1, span_of(e.text), SPAN(""));
        }
    }
    if (--r->open == 0) {
        round_end(w);
    }
}

static void noted(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    (void)data;
    if (rc < 0) {
        char shown[LOG_VALUE_MAX];
        log_warn("signals.note", "why=\"%s\"", log_value(text, shown));
        watch_tell_free(w);
        w->tell_at = w->now + WATCH_RETRY_S * TIME_SECOND;
        return;
    }
    issue_all(w);
}

/* ---- what is told ---- */

/* Whether the words of a person who closed it say that it was nothing. */
static bool was_nothing(const struct alert_row *a)
{
    return a->status == ALERT_CLOSED && !span_eq(a->close_reason, SPAN("true_positive"));
}

/* When an alert may be told: now (0), at a time, or not before it changes (TIME_NONE). */
static time_ns when_of(const struct fed_share_verdict *v, const struct alert_row *a, time_ns now)
{
    bool seen = a->status != ALERT_NEW;
    time_ns due = a->received + v->minutes * 60 * TIME_SECOND;
    switch (v->moment) {
    case FED_AT_ONCE:
        return 0;
    case FED_AFTER_MINUTES:
        return seen || due <= now ? 0 : due;
    case FED_AFTER_ACKNOWLEDGEMENT:
        return seen ? 0 : TIME_NONE;
    default:
        return TIME_NONE;
    }
}

/* A number of its own for ever: also an older copy of the records gives none again. */
static int64_t new_number(struct fed_watch *w)
{
    int64_t us = w->now / 1000;
    w->last_number = us > w->last_number ? us : w->last_number + 1;
    return w->last_number;
}

/* The signal of this circle, rule and bucket in this round; made from what was told before. */
static struct tell_signal *signal_at(struct fed_watch *w, const struct signal *s,
                                     const struct fed_told *t)
{
    struct tell_round *r = w->round;
    for (size_t i = 0; i < r->signals.len; i++) {
        struct tell_signal *at = &r->signals.data[i];
        bool same = t->number != 0 ? at->signal.number == t->number
                                   : span_eq(at->signal.rule_hash, s->rule_hash) &&
                                         at->signal.bucket == s->bucket;
        if (same && span_eq(at->circle, t->circle)) {
            return at;
        }
    }
    struct signal fresh = *s;
    fresh.nindicators = 0;
    fresh.number = t->number != 0 ? t->number : new_number(w);
    fresh.count = t->number != 0 ? t->count : 0;
    signal_indicators_from(t->indicators, &r->arena, &fresh);
    vec_push(&r->signals, (struct tell_signal){fresh, t->circle, t->hub});
    return vec_last(&r->signals);
}

static void tell(struct fed_watch *w, const struct fed_pending *p, const struct fed_told *t,
                 const struct signal *s, int64_t events, struct span share)
{
    struct tell_round *r = w->round;
    struct tell_signal *at = signal_at(w, s, t);
    int64_t count = at->signal.count - t->alert_events + events;
    at->signal.count = count < 0 ? 0 : count > SIGNAL_COUNT_MAX ? SIGNAL_COUNT_MAX : count;
    signal_indicators_join(&at->signal, s->indicators, s->nindicators);
    struct fed_tell one = {.alert = p->alert.id, .events = events};
    signal_to_row(&at->signal, &r->arena, &one.signal);
    one.signal.circle = t->circle;
    vec_push(&r->tells, one);
    vec_push(&r->shares, share);
}

/* What a city wrote itself is not told in its words; what is shipped, or came from the hub, is known. */
static bool title_is_public(struct span file)
{
    return span_starts(file, SPAN("rules/")) || span_starts(file, SPAN("federation/"));
}

/* One alert and one circle; returns when to look again. */
static time_ns consider(struct fed_watch *w, const struct fed_sharing *sharing,
                        const struct fed_pending *p, const struct fed_told *t,
                        const struct signal *s)
{
    const struct fed_share_facts f = {t->circle,      p->alert.product, p->alert.source,
                                      p->alert.level, s->techniques,    s->ntechniques};
    struct fed_share_verdict v = fed_share_decide(sharing, &f);
    bool told = t->alert_number != 0;
    if (was_nothing(&p->alert)) {
        if (told) {
            tell(w, p, t, s, 0, SPAN(""));
        }
        return TIME_NONE;
    }
    time_ns when = told && v.moment != FED_NEVER ? 0 : when_of(&v, &p->alert, w->now);
    if (when == 0) {
        tell(w, p, t, s, p->alert.count > SIGNAL_COUNT_MAX ? SIGNAL_COUNT_MAX : p->alert.count,
             told ? SPAN("") : v.row);
        return TIME_NONE;
    }
    return when;
}

/* "195.1.0.0/16, 2a00:1::/32" as a list. */
static size_t list_of(struct span text, struct arena *arena, const struct span **out)
{
    enum { OWN_MAX = 512 };
    struct span *list = arena_calloc(arena, OWN_MAX, sizeof *list);
    size_t n = 0;
    while (text.len > 0 && n < OWN_MAX) {
        ptrdiff_t comma = span_find(text, ',');
        struct span one = span_trim(comma < 0 ? text : span_sub(text, 0, (size_t)comma));
        text = comma < 0 ? SPAN("") : span_sub(text, (size_t)comma + 1, text.len);
        if (one.len > 0) {
            list[n++] = one;
        }
    }
    *out = list;
    return n;
}

static void consider_alert(struct fed_watch *w, const struct fed_sharing *sharing,
                           const struct signal_own *own, const struct fed_pending *p)
{
    struct tell_round *r = w->round;
    struct alert a;
    struct signal s;
    struct err e;
    struct cursor detail = cursor_of(p->detail);
    time_ns due = TIME_NONE;
    if (alert_decode(&detail, &r->arena, &a, &e) == 0) {
        signal_of_alert(&a, p->tags, own, &r->arena, &s);
        s.title = title_is_public(p->rule_file) ? s.title : SPAN("");
        for (size_t i = 0; i < p->ntold; i++) {
            time_ns when = consider(w, sharing, p, &p->told[i], &s);
            due = when != TIME_NONE && (due == TIME_NONE || when < due) ? when : due;
        }
    }
    vec_push(&r->dealt, (struct fed_dealt){p->alert.id, p->stamp, due});
}

static void round_begin(struct fed_watch *w, struct cursor *data)
{
    struct tell_round *r = w->round;
    struct fed_sharing sharing;
    struct signal_own own = {0};
    fed_sharing_decode(data, &r->arena, &sharing);
    uint32_t n = cursor_u32(data);
    own.nnetworks = list_of(sharing.networks, &r->arena, &own.networks);
    own.ndomains = list_of(sharing.domains, &r->arena, &own.domains);
    for (uint32_t i = 0; i < n && !data->failed && i < FED_PENDING_BATCH; i++) {
        struct fed_pending p = {0};
        fed_pending_decode(data, &r->arena, &p);
        if (!data->failed) {
            consider_alert(w, &sharing, &own, &p);
        }
    }
}

static struct span copied(struct arena *arena, struct cursor *data)
{
    return arena_copy(arena, span_make(data->ptr, cursor_left(data)));
}

static void due_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    struct tell_round *r = w->round;
    struct buf q;
    (void)text;
    if (rc < 0) {
        watch_tell_free(w);
        return;
    }
    struct cursor kept = cursor_of(copied(&r->arena, data)); /* the answer dies with this call */
    round_begin(w, &kept);
    if (r->dealt.len == 0) {
        watch_tell_free(w);
        return;
    }
    if (r->tells.len == 0) {
        round_end(w);
        return;
    }
    watch_question(&q, ASK_SIGNALS_TOLD);
    buf_u32(&q, (uint32_t)r->tells.len);
    for (size_t i = 0; i < r->tells.len; i++) {
        fed_tell_encode(&q, &r->tells.data[i]);
        buf_str(&q, r->shares.data[i]);
    }
    if (!watch_ask(w, &q, noted, w)) {
        watch_tell_free(w);
    }
}

void watch_tell_tick(struct fed_watch *w)
{
    struct buf q;
    if (w->round != NULL || w->now < w->tell_at || w->host.stopped(w->host.arg)) {
        return;
    }
    w->tell_at = w->now + TELL_EVERY_MS * (TIME_SECOND / 1000);
    struct tell_round *r = mem_alloc(sizeof *r);
    arena_init(&r->arena, 0);
    w->round = r;
    watch_question(&q, ASK_SIGNALS_DUE);
    buf_u64(&q, (uint64_t)w->now);
    if (!watch_ask(w, &q, due_known, w)) {
        watch_tell_free(w);
    }
}
