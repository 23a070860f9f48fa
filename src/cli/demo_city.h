/* SPDX-License-Identifier: EUPL-1.2 */
/* The invented city as its files have it (demo/README.md): records that name one another by keys, lines of logs, what people did. Pure. */
#ifndef CLI_DEMO_CITY_H
#define CLI_DEMO_CITY_H

#include "cli/demo_text.h"

struct demo_file {
    struct span name, text;
};

/* Made of demo/ by tools/embed-demo. */
extern const struct demo_file demo_shipped[];
extern const size_t demo_shipped_count;

enum { DEMO_RECORDS_MAX = 2000, DEMO_LINES_MAX = 20000 };

struct demo_record {
    struct span kind, key;
    struct span state, label;  /* empty: as the kind begins */
    const struct jcs *fields;  /* texts "@key" name others */
    const struct jcs *later;   /* fields that name what comes after it, NULL = none; given once all are there */
    struct span id;            /* once it is on a node; empty until then */
};

struct demo_line {
    time_ns at;
    uint32_t place; /* as it was made: two of one moment stay in order */
    struct span part; /* the file that it goes into: one of DEMO_PARTS */
    struct span text;
};

struct demo_city {
    struct demo_record *records;
    size_t nrecords;
    struct demo_line *lines; /* by time */
    size_t nlines;
    const struct jcs *triage; /* array of objects: title, take, do, reason, note */
};

/* All of it as of `now`; lives in a. ERR_INVALID: a file is wrong, by name and line or key. */
int demo_city_read(struct arena *a, time_ns now, struct demo_city *out, struct err *e) NODISCARD;
/* The record's fields with ids for keys, in a, with those of later where that is said; NULL while one that it names has no id yet. */
const struct jcs *demo_city_fields(const struct demo_city *c, const struct demo_record *r, bool later, struct arena *a);
/* What lists know it by: its name or title. */
struct span demo_city_title(const struct demo_record *r);

#endif
