/* SPDX-License-Identifier: EUPL-1.2 */
/* Table tests of the syslog reader: the RFCs' own examples, what devices send, and what nobody
 * should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "wire/syslog.h"

/* 2026-11-22T01:00:00Z */
#define RECEIVED (INT64_C(1795309200) * TIME_SECOND)

struct row {
    const char *line;
    enum syslog_format format;
    int facility;
    int severity;
    const char *time; /* "-" none */
    const char *host;
    const char *app;
    const char *pid;
    const char *msgid;
    const char *message;
    uint32_t odd;
};

#define YEAR SYSLOG_ODD_YEAR_INFERRED
#define NOTIME SYSLOG_ODD_TIME_MISSING
#define NOHOST SYSLOG_ODD_HOST_MISSING
#define NOPRI SYSLOG_ODD_PRI_MISSING
#define BSD SYSLOG_RFC3164
#define NEW SYSLOG_RFC5424
#define BARE SYSLOG_BARE

static const struct row rows[] = {
    /* RFC 5424 §6.5 */
    {"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xEF\xBB\xBF'su root' "
     "failed",
     NEW, 4, 2, "2003-10-11T22:14:15.003Z", "mymachine.example.com", "su", "", "ID47",
     "'su root' failed", 0},
    {"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time.", NEW, 20, 5,
     "2003-08-24T12:14:15.000Z", "192.0.2.1", "myproc", "8710", "", "%% It's time.", 0},
    {"<0>1 - - - - - -", NEW, 0, 0, "-", "", "", "", "", "", NOTIME | NOHOST},
    {"<14>1 2026-13-01T00:00:00Z h a p m - x", NEW, 1, 6, "-", "h", "a", "p", "m", "x",
     SYSLOG_ODD_TIME_BAD},
    {"<14>1 2026-11-22T00:59:00Z h a p", NEW, 1, 6, "2026-11-22T00:59:00.000Z", "h", "a", "p", "",
     "", SYSLOG_ODD_HEADER_SHORT},
    {"<14>1 2026-11-22T00:59:00Z h a p m hello there", NEW, 1, 6, "2026-11-22T00:59:00.000Z", "h",
     "a", "p", "m", "hello there", SYSLOG_ODD_SD_BROKEN},
    {"<14>1 2026-11-22T00:59:00Z h a p m [x a=\"1\" b=2] t", NEW, 1, 6, "2026-11-22T00:59:00.000Z",
     "h", "a", "p", "m", "[x a=\"1\" b=2] t", SYSLOG_ODD_SD_BROKEN},
    /* RFC 3164 §5.4 */
    {"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8", BSD, 4, 2,
     "2026-10-11T22:14:15.000Z", "mymachine", "su", "", "",
     "'su root' failed for lonvick on /dev/pts/8", YEAR},
    {"<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", BSD, 1, 5, "2026-02-05T17:32:18.000Z",
     "10.0.0.99", "", "", "", "Use the BFG!", YEAR},
    {"<0>1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All Folks!",
     BSD, 0, 0, "1990-10-22T10:52:01.000Z", "TZ-6", "", "", "",
     "scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All Folks!", 0},
    /* The year: December seen in January's light, a day ahead, and the 29th of February. */
    {"<38>Nov 22 20:00:00 h sshd[9]: x", BSD, 4, 6, "2026-11-22T20:00:00.000Z", "h", "sshd", "9",
     "", "x", YEAR},
    {"<38>Dec 31 23:59:59 h sshd[9]: x", BSD, 4, 6, "2025-12-31T23:59:59.000Z", "h", "sshd", "9",
     "", "x", YEAR},
    {"<38>Feb 29 12:00:00 h sshd[9]: x", BSD, 4, 6, "2024-02-29T12:00:00.000Z", "h", "sshd", "9",
     "", "x", YEAR},
    {"<38>Feb 30 12:00:00 h sshd[9]: x", BSD, 4, 6, "-", "h", "sshd", "9", "", "x",
     SYSLOG_ODD_TIME_BAD},
    /* Files of rsyslog, both kinds, have no priority. */
    {"Nov 22 00:15:01 web01 CRON[4711]: (root) CMD (true)", BSD, -1, -1, "2026-11-22T00:15:01.000Z",
     "web01", "CRON", "4711", "", "(root) CMD (true)", YEAR | NOPRI},
    {"2026-11-22T01:15:01.123456+01:00 web01 sshd[1]: Accepted", BSD, -1, -1,
     "2026-11-22T00:15:01.123Z", "web01", "sshd", "1", "", "Accepted", NOPRI},
    {"<30>Nov 22 00:00:01 web01 systemd[1]: Started A thing: one.", BSD, 3, 6,
     "2026-11-22T00:00:01.000Z", "web01", "systemd", "1", "", "Started A thing: one.", YEAR},
    {"<30>Nov 22 00:00:01 sshd[77]: no host here", BSD, 3, 6, "2026-11-22T00:00:01.000Z", "",
     "sshd", "77", "", "no host here", YEAR | NOHOST},
    {"<30>Nov 22 00:00:01 2001:db8::7 app: v6", BSD, 3, 6, "2026-11-22T00:00:01.000Z",
     "2001:db8::7", "app", "", "", "v6", YEAR},
    /* Cisco: IOS with sequence number and unset clock, with zone, NX-OS, ASA in two shapes. */
    {"<189>45: *Mar  1 18:46:11.123: %SYS-5-CONFIG_I: Configured from console", BSD, 23, 5,
     "2026-03-01T18:46:11.123Z", "", "", "", "SYS-5-CONFIG_I",
     "%SYS-5-CONFIG_I: Configured from console", YEAR | NOHOST | SYSLOG_ODD_CLOCK_UNSYNCED},
    {"<189>45: sw1: Mar  1 18:46:11 CET: %SYS-5-CONFIG_I: x", BSD, 23, 5,
     "2026-03-01T17:46:11.000Z", "sw1", "", "", "SYS-5-CONFIG_I", "%SYS-5-CONFIG_I: x", YEAR},
    {"<189>: 2026 Mar  1 18:46:11 XYZ: %ETHPORT-5-IF_UP: up", BSD, 23, 5,
     "2026-03-01T18:46:11.000Z", "", "", "", "ETHPORT-5-IF_UP", "%ETHPORT-5-IF_UP: up",
     NOHOST | SYSLOG_ODD_ZONE_UNKNOWN},
    {"<166>Oct 10 2025 12:34:56 fw1 : %ASA-6-305011: Built dynamic", BSD, 20, 6,
     "2025-10-10T12:34:56.000Z", "fw1", "", "", "ASA-6-305011", "%ASA-6-305011: Built dynamic", 0},
    {"<166>%ASA-6-305011: Built dynamic", BSD, 20, 6, "-", "", "", "", "ASA-6-305011",
     "%ASA-6-305011: Built dynamic", NOTIME | NOHOST},
    /* FortiGate: no header but the priority. ESXi: ISO time. An access point: a name with commas.
     */
    {"<189>date=2026-11-22 time=00:00:01 devname=\"fg\" type=\"traffic\"", BSD, 23, 5, "-", "", "",
     "", "", "date=2026-11-22 time=00:00:01 devname=\"fg\" type=\"traffic\"", NOTIME | NOHOST},
    {"<166>2026-11-22T00:00:01.002Z esx1 Hostd: info hostd[2099]", BSD, 20, 6,
     "2026-11-22T00:00:01.002Z", "esx1", "Hostd", "", "", "info hostd[2099]", 0},
    {"<30>Nov 22 00:00:01 U7PG2,788a20,v4.0 hostapd: ath0", BSD, 3, 6, "2026-11-22T00:00:01.000Z",
     "U7PG2,788a20,v4.0", "hostapd", "", "", "ath0", YEAR},
    {"<13>app[1]: no time", BSD, 1, 5, "-", "", "app", "1", "", "no time", NOTIME | NOHOST},
    /* No header at all, and odd priorities. */
    {"just words", BARE, -1, -1, "-", "", "", "", "", "just words", NOPRI | NOTIME | NOHOST},
    {"<192>Oct 11 22:14:15 h a: x", BSD, -1, -1, "2026-10-11T22:14:15.000Z", "h", "a", "", "", "x",
     YEAR | SYSLOG_ODD_PRI_BAD},
    {"<013>Oct 11 22:14:15 h a: x", BSD, 1, 5, "2026-10-11T22:14:15.000Z", "h", "a", "", "", "x",
     YEAR | SYSLOG_ODD_PRI_BAD},
    {"<x>Oct 11", BARE, -1, -1, "-", "", "", "", "", "<x>Oct 11",
     SYSLOG_ODD_PRI_BAD | NOTIME | NOHOST},
    {"<13>Nov 22 00:00:01 relay <34>Nov 22 00:00:00 inner su: x", BSD, 1, 5,
     "2026-11-22T00:00:01.000Z", "relay", "", "", "", "<34>Nov 22 00:00:00 inner su: x",
     YEAR | SYSLOG_ODD_NESTED},
    {"<13>Nov 22 00:00:01 h a: \xff\xfe", BSD, 1, 5, "2026-11-22T00:00:01.000Z", "h", "a", "", "",
     "\xff\xfe", YEAR | SYSLOG_ODD_UTF8},
    {"<13>", BSD, 1, 5, "-", "", "", "", "", "", NOTIME | NOHOST},
    {"\r\n", BARE, -1, -1, "-", "", "", "", "", "", SYSLOG_ODD_EMPTY},
};

