/* SPDX-License-Identifier: EUPL-1.2 */
/* Packing and unpacking of block bodies: see block.h. Unpacking must never take memory that the
 * header did not announce. */
#include "archive/block.h"

#include <sodium.h>
#include <string.h>
#include <zstd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"

enum { META_VERSION = 1, VARINT_MAX_BYTES = 10 };

struct block_packer {
    ZSTD_CCtx *zstd;
    struct buf content; /* columns, then originals */
};

struct block_packer *block_packer_new(int level)
{
    struct block_packer *p = mem_alloc(sizeof *p);
    p->zstd = ZSTD_createCCtx();
    CHECK(p->zstd != NULL);
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, level)));
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1)));
    buf_init(&p->content, ARCHIVE_BLOCK_META_MAX + ARCHIVE_BLOCK_MAX_BYTES);
    return p;
}

void block_packer_free(struct block_packer **p)
{
    if (*p != NULL) {
        (void)ZSTD_freeCCtx((*p)->zstd);
        buf_free(&(*p)->content);
        mem_free(*p);
        *p = NULL;
    }
}

static void put_varint(struct buf *b, uint64_t v)
{
    char *to = buf_room(b, VARINT_MAX_BYTES);
    size_t n = 0;
    if (to == NULL) {
        return;
    }
    for (; v >= 0x80; v >>= 7) {
        to[n++] = (char)(unsigned char)(v | 0x80);
    }
    to[n++] = (char)(unsigned char)v;
    buf_added(b, n);
}

static uint64_t take_varint(struct cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(c);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return v;
        }
    }
    c->failed = true;
    return 0;
}

/* Differences wrap around on purpose: any two times have one. */
static void put_delta(struct buf *b, uint64_t now, uint64_t before)
{
    uint64_t d = now - before;
    put_varint(b, (d << 1) ^ (d >> 63 ? UINT64_MAX : 0));
}

static uint64_t take_delta(struct cursor *c, uint64_t before)
{
    uint64_t v = take_varint(c);
    return before + ((v >> 1) ^ (v & 1 ? UINT64_MAX : 0));
}

/* Distinct names of one column in order of first use, then each record's number in that list. */
static void put_names(struct buf *b, const struct archive_record *const *records, size_t n,
                      size_t field)
{
    VEC(struct span) names = {0};
    VEC(uint32_t) numbers = {0};
    struct map seen;
    uint32_t last = 0;
    map_init(&seen);
    for (size_t i = 0; i < n; i++) {
        struct span name = *(const struct span *)(const void *)((const char *)records[i] + field);
        if (names.len == 0 ||
            !span_eq(names.data[last], name)) { /* sorted: nearly always the one before */
            bool new;
            uint64_t *number = map_at(&seen, name, &new);
            if (new) {
                *number = names.len;
                vec_push(&names, name);
            }
            last = (uint32_t)*number;
        }
        vec_push(&numbers, last);
    }
    put_varint(b, names.len);
    for (size_t i = 0; i < names.len; i++) {
        put_varint(b, names.data[i].len);
        buf_span(b, names.data[i]);
    }
    for (size_t i = 0; i < n; i++) {
        put_varint(b, numbers.data[i]);
    }
    map_free(&seen);
    vec_free(&names);
    vec_free(&numbers);
}

static void put_columns(struct buf *b, const struct archive_record *const *records, size_t n)
{
    uint64_t arrival = 0;
    uint64_t time = 0;
    uint64_t received = 0;
    buf_u8(b, META_VERSION);
    for (size_t i = 0; i < n; i++) {
        put_varint(b, records[i]->original.len);
    }
    for (size_t i = 0; i < n; i++) {
        put_delta(b, records[i]->arrival, arrival);
        arrival = records[i]->arrival;
    }
    for (size_t i = 0; i < n; i++) {
        put_delta(b, (uint64_t)records[i]->received, received);
        received = (uint64_t)records[i]->received;
    }
    for (size_t i = 0; i < n;
         i++) { /* a record's time is near the one before, or near its receipt */
        put_delta(b, (uint64_t)records[i]->time, time);
        time = (uint64_t)records[i]->time;
    }
    for (size_t i = 0; i < n; i++) {
        put_varint(b, records[i]->flags);
    }
    put_names(b, records, n, offsetof(struct archive_record, host));
    put_names(b, records, n, offsetof(struct archive_record, sender));
}

