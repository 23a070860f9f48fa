/* SPDX-License-Identifier: EUPL-1.2 */
/* Walking the archive: every block that fits once and in order, over days, up to the block where the walk was begun, on
 * from any block; days that went, bodies that were purged and headers that are damaged stop nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "archive/block.h"
#include "archive/merge.h"
#include "archive/seal.h"
#include "archive/walk.h"
#include "archive/window.h"

enum { DAY = 20779, DAYS = 3, BLOCKS = 4 };

static char folder[64];
static struct arena arena;
static struct archive *archive;
static struct archive_reader *reader;
static struct err e;

static void path_of(int32_t day, char out[256])
{
    struct time_parts p;
    time_to_parts((time_ns)day * TIME_DAY, &p);
    (void)snprintf(out, 256, "%s/%04d-%02d-%02d.db", folder, p.year, p.month, p.day);
}

static void run_sql(int32_t day, const char *sql)
{
    char path[256];
    sqlite3 *db;
    path_of(day, path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Block i of a day: events at second 10 i of it; the first has no class, the last is of another organisation. */
static void write_day(int32_t day)
{
    struct archive_block_in blocks[BLOCKS];
    struct buf bodies[BLOCKS];
    struct archive_kept kept;
    struct block_packer *p = block_packer_new(1);
    memset(blocks, 0, sizeof blocks);
    for (int i = 0; i < BLOCKS; i++) {
        time_ns at = (time_ns)day * TIME_DAY + i * 10 * TIME_SECOND;
        struct archive_record r = {.organisation = i == BLOCKS - 1 ? SPAN("other") : SPAN("town"),
                                   .source = i % 2 == 0 ? SPAN("even") : SPAN("odd"),
                                   .class_name = i == 0 ? SPAN("") : SPAN("c"),
                                   .time = at,
                                   .received = at,
                                   .original = SPAN("x")};
        const struct archive_record *list[1] = {&r};
        buf_init(&bodies[i], 1 << 16);
        block_pack(p, list, 1, &blocks[i].header, &bodies[i]);
        blocks[i].body = buf_view(&bodies[i]);
    }
    struct archive_window w = {.intake = 1, .id = (uint64_t)day, .received = (time_ns)day * TIME_DAY,
                               .blocks = blocks, .nblocks = BLOCKS};
    assert_int_equal(archive_write(archive, &w, &kept, &e), 0);
    block_packer_free(&p);
    for (int i = 0; i < BLOCKS; i++) {
        buf_free(&bodies[i]);
    }
}

static int make(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/walk-test-XXXXXX");
    if (mkdtemp(folder) == NULL || archive_open(folder, &archive, &e) != 0) {
        return -1;
    }
    arena_init(&arena, 0);
    for (int d = 0; d < DAYS; d++) {
        write_day(DAY + d);
    }
    return archive_reader_open(folder, &reader, &e);
}

static int drop(void **state)
{
    (void)state;
    archive_reader_close(&reader);
    archive_close(&archive);
    arena_fini(&arena);
    for (int d = 0; d < DAYS; d++) {
        static const char *const tails[] = {"", "-wal", "-shm"};
        for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
            char path[256];
            char full[264];
            path_of(DAY + d, path);
            (void)snprintf(full, sizeof full, "%s%s", path, tails[i]);
            (void)unlink(full);
        }
    }
    return rmdir(folder);
}

/* "0.1 0.2 1.1 …": day and block of each; "!" for a header that cannot be read, "-" behind a purged one. */
static const char *walk(struct archive_walk *w)
{
    static char out[512];
    struct archive_header h;
    struct span body;
    int rc = 0;
    out[0] = '\0';
    while ((rc = archive_walk_next(reader, w, &arena, &h, &body, &e)) != 0) {
        size_t n = strlen(out);
        assert_true(n < sizeof out - 20);
        if (rc < 0) {
            assert_int_equal(rc, ERR_INVALID);
            (void)snprintf(out + n, sizeof out - n, "! ");
            continue;
        }
        assert_true(h.day == w->day && h.id == w->block);
        (void)snprintf(out + n, sizeof out - n, "%d.%u%s ", w->day - DAY, w->block,
                       body.ptr == NULL ? "-" : "");
    }
    return out;
}

