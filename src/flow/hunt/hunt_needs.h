/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which tokens a record must hold for an indicator to be found in it (archive/filter.h): never more than hunt_match.c
 * asks for, in whatever spelling it takes. Pure; runs in the hunter and the worker of `sereno hunt`.
 */
#ifndef FLOW_HUNT_HUNT_NEEDS_H
#define FLOW_HUNT_HUNT_NEEDS_H

#include "archive/filter.h"
#include "event/catalog.h"
#include "flow/hunt/indicator.h"

/* Clauses in arena, the most telling first. None: it may be in any block (:: or 0.0.0.0/0, a piece of one word, a text that
 * the catalog's sources may have made themselves). */
void hunt_needs_of(const struct indicator *in, const struct catalog *catalog, struct arena *arena, struct filter_thing *out);

#endif
