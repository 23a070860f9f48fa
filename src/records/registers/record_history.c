/* SPDX-License-Identifier: EUPL-1.2 */
/* What happened to a record: see record_history.h. Runs in the keeper; must never write. */
#include "records/registers/record_history.h"

#include "base/map.h"
#include "records/audit.h"
#include "records/registers/record_sql.h"

const char record_history_sql[] = "CREATE INDEX audit_subject ON audit (subject, seq);";

/* ---- records that it named then ---- */

/* What one question found out about records that are named, so that each is asked for once. */
struct names {
    struct db *db;
    const struct record_sight *sight;
    const struct register_kind *kind;
    struct arena *a;
    struct map known; /* kind and id: place in list, from 1; 0 = not for him */
    uint32_t count, room;
    struct record_link *list;
};

static int find(struct names *n, const struct register_link *l, uint64_t *place_out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    *place_out = 0;
    sql_begin(&s);
    sql_put(&s, "SELECT r.title, r.state FROM record r WHERE r.id = ");
    sql_value(&s, l->target);
    sql_put(&s, " AND r.kind = ");
    sql_value(&s, l->field->ref);
    sql_put(&s, " AND ");
    sql_sight(&s, n->sight);
    int rc = sql_prepare(n->db, &s, e, &st);
    rc = rc == 0 ? db_step(st, e) : rc;
    if (rc > 0) {
        CHECK(n->count < n->room);
        n->list[n->count++] = (struct record_link){.kind = l->field->ref, .id = l->target, .title = arena_copy(n->a, db_col_text(st, 0)),
                                                   .state = arena_copy(n->a, db_col_text(st, 1))};
        *place_out = n->count;
        db_done(st);
        rc = 0;
    }
    sql_end(&s);
    return rc;
}

static int name_all(struct names *n, const struct jcs *fields, struct record_row *row, struct err *e)
{
    struct register_link links[REGISTER_LINKS_MAX];
    struct buf b;
    int rc = 0;
    size_t count = n->kind == NULL ? 0 : register_links(n->kind, fields, links);
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < count && i < REGISTER_LINKS_MAX && rc == 0; i++) {
        bool is_new = false;
        struct span key = span_of(arena_printf(n->a, "%.*s/%.*s", SPAN_ARG(links[i].field->ref), SPAN_ARG(links[i].target)));
        uint64_t *place = map_at(&n->known, key, &is_new);
        rc = is_new ? find(n, &links[i], place, e) : 0;
        if (rc == 0 && *place > 0) {
            struct record_link l = n->list[*place - 1];
            l.field = links[i].field->name;
            record_link_encode(&b, &l);
        }
    }
    CHECK(!b.failed); /* at most REGISTER_LINKS_MAX of bounded texts */
    row->links = arena_copy(n->a, buf_view(&b));
    buf_free(&b);
    return rc;
}

/* ---- a record as the trail keeps it ---- */

static enum tlp label_of(struct span name)
{
    for (int t = TLP_CLEAR; t <= TLP_RED; t++) {
        if (span_eq(name, span_of(tlp_name((enum tlp)t)))) {
            return (enum tlp)t;
        }
    }
    return TLP_UNKNOWN;
}

/* record_as_text, read again. Under a label that nobody knows nobody may read it. */
static int read_text(struct names *n, struct span text, const struct record_row *now, struct record_row *out, struct err *e)
{
    struct jcs *doc = NULL;
    struct span tlp = SPAN("");
    *out = *now;
    int rc = jcs_read_decimals(n->a, text, JCS_DEPTH_MAX, &doc, e);
    const struct jcs *fields = rc == 0 ? jcs_get_object(doc, "fields") : NULL;
    if (fields == NULL || !jcs_get_text(doc, "state", &out->state) || !jcs_get_text(doc, "tlp", &tlp)) {
        return err_set(e, ERR_INVALID, "a line of the trail about this record cannot be read");
    }
    out->fields = jcs_text(n->a, fields);
    out->tlp = label_of(tlp);
    return name_all(n, fields, out, e);
}

static int take_past(struct names *n, struct db_stmt *st, int64_t number, const struct record_row *now, struct record_past *out, struct err *e)
{
    struct span before = arena_copy(n->a, db_col_text(st, 4));
    struct span after = arena_copy(n->a, db_col_text(st, 5));
    *out = (struct record_past){.number = number, .at = db_col_i64(st, 0), .had = before.len > 0};
    struct span *texts[] = {&out->who, &out->what, &out->why};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_copy(n->a, db_col_text(st, 1 + (int)i));
    }
    out->before = *now;
    int rc = out->had ? read_text(n, before, now, &out->before, e) : 0;
    return rc == 0 ? read_text(n, after, now, &out->after, e) : rc;
}

