/* SPDX-License-Identifier: EUPL-1.2 */
/* Accounts, addresses and the node's own things as policy sees them: see readers.h. */
#include "desk/readers/readers.h"

static const struct span whole_node = SPAN("*");

void reader_of_account(const struct account *account, const struct people_role *role,
                       struct policy_reader *out)
{
    *out = (struct policy_reader){.kind = READER_ANONYMOUS};
    if (account->id.len == 0 || account->organisation.len == 0) {
        return;
    }
    out->kind = READER_PERSON;
    out->person = account->id;
    out->organisation = account->organisation;
    out->whole_node = span_eq(account->organisation, whole_node);
    out->in_house = true;
    out->roles = role == NULL ? 0 : role->acts_as;
    out->may = role == NULL ? 0 : readers_may(role->rights);
}

uint32_t readers_may(uint64_t rights)
{
    uint32_t may = 0;
    for (enum right r = 0; r < RIGHT_COUNT; r++) {
        may |= (rights >> r & 1) != 0 ? right_may(r) : 0;
    }
    return may;
}

/* The role that a seat gives; NULL: none. */
static const struct people_role *role_of(const struct appointment_seat *s, const struct people_roles *roles, bool factor)
{
    const struct people_role *role = people_roles_of_function(roles, s->function);
    bool counts = role != NULL && (factor || !role->second_factor) && (!s->below || role->reaches_below);
    return counts ? role : NULL;
}

uint32_t readers_seats(const struct appointment_seat *seats, uint32_t n, const struct people_roles *roles, bool factor, uint64_t scopes,
                       struct policy_seat *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n && count < POLICY_SEATS_MAX; i++) {
        const struct people_role *role = role_of(&seats[i], roles, factor);
        if (role != NULL) {
            out[count++] = (struct policy_seat){seats[i].organisation, role->acts_as, seats[i].begins, seats[i].ends, readers_may(role->by_appointment & scopes)};
        }
    }
    return count;
}

uint64_t readers_seat_rights(const struct appointment_seat *seats, uint32_t n, const struct people_roles *roles, bool factor, time_ns now)
{
    uint64_t rights = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct people_role *role = role_of(&seats[i], roles, factor);
        rights |= role != NULL && seats[i].begins <= now && now < seats[i].ends ? role->by_appointment : 0;
    }
    return rights;
}

void reader_of_mailbox(struct policy_reader *out)
{
    *out = (struct policy_reader){.kind = READER_PERSON,
                                  .organisation = whole_node,
                                  .whole_node = true,
                                  .in_house = true,
                                  .roles = POLICY_ROLE_READ_ONLY};
}

void reader_of_webhook(struct policy_reader *out)
{
    *out = (struct policy_reader){
        .kind = READER_NODE, .organisation = whole_node, .whole_node = true, .in_house = true};
}

void item_of_alert(const struct alert_row *row, struct own_item *out)
{
    policy_own_item(&out->item, &out->marking, ITEM_ALERT, row->organisation);
}

/* What it found is of the organisation that it looked in; one over the whole node is its operator's. */
void item_of_hunt(const struct hunt_row *row, struct own_item *out)
{
    policy_own_item(&out->item, &out->marking, ITEM_ALERT, row->organisation);
}

void item_of_source(const struct source_row *row, struct own_item *out)
{
    policy_own_item(&out->item, &out->marking, ITEM_SOURCE, row->organisation);
}

/* Rules that a warning brought lie in a folder of this name (docs/FEDERATION.md §5). */
static bool by_federation(struct span file)
{
    const struct span folder = SPAN("federation/");
    for (size_t i = 0; i + folder.len <= file.len; i++) {
        bool starts = i == 0 || file.ptr[i - 1] == '/';
        if (starts && span_starts(span_sub(file, i, file.len), folder)) {
            return true;
        }
    }
    return false;
}

void item_of_rule(const struct rule_row *row, struct own_item *out)
{
    policy_own_item(&out->item, &out->marking, ITEM_RULE, whole_node);
    out->marking.audience.house = !by_federation(row->file);
}

void item_of_warning(struct own_item *out)
{
    policy_own_item(&out->item, &out->marking, ITEM_WARNING, whole_node);
}

void item_of_node_numbers(struct own_item *out)
{
    policy_own_item(&out->item, &out->marking, ITEM_AGGREGATE, whole_node);
}

struct span reader_scope(const struct policy_reader *reader, enum policy_action action, time_ns now)
{
    struct own_item own;
    item_of_node_numbers(&own);
    own.item.kind = ITEM_ALERT;
    if (policy_allows(reader, &own.item, action, now)) {
        return whole_node;
    }
    own.item.author_organisation = reader->organisation;
    return policy_allows(reader, &own.item, action, now) ? reader->organisation : SPAN("");
}
