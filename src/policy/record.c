/* SPDX-License-Identifier: EUPL-1.2 */
/* Records under the policy: see record.h. */
#include "policy/record.h"

#include "policy/policy_priv.h"

void policy_record_item(const struct policy_record *r, struct policy_item *item, struct policy_marking *marking)
{
    policy_own_item(item, marking, ITEM_RECORD, r->organisation);
    item->author_person = r->author;
    marking->tlp = r->tlp;
}

/* Union of what these roles may; *ops_out 0: none of them is known to the kind. */
static void sum_rights(uint32_t roles, const struct record_rights *rights, uint32_t *ops_out, uint64_t *hidden_out, uint64_t *fixed_out)
{
    *ops_out = 0;
    *hidden_out = UINT64_MAX;
    *fixed_out = UINT64_MAX;
    for (uint32_t i = 0; i < rights->nroles && i < RECORD_ROLES_MAX; i++) {
        const struct record_role *r = &rights->role[i];
        if ((roles & r->role) == 0) {
            continue;
        }
        *ops_out |= r->ops;
        *hidden_out &= r->hidden;
        *fixed_out &= r->fixed | r->hidden;
    }
}

/*
 * What the reader is in one way, if that opens registers and, for `more`, all of that too. Records stay home: only what he is in this house
 * counts. False: he is nothing in that way now. Without seats it was his account that opened the route.
 */
static bool as_way(const struct policy_reader *reader, uint32_t way, uint32_t more, time_ns now, struct policy_reader *out)
{
    const uint32_t may = POLICY_MAY_RECORDS | more;
    struct policy_reader r;
    bool is = policy_as_way(reader, way, now, &r) && (reader->nseats == 0 || (r.may & may) == may);
    *out = (struct policy_reader){.kind = r.kind,
                                  .person = r.person,
                                  .organisation = r.organisation,
                                  .whole_node = r.whole_node,
                                  .in_house = r.in_house,
                                  .hub_operator = r.hub_operator,
                                  .roles = r.roles,
                                  .may = r.may};
    return is && r.kind == READER_PERSON && r.in_house;
}

static uint32_t more_for(enum record_op op)
{
    return op == RECORD_READ ? 0 : POLICY_MAY_WRITE;
}

/* Whether he may in this one way. */
static bool allows(const struct policy_reader *here, const struct record_rights *rights, const struct policy_record *r, enum record_op op,
                   enum policy_action action, time_ns now)
{
    uint32_t ops = 0;
    uint64_t hidden = 0, fixed = 0;
    struct policy_item item;
    struct policy_marking marking;
    const uint32_t needed = RECORD_READ | (uint32_t)op;
    sum_rights(here->roles, rights, &ops, &hidden, &fixed);
    policy_record_item(r, &item, &marking);
    return (ops & needed) == needed && policy_allows(here, &item, action, now);
}

bool policy_record_allows(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r,
                          enum record_op op, time_ns now)
{
    struct policy_reader here;
    for (uint32_t i = 0; i < policy_ways(reader); i++) {
        if (as_way(reader, i, more_for(op), now, &here) && allows(&here, rights, r, op, ACTION_READ, now)) {
            return true;
        }
    }
    return false;
}

bool policy_record_exports(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, time_ns now)
{
    struct policy_reader here;
    for (uint32_t i = 0; i < policy_ways(reader); i++) {
        if (as_way(reader, i, 0, now, &here) && allows(&here, rights, r, RECORD_READ, ACTION_READ, now) &&
            allows(&here, rights, r, RECORD_READ, ACTION_EXPORT, now)) {
            return true;
        }
    }
    return false;
}

uint32_t policy_record_roles(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, time_ns now)
{
    uint32_t roles = 0;
    struct policy_reader here;
    for (uint32_t i = 0; i < policy_ways(reader); i++) {
        roles |= as_way(reader, i, 0, now, &here) && allows(&here, rights, r, RECORD_READ, ACTION_READ, now) ? here.roles : 0;
    }
    return roles;
}

