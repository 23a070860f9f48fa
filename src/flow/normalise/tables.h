/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the event path knows of the sources: compiled by compile*.c into the region beside the
 * catalog, read by normalise*.c in every worker. Immutable, shared between processes: plain
 * pointers, no heap, no function pointers.
 */
#ifndef FLOW_NORMALISE_TABLES_H
#define FLOW_NORMALISE_TABLES_H

#include "event/catalog.h"
#include "flow/normalise/dissect.h"
#include "flow/normalise/sources.h"

#define TABLES_MAGIC 0x4e544142u

enum cond_op { COND_PRESENT, COND_ABSENT, COND_EQUAL, COND_PREFIX, COND_CONTAINS };

enum { TABLE_KEYS_MAX = 2 };

struct node_list {
    const key_node *nodes;
    uint32_t len;
};

struct norm_cond {
    enum cond_op op;
    struct node_list nodes;
    const struct span *values; /* ASCII case ignored */
    uint32_t nvalues;
};

struct norm_recognise {
    const struct norm_cond *conds; /* all of them */
    uint32_t nconds;
    bool declared;
};

/* Log source table: class by one or two values, open addressing, at most half full. */
struct norm_slot {
    struct span keys[TABLE_KEYS_MAX]; /* ptr NULL: any other value */
    class_id class_id;                /* CLASS_NONE: empty slot */
};

struct norm_table {
    const struct norm_slot *slots;
    uint32_t mask;
    class_id other; /* nothing fits */
};

/* One part of a derived value. */
struct norm_part {
    struct span text; /* literal, when field is FIELD_NONE */
    field_id field;
};

struct norm_replace {
    struct span from; /* whole value, or its start when `prefix` */
    struct span to;
    bool prefix;
};

struct norm_derive {
    key_node node; /* where the value goes */
    const struct norm_part *parts;
    uint32_t nparts;
    const struct norm_replace *replace;
    uint32_t nreplace;
};

/* Derived values that a class needs. */
struct norm_class {
    const struct norm_derive *derive;
    uint32_t nderive;
};

struct norm_source {
    struct span name;
    enum source_format format;
    const struct norm_recognise *recognise;
    uint32_t nrecognise;
    struct node_list keys[TABLE_KEYS_MAX];
    uint32_t nkeys;
    struct norm_table full;
    struct norm_table strict; /* manifest entries */
    struct node_list message; /* text to dissect, or empty */
    struct node_list program;
    const struct dissect *patterns;
    const struct span *hex; /* fields whose hex digits are decoded */
    uint32_t nhex;
};

struct norm_declared {
    enum source_format format;
    bool by_content; /* no log source stated */
    class_id plain;
    const class_id
        *by_source; /* JSON that source i recognises; CLASS_NONE where it does not matter */
};

/* Nodes of the fields that our own decoders fill. */
#define NORM_FIELDS(X)                                                                             \
    X(C_IP, "c-ip")                                                                                \
    X(CS_USERNAME, "cs-username")                                                                  \
    X(CS_METHOD, "cs-method")                                                                      \
    X(CS_URI, "cs-uri")                                                                            \
    X(CS_URI_STEM, "cs-uri-stem")                                                                  \
    X(CS_URI_QUERY, "cs-uri-query")                                                                \
    X(CS_VERSION, "cs-version")                                                                    \
    X(CS_HOST, "cs-host")                                                                          \
    X(SC_STATUS, "sc-status")                                                                      \
    X(SC_BYTES, "sc-bytes")                                                                        \
    X(CS_REFERER, "cs-referer")                                                                    \
    X(CS_USER_AGENT, "cs-user-agent")                                                              \
    X(HOST_NAME, "host_name")                                                                      \
    X(APPNAME, "appname")                                                                          \
    X(PROCID, "procid")                                                                            \
    X(MSGID, "msgid")                                                                              \
    X(FACILITY, "facility")                                                                        \
    X(SEVERITY, "severity")                                                                        \
    X(MESSAGE, "message")

enum norm_field {
#define X(name, text) NORM_##name,
    NORM_FIELDS(X)
#undef X
        NORM_FIELD_COUNT
};

struct norm_tables {
    uint32_t magic;
    const struct norm_source *sources; /* in the order they are asked */
    uint32_t nsources;
    int32_t by_format[FORMAT_COUNT]; /* source of a format that has just one (web, auditd, zeek,
                                        syslog), or -1 */
    const struct norm_declared *declared;
    uint32_t ndeclared;
    const struct norm_class *classes; /* parallel to catalog classes */
    class_id generic;                 /* nothing recognised: no log source */
    key_node fields[NORM_FIELD_COUNT];
    const struct span *lifted; /* "Event.EventData.": left out when fields are shown to people */
    uint32_t nlifted;
};

/* Hash of a log source key, ASCII case ignored. The table never grows from outside, so it needs no
 * secret seed. */
static inline uint32_t norm_hash(struct span a, struct span b)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < a.len; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a span without text has no length */
        h = (h ^ (unsigned char)ascii_lower(a.ptr[i])) * 16777619u;
    }
    h = (h ^ 0x1fu) * 16777619u;
    for (size_t i = 0; i < b.len; i++) {
        h = (h ^ (unsigned char)ascii_lower(b.ptr[i])) * 16777619u;
    }
    return h ^ h >> 15;
}

#endif