static void hash_originals(const struct archive_record *const *records, size_t n,
                           unsigned char out[ARCHIVE_HASH_BYTES])
{
    crypto_generichash_state state;
    MUST(crypto_generichash_init(&state, NULL, 0, ARCHIVE_HASH_BYTES));
    for (size_t i = 0; i < n; i++) {
        struct span s = records[i]->original;
        unsigned char len[4];
        for (unsigned k = 0; k < 4; k++) {
            len[k] = (unsigned char)(s.len >> (8 * k));
        }
        MUST(crypto_generichash_update(&state, len, sizeof len));
        MUST(crypto_generichash_update(&state, (const unsigned char *)s.ptr, s.len));
    }
    MUST(crypto_generichash_final(&state, out, ARCHIVE_HASH_BYTES));
}

/*
 * Behind the packed frame: a skippable frame (RFC 8878 §3.1.2) with a hash of its bytes. Some bits of a frame can be
 * flipped without a change of what it unpacks to; the hash of the originals would not show that. Bodies of format 1 lack it.
 */
enum { SEAL_HASH = 16, SEAL_HEAD = 8, SEAL_BYTES = SEAL_HEAD + SEAL_HASH };

static void body_seal(struct span frame, unsigned char out[SEAL_BYTES])
{
    static const unsigned char head[SEAL_HEAD] = {0x50, 0x2a, 0x4d, 0x18, SEAL_HASH, 0, 0, 0};
    memcpy(out, head, sizeof head);
    MUST(crypto_generichash(out + SEAL_HEAD, SEAL_HASH, (const unsigned char *)frame.ptr, frame.len,
                            NULL, 0));
}

static void widen(time_ns t, time_ns *min, time_ns *max)
{
    *min = t < *min ? t : *min;
    *max = t > *max ? t : *max;
}

void block_pack(struct block_packer *p, const struct archive_record *const *records, size_t n,
                struct archive_header *header_out, struct buf *out)
{
    CHECK(n > 0 && n <= ARCHIVE_BLOCK_RECORDS_MAX);
    struct archive_header h = {
        .kind = ARCHIVE_KIND_BLOCK,
        .organisation = records[0]->organisation,
        .source = records[0]->source,
        .class_name = records[0]->class_name,
        .count = (uint32_t)n,
        .time_min = INT64_MAX,
        .time_max = INT64_MIN,
        .received_min = INT64_MAX,
        .received_max = INT64_MIN,
    };
    buf_clear(&p->content);
    put_columns(&p->content, records, n);
    CHECK(!p->content.failed && p->content.len <= ARCHIVE_BLOCK_META_MAX);
    h.meta_bytes = (uint32_t)p->content.len;
    archive_hash(buf_view(&p->content), h.meta_hash);
    for (size_t i = 0; i < n; i++) {
        buf_span(&p->content, records[i]->original);
        widen(records[i]->time, &h.time_min, &h.time_max);
        widen(records[i]->received, &h.received_min, &h.received_max);
    }
    CHECK(!p->content.failed && p->content.len - h.meta_bytes <= ARCHIVE_BLOCK_MAX_BYTES);
    h.originals_bytes = (uint32_t)(p->content.len - h.meta_bytes);
    hash_originals(records, n, h.originals_hash);
    size_t room = ZSTD_compressBound(p->content.len);
    char *to = buf_room(out, room + SEAL_BYTES);
    CHECK(to != NULL);
    size_t packed = ZSTD_compress2(p->zstd, to, room, p->content.data, p->content.len);
    CHECK(!ZSTD_isError(packed));
    unsigned char seal[SEAL_BYTES];
    body_seal(span_make(to, packed), seal);
    buf_added(out, packed);
    buf_put(out, seal, sizeof seal);
    *header_out = h;
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
    body_seal(frame, seal);
    return n == body.len || memcmp(seal, body.ptr + n, sizeof seal) == 0 ? frame : SPAN("");
}

static int unpack_content(const struct archive_header *h, struct span body, struct arena *scratch,
                          struct span *out, struct err *e)
{
    size_t want = (size_t)h->meta_bytes + h->originals_bytes;
    if (h->meta_bytes > ARCHIVE_BLOCK_META_MAX || h->originals_bytes > ARCHIVE_BLOCK_MAX_BYTES ||
        h->count == 0 || h->count > ARCHIVE_BLOCK_RECORDS_MAX) {
        return err_set(e, ERR_INVALID, "sizes are out of range");
    }
    struct span frame = sealed_frame(body);
    if (frame.len == 0 || ZSTD_getFrameContentSize(frame.ptr, frame.len) != want) {
        return err_set(e, ERR_INVALID, "packed body is damaged: not one frame of %zu bytes", want);
    }
    char *to = arena_bytes(scratch, want);
    size_t got = ZSTD_decompress(to, want, frame.ptr, frame.len);
    if (ZSTD_isError(got) || got != want) {
        return err_set(e, ERR_INVALID, "packed body is damaged: %s",
                       ZSTD_isError(got) ? ZSTD_getErrorName(got) : "too short");
    }
    *out = span_make(to, want);
    return 0;
}

