/* SPDX-License-Identifier: EUPL-1.2 */
/* The tables of proof.def in a database: see proof_tables.h. Runs in the keeper and in commands on a data folder. */
#include "records/proof_tables.h"

#include <stdio.h>
#include <string.h>

#include "os/sqlite_why.h"

enum { ROWS = PROOF_ROWS, SUM = PROOF_SUM, CHAIN = PROOF_CHAIN, MADE = PROOF_MADE, LOOSE = PROOF_LOOSE, SQL_MAX = 8192 };

const struct proof_table proof_tables[PROOF_TABLE_COUNT] = {
#define PROOF(number, table, how, key, loose, why) [(number) - 1] = {number, #table, (enum proof_how)(how), key, loose},
#include "records/proof.def"
#undef PROOF
};

int proof_sql_fail(sqlite3 *db, struct err *e)
{
    char why[SQLITE_WHY_MAX];
    return err_set(e, ERR_IO, "records: proofs of rows: %s", sqlite_why(db, why));
}

int proof_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *e)
{
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK ? 0 : proof_sql_fail(db, e);
}

uint8_t proof_table_number(const char *name)
{
    for (size_t i = 0; i < PROOF_TABLE_COUNT; i++) {
        if (strcmp(proof_tables[i].name, name) == 0) {
            return proof_tables[i].number;
        }
    }
    return 0;
}

static bool has(const char *names, const char *name)
{
    char between[PROOF_NAME_MAX + 2];
    (void)snprintf(between, sizeof between, ",%s,", name);
    return strstr(names, between) != NULL;
}

int proof_layout_read(sqlite3 *db, const struct proof_table *t, struct proof_layout *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int code = SQLITE_DONE;
    *out = (struct proof_layout){.ncolumns = 0};
    int rc = proof_prepare(db, "SELECT i.name, s.rootpage FROM sqlite_schema s, pragma_table_info(s.name) i WHERE s.type = 'table' AND s.name = ?1 ORDER BY i.cid", &s, e);
    if (rc == 0) {
        (void)sqlite3_bind_text(s, 1, t->name, -1, SQLITE_STATIC);
    }
    while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct proof_column *c = &out->column[out->ncolumns];
        if (out->ncolumns == PROOF_CELLS_MAX || sqlite3_column_bytes(s, 0) >= PROOF_NAME_MAX) {
            rc = err_set(e, ERR_LIMIT, "records: the table %s has more columns than a table of ours", t->name);
            break;
        }
        (void)snprintf(c->name, sizeof c->name, "%s", (const char *)sqlite3_column_text(s, 0));
        c->key = has(t->key, c->name);
        c->loose = has(t->loose, c->name);
        out->root = sqlite3_column_int64(s, 1);
        out->ncolumns++;
    }
    if (rc == 0 && code != SQLITE_DONE) {
        rc = proof_sql_fail(db, e);
    }
    (void)sqlite3_finalize(s);
    return rc;
}

int proof_select(sqlite3 *db, const struct proof_table *t, const struct proof_layout *l, sqlite3_stmt **out, struct err *e)
{
    struct buf sql;
    buf_init(&sql, SQL_MAX);
    for (size_t i = 0; i < l->ncolumns; i++) {
        buf_printf(&sql, "%s\"%s\"", i == 0 ? "SELECT " : ", ", l->column[i].name);
    }
    buf_printf(&sql, " FROM \"%s\"", t->name);
    buf_u8(&sql, 0);
    int rc = sql.failed ? err_set(e, ERR_LIMIT, "records: the names of the columns of %s are too long", t->name)
                        : proof_prepare(db, sql.data, out, e);
    buf_free(&sql);
    return rc;
}

struct proof_cell proof_cell_of(sqlite3_value *v)
{
    struct proof_cell c = {.type = PROOF_NULL};
    int type = sqlite3_value_type(v);
    if (type == SQLITE_INTEGER) {
        c.type = PROOF_NUMBER;
        c.number = sqlite3_value_int64(v);
    } else if (type == SQLITE_FLOAT) {
        double d = sqlite3_value_double(v);
        c.type = PROOF_REAL;
        memcpy(&c.number, &d, sizeof c.number);
    } else if (type != SQLITE_NULL) {
        const char *p = type == SQLITE_TEXT ? (const char *)sqlite3_value_text(v) : sqlite3_value_blob(v);
        c.type = type == SQLITE_TEXT ? PROOF_TEXT : PROOF_BYTES;
        c.bytes = p == NULL ? SPAN("") : span_make(p, (size_t)sqlite3_value_bytes(v));
    }
    return c;
}

size_t proof_row_cells(sqlite3_stmt *row, const struct proof_layout *l, struct proof_cell cells[PROOF_CELLS_MAX], struct buf *key)
{
    size_t n = 0;
    for (size_t i = 0; i < l->ncolumns; i++) {
        if (l->column[i].loose) {
            continue;
        }
        cells[n] = proof_cell_of(sqlite3_column_value(row, (int)i));
        if (l->column[i].key) {
            proof_key_put(key, &cells[n]);
        }
        n++;
    }
    return n;
}
