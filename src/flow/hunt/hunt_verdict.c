/* SPDX-License-Identifier: EUPL-1.2 */
/* From counts to verdicts: when "clean" may be said, and what else is said instead. See hunt_result.h. */
#include "flow/hunt/hunt_run_priv.h"

enum { MISSING_TOLD_MAX = 8, NAME_MAX_TOLD = 300 };

struct verdict {
    const struct hunt_run *run;
    struct arena *arena;
    bool final;
    VEC(struct hunt_item) items;
};

/* Events whose log source the rule applies to. */
static uint64_t covered(const struct hunt_run *run, const struct hunt_plan_rule *rule)
{
    const struct catalog *cat = run->parts.catalog;
    uint64_t n = 0;
    for (class_id first = 0; first < cat->nclasses; first++) {
        bool applies = false;
        for (class_id c = first; run->classes[first].events > 0 && c != CLASS_NONE && !applies;
             c = cat->classes[c].also) {
            applies = hunt_rule_applies(rule, &cat->classes[c]);
        }
        n += applies ? run->classes[first].events : 0;
    }
    return n;
}

static bool field_came(const struct hunt_run *run, const struct hunt_plan_rule *rule, field_id f)
{
    for (class_id c = 0; f != FIELD_NONE && c < run->parts.catalog->nclasses; c++) {
        const struct hunt_seen *s = &run->classes[c];
        for (size_t i = 0; i < s->present.len; i++) {
            if (s->present.data[i] == f &&
                hunt_rule_applies(rule, &run->parts.catalog->classes[c])) {
                return true;
            }
        }
    }
    return false;
}

static struct span logsource_text(struct arena *a, const struct hunt_plan_rule *rule)
{
    const struct logsource *l = &rule->logsource;
    const char *text = arena_printf(
        a, "%.*s%s%.*s%s%.*s", SPAN_ARG(l->product),
        l->product.len > 0 && (l->category.len > 0 || l->service.len > 0) ? "/" : "",
        SPAN_ARG(l->category), l->category.len > 0 && l->service.len > 0 ? "/" : "",
        SPAN_ARG(l->service));
    return span_of(text);
}

/* Names of fields that never came; all_out: none of them did. */
static struct span missing_fields(const struct hunt_run *run, struct arena *a,
                                  const struct hunt_plan_rule *rule, bool *all_out)
{
    struct buf b;
    uint32_t missing = 0;
    buf_init(&b, 4096);
    for (uint32_t i = 0; i < rule->nfields; i++) {
        if (field_came(run, rule, rule->fields[i])) {
            continue;
        }
        if (missing++ < MISSING_TOLD_MAX) {
            buf_cstr(&b, missing > 1 ? ", " : "");
            buf_span(&b, span_sub(rule->names[i], 0, 64));
        }
    }
    *all_out = rule->nfields > 0 && missing == rule->nfields;
    struct span text = arena_copy(a, buf_view(&b));
    buf_free(&b);
    return text;
}

static void judge_rule(struct verdict *v, const struct hunt_plan_rule *rule, struct hunt_item *it)
{
    if (it->count > 0) {
        it->state = HUNT_MATCHED;
        return;
    }
    if (covered(v->run, rule) == 0) {
        it->state = HUNT_NOT_COVERED;
        it->reason = rule->anywhere
                         ? SPAN("no event in this stretch of time")
                         : span_of(arena_printf(v->arena, "no event of log source %.*s",
                                                SPAN_ARG(logsource_text(v->arena, rule))));
        return;
    }
    bool all = false;
    struct span missing = missing_fields(v->run, v->arena, rule, &all);
    it->state = all ? HUNT_RULE_UNSUPPORTED : HUNT_CLEAN;
    if (missing.len > 0) {
        it->reason = span_of(arena_printf(v->arena, "%s: %.*s",
                                          all ? "none of its fields came with these events"
                                              : "fields that never came",
                                          SPAN_ARG(missing)));
    }
}

