/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Private layout of the compiled rule set (ruleset.h): written by plan_*.c in the compiler role, read by match*.c and
 * explain_why.c everywhere. All of it lies in the region arena, read-only and at one address in every process: plain
 * pointers are fine, function pointers and heap pointers are not.
 *
 *   predicate   one question on one field, interned: asked by many rules, answered once per event and view
 *   node        a rule's condition in negation normal form over predicates: for planning and explaining
 *   step        the same as it is evaluated: rows of literals are one question, all of it side by side
 *   anchor      a literal without which the rule cannot match; finding one wakes the rule
 *   plan        for one view and one set of rules: per field the anchors to look for and the rules they wake
 *   stage       a class of the chain with its plans: one per value of the class's split field that rules name, one for
 *               all other values, one for events whose split field has not exactly one value
 */
#ifndef FLOW_DETECT_PLAN_H
#define FLOW_DETECT_PLAN_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "event/catalog.h"
#include "flow/detect/masks.h"
#include "flow/detect/ruleset.h"
#include "flow/detect/sigma.h"

#define RULESET_MAGIC 0x52554c45u

enum plan_op {
    OP_NEVER,   /* the field is in no view, and the question needs a value */
    OP_ALWAYS,  /* the field is in no view, and the question asks for absence */
    OP_EXACT,
    OP_STARTS,
    OP_ENDS,
    OP_CONTAINS,
    OP_ANY,     /* any value that is not null */
    OP_GLOB,    /* general wildcards */
    OP_REGEX,
    OP_CIDR,
    OP_COMPARE,
    OP_TIMEPART,
    OP_NULL,
    OP_EXISTS,
    OP_FIELDREF,
    OP_LIST,    /* any of a plan_list; only in steps */
};

/*
 * What stands in every text of ASCII that a regular expression matches, when folded: somewhere four bytes side by side that
 * `window` admits (one bucket), somewhere `run` bytes in a row that are all of run_class. Asked before the expression is.
 */
struct plan_shape {
    uint32_t has_window;    /* 1: yes; as wide as its neighbours, for equal input gives equal bytes */
    uint32_t run;           /* 0: nothing known */
    uint8_t run_class[128]; /* 1: a byte of the run */
    struct plan_masks window;
};

/* Two places of a literal where rare bytes stand, by which it is searched (match_find_by). */
struct plan_pair {
    uint8_t a;
    uint8_t b;
};

struct plan_pred {
    uint8_t op;       /* enum plan_op */
    bool keyword;     /* any value of the event, or the raw line */
    bool cased;
    bool want;        /* OP_EXISTS */
    bool units;       /* a literal is no valid UTF-8: compare by characters, not by bytes */
    uint8_t cmp;      /* enum sigma_cmp */
    uint8_t timepart; /* enum sigma_timepart */
    uint8_t mode;     /* enum sigma_match_mode, OP_FIELDREF */
    uint8_t addr_len;
    uint8_t prefix;
    uint8_t regex_flags;
    struct plan_pair pair; /* of text, OP_CONTAINS */
    field_id field;
    field_id other;
    uint32_t regex;   /* number of the regular expression, OP_REGEX */
    uint32_t row;     /* OP_REGEX: it is ".{row,}", a line of so many characters, and nothing else; 0: another one */
    uint32_t nneeded; /* OP_REGEX: literals, folded, that every match contains */
    const struct span *needed;
    const struct plan_shape *shape; /* OP_REGEX, or NULL */
    const struct plan_list *list;   /* OP_LIST */
    struct span text; /* the literal or the pattern */
    const struct sigma_part *parts; /* OP_GLOB */
    uint32_t nparts;
    unsigned char addr[16];
    double number;
};

/* What `matcher_explain` tells of a leaf; beside the tree so that evaluation does not touch it. */
struct plan_label {
    struct span field;
    struct span written;
};

enum { PLAN_MAPS = 3 }; /* of a plan's rules: see struct plan, always */

