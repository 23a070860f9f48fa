/* SPDX-License-Identifier: EUPL-1.2 */
/* Chain links: their bytes and their hash. Called by the writer, the readers and verify; reads
 * untrusted bytes. */
#include <endian.h>
#include <sodium.h>
#include <string.h>

#include "archive/priv.h"

void archive_hash(struct span bytes, unsigned char out[ARCHIVE_HASH_BYTES])
{
    MUST(crypto_generichash(out, ARCHIVE_HASH_BYTES, (const unsigned char *)bytes.ptr, bytes.len,
                            NULL, 0));
}

void archive_alerts_hash_begin(crypto_generichash_state *s)
{
    MUST(crypto_generichash_init(s, NULL, 0, ARCHIVE_HASH_BYTES));
}

void archive_alerts_hash_add(crypto_generichash_state *s, struct archive_address at,
                             struct span body)
{
    const uint32_t head[] = {htole32((uint32_t)at.day), htole32(at.block), htole32(at.index),
                             htole32((uint32_t)body.len)};
    MUST(crypto_generichash_update(s, (const unsigned char *)head, sizeof head));
    MUST(crypto_generichash_update(s, (const unsigned char *)body.ptr, body.len));
}

void archive_alerts_hash_end(crypto_generichash_state *s, unsigned char out[ARCHIVE_HASH_BYTES])
{
    MUST(crypto_generichash_final(s, out, ARCHIVE_HASH_BYTES));
}

void archive_header_encode(struct buf *out, const struct archive_header *h)
{
    buf_u16(out, (uint16_t)(ARCHIVE_HEADER_FORMAT + h->digest));
    buf_u16(out, (uint16_t)h->kind);
    buf_u32(out, (uint32_t)h->day);
    buf_u32(out, h->id);
    buf_u32(out, h->count);
    buf_u64(out, (uint64_t)h->time_min);
    buf_u64(out, (uint64_t)h->time_max);
    buf_u64(out, (uint64_t)h->received_min);
    buf_u64(out, (uint64_t)h->received_max);
    buf_u32(out, h->meta_bytes);
    buf_u32(out, h->originals_bytes);
    buf_put(out, h->originals_hash, ARCHIVE_HASH_BYTES);
    buf_put(out, h->meta_hash, ARCHIVE_HASH_BYTES);
    buf_put(out, h->previous, ARCHIVE_HASH_BYTES);
    buf_str(out, h->organisation);
    buf_str(out, h->source);
    buf_str(out, h->class_name);
}

static void take_hash(struct cursor *c, unsigned char out[ARCHIVE_HASH_BYTES])
{
    struct span s = cursor_take(c, ARCHIVE_HASH_BYTES);
    if (s.len == ARCHIVE_HASH_BYTES) {
        memcpy(out, s.ptr, ARCHIVE_HASH_BYTES);
    }
}

/* The numbers of a block must lie within the limits that its unpacking relies on. */
static int check_header(const struct archive_header *h, struct err *e)
{
    if (h->digest != ARCHIVE_DIGEST_BLAKE2B && h->kind != ARCHIVE_KIND_BLOCK && h->kind != ARCHIVE_KIND_PACK) {
        return err_set(e, ERR_INVALID, "a link without originals that names a hash of them");
    }
    if (h->kind == ARCHIVE_KIND_NOTE) {
        bool fine = h->count == 0 && h->meta_bytes == 0 && h->originals_bytes == 0 &&
                    h->class_name.len <= ARCHIVE_NOTE_MAX;
        return fine ? 0 : err_set(e, ERR_INVALID, "a note with a body, or too long");
    }
    if (h->kind == ARCHIVE_KIND_ALERTS) {
        bool fine = h->count > 0 && h->meta_bytes == 0 && h->originals_bytes == 0 &&
                    h->class_name.len <= ARCHIVE_NAME_MAX;
        return fine ? 0 : err_set(e, ERR_INVALID, "a link of alerts with a body, or of none");
    }
    if (h->kind != ARCHIVE_KIND_BLOCK && h->kind != ARCHIVE_KIND_PACK) {
        return err_set(e, ERR_INVALID, "unknown kind of link %u", (unsigned)h->kind);
    }
    if (h->organisation.len > ARCHIVE_NAME_MAX || h->source.len > ARCHIVE_NAME_MAX ||
        h->class_name.len > ARCHIVE_NAME_MAX) {
        return err_set(e, ERR_INVALID, "a name longer than %d bytes", (int)ARCHIVE_NAME_MAX);
    }
    if (h->count == 0 || h->count > ARCHIVE_BLOCK_RECORDS_MAX ||
        h->meta_bytes > ARCHIVE_BLOCK_META_MAX || h->originals_bytes > ARCHIVE_BLOCK_MAX_BYTES) {
        return err_set(e, ERR_INVALID, "block of %u records, %u + %u bytes is out of range",
                       h->count, h->meta_bytes, h->originals_bytes);
    }
    if (h->time_min > h->time_max || h->received_min > h->received_max) {
        return err_set(e, ERR_INVALID, "a time range that ends before it starts");
    }
    return 0;
}

int archive_header_decode(struct cursor *c, struct archive_header *out, struct err *e)
{
    struct archive_header h = {0};
    unsigned format = cursor_u16(c);
    h.kind = (enum archive_kind)cursor_u16(c);
    h.day = (int32_t)cursor_u32(c);
    h.id = cursor_u32(c);
    h.count = cursor_u32(c);
    h.time_min = (time_ns)cursor_u64(c);
    h.time_max = (time_ns)cursor_u64(c);
    h.received_min = (time_ns)cursor_u64(c);
    h.received_max = (time_ns)cursor_u64(c);
    h.meta_bytes = cursor_u32(c);
    h.originals_bytes = cursor_u32(c);
    take_hash(c, h.originals_hash);
    take_hash(c, h.meta_hash);
    take_hash(c, h.previous);
    h.organisation = cursor_str(c);
    h.source = cursor_str(c);
    h.class_name = cursor_str(c);
    if (c->failed) {
        return err_set(e, ERR_INVALID, "header ends early");
    }
    if (format < 1 || format >= ARCHIVE_HEADER_FORMAT + ARCHIVE_DIGEST_COUNT || (format == 1 && h.kind > ARCHIVE_KIND_NOTE)) {
        return err_set(e, ERR_UNSUPPORTED, "header format %u is not one this program knows",
                       format);
    }
    h.digest = format < ARCHIVE_HEADER_FORMAT ? ARCHIVE_DIGEST_BLAKE2B : (enum archive_digest)(format - ARCHIVE_HEADER_FORMAT);
    *out = h;
    return check_header(out, e);
}
