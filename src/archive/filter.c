/* SPDX-License-Identifier: EUPL-1.2 */
/* Token filters: see filter.h. The bytes of tokens, buckets and checks are a format: they stand in day files. */
#include "archive/filter.h"

#include <sodium.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/mem.h"

enum {
    TABLE_SLOTS = 4 * FILTER_TOKENS_MAX, /* at most a quarter full */
    STARTS_MAX = 3,                      /* where a run may begin, behind a backslash */
    HEX_VALUE_MAX = 64 * 1024,           /* digits of one value of auditd; the kernel cuts far earlier */
    CHUNK = 64,                          /* bytes classed at a time */
    PIECE_SLOT_BITS = 12,
    PIECE_SLOTS = 1 << PIECE_SLOT_BITS,  /* pieces of a block that are remembered */
    PIECE_MAX = 123,                     /* bytes of one: a slot is two cache lines */
};

/* What a token's bits in a bucket are chosen by: odd, otherwise of no meaning. Part of the format. */
static const uint32_t salts[8] = {0x9e3779b1U, 0x85ebca6bU, 0xc2b2ae35U, 0x27d4eb2fU,
                                  0x165667b1U, 0xd3a2646dU, 0xfd7046c5U, 0xb55a4f09U};

#define MIX_A 0x9e3779b97f4a7c15ULL
#define MIX_B 0xc2b2ae3d27d4eb4fULL
#define LOWER 0x2020202020202020ULL /* digits have this bit already */

/* A piece whose tokens are all in the table of this round. */
struct piece {
    uint32_t round;
    uint8_t len;
    char bytes[PIECE_MAX];
};

struct filter_builder {
    uint64_t *table; /* distinct tokens; 0 = free */
    struct piece *pieces;
    uint32_t round; /* of the block; slots of another one say nothing */
    uint32_t count;
    bool none; /* the block can have no filter */
    char *decoded;
};

static uint64_t load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v); /* little endian machines only, as all that it runs on */
    return v;
}

