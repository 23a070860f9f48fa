/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Any table of a database of ours as lines of JSON, and back. Which columns there are is asked of the database, so a table
 * that comes later is in every export without a word here; rows.def names what stays out. One line is one row, an object with
 * every column by name: whole numbers (as text where 2^53 is not enough), times as text with nanoseconds, text, bytes as
 * base64, nothing as null. Text that is canonical JSON (RFC 8785) stands as JSON; text that no JSON holds is {"base64":…}.
 * Called by `sereno export --all` and `sereno import`, in their caged processes. The engine is SQLite: another one gets a
 * file of its own beside this.
 */
#ifndef WIRE_ROWS_H
#define WIRE_ROWS_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/jcs.h"
#include "wire/json_write.h"

enum {
    ROWS_NAME_MAX = 64,      /* bytes of a name of a table or column, end included */
    ROWS_COLUMNS_MAX = 64,   /* of one table */
    ROWS_TABLES_MAX = 256,   /* of one database */
    ROWS_LINE_MAX = 16 << 20 /* bytes of one line: what the reader of JSON takes */
};

enum rows_type { ROWS_ANY, ROWS_NUMBER, ROWS_TIME, ROWS_TEXT, ROWS_BYTES };

struct rows_column {
    char name[ROWS_NAME_MAX];
    enum rows_type type;
    bool optional; /* may be null */
    bool secret;
};

struct rows_table {
    char name[ROWS_NAME_MAX];
    size_t count;
    struct rows_column columns[ROWS_COLUMNS_MAX];
};

enum rows_when { ROWS_ALWAYS, ROWS_WITH_SECRETS, ROWS_NEVER };
/* Whether a table goes out, and in *why_out (may be NULL) why not. */
enum rows_when rows_when(const char *table, const char **why_out);
/* Word of a type: "any", "number", "time", "text", "bytes". */
const char *rows_type_word(enum rows_type type);

/* Names of all tables, sorted, in a; those of the engine itself are not among them, but for the counter of ids. */
int rows_tables(sqlite3 *db, struct arena *a, const char ***names_out, size_t *count_out, struct err *e) NODISCARD;
/* ERR_NOT_FOUND: no such table; ERR_LIMIT. */
int rows_shape(sqlite3 *db, const char *table, struct rows_table *out, struct err *e) NODISCARD;

/* All rows, in the order in which they were written. Ended by sqlite3_finalize. */
int rows_select(sqlite3 *db, const struct rows_table *t, sqlite3_stmt **out, struct err *e) NODISCARD;
/* Next one: 1, 0, or ERR_IO. */
int rows_next(sqlite3 *db, sqlite3_stmt *s, struct err *e) NODISCARD;
/* Appends the row as one line, its end included; secrets only where they are asked for. ERR_LIMIT: too long for a reader. */
int rows_line(const struct rows_table *t, sqlite3_stmt *s, bool secrets, struct arena *a, struct buf *out, struct err *e) NODISCARD;
/* The members of that line, but for the column `without` (NULL: all), for an object that has more. */
void rows_members(const struct rows_table *t, sqlite3_stmt *s, bool secrets, const char *without, struct arena *a,
                  struct json_writer *j);

/* One line into the table: the statement is made at the first one (insert NULL) and finalised by the caller. Hostile: a name
 * that the table has not, a value of another type, a second key are ERR_INVALID. A column that is not there is null, or where
 * it may not be, empty text, 0, or bytes that nothing has. a: for this line only. */
int rows_take(sqlite3 *db, const struct rows_table *t, sqlite3_stmt **insert, struct span line, bool secrets, struct arena *a,
              struct err *e) NODISCARD;
/* The same of an object that was read already; members of other names are passed over where `loose`. */
int rows_take_object(sqlite3 *db, const struct rows_table *t, sqlite3_stmt **insert, const struct jcs *row, bool secrets, bool loose,
                     struct arena *a, struct err *e) NODISCARD;
/* What rows_take makes of a line before it asks the database: for tests and the fuzz target. */
int rows_check(const struct rows_table *t, struct span line, bool secrets, struct arena *a, struct err *e) NODISCARD;

/* Text of a value: as it is, as JSON, or from {"base64":…}. False: it is none of these. */
bool rows_text(const struct jcs *v, struct arena *a, struct span *out);
/* base64 (RFC 4648 §4) into a. */
bool rows_bytes(struct span text, struct arena *a, struct span *out);
bool rows_number(const struct jcs *v, int64_t *out);
/* A number, or a time as text. */
bool rows_time(const struct jcs *v, int64_t *out);
void rows_put_bytes(struct json_writer *j, struct span bytes, struct arena *a);
void rows_put_text(struct json_writer *j, struct span text, struct arena *a);

/* Nanoseconds as text that reads back the same, of the years 1900 to 2200. */
enum { ROWS_TIME_TEXT_MAX = 40 };
bool rows_time_text(int64_t ns, char out[ROWS_TIME_TEXT_MAX]);

#endif
