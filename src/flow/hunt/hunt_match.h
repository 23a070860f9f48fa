/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Indicators against one event: every value that the decoder found, and the whole line of a text log, is taken apart into
 * words; a word counts when it is, as a whole, the thing looked for. Never a piece of raw bytes: 10.0.0.1 is not found in
 * 10.0.0.12, nor an MD5 in IMPHASH=. One per hunter; allocates nothing per event once warm.
 */
#ifndef FLOW_HUNT_HUNT_MATCH_H
#define FLOW_HUNT_HUNT_MATCH_H

#include "event/event.h"
#include "flow/hunt/indicator.h"

struct hunt_matcher;

/* The list is borrowed until hunt_matcher_free. */
struct hunt_matcher *hunt_matcher_new(const struct indicator *list, uint32_t count);
void hunt_matcher_free(struct hunt_matcher **m);

/* Numbers of the indicators that ev holds, each once; valid until the next call. */
uint32_t hunt_matcher_run(struct hunt_matcher *m, struct event *ev, const uint32_t **hits_out);

/* How many values of this type's shape were seen so far, of types that are looked for: what "clean" rests on. */
uint64_t hunt_matcher_seen(const struct hunt_matcher *m, enum indicator_type type);
void hunt_matcher_set_seen(struct hunt_matcher *m, enum indicator_type type, uint64_t seen);

#endif
