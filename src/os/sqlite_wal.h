/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SQLite's write-ahead log, looked at before the engine opens it. The engine takes the first frame that does not fit for the end of the log
 * and drops all behind it without a word: right after a power cut, where nothing behind it was acknowledged, and silent loss where a byte was
 * changed. Here the two are told apart, and a log that lost something is kept beside the database before the engine forgets it.
 *
 * Format: sqlite.org/fileformat2.html section 4, sqlite.org/walformat.html. The log and the shared memory file are read as hostile bytes.
 *
 * Never for a database that this very process has open: closing any file of it would let go of the engine's locks (POSIX locks are the process's).
 * Other processes may have it open and write to it.
 */
#ifndef OS_SQLITE_WAL_H
#define OS_SQLITE_WAL_H

#include <stdbool.h>

#include "base/err.h"

enum {
    SQLITE_WAL_PATH_MAX = 4096, /* bytes of a path, with its ending */
    SQLITE_WAL_TRIES = 4,       /* looks at a log that others write to, until a fault is believed */
};

#define SQLITE_WAL_KEPT ".damaged" /* what is put behind the name of a log that is kept */

/*
 * Looks at the log of the database at path. 0: there is none, or all of it that was ever acknowledged is there. ERR_INVALID: a byte of it was
 * changed or it was cut; the text says where. ERR_IO, ERR_LIMIT. Changes nothing.
 *
 * What is acknowledged is known from the shared memory file, as long as that is of the same log; without it from whole transactions behind the place
 * that does not fit. So of a log without its shared memory file a changed last transaction cannot be told from one that was never finished.
 */
int sqlite_wal_check(const char *path, struct err *e) NODISCARD;

/* Called with each database whose log lost something; where of e names it. */
typedef void sqlite_wal_fn(void *ctx, const struct err *e);

/*
 * Looks at the logs of all databases (*.db) of a folder, and keeps a copy of each that lost something as NAME-wal.damaged, once, synced, mode 0600, before
 * complain is told. With `known` those that were kept before are told again. A folder that is not there has none. ERR_IO: it cannot be read, or no copy
 * could be made: then the database must not be opened, or what is left of the log goes.
 */
int sqlite_wal_guard(const char *folder, bool known, sqlite_wal_fn *complain, void *ctx, struct err *e) NODISCARD;

#endif
