/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Texts that sources put into values out of themselves, so that a value can hold what its record does not. For hunts, which
 * look at raw bytes first.
 */
#ifndef FLOW_NORMALISE_MADE_TEXTS_H
#define FLOW_NORMALISE_MADE_TEXTS_H

#include "event/catalog.h"

/* joined: other text stands before or behind it in the value; an empty joined text is a seam between two fields. */
typedef void normalise_made(void *ctx, struct span text, bool joined);
void normalise_made_texts(const struct catalog *catalog, normalise_made *visit, void *ctx);

#endif
