/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Retention per source: what has had its time goes, what has not stays byte for byte, holds stop it, each letting go leaves
 * a signed proof that verify asks for, and whoever removes more, or without proof, or forges one, is found.
 */
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

#include "archive/merge.h"
#include "archive/purge.h"
#include "archive/walk.h"
#include "archive/window.h"

enum { DAY = 20779 /* 2026-11-22 */, DAYS = 3, WINDOWS = 12, TEXT_BYTES = 1500 /* the packs of the short source get filters */ };

static char folder[64];
static struct archive *archive;
static struct seal_key *key;
static struct archive_witness witness;
static struct err e;

static void path_of(int32_t day, char out[256])
{
    struct time_parts p;
    time_to_parts((time_ns)day * TIME_DAY, &p);
    (void)snprintf(out, 256, "%s/%04d-%02d-%02d.db", folder, p.year, p.month, p.day);
}

static int64_t sql(int32_t day, const char *text)
{
    char path[256];
    sqlite3 *db;
    sqlite3_stmt *s;
    int64_t n = 0;
    path_of(day, path);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &s, NULL), SQLITE_OK);
    int rc = sqlite3_step(s);
    n = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    assert_true(rc == SQLITE_ROW || rc == SQLITE_DONE);
    (void)sqlite3_finalize(s);
    assert_true(rc == SQLITE_ROW || sqlite3_total_changes(db) > 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

static void write_one(int32_t day, uint64_t id)
{
    static const char *const sources[] = {"long", "short", "short"};
    struct window *w = window_new(1);
    struct archive_kept kept;
    for (unsigned i = 0; i < 6; i++) {
        char text[TEXT_BYTES + 64];
        int n = snprintf(text, sizeof text, "day %d window %llu record %u %0*d", day, (unsigned long long)id, i, TEXT_BYTES, 7);
        struct archive_record r = {.organisation = i < 3 ? SPAN("town") : SPAN("other"),
                                   .source = span_of(sources[i % 3]),
                                   .class_name = SPAN("c"),
                                   .host = SPAN("h"),
                                   .time = (time_ns)day * TIME_DAY + (time_ns)(id * 10 + i),
                                   .received = (time_ns)day * TIME_DAY + (time_ns)(id * 10),
                                   .original = span_make(text, (size_t)n)};
        (void)window_add(w, &r);
    }
    struct archive_alert_in alert = {.body = SPAN("an alert")};
    struct archive_window in = {.intake = 1, .id = id, .received = (time_ns)day * TIME_DAY, .alerts = &alert,
                                .nalerts = 1};
    window_seal(w, &in.blocks, &in.nblocks);
    assert_int_equal(archive_write(archive, &in, &kept, &e), 0);
    window_free(&w);
}

static void seal(time_ns now)
{
    unsigned char line[ARCHIVE_HASH_BYTES];
    assert_int_equal(archive_seal(archive, key, now, line, &e), 0);
}

static void merge_all(void)
{
    struct archive_reader *r;
    struct merge *m;
    const struct merge_options o = {.level = 3, .wait_bytes = UINT64_MAX, .closed = true};
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    for (int32_t day = DAY; day < DAY + DAYS - 1; day++) {
        while (archive_merge_prepare(r, day, &o, &m, &e) == 1) {
            assert_int_equal(archive_merge_commit(archive, m, &e), 0);
            archive_merge_free(&m);
        }
    }
    archive_reader_close(&r);
}

static int make(void **state)
{
    (void)state;
    static const unsigned char seed[SEAL_SEED_BYTES] = {9};
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/purge-test-XXXXXX",
                   base == NULL || strlen(base) > 30 ? "/tmp" : base);
    if (mkdtemp(folder) == NULL || archive_open(folder, &archive, &e) != 0) {
        return -1;
    }
    key = seal_key_new(seed);
    archive_signer(archive, key);
    witness = (struct archive_witness){.has_key = true};
    seal_key_public(key, witness.key);
    for (int32_t day = DAY; day < DAY + DAYS; day++) {
        for (uint64_t id = 0; id < WINDOWS; id++) {
            write_one(day, (uint64_t)day * 100 + id);
        }
        seal((time_ns)(day + 1) * TIME_DAY - 1);
    }
    return 0;
}

