/* SPDX-License-Identifier: EUPL-1.2 */
/* The hub's side of enrolment: a code becomes a request, an approved request a certificate; renewal
 * (docs/FEDERATION.md §4). See engine.h. */
#include <sodium.h>

#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/engine_priv.h"
#include "desk/federation/text.h"
#include "desk/identity/secret.h"

struct enrolling {
    struct fed_engine *en;
    struct fed_call *call; /* NULL: who asked is gone */
    struct arena arena;
    char id[ID_TEXT_LEN + 1];
};

static void end(struct enrolling *w)
{
    if (w->call != NULL) {
        w->call->work = NULL;
    }
    arena_fini(&w->arena);
    mem_free(w);
}

/* What a node pins, signed by the hub for this one request: a stranger between the two can neither
 * show another TLS key nor replay it. */
static struct span hub_object(struct fed_engine *en, struct arena *a, const char *request)
{
    struct jcs *hub = jcs_new_object(a), *root = jcs_new_object(a);
    jcs_set_text(a, hub, "name", en->config.hub_name);
    jcs_set_text(a, hub, "node", span_of(en->keys.node));
    jcs_set_text(a, hub, "seal", fed_base64(a, en->keys.seal_public, FED_KEY_BYTES));
    jcs_set_text(a, hub, "sign", fed_base64(a, en->keys.sign.public_key, FED_KEY_BYTES));
    jcs_set_text(a, hub, "tls", span_of(en->server_pin));
    unsigned char sig[FED_SIG_BYTES];
    struct span form =
        span_of(arena_printf(a, "%s\n%.*s", request, SPAN_ARG(jcs_text(a, hub))));
    fed_sign(&en->keys.sign, "sereno-hub-1\n", form, sig);
    jcs_set(a, root, "hub", hub);
    jcs_set_text(a, root, "fingerprint", span_of(en->fingerprint));
    jcs_set_text(a, root, "request", span_of(request));
    jcs_set_text(a, root, "sig", fed_base64(a, sig, sizeof sig));
    return jcs_text(a, root);
}

static void asked(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct enrolling *w = ctx;
    struct fed_call *call = w->call;
    (void)data;
    if (call == NULL) {
        end(w);
        return;
    }
    if (rc == ERR_DENIED) {
        engine_respond_error(call, 403, "code", "this code is not good");
    } else if (rc < 0) {
        char shown[LOG_VALUE_MAX];
        log_warn("federation.enrol", "why=\"%s\"", log_value(text, shown));
        engine_respond_error(call, 503, "busy", "the hub cannot take the request now");
    } else {
        struct buf b;
        buf_init(&b, 16 << 10);
        buf_span(&b, hub_object(w->en, &w->arena, w->id));
        log_info("federation.request", "request=%s", w->id);
        engine_respond(call, 200, &b);
        buf_free(&b);
    }
    end(w);
}

static bool key_text(struct span s)
{
    unsigned char key[FED_KEY_BYTES];
    return fed_base64_read(s, key, sizeof key);
}

static bool read_request(struct arena *a, struct span body, struct fed_request_row *r,
                         struct span *code)
{
    static const char *const names[] = {"code", "csr", "node", "org", "seal", "sign", NULL};
    struct jcs *root = NULL;
    memset(r, 0, sizeof *r);
    if (jcs_read(a, body, 2, &root, NULL) < 0 || !jcs_only(root, names)) {
        return false;
    }
    return jcs_get_text(root, "code", code) && jcs_get_text(root, "csr", &r->csr) &&
           jcs_get_text(root, "node", &r->node) && jcs_get_text(root, "org", &r->org) &&
           jcs_get_text(root, "seal", &r->seal) && jcs_get_text(root, "sign", &r->sign) &&
           fed_node_valid(r->node) && fed_name_valid(r->org, FED_NAME_MAX) && key_text(r->seal) &&
           key_text(r->sign) && r->csr.len <= CERTS_PEM_MAX && code->len <= 64;
}

void engine_enrol_call(struct fed_engine *en, struct fed_call *call)
{
    struct enrolling *w = mem_alloc(sizeof *w);
    struct fed_request_row r;
    struct span code = SPAN("");
    struct buf q;
    unsigned char hash[SECRET_HASH_BYTES];
    w->en = en;
    w->call = call;
    arena_init(&w->arena, 4096);
    call->work = w;
    if (!read_request(&w->arena, call->body, &r, &code)) {
        engine_respond_error(call, 400, "shape", "no request that can be read");
        end(w);
        return;
    }
    id_new(clock_now(), w->id);
    r.id = span_of(w->id);
    secret_hash(code, hash);
    engine_ask_begin(&q, ASK_FED_ASK_TO_JOIN);
    buf_str(&q, span_make((const char *)hash, sizeof hash));
    fed_request_encode(&q, &r);
    if (!engine_ask(en, &q, asked, w)) {
        engine_respond_error(call, 503, "busy", "the hub is busy; try again");
        end(w);
    }
}

