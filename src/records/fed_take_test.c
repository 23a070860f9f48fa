/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of taking envelopes in, of circles, links, codes, requests, and of changes of membership. */
#include <stdio.h>
#include <string.h>

#include "records/fed_book.h"
#include "records/fed_change.h"
#include "records/fed_enrol.h"
#include "records/fed_take.h"
#include "records/records_test.h"

static struct arena arena;
static struct err e;

#define HUB "0123456789abcdef0123456789abcdef"
#define ONE "11111111111111111111111111111111"
#define TWO "22222222222222222222222222222222"

static int applied, verdict;

static int apply_note(struct db *db, const struct fed_envelope_row *row, struct cursor *digest, time_ns now,
                      struct err *err)
{
    (void)db;
    (void)now;
    applied++;
    assert_true(span_eq(row->type, SPAN("note")));
    assert_true(span_eq(cursor_str(digest), SPAN("read")));
    return verdict == 0 ? 0 : err_set(err, verdict, "the rules say no");
}

static fed_apply *apply_of(struct span type)
{
    return span_eq(type, SPAN("note")) ? apply_note : NULL;
}

static char ids[16][FED_ROW_ID_LEN + 1];
static struct buf digest;

static struct fed_taken taken(int i, const char *type, const char *state)
{
    (void)snprintf(ids[i], sizeof ids[i], "%064d", i);
    if (digest.len == 0) {
        buf_init(&digest, 64);
        buf_str(&digest, SPAN("read"));
    }
    return (struct fed_taken){.stream_epoch = 1,
                              .seq = i,
                              .row = {.id = span_of(ids[i]),
                                      .type = span_of(type),
                                      .issuer = SPAN(ONE),
                                      .circle = SPAN("c"),
                                      .epoch = 1,
                                      .created = TEST_NOW,
                                      .expires = TEST_NOW + TIME_DAY,
                                      .received = TEST_NOW,
                                      .peer = SPAN(ONE),
                                      .state = span_of(state),
                                      .reason = SPAN(""),
                                      .body = SPAN("{}")},
                              .digest = buf_view(&digest),
                              .class = FED_OUT_RESULT,
                              .relay_reason = SPAN("relay"),
                              .audience = SPAN("one member")};
}

static void once_each(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct fed_outcome out[4];
    struct span to = SPAN(TWO);
    struct fed_taken list[3] = {taken(1, "note", "applied"), taken(2, "other", "stored"),
                                taken(3, "note", "held")};
    list[1].peer = &to;
    list[1].npeers = 1;
    applied = verdict = 0;
    assert_int_equal(fed_take(db, list, 3, apply_of, TEST_NOW, &arena, out, &e), 0);
    assert_int_equal(applied, 1);
    assert_true(out[0].fresh && out[1].fresh && out[2].fresh);
    assert_int_equal(test_number(db, "SELECT seq FROM fed_stream WHERE way = 1"), 3);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_out WHERE peer = '" TWO "'"), 1);
    /* Again, as after a lost answer: the same answer, and nothing else. */
    assert_int_equal(fed_take(db, list, 3, apply_of, TEST_NOW, &arena, out, &e), 0);
    assert_int_equal(applied, 1);
    assert_false(out[0].fresh || out[1].fresh || out[2].fresh);
    assert_true(span_eq(out[1].state, SPAN("stored")));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_out"), 1);
    /* What was held is let in once its time has come. */
    list[2].row.state = SPAN("applied");
    list[2].seq = 0;
    assert_int_equal(fed_take(db, &list[2], 1, apply_of, TEST_NOW, &arena, out, &e), 0);
    assert_true(out[0].fresh);
    assert_int_equal(applied, 2);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_envelope WHERE state = 'held'"), 0);
    assert_int_equal(test_number(db, "SELECT seq FROM fed_stream WHERE way = 1"), 3);
    db_close(&db);
}

static void refused_by_its_type(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct fed_outcome out[2];
    struct span to = SPAN(TWO);
    struct fed_taken list[2] = {taken(1, "note", "applied"), taken(2, "other", "stored")};
    list[0].peer = &to;
    list[0].npeers = 1;
    verdict = ERR_DENIED;
    assert_int_equal(fed_take(db, list, 2, apply_of, TEST_NOW, &arena, out, &e), 0);
    assert_false(out[0].fresh);
    assert_true(span_eq(out[0].state, SPAN("refused")));
    assert_true(span_eq(out[0].reason, SPAN("the rules say no")));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_out"), 0); /* not passed on */
    assert_int_equal(test_number(db, "SELECT seq FROM fed_stream WHERE way = 1"), 2);
    /* The disk's trouble undoes the batch: nobody is told that it is kept. */
    verdict = ERR_IO;
    struct fed_taken more[2] = {taken(4, "other", "stored"), taken(5, "note", "applied")};
    assert_int_equal(fed_take(db, more, 2, apply_of, TEST_NOW, &arena, out, &e), ERR_IO);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_envelope"), 2);
    assert_int_equal(test_number(db, "SELECT seq FROM fed_stream WHERE way = 1"), 2);
    /* One that could not be read leaves its number. */
    struct fed_taken unread = {.stream_epoch = 1, .seq = 9, .row = {.peer = SPAN(ONE)}};
    assert_int_equal(fed_take(db, &unread, 1, apply_of, TEST_NOW, &arena, out, &e), 0);
    assert_int_equal(test_number(db, "SELECT seq FROM fed_stream WHERE way = 1"), 9);
    struct buf b;
    struct fed_taken back;
    buf_init(&b, 8192);
    fed_taken_encode(&b, &list[0]);
    for (size_t cut = 0; cut <= b.len; cut++) {
        struct cursor c = cursor_of(span_make(b.data, cut));
        fed_taken_decode(&c, &arena, &back);
        assert_int_equal(cursor_done(&c), cut == b.len);
    }
    assert_true(span_eq(back.peer[0], SPAN(TWO)));
    buf_free(&b);
    db_close(&db);
}

