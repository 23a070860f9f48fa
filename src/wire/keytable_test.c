/* SPDX-License-Identifier: EUPL-1.2 */
/* The key table against a plain list of its keys: all lengths, near misses, exact-size buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "wire/keytable.h"

/* A copy that ends exactly where the key ends, so that a sanitizer sees a read beyond it. */
static key_node find_exact(const struct keytable *t, key_node parent, const char *key, size_t len)
{
    char *copy = mem_alloc(len);
    if (len > 0) {
        memcpy(copy, key, len);
    }
    key_node n = keytable_find(t, parent, span_make(copy, len));
    mem_free(copy);
    return n;
}

static void test_finds_what_was_added(void **state)
{
    (void)state;
    struct keytable_builder *b = keytable_builder_new();
    struct arena region;
    char key[64];
    key_node nodes[64];
    memset(key, 'k', sizeof key);
    for (size_t len = 0; len < sizeof key; len++) {
        nodes[len] = keytable_add(b, KEY_ROOT, span_make(key, len));
        assert_int_equal(nodes[len], len + 1);
        assert_int_equal(keytable_add(b, KEY_ROOT, span_make(key, len)), nodes[len]);
    }
    key_node child = keytable_add(b, nodes[5], SPAN("Channel"));
    key_node again = keytable_add(b, KEY_ROOT, SPAN("Channel"));
    assert_int_not_equal(child, again);
    keytable_flag(b, nodes[5], KEY_DEEP);
    keytable_flag(b, nodes[5], KEY_STRIP_BLANKS);

    arena_init(&region, 1 << 20);
    const struct keytable *t = keytable_pack(b, &region);
    keytable_builder_free(&b);
    assert_null(b);
    assert_int_equal(keytable_nodes(t), 1 + 64 + 2);
    for (size_t len = 0; len < sizeof key; len++) {
        assert_int_equal(find_exact(t, KEY_ROOT, key, len), nodes[len]);
        assert_true(span_eq(keytable_name(t, nodes[len]), span_make(key, len)));
        assert_int_equal(find_exact(t, nodes[5], key, len), KEY_NONE);
        /* Each byte counts, wherever it stands. */
        for (size_t i = 0; i < len; i++) {
            char other[64];
            memcpy(other, key, sizeof other);
            other[i] = 'K';
            assert_int_equal(find_exact(t, KEY_ROOT, other, len), KEY_NONE);
        }
    }
    assert_int_equal(keytable_find(t, nodes[5], SPAN("Channel")), child);
    assert_int_equal(keytable_find(t, KEY_ROOT, SPAN("Channel")), again);
    assert_int_equal(keytable_find(t, KEY_ROOT, SPAN("channel")), KEY_NONE);
    assert_int_equal(keytable_find(t, KEY_NONE, SPAN("Channel")), KEY_NONE);
    assert_int_equal(keytable_flags(t, nodes[5]), KEY_DEEP | KEY_STRIP_BLANKS);
    assert_int_equal(keytable_flags(t, KEY_ROOT), 0);
    assert_int_equal(keytable_flags(t, KEY_NONE), 0);
    assert_int_equal(keytable_name(t, KEY_NONE).len, 0);
    arena_fini(&region);
}

/* Keys that differ from a shorter one only by zero bytes must not be taken for it. */
static void test_zero_bytes_count(void **state)
{
    (void)state;
    struct keytable_builder *b = keytable_builder_new();
    struct arena region;
    static const char zeros[20] = "a";
    key_node nodes[20];
    for (size_t len = 1; len < 20; len++) {
        nodes[len] = keytable_add(b, KEY_ROOT, span_make(zeros, len));
    }
    arena_init(&region, 0);
    const struct keytable *t = keytable_pack(b, &region);
    for (size_t len = 1; len < 20; len++) {
        assert_int_equal(find_exact(t, KEY_ROOT, zeros, len), nodes[len]);
    }
    keytable_builder_free(&b);
    arena_fini(&region);
}

static void test_many_keys(void **state)
{
    (void)state;
    struct keytable_builder *b = keytable_builder_new();
    struct arena region;
    enum { N = 20000 };
    for (uint32_t i = 0; i < N; i++) {
        char key[40];
        int n = snprintf(key, sizeof key, "%.*sfield_%u", (int)(i % 9), "abcdefghi", i);
        key_node parent = i % 3 == 0 ? KEY_ROOT : i / 2;
        assert_int_equal(keytable_add(b, parent, span_make(key, (size_t)n)), i + 1);
    }
    arena_init(&region, 4 << 20);
    const struct keytable *t = keytable_pack(b, &region);
    for (uint32_t i = 0; i < N; i++) {
        char key[40];
        int n = snprintf(key, sizeof key, "%.*sfield_%u", (int)(i % 9), "abcdefghi", i);
        key_node parent = i % 3 == 0 ? KEY_ROOT : i / 2;
        assert_int_equal(keytable_find(t, parent, span_make(key, (size_t)n)), i + 1);
        assert_int_equal(keytable_find(t, parent + 1, span_make(key, (size_t)n)), KEY_NONE);
    }
    keytable_builder_free(&b);
    arena_fini(&region);
}

/* Links: several ways to one node, none of which hides another key. */
static void test_links(void **state)
{
    (void)state;
    struct keytable_builder *b = keytable_builder_new();
    key_node id = keytable_add(b, KEY_ROOT, SPAN("userIdentity"));
    key_node arn = keytable_add(b, id, SPAN("arn"));
    assert_int_equal(keytable_link(b, KEY_ROOT, SPAN("userIdentity.arn"), arn), arn);
    assert_int_equal(keytable_link(b, KEY_ROOT, SPAN("userIdentity.arn"), id), arn);
    assert_int_equal(keytable_link(b, KEY_ROOT, SPAN("userIdentity"), arn), id);
    assert_int_equal(keytable_add(b, KEY_ROOT, SPAN("userIdentity.arn")), arn);
    assert_int_equal(keytable_link(b, KEY_ROOT, SPAN("a key that is longer than sixteen bytes"), id), id);
    struct arena region;
    arena_init(&region, 1 << 20);
    const struct keytable *t = keytable_pack(b, &region);
    keytable_builder_free(&b);
    assert_int_equal(keytable_nodes(t), 3);
    assert_int_equal(keytable_find(t, KEY_ROOT, SPAN("userIdentity.arn")), arn);
    assert_int_equal(keytable_find(t, id, SPAN("arn")), arn);
    assert_int_equal(keytable_find(t, KEY_ROOT, SPAN("arn")), KEY_NONE);
    assert_int_equal(keytable_find(t, KEY_ROOT, SPAN("a key that is longer than sixteen bytes")), id);
    assert_int_equal(keytable_find(t, KEY_ROOT, SPAN("a key that is longer than SIXTEEN bytes")), KEY_NONE);
    arena_fini(&region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_was_added),
        cmocka_unit_test(test_zero_bytes_count),
        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_links),
    };
    return cmocka_run_group_tests_name("keytable", tests, NULL, NULL);
}
