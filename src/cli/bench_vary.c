/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Events made from real ones by a seed: what `bench --vary` and `--unique` feed. A record keeps its length, its structure
 * and its class; only letters and digits of values change, never those of an escape. Runs in the caged measuring child.
 */
#include <string.h>

#include "cli/bench.h"
#include "wire/json_read.h"

enum {
    HEX_RUN = 8,          /* as long a run of hex digits is a hash, a GUID, an address */
    WORD_MIN = 5,         /* letters of a word that may be replaced */
    LONG_VALUE = 20,      /* bytes of a value that may lose a word */
    MARK = 5,             /* letters and digits that make a value unique: 36^5 values */
    PLACES_MAX = 1 << 20, /* bytes of a record */
};

/* What says which kind of event it is, or when it was. */
static bool is_kept(struct span name)
{
    static const char *const parts[] = {"EventID", "Channel", "Provider", "SourceName", "SourceModule", "Time", "timestamp",
                                        "Version", "Keywords", "Opcode", "Task", "Level", "Severity", "EventType"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (memmem(name.ptr, name.len, parts[i], strlen(parts[i])) != NULL) {
            return true;
        }
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Bytes of the escape at i, or 0. */
static size_t escape_at(struct span s, size_t i)
{
    if (s.ptr[i] != '\\' || i + 1 >= s.len) {
        return 0;
    }
    return s.ptr[i + 1] == 'u' ? 6 : 2;
}

static char other_hex(struct bench_vary *v, char c)
{
    uint64_t r = bench_random(&v->random);
    return (char)(is_digit(c) ? '0' + r % 10 : ((c & 0x20) != 0 ? 'a' : 'A') + r % 6);
}

/* Letters of s from i on. */
static size_t run_of(struct span s, size_t i, bool (*fits)(char))
{
    size_t n = 0;
    while (i + n < s.len && fits(s.ptr[i + n])) {
        n++;
    }
    return n;
}

static void vary_word(struct bench_vary *v, char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = (char)('a' + bench_random(&v->random) % 26);
        p[i] = (p[i] & 0x20) != 0 ? c : (char)(c - 32);
    }
}

static void vary_value(void *ctx, struct span name, const struct leaf *leaf)
{
    struct bench_vary *v = ctx;
    struct span s = span_make(leaf->ptr, leaf->len);
    char *p = (char *)(uintptr_t)leaf->ptr; /* the record is ours to write */
    bool number = leaf->kind == LEAF_NUMBER;
    if ((leaf->kind != LEAF_STRING && !number) || is_kept(name)) {
        return;
    }
    bool word = !number && s.len > LONG_VALUE && bench_random(&v->random) % 2 == 0;
    uint64_t skip = bench_random(&v->random) % 4; /* words before the one that changes */
    for (size_t i = 0; i < s.len;) {
        size_t escape = number ? 0 : escape_at(s, i);
        size_t hex = run_of(s, i, is_hex);
        size_t letters = run_of(s, i, is_letter);
        if (escape > 0) {
            i += escape;
        } else if (hex >= HEX_RUN && !number) {
            for (size_t k = 0; k < hex; k++) {
                p[i + k] = other_hex(v, p[i + k]);
            }
            i += hex;
        } else if (letters > 0) {
            if (word && letters >= WORD_MIN && skip-- == 0) {
                vary_word(v, p + i, letters);
                word = false;
            }
            i += letters;
        } else {
            bool leading = number && (i == 0 || !is_digit(p[i - 1])); /* a number may not begin with 0 */
            if (is_digit(p[i]) && !leading) {
                p[i] = (char)('0' + bench_random(&v->random) % 10);
            }
            i++;
        }
    }
}

static void mark_value(void *ctx, struct span name, const struct leaf *leaf)
{
    struct bench_vary *v = ctx;
    struct span s = span_make(leaf->ptr, leaf->len);
    char *p = (char *)(uintptr_t)leaf->ptr;
    size_t places = 0;
    if (leaf->kind != LEAF_STRING || is_kept(name)) {
        return;
    }
    for (size_t i = 0; i < s.len;) {
        size_t escape = escape_at(s, i);
        places += escape == 0 && (is_digit(s.ptr[i]) || is_letter(s.ptr[i]));
        i += escape > 0 ? escape : 1;
    }
    if (places < MARK) {
        return;
    }
    uint64_t mark = v->marks++;
    size_t from = (places - MARK) / 2;
    size_t at = 0;
    for (size_t i = 0; i < s.len && at < from + MARK;) {
        size_t escape = escape_at(s, i);
        if (escape == 0 && (is_digit(s.ptr[i]) || is_letter(s.ptr[i]))) {
            if (at++ >= from) {
                p[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[mark % 36];
                mark /= 36;
            }
        }
        i += escape > 0 ? escape : 1;
    }
}

static void change(struct bench_vary *v, struct span record, json_visit *visit)
{
    if (record.len <= PLACES_MAX) {
        (void)!json_walk(record, &v->scratch, visit, v, NULL);
        arena_reset(&v->scratch);
    }
}

void bench_vary(struct bench_vary *v, struct span record)
{
    change(v, record, vary_value);
}

void bench_make_unique(struct bench_vary *v, struct span record)
{
    change(v, record, mark_value);
}
