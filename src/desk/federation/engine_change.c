/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What officers sign. Who belongs: every change of a circle of this hub is a new membership file, signed by the hub and by
 * as many officers as its quorum asks for. What lacks signatures waits as a request that another
 * officer approves; so does an item taken back for its author (engine_stone.c). See fed_engine_change.
 */
#include <sodium.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/engine_priv.h"
#include "desk/federation/text.h"

/* What one change works with; everything lives in the arena. */
struct work {
    struct fed_engine *en;
    const struct fed_change_ask *ask;
    struct arena a;
    struct fed_request_row request;
    bool request_new;
    const struct circle *circle;      /* NULL while it is being made */
    struct fed_membership next;       /* the draft, or the candidate that was read */
    struct span text;                 /* it, with signatures */
    struct fed_change change;
};

static bool is_officer(const struct fed_membership *m, const unsigned char key[FED_KEY_BYTES])
{
    for (uint32_t i = 0; i < m->nofficers; i++) {
        if (fed_key_equal(m->officers[i].key, key)) {
            return true;
        }
    }
    return false;
}

/* Officers of the next epoch: all that this hub has. */
static void put_officers(struct work *w)
{
    struct fed_officer *list = arena_calloc(&w->a, FED_OFFICERS_MAX, sizeof *list);
    uint32_t n = 0;
    for (size_t i = 0; i < w->en->officers.len && n < FED_OFFICERS_MAX; i++) {
        list[n].name = w->en->officers.data[i]->name;
        memcpy(list[n++].key, w->en->officers.data[i]->key, FED_KEY_BYTES);
    }
    w->next.officers = list;
    w->next.nofficers = n;
}

static struct fed_member *add_member(struct work *w, struct span node)
{
    const struct fed_membership *m = w->circle == NULL ? NULL : &w->circle->known[0]->m;
    uint32_t n = w->next.nmembers;
    for (uint32_t i = 0; i < n; i++) {
        if (span_eq(w->next.members[i].node, node)) {
            return &w->next.members[i];
        }
    }
    struct fed_member *list = arena_calloc(&w->a, n + 1, sizeof *list);
    if (n > 0) {
        memcpy(list, w->next.members, n * sizeof *list);
    }
    (void)m;
    w->next.members = list;
    w->next.nmembers = n + 1;
    list[n].node = arena_copy(&w->a, node);
    return &list[n];
}

static void draft_circle(struct work *w)
{
    struct fed_engine *en = w->en;
    CHECK(en != NULL);
    w->next = (struct fed_membership){.circle = w->ask->circle,
                                      .name = w->ask->name,
                                      .nda = w->ask->nda,
                                      .quorum = w->ask->nda ? FED_QUORUM_NDA : 1,
                                      .warn = FED_WARN_DEFAULT,
                                      .show = FED_SHOW_DEFAULT,
                                      .epoch = 1};
    w->next.hub.node = span_of(en->keys.node);
    memcpy(w->next.hub.sign, en->keys.sign.public_key, FED_KEY_BYTES);
    memcpy(w->next.hub.seal, en->keys.seal_public, FED_KEY_BYTES);
    struct fed_member *self = add_member(w, span_of(en->keys.node));
    self->org = en->config.organisation;
    memcpy(self->sign, en->keys.sign.public_key, FED_KEY_BYTES);
    memcpy(self->seal, en->keys.seal_public, FED_KEY_BYTES);
    self->classes = FED_MEMBER | FED_HUB | (w->ask->nda ? FED_NDA : 0);
    self->state = FED_ACTIVE;
    self->since = 1;
}

/* The next epoch as the present one says, with other officers and dates. */
static void draft_next(struct work *w)
{
    w->next = w->circle->known[0]->m;
    w->next.epoch++;
    w->next.root = NULL;
    struct fed_member *list = arena_calloc(&w->a, w->next.nmembers + 1, sizeof *list);
    memcpy(list, w->next.members, w->next.nmembers * sizeof *list);
    w->next.members = list;
}

static int draft_member(struct work *w, struct err *e)
{
    struct fed_member *x = add_member(w, w->request.node);
    if (w->next.nmembers > FED_MEMBERS_MAX) {
        return err_set(e, ERR_LIMIT, "a circle has at most %d members", FED_MEMBERS_MAX);
    }
    x->org = w->request.org;
    x->classes = FED_MEMBER | (w->next.nda ? FED_NDA : 0);
    x->state = FED_ACTIVE;
    x->since = w->next.epoch;
    bool fine = fed_base64_read(w->request.sign, x->sign, FED_KEY_BYTES) &&
                fed_base64_read(w->request.seal, x->seal, FED_KEY_BYTES);
    return fine ? 0 : err_set(e, ERR_INVALID, "the request's keys cannot be read");
}

