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

static void put_kind(struct sql *s, const struct due_query *q, const struct due_kind *k, struct span to)
{
    sql_put(s, "SELECT " RECORD_COLUMNS ", d.value FROM record_key d CROSS JOIN record r WHERE d.kind = ");
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
    return rc;
}

/* ---- as messages ---- */

void due_query_encode(struct buf *out, const struct due_query *q)
{
    buf_str(out, q->to);
    buf_str(out, q->after);
    buf_str(out, q->after_id);
    buf_u32(out, q->limit);
    buf_u32(out, q->nkinds);
    for (uint32_t i = 0; i < q->nkinds; i++) {
        record_scope_encode(out, &q->kinds[i].scope);
        buf_str(out, q->kinds[i].kind);
    }
}

void due_query_decode(struct cursor *c, struct due_query *out)
{
    out->to = cursor_str(c);
    out->after = cursor_str(c);
    out->after_id = cursor_str(c);
    out->limit = cursor_u32(c);
    out->nkinds = cursor_u32(c);
    c->failed = c->failed || out->to.len != DUE_DAY_TEXT || out->after.len > DUE_DAY_TEXT || out->after_id.len > RECORD_ID_MAX || out->limit == 0 ||
                out->limit > DUE_PAGE_MAX || out->nkinds > REGISTER_KINDS_MAX;
    out->nkinds = c->failed ? 0 : out->nkinds;
    for (uint32_t i = 0; i < out->nkinds; i++) {
        record_scope_decode(c, &out->kinds[i].scope);
        out->kinds[i].kind = cursor_str(c);
        c->failed = c->failed || out->kinds[i].kind.len > REGISTER_NAME_MAX;
    }
}

void due_row_encode(struct buf *out, const struct due_row *r)
{
    buf_str(out, r->day);
    record_row_encode(out, &r->row);
}

void due_row_decode(struct cursor *c, struct due_row *out)
{
    out->day = cursor_str(c);
    record_row_decode(c, &out->row);
    c->failed = c->failed || out->day.len != DUE_DAY_TEXT;
}
