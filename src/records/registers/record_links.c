/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records that name one another: stored with the record that names, read from both sides, followed over several. What leads to
 * a record, or through one, that the reader may not read is as if it were not there. See record_row.h; runs in the keeper.
 */
#include "base/map.h"
#include "records/registers/record_store.h"

/* Columns as record_key has them, so that a list goes along either; value: id of the record that is named. */
const char record_link_sql[] =
    "ALTER TABLE record ADD COLUMN title TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE record_link ("
    " record_id TEXT NOT NULL REFERENCES record (id), kind TEXT NOT NULL, field TEXT NOT NULL,"
    " organisation TEXT NOT NULL, value TEXT NOT NULL REFERENCES record (id), PRIMARY KEY (record_id, field, value));"
    "CREATE INDEX record_link_value ON record_link (value, kind, field, record_id);"
    "CREATE INDEX record_link_own ON record_link (kind, field, value, record_id);";

/* ---- writing ---- */

/* Whether he may read the record that is named. 1, 0, or an error. */
static int is_seen(struct db *db, const struct record_sight *sight, const struct record_to *to, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    sql_put(&s, "SELECT 1 FROM record r WHERE r.id = ");
    sql_value(&s, to->id);
    sql_put(&s, " AND r.kind = ");
    sql_value(&s, to->kind);
    sql_put(&s, " AND ");
    sql_sight(&s, sight);
    int rc = sql_prepare(db, &s, e, &st);
    rc = rc == 0 ? db_step(st, e) : rc;
    if (rc > 0) {
        db_done(st);
    }
    sql_end(&s);
    return rc;
}

int record_links_check(struct db *db, const struct record_sight *sight, const struct record_to *links, uint32_t count, struct record_astray *out,
                       struct err *e)
{
    int rc = 0;
    out->count = 0;
    for (uint32_t i = 0; i < count && rc >= 0; i++) {
        rc = links[i].kept ? 1 : is_seen(db, sight, &links[i], e);
        if (rc == 0) {
            out->place[out->count++] = i;
        }
    }
    return rc < 0 ? rc : out->count > 0 ? err_set(e, ERR_INVALID, "it names records that are not there") : 0;
}

int record_links_put(struct db *db, const struct record_row *r, const struct record_to *links, size_t count, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "DELETE FROM record_link WHERE record_id = $1", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, r->id);
        rc = db_run(s, e);
    }
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = db_query(db,
                      "INSERT INTO record_link (record_id, kind, field, organisation, value) SELECT $1, $2, $3, $4, r.id FROM record r "
                      "WHERE r.id = $5 AND r.kind = $6 ON CONFLICT DO NOTHING",
                      e, &s);
        if (rc == 0) {
            const struct span values[] = {r->id, r->kind, links[i].field, r->organisation, links[i].id, links[i].kind};
            for (size_t v = 0; v < ARRAY_LEN(values); v++) {
                db_bind_text(s, (int)v + 1, values[v]);
            }
            rc = db_run(s, e);
        }
    }
    return rc;
}

/* ---- from one side and the other ---- */

/* What the computed fields of k look at in a record r that l leads to: a column for each look. */
static void put_looks(struct sql *s, const struct register_kind *k)
{
    for (uint32_t i = 0; i < k->nlooks; i++) {
        sql_put(s, ", CASE WHEN l.field = ");
        sql_value(s, k->fields[k->looks[i].ref].name);
        sql_put(s, " THEN (SELECT k.value FROM record_key k WHERE k.record_id = r.id AND k.field = ");
        sql_value(s, k->looks[i].name);
        sql_put(s, ") ELSE '' END");
    }
}

