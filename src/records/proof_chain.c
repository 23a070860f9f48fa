/* SPDX-License-Identifier: EUPL-1.2 */
/* The chain over the proofs of rows, and the form of the tables: see proof.h. Runs in `sereno verify`. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "records/migrate.h"
#include "records/proof_verify_priv.h"

/* tab: the number of proof.def. row: the key, as proof_row.h writes it; marks: two bytes of each cell. WITHOUT ROWID is SQLite's own, as is all that keeps
 * these tables (proof_watch.h): one tree instead of two, on the way of every alert. Another engine keeps its own. */
const char proof_sql[] =
    "CREATE TABLE row_proof ("
    " tab BIGINT NOT NULL, row BYTEA NOT NULL, digest BYTEA NOT NULL, marks BYTEA NOT NULL, PRIMARY KEY (tab, row)) WITHOUT ROWID;"
    "CREATE TABLE proof_chain ("
    " seq BIGINT PRIMARY KEY, hour BIGINT NOT NULL, audit_seq BIGINT NOT NULL, sums BYTEA NOT NULL, audit_hash BYTEA NOT NULL,"
    " previous BYTEA NOT NULL, hash BYTEA NOT NULL);";

/* ---- links ---- */

/* Whether row audit_seq of the audit trail has the hash that the link says. */
static bool audit_fits(sqlite3_stmt *audit, const struct proof_link *l)
{
    static const unsigned char none[PROOF_HASH_BYTES];
    if (l->audit_seq == 0) {
        return memcmp(l->audit_hash, none, sizeof none) == 0;
    }
    (void)sqlite3_bind_int64(audit, 1, l->audit_seq);
    bool fits = sqlite3_step(audit) == SQLITE_ROW && sqlite3_column_bytes(audit, 0) == PROOF_HASH_BYTES &&
                memcmp(sqlite3_column_blob(audit, 0), l->audit_hash, PROOF_HASH_BYTES) == 0;
    (void)sqlite3_reset(audit);
    return fits;
}

/* True while it goes on; *last is the link before, and then this one. */
static bool link_fits(struct proof_walk *v, sqlite3_stmt *row, sqlite3_stmt *audit, struct proof_link *last)
{
    struct proof_link l;
    unsigned char hash[PROOF_HASH_BYTES];
    if (!proof_link_read(row, &l) || l.seq != last->seq + 1 || memcmp(l.previous, last->hash, sizeof l.previous) != 0) {
        proof_complain(v, ERR_INVALID, "proof_chain: breaks at link %" PRId64, last->seq + 1);
        return false;
    }
    proof_link_hash(&l, hash);
    if (memcmp(hash, l.hash, sizeof hash) != 0) {
        proof_complain(v, ERR_INVALID, "proof_chain: link %" PRId64 " was changed", l.seq);
        return false;
    }
    if (!audit_fits(audit, &l)) {
        proof_complain(v, ERR_INVALID, "proof_chain: link %" PRId64 " knows another row %" PRId64 " of the audit trail", l.seq, l.audit_seq);
    }
    v->found = v->found || (v->hooks->noted != NULL && memcmp(l.hash, v->hooks->noted, sizeof l.hash) == 0);
    *last = l;
    return true;
}

static void check_end(struct proof_walk *v, const struct proof_link *l)
{
    static const char *const said[PROOF_PARTS] = {"rows came or went together with their proofs", "record_key: not the keys that were written",
                                                  "record_link: not the links that were written"};
    sqlite3_stmt *s = NULL;
    for (size_t i = 0; i < PROOF_PARTS; i++) {
        bool fits = memcmp(&l->sums[i], &v->sums[i], sizeof v->sums[i]) == 0;
        if (!fits && (i > 0 || !v->odd)) { /* a row that was named makes the sum of the rows another one, too */
            proof_complain(v, ERR_INVALID, "%s: %" PRIu64 " by the newest link, %" PRIu64 " there", said[i], l->sums[i].rows, v->sums[i].rows);
        }
    }
    if (sqlite3_prepare_v2(v->db, "SELECT seq FROM audit_head WHERE id = 1", -1, &s, NULL) == SQLITE_OK) {
        int64_t end = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
        if (end != l->audit_seq) {
            proof_complain(v, ERR_INVALID, "proof_chain: the audit trail ends at row %" PRId64 ", by the newest link at %" PRId64, end, l->audit_seq);
        }
    }
    (void)sqlite3_finalize(s);
}

