/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The look at raw bytes never hides what a hunt finds. Needles are held against a search written plainly here. Records are made
 * from many ways of writing many indicators, each then changed at random (case, JSON escapes, pieces left out), and whatever
 * taking them apart finds, the first look must let through; and whole hunts come to the same result with it and without.
 * Each case is made from a number, printed when it fails.
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
#include "flow/hunt/hunt_raw_kit.h"
#include "flow/hunt/hunt_run_priv.h"
#include "flow/hunt/hunt_texts.h"
#include "flow/hunt/needles.h"
#include "flow/hunt/spellings.h"

enum { CASES = 1200, BLOCK_RECORDS = 12, HUNT_BLOCKS = 60, DAY = 20780, TEXT_CASES = 400, TEXT_MAX = 700 };

static struct norm_kit kit;
static struct sigma_set *set;
static const struct ruleset *rules;
static const struct hunt_plan *plan;
static struct arena arena;
static struct hunt hunt;
static struct err e;
static uint64_t random_state;

static uint32_t below(uint32_t n)
{
    CHECK(n > 0);
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % n);
}

static int make(void **state)
{
    (void)state;
    struct sigma_loader *loader = sigma_loader_new();
    const struct ruleset_options options = {0};
    struct buf list;
    arena_init(&arena, 0);
    set = sigma_loader_finish(loader);
    sigma_loader_free(&loader);
    norm_kit_load(&kit, SOURCES_DIR);
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

/* ---- needles ---- */

struct found {
    const struct needle *list;
    struct span text;
    uint8_t *at; /* per needle and place */
    uint64_t calls;
    size_t skip; /* answered; 0: NEEDLES_ON */
};

static size_t on_found(void *ctx, uint32_t which, size_t at)
{
    struct found *f = ctx;
    assert_true(at + f->list[which].text.len <= f->text.len);
    f->at[which * (TEXT_MAX + 1) + at] = 1;
    f->calls++;
    return f->skip == 0 ? NEEDLES_ON : at + f->skip;
}

static bool stands_plainly(const struct needle *x, struct span text, size_t at)
{
    struct span here = span_make(text.ptr + at, x->text.len);
    return at + x->text.len <= text.len && (x->exact ? span_eq(here, x->text) : span_eq_nocase(here, x->text));
}

/* Few bytes to choose from, so that needles stand there, overlap and nearly stand there. */
static char a_byte(void)
{
    static const char some[] = "abAB.-1\\u";
    return below(20) == 0 ? (char)below(256) : some[below(sizeof some - 1)];
}

static void needles_are_found_everywhere(void **state)
{
    (void)state;
    uint64_t stood = 0;
    for (uint64_t seed = 0; seed < TEXT_CASES; seed++) {
        random_state = seed * 31 + 7;
        uint32_t count = 1 + below(seed % 2 == 0 ? 5 : 60);
        struct needle *list = mem_calloc(count, sizeof *list);
        struct arena a;
        arena_init(&a, 0);
        for (uint32_t i = 0; i < count; i++) {
            /* Some lists have long ones only, which are looked for at every eighth place. */
            size_t least = seed % 4 == 3 ? 11 : 1;
            size_t len = least + below(below(4) == 0 ? NEEDLE_TEXT_MAX + 1 - (uint32_t)least : 11);
            char *text = arena_bytes(&a, len);
            bool exact = below(5) == 0;
            for (size_t k = 0; k < len; k++) {
                text[k] = exact ? a_byte() : ascii_lower(a_byte());
            }
            list[i] = (struct needle){span_make(text, len), exact, (uint8_t)(below(6) == 0 ? 1 + below(NEEDLE_GROUPS) : 0)};
        }
        /* In memory of exactly its size, so that a read beyond it is seen. */
        size_t len = below(TEXT_MAX + 1);
        char *text = mem_alloc(len + 1);
        text = mem_realloc(text, len == 0 ? 1 : len);
        for (size_t i = 0; i < len; i++) {
            text[i] = a_byte();
        }
        for (uint32_t i = 0; i < count && len > 0; i++) { /* and some of them as they are */
            size_t at = below((uint32_t)len);
            if (at + list[i].text.len <= len) {
                memcpy(text + at, list[i].text.ptr, list[i].text.len);
            }
        }
        struct found f = {.list = list, .text = span_make(text, len), .skip = seed % 3 == 0 ? 1 + below(40) : 0};
        f.at = mem_calloc((size_t)count * (TEXT_MAX + 1), 1);
        struct needles *n = needles_new(list, count);
        needles_scan(n, f.text, on_found, &f);
        uint64_t expected = 0;
        for (uint32_t i = 0; i < count; i++) {
            for (size_t at = 0; at < len; at++) {
                bool stands = stands_plainly(&list[i], f.text, at);
                bool told = f.at[i * (TEXT_MAX + 1) + at] != 0;
                expected += stands;
                if ((told && !stands) || (f.skip == 0 && stands && !told)) {
                    fail_msg("case %llu: needle %u at %zu: %d, %d", (unsigned long long)seed, i, at, stands, told);
                }
            }
        }
        assert_true(expected == 0 || f.calls > 0);
        stood += expected;
        needles_free(&n);
        mem_free(f.at);
        mem_free(text);
        mem_free(list);
        arena_fini(&a);
    }
    assert_true(stood > TEXT_CASES);
}

/* ---- records ---- */

/* One character, as it is or in another way that means the same or nearly so. */
static void put_char(struct buf *b, unsigned char c, bool json, uint32_t rate)
{
    char text[8];
    bool letter = ascii_lower((char)c) >= 'a' && ascii_lower((char)c) <= 'z';
    uint32_t way = below(rate);
    if (way == 0 && letter) {
        c ^= 0x20;
    } else if (way == 1 && json && c < 0x80 && c != '\\') {
        (void)snprintf(text, sizeof text, below(2) == 0 ? "\\u%04x" : "\\u%04X", c);
        buf_cstr(b, text);
        return;
    } else if (way == 2 && json && c == '/') {
        buf_cstr(b, "\\/");
        return;
    } else if (way == 3 && below(8) == 0) {
        return; /* left out */
    } else if (way == 4 && (c == 's' || c == 'k')) {
        buf_cstr(b, c == 's' ? "\xc5\xbf" : "\xe2\x84\xaa");
        return;
    } else if (way == 5 && below(16) == 0) {
        buf_put(b, "\0", 1);
    }
    buf_put(b, &c, 1);
}

static void put_text(struct buf *b, const char *text, bool json, uint32_t rate)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (json && p[0] == '\\' && p[1] != '\0') { /* an escape stays whole */
            buf_put(b, p, 2);
            p++;
        } else {
            put_char(b, (unsigned char)*p, json, rate);
        }
    }
}

