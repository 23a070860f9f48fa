/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SQLite's write-ahead log, written back into the database by a thread of its own, so that no commit waits for
 * it: writing back 16 MiB in the middle of a commit held every sender up for 50 to 90 ms. The thread has its own
 * connection and copies what is committed in rounds, each of what came during the last; the writer itself copies
 * only the few pages that are left, so that the log can begin anew. What is durable does not change: a commit
 * returns when the log is synced, and a page is synced in the database before the log may forget it.
 *
 * Called by db_sqlite.c. All functions here belong to the writer's thread.
 */
#ifndef RECORDS_DB_WRITEBACK_H
#define RECORDS_DB_WRITEBACK_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/err.h"

enum {
    DB_WRITEBACK_AT = 8192,        /* pages of 4 KiB in the log: the thread begins (32 MiB) */
    DB_WRITEBACK_REST = 512,       /* pages that the writer may copy itself, between two commits: some milliseconds */
    DB_WRITEBACK_ROUNDS = 8,       /* of the thread, until it waits for DB_WRITEBACK_AT more */
    DB_WRITEBACK_MAX = 16 * 8192,  /* pages: the writer copies all of it, whatever it takes (512 MiB) */
};

struct db_writeback;

/* What was done since the start. */
struct db_writeback_stats {
    uint64_t rounds;     /* of the thread */
    uint64_t finished;   /* times the writer copied what was left, and the log could begin anew */
    uint64_t cut;        /* times the log was cut because somebody asked for it */
    uint64_t pages_most; /* in the log at one time */
};

/* Takes over the write-back of `writer`, the only connection that writes to the database in the file `path`,
 * in place of the engine's own. ERR_IO. The writer is borrowed, and must be closed after this. */
int db_writeback_start(sqlite3 *writer, const char *path, struct err *e, struct db_writeback **out) NODISCARD;
/* Waits for the thread's round, ends it, gives write-back to the engine again. NULL is fine. */
void db_writeback_stop(struct db_writeback **w);

/* The thread writes all of the log back and cuts its file, so that nothing of before is in it. */
void db_writeback_cut(struct db_writeback *w);

struct db_writeback_stats db_writeback_stats(struct db_writeback *w);

#endif