/* 1 to 7 bytes, as the low ones of a number. */
static uint64_t load(const char *p, size_t n)
{
    uint32_t low;
    uint32_t high;
    if (n < sizeof low) {
        return (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << (8 * (n / 2)) |
               (uint64_t)(unsigned char)p[n - 1] << (8 * (n - 1));
    }
    memcpy(&low, p, sizeof low);
    memcpy(&high, p + n - sizeof high, sizeof high);
    return low | (uint64_t)high << (8 * (n - sizeof high));
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * MIX_A;
    return h ^ h >> 29;
}

uint64_t filter_token(struct span run)
{
    uint64_t h = run.len * MIX_B;
    const char *p = run.ptr;
    size_t n = run.len;
    for (; n >= 8; n -= 8, p += 8) {
        h = mix(h, load8(p) | LOWER);
    }
    if (n > 0) {
        h = mix(h, (load(p, n) | LOWER) & (UINT64_MAX >> (64 - 8 * n)));
    }
    h *= MIX_B;
    h ^= h >> 32;
    return h == 0 ? 1 : h;
}

static uint64_t pair(uint64_t before, uint64_t behind)
{
    uint64_t h = mix(before * MIX_B, behind) * MIX_A;
    h ^= h >> 32;
    return h == 0 ? 1 : h;
}

uint64_t filter_pair(struct span before, struct span behind)
{
    return pair(filter_token(before), filter_token(behind));
}

/* ---- making ---- */

struct filter_builder *filter_builder_new(void)
{
    struct filter_builder *b = mem_alloc(sizeof *b);
    b->table = mem_calloc(TABLE_SLOTS, sizeof *b->table);
    b->pieces = mem_calloc(PIECE_SLOTS, sizeof *b->pieces);
    b->round = 1;
    b->decoded = mem_alloc(HEX_VALUE_MAX / 2);
    return b;
}

void filter_builder_free(struct filter_builder **b)
{
    if (*b != NULL) {
        mem_free((*b)->table);
        mem_free((*b)->pieces);
        mem_free((*b)->decoded);
        mem_free(*b);
        *b = NULL;
    }
}

static void put(struct filter_builder *b, uint64_t token)
{
    size_t at = token & (TABLE_SLOTS - 1);
    while (b->table[at] != 0 && b->table[at] != token) {
        at = (at + 1) & (TABLE_SLOTS - 1);
    }
    if (b->table[at] == 0 && !b->none) {
        b->none = b->count == FILTER_TOKENS_MAX;
        if (!b->none) {
            b->table[at] = token;
            b->count++;
        }
    }
}

static int hex_digit(char c)
{
    char low = (char)(c | 0x20);
    return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* Value of n hex digits, or -1. */
static int32_t hex_value(const char *p, size_t n)
{
    int32_t v = 0;
    for (size_t i = 0; i < n; i++) {
        int d = hex_digit(p[i]);
        if (d < 0) {
            return -1;
        }
        v = v << 4 | d;
    }
    return v;
}

static bool is_alnum(int32_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Where a run may begin: at its start and, behind a backslash, behind what may be an escape. */
static size_t starts_of(struct filter_builder *b, struct span text, size_t from, size_t to, size_t out[STARTS_MAX])
{
    const char *p = text.ptr + from;
    size_t n = 1;
    out[0] = from;
    if (from == 0 || text.ptr[from - 1] != '\\') {
        return n;
    }
    out[n++] = from + 1;
    if (p[0] == 'u' && to - from >= 5) {
        int32_t cp = hex_value(p + 1, 4);
        b->none = b->none || (cp >= 0 && (is_alnum(cp) || cp == 0x17f || cp == 0x212a));
        out[n] = from + 5;
        n += cp >= 0;
    } else if (p[0] == 'x' && to - from >= 3) {
        int32_t byte = hex_value(p + 1, 2);
        b->none = b->none || (byte >= 0 && (is_alnum(byte) || byte == 0xc5 || byte == 0xe2));
        out[n] = from + 3;
        n += byte >= 0;
    }
    return n;
}

/* The run that came last, for pairs. */
struct last_run {
    size_t end;
    uint64_t tokens[STARTS_MAX];
    size_t count;
};

static void take_run(struct filter_builder *b, struct span text, size_t from, size_t to, struct last_run *last)
{
    size_t starts[STARTS_MAX];
    size_t n = starts_of(b, text, from, to, starts);
    struct last_run now = {.end = to};
    for (size_t i = 0; i < n; i++) {
        if (starts[i] < to) {
            uint64_t token = filter_token(span_make(text.ptr + starts[i], to - starts[i]));
            now.tokens[now.count++] = token;
            put(b, token);
        }
    }
    if (last->count > 0 && from == last->end + 1 && text.ptr[last->end] == '.') {
        for (size_t i = 0; i < last->count; i++) {
            put(b, pair(last->tokens[i], now.tokens[0]));
        }
    }
    *last = now;
}

/* One bit per byte, up to CHUNK of them: whether it belongs to a run. */
static uint64_t class_bits(const char *p, size_t n)
{
    uint64_t bits = 0;
#if defined(__SSE2__)
    char padded[CHUNK];
    if (n < CHUNK) {
        memset(padded, 0, sizeof padded);
        memcpy(padded, p, n);
        p = padded;
    }
    for (unsigned i = 0; i < (n + 15) / 16; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        __m128i low = _mm_or_si128(v, _mm_set1_epi8(0x20));
        __m128i letter = _mm_and_si128(_mm_cmpgt_epi8(low, _mm_set1_epi8('a' - 1)),
                                       _mm_cmplt_epi8(low, _mm_set1_epi8('z' + 1)));
        __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('0' - 1)),
                                      _mm_cmplt_epi8(v, _mm_set1_epi8('9' + 1)));
        bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_or_si128(letter, digit)) << (16 * i);
    }
#else
    for (size_t i = 0; i < n; i++) {
        bits |= (uint64_t)is_alnum((unsigned char)p[i]) << i;
    }
#endif
    return bits;
}

static void take_text(struct filter_builder *b, struct span text)
{
    struct last_run last = {0};
    size_t open = SIZE_MAX; /* where the run began that reaches into this chunk */
    for (size_t at = 0; at < text.len; at += CHUNK) {
        size_t n = text.len - at < CHUNK ? text.len - at : CHUNK;
        uint64_t bits = class_bits(text.ptr + at, n);
        size_t pos = 0;
        while (pos < n) {
            uint64_t rest = open == SIZE_MAX ? bits >> pos : ~bits >> pos;
            size_t skip = rest == 0 ? CHUNK : (size_t)__builtin_ctzll(rest);
            pos = pos + skip < n ? pos + skip : n;
            if (pos == n) {
                break;
            }
            if (open == SIZE_MAX) {
                open = at + pos;
            } else {
                take_run(b, text, open, at + pos, &last);
                open = SIZE_MAX;
            }
        }
    }
    if (open != SIZE_MAX) {
        take_run(b, text, open, text.len, &last);
    }
}

