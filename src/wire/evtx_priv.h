/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Between evtx.c (file, chunks, records), evtx_binxml.c (binary XML to programs), evtx_run.c
 * (programs and values to leaves) and evtx_value.c (values to text). Private to wire/evtx*.
 */
#ifndef WIRE_EVTX_PRIV_H
#define WIRE_EVTX_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "wire/evtx.h"

#define EVTX_MAGIC 0x45565458u

enum {
    EVTX_CACHE_SLOTS =
        256, /* compiled templates remembered per chunk, at most three quarters full */
    EVTX_FIXED_TEXT_MAX = 64, /* bytes of a value of fixed size as text */
};

/* [MS-EVEN6] 2.2.12: value types; EVTX_ARRAY is or-ed. */
enum evtx_type {
    EVTX_NULL = 0x00,
    EVTX_STRING = 0x01,
    EVTX_ANSI = 0x02,
    EVTX_INT8 = 0x03,
    EVTX_UINT8 = 0x04,
    EVTX_INT16 = 0x05,
    EVTX_UINT16 = 0x06,
    EVTX_INT32 = 0x07,
    EVTX_UINT32 = 0x08,
    EVTX_INT64 = 0x09,
    EVTX_UINT64 = 0x0a,
    EVTX_REAL32 = 0x0b,
    EVTX_REAL64 = 0x0c,
    EVTX_BOOL = 0x0d,
    EVTX_BINARY = 0x0e,
    EVTX_GUID = 0x0f,
    EVTX_SIZE = 0x10,
    EVTX_FILETIME = 0x11,
    EVTX_SYSTEMTIME = 0x12,
    EVTX_SID = 0x13,
    EVTX_HEX32 = 0x14,
    EVTX_HEX64 = 0x15,
    EVTX_HANDLE = 0x20,
    EVTX_BINXML = 0x21,
    EVTX_XML = 0x23,
    EVTX_ARRAY = 0x80,
};

/* Where keys are looked up: the children of one element. */
struct evtx_place {
    key_node node;
    key_node deep;    /* the KEY_DEEP node it is under, or KEY_NONE */
    bool strip;       /* KEY_STRIP_BLANKS */
    struct span path; /* dotted name, for people */
};

/* Where a value goes. */
struct evtx_target {
    key_node node;
    key_node also; /* the node that its key without blanks gives as well */
    struct span name;
};

enum evtx_op_kind {
    EVTX_OP_TEXT,  /* a constant text */
    EVTX_OP_VALUE, /* a substitution */
    EVTX_OP_EMPTY, /* an element without content ends */
    EVTX_OP_BEGIN, /* an element with attributes begins */
    EVTX_OP_NAME,  /* the element's key is a substitution: <Data Name="%1"> */
};

enum evtx_op_flags {
    EVTX_OP_ATTRIBUTE = 1, /* nothing when there is no value */
    EVTX_OP_DATA = 2,      /* the empty string when there is no value */
    EVTX_OP_MORE = 4,      /* the next op goes on with the same value */
    EVTX_OP_NAMED = 8,     /* goes where the last EVTX_OP_NAME says */
    EVTX_OP_TAGGED = 16,   /* its element has attributes: with one of them told, no value is none */
};

struct evtx_op {
    uint8_t kind;
    uint8_t flags;
    uint16_t value; /* number of the substitution */
    struct evtx_target target;
    const struct evtx_place
        *place; /* of the element around it: for XML inside, and for EVTX_OP_NAME */
    struct span text;
};

struct evtx_program {
    const struct evtx_op *ops;
    uint32_t nops;
};

/* One substitution of a template instance. */
struct evtx_value {
    uint32_t at; /* in the chunk */
    uint16_t size;
    uint8_t type;
};

struct evtx_cached {
    uint32_t stamp;
    uint32_t at; /* of the template in the chunk */
    const struct evtx_place *place;
    struct evtx_program program;
};

/* A part of a text: constant or substitution. */
struct evtx_piece {
    bool value;
    uint16_t number;
    struct span text;
};

struct evtx_attribute {
    struct span name;
    uint32_t first; /* piece */
    uint32_t count;
};

struct evtx {
    uint32_t magic;
    const struct keytable *keys;
    struct span chunk;
    uint32_t next; /* where the next record is looked for */
    uint32_t end;  /* where records end by the chunk's header */
    bool open_end; /* the header is not to be trusted: records end where no record is */
    struct evtx_place root;
    struct arena arena; /* programs, names, places of this chunk */
    struct evtx_cached cache[EVTX_CACHE_SLOTS];
    uint32_t cached;
    uint32_t stamp;      /* of the chunk */
    uint32_t steps;      /* left for this chunk */
    uint32_t chunk_text; /* bytes left for this chunk */
    /* The record being read. */
    struct leaves *l;
    char *text;
    size_t text_len;
    bool attributes; /* the element that began last has given one */
    struct evtx_target named;
    VEC(struct evtx_value) values; /* of all open template instances */
    VEC(struct span) names;        /* parallel to the leaves */
    /* The program being compiled. */
    VEC(struct evtx_op) ops;
    VEC(struct evtx_piece) pieces;
    VEC(struct evtx_attribute) attributes_open;
    struct err *e;
};

/* Fails at a place of the chunk. */
int evtx_fail(struct evtx *x, int code, size_t at, const char *what);
/* One step of the chunk's budget. */
int evtx_step(struct evtx *x, size_t at) NODISCARD;

/* Key of an element or attribute below a place, with its node and name. */
struct evtx_target evtx_child(struct evtx *x, const struct evtx_place *p, struct span key);

/*
 * evtx_binxml.c: compiles elements from c on (which ends where they must) that stand at `place`.
 * one: stop behind one element; else to the token that ends the fragment. dependency: all elements
 * carry a dependency number; else they are taken to do so where nothing else fits.
 */
int evtx_compile(struct evtx *x, struct cursor *c, const struct evtx_place *place, bool one,
                 bool dependency, struct evtx_program *out) NODISCARD;
/* Offset of a cursor in the chunk. */
static inline uint32_t evtx_at(const struct evtx *x, const struct cursor *c)
{
    return (uint32_t)(c->ptr - x->chunk.ptr);
}

/* evtx_run.c: the fragment between two offsets of the chunk, at `place`. */
int evtx_fragment(struct evtx *x, uint32_t from, uint32_t to, const struct evtx_place *place,
                  unsigned depth) NODISCARD;

/* ---- evtx_value.c ---- */

/* UTF-16LE (bytes; a last odd one is left out) to UTF-8: at most 3 bytes per unit and 16 more are
 * written. A surrogate without its pair becomes U+FFFD and sets TAG_LONE_SURROGATE. */
size_t evtx_utf16(struct span units, char *out, uint32_t *tags);
/* The same, character by character: the measure for the fast way in tests. */
size_t evtx_utf16_plain(struct span units, char *out, uint32_t *tags);

/* Bytes of room that evtx_text wants for a value. */
size_t evtx_text_room(uint8_t type, size_t size);
/* A single value as text: writes, returns the length, and the kind of leaf it makes. What does not
 * have the size of its type is written in hex. */
size_t evtx_text(uint8_t type, struct span value, char *out, uint8_t *kind_out, uint32_t *tags);
/* Size of an element of an array of this type; 0: strings, each ending with a zero. */
size_t evtx_item_size(uint8_t type);

#endif