static void fits(void **state)
{
    (void)state;
    struct archive_walk w;
    archive_walk_init(&w);
    assert_string_equal(walk(&w), "0.1 0.2 0.3 0.4 1.1 1.2 1.3 1.4 2.1 2.2 2.3 2.4 ");
    assert_string_equal(walk(&w), ""); /* it is at its end */
    archive_walk_init(&w);
    w.organisation = SPAN("town");
    w.source = SPAN("odd");
    assert_string_equal(walk(&w), "0.2 1.2 2.2 ");
    archive_walk_init(&w);
    w.from = (time_ns)DAY * TIME_DAY + 20 * TIME_SECOND;
    w.to = (time_ns)(DAY + 1) * TIME_DAY + 10 * TIME_SECOND; /* not with it */
    assert_string_equal(walk(&w), "0.3 0.4 1.1 ");
    archive_walk_init(&w);
    w.from = INT64_MAX;
    w.context = true; /* those without a class, and nothing else */
    assert_string_equal(walk(&w), "0.1 1.1 2.1 ");
}

static void begins_and_ends(void **state)
{
    (void)state;
    struct archive_walk w;
    struct archive_walk_totals t;
    archive_walk_init(&w);
    w.day = DAY + 1;
    w.block = 2;
    w.end_day = DAY + 2;
    w.end_block = 2;
    assert_string_equal(walk(&w), "1.3 1.4 2.1 2.2 ");
    archive_walk_init(&w);
    w.source = SPAN("odd");
    assert_int_equal(archive_walk_count(reader, &w, &t, &e), 0);
    assert_int_equal(t.blocks, 6);
    assert_int_equal(t.events, 6);
    assert_int_equal(t.end_day, DAY + 2);
    assert_int_equal(t.end_block, BLOCKS);
    assert_int_equal(t.retained_from, (time_ns)DAY * TIME_DAY);
    assert_int_equal(t.retained_to, (time_ns)(DAY + 2) * TIME_DAY + 30 * TIME_SECOND);
}