static int clean(void **state)
{
    (void)state;
    static const char *const tails[] = {"", "-wal", "-shm"};
    char path[256];
    char name[272];
    archive_close(&archive);
    seal_key_free(&key);
    for (int32_t day = DAY; day < DAY + 500; day++) {
        for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
            path_of(day, path);
            (void)snprintf(name, sizeof name, "%s%s", path, tails[i]);
            (void)unlink(name);
        }
    }
    (void)snprintf(path, sizeof path, "%s/seals.jsonl", folder);
    (void)unlink(path);
    return rmdir(folder);
}

static void keep_fault(void *ctx, const struct err *why)
{
    (void)snprintf(ctx, 1024, "%.300s: %.700s", why->where, why->text);
}

static struct archive_report verify(char said[1024])
{
    struct archive_reader *r;
    struct archive_report report;
    const struct archive_verify_hooks hooks = {.ctx = said, .complain = keep_fault};
    said[0] = '\0';
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    assert_int_equal(archive_verify(r, &witness, &hooks, &report, &e), 0);
    archive_reader_close(&r);
    return report;
}

static struct purge_totals purge(int32_t today, const struct purge_hold *holds, size_t nholds)
{
    static const struct purge_source own[] = {{SPAN("short"), 10, false}};
    const struct purge_policy p = {.days = 100, .sources = own, .nsources = 1, .holds = holds, .nholds = nholds};
    struct purge_totals t;
    assert_int_equal(archive_purge(archive, &p, (time_ns)today * TIME_DAY + 5, &t, &e), 0);
    seal((time_ns)today * TIME_DAY + 6);
    return t;
}

static void check_kept(int32_t day, const char *source, uint64_t want)
{
    struct archive_reader *r;
    struct archive_walk w;
    struct archive_header h;
    struct span body;
    struct arena scratch;
    uint64_t there = 0;
    arena_init(&scratch, 0);
    archive_walk_init(&w);
    w.source = span_of(source);
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    while (archive_walk_next(r, &w, &scratch, &h, &body, &e) == 1) {
        there += h.day == day && body.ptr != NULL ? h.count : 0;
    }
    archive_reader_close(&r);
    arena_fini(&scratch);
    assert_int_equal(there, want);
}

static void rules_of(bool merged)
{
    char said[1024];
    if (merged) {
        merge_all();
        assert_true(sql(DAY, "SELECT count(*) FROM filter") > 0);
    }
    struct purge_totals t = purge(DAY + 11, NULL, 0); /* only the first day is over, for one source of two towns */
    assert_true(t.sources == 2 && t.records == 4 * WINDOWS && t.days == 0 && t.held == 0);
    check_kept(DAY, "short", 0);
    assert_int_equal(sql(DAY, "SELECT count(*) FROM filter"), 0); /* words of what is gone */
    check_kept(DAY, "long", 2 * WINDOWS);
    check_kept(DAY + 1, "short", 4 * WINDOWS);
    struct archive_report report = verify(said);
    assert_string_equal(said, "");
    assert_true(report.proofs == 2 && report.purged > 0 && report.seals == DAYS + 1);
    assert_int_equal(purge(DAY + 11, NULL, 0).sources, 0); /* once is enough */
    t = purge(DAY + 101, NULL, 0); /* the first day as a whole, and the second and third of the short source */
    assert_true(t.days == 1 && t.sources == 4);
    report = verify(said);
    assert_string_equal(said, "");
    assert_int_equal(report.proofs, 2 + 1 + 4);
    assert_int_equal(purge(DAY + 400, NULL, 0).days, 4); /* and those that held nothing but notes */
    (void)verify(said);
    assert_string_equal(said, "");
}

