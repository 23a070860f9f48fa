/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The catalog: what normalise compiled from the files of sources/ and the rules' fields, as the event path uses it. Lives in
 * the compile region (immutable, shared between processes, no function pointers). Made by flow/normalise, read by
 * event/ and flow/detect.
 *
 *   field   a name that rules use ("CommandLine", "userIdentity.arn"); field_id indexes `fields`
 *   view    for one way of writing logs: which key-table nodes fill which field, in order of preference
 *   class   what an event is: a view plus the log sources it satisfies; rules are planned per class
 */
#ifndef EVENT_CATALOG_H
#define EVENT_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "wire/keytable.h"

typedef uint32_t field_id;
typedef uint32_t class_id;
#define FIELD_NONE UINT32_MAX
#define CLASS_NONE UINT32_MAX

enum entity { ENTITY_HOST, ENTITY_USER, ENTITY_SRC_IP, ENTITY_DST_IP, ENTITY_HASH, ENTITY_DOMAIN, ENTITY_PROCESS, ENTITY_COUNT };

/* Empty span = not stated. Compared without regard to ASCII case. */
struct logsource {
    struct span product;
    struct span category;
    struct span service;
};

struct view {
    struct span name;
    /* paths of field f: nodes[start[f]] … nodes[start[f+1]-1], tried in order */
    const uint32_t *start; /* nfields + 1 */
    const key_node *nodes;
    field_id entities[ENTITY_COUNT]; /* field that names it, or FIELD_NONE */
    field_id times[4];               /* fields that may hold the time, in order, FIELD_NONE-filled */
};

struct event_class {
    struct span name;      /* for people: "windows/process_creation" */
    const struct view *view;
    const struct logsource *sources; /* the event satisfies all of these; a rule applies when one of them has all it states */
    uint32_t nsources;
    field_id split;        /* field whose value the planner may fold per class (EventID), or FIELD_NONE */
    class_id also;         /* evaluate this class too: only rules that the first ones of the chain do not have, or CLASS_NONE */
};

struct catalog {
    const struct keytable *keys;
    const struct span *fields; /* names */
    uint32_t nfields;
    const struct view *views;
    uint32_t nviews;
    const struct event_class *classes;
    uint32_t nclasses;
    const void *recognise;     /* normalise's own tables */
};

/* Field by exact name, or FIELD_NONE. Linear in nothing: binary search over sorted names. */
field_id catalog_field(const struct catalog *c, struct span name);

/* Whether a rule that states `rule` applies to an event of this log source (every stated attribute equal). */
bool logsource_applies(const struct logsource *rule, const struct logsource *event);

#endif
