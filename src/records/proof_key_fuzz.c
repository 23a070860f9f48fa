/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as the key of a proof: cells that, written again, are cells again, or refused; and always words to print. */
#include <stdint.h>

#include "records/proof_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span key = span_make((const char *)data, size);
    struct cursor c = cursor_of(key);
    struct buf room, again, words;
    struct proof_cell cell;
    bool good = true;
    buf_init(&room, size + 1);
    buf_init(&again, 4 * size + 64);
    buf_init(&words, size + 1);
    while (good && cursor_left(&c) > 0) {
        buf_clear(&room);
        good = proof_key_get(&c, &room, &cell);
        if (good) {
            size_t at = again.len;
            proof_key_put(&again, &cell);
            CHECK(!again.failed);
            struct buf copy;
            struct proof_cell same;
            struct cursor twice = cursor_of(span_make(again.data + at, again.len - at));
            buf_init(&copy, size + 1);
            CHECK(proof_key_get(&twice, &copy, &same) && cursor_left(&twice) == 0 && same.type == cell.type && same.number == cell.number);
            buf_free(&copy);
        }
    }
    proof_key_print(key, &words);
    CHECK(!words.failed);
    buf_free(&room);
    buf_free(&again);
    buf_free(&words);
    return 0;
}
