/* SPDX-License-Identifier: EUPL-1.2 */
/* The matcher's own state, shared by match*.c and explain_why.c. One per worker, on its heap; ruleset.h has the public side. */
#ifndef FLOW_DETECT_MATCH_PRIV_H
#define FLOW_DETECT_MATCH_PRIV_H

#include "base/buf.h"
#include "event/event.h"
#include "flow/detect/plan.h"
#include "flow/detect/regex.h"

#define MATCHER_MAGIC 0x4d415443u

enum { KEYWORD_TEXT_MAX_BYTES = 4 * EVENT_MAX_BYTES }; /* all folded values of one event, joined: folding adds at most half */

struct field_memo {
    uint32_t epoch;
    uint32_t leaf;
};

enum { MATCH_FOUND_MAX = 8, MATCH_AHEAD = 16 /* values whose memo is fetched ahead */ }; /* finds in one value that the memo keeps; more are scanned for again */

struct memo;

struct matcher {
    uint32_t magic;
    const struct ruleset *rs;
    const struct catalog *catalog;
    struct event *ev;
    /* Answers of one event through one view: valid when they carry the current epoch. */
    uint32_t epoch;            /* < 2^31 */
    uint32_t *answers;         /* per predicate: epoch × 2 + answer */
    struct field_memo *fields; /* per field: first leaf */
    uint16_t *decisive;        /* per joining node: the kid that decided it last, asked first next time */
    uint64_t *woken;           /* per rule of the plan at hand, PLAN_MAPS times (plan.h, always): which of them are tried */
    const struct plan *plan;
    struct memo *memo;
    struct plan_wake found[MATCH_FOUND_MAX]; /* in the value at hand */
    uint32_t nfound;                         /* may be more than there is room for */
    struct regex **regexes;
    struct buf keywords;       /* joined folded values */
    const struct plan_raw *looked; /* with what the event's record was last looked through for keywords, or NULL */
    bool looked_found;             /* … and whether it may hold one */
    const struct plan_raw *chain_raw; /* of the event's chain, until the record was looked through with it; or NULL */
    bool none;                        /* that look found none: the record holds no keyword of any of its classes */
    VEC(struct match) matches;
    VEC(struct match) merged;
    struct matcher_stats stats;
    struct matcher_cost *costs; /* per rule; events are in plan_runs */
    uint64_t *plan_runs;        /* per plan */
    uint8_t *marks;             /* per rule: enum matcher_mark */
    uint64_t *watched;          /* per rule: exact CPU time since it is watched; made with the first mark */
};

/* match.c: from now on fields are read through cls's view; all answers are forgotten. */
void match_look_through(struct matcher *m, struct event *ev, class_id cls);

/* match_scan.c: marks in the maps of m->woken what decides for every rule of plan whether it could match. */
void match_scan(struct matcher *m, const struct plan *plan);
/* Place of this text in h, or PLAN_HASH_NONE. */
uint32_t match_hash_find(const struct plan_hash *h, struct span text);

/* match_memo.c: what a group found in a value before. */
struct memo *memo_new(uint32_t ngroups);
void memo_free(struct memo **x);

/* One question to the memo. */
struct memo_key {
    uint32_t group;
    bool escaped;
    bool wanted;       /* false: the memo has nothing to say of this value, and is told nothing */
    struct span value; /* as it stands in the record; its bytes are kept and compared */
    uint64_t hash;
};
/* Prepares the question, and has the processor fetch where the answer may stand, then memo_fetch what stands there: ask
 * several before the next step. */
void memo_key(struct memo *x, struct memo_key *key, uint32_t group, struct span value, bool escaped);
void memo_fetch(const struct memo *x, const struct memo_key *key);
/*
 * True: *wakes_out (n of them, valid until the next put) is what the group finds in this value. False: not known; scan,
 * and put the answer when key->wanted.
 */
bool memo_find(struct memo *x, const struct memo_key *key, const struct plan_wake **wakes_out, uint32_t *n_out);
void memo_put(struct memo *x, const struct memo_key *key, const struct plan_wake *wakes, uint32_t n);

/* match_pred.c */
bool match_pred(struct matcher *m, uint32_t pred);
/* Whether one value (a leaf that is not null, or the raw line for LEAF_NIL) makes p hold by itself. */
bool match_value(struct matcher *m, const struct plan_pred *p, uint32_t leaf);

static inline uint32_t match_first(struct matcher *m, field_id field)
{
    struct field_memo *f = &m->fields[field];
    if (f->epoch != m->epoch) {
        *f = (struct field_memo){m->epoch, event_first(m->ev, field)};
    }
    return f->leaf;
}

/* match_raw.c: whether a record as it came may hold a keyword. */
bool match_raw(const struct plan_raw *r, struct span raw);
bool match_raw_by(match_masks_kernel *kernel, const struct plan_raw *r, struct span raw);

/* match_list.c: whether one of the list's literals holds for this folded text. EVENT_PAD bytes behind it are readable. */
bool match_list(const struct plan_list *l, struct span folded);

/* match_shape.c: false: no text whose folded form this is, all ASCII, matches the expression. EVENT_PAD bytes behind it are readable. */
bool match_shape(const struct plan_shape *s, struct span folded);

/* … whether a text of ASCII has a line of n bytes and more: what ".{n,}" asks. */
bool match_row(uint32_t n, struct span text);

/* match_text.c: pure questions on bytes. */
/* First place of needle in v, or NULL. */
const char *match_find(struct span v, struct span needle);
/* The same where the needle's rare bytes are known. */
const char *match_find_by(struct span v, struct span needle, struct plan_pair pair);
struct match_range {
    size_t start;
    size_t end;
};
/* Whole-value match of a wildcard pattern. ranges_out (may be NULL, room for nparts) gets where each literal stood, in order. */
bool match_glob(const struct sigma_part *parts, uint32_t nparts, bool units, struct span v,
                struct match_range *ranges_out);
/* IPv4 or IPv6 address text (a zone after % is left out); false when it is none. len_out 4 or 16. */
bool match_ip(struct span s, unsigned char out[16], uint8_t *len_out);
bool match_cidr(const struct plan_pred *p, struct span v);
bool match_compare(enum sigma_cmp cmp, double a, double b);
/* Part of a date text or of an epoch number (UTC); false when the text is no date. */
bool match_timepart(enum sigma_timepart part, struct span v, double *out);

#endif
