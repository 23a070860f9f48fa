/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which records somebody's first page counts: those of kinds that are on, on which something is due as their
 * files say (x-due), whose day is past or comes within TODAY_SOON_DAYS. Each figure has the filter of the list that it opens, so that the two are one question. Pure;
 * called by the interface. What the reader may read, and which fields he sees, is asked of policy/record.h.
 */
#ifndef DESK_GOVERN_TODAY_H
#define DESK_GOVERN_TODAY_H

#include "records/registers/register_due.h"
#include "records/today.h"

enum { TODAY_SOON_DAYS = 30 };

struct today_figure {
    enum register_about about;
    const struct register_kind *kind;
    bool past;
    struct today_due due; /* what is asked of the keeper; from and to as lists are filtered */
};

/* Fills out, which has room for TODAY_DUE_MAX; returns how many. Texts live in a. */
uint32_t today_figures(const struct registers *kinds, const struct policy_reader *reader, time_ns now, struct arena *a, struct today_figure *out);

#endif
