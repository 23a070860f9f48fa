/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * API tokens of people: how one is written, and which rights one carries. A token is carried as "Authorization: Bearer
 * sereno_…" (RFC 6750 §2.1); its first digits are kept so that its person recognises it, of the rest only a hash. Its
 * scopes are rights of rights.def and can only narrow what its person's role gives. Pure but for the kernel's random numbers.
 * Used by api. Must never log or keep a token.
 */
#ifndef DESK_IDENTITY_USER_TOKEN_H
#define DESK_IDENTITY_USER_TOKEN_H

#include "base/arena.h"
#include "base/buf.h"
#include "desk/identity/people_role.h"
#include "desk/identity/secret.h"

#define USER_TOKEN_BEGIN "sereno_" /* by it tools that look for leaked secrets know one */

enum {
    USER_TOKEN_BEGIN_LEN = sizeof USER_TOKEN_BEGIN - 1,
    USER_TOKEN_MARK_LEN = USER_TOKEN_BEGIN_LEN + 8, /* kept to recognise it by: 224 of its 256 random bits stay unknown */
    USER_TOKEN_TEXT_LEN = USER_TOKEN_BEGIN_LEN + SECRET_TEXT_LEN,
};

/* A new one as text with a zero. */
void user_token_new(char out[USER_TOKEN_TEXT_LEN + 1]);
/* Of a header Authorization: true when it is of the scheme Bearer; the token in *out, empty when it has not the shape of one. */
bool user_token_of_header(struct span header, struct span *out);

/*
 * Whether a token may carry the right. All but that over people's accounts: who has it can make passwords, links and
 * further tokens, which would outlive the token.
 */
bool user_token_carries(enum right right);
/*
 * Scopes as their names with blanks between, in any order. ERR_INVALID: an unknown one, one that no token carries, or none.
 * A bit per enum right.
 */
int user_token_scopes_read(struct span text, uint64_t *out, struct err *e) NODISCARD;
/* The same of stored ones: a name that this program does not know gives nothing. */
uint64_t user_token_scopes_stored(struct span text);
/* In the order of rights.def. */
void user_token_scopes_write(struct buf *out, uint64_t scopes);

#endif
