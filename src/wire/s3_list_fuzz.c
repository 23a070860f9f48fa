/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target: a page of names from somebody's server. Each name lies inside the page, in order, and is no longer than it may be. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "wire/s3_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct span rest = span_make(size == 0 ? "" : bytes, size), key;
    const char *before = rest.ptr;
    while (s3_list_next(&rest, &key)) {
        CHECK(key.ptr > before && key.len > 0 && key.len <= S3_NAME_MAX && key.ptr + key.len <= bytes + size);
        before = key.ptr;
    }
    (void)s3_list_more(span_make(size == 0 ? "" : bytes, size));
    return 0;
}
