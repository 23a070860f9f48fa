/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * New records of an import on their way in, and out again. They are stored some at a time, beside those of everybody, under a label
 * that no scope shows, so that the one transaction in which all of them come to be has little left to do: it checks, takes the
 * hidden away, and writes the trail. Taking an import back hides them again in one transaction, and then they go, some at a time.
 * A hidden record is in no list, count or chain, and cannot be named, since every statement asks for labels up to a rank. What was
 * not finished when a node ended goes after its next start (record_room_sweep). Runs in the keeper.
 */
#ifndef RECORDS_REGISTERS_RECORD_STAGE_H
#define RECORDS_REGISTERS_RECORD_STAGE_H

#include "records/registers/record_row.h"

enum {
    RECORD_HIDDEN = 100,      /* added to the rank of its label in the database; ranks are below it */
    RECORD_STAGE_SLICE = 200, /* records that go in one transaction: some ten milliseconds */
};

/* A new one, hidden, with its keys and links. Inside a transaction. */
int record_stage_put(struct db *db, const struct record_put *p, struct err *e) NODISCARD;
/*
 * The new ones of an import, `count` of them, come to be. field: name of the kind's key; ERR_EXISTS: another record in the scope has the key
 * of one of them, or what one names is not in the sight any more, or they are not all there. Inside a transaction.
 */
int record_stage_show(struct db *db, struct span import, int64_t count, const struct record_scope *scope, const struct record_sight *sight,
                      struct span field, struct err *e) NODISCARD;
/* One that nothing names is hidden again. ERR_EXISTS: something names it. Inside a transaction. */
int record_stage_hide(struct db *db, struct span id, struct err *e) NODISCARD;
/* Forgets what waits of an import that was not stored, or was taken back: a slice of it, in a transaction of its own. Of any other nothing goes. */
int record_stage_sweep(struct db *db, struct span import, bool *more_out, struct err *e) NODISCARD;
/* The first import behind `after` that is not stored, or was taken back, of which something is there; empty: none. */
int record_stage_left(struct db *db, struct span after, char out[RECORD_ID_MAX + 1], struct err *e) NODISCARD;

#endif
