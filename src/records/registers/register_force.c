/* SPDX-License-Identifier: EUPL-1.2 */
/* Files into force, with what they make of records: see register_force.h. Runs in the keeper. */
#include "records/registers/register_force.h"

#include <stdio.h>

#include "records/audit.h"
#include "records/registers/record_stage.h"
#include "records/registers/record_store.h"
#include "records/registers/register_force_priv.h"

/*
 * register_file: the text by which records of a kind were written last; meant, who, why: of which text somebody said that it is meant.
 * register_rename: what a kind's things were called before the line seq of the trail.
 */
const char register_force_sql[] =
    "CREATE TABLE register_file ("
    " kind TEXT PRIMARY KEY, file TEXT NOT NULL, text TEXT NOT NULL, at BIGINT NOT NULL, rewritten BIGINT NOT NULL, gone BIGINT NOT NULL,"
    " meant TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL);"
    "CREATE TABLE register_rename ("
    " seq BIGINT NOT NULL, kind TEXT NOT NULL, what TEXT NOT NULL, was TEXT NOT NULL, name TEXT NOT NULL,"
    " PRIMARY KEY (kind, seq, what, was));";

enum { FORCE_BATCH = 500, TRAIL_BYTES = 12 << 10 /* of the list of changes in the trail */ };

/* A change on its way. */
struct forcing {
    struct db *db;
    const struct register_stored *s;
    struct span kind;     /* as it is called from now on */
    struct span who, why; /* as the trail shall know them */
    time_ns now;
    int64_t seq; /* of the line about it */
};

/* A statement with texts alone. */
static int run(struct db *db, const char *sql, const struct span texts[], int count, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, sql, e, &s);
    for (int i = 0; rc == 0 && i < count; i++) {
        db_bind_text(s, i + 1, texts[i]);
    }
    return rc == 0 ? db_run(s, e) : rc;
}

/* ---- the trail, and what was called how ---- */

static int note(struct forcing *f, struct span what, struct err *e)
{
    struct json_writer j;
    struct buf b;
    struct db_stmt *s = NULL;
    buf_init(&b, 1 << 20);
    json_writer_init(&j, &b);
    json_object(&j);
    register_plan_put(f->s->plan, &j);
    json_end(&j);
    const struct audit_entry entry = {.at = f->now,
                                      .organisation = SPAN("*"),
                                      .who = f->who,
                                      .what = what,
                                      .subject = f->kind,
                                      .why = f->why,
                                      .before = f->s->kind,
                                      .after = span_sub(buf_view(&b), 0, TRAIL_BYTES)};
    int rc = audit_append(f->db, &entry, e);
    buf_free(&b);
    rc = rc == 0 ? db_query(f->db, "SELECT seq FROM audit_head WHERE id = 1", e, &s) : rc;
    rc = rc == 0 ? db_step(s, e) : rc;
    if (rc > 0) {
        f->seq = db_col_i64(s, 0);
        db_done(s);
        rc = 0;
    }
    return rc;
}

static int put_rename(const struct forcing *f, const char *what, struct span was, struct span name, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(f->db, "INSERT INTO register_rename (seq, kind, what, was, name) VALUES ($1, $2, $3, $4, $5)", e, &s);
    if (rc == 0) {
        db_bind_i64(s, 1, f->seq);
        db_bind_text(s, 2, f->kind);
        db_bind_text(s, 3, span_of(what));
        db_bind_text(s, 4, was);
        db_bind_text(s, 5, name);
        rc = db_run(s, e);
    }
    return rc;
}

static int put_renames(const struct forcing *f, struct err *e)
{
    static const char *const words[REGISTER_CHANGE_COUNT] = {[CHANGE_FIELD_RENAMED] = "f", [CHANGE_STATE_RENAMED] = "s", [CHANGE_KIND_RENAMED] = "k"};
    const struct register_diff *d = &f->s->plan->diff;
    int rc = 0;
    for (uint32_t i = 0; i < d->count && rc == 0; i++) {
        const struct register_change *c = &d->list[i];
        rc = words[c->what] == NULL ? 0 : put_rename(f, words[c->what], c->was, c->name, e);
    }
    return rc;
}

