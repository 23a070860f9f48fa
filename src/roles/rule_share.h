/* SPDX-License-Identifier: EUPL-1.2 */
/* What one rule may use of the role that evaluates it: rules of intakes, correlations of the correlator. Decision 009. */
#ifndef ROLES_RULE_SHARE_H
#define ROLES_RULE_SHARE_H

#include "base/clock.h"
#include "flow/detect/ruleset.h"
#include "os/ipc.h"
#include "records/rule_cost.h"

enum {
    RULE_COSTS_TOLD_S = 15, /* costs of rules are told this often */
    RULE_JUDGE_S = 5,       /* … and judged */
    /* A rule is stopped that over RULE_JUDGE_S is above all three: it then holds up everything else. */
    RULE_SHARE_PERCENT = 50, /* of the CPU time that its role had */
    RULE_CORE_PERCENT = 10,  /* of a core */
    RULE_SLOW_NS = 50000,    /* mean of one evaluation; the public rules take one or two thousand */
};

/* What a rule used between two looks at it. */
struct rule_use {
    uint64_t ns, candidates; /* CPU time of its evaluations, and how many there were */
    time_ns cpu, elapsed;    /* CPU time of the role, and time that went by */
};
/* Whether that is more than one rule may use. */
bool rule_over_share(const struct rule_use *use);
/* "it alone used …", for people. */
void rule_share_reason(const struct rule_use *use, const char *role, char out[RULE_STOP_REASON_MAX]);

/* Tells the keeper (NULL: nobody is told) that the rule was stopped, and logs it. */
void rule_tell_stop(struct ipc *keeper, const struct ruleset_rule *rule, const char *reason);

/* MSG_RULES_STOPPED: checks it and keeps the hashes. */
int rule_stops_take(struct buf *stops, struct span body, struct err *e) NODISCARD;
/* Whether the rule is among them. */
bool rule_stops_have(const struct buf *stops, const struct ruleset_rule *rule);

/* The rule's hash as bytes; false: it has none. */
bool rule_hash(const struct ruleset_rule *rule, unsigned char hash[RULE_COST_HASH_BYTES]);

/* Adds what was counted, when anything was; *n goes up. */
void rule_costs_put(struct buf *rows, const struct ruleset_rule *rule, struct rule_cost_delta *d, uint32_t *n);
/* Sends rows of rule_costs_put; false: the keeper does not have them. */
bool rule_costs_send(struct ipc *keeper, const struct buf *rows, uint32_t n);

#endif
