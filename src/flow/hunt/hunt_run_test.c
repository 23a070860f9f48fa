/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A whole run over packed blocks: what matches and what does not, when "clean" may be said, and that a run which was cut
 * anywhere and taken up again counts as one that was not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "archive/block.h"
#include "base/mem.h"
#include "flow/hunt/hunt_run_priv.h"
#include "flow/normalise/norm_kit.h"

enum { BLOCKS = 4, START_S = 1795309200 }; /* 2026-11-22T01:00:00Z */

static const char *const records[BLOCKS][4] = {
    {"{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"Image\":\"C:\\\\Temp\\\\Run Me.exe\","
     "\"CommandLine\":\"run -enc SQBFAFgA\",\"Hashes\":\"MD5=0123456789ABCDEF0123456789ABCDEF,"
     "IMPHASH=FEDCBA9876543210FEDCBA9876543210\"}",
     "{\"src\":\"10.0.0.12\",\"text\":\"nothing here\"}"},
    {"{\"src\":\"10.0.0.1:443\",\"mail\":\"from <Bad@Evil.Example>\"}", "no json at all 192.0.2.9",
     "{\"src\":\"[2001:DB8:0::1]:53\",\"url\":\"HTTP://Evil.example:80/a?b\"}"},
    {"{\"host\":\"a.b.evil.example.\",\"also\":\"notevil.example\"}",
     "{\"peer\":\"::ffff:198.51.100.4\"}"},
    {"{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"Image\":\"/x/other.exe\","
     "\"CommandLine\":\"ls\"}"},
};

static struct norm_kit kit;
static struct sigma_set *set;
static const struct ruleset *rules;
static const struct hunt_plan *plan;
static struct arena arena;
static struct buf bodies[BLOCKS];
static struct archive_header headers[BLOCKS];
static struct err e;

static const char rule_text[] =
    "title: Encoded\nid: 1\nlogsource: {product: windows, category: process_creation}\n"
    "detection:\n  s: {CommandLine|contains: ' -enc '}\n  condition: s\n---\n"
    "title: Never\nid: 2\nlogsource: {product: windows, category: process_creation}\n"
    "detection:\n  s: {CommandLine: 'never'}\n  condition: s\n---\n"
    "title: Elsewhere\nid: 3\nlogsource: {product: aws, service: cloudtrail}\n"
    "detection:\n  s: {eventName: 'x'}\n  condition: s\n---\n"
    "title: No such field\nid: 4\nlogsource: {product: windows, category: process_creation}\n"
    "detection:\n  s: {Hovercraft: 'eels'}\n  condition: s\n---\n"
    "title: Broken\nid: 5\nlogsource: {product: windows}\ndetection:\n  condition: s\n";

static void pack(struct block_packer *p, int i)
{
    const struct archive_record *list[4];
    struct archive_record r[4];
    size_t n = 0;
    for (; n < 4 && records[i][n] != NULL; n++) {
        r[n] = (struct archive_record){.organisation = SPAN("town"),
                                       .source = SPAN("test"),
                                       .class_name = SPAN("any"),
                                       .host = SPAN("h"),
                                       .time = (START_S + i * 100 + (time_ns)n) * TIME_SECOND,
                                       .received = (START_S + 1000) * TIME_SECOND,
                                       .flags = normalise_flag(FORMAT_JSON),
                                       .arrival = (uint32_t)n,
                                       .original = span_of(records[i][n])};
        list[n] = &r[n];
    }
    buf_init(&bodies[i], 1 << 20);
    block_pack(p, list, n, &headers[i], &bodies[i]);
    headers[i].day = 20780;
    headers[i].id = (uint32_t)i + 1;
}

static int make(void **state)
{
    (void)state;
    struct sigma_loader *loader = sigma_loader_new();
    struct span search_rule;
    arena_init(&arena, 0);
    sigma_loader_file(loader, SPAN("rules.yml"), span_of(rule_text));
    assert_int_equal(hunt_search_rule(SPAN("peer=* NOT src=*"), &arena, &search_rule, &e), 0);
    sigma_loader_file(loader, SPAN(HUNT_SEARCH_NAME), search_rule);
    set = sigma_loader_finish(loader);
    sigma_loader_free(&loader);
    assert_int_equal(set->refused.len, 1);
    hunt_plan_prepare(set);
    uint32_t n = 0;
    const struct span *fields = sigma_set_fields(set, &n);
    const struct ruleset_options options = {0};
    norm_kit_load(&kit, SOURCES_DIR);
    norm_kit_compile(&kit, fields, n, NULL, 0);
    assert_int_equal(ruleset_compile(set, kit.catalog, &kit.region, &options, &rules, &e), 0);
    plan = hunt_plan_compile(set, kit.catalog, correlations_compile(set, kit.catalog, &kit.region),
                             &kit.region);
    struct block_packer *p = block_packer_new(1);
    for (int i = 0; i < BLOCKS; i++) {
        pack(p, i);
    }
    block_packer_free(&p);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    for (int i = 0; i < BLOCKS; i++) {
        buf_free(&bodies[i]);
    }
    sigma_set_free(&set);
    norm_kit_free(&kit);
    arena_fini(&arena);
    return 0;
}

