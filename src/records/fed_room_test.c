/* SPDX-License-Identifier: EUPL-1.2 */
/* At the limit: what goes, what is refused, what is counted; and whose room it is. See fed_room.def. */
#include <stdio.h>
#include <string.h>

#include "records/fed_counts.h"
#include "records/fed_item.h"
#include "records/fed_letter.h"
#include "records/fed_room.h"
#include "records/fed_share.h"
#include "records/fed_signals.h"
#include "records/fed_take.h"
#include "records/fed_warnings.h"
#include "records/records_test.h"

static struct db *db;
static struct arena arena;
static struct err e;

#define ONE "11111111111111111111111111111111"
#define TWO "22222222222222222222222222222222"

static void begin(int own)
{
    char sql[256];
    db = test_db();
    arena_init(&arena, 0);
    (void)snprintf(sql, sizeof sql, "INSERT INTO fed_circle VALUES ('c', '*', 'hub', %d, 'C', 'member', 1, 0, 0)", own);
    MUST(db_exec(db, sql, &e));
}

static void end(void)
{
    arena_fini(&arena);
    db_close(&db);
}

static struct fed_room_row counted(enum fed_room room, const char *circle, const char *owner)
{
    const struct fed_room_of of = {room, span_of(circle), span_of(owner)};
    struct fed_room_row r;
    MUST(fed_room_get(db, &of, &r, &e));
    return r;
}

/* n rows whose id is their number in 32 digits: i is the number in `values`. */
static void fill(const char *into, int64_t n, const char *values)
{
    char sql[1024];
    (void)snprintf(sql, sizeof sql, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld) INSERT INTO %s SELECT %s FROM n",
                   (long long)n, into, values);
    if (db_exec(db, sql, &e) != 0) {
        fail_msg("%s: %s", sql, e.text);
    }
}

/* ---- warnings ---- */

static void warnings(int64_t n, const char *withdrawn, int64_t expires)
{
    char values[512];
    (void)snprintf(values, sizeof values,
                   "printf('%%032d', i), 'c', 'hub', i, 'rule', 'r' || i, 'T', 3, 0, 0, 0, '{}', %s, 0, i, %lld, '', 0, 0, ''", withdrawn,
                   (long long)expires);
    fill("fed_warning", n, values);
}

static int put_warning(int64_t version, struct span body)
{
    bool news = false;
    const struct fed_warning_row w = {.id = SPAN("ffffffffffffffffffffffffffffffff"), .circle = SPAN("c"), .issuer = SPAN("hub"), .kind = SPAN("rule"),
                                      .value = SPAN("r"), .title = SPAN("T"), .body = body, .version = version, .level = 3, .received = TEST_NOW,
                                      .updated = TEST_NOW, .expires = TEST_NOW + TIME_DAY};
    MUST(db_begin(db, &e));
    return db_end(db, fed_warnings_put(db, &w, &news, &e), &e) < 0 ? -1 : news;
}

static int64_t there(int64_t i)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM fed_warning WHERE id = printf('%%032d', %lld)", (long long)i);
    return test_number(db, sql);
}

static void warnings_that_are_over_go_first(void **state)
{
    (void)state;
    const int64_t most = fed_room_rows(FED_ROOM_WARNINGS);
    begin(0);
    warnings(most, "CASE WHEN i = 9 THEN 1 ELSE 0 END", TEST_NOW + TIME_DAY);
    MUST(db_exec(db,
                 "UPDATE fed_warning SET expires = 5 WHERE id = printf('%032d', 7);"
                 "INSERT INTO fed_warning_take VALUES (printf('%032d', 7), 'expired', 0, 1, '', 'none', 0, '', NULL, 1),"
                 " (printf('%032d', 1), 'taken', 0, 1, '', 'none', 0, '', 'x', 1);"
                 "INSERT INTO fed_warning_step VALUES (printf('%032d', 7), 1, 1, 'a', 'taken', '')",
                 &e));
    assert_int_equal(put_warning(1, SPAN("{}")), 1);
    assert_int_equal(there(7), 0); /* over, and older than the one that was withdrawn */
    assert_int_equal(there(9), 1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_warning_step"), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_warning_take"), 1);
    assert_int_equal(put_warning(2, SPAN("{}")), 1); /* a version takes no further row */
    assert_int_equal(there(9), 1);
    MUST(db_exec(db, "UPDATE fed_warning SET id = 'eeee' || SUBSTR(id, 5) WHERE id LIKE 'ffff%'", &e));
    assert_int_equal(put_warning(1, SPAN("{}")), 1);
    assert_int_equal(there(9), 0);
    /* All are in force now: the oldest goes that this city did not take. */
    MUST(db_exec(db, "UPDATE fed_warning SET id = 'dddd' || SUBSTR(id, 5) WHERE id LIKE 'ffff%'", &e));
    assert_int_equal(put_warning(1, SPAN("{}")), 1);
    assert_int_equal(there(1), 1);
    assert_int_equal(there(2), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_warning"), most);
    struct fed_room_row r = counted(FED_ROOM_WARNINGS, "c", "");
    assert_int_equal(r.dropped, 3);
    assert_int_equal(r.refused, 0);
    assert_int_equal(r.last, TEST_NOW);
    end();
}

