/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as the file of a kind: read or refused with a reason; one that is read has keys for a record. */
#include <stdint.h>

#include "records/registers/register.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7 itself loses one block on some syntax errors; files are few and ours, so only the fuzzer would mind. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena a;
    const struct register_file f = {SPAN("any.yml"), span_make((const char *)data, size)};
    struct register_kind k;
    struct err e = {0};
    if (a.magic == 0) {
        arena_init(&a, 0);
    }
    int rc = register_kind_read(&a, &f, &k, &e);
    CHECK(rc == 0 || e.text[0] != '\0');
    if (rc == 0) {
        struct jcs *fields = NULL;
        struct record_key keys[REGISTER_KEYS_MAX];
        CHECK(k.nfields > 0 && k.title < k.nfields && k.nstates > 0 && k.initial < k.nstates && k.rights.nroles > 0);
        MUST(jcs_read_decimals(&a, SPAN("{\"title\":\"x\",\"label\":7}"), 4, &fields, NULL));
        CHECK(register_keys(&a, &k, fields, SPAN("o"), k.states[k.initial].id, k.tlp_default, 0, 0, keys) <= REGISTER_KEYS_MAX);
        CHECK(register_keys_signature(&a, &k).len > 0);
        register_kind_free(&k);
    }
    arena_reset(&a);
    return 0;
}
