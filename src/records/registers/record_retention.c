/* SPDX-License-Identifier: EUPL-1.2 */
/* What records say of persons goes when its time is over: see record_retention.h. Runs in the keeper. */
#include "records/registers/record_retention_priv.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/num.h"
#include "records/audit.h"
#include "records/registers/record_seal.h"
#include "records/registers/record_stage.h"
#include "records/registers/record_store.h"
#include "records/registers/register_due.h"
#include "records/settings.h"

enum { RULE_MARK_TEXT = 32 /* hex digits */ };

/* What was imported is looked for by its record. */
const char record_retention_sql[] = "CREATE INDEX record_import_row_record ON record_import_row (record_id);";

uint32_t retention_days_of(const struct retention_rules *rules, const struct register_kind *k)
{
    uint32_t days = k->retention.days;
    for (uint32_t i = 0; i < rules->nown; i++) {
        days = span_eq(rules->own[i].kind, k->name) && k->retention.days > 0 ? rules->own[i].days : days;
    }
    return days;
}

/* ---- since when a rule is here ---- */

/* All of it that decides what goes when, by name: a field that a file has besides makes no rule new. In a. */
static struct span rule_mark(struct arena *a, const struct register_kind *k, uint32_t days)
{
    unsigned char hash[RULE_MARK_TEXT / 2];
    char *out = arena_alloc(a, RULE_MARK_TEXT + 1);
    const char *text = arena_printf(a, "%u %.*s", days, SPAN_ARG(k->retention.from < 0 ? SPAN("") : k->fields[k->retention.from].name));
    for (uint32_t i = 0; i < k->nstates; i++) {
        text = (k->retention.states >> i & 1) == 0 ? text : arena_printf(a, "%s,%.*s", text, SPAN_ARG(k->states[i].id));
    }
    text = arena_printf(a, "%s:", text);
    for (uint32_t i = 0; i < k->nfields; i++) {
        text = (k->retention.erases >> i & 1) == 0 ? text : arena_printf(a, "%s,%.*s", text, SPAN_ARG(k->fields[i].name));
    }
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)text, strlen(text), NULL, 0));
    hex_encode(hash, sizeof hash, out);
    return span_make(out, RULE_MARK_TEXT);
}

/* What is kept: "MARK SINCE", the rule as it was when it was last looked, and the day of it. */
int retention_rule_since(struct db *db, const struct register_kind *k, uint32_t days, struct arena *a, int64_t *since_out, struct err *e)
{
    char text[SETTING_MAX];
    struct span value = SPAN("");
    int64_t since = 0;
    struct span name = span_of(arena_printf(a, "retention.%.*s", SPAN_ARG(k->name)));
    *since_out = RETENTION_RULE_UNKNOWN;
    int rc = settings_get(db, name, text, sizeof text, &value, e);
    ptrdiff_t gap = rc == 0 ? span_find(value, ' ') : -1;
    if (gap > 0 && span_eq(span_sub(value, 0, (size_t)gap), rule_mark(a, k, days)) && num_i64(span_sub(value, (size_t)gap + 1, value.len), &since)) {
        *since_out = since;
    }
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

int retention_note_rules(struct db *db, const struct retention_rules *rules, time_ns now, struct err *e)
{
    size_t n = 0;
    int rc = 0;
    struct arena a;
    const struct register_kind *k = registers_all(rules->kinds, &n);
    arena_init(&a, 0);
    for (size_t i = 0; i < n && rc == 0; i++) {
        int64_t since = 0;
        uint32_t days = retention_days_of(rules, &k[i]);
        rc = days == 0 ? 0 : retention_rule_since(db, &k[i], days, &a, &since, e);
        if (rc == 0 && days > 0 && since == RETENTION_RULE_UNKNOWN) {
            rc = settings_put(db, span_of(arena_printf(&a, "retention.%.*s", SPAN_ARG(k[i].name))),
                              span_of(arena_printf(&a, "%.*s %lld", SPAN_ARG(rule_mark(&a, &k[i], days)), (long long)time_day(now))), now, e);
        }
        arena_reset(&a);
    }
    arena_fini(&a);
    return rc;
}

int64_t retention_notice(uint32_t days)
{
    return days < RETENTION_NOTICE_DAYS ? days : RETENTION_NOTICE_DAYS;
}

/* ---- one record ---- */

/* No more of it than that it was there: what takes an import back, and what waits of one on its way. */
static int forget_imports(struct db *db, struct span id, struct err *e)
{
    static const char *const statements[] = {
        "DELETE FROM record_import_row WHERE record_id = $1 AND import_id NOT IN (SELECT id FROM record_import)",
        "UPDATE record_import_row SET back = $2, put = $2 WHERE record_id = $1",
        "UPDATE staff_import_person SET wrote = '' WHERE person = $1", /* what lists of joiners and leavers wrote in it */
        "DELETE FROM reminder WHERE record_id = $1",
    };
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(statements) && rc == 0; i++) {
        struct db_stmt *s = NULL;
        rc = db_query(db, statements[i], e, &s);
        if (rc == 0) {
            db_bind_text(s, 1, id);
            if (i == 1) {
                db_bind_bytes(s, 2, SPAN(""));
            }
            rc = db_run(s, e);
        }
    }
    return rc;
}

