/* SPDX-License-Identifier: EUPL-1.2 */
/* Event log files: damage is told and the rest read; every limit from both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "wire/evtx_kit.h"

#define BYTES(s) s, sizeof(s) - 1

static void test_file_header(void **state)
{
    (void)state;
    struct err e = {0};
    char header[EVTX_HEADER_BYTES] = "ElfFile";
    header[36] = 2;
    header[38] = 3;
    header[41] = 0x10;
    assert_int_equal(evtx_file_header(span_make(header, sizeof header), &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "checksum"));
    uint32_t sum = (uint32_t)crc32(0, (const Bytef *)header, 120);
    memcpy(header + 124, &sum, sizeof sum);
    assert_int_equal(evtx_file_header(span_make(header, sizeof header), &e), 0);
    assert_int_equal(evtx_file_header(span_make(header, 4095), &e), ERR_TRUNCATED);
    header[120] = 4; /* its checksum was never computed */
    header[124] ^= 1;
    assert_int_equal(evtx_file_header(span_make(header, sizeof header), &e), 0);
    header[38] = 4;
    sum = (uint32_t)crc32(0, (const Bytef *)header, 120);
    memcpy(header + 124, &sum, sizeof sum);
    assert_int_equal(evtx_file_header(span_make(header, sizeof header), &e), ERR_UNSUPPORTED);
    assert_int_equal(evtx_file_header(span_make(header, 7), &e), ERR_INVALID);
    assert_int_equal(evtx_file_header(SPAN(""), &e), ERR_INVALID);
    assert_true(evtx_is_file(SPAN("ElfFile\0")));
    assert_false(evtx_is_file(SPAN("ElfFile")));
    assert_false(evtx_is_file(SPAN("ElfChnk\0")));
}

static void put_three(struct evtx_kit *k)
{
    for (int i = 1; i <= 3; i++) {
        char byte = (char)i;
        kit_one_value(k, 0x04, &byte, 1);
    }
}

#define ONE "Event.EventData.v=1;\n"
#define TWO "Event.EventData.v=2;\n"
#define THREE "Event.EventData.v=3;\n"

/* Bytes changed after the chunk was finished; sizes and offsets of the three records are the same. */
static const struct {
    const char *what;
    int record;    /* the change is relative to this record's start (0 to 2), or to the chunk (-1) */
    size_t at;
    const char *bytes;
    size_t len;
    enum evtx_chunk_state state;
    const char *want;
} damages[] = {
    {"nothing", -1, 0, BYTES("E"), EVTX_CHUNK_GOOD, ONE TWO THREE},
    {"no chunk", -1, 0, BYTES("e"), EVTX_CHUNK_LOST, ""},
    {"header checksum", -1, 124, BYTES("\0\0\0\0"), EVTX_CHUNK_DAMAGED, ONE TWO THREE},
    {"end of records too far", -1, 48, BYTES("\xff\xff\xff\xff"), EVTX_CHUNK_DAMAGED, ONE TWO THREE},
    {"end of records too near", -1, 48, BYTES("\x10\0\0\0"), EVTX_CHUNK_DAMAGED, ONE TWO THREE},
    {"the number of a record", 1, 8, BYTES("\x80"), EVTX_CHUNK_DAMAGED, ONE TWO THREE},
    {"a record's first bytes", 1, 0, BYTES("xx"), EVTX_CHUNK_DAMAGED, ONE "BAD\n" THREE},
    {"a record's size", 1, 4, BYTES("\xff\xff\xff\xff"), EVTX_CHUNK_DAMAGED, ONE "BAD\n" THREE},
    {"a record of size 0", 1, 4, BYTES("\0\0\0\0"), EVTX_CHUNK_DAMAGED, ONE "BAD\n" THREE},
    {"first record", 0, 0, BYTES("\0\0\0\0"), EVTX_CHUNK_DAMAGED, "BAD\n" TWO THREE},
    {"last record", 2, 4, BYTES("\xff\xff"), EVTX_CHUNK_DAMAGED, ONE TWO "BAD\n"},
    {"fragment", 1, 24, BYTES("\x77"), EVTX_CHUNK_DAMAGED, ONE "FAILED\n" THREE},
    {"template outside", 1, 24 + 4 + 6, BYTES("\xff\xff\xff\x7f"), EVTX_CHUNK_DAMAGED, ONE "FAILED\n" THREE},
    {"template size", 1, 24 + 14 + 20, BYTES("\xff\xff\xff\x7f"), EVTX_CHUNK_DAMAGED, ONE "FAILED\n" THREE},
    {"name outside", 1, 24 + 14 + 24 + 4 + 7, BYTES("\xff\xff\xff\x7f"), EVTX_CHUNK_DAMAGED, ONE "FAILED\n" THREE},
    {"unknown token", 1, 24 + 14 + 24 + 4, BYTES("\x33"), EVTX_CHUNK_DAMAGED, ONE "FAILED\n" THREE},
};

