/* SPDX-License-Identifier: EUPL-1.2 */
/* What the files of records/schema share: a schema as it is kept. */
#ifndef RECORDS_SCHEMA_SCHEMA_PRIV_H
#define RECORDS_SCHEMA_SCHEMA_PRIV_H

#include "records/schema/schema.h"

#define SCHEMA_MAGIC 0x7363686du

enum schema_type {
    TYPE_NULL = 1,
    TYPE_BOOLEAN = 2,
    TYPE_OBJECT = 4,
    TYPE_ARRAY = 8,
    TYPE_NUMBER = 16,
    TYPE_STRING = 32,
    TYPE_INTEGER = 64,
};

enum schema_always { SCHEMA_ASKS, SCHEMA_ALWAYS, SCHEMA_NEVER_FITS };

struct schema_pattern; /* a compiled expression */

struct schema_format {
    const char *name;
    bool (*fits)(struct span text);
};

struct schema_list {
    uint32_t len;
    struct schema **items;
};

struct schema_names {
    uint32_t len;
    struct span *items;
};

struct schema_member {
    struct span key;
    struct schema *schema;
};

struct schema_dependent {
    struct span key;
    struct schema_names names;
};

/* Counts are -1 where nothing is asked, pointers NULL. */
struct schema {
    enum schema_always always;
    uint32_t types; /* bits of schema_type; 0 = any */
    uint32_t nvalues;
    struct jcs **values; /* of enum */
    struct jcs *constant;
    struct jcs *multiple, *minimum, *maximum, *above, *below;
    int64_t min_length, max_length, min_items, max_items, min_members, max_members;
    bool unique;
    struct schema_pattern *pattern;
    struct span pattern_text;
    const struct schema_format *format;
    struct schema_list prefix;
    struct schema *items;
    uint32_t nmembers;
    struct schema_member *members;
    struct schema_names required;
    uint32_t ndependent;
    struct schema_dependent *dependent;
    struct schema *additional, *unevaluated, *names;
    struct schema_list all, any, one;
    struct schema *not, *when, *then, *otherwise;
    struct schema *reference;
    struct span reference_text; /* until it is resolved */
    uint32_t line;
    struct schema *next; /* of the same file */
};

struct schema_file {
    uint32_t magic;
    struct schema *root;
    struct schema *all; /* every subschema, for resolving and freeing */
    uint32_t ndefs;
    struct schema_member *defs;
};

/* Where one is in a document, for messages: a chain on the stack, NULL at its root. */
struct schema_place {
    const struct schema_place *up;
    struct span key;
    uint32_t index; /* counts where key.ptr is NULL */
};
/* Appends the JSON Pointer (RFC 6901) of a place; nothing for the root. */
void schema_pointer(struct buf *b, const struct schema_place *at);

/* -1, 0, 1 of two numbers (JCS_INT, JCS_DECIMAL), exactly. */
int schema_compare_numbers(const struct jcs *a, const struct jcs *b);
bool schema_is_number(const struct jcs *v);
/* divisor > 0. */
bool schema_is_multiple(const struct jcs *v, const struct jcs *divisor);
/* Equal as JSON Schema means it. *steps falls with each value compared; at 0 the answer is false. */
bool schema_equal(const struct jcs *a, const struct jcs *b, uint32_t *steps);

/* NULL when there is none of that name. */
const struct schema_format *schema_format_of(struct span name);

/* ERR_INVALID with the reason. */
int schema_pattern_new(struct span text, struct schema_pattern **out, struct err *e) NODISCARD;
void schema_pattern_free(struct schema_pattern **p);
/* Found anywhere in text; false also where a limit was hit, *over_out then true. */
bool schema_pattern_found(const struct schema_pattern *p, struct span text, bool *over_out);

#endif
