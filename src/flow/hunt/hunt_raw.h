/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A look at the raw bytes of an unpacked block, before its records are taken apart: which of them may hold one of the
 * indicators at all. Says yes too often, never no of a record in which hunt_match.h would find one. One per hunter; allocates
 * nothing per block once warm.
 */
#ifndef FLOW_HUNT_HUNT_RAW_H
#define FLOW_HUNT_HUNT_RAW_H

#include "archive/block.h"
#include "event/catalog.h"
#include "flow/hunt/indicator.h"

struct hunt_raw;

/* NULL: raw bytes say nothing about one of the indicators (a CIDR of /0, a value that a source makes); every record has to be
 * taken apart. The list is borrowed until hunt_raw_free. */
struct hunt_raw *hunt_raw_new(const struct indicator *list, uint32_t count, const struct catalog *catalog);
void hunt_raw_free(struct hunt_raw **r);

/*
 * One bit per record of the block, valid until the next call. unseen: bit 1 << type for each kind of value of which none was
 * seen yet; records that may hold one of these are worth reading, too.
 */
const uint64_t *hunt_raw_block(struct hunt_raw *r, const struct block *b, unsigned unseen);

#endif
