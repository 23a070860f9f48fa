/* SPDX-License-Identifier: EUPL-1.2 */
/* Records on which something is due: see due.h. Runs in the keeper; the codecs also in the desk. */
#include "records/due.h"

#include <stdlib.h>

#include "records/registers/record_sql.h"

static int text_order(struct span a, struct span b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least == 0 ? 0 : memcmp(a.ptr, b.ptr, least);
    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

/* By day and then id, as the engine sorts texts: by bytes. */
static int row_order(const void *a, const void *b)
{
    const struct due_row *x = a;
    const struct due_row *y = b;
    int order = text_order(x->day, y->day);
    return order != 0 ? order : text_order(x->row.id, y->row.id);
}

/* Records that stand for a person whose account may sign in, by kind of record; put_known ends the sentence. */
static const struct {
    const char *kind, *sql;
} known[] = {
    {"person", "SELECT p.person FROM account_person p JOIN user_account a ON a.id = p.user_id WHERE "},
    {"unit", "SELECT u.record_id FROM record_link u JOIN account_person p ON p.person = u.value JOIN user_account a ON a.id = p.user_id "
             "WHERE u.kind = 'unit' AND u.field = 'officer' AND "},
    {"appointment", "SELECT h.record_id FROM record_link h JOIN record x ON x.id = h.record_id JOIN account_person p ON p.person = h.value "
                    "JOIN user_account a ON a.id = p.user_id WHERE h.kind = 'appointment' AND h.field = 'person' AND x.state = 'signed' AND NOT EXISTS "
                    "(SELECT 1 FROM record_key z WHERE z.record_id = h.record_id AND z.field = 'ends' AND z.value <> '' AND z.value <= "},
};

static size_t known_at(struct span kind)
{
    size_t i = 0;
    while (i < ARRAY_LEN(known) && !span_eq(kind, span_of(known[i].kind))) {
        i++;
    }
    return i;
}

/* The record names one of them; of him: the reader's. */
static void put_known(struct sql *s, const struct due_query *q, const struct due_kind *k, bool of_him)
{
    sql_put(s, "EXISTS (SELECT 1 FROM record_link l WHERE l.record_id = r.id AND l.field = ");
    sql_value(s, k->link);
    sql_put(s, " AND l.value IN (");
    CHECK(known_at(k->link_kind) < ARRAY_LEN(known));
    sql_put(s, known[known_at(k->link_kind)].sql);
    if (span_eq(k->link_kind, SPAN("appointment"))) {
        sql_value(s, q->moment);
        sql_put(s, ") AND ");
    }
    sql_put(s, "a.disabled IS NULL");
    if (of_him) {
        sql_put(s, " AND p.user_id = ");
        sql_value(s, q->user);
    }
    sql_put(s, "))");
}

static void put_mine(struct sql *s, const struct due_query *q, const struct due_kind *k)
{
    sql_put(s, "(");
    if (k->link.len > 0) {
        put_known(s, q, k, true);
        sql_put(s, " OR (NOT ");
        put_known(s, q, k, false);
        sql_put(s, " AND ");
    }
    sql_put(s, "(r.author = ");
    sql_value(s, q->user);
    if (k->text.len > 0 && q->name.len > 0) {
        sql_put(s, " OR EXISTS (SELECT 1 FROM record_key o WHERE o.record_id = r.id AND o.field = ");
        sql_value(s, k->text);
        sql_put(s, " AND o.value = ");
        sql_value(s, q->name);
        sql_put(s, ")");
    }
    sql_put(s, k->link.len > 0 ? ")))" : "))");
}

static void put_kind(struct sql *s, const struct due_query *q, const struct due_kind *k, struct span to)
{
    sql_put(s, "SELECT " RECORD_COLUMNS ", d.value, CASE WHEN ");
    put_mine(s, q, k);
    sql_put(s, " THEN 1 ELSE 0 END FROM record_key d CROSS JOIN record r WHERE d.kind = ");
    sql_value(s, k->kind);
    sql_put(s, " AND d.field = ");
    sql_value(s, REGISTER_KEY_DUE);
    sql_put(s, " AND d.value > '' AND d.value <= ");
    sql_value(s, to);
    if (q->after_id.len > 0) {
        sql_put(s, " AND (d.value, d.record_id) > (");
        sql_value(s, q->after);
        sql_put(s, ", ");
        sql_value(s, q->after_id);
        sql_put(s, ")");
    }
    sql_put(s, " AND r.id = d.record_id AND ");
    sql_scope(s, &k->scope, "d");
    if (q->mine) {
        sql_put(s, " AND ");
        put_mine(s, q, k);
    }
    buf_printf(&s->text, " ORDER BY d.value, d.record_id LIMIT %u", q->limit + 1);
}

/* The first ones of a kind, behind those that are there already. */
static int read_kind(struct db *db, const struct due_query *q, const struct due_kind *k, struct span to, struct arena *a, struct due_page *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    put_kind(&s, q, k, to);
    int rc = sql_prepare(db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        struct due_row *r = &out->rows[out->nrows++];
        sql_row(st, a, &r->row);
        r->day = arena_copy(a, db_col_text(st, RECORD_COLUMN_COUNT));
        r->mine = db_col_i64(st, RECORD_COLUMN_COUNT + 1) != 0;
        rc = 0;
    }
    sql_end(&s);
    return rc;
}

int due_list(struct db *db, const struct due_query *q, struct arena *a, struct due_page *out, struct err *e)
{
    struct span to = q->to;
    int rc = 0;
    CHECK(q->limit > 0 && q->limit <= DUE_PAGE_MAX && q->nkinds <= REGISTER_KINDS_MAX);
    *out = (struct due_page){.rows = arena_calloc(a, 2u * (q->limit + 1), sizeof *out->rows)};
    for (uint32_t i = 0; i < q->nkinds && rc == 0; i++) {
        if (record_scope_empty(&q->kinds[i].scope)) {
            continue;
        }
        rc = read_kind(db, q, &q->kinds[i], to, a, out, e);
        qsort(out->rows, out->nrows, sizeof *out->rows, row_order);
        if (out->nrows > q->limit) { /* a later day is on no page of this question */
            out->nrows = q->limit + 1;
            to = out->rows[q->limit].day;
        }
    }
    out->more = out->nrows > q->limit;
    out->nrows -= out->more;
    for (uint32_t i = 0; i < out->nrows && rc == 0; i++) {
        rc = record_links_read(db, &q->sight, a, &out->rows[i].row, 1, e);
    }
    return rc;
}

/* ---- as messages ---- */

void due_query_encode(struct buf *out, const struct due_query *q)
{
    buf_str(out, q->to);
    buf_str(out, q->after);
    buf_str(out, q->after_id);
    buf_str(out, q->user);
    buf_str(out, q->name);
    buf_str(out, q->moment);
    buf_u8(out, q->mine);
    record_sight_encode(out, &q->sight);
    buf_u32(out, q->limit);
    buf_u32(out, q->nkinds);
    for (uint32_t i = 0; i < q->nkinds; i++) {
        record_scope_encode(out, &q->kinds[i].scope);
        const struct span texts[] = {q->kinds[i].kind, q->kinds[i].link, q->kinds[i].link_kind, q->kinds[i].text};
        for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
            buf_str(out, texts[t]);
        }
    }
}

