/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a finding becomes: policy/publish.h says whether and in which words it is told; then the
 * rules' texts are asked for and the warning is issued to all members alike. One at a time; nothing
 * is counted as told before it is durable.
 */
#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/watch_priv.h"

enum { PLANS_MAX = 4096 }; /* findings that wait; more come again with their next signal */

/* The plan under way, where it is of this warning. */
static struct hub_plan *under_way(const struct fed_watch *w, const struct hub_warning *hw)
{
    return w->plan != NULL && w->plan->warning == hw ? w->plan : NULL;
}

static void title_of(struct hub_plan *p)
{
    static const char *const words[COMMUNITY_KINDS] = {
        [COMMUNITY_INDICATOR] = "Seen at several members: ",
        [COMMUNITY_RULE] = "A rule fired at several members: ",
        [COMMUNITY_TECHNIQUE] = "A technique was seen at several members: ",
        [COMMUNITY_SEQUENCE] = "One after the other at several members: ",
    };
    p->w.title = span_of(arena_printf(&p->arena, "%s%.*s", words[p->w.kind],
                                      SPAN_ARG(span_sub(p->w.value, 0, 400))));
}

static void plan_free(struct hub_plan *p)
{
    arena_fini(&p->arena);
    mem_free(p);
}

/* Takes it out of those that wait. */
static void plan_take(struct fed_watch *w, struct hub_plan *p)
{
    *p->link = p->next;
    if (p->next != NULL) {
        p->next->link = p->link;
    } else {
        w->plans_end = p->link;
    }
    p->warning->plan = NULL;
    w->nplans--;
}

/* One for the same thing that waits already says it all: it is replaced. */
static struct hub_plan *plan_new(struct fed_watch *w, struct hub_circle *c, struct hub_warning *hw)
{
    if (hw->plan != NULL) {
        struct hub_plan *old = hw->plan;
        plan_take(w, old);
        plan_free(old);
    }
    struct hub_plan *p = mem_alloc(sizeof *p);
    arena_init(&p->arena, 0);
    p->circle = c;
    p->warning = hw;
    p->w.id = span_make(hw->id, WARNING_ID_LEN);
    p->w.kind = hw->kind;
    p->w.value = hw->value;
    title_of(p);
    p->link = w->nplans == 0 ? &w->plans : w->plans_end;
    *p->link = p;
    w->plans_end = &p->next;
    w->nplans++;
    hw->plan = p;
    return p;
}

struct hub_plan *watch_plan_new(struct fed_watch *w, struct hub_circle *c, enum community_kind kind,
                                struct span value)
{
    char id[WARNING_ID_LEN + 1];
    warning_make_id(span_of(c->id), kind, value, id);
    struct hub_warning *hw = watch_warning_add(w, c, span_of(id), kind, value);
    return hw == NULL ? NULL : plan_new(w, c, hw);
}

bool watch_plan_room(const struct fed_watch *w)
{
    return w->nplans < PLANS_MAX;
}

bool watch_plan_waits(const struct fed_watch *w, const struct hub_warning *hw)
{
    return hw != NULL && (hw->plan != NULL || under_way(w, hw) != NULL);
}

void watch_plans_free(struct fed_watch *w)
{
    for (struct hub_plan *p = w->plans, *next; p != NULL; p = next) {
        next = p->next;
        plan_free(p);
    }
    if (w->plan != NULL) {
        plan_free(w->plan);
    }
    w->plans = w->plan = NULL;
    w->nplans = 0;
}

static void add_products(struct hub_plan *p, const struct signal *s, bool show)
{
    if (show && s->product.len > 0) {
        p->w.products[p->w.nproducts++] = arena_copy(&p->arena, s->product);
    }
}

static void add_indicator(struct hub_plan *p, struct span value)
{
    enum fed_indicator_type t;
    ptrdiff_t colon = span_find(value, ':');
    struct span rest = span_sub(value, (size_t)(colon + 1), value.len);
    if (p->w.kind == COMMUNITY_INDICATOR && colon > 0 &&
        fed_indicator_type_parse(span_sub(value, 0, (size_t)colon), &t) &&
        fed_indicator_read(t, rest, &p->arena, &p->w.indicators[0])) {
        p->w.nindicators = 1;
    }
}

/* Where " > " stands between the two rules of a sequence; the length of the text when it does not. */
static size_t arrow_of(struct span value)
{
    for (size_t i = 0; i + 3 <= value.len; i++) {
        if (span_eq(span_sub(value, i, 3), SPAN(" > "))) {
            return i;
        }
    }
    return value.len;
}

