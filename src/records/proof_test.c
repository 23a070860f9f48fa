/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of proofs of rows: every table has its line, every change keeps them, every cell that anybody else changes is named. */
#include "records/proof.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "records/migrate.h"
#include "records/proof_tables.h"
#include "records/records.h"
#include "records/records_test.h"

struct told {
    size_t n;
    char first[ERR_TEXT_MAX];
    struct proof_report report;
};

static void complain(void *ctx, const struct err *e)
{
    struct told *t = ctx;
    if (t->n++ == 0) {
        (void)snprintf(t->first, sizeof t->first, "%s", e->text);
    }
}

static void step(void *ctx, const char *table, uint64_t rows)
{
    (void)ctx;
    assert_non_null(table);
    (void)rows;
}

static struct told verified(struct db *db)
{
    struct told t = {.n = 0};
    struct err e = {0};
    const struct proof_hooks hooks = {.ctx = &t, .complain = complain, .step = step};
    assert_int_equal(proof_verify_schema(db, &hooks, &e), 0);
    assert_int_equal(proof_verify(db, &hooks, &t.report, &e), 0);
    return t;
}

static void fits(struct db *db)
{
    struct told t = verified(db);
    if (t.n > 0) {
        fail_msg("%zu: %s", t.n, t.first);
    }
}

static struct db *fresh(const char *name)
{
    const char *path = test_path(name);
    char other[200];
    struct db *db = NULL;
    struct err e = {0};
    const char *const tails[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        (void)snprintf(other, sizeof other, "%s%s", path, tails[i]);
        (void)unlink(other);
    }
    assert_int_equal(records_open(path, TEST_NOW, &e, &db), 0);
    return db;
}

