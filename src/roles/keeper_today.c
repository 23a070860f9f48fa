/* SPDX-License-Identifier: EUPL-1.2 */
/* ASK_TODAY in the keeper: the counts of one person's first page, and when the node's own safety was last seen to. */
#include "records/today.h"

#include "records/places.h"
#include "records/registers/retention_view.h"
#include "records/upkeep.h"
#include "roles/keeper_records_priv.h"

static int count_alerts(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct policy_places places = {0};
    uint32_t n = cursor_u32(c);
    if (n > 0) {
        places_decode(c, &places);
    }
    bool bad = c->failed || n > TODAY_ALERTS_MAX;
    int rc = bad ? err_set(e, ERR_INVALID, "the question is broken") : 0;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct today_alerts q;
        struct today_count found;
        today_alerts_decode(c, &q);
        rc = c->failed ? err_set(e, ERR_INVALID, "the question is broken") : today_alerts_count(kr->db, &places, &q, &found, e);
        if (rc == 0) {
            today_count_encode(&kr->out, &found);
        }
    }
    return rc;
}

static int count_due(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    uint32_t n = cursor_u32(c);
    int rc = c->failed || n > TODAY_DUE_MAX ? err_set(e, ERR_INVALID, "the question is broken") : 0;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct today_due q;
        struct today_count found;
        today_due_decode(c, &q);
        rc = c->failed ? err_set(e, ERR_INVALID, "the question is broken") : today_due_count(kr->db, &q, &found, e);
        if (rc == 0) {
            today_count_encode(&kr->out, &found);
        }
    }
    return rc;
}

static int tell_upkeep(struct keeper_records *kr, struct err *e)
{
    int rc = 0;
    for (int kind = 0; kind < UPKEEP_KIND_COUNT && rc == 0; kind++) {
        struct upkeep done = {.at = TIME_NONE};
        rc = upkeep_get(kr->db, (enum upkeep_kind)kind, &done, e);
        buf_u64(&kr->out, (uint64_t)done.at);
        buf_u64(&kr->out, done.faults);
    }
    return rc;
}

static int tell_retention(struct keeper_records *kr, struct err *e)
{
    struct trusted_time clock;
    struct retention_last last = {0};
    int rc = trusted_time_get(kr->db, clock_now(), &clock, e);
    rc = rc == 0 ? retention_last_get(kr->db, &last, e) : rc;
    buf_u8(&kr->out, (uint8_t)clock.state);
    buf_u64(&kr->out, last.passed_by);
    return rc;
}

int keeper_answer_today(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    answer_begin(&kr->out, 0, e);
    int rc = count_alerts(kr, c, e);
    rc = rc == 0 ? count_due(kr, c, e) : rc;
    rc = rc == 0 && !cursor_done(c) ? err_set(e, ERR_INVALID, "the question is broken") : rc;
    rc = rc == 0 ? tell_upkeep(kr, e) : rc;
    rc = rc == 0 ? tell_retention(kr, e) : rc;
    if (rc != 0) {
        answer_begin(&kr->out, rc, e);
    }
    return rc;
}
