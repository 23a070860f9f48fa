/* SPDX-License-Identifier: EUPL-1.2 */
/* Any stream, whole and in small pieces: the same lines, all bytes used. */
#include <stdint.h>

#include "base/check.h"
#include "wire/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX_BYTES = 40 };

static uint64_t run(struct span text, size_t piece)
{
    struct lines s;
    size_t start = 0;
    size_t have = piece < text.len ? piece : text.len;
    uint64_t hash = 0;
    lines_init(&s, LINE_MAX_BYTES);
    for (;;) {
        struct span window = span_make(text.ptr + start, have - start);
        struct span line;
        size_t used;
        bool cut;
        enum lines_result r = lines_next(&s, window, have == text.len, &used, &line, &cut);
        CHECK(used <= window.len);
        if (r == LINES_LINE) {
            CHECK(used > 0 && line.len <= LINE_MAX_BYTES);
            CHECK(span_find(line, '\n') < 0);
            hash = (hash ^ (uint64_t)(line.ptr - text.ptr)) * 0x9e3779b97f4a7c15u;
            hash = (hash ^ line.len ^ (uint64_t)cut << 40) * 0x9e3779b97f4a7c15u;
        }
        start += used;
        if (r == LINES_END) {
            CHECK(start == text.len);
            return hash ^ s.number;
        }
        if (r == LINES_MORE) {
            CHECK(have < text.len);
            have = text.len - have < piece ? text.len : have + piece;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct span text = span_make((const char *)data + 1, size - 1);
    CHECK(run(text, size) == run(text, (size_t)data[0] + 1));
    return 0;
}
