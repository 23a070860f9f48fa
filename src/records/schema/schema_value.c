/* SPDX-License-Identifier: EUPL-1.2 */
/* Values: exact numbers, equality, values of a schema file from YAML, and places in them. Pure. */
#include "records/schema/schema_priv.h"

/* At most 2^53 * 10^15, which is below 2^103. */
static __int128 scaled(const struct jcs *v, unsigned to)
{
    __int128 n = v->number;
    for (unsigned i = v->kind == JCS_DECIMAL ? v->scale : 0; i < to; i++) {
        n *= 10;
    }
    return n;
}

static unsigned common_scale(const struct jcs *a, const struct jcs *b)
{
    unsigned x = a->kind == JCS_DECIMAL ? a->scale : 0;
    unsigned y = b->kind == JCS_DECIMAL ? b->scale : 0;
    return x > y ? x : y;
}

bool schema_is_number(const struct jcs *v)
{
    return v->kind == JCS_INT || v->kind == JCS_DECIMAL;
}

int schema_compare_numbers(const struct jcs *a, const struct jcs *b)
{
    CHECK(schema_is_number(a) && schema_is_number(b));
    unsigned to = common_scale(a, b);
    __int128 x = scaled(a, to);
    __int128 y = scaled(b, to);
    return (x > y) - (x < y);
}

bool schema_is_multiple(const struct jcs *v, const struct jcs *divisor)
{
    unsigned to = common_scale(v, divisor);
    __int128 by = scaled(divisor, to);
    CHECK(by > 0);
    return scaled(v, to) % by == 0;
}

bool schema_equal(const struct jcs *a, const struct jcs *b, uint32_t *steps)
{
    if (*steps == 0) {
        return false;
    }
    --*steps;
    if (schema_is_number(a) && schema_is_number(b)) {
        return schema_compare_numbers(a, b) == 0;
    }
    if (a->kind != b->kind || a->truth != b->truth || a->count != b->count || !span_eq(a->text, b->text)) {
        return false;
    }
    /* Members stand in one order (RFC 8785), so pairs are enough; depth is that of the document. */
    const struct jcs *y = b->first;
    for (const struct jcs *x = a->first; x != NULL; x = x->next, y = y->next) {
        if ((a->kind == JCS_OBJECT && !span_eq(x->key, y->key)) || !schema_equal(x, y, steps)) {
            return false;
        }
    }
    return true;
}

static int wrong(const struct yaml_node *n, struct err *e, int code, const char *what)
{
    (void)err_set(e, code, "%s", what);
    err_at(e, "", n->line);
    return code;
}

static bool has_zero(const struct yaml_node *n)
{
    return n->text.len > 0 && memchr(n->text.ptr, '\0', n->text.len) != NULL;
}

static int scalar(struct arena *a, const struct yaml_node *n, struct jcs **out, struct err *e)
{
    bool truth = false;
    int64_t whole = 0;
    double real = 0;
    struct span s = n->text;
    if (!n->quoted && (span_eq(s, SPAN("true")) || span_eq(s, SPAN("false")))) {
        *out = jcs_new_bool(a, s.ptr[0] == 't');
        return 0;
    }
    if (!n->quoted && span_eq(s, SPAN("null"))) {
        *out = jcs_new_null(a);
        return 0;
    }
    if (!n->quoted && s.len > 0 && (s.ptr[0] == '-' || (s.ptr[0] >= '0' && s.ptr[0] <= '9')) &&
        jcs_read_decimals(a, s, 1, out, NULL) == 0) {
        return 0;
    }
    /* no, 012, 1_000, ~, 12:30: words for people, other things for programs. */
    if (!n->quoted && (yaml_is_null(n) || yaml_as_bool(n, &truth) || yaml_as_int(n, &whole) || yaml_as_double(n, &real))) {
        return wrong(n, e, ERR_INVALID, "this could be read in two ways: put it in quotes, or write it as JSON does");
    }
    if (has_zero(n)) {
        return wrong(n, e, ERR_INVALID, "holds a zero character");
    }
    *out = jcs_new_text(a, s);
    return 0;
}

int schema_value(struct arena *a, const struct yaml_node *n, unsigned depth, struct jcs **out, struct err *e)
{
    if (depth >= JCS_DEPTH_MAX) {
        return wrong(n, e, ERR_LIMIT, "nested too deeply");
    }
    if (n->kind == YAML_SCALAR) {
        return scalar(a, n, out, e);
    }
    int rc = 0;
    *out = n->kind == YAML_SEQ ? jcs_new_array(a) : jcs_new_object(a);
    for (uint32_t i = 0; rc == 0 && i < n->len; i++) {
        struct jcs *child = NULL;
        if (n->kind == YAML_MAP && has_zero(n->pairs[i].key)) { /* two names that differ behind it would be one */
            return wrong(n->pairs[i].key, e, ERR_INVALID, "holds a zero character");
        }
        rc = schema_value(a, n->kind == YAML_SEQ ? n->items[i] : n->pairs[i].value, depth + 1, &child, e);
        if (rc == 0 && n->kind == YAML_SEQ) {
            jcs_add(*out, child);
        } else if (rc == 0) {
            jcs_set(a, *out, arena_cstr(a, n->pairs[i].key->text), child);
        }
    }
    return rc;
}

void schema_pointer(struct buf *b, const struct schema_place *at)
{
    if (at == NULL) {
        return;
    }
    schema_pointer(b, at->up); /* as deep as the document */
    buf_cstr(b, "/");
    if (at->key.ptr == NULL) {
        buf_printf(b, "%u", at->index);
        return;
    }
    for (size_t i = 0; i < at->key.len; i++) {
        char c = at->key.ptr[i];
        buf_cstr(b, c == '~' ? "~0" : c == '/' ? "~1" : "");
        if (c != '~' && c != '/') {
            buf_u8(b, (uint8_t)c);
        }
    }
}