static void test_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        struct kit_reading *r = kit_reading_new();
        put_three(&r->kit);
        kit_finish(&r->kit);
        size_t size = (r->kit.at - EVTX_CHUNK_HEADER_BYTES) / 3;
        size_t base = damages[i].record < 0 ? 0 : EVTX_CHUNK_HEADER_BYTES + size * (size_t)damages[i].record;
        memcpy(r->kit.data + base + damages[i].at, damages[i].bytes, damages[i].len);
        enum evtx_chunk_state got_state = kit_take(r, EVTX_CHUNK_BYTES);
        const char *got = kit_lines(r);
        if (got_state != damages[i].state || strcmp(got, damages[i].want) != 0) {
            print_error("%s: state %d, got\n%swant\n%s", damages[i].what, got_state, got, damages[i].want);
            fail();
        }
        kit_reading_free(r);
    }
}

/* A chunk whose checksums were never computed is good without them, but not with an end that cannot be. */
static void test_unchecked(void **state)
{
    (void)state;
    struct kit_reading *r = kit_reading_new();
    put_three(&r->kit);
    kit_finish(&r->kit);
    memset(r->kit.data + 52, 0, 4);
    memset(r->kit.data + 124, 0, 4);
    r->kit.data[120] = 4;
    assert_int_equal(kit_take(r, EVTX_CHUNK_BYTES), EVTX_CHUNK_GOOD);
    assert_string_equal(kit_lines(r), ONE TWO THREE);
    memset(r->kit.data + 48, 0xff, 4);
    assert_int_equal(kit_take(r, EVTX_CHUNK_BYTES), EVTX_CHUNK_DAMAGED);
    assert_string_equal(kit_lines(r), ONE TWO THREE);
    kit_reading_free(r);
}

/* The second size of a record is wrong: it is read all the same, whether another begins right behind it or not, unless its first
 * size would swallow another. */
static void test_second_size(void **state)
{
    (void)state;
    struct kit_reading *r = kit_reading_new();
    put_three(&r->kit);
    kit_finish(&r->kit);
    size_t size = (r->kit.at - EVTX_CHUNK_HEADER_BYTES) / 3;
    r->kit.data[EVTX_CHUNK_HEADER_BYTES + size - 4] ^= 1;
    assert_int_equal(kit_take(r, EVTX_CHUNK_BYTES), EVTX_CHUNK_DAMAGED);
    assert_string_equal(kit_lines(r), ONE TWO THREE);
    r->kit.data[EVTX_CHUNK_HEADER_BYTES + size] ^= 1;
    assert_int_equal(kit_take(r, EVTX_CHUNK_BYTES), EVTX_CHUNK_DAMAGED);
    assert_string_equal(kit_lines(r), ONE "BAD\n" THREE);
    uint32_t longer = (uint32_t)size * 2 + 8;
    memcpy(r->kit.data + EVTX_CHUNK_HEADER_BYTES + 4, &longer, sizeof longer);
    assert_int_equal(kit_take(r, EVTX_CHUNK_BYTES), EVTX_CHUNK_DAMAGED);
    assert_string_equal(kit_lines(r), "BAD\n" THREE);
    kit_reading_free(r);
}

