/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An item as it may be given on under the Chatham House Rule: what was said, without who said it and who was there
 * (policy/chr.h). Whoever exports reads it first: free text can tell who by what it tells. Pure but for the random key
 * that its caller brings. Called by the interface.
 */
#ifndef DESK_FEDERATION_ITEM_EXPORT_H
#define DESK_FEDERATION_ITEM_EXPORT_H

#include "desk/federation/membership.h"
#include "policy/chr.h"
#include "records/fed_item.h"

enum { FED_EXPORT_ALSO_MAX = 200 /* names that whoever exports adds */ };

struct fed_export {
    const struct fed_item_row *row;
    const struct fed_membership *m; /* newest of its circle: all its members are names that must not go out */
    const struct span *also;        /* more of them, as written; what has no letter and no digit is left out */
    uint32_t nalso;
    unsigned char key[POLICY_CHR_KEY_BYTES]; /* fresh */
};

/* Appends one JSON object. ERR_LIMIT: too many names; ERR_DENIED: a name would be left. Nothing is appended then. */
int fed_item_export(struct arena *a, const struct fed_export *x, struct buf *out, struct policy_chr_report *report, struct err *e) NODISCARD;

#endif
