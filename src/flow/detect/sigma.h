/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sigma 2.1 as loaded: rules, correlations and filters after modifier expansion, as trees of predicates. Made by the
 * loader (sigma_*.c) in the compiler role, read by the planner (plan_*.c), the reference evaluator and `rules explain`.
 * Everything lives in the arena of its sigma_set.
 */
#ifndef FLOW_DETECT_SIGMA_H
#define FLOW_DETECT_SIGMA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/vec.h"
#include "event/alert.h"
#include "event/catalog.h"

enum {
    SIGMA_FILE_MAX_BYTES = 1024 * 1024,  /* one rule file; the largest public one has about 200 KB */
    SIGMA_PREDS_PER_RULE_MAX = 20000,    /* leaves after expansion; the largest public rule has 4,432 */
    SIGMA_PREDS_FILTERED_MAX = 40000,    /* the same with all filters and-ed on */
    SIGMA_VARIANTS_MAX = 4096,           /* of one value: windash makes 5^n */
    SIGMA_DEPTH_MAX = 64,                /* nesting of conditions and selections */
    SIGMA_REGEX_MAX_BYTES = 8192,
    SIGMA_REGEX_STATES_MAX = 1024 * 1024, /* bytes of all regular expressions of one rule, compiled */
    SIGMA_ORDERED_MAX = 64,              /* rules of a temporal_ordered correlation */
    SIGMA_ORDERED_OWN_MAX = 10,          /* the same with a condition of its own: 2^10 chains are followed per group */
};

/* A string with wildcards, cut into parts. Literal text is case-folded unless the predicate is cased. */
enum sigma_part_kind { PART_LITERAL, PART_ANY /* * */, PART_ONE /* ? one character */ };
struct sigma_part {
    enum sigma_part_kind kind;
    struct span text;
};

enum sigma_pred_kind {
    PRED_STRING,   /* whole value against parts (contains = ANY lit ANY, …) */
    PRED_REGEX,    /* searched anywhere, case-sensitive unless flags say else */
    PRED_CIDR,
    PRED_COMPARE,  /* number: value OP number */
    PRED_TIMEPART, /* part of a date value OP number */
    PRED_NULL,     /* absent or JSON null */
    PRED_EXISTS,   /* present, null counts; see `want` */
    PRED_FIELDREF, /* compared with another field, case-insensitively */
};

enum sigma_cmp { CMP_EQ, CMP_NEQ, CMP_LT, CMP_LTE, CMP_GT, CMP_GTE };
enum sigma_timepart { TIME_MINUTE, TIME_HOUR, TIME_DAY_OF_MONTH, TIME_WEEK, TIME_MONTH, TIME_YEAR };
enum sigma_regex_flags { REGEX_I = 1, REGEX_M = 2, REGEX_S = 4 };
enum sigma_match_mode { MATCH_WHOLE, MATCH_STARTS, MATCH_ENDS, MATCH_CONTAINS };

struct sigma_pred {
    enum sigma_pred_kind kind;
    struct span field;      /* empty = keyword: any value of the event, or the raw line */
    bool cased;
    bool want;              /* PRED_EXISTS: the boolean asked for */
    const struct sigma_part *parts; /* PRED_STRING */
    uint32_t nparts;
    struct span regex;      /* PRED_REGEX, as written */
    unsigned regex_flags;
    unsigned char addr[16]; /* PRED_CIDR: network; IPv4 in the first 4 bytes */
    uint8_t addr_len;       /* 4 or 16 */
    uint8_t prefix;
    enum sigma_cmp cmp;     /* PRED_COMPARE, PRED_TIMEPART */
    double number;
    enum sigma_timepart timepart;
    struct span other;      /* PRED_FIELDREF: the other field */
    enum sigma_match_mode mode; /* PRED_FIELDREF */
    struct span written;    /* the value as the rule wrote it, for "why it fired" */
    struct span modifiers;  /* "contains|windash" as written */
};

enum sigma_node_kind { NODE_AND, NODE_OR, NODE_NOT, NODE_PRED, NODE_TRUE, NODE_FALSE };
struct sigma_node {
    enum sigma_node_kind kind;
    const struct sigma_node **kids;
    uint32_t nkids;
    const struct sigma_pred *pred;
    struct span selection; /* identifier whose detection this tree is; empty inside */
};

struct sigma_related {
    struct span id;
    struct span type; /* derived, obsolete, merged, renamed, similar */
};

/* A top-level key that Sigma does not know; kept. Empty value = a map or a list: see the rule's text. */
struct sigma_other {
    struct span key;
    struct span value;
};

