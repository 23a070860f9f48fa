/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /login, /setup, /welcome, /logout: forms without script; the throttle says who has to wait. What comes after a right password
 * where there is a second factor is in pages_code.c. Runs in the desk. Must never log or send a password, and never tell
 * whether a name exists.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/api_priv.h"
#include "api/page.h"
#include "api/pages.h"
#include "api/passwords.h"
#include "api/providers.h"
#include "base/id.h"
#include "base/log.h"
#include "desk/identity/password.h"

/* ---- forms ---- */

/* A form belongs to the browser that got it: a cookie and a field made from it, both of this run.
 */
void form_token(struct api_request *req, struct span cookie, char out[SECRET_TEXT_LEN + 1])
{
    const char *both = arena_printf(&req->arena, "%.*s%s", SPAN_ARG(cookie), req->api->form_key);
    secret_csrf(span_of(both), out);
}

struct span form_cookie_name(const struct api *api)
{
    return api->policy.tls ? SPAN("__Host-sereno_form") : SPAN("sereno_form");
}

bool form_fits(struct api_request *req)
{
    char want[SECRET_TEXT_LEN + 1];
    struct span cookie = head_cookie(&req->head, form_cookie_name(req->api));
    form_token(req, cookie, want);
    return secret_valid(cookie) && secret_equal(request_field(req, "csrf"), span_of(want));
}

/* The cookie that a form goes with: the one the browser has, or a new one. */
struct span form_cookie(struct api_request *req)
{
    struct span cookie = head_cookie(&req->head, form_cookie_name(req->api));
    if (!secret_valid(cookie)) {
        char *fresh = arena_bytes(&req->arena, SECRET_TEXT_LEN + 1);
        secret_new(fresh);
        cookie = span_make(fresh, SECRET_TEXT_LEN);
    }
    return cookie;
}

void set_form_cookie(struct api_request *req, struct span cookie)
{
    respond_header(req, "Set-Cookie",
                   arena_printf(&req->arena, "%.*s=%.*s; Path=/; HttpOnly; SameSite=Strict%s",
                                SPAN_ARG(form_cookie_name(req->api)), SPAN_ARG(cookie),
                                req->api->policy.tls ? "; Secure" : ""));
}

/* A path of this page and of nothing else: "/alerts?x=1"; "//elsewhere" and "/\elsewhere" are not.
 */
struct span local_path(struct span next)
{
    bool local = next.len > 0 && next.len <= 512 && next.ptr[0] == '/' &&
                 (next.len == 1 || (next.ptr[1] != '/' && next.ptr[1] != '\\'));
    for (size_t i = 0; local && i < next.len; i++) {
        unsigned char c = (unsigned char)next.ptr[i];
        local = c > 0x20 && c < 0x7f && c != '\\';
    }
    return local ? next : SPAN("/");
}

struct span request_next(const struct api_request *req)
{
    struct span query = request_query(req, "next");
    return local_path(req->landing.len > 0 ? req->landing : query.len > 0 ? query : request_field(req, "next"));
}

void show_login(struct api_request *req, unsigned status, struct span wrong)
{
    show_directory(req, NULL, status, wrong);
}

void show_directory(struct api_request *req, const struct directory *directory, unsigned status, struct span wrong)
{
    struct buf b;
    char csrf[SECRET_TEXT_LEN + 1];
    struct span cookie = form_cookie(req);
    form_token(req, cookie, csrf);
    page_login(&b, &(struct page_login){
                       .node = req->api->config.node_name,
                       .csrf = span_of(csrf),
                       .name = request_field(req, "name"),
                       .next = request_next(req),
                       .wrong = wrong,
                       .providers = providers_config(req->api->providers),
                       .directory = directory,
                       .words = request_words(req),
                   });
    respond_page(req, status, &b);
    respond_language(req, request_words(req));
    set_form_cookie(req, cookie);
}

/* /welcome is /setup for somebody whose account is there: the same steps, and the name is known. */
static bool is_welcome(const struct api_request *req)
{
    return req->route->handler == welcome_page || req->route->handler == welcome_post;
}

