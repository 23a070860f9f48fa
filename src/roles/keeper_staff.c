/* SPDX-License-Identifier: EUPL-1.2 */
/* Lists of the personnel office in the keeper: see keeper_staff.h. */
#include "roles/keeper_staff.h"

#include "records/own_appointments.h"
#include "records/staff_persons.h"
#include "roles/keeper_records_priv.h"

static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

static int broken(struct keeper_records *kr, struct err *e)
{
    int rc = err_set(e, ERR_INVALID, "the question is broken");
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int find(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span organisation = cursor_str(c);
    uint32_t n = cursor_u32(c);
    if (organisation.len == 0 || n > STAFF_LOOK_MAX || c->failed) {
        return broken(kr, e);
    }
    struct span *names = arena_calloc(&kr->scratch, n + 1, sizeof *names);
    struct person *found = arena_calloc(&kr->scratch, n + 1, sizeof *found);
    for (uint32_t i = 0; i < n; i++) {
        names[i] = cursor_str(c);
    }
    int rc = whole(c, e);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        rc = staff_find(kr->db, organisation, names[i], &kr->scratch, &found[i], e);
        rc = rc == ERR_NOT_FOUND ? 0 : rc;
    }
    answer_begin(&kr->out, rc, e);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        buf_u8(&kr->out, found[i].id.len > 0);
        if (found[i].id.len > 0) {
            buf_str(&kr->out, found[i].id);
            buf_str(&kr->out, found[i].role);
            buf_str(&kr->out, found[i].organisation);
            buf_u8(&kr->out, found[i].disabled != TIME_NONE);
        }
    }
    return rc;
}

/* What a change must have for its kind; roles are those that this node knows. */
static bool fits(const struct keeper_records *kr, const struct staff_change *c)
{
    bool role = c->role.len > 0 && people_roles_find(kr->roles, c->role) != NULL;
    switch (c->kind) {
    case STAFF_JOINS:
        return role && account_name_valid(c->name) && account_name_valid(c->organisation) && c->link_hash.len == ACCOUNT_HASH_BYTES && c->was.len == 0;
    case STAFF_ROLE:
        return role && c->id.len > 0 && c->was.len > 0;
    case STAFF_LEAVES:
        return c->role.len == 0 && c->id.len > 0 && c->was.len > 0;
    case STAFF_CHANGE_COUNT:
    default:
        return false;
    }
}

/* What he holds, as far as who asks may read its record: nobody stands in for what is over, and he for nobody. */
static int tell_appointments(struct keeper_records *kr, const struct record_scope *scope, struct span person, struct err *e)
{
    struct own_appointments *all = arena_calloc(&kr->scratch, 1, sizeof *all);
    uint32_t kept = 0;
    int rc = record_scope_empty(scope) ? 0 : own_appointments_of(kr->db, person, clock_now(), &kr->scratch, all, e);
    for (uint32_t i = 0; i < all->count && rc == 0; i++) {
        struct record_row row;
        rc = all->all[i].as_deputy ? ERR_NOT_FOUND : record_get(kr->db, scope, SPAN("appointment"), all->all[i].id, &kr->scratch, &row, e);
        if (rc == 0) {
            all->all[kept++] = all->all[i];
        }
        rc = rc == ERR_NOT_FOUND ? 0 : rc;
    }
    all->count = kept;
    own_appointments_encode(&kr->out, all);
    return rc;
}

static void tell_person(struct keeper_records *kr, const struct staff_person_known *p)
{
    buf_u32(&kr->out, p->found);
    buf_u8(&kr->out, p->linked);
    buf_u8(&kr->out, p->taken);
    if (p->found == 1) {
        record_row_encode(&kr->out, &p->row);
        buf_str(&kr->out, p->wrote);
    }
}

