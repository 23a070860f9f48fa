/* SPDX-License-Identifier: EUPL-1.2 */
/* Legal holds in the keeper: answers to the desk, and what retention must keep. Runs on the keeper's one thread. */
#include "archive/purge.h"
#include "records/holds.h"
#include "roles/keeper_fed.h"
#include "roles/keeper_holds.h"
#include "roles/keeper_records_priv.h"

static int list(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct hold *holds = NULL;
    size_t n = 0;
    struct span organisation = cursor_str(c);
    bool all = cursor_u8(c) != 0;
    int rc = cursor_done(c) && organisation.len > 0 ? 0 : err_set(e, ERR_INVALID, "the question is broken");
    rc = rc < 0 ? rc : holds_list(kr->db, organisation, all, &kr->scratch, &holds, &n, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, (uint32_t)n);
        for (size_t i = 0; i < n; i++) {
            hold_encode(&kr->out, &holds[i]);
        }
    }
    return rc;
}

static int set(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct hold h;
    hold_decode(c, &h);
    int rc = cursor_done(c) ? hold_set(kr->db, &h, e) : err_set(e, ERR_INVALID, "the question is broken");
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int lift(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span organisation = cursor_str(c);
    struct span id = cursor_str(c);
    struct span who = cursor_str(c);
    struct span reason = cursor_str(c);
    int rc = cursor_done(c) && organisation.len > 0 ? 0 : err_set(e, ERR_INVALID, "the question is broken");
    rc = rc < 0 ? rc : hold_lift(kr->db, organisation, id, who, reason, clock_now(), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

keeper_answer_fn *keeper_hold_answer(uint16_t ask)
{
    return ask == ASK_HOLDS ? list : ask == ASK_HOLD_SET ? set : ask == ASK_HOLD_LIFT ? lift : NULL;
}

int keeper_holds_standing(struct keeper_records *kr, struct arena *arena, struct purge_hold **out, size_t *count_out,
                          struct err *e)
{
    struct hold *holds = NULL;
    size_t n = 0;
    int rc = holds_list(kr->db, SPAN("*"), false, arena, &holds, &n, e);
    *out = arena_calloc(arena, n, sizeof **out);
    *count_out = n;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        (*out)[i] = (struct purge_hold){
            .organisation = span_eq(holds[i].organisation, SPAN("*")) ? SPAN("") : holds[i].organisation,
            .source = holds[i].source,
            .first_day = (int32_t)holds[i].first_day,
            .last_day = (int32_t)holds[i].last_day,
        };
    }
    return rc;
}
