/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Correlations over rule matches, in event time, in one process. Fed by whoever runs the matcher (intake, scan) with
 * matches of rules that correlations refer to; answers which correlations that event completed. State is bounded in
 * bytes; what was evicted or came too late is counted and shown, never silent.
 */
#ifndef FLOW_DETECT_CORRELATE_H
#define FLOW_DETECT_CORRELATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"
#include "flow/detect/ruleset.h"

enum {
    CORRELATE_STATE_MAX_BYTES = 64 * 1024 * 1024, /* default bound of all windows together */
    CORRELATE_RULE_SHARE = 2, /* no correlation beside others may hold more than this part of it: its own oldest windows go first */
    CORRELATE_LATENESS_S = 300,                   /* default: older events than newest - this are counted as late, still tried in their window */
};

/* Compiled correlations: plain data in the region, beside the ruleset. */
struct correlations;
/* Field values a correlation needs of a match of rule r (group-by, aliases resolved, value fields), as field ids. */
const struct correlations *correlations_compile(const struct sigma_set *set, const struct catalog *catalog,
                                                struct arena *region);
/* Field ids to extract when rule `rule` matched, sorted; count 0 = none is needed (see correlations_uses). */
const field_id *correlations_fields(const struct correlations *c, uint32_t rule, uint32_t *count_out);

/* Whether any correlation refers to the rule at all (it may need no field). */
bool correlations_uses(const struct correlations *c, uint32_t rule);

/* Fields that one correlation itself reads of a match of the rule; FIELD_NONE among them: one that no event has. At most max. */
uint32_t correlations_reads(const struct correlations *c, uint32_t correlation, uint32_t rule, field_id *out, uint32_t max);

/* How many there are; they count from 0 as in the set they were compiled from. */
uint32_t correlations_count(const struct correlations *c);

struct correlator;
struct correlator *correlator_new(const struct correlations *c, size_t state_max_bytes, int64_t lateness_ns);
void correlator_free(struct correlator **c);

/*
 * A base match: values parallel to correlations_fields(rule), ptr NULL = field absent. `ref` is handed back. Events of
 * different scopes (organisations) are never in one window; a scope is at most CORRELATE_SCOPE_MAX bytes, empty is one too.
 */
enum { CORRELATE_SCOPE_MAX = 256 };
struct correlate_input {
    uint32_t rule;
    time_ns time;
    struct span scope;
    const struct span *values;
    uint64_t ref; /* of the event: file and index, or block and index */
};

/*
 * A completed correlation; `correlation` counts from 0. Every event that takes part in what satisfies the condition, over
 * the window that ends with it, completes it (docs/decisions/003-correlation-firing.md); quiet ones, which only feed others,
 * are told too. refs: the events inside its window in event order, at most CORRELATE_REFS_MAX, the last one `ref`.
 */
enum { CORRELATE_REFS_MAX = 64 };
struct correlate_output {
    uint32_t correlation;
    time_ns time;
    uint64_t ref;              /* of the event that completed it */
    struct span scope;         /* of the events in its window */
    struct span group;         /* "src_ip=10.0.0.1, user=root", for people */
    double value;              /* count, sum … that met the condition */
    uint32_t nrefs;
    uint64_t refs[CORRELATE_REFS_MAX];
};

/*
 * Feeds one match; outputs (chained ones too) are in the correlator until the next call. Input should come in event-time
 * order. What comes later takes its place in time and completes what it would have completed, for itself and for the events
 * behind it, while these are kept (timespan + lateness); later than `lateness` behind the newest is counted besides.
 */
uint32_t correlator_feed(struct correlator *c, const struct correlate_input *in,
                         const struct correlate_output **out);

struct correlator_stats {
    uint64_t inputs, outputs;
    uint64_t evicted;   /* events forgotten for want of room while a later one could still have counted them */
    uint64_t late;      /* inputs older than the newest by more than the lateness */
    uint64_t not_tried; /* inputs out of order by so many events that their windows were not all tried again */
    uint64_t no_group;  /* a correlation could not take an input: a group-by or value field was missing or no number */
    uint64_t dropped;   /* outputs beyond CORRELATE_OUTPUTS_MAX of one input */
    uint64_t forgotten; /* events of windows whose correlation is no longer there, or has another definition now */
    uint64_t groups;
    size_t state_bytes;
};
void correlator_stats(const struct correlator *c, struct correlator_stats *out);

/* What one correlation has cost since the correlator was made, and what it holds now. */
struct correlator_cost {
    uint64_t events;  /* matches that were its */
    uint64_t tried;   /* of these, with all its fields, so that windows were tried */
    uint64_t outputs; /* completions */
    uint64_t evicted; /* as in correlator_stats */
    uint64_t ns;      /* of trying; of one match in CORRELATE_SAMPLE, times that; of every one, in CPU time, while it is watched */
    uint64_t groups;
    size_t bytes;
};
enum { CORRELATE_SAMPLE = 16 };
void correlator_cost(const struct correlator *k, uint32_t correlation, struct correlator_cost *out);

/* A watched one has every match timed (ns begins at zero); a stopped one takes no match any more, its windows stay. */
enum correlator_mark { CORRELATOR_PLAIN, CORRELATOR_WATCH, CORRELATOR_STOP };
void correlator_mark(struct correlator *k, uint32_t correlation, enum correlator_mark mark);
enum correlator_mark correlator_marked(const struct correlator *k, uint32_t correlation);

/*
 * All windows and counters as bytes, and back: for a restart, and for a new rule set. Windows are told by the definition of
 * their correlation, so those whose definition is the same in `c` go on as if nothing had been; the others are counted as
 * forgotten. The bytes are trusted no more than any others: ERR_INVALID when they are damaged, *out is then NULL.
 */
enum { CORRELATE_SAVED_MAX = 256 * 1024 * 1024 /* bytes: the bound of the state, keys counted twice */ };
void correlator_save(const struct correlator *k, struct buf *out);
int correlator_load(const struct correlations *c, size_t state_max_bytes, int64_t lateness_ns, struct span bytes,
                    struct correlator **out, struct err *e) NODISCARD;
/* Moves windows and counters of an old correlator into one for another rule set; the old one is freed. */
struct correlator *correlator_move(struct correlator **old, const struct correlations *c);

#endif
