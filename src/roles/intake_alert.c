/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From matches to alerts: the rule set is tried on the event, matches are folded, the first of each
 * fold becomes an alert with why it fired; matches that correlations ask for are noted
 * (intake_match.c). Runs in intake.
 */
#include <stdio.h>
#include <string.h>

#include "roles/intake_priv.h"

/* What is told of one match; everything lives in the scratch arena. */
struct finding {
    const struct ruleset_rule *rule;
    uint32_t number; /* as in matches */
    class_id class_id;
    time_ns time;
    uint32_t nwhy;
    const struct alert_why *why;
};

struct field_list {
    struct alert_field *fields;
    uint16_t count;
    size_t bytes;
    struct arena *arena;
};

static void add_field(void *ctx, struct span name, struct span value)
{
    struct field_list *l = ctx;
    if (l->count == ALERT_FIELDS_MAX || l->bytes >= INTAKE_ALERT_FIELDS_BYTES) {
        return;
    }
    struct span cut = span_sub(value, 0, ALERT_VALUE_MAX);
    l->fields[l->count++] = (struct alert_field){
        arena_copy(l->arena, span_sub(name, 0, ALERT_VALUE_MAX)), arena_copy(l->arena, cut)};
    l->bytes += name.len + cut.len;
}

/* What the program said, without the frame that its logger put around it; empty when the format has no such thing. */
static struct span message_of(const struct alert_field *fields, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (span_eq_nocase(fields[i].name, SPAN("message"))) {
            return span_trim(fields[i].value);
        }
    }
    return SPAN("");
}

/* One line for lists: the first thing that made the rule fire. */
static struct span summary_of(struct intake *in, const struct finding *f, const struct alert_field *fields, uint32_t n)
{
    enum { SUMMARY_VALUE_MAX = 200 };
    if (f->nwhy == 0) {
        return f->rule->title;
    }
    struct span message = f->why[0].field.len == 0 ? message_of(fields, n) : SPAN("");
    struct span value = span_sub(message.len > 0 ? message : f->why[0].value, 0, SUMMARY_VALUE_MAX);
    const char *text =
        f->why[0].field.len == 0
            ? arena_printf(&in->scratch, "%.*s", SPAN_ARG(value))
            : arena_printf(&in->scratch, "%.*s: %.*s", SPAN_ARG(f->why[0].field), SPAN_ARG(value));
    return span_of(text);
}

static void store_alert(struct intake *in, const struct intake_source *s, const struct finding *f,
                        struct span host, struct span user, uint32_t arrival)
{
    struct event *ev = &in->event;
    struct field_list fields = {.arena = &in->scratch};
    fields.fields = arena_calloc(&in->scratch, ALERT_FIELDS_MAX, sizeof *fields.fields);
    normalise_fields(in->normaliser, ev, &in->scratch, add_field, &fields);
    struct alert a = {
        .rule_id = f->rule->id,
        .rule_hash = f->rule->hash,
        .title = f->rule->title,
        .level = f->rule->level,
        .time = f->time,
        .received = ev->received,
        .last_time = f->time,
        .count = 1,
        .organisation = span_of(s->organisation),
        .source = span_of(s->name),
        .product = s->logsource.product,
        .category = s->logsource.category,
        .service = s->logsource.service,
        .host = host,
        .user = user,
        .summary = summary_of(in, f, fields.fields, fields.count),
        .tags = ev->tags,
        .nwhy = (uint16_t)(f->nwhy > ALERT_WHY_MAX ? ALERT_WHY_MAX : f->nwhy),
        .why = f->why,
        .nfields = fields.count,
        .fields = fields.fields,
    };
    folds_store(in->folds, &a, arrival);
}

static void tell(struct intake *in, const struct intake_source *s, uint32_t source,
                 uint32_t arrival, struct finding *f, const struct match *match)
{
    struct event *ev = &in->event;
    event_use_class(ev, f->class_id);
    struct span host =
        arena_copy(&in->scratch, span_sub(event_entity(ev, ENTITY_HOST), 0, ALERT_VALUE_MAX));
    struct span user =
        arena_copy(&in->scratch, span_sub(event_entity(ev, ENTITY_USER), 0, ALERT_VALUE_MAX));
    const struct fold_key key = {f->number, source, host, user};
    if (!folds_count(in->folds, &key, f->time)) {
        return;
    }
    f->nwhy = matcher_explain(in->matcher, ev, match, &in->scratch, &f->why); /* dear: only for what becomes an alert */
    store_alert(in, s, f, host, user, arrival);
}

void intake_alerts(struct intake *in, struct intake_source *s, uint32_t source, uint32_t arrival)
{
    struct event *ev = &in->event;
    const struct catalog *catalog = in->compiled->catalog;
    if (ev->class_id >= catalog->nclasses) {
        return;
    }
    const struct event_class *cls = &catalog->classes[ev->class_id];
    s->logsource = cls->nsources > 0 ? cls->sources[0] : (struct logsource){0};
    const struct match *matches;
    uint32_t n = matcher_run(in->matcher, ev, &matches);
    for (uint32_t i = 0; i < n; i++) {
        const struct match match = matches[i];
        const struct ruleset_rule *rule = ruleset_rule(in->compiled->ruleset, match.rule);
        arena_reset(&in->scratch);
        if (!rule->quiet) {
            struct finding f = {
                .rule = rule, .number = match.rule, .class_id = match.class_id, .time = ev->time};
            tell(in, s, source, arrival, &f, &match);
        }
        if (rule->correlated) {
            intake_match(in, s, source, arrival, &match);
        }
    }
}
