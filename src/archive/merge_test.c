/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Merging: every record stays at its address, byte for byte; the chain and its seals stay; each byte that is flipped
 * afterwards is found; records that explain later ones stay in front of them; a kill at any moment leaves a whole archive.
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

#include "archive/db.h"
#include "archive/filter.h"
#include "archive/merge.h"
#include "archive/seal.h"
#include "archive/walk.h"
#include "archive/window.h"
#include "base/mem.h"
#include "base/vec.h"

enum { DAY = 20779 /* 2026-11-22 */ };

static char folder[64];
static struct archive *archive;
static struct err e;

struct kept {
    struct archive_address at;
    char text[96];
    int host;
};
static VEC(struct kept) all;

static void path_of(char out[256])
{
    (void)snprintf(out, 256, "%s/2026-11-22.db", folder);
}

static int64_t sql_number(const char *sql)
{
    char path[256];
    sqlite3 *db;
    sqlite3_stmt *s;
    path_of(path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    int64_t n = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    (void)sqlite3_finalize(s);
    (void)sqlite3_close(db);
    return n;
}

static int make(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/merge-test-XXXXXX",
                   base == NULL || strlen(base) > 30 ? "/tmp" : base);
    vec_clear(&all);
    return mkdtemp(folder) != NULL && archive_open(folder, &archive, &e) == 0 ? 0 : -1;
}