static void bytes_of_warnings_count_too(void **state)
{
    (void)state;
    struct buf big;
    begin(0);
    buf_init(&big, FED_WARNING_BODY_MAX);
    while (big.len < FED_WARNING_BODY_MAX) {
        buf_put(&big, "0123456789abcdef", 16);
    }
    warnings(200, "0", TEST_NOW + TIME_DAY);
    MUST(db_exec(db, "UPDATE fed_warning SET body = printf('%.*c', 1048576, 'x') WHERE version <= 64", &e));
    assert_int_equal(put_warning(1, buf_view(&big)), 1);
    assert_int_equal(there(1), 0);
    assert_true(test_number(db, "SELECT SUM(LENGTH(body)) FROM fed_warning") <= fed_room_bytes(FED_ROOM_WARNINGS));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_warning"), 199); /* no more than was needed: the first two */
    buf_free(&big);
    end();
}

static void a_hub_forgets_only_what_is_over(void **state)
{
    (void)state;
    struct fed_sharing s;
    const int64_t most = fed_room_rows(FED_ROOM_WARNINGS);
    begin(1);
    warnings(most, "0", TEST_NOW + TIME_DAY);
    assert_int_equal(put_warning(1, SPAN("{}")), -1);
    assert_string_equal(e.text, "room: so many warnings of this circle are kept already");
    MUST(db_exec(db, "UPDATE fed_warning SET expires = 5 WHERE version = 70", &e));
    assert_int_equal(put_warning(1, SPAN("{}")), 1);
    assert_int_equal(there(70), 0);
    MUST(fed_sharing_get(db, &arena, &s, &e));
    assert_int_equal(s.forgotten, 70); /* what is found again is told as version 71 */
    end();
}

static void what_ended_long_ago_goes(void **state)
{
    (void)state;
    begin(0);
    warnings(3, "CASE WHEN i = 2 THEN 1 ELSE 0 END", TEST_NOW + TIME_DAY);
    MUST(db_exec(db, "UPDATE fed_warning SET updated = updated + 1795309200000000000", &e));
    MUST(fed_warnings_sweep(db, TEST_NOW + (FED_WARNING_KEPT_DAYS - 1) * TIME_DAY, &e));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_warning"), 3);
    MUST(fed_warnings_sweep(db, TEST_NOW + FED_WARNING_KEPT_DAYS * TIME_DAY + 5, &e));
    assert_int_equal(there(2), 0); /* withdrawn a day earlier than the others are over */
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_warning"), 2);
    MUST(fed_warnings_sweep(db, TEST_NOW + (FED_WARNING_KEPT_DAYS + 1) * TIME_DAY, &e));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_warning"), 0);
    end();
}

/* ---- signals ---- */

static void tell(const char *node, int64_t number)
{
    struct buf b;
    const struct fed_signal_row s = {.rule = SPAN("r"), .rule_hash = SPAN("h"), .number = number, .level = LEVEL_HIGH, .bucket = 1, .count = 1};
    const struct fed_envelope_row row = {.circle = SPAN("c"), .issuer = span_of(node)};
    buf_init(&b, 4096);
    buf_u32(&b, 1);
    fed_signal_encode(&b, &s);
    struct cursor c = cursor_of(buf_view(&b));
    MUST(db_begin(db, &e));
    MUST(db_end(db, fed_signal_apply(db, &row, &c, TEST_NOW, &e), &e));
    buf_free(&b);
}

