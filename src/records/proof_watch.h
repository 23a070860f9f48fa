/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Proofs of rows kept with every change: the engine tells each row that an INSERT, UPDATE or DELETE of whatever statement touched
 * (SQLite's preupdate hook); before the commit, and in the same transaction, its digest goes into row_proof, and the newest link of
 * proof_chain gets the sum of all of them and the end of the audit trail. So no statement can forget it. For db_sqlite.c and proof_*.c.
 */
#ifndef RECORDS_PROOF_WATCH_H
#define RECORDS_PROOF_WATCH_H

#include "records/proof_tables.h"

struct proof_watch;

enum {
    PROOF_PARTS = 3, /* sums of a link: of the rows with a digest each, of record_key, of record_link */
    PROOF_PENDING_MAX = 256 << 20, /* bytes of changes of one transaction that wait; more of them fail it */
    PROOF_PENDING_SOON = 4 << 20,  /* from here they are written before the commit already */
};

/* The newest link stands for one hour (of the clock), or until somebody notes it, and then a new one follows it; all earlier ones stay. */
struct proof_link {
    int64_t seq, hour, audit_seq;
    struct proof_sum sums[PROOF_PARTS];
    unsigned char audit_hash[PROOF_HASH_BYTES], previous[PROOF_HASH_BYTES], hash[PROOF_HASH_BYTES];
};
void proof_link_hash(const struct proof_link *l, unsigned char out[PROOF_HASH_BYTES]);
/* The columns seq, hour, audit_seq, sums, audit_hash, previous, hash of the current row. False: a size is not what it must be. */
bool proof_link_read(sqlite3_stmt *row, struct proof_link *out);
/* Which sum of a link a table belongs to. */
size_t proof_part(const struct proof_table *t);

/* Watches when the tables of proofs are there; *out NULL when not. ERR_IO, ERR_LIMIT. */
int proof_watch_start(sqlite3 *db, struct err *e, struct proof_watch **out) NODISCARD;
void proof_watch_stop(struct proof_watch **w); /* NULL is fine */

/* Before a statement; when it fails, what it said of rows is taken back, as the engine takes back the rows. NULL is fine in all three. */
void proof_watch_mark(struct proof_watch *w);
void proof_watch_back(struct proof_watch *w);
/* All since the last flush: for a rollback. */
void proof_watch_forget(struct proof_watch *w);
/* The next flush begins a link of its own. NULL is fine. */
void proof_watch_end_link(struct proof_watch *w);
/* True: call proof_watch_flush now already. */
bool proof_watch_is_full(const struct proof_watch *w);
/* Inside the transaction, before its commit. ERR_IO; ERR_LIMIT: more rows than a transaction may change. */
int proof_watch_flush(struct proof_watch *w, struct err *e) NODISCARD;

/*
 * After migrations, in their transaction: rows of tables that look otherwise get their digest as the table is now. Where a column came, a row is compared
 * first: what did not fit does not fit afterwards either. *w may be NULL, and is not afterwards if the tables of proofs are there.
 */
int proof_watch_renew(sqlite3 *db, struct proof_watch **w, struct err *e) NODISCARD;
/* Every row anew, believed as it is: for records that were made of an export. In a transaction. */
int proof_watch_anew(struct proof_watch *w, struct err *e) NODISCARD;

#endif