static struct hub_warning *warning_of(const struct hub_circle *c, struct span id)
{
    uint64_t at = 0;
    return map_get(&c->by_id, id, &at) ? (struct hub_warning *)(uintptr_t)at : NULL;
}

/* Whether a rule was warned of by itself, or is about to be. */
static bool is_told(const struct fed_watch *w, const struct hub_circle *c, struct span rule)
{
    char id[WARNING_ID_LEN + 1];
    warning_make_id(span_of(c->id), COMMUNITY_RULE, rule, id);
    const struct hub_warning *hw = warning_of(c, span_of(id));
    return hw != NULL &&
           ((hw->version > 0 && !hw->withdrawn) || watch_plan_waits(w, hw));
}

/* A sequence is for what says little by itself: of an attack in ten steps it would make forty-five
 * warnings that the ten rules' own say better. */
static bool says_nothing_new(const struct fed_watch *w, const struct hub_circle *c,
                             const struct community_finding *f)
{
    size_t arrow = arrow_of(f->value);
    return f->kind == COMMUNITY_SEQUENCE && arrow < f->value.len &&
           (is_told(w, c, span_sub(f->value, 0, arrow)) ||
            is_told(w, c, span_sub(f->value, arrow + 3, f->value.len)));
}

/* The same in one product is a part of it, with the product's rule as its key (policy/publish.h). */
static struct policy_publish_group part_of(struct hub_circle *c, const struct policy_publish_rule *rule,
                                           const struct policy_publish_question *q, const struct signal *s)
{
    char id[WARNING_ID_LEN + 1];
    struct policy_published told = {0};
    warning_make_id(span_of(c->id), COMMUNITY_RULE, s->rule, id);
    const struct hub_warning *hw = warning_of(c, span_of(id));
    if (hw != NULL) {
        told = hw->published;
    }
    return (struct policy_publish_group){q->holders, policy_publish_most(rule, q->holders, &told)};
}

/* What it is asked of policy/publish.h: over the members that counted in the epoch of the first warning. */
static struct policy_publish_question question_of(struct hub_circle *c,
                                                  const struct community_finding *f,
                                                  const struct signal *s, int64_t now,
                                                  uint64_t epoch)
{
    return (struct policy_publish_question){
        .members = cohort_size(&c->cohort, epoch),
        .saw = community_cohort(c->community, f->kind, f->value, now, epoch),
        .holders = s->product.len == 0
                       ? 0
                       : community_cohort(c->community, COMMUNITY_PRODUCT, s->product, now, epoch),
        .bound = (f->kind == COMMUNITY_RULE || f->kind == COMMUNITY_SEQUENCE) && s->product.len > 0,
    };
}

/* A first warning goes at once. A higher number waits until the members had time for the last one: to each member
 * each version is an envelope, and a thing that spreads to thousands of members would be told hundreds of times. */
static time_ns due_of(const struct hub_circle *c, const struct hub_warning *hw)
{
    time_ns each = WATCH_SPREAD_MS * (TIME_SECOND / 1000);
    return hw->version == 0 || hw->issued == 0 || hw->withdrawn
               ? 0
               : hw->issued + cohort_size(&c->cohort, 0) * each;
}

static void plan_say(struct fed_watch *w, struct hub_circle *c, struct hub_warning *hw,
                     const struct community_finding *f, const struct signal *s,
                     const struct policy_publication *say, const struct policy_published *state)
{
    struct hub_plan *p = plan_new(w, c, hw);
    p->published = *state;
    p->due = due_of(c, hw);
    p->w.level = f->level;
    p->w.seen = say->show_count ? say->count : 0;
    if (!community_span(c->community, f->kind, f->value, signal_bucket(w->now), &p->w.first,
                        &p->w.last)) {
        p->w.first = p->w.last = signal_bucket(w->now);
    }
    add_products(p, s, say->show_product);
    add_indicator(p, f->value);
}

/* It comes again with its next member. */
static void leave_out(struct fed_watch *w)
{
    if (w->left_out++ % PLANS_MAX == 0) {
        log_warn("warning.waits", "waiting=%zu left_out=%" PRIu64, w->nplans, w->left_out);
    }
}

