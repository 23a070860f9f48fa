/* SPDX-License-Identifier: EUPL-1.2 */
/* Packing and unpacking of block bodies: see block.h. Unpacking must never take memory that the
 * header did not announce. */
#include "archive/block.h"

#include <string.h>

#include "archive/digest.h"
#include "archive/packed.h"
#include "archive/varint.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"

enum {
    META_VERSION = 1,
    META_MERGED = 2, /* the same columns, then where each record lay */
};

struct block_packer {
    ZSTD_CCtx *zstd;
    struct buf content; /* columns, then originals */
    enum archive_digest digest;
    struct digest_lanes *lanes; /* may be NULL */
};

struct block_packer *block_packer_new(int level)
{
    struct block_packer *p = mem_alloc(sizeof *p);
    p->zstd = packed_context(level);
    p->digest = digest_here();
    buf_init(&p->content, ARCHIVE_BLOCK_META_MAX + ARCHIVE_BLOCK_MAX_BYTES);
    return p;
}

void block_packer_digest(struct block_packer *p, enum archive_digest digest)
{
    p->digest = digest;
}

void block_packer_lanes(struct block_packer *p)
{
    if (p->lanes == NULL && p->digest == ARCHIVE_DIGEST_SHA256) {
        p->lanes = digest_lanes_new();
    }
}

