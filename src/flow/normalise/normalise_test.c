/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What records become: each format as a manifest entry states it and as it is recognised, times,
 * entities, hostile records. Uses the shipped source files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "flow/normalise/norm_kit.h"
#include "wire/json_read.h"

static const struct span rule_fields[] = {
    {"Channel", 7},
    {"EventID", 7},
    {"Provider_Name", 13},
    {"Computer", 8},
    {"Security_UserID", 15},
    {"Image", 5},
    {"ParentImage", 11},
    {"LogonId", 7},
    {"CommandLine", 11},
    {"ThreatName", 10},
    {"Data", 4},
    {"UserID", 6},
    {"User", 4},
    {"host_name", 9},
    {"userIdentity.arn", 16},
    {"a.b.c", 5},
    {"type", 4},
    {"a0", 2},
    {"acct", 4},
    {"exe", 3},
    {"msg", 3},
    {"id.orig_h", 9},
    {"query", 5},
    {"user", 4},
    {"src_ip", 6},
    {"EventID_Qualifiers", 18},
    {"Execution_ProcessID", 19},
    {"Keywords", 8},
    {"Operation", 9},
    {"Id", 2},
    {"tags", 4},
    {"hostname", 8},
};

enum {
    D_JSON,
    D_AWS,
    D_TEXT,
    D_WEB,
    D_AUDITD,
    D_ZEEK,
    D_ZEEK_HTTP,
    D_ZEEKJSON,
    D_SYSLOG,
    D_LINUX_JSON,
    D_JOURNALD,
    D_COUNT
};

#define LS(p, c, s)                                                                                \
    {                                                                                              \
        SPAN(p), SPAN(c), SPAN(s)                                                                  \
    }
static const struct declared_source declared[D_COUNT] = {
    [D_JSON] = {FORMAT_JSON, LS("", "", "")},
    [D_AWS] = {FORMAT_JSON, LS("aws", "", "cloudtrail")},
    [D_TEXT] = {FORMAT_TEXT, LS("linux", "", "auth")},
    [D_WEB] = {FORMAT_WEB, LS("", "webserver", "")},
    [D_AUDITD] = {FORMAT_AUDITD, LS("linux", "", "auditd")},
    [D_ZEEK] = {FORMAT_ZEEK, LS("zeek", "", "")},
    [D_ZEEK_HTTP] = {FORMAT_ZEEK, LS("zeek", "", "http")},
    [D_ZEEKJSON] = {FORMAT_ZEEKJSON, LS("zeek", "", "dns")},
    [D_SYSLOG] = {FORMAT_SYSLOG, LS("linux", "", "auth")},
    [D_LINUX_JSON] = {FORMAT_JSON, LS("linux", "", "")},
    [D_JOURNALD] = {FORMAT_JOURNALD, LS("linux", "", "")},
};

static struct norm_kit kit;

static int setup(void **state)
{
    (void)state;
    norm_kit_load(&kit, SOURCES_DIR);
    norm_kit_compile(&kit, rule_fields, ARRAY_LEN(rule_fields), declared, D_COUNT);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    norm_kit_free(&kit);
    return 0;
}

/* A new stream; which = index of declared, or -1. */
static void begin(int which, enum source_format format)
{
    stream_fini(&kit.stream);
    stream_init(&kit.stream);
    kit.stream.declared = which;
    kit.stream.format = format;
    assert_true(time_parse(SPAN("2026-11-22T12:00:00Z"), 0, &kit.stream.received));
}

static enum normalise_result feed(const char *record)
{
    struct err e = {0};
    return norm_kit_feed(&kit, span_of(record), &e);
}

static void want(const char *field, const char *value)
{
    const char *got = norm_kit_value(&kit, field);
    if (value == NULL ? got != NULL : got == NULL || strcmp(got, value) != 0) {
        print_error("%s is '%s', not '%s'\n", field, got == NULL ? "(absent)" : got,
                    value == NULL ? "(absent)" : value);
        fail();
    }
}

static void want_time(const char *text)
{
    char got[TIME_TEXT_MAX];
    assert_string_equal(time_format(kit.event.time, got), text);
}