/* All that is called by the kind. What the trail says stays as it was said. */
static int rename_kind(const struct forcing *f, struct err *e)
{
    static const char *const statements[] = {
        "UPDATE register_rename SET kind = $1 WHERE kind = $2", "UPDATE record SET kind = $1 WHERE kind = $2",
        "UPDATE record_link SET kind = $1 WHERE kind = $2",     "UPDATE record_import SET kind = $1 WHERE kind = $2",
        "UPDATE record_key SET kind = $1 WHERE kind = $2",
    };
    char on[2][REGISTER_NAME_MAX + 16];
    const struct span names[] = {f->kind, f->s->kind};
    (void)snprintf(on[0], sizeof on[0], "register.on.%.*s", SPAN_ARG(f->kind));
    (void)snprintf(on[1], sizeof on[1], "register.on.%.*s", SPAN_ARG(f->s->kind));
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(statements) && rc == 0; i++) {
        rc = run(f->db, statements[i], names, 2, e);
    }
    const struct span set[] = {span_of(on[0]), span_of(on[1])};
    rc = rc == 0 ? run(f->db, "DELETE FROM setting WHERE name = $1", set, 1, e) : rc;
    return rc == 0 ? run(f->db, "UPDATE setting SET name = $1 WHERE name = $2", set, 2, e) : rc;
}

/* ---- records ---- */

/* What is called otherwise is no change that somebody made: its version stays. */
static int rename_row(const struct forcing *f, const struct record_row *r, struct err *e)
{
    const struct span texts[] = {r->fields, r->state, r->id};
    return run(f->db, "UPDATE record SET fields = $1, state = $2 WHERE id = $3", texts, 3, e);
}

/* A value that nobody gave is a change, and stands in the trail of the record. */
static int fill_row(const struct forcing *f, const struct record_row *before, struct span fields, struct arena *a, struct err *e)
{
    struct record_put *p = arena_calloc(a, 1, sizeof *p);
    p->row = *before;
    p->row.fields = fields;
    p->row.version++;
    p->row.changed = f->now;
    p->who = f->who;
    p->why = f->why;
    p->what = SPAN("record.changed");
    int rc = record_row_write(f->db, &p->row, 0, e);
    return rc == 0 ? record_note_as(f->db, f->s->plan->diff.after, p, before, a, e) : rc;
}

static int rewrite_row(const struct forcing *f, const struct record_row *r, struct arena *a, struct err *e)
{
    const struct register_diff *d = &f->s->plan->diff;
    struct jcs *fields = NULL;
    bool renamed = false;
    bool filled = false;
    int rc = jcs_read_decimals(a, r->fields, JCS_DEPTH_MAX, &fields, e);
    if (rc != 0) {
        return rc;
    }
    int state = register_diff_state(d, r->state);
    struct record_row today = *r;
    struct jcs *carried = register_diff_carry(a, d, fields, &renamed);
    struct jcs *full = register_diff_fill(a, d, carried, &filled);
    today.fields = jcs_text(a, carried);
    today.state = state >= 0 ? d->after->states[state].id : r->state;
    rc = renamed || !span_eq(today.state, r->state) ? rename_row(f, &today, e) : 0;
    return rc == 0 && filled ? fill_row(f, &today, jcs_text(a, full), a, e) : rc;
}

static int rewrite_some(const struct forcing *f, char after[RECORD_ID_MAX + 1], size_t *count_out, struct err *e)
{
    struct arena a;
    struct db_stmt *s = NULL;
    arena_init(&a, 256 << 10);
    struct record_row *rows = arena_calloc(&a, FORCE_BATCH, sizeof *rows);
    *count_out = 0;
    int rc = db_query(f->db, "SELECT " RECORD_COLUMNS " FROM record r WHERE r.kind = $1 AND r.id > $2 AND r.tlp < $3 ORDER BY r.id LIMIT 500", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, f->kind);
        db_bind_text(s, 2, span_of(after));
        db_bind_i64(s, 3, RECORD_HIDDEN); /* of an import that was never finished: it goes */
        while ((rc = db_step(s, e)) > 0) {
            sql_row(s, &a, &rows[(*count_out)++]);
        }
    }
    for (size_t i = 0; i < *count_out && rc == 0; i++) {
        struct arena one;
        arena_init(&one, 0);
        rc = rewrite_row(f, &rows[i], &one, e);
        arena_fini(&one);
        (void)snprintf(after, RECORD_ID_MAX + 1, "%.*s", SPAN_ARG(rows[i].id));
    }
    arena_fini(&a);
    return rc;
}

