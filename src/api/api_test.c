/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of the pure parts of the HTTP side: addresses, forms, headers, routes, fields, text
 * offsets, certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "api/api_priv.h"
#include "api/page.h"
#include "api/tls.h"
#include "base/mem.h"
#include "desk/federation/watch.h"
#include "records/alert_row.h"
#include "records/appointment_gaps.h"
#include "records/due.h"
#include "records/fed_item.h"
#include "records/people.h"
#include "records/registers/record_history.h"
#include "records/rule_cost.h"

static struct arena arena;

/* In an exact-size block, so that a read past the end shows under a sanitizer. */
static struct span exact(struct span s)
{
    char *p = mem_alloc(s.len == 0 ? 1 : s.len);
    memcpy(p, s.ptr, s.len);
    return span_make(p, s.len);
}

static void addresses(void **state)
{
    (void)state;
    static const struct {
        struct span raw;
        int rc;
        struct span path;
    } cases[] = {
        {{"/", 1}, 0, {"/", 1}},
        {{"/alerts/a%2Db", 13}, 0, {"/alerts/a-b", 11}},
        {{"/a?x=1&y=%C3%A9+z", 17}, 0, {"/a", 2}},
        {{"/a/", 3}, 0, {"/a/", 3}},
        {{"", 0}, ERR_INVALID, {0}},
        {{"a", 1}, ERR_INVALID, {0}},
        {{"http://x/", 9}, ERR_INVALID, {0}},
        {{"/a//b", 5}, ERR_INVALID, {0}},
        {{"/a/../b", 7}, ERR_INVALID, {0}},
        {{"/a/%2e%2e/b", 11}, ERR_INVALID, {0}},
        {{"/a/./b", 6}, ERR_INVALID, {0}},
        {{"/a%2fb", 6}, ERR_INVALID, {0}},
        {{"/a%00b", 6}, ERR_INVALID, {0}},
        {{"/a%0ab", 6}, ERR_INVALID, {0}},
        {{"/a%", 3}, ERR_INVALID, {0}},
        {{"/a%2", 4}, ERR_INVALID, {0}},
        {{"/a%zz", 5}, ERR_INVALID, {0}},
        {{"/a%ff", 5}, ERR_INVALID, {0}},
        {{"/a b", 4}, ERR_INVALID, {0}},
        {{"/a#b", 4}, ERR_INVALID, {0}},
        {{"/a?x=1&x=2", 10}, ERR_INVALID, {0}},
        {{"/\xc3\xa9", 3}, ERR_INVALID, {0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct uri u;
        struct err e = {0};
        struct span raw = exact(cases[i].raw);
        int rc = uri_parse(raw, &arena, &u, &e);
        if (rc != cases[i].rc || (rc == 0 && !span_eq(u.path, cases[i].path))) {
            fail_msg("case %zu %.*s: %d %s", i, SPAN_ARG(cases[i].raw), rc, e.text);
        }
        mem_free((void *)(uintptr_t)raw.ptr);
    }
    struct uri u;
    assert_int_equal(uri_parse(SPAN("/a?q=%C3%A9+z&n=&flag"), &arena, &u, NULL), 0);
    assert_true(span_eq(uri_get(&u.query, "q"), SPAN("é z")));
    assert_int_equal(u.query.count, 3);
    char *many = mem_alloc(URI_MAX + 2);
    memset(many, 'a', URI_MAX + 2);
    many[0] = '/';
    assert_int_equal(uri_parse(span_make(many, URI_MAX + 1), &arena, &u, NULL), ERR_LIMIT);
    assert_int_equal(uri_parse(span_make(many, URI_MAX), &arena, &u, NULL), 0);
    mem_free(many);
}

static void forms(void **state)
{
    (void)state;
    struct uri_pairs p;
    assert_int_equal(uri_parse_form(SPAN("name=Anna+B&password=a%26b%3D%0Ac"), &arena, &p, NULL),
                     0);
    assert_true(span_eq(uri_get(&p, "name"), SPAN("Anna B")));
    assert_true(span_eq(uri_get(&p, "password"), SPAN("a&b=\nc")));
    assert_int_equal(uri_parse_form(SPAN("a=1&a=2"), &arena, &p, NULL), ERR_INVALID);
    assert_int_equal(uri_parse_form(SPAN("a=%00"), &arena, &p, NULL), ERR_INVALID);
    char many[8 * (URI_PAIRS_MAX + 1)];
    size_t n = 0;
    for (int i = 0; i <= URI_PAIRS_MAX; i++) {
        n += (size_t)snprintf(many + n, sizeof many - n, "a%d=1&", i);
    }
    assert_int_equal(uri_parse_form(span_make(many, n), &arena, &p, NULL), ERR_LIMIT);
}

static const struct head_policy plain = {.nhosts = 1, .hosts = {{"desk.example", 12}}};
static const struct head_policy secure = {
    .tls = true, .nhosts = 1, .hosts = {{"desk.example", 12}}};

/* "name: value" pairs separated by line breaks. */
static struct head head_of(const char *text)
{
    struct head h = {0};
    struct span rest = span_of(text);
    while (rest.len > 0) {
        ptrdiff_t end = span_find(rest, '\n');
        struct span one = span_sub(rest, 0, end < 0 ? rest.len : (size_t)end);
        rest = end < 0 ? SPAN("") : span_sub(rest, (size_t)end + 1, rest.len);
        ptrdiff_t colon = span_find(one, ':');
        h.field[h.count++] = (struct head_field){
            span_sub(one, 0, (size_t)colon), span_trim(span_sub(one, (size_t)colon + 1, one.len))};
    }
    return h;
}

static const struct {
    const char *text;
    bool changes, tls;
    unsigned status;
} header_cases[] = {
    {"Host: 127.0.0.1:8600", false, false, 0},
    {"Host: localhost", false, false, 0},
    {"host: LOCALHOST:80", false, false, 0},
    {"Host: [::1]:8600", false, false, 0},
    {"Host: desk.example:8600", false, false, 0},
    {"Host: evil.example", false, false, 421},
    {"Host: 127.0.0.1.evil.example", false, false, 421},
    {"Host: localhost.evil.example:8600", false, false, 421},
    {"Host: [::1].evil", false, false, 421},
    {"Host: localhost:99999", false, false, 421},
    {"Host: localhost:x", false, false, 421},
    {"Host: localhost:", false, false, 421},
    {"Host: user@localhost", false, false, 421},
    {"Host:", false, false, 421},
    {"Accept: */*", false, false, 400},
    {"Host: localhost\nHost: localhost", false, false, 400},
    {"Host: localhost\nContent-Length: 5\ncontent-length: 5", true, false, 400},
    {"Host: localhost\nTransfer-Encoding: chunked\nContent-Length: 5", true, false, 411},
    {"Host: localhost\nTransfer-Encoding: chunked", true, false, 411},
    {"Host: localhost\nContent-Length: -1", true, false, 400},
    {"Host: localhost\nContent-Length: 5, 5", true, false, 400},
    {"Host: localhost\nContent-Length: +5", true, false, 400},
    {"Host: localhost\nContent-Length: 1001", true, false, 413},
    {"Host: localhost\nContent-Length: 1000", true, false, 0},
    {"Host: localhost\nContent-Length: 99999999999999999999999", true, false, 400},
    {"Host: localhost\nContent-Encoding: gzip", true, false, 415},
    {"Host: localhost\nCookie: a=1\nCookie: b=2", false, false, 400},
    {"Host: localhost:8600\nOrigin: http://localhost:8600", true, false, 0},
    {"Host: localhost:8600\nOrigin: http://evil.example", true, false, 403},
    {"Host: localhost:8600\nOrigin: https://localhost:8600", true, false, 403},
    {"Host: localhost:8600\nOrigin: https://localhost:8600", true, true, 0},
    {"Host: localhost:8600\nOrigin: null", true, false, 403},
    {"Host: localhost:8600\nOrigin:", true, false, 403},
    {"Host: localhost:8600\nOrigin: http://evil.example", false, false, 0},
    {"Host: localhost\nSec-Fetch-Site: cross-site", true, false, 403},
    {"Host: localhost\nSec-Fetch-Site: same-site", true, false, 403},
    {"Host: localhost\nSec-Fetch-Site: same-origin", true, false, 0},
    {"Host: localhost\nX-A: a\x01z", false, false, 400},
};

static void headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(header_cases); i++) {
        struct head h = head_of(header_cases[i].text);
        struct head_verdict v = head_check(&h, header_cases[i].tls ? &secure : &plain,
                                           SPAN("HTTP/1.1"), header_cases[i].changes, 1000);
        if (v.status != header_cases[i].status) {
            fail_msg("case %zu \"%s\": %u", i, header_cases[i].text, v.status);
        }
    }
    struct head h = head_of("Host: localhost");
    assert_int_equal(head_check(&h, &plain, SPAN("HTTP/1.0"), false, 1).status, 505);
    h.overflow = true;
    assert_int_equal(head_check(&h, &plain, SPAN("HTTP/1.1"), false, 1).status, 431);
}

