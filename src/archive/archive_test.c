/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Day files: what is written is fetched back byte for byte, days roll over in one chain, retention
 * leaves its note, damage is named with day and block, and kill -9 at any moment loses no window
 * that was said to be kept.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "archive/archive.h"
#include "archive/window.h"
#include "base/mem.h"

enum { DAY = 20779 }; /* 2026-11-22 */

static char folder[64];

static void run_sql(int32_t day, const char *sql)
{
    char path[256];
    sqlite3 *db;
    struct time_parts p;
    time_to_parts((time_ns)day * TIME_DAY, &p);
    (void)snprintf(path, sizeof path, "%s/%04d-%02d-%02d.db", folder, p.year, p.month, p.day);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int make_folder(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/archive-test-XXXXXX",
                   base == NULL || strlen(base) > 30 ? "/tmp" : base);
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    for (int32_t day = DAY - 10; day < DAY + 11; day++) {
        static const char *const tails[] = {"", "-wal", "-shm"};
        struct time_parts p;
        time_to_parts((time_ns)day * TIME_DAY, &p);
        for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
            char path[256];
            (void)snprintf(path, sizeof path, "%s/%04d-%02d-%02d.db%s", folder, p.year, p.month,
                           p.day, tails[i]);
            (void)unlink(path);
        }
    }
    return rmdir(folder);
}

/* Ten records that say which window and number they are; one alert on the fourth; a position. */
static int write_window(struct archive *a, uint64_t intake, uint64_t id, int32_t day,
                        struct archive_kept *kept, struct archive_address places[10], struct err *e)
{
    struct window *w = window_new(1);
    char text[64];
    for (int i = 0; i < 10; i++) {
        char host[16];
        (void)snprintf(host, sizeof host, "h%d", i % 3);
        int n = snprintf(text, sizeof text, "window %llu record %d", (unsigned long long)id, i);
        struct archive_record r = {.organisation = SPAN("town"),
                                   .source = SPAN("src"),
                                   .class_name = SPAN("cls"),
                                   .host = span_of(host),
                                   .sender = SPAN("me"),
                                   .time = (time_ns)day * TIME_DAY + i,
                                   .received = (time_ns)day * TIME_DAY + 77,
                                   .original = span_make(text, (size_t)n)};
        (void)window_add(w, &r);
    }
    struct archive_window in = {
        .intake = intake, .id = id, .received = (time_ns)day * TIME_DAY + 77};
    window_seal(w, &in.blocks, &in.nblocks);
    uint32_t block;
    uint32_t index;
    window_place(w, 3, &block, &index);
    int n = snprintf(text, sizeof text, "alert of window %llu", (unsigned long long)id);
    struct archive_alert_in alert = {
        .block = block, .index = index, .body = span_make(text, (size_t)n)};
    struct archive_position position = {SPAN("/var/log/x"), span_make(text, (size_t)n)};
    in.alerts = &alert;
    in.nalerts = 1;
    in.positions = &position;
    in.npositions = 1;
    int rc = archive_write(a, &in, kept, e);
    for (uint32_t i = 0; rc == 0 && places != NULL && i < 10; i++) {
        window_place(w, i, &block, &index);
        places[i] = (struct archive_address){kept->day, kept->first_block + block, index};
    }
    window_free(&w);
    return rc;
}

static void count_bad(void *ctx, const struct err *e)
{
    char *said = ctx;
    (void)snprintf(said, 2048, "%s: %s", e->where, e->text);
}

static struct archive_report verify(char said[2048])
{
    struct archive_reader *r;
    struct archive_report report;
    const struct archive_verify_hooks hooks = {.ctx = said, .complain = count_bad};
    struct err e;
    said[0] = '\0';
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    assert_int_equal(archive_verify(r, NULL, &hooks, &report, &e), 0);
    archive_reader_close(&r);
    return report;
}

/* An alert on a record kept before, how far alerts were copied, and the sums of it all: five
 * windows were written. */
