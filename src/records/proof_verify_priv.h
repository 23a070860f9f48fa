/* SPDX-License-Identifier: EUPL-1.2 */
/* For proof_verify.c, proof_chain.c and db_sqlite.c only. */
#ifndef RECORDS_PROOF_VERIFY_PRIV_H
#define RECORDS_PROOF_VERIFY_PRIV_H

#include "records/proof.h"
#include "records/proof_watch.h"

struct proof_walk {
    sqlite3 *db;
    const struct proof_hooks *hooks;
    struct proof_report *report;
    struct proof_layout *layout; /* of the table at hand */
    struct proof_sum sums[PROOF_PARTS]; /* of the rows as they are */
    uint64_t seen, matched, proofs;
    bool found; /* the link that was noted */
    bool odd; /* something did not fit already */
    struct buf key;
    sqlite3_stmt *get;
};

/* The engine's side of proof_verify. */
int proof_verify_raw(sqlite3 *db, const struct proof_hooks *hooks, struct proof_report *out, struct err *e) NODISCARD;

void proof_complain(struct proof_walk *v, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The chain from its first link, and its end against the rows as they are. */
void proof_check_chain(struct proof_walk *v);

#endif
