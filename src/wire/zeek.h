/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Zeek's TSV logs: header lines (#separator, #fields, …) and data lines cut into columns. Sets and
 * vectors stay one string as written. Who calls it: normalise, one struct zeek per stream.
 */
#ifndef WIRE_ZEEK_H
#define WIRE_ZEEK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum {
    ZEEK_COLUMNS_MAX = 1024,      /* real logs stay under 100 */
    ZEEK_HEADER_MAX = 256 * 1024, /* bytes of one header line */
    ZEEK_WORD_MAX = 64,           /* bytes of a separator or of the words for empty and unset */
    ZEEK_PATH_MAX = 256,          /* bytes of #path */
};

struct zeek_column {
    struct span name;
    struct span type; /* empty without #types */
};

struct zeek;
struct zeek *zeek_new(void);
void zeek_free(struct zeek **z);

/*
 * Takes one line that begins with '#' (without its newline). Unknown ones are comments. A new
 * #separator or #fields replaces what was before, so logs put one behind the other work. ERR_LIMIT,
 * ERR_INVALID (bad separator, no fields): the old header stays.
 */
int zeek_header(struct zeek *z, struct span line, struct err *e) NODISCARD;

static inline bool zeek_is_header(struct span line)
{
    return line.len > 0 && line.ptr[0] == '#';
}

/* Columns of #fields; 0 before one came. Borrowed until the next header line. */
uint32_t zeek_columns(const struct zeek *z, const struct zeek_column **columns_out);
/* Grows with each #fields: tells whether what was derived from the columns is stale. */
uint32_t zeek_version(const struct zeek *z);
/* #path, the kind of log ("conn"); empty when there was none. Borrowed until the next header line.
 */
struct span zeek_path(const struct zeek *z);

enum zeek_kind {
    ZEEK_TEXT,
    ZEEK_EMPTY, /* "(empty)": the empty string */
    ZEEK_UNSET, /* "-": the field is missing */
};

struct zeek_value {
    uint32_t column;
    enum zeek_kind kind;
    struct span text; /* as written, \xNN kept; empty for ZEEK_EMPTY and ZEEK_UNSET */
};

struct zeek_cursor {
    struct span rest;
    uint32_t column;
    bool done;
};

/* Walks one data line. Stops at the last column of the header: see zeek_fits for lines with more or
 * fewer. */
struct zeek_cursor zeek_begin(struct span line);
bool zeek_next(const struct zeek *z, struct zeek_cursor *c, struct zeek_value *out);

/* Has the line as many values as the header has columns? */
bool zeek_fits(const struct zeek *z, struct span line);

/* Undoes \xNN and \\ into out (room for raw.len bytes); returns the length. Other backslashes stay.
 */
size_t zeek_unescape(struct span raw, char *out);

#endif