void watch_plan_finding(struct fed_watch *w, struct hub_circle *c,
                        const struct community_finding *f, const struct signal *s)
{
    const struct fed_membership *m = w->host.circle(w->host.arg, span_of(c->id));
    char id[WARNING_ID_LEN + 1];
    if (m == NULL || says_nothing_new(w, c, f)) {
        return;
    }
    if (!watch_plan_room(w)) {
        leave_out(w);
        return;
    }
    if (cohort_read(&c->cohort, m)) {
        community_cohorts(c->community, cohort_since, &c->cohort);
    }
    warning_make_id(span_of(c->id), f->kind, f->value, id);
    struct hub_warning *hw = warning_of(c, span_of(id));
    struct policy_published state = {0};
    if (hw != NULL) {
        const struct hub_plan *now = under_way(w, hw);
        state = now != NULL ? now->published : hw->published; /* of what is on its way */
    }
    const struct policy_publish_rule rule = {m->warn, m->show, w->agreed};
    struct policy_publish_question q = question_of(c, f, s, signal_bucket(w->now), state.cohort_epoch);
    struct policy_publish_group part;
    if (!q.bound && q.holders > 0) {
        part = part_of(c, &rule, &q, s);
        q.groups = &part;
        q.ngroups = 1;
        q.outside = q.members - q.holders;
    }
    const struct policy_publication say = policy_publish_count(&rule, &q, &state);
    if (!say.warn || !say.news) {
        return;
    }
    state.cohort_epoch = state.cohort_epoch == 0 ? m->epoch : state.cohort_epoch;
    hw = hw == NULL ? watch_warning_add(w, c, span_of(id), f->kind, f->value) : hw;
    if (hw == NULL) {
        leave_out(w);
        return;
    }
    plan_say(w, c, hw, f, s, &say, &state);
}

void watch_plan_withdraw(struct fed_watch *w, struct hub_circle *c, struct hub_warning *hw)
{
    struct hub_plan *p = plan_new(w, c, hw);
    p->w.level = LEVEL_INFORMATIONAL;
    p->w.first = p->w.last = signal_bucket(w->now);
    p->w.withdrawn = true;
    p->published = (struct policy_published){.cohort_epoch = hw->published.cohort_epoch};
    p->told = true;
}

/* ---- issuing ---- */

void watch_plan_drop(struct fed_watch *w)
{
    plan_free(w->plan);
    w->plan = NULL;
    w->planning = false;
}

/* It could not be issued: again later, so that nothing is lost while a membership file is over its
 * date; but not for ever, since others wait behind it. */
void watch_plan_failed(struct fed_watch *w, struct span why)
{
    enum { TRIES = 20 };
    char shown[LOG_VALUE_MAX];
    log_warn("warning.issue", "why=\"%s\"", log_value(why, shown));
    w->planning = false;
    w->plan_at = w->now + WATCH_RETRY_S * TIME_SECOND;
    if (++w->plan->tries == TRIES) {
        w->onward_mark = 0; /* what was to be passed on is looked at again */
        watch_plan_drop(w);
    }
}

static void note_source(struct hub_warning *hw, const struct warning *w)
{
    const struct warning_source *s = w->nderived == 0 ? NULL : &w->derived[w->nderived - 1];
    memset(hw->from, 0, sizeof hw->from);
    hw->from_version = s == NULL ? 0 : s->version;
    if (s != NULL) {
        memcpy(hw->from, s->warning.ptr, WARNING_ID_LEN);
    }
}

static void issued(void *ctx, int rc, struct span text, struct span envelope)
{
    struct fed_watch *w = ctx;
    struct hub_plan *p = w->plan;
    (void)envelope;
    if (rc < 0) {
        watch_plan_failed(w, text);
        return;
    }
    struct hub_warning *hw = p->warning;
    hw->version = p->w.version;
    hw->withdrawn = p->w.withdrawn;
    hw->published = p->published;
    hw->issued = w->now;
    hw->expires = p->expires;
    hw->level = p->w.withdrawn ? hw->level : p->w.level;
    hw->seen = p->w.seen;
    hw->last = p->w.last;
    note_source(hw, &p->w);
    w->report_at = 0;
    /* What was told of above may have to be told here now. */
    w->onward_mark = p->w.withdrawn ? 0 : w->onward_mark;
    log_info("warning.issued", "warning=%.*s version=%lld kind=%s", SPAN_ARG(p->w.id),
             (long long)p->w.version, community_kind_name(p->w.kind));
    w->care_at = 0;
    watch_plan_drop(w);
    watch_plan_tick(w); /* the next one need not wait for time to pass */
}

