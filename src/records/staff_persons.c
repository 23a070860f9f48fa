/* SPDX-License-Identifier: EUPL-1.2 */
/* Person records that follow joiners and leavers: see staff_persons.h. Runs in the keeper. */
#include "records/staff_persons.h"

#include "records/appointments.h"

/* account: whose link was made, empty = none was. */
const char staff_person_sql[] =
    "CREATE TABLE staff_import_person ("
    " import TEXT NOT NULL REFERENCES staff_import (id), place BIGINT NOT NULL, person TEXT NOT NULL, account TEXT NOT NULL, wrote TEXT NOT NULL,"
    " PRIMARY KEY (import, place));"
    "CREATE INDEX staff_import_person_of ON staff_import_person (person, import);";

/* The first column of the first row of a question with one text bound; empty where there is none. */
static int read_text(struct db *db, const char *sql, struct span bound, struct arena *a, struct span *out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = SPAN("");
    int rc = db_query(db, sql, e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, bound);
    rc = db_step(s, e);
    if (rc > 0) {
        *out = arena_copy(a, db_col_text(s, 0));
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

/* ---- found ---- */

static int person_of_account(struct db *db, struct span account, struct arena *a, struct span *out, struct err *e)
{
    *out = SPAN("");
    return account.len == 0 ? 0 : read_text(db, "SELECT person FROM account_person WHERE user_id = $1", account, a, out, e);
}

/* The one of this number. */
static int by_number(struct db *db, const struct record_scope *scope, const struct record_sight *sight, const struct staff_person_wanted *wanted,
                     struct arena *a, struct staff_person_known *out, struct err *e)
{
    struct record_wanted w = {.organisation = wanted->organisation, .key = wanted->number};
    if (wanted->number.len == 0) {
        return 0;
    }
    if (span_eq(wanted->organisation, SPAN("*"))) { /* an account of the whole node: wherever his record is kept */
        struct span last = SPAN("");
        static const char first[] = "SELECT organisation FROM record_key WHERE kind = 'person' AND field = '" STAFF_NUMBER_FIELD "' AND value = $1 ORDER BY organisation";
        static const char final[] = "SELECT organisation FROM record_key WHERE kind = 'person' AND field = '" STAFF_NUMBER_FIELD "' AND value = $1 ORDER BY organisation DESC";
        int rc = read_text(db, first, wanted->number, a, &w.organisation, e);
        rc = rc == 0 ? read_text(db, final, wanted->number, a, &last, e) : rc;
        if (rc != 0 || !span_eq(last, w.organisation)) {
            out->found = rc == 0 ? 2 : 0;
            return rc;
        }
    }
    return record_import_find(db, scope, sight, STAFF_PERSON_KIND, SPAN(STAFF_NUMBER_FIELD), &w, a, &out->found, &out->row, e);
}

static int is_taken(struct db *db, struct arena *a, struct staff_person_known *out, struct err *e)
{
    struct span other = SPAN("");
    int rc = out->found != 1 || out->linked ? 0 : read_text(db, "SELECT user_id FROM account_person WHERE person = $1", out->row.id, a, &other, e);
    out->taken = other.len > 0;
    return rc;
}

int staff_person_find(struct db *db, const struct record_scope *scope, const struct record_sight *sight, const struct staff_person_wanted *wanted,
                      struct arena *a, struct staff_person_known *out, struct err *e)
{
    struct span linked = SPAN("");
    *out = (struct staff_person_known){0};
    int rc = person_of_account(db, wanted->account, a, &linked, e);
    rc = rc == 0 ? by_number(db, scope, sight, wanted, a, out, e) : rc;
    if (rc == 0 && linked.len > 0) {
        bool other = out->found > 1 || (out->found == 1 && !span_eq(out->row.id, linked));
        const struct record_wanted w = {.id = linked};
        out->linked = true;
        rc = other ? 0 : record_import_find(db, scope, sight, STAFF_PERSON_KIND, SPAN(STAFF_NUMBER_FIELD), &w, a, &out->found, &out->row, e);
        out->found = other ? 2 : out->found;
    }
    rc = rc == 0 ? is_taken(db, a, out, e) : rc;
    if (rc == 0 && out->found == 1) {
        rc = read_text(db,
                       "SELECT p.wrote FROM staff_import_person p JOIN staff_import i ON i.id = p.import WHERE p.person = $1 AND i.undone IS NULL "
                       "ORDER BY i.at DESC, i.id DESC LIMIT 1",
                       out->row.id, a, &out->wrote, e);
    }
    return rc;
}

/* ---- stored ---- */

static int note(struct db *db, struct span import, uint32_t place, const struct staff_person_put *p, struct span account, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "INSERT INTO staff_import_person (import, place, person, account, wrote) VALUES ($1, $2, $3, $4, $5)", e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, import);
    db_bind_i64(s, 2, place);
    db_bind_text(s, 3, p->person);
    db_bind_text(s, 4, p->link ? account : SPAN(""));
    db_bind_text(s, 5, p->wrote);
    return db_run(s, e);
}

static int link_account(struct db *db, const struct staff_import *i, struct span account, struct span person, time_ns now, struct err *e)
{
    const struct account_person p = {.organisation = i->organisation, .user_id = account, .person = person, .who = i->who, .why = i->why};
    int rc = account_person_set_within(db, &p, now, e);
    return rc == ERR_NOT_FOUND || rc == ERR_EXISTS ? err_set(e, ERR_EXISTS, "Somebody changed meanwhile whose one of these accounts is. Look again.") : rc;
}

static struct span account_of(const struct staff_person_put *p, const struct staff_change *changes)
{
    return p->change == STAFF_NO_CHANGE ? p->account : changes[p->change].id;
}

int staff_persons_apply(struct db *db, const struct record_importer *by, const struct staff_import *import, const struct staff_change *changes,
                        uint32_t count, struct cursor *c, uint32_t n, struct err *e)
{
    struct arena a;
    struct record_import_row row = {.id = import->id, .kind = STAFF_PERSON_KIND, .who = import->who, .why = import->why, .at = import->at};
    uint64_t place = 0;
    int rc = 0;
    arena_init(&a, 256 << 10);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct staff_person_put *p = arena_alloc(&a, sizeof *p);
        staff_person_put_decode(c, p);
        if (c->failed || (p->change != STAFF_NO_CHANGE && p->change >= count)) {
            rc = err_set(e, ERR_INVALID, "the question is broken");
            break;
        }
        if (p->stored) {
            p->item.put.why = p->why;
            row.made += p->item.back.row.id.len == 0;
            row.changed += p->item.back.row.id.len > 0;
            rc = record_import_put(db, by, &row, place++, &p->item, &a, e);
        }
        struct span account = account_of(p, changes);
        rc = rc == 0 && p->link ? link_account(db, import, account, p->person, import->at, e) : rc;
        rc = rc == 0 ? note(db, import->id, i, p, account, e) : rc;
        arena_reset(&a);
    }
    arena_fini(&a);
    rc = rc == 0 && !cursor_done(c) ? err_set(e, ERR_INVALID, "the question is broken") : rc;
    return rc == 0 && place > 0 ? record_import_note(db, &row, e) : rc;
}