static const char *some_text(void)
{
    uint32_t thing = below(THINGS);
    uint32_t ways = 0;
    while (ways < 8 && things[thing].written[ways] != NULL) {
        ways++;
    }
    return things[thing].written[below(ways)];
}

/* Its original in a, and how it is read. */
static struct archive_record record_of(struct arena *a, uint32_t frame)
{
    struct archive_record r = {.organisation = SPAN("town"), .source = SPAN("test"), .class_name = SPAN("any"),
                               .time = (time_ns)DAY * TIME_DAY + below(1000), .received = (time_ns)DAY * TIME_DAY};
    struct buf b;
    buf_init(&b, 16384);
    const char *text = some_text();
    uint32_t rate = below(3) == 0 ? 1000000 : 4 + below(60);
    if (frame == FRAMES) { /* a value of auditd that is written in hex, alone or in a line of syslog or JSON */
        uint32_t in = below(4);
        r.flags = normalise_flag(in == 0 ? FORMAT_SYSLOG : in == 1 ? FORMAT_JOURNALD : FORMAT_AUDITD);
        buf_cstr(&b, in == 0   ? "<34>1 2026-11-22T01:00:00Z host audit - - - "
                     : in == 1 ? "{\"SYSLOG_IDENTIFIER\":\"audit\",\"MESSAGE\":\""
                               : "");
        buf_cstr(&b, "type=PROCTITLE msg=audit(1795309200.1:7): proctitle");
        buf_cstr(&b, in == 1 && below(2) == 0 ? "\\u003d6E6300" : "=6E6300");
        for (const char *p = text; *p != '\0'; p++) {
            buf_printf(&b, below(2) == 0 ? "%02X" : "%02x", (unsigned)(unsigned char)*p);
        }
        buf_cstr(&b, in == 1 ? "\"}" : "");
    } else {
        struct span form = span_of(frames[frame].form);
        r.flags = normalise_flag(frames[frame].format);
        for (size_t i = 0; i < form.len; i++) {
            if (form.ptr[i] == '%' && i + 1 < form.len && form.ptr[i + 1] == 's') {
                put_text(&b, text, frames[frame].json, rate);
                i++;
            } else {
                buf_put(&b, &form.ptr[i], 1);
            }
        }
    }
    r.original = arena_copy(a, buf_view(&b));
    buf_free(&b);
    return r;
}

