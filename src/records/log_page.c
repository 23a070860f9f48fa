/* SPDX-License-Identifier: EUPL-1.2 */
/* A page of a log: see log_page.h. Runs in the keeper. */
#include "records/log_page.h"

/* The number behind the newest. */
static int log_end(struct db *db, const char *sql, int64_t *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, sql, e, &s);
    rc = rc == 0 ? db_step(s, e) : rc;
    if (rc > 0) {
        *out = db_col_i64(s, 0) + 1;
        db_done(s);
        rc = 0;
    }
    return rc;
}

int log_page_read(struct db *db, const struct log_page *of, const struct policy_places *places, int64_t before, uint32_t limit, struct arena *a, void **out,
                  uint32_t *count_out, int64_t *next_out, struct err *e)
{
    struct db_stmt *s = NULL;
    CHECK(limit > 0);
    char *rows = arena_calloc(a, limit, of->size);
    *out = rows;
    *count_out = 0;
    int rc = before > 0 ? 0 : log_end(db, of->newest, &before, e);
    int64_t floor = before - of->scan, last = floor;
    rc = rc == 0 ? db_query(db, of->rows, e, &s) : rc;
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, before);
    db_bind_i64(s, 2, floor);
    while (*count_out < limit && (rc = db_step(s, e)) > 0) {
        if (policy_places_have(places, db_col_text(s, 2))) {
            int64_t number = db_col_i64(s, 0);
            of->take(s, a, rows + (*count_out)++ * of->size);
            last = *count_out == limit ? number : last;
        }
    }
    if (rc > 0) { /* a whole page: the statement is not at its end */
        db_done(s);
    }
    *next_out = last > 1 ? last : 0;
    return rc < 0 ? rc : 0;
}