enum plan_node_kind { PLAN_AND, PLAN_OR, PLAN_PRED, PLAN_TRUE, PLAN_FALSE };

struct plan_node {
    uint8_t kind;
    bool negate;   /* PLAN_PRED */
    uint32_t n;    /* kids, or the number of the predicate */
    const struct plan_node *kids; /* contiguous, cheapest first */
    const struct plan_label *label;    /* PLAN_PRED */
    const struct span *selection; /* identifier of the rule whose tree this is, or NULL */
};

/* 16 bytes: four to a cache line. Kids are ruleset.steps[kids .. kids + n). */
struct plan_step {
    uint16_t kind;   /* enum plan_node_kind; as wide as leaves no gap: equal input gives equal bytes */
    bool negate;     /* PLAN_PRED */
    bool dear;       /* a regular expression may be searched: never asked out of order */
    uint32_t n;      /* kids, or the number of the predicate */
    uint32_t number; /* PLAN_AND, PLAN_OR: of all such steps of the rule set */
    uint32_t kids;
};
#define PLAN_NO_STEP UINT32_MAX

/* A pattern that wakes rules: plan.wakes[first .. first + n). */
struct plan_wake {
    uint32_t first;
    uint32_t n;
};

/* Texts by hash. Open addressing. Plans with equal texts share it. */
struct plan_hash_slot {
    uint32_t text; /* index into texts + 1; 0 = empty */
    uint32_t hash;
};
struct plan_hash {
    uint64_t lengths; /* bit min(length, 63): some text has it */
    uint32_t mask;    /* slots - 1 */
    uint32_t n;
    const struct plan_hash_slot *slots;
    const struct span *texts;
};

struct plan_literal {
    struct span text;
    uint8_t op; /* OP_STARTS, OP_ENDS, OP_CONTAINS */
    struct plan_pair pair;
};

enum { PLAN_DIRECT_MAX = 4 }; /* literals of a field compared one by one: setting up anything else costs more */

/*
 * Many literals at once: each has a stretch of `step` windows of `width` bytes, side by side, so that a look at every
 * step-th place of a text meets one of them. A bitmap of hashed windows stops at few places; a table says which literals
 * to compare there. Windows are chosen where texts are rare. Literals of seven bytes and more have windows of five and a step
 * of three: a third more places than with four and four, and far fewer that stop.
 */
enum {
    PLAN_GRAM = 4,      /* bytes of a window … */
    PLAN_GRAM_WIDE = 5, /* … of literals of seven bytes and more */
    PLAN_GRAM_READ = 8, /* bytes read at a window's place */
};
struct plan_gram_ref {
    uint32_t literal; /* index into the group's literals */
    uint32_t word;    /* the literal's four bytes at `guard`: compared before the literal, which lies elsewhere, is read */
    uint16_t offset;  /* of the window in it */
    uint16_t guard;
    uint16_t len;     /* of the literal */
    uint16_t op;      /* of the literal: OP_STARTS and OP_ENDS say where it may stand */
};
struct plan_gram_slot {
    uint32_t hash;  /* of the window */
    uint32_t first; /* refs[first .. first + n); n 0 = free slot */
    uint32_t n;
};
struct plan_grams {
    uint32_t step;  /* 0: nothing to look for */
    uint32_t width; /* bytes of a window */
    uint32_t shift; /* of a window's hash, to a word of the bitmap */
    uint32_t slot_shift; /* … and to its slot */
    uint32_t mask;  /* slots - 1 */
    const uint64_t *bitmap;
    const struct plan_gram_slot *slots;
    const struct plan_gram_ref *refs;
    const struct plan_masks *masks; /* or NULL: they would admit too many places to be worth a look before the bitmap */
};

