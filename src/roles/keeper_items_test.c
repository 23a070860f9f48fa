/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Items in the records: envelopes of real members about them, in order and out of it, replayed and forged; the reads,
 * receipts and personal links. Real keys, a real database in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/id.h"
#include "desk/federation/item.h"
#include "desk/federation/item_digest.h"
#include "desk/federation/test_world.h"
#include "records/fed_item.h"
#include "records/fed_room.h"
#include "records/migrate.h"
#include "roles/keeper_items.h"

#define ID_A "0197f3c0-0000-7000-8000-00000000000a"
#define ALL "{\"all\":true}"
#define NOW (INT64_C(1795723200) * TIME_SECOND)

static struct world w;
static struct span from_peer = {"x", 1}; /* who brings it; empty: made here */
static struct db *db;
static struct err e;

static int setup(void **state)
{
    (void)state;
    size_t count = 0;
    const struct migration *list = migrate_list(&count);
    world_init(&w, false);
    MUST(db_open(":memory:", &e, &db));
    MUST(migrate_run(db, list, count, NOW, &e));
    MUST(db_exec(db, "INSERT INTO fed_circle VALUES ('isac', 'aville', 'x', 0, 'ISAC', 'member', 1, 0, 0)", &e));
    struct db_stmt *s = NULL;
    MUST(db_query(db, "INSERT INTO fed_membership VALUES ('isac', 1, $1, 0)", &e, &s));
    db_bind_bytes(s, 1, jcs_text(&w.a, world_newest(&w)->root));
    MUST(db_run(s, &e));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    db_close(&db);
    world_fini(&w);
    return 0;
}

typedef int apply_fn(struct db *db, const struct fed_envelope_row *row, struct cursor *digest, time_ns now, struct err *e);

/* Makes the envelope by node `by`, checks and opens it as node 2, and applies it there, or what is to be done with one that is held. */
static int bring_as(uint32_t by, enum fed_type type, const struct jcs *body, const char *tlp, apply_fn *apply, bool held)
{
    struct fed_draft d = world_draft(&w, ALL, tlp);
    struct fed_check c = world_check(&w, false);
    struct fed_envelope env;
    struct span text = {0};
    const struct jcs *opened = NULL;
    struct buf digest;
    d.type = type;
    d.body = body;
    MUST(world_make(&w, by, &d, true, &text));
    assert_int_equal(fed_envelope_check(&w.a, text, &c, &env, &e), FED_TAKEN);
    assert_int_equal(fed_envelope_open(&w.a, &env, &w.nodes[2], &opened), FED_TAKEN);
    buf_init(&digest, 1 << 20);
    assert_int_equal(fed_item_digest(&env, opened, world_newest(&w), &w.a, &digest, &e), held ? FED_NEWER : FED_TAKEN);
    const struct fed_envelope_row row = {.id = span_of(env.id), .type = env.type_word, .issuer = env.issuer, .circle = env.circle,
                                         .epoch = (int64_t)env.epoch, .created = env.created_s * TIME_SECOND,
                                         .expires = env.expires_s * TIME_SECOND, .received = NOW, .peer = from_peer,
                                         .state = held ? SPAN("held") : SPAN("applied"), .reason = SPAN(""), .body = text};
    struct cursor cursor = cursor_of(buf_view(&digest));
    struct fed_known known = {.arena = &w.a};
    MUST(db_begin(db, &e));
    MUST(fed_envelope_put(db, &row, &known, &e));
    int rc = apply(db, &row, &cursor, NOW, &e);
    /* As fed_take does: what is refused for want of room is counted. */
    int ended = db_end(db, rc == ERR_LIMIT ? 0 : rc, &e);
    rc = rc == ERR_LIMIT ? rc : ended;
    buf_free(&digest);
    return rc;
}

static int bring(uint32_t by, enum fed_type type, const struct jcs *body, const char *tlp, apply_fn *apply)
{
    return bring_as(by, type, body, tlp, apply, false);
}