/* name: whose link it is, for /welcome. */
static void show_setup(struct api_request *req, unsigned status, struct span token,
                       struct span name, struct span wrong)
{
    struct buf b;
    char csrf[SECRET_TEXT_LEN + 1];
    struct span cookie = form_cookie(req);
    form_token(req, cookie, csrf);
    page_setup(&b, &(struct page_setup){
                       .node = req->api->config.node_name,
                       .csrf = span_of(csrf),
                       .token = token,
                       .name = is_welcome(req) ? name : request_field(req, "name"),
                       .welcome = is_welcome(req),
                       .wrong = wrong,
                       .words = request_words(req),
                   });
    respond_page(req, status, &b);
    respond_language(req, request_words(req));
    set_form_cookie(req, cookie);
}

void login_page(struct api_request *req)
{
    show_login(req, 200, SPAN(""));
}

void page_css(struct api_request *req)
{
    struct span css = page_style();
    struct MHD_Response *r = MHD_create_response_from_buffer(css.len, (void *)(uintptr_t)css.ptr,
                                                             MHD_RESPMEM_PERSISTENT);
    CHECK(r != NULL);
    respond_common_headers(req, r, true);
    respond_made(req, 200, r);
    respond_header(req, "Content-Type", "text/css; charset=utf-8");
    respond_header(req, "Cache-Control", "max-age=3600");
}

/* ---- log-in ---- */

/* Of a person whose session begins: in req->work. */
struct beginning {
    char secret[SECRET_TEXT_LEN + 1]; /* the new cookie */
    session_denied *denied;
    void *before; /* what req->work was */
};

static void session_made(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct beginning *b = req->work;
    (void)data;
    if (rc == ERR_DENIED && b->denied != NULL) {
        req->work = b->before;
        b->denied(req);
        return;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    if (req->landing.len > 0) { /* the browser comes from elsewhere and would not show a strict cookie yet */
        provider_landing(req);
    } else {
        respond_redirect(req, arena_cstr(&req->arena, request_next(req)));
    }
    respond_cookie(req, span_of(b->secret));
}

void session_start(struct api_request *req, struct span user_id, const struct factor_proof *proof, session_denied *denied)
{
    unsigned char hash[SECRET_HASH_BYTES];
    struct buf q;
    struct beginning *b = arena_alloc(&req->arena, sizeof *b);
    b->denied = denied;
    b->before = req->work;
    req->work = b;
    secret_new(b->secret);
    secret_hash(span_of(b->secret), hash);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_SESSION_CREATE);
    buf_str(&q, user_id);
    buf_str(&q, span_make((const char *)hash, sizeof hash));
    buf_str(&q, req->address);
    factor_proof_encode(&q, proof);
    request_ask(req, &q, session_made);
    buf_free(&q);
}

/* Who the password is of, while it is tried. */
struct login {
    struct account account; /* texts in the arena; id empty = nobody */
};

static void login_checked(struct api_request *req, bool fits, struct span string)
{
    const struct login *l = req->work;
    struct span name = request_field(req, "name");
    (void)string;
    if (!fits || l->account.id.len == 0) {
        throttle_failed(req->api->throttle, name, req->address, clock_now());
        /* Not the name: people type a password there. */
        log_warn("login.failed", "address=%.*s", SPAN_ARG(req->address));
        show_login(req, 401, SPAN("Name or password is not right."));
        return;
    }
    throttle_passed(req->api->throttle, name, req->address);
    if (l->account.factor) {
        second_step(req, &l->account);
        return;
    }
    session_start(req, l->account.id, &(struct factor_proof){.kind = FACTOR_NONE}, NULL);
}

bool account_answer(struct api_request *req, struct cursor *data, struct account *out)
{
    struct account a = {0};
    account_decode(data, &a);
    a.password = cursor_str(data);
    if (!cursor_done(data) || a.password.len >= PASSWORD_STRING_MAX || a.id.len > ID_TEXT_LEN) {
        return false;
    }
    *out = (struct account){.id = arena_copy(&req->arena, a.id), .name = arena_copy(&req->arena, a.name),
                            .password = arena_copy(&req->arena, a.password), .role = arena_copy(&req->arena, a.role), .factor = a.factor};
    return true;
}

