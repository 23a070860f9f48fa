/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of records as people work on them: what is sent, rights by field, states, labels, what is shown. */
/* cmocka wants these four before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "desk/govern/record.h"

#define NOW (INT64_C(1796040000) * TIME_SECOND)

static const char file_text[] =
    "title: Bicycles\n"
    "type: object\n"
    "required: [label]\n"
    "additionalProperties: false\n"
    "properties:\n"
    "  label: {type: string, minLength: 1, maxLength: 40}\n"
    "  wheels: {type: integer, minimum: 1, x-index: true}\n"
    "  price: {type: number}\n"
    "  note: {type: string}\n"
    "  owner: {type: string, format: uuid, x-ref: {kind: person, inverse: bicycles}}\n"
    "  next: {type: array, maxItems: 4, uniqueItems: true, items: {type: string, format: uuid}, x-ref: {kind: bicycle, inverse: before, stands_on: true}}\n"
    "x-table: {name: bicycle, plural: bicycles, title: label}\n"
    "x-tlp: {default: AMBER, max: RED}\n"
    "x-perm:\n"
    "  administrator: {ops: [read, create, change, move]}\n"
    "  officer: {ops: [read, create, change, move], fields: {note: hidden, price: read}}\n"
    "  auditor: {ops: [read]}\n"
    "x-states:\n"
    "  initial: fine\n"
    "  list: [{id: fine}, {id: lent}, {id: gone, final: true}]\n"
    "  transitions:\n"
    "    - {from: fine, to: lent, roles: [administrator, officer], guard: {required: [wheels], properties: {wheels: {maximum: 3}}}}\n"
    "    - {from: lent, to: fine, roles: [administrator, officer]}\n"
    "    - {from: fine, to: gone, roles: [administrator], reason: true}\n";

struct fixture {
    struct arena a;
    struct registers *kinds;
    struct policy_reader reader;
    struct record_worker w;
    struct record_put put;
    struct record_faults faults;
};

static struct fixture f;

static int begin(void **state)
{
    (void)state;
    const struct register_file file = {SPAN("bicycle.yml"), span_of(file_text)};
    arena_init(&f.a, 0);
    f.kinds = registers_load(&file, 1);
    f.reader = (struct policy_reader){.kind = READER_PERSON, .person = SPAN("p1"), .organisation = SPAN("town"), .in_house = true,
                                      .roles = POLICY_ROLE_ADMINISTRATOR, .may = POLICY_MAY_PERSONS};
    f.w = (struct record_worker){registers_by_name(f.kinds, SPAN("bicycle")), &f.reader, SPAN("Anna"), NOW, f.kinds, NULL, NULL};
    assert_non_null(f.w.kind);
    return 0;
}

static int end(void **state)
{
    (void)state;
    registers_free(&f.kinds);
    arena_fini(&f.a);
    return 0;
}

static struct record_input input(const char *body, bool is_new)
{
    struct record_input in;
    struct err e = {0};
    assert_int_equal(record_input_read(span_of(body), is_new, &f.a, &in, &e), 0);
    return in;
}

static int make(const char *body)
{
    struct record_input in = input(body, true);
    return record_make(&f.w, SPAN("id"), SPAN("town"), &in, &f.a, &f.put, &f.faults);
}

static int change(const struct record_row *row, const char *body)
{
    struct record_input in = input(body, false);
    return record_change(&f.w, row, &in, &f.a, &f.put, &f.faults);
}

/* "where:reason;…" */
static const char *said(void)
{
    const char *text = "";
    for (uint32_t i = 0; i < f.faults.count; i++) {
        text = arena_printf(&f.a, "%s%.*s:%s;", text, SPAN_ARG(f.faults.list[i].pointer), schema_reason_word(f.faults.list[i].reason));
    }
    return text;
}

static struct record_row row_of(const char *fields, const char *state)
{
    return (struct record_row){.id = SPAN("id"), .kind = SPAN("bicycle"), .organisation = SPAN("town"), .author = SPAN("p2"),
                               .author_name = SPAN("Bo"), .state = span_of(state), .fields = span_of(fields), .tlp = TLP_AMBER,
                               .created = 1, .changed = 1, .version = 4};
}

