/* SPDX-License-Identifier: EUPL-1.2 */
/* What the adapters of the node's own things share. */
#ifndef TESTS_POLICY_HOUSE_H
#define TESTS_POLICY_HOUSE_H

#include "tests/policy/paths.h"

enum { ANSWER_MAX = 1 << 20 };

/* Whether thing i is there for this way: it is in the mask and has an owner. */
#define SHOWN(c, i, mask) (((mask) >> (i) & 1) != 0 && (c)->things[i].organisation.len > 0)

/* c->reader from the account of the case. */
void read_account(struct path_case *c);
/* The account as reader, and c->own as item. */
void account_asks(struct path_case *c, const struct policy_reader **reader, const struct policy_item **item);
uint32_t shown_count(const struct path_case *c, uint32_t mask);

#endif
