/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Between the files of the Sigma loader (sigma_*.c) only: the document being built, its first error, and how trees are made.
 * Everything a rule keeps is allocated in the set's arena; scratch dies with the document.
 */
#ifndef FLOW_DETECT_SIGMA_PRIV_H
#define FLOW_DETECT_SIGMA_PRIV_H

#include "base/map.h"
#include "flow/detect/sigma.h"
#include "wire/yaml.h"

enum {
    SIGMA_PREDS_TOTAL_MAX = 1000 * 1000, /* of one set: 20 times the public rules; bounds the compiler's memory */
    SIGMA_REGEX_STATES_TOTAL_MAX = 64 * 1024 * 1024, /* bytes of compiled regular expressions of one set; the public rules have 0.1 MB */
    SIGMA_CONDITION_MAX_BYTES = 64 * 1024,
    SIGMA_MODIFIERS_MAX = 16,   /* in one chain */
    SIGMA_REFS_MAX = 1000,      /* rules of one correlation */
    SIGMA_GROUP_MAX = 64,       /* group-by fields, value fields */
    SIGMA_CHAIN_MAX = 10,       /* correlations upon correlations */
};

/* One document on its way to a rule. */
struct sigma_build {
    struct sigma_set *set;
    struct arena *arena;   /* the set's */
    struct arena *scratch; /* of this document */
    const struct map *placeholders; /* name → address of struct sigma_placeholder */
    struct span file;
    uint32_t line; /* of the document */
    uint32_t npreds;  /* made */
    size_t regex_bytes, regex_before; /* compiled regular expressions: of this document, of all before */
    uint32_t nleaves; /* met on a walk: a selection named twice counts twice */
    bool failed;
    struct sigma_refused problem; /* the first one */
};

