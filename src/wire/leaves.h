/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a decoder makes of one record: its leaf values, in order, each a span into the original
 * bytes, chained per key-table node. Nothing is copied or unescaped here. Memory is allocated once
 * and reused for every record: slots are valid only when their stamp is the current one, so
 * clearing costs one increment.
 */
#ifndef WIRE_LEAVES_H
#define WIRE_LEAVES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "wire/keytable.h"

enum leaf_kind {
    LEAF_STRING, /* bytes between the quotes, or a text decoder's value */
    LEAF_NUMBER, /* as written */
    LEAF_TRUE,
    LEAF_FALSE,
    LEAF_NULL,
};

enum leaf_flags {
    LEAF_ESCAPED = 1,  /* a JSON string with backslash escapes: unescape before use */
    LEAF_BAD_UTF8 = 2, /* bytes are not UTF-8: kept as they are */
};

/* Tags of a record that was odd but kept; event/event.h names them for people. */
enum leaf_tags {
    TAG_BAD_UTF8 = 1u << 0,
    TAG_LONE_SURROGATE = 1u << 1,
    TAG_HUGE_NUMBER = 1u << 2,     /* over 30 digits or an exponent beyond a double */
    TAG_DUPLICATE_KEY = 1u << 3,   /* both values are kept and matched */
    TAG_CONTROL_CHAR = 1u << 4,    /* raw control character inside a JSON string */
    TAG_TOO_MANY_FIELDS = 1u << 5, /* values beyond LEAVES_MAX are not matched */
    TAG_NOT_PARSED = 1u << 6,      /* does not fit its format: kept as a line without fields */
    TAG_TOO_LONG = 1u << 7,        /* cut at the event limit */
    TAG_NO_TIME = 1u << 8,
    TAG_FUTURE_TIME = 1u << 9, /* more than 24 h ahead of receipt: replaced */
    TAG_YEAR_GUESSED = 1u << 10,
    TAG_BAD_PRI = 1u << 11,
    TAG_TOO_DEEP = 1u << 12,
    TAG_BOM = 1u << 13,
    TAG_BAD_ESCAPE =
        1u << 14, /* a backslash in a JSON string that starts no escape: kept as written */
};

enum {
    LEAVES_MAX =
        16384, /* values per record: 8 times the largest real one seen; bounds memory per event */
    LEAF_NIL = UINT32_MAX,
};

struct leaf {
    const char *ptr;
    uint32_t len;
    key_node node;   /* KEY_NONE: nobody asks for this path, but keywords see it */
    uint32_t next;   /* next leaf of the same node, or LEAF_NIL */
    uint8_t kind;    /* enum leaf_kind */
    uint8_t flags;   /* enum leaf_flags */
    uint16_t object; /* number of the object it sits in, wraps; tells duplicate keys from arrays */
};

struct leaf_slot { /* eight bytes: never on two cache lines */
    uint32_t stamp;
    uint32_t ends; /* first leaf of the node, and its last × 65536 */
};

struct leaves {
    struct leaf *data;
    uint32_t len;
    uint32_t cap;
    struct leaf_slot *slots; /* one per node; slots[-1] is for leaves that have none */
    uint32_t nslots;
    uint32_t stamp;
    uint32_t tags; /* enum leaf_tags of the current record */
    void *scratch; /* working memory of the JSON reader, made at its first record */
};

/* For a table of n nodes. */
void leaves_init(struct leaves *l, uint32_t nodes);
void leaves_fini(struct leaves *l);
/* Forgets the current record. */
void leaves_clear(struct leaves *l);
void leaves_grow(struct leaves *l);

/* Puts leaf i into a node's list. slot0, stamp and data: the leaves' own. Returns the leaf before it, or LEAF_NIL. */
static inline uint32_t leaf_link(struct leaf_slot *slot0, uint32_t stamp, struct leaf *data, key_node node, uint32_t i)
{
    /* KEY_NONE as a signed number is the slot in front: half of the leaves have no node, and a branch would guess. */
    struct leaf_slot *s = &slot0[(int32_t)node];
    if (__builtin_expect(((s->stamp ^ stamp) | node >> 31) == 0, 0)) {
        uint32_t before = s->ends >> 16;
        data[before].next = i;
        s->ends = (s->ends & 0xffff) | i << 16;
        return before;
    }
    s->stamp = stamp;
    s->ends = i << 16 | i;
    return LEAF_NIL;
}

/* Adds a leaf; beyond LEAVES_MAX it tags and drops. */
static inline void leaves_add(struct leaves *l, key_node node, uint8_t kind, uint8_t flags,
                              uint16_t object, const char *ptr, size_t len)
{
    if (__builtin_expect(l->len == l->cap, 0)) {
        if (l->len >= LEAVES_MAX) {
            l->tags |= TAG_TOO_MANY_FIELDS;
            return;
        }
        leaves_grow(l);
    }
    uint32_t i = l->len++;
    l->data[i] = (struct leaf){ptr, (uint32_t)len, node, LEAF_NIL, kind, flags, object};
    (void)leaf_link(l->slots, l->stamp, l->data, node, i);
}

/* First leaf of a node or LEAF_NIL; follow with data[i].next. */
static inline uint32_t leaves_first(const struct leaves *l, key_node node)
{
    return node < l->nslots && l->slots[node].stamp == l->stamp ? l->slots[node].ends & 0xffff : LEAF_NIL;
}

#endif
