/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records that want to hide: the first byte gives their format, the rest is one record a line. Whatever indicator is found
 * in one of them by taking it apart, the look at its raw bytes must let it through.
 */
#include "archive/block.h"
#include "base/mem.h"
#include "flow/hunt/hunt.h"
#include "flow/hunt/hunt_raw_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 16, BYTES_MAX = 16384 };

static struct norm_kit kit;
static struct raw_kit raw;
static struct arena arena;
static struct hunt hunt;

static void start(void)
{
    struct err e = {0};
    arena_init(&arena, 0);
    norm_kit_load(&kit, SOURCES_DIR);
    norm_kit_compile(&kit, NULL, 0, NULL, 0);
    hunt_init(&hunt);
    MUST(hunt_add_indicators(&hunt,
                             SPAN("10.0.0.1\n10.2.0.0/15\n2001:db8::12\nfe80::a:b:c\n2001:db8:5::/48\n*.evil.example\n"
                                  "http://evil.example/a/Run\nd41d8cd98f00b204e9800998ecf8427e\nsk@evil.example\n"
                                  "file c:\\ks\\skit.exe\nprocess skit.exe\ncommand -ks sk.it\n"),
                             &arena, &e));
    raw_kit_init(&raw, kit.catalog, hunt.indicators, hunt.nindicators);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct archive_record records[RECORDS_MAX] = {0};
    uint32_t which = 0;
    if (kit.catalog == NULL) {
        start();
    }
    if (size < 2 || size > BYTES_MAX) {
        return 0;
    }
    /* One behind the other, as in a block: without the newlines. */
    char *bytes = mem_alloc(size);
    size_t used = 0;
    struct block b = {.records = records};
    struct span rest = span_make((const char *)data + 1, size - 1);
    while (rest.len > 0 && b.count < RECORDS_MAX) {
        ptrdiff_t nl = span_find(rest, '\n');
        struct span line = nl < 0 ? rest : span_sub(rest, 0, (size_t)nl);
        rest = nl < 0 ? SPAN("") : span_sub(rest, (size_t)nl + 1, rest.len);
        if (line.len > 0) {
            memcpy(bytes + used, line.ptr, line.len);
        }
        records[b.count++] = (struct archive_record){.class_name = SPAN("c"), .received = 1,
                                                     .original = span_make(bytes + used, line.len),
                                                     .flags = normalise_flag((enum source_format)(data[0] % FORMAT_COUNT))};
        used += line.len;
    }
    CHECK(raw_kit_check(&raw, &b, &which) < 0);
    mem_free(bytes);
    return 0;
}
