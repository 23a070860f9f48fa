/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Token filters never hide what a hunt finds. Records are made from many ways of writing many indicators (JSON escapes,
 * text, syslog, hex of auditd, IPv6 spellings, paths), one block each; whatever indicator the matcher finds in a block, its
 * needs must pass that block's filter. And over an archive, a hunt that skips comes to the same result as
 * one that reads everything. Each case is made from a number, printed when it fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive/block.h"
#include "archive/merge.h"
#include "archive/walk.h"
#include "archive/window.h"
#include "base/check.h"
#include "flow/hunt/hunt_needs.h"
#include "flow/hunt/hunt_run_priv.h"
#include "flow/hunt/hunt_skips.h"
#include "flow/hunt/spellings.h"
#include "flow/normalise/norm_kit.h"

enum { CASES = 3000, DAY = 20780, WINDOWS = 30, LARGE_WINDOWS = 4, RECORDS = 100, LARGE_RECORDS = 500, FILLER = 700 };

static struct norm_kit kit;
static struct sigma_set *set;
static const struct ruleset *rules;
static const struct hunt_plan *plan;
static struct arena arena;
static struct hunt hunt;
static struct filter_thing needs[THINGS];
static struct err e;
static uint64_t state_of;

static uint32_t below(uint32_t n)
{
    CHECK(n > 0);
    state_of = state_of * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state_of >> 33) % n);
}

static int make(void **state)
{
    (void)state;
    struct buf list;
    struct sigma_loader *loader = sigma_loader_new();
    const struct ruleset_options options = {0};
    arena_init(&arena, 0);
    set = sigma_loader_finish(loader);
    sigma_loader_free(&loader);
    norm_kit_load(&kit, SOURCES_DIR);
    /* A source that writes texts of its own: HKLM for \REGISTRY\MACHINE. */
    assert_int_equal(sources_switch(kit.sources, SPAN("windows.audit-4657"), true, &e), 0);
    norm_kit_compile(&kit, NULL, 0, NULL, 0);
    assert_int_equal(ruleset_compile(set, kit.catalog, &kit.region, &options, &rules, &e), 0);
    plan = hunt_plan_compile(set, kit.catalog, correlations_compile(set, kit.catalog, &kit.region), &kit.region);
    buf_init(&list, 1 << 20);
    for (size_t i = 0; i < THINGS; i++) {
        buf_printf(&list, "%s\n", things[i].indicator);
    }
    hunt_init(&hunt);
    assert_int_equal(hunt_add_indicators(&hunt, arena_copy(&arena, buf_view(&list)), &arena, &e), 0);
    buf_free(&list);
    assert_int_equal(hunt.nindicators, THINGS);
    for (uint32_t i = 0; i < THINGS; i++) {
        hunt_needs_of(&hunt.indicators[i], kit.catalog, &arena, &needs[i]);
    }
    return 0;
}

static int drop(void **state)
{
    (void)state;
    sigma_set_free(&set);
    norm_kit_free(&kit);
    arena_fini(&arena);
    return 0;
}

/* A record of case `seed`, in a. */
static struct archive_record record_of(uint64_t seed, struct arena *a)
{
    state_of = seed * 7919 + 1;
    uint32_t thing = below(THINGS);
    uint32_t ways = 0;
    while (ways < 8 && things[thing].written[ways] != NULL) {
        ways++;
    }
    const char *text = things[thing].written[below(ways)];
    uint32_t frame = below(FRAMES + 1);
    struct archive_record r = {.organisation = SPAN("town"), .source = SPAN("test"), .class_name = SPAN("any"),
                               .time = (DAY * 86400 + (time_ns)(seed % 1000)) * TIME_SECOND,
                               .received = (time_ns)DAY * TIME_DAY};
    if (frame == FRAMES) { /* a value of auditd that is written in hex */
        struct buf b;
        buf_init(&b, 4096);
        buf_cstr(&b, "type=PROCTITLE msg=audit(1795309200.1:7): proctitle=6E630000");
        for (const char *p = text; *p != '\0'; p++) {
            buf_printf(&b, "%02X", (unsigned)(unsigned char)*p);
        }
        r.original = arena_copy(a, buf_view(&b));
        r.flags = normalise_flag(FORMAT_AUDITD);
        buf_free(&b);
        return r;
    }
    r.flags = normalise_flag(frames[frame].format);
    struct span form = span_of(frames[frame].form);
    struct buf b;
    buf_init(&b, 8192);
    for (size_t i = 0; i < form.len; i++) {
        if (form.ptr[i] == '%' && i + 1 < form.len && form.ptr[i + 1] == 's') {
            buf_cstr(&b, text);
            i++;
        } else {
            buf_put(&b, &form.ptr[i], 1);
        }
    }
    r.original = arena_copy(a, buf_view(&b));
    buf_free(&b);
    return r;
}

