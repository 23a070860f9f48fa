/* SPDX-License-Identifier: EUPL-1.2 */
/* The tree, its order and its canonical form (RFC 8785): see jcs.h. */
#include "wire/jcs.h"

#include "base/utf8.h"
#include "wire/jcs_priv.h"

void jcs_link_last(struct jcs *parent, struct jcs *child)
{
    if (parent->last == NULL) {
        parent->first = child;
    } else {
        parent->last->next = child;
    }
    parent->last = child;
    parent->count++;
}

/* First UTF-16 code unit of a code point. */
static uint32_t first_unit(int32_t cp)
{
    uint32_t v = (uint32_t)cp;
    return v < 0x10000 ? v : 0xd800 + ((v - 0x10000) >> 10);
}

int jcs_key_compare(struct span a, struct span b)
{
    const char *p = a.ptr;
    const char *q = b.ptr;
    const char *p_end = a.ptr + a.len;
    const char *q_end = b.ptr + b.len;
    while (p < p_end && q < q_end) {
        size_t p_used = 0;
        size_t q_used = 0;
        int32_t x = utf8_decode(p, p_end, &p_used);
        int32_t y = utf8_decode(q, q_end, &q_used);
        if (x != y) {
            uint32_t u = first_unit(x);
            uint32_t v = first_unit(y);
            return u != v ? (u < v ? -1 : 1) : (x < y ? -1 : 1);
        }
        p += p_used;
        q += q_used;
    }
    return p < p_end ? 1 : q < q_end ? -1 : 0;
}

static struct jcs *merge(struct jcs *a, struct jcs *b)
{
    struct jcs *head = NULL;
    struct jcs **tail = &head;
    while (a != NULL && b != NULL) {
        struct jcs **least = jcs_key_compare(a->key, b->key) <= 0 ? &a : &b;
        *tail = *least;
        tail = &(*least)->next;
        *least = (*least)->next;
    }
    *tail = a != NULL ? a : b;
    return head;
}

static bool strictly_sorted(const struct jcs *object)
{
    for (const struct jcs *m = object->first; m != NULL && m->next != NULL; m = m->next) {
        if (jcs_key_compare(m->key, m->next->key) >= 0) {
            return false;
        }
    }
    return true;
}

bool jcs_sort_members(struct jcs *object)
{
    struct jcs *runs[32] = {NULL}; /* run i holds 2^i members: more than JCS_NODES_MAX */
    if (strictly_sorted(object)) {
        return true;
    }
    struct jcs *m = object->first;
    while (m != NULL) {
        struct jcs *next = m->next;
        size_t i = 0;
        m->next = NULL;
        for (; runs[i] != NULL; i++) {
            m = merge(runs[i], m);
            runs[i] = NULL;
        }
        runs[i] = m;
        m = next;
    }
    struct jcs *all = NULL;
    for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
        all = merge(runs[i], all);
    }
    object->first = all;
    for (m = all; m != NULL; m = m->next) {
        object->last = m;
    }
    return strictly_sorted(object);
}

static void write_text(struct buf *out, struct span s)
{
    static const char hex[] = "0123456789abcdef";
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letter[] = "\"\\bfnrt";
    size_t from = 0;
    buf_u8(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        buf_put(out, s.ptr + from, i - from);
        from = i + 1;
        const char *hit = c == 0 ? NULL : strchr(plain, c);
        char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4 & 15], hex[c & 15]};
        if (hit != NULL) {
            escape[1] = letter[hit - plain];
        }
        buf_put(out, escape, hit != NULL ? 2 : 6);
    }
    buf_put(out, s.ptr == NULL ? "" : s.ptr + from, s.len - from);
    buf_u8(out, '"');
}

static bool listed(struct span key, const char *const names[])
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (span_eq(key, span_of(names[i]))) {
            return true;
        }
    }
    return false;
}

