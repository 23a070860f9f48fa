/* SPDX-License-Identifier: EUPL-1.2 */
/* Directories: addresses, filters, distinguished names, ids, groups and roles, messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "desk/identity/directory.h"

#define SAME(got, want) assert_true(span_eq((got), SPAN(want)))

static void addresses(void **state)
{
    static const struct {
        const char *url, *host;
        uint16_t port; /* 0 = refused */
        bool tls;
    } cases[] = {
        {"ldaps://dc1.city.example", "dc1.city.example", 636, true},
        {"ldaps://dc1.city.example:3636", "dc1.city.example", 3636, true},
        {"ldap://10.1.2.3", "10.1.2.3", 389, false},
        {"ldap://[fd00::1]:1389", "fd00::1", 1389, false},
        {"ldaps://[::1]", "::1", 636, true},
        {"ldaps://", "", 0, false},
        {"ldapi://x", "", 0, false},
        {"https://x", "", 0, false},
        {"ldaps://x/", "", 0, false},
        {"ldaps://x/dc=city", "", 0, false},
        {"ldaps://x?y", "", 0, false},
        {"ldaps://user@x", "", 0, false},
        {"ldaps://x:", "", 0, false},
        {"ldaps://x:0", "", 0, false},
        {"ldaps://x:65536", "", 0, false},
        {"ldaps://x:12a", "", 0, false},
        {"ldaps://x:-1", "", 0, false},
        {"ldaps://:636", "", 0, false},
        {"ldaps://[::1", "", 0, false},
        {"ldaps://[]", "", 0, false},
        {"ldaps://[::1]x", "", 0, false},
        {"ldaps://a b", "", 0, false},
        {"ldaps://a ldaps://b", "", 0, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct directory_url u = {0};
        struct err e = {0};
        int rc = directory_url_parse(span_of(cases[i].url), &u, &e);
        if (cases[i].port == 0) {
            assert_int_equal(rc, ERR_INVALID);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_true(span_eq(u.host, span_of(cases[i].host)) && u.port == cases[i].port && u.tls == cases[i].tls);
    }
}

static void filters(void **state)
{
    static const struct {
        const char *filter, *value, *want;
        size_t len;
    } cases[] = {
        {"(uid={name})", "anna", "(uid=anna)", 4},
        {"(|(uid={name})(mail={name}))", "a1", "(|(uid=a1)(mail=a1))", 2},
        {"(uid={name})", "*", "(uid=\\2a)", 1},
        {"(uid={name})", "a)(objectClass=*", "(uid=a\\29\\28objectClass\\3d\\2a)", 16},
        {"(uid={name})", "a\\b", "(uid=a\\5cb)", 3},
        {"(uid={name})", "a\0b", "(uid=a\\00b)", 3},
        {"(uid={name})", "\xC3\xA5sa", "(uid=\\c3\\a5sa)", 4},
        {"(uid={name})", "{name}", "(uid=\\7bname\\7d)", 6},
        {"(uid={name})", " a", "(uid=\\20a)", 2},
    };
    static const char *const bad[] = {"", "uid={name}", "(uid=x)", "(uid={name}", "(uid={name}))", "(uid={name})(a=b)", ")(uid={name})(", "((uid={name})",
                                      "(uid={name})\n", "{name}", " (uid={name})", "(uid={nam})"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, DIRECTORY_ASKED_MAX);
        assert_true(directory_filter_valid(span_of(cases[i].filter), SPAN("{name}")));
        directory_filter(&b, span_of(cases[i].filter), SPAN("{name}"), span_make(cases[i].value, cases[i].len));
        assert_true(span_eq(buf_view(&b), span_of(cases[i].want)));
        buf_free(&b);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(directory_filter_valid(span_of(bad[i]), SPAN("{name}")));
    }
    assert_true(directory_filter_valid(SPAN("(member:1.2.840.113556.1.4.1941:={dn})"), SPAN("{dn}")));
}

