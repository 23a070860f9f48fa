/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a hub may say to a circle about how many of its members saw something, so that nobody can
 * work out who. Pure; the correlation engine asks it before each warning and keeps the answer with
 * the key. Three rules (src/policy/README.md):
 *
 *   thresholds  to warn at all, and to show a number, are two. Between them: "at least one other
 * member". steps       a number is shown as "at least N", N a multiple of the threshold to show,
 * and only while as many members as the threshold could still be those who did not. So the
 * difference between two publications, whichever overlap, is nothing or that many members. cohort
 * one key is counted over one fixed set of members: those of the epoch of its first publication. A
 * number never goes down; a key that was published keeps its state until it is forgotten.
 */
#ifndef POLICY_PUBLISH_H
#define POLICY_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

enum {
    POLICY_WARN_AT = 2,       /* members; default, and the least a circle may set */
    POLICY_SHOW_AT = 5,       /* members; default per circle */
    POLICY_SHOW_AT_LEAST = 3, /* the least a circle may set */
    POLICY_CANDIDATES_LEAST =
        3, /* members who could be meant, beyond those who must have seen it */
};

/* Per circle. 0 = default; lower than the least counts as the least. */
struct policy_publish_rule {
    uint32_t warn_at;
    uint32_t show_at;
    bool agreed; /* the members were asked and agreed that they may be guessed: a small circle, or a
                    product that few have, is then no reason to be silent; numbers stay as they are
                  */
};

/* What is known of one key (rule, technique, indicator, sequence) in one circle. Members are
 * organisations, each once. */
struct policy_publish_question {
    uint32_t members; /* active members of the cohort, sponsors and hubs not among them */
    uint32_t saw;     /* members of the cohort that saw it */
    uint32_t holders; /* members of the cohort known to have the source product it was seen in; 0 =
                         not asked */
    bool bound; /* the key itself names the product (a rule for one product): who could have seen it
                   are its holders */
};

/* Kept by the caller with the key, zeroed at first; what was told is told. */
struct policy_published {
    bool warned;
    bool product_told;
    uint32_t count;        /* last shown, 0 = none */
    uint64_t cohort_epoch; /* the caller's: membership epoch over which it counts; set at the first
                              warning */
};

enum policy_publish_why {
    PUBLISH_SAID,
    PUBLISH_TOO_FEW,      /* below the threshold to warn */
    PUBLISH_SMALL_CIRCLE, /* so few could be meant that the warning would name them: a person must
                             ask them first */
    PUBLISH_RARE_PRODUCT, /* the key names a product that too few members have */
};

struct policy_publication {
    bool warn;       /* tell all members of the circle, in the same words */
    bool news;       /* there is something not told before: first warning, higher number, product */
    bool show_count; /* "at least `count` members"; else "at least one other member" */
    uint32_t count;
    bool show_product; /* else the product, and what names it, is left out */
    enum policy_publish_why why;
};

/* Decides and advances *state when it warns. */
struct policy_publication policy_publish_count(const struct policy_publish_rule *rule,
                                               const struct policy_publish_question *q,
                                               struct policy_published *state);

#endif
