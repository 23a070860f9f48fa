/* SPDX-License-Identifier: EUPL-1.2 */
/* Briefs that were issued: see briefs.h. Runs in the keeper. A brief is never changed and never deleted. */
#include "records/briefs.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "records/audit.h"

const char brief_sql[] =
    "CREATE TABLE issued_brief ("
    " id TEXT PRIMARY KEY, organisation TEXT NOT NULL, number BIGINT NOT NULL, issued BIGINT NOT NULL, who TEXT NOT NULL, who_id TEXT NOT NULL,"
    " first_day TEXT NOT NULL, last_day TEXT NOT NULL, tlp BIGINT NOT NULL, document TEXT NOT NULL, signed_by TEXT NOT NULL, signature TEXT NOT NULL,"
    " withdrawn BIGINT, withdrawn_by TEXT NOT NULL, withdrawn_why TEXT NOT NULL);"
    "CREATE UNIQUE INDEX issued_brief_number ON issued_brief (organisation, number);"
    "CREATE INDEX issued_brief_newest ON issued_brief (issued, id);";

#define COLUMNS "id, organisation, number, issued, who, who_id, first_day, last_day, tlp, signed_by, signature, withdrawn, withdrawn_by, withdrawn_why"

/* ---- what is signed ---- */

void brief_message(const struct brief_issued *b, struct buf *out)
{
    const struct span front[] = {b->id, b->organisation, b->who, b->who_id, b->first_day, b->last_day};
    buf_init(out, BRIEF_DOCUMENT_MAX + 4096);
    buf_cstr(out, "sereno-brief-1\n");
    buf_printf(out, "%" PRId64 "\n%" PRId64 "\n%s\n", b->number, (int64_t)b->issued, tlp_name(b->tlp));
    for (size_t i = 0; i < ARRAY_LEN(front); i++) {
        buf_printf(out, "%zu:", front[i].len); /* a name may hold any byte */
        buf_span(out, front[i]);
        buf_cstr(out, "\n");
    }
    buf_span(out, b->document);
}

bool brief_signature_fits(const struct brief_issued *b)
{
    unsigned char sig[BRIEF_SIG_BYTES], key[BRIEF_KEY_BYTES];
    struct buf message;
    if (!hex_decode(b->signature, sig, sizeof sig) || !hex_decode(b->key, key, sizeof key)) {
        return false;
    }
    brief_message(b, &message);
    bool fits = !message.failed && crypto_sign_verify_detached(sig, (const unsigned char *)message.data, message.len, key) == 0;
    buf_free(&message);
    return fits;
}

void brief_record_hash(const struct record_row *r, unsigned char out[BRIEF_HASH_BYTES])
{
    struct buf b;
    buf_init(&b, BRIEF_DOCUMENT_MAX + 4096);
    buf_printf(&b, "%.*s\n%.*s\n%" PRId64 "\n%.*s\n%s\n", SPAN_ARG(r->id), SPAN_ARG(r->kind), r->version, SPAN_ARG(r->state), tlp_name(r->tlp));
    buf_span(&b, r->fields);
    MUST(crypto_hash_sha256(out, (const unsigned char *)b.data, b.len));
    buf_free(&b);
}

static int sign(struct brief_issued *b, brief_sign *with, void *arg, struct arena *a, struct err *e)
{
    unsigned char sig[BRIEF_SIG_BYTES], key[BRIEF_KEY_BYTES];
    char hex[2 * BRIEF_SIG_BYTES + 1];
    struct buf message;
    brief_message(b, &message);
    int rc = message.failed ? err_set(e, ERR_LIMIT, "the brief is too long") : with(arg, buf_view(&message), sig, key, e);
    buf_free(&message);
    if (rc == 0) {
        hex_encode(sig, sizeof sig, hex);
        b->signature = arena_copy(a, span_of(hex));
        hex_encode(key, sizeof key, hex);
        b->key = arena_copy(a, span_of(hex));
    }
    return rc;
}

/* ---- issued, withdrawn ---- */

static int note(struct db *db, const struct brief_issued *b, struct span who, const char *what, struct span why, time_ns at, struct err *e)
{
    const struct audit_entry entry = {.at = at, .organisation = b->organisation, .who = who, .what = span_of(what), .subject = b->id, .why = why, .after = b->signature};
    return audit_append(db, &entry, e);
}

static int next_number(struct db *db, struct brief_issued *b, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COALESCE(MAX(number), 0) FROM issued_brief WHERE organisation = $1", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, b->organisation);
        rc = db_step(s, e);
    }
    if (rc > 0) {
        b->number = db_col_i64(s, 0) + 1;
        db_done(s);
        rc = b->number <= BRIEF_ISSUED_MAX ? 0 : err_set(e, ERR_LIMIT, "an organisation has at most %d briefs", BRIEF_ISSUED_MAX);
    }
    return rc;
}