static void cookies(void **state)
{
    (void)state;
    struct head h = head_of("Cookie: a=1; sereno_session=abc;b=2");
    assert_true(span_eq(head_cookie(&h, SPAN("sereno_session")), SPAN("abc")));
    assert_true(span_eq(head_cookie(&h, SPAN("b")), SPAN("2")));
    assert_int_equal(head_cookie(&h, SPAN("c")).len, 0);
    h = head_of("Cookie: s=1; s=2"); /* two of one name: somebody planted one */
    assert_int_equal(head_cookie(&h, SPAN("s")).len, 0);
    h = head_of("Cookie: ;;=;s");
    assert_int_equal(head_cookie(&h, SPAN("s")).len, 0);
}

static void routes_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *found, *allowed;
    } cases[] = {
        {"GET", "/api/v1/alerts", "/api/v1/alerts", NULL},
        {"GET", "/api/v1/alerts/abc", "/api/v1/alerts/{id}", NULL},
        {"POST", "/api/v1/alerts/abc/close", "/api/v1/alerts/{id}/close", NULL},
        {"POST", "/api/v1/alerts/abc", NULL, "GET"},
        {"DELETE", "/api/v1/tokens/x", "/api/v1/tokens/{id}", NULL},
        {"PUT", "/api/v1/tokens", NULL, "GET, POST"},
        {"DELETE", "/api/v1/registers/findings/abc", NULL, "GET, PUT"},
        {"GET", "/api/v1/registers/findings/import", NULL, "POST"},
        {"POST", "/api/v1/registers/findings/import", "/api/v1/registers/{kind}/import", NULL},
        {"GET", "/api/v1/alerts/", NULL, NULL},
        {"GET", "/api/v1/alerts/a/b/c", NULL, NULL},
        {"GET", "/api/v1", NULL, NULL},
        {"GET", "/nowhere", NULL, NULL},
        {"get", "/login", NULL, "GET, POST"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span params[REQUEST_PARAMS_MAX];
        char allowed[ROUTE_ALLOWED_MAX];
        const struct route *r = route_find(span_of(cases[i].method), span_of(cases[i].path), params, allowed);
        bool same = r == NULL ? cases[i].found == NULL
                              : cases[i].found != NULL && strcmp(r->path, cases[i].found) == 0;
        if (!same || strcmp(allowed, cases[i].allowed == NULL ? "" : cases[i].allowed) != 0) {
            fail_msg("%s %s: %s, %s", cases[i].method, cases[i].path, r == NULL ? "-" : r->path, allowed);
        }
    }
}

