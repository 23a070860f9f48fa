/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target: the matches of a window, as keeper and correlator read them from an intake that may have been taken over. */
#include <stddef.h>
#include <stdint.h>

#include "roles/match_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena scratch;
    struct match_reader r;
    struct match_row row;
    size_t bytes = 0;
    arena_init(&scratch, 0);
    if (match_reader_open(&r, span_make((const char *)data, size), &scratch, NULL) == 0) {
        while (match_reader_next(&r, &row, NULL) == 1) {
            bytes += row.host.len + row.user.len + row.origin->organisation.len + row.rule->id.len;
            for (uint32_t i = 0; i < row.rule->nfields; i++) {
                bytes += row.rule->fields[i].len + row.values[i].len;
            }
        }
    }
    CHECK(bytes <= size * size); /* spans lie in the body */
    arena_fini(&scratch);
    return 0;
}
