/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of federation's outbox and envelopes: order, receipts, a peer that lost its memory, limits. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "records/fed_envelope.h"
#include "records/fed_out.h"
#include "records/records_test.h"

static struct arena arena;
static struct err e;

#define HUB "0123456789abcdef0123456789abcdef"
#define PEER "fedcba9876543210fedcba9876543210"

static void add_circle(struct db *db, const char *own)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO fed_circle VALUES ('c%s', 'own', '" HUB "', %s, 'Circle', 'member', "
                   "1, 0, 0)",
                   own, own);
    assert_int_equal(db_exec(db, sql, &e), 0);
}

static struct fed_out envelope_of(int i, enum fed_out_class class, char id[FED_ROW_ID_LEN + 1])
{
    (void)snprintf(id, FED_ROW_ID_LEN + 1, "%064d", i);
    return (struct fed_out){.circle = SPAN("c0"),
                            .class = class,
                            .id = span_make(id, FED_ROW_ID_LEN),
                            .type = SPAN("item"),
                            .issuer = SPAN(PEER),
                            .epoch = 1,
                            .created = TEST_NOW,
                            .expires = TEST_NOW + TIME_DAY,
                            .envelope = span_make(id, FED_ROW_ID_LEN),
                            .reason = SPAN("own signal, class allowed"),
                            .audience = SPAN("all members of c0")};
}

static size_t put(struct db *db, int i, enum fed_out_class class)
{
    char id[FED_ROW_ID_LEN + 1];
    struct fed_out out = envelope_of(i, class, id);
    size_t placed = 99;
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, fed_out_put(db, &out, TEST_NOW, &placed, &e), &e), 0);
    return placed;
}

/* The largest envelope to all members of the largest circle: its bytes lie there once, and each member adds a small row; said
 * twice, or found half done by a crash, it is the same. */
