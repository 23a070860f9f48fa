/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Functions that must be held and are not: for each unit, or each organisation, the stretches of time in which no signed appointment gives
 * one to anybody who is there: an appointment of somebody who has left, or whose account was closed (by the list of leavers, or by hand), holds nothing
 * from then on, whatever its act says. Asked with the scopes of its reader in both kinds, as lists are: what he may not read is not there, neither unit nor holder.
 * Called by the keeper; the codecs also by the desk.
 */
#ifndef RECORDS_APPOINTMENT_GAPS_H
#define RECORDS_APPOINTMENT_GAPS_H

#include "records/registers/record_row.h"

enum {
    GAP_FUNCTIONS_MAX = 32,      /* of one question */
    GAP_LEVELS_MAX = 8,          /* of one function */
    GAP_UNITS_MAX = 4000,        /* units that are looked at */
    GAP_APPOINTMENTS_MAX = 20000, /* appointments that are looked at */
    GAPS_MAX = 500,              /* of one answer */
    GAP_DAYS_MAX = 400,          /* that are looked ahead */
};

struct gap_function {
    struct span word;
    bool in_unit; /* else of each organisation as a whole, by an appointment without a unit */
    uint32_t nlevels; /* 0: of all of them */
    struct span levels[GAP_LEVELS_MAX]; /* else of those whose register says one of these as their type, and of those of which nothing is said */
};

struct gap_query {
    struct record_scope units, appointments, organisations; /* the last may be empty: then nothing is said of their types */
    time_ns from, to;
    uint32_t nfunctions;
    struct gap_function functions[GAP_FUNCTIONS_MAX];
};

/* NOBODY: none is appointed; LEFT, CLOSED: who is appointed has left, or his account was closed. */
enum gap_why { GAP_NOBODY, GAP_LEFT, GAP_CLOSED, GAP_WHY_COUNT };

struct gap {
    struct span organisation, unit, title, function; /* unit and title empty: the organisation as a whole */
    time_ns from, to;                                /* within what was asked; at its ends it may go on */
    enum gap_why why;                                /* of some of that time */
};
/* "nobody", "left", "closed" */
const char *gap_why_name(enum gap_why why) __attribute__((returns_nonnull));

struct gap_list {
    uint32_t count;
    bool more; /* gaps, or units and appointments, than are told or looked at */
    struct gap gaps[GAPS_MAX];
};

/*
 * By organisation, title of the unit, function as asked, time. Organisations are those of the units, and the reader's own. What an organisation is
 * says the record of the kind organisation that has its code; where he reads none, one whose code has a slash (Ourtown/Works) is a department.
 */
int appointment_gaps(struct db *db, const struct gap_query *q, struct arena *a, struct gap_list *out, struct err *e) NODISCARD;

void gap_query_encode(struct buf *out, const struct gap_query *q);
/* Spans point into the cursor's bytes; out of bounds: c->failed. */
void gap_query_decode(struct cursor *c, struct gap_query *out);
void gap_encode(struct buf *out, const struct gap *g);
/* As above. */
void gap_decode(struct cursor *c, struct gap *out);

#endif
