/* SPDX-License-Identifier: EUPL-1.2 */
/* What proves a row: see proof_row.h. Runs in the keeper and in `sereno verify`. */
#include "records/proof_row.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "base/id.h"
#include "base/num.h"

enum { HEAD_BYTES = 5, SMALL_BYTES = 64, FEW_BYTES = 1024 };

/* Type and length, little-endian; numbers have their eight bytes as a body. */
static size_t head_of(const struct proof_cell *c, unsigned char head[HEAD_BYTES])
{
    size_t len = c->type == PROOF_NULL ? 0 : c->type <= PROOF_REAL ? 8 : c->bytes.len;
    head[0] = (unsigned char)c->type;
    for (size_t i = 1; i < HEAD_BYTES; i++) {
        head[i] = (unsigned char)(len >> (8 * (i - 1)));
    }
    return len;
}

static const unsigned char *body_of(const struct proof_cell *c, unsigned char number[8])
{
    if (c->type > PROOF_REAL) {
        return (const unsigned char *)c->bytes.ptr;
    }
    for (size_t i = 0; i < 8; i++) {
        number[i] = (unsigned char)((uint64_t)c->number >> (8 * i));
    }
    return number;
}

void proof_digest(uint8_t table, const struct proof_cell *cells, size_t n, unsigned char out[PROOF_HASH_BYTES])
{
    crypto_generichash_state state;
    unsigned char number[8], few[FEW_BYTES];
    size_t at = 0;
    MUST(crypto_generichash_init(&state, NULL, 0, PROOF_HASH_BYTES));
    few[at++] = table;
    for (size_t i = 0; i < n; i++) { /* small cells go together: most are */
        if (at > FEW_BYTES - HEAD_BYTES - SMALL_BYTES) {
            MUST(crypto_generichash_update(&state, few, at));
            at = 0;
        }
        size_t len = head_of(&cells[i], few + at);
        at += HEAD_BYTES;
        if (len > 0 && len <= SMALL_BYTES) {
            memcpy(few + at, body_of(&cells[i], number), len);
            at += len;
        } else if (len > 0) {
            MUST(crypto_generichash_update(&state, few, at));
            MUST(crypto_generichash_update(&state, body_of(&cells[i], number), len));
            at = 0;
        }
    }
    MUST(crypto_generichash_update(&state, few, at));
    MUST(crypto_generichash_final(&state, out, PROOF_HASH_BYTES));
}

/* Any change of a few bytes gives another mark with all but one chance in 65,536; nobody's malice has to be met here, the digest does. */
static uint64_t mark_of(const struct proof_cell *c)
{
    static const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    unsigned char head[HEAD_BYTES], number[8];
    size_t len = head_of(c, head), at = 0;
    const unsigned char *p = len == 0 ? head : body_of(c, number);
    uint64_t mark = ((uint64_t)c->type + 1 + len) * odd, word = 0;
    for (; at + sizeof word <= len; at += sizeof word) {
        memcpy(&word, p + at, sizeof word);
        mark = (mark ^ word) * odd;
        mark ^= mark >> 29;
    }
    word = 0;
    for (unsigned shift = 0; at < len; at++, shift += 8) {
        word |= (uint64_t)p[at] << shift;
    }
    mark = (mark ^ word) * odd;
    mark = (mark ^ mark >> 30) * UINT64_C(0xbf58476d1ce4e5b9); /* so that the two bytes that are kept depend on all of it */
    mark = (mark ^ mark >> 27) * UINT64_C(0x94d049bb133111eb);
    return mark ^ mark >> 31;
}

void proof_marks(const struct proof_cell *cells, size_t n, unsigned char *out)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t mark = mark_of(&cells[i]);
        out[PROOF_MARK_BYTES * i] = (unsigned char)mark;
        out[PROOF_MARK_BYTES * i + 1] = (unsigned char)(mark >> 8);
    }
}

/* ---- sums ---- */

static uint64_t read_u64(const unsigned char *p)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static void write_u64(uint64_t v, unsigned char *out)
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (unsigned char)(v >> (8 * i));
    }
}