static void pack(struct block_packer *p, const struct archive_record *records, size_t n, struct archive_header *h, struct buf *body)
{
    const struct archive_record *list[BLOCK_RECORDS];
    for (size_t i = 0; i < n; i++) {
        list[i] = &records[i];
    }
    buf_clear(body);
    block_pack(p, list, n, h, body);
    h->day = DAY;
}

static void what_is_found_is_let_through(void **state)
{
    (void)state;
    struct raw_kit raw;
    struct block_packer *p = block_packer_new(1);
    struct buf body;
    buf_init(&body, 1 << 20);
    raw_kit_init(&raw, kit.catalog, hunt.indicators, hunt.nindicators);
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct arena a;
        struct archive_header h;
        struct block b;
        struct archive_record records[BLOCK_RECORDS];
        uint32_t which = 0;
        arena_init(&a, 0);
        random_state = seed * 7919 + 3;
        size_t n = 1 + below(BLOCK_RECORDS);
        for (size_t i = 0; i < n; i++) {
            records[i] = record_of(&a, below(FRAMES + 1));
        }
        pack(p, records, n, &h, &body);
        assert_int_equal(block_unpack(&h, buf_view(&body), &a, &b, &e), 0);
        int64_t at = raw_kit_check(&raw, &b, &which);
        if (at >= 0) {
            fail_msg("case %llu: record %lld hides %s: %.*s", (unsigned long long)seed, (long long)at, things[which].indicator,
                     SPAN_ARG(b.records[at].original));
        }
        arena_fini(&a);
    }
    /* The comparison is worth something: much was found, and more was ruled out. */
    assert_true(raw.hits > CASES && raw.sights > CASES);
    assert_true(raw.stopped > raw.passed);
    for (uint32_t i = 0; i < THINGS; i++) {
        assert_int_equal(raw.raws[i] != NULL, strcmp(things[i].indicator, "0.0.0.0/0") != 0 && strcmp(things[i].indicator, "::1") != 0);
    }
    raw_kit_fini(&raw);
    block_packer_free(&p);
    buf_free(&body);
}

/* ---- whole hunts ---- */

struct two_hunts {
    struct hunt_run *fast, *slow;
};

static struct two_hunts two_new(const struct hunt *h)
{
    const struct hunt_run_parts parts = {h, kit.catalog, rules, plan};
    struct two_hunts t;
    assert_int_equal(hunt_run_new(&parts, &t.fast, &e), 0);
    assert_int_equal(hunt_run_new(&parts, &t.slow, &e), 0);
    hunt_raw_free(&t.slow->raw);
    return t;
}

/* By name: what nobody took apart is told under the first class of its name. */
static uint64_t events_of(const struct hunt_coverage *c, struct span name)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < c->nclasses; i++) {
        n += span_eq(c->classes[i].name, name) ? c->classes[i].events : 0;
    }
    return n;
}

static void assert_same(const struct two_hunts *t, uint64_t seed)
{
    struct buf bytes[2];
    struct hunt_result r[2];
    struct hunt_run *runs[2] = {t->fast, t->slow};
    for (int i = 0; i < 2; i++) {
        buf_init(&bytes[i], HUNT_RESULT_MAX);
        hunt_run_result(runs[i], true, &bytes[i]);
        assert_int_equal(hunt_result_decode(buf_view(&bytes[i]), &arena, &r[i], &e), 0);
    }
    for (uint32_t i = 0; i < r[1].coverage.nclasses; i++) {
        struct span name = r[1].coverage.classes[i].name;
        assert_int_equal(events_of(&r[0].coverage, name), events_of(&r[1].coverage, name));
    }
    struct buf again[2];
    for (int i = 0; i < 2; i++) {
        r[i].coverage.nclasses = 0;
        buf_init(&again[i], HUNT_RESULT_MAX);
        hunt_result_encode(&again[i], &r[i]);
    }
    if (!span_eq(buf_view(&again[0]), buf_view(&again[1]))) {
        fail_msg("case %llu: two results", (unsigned long long)seed);
    }
    for (int i = 0; i < 2; i++) {
        buf_free(&bytes[i]);
        buf_free(&again[i]);
    }
}

