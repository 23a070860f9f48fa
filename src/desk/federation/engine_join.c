/* SPDX-License-Identifier: EUPL-1.2 */
/* Joining a hub: the code is handed in, the hub's keys are pinned, its officer is waited for
 * (docs/FEDERATION.md §4). See engine.h. */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/engine_priv.h"
#include "desk/federation/text.h"

void engine_join_free(struct join **out)
{
    struct join *j = *out;
    *out = NULL;
    arena_fini(&j->texts);
    mem_free(j);
}

static void join_failed(struct join *j, const char *why)
{
    (void)snprintf(j->state, sizeof j->state, "failed");
    (void)snprintf(j->problem, sizeof j->problem, "%s", why);
    log_warn("federation.join", "state=failed why=\"%s\"", why);
}

static bool url_fine(struct span url)
{
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= 0x20 || url.ptr[i] == 0x7f || strchr("\"'<>\\@#?", url.ptr[i]) != NULL) {
            return false;
        }
    }
    return span_starts(url, SPAN("https://")) && url.len > 8 && url.len < 256 &&
           !span_ends(url, SPAN("/"));
}

static struct span request_body(struct fed_engine *en, struct arena *a, struct span code,
                                struct span csr)
{
    struct jcs *root = jcs_new_object(a);
    jcs_set_text(a, root, "code", code);
    jcs_set_text(a, root, "csr", csr);
    jcs_set_text(a, root, "node", span_of(en->keys.node));
    jcs_set_text(a, root, "org", en->config.organisation);
    jcs_set_text(a, root, "seal", fed_base64(a, en->keys.seal_public, FED_KEY_BYTES));
    jcs_set_text(a, root, "sign", fed_base64(a, en->keys.sign.public_key, FED_KEY_BYTES));
    return jcs_text(a, root);
}

int fed_engine_join(struct fed_engine *en, struct span url, struct span code, struct span fingerprint,
                    struct span who, struct buf *json, struct err *e)
{
    struct buf csr;
    if (!url_fine(url)) {
        return err_set(e, ERR_INVALID, "the hub's address must be https://name:port");
    }
    if (code.len == 0 || code.len > 64) {
        return err_set(e, ERR_INVALID, "the code has 32 characters");
    }
    if (en->joins.len >= ENGINE_JOINS_MAX) {
        engine_join_free(&en->joins.data[0]);
        memmove(&en->joins.data[0], &en->joins.data[1],
                (en->joins.len - 1) * sizeof en->joins.data[0]);
        en->joins.len--;
    }
    buf_init(&csr, CERTS_PEM_MAX);
    int rc = certs_request(en->config.tls_key, span_of(en->keys.node), &csr, e);
    if (rc == 0) {
        struct join *j = mem_alloc(sizeof *j);
        arena_init(&j->texts, 4096);
        id_new(clock_now(), j->id);
        j->url = arena_copy(&j->texts, url);
        j->who = arena_copy(&j->texts, who);
        j->fingerprint = arena_copy(&j->texts, fingerprint);
        const struct fed_link_row first = {.url = j->url};
        (void)snprintf(j->state, sizeof j->state, "asking");
        j->carry = engine_carry(en, &first, "POST", "enrol",
                                request_body(en, &j->texts, code, buf_view(&csr)), SPAN(""),
                                SPAN("enrolment by an administrator"), SPAN("the hub"),
                                ENGINE_CARRY_MS);
        vec_push(&en->joins, j);
        if (j->carry == 0) {
            join_failed(j, "nothing can leave now: sharing is stopped, or the courier is away");
        }
        buf_printf(json, "{\"join\":\"%s\",\"fingerprint\":\"%s\"}", j->id, en->fingerprint);
    }
    buf_free(&csr);
    return rc;
}

/* What the hub says of itself, signed by the key that its fingerprint stands for, and of the TLS key
 * that was really shown. */
