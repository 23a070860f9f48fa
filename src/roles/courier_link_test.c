/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of what the courier refuses to carry for a link, before anything is sent. The rest needs a wire: tests/federation/test_links.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "desk/federation/carry.h"
#include "roles/courier_link.h"

static struct {
    uint64_t id;
    unsigned answers, status;
    char why[256];
} got;

static void carried(void *arg, uint64_t id, struct span body)
{
    struct fed_carried c;
    struct cursor in = cursor_of(body);
    (void)arg;
    fed_carried_decode(&in, &c);
    assert_true(cursor_done(&in));
    got.id = id;
    got.answers++;
    got.status = c.status;
    (void)snprintf(got.why, sizeof got.why, "%.*s", SPAN_ARG(c.why));
}

/* A request for an address to which nobody may go anyway. */
static struct fed_carry whole(void)
{
    return (struct fed_carry){.url = SPAN("https://192.0.2.1:8610/federation/v1/push"), .method = SPAN("POST"),
                              .reason = SPAN("own signal, class allowed"), .audience = SPAN("the hub of the circle"),
                              .body = SPAN("{}"), .wait_ms = 1000};
}

/* What is answered at once; NULL: it is on its way. */
static const char *carry(struct links *l, const struct fed_carry *c, size_t cut)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    fed_carry_encode(&b, c);
    unsigned before = got.answers;
    links_carry(l, 7, span_make(b.data, b.len - cut));
    buf_free(&b);
    assert_true(got.answers == before || (got.id == 7 && got.status == 0));
    return got.answers == before ? NULL : got.why;
}

static void nothing_leaves_without_a_decision(void **state)
{
    (void)state;
    uv_loop_t loop;
    const struct links_host host = {.carried = carried};
    assert_int_equal(uv_loop_init(&loop), 0);
    struct links *l = links_new(&loop, &host);
    struct fed_carry c = whole();
    c.reason = SPAN("");
    assert_string_equal(carry(l, &c, 0), "no decision came with it");
    c = whole();
    c.audience = SPAN("");
    assert_string_equal(carry(l, &c, 0), "no decision came with it");
    c = whole();
    assert_string_equal(carry(l, &c, 1), "the request is broken");
    c.pin = SPAN("not sixty-four digits");
    assert_string_equal(carry(l, &c, 0), "the request cannot be made");
    c = whole();
    c.url = SPAN("file:///etc/passwd");
    assert_string_equal(carry(l, &c, 0), "the request is broken"); /* a link speaks https alone */
    assert_int_equal(got.answers, 5);
    links_free(&l);
    while (uv_run(&loop, UV_RUN_DEFAULT) != 0) {
    }
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_leaves_without_a_decision)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
