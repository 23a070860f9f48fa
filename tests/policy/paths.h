/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How a generated case meets a way out of the product (src/policy/paths.def). An adapter says whom and what that way asks the
 * policy about, and shows what the product's own code lets out; paths_test.c compares the two over many cases.
 */
#ifndef TESTS_POLICY_PATHS_H
#define TESTS_POLICY_PATHS_H

#include "desk/federation/compose.h"
#include "desk/federation/envelope_policy.h"
#include "desk/federation/item_policy.h"
#include "desk/federation/test_world.h"
#include "desk/readers/readers.h"
#include "records/ask.h"

enum { THINGS = 5, TITLE_LEN = 10, CIRCLE_STATES = 5, CASE_SEATS = 3 };

/* A thing that may be shown: its own organisation's, or an item of a circle. */
struct thing {
    char title[TITLE_LEN + 1]; /* planted: in no other text */
    struct span organisation;
    bool brought; /* a rule that came by federation */
    /* of a circle */
    uint32_t issuer, tlp, pap;
    bool all, nda, sponsors, csirt, public_, chr, teaser, unknown;
    uint32_t orgs, persons; /* bits by node of the test world */
    int64_t expires_s;
    uint64_t epoch;
};

/* What several ways make of a thing in the same way is made once a case; whoever changes the thing sets it to {0}. */
struct drawn {
    bool has_marks, has_above, has_row, has_composed;
    struct fed_marks marks, above; /* above: as a hub above told it, see telling.c */
    struct fed_item_row row;
    struct fed_composed composed; /* the preview alone */
    int rc;                       /* of it */
};

/* One case: somebody asks, and there are some things. The arena is emptied between cases. */
struct path_case {
    time_ns now;
    struct arena *arena;
    struct account account;
    struct policy_seat seats[CASE_SEATS]; /* for the node's own things, beside the account */
    uint32_t nseats;
    struct thing things[THINGS];
    struct drawn drawn[THINGS];
    /* in the circle */
    const struct fed_membership *m;
    struct world *world;
    uint32_t self; /* node that asks */
    struct span person;
    uint32_t roles;
    bool link_nda;
    /* what the adapter made of it */
    struct policy_reader reader;
    struct fed_peer peer;
    struct own_item own;
    struct fed_item shared;
};

struct path_adapter {
    /* Whom and what this way asks the policy about, for thing i. */
    void (*ask)(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item);
    /* Everything it shows of the things of the mask, by the product's own code. */
    void (*show)(struct path_case *c, uint32_t mask, struct buf *out);
    uint32_t may; /* of enum policy_may: it asks policy_own_allows with it; 0 = it asks policy_allows */
};

/* The label and audience of thing i as they travel; the node that asks. (shared.c) */
struct fed_marks case_marks(struct path_case *c, uint32_t i);
/* The same with an audience of its own making; not remembered. */
struct fed_marks thing_marks(struct path_case *c, const struct thing *t);
struct span case_self(const struct path_case *c);

/* Every adapter that paths.def names; one that nobody wrote does not link. */
#define PATH(class, name, action, adapter) extern const struct path_adapter adapter_##adapter;
#define PLAIN(class, name, why)
#include "policy/paths.def"

#endif
