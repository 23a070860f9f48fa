/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Between json_read.c (the walk), json_value.c (numbers, words, errors) and json_text.c
 * (unescaping, names for people). Private to wire/json_*.
 */
#ifndef WIRE_JSON_PRIV_H
#define WIRE_JSON_PRIV_H

#include "wire/json_index.h"
#include "wire/json_read.h"

#define HOT static inline __attribute__((always_inline))
#define COLD __attribute__((cold, noinline))
#define LIKELY(x) __builtin_expect((x), 1)
#define UNLIKELY(x) __builtin_expect((x), 0)
/* Four bytes of text as word_at has them. */
#define WORD4(a, b, c, d)                                                                          \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

enum {
    ENTRIES_AHEAD = 5, /* index entries of one member, quotes of key and value, and the next key's first */
    MEMBER_MIN = 10,   /* bytes of text that the short way wants behind a key's first quote */
    KEY_TEXT_MAX =
        512, /* bytes of a key with escapes or blanks that is looked up in another form */
    NUMBER_DIGITS = 30, /* longer numbers are tagged */
    NUMBER_SHORT = 24,  /* numbers of fewer digits may be taken the short way */
    NUMBER_EXPONENT = 308,
};

/* The dotted name of where json_walk is; text has room for all keys of the record and a dot each.
 */
struct json_names {
    char *text;
    size_t len;
    json_visit *visit;
    void *ctx;
};

/* Puts a key behind the current name. */
void json_names_push(struct json_names *n, struct span key, bool escaped);
void json_names_visit(const struct json_names *n, const struct leaf *leaf);

/* Where a value hangs: its node, the node its blank-less key gives as well, and the KEY_DEEP node
 * it is under. */
struct place {
    key_node node;
    key_node also;
    key_node deep;
};

/* One open container; place is the one its elements inherit (array) or its keys are looked up in
 * (object). */
struct frame {
    struct place place;
    uint32_t name_len; /* json_walk: length of its own name */
    uint16_t object;
    bool array;
    bool strip; /* KEY_STRIP_BLANKS */
};

/* Working memory, made once per struct leaves: too large for the stack and not worth clearing for
 * each record. */
struct json_scratch {
    uint32_t entries[ENTRIES_AHEAD + JSON_CHUNK + JSON_INDEX_SLACK];
    struct frame frames[JSON_DEPTH_MAX];
};

struct reader {
    const char *text;
    size_t len;
    size_t pos;
    uint32_t *entries;
    uint32_t at; /* next entry */
    uint32_t count;
    uint32_t depth;
    struct frame top; /* the container being read */
    uint16_t objects; /* numbered so far */
    struct leaves *l;
    const struct keytable *t;
    struct frame *frames;
    struct json_names *names; /* json_walk only */
    struct err *e;
    struct json_index index;
};

/* The bytes of a value, or between the quotes. */
struct string {
    const char *ptr;
    size_t len;
    bool escaped;
};

/* Fails at a place of the text: "JSON: <what> at byte <at>". */
COLD int json_fail(struct reader *r, int code, size_t at, const char *what);
/* Something else than `what` stands at pos, or nothing at all. */
COLD int json_expected(struct reader *r, const char *what);

/* Takes a number or a word that begins with c at pos (inside the text). */
int json_take_plain(struct reader *r, char c, uint8_t *kind_out, struct string *out);

#endif
