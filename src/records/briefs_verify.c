/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno verify` on issued briefs: see briefs.h. */
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "base/id.h"
#include "records/briefs.h"

struct checking {
    const unsigned char *key; /* NULL = not compared */
    void *ctx;
    void (*complain)(void *ctx, const struct err *e);
};

static void say(const struct checking *k, const struct brief_issued *b, const char *what)
{
    struct err e = {0};
    (void)err_set(&e, ERR_INVALID, "issued_brief %.*s, no. %" PRId64 " of %.*s: %s", SPAN_ARG(span_sub(b->id, 0, RECORD_ID_MAX)), b->number,
                  SPAN_ARG(span_sub(b->organisation, 0, BRIEF_NAME_MAX)), what);
    err_at(&e, "records.db", 0);
    k->complain(k->ctx, &e);
}

static void check_one(const struct checking *k, const struct brief_issued *b)
{
    unsigned char key[BRIEF_KEY_BYTES];
    if (!brief_signature_fits(b)) {
        say(k, b, "its signature is not of what it says");
    } else if (k->key != NULL && (!hex_decode(b->key, key, sizeof key) || sodium_memcmp(key, k->key, sizeof key) != 0)) {
        say(k, b, "was signed with another key than this node's");
    }
}

static int ids_after(struct db *db, struct span after, struct arena *a, struct span *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT id FROM issued_brief WHERE id > $1 ORDER BY id LIMIT 1", e, &s);
    *out = SPAN("");
    if (rc == 0) {
        db_bind_text(s, 1, after);
        rc = db_step(s, e);
    }
    if (rc > 0) {
        *out = arena_copy(a, db_col_text(s, 0));
        db_done(s);
        rc = 0;
    }
    return rc;
}

/* A number that is not there was a brief once. */
static int check_numbers(struct db *db, const struct checking *k, struct err *e)
{
    struct db_stmt *s = NULL;
    struct arena a;
    arena_init(&a, 0);
    int rc = db_query(db, "SELECT organisation, MAX(number), COUNT(*) FROM issued_brief GROUP BY organisation HAVING MAX(number) <> COUNT(*)", e, &s);
    while (rc == 0 && (rc = db_step(s, e)) > 0) {
        const struct brief_issued last = {.id = SPAN("(last)"), .organisation = arena_copy(&a, db_col_text(s, 0)), .number = db_col_i64(s, 1)};
        say(k, &last, "a brief with a smaller number is gone");
        rc = 0;
    }
    arena_fini(&a);
    return rc;
}

int briefs_verify(struct db *db, const unsigned char *key, void *ctx, void (*complain)(void *ctx, const struct err *e), int64_t *count_out, struct err *e)
{
    const struct checking k = {key, ctx, complain};
    char at[RECORD_ID_MAX + 1] = "";
    size_t len = 0;
    struct arena a;
    int rc = 0;
    *count_out = 0;
    for (bool more = true; rc == 0 && more;) {
        struct brief_issued b;
        struct span id;
        arena_init(&a, 0); /* one document in memory at a time */
        rc = ids_after(db, span_make(at, len), &a, &id, e);
        more = rc == 0 && id.len > 0;
        if (more && (rc = brief_get_issued(db, SPAN("*"), id, &a, &b, e)) == 0) {
            (*count_out)++;
            check_one(&k, &b);
            len = id.len < sizeof at ? id.len : sizeof at - 1;
            memcpy(at, id.ptr, len);
        }
        arena_fini(&a);
    }
    return rc == 0 ? check_numbers(db, &k, e) : rc;
}
