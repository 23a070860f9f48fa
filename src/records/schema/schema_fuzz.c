/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as a schema file: read or refused, and one that is read checks values and always comes to an end. */
#include <stdint.h>

#include "records/schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7 itself loses one block on some syntax errors; files are few and ours, so only the fuzzer would mind. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const values[] = {
        "null", "\"2026-11-27\"", "12.5", "[1,[2],{\"a\":3},1]", "{\"a\":{\"b\":[true]},\"name\":\"x\",\"title\":\"y\"}"};
    static struct arena a;
    struct yaml_docs docs = {0};
    struct schema_file *f = NULL;
    if (a.magic == 0) {
        arena_init(&a, 0);
    }
    if (yaml_read(&a, span_make((const char *)data, size), &docs, NULL) == 0 && docs.len > 0 && docs.docs[0].root != NULL) {
        struct err e = {0};
        int rc = schema_read(&a, docs.docs[0].root, &f, &e);
        CHECK((rc == 0) == (f != NULL));
        CHECK(rc == 0 || e.text[0] != '\0');
        for (size_t i = 0; f != NULL && i < ARRAY_LEN(values); i++) {
            struct jcs *v = NULL;
            struct schema_result r;
            MUST(jcs_read_decimals(&a, span_of(values[i]), JCS_DEPTH_MAX, &v, NULL));
            schema_check(f, v, &a, &r);
            CHECK(r.valid == (r.count == 0) && r.kept <= r.count && r.kept <= SCHEMA_FAULTS_MAX);
        }
        schema_free(&f);
    }
    arena_reset(&a);
    return 0;
}
