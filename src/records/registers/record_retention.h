/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What records say of persons goes when its time is over (register_retention.h): in small steps, each one transaction that the keeper does
 * between other work. Record, keys, what lies beside the trail, what imports kept to be taken back, reminders: all in one, with a line of
 * the trail that names the record and the rule, and no value. A rule acts 30 days after this node has it as it is (days, from when, in which
 * states, which fields), and on no record that was changed in the last 30: what is to go can be seen before.
 */
#ifndef RECORDS_REGISTERS_RECORD_RETENTION_H
#define RECORDS_REGISTERS_RECORD_RETENTION_H

#include "records/registers/register_retention.h"
#include "records/registers/record_row.h"

/* Source of a legal hold (records/holds.h) under which nothing goes: this, this/KIND, this/KIND/ID. Its last day: of those on which a record was there. */
#define RETENTION_HOLD "registers"
/* A line of the trail under the id of a record that a run could not erase, and passed by: why, and its kind. */
#define RETENTION_PASSED SPAN("retention.passed_by")

enum {
    RETENTION_STEP = 8,         /* records of one step */
    RETENTION_NOTICE_DAYS = 30, /* from when it can be seen that something will go */
    RETENTION_PASSED_MAX = 20,  /* records that a run names which it could not erase; all are counted */
};

/* A city's own number of days for a kind. */
struct retention_days {
    struct span kind;
    uint32_t days; /* 0 = nothing goes */
};

struct retention_rules {
    const struct registers *kinds;
    const struct retention_days *own;
    uint32_t nown;
};

/* Where a run is; all zero = at its begin. */
struct retention_run {
    size_t kind; /* place among all */
    char day[16], id[RECORD_ID_MAX + 1]; /* behind this one */
    uint64_t erased;
    uint64_t passed_by; /* could not be erased; the next run tries again */
    uint32_t npassed;   /* of these, the first are named */
    char passed[RETENTION_PASSED_MAX][RECORD_ID_MAX + 1];
};

/* Days of a kind as they hold here. */
uint32_t retention_days_of(const struct retention_rules *rules, const struct register_kind *k);
/* Looks which rules are new here since now; at each start. */
int retention_note_rules(struct db *db, const struct retention_rules *rules, time_ns now, struct err *e) NODISCARD;
/* The next of them; *more_out false: the run is over. now: when the run began, the same for all of its steps. One that cannot be erased is passed by and told;
 * ERR_*: nothing can be erased, or told. */
int retention_step(struct db *db, const struct retention_rules *rules, time_ns now, struct retention_run *run, bool *more_out, struct err *e) NODISCARD;

extern const char record_retention_sql[]; /* an index, for migrations.c */

#endif