/* Keys are made anew at the end of the start: what lists know is not known any more. */
static int forget_keys(const struct forcing *f, struct span kind, struct err *e)
{
    char name[REGISTER_NAME_MAX + 24];
    (void)snprintf(name, sizeof name, "registers.keys.%.*s", SPAN_ARG(kind));
    const struct span set[] = {span_of(name)};
    return run(f->db, "DELETE FROM setting WHERE name = $1", set, 1, e);
}

static int rewrite(struct forcing *f, struct err *e)
{
    char after[RECORD_ID_MAX + 1] = "";
    size_t n = 1;
    bool renamed = !span_eq(f->kind, f->s->kind);
    int rc = renamed ? rename_kind(f, e) : 0;
    rc = rc == 0 ? put_renames(f, e) : rc;
    while (rc == 0 && n > 0 && f->s->plan->rewritten > 0) {
        rc = rewrite_some(f, after, &n, e);
    }
    rc = rc == 0 && (renamed || f->s->plan->rewritten > 0) ? forget_keys(f, f->kind, e) : rc;
    return rc == 0 && renamed ? forget_keys(f, f->s->kind, e) : rc;
}

/* ---- files ---- */

static int put_file(const struct forcing *f, struct err *e)
{
    const struct register_stored *s = f->s;
    struct db_stmt *st = NULL;
    bool gone = s->now.len == 0;
    if (gone && s->plan != NULL && s->plan->records == 0) { /* nothing of it is left: its name is free */
        return run(f->db, "DELETE FROM register_file WHERE kind = $1", &s->kind, 1, e);
    }
    int rc = db_query(f->db,
                      "UPDATE register_file SET kind = $1, file = $2, text = $3, at = $4, rewritten = CASE WHEN $5 > 0 THEN $5 ELSE rewritten END,"
                      " gone = $6, meant = '', who = '', why = '' WHERE kind = $7",
                      e, &st);
    if (rc == 0) {
        db_bind_text(st, 1, f->kind);
        db_bind_text(st, 2, gone ? s->file : s->now_file);
        db_bind_text(st, 3, gone ? s->text : s->now);
        db_bind_i64(st, 4, f->now);
        db_bind_i64(st, 5, s->plan != NULL && (s->plan->rewritten > 0 || register_diff_renames(&s->plan->diff)) ? f->now : 0);
        db_bind_i64(st, 6, gone);
        db_bind_text(st, 7, s->kind);
        rc = db_run(st, e);
    }
    return rc;
}

static int force_one(struct db *db, const struct register_stored *s, time_ns now, struct err *e)
{
    const struct register_diff *d = s->plan == NULL ? NULL : &s->plan->diff;
    bool meant = s->meant.len > 0 && d != NULL && register_plan_loses(s->plan);
    bool read = d != NULL && d->after != NULL;
    struct forcing f = {.db = db, .s = s, .kind = read ? d->after->name : s->kind, .now = now};
    f.who = meant ? s->who : SPAN("sereno");
    f.why = meant ? s->why : SPAN("the file of the register is another one");
    int rc = d != NULL && d->count > 0 ? note(&f, s->now.len == 0 ? SPAN("register.gone") : SPAN("register.changed"), e) : 0;
    rc = rc == 0 && read && d->count > 0 ? rewrite(&f, e) : rc;
    return rc == 0 ? put_file(&f, e) : rc;
}

/* A kind that was not known: what lies there is in force. */
static int adopt(struct db *db, const struct register_choice *c, const struct register_kind *k, time_ns now, struct err *e)
{
    struct span text = SPAN("");
    struct db_stmt *s = NULL;
    for (size_t i = 0; i < c->nfiles; i++) {
        text = span_eq(c->files[i].name, k->file) ? c->files[i].text : text;
    }
    for (size_t i = 0; i < register_shipped_count && register_is_shipped(k->file); i++) {
        text = span_eq(register_shipped[i].name, k->file) ? register_shipped[i].text : text;
    }
    int rc = db_query(db,
                      "INSERT INTO register_file (kind, file, text, at, rewritten, gone, meant, who, why) VALUES ($1, $2, $3, $4, 0, 0, '', '', '') "
                      "ON CONFLICT DO NOTHING",
                      e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, k->name);
        db_bind_text(s, 2, k->file);
        db_bind_text(s, 3, text);
        db_bind_i64(s, 4, now);
        rc = db_run(s, e);
    }
    return rc;
}

