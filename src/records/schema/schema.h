/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a kind of record looks like: a JSON Schema, dialect 2020-12, of the keywords in README.md and no others. A schema is
 * read once from a file that a city may have written, so every error of it names line, place and reason; values come from
 * people and from other systems, so checking one is bounded in depth, work and errors, and fails closed.
 *
 * Facts of this dialect: `format` is asserted, not noted; numbers are exact decimals (wire/jcs.h); a pattern is a PCRE2
 * expression with \d, \w and \s of ASCII; $ref goes to "#" or "#/$defs/NAME" of the same file.
 */
#ifndef RECORDS_SCHEMA_SCHEMA_H
#define RECORDS_SCHEMA_SCHEMA_H

#include "wire/jcs.h"
#include "wire/yaml.h"

enum {
    SCHEMA_NODES_MAX = 20000,     /* subschemas of one file */
    SCHEMA_DEPTH_MAX = 48,        /* subschemas within one another, read or applied */
    SCHEMA_STEPS_MAX = 1 << 20,   /* subschemas applied and values compared for one value: bounds the time */
    SCHEMA_FAULTS_MAX = 50,       /* kept of one value; the rest are counted */
    SCHEMA_PATTERN_MAX = 512,     /* bytes of a pattern */
    SCHEMA_POINTER_MAX = 512,     /* bytes of a JSON Pointer in a fault; a longer one is cut */
};
#define SCHEMA_DIALECT "https://json-schema.org/draft/2020-12/schema"

struct schema;
struct schema_file;

/*
 * Reads a schema from a YAML tree (JSON is YAML too). Texts stay borrowed from a, which must outlive it. Refuses a keyword
 * that it does not know, naming it. ERR_INVALID, ERR_LIMIT, ERR_UNSUPPORTED with e->line set; the text begins with the JSON
 * Pointer of the place.
 */
int schema_read(struct arena *a, const struct yaml_node *root, struct schema_file **out, struct err *e) NODISCARD;

/* A YAML tree as a value, depth 0 at its root. ERR_INVALID where a plain word could be read in two ways, with its line. */
int schema_value(struct arena *a, const struct yaml_node *n, unsigned depth, struct jcs **out, struct err *e) NODISCARD;
/* NULL is fine. */
void schema_free(struct schema_file **file);

/* Why a value is refused; "word" is the name by which a page says it (words.def: fault_word). */
enum schema_reason {
#define REASON(name, word) SCHEMA_##name,
#include "records/schema/reasons.def"
#undef REASON
    SCHEMA_REASON_COUNT
};
const char *schema_reason_word(enum schema_reason reason);

struct schema_fault {
    struct span pointer; /* of the value in the document, RFC 6901 */
    enum schema_reason reason;
    struct span limit; /* what was asked for: a name, number, format, list; may be empty */
};

struct schema_result {
    bool valid;
    uint32_t count;  /* faults met; of alternatives (anyOf, oneOf, if) only that none fits */
    uint32_t kept;   /* of them in list, in the order of the schema */
    struct schema_fault *list;
};

/* Checks a value; faults live in a. Pure, and safe with any value that jcs_read_decimals gave. */
void schema_check(const struct schema_file *file, const struct jcs *value, struct arena *a, struct schema_result *out);

#endif