static void account_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct login *l = arena_calloc(&req->arena, 1, sizeof *l);
    if (rc < 0 && rc != ERR_NOT_FOUND) {
        throttle_void(req->api->throttle, request_field(req, "name"), req->address);
        respond_failure(req, rc, text);
        return;
    }
    if (rc == 0 && !account_answer(req, data, &l->account)) {
        throttle_void(req->api->throttle, request_field(req, "name"), req->address);
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    req->work = l;
    if (request_work_full(req)) { /* nothing will be tried */
        throttle_void(req->api->throttle, request_field(req, "name"), req->address);
    }
    const struct password_task task = {.verify = true, .stored = l->account.password, .given = request_field(req, "password")};
    password_work(req, &task, login_checked); /* a name nobody has costs the same time */
}

void login_post(struct api_request *req)
{
    struct span name = request_field(req, "name");
    if (!form_fits(req)) {
        show_login(req, 403, SPAN("This form was too old. Please log in again."));
        return;
    }
    int64_t wait_s = throttle_try(req->api->throttle, name, req->address, clock_now());
    if (wait_s > 0) {
        char wait[24];
        (void)snprintf(wait, sizeof wait, "%" PRId64, wait_s);
        show_login(req, 429,
                   span_of(arena_printf(&req->arena,
                                        "Too many tries. Wait %s seconds, then try again.", wait)));
        respond_header(req, "Retry-After", wait);
        return;
    }
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ACCOUNT_BY_NAME);
    buf_str(&q, name);
    request_ask(req, &q, account_known);
    buf_free(&q);
}

static void logged_out(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    unsigned char hash[SECRET_HASH_BYTES];
    secret_hash(req->cookie, hash);
    streams_end(req->api, hash);
    respond_redirect(req, "/login");
    respond_cookie(req, SPAN(""));
}

void logout_post(struct api_request *req)
{
    unsigned char hash[SECRET_HASH_BYTES];
    struct buf q;
    secret_hash(req->cookie, hash);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_SESSION_END);
    buf_str(&q, span_make((const char *)hash, sizeof hash));
    request_ask(req, &q, logged_out);
    buf_free(&q);
}

/* ---- set-up ---- */

static void ask_with_token(struct api_request *req, enum ask ask, struct span token,
                           struct span name, struct span string, api_then *then)
{
    unsigned char hash[SECRET_HASH_BYTES];
    struct buf q;
    secret_hash(token, hash);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ask);
    buf_str(&q, span_make((const char *)hash, sizeof hash));
    if (ask == ASK_SETUP_USE) {
        buf_str(&q, name);
    }
    if (ask == ASK_SETUP_USE || ask == ASK_LINK_USE) {
        buf_str(&q, string);
    }
    request_ask(req, &q, then);
    buf_free(&q);
}

static const char *dead_link(const struct api_request *req)
{
    return is_welcome(req) ? "This link is used up or too old. Ask an administrator for a new one."
                           : "This set-up link is used up or too old. Start the node again for a new one.";
}

/* Guessing tokens is slowed like guessing passwords; a right one has 256 random bits. */
static bool setup_may_try(struct api_request *req)
{
    if (throttle_wait_s(req->api->throttle, SPAN(""), req->address, clock_now()) > 0) {
        respond_error(req, 429, "wait", "Too many tries. Wait a quarter of an hour.", NULL);
        return false;
    }
    return true;
}

static void setup_dead(struct api_request *req, int rc, struct span text)
{
    if (rc == ERR_DENIED) {
        throttle_failed(req->api->throttle, SPAN(""), req->address, clock_now());
        respond_error(req, 403, "dead_link", dead_link(req), NULL);
    } else {
        respond_failure(req, rc, text);
    }
}

