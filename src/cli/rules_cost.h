/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno rules cost` and `sereno rules resume`: see rules_cost.c. */
#ifndef CLI_RULES_COST_H
#define CLI_RULES_COST_H

#include <stdbool.h>

struct rules_cost_args {
    const char *data_dir; /* NULL = the default place */
    const char *sort;     /* ns, candidates, hits, events */
    unsigned limit;
    bool json;
};

/* Prints what each rule has cost. Returns the exit status. */
int rules_cost(const struct rules_cost_args *a);
/* Has the running node evaluate a stopped rule again. */
int rules_resume(const char *data_dir, const char *id);

#endif
