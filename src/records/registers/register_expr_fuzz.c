/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as an expression, and behind a zero any document: refused with words, or worth the same each time, and never out of bounds. */
#include <stdint.h>

#include "base/mem.h"
#include "records/registers/register_expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"integer", "number", "string", "boolean"};
    struct span all = span_make((const char *)data, size);
    ptrdiff_t zero = span_find(all, '\0');
    struct span text = span_sub(all, 0, zero < 0 ? size : (size_t)zero);
    struct span document = zero < 0 ? SPAN("{\"a\":3,\"b\":[1,2.5,\"x\"],\"c\":{\"d\":true}}") : span_sub(all, (size_t)zero + 1, size);
    struct arena a;
    struct err e = {0};
    const struct expr *x = NULL;
    struct jcs *fields = NULL;
    arena_init(&a, 0);
    int rc = expr_read(&a, text, &x, &e);
    CHECK(rc == 0 || e.text[0] != '\0');
    if (rc == 0 && jcs_read_decimals(&a, document, 8, &fields, NULL) == 0) {
        struct expr_value v, again;
        struct span names[EXPR_PATH_MAX];
        expr_value(x, fields, &v);
        expr_value(x, fields, &again);
        CHECK(v.kind == again.kind && v.number == again.number && v.truth == again.truth && span_eq(v.text, again.text));
        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
            const struct jcs *j = expr_as(&a, &v, span_of(types[i]));
            CHECK(j == NULL || jcs_text(&a, j).len > 0);
        }
        for (uint32_t i = 0; i < expr_paths(x); i++) {
            CHECK(expr_path(x, i, names) >= 1);
        }
    }
    arena_fini(&a);
    return 0;
}