static struct fed_membership_row membership(int64_t epoch)
{
    static const struct fed_member_row members[] = {
        {{HUB, 32}, {"Hub", 3}, {"s", 1}, {"b", 1}, {"member hub", 10}, {"active", 6}, 1},
        {{ONE, 32}, {"One", 3}, {"s", 1}, {"b", 1}, {"member", 6}, {"active", 6}, 2}};
    return (struct fed_membership_row){.circle = SPAN("c"),
                                       .organisation = SPAN("own"),
                                       .hub = SPAN(HUB),
                                       .name = SPAN("Circle"),
                                       .class = SPAN("member"),
                                       .own = true,
                                       .epoch = epoch,
                                       .expires = TEST_NOW + TIME_DAY,
                                       .body = SPAN("{signed}"),
                                       .members = members,
                                       .nmembers = 2};
}

static int put_membership(struct db *db, int64_t epoch)
{
    struct fed_membership_row m = membership(epoch);
    int rc = db_begin(db, &e);
    assert_int_equal(rc, 0);
    return db_end(db, fed_membership_put(db, &m, TEST_NOW, &e), &e);
}

static void epochs(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct buf b;
    assert_int_equal(put_membership(db, 5), 0);
    assert_int_equal(put_membership(db, 5), 0); /* the same again */
    assert_int_equal(put_membership(db, 4), ERR_INVALID);
    for (int64_t i = 6; i < 6 + FED_EPOCHS_KEPT; i++) {
        assert_int_equal(put_membership(db, i), 0);
    }
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_membership"), FED_EPOCHS_KEPT);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_member"), 2);
    buf_init(&b, 1 << 20);
    assert_int_equal(fed_circles_write(db, &b, &e), 0);
    struct cursor c = cursor_of(buf_view(&b));
    assert_int_equal(cursor_u32(&c), 1);
    assert_true(span_eq(cursor_str(&c), SPAN("c")));
    assert_int_equal(cursor_u8(&c), 1);
    (void)cursor_str(&c);
    assert_int_equal(cursor_u32(&c), FED_EPOCHS_LOADED);
    buf_free(&b);
    db_close(&db);
}

static int use_code(struct db *db, const char *hash, const char *org, time_ns now, const char *id)
{
    const struct fed_request_row r = {.id = span_of(id),
                                      .org = span_of(org),
                                      .node = SPAN(ONE),
                                      .sign = SPAN("s"),
                                      .seal = SPAN("b"),
                                      .csr = SPAN("csr")};
    assert_int_equal(db_begin(db, &e), 0);
    return db_end(db, fed_request_create(db, span_of(hash), &r, now, &e), &e);
}

static void codes(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct fed_request_row r;
    const struct fed_code_row code = {SPAN("hash"), SPAN("c"),  SPAN("One"),
                                      SPAN("anna"), TEST_NOW, TEST_NOW + FED_CODE_VALID_S * TIME_SECOND};
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, fed_code_put(db, &code, &e), &e), 0);
    assert_int_equal(use_code(db, "other", "One", TEST_NOW, "r1"), ERR_DENIED);
    assert_int_equal(use_code(db, "hash", "Two", TEST_NOW, "r1"), ERR_DENIED);
    assert_int_equal(use_code(db, "hash", "One", TEST_NOW + 73 * 3600 * TIME_SECOND, "r1"), ERR_DENIED);
    assert_int_equal(use_code(db, "hash", "One", TEST_NOW - TIME_SECOND, "r1"), ERR_DENIED);
    assert_int_equal(use_code(db, "hash", "One", TEST_NOW + TIME_SECOND, "r1"), 0);
    assert_int_equal(use_code(db, "hash", "One", TEST_NOW + TIME_SECOND, "r2"), ERR_DENIED); /* used up */
    assert_int_equal(fed_request_get(db, SPAN("r1"), &arena, &r, &e), 0);
    assert_true(span_eq(r.circle, SPAN("c")));
    assert_true(span_eq(r.state, SPAN("waiting")));
    assert_int_equal(fed_request_get(db, SPAN("r2"), &arena, &r, &e), ERR_NOT_FOUND);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what LIKE 'federation.%'"), 2);
    db_close(&db);
}

