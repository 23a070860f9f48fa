/* SPDX-License-Identifier: EUPL-1.2 */
/* Shared by the tests of records/: a fresh database, and the tables of tests that records_test.c
 * runs. */
#ifndef RECORDS_RECORDS_TEST_H
#define RECORDS_RECORDS_TEST_H

/* cmocka wants these four before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "records/db.h"

/* An arbitrary moment: 2026-11-22T01:00:00Z. */
#define TEST_NOW (INT64_C(1795309200) * TIME_SECOND)

/* In memory, all migrations applied. */
struct db *test_db(void);
/* Path in a folder that is removed at exit. */
const char *test_path(const char *name);
/* First column of the first row as a number. */
int64_t test_number(struct db *db, const char *sql);

int run_db_tests(void);
int run_db_writeback_tests(void);
int run_migrate_tests(void);
int run_audit_tests(void);
int run_proof_tests(void);
int run_alert_tests(void);
int run_account_tests(void);
int run_people_tests(void);
int run_factor_tests(void);
int run_sign_in_tests(void);
int run_user_token_tests(void);
int run_staff_import_tests(void);
int run_rule_tests(void);
int run_fed_out_tests(void);
int run_fed_take_tests(void);
int run_fed_signal_tests(void);
int run_fed_warning_tests(void);
int run_hunt_tests(void);
int run_hold_tests(void);
int run_privacy_tests(void);
int run_reads_tests(void);
int run_fed_letter_tests(void);
int run_fed_room_tests(void);
int run_register_tests(void);
int run_record_history_tests(void);
int run_record_seal_tests(void);
int run_record_retention_tests(void);
int run_trusted_time_tests(void);
int run_record_links_tests(void);
int run_record_room_tests(void);
int run_record_stage_tests(void);
int run_record_constraint_tests(void);
int run_register_switch_tests(void);

#endif
