/* SPDX-License-Identifier: EUPL-1.2 */
/* Source files from anywhere: loading and compiling must end in a catalog or an error, whatever the
 * bytes. */
#include "flow/normalise/norm_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7 itself loses one block on some syntax errors: see wire/yaml_fuzz.c. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct span fields[] = {{"Image", 5}, {"a.b", 3}, {"x", 1}};
    struct sources *s = sources_new();
    struct arena region;
    struct err e = {0};
    const struct catalog *c = NULL;
    arena_init(&region, 1 << 20);
    if (sources_add(s, SPAN("fuzz.yml"), span_make((const char *)data, size), &e) == 0 &&
        sources_compile(s, fields, 3, NULL, 0, &region, &c, &e) == 0) {
        struct normaliser *n = normaliser_new(c);
        struct event ev;
        struct stream st;
        event_init(&ev, c);
        stream_init(&st);
        for (int f = 0; f < FORMAT_COUNT; f++) {
            st.format = (enum source_format)f;
            (void)normalise(n, &st, SPAN("{\"a\":{\"b\":\"c\"},\"x\":[1,2]}"), &ev, &e);
        }
        stream_fini(&st);
        event_fini(&ev);
        normaliser_free(&n);
    }
    arena_fini(&region);
    sources_free(&s);
    return 0;
}
