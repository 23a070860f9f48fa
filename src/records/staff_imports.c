/* SPDX-License-Identifier: EUPL-1.2 */
/* Lists of the personnel office as stored: see staff_imports.h. Runs in the keeper. */
#include "records/staff_imports.h"

#include "base/utf8.h"
#include "records/audit.h"
#include "records/staff_persons.h"

int staff_find(struct db *db, struct span organisation, struct span name, struct arena *arena, struct person *out, struct err *e)
{
    struct db_stmt *s = NULL;
    if (!account_name_valid(name)) {
        return err_set(e, ERR_NOT_FOUND, "no such person");
    }
    char *key = arena_bytes(arena, utf8_fold_room(name.len));
    int rc = db_query(db, "SELECT id, name, role, organisation, disabled FROM user_account WHERE name_key = $1 AND ($2 = '*' OR organisation = $2)", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, span_make(key, utf8_fold(name, key)));
    db_bind_text(s, 2, organisation);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "no such person");
    }
    if (rc > 0) {
        *out = (struct person){.id = arena_copy(arena, db_col_text(s, 0)),
                               .name = arena_copy(arena, db_col_text(s, 1)),
                               .role = arena_copy(arena, db_col_text(s, 2)),
                               .organisation = arena_copy(arena, db_col_text(s, 3)),
                               .disabled = db_col_null(s, 4) ? TIME_NONE : db_col_i64(s, 4)};
        db_done(s);
        rc = 0;
    }
    return rc;
}

/* ---- apply ---- */

static int insert_import(struct db *db, const struct staff_import *i, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "INSERT INTO staff_import (id, organisation, who, why, at) VALUES ($1, $2, $3, $4, $5)", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, i->id);
    db_bind_text(s, 2, i->organisation);
    db_bind_text(s, 3, i->who);
    db_bind_text(s, 4, i->why);
    db_bind_i64(s, 5, i->at);
    return db_run(s, e);
}

static int insert_change(struct db *db, struct span import, uint32_t place, const struct staff_change *c, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "INSERT INTO staff_import_row (import, place, kind, user_id, role, was) VALUES ($1, $2, $3, $4, $5, $6)", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, import);
    db_bind_i64(s, 2, place);
    db_bind_i64(s, 3, c->kind);
    db_bind_text(s, 4, c->id);
    db_bind_text(s, 5, c->role);
    db_bind_text(s, 6, c->was);
    return db_run(s, e);
}

/* Whether the account still has this role and may (or may not) sign in; ERR_EXISTS when not. role empty = any. */
static int still(struct db *db, struct span id, struct span role, bool disabled, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT 1 FROM user_account WHERE id = $1 AND ($2 = '' OR role = $2) AND (CASE WHEN disabled IS NULL THEN 0 ELSE 1 END) = $3", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    db_bind_text(s, 2, role);
    db_bind_i64(s, 3, disabled);
    rc = db_step(s, e);
    if (rc > 0) {
        db_done(s);
        return 0;
    }
    return rc < 0 ? rc : err_set(e, ERR_EXISTS, "Somebody changed one of these accounts meanwhile. Look again.");
}

static int change_person(struct db *db, const struct staff_import *i, enum person_change_kind kind, struct span id, struct span role, time_ns now,
                         struct err *e)
{
    const struct person_change p = {.kind = kind, .organisation = i->organisation, .id = id, .role = role, .who = i->who, .why = i->why};
    return person_change_within(db, &p, now, e);
}

static int apply_one(struct db *db, const struct staff_import *i, struct staff_change *c, struct arena *arena, struct err *e)
{
    if (c->kind == STAFF_JOINS) {
        char id[ID_TEXT_LEN + 1];
        const struct account a = {.name = c->name, .role = c->role, .organisation = c->organisation};
        int rc = account_create_within(db, &a, c->link_hash, i->who, i->at, id, e);
        c->id = arena_copy(arena, span_of(id));
        return rc;
    }
    int rc = still(db, c->id, c->was, false, e);
    if (rc < 0) {
        return rc;
    }
    struct staff_import one = *i;
    one.why = c->why.len > 0 ? c->why : i->why;
    return c->kind == STAFF_ROLE ? change_person(db, &one, PERSON_ROLE, c->id, c->role, i->at, e)
                                 : change_person(db, &one, PERSON_DISABLE, c->id, SPAN(""), i->at, e);
}

