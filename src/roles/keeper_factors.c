/* SPDX-License-Identifier: EUPL-1.2 */
/* Second factors in the keeper: see keeper_factors.h. Must never see a secret or a code in clear. */
#include "roles/keeper_factors.h"

#include "records/factors.h"
#include "roles/keeper_records_priv.h"

static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

/* A text of this length; another is a broken question. */
static struct span exactly(struct cursor *c, size_t len)
{
    struct span s = cursor_str(c);
    if (s.len != len) {
        c->failed = true;
    }
    return s;
}

static struct span box_of(struct cursor *c)
{
    struct span box = cursor_str(c);
    if (box.len == 0 || box.len > FACTOR_BOX_MAX) {
        c->failed = true;
    }
    return box;
}

static int tell(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct factor f = {0};
    struct span user = cursor_str(c);
    int rc = whole(c, e);
    rc = rc == 0 ? factor_get(kr->db, user, &kr->scratch, &f, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_str(&kr->out, f.box);
        buf_u64(&kr->out, (uint64_t)f.confirmed);
        buf_u64(&kr->out, (uint64_t)f.last_step);
        buf_u32(&kr->out, f.failures);
        buf_u32(&kr->out, f.codes);
    }
    return rc;
}

static int begin(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span user = cursor_str(c);
    struct span box = box_of(c);
    int rc = whole(c, e);
    rc = rc == 0 ? factor_begin(kr->db, user, box, clock_now(), e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int confirm(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span user = cursor_str(c);
    struct span box = box_of(c);
    int64_t step = (int64_t)cursor_u64(c);
    struct span hashes = exactly(c, (size_t)FACTOR_CODES * ACCOUNT_HASH_BYTES);
    struct span keep = exactly(c, ACCOUNT_HASH_BYTES);
    int rc = whole(c, e);
    rc = rc == 0 ? factor_confirm(kr->db, user, box, step, hashes, keep, clock_now(), e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int failed(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span user = cursor_str(c);
    int rc = whole(c, e);
    rc = rc == 0 ? factor_failed(kr->db, user, e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int set_codes(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct factor_proof proof;
    struct span user = cursor_str(c);
    factor_proof_decode(c, &proof);
    struct span hashes = exactly(c, (size_t)FACTOR_CODES * ACCOUNT_HASH_BYTES);
    int rc = whole(c, e);
    rc = rc == 0 ? factor_codes_set(kr->db, user, &proof, hashes, clock_now(), e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int take_away(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct factor_proof proof;
    struct span user = cursor_str(c);
    factor_proof_decode(c, &proof);
    int rc = whole(c, e);
    rc = rc == 0 ? factor_remove(kr->db, user, &proof, clock_now(), e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int reset(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span organisation = cursor_str(c);
    struct span id = cursor_str(c);
    struct span who = cursor_str(c);
    struct span why = cursor_str(c);
    int rc = organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc == 0 ? factor_reset(kr->db, organisation, id, who, why, clock_now(), e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

keeper_answer_fn *keeper_factor_answer(uint16_t ask)
{
    static const struct {
        enum ask ask;
        keeper_answer_fn *answer;
    } table[] = {
        {ASK_FACTOR, tell},         {ASK_FACTOR_BEGIN, begin},      {ASK_FACTOR_CONFIRM, confirm}, {ASK_FACTOR_FAILED, failed},
        {ASK_FACTOR_CODES, set_codes}, {ASK_FACTOR_REMOVE, take_away}, {ASK_FACTOR_RESET, reset},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if ((uint16_t)table[i].ask == ask) {
            return table[i].answer;
        }
    }
    return NULL;
}