static struct hunt hunt_of(const char *indicators)
{
    struct hunt h;
    hunt_init(&h);
    h.search = SPAN("peer=* NOT src=*");
    assert_int_equal(hunt_add_indicators(&h, span_of(indicators), &arena, &e), 0);
    return h;
}

static struct hunt_run *run_new(const struct hunt *h)
{
    const struct hunt_run_parts parts = {h, kit.catalog, rules, plan};
    struct hunt_run *run = NULL;
    assert_int_equal(hunt_run_new(&parts, &run, &e), 0);
    return run;
}

static void feed(struct hunt_run *run, int from, int to)
{
    for (int i = from; i < to; i++) {
        hunt_run_block(run, &headers[i], buf_view(&bodies[i]), HUNT_BLOCK_COUNT);
    }
}

static struct hunt_result result_of(struct hunt_run *run, struct buf *b)
{
    struct hunt_result r;
    buf_init(b, HUNT_RESULT_MAX);
    hunt_run_result(run, true, b);
    assert_false(b->failed);
    assert_int_equal(hunt_result_decode(buf_view(b), &arena, &r, &e), 0);
    return r;
}

static const struct {
    const char *indicator;
    enum hunt_state want;
    uint64_t count;
} found[] = {
    {"10.0.0.1", HUNT_MATCHED, 1},   /* with a port; not in 10.0.0.12 */
    {"10.0.0.12", HUNT_MATCHED, 1},
    {"10.0.0.2", HUNT_CLEAN, 0},
    {"192.0.2.9", HUNT_MATCHED, 1},  /* in a record that is a line only */
    {"198.51.100.4", HUNT_MATCHED, 1}, /* mapped */
    {"10.0.0.0/24", HUNT_MATCHED, 2},
    {"2001:db8::/32", HUNT_MATCHED, 1},
    {"2001:db8::1", HUNT_MATCHED, 1},
    {"2001:db8::2", HUNT_CLEAN, 0},
    {"evil.example", HUNT_MATCHED, 2},   /* of an address of mail, and of a URL */
    {"*.evil.example", HUNT_MATCHED, 3},
    {"*.other.example", HUNT_CLEAN, 0},
    {"b.evil.example", HUNT_CLEAN, 0},
    {"http://evil.example/a?b", HUNT_MATCHED, 1},
    {"http://evil.example/A?b", HUNT_CLEAN, 0},
    {"bad@evil.example", HUNT_MATCHED, 1},
    {"0123456789abcdef0123456789abcdef", HUNT_MATCHED, 1},
    {"fedcba9876543210fedcba9876543210", HUNT_CLEAN, 0}, /* an IMPHASH is no MD5 */
    {"da39a3ee5e6b4b0d3255bfef95601890afd80709", HUNT_NOT_COVERED, 0},
    {"file run me.exe", HUNT_MATCHED, 1},
    {"file C:\\temp\\run me.exe", HUNT_MATCHED, 1},
    {"file me.exe", HUNT_MATCHED, 1}, /* a word of the value */
    {"file e.exe", HUNT_CLEAN, 0},
    {"process other.exe", HUNT_MATCHED, 1},
    {"process ls", HUNT_CLEAN, 0},
    {"command run -ENC sqb", HUNT_MATCHED, 1},
    {"10.0.0.1 until 2026-11-22T01:01:00Z", HUNT_CLEAN, 0}, /* seen later than that */
};

static void finds(void **state)
{
    (void)state;
    struct buf list;
    struct buf b;
    buf_init(&list, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(found); i++) {
        buf_printf(&list, "%s\n", found[i].indicator);
    }
    buf_u8(&list, 0);
    struct hunt h = hunt_of(list.data);
    struct hunt_run *run = run_new(&h);
    feed(run, 0, BLOCKS);
    struct hunt_result r = result_of(run, &b);
    size_t first = r.nitems - ARRAY_LEN(found);
    for (size_t i = 0; i < ARRAY_LEN(found); i++) {
        const struct hunt_item *it = &r.items[first + i];
        if (it->state != found[i].want || it->count != found[i].count) {
            fail_msg("%s: %s, %llu", found[i].indicator, hunt_state_name(it->state),
                     (unsigned long long)it->count);
        }
        assert_int_equal(it->nrefs, it->count);
    }
    assert_int_equal(r.coverage.events, 8);
    assert_int_equal(r.coverage.blocks, BLOCKS);
    assert_int_equal(r.coverage.unreadable, 1);
    hunt_run_free(&run);
    buf_free(&b);
    buf_free(&list);
}

static const struct hunt_item *item(const struct hunt_result *r, const char *name)
{
    for (uint32_t i = 0; i < r->nitems; i++) {
        if (span_eq(r->items[i].name, span_of(name))) {
            return &r->items[i];
        }
    }
    fail_msg("no item %s", name);
    return NULL;
}

