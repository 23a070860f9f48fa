/* SPDX-License-Identifier: EUPL-1.2 */
/* Event log files: the shapes of binary XML, keys, and every bit flipped, on chunks built here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "wire/evtx_kit.h"

/* <System><Provider Name="p" Guid="%0"/><EventID Qualifiers="%1">%2</EventID><Correlation ActivityID="%0"/></System> with
 * nothing for %0 and %1. */
static void shape_system(struct evtx_kit *k)
{
    kit_event(k);
    kit_open(k, "System", false);
    kit_u8(k, KIT_TAG);
    kit_open(k, "Provider", true);
    kit_attribute(k, "Name");
    kit_text(k, "p");
    kit_attribute(k, "Guid");
    kit_value(k, 0, 0x0f);
    kit_u8(k, KIT_EMPTY);
    kit_open(k, "EventID", true);
    kit_attribute(k, "Qualifiers");
    kit_value(k, 1, 0x06);
    kit_u8(k, KIT_TAG);
    kit_value(k, 2, 0x06);
    kit_u8(k, KIT_CLOSE);
    kit_open(k, "Correlation", true);
    kit_attribute(k, "ActivityID");
    kit_value(k, 0, 0x0f);
    kit_u8(k, KIT_EMPTY);
    kit_u8(k, KIT_CLOSE);
    kit_event_end(k);
    kit_u32(k, 3);
    kit_value_entry(k, 0x00, 0);
    kit_value_entry(k, 0x06, 2);
    kit_value_entry(k, 0x06, 2);
    kit_u16(k, 7);
    kit_u16(k, 4701);
    kit_record_end(k);
}

/* Data without a name twice, with a name and nothing, empty elements with and without attributes. */
static void shape_empty(struct evtx_kit *k)
{
    kit_event(k);
    kit_open(k, "EventData", true);
    kit_attribute(k, "Name");
    kit_text(k, "n");
    kit_u8(k, KIT_TAG);
    for (int i = 0; i < 2; i++) {
        kit_open(k, "Data", false);
        kit_u8(k, KIT_TAG);
        kit_text(k, i == 0 ? "a" : "b");
        kit_u8(k, KIT_CLOSE);
    }
    kit_data(k, "x");
    kit_u8(k, KIT_EMPTY);
    kit_data(k, "y");
    kit_u8(k, KIT_TAG);
    kit_u8(k, KIT_CLOSE);
    kit_data(k, "z");
    kit_u8(k, KIT_TAG);
    kit_value(k, 9, 0x01); /* a value that there is not */
    kit_u8(k, KIT_CLOSE);
    kit_open(k, "Binary", false);
    kit_u8(k, KIT_EMPTY);
    kit_u8(k, KIT_CLOSE);
    kit_event_end(k);
    kit_no_values(k);
}

/* Text made of several parts, in an element and in an attribute. */
static void shape_mixed(struct evtx_kit *k)
{
    kit_event(k);
    kit_open(k, "A", true);
    kit_attribute(k, "b");
    kit_text(k, "<");
    kit_value(k, 0, 0x08);
    kit_u8(k, KIT_TAG);
    kit_text(k, "x");
    kit_put(k, "\x48\x41\x00", 3); /* &#65; */
    kit_u8(k, 0x49);              /* &amp; */
    kit_u32(k, (uint32_t)k->at + 4);
    kit_put(k, "\0\0\0\0\0\0\3\0a\0m\0p\0\0\0", 16);
    kit_put(k, "\x07\x02\x00[\0]\0", 7); /* CDATA */
    kit_value(k, 1, 0x81);
    kit_value(k, 2, 0x00);
    kit_u8(k, KIT_CLOSE);
    kit_event_end(k);
    kit_u32(k, 3);
    kit_value_entry(k, 0x08, 4);
    kit_value_entry(k, 0x81, 8);
    kit_value_entry(k, 0x00, 0);
    kit_u32(k, 5);
    kit_put(k, "p\0\0\0q\0\0\0", 8);
    kit_record_end(k);
}

/* <Data Name="%0">%1</Data>, then the same with nothing for a name. */
static void shape_named(struct evtx_kit *k)
{
    kit_event(k);
    for (unsigned i = 0; i < 2; i++) {
        kit_open(k, "Data", true);
        kit_attribute(k, "Name");
        kit_value(k, i == 0 ? 0 : 2, 0x01);
        kit_u8(k, KIT_TAG);
        kit_value(k, 1, 0x04);
        kit_u8(k, KIT_CLOSE);
    }
    kit_event_end(k);
    kit_u32(k, 2);
    kit_value_entry(k, 0x01, 4);
    kit_value_entry(k, 0x04, 1);
    kit_units(k, "ab");
    kit_u8(k, 9);
    kit_record_end(k);
}