/* looks: columns of them; room: bytes that may still be told of them. */
static void take_link(struct db_stmt *st, uint32_t looks, size_t *room, struct record_link *out)
{
    enum { FIRST_LOOK = 5 };
    struct span *texts[FIRST_LOOK] = {&out->field, &out->kind, &out->id, &out->title, &out->state};
    size_t bytes = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = db_col_text(st, (int)i);
    }
    for (uint32_t i = 0; i < looks; i++) {
        out->looked[i] = db_col_text(st, (int)(FIRST_LOOK + i));
        bytes += out->looked[i].len;
    }
    out->nlooked = bytes > *room ? 0 : looks;
    *room -= bytes > *room ? *room : bytes; /* nothing more is told after the first one that has no room */
}

static int read_links(struct db *db, const struct record_sight *sight, struct arena *a, struct record_row *row, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    struct buf b;
    const struct register_kind *k = sight->files == NULL ? NULL : registers_any(sight->files, row->kind);
    size_t room = REGISTER_LOOKED_MAX;
    sql_begin(&s);
    buf_init(&b, 1 << 20);
    sql_put(&s, "SELECT l.field, r.kind, r.id, r.title, r.state");
    if (k != NULL) {
        put_looks(&s, k);
    }
    sql_put(&s, " FROM record_link l CROSS JOIN record r WHERE l.record_id = ");
    sql_value(&s, row->id);
    sql_put(&s, " AND r.id = l.value AND ");
    sql_sight(&s, sight);
    sql_put(&s, " ORDER BY l.field, r.title, r.id");
    int rc = sql_prepare(db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        struct record_link l;
        take_link(st, k == NULL ? 0 : k->nlooks, &room, &l);
        record_link_encode(&b, &l);
        rc = 0;
    }
    CHECK(!b.failed); /* at most REGISTER_LINKS_MAX of bounded texts */
    row->links = arena_copy(a, buf_view(&b));
    buf_free(&b);
    sql_end(&s);
    return rc;
}

int record_links_read(struct db *db, const struct record_sight *s, struct arena *a, struct record_row *rows, uint32_t count, struct err *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        rc = read_links(db, s, a, &rows[i], e);
    }
    return rc;
}

static int count_named(struct db *db, const struct record_sight *sight, struct span id, struct record_named *n, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    sql_put(&s, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM record_link l CROSS JOIN record r WHERE l.value = ");
    sql_value(&s, id);
    sql_put(&s, " AND l.kind = ");
    sql_value(&s, n->way.kind);
    sql_put(&s, " AND l.field = ");
    sql_value(&s, n->way.field);
    sql_put(&s, " AND r.id = l.record_id AND ");
    sql_sight(&s, sight);
    buf_printf(&s.text, " LIMIT %d) AS found", RECORD_COUNT_MAX + 1);
    int rc = sql_prepare(db, &s, e, &st);
    rc = rc == 0 ? db_step(st, e) : rc;
    if (rc > 0) {
        n->count = db_col_i64(st, 0);
        n->uncounted = n->count > RECORD_COUNT_MAX;
        n->count = n->uncounted ? RECORD_COUNT_MAX : n->count;
        db_done(st);
        rc = 0;
    }
    sql_end(&s);
    return rc;
}

int record_named_by(struct db *db, const struct record_sight *s, struct span id, struct record_named *out, struct err *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < s->nways && rc == 0; i++) {
        out[i] = (struct record_named){.way = s->ways[i]};
        rc = count_named(db, s, id, &out[i], e);
    }
    return rc;
}

/* ---- chains ---- */

enum { CHAIN_BATCH = 40 /* records whose links are asked for at once */ };

struct chain {
    struct db *db;
    const struct record_sight *sight;
    bool up;
    struct arena *a;
    struct record_step *steps; /* RECORD_CHAIN_MAX + 1 */
    uint32_t count;
    struct map known; /* id of each record that was met, and its depth */
    struct span *ids; /* of known, in the order in which they were met */
    uint32_t nids;
    bool more;
};

static uint32_t depth_of(const struct chain *c, struct span id)
{
    uint64_t depth = 0;
    CHECK(map_get(&c->known, id, &depth));
    return (uint32_t)depth;
}

