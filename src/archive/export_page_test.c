/* SPDX-License-Identifier: EUPL-1.2 */
/* An export in pages is what one walk over the archive writes: in blocks, in packs of merged ones, in every window; with a damaged and
 * a purged block left out and counted. */
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
#include "archive/export_page.h"
#include "archive/merge.h"
#include "archive/window.h"

enum { DAY = 20779 /* 2026-11-22 */, WINDOWS = 40, RECORDS = 60, LINE = 1500, DAYS = 2, TEXT_MAX = 64 << 20 };

static char folder[64];
static struct archive *archive;
static struct err e;

static void write_window(uint64_t id, int32_t day)
{
    struct archive_kept kept;
    char text[LINE];
    struct window *w = window_new(1);
    for (int i = 0; i < RECORDS; i++) {
        char host[16];
        int n = snprintf(text, sizeof text, "window %llu record %d \"", (unsigned long long)id, i);
        for (size_t at = (size_t)n; at < sizeof text; at++) {
            text[at] = (char)('a' + random() % 20);
        }
        (void)snprintf(host, sizeof host, "h%d", (i * 7) % 5);
        const struct archive_record r = {.organisation = id % 3 == 0 ? SPAN("village") : SPAN("town"), .source = SPAN("src"), .class_name = SPAN("cls"),
                                         .host = span_of(host), .time = (time_ns)day * TIME_DAY + (time_ns)id * TIME_SECOND + i,
                                         .received = (time_ns)day * TIME_DAY + (time_ns)id, .original = span_make(text, sizeof text)};
        (void)window_add(w, &r);
    }
    struct archive_window in = {.intake = 1, .id = id, .received = (time_ns)day * TIME_DAY + (time_ns)id};
    window_seal(w, &in.blocks, &in.nblocks);
    assert_int_equal(archive_write(archive, &in, &kept, &e), 0);
    window_free(&w);
}

static int make(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/sereno-export-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(archive_open(folder, &archive, &e), 0);
    for (uint64_t id = 1; id <= (uint64_t)WINDOWS * DAYS; id++) {
        write_window(id, DAY + (int32_t)((id - 1) / WINDOWS));
    }
    return 0;
}

static int clean(void **state)
{
    static const char *const tails[] = {"-22.db", "-22.db-wal", "-22.db-shm", "-23.db", "-23.db-wal", "-23.db-shm"};
    (void)state;
    archive_close(&archive);
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/2026-11%s", folder, tails[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

/* What `sereno export` writes: each block as it comes. */
static void by_walk(const struct export_window *w, struct buf *out)
{
    struct archive_reader *r;
    struct archive_walk walk;
    struct arena scratch;
    struct archive_header h;
    struct span body;
    arena_init(&scratch, 1 << 20);
    archive_walk_init(&walk);
    walk.from = w->from;
    walk.to = w->to;
    walk.organisation = w->organisation;
    walk.source = w->source;
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    for (int rc; (rc = archive_walk_next(r, &walk, &scratch, &h, &body, &e)) != 0;) {
        struct block b;
        if (rc < 0 || body.ptr == NULL || block_unpack(&h, body, &scratch, &b, &e) != 0 || block_check(&h, &b, &e) != 0) {
            continue;
        }
        for (size_t i = 0; i < b.count; i++) {
            const struct archive_address at = {h.day, b.origins == NULL ? h.id : b.origins[i].block, b.origins == NULL ? (uint32_t)i : b.origins[i].index};
            if ((w->from == TIME_NONE || b.records[i].time >= w->from) && (w->to == TIME_NONE || b.records[i].time < w->to)) {
                export_record(w->format, at, &b.records[i], out);
            }
        }
    }
    archive_reader_close(&r);
    arena_fini(&scratch);
}

/* Each page by a reader of its own, its place by way of bytes. */
static struct export_counts by_pages(const struct export_window *asked, struct buf *out, size_t *pages)
{
    struct export_place place;
    struct export_counts counts = {0};
    int rc = 1;
    export_place_first(&place);
    for (*pages = 0; rc == 1; (*pages)++) {
        struct archive_reader *r;
        struct export_window w;
        struct buf page, sent;
        buf_init(&page, EXPORT_PAGE_MAX);
        buf_init(&sent, 4096);
        export_window_encode(&sent, asked);
        export_place_encode(&sent, &place);
        struct cursor c = cursor_of(buf_view(&sent));
        export_window_decode(&c, &w);
        export_place_decode(&c, &place);
        assert_true(cursor_done(&c));
        assert_int_equal(archive_reader_open(folder, &r, &e), 0);
        rc = export_page(r, &w, &place, &page, &counts, &e);
        assert_true(rc == 0 || rc == 1);
        assert_true(page.len < EXPORT_PAGE_BYTES + 4 * LINE);
        archive_reader_close(&r);
        buf_span(out, buf_view(&page));
        buf_free(&page);
        buf_free(&sent);
    }
    return counts;
}

static struct export_counts compare(const struct export_window *w, size_t pages_min)
{
    struct buf want, got;
    size_t pages;
    buf_init(&want, TEXT_MAX);
    buf_init(&got, TEXT_MAX);
    by_walk(w, &want);
    struct export_counts counts = by_pages(w, &got, &pages);
    assert_false(want.failed || got.failed);
    assert_true(span_eq(buf_view(&want), buf_view(&got)));
    assert_true(pages >= pages_min);
    buf_free(&want);
    buf_free(&got);
    return counts;
}

static void compare_windows(void)
{
    const time_ns middle = (time_ns)DAY * TIME_DAY + (time_ns)WINDOWS / 2 * TIME_SECOND;
    const struct export_window all = {.from = TIME_NONE, .to = TIME_NONE};
    const struct export_window rows[] = {
        {.from = middle, .to = TIME_NONE},
        {.from = TIME_NONE, .to = middle + RECORDS / 2},
        {.from = middle, .to = middle + TIME_DAY, .format = EXPORT_TEXT},
        {.from = TIME_NONE, .to = TIME_NONE, .organisation = SPAN("village")},
        {.from = TIME_NONE, .to = TIME_NONE, .source = SPAN("nobody's")},
        {.from = TIME_NONE, .to = 0},
    };
    assert_int_equal(compare(&all, 5).records, (uint64_t)WINDOWS * DAYS * RECORDS);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)compare(&rows[i], 1);
    }
}

