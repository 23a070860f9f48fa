/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Between the files of the correlator (correlate*.c) only: the compiled form and the state of one group. What fires
 * when is decided in docs/decisions/003-correlation-firing.md.
 */
#ifndef FLOW_DETECT_CORRELATE_PRIV_H
#define FLOW_DETECT_CORRELATE_PRIV_H

#include "flow/detect/correlate.h"

enum {
    CORRELATE_LATE_SCAN = 8192,      /* entries behind a late one that are tried again; bounds the work of one event */
    CORRELATE_GROUP_VALUE_MAX = 1024, /* bytes of one group value kept; longer ones are told apart by a hash */
    CORRELATE_OUTPUTS_MAX = 4096,    /* of one input, chained ones too */
};

/* ---- compiled (in the region) ---- */

/* Where a key comes from for one reference. */
struct corr_key {
    field_id field; /* of the event, or FIELD_NONE */
    uint32_t inner; /* position in the group of the correlation referred to, or UINT32_MAX */
};

struct corr_rule {
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
struct count_table {
    uint64_t *keys;
    uint32_t *counts; /* 0 = free slot */
    uint32_t cap;     /* power of two, or 0 */
    uint32_t len;
};
uint32_t count_add(struct count_table *t, uint64_t key);
uint32_t count_remove(struct count_table *t, uint64_t key);
uint32_t count_get(const struct count_table *t, uint64_t key);
void count_free(struct count_table *t);
size_t count_bytes(const struct count_table *t);

/* A sorted list in chunks: insert, remove and rank in about the square root of its length. */
struct sorted_list {
    struct sorted_chunk **chunks;
    uint32_t n;
    uint32_t cap;
    uint32_t len;
};
void sorted_insert(struct sorted_list *s, double v);
/* v must be in it. */
void sorted_remove(struct sorted_list *s, double v);
/* Value at a rank from 0. */
double sorted_at(const struct sorted_list *s, uint32_t rank);
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
    uint64_t hash;
    struct corr_group *chain; /* same bucket */
    struct corr_group *older, *newer; /* by last touch */
    char *key; /* u32 length and bytes per value */
    size_t key_len;
    /* entries in event-time order; those of equal time as they came */
    struct corr_entry *entries;
    size_t head; /* first live one */
    size_t end;
    size_t cap;
    /* the window the aggregates speak of: [lo, hi) */
    size_t lo, hi;
    uint32_t *per_rule; /* temporal: entries of each reference */
    uint32_t distinct;  /* references with any */
    struct count_table counts;
    struct sorted_list sorted;
    __int128 sum; /* millionths: exact for decimals, so that adding and taking away leaves nothing behind */
    time_ns *starts; /* ordered: latest start of a chain, by its length - 1, or by its mask */
};

struct corr_group *group_new(const struct corr_rule *c, uint32_t number, struct span key, uint64_t hash);
void group_free(struct corr_group **g);
size_t group_bytes(const struct corr_group *g);

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

#endif