static void check_placed(struct archive *a, struct archive_reader *r,
                         const struct archive_address *at, struct arena *scratch)
{
    struct archive_kept kept;
    struct archive_alert *alerts;
    struct err e;
    size_t n;
    struct archive_alert_in placed = {.placed = true, .at = *at, .body = SPAN("more of it")};
    struct archive_window w = {.intake = 9,
                               .id = 6,
                               .received = (time_ns)DAY * TIME_DAY + 99,
                               .alerts = &placed,
                               .nalerts = 1};
    uint64_t copied = 99;
    assert_int_equal(archive_copied_row(r, DAY, &copied, &e), 0);
    assert_int_equal(copied, 0);
    archive_copied(a, DAY, 4);
    assert_int_equal(archive_write(a, &w, &kept, &e), 0);
    assert_int_equal(archive_last_alert(a), 6);
    assert_int_equal(archive_copied_row(r, DAY, &copied, &e), 0);
    assert_int_equal(copied, 4);
    assert_int_equal(archive_alerts(r, DAY, 5, 100, scratch, &alerts, &n, &e), 0);
    assert_true(n == 1 && alerts[0].row == 6 && span_eq(alerts[0].body, SPAN("more of it")));
    assert_memory_equal(&alerts[0].address, at, sizeof *at);
    struct archive_totals totals;
    assert_int_equal(archive_totals(r, &totals, &e), 0);
    assert_true(totals.events == 50 && totals.days == 1 && totals.oldest_day == DAY &&
                totals.bytes_on_disk > 0);
}

static void test_write_and_fetch(void **state)
{
    (void)state;
    struct archive *a;
    struct archive_reader *r;
    struct archive_kept kept;
    struct archive_address places[10];
    struct arena scratch;
    struct err e;
    char said[2048];
    arena_init(&scratch, 0);
    assert_int_equal(archive_open(folder, &a, &e), 0);
    for (uint64_t id = 1; id <= 5; id++) {
        assert_int_equal(write_window(a, 9, id, DAY, &kept, places, &e), 0);
        assert_false(kept.repeated);
        assert_int_equal(kept.day, DAY);
    }
    /* The same window again: same place, nothing more is kept. */
    struct archive_kept again;
    assert_int_equal(write_window(a, 9, 5, DAY, &again, NULL, &e), 0);
    assert_true(again.repeated && again.first_block == kept.first_block);

    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    for (uint32_t i = 0; i < 10; i++) {
        struct archive_record out;
        char want[64];
        assert_int_equal(archive_fetch(r, places[i], &scratch, &out, &e), 0);
        (void)snprintf(want, sizeof want, "window 5 record %u", i);
        assert_true(span_eq(out.original, span_of(want)));
        assert_true(span_eq(out.sender, SPAN("me")) && span_eq(out.organisation, SPAN("town")));
        assert_int_equal(out.arrival, i);
    }
    struct archive_record out;
    struct archive_address nowhere = {DAY, 999, 0};
    assert_int_equal(archive_fetch(r, nowhere, &scratch, &out, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.where, "2026-11-22 block 999"));
    nowhere = (struct archive_address){DAY, 1, 10};
    assert_int_equal(archive_fetch(r, nowhere, &scratch, &out, &e), ERR_NOT_FOUND);
    nowhere.day = DAY + 5;
    assert_int_equal(archive_fetch(r, nowhere, &scratch, &out, &e), ERR_NOT_FOUND);

    struct archive_alert *alerts;
    size_t n;
    assert_int_equal(archive_alerts(r, DAY, 0, 3, &scratch, &alerts, &n, &e), 0);
    assert_int_equal(n, 3);
    assert_true(span_eq(alerts[2].body, SPAN("alert of window 3")));
    assert_int_equal(archive_fetch(r, alerts[2].address, &scratch, &out, &e), 0);
    assert_true(span_eq(out.original, SPAN("window 3 record 3")));
    assert_int_equal(archive_alerts(r, DAY, alerts[2].row, 100, &scratch, &alerts, &n, &e), 0);
    assert_int_equal(n, 2);
    check_placed(a, r, &places[7], &scratch);
    archive_reader_close(&r);
    archive_close(&a);
    struct archive_report report = verify(said);
    assert_string_equal(said, "");
    assert_int_equal(report.blocks, 5);
    assert_int_equal(report.records, 50);
    arena_fini(&scratch);
}

