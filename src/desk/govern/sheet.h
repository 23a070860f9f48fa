/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records of one kind as a table that people take out, change and bring back: CSV (wire/csv.h) with a first line of names, or
 * JSON, one record a line (or one array of them). What goes out of here comes in as exactly what it was. Pure; called by the
 * interface, imports are decided in import.h.
 *
 * CSV has the columns id, state, tlp, organisation and those fields that its reader sees. A cell: a text as it is (guarded
 * against formulas), a number as digits, true or false, a list of texts joined by | (\| and \\ for these two themselves),
 * anything else as JSON. An empty cell is no value; a column that is not there leaves what is stored as it is.
 * JSON: {"id", "state", "tlp", "organisation", "fields"}, where fields are all of the record.
 */
#ifndef DESK_GOVERN_SHEET_H
#define DESK_GOVERN_SHEET_H

#include "desk/govern/record.h"
#include "wire/csv.h"

enum { SHEET_ROWS_MAX = 50000 /* records of one import */ };
enum sheet_format { SHEET_CSV, SHEET_JSON };

struct sheet {
    const struct register_kind *kind;
    uint64_t hidden; /* fields that are not there for its reader */
    enum sheet_format format;
    struct csv csv;
    uint32_t ncolumns;
    int column[CSV_COLUMNS_MAX]; /* place of a field, or minus 1 + place in the names of every record */
    struct span rest;            /* JSON: what is left, line by line */
    const struct jcs *item;      /* or of an array */
    uint32_t line;
};

struct sheet_row {
    uint32_t line; /* in the file, from 1; of an array its place */
    struct span id, state, tlp, organisation; /* empty = not said */
    struct jcs *fields; /* those with a value */
    uint64_t named;     /* fields of which the row says something, by place: others stay as they are */
};

/* Looks at all of the text, which must stay: whether it can be taken apart into at most SHEET_ROWS_MAX rows. ERR_INVALID, ERR_LIMIT
 * with a sentence and e->line. */
int sheet_open(struct sheet *s, const struct register_kind *kind, uint64_t hidden, enum sheet_format format, struct span text, struct arena *a,
               uint32_t *rows_out, struct err *e) NODISCARD;
/* The next row; false at the end. What of it cannot be read stands in faults (count 0 = nothing), pointers as of a body. */
bool sheet_next(struct sheet *s, struct arena *a, struct sheet_row *out, struct record_faults *faults);

/* The first line of a CSV; nothing of JSON. bom: for spreadsheets, which read UTF-8 only behind one. */
void sheet_begin(struct buf *out, const struct record_worker *w, enum sheet_format format, char separator);
/* One record as its reader sees it; false: he may not take it away (policy_record_exports), and nothing was written. */
bool sheet_put(struct buf *out, const struct record_worker *w, const struct record_row *row, struct arena *a, enum sheet_format format,
               char separator);

#endif