static void check_span(const char *what, const char *line, struct span got, const char *want)
{
    if (!span_eq(got, span_of(want))) {
        fail_msg("%s of \"%s\": got \"%.*s\", want \"%s\"", what, line, SPAN_ARG(got), want);
    }
}

static void test_rows(void **state)
{
    (void)state;
    const struct syslog_context context = {.received = RECEIVED};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        size_t n = strlen(r->line);
        char *exact = mem_alloc(n);
        memcpy(exact, r->line, n);
        static struct syslog_msg m;
        char when[TIME_TEXT_MAX];
        syslog_parse(span_make(exact, n), &context, &m);
        check_span("time", r->line, span_of(time_format(m.time, when)), r->time);
        check_span("host", r->line, m.hostname, r->host);
        check_span("app", r->line, m.appname, r->app);
        check_span("pid", r->line, m.procid, r->pid);
        check_span("msgid", r->line, m.msgid, r->msgid);
        check_span("message", r->line, m.message, r->message);
        if (m.format != r->format || m.facility != r->facility || m.severity != r->severity ||
            m.odd != r->odd) {
            fail_msg("\"%s\": format %d facility %d severity %d odd %#x, want %d %d %d %#x",
                     r->line, (int)m.format, m.facility, m.severity, m.odd, (int)r->format,
                     r->facility, r->severity, r->odd);
        }
        mem_free(exact);
    }
}