static void want_entity(enum entity entity, const char *text)
{
    struct span s = event_entity(&kit.event, entity);
    char got[256];
    (void)snprintf(got, sizeof got, "%.*s", SPAN_ARG(s));
    assert_string_equal(got, text);
}

static const char evtx[] = "{\"Event\":{\"#attributes\":{\"xmlns\":\"x\"},\"System\":{\"Provider\":"
                           "{\"#attributes\":{\"Name\":\"Sysmon\"}},"
                           "\"EventID\":{\"#attributes\":{\"Qualifiers\":7},\"#text\":1},"
                           "\"Channel\":\"microsoft-windows-sysmon/operational\","
                           "\"Computer\":\"pc1\",\"Security\":null,\"TimeCreated\":{\"#"
                           "attributes\":{\"SystemTime\":\"2026-11-22T10:00:00.123456Z\"}}},"
                           "\"EventData\":{\"Image\":\"C:\\\\a.exe\",\"Threat "
                           "Name\":\"t\",\"UserID\":\"u1\",\"Data\":{\"#text\":[\"d1\",\"d2\"]}}}}";

static void test_windows_evtx(void **state)
{
    (void)state;
    static const int ways[] = {D_JSON, -1};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        begin(ways[i], FORMAT_JSON);
        assert_int_equal(feed(evtx), NORMALISE_EVENT);
        assert_string_equal(norm_kit_class(&kit), "windows/process_creation");
        assert_true(norm_kit_has(&kit, "windows", "process_creation", "sysmon"));
        want("Image", "C:\\a.exe");
        want("EventID", "1");
        want("EventID_Qualifiers", "7");
        want("Provider_Name", "Sysmon");
        want("ThreatName", "t");
        want("UserID", "u1");
        /* a field of EventData is no attribute of System */
        want("Security_UserID", NULL);
        want("Data", "d1");
        assert_int_equal(norm_kit_values(&kit, "Data"), 2);
        want("host_name", "pc1");
        want_time("2026-11-22T10:00:00.123Z");
        want_entity(ENTITY_HOST, "pc1");
        want_entity(ENTITY_PROCESS, "C:\\a.exe");
        assert_false(kit.event.keywords_raw);
        assert_int_equal(kit.event.tags, 0);
    }
}

static void test_windows_userdata(void **state)
{
    (void)state;
    begin(D_JSON, FORMAT_JSON);
    assert_int_equal(feed("{\"Event\":{\"System\":{\"EventID\":104,\"Channel\":\"System\"},"
                          "\"UserData\":{\"LogFileCleared\":"
                          "{\"#attributes\":{\"xmlns\":\"x\"},\"Channel\":\"Application\",\"Deep\":"
                          "{\"Operation\":{\"#text\":\"op\"}}}}}}"),
                     NORMALISE_EVENT);
    assert_string_equal(norm_kit_class(&kit), "windows/system");
    want("Channel", "Application");
    want("Operation", "op");
    want("EventID", "104");
}

static void test_windows_flat(void **state)
{
    (void)state;
    begin(D_JSON, FORMAT_JSON);
    assert_int_equal(feed("{\"Channel\":\"security\",\"EventID\":4688,\"SourceName\":\"Audit\","
                          "\"Hostname\":\"pc2\",\"UserID\":\"S-1\","
                          "\"NewProcessName\":\"n.exe\",\"ParentProcessName\":\"p.exe\","
                          "\"SubjectLogonId\":\"0x3e7\",\"ExecutionProcessID\":4,"
                          "\"TimeCreated\":\"2026-11-22 10:56:18.799\",\"Keywords\":\"k\"}"),
                     NORMALISE_EVENT);
    assert_string_equal(norm_kit_class(&kit), "windows/security");
    want("Provider_Name", "Audit");
    want("Computer", "pc2");
    want("Security_UserID", "S-1");
    want("Execution_ProcessID", "4");
    want("Image", NULL);
    want_time("2026-11-22T10:56:18.799Z");
    assert_false(norm_kit_has(&kit, "windows", "process_creation", ""));
    /* 4688 once more as process creation, with exactly three fields */
    assert_true(norm_kit_use(&kit, "windows/process_creation-4688"));
    want("Image", "n.exe");
    want("ParentImage", "p.exe");
    want("LogonId", "0x3e7");
    want("User", NULL);
    assert_int_equal(feed("{\"Channel\":\"Nobody/Knows\",\"EventID\":1}"), NORMALISE_EVENT);
    assert_string_equal(norm_kit_class(&kit), "windows");
    assert_true(norm_kit_has(&kit, "windows", "", ""));
}

