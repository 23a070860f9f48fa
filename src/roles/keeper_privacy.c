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

keeper_answer_fn *keeper_privacy_answer(uint16_t ask)
{
    return ask == ASK_PERSONS_SHOW ? show_persons : NULL;
}
