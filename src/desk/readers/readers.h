/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From what this node knows of somebody, and of its own things, to the values that policy decides
 * on. The one place where an account becomes a reader, and an alert, a source, a rule or a number
 * of the node an item: every path of policy/paths.def that shows those comes through here. Pure;
 * called by api and notify, runs in the desk.
 */
#ifndef DESK_READERS_READERS_H
#define DESK_READERS_READERS_H

#include "desk/identity/people_role.h"
#include "policy/own.h"
#include "records/accounts.h"
#include "records/alert_row.h"
#include "records/appointments.h"
#include "records/hunts.h"
#include "records/rules.h"
#include "records/sources.h"

/* Borrows the account's texts. No account (empty id) is the world; who is in no known role (NULL) may
 * nothing. */
void reader_of_account(const struct account *account, const struct people_role *role,
                       struct policy_reader *out);

/* Rights of routes, bits by enum right, as policy knows them: bits of enum policy_may. */
uint32_t readers_may(uint64_t rights);

/*
 * Appointments as policy sees them: each function as the role that the files of roles give it, with what of its rights they give and the
 * scopes (of a token; all bits without one) let pass; a department below only where that role reaches there, and none in a role that asks for a
 * second factor of somebody who has none (factor: he has). out has room for POLICY_SEATS_MAX and is borrowed by the reader; the seats' texts
 * too. Returns how many.
 */
uint32_t readers_seats(const struct appointment_seat *seats, uint32_t n, const struct people_roles *roles, bool factor, uint64_t scopes,
                       struct policy_seat *out);
/* Rights of routes that they give while one of them holds, as the roles' files say. Bits by enum right. */
uint64_t readers_seat_rights(const struct appointment_seat *seats, uint32_t n, const struct people_roles *roles, bool factor, time_ns now);

/* The addresses that the node's operator wrote into its config for notices: a mailbox of his
 * people, a machine of his. */
void reader_of_mailbox(struct policy_reader *out);
void reader_of_webhook(struct policy_reader *out);

/* An item of this node with its marking; must not move while it is asked about. */
struct own_item {
    struct policy_item item;
    struct policy_marking marking;
};

/* Alerts, hunts and sources: AMBER+STRICT, of their own organisation. */
void item_of_alert(const struct alert_row *row, struct own_item *out);
void item_of_hunt(const struct hunt_row *row, struct own_item *out);
void item_of_source(const struct source_row *row, struct own_item *out);
/* A loaded rule: of the node's operator, for all organisations he hosts; what came by federation
 * only for himself. */
void item_of_rule(const struct rule_row *row, struct own_item *out);
/* A warning that came by federation: as a rule that came with it, the operator's own. */
void item_of_warning(struct own_item *out);
/* Numbers over all organisations of the node: of its operator. */
void item_of_node_numbers(struct own_item *out);

/* Whose things a question to the keeper may be about for what the reader's account alone opens: "*" = the whole node, one
 * organisation, or empty = nobody's. Where appointments count as well it is policy_own_places. */
struct span reader_scope(const struct policy_reader *reader, enum policy_action action,
                         time_ns now);

#endif
