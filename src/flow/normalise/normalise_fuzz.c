/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records from anywhere, with the shipped sources. First byte: the format (upper half: as a
 * manifest entry); the rest is cut at newlines into records of one stream. Whatever they hold, each
 * becomes an event with a class and a time.
 */
#include "flow/normalise/norm_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct norm_kit kit;
static struct declared_source declared[FORMAT_COUNT];

static void ignore(void *ctx, struct span name, struct span value)
{
    uint64_t *bytes = ctx;
    *bytes += name.len + value.len;
}

static void start(void)
{
    static const struct span fields[] = {
        {"Image", 5}, {"CommandLine", 11}, {"a.b.c", 5}, {"User", 4}, {"TargetObject", 12}};
    norm_kit_load(&kit, SOURCES_DIR);
    MUST(sources_switch(kit.sources, SPAN("windows.audit-4657"), true, NULL));
    MUST(sources_switch(kit.sources, SPAN("windows.audit-4688-full"), true, NULL));
    for (int i = 0; i < FORMAT_COUNT; i++) {
        declared[i].format = (enum source_format)i;
    }
    norm_kit_compile(&kit, fields, ARRAY_LEN(fields), declared, FORMAT_COUNT);
}

static void one(struct span record)
{
    struct err e = {0};
    struct event *ev = &kit.event;
    if (normalise(kit.normaliser, &kit.stream, record, ev, &e) == NORMALISE_HEADER) {
        return;
    }
    CHECK(ev->class_id < kit.catalog->nclasses && ev->view != NULL && ev->time != TIME_NONE);
    struct arena scratch;
    uint64_t bytes = 0;
    arena_init(&scratch, 0);
    for (class_id c = ev->class_id; c != CLASS_NONE; c = kit.catalog->classes[c].also) {
        event_use_class(ev, c);
        for (field_id f = 0; f < kit.catalog->nfields; f++) {
            for (uint32_t l = event_first(ev, f); l != LEAF_NIL; l = event_next(ev, l)) {
                bytes += event_folded(ev, l).len;
            }
        }
        for (int i = 0; i < ENTITY_COUNT; i++) {
            bytes += event_entity(ev, (enum entity)i).len;
        }
    }
    normalise_fields(kit.normaliser, ev, &scratch, ignore, &bytes);
    arena_fini(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (kit.catalog == NULL) {
        start();
    }
    if (size == 0) {
        return 0;
    }
    stream_fini(&kit.stream);
    stream_init(&kit.stream);
    kit.stream.received = INT64_C(1795341600) * TIME_SECOND;
    kit.stream.format = (enum source_format)(data[0] % FORMAT_COUNT);
    kit.stream.declared = data[0] >= 128 ? data[0] % FORMAT_COUNT : -1;
    struct span rest = span_make((const char *)data + 1, size - 1);
    (void)normalise_guess_format(rest);
    while (rest.len > 0) {
        ptrdiff_t nl = span_find(rest, '\n');
        one(nl < 0 ? rest : span_sub(rest, 0, (size_t)nl));
        rest = nl < 0 ? span_make(rest.ptr, 0) : span_sub(rest, (size_t)nl + 1, rest.len);
    }
    return 0;
}
