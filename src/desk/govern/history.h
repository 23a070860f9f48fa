/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What happened to a record, as a reader may see it. Each version is decided by its own label, since a record may have been under a
 * stricter one: a change of which he may not read one side is left out. A field that he does not see is in no change, and a reason
 * that was given for such a change is not told either: it may say what the field holds. Pure.
 */
#ifndef DESK_GOVERN_HISTORY_H
#define DESK_GOVERN_HISTORY_H

#include "desk/govern/record.h"
#include "records/registers/record_history.h"

/* Writes one change as an object: number, at, who, what, why, state, tlp, fields, links, erased; false: it is not for him, and nothing was written. */
bool record_past_show(const struct record_worker *w, const struct record_past *p, struct arena *a, struct json_writer *j);

#endif
