/* SPDX-License-Identifier: EUPL-1.2 */
/* The JSON writer: nesting, escapes, bad bytes, numbers, a full buffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>

#include <cmocka.h>

#include "wire/json_write.h"

static void test_writer(void **state)
{
    (void)state;
    struct buf b;
    struct json_writer j;
    buf_init(&b, 4096);
    json_writer_init(&j, &b);
    json_object(&j);
    json_key(&j, "a");
    json_array(&j);
    json_u64(&j, UINT64_MAX);
    json_i64(&j, -5);
    json_double(&j, 0.1);
    json_double(&j, NAN);
    json_bool(&j, true);
    json_null(&j);
    json_array(&j);
    json_end(&j);
    json_end(&j);
    json_key_text(&j, SPAN("k\"\n"));
    json_text(&j, span_make("\x00\x1f\\\xff\xc3\xa9\x7f", 7));
    json_key(&j, "raw");
    json_raw(&j, SPAN("{\"x\":1}"));
    json_member_text(&j, "t", SPAN(""));
    json_member_text_or_null(&j, "u", SPAN("v"));
    json_member_text_or_null(&j, "n", SPAN(""));
    assert_false(json_writer_done(&j));
    json_end(&j);
    assert_true(json_writer_done(&j));
    buf_u8(&b, 0);
    assert_string_equal(b.data,
                        "{\"a\":[18446744073709551615,-5,0.1,null,true,null,[]],\"k\\\"\\n\":"
                        "\"\\u0000\\u001f\\\\\xef\xbf\xbd\xc3\xa9\\u007f\",\"raw\":{\"x\":1},\"t\":\"\",\"u\":\"v\",\"n\":null}");
    buf_free(&b);
    buf_init(&b, 4);
    json_writer_init(&j, &b);
    json_text(&j, SPAN("too long"));
    assert_false(json_writer_done(&j));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_writer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
