/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the records keep of looks at persons. Somebody has personal fields shown: who, for which kind or record, why, until when is
 * a row of the audit trail before he sees any of them. Called by the keeper.
 */
#ifndef RECORDS_PRIVACY_H
#define RECORDS_PRIVACY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "policy/record.h"
#include "records/db.h"

enum { PERSONS_WHY_MAX = 500 /* bytes of a reason */, PERSONS_NAME_MAX = 200 };

struct persons_show {
    struct span kind;   /* name of the kind */
    struct span record; /* id; empty = all of the kind */
    struct span organisation, who, why;
    time_ns until;
};

void persons_show_encode(struct buf *out, const struct persons_show *s);
void persons_show_decode(struct cursor *c, struct persons_show *out);

/* Notes it. ERR_NOT_FOUND: no record of that id in the scope; ERR_INVALID: no reason. */
int persons_show_note(struct db *db, const struct record_scope *scope, const struct persons_show *s, time_ns now, struct arena *a, struct err *e) NODISCARD;

#endif
