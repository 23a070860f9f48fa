/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target: what a file of kept rules says of itself, and what the compiler tells of a rule set. */
#include <stddef.h>
#include <stdint.h>

#include "roles/rules_cache.h"
#include "roles/rules_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_make((const char *)data, size);
    struct span head = span_sub(all, 0, CACHE_HEAD_BYTES);
    struct cache_head h;
    struct rules_told t;
    struct err e = {0};
    if (cache_head_decode(head, &h, &e) == 0) {
        struct buf b;
        buf_init(&b, CACHE_HEAD_BYTES);
        cache_head_encode(&b, &h);
        CHECK(span_eq(buf_view(&b), head)); /* there is one way to write it */
        buf_free(&b);
        all = span_sub(all, CACHE_HEAD_BYTES, size);
    }
    if (rules_told_open(&t, all, &e) == 0) {
        size_t bytes = t.done.len;
        for (; rules_told_more(&t); rules_told_next(&t)) {
            bytes += t.rule.len;
        }
        CHECK(bytes < all.len);
    }
    return 0;
}