/* Somebody else, whose changes nobody proves. */
static void behind(const char *name, const char *sql)
{
    sqlite3 *raw = NULL;
    char *why = NULL;
    assert_int_equal(sqlite3_open(test_path(name), &raw), SQLITE_OK);
    if (sqlite3_exec(raw, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s: %s", sql, why);
    }
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

static void run(struct db *db, const char *sql)
{
    struct err e = {0};
    if (db_exec(db, sql, &e) != 0) {
        fail_msg("%s: %s", sql, e.text);
    }
}

/* One row in each table, of values that tell the columns apart. */
static void fill(struct db *db)
{
    struct err e = {0};
    struct db_stmt *s = NULL;
    run(db, "PRAGMA foreign_keys = OFF");
    for (size_t i = 0; i < PROOF_TABLE_COUNT; i++) {
        char sql[4096], columns[2048] = "", values[2048] = "";
        const struct proof_table *t = &proof_tables[i];
        if (t->how == PROOF_CHAIN || strcmp(t->name, "alert_count") == 0 || strcmp(t->name, "schema_version") == 0) {
            continue;
        }
        (void)snprintf(sql, sizeof sql, "SELECT name, type FROM pragma_table_info('%s')", t->name);
        assert_int_equal(db_query(db, sql, &e, &s), 0);
        for (size_t n = 0; db_step(s, &e) > 0; n++) {
            struct span type = db_col_text(s, 1);
            (void)snprintf(columns + strlen(columns), sizeof columns - strlen(columns), "%s%.*s", n > 0 ? ", " : "", SPAN_ARG(db_col_text(s, 0)));
            (void)snprintf(values + strlen(values), sizeof values - strlen(values), span_eq(type, SPAN("BIGINT")) ? "%s%zu"
                           : span_eq(type, SPAN("TEXT")) ? "%s'a city''s %zu'" : "%sx'00ff%04zx'", n > 0 ? ", " : "", 7000 + n);
        }
        assert_true((size_t)snprintf(sql, sizeof sql, "INSERT INTO %s (%s) VALUES (%s)", t->name, columns, values) < sizeof sql);
        run(db, sql);
    }
    run(db, "INSERT INTO alert_count SELECT organisation, status, 1 FROM alert");
}

static void every_table_has_its_line(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct err e = {0};
    struct db_stmt *s = NULL;
    size_t tables = 0;
    assert_int_equal(db_query(db, "SELECT name FROM sqlite_schema WHERE type = 'table'", &e, &s), 0);
    for (; db_step(s, &e) > 0; tables++) {
        char name[PROOF_NAME_MAX];
        (void)snprintf(name, sizeof name, "%.*s", SPAN_ARG(db_col_text(s, 0)));
        if (proof_table_number(name) == 0) {
            fail_msg("proof.def does not say how rows of %s are proved, or why not", name);
        }
    }
    assert_int_equal(tables, PROOF_TABLE_COUNT);
    for (size_t i = 0; i < PROOF_TABLE_COUNT; i++) {
        const struct proof_table *t = &proof_tables[i];
        char sql[400], words[512];
        assert_int_equal(t->number, i + 1);
        if (t->how != PROOF_ROWS) {
            continue;
        }
        /* what is said of its key and of loose columns is so */
        (void)snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM pragma_table_info('%s') WHERE (pk > 0) <> (instr('%s', ',' || name || ',') > 0)", t->name, t->key);
        if (test_number(db, sql) != 0) {
            fail_msg("the key of %s is another one", t->name);
        }
        (void)snprintf(words, sizeof words, "%s", t->loose);
        for (char *rest = words, *word; (word = strtok_r(rest, ",", &rest)) != NULL;) {
            (void)snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM pragma_table_info('%s') WHERE name = '%s' AND pk = 0", t->name, word);
            if (test_number(db, sql) != 1) {
                fail_msg("%s has no column %s", t->name, word);
            }
        }
    }
    db_close(&db);
}

/* Whatever statements do, kept or undone, the proofs are those of what is there. */
static void changes_keep_them(void **state)
{
    (void)state;
    struct db *db = fresh("p.db");
    struct err e = {0};
    struct db_stmt *s = NULL;
    fill(db);
    fits(db);
    assert_true(verified(db).report.rows > 40);
    run(db, "UPDATE alert SET summary = 'another', events = 9"); /* alone */
    assert_int_equal(db_begin(db, &e), 0);
    run(db, "INSERT INTO setting VALUES ('one', '1', 1), ('two', '2', 2)");
    run(db, "UPDATE setting SET name = 'three' WHERE name = 'two'"); /* its key */
    run(db, "INSERT INTO setting VALUES ('one', '7', 7) ON CONFLICT (name) DO UPDATE SET value = excluded.value");
    run(db, "INSERT OR REPLACE INTO setting VALUES ('one', '8', 8)");
    assert_true(db_exec(db, "INSERT INTO setting VALUES ('four', '4', 4), ('one', '1', 1)", &e) < 0); /* half of it is taken back */
    assert_int_equal(db_commit(db, &e), 0);
    fits(db);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM setting WHERE name IN ('one', 'three', 'four')"), 2);
    assert_int_equal(db_begin(db, &e), 0);
    run(db, "DELETE FROM record_key");
    run(db, "DELETE FROM alert_history");
    run(db, "INSERT INTO legal_hold SELECT 'x', organisation, source, 1, 2, reason, 3, created_by, NULL, NULL, NULL FROM legal_hold");
    db_rollback(db);
    fits(db);
    assert_int_equal(db_query(db, "DELETE FROM record_link WHERE kind <> $1", &e, &s), 0);
    db_bind_text(s, 1, SPAN("none"));
    assert_int_equal(db_run(s, &e), 0); /* a statement alone */
    assert_int_equal(db_changes(db), 1);
    run(db, "DELETE FROM fed_item"); /* without WHERE */
    run(db, "UPDATE ingest_token SET last_used = 5");
    fits(db);
    db_close(&db);
}

/* Many in one transaction: written in between, and what fails later is still taken back. */
static void large_transactions(void **state)
{
    (void)state;
    struct db *db = fresh("p.db");
    struct err e = {0};
    static const char many[] = "INSERT INTO setting WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 80000) "
                               "SELECT 'setting number ' || i, i, i FROM n";
    assert_int_equal(db_begin(db, &e), 0);
    struct db_stmt *s = NULL;
    assert_int_equal(db_query(db, many, &e, &s), 0);
    assert_int_equal(db_run(s, &e), 0);
    assert_true(test_number(db, "SELECT COUNT(*) FROM row_proof") > 80000); /* already */
    db_rollback(db);
    fits(db);
    run(db, many);
    run(db, "DELETE FROM setting WHERE length(value) = 2");
    fits(db);
    assert_true(verified(db).report.rows > 79000);
    db_close(&db);
}

static size_t columns_of(struct db *db, const struct proof_table *t, struct proof_column columns[PROOF_CELLS_MAX])
{
    char sql[200], comma[PROOF_NAME_MAX + 2];
    struct err e = {0};
    struct db_stmt *s = NULL;
    size_t n = 0;
    (void)snprintf(sql, sizeof sql, "SELECT name FROM pragma_table_info('%s')", t->name);
    assert_int_equal(db_query(db, sql, &e, &s), 0);
    for (; db_step(s, &e) > 0; n++) {
        (void)snprintf(columns[n].name, PROOF_NAME_MAX, "%.*s", SPAN_ARG(db_col_text(s, 0)));
        (void)snprintf(comma, sizeof comma, ",%.*s,", PROOF_NAME_MAX - 1, columns[n].name);
        columns[n].key = strstr(t->key, comma) != NULL;
        columns[n].loose = strstr(t->loose, comma) != NULL;
    }
    return n;
}

static void change_a_cell(struct db *db, const struct proof_table *t, const struct proof_column *c)
{
    char sql[1200];
    struct err e = {0};
    struct told told = {.n = 0};
    const struct proof_hooks hooks = {.ctx = &told, .complain = complain, .step = step};
    (void)snprintf(sql, sizeof sql, "CREATE TABLE kept AS SELECT * FROM %s; UPDATE %s SET %.63s = CASE typeof(%.63s) WHEN 'integer' THEN %.63s + 1 "
                   "WHEN 'text' THEN %.63s || '!' WHEN 'null' THEN 7 ELSE x'01' END WHERE rowid = (SELECT MAX(rowid) FROM %s)", t->name, t->name, c->name, c->name, c->name, c->name, t->name);
    behind("p.db", sql);
    assert_int_equal(proof_verify(db, &hooks, &told.report, &e), 0);
    if ((told.n > 0) == c->loose) {
        fail_msg("%s.%s: %zu said, %s", t->name, c->name, told.n, told.first);
    }
    bool by_field = t->how == PROOF_ROWS && !c->key && !c->loose;
    if (!c->loose && (strstr(told.first, t->name) == NULL || (by_field && strstr(told.first, c->name) == NULL))) {
        fail_msg("%s.%s is not named: %s", t->name, c->name, told.first);
    }
    (void)snprintf(sql, sizeof sql, "DELETE FROM %s; INSERT INTO %s SELECT * FROM kept; DROP TABLE kept", t->name, t->name);
    behind("p.db", sql);
}

/* Each cell of a row in each table: found, and named; what is loose is not. */
static void every_cell_is_named(void **state)
{
    (void)state;
    struct db *db = fresh("p.db");
    size_t cells = 0;
    fill(db);
    for (size_t i = 0; i < PROOF_TABLE_COUNT; i++) {
        const struct proof_table *t = &proof_tables[i];
        struct proof_column columns[PROOF_CELLS_MAX];
        size_t n = t->how == PROOF_ROWS || t->how == PROOF_SUM || t->how == PROOF_MADE ? columns_of(db, t, columns) : 0;
        for (size_t c = 0; c < n; c++, cells++) {
            change_a_cell(db, t, &columns[c]);
        }
    }
    assert_true(cells > 350);
    fits(db);
    db_close(&db);
}

static void what_goes_or_comes_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *says;
    } attacks[] = {
        {"DELETE FROM legal_hold", "is gone"},
        {"DELETE FROM legal_hold; DELETE FROM row_proof WHERE tab = 20", "together with their proofs"},
        {"INSERT INTO setting VALUES ('mine', 'yes', 1)", "was not written by the node"},
        {"INSERT INTO setting VALUES ('mine', 'yes', 1); INSERT INTO row_proof SELECT 12, x'746d696e6500', digest, marks FROM row_proof WHERE tab = 12", "mine"},
        {"UPDATE alert SET summary = CAST(summary AS BLOB)", "summary"},
        {"UPDATE alert SET host = NULL", "host"},
        {"UPDATE row_proof SET digest = zeroblob(32) WHERE tab = 13", "its proof was changed"},
        {"UPDATE row_proof SET marks = zeroblob(52) WHERE tab = 13", "its proof was changed"},
        {"UPDATE row_proof SET row = x'00' WHERE tab = 13", "was not written by the node"},
        {"UPDATE row_proof SET tab = 99 WHERE tab = 13", "was not written by the node"},
        {"INSERT INTO row_proof VALUES (22, x'00', zeroblob(32), x'')", "of no table"},
        {"DELETE FROM proof_chain", "by the newest link"},
        {"UPDATE proof_chain SET hour = hour + 1", "was changed"},
        {"UPDATE proof_chain SET sums = zeroblob(120)", "was changed"},
        {"UPDATE proof_chain SET seq = 2", "breaks"},
        {"DELETE FROM audit; DELETE FROM audit_head", "of the audit trail"},
        {"UPDATE alert_count SET alerts = 2", "alert_count"},
        {"UPDATE record_key SET value = 'x'", "record_key"},
        {"DELETE FROM record_link", "record_link"},
        {"DROP TABLE source_drop", "the form of the tables"},
        {"DROP INDEX alert_host", "the form of the tables"},
        {"CREATE TRIGGER mine AFTER INSERT ON alert BEGIN DELETE FROM alert; END", "the form of the tables"},
    };
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        struct db *db = fresh("p.db");
        struct err e = {0};
        fill(db);
        run(db, "DELETE FROM session");
        assert_int_equal(db_begin(db, &e), 0);
        run(db, "INSERT INTO audit VALUES (1, 1, '', '', '', '', '', '', '', x'', zeroblob(32)); INSERT INTO audit_head VALUES (1, 1, zeroblob(32))");
        assert_int_equal(db_commit(db, &e), 0);
        fits(db);
        behind("p.db", attacks[i].sql);
        db_close(&db);
        assert_int_equal(db_open(test_path("p.db"), &e, &db), 0);
        struct told told = verified(db);
        if (told.n == 0 || strstr(told.first, attacks[i].says) == NULL) {
            fail_msg("%s: %s", attacks[i].sql, told.first);
        }
        db_close(&db);
    }
}