void proof_check_chain(struct proof_walk *v)
{
    sqlite3_stmt *s = NULL, *audit = NULL;
    struct proof_link last = {.seq = 0};
    bool whole = true;
    if (sqlite3_prepare_v2(v->db, "SELECT seq, hour, audit_seq, sums, audit_hash, previous, hash FROM proof_chain ORDER BY seq", -1, &s, NULL) !=
            SQLITE_OK ||
        sqlite3_prepare_v2(v->db, "SELECT hash FROM audit WHERE seq = ?1", -1, &audit, NULL) != SQLITE_OK) {
        proof_complain(v, ERR_INVALID, "proof_chain cannot be read");
        whole = false;
    }
    int code = SQLITE_DONE;
    while (whole && (code = sqlite3_step(s)) == SQLITE_ROW) {
        whole = link_fits(v, s, audit, &last);
    }
    if (whole && code != SQLITE_DONE) {
        proof_complain(v, ERR_INVALID, "proof_chain cannot be read");
        whole = false;
    }
    if (whole) {
        check_end(v, &last);
    }
    if (whole && v->hooks->noted != NULL && !v->found) {
        proof_complain(v, ERR_INVALID, "proof_chain: the link that was noted is not in it: the records were put back to before it, or written anew");
    }
    v->report->links = last.seq;
    v->report->summed = v->sums[1].rows + v->sums[2].rows;
    v->report->has_link = last.seq > 1;
    memcpy(v->report->link, last.previous, sizeof last.previous);
    (void)sqlite3_finalize(s);
    (void)sqlite3_finalize(audit);
}

int proof_kept_link(struct db *db, unsigned char out[PROOF_HASH_BYTES], struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT previous FROM proof_chain WHERE seq > 1 ORDER BY seq DESC LIMIT 1", e, &s);
    rc = rc == 0 ? db_step(s, e) : rc;
    if (rc <= 0) {
        return rc == 0 ? err_set(e, ERR_NOT_FOUND, "there is no link yet that stays as it is") : rc;
    }
    struct span hash = db_col_bytes(s, 0);
    rc = hash.len == PROOF_HASH_BYTES ? 0 : err_set(e, ERR_INVALID, "records: the newest link of proof_chain is damaged");
    if (rc == 0) {
        memcpy(out, hash.ptr, hash.len);
    }
    db_done(s);
    return rc;
}

/* ---- the form of the tables ---- */

#define FORM "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || COALESCE(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name"

/* The next line of a form, or empty at its end. */
static int next_line(struct db_stmt *s, bool *over, struct span *out, struct err *e)
{
    *out = SPAN("");
    int rc = *over ? 0 : db_step(s, e);
    *over = rc <= 0;
    if (rc > 0) {
        *out = db_col_text(s, 0);
    }
    return rc < 0 ? rc : 0;
}

static int compare_forms(struct db *db, struct db *made, struct proof_walk *v, struct err *e)
{
    struct db_stmt *is = NULL, *must = NULL;
    struct span a = SPAN(""), b = SPAN("");
    bool over_a = false, over_b = false;
    int rc = db_query(db, FORM, e, &is);
    rc = rc == 0 ? db_query(made, FORM, e, &must) : rc;
    while (rc == 0 && !(over_a && over_b)) {
        rc = next_line(is, &over_a, &a, e);
        rc = rc == 0 ? next_line(must, &over_b, &b, e) : rc;
        if (rc == 0 && !span_eq(a, b)) {
            struct span odd = over_a ? b : a;
            proof_complain(v, ERR_INVALID, "the form of the tables is not what the program made, at: %.*s", (int)(odd.len < 120 ? odd.len : 120), odd.ptr);
            break;
        }
    }
    if (!over_a && is != NULL) {
        db_done(is);
    }
    if (!over_b && must != NULL) {
        db_done(must);
    }
    return rc;
}

static int read_version(struct db *db, int64_t *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COALESCE(MAX(version), 0) FROM schema_version", e, &s);
    rc = rc == 0 ? db_step(s, e) : rc;
    if (rc > 0) {
        *out = db_col_i64(s, 0);
        db_done(s);
        rc = 0;
    }
    return rc;
}

int proof_verify_schema(struct db *db, const struct proof_hooks *hooks, struct err *e)
{
    struct proof_walk v = {.hooks = hooks};
    struct db *made = NULL;
    size_t known = 0;
    int64_t version = 0;
    const struct migration *list = migrate_list(&known);
    int rc = read_version(db, &version, e);
    if (rc == 0 && (version < 0 || version > (int64_t)known)) {
        return err_set(e, ERR_UNSUPPORTED, "the records have version %" PRId64 ", made by a newer program; this one knows %zu", version, known);
    }
    rc = rc == 0 ? db_open(":memory:", e, &made) : rc;
    rc = rc == 0 ? migrate_run(made, list, (size_t)version, clock_now(), e) : rc;
    rc = rc == 0 ? compare_forms(db, made, &v, e) : rc;
    db_close(&made);
    return rc;
}