/* What was never told, or is forgotten here, may be remembered by members. */
static int64_t next_version(const struct fed_watch *w, const struct hub_plan *p)
{
    int64_t known = p->warning->version;
    if (known == 0) {
        known = w->forgotten > p->circle->forgotten ? w->forgotten : p->circle->forgotten;
    }
    return known + 1;
}

void watch_plan_tell(struct fed_watch *w, struct hub_plan *p)
{
    p->told = true;
    struct err e = {0};
    p->w.version = next_version(w, p);
    struct jcs *audience = NULL;
    const struct fed_audience who = {.all = true};
    int64_t until = w->now / TIME_SECOND + WATCH_WARNING_LIFE_S;
    if (p->expires != 0 && p->expires / TIME_SECOND < until) {
        until = p->expires / TIME_SECOND;
    }
    p->expires = until * TIME_SECOND;
    int rc = fed_audience_write(&p->arena, &who, &audience, &e);
    const struct watch_issue i = {
        .telling = p->w.nderived > 0 ? WATCH_TELLS_ONWARD : WATCH_TELLS_WARNINGS,
        .draft = {.type = FED_TYPE_WARNING,
                  .circle = span_of(p->circle->id),
                  .audience = audience,
                  .tlp = SPAN("GREEN"),
                  .pap = p->pap.len > 0 ? p->pap : SPAN("GREEN"),
                  .expires_s = until,
                  .body = warning_body(&p->arena, &p->w)},
        .class = FED_OUT_RESULT,
        .reason = p->w.nderived > 0
                      ? SPAN("passed on: addressed to a whole circle of this hub's as GREEN")
                      : SPAN("several members saw it; counts as policy/publish allows"),
        .audience = SPAN("all members of the circle"),
    };
    rc = rc < 0 ? rc : w->host.issue(w->host.arg, &i, issued, w, &e);
    if (rc < 0) {
        watch_plan_failed(w, span_of(e.text));
    }
}

static void rules_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    struct hub_plan *p = w->plan;
    struct buf title;
    uint32_t shown = 0;
    (void)text;
    uint32_t n = rc < 0 ? 0 : cursor_u32(data);
    buf_init(&title, WARNING_TITLE_MAX);
    if (n > 0) {
        watch_rules_take(&p->w, *data, n, &p->arena);
    }
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct watch_rule k = watch_rule_next(data);
        if (k.asked) {
            buf_printf(&title, "%s%.*s", shown++ > 0 ? " > " : "", SPAN_ARG(k.title.len > 0 ? k.title : k.id));
        }
    }
    if (n > 0 && !title.failed && !data->failed) {
        struct span names = arena_copy(&p->arena, buf_view(&title));
        p->w.title = span_of(arena_printf(
            &p->arena, "%s%.*s",
            p->w.kind == COMMUNITY_RULE ? "A rule fired at several members: "
                                        : "One after the other at several members: ",
            SPAN_ARG(span_sub(names, 0, WARNING_TITLE_MAX - 64))));
    }
    buf_free(&title);
    watch_plan_tell(w, p);
}

static void ask_rules(struct fed_watch *w, struct hub_plan *p)
{
    struct buf q;
    struct span rest = p->w.value;
    watch_question(&q, ASK_RULE_TEXTS);
    size_t arrow = arrow_of(rest);
    bool two = p->w.kind == COMMUNITY_SEQUENCE && arrow < rest.len;
    buf_u32(&q, two ? 2 : 1);
    buf_str(&q, span_sub(rest, 0, two ? arrow : rest.len));
    if (two) {
        buf_str(&q, span_sub(rest, arrow + 3, rest.len));
    }
    w->planning = watch_ask(w, &q, rules_known, w);
}

/* The first that waits and may go. */
static struct hub_plan *next_plan(struct fed_watch *w)
{
    struct hub_plan *p = w->plans;
    while (p != NULL && p->due > w->now) {
        p = p->next;
    }
    if (p != NULL) {
        plan_take(w, p);
    }
    return p;
}

void watch_plan_tick(struct fed_watch *w)
{
    if (w->planning || w->now < w->plan_at) {
        return;
    }
    struct hub_plan *p = w->plan != NULL ? w->plan : next_plan(w);
    if (p == NULL) {
        return;
    }
    w->plan = p;
    bool by_rules = p->w.kind == COMMUNITY_RULE || p->w.kind == COMMUNITY_SEQUENCE;
    if (p->source.len > 0 && !p->told) {
        watch_onward_ask(w, p);
    } else if (by_rules && !p->told) {
        ask_rules(w, p);
    } else {
        w->planning = true;
        watch_plan_tell(w, p);
    }
}
