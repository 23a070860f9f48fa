/* SPDX-License-Identifier: EUPL-1.2 */
/* JSON request bodies as flat fields. Reads bytes from the network through wire/json; refuses all
 * that no route asks for. */
#include "api/api_priv.h"
#include "base/utf8.h"
#include "wire/json_read.h"

struct visit {
    struct uri_pairs *out;
    struct arena *arena;
    struct err *e;
    int rc;
};

static struct span leaf_text(const struct leaf *leaf, struct arena *arena)
{
    struct span raw = span_make(leaf->ptr, leaf->len);
    if (leaf->kind != LEAF_STRING || (leaf->flags & LEAF_ESCAPED) == 0) {
        return arena_copy(arena, raw);
    }
    char *text = arena_bytes(arena, raw.len + 1);
    return span_make(text, json_unescape(raw, text, NULL));
}

static bool has_controls(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static void visit_leaf(void *ctx, struct span name, const struct leaf *leaf)
{
    struct visit *v = ctx;
    if (v->rc < 0) {
        return;
    }
    if (v->out->count == URI_PAIRS_MAX) {
        v->rc = err_set(v->e, ERR_LIMIT, "More than %d fields.", URI_PAIRS_MAX);
        return;
    }
    for (size_t i = 0; i < v->out->count; i++) {
        if (span_eq(v->out->pair[i].name, name)) {
            v->rc = err_set(v->e, ERR_INVALID, "A field stands there twice, or holds a list.");
            return;
        }
    }
    struct span value = leaf_text(leaf, v->arena);
    enum uri_pair_kind kind = leaf->kind == LEAF_STRING ? PAIR_STRING : leaf->kind == LEAF_NUMBER ? PAIR_NUMBER : PAIR_BOOL;
    if (leaf->kind == LEAF_NULL) {
        return; /* as if it were not there */
    }
    if (!utf8_valid(name) || !utf8_valid(value) || has_controls(value)) {
        v->rc = err_set(v->e, ERR_INVALID, "A field holds bytes that are not text.");
        return;
    }
    v->out->pair[v->out->count++] = (struct uri_pair){arena_copy(v->arena, name), value, kind};
}

int fields_from_json(struct span text, struct arena *arena, struct uri_pairs *out, struct err *e)
{
    struct visit v = {.out = out, .arena = arena, .e = e};
    out->count = 0;
    struct span trimmed = span_trim(text);
    if (trimmed.len == 0 || trimmed.ptr[0] != '{') {
        return err_set(e, ERR_INVALID, "The body must be a JSON object.");
    }
    int rc = json_walk(text, arena, visit_leaf, &v, e);
    if (rc < 0) {
        return err_set(e, rc, "The body is not valid JSON.");
    }
    return v.rc;
}