static void meet(struct chain *c, struct span id, uint32_t depth)
{
    bool is_new = false;
    uint64_t *known = map_at(&c->known, id, &is_new);
    if (is_new) {
        *known = depth;
        c->ids[c->nids++] = id;
    }
}

/* Takes a link; the record behind it is followed later unless it was met before. */
static void take_step(struct chain *c, struct db_stmt *st)
{
    if (c->count == RECORD_CHAIN_MAX) {
        c->more = true;
        return;
    }
    struct record_step *s = &c->steps[c->count++];
    struct span *texts[] = {&s->id, &s->kind, &s->title, &s->state, &s->next, &s->field};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_copy(c->a, db_col_text(st, (int)i));
    }
    s->depth = s->next.len == 0 ? 0 : depth_of(c, s->next) + 1;
    meet(c, s->id, s->depth);
}

/* The links of the records from `first` on, at most CHAIN_BATCH of them. Down, each of them by its id: of a list of ids beside the ways an engine may think
 * that it is shorter to look at every link of each way. */
static int follow(struct chain *c, uint32_t first, uint32_t last, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    sql_put(&s, "SELECT r.id, r.kind, r.title, r.state, ");
    sql_put(&s, c->up ? "l.value, l.field FROM record_link l CROSS JOIN record r WHERE r.id = l.record_id AND l.value IN ("
                      : "l.record_id, l.field FROM record n CROSS JOIN record_link l CROSS JOIN record r WHERE l.record_id = n.id AND r.id = l.value AND n.id IN (");
    for (uint32_t i = 0; i < CHAIN_BATCH; i++) {
        sql_put(&s, i == 0 ? "" : ", ");
        sql_value(&s, first + i < last ? c->ids[first + i] : SPAN(""));
    }
    sql_put(&s, ") AND ");
    sql_ways(&s, c->sight);
    sql_put(&s, " AND ");
    sql_sight(&s, c->sight);
    buf_printf(&s.text, " ORDER BY r.title, r.id LIMIT %d", RECORD_CHAIN_MAX + 1);
    int rc = sql_prepare(c->db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        take_step(c, st);
        rc = 0;
    }
    sql_end(&s);
    return rc;
}

static int begin_at(struct chain *c, struct span kind, struct span id, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    sql_put(&s, "SELECT r.id, r.kind, r.title, r.state, '', '' FROM record r WHERE r.id = ");
    sql_value(&s, id);
    sql_put(&s, " AND r.kind = ");
    sql_value(&s, kind);
    sql_put(&s, " AND ");
    sql_sight(&s, c->sight);
    int rc = sql_prepare(c->db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        take_step(c, st);
        rc = 0;
    }
    sql_end(&s);
    return rc;
}

int record_chain(struct db *db, const struct record_sight *sight, struct span kind, struct span id, bool up, struct arena *a,
                 struct record_step **out, uint32_t *count_out, bool *more_out, struct err *e)
{
    struct chain c = {.db = db, .sight = sight, .up = up, .a = a};
    c.steps = arena_calloc(a, RECORD_CHAIN_MAX, sizeof *c.steps);
    c.ids = arena_calloc(a, RECORD_CHAIN_MAX, sizeof *c.ids);
    map_init(&c.known);
    int rc = begin_at(&c, kind, id, e);
    for (uint32_t at = 0; rc == 0 && at < c.nids && !c.more;) {
        uint32_t last = at;
        /* Of one depth alone, so that each is met by its shortest way. */
        uint32_t depth = depth_of(&c, c.ids[at]);
        while (last < c.nids && last < at + CHAIN_BATCH && depth_of(&c, c.ids[last]) == depth) {
            last++;
        }
        c.more = depth == RECORD_CHAIN_DEPTH;
        rc = c.more ? 0 : follow(&c, at, last, e);
        at = last;
    }
    map_free(&c.known);
    *out = c.steps;
    *count_out = c.count;
    *more_out = c.more;
    return rc;
}
