/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of register files: those shipped, what refuses one and where, what lists know of a record. */
/* cmocka wants these four before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "records/registers/register.h"

/* A whole small file; each case changes a line of it. */
static const char *const whole[] = {
    "title: Bicycles",
    "type: object",
    "required: [label]",
    "additionalProperties: false",
    "properties:",
    "  label: {type: string, maxLength: 40}",
    "  wheels: {type: integer, x-index: true}",
    "x-table: {name: bicycle, plural: bicycles, title: label}",
    "x-tlp: {default: GREEN, max: AMBER}",
    "x-perm:",
    "  administrator: {ops: [read, create, change, move]}",
    "  officer: {ops: [read, change], fields: {wheels: hidden}}",
    "x-states:",
    "  initial: fine",
    "  list: [{id: fine}, {id: gone, final: true}]",
    "  transitions: [{from: fine, to: gone, roles: [administrator], reason: true, guard: {required: [wheels]}}]",
};

static int read_with(struct arena *a, uint32_t line, const char *text, struct register_kind *k, struct err *e)
{
    struct buf b;
    buf_init(&b, 64 << 10);
    for (uint32_t i = 0; i < ARRAY_LEN(whole); i++) {
        buf_printf(&b, "%s\n", i + 1 == line ? text : whole[i]);
    }
    const struct register_file f = {SPAN("test.yml"), arena_copy(a, buf_view(&b))};
    buf_free(&b);
    return register_kind_read(a, &f, k, e);
}