static int clean(void **state)
{
    (void)state;
    static const char *const tails[] = {".db", ".db-wal", ".db-shm"};
    char path[256];
    archive_close(&archive);
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        (void)snprintf(path, sizeof path, "%s/2026-11-22%s", folder, tails[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/seals.jsonl", folder);
    (void)unlink(path);
    return rmdir(folder);
}

/* Eight records of three kinds from many hosts; now and then an alert. */
static void write_one(uint64_t id)
{
    static const char *const classes[] = {"a", "b", "a", "", "a", "b", "a", "a"};
    struct window *w = window_new(1);
    struct archive_kept kept;
    size_t from = all.len;
    for (unsigned i = 0; i < ARRAY_LEN(classes); i++) {
        struct kept k = {.host = (int)((id * 7 + i * 3) % 23)};
        char host[16];
        int n = snprintf(k.text, sizeof k.text, "window %llu record %u of host %d, said in some more words",
                         (unsigned long long)id, i, k.host);
        (void)snprintf(host, sizeof host, "h%d", k.host);
        struct archive_record r = {.organisation = i == 5 ? SPAN("other") : SPAN("town"),
                                   .source = i == 6 ? SPAN("s2") : SPAN("s1"),
                                   .class_name = span_of(classes[i]),
                                   .host = span_of(host),
                                   .sender = SPAN("me"),
                                   .time = (time_ns)DAY * TIME_DAY + (time_ns)(id * 100 + (i * 37) % 8),
                                   .received = (time_ns)DAY * TIME_DAY + (time_ns)(id * 100 + 50),
                                   .flags = (uint32_t)i,
                                   .original = span_make(k.text, (size_t)n)};
        (void)window_add(w, &r);
        vec_push(&all, k);
    }
    struct archive_window in = {
        .intake = 1, .id = id, .received = (time_ns)DAY * TIME_DAY + (time_ns)(id * 100 + 50)};
    window_seal(w, &in.blocks, &in.nblocks);
    struct archive_alert_in alert = {.block = 0, .index = 0, .body = SPAN("an alert")};
    in.alerts = &alert;
    in.nalerts = id % 5 == 0;
    assert_int_equal(archive_write(archive, &in, &kept, &e), 0);
    for (uint32_t i = 0; i < ARRAY_LEN(classes); i++) {
        uint32_t block, index;
        window_place(w, i, &block, &index);
        all.data[from + i].at = (struct archive_address){kept.day, kept.first_block + block, index};
    }
    window_free(&w);
}

static void count_bad(void *ctx, const struct err *why)
{
    char *said = ctx;
    (void)snprintf(said, 1024, "%.300s: %.700s", why->where, why->text);
}

static struct archive_report verify(char said[1024])
{
    struct archive_reader *r;
    struct archive_report report;
    const struct archive_verify_hooks hooks = {.ctx = said, .complain = count_bad};
    said[0] = '\0';
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    assert_int_equal(archive_verify(r, NULL, &hooks, &report, &e), 0);
    archive_reader_close(&r);
    return report;
}

static bool explains_third(const struct archive_record *r)
{
    return r->flags == 3;
}

static struct merge_totals merge(bool closed, uint64_t wait, bool (*explains)(const struct archive_record *))
{
    struct archive_reader *r;
    struct merge *m;
    struct merge_totals sum = {0};
    const struct merge_options o = {.level = 3, .wait_bytes = wait, .closed = closed, .explains = explains};
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    int rc;
    while ((rc = archive_merge_prepare(r, DAY, &o, &m, &e)) == 1) {
        struct merge_totals t;
        archive_merge_totals(m, &t);
        assert_int_equal(archive_merge_commit(archive, m, &e), 0);
        sum.blocks += t.blocks;
        sum.packs += t.packs;
        sum.records += t.records;
        sum.bytes_before += t.bytes_before;
        sum.bytes_after += t.bytes_after;
        sum.filters += t.filters;
        sum.filter_bytes += t.filter_bytes;
        archive_merge_free(&m);
    }
    assert_int_equal(rc, 0);
    archive_reader_close(&r);
    return sum;
}

static void check_fetch(void)
{
    struct archive_reader *r;
    struct arena scratch;
    arena_init(&scratch, 0);
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    for (size_t i = 0; i < all.len; i++) {
        struct archive_record out;
        struct span owner;
        uint32_t count;
        arena_reset(&scratch);
        assert_int_equal(archive_fetch(r, all.data[i].at, &scratch, &out, &e), 0);
        assert_true(span_eq(out.original, span_of(all.data[i].text)));
        assert_int_equal(out.arrival, i % 8);
        assert_int_equal(archive_block_owner(r, DAY, all.data[i].at.block, &scratch, &owner, &count, &e), 0);
        assert_true(span_eq(owner, i % 8 == 5 ? SPAN("other") : SPAN("town")) && count > all.data[i].at.index);
        struct archive_address no = {DAY, all.data[i].at.block, count};
        assert_int_equal(archive_fetch(r, no, &scratch, &out, &e), ERR_NOT_FOUND);
    }
    archive_reader_close(&r);
    arena_fini(&scratch);
}

static void test_all_stays(void **state)
{
    (void)state;
    char said[1024];
    unsigned char hash[ARCHIVE_HASH_BYTES];
    static const unsigned char seed[SEAL_SEED_BYTES] = {7};
    struct seal_key *key = seal_key_new(seed);
    for (uint64_t id = 1; id <= 200; id++) {
        write_one(id);
        if (id == 77 || id == 200) { /* the first seals a link whose block goes */
            assert_int_equal(archive_seal(archive, key, (time_ns)(DAY + id) * TIME_DAY, hash, &e), 0);
        }
    }
    struct archive_report before = verify(said);
    assert_string_equal(said, "");
    int64_t rows = sql_number("SELECT count(*) FROM block");
    struct merge_totals t = merge(false, 20000, NULL);
    assert_true(t.blocks > 500 && t.packs * 20 < t.blocks && t.bytes_after * 4 < t.bytes_before);
    assert_true(sql_number("SELECT count(*) FROM stretch") >= 2);
    assert_true(sql_number("SELECT count(*) FROM block") < rows / 3);
    struct archive_report after = verify(said);
    assert_string_equal(said, "");
    assert_true(after.records == before.records && after.blocks == before.blocks && after.bytes == before.bytes &&
                after.seals == 2 && after.alerts == before.alerts && after.newest_link == before.newest_link);
    check_fetch();
    /* It goes on: more comes, a new writer takes it up, the rest is merged when the day is closed. */
    archive_close(&archive);
    assert_int_equal(archive_open(folder, &archive, &e), 0);
    for (uint64_t id = 201; id <= 230; id++) {
        write_one(id);
    }
    (void)merge(true, UINT64_MAX, NULL);
    after = verify(said);
    assert_string_equal(said, "");
    assert_int_equal(after.records, all.len);
    check_fetch();
    assert_int_equal(merge(true, 0, NULL).blocks, 0); /* nothing is left to do */
    seal_key_free(&key);
}

/* ---- what is flipped is found ---- */

static void flip(const char *table, const char *column, const char *key, int64_t id, int64_t at)
{
    char path[256];
    char sql[256];
    sqlite3 *db;
    sqlite3_stmt *s;
    path_of(path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL), SQLITE_OK);
    (void)snprintf(sql, sizeof sql, "SELECT rowid FROM %s WHERE %s=%lld", table, key, (long long)id);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    sqlite3_int64 rowid = sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    sqlite3_blob *b;
    unsigned char byte;
    assert_int_equal(sqlite3_blob_open(db, "main", table, column, rowid, 1, &b), SQLITE_OK);
    assert_int_equal(sqlite3_blob_read(b, &byte, 1, (int)at), SQLITE_OK);
    byte ^= (unsigned char)(1u << (at % 8));
    assert_int_equal(sqlite3_blob_write(b, &byte, 1, (int)at), SQLITE_OK);
    assert_int_equal(sqlite3_blob_close(b), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_flips_are_found(void **state)
{
    (void)state;
    char said[1024];
    char sql[160];
    static const struct {
        const char *table, *column, *key;
    } places[] = {
        {"block", "header", "id"},
        {"block", "hash", "id"},
        {"block", "body", "id"},
        {"stretch", "links", "first"},
    };
    for (uint64_t id = 1; id <= 30; id++) {
        write_one(id);
    }
    (void)merge(true, UINT64_MAX, NULL);
    assert_int_equal(verify(said).bad, 0);
    unsigned tried = 0;
    for (size_t p = 0; p < ARRAY_LEN(places); p++) {
        for (int i = 0;; i++) {
            (void)snprintf(sql, sizeof sql, "SELECT %s FROM %s WHERE %s IS NOT NULL LIMIT 1 OFFSET %d",
                           places[p].key, places[p].table, places[p].column, i);
            int64_t id = sql_number(sql);
            if (id == 0) {
                break;
            }
            (void)snprintf(sql, sizeof sql, "SELECT length(%s) FROM %s WHERE %s=%lld", places[p].column,
                           places[p].table, places[p].key, (long long)id);
            int64_t len = sql_number(sql);
            for (int64_t at = 0; at < len; at += places[p].column[0] == 'b' && len > 600 ? 3 : 1) {
                flip(places[p].table, places[p].column, places[p].key, id, at);
                if (verify(said).bad == 0) {
                    fail_msg("%s of %s %lld, byte %lld: not found", places[p].column, places[p].table,
                             (long long)id, (long long)at);
                }
                flip(places[p].table, places[p].column, places[p].key, id, at);
                tried++;
            }
        }
    }
    assert_true(tried > 1000);
    assert_int_equal(verify(said).bad, 0);
}

static void spoil(const char *sql)
{
    char path[256];
    char said[1024];
    sqlite3 *db;
    path_of(path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint; SAVEPOINT x", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_true(sqlite3_total_changes(db) > 0);
    assert_int_equal(sqlite3_exec(db, "RELEASE x", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    if (verify(said).bad == 0) {
        fail_msg("not found: %s", sql);
    }
}

static void test_taken_away_is_found(void **state)
{
    (void)state;
    static const char *const harm[] = {
        "DELETE FROM stretch",
        "DELETE FROM block WHERE id=(SELECT min(id) FROM block WHERE kind=3)",
        "UPDATE block SET body=NULL WHERE id=(SELECT max(id) FROM block WHERE kind=3)",
        "UPDATE block SET time_min=time_min-1 WHERE id=(SELECT max(id) FROM block WHERE kind=3)",
        "UPDATE block SET bytes=bytes+1 WHERE id=(SELECT max(id) FROM block WHERE kind=3)",
        "UPDATE stretch SET last=last-1",
        "UPDATE stretch SET first=first+1",
        "UPDATE block SET id=id+100000 WHERE id=(SELECT max(id) FROM block WHERE kind=3)",
        ("INSERT INTO block SELECT 100000+id,kind,organisation,source,class,count,time_min,time_max,received_min,"
         "received_max,bytes,header,hash,body FROM block WHERE kind=3 LIMIT 1"),
    };
    for (size_t i = 0; i < ARRAY_LEN(harm); i++) {
        if (i > 0) {
            (void)clean(NULL);
            assert_int_equal(make(NULL), 0);
        }
        for (uint64_t id = 1; id <= 30; id++) {
            write_one(id);
        }
        (void)merge(true, UINT64_MAX, NULL);
        spoil(harm[i]);
    }
}

/* ---- token filters ---- */

/* One block too large to be merged, of `class`. */
static void write_large(uint64_t id, const char *class)
{
    struct window *w = window_new(1);
    struct archive_kept kept;
    char text[512];
    for (unsigned i = 0; i < 800; i++) {
        int n = snprintf(text, sizeof text, "window %llu record %u %0400u", (unsigned long long)id, i, i);
        struct archive_record r = {.organisation = SPAN("town"),
                                   .source = SPAN("s1"),
                                   .class_name = span_of(class),
                                   .host = SPAN("large"),
                                   .time = (time_ns)DAY * TIME_DAY + (time_ns)(id * 100),
                                   .received = (time_ns)DAY * TIME_DAY + (time_ns)(id * 100 + 50),
                                   .original = span_make(text, (size_t)n)};
        (void)window_add(w, &r);
    }
    struct archive_window in = {.intake = 1, .id = id, .received = (time_ns)DAY * TIME_DAY + (time_ns)(id * 100 + 50)};
    window_seal(w, &in.blocks, &in.nblocks);
    assert_int_equal(in.nblocks, 1);
    assert_int_equal(archive_write(archive, &in, &kept, &e), 0);
    window_free(&w);
}

static bool holds_word(int64_t block, const char *word)
{
    char sql[128];
    char path[256];
    sqlite3 *db;
    sqlite3_stmt *s;
    struct filter f;
    path_of(path);
    (void)snprintf(sql, sizeof sql, "SELECT filter.bytes, hash FROM filter JOIN block ON id=block WHERE block=%lld", (long long)block);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_int_equal(filter_decode_stored(dayfile_column(s, 0), sqlite3_column_blob(s, 1), &f, &e), 0);
    bool may = filter_may_hold(&f, filter_token(span_of(word)));
    (void)sqlite3_finalize(s);
    (void)sqlite3_close(db);
    return may;
}

/* Writing makes none; merging makes those of its packs and of large blocks with a class. What is flipped in one is found. */
static void test_filters(void **state)
{
    (void)state;
    char said[1024];
    write_large(1, "a");
    write_large(2, "");
    for (uint64_t id = 3; id <= 300; id++) {
        write_one(id);
    }
    assert_int_equal(sql_number("SELECT count(*) FROM filter"), 0);
    struct merge_totals t = merge(true, UINT64_MAX, NULL);
    int64_t packs = sql_number("SELECT count(*) FROM filter JOIN block ON id=block WHERE kind=3");
    assert_true(packs > 0);
    assert_int_equal(t.filters, packs + 1);
    assert_int_equal(sql_number("SELECT count(*) FROM filter"), packs + 1);
    assert_int_equal(sql_number("SELECT sum(length(bytes)) FROM filter"), t.filter_bytes);
    assert_true(holds_word(1, "window") && !holds_word(1, "host"));
    assert_true(holds_word(sql_number("SELECT max(block) FROM filter"), "HOST"));
    (void)verify(said);
    assert_string_equal(said, "");
    for (int64_t at = 0, len = sql_number("SELECT length(bytes) FROM filter WHERE block=1"); at < len; at += 41) {
        flip("filter", "bytes", "block", 1, at);
        assert_int_equal(verify(said).bad, 1);
        flip("filter", "bytes", "block", 1, at);
    }
    spoil("UPDATE filter SET block=block+100000 WHERE block=1");
}

/* A stretch is no longer than asked for, however much of a day there is; in the end all is merged. */
static void test_limits(void **state)
{
    (void)state;
    enum { LINKS = 32, LARGE = 3, WINDOWS = 200 };
    char said[1024];
    struct archive_reader *r;
    struct merge *m;
    struct merge_totals t;
    uint64_t blocks = 0, filters = 0, stretches = 0;
    int rc;
    const struct merge_options o = {.level = 3, .wait_bytes = UINT64_MAX, .links_max = LINKS, .filters_max = LARGE, .closed = true};
    for (uint64_t id = 1; id <= 7; id++) {
        write_large(id, "a");
    }
    for (uint64_t id = 8; id <= WINDOWS; id++) {
        write_one(id);
    }
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    while ((rc = archive_merge_prepare(r, DAY, &o, &m, &e)) == 1) {
        archive_merge_totals(m, &t);
        assert_true(t.blocks <= LINKS && t.filters <= LARGE + t.packs);
        assert_int_equal(archive_merge_commit(archive, m, &e), 0);
        archive_merge_free(&m);
        blocks += t.blocks;
        filters += t.filters;
        stretches++;
    }
    assert_int_equal(rc, 0);
    archive_reader_close(&r);
    assert_true(blocks > WINDOWS / 2 && filters >= 7 && stretches >= WINDOWS / LINKS);
    assert_int_equal(sql_number("SELECT max(last-first+1) FROM stretch"), LINKS);
    assert_int_equal(verify(said).bad, 0);
    assert_string_equal(said, "");
}

/* A block whose originals go between packing and writing keeps none of its words. */
static void test_gone_meanwhile(void **state)
{
    (void)state;
    struct archive_reader *r;
    struct merge *m;
    const struct merge_options o = {.level = 3, .wait_bytes = UINT64_MAX, .closed = true};
    write_large(1, "a");
    write_large(2, "a");
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    assert_int_equal(archive_merge_prepare(r, DAY, &o, &m, &e), 1);
    archive_reader_close(&r);
    (void)sql_number("UPDATE block SET body=NULL WHERE id=1");
    assert_int_equal(archive_merge_commit(archive, m, &e), 0);
    archive_merge_free(&m);
    assert_int_equal(sql_number("SELECT count(*) FROM filter"), 1);
    assert_int_equal(sql_number("SELECT block FROM filter"), 2);
}

/* A day that retention lets go between packing and writing stays gone: no empty file takes its place. */
static void test_day_gone_meanwhile(void **state)
{
    (void)state;
    char path[256];
    struct archive_reader *r;
    struct merge *m;
    size_t gone = 0;
    const struct merge_options o = {.level = 3, .wait_bytes = UINT64_MAX, .closed = true};
    write_large(1, "a");
    write_large(2, "a");
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    assert_int_equal(archive_merge_prepare(r, DAY, &o, &m, &e), 1);
    archive_reader_close(&r);
    assert_int_equal(archive_retain(archive, DAY + 1, SPAN("test"), (time_ns)(DAY + 2) * TIME_DAY, &gone, &e), 0);
    assert_int_equal(gone, 1);
    assert_int_equal(archive_merge_commit(archive, m, &e), ERR_BUSY);
    archive_merge_free(&m);
    path_of(path);
    assert_int_not_equal(access(path, F_OK), 0);
    archive_close(&archive);
    static const char *const tails[] = {".db", ".db-wal", ".db-shm"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) { /* the day of the note */
        (void)snprintf(path, sizeof path, "%s/2026-11-24%s", folder, tails[i]);
        (void)unlink(path);
    }
}

/* ---- order, and what a walk sees ---- */

static void test_walk_and_order(void **state)
{
    (void)state;
    struct archive_reader *r;
    struct archive_walk w;
    struct archive_header h;
    struct span body;
    struct arena scratch;
    for (uint64_t id = 1; id <= 60; id++) {
        write_one(id);
    }
    (void)merge(true, UINT64_MAX, explains_third);
    char said[1024];
    assert_int_equal(verify(said).bad, 0);
    /* Record 3 of a window explains those of its source: after it in the window, before it none of a later one. */
    arena_init(&scratch, 0);
    archive_walk_init(&w);
    w.organisation = SPAN("town");
    w.source = SPAN("s1");
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    uint64_t records = 0;
    uint64_t explained = 0; /* windows whose record 3 was met */
    while (archive_walk_next(r, &w, &scratch, &h, &body, &e) == 1) {
        records += h.count;
        explained += h.class_name.len == 0 ? h.count : 0;
        if (h.class_name.len > 0) {
            uint64_t newest = (uint64_t)(h.received_max - (time_ns)DAY * TIME_DAY - 50) / 100;
            uint64_t oldest = (uint64_t)(h.received_min - (time_ns)DAY * TIME_DAY - 50) / 100;
            assert_true(newest <= explained + 1 && oldest + 1 >= explained);
        }
    }
    assert_int_equal(records, 60 * 6);
    assert_int_equal(explained, 60);
    archive_reader_close(&r);
    arena_fini(&scratch);
}

/* ---- killed at any moment ---- */

static void test_killed(void **state)
{
    (void)state;
    char said[1024];
    uint64_t id = 0;
    const char *kills = getenv("SERENO_KILLS");
    for (uint64_t round = kills == NULL ? 12 : strtoull(kills, NULL, 10); round > 0; round--) {
        for (int i = 0; i < 20; i++) {
            write_one(++id);
        }
        archive_close(&archive);
        pid_t pid = fork();
        if (pid == 0) {
            struct err why;
            if (archive_open(folder, &archive, &why) == 0) {
                (void)merge(false, 4000, NULL);
            }
            for (;;) {
                (void)pause();
            }
        }
        (void)usleep((useconds_t)(random() % 30000)); /* any moment, which is the point */
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(archive_open(folder, &archive, &e), 0);
        assert_int_equal(verify(said).bad, 0);
    }
    check_fetch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_stays, make, clean),
        cmocka_unit_test_setup_teardown(test_flips_are_found, make, clean),
        cmocka_unit_test_setup_teardown(test_taken_away_is_found, make, clean),
        cmocka_unit_test_setup_teardown(test_filters, make, clean),
        cmocka_unit_test_setup_teardown(test_limits, make, clean),
        cmocka_unit_test_setup_teardown(test_gone_meanwhile, make, clean),
        cmocka_unit_test_setup_teardown(test_day_gone_meanwhile, make, clean),
        cmocka_unit_test_setup_teardown(test_walk_and_order, make, clean),
        cmocka_unit_test_setup_teardown(test_killed, make, clean),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    vec_free(&all);
    return rc;
}
