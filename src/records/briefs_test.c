/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of issued briefs: their life and numbers, that any flipped byte of what is signed shows, what a figure counts, their bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "records/briefs.h"
#include "records/records.h"

#define NOW (INT64_C(1795309200) * TIME_SECOND)
#define ID_A "01890a5d-ac96-774b-bcce-b302099a8057"
#define ID_B "01890a5d-ac96-774b-bcce-b302099a8058"
#define ID_C "01890a5d-ac96-774b-bcce-b302099a8059"

static struct err e;
static struct arena a;
static unsigned char public_key[BRIEF_KEY_BYTES], secret[crypto_sign_SECRETKEYBYTES];
static unsigned faults;
static char first_fault[ERR_TEXT_MAX];

static int with_key(void *arg, struct span message, unsigned char sig[BRIEF_SIG_BYTES], unsigned char key[BRIEF_KEY_BYTES], struct err *why)
{
    if (arg != NULL) {
        return err_set(why, ERR_BUSY, "no key");
    }
    memcpy(key, public_key, sizeof public_key);
    return crypto_sign_detached(sig, NULL, (const unsigned char *)message.ptr, message.len, secret);
}

static void complain(void *ctx, const struct err *why)
{
    (void)ctx;
    if (faults++ == 0) {
        memcpy(first_fault, why->text, sizeof first_fault);
    }
}

static unsigned verify(struct db *db, const unsigned char *key, int64_t expected)
{
    int64_t n = 0;
    faults = 0;
    first_fault[0] = '\0';
    assert_int_equal(briefs_verify(db, key, NULL, complain, &n, &e), 0);
    assert_int_equal(n, expected);
    return faults;
}

static struct db *fresh(void)
{
    struct db *db = NULL;
    assert_int_equal(records_open(":memory:", NOW, &e, &db), 0);
    arena_init(&a, 0);
    assert_int_equal(crypto_sign_keypair(public_key, secret), 0);
    return db;
}

static struct brief_issued make(const char *id, const char *organisation)
{
    return (struct brief_issued){.id = span_of(id), .organisation = span_of(organisation), .issued = NOW, .who = SPAN("Ana"), .who_id = SPAN("u1"),
                                 .first_day = SPAN("2026-11-01"), .last_day = SPAN("2026-11-30"), .tlp = TLP_AMBER_STRICT, .document = SPAN("{\"figures\":[]}"),
                                 .withdrawn = TIME_NONE};
}

static void close_all(struct db *db)
{
    db_close(&db);
    arena_fini(&a);
}