static struct hunt_run *run_new(void)
{
    const struct hunt_run_parts parts = {&hunt, kit.catalog, rules, plan};
    struct hunt_run *run = NULL;
    assert_int_equal(hunt_run_new(&parts, &run, &e), 0);
    return run;
}

static void what_is_found_passes_the_filter(void **state)
{
    (void)state;
    struct block_packer *p = block_packer_new(1);
    struct filter_builder *builder = filter_builder_new();
    unsigned hits = 0, refused = 0, unfiltered = 0;
    struct hunt_run *run = run_new();
    struct buf body, bytes;
    buf_init(&body, 1 << 20);
    buf_init(&bytes, FILTER_MAX_BYTES);
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct arena a;
        struct archive_header h;
        struct filter f;
        arena_init(&a, 0);
        struct archive_record r = record_of(seed, &a);
        const struct archive_record *list[] = {&r};
        buf_clear(&body);
        buf_clear(&bytes);
        block_pack(p, list, 1, &h, &body);
        h.day = DAY;
        h.id = 1;
        filter_add(builder, r.original);
        bool some = filter_finish(builder, &bytes);
        uint64_t before[THINGS];
        for (uint32_t i = 0; i < THINGS; i++) {
            before[i] = run->items[i].count;
        }
        hunt_run_block(run, &h, buf_view(&body), HUNT_BLOCK_COUNT);
        assert_true(!some || filter_decode(buf_view(&bytes), &f, &e) == 0);
        unfiltered += !some;
        for (uint32_t i = 0; i < THINGS; i++) {
            const struct filter_query q = {&needs[i], 1};
            bool may = !some || filter_query_may_hold(&q, &f);
            bool hit = run->items[i].count > before[i];
            hits += hit;
            refused += !may;
            if (hit && !may) {
                fail_msg("case %llu: %s hides %s", (unsigned long long)seed, r.original.ptr, things[i].indicator);
            }
        }
        arena_fini(&a);
    }
    /* The comparison is worth something: much was found, and much more was ruled out. */
    assert_true(hits > CASES / 3);
    assert_true(refused > (unsigned)CASES * THINGS / 2);
    assert_in_range(unfiltered, 1, CASES / 4);
    hunt_run_free(&run);
    buf_free(&body);
    buf_free(&bytes);
    block_packer_free(&p);
    filter_builder_free(&builder);
}

/* Windows' own 4657 names \REGISTRY\MACHINE, its source HKLM: the record of a value that is found need not hold that word. */
static void what_a_source_writes_is_not_asked_of_the_record(void **state)
{
    (void)state;
    const struct archive_record r = {.organisation = SPAN("town"), .source = SPAN("test"), .class_name = SPAN("any"),
                                     .time = (time_ns)DAY * TIME_DAY, .received = (time_ns)DAY * TIME_DAY,
                                     .flags = normalise_flag(FORMAT_JSON),
                                     .original = SPAN("{\"Channel\":\"Security\",\"EventID\":4657,\"ObjectName\":"
                                                      "\"\\\\REGISTRY\\\\MACHINE\\\\SOFTWARE\\\\Bad\",\"ObjectValueName\":\"Run\"}")};
    const struct archive_record *list[] = {&r};
    struct block_packer *p = block_packer_new(1);
    struct filter_builder *builder = filter_builder_new();
    struct archive_header h;
    struct filter f;
    struct filter_thing need;
    struct buf body, bytes;
    struct hunt keep = hunt;
    buf_init(&body, 1 << 20);
    buf_init(&bytes, FILTER_MAX_BYTES);
    hunt_init(&hunt);
    assert_int_equal(hunt_add_indicators(&hunt, SPAN("file HKLM\\SOFTWARE\\Bad\\Run\n"), &arena, &e), 0);
    struct hunt_run *run = run_new();
    block_pack(p, list, 1, &h, &body);
    h.day = DAY;
    h.id = 1;
    hunt_run_block(run, &h, buf_view(&body), HUNT_BLOCK_COUNT);
    assert_int_equal(run->items[0].count, 1);
    filter_add(builder, r.original);
    assert_true(filter_finish(builder, &bytes));
    assert_int_equal(filter_decode(buf_view(&bytes), &f, &e), 0);
    hunt_needs_of(&hunt.indicators[0], kit.catalog, &arena, &need);
    const struct filter_query q = {&need, 1};
    assert_true(need.count > 0); /* the rest of the text is still asked for */
    assert_true(filter_query_may_hold(&q, &f));
    hunt_run_free(&run);
    hunt = keep;
    buf_free(&body);
    buf_free(&bytes);
    block_packer_free(&p);
    filter_builder_free(&builder);
}

