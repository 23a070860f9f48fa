/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Each verdict of the doctor: a healthy node is ok in all lines; then one thing is changed, and that line alone says so,
 * in its words, with advice exactly when it is not ok.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/doctor.h"

#define NOW (INT64_C(20000) * TIME_DAY)
#define GIB (UINT64_C(1) << 30)

/* ---- one change each ---- */

#define CHANGE(name, code)                                                                         \
    static void name(struct doctor_facts *f)                                                       \
    {                                                                                              \
        code;                                                                                      \
    }
CHANGE(nothing, (void)f)
CHANGE(stopped, f->running = false; f->pid = 0)
CHANGE(no_landlock, f->landlock = 0)
CHANGE(no_sources, f->knows_logs = false)
CHANGE(not_caged, f->caged = false)
CHANGE(disk_full, f->disk_free = 100 << 20)
CHANGE(disk_read_only, f->disk_read_only = true)
CHANGE(disk_rate_unknown, f->rate = 0)
CHANGE(disk_short, f->rate = 3 * GIB)            /* 33 days; 355 are asked for */
CHANGE(disk_soon, f->rate = 20 * GIB)            /* 5 days */
CHANGE(disk_for_ever, f->keep_days = 0)          /* 1024 days */
CHANGE(disk_for_ever_month, f->keep_days = 0; f->rate = 4 * GIB) /* 25 days */
CHANGE(disk_all_kept, f->kept_days = 400; f->rate = 50 * GIB)    /* as much goes as comes */
CHANGE(disk_absurd, f->rate = UINT64_MAX / 2)
CHANGE(clock_back, f->newest_received = NOW + 3600 * TIME_SECOND)
CHANGE(clock_slewed, f->newest_received = NOW + 4 * TIME_SECOND)
CHANGE(clock_unknown, f->clock_known = false)
CHANGE(clock_free, f->clock_synchronised = false)
CHANGE(clock_rough, f->clock_error_us = 1500000)
CHANGE(end_cut, f->end_link = 4)
CHANGE(end_day_gone, f->end_day = 19998)
CHANGE(end_gone, f->has_end = false)
CHANGE(end_other, f->end_differs = true)
CHANGE(end_on, f->end_link = 6)
CHANGE(empty, f->has_end = f->knows_end = false; f->newest_received = f->sealed_at = TIME_NONE)
CHANGE(unsealed, f->sealed_at = TIME_NONE)
CHANGE(sealed_long_ago, f->sealed_at = NOW - 3 * TIME_DAY)
CHANGE(archive_unread, (void)snprintf(f->archive_why, sizeof f->archive_why, "no such folder"))
CHANGE(verified_faults, f->verified.faults = 2)
CHANGE(verified_never, f->verified.at = TIME_NONE)
CHANGE(verified_never_young, f->verified.at = TIME_NONE; f->kept_days = 3)
CHANGE(verified_long_ago, f->verified.at = NOW - 40 * TIME_DAY)
CHANGE(backup_never, f->backed_up.at = TIME_NONE)
CHANGE(backup_never_young, f->backed_up.at = TIME_NONE; f->kept_days = 3; f->has_recovery_key = false)
CHANGE(backup_old, f->backed_up.at = NOW - 9 * TIME_DAY)
CHANGE(backup_very_old, f->backed_up.at = NOW - 40 * TIME_DAY)
CHANGE(backup_partly, f->backed_up.faults = 1)
CHANGE(copy_none, f->copy_place[0] = '\0'; f->copied.days = 0)
CHANGE(copy_unasked, f->copy_place[0] = '\0'; f->has_config = false) /* nobody can tell what was asked for; something is there */
CHANGE(copy_no_key, f->has_recovery_key = false)
CHANGE(copy_empty, f->copied.days = 0; f->copied.at = TIME_NONE)
CHANGE(copy_fails, f->copied.failed_at = NOW - 7200 * TIME_SECOND; (void)snprintf(f->copied.why, sizeof f->copied.why, "it is full"))
CHANGE(copy_fails_long, copy_fails(f); f->copied.failed_at = NOW - 9 * TIME_DAY; f->copy_waiting = 9; f->copy_oldest = 19991)
CHANGE(copy_yesterday, f->copy_waiting = 1; f->copy_oldest = 19999)
CHANGE(copy_late, f->copy_waiting = 2; f->copy_oldest = 19998)
CHANGE(copy_very_late, f->copy_waiting = 20; f->copy_oldest = 19980)
CHANGE(retention_never, f->let_go.begun = f->let_go.ended = TIME_NONE)
CHANGE(retention_ahead, f->trusted.state = TIME_AHEAD; f->trusted.newest = NOW - 100 * TIME_DAY)
CHANGE(retention_behind, f->trusted.state = TIME_BEHIND; f->trusted.newest = NOW + 20 * TIME_DAY)
CHANGE(retention_early, (void)snprintf(f->let_go.why, sizeof f->let_go.why, "the disk is full"))
CHANGE(retention_passed, f->let_go.passed_by = 2; f->let_go.npassed = 1; (void)snprintf(f->let_go.passed[0], sizeof f->let_go.passed[0], "0198"))
CHANGE(retention_stands, f->let_go.begun = f->let_go.ended = NOW - 5 * TIME_DAY)
CHANGE(source_silent, f->sources.data[1].last_event = NOW - 7200 * TIME_SECOND)
CHANGE(source_never, f->sources.data[1].last_event = TIME_NONE)
CHANGE(source_held, f->sources.data[0].held = true)
CHANGE(source_stopped, f->sources.data[1].last_event = NOW - 7200 * TIME_SECOND; f->running = false; f->pid = 0)
CHANGE(source_lost, f->sources.data[0].dropped_at = NOW - 7200 * TIME_SECOND)
CHANGE(source_late, f->sources.data[0].lag_ms = 7200 * 1000)
CHANGE(source_ahead, f->sources.data[0].lag_ms = -7200 * 1000)
CHANGE(source_was_late, f->sources.data[0].lag_ms = 7200 * 1000; f->sources.data[0].last_event = NOW - 2 * TIME_DAY)
CHANGE(source_none, f->sources.len = 0)
CHANGE(buffer_small, f->udp_most = 212992)
CHANGE(buffer_forced, f->udp_most = 212992; f->udp_forced = true)
CHANGE(buffer_unused, f->udp_most = 212992; f->udp_sources = 0)
CHANGE(buffer_unknown, f->udp_most = -1)
CHANGE(files_much, f->files_open = 850)
CHANGE(files_full, f->files_open = 1000)
CHANGE(files_hidden, f->files_most = -1)
CHANGE(files_few, f->files_open = 0; f->files_most = 64)
CHANGE(memory_low, f->memory_free = INT64_C(200) << 20)
CHANGE(memory_gone, f->memory_free = INT64_C(20) << 20)
CHANGE(memory_unknown, f->memory_free = -1)