static void test_sent(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "[]", "{", "{\"fields\":1}", "{\"tlp\":\"RED\"}", "{\"fields\":{},\"state\":\"x\"}",
                                      "{\"fields\":{},\"fields\":{}}", "{\"fields\":{},\"why\":1}", "{\"fields\":{},\"why\":\"a\\u0007\"}",
                                      "{\"fields\":{},\"organisation\":\"x\"}", "{\"fields\":{\"a\":1e40}}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct record_input in;
        struct err e = {0};
        assert_int_equal(record_input_read(span_of(bad[i]), false, &f.a, &in, &e), ERR_INVALID);
        assert_true(e.text[0] != '\0');
    }
    struct record_input in = input("{\"fields\":{},\"organisation\":\"x\",\"tlp\":\"RED\",\"why\":\"y\"}", true);
    assert_true(span_eq(in.organisation, SPAN("x")) && span_eq(in.tlp, SPAN("RED")) && span_eq(in.why, SPAN("y")) && in.fields != NULL);
}

static void test_made(void **state)
{
    (void)state;
    assert_int_equal(make("{\"fields\":{\"wheels\":2,\"label\":\"b\",\"price\":9.50}}"), 0);
    assert_string_equal(said(), "");
    assert_true(span_eq(f.put.row.fields, SPAN("{\"label\":\"b\",\"price\":9.5,\"wheels\":2}")));
    assert_true(f.put.row.version == 1 && f.put.row.tlp == TLP_AMBER && span_eq(f.put.row.state, SPAN("fine")));
    assert_true(span_eq(f.put.row.author, SPAN("p1")) && f.put.row.created == NOW && f.put.nkeys == 7);
    assert_int_equal(make("{\"fields\":{\"wheels\":0,\"colour\":1},\"tlp\":\"blue\"}"), 0);
    assert_string_equal(said(), "/tlp:enum;/fields:missing;/fields/colour:unknown;/fields/wheels:minimum;");
    f.reader.roles = POLICY_ROLE_OFFICER;
    assert_int_equal(make("{\"fields\":{\"label\":\"b\",\"price\":1,\"note\":\"x\"}}"), 0);
    assert_string_equal(said(), "/fields/note:unknown;/fields/price:fixed;");
    f.reader.roles = POLICY_ROLE_AUDITOR;
    assert_int_equal(make("{\"fields\":{\"label\":\"b\"}}"), ERR_DENIED);
    f.reader.roles = POLICY_ROLE_ADMINISTRATOR;
    struct record_input in = input("{\"fields\":{\"label\":\"b\"}}", true);
    assert_int_equal(record_make(&f.w, SPAN("id"), SPAN("village"), &in, &f.a, &f.put, &f.faults), ERR_DENIED);
    const char *longest = arena_printf(&f.a, "{\"fields\":{\"label\":\"b\",\"note\":\"%0*d\"}}", REGISTER_DOCUMENT_MAX, 0);
    assert_int_equal(make(longest), 0);
    assert_string_equal(said(), "/fields:too_much;");
}

#define ID(n) "00000000-0000-7000-8000-00000000000" n

/* The keeper's answer for a row: these are in its reader's sight. */
static struct span told(const char *const pairs[][2], size_t n)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    for (size_t i = 0; i < n; i++) {
        record_link_encode(&b, &(struct record_link){span_of(pairs[i][0]), SPAN("bicycle"), span_of(pairs[i][1]), SPAN("t"), SPAN("fine"), 0, {SPAN("")}});
    }
    struct span s = arena_copy(&f.a, buf_view(&b));
    buf_free(&b);
    return s;
}

/* "field:id:kept;…" of what goes to the keeper, by the last digit of each id. */
static const char *linked(void)
{
    const char *text = "";
    for (uint32_t i = 0; i < f.put.nlinks; i++) {
        text = arena_printf(&f.a, "%s%.*s:%c%s;", text, SPAN_ARG(f.put.links[i].field), f.put.links[i].id.ptr[35], f.put.links[i].kept ? ":kept" : "");
    }
    return text;
}

