/* SPDX-License-Identifier: EUPL-1.2 */
/* Any stream, whole and in small pieces: the same items, all bytes used, each call gets on. */
#include <stdint.h>

#include "base/check.h"
#include "wire/json_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t run(struct span text, size_t piece, bool unwrap)
{
    struct json_split s;
    struct err e;
    size_t start = 0;
    size_t have = piece < text.len ? piece : text.len;
    uint64_t hash = 0;
    json_split_init(&s, unwrap);
    for (;;) {
        struct span window = span_make(text.ptr + start, have - start);
        struct span record;
        size_t used;
        enum json_split_result r =
            json_split_next(&s, window, have == text.len, &used, &record, &e);
        CHECK(used <= window.len);
        if (r == JSON_SPLIT_RECORD || r == JSON_SPLIT_BAD) {
            CHECK(used > 0 && record.len > 0 && record.len <= used);
            CHECK(record.ptr >= window.ptr && record.ptr + record.len <= window.ptr + used);
            hash = (hash ^ (uint64_t)(record.ptr - text.ptr)) * 0x9e3779b97f4a7c15u;
            hash = (hash ^ record.len ^ (uint64_t)r << 40) * 0x9e3779b97f4a7c15u;
        }
        start += used;
        CHECK(s.offset == start);
        if (r == JSON_SPLIT_END) {
            CHECK(start == text.len);
            return hash;
        }
        if (r == JSON_SPLIT_MORE) {
            CHECK(have < text.len);
            have = text.len - have < piece ? text.len : have + piece;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The first byte chooses how the rest comes in. */
    if (size == 0) {
        return 0;
    }
    struct span text = span_make((const char *)data + 1, size - 1);
    bool unwrap = (data[0] & 1) == 0;
    CHECK(run(text, size, unwrap) == run(text, (size_t)data[0] / 2 + 1, unwrap));
    return 0;
}