/* A value that is XML: once a template instance, once elements without dependency numbers. */
static void shape_nested(struct evtx_kit *k)
{
    kit_event(k);
    kit_value(k, 0, 0x21);
    kit_value(k, 1, 0x21);
    kit_event_end(k);
    size_t table = k->at;
    kit_u32(k, 2);
    kit_value_entry(k, 0x21, 0);
    kit_value_entry(k, 0x21, 0);
    size_t first = k->at;
    kit_fragment(k);
    kit_template(k);
    kit_open(k, "EventData", false);
    kit_u8(k, KIT_TAG);
    kit_data(k, "in");
    kit_u8(k, KIT_TAG);
    kit_value(k, 0, 0x04);
    kit_put(k, "\x04\x04", 2);
    kit_template_end(k);
    kit_u32(k, 1);
    kit_value_entry(k, 0x04, 1);
    kit_u8(k, 42);
    size_t second = k->at;
    kit_fragment(k);
    kit_open_inside(k, "UserData", false);
    kit_u8(k, KIT_TAG);
    kit_open_inside(k, "B", true);
    kit_attribute(k, "c");
    kit_text(k, "d");
    kit_u8(k, KIT_TAG);
    kit_text(k, "e");
    kit_put(k, "\x04\x04\x00", 3);
    uint16_t sizes[2] = {(uint16_t)(second - first), (uint16_t)(k->at - second)};
    memcpy(k->data + table + 4, &sizes[0], sizeof sizes[0]);
    memcpy(k->data + table + 8, &sizes[1], sizeof sizes[1]);
    kit_record_end(k);
}

/* The second record uses the first one's template; two more have none, one with dependency numbers and one, as a collector of
 * events writes them, without. */
static void shape_shared(struct evtx_kit *k)
{
    kit_one_value(k, 0x04, "\x01", 1);
    uint32_t template = (uint32_t)k->template;
    kit_record(k);
    kit_fragment(k);
    kit_instance(k, template);
    kit_u32(k, 1);
    kit_value_entry(k, 0x01, 2);
    kit_units(k, "q");
    kit_record_end(k);
    kit_record(k);
    kit_fragment(k);
    kit_open(k, "Event", false);
    kit_u8(k, KIT_TAG);
    kit_text(k, "alone");
    kit_u8(k, KIT_CLOSE);
    kit_u8(k, KIT_END);
    kit_record_end(k);
    kit_record(k);
    kit_fragment(k);
    kit_open_inside(k, "Event", false);
    kit_u8(k, KIT_TAG);
    kit_open_inside(k, "Data", true);
    kit_attribute(k, "Name");
    kit_text(k, "n");
    kit_u8(k, KIT_TAG);
    kit_text(k, "collected");
    kit_put(k, "\x04\x04\x00", 3);
    kit_record_end(k);
}

/* Instructions are passed over. */
static void shape_instruction(struct evtx_kit *k)
{
    kit_event(k);
    kit_u8(k, 0x0a);
    kit_u32(k, (uint32_t)k->at + 4);
    kit_put(k, "\0\0\0\0\0\0\1\0p\0\0\0", 12);
    kit_put(k, "\x0b\x01\x00q\0", 5);
    kit_text(k, "t");
    kit_event_end(k);
    kit_no_values(k);
}

static const struct {
    const char *what;
    void (*build)(struct evtx_kit *);
    const char *want;
} shapes[] = {
    {"system", shape_system,
     "Event.#attributes.xmlns='u';Event.System.Provider.#attributes.Name='p';"
     "Event.System.EventID.#attributes.Qualifiers=7;Event.System.EventID=4701;Event.System.Correlation=null;\n"},
    {"empty", shape_empty,
     "Event.#attributes.xmlns='u';Event.EventData.#attributes.Name='n';Event.EventData.Data='a';Event.EventData.Data='b';"
     "Event.EventData.x='';Event.EventData.y='';Event.EventData.z='';Event.EventData.Binary=null;\n"},
    {"mixed", shape_mixed, "Event.#attributes.xmlns='u';Event.A.#attributes.b='<5';Event.A='xA&[]p q';\n"},
    {"named", shape_named, "Event.#attributes.xmlns='u';Event.ab=9;Event.Data=9;\n"},
    {"nested", shape_nested,
     "Event.#attributes.xmlns='u';Event.EventData.in=42;Event.UserData.B.#attributes.c='d';Event.UserData.B='e';\n"},
    {"shared", shape_shared, "Event.EventData.v=1;\nEvent.EventData.v='q';\nEvent='alone';\nEvent.n='collected';\n"},
    {"instruction", shape_instruction, "Event.#attributes.xmlns='u';Event='t';\n"},
};