static void test_links(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"next", ID("1")}};
    struct record_row row = row_of("{\"label\":\"b\",\"next\":[\"" ID("1") "\",\"" ID("2") "\"],\"owner\":\"" ID("3") "\"}", "fine");
    row.links = told(pairs, 1); /* 2 and 3 he may not read */
    struct buf b;
    struct json_writer j;
    buf_init(&b, 1 << 16);
    json_writer_init(&j, &b);
    assert_true(record_show(&f.w, &row, &f.a, &j));
    buf_u8(&b, 0);
    assert_null(strstr(b.data, ID("2")));
    assert_null(strstr(b.data, ID("3")));
    assert_null(strstr(b.data, "owner"));
    assert_non_null(strstr(b.data, "\"next\":[\"" ID("1") "\"]"));
    assert_non_null(strstr(b.data, "\"links\":[{\"field\":\"next\",\"kind\":\"bicycle\",\"plural\":\"bicycles\",\"id\":\"" ID("1") "\""));
    buf_free(&b);
    /* What he does not see stays, whether he sends the rest or not; what he sends is looked for, also what stood there unseen. */
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"b\",\"next\":[\"" ID("1") "\",\"" ID("4") "\"]}}"), 0);
    assert_string_equal(said(), "");
    assert_string_equal(linked(), "next:1;next:4;next:2:kept;owner:3:kept;");
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"b\"}}"), 0);
    assert_string_equal(linked(), "next:2:kept;owner:3:kept;");
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"b\",\"next\":[\"" ID("2") "\"],\"owner\":\"" ID("5") "\"}}"), 0);
    assert_string_equal(linked(), "next:2;owner:5;");
    const struct record_astray astray = {.count = 2, .place = {0, 1}};
    record_astray_faults(&f.w, &f.put, &astray, &f.a, &f.faults);
    assert_string_equal(said(), "/fields/next/0:no_record;/fields/owner:no_record;");
    /* A move changes none. */
    assert_int_equal(record_move(&f.w, &row, SPAN("gone"), SPAN("old"), &f.a, &f.put, &f.faults), 0);
    assert_string_equal(linked(), "next:1:kept;next:2:kept;owner:3:kept;");
    /* Which records of all kinds he sees, and by which fields. */
    struct record_sight s;
    record_sight_of(f.kinds, &f.reader, NOW, &s);
    size_t n = 0;
    (void)registers_kinds(f.kinds, &n);
    assert_true(s.nkinds == n && s.nways > 10 && s.scope.own == tlp_rank(TLP_AMBER_STRICT) && s.scope.other == 0);
    record_sight_narrow(f.kinds, SPAN("bicycle"), &s);
    assert_true(s.nways == 1 && span_eq(s.ways[0].field, SPAN("next")));
    f.reader.roles = POLICY_ROLE_READ_ONLY;
    record_sight_of(f.kinds, &f.reader, NOW, &s);
    assert_true(s.nkinds < n && s.nkinds > 0);
    for (uint32_t i = 0; i < s.nways; i++) {
        assert_false(span_eq(s.ways[i].kind, SPAN("bicycle")));
    }
    f.reader.in_house = false;
    record_sight_of(f.kinds, &f.reader, NOW, &s);
    assert_true(s.nkinds == 0 && s.nways == 0);
}

static void test_changed(void **state)
{
    (void)state;
    struct record_row row = row_of("{\"label\":\"b\",\"note\":\"secret\",\"price\":9.5,\"wheels\":2}", "fine");
    f.reader.roles = POLICY_ROLE_OFFICER;
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"c\"}}"), 0); /* what he does not see or may not write stays */
    assert_string_equal(said(), "");
    assert_true(span_eq(f.put.row.fields, SPAN("{\"label\":\"c\",\"note\":\"secret\",\"price\":9.5}")));
    assert_true(f.put.row.version == 5 && f.put.row.created == 1 && f.put.row.changed == NOW && span_eq(f.put.row.author, SPAN("p2")));
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"c\",\"price\":9.50}}"), 0); /* as he read it */
    assert_string_equal(said(), "");
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"c\",\"price\":8,\"note\":\"guess\"}}"), 0);
    assert_string_equal(said(), "/fields/note:unknown;/fields/price:fixed;");
    f.reader.roles = POLICY_ROLE_ADMINISTRATOR;
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"c\"}}"), 0);
    assert_true(span_eq(f.put.row.fields, SPAN("{\"label\":\"c\"}")));
    f.reader.roles = POLICY_ROLE_AUDITOR;
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"c\"}}"), ERR_DENIED);
    f.reader.roles = POLICY_ROLE_ADMINISTRATOR;
    f.reader.organisation = SPAN("village");
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"c\"}}"), ERR_DENIED);
}

static void test_labels(void **state)
{
    (void)state;
    struct record_row row = row_of("{\"label\":\"b\"}", "fine");
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"b\"},\"tlp\":\"AMBER+STRICT\"}"), 0);
    assert_string_equal(said(), "");
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"b\"},\"tlp\":\"GREEN\"}"), 0); /* looser: not his */
    assert_string_equal(said(), "/tlp:fixed;");
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"b\"},\"tlp\":\"RED\"}"), 0); /* he would shut himself out */
    assert_string_equal(said(), "/tlp:never;");
    row.author = SPAN("p1");
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"b\"},\"tlp\":\"GREEN\"}"), 0);
    assert_string_equal(said(), "");
    assert_int_equal(change(&row, "{\"fields\":{\"label\":\"b\"},\"tlp\":\"RED\"}"), 0);
    assert_string_equal(said(), "");
    assert_int_equal(f.put.row.tlp, TLP_RED);
}