static void verdicts(void **state)
{
    (void)state;
    struct hunt h = hunt_of("");
    struct hunt_run *run = run_new(&h);
    struct buf b;
    feed(run, 0, BLOCKS);
    struct hunt_result r = result_of(run, &b);
    assert_int_equal(item(&r, "Encoded")->state, HUNT_MATCHED);
    assert_int_equal(item(&r, "Encoded")->refs[0].block, 1);
    assert_int_equal(item(&r, "Encoded")->refs[0].index, 0);
    assert_int_equal(item(&r, "Encoded")->first, START_S * TIME_SECOND);
    assert_int_equal(item(&r, "Never")->state, HUNT_CLEAN);
    assert_int_equal(item(&r, "Elsewhere")->state, HUNT_NOT_COVERED);
    assert_int_equal(item(&r, "No such field")->state, HUNT_RULE_UNSUPPORTED);
    assert_int_equal(item(&r, "rules.yml")->state, HUNT_RULE_UNSUPPORTED); /* refused */
    assert_int_equal(item(&r, "peer=* NOT src=*")->kind, HUNT_KIND_SEARCH);
    assert_int_equal(item(&r, "peer=* NOT src=*")->count, 1);
    hunt_run_free(&run);
    buf_free(&b);

    /* a stretch of time: the first event is out, its rule is clean by the last one */
    h.from = (START_S + 1) * TIME_SECOND;
    run = run_new(&h);
    feed(run, 0, BLOCKS);
    r = result_of(run, &b);
    assert_int_equal(r.coverage.events, 7);
    assert_int_equal(item(&r, "Encoded")->state, HUNT_CLEAN);
    hunt_run_free(&run);
    buf_free(&b);
    h.from = TIME_NONE;
    h.to = START_S * TIME_SECOND; /* not inclusive: nothing is in it */
    run = run_new(&h);
    feed(run, 0, BLOCKS);
    r = result_of(run, &b);
    assert_int_equal(r.coverage.events, 0);
    assert_int_equal(item(&r, "Never")->state, HUNT_NOT_COVERED);
    hunt_run_free(&run);
    buf_free(&b);
}

/* Cut behind every block. */
static void goes_on(void **state)
{
    (void)state;
    struct hunt h = hunt_of("10.0.0.0/24\n*.evil.example\n");
    struct hunt_run *whole = run_new(&h);
    struct buf want;
    feed(whole, 0, BLOCKS);
    (void)result_of(whole, &want);
    for (int cut = 0; cut <= BLOCKS; cut++) {
        struct hunt_run *one = run_new(&h);
        struct hunt_run *two = run_new(&h);
        struct buf tally;
        struct buf got;
        buf_init(&tally, 1 << 20);
        feed(one, 0, cut);
        hunt_run_tally(one, &tally);
        assert_int_equal(hunt_run_restore(two, buf_view(&tally), &e), 0);
        feed(two, cut, BLOCKS);
        (void)result_of(two, &got);
        assert_true(span_eq(buf_view(&got), buf_view(&want)));
        hunt_run_free(&one);
        hunt_run_free(&two);
        for (size_t n = 0; n < tally.len; n += 7) { /* shortened: refused */
            two = run_new(&h);
            assert_int_equal(hunt_run_restore(two, span_make(tally.data, n), &e), ERR_INVALID);
            hunt_run_free(&two);
        }
        buf_free(&tally);
        buf_free(&got);
    }
    /* of another hunt: refused */
    struct hunt other = hunt_of("10.0.0.0/23\n*.evil.example\n");
    struct hunt_run *run = run_new(&other);
    struct buf tally;
    buf_init(&tally, 1 << 20);
    hunt_run_tally(whole, &tally);
    assert_int_equal(hunt_run_restore(run, buf_view(&tally), &e), ERR_INVALID);
    hunt_run_free(&run);
    hunt_run_free(&whole);
    buf_free(&tally);
    buf_free(&want);
}

static void bad_blocks(void **state)
{
    (void)state;
    struct hunt h = hunt_of("10.0.0.1");
    struct hunt_run *run = run_new(&h);
    struct buf b;
    struct span cut = span_sub(buf_view(&bodies[0]), 0, bodies[0].len / 2);
    hunt_run_block(run, &headers[0], cut, HUNT_BLOCK_COUNT);
    hunt_run_block(run, &headers[1], span_make(NULL, 0), HUNT_BLOCK_COUNT);
    hunt_run_block(run, &headers[1], buf_view(&bodies[1]), HUNT_BLOCK_CONTEXT);
    struct hunt_result r = result_of(run, &b);
    assert_int_equal(r.coverage.damaged, 1);
    assert_int_equal(r.coverage.purged, 1);
    assert_int_equal(r.coverage.events, 0);
    hunt_run_free(&run);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds), cmocka_unit_test(verdicts), cmocka_unit_test(goes_on),
        cmocka_unit_test(bad_blocks),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
