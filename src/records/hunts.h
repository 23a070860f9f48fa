/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Hunts: who looked for what in the archive, when, why, how far it is and what came out. Called by the keeper; the codec
 * also by the desk and by `sereno hunt`.
 *
 * How to have something looked for (the dry run of a warning, a question of the federation, a person on a page): the desk
 *   1. makes a `struct hunt` (flow/hunt/hunt.h: rules as text, indicators, stretch of time), or reads one with
 *      hunt_from_json, and turns it into bytes with hunt_encode;
 *   2. asks   hunt_ask_start(&question, organisation, who, why, bytes)  → the id of the hunt, at once. `organisation` is
 *      that of the asker ("*" = whole node); the keeper narrows the hunt to it. `who` is a person's name, or
 *      "warning:<id>", "federation:<peer>"; `why` is kept and may not be empty;
 *   3. is told of each change by EVENT_HUNT (records/ask.h: a hunt_row), or asks  hunt_ask_get(&question, places, id)
 *      → hunt_row, definition bytes, result bytes. The result is there while it runs, too: what matched so far;
 *   4. reads it with hunt_result_decode (flow/hunt/hunt_result.h): per rule and indicator matched, clean, not-covered or
 *      rule-unsupported, count, first, last, records; and the coverage that "clean" rests on.
 * hunt_ask_cancel ends one. A hunt goes on after a restart of any role, at the block where it stood.
 */
#ifndef RECORDS_HUNTS_H
#define RECORDS_HUNTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "policy/own.h"
#include "records/db.h"

enum {
    HUNTS_WHO_MAX = 256,           /* bytes */
    HUNTS_WHY_MAX = 1000,          /* bytes */
    HUNTS_DEFINITION_MAX = 2 << 20, /* bytes, as flow/hunt says */
    HUNTS_RESULT_MAX = 12 << 20,
    HUNTS_TALLY_MAX = 14 << 20,
    HUNTS_PAGE_MAX = 200,
    HUNTS_OPEN_MAX = 100,          /* waiting or running at a time */
    HUNTS_KEPT_MAX = 10000,        /* finished ones; the oldest go, their audit rows stay */
};

/* name, word in the API */
#define HUNT_STATUS_TABLE(X)                                                                       \
    X(WAITING, "waiting")                                                                          \
    X(RUNNING, "running")                                                                          \
    X(DONE, "done")                                                                                \
    X(CANCELLED, "cancelled")                                                                      \
    X(FAILED, "failed")

enum hunt_status {
#define X(name, text) HUNT_STATUS_##name,
    HUNT_STATUS_TABLE(X)
#undef X
        HUNT_STATUS_COUNT
};
const char *hunt_status_name(enum hunt_status status);

struct hunt_row {
    struct span id, organisation, who, why;
    struct span problem; /* why it failed; else empty */
    int64_t status;      /* enum hunt_status */
    time_ns created, finished;           /* TIME_NONE = not yet */
    int64_t blocks_total, blocks_done;   /* total: as counted when it began, 0 = not yet */
    int64_t events, matches;             /* looked at; events that matched anything */
    int64_t end_day, end_block;          /* the newest block that is part of it */
    int64_t day, block;                  /* it stands behind this block; block 0 = at the beginning */
    time_ns retained_from, retained_to;  /* what the archive held when it began */
};

void hunt_row_encode(struct buf *out, const struct hunt_row *row);
/* Spans point into the message; c->failed on anything out of range. */
void hunt_row_decode(struct cursor *c, struct hunt_row *out);

/* ---- questions to the keeper (records/ask.def) ---- */

void hunt_ask_start(struct buf *out, struct span organisation, struct span who, struct span why,
                    struct span definition);
/* places: in which the asker may see, or cancel, hunts. */
void hunt_ask_list(struct buf *out, const struct policy_places *places, uint32_t limit);
void hunt_ask_get(struct buf *out, const struct policy_places *places, struct span id);
void hunt_ask_cancel(struct buf *out, const struct policy_places *places, struct span id, struct span who);

/* ---- the table, in the keeper ---- */

/* Waiting, with an audit row; persons: what of it names one, for a second row (records/privacy.h); empty = nothing does. ERR_LIMIT: too many wait or run. */
int hunts_create(struct db *db, const struct hunt_row *row, struct span definition,
                 struct span persons, struct err *e) NODISCARD;
/* Newest first. */
int hunts_list(struct db *db, const struct policy_places *places, size_t limit, struct arena *arena,
               struct hunt_row **rows_out, size_t *count_out, struct err *e) NODISCARD;
/* Those not ended, oldest first, for the keeper's own start. */
int hunts_open(struct db *db, struct arena *arena, struct hunt_row **rows_out, size_t *count_out,
               struct err *e) NODISCARD;
/* definition_out, tally_out, result_out may be NULL. ERR_NOT_FOUND, also for another organisation's. */
int hunts_get(struct db *db, const struct policy_places *places, struct span id, struct arena *arena,
              struct hunt_row *row_out, struct span *definition_out, struct span *tally_out,
              struct span *result_out, struct err *e) NODISCARD;
/* Stores status and numbers of the row with what was counted so far, in one step: both or neither. */
int hunts_progress(struct db *db, const struct hunt_row *row, struct span tally,
                   struct span result, struct err *e) NODISCARD;
/* Ends it (done, cancelled, failed), with an audit row by `who`; the tally goes. */
int hunts_finish(struct db *db, const struct hunt_row *row, struct span result, struct span who,
                 struct err *e) NODISCARD;

#endif