void due_query_decode(struct cursor *c, struct due_query *out)
{
    out->to = cursor_str(c);
    out->after = cursor_str(c);
    out->after_id = cursor_str(c);
    out->user = cursor_str(c);
    out->name = cursor_str(c);
    out->moment = cursor_str(c);
    uint8_t mine = cursor_u8(c);
    out->mine = mine != 0;
    record_sight_decode(c, &out->sight);
    out->limit = cursor_u32(c);
    out->nkinds = cursor_u32(c);
    c->failed = c->failed || out->to.len != DUE_DAY_TEXT || out->after.len > DUE_DAY_TEXT || out->after_id.len > RECORD_ID_MAX || out->limit == 0 ||
                out->limit > DUE_PAGE_MAX || out->nkinds > REGISTER_KINDS_MAX || mine > 1 || out->user.len > RECORD_ID_MAX || out->name.len > RECORD_TITLE_MAX ||
                out->moment.len >= TIME_TEXT_MAX;
    out->nkinds = c->failed ? 0 : out->nkinds;
    for (uint32_t i = 0; i < out->nkinds; i++) {
        record_scope_decode(c, &out->kinds[i].scope);
        struct span *texts[] = {&out->kinds[i].kind, &out->kinds[i].link, &out->kinds[i].link_kind, &out->kinds[i].text};
        for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
            *texts[t] = cursor_str(c);
            c->failed = c->failed || texts[t]->len > REGISTER_NAME_MAX;
        }
        c->failed = c->failed || (out->kinds[i].link.len > 0 && known_at(out->kinds[i].link_kind) == ARRAY_LEN(known));
    }
}

void due_row_encode(struct buf *out, const struct due_row *r)
{
    buf_str(out, r->day);
    buf_u8(out, r->mine);
    record_row_encode(out, &r->row);
}

void due_row_decode(struct cursor *c, struct due_row *out)
{
    out->day = cursor_str(c);
    uint8_t mine = cursor_u8(c);
    out->mine = mine != 0;
    record_row_decode(c, &out->row);
    c->failed = c->failed || mine > 1 || out->day.len != DUE_DAY_TEXT;
}