static int draft_state(struct work *w, struct err *e)
{
    enum fed_state to = w->ask->kind == FED_CHANGE_SUSPEND  ? FED_SUSPENDED
                        : w->ask->kind == FED_CHANGE_REMOVE ? FED_GONE
                                                            : FED_ACTIVE;
    for (uint32_t i = 0; i < w->next.nmembers; i++) {
        struct fed_member *x = &w->next.members[i];
        if (!span_eq(x->node, w->ask->node)) {
            continue;
        }
        if (span_eq(x->node, span_of(w->en->keys.node))) {
            return err_set(e, ERR_INVALID, "a hub cannot leave its own circle");
        }
        if (x->state == FED_GONE && to != FED_GONE) {
            return err_set(e, ERR_INVALID, "a removed member enrols again");
        }
        x->state = to;
        x->since = w->next.epoch;
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND, "no such member in this circle");
}

static int draft(struct work *w, struct err *e)
{
    int rc = 0;
    switch (w->ask->kind) {
    case FED_CHANGE_CIRCLE:
        draft_circle(w);
        break;
    case FED_CHANGE_APPROVE:
        draft_next(w);
        rc = draft_member(w, e);
        break;
    case FED_CHANGE_SUSPEND:
    case FED_CHANGE_REMOVE:
    case FED_CHANGE_RESUME:
        draft_next(w);
        rc = draft_state(w, e);
        break;
    case FED_CHANGE_RENEW:
        draft_next(w);
        break;
    case FED_CHANGE_REFUSE:
    case FED_CHANGE_TOMBSTONE:
        UNREACHABLE();
    }
    put_officers(w);
    w->next.issued_s = engine_now_s();
    w->next.expires_s = w->next.issued_s + FED_MEMBERSHIP_LIFE_S;
    rc = rc < 0 ? rc : fed_membership_draft(&w->a, &w->next, &w->text, e);
    return rc < 0 ? rc : fed_membership_sign(&w->a, w->text, &w->en->keys.sign, &w->text, e);
}

/* A candidate still fits when nothing happened to its circle since; else it is drafted anew. */
static bool take_candidate(struct work *w)
{
    struct err e = {0};
    if (w->request.candidate.len == 0 ||
        fed_membership_read(&w->a, w->request.candidate, &w->next, &e) != FED_TAKEN) {
        return false;
    }
    uint64_t known = w->circle == NULL ? 0 : w->circle->known[0]->m.epoch;
    w->text = w->request.candidate;
    return w->next.epoch == known + 1;
}

/* Whether enough officers that were known before have signed: what every node will ask. */
static bool complete(struct work *w, struct err *e)
{
    const struct fed_membership *known = w->circle == NULL ? NULL : &w->circle->known[0]->m;
    struct fed_membership next;
    if (fed_membership_read(&w->a, w->text, &next, e) != FED_TAKEN) {
        return false;
    }
    struct fed_pin pin = fed_membership_pin(known == NULL ? &next : known);
    enum fed_refusal r = fed_membership_judge(known, &pin, &next, engine_now_s());
    w->next = next;
    return r == FED_TAKEN;
}

static struct span names_so_far(struct work *w)
{
    struct buf b;
    buf_init(&b, 1024);
    if (w->request.decided_by.len > 0) {
        buf_span(&b, w->request.decided_by);
        buf_cstr(&b, ", ");
    }
    buf_span(&b, w->ask->officer.name);
    struct span out = arena_copy(&w->a, buf_view(&b));
    buf_free(&b);
    return out;
}