static void attributes(void **state)
{
    (void)state;
    assert_true(directory_attribute_valid(SPAN("sAMAccountName")) && directory_attribute_valid(SPAN("x-2;binary")));
    assert_false(directory_attribute_valid(SPAN("")) || directory_attribute_valid(SPAN("2x")) || directory_attribute_valid(SPAN("a b")) ||
                 directory_attribute_valid(SPAN("a=")) || directory_attribute_valid(SPAN("a)")));
}

static void names(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"CN=soc,OU=Groups,DC=city,DC=example", "cn=SOC,ou=groups,dc=City,dc=example", true},
        {"CN=soc , OU=Groups", "cn=soc,ou=groups", true},
        {"CN=a  b", "cn=a b", true},
        {"CN=Smith\\, Anna,DC=x", "cn=Smith\\2C Anna,dc=x", true},
        {"CN=a\\+b", "CN=a\\2bb", true},
        {"CN=a\\ ", "CN=a", false},
        {"CN=a\\=b", "CN=a=b", true},
        {"CN=\\C3\\A5", "CN=\xC3\xA5", true},
        {"2.5.4.3=x", "2.5.4.3=X", true},
        {"CN=soc,DC=x", "CN=soc,DC=y", false},
        {"CN=soc,OU=evil,OU=Groups", "CN=soc,OU=Groups", false},
        {"CN=soc\\,OU=Groups", "CN=soc,OU=Groups", false}, /* a comma in a value is no part */
        {"CN=a+OU=b", "CN=a,OU=b", false},
        {"CN=a", "OU=a", false},
    };
    static const char *const bad[] = {"", "soc", "=x", "CN=", "CN=a,", "CN=a,,OU=b", ",CN=a", "CN=\"a\"", "CN=a\\", "CN=a\\zz", "C N=a", "CN=<a>", "CN=a,b", "CN= ,OU=x"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(directory_dn_same(span_of(cases[i].a), span_of(cases[i].b)), cases[i].same);
        assert_int_equal(directory_dn_same(span_of(cases[i].b), span_of(cases[i].a)), cases[i].same);
        assert_true(directory_dn_same(span_of(cases[i].a), span_of(cases[i].a)));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(directory_dn_same(span_of(bad[i]), span_of(bad[i])));
    }
    assert_false(directory_dn_same(span_make("CN=a\0b", 6), span_make("CN=a\0b", 6)));
    char *large = mem_alloc(DIRECTORY_DN_MAX + 1);
    memset(large, 'a', DIRECTORY_DN_MAX + 1);
    memcpy(large, "cn=", 3);
    assert_true(directory_dn_same(span_make(large, DIRECTORY_DN_MAX), span_make(large, DIRECTORY_DN_MAX)));
    assert_false(directory_dn_same(span_make(large, DIRECTORY_DN_MAX + 1), span_make(large, DIRECTORY_DN_MAX + 1)));
    mem_free(large);
}