/* The bounds of numbers stand in the table as text: they are those that the code behind can take. */
static void numbers_have_the_bounds_of_the_code(void **state)
{
    (void)state;
    static const struct {
        api_handler *handler;
        const char *fields;
        int64_t most;
    } cases[] = {
        {show_alerts, "limit:1..", ALERT_PAGE_MAX},
        {show_people, "limit:1..", PEOPLE_PAGE_MAX},
        {show_rules, "limit:1..", RULE_PAGE_MAX},
        {show_hunts, "limit:1..", HUNTS_PAGE_MAX},
        {show_items, "limit:1..", FED_ITEMS_PAGE_MAX},
        {show_due, "limit:1..", DUE_PAGE_MAX},
        {show_records, "limit:1..", RECORD_PAGE_MAX},
        {record_history_get, "limit:1..", RECORD_HISTORY_PAGE_MAX},
        {rule_costs_get, "limit:1..", RULE_COST_LIST_MAX},
        {appointment_gaps_get, "days:1..", GAP_DAYS_MAX},
        {warning_dry_run, "days:1..", WATCH_DRY_RUN_DAYS_MAX},
        {link_page_create, "days:1..", FED_LINK_PAGE_DAYS_MAX},
    };
    size_t n = 0;
    const struct route *table = route_table(&n);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t k = 0;
        while (k < n && table[k].handler != cases[i].handler) {
            k++;
        }
        assert_true(k < n);
        char want[64];
        (void)snprintf(want, sizeof want, "%s%" PRId64, cases[i].fields, cases[i].most);
        const char *at = strstr(table[k].query_fields, want);
        at = at == NULL ? strstr(table[k].body_fields, want) : at;
        if (at == NULL || at[strlen(want)] > ' ') {
            fail_msg("%s: not %s", table[k].path, want);
        }
    }
}

