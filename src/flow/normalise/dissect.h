/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The dissector: takes a line apart by a pattern of literals and named stretches, in one pass, left
 * to right, never going back: time grows with the length of the line whatever the line holds.
 * Patterns are compiled into the region.
 *
 *   %{name}          up to the next literal of the pattern (or the end), at least one byte
 *   %{name?}         the same, may be empty
 *   %{name:last}     up to the last place where the next literal stands: for names that a stranger
 * chooses, who could write the literal into them
 *   %{name:word}     stops at the first blank, at least one byte; int: digits; ip: what addresses
 * are written with; rest: everything left, may be empty
 *   %{name:one|two}  exactly one of these words; %{name:one=1|two=2} gives the value behind =
 *   %{}, %{:word}    a stretch without a name
 *   [[ ... ]]        a part that may be missing; begins with a literal, and once that fits the rest
 * of it must
 *   %%               a percent sign
 */
#ifndef FLOW_NORMALISE_DISSECT_H
#define FLOW_NORMALISE_DISSECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "wire/keytable.h"

enum {
    DISSECT_STEPS_MAX = 64,   /* literals and names of one pattern */
    DISSECT_VALUES_MAX = 48,  /* values of one line */
    DISSECT_CHOICES_MAX = 32, /* words of one choice */
    DISSECT_TEXT_MAX = 1024,  /* bytes of one pattern */
};

enum dissect_kind {
    STEP_LITERAL,
    STEP_UNTIL, /* to the next literal */
    STEP_LAST,  /* to its last place */
    STEP_WORD,
    STEP_INT,
    STEP_IP,
    STEP_REST,
    STEP_CHOICE,
    STEP_OPTION, /* the next `skip` steps may be missing together */
};

struct dissect_choice {
    struct span word;
    struct span value;
};

struct dissect_step {
    enum dissect_kind kind;
    bool may_be_empty;
    uint32_t skip;    /* STEP_OPTION */
    struct span text; /* literal, or the name */
    key_node node;    /* of the name; KEY_NONE: not kept */
    const struct dissect_choice *choices;
    uint32_t nchoices;
};

struct dissect_fixed {
    struct span name;
    key_node node;
    struct span value;
};

struct dissect_pattern {
    const struct dissect_step *steps;
    uint32_t nsteps;
    const struct span *programs; /* empty: any */
    uint32_t nprograms;
    const struct dissect_fixed *fixed; /* values that a match adds */
    uint32_t nfixed;
};

/* Patterns of one source, tried in order; the first that fits wins. */
struct dissect {
    const struct dissect_pattern *patterns;
    uint32_t npatterns;
};

struct dissect_value {
    struct span name;
    key_node node;
    struct span value; /* into the line, or into the pattern */
};

/* Reads one pattern into steps in `a` (names and literals are copied). ERR_INVALID says what is
 * wrong and at which byte. */
int dissect_parse(struct arena *a, struct span text, struct dissect_pattern *out,
                  struct err *e) NODISCARD;

/* Number of values put into out, or -1 when the line does not fit the pattern. A line must fit to
 * its end. */
int dissect_run(const struct dissect_pattern *p, struct span line,
                struct dissect_value out[DISSECT_VALUES_MAX]);

/* As dissect_run over all patterns for that program (ASCII case ignored); adds the fixed values of
 * the one that fits. */
int dissect_line(const struct dissect *d, struct span program, struct span line,
                 struct dissect_value out[DISSECT_VALUES_MAX]);

#endif
