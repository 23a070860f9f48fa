/* SPDX-License-Identifier: EUPL-1.2 */
/* API tokens of people: see user_token.h. Must never log or keep one. */
#include "desk/identity/user_token.h"

#include <string.h>

#include <sodium.h>

void user_token_new(char out[USER_TOKEN_TEXT_LEN + 1])
{
    char secret[SECRET_TEXT_LEN + 1];
    secret_new(secret);
    memcpy(out, USER_TOKEN_BEGIN, USER_TOKEN_BEGIN_LEN);
    memcpy(out + USER_TOKEN_BEGIN_LEN, secret, sizeof secret);
    sodium_memzero(secret, sizeof secret);
}

bool user_token_of_header(struct span header, struct span *out)
{
    const struct span scheme = SPAN("Bearer ");
    *out = SPAN("");
    if (header.len < scheme.len || !span_eq_nocase(span_sub(header, 0, scheme.len), scheme)) {
        return false;
    }
    struct span token = span_trim(span_sub(header, scheme.len, header.len));
    if (token.len == USER_TOKEN_TEXT_LEN && span_starts(token, SPAN(USER_TOKEN_BEGIN)) &&
        secret_valid(span_sub(token, USER_TOKEN_BEGIN_LEN, token.len))) {
        *out = token;
    }
    return true;
}

bool user_token_carries(enum right right)
{
    return right > RIGHT_KNOWN && right < RIGHT_COUNT && right != RIGHT_PEOPLE;
}

/* The next name of a list with blanks; false at its end. */
static bool next_name(struct span *rest, struct span *name_out)
{
    *rest = span_trim(*rest);
    ptrdiff_t blank = span_find(*rest, ' ');
    *name_out = span_sub(*rest, 0, blank < 0 ? rest->len : (size_t)blank);
    *rest = span_sub(*rest, name_out->len, rest->len);
    return name_out->len > 0;
}

int user_token_scopes_read(struct span text, uint64_t *out, struct err *e)
{
    struct span name;
    enum right right = RIGHT_ANYBODY;
    *out = 0;
    while (next_name(&text, &name)) {
        if (!right_find(name, &right)) {
            return err_set(e, ERR_INVALID, "There is no scope \"%.*s\".", SPAN_ARG(span_sub(name, 0, 40)));
        }
        if (!user_token_carries(right)) {
            return err_set(e, ERR_INVALID, "No token carries \"%.*s\".", SPAN_ARG(name));
        }
        *out |= UINT64_C(1) << right;
    }
    return *out == 0 ? err_set(e, ERR_INVALID, "A token needs at least one scope.") : 0;
}

uint64_t user_token_scopes_stored(struct span text)
{
    uint64_t out = 0;
    struct span name;
    enum right right = RIGHT_ANYBODY;
    while (next_name(&text, &name)) {
        if (right_find(name, &right) && user_token_carries(right)) {
            out |= UINT64_C(1) << right;
        }
    }
    return out;
}

void user_token_scopes_write(struct buf *out, uint64_t scopes)
{
    const char *between = "";
    for (enum right r = RIGHT_KNOWN + 1; r < RIGHT_COUNT; r++) {
        if ((scopes >> r & 1) != 0) {
            buf_cstr(out, between);
            buf_cstr(out, right_name(r));
            between = " ";
        }
    }
}