static void test_moved(void **state)
{
    (void)state;
    struct record_row row = row_of("{\"label\":\"b\",\"wheels\":4}", "fine");
    assert_int_equal(record_move(&f.w, &row, SPAN("lent"), SPAN(""), &f.a, &f.put, &f.faults), 0);
    assert_string_equal(said(), "/fields/wheels:maximum;");
    row.fields = SPAN("{\"label\":\"b\"}");
    assert_int_equal(record_move(&f.w, &row, SPAN("lent"), SPAN(""), &f.a, &f.put, &f.faults), 0);
    assert_string_equal(said(), "/fields:missing;");
    row.fields = SPAN("{\"label\":\"b\",\"wheels\":3}");
    assert_int_equal(record_move(&f.w, &row, SPAN("lent"), SPAN(""), &f.a, &f.put, &f.faults), 0);
    assert_string_equal(said(), "");
    assert_true(span_eq(f.put.row.state, SPAN("lent")) && f.put.row.version == 5 && span_eq(f.put.keys[0].value, SPAN("lent")));
    assert_int_equal(record_move(&f.w, &row, SPAN("gone"), SPAN(""), &f.a, &f.put, &f.faults), 0);
    assert_string_equal(said(), "/why:missing;");
    f.reader.roles = POLICY_ROLE_OFFICER;
    assert_int_equal(record_move(&f.w, &row, SPAN("gone"), SPAN("sold"), &f.a, &f.put, &f.faults), 0);
    assert_string_equal(said(), "/to:no_way;");
    f.reader.roles = POLICY_ROLE_AUDITOR;
    assert_int_equal(record_move(&f.w, &row, SPAN("lent"), SPAN(""), &f.a, &f.put, &f.faults), ERR_DENIED);
    f.reader.roles = POLICY_ROLE_ADMINISTRATOR;
    row.state = SPAN("gone");
    assert_int_equal(record_move(&f.w, &row, SPAN("fine"), SPAN(""), &f.a, &f.put, &f.faults), 0);
    assert_string_equal(said(), "/to:no_way;");
}

static const char *shown(const struct record_row *row)
{
    struct json_writer j;
    struct buf b;
    buf_init(&b, 64 << 10);
    json_writer_init(&j, &b);
    bool any = record_show(&f.w, row, &f.a, &j);
    assert_true(any == (b.len > 0));
    assert_true(!any || json_writer_done(&j));
    const char *text = arena_cstr(&f.a, buf_view(&b));
    buf_free(&b);
    return text;
}

static void test_shown(void **state)
{
    (void)state;
    struct record_row row = row_of("{\"label\":\"b\",\"note\":\"secret\",\"price\":9.5,\"was\":1}", "fine");
    assert_non_null(strstr(shown(&row), "\"fields\":{\"label\":\"b\",\"note\":\"secret\",\"price\":9.5}"));
    assert_non_null(strstr(shown(&row), "\"moves\":[\"lent\",\"gone\"]"));
    f.reader.roles = POLICY_ROLE_OFFICER;
    assert_null(strstr(shown(&row), "secret"));
    assert_non_null(strstr(shown(&row), "\"moves\":[\"lent\"]"));
    f.reader.roles = POLICY_ROLE_AUDITOR;
    assert_non_null(strstr(shown(&row), "\"moves\":[]"));
    row.tlp = TLP_RED;
    assert_string_equal(shown(&row), "");
    row.tlp = TLP_AMBER;
    row.kind = SPAN("finding");
    assert_string_equal(shown(&row), "");
    row.kind = SPAN("bicycle");
    f.reader.organisation = SPAN("village");
    assert_string_equal(shown(&row), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sent, begin, end),   cmocka_unit_test_setup_teardown(test_made, begin, end),
        cmocka_unit_test_setup_teardown(test_changed, begin, end), cmocka_unit_test_setup_teardown(test_labels, begin, end),
        cmocka_unit_test_setup_teardown(test_links, begin, end), cmocka_unit_test_setup_teardown(test_moved, begin, end),  cmocka_unit_test_setup_teardown(test_shown, begin, end)};
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
