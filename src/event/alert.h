/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The alert: rule × event, as intake tells it to keeper, keeper stores it and desk shows it. Codec over base/buf:
 * the reader trusts nothing (a hostile intake must not harm keeper); all spans point into the message.
 */
#ifndef EVENT_ALERT_H
#define EVENT_ALERT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"

enum {
    ALERT_MARKS_MAX = 32,         /* marked stretches per matched value */
    ALERT_WHY_MAX = 64,           /* matched values told per alert */
    ALERT_FIELDS_MAX = 256,       /* fields shown with the alert */
    ALERT_VALUE_MAX = 8 * 1024,   /* bytes of one value told; longer ones are cut around the first mark */
    ALERT_MAX_BYTES = 512 * 1024, /* one encoded alert */
};

enum alert_level { LEVEL_INFORMATIONAL, LEVEL_LOW, LEVEL_MEDIUM, LEVEL_HIGH, LEVEL_CRITICAL };

/* One part of the rule that held, and the bytes that made it hold. */
struct alert_why {
    struct span selection; /* identifier in the rule */
    struct span field;     /* empty = keyword */
    struct span operator_; /* "ends with", "contains", … in plain English words */
    struct span wanted;    /* what the rule asked */
    struct span value;     /* what the log holds */
    uint16_t nmarks;
    uint32_t marks[ALERT_MARKS_MAX][2]; /* byte offsets start, end in value */
};

struct alert_field {
    struct span name;
    struct span value;
};

struct alert {
    struct span rule_id;
    struct span rule_hash; /* hash of the rule's text, 64 hex digits */
    struct span title;
    enum alert_level level;
    time_ns time;
    time_ns received;
    time_ns last_time;     /* of the newest folded event */
    uint32_t count;        /* events folded into it, ≥ 1 */
    struct span organisation;
    struct span source;    /* name in the config */
    struct span product, category, service;
    struct span host, user;
    struct span summary;   /* one line: what matched */
    uint32_t block;        /* of the window message it comes with: which block … */
    uint32_t index;        /* … and which record in it holds the event */
    uint32_t tags;
    uint16_t nwhy;
    const struct alert_why *why;
    uint16_t nfields;
    const struct alert_field *fields;
};

/* Appends; over-long parts are cut at their limits. */
void alert_encode(struct buf *out, const struct alert *a);
/* Reads what alert_encode wrote; why and fields are allocated in scratch. ERR_INVALID on anything out of range. */
int alert_decode(struct cursor *c, struct arena *scratch, struct alert *out, struct err *e) NODISCARD;

const char *alert_level_name(enum alert_level level); /* "critical" … */
/* False for an unknown word. */
bool alert_level_parse(struct span s, enum alert_level *out);

#endif
