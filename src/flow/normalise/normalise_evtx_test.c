/* SPDX-License-Identifier: EUPL-1.2 */
/* Records of event log files as events: class, fields, time and what is kept of a damaged one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/normalise/norm_kit.h"
#include "wire/evtx_kit.h"

enum { DECLARED_OPEN, DECLARED_LINUX };

struct fixture {
    struct norm_kit n;
    struct kit_reading *r;
    struct span record;
    struct err e;
};

static void begin(struct fixture *f)
{
    static const struct span fields[] = {{"Image", 5}, {"ThreatName", 10}, {"Provider_Name", 13}};
    static const struct declared_source declared[] = {
        [DECLARED_OPEN] = {FORMAT_EVTX, {{NULL, 0}, {NULL, 0}, {NULL, 0}}},
        [DECLARED_LINUX] = {FORMAT_EVTX, {{"linux", 5}, {NULL, 0}, {NULL, 0}}},
    };
    memset(f, 0, sizeof *f);
    norm_kit_load(&f->n, SOURCES_DIR);
    norm_kit_compile(&f->n, fields, ARRAY_LEN(fields), declared, ARRAY_LEN(declared));
    f->r = kit_reading_new();
    f->n.stream.format = FORMAT_EVTX;
    f->n.stream.evtx = f->r->x;
}

static void end(struct fixture *f)
{
    norm_kit_free(&f->n);
    kit_reading_free(f->r);
}

static void element(struct evtx_kit *k, const char *name, const char *text)
{
    kit_open(k, name, false);
    kit_u8(k, KIT_TAG);
    kit_text(k, text);
    kit_u8(k, KIT_CLOSE);
}

static void data(struct evtx_kit *k, const char *name, const char *text)
{
    kit_data(k, name);
    kit_u8(k, KIT_TAG);
    kit_text(k, text);
    kit_u8(k, KIT_CLOSE);
}

/* A process creation by Sysmon; without its own time unless one is given. */
static void put_event(struct evtx_kit *k, const char *time)
{
    kit_event(k);
    kit_open(k, "System", false);
    kit_u8(k, KIT_TAG);
    kit_open(k, "Provider", true);
    kit_attribute(k, "Name");
    kit_text(k, "Sysmon");
    kit_u8(k, KIT_EMPTY);
    element(k, "EventID", "1");
    if (time != NULL) {
        kit_open(k, "TimeCreated", true);
        kit_attribute(k, "SystemTime");
        kit_text(k, time);
        kit_u8(k, KIT_EMPTY);
    }
    element(k, "Channel", "Microsoft-Windows-Sysmon/Operational");
    element(k, "Computer", "h1");
    kit_u8(k, KIT_CLOSE);
    kit_open(k, "EventData", false);
    kit_u8(k, KIT_TAG);
    data(k, "Image", "C:\\x.exe");
    data(k, "Threat Name", "t");
    kit_u8(k, KIT_CLOSE);
    kit_event_end(k);
    kit_no_values(k);
}

static enum normalise_result feed(struct fixture *f)
{
    kit_finish(&f->r->kit);
    (void)kit_take(f->r, EVTX_CHUNK_BYTES);
    assert_int_equal(evtx_record_next(f->r->x, &f->record, &f->e), EVTX_RECORD);
    return normalise(f->n.normaliser, &f->n.stream, f->record, &f->n.event, &f->e);
}

