/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target: somebody's CSV. Cells are within their limits; what is written of them is read as the same; guards give back what was there. */
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "wire/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct csv_row *row, struct arena *a, char separator)
{
    struct buf text;
    struct csv c;
    struct csv_row *back = arena_alloc(a, sizeof *back);
    buf_init(&text, 16 << 20);
    for (uint32_t i = 0; i < row->count; i++) {
        if (i > 0) {
            buf_u8(&text, (uint8_t)separator);
        }
        csv_put(&text, row->cell[i], separator);
    }
    csv_end_row(&text);
    c = (struct csv){.rest = buf_view(&text), .line = 1, .separator = separator};
    CHECK(csv_next(&c, a, back, NULL) == 1 && back->count == row->count);
    for (uint32_t i = 0; i < row->count; i++) {
        CHECK(span_eq(back->cell[i], row->cell[i]));
    }
    CHECK(csv_next(&c, a, back, NULL) == 0);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv c;
    struct err e = {0};
    struct arena a;
    struct csv_row *row = mem_alloc(sizeof *row);
    uint32_t line = 0;
    arena_init(&a, 0);
    int rc = csv_open(&c, span_make(size == 0 ? "" : (const char *)data, size), &e);
    while (rc == 0 && (rc = csv_next(&c, &a, row, &e)) > 0) {
        CHECK(row->count > 0 && row->count <= CSV_COLUMNS_MAX && row->line > line);
        line = row->line;
        for (uint32_t i = 0; i < row->count; i++) {
            CHECK(row->cell[i].len <= CSV_CELL_MAX);
            struct span guarded = csv_guard(&a, row->cell[i]);
            CHECK(span_eq(csv_unguard(guarded), row->cell[i]));
            CHECK(guarded.len == 0 || (guarded.ptr[0] != '=' && guarded.ptr[0] != '+' && guarded.ptr[0] != '-' && guarded.ptr[0] != '@'));
        }
        again(row, &a, c.separator);
        rc = 0;
    }
    CHECK(rc == 0 || e.text[0] != '\0');
    arena_fini(&a);
    mem_free(row);
    return 0;
}