static void setup_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    if (rc < 0) {
        setup_dead(req, rc, text);
        return;
    }
    struct span name = is_welcome(req) ? cursor_str(data) : SPAN("");
    show_setup(req, 200, request_query(req, "token"), name, SPAN(""));
}

static void check_token(struct api_request *req, struct span token, api_then *then)
{
    ask_with_token(req, is_welcome(req) ? ASK_LINK_CHECK : ASK_SETUP_CHECK, token, SPAN(""), SPAN(""), then);
}

void welcome_page(struct api_request *req)
{
    setup_page(req);
}

void setup_page(struct api_request *req)
{
    struct span token = request_query(req, "token");
    if (!setup_may_try(req)) {
        return;
    }
    if (!secret_valid(token)) {
        setup_dead(req, ERR_DENIED, SPAN(""));
        return;
    }
    check_token(req, token, setup_known);
}

/* What a link made or changed: its person, who signs in with it. */
static void link_used_by(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct account a = {0};
    if (rc == 0 && !account_answer(req, data, &a)) {
        rc = ERR_INVALID;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
    } else if (a.factor) { /* the link stands for the password only */
        second_step(req, &a);
    } else {
        session_start(req, a.id, &(struct factor_proof){.kind = FACTOR_NONE}, NULL);
    }
}

static void setup_made(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct buf q;
    if (rc < 0) {
        setup_dead(req, rc, text);
        return;
    }
    struct span id = cursor_str(data);
    if (!cursor_done(data) || id.len != ID_TEXT_LEN) {
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    if (is_welcome(req)) {
        streams_end_person(req->api, id); /* the password ended his sessions */
    } else {
        api_set_admin_exists(req->api, true);
        log_info("setup.done", "address=%.*s", SPAN_ARG(req->address));
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ACCOUNT_BY_NAME);
    buf_str(&q, *(const struct span *)req->work);
    request_ask(req, &q, link_used_by);
    buf_free(&q);
}

static void setup_hashed(struct api_request *req, bool fits, struct span string)
{
    CHECK(fits);
    ask_with_token(req, is_welcome(req) ? ASK_LINK_USE : ASK_SETUP_USE, request_field(req, "token"), request_field(req, "name"),
                   string, setup_made);
}

/* What is wrong with what was typed; empty = nothing. */
static struct span setup_wrong(struct api_request *req, struct span name, unsigned *status_out)
{
    struct err e = {0};
    struct span password = request_field(req, "password");
    *status_out = 400;
    if (!form_fits(req)) {
        *status_out = 403;
        return SPAN("This form was too old. Please fill it in again.");
    }
    if (!account_name_valid(name)) {
        return SPAN("Choose a name of 1 to 64 characters, without blanks at its ends.");
    }
    if (!secret_equal(password, request_field(req, "again"))) {
        return SPAN("The two passwords differ.");
    }
    if (password_acceptable(password, name, &e) < 0) {
        return arena_copy(&req->arena, span_of(e.text));
    }
    return SPAN("");
}

static void setup_checked(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    unsigned status = 0;
    if (rc < 0) {
        setup_dead(req, rc, text);
        return;
    }
    struct span name = is_welcome(req) ? cursor_str(data) : request_field(req, "name");
    struct span wrong = setup_wrong(req, name, &status);
    if (wrong.len > 0) {
        show_setup(req, status, request_field(req, "token"), name, wrong);
        return;
    }
    struct span *kept = arena_alloc(&req->arena, sizeof *kept); /* of whom the link is */
    *kept = arena_copy(&req->arena, name);
    req->work = kept;
    password_work(req, &(struct password_task){.fresh = request_field(req, "password")}, setup_hashed);
}

void welcome_post(struct api_request *req)
{
    setup_post(req);
}

/* The link is asked for first: what is wrong with the rest is told to nobody who has none. */
void setup_post(struct api_request *req)
{
    struct span token = request_field(req, "token");
    if (!setup_may_try(req)) {
        return;
    }
    if (!secret_valid(token)) {
        setup_dead(req, ERR_DENIED, SPAN(""));
    } else {
        check_token(req, token, setup_checked);
    }
}
