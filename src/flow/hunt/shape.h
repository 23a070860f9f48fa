/* SPDX-License-Identifier: EUPL-1.2 */
/* Helpers of the shapes in indicator.h, for the files of this folder only. */
#ifndef FLOW_HUNT_SHAPE_H
#define FLOW_HUNT_SHAPE_H

#include "flow/hunt/indicator.h"

/* Decimal digits, no leading zero, at most `most`. */
bool shape_number(struct span s, uint64_t most, uint64_t *out);
/* Clears the bits behind the prefix. */
void shape_mask(unsigned char *addr, uint8_t addr_len, uint8_t prefix);

#endif
