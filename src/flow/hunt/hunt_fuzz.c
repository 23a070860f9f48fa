/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What people and other nodes may ask for. First byte: as JSON, as bytes, as a list of indicators, as a search, as a
 * result. Whatever is read must survive its own encoding, and mean the same.
 */
#include "flow/hunt/hunt.h"
#include "flow/hunt/hunt_result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct hunt *h, struct arena *a)
{
    struct buf one;
    struct buf two;
    struct hunt back;
    struct err e = {0};
    buf_init(&one, 8 << 20);
    buf_init(&two, 8 << 20);
    hunt_encode(&one, h);
    if (one.len <= HUNT_ENCODED_MAX) {
        CHECK(hunt_decode(buf_view(&one), a, &back, &e) == 0);
        hunt_encode(&two, &back);
        CHECK(span_eq(buf_view(&one), buf_view(&two)));
    }
    buf_free(&one);
    buf_free(&two);
}

static void result(struct span text, struct arena *a)
{
    struct hunt_result r;
    struct json_writer j;
    struct buf b;
    if (hunt_result_decode(text, a, &r, NULL) != 0) {
        return;
    }
    buf_init(&b, 64 << 20);
    hunt_result_encode(&b, &r);
    CHECK(span_eq(buf_view(&b), text));
    buf_clear(&b);
    json_writer_init(&j, &b);
    json_object(&j);
    hunt_result_json(&j, &r);
    json_end(&j);
    CHECK(json_writer_done(&j) || b.failed);
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct hunt h;
    struct span rule;
    struct err e = {0};
    if (size == 0) {
        return 0;
    }
    struct span text = span_make((const char *)data + 1, size - 1);
    arena_init(&a, 0);
    hunt_init(&h);
    switch (data[0] % 5) {
    case 0:
        if (hunt_from_json(text, &a, &h, NULL, &e) == 0) {
            again(&h, &a);
        }
        break;
    case 1:
        if (hunt_decode(text, &a, &h, &e) == 0) {
            again(&h, &a);
        }
        break;
    case 2:
        if (hunt_add_indicators(&h, text, &a, &e) == 0 && h.nindicators > 0) {
            again(&h, &a);
        }
        break;
    case 3:
        CHECK((hunt_search_rule(text, &a, &rule, &e) == 0) == (e.code == 0));
        break;
    default:
        result(text, &a);
        break;
    }
    arena_fini(&a);
    return 0;
}
