/* SPDX-License-Identifier: EUPL-1.2 */
/* Zeek's TSV logs: see zeek.h. Runs in scan, intake and hunter; copies headers, never data. */
#include "wire/zeek.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"

#define ZEEK_MAGIC 0x5a45454bu

struct word {
    char text[ZEEK_WORD_MAX];
    size_t len;
};

struct zeek {
    uint32_t magic;
    uint32_t version;
    char separator;
    struct word empty;
    struct word unset;
    char path[ZEEK_PATH_MAX];
    size_t path_len;
    struct buf names; /* text that columns point into */
    struct buf types;
    uint32_t count;
    struct zeek_column columns[ZEEK_COLUMNS_MAX];
};

static void word_set(struct word *w, struct span s)
{
    memcpy(w->text, s.ptr, s.len);
    w->len = s.len;
}

static struct span word_span(const struct word *w)
{
    return span_make(w->text, w->len);
}

/* What Zeek writes when nothing else is said. */
static void defaults(struct zeek *z)
{
    z->separator = '\t';
    word_set(&z->empty, SPAN("(empty)"));
    word_set(&z->unset, SPAN("-"));
    z->path_len = 0;
}

struct zeek *zeek_new(void)
{
    struct zeek *z = mem_alloc(sizeof *z);
    z->magic = ZEEK_MAGIC;
    buf_init(&z->names, ZEEK_HEADER_MAX);
    buf_init(&z->types, ZEEK_HEADER_MAX);
    defaults(z);
    return z;
}

void zeek_free(struct zeek **z)
{
    if (*z == NULL) {
        return;
    }
    CHECK_OBJ(*z, ZEEK_MAGIC);
    buf_free(&(*z)->names);
    buf_free(&(*z)->types);
    mem_free(*z);
    *z = NULL;
}

uint32_t zeek_columns(const struct zeek *z, const struct zeek_column **columns_out)
{
    *columns_out = z->columns;
    return z->count;
}

uint32_t zeek_version(const struct zeek *z)
{
    return z->version;
}

struct span zeek_path(const struct zeek *z)
{
    return span_make(z->path, z->path_len);
}

/* Value of \xNN at the start of s, or -1. */
static int escape_at(struct span s)
{
    uint64_t value;
    if (s.len < 4 || s.ptr[0] != '\\' || s.ptr[1] != 'x' || s.ptr[3] == 'x' ||
        !num_hex(span_sub(s, 2, 2), &value)) {
        return -1;
    }
    return (int)value;
}

size_t zeek_unescape(struct span raw, char *out)
{
    size_t n = 0;
    size_t i = 0;
    while (i < raw.len) {
        int value = escape_at(span_sub(raw, i, 4));
        if (value >= 0) {
            out[n++] = (char)value;
            i += 4;
        } else {
            i += raw.ptr[i] == '\\' && i + 1 < raw.len && raw.ptr[i + 1] == '\\' ? 1 : 0;
            out[n++] = raw.ptr[i++];
        }
    }
    return n;
}

static int set_separator(struct zeek *z, struct span value, struct err *e)
{
    char plain[ZEEK_WORD_MAX];
    if (value.len > sizeof plain) {
        return err_set(e, ERR_LIMIT, "Zeek: a separator over %d bytes", ZEEK_WORD_MAX);
    }
    size_t n = zeek_unescape(value, plain);
    if (n != 1 || plain[0] == '\n' || plain[0] == '\r') {
        return err_set(e, ERR_INVALID, "Zeek: the separator must be one byte, no newline");
    }
    defaults(z);
    z->separator = plain[0];
    return 0;
}

static int set_word(struct word *w, struct span value, struct err *e)
{
    if (value.len > ZEEK_WORD_MAX) {
        return err_set(e, ERR_LIMIT, "Zeek: a header word over %d bytes", ZEEK_WORD_MAX);
    }
    word_set(w, value);
    return 0;
}

static int set_path(struct zeek *z, struct span value, struct err *e)
{
    if (value.len > ZEEK_PATH_MAX) {
        return err_set(e, ERR_LIMIT, "Zeek: a path over %d bytes", ZEEK_PATH_MAX);
    }
    memcpy(z->path, value.ptr, value.len);
    z->path_len = value.len;
    return 0;
}

