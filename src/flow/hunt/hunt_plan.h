/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a hunter must know of the hunt's rules beyond the compiled rule set, in order to say "clean" only of what it
 * looked at: which log source each rule needs, which fields it asks for, and which texts were refused. Made by the
 * compiler into the region, beside the rule set; read by the hunter.
 */
#ifndef FLOW_HUNT_HUNT_PLAN_H
#define FLOW_HUNT_HUNT_PLAN_H

#include "flow/detect/ruleset.h"
#include "flow/detect/sigma.h"

enum { HUNT_PLAN_REFUSED_MAX = 1000 }; /* refused documents told; more are counted with them */

struct hunt_plan_rule {
    uint32_t number; /* of the rule set; UINT32_MAX for a correlation, which is not hunted */
    struct span id, title, file;
    struct logsource logsource;
    bool anywhere; /* a search: applies to every event */
    const field_id *fields;
    const struct span *names; /* of these fields */
    uint32_t nfields;
};

struct hunt_plan_refused {
    struct span file;
    uint32_t line;
    struct span reason;
};

struct hunt_plan {
    const struct hunt_plan_rule *rules; /* all but those that only feed correlations */
    uint32_t nrules;
    const struct hunt_plan_refused *refused;
    uint32_t nrefused;
};

/* Before compiling: a search applies to every log source. */
void hunt_plan_prepare(struct sigma_set *set);
/* After compiling. */
const struct hunt_plan *hunt_plan_compile(const struct sigma_set *set,
                                          const struct catalog *catalog, struct arena *region);

#endif