/* A file that ends anywhere: what is whole is read. */
static void test_cut(void **state)
{
    (void)state;
    struct kit_reading *r = kit_reading_new();
    put_three(&r->kit);
    kit_finish(&r->kit);
    size_t size = (r->kit.at - EVTX_CHUNK_HEADER_BYTES) / 3;
    for (size_t len = 0; len <= r->kit.at; len++) {
        enum evtx_chunk_state s = kit_take(r, len);
        size_t whole = len < EVTX_CHUNK_HEADER_BYTES ? 0 : (len - EVTX_CHUNK_HEADER_BYTES) / size;
        const char *got = kit_lines(r);
        assert_int_equal(s, len == 0 ? EVTX_CHUNK_EMPTY
                                     : len < EVTX_CHUNK_HEADER_BYTES ? EVTX_CHUNK_LOST : EVTX_CHUNK_DAMAGED);
        assert_true(strncmp(got, ONE TWO THREE, whole * (sizeof ONE - 1)) == 0);
        assert_null(strstr(got, "FAILED"));
    }
    memset(r->kit.data, 0, sizeof r->kit.data);
    assert_int_equal(kit_take(r, EVTX_CHUNK_BYTES), EVTX_CHUNK_EMPTY);
    assert_string_equal(kit_lines(r), "");
    kit_reading_free(r);
}

/* ---- limits ---- */

static void limit_depth(struct evtx_kit *k, bool over)
{
    kit_record(k);
    kit_fragment(k);
    for (int i = 0; i < EVTX_DEPTH_MAX + over; i++) {
        kit_open(k, "e", false);
        kit_u8(k, KIT_TAG);
    }
    kit_text(k, "t");
    for (int i = 0; i < EVTX_DEPTH_MAX + over; i++) {
        kit_u8(k, KIT_CLOSE);
    }
    kit_record_end(k);
}

/* XML inside XML: each value holds the rest of the record. */
static void limit_nested(struct evtx_kit *k, bool over)
{
    size_t entries[EVTX_NESTED_MAX + 2];
    int n = EVTX_NESTED_MAX + over;
    kit_record(k);
    for (int i = 0; i <= n; i++) {
        kit_template(k);
        kit_open(k, "e", false);
        kit_u8(k, KIT_TAG);
        kit_value(k, 0, 0x21);
        kit_u8(k, KIT_CLOSE);
        kit_template_end(k);
        kit_u32(k, 1);
        entries[i] = k->at;
        kit_value_entry(k, i < n ? 0x21 : 0x04, i < n ? 0 : 1);
    }
    kit_u8(k, 1);
    for (int i = 0; i < n; i++) {
        uint16_t size = (uint16_t)(k->at - entries[i] - 4);
        memcpy(k->data + entries[i], &size, sizeof size);
    }
    kit_record_end(k);
}

static void limit_values(struct evtx_kit *k, bool over)
{
    kit_record(k);
    kit_fragment(k);
    kit_template(k);
    kit_open(k, "e", false);
    kit_u8(k, KIT_TAG);
    kit_value(k, 4095, 0x04);
    kit_u8(k, KIT_CLOSE);
    kit_template_end(k);
    kit_u32(k, (uint32_t)(EVTX_VALUES_MAX + over));
    for (int i = 0; i < EVTX_VALUES_MAX + over; i++) {
        kit_value_entry(k, 0x04, 1);
    }
    for (int i = 0; i < EVTX_VALUES_MAX + over; i++) {
        kit_u8(k, 7);
    }
    kit_record_end(k);
}

