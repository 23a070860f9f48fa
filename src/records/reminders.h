/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reminders by mail of what is due (x-due of registers): each step of each day of each record once, whatever restarts. What is to be told is
 * taken together with the letter that tells it, in one transaction; the letter waits until it went, under one name, so that whoever
 * carries it can tell a second try. A letter holds numbers by kind and step, never a title; records under RED are in none.
 * Called by the keeper; the codecs also by the desk.
 */
#ifndef RECORDS_REMINDERS_H
#define RECORDS_REMINDERS_H

#include "records/db.h"
#include "records/registers/register_due.h"

enum {
    REMINDER_PAST_DAYS = 30,       /* what is longer past when it is first seen is not mailed */
    REMINDER_ONCE_MAX = 1000,      /* steps of one letter; more wait for the next */
    REMINDER_SCAN_MAX = 5000,      /* records of one day of one kind that are looked at */
    REMINDER_COUNTS_MAX = 512,     /* numbers of one letter */
    REMINDER_TRIES_MAX = 20,
    REMINDER_PAUSE_S = 60,         /* before the second try, doubled from try to try */
    REMINDER_PAUSE_MAX_S = 6 * 3600,
    REMINDER_KEPT_DAYS = 90,
    REMINDER_WHY_MAX = 300,
    REMINDER_NAME_MAX = 120, /* bytes of the title of a kind */
};

struct reminder_count {
    struct span kind; /* its title */
    int64_t step; /* days before; DUE_STEP_PAST */
    int64_t count;
};

struct reminder_letter {
    struct span id; /* empty: none is to go now */
    uint32_t ncounts;
    struct reminder_count *counts; /* by kind, what is past first */
};

/* The letter that is to go: one that waits, or a new one of all steps that are reached and were not told. */
int reminders_take(struct db *db, const struct registers *kinds, time_ns now, struct arena *a, struct reminder_letter *out, struct err *e) NODISCARD;
/* What became of it; one that did not go is tried again later. */
int reminders_told(struct db *db, struct span id, bool delivered, struct span why, time_ns now, struct err *e) NODISCARD;

/* As a message; what is read points into the cursor's bytes, its counts into a. */
void reminder_letter_encode(struct buf *out, const struct reminder_letter *l);
void reminder_letter_decode(struct cursor *c, struct arena *a, struct reminder_letter *out);

extern const char reminder_sql[]; /* its tables, for migrations.c */

#endif
