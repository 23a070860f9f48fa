/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The invented city in the records: whether it is there, and how all of it goes. Everything of it carries one organisation that nothing
 * else may have, so what is invented is told from what is not by that alone, in every table, answer and file. How far it is stands in
 * one setting, so that a load or a purge that was cut off can be ended later. Called by the keeper; `sereno demo` drives it.
 */
#ifndef RECORDS_DEMO_H
#define RECORDS_DEMO_H

#include "base/arena.h"
#include "base/clock.h"
#include "records/db.h"

#define DEMO_CITY "Valdesol"
#define DEMO_ORGANISATION "Valdesol (DEMO)"
#define DEMO_SOURCE_PREFIX "demo-"

/* Its logs are so many files, each a source: the name of the load, a hyphen, and one of these. */
#define DEMO_PARTS {"auth", "plant", "web"}

enum { DEMO_NPARTS = 3, DEMO_SOURCE_MAX = 40 /* bytes of the name of a source of its logs */, DEMO_KINDS_MAX = 2000 /* bytes */ };

/* NONE: it is not there. LOADING, PURGING: under way, or cut off. */
enum demo_stage { DEMO_NONE, DEMO_LOADING, DEMO_LOADED, DEMO_PURGING, DEMO_STAGES };

struct demo {
    enum demo_stage stage;
    struct span source; /* of its logs, without the part; another one with each load, so that proofs of what went stay true */
    struct span kinds;  /* that were off and are switched on for it; blanks between */
    time_ns at;         /* since when it is so */
};

/* "loaded" …; never NULL. */
const char *demo_stage_name(enum demo_stage stage);
/* Whether something is of the invented city. Also asked by who links no records. */
static inline bool demo_is(struct span organisation)
{
    return span_eq(organisation, SPAN(DEMO_ORGANISATION));
}

/* "demo-" with letters, digits and hyphens. */
static inline bool demo_source_fits(struct span source)
{
    bool fits = span_starts(source, SPAN(DEMO_SOURCE_PREFIX)) && source.len > sizeof DEMO_SOURCE_PREFIX - 1 && source.len <= DEMO_SOURCE_MAX;
    for (size_t i = 0; i < source.len && fits; i++) {
        char c = source.ptr[i];
        fits = c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    return fits;
}

/* Texts live in a. */
int demo_get(struct db *db, struct arena *a, struct demo *out, struct err *e) NODISCARD;
/* Begins to load. ERR_EXISTS: it is there, or records of the node's own are, in words that say what to do. */
int demo_begin(struct db *db, struct span who, struct span source, struct span kinds, time_ns now, struct err *e) NODISCARD;
/* All of it is there. ERR_EXISTS: nothing is being loaded. */
int demo_loaded(struct db *db, struct span who, time_ns now, struct err *e) NODISCARD;
/*
 * Everything of it goes out of the tables, in one transaction; the stage is DEMO_PURGING then, and what the archive has is next. At DEMO_PURGING
 * again nothing is left to do, and at DEMO_NONE it is no error. Kinds that were switched on for it, and of which nothing is left, are as they were:
 * kinds_out, blanks between, in a. ERR_EXISTS: something of the node's own names it, in words.
 */
int demo_purge(struct db *db, struct span who, time_ns now, struct arena *a, struct span *kinds_out, struct err *e) NODISCARD;
/* The archive has nothing of it any more either. */
int demo_gone(struct db *db, struct span who, uint64_t records, time_ns now, struct err *e) NODISCARD;

#endif