void proof_sum_change(struct proof_sum *sum, const unsigned char digest[PROOF_HASH_BYTES], bool away)
{
    for (size_t i = 0; i < PROOF_SUM_LANES; i++) {
        uint64_t v = read_u64(digest + 8 * i);
        sum->lane[i] += away ? -v : v;
    }
    sum->rows += away ? UINT64_MAX : 1;
}

void proof_sum_write(const struct proof_sum *sum, unsigned char out[PROOF_SUM_BYTES])
{
    write_u64(sum->rows, out);
    for (size_t i = 0; i < PROOF_SUM_LANES; i++) {
        write_u64(sum->lane[i], out + 8 * (i + 1));
    }
}

void proof_sum_read(const unsigned char in[PROOF_SUM_BYTES], struct proof_sum *out)
{
    out->rows = read_u64(in);
    for (size_t i = 0; i < PROOF_SUM_LANES; i++) {
        out->lane[i] = read_u64(in + 8 * (i + 1));
    }
}

/* ---- keys ---- */

/* A cell ends with a zero byte; one within it has 0xff behind it. */
static void put_escaped(struct buf *key, struct span s)
{
    if (s.len == 0 || memchr(s.ptr, 0, s.len) == NULL) {
        buf_span(key, s);
        return;
    }
    for (size_t i = 0; i < s.len; i++) {
        buf_u8(key, (uint8_t)s.ptr[i]);
        if (s.ptr[i] == '\0') {
            buf_u8(key, 0xff);
        }
    }
}

void proof_key_put(struct buf *key, const struct proof_cell *cell)
{
    static const char letters[PROOF_TYPE_COUNT] = {'n', 'i', 'r', 't', 'b'};
    buf_u8(key, (uint8_t)letters[cell->type]);
    if (cell->type == PROOF_TEXT) {
        put_escaped(key, cell->bytes);
    } else if (cell->type == PROOF_BYTES) {
        char *to = buf_room(key, 2 * cell->bytes.len + 1);
        if (to != NULL) {
            hex_encode(cell->bytes.ptr, cell->bytes.len, to);
            buf_added(key, 2 * cell->bytes.len);
        }
    } else if (cell->type != PROOF_NULL) {
        buf_printf(key, "%" PRId64, cell->number);
    }
    buf_u8(key, 0);
}

/* The bytes up to the zero that ends the cell. */
static bool take_cell(struct cursor *key, struct buf *room)
{
    while (!key->failed && cursor_left(key) > 0) {
        uint8_t byte = cursor_u8(key);
        if (byte == 0 && (cursor_left(key) == 0 || (unsigned char)*key->ptr != 0xff)) {
            return true;
        }
        if (byte == 0) {
            (void)cursor_u8(key);
        }
        buf_u8(room, byte);
    }
    return false;
}

bool proof_key_get(struct cursor *key, struct buf *room, struct proof_cell *out)
{
    char letter = (char)cursor_u8(key);
    *out = (struct proof_cell){.type = PROOF_NULL};
    if (!take_cell(key, room) || room->failed) {
        return false;
    }
    out->bytes = buf_view(room);
    if (letter == 'i' || letter == 'r') {
        out->type = letter == 'i' ? PROOF_NUMBER : PROOF_REAL;
        return num_i64(out->bytes, &out->number);
    }
    if (letter == 'b') { /* in place: a byte is written where two digits were read */
        out->type = PROOF_BYTES;
        out->bytes.len = room->len / 2;
        return room->len % 2 == 0 && (room->len == 0 || hex_decode(buf_view(room), room->data, out->bytes.len));
    }
    out->type = letter == 't' ? PROOF_TEXT : PROOF_NULL;
    return letter == 't' || (letter == 'n' && room->len == 0);
}

void proof_key_print(struct span key, struct buf *out)
{
    for (size_t i = 0, begin = 1; i < key.len; i++) {
        if (begin) { /* the letter of its type */
            begin = 0;
        } else if (key.ptr[i] == '\0' && i + 1 < key.len && (unsigned char)key.ptr[i + 1] != 0xff) {
            buf_u8(out, '/');
            begin = 1;
        } else if (key.ptr[i] != '\0') {
            buf_u8(out, (uint8_t)key.ptr[i]);
        }
    }
}