static void ids(void **state)
{
    /* [MS-DTYP] §2.3.4: the bytes of 01020304-0506-0708-090a-0b0c0d0e0f10 */
    static const char guid[] = {4, 3, 2, 1, 6, 5, 8, 7, 9, 10, 11, 12, 13, 14, 15, 16};
    char text[DIRECTORY_ID_TEXT_MAX], back[DIRECTORY_ID_MAX];
    size_t n = 0, m = 0;
    (void)state;
    assert_true(directory_id_text(SPAN("objectguid"), span_make(guid, 16), text, &n));
    SAME(span_make(text, n), "01020304-0506-0708-090a-0b0c0d0e0f10");
    assert_true(directory_id_value(SPAN("objectGUID"), span_make(text, n), back, &m) && m == 16 && memcmp(back, guid, 16) == 0);
    assert_false(directory_id_text(SPAN("objectGUID"), span_make(guid, 15), text, &n));
    assert_false(directory_id_text(SPAN("objectGUID"), SPAN(""), text, &n));
    static const char *const bad[] = {"", "01020304-0506-0708-090a-0b0c0d0e0f1", "010203040506-0708-090a-0b0c0d0e0f10", "01020304-0506-0708-090a-0b0c0d0e0f1g",
                                      "01020304-0506-0708-090a-0b0c0d0e0f1011", "01020304-0506-0708-090a+0b0c0d0e0f10"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(directory_id_value(SPAN("objectGUID"), span_of(bad[i]), back, &m));
    }
    assert_true(directory_id_text(SPAN("entryUUID"), SPAN("01020304-0506-0708-090A-0B0C0D0E0F10"), text, &n));
    SAME(span_make(text, n), "01020304-0506-0708-090a-0b0c0d0e0f10");
    assert_true(directory_id_value(SPAN("entryUUID"), span_make(text, n), back, &m) && m == 36);
    assert_false(directory_id_text(SPAN("entryUUID"), SPAN(""), text, &n));
    assert_false(directory_id_text(SPAN("entryUUID"), SPAN("a b"), text, &n));
    assert_false(directory_id_text(SPAN("entryUUID"), SPAN("a\x80"), text, &n));
    char large[DIRECTORY_ID_MAX + 1];
    memset(large, 'a', sizeof large);
    assert_true(directory_id_text(SPAN("entryUUID"), span_make(large, DIRECTORY_ID_MAX), text, &n));
    assert_false(directory_id_text(SPAN("entryUUID"), span_make(large, sizeof large), text, &n));
}

static void roles(void **state)
{
    struct provider_role rows[] = {{SPAN("CN=chiefs,DC=x"), SPAN("ciso"), SPAN("*")}, {SPAN("CN=soc,DC=x"), SPAN("analyst"), SPAN("town")}};
    struct directory d = {.roles = rows, .nroles = 2};
    struct span groups[] = {SPAN("no dn at all"), SPAN("cn=SOC, dc=x"), SPAN("cn=chiefs,dc=y")};
    struct directory_entry e = {.groups = groups, .ngroups = 3};
    (void)state;
    assert_ptr_equal(directory_role(&d, &e), &rows[1]);
    groups[0] = SPAN("CN=CHIEFS,DC=x"); /* the first row counts */
    assert_ptr_equal(directory_role(&d, &e), &rows[0]);
    e.ngroups = 0;
    assert_null(directory_role(&d, &e));
    groups[0] = SPAN("no dn at all");
    rows[0].group = SPAN("no dn at all"); /* what is no DN equals nothing, not even itself */
    e.ngroups = 1;
    assert_null(directory_role(&d, &e));
}