/* Tables beyond those that manifests go by hold only where nothing is declared. */
static void test_strict(void **state)
{
    (void)state;
    static const char defender[] =
        "{\"Channel\":\"Microsoft-Windows-Windows Defender/Operational\",\"EventID\":1116}";
    begin(D_JSON, FORMAT_JSON);
    assert_int_equal(feed(defender), NORMALISE_EVENT);
    assert_true(norm_kit_has(&kit, "windows", "", "windefend"));
    assert_false(norm_kit_has(&kit, "windows", "antivirus", "windefend"));
    begin(-1, FORMAT_JSON);
    assert_int_equal(feed(defender), NORMALISE_EVENT);
    assert_true(norm_kit_has(&kit, "windows", "antivirus", "windefend"));
    /* a declared entry is not recognised as anything but Windows, and its messages stay whole */
    static const char journal[] =
        "{\"MESSAGE\":\"Failed password for bob from 192.0.2.1 port 2 ssh2\",\"_HOSTNAME\":\"h\","
        "\"SYSLOG_IDENTIFIER\":\"sshd\",\"__REALTIME_TIMESTAMP\":\"1795340000000000\",\"PRIORITY\":"
        "\"6\"}";
    begin(D_LINUX_JSON, FORMAT_JSON);
    assert_int_equal(feed(journal), NORMALISE_EVENT);
    want("src_ip", NULL);
    begin(D_JOURNALD, FORMAT_JSON);
    assert_int_equal(feed(journal), NORMALISE_EVENT);
    want("src_ip", "192.0.2.1");
    want("user", "bob");
    begin(D_AWS, FORMAT_JSON);
    assert_int_equal(
        feed("{\"userIdentity\":{\"arn\":\"x\"},\"eventTime\":\"2026-11-22T09:00:00Z\"}"),
        NORMALISE_EVENT);
    assert_true(norm_kit_has(&kit, "aws", "", "cloudtrail"));
    want("userIdentity.arn", "x");
    want_time("2026-11-22T09:00:00.000Z");
}

static void test_dotted(void **state)
{
    (void)state;
    static const char *const spellings[] = {
        "{\"a\":{\"b\":{\"c\":1}}}",   "{\"a.b\":{\"c\":1}}",
        "{\"a\":{\"b.c\":1}}",         "{\"a.b.c\":1}",
        "{\"a\":[{\"b\":{\"c\":1}}]}", "{\"\\u0061\":{\"b\":{\"c\":1}}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        begin(D_JSON, FORMAT_JSON);
        assert_int_equal(feed(spellings[i]), NORMALISE_EVENT);
        want("a.b.c", "1");
    }
    assert_int_equal(feed("{\"a\":[{\"b\":{\"c\":1}},{\"b\":{\"c\":2}}],\"a.b.c\":3}"),
                     NORMALISE_EVENT);
    assert_int_equal(norm_kit_values(&kit, "a.b.c"), 3);
    assert_int_equal(feed("{\"a\":{\"b\":1,\"c\":2},\"b\":{\"c\":3}}"), NORMALISE_EVENT);
    want("a.b.c", NULL);
}

struct web_case {
    const char *line;
    const char *fields[8]; /* name, value, … */
};