static const char *rule_text(struct arena *a, const struct register_kind *k, uint32_t days)
{
    struct span from = k->retention.from < 0 ? SPAN("changed") : k->fields[k->retention.from].name;
    return arena_printf(a, "%.*s: %u days after %.*s", SPAN_ARG(k->name), days, SPAN_ARG(from));
}

/* Whether the trail has values of it: also where it has no such field any more. */
static int has_values(struct db *db, struct span id, bool *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT 1 FROM trail_value WHERE record_id = $1 LIMIT 1", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, id);
        rc = db_step(s, e);
    }
    if (rc > 0) {
        db_done(s);
    }
    *out = rc > 0;
    return rc < 0 ? rc : 0;
}

/* Its keys anew, and none that has it looked at again. */
static int put_keys(struct db *db, const struct register_kind *k, const struct record_row *r, const struct jcs *fields, struct arena *a, struct err *e)
{
    struct record_key keys[REGISTER_KEYS_MAX];
    struct record_row row = *r;
    size_t n = register_keys(a, k, fields, r->organisation, r->state, r->tlp, r->created, r->changed, keys);
    for (size_t i = 0; i < n; i++) {
        keys[i].value = span_eq(keys[i].field, REGISTER_KEY_KEPT) ? SPAN("") : keys[i].value;
    }
    row.version = row.version < 2 ? 2 : row.version; /* those of before go */
    return record_keys_put(db, &row, keys, n, e);
}

static int erase(struct db *db, const struct retention_rules *rules, const struct register_kind *k, const struct record_row *before, time_ns now, bool *erased_out,
                 struct arena *a, struct err *e)
{
    struct jcs *fields = NULL;
    struct record_row after = *before;
    int rc = jcs_read_decimals(a, before->fields, JCS_DEPTH_MAX, &fields, e);
    rc = rc == 0 ? has_values(db, before->id, erased_out, e) : rc;
    if (rc != 0) {
        return rc;
    }
    *erased_out = *erased_out || register_erasable(k, fields);
    if (!*erased_out) {
        return put_keys(db, k, before, fields, a, e);
    }
    fields = register_erased(a, k, fields, before->id);
    after.fields = jcs_text(a, fields);
    after.title = register_title(k, fields);
    after.changed = now;
    after.version++;
    struct audit_entry entry = {.at = now, .organisation = after.organisation, .who = SPAN("sereno"), .what = RECORD_ERASED,
                                .subject = record_subject(a, &after), .why = span_of(rule_text(a, k, retention_days_of(rules, k)))};
    rc = record_row_write(db, &after, 0, e);
    rc = rc == 0 ? put_keys(db, k, &after, fields, a, e) : rc;
    rc = rc == 0 ? record_seal(db, rules->kinds, before, a, &entry.before, e) : rc;
    rc = rc == 0 ? record_seal(db, rules->kinds, &after, a, &entry.after, e) : rc;
    rc = rc == 0 ? record_seal_erase(db, after.id, e) : rc;
    rc = rc == 0 ? forget_imports(db, after.id, e) : rc;
    return rc == 0 ? audit_append(db, &entry, e) : rc;
}

/* ---- a step ---- */

struct step {
    const struct register_kind *k;
    int64_t days, today;
    struct record_row rows[RETENTION_STEP];
    struct span day[RETENTION_STEP];
    uint32_t n;
};

void retention_sql_hold(struct sql *q, struct span kind)
{
    sql_put(q, " FROM legal_hold h WHERE h.lifted IS NULL AND (h.organisation = '*' OR h.organisation = r.organisation)"
               " AND r.created < (h.last_day + 1) * 86400000000000 AND h.source IN ('" RETENTION_HOLD "', '" RETENTION_HOLD "/' || ");
    sql_value(q, kind);
    sql_put(q, ", '" RETENTION_HOLD "/' || ");
    sql_value(q, kind);
    sql_put(q, " || '/' || r.id)");
}

static int find(struct db *db, struct step *s, const struct retention_run *run, struct arena *a, struct err *e)
{
    struct sql q;
    struct db_stmt *st = NULL;
    struct span after_day = span_of(run->day), after_id = span_of(run->id);
    time_ns unchanged_since = (s->today - retention_notice((uint32_t)s->days) + 1) * TIME_DAY;
    sql_begin(&q);
    sql_put(&q, "SELECT " RECORD_COLUMNS ", k.value FROM record_key k CROSS JOIN record r WHERE k.kind = ");
    sql_value(&q, s->k->name);
    sql_put(&q, " AND k.field = ");
    sql_value(&q, REGISTER_KEY_KEPT);
    sql_put(&q, " AND k.value > '' AND k.value <= ");
    sql_value(&q, register_day_text(a, s->today - s->days));
    sql_put(&q, " AND (k.value > ");
    sql_value(&q, after_day);
    sql_put(&q, " OR (k.value = ");
    sql_value(&q, after_day);
    sql_put(&q, " AND k.record_id > ");
    sql_value(&q, after_id);
    sql_put(&q, "))");
    sql_put(&q, " AND NOT EXISTS (SELECT 1");
    retention_sql_hold(&q, s->k->name);
    sql_put(&q, ")");
    buf_printf(&q.text, " AND r.id = k.record_id AND r.tlp < %d AND r.changed < %lld ORDER BY k.value, k.record_id LIMIT %d", (int)RECORD_HIDDEN,
               (long long)unchanged_since, RETENTION_STEP);
    int rc = sql_prepare(db, &q, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        sql_row(st, a, &s->rows[s->n]);
        s->day[s->n++] = arena_copy(a, db_col_text(st, RECORD_COLUMN_COUNT));
        rc = 0;
    }
    sql_end(&q);
    return rc;
}

