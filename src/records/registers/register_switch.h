/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which kinds of record somebody switched on or off. Only what was switched is kept: all others are as their files say. No
 * upgrade touches it, and a kind whose file goes away is as it was when the file is back. Called by the keeper.
 */
#ifndef RECORDS_REGISTERS_REGISTER_SWITCH_H
#define RECORDS_REGISTERS_REGISTER_SWITCH_H

#include "base/arena.h"
#include "base/clock.h"
#include "records/db.h"
#include "records/registers/register.h"

enum { REGISTER_SWITCHES_MAX = 512 /* kinds that were ever switched */ };

struct register_switch {
    struct span kind; /* its name */
    bool on;
};

/* What is switched, by who and why: all kinds in one transaction, each with its line in the audit trail. */
struct register_switching {
    const struct span *kinds;
    uint32_t count; /* 1 to REGISTER_KINDS_MAX */
    bool on;
    struct span organisation, who, why;
    time_ns at;
};

/* ERR_INVALID: no names of kinds. ERR_LIMIT. */
int register_switch_put(struct db *db, const struct register_switching *s, struct err *e) NODISCARD;
/* All, by name; out has room for REGISTER_SWITCHES_MAX, texts live in a. */
int register_switches_read(struct db *db, struct arena *a, struct register_switch *out, size_t *count_out, struct err *e) NODISCARD;

#endif
