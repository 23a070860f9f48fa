/* SPDX-License-Identifier: EUPL-1.2 */
/* Packed bytes and their hash: see packed.h. Reads untrusted bytes; takes no memory before the size is checked. */
#include "archive/packed.h"

#include <sodium.h>
#include <string.h>
#include <xxhash.h>

enum {
    SEAL_HASH = 16,
    SEAL_HEAD = 8,
    SEAL_BYTES = SEAL_HEAD + SEAL_HASH,
    WINDOW_LOG = 20, /* 1 MiB: the originals of a block */
};

ZSTD_CCtx *packed_context(int level)
{
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    CHECK(zstd != NULL);
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level)));
    if (level == 1) { /* which would look back over half a block only */
        CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, WINDOW_LOG)));
    }
    return zstd;
}

/* The first byte of the magic number of a skippable frame, which may have sixteen values, says which hash follows. */
enum { SEAL_BLAKE2B = 0x50 /* of programs that wrote day files up to format 4 */, SEAL_XXH3 = 0x51 };

static void seal_of(struct span frame, unsigned char kind, unsigned char out[SEAL_BYTES])
{
    const unsigned char head[SEAL_HEAD] = {kind, 0x2a, 0x4d, 0x18, SEAL_HASH, 0, 0, 0};
    XXH128_canonical_t sum;
    _Static_assert(sizeof sum == SEAL_HASH, "of 128 bits");
    memcpy(out, head, sizeof head);
    if (kind == SEAL_XXH3) {
        XXH128_canonicalFromHash(&sum, XXH3_128bits(frame.ptr, frame.len));
        memcpy(out + SEAL_HEAD, &sum, sizeof sum);
    } else {
        MUST(crypto_generichash(out + SEAL_HEAD, SEAL_HASH, (const unsigned char *)frame.ptr, frame.len, NULL, 0));
    }
}

void packed_put(ZSTD_CCtx *zstd, struct span content, struct buf *out)
{
    unsigned char seal[SEAL_BYTES];
    size_t room = ZSTD_compressBound(content.len);
    char *to = buf_room(out, room + SEAL_BYTES);
    CHECK(to != NULL);
    size_t packed = ZSTD_compress2(zstd, to, room, content.ptr, content.len);
    CHECK(!ZSTD_isError(packed));
    seal_of(span_make(to, packed), SEAL_XXH3, seal);
    buf_added(out, packed);
    buf_put(out, seal, sizeof seal);
}

/* The frame without what follows it; empty when what follows is not what must follow. */
static struct span sealed_frame(struct span body)
{
    unsigned char seal[SEAL_BYTES];
    size_t n = ZSTD_findFrameCompressedSize(body.ptr, body.len);
    if (ZSTD_isError(n) || (n != body.len && body.len - n != SEAL_BYTES)) {
        return SPAN("");
    }
    struct span frame = span_sub(body, 0, n);
    if (n == body.len) {
        return frame;
    }
    seal_of(frame, (unsigned char)body.ptr[n] == SEAL_XXH3 ? SEAL_XXH3 : SEAL_BLAKE2B, seal);
    return memcmp(seal, body.ptr + n, sizeof seal) == 0 ? frame : SPAN("");
}

int packed_take(struct span body, size_t max, struct arena *scratch, struct span *out,
                struct err *e)
{
    struct span frame = sealed_frame(body);
    unsigned long long want = frame.len == 0 ? ZSTD_CONTENTSIZE_ERROR
                                             : ZSTD_getFrameContentSize(frame.ptr, frame.len);
    if (want > max) { /* unknown and error are the largest numbers */
        return err_set(e, ERR_INVALID, "packed body is damaged: not one frame of up to %zu bytes", max);
    }
    char *to = arena_bytes(scratch, (size_t)want);
    size_t got = ZSTD_decompress(to, (size_t)want, frame.ptr, frame.len);
    if (ZSTD_isError(got) || got != want) {
        return err_set(e, ERR_INVALID, "packed body is damaged: %s",
                       ZSTD_isError(got) ? ZSTD_getErrorName(got) : "too short");
    }
    *out = span_make(to, (size_t)want);
    return 0;
}
