/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The compiled rule set: what the compiler role makes of a sigma_set and a catalog, and what intake, scan, bench and
 * hunt run. It lives wholly in a region arena (base/arena.h) that is mapped read-only at the same address everywhere:
 * plain pointers, no function pointers, no heap. PCRE2 patterns are kept as text and compiled by each matcher.
 */
#ifndef FLOW_DETECT_RULESET_H
#define FLOW_DETECT_RULESET_H

#include "base/arena.h"
#include "base/err.h"
#include "event/event.h"
#include "flow/detect/sigma.h"

struct ruleset;
struct rates;

struct ruleset_options {
    const struct rates *rates; /* how often texts are met (rates.h); NULL: guessed */
    bool reference; /* plan nothing: every rule of a class is evaluated on every event (bench's baseline) */
};

/*
 * Compiles set against catalog into region. Only rules whose logsource applies to some class can ever match; the
 * others are counted (ruleset_unreachable). Returns 0 or ERR_LIMIT (region too small is a CHECK).
 * Deterministic: the same input gives the same bytes.
 */
int ruleset_compile(const struct sigma_set *set, const struct catalog *catalog, struct arena *region,
                    const struct ruleset_options *options, const struct ruleset **out,
                    struct err *e) NODISCARD;

/* Rule meta data copied into the region: index = rule number used in matches. */
struct ruleset_rule {
    struct span id, title, file, hash;
    enum alert_level level;
    bool quiet;      /* only feeds correlations */
    bool correlated; /* some correlation refers to it */
};
uint32_t ruleset_nrules(const struct ruleset *rs);
const struct ruleset_rule *ruleset_rule(const struct ruleset *rs, uint32_t rule);
/* Correlation rules are numbered behind the rules: nrules … nrules + ncorrelations - 1. */
uint32_t ruleset_ncorrelations(const struct ruleset *rs);
/* Number of rules whose logsource fits no class of the catalog: loaded, yet nothing can feed them. */
uint32_t ruleset_unreachable(const struct ruleset *rs);

/* ---- matching ---- */

/* Per worker: scratch, memo, compiled regexes. Heap; not shared. */
struct matcher;
struct matcher *matcher_new(const struct ruleset *rs, const struct catalog *catalog, struct err *e);
void matcher_free(struct matcher **m);

struct match {
    uint32_t rule;
    class_id class_id; /* whose view made it match */
};

/* All rules that match ev, in rule order, into the matcher's own array (valid until the next call). Allocates nothing
 * per event once warm. ev->class_id must be set by normalise. Follows the class chain (`also`). */
uint32_t matcher_run(struct matcher *m, struct event *ev, const struct match **matches_out);

/* Counters since creation. */
struct matcher_stats {
    uint64_t events, candidates, matches, regex_limits;
};
void matcher_stats(const struct matcher *m, struct matcher_stats *out);

/* What a rule has cost so far. Always counted; nanoseconds are of one event in 256, times 256. */
struct matcher_cost {
    uint64_t events;     /* of classes the rule is for */
    uint64_t candidates; /* of these, whose anchors were found, so that the condition was evaluated */
    uint64_t hits;
    uint64_t ns;         /* spent on evaluating the condition */
};
/* Of every rule: out has room for ruleset_nrules of them. */
void matcher_costs(const struct matcher *m, struct matcher_cost *out);

/*
 * What else is done with a rule: a watched one has every evaluation timed, in CPU time of the thread (matcher_watched_ns, since
 * it was marked); a stopped one is not evaluated any more.
 */
enum matcher_mark { MATCHER_PLAIN, MATCHER_WATCH, MATCHER_STOP };
void matcher_mark(struct matcher *m, uint32_t rule, enum matcher_mark mark);
uint64_t matcher_watched_ns(const struct matcher *m, uint32_t rule);
bool matcher_stopped(const struct matcher *m, uint32_t rule);

/* Why a match fired: the parts of the condition that held with their values and marks, in scratch. At most ALERT_WHY_MAX. */
uint32_t matcher_explain(struct matcher *m, struct event *ev, const struct match *match,
                         struct arena *scratch, const struct alert_why **why_out);

/* ---- the plain evaluator (src/flow/detect/reference.c) ----
 * Written straight from the specification, sharing no evaluation code with the matcher: the judge of the fast path in tests. */
bool reference_match(const struct sigma_rule *rule, const struct catalog *catalog, struct event *ev,
                     class_id cls);

#endif
