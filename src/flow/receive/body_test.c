/* SPDX-License-Identifier: EUPL-1.2 */
/* Bodies of POST /ingest: cut into records however they come in pieces, gzip or not; bombs and cut
 * streams are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/mem.h"
#include "flow/receive/body.h"

struct seen {
    struct buf text; /* records, each followed by '|', a broken one by '!|' */
};

static bool see(void *ctx, const struct receive_record *r)
{
    struct seen *s = ctx;
    struct span all = buf_view(&r->held->bytes); /* a record lies in what a sink may hold on to */
    assert_true(r->bytes.len == 0 || (r->bytes.ptr >= all.ptr && r->bytes.ptr + r->bytes.len <= all.ptr + all.len));
    buf_span(&s->text, r->bytes);
    buf_cstr(&s->text, r->broken ? "!|" : "|");
    return !r->broken;
}

static struct receive_sink sink_of(struct seen *s)
{
    buf_init(&s->text, 1 << 20);
    return (struct receive_sink){.ctx = s, .record = see};
}

static struct buf gzip_of(struct span s)
{
    struct buf out;
    z_stream z = {0};
    buf_init(&out, s.len + 4096);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)s.ptr;
    z.avail_in = (uInt)s.len;
    z.next_out = (unsigned char *)buf_room(&out, s.len + 4000);
    z.avail_out = (uInt)(s.len + 4000);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    buf_added(&out, s.len + 4000 - z.avail_out);
    (void)deflateEnd(&z);
    return out;
}

static void test_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *seen;
        unsigned kept, bad;
    } rows[] = {
        {"{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}|{\"b\":2}|", 2, 0},
        {"[{\"a\":1},\n {\"b\":2}]", "{\"a\":1}|{\"b\":2}|", 2, 0},
        {"{\"a\":1}\nno sense at all\n{\"b\":2}", "{\"a\":1}|no sense at all!|{\"b\":2}|", 3, 1},
        {"12 13\r\n{}", "12 13!|{}|", 2, 1},
        {"[1,{}]", "1|{}|", 2, 0}, /* cut, not read: the sink judges */
        {"{\"a\":1}\n{\"x\":\n{\"b\":2}", "{\"a\":1}|{\"x\":!|{\"b\":2}|", 3, 1},
        {"", "", 0, 0},
        {"\n\n", "", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int gzip = 0; gzip < 2; gzip++) {
            struct seen seen;
            struct receive_sink sink = sink_of(&seen);
            struct err e;
            uint64_t kept;
            uint64_t bad;
            struct body *b = body_new(gzip == 1);
            body_expect(b, i % 3 * (size_t)BODY_MAX_BYTES); /* right or wrong, it changes nothing */
            struct buf packed = gzip_of(span_of(rows[i].body));
            struct span bytes = gzip == 1 ? buf_view(&packed) : span_of(rows[i].body);
            for (size_t k = 0; k < bytes.len; k++) { /* byte by byte */
                assert_int_equal(body_add(b, span_sub(bytes, k, 1), &e), 0);
            }
            assert_int_equal(body_end(b, &e), 0);
            body_records(b, 1, SPAN("x"), 0, &sink, &kept, &bad);
            buf_put(&seen.text, "", 1);
            seen.text.len--;
            if (strcmp(seen.text.data, rows[i].seen) != 0 || kept != rows[i].kept ||
                bad != rows[i].bad) {
                fail_msg("row %zu: \"%s\" kept %llu bad %llu", i, seen.text.data,
                         (unsigned long long)kept, (unsigned long long)bad);
            }
            buf_free(&packed);
            body_free(&b);
            buf_free(&seen.text);
        }
    }
}

static void test_body_limits(void **state)
{
    (void)state;
    struct err e;
    char *zeros = mem_alloc(BODY_MAX_BYTES + 1);
    struct buf bomb = gzip_of(span_make(zeros, BODY_MAX_BYTES + 1));
    struct body *b = body_new(true);
    assert_true(bomb.len < 100000);
    assert_int_equal(body_add(b, buf_view(&bomb), &e), ERR_LIMIT);
    body_free(&b);
    b = body_new(true);
    struct buf exact = gzip_of(span_make(zeros, BODY_MAX_BYTES));
    assert_int_equal(body_add(b, buf_view(&exact), &e), 0);
    assert_int_equal(body_end(b, &e), 0);
    assert_int_equal(body_bytes(b), BODY_MAX_BYTES);
    body_free(&b);
    b = body_new(true);
    assert_int_equal(body_add(b, span_make(exact.data, exact.len - 5), &e), 0);
    assert_int_equal(body_end(b, &e), ERR_TRUNCATED);
    body_free(&b);
    b = body_new(true);
    assert_int_equal(body_add(b, SPAN("this is not gzip"), &e), ERR_INVALID);
    body_free(&b);
    b = body_new(false);
    assert_int_equal(body_add(b, span_make(zeros, BODY_MAX_BYTES), &e), 0);
    assert_int_equal(body_add(b, span_make(zeros, 1), &e), ERR_LIMIT);
    body_free(&b);
    buf_free(&bomb);
    buf_free(&exact);
    mem_free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bodies),
                                       cmocka_unit_test(test_body_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