static void a_members_oldest_signals_go(void **state)
{
    (void)state;
    const int64_t most = fed_room_rows(FED_ROOM_SIGNALS);
    begin(1);
    fill("fed_signal", most, "'c', '" ONE "', i, i, 'Town', 'r', 'h', 'T', 3, '', '', '', 1, 1, 0, 's'");
    MUST(db_exec(db, "INSERT INTO fed_room VALUES (1, 'c', '" ONE "', 32768, 0, 0, 0, 0)", &e));
    tell(TWO, 1);
    tell(ONE, 5); /* says another thing of what it told: nothing has to go, and it is the newest now */
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_signal"), most + 1);
    assert_int_equal(counted(FED_ROOM_SIGNALS, "c", ONE).dropped, 0);
    tell(ONE, most + 1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_signal WHERE node = '" TWO "'"), 1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_signal WHERE node = '" ONE "'"), most - most / 16);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_signal WHERE number = 1 AND node = '" ONE "'"), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_signal WHERE number = 5"), 1);
    assert_int_equal(counted(FED_ROOM_SIGNALS, "c", ONE).dropped, most / 16 + 1);
    assert_int_equal(counted(FED_ROOM_SIGNALS, "c", TWO).dropped, 0);
    end();
}

/* ---- envelopes ---- */

static fed_apply *no_type(struct span type)
{
    (void)type;
    return NULL;
}

static struct fed_outcome bring(int i, const char *type)
{
    char id[FED_ROW_ID_LEN + 1];
    struct fed_outcome out;
    (void)snprintf(id, sizeof id, "%064d", i);
    const struct fed_taken t = {.stream_epoch = 1, .seq = i, .row = {.id = span_of(id), .type = span_of(type), .issuer = SPAN(ONE), .circle = SPAN("c"),
                                .epoch = 1, .created = TEST_NOW, .expires = TEST_NOW + TIME_DAY, .received = TEST_NOW, .peer = SPAN(ONE),
                                .state = SPAN("quarantined"), .reason = SPAN(""), .body = SPAN("{\"four\":4}")}};
    MUST(fed_take(db, &t, 1, no_type, TEST_NOW, &arena, &out, &e));
    return out;
}

static void a_peer_fills_its_own_room_only(void **state)
{
    (void)state;
    begin(1);
    assert_true(bring(1, "item").fresh);
    assert_int_equal(counted(FED_ROOM_ENVELOPES, "", ONE).rows, 1);
    assert_int_equal(counted(FED_ROOM_ENVELOPES, "", ONE).bytes, 10);
    MUST(db_exec(db, "UPDATE fed_room SET rows = 400000", &e));
    struct fed_outcome o = bring(2, "item");
    assert_false(o.fresh);
    assert_true(span_eq(o.state, SPAN("refused")));
    assert_true(span_starts(o.reason, SPAN("room: ")));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_envelope"), 1);
    assert_int_equal(test_number(db, "SELECT seq FROM fed_stream WHERE way = 1"), 2); /* it counts as taken */
    assert_true(span_eq(bring(1, "item").state, SPAN("quarantined"))); /* one that is here has its answer */
    assert_true(bring(3, "tombstone").fresh); /* corrections have more room, control all there is */
    MUST(db_exec(db, "UPDATE fed_room SET rows = 500000", &e));
    assert_false(bring(4, "tombstone").fresh);
    assert_true(bring(5, "membership").fresh);
    assert_int_equal(counted(FED_ROOM_ENVELOPES, "", ONE).refused, 2);
    MUST(db_exec(db, "UPDATE fed_room SET rows = 3, bytes = 536870902", &e));
    assert_true(bring(6, "item").fresh); /* ten bytes more just fit */
    assert_false(bring(7, "item").fresh);
    end();
}

static void room_comes_back(void **state)
{
    (void)state;
    begin(1);
    (void)bring(1, "item");
    (void)bring(2, "item");
    MUST(db_begin(db, &e));
    char id[FED_ROW_ID_LEN + 1];
    (void)snprintf(id, sizeof id, "%064d", 1);
    MUST(fed_envelope_set(db, span_of(id), SPAN("gone"), SPAN("retracted"), &e));
    MUST(fed_envelope_set(db, span_of(id), SPAN("gone"), SPAN("again"), &e));
    MUST(db_commit(db, &e));
    assert_int_equal(counted(FED_ROOM_ENVELOPES, "", ONE).bytes, 10);
    MUST(db_begin(db, &e));
    MUST(fed_envelope_sweep(db, TEST_NOW + 3 * TIME_DAY, &e));
    MUST(db_commit(db, &e));
    assert_int_equal(counted(FED_ROOM_ENVELOPES, "", ONE).rows, 1); /* the id of what is gone */
    assert_int_equal(counted(FED_ROOM_ENVELOPES, "", ONE).bytes, 0);
    end();
}

