/* SPDX-License-Identifier: EUPL-1.2 */
/* refusal.def as tables. */
#include "desk/federation/refusal.h"

#include "base/check.h"

static const struct {
    const char *word;
    const char *text;
    enum fed_act act;
} refusals[] = {
#define REFUSAL(name, word, act, text) {word, text, FED_ACT_##act},
#include "desk/federation/refusal.def"
#undef REFUSAL
};

enum fed_act fed_refusal_act(enum fed_refusal r)
{
    CHECK(r < FED_REFUSAL_COUNT);
    return refusals[r].act;
}

const char *fed_refusal_word(enum fed_refusal r)
{
    CHECK(r < FED_REFUSAL_COUNT);
    return refusals[r].word;
}

const char *fed_refusal_text(enum fed_refusal r)
{
    CHECK(r < FED_REFUSAL_COUNT);
    return refusals[r].text;
}

enum fed_refusal fed_refusal_of(struct span word)
{
    size_t r = 0;
    while (r < FED_REFUSAL_COUNT && !span_eq(word, span_of(refusals[r].word))) {
        r++;
    }
    return (enum fed_refusal)r;
}
