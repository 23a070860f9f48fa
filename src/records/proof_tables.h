/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The tables of proof.def as they stand in a database: which columns are bound, which are its key. For proof_*.c alone, which are the
 * part of SQLite in this: see proof.h.
 */
#ifndef RECORDS_PROOF_TABLES_H
#define RECORDS_PROOF_TABLES_H

#include <sqlite3.h>

#include "base/err.h"
#include "records/proof_row.h"

enum proof_how { PROOF_ROWS, PROOF_SUM, PROOF_CHAIN, PROOF_MADE, PROOF_LOOSE };

enum { PROOF_TABLE_COUNT = 67, PROOF_NAME_MAX = 64 /* bytes of the name of a table or column */ };

struct proof_table {
    uint8_t number; /* in row_proof, from 1 */
    const char *name;
    enum proof_how how;
    const char *key, *loose; /* names between commas */
};

/* In the order of their numbers: number n is at n - 1. */
extern const struct proof_table proof_tables[PROOF_TABLE_COUNT];

struct proof_column {
    char name[PROOF_NAME_MAX];
    bool key, loose;
};

/* How one table looks now. */
struct proof_layout {
    size_t ncolumns; /* 0: it is not there */
    int64_t root;    /* page where it begins: another one after it was built anew */
    struct proof_column column[PROOF_CELLS_MAX];
};

/* Number of the table by name, or 0. */
uint8_t proof_table_number(const char *name);
/* ERR_IO; ERR_LIMIT for more columns, or longer names, than any migration made. */
int proof_layout_read(sqlite3 *db, const struct proof_table *t, struct proof_layout *out, struct err *e) NODISCARD;
/* "SELECT a, b, c FROM t" in the order of the layout. */
int proof_select(sqlite3 *db, const struct proof_table *t, const struct proof_layout *l, sqlite3_stmt **out, struct err *e) NODISCARD;

/* A value as a cell; borrowed. */
struct proof_cell proof_cell_of(sqlite3_value *v);
/* The cell of each bound column of the current row, and its key. Returns their number. */
size_t proof_row_cells(sqlite3_stmt *row, const struct proof_layout *l, struct proof_cell cells[PROOF_CELLS_MAX], struct buf *key);

int proof_sql_fail(sqlite3 *db, struct err *e);
int proof_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *e) NODISCARD;

#endif