/* ---- letters ---- */

static void letters_wait_in_a_bounded_row(void **state)
{
    (void)state;
    begin(1);
    const struct fed_item_row item = {.id = SPAN("i"), .organisation = SPAN("*"), .circle = SPAN("c"), .audience = SPAN("{}"), .state = SPAN("current"),
                                      .version = 1, .expires = TEST_NOW + TIME_DAY};
    fill("fed_link_page (id, hash, account, circle, organisation, person, mail, created_by, revoked_by, language, created, expires, revoked, "
         "last_used, nda)",
         3, "'l' || i, 'h' || i, '*', 'c', 'Small', 'p', 'p@x', 'a', '', '', 0, 9000000000000000000, 0, 0, 0");
    fill("fed_letter", fed_room_rows(FED_ROOM_LETTERS) - 2, "'x' || i, 1, 'l1', 'waiting', 0, 0, 0, 0, ''");
    MUST(db_begin(db, &e));
    MUST(fed_item_put(db, &item, &e));
    MUST(db_end(db, fed_letter_queue(db, item.circle, item.id, 1, TEST_NOW, &e), &e));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_letter WHERE item = 'i'"), 2);
    assert_int_equal(counted(FED_ROOM_LETTERS, "c", "").dropped, 1);
    end();
}

static void rows_travel(void **state)
{
    (void)state;
    struct buf b;
    struct fed_room_row r;
    const struct fed_room_of of = {FED_ROOM_ITEMS, SPAN("c"), SPAN(ONE)};
    const struct fed_room_of quiet = {FED_ROOM_SIGNALS, SPAN("c"), SPAN(TWO)};
    begin(0);
    MUST(db_begin(db, &e));
    MUST(fed_room_add(db, &quiet, 3, 4, &e)); /* lacked nothing: not shown */
    MUST(fed_room_note(db, &quiet, 0, 0, TEST_NOW, &e));
    MUST(fed_room_note(db, &of, 1, 2, TEST_NOW, &e));
    MUST(fed_room_note(db, &of, 1, 2, TEST_NOW + 1, &e));
    MUST(db_commit(db, &e));
    buf_init(&b, 4096);
    MUST(fed_rooms_write(db, &b, &e));
    struct cursor c = cursor_of(buf_view(&b));
    assert_int_equal(cursor_u32(&c), 1);
    fed_room_decode(&c, &r);
    assert_true(cursor_done(&c));
    assert_int_equal(r.room, FED_ROOM_ITEMS);
    assert_true(span_eq(r.owner, SPAN(ONE)));
    assert_int_equal(r.dropped, 2);
    assert_int_equal(r.refused, 4);
    assert_int_equal(r.last, TEST_NOW + 1);
    for (size_t n = 4; n < b.len; n++) {
        c = cursor_of(span_make(b.data + 4, n - 4));
        fed_room_decode(&c, &r);
        assert_false(cursor_done(&c));
    }
    buf_free(&b);
    end();
}

static int64_t count_of(const struct fed_counts *c, const char *metric, const char *value)
{
    size_t n = 0;
    const struct fed_count_line *lines = fed_count_lines(&n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(lines[i].metric, metric) == 0 && strcmp(lines[i].value, value) == 0) {
            return c->counts[i];
        }
    }
    fail_msg("no line %s %s", metric, value);
    return -1;
}

