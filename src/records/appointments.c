/* SPDX-License-Identifier: EUPL-1.2 */
/* Appointments and what they make of people: see appointments.h. Runs in the keeper. */
#include "records/appointments.h"

#include "records/audit.h"
#include "records/registers/record_stage.h"
#include "wire/jcs.h"

const char account_person_sql[] =
    "CREATE TABLE account_person ("
    " user_id TEXT PRIMARY KEY REFERENCES user_account (id), person TEXT NOT NULL UNIQUE REFERENCES record (id),"
    " created BIGINT NOT NULL);";

/* Records that wait for their import are none yet. */
#define LIVE " AND r.tlp < 100 "
_Static_assert((int)RECORD_HIDDEN == 100, "as LIVE says");

struct looking {
    struct db *db;
    time_ns now;
    struct arena *a;
    struct err *e;
    struct appointment_seat *out;
    uint32_t count;
};

/* One appointment as it stands. */
struct appointment {
    struct span id, organisation;
    struct span person, unit, function;
    time_ns begins, ends;
};

static struct span text_of(const struct jcs *fields, const char *name)
{
    const struct jcs *v = fields == NULL ? NULL : jcs_get(fields, name);
    return v != NULL && v->kind == JCS_TEXT ? v->text : SPAN("");
}

/* A time of a record's fields; what is not there or cannot be read: otherwise. */
static time_ns time_of(const struct jcs *fields, const char *name, time_ns otherwise)
{
    time_ns t = 0;
    struct span text = text_of(fields, name);
    return text.len > 0 && time_parse(text, 0, &t) ? t : otherwise;
}

static struct jcs *fields_of(const struct looking *l, struct span text)
{
    struct jcs *doc = NULL;
    return jcs_read_decimals(l->a, arena_copy(l->a, text), JCS_DEPTH_MAX, &doc, NULL) == 0 ? doc : NULL;
}

/* Columns id, organisation, fields. One whose begin cannot be read never holds. */
static struct appointment read_one(const struct looking *l, struct db_stmt *s)
{
    const struct jcs *fields = fields_of(l, db_col_text(s, 2));
    struct appointment p = {.id = arena_copy(l->a, db_col_text(s, 0)), .organisation = arena_copy(l->a, db_col_text(s, 1))};
    p.person = text_of(fields, "person");
    p.unit = text_of(fields, "unit");
    p.function = text_of(fields, "function");
    p.begins = time_of(fields, "begins", INT64_MAX);
    p.ends = text_of(fields, "ends").len == 0 ? INT64_MAX : time_of(fields, "ends", INT64_MIN);
    return p;
}

static bool holds(const struct appointment *p, time_ns now)
{
    return p->begins <= now && now < p->ends;
}

/* The next moment after now at which this time comes. */
static void next(time_ns t, time_ns now, time_ns *until)
{
    *until = t > now && t < *until ? t : *until;
}

/* ---- people ---- */