/* Of the window of `width` bytes at p, from where PLAN_GRAM_READ bytes may be read. All of its bits hang on most of the bytes. */
static inline uint32_t plan_gram_hash(const char *p, uint32_t width)
{
    uint64_t w;
    memcpy(&w, p, PLAN_GRAM_READ);
    return (uint32_t)((le64toh(w) & UINT64_MAX >> (64 - 8 * width)) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

/* A window's two bits in its word of the bitmap: one look tells of both. */
static inline unsigned plan_gram_bit(uint32_t hash, unsigned which)
{
    return hash >> (6 * which) & 63;
}

/* Literals found that way: short ones, and few others. */
struct plan_shorts {
    struct plan_masks masks;
    uint32_t first[PLAN_MASK_BUCKETS + 1]; /* of each bucket, index into the set's literals */
    const uint8_t *offsets;                /* of the window in each, from first[0] on */
};

/* Literals of one field of which any will do, whatever their case: one question instead of one for each. */
struct plan_list {
    const struct plan_hash *exact; /* or NULL */
    const struct plan_hash *base;  /* last path parts with their separator; or NULL */
    uint32_t nends;
    const struct plan_literal *ends;   /* OP_STARTS, OP_ENDS: compared one by one */
    const struct plan_literal *inside; /* OP_CONTAINS */
    const struct plan_shorts *shorts;  /* where those may stand; NULL: there are none */
};

/*
 * Finds, in a record as it came, anything that may become a keyword when values are unescaped and folded. Nothing found:
 * no value needs to be. Every literal's window is a rare one where it has a choice.
 */
enum { PLAN_RAW_MIN = 3 }; /* bytes of a literal's part that is looked for */
struct plan_raw_literal {
    struct span text; /* ASCII, lower case: any case fits; else exact */
    uint16_t offset;  /* of the window in text */
    uint8_t bucket;
    bool exact;
    bool escape;      /* "\\u": counts only where the backslash is not itself escaped */
};
struct plan_raw {
    struct plan_masks masks;
    const struct plan_raw_literal *literals; /* by bucket */
    uint32_t first[PLAN_MASK_BUCKETS + 1];   /* of each bucket */
    uint32_t n;
};

/* Literals to look for in one text, however many. Plans with equal literals share it. */
struct plan_set {
    const struct plan_literal *literals;
    uint32_t n;
    uint32_t ndirect;             /* the first ones are compared one by one: few, or one byte, or short and at an end */
    uint32_t nhigh;               /* the next ones too, but only in a text that is not all ASCII */
    const struct plan_hash *high; /* more such: two and three bytes that begin with one of 0x80 and above; or NULL */
    uint32_t high_first;          /* index of the first of them */
    const struct plan_shorts *shorts; /* of two and three bytes, and of four to six where those are few; or NULL */
    struct plan_grams starts;     /* of four to six bytes: looked up once, by a value's first window */
    struct plan_grams ends;       /* … and by its last */
    struct plan_grams inside[2];  /* literals of seven bytes and more, wherever they may stand; of four to six where those are many */
    const struct plan_raw *raw; /* keywords: first look at the record as it came; NULL: always look at the values */
};

/* What to look for in one field, and whom each find wakes. */
struct plan_group {
    field_id field;         /* FIELD_NONE: keywords */
    uint32_t number;        /* of all groups of the rule set */
    const struct plan_hash *exact; /* or NULL */
    const struct plan_hash *base;  /* last path part with its separator: "\cmd.exe"; or NULL */
    const struct plan_set *set;    /* or NULL */
    const struct plan_wake *exact_wakes; /* parallel to what they belong to */
    const struct plan_wake *base_wakes;
    const struct plan_wake *set_wakes;
    struct plan_wake present; /* woken by any value */
    bool light;                    /* looking costs less than remembering what was seen */
    bool lined;                    /* what is looked for stands anywhere and within a line: lines may be looked at one by one */
};

struct plan {
    uint32_t number;        /* of all plans of the rule set */
    uint32_t nrules;
    const uint32_t *rules;  /* numbers in the set, ascending; bit i of the maps below is rules[i] */
    uint32_t nwords;
    /* Three maps of nwords: what is marked before anything is found. A rule is tried when it is awake in the first by an
     * anchor (or from the start, without one), in the second by one of its second anchors (or from the start), and when
     * nothing was found that marks it in the third: a veto, which shows that the rule cannot match. */
    const uint64_t *always;
    const uint32_t *wakes;  /* indexes into rules; nwords * 64 more: in the second map; twice that: in the third */
    const struct plan_group *groups;
    uint32_t ngroups;
};

struct plan_stage {
    class_id class_id;
    field_id split;               /* or FIELD_NONE: only `whole` */
    const struct plan *whole;     /* nothing assumed of the split field */
    const struct plan *other;     /* one value, none of those below */
    const struct plan_hash *values;
    const struct plan *const *by_value; /* parallel to its texts */
    const uint32_t *rules;        /* of the class, ascending, before folding */
    uint32_t nrules;
};

struct plan_chain {
    const struct plan_stage *stages;
    uint32_t nstages;
    const struct plan_raw *raw; /* keywords of all stages: one look at a record for all of them; NULL: each looks with its own */
};

struct ruleset {
    uint32_t magic;
    uint32_t nrules;
    const struct ruleset_rule *rules;
    const struct plan_node *const *roots; /* per rule; NULL: no class feeds it */
    const uint32_t *tries;        /* per rule: its first step, or PLAN_NO_STEP */
    const struct plan_step *steps;
    uint32_t nsteps;
    uint32_t ncorrelations;
    uint32_t unreachable;
    const struct plan_pred *preds;
    uint32_t npreds;
    const uint32_t *regexes; /* predicate number of each regular expression */
    uint32_t nregexes;
    uint32_t njoints; /* steps that join others */
    uint32_t nfields;
    const struct plan_chain *chains; /* per class */
    uint32_t nclasses;
    uint32_t max_words;
    uint32_t ngroups; /* of all plans */
    const struct plan *const *plans;
    uint32_t nplans;
};

#define PLAN_HASH_NONE UINT32_MAX

/* Hash of folded text in plan_hash tables. Not keyed: the tables are fixed when compiled, hostile events cannot lengthen them. */
static inline uint32_t plan_hash_text(const char *p, size_t len)
{
    uint64_t h = len * UINT64_C(0x9E3779B97F4A7C15);
    uint64_t w;
    while (len >= 8) {
        memcpy(&w, p, 8);
        h = (h ^ w) * UINT64_C(0xD6E8FEB86659FD93);
        h ^= h >> 32;
        p += 8;
        len -= 8;
    }
    w = 0;
    if (len > 0) {
        memcpy(&w, p, len);
    }
    h = (h ^ w) * UINT64_C(0xD6E8FEB86659FD93);
    return (uint32_t)(h ^ h >> 32);
}

static inline uint64_t plan_length_bit(size_t len)
{
    return UINT64_C(1) << (len < 63 ? len : 63);
}

/* Start of the last path part with its separator, or SIZE_MAX: "c:\a\cmd.exe" → 4. */
static inline size_t plan_base_start(struct span s)
{
    if (s.len == 0) {
        return SIZE_MAX; /* the pointer may be NULL */
    }
    const char *back = memrchr(s.ptr, '\\', s.len);
    size_t from = back == NULL ? 0 : (size_t)(back - s.ptr) + 1;
    const char *slash = memrchr(s.ptr + from, '/', s.len - from);
    return slash != NULL ? (size_t)(slash - s.ptr) : back != NULL ? from - 1 : SIZE_MAX;
}

/* "\name": a value ends with it exactly when its last path part is it. */
static inline bool plan_is_base(struct span s)
{
    return s.len >= 2 && (s.ptr[0] == '\\' || s.ptr[0] == '/') && plan_base_start(s) == 0;
}

#endif