/* Rows of before get a proof; a later step that adds a column believes none that did not fit, and one that builds a table anew believes all. */
static void migrations_prove_and_keep_doubt(void **state)
{
    (void)state;
    size_t count = 0;
    const struct migration *list = migrate_list(&count);
    struct migration more[100];
    struct db *db = NULL;
    struct err e = {0};
    assert_true(count + 2 < ARRAY_LEN(more));
    memcpy(more, list, count * sizeof *list);
    more[count] = (struct migration){"a column", "ALTER TABLE legal_hold ADD COLUMN shade TEXT NOT NULL DEFAULT 'grey'"};
    more[count + 1] = (struct migration){"built anew", "CREATE TABLE n (name TEXT PRIMARY KEY, value TEXT NOT NULL, changed BIGINT NOT NULL, x BIGINT);"
                                                       "INSERT INTO n SELECT name, value || '!', changed, 1 FROM setting; DROP TABLE setting; ALTER TABLE n RENAME TO setting"};
    size_t before = count;
    while (strcmp(list[before - 1].name, "proofs of rows") != 0) {
        before--;
        assert_true(before > 0);
    }
    assert_int_equal(db_open(":memory:", &e, &db), 0);
    assert_int_equal(migrate_run(db, list, before - 1, TEST_NOW, &e), 0);
    run(db, "INSERT INTO legal_hold VALUES ('a', 'o', 's', 1, 2, 'r', 3, 'w', NULL, NULL, NULL), ('b', 'o', 's', 1, 2, 'r', 3, 'w', NULL, NULL, NULL)");
    run(db, "INSERT INTO setting VALUES ('kept', 'yes', 1)");
    assert_false(verified(db).report.there);
    assert_int_equal(migrate_run(db, list, count, TEST_NOW, &e), 0);
    fits(db);
    assert_int_equal(verified(db).report.rows, 3 + count);
    /* Its proof is made another one: the row does not fit any more. */
    run(db, "UPDATE row_proof SET digest = zeroblob(32) WHERE tab = 20 AND row = x'746200'");
    assert_int_equal(migrate_run(db, more, count + 2, TEST_NOW, &e), 0);
    struct told t = {.n = 0};
    const struct proof_hooks hooks = {.ctx = &t, .complain = complain, .step = step};
    assert_int_equal(proof_verify(db, &hooks, &t.report, &e), 0);
    assert_int_equal(t.n, 1);
    assert_non_null(strstr(t.first, "legal_hold b"));
    assert_int_equal(proof_anew(db, &e), 0);
    t = (struct told){.n = 0};
    assert_int_equal(proof_verify(db, &hooks, &t.report, &e), 0);
    assert_int_equal(t.n, 0);
    db_close(&db);
}

