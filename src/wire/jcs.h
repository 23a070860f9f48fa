/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * JSON that is signed: the canonical form of RFC 8785 (JCS), and a bounded tree of it. Unlike
 * json_read, which keeps whatever a log says, this reader refuses what two programs could read in
 * two ways: duplicate keys, numbers that are no whole number under 2^53, text that is not UTF-8,
 * lone surrogates, U+0000. Who calls it: desk/federation (envelopes, membership, courier files),
 * desk, courier. It knows nothing of what the documents mean.
 */
#ifndef WIRE_JCS_H
#define WIRE_JCS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum {
    JCS_DEPTH_MAX = 32,       /* nesting that any caller may allow */
    JCS_NODES_MAX = 1 << 17,  /* values of one document: bounds memory to some 12 MiB */
    JCS_BYTES_MAX = 16 << 20, /* one document: a courier file is the largest */
};
#define JCS_INT_MAX INT64_C(9007199254740991) /* 2^53 - 1: what every reader keeps exactly */

enum jcs_kind { JCS_NULL, JCS_BOOL, JCS_INT, JCS_TEXT, JCS_ARRAY, JCS_OBJECT, JCS_DECIMAL };
enum { JCS_SCALE_MAX = 15 /* digits behind the point of a JCS_DECIMAL */ };

/* One value. Members of an object stand in the order of RFC 8785 §3.2.3 (by UTF-16 code units). */
struct jcs {
    enum jcs_kind kind;
    bool truth;       /* JCS_BOOL */
    uint8_t scale;    /* JCS_DECIMAL: the value is number / 10^scale; 1 to JCS_SCALE_MAX, number ends in no zero */
    uint32_t count;   /* elements or members */
    int64_t number;   /* JCS_INT, JCS_DECIMAL */
    struct span text; /* JCS_TEXT: UTF-8 without escapes */
    struct span key;  /* name in the object around it */
    struct jcs *first;
    struct jcs *last;
    struct jcs *next; /* sibling */
};

/*
 * Reads one whole document into a tree that lives in a (texts too). depth_max ≤ JCS_DEPTH_MAX: a
 * scalar has depth 0. Blanks and any order of keys are allowed here: ask jcs_is_canonical too where
 * the bytes are what was signed. ERR_INVALID, ERR_TRUNCATED or ERR_LIMIT with e->offset set.
 */
int jcs_read(struct arena *a, struct span text, uint32_t depth_max, struct jcs **out,
             struct err *e) NODISCARD;

/*
 * As jcs_read, and takes decimals too: exactly, with at most 15 digits behind the point, and number under 2^53. 1.0 and 1e2
 * are JCS_INT. For what people keep (records), never for what is signed.
 */
int jcs_read_decimals(struct arena *a, struct span text, uint32_t depth_max, struct jcs **out, struct err *e) NODISCARD;

/* The canonical form (of a decimal its digits, never an exponent); out->failed when it does not fit. */
void jcs_write(struct buf *out, const struct jcs *v);
/* As jcs_write, of an object without the members named in the NULL-ended list. */
void jcs_write_without(struct buf *out, const struct jcs *object, const char *const names[]);
/* The canonical form as text that lives in a. */
struct span jcs_text(struct arena *a, const struct jcs *v);
struct span jcs_text_without(struct arena *a, const struct jcs *object, const char *const names[]);
/* Whether text is exactly the canonical form of v. */
bool jcs_is_canonical(const struct jcs *v, struct span text);

/* Member of an object, or NULL (also when v is NULL or no object). */
const struct jcs *jcs_get(const struct jcs *v, const char *key);
/* Member of that kind; false when it is not there or of another kind (*out then untouched). */
bool jcs_get_text(const struct jcs *v, const char *key, struct span *out) NODISCARD;
bool jcs_get_int(const struct jcs *v, const char *key, int64_t *out) NODISCARD;
bool jcs_get_bool(const struct jcs *v, const char *key, bool *out) NODISCARD;
/* Member of that kind, or NULL. */
const struct jcs *jcs_get_array(const struct jcs *v, const char *key);
const struct jcs *jcs_get_object(const struct jcs *v, const char *key);
/* Whether v is an object all of whose members stand in the NULL-ended list. */
bool jcs_only(const struct jcs *v, const char *const names[]);

/* Building. Texts are copied into a (what is not UTF-8, and U+0000, becomes U+FFFD); a value may
 * stand in one place only; a key may be set once. */
struct jcs *jcs_new_object(struct arena *a);
struct jcs *jcs_new_array(struct arena *a);
struct jcs *jcs_new_text(struct arena *a, struct span s);
struct jcs *jcs_new_int(struct arena *a, int64_t v);
struct jcs *jcs_new_bool(struct arena *a, bool v);
struct jcs *jcs_new_null(struct arena *a);
void jcs_set(struct arena *a, struct jcs *object, const char *key, struct jcs *value);
void jcs_set_text(struct arena *a, struct jcs *object, const char *key, struct span s);
void jcs_set_int(struct arena *a, struct jcs *object, const char *key, int64_t v);
void jcs_set_bool(struct arena *a, struct jcs *object, const char *key, bool v);
void jcs_add(struct jcs *array, struct jcs *value);
/* Deep copy, without a key. */
struct jcs *jcs_copy(struct arena *a, const struct jcs *v);

#endif
