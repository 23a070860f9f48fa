/* SPDX-License-Identifier: EUPL-1.2 */
/* What is deleted leaves the file: pages by hand, and a workload whose deleted values are looked for byte by byte, with the VFS and without. */
#include "records/db_clean.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/test_folder.h"

enum { ROWS = 1200, VALUE = 12, SIZE = 4096 };

static struct err e;

/* ---- pages ---- */

static void fill(unsigned char page[SIZE], size_t head, unsigned char kind, unsigned cells, unsigned content)
{
    memset(page, 0xaa, SIZE);
    page[head] = kind;
    page[head + 3] = (unsigned char)(cells >> 8);
    page[head + 4] = (unsigned char)cells;
    page[head + 5] = (unsigned char)(content >> 8);
    page[head + 6] = (unsigned char)content;
}

static size_t zeros(const unsigned char page[SIZE])
{
    size_t n = 0;
    for (size_t i = 0; i < SIZE; i++) {
        n += page[i] == 0;
    }
    return n;
}

static void pages(void **state)
{
    (void)state;
    static const struct {
        unsigned char kind;
        unsigned cells, content, cell;
        bool first, is_tree;
    } cases[] = {
        {13, 2, 4000, 4000, false, true}, {10, 2, 4000, 4050, false, true}, {5, 2, 4000, 4095, false, true}, {2, 2, 4000, 4001, false, true},
        {13, 0, 4096, 0, false, true},    {13, 2, 4000, 4000, true, true},  {13, 2, 12, 12, false, true}, /* no room between: nothing to do */
        {13, 2, 4000, 3999, false, false}, {13, 2, 4000, 4096, false, false}, {13, 2, 4097, 4097, false, false}, {13, 2, 11, 4000, false, false},
        {13, 3000, 4000, 4000, false, false}, {0, 2, 4000, 4000, false, false}, {1, 2, 4000, 4000, false, false}, {255, 2, 4000, 4000, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char *page = mem_alloc(SIZE), *was = mem_alloc(SIZE);
        size_t head = cases[i].first ? 100 : 0;
        size_t list = head + (cases[i].kind == 2 || cases[i].kind == 5 ? 12 : 8);
        fill(page, head, cases[i].kind, cases[i].cells, cases[i].content);
        for (size_t c = 0; c < cases[i].cells && list + 2 * c + 1 < SIZE; c++) {
            page[list + 2 * c] = (unsigned char)(cases[i].cell >> 8);
            page[list + 2 * c + 1] = (unsigned char)cases[i].cell;
        }
        memcpy(was, page, SIZE);
        size_t before = zeros(page);
        assert_int_equal(db_clean_page(page, SIZE, cases[i].first), cases[i].is_tree);
        size_t end = list + (size_t)2 * cases[i].cells;
        assert_int_equal(zeros(page) - before, cases[i].is_tree ? cases[i].content - end : 0);
        assert_memory_equal(page, was, cases[i].is_tree ? end : SIZE);
        assert_memory_equal(page + (cases[i].is_tree ? cases[i].content : 0), was + (cases[i].is_tree ? cases[i].content : 0), cases[i].is_tree ? SIZE - cases[i].content : SIZE);
        mem_free(page);
        mem_free(was);
    }
}

/* ---- a workload ---- */

static uint64_t seed;

static unsigned draw(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

static void run(sqlite3 *db, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *sql = sqlite3_vmprintf(fmt, args);
    va_end(args);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_free(sql);
}

struct world {
    char gone[4 * ROWS][VALUE + 1], live[ROWS][VALUE + 1];
    size_t ngone, nlive;
    unsigned number[ROWS];
};

static void new_value(char out[VALUE + 1])
{
    (void)snprintf(out, VALUE + 1, "ZQX%09u", draw(1000000000));
}

static void put(sqlite3 *db, unsigned id, const char *value)
{
    run(db, "INSERT OR REPLACE INTO r VALUES (%u, '%s', '%s%.*c')", id * 2654435761u, value, value, (int)draw(900) + 1, 'y');
    run(db, "DELETE FROM k WHERE id = %u", id * 2654435761u);
    run(db, "INSERT INTO k VALUES (%u, 'name', '%s')", id * 2654435761u, value);
}

static void work(sqlite3 *db, struct world *w)
{
    unsigned next = 1;
    for (int i = 0; i < 3 * ROWS; i++) {
        unsigned what = draw(4);
        size_t at = w->nlive == 0 ? 0 : draw((unsigned)w->nlive);
        if ((what < 2 || w->nlive == 0) && w->nlive < ROWS) {
            w->number[w->nlive] = next++;
            new_value(w->live[w->nlive]);
            put(db, w->number[w->nlive], w->live[w->nlive]);
            w->nlive++;
            continue;
        }
        memcpy(w->gone[w->ngone++], w->live[at], VALUE + 1);
        if (what == 2) {
            new_value(w->live[at]);
            put(db, w->number[at], w->live[at]);
            continue;
        }
        run(db, "DELETE FROM r WHERE id = %u", w->number[at] * 2654435761u);
        run(db, "DELETE FROM k WHERE id = %u", w->number[at] * 2654435761u);
        w->nlive--;
        memmove(w->live[at], w->live[w->nlive], VALUE + 1);
        w->number[at] = w->number[w->nlive];
    }
}

static size_t count_in(const char *path, char list[][VALUE + 1], size_t n)
{
    FILE *f = fopen(path, "rb");
    size_t found = 0;
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(f);
    char *bytes = mem_alloc(size + 1);
    rewind(f);
    assert_true(fread(bytes, 1, size, f) == size);
    (void)fclose(f);
    for (size_t i = 0; i < n; i++) {
        found += memmem(bytes, size, list[i], VALUE) != NULL;
    }
    mem_free(bytes);
    return found;
}

static size_t left_by(const char *vfs)
{
    char path[64], log[80];
    struct world *w = mem_alloc(sizeof *w);
    sqlite3 *db = NULL;
    (void)snprintf(path, sizeof path, "%s/sereno-clean-XXXXXX", test_folder_base());
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    seed = 7;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, vfs), SQLITE_OK);
    run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;"
            "CREATE TABLE r (id INTEGER, title TEXT, body TEXT, PRIMARY KEY (id)) WITHOUT ROWID;"
            "CREATE TABLE k (id INTEGER, field TEXT, value TEXT, PRIMARY KEY (field, value, id)); CREATE INDEX ki ON k (id, value);");
    work(db, w);
    assert_int_equal(sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL), SQLITE_OK);
    size_t left = count_in(path, w->gone, w->ngone);
    assert_int_equal(count_in(path, w->live, w->nlive), w->nlive);
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(s, 0), "ok");
    (void)sqlite3_finalize(s);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    (void)snprintf(log, sizeof log, "%s-wal", path);
    assert_int_equal(unlink(path), 0);
    (void)unlink(log);
    mem_free(w);
    return left;
}

static void nothing_is_left(void **state)
{
    (void)state;
    const char *vfs = NULL;
    assert_int_equal(db_clean_vfs(&vfs, &e), 0);
    assert_true(left_by(NULL) > 0); /* else this test shows nothing */
    assert_int_equal(left_by(vfs), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages), cmocka_unit_test(nothing_is_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
