/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The signed membership file of a circle: who belongs to it since which epoch, with which keys, and
 * which officers answer for that (docs/FEDERATION.md §3). One file says all of one epoch; epochs
 * only grow. A node believes a file when its hub and enough officers *that it knew before* signed it.
 * Pure. Called by the desk (both sides), the courier file commands and tests.
 */
#ifndef DESK_FEDERATION_MEMBERSHIP_H
#define DESK_FEDERATION_MEMBERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "desk/federation/keys.h"
#include "desk/federation/limits.h"
#include "desk/federation/refusal.h"
#include "wire/jcs.h"

/* Words of classes and states in the file; bits and order as in policy/policy.h (member_class). */
enum fed_class { FED_MEMBER = 1, FED_NDA = 2, FED_SPONSOR = 4, FED_CSIRT = 8, FED_HUB = 16 };
enum fed_state { FED_STATE_NONE, FED_ACTIVE, FED_SUSPENDED, FED_GONE };

struct fed_member {
    struct span node;
    struct span org; /* its organisation's name */
    unsigned char sign[FED_KEY_BYTES];
    unsigned char seal[FED_KEY_BYTES];
    uint32_t classes; /* bits of enum fed_class */
    enum fed_state state;
    uint64_t since; /* epoch in which it got this state, these classes and these keys */
};

struct fed_officer {
    struct span name;
    unsigned char key[FED_KEY_BYTES];
};

struct fed_membership {
    struct span circle;
    struct span name;
    bool nda; /* class "nda": everything in it is sealed */
    uint32_t quorum;
    uint32_t warn;
    uint32_t show;
    uint64_t epoch;
    int64_t issued_s;
    int64_t expires_s;
    struct {
        struct span node;
        unsigned char sign[FED_KEY_BYTES];
        unsigned char seal[FED_KEY_BYTES];
    } hub;
    struct fed_officer *officers;
    uint32_t nofficers;
    struct fed_member *members; /* sorted by node */
    uint32_t nmembers;
    /* Set by reading: */
    const struct jcs *root;      /* NULL in a draft */
    struct span form;            /* what is signed: JCS without sigs */
    unsigned char hash[32];      /* SHA-256 of the form */
    uint32_t nsigs;
};

/* Reads a file (draft without "sigs" too): shape and limits only, no signature looked at. Everything
 * lives in a. FED_TAKEN, OVERSIZED, SYNTAX, NOT_CANONICAL, SHAPE or VERSION; e says where. */
enum fed_refusal fed_membership_read(struct arena *a, struct span text, struct fed_membership *out,
                                     struct err *e) NODISCARD;

/* Writes what m says as a draft: canonical, without signatures. Members are sorted. ERR_INVALID when
 * it would not be read back, with the reason. */
int fed_membership_draft(struct arena *a, const struct fed_membership *m, struct span *text_out,
                         struct err *e) NODISCARD;
/* The file with one more signature (an existing one of that key is replaced). */
int fed_membership_sign(struct arena *a, struct span text, const struct fed_sign_key *key,
                        struct span *text_out, struct err *e) NODISCARD;
/* Whether that key has signed it, rightly. */
bool fed_membership_signed_by(const struct fed_membership *m, const unsigned char key[FED_KEY_BYTES]);

/* What an enrolling node pinned: the hub's signing key and its officers. */
struct fed_pin {
    unsigned char hub_sign[FED_KEY_BYTES];
    const struct fed_officer *officers;
    uint32_t nofficers;
    uint32_t quorum;
};
/* What a known membership pins for the next one. */
struct fed_pin fed_membership_pin(const struct fed_membership *known);

/*
 * Whether `next` follows on what is known. known is NULL for the first file of a circle. Signatures
 * needed: the pinned hub key (and its new one, where the file brings one), and at least
 * max(pinned quorum, the file's own) of the pinned officers. FED_TAKEN; FED_SEEN: the same again;
 * CIRCLE, HUB_KEY, QUORUM, EPOCH_LOWER, TWO_TRUTHS, AHEAD, MEMBERSHIP_EXPIRED, SHAPE.
 */
enum fed_refusal fed_membership_judge(const struct fed_membership *known, const struct fed_pin *pin,
                                      const struct fed_membership *next, int64_t now_s) NODISCARD;

/* Member by node id, or NULL. The hub is a member of its own circles like any other. */
const struct fed_member *fed_membership_find(const struct fed_membership *m, struct span node);
/* Whether nothing is taken or sent under it any more. */
bool fed_membership_over(const struct fed_membership *m, int64_t now_s);

#endif
