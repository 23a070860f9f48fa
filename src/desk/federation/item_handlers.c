/* SPDX-License-Identifier: EUPL-1.2 */
/* What envelopes about items do in the desk: see handlers.def. The rules are item.h's; the keeper applies
 * them. Whoever is told to remove or tighten something answers its author with a receipt. */
#include "base/log.h"
#include "desk/federation/engine_priv.h"
#include "desk/federation/item.h"
#include "desk/federation/item_digest.h"
#include "records/fed_item.h"

enum { RECEIPT_LIFE_S = 90 * 86400 /* an author's node may be away that long */ };

enum fed_refusal fed_item_verify(struct fed_engine *en, const struct fed_envelope *env, const struct jcs *body, struct arena *a,
                                 struct buf *digest, struct err *e)
{
    const struct fed_membership *m = fed_engine_circle(en, env->circle);
    if (m == NULL) {
        (void)err_set(e, ERR_NOT_FOUND, "no such circle");
        return FED_CIRCLE;
    }
    return fed_item_digest(env, body, m, a, digest, e);
}

/* Items are there to be read; the host tells small members without a node. */
void fed_item_after(struct fed_engine *en, const struct fed_taken *t)
{
    struct cursor c = cursor_of(t->digest);
    struct fed_item_row row;
    fed_item_decode(&c, &row);
    if (cursor_done(&c) && en->config.host.item != NULL) {
        en->config.host.item(en->config.host.arg, t->row.circle, row.id);
    }
}

/* A receipt is there to be looked at. */
void fed_receipt_after(struct fed_engine *en, const struct fed_taken *t)
{
    (void)en, (void)t;
}

/* To the author's node alone: nobody else learns who read. */
static int send_receipt(struct fed_engine *en, struct arena *a, const struct fed_taken *t, struct span item, const char *done, struct err *e)
{
    struct jcs *audience = NULL;
    struct jcs *body = NULL;
    const struct fed_audience who = {.nodes = &t->row.issuer, .nnodes = 1};
    const struct fed_receipt r = {.id = item, .envelope = t->row.id, .done = span_of(done)};
    int rc = fed_audience_write(a, &who, &audience, e);
    rc = rc < 0 ? rc : fed_receipt_write(a, &r, &body, e);
    if (rc < 0) {
        return rc;
    }
    const struct fed_issue issue = {
        .draft = {.type = FED_TYPE_RECEIPT, .circle = t->row.circle, .audience = audience, .tlp = SPAN("AMBER+STRICT"), .pap = SPAN("RED"),
                  .expires_s = clock_now() / TIME_SECOND + RECEIPT_LIFE_S, .body = body},
        .sealed = true,
        .class = FED_OUT_CONTROL,
        .reason = SPAN("receipt: asked for by the author's own change"),
        .audience = SPAN("the author's node"),
    };
    return fed_engine_issue(en, &issue, NULL, NULL, e);
}

static void answer(struct fed_engine *en, const struct fed_taken *t, struct span item, const char *done)
{
    struct arena a;
    struct err e = {0};
    char shown[LOG_VALUE_MAX];
    if (span_eq(t->row.issuer, span_of(fed_engine_keys(en)->node))) {
        return;
    }
    arena_init(&a, 4096);
    if (send_receipt(en, &a, t, item, done, &e) < 0) {
        log_warn("federation.receipt", "envelope=%.*s why=\"%s\"", SPAN_ARG(t->row.id), log_value(span_of(e.text), shown));
    }
    arena_fini(&a);
}

void fed_relabel_after(struct fed_engine *en, const struct fed_taken *t)
{
    struct cursor c = cursor_of(t->digest);
    struct fed_item_row row;
    fed_item_decode(&c, &row);
    if (cursor_done(&c)) {
        answer(en, t, row.id, "tightened");
    }
}

void fed_tombstone_after(struct fed_engine *en, const struct fed_taken *t)
{
    struct cursor c = cursor_of(t->digest);
    struct span item = cursor_str(&c);
    if (!c.failed) {
        answer(en, t, item, "removed");
    }
}