static int erase_all(struct db *db, const struct retention_rules *rules, const struct step *s, time_ns now, uint64_t *erased_out, struct arena *a, struct err *e)
{
    int rc = 0;
    *erased_out = 0;
    for (uint32_t i = 0; i < s->n && rc == 0; i++) {
        bool erased = false;
        rc = erase(db, rules, s->k, &s->rows[i], now, &erased, a, e);
        *erased_out += erased;
    }
    return rc;
}

/* One that cannot be erased stays as it is and is told: a line of the trail under its id alone, since it is no change of the record. What cannot be told
 * either ends the run: that is no fault of one record. */
static int pass_by(struct db *db, const struct step *s, const struct record_row *r, struct retention_run *run, const struct err *why, time_ns now, struct err *e)
{
    const struct audit_entry entry = {.at = now, .organisation = r->organisation, .who = SPAN("sereno"), .what = RETENTION_PASSED, .subject = r->id,
                                      .why = span_of(why->text), .after = s->k->name};
    if (run->npassed < RETENTION_PASSED_MAX) {
        (void)snprintf(run->passed[run->npassed++], sizeof run->passed[0], "%.*s", SPAN_ARG(r->id));
        int rc = db_begin(db, e);
        rc = rc == 0 ? db_end(db, audit_append(db, &entry, e), e) : rc;
        if (rc != 0) {
            return rc;
        }
    }
    run->passed_by++;
    return 0;
}

/* One by one, since one of them cannot be erased; it hinders no other. */
static int erase_each(struct db *db, const struct retention_rules *rules, const struct step *s, time_ns now, struct retention_run *run, struct arena *a, struct err *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < s->n && rc == 0; i++) {
        bool erased = false;
        struct err why = {0};
        rc = db_begin(db, e);
        if (rc != 0) {
            return rc;
        }
        int one = db_end(db, erase(db, rules, s->k, &s->rows[i], now, &erased, a, &why), &why);
        run->erased += one == 0 && erased;
        rc = one == 0 ? 0 : pass_by(db, s, &s->rows[i], run, &why, now, e);
    }
    return rc;
}

/* The next ones of the kind at which the run is; none of one that has no rule here, or none yet. */
static int find_some(struct db *db, const struct retention_rules *rules, const struct retention_run *run, struct step *s, struct arena *a, struct err *e)
{
    int64_t since = 0;
    s->days = retention_days_of(rules, s->k);
    int rc = s->days == 0 ? 0 : retention_rule_since(db, s->k, (uint32_t)s->days, a, &since, e);
    bool acts = s->days > 0 && s->today >= since + retention_notice((uint32_t)s->days);
    return rc == 0 && acts ? find(db, s, run, a, e) : rc;
}

static void go_on(struct retention_run *run, const struct step *s)
{
    if (s->n < RETENTION_STEP) {
        run->kind++;
        run->day[0] = run->id[0] = '\0';
    } else {
        (void)snprintf(run->day, sizeof run->day, "%.*s", SPAN_ARG(s->day[s->n - 1]));
        (void)snprintf(run->id, sizeof run->id, "%.*s", SPAN_ARG(s->rows[s->n - 1].id));
    }
}

int retention_step(struct db *db, const struct retention_rules *rules, time_ns now, struct retention_run *run, bool *more_out, struct err *e)
{
    size_t kinds = 0;
    struct arena a;
    int rc = 0;
    const struct register_kind *all = registers_all(rules->kinds, &kinds);
    arena_init(&a, 64 << 10);
    struct step *s = arena_calloc(&a, 1, sizeof *s);
    s->today = time_day(now);
    while (rc == 0 && s->n == 0 && run->kind < kinds) { /* kinds without any are passed in one step: a look into an index each */
        uint64_t erased = 0;
        s->k = &all[run->kind];
        rc = find_some(db, rules, run, s, &a, e);
        if (rc == 0 && s->n > 0) {
            rc = db_begin(db, e);
            int all_of_them = rc == 0 ? db_end(db, erase_all(db, rules, s, now, &erased, &a, e), e) : rc;
            run->erased += all_of_them == 0 ? erased : 0;
            rc = rc == 0 && all_of_them != 0 ? erase_each(db, rules, s, now, run, &a, e) : rc;
        }
        go_on(run, s);
    }
    *more_out = run->kind < kinds;
    arena_fini(&a);
    return rc;
}
