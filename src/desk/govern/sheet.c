/* SPDX-License-Identifier: EUPL-1.2 */
/* Records as tables: see sheet.h. */
#include "desk/govern/sheet.h"

#include "desk/govern/record_priv.h"

/* What every record has beside its fields, in the order of the columns. */
static const char *const always[] = {"id", "state", "tlp", "organisation"};

static struct span *part_of(struct sheet_row *r, size_t i)
{
    struct span *parts[] = {&r->id, &r->state, &r->tlp, &r->organisation};
    _Static_assert(ARRAY_LEN(parts) == ARRAY_LEN(always), "each name once");
    return parts[i];
}

/* ---- a value as a cell ---- */

static bool joins(const struct jcs *list)
{
    for (const struct jcs *m = list->first; m != NULL; m = m->next) {
        if (m->kind != JCS_TEXT || m->text.len == 0) {
            return false;
        }
    }
    return list->first != NULL && !span_starts(list->first->text, SPAN("["));
}

static struct span joined(struct arena *a, const struct jcs *list)
{
    struct buf b;
    buf_init(&b, (size_t)4 * REGISTER_DOCUMENT_MAX);
    for (const struct jcs *m = list->first; m != NULL; m = m->next) {
        for (size_t i = 0; i < m->text.len; i++) {
            if (m->text.ptr[i] == '|' || m->text.ptr[i] == '\\') {
                buf_u8(&b, '\\');
            }
            buf_u8(&b, (uint8_t)m->text.ptr[i]);
        }
        buf_cstr(&b, m->next != NULL ? "|" : "");
    }
    CHECK(!b.failed);
    struct span s = arena_copy(a, buf_view(&b));
    buf_free(&b);
    return csv_guard(a, s);
}

static struct span cell_text(struct arena *a, enum register_cell form, const struct jcs *v)
{
    if (form == CELL_TEXT && v->kind == JCS_TEXT) {
        return v->text.len == 0 ? CSV_EMPTY_TEXT : csv_guard(a, v->text);
    }
    if (form == CELL_TEXTS && v->kind == JCS_ARRAY && joins(v)) {
        return joined(a, v);
    }
    return jcs_text(a, v);
}

void sheet_begin(struct buf *out, const struct record_worker *w, enum sheet_format format, char separator)
{
    uint64_t hidden = policy_record_hidden(w->reader, &w->kind->rights, w->now);
    if (format == SHEET_JSON) {
        return;
    }
    buf_cstr(out, "\xef\xbb\xbf");
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        buf_put(out, &separator, i > 0);
        buf_cstr(out, always[i]);
    }
    for (uint32_t f = 0; f < w->kind->nfields; f++) {
        if ((hidden >> f & 1) == 0) {
            buf_put(out, &separator, 1);
            csv_put(out, w->kind->fields[f].name, separator);
        }
    }
    csv_end_row(out);
}

static void put_csv(struct buf *out, const struct register_kind *k, uint64_t hidden, const struct span parts[], const struct jcs *fields,
                    struct arena *a, char separator)
{
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        buf_put(out, &separator, i > 0);
        csv_put(out, csv_guard(a, parts[i]), separator);
    }
    for (uint32_t f = 0; f < k->nfields; f++) {
        if ((hidden >> f & 1) == 0) {
            const struct jcs *v = jcs_get(fields, arena_cstr(a, k->fields[f].name));
            buf_put(out, &separator, 1);
            csv_put(out, v == NULL ? SPAN("") : cell_text(a, k->fields[f].cell, v), separator);
        }
    }
    csv_end_row(out);
}

bool sheet_put(struct buf *out, const struct record_worker *w, const struct record_row *row, struct arena *a, enum sheet_format format,
               char separator)
{
    struct policy_record r;
    record_for_policy(row, &r);
    struct jcs *fields = policy_record_exports(w->reader, &w->kind->rights, &r, w->now) ? record_fields_now(w, row, a) : NULL;
    const struct span parts[] = {row->id, row->state, span_of(tlp_name(row->tlp)), row->organisation};
    if (fields == NULL) {
        return false;
    }
    if (format == SHEET_CSV) {
        put_csv(out, w->kind, policy_record_hidden(w->reader, &w->kind->rights, w->now), parts, fields, a, separator);
        return true;
    }
    struct jcs *o = jcs_new_object(a);
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        jcs_set_text(a, o, always[i], parts[i]);
    }
    jcs_set(a, o, "fields", fields);
    buf_span(out, jcs_text(a, o));
    buf_u8(out, '\n');
    return true;
}

