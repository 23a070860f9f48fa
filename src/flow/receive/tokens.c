/* SPDX-License-Identifier: EUPL-1.2 */
/* Ingest tokens: see tokens.h. Runs in intake; knows no token itself, only hashes. */
#include "flow/receive/tokens.h"

#include <sodium.h>
#include <string.h>

void tokens_clear(struct tokens *t)
{
    vec_clear(&t->list);
}

void tokens_free(struct tokens *t)
{
    vec_free(&t->list);
}

void tokens_add(struct tokens *t, const unsigned char hash[TOKEN_HASH_BYTES], uint32_t source)
{
    struct token new = {.source = source};
    if (t->list.len < TOKEN_COUNT_MAX) {
        memcpy(new.hash, hash, sizeof new.hash);
        vec_push(&t->list, new);
    }
}

bool tokens_find(const struct tokens *t, struct span authorization, uint32_t *source_out)
{
    struct span scheme = SPAN("Bearer ");
    unsigned char hash[TOKEN_HASH_BYTES];
    if (!span_eq_nocase(span_sub(authorization, 0, scheme.len), scheme)) {
        return false;
    }
    struct span text = span_trim(span_sub(authorization, scheme.len, authorization.len));
    if (text.len == 0 || text.len > TOKEN_TEXT_MAX) {
        return false;
    }
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)text.ptr, text.len, NULL, 0));
    bool found = false;
    for (size_t i = 0; i < t->list.len; i++) {
        if (sodium_memcmp(hash, t->list.data[i].hash, sizeof hash) == 0 && !found) {
            *source_out = t->list.data[i].source;
            found = true;
        }
    }
    return found;
}
