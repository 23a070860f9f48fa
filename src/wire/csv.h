/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * CSV as people and spreadsheets write it (RFC 4180, and what differs from it): cells parted by comma, semicolon or tab, told
 * from the first line or by Excel's "sep="; lines ended by LF, CRLF or CR; quotes doubled within quotes; a byte order mark.
 * What would be read in two ways is refused with the line and what to do: text that is not UTF-8, UTF-16, a spreadsheet's own
 * file, a quote that is never closed. Who calls it: desk/govern (imports, exports of registers).
 *
 * Cells are text here. That a spreadsheet would take some texts for formulas is csv_guard's and csv_unguard's matter.
 */
#ifndef WIRE_CSV_H
#define WIRE_CSV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum {
    CSV_COLUMNS_MAX = 96,     /* cells of one row */
    CSV_CELL_MAX = 64 << 10,  /* bytes of one cell */
    CSV_BYTES_MAX = 16 << 20, /* one file */
};

struct csv {
    struct span rest;
    uint32_t line; /* of the next row */
    char separator;
};

struct csv_row {
    uint32_t line; /* on which it begins, from 1 */
    uint32_t count;
    struct span cell[CSV_COLUMNS_MAX]; /* in the text, or in the arena where quotes were doubled */
};

/* Looks at the whole text once: its encoding, and what parts its cells. ERR_INVALID, ERR_LIMIT, with e->line where there is one. */
int csv_open(struct csv *c, struct span text, struct err *e) NODISCARD;
/* The next row that is not empty: 1, or 0 at the end; ERR_INVALID or ERR_LIMIT with e->line. */
int csv_next(struct csv *c, struct arena *a, struct csv_row *out, struct err *e) NODISCARD;

/* A cell, quoted where it must be; rows are ended by csv_end_row, cells are parted by who calls. */
void csv_put(struct buf *out, struct span cell, char separator);
void csv_end_row(struct buf *out);

/*
 * A text that a spreadsheet would run as a formula (CWE-1236: it begins with = + - @, tab or CR) gets an apostrophe before it;
 * so does the text that stands for the empty one (""), and what csv_unguard would take away. csv_unguard gives back exactly
 * what was there.
 */
struct span csv_guard(struct arena *a, struct span text);
struct span csv_unguard(struct span cell);
#define CSV_EMPTY_TEXT SPAN("\"\"") /* a text that is there and has no characters; an empty cell is none */

#endif
