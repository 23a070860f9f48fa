/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Alerts in the database: taken in once, listed newest first, changed by people under optimistic
 * locking. Called by the keeper. Every function names the organisation it asks for ("*" = the whole
 * node, which only the keeper and people of the whole node use); without one there is no query.
 */
#ifndef RECORDS_ALERTS_H
#define RECORDS_ALERTS_H

#include "records/alert_row.h"
#include "records/db.h"

/* Where the archive keeps the event. */
struct alert_place {
    int64_t day; /* days since 1970 of receipt */
    int64_t block;
    int64_t index;
    struct span group; /* of a correlation, whose completing event may complete it for several; else empty */
};

/* The id is a hash of rule, place and group, so the same alert told twice has one row. */
void alert_make_id(struct span rule_id, const struct alert_place *place,
                   char out[ALERT_ID_LEN + 1]);

/*
 * Takes an alert in, inside the transaction that the caller holds. `detail` is the alert as encoded
 * by event/alert.h. *new_out is false when it was there already; then only
 * its count and last time grow, when more events were folded into it since.
 */
int alerts_insert(struct db *db, const struct alert *a, struct span detail,
                  const struct alert_place *place, char id_out[ALERT_ID_LEN + 1], bool *new_out,
                  struct err *e) NODISCARD;

struct alert_page {
    struct alert_row *rows; /* newest received first */
    size_t count;
    bool more; /* there may be further ones, after: */
    int64_t last_received;
    struct span last_id;
};

/* A page; memory from arena. A word search looks at ALERT_SCAN_MAX rows, then ends with `more` set.
 */
int alerts_list(struct db *db, const struct alert_filter *f, struct arena *arena,
                struct alert_page *out, struct err *e) NODISCARD;

int alerts_count(struct db *db, const struct policy_places *places, time_ns now, struct alert_counts *out,
                 struct err *e) NODISCARD;

/* One alert with its detail (detail_out may be NULL). ERR_NOT_FOUND also when it belongs to another
 * organisation. */
int alerts_get(struct db *db, struct span organisation, struct span id, struct arena *arena,
               struct alert_row *row_out, struct span *detail_out, struct err *e) NODISCARD;

/* The same of an alert of any of these. */
int alerts_find(struct db *db, const struct policy_places *places, struct span id, struct arena *arena,
                struct alert_row *row_out, struct span *detail_out, struct err *e) NODISCARD;

/* The newest alert of this rule and source that nobody closed. ERR_NOT_FOUND: none. */
int alerts_open_of(struct db *db, struct span rule_id, struct span organisation, struct span source, struct arena *arena,
                   struct alert_row *row_out, struct err *e) NODISCARD;

/* Its life, oldest first. */
int alerts_history(struct db *db, struct span id, struct arena *arena,
                   struct alert_step **steps_out, size_t *count_out, struct err *e) NODISCARD;

/*
 * Applies a person's change with its history and audit rows in one transaction; the row afterwards
 * in *row_out. ERR_BUSY: somebody was faster, *row_out is the alert as it is now. ERR_DENIED: the
 * alert's status does not allow it, *row_out likewise. ERR_NOT_FOUND.
 */
int alerts_change(struct db *db, const struct alert_change *ch, time_ns now, struct arena *arena,
                  struct alert_row *row_out, struct err *e) NODISCARD;

#endif
