/* SPDX-License-Identifier: EUPL-1.2 */
/* Lists of the personnel office: see staff_list.h. */
#include "desk/identity/staff_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/csv.h"

enum column { COLUMN_NAME, COLUMN_STATE, COLUMN_ROLE, COLUMN_ORGANISATION, COLUMNS };
static const char *const column_names[COLUMNS] = {"name", "state", "role", "organisation"};

static int wrong(struct err *e, uint32_t line, const char *what)
{
    (void)err_set(e, ERR_INVALID, "%s", what);
    err_at(e, "", line);
    return ERR_INVALID;
}

/* Where each column stands; -1 = not there. */
static int read_names(const struct csv_row *r, int at[COLUMNS], struct err *e)
{
    for (int k = 0; k < COLUMNS; k++) {
        at[k] = -1;
    }
    for (uint32_t i = 0; i < r->count; i++) {
        int k = 0;
        while (k < COLUMNS && !span_eq_nocase(span_trim(r->cell[i]), span_of(column_names[k]))) {
            k++;
        }
        if (k == COLUMNS) {
            return wrong(e, r->line, "The columns are name, state, role and organisation; one of these is another.");
        }
        if (at[k] >= 0) {
            return wrong(e, r->line, "A column stands there twice.");
        }
        at[k] = (int)i;
    }
    return at[COLUMN_NAME] < 0 ? wrong(e, r->line, "The first line must name the columns, among them name.") : 0;
}

static void fault(struct staff_row *row, enum column column, const char *what)
{
    if (row->fault == NULL) {
        row->column = column_names[column];
        row->fault = what;
    }
}

static struct span cell(const struct csv_row *r, int at)
{
    return at >= 0 && (uint32_t)at < r->count ? span_trim(csv_unguard(r->cell[at])) : SPAN("");
}

static void read_row(const struct csv_row *r, const int at[COLUMNS], const struct staff_importer *by, struct arena *a, struct staff_row *out)
{
    struct span state = cell(r, at[COLUMN_STATE]);
    *out = (struct staff_row){.line = r->line,
                              .name = arena_copy(a, cell(r, at[COLUMN_NAME])),
                              .role = arena_copy(a, cell(r, at[COLUMN_ROLE])),
                              .organisation = arena_copy(a, cell(r, at[COLUMN_ORGANISATION])),
                              .left = span_eq_nocase(state, SPAN("left"))};
    if (!account_name_valid(out->name)) {
        fault(out, COLUMN_NAME, "A name has 1 to 64 bytes and no control characters.");
    }
    if (!out->left && state.len > 0 && !span_eq_nocase(state, SPAN("active"))) {
        fault(out, COLUMN_STATE, "A state is active or left.");
    }
    if (out->role.len > 0 && people_roles_find(by->roles, out->role) == NULL) {
        fault(out, COLUMN_ROLE, "There is no such role.");
    }
    bool his = span_eq(by->organisation, SPAN("*")) || span_eq(out->organisation, by->organisation);
    if (out->organisation.len > 0 && (!his || !account_name_valid(out->organisation))) {
        fault(out, COLUMN_ORGANISATION, "There is no such organisation here.");
    }
}

static int compare(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
    return c != 0 ? c : a.len < b.len ? -1 : a.len > b.len;
}

/* By name as names are compared, then by line: whoever stands there twice is beside himself. */
struct place {
    struct span key;
    uint32_t row;
};

static int by_key(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    int c = compare(x->key, y->key);
    return c != 0 ? c : x->row < y->row ? -1 : x->row > y->row;
}

static void find_twice(struct arena *a, struct staff_list *l)
{
    struct place *p = arena_calloc(a, l->count + 1, sizeof *p);
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->rows[i].fault == NULL) {
            char *key = arena_bytes(a, utf8_fold_room(l->rows[i].name.len) + 1);
            p[n++] = (struct place){span_make(key, utf8_fold(l->rows[i].name, key)), i};
        }
    }
    qsort(p, n, sizeof *p, by_key);
    for (uint32_t i = 1; i < n; i++) {
        if (span_eq(p[i].key, p[i - 1].key)) {
            fault(&l->rows[p[i].row], COLUMN_NAME, "An earlier row has this name already.");
        }
    }
}

/* No more rows than line ends, and one that has none. */
static uint32_t rows_at_most(struct span text)
{
    uint32_t n = 1;
    for (size_t i = 0; i < text.len && n < STAFF_ROWS_MAX; i++) {
        n += text.ptr[i] == '\n' || text.ptr[i] == '\r';
    }
    return n;
}

int staff_list_read(struct arena *a, struct span text, const struct staff_importer *by, struct staff_list *out, struct err *e)
{
    struct csv c;
    struct csv_row *r = arena_alloc(a, sizeof *r);
    int at[COLUMNS];
    const uint32_t room = rows_at_most(text);
    *out = (struct staff_list){.rows = arena_calloc(a, room, sizeof *out->rows)};
    int rc = csv_open(&c, text, e);
    rc = rc == 0 ? csv_next(&c, a, r, e) : rc;
    if (rc == 0) {
        return wrong(e, 1, "There is nothing in it.");
    }
    rc = rc > 0 ? read_names(r, at, e) : rc;
    while (rc == 0 && (rc = csv_next(&c, a, r, e)) > 0) {
        if (out->count == STAFF_ROWS_MAX) {
            (void)err_set(e, ERR_LIMIT, "A list has at most %d rows. Cut it into several.", STAFF_ROWS_MAX);
            err_at(e, "", r->line);
            return ERR_LIMIT;
        }
        CHECK(out->count < room);
        read_row(r, at, by, a, &out->rows[out->count++]);
        rc = 0;
    }
    if (rc == 0) {
        find_twice(a, out);
    }
    return rc;
}

static struct span home_of(const struct staff_importer *by, const struct staff_row *row)
{
    return row->organisation.len > 0 ? row->organisation : by->organisation;
}

bool staff_row_change(const struct staff_importer *by, struct staff_row *row, const struct person *found, struct staff_change *out)
{
    CHECK(row->fault == NULL);
    *out = (struct staff_change){.kind = STAFF_JOINS};
    if (found == NULL) {
        if (!row->left && row->role.len == 0) {
            fault(row, COLUMN_ROLE, "Who joins needs a role.");
        }
        *out = (struct staff_change){.kind = STAFF_JOINS, .name = row->name, .role = row->role, .organisation = home_of(by, row)};
        return !row->left && row->fault == NULL;
    }
    bool off = found->disabled != TIME_NONE;
    bool other_role = row->role.len > 0 && !span_eq(row->role, found->role);
    if (row->organisation.len > 0 && !span_eq(row->organisation, found->organisation)) {
        fault(row, COLUMN_ORGANISATION, "This account belongs to another organisation; a list moves nobody.");
    } else if (!row->left && off) {
        fault(row, COLUMN_STATE, "This account is disabled; a list lets nobody in again. Enable it first.");
    } else if (span_eq(found->id, by->id) && (row->left || other_role)) {
        fault(row, COLUMN_NAME, "This is your own account.");
    }
    *out = (struct staff_change){.kind = row->left ? STAFF_LEAVES : STAFF_ROLE, .id = found->id, .name = found->name,
                                 .organisation = found->organisation, .role = row->left ? SPAN("") : row->role, .was = found->role};
    return row->fault == NULL && (row->left ? !off : other_role);
}
