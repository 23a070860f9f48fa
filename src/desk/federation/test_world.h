/* SPDX-License-Identifier: EUPL-1.2 */
/* A small community for tests and fuzz targets: a hub, members, officers, all of fixed seeds. */
#ifndef DESK_FEDERATION_TEST_WORLD_H
#define DESK_FEDERATION_TEST_WORLD_H

#include "desk/federation/envelope.h"

enum { WORLD_NODES = 8, WORLD_OFFICERS = 3, WORLD_EPOCHS = 8, WORLD_NOW_S = 1795723200 }; /* 2026-11-26T20:00:00Z */

struct world {
    struct arena a;
    struct fed_keys nodes[WORLD_NODES]; /* 0 is the hub */
    struct fed_sign_key officers[WORLD_OFFICERS];
    const struct fed_membership *epochs[WORLD_EPOCHS];
    uint32_t nepochs;
    int64_t now_s;
    bool nda;
};

/* Everybody active in epoch 1; nodes 1 to 3 are NDA members, 4 to 6 plain ones, 7 a sponsor. */
void world_init(struct world *w, bool nda);
void world_fini(struct world *w);
/* The newest membership as plain data of which a draft can be made (members are a fresh array). */
struct fed_membership world_next(struct world *w);
/* Draft, signatures of the hub and of the first n officers; as text. */
struct span world_signed(struct world *w, const struct fed_membership *m, uint32_t officers);
/* Adds m as the newest epoch, signed by hub and two officers. */
void world_take(struct world *w, const struct fed_membership *m);
/* Node i gets that state in a new epoch. */
void world_set_state(struct world *w, uint32_t i, enum fed_state state);
const struct fed_membership *world_newest(const struct world *w);
struct span world_org(uint32_t i);
/* A draft of an item of the newest epoch; audience as JSON text, body {"n":7}. */
struct fed_draft world_draft(struct world *w, const char *audience, const char *tlp);
/* A struct fed_check over the world's memberships (ctx is the world). */
struct fed_check world_check(struct world *w, bool at_hub);
/* Makes the draft's envelope by node i, sealed to its readers when `sealed`. Returns as fed_envelope_make. */
int world_make(struct world *w, uint32_t i, const struct fed_draft *d, bool sealed, struct span *text_out);

/* A copy with one bit of the byte at `at` changed. */
struct span world_flipped(struct arena *a, struct span text, size_t at, uint64_t bit);

#endif
