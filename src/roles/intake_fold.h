/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Folding of alerts before they are stored: within a minute, matches of one rule on one entity
 * (source, host, user) are one alert with a count; a rule gives at most so many alerts per source
 * and minute, what comes beyond is counted in the last of them. No match is lost: it is a stored
 * alert or a number in one. Pure code, no I/O; called by intake.
 */
#ifndef ROLES_INTAKE_FOLD_H
#define ROLES_INTAKE_FOLD_H

#include "archive/archive.h"
#include "event/alert.h"

enum {
    FOLD_SECONDS = 60,
    FOLD_ALERTS_PER_RULE = 60, /* stored per rule, source and minute */
    FOLD_MAX = 4096,           /* open folds; more start a new minute early */
};

struct fold_key {
    uint32_t rule;
    uint32_t source;
    struct span host, user;
};

struct folds;
struct folds *folds_new(void);
void folds_free(struct folds **f);

/*
 * Counts a match. True: it is the first of its fold and becomes an alert; call folds_store before
 * anything else. False: it was counted in one that is there.
 */
bool folds_count(struct folds *f, const struct fold_key *key, time_ns time) NODISCARD;
/* The alert of the new fold, on record `arrival` of the open window. Encodes it. */
void folds_store(struct folds *f, const struct alert *a, uint32_t arrival);
/* Bytes of alerts that wait for the open window to be sealed. */
size_t folds_waiting_bytes(const struct folds *f);

/* Gives an alert to the window being sealed. in->body lives until the next call of folds. */
typedef void folds_emit(void *ctx, const struct archive_alert_in *in);
/* Where a record of the window went. */
typedef void folds_place(void *ctx, uint32_t arrival, uint32_t *block_out, uint32_t *index_out);

/* Window `id` is sealed: emits its new alerts, and what has been counted since for alerts of
 * minutes that are over. */
void folds_seal(struct folds *f, uint64_t id, folds_place *place, folds_emit *emit, void *ctx);
/* Window `id` is kept: its records have addresses from now on. */
void folds_kept(struct folds *f, uint64_t id, int32_t day, uint32_t first_block);
/* The minute is over: later matches open new folds. */
void folds_rotate(struct folds *f);
/* Counts wait to be told with the next window, even an empty one. */
bool folds_due(const struct folds *f);

#endif
