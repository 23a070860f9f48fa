/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Texts of the invented city (demo/README.md): days from now, one of a list by a fixed seed, and what lines of logs need. Pure.
 */
#ifndef CLI_DEMO_TEXT_H
#define CLI_DEMO_TEXT_H

#include "base/clock.h"
#include "wire/jcs.h"

struct demo_text {
    struct arena *a;         /* where texts go */
    const struct jcs *lists; /* names to arrays of texts */
    uint64_t seed;           /* goes on with each use */
    time_ns now;
    time_ns stamp; /* of the line; TIME_NONE: there is none */
    int64_t n;     /* {n} */
};

/* The next number of the seed, below `below`. */
uint64_t demo_text_next(struct demo_text *t, uint64_t below);
/* The text with all that is known in braces put in; what is not known stays. */
struct span demo_text_fill(struct demo_text *t, struct span text);
/* A value with all its texts filled; "{y+1}" alone is a number. */
struct jcs *demo_text_value(struct demo_text *t, const struct jcs *v);

#endif
