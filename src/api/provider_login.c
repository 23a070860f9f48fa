/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /login/provider/NAME and its way back: the code flow with PKCE (RFC 6749 §4.1, RFC 7636, RFC 9207). What has to come back with the
 * browser is sealed in a cookie of that browser, good for ten minutes and once. The provider says who somebody is, the config what that
 * is worth, the keeper whose account it is. Runs in the desk. Must never log a code or a token, and never send the browser anywhere but
 * to the provider's own address or a path of this page.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "api/api_priv.h"
#include "api/page.h"
#include "api/pages.h"
#include "api/providers.h"
#include "base/log.h"
#include "records/sign_in.h"

enum {
    PASSAGE_VALID_S = 600,  /* to type a password and find the telephone, elsewhere */
    CODE_MAX = 4096,        /* bytes of a provider's code */
};

static const char purpose[SEALED_PURPOSE] = "sereno passage to a provider 01";

/* One sign-in on its way; the cookie holds it sealed. */
struct passage {
    time_ns until;
    struct span provider, state, nonce, verifier, next;
};

/* The way back, in req->work. */
struct coming {
    struct passage passage;
    struct span id_token;
    bool again; /* keys were fetched anew for it */
    bool factor;
};

static const char *cookie_name(const struct api *api)
{
    return api->policy.tls ? "__Host-sereno_passage" : "sereno_passage";
}

/* Lax: it has to come back with a browser that the provider sends here. */
static void set_cookie(struct api_request *req, struct span value)
{
    respond_header(req, "Set-Cookie",
                   arena_printf(&req->arena, "%s=%.*s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%d%s", cookie_name(req->api), SPAN_ARG(value),
                                value.len > 0 ? PASSAGE_VALID_S : 0, req->api->policy.tls ? "; Secure" : ""));
}

static struct span fresh(struct api_request *req)
{
    char *text = arena_bytes(&req->arena, SECRET_TEXT_LEN + 1);
    secret_new(text);
    return span_make(text, SECRET_TEXT_LEN);
}

static struct span redirect_address(struct api_request *req, struct span provider)
{
    return span_of(arena_printf(&req->arena, "%.*s/login/provider/%.*s/back", SPAN_ARG(providers_config(req->api->providers)->url), SPAN_ARG(provider)));
}

static struct span throttle_name(struct api_request *req, struct span provider)
{
    return span_of(arena_printf(&req->arena, "provider %.*s", SPAN_ARG(provider)));
}

/* True: answered, since too much went wrong from there. */
static bool must_wait(struct api_request *req, struct span provider)
{
    int64_t wait_s = throttle_wait_s(req->api->throttle, throttle_name(req, provider), req->address, clock_now());
    if (wait_s > 0) {
        show_login(req, 429, span_of(arena_printf(&req->arena, "Too many tries. Wait %" PRId64 " seconds, then try again.", wait_s)));
        respond_header(req, "Retry-After", arena_printf(&req->arena, "%" PRId64, wait_s));
    }
    return wait_s > 0;
}

static void does_not_answer(struct api_request *req)
{
    show_login(req, 503, SPAN("The sign-in service does not answer. Log in with a local account, or try again later."));
}

/* ---- there ---- */

static void go(struct api_request *req, struct provider_state *s, bool there)
{
    if (!there) {
        does_not_answer(req);
        return;
    }
    const struct provider *p = provider_of(s);
    const struct passage x = {.until = clock_now() + PASSAGE_VALID_S * TIME_SECOND, .provider = p->name, .state = fresh(req), .nonce = fresh(req),
                              .verifier = fresh(req), .next = request_next(req)};
    struct buf plain, url;
    buf_init(&plain, SEALED_MAX);
    buf_u64(&plain, (uint64_t)x.until);
    const struct span parts[] = {x.provider, x.state, x.nonce, x.verifier, x.next};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        buf_str(&plain, parts[i]);
    }
    CHECK(!plain.failed);
    struct span cookie = sealed_text(req, purpose, buf_view(&plain));
    buf_init(&url, 16 * PROVIDER_URL_MAX);
    oidc_authorization_url(&url, p, provider_discovery(s), &(struct oidc_request){redirect_address(req, p->name), x.state, x.nonce, x.verifier});
    CHECK(!url.failed);
    respond_redirect(req, arena_cstr(&req->arena, buf_view(&url)));
    set_cookie(req, cookie);
    sodium_memzero(plain.data, plain.len);
    buf_free(&plain);
    buf_free(&url);
}

