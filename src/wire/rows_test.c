/* SPDX-License-Identifier: EUPL-1.2 */
/* Rows as lines and back: every kind of value, and lines that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/mem.h"
#include "wire/rows.h"

static const char sql[] = "CREATE TABLE every (id TEXT PRIMARY KEY, number BIGINT NOT NULL, maybe BIGINT, created BIGINT NOT NULL,"
                          " body TEXT NOT NULL, bytes BYTEA NOT NULL, password TEXT NOT NULL, hash BYTEA NOT NULL UNIQUE);"
                          "CREATE TABLE counted (n INTEGER PRIMARY KEY AUTOINCREMENT, word TEXT);"
                          "CREATE TABLE audit (seq BIGINT PRIMARY KEY, hash BYTEA NOT NULL);";

static sqlite3 *new_db(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void run(sqlite3 *db, const char *statement)
{
    char *why = NULL;
    if (sqlite3_exec(db, statement, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s: %s", statement, why);
    }
}

/* All lines of a table into out. */
static void lines_of(sqlite3 *db, const char *table, bool secrets, struct buf *out)
{
    struct rows_table t;
    struct err e = {0};
    sqlite3_stmt *s = NULL;
    struct arena a;
    arena_init(&a, 4096);
    assert_int_equal(rows_shape(db, table, &t, &e), 0);
    assert_int_equal(rows_select(db, &t, &s, &e), 0);
    while (rows_next(db, s, &e) == 1) {
        assert_int_equal(rows_line(&t, s, secrets, &a, out, &e), 0);
    }
    (void)sqlite3_finalize(s);
    arena_fini(&a);
}

static int take_lines(sqlite3 *db, const char *table, bool secrets, struct span lines, struct err *e)
{
    struct rows_table t;
    sqlite3_stmt *insert = NULL;
    struct arena a;
    arena_init(&a, 4096);
    assert_int_equal(rows_shape(db, table, &t, e), 0);
    int rc = 0;
    while (rc == 0 && lines.len > 0) {
        ptrdiff_t n = span_find(lines, '\n');
        assert_true(n >= 0);
        rc = rows_take(db, &t, &insert, span_sub(lines, 0, (size_t)n), secrets, &a, e);
        lines = span_sub(lines, (size_t)n + 1, lines.len);
    }
    (void)sqlite3_finalize(insert);
    arena_fini(&a);
    return rc;
}

static const char *const texts[] = {
    "''", "'plain'", "'quote \" and \\ and \n'", "'{}'", "'{\"a\":1,\"b\":[\"x\"]}'", "'{\"b\":1,\"a\":2}'", "'{ \"a\": 1}'", "'[1,2.5]'",
    "'[1.0]'", "'{\"base64\":\"aGk=\"}'", "'null'", "'\"text\"'", "CAST(x'ff00fe' AS TEXT)", "CAST(x'7b22610022' AS TEXT)",
    "'\xf0\x9f\x9a\xa8'", "'12'", "'{\"deep\":9007199254740993}'", "'{\"a\":1,\"a\":2}'",
};
static const char *const numbers[] = {"0",  "-1", "9007199254740991", "9007199254740992", "-9223372036854775808", "9223372036854775807",
                                      "1790000000123456789", "1", "-2208988800000000001"};

static void fill(sqlite3 *db)
{
    char statement[512];
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t k = 0; k < ARRAY_LEN(numbers); k++) {
            (void)snprintf(statement, sizeof statement,
                           "INSERT INTO every VALUES ('%zu-%zu', %s, %s, %s, %s, x'%02zx00ff', 'secret', x'%04zx')", i, k, numbers[k],
                           k % 2 == 0 ? "NULL" : numbers[k], numbers[k], texts[i], k, i * 100 + k);
            run(db, statement);
        }
    }
}