static void life(void **state)
{
    (void)state;
    struct db *db = fresh();
    struct brief_issued one = make(ID_A, "town"), two = make(ID_B, "town"), other = make(ID_C, "borgo"), got;
    struct brief_issued *list = NULL;
    uint32_t n = 0;
    assert_int_equal(brief_issue(db, &one, with_key, &e, &a, &e), ERR_BUSY);
    assert_int_equal(brief_issue(db, &one, with_key, NULL, &a, &e), 0);
    assert_int_equal(brief_issue(db, &two, with_key, NULL, &a, &e), 0);
    assert_int_equal(brief_issue(db, &other, with_key, NULL, &a, &e), 0);
    assert_int_equal(one.number, 1);
    assert_int_equal(two.number, 2);
    assert_int_equal(other.number, 1);
    assert_true(brief_issue(db, &one, with_key, NULL, &a, &e) < 0); /* the same id */
    assert_int_equal(briefs_list(db, SPAN("town"), &a, &list, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_int_equal(list[0].document.len, 0);
    assert_int_equal(briefs_list(db, SPAN("*"), &a, &list, &n, &e), 0);
    assert_int_equal(n, 3);
    assert_int_equal(brief_get_issued(db, SPAN("borgo"), SPAN(ID_A), &a, &got, &e), ERR_NOT_FOUND);
    assert_int_equal(brief_get_issued(db, SPAN("*"), SPAN(ID_A), &a, &got, &e), 0);
    assert_true(span_eq(got.document, one.document) && brief_signature_fits(&got));
    assert_int_equal(brief_withdraw(db, SPAN("borgo"), SPAN(ID_A), SPAN("Bo"), SPAN("wrong"), NOW + 1, &e), ERR_NOT_FOUND);
    assert_int_equal(brief_withdraw(db, SPAN("town"), SPAN(ID_A), SPAN("Bo"), SPAN(""), NOW + 1, &e), ERR_INVALID);
    assert_int_equal(brief_withdraw(db, SPAN("town"), SPAN(ID_A), SPAN("Bo"), SPAN("wrong"), NOW + 1, &e), 0);
    assert_int_equal(brief_withdraw(db, SPAN("town"), SPAN(ID_A), SPAN("Bo"), SPAN("again"), NOW + 2, &e), ERR_NOT_FOUND);
    assert_int_equal(brief_get_issued(db, SPAN("town"), SPAN(ID_A), &a, &got, &e), 0);
    assert_true(got.withdrawn == NOW + 1 && span_eq(got.withdrawn_why, SPAN("wrong")) && brief_signature_fits(&got));
    assert_int_equal(verify(db, public_key, 3), 0);
    close_all(db);
}

static void refused(void **state)
{
    (void)state;
    struct db *db = fresh();
    struct brief_issued bad[] = {make("x", "town"), make(ID_A, ""), make(ID_A, "town"), make(ID_A, "town"), make(ID_A, "town"), make(ID_A, "town")};
    bad[2].last_day = SPAN("2026-10-31");
    bad[3].tlp = TLP_RED;
    bad[4].document = SPAN("");
    bad[5].first_day = SPAN("2026-11-1");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(brief_issue(db, &bad[i], with_key, NULL, &a, &e), ERR_INVALID);
    }
    close_all(db);
}

static void run(struct db *db, const char *sql)
{
    struct db_stmt *s = NULL;
    assert_int_equal(db_query(db, sql, &e, &s), 0);
    assert_int_equal(db_run(s, &e), 0);
}

/* Whatever is signed, each byte of it; and rows that go, numbers that move, another key. */
static void flips(void **state)
{
    (void)state;
    struct db *db = fresh();
    struct brief_issued b = make(ID_A, "town"), next = make(ID_B, "town");
    assert_int_equal(brief_issue(db, &b, with_key, NULL, &a, &e), 0);
    assert_int_equal(brief_issue(db, &next, with_key, NULL, &a, &e), 0);
    struct span *const parts[] = {&b.id, &b.organisation, &b.who, &b.who_id, &b.first_day, &b.last_day, &b.document, &b.key, &b.signature};
    for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
        const struct span was = *parts[p];
        for (size_t i = 0; i < was.len; i++) {
            char *copy = arena_bytes(&a, was.len);
            memcpy(copy, was.ptr, was.len);
            copy[i] = (char)(copy[i] ^ 1);
            *parts[p] = span_make(copy, was.len);
            assert_false(brief_signature_fits(&b));
        }
        *parts[p] = was;
    }
    b.organisation = SPAN("townA"), b.who = SPAN("na"); /* a byte that moves over a border is another message */
    assert_false(brief_signature_fits(&b));
    assert_int_equal(verify(db, public_key, 2), 0);
    unsigned char other[BRIEF_KEY_BYTES] = {1};
    assert_int_equal(verify(db, other, 2), 2);
    assert_non_null(strstr(first_fault, "another key"));
    static const char *const changes[] = {"UPDATE issued_brief SET tlp = 2 WHERE number = 2", "UPDATE issued_brief SET tlp = 4, issued = issued + 1 WHERE number = 2",
                                          "UPDATE issued_brief SET issued = issued - 1, number = 3 WHERE number = 2"};
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        run(db, changes[i]);
        assert_true(verify(db, public_key, 2) > 0);
    }
    run(db, "UPDATE issued_brief SET number = 2 WHERE number = 3");
    assert_int_equal(verify(db, public_key, 2), 0);
    run(db, "DELETE FROM issued_brief WHERE number = 1");
    assert_int_equal(verify(db, public_key, 1), 1);
    assert_non_null(strstr(first_fault, "is gone"));
    close_all(db);
}