/* Only what somebody decided to leave open is open; what changes something never is, but for the
 * forms, and what everybody does with his own account. */
static void nothing_is_open_by_accident(void **state)
{
    (void)state;
    size_t n = 0;
    const struct route *table = route_table(&n);
    for (size_t i = 0; i < n; i++) {
        bool api_path = strncmp(table[i].path, "/api/", 5) == 0;
        assert_false(api_path && table[i].right == RIGHT_ANYBODY);
        if (strcmp(table[i].method, "GET") != 0 && table[i].right <= RIGHT_KNOWN) {
            static api_handler *const meant[] = {login_post,       login_code_post,    directory_post,     setup_post,        welcome_post,
                                                 logout_post,      own_session_end,    own_password,      own_factor_begin,
                                                 own_factor_confirm, own_factor_remove, own_recovery_codes, own_token_create,  own_token_end};
            bool is_meant = false;
            for (size_t k = 0; k < ARRAY_LEN(meant); k++) {
                is_meant = is_meant || table[i].handler == meant[k];
            }
            assert_true(is_meant);
        }
    }
}

static void json_fields(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc; /* 1 = reads, but the table refuses */
    } cases[] = {
        {"{\"revision\":1,\"reason\":\"benign\",\"note\":\"a\\nb\\u00e9\"}", 0},
        {" { \"revision\" : 12 , \"reason\":\"duplicate\" } ", 0},
        {"{\"revision\":1,\"reason\":\"benign\",\"note\":null}", 0},
        {"{\"revision\":1}", 1},
        {"{\"revision\":1,\"reason\":\"benign\",\"days\":1}", 0},
        {"{\"revision\":1,\"reason\":\"benign\",\"days\":400}", 0},
        {"{\"revision\":1,\"reason\":\"benign\",\"days\":0}", 1},
        {"{\"revision\":1,\"reason\":\"benign\",\"days\":401}", 1},
        {"{\"revision\":1,\"reason\":\"benign\",\"days\":\"7\"}", 1},
        {"{\"revision\":1.5,\"reason\":\"benign\"}", 1},
        {"{\"revision\":true,\"reason\":\"benign\"}", 1},
        {"{\"revision\":\"1\",\"reason\":\"benign\"}", 1},
        {"{\"revision\":1,\"reason\":\"benign\",\"note\":7}", 1},
        {"{\"revision\":1,\"reason\":\"benign\",\"note\":false}", 1},
        {"{\"revision\":1,\"reason\":\"because\"}", 1},
        {"{\"revision\":1,\"reason\":\"benign\",\"extra\":1}", 1},
        {"{\"revision\":1,\"revision\":2,\"reason\":\"benign\"}", ERR_INVALID},
        {"{\"revision\":[1,2],\"reason\":\"benign\"}", ERR_INVALID},
        {"{\"revision\":{\"a\":1},\"reason\":\"benign\"}", 1},
        {"{\"revision\":1,\"reason\":\"benign\",\"note\":\"a\\u0000b\"}", ERR_INVALID},
        {"[]", ERR_INVALID},
        {"", ERR_INVALID},
        {"{", ERR_INVALID},
        {"{\"revision\":1,\"reason\":\"benign\"} x", ERR_INVALID},
        {"\"text\"", ERR_INVALID},
    };
    const char *spec =
        "revision:int! reason:true_positive|false_positive|benign|duplicate! note:text days:1..400";
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct uri_pairs p;
        struct err e = {0};
        const char *where = NULL;
        struct span text = exact(span_of(cases[i].text));
        int rc = fields_from_json(text, &arena, &p, &e);
        rc = rc < 0 ? ERR_INVALID : fields_check(spec, &p, &where, &e) < 0 ? 1 : 0;
        if (rc != cases[i].rc) {
            fail_msg("%s: %d %s", cases[i].text, rc, e.text);
        }
        mem_free((void *)(uintptr_t)text.ptr);
    }
}

