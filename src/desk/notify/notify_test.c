/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of notices: levels choose, floods are held back, no line break and no log text gets out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "desk/notify/notify.h"

#define NOW (INT64_C(1795309200) * TIME_SECOND)

static struct alert_row row_of(enum alert_level level)
{
    return (struct alert_row){
        .id = SPAN("0123456789abcdef0123456789abcdef"),
        .rule_id = SPAN("rule-1"),
        .title = SPAN("Log-in from far\r\nBcc: eve@example.org"),
        .host = SPAN("web1"),
        .user = SPAN("anna"),
        .source = SPAN("auth"),
        .organisation = SPAN("lantern"),
        .summary = SPAN("SECRET LOG LINE"),
        .level = level,
        .time = NOW,
        .count = 3,
    };
}

static struct notify notify_of(uint32_t mail, uint32_t webhook)
{
    struct notify n;
    notify_init(&n, mail, webhook, SPAN("desk-1"), SPAN("https://desk.example:8600"), NOW);
    return n;
}

static void levels_choose(void **state)
{
    (void)state;
    struct notify n = notify_of(1u << LEVEL_CRITICAL, 1u << LEVEL_CRITICAL | 1u << LEVEL_HIGH);
    int64_t held = 0;
    for (enum alert_level level = LEVEL_INFORMATIONAL; level <= LEVEL_CRITICAL; level++) {
        struct alert_row row = row_of(level);
        assert_true(notify_decide(&n, NOTICE_MAIL, &row, NOW, &held) == (level == LEVEL_CRITICAL));
        assert_true(notify_decide(&n, NOTICE_WEBHOOK, &row, NOW, &held) == (level >= LEVEL_HIGH));
    }
}

static void a_flood_is_held_back_and_told_later(void **state)
{
    (void)state;
    struct notify n = notify_of(1u << LEVEL_CRITICAL, 0);
    struct alert_row row = row_of(LEVEL_CRITICAL);
    int64_t held = 0;
    int sent = 0;
    for (int i = 0; i < 1000; i++) {
        sent += notify_decide(&n, NOTICE_MAIL, &row, NOW + i * (TIME_SECOND / 1000), &held);
    }
    assert_int_equal(sent, NOTIFY_BURST);
    assert_true(notify_decide(&n, NOTICE_MAIL, &row, NOW + 180 * TIME_SECOND, &held));
    assert_int_equal(held, 1000 - NOTIFY_BURST);
    sent = 0;
    for (int s = 0; s < 3600; s++) {
        sent += notify_decide(&n, NOTICE_MAIL, &row, NOW + (200 + s) * TIME_SECOND, &held);
    }
    assert_true(sent <= NOTIFY_PER_HOUR + 1 && sent >= NOTIFY_PER_HOUR - 1);
    assert_false(notify_decide(&n, NOTICE_MAIL, &row, NOW - 86400 * TIME_SECOND, &held));
}

static void words(void **state)
{
    (void)state;
    struct notify n = notify_of(~0u, ~0u);
    struct alert_row row = row_of(LEVEL_CRITICAL);
    static const enum notice_way ways[] = {NOTICE_MAIL, NOTICE_WEBHOOK};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct buf b;
        struct notice got;
        buf_init(&b, 1 << 20);
        notify_alert(&n, ways[i], &row, 7, &b);
        struct cursor c = cursor_of(buf_view(&b));
        notice_decode(&c, &got);
        assert_true(cursor_done(&c));
        assert_int_equal(got.way, ways[i]);
        assert_null(memchr(got.subject.ptr, '\n', got.subject.len));
        assert_null(memchr(got.subject.ptr, '\r', got.subject.len));
        assert_null(memmem(b.data, b.len, "SECRET", 6));
        assert_null(memmem(got.text.ptr, got.text.len, "\nBcc:", 5));
        assert_non_null(
            memmem(got.text.ptr, got.text.len, "https://desk.example:8600/alerts/0123456789", 43));
        assert_non_null(memmem(got.text.ptr, got.text.len, "7", 1));
        buf_free(&b);
    }
}

