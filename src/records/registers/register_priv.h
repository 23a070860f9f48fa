/* SPDX-License-Identifier: EUPL-1.2 */
/* What the files of records/registers share. */
#ifndef RECORDS_REGISTERS_REGISTER_PRIV_H
#define RECORDS_REGISTERS_REGISTER_PRIV_H

#include "records/registers/register.h"

/* Small letters, digits and _, from a letter on, at most REGISTER_NAME_MAX. */
bool register_name_fits(struct span s);
/* Bit of enum policy_role; ERR_NOT_FOUND. */
int register_role_of(struct span name, uint32_t *out) NODISCARD;
/* x-ref beside a field whose place ("/properties/x") is told; the field's name is there. */
int register_read_ref(const struct yaml_node *field, const char *place, struct register_field *out, struct err *e) NODISCARD;
/* Earlier names at `key` of a map whose place is told; and whether all those of a kind lead to one thing of today each. */
int register_read_was(struct arena *a, const struct yaml_node *map, const char *key, const char *place, struct register_was *out, struct err *e) NODISCARD;
int register_check_was(const struct register_kind *k, const struct yaml_node *root, struct err *e) NODISCARD;
/* Why the earlier names of this kind do not fit to the others, or NULL; text in a. */
const char *register_was_wrong(struct arena *a, const struct registers *all, const struct register_kind *k);
/* x-pii beside a field, whose x-ref was read. */
int register_read_pii(const struct yaml_node *field, const char *place, struct register_field *out, struct err *e) NODISCARD;
/* Bits of the fields that a constraint speaks of: nobody who may write must be refused for what he does not see. */
uint64_t register_constraint_fields(const struct register_constraint *c);
/* rights.personal; constraints and computed fields were read: what they tell may not be personal. */
int register_take_pii(const struct yaml_node *root, struct register_kind *k, struct err *e) NODISCARD;
/* Why this kind's references do not fit to the others, or NULL; text in a. */
const char *register_refs_wrong(struct arena *a, const struct registers *all, const struct register_kind *k);
/* Finds what its computed fields look at in records of others; why that cannot be, or NULL; text in a. */
const char *register_looks_wrong(struct arena *a, const struct registers *all, struct register_kind *k);
/* x-states; fields and rights of the kind are there. */
int register_read_states(struct arena *a, const struct yaml_node *root, struct register_kind *k, struct err *e) NODISCARD;
/* x-constraints; fields, states, labels and rights of the kind are there. */
int register_read_constraints(struct arena *a, const struct yaml_node *root, struct register_kind *k, struct err *e) NODISCARD;
/* x-due; fields, states and the index are there. */
int register_read_due(struct arena *a, const struct yaml_node *root, struct register_kind *k, struct err *e) NODISCARD;
/* x-owner; fields and what is personal are there. */
int register_read_owner(const struct yaml_node *root, struct register_kind *k, struct err *e) NODISCARD;
/* x-computed beside a field, whose reference was read; whether all fit to the other fields; and, once rights are read: whoever does not see
 * a field does not see what is made of it, and nobody writes one that is computed. */
int register_read_computed(struct arena *a, const struct yaml_node *field, const char *place, struct register_field *out, struct err *e) NODISCARD;
int register_check_computed(struct arena *a, const struct register_kind *k, const struct yaml_node *root, struct err *e) NODISCARD;
void register_hide_computed(struct register_kind *k);
/* Bits of the fields that a computed one is made of, once they were checked; 0 for one that somebody writes. */
uint64_t register_made_of(const struct register_kind *k, const struct register_field *f);
/* x-retention; fields, states and what is personal are there. */
int register_read_retention(struct arena *a, const struct yaml_node *root, struct register_kind *k, struct err *e) NODISCARD;
/* Names that mean something else in a list or beside the fields. */
bool register_name_taken(struct span s);
/* Why a sum of this kind does not fit to the kind that it is held to, or NULL; text in a. */
const char *register_sums_wrong(struct arena *a, const struct registers *all, const struct register_kind *k);

#endif