/* The class that a record is of when it is read, which intake notes. */
static struct span class_of(struct hunt_run *probe, struct block_packer *p, const struct archive_record *r, struct buf *body)
{
    struct archive_header h;
    pack(p, r, 1, &h, body);
    hunt_run_block(probe, &h, buf_view(body), HUNT_BLOCK_COUNT);
    return probe->event.class_id < kit.catalog->nclasses ? kit.catalog->classes[probe->event.class_id].name : SPAN("");
}

/* seed says which indicators, which stretch of time, which records. A tally is taken out and put back in between. */
static uint64_t hunt_twice(uint64_t seed)
{
    struct block_packer *p = block_packer_new(1);
    struct hunt some = hunt;
    struct buf body, tally;
    random_state = seed * 104729 + 11;
    uint32_t first = below(THINGS);
    some.indicators += first;
    some.nindicators = 1 + below(seed % 2 == 0 ? 1 : THINGS - first);
    if (seed % 3 == 0) {
        some.from = (time_ns)DAY * TIME_DAY + below(500);
        some.to = (time_ns)DAY * TIME_DAY + 500 + below(500);
    }
    struct two_hunts t = two_new(&some);
    struct two_hunts probe = two_new(&hunt);
    buf_init(&body, 1 << 20);
    buf_init(&tally, 16 << 20);
    for (int k = 0; k < HUNT_BLOCKS; k++) {
        struct archive_record records[BLOCK_RECORDS];
        struct archive_header h;
        struct arena a;
        arena_init(&a, 0);
        uint32_t frame = below(FRAMES + 1); /* records of one class share a block */
        for (size_t i = 0; i < BLOCK_RECORDS; i++) {
            records[i] = record_of(&a, frame);
            if (k % 2 == 1 && below(4) != 0 && frame < FRAMES && frames[frame].json) { /* and some that hold nothing at all */
                records[i].original = SPAN("{\"Channel\":\"Security\",\"EventID\":4624,\"w\":\"198.18.0.1 x.test C:\\\\a.txt\"}");
            }
            records[i].class_name = class_of(probe.slow, p, &records[i], &body);
        }
        for (size_t from = 0; from < BLOCK_RECORDS;) { /* as intake packs them */
            size_t n = 1;
            while (from + n < BLOCK_RECORDS && span_eq(records[from + n].class_name, records[from].class_name)) {
                n++;
            }
            pack(p, records + from, n, &h, &body);
            h.id = (uint32_t)(k * BLOCK_RECORDS) + (uint32_t)from + 1;
            hunt_run_block(t.fast, &h, buf_view(&body), HUNT_BLOCK_COUNT);
            hunt_run_block(t.slow, &h, buf_view(&body), HUNT_BLOCK_COUNT);
            from += n;
        }
        if (k == HUNT_BLOCKS / 2) { /* another hunter goes on */
            const struct hunt_run_parts parts = {&some, kit.catalog, rules, plan};
            hunt_run_tally(t.fast, &tally);
            hunt_run_free(&t.fast);
            assert_int_equal(hunt_run_new(&parts, &t.fast, &e), 0);
            assert_int_equal(hunt_run_restore(t.fast, buf_view(&tally), &e), 0);
        }
        arena_fini(&a);
    }
    assert_same(&t, seed);
    uint64_t matches = t.fast->matches;
    hunt_run_free(&t.fast);
    hunt_run_free(&t.slow);
    hunt_run_free(&probe.fast);
    hunt_run_free(&probe.slow);
    block_packer_free(&p);
    buf_free(&body);
    buf_free(&tally);
    return matches;
}

static void whole_hunts_end_the_same(void **state)
{
    (void)state;
    uint64_t matches = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        matches += hunt_twice(seed);
    }
    assert_true(matches > 50);
}

/* ---- texts that sources make ---- */

static void what_a_source_may_write_is_not_looked_for(void **state)
{
    (void)state;
    assert_true(hunt_text_may_be_made(kit.catalog, SPAN("authpriv")));
    assert_true(hunt_text_may_be_made(kit.catalog, SPAN("LOCAL7")));
    assert_false(hunt_text_may_be_made(kit.catalog, SPAN("authprivx")));
    assert_false(hunt_text_may_be_made(kit.catalog, SPAN("evil.example")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needles_are_found_everywhere),
        cmocka_unit_test(what_is_found_is_let_through),
        cmocka_unit_test(whole_hunts_end_the_same),
        cmocka_unit_test(what_a_source_may_write_is_not_looked_for),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
