/* SPDX-License-Identifier: EUPL-1.2 */
/* The invented city in the records: see demo.h. Runs in the keeper. Must never touch a row of another organisation. */
#include "records/demo.h"

#include <stdio.h>

#include "records/audit.h"
#include "records/registers/register.h"
#include "records/settings.h"

#define SETTING SPAN("demo")
#define SWITCH_PREFIX "register.on."
#define OWN "'" DEMO_ORGANISATION "'"

static const char *const stages[DEMO_STAGES] = {"none", "loading", "loaded", "purging"};

const char *demo_stage_name(enum demo_stage stage)
{
    CHECK(stage < DEMO_STAGES);
    return stages[stage];
}

/* ---- its setting: stage, source, kinds, a line each ---- */

static struct span line(struct span *rest)
{
    ptrdiff_t n = span_find(*rest, '\n');
    struct span out = span_sub(*rest, 0, n < 0 ? rest->len : (size_t)n);
    *rest = span_sub(*rest, n < 0 ? rest->len : (size_t)n + 1, rest->len);
    return out;
}

int demo_get(struct db *db, struct arena *a, struct demo *out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = (struct demo){.at = TIME_NONE};
    int rc = db_query(db, "SELECT value, changed FROM setting WHERE name = $1", e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, SETTING);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc;
    }
    struct span value = arena_copy(a, db_col_text(s, 0));
    out->at = db_col_i64(s, 1);
    db_done(s);
    struct span stage = line(&value);
    while (out->stage < DEMO_STAGES && !span_eq(span_of(stages[out->stage]), stage)) {
        out->stage++;
    }
    out->source = line(&value);
    out->kinds = line(&value);
    return out->stage < DEMO_STAGES && demo_source_fits(out->source) ? 0 : err_set(e, ERR_INVALID, "what is known of the invented city is damaged");
}

/* The next word of a text with blanks between. */
static struct span word(struct span *rest)
{
    ptrdiff_t n = span_find(*rest, ' ');
    struct span out = span_sub(*rest, 0, n < 0 ? rest->len : (size_t)n);
    *rest = span_sub(*rest, n < 0 ? rest->len : (size_t)n + 1, rest->len);
    return out;
}

static int put(struct db *db, enum demo_stage stage, struct span source, struct span kinds, time_ns now, struct err *e)
{
    struct buf b;
    buf_init(&b, SETTING_MAX);
    buf_printf(&b, "%s\n%.*s\n%.*s", stages[stage], SPAN_ARG(source), SPAN_ARG(kinds));
    int rc = b.failed ? err_set(e, ERR_LIMIT, "too many kinds are switched on") : settings_put(db, SETTING, buf_view(&b), now, e);
    buf_free(&b);
    return rc;
}

static int note(struct db *db, struct span who, const char *what, struct span source, struct span after, time_ns now, struct err *e)
{
    const struct audit_entry entry = {.at = now, .organisation = SPAN(DEMO_ORGANISATION), .who = who, .what = span_of(what), .subject = source, .after = after};
    return audit_append(db, &entry, e);
}

/* The first column of the first row; 0 where there is none. */
static int number(struct db *db, const char *sql, int64_t *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, sql, e, &s);
    *out = 0;
    rc = rc == 0 ? db_step(s, e) : rc;
    if (rc > 0) {
        *out = db_col_i64(s, 0);
        db_done(s);
        rc = 0;
    }
    return rc;
}

/* ---- loaded ---- */

/* The kinds, with a "!" behind those that somebody had switched off himself. */
static int mark_kinds(struct db *db, struct span kinds, struct buf *out, struct err *e)
{
    int rc = 0;
    for (struct span rest = kinds; rest.len > 0 && rc == 0;) {
        char name[sizeof SWITCH_PREFIX + REGISTER_NAME_MAX], value[8];
        struct span was, kind = word(&rest);
        struct err none = {0};
        (void)snprintf(name, sizeof name, SWITCH_PREFIX "%.*s", SPAN_ARG(span_sub(kind, 0, REGISTER_NAME_MAX)));
        rc = settings_get(db, span_of(name), value, sizeof value, &was, &none);
        buf_printf(out, "%s%.*s%s", out->len > 0 ? " " : "", SPAN_ARG(kind), rc == 0 ? "!" : "");
        rc = rc == 0 || rc == ERR_NOT_FOUND ? 0 : err_set(e, rc, "%s", none.text);
    }
    return rc == 0 && out->failed ? err_set(e, ERR_LIMIT, "too many kinds are switched on") : rc;
}

