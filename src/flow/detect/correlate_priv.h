/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Between the files of the correlator (correlate*.c) only: the compiled form and the state of one group. What fires
 * when is decided in docs/decisions/003-correlation-firing.md.
 */
#ifndef FLOW_DETECT_CORRELATE_PRIV_H
#define FLOW_DETECT_CORRELATE_PRIV_H

#include <sodium.h>

#include "base/buf.h"
#include "base/vec.h"
#include "flow/detect/correlate.h"

enum {
    CORRELATE_LATE_SCAN = 8192,      /* entries behind a late one that are tried again; bounds the work of one event */
    CORRELATE_GROUP_VALUE_MAX = 1024, /* bytes of one group value kept; longer ones are told apart by a hash */
    CORRELATE_OUTPUTS_MAX = 4096,    /* of one input, chained ones too */
};

/* A value larger than this, say 10^18 bytes, is no measurement; sums of smaller ones are exact. */
#define CORRELATE_NUMBER_MAX 1e18

/* ---- compiled (in the region) ---- */

/* Where a key comes from for one reference. */
struct corr_key {
    field_id field; /* of the event, or FIELD_NONE */
    uint32_t inner; /* position in the group of the correlation referred to, or UINT32_MAX */
};

enum { CORR_IDENTITY_BYTES = 16 };

struct corr_rule {
    /* Hash of all that decides what its windows hold and when it fires, names and ids in place of numbers: the same in
     * every set that has the same definition. */
    unsigned char identity[CORR_IDENTITY_BYTES];
    enum sigma_correlation_type type;
    int64_t span_ns;
    uint32_t nrefs;
    uint32_t ngroup;
    uint32_t nvalues;
    const struct corr_key *keys; /* nrefs rows of ngroup + nvalues */
    const struct span *names;    /* of the group's fields */
    const struct sigma_bound *bounds; /* temporal without one: at least nrefs */
    uint32_t nbounds;
    double percentile;
    const struct sigma_corr_node *extended;
    bool masks; /* ordered with bounds or an extended condition */
};

struct corr_use {
    uint32_t corr;
    uint32_t ref;
};

struct correlations {
    uint32_t nrules;
    uint32_t n;
    const struct corr_rule *corrs;
    const uint32_t *use_start; /* nrules + n + 1 */
    const struct corr_use *uses;
    const uint32_t *field_start; /* nrules + 1 */
    const field_id *fields;      /* sorted per rule */
};

/* ---- counting tables (correlate_table.c) ---- */

/* Key → how often; keys are SipHash values, so nobody can aim at a slot. */
struct count_slot {
    uint64_t key;
    uint32_t count; /* 0 = free */
};
struct count_table {
    struct count_slot *slots;
    uint32_t cap; /* power of two, or 0 */
    uint32_t len;
};
uint32_t count_add(struct count_table *t, uint64_t key);
uint32_t count_remove(struct count_table *t, uint64_t key);
uint32_t count_get(const struct count_table *t, uint64_t key);
void count_free(struct count_table *t);
size_t count_bytes(const struct count_table *t);

/* ---- order statistics (correlate_sorted.c) ---- */

/* Sorted values in chunks: insert and remove in the logarithm of their number, a rank near the last one asked for in a step. */
struct sorted_list {
    struct sorted_chunk **chunks;
    double *tops; /* largest value of each chunk */
    uint32_t n;   /* chunks */
    uint32_t cap;
    uint32_t len;    /* values */
    uint32_t finger; /* chunk that was asked for last … */
    uint32_t before; /* … and how many values stand before it */
};
void sorted_insert(struct sorted_list *s, double v);
/* v must be in it. */
void sorted_remove(struct sorted_list *s, double v);
/* Value at a rank from 0. */
double sorted_at(struct sorted_list *s, uint32_t rank);
void sorted_free(struct sorted_list *s);
size_t sorted_bytes(const struct sorted_list *s);

/* ---- one group of one correlation (correlate_group.c) ---- */

struct corr_entry {
    time_ns time;
    uint64_t ref;
    union {
        double number; /* value_sum, _avg, _median, _percentile with a rank */
        uint64_t hash; /* value_count, _percentile as a share */
    } value;
    uint32_t rule; /* which reference */
    bool fired;
};

