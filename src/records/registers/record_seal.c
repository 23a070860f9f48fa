/* SPDX-License-Identifier: EUPL-1.2 */
/* Personal values beside the audit trail: see record_seal.h. Runs in the keeper and in `sereno verify`. */
#include "records/registers/record_seal.h"

#include <inttypes.h>
#include <sodium.h>

#include "base/id.h"
#include "base/map.h"
#include "records/demo.h"
#include "records/registers/record_store.h"

/* salt: the same in all rows of a record. value: its personal fields at a time, as canonical JSON. */
const char record_seal_sql[] =
    "CREATE TABLE trail_value ("
    " record_id TEXT NOT NULL, mark TEXT NOT NULL, salt BYTEA NOT NULL, value TEXT NOT NULL, PRIMARY KEY (record_id, mark));";

struct span record_subject(struct arena *a, const struct record_row *r)
{
    return span_of(arena_printf(a, "%.*s/%.*s", SPAN_ARG(r->kind), SPAN_ARG(r->id)));
}

/* Of the record too, so that a value cannot be put beside another one's line; not of its kind, which may be called otherwise one day. */
static struct span mark_of(struct arena *a, struct span salt, struct span id, struct span value)
{
    unsigned char hash[RECORD_MARK_TEXT / 2];
    char *text = arena_alloc(a, RECORD_MARK_TEXT + 1);
    struct buf b;
    CHECK(salt.len == RECORD_SALT_BYTES);
    buf_init(&b, id.len + value.len + 16);
    buf_str(&b, id);
    buf_str(&b, value);
    CHECK(!b.failed);
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)b.data, b.len, (const unsigned char *)salt.ptr, salt.len));
    buf_free(&b);
    hex_encode(hash, sizeof hash, text);
    return span_make(text, RECORD_MARK_TEXT);
}

/* Of a record that has values beside the trail already, theirs. */
static int salt_of(struct db *db, struct span id, struct arena *a, struct span *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT salt FROM trail_value WHERE record_id = $1 LIMIT 1", e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    rc = db_step(s, e);
    if (rc > 0) {
        *out = arena_copy(a, db_col_bytes(s, 0));
        db_done(s);
        return out->len == RECORD_SALT_BYTES ? 0 : err_set(e, ERR_INVALID, "a salt beside the trail is damaged");
    }
    if (rc == 0) {
        char *salt = arena_alloc(a, RECORD_SALT_BYTES);
        randombytes_buf(salt, RECORD_SALT_BYTES);
        *out = span_make(salt, RECORD_SALT_BYTES);
    }
    return rc;
}

static int put_value(struct db *db, struct span id, struct span value, struct arena *a, struct span *mark_out, struct err *e)
{
    struct span salt = SPAN("");
    struct db_stmt *s = NULL;
    int rc = salt_of(db, id, a, &salt, e);
    if (rc == 0) {
        *mark_out = mark_of(a, salt, id, value);
        rc = db_query(db, "INSERT INTO trail_value (record_id, mark, salt, value) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", e, &s);
    }
    if (rc == 0) {
        db_bind_text(s, 1, id);
        db_bind_text(s, 2, *mark_out);
        db_bind_bytes(s, 3, salt);
        db_bind_text(s, 4, value);
        rc = db_run(s, e);
    }
    return rc;
}

/* What says something of a person, and what goes with it. */
static uint64_t seals(const struct register_kind *k)
{
    return k->rights.personal | k->retention.erases;
}

/* Takes the fields apart: what the trail may say, and what stands beside it. */
static void part(const struct register_kind *k, const struct jcs *fields, struct arena *a, struct jcs *open, struct jcs *closed)
{
    for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
        int place = k == NULL ? -1 : register_field_of(k, m->key);
        bool personal = k == NULL || (place >= 0 && (seals(k) >> place & 1) != 0);
        jcs_set(a, personal ? closed : open, arena_cstr(a, m->key), jcs_copy(a, m));
    }
}

int record_seal_as(struct db *db, const struct register_kind *k, const struct record_row *r, struct arena *a, struct span *text_out, struct err *e)
{
    struct jcs *fields = NULL;
    struct span mark = SPAN("");
    *text_out = record_as_text(a, r);
    if (k != NULL && seals(k) == 0) {
        return 0;
    }
    int rc = jcs_read_decimals(a, r->fields, JCS_DEPTH_MAX, &fields, e);
    if (rc != 0) {
        return rc;
    }
    struct jcs *open = jcs_new_object(a);
    struct jcs *closed = jcs_new_object(a);
    part(k, fields, a, open, closed);
    if (closed->count == 0) {
        return 0;
    }
    rc = put_value(db, r->id, jcs_text(a, closed), a, &mark, e);
    if (rc == 0) {
        struct span clear = jcs_text(a, open);
        *text_out = span_of(arena_printf(a, "{\"fields\":%.*s,\"sealed\":\"%.*s\",\"state\":\"%.*s\",\"tlp\":\"%s\"}", SPAN_ARG(clear),
                                         SPAN_ARG(mark), SPAN_ARG(r->state), tlp_name(r->tlp)));
    }
    return rc;
}

int record_seal(struct db *db, const struct registers *kinds, const struct record_row *r, struct arena *a, struct span *text_out, struct err *e)
{
    if (kinds == NULL) {
        *text_out = record_as_text(a, r);
        return 0;
    }
    return record_seal_as(db, registers_any(kinds, r->kind), r, a, text_out, e);
}