static bool is_stored(const struct register_choice *c, const struct register_kind *k)
{
    for (size_t i = 0; i < c->nstored; i++) {
        const struct register_stored *s = &c->stored[i];
        if (span_eq(s->kind, k->name) || (s->there && s->taken && s->plan != NULL && s->plan->diff.after != NULL && span_eq(s->plan->diff.after->name, k->name))) {
            return true;
        }
    }
    return false;
}

static int force_all(struct db *db, const struct register_choice *c, time_ns now, struct err *e)
{
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; i < c->nstored && rc == 0; i++) {
        rc = c->stored[i].there && c->stored[i].taken ? force_one(db, &c->stored[i], now, e) : 0;
    }
    const struct register_kind *all = registers_all(c->kinds, &n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = is_stored(c, &all[i]) ? 0 : adopt(db, c, &all[i], now, e);
    }
    return rc;
}

int register_force(struct db *db, const struct register_choice *c, time_ns now, struct err *e)
{
    int rc = db_begin(db, e);
    return rc == 0 ? db_end(db, force_all(db, c, now, e), e) : rc;
}

/* ---- somebody means it ---- */

static int mean_one(struct db *db, const struct register_stored *s, const struct register_consent *by, struct err *e)
{
    struct arena a;
    struct db_stmt *st = NULL;
    arena_init(&a, 0);
    const struct span digest = register_digest(&a, s->now);
    const struct audit_entry entry = {.at = by->at, .organisation = by->organisation, .who = by->who, .what = SPAN("register.meant"), .subject = s->kind, .why = by->why,
                                      .after = s->now.len == 0 ? SPAN("gone") : s->now_file};
    int rc = db_query(db, "UPDATE register_file SET meant = $1, who = $2, why = $3 WHERE kind = $4", e, &st);
    if (rc == 0) {
        db_bind_text(st, 1, digest);
        db_bind_text(st, 2, by->who);
        db_bind_text(st, 3, by->why);
        db_bind_text(st, 4, s->kind);
        rc = db_run(st, e);
    }
    rc = rc == 0 ? audit_append(db, &entry, e) : rc;
    arena_fini(&a);
    return rc;
}

int register_consent_put(struct db *db, const struct register_choice *c, const struct register_consent *by, struct span *kinds_out, size_t *count_out,
                         struct err *e)
{
    *count_out = 0;
    int rc = db_begin(db, e);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < c->nstored && rc == 0 && *count_out < REGISTER_KINDS_MAX; i++) {
        const struct register_stored *s = &c->stored[i];
        if (s->kept && s->plan != NULL && register_plan_loses(s->plan) && !register_plan_stuck(s->plan)) {
            rc = mean_one(db, s, by, e);
            kinds_out[(*count_out)++] = s->kind;
        }
    }
    return db_end(db, rc, e);
}

/* ---- what was called how ---- */

int register_renames_read(struct db *db, struct arena *a, struct span kind, struct register_rename *out, size_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    *count_out = 0;
    int rc = db_query(db, "SELECT seq, what, was, name FROM register_rename WHERE kind = $1 ORDER BY seq, what, was LIMIT 512", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, kind);
    }
    while (rc == 0 && (rc = db_step(s, e)) > 0) {
        struct register_rename *r = &out[(*count_out)++];
        struct span what = db_col_text(s, 1);
        *r = (struct register_rename){.seq = db_col_i64(s, 0), .what = what.len == 1 ? what.ptr[0] : '\0', .was = arena_copy(a, db_col_text(s, 2)),
                                      .name = arena_copy(a, db_col_text(s, 3))};
        rc = 0;
    }
    return rc;
}

int register_rewritten(struct db *db, struct span kind, time_ns *out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = 0;
    int rc = db_query(db, "SELECT rewritten FROM register_file WHERE kind = $1", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, kind);
        rc = db_step(s, e);
    }
    if (rc > 0) {
        *out = db_col_i64(s, 0);
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}