/* Where it is looked for: two pieces that differ may share it. */
static struct piece *slot_of(struct filter_builder *b, struct span piece)
{
    uint64_t h = piece.len * MIX_B;
    if (piece.len < sizeof h) {
        h = mix(h, load(piece.ptr, piece.len));
    } else {
        const char *end = piece.ptr + piece.len;
        h = mix(h, load8(piece.ptr));
        h = mix(h, load8(piece.ptr + (piece.len - sizeof h) / 2));
        h = mix(h, load8(end - sizeof h));
    }
    return &b->pieces[h * MIX_B >> (64 - PIECE_SLOT_BITS)];
}

/*
 * Text between two bytes that belong to no run and join none: what its tokens are depends on nothing beside it. Records of
 * one kind have most of their pieces in common, and those of a piece that was met in this block are in the table.
 */
static void take_piece(struct filter_builder *b, struct span piece)
{
    struct piece *known = slot_of(b, piece);
    if (known->round == b->round && known->len == piece.len && memcmp(known->bytes, piece.ptr, piece.len) == 0) {
        return;
    }
    take_text(b, piece);
    known->round = b->round;
    known->len = (uint8_t)piece.len;
    memcpy(known->bytes, piece.ptr, piece.len);
}

/* At blanks into pieces that can be remembered: a script that many records hold begins with the same ones in each. */
static void take_long(struct filter_builder *b, struct span s)
{
    while (s.len > PIECE_MAX) {
        const char *blank = memrchr(s.ptr, ' ', PIECE_MAX + 1);
        const char *far = blank == NULL ? memchr(s.ptr, ' ', s.len) : NULL;
        size_t n = blank != NULL ? (size_t)(blank - s.ptr) : far != NULL ? (size_t)(far - s.ptr) : s.len;
        if (n > PIECE_MAX) {
            take_text(b, span_sub(s, 0, n));
        } else if (n > 0) {
            take_piece(b, span_sub(s, 0, n));
        }
        s = span_sub(s, n + 1, s.len);
    }
    if (s.len > 0) {
        take_piece(b, s);
    }
}

/* One bit per byte, up to CHUNK of them: whether pieces end there. Any byte would do that is no letter, digit, dot or backslash. */
static uint64_t edge_bits(const char *p, size_t n)
{
    uint64_t bits = 0;
#if defined(__SSE2__)
    if (n == CHUNK) {
        for (unsigned i = 0; i < CHUNK / 16; i++) {
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
            __m128i edge = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8(':')));
            edge = _mm_or_si128(edge, _mm_cmpeq_epi8(v, _mm_set1_epi8(',')));
            bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(edge) << (16 * i);
        }
        return bits;
    }
#endif
    for (size_t i = 0; i < n; i++) {
        bits |= (uint64_t)(p[i] == '"' || p[i] == ':' || p[i] == ',') << i;
    }
    return bits;
}

static void take_pieces(struct filter_builder *b, struct span text)
{
    size_t from = 0;
    for (size_t at = 0; at < text.len; at += CHUNK) {
        size_t n = text.len - at < CHUNK ? text.len - at : CHUNK;
        for (uint64_t bits = edge_bits(text.ptr + at, n); bits != 0; bits &= bits - 1) {
            size_t edge = at + (size_t)__builtin_ctzll(bits);
            if (edge > from) {
                take_long(b, span_sub(text, from, edge - from));
            }
            from = edge + 1;
        }
    }
    if (from < text.len) {
        take_long(b, span_sub(text, from, text.len - from));
    }
}

/* Whether s holds `what`, which ends in the byte `last`: memchr of a rare byte is ten times as quick as memmem. */
static bool holds(struct span s, uint8_t last, struct span what)
{
    const char *end = s.ptr + s.len;
    for (const char *at = s.ptr; (at = memchr(at, last, (size_t)(end - at))) != NULL; at++) {
        if (span_ends(span_make(s.ptr, (size_t)(at - s.ptr) + 1), what)) {
            return true;
        }
    }
    return false;
}

/* Bytes that are not text, or characters beyond ASCII that are ASCII letters without case. */
static bool is_odd(struct span s)
{
    return memchr(s.ptr, '\0', s.len) != NULL || holds(s, 0xbf, SPAN("\xc5\xbf")) || holds(s, 0xaa, SPAN("\xe2\x84\xaa"));
}