static const struct {
    uint32_t line; /* of the change */
    const char *text;
    uint32_t said_line;
    const char *said;
} refused_cases[] = {
    {1, "x-foo: 1", 1, "/x-foo: no such annotation here"},
    {1, "x-ref: {kind: unit}", 1, "/x-ref: no such annotation"},
    {1, "contains: {}", 1, "/contains: no such keyword"},
    {1, "description: without a title", 1, "title"},
    {2, "type: array", 1, "must be type: object"},
    {3, "required: []", 8, "must name a required field"},
    {4, "additionalProperties: true", 1, "additionalProperties: false"},
    {4, "description: open", 1, "additionalProperties: false"},
    {5, "properties: {}\nother:", 1, "1 to 64 properties"},
    {6, "  label: {type: string, maxLength: 40, x-ref: unit}", 6, "x-ref must be a map"},
    {6, "  label: {type: string, maxLength: 40, x-ref: {kind: unit, inverse: labels}}", 6, "/properties/label/x-ref: is for type: string with format: uuid"},
    {7, "  wheels: {type: string, format: uuid, x-ref: {kind: unit}}", 7, "inverse"},
    {7, "  wheels: {type: string, format: uuid, x-ref: {kind: unit, inverse: 'a b'}}", 7, "small letters"},
    {7, "  wheels: {type: string, format: uuid, maxLength: 36, x-index: true, x-ref: {kind: unit, inverse: bikes}}", 7, "x-index is not needed"},
    {7, "  wheels: {type: string, format: uuid, x-ref: {kind: unit, inverse: bikes, on_delete: clear}}", 7, "on_delete"},
    {7, "  wheels: {type: array, maxItems: 65, uniqueItems: true, items: {type: string, format: uuid}, x-ref: {kind: unit, inverse: bikes}}", 7, "a maxItems of at most 64"},
    {7, "  wheels: {type: array, maxItems: 64, items: {type: string, format: uuid}, x-ref: {kind: unit, inverse: bikes}}", 7, "uniqueItems"},
    {7, "  wheels: {type: array, maxItems: 64, uniqueItems: true, items: {type: string}, x-ref: {kind: unit, inverse: bikes}}", 7, "format: uuid"},
    {6, "  label: {type: string, maxLength: 40, x-pii: identity}", 6, "x-pii must be a map"},
    {6, "  label: {type: string, maxLength: 40, x-pii: {}}", 6, "category"},
    {6, "  label: {type: string, maxLength: 40, x-pii: {category: name}}", 6, "/properties/label/x-pii: category is identity"},
    {6, "  label: {type: string, maxLength: 40, x-pii: {category: identity, months: 3}}", 6, "months"},
    {7, "  wheels: {type: string, format: uuid, x-ref: {kind: unit, inverse: bikes}, x-pii: {category: identity}}", 7, "a field that names records is none"},
    {7, "  wheels: {type: integer, x-computed: '1 + 1', x-pii: {category: identity}}", 7, "a computed field is none"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-pii: {category: identity}", 10, "no such annotation"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: []", 10, "a map of 1 to 8 names"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {}", 10, "a map of 1 to 8 names"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-owner: rider", 10, "/x-owner: names a field"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-owner: wheels", 10, "/x-owner: names a field"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-owner: []", 10, "/x-owner: names at least one"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-owner: {field: label}", 10, "/x-owner: names a field"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-owner: [label, label]", 10, "/x-owner: names a field"},
    {7, "  wheels: {type: integer, x-index: true}\n  rider: {type: string, format: uuid, x-ref: {kind: person, inverse: bikes}}\nx-owner: [label, rider]", 9, "/x-owner: names a field"},
    {7, "  wheels: {type: integer, x-index: true}\n  shop: {type: string, format: uuid, x-ref: {kind: supplier, inverse: bikes}}\nx-owner: shop", 9, "/x-owner: names a field"},
    {7, "  wheels: {type: integer, x-index: true}\n  riders: {type: array, maxItems: 4, uniqueItems: true, items: {type: string, format: uuid}, x-ref: {kind: person, inverse: bikes}}\nx-owner: riders", 9, "/x-owner: names a field"},
    {7, "  wheels: {type: integer, x-index: true}\n  rider: {type: string, maxLength: 40, x-index: true, x-pii: {category: identity}}\nx-owner: rider", 9, "/x-owner: names a field"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {Once: {unique_when: {fields: [wheels]}}}", 10, "/x-constraints/Once: is named by small letters"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {unique_when: {fields: [wheels]}, sum_le: {}}}", 10, "is unique_when, no_overlap, sum_le or tree"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {never: {fields: [wheels]}}}", 10, "is unique_when, no_overlap, sum_le or tree"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {unique_when: {fields: []}}}", 10, "fields are 1 to 4"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {unique_when: {fields: [label, label]}}}", 10, "fields stand once"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {unique_when: {fields: [nothing]}}}", 10, "fields are such that lists know"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {unique_when: {fields: [label], from: wheels}}}", 10, "from"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {unique_when: {fields: [label], states: [lost]}}}", 10, "states names a state that is not there"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {unique_when: {fields: [label], when: {wheels: [a]}}}}", 10, "when names a field with x-index that is a text"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {unique_when: {fields: [label], when: {label: []}}}}", 10, "when has 1 to 16 words"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {unique_when: {fields: [label], when: {label: [a], wheels: [b]}}}}", 10, "when is one field"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {unique_when: {fields: [wheels]}}}", 10, "hidden from a role that may write"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {no_overlap: {fields: [label], from: wheels, to: label}}}", 10, "from and to have format"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {sum_le: {sum: label, within: label, most: wheels}}}", 10, "sum must be a number"},
    {9, "x-tlp: {default: GREEN, max: AMBER}\nx-constraints: {once: {sum_le: {sum: wheels, within: label, most: wheels}}}", 10, "within must name one record"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-constraints: {once: {tree: {by: label, levels: 4}}}", 10, "by must name one record of the same kind"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-constraints: {once: {tree: {by: nothing, levels: 4}}}", 10, "names a field that is not there"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-constraints: {once: {tree: {by: label}}}", 10, "levels"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-constraints: {once: {tree: {by: label, levels: 33}}}", 10, "levels"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-constraints: {once: {tree: {by: label, levels: 4, states: [lost]}}}", 10, "states"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-constraints: {once: {unique_when: {fields: [label]}}}", 10, "needs x-tlp with max: AMBER+STRICT or looser"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-retention: {days: 10}", 10, "why"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-retention: {days: -1, why: x}", 10, "days"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-retention: {days: 10, why: x}", 10, "nothing of this kind is personal"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-retention: {days: 10, why: x, also: [nothing]}", 10, "/also: must name fields"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-retention: {days: 10, why: x, also: [wheels], states: [lost]}", 10, "there is no such state"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-retention: {days: 10, why: x, also: [wheels], from: wheels}", 10, "/from: must name a field with format"},
    {9, "x-tlp: {default: GREEN, max: RED}\nx-retention: {days: 10, why: x, also: [wheels], until: 3}", 10, "until"},
    {6, "  label: {type: string, maxLength: 40, contains: {}}", 6, "/properties/label/contains: no such keyword"},
    {6, "  label: {type: string, maxLength: 40, not: {x-index: true}}", 6, "/properties/label/not/x-index: no such keyword"},
    {6, "  label: {type: string}", 6, "/x-table/title: lists know only"},
    {6, "  label: {type: string, maxLength: 201}", 6, "lists know only"},
    {6, "  label: {type: integer}", 8, "/x-table/title: must be a text"},
    {6, "  Label: {type: string, maxLength: 40}", 6, "a field is named by small letters"},
    {6, "  state: {type: string, maxLength: 40}", 6, "not as a list's own words"},
    {6, "  label: text", 6, "/properties/label: must be a map"},
    {7, "  wheels: {type: number, x-index: true}", 7, "/properties/wheels: lists know only"},
    {7, "  wheels: {type: [integer, 'null'], x-index: true}", 7, "lists know only"},
    {7, "  wheels: {type: string, format: date-time, x-index: true}", 7, "lists know only"},
    {7, "  wheels: {type: string, enum: ['', a], x-index: true}", 7, "lists know only"},
    {7, "  wheels: {type: integer, x-index: 3}", 7, "x-index"},
    {8, "x-table: {name: bicycle, plural: bicycles, title: wheels}", 8, "must name a required field"},
    {8, "x-table: {name: Bicycle, plural: bicycles, title: label}", 8, "small letters"},
    {8, "x-table: {name: bicycle, plural: bi/cycles, title: label}", 8, "small letters"},
    {8, "x-table: {name: bicycle, plural: bicycles, title: label, icon: x}", 8, "icon"},
    {8, "x-table: [bicycle]", 8, "x-table"},
    {8, "", 1, "/x-table: is missing"},
    {9, "x-tlp: {default: WHITE}", 9, "/x-tlp: labels are"},
    {9, "x-tlp: {default: RED, max: AMBER}", 9, "above max"},
    {11, "  boss: {ops: [read]}", 11, "/x-perm: roles are"},
    {11, "  administrator: {ops: [read, delete]}", 11, "/x-perm: ops are"},
    {11, "  administrator: {ops: [create, move]}", 11, "may not read may do nothing"},
    {11, "  administrator: {ops: [read, create, change]}", 16, "/x-states/transitions/roles"},
    {12, "  officer: {ops: [read], fields: {colour: hidden}}", 12, "/x-perm/fields"},
    {12, "  officer: {ops: [read], fields: {label: hidden}}", 12, "a title is never hidden"},
    {12, "  officer: {ops: [read], where: \"1\"}", 12, "where"},
    {14, "  initial: new", 14, "/x-states/initial: there is no such state"},
    {15, "  list: []", 15, "/x-states/list"},
    {15, "  list: [{id: fine}, {id: gone, final: true}, {id: lost, final: true}]", 14, "/x-states/list/2: cannot be reached"},
    {15, "  list: [{id: fine}, {id: gone}]", 14, "/x-states/list/1: cannot be reached, or is not final"},
    {15, "  list: [{id: fine}, {id: fine}]", 15, "once"},
    {15, "  list: [{id: fine, final: true}, {id: gone, final: true}]", 16, "leads from a final state"},
    {15, "  list: [{id: fine}, {id: gone, final: true, colour: red}]", 15, "colour"},
    {16, "  transitions: [{from: fine, to: lost, roles: [administrator]}]", 16, "/x-states/to: there is no such state"},
    {16, "  transitions: [{from: fine, to: gone, roles: [officer]}]", 16, "/x-states/transitions/roles"},
    {16, "  transitions: [{from: fine, to: gone, roles: []}]", 16, "names nobody"},
    {16, "  transitions: [{from: fine, to: gone, roles: [administrator], effect: x}]", 16, "effect"},
    {16, "  transitions: [{from: fine, to: gone, roles: [administrator], guard: {requires: [a]}}]", 16, "/requires: no such keyword"},
    {16, "  transitions: [{from: fine, to: gone, roles: [administrator], guard: {required: [wheel]}}]", 16, "/transitions/guard: names a field that is not there"},
    {16, "  transitions: [{from: fine, to: gone, roles: [administrator], guard: {anyOf: [{properties: {label: {}}}, {not: {properties: {wheel: {}}}}]}}]", 16,
     "/transitions/guard: names a field that is not there"},
    {16, "  transitions: [{from: fine, to: gone, roles: [administrator]}, {from: fine, to: gone, roles: [administrator]}]", 16, "stands twice"},
    {16, "  transitions: [", 0, ""},
};

