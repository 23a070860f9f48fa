/* SPDX-License-Identifier: EUPL-1.2 */
/* What happened to a record: see record_history.h. Runs in the keeper; must never write. */
#include "records/registers/record_history.h"

#include <inttypes.h>

#include "base/map.h"
#include "records/audit.h"
#include "records/registers/record_seal.h"
#include "records/registers/record_sql.h"
#include "records/registers/register_force.h"

const char record_history_sql[] = "CREATE INDEX audit_subject ON audit (subject, seq);";

/* ---- records that it named then ---- */

/* What one question found out about records that are named, so that each is asked for once. */
struct names {
    struct db *db;
    const struct record_sight *sight;
    const struct register_kind *kind;
    struct arena *a;
    struct span id; /* of the record */
    struct map known; /* kind and id: place in list, from 1; 0 = not for him */
    uint32_t count, room;
    struct record_link *list;
    struct register_rename *renames; /* of the kind: how its things were called when a line was written */
    size_t nrenames;
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
            l.nlooked = 0; /* a version of before tells nothing of what others are worth today */
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

/* What stood under one name then stands under another since the line `seq`. */
static struct span called(const struct names *n, char what, int64_t seq, struct span name)
{
    for (size_t i = 0; i < n->nrenames; i++) {
        const struct register_rename *r = &n->renames[i];
        name = r->seq > seq && r->what == what && span_eq(r->was, name) ? r->name : name;
    }
    return name;
}

static struct jcs *call_anew(struct names *n, int64_t seq, const struct jcs *fields)
{
    struct jcs *out = jcs_new_object(n->a);
    for (int pass = 0; pass <= 1; pass++) { /* as register_diff_carry */
        for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
            const char *name = arena_cstr(n->a, called(n, 'f', seq, m->key));
            if (span_eq(span_of(name), m->key) == (pass == 1) && jcs_get(out, name) == NULL) {
                jcs_set(n->a, out, name, jcs_copy(n->a, m));
            }
        }
    }
    return out;
}

/* The fields with those that stand beside the trail; *erased_out: these are gone. */
static int read_sealed(struct names *n, struct span mark, const struct jcs *fields, struct jcs **out, bool *erased_out, struct err *e)
{
    struct span text = SPAN("");
    struct jcs *values = NULL;
    *out = jcs_copy(n->a, fields);
    int rc = record_unseal(n->db, n->id, mark, n->a, &text, e);
    *erased_out = *erased_out || (rc == 0 && text.len == 0);
    if (rc != 0 || text.len == 0) {
        return rc;
    }
    rc = jcs_read_decimals(n->a, text, JCS_DEPTH_MAX, &values, e);
    for (const struct jcs *m = rc == 0 ? values->first : NULL; m != NULL; m = m->next) {
        const char *name = arena_cstr(n->a, m->key);
        if (jcs_get(*out, name) == NULL) {
            jcs_set(n->a, *out, name, jcs_copy(n->a, m));
        }
    }
    return rc;
}

/* What record_seal wrote in the line seq, read again, under the names of today. Under a label that nobody knows nobody may read it. */
static int read_text(struct names *n, int64_t seq, struct span text, const struct record_row *now, struct record_row *out, bool *erased_out, struct err *e)
{
    struct span mark = SPAN("");
    struct jcs *all = NULL;
    struct jcs *doc = NULL;
    struct span tlp = SPAN("");
    *out = *now;
    int rc = jcs_read_decimals(n->a, text, JCS_DEPTH_MAX, &doc, e);
    const struct jcs *fields = rc == 0 ? jcs_get_object(doc, "fields") : NULL;
    if (fields == NULL || !jcs_get_text(doc, "state", &out->state) || !jcs_get_text(doc, "tlp", &tlp)) {
        return err_set(e, ERR_INVALID, "a line of the trail about this record cannot be read");
    }
    out->tlp = label_of(tlp);
    if (jcs_get_text(doc, "sealed", &mark)) {
        rc = read_sealed(n, mark, fields, &all, erased_out, e);
        fields = all;
    }
    if (n->nrenames > 0) {
        fields = call_anew(n, seq, fields);
        out->state = called(n, 's', seq, out->state);
    }
    out->fields = jcs_text(n->a, fields);
    return rc == 0 ? name_all(n, fields, out, e) : rc;
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
    int64_t seq = db_col_i64(st, 6);
    int rc = out->had ? read_text(n, seq, before, now, &out->before, &out->erased, e) : 0;
    return rc == 0 ? read_text(n, seq, after, now, &out->after, &out->erased, e) : rc;
}

/* ---- the trail ---- */

/* What the record is called in the trail: by its kind of today, and as that was called before. */
struct subjects {
    uint32_t count;
    struct span names[1 + REGISTER_NAMES_MAX];
};