/* ---- a cell as a value: what is none of its kind stays a text, of which the schema says what is wrong ---- */

static struct jcs *split(struct arena *a, struct span cell)
{
    struct jcs *list = jcs_new_array(a);
    char *to = arena_bytes(a, cell.len + 1);
    size_t n = 0;
    for (size_t i = 0; i <= cell.len; i++) {
        bool end = i == cell.len || cell.ptr[i] == '|';
        if (!end && cell.ptr[i] == '\\' && i + 1 < cell.len) {
            i++;
        }
        if (end) {
            jcs_add(list, jcs_new_text(a, span_make(to, n)));
            n = 0;
        } else {
            to[n++] = cell.ptr[i];
        }
    }
    return list;
}

static struct jcs *parsed(struct arena *a, struct span cell)
{
    struct jcs *v = NULL;
    return jcs_read_decimals(a, cell, JCS_DEPTH_MAX, &v, NULL) == 0 ? v : NULL;
}

static bool digits(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

/* Digits; beside semicolons also with a comma before the decimals, as spreadsheets of most of Europe write them. */
static struct jcs *number_of(struct arena *a, struct span cell, char separator)
{
    struct span s = span_trim(cell);
    ptrdiff_t comma = separator == ';' ? span_find(s, ',') : -1;
    struct span whole = span_sub(s, s.len > 0 && s.ptr[0] == '-', s.len);
    if (comma > 0 && digits(span_sub(whole, 0, (size_t)span_find(whole, ','))) && digits(span_sub(s, (size_t)comma + 1, s.len))) {
        s = span_of(arena_printf(a, "%.*s.%.*s", (int)comma, s.ptr, SPAN_ARG(span_sub(s, (size_t)comma + 1, s.len))));
    }
    struct jcs *v = parsed(a, s);
    return v != NULL && (v->kind == JCS_INT || v->kind == JCS_DECIMAL) ? v : NULL;
}

static struct jcs *cell_value(struct arena *a, enum register_cell form, struct span cell, char separator)
{
    struct jcs *v = NULL;
    switch (form) {
    case CELL_NUMBER:
        v = number_of(a, cell, separator);
        break;
    case CELL_BOOLEAN:
        v = span_eq_nocase(span_trim(cell), SPAN("true"))    ? jcs_new_bool(a, true)
            : span_eq_nocase(span_trim(cell), SPAN("false")) ? jcs_new_bool(a, false)
                                                             : NULL;
        break;
    case CELL_TEXTS:
        v = cell.ptr[0] == '[' ? parsed(a, cell) : split(a, csv_unguard(cell));
        break;
    case CELL_JSON:
        v = parsed(a, cell);
        break;
    case CELL_TEXT:
    default:
        break;
    }
    return v != NULL ? v : jcs_new_text(a, span_eq(cell, CSV_EMPTY_TEXT) ? SPAN("") : csv_unguard(cell));
}

/* ---- CSV ---- */

/* What a column is of; ERR_NOT_FOUND: of nothing that is there for this reader. */
static int column_of(const struct sheet *s, struct span name, int *out)
{
    name = span_trim(name);
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        if (span_eq_nocase(name, span_of(always[i]))) {
            *out = -1 - (int)i;
            return 0;
        }
    }
    for (uint32_t f = 0; f < s->kind->nfields; f++) {
        if (span_eq_nocase(name, s->kind->fields[f].name) && (s->hidden >> f & 1) == 0) {
            *out = (int)f;
            return 0;
        }
    }
    for (uint32_t f = 0; f < s->kind->nfields; f++) { /* as an earlier file called it: of a table that went out then */
        const struct register_was *was = &s->kind->fields[f].was;
        for (uint32_t i = 0; i < was->count && (s->hidden >> f & 1) == 0; i++) {
            if (span_eq_nocase(name, was->names[i])) {
                *out = (int)f;
                return 0;
            }
        }
    }
    return ERR_NOT_FOUND;
}