struct span policy_record_home(const struct policy_reader *reader, const struct record_rights *rights, enum tlp tlp, enum record_op op, time_ns now)
{
    struct policy_reader here;
    for (uint32_t i = 0; i < policy_ways(reader); i++) {
        bool is = as_way(reader, i, more_for(op), now, &here);
        const struct policy_record r = {here.organisation, reader->person, tlp};
        if (is && policy_record_allows(reader, rights, &r, op, now)) {
            return i == 0 ? reader->organisation : reader->seats[i - 1].organisation;
        }
    }
    return SPAN("");
}

uint32_t policy_record_any_roles(const struct policy_reader *reader, time_ns now)
{
    uint32_t roles = 0;
    struct policy_reader here;
    for (uint32_t i = 0; i < policy_ways(reader); i++) {
        roles |= as_way(reader, i, 0, now, &here) ? here.roles : 0;
    }
    return roles;
}

uint64_t policy_record_hidden_of(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, time_ns now)
{
    uint32_t ops = 0;
    uint64_t hidden = 0, fixed = 0;
    sum_rights(policy_record_roles(reader, rights, r, now), rights, &ops, &hidden, &fixed);
    return hidden;
}

uint64_t policy_record_fixed_of(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, time_ns now)
{
    uint32_t ops = 0;
    uint64_t hidden = 0, fixed = 0;
    sum_rights(policy_record_roles(reader, rights, r, now), rights, &ops, &hidden, &fixed);
    return fixed & ~hidden;
}

/* What he may at all in a way, whenever: roles, 0 where that way opens no registers. */
static uint32_t way_roles(const struct policy_reader *reader, uint32_t way)
{
    bool opens = reader->nseats == 0 || (policy_way_may(reader, way) & POLICY_MAY_RECORDS) != 0;
    return !opens ? 0 : way == 0 ? reader->roles : reader->seats[way - 1].roles;
}

/* Of a kind as a whole: closed is what is closed in any way in which he reads some of it, whenever. */
static void sum_ways(const struct policy_reader *reader, const struct record_rights *rights, uint64_t *hidden_out, uint64_t *fixed_out)
{
    uint32_t ops = 0;
    uint64_t hidden = 0, fixed = 0;
    bool any = false;
    sum_rights(way_roles(reader, 0), rights, &ops, hidden_out, fixed_out);
    any = (ops & RECORD_READ) != 0;
    for (uint32_t i = 1; i < policy_ways(reader); i++) {
        sum_rights(way_roles(reader, i), rights, &ops, &hidden, &fixed);
        if ((ops & RECORD_READ) != 0) {
            *hidden_out = any ? *hidden_out | hidden : hidden;
            *fixed_out = any ? *fixed_out | fixed : fixed;
            any = true;
        }
    }
}

uint64_t policy_record_hidden_by_role(const struct policy_reader *reader, const struct record_rights *rights)
{
    uint64_t hidden = 0, fixed = 0;
    sum_ways(reader, rights, &hidden, &fixed);
    return hidden;
}

uint64_t policy_record_fixed(const struct policy_reader *reader, const struct record_rights *rights)
{
    uint64_t hidden = 0, fixed = 0;
    sum_ways(reader, rights, &hidden, &fixed);
    return fixed & ~hidden;
}

uint64_t policy_record_hidden(const struct policy_reader *reader, const struct record_rights *rights, time_ns now)
{
    return policy_record_hidden_by_role(reader, rights) | policy_record_masked(reader, rights, NULL, SPAN(""), now);
}

/* Whether this was shown to him: one record, or with an empty id all of the kind. */
static bool was_shown(const struct policy_reader *reader, struct span kind, struct span record)
{
    bool shown = false;
    for (uint32_t i = 0; i < reader->nshown && !shown; i++) {
        shown = span_eq(reader->shown[i].kind, kind) && span_eq(reader->shown[i].record, record);
    }
    return shown;
}

