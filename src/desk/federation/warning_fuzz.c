/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as the body of a warning envelope: refused, or the same again when written and read. */
#include <stdint.h>

#include "base/mem.h"
#include "desk/federation/warning.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct jcs *tree = NULL;
    struct err e;
    arena_init(&a, 0);
    struct warning *w = arena_alloc(&a, sizeof *w);
    struct warning *again = arena_alloc(&a, sizeof *again);
    if (jcs_read(&a, span_make((const char *)data, size), 16, &tree, &e) == 0 &&
        warning_read(tree, &a, w, &e) == 0) {
        struct jcs *body = warning_body(&a, w);
        CHECK(warning_read(body, &a, again, &e) == 0);
        CHECK(span_eq(jcs_text(&a, body), jcs_text(&a, warning_body(&a, again))));
        struct buf files;
        buf_init(&files, 2 << 20);
        (void)warning_files(w, &files);
        CHECK(!files.failed);
        buf_free(&files);
        if (w->nindicators > 0) {
            struct buf rule;
            buf_init(&rule, 1 << 20);
            warning_indicator_rule(&rule, w);
            CHECK(!rule.failed);
            buf_free(&rule);
        }
    }
    arena_fini(&a);
    return 0;
}
