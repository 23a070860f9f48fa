/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a finding becomes: policy/publish.h says whether and in which words it is told; then the
 * rules' texts are asked for and the warning is issued to all members alike. One at a time; nothing
 * is counted as told before it is durable.
 */
#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/watch_priv.h"

enum { PLANS_MAX = 4096 }; /* findings that wait; more come again with their next signal */

/* Who counts: active members that are no mere sponsors or hubs, as they were in an epoch. */
struct cohort {
    const struct fed_membership *m;
    uint64_t epoch; /* 0 = today's */
};

static bool is_counted(const struct cohort *c, const struct fed_member *m)
{
    return m->state == FED_ACTIVE && (m->classes & (FED_MEMBER | FED_NDA)) != 0 &&
           (c->epoch == 0 || m->since <= c->epoch);
}

static bool counts(void *ctx, struct span organisation)
{
    const struct cohort *c = ctx;
    for (uint32_t i = 0; i < c->m->nmembers; i++) {
        if (span_eq(c->m->members[i].org, organisation)) {
            return is_counted(c, &c->m->members[i]);
        }
    }
    return false;
}

/* Organisations, each once. */
static uint32_t cohort_size(const struct cohort *c)
{
    struct map seen;
    bool fresh = false;
    uint32_t n = 0;
    map_init(&seen);
    for (uint32_t i = 0; i < c->m->nmembers; i++) {
        if (is_counted(c, &c->m->members[i])) {
            (void)map_at(&seen, c->m->members[i].org, &fresh);
            n += fresh;
        }
    }
    map_free(&seen);
    return n;
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

struct hub_plan *watch_plan_new(struct fed_watch *w, struct hub_circle *c, enum community_kind kind,
                                struct span value)
{
    struct hub_plan *p = mem_alloc(sizeof *p);
    char *id;
    arena_init(&p->arena, 0);
    id = arena_bytes(&p->arena, WARNING_ID_LEN + 1);
    p->circle = arena_copy(&p->arena, span_of(c->id));
    warning_make_id(p->circle, kind, value, id);
    p->w.id = span_make(id, WARNING_ID_LEN);
    p->w.kind = kind;
    p->w.value = arena_copy(&p->arena, value);
    title_of(p);
    vec_push(&w->plans, p);
    return p;
}

void watch_plan_free(struct hub_plan **out)
{
    struct hub_plan *p = *out;
    *out = NULL;
    arena_fini(&p->arena);
    mem_free(p);
}

/* One for the same thing that waits already says it all: it is replaced. */
static void drop_waiting(struct fed_watch *w, struct span id)
{
    size_t kept = w->planning && w->plans.len > 0 ? 1 : 0;
    for (size_t i = kept; i < w->plans.len; i++) {
        if (span_eq(w->plans.data[i]->w.id, id)) {
            watch_plan_free(&w->plans.data[i]);
        } else {
            w->plans.data[kept++] = w->plans.data[i];
        }
    }
    w->plans.len = kept;
}

bool watch_plan_room(const struct fed_watch *w)
{
    return w->plans.len < PLANS_MAX;
}

bool watch_plan_waits(const struct fed_watch *w, struct span id)
{
    for (size_t i = 0; i < w->plans.len; i++) {
        if (span_eq(w->plans.data[i]->w.id, id)) {
            return true;
        }
    }
    return false;
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

/* Whether a rule was warned of by itself, or is about to be. */
static bool is_told(const struct fed_watch *w, const struct hub_circle *c, struct span rule)
{
    char id[WARNING_ID_LEN + 1];
    uint64_t at = 0;
    warning_make_id(span_of(c->id), COMMUNITY_RULE, rule, id);
    if (map_get(&c->by_id, span_of(id), &at) &&
        !((const struct hub_warning *)(uintptr_t)at)->withdrawn) {
        return true;
    }
    return watch_plan_waits(w, span_of(id));
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
    uint64_t at = 0;
    struct policy_published told = {0};
    warning_make_id(span_of(c->id), COMMUNITY_RULE, s->rule, id);
    if (map_get(&c->by_id, span_of(id), &at)) {
        told = ((const struct hub_warning *)(uintptr_t)at)->published;
    }
    return (struct policy_publish_group){q->holders, policy_publish_most(rule, q->holders, &told)};
}

void watch_plan_finding(struct fed_watch *w, struct hub_circle *c,
                        const struct community_finding *f, const struct signal *s)
{
    struct cohort cohort = {.m = w->host.circle(w->host.arg, span_of(c->id))};
    char id[WARNING_ID_LEN + 1];
    uint64_t at = 0;
    if (cohort.m == NULL || !watch_plan_room(w) || says_nothing_new(w, c, f)) {
        return;
    }
    warning_make_id(span_of(c->id), f->kind, f->value, id);
    struct hub_warning *hw = map_get(&c->by_id, span_of(id), &at)
                                 ? (struct hub_warning *)(uintptr_t)at
                                 : NULL;
    struct policy_published state = {0};
    if (hw != NULL) {
        state = hw->published;
    }
    if (w->planning && w->plans.len > 0 && span_eq(w->plans.data[0]->w.id, span_of(id))) {
        state = w->plans.data[0]->published; /* of what is on its way */
    }
    const struct policy_publish_rule rule = {cohort.m->warn, cohort.m->show, w->agreed};
    int64_t now = signal_bucket(w->now);
    cohort.epoch = state.cohort_epoch;
    struct policy_publish_question q = {
        .members = cohort_size(&cohort),
        .saw = community_cohort(c->community, f->kind, f->value, now, counts, &cohort),
        .holders = s->product.len == 0
                       ? 0
                       : community_cohort(c->community, COMMUNITY_PRODUCT, s->product, now, counts,
                                          &cohort),
        .bound = (f->kind == COMMUNITY_RULE || f->kind == COMMUNITY_SEQUENCE) && s->product.len > 0,
    };
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
    state.cohort_epoch = state.cohort_epoch == 0 ? cohort.m->epoch : state.cohort_epoch;
    drop_waiting(w, span_of(id));
    struct hub_plan *p = watch_plan_new(w, c, f->kind, f->value);
    p->published = state;
    p->w.level = f->level;
    p->w.seen = say.show_count ? say.count : 0;
    p->w.first = f->first;
    p->w.last = f->last;
    add_products(p, s, say.show_product);
    add_indicator(p, f->value);
}

void watch_plan_withdraw(struct fed_watch *w, struct hub_circle *c, struct hub_warning *hw)
{
    drop_waiting(w, span_make(hw->id, WARNING_ID_LEN));
    struct hub_plan *p = watch_plan_new(w, c, hw->kind, hw->value);
    p->w.level = LEVEL_INFORMATIONAL;
    p->w.first = p->w.last = signal_bucket(w->now);
    p->w.withdrawn = true;
    p->published = (struct policy_published){.cohort_epoch = hw->published.cohort_epoch};
    p->told = true;
}

/* ---- issuing ---- */

void watch_plan_drop(struct fed_watch *w)
{
    watch_plan_free(&w->plans.data[0]);
    for (size_t i = 1; i < w->plans.len; i++) {
        w->plans.data[i - 1] = w->plans.data[i];
    }
    w->plans.len--;
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
    if (++w->plans.data[0]->tries == TRIES) {
        w->onward_mark = 0; /* what was to be passed on is looked at again */
        watch_plan_drop(w);
    }
}

static struct hub_circle *circle_of(struct fed_watch *w, struct span id)
{
    for (size_t i = 0; i < w->circles.len; i++) {
        if (span_eq(span_of(w->circles.data[i]->id), id)) {
            return w->circles.data[i];
        }
    }
    return NULL;
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
    struct hub_plan *p = w->plans.data[0];
    struct hub_circle *c = circle_of(w, p->circle);
    (void)envelope;
    if (rc == 0 && c != NULL) {
        struct hub_warning *hw = watch_warning_add(c, &p->w);
        hw->version = p->w.version;
        hw->withdrawn = p->w.withdrawn;
        hw->published = p->published;
        note_source(hw, &p->w);
        /* What was told of above may have to be told here now. */
        w->onward_mark = p->w.withdrawn ? 0 : w->onward_mark;
        log_info("warning.issued", "warning=%.*s version=%lld kind=%s", SPAN_ARG(p->w.id),
                 (long long)p->w.version, community_kind_name(p->w.kind));
        w->care_at = 0;
        watch_plan_drop(w);
        watch_plan_tick(w); /* the next one need not wait for time to pass */
    } else {
        watch_plan_failed(w, text);
    }
}

static int64_t next_version(struct fed_watch *w, const struct hub_plan *p)
{
    uint64_t at = 0;
    struct hub_circle *c = circle_of(w, p->circle);
    bool known = c != NULL && map_get(&c->by_id, p->w.id, &at);
    return known ? ((const struct hub_warning *)(uintptr_t)at)->version + 1 : 1;
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
    int rc = fed_audience_write(&p->arena, &who, &audience, &e);
    const struct watch_issue i = {
        .draft = {.type = FED_TYPE_WARNING,
                  .circle = p->circle,
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

/* Texts of the rules that it is about, as this hub has them; a member's own rule is not known. */
static void rules_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    struct hub_plan *p = w->plans.data[0];
    struct buf title;
    (void)text;
    uint32_t n = rc < 0 ? 0 : cursor_u32(data);
    buf_init(&title, WARNING_TITLE_MAX);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct span id = cursor_str(data);
        struct span name = cursor_str(data);
        struct span yaml = cursor_str(data);
        bool correlation = cursor_u8(data) != 0;
        buf_printf(&title, "%s%.*s", i > 0 ? " > " : "", SPAN_ARG(name.len > 0 ? name : id));
        /* A correlation means nothing without the rules it joins, which the members have or not. */
        if (!data->failed && yaml.len > 0 && yaml.len <= WARNING_YAML_MAX && !correlation &&
            p->w.nrules < WARNING_RULES_MAX) {
            p->w.rules[p->w.nrules++] =
                (struct warning_rule){arena_copy(&p->arena, id), arena_copy(&p->arena, yaml), {0}};
        }
    }
    if (n > 0 && !title.failed && !data->failed) {
        struct span shown = arena_copy(&p->arena, buf_view(&title));
        p->w.title = span_of(arena_printf(
            &p->arena, "%s%.*s",
            p->w.kind == COMMUNITY_RULE ? "A rule fired at several members: "
                                        : "One after the other at several members: ",
            SPAN_ARG(span_sub(shown, 0, WARNING_TITLE_MAX - 64))));
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

void watch_plan_tick(struct fed_watch *w)
{
    if (w->planning || w->plans.len == 0 || w->now < w->plan_at) {
        return;
    }
    struct hub_plan *p = w->plans.data[0];
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
