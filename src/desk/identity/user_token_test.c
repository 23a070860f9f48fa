/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of API tokens: their shape, their header, which rights they carry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "desk/identity/user_token.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void new_ones_differ(void **state)
{
    (void)state;
    char a[USER_TOKEN_TEXT_LEN + 1];
    char b[USER_TOKEN_TEXT_LEN + 1];
    user_token_new(a);
    user_token_new(b);
    assert_int_equal(strlen(a), USER_TOKEN_TEXT_LEN);
    assert_true(span_starts(span_of(a), SPAN("sereno_")));
    assert_string_not_equal(a, b);
}

static void headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool bearer, token;
    } table[] = {
        {"Bearer sereno_" HEX64, true, true},
        {"bearer sereno_" HEX64, true, true},
        {"Bearer   sereno_" HEX64 " ", true, true},
        {"Bearer sereno_" HEX64 "0", true, false},
        {"Bearer sereno_" HEX64 " x", true, false},
        {"Bearer Sereno_" HEX64, true, false},
        {"Bearer " HEX64, true, false},
        {"Bearer sereno_0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", true, true}, /* the shape of one, and nobody's */
        {"Bearer ", true, false},
        {"Bearer", false, false},
        {"Basic c2VyZW5v", false, false},
        {"sereno_" HEX64, false, false},
        {"", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct span token = SPAN("x");
        assert_int_equal(user_token_of_header(span_of(table[i].header), &token), table[i].bearer);
        assert_int_equal(token.len, table[i].token ? USER_TOKEN_TEXT_LEN : 0);
    }
}

static void scopes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written; /* NULL = refused */
        const char *stored;
    } table[] = {
        {"watch", "watch", "watch"},
        {" registers.read   watch ", "watch registers.read", "watch registers.read"},
        {"watch watch", "watch", "watch"},
        {"people.read", "people.read", "people.read"},
        {"people.manage", NULL, ""},
        {"watch people.manage", NULL, "watch"},
        {"signed in", NULL, ""},
        {"known", NULL, ""},
        {"anybody", NULL, ""},
        {"watch,alerts.work", NULL, ""},
        {"Watch", NULL, ""},
        {"watch of.a.later.version", NULL, "watch"},
        {"", NULL, ""},
        {"  ", NULL, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct err e = {0};
        struct buf out;
        uint64_t bits = 0;
        buf_init(&out, 1024);
        int rc = user_token_scopes_read(span_of(table[i].text), &bits, &e);
        assert_int_equal(rc, table[i].written == NULL ? ERR_INVALID : 0);
        if (rc == 0) {
            user_token_scopes_write(&out, bits);
            assert_true(span_eq(buf_view(&out), span_of(table[i].written)));
        } else {
            assert_true(e.text[0] != '\0');
        }
        buf_clear(&out);
        user_token_scopes_write(&out, user_token_scopes_stored(span_of(table[i].text)));
        assert_true(span_eq(buf_view(&out), span_of(table[i].stored)));
        buf_free(&out);
    }
}

static void what_tokens_carry(void **state)
{
    (void)state;
    size_t carried = 0;
    for (enum right r = 0; r < RIGHT_COUNT; r++) {
        carried += user_token_carries(r);
    }
    assert_int_equal(carried, RIGHT_COUNT - 4); /* all but the three that no file gives, and people.manage */
    assert_false(user_token_carries(RIGHT_PEOPLE));
    assert_false(user_token_carries(RIGHT_SIGNED_IN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_ones_differ),
        cmocka_unit_test(headers),
        cmocka_unit_test(scopes),
        cmocka_unit_test(what_tokens_carry),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
