/* SPDX-License-Identifier: EUPL-1.2 */
/* Statements about records: see record_sql.h. */
#include "records/registers/record_sql.h"

void sql_value(struct sql *s, struct span value)
{
    for (int i = 0; i < s->count; i++) {
        if (s->texts[i].ptr == value.ptr && s->texts[i].len == value.len) {
            buf_printf(&s->text, "$%d", i + 1);
            return;
        }
    }
    if (s->count == SQL_BINDS_MAX) { /* a desk that asks so is not ours: sql_prepare tells it */
        s->text.failed = true;
        return;
    }
    s->texts[s->count++] = value;
    buf_printf(&s->text, "$%d", s->count);
}

void sql_put(struct sql *s, const char *text)
{
    buf_cstr(&s->text, text);
}

void sql_end(struct sql *s)
{
    buf_free(&s->text);
}

static void put_ranks(struct sql *s, const struct record_scope *scope, uint8_t all, uint8_t mine)
{
    buf_printf(&s->text, "r.tlp <= %u", all);
    if (mine > all) {
        sql_put(s, " OR (r.author = ");
        sql_value(s, scope->person);
        buf_printf(&s->text, " AND r.tlp <= %u)", mine);
    }
}

/* Organisations of the scope's places from `at` on that are as open as that one; returns the place after them. */
static uint32_t put_places(struct sql *s, const struct record_scope *scope, uint32_t at)
{
    const struct record_place *first = &scope->places[at];
    uint32_t i = at;
    sql_put(s, "r.organisation IN (");
    for (; i < scope->nplaces && scope->places[i].all == first->all && scope->places[i].mine == first->mine; i++) {
        sql_put(s, i == at ? "" : ", ");
        sql_value(s, scope->places[i].organisation);
    }
    sql_put(s, ") AND (");
    put_ranks(s, scope, first->all, first->mine);
    sql_put(s, ")");
    return i;
}

void sql_home(struct sql *s, const struct record_scope *scope, const char *column)
{
    buf_printf(&s->text, scope->nplaces == 0 ? "%s.organisation = " : "%s.organisation IN (", column);
    sql_value(s, scope->organisation);
    for (uint32_t i = 0; i < scope->nplaces; i++) {
        sql_put(s, ", ");
        sql_value(s, scope->places[i].organisation);
    }
    sql_put(s, scope->nplaces == 0 ? "" : ")");
}

bool sql_scope_others(const struct record_scope *scope)
{
    return scope->other > 0 || scope->other_mine > 0;
}

void sql_scope(struct sql *s, const struct record_scope *scope, const char *keys)
{
    bool others = sql_scope_others(scope);
    sql_put(s, "(");
    if (others && scope->own == scope->other && scope->own_mine == scope->other_mine && scope->nplaces == 0) {
        put_ranks(s, scope, scope->own, scope->own_mine);
        sql_put(s, ")");
        return;
    }
    if (!others && keys != NULL) {
        sql_home(s, scope, keys);
        sql_put(s, " AND (");
    }
    sql_put(s, "r.organisation = ");
    sql_value(s, scope->organisation);
    sql_put(s, " AND (");
    put_ranks(s, scope, scope->own, scope->own_mine);
    sql_put(s, ")");
    for (uint32_t i = 0; i < scope->nplaces;) {
        sql_put(s, " OR ");
        i = put_places(s, scope, i);
    }
    if (others) {
        sql_put(s, " OR NOT ");
        sql_home(s, scope, "r");
        sql_put(s, " AND (");
        put_ranks(s, scope, scope->other, scope->other_mine);
        sql_put(s, ")");
    }
    sql_put(s, !others && keys != NULL ? "))" : ")");
}

int sql_prepare(struct db *db, struct sql *s, struct err *e, struct db_stmt **out)
{
    buf_u8(&s->text, 0);
    int rc = s->text.failed ? err_set(e, ERR_LIMIT, "too much is asked at once") : db_query(db, s->text.data, e, out);
    for (int i = 0; rc == 0 && i < s->count; i++) {
        db_bind_text(*out, i + 1, s->texts[i]);
    }
    return rc;
}

void sql_begin(struct sql *s)
{
    s->count = 0;
    buf_init(&s->text, DB_SQL_MAX);
}

void sql_sight(struct sql *s, const struct record_sight *sight)
{
    if (sight->nkinds == 0 || record_scope_empty(&sight->scope)) {
        sql_put(s, "1 = 0");
        return;
    }
    sql_put(s, "r.kind IN (");
    for (uint32_t i = 0; i < sight->nkinds; i++) {
        sql_put(s, i == 0 ? "" : ", ");
        sql_value(s, sight->kinds[i]);
    }
    sql_put(s, ") AND ");
    sql_scope(s, &sight->scope, NULL);
}

void sql_ways(struct sql *s, const struct record_sight *sight)
{
    sql_put(s, sight->nways == 0 ? "1 = 0" : "(");
    for (uint32_t i = 0; i < sight->nways; i++) { /* those of one kind follow one another */
        if (i > 0 && span_eq(sight->ways[i].kind, sight->ways[i - 1].kind)) {
            sql_put(s, ", ");
        } else {
            sql_put(s, i == 0 ? "(l.kind = " : ")) OR (l.kind = ");
            sql_value(s, sight->ways[i].kind);
            sql_put(s, " AND l.field IN (");
        }
        sql_value(s, sight->ways[i].field);
    }
    sql_put(s, sight->nways == 0 ? "" : ")))");
}

void sql_row(struct db_stmt *s, struct arena *a, struct record_row *out)
{
    struct span *texts[] = {&out->id, &out->kind, &out->organisation, &out->author, &out->author_name, &out->state, &out->title, &out->fields};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_copy(a, db_col_text(s, (int)i));
    }
    out->links = SPAN("");
    int64_t rank = db_col_i64(s, 8);
    out->tlp = TLP_UNKNOWN; /* which nobody may read */
    for (int t = TLP_CLEAR; t <= TLP_RED; t++) {
        out->tlp = tlp_rank((enum tlp)t) == (uint64_t)rank ? (enum tlp)t : out->tlp;
    }
    out->created = db_col_i64(s, 9);
    out->changed = db_col_i64(s, 10);
    out->version = db_col_i64(s, 11);
}
