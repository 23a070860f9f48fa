/* SPDX-License-Identifier: EUPL-1.2 */
/* Reminders of what is due: see reminders.h. Runs in the keeper; the codecs also in the desk. */
#include "records/reminders.h"

#include "base/id.h"
#include "records/demo.h"
#include "records/registers/record_sql.h"

/* state: "waiting", "sent", "failed" (given up) */
const char reminder_sql[] =
    "CREATE TABLE reminder ("
    " record_id TEXT NOT NULL, name TEXT NOT NULL, day TEXT NOT NULL, step BIGINT NOT NULL, kind TEXT NOT NULL, letter TEXT NOT NULL,"
    " PRIMARY KEY (record_id, name, day, step));"
    "CREATE INDEX reminder_by_letter ON reminder (letter);"
    "CREATE INDEX reminder_day ON reminder (day);"
    "CREATE TABLE reminder_letter ("
    " id TEXT PRIMARY KEY, state TEXT NOT NULL, tries BIGINT NOT NULL, next_try BIGINT NOT NULL, created BIGINT NOT NULL,"
    " ended BIGINT NOT NULL, why TEXT NOT NULL);"
    "CREATE INDEX reminder_letter_state ON reminder_letter (state, ended);";

/* One statement with texts in front and numbers behind. */
static int run(struct db *db, const char *sql, const struct span *texts, int ntexts, const int64_t *numbers, int nnumbers, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, sql, e, &s);
    for (int i = 0; rc == 0 && i < ntexts; i++) {
        db_bind_text(s, i + 1, texts[i]);
    }
    for (int i = 0; rc == 0 && i < nnumbers; i++) {
        db_bind_i64(s, ntexts + i + 1, numbers[i]);
    }
    return rc == 0 ? db_run(s, e) : rc;
}

/* ---- what is to be told ---- */

struct gathering {
    struct db *db;
    struct arena *a;
    int64_t today;
    struct span letter;
    uint32_t n; /* steps in it */
};

struct found {
    struct span id, day; /* as the key has it: a day, or a time */
};

static void put_question(struct sql *s, const struct gathering *g, const struct register_kind *k, const struct register_due *d)
{
    sql_put(s, "SELECT r.id, d.value FROM record_key d CROSS JOIN record r WHERE d.organisation <> '" DEMO_ORGANISATION "' AND d.kind = ");
    sql_value(s, k->name);
    sql_put(s, " AND d.field = ");
    sql_value(s, d->name);
    sql_put(s, " AND d.value >= ");
    sql_value(s, register_day_text(g->a, g->today - REMINDER_PAST_DAYS));
    sql_put(s, " AND d.value < ");
    sql_value(s, register_day_text(g->a, g->today + d->remind[0] + 1));
    buf_printf(&s->text, " AND r.id = d.record_id AND r.tlp < %u AND r.state IN (", (unsigned)tlp_rank(TLP_RED)); /* those on their way in have more */
    bool first = true;
    for (uint32_t i = 0; i < k->nstates; i++) {
        if ((d->states >> i & 1) != 0) {
            sql_put(s, first ? "" : ", ");
            sql_value(s, k->states[i].id);
            first = false;
        }
    }
    sql_put(s, ") AND NOT EXISTS (SELECT 1 FROM reminder m WHERE m.record_id = r.id AND m.name = ");
    sql_value(s, d->name);
    buf_printf(&s->text, " AND m.day = d.value AND m.step = %d) ORDER BY d.value, r.id LIMIT %d", DUE_STEP_PAST, REMINDER_SCAN_MAX);
}

static int find(const struct gathering *g, const struct register_kind *k, const struct register_due *d, struct found *list, uint32_t *n, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    put_question(&s, g, k, d);
    int rc = sql_prepare(g->db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        list[(*n)++] = (struct found){arena_copy(g->a, db_col_text(st, 0)), arena_copy(g->a, db_col_text(st, 1))};
        rc = 0;
    }
    sql_end(&s);
    return rc;
}