static int persons(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_scope people, appointments;
    struct record_sight sight;
    struct staff_person_wanted *wanted = arena_calloc(&kr->scratch, STAFF_PERSONS_BATCH, sizeof *wanted);
    record_scope_decode(c, &people);
    record_scope_decode(c, &appointments);
    record_sight_decode(c, &sight);
    uint32_t n = cursor_u32(c);
    c->failed = c->failed || n > STAFF_PERSONS_BATCH;
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        wanted[i].account = cursor_str(c);
        wanted[i].organisation = cursor_str(c);
        wanted[i].number = cursor_str(c);
        wanted[i].left = cursor_u8(c) != 0;
    }
    int rc = whole(c, e);
    answer_begin(&kr->out, 0, e);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct staff_person_known known;
        rc = staff_person_find(kr->db, &people, &sight, &wanted[i], &kr->scratch, &known, e);
        if (rc == 0) {
            tell_person(kr, &known);
        }
        rc = rc == 0 && known.found == 1 && wanted[i].left ? tell_appointments(kr, &appointments, known.row.id, e) : rc;
    }
    if (rc != 0) {
        answer_begin(&kr->out, rc, e);
    }
    return rc;
}

static int apply(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_scope scope;
    struct record_sight sight;
    const struct record_importer by = {&scope, &sight, kr->kinds};
    struct staff_people people = {.by = &by, .c = c};
    struct staff_import i = {0};
    staff_import_decode(c, &i);
    uint32_t n = cursor_u32(c);
    if (c->failed || n > STAFF_CHANGES_MAX || i.organisation.len == 0 || !id_valid(i.id)) {
        return broken(kr, e);
    }
    struct staff_change *changes = arena_calloc(&kr->scratch, n + 1, sizeof *changes);
    bool good = true;
    for (uint32_t k = 0; k < n && !c->failed; k++) {
        staff_change_decode(c, &changes[k]);
        good = good && fits(kr, &changes[k]);
    }
    people.n = cursor_u32(c);
    if (people.n > 0) {
        record_scope_decode(c, &scope);
        record_sight_decode(c, &sight);
    }
    good = good && (people.n > 0 ? people.n <= STAFF_CHANGES_MAX && !c->failed : cursor_done(c));
    if (!good) {
        return broken(kr, e);
    }
    int rc = staff_import_apply(kr->db, &i, changes, n, people.n > 0 ? &people : NULL, &kr->scratch, e);
    answer_begin(&kr->out, rc, e);
    for (uint32_t k = 0; rc == 0 && k < n; k++) {
        buf_str(&kr->out, changes[k].id);
    }
    return rc;
}

static int undo(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span *ids = NULL;
    uint32_t n = 0;
    struct span organisation = cursor_str(c);
    struct span id = cursor_str(c);
    struct span who = cursor_str(c);
    struct record_scope scope;
    const struct record_importer by = {&scope, NULL, kr->kinds};
    record_scope_decode(c, &scope);
    int rc = organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc == 0 ? staff_import_undo(kr->db, &by, organisation, id, who, clock_now(), &kr->scratch, &ids, &n, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, n);
        for (uint32_t i = 0; i < n; i++) {
            buf_str(&kr->out, ids[i]);
        }
    }
    return rc;
}

static int list(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct staff_import *imports = NULL;
    uint32_t n = 0;
    struct span organisation = cursor_str(c);
    int rc = organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc == 0 ? staff_import_list(kr->db, organisation, &kr->scratch, &imports, &n, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, n);
        for (uint32_t i = 0; i < n; i++) {
            staff_import_encode(&kr->out, &imports[i]);
        }
    }
    return rc;
}

keeper_answer_fn *keeper_staff_answer(uint16_t ask)
{
    static const struct {
        enum ask ask;
        keeper_answer_fn *answer;
    } table[] = {{ASK_STAFF_FIND, find}, {ASK_STAFF_PERSONS, persons}, {ASK_STAFF_APPLY, apply}, {ASK_STAFF_UNDO, undo}, {ASK_STAFF_IMPORTS, list}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if ((uint16_t)table[i].ask == ask) {
            return table[i].answer;
        }
    }
    return NULL;
}
