/* SPDX-License-Identifier: EUPL-1.2 */
/* Lists of the personnel office: see staff_list.h. */
#include "desk/identity/staff_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/utf8.h"
#include "wire/csv.h"

enum column {
    COLUMN_NAME,
    COLUMN_STATE,
    COLUMN_ROLE,
    COLUMN_ORGANISATION,
    COLUMN_NUMBER,
    COLUMN_PERSON,
    COLUMN_MAIL,
    COLUMN_PHONE,
    COLUMN_OFFICE,
    COLUMN_LAST_DAY,
    COLUMNS
};
static const char *const column_names[COLUMNS] = {"name", "state", "role", "organisation", "number", "person", "mail", "phone", "office", "last_day"};
enum { NUMBER_MAX = 240 /* bytes; the register's file says how many characters */ };

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
            return wrong(e, r->line, "The columns are name, state, role, organisation, number, person, mail, phone, office and last_day; one of these is another.");
        }
        if (at[k] >= 0) {
            return wrong(e, r->line, "A column stands there twice.");
        }
        at[k] = (int)i;
    }
    return at[COLUMN_NAME] < 0 ? wrong(e, r->line, "The first line must name the columns, among them name.") : 0;
}

void staff_row_fault(struct staff_row *row, const char *column, const char *what)
{
    if (row->fault == NULL) {
        row->column = column;
        row->fault = what;
    }
}

static void fault(struct staff_row *row, enum column column, const char *what)
{
    staff_row_fault(row, column_names[column], what);
}

/* Without blanks around it, those that a spreadsheet or a web page puts there too (U+00A0). */
static struct span trimmed(struct span s)
{
    const struct span hard = SPAN("\xc2\xa0");
    size_t before = 0;
    do {
        before = s.len;
        s = span_trim(s);
        s = span_starts(s, hard) ? span_sub(s, hard.len, s.len) : s;
        s = span_ends(s, hard) ? span_sub(s, 0, s.len - hard.len) : s;
    } while (s.len != before);
    return s;
}

static struct span cell(const struct csv_row *r, int at)
{
    return at >= 0 && (uint32_t)at < r->count ? trimmed(csv_unguard(trimmed(r->cell[at]))) : SPAN("");
}

/* As it is, or ="0042", by which people keep a spreadsheet from taking the zeros away. */
static struct span number(struct span text)
{
    bool kept = text.len > 3 && span_starts(text, SPAN("=\"")) && span_ends(text, SPAN("\""));
    return kept ? trimmed(span_sub(text, 2, text.len - 3)) : text;
}

/* A day as it is written, or as spreadsheets of these countries do (31.12.2026), as YYYY-MM-DD; empty: it is neither. */
static struct span day(struct arena *a, struct span text)
{
    uint64_t part[3] = {0};
    size_t n = 0;
    size_t at = 0;
    time_ns t = 0;
    for (size_t i = 0; i <= text.len && n < ARRAY_LEN(part); i++) {
        if (i == text.len || text.ptr[i] == '.') {
            if (i == at || i - at > 4 || !num_u64(span_sub(text, at, i - at), &part[n++])) {
                n = 0;
                break;
            }
            at = i + 1;
        }
    }
    bool dotted = n == ARRAY_LEN(part) && at == text.len + 1 && part[0] > 0 && part[0] < 32 && part[1] > 0 && part[1] < 13 && part[2] > 999;
    struct span out = dotted ? span_of(arena_printf(a, "%04d-%02d-%02d", (int)part[2], (int)part[1], (int)part[0])) : arena_copy(a, text);
    return out.len == 10 && time_parse(span_of(arena_printf(a, "%.*sT00:00:00Z", SPAN_ARG(out))), 0, &t) ? out : SPAN("");
}

/* What it says of the person. */
static void read_says(const struct csv_row *r, const int at[COLUMNS], struct arena *a, struct staff_row *out)
{
    struct span last = cell(r, at[COLUMN_LAST_DAY]);
    out->says = (struct staff_words){.number = arena_copy(a, number(cell(r, at[COLUMN_NUMBER]))), .person = arena_copy(a, cell(r, at[COLUMN_PERSON])),
                                     .mail = arena_copy(a, cell(r, at[COLUMN_MAIL])), .phone = arena_copy(a, cell(r, at[COLUMN_PHONE])),
                                     .office = arena_copy(a, cell(r, at[COLUMN_OFFICE])), .last_day = day(a, last)};
    if (out->says.number.len > NUMBER_MAX) {
        fault(out, COLUMN_NUMBER, "A number has at most 60 characters.");
    }
    if (last.len > 0 && out->says.last_day.len == 0) {
        fault(out, COLUMN_LAST_DAY, "A day is written 2026-12-31 or 31.12.2026.");
    }
}

static void read_row(const struct csv_row *r, const int at[COLUMNS], const struct staff_importer *by, struct arena *a, struct staff_row *out)
{
    struct span state = cell(r, at[COLUMN_STATE]);
    *out = (struct staff_row){.line = r->line,
                              .name = arena_copy(a, cell(r, at[COLUMN_NAME])),
                              .role = arena_copy(a, cell(r, at[COLUMN_ROLE])),
                              .organisation = arena_copy(a, cell(r, at[COLUMN_ORGANISATION])),
                              .left = span_eq_nocase(state, SPAN("left"))};
    read_says(r, at, a, out);
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

static struct span key_of(struct arena *a, const struct staff_row *row, enum column column)
{
    if (column == COLUMN_NUMBER) {
        return row->says.number.len == 0 ? SPAN("") : span_of(arena_printf(a, "%.*s\n%.*s", SPAN_ARG(row->organisation), SPAN_ARG(row->says.number)));
    }
    char *key = arena_bytes(a, utf8_fold_room(row->name.len) + 1);
    return span_make(key, utf8_fold(row->name, key));
}

static void find_twice(struct arena *a, struct staff_list *l, enum column column, const char *what)
{
    struct place *p = arena_calloc(a, l->count + 1, sizeof *p);
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        struct span key = l->rows[i].fault == NULL ? key_of(a, &l->rows[i], column) : SPAN("");
        if (key.len > 0) {
            p[n++] = (struct place){key, i};
        }
    }
    qsort(p, n, sizeof *p, by_key);
    for (uint32_t i = 1; i < n; i++) {
        if (span_eq(p[i].key, p[i - 1].key)) {
            fault(&l->rows[p[i].row], column, what);
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
        find_twice(a, out, COLUMN_NAME, "An earlier row has this name already.");
        find_twice(a, out, COLUMN_NUMBER, "An earlier row has this number already.");
    }
    return rc;
}

struct span staff_row_home(const struct staff_importer *by, const struct staff_row *row)
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
        *out = (struct staff_change){.kind = STAFF_JOINS, .name = row->name, .role = row->role, .organisation = staff_row_home(by, row)};
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
