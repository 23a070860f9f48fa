/* SPDX-License-Identifier: EUPL-1.2 */
/* Shared by alerts.c and alerts_query.c only: the columns of a row and how they are read. */
#ifndef RECORDS_ALERTS_PRIV_H
#define RECORDS_ALERTS_PRIV_H

#include "records/alerts.h"

/* In the order of ALERT_ROW_SPANS, then ALERT_ROW_NUMBERS. */
#define ALERT_COLUMNS                                                                              \
    "id, organisation, rule_id, rule_hash, title, host, user_name, source, product, category, "    \
    "service, summary, assignee, close_reason, level, status, time, received, last_time, events, " \
    "revision, closed, block_day, block_id, block_index"
enum { ALERT_COLUMN_COUNT = 25 };

/* The current row of a statement that selects ALERT_COLUMNS; spans point into it when arena is
 * NULL. */
void alert_row_read(struct db_stmt *s, struct arena *arena, struct alert_row *out);

/* As alerts_list with another bound on the rows looked at: tests want to see a page cut short. */
int alerts_list_bounded(struct db *db, const struct alert_filter *f, int64_t scan_max,
                        struct arena *arena, struct alert_page *out, struct err *e) NODISCARD;

#endif
