/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Fuzz target: token filters. First byte 0: a filter as an intake sends it, then the same as if it lay in a file. 1: a
 * query. Else the rest is records, one a line: every run of each that stands alone must be found in the filter made of them.
 */
#include <stddef.h>
#include <stdint.h>

#include "archive/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char hash[ARCHIVE_HASH_BYTES] = {1, 2, 3};

static void use_filter(struct span bytes)
{
    struct filter f;
    struct buf b;
    if (filter_decode(bytes, &f, NULL) == 0) {
        (void)filter_may_hold(&f, filter_token(SPAN("mimikatz")));
        (void)filter_may_hold(&f, UINT64_MAX);
        buf_init(&b, FILTER_MAX_BYTES + FILTER_CHECK_BYTES);
        filter_stored(&b, bytes, hash);
        CHECK(filter_decode_stored(buf_view(&b), hash, &f, NULL) == 0);
        b.data[b.len - 1] = (char)(b.data[b.len - 1] ^ 1);
        CHECK(filter_decode_stored(buf_view(&b), hash, &f, NULL) != 0);
        buf_free(&b);
    }
    (void)!filter_decode_stored(bytes, hash, &f, NULL);
}

static void use_query(struct span bytes)
{
    struct arena arena;
    struct filter_query q;
    static const unsigned char ones[FILTER_BUCKET_BYTES] = {0xff, 0xff};
    const struct filter f = {ones, 1};
    arena_init(&arena, 0);
    if (filter_query_decode(bytes, &arena, &q, NULL) == 0) {
        struct buf b;
        buf_init(&b, bytes.len);
        filter_query_encode(&b, &q);
        CHECK(span_eq(buf_view(&b), bytes));
        buf_free(&b);
        (void)filter_query_may_hold(&q, &f);
    }
    arena_fini(&arena);
}

static bool in_run(char c)
{
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static void look_for_runs(const struct filter *f, struct span s)
{
    for (size_t at = 0; at < s.len;) {
        size_t end = at;
        while (end < s.len && in_run(s.ptr[end])) {
            end++;
        }
        CHECK(end == at || filter_may_hold(f, filter_token(span_sub(s, at, end - at))));
        at = end + (end == at);
    }
}

static void use_records(struct span text)
{
    struct filter_builder *b = filter_builder_new();
    struct buf out;
    struct filter f;
    buf_init(&out, FILTER_MAX_BYTES);
    for (struct span rest = text; rest.len > 0;) {
        ptrdiff_t nl = span_find(rest, '\n');
        filter_add(b, nl < 0 ? rest : span_sub(rest, 0, (size_t)nl));
        rest = nl < 0 ? SPAN("") : span_sub(rest, (size_t)nl + 1, rest.len);
    }
    if (filter_finish(b, &out)) {
        MUST(filter_decode(buf_view(&out), &f, NULL));
        look_for_runs(&f, text);
    }
    buf_free(&out);
    filter_builder_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make((const char *)data + 1, size - 1);
    if (size < 2 || size > ARCHIVE_BLOCK_MAX_BYTES) {
        return 0;
    }
    if (data[0] == 0) {
        use_filter(rest);
    } else if (data[0] == 1) {
        use_query(rest);
    } else {
        use_records(rest);
    }
    return 0;
}
