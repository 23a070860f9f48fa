/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * YAML as Sereno reads it: rules, sources, registers and its own config. libfyaml does the syntax; what callers get is a
 * small tree of our own in an arena, with a line for every message. Refused, since no file of ours or of Sigma needs
 * them and each is a way to surprise a reader: anchors and aliases, duplicate keys, keys that are no scalars, tags but
 * !!str, bytes that are no UTF-8. Who calls it: loaders in compiler, super (config), cli. It must never be handed
 * bytes from the event path.
 */
#ifndef WIRE_YAML_H
#define WIRE_YAML_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum {
    YAML_FILE_MAX_BYTES = 1024 * 1024, /* one file; the largest public rule has about 200 KB */
    YAML_DEPTH_MAX = 64,               /* nesting; libfyaml itself recurses no deeper */
    YAML_NODES_MAX = 200 * 1000,       /* of one file: bounds the tree to about 16 MB */
    YAML_DOCS_MAX = 1000,              /* documents of one file */
};

enum yaml_kind { YAML_SCALAR, YAML_SEQ, YAML_MAP };

struct yaml_node;

struct yaml_pair {
    const struct yaml_node *key; /* always a scalar */
    const struct yaml_node *value;
};

struct yaml_node {
    enum yaml_kind kind;
    bool quoted;   /* scalar written in quotes, as a block, or tagged !!str: always text */
    uint32_t line; /* from 1 */
    uint32_t column;
    struct span text; /* scalar: unescaped; empty for "key:" without a value */
    uint32_t len;     /* items of a sequence, pairs of a map */
    const struct yaml_node *const *items;
    const struct yaml_pair *pairs;
};

struct yaml_doc {
    const struct yaml_node *root; /* NULL when the document was refused */
    uint32_t line;                /* where it starts, from 1 */
    struct span text;             /* as written, into the input */
    const char *problem;          /* why it was refused, or NULL */
    uint32_t problem_line;
};

struct yaml_docs {
    const struct yaml_doc *docs;
    uint32_t len;
};

/*
 * Reads all documents of text. A refused document keeps its place in out with its problem; after a syntax error the rest
 * of the file is not read. Empty documents are left out. Texts of scalars live in a; doc.text points into `text`.
 * Returns 0 when every document is fine, else ERR_INVALID or ERR_LIMIT with the first problem and its line in e; out is
 * filled either way.
 */
int yaml_read(struct arena *a, struct span text, struct yaml_docs *out, struct err *e) NODISCARD;

/* One document that must be a map, or an error: what every file but a rule file is. */
int yaml_read_map(struct arena *a, struct span text, const struct yaml_node **out,
                  struct err *e) NODISCARD;

/* ---- scalars, typed as YAML 1.1 does (and PyYAML, which the Sigma world reads with) ---- */

/* Unquoted and empty, ~, null, Null, NULL. */
bool yaml_is_null(const struct yaml_node *n);
/* Unquoted true, yes, on, false, no, off in lower case, Capitalised or UPPER case. */
bool yaml_as_bool(const struct yaml_node *n, bool *out);
/* Unquoted integer: decimal, 0x, 0b, leading 0 = octal, underscores, base 60; false when it does not fit. */
bool yaml_as_int(const struct yaml_node *n, int64_t *out);
/* Unquoted float with a point (1.5, 1e3 is text), .inf; also any integer. Never NaN. */
bool yaml_as_double(const struct yaml_node *n, double *out);

/*
 * What a scalar reads as when compared as text: "true"/"false" for booleans, canonical decimal for integers, the
 * shortest exact decimal for floats, "" for null, else the text itself. Made in a when it is not the text.
 */
struct span yaml_plain(struct arena *a, const struct yaml_node *n);

/* ---- reading config maps: each returns 0 or ERR_INVALID with the line and the key named ---- */

/* Value of a key of a map, or NULL (also when map is no map). */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* n must be of that kind; `what` names it in the message. */
int yaml_expect(const struct yaml_node *n, enum yaml_kind kind, const char *what,
                struct err *e) NODISCARD;
/* Every key of map must be one of keys (NULL-terminated); the first unknown one is named with its line. */
int yaml_known_keys(const struct yaml_node *map, const char *const *keys, struct err *e) NODISCARD;
/* The getters leave *out alone when the key is absent, unless required. */
int yaml_get_text(const struct yaml_node *map, const char *key, bool required, struct span *out,
                  struct err *e) NODISCARD;
int yaml_get_int(const struct yaml_node *map, const char *key, bool required, int64_t min,
                 int64_t max, int64_t *out, struct err *e) NODISCARD;
int yaml_get_bool(const struct yaml_node *map, const char *key, bool required, bool *out,
                  struct err *e) NODISCARD;
/* A scalar or a sequence of scalars, as texts in a. */
int yaml_get_texts(struct arena *a, const struct yaml_node *map, const char *key, bool required,
                   const struct span **out, uint32_t *count_out, struct err *e) NODISCARD;

/* "a map", "a list", "a single value": for messages. */
const char *yaml_kind_name(enum yaml_kind kind);

#endif
