/* SPDX-License-Identifier: EUPL-1.2 */
/* Any lines as a Zeek log: columns stay in their bounds, values inside their line. */
#include <stdint.h>

#include "base/mem.h"
#include "wire/lines.h"
#include "wire/zeek.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_data(const struct zeek *z, struct span line)
{
    const struct zeek_column *columns;
    uint32_t n = zeek_columns(z, &columns);
    struct zeek_cursor c = zeek_begin(line);
    struct zeek_value v;
    uint32_t at = 0;
    char *out = mem_alloc(line.len);
    while (zeek_next(z, &c, &v)) {
        CHECK(v.column == at++ && v.column < n);
        CHECK(v.text.ptr >= line.ptr && v.text.ptr + v.text.len <= line.ptr + line.len);
        CHECK(zeek_unescape(v.text, out) <= v.text.len);
    }
    CHECK(at <= ZEEK_COLUMNS_MAX && (!zeek_fits(z, line) || at == n));
    mem_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zeek *z = zeek_new();
    struct span window = span_make((const char *)data, size);
    struct lines s;
    struct span line;
    struct err e;
    size_t used;
    bool cut;
    lines_init(&s, 0);
    while (lines_next(&s, window, true, &used, &line, &cut) == LINES_LINE) {
        window = span_sub(window, used, window.len);
        if (!zeek_is_header(line)) {
            check_data(z, line);
        } else if (zeek_header(z, line, &e) != 0) {
            CHECK(e.code == ERR_INVALID || e.code == ERR_LIMIT);
        }
    }
    zeek_free(&z);
    return 0;
}