/* Invented data: all of a source goes now, out of the day that is written too, which goes on. */
static void at_once(bool merged)
{
    enum { OPEN = DAY + DAYS - 1 };
    static const struct purge_source gone[] = {{SPAN("short"), 0, true}};
    const struct purge_policy p = {.sources = gone, .nsources = 1};
    const struct purge_hold hold = {SPAN("town"), SPAN("short"), OPEN, OPEN};
    struct purge_policy held = p;
    struct purge_totals t;
    char said[1024];
    const time_ns now = (time_ns)OPEN * TIME_DAY + 5;
    held.holds = &hold;
    held.nholds = 1;
    if (merged) {
        merge_all();
    }
    assert_int_equal(archive_purge(archive, &held, now, &t, &e), 0);
    assert_true(t.sources == 2 * DAYS - 1 && t.held == 1 && t.days == 0 && !t.more);
    (void)verify(said);
    assert_string_equal(said, "");
    check_kept(OPEN, "short", 2 * WINDOWS); /* of the town; its neighbour's are gone */
    assert_int_equal(archive_purge(archive, &p, now, &t, &e), 0);
    assert_true(t.sources == 1 && t.records == 2 * WINDOWS);
    for (int32_t day = DAY; day <= OPEN; day++) {
        check_kept(day, "short", 0);
        check_kept(day, "long", 2 * WINDOWS);
    }
    (void)verify(said);
    assert_string_equal(said, "");
    write_one(OPEN, (uint64_t)OPEN * 100 + WINDOWS); /* what was still on its way goes with the next call */
    check_kept(OPEN, "long", 2 * WINDOWS + 2);
    assert_int_equal(archive_purge(archive, &p, now, &t, &e), 0);
    assert_int_equal(t.sources, 2);
    assert_int_equal(archive_purge(archive, &p, now, &t, &e), 0);
    assert_int_equal(t.sources, 0);
    seal((time_ns)(OPEN + 1) * TIME_DAY);
    check_kept(OPEN, "long", 2 * WINDOWS + 2);
    assert_int_equal(verify(said).proofs, 2 * DAYS + 2);
    assert_string_equal(said, "");
}

static void test_at_once(void **state)
{
    (void)state;
    at_once(false);
}

static void test_at_once_after_merging(void **state)
{
    (void)state;
    at_once(true);
}

static void test_rules(void **state)
{
    (void)state;
    rules_of(false);
}

static void test_rules_after_merging(void **state)
{
    (void)state;
    rules_of(true);
}

/* In slices: whole between any two of them, and done in the end. */
static void test_slices(void **state)
{
    (void)state;
    char said[1024];
    static const struct purge_source own[] = {{SPAN("short"), 10, false}};
    const struct purge_policy p = {.days = 100, .sources = own, .nsources = 1, .slice = 1};
    struct purge_totals t = {.more = true};
    unsigned calls = 0;
    uint64_t sources = 0;
    merge_all();
    for (; t.more; calls++) {
        assert_int_equal(archive_purge(archive, &p, (time_ns)(DAY + 12) * TIME_DAY, &t, &e), 0);
        sources += t.sources;
        (void)verify(said);
        assert_string_equal(said, "");
        assert_true(calls < 1000);
    }
    assert_true(calls > 1 && sources == 4);
    check_kept(DAY, "short", 0);
    check_kept(DAY + 1, "short", 0);
    assert_int_equal(verify(said).proofs, 4);
}

/*
 * Merging beside it: a source of which some is merged and some is not goes slice by slice, and whatever was prepared before and
 * comes to be written between two slices finds the rows that the proof names.
 */
