/* SPDX-License-Identifier: EUPL-1.2 */
/* The hash chain of changes: see audit.h. Runs in the keeper. Must never update or delete a row. */
#include "records/audit.h"

#include <inttypes.h>
#include <sodium.h>

#include "base/buf.h"

/* Of the row's number, the hash before it, and each part with its length: no two entries hash the
 * same bytes. */
static void entry_hash(int64_t seq, const struct audit_entry *a, const unsigned char *previous,
                       unsigned char out[AUDIT_HASH_BYTES])
{
    const struct span parts[] = {a->organisation, a->who,    a->what, a->subject,
                                 a->why,          a->before, a->after};
    struct buf b;
    buf_init(&b, ARRAY_LEN(parts) * (AUDIT_TEXT_MAX + 4) + 64);
    buf_u64(&b, (uint64_t)seq);
    buf_put(&b, previous, AUDIT_HASH_BYTES);
    buf_u64(&b, (uint64_t)a->at);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        buf_str(&b, parts[i]);
    }
    CHECK(!b.failed);
    MUST(crypto_generichash(out, AUDIT_HASH_BYTES, (const unsigned char *)b.data, b.len, NULL, 0));
    buf_free(&b);
}

static bool too_long(const struct audit_entry *a)
{
    const struct span parts[] = {a->organisation, a->who,    a->what, a->subject,
                                 a->why,          a->before, a->after};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].len > AUDIT_TEXT_MAX) {
            return true;
        }
    }
    return false;
}

/* End of the chain: 0 and zeros for an empty one. */
static int read_head(struct db *db, struct err *e, int64_t *seq_out,
                     unsigned char hash_out[AUDIT_HASH_BYTES])
{
    *seq_out = 0;
    memset(hash_out, 0, AUDIT_HASH_BYTES);
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT seq, hash FROM audit_head WHERE id = 1", e, &s);
    if (rc == 0) {
        rc = db_step(s, e);
    }
    if (rc <= 0) {
        return rc;
    }
    struct span hash = db_col_bytes(s, 1);
    *seq_out = db_col_i64(s, 0);
    if (hash.len == AUDIT_HASH_BYTES) {
        memcpy(hash_out, hash.ptr, AUDIT_HASH_BYTES);
    }
    rc = hash.len == AUDIT_HASH_BYTES
             ? 0
             : err_set(e, ERR_INVALID, "audit: the head of the chain is damaged");
    db_done(s);
    return rc;
}

static int write_head(struct db *db, int64_t seq, const unsigned char *hash, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO audit_head (id, seq, hash) VALUES (1, $1, $2) "
                      "ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, seq);
    db_bind_bytes(s, 2, span_make((const char *)hash, AUDIT_HASH_BYTES));
    return db_run(s, e);
}

static int write_row(struct db *db, int64_t seq, const struct audit_entry *a,
                     const unsigned char *previous, const unsigned char *hash, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(
        db,
        "INSERT INTO audit (seq, at, organisation, who, what, subject, why, before_value,"
        " after_value, previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, seq);
    db_bind_i64(s, 2, a->at);
    db_bind_text(s, 3, a->organisation);
    db_bind_text(s, 4, a->who);
    db_bind_text(s, 5, a->what);
    db_bind_text(s, 6, a->subject);
    db_bind_text(s, 7, a->why);
    db_bind_text(s, 8, a->before);
    db_bind_text(s, 9, a->after);
    db_bind_bytes(s, 10, span_make((const char *)previous, AUDIT_HASH_BYTES));
    db_bind_bytes(s, 11, span_make((const char *)hash, AUDIT_HASH_BYTES));
    return db_run(s, e);
}

int audit_append(struct db *db, const struct audit_entry *entry, struct err *e)
{
    CHECK(db_in_transaction(db));
    if (too_long(entry)) {
        return err_set(e, ERR_LIMIT, "audit: a part is longer than %d bytes", AUDIT_TEXT_MAX);
    }
    int64_t seq = 0;
    unsigned char previous[AUDIT_HASH_BYTES];
    unsigned char hash[AUDIT_HASH_BYTES];
    int rc = read_head(db, e, &seq, previous);
    if (rc < 0) {
        return rc;
    }
    seq++;
    entry_hash(seq, entry, previous, hash);
    rc = write_row(db, seq, entry, previous, hash, e);
    return rc < 0 ? rc : write_head(db, seq, hash, e);
}

/* Whether the current row is number `seq` and continues `previous`; puts its hash there. */
static bool row_fits(struct db_stmt *s, int64_t seq, unsigned char previous[AUDIT_HASH_BYTES])
{
    struct audit_entry a = {
        .at = db_col_i64(s, 1),
        .organisation = db_col_text(s, 2),
        .who = db_col_text(s, 3),
        .what = db_col_text(s, 4),
        .subject = db_col_text(s, 5),
        .why = db_col_text(s, 6),
        .before = db_col_text(s, 7),
        .after = db_col_text(s, 8),
    };
    if (db_col_i64(s, 0) != seq || too_long(&a)) {
        return false;
    }
    unsigned char hash[AUDIT_HASH_BYTES];
    entry_hash(seq, &a, previous, hash);
    bool fits = span_eq(db_col_bytes(s, 9), span_make((const char *)previous, AUDIT_HASH_BYTES)) &&
                span_eq(db_col_bytes(s, 10), span_make((const char *)hash, AUDIT_HASH_BYTES));
    memcpy(previous, hash, AUDIT_HASH_BYTES);
    return fits;
}

int audit_verify(struct db *db, struct err *e, int64_t *rows_out)
{
    int64_t head_seq = 0;
    int64_t seq = 0;
    unsigned char head[AUDIT_HASH_BYTES];
    unsigned char previous[AUDIT_HASH_BYTES] = {0};
    struct db_stmt *s = NULL;
    *rows_out = 0;
    int rc = read_head(db, e, &head_seq, head);
    if (rc == 0) {
        rc = db_query(
            db,
            "SELECT seq, at, organisation, who, what, subject, why, before_value, after_value,"
            " previous, hash FROM audit ORDER BY seq",
            e, &s);
    }
    if (rc < 0) {
        return rc;
    }
    while ((rc = db_step(s, e)) > 0) {
        if (!row_fits(s, ++seq, previous)) {
            db_done(s);
            return err_set(e, ERR_INVALID, "audit: the chain breaks at row %" PRId64, seq);
        }
        *rows_out = seq;
    }
    if (rc == 0 && (seq != head_seq || sodium_memcmp(previous, head, AUDIT_HASH_BYTES) != 0)) {
        rc = err_set(e, ERR_INVALID,
                     "audit: the chain ends at row %" PRId64 " but must end at %" PRId64, seq,
                     head_seq);
    }
    return rc;
}
