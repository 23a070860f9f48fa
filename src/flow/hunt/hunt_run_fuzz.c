/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A run that anybody feeds: the first byte says whether the rest is a tally to go on with, the body of a block, or records
 * (a line each, the byte also giving their format) that are packed as intake would. Whatever comes, the result can be
 * read and tells no more events than were given.
 */
#include "archive/block.h"
#include "base/mem.h"
#include "flow/hunt/hunt_run_priv.h"
#include "flow/normalise/norm_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 64 };

static struct norm_kit kit;
static const struct ruleset *rules;
static const struct hunt_plan *plan;
static struct arena arena;
static struct hunt hunt;

static void start(void)
{
    static const char text[] =
        "title: t\nid: t\nlogsource: {product: linux}\ndetection:\n"
        "  s: {message|contains: 'root', user: 'x*'}\n  condition: s\n---\n"
        "title: u\nid: u\nlogsource: {product: '*'}\ndetection:\n  s: ['root']\n  condition: s\n---\n"
        "title: v\nid: v\nlogsource: {product: '*'}\ndetection:\n  s: ['a', 'root']\n  condition: s\n---\n"
        "title: j\nid: j\ncorrelation: {type: temporal, rules: [u, v], group-by: [user], timespan: 10s}\n---\n"
        "title: k\nid: k\ncorrelation: {type: event_count, rules: [u, v], timespan: 10s, condition: {gte: 2}}\n";
    struct err e = {0};
    struct span search;
    uint32_t n = 0;
    const struct ruleset_options options = {0};
    struct sigma_loader *loader = sigma_loader_new();
    arena_init(&arena, 0);
    MUST(hunt_search_rule(SPAN("root OR user=a*"), &arena, &search, &e));
    sigma_loader_file(loader, SPAN("a.yml"), span_of(text));
    sigma_loader_file(loader, SPAN(HUNT_SEARCH_NAME), search);
    struct sigma_set *set = sigma_loader_finish(loader);
    sigma_loader_free(&loader);
    hunt_plan_prepare(set);
    const struct span *fields = sigma_set_fields(set, &n);
    norm_kit_load(&kit, SOURCES_DIR);
    norm_kit_compile(&kit, fields, n, NULL, 0);
    MUST(ruleset_compile(set, kit.catalog, &kit.region, &options, &rules, &e));
    plan = hunt_plan_compile(set, kit.catalog, correlations_compile(set, kit.catalog, &kit.region),
                             &kit.region);
    sigma_set_free(&set);
    hunt_init(&hunt);
    hunt.search = SPAN("root OR user=a*");
    MUST(hunt_add_indicators(&hunt,
                             SPAN("10.0.0.1\n10.0.0.0/8\n2001:db8::/32\n*.evil.example\nevil.example\n"
                                  "http://evil.example/a\nd41d8cd98f00b204e9800998ecf8427e\n"
                                  "a@evil.example\nfile run.exe\nprocess run.exe\ncommand secret\n"),
                             &arena, &e));
}

static size_t pack(uint8_t format, struct span text, struct archive_header *h, struct buf *out)
{
    static struct archive_record r[RECORDS_MAX];
    const struct archive_record *list[RECORDS_MAX];
    size_t n = 0;
    while (text.len > 0 && n < RECORDS_MAX) {
        ptrdiff_t nl = span_find(text, '\n');
        struct span line = nl < 0 ? text : span_sub(text, 0, (size_t)nl);
        text = nl < 0 ? SPAN("") : span_sub(text, (size_t)nl + 1, text.len);
        r[n] = (struct archive_record){.organisation = SPAN("o"), .source = SPAN("s"),
                                       .class_name = n % 3 == 2 ? SPAN("") : SPAN("c"),
                                       .time = (time_ns)n, .received = 1, .original = line,
                                       .flags = (uint32_t)format << NORMALISE_FLAG_SHIFT};
        list[n] = &r[n];
        n++;
    }
    if (n > 0) {
        struct block_packer *p = block_packer_new(1);
        block_pack(p, list, n, h, out);
        block_packer_free(&p);
    }
    return n;
}

static void check(struct hunt_run *run, size_t most)
{
    struct hunt_result r;
    struct buf b;
    struct arena a;
    arena_init(&a, 0);
    buf_init(&b, HUNT_RESULT_MAX);
    hunt_run_result(run, true, &b);
    CHECK(!b.failed && hunt_result_decode(buf_view(&b), &a, &r, NULL) == 0);
    CHECK(r.coverage.events <= most && r.matches <= most);
    for (uint32_t i = 0; i < r.nitems; i++) {
        CHECK(r.items[i].count <= most);
    }
    buf_free(&b);
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct hunt_run *run = NULL;
    struct archive_header h = {.count = 3, .originals_bytes = 3000, .meta_bytes = 100};
    struct buf body;
    if (kit.catalog == NULL) {
        start();
    }
    if (size < 2 || size > ARCHIVE_BLOCK_MAX_BYTES) {
        return 0;
    }
    const struct hunt_run_parts parts = {&hunt, kit.catalog, rules, plan};
    MUST(hunt_run_new(&parts, &run, &e));
    struct span rest = span_make((const char *)data + 1, size - 1);
    buf_init(&body, 8 << 20);
    if (data[0] == 0) {
        struct buf head; /* a tally is refused at once unless it is of this hunt: give it its head */
        buf_init(&head, 8 << 20);
        hunt_run_tally(run, &head);
        head.len = 2 + ARCHIVE_HASH_BYTES;
        buf_span(&head, rest);
        (void)!hunt_run_restore(run, buf_view(&head), &e);
        buf_free(&head);
    } else if (data[0] == 1) {
        hunt_run_block(run, &h, rest, HUNT_BLOCK_COUNT);
        check(run, h.count);
    } else {
        size_t n = pack(data[0] % (FORMAT_COUNT + 2), rest, &h, &body);
        if (n > 0) {
            hunt_run_block(run, &h, buf_view(&body), HUNT_BLOCK_COUNT);
        }
        check(run, n);
    }
    hunt_run_free(&run);
    buf_free(&body);
    return 0;
}