/* The step that is reached, once; what came before it and was slept through is not told. */
static int note(struct gathering *g, const struct register_kind *k, const struct register_due *d, const struct found *f, struct err *e)
{
    time_ns at = 0;
    int step = time_parse(f->day, 0, &at) ? register_due_step(d, time_day(at), g->today) : DUE_STEP_NONE;
    if (step == DUE_STEP_NONE || g->n == REMINDER_ONCE_MAX) {
        return 0;
    }
    const struct span texts[] = {f->id, d->name, f->day, k->name, g->letter};
    const int64_t number = step;
    int rc = run(g->db, "INSERT INTO reminder (record_id, name, day, kind, letter, step) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING", texts, 5, &number, 1, e);
    g->n += rc == 0 && db_changes(g->db) == 1;
    return rc;
}

static int gather(struct gathering *g, const struct registers *kinds, struct err *e)
{
    size_t count = 0;
    int rc = 0;
    struct found *list = arena_calloc(g->a, REMINDER_SCAN_MAX, sizeof *list);
    const struct register_kind *k = registers_kinds(kinds, &count);
    for (size_t i = 0; i < count && rc == 0; i++) {
        for (uint32_t d = 0; d < k[i].ndue && rc == 0; d++) {
            uint32_t n = 0;
            rc = find(g, &k[i], &k[i].due[d], list, &n, e);
            for (uint32_t f = 0; f < n && rc == 0; f++) {
                rc = note(g, &k[i], &k[i].due[d], &list[f], e);
            }
        }
    }
    return rc;
}

/* ---- letters ---- */

/* As people call it. */
static struct span heading_of(const struct registers *kinds, struct span name, struct arena *a)
{
    const struct register_kind *k = registers_any(kinds, name);
    return arena_copy(a, k == NULL ? name : span_sub(k->heading, 0, k->heading.len < REMINDER_NAME_MAX ? k->heading.len : REMINDER_NAME_MAX));
}

static int read_counts(struct db *db, const struct registers *kinds, struct arena *a, struct reminder_letter *out, struct err *e)
{
    struct db_stmt *s = NULL;
    out->counts = arena_calloc(a, REMINDER_COUNTS_MAX, sizeof *out->counts);
    int rc = db_query(db, "SELECT kind, step, COUNT(*) FROM reminder WHERE letter = $1 GROUP BY kind, step ORDER BY kind, step LIMIT $2", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, out->id);
        db_bind_i64(s, 2, REMINDER_COUNTS_MAX);
        while ((rc = db_step(s, e)) > 0) {
            out->counts[out->ncounts++] = (struct reminder_count){heading_of(kinds, db_col_text(s, 0), a), db_col_i64(s, 1), db_col_i64(s, 2)};
        }
    }
    return rc;
}

/* The one that waits; *later: not yet. */
static int waiting(struct db *db, time_ns now, struct arena *a, struct reminder_letter *out, bool *later, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT id, next_try FROM reminder_letter WHERE state = 'waiting' ORDER BY created, id LIMIT 1", e, &s);
    rc = rc == 0 ? db_step(s, e) : rc;
    if (rc > 0) {
        *later = db_col_i64(s, 1) > now;
        out->id = *later ? SPAN("") : arena_copy(a, db_col_text(s, 0));
        db_done(s);
        rc = 0;
    }
    return rc;
}

static int write_new(struct db *db, const struct registers *kinds, time_ns now, struct arena *a, struct reminder_letter *out, struct err *e)
{
    char id[ID_TEXT_LEN + 1];
    id_new(now, id);
    struct gathering g = {.db = db, .a = a, .today = time_day(now), .letter = arena_copy(a, span_of(id))};
    const struct span old = register_day_text(a, g.today - REMINDER_KEPT_DAYS);
    const int64_t before = now - REMINDER_KEPT_DAYS * TIME_DAY;
    int rc = run(db, "DELETE FROM reminder WHERE day < $1", &old, 1, NULL, 0, e);
    rc = rc == 0 ? run(db, "DELETE FROM reminder_letter WHERE state <> 'waiting' AND ended < $1", NULL, 0, &before, 1, e) : rc;
    rc = rc == 0 ? gather(&g, kinds, e) : rc;
    if (rc != 0 || g.n == 0) {
        return rc;
    }
    out->id = g.letter;
    return run(db, "INSERT INTO reminder_letter (id, state, tries, next_try, created, ended, why) VALUES ($1, 'waiting', 0, $2, $2, 0, '')", &g.letter, 1, &now, 1, e);
}

