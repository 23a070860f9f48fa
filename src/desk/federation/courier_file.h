/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Courier mode: the envelopes of one stream in one signed file, to be carried on a stick where there
 * is no line (docs/FEDERATION.md §4). The file says who it is from and for, and where in the stream
 * it stands; each envelope in it is checked as if it had come over the wire. Canonical JSON.
 */
#ifndef DESK_FEDERATION_COURIER_FILE_H
#define DESK_FEDERATION_COURIER_FILE_H

#include "desk/federation/keys.h"
#include "desk/federation/refusal.h"

struct fed_courier_file {
    struct span from;     /* node id */
    struct span to;       /* node id */
    bool up;              /* stream: "up" (node to hub) or "down" */
    uint64_t epoch;       /* of the stream */
    uint64_t from_seq;    /* number of the first envelope */
    struct span *envelopes; /* each exact bytes */
    uint32_t count;
};

/* Makes the signed text. Envelopes must be canonical JSON objects, which what fed_envelope_make gave
 * is. ERR_INVALID; ERR_LIMIT: too many or too much for one file. */
int fed_courier_file_make(struct arena *a, const struct fed_courier_file *f, const struct fed_sign_key *key,
                          struct span *text_out, struct err *e) NODISCARD;

/* Reads it and checks that `signer` (the key known of whom it says it is from) signed it. `to` is this
 * node's id: a file for somebody else is FED_STREAM. FED_TAKEN, OVERSIZED, SYNTAX, NOT_CANONICAL,
 * VERSION, SHAPE, SIGNATURE, STREAM. Envelopes live in a. */
enum fed_refusal fed_courier_file_read(struct arena *a, struct span text, struct span to,
                                       const unsigned char *(*signer)(void *ctx, struct span from), void *ctx,
                                       struct fed_courier_file *out, struct err *e) NODISCARD;

#endif
