/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Proofs of the rows of records.db: for each row of what may be evidence a digest that the program itself wrote with the change (the
 * table of tables is proof.def), and over all of them a chain. `sereno verify` compares. A byte that anything else changed is found,
 * and so is a row that went or came; who can write the file, knows the program and makes everything fit again is not: only a link
 * of the chain that was noted elsewhere stops him. The keeper's own statements need not know of it (proof_watch.h).
 */
#ifndef RECORDS_PROOF_H
#define RECORDS_PROOF_H

#include "records/db.h"
#include "records/proof_row.h"

extern const char proof_sql[]; /* its tables, for migrations.c */

struct proof_report {
    bool there;      /* the records have proofs: an older program's have none until a newer one was started on them */
    uint64_t rows;   /* with a proof each */
    uint64_t summed; /* keys and links of records */
    int64_t links;
    bool has_link;   /* there is a link that stays as it is */
    unsigned char link[PROOF_HASH_BYTES]; /* hash of the newest of them: to be noted elsewhere */
};

struct proof_hooks {
    void *ctx;
    void (*complain)(void *ctx, const struct err *e);                 /* each thing that does not fit */
    void (*step)(void *ctx, const char *table, uint64_t rows_so_far); /* now and then */
    const unsigned char *noted; /* PROOF_HASH_BYTES of a link that must be in the chain; NULL: none was noted */
};

/*
 * Reads every table in one snapshot, while others write, in memory that does not grow with it: pages and indexes, proofs of rows, the
 * chain, what is made again. ERR_IO: it could not go on; what does not fit is no error.
 */
int proof_verify(struct db *db, const struct proof_hooks *hooks, struct proof_report *out, struct err *e) NODISCARD;
/* The tables and indexes are those that the migrations of this program make. Complains likewise. ERR_IO, ERR_UNSUPPORTED (newer). */
int proof_verify_schema(struct db *db, const struct proof_hooks *hooks, struct err *e) NODISCARD;

/* The newest link stays as it is from now on: the next change, which this is called before, begins another one. */
void proof_end_link(struct db *db);
/* Hash of the newest link that stays as it is. ERR_NOT_FOUND: there is none yet. ERR_IO. */
int proof_kept_link(struct db *db, unsigned char out[PROOF_HASH_BYTES], struct err *e) NODISCARD;

/* At the end of migrations, in their transaction: see proof_watch_renew. */
int proof_renew(struct db *db, struct err *e) NODISCARD;
/* Every row proved anew, believed as it is: for records made of an export. */
int proof_anew(struct db *db, struct err *e) NODISCARD;

#endif