static const struct web_case web_cases[] = {
    {"192.0.2.1 - - [22/Nov/2026:02:05:27 +0100] \"GET /a?b=c?d HTTP/1.1\" 200 25 \"-\" \"UA "
     "\\\"x\\\"\"",
     {"cs-uri-stem", "/a", "cs-uri-query", "b=c?d", "cs-user-agent", "UA \\\"x\\\"", "cs-referer",
      NULL}},
    {"192.0.2.1 - bob [22/Nov/2026:02:05:27 +0000] \"GET / HTTP/1.0\" 200 -",
     {"cs-username", "bob", "sc-bytes", NULL, "cs-uri-query", NULL, "cs-version", "HTTP/1.0"}},
    {"www.example.org:443 2001:db8::1 - - [22/Nov/2026:02:05:27 +0000] \"POST /x? HTTP/2.0\" 404 9 "
     "\"r\" \"u\" 0.1",
     {"c-ip", "2001:db8::1", "cs-uri-query", "", "sc-status", "404", "cs-method", "POST"}},
    {"192.0.2.1 - - [22/Nov/2026:02:05:27 +0000] \"GET /a b HTTP/1.1\" 200 1 \"-\" \"-\"",
     {"cs-uri", "/a b", "cs-version", "HTTP/1.1", "cs-user-agent", NULL, "cs-method", "GET"}},
    {"192.0.2.1 - - [22/Nov/2026:02:05:27 +0000] \"\\x16\\x03\" 400 0 \"-\" \"-\"",
     {"c-ip", "192.0.2.1", "cs-method", NULL, "sc-status", "400", "cs-uri", NULL}},
    {"no access log at all", {"c-ip", NULL, "sc-status", NULL, "cs-uri", NULL, "cs-method", NULL}},
    {"a b c d e [22/Nov/2026:02:05:27 +0000] \"GET / HTTP/1.1\" 200 1",
     {"c-ip", NULL, "cs-uri", NULL, "cs-method", NULL, "sc-status", NULL}},
    {"192.0.2.1 - - [22/Nov/2026:02:05:27 +0000] \"GET / HTTP/1.1",
     {"c-ip", NULL, "cs-uri", NULL, "cs-method", NULL, "sc-status", NULL}},
};

static void test_web(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(web_cases); i++) {
        begin(D_WEB, FORMAT_WEB);
        assert_int_equal(feed(web_cases[i].line), NORMALISE_EVENT);
        assert_true(kit.event.keywords_raw);
        assert_true(norm_kit_has(&kit, "", "webserver", ""));
        for (size_t k = 0; k < ARRAY_LEN(web_cases[i].fields); k += 2) {
            want(web_cases[i].fields[k], web_cases[i].fields[k + 1]);
        }
        bool parsed = i < 5;
        assert_int_equal((kit.event.tags & TAG_NOT_PARSED) == 0, parsed);
    }
    begin(-1, FORMAT_WEB);
    assert_int_equal(feed(web_cases[0].line), NORMALISE_EVENT);
    want_time("2026-11-22T01:05:27.000Z");
    want_entity(ENTITY_SRC_IP, "192.0.2.1");
}

static void test_auditd(void **state)
{
    (void)state;
    begin(D_AUDITD, FORMAT_AUDITD);
    assert_int_equal(feed("type=EXECVE msg=audit(1795341600.579:2995): argc=2 a0=\"sh\" a0=c\x1d"
                          "ARCH=x a1=\"b c\""),
                     NORMALISE_EVENT);
    want("type", "EXECVE");
    want("a0", "sh");
    assert_int_equal(norm_kit_values(&kit, "a0"), 2);
    want_time("2026-11-22T10:00:00.579Z");
    assert_int_equal(feed("type=USER_LOGIN msg=audit(1795341600.1:1): pid=1 msg='op=login "
                          "acct=\"root\" exe=\"/usr/sbin/sshd\" res=failed'"),
                     NORMALISE_EVENT);
    want("acct", "root");
    want("exe", "/usr/sbin/sshd");
    assert_int_equal(norm_kit_values(&kit, "msg"), 2);
    assert_int_equal(feed("a0=\"never closed"), NORMALISE_EVENT);
    want("a0", "never closed");
    assert_int_equal(feed("=== ' = a0="), NORMALISE_EVENT);
    want("a0", "");
    assert_int_equal(feed("no pairs"), NORMALISE_EVENT);
    assert_true((kit.event.tags & TAG_NOT_PARSED) != 0);
}