static void test_zone_of_source(void **state)
{
    (void)state;
    static struct syslog_msg m;
    const struct syslog_context context = {.received = RECEIVED, .zone_s = 3600};
    char when[TIME_TEXT_MAX];
    syslog_parse(SPAN("<34>Oct 11 22:14:15 h su: x"), &context, &m);
    assert_string_equal(time_format(m.time, when), "2026-10-11T21:14:15.000Z");
    syslog_parse(SPAN("<34>1 2026-10-11T22:14:15Z h su - - - x"), &context, &m);
    assert_string_equal(time_format(m.time, when), "2026-10-11T22:14:15.000Z");
}

static void test_structured_data(void **state)
{
    (void)state;
    static struct syslog_msg m;
    const struct syslog_context context = {.received = RECEIVED};
    syslog_parse(
        SPAN("<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 [exampleSDID@32473 iut=\"3\" "
             "eventSource=\"a\\\"b\\\\c\\]d\\e\"][mark@32473 ] text"),
        &context, &m);
    assert_int_equal(m.odd, 0);
    assert_int_equal(m.param_count, 3);
    check_span("id", "sd", m.params[0].id, "exampleSDID@32473");
    check_span("name", "sd", m.params[0].name, "iut");
    check_span("value", "sd", m.params[0].value, "3");
    assert_false(m.params[0].escaped);
    assert_true(m.params[1].escaped);
    char plain[64];
    size_t n = syslog_unescape(m.params[1].value, plain);
    check_span("value", "sd", span_make(plain, n), "a\"b\\c]d\\e");
    check_span("id", "sd", m.params[2].id, "mark@32473");
    assert_int_equal(m.params[2].name.len, 0);
    check_span("message", "sd", m.message, "text");
}

static void test_structured_limit(void **state)
{
    (void)state;
    static struct syslog_msg m;
    char line[4096];
    int n = snprintf(line, sizeof line, "<13>1 - - - - - [a");
    for (int i = 0; i < SYSLOG_PARAMS_MAX + 5; i++) {
        n += snprintf(line + n, sizeof line - (size_t)n, " k%d=\"v\"", i);
    }
    n += snprintf(line + n, sizeof line - (size_t)n, "] rest");
    const struct syslog_context context = {.received = RECEIVED};
    syslog_parse(span_make(line, (size_t)n), &context, &m);
    assert_int_equal(m.param_count, SYSLOG_PARAMS_MAX);
    assert_true(m.odd & SYSLOG_ODD_SD_MANY);
    check_span("message", "many", m.message, "rest");
}

static void test_nul_and_names(void **state)
{
    (void)state;
    static struct syslog_msg m;
    const struct syslog_context context = {.received = RECEIVED};
    syslog_parse(span_make("<13>Nov 22 00:00:01 h a: x\0y\0", 29), &context, &m);
    assert_int_equal(m.odd, SYSLOG_ODD_NUL | SYSLOG_ODD_YEAR_INFERRED);
    assert_int_equal(m.message.len, 3);
    assert_string_equal(syslog_odd_name(SYSLOG_ODD_NUL), "syslog-nul");
    assert_null(syslog_odd_name(3));
    assert_string_equal(syslog_facility_name(10), "authpriv");
    assert_null(syslog_facility_name(24));
    assert_string_equal(syslog_severity_name(7), "debug");
    assert_null(syslog_severity_name(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_zone_of_source),
        cmocka_unit_test(test_structured_data),
        cmocka_unit_test(test_structured_limit),
        cmocka_unit_test(test_nul_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
