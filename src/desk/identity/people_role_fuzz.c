/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as a role's file: read or refused with a reason; one that is read gives only rights that it names. */
#include <stdint.h>
#include <string.h>

#include "desk/identity/people_role.h"

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
    const struct people_role_file f = {SPAN("any.yml"), span_make((const char *)data, size)};
    struct people_role role;
    bool tightens = false;
    struct err e = {0};
    if (a.magic == 0) {
        arena_init(&a, 0);
    }
    int rc = people_role_read(&a, &f, &role, &tightens, &e);
    CHECK(rc == 0 || e.text[0] != '\0');
    if (rc == 0 && tightens) { /* it can ask for more, and give nothing */
        CHECK(role.rights == 0 && role.acts_as == 0 && role.second_factor);
    } else if (rc == 0) {
        CHECK(role.name.len > 0 && role.name.len <= PEOPLE_ROLE_NAME_MAX && role.acts_as != 0 && role.rights != 0);
        for (enum right r = RIGHT_KNOWN + 1; r < RIGHT_COUNT; r++) { /* escapes may write a name in other bytes */
            CHECK(!people_role_may(&role, r) || memchr(data, '\\', size) != NULL ||
                  memmem(data, size, right_name(r), strlen(right_name(r))) != NULL);
        }
        CHECK((role.rights & 7) == 0 && !people_role_may(NULL, RIGHT_PEOPLE));
    }
    arena_reset(&a);
    return 0;
}