/* Takes the next part of *rest; false when nothing is left. An empty rest of a line still is one
 * empty part. */
static bool next_part(struct span *rest, bool *done, char separator, struct span *out)
{
    if (*done) {
        return false;
    }
    ptrdiff_t at = span_find(*rest, separator);
    *done = at < 0;
    *out = at < 0 ? *rest : span_sub(*rest, 0, (size_t)at);
    *rest = at < 0 ? span_sub(*rest, rest->len, 0) : span_sub(*rest, (size_t)at + 1, rest->len);
    return true;
}

static uint32_t count_parts(const struct zeek *z, struct span text)
{
    uint32_t n = 1;
    for (size_t i = 0; i < text.len; i++) {
        n += text.ptr[i] == z->separator;
    }
    return n;
}

static int set_fields(struct zeek *z, struct span value, struct err *e)
{
    if (value.len == 0) {
        return err_set(e, ERR_INVALID, "Zeek: a header without fields");
    }
    if (count_parts(z, value) > ZEEK_COLUMNS_MAX) {
        return err_set(e, ERR_LIMIT, "Zeek: more than %d columns", ZEEK_COLUMNS_MAX);
    }
    buf_clear(&z->names);
    buf_clear(&z->types);
    buf_span(&z->names, value);
    struct span rest = buf_view(&z->names);
    struct span name;
    bool done = false;
    z->count = 0;
    while (next_part(&rest, &done, z->separator, &name)) {
        z->columns[z->count++] = (struct zeek_column){name, SPAN("")};
    }
    z->version++;
    return 0;
}

/* Types beyond the last column mean nothing; columns beyond the last type have none. */
static void set_types(struct zeek *z, struct span value)
{
    buf_clear(&z->types);
    buf_span(&z->types, value);
    struct span rest = buf_view(&z->types);
    struct span type;
    bool done = false;
    for (uint32_t i = 0; i < z->count; i++) {
        z->columns[i].type = next_part(&rest, &done, z->separator, &type) ? type : SPAN("");
    }
}

int zeek_header(struct zeek *z, struct span line, struct err *e)
{
    CHECK_OBJ(z, ZEEK_MAGIC);
    if (line.len > ZEEK_HEADER_MAX) {
        return err_set(e, ERR_LIMIT, "Zeek: a header line over %d bytes", ZEEK_HEADER_MAX);
    }
    if (span_starts(line, SPAN("#separator "))) {
        return set_separator(z, span_sub(line, 11, line.len), e);
    }
    ptrdiff_t at = span_find(line, z->separator);
    if (at < 0) {
        return 0;
    }
    struct span key = span_sub(line, 0, (size_t)at);
    struct span value = span_sub(line, (size_t)at + 1, line.len);
    if (span_eq(key, SPAN("#fields"))) {
        return set_fields(z, value, e);
    }
    if (span_eq(key, SPAN("#types"))) {
        set_types(z, value);
        return 0;
    }
    if (span_eq(key, SPAN("#empty_field"))) {
        return set_word(&z->empty, value, e);
    }
    if (span_eq(key, SPAN("#unset_field"))) {
        return set_word(&z->unset, value, e);
    }
    return span_eq(key, SPAN("#path")) ? set_path(z, value, e) : 0;
}

struct zeek_cursor zeek_begin(struct span line)
{
    return (struct zeek_cursor){line, 0, false};
}

bool zeek_next(const struct zeek *z, struct zeek_cursor *c, struct zeek_value *out)
{
    struct span text;
    if (c->column >= z->count || !next_part(&c->rest, &c->done, z->separator, &text)) {
        return false;
    }
    out->column = c->column++;
    out->kind = span_eq(text, word_span(&z->unset))   ? ZEEK_UNSET
                : span_eq(text, word_span(&z->empty)) ? ZEEK_EMPTY
                                                      : ZEEK_TEXT;
    out->text = out->kind == ZEEK_TEXT ? text : span_sub(text, 0, 0);
    return true;
}

bool zeek_fits(const struct zeek *z, struct span line)
{
    return count_parts(z, line) == z->count;
}