static void rows_come_back(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf first, again;
    sqlite3 *a = new_db(), *b = new_db();
    buf_init(&first, 1 << 20);
    buf_init(&again, 1 << 20);
    fill(a);
    lines_of(a, "every", true, &first);
    if (take_lines(b, "every", true, buf_view(&first), &e) != 0) {
        fail_msg("%s", e.text);
    }
    lines_of(b, "every", true, &again);
    assert_true(span_eq(buf_view(&first), buf_view(&again)));
    /* what the lines cannot show: the same bytes and types lie there */
    sqlite3_stmt *x = NULL, *y = NULL;
    const char *all = "SELECT id, number, maybe, created, CAST(body AS BLOB), typeof(body), bytes, password, hash FROM every ORDER BY rowid";
    assert_int_equal(sqlite3_prepare_v2(a, all, -1, &x, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(b, all, -1, &y, NULL), SQLITE_OK);
    size_t rows = 0;
    while (sqlite3_step(x) == SQLITE_ROW) {
        assert_int_equal(sqlite3_step(y), SQLITE_ROW);
        rows++;
        for (int i = 0; i < sqlite3_column_count(x); i++) {
            assert_int_equal(sqlite3_column_type(x, i), sqlite3_column_type(y, i));
            assert_int_equal(sqlite3_column_bytes(x, i), sqlite3_column_bytes(y, i));
            if (sqlite3_column_bytes(x, i) > 0) {
                assert_memory_equal(sqlite3_column_blob(x, i), sqlite3_column_blob(y, i), (size_t)sqlite3_column_bytes(x, i));
            }
        }
    }
    assert_int_equal(rows, ARRAY_LEN(texts) * ARRAY_LEN(numbers));
    (void)sqlite3_finalize(x);
    (void)sqlite3_finalize(y);
    buf_free(&first);
    buf_free(&again);
    (void)sqlite3_close(a);
    (void)sqlite3_close(b);
}

static void json_stands_as_json(void **state)
{
    (void)state;
    struct buf out;
    sqlite3 *db = new_db();
    buf_init(&out, 1 << 16);
    run(db, "INSERT INTO every VALUES ('a', 9007199254740992, NULL, 1790000000123456789, '{\"a\":1}', x'00ff', 'secret', x'01')");
    lines_of(db, "every", false, &out);
    assert_true(span_eq(buf_view(&out), SPAN("{\"id\":\"a\",\"number\":\"9007199254740992\",\"maybe\":null,"
                                             "\"created\":\"2026-09-21T14:13:20.123456789Z\",\"body\":{\"a\":1},\"bytes\":\"AP8=\"}\n")));
    buf_free(&out);
    (void)sqlite3_close(db);
}

/* Without secrets nobody has the password, and no token is another's. */
static void secrets_stay(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf out;
    sqlite3 *a = new_db(), *b = new_db();
    buf_init(&out, 1 << 20);
    fill(a);
    lines_of(a, "every", false, &out);
    assert_null(memmem(out.data, out.len, "secret", 6));
    assert_null(memmem(out.data, out.len, "\"hash\"", 6));
    assert_int_equal(take_lines(b, "every", false, buf_view(&out), &e), 0);
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(b, "SELECT count(DISTINCT hash), count(*), sum(password = '') FROM every WHERE length(hash) = 32", -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(s, 0), (int)(ARRAY_LEN(texts) * ARRAY_LEN(numbers)));
    assert_int_equal(sqlite3_column_int(s, 1), sqlite3_column_int(s, 2));
    (void)sqlite3_finalize(s);
    /* links of chains are none */
    buf_clear(&out);
    run(a, "INSERT INTO audit VALUES (1, x'0102')");
    lines_of(a, "audit", false, &out);
    assert_true(span_eq(buf_view(&out), SPAN("{\"seq\":1,\"hash\":\"AQI=\"}\n")));
    buf_free(&out);
    (void)sqlite3_close(a);
    (void)sqlite3_close(b);
}

/* A counter of ids goes on where it was, though its last rows went. */
static void counters_go_on(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf rows, counter;
    sqlite3 *a = new_db(), *b = new_db();
    buf_init(&rows, 1 << 16);
    buf_init(&counter, 1 << 16);
    run(a, "INSERT INTO counted (word) VALUES ('a'), ('b'), ('c'); DELETE FROM counted WHERE n > 1");
    lines_of(a, "counted", false, &rows);
    lines_of(a, "sqlite_sequence", false, &counter);
    assert_int_equal(take_lines(b, "counted", false, buf_view(&rows), &e), 0);
    assert_int_equal(take_lines(b, "sqlite_sequence", false, buf_view(&counter), &e), 0);
    run(b, "INSERT INTO counted (word) VALUES ('d')");
    assert_int_equal(sqlite3_last_insert_rowid(b), 4);
    buf_free(&rows);
    buf_free(&counter);
    (void)sqlite3_close(a);
    (void)sqlite3_close(b);
}

static const struct {
    const char *line;
    int rc;
} hostile[] = {
    {"{\"id\":\"a\",\"number\":1,\"created\":0,\"body\":\"\",\"bytes\":\"\"}", 0},
    {"{\"id\":\"a\",\"number\":1,\"created\":\"2026-11-27T01:02:03.000000001Z\",\"body\":[1],\"bytes\":\"AA==\"}", 0},
    {"{}", 0}, /* what may not be null is empty */
    {"", ERR_TRUNCATED},
    {"{", ERR_TRUNCATED},
    {"[]", ERR_INVALID},
    {"null", ERR_INVALID},
    {"{\"id\":\"a\",\"id\":\"b\"}", ERR_INVALID},
    {"{\"id\":null}", ERR_INVALID},
    {"{\"id\":1}", ERR_INVALID},
    {"{\"id\":\"a\",\"number\":\"x\"}", ERR_INVALID},
    {"{\"id\":\"a\",\"number\":1.5}", ERR_INVALID},
    {"{\"id\":\"a\",\"number\":9007199254740993}", ERR_LIMIT},
    {"{\"id\":\"a\",\"number\":\"99999999999999999999\"}", ERR_INVALID},
    {"{\"id\":\"a\",\"created\":\"yesterday\"}", ERR_INVALID},
    {"{\"id\":\"a\",\"bytes\":\"!\"}", ERR_INVALID},
    {"{\"id\":\"a\",\"bytes\":\"QQ\"}", ERR_INVALID},
    {"{\"id\":\"a\",\"bytes\":{}}", ERR_INVALID},
    {"{\"id\":\"a\",\"body\":true}", ERR_INVALID},
    {"{\"id\":\"a\",\"body\":{\"base64\":\"?\"}}", ERR_INVALID},
    {"{\"id\":\"a\",\"body\":{\"base64\":\"\",\"more\":1}}", ERR_INVALID},
    {"{\"id\":\"a\",\"password\":\"mine\"}", ERR_INVALID},
    {"{\"id\":\"a\",\"hash\":\"AA==\"}", ERR_INVALID},
    {"{\"id\":\"a\",\"rowid\":7}", ERR_INVALID},
    {"{\"id\":\"a\",\"x\\\"; DROP TABLE every; --\":7}", ERR_INVALID},
    {"{\"id\":\"a\"} {}", ERR_INVALID},
};

static void hostile_lines(void **state)
{
    (void)state;
    struct rows_table t;
    struct err e = {0};
    struct arena a;
    sqlite3 *db = new_db();
    arena_init(&a, 4096);
    assert_int_equal(rows_shape(db, "every", &t, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        char *exact = mem_alloc(strlen(hostile[i].line) + (hostile[i].line[0] == '\0')); /* no byte more: a reader that goes on is seen */
        memcpy(exact, hostile[i].line, strlen(hostile[i].line));
        int rc = rows_check(&t, span_make(exact, strlen(hostile[i].line)), false, &a, &e);
        mem_free(exact);
        if (rc != hostile[i].rc) {
            fail_msg("%s: %d, %s", hostile[i].line, rc, e.text);
        }
        arena_reset(&a);
    }
    /* the same key twice */
    assert_int_equal(take_lines(db, "every", false, SPAN("{\"id\":\"a\"}\n{\"id\":\"a\"}\n"), &e), ERR_INVALID);
    assert_int_equal(rows_shape(db, "nothing", &t, &e), ERR_NOT_FOUND);
    arena_fini(&a);
    (void)sqlite3_close(db);
}

static void what_stays(void **state)
{
    (void)state;
    const char *why = NULL;
    assert_int_equal(rows_when("session", &why), ROWS_NEVER);
    assert_non_null(why);
    assert_int_equal(rows_when("second_factor", NULL), ROWS_WITH_SECRETS);
    assert_int_equal(rows_when("record", NULL), ROWS_ALWAYS);
    assert_int_equal(rows_when("a_table_of_tomorrow", NULL), ROWS_ALWAYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back), cmocka_unit_test(json_stands_as_json), cmocka_unit_test(secrets_stay),
        cmocka_unit_test(counters_go_on), cmocka_unit_test(hostile_lines),       cmocka_unit_test(what_stays),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