static int item(uint32_t by, int64_t version, const char *title, const char *tlp)
{
    struct jcs *body = NULL;
    const struct fed_item_body it = {.id = SPAN(ID_A), .version = version, .kind = SPAN("story"), .title = span_of(title), .text = SPAN("words of a city")};
    MUST(fed_item_write(&w.a, &it, &body, &e));
    return bring(by, FED_TYPE_ITEM, body, tlp, fed_item_apply);
}

static int relabel(uint32_t by, int64_t version, const char *audience, const char *tlp)
{
    struct jcs *body = NULL;
    struct jcs *who = NULL;
    MUST(jcs_read(&w.a, span_of(audience), 8, &who, NULL));
    const struct fed_relabel r = {.id = SPAN(ID_A), .version = version, .tlp = span_of(tlp), .pap = SPAN("AMBER"), .audience = who};
    MUST(fed_relabel_write(&w.a, &r, &body, &e));
    return bring(by, FED_TYPE_RELABEL, body, "GREEN", fed_relabel_apply);
}

/* A label of a later version: what the desk holds, and the keeper does about its item. */
static int later_label(uint32_t by, int64_t version)
{
    struct jcs *body = NULL;
    const char *text = arena_printf(&w.a, "{\"audience\":{\"all\":true},\"chr\":false,\"item\":\"" ID_A "\",\"pap\":\"RED\",\"tlp\":\"PURPLE\",\"version\":%d}", (int)version);
    MUST(jcs_read(&w.a, span_of(text), 8, &body, NULL));
    return bring_as(by, FED_TYPE_RELABEL, body, "GREEN", fed_relabel_apply, true);
}

static int tombstone(uint32_t by, int officers)
{
    struct fed_tombstone t = {.id = SPAN(ID_A), .reason = SPAN("wrong city")};
    struct jcs *body = NULL;
    MUST(fed_tombstone_write(&w.a, &t, &body, &e));
    for (int i = 0; i < officers; i++) {
        assert_int_equal(fed_tombstone_read(&w.a, body, &t, &e), FED_TAKEN);
        body = fed_tombstone_sign(&w.a, &t, &w.officers[i]);
    }
    return bring(by, FED_TYPE_TOMBSTONE, body, "GREEN", fed_tombstone_apply);
}

static int64_t number(const char *sql)
{
    struct db_stmt *s = NULL;
    MUST(db_query(db, sql, &e, &s));
    assert_int_equal(db_step(s, &e), 1);
    int64_t n = db_col_i64(s, 0);
    db_done(s);
    return n;
}

static struct fed_item_row row_now(void)
{
    struct fed_item_row row = {0};
    assert_int_equal(fed_item_get(db, SPAN(ID_A), &w.a, &row, &e), 0);
    return row;
}

#define ASSERT_SPAN(s, text) assert_true(span_eq((s), SPAN(text)))

static void test_versions(void **state)
{
    (void)state;
    assert_int_equal(item(1, 1, "first", "GREEN"), 0);
    struct fed_item_row row = row_now();
    ASSERT_SPAN(row.title, "first");
    ASSERT_SPAN(row.author_org, "Aville");
    ASSERT_SPAN(row.organisation, "aville");
    ASSERT_SPAN(row.state, "current");
    assert_int_equal(item(1, 2, "second", "GREEN"), 0);
    assert_int_equal(item(1, 1, "first again", "CLEAR"), 0); /* older: nothing happens */
    ASSERT_SPAN(row_now().title, "second");
    assert_int_equal(item(3, 3, "somebody else's", "GREEN"), ERR_DENIED);
    ASSERT_SPAN(row_now().title, "second");
}

static void test_labels(void **state)
{
    (void)state;
    assert_int_equal(item(1, 1, "t", "GREEN"), 0);
    assert_int_equal(relabel(1, 2, ALL, "CLEAR"), ERR_INVALID); /* P9: wider only as a new version */
    assert_int_equal(relabel(3, 2, ALL, "AMBER"), ERR_DENIED);
    assert_int_equal(relabel(1, 2, "{\"nda\":true}", "AMBER"), 0);
    struct fed_item_row row = row_now();
    ASSERT_SPAN(row.tlp, "AMBER");
    ASSERT_SPAN(row.state, "tightened");
    ASSERT_SPAN(row.title, "t");
    assert_int_equal(row.version, 2);
    assert_int_equal(item(1, 1, "t", "GREEN"), 0); /* a replay does not loosen it */
    ASSERT_SPAN(row_now().tlp, "AMBER");
    assert_int_equal(item(1, 3, "t", "GREEN"), 0); /* the author's own new version may */
    ASSERT_SPAN(row_now().tlp, "GREEN");
}