/* By what a correlation groups or counts; empty when all of it came. */
static struct span missing_keys(const struct hunt_run *run, const struct hunt_plan_base *b)
{
    for (uint32_t i = 0; i < b->nkeys; i++) {
        if (!field_came(run, &run->parts.plan->bases[b->base], b->keys[i])) {
            return b->keys[i] == FIELD_NONE ? SPAN("a field that no source has") : run->parts.catalog->fields[b->keys[i]];
        }
    }
    return SPAN("");
}

/* Clean only when each of the rules that it joins could have matched, and nothing was given up on the way. */
static void judge_correlation(struct verdict *v, const struct hunt_plan_rule *rule, struct hunt_item *it)
{
    const struct hunt_run *run = v->run;
    uint64_t unsure = run->join == NULL ? 0 : hunt_join_unsure(run->join);
    it->state = it->count > 0 ? HUNT_MATCHED : unsure > 0 ? HUNT_NOT_COVERED : HUNT_CLEAN;
    if (unsure > 0) {
        it->reason = span_of(arena_printf(v->arena,
                                          "%llu matches of rules that correlations join came too late or were given up "
                                          "for want of room",
                                          (unsigned long long)unsure));
    }
    for (uint32_t i = 0; i < rule->nbases && it->state == HUNT_CLEAN; i++) {
        const struct hunt_plan_rule *base = &run->parts.plan->bases[rule->bases[i].base];
        struct hunt_item one = {.first = TIME_NONE, .last = TIME_NONE};
        judge_rule(v, base, &one);
        struct span key = one.state == HUNT_CLEAN ? missing_keys(run, &rule->bases[i]) : SPAN("");
        it->state = key.len > 0 ? HUNT_RULE_UNSUPPORTED : one.state;
        if (it->state != HUNT_CLEAN) {
            struct span why = key.len > 0 ? span_of(arena_printf(v->arena, "%.*s never came with these events",
                                                                 SPAN_ARG(span_sub(key, 0, 64))))
                                          : one.reason;
            it->reason = span_of(arena_printf(v->arena, "its rule %.*s: %.*s",
                                              SPAN_ARG(span_sub(base->title, 0, 100)), SPAN_ARG(why)));
        }
    }
}

enum indicator_type hunt_shape_of(const struct indicator *in)
{
    return in->type != INDICATOR_CIDR ? in->type : in->addr_len == 4 ? INDICATOR_IPV4 : INDICATOR_IPV6;
}

uint64_t hunt_shapes_seen(const struct hunt_run *run, const struct indicator *in)
{
    return hunt_matcher_seen(run->indicators, hunt_shape_of(in));
}

static void judge_indicator(struct verdict *v, const struct indicator *in, struct hunt_item *it)
{
    const struct hunt *h = v->run->parts.hunt;
    if (it->count > 0) {
        it->state = HUNT_MATCHED;
        return;
    }
    it->state = HUNT_NOT_COVERED;
    if (in->valid_until != TIME_NONE && h->from != TIME_NONE && in->valid_until <= h->from) {
        it->reason = SPAN("it was no longer valid in this stretch of time");
    } else if (v->run->events == 0) {
        it->reason = SPAN("no event in this stretch of time");
    } else if (hunt_shapes_seen(v->run, in) == 0) {
        it->reason = span_of(arena_printf(v->arena, "no value of this kind (%s) in %llu events",
                                          indicator_type_name(in->type),
                                          (unsigned long long)v->run->events));
    } else {
        it->state = HUNT_CLEAN;
    }
}

static void add(struct verdict *v, struct hunt_item it)
{
    if (!v->final && it.state != HUNT_MATCHED) {
        return;
    }
    if (v->items.len < HUNT_ITEMS_MAX) {
        vec_push(&v->items, it);
    }
}

static struct hunt_item item_of(const struct hunt_run *run, uint32_t number)
{
    const struct hunt_tally *t = &run->items[number];
    return (struct hunt_item){.count = t->count,
                              .first = t->count > 0 ? t->first : TIME_NONE,
                              .last = t->count > 0 ? t->last : TIME_NONE,
                              .nrefs = (uint32_t)t->refs.len,
                              .refs = t->refs.data};
}

