/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of the audit chain: each way of tampering with a row shows. */
#include <stdio.h>
#include <string.h>

#include "records/audit.h"
#include "records/records_test.h"

static struct db *chain_of(int rows)
{
    struct db *db = test_db();
    struct err e = {0};
    assert_int_equal(db_begin(db, &e), 0);
    for (int i = 0; i < rows; i++) {
        char subject[32];
        (void)snprintf(subject, sizeof subject, "alert-%d", i);
        struct audit_entry entry = {.at = TEST_NOW + i,
                                    .organisation = SPAN("lantern"),
                                    .who = SPAN("Anna"),
                                    .what = SPAN("alert.closed"),
                                    .subject = span_of(subject),
                                    .why = SPAN("benign"),
                                    .before = SPAN("new"),
                                    .after = SPAN("closed")};
        assert_int_equal(audit_append(db, &entry, &e), 0);
    }
    assert_int_equal(db_commit(db, &e), 0);
    return db;
}

static void whole_chain_verifies(void **state)
{
    (void)state;
    for (int rows = 0; rows < 4; rows++) {
        struct db *db = chain_of(rows);
        struct err e = {0};
        int64_t n = -1;
        assert_int_equal(audit_verify(db, &e, &n), 0);
        assert_int_equal(n, rows);
        db_close(&db);
    }
}

static void tampering_shows(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        const char *said;
    } cases[] = {
        {"UPDATE audit SET after_value = 'new' WHERE seq = 3", "breaks at row 3"},
        {"UPDATE audit SET who = 'Boris' WHERE seq = 1", "breaks at row 1"},
        {"UPDATE audit SET at = at + 1 WHERE seq = 5", "breaks at row 5"},
        /* Moving text from one column into the next must not keep the hash. */
        {"UPDATE audit SET who = 'Ann', what = 'aalert.closed' WHERE seq = 2", "breaks at row 2"},
        {"UPDATE audit SET hash = x'00' WHERE seq = 2", "breaks at row 2"},
        {"DELETE FROM audit WHERE seq = 3", "breaks at row 3"},
        {"DELETE FROM audit WHERE seq = 5", "ends at row 4 but must end at 5"},
        {"DELETE FROM audit", "ends at row 0"},
        {"UPDATE audit SET seq = 6 WHERE seq = 5", "breaks at row 5"},
        {"INSERT INTO audit SELECT 6, at, organisation, who, what, subject, why, before_value, "
         "after_value,"
         " previous, hash FROM audit WHERE seq = 5",
         "breaks at row 6"},
        /* Two rows change places. */
        {"UPDATE audit SET seq = 0 - seq WHERE seq IN (2, 3); UPDATE audit SET seq = 5 + seq WHERE seq < 0", "breaks at row 2"},
        {"DELETE FROM audit WHERE seq = 2; UPDATE audit SET seq = seq - 1 WHERE seq > 2;"
         "UPDATE audit_head SET seq = 4", "breaks at row 2"},
        {"UPDATE audit_head SET hash = x'01'", "head of the chain"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct db *db = chain_of(5);
        struct err e = {0};
        int64_t n = 0;
        assert_int_equal(db_exec(db, cases[i].sql, &e), 0);
        assert_int_equal(audit_verify(db, &e, &n), ERR_INVALID);
        if (strstr(e.text, cases[i].said) == NULL) {
            fail_msg("%s: said \"%s\"", cases[i].sql, e.text);
        }
        db_close(&db);
    }
}

static void long_text_is_refused(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct err e = {0};
    static char text[AUDIT_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    struct audit_entry entry = {
        .organisation = SPAN("*"), .who = SPAN("a"), .why = span_make(text, sizeof text)};
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(audit_append(db, &entry, &e), ERR_LIMIT);
    db_rollback(db);
    db_close(&db);
}

int run_audit_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_chain_verifies),
        cmocka_unit_test(tampering_shows),
        cmocka_unit_test(long_text_is_refused),
    };
    return cmocka_run_group_tests_name("records/audit", tests, NULL, NULL);
}
