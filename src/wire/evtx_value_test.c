/* SPDX-License-Identifier: EUPL-1.2 */
/* Event log files: every type of value, and UTF-16 the fast and the plain way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "wire/evtx_kit.h"
#include "wire/evtx_priv.h"

#define BYTES(s) s, sizeof(s) - 1

static const struct {
    unsigned type;
    const char *bytes;
    size_t len;
    const char *want; /* as kit_dump shows it, without the name */
} values[] = {
    {0x00, BYTES(""), "''"},
    {0x01, BYTES(""), "''"},
    {0x01, BYTES("a\0\xe9\0\xac\x20"), "'a\xc3\xa9\xe2\x82\xac'"},
    {0x01, BYTES("\x3d\xd8\x00\xde"), "'\xf0\x9f\x98\x80'"},
    {0x01, BYTES("\x3d\xd8x\0"), "'\xef\xbf\xbdx'"},       /* half a pair */
    {0x01, BYTES("\x00\xdex\0"), "'\xef\xbf\xbdx'"},       /* the other half */
    {0x01, BYTES("a\0b\0\0\0\0\0"), "'ab'"},               /* zeros at the end are not text */
    {0x01, BYTES("a\0b\0c"), "'ab'"},                      /* half a unit */
    {0x01, BYTES("0\0001\0002\0003\0004\0005\0006\0007\0008\0009\0"), "'0123456789'"},
    {0x02, BYTES("caf\xe9 \x80\0"), "'caf\xc3\xa9 \xe2\x82\xac'"},
    {0x03, BYTES("\xff"), "-1"},
    {0x04, BYTES("\xff"), "255"},
    {0x05, BYTES("\x00\x80"), "-32768"},
    {0x06, BYTES("\xff\xff"), "65535"},
    {0x07, BYTES("\x00\x00\x00\x80"), "-2147483648"},
    {0x08, BYTES("\xff\xff\xff\xff"), "4294967295"},
    {0x09, BYTES("\0\0\0\0\0\0\0\x80"), "-9223372036854775808"},
    {0x0a, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615"},
    {0x0a, BYTES("\0\0\0\0\0\0\0\0"), "0"},
    {0x0b, BYTES("\xcd\xcc\xcc\x3d"), "0.1"},
    {0x0b, BYTES("\0\0\xc0\x7f"), "NaN"},
    {0x0c, BYTES("\x9a\x99\x99\x99\x99\x99\xb9\x3f"), "0.1"},
    {0x0c, BYTES("\x18\x2d\x44\x54\xfb\x21\x09\x40"), "3.141592653589793"},
    {0x0c, BYTES("\0\0\0\0\0\0\xf0\xff"), "-inf"},
    {0x0d, BYTES("\x01\0\0\0"), "true"},
    {0x0d, BYTES("\0\0\0\0"), "false"},
    {0x0d, BYTES("\x01"), "true"},
    {0x0e, BYTES("\x00\x7f\xab"), "'007FAB'"},
    {0x0f, BYTES("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"), "'33221100-5544-7766-8899-AABBCCDDEEFF'"},
    {0x10, BYTES("\xff\x01\0\0"), "'0x1ff'"},
    {0x10, BYTES("\xff\x01\0\0\0\0\0\x80"), "'0x80000000000001ff'"},
    {0x11, BYTES("\0\0\0\0\0\0\0\0"), "'1601-01-01T00:00:00.000000Z'"},
    {0x11, BYTES("\x42\x0e\x73\x88\xac\xd0\xdc\x01"), "'2026-04-20T10:00:35.646624Z'"},
    {0x11, BYTES("\x00\x80\x3e\xd5\xde\xb1\x9d\x01"), "'1970-01-01T00:00:00.000000Z'"},
    {0x11, BYTES("\xff\xff\xff\xff\xff\xff\xff\x7f"), "'0x7fffffffffffffff'"}, /* beyond the year 9999 */
    {0x12, BYTES("\xea\x07\x0b\0\0\0\x16\0\x01\0\x02\0\x03\0\xc8\x01"), "'2026-11-22T01:02:03.456000Z'"},
    {0x12, BYTES("\xea\x07\x0d\0\0\0\x16\0\x01\0\x02\0\x03\0\xc8\x01"), "'EA070D0000001600010002000300C801'"}, /* month 13 */
    {0x13, BYTES("\x01\x01\0\0\0\0\0\x05\x12\0\0\0"), "'S-1-5-18'"},
    {0x13, BYTES("\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x20\x02\0\0"), "'S-1-5-32-544'"},
    {0x13, BYTES("\x01\x00\x01\0\0\0\0\0"), "'S-1-0x10000000000'"},
    {0x13, BYTES("\x01\x02\0\0\0\0\0\x05\x20\0\0\0"), "'010200000000000520000000'"}, /* fewer parts than it says */
    {0x14, BYTES("\xff\xff\x1f\0"), "'0x1fffff'"},
    {0x14, BYTES("\0\0\0\0"), "'0x0'"},
    {0x15, BYTES("\0\0\0\0\0\0\0\x80"), "'0x8000000000000000'"},
    {0x20, BYTES("\x01\x02\x03\x04\x05\x06\x07\x08"), "'0102030405060708'"},
    {0x23, BYTES("<\0x\0>\0"), "'<x>'"},
    {0x08, BYTES("\x01\x02"), "'0102'"},         /* a size that is not its type's */
    {0x0d, BYTES("\x01\x02"), "'0102'"},
    {0x55, BYTES("\x01\x02"), "'0102'"},         /* no type we know */
    {0xa1, BYTES("\x01\x02"), "'0102'"},         /* an array of XML: there is none */
    {0x81, BYTES("a\0b\0\0\0c\0\0\0"), "'ab';Event.EventData.v='c'"},
    {0x81, BYTES("a\0\0\0\0\0c\0"), "'a';Event.EventData.v='';Event.EventData.v='c'"},
    {0x81, BYTES("a\0\0"), "'a'"},
    {0x88, BYTES("\x01\0\0\0\x02\0\0\0"), "1;Event.EventData.v=2"},
    {0x94, BYTES("\x01\0\0\0\x02\0\0\0"), "'0x1';Event.EventData.v='0x2'"},
    {0x8d, BYTES("\x01\0\0\0\0\0\0\0"), "true;Event.EventData.v=false"},
    {0x8f, BYTES("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"), "'33221100-5544-7766-8899-AABBCCDDEEFF'"},
    {0x88, BYTES("\x01\0\0\0\x02"), "'0100000002'"}, /* no whole number of items */
    {0x88, BYTES(""), "''"},
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct kit_reading *r = kit_reading_new();
        char want[256];
        (void)snprintf(want, sizeof want, "Event.EventData.v=%s;\n", values[i].want);
        kit_one_value(&r->kit, values[i].type, values[i].bytes, values[i].len);
        const char *got = kit_read_all(r);
        if (strcmp(got, want) != 0) {
            print_error("value %zu of type %02x: got %swant %s", i, values[i].type, got, want);
            fail();
        }
        kit_reading_free(r);
    }
}

/* ---- UTF-16 ---- */

static void test_utf16(void **state)
{
    (void)state;
    uint32_t seed = 20261122;
    for (int i = 0; i < 20000; i++) {
        uint16_t units[64];
        char fast[64 * 3 + 16];
        char plain[64 * 3 + 16];
        uint32_t tags[2] = {0, 0};
        for (size_t k = 0; k < ARRAY_LEN(units); k++) {
            seed = seed * 1664525u + 1013904223u;
            unsigned odd = seed >> 28;
            units[k] = (uint16_t)(odd == 0 ? seed >> 8 : odd == 1 ? 0xd800 + (seed >> 8) % 0x800 : seed >> 8 & 0x7f);
        }
        size_t len = seed >> 8 & 127;
        char *exact = mem_alloc(len);
        memcpy(exact, units, len);
        size_t n = evtx_utf16(span_make(exact, len), fast, &tags[0]);
        assert_int_equal(n, evtx_utf16_plain(span_make(exact, len), plain, &tags[1]));
        assert_memory_equal(fast, plain, n);
        assert_int_equal(tags[0], tags[1]);
        assert_true(n <= len / 2 * 3);
        mem_free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_utf16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