static void test_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct kit_reading *r = kit_reading_new();
        shapes[i].build(&r->kit);
        const char *got = kit_read_all(r);
        if (strcmp(got, shapes[i].want) != 0) {
            print_error("%s: got\n%swant\n%s%s", shapes[i].what, got, shapes[i].want, r->e.text);
            fail();
        }
        kit_reading_free(r);
    }
}

/* ---- keys ---- */

static void test_keys(void **state)
{
    (void)state;
    struct kit_reading *r = kit_reading_new();
    struct arena region;
    arena_init(&region, 0);
    struct keytable_builder *b = keytable_builder_new();
    key_node event = keytable_add(b, KEY_ROOT, SPAN("Event"));
    key_node data = keytable_add(b, event, SPAN("EventData"));
    key_node user = keytable_add(b, event, SPAN("UserData"));
    key_node v = keytable_add(b, data, SPAN("v"));
    key_node bare = keytable_add(b, data, SPAN("ThreatName"));
    key_node both = keytable_add(b, data, SPAN("a b"));
    key_node joined = keytable_add(b, data, SPAN("ab"));
    key_node deep = keytable_add(b, user, SPAN("B"));
    key_node attribute = keytable_add(b, user, SPAN("c"));
    keytable_flag(b, data, KEY_STRIP_BLANKS);
    keytable_flag(b, user, KEY_DEEP);
    r->keys = keytable_pack(b, &region);
    keytable_builder_free(&b);
    leaves_fini(&r->l);
    leaves_init(&r->l, keytable_nodes(r->keys));
    struct evtx_kit *k = &r->kit;
    kit_event(k);
    kit_open(k, "EventData", false);
    kit_u8(k, KIT_TAG);
    const char *const names[] = {"v", "Threat Name", "a b", "v"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        kit_data(k, names[i]);
        kit_u8(k, KIT_TAG);
        kit_text(k, names[i]);
        kit_u8(k, KIT_CLOSE);
    }
    kit_u8(k, KIT_CLOSE);
    kit_open(k, "UserData", false);
    kit_u8(k, KIT_TAG);
    kit_open(k, "X", false);
    kit_u8(k, KIT_TAG);
    kit_open(k, "B", true);
    kit_attribute(k, "c");
    kit_text(k, "1");
    kit_u8(k, KIT_TAG);
    kit_text(k, "2");
    kit_put(k, "\x04\x04\x04", 3);
    kit_event_end(k);
    kit_no_values(k);
    const char *got = kit_read_all(r);
    assert_string_equal(got, "Event.#attributes.xmlns='u';Event.EventData.v='v';Event.EventData.Threat Name='Threat Name';"
                             "Event.EventData.a b='a b';(again)='a b';Event.EventData.v='v';"
                             "Event.UserData.X.B.#attributes.c='1';Event.UserData.X.B='2';\n");
    const key_node want[] = {KEY_NONE, v, bare, both, joined, v, attribute, deep};
    assert_int_equal(r->l.len, ARRAY_LEN(want));
    for (uint32_t i = 0; i < r->l.len; i++) {
        assert_int_equal(r->l.data[i].node, want[i]);
    }
    assert_int_equal(leaves_first(&r->l, v), 1);
    assert_int_equal(r->l.data[1].next, 5);
    kit_reading_free(r);
    arena_fini(&region);
}

/* Every bit of every record flipped, one by one: a message or other values, never a fault. */
static void test_flips(void **state)
{
    (void)state;
    struct kit_reading *r = kit_reading_new();
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        shapes[i].build(&r->kit);
    }
    kit_finish(&r->kit);
    for (size_t i = EVTX_CHUNK_HEADER_BYTES; i < r->kit.at; i++) {
        for (int bit = 0; bit < 8; bit += 3) {
            r->kit.data[i] ^= (uint8_t)(1 << bit);
            assert_true(kit_take(r, r->kit.at) != EVTX_CHUNK_GOOD);
            (void)kit_lines(r);
            r->kit.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    kit_reading_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_flips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