static const struct {
    void (*change)(struct doctor_facts *f);
    const char *check; /* the line that tells */
    enum doctor_state state;
    const char *says;
} cases[] = {
    {nothing, "node", DOCTOR_OK, "runs, process 7"},
    {stopped, "node", DOCTOR_WARN, "no node runs"},
    {nothing, "sandbox", DOCTOR_OK, "version 3"},
    {no_landlock, "sandbox", DOCTOR_WARN, "no Landlock"},
    {not_caged, "sandbox", DOCTOR_WARN, "without its sandbox"},
    {nothing, "rules", DOCTOR_OK, "are there"},
    {no_sources, "rules", DOCTOR_BAD, "no rule can match"},
    {nothing, "disk", DOCTOR_OK, "100.0 GiB of 200.0 GiB are free, 1.0 GiB are kept; at 102.4 MiB a day 365 days need 35.5 GiB more"},
    {disk_full, "disk", DOCTOR_BAD, "100.0 MiB of 200.0 GiB are free"},
    {disk_read_only, "disk", DOCTOR_BAD, "can only be read"},
    {disk_rate_unknown, "disk", DOCTOR_OK, "not known yet"},
    {disk_short, "disk", DOCTOR_WARN, "at 3.0 GiB a day that lasts 33 days, and retention needs more: 1.0 TiB"},
    {disk_soon, "disk", DOCTOR_BAD, "lasts 5 days"},
    {disk_for_ever, "disk", DOCTOR_OK, "lasts 1000 days; nothing is ever let go"},
    {disk_for_ever_month, "disk", DOCTOR_WARN, "lasts 25 days; nothing is ever let go"},
    {disk_all_kept, "disk", DOCTOR_OK, "365 days need 0 bytes more"},
    {disk_absurd, "disk", DOCTOR_BAD, "lasts 0 days"},
    {nothing, "clock", DOCTOR_OK, "wrong by at most 2 ms"},
    {clock_back, "clock", DOCTOR_BAD, "60 minutes behind what was received last"},
    {clock_slewed, "clock", DOCTOR_OK, "synchronised"},
    {clock_unknown, "clock", DOCTOR_WARN, "does not say"},
    {clock_free, "clock", DOCTOR_WARN, "nobody holds it right"},
    {clock_rough, "clock", DOCTOR_WARN, "wrong by 1500 ms"},
    {nothing, "chain", DOCTOR_OK, "where the records say, sealed 10 hours ago"},
    {end_on, "chain", DOCTOR_OK, "where the records say"},
    {end_cut, "chain", DOCTOR_BAD, "ends before the newest link"},
    {end_day_gone, "chain", DOCTOR_BAD, "ends before the newest link"},
    {end_gone, "chain", DOCTOR_BAD, "ends before the newest link"},
    {end_other, "chain", DOCTOR_BAD, "not the one that the records know"},
    {empty, "chain", DOCTOR_OK, "nothing was kept yet"},
    {unsealed, "chain", DOCTOR_WARN, "never sealed"},
    {sealed_long_ago, "chain", DOCTOR_WARN, "not sealed for days"},
    {archive_unread, "chain", DOCTOR_BAD, "cannot be read: no such folder"},
    {nothing, "verified", DOCTOR_OK, "5 days ago, everything fitted"},
    {verified_faults, "verified", DOCTOR_BAD, "5 days ago, with 2 faults"},
    {verified_never, "verified", DOCTOR_WARN, "never"},
    {verified_never_young, "verified", DOCTOR_OK, "not yet; the archive is young"},
    {verified_long_ago, "verified", DOCTOR_WARN, "40 days ago"},
    {nothing, "backup", DOCTOR_OK, "6 days ago, to /mnt/b"},
    {backup_never, "backup", DOCTOR_BAD, "none was ever made"},
    {backup_never_young, "backup", DOCTOR_WARN, "none was ever made"},
    {backup_old, "backup", DOCTOR_WARN, "9 days ago, to /mnt/b"},
    {backup_very_old, "backup", DOCTOR_BAD, "40 days ago, to /mnt/b"},
    {backup_partly, "backup", DOCTOR_OK, "6 days ago, without the archive, to /mnt/b"},
    {nothing, "copy", DOCTOR_OK, "/mnt/safe: 9 days lie there (3.0 MiB), the last one came 5 hours ago"},
    {copy_none, "copy", DOCTOR_WARN, "no second copy"},
    {copy_unasked, "copy", DOCTOR_OK, "the second copy: 9 days lie there"},
    {copy_no_key, "copy", DOCTOR_BAD, "without a recovery key"},
    {copy_empty, "copy", DOCTOR_OK, "no day lies there yet"},
    {copy_fails, "copy", DOCTOR_WARN, "fails for 2 hours: it is full; 9 days"},
    {copy_fails_long, "copy", DOCTOR_BAD, "fails for 9 days: it is full"},
    {copy_yesterday, "copy", DOCTOR_OK, "9 days lie there"},
    {copy_late, "copy", DOCTOR_WARN, "2 days are late, the oldest ended 1 days ago"},
    {copy_very_late, "copy", DOCTOR_BAD, "20 days are late, the oldest ended 19 days ago"},
    {nothing, "sources", DOCTOR_OK, "2, with 30 events, 3 of them odd; 5 were lost; 3.7 a second; the last one 2 seconds ago; 0 want a look"},
    {nothing, "retention", DOCTOR_OK, "the last run over records was 10 hours ago: 7 were erased"},
    {retention_never, "retention", DOCTOR_OK, "no run over records has ended yet"},
    {retention_ahead, "retention", DOCTOR_BAD, "nothing is let go, of records or logs: the clock stands 100 days after the time that was counted last"},
    {retention_behind, "retention", DOCTOR_BAD, "the clock stands 20 days before the time"},
    {retention_early, "retention", DOCTOR_BAD, "ended early: the disk is full"},
    {retention_passed, "retention", DOCTOR_WARN, "2 records could not be erased, the first is 0198"},
    {retention_stands, "retention", DOCTOR_WARN, "the last run over records was 5 days ago"},
    {source_silent, "source", DOCTOR_WARN, "mail is silent for 2 hours"},
    {source_never, "source", DOCTOR_WARN, "mail never sent anything"},
    {source_lost, "source", DOCTOR_WARN, "web lost records, last 2 hours ago; in all 2 the socket's buffer was full: nobody read it in time, 1 a connection was turned away"},
    {source_late, "source", DOCTOR_WARN, "web comes late: 2 hours after its own time"},
    {source_ahead, "source", DOCTOR_WARN, "web is ahead of its time by 2 hours"},
    {source_was_late, "sources", DOCTOR_OK, "0 want a look"},
    {source_held, "source", DOCTOR_BAD, "web is on hold"},
    {source_held, "sources", DOCTOR_OK, "1 want a look"},
    {source_stopped, "sources", DOCTOR_OK, "0 want a look"},
    {source_none, "sources", DOCTOR_WARN, "the last one never came"},
    {nothing, "buffers", DOCTOR_OK, "gets the 8.0 MiB that are asked for"},
    {buffer_small, "buffers", DOCTOR_WARN, "asks for 8.0 MiB and gets 208.0 KiB"},
    {buffer_forced, "buffers", DOCTOR_OK, "8.0 MiB"},
    {buffer_unused, "buffers", DOCTOR_OK, "no source is UDP"},
    {buffer_unknown, "buffers", DOCTOR_WARN, "does not say"},
    {nothing, "files", DOCTOR_OK, "sereno-intake has 40 of 1024 open"},
    {files_much, "files", DOCTOR_WARN, "850 of 1024"},
    {files_full, "files", DOCTOR_BAD, "1000 of 1024"},
    {files_hidden, "files", DOCTOR_OK, "do not let this user count them"},
    {files_few, "files", DOCTOR_WARN, "may have 64 open"},
    {nothing, "memory", DOCTOR_OK, "4.0 GiB of 8.0 GiB are free; the node's processes hold 300.0 MiB"},
    {memory_low, "memory", DOCTOR_WARN, "200.0 MiB of 8.0 GiB"},
    {memory_gone, "memory", DOCTOR_BAD, "20.0 MiB of 8.0 GiB"},
    {memory_unknown, "memory", DOCTOR_WARN, "does not say"},
};