struct corr_group {
    const struct corr_rule *corr;
    uint32_t number; /* of the correlation */
    uint32_t key_len;
    uint64_t hash;
    struct corr_group *chain; /* same bucket */
    struct corr_group *older, *newer; /* by last touch */
    struct corr_group *own_older, *own_newer; /* the same among those of its correlation */
    /* entries in event-time order; those of equal time as they came */
    struct corr_entry *entries;
    size_t head; /* first live one */
    size_t end;
    size_t cap;
    /* the window the aggregates speak of: [lo, hi) */
    size_t lo, hi;
    uint32_t distinct; /* temporal: references with any entry in the window */
    struct corr_seen *seen; /* temporal: of each reference */
    struct count_table counts;
    struct sorted_list sorted;
    __int128 sum; /* millionths: exact for decimals, so that adding and taking away leaves nothing behind */
    time_ns *starts; /* ordered: latest start of a chain, by its length - 1, or by its mask */
    char key[]; /* u32 length and bytes of the scope, then of each value; behind it, aligned, seen and starts */
};

/* What a window holds of one reference of a temporal correlation. */
struct corr_seen {
    uint32_t count; /* entries in the window */
    size_t newest;  /* index + 1 of the newest of all entries, also those past the window; 0 = none */
};

struct corr_group *group_new(const struct corr_rule *c, uint32_t number, struct span key, uint64_t hash);
void group_free(struct corr_group **g);
size_t group_bytes(const struct corr_group *g);

/* Rebuilds the aggregates from entries that were put in by hand, in order, with head 0: after a snapshot was read. */
void group_rebuild(struct corr_group *g);
/* Whether an entry's value is one that the correlation can have made: no number beyond what sums stay exact with. */
bool group_value_fits(const struct corr_rule *c, const struct corr_entry *e);
/* Room for n entries. */
void group_reserve(struct corr_group *g, size_t n);

/* An entry that may have completed the correlation. */
typedef void group_fire(void *ctx, struct corr_group *g, size_t entry, double measure);

enum group_result { GROUP_OK, GROUP_TOO_LATE /* not kept */, GROUP_NOT_TRIED /* kept, but earlier verdicts stay */ };

/* Puts an entry in its place and tries the windows that it changes; calls fire for each entry that completes the correlation. */
enum group_result group_add(struct corr_group *g, const struct corr_entry *e, int64_t keep_ns,
                            group_fire *fire, void *ctx);
/* Forgets the older half of the entries; returns how many. */
size_t group_halve(struct corr_group *g);

/* time - ns without overflow. */
time_ns time_before(time_ns t, int64_t ns);

/* ---- the correlator (correlate.c, correlate_cost.c, correlate_state.c) ---- */

/* What is counted of one correlation. */
struct corr_account {
    struct correlator_cost cost;
    enum correlator_mark mark;
    uint64_t watched_ns; /* since it is watched */
    struct corr_group *oldest, *newest; /* its groups by last touch */
};

struct correlator {
    uint32_t magic;
    const struct correlations *c;
    size_t max_bytes;
    int64_t lateness_ns;
    unsigned char key[crypto_shorthash_KEYBYTES];
    struct corr_group **buckets;
    size_t nbuckets;
    size_t ngroups;
    struct corr_group *oldest, *newest; /* by last touch */
    size_t bytes;
    struct corr_account *accounts; /* of each correlation */
    time_ns latest; /* newest event time seen */
    struct buf scratch; /* group key being made */
    struct buf values;  /* value tuple being hashed */
    struct arena texts; /* of the outputs */
    VEC(struct correlate_output) outputs;
    struct correlator_stats stats;
};

enum { CORRELATOR_MAGIC = 0x434f5252, CORRELATE_KEY_MAX = 1024 * 1024 /* bytes of a group key or value tuple */ };

/* The group with this key, made when there is none; it is now the one touched last. */
struct corr_group *correlator_group(struct correlator *k, uint32_t number, struct span key);
/* correlate_cost.c: the bytes of a group are counted, or no longer (before they change). */
void account_add(struct correlator *k, const struct corr_group *g);
void account_take(struct correlator *k, const struct corr_group *g);
void account_link(struct correlator *k, struct corr_group *g);
void account_unlink(struct correlator *k, struct corr_group *g);
/* Whether a correlation holds more than its part. */
bool account_over(const struct correlator *k, uint32_t number);
/* Around what one match costs a correlation; -1 = this one is not timed. */
time_ns account_begin(const struct correlator *k, uint32_t number);
void account_end(struct correlator *k, uint32_t number, time_ns begun);

/* Back within the bound: the groups longest untouched go first. */
void correlator_evict(struct correlator *k, time_ns now);

#endif
