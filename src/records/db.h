/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The database of records behind one small interface: open, statements with typed values,
 * transactions. Everything in records/ and nothing else includes this; the keeper runs it, one
 * connection, one thread (db_writeback.h has another of its own).
 *
 * SQL is written once, in the part that SQLite and PostgreSQL share: types TEXT, BIGINT and BYTEA,
 * values as $1, $2 … numbered in the order of first use, no upserts beyond ON CONFLICT DO NOTHING /
 * DO UPDATE, no engine functions. Text handed to a statement is never pasted into SQL.
 */
#ifndef RECORDS_DB_H
#define RECORDS_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct db;
struct db_stmt;

enum {
    DB_STMT_CACHE_MAX = 128, /* distinct SQL texts kept prepared */
    DB_SQL_MAX = 32 * 1024,   /* bytes of one SQL text */
    DB_VALUE_MAX =
        16 << 20, /* bytes of one stored value: a record of 1 MiB with all its marks is far below */
    DB_BUSY_WAIT_MS = 5000, /* a backup or a shell may hold the lock for a moment */
};

/* Database in the file `path` (made with mode 0600), or in memory for ":memory:". ERR_IO,
 * ERR_INVALID. */
int db_open(const char *path, struct err *e, struct db **db_out) NODISCARD;
/* For the process that writes all the time: what the log of the file `path` holds goes into the database beside
 * its one thread, not in the middle of a commit (db_writeback.h). Ends with db_close. ERR_IO. */
int db_write_back_aside(struct db *db, const char *path, struct err *e) NODISCARD;
/* What was deleted before this is in no byte of the file or of its log when it is done: at once, or by the thread that writes
 * back, which tries again until nobody reads an older state. ERR_BUSY. */
int db_wipe(struct db *db, struct err *e) NODISCARD;
/* Closes and frees; NULL is fine. Sets *db to NULL. */
void db_close(struct db **db);

/* Runs SQL without values, several statements allowed: for migrations. */
int db_exec(struct db *db, const char *sql, struct err *e) NODISCARD;

/* A transaction. They do not nest: begin inside one is our own mistake and ends the role. */
int db_begin(struct db *db, struct err *e) NODISCARD;
int db_commit(struct db *db, struct err *e) NODISCARD;
/* Never fails: what cannot be rolled back was never written. */
void db_rollback(struct db *db);
bool db_in_transaction(const struct db *db);
/*
 * What is read from here to db_read_end is of one moment, and many short questions cost less: the engine takes its lock once. Nothing may be
 * written meanwhile. False: it was not begun (a transaction is under way, or begin failed, and each question is of its own moment), and has no end.
 */
bool db_read_begin(struct db *db) NODISCARD;
void db_read_end(struct db *db);
/* Ends the transaction according to rc: commits on 0, else rolls back and returns rc. */
int db_end(struct db *db, int rc, struct err *e) NODISCARD;

/*
 * The statement for this SQL text, ready for values; prepared once and kept. It stays valid until
 * it is asked for again or the database closes; asking for it while it is still in use starts it
 * afresh.
 */
int db_query(struct db *db, const char *sql, struct err *e, struct db_stmt **stmt_out) NODISCARD;

/* How much work the statements that are kept prepared have done so far, in steps of the engine's own: tests ask it
 * whether a question costs more as tables grow. 0 where an engine cannot say. */
uint64_t db_effort(const struct db *db);

/* Values; `n` counts from 1 as in $n. Text and bytes are borrowed until the statement ends. */
void db_bind_i64(struct db_stmt *s, int n, int64_t v);
void db_bind_text(struct db_stmt *s, int n, struct span v);
/* As db_bind_text; an empty span becomes NULL. */
void db_bind_text_or_null(struct db_stmt *s, int n, struct span v);
void db_bind_bytes(struct db_stmt *s, int n, struct span v);
void db_bind_null(struct db_stmt *s, int n);

/* Next row: 1 = a row, 0 = no more (the statement is over), negative = error (over too). */
int db_step(struct db_stmt *s, struct err *e) NODISCARD;
/* For statements without rows: steps once, ends it. */
int db_run(struct db_stmt *s, struct err *e) NODISCARD;
/* Ends a statement before its last row, and lets go of its read lock. */
void db_done(struct db_stmt *s);
/* Rows touched by the last INSERT, UPDATE or DELETE. */
int64_t db_changes(const struct db *db);

/* Columns of the current row, from 0; spans are borrowed until the next step. NULL reads as 0 or
 * empty. */
bool db_col_null(struct db_stmt *s, int i);
int64_t db_col_i64(struct db_stmt *s, int i);
struct span db_col_text(struct db_stmt *s, int i);
struct span db_col_bytes(struct db_stmt *s, int i);

#endif