/* Depth is bounded: the reader's limit, or how our own code nests what it builds. */
static void write_decimal(struct buf *out, const struct jcs *v)
{
    int64_t unit = 1;
    for (unsigned i = 0; i < v->scale; i++) {
        unit *= 10;
    }
    int64_t n = v->number < 0 ? -v->number : v->number;
    buf_printf(out, "%s%lld.%0*lld", v->number < 0 ? "-" : "", (long long)(n / unit), (int)v->scale, (long long)(n % unit));
}

static void write_value(struct buf *out, const struct jcs *v, const char *const without[])
{
    bool object = v->kind == JCS_OBJECT;
    bool any = false;
    switch (v->kind) {
    case JCS_NULL:
        buf_cstr(out, "null");
        return;
    case JCS_BOOL:
        buf_cstr(out, v->truth ? "true" : "false");
        return;
    case JCS_INT:
        buf_printf(out, "%lld", (long long)v->number);
        return;
    case JCS_DECIMAL:
        write_decimal(out, v);
        return;
    case JCS_TEXT:
        write_text(out, v->text);
        return;
    case JCS_ARRAY:
    case JCS_OBJECT:
        break;
    }
    buf_u8(out, object ? '{' : '[');
    for (const struct jcs *m = v->first; m != NULL; m = m->next) {
        if (object && listed(m->key, without)) {
            continue;
        }
        if (any) {
            buf_u8(out, ',');
        }
        any = true;
        if (object) {
            write_text(out, m->key);
            buf_u8(out, ':');
        }
        write_value(out, m, NULL);
    }
    buf_u8(out, object ? '}' : ']');
}

void jcs_write(struct buf *out, const struct jcs *v)
{
    write_value(out, v, NULL);
}

void jcs_write_without(struct buf *out, const struct jcs *object, const char *const names[])
{
    CHECK(object->kind == JCS_OBJECT);
    write_value(out, object, names);
}

struct span jcs_text_without(struct arena *a, const struct jcs *object, const char *const names[])
{
    struct buf b;
    buf_init(&b, 2 * (size_t)JCS_BYTES_MAX);
    write_value(&b, object, names);
    CHECK(!b.failed);
    struct span text = arena_copy(a, buf_view(&b));
    buf_free(&b);
    return text;
}

struct span jcs_text(struct arena *a, const struct jcs *v)
{
    return jcs_text_without(a, v, NULL);
}

bool jcs_is_canonical(const struct jcs *v, struct span text)
{
    struct buf b;
    buf_init(&b, text.len + 1);
    write_value(&b, v, NULL);
    bool same = !b.failed && span_eq(buf_view(&b), text);
    buf_free(&b);
    return same;
}

const struct jcs *jcs_get(const struct jcs *v, const char *key)
{
    struct span name = span_of(key);
    if (v == NULL || v->kind != JCS_OBJECT) {
        return NULL;
    }
    for (const struct jcs *m = v->first; m != NULL; m = m->next) {
        if (span_eq(m->key, name)) {
            return m;
        }
    }
    return NULL;
}

static const struct jcs *get_kind(const struct jcs *v, const char *key, enum jcs_kind kind)
{
    const struct jcs *m = jcs_get(v, key);
    return m != NULL && m->kind == kind ? m : NULL;
}

bool jcs_get_text(const struct jcs *v, const char *key, struct span *out)
{
    const struct jcs *m = get_kind(v, key, JCS_TEXT);
    if (m != NULL) {
        *out = m->text;
    }
    return m != NULL;
}

bool jcs_get_int(const struct jcs *v, const char *key, int64_t *out)
{
    const struct jcs *m = get_kind(v, key, JCS_INT);
    if (m != NULL) {
        *out = m->number;
    }
    return m != NULL;
}

bool jcs_get_bool(const struct jcs *v, const char *key, bool *out)
{
    const struct jcs *m = get_kind(v, key, JCS_BOOL);
    if (m != NULL) {
        *out = m->truth;
    }
    return m != NULL;
}

const struct jcs *jcs_get_array(const struct jcs *v, const char *key)
{
    return get_kind(v, key, JCS_ARRAY);
}

const struct jcs *jcs_get_object(const struct jcs *v, const char *key)
{
    return get_kind(v, key, JCS_OBJECT);
}