void provider_login(struct api_request *req)
{
    struct provider_state *s = provider_state_find(req->api->providers, req->param[0]);
    if (s == NULL) {
        respond_error(req, 404, "not_found", "There is nothing here.", NULL);
    } else if (!must_wait(req, req->param[0])) {
        provider_ready(req, s, PROVIDER_ALIVE, go);
    }
}

/* ---- and back ---- */

static void refuse(struct api_request *req, unsigned status, const char *what, struct span why, struct span said)
{
    const struct coming *c = req->work;
    char shown[LOG_VALUE_MAX];
    log_warn("login.provider", "provider=%.*s address=%.*s what=%s why=\"%s\"", SPAN_ARG(c->passage.provider), SPAN_ARG(req->address), what,
             log_value(why, shown));
    show_login(req, status, said);
    set_cookie(req, SPAN(""));
}

/* What the provider or the browser brought is not right. */
static void refuse_counted(struct api_request *req, const char *what, struct span why)
{
    const struct coming *c = req->work;
    throttle_failed(req->api->throttle, throttle_name(req, c->passage.provider), req->address, clock_now());
    refuse(req, 403, what, why, SPAN("The sign-in service did not let you in. Try again, or log in with a local account."));
}

static bool passage_open(struct api_request *req, struct passage *out)
{
    struct span plain = SPAN("");
    if (!sealed_open(req, purpose, head_cookie(&req->head, span_of(cookie_name(req->api))), &plain)) {
        return false;
    }
    struct cursor c = cursor_of(plain);
    struct span *const parts[] = {&out->provider, &out->state, &out->nonce, &out->verifier, &out->next};
    out->until = (time_ns)cursor_u64(&c);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        *parts[i] = cursor_str(&c);
    }
    return cursor_done(&c) && clock_now() < out->until && span_eq(out->provider, req->param[0]);
}

void provider_landing(struct api_request *req)
{
    struct buf b;
    struct span next = request_next(req);
    page_signed_in(&b, request_words(req), next);
    respond_page(req, 200, &b);
    respond_language(req, request_words(req));
    respond_header(req, "Refresh", arena_printf(&req->arena, "0; url=%.*s", SPAN_ARG(next)));
    set_cookie(req, SPAN(""));
}

int sign_in_answer(struct api_request *req, int rc, struct cursor *data, struct account *out, enum sign_in_outcome *outcome_out)
{
    *out = (struct account){0};
    uint8_t outcome = rc == 0 ? cursor_u8(data) : 0, changed = rc == 0 ? cursor_u8(data) : 0, known = rc == 0 ? cursor_u8(data) : 0;
    if (rc == 0) {
        bool whole = known != 0 ? account_answer(req, data, out) : cursor_done(data) && outcome == SIGN_IN_NO_ROLE && changed == 0;
        rc = whole && outcome < SIGN_IN_OUTCOME_COUNT ? 0 : ERR_INVALID;
    }
    if (rc == 0 && changed != 0) {
        streams_end_person(req->api, out->id);
    }
    *outcome_out = (enum sign_in_outcome)outcome;
    return rc;
}

