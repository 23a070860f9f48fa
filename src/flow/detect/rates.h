/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How often texts are met in which field of which class of events: learnt from logs, kept as a table that people can read, used by
 * the planner to choose which part of a rule is looked for first. A wrong number costs time, never a match.
 *
 *   sereno-frequencies 1
 *   F	class	field	events	floor     the next lines are of this field; so many events of the class were looked at, and what
 *                                    was met in fewer than `floor` of them is not listed
 *   V	hits	text                  in so many events a value of the field was this (folded)
 *   B	hits	text                  … its last path part with its separator was this: "\cmd.exe"
 *   G	hits	text                  … it held these four bytes
 *
 * Columns by tabs; '#' begins a comment; a byte outside printable ASCII, a tab and a backslash are written \xHH. Tables of several
 * files add up. Read by the compiler; learnt by `sereno rules learn` and by intakes.
 */
#ifndef FLOW_DETECT_RATES_H
#define FLOW_DETECT_RATES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "event/event.h"

enum {
    RATES_GRAM = 4,
    RATES_TEXT_MAX = 96,           /* bytes of a listed value */
    RATES_VALUE_BYTES = 1024,      /* of a value looked at; what lies behind is not */
    RATES_LINES_MAX = 200 * 1000,  /* of one file */
    RATES_FIELDS_MAX = 20 * 1000,  /* (class, field) pairs of all files */
    RATES_EVENTS_MAX = 1000 * 1000 * 1000,
    RATES_TRUST = 20,              /* events that a guess made without a table is worth */
    RATES_EVENTS_MIN = 50,         /* below so many a table says nothing */
};

enum rate_kind { RATE_VALUE, RATE_BASE, RATE_STARTS, RATE_ENDS, RATE_CONTAINS };

/* ---- using ---- */

struct rates;
struct rates *rates_new(void);
void rates_free(struct rates **r);
/* Adds a table. ERR_INVALID with the line, ERR_LIMIT; what stood before that line stays. */
int rates_add(struct rates *r, struct span file, struct span bytes, struct err *e) NODISCARD;

/* What is known of a field of a class, or NULL. */
struct rates_field;
const struct rates_field *rates_find(const struct rates *r, struct span class_name, struct span field);
/*
 * Share of the class's events in which a value of the field is (starts with, ends with, holds) the folded text. A text longer than
 * four bytes is met at most as often as its rarest four; `guess` is what is thought without a table.
 */
double rates_estimate(const struct rates_field *f, enum rate_kind kind, struct span folded, double guess);
/* Every four bytes that a table lists for a field it can be trusted on, and the share of that field's events that held them. In no order. */
typedef void rates_gram_visit(void *ctx, struct span gram, double share);
void rates_each_gram(const struct rates *r, rates_gram_visit *visit, void *ctx);

/* ---- learning ---- */

enum {
    LEARN_FIELDS_MAX = 4000,            /* (class, field) pairs; more are not learnt */
    LEARN_TEXTS_MAX = 4000,             /* of each kind in one of them; more are not counted */
    LEARN_BYTES_MAX = 64 * 1024 * 1024, /* of all texts */
    LEARN_WRITTEN_MAX = 3 * 1024 * 1024,
};

struct learner;
/* texts_max: of all kinds together; about 100 bytes each. */
struct learner *learner_new(const struct catalog *catalog, size_t texts_max);
void learner_free(struct learner **l);
/* Counts an event that was normalised: every class of its chain, every field of their views. */
void learner_event(struct learner *l, struct event *ev);
uint64_t learner_events(const struct learner *l);
/*
 * Writes the table: texts met in at least `floor` events and `permille` of a thousand; of classes with RATES_EVENTS_MIN events. The
 * same counts give the same bytes. Values that may name somebody are left out unless `values`: then grams are all there is.
 */
struct learn_options {
    uint32_t floor;
    uint32_t permille;
    bool values;
};
void learner_write(const struct learner *l, const struct learn_options *o, struct buf *out);

#endif
