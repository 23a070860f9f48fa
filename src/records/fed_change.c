/* SPDX-License-Identifier: EUPL-1.2 */
/* A change of membership: see fed_change.h. Runs in the keeper. */
#include "records/fed_change.h"

void fed_change_encode(struct buf *out, const struct fed_change *ch)
{
    buf_u8(out, (uint8_t)(ch->request_new | ch->has_request << 1 | ch->has_membership << 2 |
                          ch->has_out << 3 | ch->replaces << 4 | ch->has_taken << 5));
    if (ch->has_request) {
        fed_request_encode(out, &ch->request);
    }
    if (ch->has_membership) {
        fed_membership_encode(out, &ch->membership);
    }
    if (ch->has_out) {
        fed_out_encode(out, &ch->out);
    }
    if (ch->has_taken) {
        fed_taken_encode(out, &ch->taken);
    }
    buf_u32(out, ch->nleavers);
    for (uint32_t i = 0; i < ch->nleavers; i++) {
        buf_str(out, ch->leavers[i]);
    }
    buf_str(out, ch->who);
}

void fed_change_decode(struct cursor *c, struct arena *arena, struct fed_change *out)
{
    memset(out, 0, sizeof *out);
    uint8_t flags = cursor_u8(c);
    out->request_new = (flags & 1) != 0;
    out->has_request = (flags & 2) != 0;
    out->has_membership = (flags & 4) != 0;
    out->has_out = (flags & 8) != 0;
    out->replaces = (flags & 16) != 0;
    out->has_taken = (flags & 32) != 0;
    if (out->has_request) {
        fed_request_decode(c, &out->request);
    }
    if (out->has_membership) {
        fed_membership_decode(c, arena, &out->membership);
    }
    if (out->has_out) {
        fed_out_decode(c, arena, &out->out);
    }
    if (out->has_taken) {
        fed_taken_decode(c, arena, &out->taken);
    }
    out->nleavers = cursor_u32(c);
    if (out->nleavers > FED_CHANGE_LEAVERS_MAX) {
        c->failed = true;
        out->nleavers = 0;
    }
    for (uint32_t i = 0; i < out->nleavers; i++) {
        out->leavers[i] = cursor_str(c);
    }
    out->who = cursor_str(c);
}

/* Older memberships of the circle that nobody has been sent yet. */
static int drop_older(struct db *db, struct span circle, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "DELETE FROM fed_out WHERE seq = 0 AND envelope IN (SELECT id FROM "
                      "fed_envelope WHERE type = 'membership' AND circle = $1)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, circle);
    return db_run(s, e);
}

static int take(struct db *db, const struct fed_change *ch, fed_apply_of *apply_of, time_ns now,
                struct err *e)
{
    struct arena arena;
    struct fed_outcome outcome;
    arena_init(&arena, 4096);
    int rc = fed_take_within(db, &ch->taken, 1, apply_of, now, &arena, &outcome, e);
    if (rc == 0 && span_eq(outcome.state, SPAN("refused"))) {
        rc = err_set(e, ERR_DENIED, "%.*s", SPAN_ARG(outcome.reason));
    }
    arena_fini(&arena);
    return rc;
}

static int apply(struct db *db, const struct fed_change *ch, fed_apply_of *apply_of, time_ns now,
                 struct err *e)
{
    size_t placed = 0;
    int rc = 0;
    if (ch->request_new && ch->has_request) {
        rc = fed_request_add(db, &ch->request, now, e);
    }
    if (ch->has_request && rc == 0) {
        rc = fed_request_set(db, &ch->request, ch->who, now, e);
    }
    rc = rc == 0 && ch->has_membership ? fed_membership_put(db, &ch->membership, now, e) : rc;
    rc = rc == 0 && ch->replaces ? drop_older(db, ch->membership.circle, e) : rc;
    rc = rc == 0 && ch->has_out ? fed_out_put(db, &ch->out, now, &placed, e) : rc;
    rc = rc == 0 && ch->has_taken ? take(db, ch, apply_of, now, e) : rc;
    for (uint32_t i = 0; i < ch->nleavers && rc == 0; i++) {
        rc = fed_out_drop_peer(db, ch->leavers[i], e);
    }
    return rc;
}

int fed_change_apply(struct db *db, const struct fed_change *ch, fed_apply_of *apply_of,
                     time_ns now, struct err *e)
{
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, apply(db, ch, apply_of, now, e), e);
}
