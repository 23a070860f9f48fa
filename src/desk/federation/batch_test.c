/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of the bodies of push and pull, and of requests for the courier. */
#include "desk/federation/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "desk/federation/carry.h"

static int read_exact(const char *text, bool pull, struct batch *out)
{
    size_t n = strlen(text);
    char *exact = mem_alloc(n + 1);
    struct err e = {0};
    memcpy(exact, text, n);
    int rc = pull ? batch_read_pull(span_make(exact, n), out, &e)
                  : batch_read_push(span_make(exact, n), out, &e);
    mem_free(exact);
    return rc;
}

static void bodies(void **state)
{
    (void)state;
    static struct batch b;
    static const char *const bad_push[] = {
        "", "{}", "[]", "{\"envelopes\":[", "{\"envelopes\":[{]}", "{\"envelopes\":[{}],\"epoch\":1}",
        "{\"envelopes\":[{}],\"epoch\":0,\"from\":1}", "{\"envelopes\":[{}],\"epoch\":1,\"from\":0}",
        "{\"envelopes\":[{},],\"epoch\":1,\"from\":1}", "{\"envelopes\":[1],\"epoch\":1,\"from\":1}",
        "{\"envelopes\":[{}],\"epoch\":1,\"from\":1} ", "{\"envelopes\":[{}],\"epoch\":-1,\"from\":1}",
        "{\"envelopes\":[{}],\"epoch\":01,\"from\":1}", "{\"epoch\":1,\"envelopes\":[{}],\"from\":1}",
        "{\"envelopes\":[{}],\"epoch\":9007199254740992,\"from\":1}",
        "{\"envelopes\":[{\"a\":\"}],\"epoch\":1,\"from\":1}"};
    static const char *const bad_pull[] = {
        "{\"envelopes\":[{\"envelope\":{},\"seq\":1},{\"envelope\":{},\"seq\":3}],\"epoch\":1}",
        "{\"envelopes\":[{\"envelope\":{}}],\"epoch\":1}", "{\"envelopes\":[{}],\"epoch\":1}",
        "{\"envelopes\":[{\"envelope\":{},\"seq\":1}]}"};
    for (size_t i = 0; i < ARRAY_LEN(bad_push); i++) {
        if (read_exact(bad_push[i], false, &b) != ERR_INVALID) {
            fail_msg("%s", bad_push[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(bad_pull); i++) {
        if (read_exact(bad_pull[i], true, &b) != ERR_INVALID) {
            fail_msg("%s", bad_pull[i]);
        }
    }
    assert_int_equal(read_exact("{\"envelopes\":[],\"epoch\":0}", true, &b), 0);
    assert_int_equal(b.count, 0);
    assert_int_equal(
        read_exact("{\"envelopes\":[{\"a\":\"x}\\\"]\"},{\"b\":[{}]}],\"epoch\":7,\"from\":3}", false,
                   &b),
        0);
    assert_int_equal(b.count, 2);
    assert_int_equal(b.epoch, 7);
    assert_int_equal(b.items[1].seq, 4);
    struct buf out;
    buf_init(&out, 4096);
    b.items[0].envelope = SPAN("{\"a\":\"x}\\\"]\"}");
    b.items[1].envelope = SPAN("{\"b\":[{}]}");
    batch_write_pull(&b, &out);
    assert_int_equal(batch_read_pull(buf_view(&out), &b, NULL), 0);
    assert_int_equal(b.items[1].seq, 4);
    assert_true(span_eq(b.items[1].envelope, SPAN("{\"b\":[{}]}")));
    buf_free(&out);
}

static void too_many(void **state)
{
    (void)state;
    static struct batch b;
    struct buf out;
    buf_init(&out, 1 << 20);
    buf_cstr(&out, "{\"envelopes\":[{}");
    for (int i = 0; i < BATCH_MAX; i++) {
        buf_cstr(&out, ",{}");
    }
    buf_cstr(&out, "],\"epoch\":1,\"from\":1}");
    assert_int_equal(batch_read_push(buf_view(&out), &b, NULL), ERR_LIMIT);
    buf_free(&out);
}

static void carrying(void **state)
{
    (void)state;
    struct buf b;
    struct fed_carry got;
    struct fed_carry c = {.url = SPAN("https://hub.example:8610/federation/v1/push"),
                          .method = SPAN("POST"),
                          .reason = SPAN("allowed"),
                          .audience = SPAN("the hub"),
                          .body = SPAN("{}"),
                          .wait_ms = 1000};
    buf_init(&b, 4096);
    fed_carry_encode(&b, &c);
    struct cursor in = cursor_of(buf_view(&b));
    fed_carry_decode(&in, &got);
    assert_true(cursor_done(&in));
    assert_true(span_eq(got.audience, c.audience));
    for (size_t cut = 0; cut < b.len; cut++) {
        in = cursor_of(span_make(b.data, cut));
        fed_carry_decode(&in, &got);
        assert_false(cursor_done(&in));
    }
    static const char *const urls[] = {"http://hub", "file:///etc/passwd", ""};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        buf_clear(&b);
        c.url = span_of(urls[i]);
        fed_carry_encode(&b, &c);
        in = cursor_of(buf_view(&b));
        fed_carry_decode(&in, &got);
        assert_false(cursor_done(&in));
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bodies), cmocka_unit_test(too_many),
                                       cmocka_unit_test(carrying)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