static int read_head(struct sheet *s, struct arena *a, struct err *e)
{
    struct csv_row *row = arena_alloc(a, sizeof *row);
    int rc = csv_next(&s->csv, a, row, e);
    if (rc <= 0) {
        return rc == 0 ? err_set(e, ERR_INVALID, "The file is empty: its first line must name the columns.") : rc;
    }
    s->ncolumns = row->count;
    for (uint32_t i = 0; i < row->count; i++) {
        if (column_of(s, row->cell[i], &s->column[i]) != 0) {
            (void)err_set(e, ERR_INVALID, "The first line names a column \"%.*s\", which this register does not have.",
                          SPAN_ARG(span_sub(row->cell[i], 0, 80)));
            err_at(e, "", row->line);
            return ERR_INVALID;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (s->column[k] == s->column[i]) {
                (void)err_set(e, ERR_INVALID, "The first line names the column \"%.*s\" twice.", SPAN_ARG(span_sub(row->cell[i], 0, 80)));
                err_at(e, "", row->line);
                return ERR_INVALID;
            }
        }
    }
    return 0;
}

static int too_many(struct err *e)
{
    return err_set(e, ERR_LIMIT, "The file has more than %d records. Cut it into several.", SHEET_ROWS_MAX);
}

static int count_csv(const struct sheet *s, uint32_t *rows_out, struct err *e)
{
    struct csv c = s->csv;
    struct arena a;
    struct err why = {0};
    int rc = 0;
    arena_init(&a, 0);
    struct csv_row *row = arena_alloc(&a, sizeof *row);
    while (rc == 0 && (rc = csv_next(&c, &a, row, &why)) > 0) {
        rc = ++*rows_out > SHEET_ROWS_MAX ? too_many(&why) : 0;
    }
    arena_fini(&a);
    if (rc < 0 && e != NULL) {
        *e = why;
    }
    return rc;
}

static void next_csv(struct sheet *s, const struct csv_row *row, struct arena *a, struct sheet_row *out, struct record_faults *faults)
{
    for (uint32_t i = s->ncolumns; i < row->count; i++) {
        if (row->cell[i].len > 0) {
            record_fault(faults, SPAN(""), SCHEMA_CELLS, SPAN(""));
            return;
        }
    }
    for (uint32_t i = 0; i < s->ncolumns; i++) {
        struct span cell = i < row->count ? row->cell[i] : SPAN(""); /* empty ones at the end may be left out */
        int at = s->column[i];
        if (at < 0) {
            *part_of(out, (size_t)(-1 - at)) = span_trim(csv_unguard(cell));
            continue;
        }
        out->named |= UINT64_C(1) << at;
        if (cell.len > 0) {
            const struct register_field *f = &s->kind->fields[at];
            jcs_set(a, out->fields, arena_cstr(a, f->name), cell_value(a, f->cell, cell, s->csv.separator));
        }
    }
}

/* ---- JSON ---- */

/* The next line that is not blank. */
static bool next_line(struct sheet *s, struct span *out)
{
    while (s->rest.len > 0) {
        ptrdiff_t n = span_find(s->rest, '\n');
        struct span line = span_sub(s->rest, 0, n < 0 ? s->rest.len : (size_t)n);
        s->rest = span_sub(s->rest, line.len + 1, s->rest.len);
        s->line++;
        *out = span_trim(line);
        if (out->len > 0) {
            return true;
        }
    }
    return false;
}

static int open_json(struct sheet *s, struct span text, struct arena *a, uint32_t *rows_out, struct err *e)
{
    struct jcs *list = NULL;
    struct span line;
    text = span_starts(text, SPAN("\xef\xbb\xbf")) ? span_sub(text, 3, text.len) : text;
    struct span trimmed = span_trim(text);
    if (trimmed.len > 0 && trimmed.ptr[0] == '[') {
        struct err why = {0};
        if (jcs_read_decimals(a, trimmed, JCS_DEPTH_MAX, &list, &why) != 0) {
            return err_set(e, ERR_INVALID, "The JSON cannot be read: %.300s.", why.text);
        }
        *rows_out = list->count;
        s->item = list->first;
    } else {
        struct sheet count = {.rest = text};
        while (next_line(&count, &line)) {
            (*rows_out)++;
        }
        s->rest = text;
    }
    return *rows_out > SHEET_ROWS_MAX ? too_many(e) : 0;
}