static bool read_hub(struct join *j, struct arena *a, const struct fed_carried *c,
                     struct fed_link_row *row, const char **why)
{
    struct jcs *root = NULL;
    unsigned char sign[FED_KEY_BYTES], seal[FED_KEY_BYTES], sig[FED_SIG_BYTES];
    struct span sig_text = SPAN("");
    const struct jcs *hub = NULL;
    *why = "the hub's answer cannot be read";
    if (jcs_read(a, c->body, 3, &root, NULL) < 0 || (hub = jcs_get_object(root, "hub")) == NULL ||
        !jcs_get_text(root, "request", &row->request) || !jcs_get_text(root, "sig", &sig_text) ||
        !jcs_get_text(hub, "node", &row->hub) || !jcs_get_text(hub, "name", &row->name) ||
        !jcs_get_text(hub, "sign", &row->sign) || !jcs_get_text(hub, "seal", &row->seal) ||
        !jcs_get_text(hub, "tls", &row->pin) || !id_valid(row->request) ||
        !fed_node_valid(row->hub) || !fed_name_valid(row->name, FED_NAME_MAX) ||
        !fed_base64_read(row->sign, sign, sizeof sign) ||
        !fed_base64_read(row->seal, seal, sizeof seal) ||
        !fed_base64_read(sig_text, sig, sizeof sig)) {
        return false;
    }
    struct span form =
        span_of(arena_printf(a, "%.*s\n%.*s", SPAN_ARG(row->request), SPAN_ARG(jcs_text(a, hub))));
    *why = "the hub did not sign what it says of itself";
    if (!fed_verify(sign, "sereno-hub-1\n", form, sig)) {
        return false;
    }
    *why = "somebody stands between this node and the hub: the TLS key is not the hub's";
    if (!span_eq(row->pin, c->pin)) {
        return false;
    }
    fed_fingerprint(sign, seal, j->hub_fingerprint);
    *why = "the hub has another fingerprint than the one that was given";
    return j->fingerprint.len == 0 || fed_fingerprint_is(j->hub_fingerprint, j->fingerprint);
}

static void joined(struct fed_engine *en, struct join *j, const struct fed_carried *c)
{
    struct arena a;
    const char *why = NULL;
    struct fed_link_row row = {.organisation = en->config.organisation,
                               .url = j->url,
                               .state = SPAN("waiting"),
                               .certificate = SPAN(""),
                               .problem = SPAN("")};
    arena_init(&a, 0);
    if (c->status != 200) {
        char text[sizeof j->problem];
        engine_problem(text, sizeof text, c);
        join_failed(j, text);
    } else if (!read_hub(j, &a, c, &row, &why)) {
        join_failed(j, why);
    } else {
        struct fed_link *l = NULL;
        for (size_t i = 0; i < en->links.len && l == NULL; i++) {
            l = span_eq(en->links.data[i]->row.hub, row.hub) ? en->links.data[i] : NULL;
        }
        row.created = clock_now();
        memcpy(j->hub, row.hub.ptr, FED_NODE_LEN);
        (void)snprintf(j->state, sizeof j->state, "waiting");
        if (l != NULL) { /* again, or for another circle of the same hub */
            l->row.request = arena_copy(&l->texts, row.request);
            l->row.url = arena_copy(&l->texts, row.url);
            l->row.pin = arena_copy(&l->texts, row.pin);
            l->row.sign = arena_copy(&l->texts, row.sign);
            l->row.seal = arena_copy(&l->texts, row.seal);
            l->row.state = SPAN("waiting");
            l->state = LINK_ENROLLING;
        } else {
            l = engine_link_add(en, &row);
        }
        engine_link_keep(l, j->who);
        log_info("federation.join", "hub=%s fingerprint=%s state=waiting", j->hub,
                 j->hub_fingerprint);
    }
    arena_fini(&a);
}

bool engine_join_carried(struct fed_engine *en, uint64_t id, const struct fed_carried *c)
{
    for (size_t i = 0; i < en->joins.len; i++) {
        if (en->joins.data[i]->carry == id && id != 0) {
            en->joins.data[i]->carry = 0;
            joined(en, en->joins.data[i], c);
            return true;
        }
    }
    return false;
}

/* ---- waiting for the officer ---- */

void engine_enrol_go(struct fed_link *l)
{
    struct arena a;
    unsigned char sig[FED_SIG_BYTES];
    char path[64];
    if (l->hello.id != 0 || l->engine->now < l->hello.due || l->taking) {
        return;
    }
    arena_init(&a, 1024);
    fed_sign(&l->engine->keys.sign, "sereno-request-1\n", l->row.request, sig);
    (void)snprintf(path, sizeof path, "enrol/%.*s", SPAN_ARG(l->row.request));
    struct fed_link_row row = l->row;
    row.certificate = SPAN("");
    l->hello.id = engine_carry(l->engine, &row, "GET", path, SPAN(""),
                               fed_base64(&a, sig, sizeof sig), SPAN("enrolment"), SPAN("the hub"),
                               ENGINE_CARRY_MS);
    l->hello.due = l->engine->now + engine_pause(1);
    arena_fini(&a);
}

struct entering {
    struct fed_link *link;
    struct arena arena;
    struct span circle, text;
};

