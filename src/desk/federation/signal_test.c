/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of signals: what an alert gives away, and what the body of an envelope may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/test_cases.h"
#include "desk/federation/signal.h"

#define HASH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define RULE "0c039873-16be-4899-b5b9-2189a846c64f"
#define NOW (INT64_C(1795309200) * TIME_SECOND)

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct alert alert_of(const struct alert_field *fields, uint16_t n)
{
    return (struct alert){
        .rule_id = SPAN(RULE),
        .rule_hash = SPAN(HASH),
        .title = SPAN("SSH brute force"),
        .level = LEVEL_HIGH,
        .time = NOW + 61 * TIME_SECOND,
        .count = 3,
        .organisation = SPAN("planted-organisation"),
        .source = SPAN("planted-source"),
        .product = SPAN("linux"),
        .host = SPAN("planted-host"),
        .user = SPAN("planted-user"),
        .summary = SPAN("planted-summary"),
        .fields = fields,
        .nfields = n,
    };
}

static struct span body_text(const struct signal *s)
{
    struct signal copy = *s;
    copy.number = 1;
    copy.count = 1;
    return jcs_text(&arena, signals_body(&arena, &copy, 1));
}

static bool holds(struct span text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static bool has(const struct signal *s, enum fed_indicator_type type, const char *value)
{
    for (uint32_t i = 0; i < s->nindicators; i++) {
        if (s->indicators[i].type == type && span_eq(s->indicators[i].value, span_of(value))) {
            return true;
        }
    }
    return false;
}

static const struct signal_own nothing_own;

static void indicators_come_out_of_fields(void **state)
{
    (void)state;
    const struct alert_field fields[] = {
        {SPAN("src_ip"), SPAN("185.220.101.4")},
        {SPAN("id.orig_h"), SPAN("10.0.0.8")},
        {SPAN("Hashes"), SPAN("MD5=D41D8CD98F00B204E9800998ECF8427E,"
                              "IMPHASH=00112233445566778899aabbccddeeff")},
        {SPAN("QueryName"), SPAN("c2.Evil.net")},
        {SPAN("c-uri"), SPAN("http://drop.evil.net/a.exe?u=planted-user")},
        {SPAN("CommandLine"), SPAN("curl 91.92.93.94 http://other.evil.net/")},
    };
    struct alert a = alert_of(fields, ARRAY_LEN(fields));
    struct signal s;
    signal_of_alert(&a, SPAN("[\"attack.t1110.003\",\"attack.initial-access\",\"cve.2024-1\"]"),
                    &nothing_own, &arena, &s);
    assert_true(has(&s, FED_INDICATOR_IP, "185.220.101.4"));
    assert_true(has(&s, FED_INDICATOR_MD5, "d41d8cd98f00b204e9800998ecf8427e"));
    assert_true(has(&s, FED_INDICATOR_DOMAIN, "c2.evil.net"));
    assert_true(has(&s, FED_INDICATOR_URL, "http://drop.evil.net/a.exe"));
    assert_int_equal(s.nindicators, 4);
    assert_int_equal(s.ntechniques, 1);
    assert_true(span_eq(s.techniques[0], SPAN("T1110.003")));
    assert_int_equal(s.bucket, signal_bucket(NOW));
    assert_true(span_eq(s.product, SPAN("linux")));
}

/* Two public ends: without a word of ours about networks, one of them may be us. */
static void an_own_address_is_never_told(void **state)
{
    (void)state;
    const struct alert_field fields[] = {{SPAN("src_ip"), SPAN("185.220.101.4")},
                                         {SPAN("dst_ip"), SPAN("195.10.20.30")}};
    struct alert a = alert_of(fields, 2);
    struct signal s;
    signal_of_alert(&a, SPAN("[]"), &nothing_own, &arena, &s);
    assert_int_equal(s.nindicators, 0);
    const struct span nets[] = {SPAN("195.10.0.0/16")};
    const struct signal_own own = {.networks = nets, .nnetworks = 1};
    signal_of_alert(&a, SPAN("[]"), &own, &arena, &s);
    assert_int_equal(s.nindicators, 1);
    assert_true(has(&s, FED_INDICATOR_IP, "185.220.101.4"));
}

static void own_domains_stay(void **state)
{
    (void)state;
    const struct alert_field fields[] = {{SPAN("query"), SPAN("mail.town.es")},
                                         {SPAN("url"), SPAN("https://www.town.es/x")},
                                         {SPAN("domain"), SPAN("evil.es")}};
    const struct span domains[] = {SPAN("town.es")};
    const struct signal_own own = {.domains = domains, .ndomains = 1};
    struct alert a = alert_of(fields, 3);
    struct signal s;
    signal_of_alert(&a, SPAN("[]"), &own, &arena, &s);
    assert_int_equal(s.nindicators, 1);
    assert_true(has(&s, FED_INDICATOR_DOMAIN, "evil.es"));
}

static void a_rule_without_id_gives_no_path_away(void **state)
{
    (void)state;
    struct alert a = alert_of(NULL, 0);
    struct signal s;
    a.rule_id = SPAN("/home/planted/rules/own.yml");
    a.product = SPAN("Planted Parking System");
    signal_of_alert(&a, SPAN("[\"broken"), &nothing_own, &arena, &s);
    assert_true(span_eq(s.rule, SPAN(HASH)));
    assert_int_equal(s.product.len, 0);
    assert_int_equal(s.ntechniques, 0);
}

/* ---- planted strings: whatever an alert holds, none of them may be in what is told ---- */

static const char *const planted[] = {"planted", "maria.lopez", "rathaus7", "10.20.30.40",
                                      "192.168.77.1"};
static const char *const field_names[] = {
    "src_ip", "dst_ip", "id.orig_h", "user", "TargetUserName", "host", "Computer", "Image",
    "CommandLine", "message", "Hashes", "query", "QueryName", "url", "c-uri", "cs-username",
    "domain", "email", "weird.name.url", "md5", "DestinationHostname", "file.hash.sha256", "",
};
static const char *const value_forms[] = {
    "%s", "http://%s/x", "http://evil.net/%s", "http://evil.net/?q=%s", "%s.evil.net",
    "https://%s@evil.net/y", "MD5=%s", "DOMAIN\\%s", "%s@evil.net", "evil.net/%s", "  %s  ",
    "http://evil.net/%s/more", "%s,8.8.8.8",
};

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void planted_strings_are_never_told(void **state)
{
    (void)state;
    enum { FIELDS = 6 };
    uint64_t seed = 88172645463325252u;
    uint64_t told = 0;
    for (uint64_t i = 0; i < test_cases(20000); i++) {
        struct alert_field f[FIELDS + 2];
        arena_reset(&arena);
        for (size_t k = 0; k < FIELDS; k++) {
            const char *name = field_names[next_random(&seed) % ARRAY_LEN(field_names)];
            const char *form = value_forms[next_random(&seed) % ARRAY_LEN(value_forms)];
            const char *word = planted[next_random(&seed) % ARRAY_LEN(planted)];
            char text[128];
            size_t n = 0;
            for (const char *p = form; *p != '\0'; p++) { /* the form, with the word for %s */
                if (p[0] == '%' && p[1] == 's') {
                    n += (size_t)snprintf(text + n, sizeof text - n, "%s", word);
                    p++;
                } else {
                    text[n++] = *p;
                }
            }
            f[k] = (struct alert_field){span_of(name), arena_copy(&arena, span_make(text, n))};
        }
        /* The alert says who its people and machines are, somewhere. */
        f[FIELDS] = (struct alert_field){SPAN("event_data.SubjectUserName"), SPAN("maria.lopez")};
        f[FIELDS + 1] = (struct alert_field){SPAN("ComputerName"), SPAN("rathaus7.town.es")};
        struct alert a = alert_of(f, FIELDS + 2);
        a.host = SPAN("planted");
        struct signal s;
        signal_of_alert(&a, SPAN("[\"attack.t1059\"]"), &nothing_own, &arena, &s);
        struct span body = body_text(&s);
        told += s.nindicators;
        for (size_t k = 0; k < ARRAY_LEN(planted); k++) {
            if (holds(body, planted[k])) {
                fail_msg("case %llu tells \"%s\": %.*s", (unsigned long long)i, planted[k],
                         SPAN_ARG(body));
            }
        }
    }
    assert_true(told > 0); /* or the test would look at nothing */
}

/* ---- the body ---- */

static struct signal whole_signal(void)
{
    struct signal s = {
        .number = 7,
        .rule = SPAN(RULE),
        .rule_hash = SPAN(HASH),
        .title = SPAN("SSH brute force \"quoted\" \303\251"),
        .level = LEVEL_HIGH,
        .ntechniques = 1,
        .techniques = {SPAN("T1110")},
        .nindicators = 2,
        .indicators = {{FED_INDICATOR_IP, SPAN("8.8.8.8")}, {FED_INDICATOR_DOMAIN, SPAN("a.net")}},
        .product = SPAN("linux"),
        .bucket = signal_bucket(NOW),
        .count = 12,
    };
    return s;
}

static int read_text(struct span text, struct signal **out, size_t *n, struct err *e)
{
    struct jcs *tree;
    int rc = jcs_read(&arena, text, 16, &tree, e);
    return rc < 0 ? rc : signals_read(tree, &arena, out, n, e);
}

static void a_body_comes_back(void **state)
{
    (void)state;
    struct signal in[SIGNALS_PER_BODY];
    struct signal *out;
    size_t n;
    struct err e = {0};
    for (size_t i = 0; i < SIGNALS_PER_BODY; i++) {
        in[i] = whole_signal();
        in[i].number = (int64_t)i + 1;
    }
    struct span text = jcs_text(&arena, signals_body(&arena, in, SIGNALS_PER_BODY));
    assert_int_equal(read_text(text, &out, &n, &e), 0);
    assert_int_equal(n, SIGNALS_PER_BODY);
    assert_int_equal(out[63].number, 64);
    assert_true(span_eq(out[0].title, in[0].title));
    assert_int_equal(out[0].nindicators, 2);
    assert_true(span_eq(out[0].indicators[1].value, SPAN("a.net")));
    assert_int_equal(out[0].bucket, in[0].bucket);
    assert_int_equal(out[0].level, LEVEL_HIGH);
    assert_int_equal(out[0].count, 12);
}

/* Each changes one part of a good body; none may be taken. */
static const struct {
    const char *from, *to;
} breaks[] = {
    {"\"n\":7", "\"n\":0"},
    {"\"n\":7", "\"n\":-1"},
    {"\"n\":7", "\"n\":\"7\""},
    {"\"n\":7", "\"m\":7"},
    {"\"count\":12", "\"count\":-1"},
    {"\"count\":12", "\"count\":1000001"},
    {"\"count\":12", "\"count\":12,\"log\":\"x\""},
    {"\"level\":\"high\"", "\"level\":\"loud\""},
    {"T1110", "T111"},
    {"T1110", "t1110"},
    {"T1110", "T1110.3"},
    {"8.8.8.8", "10.0.0.1"},
    {"8.8.8.8", "8.8.8.8 "},
    {"a.net", "A.net"},
    {"\"type\":\"ip\"", "\"type\":\"user\""},
    {"\"product\":\"linux\"", "\"product\":\"li nux\""},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    {":00Z\"", ":01Z\""},
    {"2026-", "1999-"},
    {"2026-", "2300-"},
    {"SSH brute", "SSH\\nbrute"},
    {"{\"signals\":[", "{\"also\":1,\"signals\":["},
};

static struct span replaced(struct span text, const char *from, const char *to)
{
    const char *at = memmem(text.ptr, text.len, from, strlen(from));
    assert_non_null(at);
    size_t before = (size_t)(at - text.ptr);
    return span_of(arena_printf(&arena, "%.*s%s%.*s", (int)before, text.ptr, to,
                                (int)(text.len - before - strlen(from)), at + strlen(from)));
}

static void broken_bodies_are_refused_whole(void **state)
{
    (void)state;
    struct signal s = whole_signal();
    struct span good = jcs_text(&arena, signals_body(&arena, &s, 1));
    struct signal *out;
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(breaks); i++) {
        struct err e = {0};
        struct span bad = replaced(good, breaks[i].from, breaks[i].to);
        if (read_text(bad, &out, &n, &e) >= 0 || n != 0 || e.text[0] == '\0') {
            fail_msg("taken: %.*s", SPAN_ARG(bad));
        }
    }
    struct err e = {0};
    assert_int_equal(read_text(SPAN("{\"signals\":[]}"), &out, &n, &e), ERR_INVALID);
    assert_int_equal(read_text(SPAN("[]"), &out, &n, &e), ERR_INVALID);
    assert_int_equal(read_text(SPAN("{\"signals\":{}}"), &out, &n, &e), ERR_INVALID);
}

static void buckets(void **state)
{
    (void)state;
    assert_int_equal(signal_bucket(0), 0);
    assert_int_equal(signal_bucket(899 * TIME_SECOND), 0);
    assert_int_equal(signal_bucket(900 * TIME_SECOND), 1);
    assert_int_equal(signal_bucket(-1 * TIME_SECOND), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(indicators_come_out_of_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_own_address_is_never_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(own_domains_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rule_without_id_gives_no_path_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(planted_strings_are_never_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_bodies_are_refused_whole, set_up, tear_down),
        cmocka_unit_test(buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
