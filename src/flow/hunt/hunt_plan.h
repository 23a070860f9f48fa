/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a hunter must know of the hunt's rules beyond the compiled rule set, in order to say "clean" only of what it
 * looked at: which log source each rule needs, which fields it asks for, and which texts were refused. Made by the
 * compiler into the region, beside the rule set; read by the hunter.
 */
#ifndef FLOW_HUNT_HUNT_PLAN_H
#define FLOW_HUNT_HUNT_PLAN_H

#include "flow/detect/correlate.h"
#include "flow/detect/ruleset.h"
#include "flow/detect/sigma.h"

enum {
    HUNT_PLAN_REFUSED_MAX = 1000, /* refused documents told; more are counted with them */
    HUNT_PLAN_KEYS_MAX = 32,      /* fields of one joined rule that "clean" is judged by; no rule known groups by more than 4 */
};

/* A rule that a correlation joins: its place among the bases, and what the correlation must read of its events. */
struct hunt_plan_base {
    uint32_t base;
    const field_id *keys; /* FIELD_NONE among them: no event has it */
    uint32_t nkeys;
};

struct hunt_plan_rule {
    uint32_t number; /* of the rule set; UINT32_MAX for a correlation */
    uint32_t correlation; /* its number; UINT32_MAX for a rule */
    struct span id, title, file;
    struct logsource logsource;
    bool anywhere; /* a search: applies to every event */
    const field_id *fields;
    const struct span *names; /* of these fields */
    uint32_t nfields;
    const field_id *keys; /* of a base rule: what any correlation reads of its events */
    uint32_t nkeys;
    const struct hunt_plan_base *bases; /* of a correlation: all rules that it joins, also through others */
    uint32_t nbases;
};

struct hunt_plan_refused {
    struct span file;
    uint32_t line;
    struct span reason;
};

struct hunt_plan {
    const struct hunt_plan_rule *rules; /* all but those that only feed correlations */
    uint32_t nrules;
    const struct hunt_plan_rule *bases; /* rules that correlations join: looked for, told by them */
    uint32_t nbases;
    const struct correlations *correlations;
    const struct hunt_plan_refused *refused;
    uint32_t nrefused;
};

/* Before compiling: a search applies to every log source. */
void hunt_plan_prepare(struct sigma_set *set);
/* After compiling. */
const struct hunt_plan *hunt_plan_compile(const struct sigma_set *set, const struct catalog *catalog,
                                          const struct correlations *correlations,
                                          struct arena *region);

#endif