/* ---- taken back ---- */

static int unlink_all(struct db *db, const struct staff_import *import, time_ns now, struct err *e)
{
    struct arena a;
    struct db_stmt *s = NULL;
    struct {
        struct span account, person;
    } *links;
    uint32_t n = 0;
    int rc = db_query(db, "SELECT account, person FROM staff_import_person WHERE import = $1 AND account <> '' LIMIT $2", e, &s);
    if (rc != 0) {
        return rc;
    }
    arena_init(&a, 0);
    links = arena_calloc(&a, STAFF_CHANGES_MAX, sizeof *links);
    db_bind_text(s, 1, import->id);
    db_bind_i64(s, 2, STAFF_CHANGES_MAX);
    while (rc == 0 && (rc = db_step(s, e)) > 0) {
        links[n].account = arena_copy(&a, db_col_text(s, 0));
        links[n++].person = arena_copy(&a, db_col_text(s, 1));
        rc = 0;
        if (n == STAFF_CHANGES_MAX) {
            db_done(s);
            break;
        }
    }
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct span is = SPAN("");
        rc = person_of_account(db, links[i].account, &a, &is, e);
        if (rc == 0 && !span_eq(is, links[i].person)) {
            rc = err_set(e, ERR_EXISTS, "Somebody changed meanwhile whose one of these accounts is; nothing was taken back.");
        }
        rc = rc == 0 ? link_account(db, import, links[i].account, SPAN(""), now, e) : rc;
    }
    arena_fini(&a);
    return rc;
}

int staff_persons_undo(struct db *db, const struct record_importer *by, const struct staff_import *import, time_ns now, struct err *e)
{
    struct arena a;
    struct span there = SPAN("");
    const struct record_import_row row = {.id = import->id, .kind = STAFF_PERSON_KIND, .who = import->who, .why = import->why};
    arena_init(&a, 0);
    int rc = unlink_all(db, import, now, e);
    rc = rc == 0 ? read_text(db, "SELECT id FROM record_import WHERE id = $1", import->id, &a, &there, e) : rc;
    rc = rc == 0 && there.len > 0 ? record_import_undo_within(db, by, &row, now, e) : rc;
    arena_fini(&a);
    return rc;
}

/* ---- as a message ---- */

void staff_person_put_encode(struct buf *out, const struct staff_person_put *p)
{
    buf_u32(out, p->change);
    buf_str(out, p->account);
    buf_str(out, p->person);
    buf_u8(out, p->link);
    buf_str(out, p->wrote);
    buf_str(out, p->why);
    buf_u8(out, p->stored);
    if (p->stored) {
        record_import_item_encode(out, &p->item);
    }
}

void staff_person_put_decode(struct cursor *c, struct staff_person_put *out)
{
    out->change = cursor_u32(c);
    out->account = cursor_str(c);
    out->person = cursor_str(c);
    uint8_t link = cursor_u8(c);
    out->link = link != 0;
    out->wrote = cursor_str(c);
    out->why = cursor_str(c);
    uint8_t stored = cursor_u8(c);
    out->stored = stored != 0;
    bool account = out->change != STAFF_NO_CHANGE || out->account.len > 0;
    c->failed = c->failed || link > 1 || stored > 1 || out->account.len > RECORD_ID_MAX || out->person.len == 0 || out->person.len > RECORD_ID_MAX || out->wrote.len > STAFF_WROTE_MAX ||
                out->why.len > RECORD_WHY_MAX || (out->link && !account);
    if (out->stored && !c->failed) {
        record_import_item_decode(c, &out->item);
        c->failed = c->failed || !span_eq(out->item.put.row.id, out->person) || !span_eq(out->item.put.row.kind, STAFF_PERSON_KIND);
    }
}
