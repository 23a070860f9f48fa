/* SPDX-License-Identifier: EUPL-1.2 */
/* Columns and words of others as ours, and back: see mapping.h. Cells: mapping_text.c. */
#include "desk/govern/mapping_priv.h"

#include "wire/jcs.h"

enum { FIELD_NONE = -1, FIELD_ALWAYS = -2, OUT_MAX = 2 * CSV_BYTES_MAX };

struct target {
    const struct profile_column *column; /* NULL: passed over */
    enum register_cell cell;
    bool day;
};

static bool is_always(struct span name)
{
    return span_eq(name, SPAN("id")) || span_eq(name, SPAN("state")) || span_eq(name, SPAN("tlp")) || span_eq(name, SPAN("organisation"));
}

static const struct profile_column *column_of(const struct profile *p, struct span name)
{
    name = span_trim(name);
    for (uint32_t i = 0; i < p->ncolumns; i++) {
        if (span_eq_nocase(p->columns[i].column, name)) {
            return &p->columns[i];
        }
    }
    return NULL;
}

/* Whether a field is a day, which the kind's file says. */
static bool is_day(const struct register_kind *k, struct span field, struct arena *a)
{
    struct jcs *document = NULL;
    struct span format = SPAN("");
    struct err ignored = {0};
    if (jcs_read_decimals(a, k->document, JCS_DEPTH_MAX, &document, &ignored) != 0) {
        return false;
    }
    const struct jcs *one = jcs_get(jcs_get(document, "properties"), arena_cstr(a, field));
    return jcs_get_text(one, "format", &format) && span_eq(format, SPAN("date"));
}

static struct target target_of(const struct register_kind *k, const struct profile_column *c, struct arena *a)
{
    struct target t = {.column = c, .cell = CELL_TEXT};
    int place = c->field.len == 0 ? -1 : register_field_of(k, c->field);
    if (c->field.len == 0) {
        t.column = NULL;
    } else if (place >= 0) {
        t.cell = k->fields[place].cell;
        t.day = is_day(k, c->field, a);
    }
    return t;
}

static struct span word_of(const struct profile_column *c, struct span cell)
{
    struct span s = span_trim(cell);
    for (uint32_t i = 0; i < c->nvalues; i++) {
        if (span_eq_nocase(c->values[i].theirs, s)) {
            return c->values[i].ours;
        }
    }
    return cell;
}

static struct span cell_in(const struct profile *p, const struct target *t, struct span cell, struct arena *a)
{
    cell = word_of(t->column, mapping_formula(a, cell));
    if (t->day) {
        return mapping_day(a, cell, p->dates);
    }
    if (t->cell == CELL_NUMBER) {
        return mapping_number(a, cell, p->decimal_comma);
    }
    return t->cell == CELL_TEXTS && t->column->list.len > 0 ? mapping_list(a, cell, t->column->list.ptr[0]) : cell;
}

/* Cells that are empty to the end of a row are not there. */
static uint32_t length_of(const struct csv_row *row)
{
    uint32_t n = row->count;
    while (n > 0 && span_trim(row->cell[n - 1]).len == 0) {
        n--;
    }
    return n;
}

static int bad_head(struct err *e, const struct csv_row *row, const char *what, struct span name)
{
    (void)err_set(e, ERR_INVALID, "The first line names a column \"%.*s\"%s", SPAN_ARG(span_sub(name, 0, 80)), what);
    err_at(e, "", row->line);
    return ERR_INVALID;
}

static int read_head(const struct profile *p, const struct register_kind *k, const struct csv_row *row, struct arena *a,
                     struct target *out, struct mapping_told *told, struct err *e)
{
    told->columns = length_of(row);
    told->passed_over = 0;
    for (uint32_t i = 0; i < told->columns; i++) {
        const struct profile_column *c = column_of(p, row->cell[i]);
        if (c == NULL && !p->pass_others) {
            return bad_head(e, row, ", which the profile does not know.", row->cell[i]);
        }
        for (uint32_t n = 0; c != NULL && c->field.len > 0 && n < i; n++) {
            if (out[n].column == c) {
                return bad_head(e, row, " twice.", row->cell[i]);
            }
        }
        out[i] = (struct target){0};
        if (c != NULL) {
            out[i] = target_of(k, c, a);
        }
        told->passed_over += out[i].column == NULL;
    }
    return 0;
}