static void put_record(struct db *db, const char *id, enum tlp tlp, const char *state)
{
    struct record_astray astray = {0};
    const struct record_put p = {.row = {.id = span_of(id), .kind = SPAN("finding"), .organisation = SPAN("town"), .author = SPAN("ana"), .author_name = SPAN("Ana"),
                                         .state = span_of(state), .title = SPAN("t"), .fields = SPAN("{\"n\":1}"), .tlp = tlp, .created = 1, .changed = 1, .version = 1},
                                 .scope = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5},
                                 .who = SPAN("Ana"), .what = SPAN("record.created"), .nkeys = 2,
                                 .keys = {{SPAN("due"), SPAN("2026-11-02")}, {REGISTER_KEY_STATE, span_of(state)}}};
    assert_int_equal(record_put(db, &p, &astray, &e), 0);
}

/* By id, never RED, whoever asks; and the hash tells any change of what a record says. */
static void counted(void **state)
{
    (void)state;
    struct db *db = fresh();
    struct brief_counted *list = NULL;
    uint32_t n = 0;
    bool more = true;
    put_record(db, ID_C, TLP_AMBER, "open");
    put_record(db, ID_A, TLP_GREEN, "open");
    put_record(db, ID_B, TLP_RED, "open");
    put_record(db, "01890a5d-ac96-774b-bcce-b302099a8060", TLP_GREEN, "closed");
    const struct today_due q = {.scope = {.organisation = SPAN("town"), .person = SPAN("ana"), .own = 5, .own_mine = 5}, .kind = SPAN("finding"), .state = SPAN("open"),
                                .field = SPAN("due"), .from = SPAN(""), .to = SPAN("2026-11-30")};
    struct today_count today;
    assert_int_equal(today_due_count(db, &q, &today, &e), 0);
    assert_int_equal(today.count, 3);
    assert_int_equal(brief_counted(db, &q, &a, &list, &n, &more, &e), 0);
    assert_int_equal(n, 2);
    assert_false(more);
    assert_true(span_eq(list[0].id, SPAN(ID_A)) && span_eq(list[1].id, SPAN(ID_C)));
    struct record_row row = {.id = SPAN(ID_A), .kind = SPAN("finding"), .state = SPAN("open"), .tlp = TLP_GREEN, .version = 1, .fields = SPAN("{\"n\":1}")};
    unsigned char hash[BRIEF_HASH_BYTES];
    brief_record_hash(&row, hash);
    assert_memory_equal(hash, list[0].hash, sizeof hash);
    row.fields = SPAN("{\"n\":2}");
    brief_record_hash(&row, hash);
    assert_memory_not_equal(hash, list[0].hash, sizeof hash);
    close_all(db);
}

static void bytes(void **state)
{
    (void)state;
    struct buf b;
    struct brief_issued was = make(ID_A, "town"), is;
    struct brief_counted record = {.id = SPAN(ID_A), .title = SPAN("t"), .version = 3, .hash = {1, 2}}, got;
    buf_init(&b, 1 << 16);
    brief_issued_encode(&b, &was);
    brief_counted_encode(&b, &record);
    for (size_t cut = 0; cut <= b.len; cut++) {
        struct cursor c = cursor_of(span_sub(buf_view(&b), 0, cut));
        brief_issued_decode(&c, &is);
        brief_counted_decode(&c, &got);
        assert_int_equal(cursor_done(&c), cut == b.len);
    }
    assert_true(span_eq(is.document, was.document) && is.tlp == was.tlp && is.withdrawn == TIME_NONE && got.version == 3);
    const int64_t versions[] = {-1, 0, RECORD_VERSION_MAX, RECORD_VERSION_MAX + 1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        buf_clear(&b);
        record.version = versions[i];
        brief_counted_encode(&b, &record);
        struct cursor c = cursor_of(buf_view(&b));
        brief_counted_decode(&c, &got);
        assert_int_equal(cursor_done(&c), versions[i] >= 0 && versions[i] <= RECORD_VERSION_MAX);
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(life), cmocka_unit_test(refused), cmocka_unit_test(flips), cmocka_unit_test(counted), cmocka_unit_test(bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