bool jcs_only(const struct jcs *v, const char *const names[])
{
    if (v == NULL || v->kind != JCS_OBJECT) {
        return false;
    }
    for (const struct jcs *m = v->first; m != NULL; m = m->next) {
        if (!listed(m->key, names)) {
            return false;
        }
    }
    return true;
}

static struct jcs *new_value(struct arena *a, enum jcs_kind kind)
{
    struct jcs *v = arena_alloc(a, sizeof *v);
    v->kind = kind;
    return v;
}

struct jcs *jcs_new_object(struct arena *a)
{
    return new_value(a, JCS_OBJECT);
}

struct jcs *jcs_new_array(struct arena *a)
{
    return new_value(a, JCS_ARRAY);
}

struct jcs *jcs_new_text(struct arena *a, struct span s)
{
    struct jcs *v = new_value(a, JCS_TEXT);
    if (utf8_valid(s) && span_find(s, '\0') < 0) {
        v->text = arena_copy(a, s);
        return v;
    }
    char *clean = arena_bytes(a, 3 * s.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < s.len;) {
        size_t used = 0;
        int32_t cp = utf8_decode(s.ptr + i, s.ptr + s.len, &used);
        len += utf8_encode(cp <= 0 ? 0xfffd : (uint32_t)cp, clean + len);
        i += used;
    }
    clean[len] = '\0';
    v->text = span_make(clean, len);
    return v;
}

struct jcs *jcs_new_int(struct arena *a, int64_t number)
{
    struct jcs *v = new_value(a, JCS_INT);
    CHECK(number <= JCS_INT_MAX && number >= -JCS_INT_MAX);
    v->number = number;
    return v;
}

struct jcs *jcs_new_bool(struct arena *a, bool truth)
{
    struct jcs *v = new_value(a, JCS_BOOL);
    v->truth = truth;
    return v;
}

struct jcs *jcs_new_null(struct arena *a)
{
    return new_value(a, JCS_NULL);
}

static void insert(struct jcs *object, struct jcs *value)
{
    struct jcs **at = &object->first;
    if (object->last != NULL && jcs_key_compare(object->last->key, value->key) < 0) { /* mostly: members come in their order */
        at = &object->last->next;
    }
    while (*at != NULL && jcs_key_compare((*at)->key, value->key) < 0) {
        at = &(*at)->next;
    }
    CHECK(*at == NULL || jcs_key_compare((*at)->key, value->key) != 0);
    value->next = *at;
    *at = value;
    if (value->next == NULL) {
        object->last = value;
    }
    object->count++;
}

void jcs_set(struct arena *a, struct jcs *object, const char *key, struct jcs *value)
{
    CHECK(object->kind == JCS_OBJECT && value->key.ptr == NULL && value->next == NULL);
    value->key = arena_copy(a, span_of(key));
    insert(object, value);
}

void jcs_set_text(struct arena *a, struct jcs *object, const char *key, struct span s)
{
    jcs_set(a, object, key, jcs_new_text(a, s));
}

void jcs_set_int(struct arena *a, struct jcs *object, const char *key, int64_t v)
{
    jcs_set(a, object, key, jcs_new_int(a, v));
}

void jcs_set_bool(struct arena *a, struct jcs *object, const char *key, bool v)
{
    jcs_set(a, object, key, jcs_new_bool(a, v));
}

void jcs_add(struct jcs *array, struct jcs *value)
{
    CHECK(array->kind == JCS_ARRAY && value->key.ptr == NULL && value->next == NULL);
    jcs_link_last(array, value);
}

struct jcs *jcs_copy(struct arena *a, const struct jcs *v)
{
    struct jcs *copy = new_value(a, v->kind);
    copy->truth = v->truth;
    copy->number = v->number;
    copy->scale = v->scale;
    copy->text = arena_copy(a, v->text);
    for (const struct jcs *m = v->first; m != NULL; m = m->next) {
        struct jcs *child = jcs_copy(a, m);
        if (v->kind == JCS_OBJECT) {
            child->key = arena_copy(a, m->key);
        }
        jcs_link_last(copy, child);
    }
    return copy;
}