static void test_label_first(void **state)
{
    (void)state;
    struct fed_item_row *rows = NULL;
    size_t n = 9;
    bool more = false;
    const struct fed_item_query q = {.organisation = SPAN("*"), .limit = 10};
    assert_int_equal(relabel(1, 2, "{\"nda\":true}", "AMBER"), 0);
    assert_int_equal(fed_item_list(db, &q, &w.a, &rows, &n, &more, &e), 0);
    assert_int_equal(n, 0); /* nothing to show yet */
    assert_int_equal(item(1, 1, "t", "GREEN"), 0);
    ASSERT_SPAN(row_now().tlp, "AMBER");
    ASSERT_SPAN(row_now().title, "t");
    assert_int_equal(fed_item_list(db, &q, &w.a, &rows, &n, &more, &e), 0);
    assert_int_equal(n, 1);
}

/* Its author has taken back the label that is known: nobody reads it until one comes that is. */
static void test_a_label_of_a_later_version(void **state)
{
    (void)state;
    assert_int_equal(item(1, 1, "t", "GREEN"), 0);
    assert_int_equal(later_label(3, 2), ERR_DENIED); /* another's hand */
    ASSERT_SPAN(row_now().state, "current");
    assert_int_equal(later_label(1, 1), 0); /* one that is older */
    ASSERT_SPAN(row_now().state, "current");
    assert_int_equal(later_label(1, 2), 0);
    ASSERT_SPAN(row_now().state, "quarantined");
    ASSERT_SPAN(row_now().tlp, "GREEN");
    assert_int_equal(item(1, 1, "t", "GREEN"), 0); /* a replay does not bring it back */
    ASSERT_SPAN(row_now().state, "quarantined");
    assert_int_equal(relabel(1, 2, "{\"nda\":true}", "AMBER"), 0); /* the same label, after an upgrade */
    ASSERT_SPAN(row_now().state, "tightened");
    assert_int_equal(row_now().version, 2);
    assert_int_equal(later_label(1, 3), 0);
    assert_int_equal(item(1, 4, "t", "GREEN"), 0); /* the author's own new version */
    ASSERT_SPAN(row_now().state, "current");
    assert_int_equal(later_label(1, 5), 0);
    assert_int_equal(tombstone(1, 0), 0);
    ASSERT_SPAN(row_now().state, "retracted");
    assert_int_equal(later_label(1, 6), 0);
    ASSERT_SPAN(row_now().state, "retracted");
}

static void test_a_label_of_a_later_version_first(void **state)
{
    (void)state;
    assert_int_equal(later_label(1, 2), 0);
    assert_int_equal(item(1, 1, "t", "GREEN"), 0);
    ASSERT_SPAN(row_now().state, "quarantined");
    ASSERT_SPAN(row_now().title, "t");
    assert_int_equal(relabel(1, 2, "{\"nda\":true}", "AMBER"), 0);
    ASSERT_SPAN(row_now().state, "tightened");
    ASSERT_SPAN(row_now().tlp, "AMBER");
}

static int64_t found_in_database(const char *words)
{
    struct db_stmt *s = NULL;
    MUST(db_query(db, "SELECT (SELECT COUNT(*) FROM fed_item WHERE title LIKE $1 OR body LIKE $1)", &e, &s));
    db_bind_text(s, 1, span_of(words));
    assert_int_equal(db_step(s, &e), 1);
    int64_t n = db_col_i64(s, 0);
    db_done(s);
    return n;
}

