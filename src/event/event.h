/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The event: one log record as all stages see it. It borrows the original bytes, holds the leaves a decoder found
 * (wire/leaves.h), the view that says which leaf fills which field, and its class. Texts (unescaped, folded) are made
 * lazily, at most once per value, in the event's own arena. One struct event per worker, reused for every record.
 */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/span.h"
#include "event/catalog.h"
#include "wire/leaves.h"

#define EVENT_MAGIC 0x45564e54u

enum {
    EVENT_MAX_BYTES = 1024 * 1024, /* one record, DESIGN §4 */
    EVENT_PAD = 80,                /* readable bytes after folded and unescaped texts, for SIMD scans */
};

struct event_text {
    uint32_t stamp;      /* equal to leaves.stamp: valid */
    uint32_t folded_len;
    const char *plain;   /* unescaped; NULL until asked */
    const char *folded;  /* case-folded, padded by EVENT_PAD; NULL until asked */
    uint32_t plain_len;
    bool ascii;
};

struct event {
    uint32_t magic;
    const struct catalog *catalog;
    struct span raw;          /* original bytes, borrowed */
    bool keywords_raw;        /* text formats: keywords look at the whole line instead of at values */
    struct leaves leaves;
    class_id class_id;        /* first class; more through catalog class `also` */
    const struct view *view;  /* of the class being evaluated: set by event_use_class */
    time_ns time;             /* its own time, or `received` when it has none */
    time_ns received;
    uint32_t tags;            /* enum leaf_tags */
    struct event_text *texts; /* parallel to leaves.data */
    uint32_t texts_cap;
    struct arena arena;       /* texts of this event; reset per event */
    struct event_text raw_text;
};

void event_init(struct event *ev, const struct catalog *catalog);
void event_fini(struct event *ev);
/* Ready for the next record. */
void event_clear(struct event *ev);

/* Chooses the view fields are read through: the class's own. */
void event_use_class(struct event *ev, class_id cls);

/* First leaf of a field through the current view, or LEAF_NIL (absent). Paths of a view are tried in order; the first that has any value wins. */
uint32_t event_first(const struct event *ev, field_id field);
static inline uint32_t event_next(const struct event *ev, uint32_t leaf)
{
    return ev->leaves.data[leaf].next;
}

/* Text of a leaf: unescaped string, number as written, "true"/"false", "" for null. Valid until event_clear. */
struct span event_plain(struct event *ev, uint32_t leaf);
/* The same, Unicode simple case-folded, EVENT_PAD readable bytes behind it. */
struct span event_folded(struct event *ev, uint32_t leaf);
/* A part of a string's leaf as it stands in the record, folded likewise; made anew each time. */
struct span event_part_folded(struct event *ev, struct span part, bool escaped);
/* The raw line folded, for keyword searches of text formats. */
struct span event_raw_folded(struct event *ev);

/* First value of a field as plain text by entity (host, user, …); empty when unknown. */
struct span event_entity(struct event *ev, enum entity entity);

/* Short word of one tag bit ("bad_utf8"), or NULL. */
const char *event_tag_name(uint32_t tag);

#endif
