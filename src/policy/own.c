/* SPDX-License-Identifier: EUPL-1.2 */
/* Ways of a reader, and the node's own things under the policy: see own.h. */
#include "policy/own.h"

#include "policy/policy_priv.h"

const struct policy_places policy_whole_node = {1, {SPAN("*")}};

uint32_t policy_ways(const struct policy_reader *reader)
{
    return 1 + (reader->nseats < POLICY_SEATS_MAX ? reader->nseats : (uint32_t)POLICY_SEATS_MAX);
}

uint32_t policy_way_may(const struct policy_reader *reader, uint32_t way)
{
    return way == 0 ? reader->may : reader->seats[way - 1].may;
}

bool policy_as_way(const struct policy_reader *reader, uint32_t way, time_ns now, struct policy_reader *out)
{
    *out = *reader;
    out->seats = NULL;
    out->nseats = 0;
    if (way == 0) {
        return true;
    }
    const struct policy_seat *seat = &reader->seats[way - 1];
    *out = (struct policy_reader){.kind = reader->kind,
                                  .person = reader->person,
                                  .organisation = seat->organisation,
                                  .whole_node = span_eq(seat->organisation, SPAN("*")),
                                  .in_house = reader->in_house,
                                  .roles = seat->roles,
                                  .may = seat->may};
    return reader->kind == READER_PERSON && reader->in_house && now >= seat->begins && now < seat->ends && seat->organisation.len > 0;
}

bool policy_own_allows(const struct policy_reader *reader, const struct policy_item *item, enum policy_action action, uint32_t may, time_ns now)
{
    struct policy_reader here;
    for (uint32_t i = 0; i < policy_ways(reader) && may != 0; i++) {
        bool has = (policy_way_may(reader, i) & may) == may;
        if (has && policy_as_way(reader, i, now, &here) && policy_allows(&here, item, action, now)) {
            return true;
        }
    }
    return false;
}

bool policy_places_whole(const struct policy_places *p)
{
    return p->count == 1 && span_eq(p->at[0], SPAN("*"));
}

bool policy_places_have(const struct policy_places *p, struct span organisation)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (span_eq(p->at[i], organisation)) {
            return true;
        }
    }
    return organisation.len > 0 && policy_places_whole(p);
}

void policy_own_places(const struct policy_reader *reader, enum item_kind kind, enum policy_action action, uint32_t may, time_ns now,
                       struct policy_places *out)
{
    struct policy_item item;
    struct policy_marking marking;
    *out = (struct policy_places){0};
    policy_own_item(&item, &marking, kind, SPAN("*"));
    if (policy_own_allows(reader, &item, action, may, now)) {
        out->at[out->count++] = SPAN("*");
        return;
    }
    for (uint32_t i = 0; i < policy_ways(reader); i++) {
        struct span at = i == 0 ? reader->organisation : reader->seats[i - 1].organisation;
        policy_own_item(&item, &marking, kind, at);
        if (at.len <= POLICY_PLACE_MAX && !policy_places_have(out, at) && policy_own_allows(reader, &item, action, may, now)) {
            out->at[out->count++] = at;
        }
    }
}

void policy_reader_narrow(const struct policy_reader *reader, uint32_t may, struct policy_seat room[POLICY_SEATS_MAX], struct policy_reader *out)
{
    uint32_t n = 0;
    for (uint32_t i = 1; i < policy_ways(reader); i++) {
        if ((policy_way_may(reader, i) & may) == may) {
            room[n++] = reader->seats[i - 1];
        }
    }
    *out = *reader;
    out->seats = room;
    out->nseats = n;
    out->roles = (reader->may & may) == may ? reader->roles : 0;
}
