/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A hunt as somebody asks for it: Sigma rules as text, indicators, a search expression, over a stretch of event time. The
 * desk and the command line make it, the keeper passes it on by its bytes, the hunter runs it (hunt_run.h). Pure.
 *
 * JSON form (all parts may be left out, but one of rules, indicators and search must be there):
 *     {"from":"2026-11-01T00:00:00Z","to":"2026-12-01","organisation":"town","source":"firewall",
 *      "rules":[{"name":"warning-17.yml","text":"title: …"}],
 *      "indicators":[{"value":"203.0.113.7"},{"type":"file","value":"run.exe","id":"i-2","valid_until":"2027-01-01"}],
 *      "search":"user=root AND NOT accepted"}
 */
#ifndef FLOW_HUNT_HUNT_H
#define FLOW_HUNT_HUNT_H

#include "flow/hunt/indicator.h"
#include "wire/json_write.h"

enum {
    HUNT_RULES_MAX = 1000,              /* rule texts; each may hold several documents */
    HUNT_INDICATORS_MAX = 20000,        /* a feed of a busy month */
    HUNT_SEARCH_MAX = 4096,             /* bytes */
    HUNT_NAME_MAX = 256,                /* bytes of a rule's name, an organisation, a source */
    HUNT_ENCODED_MAX = 2 * 1024 * 1024, /* bytes of a whole hunt; a larger one is cut in two by who asks */
    HUNT_JSON_MAX = 4 * 1024 * 1024,    /* bytes of its JSON form: escapes make it longer */
    HUNT_WHY_MAX = 1000,                /* bytes of the reason, which is kept beside it */
};

/* Name of the rule that a search becomes. */
#define HUNT_SEARCH_NAME "search"

struct hunt_rule {
    struct span name; /* for people, in messages: a file name */
    struct span text; /* Sigma, YAML */
};

struct hunt {
    time_ns from, to;          /* event time, from ≤ t < to; TIME_NONE = open */
    struct span organisation;  /* empty = all that the asker may see */
    struct span source;        /* name of a source in the config; empty = all */
    const struct hunt_rule *rules;
    uint32_t nrules;
    const struct indicator *indicators;
    uint32_t nindicators;
    struct span search;
};

void hunt_init(struct hunt *h);

/* Whether it asks for something, within the limits, and its search can be read. ERR_INVALID, ERR_LIMIT. */
int hunt_check(const struct hunt *h, struct err *e) NODISCARD;

void hunt_encode(struct buf *out, const struct hunt *h);
/* Reads what hunt_encode wrote, and checks it. Texts are borrowed from the bytes, the rest lives in arena. */
int hunt_decode(struct span bytes, struct arena *arena, struct hunt *out, struct err *e) NODISCARD;

/* Reads and checks the JSON form. A key that is not known is an error; "why" is one when why_out is NULL. Everything
 * lives in arena. */
int hunt_from_json(struct span json, struct arena *arena, struct hunt *out, struct span *why_out,
                   struct err *e) NODISCARD;

/* The same form, as hunt_from_json reads it; why empty: left out. */
void hunt_to_json(struct json_writer *j, const struct hunt *h, struct span why);

/* Adds indicators, one a line as indicator_line reads it; "#" begins a comment. e->line counts from 1. */
int hunt_add_indicators(struct hunt *h, struct span lines, struct arena *arena,
                        struct err *e) NODISCARD;

/*
 * The Sigma rule that a search means, as text. Words and "quoted texts" are looked for in any value or text line,
 * field=value in that field; * and ? are wildcards in both; AND may be left out; NOT binds closest, then AND, then OR;
 * brackets group. ERR_INVALID with e->offset, ERR_LIMIT.
 */
int hunt_search_rule(struct span search, struct arena *arena, struct span *rule_out,
                     struct err *e) NODISCARD;
/* Whether one of its terms names a person (person.h); false for one that cannot be read. */
bool hunt_search_names_person(struct span search);

#endif
