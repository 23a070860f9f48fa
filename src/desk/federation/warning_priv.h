/* SPDX-License-Identifier: EUPL-1.2 */
/* Shared by the files of the warning only. */
#ifndef DESK_FEDERATION_WARNING_PRIV_H
#define DESK_FEDERATION_WARNING_PRIV_H

#include "desk/federation/warning.h"
#include "wire/jcs.h"

/* The list "rules" of a body, and back; warning_rules_check is part of reading. */
struct jcs *warning_rules_tree(struct arena *arena, const struct warning *w);
int warning_rules_read(const struct jcs *list, struct warning *w, struct err *e) NODISCARD;
/* A rule with all that it joins, each once, as documents of one file. */
void warning_put_file(const struct warning *w, uint32_t rule, struct buf *out);

#endif
