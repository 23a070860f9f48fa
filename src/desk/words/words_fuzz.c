/* SPDX-License-Identifier: EUPL-1.2 */
/* Headers from anybody: there is always a language, and one that is not named is English. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "desk/words/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span header = span_make((const char *)data, size);
    const struct words *w = words_accept(header);
    bool named = false;
    CHECK(w != NULL);
    for (size_t i = 0; i + 2 <= size; i++) {
        named = named || span_eq_nocase(span_sub(header, i, 2), span_of(w->language));
    }
    CHECK(named || w == words_default());
    return 0;
}
