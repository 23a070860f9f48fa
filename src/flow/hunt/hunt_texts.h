/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which bytes a record must hold for an indicator to be found in it, as raw bytes that no reader has touched: one of a few
 * texts without case. They are made of letters, digits and . - _ @ : alone, which JSON writes as they are or as \uXXXX and
 * nothing else writes in two ways; hunt_raw.h looks for those escapes. Pure.
 */
#ifndef FLOW_HUNT_HUNT_TEXTS_H
#define FLOW_HUNT_HUNT_TEXTS_H

#include "event/catalog.h"
#include "flow/hunt/indicator.h"

enum {
    HUNT_TEXTS_MAX = 10, /* spellings of one indicator: pieces of IPv6 addresses have most */
    HUNT_TEXT_MIN = 3,   /* bytes; what has no piece of this length may be anywhere */
};

struct hunt_texts {
    struct span list[HUNT_TEXTS_MAX]; /* lower case, up to NEEDLE_TEXT_MAX bytes each */
    uint32_t count;                   /* 0: it may be in any record */
};

void hunt_texts_of(const struct indicator *in, struct arena *arena, struct hunt_texts *out);

/* Whether a value can hold the text though its record does not: sources join fields, and put words of their own into
 * values (derived fields, choices of patterns, names of syslog's facilities). */
bool hunt_text_may_be_made(const struct catalog *catalog, struct span text);

#endif