/* The envelope that tells every member, also one that is leaving. */
static int announce(struct work *w, struct err *e)
{
    struct jcs *audience = NULL, *body = NULL;
    struct fed_audience who = {.all = true};
    static char id[FED_ID_LEN + 1];
    struct span *peers = arena_calloc(&w->a, w->next.nmembers + 1, sizeof *peers);
    struct fed_out *out = &w->change.out;
    struct span text = SPAN("");
    for (uint32_t i = 0; i < w->next.nmembers; i++) {
        const struct fed_member *x = &w->next.members[i];
        if (x->state != FED_GONE && !span_eq(x->node, span_of(w->en->keys.node))) {
            peers[out->npeers++] = x->node;
        }
    }
    if (out->npeers == 0) {
        return 0;
    }
    int rc = fed_audience_write(&w->a, &who, &audience, e);
    rc = rc < 0 ? rc : jcs_read(&w->a, w->text, FED_DEPTH_MAX, &body, e);
    const struct fed_draft d = {.type = FED_TYPE_MEMBERSHIP,
                                .circle = w->next.circle,
                                .audience = audience,
                                .tlp = SPAN("GREEN"),
                                .pap = SPAN("CLEAR"),
                                .created_s = engine_now_s(),
                                .expires_s = w->next.expires_s,
                                .epoch = w->next.epoch - (w->next.epoch > 1),
                                .body = body};
    rc = rc < 0 ? rc : fed_envelope_make(&w->a, &d, &w->en->keys, NULL, 0, &text, id, e);
    *out = (struct fed_out){.circle = w->next.circle,
                            .peer = peers,
                            .npeers = out->npeers,
                            .class = FED_OUT_CONTROL,
                            .id = span_of(id),
                            .type = SPAN("membership"),
                            .issuer = span_of(w->en->keys.node),
                            .epoch = (int64_t)d.epoch,
                            .created = d.created_s * TIME_SECOND,
                            .expires = d.expires_s * TIME_SECOND,
                            .envelope = text,
                            .reason = SPAN("control message"),
                            .audience = SPAN("all members of the circle")};
    w->change.has_out = rc == 0;
    return rc;
}

static bool same_officers(const struct work *w)
{
    const struct fed_membership *m = w->circle == NULL ? NULL : &w->circle->known[0]->m;
    bool same = m != NULL && m->nofficers == w->next.nofficers;
    for (uint32_t i = 0; same && i < m->nofficers; i++) {
        same = is_officer(&w->next, m->officers[i].key);
    }
    return same;
}

/* Nodes that were members and are in no circle of this hub any more. */
static void put_leavers(struct work *w)
{
    if (w->ask->kind != FED_CHANGE_REMOVE) {
        return;
    }
    for (size_t i = 0; i < w->en->circles.len; i++) {
        const struct circle *c = w->en->circles.data[i];
        const struct fed_member *x = c->own && c != w->circle && c->count > 0
                                         ? fed_membership_find(&c->known[0]->m, w->ask->node)
                                         : NULL;
        if (x != NULL && x->state == FED_ACTIVE) {
            return;
        }
    }
    w->change.leavers[w->change.nleavers++] = w->ask->node;
}

static int take_effect(struct work *w, struct err *e)
{
    struct buf cert;
    int rc = 0;
    if (w->request.csr.len > 0) {
        buf_init(&cert, CERTS_PEM_MAX);
        rc = certs_issue(w->en->config.ca_key, w->en->config.ca_cert, w->request.csr,
                         w->request.node, engine_now_s(), CERTS_MEMBER_DAYS, &cert, e);
        w->request.certificate = arena_copy(&w->a, buf_view(&cert));
        buf_free(&cert);
    }
    rc = rc < 0 ? rc : announce(w, e);
    engine_membership_row(w->en, &w->a, &w->next, w->text, true, &w->change.membership);
    w->change.has_membership = true;
    w->change.replaces = same_officers(w);
    w->request.state = SPAN("approved");
    put_leavers(w);
    return rc;
}

static int sign_on(struct work *w, bool *complete_out, struct err *e)
{
    const struct fed_officer_key *o = &w->ask->officer;
    if (!is_officer(&w->next, o->key->public_key)) {
        return err_set(e, ERR_DENIED, "%.*s is no officer of this hub yet", SPAN_ARG(o->name));
    }
    int rc = fed_membership_sign(&w->a, w->text, o->key, &w->text, e);
    if (rc < 0) {
        return rc;
    }
    struct err why = {0};
    w->request.decided_by = names_so_far(w);
    *complete_out = complete(w, &why);
    w->request.candidate = *complete_out ? SPAN("") : w->text;
    return *complete_out ? take_effect(w, e) : 0;
}

static int read_asked(struct work *w, struct err *e)
{
    const struct fed_change_ask *ask = w->ask;
    if (ask->row != NULL) {
        fed_request_decode(ask->row, &w->request);
        if (!cursor_done(ask->row) || !span_eq(w->request.state, SPAN("waiting"))) {
            return err_set(e, ERR_BUSY, "this request was decided meanwhile");
        }
        w->circle = engine_circle(w->en, w->request.circle);
    } else {
        char *id = arena_alloc(&w->a, ID_TEXT_LEN + 1);
        id_new(clock_now(), id);
        w->request = (struct fed_request_row){.id = span_of(id),
                                              .circle = ask->circle,
                                              .org = ask->kind == FED_CHANGE_CIRCLE ? ask->name : ask->node,
                                              .node = ask->node,
                                              .sign = SPAN(""),
                                              .seal = SPAN(""),
                                              .csr = SPAN(""),
                                              .state = SPAN("waiting"),
                                              .decided_by = SPAN(""),
                                              .candidate = SPAN(""),
                                              .certificate = SPAN("")};
        w->request_new = true;
        w->circle = engine_circle(w->en, ask->circle);
    }
    bool makes = ask->kind == FED_CHANGE_CIRCLE || (w->circle == NULL && w->request.candidate.len > 0);
    if (ask->kind == FED_CHANGE_CIRCLE && w->circle != NULL) {
        return err_set(e, ERR_EXISTS, "there is such a circle already");
    }
    if (!makes && (w->circle == NULL || !w->circle->own)) {
        return err_set(e, ERR_NOT_FOUND, "this node is the hub of no such circle");
    }
    return 0;
}