static void test_pages(void **state)
{
    (void)state;
    compare_windows();
    struct archive_reader *r;
    struct merge *m;
    const struct merge_options o = {.level = 3, .wait_bytes = UINT64_MAX, .closed = true};
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    assert_int_equal(archive_merge_prepare(r, DAY, &o, &m, &e), 1);
    archive_reader_close(&r);
    assert_int_equal(archive_merge_commit(archive, m, &e), 0);
    archive_merge_free(&m);
    compare_windows(); /* now packs of up to a page on one day, blocks on the other */
}

static void spoil(const char *sql)
{
    char path[128];
    sqlite3 *db;
    (void)snprintf(path, sizeof path, "%s/2026-11-23.db", folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), 1);
    (void)sqlite3_close(db);
}

/* What comes after the first page is not of it. */
static void test_left_out(void **state)
{
    (void)state;
    const struct export_window all = {.from = TIME_NONE, .to = TIME_NONE};
    spoil("UPDATE block SET body=CAST(x'00' || substr(body, 2) AS BLOB) WHERE id=3");
    spoil("UPDATE block SET body=NULL WHERE id=5");
    spoil("UPDATE block SET header=x'00' WHERE id=9");
    struct export_counts counts = compare(&all, 5);
    assert_int_equal(counts.damaged, 2);
    assert_int_equal(counts.purged, 1);
}

static void test_end(void **state)
{
    (void)state;
    struct archive_reader *r;
    struct export_place place;
    struct export_counts counts = {0};
    struct buf out;
    int rc = 1;
    const struct export_window all = {.from = TIME_NONE, .to = TIME_NONE, .format = EXPORT_TEXT};
    export_place_first(&place);
    buf_init(&out, TEXT_MAX);
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    while (rc == 1) {
        struct buf page;
        buf_init(&page, EXPORT_PAGE_MAX);
        rc = export_page(r, &all, &place, &page, &counts, &e);
        write_window(1000 + counts.records, DAY + 1);
        buf_free(&page);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(counts.records, (uint64_t)WINDOWS * DAYS * RECORDS);
    archive_reader_close(&r);
    buf_free(&out);
}

static void test_broken_places(void **state)
{
    (void)state;
    struct export_place place = {.day = DAY, .block = 3, .index = 7, .end_day = DAY, .end_block = 9};
    const struct export_window w = {.from = 1, .to = 2, .organisation = SPAN("town"), .source = SPAN("src")};
    struct export_window got;
    struct buf b;
    buf_init(&b, 4096);
    export_window_encode(&b, &w);
    export_place_encode(&b, &place);
    for (size_t cut = 0; cut <= b.len; cut++) {
        struct cursor c = cursor_of(span_sub(buf_view(&b), 0, cut));
        export_window_decode(&c, &got);
        export_place_decode(&c, &place);
        assert_int_equal(cursor_done(&c), cut == b.len);
    }
    const struct export_place bad[] = {{.index = 1}, {.block = 1, .index = ARCHIVE_BLOCK_RECORDS_MAX + 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buf_clear(&b);
        export_place_encode(&b, &bad[i]);
        struct cursor c = cursor_of(buf_view(&b));
        export_place_decode(&c, &place);
        assert_false(cursor_done(&c));
    }
    /* A place that no page gave out: nothing is written beyond what is there, and it ends. */
    struct archive_reader *r;
    struct export_counts counts = {0};
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    place = (struct export_place){.day = DAY + 1, .block = 3, .index = ARCHIVE_BLOCK_RECORDS_MAX, .end_day = DAY + 1, .end_block = 4};
    buf_clear(&b);
    assert_int_equal(export_page(r, &(struct export_window){.from = TIME_NONE, .to = 1}, &place, &b, &counts, &e), 0);
    assert_int_equal(b.len, 0);
    archive_reader_close(&r);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pages, make, clean),
        cmocka_unit_test_setup_teardown(test_left_out, make, clean),
        cmocka_unit_test_setup_teardown(test_end, make, clean),
        cmocka_unit_test_setup_teardown(test_broken_places, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
