/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Numbers and words of the JSON reader (RFC 8259 §3, §6), and how it says what is wrong. Part of
 * json_read.c's walk, so in the same roles; strict on grammar, since a number that is none means
 * that the structure was misread.
 */
#include "wire/json_priv.h"

#include <string.h>

COLD int json_fail(struct reader *r, int code, size_t at, const char *what)
{
    (void)err_set(r->e, code, "JSON: %s at byte %zu", what, at);
    if (r->e != NULL) {
        r->e->offset = at;
        r->e->has_offset = 1;
    }
    return code;
}

/* Something else than `what` stands at pos, or nothing at all. */
COLD int json_expected(struct reader *r, const char *what)
{
    return json_fail(r, r->pos >= r->len ? ERR_TRUNCATED : ERR_INVALID, r->pos, what);
}

/* Digits from pos on; returns how many. */
HOT size_t take_digits(struct reader *r)
{
    size_t from = r->pos;
    while (r->pos < r->len && (unsigned char)(r->text[r->pos] - '0') <= 9) {
        r->pos++;
    }
    return r->pos - from;
}

/* Fraction and exponent of a number (RFC 8259 §6); adds up digits, tells whether a double holds the
 * exponent. */
static __attribute__((noinline)) int take_fraction(struct reader *r, size_t *digits, bool *huge)
{
    if (r->text[r->pos] == '.') {
        r->pos++;
        size_t n = take_digits(r);
        if (n == 0) {
            return json_expected(r, "a digit expected behind the decimal point");
        }
        *digits += n;
    }
    if (r->pos < r->len && (r->text[r->pos] | 0x20) == 'e') {
        r->pos++;
        if (r->pos < r->len && (r->text[r->pos] == '+' || r->text[r->pos] == '-')) {
            r->pos++;
        }
        size_t from = r->pos;
        if (take_digits(r) == 0) {
            return json_expected(r, "a digit expected in the exponent");
        }
        unsigned value = 0;
        for (size_t i = from; i < r->pos && value <= NUMBER_EXPONENT; i++) {
            value = value * 10 + (unsigned)(r->text[i] - '0');
        }
        *huge = value > NUMBER_EXPONENT;
    }
    return 0;
}

HOT int take_number(struct reader *r, struct string *out)
{
    size_t from = r->pos;
    bool huge = false;
    r->pos += r->text[from] == '-';
    size_t first = r->pos;
    size_t digits = take_digits(r);
    if (UNLIKELY(digits == 0)) {
        return json_expected(r, "a value expected");
    }
    if (UNLIKELY(digits > 1 && r->text[first] == '0')) {
        return json_fail(r, ERR_INVALID, first, "a number with a leading zero");
    }
    if (r->pos < r->len && (r->text[r->pos] == '.' || (r->text[r->pos] | 0x20) == 'e')) {
        int rc = take_fraction(r, &digits, &huge);
        if (rc != 0) {
            return rc;
        }
    }
    if (UNLIKELY(huge || digits > NUMBER_DIGITS)) {
        r->index.tags |= TAG_HUGE_NUMBER;
    }
    *out = (struct string){r->text + from, r->pos - from, false};
    return 0;
}

HOT int take_word(struct reader *r, const char *word, size_t len, struct string *out)
{
    size_t left = r->len - r->pos;
    size_t n = left < len ? left : len;
    if (UNLIKELY(memcmp(r->text + r->pos, word, n) != 0)) {
        return json_expected(r, "a value expected");
    }
    if (UNLIKELY(n < len)) {
        return json_fail(r, ERR_TRUNCATED, r->len, "the text ends in a word");
    }
    *out = (struct string){r->text + r->pos, len, false};
    r->pos += len;
    return 0;
}

int json_take_plain(struct reader *r, char c, uint8_t *kind_out, struct string *out)
{
    switch (c) {
    case 't':
        *kind_out = LEAF_TRUE;
        return take_word(r, "true", 4, out);
    case 'f':
        *kind_out = LEAF_FALSE;
        return take_word(r, "false", 5, out);
    case 'n':
        *kind_out = LEAF_NULL;
        return take_word(r, "null", 4, out);
    default:
        *kind_out = LEAF_NUMBER;
        return take_number(r, out);
    }
}