static struct doctor_facts healthy(void)
{
    struct doctor_facts f = {
        .now = NOW, .running = true, .has_config = true, .pid = 7, .landlock = 3, .caged = true, .knows_logs = true,
        .disk_free = 100 * GIB, .disk_size = 200 * GIB, .kept_bytes = GIB, .rate = GIB / 10, .kept_days = 10, .keep_days = 365,
        .clock_known = true, .clock_synchronised = true, .clock_error_us = 2000, .newest_received = NOW - TIME_SECOND,
        .has_end = true, .knows_end = true, .end_day = 19999, .known_day = 19999, .end_link = 5, .known_link = 5,
        .sealed_at = NOW - 10 * 3600 * TIME_SECOND,
        .trusted = {.state = TIME_FITS, .newest = NOW, .doubted = TIME_NONE}, .let_go = {.begun = NOW - 10 * 3600 * TIME_SECOND, .ended = NOW - 10 * 3600 * TIME_SECOND, .erased = 7},
        .verified = {.at = NOW - 5 * TIME_DAY}, .backed_up = {.at = NOW - 6 * TIME_DAY, .place = "/mnt/b"}, .has_recovery_key = true,
        .copy_place = "/mnt/safe", .copied = {.days = 9, .bytes = 3 << 20, .newest = 19999, .at = NOW - 3600 * TIME_SECOND * 5, .failed_at = TIME_NONE},
        .udp_sources = 1, .udp_asked = 8 << 20, .udp_most = 16 << 20,
        .files_open = 40, .files_most = 1024, .files_role = "sereno-intake",
        .memory_free = 4 * (int64_t)GIB, .memory_size = 8 * (int64_t)GIB, .memory_used = 300 << 20,
    };
    vec_push(&f.sources, (struct doctor_source){.name = "web", .events = 10, .dropped = 5, .drops = {2, 1}, .dropped_at = NOW - 3 * TIME_DAY, .rate_milli = 2500, .lag_ms = 900, .has_lag = true, .last_event = NOW - 2 * TIME_SECOND});
    vec_push(&f.sources, (struct doctor_source){.name = "mail", .events = 20, .anomalies = 3, .dropped_at = TIME_NONE, .rate_milli = 1200, .last_event = NOW - 60 * TIME_SECOND, .silent_after_s = 900});
    return f;
}

