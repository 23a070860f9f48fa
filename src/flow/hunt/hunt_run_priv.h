/* SPDX-License-Identifier: EUPL-1.2 */
/* State of a run, shared by hunt_run.c, hunt_tally.c and hunt_verdict.c. */
#ifndef FLOW_HUNT_HUNT_RUN_PRIV_H
#define FLOW_HUNT_HUNT_RUN_PRIV_H

#include "base/map.h"
#include "base/vec.h"
#include "flow/hunt/hunt_join.h"
#include "flow/hunt/hunt_match.h"
#include "flow/hunt/hunt_raw.h"
#include "flow/hunt/hunt_run.h"
#include "flow/normalise/normalise.h"

enum { HUNT_RUN_MAGIC = 0x48554e54 };

/* What was counted for one rule or indicator. */
struct hunt_tally {
    uint64_t count;
    time_ns first, last;
    VEC(struct hunt_ref) refs;
};

/* One kind of event: how many came, and which of the fields that rules ask for were ever there. */
struct hunt_seen {
    uint64_t events;
    bool prepared;
    VEC(field_id) pending;  /* asked for, not seen yet */
    VEC(field_id) present;
};

/* How the records of one source are read on. */
struct hunt_stream {
    struct stream stream;
    bool known; /* the config says the format */
    enum source_format format;
    struct span organisation, of; /* whose records, and the source's name in the config */
};

struct hunt_run {
    uint32_t magic;
    struct hunt_run_parts parts;
    struct normaliser *normaliser;
    struct matcher *matcher;
    struct hunt_matcher *indicators;
    struct hunt_raw *raw; /* NULL: every record is taken apart */
    struct hunt_join *join; /* NULL: no correlation is looked for */
    struct event event;
    struct arena arena;   /* of the run: names, refs' texts */
    struct arena scratch; /* of one block */
    struct map texts;
    struct hunt_stream *last; /* of the record before: records of a block share theirs */
    struct map streams; /* "organisation\x1fsource" -> struct hunt_stream * */
    struct map hints;   /* source name -> struct hunt_stream * */
    VEC(struct hunt_stream *) all_streams;
    uint32_t *item_of_rule; /* number of the rule set -> item, UINT32_MAX = none */
    uint32_t *item_of_correlation; /* the same of correlations */
    uint32_t nitems;        /* plan rules, then indicators */
    struct hunt_tally *items;
    struct hunt_seen *classes;
    uint64_t blocks, events, unreadable, damaged, purged, matches, refs;
    time_ns retained_from, retained_to;
    struct map class_of; /* name -> class + 1; made when records were first counted by it */
    bool needs_told;
    bool all_seen; /* a value of each kind that is looked for */
};

/* The kind of values that an indicator is one of: addresses, of a network; and how many were seen. */
enum indicator_type hunt_shape_of(const struct indicator *in);
uint64_t hunt_shapes_seen(const struct hunt_run *run, const struct indicator *in);

bool hunt_rule_applies(const struct hunt_plan_rule *rule, const struct event_class *cls);
/* The text, kept once for the whole run. */
struct span hunt_run_text(struct hunt_run *run, struct span s);
/* Finds out which fields the rules ask of a class. */
void hunt_run_prepare(struct hunt_run *run, class_id c);

#endif
