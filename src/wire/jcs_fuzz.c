/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as a document: what is read, written and read again is the same, and its form is canonical. */
#include <stdint.h>

#include "wire/jcs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena a;
    struct span text = span_make((const char *)data, size);
    struct jcs *v = NULL;
    struct jcs *again = NULL;
    struct err e = {0};
    if (a.magic == 0) {
        arena_init(&a, 0);
    }
    int rc = jcs_read(&a, text, 16, &v, &e);
    CHECK(rc != 0 || v != NULL);
    CHECK(rc == 0 || !e.has_offset || e.offset <= size);
    if (rc == 0) {
        struct span form = jcs_text(&a, v);
        CHECK(jcs_is_canonical(v, form));
        MUST(jcs_read(&a, form, 16, &again, &e));
        CHECK(span_eq(jcs_text(&a, again), form));
        CHECK(span_eq(jcs_text(&a, jcs_copy(&a, v)), form));
    }
    /* With decimals: all that is read without them, the same, and what is written is read again as the same. */
    struct jcs *loose = NULL;
    int rd = jcs_read_decimals(&a, text, 16, &loose, &e);
    CHECK(rc != 0 || rd == 0);
    if (rd == 0) {
        struct span form = jcs_text(&a, loose);
        CHECK(rc != 0 || span_eq(form, jcs_text(&a, v)));
        MUST(jcs_read_decimals(&a, form, 16, &again, &e));
        CHECK(span_eq(jcs_text(&a, again), form));
    }
    arena_reset(&a);
    return 0;
}