/* Numbers for machines: over all owners, each metric with its words once, and no more looked at than may be. */
static void counted_for_machines(void **state)
{
    (void)state;
    struct fed_counts c;
    struct buf b;
    size_t n = 0;
    const struct fed_count_line *lines = fed_count_lines(&n);
    const struct fed_room_of one = {FED_ROOM_SIGNALS, SPAN("c"), SPAN(ONE)};
    const struct fed_room_of two = {FED_ROOM_SIGNALS, SPAN("d"), SPAN(TWO)};
    for (size_t i = 0; i < n; i++) {
        bool first = i == 0 || strcmp(lines[i].metric, lines[i - 1].metric) != 0;
        assert_int_equal(first, lines[i].help[0] != '\0');
        for (size_t k = 0; k < i; k++) {
            assert_false(strcmp(lines[i].metric, lines[k].metric) == 0 && (first || strcmp(lines[i].value, lines[k].value) == 0));
        }
    }
    begin(0);
    MUST(db_begin(db, &e));
    MUST(fed_room_add(db, &one, 3, 4, &e));
    MUST(fed_room_add(db, &two, 5, 6, &e));
    MUST(fed_room_note(db, &one, 1, 2, TEST_NOW, &e));
    MUST(fed_room_note(db, &two, 3, 0, TEST_NOW, &e));
    MUST(db_commit(db, &e));
    fill("fed_letter", 4, "'w' || i, 1, 'l1', 'waiting', 0, 0, 0, 0, ''");
    fill("fed_letter", 3, "'s' || i, 1, 'l1', 'sent', 0, 0, 0, 0, ''");
    fill("fed_letter", 2, "'f' || i, 1, 'l1', 'failed', 0, 0, 0, 0, ''");
    fill("fed_item_read", 2, "'i' || i, 'stone', '', 'chief', 'e' || i, 'why', 1");
    fill("fed_item_read", 3, "'i1', 'receipt', 'n' || i, 'n', 'removed', 'e1', 1");
    fill("fed_item_read", 1, "'i1', 'receipt', 'other', 'n', 'removed', 'e9', 1"); /* of another tombstone */
    fill("fed_item_read", 1, "'i2', 'receipt', 'n', 'n', 'received', '', 1");
    fill("fed_envelope", FED_COUNT_MOST + 5, "'q' || i, 'item', 'x', 'c', 1, 0, 0, 0, '', 'refused', 'policy', NULL");
    buf_init(&b, 4096);
    MUST(fed_counts_write(db, &b, &e));
    struct cursor cur = cursor_of(buf_view(&b));
    fed_counts_decode(&cur, &c);
    assert_true(cursor_done(&cur));
    assert_int_equal(c.rooms[FED_ROOM_SIGNALS].rows, 8);
    assert_int_equal(c.rooms[FED_ROOM_SIGNALS].bytes, 10);
    assert_int_equal(c.rooms[FED_ROOM_SIGNALS].dropped, 4);
    assert_int_equal(c.rooms[FED_ROOM_SIGNALS].refused, 2);
    assert_int_equal(c.rooms[FED_ROOM_SIGNALS].owners, 2);
    assert_int_equal(c.rooms[FED_ROOM_ITEMS].dropped, 0);
    assert_int_equal(count_of(&c, "letters", "waiting"), 4);
    assert_int_equal(count_of(&c, "letters", "sent"), 3);
    assert_int_equal(count_of(&c, "letters", "failed"), 2);
    assert_int_equal(count_of(&c, "letters", "dropped"), 0);
    assert_int_equal(count_of(&c, "tombstones", "items"), 2);
    assert_int_equal(count_of(&c, "tombstones", "told"), 0);
    assert_int_equal(count_of(&c, "tombstones", "removed"), 3);
    assert_int_equal(count_of(&c, "envelopes", "refused"), FED_COUNT_MOST);
    assert_int_equal(count_of(&c, "envelopes", "held"), 0);
    for (size_t len = 0; len < b.len; len += 8) { /* shortened */
        cur = cursor_of(span_make(b.data, len));
        fed_counts_decode(&cur, &c);
        assert_false(cursor_done(&cur));
    }
    buf_free(&b);
    end();
}

int run_fed_room_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warnings_that_are_over_go_first), cmocka_unit_test(bytes_of_warnings_count_too),
        cmocka_unit_test(a_hub_forgets_only_what_is_over), cmocka_unit_test(what_ended_long_ago_goes),
        cmocka_unit_test(a_members_oldest_signals_go),     cmocka_unit_test(a_peer_fills_its_own_room_only),
        cmocka_unit_test(room_comes_back),                 cmocka_unit_test(letters_wait_in_a_bounded_row),
        cmocka_unit_test(rows_travel), cmocka_unit_test(counted_for_machines),
    };
    return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