static void a_change(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct span to = SPAN(ONE);
    struct buf b;
    struct fed_change back;
    assert_int_equal(put_membership(db, 1), 0);
    struct fed_change ch = {.request_new = true,
                            .has_request = true,
                            .request = {.id = SPAN("r1"), .circle = SPAN("c"), .org = SPAN("One"), .node = SPAN(ONE),
                                        .sign = SPAN(""), .seal = SPAN(""), .csr = SPAN(""), .state = SPAN("approved"),
                                        .decided_by = SPAN("anna"), .candidate = SPAN(""), .certificate = SPAN("")},
                            .has_membership = true,
                            .membership = membership(2),
                            .has_out = true,
                            .replaces = true,
                            .who = SPAN("anna")};
    char id[FED_ROW_ID_LEN + 1];
    (void)snprintf(id, sizeof id, "%064d", 77);
    ch.out = (struct fed_out){.circle = SPAN("c"), .peer = &to, .npeers = 1, .class = FED_OUT_CONTROL, .id = span_of(id),
                              .type = SPAN("membership"), .issuer = SPAN(HUB), .epoch = 1, .created = TEST_NOW,
                              .expires = TEST_NOW + TIME_DAY, .envelope = SPAN("{m}"), .reason = SPAN("control message"),
                              .audience = SPAN("all members")};
    assert_int_equal(fed_change_apply(db, &ch, apply_of, TEST_NOW, &e), 0);
    assert_int_equal(test_number(db, "SELECT epoch FROM fed_circle"), 2);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_out"), 1);
    /* Decided twice: the second time changes nothing at all. */
    ch.request_new = false;
    ch.membership.epoch = 3;
    assert_int_equal(fed_change_apply(db, &ch, apply_of, TEST_NOW, &e), ERR_BUSY);
    assert_int_equal(test_number(db, "SELECT epoch FROM fed_circle"), 2);
    /* The next one replaces what nobody was sent yet; who leaves gets nothing more. */
    ch.request_new = true;
    ch.request.id = SPAN("r2");
    id[0] = '1';
    ch.leavers[ch.nleavers++] = SPAN(ONE);
    buf_init(&b, 1 << 16);
    fed_change_encode(&b, &ch);
    struct cursor c = cursor_of(buf_view(&b));
    fed_change_decode(&c, &arena, &back);
    assert_true(cursor_done(&c));
    assert_int_equal(fed_change_apply(db, &back, apply_of, TEST_NOW, &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_out"), 0);
    assert_int_equal(test_number(db, "SELECT epoch FROM fed_circle"), 3);
    buf_free(&b);
    db_close(&db);
}

static void links_and_officers(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct buf b;
    struct fed_link_row link = {.hub = SPAN(HUB), .organisation = SPAN("own"), .url = SPAN("https://hub:1"), .name = SPAN("Hub"),
                                .state = SPAN("waiting"), .sign = SPAN("s"), .seal = SPAN("b"), .pin = SPAN("p"),
                                .request = SPAN("r"), .certificate = SPAN(""), .problem = SPAN(""), .created = TEST_NOW};
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(fed_link_put(db, &link, SPAN("anna"), TEST_NOW, &e), 0);
    link.state = SPAN("up");
    assert_int_equal(fed_link_put(db, &link, SPAN(""), TEST_NOW, &e), 0);
    assert_int_equal(db_exec(db, "INSERT INTO user_account VALUES ('u1', 'Anna', 'anna', '', 'administrator', '*', 1, NULL)", &e), 0);
    const struct fed_officer_row o = {SPAN("u1"), SPAN("Anna"), SPAN("key"), SPAN("sealed")};
    assert_int_equal(fed_officer_put(db, &o, TEST_NOW, &e), 0);
    assert_int_equal(fed_officer_put(db, &o, TEST_NOW, &e), ERR_EXISTS);
    assert_int_equal(db_commit(db, &e), 0);
    buf_init(&b, 1 << 16);
    assert_int_equal(fed_links_write(db, &b, &e), 0);
    assert_int_equal(fed_officers_write(db, &b, &e), 0);
    struct cursor c = cursor_of(buf_view(&b));
    struct fed_link_row got;
    struct fed_officer_row officer;
    assert_int_equal(cursor_u32(&c), 1);
    fed_link_decode(&c, &got);
    assert_true(span_eq(got.state, SPAN("up")));
    assert_int_equal(cursor_u32(&c), 1);
    fed_officer_decode(&c, &officer);
    assert_true(cursor_done(&c));
    assert_true(span_eq(officer.sealed, SPAN("sealed")));
    buf_free(&b);
    db_close(&db);
}

int run_fed_take_tests(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_each), cmocka_unit_test(refused_by_its_type), cmocka_unit_test(epochs),
        cmocka_unit_test(codes),     cmocka_unit_test(a_change),            cmocka_unit_test(links_and_officers),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests_name("federation records", tests, NULL, NULL);
    arena_fini(&arena);
    buf_free(&digest);
    return failed;
}
