/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Fuzz target: unpacking. First byte even: header and body as stored. Odd: the rest is the unpacked
 * content (count, size of columns, then columns and originals), packed here, so that the fuzzer
 * gets behind zstd's checksum; with bit 1 as a merged block.
 */
#include <stddef.h>
#include <stdint.h>
#include <zstd.h>

#include "archive/block.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct archive_header *h, struct span body)
{
    struct arena scratch;
    struct block b;
    struct err e;
    arena_init(&scratch, 0);
    if (block_unpack(h, body, &scratch, &b, &e) == 0) {
        size_t sum = 0;
        for (size_t i = 0; i < b.count; i++) {
            sum += b.records[i].original.len;
            CHECK(b.records[i].host.len <= ARCHIVE_NAME_MAX);
        }
        CHECK(sum == h->originals_bytes);
        (void)!block_check(h, &b, &e);
    }
    arena_fini(&scratch);
}

static void use_content(struct cursor *c, enum archive_kind kind, enum archive_digest digest)
{
    struct archive_header h = {.kind = kind, .digest = digest, .count = cursor_u16(c)};
    size_t meta = cursor_u16(c);
    struct span content = cursor_take(c, cursor_left(c));
    h.meta_bytes = (uint32_t)(meta < content.len ? meta : content.len);
    h.originals_bytes = (uint32_t)(content.len - h.meta_bytes);
    size_t room = ZSTD_compressBound(content.len);
    char *body = mem_alloc(room);
    size_t n = ZSTD_compress(body, room, content.ptr, content.len, 1);
    CHECK(!ZSTD_isError(n));
    use(&h, span_make(body, n));
    mem_free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(span_make((const char *)data, size));
    if (size > 1024 * 1024) {
        return 0;
    }
    uint8_t what = cursor_u8(&c);
    if (what & 1) {
        use_content(&c, what & 2 ? ARCHIVE_KIND_PACK : ARCHIVE_KIND_BLOCK,
                    what & 4 ? ARCHIVE_DIGEST_SHA256 : ARCHIVE_DIGEST_BLAKE2B);
        return 0;
    }
    struct archive_header h;
    if (archive_header_decode(&c, &h, NULL) == 0) {
        use(&h, cursor_take(&c, cursor_left(&c)));
    }
    return 0;
}
