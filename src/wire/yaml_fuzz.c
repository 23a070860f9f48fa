/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target of wire/yaml: any bytes; every node of what comes out must be whole. */
#include "wire/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7 itself loses one block on some syntax errors; files are few and ours, so only the fuzzer would mind. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

static size_t walk(struct arena *a, const struct yaml_node *n)
{
    size_t sum = yaml_is_null(n) ? 1 : 0;
    double number = 0;
    switch (n->kind) {
    case YAML_SCALAR:
        sum += yaml_plain(a, n).len + (yaml_as_double(n, &number) ? 1 : 0);
        for (size_t i = 0; i < n->text.len; i++) {
            sum += (unsigned char)n->text.ptr[i];
        }
        break;
    case YAML_SEQ:
        for (uint32_t i = 0; i < n->len; i++) {
            sum += walk(a, n->items[i]);
        }
        break;
    case YAML_MAP:
        for (uint32_t i = 0; i < n->len; i++) {
            sum += walk(a, n->pairs[i].key) + walk(a, n->pairs[i].value);
        }
        break;
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct yaml_docs docs;
    struct err e = {0};
    size_t sum = 0;
    arena_init(&a, 0);
    int code = yaml_read(&a, span_make((const char *)data, size), &docs, &e);
    CHECK(code <= 0);
    for (uint32_t i = 0; i < docs.len; i++) {
        CHECK((docs.docs[i].root == NULL) == (docs.docs[i].problem != NULL));
        if (docs.docs[i].root != NULL) {
            sum += walk(&a, docs.docs[i].root);
        }
    }
    CHECK(sum < SIZE_MAX);
    arena_fini(&a);
    return 0;
}