static void test_slices_beside_merging(void **state)
{
    (void)state;
    enum { OPEN = DAY + DAYS - 1 };
    char said[1024];
    static const struct purge_source own[] = {{SPAN("short"), 10, false}};
    const struct purge_policy p = {.days = 100, .sources = own, .nsources = 1, .slice = 1};
    const struct merge_options o = {.level = 3, .wait_bytes = UINT64_MAX, .closed = true};
    struct purge_totals t = {.more = true};
    struct merge *early = NULL;
    unsigned held_up = 0;
    struct archive_reader *r;
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    for (uint64_t batch = 1; batch < 3; batch++) { /* two packs of each, and rows behind them */
        assert_int_equal(archive_merge_prepare(r, OPEN, &o, &early, &e), 1);
        assert_int_equal(archive_merge_commit(archive, early, &e), 0);
        archive_merge_free(&early);
        for (uint64_t id = 0; id < WINDOWS; id++) {
            write_one(OPEN, (uint64_t)OPEN * 100 + batch * WINDOWS + id);
        }
    }
    write_one(OPEN + 1, (uint64_t)(OPEN + 1) * 100);
    assert_int_equal(archive_merge_prepare(r, OPEN, &o, &early, &e), 1);
    for (unsigned calls = 0; t.more; calls++) {
        assert_int_equal(archive_purge(archive, &p, (time_ns)(OPEN + 12) * TIME_DAY, &t, &e), 0);
        if (sql(OPEN, "SELECT COUNT(*) FROM meta WHERE key='purging'") == 1) {
            struct merge *m = NULL;
            assert_int_equal(archive_merge_commit(archive, early, &e), ERR_BUSY);
            assert_int_equal(archive_merge_prepare(r, OPEN, &o, &m, &e), 0);
            archive_merge_free(&m);
            held_up++;
        }
        (void)verify(said);
        assert_string_equal(said, "");
        assert_true(calls < 1000);
    }
    assert_true(held_up > 0);
    archive_merge_free(&early);
    archive_reader_close(&r);
    check_kept(OPEN, "short", 0);
    check_kept(OPEN, "long", 3 * (uint64_t)WINDOWS * 2);
}

