/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Fuzz target of what the desk reads from requests: the first byte chooses address, form, JSON body
 * or headers ("name: value" lines). What is accepted must keep the promises of uri.h and head.h.
 */
#include "api/api_priv.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_pairs(const struct uri_pairs *p)
{
    CHECK(p->count <= URI_PAIRS_MAX);
    for (size_t i = 0; i < p->count; i++) {
        CHECK(utf8_valid(p->pair[i].name) && utf8_valid(p->pair[i].value));
        CHECK(memchr(p->pair[i].value.ptr, '\0', p->pair[i].value.len) == NULL);
        for (size_t k = 0; k < i; k++) {
            CHECK(!span_eq(p->pair[i].name, p->pair[k].name));
        }
    }
}

static void feed_head(struct span text)
{
    static const struct head_policy policy = {0};
    struct head h = {0};
    while (text.len > 0 && h.count < HEAD_FIELDS_MAX) {
        ptrdiff_t end = span_find(text, '\n');
        struct span one = span_sub(text, 0, end < 0 ? text.len : (size_t)end);
        text = end < 0 ? SPAN("") : span_sub(text, (size_t)end + 1, text.len);
        ptrdiff_t colon = span_find(one, ':');
        if (colon > 0) {
            h.field[h.count++] =
                (struct head_field){span_sub(one, 0, (size_t)colon),
                                    span_trim(span_sub(one, (size_t)colon + 1, one.len))};
        }
    }
    struct head_verdict v = head_check(&h, &policy, SPAN("HTTP/1.1"), true, 1000);
    CHECK(v.status == 0 || (v.code != NULL && v.message != NULL));
    (void)head_cookie(&h, SPAN("sereno_session"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct uri u;
    struct err e;
    if (size == 0) {
        return 0;
    }
    struct span text = span_make((const char *)data + 1, size - 1);
    arena_init(&arena, 0);
    switch (data[0] % 4) {
    case 0:
        if (uri_parse(text, &arena, &u, &e) == 0) {
            CHECK(u.path.len > 0 && u.path.ptr[0] == '/' && utf8_valid(u.path));
            CHECK(memmem(u.path.ptr, u.path.len, "/../", 4) == NULL);
            check_pairs(&u.query);
        }
        break;
    case 1:
        if (uri_parse_form(text, &arena, &u.query, &e) == 0) {
            check_pairs(&u.query);
        }
        break;
    case 2:
        if (fields_from_json(text, &arena, &u.query, &e) == 0) {
            check_pairs(&u.query);
        }
        break;
    default:
        feed_head(text);
    }
    arena_fini(&arena);
    return 0;
}