static void subjects_of(const struct names *n, struct span kind, struct span id, struct subjects *out)
{
    *out = (struct subjects){1, {span_of(arena_printf(n->a, "%.*s/%.*s", SPAN_ARG(kind), SPAN_ARG(id)))}};
    for (size_t i = n->nrenames; i > 0 && out->count <= REGISTER_NAMES_MAX; i--) {
        const struct register_rename *r = &n->renames[i - 1];
        if (r->what == 'k') {
            out->names[out->count++] = span_of(arena_printf(n->a, "%.*s/%.*s", SPAN_ARG(r->was), SPAN_ARG(id)));
        }
    }
}

/* "SELECT what FROM audit WHERE subject IN (…)"; more of it follows. */
static void begin_trail(struct sql *s, const char *what, const struct subjects *of)
{
    sql_begin(s);
    buf_printf(&s->text, "SELECT %s FROM audit WHERE subject IN (", what);
    for (uint32_t i = 0; i < of->count; i++) {
        sql_put(s, i == 0 ? "" : ", ");
        sql_value(s, of->names[i]);
    }
    sql_put(s, ")");
}

/* One number of the trail. */
static int number_of(struct db *db, struct sql *s, int64_t *out, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = sql_prepare(db, s, e, &st);
    rc = rc == 0 ? db_step(st, e) : rc;
    if (rc > 0) {
        *out = db_col_i64(st, 0);
        db_done(st);
    }
    sql_end(s);
    return rc < 0 ? rc : 0;
}

static int read_trail(struct names *n, const struct record_row *now, const struct subjects *of, int64_t first, int64_t last, uint32_t limit,
                      struct record_story *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    int64_t skipped = last > limit ? last - limit : 0;
    uint32_t count = (uint32_t)(last - skipped);
    out->more = skipped > 0;
    out->past = arena_calloc(n->a, count + 1, sizeof *out->past);
    begin_trail(&s, "at, who, what, why, before_value, after_value, seq", of);
    buf_printf(&s.text, " AND seq >= %" PRId64 " ORDER BY seq LIMIT %u OFFSET %" PRId64, first, count, skipped);
    int rc = sql_prepare(n->db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        CHECK(out->count < count);
        out->count++;
        rc = take_past(n, st, skipped + out->count, now, &out->past[count - out->count], e);
        if (rc != 0) {
            db_done(st);
        }
    }
    sql_end(&s);
    if (rc == 0 && out->count != count) {
        rc = err_set(e, ERR_INVALID, "the trail of this record changed while it was read");
    }
    return rc;
}

/* What has no before made it: the last of these, since an import that was taken back may have made one of the same id. */
static int find_trail(struct db *db, const struct subjects *of, int64_t *first_out, int64_t *count_out, struct err *e)
{
    struct sql s;
    begin_trail(&s, "COALESCE(MAX(seq), 0)", of);
    sql_put(&s, " AND before_value = ''");
    int rc = number_of(db, &s, first_out, e);
    if (rc == 0) {
        begin_trail(&s, "COUNT(*)", of);
        buf_printf(&s.text, " AND seq >= %" PRId64, *first_out);
        rc = number_of(db, &s, count_out, e);
    }
    return rc;
}

int record_history(struct db *db, const struct record_scope *scope, const struct record_sight *sight, const struct registers *kinds,
                   struct span kind, struct span id, int64_t last, uint32_t limit, struct arena *a, struct record_story *out, struct err *e)
{
    struct record_row now;
    struct subjects of;
    struct names n = {.db = db, .sight = sight, .kind = registers_any(kinds, kind), .a = a};
    int64_t first = 0;
    int64_t count = 0;
    *out = (struct record_story){0};
    n.renames = arena_calloc(a, REGISTER_RENAMES_MAX, sizeof *n.renames);
    int rc = record_get(db, scope, kind, id, a, &now, e);
    rc = rc == 0 ? register_renames_read(db, a, kind, n.renames, &n.nrenames, e) : rc;
    if (rc == 0) {
        subjects_of(&n, kind, id, &of);
        rc = find_trail(db, &of, &first, &count, e);
    }
    if (rc != 0) {
        return rc;
    }
    n.id = id;
    map_init(&n.known);
    n.room = 2 * RECORD_HISTORY_PAGE_MAX * REGISTER_LINKS_MAX;
    n.list = arena_calloc(a, n.room, sizeof *n.list);
    rc = read_trail(&n, &now, &of, first, last > 0 && last < count ? last : count, limit, out, e);
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
    buf_u8(out, p->erased);
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
    uint8_t erased = cursor_u8(c);
    c->failed = c->failed || out->number < 1 || out->who.len > AUDIT_TEXT_MAX || out->what.len > RECORD_WHAT_MAX || out->why.len > AUDIT_TEXT_MAX || had > 1 || erased > 1;
    out->had = had == 1;
    out->erased = erased == 1;
    if (out->had) {
        record_row_decode(c, &out->before);
    }
    record_row_decode(c, &out->after);
}
