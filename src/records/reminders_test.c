/* SPDX-License-Identifier: EUPL-1.2 */
/* Reminders with a clock that is moved: each step once, whatever restarts between; what was slept through is told once, as it stands then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "records/records.h"
#include "records/registers/record_row.h"
#include "records/reminders.h"

static const char file[] = "/tmp/sereno-reminders-test.db";
static struct err e;
static struct registers *kinds;

static time_ns noon(const char *day)
{
    time_ns t = 0;
    assert_true(time_parse(span_of(day), 0, &t));
    return t + TIME_DAY / 2;
}

static struct db *opened(const char *path)
{
    struct db *db = NULL;
    if (records_open(path, noon("2026-11-01"), &e, &db) < 0) {
        fail_msg("%s", e.text);
    }
    return db;
}

static void put(struct db *db, const char *id, const char *state, const char *due, enum tlp tlp, int64_t version)
{
    struct record_astray astray = {0};
    const struct record_put p = {.row = {.id = span_of(id), .kind = SPAN("finding"), .organisation = SPAN("town"), .author = SPAN("ana"), .author_name = SPAN("Ana"),
                                         .state = span_of(state), .title = SPAN("t"), .fields = SPAN("{}"), .tlp = tlp, .created = 1, .changed = 1, .version = version},
                                 .scope = {.organisation = SPAN("*"), .person = SPAN("ana"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5},
                                 .who = SPAN("Ana"), .what = SPAN("record.changed"), .nkeys = 1, .keys = {{SPAN("due"), span_of(due)}}};
    assert_int_equal(record_put(db, &p, &astray, &e), 0);
}

/* What the letter of that day says, "14:1 3:2 -1:1" or "", and that it went. */
static const char *told(struct db *db, const char *day, bool delivered)
{
    static char text[256];
    struct arena a;
    struct reminder_letter l;
    size_t at = 0;
    arena_init(&a, 0);
    text[0] = '\0';
    assert_int_equal(reminders_take(db, kinds, noon(day), &a, &l, &e), 0);
    for (uint32_t i = 0; i < l.ncounts; i++) {
        assert_true(span_eq(l.counts[i].kind, SPAN("Findings")));
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld:%lld", i == 0 ? "" : " ", (long long)l.counts[i].step, (long long)l.counts[i].count);
    }
    if (l.id.len > 0) {
        assert_int_equal(reminders_told(db, l.id, delivered, SPAN("why"), noon(day), &e), 0);
    }
    arena_fini(&a);
    return text;
}

static void test_days_go_by(void **state)
{
    (void)state;
    (void)unlink(file);
    struct db *db = opened(file);
    static const struct {
        const char *day, *says;
    } steps[] = { /* findings remind 14, 3 and 0 days before */
        {"2026-11-16", ""},        {"2026-11-17", "14:1"}, {"2026-11-17", ""},     {"2026-11-20", ""},     {"2026-11-28", "3:1"}, {"2026-11-30", ""},
        {"2026-12-01", "0:1"},     {"2026-12-01", ""},     {"2026-12-02", "-1:1"}, {"2026-12-02", ""},     {"2026-12-20", ""},
    };
    put(db, "a", "open", "2026-12-01", TLP_AMBER, 1);
    put(db, "closed", "closed", "2026-12-01", TLP_AMBER, 1);
    put(db, "red", "open", "2026-12-01", TLP_RED, 1);
    put(db, "none", "open", "", TLP_AMBER, 1);
    put(db, "old", "open", "2026-09-01", TLP_AMBER, 1);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        assert_string_equal(told(db, steps[i].day, true), steps[i].says);
        db_close(&db); /* restarted after each */
        db = opened(file);
    }
    put(db, "a", "open", "2026-12-23", TLP_AMBER, 2); /* put off: another day */
    assert_string_equal(told(db, "2026-12-20", true), "3:1");
    put(db, "b", "open", "2026-12-22", TLP_AMBER, 1);
    put(db, "c", "open", "2026-12-31", TLP_AMBER, 1);
    assert_string_equal(told(db, "2026-12-24", true), "-1:2 14:1"); /* it was off meanwhile */
    assert_string_equal(told(db, "2026-12-24", true), "");
    db_close(&db);
    (void)unlink(file);
}