static void test_tombstones(void **state)
{
    (void)state;
    assert_int_equal(item(1, 1, "t", "GREEN"), 0);
    assert_int_equal(found_in_database("%words of a city%"), 1);
    assert_int_equal(tombstone(3, 0), ERR_DENIED);
    assert_int_equal(tombstone(3, 1), ERR_DENIED);
    assert_int_equal(tombstone(1, 0), 0);
    ASSERT_SPAN(row_now().state, "retracted");
    ASSERT_SPAN(row_now().title, "");
    assert_int_equal(found_in_database("%words of a city%"), 0);
    assert_int_equal(item(1, 1, "t", "GREEN"), 0); /* replays bring nothing back */
    assert_int_equal(item(1, 9, "t", "GREEN"), 0);
    assert_int_equal(relabel(1, 9, ALL, "RED"), 0);
    ASSERT_SPAN(row_now().state, "retracted");
    assert_int_equal(found_in_database("%words of a city%"), 0);
}

static void test_officers(void **state)
{
    (void)state;
    assert_int_equal(item(1, 1, "t", "GREEN"), 0);
    assert_int_equal(tombstone(0, 2), 0);
    ASSERT_SPAN(row_now().state, "retracted");
}

/* Officers speak for their own circle: those of another hub remove nothing of it, neither before nor after. */
static void test_officers_of_another_circle(void **state)
{
    (void)state;
    assert_int_equal(item(1, 1, "t", "GREEN"), 0);
    MUST(db_exec(db, "UPDATE fed_item SET circle = 'elsewhere'", &e));
    assert_int_equal(tombstone(0, 2), ERR_DENIED);
    ASSERT_SPAN(row_now().state, "current");
    MUST(db_exec(db, "DELETE FROM fed_item", &e));
    assert_int_equal(tombstone(0, 2), 0);
    MUST(db_exec(db, "UPDATE fed_item SET circle = 'elsewhere'", &e));
    assert_int_equal(item(1, 1, "t", "GREEN"), 0);
    ASSERT_SPAN(row_now().state, "current");
}

static void test_tombstone_first(void **state)
{
    (void)state;
    assert_int_equal(tombstone(1, 0), 0);
    assert_int_equal(item(1, 1, "t", "GREEN"), 0);
    ASSERT_SPAN(row_now().state, "retracted");
    assert_int_equal(found_in_database("%words of a city%"), 0);
}

static void test_strangers_tombstone_first(void **state)
{
    (void)state;
    assert_int_equal(tombstone(3, 0), 0); /* of an item that is not his */
    assert_int_equal(item(1, 1, "t", "GREEN"), 0);
    ASSERT_SPAN(row_now().state, "current");
}

/* n items of this node's, or ids without content. */
static void fill(uint32_t by, int64_t n, int bare)
{
    char sql[700];
    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld) INSERT INTO fed_item (id, organisation, circle, author, "
                   "author_org, person, kind, title, body, of_item, derived, tlp, pap, audience, envelope, state, reason, version, chr, epoch, created, "
                   "expires, received, mine, bare, sent) SELECT 'x' || i, 'aville', 'isac', '%.*s', 'A', '', 'story', 't', 'b', '', '[]', 'GREEN', 'GREEN', "
                   "'{}', '', 'current', '', 1, 0, 1, 0, 9000000000000000000, i, 0, %d, 0 FROM n",
                   (long long)n, SPAN_ARG(span_of(w.nodes[by].node)), bare);
    MUST(db_exec(db, sql, &e));
}

static struct fed_room_row room(enum fed_room kind, uint32_t by)
{
    const struct fed_room_of of = {kind, SPAN("isac"), span_of(w.nodes[by].node)};
    struct fed_room_row r;
    MUST(fed_room_get(db, &of, &r, &e));
    return r;
}

static void test_an_authors_room(void **state)
{
    (void)state;
    fill(1, fed_room_rows(FED_ROOM_ITEMS) - 1, 0);
    assert_int_equal(item(1, 1, "the last that fits", "GREEN"), 0);
    MUST(db_exec(db, "UPDATE fed_item SET id = 'y' WHERE id = '" ID_A "'", &e));
    assert_int_equal(item(1, 2, "one too many", "GREEN"), ERR_LIMIT);
    assert_int_equal(room(FED_ROOM_ITEMS, 1).refused, 1);
    MUST(db_exec(db, "UPDATE fed_item SET id = '" ID_A "' WHERE id = 'y'", &e));
    assert_int_equal(item(1, 3, "a new version takes no row", "GREEN"), 0);
    assert_int_equal(tombstone(1, 0), 0);
    MUST(db_exec(db, "UPDATE fed_item SET id = 'y' WHERE id = '" ID_A "'", &e));
    assert_int_equal(item(3, 4, "another author has room", "GREEN"), 0);
    MUST(db_exec(db, "DELETE FROM fed_item WHERE id <> 'y' AND received > 63; UPDATE fed_item SET body = printf('%.*c', 1048576, 'x')", &e));
    assert_int_equal(item(1, 5, "bytes count, too", "GREEN"), ERR_LIMIT);
    assert_int_equal(room(FED_ROOM_ITEMS, 1).refused, 2);
}

