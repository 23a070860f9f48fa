/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What records will soon say no more of persons, as a reader sees it: figures by kind, and the records behind each. A kind whose days are counted from
 * a field that his role hides is not told to him; where that field is only masked, the figures of the next RETENTION_SOON_DAYS days alone are,
 * and the lists behind them when he had it shown: days and order would tell the field. Pure.
 */
#ifndef DESK_GOVERN_RETENTION_H
#define DESK_GOVERN_RETENTION_H

#include "desk/govern/record.h"
#include "records/registers/retention_view.h"

enum { RETENTION_SOON_DAYS = 30 };

/* Of one kind. */
struct retention_kind {
    const struct register_kind *kind;
    struct record_scope scope; /* of the reader, in those of his ways that let him see this */
    bool masked;               /* the field from which its days count is masked for him */
};

/* The kind as it is told to him; false: not at all. */
bool retention_kind_of(const struct policy_reader *reader, const struct register_kind *k, time_ns now, struct retention_kind *out);
/* Whether he may know which of them, or how many, go or are held within so many days. */
bool retention_may_list(const struct retention_kind *k, enum retention_which which);
bool retention_may_count(const struct retention_kind *k, enum retention_which which, int64_t days);

struct retention_told {
    const struct record_worker *who;
    const struct retention_kind *kinds;
    uint32_t nkinds;
    int64_t days;
    bool whole_node;   /* he may know why a run ended early */
    bool may_confirm;  /* that the clock is right */
};
/* The figures from the keeper's answer; false: it is broken. */
bool retention_document(struct json_writer *j, const struct retention_told *t, struct arena *a, struct cursor *data);
/* The list, each record only when policy shows it; false: the answer is broken. */
bool retention_list_document(struct json_writer *j, const struct record_worker *w, enum retention_which which, struct arena *a, struct cursor *data);

#endif
