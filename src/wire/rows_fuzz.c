/* SPDX-License-Identifier: EUPL-1.2 */
/* Any line as a row, any text as text: what is taken comes out as it went in. The first byte says which table. */
#include <sodium.h>
#include <stdint.h>

#include "wire/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rows_table tables[] = {
    {"every", 5, {{"id", ROWS_TEXT, false, false}, {"number", ROWS_NUMBER, true, false}, {"created", ROWS_TIME, false, false},
                  {"bytes", ROWS_BYTES, true, false}, {"password", ROWS_TEXT, false, true}}},
    {"sqlite_sequence", 2, {{"name", ROWS_ANY, true, false}, {"seq", ROWS_ANY, true, false}}},
};

static void text_comes_back(struct span text)
{
    struct arena a;
    struct buf out;
    struct json_writer j;
    struct jcs *v = NULL;
    struct err e = {0};
    struct span again;
    arena_init(&a, 4096);
    buf_init(&out, 1 << 20);
    json_writer_init(&j, &out);
    rows_put_text(&j, text, &a);
    CHECK(jcs_read_decimals(&a, buf_view(&out), JCS_DEPTH_MAX, &v, &e) == 0);
    CHECK(rows_text(v, &a, &again) && span_eq(again, text));
    arena_fini(&a);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct err e = {0};
    if (size == 0 || size > 65536 || sodium_init() < 0) {
        return 0;
    }
    struct span s = span_make((const char *)data + 1, size - 1);
    arena_init(&a, 4096);
    int rc = rows_check(&tables[data[0] % 2], s, data[0] % 3 == 0, &a, &e);
    CHECK(rc == 0 || e.text[0] != '\0');
    arena_fini(&a);
    text_comes_back(s);
    return 0;
}
