/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target: what keeper reads from an intake that may have been taken over. */
#include <stddef.h>
#include <stdint.h>

#include "roles/window_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = span_make((const char *)data, size);
    struct arena scratch;
    struct archive_window w;
    struct archive_position *positions;
    struct intake_token *tokens;
    size_t n;
    arena_init(&scratch, 0);
    if (window_decode(body, &scratch, &w, NULL) == 0) {
        CHECK(w.nblocks <= ARCHIVE_WINDOW_BLOCKS_MAX && w.nalerts <= WINDOW_ALERTS_MAX);
    }
    if (positions_decode(body, &scratch, &positions, &n, NULL) == 0) {
        CHECK(n <= WINDOW_POSITIONS_MAX);
    }
    if (intake_tokens_decode(body, &scratch, &tokens, &n, NULL) == 0) {
        CHECK(n <= TOKEN_COUNT_MAX);
    }
    arena_fini(&scratch);
    return 0;
}