static int insert(struct db *db, struct brief_issued *b, brief_sign *with, void *arg, struct arena *a, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = next_number(db, b, e);
    rc = rc == 0 ? sign(b, with, arg, a, e) : rc;
    rc = rc == 0 ? db_query(db,
                            "INSERT INTO issued_brief (id, organisation, who, who_id, first_day, last_day, document, signed_by, signature, number, issued, tlp, "
                            "withdrawn_by, withdrawn_why) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', '')",
                            e, &s)
                 : rc;
    if (rc < 0) {
        return rc;
    }
    const struct span texts[] = {b->id, b->organisation, b->who, b->who_id, b->first_day, b->last_day, b->document, b->key, b->signature};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        db_bind_text(s, (int)i + 1, texts[i]);
    }
    db_bind_i64(s, 10, b->number);
    db_bind_i64(s, 11, b->issued);
    db_bind_i64(s, 12, (int64_t)b->tlp);
    rc = db_run(s, e);
    return rc < 0 ? rc : note(db, b, b->who, "brief.issued", SPAN(""), b->issued, e);
}

static bool within(const struct brief_issued *b)
{
    return id_valid(b->id) && b->organisation.len > 0 && b->organisation.len <= BRIEF_NAME_MAX && b->who.len <= BRIEF_NAME_MAX && b->who_id.len <= BRIEF_NAME_MAX &&
           b->first_day.len == BRIEF_DAY_TEXT && b->last_day.len == BRIEF_DAY_TEXT && memcmp(b->first_day.ptr, b->last_day.ptr, BRIEF_DAY_TEXT) <= 0 &&
           b->tlp > TLP_UNKNOWN && b->tlp < TLP_RED && b->document.len > 0 && b->document.len <= BRIEF_DOCUMENT_MAX;
}

int brief_issue(struct db *db, struct brief_issued *b, brief_sign *with, void *arg, struct arena *a, struct err *e)
{
    if (!within(b)) {
        return err_set(e, ERR_INVALID, "a brief needs a period that ends on or after its first day, and a document");
    }
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, insert(db, b, with, arg, a, e), e);
}

static int withdraw(struct db *db, const struct brief_issued *b, struct span who, struct span why, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "UPDATE issued_brief SET withdrawn = $1, withdrawn_by = $2, withdrawn_why = $3 WHERE id = $4 AND withdrawn IS NULL", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_text(s, 2, who);
    db_bind_text(s, 3, why);
    db_bind_text(s, 4, b->id);
    rc = db_run(s, e);
    if (rc == 0 && db_changes(db) == 0) {
        rc = err_set(e, ERR_NOT_FOUND, "no such brief stands");
    }
    return rc < 0 ? rc : note(db, b, who, "brief.withdrawn", why, now, e);
}

int brief_withdraw(struct db *db, struct span organisation, struct span id, struct span who, struct span why, time_ns now, struct err *e)
{
    struct arena a;
    struct brief_issued b;
    if (why.len == 0 || why.len > BRIEF_WHY_MAX) {
        return err_set(e, ERR_INVALID, "withdrawing a brief needs a reason");
    }
    arena_init(&a, 0);
    int rc = db_begin(db, e);
    if (rc == 0) {
        rc = brief_get_issued(db, organisation, id, &a, &b, e);
        rc = db_end(db, rc == 0 ? withdraw(db, &b, who, why, now, e) : rc, e);
    }
    arena_fini(&a);
    return rc;
}

/* ---- read ---- */

static void read_row(struct db_stmt *s, struct arena *a, bool whole, struct brief_issued *b)
{
    int64_t tlp = db_col_i64(s, 8);
    *b = (struct brief_issued){.number = db_col_i64(s, 2), .issued = db_col_i64(s, 3), .withdrawn = db_col_null(s, 11) ? TIME_NONE : db_col_i64(s, 11)};
    b->id = arena_copy(a, db_col_text(s, 0));
    b->organisation = arena_copy(a, db_col_text(s, 1));
    b->who = arena_copy(a, db_col_text(s, 4));
    b->who_id = arena_copy(a, db_col_text(s, 5));
    b->first_day = arena_copy(a, db_col_text(s, 6));
    b->last_day = arena_copy(a, db_col_text(s, 7));
    b->tlp = tlp > TLP_UNKNOWN && tlp < TLP_COUNT ? (enum tlp)tlp : TLP_UNKNOWN; /* then nobody reads it */
    b->key = arena_copy(a, db_col_text(s, 9));
    b->signature = arena_copy(a, db_col_text(s, 10));
    b->withdrawn_by = arena_copy(a, db_col_text(s, 12));
    b->withdrawn_why = arena_copy(a, db_col_text(s, 13));
    b->document = whole ? arena_copy(a, db_col_text(s, 14)) : SPAN("");
}

int briefs_list(struct db *db, struct span organisation, struct arena *a, struct brief_issued **out, uint32_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = arena_calloc(a, BRIEF_LISTED_MAX, sizeof **out);
    *count_out = 0;
    int rc = db_query(db, "SELECT " COLUMNS " FROM issued_brief WHERE ($1 = '*' OR organisation = $1) ORDER BY issued DESC, id DESC LIMIT $2", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, organisation);
        db_bind_i64(s, 2, BRIEF_LISTED_MAX);
        while ((rc = db_step(s, e)) > 0) {
            read_row(s, a, false, &(*out)[(*count_out)++]);
        }
    }
    return rc;
}

