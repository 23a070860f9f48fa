/* SPDX-License-Identifier: EUPL-1.2 */
/* For proof_watch.c and proof_renew.c only. */
#ifndef RECORDS_PROOF_WATCH_PRIV_H
#define RECORDS_PROOF_WATCH_PRIV_H

#include "records/proof_watch.h"

struct proof_watch {
    sqlite3 *db;
    struct proof_layout *layout; /* PROOF_TABLE_COUNT */
    bool blind[PROOF_TABLE_COUNT]; /* changed while it looked otherwise than the layout */
    uint8_t last; /* number of the table that was told last */
    bool end_link; /* the newest link is no more written over */
    bool touched; /* the newest link has to say something new */
    bool lost;    /* a change did not fit into pending */
    struct buf pending; /* table, gone, key, then digest and marks */
    struct proof_sum change[PROOF_PARTS]; /* of this transaction, for those without a digest each */
    struct {
        size_t len;
        bool touched, lost;
        struct proof_sum change[PROOF_PARTS];
    } mark;
    struct buf key, key_before;
    sqlite3_stmt *get, *add, *put, *drop, *link, *follow, *change_link, *head;
};

/* Notes that this row has these cells now (n of them), or (cells NULL) is gone. */
void proof_pending_put(struct proof_watch *w, const struct proof_table *t, struct span key, const struct proof_cell *cells, size_t n);
/* As that, with a digest that fits no row: it was changed by somebody else. */
void proof_pending_spoil(struct proof_watch *w, const struct proof_table *t, struct span key, size_t n);
/* The newest link as it is stored; zeros before the first. ERR_IO, ERR_INVALID. */
int proof_watch_link(struct proof_watch *w, struct proof_link *out, struct err *e) NODISCARD;

#endif