static void offsets_are_code_units(void **state)
{
    (void)state;
    static const struct {
        struct span s;
        size_t bytes, units;
    } cases[] = {
        {{"abc", 3}, 2, 2},           {{"é1", 3}, 2, 1}, {{"\xF0\x9F\x98\x80x", 5}, 4, 2},
        {{"\xFF\xFFx", 3}, 2, 2},     {{"", 0}, 5, 0},   {{"abc", 3}, 9, 3},
        {{"\xE2\x82\xACz", 4}, 3, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span s = exact(cases[i].s);
        assert_int_equal(utf16_units(s, cases[i].bytes), cases[i].units);
        mem_free((void *)(uintptr_t)s.ptr);
    }
}

static void pages_escape(void **state)
{
    (void)state;
    struct buf b;
    struct span hostile = SPAN("\"><script>alert(1)</script>'&\n\xff");
    struct provider provider = {.name = SPAN("city"), .title = hostile};
    const struct sign_in providers = {.n = 1, .providers = &provider};
    page_login(&b, &(struct page_login){hostile, hostile, hostile, hostile, hostile, words_default(), &providers, NULL});
    assert_false(b.failed);
    assert_null(memmem(b.data, b.len, "<script", 7));
    buf_free(&b);
    struct directory directory = {.name = SPAN("office"), .title = hostile};
    const struct sign_in both = {.ndirectories = 1, .directories = &directory};
    for (int i = 0; i < 2; i++) { /* its button, and its own form */
        page_login(&b, &(struct page_login){hostile, hostile, hostile, hostile, hostile, words_default(), &both, i == 0 ? NULL : &directory});
        assert_null(memmem(b.data, b.len, "<script", 7));
        assert_non_null(memmem(b.data, b.len, "\"/login/directory/office", 23));
        buf_free(&b);
    }
    page_setup(&b, &(struct page_setup){hostile, hostile, hostile, hostile, false, hostile, words_default()});
    assert_null(memmem(b.data, b.len, "<script", 7));
    buf_free(&b);
    page_signed_in(&b, words_default(), hostile);
    assert_null(memmem(b.data, b.len, "<script", 7));
    buf_free(&b);
    page_error(&b, words_default(), 404, "<b>");
    assert_null(memmem(b.data, b.len, "<b>", 3));
    buf_free(&b);
}

static void own_certificate_is_good(void **state)
{
    (void)state;
    struct buf cert;
    struct buf key;
    struct err e = {0};
    struct head_policy policy = {0};
    char print[TLS_FINGERPRINT_TEXT];
    buf_init(&cert, TLS_PEM_MAX);
    buf_init(&key, TLS_PEM_MAX);
    assert_int_equal(tls_make_own("desk.example", &cert, &key, &e), 0);
    assert_non_null(strstr(cert.data, "BEGIN CERTIFICATE"));
    assert_non_null(strstr(key.data, "BEGIN PRIVATE KEY"));
    assert_int_equal(tls_describe(span_of(cert.data), &arena, &policy, print, sizeof print, &e), 0);
    assert_int_equal(strlen(print), TLS_FINGERPRINT_TEXT - 1);
    assert_int_equal(policy.nhosts, 2);
    assert_true(span_eq(policy.hosts[0], SPAN("desk.example")));
    assert_int_equal(tls_describe(SPAN("nonsense"), &arena, &policy, print, sizeof print, &e),
                     ERR_INVALID);
    buf_free(&cert);
    buf_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),        cmocka_unit_test(forms),
        cmocka_unit_test(headers),          cmocka_unit_test(cookies),
        cmocka_unit_test(routes_are_found), cmocka_unit_test(numbers_have_the_bounds_of_the_code), cmocka_unit_test(nothing_is_open_by_accident),
        cmocka_unit_test(json_fields),      cmocka_unit_test(offsets_are_code_units),
        cmocka_unit_test(pages_escape),     cmocka_unit_test(own_certificate_is_good),
    };
    struct err e;
    if (sodium_init() < 0 || api_preload(&e) < 0) {
        return 1;
    }
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
