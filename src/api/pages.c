/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /login, /setup, /welcome, /logout: forms without script. Passwords are hashed on a worker thread, one after
 * the other; the throttle says who has to wait. Runs in the desk. Must never log or send a
 * password, and never tell whether a name exists.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "api/api_priv.h"
#include "api/page.h"
#include "api/pages.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "desk/identity/password.h"

/* Hash or comparison of one password, on a worker thread. Outlives its request when the server
 * ends. */
struct login_work {
    uv_work_t work;
    struct api_request *req; /* NULL = nobody waits any more */
    bool setup;
    char string[PASSWORD_STRING_MAX]; /* stored one to compare with (log-in), or the new one
                                         (set-up) */
    char password[PASSWORD_MAX + 1];
    size_t password_len;
    bool fits;
    int rc;
    char user_id[ID_TEXT_LEN + 1];
    char secret[SECRET_TEXT_LEN + 1]; /* new session, set-up token */
};

/* ---- forms ---- */

/* A form belongs to the browser that got it: a cookie and a field made from it, both of this run.
 */
static void form_token(struct api_request *req, struct span cookie, char out[SECRET_TEXT_LEN + 1])
{
    const char *both = arena_printf(&req->arena, "%.*s%s", SPAN_ARG(cookie), req->api->form_key);
    secret_csrf(span_of(both), out);
}

static struct span form_cookie_name(const struct api *api)
{
    return api->policy.tls ? SPAN("__Host-sereno_form") : SPAN("sereno_form");
}

static bool form_fits(struct api_request *req)
{
    char want[SECRET_TEXT_LEN + 1];
    struct span cookie = head_cookie(&req->head, form_cookie_name(req->api));
    form_token(req, cookie, want);
    return secret_valid(cookie) && secret_equal(request_field(req, "csrf"), span_of(want));
}

/* The cookie that a form goes with: the one the browser has, or a new one. */
static struct span form_cookie(struct api_request *req)
{
    struct span cookie = head_cookie(&req->head, form_cookie_name(req->api));
    if (!secret_valid(cookie)) {
        char *fresh = arena_bytes(&req->arena, SECRET_TEXT_LEN + 1);
        secret_new(fresh);
        cookie = span_make(fresh, SECRET_TEXT_LEN);
    }
    return cookie;
}

static void set_form_cookie(struct api_request *req, struct span cookie)
{
    respond_header(req, "Set-Cookie",
                   arena_printf(&req->arena, "%.*s=%.*s; Path=/; HttpOnly; SameSite=Strict%s",
                                SPAN_ARG(form_cookie_name(req->api)), SPAN_ARG(cookie),
                                req->api->policy.tls ? "; Secure" : ""));
}

/* A path of this page and of nothing else: "/alerts?x=1"; "//elsewhere" and "/\elsewhere" are not.
 */
static struct span local_path(struct span next)
{
    bool local = next.len > 0 && next.len <= 512 && next.ptr[0] == '/' &&
                 (next.len == 1 || (next.ptr[1] != '/' && next.ptr[1] != '\\'));
    for (size_t i = 0; local && i < next.len; i++) {
        unsigned char c = (unsigned char)next.ptr[i];
        local = c > 0x20 && c < 0x7f && c != '\\';
    }
    return local ? next : SPAN("/");
}

static void show_login(struct api_request *req, unsigned status, struct span wrong)
{
    struct buf b;
    char csrf[SECRET_TEXT_LEN + 1];
    struct span cookie = form_cookie(req);
    struct span next = request_query(req, "next");
    form_token(req, cookie, csrf);
    page_login(&b, &(struct page_login){
                       .node = req->api->config.node_name,
                       .csrf = span_of(csrf),
                       .name = request_field(req, "name"),
                       .next = local_path(next.len > 0 ? next : request_field(req, "next")),
                       .wrong = wrong,
                   });
    respond_page(req, status, &b);
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
                   });
    respond_page(req, status, &b);
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

/* ---- the worker ---- */

static void work_run(uv_work_t *work)
{
    struct login_work *w = work->data;
    struct span password = span_make(w->password, w->password_len);
    if (w->setup) {
        w->rc = password_hash(password, w->string, NULL);
    } else {
        w->fits = password_verify(span_of(w->string), password);
    }
    sodium_memzero(w->password, sizeof w->password);
}

static void login_checked(struct api_request *req, struct login_work *w);
static void setup_hashed(struct api_request *req, struct login_work *w);

static void work_done(uv_work_t *work, int status)
{
    struct login_work *w = work->data;
    struct api_request *req = w->req;
    if (req == NULL || status != 0) {
        sodium_memzero(w, sizeof *w);
        mem_free(w);
        return;
    }
    req->api->hashing--;
    w->req = NULL; /* back in the hands of the request */
    if (w->setup) {
        setup_hashed(req, w);
    } else {
        login_checked(req, w);
    }
}