/* One row of `record` by id: whether it is there, of this kind, with its organisation, state and fields. */
static int read_record(const struct looking *l, struct span id, const char *kind, bool *there, struct span *organisation, struct span *state,
                       struct jcs **fields)
{
    struct db_stmt *s = NULL;
    int rc = db_query(l->db, "SELECT r.organisation, r.state, r.fields FROM record r WHERE r.id = $1 AND r.kind = $2" LIVE, l->e, &s);
    *there = false;
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    db_bind_text(s, 2, span_of(kind));
    rc = db_step(s, l->e);
    if (rc > 0) {
        *there = true;
        *organisation = arena_copy(l->a, db_col_text(s, 0));
        *state = arena_copy(l->a, db_col_text(s, 1));
        *fields = fields_of(l, db_col_text(s, 2));
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

/* Whether the account that is said to be somebody's was closed: as when the personnel office's list has him among those who left. */
static int is_closed(const struct looking *l, struct span person, bool *out)
{
    struct db_stmt *s = NULL;
    int rc = db_query(l->db, "SELECT 1 FROM account_person p JOIN user_account u ON u.id = p.user_id WHERE p.person = $1 AND u.disabled IS NOT NULL", l->e, &s);
    *out = false;
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, person);
    rc = db_step(s, l->e);
    if (rc > 0) {
        *out = true;
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

/* Whether somebody cannot act: he is away, has left or cannot sign in, or there is no such record. until: when that may change. */
static int is_away(const struct looking *l, struct span person, bool *left_out, bool *away_out, time_ns *until)
{
    struct span organisation, state = SPAN("");
    struct jcs *fields = NULL;
    bool there = false;
    bool closed = false;
    int rc = read_record(l, person, "person", &there, &organisation, &state, &fields);
    rc = rc == 0 ? is_closed(l, person, &closed) : rc;
    time_ns from = time_of(fields, "away_from", INT64_MAX);
    time_ns to = time_of(fields, "away_until", INT64_MAX);
    *left_out = !there || span_eq(state, SPAN("left"));
    *away_out = *left_out || closed || (from <= l->now && l->now < to);
    next(from, l->now, until);
    next(to, l->now, until);
    return rc;
}

/* ---- where ---- */

/* A department of the organisation by its name alone. */
static bool is_below(struct span code, struct span organisation)
{
    return code.len <= APPOINTMENT_PLACE_MAX && code.len > organisation.len + 1 && span_starts(code, organisation) && code.ptr[organisation.len] == '/';
}

/* The organisation in which it opens something; empty = in none. */
static int place_of(const struct looking *l, const struct appointment *p, struct span *out)
{
    struct span at = SPAN(""), state = SPAN(""), part_of;
    struct jcs *fields = NULL;
    bool there = false;
    const struct span all = SPAN("*");
    *out = p->unit.len == 0 ? p->organisation : SPAN("");
    if (p->unit.len == 0) {
        return 0;
    }
    int rc = read_record(l, p->unit, "unit", &there, &at, &state, &fields);
    if (rc != 0 || !there || !span_eq(state, SPAN("active")) || (!span_eq(at, p->organisation) && !span_eq(at, all))) {
        return rc;
    }
    part_of = text_of(fields, "part_of");
    fields = NULL;
    rc = read_record(l, part_of, "organisation", &there, &at, &state, &fields);
    struct span code = text_of(fields, "code");
    if (rc != 0 || !there || !span_eq(state, SPAN("active")) || !span_eq(text_of(fields, "type"), SPAN("department")) || code.len == 0 ||
        code.len > APPOINTMENT_PLACE_MAX ||
        (!span_eq(at, p->organisation) && !span_eq(at, all)) || (!span_eq(p->organisation, all) && !is_below(code, p->organisation))) {
        return rc;
    }
    *out = span_eq(code, all) ? SPAN("") : code;
    return 0;
}

static void seat(struct looking *l, const struct appointment *p, struct span organisation, struct span function, bool below, time_ns ends)
{
    bool found = organisation.len == 0 || organisation.len > APPOINTMENT_PLACE_MAX;
    for (uint32_t i = 0; i < l->count; i++) {
        found = found || (span_eq(l->out[i].organisation, organisation) && span_eq(l->out[i].function, function) && l->out[i].ends >= ends);
    }
    if (!found && l->count < POLICY_SEATS_MAX) {
        l->out[l->count++] = (struct appointment_seat){organisation, function, p->id, below, p->begins, ends};
    }
}

/* ---- deputies ---- */

/*
 * Whether a unit, or an organisation without one, has nobody who acts as its security officer: none is appointed now, or each is away. until:
 * when that may change. More than are looked at: somebody acts.
 */
static int is_vacant(const struct looking *l, const struct appointment *p, bool *out, time_ns *until)
{
    struct db_stmt *s = NULL;
    int64_t rows = 0;
    bool acts = false;
    int rc = db_query(l->db,
                      "SELECT r.id, r.organisation, r.fields FROM record_key k CROSS JOIN record r WHERE k.kind = 'appointment' AND k.field = 'function' "
                      "AND k.organisation = $1 AND k.value = 'security_officer' AND r.id = k.record_id AND r.state = 'signed'" LIVE,
                      l->e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, p->organisation);
    }
    struct appointment *held = arena_calloc(l->a, APPOINTMENT_HOLDERS_MAX, sizeof *held);
    uint32_t n = 0;
    while (rc == 0 && (rc = db_step(s, l->e)) > 0) {
        rc = 0;
        struct appointment other = read_one(l, s);
        acts = acts || ++rows > APPOINTMENT_HOLDERS_MAX;
        if (acts) {
            db_done(s);
            break;
        }
        if (span_eq(other.unit, p->unit)) {
            held[n++] = other;
        }
    }
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        bool left = false, away = false;
        rc = is_away(l, held[i].person, &left, &away, until);
        next(held[i].begins, l->now, until);
        next(held[i].ends, l->now, until);
        acts = acts || (rc == 0 && holds(&held[i], l->now) && !away);
    }
    *out = rc == 0 && !acts;
    return rc;
}

/* What one appointment makes of the person that is looked at; as_deputy: he stands there as its deputy. */
static int take(struct looking *l, const struct appointment *p, bool as_deputy)
{
    struct span organisation = SPAN("");
    struct span function = p->function;
    time_ns until = p->ends;
    bool acts = holds(p, l->now);
    bool left = false, away = false;
    int rc = 0;
    if (acts && as_deputy) {
        rc = is_away(l, p->person, &left, &away, &until);
        acts = away && !span_eq(function, SPAN("deputy")); /* nobody stands in for who stands in */
    } else if (acts && span_eq(function, SPAN("deputy"))) {
        function = SPAN("security_officer");
        rc = is_vacant(l, p, &acts, &until);
    }
    rc = rc == 0 && acts ? place_of(l, p, &organisation) : rc;
    if (rc == 0 && acts) {
        seat(l, p, organisation, function, false, until);
    }
    return rc;
}

/* ---- departments below ---- */

/* Departments below an organisation in which somebody is appointed: whether his function reaches them, the desk knows. */
static int take_below(struct looking *l, const struct appointment_seat *at)
{
    struct db_stmt *s = NULL;
    struct span top = at->organisation;
    int rc = db_query(l->db,
                      "SELECT k.value, r.fields FROM record_key k CROSS JOIN record r WHERE k.kind = 'organisation' AND k.field = 'code' AND k.value > $1 "
                      "AND k.value < $2 AND r.id = k.record_id AND r.state = 'active' AND (r.organisation = '*' OR r.organisation = $3)" LIVE
                      "ORDER BY k.value LIMIT $4",
                      l->e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, span_of(arena_printf(l->a, "%.*s/", SPAN_ARG(top))));
    db_bind_text(s, 2, span_of(arena_printf(l->a, "%.*s0", SPAN_ARG(top)))); /* 0 follows / */
    db_bind_text(s, 3, top);
    db_bind_i64(s, 4, APPOINTMENT_DEPARTMENTS_MAX);
    while (rc == 0 && (rc = db_step(s, l->e)) > 0) {
        rc = 0;
        struct span code = arena_copy(l->a, db_col_text(s, 0));
        if (is_below(code, top) && span_eq(text_of(fields_of(l, db_col_text(s, 1)), "type"), SPAN("department"))) {
            const struct appointment p = {.id = at->record, .begins = at->begins};
            seat(l, &p, code, at->function, true, at->ends);
        }
    }
    return rc;
}

/* ---- all of somebody's ---- */

static int person_of(const struct looking *l, struct span user_id, struct span *out)
{
    struct db_stmt *s = NULL;
    int rc = db_query(l->db,
                      "SELECT p.person FROM account_person p WHERE p.user_id = $1 AND NOT EXISTS (SELECT 1 FROM setting WHERE name = "
                      "'register.on.appointment' AND value = 'off')",
                      l->e, &s);
    *out = SPAN("");
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    rc = db_step(s, l->e);
    if (rc > 0) {
        *out = arena_copy(l->a, db_col_text(s, 0));
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

struct found {
    struct appointment p;
    bool as_deputy;
};

static int read_all(const struct looking *l, struct span person, struct found *out, uint32_t *count_out)
{
    struct db_stmt *s = NULL;
    int rc = db_query(l->db,
                      "SELECT r.id, r.organisation, r.fields, l.field FROM record_link l CROSS JOIN record r WHERE l.value = $1 AND l.kind = 'appointment' "
                      "AND l.field IN ('person', 'deputy') AND r.id = l.record_id AND r.state = 'signed'" LIVE "ORDER BY r.id DESC LIMIT $2",
                      l->e, &s);
    *count_out = 0;
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, person);
    db_bind_i64(s, 2, APPOINTMENTS_MAX);
    while (rc == 0 && (rc = db_step(s, l->e)) > 0) {
        rc = 0;
        out[(*count_out)++] = (struct found){read_one(l, s), span_eq(db_col_text(s, 3), SPAN("deputy"))};
    }
    return rc;
}

int appointment_seats(struct db *db, struct span user_id, time_ns now, struct arena *a, struct appointment_seat out[POLICY_SEATS_MAX],
                      uint32_t *count_out, bool *linked_out, struct err *e)
{
    struct looking l = {db, now, a, e, out, 0};
    struct span person = SPAN("");
    struct found *all = NULL;
    uint32_t n = 0;
    bool left = false, away = false;
    time_ns until = INT64_MAX;
    *count_out = 0;
    int rc = person_of(&l, user_id, &person);
    *linked_out = rc == 0 && person.len > 0;
    if (!*linked_out) {
        return rc;
    }
    rc = is_away(&l, person, &left, &away, &until);
    if (rc != 0 || left) {
        return rc;
    }
    all = arena_calloc(a, APPOINTMENTS_MAX, sizeof *all);
    rc = read_all(&l, person, all, &n);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        rc = take(&l, &all[i].p, all[i].as_deputy);
    }
    uint32_t own = l.count;
    for (uint32_t i = 0; i < own && rc == 0; i++) {
        rc = span_eq(out[i].organisation, SPAN("*")) ? 0 : take_below(&l, &out[i]);
    }
    *count_out = rc == 0 ? l.count : 0;
    return rc;
}

/* ---- whose account it is ---- */

/* What bears on a change: the account's name, organisation and person. */
struct linking {
    struct span name, organisation, person;
};

static int read_account(struct db *db, const struct account_person *p, struct arena *a, struct linking *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT u.name, u.organisation, COALESCE(p.person, '') FROM user_account u LEFT JOIN account_person p ON p.user_id = u.id "
                      "WHERE u.id = $1 AND ($2 = '*' OR u.organisation = $2)",
                      e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, p->user_id);
    db_bind_text(s, 2, p->organisation);
    rc = db_step(s, e);
    if (rc > 0) {
        *out = (struct linking){arena_copy(a, db_col_text(s, 0)), arena_copy(a, db_col_text(s, 1)), arena_copy(a, db_col_text(s, 2))};
        db_done(s);
    }
    return rc < 0 ? rc : rc == 0 ? err_set(e, ERR_NOT_FOUND, "no such person") : 0;
}