static int take(struct db *db, const struct registers *kinds, time_ns now, struct arena *a, struct reminder_letter *out, struct err *e)
{
    bool later = false;
    int rc = waiting(db, now, a, out, &later, e);
    rc = rc == 0 && out->id.len == 0 && !later ? write_new(db, kinds, now, a, out, e) : rc;
    return rc == 0 && out->id.len > 0 ? read_counts(db, kinds, a, out, e) : rc;
}

int reminders_take(struct db *db, const struct registers *kinds, time_ns now, struct arena *a, struct reminder_letter *out, struct err *e)
{
    *out = (struct reminder_letter){.id = SPAN("")};
    int rc = db_begin(db, e);
    return rc == 0 ? db_end(db, take(db, kinds, now, a, out, e), e) : rc;
}

static int tell(struct db *db, struct span id, bool delivered, struct span why, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int64_t tries = 0;
    int rc = db_query(db, "SELECT tries FROM reminder_letter WHERE id = $1 AND state = 'waiting'", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, id);
        rc = db_step(s, e);
    }
    if (rc <= 0) {
        return rc; /* told already */
    }
    tries = db_col_i64(s, 0) + 1;
    db_done(s);
    bool again = !delivered && tries < REMINDER_TRIES_MAX;
    int64_t pause = REMINDER_PAUSE_S;
    for (int64_t i = 1; i < tries && pause < REMINDER_PAUSE_MAX_S; i++) {
        pause *= 2;
    }
    pause = pause > REMINDER_PAUSE_MAX_S ? REMINDER_PAUSE_MAX_S : pause;
    const struct span texts[] = {id, delivered ? SPAN("sent") : again ? SPAN("waiting") : SPAN("failed"), span_sub(why, 0, why.len < REMINDER_WHY_MAX ? why.len : REMINDER_WHY_MAX)};
    const int64_t numbers[] = {tries, now + pause * TIME_SECOND, again ? 0 : now};
    return run(db, "UPDATE reminder_letter SET state = $2, why = $3, tries = $4, next_try = $5, ended = $6 WHERE id = $1", texts, 3, numbers, 3, e);
}

int reminders_told(struct db *db, struct span id, bool delivered, struct span why, time_ns now, struct err *e)
{
    int rc = db_begin(db, e);
    return rc == 0 ? db_end(db, tell(db, id, delivered, why, now, e), e) : rc;
}

/* ---- as a message ---- */

void reminder_letter_encode(struct buf *out, const struct reminder_letter *l)
{
    buf_str(out, l->id);
    buf_u32(out, l->ncounts);
    for (uint32_t i = 0; i < l->ncounts; i++) {
        buf_str(out, l->counts[i].kind);
        buf_u64(out, (uint64_t)l->counts[i].step);
        buf_u64(out, (uint64_t)l->counts[i].count);
    }
}

void reminder_letter_decode(struct cursor *c, struct arena *a, struct reminder_letter *out)
{
    *out = (struct reminder_letter){.id = cursor_str(c)};
    uint32_t n = cursor_u32(c);
    c->failed = c->failed || n > REMINDER_COUNTS_MAX || (out->id.len > 0 && !id_valid(out->id));
    out->counts = c->failed ? NULL : arena_calloc(a, n, sizeof *out->counts);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        struct reminder_count *r = &out->counts[i];
        r->kind = cursor_str(c);
        r->step = (int64_t)cursor_u64(c);
        r->count = (int64_t)cursor_u64(c);
        c->failed = c->failed || r->kind.len > REMINDER_NAME_MAX || r->step < DUE_STEP_PAST || r->step > REGISTER_REMIND_DAYS || r->count < 1;
        out->ncounts += !c->failed;
    }
}