int brief_get_issued(struct db *db, struct span organisation, struct span id, struct arena *a, struct brief_issued *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT " COLUMNS ", document FROM issued_brief WHERE id = $1 AND ($2 = '*' OR organisation = $2)", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, id);
        db_bind_text(s, 2, organisation);
        rc = db_step(s, e);
    }
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "there is no such brief");
    }
    if (rc > 0) {
        read_row(s, a, true, out);
        db_done(s);
        rc = 0;
    }
    return rc;
}

static int by_id(const void *a, const void *b)
{
    const struct brief_counted *x = a;
    const struct brief_counted *y = b;
    size_t n = x->id.len < y->id.len ? x->id.len : y->id.len;
    int order = memcmp(x->id.ptr, y->id.ptr, n); /* no id is empty */
    return order != 0 ? order : (x->id.len > y->id.len) - (x->id.len < y->id.len);
}

int brief_counted(struct db *db, const struct today_due *q, struct arena *a, struct brief_counted **out, uint32_t *count_out, bool *more_out, struct err *e)
{
    struct record_row *rows = NULL;
    uint32_t n = 0;
    struct today_due told = *q;
    uint8_t *const most[] = {&told.scope.own, &told.scope.own_mine, &told.scope.other, &told.scope.other_mine};
    for (size_t i = 0; i < ARRAY_LEN(most); i++) {
        *most[i] = *most[i] < tlp_rank(TLP_RED) ? *most[i] : (uint8_t)(tlp_rank(TLP_RED) - 1u);
    }
    told.scope.nplaces = 0; /* a brief is of one organisation */
    int rc = today_due_records(db, &told, a, &rows, &n, more_out, e);
    *out = arena_calloc(a, n, sizeof **out);
    *count_out = n;
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        (*out)[i] = (struct brief_counted){.id = rows[i].id, .title = rows[i].title, .version = rows[i].version};
        brief_record_hash(&rows[i], (*out)[i].hash);
    }
    if (n > 0) {
        qsort(*out, n, sizeof **out, by_id);
    }
    return rc;
}

/* ---- as messages ---- */

void brief_issued_encode(struct buf *out, const struct brief_issued *b)
{
    const struct span texts[] = {b->id, b->organisation, b->who, b->who_id, b->first_day, b->last_day, b->document, b->key, b->signature, b->withdrawn_by, b->withdrawn_why};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(out, texts[i]);
    }
    buf_u64(out, (uint64_t)b->number);
    buf_u64(out, (uint64_t)b->issued);
    buf_u64(out, (uint64_t)b->withdrawn);
    buf_u8(out, (uint8_t)b->tlp);
}

void brief_issued_decode(struct cursor *c, struct brief_issued *out)
{
    struct span *const texts[] = {&out->id,       &out->organisation, &out->who, &out->who_id,       &out->first_day,    &out->last_day,
                                  &out->document, &out->key,          &out->signature, &out->withdrawn_by, &out->withdrawn_why};
    static const size_t most[] = {RECORD_ID_MAX,      BRIEF_NAME_MAX,      BRIEF_NAME_MAX,      BRIEF_NAME_MAX, BRIEF_DAY_TEXT, BRIEF_DAY_TEXT,
                                  BRIEF_DOCUMENT_MAX, 2 * BRIEF_KEY_BYTES, 2 * BRIEF_SIG_BYTES, BRIEF_NAME_MAX, BRIEF_WHY_MAX};
    *out = (struct brief_issued){.number = 0};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = cursor_str(c);
        c->failed = c->failed || texts[i]->len > most[i];
    }
    out->number = (int64_t)cursor_u64(c);
    out->issued = (time_ns)cursor_u64(c);
    out->withdrawn = (time_ns)cursor_u64(c);
    uint8_t tlp = cursor_u8(c);
    c->failed = c->failed || tlp >= TLP_COUNT;
    out->tlp = c->failed ? TLP_UNKNOWN : (enum tlp)tlp;
}

void brief_counted_encode(struct buf *out, const struct brief_counted *r)
{
    buf_str(out, r->id);
    buf_str(out, r->title);
    buf_u64(out, (uint64_t)r->version);
    buf_put(out, r->hash, sizeof r->hash);
}

void brief_counted_decode(struct cursor *c, struct brief_counted *out)
{
    out->id = cursor_str(c);
    out->title = cursor_str(c);
    out->version = (int64_t)cursor_u64(c);
    struct span hash = cursor_take(c, sizeof out->hash);
    c->failed = c->failed || out->id.len == 0 || out->id.len > RECORD_ID_MAX || out->title.len > RECORD_TITLE_MAX || hash.len != sizeof out->hash || out->version < 0 ||
                out->version > RECORD_VERSION_MAX;
    if (!c->failed) {
        memcpy(out->hash, hash.ptr, sizeof out->hash);
    }
}