static void test_event(void **state)
{
    (void)state;
    struct fixture f;
    time_ns want;
    begin(&f);
    put_event(&f.r->kit, "2026-11-22T01:02:03.456789Z");
    assert_int_equal(feed(&f), NORMALISE_EVENT);
    assert_true(norm_kit_has(&f.n, "windows", "process_creation", "sysmon"));
    assert_string_equal(norm_kit_value(&f.n, "Image"), "C:\\x.exe");
    assert_string_equal(norm_kit_value(&f.n, "ThreatName"), "t");
    assert_string_equal(norm_kit_value(&f.n, "Provider_Name"), "Sysmon");
    assert_true(time_parse(SPAN("2026-11-22T01:02:03.456789Z"), 0, &want));
    assert_int_equal(f.n.event.time, want);
    assert_true(span_eq(event_entity(&f.n.event, ENTITY_HOST), SPAN("h1")));
    assert_false(f.n.event.keywords_raw);
    for (uint32_t i = 0; i < f.n.event.leaves.len; i++) { /* keywords are looked for in the text of all values */
        const struct leaf *l = &f.n.event.leaves.data[i];
        assert_true(l->ptr >= f.n.event.raw.ptr && l->ptr + l->len <= f.n.event.raw.ptr + f.n.event.raw.len);
    }
    end(&f);
}

/* Without a time of its own it has that of its record. */
static void test_written(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    put_event(&f.r->kit, NULL);
    assert_int_equal(feed(&f), NORMALISE_EVENT);
    assert_int_equal(f.n.event.time, (INT64_C(133500000000000000) - INT64_C(116444736000000000)) * 100);
    assert_int_equal(f.n.event.tags & TAG_NO_TIME, 0);
    end(&f);
}

/* A stated log source is the whole truth; one that states nothing leaves it to the content. */
static void test_declared(void **state)
{
    (void)state;
    for (int32_t d = DECLARED_OPEN; d <= DECLARED_LINUX; d++) {
        struct fixture f;
        begin(&f);
        f.n.stream.declared = d;
        put_event(&f.r->kit, NULL);
        assert_int_equal(feed(&f), NORMALISE_EVENT);
        assert_int_equal(norm_kit_has(&f.n, "windows", "process_creation", "sysmon"), d == DECLARED_OPEN);
        assert_int_equal(norm_kit_has(&f.n, "linux", "", ""), d == DECLARED_LINUX);
        end(&f);
    }
}

/* What was read before the damage stays where keywords find it. */
static void test_damaged(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    kit_record(&f.r->kit);
    kit_open(&f.r->kit, "a", false);
    kit_u8(&f.r->kit, KIT_TAG);
    kit_text(&f.r->kit, "still there");
    kit_u8(&f.r->kit, KIT_CLOSE);
    kit_u8(&f.r->kit, 0x77);
    kit_record_end(&f.r->kit);
    assert_int_equal(feed(&f), NORMALISE_BAD);
    assert_true((f.n.event.tags & TAG_NOT_PARSED) != 0);
    assert_true(f.n.event.keywords_raw);
    assert_true(span_starts(f.n.event.raw, SPAN("still there")));
    assert_non_null(strstr(f.e.text, "EVTX"));
    f.n.stream.evtx = NULL; /* nobody has the chunk */
    assert_int_equal(normalise(f.n.normaliser, &f.n.stream, f.record, &f.n.event, &f.e), NORMALISE_BAD);
    end(&f);
}

static void collect(void *ctx, struct span name, struct span value)
{
    struct buf *b = ctx;
    buf_span(b, name);
    buf_u8(b, '=');
    buf_span(b, value);
    buf_u8(b, ';');
}

static void test_fields(void **state)
{
    (void)state;
    struct fixture f;
    struct arena scratch;
    struct buf b;
    begin(&f);
    arena_init(&scratch, 0);
    buf_init(&b, 1 << 20);
    put_event(&f.r->kit, NULL);
    assert_int_equal(feed(&f), NORMALISE_EVENT);
    normalise_fields(f.n.normaliser, &f.n.event, &scratch, collect, &b);
    buf_u8(&b, 0);
    assert_non_null(strstr(b.data, "Event.System.Channel=Microsoft-Windows-Sysmon/Operational;"));
    assert_non_null(strstr(b.data, "Event.System.Provider.#attributes.Name=Sysmon;"));
    assert_non_null(strstr(b.data, ";Image=C:\\x.exe;Threat Name=t;"));
    assert_non_null(strstr(b.data, ";Provider_Name=Sysmon;"));
    buf_free(&b);
    arena_fini(&scratch);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event),   cmocka_unit_test(test_written), cmocka_unit_test(test_declared),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
