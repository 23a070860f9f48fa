/* SPDX-License-Identifier: EUPL-1.2 */
/* Looks at persons, in the keeper: see keeper_privacy.h. Runs on the keeper's one thread. */
#include "roles/keeper_privacy.h"

#include "records/privacy.h"
#include "records/registers/record_row.h"
#include "roles/keeper_records_priv.h"

static int show_persons(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_scope scope;
    struct persons_show s;
    record_scope_decode(c, &scope);
    persons_show_decode(c, &s);
    int rc = cursor_done(c) ? persons_show_note(kr->db, &scope, &s, clock_now(), &kr->scratch, e) : err_set(e, ERR_INVALID, "the question is broken");
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int note_search(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct persons_search s;
    persons_search_decode(c, &s);
    int rc = cursor_done(c) ? persons_search_note(kr->db, &s, clock_now(), e) : err_set(e, ERR_INVALID, "the question is broken");
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int list_looks(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct persons_look *looks = NULL;
    uint32_t n = 0;
    int64_t next = 0;
    struct span organisation = cursor_str(c);
    int64_t before = (int64_t)cursor_u64(c);
    uint32_t limit = cursor_u32(c);
    bool fits = cursor_done(c) && organisation.len > 0 && before >= 0 && limit > 0 && limit <= PERSONS_LOG_MAX;
    int rc = fits ? persons_log(kr->db, organisation, before, limit, &kr->scratch, &looks, &n, &next, e) : err_set(e, ERR_INVALID, "the question is broken");
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u64(&kr->out, (uint64_t)next);
        buf_u32(&kr->out, n);
    }
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        persons_look_encode(&kr->out, &looks[i]);
    }
    return rc;
}

keeper_answer_fn *keeper_privacy_answer(uint16_t ask)
{
    switch ((enum ask)ask) {
    case ASK_PERSONS_SHOW:
        return show_persons;
    case ASK_PERSONS_SEARCHED:
        return note_search;
    case ASK_PERSONS_LOG:
        return list_looks;
    default:
        return NULL;
    }
}
