/* SPDX-License-Identifier: EUPL-1.2 */
/* The Chatham House Rule: by hand what goes and what stays; by generation that no planted identity
 * is ever found (P5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/id.h"
#include "base/test_cases.h"
#include "policy/chr.h"

enum { OUT_MAX = 1 << 20, CASES_DEFAULT = 3000 };

static const struct span known[] = {SPAN("Ciudad Farola"), SPAN("farola.example"),
                                    SPAN("Ana Lampara"), SPAN("Ås")};

static int export_of(const char *json, unsigned char key, struct buf *out,
                     struct policy_chr_report *r)
{
    struct policy_chr rule = {.identities = known, .nidentities = 4, .key = {key}};
    struct arena a;
    struct err e;
    arena_init(&a, 0);
    buf_init(out, OUT_MAX);
    int rc = policy_chr_export(span_of(json), &rule, &a, out, r, &e);
    buf_u8(out, 0);
    arena_fini(&a);
    return rc;
}

static void what_goes_and_what_stays(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"{\"title\":\"Phishing at Ciudad Farola\"}", "{\"title\":\"Phishing at [removed]\"}"},
        {"{\"title\":\"ciudad-FAROLA, CIUDADFAROLA.es\"}",
         "{\"title\":\"[removed], [removed].es\"}"},
        {"{\"text\":\"x@mail.farola.example\"}", "{\"text\":\"x@mail.[removed]\"}"},
        {"{\"created_by_ref\":\"identity--1\",\"author\":\"Ana\",\"n\":3}", "{\"n\":3}"},
        {"{\"created\":\"2026-11-26T23:30:00.123-02:00\"}",
         "{\"created\":\"2026-11-27T00:00:00.000Z\"}"},
        {"{\"at\":1795723200,\"ms\":1795723200123,\"port\":443}",
         "{\"at\":1795651200,\"ms\":1795651200000,\"port\":443}"},
        {"{\"tlp\":\"TLP:AMBER\",\"sig\":\"abc\"}", "{\"tlp\":\"TLP:AMBER\"}"},
        {"{\"m\":[\"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421\"]}",
         "{\"m\":[\"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421\"]}"},
        {"{\"objects\":[{\"type\":\"identity\",\"name\":\"x\"},{\"type\":\"note\"}]}",
         "{\"objects\":[{\"type\":\"note\"}]}"},
        {"{\"Ana Lampara\":1,\"b\":2}", "{\"b\":2}"},
        {"{\"a\":\"\xc3\x85s\",\"b\":\"Gl\xc3\x85s\"}",
         "{\"a\":\"[removed]\",\"b\":\"Gl\xc3\x85s\"}"},
        {"{\"a\":{\"a\":[true,null,\"ana lampara\"]}}",
         "{\"a\":{\"a\":[true,null,\"[removed]\"]}}"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct policy_chr_report r;
        struct buf out;
        assert_int_equal(export_of(cases[i].in, 1, &out, &r), 0);
        assert_string_equal(out.data, cases[i].out);
        buf_free(&out);
    }
}

static void ids_are_new_in_each_export_and_the_same_within_it(void **state)
{
    (void)state;
    const char *in = "{\"id\":\"report--6e6c2d5a-3bb5-4f5a-8f0e-0d5c1f4a2b3c\","
                     "\"object_refs\":[\"report--6E6C2D5A-3bb5-4f5a-8f0e-0d5c1f4a2b3c\"]}";
    struct policy_chr_report r;
    struct buf one;
    struct buf two;
    assert_int_equal(export_of(in, 1, &one, &r), 0);
    assert_int_equal(r.ids, 2);
    assert_int_equal(export_of(in, 2, &two, &r), 0);
    assert_string_not_equal(one.data, two.data);
    assert_null(strstr(one.data, "6e6c2d5a"));
    char *first = strstr(one.data, "report--");
    assert_non_null(first);
    assert_non_null(strstr(first + 8, "report--"));
    assert_memory_equal(first, strstr(first + 8, "report--"), 8 + ID_TEXT_LEN);
    assert_true(id_valid(span_make(first + 8, ID_TEXT_LEN)));
    buf_free(&one);
    buf_free(&two);
}

static void a_person_is_asked_to_read(void **state)
{
    (void)state;
    struct policy_chr_report r;
    struct buf out;
    assert_int_equal(
        export_of("{\"title\":\"The mayor called\",\"text\":\"see lamp.example now\",\"n\":1}", 1,
                  &out, &r),
        0);
    assert_int_equal(r.texts, 2);
    assert_int_equal(r.suspicious, 1);
    buf_free(&out);
}

static void what_cannot_be_read_does_not_go(void **state)
{
    static const char *const bad[] = {
        "", "{", "{\"a\":1,\"a\":2}", "{\"a\":1.5}", "{\"a\":\"\\ud800\"}", "nonsense"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct policy_chr_report r;
        struct buf out;
        assert_int_equal(export_of(bad[i], 1, &out, &r), ERR_INVALID);
        assert_int_equal(out.len, 1);
        buf_free(&out);
    }
}

/* ---- generated ---- */

