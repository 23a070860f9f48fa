/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as one record: all kernels agree, spans stay inside the input, json_walk sees the same
 * leaves. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "wire/json_index.h"
#include "wire/json_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct span text;
    uint64_t hash;
    uint32_t count;
};

static uint64_t mix(uint64_t hash, uint64_t v)
{
    return (hash ^ v) * 0x9e3779b97f4a7c15u;
}

static void visit(void *ctx, struct span name, const struct leaf *leaf)
{
    struct seen *s = ctx;
    CHECK(name.len <= s->text.len + JSON_DEPTH_MAX);
    s->hash = mix(mix(mix(s->hash, (uint64_t)(leaf->ptr - s->text.ptr)), leaf->len), leaf->kind);
    s->count++;
}

static const struct keytable *table(void)
{
    static struct arena region;
    static const struct keytable *t;
    if (t == NULL) {
        struct keytable_builder *b = keytable_builder_new();
        (void)keytable_add(b, KEY_ROOT, SPAN("a"));
        keytable_flag(b, keytable_add(b, KEY_ROOT, SPAN("deep")), KEY_DEEP);
        (void)keytable_add(b, 2, SPAN("leaf"));
        keytable_flag(b, keytable_add(b, KEY_ROOT, SPAN("strip")), KEY_STRIP_BLANKS);
        (void)keytable_add(b, 4, SPAN("two words"));
        (void)keytable_add(b, 4, SPAN("twowords"));
        arena_init(&region, 0);
        t = keytable_pack(b, &region);
        keytable_builder_free(&b);
    }
    return t;
}

static void check_leaves(const struct leaves *l, struct span text)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < l->len; i++) {
        const struct leaf *leaf = &l->data[i];
        CHECK(leaf->ptr >= text.ptr && leaf->ptr + leaf->len <= text.ptr + text.len);
        CHECK(leaf->next == LEAF_NIL || (leaf->next > i && leaf->next < l->len));
        longest = leaf->len > longest ? leaf->len : longest;
    }
    char *out = mem_alloc(longest);
    char *folded = mem_alloc(utf8_fold_room(longest));
    char *at_once = mem_alloc(longest + JSON_FOLD_OVER);
    for (uint32_t i = 0; i < l->len; i++) {
        const struct leaf *leaf = &l->data[i];
        if ((leaf->flags & LEAF_ESCAPED) != 0) {
            struct span raw = span_make(leaf->ptr, leaf->len);
            struct span plain = span_make(out, json_unescape(raw, out, NULL));
            size_t n = 0;
            CHECK(plain.len <= leaf->len);
            CHECK(json_unescape_folded(raw, at_once, &n) == utf8_is_ascii(plain));
            CHECK(!utf8_is_ascii(plain) || span_eq(span_make(at_once, n), span_make(folded, utf8_fold(plain, folded))));
        }
    }
    mem_free(out);
    mem_free(folded);
    mem_free(at_once);
}

/* One number for all that a record gave. */
static uint64_t digest(const struct leaves *l, struct span text, int rc, const struct err *e)
{
    uint64_t h = mix(mix((uint64_t)rc, l->tags), rc == 0 ? 0 : e->offset);
    for (uint32_t i = 0; i < l->len; i++) {
        const struct leaf *leaf = &l->data[i];
        h = mix(mix(h, (uint64_t)(leaf->ptr - text.ptr)), leaf->len);
        h = mix(mix(h, leaf->node), (uint64_t)leaf->kind << 8 | leaf->flags);
    }
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct leaves l;
    static struct arena scratch;
    struct span text = span_make((const char *)data, size);
    struct json_kernel kernels[JSON_KERNELS_MAX];
    uint32_t n = json_kernels(kernels);
    uint64_t first = 0;
    struct err e = {0};
    int rc = 0;
    if (l.slots == NULL) {
        leaves_init(&l, keytable_nodes(table()));
        arena_init(&scratch, 0);
    }
    /* What the record before was must not matter: a different one before each kernel's turn. */
    static const char *const before[] = {"{\"leaf\":1}", "[]", "{ \"a\":\"b\"}", ""};
    for (uint32_t k = 0; k < n; k++) {
        json_kernel_use(&kernels[k]);
        rc = json_read(&l, table(), KEY_ROOT, span_of(before[k % 4]), NULL);
        CHECK(rc == 0 || k % 4 != 0);
        rc = json_read(&l, table(), KEY_ROOT, text, &e);
        uint64_t h = digest(&l, text, rc, &e);
        CHECK(k == 0 || h == first);
        first = h;
    }
    json_kernel_use(NULL);
    check_leaves(&l, text);
    CHECK(rc == 0 || e.offset <= size);
    struct seen walked = {text, 0, 0};
    struct seen read = {text, 0, 0};
    int again = json_read(&l, NULL, KEY_ROOT, text, &e);
    CHECK(again == rc);
    CHECK(json_walk(text, &scratch, visit, &walked, &e) == rc || size > JSON_RECORD_MAX);
    arena_reset(&scratch);
    for (uint32_t i = 0; i < l.len; i++) {
        visit(&read, SPAN(""), &l.data[i]);
    }
    CHECK(size > JSON_RECORD_MAX || l.len == LEAVES_MAX ||
          (walked.hash == read.hash && walked.count == read.count));
    return 0;
}
