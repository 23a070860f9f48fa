/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a hunt found, and what it looked at: the answer to "has anybody seen this?". Written by the hunter, kept by the
 * keeper as bytes, read by the desk, the command line and federation. The reader trusts nothing. Pure.
 *
 * "clean" is said of a rule or indicator only when events of the kind it needs were read; coverage says how many, and
 * from when to when the archive reaches.
 */
#ifndef FLOW_HUNT_HUNT_RESULT_H
#define FLOW_HUNT_HUNT_RESULT_H

#include "flow/hunt/hunt.h"
#include "wire/json_write.h"

enum {
    HUNT_REFS_MAX = 20,           /* records named per rule or indicator */
    HUNT_REFS_ALL_MAX = 20000,    /* and in a whole result */
    HUNT_CLASSES_MAX = 4096,      /* kinds of events told */
    HUNT_ITEMS_MAX = 100000,      /* rules, refused documents and indicators of one hunt */
    HUNT_RESULT_MAX = 12 << 20,   /* bytes of an encoded result */
};

/* name, word in the API, what it means */
#define HUNT_STATES(X)                                                                             \
    X(MATCHED, "matched")                   /* count, first, last and refs say where */            \
    X(CLEAN, "clean")                       /* what it needs was read, and it was not there */     \
    X(NOT_COVERED, "not-covered")           /* nothing of the kind it needs was read */            \
    X(RULE_UNSUPPORTED, "rule-unsupported") /* refused, or its fields never came */            \
    X(PENDING, "pending")                   /* the hunt is not at its end */

enum hunt_state {
#define X(name, text) HUNT_##name,
    HUNT_STATES(X)
#undef X
        HUNT_STATE_COUNT
};

enum hunt_kind { HUNT_KIND_RULE, HUNT_KIND_INDICATOR, HUNT_KIND_SEARCH, HUNT_KIND_COUNT };

/* A record that matched: its place in the archive, and whose it is. */
struct hunt_ref {
    int32_t day;
    uint32_t block, index;
    time_ns time; /* of the event */
    struct span organisation, source, host;
};

struct hunt_item {
    enum hunt_kind kind;
    enum hunt_state state;
    struct span id;     /* rule id, or the id that the asker gave the indicator */
    struct span name;   /* title of the rule, or "ipv4 203.0.113.7" */
    struct span reason; /* why not covered or unsupported, or what was missing; may be empty */
    uint64_t count;     /* events that matched; each counts once */
    time_ns first, last; /* event times; TIME_NONE = none */
    uint32_t nrefs;     /* the first ones found, at most HUNT_REFS_MAX */
    const struct hunt_ref *refs;
};

struct hunt_class {
    struct span name; /* "windows/process_creation" */
    struct span product, category, service;
    uint64_t events;
};

struct hunt_coverage {
    time_ns from, to;                   /* what was asked for */
    time_ns retained_from, retained_to; /* receipt of the oldest and newest record kept; TIME_NONE = empty archive */
    uint64_t blocks;                    /* read */
    uint64_t events;                    /* inside the stretch of time, looked at */
    uint64_t unreadable;                /* events among them that could only be read as a line */
    uint64_t damaged;                   /* blocks that could not be unpacked */
    uint64_t purged;                    /* blocks in the stretch whose originals are gone */
    uint32_t nclasses;
    const struct hunt_class *classes;
};

struct hunt_result {
    struct hunt_coverage coverage;
    uint64_t matches; /* events that matched anything */
    uint32_t nitems;
    const struct hunt_item *items;
};

const char *hunt_state_name(enum hunt_state state);

void hunt_result_encode(struct buf *out, const struct hunt_result *r);
/* Texts are borrowed from the bytes, lists live in arena. ERR_INVALID. */
int hunt_result_decode(struct span bytes, struct arena *arena, struct hunt_result *out,
                       struct err *e) NODISCARD;
/* Keys of an object that the caller has begun: "coverage", "matches", "items". */
void hunt_result_json(struct json_writer *j, const struct hunt_result *r);

#endif