static void test_ids_without_content_are_bounded(void **state)
{
    (void)state;
    const int64_t most = fed_room_rows(FED_ROOM_STONES);
    fill(1, most, 1);
    assert_int_equal(tombstone(1, 0), 0);
    assert_int_equal(room(FED_ROOM_STONES, 1).dropped, most / 16);
    assert_int_equal(number("SELECT COUNT(*) FROM fed_item"), most - most / 16 + 1);
    assert_int_equal(number("SELECT COUNT(*) FROM fed_item WHERE id = 'x1'"), 0);
    ASSERT_SPAN(row_now().state, "retracted");
}

static int receipt(uint32_t by, const char *done)
{
    struct jcs *body = NULL;
    const struct fed_receipt r = {SPAN(ID_A), SPAN("00000000000000000000000000000000000000000000000000000000000000ff"), span_of(done)};
    MUST(fed_receipt_write(&w.a, &r, &body, &e));
    return bring(by, FED_TYPE_RECEIPT, body, "GREEN", fed_receipt_apply);
}

static void test_receipts(void **state)
{
    (void)state;
    int64_t received = 9;
    int64_t removed = 9;
    assert_int_equal(item(1, 1, "t", "GREEN"), 0);
    assert_int_equal(receipt(3, "removed"), 0); /* another's item: not noted */
    assert_int_equal(fed_item_receipts(db, SPAN(ID_A), &received, &removed, &e), 0);
    assert_true(received == 0 && removed == 0);
    MUST(db_exec(db, "UPDATE fed_item SET mine = 1", &e));
    assert_int_equal(receipt(3, "tightened"), 0);
    assert_int_equal(receipt(4, "removed"), 0);
    assert_int_equal(receipt(4, "removed"), 0);
    assert_int_equal(fed_item_receipts(db, SPAN(ID_A), &received, &removed, &e), 0);
    assert_true(received == 2 && removed == 1);
}

