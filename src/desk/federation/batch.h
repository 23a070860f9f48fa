/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The bodies of push and pull (docs/FEDERATION.md §4): envelopes in a row, each exactly as it was
 * signed. Both are objects in canonical order, so that one envelope can be cut out without reading
 * it: reading is for fed_envelope_check, one by one, so that a broken one spoils no other.
 *
 *   push  {"envelopes":[E,…],"epoch":N,"from":N}
 *   pull  {"envelopes":[{"envelope":E,"seq":N},…],"epoch":N}
 *
 * Pure. Called by the desk, at both ends.
 */
#ifndef DESK_FEDERATION_BATCH_H
#define DESK_FEDERATION_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum {
    BATCH_MAX = 500,            /* envelopes */
    BATCH_BODY_MAX = 6 << 20,   /* bytes: 4 MiB and one envelope more, with what is around them */
    BATCH_ENVELOPE_MAX = 2 << 20, /* bytes cut out as one; what is over an envelope's own limit is
                                     refused by itself, not with its neighbours */
};

struct batch_item {
    int64_t seq;
    struct span envelope;
};

struct batch {
    int64_t epoch;
    uint32_t count;
    struct batch_item items[BATCH_MAX];
};

/* ERR_INVALID or ERR_LIMIT; spans point into the body. Numbers of a push are dense from its `from`;
 * those of a pull must be dense too. */
int batch_read_push(struct span body, struct batch *out, struct err *e) NODISCARD;
int batch_read_pull(struct span body, struct batch *out, struct err *e) NODISCARD;

void batch_write_push(const struct batch *b, struct buf *out);
void batch_write_pull(const struct batch *b, struct buf *out);

#endif