static int begin(struct db *db, struct span who, struct span source, struct span kinds, time_ns now, struct err *e)
{
    struct arena a;
    struct demo d;
    int64_t own = 0;
    arena_init(&a, 0);
    int rc = demo_get(db, &a, &d, e);
    rc = rc == 0 ? number(db, "SELECT COUNT(*) FROM record", &own, e) : rc;
    if (rc == 0 && d.stage != DEMO_NONE) {
        rc = err_set(e, ERR_EXISTS, d.stage == DEMO_LOADED ? "The invented city is on this node already."
                                                           : "The invented city was not loaded or purged to the end. Purge it first: sereno demo purge");
    } else if (rc == 0 && own > 0) {
        rc = err_set(e, ERR_EXISTS,
                     "This node has %lld records of its own, and invented ones must not stand among them. Start another node for it: "
                     "sereno serve --data FOLDER, then sereno demo load --data FOLDER",
                     (long long)own);
    }
    struct buf marked;
    buf_init(&marked, DEMO_KINDS_MAX + 200);
    rc = rc == 0 ? mark_kinds(db, kinds, &marked, e) : rc;
    rc = rc == 0 ? put(db, DEMO_LOADING, source, buf_view(&marked), now, e) : rc;
    buf_free(&marked);
    arena_fini(&a);
    return rc == 0 ? note(db, who, "demo.loading", source, kinds, now, e) : rc;
}

int demo_begin(struct db *db, struct span who, struct span source, struct span kinds, time_ns now, struct err *e)
{
    if (!demo_source_fits(source) || kinds.len > DEMO_KINDS_MAX || span_find(kinds, '\n') >= 0) {
        return err_set(e, ERR_INVALID, "no name of a source of invented logs");
    }
    int rc = db_begin(db, e);
    return rc == 0 ? db_end(db, begin(db, who, source, kinds, now, e), e) : rc;
}

static int loaded(struct db *db, struct span who, time_ns now, struct err *e)
{
    struct arena a;
    struct demo d;
    arena_init(&a, 0);
    int rc = demo_get(db, &a, &d, e);
    rc = rc == 0 && d.stage != DEMO_LOADING ? err_set(e, ERR_EXISTS, "Nothing is being loaded.") : rc;
    rc = rc == 0 ? put(db, DEMO_LOADED, d.source, d.kinds, now, e) : rc;
    rc = rc == 0 ? note(db, who, "demo.loaded", d.source, SPAN(""), now, e) : rc;
    arena_fini(&a);
    return rc;
}

int demo_loaded(struct db *db, struct span who, time_ns now, struct err *e)
{
    int rc = db_begin(db, e);
    return rc == 0 ? db_end(db, loaded(db, who, now, e), e) : rc;
}

/* ---- purged ---- */

#define OF_CITY "(SELECT id FROM record WHERE organisation = " OWN ")"
#define ITS_ALERTS "(SELECT id FROM alert WHERE organisation = " OWN ")"

/* What holds something of it, and what to do about that, behind how often. */
static const struct {
    const char *count, *why;
} held_by[] = {
    {"SELECT COUNT(DISTINCT record_id) FROM record_link WHERE value IN " OF_CITY " AND record_id NOT IN " OF_CITY,
     "records of your own name records of the invented city. Take those links out first; then purge it."},
    {"SELECT COUNT(*) FROM account_person WHERE person IN " OF_CITY,
     "accounts are tied to people of the invented city. Say of them that they are nobody's first; then purge it."},
    {"SELECT COUNT(*) FROM legal_hold WHERE organisation = " OWN " AND lifted IS NULL",
     "legal holds keep the logs of the invented city. Lift them first; then purge it."},
};

/* In this order, since rows name others. What a rule counted of its alerts goes as well. */
static const char *const statements[] = {
    "DELETE FROM reminder WHERE record_id IN " OF_CITY,
    "DELETE FROM record_key WHERE record_id IN " OF_CITY,
    "DELETE FROM record_link WHERE record_id IN " OF_CITY,
    "DELETE FROM record_import WHERE id IN (SELECT import_id FROM record_import_row WHERE record_id IN " OF_CITY
    ") AND id NOT IN (SELECT import_id FROM record_import_row WHERE record_id NOT IN " OF_CITY ")",
    "DELETE FROM record_import_row WHERE record_id IN " OF_CITY,
    "DELETE FROM trail_value WHERE record_id IN " OF_CITY,
    "DELETE FROM sensitive_read WHERE organisation = " OWN,
    "DELETE FROM record WHERE organisation = " OWN,
    "UPDATE rule_text SET alerts = alerts - (SELECT COUNT(*) FROM alert a WHERE a.rule_hash = rule_text.hash AND a.organisation = " OWN "),"
    " events = CASE WHEN events > (SELECT SUM(a.events) FROM alert a WHERE a.rule_hash = rule_text.hash AND a.organisation = " OWN ")"
    " THEN events - (SELECT SUM(a.events) FROM alert a WHERE a.rule_hash = rule_text.hash AND a.organisation = " OWN ") ELSE 0 END"
    " WHERE hash IN (SELECT rule_hash FROM alert WHERE organisation = " OWN ")",
    "DELETE FROM fed_pending WHERE alert IN " ITS_ALERTS,
    "DELETE FROM alert_history WHERE alert_id IN " ITS_ALERTS,
    "DELETE FROM alert WHERE organisation = " OWN,
    "DELETE FROM alert_count WHERE organisation = " OWN,
    "DELETE FROM hunt WHERE organisation = " OWN,
    "DELETE FROM source_drop WHERE name IN (SELECT name FROM source_counter WHERE organisation = " OWN ")",
    "DELETE FROM source_counter WHERE organisation = " OWN,
    "DELETE FROM legal_hold WHERE organisation = " OWN,
};

