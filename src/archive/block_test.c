/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Windows and blocks: generated records go in, come out of the packed blocks with the same bytes,
 * and their order of arrival can be told; every single changed byte of a block is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "archive/block.h"
#include "archive/window.h"
#include "base/mem.h"

#define DAY_START (INT64_C(20779) * TIME_DAY)

static uint64_t random_state = 1;

static uint64_t next_random(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

static const char *const organisations[] = {"town-a", "town-b", ""};
static const char *const classes[] = {"windows/process_creation", "linux/auth", "unknown"};

/* Bytes of any value, lengths from 0; a few long ones. */
static struct archive_record random_record(struct arena *a, size_t i)
{
    size_t len = next_random(50) == 0 ? next_random(200000) : next_random(400);
    char *bytes = arena_bytes(a, len);
    for (size_t k = 0; k < len; k++) {
        bytes[k] = (char)(k % 7 == 0 ? next_random(256) : 'a' + k % 26);
    }
    return (struct archive_record){
        .organisation = span_of(organisations[next_random(3)]),
        .source = next_random(2) == 0 ? SPAN("syslog") : SPAN("ingest"),
        .class_name = span_of(classes[next_random(3)]),
        .host = span_of(arena_printf(a, "host-%d", (int)next_random(40))),
        .sender = span_of(arena_printf(a, "10.0.0.%d", (int)next_random(200))),
        .time = (time_ns)(next_random(2) == 0 ? next_random(UINT64_MAX)
                                              : DAY_START + next_random(1000)),
        .received = DAY_START + (time_ns)(i * 1000),
        .flags = (uint32_t)next_random(5),
        .original = span_make(bytes, len),
    };
}

static void assert_same(const struct archive_record *got, const struct archive_record *want)
{
    assert_true(span_eq(got->original, want->original));
    assert_true(span_eq(got->organisation, want->organisation));
    assert_true(span_eq(got->source, want->source));
    assert_true(span_eq(got->class_name, want->class_name));
    assert_true(span_eq(got->host, want->host));
    assert_true(span_eq(got->sender, want->sender));
    assert_true(got->time == want->time && got->received == want->received);
    assert_int_equal(got->flags, want->flags);
}

/* Unpacks all blocks of a sealed window and compares them with what went in. */
static void check_window(struct window *w, const struct archive_record *in, size_t n)
{
    const struct archive_block_in *blocks;
    size_t nblocks;
    struct arena scratch;
    struct err e;
    size_t seen = 0;
    bool *found = mem_calloc(n, sizeof *found);
    arena_init(&scratch, 0);
    window_seal(w, &blocks, &nblocks);
    for (size_t b = 0; b < nblocks; b++) {
        struct block out;
        char *exact = mem_alloc(blocks[b].body.len);
        memcpy(exact, blocks[b].body.ptr, blocks[b].body.len);
        assert_int_equal(block_unpack(&blocks[b].header, span_make(exact, blocks[b].body.len),
                                      &scratch, &out, &e),
                         0);
        mem_free(exact); /* what was unpacked does not point into the body */
        assert_int_equal(block_check(&blocks[b].header, &out, &e), 0);
        assert_true(blocks[b].header.originals_bytes <= ARCHIVE_BLOCK_MAX_BYTES);
        for (size_t i = 0; i < out.count; i++, seen++) {
            uint32_t block;
            uint32_t index;
            uint32_t arrival = out.records[i].arrival;
            assert_true(arrival < n && !found[arrival]);
            found[arrival] = true;
            assert_same(&out.records[i], &in[arrival]);
            window_place(w, arrival, &block, &index);
            assert_int_equal(block, b);
            assert_int_equal(index, i);
            assert_true(blocks[b].header.time_min <= out.records[i].time &&
                        blocks[b].header.time_max >= out.records[i].time);
            /* One organisation in a block, hosts together. */
            assert_true(span_eq(out.records[i].organisation, out.records[0].organisation));
        }
    }
    assert_int_equal(seen, n);
    mem_free(found);
    arena_fini(&scratch);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct window *w = window_new(1);
    for (int round = 0; round < 30; round++) {
        struct arena a;
        size_t n = round == 0 ? 1 : 1 + next_random(1500);
        arena_init(&a, 0);
        struct archive_record *in = arena_calloc(&a, n, sizeof *in);
        random_state = (uint64_t)round * 7919 + 1;
        for (size_t i = 0; i < n; i++) {
            in[i] = random_record(&a, i);
            if (!window_fits(w, &in[i])) {
                n = i;
                break;
            }
            assert_int_equal(window_add(w, &in[i]), i);
        }
        check_window(w, in, n);
        window_reset(w);
        assert_int_equal(window_count(w), 0);
        arena_fini(&a);
    }
    window_free(&w);
}

static void test_window_limits(void **state)
{
    (void)state;
    struct window *w = window_new(1);
    char *big = mem_alloc(ARCHIVE_RECORD_MAX_BYTES);
    struct archive_record r = {.received = DAY_START,
                               .original = span_make(big, ARCHIVE_RECORD_MAX_BYTES)};
    assert_true(window_due(w) == TIME_NONE);
    size_t n = 0;
    while (window_fits(w, &r)) {
        (void)window_add(w, &r);
        n++;
    }
    assert_int_equal(n, WINDOW_MAX_BYTES / ARCHIVE_RECORD_MAX_BYTES - 1);
    assert_true(window_due(w) <= clock_mono() + (time_ns)WINDOW_MAX_MS * 1000000);
    r.original.len = 0;
    assert_true(window_fits(w, &r));
    r.received = DAY_START + TIME_DAY; /* the next day has a file of its own */
    assert_false(window_fits(w, &r));
    const struct archive_block_in *blocks;
    size_t nblocks;
    window_seal(w, &blocks, &nblocks);
    assert_int_equal(nblocks, n); /* 1 MiB each */
    assert_false(window_fits(w, &r));
    window_reset(w);
    assert_true(window_fits(w, &r));
    window_free(&w);
    mem_free(big);
}

/* Records in a buffer that a window can hold are packed as if they had been copied; it is let go once the window is empty. */
static void check_held(struct window *holding, struct window *copying, struct shared *s, uint32_t owners)
{
    enum { RECORD = 1000, RECORDS = 60 };
    const struct archive_block_in *a;
    const struct archive_block_in *b;
    size_t na;
    size_t nb;
    for (size_t i = 0; i < RECORDS; i++) {
        struct archive_record r = {.host = i % 3 == 0 ? SPAN("h") : SPAN("i"),
                                   .received = DAY_START,
                                   .time = DAY_START,
                                   .original = span_sub(buf_view(&s->bytes), i * RECORD, RECORD)};
        assert_int_equal(window_add_held(holding, &r, s), i);
        assert_int_equal(window_add(copying, &r), i);
    }
    assert_int_equal(s->owners, owners);
    if (owners == 2) { /* who brought it goes first */
        struct shared *mine = s;
        shared_drop(&mine);
        assert_int_equal(s->owners, 1);
    }
    window_seal(holding, &a, &na);
    window_seal(copying, &b, &nb);
    assert_int_equal(na, nb);
    for (size_t i = 0; i < na; i++) {
        assert_true(span_eq(a[i].body, b[i].body));
        assert_memory_equal(a[i].header.originals_hash, b[i].header.originals_hash, ARCHIVE_HASH_BYTES);
    }
    window_reset(copying);
    window_reset(holding);
}

static struct shared *filled(size_t bytes)
{
    struct shared *s = shared_new(bytes);
    char *to = buf_room(&s->bytes, bytes);
    for (size_t i = 0; i < bytes; i++) {
        to[i] = (char)(i * i >> 7);
    }
    buf_added(&s->bytes, bytes);
    return s;
}

static void test_window_holds(void **state)
{
    (void)state;
    static const struct {
        size_t bytes; /* of one buffer */
        uint32_t owners; /* while the window has its records */
    } rows[] = {{WINDOW_HELD_MIN - 1, 1}, {WINDOW_HELD_MIN, 2}, {5 * WINDOW_HELD_MIN + 7, 2}, {WINDOW_HELD_MAX, 2}, {WINDOW_HELD_MAX + 1, 1}};
    struct window *holding = window_new(1);
    struct window *copying = window_new(1);
    for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
        struct shared *s = filled(rows[row].bytes);
        check_held(holding, copying, s, rows[row].owners);
        if (rows[row].owners == 1) { /* else the window was the last one */
            shared_drop(&s);
        }
    }
    window_free(&copying);
    window_free(&holding);
}