/* ---- over an archive ---- */

static char folder[64];

/* The name of the record's class, as intake notes it. */
static struct span class_of(struct hunt_run *run, struct block_packer *p, const struct archive_record *r)
{
    struct archive_header h;
    struct buf body;
    buf_init(&body, 1 << 20);
    block_pack(p, &r, 1, &h, &body);
    hunt_run_block(run, &h, buf_view(&body), HUNT_BLOCK_COUNT);
    buf_free(&body);
    return run->event.class_id < kit.catalog->nclasses ? kit.catalog->classes[run->event.class_id].name : SPAN("");
}

/* As when the day is over; only this makes filters. */
static void merge_archive(struct archive *archive)
{
    const struct merge_options o = {.level = 1, .wait_bytes = UINT64_MAX, .closed = true};
    struct archive_reader *r = NULL;
    struct merge *m = NULL;
    struct merge_totals t;
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    assert_int_equal(archive_merge_prepare(r, DAY, &o, &m, &e), 1);
    archive_merge_totals(m, &t);
    assert_int_equal(archive_merge_commit(archive, m, &e), 0);
    assert_true(t.packs >= 2 && t.filters >= LARGE_WINDOWS + 2);
    archive_merge_free(&m);
    archive_reader_close(&r);
}

static void write_archive(struct archive *archive)
{
    struct block_packer *p = block_packer_new(1);
    struct hunt_run *run = run_new();
    struct window *w = window_new(1);
    struct arena a;
    arena_init(&a, 0);
    for (int k = 0; k < WINDOWS; k++) {
        struct archive_kept kept;
        char filler[FILLER];
        for (int i = 0; i < (k + LARGE_WINDOWS < WINDOWS ? RECORDS : LARGE_RECORDS); i++) {
            /* Every second window holds nothing that is looked for; large ones come last, behind values of every kind. */
            struct archive_record r = record_of((uint64_t)k * LARGE_RECORDS + (uint64_t)i, &a);
            r.host = k % 2 == 0 ? SPAN("some") : SPAN("none"); /* what is sorted together when it is merged */
            int n = snprintf(filler, sizeof filler, "{\"Channel\":\"Security\",\"EventID\":4624,\"ip\":\"203.0.113.%d\",\"w\":\"%d-%d %0*d\"}",
                             i % 100, k, i, FILLER - 120, i);
            struct archive_record plain = r;
            plain.flags = normalise_flag(FORMAT_JSON);
            plain.original = span_make(filler, (size_t)n);
            plain.class_name = class_of(run, p, &plain);
            r.class_name = class_of(run, p, &r);
            window_add(w, &plain);
            if (k % 2 == 0) {
                window_add(w, &r);
            }
        }
        struct archive_window in = {.intake = 1, .id = (uint64_t)k + 1, .received = (time_ns)DAY * TIME_DAY};
        window_seal(w, &in.blocks, &in.nblocks);
        assert_int_equal(archive_write(archive, &in, &kept, &e), 0);
        window_reset(w);
    }
    arena_fini(&a);
    hunt_run_free(&run);
    block_packer_free(&p);
    window_free(&w);
}

static void on_skipped(void *ctx, const struct archive_header *h)
{
    hunt_skips_add(ctx, h);
}

