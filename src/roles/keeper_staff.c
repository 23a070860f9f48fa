/* SPDX-License-Identifier: EUPL-1.2 */
/* Lists of the personnel office in the keeper: see keeper_staff.h. */
#include "roles/keeper_staff.h"

#include "records/staff_imports.h"
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

static int apply(struct keeper_records *kr, struct cursor *c, struct err *e)
{
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
    if (!good || !cursor_done(c)) {
        return broken(kr, e);
    }
    int rc = staff_import_apply(kr->db, &i, changes, n, &kr->scratch, e);
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
    int rc = organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc == 0 ? staff_import_undo(kr->db, organisation, id, who, clock_now(), &kr->scratch, &ids, &n, e) : rc;
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
    } table[] = {{ASK_STAFF_FIND, find}, {ASK_STAFF_APPLY, apply}, {ASK_STAFF_UNDO, undo}, {ASK_STAFF_IMPORTS, list}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if ((uint16_t)table[i].ask == ask) {
            return table[i].answer;
        }
    }
    return NULL;
}