/* More than it may hold, in many buffers: from there on it copies. Freed unsealed, it lets go. */
static void test_window_holds_enough(void **state)
{
    (void)state;
    struct window *w = window_new(1);
    struct shared *s[5];
    for (size_t i = 0; i < ARRAY_LEN(s); i++) {
        s[i] = filled(WINDOW_HELD_MAX / 4);
        struct archive_record r = {.received = DAY_START, .time = DAY_START, .original = span_sub(buf_view(&s[i]->bytes), 0, 100)};
        (void)window_add_held(w, &r, s[i]);
        (void)window_add_held(w, &r, s[i]);
        assert_int_equal(s[i]->owners, i < 4 ? 2 : 1);
    }
    window_free(&w);
    for (size_t i = 0; i < ARRAY_LEN(s); i++) {
        assert_int_equal(s[i]->owners, 1);
        shared_drop(&s[i]);
    }
}

static void test_many_small(void **state)
{
    (void)state;
    struct window *w = window_new(1);
    const struct archive_block_in *blocks;
    size_t nblocks;
    for (uint32_t i = 0; i < 100000; i++) {
        char text[16];
        int n = snprintf(text, sizeof text, "%u", i);
        struct archive_record r = {.organisation = SPAN("o"),
                                   .host = SPAN("h"),
                                   .received = DAY_START,
                                   .time = DAY_START,
                                   .original = span_make(text, (size_t)n)};
        (void)window_add(w, &r);
    }
    window_seal(w, &blocks, &nblocks);
    assert_int_equal(nblocks, 2);
    assert_int_equal(blocks[0].header.count, ARCHIVE_BLOCK_RECORDS_MAX);
    assert_int_equal(blocks[1].header.count, 100000 - ARCHIVE_BLOCK_RECORDS_MAX);
    window_free(&w);
}