static void put_head(struct buf *out, const struct profile *p, const struct target *t, uint32_t n)
{
    bool first = true;
    for (uint32_t i = 0; i < n; i++) {
        if (t[i].column != NULL) {
            buf_cstr(out, first ? "" : ",");
            csv_put(out, t[i].column->field, ',');
            first = false;
        }
    }
    for (uint32_t i = 0; i < p->nconstants; i++) {
        buf_cstr(out, first ? "" : ",");
        csv_put(out, p->constants[i].field, ',');
        first = false;
    }
}

static void put_row(struct buf *out, const struct profile *p, const struct target *t, uint32_t n, const struct csv_row *row, struct arena *a)
{
    bool first = true;
    for (uint32_t i = 0; i < n; i++) {
        if (t[i].column != NULL) {
            buf_cstr(out, first ? "" : ",");
            csv_put(out, i < row->count && row->cell[i].len > 0 ? cell_in(p, &t[i], row->cell[i], a) : SPAN(""), ',');
            first = false;
        }
    }
    for (uint32_t i = 0; i < p->nconstants; i++) {
        buf_cstr(out, first ? "" : ",");
        csv_put(out, csv_guard(a, p->constants[i].column), ',');
        first = false;
    }
    /* Cells behind the last column are a fault of that row, as they are without a profile. */
    for (uint32_t i = n; i < length_of(row); i++) {
        buf_cstr(out, ",");
        csv_put(out, row->cell[i], ',');
    }
}

/* The line on which the next row begins must be that of theirs: rows of ours may have fewer line breaks in them. */
static void go_to_line(struct buf *out, uint32_t *at, uint32_t line)
{
    for (; *at < line && !out->failed; (*at)++) {
        buf_u8(out, '\n');
    }
}

static uint32_t breaks_in(const struct buf *out, size_t from)
{
    uint32_t n = 0;
    for (size_t i = from; i < out->len; i++) {
        n += out->data[i] == '\n' || (out->data[i] == '\r' && (i + 1 == out->len || out->data[i + 1] != '\n'));
    }
    return n;
}

static int map_rows(const struct profile *p, const struct register_kind *k, struct csv *c, struct arena *a, struct buf *out,
                    struct mapping_told *told, struct err *e)
{
    struct arena scratch;
    struct target *targets = arena_calloc(a, CSV_COLUMNS_MAX, sizeof *targets);
    struct csv_row *row = arena_alloc(a, sizeof *row);
    uint32_t at = 1;
    bool head = true;
    int rc = 0;
    arena_init(&scratch, 1 << 16);
    while (rc == 0 && (rc = csv_next(c, &scratch, row, e)) > 0) {
        rc = 0;
        if (length_of(row) == 0) {
            arena_reset(&scratch);
            continue;
        }
        go_to_line(out, &at, row->line);
        size_t before = out->len;
        if (head) {
            rc = read_head(p, k, row, a, targets, told, e);
            put_head(out, p, targets, rc == 0 ? told->columns : 0);
        } else {
            put_row(out, p, targets, told->columns, row, &scratch);
        }
        head = false;
        buf_u8(out, '\n');
        at += breaks_in(out, before);
        rc = rc == 0 && out->failed ? err_set(e, ERR_LIMIT, "The file has more than 16 MiB. Cut it into several.") : rc;
        arena_reset(&scratch);
    }
    arena_fini(&scratch);
    return rc;
}

int mapping_in(const struct profile *p, const struct register_kind *k, struct span text, struct arena *a, struct span *out,
               struct mapping_told *told, struct err *e)
{
    struct csv c;
    struct buf b;
    buf_init(&b, OUT_MAX);
    int rc = csv_open(&c, text, e);
    told->separator = c.separator;
    rc = rc == 0 ? map_rows(p, k, &c, a, &b, told, e) : rc;
    *out = rc == 0 ? arena_copy(a, buf_view(&b)) : SPAN("");
    buf_free(&b);
    return rc;
}

static bool is_ours(const struct register_kind *k, struct span name)
{
    char small[REGISTER_NAME_MAX];
    name = span_trim(name);
    if (name.len > sizeof small) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        small[i] = ascii_lower(name.ptr[i]);
    }
    struct span s = span_make(small, name.len);
    return is_always(s) || register_field_of(k, s) >= 0;
}

