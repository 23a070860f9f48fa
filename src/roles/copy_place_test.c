/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of where a copy on the network lies: URLs, pins, the message to the courier, names of files. */
#include "roles/copy_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "roles/copy_file.h"

/* SHA-256 of nothing, as ssh-keygen would print it. */
#define PIN "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"

#define SAME(got, want) assert_true(span_eq(got, SPAN(want)))

static const struct {
    const char *text, *user, *host, *path;
    uint16_t port;
} urls[] = {
    {"sftp://sereno@safe.example/copies", "sereno", "safe.example", "/copies", 22},
    {"sftp://s@10.0.0.1:2222/a/b/", "s", "10.0.0.1", "/a/b", 2222},
    {"sftp://u_1.x@[fd00::1]:22/~/day files", "u_1.x", "fd00::1", "/~/day files", 22},
    {"sftp://u@h", "u", "h", "", 22},
    {"sftp://u@h/", "u", "h", "", 22},
    {"sftp://u@h:65535/x", "u", "h", "/x", 65535},
};

static const char *const bad_urls[] = {
    "", "sftp://", "sftp:", "/mnt/safe", "ftp://u@h/x", "SFTP://u@h/x", "sftp://h/x", "sftp://@h/x", "sftp://u@/x", "sftp://u:secret@h/x", "sftp://u@h:/x",
    "sftp://u@h:0/x", "sftp://u@h:65536/x", "sftp://u@h:22x/x", "sftp://u@h//x", "sftp://u@h/a/../b", "sftp://u@h/./b", "sftp://u@h/a//b", "sftp://u@h/a\nb",
    "sftp://u@[fd00::1/x", "sftp://u@[]/x", "sftp://u@h h/x", "sftp://u@h/x?y", "sftp://u@h/%2e%2e",
};

static void reading(void **state)
{
    (void)state;
    struct copy_url u;
    struct err e;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        assert_int_equal(copy_url_parse(span_of(urls[i].text), &u, &e), 0);
        assert_true(span_eq(u.user, span_of(urls[i].user)) && span_eq(u.host, span_of(urls[i].host)) && span_eq(u.path, span_of(urls[i].path)));
        assert_int_equal(u.port, urls[i].port);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad_urls); i++) {
        memset(&e, 0, sizeof e);
        assert_int_equal(copy_url_parse(span_of(bad_urls[i]), &u, &e), ERR_INVALID);
        assert_null(strstr(e.text, "secret"));
    }
    char longest[COPY_URL_MAX + 2];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "sftp://u@h/", 11);
    assert_int_equal(copy_url_parse(span_make(longest, COPY_URL_MAX), &u, &e), 0);
    assert_int_equal(copy_url_parse(span_make(longest, COPY_URL_MAX + 1), &u, &e), ERR_INVALID);
}

static void buckets(void **state)
{
    (void)state;
    static const char *const bad[] = {"s3://", "s3:///x", "s3://ab", "s3://bu cket", "s3://bucket//x", "s3://bucket/../x", "s3://bucket/a b", "s3://bucket/a+b", "s3://u@bucket/x", "s3://bucket?x",
                                      "s3://b123456789012345678901234567890123456789012345678901234567890123/x"};
    static const char *const bad_endpoints[] = {"", "s3.example", "ftp://s3.example", "https://", "https://s3.example/x", "https://u:p@s3.example", "https://s3.example:0"};
    struct copy_url u;
    struct err e;
    assert_int_equal(copy_url_parse(SPAN("s3://safe-1.city/a/b_c/"), &u, &e), 0);
    assert_int_equal(u.way, COPY_S3);
    SAME(u.host, "safe-1.city");
    SAME(u.path, "/a/b_c");
    assert_int_equal(copy_url_parse(SPAN("s3://abc"), &u, &e), 0);
    assert_int_equal(u.path.len, 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(copy_url_parse(span_of(bad[i]), &u, &e), ERR_INVALID);
    }
    struct copy_place p = {.url = SPAN("s3://abc/x"), .endpoint = SPAN("https://s3.example:9000"), .region = SPAN("eu-1"), .lock_days = 30, .piece_mib = 5120};
    assert_int_equal(copy_place_check(&p, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(bad_endpoints); i++) {
        struct copy_place wrong = p;
        wrong.endpoint = span_of(bad_endpoints[i]);
        assert_int_equal(copy_place_check(&wrong, &e), ERR_INVALID);
    }
    p.region = SPAN("eu 1");
    assert_int_equal(copy_place_check(&p, &e), ERR_INVALID);
    p.region = SPAN("");
    p.piece_mib++;
    assert_int_equal(copy_place_check(&p, &e), ERR_INVALID);
    p.piece_mib = 0;
    p.npins = 1;
    p.pins[0] = SPAN(PIN);
    assert_int_equal(copy_place_check(&p, &e), ERR_INVALID);
    p = (struct copy_place){.url = SPAN("sftp://u@h/x"), .npins = 1, .pins = {SPAN(PIN)}, .endpoint = SPAN("https://s3.example")};
    assert_int_equal(copy_place_check(&p, &e), ERR_INVALID);
}

static void pins(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "SHA256:", "MD5:47DEQpj8", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", PIN "=", PIN "A", "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF",
                                      "SHA256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", "sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"};
    unsigned char pin[COPY_PIN_BYTES];
    struct err e;
    assert_int_equal(copy_pin_parse(SPAN(PIN), pin, &e), 0);
    assert_memory_equal(pin, "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14", 8); /* FIPS 180-4's hash of the empty message begins so */
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(copy_pin_parse(span_of(bad[i]), pin, &e), ERR_INVALID);
    }
}

