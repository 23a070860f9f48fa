/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a source file says, as read: shared by the loader (sources_load*.c) and the compiler
 * (compile*.c) of this folder. Lives in the heap arena of struct sources, in the compiler role
 * only. The words are those of sources/README.md.
 */
#ifndef FLOW_NORMALISE_SOURCES_PRIV_H
#define FLOW_NORMALISE_SOURCES_PRIV_H

#include "base/vec.h"
#include "flow/normalise/sources.h"
#include "flow/normalise/tables.h"

enum {
    SOURCES_MAX = 256,         /* files; bounds the work per event, which asks source by source */
    SOURCE_KEYS_MAX = 2,       /* fields that a log source table goes by: channel and event */
    SOURCE_ROWS_MAX = 4096,    /* rows of one table */
    SOURCE_LIST_MAX = 4096,    /* items of one list */
    SOURCE_PATTERNS_MAX = 256, /* text patterns of one source */
    SOURCE_VIEWS_MAX = 32,
    SOURCE_NAME_MAX = 64, /* bytes of a source or switch name */
};

struct span_list {
    const struct span *items;
    uint32_t len;
};

/* One condition of a `recognise` entry. */
struct src_cond {
    enum cond_op op;
    struct span path;
    struct span_list values; /* any of these; empty for COND_PRESENT and COND_ABSENT */
};

struct src_recognise {
    const struct src_cond *conds; /* all of them */
    uint32_t nconds;
    struct span_list programs; /* syslog: program names, instead of conds */
    bool declared;             /* holds for manifest entries without a log source too */
};

/* A field and the paths that may hold it, in order. */
struct src_alias {
    struct span field;
    struct span_list paths;
};

/* "Each child of this object is a field of its own name." */
struct src_child {
    struct span at;
    struct span text;       /* key whose value stands for its object ("#text"), or empty */
    struct span attributes; /* key of an object whose children are A_B ("#attributes"), or empty */
    struct span_list names; /* `after`: the names there can be */
    bool deep;              /* every leaf below, by its own name */
    bool strip_blanks;
    bool after; /* the same name found elsewhere wins */
};

/* One row of a log source table; an empty key list fits every value. */
struct src_row {
    struct span_list keys[SOURCE_KEYS_MAX];
    struct span_list categories, services, products;
    int32_t also;    /* index of the `also` it stands for, or -1 */
    int32_t switch_; /* index of the switch that rules it, or -1 */
    bool declared;   /* holds for manifest entries too */
};

/* A field made of others: parts of text and fields, see derive.h. */
struct src_derive {
    struct span field;
    struct span from;         /* template: "%{SubjectDomainName}\%{SubjectUserName}" */
    struct span_list replace; /* pairs: value, instead; "prefix*" pairs replace the start */
};

/* The same event once more, as another kind: Security 4688 as process creation. */
struct src_also {
    struct span name;
    const struct logsource *logsources;
    uint32_t nlogsources;
    const struct src_alias *instead; /* these fields come from here and nowhere else */
    uint32_t ninstead;
    const struct src_derive *derive;
    uint32_t nderive;
};

/* Fields that only hold in some categories. */
struct src_view {
    struct span_list categories;
    const struct src_alias *fields;
    uint32_t nfields;
};

struct src_switch {
    struct span name;
    struct span text;
    bool on;
};

/* A text pattern and what it adds. */
struct src_pattern {
    struct span_list programs; /* syslog program names it is for; empty: all */
    struct span text;
    uint32_t line;
    const struct src_alias *set; /* fields with fixed values */
    uint32_t nset;
};

struct source {
    struct span file;
    struct span name;
    struct span title;
    enum source_format format;
    int64_t rank; /* smaller is asked first */
    const struct src_recognise *recognise;
    uint32_t nrecognise;
    struct logsource logsource; /* holds for each event of it */
    struct span key_names[SOURCE_KEYS_MAX];
    struct span_list key_paths[SOURCE_KEYS_MAX];
    uint32_t nkeys;
    struct span rows_like; /* source whose rows hold here too, or empty */
    const struct src_row *rows;
    uint32_t nrows;
    const struct src_child *children;
    uint32_t nchildren;
    const struct src_alias *fields;
    uint32_t nfields;
    const struct src_view *views;
    uint32_t nviews;
    struct span_list entities[ENTITY_COUNT];
    struct span_list times;
    struct span split;
    struct span message; /* JSON path whose text is dissected (journald MESSAGE) */
    struct span program; /* JSON path that names the program */
    const struct src_also *also;
    uint32_t nalso;
    struct src_switch *switches;
    uint32_t nswitches;
    struct span patterns_like; /* source whose patterns hold here too, or empty */
    const struct src_pattern *patterns;
    uint32_t npatterns;
    struct span_list hex; /* audit fields whose values may be written as hex digits */
    int32_t hex_switch;
};

#define SOURCES_MAGIC 0x53524353u

struct sources {
    uint32_t magic;
    struct arena arena;
    VEC(struct source *) list; /* by rank, then name */
};

struct yaml_node;

/* Reads one file into out; sources_load.c. Everything lives in a. */
int source_load(struct arena *a, struct span file_name, struct span bytes, struct source *out,
                struct err *e) NODISCARD;
/* Its parts, each from the node of its key, NULL when the file has none; sources_load_logsource.c …
 */
int source_load_logsource(struct arena *a, struct source *s, const struct yaml_node *map,
                          struct err *e) NODISCARD;
int source_load_also(struct arena *a, struct source *s, const struct yaml_node *list,
                     struct err *e) NODISCARD;
/* … and sources_load_text.c. */
int source_load_text(struct arena *a, struct source *s, const struct yaml_node *map,
                     struct err *e) NODISCARD;

/* Helpers of the three: errors name key and line. */
int source_error(struct err *e, const struct yaml_node *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A list node with at most max items; *count_out 0 when it is NULL. */
int source_list(const struct yaml_node *n, const char *what, uint32_t max, uint32_t *count_out,
                struct err *e) NODISCARD;
int source_texts(struct arena *a, const struct yaml_node *map, const char *key, bool required,
                 struct span_list *out, struct err *e) NODISCARD;
/* A map of field: path or list of paths. */
int source_aliases(struct arena *a, const struct yaml_node *map, const char *what,
                   const struct src_alias **out, uint32_t *count_out, struct err *e) NODISCARD;
/* Index of a switch by name, or an error that lists what there is. */
int source_switch_index(const struct source *s, const struct yaml_node *map, int32_t *out,
                        struct err *e) NODISCARD;

#endif
