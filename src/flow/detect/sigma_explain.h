/* SPDX-License-Identifier: EUPL-1.2 */
/* A rule in plain words, for `sereno rules explain` and the desk: what it looks at and when it fires. English. */
#ifndef FLOW_DETECT_SIGMA_EXPLAIN_H
#define FLOW_DETECT_SIGMA_EXPLAIN_H

#include "base/buf.h"
#include "flow/detect/sigma.h"

enum { SIGMA_EXPLAIN_VALUES = 20 }; /* values of one list told before "and 4,412 more" */

/* Appends the description of a rule, lines ended by \n. max_values 0 = SIGMA_EXPLAIN_VALUES. */
void sigma_explain_rule(struct buf *out, const struct sigma_rule *rule, uint32_t max_values);
/* The same of a correlation of set: its rules are named by title. */
void sigma_explain_correlation(struct buf *out, const struct sigma_set *set,
                               const struct sigma_correlation *c);

#endif