static void keys_there_and_back(void **state)
{
    (void)state;
    static const struct {
        struct span key;
        bool good;
        size_t cells;
    } cases[] = {
        {SPAN("ta\0i-7\0"), true, 2}, {SPAN("t\0"), true, 1},          {SPAN("ta\0\xff" "b\0"), true, 1}, {SPAN("b00fF\0"), true, 1}, {SPAN("n\0"), true, 1},
        {SPAN("i9223372036854775807\0"), true, 1}, {SPAN(""), false, 1}, {SPAN("t"), false, 1},            {SPAN("ta"), false, 1},     {SPAN("i\0"), false, 1},
        {SPAN("ix\0"), false, 1},     {SPAN("b0\0"), false, 1},        {SPAN("bxx\0"), false, 1},         {SPAN("nx\0"), false, 1},   {SPAN("zx\0"), false, 1},
        {SPAN("i9223372036854775808\0"), false, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cursor c = cursor_of(cases[i].key);
        struct buf room, again;
        struct proof_cell cell;
        bool good = true;
        buf_init(&room, 100);
        buf_init(&again, 100);
        for (size_t n = 0; good && n < cases[i].cells; n++) {
            buf_clear(&room);
            good = proof_key_get(&c, &room, &cell);
            proof_key_put(&again, &cell);
        }
        assert_int_equal(good && cursor_left(&c) == 0, cases[i].good);
        if (cases[i].good && cases[i].key.ptr[0] != 'b') {
            assert_true(span_eq(buf_view(&again), cases[i].key));
        }
        buf_free(&room);
        buf_free(&again);
    }
}

/* Two bytes name the field: of all flipped bits of cells of each length only as many are missed as chance misses. */
static void marks_tell_bits_apart(void **state)
{
    (void)state;
    unsigned tried = 0, missed = 0;
    for (size_t len = 1; len <= 40; len++) {
        char text[40];
        unsigned char was[PROOF_MARK_BYTES], is[PROOF_MARK_BYTES];
        memset(text, 'a', sizeof text);
        struct proof_cell c = {.type = PROOF_TEXT, .bytes = span_make(text, len)};
        proof_marks(&c, 1, was);
        for (size_t bit = 0; bit < 8 * len; bit++, tried++) {
            text[bit / 8] ^= (char)(1 << (bit % 8));
            proof_marks(&c, 1, is);
            missed += memcmp(was, is, sizeof is) == 0;
            text[bit / 8] ^= (char)(1 << (bit % 8));
        }
        c.type = PROOF_BYTES;
        proof_marks(&c, 1, is);
        missed += memcmp(was, is, sizeof is) == 0;
    }
    assert_true(tried > 6000 && missed <= 2);
}

int run_proof_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_has_its_line),
        cmocka_unit_test(changes_keep_them),
        cmocka_unit_test(large_transactions),
        cmocka_unit_test(every_cell_is_named),
        cmocka_unit_test(what_goes_or_comes_is_found),
        cmocka_unit_test(migrations_prove_and_keep_doubt),
        cmocka_unit_test(keys_there_and_back),
        cmocka_unit_test(marks_tell_bits_apart),
    };
    return cmocka_run_group_tests_name("records/proof", tests, NULL, NULL);
}