static void test_refused(void **state)
{
    (void)state;
    struct arena a;
    size_t wrong = 0;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(refused_cases); i++) {
        struct register_kind k;
        struct err e = {0};
        int rc = read_with(&a, refused_cases[i].line, refused_cases[i].text, &k, &e);
        bool line = refused_cases[i].said_line == 0 || e.line == refused_cases[i].said_line;
        if (rc >= 0 || strstr(e.text, refused_cases[i].said) == NULL || !line) {
            print_error("%s\n -> %d, line %u: %s\n", refused_cases[i].text, rc, e.line, e.text);
            wrong++;
        }
        arena_reset(&a);
    }
    assert_int_equal(wrong, 0);
    arena_fini(&a);
}

static void test_whole(void **state)
{
    (void)state;
    struct arena a;
    struct register_kind k;
    struct err e = {0};
    arena_init(&a, 0);
    assert_int_equal(read_with(&a, 0, "", &k, &e), 0);
    assert_true(span_eq(k.name, SPAN("bicycle")) && span_eq(k.plural, SPAN("bicycles")) && span_eq(k.heading, SPAN("Bicycles")));
    assert_true(k.nfields == 2 && k.title == 0 && k.fields[0].index == INDEX_TEXT && k.fields[1].index == INDEX_INTEGER);
    assert_true(k.tlp_default == TLP_GREEN && k.tlp_max == TLP_AMBER);
    assert_true(k.nstates == 2 && k.initial == 0 && !k.states[0].final && k.states[1].final);
    assert_true(k.ntransitions == 1 && k.transitions[0].reason && k.transitions[0].guard != NULL);
    assert_int_equal(k.transitions[0].roles, POLICY_ROLE_ADMINISTRATOR);
    assert_int_equal(k.rights.nroles, 2);
    assert_int_equal(k.rights.role[1].ops, RECORD_READ | RECORD_CHANGE);
    assert_int_equal(k.rights.role[1].hidden, 2);
    struct jcs *doc = NULL;
    assert_int_equal(jcs_read_decimals(&a, k.document, JCS_DEPTH_MAX, &doc, &e), 0);
    assert_non_null(jcs_get_object(doc, "x-states"));
    register_kind_free(&k);
    arena_fini(&a);
}