/* auditd writes a value with blanks or quotes as hex, behind "=" and without quotes. */
static void take_hex_values(struct filter_builder *b, struct span text)
{
    for (size_t at = 0; at < text.len;) {
        struct span rest = span_sub(text, at, text.len);
        ptrdiff_t eq = span_find(rest, '=');
        if (eq < 0) {
            return;
        }
        at += (size_t)eq + 1;
        size_t n = 0;
        while (at + n + 1 < text.len && n / 2 < HEX_VALUE_MAX / 2 && hex_value(text.ptr + at + n, 2) >= 0) {
            b->decoded[n / 2] = (char)hex_value(text.ptr + at + n, 2);
            n += 2;
        }
        b->none = b->none || n / 2 == HEX_VALUE_MAX / 2;
        for (size_t i = 0; i < n / 2; i++) { /* between arguments: a blank, where it is read */
            b->decoded[i] = (char)(b->decoded[i] == '\0' ? ' ' : b->decoded[i]);
        }
        b->none = b->none || is_odd(span_make(b->decoded, n / 2));
        take_text(b, span_make(b->decoded, n / 2));
        at += n;
    }
}

void filter_add(struct filter_builder *b, struct span s)
{
    if (b->none || s.len == 0) {
        return;
    }
    b->none = is_odd(s);
    take_pieces(b, s);
    if (s.ptr[0] != '{' || holds(s, '=', SPAN("type=")) || holds(s, '(', SPAN("audit("))) {
        take_hex_values(b, s);
    }
}

static void set_bits(unsigned char *buckets, uint32_t count, uint64_t token)
{
    unsigned char *bucket = buckets + (((token >> 32) * count) >> 32) * FILTER_BUCKET_BYTES;
    for (unsigned i = 0; i < 8; i++) {
        uint32_t bit = ((uint32_t)token * salts[i]) >> 27;
        bucket[4 * i + bit / 8] |= (unsigned char)(1u << (bit % 8));
    }
}

bool filter_finish(struct filter_builder *b, struct buf *out)
{
    bool good = !b->none;
    uint32_t buckets = (b->count * FILTER_BITS_PER_TOKEN + 8 * FILTER_BUCKET_BYTES) / (8 * FILTER_BUCKET_BYTES);
    size_t bytes = (size_t)buckets * FILTER_BUCKET_BYTES;
    char *to = good ? buf_room(out, FILTER_HEAD_BYTES + bytes) : NULL;
    if (to != NULL) {
        memset(to, 0, FILTER_HEAD_BYTES + bytes);
        to[0] = FILTER_VERSION;
        for (size_t i = 0; i < TABLE_SLOTS; i++) {
            if (b->table[i] != 0) {
                set_bits((unsigned char *)to + FILTER_HEAD_BYTES, buckets, b->table[i]);
            }
        }
        buf_added(out, FILTER_HEAD_BYTES + bytes);
    }
    memset(b->table, 0, TABLE_SLOTS * sizeof *b->table);
    b->count = 0;
    b->none = false;
    b->round++;
    if (b->round == 0) { /* come round: slots of long ago would count as today's */
        memset(b->pieces, 0, PIECE_SLOTS * sizeof *b->pieces);
        b->round = 1;
    }
    return to != NULL;
}

void filter_of_records(struct filter_builder *b, const struct archive_record *const *records, size_t n,
                       struct buf *out)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += records[i]->original.len;
    }
    if (bytes < FILTER_FROM_BYTES) {
        return;
    }
    for (size_t i = 0; i < n && !b->none; i++) {
        filter_add(b, records[i]->original);
    }
    (void)!filter_finish(b, out); /* none: the block is always read */
}

/* ---- asking ---- */

int filter_decode(struct span bytes, struct filter *out, struct err *e)
{
    size_t body = bytes.len < FILTER_HEAD_BYTES ? 0 : bytes.len - FILTER_HEAD_BYTES;
    if (bytes.len > FILTER_MAX_BYTES || body == 0 || body % FILTER_BUCKET_BYTES != 0) {
        return err_set(e, ERR_INVALID, "a token filter of %zu bytes", bytes.len);
    }
    if (bytes.ptr[0] != FILTER_VERSION || bytes.ptr[1] != 0) {
        return err_set(e, ERR_INVALID, "a token filter of a kind this program does not know");
    }
    *out = (struct filter){(const unsigned char *)bytes.ptr + FILTER_HEAD_BYTES,
                           (uint32_t)(body / FILTER_BUCKET_BYTES)};
    return 0;
}

