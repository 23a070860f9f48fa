/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Matches that correlations ask for: the values they need are copied out of the event and go with the open window, so
 * that what the correlator is told is as durable as the record itself. Runs in intake.
 */
#include "base/mem.h"
#include "roles/intake_priv.h"

/* A small number for (source, class): what stands beside a match but is the same for thousands of them. */
static uint32_t origin_number(struct intake *in, uint32_t source, class_id cls)
{
    uint32_t pair[2] = {source, cls};
    bool fresh = false;
    struct span key = span_make((const char *)pair, sizeof pair);
    uint64_t known = 0;
    if (map_get(&in->origins, key, &known)) {
        return (uint32_t)known;
    }
    uint64_t *slot = map_at(&in->origins, arena_copy(&in->origin_keys, key), &fresh);
    *slot = in->origins.len - 1;
    return (uint32_t)*slot;
}

void intake_match(struct intake *in, const struct intake_source *s, uint32_t source, uint32_t arrival,
                  const struct match *match)
{
    struct event *ev = &in->event;
    const struct catalog *catalog = in->compiled->catalog;
    const struct ruleset_rule *rule = ruleset_rule(in->compiled->ruleset, match->rule);
    uint32_t n = 0;
    const field_id *ids = correlations_fields(in->compiled->correlations, match->rule, &n);
    n = n > MATCH_FIELDS_MAX ? MATCH_FIELDS_MAX : n; /* more fields than anyone groups by: absent */
    struct span *values = arena_calloc(&in->scratch, n, sizeof *values);
    struct span *names = arena_calloc(&in->scratch, n, sizeof *names);
    event_use_class(ev, match->class_id);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t leaf = event_first(ev, ids[i]);
        names[i] = catalog->fields[ids[i]];
        if (leaf != LEAF_NIL) {
            values[i] = event_plain(ev, leaf);
            values[i].ptr = values[i].ptr == NULL ? "" : values[i].ptr; /* empty is not absent */
        }
    }
    const struct match_in m = {
        .rule = rule->id.len > 0 ? rule->id : rule->hash,
        .rule_number = match->rule,
        .nfields = n,
        .fields = names,
        .values = values,
        .origin = {span_of(s->organisation), span_of(s->name), s->logsource.product, s->logsource.category,
                   s->logsource.service},
        .origin_number = origin_number(in, source, ev->class_id),
        .time = ev->time,
        .received = ev->received,
        .tags = ev->tags,
        .host = event_entity(ev, ENTITY_HOST),
        .user = event_entity(ev, ENTITY_USER),
        .arrival = arrival,
    };
    in->matches_lost += match_writer_add(in->matches, &m) ? 0 : 1;
}

void intake_matches_forget(struct intake *in)
{
    map_free(&in->origins);
    map_init(&in->origins);
    arena_reset(&in->origin_keys);
}
