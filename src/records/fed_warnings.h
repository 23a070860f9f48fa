/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Warnings in the database: at a hub as it issued them, at a node as they came; and what this node
 * made of each: its dry run, taken or dismissed, by whom and why. Called by the keeper; the codec
 * also by the desk.
 */
#ifndef RECORDS_FED_WARNINGS_H
#define RECORDS_FED_WARNINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"

enum {
    FED_WARNING_ID_LEN = 32,
    FED_WARNING_BODY_MAX = 1 << 20, /* bytes: a body fits an envelope */
    FED_WARNING_PAGE_MAX = 500,
    FED_WARNING_CHECKS_MAX = 64 << 10, /* bytes */
    FED_WARNING_FILES_MAX = 1 << 20,   /* bytes of the rules of one warning */
    FED_WARNING_TAKEN_MAX = 500,    /* in force at a time: what they cost is bounded */
    FED_WARNING_TAKEN_BYTES = 4 << 20, /* bytes of their rules */
    FED_WARNING_KEPT_DAYS = 90,     /* after its end, to look back on; what all of a circle may take: fed_room.def */
};

/* state: new, checked, taken, dismissed, withdrawn. dry_run: none, waiting, running, done, failed.
 * onward: under which PAP a hub may tell its own circles of it (warning_onward); empty = not at all. */
#define FED_WARNING_SPANS(X)                                                                       \
    X(id) X(circle) X(issuer) X(kind) X(value) X(title) X(body) X(published) X(state) X(hunt)      \
        X(dry_run) X(checks) X(circle_name) X(onward)
#define FED_WARNING_NUMBERS(X)                                                                     \
    X(version) X(level) X(seen) X(first) X(last) X(withdrawn) X(received) X(updated) X(expires)    \
        X(automatic) X(taken_version) X(matched) X(rules) X(indicators)

struct fed_warning_row {
#define X(name) struct span name;
    FED_WARNING_SPANS(X)
#undef X
#define X(name) int64_t name;
    FED_WARNING_NUMBERS(X)
#undef X
};

void fed_warning_encode(struct buf *out, const struct fed_warning_row *row);
/* Spans point into the message; c->failed on anything out of range. */
void fed_warning_decode(struct cursor *c, struct fed_warning_row *out);

/*
 * Stores a version; a lower or equal one changes nothing (*news_out false). A withdrawn one ends what
 * was taken. Inside a transaction. ERR_DENIED: another issuer's or circle's warning has this id.
 * Where the circle has no room left for a new one, those that are over or withdrawn go, oldest first, then
 * the oldest that is not in force here; ERR_LIMIT when that is not enough.
 */
int fed_warnings_put(struct db *db, const struct fed_warning_row *row, bool *news_out,
                     struct err *e) NODISCARD;

/* What the envelope type "warning" does (fed_take.h): its digest is a fed_warning_encode. */
struct fed_envelope_row;
int fed_warning_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest,
                      time_ns now, struct err *e) NODISCARD;

/* Newest first; bodies are left empty when `brief`. updated < before (INT64_MAX = from the newest). */
int fed_warnings_list(struct db *db, time_ns before, size_t limit, bool brief, struct arena *arena,
                      struct fed_warning_row **rows_out, size_t *count_out,
                      struct err *e) NODISCARD;
/* ERR_NOT_FOUND. */
int fed_warnings_get(struct db *db, struct span id, struct arena *arena,
                     struct fed_warning_row *out, struct err *e) NODISCARD;

/* What happens to one here. */
#define FED_WARNING_ACTS(X)                                                                        \
    X(FED_WARNING_ASKED, "dry-run")   /* text = id of the hunt */                                  \
    X(FED_WARNING_DONE, "checked")    /* matched, text = checks as JSON */                         \
    X(FED_WARNING_FAILED, "dry-run-failed") /* reason says why */                                  \
    X(FED_WARNING_TAKE, "taken") /* text = its rules: u32 n, n of str name, str rule id, str YAML */ \
    X(FED_WARNING_DISMISS, "dismissed")

enum fed_warning_act {
#define X(name, word) name,
    FED_WARNING_ACTS(X)
#undef X
        FED_WARNING_ACT_COUNT
};

struct fed_warning_change {
    struct span id;
    enum fed_warning_act act;
    struct span who;    /* a person, or "sereno" */
    struct span reason; /* of a person; kept */
    struct span text;
    int64_t matched;
    bool automatic;
};
void fed_warning_change_encode(struct buf *out, const struct fed_warning_change *ch);
void fed_warning_change_decode(struct cursor *c, struct fed_warning_change *out);

/*
 * In one transaction with its step and audit row; the row afterwards in *out. ERR_NOT_FOUND;
 * ERR_DENIED: withdrawn, or its rules were refused by the check; ERR_LIMIT: too many are in force.
 */
int fed_warnings_change(struct db *db, const struct fed_warning_change *ch, time_ns now,
                        struct arena *arena, struct fed_warning_row *out,
                        struct err *e) NODISCARD;

/* What is taken and in force, by id: its rules as FED_WARNING_TAKE brought them in `body`, version. */
int fed_warnings_taken(struct db *db, struct arena *arena, struct fed_warning_row **rows_out,
                       size_t *count_out, struct err *e) NODISCARD;
/* A number that changes when anything that is taken does. */
int fed_warnings_mark(struct db *db, int64_t *mark_out, struct err *e) NODISCARD;
/* Ends what is over its date at a node; *ended_out counts those that were taken. */
int fed_warnings_expire(struct db *db, time_ns now, size_t *ended_out, struct err *e) NODISCARD;

/*
 * Removes what ended FED_WARNING_KEPT_DAYS ago. The highest version of what went, here or for want of
 * room, is in fed_sharing.forgotten: a hub that finds the same again begins above it, so that members who
 * remember more take it for the newer one that it is. In a transaction of its own.
 */
int fed_warnings_sweep(struct db *db, time_ns now, struct err *e) NODISCARD;

struct fed_warning_step {
    time_ns at;
    struct span who, what, reason;
};
int fed_warnings_steps(struct db *db, struct span id, struct arena *arena,
                       struct fed_warning_step **steps_out, size_t *count_out,
                       struct err *e) NODISCARD;

#endif
