/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as a header Authorization and as scopes: what is taken has the shape of a token, and scopes come back as they were. */
#include <stdint.h>
#include <string.h>

#include "desk/identity/user_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void scopes(struct span text)
{
    struct err e = {0};
    uint64_t read = 0;
    uint64_t again = 0;
    int rc = user_token_scopes_read(text, &read, &e);
    uint64_t stored = user_token_scopes_stored(text);
    CHECK((stored & 7) == 0 && (stored >> RIGHT_PEOPLE & 1) == 0 && stored >> RIGHT_COUNT == 0);
    if (rc < 0) {
        CHECK(rc == ERR_INVALID && e.text[0] != '\0');
        return;
    }
    struct buf words;
    buf_init(&words, 1024);
    user_token_scopes_write(&words, read);
    CHECK(read != 0 && read == stored && !words.failed);
    CHECK(user_token_scopes_read(buf_view(&words), &again, &e) == 0 && again == read);
    buf_free(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size);
    struct span token = SPAN("");
    bool bearer = user_token_of_header(text, &token);
    CHECK(token.len == 0 || (bearer && token.len == USER_TOKEN_TEXT_LEN && span_starts(token, SPAN(USER_TOKEN_BEGIN))));
    CHECK(token.len == 0 || (token.ptr > text.ptr && token.ptr + token.len <= text.ptr + text.len));
    scopes(text);
    return 0;
}
