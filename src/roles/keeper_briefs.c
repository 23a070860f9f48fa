/* SPDX-License-Identifier: EUPL-1.2 */
/* Issued briefs in the keeper: what a figure counts, and briefs stored, listed, withdrawn. Runs on the keeper's one thread. */
#include "roles/keeper_briefs.h"

#include "records/briefs.h"
#include "roles/keeper_records_priv.h"

static int broken(struct err *e)
{
    return err_set(e, ERR_INVALID, "the question is broken");
}

static int count_one(struct keeper_records *kr, const struct today_due *q, struct err *e)
{
    struct brief_counted *rows = NULL;
    uint32_t n = 0;
    bool more = false;
    int rc = brief_counted(kr->db, q, &kr->scratch, &rows, &n, &more, e);
    if (rc == 0) {
        buf_u8(&kr->out, more);
        buf_u32(&kr->out, n);
        for (uint32_t i = 0; i < n; i++) {
            brief_counted_encode(&kr->out, &rows[i]);
        }
    }
    return rc;
}

/* In one transaction, so that all figures are of one moment. */
static int count_all(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    uint32_t n = cursor_u32(c);
    int rc = c->failed || n > TODAY_DUE_MAX ? broken(e) : 0;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct today_due q;
        today_due_decode(c, &q);
        rc = c->failed ? broken(e) : count_one(kr, &q, e);
    }
    return rc == 0 && !cursor_done(c) ? broken(e) : rc;
}

static int counted(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    answer_begin(&kr->out, 0, e);
    int rc = db_begin(kr->db, e);
    rc = rc == 0 ? db_end(kr->db, count_all(kr, c, e), e) : rc;
    if (rc != 0) {
        answer_begin(&kr->out, rc, e);
    }
    return rc;
}

static int sign(void *arg, struct span message, unsigned char sig[BRIEF_SIG_BYTES], unsigned char key[BRIEF_KEY_BYTES], struct err *e)
{
    struct keeper_records *kr = arg;
    return kr->hooks.sign == NULL ? err_set(e, ERR_BUSY, "the node has no key to sign with") : kr->hooks.sign(kr->hooks.arg, message, sig, key, e);
}

static int issue(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct brief_issued b;
    brief_issued_decode(c, &b);
    int rc = cursor_done(c) ? brief_issue(kr->db, &b, sign, kr, &kr->scratch, e) : broken(e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u64(&kr->out, (uint64_t)b.number);
    }
    return rc;
}

static int list(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct brief_issued *rows = NULL;
    uint32_t n = 0;
    struct span organisation = cursor_str(c);
    int rc = cursor_done(c) && organisation.len > 0 ? briefs_list(kr->db, organisation, &kr->scratch, &rows, &n, e) : broken(e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, n);
        for (uint32_t i = 0; i < n; i++) {
            brief_issued_encode(&kr->out, &rows[i]);
        }
    }
    return rc;
}

static int get(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct brief_issued b;
    struct span organisation = cursor_str(c);
    struct span id = cursor_str(c);
    int rc = cursor_done(c) && organisation.len > 0 ? brief_get_issued(kr->db, organisation, id, &kr->scratch, &b, e) : broken(e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        brief_issued_encode(&kr->out, &b);
    }
    return rc;
}

static int withdraw(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span organisation = cursor_str(c);
    struct span id = cursor_str(c);
    struct span who = cursor_str(c);
    struct span why = cursor_str(c);
    int rc = cursor_done(c) && organisation.len > 0 ? brief_withdraw(kr->db, organisation, id, who, why, clock_now(), e) : broken(e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

keeper_answer_fn *keeper_brief_answer(uint16_t ask)
{
    switch (ask) {
    case ASK_BRIEF_COUNTED:
        return counted;
    case ASK_BRIEF_ISSUE:
        return issue;
    case ASK_BRIEFS:
        return list;
    case ASK_BRIEF_ISSUED:
        return get;
    case ASK_BRIEF_WITHDRAW:
        return withdraw;
    default:
        return NULL;
    }
}
