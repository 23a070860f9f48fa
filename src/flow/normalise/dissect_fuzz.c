/* SPDX-License-Identifier: EUPL-1.2 */
/* A pattern, a newline, a line: the pattern is taken or refused, and what is taken stays inside the
 * line or the pattern. */
#include "base/check.h"
#include "flow/normalise/dissect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_make((const char *)data, size);
    ptrdiff_t nl = span_find(all, '\n');
    struct span line = nl < 0 ? SPAN("") : span_sub(all, (size_t)nl + 1, size);
    struct dissect_value values[DISSECT_VALUES_MAX];
    struct dissect_pattern p = {0};
    struct arena a;
    arena_init(&a, 0);
    if (dissect_parse(&a, nl < 0 ? all : span_sub(all, 0, (size_t)nl), &p, NULL) == 0) {
        int n = dissect_run(&p, line, values);
        CHECK(n >= -1 && n <= DISSECT_VALUES_MAX);
        for (int i = 0; i < n; i++) {
            CHECK(values[i].name.len > 0);
            CHECK(values[i].value.len <= line.len + DISSECT_TEXT_MAX);
        }
    }
    arena_fini(&a);
    return 0;
}
