/* SPDX-License-Identifier: EUPL-1.2 */
/* What people ask for: indicators and their normal forms, searches and the rules they become, both forms of a hunt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "flow/hunt/person.h"
#include "flow/hunt/hunt_result.h"

static struct arena arena;
static struct err e;

/* An exact-size heap copy: a read past the end is seen. */
static struct span exact(const char *text)
{
    static char *copy;
    size_t n = strlen(text);
    mem_free(copy);
    copy = mem_alloc(n);
    memcpy(copy, text, n);
    return span_make(copy, n);
}

static const struct {
    const char *line;
    const char *want; /* "type value", "+" behind it for sub-domains; NULL: refused */
} lines[] = {
    {"203.0.113.7", "ipv4 203.0.113.7"},
    {"203[.]0[.]113[.]7", "ipv4 203.0.113.7"},
    {"ipv4 203.0.113.256", NULL},
    {"ipv4 203.0.113.07", NULL},
    {"ipv4 1.2.3", NULL},
    {"2001:DB8::1", "ipv6 2001:db8::1"},
    {"ipv6 203.0.113.7", NULL},
    {"ipv6 ::g", NULL},
    {"::ffff:203.0.113.7", "ipv4 ::ffff:203.0.113.7"},
    {"10.0.0.0/8", "cidr 10.0.0.0/8"},
    {"10.0.0.0/33", NULL},
    {"2001:db8::/32", "cidr 2001:db8::/32"},
    {"cidr 2001:db8::/129", NULL},
    {"Evil.Example.", "domain evil.example"},
    {"hxxps://Evil[.]Example/Path#x", "url https://evil.example/Path"},
    {"http://evil.example:80", "url http://evil.example/"},
    {"http://evil.example:8080?q", "url http://evil.example:8080/?q"},
    {"http://user:pw@evil.example/", "url http://evil.example/"},
    {"http://[2001:db8::1]:81/", "url http://[2001:db8::1]:81/"},
    {"url http:///nothing", NULL},
    {"url http://[evil.example]/", NULL}, /* brackets are for addresses with colons */
    {"url http://[[2001:db8::1]/", NULL},
    {"url http://evil]example/", NULL},
    {"url nothing", NULL},
    {"url http://evil.example/ #x", NULL},
    {"url http://evil.example:0a1/", NULL},
    {"[[.]]@evil.example", "email [.]@evil.example"},
    {"*.evil.example", "domain evil.example+"},
    {".evil.example", "domain evil.example+"},
    {"domain evil", NULL},
    {"domain -a.example", NULL},
    {"domain a..example", NULL},
    {"domain 1.2", NULL},
    {"D41D8CD98F00B204E9800998ECF8427E", "md5 d41d8cd98f00b204e9800998ecf8427e"},
    {"md5 d41d", NULL},
    {"sha1 d41d8cd98f00b204e9800998ecf8427e", NULL},
    {"da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"Bad.Man@Evil.Example", "email bad.man@evil.example"},
    {"email @evil.example", NULL},
    {"file C:\\Temp\\Run Me.EXE", "file c:\\temp\\run me.exe"},
    {"file /", NULL},
    {"process MiMiKatz.exe", "process mimikatz.exe"},
    {"command sekurlsa::LogonPasswords", "command sekurlsa::logonpasswords"},
    {"command short", NULL},
    {"two words", NULL},
    {"", NULL},
};

static void indicators(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct indicator in;
        char got[512] = "";
        e = (struct err){0};
        if (indicator_line(exact(lines[i].line), &arena, &in, &e) == 0) {
            (void)snprintf(got, sizeof got, "%s %.*s%s", indicator_type_name(in.type),
                           SPAN_ARG(in.value), in.subdomains ? "+" : "");
        } else {
            assert_true(e.text[0] != '\0');
        }
        if (strcmp(got, lines[i].want == NULL ? "" : lines[i].want) != 0) {
            fail_msg("%s: %s, not %s", lines[i].line, got, lines[i].want);
        }
    }
}

static void validity(void **state)
{
    (void)state;
    struct indicator in;
    assert_int_equal(
        indicator_line(SPAN("evil.example until 2026-11-22T01:00:00Z"), &arena, &in, &e), 0);
    assert_int_equal(in.valid_until, INT64_C(1795309200) * TIME_SECOND);
    assert_int_equal(indicator_line(SPAN("evil.example until Tuesday"), &arena, &in, &e),
                     ERR_INVALID);
}

static const struct {
    const char *search;
    const char *want; /* the condition; NULL: refused */
} searches[] = {
    {"root", "t1"},
    {"root login", "t1 and t2"},
    {"root AND NOT accepted", "t1 and not t2"},
    {"a OR b c", "t1 or t2 and t3"},
    {"(a OR b) c", "(t1 or t2) and t3"},
    {"NOT NOT a", "not not t1"},
    {"user=root", "t1"},
    {"CommandLine|contains=whoami", "t1"},
    {"user=\"two words\" \"a = b\"", "t1 and t2"},
    {"user=", "t1"},
    {"it's", "t1"},
    {"", NULL},
    {"\"\"", NULL},
    {"a AND", NULL},
    {"OR a", NULL},
    {"a OR", NULL},
    {"(a", NULL},
    {"a)", NULL},
    {"\"a", NULL},
    {"=b", NULL},
    {"a'b=c", NULL},
    {"a\nb", NULL},
};