static void test_long_names_are_cut(void **state)
{
    (void)state;
    struct window *w = window_new(1);
    const struct archive_block_in *blocks;
    size_t nblocks;
    struct arena scratch;
    struct block out;
    struct err e;
    char name[1000];
    memset(name, 'n', sizeof name);
    arena_init(&scratch, 0);
    struct archive_record r = {.organisation = span_make(name, sizeof name),
                               .host = span_make(name, sizeof name),
                               .received = DAY_START,
                               .time = DAY_START,
                               .original = SPAN("x")};
    (void)window_add(w, &r);
    window_seal(w, &blocks, &nblocks);
    assert_int_equal(block_unpack(&blocks[0].header, blocks[0].body, &scratch, &out, &e), 0);
    assert_int_equal(out.records[0].host.len, ARCHIVE_NAME_MAX);
    assert_int_equal(out.records[0].organisation.len, ARCHIVE_NAME_MAX);
    arena_fini(&scratch);
    window_free(&w);
}

/* Whichever byte of a body is changed, unpacking or checking says so; a cut body too. */
static void test_damage(void **state)
{
    (void)state;
    struct window *w = window_new(3);
    const struct archive_block_in *blocks;
    size_t nblocks;
    struct arena a;
    struct err e;
    struct block out;
    arena_init(&a, 0);
    for (size_t i = 0; i < 20; i++) {
        struct archive_record r = {.host = SPAN("h"),
                                   .received = DAY_START,
                                   .time = DAY_START + (time_ns)i,
                                   .original = span_of(arena_printf(&a, "line %zu of a log", i))};
        (void)window_add(w, &r);
    }
    window_seal(w, &blocks, &nblocks);
    assert_int_equal(nblocks, 1);
    size_t len = blocks[0].body.len;
    char *copy = mem_alloc(len);
    for (size_t i = 0; i < len; i++) {
        memcpy(copy, blocks[0].body.ptr, len);
        copy[i] = (char)(copy[i] ^ (1 << (i % 8)));
        arena_reset(&a);
        int rc = block_unpack(&blocks[0].header, span_make(copy, len), &a, &out, &e);
        if (rc == 0) {
            rc = block_check(&blocks[0].header, &out, &e);
        }
        assert_true(rc != 0 && e.text[0] != '\0'); /* also bits of zstd's own that change nothing in what comes out */
    }
    for (size_t cut = 0; cut < len; cut++) {
        arena_reset(&a);
        int rc = block_unpack(&blocks[0].header, span_make(blocks[0].body.ptr, cut), &a, &out, &e);
        /* Without the 24 bytes that guard the frame it is a body of format 1. */
        assert_int_equal(rc == 0, cut == len - 24);
    }
    mem_free(copy);
    arena_fini(&a);
    window_free(&w);
}