static void barred(void **state)
{
    static const struct {
        const char *control, *locked, *locked2, *expires;
        bool barred;
    } cases[] = {
        {"", "", "", "", false},
        {"512", "", "", "0", false},
        {"514", "", "", "", true},
        {"66050", "", "", "", true},
        {"66048", "", "", "9223372036854775807", false},
        {"-2147483136", "", "", "", false},
        {"-2147483134", "", "", "", true},
        {"x", "", "", "", true},
        {"99999999999999999999999", "", "", "", true},
        {"", "000001010000Z", "", "", true},
        {"", "20261128010000Z", "", "", false}, /* until when, the directory says at each bind */
        {"", "", "TRUE", "", true},
        {"", "", "false", "", false},
        {"512", "", "", "132223104000000000", true},  /* 2020-01-01 */
        {"512", "", "", "155000000000000000", false}, /* 2092 */
        {"512", "", "", "x", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct directory_entry e = {.control = span_of(cases[i].control), .locked = span_of(cases[i].locked), .locked2 = span_of(cases[i].locked2),
                                          .expires = span_of(cases[i].expires)};
        assert_int_equal(directory_barred(&e, INT64_C(1795000000) * TIME_SECOND).len > 0, cases[i].barred); /* November 2026 */
    }
}

static void messages(void **state)
{
    struct span groups[] = {SPAN("CN=a"), SPAN("CN=b")};
    const struct directory_answer a = {.said = DIRECTORY_FOUND,
                                       .entry = {.dn = SPAN("cn=x"), .id = SPAN("i"), .shown = SPAN("x"), .control = SPAN("512"), .ngroups = 2, .groups = groups}};
    const struct directory_ask q = {DIRECTORY_PROVE, SPAN("city"), SPAN("id"), SPAN("secret")};
    struct directory_answer f;
    struct directory_ask got;
    struct arena arena;
    struct buf b;
    (void)state;
    arena_init(&arena, 0);
    buf_init(&b, DIRECTORY_ANSWER_MAX);
    directory_answer_encode(&b, &a);
    for (size_t cut = 0; cut <= b.len; cut++) {
        char *exact = mem_alloc(cut + 1);
        memcpy(exact, b.data, cut);
        struct cursor in = cursor_of(span_make(exact, cut));
        directory_answer_decode(&in, &arena, &f);
        assert_int_equal(cursor_done(&in), cut == b.len);
        assert_true(cut < b.len || (f.entry.ngroups == 2 && span_eq(f.entry.groups[1], groups[1]) && span_eq(f.entry.control, SPAN("512"))));
        mem_free(exact);
    }
    buf_clear(&b);
    directory_ask_encode(&b, &q);
    struct cursor in = cursor_of(buf_view(&b));
    directory_ask_decode(&in, &got);
    assert_true(cursor_done(&in) && got.errand == DIRECTORY_PROVE && span_eq(got.password, SPAN("secret")));
    static const struct directory_ask bad[] = {
        {DIRECTORY_LOG_IN, SPAN("city"), SPAN("anna"), SPAN("")}, /* the unauthenticated bind */
        {DIRECTORY_LOG_IN, SPAN("city"), SPAN(""), SPAN("x")},
        {DIRECTORY_LOG_IN, SPAN("City"), SPAN("anna"), SPAN("x")},
        {DIRECTORY_ERRANDS, SPAN("city"), SPAN("anna"), SPAN("x")},
        {DIRECTORY_STATES, SPAN("city"), SPAN("ids"), SPAN("x")}, /* nobody's password is in it */
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        buf_clear(&b);
        directory_ask_encode(&b, &bad[i]);
        in = cursor_of(buf_view(&b));
        directory_ask_decode(&in, &got);
        assert_false(cursor_done(&in));
    }
    buf_free(&b);
    arena_fini(&arena);
}

static void leavers(void **state)
{
    struct directory_entry rows[] = {{.dn = SPAN("cn=a"), .id = SPAN("1"), .control = SPAN("514")}, {.dn = SPAN("cn=b"), .id = SPAN("2")}};
    const struct directory_answer a = {.said = DIRECTORY_STATED, .nstates = 2, .states = rows};
    struct directory_answer f;
    struct arena arena;
    struct buf b;
    (void)state;
    assert_true(directory_leavers_plausible(0, 0) && directory_leavers_plausible(2, 2) && directory_leavers_plausible(20, 100));
    assert_false(directory_leavers_plausible(3, 3) || directory_leavers_plausible(21, 100) || directory_leavers_plausible(3, 14));
    assert_true(directory_leavers_plausible(3, 15));
    arena_init(&arena, 0);
    buf_init(&b, DIRECTORY_ANSWER_MAX);
    directory_answer_encode(&b, &a);
    for (size_t cut = 0; cut <= b.len; cut++) {
        struct cursor in = cursor_of(span_make(b.data, cut));
        directory_answer_decode(&in, &arena, &f);
        assert_int_equal(cursor_done(&in), cut == b.len);
    }
    assert_true(f.nstates == 2 && span_eq(f.states[0].control, SPAN("514")) && span_eq(f.states[1].id, SPAN("2")));
    buf_free(&b);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses), cmocka_unit_test(filters), cmocka_unit_test(attributes), cmocka_unit_test(names),
        cmocka_unit_test(ids),       cmocka_unit_test(roles),   cmocka_unit_test(barred),     cmocka_unit_test(messages), cmocka_unit_test(leavers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