static void one_body_for_all_members(void **state)
{
    (void)state;
    enum { MEMBERS = 4000, BODY = 1 << 20, ROW_MOST = 1024 };
    struct db *db = test_db();
    char id[FED_ROW_ID_LEN + 1];
    char *nodes = mem_alloc((size_t)MEMBERS * (FED_ROW_NODE_LEN + 1));
    char *body = mem_alloc(BODY);
    struct span *peers = mem_alloc(MEMBERS * sizeof *peers);
    size_t placed = 0;
    memset(body, 'x', BODY);
    add_circle(db, "1");
    for (size_t i = 0; i < MEMBERS; i++) {
        char *node = nodes + i * (FED_ROW_NODE_LEN + 1);
        (void)snprintf(node, FED_ROW_NODE_LEN + 1, "%032zx", i + 1);
        peers[i] = span_make(node, FED_ROW_NODE_LEN);
    }
    struct fed_out out = envelope_of(1, FED_OUT_RESULT, id);
    out.circle = SPAN("c1");
    out.type = SPAN("warning");
    out.envelope = span_make(body, BODY);
    out.peer = peers;
    int64_t before = test_number(db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    /* the process dies before the commit: nothing of it is there */
    out.npeers = MEMBERS;
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(fed_out_put(db, &out, TEST_NOW, &placed, &e), 0);
    assert_int_equal(db_end(db, ERR_CLOSED, &e), ERR_CLOSED);
    assert_int_equal(test_number(db, "SELECT (SELECT COUNT(*) FROM fed_out) + (SELECT COUNT(*) FROM fed_envelope)"), 0);
    /* to some of them first, then to all, then again */
    static const size_t rounds[][2] = {{1500, 1500}, {MEMBERS, MEMBERS - 1500}, {MEMBERS, 0}};
    for (size_t i = 0; i < ARRAY_LEN(rounds); i++) {
        out.npeers = rounds[i][0];
        placed = 99;
        assert_int_equal(db_begin(db, &e), 0);
        assert_int_equal(db_end(db, fed_out_put(db, &out, TEST_NOW, &placed, &e), &e), 0);
        assert_int_equal(placed, rounds[i][1]);
    }
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_out"), MEMBERS);
    assert_int_equal(test_number(db, "SELECT SUM(LENGTH(body)) FROM fed_envelope"), BODY);
    int64_t grown = test_number(db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size") - before;
    assert_in_range(grown, BODY, BODY + (int64_t)MEMBERS * ROW_MOST);
    print_message("%d members: %lld bytes beside the body, %lld each\n", MEMBERS, (long long)(grown - BODY), (long long)(grown - BODY) / MEMBERS);
    mem_free(nodes);
    mem_free(body);
    mem_free(peers);
    db_close(&db);
}

static struct fed_out_batch batch(struct db *db, int64_t epoch, int64_t after, size_t max)
{
    struct fed_out_batch b;
    assert_int_equal(
        fed_out_batch(db, SPAN(HUB), epoch, after, max, &arena, &b, &e), 0);
    return b;
}

static void order_and_receipts(void **state)
{
    (void)state;
    struct db *db = test_db();
    add_circle(db, "0");
    assert_int_equal(batch(db, 0, 0, 10).count, 0);
    assert_int_equal(put(db, 1, FED_OUT_BULK), 1);
    assert_int_equal(put(db, 2, FED_OUT_RESULT), 1);
    assert_int_equal(put(db, 3, FED_OUT_CONTROL), 1);
    assert_int_equal(put(db, 3, FED_OUT_CONTROL), 0); /* twice is once */
    struct fed_out_batch b = batch(db, 0, 0, 2);
    assert_int_equal(b.count, 2);
    assert_int_equal(b.state.epoch, 1);
    assert_int_equal(b.rows[0].class, FED_OUT_CONTROL);
    assert_int_equal(b.rows[0].seq, 1);
    assert_int_equal(b.rows[1].class, FED_OUT_RESULT);
    assert_true(span_eq(b.rows[1].audience, SPAN("all members of c0")));
    /* Asked again: the same numbers for the same envelopes. */
    struct fed_out_batch again = batch(db, 1, 0, 2);
    assert_true(span_eq(again.rows[1].id, b.rows[1].id));
    assert_int_equal(again.state.seq, 2);
    b = batch(db, 1, 1, 10); /* receipt for 1 */
    assert_int_equal(b.count, 2);
    assert_int_equal(b.rows[0].seq, 2);
    assert_int_equal(b.rows[1].seq, 3);
    assert_int_equal(b.state.waiting, 2);
    b = batch(db, 1, 3, 10);
    assert_int_equal(b.count, 0);
    assert_int_equal(b.state.waiting, 0);
    assert_int_equal(b.state.bytes, 0);
    /* A receipt for what was never sent is a lie or a memory from a better past. */
    assert_int_equal(
        fed_out_batch(db, SPAN(HUB), 1, 4, 10, &arena, &b, &e), ERR_INVALID);
    db_close(&db);
}

static void memory_lost(void **state)
{
    (void)state;
    struct db *db = test_db();
    char id[FED_ROW_ID_LEN + 1];
    add_circle(db, "0");
    for (int i = 1; i <= 5; i++) {
        (void)put(db, i, FED_OUT_RESULT);
    }
    (void)batch(db, 0, 0, 10);
    (void)batch(db, 1, 5, 10);
    assert_int_equal(fed_out_id(db, SPAN(HUB), 4, id, &e), 0);
    assert_int_equal(id[FED_ROW_ID_LEN - 1], '4');
    assert_int_equal(fed_out_id(db, SPAN(HUB), 6, id, &e), 0);
    assert_string_equal(id, "");
    assert_int_equal(fed_out_restart(db, SPAN(HUB), 1, &e), ERR_INVALID);
    assert_int_equal(fed_out_restart(db, SPAN(HUB), 3, &e), 0);
    /* A receipt of the old epoch counts for nothing in the new one. */
    struct fed_out_batch b = batch(db, 1, 5, 10);
    assert_int_equal(b.count, 5);
    assert_int_equal(b.state.epoch, 3);
    assert_int_equal(b.state.waiting, 5);
    assert_int_equal(b.rows[0].seq, 1);
    db_close(&db);
}

static void expiry(void **state)
{
    (void)state;
    struct db *db = test_db();
    add_circle(db, "0");
    (void)put(db, 1, FED_OUT_RESULT);
    (void)put(db, 2, FED_OUT_RESULT);
    (void)batch(db, 0, 0, 1); /* number 1 is on its way, 2 waits */
    assert_int_equal(fed_out_sweep(db, TEST_NOW + 3 * TIME_DAY, &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_out"), 1);
    (void)batch(db, 1, 1, 10);
    assert_int_equal(fed_out_sweep(db, TEST_NOW + 3 * TIME_DAY, &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_out"), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_envelope"), 0);
    db_close(&db);
}

static void bulk_makes_room(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct fed_out_state st;
    char id[FED_ROW_ID_LEN + 1];
    size_t placed = 0;
    add_circle(db, "0");
    (void)put(db, 1, FED_OUT_BULK);
    (void)put(db, 2, FED_OUT_BULK);
    /* As if a hundred thousand waited. */
    char sql[128];
    (void)snprintf(sql, sizeof sql, "UPDATE fed_stream SET waiting = %d", FED_OUT_ROWS_MAX);
    assert_int_equal(db_exec(db, sql, &e), 0);
    assert_int_equal(put(db, 3, FED_OUT_RESULT), 1);
    assert_int_equal(fed_out_state(db, SPAN(HUB), &st, &e), 0);
    assert_int_equal(st.dropped, 1);
    assert_int_equal(st.waiting, FED_OUT_ROWS_MAX);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_out WHERE class = 2"), 1);
    assert_int_equal(put(db, 4, FED_OUT_BULK), 1); /* the newer signal for the older */
    assert_int_equal(test_number(db, "SELECT MAX(envelope = '" /* the last one put */
                                     "0000000000000000000000000000000000000000000000000000000000000004"
                                     "') FROM fed_out WHERE class = 2"),
                     1);
    assert_int_equal(db_exec(db, "DELETE FROM fed_out WHERE class = 2", &e), 0);
    struct fed_out out = envelope_of(5, FED_OUT_RESULT, id);
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(fed_out_put(db, &out, TEST_NOW, &placed, &e), ERR_LIMIT);
    db_rollback(db);
    assert_int_equal(put(db, 6, FED_OUT_BULK), 0); /* counted, not kept */
    assert_int_equal(put(db, 7, FED_OUT_CONTROL), 1);
    assert_int_equal(fed_out_state(db, SPAN(HUB), &st, &e), 0);
    assert_int_equal(st.dropped, 3);
    db_close(&db);
}

static void refused_parts(void **state)
{
    (void)state;
    struct db *db = test_db();
    char id[FED_ROW_ID_LEN + 1];
    size_t placed = 0;
    struct span bad_peer = SPAN("short");
    add_circle(db, "0");
    add_circle(db, "1");
    struct fed_out good = envelope_of(1, FED_OUT_RESULT, id);
    struct fed_out cases[6] = {good, good, good, good, good, good};
    cases[0].reason = SPAN("");
    cases[1].audience = SPAN("");
    cases[2].id = SPAN("12");
    cases[3].peer = &bad_peer;
    cases[3].npeers = 1;
    cases[4].envelope = SPAN("");
    cases[5].circle = SPAN("");
    assert_int_equal(db_begin(db, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(fed_out_put(db, &cases[i], TEST_NOW, &placed, &e), ERR_INVALID);
    }
    good.circle = SPAN("elsewhere");
    assert_int_equal(fed_out_put(db, &good, TEST_NOW, &placed, &e), ERR_NOT_FOUND);
    good.circle = SPAN("c1"); /* we are its hub: kept, and nowhere to send it */
    assert_int_equal(fed_out_put(db, &good, TEST_NOW, &placed, &e), 0);
    assert_int_equal(placed, 0);
    struct span peers[2] = {SPAN(HUB), SPAN(PEER)};
    good.peer = peers;
    good.npeers = 2;
    assert_int_equal(fed_out_put(db, &good, TEST_NOW, &placed, &e), 0);
    assert_int_equal(placed, 2);
    struct buf b;
    struct fed_out back;
    buf_init(&b, 4096);
    fed_out_encode(&b, &good);
    struct cursor c = cursor_of(buf_view(&b));
    fed_out_decode(&c, &arena, &back);
    assert_true(cursor_done(&c));
    assert_int_equal(back.npeers, 2);
    assert_true(span_eq(back.peer[1], SPAN(PEER)));
    assert_true(span_eq(back.envelope, good.envelope));
    assert_int_equal(back.expires, good.expires);
    for (size_t cut = 0; cut < b.len; cut++) {
        c = cursor_of(span_make(b.data, cut));
        fed_out_decode(&c, &arena, &back);
        assert_false(cursor_done(&c));
    }
    buf_free(&b);
    db_rollback(db);
    db_close(&db);
}

static void gone_stays_known(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct fed_envelope_row row = {.id = SPAN("a1"),
                                   .type = SPAN("item"),
                                   .issuer = SPAN(PEER),
                                   .expires = TEST_NOW,
                                   .state = SPAN("applied"),
                                   .body = SPAN("{secret}")};
    struct fed_known known = {.arena = &arena};
    struct fed_envelope_row got;
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(fed_envelope_put(db, &row, &known, &e), 0);
    assert_int_equal(known.state.len, 0);
    assert_int_equal(fed_envelope_put(db, &row, &known, &e), 0);
    assert_true(span_eq(known.state, SPAN("applied")));
    assert_int_equal(fed_envelope_set(db, SPAN("a1"), SPAN("gone"), SPAN("tombstone"), &e), 0);
    assert_int_equal(fed_envelope_put(db, &row, &known, &e), 0);
    assert_true(span_eq(known.state, SPAN("gone")));
    assert_int_equal(fed_envelope_sweep(db, TEST_NOW + 90 * TIME_DAY, &e), 0);
    assert_int_equal(db_commit(db, &e), 0);
    assert_int_equal(fed_envelope_get(db, SPAN("a1"), &arena, &got, &e), 0);
    assert_int_equal(got.body.len, 0);
    assert_int_equal(fed_envelope_get(db, SPAN("a2"), &arena, &got, &e), ERR_NOT_FOUND);
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(fed_envelope_sweep(db, TEST_NOW + 402 * TIME_DAY, &e), 0);
    assert_int_equal(db_commit(db, &e), 0);
    assert_int_equal(fed_envelope_get(db, SPAN("a1"), &arena, &got, &e), ERR_NOT_FOUND);
    db_close(&db);
}

enum { PEERS = 64 };

static struct fed_out_ask ask_of(char ids[PEERS][FED_ROW_NODE_LEN + 1], int i, int64_t epoch, int64_t after)
{
    return (struct fed_out_ask){span_make(ids[i], FED_ROW_NODE_LEN), epoch, after};
}

/* One envelope to many: all get it and give their receipts, in one transaction each time. */
static void many_peers_at_once(void **state)
{
    (void)state;
    char ids[PEERS][FED_ROW_NODE_LEN + 1], id[FED_ROW_ID_LEN + 1];
    struct span peers[PEERS];
    struct fed_out_ask asks[PEERS];
    struct fed_out_batch got[PEERS];
    struct db *db = test_db();
    size_t placed = 0;
    add_circle(db, "0");
    for (int i = 0; i < PEERS; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%032d", i);
        asks[i] = ask_of(ids, i, 0, 0);
        peers[i] = asks[i].peer;
    }
    for (int k = 1; k <= 3; k++) {
        struct fed_out out = envelope_of(k, FED_OUT_RESULT, id);
        out.peer = peers;
        out.npeers = PEERS;
        assert_int_equal(db_begin(db, &e), 0);
        assert_int_equal(db_end(db, fed_out_put(db, &out, TEST_NOW, &placed, &e), &e), 0);
        assert_int_equal(placed, PEERS);
    }
    assert_int_equal(fed_out_batches(db, asks, PEERS, 2, &arena, got, &e), 0);
    for (int i = 0; i < PEERS; i++) {
        assert_int_equal(got[i].rc, 0);
        assert_int_equal(got[i].count, 2);
        assert_int_equal(got[i].rows[1].seq, 2);
        asks[i] = ask_of(ids, i, 1, 1 + i % 2);
    }
    asks[7].after = 99; /* one whose memory is wrong hinders nobody */
    assert_int_equal(fed_out_batches(db, asks, PEERS, 10, &arena, got, &e), 0);
    for (int i = 0; i < PEERS; i++) {
        struct fed_out_state st;
        assert_int_equal(fed_out_state(db, asks[i].peer, &st, &e), 0);
        assert_int_equal(got[i].rc, i == 7 ? ERR_INVALID : 0);
        assert_int_equal(got[i].count, i == 7 ? 0 : 2 - i % 2);
        assert_int_equal(st.acked, i == 7 ? 0 : 1 + i % 2);
        assert_int_equal(st.waiting, i == 7 ? 3 : 2 - i % 2);
        assert_int_equal(st.bytes, st.waiting * FED_ROW_ID_LEN);
    }
    db_close(&db);
}

/* A receipt looks at what it is for, however much was sent before. */
static void a_receipt_costs_what_it_is_for(void **state)
{
    (void)state;
    struct db *db = test_db();
    uint64_t effort[2] = {0};
    int sent = 0;
    add_circle(db, "0");
    for (int round = 0; round < 2; round++) {
        int want = round == 0 ? 20 : 2000;
        while (sent < want) {
            assert_int_equal(put(db, ++sent, FED_OUT_RESULT), 1);
        }
        for (int64_t at = round == 0 ? 0 : 19; at < want; at += 500) {
            (void)batch(db, 1, at, 500);
        }
        (void)batch(db, 1, want - 1, 10);
        uint64_t before = db_effort(db);
        assert_int_equal(batch(db, 1, want, 10).count, 0);
        effort[round] = db_effort(db) - before;
    }
    assert_true(effort[1] > 0 && effort[1] < 2 * effort[0]);
    db_close(&db);
}

/* What does not fit into one answer is asked for again. */
static void an_answer_has_an_end(void **state)
{
    (void)state;
    char ids[PEERS][FED_ROW_NODE_LEN + 1], id[FED_ROW_ID_LEN + 1];
    struct fed_out_ask asks[PEERS];
    struct fed_out_batch got[PEERS];
    struct db *db = test_db();
    size_t placed = 0, bytes = 1 << 20, full = 0;
    char *text = mem_alloc(bytes);
    add_circle(db, "0");
    memset(text, 'x', bytes);
    for (int i = 0; i < PEERS; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%032d", i);
        asks[i] = ask_of(ids, i, 0, 0);
        struct fed_out out = envelope_of(i, FED_OUT_RESULT, id);
        out.envelope = span_make(text, bytes);
        out.peer = &asks[i].peer;
        out.npeers = 1;
        assert_int_equal(db_begin(db, &e), 0);
        assert_int_equal(db_end(db, fed_out_put(db, &out, TEST_NOW, &placed, &e), &e), 0);
    }
    assert_int_equal(fed_out_batches(db, asks, PEERS, 2, &arena, got, &e), 0);
    for (int i = 0; i < PEERS; i++) {
        assert_int_equal(got[i].rc == 0, got[i].count == 1);
        assert_true(got[i].rc == 0 || got[i].rc == ERR_BUSY);
        full += got[i].rc == 0;
    }
    assert_int_equal(full, FED_OUT_BATCHES_BYTES / bytes);
    assert_int_equal(fed_out_batches(db, asks + full, PEERS - full, 2, &arena, got, &e), 0);
    assert_int_equal(got[0].count, 1);
    mem_free(text);
    db_close(&db);
}

int run_fed_out_tests(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_receipts), cmocka_unit_test(memory_lost),
        cmocka_unit_test(expiry),             cmocka_unit_test(bulk_makes_room),
        cmocka_unit_test(refused_parts),      cmocka_unit_test(gone_stays_known),
        cmocka_unit_test(many_peers_at_once), cmocka_unit_test(a_receipt_costs_what_it_is_for),
        cmocka_unit_test(an_answer_has_an_end),
        cmocka_unit_test(one_body_for_all_members),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests_name("federation outbox", tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
