/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A request that the courier carries for a link, and what came back (MSG_FED_CARRY, MSG_FED_CARRIED).
 * The decision that lets it out was made in the desk and travels with it; the courier refuses a request
 * without one. Pure codecs; the reader trusts nothing.
 */
#ifndef DESK_FEDERATION_CARRY_H
#define DESK_FEDERATION_CARRY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

enum {
    CARRY_BODY_MAX = 6 << 20,     /* bytes there */
    CARRY_ANSWER_MAX = 7 << 20,   /* bytes back; more ends the transfer */
    CARRY_URL_MAX = 2048,
    CARRY_TEXT_MAX = 16 << 10,    /* bytes of any other part: a certificate is the longest */
    CARRY_WAIT_MAX_MS = 60 * 1000 /* for an answer: a long poll of 25 s and a slow network */
};

struct fed_carry {
    struct span url;         /* https://… whole */
    struct span method;      /* GET or POST */
    struct span pin;         /* SHA-256 of the hub's public key, hex; empty = first contact, any */
    struct span certificate; /* this node's, PEM; empty = none yet */
    struct span proof;       /* Sereno-Proof header; may be empty */
    struct span reason;      /* why it may leave */
    struct span audience;    /* who will be able to read it */
    struct span body;        /* JSON; empty = none */
    uint32_t wait_ms;
};

struct fed_carried {
    uint32_t status; /* of HTTP; 0 = there was no answer, `why` says why */
    struct span why;
    struct span pin; /* of the key that the other side showed, hex */
    struct span body;
};

void fed_carry_encode(struct buf *out, const struct fed_carry *c);
void fed_carry_decode(struct cursor *in, struct fed_carry *out);
void fed_carried_encode(struct buf *out, const struct fed_carried *c);
void fed_carried_decode(struct cursor *in, struct fed_carried *out);

#endif