static int take_names(struct cursor *c, struct block *b, size_t field, struct arena *scratch,
                      struct err *e)
{
    uint64_t n = take_varint(c);
    if (c->failed || n > b->count) {
        return err_set(e, ERR_INVALID, "list of names is out of range");
    }
    struct span *names = arena_calloc(scratch, (size_t)n, sizeof *names);
    for (size_t i = 0; i < n; i++) {
        uint64_t len = take_varint(c);
        if (len > ARCHIVE_NAME_MAX) {
            return err_set(e, ERR_INVALID, "a name longer than %d bytes", (int)ARCHIVE_NAME_MAX);
        }
        names[i] = cursor_take(c, (size_t)len);
    }
    for (size_t i = 0; i < b->count; i++) {
        uint64_t number = take_varint(c);
        if (c->failed || number >= n) {
            return err_set(e, ERR_INVALID, "record %zu refers to a name that is not there", i);
        }
        *(struct span *)(void *)((char *)&b->records[i] + field) = names[number];
    }
    return 0;
}

static int take_lengths(struct cursor *c, struct block *b, struct span originals, struct err *e)
{
    size_t at = 0;
    for (size_t i = 0; i < b->count; i++) {
        uint64_t len = take_varint(c);
        if (c->failed || len > originals.len - at) {
            return err_set(e, ERR_INVALID, "record %zu reaches past the end of the block", i);
        }
        b->records[i].original = span_sub(originals, at, (size_t)len);
        at += (size_t)len;
    }
    return at == originals.len ? 0 : err_set(e, ERR_INVALID, "bytes that belong to no record");
}

static void take_numbers(struct cursor *c, struct block *b)
{
    uint64_t arrival = 0;
    uint64_t time = 0;
    uint64_t received = 0;
    for (size_t i = 0; i < b->count; i++) {
        arrival = take_delta(c, arrival);
        b->records[i].arrival = (uint32_t)arrival;
    }
    for (size_t i = 0; i < b->count; i++) {
        received = take_delta(c, received);
        b->records[i].received = (time_ns)received;
    }
    for (size_t i = 0; i < b->count; i++) {
        time = take_delta(c, time);
        b->records[i].time = (time_ns)time;
    }
    for (size_t i = 0; i < b->count; i++) {
        b->records[i].flags = (uint32_t)take_varint(c);
    }
}

int block_unpack(const struct archive_header *h, struct span body, struct arena *scratch,
                 struct block *out, struct err *e)
{
    struct span content = {0};
    int rc = unpack_content(h, body, scratch, &content, e);
    if (rc != 0) {
        return rc;
    }
    struct block b = {.count = h->count, .meta = span_sub(content, 0, h->meta_bytes)};
    b.records = arena_calloc(scratch, b.count, sizeof *b.records);
    struct cursor c = cursor_of(b.meta);
    if (cursor_u8(&c) != META_VERSION) {
        return err_set(e, ERR_UNSUPPORTED, "columns are of a kind this program does not know");
    }
    rc = take_lengths(&c, &b, span_sub(content, h->meta_bytes, content.len), e);
    if (rc != 0) {
        return rc;
    }
    take_numbers(&c, &b);
    rc = take_names(&c, &b, offsetof(struct archive_record, host), scratch, e);
    if (rc == 0) {
        rc = take_names(&c, &b, offsetof(struct archive_record, sender), scratch, e);
    }
    if (rc != 0) {
        return rc;
    }
    if (!cursor_done(&c)) {
        return err_set(e, ERR_INVALID, "columns end early or late");
    }
    for (size_t i = 0; i < b.count; i++) {
        b.records[i].organisation = h->organisation;
        b.records[i].source = h->source;
        b.records[i].class_name = h->class_name;
    }
    *out = b;
    return 0;
}

int block_check(const struct archive_header *h, const struct block *b, struct err *e)
{
    unsigned char hash[ARCHIVE_HASH_BYTES];
    archive_hash(b->meta, hash);
    if (memcmp(hash, h->meta_hash, sizeof hash) != 0) {
        return err_set(e, ERR_INVALID, "hash of the columns differs from the header");
    }
    const struct archive_record **list = mem_calloc(b->count, sizeof(void *));
    for (size_t i = 0; i < b->count; i++) {
        list[i] = &b->records[i];
    }
    hash_originals(list, b->count, hash);
    mem_free(list);
    if (memcmp(hash, h->originals_hash, sizeof hash) != 0) {
        return err_set(e, ERR_INVALID, "hash of the originals differs from the header");
    }
    return 0;
}