static void test_each_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct doctor_facts f = healthy();
        struct doctor_report r = {0};
        const struct doctor_line *found = NULL;
        cases[i].change(&f);
        doctor_judge(&f, &r);
        for (size_t k = 0; k < r.lines.len; k++) {
            const struct doctor_line *l = &r.lines.data[k];
            found = strcmp(l->check, cases[i].check) == 0 ? l : found;
            if ((l->state == DOCTOR_OK) != (l->advice[0] == '\0')) {
                fail_msg("case %zu: %s is %s, its advice is \"%s\"", i, l->check, doctor_state_name(l->state), l->advice);
            }
        }
        if (found == NULL || found->state != cases[i].state || strstr(found->says, cases[i].says) == NULL) {
            fail_msg("case %zu: %s is %s: \"%s\"", i, cases[i].check, found == NULL ? "missing" : doctor_state_name(found->state),
                     found == NULL ? "" : found->says);
        }
        vec_free(&r.lines);
        doctor_facts_free(&f);
    }
}

/* Records that cannot be read: every line that needs them says so, none says that all is well. */
static void test_records_unread(void **state)
{
    (void)state;
    struct doctor_facts f = healthy();
    struct doctor_report r = {0};
    size_t told = 0;
    (void)snprintf(f.records_why, sizeof f.records_why, "records.db is missing");
    doctor_judge(&f, &r);
    for (size_t k = 0; k < r.lines.len; k++) {
        told += r.lines.data[k].state == DOCTOR_BAD && strstr(r.lines.data[k].says, "records.db is missing") != NULL;
    }
    assert_int_equal(told, 6); /* chain, verified, backup, copy, retention, sources */
    assert_int_equal(doctor_worst(&r), DOCTOR_BAD);
    vec_free(&r.lines);
    doctor_facts_free(&f);
}

static void test_worst(void **state)
{
    (void)state;
    struct doctor_facts f = healthy();
    struct doctor_report r = {0};
    assert_int_equal(doctor_worst(&r), DOCTOR_OK);
    doctor_judge(&f, &r);
    assert_int_equal(doctor_worst(&r), DOCTOR_OK);
    for (int i = 0; i < 1000; i++) {
        vec_push(&f.sources, (struct doctor_source){.name = "x", .last_event = TIME_NONE, .dropped_at = TIME_NONE, .held = true});
    }
    vec_clear(&r.lines);
    doctor_judge(&f, &r);
    assert_int_equal(doctor_worst(&r), DOCTOR_BAD);
    assert_in_range(r.lines.len, DOCTOR_SOURCE_LINES_MAX, DOCTOR_SOURCE_LINES_MAX + 20);
    vec_free(&r.lines);
    doctor_facts_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_verdict),
        cmocka_unit_test(test_records_unread),
        cmocka_unit_test(test_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
