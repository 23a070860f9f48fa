/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as a packed file: it ends or fails, and the size of the pieces asked for changes
 * nothing. */
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "wire/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTENT_MAX = 1 << 20 /* bytes looked at: a bomb is not unpacked to its end here */ };

static uint64_t run(struct span bytes, size_t piece, int *rc_out)
{
    static char out[4096];
    struct unpack *u = unpack_new_span(bytes);
    uint64_t hash = 0;
    size_t total = 0;
    size_t n = 0;
    struct err e;
    do {
        *rc_out = unpack_read(u, out, piece, &n, &e);
        CHECK(n <= piece && (*rc_out == 0 || n == 0));
        for (size_t i = 0; i < n && total < CONTENT_MAX; i++, total++) {
            hash = (hash ^ (unsigned char)out[i]) * 0x9e3779b97f4a7c15u;
        }
    } while (*rc_out == 0 && n > 0 && total < CONTENT_MAX);
    CHECK(unpack_offset(u) <= bytes.len);
    CHECK(*rc_out == 0 || e.code == *rc_out);
    unpack_free(&u);
    return total == CONTENT_MAX ? 0 : hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make((const char *)data, size);
    int first;
    int second;
    uint64_t a = run(bytes, 4096, &first);
    uint64_t b = run(bytes, 7, &second);
    /* zstd gives what it has only block by block: how much came before damage depends on pieces. */
    bool blocks = size > 0 && data[0] != 0x1f;
    CHECK(first == second || a == 0 || b == 0);
    CHECK((blocks && first != 0) || a == b || a == 0 || b == 0);
    return 0;
}
