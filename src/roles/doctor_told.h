/* SPDX-License-Identifier: EUPL-1.2 */
/* What super tells the desk of the doctor with MSG_DOCTOR_TOLD: its report as `sereno doctor --json` wrote it, or why there is none. */
#ifndef ROLES_DOCTOR_TOLD_H
#define ROLES_DOCTOR_TOLD_H

#include "base/buf.h"
#include "base/clock.h"

enum { DOCTOR_REPORT_MAX = 1 << 20 /* bytes */ };

struct doctor_told {
    time_ns at;
    struct span report; /* JSON, unread; empty: there is none */
    struct span why;    /* why not */
};

static inline void doctor_told_encode(struct buf *out, const struct doctor_told *t)
{
    buf_u64(out, (uint64_t)t->at);
    buf_str(out, t->report);
    buf_str(out, t->why);
}

/* Spans point into the message. */
static inline void doctor_told_decode(struct cursor *c, struct doctor_told *out)
{
    out->at = (time_ns)cursor_u64(c);
    out->report = cursor_str(c);
    out->why = cursor_str(c);
}

#endif