static void ends_at_the_newest_link(void **state)
{
    (void)state;
    char path[256];
    struct archive_end end;
    struct archive_head head;
    assert_int_equal(archive_reader_end(reader, &end, &e), 0);
    assert_true(archive_newest(archive, &head));
    assert_int_equal(end.day, head.day);
    assert_int_equal(end.link, head.link);
    assert_memory_equal(end.hash, head.hash, sizeof end.hash);
    assert_true(end.received == (time_ns)(DAY + 2) * TIME_DAY + 30 * TIME_SECOND);
    run_sql(DAY + 2, "UPDATE block SET hash = x'00' WHERE id = (SELECT max(id) FROM block)");
    assert_int_equal(archive_reader_end(reader, &end, &e), ERR_INVALID);
    run_sql(DAY + 2, "DELETE FROM block"); /* as a crash before the first window of a day leaves it */
    assert_int_equal(archive_reader_end(reader, &end, &e), 0);
    assert_int_equal(end.day, DAY + 1);
    for (int i = 0; i < DAYS; i++) {
        path_of(DAY + i, path);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(archive_reader_end(reader, &end, &e), ERR_NOT_FOUND);
}

static void harm(void **state)
{
    (void)state;
    struct archive_walk w;
    char path[256];
    run_sql(DAY, "UPDATE block SET body = NULL WHERE id = 2");
    run_sql(DAY, "UPDATE block SET header = x'00' WHERE id = 3");
    archive_walk_init(&w);
    w.end_day = DAY + 1;
    w.end_block = 1;
    assert_string_equal(walk(&w), "0.1 0.2- ! 0.4 1.1 ");
    path_of(DAY + 1, path);
    assert_int_equal(unlink(path), 0); /* retention took it */
    archive_walk_init(&w);
    assert_string_equal(walk(&w), "0.1 0.2- ! 0.4 2.1 2.2 2.3 2.4 ");
}

static void count_skipped(void *ctx, const struct archive_header *h)
{
    unsigned *n = ctx;
    assert_true(h->count > 0);
    ++*n;
}

static char other[64];
static char other_file[256];

/* As the last program of format 3 left it. */
static void load_format3(void)
{
    char text[64 * 1024];
    sqlite3 *db;
    FILE *f = fopen(FORMAT3_SQL, "re");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    (void)fclose(f);
    (void)snprintf(other, sizeof other, "/tmp/walk-test3-XXXXXX");
    assert_non_null(mkdtemp(other));
    (void)snprintf(other_file, sizeof other_file, "%s/2026-11-22.db", other);
    assert_int_equal(sqlite3_open(other_file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* By a processor that is no quicker with the other hash. */
static void write_more(void)
{
    struct archive *a = NULL;
    struct window *win = window_new(1);
    window_digest(win, ARCHIVE_DIGEST_BLAKE2B);
    struct archive_kept kept;
    for (int i = 0; i < 200; i++) {
        char record[300];
        int len = snprintf(record, sizeof record, "{\"n\":%d,\"text\":\"%0250d\"}", i, i);
        struct archive_record r = {.organisation = SPAN("town"), .source = SPAN("web"), .class_name = SPAN("c"),
                                   .time = (time_ns)DAY * TIME_DAY, .received = (time_ns)DAY * TIME_DAY,
                                   .original = span_make(record, (size_t)len)};
        (void)window_add(win, &r);
    }
    struct archive_window in = {.intake = 2, .id = 1, .received = (time_ns)DAY * TIME_DAY};
    window_seal(win, &in.blocks, &in.nblocks);
    assert_int_equal(archive_open(other, &a, &e), 0);
    assert_int_equal(archive_write(a, &in, &kept, &e), 0);
    archive_close(&a);
    window_free(&win);
}

/* How many blocks are read and skipped when something is looked for that is nowhere. */
static void look(unsigned want_read, unsigned want_skipped)
{
    const struct filter_clause clause = {{filter_token(SPAN("nowhere"))}, 1};
    const struct filter_thing thing = {&clause, 1};
    const struct filter_query query = {&thing, 1};
    struct archive_reader *r = NULL;
    struct archive_walk w;
    struct archive_header h;
    struct span body;
    struct arena scratch;
    unsigned read = 0, skipped = 0;
    arena_init(&scratch, 0);
    archive_walk_init(&w);
    w.query = &query;
    w.skipped = count_skipped;
    w.ctx = &skipped;
    assert_int_equal(archive_reader_open(other, &r, &e), 0);
    while (archive_walk_next(r, &w, &scratch, &h, &body, &e) == 1) {
        read++;
    }
    archive_reader_close(&r);
    arena_fini(&scratch);
    assert_int_equal(read, want_read);
    assert_int_equal(skipped, want_skipped);
}

static uint64_t verified_bad(void)
{
    const struct archive_verify_hooks hooks = {.ctx = NULL};
    struct archive_report report;
    struct archive_reader *r = NULL;
    assert_int_equal(archive_reader_open(other, &r, &e), 0);
    assert_int_equal(archive_verify(r, NULL, &hooks, &report, &e), 0);
    archive_reader_close(&r);
    return report.bad;
}

static void in_other(const char *sql, int want)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(other_file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    if (sqlite3_step(s) == SQLITE_ROW) {
        assert_int_equal(sqlite3_column_int(s, 0), want);
    }
    assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* As when the day is over: what can be merged is, and gets its filters. */
static struct merge_totals merge_other(void)
{
    const struct merge_options o = {.level = 3, .wait_bytes = UINT64_MAX, .closed = true};
    struct archive *a = NULL;
    struct archive_reader *r = NULL;
    struct merge *m = NULL;
    struct merge_totals t = {0};
    assert_int_equal(archive_open(other, &a, &e), 0);
    assert_int_equal(archive_reader_open(other, &r, &e), 0);
    assert_int_equal(archive_merge_prepare(r, 20779, &o, &m, &e), 1);
    archive_merge_totals(m, &t);
    assert_int_equal(archive_merge_commit(a, m, &e), 0);
    archive_merge_free(&m);
    archive_reader_close(&r);
    archive_close(&a);
    return t;
}

/* It is read, becomes a file of this format when more comes to it, and gets filters when it is merged. A filter that was changed is not believed,
 * and verify says so; as of one whose block has no records any more. */
static void format_before(void **state)
{
    (void)state;
    load_format3();
    look(2, 0);
    assert_int_equal(verified_bad(), 0);
    write_more();
    in_other("PRAGMA user_version", ARCHIVE_FORMAT);
    look(3, 0);
    struct merge_totals t = merge_other();
    assert_int_equal(t.blocks, 2);
    assert_int_equal(t.packs, 1);
    assert_int_equal(t.filters, 1);
    in_other("PRAGMA user_version", ARCHIVE_FORMAT);
    look(1, 1); /* the newest block stays as it is, without one */
    assert_int_equal(verified_bad(), 0);
    in_other("INSERT INTO filter SELECT block+90, bytes FROM filter", 0);
    assert_int_equal(verified_bad(), 1);
    in_other("DELETE FROM filter WHERE block>90", 0);
    in_other("UPDATE filter SET bytes=randomblob(length(bytes))", 0);
    look(2, 0);
    assert_int_equal(verified_bad(), 1);
    in_other("DELETE FROM filter", 0);
    look(2, 0);
    assert_int_equal(verified_bad(), 0);
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        char full[264];
        (void)snprintf(full, sizeof full, "%s%s", other_file, tails[i]);
        (void)unlink(full);
    }
    assert_int_equal(rmdir(other), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_before),
        cmocka_unit_test_setup_teardown(fits, make, drop),
        cmocka_unit_test_setup_teardown(begins_and_ends, make, drop),
        cmocka_unit_test_setup_teardown(ends_at_the_newest_link, make, drop),
        cmocka_unit_test_setup_teardown(harm, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
