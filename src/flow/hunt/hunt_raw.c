/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Raw bytes first: see hunt_raw.h. What could hide a text from a search in raw bytes is looked for, too, and a record that has
 * it is taken apart:
 * - JSON's \uXXXX, and \xHH as Zeek writes it, for a byte that texts are made of, or beyond ASCII for a letter that is one
 *   of ASCII without case (U+017F, U+212A), and those letters themselves;
 * - zero bytes (UTF-16, EVTX);
 * - values that auditd writes in hex, where they are long enough.
 */
#include "flow/hunt/hunt_raw.h"

#include "base/mem.h"
#include "base/vec.h"
#include "event/event.h"
#include "flow/hunt/hunt_texts.h"
#include "flow/hunt/needles.h"
#include "flow/normalise/normalise.h"

/* Needles that are no indicators, in the order of the list. */
enum hiding { HIDING_U0, HIDING_U1, HIDING_U2, HIDING_X, HIDING_LONG_S, HIDING_KELVIN, HIDING_AUDIT, HIDING_AUDIT_ESCAPED, HIDING };
static const struct needle hiding[HIDING] = {
    [HIDING_U0] = {{"\\u00", 4}, true, 1},
    [HIDING_U1] = {{"\\u01", 4}, true, 1},
    [HIDING_U2] = {{"\\u21", 4}, true, 1},
    [HIDING_X] = {{"\\x", 2}, true, 2},
    [HIDING_LONG_S] = {{"\xc5\xbf", 2}, true, 3},
    [HIDING_KELVIN] = {{"\xe2\x84\xaa", 3}, true, 3},
    [HIDING_AUDIT] = {{"type=", 5}, true, 4},
    [HIDING_AUDIT_ESCAPED] = {{"type\\u003", 9}, true, 4},
};

struct hunt_raw {
    VEC(struct needle) list;
    struct needles *needles;
    struct arena texts;
    size_t shortest; /* bytes of a text */
    VEC(uint64_t) bits;
    /* the block at hand */
    const struct block *block;
    struct span text; /* all originals, one behind the other */
    uint32_t last;    /* record that was marked last: where to look from */
    bool any_hex;     /* values in hex count however short they are */
};

struct hunt_raw *hunt_raw_new(const struct indicator *list, uint32_t count, const struct catalog *catalog)
{
    struct hunt_raw *r = mem_alloc(sizeof *r);
    arena_init(&r->texts, 0);
    r->shortest = SIZE_MAX;
    bool good = count > 0;
    for (size_t i = 0; i < HIDING; i++) {
        vec_push(&r->list, hiding[i]);
    }
    for (uint32_t i = 0; good && i < count; i++) {
        struct hunt_texts t;
        hunt_texts_of(&list[i], &r->texts, &t);
        good = t.count > 0;
        for (uint32_t k = 0; good && k < t.count; k++) {
            good = !hunt_text_may_be_made(catalog, t.list[k]);
            r->shortest = t.list[k].len < r->shortest ? t.list[k].len : r->shortest;
            vec_push(&r->list, (struct needle){.text = t.list[k]});
        }
    }
    if (!good) {
        hunt_raw_free(&r);
        return NULL;
    }
    r->needles = needles_new(r->list.data, (uint32_t)r->list.len);
    return r;
}

void hunt_raw_free(struct hunt_raw **given)
{
    struct hunt_raw *r = *given;
    if (r == NULL) {
        return;
    }
    needles_free(&r->needles);
    vec_free(&r->list);
    vec_free(&r->bits);
    arena_fini(&r->texts);
    mem_free(r);
    *given = NULL;
}

/* ---- records ---- */

static void mark(struct hunt_raw *r, uint32_t record)
{
    r->bits.data[record / 64] |= UINT64_C(1) << (record % 64);
}

static bool marked(const struct hunt_raw *r, uint32_t record)
{
    return (r->bits.data[record / 64] >> (record % 64) & 1) != 0;
}

static size_t begin_of(const struct hunt_raw *r, uint32_t record)
{
    return (size_t)(r->block->records[record].original.ptr - r->text.ptr);
}