static void broken_notices_are_refused(void **state)
{
    (void)state;
    struct buf b;
    struct notice got;
    buf_init(&b, 1 << 20);
    buf_u8(&b, NOTICE_WAY_COUNT);
    buf_str(&b, SPAN("s"));
    buf_str(&b, SPAN("t"));
    struct cursor c = cursor_of(buf_view(&b));
    notice_decode(&c, &got);
    assert_true(c.failed);
    buf_clear(&b);
    buf_u8(&b, NOTICE_MAIL);
    buf_str(&b, SPAN("two\nlines"));
    buf_str(&b, SPAN("t"));
    c = cursor_of(buf_view(&b));
    notice_decode(&c, &got);
    assert_true(c.failed);
    buf_free(&b);
}

/* The label stands in the subject and at both ends; nothing of the item becomes a header; the author may be untold. */
static void letters(void **state)
{
    (void)state;
    struct buf b;
    struct notice got;
    struct notify_letter l = {.to = SPAN("eve@example.org"), .key = SPAN("a1b2"), .words = words_default(), .tlp = SPAN("GREEN"), .circle = SPAN("Lake cities"), .author = SPAN("City of Ahus"),
                              .title = SPAN("Two\r\nBcc: x@y.z"), .text = SPAN("words")};
    buf_init(&b, 1 << 20);
    for (int told = 1; told >= 0; told--) {
        l.author = told ? l.author : SPAN("");
        l.chr = told == 0;
        notify_letter(&l, &b);
        struct cursor c = cursor_of(buf_view(&b));
        notice_decode(&c, &got);
        assert_true(cursor_done(&c));
        assert_int_equal(got.way, NOTICE_LETTER);
        assert_true(span_eq(got.to, l.to) && span_eq(got.key, l.key));
        assert_true(span_starts(got.subject, SPAN("[TLP:GREEN] Two")));
        assert_null(memchr(got.subject.ptr, '\n', got.subject.len));
        assert_true(span_starts(got.text, SPAN("TLP:GREEN")) && span_ends(got.text, SPAN("TLP:GREEN\n")));
        assert_int_equal(memmem(got.text.ptr, got.text.len, "City of Ahus", 12) != NULL, told);
        assert_int_equal(memmem(got.text.ptr, got.text.len, "Chatham House Rule", 18) != NULL, !told);
    }
    l.words = words_of(SPAN("es"));
    notify_letter(&l, &b);
    struct cursor es = cursor_of(buf_view(&b));
    notice_decode(&es, &got);
    assert_non_null(memmem(got.text.ptr, got.text.len, "TLP:GREEN, bajo la regla de Chatham House\n", 42));
    assert_non_null(memmem(got.text.ptr, got.text.len, "De un miembro a los miembros de Lake cities. TLP:GREEN\n", 55));
    l.key = SPAN("a>\r\nBcc: x@y.z"); /* it becomes a header */
    notify_letter(&l, &b);
    struct cursor c = cursor_of(buf_view(&b));
    notice_decode(&c, &got);
    assert_true(c.failed);
    buf_free(&b);
}

static void reminders(void **state)
{
    (void)state;
    struct notify n;
    struct notice got;
    struct buf b;
    struct reminder_count counts[] = {{SPAN("Findings"), DUE_STEP_PAST, 2}, {SPAN("Findings"), 0, 1}, {SPAN("Risks\r\nBcc: x@y.z"), 14, 3}, {SPAN("Waivers"), 1, 1}};
    const struct reminder_letter l = {SPAN("01890a5d-ac96-774b-bcce-b302099a8057"), 4, counts};
    notify_init(&n, 0, 0, SPAN("Harbour"), SPAN("https://desk.example"), 0);
    buf_init(&b, NOTIFY_TEXT_MAX);
    notify_reminder(&n, &l, &b);
    struct cursor c = cursor_of(buf_view(&b));
    notice_decode(&c, &got);
    assert_true(cursor_done(&c));
    assert_int_equal(got.way, NOTICE_REMINDER);
    assert_true(span_eq(got.key, SPAN("01890a5dac96774bbcceb302099a8057")) && got.to.len == 0); /* the same at each try */
    assert_true(span_eq(got.subject, SPAN("[Sereno] What is due: 7 records")));
    assert_true(span_starts(got.text, SPAN("Findings: 2 past their day\nFindings: 1 due today\nRisks  Bcc: x@y.z: 3 due within 14 days\nWaivers: 1 due within 1 day\n")));
    assert_true(span_ends(got.text, SPAN("https://desk.example/registers\n")));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters),
        cmocka_unit_test(reminders),
        cmocka_unit_test(levels_choose),
        cmocka_unit_test(a_flood_is_held_back_and_told_later),
        cmocka_unit_test(words),
        cmocka_unit_test(broken_notices_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