static void test_zeek(void **state)
{
    (void)state;
    begin(D_ZEEK, FORMAT_ZEEK);
    assert_int_equal(feed("#separator \\x09"), NORMALISE_HEADER);
    assert_int_equal(feed("1795341600.5\tx"), NORMALISE_BAD);
    assert_true((kit.event.tags & TAG_NOT_PARSED) != 0);
    assert_int_equal(feed("#path\tdns"), NORMALISE_HEADER);
    assert_int_equal(feed("#fields\tts\tid.orig_h\tquery\tuser"), NORMALISE_HEADER);
    assert_int_equal(feed("#types\ttime\taddr\tstring\tstring"), NORMALISE_HEADER);
    assert_int_equal(feed("1795341600.5\t192.0.2.1\t(empty)\t-"), NORMALISE_EVENT);
    assert_true(norm_kit_has(&kit, "zeek", "", "dns"));
    want("id.orig_h", "192.0.2.1");
    want("query", "");
    want("user", NULL);
    want_time("2026-11-22T10:00:00.500Z");
    want_entity(ENTITY_SRC_IP, "192.0.2.1");
    /* another log behind it in the same stream */
    assert_int_equal(feed("#path\tnobody_knows"), NORMALISE_HEADER);
    assert_int_equal(feed("#fields\tquery\tts"), NORMALISE_HEADER);
    assert_int_equal(feed("q\t1795341600"), NORMALISE_EVENT);
    want("query", "q");
    assert_true(norm_kit_has(&kit, "zeek", "", ""));
    assert_int_equal(feed("q"), NORMALISE_EVENT);
    assert_true((kit.event.tags & TAG_NOT_PARSED) != 0);
    /* stated from outside: #path does not matter */
    begin(D_ZEEK_HTTP, FORMAT_ZEEK);
    assert_int_equal(feed("#path\tdns"), NORMALISE_HEADER);
    assert_int_equal(feed("#fields\tquery"), NORMALISE_HEADER);
    assert_int_equal(feed("q"), NORMALISE_EVENT);
    assert_true(norm_kit_has(&kit, "zeek", "", "http"));
    begin(D_ZEEKJSON, FORMAT_JSON);
    assert_int_equal(feed("{\"ts\":1795341600.5,\"id.orig_h\":\"192.0.2.9\",\"query\":\"q\"}"),
                     NORMALISE_EVENT);
    assert_true(norm_kit_has(&kit, "zeek", "", "dns"));
    want("id.orig_h", "192.0.2.9");
    want_time("2026-11-22T10:00:00.500Z");
}

static void test_text(void **state)
{
    (void)state;
    static const char line[] =
        "Nov 22 09:00:00 h sshd[1]: Failed password for bob from 192.0.2.1 port 2 ssh2";
    begin(D_TEXT, FORMAT_TEXT);
    assert_int_equal(feed(line), NORMALISE_EVENT);
    assert_true(kit.event.keywords_raw);
    assert_int_equal(kit.event.leaves.len, 0);
    assert_true(norm_kit_has(&kit, "linux", "", "auth"));
    want_time("2026-11-22T09:00:00.000Z");
    assert_true((kit.event.tags & TAG_YEAR_GUESSED) != 0);
    begin(D_SYSLOG, FORMAT_SYSLOG);
    assert_int_equal(feed(line), NORMALISE_EVENT);
    want("src_ip", "192.0.2.1");
    want("user", "bob");
    want("host_name", "h");
    assert_true(norm_kit_has(&kit, "linux", "", "auth"));
}

struct time_case {
    const char *text; /* JSON value */
    const char *want; /* NULL: no time */
};

static const struct time_case times[] = {
    {"\"2026-11-22T02:03:04Z\"", "2026-11-22T02:03:04.000Z"},
    {"\"2026-11-22T02:03:04.123456789Z\"", "2026-11-22T02:03:04.123Z"},
    {"\"2026-11-22 02:03:04\"", "2026-11-22T01:03:04.000Z"}, /* no zone: the stream's */
    {"\"2026-11-22T02:03:04+01:30\"", "2026-11-22T00:33:04.000Z"},
    {"\"2026-11-22T02:03:04.221126-0600\"", "2026-11-22T08:03:04.221Z"},
    {"1795313021", "2026-11-22T02:03:41.000Z"},
    {"1795313021.25", "2026-11-22T02:03:41.250Z"},
    {"1795313021297", "2026-11-22T02:03:41.297Z"},
    {"1795313021297501", "2026-11-22T02:03:41.297Z"},
    {"1795313021297501000", "2026-11-22T02:03:41.297Z"},
    {"\"1795313021297501\"", "2026-11-22T02:03:41.297Z"},
    {"\"22/Nov/2026:02:03:41 +0000\"", "2026-11-22T02:03:41.000Z"},
    {"\"Nov 22 02:03:41\"", "2026-11-22T01:03:41.000Z"},
    {"\"2026/11/22 02:03:41\"", "2026-11-22T01:03:41.000Z"},
    {"\"Sun Nov 22 02:03:41.5 2026\"", "2026-11-22T01:03:41.500Z"},
    {"\"/Date(1795313021297)/\"", "2026-11-22T02:03:41.297Z"},
    {"\"\"", NULL},
    {"\"yesterday\"", NULL},
    {"12", NULL},
    {"-1795313021", NULL},
    {"null", NULL},
    {"true", NULL},
    {"\"2026-13-22T02:03:04Z\"", NULL},
    {"\"2026-11-22T25:03:04Z\"", NULL},
    {"17953130212975010000000", NULL},
    {"\"99/Nov/2026:02:03:41 +0000\"", NULL},
    {"\"22/Foo/2026:02:03:41 +0000\"", NULL},
    {"\"1795313021.2x\"", NULL},
    {"\"Sun Foo 22 02:03:41 2026\"", NULL},
    {"\"/Date(x)/\"", NULL},
};

