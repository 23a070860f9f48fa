/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Questions of a list that are asked many times with another id, and rows of ids that are gone along in their order. Used by
 * record_fits.c and record_list.c; runs in the keeper. Text and values that a question was made of live as long as it does.
 */
#ifndef RECORDS_REGISTERS_RECORD_ASK_H
#define RECORDS_REGISTERS_RECORD_ASK_H

#include "records/registers/record_store.h"

struct record_ask {
    struct sql *sql; /* its values */
    struct db_stmt *st;
    int id; /* place of the id among them */
};

/* Begins its text; sql_value(s, record_ask_id()) says where the id goes, once or more often. */
struct sql *record_ask_begin(struct record_ask *k, struct arena *a);
struct span record_ask_id(void);
/* Ready; its text is complete. */
int record_ask_ready(struct record_ask *k, struct db *db, struct err *e) NODISCARD;
/* Its first row for this id, which lives until record_ask_done: 1, 0 = none, or an error. */
int record_ask_for(struct record_ask *k, struct span id, struct err *e) NODISCARD;
void record_ask_done(struct record_ask *k);

/* Its question answers with ids from a given one on, in their order. */
struct record_run {
    struct record_ask ask;
    struct span id;              /* where it is, valid until it moves */
    bool over;                   /* behind the last one */
    bool begun;                  /* what follows is known: no id lies between `before` and where it is */
    bool passed;                 /* `before` is one of its ids */
    uint32_t vain;               /* how many fewer are passed than might be, as it went so far */
    uint64_t moves;              /* ids passed so far */
    char from[RECORD_ID_MAX];    /* of the statement that runs */
    char before[RECORD_ID_MAX];
    size_t nbefore;
};

/* To the first id that is not before this one. */
int record_run_to(struct record_run *r, struct span id, struct err *e) NODISCARD;
/* To the next id; it must not be over. */
int record_run_next(struct record_run *r, struct err *e) NODISCARD;
/* Lets go of what it read; it can begin again. */
void record_run_end(struct record_run *r);

/* As the engine sorts texts: by bytes. */
int record_order(struct span a, struct span b);

#endif