static void entered(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct entering *w = ctx;
    struct fed_link *l = w->link;
    (void)text;
    (void)data;
    l->taking = false;
    if (rc == 0) {
        engine_circle_add(l->engine, w->circle, false, w->text);
        l->row.state = SPAN("up");
        l->state = LINK_DOWN;
        l->failures = 0;
        l->hello.due = 0;
        engine_link_enrolled(l);
        engine_link_keep(l, SPAN("sereno"));
        log_info("federation.enrolled", "hub=%.*s circle=%.*s", SPAN_ARG(l->row.hub),
                 SPAN_ARG(w->circle));
    } else {
        l->hello.due = l->engine->now + engine_pause(3);
    }
    arena_fini(&w->arena);
    mem_free(w);
}

/* The first membership: by the pinned hub, and the officers that it names itself. */
static bool read_first(struct fed_link *l, struct entering *w, const struct fed_carried *c,
                       struct fed_membership_row *row, struct span *certificate)
{
    struct arena *a = &w->arena;
    struct jcs *root = NULL;
    struct fed_membership *m = arena_calloc(a, 1, sizeof *m);
    unsigned char sign[FED_KEY_BYTES];
    struct err e = {0};
    const struct jcs *v = NULL;
    if (jcs_read(a, c->body, FED_DEPTH_MAX, &root, &e) < 0 ||
        !jcs_get_text(root, "certificate", certificate) ||
        (v = jcs_get_object(root, "membership")) == NULL) {
        return false;
    }
    w->text = jcs_text(a, v);
    if (fed_membership_read(a, w->text, m, &e) != FED_TAKEN ||
        !fed_base64_read(l->row.sign, sign, sizeof sign) ||
        !span_eq(m->hub.node, l->row.hub)) {
        return false;
    }
    struct fed_pin pin = fed_membership_pin(m);
    memcpy(pin.hub_sign, sign, sizeof sign);
    const struct circle *known = engine_circle(l->engine, m->circle);
    if (known != NULL && known->own) {
        return false;
    }
    enum fed_refusal r = fed_membership_judge(NULL, &pin, m, engine_now_s());
    const struct fed_member *self = fed_membership_find(m, span_of(l->engine->keys.node));
    if (r != FED_TAKEN || self == NULL || self->state != FED_ACTIVE) {
        log_error("federation.enrol", "word=%s member=%d", fed_refusal_word(r), self != NULL);
        return false;
    }
    w->circle = m->circle;
    engine_membership_row(l->engine, a, m, w->text, false, row);
    return true;
}

static void enter(struct fed_link *l, const struct fed_carried *c)
{
    struct entering *w = mem_alloc(sizeof *w);
    struct fed_change ch = {.has_membership = true, .who = SPAN("sereno")};
    struct span certificate = SPAN("");
    struct buf q;
    w->link = l;
    arena_init(&w->arena, 0);
    if (!read_first(l, w, c, &ch.membership, &certificate)) {
        (void)snprintf(l->problem, sizeof l->problem, "the hub's membership file is not good");
        log_error("federation.enrol", "hub=%.*s why=\"%s\"", SPAN_ARG(l->row.hub), l->problem);
        l->hello.due = l->engine->now + engine_pause(8);
        arena_fini(&w->arena);
        mem_free(w);
        return;
    }
    l->row.certificate = arena_copy(&l->texts, certificate);
    engine_ask_begin(&q, ASK_FED_CHANGE);
    fed_change_encode(&q, &ch);
    l->taking = true;
    if (!engine_ask(l->engine, &q, entered, w)) {
        l->taking = false;
        arena_fini(&w->arena);
        mem_free(w);
    }
}

void engine_enrol_carried(struct fed_link *l, const struct fed_carried *c)
{
    l->failures = c->status == 202 ? l->failures : l->failures + 1;
    if (c->status == 200) {
        enter(l, c);
    } else if (c->status == 410) {
        l->state = LINK_REFUSED;
        l->row.state = SPAN("refused");
        engine_link_keep(l, SPAN("sereno"));
        (void)snprintf(l->problem, sizeof l->problem, "the hub's officer refused");
    } else if (c->status == 202) {
        int64_t age_s = (clock_now() - l->row.created) / TIME_SECOND;
        int64_t ms = age_s < 120 ? ENGINE_ENROL_POLL_MS : ENGINE_ENROL_POLL_MAX_MS;
        l->problem[0] = '\0';
        l->hello.due = l->engine->now + ms * (TIME_SECOND / 1000);
    } else {
        engine_problem(l->problem, sizeof l->problem, c);
        l->hello.due = l->engine->now + engine_pause(l->failures);
    }
}
