/* SPDX-License-Identifier: EUPL-1.2 */
/* Ingest tokens as intake knows them: hashes, each with the source it stands for. Called by the
 * HTTP receiver. */
#ifndef FLOW_RECEIVE_TOKENS_H
#define FLOW_RECEIVE_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/vec.h"

enum {
    TOKEN_HASH_BYTES = 32,  /* BLAKE2b-256 */
    TOKEN_TEXT_MAX = 512,   /* bytes of a token as sent */
    TOKEN_COUNT_MAX = 8192, /* records allow half of it, the config the rest */
};

struct token {
    unsigned char hash[TOKEN_HASH_BYTES];
    uint32_t source;
};

struct tokens {
    VEC(struct token) list;
};

void tokens_clear(struct tokens *t);
void tokens_free(struct tokens *t);
void tokens_add(struct tokens *t, const unsigned char hash[TOKEN_HASH_BYTES], uint32_t source);
/*
 * Source of the token in an Authorization header ("Bearer …"; the scheme in any case, RFC 9110
 * §11.1). Takes as long for a wrong token as for a right one: every hash is compared in constant
 * time.
 */
bool tokens_find(const struct tokens *t, struct span authorization, uint32_t *source_out) NODISCARD;

#endif
