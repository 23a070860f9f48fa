/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target: a table of frequencies. */
#include <stddef.h>
#include <stdint.h>

#include "flow/detect/rates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rates *r = rates_new();
    struct err e = {0};
    struct span bytes = span_make((const char *)data, size);
    if (rates_add(r, SPAN("fuzz"), bytes, &e) != 0) {
        CHECK(e.line > 0 && e.text[0] != '\0');
    }
    const struct rates_field *f = rates_find(r, SPAN("c"), SPAN("f"));
    for (int kind = RATE_VALUE; f != NULL && kind <= RATE_CONTAINS; kind++) {
        double rate = rates_estimate(f, (enum rate_kind)kind, span_sub(bytes, 0, 64), 0.01);
        CHECK(rate >= 0 && rate <= 1);
    }
    rates_free(&r);
    return 0;
}