static void limit_attributes(struct evtx_kit *k, bool over)
{
    kit_record(k);
    kit_fragment(k);
    kit_open(k, "e", true);
    for (int i = 0; i < EVTX_ATTRIBUTES_MAX + over; i++) {
        kit_attribute(k, "a");
        kit_text(k, "v");
    }
    kit_u8(k, KIT_EMPTY);
    kit_record_end(k);
}

static void limit_name(struct evtx_kit *k, bool over)
{
    char name[EVTX_NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[EVTX_NAME_MAX + over] = '\0';
    kit_record(k);
    kit_fragment(k);
    kit_open(k, name, false);
    kit_u8(k, KIT_EMPTY);
    kit_record_end(k);
}

/* One long value, used as often as it takes to make a mebibyte of it. */
static void limit_text(struct evtx_kit *k, bool over)
{
    enum { LONG = 30000 };
    kit_record(k);
    kit_fragment(k);
    kit_template(k);
    kit_open(k, "e", false);
    kit_u8(k, KIT_TAG);
    for (int i = 0; i < (over ? 36 : 28); i++) {
        kit_value(k, 0, 0x01);
    }
    kit_u8(k, KIT_CLOSE);
    kit_template_end(k);
    kit_u32(k, 1);
    kit_value_entry(k, 0x01, LONG * 2);
    for (int i = 0; i < LONG; i++) {
        kit_u16(k, 'x');
    }
    kit_record_end(k);
}

static const struct {
    const char *what;
    void (*build)(struct evtx_kit *, bool over);
    const char *text; /* of the error beyond the limit */
} limits[] = {
    {"depth", limit_depth, "64 levels"},         {"nested", limit_nested, "8 fragments"},
    {"values", limit_values, "4096 values"},     {"attributes", limit_attributes, "256 attributes"},
    {"name", limit_name, "512 characters"},      {"text", limit_text, "1 MiB"},
};

static void test_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(limits) * 2; i++) {
        struct kit_reading *r = kit_reading_new();
        bool over = i % 2 == 1;
        limits[i / 2].build(&r->kit, over);
        const char *got = kit_read_all(r);
        bool right = over ? strcmp(got, "FAILED\n") == 0 && r->e.code == ERR_LIMIT &&
                                strstr(r->e.text, limits[i / 2].text) != NULL
                          : strstr(got, "FAILED") == NULL && strchr(got, '=') != NULL;
        if (!right) {
            print_error("%s%s: %.200s (%s)\n", limits[i / 2].what, over ? " over" : "", got, r->e.text);
            fail();
        }
        kit_reading_free(r);
    }
}

/* Records that each have a template of their own full of steps: the chunk's budget ends them, whatever they hold. */
static void test_budget(void **state)
{
    (void)state;
    struct kit_reading *r = kit_reading_new();
    struct evtx_kit *k = &r->kit;
    kit_record(k);
    kit_fragment(k);
    kit_template(k);
    kit_open(k, "e", false);
    kit_u8(k, KIT_TAG);
    for (int i = 0; i < 12000; i++) {
        kit_value(k, 0, 0x01);
    }
    kit_u8(k, KIT_CLOSE);
    kit_template_end(k);
    uint32_t template = (uint32_t)k->template;
    kit_no_values(k);
    for (int i = 0; i < 200; i++) {
        kit_record(k);
        kit_fragment(k);
        kit_instance(k, template);
        kit_no_values(k);
    }
    const char *got = kit_read_all(r);
    size_t good = 0;
    size_t failed = 0;
    for (; *got != '\0'; got = strchr(got, '\n') + 1) {
        bool bad = strncmp(got, "FAILED", 6) == 0;
        assert_true(bad || failed == 0);
        failed += bad;
        good += !bad;
    }
    assert_true(good > 10 && good < 25 && good + failed == 201);
    assert_int_equal(r->e.code, ERR_LIMIT);
    kit_reading_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_header),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_second_size),
        cmocka_unit_test(test_unchecked),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