/* ---- the trail ---- */

/* One number of the trail about `subject`. */
static int number_of(struct db *db, const char *sql, struct span subject, int64_t first, int64_t *out, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(db, sql, e, &st);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(st, 1, subject);
    if (first >= 0) {
        db_bind_i64(st, 2, first);
    }
    rc = db_step(st, e);
    if (rc > 0) {
        *out = db_col_i64(st, 0);
        db_done(st);
    }
    return rc < 0 ? rc : 0;
}

static int read_trail(struct names *n, const struct record_row *now, struct span subject, int64_t first, int64_t last, uint32_t limit,
                      struct record_story *out, struct err *e)
{
    struct db_stmt *st = NULL;
    int64_t skipped = last > limit ? last - limit : 0;
    uint32_t count = (uint32_t)(last - skipped);
    out->more = skipped > 0;
    out->past = arena_calloc(n->a, count + 1, sizeof *out->past);
    int rc = db_query(n->db,
                      "SELECT at, who, what, why, before_value, after_value FROM audit WHERE subject = $1 AND seq >= $2 ORDER BY seq "
                      "LIMIT $3 OFFSET $4",
                      e, &st);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(st, 1, subject);
    db_bind_i64(st, 2, first);
    db_bind_i64(st, 3, count);
    db_bind_i64(st, 4, skipped);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        CHECK(out->count < count);
        out->count++;
        rc = take_past(n, st, skipped + out->count, now, &out->past[count - out->count], e);
    }
    if (rc == 0 && out->count != count) {
        rc = err_set(e, ERR_INVALID, "the trail of this record changed while it was read");
    }
    return rc;
}

int record_history(struct db *db, const struct record_scope *scope, const struct record_sight *sight, const struct registers *kinds,
                   struct span kind, struct span id, int64_t last, uint32_t limit, struct arena *a, struct record_story *out, struct err *e)
{
    struct record_row now;
    struct names n = {.db = db, .sight = sight, .kind = registers_any(kinds, kind), .a = a};
    int64_t first = 0;
    int64_t count = 0;
    *out = (struct record_story){0};
    int rc = record_get(db, scope, kind, id, a, &now, e);
    if (rc != 0) {
        return rc;
    }
    struct span subject = span_of(arena_printf(a, "%.*s/%.*s", SPAN_ARG(kind), SPAN_ARG(id)));
    /* What has no before made it: the last of these, since an import that was taken back may have made one of the same id. */
    rc = number_of(db, "SELECT COALESCE(MAX(seq), 0) FROM audit WHERE subject = $1 AND before_value = ''", subject, -1, &first, e);
    rc = rc == 0 ? number_of(db, "SELECT COUNT(*) FROM audit WHERE subject = $1 AND seq >= $2", subject, first, &count, e) : rc;
    if (rc != 0) {
        return rc;
    }
    map_init(&n.known);
    n.room = 2 * RECORD_HISTORY_PAGE_MAX * REGISTER_LINKS_MAX;
    n.list = arena_calloc(a, n.room, sizeof *n.list);
    rc = read_trail(&n, &now, subject, first, last > 0 && last < count ? last : count, limit, out, e);
    map_free(&n.known);
    return rc;
}

/* ---- as messages ---- */

void record_past_encode(struct buf *out, const struct record_past *p)
{
    buf_u64(out, (uint64_t)p->number);
    buf_u64(out, (uint64_t)p->at);
    buf_str(out, p->who);
    buf_str(out, p->what);
    buf_str(out, p->why);
    buf_u8(out, p->had);
    if (p->had) {
        record_row_encode(out, &p->before);
    }
    record_row_encode(out, &p->after);
}

void record_past_decode(struct cursor *c, struct record_past *out)
{
    *out = (struct record_past){.number = (int64_t)cursor_u64(c)};
    out->at = (time_ns)cursor_u64(c);
    out->who = cursor_str(c);
    out->what = cursor_str(c);
    out->why = cursor_str(c);
    uint8_t had = cursor_u8(c);
    c->failed = c->failed || out->number < 1 || out->who.len > AUDIT_TEXT_MAX || out->what.len > RECORD_WHAT_MAX || out->why.len > AUDIT_TEXT_MAX || had > 1;
    out->had = had == 1;
    if (out->had) {
        record_row_decode(c, &out->before);
    }
    record_row_decode(c, &out->after);
}