/* Names of earlier files as those of today; beside a name of today what is called as before stays, and is a fault. */
static struct jcs *call_anew(const struct sheet *s, const struct jcs *fields, struct arena *a)
{
    struct jcs *out = jcs_new_object(a);
    for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
        int at = register_field_of(s->kind, m->key) < 0 ? register_field_ever(s->kind, m->key) : -1;
        bool anew = at >= 0 && (s->hidden >> at & 1) == 0 && jcs_get(fields, arena_cstr(a, s->kind->fields[at].name)) == NULL &&
                    jcs_get(out, arena_cstr(a, s->kind->fields[at].name)) == NULL;
        jcs_set(a, out, arena_cstr(a, anew ? s->kind->fields[at].name : m->key), jcs_copy(a, m));
    }
    return out;
}

static void next_json(const struct sheet *s, const struct jcs *v, struct arena *a, struct sheet_row *out, struct record_faults *faults)
{
    if (v->kind != JCS_OBJECT) {
        record_fault(faults, SPAN(""), SCHEMA_TYPE, SPAN("object"));
        return;
    }
    for (const struct jcs *m = v->first; m != NULL; m = m->next) {
        size_t i = 0;
        while (i < ARRAY_LEN(always) && !span_eq(m->key, span_of(always[i]))) {
            i++;
        }
        struct span at = span_of(arena_printf(a, "/%.*s", SPAN_ARG(span_sub(m->key, 0, 80))));
        bool is_fields = span_eq(m->key, SPAN("fields"));
        if (i == ARRAY_LEN(always) && !is_fields) {
            record_fault(faults, at, SCHEMA_UNKNOWN, span_sub(m->key, 0, 80));
        } else if (m->kind != (is_fields ? JCS_OBJECT : JCS_TEXT)) {
            record_fault(faults, at, SCHEMA_TYPE, is_fields ? SPAN("object") : SPAN("string"));
        } else if (is_fields) {
            out->fields = call_anew(s, m, a);
            out->named = UINT64_MAX;
        } else {
            *part_of(out, i) = m->text;
        }
    }
    if (out->named == 0 && faults->count == 0) {
        record_fault(faults, SPAN("/fields"), SCHEMA_MISSING, SPAN("fields"));
    }
}

/* ---- both ---- */

int sheet_open(struct sheet *s, const struct register_kind *kind, uint64_t hidden, enum sheet_format format, struct span text, struct arena *a,
               uint32_t *rows_out, struct err *e)
{
    *s = (struct sheet){.kind = kind, .hidden = hidden, .format = format};
    *rows_out = 0;
    if (format == SHEET_JSON) {
        return open_json(s, text, a, rows_out, e);
    }
    int rc = csv_open(&s->csv, text, e);
    rc = rc == 0 ? read_head(s, a, e) : rc;
    return rc == 0 ? count_csv(s, rows_out, e) : rc;
}

bool sheet_next(struct sheet *s, struct arena *a, struct sheet_row *out, struct record_faults *faults)
{
    *out = (struct sheet_row){.fields = jcs_new_object(a)};
    faults->count = 0;
    if (s->format == SHEET_CSV) {
        struct csv_row *row = arena_alloc(a, sizeof *row);
        int rc = csv_next(&s->csv, a, row, NULL);
        CHECK(rc >= 0); /* sheet_open has read it all */
        out->line = row->line;
        if (rc > 0) {
            next_csv(s, row, a, out, faults);
        }
        return rc > 0;
    }
    const struct jcs *v = s->item;
    struct err why = {0};
    struct span line;
    if (v != NULL) {
        s->item = v->next;
        s->line++;
    } else {
        struct jcs *read = NULL;
        if (!next_line(s, &line)) {
            return false;
        }
        if (jcs_read_decimals(a, line, JCS_DEPTH_MAX, &read, &why) != 0) {
            record_fault(faults, SPAN(""), SCHEMA_UNREADABLE, arena_copy(a, span_of(why.text)));
        }
        v = read;
    }
    out->line = s->line;
    if (faults->count == 0) {
        next_json(s, v, a, out, faults);
    }
    return true;
}
