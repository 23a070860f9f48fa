/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Items that officers of a hub take back for an author who cannot: gone, out of reach, or unwilling
 * (docs/FEDERATION.md §5). The tombstone waits as a request with the signatures so far; with enough of
 * them it goes to all members of the circle, whether they hold the item or not: the hub may not know
 * who does. See engine_change.c.
 */
#include "base/id.h"
#include "desk/federation/engine_priv.h"
#include "desk/federation/item.h"

/* Its item stands where a change of membership has a node, and its reason where the name is. */
bool engine_stone_is(const struct fed_request_row *r)
{
    return r->csr.len == 0 && id_valid(r->node);
}

int64_t engine_stone_needs(const struct fed_membership *m)
{
    return m->quorum > FED_TOMBSTONE_OFFICERS ? m->quorum : FED_TOMBSTONE_OFFICERS;
}

/* The body as it is signed so far. */
static int body_so_far(struct arena *a, const struct fed_change_ask *ask, const struct fed_request_row *r, struct fed_tombstone *out,
                       struct err *e)
{
    struct jcs *body = NULL;
    if (r->candidate.len > 0) {
        int rc = jcs_read(a, r->candidate, FED_DEPTH_MAX, &body, e);
        return rc < 0 || fed_tombstone_read(a, body, out, e) != FED_TAKEN ? err_set(e, ERR_INVALID, "the request cannot be read") : 0;
    }
    *out = (struct fed_tombstone){.id = ask->item, .reason = ask->reason};
    int rc = ask->reason.len == 0 ? ERR_INVALID : fed_tombstone_write(a, out, &body, e);
    return rc < 0 || fed_tombstone_read(a, body, out, e) != FED_TAKEN
               ? err_set(e, ERR_INVALID, "an item is named by its id, and the reason is text of 1 to %d bytes", FED_REASON_MAX)
               : 0;
}

static int sign(struct arena *a, const struct fed_change_ask *ask, const struct fed_membership *m, struct fed_tombstone *t, struct jcs **body_out,
                struct err *e)
{
    const struct fed_officer_key *o = &ask->officer;
    uint32_t before = fed_tombstone_officers(t, m);
    *body_out = fed_tombstone_sign(a, t, o->key);
    if (fed_tombstone_read(a, *body_out, t, e) != FED_TAKEN) {
        return err_set(e, ERR_LIMIT, "too many have signed it");
    }
    for (uint32_t i = 0; i < m->nofficers; i++) {
        if (fed_key_equal(m->officers[i].key, o->key->public_key)) {
            return fed_tombstone_officers(t, m) > before ? 0 : err_set(e, ERR_BUSY, "you have signed this already: another officer must");
        }
    }
    return err_set(e, ERR_DENIED, "%.*s is no officer of this circle yet", SPAN_ARG(o->name));
}

static int take_in(struct fed_engine *en, struct arena *a, const struct fed_membership *m, const struct jcs *body, struct fed_change *ch,
                   struct err *e)
{
    struct jcs *audience = NULL;
    const struct fed_audience who = {.all = true};
    int rc = fed_audience_write(a, &who, &audience, e);
    const struct fed_issue issue = {
        .draft = {.type = FED_TYPE_TOMBSTONE, .circle = m->circle, .audience = audience, .tlp = SPAN("GREEN"), .pap = SPAN("GREEN"),
                  .expires_s = engine_now_s() + FED_EXPIRES_MAX_S, .body = body},
        .class = FED_OUT_CONTROL,
        .reason = SPAN("tombstone: signed by officers of the circle"),
        .audience = SPAN("all members of the circle"),
    };
    rc = rc < 0 ? rc : engine_issue_taken(en, a, &issue, m, &ch->taken, e);
    ch->has_taken = rc == 0;
    return rc;
}

int engine_stone_sign(struct fed_engine *en, struct arena *a, const struct fed_change_ask *ask, const struct circle *c, struct fed_change *ch,
                      bool *complete_out, struct err *e)
{
    struct fed_tombstone t;
    struct jcs *body = NULL;
    struct fed_request_row *r = &ch->request;
    if (c == NULL || !c->own || c->count == 0) {
        return err_set(e, ERR_NOT_FOUND, "this node is the hub of no such circle");
    }
    const struct fed_membership *m = &c->known[0]->m;
    int rc = body_so_far(a, ask, r, &t, e);
    rc = rc < 0 ? rc : sign(a, ask, m, &t, &body, e);
    if (rc < 0) {
        return rc;
    }
    const char *comma = r->decided_by.len > 0 ? ", " : "";
    r->decided_by = span_of(arena_printf(a, "%.*s%s%.*s", SPAN_ARG(r->decided_by), comma, SPAN_ARG(ask->officer.name)));
    r->node = t.id;
    r->org = t.reason;
    *complete_out = fed_tombstone_holds(&t, SPAN(""), SPAN(""), m);
    r->candidate = *complete_out ? SPAN("") : jcs_text(a, body);
    r->state = *complete_out ? SPAN("approved") : r->state;
    return *complete_out ? take_in(en, a, m, body, ch, e) : 0;
}