static void checking(void **state)
{
    (void)state;
    struct err e;
    struct copy_place p = {.url = SPAN("sftp://u@h/x")};
    assert_int_equal(copy_place_check(&p, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "host_key"));
    p.npins = 1;
    p.pins[0] = SPAN("SHA256:x");
    assert_int_equal(copy_place_check(&p, &e), ERR_INVALID);
    p.pins[0] = SPAN(PIN);
    assert_int_equal(copy_place_check(&p, &e), 0);
    p.nallow = 1;
    p.allow[0] = SPAN("10.0.0.0/33");
    assert_int_equal(copy_place_check(&p, &e), ERR_INVALID);
}

static void travelling(void **state)
{
    (void)state;
    const struct copy_place p = {.url = SPAN("sftp://u@h/x"), .npins = 2, .pins = {SPAN(PIN), SPAN("b")}, .nallow = 1, .allow = {SPAN("10.0.0.0/8")},
                                 .endpoint = SPAN("https://e"), .region = SPAN("r"), .lock_days = 7, .piece_mib = 8};
    struct copy_place got;
    struct buf b;
    buf_init(&b, 4096);
    copy_place_encode(&b, &p);
    for (size_t cut = 0; cut <= b.len; cut++) {
        struct cursor c = cursor_of(span_make(b.data, cut));
        copy_place_decode(&c, &got);
        assert_int_equal(cursor_done(&c), cut == b.len);
    }
    SAME(got.url, "sftp://u@h/x");
    SAME(got.pins[1], "b");
    SAME(got.allow[0], "10.0.0.0/8");
    SAME(got.endpoint, "https://e");
    SAME(got.region, "r");
    assert_int_equal(got.lock_days, 7);
    assert_int_equal(got.piece_mib, 8);
    assert_int_equal(got.npins, 2);
    buf_clear(&b);
    buf_str(&b, SPAN("x"));
    buf_u32(&b, COPY_PINS_MAX + 1);
    buf_put(&b, (const char[256]){0}, 256);
    struct cursor c = cursor_of(buf_view(&b));
    copy_place_decode(&c, &got);
    assert_true(c.failed);
    assert_int_equal(got.npins, 0);
    buf_free(&b);
}

static void names(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "sereno-", "sereno-2026-11-26.cop", "sereno-2026-11-26.copy ", ".sereno-2026-11-26.copy.part", "sereno-2026-1a-26.copy", "serenod2026-11-26.copy"};
    char name[COPY_NAME_MAX];
    copy_name(20783, name);
    assert_string_equal(name, "sereno-2026-11-26.copy");
    assert_true(copy_is_name(name));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(copy_is_name(bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reading), cmocka_unit_test(buckets), cmocka_unit_test(pins), cmocka_unit_test(checking), cmocka_unit_test(travelling), cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