static void search(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(searches); i++) {
        struct span rule = SPAN("");
        char want[256];
        e = (struct err){0};
        int rc = hunt_search_rule(exact(searches[i].search), &arena, &rule, &e);
        if ((rc == 0) != (searches[i].want != NULL)) {
            fail_msg("%s: %d %s", searches[i].search, rc, e.text);
        }
        (void)snprintf(want, sizeof want, "    condition: %s\n", searches[i].want);
        if (rc == 0 && !span_ends(rule, span_of(want))) {
            fail_msg("%s: %.*s", searches[i].search, SPAN_ARG(rule));
        }
    }
    struct span rule;
    assert_int_equal(hunt_search_rule(SPAN("user=it's"), &arena, &rule, &e), 0);
    assert_non_null(memmem(rule.ptr, rule.len, "'user': 'it''s'", 15));
    char deep[100] = "";
    memset(deep, '(', 64);
    assert_int_equal(hunt_search_rule(span_of(deep), &arena, &rule, &e), ERR_LIMIT);
}

static const struct {
    const char *json;
    int want;
} forms[] = {
    {"{\"search\":\"root\"}", 0},
    {"{\"from\":\"2026-11-01\",\"to\":\"2026-12-01\",\"source\":\"fw\",\"organisation\":\"town\","
     "\"rules\":[{\"name\":\"a\",\"text\":\"title: \\u0041\"},{\"text\":\"b\"}],"
     "\"indicators\":[{\"value\":\"10.0.0.1\"},{\"type\":\"file\",\"value\":\"a b\",\"id\":\"i\","
     "\"valid_until\":\"2027-01-01\"}]}",
     0},
    {"{}", ERR_INVALID},
    {"[]", ERR_INVALID},
    {"", ERR_INVALID},
    {"{\"search\":\"root\"", ERR_TRUNCATED},
    {"{\"search\":\"root\",\"search\":\"x\"}", ERR_INVALID},
    {"{\"search\":1}", ERR_INVALID},
    {"{\"search\":\"(\"}", ERR_INVALID},
    {"{\"nothing\":\"root\"}", ERR_INVALID},
    {"{\"from\":\"soon\",\"search\":\"a\"}", ERR_INVALID},
    {"{\"from\":\"2026-12-01\",\"to\":\"2026-11-01\",\"search\":\"a\"}", ERR_INVALID},
    {"{\"rules\":[{\"name\":\"a\"}]}", ERR_INVALID},
    {"{\"rules\":[\"a\"]}", ERR_INVALID},
    {"{\"indicators\":[{\"type\":\"ipv4\",\"value\":\"x\"}]}", ERR_INVALID},
    {"{\"indicators\":[{\"type\":\"thing\",\"value\":\"x\"}]}", ERR_INVALID},
    {"{\"indicators\":[{\"value\":\"10.0.0.1\",\"value\":\"10.0.0.2\"}]}", ERR_INVALID},
};

static void json(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct hunt h;
        e = (struct err){0};
        int rc = hunt_from_json(exact(forms[i].json), &arena, &h, NULL, &e);
        if (rc != forms[i].want) {
            fail_msg("%s: %d %s", forms[i].json, rc, e.text);
        }
    }
    struct hunt h;
    assert_int_equal(hunt_from_json(span_of(forms[1].json), &arena, &h, NULL, &e), 0);
    assert_int_equal(h.nrules, 2);
    assert_true(span_eq(h.rules[0].text, SPAN("title: A")));
    assert_true(span_eq(h.rules[1].name, SPAN("rule 2")));
    assert_int_equal(h.nindicators, 2);
    assert_int_equal(h.indicators[0].type, INDICATOR_IPV4);
    assert_true(span_eq(h.indicators[1].id, SPAN("i")));
    assert_true(h.indicators[1].valid_until != TIME_NONE);
}

