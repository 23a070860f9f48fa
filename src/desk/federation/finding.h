/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a hub found in its own circles, as it may tell the hub of a circle above it: rule, technique or indicator, a quarter
 * of an hour, and the count that was published in the circle, or 1. No member, no name and no product of one. Pure. Called by
 * the watch (watch_report.c), and by the generated test of every way out (tests/policy).
 */
#ifndef DESK_FEDERATION_FINDING_H
#define DESK_FEDERATION_FINDING_H

#include "desk/federation/envelope.h"
#include "desk/federation/warning.h"

enum { FINDING_PARTS = 2 /* a sequence is two rules */ };

/* A warning of the own circle, as it stands; borrowed texts. */
struct finding {
    struct span warning; /* its id, WARNING_ID_LEN */
    enum community_kind kind;
    struct span value;
    enum alert_level level;
    int64_t seen; /* as published; 0 = "at least one other member" */
    int64_t last; /* bucket */
    bool withdrawn;
    bool passed_on; /* it came from above itself */
};

/*
 * Whether `self` may tell the hub of the circle `above` what it found in `circle`: only the hub of that circle, nothing of an
 * NDA circle, nothing that came from above, and only where the policy lets that hub read a signal of this node.
 */
bool finding_may_go(struct arena *a, const struct finding *f, const struct fed_membership *circle, const struct fed_membership *above,
                    struct span self, time_ns now);

/*
 * The signals of it, 0 to FINDING_PARTS; texts live in a or are f's. Their numbers are made of the warning's id, so that
 * telling again replaces; a withdrawn one counts 0, which takes back. 0: it is none that can be told.
 */
size_t finding_signals(const struct finding *f, struct arena *a, struct signal out[FINDING_PARTS]);

/* How long the envelope of such signals is of use, seconds. */
enum { FINDING_LIFE_S = 30 * 86400 };
/* The envelope for that hub, but for its body: label, audience. Fails only when the membership is broken. */
int finding_draft(struct arena *a, const struct fed_membership *above, time_ns now, struct fed_draft *out, struct err *e) NODISCARD;

#endif
