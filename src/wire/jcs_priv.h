/* SPDX-License-Identifier: EUPL-1.2 */
/* What jcs.c and jcs_read.c share. */
#ifndef WIRE_JCS_PRIV_H
#define WIRE_JCS_PRIV_H

#include "wire/jcs.h"

/* Puts child behind the last element or member. */
void jcs_link_last(struct jcs *parent, struct jcs *child);
/* Order of keys, RFC 8785 §3.2.3. */
int jcs_key_compare(struct span a, struct span b);
/* Sorts the members of an object; false when a key stands twice. */
bool jcs_sort_members(struct jcs *object) NODISCARD;

#endif