/* What officers took back is another's, and the hub counts who has deleted it: answers to that tombstone alone. */
static void test_receipts_of_officers(void **state)
{
    (void)state;
    struct buf b;
    int64_t last = 0;
    assert_int_equal(item(1, 1, "t", "GREEN"), 0);
    from_peer = SPAN(""); /* made here */
    assert_int_equal(tombstone(0, 2), 0);
    from_peer = SPAN("x");
    MUST(db_exec(db, "UPDATE fed_item_read SET what = '00000000000000000000000000000000000000000000000000000000000000ff' WHERE kind = 'stone'", &e));
    assert_int_equal(number("SELECT COUNT(*) FROM fed_item_read WHERE kind = 'stone'"), 1);
    assert_int_equal(receipt(3, "removed"), 0);
    assert_int_equal(receipt(4, "removed"), 0);
    assert_int_equal(receipt(4, "removed"), 0); /* again: once */
    MUST(db_exec(db, "INSERT INTO fed_out VALUES (1, 'p1', 1, 0, 0, '00000000000000000000000000000000000000000000000000000000000000ff', 1, 'r', 'a', 0),"
                     " (2, 'p2', 1, 0, 0, '00000000000000000000000000000000000000000000000000000000000000ff', 1, 'r', 'a', 0),"
                     " (3, 'p3', 1, 0, 0, '00000000000000000000000000000000000000000000000000000000000000ff', 1, 'r', 'a', 0)", &e));
    buf_init(&b, 4096);
    MUST(fed_stones_write(db, &b, &e));
    struct cursor c = cursor_of(buf_view(&b));
    assert_int_equal(cursor_u32(&c), 1);
    assert_true(span_eq(cursor_str(&c), SPAN(ID_A)));
    assert_true(span_eq(cursor_str(&c), SPAN("isac")));
    assert_true(span_eq(cursor_str(&c), SPAN("wrong city")));
    (void)cursor_u64(&c);
    assert_int_equal(cursor_u64(&c), 3);
    last = (int64_t)cursor_u64(&c);
    assert_int_equal(last, 2);
    assert_true(cursor_done(&c));
    buf_free(&b);
    /* An answer to another envelope about it is noted by nobody. */
    MUST(db_exec(db, "UPDATE fed_item_read SET what = 'another' WHERE kind = 'stone'; DELETE FROM fed_item_read WHERE kind = 'receipt'", &e));
    assert_int_equal(receipt(3, "removed"), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM fed_item_read WHERE kind = 'receipt'"), 0);
}

static void test_pages(void **state)
{
    (void)state;
    struct fed_item_row row = {.organisation = SPAN("aville"), .circle = SPAN("isac"), .author = SPAN("x"), .author_org = SPAN("X"), .kind = SPAN("story"),
                               .derived = SPAN("[]"), .tlp = SPAN("GREEN"), .pap = SPAN("AMBER"), .audience = SPAN(ALL), .state = SPAN("current"), .version = 1};
    MUST(db_begin(db, &e));
    for (int i = 0; i < 7; i++) {
        row.id = span_of(arena_printf(&w.a, "0197f3c0-0000-7000-8000-%012d", i));
        row.title = span_of(arena_printf(&w.a, "100%% of %d_%d", i, i));
        row.received = NOW + i / 2; /* some at the same moment */
        MUST(fed_item_put(db, &row, &e));
    }
    MUST(db_end(db, 0, &e));
    struct fed_item_query q = {.organisation = SPAN("aville"), .limit = 3};
    int seen = 0;
    bool more = true;
    while (more) {
        struct fed_item_row *rows = NULL;
        size_t n = 0;
        assert_int_equal(fed_item_list(db, &q, &w.a, &rows, &n, &more, &e), 0);
        for (size_t i = 0; i < n; i++) {
            assert_string_equal(rows[i].id.ptr, arena_printf(&w.a, "0197f3c0-0000-7000-8000-%012d", 6 - seen));
            seen++;
        }
        q.before = rows[n - 1].received;
        q.before_id = rows[n - 1].id;
    }
    assert_int_equal(seen, 7);
    static const struct {
        const char *organisation, *words;
        size_t n;
    } cases[] = {{"*", "", 7}, {"bville", "", 0}, {"*", "100%", 7}, {"*", "3_3", 1}, {"*", "3%3", 0}, {"*", "nothing", 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fed_item_row *rows = NULL;
        size_t n = 0;
        q = (struct fed_item_query){.organisation = span_of(cases[i].organisation), .words = span_of(cases[i].words), .limit = 100};
        assert_int_equal(fed_item_list(db, &q, &w.a, &rows, &n, &more, &e), 0);
        assert_int_equal(n, cases[i].n);
    }
}

static void test_links(void **state)
{
    (void)state;
    struct fed_link_page page = {.id = SPAN("p1"), .hash = SPAN("0123456789abcdef0123456789abcdef"), .account = SPAN("aville"), .circle = SPAN("isac"),
                                 .organisation = SPAN("Smalltown"), .person = SPAN("Eve"), .mail = SPAN("eve@example.org"), .created_by = SPAN("ann"),
                                 .created = NOW, .expires = NOW + TIME_DAY};
    struct fed_link_page found;
    struct fed_link_page *list = NULL;
    size_t n = 0;
    assert_int_equal(fed_link_page_create(db, &page, &e), 0);
    assert_int_equal(fed_link_page_find(db, page.hash, NOW + 5, &w.a, &found, &e), 0);
    ASSERT_SPAN(found.person, "Eve");
    assert_int_equal(fed_link_page_find(db, SPAN("0123456789abcdef0123456789abcdeF"), NOW, &w.a, &found, &e), ERR_DENIED);
    assert_int_equal(fed_link_page_find(db, page.hash, NOW + TIME_DAY, &w.a, &found, &e), ERR_DENIED);
    assert_int_equal(fed_link_page_list(db, SPAN("bville"), &w.a, &list, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(fed_link_page_revoke(db, SPAN("bville"), SPAN("p1"), SPAN("bob"), NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(fed_link_page_list(db, SPAN("aville"), &w.a, &list, &n, &e), 0);
    assert_true(n == 1 && list[0].last_used == NOW + 5);
    assert_int_equal(fed_link_page_revoke(db, SPAN("aville"), SPAN("p1"), SPAN("ann"), NOW, &e), 0);
    assert_int_equal(fed_link_page_find(db, page.hash, NOW, &w.a, &found, &e), ERR_DENIED); /* at once */
    assert_int_equal(fed_link_page_revoke(db, SPAN("aville"), SPAN("p1"), SPAN("ann"), NOW, &e), ERR_NOT_FOUND);
}

static void test_reads(void **state)
{
    (void)state;
    struct fed_item_note *notes = NULL;
    size_t n = 0;
    const struct fed_item_note read = {SPAN(ID_A), SPAN("read"), SPAN("ann"), SPAN("1"), SPAN("Aville"), NOW - 401 * TIME_DAY};
    struct fed_item_note later = read;
    later.at = NOW;
    assert_int_equal(fed_item_note_put(db, &read, &e), 0);
    assert_int_equal(fed_item_note_put(db, &later, &e), 0);
    assert_int_equal(fed_item_notes(db, SPAN(ID_A), SPAN("read"), &w.a, &notes, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_int_equal(fed_item_sweep(db, NOW, &e), 0);
    assert_int_equal(fed_item_notes(db, SPAN(ID_A), SPAN("read"), &w.a, &notes, &n, &e), 0);
    assert_true(n == 1 && notes[0].at == NOW);
}

/* One row of each kind on either side of each limit. */
static void test_what_is_over_goes(void **state)
{
    (void)state;
    static const struct {
        const char *state;
        int64_t mine, bare, days; /* since it ended */
        bool stays;
    } cases[] = {
        {"current", 0, 0, 0, true},     {"current", 0, 0, 2, false},    {"tightened", 0, 0, 2, false}, {"quarantined", 0, 0, 2, false},
        {"current", 1, 0, 2, true},     {"current", 1, 0, 401, false},  {"retracted", 0, 0, 2, true},  {"retracted", 1, 0, 401, true},
        {"retracted", 0, 1, 401, true}, {"retracted", 0, 1, 2000, false}, {"tightened", 0, 1, 2, true}, {"tightened", 0, 1, 2000, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct fed_item_row row = {.id = SPAN(ID_A), .circle = SPAN("isac"), .state = span_of(cases[i].state), .mine = cases[i].mine,
                                         .bare = cases[i].bare, .expires = NOW - cases[i].days * TIME_DAY, .received = NOW - cases[i].days * TIME_DAY};
        const struct fed_item_note n = {.item = SPAN(ID_A), .kind = SPAN("change"), .who = SPAN("w"), .what = SPAN("x"), .at = NOW - 1};
        struct fed_item_row got;
        MUST(db_begin(db, &e));
        int rc = fed_item_put(db, &row, &e);
        MUST(db_end(db, rc < 0 ? rc : fed_item_note_put(db, &n, &e), &e));
        assert_int_equal(fed_item_sweep(db, NOW, &e), 0);
        assert_int_equal(fed_item_get(db, SPAN(ID_A), &w.a, &got, &e), cases[i].stays ? 0 : ERR_NOT_FOUND);
        struct fed_item_note *notes = NULL;
        size_t count = 0;
        MUST(fed_item_notes(db, SPAN(ID_A), SPAN("change"), &w.a, &notes, &count, &e));
        assert_int_equal(count > 0, cases[i].stays);
        MUST(db_exec(db, "DELETE FROM fed_item", &e));
        MUST(db_exec(db, "DELETE FROM fed_item_read", &e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_labels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_label_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_label_of_a_later_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_label_of_a_later_version_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tombstones, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_authors_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ids_without_content_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_officers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_over_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_officers_of_another_circle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tombstone_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strangers_tombstone_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receipts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receipts_of_officers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
