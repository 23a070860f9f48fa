/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What each rule has cost on this node since it was first seen, by the hash of its text, and which were stopped because they
 * used more than their share. A changed text is another rule: it begins at zero and is not stopped. Called by the keeper,
 * and by `sereno rules cost` when no node runs; the codec also by intake.
 */
#ifndef RECORDS_RULE_COST_H
#define RECORDS_RULE_COST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"

enum {
    RULE_COST_HASH_BYTES = 32,
    RULE_COSTS_MAX = 100000,   /* rules of one message */
    RULE_COST_LIST_MAX = 1000, /* told at once */
    RULE_STOP_REASON_MAX = 256,
};

/* What came since the last message. */
struct rule_cost_delta {
    unsigned char hash[RULE_COST_HASH_BYTES];
    uint64_t events;     /* of the classes the rule is for */
    uint64_t candidates; /* of these, evaluated */
    uint64_t hits;
    uint64_t ns; /* of evaluation */
    uint64_t evicted;            /* of a correlation: events given up for want of room */
    uint64_t windows, state_bytes; /* of a correlation, now: what it holds */
};
void rule_cost_encode(struct buf *out, const struct rule_cost_delta *d);
/* c->failed on numbers that cannot be sums of a lifetime. */
void rule_cost_decode(struct cursor *c, struct rule_cost_delta *out);

/* Adds to what is stored, in one transaction. */
int rule_costs_add(struct db *db, const struct rule_cost_delta *d, size_t count, time_ns now, struct err *e) NODISCARD;
/* Notes that the rule is stopped from now on, with its audit row. ERR_EXISTS: it was already. */
int rule_cost_stop(struct db *db, const unsigned char hash[RULE_COST_HASH_BYTES], struct span reason, time_ns now,
                   struct err *e) NODISCARD;
/* Takes that back, for the rule with this id or hash, with its audit row. ERR_NOT_FOUND: none such is stopped. */
int rule_cost_resume(struct db *db, struct span id, struct span who, time_ns now, struct err *e) NODISCARD;
/* Forgets rules that the present generation does not have. Inside the caller's transaction. */
int rule_costs_prune(struct db *db, struct err *e) NODISCARD;

enum rule_cost_order { COST_BY_NS, COST_BY_CANDIDATES, COST_BY_HITS, COST_BY_EVENTS, COST_ORDER_COUNT };
/* "ns" …; false for an unknown word. */
bool rule_cost_order_parse(struct span word, enum rule_cost_order *out);

struct rule_cost_row {
    struct span hash, id, title, file, reason; /* reason empty = runs */
    int64_t level, since, stopped; /* stopped 0 = runs */
    int64_t events, candidates, hits, ns;
    int64_t evicted, windows, state_bytes; /* of a correlation; 0 of any other rule */
};
/* Of the present generation, most first, at most limit, in arena; stopped_only: just those that are stopped. */
int rule_costs_list(struct db *db, enum rule_cost_order by, bool stopped_only, size_t limit, struct arena *arena,
                    struct rule_cost_row **out, size_t *count_out, struct err *e) NODISCARD;
void rule_cost_row_encode(struct buf *out, const struct rule_cost_row *r);
void rule_cost_row_decode(struct cursor *c, struct rule_cost_row *out);

#endif