static void account_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct coming *c = req->work;
    struct account a;
    enum sign_in_outcome outcome = SIGN_IN_NO_ROLE;
    rc = sign_in_answer(req, rc, data, &a, &outcome);
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    const struct people_role *role = people_roles_find(req->api->roles, a.role);
    if (outcome == SIGN_IN_NO_ROLE) {
        refuse(req, 403, "role", SPAN("no group has a role"), SPAN("The sign-in service knows you, but you have no role here. Ask an administrator."));
    } else if (outcome == SIGN_IN_DISABLED) {
        refuse(req, 403, "disabled", SPAN("the account is disabled"), SPAN("Your account here is disabled. Ask an administrator."));
    } else if (c->factor) {
        session_start(req, a.id, &(struct factor_proof){.kind = FACTOR_PROVIDER}, NULL);
    } else if (a.factor) {
        second_step(req, &a);
        set_cookie(req, SPAN(""));
    } else if (role != NULL && role->second_factor && a.password.len == 0) { /* and he cannot enrol one without a password */
        refuse(req, 403, "second_factor", SPAN("the role needs one"),
               SPAN("Your role needs a second factor, and the sign-in service did not ask for one. Ask an administrator."));
    } else {
        session_start(req, a.id, &(struct factor_proof){.kind = FACTOR_NONE}, NULL);
    }
}

void sign_in_ask(struct api_request *req, const struct sign_in_person *p, api_then *then)
{
    struct buf q;
    const struct provider_role *row = p->barred.len > 0 ? NULL : p->role;
    if (row != NULL && people_roles_find(req->api->roles, row->role) == NULL) {
        log_error("login.provider", "provider=%.*s why=\"no such role\" role=%.*s", SPAN_ARG(p->provider), SPAN_ARG(row->role));
        row = NULL;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_PROVIDER_SIGN_IN);
    const struct span texts[] = {p->provider, p->issuer, p->subject, p->name, row == NULL ? SPAN("") : row->role,
                                 row == NULL ? SPAN("") : row->organisation, p->barred};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(&q, texts[i]);
    }
    request_ask(req, &q, then);
    buf_free(&q);
}

static void ask_account(struct api_request *req, const struct provider *p, const struct oidc_person *who)
{
    struct coming *c = req->work;
    c->factor = who->factor;
    const struct sign_in_person person = {.provider = p->name, .issuer = p->issuer, .subject = who->subject, .name = who->name, .role = who->role};
    sign_in_ask(req, &person, account_known);
}

static void check_token(struct api_request *req, struct provider_state *s, bool there)
{
    struct coming *c = req->work;
    struct err e = {0};
    struct oidc_person who;
    if (!there) {
        refuse_counted(req, "keys", SPAN("the keys cannot be fetched"));
        return;
    }
    const struct oidc_expect x = {provider_of(s), provider_keys(s), c->passage.nonce, clock_now()};
    int rc = oidc_id_token_check(&req->arena, c->id_token, &x, &who, &e);
    if (rc == ERR_NOT_FOUND && !c->again) { /* the provider has a new key */
        c->again = true;
        provider_ready(req, s, PROVIDER_ANEW, check_token);
    } else if (rc < 0) {
        refuse_counted(req, "id_token", span_of(e.text));
    } else {
        ask_account(req, provider_of(s), &who);
    }
}

static void answer_came(void *ctx, const struct fetched *f)
{
    struct api_request *req = ctx;
    struct coming *c = req->work;
    struct err e = {0};
    CHECK_OBJ(req, REQUEST_MAGIC);
    struct provider_state *s = provider_state_find(req->api->providers, c->passage.provider);
    if (f->status == 0 || f->status >= 500 || s == NULL) {
        log_warn("login.provider", "provider=%.*s what=token status=%u", SPAN_ARG(c->passage.provider), f->status);
        does_not_answer(req);
        set_cookie(req, SPAN(""));
    } else if (oidc_answer_read(&req->arena, f->body, &c->id_token, &e) < 0) {
        refuse_counted(req, "token", span_of(e.text));
    } else if (f->status != 200) {
        refuse_counted(req, "token", SPAN("the provider refused the code"));
    } else {
        check_token(req, s, true);
    }
}

