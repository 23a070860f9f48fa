/* SPDX-License-Identifier: EUPL-1.2 */
/* Private to archive/: thin, checked access to SQLite, and the schema of a day file. No other file
 * here names a PRAGMA. */
#ifndef ARCHIVE_DB_H
#define ARCHIVE_DB_H

#include <sqlite3.h>

#include "archive/archive.h"

enum { DB_PATH_MAX = 4096, DB_NAME_LEN = 13 /* YYYY-MM-DD.db */ };

/* "FOLDER/YYYY-MM-DD.db". ERR_LIMIT: too long. */
int dayfile_path(const char *folder, int32_t day, char out[DB_PATH_MAX], struct err *e) NODISCARD;
/* Day of a file name; false when it is not one of ours. */
bool dayfile_name_day(const char *name, int32_t *day_out);

/* For the writer: makes the file when missing. fresh_out: it has no tables yet, dayfile_create
 * makes them. */
int dayfile_open_writer(const char *path, sqlite3 **out, bool *fresh_out, struct err *e) NODISCARD;
/* Tables, application id and format, inside the caller's transaction: a file has all of it or
 * nothing. */
int dayfile_create(sqlite3 *db, int32_t day, struct err *e) NODISCARD;
/* Whether a crash left the file before its tables were made. */
int dayfile_file_is_fresh(const char *path, bool *out, struct err *e) NODISCARD;
/* Read-only. ERR_NOT_FOUND: no such file, or a crash left it before its tables were made; ERR_UNSUPPORTED: made by a newer program, or not ours. */
int dayfile_open_reader(const char *path, sqlite3 **out, struct err *e) NODISCARD;
void dayfile_close(sqlite3 **db);
/* Format of the open file; 0 when it cannot be read. */
int dayfile_format(sqlite3 *db);
/* Of a file that is made from an older one's content: it is read as one of that format. */
int dayfile_set_format(sqlite3 *db, int format, struct err *e) NODISCARD;

/* e gets SQLite's own words; returns ERR_IO, or ERR_LIMIT for a full disk. */
int dayfile_fail(sqlite3 *db, struct err *e, const char *doing);
int dayfile_exec(sqlite3 *db, const char *sql, struct err *e) NODISCARD;
/* Undoes the open transaction, if SQLite has not done so itself. */
void dayfile_rollback(sqlite3 *db);
int dayfile_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *e) NODISCARD;
/* One step that must give no row; resets the statement. */
int dayfile_run(sqlite3 *db, sqlite3_stmt *s, struct err *e) NODISCARD;
/* One step: 1 a row, 0 no more, or an error. */
int dayfile_row(sqlite3 *db, sqlite3_stmt *s, struct err *e) NODISCARD;
void dayfile_bind_blob(sqlite3_stmt *s, int at, struct span bytes);
void dayfile_bind_text(sqlite3_stmt *s, int at, struct span text);
struct span dayfile_column(sqlite3_stmt *s, int at);

#define DAYFILE_PUT_BLOCK "INSERT INTO block VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"
/* One row by that statement: header and its hash as given, the searchable columns from h. body.ptr NULL: none. */
int dayfile_put_block(sqlite3 *db, sqlite3_stmt *s, const struct archive_header *h,
                      struct span header, const unsigned char hash[ARCHIVE_HASH_BYTES],
                      struct span body, struct err *e) NODISCARD;

/* Whether it can hold token filters: a file of before format 4 that nobody wrote to since cannot. */
bool dayfile_has_filters(sqlite3 *db);

#endif