static int is_free(struct db *db, struct err *e)
{
    int64_t n = 0;
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(held_by) && rc == 0; i++) {
        rc = number(db, held_by[i].count, &n, e);
        if (rc == 0 && n > 0) {
            rc = err_set(e, ERR_EXISTS, "%lld %s", (long long)n, held_by[i].why);
        }
    }
    return rc;
}

/* One kind is as it was before it was switched on for the city, unless somebody made records of it. */
static int switch_back(struct db *db, struct span kind, bool by_hand, struct span who, time_ns now, bool *back_out, struct err *e)
{
    struct db_stmt *s = NULL;
    char name[sizeof SWITCH_PREFIX + REGISTER_NAME_MAX];
    const struct audit_entry entry = {.at = now, .organisation = SPAN("*"), .who = who, .what = SPAN("register.off"), .subject = kind, .why = SPAN("demo purge"),
                                      .before = SPAN("on"), .after = SPAN("off")};
    (void)snprintf(name, sizeof name, SWITCH_PREFIX "%.*s", SPAN_ARG(span_sub(kind, 0, REGISTER_NAME_MAX)));
    int rc = db_query(db, "DELETE FROM setting WHERE name = $1 AND value = 'on' AND NOT EXISTS (SELECT 1 FROM record WHERE kind = $2)", e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, span_of(name));
    db_bind_text(s, 2, kind);
    rc = db_run(s, e);
    *back_out = rc == 0 && db_changes(db) > 0;
    if (*back_out && by_hand) {
        rc = settings_put(db, span_of(name), SPAN("off"), now, e);
    }
    return rc == 0 && *back_out ? audit_append(db, &entry, e) : rc;
}

static int switch_all_back(struct db *db, const struct demo *d, struct span who, time_ns now, struct arena *a, struct span *kinds_out, struct err *e)
{
    struct buf back;
    int rc = 0;
    buf_init(&back, SETTING_MAX);
    for (struct span rest = d->kinds; rest.len > 0 && rc == 0;) {
        struct span kind = word(&rest);
        bool by_hand = kind.len > 0 && kind.ptr[kind.len - 1] == '!';
        bool is_back = false;
        kind = span_sub(kind, 0, kind.len - by_hand);
        rc = kind.len == 0 ? 0 : switch_back(db, kind, by_hand, who, now, &is_back, e);
        if (is_back) {
            buf_printf(&back, "%s%.*s", back.len > 0 ? " " : "", SPAN_ARG(kind));
        }
    }
    *kinds_out = arena_copy(a, buf_view(&back));
    buf_free(&back);
    return rc;
}

static int purge(struct db *db, struct span who, time_ns now, struct arena *a, struct span *kinds_out, struct err *e)
{
    struct demo d;
    int rc = demo_get(db, a, &d, e);
    if (rc != 0 || d.stage == DEMO_NONE || d.stage == DEMO_PURGING) {
        return rc;
    }
    rc = is_free(db, e);
    for (size_t i = 0; i < ARRAY_LEN(statements) && rc == 0; i++) {
        struct db_stmt *s = NULL;
        rc = db_query(db, statements[i], e, &s);
        rc = rc == 0 ? db_run(s, e) : rc;
    }
    rc = rc == 0 ? switch_all_back(db, &d, who, now, a, kinds_out, e) : rc;
    rc = rc == 0 ? put(db, DEMO_PURGING, d.source, SPAN(""), now, e) : rc;
    return rc == 0 ? note(db, who, "demo.purging", d.source, SPAN(""), now, e) : rc;
}

int demo_purge(struct db *db, struct span who, time_ns now, struct arena *a, struct span *kinds_out, struct err *e)
{
    *kinds_out = SPAN("");
    int rc = db_begin(db, e);
    return rc == 0 ? db_end(db, purge(db, who, now, a, kinds_out, e), e) : rc;
}

static int gone(struct db *db, struct span who, uint64_t records, time_ns now, struct err *e)
{
    struct arena a;
    struct demo d;
    struct db_stmt *s = NULL;
    char text[64];
    arena_init(&a, 0);
    (void)snprintf(text, sizeof text, "log records purged: %llu", (unsigned long long)records);
    int rc = demo_get(db, &a, &d, e);
    if (rc == 0 && d.stage == DEMO_PURGING) {
        rc = db_query(db, "DELETE FROM setting WHERE name = $1", e, &s);
        if (rc == 0) {
            db_bind_text(s, 1, SETTING);
            rc = db_run(s, e);
        }
        rc = rc == 0 ? note(db, who, "demo.purged", d.source, span_of(text), now, e) : rc;
    }
    arena_fini(&a);
    return rc;
}

int demo_gone(struct db *db, struct span who, uint64_t records, time_ns now, struct err *e)
{
    int rc = db_begin(db, e);
    return rc == 0 ? db_end(db, gone(db, who, records, now, e), e) : rc;
}