static void test_personal(void **state)
{
    (void)state;
    struct arena a;
    struct register_kind k;
    struct err e = {0};
    arena_init(&a, 0);
    assert_int_equal(read_with(&a, 6, "  label: {type: string, maxLength: 40, x-pii: {category: contact}}", &k, &e), 0);
    assert_true(k.fields[0].pii == PII_CONTACT && k.fields[1].pii == PII_NONE);
    assert_int_equal(k.rights.personal, 1);
    register_kind_free(&k);
    assert_true(read_with(&a, 7, "  wheels: {type: integer, x-index: true}\n  bell: {type: string, maxLength: 40, x-pii: {category: identity}}\n"
                                 "  ring: {type: string, x-computed: bell}", &k, &e) < 0);
    assert_non_null(strstr(e.text, "a field of x-computed cannot have it"));
    struct buf b;
    buf_init(&b, 64 << 10);
    for (uint32_t i = 0; i < ARRAY_LEN(whole); i++) {
        buf_printf(&b, "%s\n%s", i == 5 ? "  label: {type: string, maxLength: 40, x-index: true, x-pii: {category: identity}}" : whole[i],
                   i == 8 ? "x-constraints: {once: {unique_when: {fields: [label]}}}\n" : "");
    }
    assert_true(register_kind_read(&a, &(struct register_file){SPAN("test.yml"), buf_view(&b)}, &k, &e) < 0);
    assert_non_null(strstr(e.text, "a field of x-constraints cannot have it"));
    buf_free(&b);
    arena_fini(&a);
}

static void test_shipped(void **state)
{
    (void)state;
    const struct register_file own[] = {{SPAN("own.yml"), register_shipped[0].text}, {SPAN("bad.yml"), SPAN("a: [")}, {SPAN("empty.yml"), SPAN("")}};
    size_t n = 0;
    size_t refused = 0;
    for (size_t i = 0; i < register_shipped_count; i++) { /* says which one, before a check ends the test */
        struct arena a;
        struct err e = {0};
        struct register_kind k;
        arena_init(&a, 0);
        if (register_kind_read(&a, &register_shipped[i], &k, &e) != 0) {
            fail_msg("%.*s:%u: %s", SPAN_ARG(register_shipped[i].name), e.line, e.text);
        }
        register_kind_free(&k);
        arena_fini(&a);
    }
    struct registers *r = registers_load(own, ARRAY_LEN(own));
    const struct register_kind *kinds = registers_all(r, &n);
    const struct register_refusal *list = registers_refusals(r, &refused);
    assert_int_equal(n, register_shipped_count);
    assert_int_equal(refused, 3);
    assert_non_null(strstr(list[0].why.ptr, "taken by another file"));
    for (size_t i = 0; i < n; i++) {
        bool more = span_starts(kinds[i].file, REGISTER_MORE);
        assert_true(kinds[i].on == !more);
        assert_ptr_equal(registers_any(r, kinds[i].name), &kinds[i]);
        assert_ptr_equal(registers_by_name(r, kinds[i].name), more ? NULL : &kinds[i]);
        assert_ptr_equal(registers_by_plural(r, kinds[i].plural), more ? NULL : &kinds[i]);
    }
    assert_null(registers_by_name(r, SPAN("nothing")));
    registers_free(&r);
    assert_null(r);
}