/* The record that holds the byte at `at`: the last one that begins there or before it. */
static uint32_t record_at(struct hunt_raw *r, size_t at)
{
    uint32_t low = r->last < r->block->count && begin_of(r, r->last) <= at ? r->last : 0;
    uint32_t high = (uint32_t)r->block->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (begin_of(r, middle) <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    r->last = low;
    return low;
}

/* ---- what could hide a text ---- */

static int hex_digit(char c)
{
    char low = (char)(c | 0x20);
    return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* n hex digits at `at`, or -1. */
static int32_t hex_at(struct span s, size_t at, size_t n)
{
    int32_t v = 0;
    for (size_t i = at; i < at + n; i++) {
        int d = i < s.len ? hex_digit(s.ptr[i]) : -1;
        if (d < 0) {
            return -1;
        }
        v = v << 4 | d;
    }
    return v;
}

/* What texts are made of, and what tells a URL's value (may_be_url). */
static bool is_of_texts(int32_t c)
{
    return (c >= '0' && c <= ':') || (c >= '@' && c <= 'Z') || c == '_' || (c >= 'a' && c <= 'z') || c == '-' || c == '.' ||
           c == '/';
}

/* The value of an unquoted key is hex, and long enough for a text. */
static bool has_hex_value(const struct hunt_raw *r, struct span s)
{
    size_t least = r->any_hex ? 2 : 2 * r->shortest;
    if (memmem(s.ptr, s.len, "\\u003", 5) != NULL) {
        return true; /* perhaps an equals sign */
    }
    for (size_t at = 0; at < s.len;) {
        const char *equals = memchr(s.ptr + at, '=', s.len - at);
        if (equals == NULL) {
            return false;
        }
        at = (size_t)(equals - s.ptr) + 1;
        size_t n = 0;
        while (at + n < s.len && n < least && hex_digit(s.ptr[at + n]) >= 0) {
            n++;
        }
        if (n >= least) {
            return true;
        }
        at += n;
    }
    return false;
}

/* Only its logs are written so. */
static bool is_zeek(const struct archive_record *rec)
{
    enum source_format format = FORMAT_JSON;
    return !normalise_flag_format(rec->flags, &format) || format == FORMAT_ZEEK;
}

static bool hides(const struct hunt_raw *r, enum hiding what, size_t at, uint32_t record)
{
    int32_t c = 0;
    switch (what) {
    case HIDING_U0:
    case HIDING_U1:
    case HIDING_U2:
        c = hex_at(r->text, at + 2, 4);
        return is_of_texts(c) || c == 0x17f || c == 0x212a;
    case HIDING_X:
        c = hex_at(r->text, at + 2, 2);
        return (is_of_texts(c) || c >= 0x80) && is_zeek(&r->block->records[record]);
    case HIDING_LONG_S:
    case HIDING_KELVIN:
        return true;
    case HIDING_AUDIT:
    case HIDING_AUDIT_ESCAPED:
        return has_hex_value(r, r->block->records[record].original);
    case HIDING:
        break;
    }
    UNREACHABLE();
}

static size_t on_needle(void *ctx, uint32_t which, size_t at)
{
    struct hunt_raw *r = ctx;
    uint32_t record = record_at(r, at);
    size_t end = record + 1 < r->block->count ? begin_of(r, record + 1) : r->text.len;
    if (!marked(r, record) && which < HIDING && !hides(r, (enum hiding)which, at, record)) {
        return NEEDLES_ON;
    }
    mark(r, record);
    return end > at ? end : NEEDLES_ON;
}

static void find_zeros(struct hunt_raw *r)
{
    for (size_t at = 0; at < r->text.len;) {
        const char *zero = memchr(r->text.ptr + at, '\0', r->text.len - at);
        if (zero == NULL) {
            return;
        }
        at = (size_t)(zero - r->text.ptr) + 1;
        uint32_t record = record_at(r, at - 1);
        mark(r, record);
        at = record + 1 < r->block->count && begin_of(r, record + 1) > at ? begin_of(r, record + 1) : at;
    }
}

/* ---- kinds of values that were not seen yet ---- */

/* "//" stands behind a colon; JSON may write a backslash before each. */
static bool may_be_url(struct span s)
{
    for (size_t at = 0; at + 2 < s.len; at++) {
        const char *colon = memchr(s.ptr + at, ':', s.len - at - 2);
        if (colon == NULL) {
            return false;
        }
        if (colon[1] == '/' || (colon[1] == '\\' && colon[2] == '/')) {
            return true;
        }
        at = (size_t)(colon - s.ptr);
    }
    return false;
}

/* Two colons side by side, or six with at most four hex digits between them: the last two groups may stand dotted. */
static bool may_be_ipv6(struct span s)
{
    size_t chain = 0;
    size_t behind = 0; /* behind the colon before */
    for (size_t at = 0; at < s.len; at++) {
        const char *colon = memchr(s.ptr + at, ':', s.len - at);
        if (colon == NULL) {
            return false;
        }
        at = (size_t)(colon - s.ptr);
        bool joined = behind > 0 && at - behind <= 4 && (at == behind || hex_at(s, behind, at - behind) >= 0);
        chain = joined ? chain + 1 : 1;
        if ((joined && at == behind) || chain >= 6) {
            return true;
        }
        behind = at + 1;
    }
    return false;
}

/* Four numbers with dots between them. */
static bool may_be_dotted(struct span s)
{
    size_t chain = 0;
    size_t behind = 0; /* behind the dot before */
    for (size_t at = 0; at < s.len; at++) {
        const char *dot = memchr(s.ptr + at, '.', s.len - at);
        if (dot == NULL) {
            return false;
        }
        at = (size_t)(dot - s.ptr);
        bool joined = behind > 0 && at > behind && at - behind <= 3;
        for (size_t i = behind; joined && i < at; i++) {
            joined = s.ptr[i] >= '0' && s.ptr[i] <= '9';
        }
        chain = joined ? chain + 1 : 1;
        if (chain >= 3) {
            return true;
        }
        behind = at + 1;
    }
    return false;
}

/* 32 hex digits in a row: one of them stands at every sixteenth place. */
static bool may_be_hash(struct span s)
{
    enum { LEAST = 32, STEP = 16 };
    for (size_t at = STEP - 1; at < s.len; at += STEP) {
        size_t from = at;
        size_t to = at;
        while (from > 0 && to - from < LEAST && hex_digit(s.ptr[from - 1]) >= 0) {
            from--;
        }
        while (to < s.len && to - from < LEAST && hex_digit(s.ptr[to]) >= 0) {
            to++;
        }
        if (to - from >= LEAST) {
            return true;
        }
    }
    return false;
}

static bool may_be(enum indicator_type type, struct span s)
{
    switch (type) {
    case INDICATOR_IPV4:
        return may_be_dotted(s) || may_be_ipv6(s); /* also as an IPv4-mapped one */
    case INDICATOR_IPV6:
        return may_be_ipv6(s);
    case INDICATOR_URL:
        return may_be_url(s);
    case INDICATOR_EMAIL:
        return span_find(s, '@') >= 0;
    case INDICATOR_MD5:
    case INDICATOR_SHA1:
    case INDICATOR_SHA256:
        return may_be_hash(s);
    case INDICATOR_CIDR:
    case INDICATOR_DOMAIN: /* in nearly every log: none is unseen for long */
    case INDICATOR_FILE:
    case INDICATOR_PROCESS:
    case INDICATOR_COMMAND:
        return true;
    case INDICATOR_TYPE_COUNT:
        break;
    }
    UNREACHABLE();
}

static bool may_be_unseen(unsigned unseen, struct span s)
{
    for (; unseen != 0; unseen &= unseen - 1) {
        if (may_be((enum indicator_type)__builtin_ctz(unseen), s)) {
            return true;
        }
    }
    return false;
}

/* ---- a block ---- */

/* Read whatever it holds: what live could not be read, or how it was read is not known. */
static bool is_odd(const struct archive_record *rec, enum source_format *format_out)
{
    return (rec->flags & TAG_NOT_PARSED) != 0 || !normalise_flag_format(rec->flags, format_out) || *format_out == FORMAT_EVTX;
}

const uint64_t *hunt_raw_block(struct hunt_raw *r, const struct block *b, unsigned unseen)
{
    size_t words = (b->count + 63) / 64;
    vec_reserve(&r->bits, words);
    r->bits.len = words;
    memset(r->bits.data, 0, words * sizeof *r->bits.data);
    const struct archive_record *last = &b->records[b->count - 1];
    r->block = b;
    r->last = 0;
    r->any_hex = unseen != 0;
    r->text = span_make(b->records[0].original.ptr, (size_t)(last->original.ptr + last->original.len - b->records[0].original.ptr));
    needles_scan(r->needles, r->text, on_needle, r);
    find_zeros(r);
    for (uint32_t i = 0; i < b->count; i++) {
        const struct archive_record *rec = &b->records[i];
        enum source_format format = FORMAT_JSON;
        if (!marked(r, i) && (is_odd(rec, &format) || (format == FORMAT_AUDITD && has_hex_value(r, rec->original)) ||
                              (unseen != 0 && may_be_unseen(unseen, rec->original)))) {
            mark(r, i);
        }
    }
    return r->bits.data;
}