static void test_times(void **state)
{
    (void)state;
    begin(-1, FORMAT_JSON);
    kit.stream.zone_s = 3600;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        char record[256];
        char got[TIME_TEXT_MAX];
        (void)snprintf(record, sizeof record, "{\"@timestamp\":%s}", times[i].text);
        assert_int_equal(feed(record), NORMALISE_EVENT);
        bool none = (kit.event.tags & TAG_NO_TIME) != 0;
        if (none != (times[i].want == NULL) ||
            (!none && strcmp(time_format(kit.event.time, got), times[i].want) != 0)) {
            print_error("%s → %s\n", times[i].text, none ? "none" : got);
            fail();
        }
        if (none) {
            assert_true(kit.event.time == kit.stream.received);
        }
    }
    assert_int_equal(feed("{\"@timestamp\":\"2026-11-23T11:59:59Z\"}"), NORMALISE_EVENT);
    assert_int_equal(kit.event.tags, 0);
    assert_int_equal(feed("{\"@timestamp\":\"2026-11-23T12:00:01Z\"}"), NORMALISE_EVENT);
    assert_int_equal(kit.event.tags, TAG_FUTURE_TIME);
    assert_true(kit.event.time == kit.stream.received);
    kit.stream.received = TIME_NONE;
    assert_int_equal(feed("{}"), NORMALISE_EVENT);
    assert_true(kit.event.time == TIME_NONE);
}

static void put(char *out, size_t *at, const char *s, size_t times_)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < times_; i++) {
        memcpy(out + *at, s, n);
        *at += n;
    }
}