/* A kind that is off is as if it were not there; what was found before stays where it is. */
static bool owned_by(const struct registers *r, const char *kind, const char *link, const char *text)
{
    const struct register_kind *k = registers_any(r, span_of(kind));
    return k != NULL && k->owner_link == register_field_of(k, span_of(link)) && k->owner_text == register_field_of(k, span_of(text));
}

/* Whose a record is, as shipped files say it; a text called owner counts where a file says nothing. A company that owns a supplier is nobody's name. */
static void test_owners(void **state)
{
    (void)state;
    struct registers *r = registers_load(NULL, 0);
    static const struct {
        const char *kind, *link, *text;
    } shipped[] = {
        {"risk", "responsible", "owner"}, {"finding", "responsible", "owner"}, {"supplier", "responsible", ""}, {"system", "owner", ""}, {"service", "manager", ""},
        {"waiver", "asked_by", ""},       {"appointment", "person", ""},       {"control", "", "owner"},        {"person", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(shipped); i++) {
        if (!owned_by(r, shipped[i].kind, shipped[i].link, shipped[i].text)) {
            fail_msg("%s", shipped[i].kind);
        }
    }
    registers_free(&r);
}

static void test_switches(void **state)
{
    (void)state;
    const struct register_kind *needs[REGISTER_KINDS_MAX];
    size_t before = 0;
    size_t n = 0;
    struct registers *r = registers_load(NULL, 0);
    (void)registers_kinds(r, &before);
    const struct register_kind *bid = registers_any(r, SPAN("bid"));
    const struct register_kind *tender = registers_any(r, SPAN("tender"));
    const struct register_kind *supplier = registers_by_name(r, SPAN("supplier"));
    assert_int_equal(registers_needs(r, bid, needs), 3); /* its tender and its supplier */
    assert_true(needs[0] == bid && needs[1] == tender && needs[2] == supplier);
    assert_int_equal(registers_needs(r, supplier, needs), 1);
    registers_switch(r, SPAN("bid"), true);
    registers_switch(r, SPAN("nothing"), true);
    (void)registers_kinds(r, &n);
    assert_int_equal(n, before + 1);
    assert_ptr_equal(registers_by_name(r, SPAN("bid")), bid);
    assert_ptr_equal(registers_by_plural(r, SPAN("bids")), bid);
    registers_switch(r, SPAN("supplier"), false);
    const struct register_kind *shown = registers_kinds(r, &n);
    assert_int_equal(n, before);
    for (size_t i = 0; i < n; i++) {
        assert_false(span_eq(shown[i].name, SPAN("supplier")));
    }
    assert_null(registers_by_name(r, SPAN("supplier")));
    assert_null(registers_by_plural(r, SPAN("suppliers")));
    assert_ptr_equal(registers_any(r, SPAN("supplier")), supplier);
    registers_free(&r);
}

/* Kinds that refer to what is not there are refused, and those that refer to them; a circle of kinds stands. */
static void test_refs(void **state)
{
    (void)state;
#define KIND(name, plural, field)                                                                                                 \
    "title: T\ntype: object\nrequired: [label]\nadditionalProperties: false\nproperties:\n  label: {type: string, maxLength: 40}\n" field \
    "x-table: {name: " name ", plural: " plural ", title: label}\nx-perm: {administrator: {ops: [read]}}\n"                       \
    "x-states: {initial: a, list: [{id: a, final: true}]}\n"
#define REF(field, kind, inverse) "  " field ": {type: string, format: uuid, x-ref: {kind: " kind ", inverse: " inverse "}}\n"
    static const char *const texts[] = {
        KIND("a", "as", REF("to", "b", "x")),      KIND("b", "bs", REF("to", "a", "x")),
        KIND("c", "cs", REF("to", "d", "x")),      KIND("d", "ds", REF("to", "nothing", "x")),
        KIND("e", "es", REF("to", "service", "risks")), /* a risk's field has it */
        KIND("f", "fs", REF("to", "a", "y") REF("too", "a", "y")),
    };
    struct register_file own[ARRAY_LEN(texts)];
    size_t refused = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        own[i] = (struct register_file){SPAN("own.yml"), span_of(texts[i])};
    }
    struct registers *r = registers_load(own, ARRAY_LEN(own));
    const struct register_refusal *list = registers_refusals(r, &refused);
    assert_int_equal(refused, 4);
    assert_non_null(strstr(list[0].why.ptr, "there is no kind \"nothing\""));
    assert_non_null(strstr(list[1].why.ptr, "there is no kind \"d\""));
    assert_non_null(strstr(list[2].why.ptr, "another field has this inverse"));
    assert_non_null(strstr(list[3].why.ptr, "another field has this inverse"));
    const struct register_kind *a = registers_by_name(r, SPAN("a"));
    assert_true(a != NULL && registers_by_name(r, SPAN("b")) != NULL && registers_by_name(r, SPAN("c")) == NULL);
    assert_int_equal(register_key_type(a, SPAN("to")), KEY_LINK);
    registers_free(&r);
}

