/* SPDX-License-Identifier: EUPL-1.2 */
/* Stored windows of the correlator: see correlation.h. Runs in the keeper. Must never look into the bytes. */
#include "records/correlation.h"

static int put_parts(struct db *db, struct span bytes, struct err *e)
{
    int rc = db_exec(db, "DELETE FROM correlation_state", e);
    for (int64_t part = 0; rc == 0 && bytes.len > 0; part++) {
        struct db_stmt *s = NULL;
        rc = db_query(db, "INSERT INTO correlation_state (part, value) VALUES ($1, $2)", e, &s);
        if (rc == 0) {
            db_bind_i64(s, 1, part);
            db_bind_bytes(s, 2, span_sub(bytes, 0, CORRELATION_PART_BYTES));
            rc = db_run(s, e);
        }
        bytes = span_sub(bytes, CORRELATION_PART_BYTES, bytes.len);
    }
    return rc;
}

int correlation_state_put(struct db *db, struct span bytes, struct err *e)
{
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, put_parts(db, bytes, e), e);
}

int correlation_state_get(struct db *db, struct buf *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT value FROM correlation_state ORDER BY part", e, &s);
    if (rc < 0) {
        return rc;
    }
    while ((rc = db_step(s, e)) == 1) {
        buf_span(out, db_col_bytes(s, 0));
    }
    return rc < 0 ? rc : out->failed ? err_set(e, ERR_LIMIT, "the stored windows are too large") : 0;
}
