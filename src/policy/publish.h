/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a hub may say to a circle about how many of its members saw something, so that nobody can
 * work out who. Pure; the correlation engine asks it before each warning and keeps the answer with
 * the key. Four rules:
 *
 * - Thresholds: to warn at all, and to show a number, are two. Between them: "at least one other
 * member".
 * - Steps: a number is "at least N", N a multiple of the threshold to show, and only while as many
 * members as the threshold could still be those who did not. Two publications of one key differ by
 * nothing or that many.
 * - Parts: keys overlap (an indicator, and the rule for one product in which it was seen). What is
 * told of the part, or not told, and the number of the whole must not leave only those outside the
 * part.
 * - Cohort: one key is counted over one fixed set of members, those of the epoch of its first
 * publication. A number never goes down; a key that was published keeps its state until it is
 * forgotten.
 *
 * Held against two members who tell each other all: publish_attack_test.c.
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

/* Another key that is part of this one: the same seen in one product only. What is told of it, or
 * not told, bounds how many of its holders saw this: a number here must not leave only the others.
 */
struct policy_publish_group {
    uint32_t holders; /* members of the cohort that have the product */
    uint32_t most;    /* policy_publish_most of its key */
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
    const struct policy_publish_group
        *groups; /* keys that are part of this one; none for a bound key */
    uint32_t ngroups;
    uint32_t outside; /* members of the cohort that have none of those products */
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
    PUBLISH_PARTS,        /* with what is told of a part of it, it would name the others */
    PUBLISH_RARE_PRODUCT, /* the key names a product that too few members have */
};

struct policy_publication {
    bool warn;       /* tell all members of the circle, in the same words */
    bool news;       /* there is something not told before: first warning, higher number, product */
    bool show_count; /* "at least `count` members"; else "at least one other member" */
    uint32_t count;
    bool show_product; /* of a bound key; else the product is left out: of an unbound key always,
                          since to leave out only rare ones would tell that it was one */
    enum policy_publish_why why;
};

/* Decides and advances *state when it warns. */
struct policy_publication policy_publish_count(const struct policy_publish_rule *rule,
                                               const struct policy_publish_question *q,
                                               struct policy_published *state);

/* How many holders could have seen a bound key, as far as anybody can tell from what was published
 * of it; state zeroed where nothing was. Ask after the bound key of the same moment was published.
 */
uint32_t policy_publish_most(const struct policy_publish_rule *rule, uint32_t holders,
                             const struct policy_published *state);

#endif
