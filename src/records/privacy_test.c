/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of looks at persons: what is noted, who reads it back, page by page, over a bounded piece of the trail. */
#include <stdio.h>
#include <string.h>

#include "records/audit.h"
#include "records/hunts.h"
#include "records/privacy.h"
#include "records/records_test.h"

static struct err e;

static void noted(void **state)
{
    static const char *const bad[][3] = {{"", "anna", "why"}, {"alerts", "", "why"}};
    char long_text[PERSONS_TERMS_MAX + 2];
    struct record_scope scope = {0};
    struct arena a;
    struct db *db = test_db();
    (void)state;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct persons_search s = {span_of(bad[i][0]), span_of(bad[i][1]), SPAN("town"), SPAN("bea"), span_of(bad[i][2])};
        assert_int_equal(persons_search_note(db, &s, TEST_NOW, &e), ERR_INVALID);
    }
    memset(long_text, 'x', sizeof long_text);
    const struct persons_search most = {SPAN("alerts"), span_make(long_text, PERSONS_TERMS_MAX), SPAN("town"), SPAN("bea"), span_make(long_text, PERSONS_WHY_MAX)};
    struct persons_search over = most;
    assert_int_equal(persons_search_note(db, &most, TEST_NOW, &e), 0);
    over.terms.len++;
    assert_int_equal(persons_search_note(db, &over, TEST_NOW, &e), ERR_INVALID);
    struct persons_show show = {SPAN("person"), SPAN(""), SPAN("town"), SPAN("bea"), SPAN("case 47"), TEST_NOW + TIME_DAY};
    assert_int_equal(persons_show_note(db, &scope, &show, TEST_NOW, &a, &e), 0);
    show.record = SPAN("00000000-0000-7000-8000-000000000001");
    assert_int_equal(persons_show_note(db, &scope, &show, TEST_NOW, &a, &e), ERR_NOT_FOUND); /* nothing is noted of what he may not read */
    show.record = SPAN("");
    show.why = SPAN("");
    assert_int_equal(persons_show_note(db, &scope, &show, TEST_NOW, &a, &e), ERR_INVALID);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what LIKE 'persons.%'"), 2);
    int64_t rows = 0;
    assert_int_equal(audit_verify(db, &e, &rows), 0);
    db_close(&db);
    arena_fini(&a);
}

static void of_a_hunt(void **state)
{
    struct db *db = test_db();
    struct hunt_row row = {.id = SPAN("00000000-0000-7000-8000-000000000007"), .organisation = SPAN("town"), .who = SPAN("bea"), .why = SPAN("case 47"), .problem = SPAN(""),
                           .status = HUNT_STATUS_WAITING, .created = TEST_NOW, .finished = TIME_NONE, .retained_from = TIME_NONE, .retained_to = TIME_NONE};
    (void)state;
    assert_int_equal(hunts_create(db, &row, SPAN("definition"), SPAN("user=anna"), &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'persons.searched' AND after_value = 'user=anna' AND why = 'case 47' AND subject LIKE '%7'"), 1);
    row.id = SPAN("00000000-0000-7000-8000-000000000008");
    assert_int_equal(hunts_create(db, &row, SPAN("definition"), SPAN(""), &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'persons.searched'"), 1);
    db_close(&db);
}

/* Every row once, newest first, those of others not. */
static void pages(void **state)
{
    enum { ROWS = 25, PAGE = 4 };
    struct db *db = test_db();
    struct arena a;
    int64_t before = 0;
    int want = ROWS - 1;
    (void)state;
    arena_init(&a, 0);
    for (int i = 0; i < ROWS; i++) {
        char terms[16];
        (void)snprintf(terms, sizeof terms, "%d", i);
        const struct persons_search s = {SPAN("alerts"), span_of(terms), i % 5 == 0 ? SPAN("harbour") : SPAN("town"), SPAN("bea"), SPAN("")};
        const struct audit_entry other = {.at = TEST_NOW, .organisation = SPAN("town"), .who = SPAN("x"), .what = SPAN("alert.closed"), .subject = SPAN("y")};
        assert_int_equal(persons_search_note(db, &s, TEST_NOW + i, &e), 0);
        assert_int_equal(db_begin(db, &e), 0);
        assert_int_equal(db_end(db, audit_append(db, &other, &e), &e), 0);
    }
    do {
        struct persons_look *looks = NULL;
        uint32_t n = 0;
        assert_int_equal(persons_log(db, &(struct policy_places){1, {SPAN("town")}}, before, PAGE, &a, &looks, &n, &before, &e), 0);
        for (uint32_t i = 0; i < n; i++, want--) {
            char terms[16];
            want -= want % 5 == 0;
            (void)snprintf(terms, sizeof terms, "%d", want);
            assert_true(span_eq(looks[i].detail, span_of(terms)));
            assert_true(span_eq(looks[i].organisation, SPAN("town")) && looks[i].at == TEST_NOW + want);
        }
    } while (before > 0);
    assert_int_equal(want, 0);
    struct persons_look *looks = NULL;
    uint32_t n = 0;
    assert_int_equal(persons_log(db, &(struct policy_places){1, {SPAN("*")}}, 0, PERSONS_LOG_MAX, &a, &looks, &n, &before, &e), 0);
    assert_int_equal(n, ROWS);
    assert_int_equal(before, 0);
    db_close(&db);
    arena_fini(&a);
}

int run_privacy_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noted),
        cmocka_unit_test(of_a_hunt),
        cmocka_unit_test(pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