void engine_enrol_gone(struct fed_call *call)
{
    struct enrolling *w = call->work;
    w->call = NULL;
}

/* ---- is it approved? ---- */

static void approved(struct enrolling *w, const struct fed_request_row *r)
{
    struct arena *a = &w->arena;
    struct err e = {0};
    struct jcs *root = jcs_new_object(a), *membership = NULL;
    const struct circle *c = engine_circle(w->en, r->circle);
    if (c == NULL || c->count == 0 ||
        jcs_read(a, jcs_text(a, c->known[0]->m.root), FED_DEPTH_MAX, &membership, &e) < 0) {
        engine_respond_error(w->call, 503, "busy", "the circle is not known yet");
        return;
    }
    struct buf b;
    buf_init(&b, CARRY_ANSWER_MAX);
    jcs_set_text(a, root, "certificate", r->certificate);
    jcs_set(a, root, "membership", membership);
    jcs_set(a, root, "officers", jcs_copy(a, jcs_get_array(membership, "officers")));
    jcs_write(&b, root);
    engine_respond(w->call, 200, &b);
    buf_free(&b);
}

static void looked_up(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct enrolling *w = ctx;
    struct fed_call *call = w->call;
    struct fed_request_row r = {0};
    unsigned char key[FED_KEY_BYTES], sig[FED_SIG_BYTES];
    (void)text;
    if (call == NULL) {
        end(w);
        return;
    }
    if (rc == 0) {
        fed_request_decode(data, &r);
        rc = cursor_done(data) ? 0 : ERR_INVALID;
    }
    /* One answer for a request that is not there and one that somebody else made. */
    bool own = rc == 0 && fed_base64_read(r.sign, key, sizeof key) &&
               fed_base64_read(call->proof, sig, sizeof sig) &&
               fed_verify(key, "sereno-request-1\n", r.id, sig);
    if (rc < 0 && rc != ERR_NOT_FOUND) {
        engine_respond_error(call, 503, "busy", "the hub is busy; try again");
    } else if (!own) {
        engine_respond_error(call, 404, "unknown", "no such request of yours");
    } else if (span_eq(r.state, SPAN("waiting"))) {
        engine_respond_error(call, 202, "waiting", "it waits for the hub's officer");
    } else if (span_eq(r.state, SPAN("approved"))) {
        approved(w, &r);
    } else {
        engine_respond_error(call, 410, "refused", "the hub's officer refused it");
    }
    end(w);
}

void engine_enrolled_call(struct fed_engine *en, struct fed_call *call)
{
    struct buf q;
    if (!id_valid(call->request) || call->proof.len != FED_BASE64_SIG_LEN) {
        engine_respond_error(call, 404, "unknown", "no such request of yours");
        return;
    }
    struct enrolling *w = mem_alloc(sizeof *w);
    w->en = en;
    w->call = call;
    arena_init(&w->arena, 4096);
    call->work = w;
    engine_ask_begin(&q, ASK_FED_REQUEST);
    buf_str(&q, call->request);
    if (!engine_ask(en, &q, looked_up, w)) {
        engine_respond_error(call, 503, "busy", "the hub is busy; try again");
        end(w);
    }
}

/* ---- renewal ---- */

void engine_renew_call(struct fed_engine *en, struct fed_call *call)
{
    struct arena a;
    struct err e = {0};
    struct jcs *root = NULL, *out = NULL;
    struct span csr = SPAN("");
    struct buf cert, b;
    arena_init(&a, 4096);
    buf_init(&cert, CERTS_PEM_MAX);
    buf_init(&b, 2 * CERTS_PEM_MAX);
    bool fine = jcs_read(&a, call->body, 2, &root, NULL) == 0 && jcs_get_text(root, "csr", &csr) &&
                csr.len <= CERTS_PEM_MAX;
    if (!fine || certs_issue(en->config.ca_key, en->config.ca_cert, csr, call->node, engine_now_s(),
                             CERTS_MEMBER_DAYS, &cert, &e) < 0) {
        engine_respond_error(call, 400, "shape", "no signing request that is good");
    } else {
        out = jcs_new_object(&a);
        jcs_set_text(&a, out, "certificate", buf_view(&cert));
        jcs_write(&b, out);
        log_info("federation.renewed", "node=%.*s", SPAN_ARG(call->node));
        engine_respond(call, 200, &b);
    }
    buf_free(&cert);
    buf_free(&b);
    arena_fini(&a);
}