/* A file that is empty (of a crash, or made anew by whoever opened it) keeps no day behind it from going, and goes itself. */
static void test_empty_day(void **state)
{
    (void)state;
    char said[1024];
    char path[256];
    sqlite3 *db;
    path_of(DAY - 1, path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA page_size=16384; PRAGMA journal_mode=WAL", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    struct purge_totals t = purge(DAY + 101, NULL, 0);
    assert_true(t.days == 1 && t.sources == 4);
    assert_int_not_equal(access(path, F_OK), 0);
    path_of(DAY, path);
    assert_int_not_equal(access(path, F_OK), 0);
    (void)verify(said);
    assert_string_equal(said, "");
}

static void test_holds(void **state)
{
    (void)state;
    char said[1024];
    const struct purge_hold one[] = {{SPAN("town"), SPAN("short"), DAY, DAY}};
    struct purge_totals t = purge(DAY + 11, one, 1);
    assert_true(t.sources == 1 && t.held == 1);
    check_kept(DAY, "short", 2 * WINDOWS);
    /* A hold on one source keeps its day; what is beside it goes when its time has come. */
    t = purge(DAY + 200, one, 1);
    assert_true(t.days == 0 && t.held == 1 && t.sources == 2 + 4 + 4); /* later files stay: they may hold proofs */
    check_kept(DAY, "short", 2 * WINDOWS);
    check_kept(DAY, "long", 0);
    (void)verify(said);
    assert_string_equal(said, "");
    const struct purge_hold all[] = {{SPAN(""), SPAN(""), DAY - 5, DAY + 5}};
    assert_int_equal(purge(DAY + 300, all, 1).held, 1);
    check_kept(DAY, "short", 2 * WINDOWS);
    assert_int_equal(purge(DAY + 300, NULL, 0).days, 4); /* lifted */
    (void)verify(said);
    assert_string_equal(said, "");
}

/* ---- against whoever would hide something ---- */

static void test_found(void **state)
{
    (void)state;
    char said[1024];
    static const struct {
        int32_t day;
        bool purge_first;
        const char *harm;
    } harms[] = {
        {DAY + 1, false, "UPDATE block SET body=NULL WHERE id=(SELECT max(id) FROM block WHERE body IS NOT NULL)"},
        {DAY + 1, false, "UPDATE block SET body=NULL WHERE kind IN (0,3) AND source='short'"},
        {DAY, true, "UPDATE block SET body=NULL WHERE source='long'"},
        {DAY, true, "DELETE FROM stub"},
        {DAY, true, "UPDATE stub SET links=substr(links,1,length(links)-1)"},
        {DAY, true, "UPDATE block SET header=x'00' WHERE id=(SELECT max(id) FROM block WHERE body IS NULL AND kind=3)"},
        {DAY + 11, true, "UPDATE block SET class=replace(class,'records=','records=1') WHERE kind=1"},
        {DAY + 11, true, "DELETE FROM block WHERE kind=1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(harms); i++) {
        if (i > 0) {
            (void)clean(NULL);
            assert_int_equal(make(NULL), 0);
        }
        merge_all();
        if (harms[i].purge_first) {
            (void)purge(DAY + 11, NULL, 0);
        }
        assert_int_equal(verify(said).bad, 0);
        (void)sql(harms[i].day, harms[i].harm);
        if (verify(said).bad == 0) {
            fail_msg("not found: %s", harms[i].harm);
        }
    }
}

/* A proof by another key than the node's is none. */
static void test_other_key(void **state)
{
    (void)state;
    char said[1024];
    static const unsigned char seed[SEAL_SEED_BYTES] = {1};
    struct seal_key *other = seal_key_new(seed);
    const struct purge_source own[] = {{SPAN("short"), 10, false}};
    const struct purge_policy p = {.days = 100, .sources = own, .nsources = 1};
    struct purge_totals t;
    archive_signer(archive, other);
    assert_int_equal(archive_purge(archive, &p, (time_ns)(DAY + 11) * TIME_DAY, &t, &e), 0);
    assert_int_equal(t.sources, 2);
    assert_true(verify(said).bad >= 2);
    /* And without any key nothing of a day goes alone. */
    archive_signer(archive, NULL);
    assert_int_equal(archive_purge(archive, &p, (time_ns)(DAY + 12) * TIME_DAY, &t, &e), 0);
    assert_int_equal(t.sources, 0);
    seal_key_free(&other);
}

static void test_killed(void **state)
{
    (void)state;
    char said[1024];
    const char *kills = getenv("SERENO_KILLS");
    merge_all();
    for (uint64_t n = kills == NULL ? 6 : strtoull(kills, NULL, 10); n > 0; n--) {
        archive_close(&archive);
        pid_t pid = fork();
        if (pid == 0) {
            struct err why;
            if (archive_open(folder, &archive, &why) == 0) {
                archive_signer(archive, key);
                (void)purge(DAY + 12, NULL, 0);
            }
            for (;;) {
                (void)pause();
            }
        }
        (void)usleep((useconds_t)(random() % 60000)); /* any moment, which is the point */
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(archive_open(folder, &archive, &e), 0);
        archive_signer(archive, key);
        (void)verify(said);
        assert_string_equal(said, "");
    }
    (void)purge(DAY + 12, NULL, 0);
    check_kept(DAY, "short", 0);
    check_kept(DAY + 1, "short", 0);
    assert_int_equal(verify(said).proofs, 4); /* none was noted twice */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_at_once, make, clean),
        cmocka_unit_test_setup_teardown(test_at_once_after_merging, make, clean),
        cmocka_unit_test_setup_teardown(test_rules, make, clean),
        cmocka_unit_test_setup_teardown(test_rules_after_merging, make, clean),
        cmocka_unit_test_setup_teardown(test_slices, make, clean),
        cmocka_unit_test_setup_teardown(test_slices_beside_merging, make, clean),
        cmocka_unit_test_setup_teardown(test_empty_day, make, clean),
        cmocka_unit_test_setup_teardown(test_holds, make, clean),
        cmocka_unit_test_setup_teardown(test_found, make, clean),
        cmocka_unit_test_setup_teardown(test_other_key, make, clean),
        cmocka_unit_test_setup_teardown(test_killed, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
