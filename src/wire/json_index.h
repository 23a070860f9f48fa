/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * First pass of the JSON reader: finds where strings begin and end, 64 bytes at a time, and checks
 * what needs no structure (UTF-8, escapes, control characters). Private to wire/json_*. One kernel
 * per instruction set, chosen at run time; all give the same bytes (json_index_test.c compares
 * them). No kernel reads outside the text.
 */
#ifndef WIRE_JSON_INDEX_H
#define WIRE_JSON_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_BLOCK = 64,
    JSON_CHUNK = 4096,     /* bytes indexed at once: its index stays in the first cache level */
    JSON_AHEAD = 3072,     /* bytes fetched ahead of the block being indexed */
    JSON_INDEX_SLACK = 64, /* entries a kernel may write beyond the last one it counts */
};

/*
 * What the index holds, ascending: the place of each unescaped quote, so two entries a string. The
 * closing one says JSON_INDEX_ESCAPED when the string has a backslash.
 */
#define JSON_INDEX_ESCAPED 0x80000000u
struct json_index {
    const char *text;
    size_t len;
    size_t next;        /* first byte not indexed yet */
    uint64_t in_string; /* all ones while the next block begins inside a string */
    uint64_t escaped;   /* 1: the first byte of the next block is escaped */
    uint64_t marked;    /* 1: it begins inside a string that has had a backslash */
    uint64_t utf8_must; /* bits 0..2: bytes of the next block that must continue a character */
    uint64_t utf8_edge; /* bits 0..3: the last byte was E0, ED, F0, F4 */
    size_t low_at;      /* where the `u` of a low surrogate must stand, or 0 */
    uint32_t tags;      /* enum leaf_tags found so far */
};

/* Indexes `count` blocks at `blocks`, the first of which is byte x->next of the text, and then the block at `tail`
 * unless that is NULL; entries go to out. */
typedef uint32_t json_index_kernel(struct json_index *x, const char *blocks, size_t count,
                                   const char *tail, uint32_t *out);

json_index_kernel json_index_plain;
json_index_kernel json_index_sse2;
json_index_kernel json_index_avx2;
json_index_kernel json_index_avx512;

/* The splitter's quick step over blocks of one line: depth of brackets outside strings. */
enum { JSON_SCAN_DEPTH = 128 }; /* as JSON_DEPTH_MAX */
struct json_scan {
    uint64_t in_string; /* all ones inside a string */
    uint64_t escaped;   /* 1: the next byte is escaped */
    uint32_t depth;     /* not 0 */
    bool done;
    size_t end; /* done: bytes up to and with the bracket that closed depth 0 */
};

/* Steps over whole blocks until one has a newline before the end, is too deep, or holds the end;
 * returns bytes. */
typedef size_t json_scan_kernel(struct json_scan *s, const char *blocks, size_t count);

json_scan_kernel json_scan_plain;
json_scan_kernel json_scan_sse2;
json_scan_kernel json_scan_avx2;
json_scan_kernel json_scan_avx512;

struct json_kernel {
    const char *name;
    json_index_kernel *index;
    json_scan_kernel *scan;
};

/* The kernels this processor can run, best first; the last is always "plain". */
enum { JSON_KERNELS_MAX = 4 };
uint32_t json_kernels(struct json_kernel out[JSON_KERNELS_MAX]);

/* Uses kernel k for all later reading (tests, benchmarks); NULL: the best one again. Not while
 * another thread reads. */
void json_kernel_use(const struct json_kernel *k);
const struct json_kernel *json_kernel(void);

void json_index_init(struct json_index *x, const char *text, size_t len);

/*
 * Indexes up to JSON_CHUNK more bytes; room for JSON_CHUNK + JSON_INDEX_SLACK entries at out.
 * Returns their count. At the end of the text x->next is len.
 */
uint32_t json_index_more(struct json_index *x, uint32_t *out);

/* Tags of all that was indexed, when no more will be. */
uint32_t json_index_tags(const struct json_index *x);

/* Checks the \uXXXX escapes whose `u` stand at the set bits of the block at byte `base`; sets tags.
 */
void json_index_unicode(struct json_index *x, size_t base, uint64_t escaped_u);

#endif
