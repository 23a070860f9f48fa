/* SPDX-License-Identifier: EUPL-1.2 */
/* Inside of the normaliser: what its parts (one file per format) share. On the event path of every
 * worker. */
#ifndef FLOW_NORMALISE_NORMALISE_PRIV_H
#define FLOW_NORMALISE_NORMALISE_PRIV_H

#include "base/vec.h"
#include "flow/normalise/normalise.h"
#include "flow/normalise/tables.h"
#include "wire/zeek.h"

#define NORMALISER_MAGIC 0x4e4f524du

/* The Zeek log being read, and where its columns go. */
struct stream_zeek {
    struct zeek *log;
    const struct keytable *keys; /* whose nodes these are */
    uint32_t version;
    key_node nodes[ZEEK_COLUMNS_MAX];
};

/* A class looked up before: by table and both key values as the record has them. Few are in use at a time. */
enum { CLASS_CACHE = 256, CLASS_CACHE_KEY_MAX = 96 /* bytes of both values */ };
struct class_cached {
    const struct norm_table *table; /* NULL: empty */
    class_id class_id;
    uint8_t lens[2];
    bool absent[2];
    char keys[CLASS_CACHE_KEY_MAX];
};

struct normaliser {
    uint32_t magic;
    const struct catalog *catalog;
    const struct norm_tables *tables;
    const struct event *last; /* whose leaf names are held */
    uint32_t last_stamp;
    const struct evtx *last_evtx; /* the reader that has its names, or NULL */
    VEC(struct span) names; /* of the leaves that a text decoder made, parallel to the event's */
    uint32_t named_from;    /* first leaf that has one */
    struct class_cached cache[CLASS_CACHE];
};

/* One record on its way. */
struct job {
    struct normaliser *n;
    struct stream *st;
    const struct norm_declared *declared; /* or NULL */
    struct event *ev;
    struct err *e;
    time_ns written; /* when what the record comes from was written: its time, when it tells none */
};

/* ---- normalise.c ---- */
/* Adds a value that a text decoder found, with the name people see. */
void norm_add(struct job *j, struct span name, key_node node, struct span value);
void norm_add_own(struct job *j, enum norm_field field, struct span value);
/* Sets class, view and the derived values of its chain. */
void norm_set_class(struct job *j, class_id cls);
/* Class by the first two key values of a source; a key without value counts as any other. */
class_id norm_look_up(const struct norm_table *t, struct span a, struct span b);
/* The class for a source whose records are told by a format: strict table for manifest entries. */
class_id norm_class_of(const struct job *j, const struct norm_source *s, struct span a,
                       struct span b);
/* Source of a format, the one that the stream forces, or NULL. */
const struct norm_source *norm_source_of(const struct job *j, enum source_format format);
/* Class for a format with one source: stated, by a key value, or unknown. */
class_id norm_format_class(const struct job *j, enum source_format format, struct span a,
                           struct span b);
/* Takes a message apart by the source's patterns; adds what it finds. False when no pattern fits.
 */
bool norm_dissect(struct job *j, const struct norm_source *s, struct span program,
                  struct span message);

/* Reads a syslog line into fields by the patterns of s, and its time into the event unless it has
 * one. Gives what the log source tables go by; ptr NULL where the line does not say. */
void norm_syslog_line(struct job *j, const struct norm_source *s, struct span line,
                      struct span *program_out, struct span *facility_out);

/* ---- one per format ---- */
enum normalise_result norm_json(struct job *j);
enum normalise_result norm_text(struct job *j);
enum normalise_result norm_web(struct job *j);
enum normalise_result norm_auditd(struct job *j);
enum normalise_result norm_syslog(struct job *j);
enum normalise_result norm_zeek(struct job *j);
enum normalise_result norm_evtx(struct job *j);
/* The values are read: finds source and class of the event by what it holds. normalise_json.c */
void norm_by_content(struct job *j, enum source_format format);

/* Fields of an access log line in the common or combined format; false, and nothing added, when it is none. */
bool norm_web_pairs(struct job *j, struct span line);
/* Every key=value of an audit record; returns its type, ptr NULL when there is none.
 * normalise_auditd.c */
struct span norm_audit_pairs(struct job *j, struct span record);

/* ---- normalise_time.c ---- */
/* Any time text we know; number: the record wrote it as a number. Sets tags. False when it is no
 * time. */
bool norm_time_parse(struct span text, int zone_s, time_ns received, time_ns *out,
                     uint32_t *tags_out);
/* Time from the view's paths; keeps ev->time when the decoder has set it. */
void norm_find_time(struct job *j);
/* "22/Nov/2026:02:05:27 +0000", with or without brackets. */
bool norm_time_web(struct span text, int zone_s, time_ns *out);

#endif