bool policy_record_sees_persons(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, struct span id,
                                time_ns now)
{
    const bool all_shown = was_shown(reader, rights->kind, SPAN(""));
    struct policy_reader here;
    bool any = false, all = true;
    if (id.len > 0 && was_shown(reader, rights->kind, id)) {
        return true;
    }
    for (uint32_t i = 0; i < policy_ways(reader); i++) {
        uint32_t ops = 0;
        uint64_t hidden = 0, fixed = 0;
        bool is = as_way(reader, i, 0, now, &here);
        sum_rights(here.roles, rights, &ops, &hidden, &fixed);
        if (is && (r != NULL ? allows(&here, rights, r, RECORD_READ, ACTION_READ, now) : (ops & RECORD_READ) != 0)) {
            bool sees = (here.may & POLICY_MAY_PERSONS) != 0 || (all_shown && (here.may & POLICY_MAY_SHOW) != 0);
            any = any || sees;
            all = all && sees;
        }
    }
    return any && (r != NULL || all);
}

uint64_t policy_record_masked(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, struct span id,
                              time_ns now)
{
    uint32_t ops = 0, roles = 0;
    uint64_t hidden = 0, fixed = 0;
    for (uint32_t i = 0; i < policy_ways(reader); i++) {
        roles |= way_roles(reader, i);
    }
    sum_rights(roles, rights, &ops, &hidden, &fixed); /* in every one of his ways */
    return policy_record_sees_persons(reader, rights, r, id, now) ? 0 : rights->personal & ~hidden;
}

/* The strictest label up to which each one is open. */
static uint8_t open_to(const struct policy_reader *reader, const struct record_rights *rights, struct span organisation,
                       struct span author, time_ns now)
{
    uint8_t rank = 0;
    for (int t = TLP_CLEAR; t <= TLP_RED; t++) {
        const struct policy_record r = {organisation, author, (enum tlp)t};
        if (tlp_rank((enum tlp)t) != rank + 1u || !policy_record_allows(reader, rights, &r, RECORD_READ, now)) {
            break;
        }
        rank++;
    }
    return rank;
}

static bool has_place(const struct record_scope *s, struct span organisation)
{
    bool found = span_eq(s->organisation, organisation) || organisation.len == 0;
    for (uint32_t i = 0; i < s->nplaces; i++) {
        found = found || span_eq(s->places[i].organisation, organisation);
    }
    return found;
}

void policy_record_scope(const struct policy_reader *reader, const struct record_rights *rights, time_ns now,
                         struct record_scope *out)
{
    /* Nobody's name: a control character stands in no organisation and no id. */
    const struct span elsewhere = SPAN("\x01");
    const struct span somebody = SPAN("\x01");
    const struct span me = reader->person.len > 0 ? reader->person : somebody;
    *out = (struct record_scope){
        .organisation = reader->organisation,
        .person = reader->person,
        .own = open_to(reader, rights, reader->organisation, somebody, now),
        .own_mine = open_to(reader, rights, reader->organisation, me, now),
        .other = open_to(reader, rights, elsewhere, somebody, now),
        .other_mine = open_to(reader, rights, elsewhere, me, now),
    };
    for (uint32_t i = 1; i < policy_ways(reader); i++) {
        struct span at = reader->seats[i - 1].organisation;
        if (!has_place(out, at)) {
            out->places[out->nplaces++] = (struct record_place){at, open_to(reader, rights, at, somebody, now), open_to(reader, rights, at, me, now)};
        }
    }
}

bool record_scope_empty(const struct record_scope *s)
{
    bool empty = s->own == 0 && s->own_mine == 0 && s->other == 0 && s->other_mine == 0;
    for (uint32_t i = 0; i < s->nplaces; i++) {
        empty = empty && s->places[i].all == 0 && s->places[i].mine == 0;
    }
    return empty;
}
