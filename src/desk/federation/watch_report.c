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
#include <sodium.h>

#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/watch_priv.h"

enum {
    REPORT_EVERY_S = 5,
    REPORT_PARTS = 2,           /* a sequence is two rules */
    REPORTED_MAX = 1 << 16,     /* remembered; then all is told once more */
    REPORT_NUMBER_DIGITS = 12,  /* hex, of the warning's id */
};
/* Numbers of alerts are microseconds since 1970, below this until the year 2112. */
#define REPORT_NUMBER_FIRST (INT64_C(1) << 52)

/* A circle above, and its hub; texts in the round's arena. */
struct above {
    struct span circle, hub;
};

struct report_round {
    struct fed_watch *w;
    struct arena arena;
    VEC(struct above) above;
    struct fed_sharing sharing; /* rows that speak of findings, only */
};

/* ---- one warning ---- */

static int64_t number_of(const struct hub_warning *hw, int64_t part)
{
    uint64_t bits = 0;
    for (int i = 0; i < REPORT_NUMBER_DIGITS; i++) {
        char c = hw->id[i];
        bits = bits << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return REPORT_NUMBER_FIRST + (int64_t)(bits * REPORT_PARTS) + part;
}

static struct span hash_of(struct span value, struct arena *a)
{
    unsigned char hash[32];
    char *text = arena_bytes(a, 2 * sizeof hash + 1);
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)value.ptr, value.len, NULL, 0));
    hex_encode(hash, sizeof hash, text);
    return span_make(text, 2 * sizeof hash);
}

static bool add_indicator(struct signal *s, struct span value, struct arena *a)
{
    ptrdiff_t colon = span_find(value, ':');
    enum fed_indicator_type type = FED_INDICATOR_IP;
    s->nindicators = 1;
    return colon > 0 && fed_indicator_type_parse(span_sub(value, 0, (size_t)colon), &type) &&
           fed_indicator_read(type, span_sub(value, (size_t)colon + 1, value.len), a, &s->indicators[0]);
}

/* What is told of a warning: 0 to REPORT_PARTS signals. */
static size_t signals_of(const struct hub_warning *hw, struct arena *a, struct signal out[REPORT_PARTS])
{
    char *id = arena_bytes(a, ID_TEXT_LEN + 1);
    struct span rest = hw->value;
    const char *arrow = memmem(rest.ptr, rest.len, " > ", 3);
    size_t n = hw->kind == COMMUNITY_SEQUENCE && arrow != NULL ? 2 : 1;
    bool holds = hw->last >= SIGNAL_BUCKET_FIRST && hw->last <= SIGNAL_BUCKET_LAST;
    warning_rule_id(span_make(hw->id, WARNING_ID_LEN), id);
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct signal){.number = number_of(hw, (int64_t)i),
                                 .rule = span_of(id),
                                 .title = SPAN(""),
                                 .level = hw->level,
                                 .product = SPAN(""),
                                 .bucket = hw->last,
                                 .count = hw->withdrawn ? 0 : hw->seen > 0 ? hw->seen : 1};
    }
    switch (hw->kind) {
    case COMMUNITY_INDICATOR:
        holds = holds && add_indicator(&out[0], hw->value, a);
        break;
    case COMMUNITY_TECHNIQUE:
        out[0].techniques[out[0].ntechniques++] = hw->value;
        break;
    case COMMUNITY_RULE:
        out[0].rule = hw->value;
        break;
    case COMMUNITY_SEQUENCE:
        holds = holds && n == 2;
        out[0].rule = n < 2 ? out[0].rule : span_sub(rest, 0, (size_t)(arrow - rest.ptr));
        out[n - 1].rule = n < 2 ? out[0].rule : span_sub(rest, (size_t)(arrow - rest.ptr) + 3, rest.len);
        break;
    default:
        holds = false;
    }
    for (size_t i = 0; i < n; i++) {
        out[i].rule_hash = hash_of(out[i].rule, a); /* the text is the members'; this stands for it */
    }
    return holds ? n : 0;
}

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

static bool may_go(const struct report_round *r, const struct above *above, const struct hub_warning *hw)
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

static void issue(struct report_round *r, const struct above *above, const struct signal *list, size_t count)
{
    struct fed_watch *w = r->w;
    struct err e = {0};
    struct jcs *audience = NULL;
    const struct fed_audience who = {.nodes = &above->hub, .nnodes = 1};
    int rc = fed_audience_write(&r->arena, &who, &audience, &e);
    const struct watch_issue i = {
        .draft = {.type = FED_TYPE_SIGNAL,
                  .circle = above->circle,
                  .audience = audience,
                  .tlp = SPAN("AMBER"),
                  .pap = SPAN("AMBER"),
                  .expires_s = w->now / TIME_SECOND + WATCH_SIGNAL_LIFE_S,
                  .body = signals_body(&r->arena, list, count)},
        .class = FED_OUT_BULK,
        .reason = SPAN("this hub's policy of sharing lets findings of its circles go: counts, no names"),
        .audience = SPAN("the hub of the circle"),
    };
    rc = rc < 0 ? rc : w->host.issue(w->host.arg, &i, issued, w, &e);
    if (rc < 0) {
        issued(w, rc, span_of(e.text), SPAN(""));
        return;
    }
    log_info("federation.reported", "circle=%.*s signals=%zu", SPAN_ARG(above->circle), count);
}

static void report_to(struct report_round *r, const struct above *above)
{
    struct fed_watch *w = r->w;
    struct signal *list = arena_calloc(&r->arena, SIGNALS_PER_BODY, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < w->circles.len; i++) {
        const struct hub_circle *c = w->circles.data[i];
        const struct fed_membership *m = w->host.circle(w->host.arg, span_of(c->id));
        bool open = m != NULL && !m->nda; /* what an NDA circle saw stays in it */
        for (size_t k = 0; k < c->warnings.len && open; k++) {
            const struct hub_warning *hw = c->warnings.data[k];
            struct span key = key_of(&r->arena, above->circle, hw);
            if (!is_news(w, key, hw) || !may_go(r, above, hw)) {
                continue;
            }
            if (n + REPORT_PARTS > SIGNALS_PER_BODY) {
                w->report_at = w->now; /* the rest at once */
                open = false;
                continue;
            }
            n += signals_of(hw, &r->arena, list + n);
            remember(w, key, hw->version);
        }
    }
    if (n > 0) {
        issue(r, above, list, n);
    }
}

static void round_free(struct report_round *r)
{
    r->w->report_round = NULL;
    vec_free(&r->above);
    arena_fini(&r->arena);
    mem_free(r);
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
        report_to(r, &r->above.data[i]);
    }
    round_free(r);
}

static void note_above(void *ctx, const struct fed_membership *m)
{
    struct report_round *r = ctx;
    vec_push(&r->above, (struct above){arena_copy(&r->arena, m->circle), arena_copy(&r->arena, m->hub.node)});
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