void pages_abandon(struct api_request *req)
{
    struct login_work *w = req->work;
    bool here = req->route != NULL &&
                (req->route->handler == login_post || req->route->handler == setup_post || req->route->handler == welcome_post);
    if (here && w != NULL && w->req != NULL) {
        w->req = NULL;
        req->work = NULL;
    }
}

static void work_free(struct api_request *req)
{
    struct login_work *w = req->work;
    req->work = NULL;
    sodium_memzero(w, sizeof *w);
    mem_free(w);
}

/* Starts hashing; answers 503 itself when too many wait already. */
static void work_start(struct api_request *req, struct login_work *w)
{
    if (req->api->hashing >= API_HASHES_MAX) {
        work_free(req);
        respond_error(req, 503, "busy", "Too many log-ins at once. Try again in a moment.", NULL);
        respond_header(req, "Retry-After", "5");
        return;
    }
    req->api->hashing++;
    w->req = req;
    w->work.data = w;
    MUST(uv_queue_work(req->api->loop, &w->work, work_run, work_done));
}

static struct login_work *work_new(struct api_request *req, bool setup)
{
    struct login_work *w = mem_alloc(sizeof *w);
    struct span password = request_field(req, "password");
    w->setup = setup;
    w->password_len = password.len < PASSWORD_MAX + 1 ? password.len : PASSWORD_MAX + 1;
    memcpy(w->password, password.ptr, w->password_len);
    req->work = w;
    return w;
}

/* ---- log-in ---- */

static void session_made(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    (void)data;
    char secret[SECRET_TEXT_LEN + 1];
    struct login_work *w = req->work;
    memcpy(secret, w->secret, sizeof secret);
    work_free(req);
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    respond_redirect(req, arena_cstr(&req->arena, local_path(request_field(req, "next"))));
    respond_cookie(req, span_of(secret));
    sodium_memzero(secret, sizeof secret);
}

/* Makes a session for the person in w->user_id. */
static void session_start(struct api_request *req, struct login_work *w)
{
    unsigned char hash[SECRET_HASH_BYTES];
    struct buf q;
    secret_new(w->secret);
    secret_hash(span_of(w->secret), hash);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_SESSION_CREATE);
    buf_str(&q, span_of(w->user_id));
    buf_str(&q, span_make((const char *)hash, sizeof hash));
    buf_str(&q, req->address);
    request_ask(req, &q, session_made);
    buf_free(&q);
}

static void login_checked(struct api_request *req, struct login_work *w)
{
    struct span name = request_field(req, "name");
    if (w->fits) {
        throttle_passed(req->api->throttle, name, req->address);
        session_start(req, w);
        return;
    }
    work_free(req);
    throttle_failed(req->api->throttle, name, req->address, clock_now());
    /* Not the name: people type a password there. */
    log_warn("login.failed", "address=%.*s", SPAN_ARG(req->address));
    show_login(req, 401, SPAN("Name or password is not right."));
}

static void account_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    if (rc < 0 && rc != ERR_NOT_FOUND) {
        respond_failure(req, rc, text);
        return;
    }
    struct login_work *w = work_new(req, false);
    if (rc == 0) {
        struct account a;
        account_decode(data, &a);
        struct span string = cursor_str(data);
        if (!cursor_done(data) || string.len >= sizeof w->string || a.id.len > ID_TEXT_LEN) {
            work_free(req);
            respond_failure(req, ERR_INVALID, SPAN("broken answer"));
            return;
        }
        memcpy(w->string, string.ptr, string.len);
        memcpy(w->user_id, a.id.ptr, a.id.len);
    }
    work_start(req, w); /* a name nobody has costs the same time */
}

void login_post(struct api_request *req)
{
    struct span name = request_field(req, "name");
    if (!form_fits(req)) {
        show_login(req, 403, SPAN("This form was too old. Please log in again."));
        return;
    }
    int64_t wait_s = throttle_wait_s(req->api->throttle, name, req->address, clock_now());
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

static void setup_made(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct login_work *w = req->work;
    if (rc < 0) {
        work_free(req);
        setup_dead(req, rc, text);
        return;
    }
    struct span id = cursor_str(data);
    if (!cursor_done(data) || id.len != ID_TEXT_LEN) {
        work_free(req);
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    memcpy(w->user_id, id.ptr, id.len);
    if (is_welcome(req)) {
        streams_end_person(req->api, id); /* the password ended his sessions */
    } else {
        api_set_admin_exists(req->api, true);
        log_info("setup.done", "address=%.*s", SPAN_ARG(req->address));
    }
    session_start(req, w);
}

static void setup_hashed(struct api_request *req, struct login_work *w)
{
    if (w->rc < 0) {
        work_free(req);
        respond_failure(req, ERR_BUSY, SPAN(""));
        return;
    }
    ask_with_token(req, is_welcome(req) ? ASK_LINK_USE : ASK_SETUP_USE, request_field(req, "token"), request_field(req, "name"),
                   span_of(w->string), setup_made);
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
    work_start(req, work_new(req, true));
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