/* All forms agree, and any shortened or changed byte string is refused or read as something whole. */
static void bytes(void **state)
{
    (void)state;
    struct hunt h;
    struct hunt back;
    struct buf b;
    assert_int_equal(hunt_from_json(span_of(forms[1].json), &arena, &h, NULL, &e), 0);
    assert_int_equal(hunt_add_indicators(&h, SPAN("# list\n*.evil.example\n\n 10.0.0.0/8 \n"),
                                         &arena, &e),
                     0);
    assert_int_equal(h.nindicators, 4);
    buf_init(&b, HUNT_ENCODED_MAX);
    hunt_encode(&b, &h);
    assert_int_equal(hunt_decode(buf_view(&b), &arena, &back, &e), 0);
    assert_int_equal(back.nindicators, 4);
    assert_true(back.indicators[2].subdomains);
    assert_int_equal(back.indicators[3].prefix, 8);
    assert_true(span_eq(back.rules[1].text, h.rules[1].text));
    assert_int_equal(back.from, h.from);
    for (size_t n = 0; n < b.len; n++) {
        char *part = mem_alloc(n);
        memcpy(part, b.data, n);
        assert_true(hunt_decode(span_make(part, n), &arena, &back, &e) < 0);
        mem_free(part);
    }
    /* through JSON: the same bytes again */
    struct buf text;
    struct json_writer w;
    struct span why = SPAN("");
    buf_init(&text, HUNT_JSON_MAX);
    json_writer_init(&w, &text);
    hunt_to_json(&w, &h, SPAN("because"));
    assert_true(json_writer_done(&w));
    assert_int_equal(hunt_from_json(buf_view(&text), &arena, &back, &why, &e), 0);
    assert_true(span_eq(why, SPAN("because")));
    buf_clear(&text);
    hunt_encode(&text, &back);
    assert_true(span_eq(buf_view(&text), buf_view(&b)));
    buf_free(&text);
    buf_free(&b);
    assert_int_equal(hunt_add_indicators(&h, SPAN("10.0.0.1\nnothing at all"), &arena, &e),
                     ERR_INVALID);
    assert_int_equal(e.line, 2);
}

static void results(void **state)
{
    (void)state;
    struct hunt_ref ref = {20780, 3, 7, 5, SPAN("town"), SPAN("fw"), SPAN("")};
    struct hunt_class cls = {SPAN("linux/sshd"), SPAN("linux"), SPAN(""), SPAN("sshd"), 9};
    struct hunt_item items[] = {
        {.state = HUNT_MATCHED, .id = SPAN("id"), .name = SPAN("name"), .count = 1, .nrefs = 1,
         .refs = &ref},
        {.kind = HUNT_KIND_INDICATOR, .state = HUNT_NOT_COVERED, .reason = SPAN("why"),
         .first = TIME_NONE, .last = TIME_NONE},
    };
    struct hunt_result r = {.coverage = {.events = 9, .nclasses = 1, .classes = &cls},
                            .matches = 1, .nitems = 2, .items = items};
    struct hunt_result back;
    struct buf b;
    struct buf j;
    struct json_writer w;
    buf_init(&b, HUNT_RESULT_MAX);
    buf_init(&j, 1 << 20);
    hunt_result_encode(&b, &r);
    assert_int_equal(hunt_result_decode(buf_view(&b), &arena, &back, &e), 0);
    json_writer_init(&w, &j);
    json_object(&w);
    hunt_result_json(&w, &back);
    json_end(&w);
    assert_true(json_writer_done(&w));
    buf_u8(&j, 0);
    assert_non_null(strstr(j.data, "\"state\":\"not-covered\",\"reason\":\"why\""));
    assert_non_null(strstr(j.data, "\"day\":\"2026-11-23\",\"block\":3,\"index\":7"));
    for (size_t n = 0; n < b.len; n++) {
        char *part = mem_alloc(n);
        memcpy(part, b.data, n);
        assert_int_equal(hunt_result_decode(span_make(part, n), &arena, &back, &e), ERR_INVALID);
        mem_free(part);
    }
    buf_free(&b);
    buf_free(&j);
}

/* By the shape of a term alone: users and addresses, not accounts of systems. */
static void persons(void **state)
{
    static const struct {
        const char *search;
        bool names;
    } rows[] = {
        {"user=anna", true},
        {"user=root", false},
        {"User=root OR user=anna", true},
        {"NOT user=anna", true},
        {"TargetUserName=\"TOWN\\anna\"", true},
        {"TargetUserName=\"NT AUTHORITY\\SYSTEM\"", false},
        {"SubjectUserName=DESK7$", false},
        {"user=*", false},
        {"user=*ann*", true},
        {"uid=0", false},
        {"userId=4711", false},
        {"anna@town.example", true},
        {"\"mail of anna@town.example\"", true},
        {"from=<anna@town.example>", true},
        {"anna@", false},
        {"git@town", false},
        {"host=mail", false},
        {"powershell.exe", false},
        {"dst_ip=203.0.113.7 AND process=cmd.exe", false},
        {"user=Мария", true},
        {"(user=anna", false}, /* cannot be read: it is refused anyway */
    };
    struct hunt h;
    struct indicator in = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (hunt_search_names_person(span_of(rows[i].search)) != rows[i].names) {
            fail_msg("%s", rows[i].search);
        }
    }
    hunt_init(&h);
    assert_false(hunt_names_person(&h));
    h.indicators = &in;
    h.nindicators = 1;
    in.type = INDICATOR_DOMAIN;
    assert_false(hunt_names_person(&h));
    in.type = INDICATOR_EMAIL;
    assert_true(hunt_names_person(&h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indicators), cmocka_unit_test(validity), cmocka_unit_test(persons),
        cmocka_unit_test(search),
        cmocka_unit_test(json),       cmocka_unit_test(bytes),    cmocka_unit_test(results),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