/* How many columns of the first line a profile knows; 0: it is not for this table. */
static uint32_t known_columns(const struct profile *p, const struct register_kind *k, const struct csv_row *row)
{
    uint32_t known = 0;
    bool key = false;
    for (uint32_t i = 0; i < length_of(row); i++) {
        const struct profile_column *c = column_of(p, row->cell[i]);
        if (c == NULL && !p->pass_others) {
            return 0;
        }
        known += c != NULL;
        key = key || (c != NULL && (span_eq(c->field, k->fields[k->key].name) || span_eq(c->field, SPAN("id"))));
    }
    return key ? known : 0;
}

const struct profile *mapping_guess(const struct profile *list, size_t count, const struct register_kind *k, struct span text, struct arena *a)
{
    struct csv c;
    struct err ignored = {0};
    struct csv_row *row = arena_alloc(a, sizeof *row);
    const struct profile *best = NULL;
    uint32_t most = 1; /* one column alone tells nothing */
    if (csv_open(&c, text, &ignored) != 0 || csv_next(&c, a, row, &ignored) <= 0) {
        return NULL;
    }
    uint32_t ours = 0;
    for (uint32_t i = 0; i < length_of(row); i++) {
        ours += is_ours(k, row->cell[i]);
    }
    if (ours == length_of(row)) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t known = span_eq(list[i].kind, k->name) ? known_columns(&list[i], k, row) : 0;
        if (known > most) {
            most = known;
            best = &list[i];
        }
    }
    return best;
}

/* ---- out ---- */

static struct span word_out(const struct profile_column *c, struct span cell)
{
    for (uint32_t i = 0; i < c->nvalues; i++) {
        if (c->values[i].ours.len > 0 && span_eq(c->values[i].ours, cell)) {
            return c->values[i].theirs; /* the first of several */
        }
    }
    return cell;
}

/* a|b with \| and \\ as entries parted by their sign; an entry that holds the sign stays as ours. */
static struct span list_out(struct arena *a, struct span cell, char sign)
{
    char *to = arena_bytes(a, cell.len + 1);
    size_t n = 0;
    if (cell.len > 0 && (cell.ptr[0] == '[' || span_find(cell, sign) >= 0)) {
        return cell;
    }
    for (size_t i = 0; i < cell.len; i++) {
        bool escaped = cell.ptr[i] == '\\' && i + 1 < cell.len;
        i += escaped;
        to[n++] = cell.ptr[i] == '|' && !escaped ? sign : cell.ptr[i];
    }
    return span_make(to, n);
}

static struct span cell_out(const struct target *t, struct span cell, struct arena *a)
{
    bool list = t->cell == CELL_TEXTS && t->column->list.len > 0;
    return list ? list_out(a, cell, t->column->list.ptr[0]) : word_out(t->column, cell);
}

int mapping_out(const struct profile *p, const struct register_kind *k, struct span ours, char separator, struct arena *a, struct span *out,
                struct err *e)
{
    struct csv c;
    struct buf b;
    int place[PROFILE_COLUMNS_MAX];
    struct target t[PROFILE_COLUMNS_MAX];
    bool head = true;
    struct csv_row *row = arena_alloc(a, sizeof *row);
    buf_init(&b, OUT_MAX);
    int rc = csv_open(&c, ours, e);
    buf_cstr(&b, "\xef\xbb\xbf");
    while (rc == 0 && (rc = csv_next(&c, a, row, e)) > 0) {
        rc = 0;
        bool first = true;
        for (uint32_t i = 0; i < p->ncolumns; i++) {
            if (head) {
                t[i] = target_of(k, &p->columns[i], a);
                place[i] = -1;
                for (uint32_t n = 0; n < row->count; n++) {
                    place[i] = span_eq(row->cell[n], p->columns[i].field) ? (int)n : place[i];
                }
            }
            struct span cell = place[i] >= 0 && place[i] < (int)row->count ? row->cell[place[i]] : SPAN("");
            buf_put(&b, &separator, !first);
            csv_put(&b, head ? p->columns[i].column : t[i].column == NULL ? SPAN("") : cell_out(&t[i], cell, a), separator);
            first = false;
        }
        head = false;
        csv_end_row(&b);
    }
    rc = rc == 0 && b.failed ? err_set(e, ERR_LIMIT, "The table would be too large.") : rc;
    *out = rc == 0 ? arena_copy(a, buf_view(&b)) : SPAN("");
    buf_free(&b);
    return rc;
}
