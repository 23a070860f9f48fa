/* SPDX-License-Identifier: EUPL-1.2 */
/* A profile, a zero byte, and a table: what the profile takes, sheet.h can read, with the same number of rows at the same lines. */
#include <stdint.h>

#include "desk/govern/mapping_priv.h"
#include "desk/govern/sheet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7 itself loses one block on some syntax errors; files are few and ours, so only the fuzzer would mind. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

static void a_table(const struct profile *p, const struct register_kind *k, struct span text, struct arena *a)
{
    struct mapping_told told = {0};
    struct span decoded, ours, theirs;
    struct err e = {0};
    struct csv before, after;
    struct csv_row *x = arena_alloc(a, sizeof *x), *y = arena_alloc(a, sizeof *y);
    if (mapping_decode(text, p->windows_1252, a, &decoded, &told.encoding, &e) != 0 || mapping_in(p, k, decoded, a, &ours, &told, &e) != 0) {
        CHECK(e.text[0] != '\0');
        return;
    }
    CHECK(csv_open(&before, decoded, &e) == 0);
    if (csv_open(&after, ours, &e) != 0) {
        return; /* a cell that holds what no table may */
    }
    while (csv_next(&before, a, x, &e) > 0) {
        bool empty = true;
        for (uint32_t i = 0; i < x->count; i++) {
            empty = empty && span_trim(x->cell[i]).len == 0;
        }
        if (empty || told.columns == told.passed_over) {
            continue;
        }
        int rc = csv_next(&after, a, y, &e);
        if (rc <= 0) {
            return; /* all its cells became nothing, or too much */
        }
        CHECK(y->line >= 1);
    }
    e.text[0] = '\0';
    CHECK(mapping_out(p, k, ours, ';', a, &theirs, &e) == 0 || e.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct registers *kinds;
    struct arena a;
    struct profile p;
    struct err e = {0};
    if (kinds == NULL) {
        kinds = registers_load(NULL, 0);
    }
    struct span all = span_make((const char *)data, size);
    ptrdiff_t cut = span_find(all, '\0');
    struct span text = cut < 0 ? SPAN("") : span_sub(all, (size_t)cut + 1, size);
    const struct register_file f = {SPAN("any.yml"), span_sub(all, 0, cut < 0 ? size : (size_t)cut)};
    if (size > 65536) {
        return 0;
    }
    arena_init(&a, 1 << 16);
    size_t n = 0;
    const struct profile *list = registers_profiles(kinds, &n);
    const struct register_kind *k = registers_any(kinds, SPAN("control"));
    (void)mapping_day(&a, text, DATES_DMY);
    (void)mapping_number(&a, text, true);
    (void)mapping_guess(list, n, k, text, &a);
    int rc = profile_read(&a, &f, &p, &e);
    CHECK(rc == 0 || e.text[0] != '\0');
    a_table(rc == 0 ? &p : registers_profile(kinds, k, SPAN("ciso_assistant_controls")), k, text, &a);
    arena_fini(&a);
    return 0;
}
