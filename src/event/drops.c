/* SPDX-License-Identifier: EUPL-1.2 */
/* Words of drops.h's table. */
#include "event/drops.h"

static const struct {
    const char *word, *text;
} causes[DROP_COUNT] = {
#define X(name, word, text) {word, text},
    DROP_TABLE(X)
#undef X
};

const char *drop_word(enum drop_cause why)
{
    CHECK(why < DROP_COUNT);
    return causes[why].word;
}

const char *drop_text(enum drop_cause why)
{
    CHECK(why < DROP_COUNT);
    return causes[why].text;
}