static void add_rules(struct verdict *v)
{
    const struct hunt_plan *plan = v->run->parts.plan;
    for (uint32_t i = 0; i < plan->nrules; i++) {
        const struct hunt_plan_rule *rule = &plan->rules[i];
        struct hunt_item it = item_of(v->run, i);
        it.kind = rule->anywhere ? HUNT_KIND_SEARCH : HUNT_KIND_RULE;
        it.id = rule->anywhere ? SPAN("") : span_sub(rule->id, 0, NAME_MAX_TOLD);
        it.name = rule->anywhere ? v->run->parts.hunt->search
                                 : span_sub(rule->title, 0, NAME_MAX_TOLD);
        if (rule->correlation != UINT32_MAX) {
            judge_correlation(v, rule, &it);
        } else {
            judge_rule(v, rule, &it);
        }
        add(v, it);
    }
    for (uint32_t i = 0; i < plan->nrefused; i++) {
        const struct hunt_plan_refused *r = &plan->refused[i];
        struct hunt_item it = {.kind = HUNT_KIND_RULE,
                               .state = HUNT_RULE_UNSUPPORTED,
                               .name = span_sub(r->file, 0, NAME_MAX_TOLD),
                               .first = TIME_NONE,
                               .last = TIME_NONE};
        it.reason = span_of(arena_printf(v->arena, "line %u: %.*s", r->line,
                                         SPAN_ARG(span_sub(r->reason, 0, 1000))));
        add(v, it);
    }
}

static void add_indicators(struct verdict *v)
{
    const struct hunt *h = v->run->parts.hunt;
    for (uint32_t i = 0; i < h->nindicators; i++) {
        const struct indicator *in = &h->indicators[i];
        struct hunt_item it = item_of(v->run, v->run->parts.plan->nrules + i);
        it.kind = HUNT_KIND_INDICATOR;
        it.id = in->id;
        judge_indicator(v, in, &it);
        if (v->final || it.state == HUNT_MATCHED) {
            it.name = span_of(arena_printf(v->arena, "%s %s%.*s", indicator_type_name(in->type),
                                           in->subdomains ? "*." : "", SPAN_ARG(in->value)));
        }
        add(v, it);
    }
}

static void tell_classes(const struct hunt_run *run, struct arena *a, struct hunt_coverage *out)
{
    const struct catalog *cat = run->parts.catalog;
    struct hunt_class *list = arena_calloc(a, HUNT_CLASSES_MAX, sizeof *list);
    uint32_t n = 0;
    for (class_id c = 0; c < cat->nclasses && n < HUNT_CLASSES_MAX; c++) {
        const struct event_class *cls = &cat->classes[c];
        if (run->classes[c].events > 0) {
            struct logsource l = cls->nsources > 0 ? cls->sources[0] : (struct logsource){0};
            list[n++] = (struct hunt_class){cls->name, l.product, l.category, l.service,
                                            run->classes[c].events};
        }
    }
    out->classes = list;
    out->nclasses = n;
}

void hunt_run_result(struct hunt_run *run, bool final, struct buf *out)
{
    CHECK_OBJ(run, HUNT_RUN_MAGIC);
    if (final && run->join != NULL) {
        hunt_join_flush(run->join);
    }
    struct arena arena;
    arena_init(&arena, 0);
    struct verdict v = {.run = run, .arena = &arena, .final = final};
    struct hunt_result r = {
        .coverage = {.from = run->parts.hunt->from,
                     .to = run->parts.hunt->to,
                     .retained_from = run->retained_from,
                     .retained_to = run->retained_to,
                     .blocks = run->blocks,
                     .events = run->events,
                     .unreadable = run->unreadable,
                     .damaged = run->damaged,
                     .purged = run->purged},
        .matches = run->matches,
    };
    tell_classes(run, &arena, &r.coverage);
    add_rules(&v);
    add_indicators(&v);
    r.items = v.items.data;
    r.nitems = (uint32_t)v.items.len;
    hunt_result_encode(out, &r);
    vec_free(&v.items);
    arena_fini(&arena);
}
