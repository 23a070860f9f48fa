/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The body of POST /ingest: unpacked from gzip while it comes, bounded, then cut into records
 * (NDJSON, concatenated JSON, or one JSON array). Called by the HTTP receiver; knows nothing of
 * HTTP.
 */
#ifndef FLOW_RECEIVE_BODY_H
#define FLOW_RECEIVE_BODY_H

#include "base/err.h"
#include "base/shared.h"
#include "flow/receive/receive.h"

enum {
    BODY_MAX_BYTES = 32 * 1024 * 1024, /* one body, packed and unpacked */
    BODY_EXPECT_MAX = 4 * 1024 * 1024, /* bytes for which room is taken on the sender's word alone */
};

struct body;
struct body *body_new(bool gzip);
/* The sender says that so many bytes will come: room for them is taken at once, up to BODY_EXPECT_MAX. What is packed says nothing. */
void body_expect(struct body *b, size_t bytes);
void body_free(struct body **b);
/* ERR_LIMIT: over BODY_MAX_BYTES; ERR_INVALID: not gzip, or bytes behind its end. */
int body_add(struct body *b, struct span bytes, struct err *e) NODISCARD;
/* ERR_TRUNCATED: the gzip stream has not ended. */
int body_end(struct body *b, struct err *e) NODISCARD;
size_t body_bytes(const struct body *b);

/* Hands every record to sink; stretches that are no JSON come marked `broken`. kept counts all, bad
 * those not understood. */
void body_records(const struct body *b, uint32_t source, struct span sender, time_ns received,
                  const struct receive_sink *sink, uint64_t *kept_out, uint64_t *bad_out);

#endif
