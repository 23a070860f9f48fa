/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Regular expressions of rules by PCRE2, interpreted, with limits (decision 004). Each matcher compiles its own copies (they are heap
 * objects and cannot be shared). A search that meets a limit counts as no match and says so: a pattern must never stop
 * the event path.
 */
#ifndef FLOW_DETECT_REGEX_H
#define FLOW_DETECT_REGEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum {
    /* Backtracking steps, at about 5 ns: the limit PCRE2 knows is per start, so it gets the whole by the text's length. */
    REGEX_STEPS_MAX = 50000000,     /* of one search, unless the floor below gives more */
    REGEX_START_STEPS_MAX = 1000000,/* from one start */
    REGEX_START_STEPS_MIN = 5000,   /* from one start, however long the text */
    REGEX_TEXT_MAX_BYTES = 64 * 1024, /* searched; what lies behind is not, and the search counts as limited */
    REGEX_DEPTH_LIMIT = 250000,     /* nested backtracking points; the heap limit is met at about half of it */
    REGEX_HEAP_LIMIT_KIB = 20000,   /* KiB of backtracking frames, PCRE2's default */
    REGEX_NEST_MAX = 250,           /* nested parentheses, PCRE2's default, as the loader has it */
};

struct regex;

/* flags: enum sigma_regex_flags. NULL on a pattern that does not compile: e tells why and at which byte of it. */
struct regex *regex_new(struct span pattern, unsigned flags, struct err *e);
void regex_free(struct regex **r);

enum regex_result { REGEX_NO, REGEX_YES, REGEX_LIMIT };

/* Searches anywhere in text (any bytes). On REGEX_YES start_out/end_out (may be NULL) give the stretch found. */
enum regex_result regex_search(struct regex *r, struct span text, size_t *start_out, size_t *end_out);

#endif