bool filter_may_hold(const struct filter *f, uint64_t token)
{
    const unsigned char *bucket = f->buckets + (((token >> 32) * f->count) >> 32) * FILTER_BUCKET_BYTES;
    for (unsigned i = 0; i < 8; i++) {
        uint32_t bit = ((uint32_t)token * salts[i]) >> 27;
        if ((bucket[4 * i + bit / 8] >> (bit % 8) & 1) == 0) {
            return false;
        }
    }
    return true;
}

static void check_of(struct span filter, const unsigned char header_hash[ARCHIVE_HASH_BYTES],
                     unsigned char out[FILTER_CHECK_BYTES])
{
    MUST(crypto_generichash(out, FILTER_CHECK_BYTES, (const unsigned char *)filter.ptr, filter.len, header_hash,
                            ARCHIVE_HASH_BYTES));
}

void filter_stored(struct buf *out, struct span filter, const unsigned char header_hash[ARCHIVE_HASH_BYTES])
{
    unsigned char check[FILTER_CHECK_BYTES];
    check_of(filter, header_hash, check);
    buf_put(out, check, sizeof check);
    buf_span(out, filter);
}

int filter_decode_stored(struct span bytes, const unsigned char header_hash[ARCHIVE_HASH_BYTES],
                         struct filter *out, struct err *e)
{
    unsigned char check[FILTER_CHECK_BYTES];
    struct span filter = span_sub(bytes, FILTER_CHECK_BYTES, bytes.len);
    int rc = filter_decode(filter, out, e);
    if (rc != 0) {
        return rc;
    }
    check_of(filter, header_hash, check);
    return memcmp(check, bytes.ptr, sizeof check) == 0 ? 0
                                                       : err_set(e, ERR_INVALID, "a token filter is not this block's");
}

/* ---- queries ---- */

void filter_query_encode(struct buf *out, const struct filter_query *q)
{
    buf_u32(out, q->count);
    for (uint32_t i = 0; i < q->count; i++) {
        buf_u8(out, (uint8_t)q->things[i].count);
        for (uint32_t k = 0; k < q->things[i].count; k++) {
            const struct filter_clause *c = &q->things[i].clauses[k];
            buf_u8(out, (uint8_t)c->count);
            for (uint32_t n = 0; n < c->count; n++) {
                buf_u64(out, c->choices[n]);
            }
        }
    }
}

static void take_clause(struct cursor *c, struct filter_clause *out)
{
    out->count = cursor_u8(c);
    c->failed = c->failed || out->count == 0 || out->count > FILTER_CHOICES_MAX;
    for (uint32_t i = 0; i < out->count && !c->failed; i++) {
        out->choices[i] = cursor_u64(c);
    }
}

int filter_query_decode(struct span bytes, struct arena *arena, struct filter_query *out, struct err *e)
{
    struct cursor c = cursor_of(bytes);
    uint32_t n = cursor_u32(&c);
    if (c.failed || n > FILTER_ITEMS_MAX || n > cursor_left(&c)) {
        return err_set(e, ERR_INVALID, "what is looked for: too many things");
    }
    struct filter_thing *things = arena_calloc(arena, n, sizeof *things);
    for (uint32_t i = 0; i < n && !c.failed; i++) {
        things[i].count = cursor_u8(&c);
        if (things[i].count > FILTER_CLAUSES_MAX || things[i].count > cursor_left(&c) / 9) {
            c.failed = true;
            break;
        }
        struct filter_clause *clauses = arena_calloc(arena, things[i].count, sizeof *clauses);
        for (uint32_t k = 0; k < things[i].count && !c.failed; k++) {
            take_clause(&c, &clauses[k]);
        }
        things[i].clauses = clauses;
    }
    *out = (struct filter_query){things, n};
    return cursor_done(&c) ? 0 : err_set(e, ERR_INVALID, "what is looked for: broken");
}

static bool clause_holds(const struct filter_clause *c, const struct filter *f)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (filter_may_hold(f, c->choices[i])) {
            return true;
        }
    }
    return false;
}

bool filter_query_may_hold(const struct filter_query *q, const struct filter *f)
{
    for (uint32_t i = 0; i < q->count; i++) {
        uint32_t k = 0;
        while (k < q->things[i].count && clause_holds(&q->things[i].clauses[k], f)) {
            k++;
        }
        if (k == q->things[i].count) {
            return true;
        }
    }
    return false;
}
