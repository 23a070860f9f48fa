/* SPDX-License-Identifier: EUPL-1.2 */
/* The planner's own working state, shared by plan_*.c and ruleset_compile; compiler role only, dies when compiling ends. */
#ifndef FLOW_DETECT_PLAN_BUILD_H
#define FLOW_DETECT_PLAN_BUILD_H

#include "flow/detect/plan.h"
#include "flow/detect/rates.h"

enum anchor_kind {
    ANCHOR_UNKNOWN, /* not looked at yet */
    ANCHOR_NONE,
    ANCHOR_EXACT,
    ANCHOR_BASE,
    ANCHOR_STARTS,
    ANCHOR_ENDS,
    ANCHOR_CONTAINS,
    ANCHOR_PRESENT,
};

/* What must be found in `field` for a predicate to hold. */
struct anchor {
    enum anchor_kind kind;
    field_id field; /* FIELD_NONE: keyword */
    struct span text;
    double rate;    /* guessed share of events that have it */
    double known;   /* the same in the class numbered known_in, by the table of frequencies */
    uint32_t known_in; /* its number + 1; 0 = not asked yet */
};

/* Literals of a group whose set is made when all plans are drafted (plan_share.c). In b->temp. */
struct plan_pending {
    struct plan_group *group;
    const struct plan_literal *literals; /* sorted by op, then text */
    const struct plan_wake *wakes;       /* parallel to them */
    uint32_t n;
    int64_t shares;                      /* index of the first group that has this set; -1: not known yet */
    bool made;
};

struct plan_build {
    const struct sigma_set *set;
    const struct catalog *catalog;
    const struct rates *rates; /* or NULL */
    struct arena *region;
    struct arena temp;
    bool reference;
    struct map pred_index;                    /* serialised predicate → number */
    VEC(struct plan_pred) preds;
    VEC(struct anchor) anchors;               /* parallel to preds */
    VEC(uint32_t) regexes;
    struct map texts;                         /* strings copied to the region once */
    struct map plans;                         /* serialised draft → struct plan * */
    struct map stages;                        /* serialised (view, split, rules) → struct plan_stage * */
    struct map gram_rates;                    /* see plan_gram_rate */
    struct map windows;                       /* literal → offset of its rarest stretch, per step */
    const struct plan_node **roots;
    uint32_t *tries;
    VEC(struct plan_step) steps;
    struct map lists;                         /* numbers of the predicates of a row → that of their list */
    struct map hashes;                        /* serialised texts → struct plan_hash * */
    struct map sets;                          /* serialised literals → struct plan_set * and the order of its literals */
    uint32_t max_words;
    uint32_t njoints;
    uint32_t ngroups;
    VEC(const struct plan *) made;            /* every plan, by number */
    VEC(struct plan_pending) pending;
};

/* plan_tree.c */
struct span plan_copy(struct plan_build *b, struct span s); /* interned in the region */
const struct plan_node *plan_tree(struct plan_build *b, const struct sigma_rule *rule);

/* plan_steps.c: appends what is evaluated of this tree to b->steps; returns the number of its first step. */
uint32_t plan_steps(struct plan_build *b, const struct plan_node *root);

/* plan_anchor.c: what is known of the event while planning. */
struct plan_env {
    const struct view *view;
    class_id class_id;       /* of whose events frequencies are asked */
    field_id split;          /* FIELD_NONE: nothing known */
    bool other;              /* value is none of `values` */
    struct span value;       /* folded; when not other */
    const struct map *values;
};
enum plan_known { KNOWN_FALSE, KNOWN_TRUE, KNOWN_NOT };
/* What the condition is worth under env; for KNOWN_NOT *rate_out is the estimated share of events its anchors find (INFINITY: none). */
enum plan_known plan_weigh(struct plan_build *b, const struct plan_node *n,
                           const struct plan_env *env, double *rate_out);
typedef void plan_anchor_visit(void *ctx, const struct anchor *a);
/* The anchors behind that rate; call only where it is finite. */
void plan_anchors(struct plan_build *b, const struct plan_node *n, const struct plan_env *env,
                  plan_anchor_visit *visit, void *ctx);
/*
 * Of a condition with several parts that must all hold: the anchors of another one than those, where looking for them
 * is cheap and promises something. The rule is woken only when both are found. False: there is none.
 */
bool plan_second_anchors(struct plan_build *b, const struct plan_node *n, const struct plan_env *env,
                         plan_anchor_visit *visit, void *ctx);
/*
 * Of a condition that its anchors leave to be tried at the share `rate` of events (INFINITY: all): what is often found and
 * shows that it cannot hold, since it asks for that to be absent. At most PLAN_VETOES; none where the rate is low.
 */
