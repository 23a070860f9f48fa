/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target: bodies of POST /ingest. First byte: gzip or not, and how the rest is cut into
 * pieces. */
#include <stddef.h>
#include <stdint.h>

#include "flow/receive/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool see(void *ctx, const struct receive_record *r)
{
    size_t *bytes = ctx;
    CHECK(r->bytes.len <= RECEIVE_EVENT_MAX);
    *bytes += r->bytes.len;
    return !r->broken;
}

static void no_drops(void *ctx, uint32_t source, enum drop_cause why, uint64_t count)
{
    (void)ctx;
    (void)source;
    (void)why;
    (void)count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t bytes = 0;
    const struct receive_sink sink = {&bytes, see, no_drops, NULL, NULL};
    struct body *b = body_new((data[0] & 1) != 0);
    struct span rest = span_make((const char *)data + 1, size - 1);
    size_t piece = (size_t)(data[0] >> 1) + 1;
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < rest.len; at += piece) {
        rc = body_add(b, span_sub(rest, at, piece), NULL);
    }
    if (rc == 0 && body_end(b, NULL) == 0) {
        uint64_t kept;
        uint64_t bad;
        body_records(b, 0, SPAN("x"), 0, &sink, &kept, &bad);
        CHECK(bad <= kept && bytes <= body_bytes(b));
    }
    body_free(&b);
    return 0;
}