void block_packer_free(struct block_packer **p)
{
    if (*p != NULL) {
        (void)ZSTD_freeCCtx((*p)->zstd);
        buf_free(&(*p)->content);
        digest_lanes_free(&(*p)->lanes);
        mem_free(*p);
        *p = NULL;
    }
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

static void put_origins(struct buf *b, const struct block_origin *origins, size_t n)
{
    uint64_t block = 0;
    for (size_t i = 0; i < n; i++) {
        put_delta(b, origins[i].block, block);
        block = origins[i].block;
    }
    for (size_t i = 0; i < n; i++) {
        put_varint(b, origins[i].index);
    }
}

/* origins may be NULL. */
static void put_columns(struct buf *b, const struct archive_record *const *records,
                        const struct block_origin *origins, size_t n)
{
    uint64_t arrival = 0;
    uint64_t time = 0;
    uint64_t received = 0;
    buf_u8(b, origins == NULL ? META_VERSION : META_MERGED);
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
    if (origins != NULL) {
        put_origins(b, origins, n);
    }
}

static void widen(time_ns t, time_ns *min, time_ns *max)
{
    *min = t < *min ? t : *min;
    *max = t > *max ? t : *max;
}

static bool content_fits(const struct block_packer *p, const struct archive_header *h)
{
    return !p->content.failed && h->meta_bytes <= ARCHIVE_BLOCK_META_MAX &&
           h->originals_bytes <= ARCHIVE_BLOCK_MAX_BYTES;
}

/* Records are sorted: the next ones lie anywhere in tens of megabytes, and are asked for while others are copied. */
static void ask_ahead(const struct archive_record *const *records, size_t n, size_t i)
{
    enum { AHEAD = 2 /* records */, MOST = 2048 /* bytes; the processor goes on by itself */, LINE = 64 };
    struct span s = i + AHEAD < n ? records[i + AHEAD]->original : SPAN("");
    for (size_t at = 0; at < s.len && at < MOST; at += LINE) {
        __builtin_prefetch(s.ptr + at);
    }
}

/* Columns and originals into p->content, and what the header says of them. False: too large for one block. */
static bool put_content(struct block_packer *p, const struct archive_record *const *records,
                        const struct block_origin *origins, size_t n, enum archive_digest digest,
                        struct archive_header *header_out)
{
    struct archive_header h = {
        .kind = origins == NULL ? ARCHIVE_KIND_BLOCK : ARCHIVE_KIND_PACK,
        .digest = digest,
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
    put_columns(&p->content, records, origins, n);
    h.meta_bytes = (uint32_t)p->content.len;
    archive_hash(buf_view(&p->content), h.meta_hash);
    for (size_t i = 0; i < n; i++) {
        ask_ahead(records, n, i);
        buf_span(&p->content, records[i]->original);
        widen(records[i]->time, &h.time_min, &h.time_max);
        widen(records[i]->received, &h.received_min, &h.received_max);
    }
    h.originals_bytes = (uint32_t)(p->content.len - h.meta_bytes);
    bool fits = content_fits(p, &h);
    if (fits) {
        digest_originals(digest, span_sub(buf_view(&p->content), h.meta_bytes, h.originals_bytes), records, n,
                         p->lanes, h.originals_hash);
    }
    *header_out = h;
    return fits;
}

int block_content_again(struct block_packer *p, const struct archive_record *const *records, const struct block_origin *origins,
                        size_t n, enum archive_digest digest, struct archive_header *header_out, struct err *e)
{
    if (n == 0 || n > ARCHIVE_BLOCK_RECORDS_MAX) {
        return err_set(e, ERR_LIMIT, "%zu records are no block", n);
    }
    return put_content(p, records, origins, n, digest, header_out) ? 0 : err_set(e, ERR_LIMIT, "too large for one block");
}

int block_header_again(struct block_packer *p, const struct archive_record *const *records, size_t n,
                       enum archive_digest digest, struct archive_header *header_out, struct err *e)
{
    return block_content_again(p, records, NULL, n, digest, header_out, e);
}

static void pack(struct block_packer *p, const struct archive_record *const *records,
                 const struct block_origin *origins, size_t n, enum archive_digest digest,
                 struct archive_header *header_out, struct buf *out)
{
    CHECK(n > 0 && n <= ARCHIVE_BLOCK_RECORDS_MAX);
    CHECK(put_content(p, records, origins, n, digest, header_out));
    packed_put(p->zstd, buf_view(&p->content), out);
}

void block_pack(struct block_packer *p, const struct archive_record *const *records, size_t n,
                struct archive_header *header_out, struct buf *out)
{
    pack(p, records, NULL, n, p->digest, header_out, out);
}

void block_pack_merged(struct block_packer *p, const struct archive_record *const *records,
                       const struct block_origin *origins, size_t n, enum archive_digest digest,
                       struct archive_header *header_out, struct buf *out)
{
    CHECK(origins != NULL);
    pack(p, records, origins, n, digest, header_out, out);
}

static int unpack_content(const struct archive_header *h, struct span body, struct arena *scratch,
                          struct span *out, struct err *e)
{
    size_t want = (size_t)h->meta_bytes + h->originals_bytes;
    if (h->meta_bytes > ARCHIVE_BLOCK_META_MAX || h->originals_bytes > ARCHIVE_BLOCK_MAX_BYTES ||
        h->count == 0 || h->count > ARCHIVE_BLOCK_RECORDS_MAX) {
        return err_set(e, ERR_INVALID, "sizes are out of range");
    }
    int rc = packed_take(body, want, scratch, out, e);
    return rc == 0 && out->len != want ? err_set(e, ERR_INVALID, "packed body is damaged: too short") : rc;
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

static void take_origins(struct cursor *c, struct block *b, struct arena *scratch)
{
    uint64_t block = 0;
    struct block_origin *list = arena_calloc(scratch, b->count, sizeof *list);
    for (size_t i = 0; i < b->count; i++) {
        block = take_delta(c, block);
        list[i].block = (uint32_t)block;
        c->failed |= block > UINT32_MAX;
    }
    for (size_t i = 0; i < b->count; i++) {
        uint64_t index = take_varint(c);
        list[i].index = (uint32_t)index;
        c->failed |= index >= ARCHIVE_BLOCK_RECORDS_MAX;
    }
    b->origins = list;
}

int block_unpack(const struct archive_header *h, struct span body, struct arena *scratch,
                 struct block *out, struct err *e)
{
    struct span content = {0};
    int rc = unpack_content(h, body, scratch, &content, e);
    if (rc != 0) {
        return rc;
    }
    struct block b = {.count = h->count,
                      .meta = span_sub(content, 0, h->meta_bytes),
                      .originals = span_sub(content, h->meta_bytes, content.len)};
    b.records = arena_calloc(scratch, b.count, sizeof *b.records);
    struct cursor c = cursor_of(b.meta);
    bool merged = h->kind == ARCHIVE_KIND_PACK;
    if (cursor_u8(&c) != (merged ? META_MERGED : META_VERSION)) {
        return err_set(e, ERR_UNSUPPORTED, "columns are of a kind this program does not know");
    }
    rc = take_lengths(&c, &b, b.originals, e);
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
    if (merged) {
        take_origins(&c, &b, scratch);
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
    digest_originals(h->digest, b->originals, list, b->count, NULL, hash);
    mem_free(list);
    if (memcmp(hash, h->originals_hash, sizeof hash) != 0) {
        return err_set(e, ERR_INVALID, "hash of the originals differs from the header");
    }
    return 0;
}