enum { PLAN_VETOES = 2 };
void plan_vetoes(struct plan_build *b, const struct plan_node *n, const struct plan_env *env, double rate,
                 plan_anchor_visit *visit, void *ctx);
/* Values that conditions compare the split field with (exact, folded) are added to values. */
void plan_split_values(const struct plan_build *b, const struct plan_node *n, field_id split,
                       struct map *values);

/* plan_rate.c */
double plan_rate(enum anchor_kind kind, struct span folded);
/*
 * The same of a window of PLAN_GRAM bytes in whatever field, per million, at least 1: by common texts, by the table of
 * frequencies where there is one, by what base64 of UTF-16 looks like, else guessed. b->gram_rates is filled by the first call.
 */
uint64_t plan_gram_rate(struct plan_build *b, struct span gram);
/* plan_regex.c: literals (folded, in temp) that every match of the pattern contains; returns how many, longest first. */
enum { PLAN_NEEDED_MAX = 4 };
uint32_t plan_regex_literals(struct arena *temp, struct span pattern, struct span out[PLAN_NEEDED_MAX]);
/* The same, and what else every match holds: *shape_out, zeroed by the caller, stays so where nothing is known. */
uint32_t plan_regex_needs(struct arena *temp, struct span pattern, struct span out[PLAN_NEEDED_MAX],
                          struct plan_shape *shape_out);

/* plan_shape.c: the shape of a regular expression, gathered from its elements in order. */
struct plan_class {
    uint8_t has[128]; /* 1: this byte of a folded text may stand for the element */
};
struct plan_times {
    uint32_t min;  /* at least so often, PLAN_TIMES_MAX for more */
    bool exact;    /* … and not oftener */
};
enum { PLAN_TIMES_MAX = 64, PLAN_SHAPE_MAX = 2 * PLAN_TIMES_MAX };
struct plan_shaping {
    struct plan_class row[PLAN_SHAPE_MAX]; /* what stands side by side */
    uint32_t n;
    double window_weight; /* of the best so far */
    double run_weight;
    struct plan_shape shape;
};
void plan_shaping_init(struct plan_shaping *x);
/* An element of one byte a time; its class is taken as folded. */
void plan_shaping_put(struct plan_shaping *x, const struct plan_class *c, struct plan_times times);
/* An element that we do not follow; also behind the last one. */
void plan_shaping_break(struct plan_shaping *x);
void plan_class_add(struct plan_class *c, unsigned from, unsigned to); /* bytes, ASCII, both included */
/* The class that begins behind '[' and ends before ']'; admits more where it is not understood. */
void plan_class_read(struct plan_class *c, struct span inside);
/* n where the expression is ".{n,}" and a line's end is no character of it; 0: another one. */
uint32_t plan_row_of(struct span pattern, unsigned flags);
/* The class of \d, \w, \s and those with a capital; false: none of these. */
bool plan_class_escape(struct plan_class *c, char letter);

/* plan_pack.c */
/* Texts (of plan_copy) by hash; equal lists give the same table. */
const struct plan_hash *plan_pack_hash(struct plan_build *b, const struct span *texts, uint32_t n);
/* Plan for the rules (numbers ascending) under env; equal ones are shared. */
const struct plan *plan_make(struct plan_build *b, const uint32_t *rules, uint32_t nrules,
                             const struct plan_env *env);
/* plan_share.c: makes what b->pending holds. */
void plan_share_sets(struct plan_build *b);
/*
 * plan_grams.c: the fast ways to look for literals; order_out (room for n) gets which of them stands at each place of the
 * set. Equal lists give the same set.
 */
const struct plan_set *plan_set_make(struct plan_build *b, const struct plan_literal *literals, uint32_t n,
                                     bool keywords, uint32_t *order_out);

/* Where literals [from, to) may stand; those of one bucket should have much in common, so they come sorted. NULL: none. */
const struct plan_shorts *plan_shorts_make(struct plan_build *b, const struct plan_literal *l, uint32_t from, uint32_t to);
/* Offset of the window by which it finds this one. */
uint8_t plan_shorts_window(struct span text);

/* plan_masks.c, beside what masks.h has of it. */
/* Places of its two rarest bytes; of a text over 255 bytes, which is searched otherwise, the first twice. */
struct plan_pair plan_rare_pair(struct span text);

/* plan_raw.c: see plan_raw; NULL where a literal has no part that would do. */
const struct plan_raw *plan_raw_make(struct plan_build *b, const struct plan_literal *literals, uint32_t n);
/* For chains whose stages look for different keywords: a raw for all of them. Call when sets are made. */
void plan_raw_chains(struct plan_build *b, struct plan_chain *chains, uint32_t n);

#endif