int record_unseal(struct db *db, struct span id, struct span mark, struct arena *a, struct span *out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = SPAN("");
    int rc = db_query(db, "SELECT value FROM trail_value WHERE record_id = $1 AND mark = $2", e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    db_bind_text(s, 2, mark);
    rc = db_step(s, e);
    if (rc > 0) {
        *out = arena_copy(a, db_col_text(s, 0));
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

int record_seal_erase(struct db *db, struct span id, struct err *e)
{
    struct db_stmt *s = NULL;
    CHECK(db_in_transaction(db));
    int rc = db_query(db, "DELETE FROM trail_value WHERE record_id = $1", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, id);
        rc = db_run(s, e);
    }
    return rc;
}

/* ---- verified ---- */

/* The newest line that says that values were erased, by record; and that of the invented city, whose lines are told by their organisation. */
struct check {
    struct db *db;
    struct arena *a;    /* of one line */
    struct arena names; /* of ends */
    struct map ends;
    int64_t demo_end;
    int64_t seq, values, erased;
    struct span id, organisation;
};

static struct span id_of(struct span subject)
{
    ptrdiff_t slash = span_find(subject, '/');
    return slash < 0 ? SPAN("") : span_sub(subject, (size_t)slash + 1, subject.len);
}

static int read_ends(struct check *c, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(c->db, "SELECT seq, subject, what FROM audit WHERE what IN ($1, $2, $3) ORDER BY seq", e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, RECORD_ERASED);
    db_bind_text(s, 2, RECORD_UNDONE);
    db_bind_text(s, 3, SPAN("demo.purged"));
    while ((rc = db_step(s, e)) > 0) {
        if (span_eq(db_col_text(s, 2), SPAN("demo.purged"))) {
            c->demo_end = db_col_i64(s, 0);
        } else {
            struct span id = id_of(db_col_text(s, 1));
            uint64_t known = 0;
            id = map_get(&c->ends, id, &known) ? id : arena_copy(&c->names, id);
            map_put(&c->ends, id, (uint64_t)db_col_i64(s, 0));
        }
    }
    return rc;
}

static int must_be_erased(struct check *c, struct err *e)
{
    uint64_t end = 0;
    (void)map_get(&c->ends, c->id, &end);
    bool told = (int64_t)end >= c->seq || (demo_is(c->organisation) && c->demo_end > c->seq);
    c->erased += told;
    return told ? 0
                : err_set(e, ERR_INVALID, "trail_value: what row %" PRId64 " of the audit trail has a mark of is gone, and no line says that it was erased", c->seq);
}

static int check_mark(struct check *c, struct span mark, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(c->db, "SELECT salt, value FROM trail_value WHERE record_id = $1 AND mark = $2", e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, c->id);
    db_bind_text(s, 2, mark);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc == 0 ? must_be_erased(c, e) : rc;
    }
    struct span salt = db_col_bytes(s, 0);
    bool fits = salt.len == RECORD_SALT_BYTES && span_eq(mark_of(c->a, salt, c->id, db_col_text(s, 1)), mark);
    db_done(s);
    c->values++;
    return fits ? 0 : err_set(e, ERR_INVALID, "trail_value: not the values that row %" PRId64 " of the audit trail has a mark of", c->seq);
}

static int check_text(struct check *c, struct span text, struct err *e)
{
    struct jcs *doc = NULL;
    struct span mark = SPAN("");
    if (text.len == 0 || jcs_read_decimals(c->a, text, JCS_DEPTH_MAX, &doc, NULL) != 0 || !jcs_get_text(doc, "sealed", &mark)) {
        return 0; /* no record, or nothing of it is left out */
    }
    return check_mark(c, mark, e);
}

/* A file of before has no such table; that one is missing is found by the tables' own form (proof.h). */
static int has_table(struct db *db, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'trail_value'", e, &s);
    rc = rc == 0 ? db_step(s, e) : rc;
    if (rc > 0) {
        db_done(s);
    }
    return rc;
}

int record_seal_verify(struct db *db, int64_t *values_out, int64_t *erased_out, struct err *e)
{
    struct arena a;
    struct db_stmt *s = NULL;
    struct check c = {.db = db, .a = &a};
    int rc = has_table(db, e);
    *values_out = 0;
    *erased_out = 0;
    if (rc <= 0) {
        return rc;
    }
    map_init(&c.ends);
    arena_init(&c.names, 0);
    arena_init(&a, 256 << 10);
    rc = read_ends(&c, e);
    rc = rc == 0 ? db_query(db, "SELECT seq, subject, before_value, after_value, organisation FROM audit WHERE what LIKE 'record.%' ORDER BY seq", e, &s) : rc;
    while (rc == 0 && (rc = db_step(s, e)) > 0) {
        c.seq = db_col_i64(s, 0);
        c.id = id_of(db_col_text(s, 1));
        c.organisation = db_col_text(s, 4);
        rc = check_text(&c, db_col_text(s, 2), e);
        rc = rc == 0 ? check_text(&c, db_col_text(s, 3), e) : rc;
        if (rc != 0) {
            db_done(s);
        }
        arena_reset(&a);
    }
    arena_fini(&a);
    map_free(&c.ends);
    arena_fini(&c.names);
    *values_out = c.values;
    *erased_out = c.erased;
    return rc;
}