/* The whole hunt; filters: as keeper and hunter do it. Returns how many blocks were skipped. */
static uint64_t hunt_archive(bool filters, struct buf *result)
{
    struct archive_reader *r = NULL;
    struct archive_walk w;
    struct hunt_run *run = run_new();
    struct hunt_skips skips;
    struct arena scratch, query_arena;
    struct filter_query query;
    struct buf b;
    uint64_t read = 0;
    int rc = 0;
    arena_init(&scratch, 0);
    arena_init(&query_arena, 0);
    buf_init(&b, FILTER_QUERY_MAX_BYTES);
    hunt_skips_init(&skips);
    archive_walk_init(&w);
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    do {
        struct archive_header h;
        struct span body;
        arena_reset(&scratch);
        rc = archive_walk_next(r, &w, &scratch, &h, &body, &e);
        buf_clear(&b);
        hunt_skips_take(&skips, &b);
        assert_int_equal(hunt_run_skipped(run, buf_view(&b), &e), 0);
        if (rc == 1) {
            hunt_run_block(run, &h, body, HUNT_BLOCK_COUNT);
            read++;
            buf_clear(&b);
            if (filters && hunt_run_needs(run, &b)) {
                assert_int_equal(filter_query_decode(buf_view(&b), &query_arena, &query, &e), 0);
                w.query = &query;
                w.skipped = on_skipped;
                w.ctx = &skips;
                w.pause_after = 1;
            }
        }
    } while (rc > 0);
    assert_int_equal(rc, 0);
    hunt_run_result(run, true, result);
    uint64_t skipped = run->blocks - read;
    hunt_run_free(&run);
    archive_reader_close(&r);
    hunt_skips_free(&skips);
    buf_free(&b);
    arena_fini(&scratch);
    arena_fini(&query_arena);
    return skipped;
}

static uint64_t events_of_name(const struct hunt_coverage *c, struct span name)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < c->nclasses; i++) {
        n += span_eq(c->classes[i].name, name) ? c->classes[i].events : 0;
    }
    return n;
}

/* Byte for byte, but for classes that share a name: their events are told under one of them. */
static void compare(struct hunt_result full, struct hunt_result some)
{
    struct buf a, b;
    for (uint32_t i = 0; i < full.coverage.nclasses; i++) {
        struct span name = full.coverage.classes[i].name;
        assert_int_equal(events_of_name(&some.coverage, name), events_of_name(&full.coverage, name));
    }
    full.coverage.nclasses = some.coverage.nclasses = 0;
    buf_init(&a, HUNT_RESULT_MAX);
    buf_init(&b, HUNT_RESULT_MAX);
    hunt_result_encode(&a, &full);
    hunt_result_encode(&b, &some);
    assert_true(span_eq(buf_view(&a), buf_view(&b)));
    buf_free(&a);
    buf_free(&b);
}

static void the_same_result(const char *indicators, bool skips)
{
    struct buf all, some;
    struct hunt_result r, full;
    buf_init(&all, HUNT_RESULT_MAX);
    buf_init(&some, HUNT_RESULT_MAX);
    hunt_init(&hunt);
    assert_int_equal(hunt_add_indicators(&hunt, span_of(indicators), &arena, &e), 0);
    assert_int_equal(hunt_archive(false, &all), 0);
    uint64_t skipped = hunt_archive(true, &some);
    if ((skipped > 0) != skips) {
        fail_msg("%llu blocks were skipped: %s", (unsigned long long)skipped, indicators);
    }
    assert_int_equal(hunt_result_decode(buf_view(&all), &arena, &full, &e), 0);
    assert_int_equal(hunt_result_decode(buf_view(&some), &arena, &r, &e), 0);
    compare(full, r);
    assert_true(r.coverage.events > RECORDS * WINDOWS);
    buf_free(&all);
    buf_free(&some);
}

static void a_hunt_that_skips_finds_the_same(void **state)
{
    (void)state;
    struct hunt keep = hunt;
    struct archive *archive = NULL;
    (void)snprintf(folder, sizeof folder, "/tmp/needs-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(archive_open(folder, &archive, &e), 0);
    write_archive(archive);
    the_same_result("203.0.113.250\n", false); /* nothing has a filter yet */
    merge_archive(archive);
    archive_close(&archive);
    the_same_result("185.220.101.34\n", true);
    the_same_result("203.0.113.250\n", true);
    the_same_result("evil.example\n0123456789abcdef0123456789abcdef\nfile nc.exe\n", true);
    the_same_result("203.0.113.7\n", false);                      /* in every block */
    the_same_result("0.0.0.0/0\n198.51.100.250\n", false);         /* the first may be anywhere */
    the_same_result("feedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedface\n", false); /* of a kind never seen */
    hunt = keep;
    char path[128];
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        (void)snprintf(path, sizeof path, "%s/2026-11-23.db%s", folder, tails[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_passes_the_filter),
        cmocka_unit_test(what_a_source_writes_is_not_asked_of_the_record),
        cmocka_unit_test(a_hunt_that_skips_finds_the_same),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