struct sigma_rule {
    struct span id;       /* the rule's id, or its file path when it has none */
    struct span name;     /* may be empty */
    struct span title, description, status, author, license, condition;
    enum alert_level level; /* informational when not stated */
    struct logsource logsource;
    const struct sigma_node *root; /* condition, filters applied */
    uint32_t nleaves;     /* predicates met on a walk of root: at most SIGMA_PREDS_FILTERED_MAX */
    const struct span *tags, *references, *falsepositives;
    uint32_t ntags, nreferences, nfalsepositives;
    struct span date, modified, taxonomy;
    const struct span *fields; /* fields worth showing beside a match */
    uint32_t nfields;
    const struct sigma_related *related;
    uint32_t nrelated;
    const struct sigma_other *others;
    uint32_t nothers;
    struct span file;     /* as given to the loader */
    uint32_t line;        /* of the document start, from 1 */
    struct span text;     /* the document as written */
    char hash[65];        /* BLAKE2b-256 of text, hex */
    bool foreign;         /* came from another node: see sigma_loader_foreign */
    bool stand_in;        /* foreign, and its id was taken: it goes by another and is silent */
    bool joined;          /* while loading: a foreign correlation names it */
    struct span written;  /* of a stand-in: its id as written */
    bool quiet;           /* referenced by a correlation without generate: gives no alert of its own */
};

enum sigma_correlation_type { CORR_EVENT_COUNT, CORR_VALUE_COUNT, CORR_TEMPORAL, CORR_TEMPORAL_ORDERED,
                              CORR_VALUE_SUM, CORR_VALUE_AVG, CORR_VALUE_PERCENTILE, CORR_VALUE_MEDIAN };

struct sigma_alias {
    struct span alias;
    struct span rule;  /* id or name as written */
    struct span field;
};

struct sigma_bound {
    enum sigma_cmp cmp;
    double number;
};

/* Extended condition of temporal types: a tree over rule references. kind NODE_PRED uses `ref`. */
struct sigma_corr_node {
    enum sigma_node_kind kind;
    const struct sigma_corr_node **kids;
    uint32_t nkids;
    uint32_t ref; /* index into refs */
};

struct sigma_correlation {
    struct sigma_rule meta;     /* id, title, level, text …; root and logsource unused */
    enum sigma_correlation_type type;
    const struct span *refs;    /* rule ids or names as written */
    /* resolved: index into set->rules, or set->rules.len + index into set->correlations */
    const uint32_t *ref_index;
    uint32_t nrefs;
    const struct span *group_by;
    uint32_t ngroup_by;
    int64_t timespan_ns;
    const struct sigma_bound *bounds; /* one, or two as a range; none for plain temporal */
    uint32_t nbounds;
    const struct span *fields;  /* value_*: field(s) counted or summed */
    uint32_t nfields;
    double percentile;          /* < 0: the key was absent (share of rarity) */
    const struct sigma_alias *aliases;
    uint32_t naliases;
    const struct sigma_corr_node *extended; /* or NULL */
    bool generate;
};

struct sigma_refused {
    struct span file;
    uint32_t line; /* 0 = not known */
    struct span reason;
};

struct sigma_warning {
    struct span file;
    uint32_t line;
    struct span text;
};

struct sigma_set {
    struct arena arena;
    VEC(struct sigma_rule *) rules;
    VEC(struct sigma_correlation *) correlations; /* in dependency order: a correlation comes after those it names */
    VEC(struct sigma_refused) refused;
    VEC(struct sigma_warning) warnings;
    uint32_t nfilters;
};

/* A placeholder file: `%name%` → list of values (YAML list or one per line). */
struct sigma_placeholder {
    struct span name;
    const struct span *values;
    uint32_t nvalues;
};

/* Loading: feed every file, then finish. Order of files does not matter. */
struct sigma_loader;
struct sigma_loader *sigma_loader_new(void);
void sigma_loader_free(struct sigma_loader **l);
/* Adds the values of a placeholder; later files see all placeholders at finish. */
void sigma_loader_placeholder(struct sigma_loader *l, const struct sigma_placeholder *p);
/* One file's bytes (may hold several documents, collections, filters, correlations). Copies what it keeps. */
void sigma_loader_file(struct sigma_loader *l, struct span file_name, struct span bytes);
/*
 * As sigma_loader_file, for rules that another node sent. They may add alerts and change nothing else: no filter, no
 * correlation over rules of another file, no name that others could refer to. Feed them last, so that an id that is taken
 * stays with its owner; what a correlation of theirs joins is then loaded beside the owner, silently.
 */
void sigma_loader_foreign(struct sigma_loader *l, struct span file_name, struct span bytes);
/* Resolves references, applies filters, orders correlations. Duplicate ids: the second is refused and named. The set is the caller's. */
struct sigma_set *sigma_loader_finish(struct sigma_loader *l);
void sigma_set_free(struct sigma_set **set);

/* Every rule a second time, with each letter of its strings changed by the seed: what a larger set of rules costs (bench). */
void sigma_double(struct sigma_set *set, uint64_t seed);

/* Names of all fields any rule or correlation uses, sorted, distinct; in the set's arena. */
const struct span *sigma_set_fields(struct sigma_set *set, uint32_t *count_out);

#endif
