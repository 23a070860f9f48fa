/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target: what keeper and correlator read of each other. */
#include <stddef.h>
#include <stdint.h>

#include "roles/correlate_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = span_make((const char *)data, size);
    struct arena scratch;
    struct correlate_part part;
    struct archive_match row;
    struct correlated said;
    struct correlate_pulse pulse;
    uint32_t session = 0;
    arena_init(&scratch, 0);
    if (correlate_part_decode(body, &part, NULL) == 0) {
        CHECK(part.bytes.len + 5 == size);
    }
    if (correlate_row_decode(body, &session, &row, NULL) == 0) {
        CHECK(row.body.len < size && row.received >= 0 && row.received <= INT64_MAX - 3600 * TIME_SECOND);
    }
    if (correlated_decode(body, &scratch, &said, NULL) == 0) {
        CHECK(said.count <= CORRELATE_ALERTS_MAX && (size_t)said.count * 20 < size);
    }
    if (correlate_pulse_decode(body, &pulse, NULL) == 0) {
        CHECK(size == sizeof pulse);
    }
    arena_fini(&scratch);
    return 0;
}