/* Whatever comes, the record becomes an event, and the next one is read as if nothing had been. */
static void test_hostile(void **state)
{
    (void)state;
    enum { ROOM = 4 << 20 };
    char *buf = mem_alloc(ROOM);
    struct err e = {0};
    size_t n = 0;
    static const char *const broken[] = {
        "",        "{",          "{\"a\":}", "[1,2",
        "\"",      "{\"a\":1}}", "nul",      "{\"Channel\":\"x\",\"EventID\":",
        "\xff\xfe"};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        begin(D_JSON, FORMAT_JSON);
        assert_int_equal(feed(broken[i]), NORMALISE_BAD);
        assert_true((kit.event.tags & TAG_NOT_PARSED) != 0);
        assert_true(kit.event.keywords_raw);
        assert_int_equal(kit.event.leaves.len, 0);
        assert_true(kit.event.class_id != CLASS_NONE);
        assert_int_equal(feed("{\"a.b.c\":1}"), NORMALISE_EVENT);
        want("a.b.c", "1");
    }
    begin(-1, FORMAT_JSON);
    put(buf, &n, "[", 5000);
    assert_int_equal(norm_kit_feed(&kit, span_make(buf, n), &e), NORMALISE_BAD);
    assert_true((kit.event.tags & (TAG_TOO_DEEP | TAG_NOT_PARSED)) ==
                (TAG_TOO_DEEP | TAG_NOT_PARSED));
    n = 0;
    put(buf, &n, "{\"Channel\":\"Security\",\"EventID\":1", 1);
    put(buf, &n, ",\"Image\":\"x\"", 20000);
    put(buf, &n, "}", 1);
    assert_int_equal(norm_kit_feed(&kit, span_make(buf, n), &e), NORMALISE_EVENT);
    assert_true((kit.event.tags & TAG_TOO_MANY_FIELDS) != 0);
    assert_int_equal(norm_kit_values(&kit, "Image"), LEAVES_MAX - 2);
    n = 0;
    put(buf, &n, "{\"Image\":\"", 1);
    put(buf, &n, "x", EVENT_MAX_BYTES);
    put(buf, &n, "\"}", 1);
    assert_int_equal(norm_kit_feed(&kit, span_make(buf, n), &e), NORMALISE_BAD);
    assert_true((kit.event.tags & TAG_TOO_LONG) != 0);
    assert_int_equal(kit.event.raw.len, EVENT_MAX_BYTES);
    begin(-1, FORMAT_AUDITD);
    n = 0;
    put(buf, &n, "a0=1 ", 30000);
    assert_int_equal(norm_kit_feed(&kit, span_make(buf, n), &e), NORMALISE_EVENT);
    assert_true((kit.event.tags & TAG_TOO_MANY_FIELDS) != 0);
    assert_int_equal(feed("\xef\xbb\xbf"
                          "a0=2"),
                     NORMALISE_EVENT);
    assert_true((kit.event.tags & TAG_BOM) != 0);
    want("a0", "2");
    assert_int_equal(feed("a0=\xc3\x28"), NORMALISE_EVENT);
    assert_true((kit.event.tags & TAG_BAD_UTF8) != 0);
    assert_int_equal(feed("a0=\xc3\xa4"), NORMALISE_EVENT);
    assert_true((kit.event.tags & TAG_BAD_UTF8) == 0);
    mem_free(buf);
}

struct seen {
    char text[4096];
};

static void see(void *ctx, struct span name, struct span value)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);
    (void)snprintf(s->text + n, sizeof s->text - n, "%.*s=%.*s;", SPAN_ARG(name), SPAN_ARG(value));
}

static void test_fields(void **state)
{
    (void)state;
    struct arena scratch;
    struct seen s = {""};
    arena_init(&scratch, 0);
    begin(-1, FORMAT_JSON);
    assert_int_equal(feed("{\"Channel\":\"Security\",\"EventID\":4624,\"Hostname\":\"h\",\"a\":{"
                          "\"b\":[\"1\\u0041\",null,true]}}"),
                     NORMALISE_EVENT);
    normalise_fields(kit.normaliser, &kit.event, &scratch, see, &s);
    assert_non_null(strstr(s.text, "a.b=1A;a.b=;a.b=true;"));
    assert_non_null(strstr(s.text, "Computer=h;"));
    assert_non_null(strstr(s.text, "host_name=h;"));
    s.text[0] = '\0';
    assert_int_equal(feed(evtx), NORMALISE_EVENT);
    normalise_fields(kit.normaliser, &kit.event, &scratch, see, &s);
    assert_non_null(strstr(s.text, ";Image=C:\\a.exe;"));
    assert_null(strstr(s.text, "EventData"));
    s.text[0] = '\0';
    begin(-1, FORMAT_AUDITD);
    assert_int_equal(feed("nobody=asks a0=x"), NORMALISE_EVENT);
    normalise_fields(kit.normaliser, &kit.event, &scratch, see, &s);
    assert_string_equal(s.text, "nobody=asks;a0=x;");
    s.text[0] = '\0';
    begin(-1, FORMAT_JSON);
    assert_int_equal(feed("{\"a\":"), NORMALISE_BAD);
    normalise_fields(kit.normaliser, &kit.event, &scratch, see, &s);
    assert_string_equal(s.text, "");
    arena_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_evtx), cmocka_unit_test(test_windows_userdata),
        cmocka_unit_test(test_windows_flat), cmocka_unit_test(test_strict),
        cmocka_unit_test(test_dotted),       cmocka_unit_test(test_web),
        cmocka_unit_test(test_auditd),       cmocka_unit_test(test_zeek),
        cmocka_unit_test(test_text),         cmocka_unit_test(test_times),
        cmocka_unit_test(test_hostile),      cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