/* Notes why the document is refused (the first call wins) and returns ERR_INVALID. */
int sigma_refuse(struct sigma_build *b, uint32_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Adds a warning to the set. */
void sigma_warn(struct sigma_build *b, uint32_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);

typedef VEC(struct span) spans;

/* ---- trees ---- */
typedef VEC(const struct sigma_node *) sigma_nodes;
/* AND or OR over kids (moved out of the vector); one kid stands for itself, kids of the same kind without a name are taken in. */
struct sigma_node *sigma_node_group(struct sigma_build *b, enum sigma_node_kind kind,
                                    sigma_nodes *kids);
struct sigma_node *sigma_node_not(struct sigma_build *b, const struct sigma_node *kid);
/* Leaf; NULL when the rule has too many. */
struct sigma_node *sigma_node_pred(struct sigma_build *b, const struct sigma_pred *pred,
                                   uint32_t line);

/* ---- patterns: strings with wildcards before folding ---- */
enum { PART_PLACEHOLDER = PART_ONE + 1 }; /* %name%, only before expansion */
struct pattern { /* not folded */
    struct sigma_part *parts;
    uint32_t n;
};
typedef VEC(struct pattern) patterns;
/* Cuts text by Sigma's escapes; with `placeholders`, %name% too and \% is a literal %. */
struct pattern pattern_parse(struct arena *a, struct span text, bool placeholders);
struct pattern pattern_any_around(struct arena *a, struct pattern p, bool front, bool back);
/* The text when there are no wildcards. */
bool pattern_literal(struct arena *a, struct pattern p, struct span *out);
struct pattern pattern_of_literal(struct arena *a, struct span text);
/* Replaces %name% by every value; 0, or an error told to b. */
int patterns_expand(struct sigma_build *b, uint32_t line, patterns *ps);
/* Every dash character by all five. */
int patterns_windash(struct sigma_build *b, uint32_t line, patterns *ps);
/* Final form in a: folded unless cased, runs of * made one. */
const struct sigma_part *pattern_finish(struct arena *a, struct pattern p, bool cased,
                                        uint32_t *count_out);
/* %name% inside a regular expression; texts in scratch. */
int regex_expand(struct sigma_build *b, uint32_t line, struct span regex, spans *out);

/* ---- encodings (sigma_encode.c) ---- */
enum utf16_kind { UTF16_LE, UTF16_BE, UTF16_BOM };
struct span encode_utf16(struct arena *a, struct span text, enum utf16_kind kind);
struct span encode_base64(struct arena *a, struct span bytes);
/* The part of base64 that does not depend on what stands around bytes, when `shift` bytes stand before (0-2). */
struct span encode_base64_offset(struct arena *a, struct span bytes, unsigned shift);

/* ---- modifiers (sigma_modifiers.c) ---- */
enum modifier {
    MOD_CONTAINS, MOD_STARTSWITH, MOD_ENDSWITH, MOD_ALL, MOD_NEQ, MOD_CASED, MOD_EXPAND, MOD_WINDASH,
    MOD_BASE64, MOD_BASE64OFFSET, MOD_UTF16LE, MOD_UTF16BE, MOD_UTF16,
    MOD_RE, MOD_I, MOD_M, MOD_S, MOD_CIDR, MOD_FIELDREF, MOD_EXISTS,
    MOD_LT, MOD_LTE, MOD_GT, MOD_GTE,
    MOD_MINUTE, MOD_HOUR, MOD_DAY, MOD_WEEK, MOD_MONTH, MOD_YEAR,
};

enum item_class { ITEM_STRING = 1, ITEM_RE = 2, ITEM_CIDR = 4, ITEM_FIELDREF = 8, ITEM_EXISTS = 16,
                  ITEM_COMPARE = 32, ITEM_TIME = 64 };

/* "Field|mod|mod" taken apart and found legal. */
struct chain {
    struct span field;     /* empty = keywords */
    struct span modifiers; /* as written */
    enum item_class item;
    enum modifier mods[SIGMA_MODIFIERS_MAX];
    uint32_t n;
};
int chain_parse(struct sigma_build *b, const struct yaml_node *key, struct chain *out);
bool chain_has(const struct chain *c, enum modifier m);

/* One value of an item: its predicates, all of which mean "or", are appended to out (sigma_values.c). */
int sigma_value(struct sigma_build *b, const struct chain *c, const struct yaml_node *value,
                sigma_nodes *out);
/* NULL unless the pattern compiles under the engine's limits; then what is wrong with it. */
const char *sigma_regex_problem(struct arena *a, struct span regex, unsigned flags, size_t *size_out);

/* ---- detections and conditions ---- */
struct ident {
    struct span name;
    const struct sigma_node *node;
    uint32_t nleaves;
    uint32_t line;
    bool used;
};
/* The map of detection: or filter: without its own keys (`skip`, NULL-terminated) to identifiers and a condition tree. */
struct sigma_node *sigma_detection(struct sigma_build *b, const struct yaml_node *map,
                                   const char *what, const char *const *skip, bool *negated_out);
/* Condition text over idents; NULL with the problem told. */
struct sigma_node *sigma_condition(struct sigma_build *b, struct span text, uint32_t line,
                                   struct ident *idents, size_t nidents, bool *negated_out);
/* Names an extended correlation condition holds, each once, in order: its rules when none are listed. */
int sigma_corr_condition_names(struct sigma_build *b, struct span text, uint32_t line, spans *out);
/* Extended correlation condition over names of refs. */
const struct sigma_corr_node *sigma_corr_condition(struct sigma_build *b, struct span text,
                                                   uint32_t line, const struct span *refs,
                                                   uint32_t nrefs);

/* ---- documents ---- */
/* Head matter of rules, correlations and filters; warnings for what is odd. */
int sigma_meta(struct sigma_build *b, const struct yaml_node *root, struct span text,
               struct sigma_rule *out);
int sigma_logsource(struct sigma_build *b, const struct yaml_node *root, struct logsource *out);
struct sigma_correlation *sigma_correlation(struct sigma_build *b, const struct yaml_node *root,
                                            struct span text);

struct sigma_filter {
    struct sigma_rule meta; /* root is the filter's condition */
    const struct span *refs;
    uint32_t nrefs; /* 0 = any */
};
struct sigma_filter *sigma_filter(struct sigma_build *b, const struct yaml_node *root,
                                  struct span text);
/* ANDs each filter onto the rules it names and contains; once each. */
struct sigma_index;
void sigma_filters_apply(struct sigma_set *set, const struct sigma_index *index,
                         struct sigma_filter *const *filters, size_t count);

/* ---- what other nodes sent (sigma_foreign.c) ---- */

typedef VEC(struct sigma_correlation *) correlation_list;
/* A foreign rule whose id is another's: gets one of its own. */
void sigma_foreign_rename(struct arena *arena, struct sigma_rule *r);
/* Before anything is resolved: refuses correlations that reach out of their file, and stand-ins that none joins. */
void sigma_foreign_fence(struct sigma_set *set, correlation_list *all);
/* Behind: stand-ins make no alert, whatever a correlation asks. */
void sigma_foreign_silence(struct sigma_set *set);

/* ---- names (sigma_resolve.c) ---- */
struct sigma_index {
    struct map ids;   /* id → number + 1 */
    struct map names; /* name → number + 1, or AMBIGUOUS */
};
#define SIGMA_AMBIGUOUS UINT64_MAX
#define SIGMA_UNKNOWN UINT32_MAX
/* Number of what an id or name refers to, or SIGMA_UNKNOWN (also for an ambiguous name, told in *ambiguous_out). */
uint32_t sigma_index_find(const struct sigma_index *ix, struct span ref, bool *ambiguous_out);
/* Resolves the references of all correlations, drops bad ones, cycles and too long chains, and orders the rest. `index` numbers
 * rules first, then correlations in the order given. */
void sigma_correlations_resolve(struct sigma_set *set, const struct sigma_index *index,
                                struct sigma_correlation **all, size_t count);

#endif