static uint64_t rng;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

/* The identity as somebody might write it: other case, something between its letters. */
static void plant(struct buf *b, const char *identity)
{
    static const char *const between[] = {"", "", "", "", "", "", "-", "_", ".", " ", "'", "/"};
    for (const char *p = identity; *p != '\0'; p++) {
        char c = below(2) == 0 ? ascii_lower(*p) : *p;
        buf_u8(b, (uint8_t)c);
        buf_cstr(b, p[1] == '\0' ? "" : between[below(12)]);
    }
}

static void some_text(struct buf *b, const char *const *identities, uint32_t n)
{
    static const char *const words[] = {"mail ", "from ", "(",   "https://", "@", "was ",
                                        "x",     "\\\"",  "\\n", "T",        "."};
    for (uint32_t k = 1 + below(6); k > 0; k--) {
        if (below(3) == 0) {
            plant(b, identities[below(n)]);
        } else {
            buf_cstr(b, words[below(11)]);
        }
    }
}

static void some_json(struct buf *b, const char *const *identities, uint32_t n, unsigned depth,
                      unsigned *serial)
{
    static const char *const keys[] = {
        "title", "text", "author", "created_by_ref", "objects", "where_sighted_refs", "x", "name"};
    bool array = below(3) == 0;
    buf_cstr(b, array ? "[" : "{");
    for (uint32_t k = below(5); k > 0; k--) {
        if (!array) {
            buf_printf(b, "\"%s%u", keys[below(8)], (*serial)++);
            if (below(8) == 0) {
                plant(b, identities[below(n)]);
            }
            buf_cstr(b, "\":");
        }
        uint32_t what = below(depth < 4 ? 6 : 4);
        if (what == 0) {
            buf_printf(b, "%u", below(1u << 31));
        } else if (what == 1) {
            buf_printf(b, "\"note--%08x-1234-4abc-8def-%012x\"", below(1u << 31), below(1u << 31));
        } else if (what < 4) {
            buf_cstr(b, "\"");
            some_text(b, identities, n);
            buf_cstr(b, "\"");
        } else {
            some_json(b, identities, n, depth + 1, serial);
        }
        buf_cstr(b, k > 1 ? "," : "");
    }
    buf_cstr(b, array ? "]" : "}");
}

/* Another way of looking than the product's: letters and digits alone, in lower case, searched as
 * they are. */
static bool found(struct span text, const char *identity)
{
    static char flat[OUT_MAX];
    char want[64];
    size_t n = 0;
    size_t w = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = ascii_lower(text.ptr[i]);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            flat[n++] = c;
        }
    }
    for (const char *p = identity; *p != '\0'; p++) {
        char c = ascii_lower(*p);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            want[w++] = c;
        }
    }
    return memmem(flat, n, want, w) != NULL;
}

static void no_planted_identity_is_ever_found(void **state)
{
    static const char *const identities[] = {"Quondarville", "zephyrgate.example",
                                             "Wilhelmina Oxblood", "10.77.31.204", "GOTHMOGSOC7"};
    struct span spans[5];
    uint64_t planted = 0;
    struct arena a;
    struct buf in;
    struct buf out;
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        spans[i] = span_of(identities[i]);
    }
    arena_init(&a, 1 << 20);
    buf_init(&in, OUT_MAX);
    buf_init(&out, OUT_MAX);
    for (uint64_t seed = 1; seed <= test_cases(CASES_DEFAULT); seed++) {
        struct policy_chr rule = {.identities = spans,
                                  .nidentities = 5,
                                  .key = {(unsigned char)seed, (unsigned char)(seed >> 8)}};
        struct policy_chr_report r;
        struct err e = {0};
        unsigned serial = 0;
        rng = seed;
        buf_clear(&in);
        buf_clear(&out);
        some_json(&in, identities, 5, 0, &serial);
        int rc = policy_chr_export(buf_view(&in), &rule, &a, &out, &r, &e);
        if (rc != 0) {
            fail_msg("seed %llu: %s", (unsigned long long)seed, e.text);
        }
        for (size_t i = 0; i < 5; i++) {
            planted += found(buf_view(&in), identities[i]) ? 1 : 0;
            if (found(buf_view(&out), identities[i])) {
                fail_msg("seed %llu: %s is left", (unsigned long long)seed, identities[i]);
            }
        }
        arena_reset(&a);
    }
    assert_true(planted > test_cases(CASES_DEFAULT) / 4);
    buf_free(&in);
    buf_free(&out);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_and_what_stays),
        cmocka_unit_test(ids_are_new_in_each_export_and_the_same_within_it),
        cmocka_unit_test(a_person_is_asked_to_read),
        cmocka_unit_test(what_cannot_be_read_does_not_go),
        cmocka_unit_test(no_planted_identity_is_ever_found),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