static int apply_within(struct db *db, const struct staff_import *i, struct staff_change *changes, uint32_t count,
                        const struct staff_people *people, struct arena *arena, struct err *e)
{
    int rc = insert_import(db, i, e);
    for (uint32_t k = 0; rc == 0 && k < count; k++) {
        rc = apply_one(db, i, &changes[k], arena, e);
        rc = rc == 0 ? insert_change(db, i->id, k, &changes[k], e) : rc;
    }
    rc = rc == 0 && people != NULL ? staff_persons_apply(db, people->by, i, changes, count, people->c, people->n, e) : rc;
    if (rc < 0) {
        return rc;
    }
    const struct audit_entry entry = {.at = i->at, .organisation = i->organisation, .who = i->who, .what = SPAN("staff.imported"),
                                      .subject = i->id, .why = i->why};
    return audit_append(db, &entry, e);
}

int staff_import_apply(struct db *db, const struct staff_import *import, struct staff_change *changes, uint32_t count,
                       const struct staff_people *people, struct arena *arena, struct err *e)
{
    CHECK(count <= STAFF_CHANGES_MAX && import->organisation.len > 0);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, apply_within(db, import, changes, count, people, arena, e), e);
}

/* ---- undo ---- */

static int use_up(struct db *db, const struct staff_import *i, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "UPDATE staff_import SET undone = $1 WHERE id = $2 AND undone IS NULL AND at > $3 AND ($4 = '*' OR organisation = $4)", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_text(s, 2, i->id);
    db_bind_i64(s, 3, now - STAFF_IMPORTS_DAYS * (time_ns)TIME_DAY);
    db_bind_text(s, 4, i->organisation);
    rc = db_run(s, e);
    return rc == 0 && db_changes(db) == 0 ? err_set(e, ERR_NOT_FOUND, "no such import, or it is older than 30 days") : rc;
}

static int read_changes(struct db *db, struct span import, struct arena *arena, struct staff_change *out, uint32_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    *count_out = 0;
    int rc = db_query(db, "SELECT kind, user_id, role, was FROM staff_import_row WHERE import = $1 ORDER BY place LIMIT $2", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, import);
    db_bind_i64(s, 2, STAFF_CHANGES_MAX);
    while ((rc = db_step(s, e)) > 0) {
        out[(*count_out)++] = (struct staff_change){.kind = (enum staff_change_kind)db_col_i64(s, 0),
                                                    .id = arena_copy(arena, db_col_text(s, 1)),
                                                    .role = arena_copy(arena, db_col_text(s, 2)),
                                                    .was = arena_copy(arena, db_col_text(s, 3))};
        if (*count_out == STAFF_CHANGES_MAX) {
            db_done(s);
            return 0;
        }
    }
    return rc;
}

static int undo_one(struct db *db, const struct staff_import *i, const struct staff_change *c, time_ns now, struct err *e)
{
    int rc = still(db, c->id, c->kind == STAFF_LEAVES ? c->was : c->role, c->kind == STAFF_LEAVES, e);
    if (rc < 0) {
        return rc;
    }
    switch (c->kind) {
    case STAFF_JOINS:
        return change_person(db, i, PERSON_DISABLE, c->id, SPAN(""), now, e);
    case STAFF_ROLE:
        return change_person(db, i, PERSON_ROLE, c->id, c->was, now, e);
    case STAFF_LEAVES:
        return change_person(db, i, PERSON_ENABLE, c->id, SPAN(""), now, e);
    case STAFF_CHANGE_COUNT:
    default:
        return err_set(e, ERR_INVALID, "a stored change is of no kind that is known");
    }
}

static int undo_within(struct db *db, const struct record_importer *by, const struct staff_import *i, time_ns now, struct arena *arena,
                       struct span *ids, uint32_t *count_out, struct err *e)
{
    struct staff_change *changes = arena_calloc(arena, STAFF_CHANGES_MAX, sizeof *changes);
    int rc = use_up(db, i, now, e);
    rc = rc == 0 ? staff_persons_undo(db, by, i, now, e) : rc;
    rc = rc == 0 ? read_changes(db, i->id, arena, changes, count_out, e) : rc;
    for (uint32_t k = *count_out; rc == 0 && k > 0; k--) { /* the last first */
        rc = undo_one(db, i, &changes[k - 1], now, e);
        ids[k - 1] = changes[k - 1].id;
    }
    if (rc < 0) {
        return rc;
    }
    const struct audit_entry entry = {.at = now, .organisation = i->organisation, .who = i->who, .what = SPAN("staff.undone"), .subject = i->id};
    return audit_append(db, &entry, e);
}