/* 0 when the record may be this account's person. */
static int check_person(struct db *db, const struct account_person *p, const struct linking *is, struct arena *a, struct err *e)
{
    const struct looking l = {.db = db, .a = a, .e = e};
    struct span at = SPAN(""), state;
    struct jcs *fields = NULL;
    struct db_stmt *s = NULL;
    bool there = false;
    int rc = read_record(&l, p->person, "person", &there, &at, &state, &fields);
    if (rc == 0 && (!there || (!span_eq(p->organisation, SPAN("*")) && !span_eq(at, is->organisation)))) {
        return err_set(e, ERR_NOT_FOUND, "no such person record");
    }
    rc = rc == 0 ? db_query(db, "SELECT 1 FROM account_person WHERE person = $1", e, &s) : rc;
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, p->person);
    rc = db_step(s, e);
    if (rc > 0) {
        db_done(s);
        return err_set(e, ERR_EXISTS, "another account is this person's");
    }
    return rc;
}

static int write_link(struct db *db, const struct account_person *p, const struct linking *is, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    const struct audit_entry entry = {.at = now, .organisation = is->organisation, .who = p->who, .what = SPAN("user.person"), .subject = p->user_id,
                                      .why = p->why, .before = is->person, .after = p->person};
    int rc = db_query(db, "DELETE FROM account_person WHERE user_id = $1", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, p->user_id);
        rc = db_run(s, e);
    }
    if (rc == 0 && p->person.len > 0) {
        rc = db_query(db, "INSERT INTO account_person (user_id, person, created) VALUES ($1, $2, $3)", e, &s);
        if (rc == 0) {
            db_bind_text(s, 1, p->user_id);
            db_bind_text(s, 2, p->person);
            db_bind_i64(s, 3, now);
            rc = db_run(s, e);
        }
    }
    return rc == 0 ? audit_append(db, &entry, e) : rc;
}

