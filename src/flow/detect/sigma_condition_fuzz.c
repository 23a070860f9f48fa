/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target of conditions: the bytes are the condition of a rule with five selections, and of an extended correlation. */
#include "flow/detect/sigma_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a", "sel_1", "sel_2", "_h", "x|y"};
    static const struct span refs[] = {SPAN("a"), SPAN("sel_1")};
    struct sigma_node leaf = {.kind = NODE_PRED};
    struct ident idents[ARRAY_LEN(names)];
    struct sigma_set set = {0};
    struct arena scratch;
    struct span text = span_make((const char *)data, size);
    bool negated = false;
    arena_init(&set.arena, 0);
    arena_init(&scratch, 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        idents[i] = (struct ident){.name = span_of(names[i]), .node = &leaf, .nleaves = 1};
    }
    struct sigma_build b = {.set = &set, .arena = &set.arena, .scratch = &scratch, .line = 1};
    struct sigma_node *root = sigma_condition(&b, text, 1, idents, ARRAY_LEN(names), &negated);
    CHECK((root == NULL) == b.failed);
    b = (struct sigma_build){.set = &set, .arena = &set.arena, .scratch = &scratch, .line = 1};
    const struct sigma_corr_node *corr = sigma_corr_condition(&b, text, 1, refs, ARRAY_LEN(refs));
    CHECK((corr == NULL) == b.failed);
    arena_fini(&scratch);
    arena_fini(&set.arena);
    return 0;
}
