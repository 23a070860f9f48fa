/* SPDX-License-Identifier: EUPL-1.2 */
/* Headers from anybody: there is always a language, and one that is not named is English. What is no sentence of ours is not said
 * in another language, and a number in one is digits alone. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "desk/words/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void digits_alone(struct buf *b, struct span value)
{
    CHECK(value.len > 0);
    for (size_t i = 0; i < value.len; i++) {
        CHECK(value.ptr[i] >= '0' && value.ptr[i] <= '9');
    }
    buf_span(b, value);
}

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
    struct buf b;
    buf_init(&b, size + 1024);
    bool known = words_said(&b, w, header, digits_alone);
    CHECK(!b.failed && known == (b.len > 0));
    buf_clear(&b);
    CHECK(words_said(&b, words_default(), header, digits_alone) == known);
    CHECK(!known || span_eq(buf_view(&b), header)); /* in English it is itself */
    buf_free(&b);
    return 0;
}
