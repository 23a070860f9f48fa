/* SPDX-License-Identifier: EUPL-1.2 */
/* Records under the policy: see record.h. */
#include "policy/record.h"

void policy_record_item(const struct policy_record *r, struct policy_item *item, struct policy_marking *marking)
{
    policy_own_item(item, marking, ITEM_RECORD, r->organisation);
    item->author_person = r->author;
    marking->tlp = r->tlp;
}

/* Union of what the reader's roles may; *ops_out 0: none of them is known to the kind. */
static void sum_rights(const struct policy_reader *reader, const struct record_rights *rights, uint32_t *ops_out, uint64_t *hidden_out,
                       uint64_t *fixed_out)
{
    *ops_out = 0;
    *hidden_out = UINT64_MAX;
    *fixed_out = UINT64_MAX;
    for (uint32_t i = 0; i < rights->nroles && i < RECORD_ROLES_MAX; i++) {
        const struct record_role *r = &rights->role[i];
        if ((reader->roles & r->role) == 0) {
            continue;
        }
        *ops_out |= r->ops;
        *hidden_out &= r->hidden;
        *fixed_out &= r->fixed | r->hidden;
    }
}

static bool allows(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, enum record_op op,
                   enum policy_action action, time_ns now)
{
    uint32_t ops = 0;
    uint64_t hidden = 0, fixed = 0;
    struct policy_item item;
    struct policy_marking marking;
    const uint32_t needed = RECORD_READ | (uint32_t)op;
    /* Records stay home: only what the reader is in this house counts. */
    const struct policy_reader here = {.kind = reader->kind,
                                       .person = reader->person,
                                       .organisation = reader->organisation,
                                       .whole_node = reader->whole_node,
                                       .in_house = reader->in_house,
                                       .hub_operator = reader->hub_operator,
                                       .roles = reader->roles};
    if (reader->kind != READER_PERSON || !reader->in_house) {
        return false;
    }
    sum_rights(reader, rights, &ops, &hidden, &fixed);
    policy_record_item(r, &item, &marking);
    return (ops & needed) == needed && policy_allows(&here, &item, action, now);
}

bool policy_record_allows(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r,
                          enum record_op op, time_ns now)
{
    return allows(reader, rights, r, op, ACTION_READ, now);
}

bool policy_record_exports(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, time_ns now)
{
    return allows(reader, rights, r, RECORD_READ, ACTION_READ, now) && allows(reader, rights, r, RECORD_READ, ACTION_EXPORT, now);
}

uint64_t policy_record_hidden(const struct policy_reader *reader, const struct record_rights *rights)
{
    uint32_t ops = 0;
    uint64_t hidden = 0, fixed = 0;
    sum_rights(reader, rights, &ops, &hidden, &fixed);
    return hidden;
}

uint64_t policy_record_fixed(const struct policy_reader *reader, const struct record_rights *rights)
{
    uint32_t ops = 0;
    uint64_t hidden = 0, fixed = 0;
    sum_rights(reader, rights, &ops, &hidden, &fixed);
    return fixed & ~hidden;
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
}

bool record_scope_empty(const struct record_scope *s)
{
    return s->own == 0 && s->own_mine == 0 && s->other == 0 && s->other_mine == 0;
}