/* The sum that programs of day files up to format 4 put behind a body: believed as before, and it finds what it found. */
static void test_sum_of_before(void **state)
{
    (void)state;
    enum { HEAD = 8, SUM = 16 };
    struct window *w = window_new(1);
    const struct archive_block_in *blocks;
    size_t nblocks;
    struct arena a;
    struct err e;
    struct block out;
    const struct archive_record r = {.received = DAY_START, .time = DAY_START, .original = SPAN("a line of a log")};
    arena_init(&a, 0);
    (void)window_add(w, &r);
    window_seal(w, &blocks, &nblocks);
    size_t len = blocks[0].body.len;
    char *body = mem_alloc(len);
    memcpy(body, blocks[0].body.ptr, len);
    char *seal = body + len - HEAD - SUM;
    seal[0] = 0x50;
    assert_int_not_equal(block_unpack(&blocks[0].header, span_make(body, len), &a, &out, &e), 0);
    assert_int_equal(crypto_generichash((unsigned char *)seal + HEAD, SUM, (const unsigned char *)body, len - HEAD - SUM, NULL, 0), 0);
    assert_int_equal(block_unpack(&blocks[0].header, span_make(body, len), &a, &out, &e), 0);
    assert_true(span_eq(out.records[0].original, r.original));
    for (size_t i = 0; i < len; i++) {
        body[i] = (char)(body[i] ^ (1 << (i % 8)));
        assert_int_not_equal(block_unpack(&blocks[0].header, span_make(body, len), &a, &out, &e), 0);
        body[i] = (char)(body[i] ^ (1 << (i % 8)));
    }
    mem_free(body);
    arena_fini(&a);
    window_free(&w);
}

static void test_header_codec(void **state)
{
    (void)state;
    struct archive_header h = {.kind = ARCHIVE_KIND_BLOCK,
                               .day = -3,
                               .id = 7,
                               .organisation = SPAN("o"),
                               .source = SPAN("s"),
                               .class_name = SPAN("c"),
                               .count = 2,
                               .time_min = -5,
                               .time_max = 5,
                               .received_min = 1,
                               .received_max = 2,
                               .meta_bytes = 10,
                               .originals_bytes = 20};
    struct archive_header got;
    struct err e;
    struct buf b;
    buf_init(&b, ARCHIVE_HEADER_MAX_BYTES);
    memset(h.previous, 7, sizeof h.previous);
    archive_header_encode(&b, &h);
    struct cursor c = cursor_of(buf_view(&b));
    assert_int_equal(archive_header_decode(&c, &got, &e), 0);
    assert_true(cursor_done(&c));
    assert_true(got.day == -3 && got.id == 7 && got.time_min == -5 &&
                span_eq(got.class_name, SPAN("c")));
    assert_memory_equal(got.previous, h.previous, sizeof h.previous);
    for (size_t cut = 0; cut < b.len; cut++) {
        char *exact = mem_alloc(cut);
        memcpy(exact, b.data, cut);
        c = cursor_of(span_make(exact, cut));
        assert_int_equal(archive_header_decode(&c, &got, &e), ERR_INVALID);
        mem_free(exact);
    }
    struct archive_header wrong[4] = {h, h, h, h};
    wrong[0].count = 0;
    wrong[1].time_min = 6;
    wrong[2].originals_bytes = ARCHIVE_BLOCK_MAX_BYTES + 1;
    wrong[3].kind = (enum archive_kind)9;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        buf_clear(&b);
        archive_header_encode(&b, &wrong[i]);
        c = cursor_of(buf_view(&b));
        assert_int_equal(archive_header_decode(&c, &got, &e), ERR_INVALID);
    }
    buf_clear(&b);
    archive_header_encode(&b, &h);
    b.data[0] = 99; /* a format from the future */
    c = cursor_of(buf_view(&b));
    assert_int_equal(archive_header_decode(&c, &got, &e), ERR_UNSUPPORTED);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_window_limits),
        cmocka_unit_test(test_many_small), cmocka_unit_test(test_long_names_are_cut),
        cmocka_unit_test(test_damage),     cmocka_unit_test(test_header_codec),
        cmocka_unit_test(test_sum_of_before), cmocka_unit_test(test_window_holds),
        cmocka_unit_test(test_window_holds_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
