/* SPDX-License-Identifier: EUPL-1.2 */
/* Proofs of rows that were there before, or whose table looks otherwise now: see proof_watch.h. Runs where migrations run. */
#include <string.h>

#include "records/proof_watch_priv.h"

enum { DROPPED_AT_ONCE = 1000 };

/* ---- a table believed as it is ---- */

static int forget_proofs(struct proof_watch *w, const struct proof_table *t, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = proof_prepare(w->db, "SELECT row FROM row_proof WHERE tab = ?1 LIMIT ?2", &s, e);
    for (bool some = true; rc == 0 && some;) {
        int code = SQLITE_DONE;
        some = false;
        (void)sqlite3_bind_int(s, 1, t->number);
        (void)sqlite3_bind_int(s, 2, DROPPED_AT_ONCE);
        while ((code = sqlite3_step(s)) == SQLITE_ROW) {
            const char *key = sqlite3_column_blob(s, 0);
            proof_pending_put(w, t, key == NULL ? SPAN("") : span_make(key, (size_t)sqlite3_column_bytes(s, 0)), NULL, 0);
            some = true;
        }
        rc = code == SQLITE_DONE ? 0 : proof_sql_fail(w->db, e);
        (void)sqlite3_reset(s);
        rc = rc == 0 ? proof_watch_flush(w, e) : rc;
    }
    (void)sqlite3_finalize(s);
    return rc;
}

/* What the link says of them is taken out of it (NULL: of all rows with a proof each); what is there is added afterwards. */
static int forget_sum(struct proof_watch *w, const struct proof_table *t, struct err *e)
{
    struct proof_link l;
    size_t part = t == NULL ? 0 : proof_part(t);
    int rc = proof_watch_link(w, &l, e);
    w->change[part].rows = -l.sums[part].rows;
    for (size_t i = 0; i < PROOF_SUM_LANES; i++) {
        w->change[part].lane[i] = -l.sums[part].lane[i];
    }
    w->touched = true;
    return rc;
}

static int believe_row(struct proof_watch *w, const struct proof_table *t, sqlite3_stmt *row, struct err *e)
{
    struct proof_cell cells[PROOF_CELLS_MAX];
    unsigned char digest[PROOF_HASH_BYTES];
    buf_clear(&w->key);
    size_t n = proof_row_cells(row, &w->layout[t->number - 1], cells, &w->key);
    if (t->how == PROOF_SUM) {
        proof_digest(t->number, cells, n, digest);
        proof_sum_change(&w->change[proof_part(t)], digest, false);
    } else {
        proof_pending_put(w, t, buf_view(&w->key), cells, n);
    }
    return proof_watch_is_full(w) ? proof_watch_flush(w, e) : 0;
}

static int believe(struct proof_watch *w, const struct proof_table *t, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int code = SQLITE_DONE;
    const struct proof_layout *l = &w->layout[t->number - 1];
    int rc = t->how == PROOF_SUM ? forget_sum(w, t, e) : forget_proofs(w, t, e);
    if (rc != 0 || l->ncolumns == 0) {
        return rc;
    }
    rc = proof_select(w->db, t, l, &s, e);
    while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
        rc = believe_row(w, t, s, e);
    }
    rc = rc == 0 && code != SQLITE_DONE ? proof_sql_fail(w->db, e) : rc;
    (void)sqlite3_finalize(s);
    return rc == 0 ? proof_watch_flush(w, e) : rc;
}

/* ---- a table that got columns ---- */

/* Whether the row fitted as long as it had the first columns only. 1: yes, 0: no, 2: it had no proof. */
static int fitted(struct proof_watch *w, const struct proof_table *t, sqlite3_stmt *row, const struct proof_layout *before, struct err *e)
{
    struct proof_cell cells[PROOF_CELLS_MAX];
    unsigned char digest[PROOF_HASH_BYTES];
    buf_clear(&w->key);
    proof_digest(t->number, cells, proof_row_cells(row, before, cells, &w->key), digest);
    (void)sqlite3_bind_int(w->get, 1, t->number);
    (void)sqlite3_bind_blob64(w->get, 2, w->key.data, w->key.len, SQLITE_STATIC);
    int code = sqlite3_step(w->get);
    int rc = code == SQLITE_DONE                                                                          ? 2
             : code != SQLITE_ROW                                                                         ? proof_sql_fail(w->db, e)
             : sqlite3_column_bytes(w->get, 0) == PROOF_HASH_BYTES &&
                       memcmp(sqlite3_column_blob(w->get, 0), digest, sizeof digest) == 0 ? 1
                                                                                                          : 0;
    (void)sqlite3_reset(w->get);
    return rc;
}

