/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of histories as a reader sees them: by the label of each version, by field, by the records that are named. */
/* cmocka wants these four before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/test_cases.h"
#include "desk/govern/history.h"

#define OTHER "00000000-0000-7000-8000-000000000001"

static const char file_text[] =
    "title: Bicycles\n"
    "type: object\n"
    "required: [label]\n"
    "additionalProperties: false\n"
    "properties:\n"
    "  label: {type: string, minLength: 1, maxLength: 40}\n"
    "  note: {type: string}\n"
    "  next: {type: string, format: uuid, x-ref: {kind: bicycle, inverse: before}}\n"
    "x-table: {name: bicycle, plural: bicycles, title: label}\n"
    "x-perm:\n"
    "  administrator: {ops: [read, create, change, move]}\n"
    "  officer: {ops: [read], fields: {note: hidden}}\n"
    "x-states: {initial: fine, list: [{id: fine}, {id: gone, final: true}], transitions: [{from: fine, to: gone, roles: [administrator]}]}\n";

struct look {
    const char *before; /* NULL: it was made by it */
    const char *after;
    enum tlp before_tlp, after_tlp;
    bool named; /* the record in "next" is his to read */
    uint32_t role;
    const char *fields; /* as shown; NULL: not at all */
    bool reason;
};

static struct record_row row_of(struct arena *a, const char *fields, enum tlp tlp, bool named)
{
    struct buf b;
    const struct record_link l = {SPAN("next"), SPAN("bicycle"), SPAN(OTHER), SPAN("Other"), SPAN("fine"), 0, {SPAN("")}};
    struct record_row r = {.id = SPAN("b"), .kind = SPAN("bicycle"), .organisation = SPAN("town"), .author = SPAN("p2"), .author_name = SPAN("Bo"),
                           .state = SPAN("fine"), .fields = span_of(fields), .tlp = tlp, .version = 1};
    buf_init(&b, 4096);
    record_link_encode(&b, &l);
    r.links = named && strstr(fields, OTHER) != NULL ? arena_copy(a, buf_view(&b)) : SPAN("");
    buf_free(&b);
    return r;
}

static void shown(void **state)
{
    (void)state;
    enum { ADMIN = POLICY_ROLE_ADMINISTRATOR, OFFICER = POLICY_ROLE_OFFICER };
    static const struct look looks[] = {
        {NULL, "{\"label\":\"a\"}", 0, TLP_GREEN, true, ADMIN, "[{\"field\":\"label\",\"before\":null,\"after\":\"a\"}]", true},
        {"{\"label\":\"a\"}", "{\"label\":\"b\"}", TLP_GREEN, TLP_GREEN, true, OFFICER, "[{\"field\":\"label\",\"before\":\"a\",\"after\":\"b\"}]", true},
        {"{\"label\":\"a\"}", "{\"label\":\"a\"}", TLP_GREEN, TLP_AMBER, true, OFFICER, "[]", true},
        /* One side is another's RED. */
        {"{\"label\":\"a\"}", "{\"label\":\"b\"}", TLP_RED, TLP_GREEN, true, ADMIN, NULL, false},
        {"{\"label\":\"a\"}", "{\"label\":\"b\"}", TLP_GREEN, TLP_RED, true, ADMIN, NULL, false},
        {NULL, "{\"label\":\"a\"}", 0, TLP_UNKNOWN, true, ADMIN, NULL, false},
        /* A field that he does not see. */
        {"{\"label\":\"a\"}", "{\"label\":\"a\",\"note\":\"x\"}", TLP_GREEN, TLP_GREEN, true, OFFICER, "[]", false},
        {"{\"label\":\"a\",\"note\":\"x\"}", "{\"label\":\"b\"}", TLP_GREEN, TLP_GREEN, true, OFFICER, "[{\"field\":\"label\",\"before\":\"a\",\"after\":\"b\"}]", false},
        {"{\"label\":\"a\",\"note\":\"x\"}", "{\"label\":\"b\",\"note\":\"x\"}", TLP_GREEN, TLP_GREEN, true, OFFICER, "[{\"field\":\"label\",\"before\":\"a\",\"after\":\"b\"}]", true},
        {"{\"label\":\"a\",\"note\":\"x\"}", "{\"label\":\"a\"}", TLP_GREEN, TLP_GREEN, true, ADMIN, "[{\"field\":\"note\",\"before\":\"x\",\"after\":null}]", true},
        /* A field that the file no longer has. */
        {"{\"label\":\"a\",\"old\":1}", "{\"label\":\"a\"}", TLP_GREEN, TLP_GREEN, true, ADMIN, "[]", false},
        /* A record that he may read, and one that he may not. */
        {"{\"label\":\"a\"}", "{\"label\":\"a\",\"next\":\"" OTHER "\"}", TLP_GREEN, TLP_GREEN, true, ADMIN,
         "[{\"field\":\"next\",\"before\":null,\"after\":\"" OTHER "\"}]", true},
        {"{\"label\":\"a\"}", "{\"label\":\"a\",\"next\":\"" OTHER "\"}", TLP_GREEN, TLP_GREEN, false, ADMIN, "[]", false},
    };
    const struct register_file file = {SPAN("bicycle.yml"), span_of(file_text)};
    struct registers *kinds = registers_load(&file, 1);
    for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
        const struct look *l = &looks[i];
        struct arena a;
        struct buf out;
        struct json_writer j;
        const struct policy_reader reader = {.kind = READER_PERSON, .person = SPAN("p1"), .organisation = SPAN("town"), .in_house = true, .roles = l->role};
        const struct record_worker w = {registers_by_name(kinds, SPAN("bicycle")), &reader, SPAN("Anna"), 1, kinds, NULL, NULL};
        assert_non_null(w.kind);
        arena_init(&a, 0);
        buf_init(&out, 1 << 16);
        json_writer_init(&j, &out);
        struct record_past p = {.number = 3, .at = 1, .who = SPAN("Bo"), .what = SPAN("record.changed"), .why = SPAN("told so"), .had = l->before != NULL};
        p.before = row_of(&a, l->before == NULL ? "{}" : l->before, l->before_tlp, l->named);
        p.after = row_of(&a, l->after, l->after_tlp, l->named);
        assert_int_equal(record_past_show(&w, &p, &a, &j), l->fields != NULL);
        buf_u8(&out, 0);
        const char *text = out.data;
        if (l->fields == NULL) {
            assert_int_equal(out.len, 1);
        } else {
            assert_non_null(strstr(text, arena_printf(&a, "\"fields\":%s", l->fields)));
            assert_non_null(strstr(text, l->reason ? "\"why\":\"told so\"" : "\"why\":\"\""));
            assert_non_null(strstr(text, "\"what\":\"changed\""));
            assert_int_equal(strstr(text, "\"title\":\"Other\"") != NULL, l->named && strstr(l->after, OTHER) != NULL);
        }
        buf_free(&out);
        arena_fini(&a);
    }
    registers_free(&kinds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shown)};
    return cmocka_run_group_tests_name("histories as they are shown", tests, NULL, NULL);
}