/* The officer says that he compared what the two sides show. */
static int compare(const struct work *w, struct err *e)
{
    unsigned char sign[FED_KEY_BYTES], seal[FED_KEY_BYTES];
    char print[FED_FINGERPRINT_LEN + 1];
    if (w->request.csr.len == 0) {
        return 0;
    }
    if (!fed_base64_read(w->request.sign, sign, sizeof sign) ||
        !fed_base64_read(w->request.seal, seal, sizeof seal)) {
        return err_set(e, ERR_INVALID, "the request's keys cannot be read");
    }
    fed_fingerprint(sign, seal, print);
    return fed_fingerprint_is(print, w->ask->fingerprint)
               ? 0
               : err_set(e, ERR_DENIED, "the fingerprint is another than the node's");
}

static int run(struct work *w, bool *complete_out, struct err *e)
{
    int rc = read_asked(w, e);
    if (rc < 0) {
        return rc;
    }
    if (w->ask->kind == FED_CHANGE_REFUSE) {
        w->request.state = SPAN("refused");
        w->request.decided_by = w->ask->officer.name;
        w->request.candidate = SPAN("");
        *complete_out = true;
        return 0;
    }
    if (w->ask->kind == FED_CHANGE_TOMBSTONE || engine_stone_is(&w->request)) {
        w->change.request = w->request;
        rc = engine_stone_sign(w->en, &w->a, w->ask, w->circle, &w->change, complete_out, e);
        w->request = w->change.request;
        return rc;
    }
    rc = w->ask->kind == FED_CHANGE_APPROVE ? compare(w, e) : 0;
    if (rc == 0 && !take_candidate(w)) {
        bool own_act = w->ask->kind == FED_CHANGE_APPROVE && w->request.csr.len == 0;
        rc = own_act ? err_set(e, ERR_BUSY, "the circle changed meanwhile; begin again")
                     : draft(w, e);
    }
    return rc < 0 ? rc : sign_on(w, complete_out, e);
}

int fed_engine_change(struct fed_engine *en, const struct fed_change_ask *ask, struct buf *question,
                      bool *complete_out, struct err *e)
{
    CHECK_OBJ(en, ENGINE_MAGIC);
    struct work *w = mem_alloc(sizeof *w);
    w->en = en;
    w->ask = ask;
    arena_init(&w->a, 0);
    *complete_out = false;
    int rc = en->config.hub && en->loaded ? run(w, complete_out, e)
                                          : err_set(e, ERR_DENIED, "this node is no hub");
    if (rc == 0) {
        w->change.has_request = true;
        w->change.request_new = w->request_new;
        w->change.request = w->request;
        w->change.who = ask->officer.name;
        ask_begin(question, ASK_FED_CHANGE);
        fed_change_encode(question, &w->change);
        rc = question->failed ? err_set(e, ERR_LIMIT, "the membership is too large") : 0;
    }
    arena_fini(&w->a);
    mem_free(w);
    return rc;
}

void fed_engine_changed(struct fed_engine *en, struct span question)
{
    struct arena a;
    struct fed_change ch;
    struct cursor c = cursor_of(question);
    arena_init(&a, 0);
    (void)cursor_u16(&c);
    fed_change_decode(&c, &a, &ch);
    if (cursor_done(&c) && ch.has_taken) {
        engine_after(en, &ch.taken);
    }
    if (cursor_done(&c) && ch.has_membership) {
        engine_circle_add(en, ch.membership.circle, true, ch.membership.body);
        log_info("federation.epoch", "circle=%.*s epoch=%lld members=%u own=1",
                 SPAN_ARG(ch.membership.circle), (long long)ch.membership.epoch,
                 ch.membership.nmembers);
        for (size_t i = 0; i < ch.out.npeers; i++) {
            engine_peer_wake(en, ch.out.peer[i]);
        }
    }
    arena_fini(&a);
    engine_hub_tick(en); /* who is no member any more is told so now */
}