int account_person_set_within(struct db *db, const struct account_person *p, time_ns now, struct err *e)
{
    struct arena a;
    struct linking is = {0};
    arena_init(&a, 0);
    int rc = read_account(db, p, &a, &is, e);
    rc = rc == 0 && span_eq(is.person, p->person) ? err_set(e, ERR_EXISTS, "it is so already") : rc;
    rc = rc == 0 && p->person.len > 0 ? check_person(db, p, &is, &a, e) : rc;
    rc = rc == 0 ? write_link(db, p, &is, now, e) : rc;
    arena_fini(&a);
    return rc;
}

int account_person_set(struct db *db, const struct account_person *p, time_ns now, struct err *e)
{
    int rc = db_begin(db, e);
    return rc == 0 ? db_end(db, account_person_set_within(db, p, now, e), e) : rc;
}

/* ---- as a message ---- */

void appointment_seat_encode(struct buf *out, const struct appointment_seat *s)
{
    buf_str(out, s->organisation);
    buf_str(out, s->function);
    buf_str(out, s->record);
    buf_u8(out, s->below);
    buf_u64(out, (uint64_t)s->begins);
    buf_u64(out, (uint64_t)s->ends);
}

void appointment_seat_decode(struct cursor *c, struct appointment_seat *out)
{
    out->organisation = cursor_str(c);
    out->function = cursor_str(c);
    out->record = cursor_str(c);
    uint8_t below = cursor_u8(c);
    out->below = below != 0;
    out->begins = (time_ns)cursor_u64(c);
    out->ends = (time_ns)cursor_u64(c);
    c->failed = c->failed || below > 1 || out->organisation.len == 0 || out->organisation.len > APPOINTMENT_PLACE_MAX || out->begins >= out->ends;
}
