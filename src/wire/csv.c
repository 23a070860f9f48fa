/* SPDX-License-Identifier: EUPL-1.2 */
/* See csv.h. Every read is of c->rest, which only grows shorter. */
#include "wire/csv.h"

#include "base/utf8.h"

/* ---- the text as a whole ---- */

static uint32_t line_at(struct span text, size_t offset)
{
    uint32_t line = 1;
    for (size_t i = 0; i < offset && i < text.len; i++) {
        line += text.ptr[i] == '\n';
    }
    return line;
}

static int refuse(struct err *e, int code, uint32_t line, const char *why)
{
    (void)err_set(e, code, "%s", why);
    err_at(e, "", line);
    return code;
}

/* Files that are no text at all tell themselves by their first bytes. */
static int check_kind(struct span text, struct err *e)
{
    if (span_starts(text, SPAN("PK\x03\x04")) || span_starts(text, SPAN("\xd0\xcf\x11\xe0"))) {
        return refuse(e, ERR_INVALID, 0, "This is a spreadsheet's own file. Save it as \"CSV UTF-8\" and try again.");
    }
    if (span_starts(text, SPAN("\xff\xfe")) || span_starts(text, SPAN("\xfe\xff"))) {
        return refuse(e, ERR_INVALID, 0, "This is UTF-16 text. Save it as \"CSV UTF-8\" and try again.");
    }
    return 0;
}

static int check_text(struct span text, struct err *e)
{
    const char *end = text.ptr + text.len;
    size_t at = 0;
    while (at < text.len) {
        size_t n = 1;
        if (text.ptr[at] == '\0') {
            return refuse(e, ERR_INVALID, line_at(text, at), "There is a zero byte in this line: it is no text.");
        }
        if (utf8_decode(text.ptr + at, end, &n) < 0) {
            return refuse(e, ERR_INVALID, line_at(text, at),
                          "This line is not UTF-8; an older code page such as Windows-1252 wrote it. Save as \"CSV UTF-8\" and try again.");
        }
        at += n;
    }
    return 0;
}

/* What parts the cells of the first line: what stands there most often, outside of quotes. */
static char separator_of(struct span text)
{
    static const char known[] = {',', ';', '\t'};
    uint32_t seen[sizeof known] = {0};
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        quoted = c == '"' ? !quoted : quoted;
        if (!quoted && (c == '\n' || c == '\r')) {
            break;
        }
        for (size_t k = 0; k < sizeof known && !quoted; k++) {
            seen[k] += c == known[k];
        }
    }
    size_t best = 0;
    for (size_t k = 1; k < sizeof known; k++) {
        best = seen[k] > seen[best] ? k : best;
    }
    return known[best];
}

int csv_open(struct csv *c, struct span text, struct err *e)
{
    *c = (struct csv){.line = 1, .separator = ','};
    if (text.len > CSV_BYTES_MAX) {
        return refuse(e, ERR_LIMIT, 0, "The file has more than 16 MiB. Cut it into several.");
    }
    int rc = text.len == 0 ? 0 : check_kind(text, e);
    if (rc == 0 && span_starts(text, SPAN("\xef\xbb\xbf"))) {
        text = span_sub(text, 3, text.len);
    }
    rc = rc == 0 && text.len > 0 ? check_text(text, e) : rc;
    if (rc != 0) {
        return rc;
    }
    if (text.len > 5 && span_eq_nocase(span_sub(text, 0, 4), SPAN("sep=")) && (text.ptr[5] == '\n' || text.ptr[5] == '\r')) {
        c->separator = text.ptr[4];
        bool crlf = text.ptr[5] == '\r' && text.len > 6 && text.ptr[6] == '\n';
        text = span_sub(text, crlf ? 7 : 6, text.len);
        c->line = 2;
        if (c->separator != ',' && c->separator != ';' && c->separator != '\t') {
            return refuse(e, ERR_INVALID, 1, "Cells are parted by comma, semicolon or tab.");
        }
    } else {
        c->separator = separator_of(text);
    }
    c->rest = text;
    return 0;
}

/* ---- rows ---- */

static bool is_end(char ch)
{
    return ch == '\n' || ch == '\r';
}

/* A cell in quotes, whose first quote was taken: *n_out bytes of c->rest, the closing quote not among them; *doubled_out: how many quotes
 * stand for one. */
static int quoted_length(const struct csv *c, uint32_t line, size_t *n_out, size_t *doubled_out, struct err *e)
{
    size_t i = 0;
    *doubled_out = 0;
    while (i < c->rest.len && i <= (size_t)CSV_CELL_MAX * 2) {
        if (c->rest.ptr[i] != '"') {
            i++;
        } else if (i + 1 < c->rest.len && c->rest.ptr[i + 1] == '"') {
            (*doubled_out)++;
            i += 2;
        } else {
            *n_out = i;
            return 0;
        }
    }
    return i < c->rest.len ? refuse(e, ERR_LIMIT, line, "A cell has more than 64 KiB, or its quote is never closed.")
                           : refuse(e, ERR_INVALID, line, "A quote that begins here is never closed.");
}