static void field(struct buf *b, const char *name, struct span value)
{
    buf_printf(b, "%s%s=", b->len == 0 ? "" : "&", name);
    oidc_form_value(b, value);
}

/* OpenID Connect Core §3.1.3.1, RFC 7636 §4.5. */
static void ask_token(struct api_request *req, struct provider_state *s, bool there)
{
    const struct coming *c = req->work;
    const struct provider *p = provider_of(s);
    const struct api_config *config = &req->api->config;
    struct buf form;
    if (!there) {
        does_not_answer(req);
        set_cookie(req, SPAN(""));
        return;
    }
    if (provider_discovery(s)->names_issuer && request_query(req, "iss").len == 0) {
        refuse_counted(req, "issuer", SPAN("the answer does not say of whom it is"));
        return;
    }
    enum fetch_client client = !p->has_secret                       ? FETCH_NO_SECRET
                               : provider_discovery(s)->secret_in_form ? FETCH_SECRET_FORM
                                                                       : FETCH_SECRET_BASIC;
    buf_init(&form, FETCH_FORM_MAX);
    field(&form, "grant_type", SPAN("authorization_code"));
    field(&form, "code", request_query(req, "code"));
    field(&form, "redirect_uri", redirect_address(req, p->name));
    field(&form, "code_verifier", c->passage.verifier);
    if (client != FETCH_SECRET_BASIC) {
        field(&form, "client_id", p->client_id);
    }
    const struct fetch f = {.provider = p->name, .url = provider_discovery(s)->token_endpoint, .form = buf_view(&form), .client = client};
    bool sent = !form.failed && config->fetch != NULL && config->fetch(config->arg, &f, answer_came, req);
    sodium_memzero(form.data, form.len);
    buf_free(&form);
    if (!sent) {
        does_not_answer(req);
        set_cookie(req, SPAN(""));
    }
}

static void with_roles(struct api_request *req)
{
    const struct coming *c = req->work;
    struct provider_state *s = provider_state_find(req->api->providers, c->passage.provider);
    if (s == NULL) {
        does_not_answer(req);
    } else {
        provider_ready(req, s, PROVIDER_KNOWN, ask_token);
    }
}

/* RFC 9207 §2.4: an answer that says of whom it is must say so rightly. */
static bool issuer_fits(struct api_request *req, const struct provider *p)
{
    struct span iss = request_query(req, "iss");
    return iss.len == 0 || span_eq(iss, p->issuer);
}

void provider_back(struct api_request *req)
{
    struct coming *c = arena_calloc(&req->arena, 1, sizeof *c);
    const struct provider_state *s = provider_state_find(req->api->providers, req->param[0]);
    struct span code = request_query(req, "code");
    req->work = c;
    if (s == NULL) {
        respond_error(req, 404, "not_found", "There is nothing here.", NULL);
        return;
    }
    c->passage.provider = req->param[0];
    if (must_wait(req, req->param[0])) {
        return;
    }
    if (!passage_open(req, &c->passage) || !secret_equal(request_query(req, "state"), c->passage.state) ||
        !passage_use(req->api->providers, c->passage.state, c->passage.until, clock_now())) {
        c->passage.provider = req->param[0];
        refuse(req, 403, "state", SPAN("no sign-in of this browser began with it"),
               SPAN("This sign-in was too old, or began in another browser. Please try again."));
        return;
    }
    req->landing = c->passage.next;
    if (!issuer_fits(req, provider_of(s))) {
        refuse_counted(req, "issuer", SPAN("the answer is of another issuer"));
    } else if (code.len == 0 || code.len > CODE_MAX) {
        refuse_counted(req, "code", span_sub(request_query(req, "error"), 0, 64));
    } else {
        request_with_roles(req, with_roles);
    }
}