/* One that did not go is the same letter when it is tried again, and nothing else goes before it. */
static void test_again(void **state)
{
    (void)state;
    struct db *db = opened(":memory:");
    struct arena a;
    struct reminder_letter first, next;
    time_ns now = noon("2026-11-30");
    arena_init(&a, 0);
    put(db, "a", "open", "2026-12-01", TLP_AMBER, 1);
    assert_int_equal(reminders_take(db, kinds, now, &a, &first, &e), 0);
    assert_int_equal(first.ncounts, 1);
    assert_int_equal(reminders_take(db, kinds, now, &a, &next, &e), 0); /* the desk ended before it was told what became of it */
    assert_true(span_eq(first.id, next.id) && next.ncounts == 1);
    assert_int_equal(reminders_told(db, first.id, false, SPAN("no answer"), now, &e), 0);
    put(db, "b", "open", "2026-12-01", TLP_AMBER, 1);
    assert_int_equal(reminders_take(db, kinds, now + (REMINDER_PAUSE_S - 1) * TIME_SECOND, &a, &next, &e), 0);
    assert_int_equal(next.id.len, 0);
    assert_int_equal(reminders_take(db, kinds, now + REMINDER_PAUSE_S * TIME_SECOND, &a, &next, &e), 0);
    assert_true(span_eq(first.id, next.id));
    now += REMINDER_PAUSE_S * TIME_SECOND;
    assert_int_equal(reminders_told(db, first.id, true, SPAN(""), now, &e), 0);
    assert_int_equal(reminders_told(db, first.id, false, SPAN("late word"), now, &e), 0); /* changes nothing */
    assert_int_equal(reminders_take(db, kinds, now, &a, &next, &e), 0);
    assert_true(next.id.len > 0 && !span_eq(first.id, next.id) && next.ncounts == 1 && next.counts[0].count == 1);
    for (int i = 0; i < REMINDER_TRIES_MAX; i++) {
        assert_int_equal(reminders_told(db, next.id, false, SPAN("no answer"), now, &e), 0);
    }
    assert_int_equal(reminders_take(db, kinds, now + REMINDER_PAUSE_MAX_S * TIME_SECOND, &a, &next, &e), 0);
    assert_int_equal(next.id.len, 0); /* given up, and not told by another letter */
    arena_fini(&a);
    db_close(&db);
}

static void test_message(void **state)
{
    (void)state;
    struct buf b;
    struct arena a;
    struct reminder_count counts[] = {{SPAN("finding"), DUE_STEP_PAST, 2}, {SPAN("risk"), 14, 1}};
    const struct reminder_letter l = {SPAN("01890a5d-ac96-774b-bcce-b302099a8057"), 2, counts};
    struct reminder_letter got;
    arena_init(&a, 0);
    buf_init(&b, 4096);
    reminder_letter_encode(&b, &l);
    struct cursor c = cursor_of(buf_view(&b));
    reminder_letter_decode(&c, &a, &got);
    assert_true(cursor_done(&c) && got.ncounts == 2 && got.counts[0].step == DUE_STEP_PAST && got.counts[1].count == 1 && span_eq(got.id, l.id));
    counts[1].step = REGISTER_REMIND_DAYS + 1;
    buf_clear(&b);
    reminder_letter_encode(&b, &l);
    c = cursor_of(buf_view(&b));
    reminder_letter_decode(&c, &a, &got);
    assert_true(c.failed);
    buf_free(&b);
    arena_fini(&a);
}

static int begin(void **state)
{
    (void)state;
    kinds = registers_load(NULL, 0);
    return sodium_init() < 0;
}

static int end(void **state)
{
    (void)state;
    registers_free(&kinds);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_days_go_by), cmocka_unit_test(test_again), cmocka_unit_test(test_message)};
    return cmocka_run_group_tests_name("reminders", tests, begin, end);
}