static struct span without_doubles(struct arena *a, struct span s, size_t doubled)
{
    char *to = arena_bytes(a, s.len - doubled + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        to[n++] = s.ptr[i];
        i += s.ptr[i] == '"'; /* its double */
    }
    CHECK(n == s.len - doubled);
    return span_make(to, n);
}

static int take_quoted(struct csv *c, struct arena *a, struct span *out, struct err *e)
{
    size_t n = 0, doubled = 0;
    c->rest = span_sub(c->rest, 1, c->rest.len);
    int rc = quoted_length(c, c->line, &n, &doubled, e);
    if (rc != 0) {
        return rc;
    }
    *out = span_sub(c->rest, 0, n);
    uint32_t line = c->line;
    c->line += line_at(*out, n) - 1;
    *out = doubled > 0 ? without_doubles(a, *out, doubled) : *out;
    c->rest = span_sub(c->rest, n + 1, c->rest.len);
    if (c->rest.len > 0 && c->rest.ptr[0] != c->separator && !is_end(c->rest.ptr[0])) {
        return refuse(e, ERR_INVALID, line, "There is text between the end of a quoted cell and the next one.");
    }
    return 0;
}

static void take_plain(struct csv *c, struct span *out)
{
    size_t n = 0;
    while (n < c->rest.len && c->rest.ptr[n] != c->separator && !is_end(c->rest.ptr[n])) {
        n++;
    }
    *out = span_sub(c->rest, 0, n);
    c->rest = span_sub(c->rest, n, c->rest.len);
}

static void take_end(struct csv *c)
{
    if (c->rest.len > 0) {
        bool crlf = c->rest.ptr[0] == '\r' && c->rest.len > 1 && c->rest.ptr[1] == '\n';
        c->rest = span_sub(c->rest, crlf ? 2 : 1, c->rest.len);
        c->line++;
    }
}

static int take_row(struct csv *c, struct arena *a, struct csv_row *out, struct err *e)
{
    bool more = true;
    out->line = c->line;
    out->count = 0;
    while (more) {
        if (out->count == CSV_COLUMNS_MAX) {
            return refuse(e, ERR_LIMIT, out->line, "This row has more than 96 cells.");
        }
        struct span *cell = &out->cell[out->count++];
        int rc = 0;
        if (c->rest.len > 0 && c->rest.ptr[0] == '"') {
            rc = take_quoted(c, a, cell, e);
        } else {
            take_plain(c, cell);
        }
        if (rc == 0 && cell->len > CSV_CELL_MAX) {
            rc = refuse(e, ERR_LIMIT, out->line, "A cell of this row has more than 64 KiB.");
        }
        if (rc != 0) {
            return rc;
        }
        more = c->rest.len > 0 && c->rest.ptr[0] == c->separator;
        c->rest = more ? span_sub(c->rest, 1, c->rest.len) : c->rest;
    }
    take_end(c);
    return 0;
}

static bool is_empty(const struct csv_row *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->cell[i].len > 0) {
            return false;
        }
    }
    return true;
}

int csv_next(struct csv *c, struct arena *a, struct csv_row *out, struct err *e)
{
    while (c->rest.len > 0) {
        int rc = take_row(c, a, out, e);
        if (rc != 0) {
            return rc;
        }
        if (!is_empty(out)) {
            return 1;
        }
    }
    return 0;
}

/* ---- writing ---- */

void csv_put(struct buf *out, struct span cell, char separator)
{
    bool quotes = false;
    for (size_t i = 0; i < cell.len && !quotes; i++) {
        char c = cell.ptr[i];
        quotes = c == separator || c == '"' || is_end(c) || c == ',' || c == ';' || c == '\t';
    }
    if (!quotes) {
        buf_span(out, cell);
        return;
    }
    buf_u8(out, '"');
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.ptr[i] == '"') {
            buf_u8(out, '"');
        }
        buf_u8(out, (uint8_t)cell.ptr[i]);
    }
    buf_u8(out, '"');
}

void csv_end_row(struct buf *out)
{
    buf_cstr(out, "\r\n");
}

/* Whether the text behind any apostrophes is one that must be guarded. */
static bool is_guarded(struct span text)
{
    while (text.len > 0 && text.ptr[0] == '\'') {
        text = span_sub(text, 1, text.len);
    }
    if (text.len == 0) {
        return false;
    }
    return strchr("=+-@\t\r", text.ptr[0]) != NULL || span_eq(text, CSV_EMPTY_TEXT);
}

struct span csv_guard(struct arena *a, struct span text)
{
    return is_guarded(text) ? span_of(arena_printf(a, "'%.*s", SPAN_ARG(text))) : text;
}

struct span csv_unguard(struct span cell)
{
    struct span rest = span_sub(cell, 1, cell.len);
    return cell.len > 0 && cell.ptr[0] == '\'' && is_guarded(rest) ? rest : cell;
}