static int compare_and_renew(struct proof_watch *w, const struct proof_table *t, const struct proof_layout *before, struct err *e)
{
    struct proof_cell cells[PROOF_CELLS_MAX];
    const struct proof_layout *l = &w->layout[t->number - 1];
    sqlite3_stmt *s = NULL;
    int code = SQLITE_DONE;
    int rc = proof_select(w->db, t, l, &s, e);
    while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
        rc = fitted(w, t, s, before, e);
        if (rc >= 0) {
            buf_clear(&w->key);
            size_t n = proof_row_cells(s, l, cells, &w->key);
            if (rc == 1) {
                proof_pending_put(w, t, buf_view(&w->key), cells, n);
            } else if (rc == 0) {
                proof_pending_spoil(w, t, buf_view(&w->key), n);
            }
            rc = proof_watch_is_full(w) ? proof_watch_flush(w, e) : 0;
        }
    }
    rc = rc == 0 && code != SQLITE_DONE ? proof_sql_fail(w->db, e) : rc;
    (void)sqlite3_finalize(s);
    return rc == 0 ? proof_watch_flush(w, e) : rc;
}

/* Whether `is` has the columns of `was` first, in the same turn. */
static bool begins_with(const struct proof_layout *is, const struct proof_layout *was)
{
    for (size_t i = 0; i < was->ncolumns; i++) {
        if (i >= is->ncolumns || strcmp(is->column[i].name, was->column[i].name) != 0) {
            return false;
        }
    }
    return was->ncolumns > 0;
}

static int renew_table(struct proof_watch *w, const struct proof_table *t, struct proof_layout *before, struct err *e)
{
    struct proof_layout *is = &w->layout[t->number - 1];
    *before = *is;
    int rc = proof_layout_read(w->db, t, is, e);
    if (rc != 0 || (t->how != PROOF_ROWS && t->how != PROOF_SUM)) {
        return rc;
    }
    bool blind = w->blind[t->number - 1] || is->root != before->root || !begins_with(is, before);
    w->blind[t->number - 1] = false;
    if (!blind && is->ncolumns == before->ncolumns) {
        return 0;
    }
    if (is->ncolumns == 0 && before->ncolumns == 0) {
        return 0;
    }
    return blind || t->how == PROOF_SUM ? believe(w, t, e) : compare_and_renew(w, t, before, e);
}

int proof_watch_anew(struct proof_watch *w, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < PROOF_TABLE_COUNT; i++) {
        rc = proof_tables[i].how == PROOF_ROWS ? forget_proofs(w, &proof_tables[i], e) : 0;
    }
    rc = rc == 0 ? forget_sum(w, NULL, e) : rc; /* it may say what no proof said */
    rc = rc == 0 ? proof_watch_flush(w, e) : rc;
    for (size_t i = 0; rc == 0 && i < PROOF_TABLE_COUNT; i++) {
        if (proof_tables[i].how == PROOF_ROWS || proof_tables[i].how == PROOF_SUM) {
            rc = believe(w, &proof_tables[i], e);
        }
    }
    return rc;
}

int proof_watch_renew(sqlite3 *db, struct proof_watch **w, struct err *e)
{
    struct proof_layout before;
    if (*w == NULL) { /* these migrations brought the proofs, if any did */
        int rc = proof_watch_start(db, e, w);
        return rc == 0 && *w != NULL ? proof_watch_anew(*w, e) : rc;
    }
    int rc = proof_watch_flush(*w, e);
    for (size_t i = 0; rc == 0 && i < PROOF_TABLE_COUNT; i++) {
        rc = renew_table(*w, &proof_tables[i], &before, e);
    }
    return rc;
}