int staff_import_undo(struct db *db, const struct record_importer *by, struct span organisation, struct span id, struct span who, time_ns now,
                      struct arena *arena, struct span **ids_out, uint32_t *count_out, struct err *e)
{
    const struct staff_import i = {.id = id, .organisation = organisation, .who = who, .why = SPAN("an import was taken back")};
    CHECK(organisation.len > 0);
    *ids_out = arena_calloc(arena, STAFF_CHANGES_MAX, sizeof **ids_out);
    *count_out = 0;
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, undo_within(db, by, &i, now, arena, *ids_out, count_out, e), e);
}

int staff_import_list(struct db *db, struct span organisation, struct arena *arena, struct staff_import **out, uint32_t *count_out,
                      struct err *e)
{
    struct db_stmt *s = NULL;
    *count_out = 0;
    *out = arena_calloc(arena, STAFF_IMPORTS_SHOWN, sizeof **out);
    int rc = db_query(db,
                      "SELECT i.id, i.organisation, i.who, i.why, i.at, i.undone, (SELECT COUNT(*) FROM staff_import_row r WHERE r.import = i.id), "
                      "(SELECT COUNT(*) FROM staff_import_person p WHERE p.import = i.id) "
                      "FROM staff_import i WHERE ($1 = '*' OR i.organisation = $1) ORDER BY i.at DESC, i.id DESC LIMIT $2",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, organisation);
    db_bind_i64(s, 2, STAFF_IMPORTS_SHOWN);
    while ((rc = db_step(s, e)) > 0) {
        (*out)[(*count_out)++] = (struct staff_import){.id = arena_copy(arena, db_col_text(s, 0)),
                                                       .organisation = arena_copy(arena, db_col_text(s, 1)),
                                                       .who = arena_copy(arena, db_col_text(s, 2)),
                                                       .why = arena_copy(arena, db_col_text(s, 3)),
                                                       .at = db_col_i64(s, 4),
                                                       .undone = db_col_null(s, 5) ? TIME_NONE : db_col_i64(s, 5),
                                                       .changes = (uint32_t)db_col_i64(s, 6),
                                                       .people = (uint32_t)db_col_i64(s, 7)};
        if (*count_out == STAFF_IMPORTS_SHOWN) {
            db_done(s);
            return 0;
        }
    }
    return rc;
}

/* ---- as messages ---- */

void staff_change_encode(struct buf *out, const struct staff_change *c)
{
    const struct span texts[] = {c->id, c->name, c->organisation, c->role, c->was, c->link_hash, c->why};
    buf_u8(out, (uint8_t)c->kind);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(out, texts[i]);
    }
}

void staff_change_decode(struct cursor *c, struct staff_change *out)
{
    struct span *const texts[] = {&out->id, &out->name, &out->organisation, &out->role, &out->was, &out->link_hash, &out->why};
    uint8_t kind = cursor_u8(c);
    c->failed = c->failed || kind >= STAFF_CHANGE_COUNT;
    out->kind = kind < STAFF_CHANGE_COUNT ? (enum staff_change_kind)kind : STAFF_JOINS;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = cursor_str(c);
    }
}

void staff_import_encode(struct buf *out, const struct staff_import *i)
{
    const struct span texts[] = {i->id, i->organisation, i->who, i->why};
    for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
        buf_str(out, texts[k]);
    }
    buf_u64(out, (uint64_t)i->at);
    buf_u64(out, (uint64_t)i->undone);
    buf_u32(out, i->changes);
    buf_u32(out, i->people);
}

void staff_import_decode(struct cursor *c, struct staff_import *out)
{
    struct span *const texts[] = {&out->id, &out->organisation, &out->who, &out->why};
    for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
        *texts[k] = cursor_str(c);
    }
    out->at = (time_ns)cursor_u64(c);
    out->undone = (time_ns)cursor_u64(c);
    out->changes = cursor_u32(c);
    out->people = cursor_u32(c);
}
