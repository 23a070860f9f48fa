/* SPDX-License-Identifier: EUPL-1.2 */
/* Shared by the files of policy/ only. */
#ifndef POLICY_POLICY_PRIV_H
#define POLICY_POLICY_PRIV_H

#include "policy/policy.h"

#define RELATION_BIT(name) (UINT32_C(1) << RELATION_##name)

enum { ACTION_SHOWS = 1, ACTION_LEAVES = 2, ACTION_SEALS = 4, ACTION_CARRIES = 8 };

struct action_row {
    const char *name;
    uint32_t kinds;     /* bits 1 << enum reader_kind */
    uint32_t roles;     /* a person needs one of them */
    enum tlp strictest; /* that this way carries */
    uint32_t flags;
};

/* One question, as the parts of policy/ hand it on. */
struct policy_ask {
    const struct policy_reader *reader;
    const struct policy_item *item;
    const struct action_row *action;
    enum policy_action action_id;
    time_ns now;
    enum policy_reason
        carrier; /* why the reader has no standing in the carrying circle, or ALLOWED */
};

/* How an organisation stands in one circle; denies = ALLOWED when it is an active member in time.
 */
struct standing {
    enum policy_reason denies;
    uint32_t classes;
    bool was_there; /* since the epoch asked for, or longer */
};

/* Row of an action, NULL for one that is none. */
const struct action_row *policy_action_row(enum policy_action action);
/* Bits of the relations that a label opens; none for UNKNOWN. */
uint32_t policy_opens(enum tlp t);
/* Whether an audience can be read at all: ALLOWED, AUDIENCE_UNKNOWN or EPOCH_UNKNOWN. */
enum policy_reason policy_audience_sane(const struct policy_audience *a);
struct policy_decision policy_denied(enum policy_reason reason);

/* own.c: the ways in which a reader is somebody: 0 by his account with all that goes with it, then one by each seat. */
uint32_t policy_ways(const struct policy_reader *reader);
/* Bits of enum policy_may that go with it. */
uint32_t policy_way_may(const struct policy_reader *reader, uint32_t way);
/* What he is in that way; false: nothing, now. */
bool policy_as_way(const struct policy_reader *reader, uint32_t way, time_ns now, struct policy_reader *out);

/* relate.c */
struct standing policy_standing(const struct policy_membership *m, uint32_t n,
                                const struct policy_circle *circle, time_ns now);
bool policy_excludes(const struct policy_audience *a, const struct policy_reader *r);
/* Whether the reader is an NDA member, no sponsor, of a circle of this audience or of the carrying
 * one. */
bool policy_is_nda(const struct policy_ask *ask, const struct policy_audience *a);
/* Every way in which the reader stands to the item under this marking. */
uint32_t policy_relations(const struct policy_ask *ask, const struct policy_marking *m);

#endif