/* The log of matches: in order of commit, over ticks and days; rows that are done with go, their numbers never come again. */
static void test_matches(void **state)
{
    (void)state;
    struct archive *a;
    struct archive_reader *r;
    struct archive_kept kept;
    struct archive_match *rows;
    struct archive_match_place tick;
    struct arena scratch;
    struct span owner;
    uint32_t count;
    struct err e;
    size_t n;
    arena_init(&scratch, 0);
    assert_int_equal(archive_open(folder, &a, &e), 0);
    assert_int_equal(write_window(a, 1, 1, DAY, &kept, NULL, &e), 0); /* has none: no row */
    struct archive_window w = {.intake = 1, .id = 2, .received = (time_ns)DAY * TIME_DAY + 7, .matches = SPAN("first")};
    assert_int_equal(archive_write(a, &w, &kept, &e), 0);
    assert_int_equal(archive_write(a, &w, &kept, &e), 0);
    assert_true(kept.repeated);
    assert_int_equal(archive_tick(a, w.received + 1, &tick, &e), 0);
    assert_true(tick.day == DAY && tick.row == 2);
    w.id = 3;
    w.matches = SPAN("second");
    assert_int_equal(archive_write(a, &w, &kept, &e), 0);
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    assert_int_equal(archive_matches(r, DAY, 0, 10, SIZE_MAX, &scratch, &rows, &n, &e), 0);
    assert_true(n == 3 && span_eq(rows[0].body, SPAN("first")) && rows[0].received == w.received);
    assert_true(rows[1].body.len == 0 && rows[1].received == w.received + 1 && rows[1].place.row == 2);
    assert_true(span_eq(rows[2].body, SPAN("second")) && rows[2].first_block == kept.first_block);
    assert_int_equal(archive_matches(r, DAY, 1, 10, 1, &scratch, &rows, &n, &e), 0);
    assert_int_equal(n, 2); /* the tick is of no bytes, the next one ends it */
    archive_matches_done(a, (struct archive_match_place){DAY, 3});
    w.id = 4;
    w.matches = SPAN("");
    assert_int_equal(archive_write(a, &w, &kept, &e), 0);
    assert_int_equal(archive_matches(r, DAY, 0, 10, SIZE_MAX, &scratch, &rows, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(archive_tick(a, w.received + 2, &tick, &e), 0);
    assert_int_equal(tick.row, 4);
    assert_int_equal(archive_tick(a, w.received + TIME_DAY, &tick, &e), 0);
    assert_true(tick.day == DAY + 1 && tick.row == 1);
    assert_int_equal(archive_block_owner(r, DAY, 1, &scratch, &owner, &count, &e), 0);
    assert_true(span_eq(owner, SPAN("town")) && count == 10);
    assert_int_equal(archive_block_owner(r, DAY, 2, &scratch, &owner, &count, &e), ERR_NOT_FOUND);
    char large[1] = {0};
    w.id = 5;
    w.matches = span_make(large, ARCHIVE_MATCHES_MAX_BYTES + 1);
    assert_int_equal(archive_write(a, &w, &kept, &e), ERR_INVALID);
    archive_reader_close(&r);
    archive_close(&a);
    arena_fini(&scratch);
}

static void test_days(void **state)
{
    (void)state;
    struct archive *a;
    struct archive_kept kept;
    struct arena scratch;
    struct err e;
    char said[2048];
    arena_init(&scratch, 0);
    assert_int_equal(archive_open(folder, &a, &e), 0);
    assert_int_equal(write_window(a, 1, 1, DAY - 2, &kept, NULL, &e), 0);
    assert_int_equal(write_window(a, 1, 2, DAY - 1, &kept, NULL, &e), 0);
    archive_close(&a); /* positions and chain are taken over across a restart and a new day */
    assert_int_equal(archive_open(folder, &a, &e), 0);
    struct archive_position *positions;
    size_t n;
    assert_int_equal(archive_positions(a, &scratch, &positions, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_true(span_eq(positions[0].value, SPAN("alert of window 2")));
    /* Late: goes into the newest file. */
    assert_int_equal(write_window(a, 1, 3, DAY - 2, &kept, NULL, &e), 0);
    assert_int_equal(kept.day, DAY - 1);
    assert_int_equal(write_window(a, 1, 4, DAY, &kept, NULL, &e), 0);
    assert_int_equal(kept.day, DAY);
    assert_int_equal(archive_positions(a, &scratch, &positions, &n, &e), 0);
    assert_true(n == 1 && span_eq(positions[0].value, SPAN("alert of window 4")));
    struct archive_report report = verify(said);
    assert_string_equal(said, "");
    assert_int_equal(report.days, 3);

    size_t deleted;
    assert_int_equal(
        archive_retain(a, DAY, SPAN("older than kept"), (time_ns)DAY * TIME_DAY + 5, &deleted, &e),
        0);
    assert_int_equal(deleted, 2);
    report = verify(said);
    assert_string_equal(said, "");
    assert_int_equal(report.days, 1);
    assert_int_equal(report.notes, 2);
    assert_int_equal(
        archive_retain(a, DAY, SPAN("again"), (time_ns)DAY * TIME_DAY + 6, &deleted, &e), 0);
    assert_int_equal(deleted, 0);
    archive_close(&a);
    arena_fini(&scratch);
}

/* What is over gets no more, whatever the clock says later; a window that comes once more is found in the file of its day. */
static void test_days_end(void **state)
{
    (void)state;
    struct archive *a;
    struct archive_kept first, kept;
    struct err e;
    char said[2048];
    assert_int_equal(archive_open(folder, &a, &e), 0);
    assert_int_equal(archive_open_day(a), INT32_MIN);
    assert_int_equal(archive_end_days(a, DAY, &e), 0); /* nothing was kept: no file is made */
    assert_int_equal(archive_open_day(a), INT32_MIN);
    assert_int_equal(write_window(a, 1, 1, DAY - 2, &first, NULL, &e), 0);
    assert_int_equal(archive_end_days(a, DAY - 2, &e), 0); /* it is not over */
    assert_int_equal(archive_open_day(a), DAY - 2);
    assert_int_equal(archive_end_days(a, DAY - 1, &e), 0);
    assert_int_equal(archive_open_day(a), DAY - 1);
    assert_int_equal(archive_end_days(a, DAY, &e), 0); /* one that holds nothing stays */
    assert_int_equal(archive_open_day(a), DAY - 1);
    assert_int_equal(write_window(a, 1, 1, DAY - 2, &kept, NULL, &e), 0);
    assert_true(kept.repeated && kept.day == DAY - 2 && kept.first_block == first.first_block);
    assert_int_equal(write_window(a, 1, 2, DAY - 2, &kept, NULL, &e), 0); /* held, or the clock was set back */
    assert_true(!kept.repeated && kept.day == DAY - 1);
    archive_close(&a);
    assert_int_equal(archive_open(folder, &a, &e), 0);
    assert_int_equal(archive_open_day(a), DAY - 1);
    assert_int_equal(archive_end_days(a, DAY, &e), 0);
    assert_int_equal(write_window(a, 1, 2, DAY - 2, &kept, NULL, &e), 0);
    assert_true(kept.repeated && kept.day == DAY - 1);
    assert_int_equal(write_window(a, 1, 1, DAY - 2, &kept, NULL, &e), 0);
    assert_true(kept.repeated && kept.day == DAY - 2);
    assert_int_equal(write_window(a, 2, 1, DAY - 2, &kept, NULL, &e), 0); /* of another intake */
    assert_true(!kept.repeated && kept.day == DAY);
    char path[300];
    (void)snprintf(path, sizeof path, "%s/2026-11-20.db", folder);
    assert_int_equal(truncate(path, 100), 0); /* cannot be read any more: the window is kept again, nothing is held up */
    assert_int_equal(write_window(a, 1, 1, DAY - 2, &kept, NULL, &e), 0);
    assert_true(!kept.repeated && kept.day == DAY);
    assert_int_equal(unlink(path), 0);
    struct archive_report report = verify(said);
    assert_int_equal(report.days, 2);
    archive_close(&a);
}

/* A day taken away without a note, a changed body, a changed header, a removed block: all found,
 * all named. */
static void test_damage(void **state)
{
    (void)state;
    struct archive *a;
    struct archive_reader *r;
    struct archive_kept kept;
    struct arena scratch;
    struct err e;
    char said[2048];
    arena_init(&scratch, 0);
    assert_int_equal(archive_open(folder, &a, &e), 0);
    for (uint64_t id = 1; id <= 4; id++) {
        assert_int_equal(write_window(a, 1, id, DAY - 1 + (id > 2), &kept, NULL, &e), 0);
    }
    archive_close(&a);
    run_sql(
        DAY,
        "UPDATE block SET body = CAST(substr(body,1,length(body)-1) || x'5a' AS BLOB) WHERE id=3"); /* a window is a block and a link of its alerts */
    assert_int_equal(verify(said).bad, 1);
    assert_non_null(strstr(said, "archive day 2026-11-22 block 3: packed body is damaged"));
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    struct archive_record out;
    struct archive_address at = {DAY, 3, 0};
    assert_int_equal(archive_fetch(r, at, &scratch, &out, &e), ERR_INVALID);
    assert_non_null(strstr(e.where, "archive day 2026-11-22 block 3"));
    at.block = 1; /* its neighbour is fine */
    assert_int_equal(archive_fetch(r, at, &scratch, &out, &e), 0);
    archive_reader_close(&r);
    run_sql(DAY, "DELETE FROM block WHERE id>2; DELETE FROM alert WHERE id>1");
    assert_int_equal(verify(said).bad, 0); /* the cut end: found by sealed heads, not here */
    run_sql(DAY - 1, "UPDATE block SET header = CAST(header || x'00' AS BLOB) WHERE id=1");
    assert_true(verify(said).bad >= 1);
    assert_non_null(strstr(said, "2026-11-21 block"));
    run_sql(DAY - 1, "UPDATE block SET header = substr(header,1,length(header)-1) WHERE id=1");
    assert_int_equal(verify(said).bad, 0);
    run_sql(DAY - 1, "UPDATE block SET count = 3 WHERE id=1");
    assert_int_equal(verify(said).bad, 1);
    assert_non_null(strstr(said, "columns differ"));
    run_sql(DAY - 1, "UPDATE block SET count = 10 WHERE id=1; DELETE FROM block WHERE id=1");
    assert_int_equal(verify(said).bad, 1);
    assert_non_null(strstr(said, "chain is broken"));
    char path[256];
    (void)snprintf(path, sizeof path, "%s/2026-11-21.db", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(verify(said).bad, 1);
    assert_non_null(strstr(said, "no note says"));
    arena_fini(&scratch);
}

static void test_refusals(void **state)
{
    (void)state;
    struct archive *a;
    struct archive_kept kept;
    struct err e;
    assert_int_equal(archive_open(folder, &a, &e), 0);
    struct archive_block_in block = {.header = {.kind = ARCHIVE_KIND_BLOCK, .count = 1},
                                     .body = SPAN("b")};
    struct archive_alert_in alert = {.block = 0, .index = 1, .body = SPAN("x")};
    struct archive_window w = {.id = 1,
                               .received = (time_ns)DAY * TIME_DAY,
                               .blocks = &block,
                               .nblocks = 1,
                               .alerts = &alert,
                               .nalerts = 1};
    assert_int_equal(archive_write(a, &w, &kept, &e),
                     ERR_INVALID); /* alert on a record that is not there */
    w.nalerts = 0;
    block.header.originals_bytes = ARCHIVE_BLOCK_MAX_BYTES + 1;
    assert_int_equal(archive_write(a, &w, &kept, &e), ERR_INVALID);
    /* Nothing of a refused window is left behind. */
    assert_int_equal(write_window(a, 1, 1, DAY, &kept, NULL, &e), 0);
    assert_int_equal(kept.first_block, 1);
    archive_close(&a);
    run_sql(DAY, "PRAGMA user_version=99");
    assert_int_equal(archive_open(folder, &a, &e), ERR_UNSUPPORTED);
    assert_non_null(strstr(e.text, "format 99"));
    run_sql(DAY, "PRAGMA user_version=1; PRAGMA application_id=5");
    assert_int_equal(archive_open(folder, &a, &e), ERR_UNSUPPORTED);
}

/* Child: writes windows, tells each that is kept. Never returns. */
static _Noreturn void write_until_killed(int tell, uint64_t intake)
{
    struct archive *a;
    struct archive_kept kept;
    struct err e;
    int32_t day = DAY + (intake < 8 ? (int32_t)intake
                                    : 8); /* each start but the last ones rolls over to a new day */
    if (archive_open(folder, &a, &e) != 0) {
        _exit(3);
    }
    for (uint64_t id = 1;; id++) {
        struct archive_address places[10];
        if (write_window(a, intake, id, day + (id > 5), &kept, places, &e) != 0) {
            _exit(4);
        }
        if (write(tell, places, sizeof places) != (ssize_t)sizeof places) {
            _exit(5);
        }
    }
}

static void check_told(struct archive_reader *r, const struct archive_address places[10],
                       uint64_t id)
{
    struct arena scratch;
    struct err e;
    arena_init(&scratch, 0);
    for (uint32_t i = 0; i < 10; i++) {
        struct archive_record out;
        char want[64];
        if (archive_fetch(r, places[i], &scratch, &out, &e) != 0) {
            fail_msg("told kept, but lost: %s: %s", e.where, e.text);
        }
        (void)snprintf(want, sizeof want, "window %llu record %u", (unsigned long long)id, i);
        assert_true(span_eq(out.original, span_of(want)));
    }
    arena_fini(&scratch);
}

/* Reads what the child tells, kills it once `enough` windows are told, then checks each one it
 * told. */
static void kill_one(uint64_t intake, size_t enough)
{
    int pipes[2];
    char said[2048];
    struct err e;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(pipes[0]);
        write_until_killed(pipes[1], intake);
    }
    (void)close(pipes[1]);
    static struct archive_address told[4096][10];
    size_t n = 0;
    int status = 0;
    while (n < ARRAY_LEN(told) &&
           read(pipes[0], told[n], sizeof told[n]) == (ssize_t)sizeof told[n]) {
        if (++n == enough) {
            assert_int_equal(kill(child, SIGKILL), 0);
        }
    }
    (void)close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(n >= enough);
    struct archive_reader *r;
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    for (size_t i = 0; i < n; i++) {
        check_told(r, (const struct archive_address *)told[i], i + 1);
    }
    archive_reader_close(&r);
    assert_int_equal(verify(said).bad, 0);
}

static void test_kill(void **state)
{
    (void)state;
    const char *kills = getenv("SERENO_KILLS"); /* .ci/run asks for more */
    uint64_t n = 12;
    if (kills != NULL) {
        n = strtoull(kills, NULL, 10);
    }
    for (uint64_t i = 1; i <= n; i++) {
        kill_one(i, 1 + (size_t)(i * 7 % 20));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_write_and_fetch, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_matches, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_days, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_days_end, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_damage, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_refusals, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_kill, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
