/* SPDX-License-Identifier: EUPL-1.2 */
/* Runs all tests of records/, and holds what they share. */
#include "records/records_test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test_folder.h"
#include "records/records.h"

static char folder[64];

static void remove_folder(void)
{
    static const char *const names[] = {"a.db", "b.db", "c.db", "v.db", "w.db", "d.db", "d.before-2.db", "e.db", "e.before-2.db", "f.db", "f.before-2.db", "p.db", "r.db"};
    static const char *const tails[] = {"", "-wal", "-shm"};
    char path[128];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (size_t k = 0; k < ARRAY_LEN(tails); k++) {
            (void)snprintf(path, sizeof path, "%s/%s%s", folder, names[i], tails[k]);
            (void)unlink(path);
        }
    }
    (void)rmdir(folder);
}

const char *test_path(const char *name)
{
    static char path[128];
    if (folder[0] == '\0') {
        (void)snprintf(folder, sizeof folder, "%s/sereno-records-test-XXXXXX", test_folder_base());
        assert_non_null(mkdtemp(folder));
        (void)atexit(remove_folder);
    }
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

struct db *test_db(void)
{
    struct db *db = NULL;
    struct err e = {0};
    if (records_open(":memory:", TEST_NOW, &e, &db) < 0) {
        fail_msg("%s", e.text);
    }
    return db;
}

int64_t test_number(struct db *db, const char *sql)
{
    struct err e = {0};
    struct db_stmt *s = NULL;
    if (db_query(db, sql, &e, &s) < 0 || db_step(s, &e) != 1) {
        fail_msg("%s: %s", sql, e.text);
    }
    int64_t v = db_col_i64(s, 0);
    db_done(s);
    return v;
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    int failed = run_db_tests();
    failed += run_db_writeback_tests();
    failed += run_migrate_tests();
    failed += run_audit_tests() + run_proof_tests();
    failed += run_alert_tests();
    failed += run_account_tests();
    failed += run_people_tests();
    failed += run_factor_tests();
    failed += run_sign_in_tests() + run_user_token_tests() + run_staff_import_tests();
    failed += run_rule_tests();
    failed += run_fed_out_tests();
    failed += run_fed_take_tests();
    failed += run_fed_signal_tests();
    failed += run_fed_warning_tests();
    failed += run_hunt_tests() + run_hold_tests() + run_privacy_tests() + run_reads_tests() + run_fed_letter_tests() + run_fed_room_tests() + run_register_tests();
    failed += run_record_history_tests() + run_record_seal_tests() + run_record_retention_tests() + run_trusted_time_tests() + run_record_links_tests() + run_register_switch_tests() + run_record_stage_tests() + run_record_room_tests() + run_record_constraint_tests();
    return failed;
}