/* Texts of numbers sort as the numbers do, and a key that a person writes is the one that a record has. */
static void test_keys(void **state)
{
    (void)state;
    static const int64_t numbers[] = {INT64_MIN, -JCS_INT_MAX, -10, -9, -1, 0, 1, 2, 10, 11, JCS_INT_MAX, INT64_MAX};
    struct arena a;
    struct span key;
    arena_init(&a, 0);
    for (size_t i = 1; i < ARRAY_LEN(numbers); i++) {
        struct span x = register_key_number(&a, numbers[i - 1]);
        struct span y = register_key_number(&a, numbers[i]);
        assert_true(x.len == REGISTER_KEY_TEXT && y.len == x.len && memcmp(x.ptr, y.ptr, x.len) < 0);
    }
    assert_true(register_key_parse(&a, KEY_INTEGER, SPAN("-9"), &key) && span_eq(key, register_key_number(&a, -9)));
    assert_true(register_key_parse(&a, KEY_TLP, SPAN("AMBER+STRICT"), &key) && span_eq(key, register_key_number(&a, tlp_rank(TLP_AMBER_STRICT))));
    assert_true(register_key_parse(&a, KEY_TIME, SPAN("1970-01-01T00:00:01Z"), &key) && span_eq(key, register_key_number(&a, TIME_SECOND)));
    assert_false(register_key_parse(&a, KEY_TEXT, SPAN(""), &key));
    assert_false(register_key_parse(&a, KEY_INTEGER, SPAN("1.5"), &key));
    assert_false(register_key_parse(&a, KEY_TLP, SPAN("UNKNOWN"), &key));
    assert_false(register_key_parse(&a, KEY_TIME, SPAN("soon"), &key));
    assert_false(register_key_parse(&a, KEY_NO, SPAN("x"), &key));
    struct register_kind k;
    struct jcs *fields = NULL;
    struct record_key keys[REGISTER_KEYS_MAX];
    assert_int_equal(read_with(&a, 0, "", &k, NULL), 0);
    assert_int_equal(jcs_read_decimals(&a, SPAN("{\"label\":\"b\"}"), 4, &fields, NULL), 0);
    assert_int_equal(register_keys(&a, &k, fields, SPAN("town"), SPAN("fine"), TLP_RED, 1, 2, keys), 7);
    assert_true(span_eq(keys[5].value, SPAN("b")) && keys[6].value.len == 0);
    assert_int_equal(register_key_type(&k, SPAN("wheels")), KEY_INTEGER);
    assert_int_equal(register_key_type(&k, SPAN("label")), KEY_TEXT);
    assert_int_equal(register_key_type(&k, SPAN("changed")), KEY_TIME);
    assert_int_equal(register_key_type(&k, SPAN("version")), KEY_NO);
    register_kind_free(&k);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole), cmocka_unit_test(test_refused), cmocka_unit_test(test_personal), cmocka_unit_test(test_shipped), cmocka_unit_test(test_owners), cmocka_unit_test(test_switches),
                                       cmocka_unit_test(test_keys), cmocka_unit_test(test_refs)};
    return cmocka_run_group_tests_name("registers", tests, NULL, NULL);
}
