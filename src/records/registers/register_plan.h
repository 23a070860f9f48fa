/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What another file of a kind would do to the records that are there: how many it rewrites, and which would not fit, by field, with
 * examples. Only reads; runs in the keeper and in `sereno registers diff`. Values are never told, RED records are counted and not named.
 */
#ifndef RECORDS_REGISTERS_REGISTER_PLAN_H
#define RECORDS_REGISTERS_REGISTER_PLAN_H

#include "records/db.h"
#include "records/registers/record_row.h"
#include "records/registers/register_diff.h"
#include "wire/json_write.h"

enum {
    REGISTER_MISFITS_MAX = 64, /* sorts of them that are told apart */
    REGISTER_EXAMPLES = 5,     /* ids of each */
};

/* Why records do not fit: a value that the schema refuses, a value of a field that goes, more than a record may have, a state or a kind that goes. */
enum register_misfit_how { MISFIT_VALUE, MISFIT_GONE, MISFIT_LARGE, MISFIT_STATE, MISFIT_KIND, REGISTER_MISFIT_COUNT };

struct register_misfit {
    enum register_misfit_how how;
    struct span name;          /* of the field, by its name of today (of one that goes: of before), or of the state */
    enum schema_reason reason; /* MISFIT_VALUE */
    int64_t count;
    uint32_t nids;
    char ids[REGISTER_EXAMPLES][RECORD_ID_MAX + 1];
};

struct register_plan {
    struct register_diff diff;
    int64_t records;   /* of the kind */
    int64_t rewritten; /* in which something is called otherwise, or is filled in */
    int64_t filled;    /* of these, in which a default is filled in */
    uint32_t nmisfits;
    struct register_misfit misfits[REGISTER_MISFITS_MAX];
    int64_t untold;    /* misfits of further sorts */
};

/* One of both is not NULL. Everything lives in a. ERR_*: the records cannot be read. */
int register_plan(struct db *db, struct arena *a, const struct register_kind *before, const struct register_kind *after, struct register_plan *out,
                  struct err *e) NODISCARD;
/* Something would be lost from sight, or would not fit: not without being told to. */
bool register_plan_loses(const struct register_plan *p);
/* Records stand in a state that goes: not even then. */
bool register_plan_stuck(const struct register_plan *p);
/* The plan as members of an object: "changes", "records", "rewritten", "filled", "misfits". */
void register_plan_put(const struct register_plan *p, struct json_writer *j);
/* The same for people, a line each. */
void register_plan_say(const struct register_plan *p, struct buf *out);

#endif
