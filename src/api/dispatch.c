/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From a whole request to its handler: who asks, may he, does the body say what the route asks for.
 * Runs in the desk. Denies by default: a handler is reached only through here.
 */
#include <string.h>

#include "api/api_priv.h"
#include "api/passwords.h"
#include "desk/identity/user_token.h"
#include "records/user_tokens.h"

static bool is_api(const struct api_request *req)
{
    return span_starts(req->uri.path, SPAN("/api/"));
}

static bool changes_state(const struct api_request *req)
{
    return strcmp(req->route->method, "GET") != 0;
}

static bool read_body(struct api_request *req)
{
    struct err e = {0};
    int rc = 0;
    const char *where = NULL;
    struct span type = head_get(&req->head, "content-type");
    ptrdiff_t semicolon = span_find(type, ';');
    type = span_trim(span_sub(type, 0, semicolon < 0 ? type.len : (size_t)semicolon));
    switch (req->route->body) {
    case BODY_NONE:
        if (req->body.len > 0) {
            respond_error(req, 400, "no_body", "This request takes no body.", NULL);
            return false;
        }
        return true;
    case BODY_TABLE:
        if (span_eq_nocase(type, SPAN("text/csv")) || span_eq_nocase(type, SPAN("application/x-ndjson")) ||
            span_eq_nocase(type, SPAN("application/json"))) {
            return true;
        }
        respond_error(req, 415, "bad_type", "Send the body as text/csv, application/x-ndjson or application/json.", NULL);
        return false;
    case BODY_JSON:
    case BODY_DOCUMENT:
        if (!span_eq_nocase(type, SPAN("application/json"))) {
            respond_error(req, 415, "bad_type", "Send the body as application/json.", NULL);
            return false;
        }
        if (req->route->body == BODY_DOCUMENT) {
            return true;
        }
        rc = fields_from_json(buf_view(&req->body), &req->arena, &req->fields, &e);
        break;
    case BODY_FORM:
        if (req->body.len > 0 && !span_eq_nocase(type, SPAN("application/x-www-form-urlencoded"))) {
            respond_error(req, 415, "bad_type",
                          "Send the form as application/x-www-form-urlencoded.", NULL);
            return false;
        }
        rc = uri_parse_form(buf_view(&req->body), &req->arena, &req->fields, &e);
        break;
    default:
        UNREACHABLE();
    }
    if (rc == 0) {
        rc = fields_check(req->route->body_fields, &req->fields, &where, &e);
    }
    if (rc < 0) {
        respond_error(req, 400, "bad_body", e.text,
                      where == NULL ? NULL
                                    : arena_cstr(&req->arena,
                                                 span_sub(span_of(where), 0, strcspn(where, ":"))));
        return false;
    }
    return true;
}

/* What he had shown with this session or token. */
static void reader_shown(struct api_request *req)
{
    struct shown_part *parts = NULL;
    uint32_t n = request_may(req, RIGHT_PERSONS_SHOW) ? shown_of(req->api->shown, req->credential, clock_now(), &req->arena, &parts) : 0;
    struct policy_shown *list = arena_calloc(&req->arena, n, sizeof *list);
    for (uint32_t i = 0; i < n; i++) {
        list[i] = parts[i].what;
    }
    req->reader.shown = list;
    req->reader.nshown = n;
}

static void handle(struct api_request *req)
{
    if (read_body(req)) {
        reader_of_account(&req->user, req->role, &req->reader);
        req->reader.seats = req->policy_seats;
        req->reader.nseats = readers_seats(req->seats, req->nseats, req->api->roles, req->user.factor, req->scopes, req->policy_seats);
        req->reader.may &= readers_may(req->scopes);
        reader_shown(req);
        req->route->handler(req);
    }
}

/* The token of the session, in the header that pages send or in the form field of pages without
 * script. */
static bool csrf_fits(struct api_request *req)
{
    char want[SECRET_TEXT_LEN + 1];
    secret_csrf(req->cookie, want);
    struct span given = head_get(&req->head, "x-sereno-csrf");
    if (given.len == 0 && req->route->body == BODY_FORM) {
        struct uri_pairs form;
        if (uri_parse_form(buf_view(&req->body), &req->arena, &form, NULL) == 0) {
            given = uri_get(&form, "csrf");
        }
    }
    return secret_equal(given, span_of(want));
}

static void no_session(struct api_request *req)
{
    if (is_api(req)) {
        respond_error(req, 401, "no_session", "Log in first.", NULL);
    } else {
        respond_redirect(req, "/login");
    }
}

/* The one place where a role's file meets a route. What of a thing somebody sees is policy's, and an item that he may not see
 * is 404 there; that his role lacks the whole address is no secret, and 403. */
static bool may(struct api_request *req)
{
    req->role = people_roles_find(req->api->roles, req->user.role);
    req->seat_rights = readers_seat_rights(req->seats, req->nseats, req->api->roles, req->user.factor, clock_now());
    return people_role_may(req->role, req->route->right) || (req->seat_rights >> req->route->right & 1) != 0;
}

bool request_may(const struct api_request *req, enum right right)
{
    return (people_role_may(req->role, right) || (req->seat_rights >> right & 1) != 0) && (req->scopes >> right & 1) != 0;
}

bool factor_needed(const struct account *user, const struct people_role *role)
{
    return role != NULL && role->second_factor && !user->factor;
}

/* Answers itself when the token does not open the route. */
static bool token_opens(struct api_request *req)
{
    enum right right = req->route->right;
    if (right == RIGHT_SIGNED_IN || (right > RIGHT_KNOWN && !user_token_carries(right))) {
        respond_error(req, 403, "not_by_token", "No API token opens this: sign in.", NULL);
        return false;
    }
    if (right > RIGHT_KNOWN && (req->scopes >> right & 1) == 0) {
        respond_error(req, 403, "scope_needed", arena_printf(&req->arena, "The token lacks the scope \"%s\".", right_name(right)), NULL);
        return false;
    }
    return true;
}

/* Without the factor that his role asks for somebody may only set one up; by a token nothing at all, since none was shown for it. */
static bool lacks_factor(const struct api_request *req)
{
    return factor_needed(&req->user, req->role) && (req->by_token || req->route->right > RIGHT_KNOWN);
}

static void account_known(struct api_request *req, const struct account *account)
{
    const struct account a = *account;
    req->user.id = arena_copy(&req->arena, a.id);
    req->user.name = arena_copy(&req->arena, a.name);
    req->user.role = arena_copy(&req->arena, a.role);
    req->user.organisation = arena_copy(&req->arena, a.organisation);
    req->user.factor = a.factor;
    if (may(req) && lacks_factor(req)) {
        respond_error(req, 403, "second_factor_needed", "Your role needs a second factor. Set it up in your account first.", NULL);
    } else if (!may(req)) {
        respond_error(req, 403, "not_permitted", "Your role does not allow this.", NULL);
    } else if (req->by_token) {
        if (token_opens(req)) {
            handle(req);
        }
    } else if (changes_state(req) && !csrf_fits(req)) {
        respond_error(req, 403, "bad_csrf",
                      "The request lacks the token of your session. Reload the page.", NULL);
    } else {
        handle(req);
    }
}

/* His appointments, which the keeper tells anew with each request. */
static void seats_decode(struct api_request *req, struct cursor *data)
{
    req->linked = cursor_u8(data) != 0;
    uint32_t n = cursor_u32(data);
    data->failed = data->failed || n > POLICY_SEATS_MAX;
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct appointment_seat *s = &req->seats[i];
        appointment_seat_decode(data, s);
        s->organisation = arena_copy(&req->arena, s->organisation);
        s->function = arena_copy(&req->arena, s->function);
        s->record = arena_copy(&req->arena, s->record);
        req->nseats = i + 1;
    }
}

static void session_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct account a = {0};
    if (rc == ERR_DENIED) {
        no_session(req);
        return;
    }
    if (rc == 0) {
        account_decode(data, &a);
        seats_decode(req, data);
        rc = cursor_done(data) ? 0 : ERR_INVALID;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    account_known(req, &a);
}

/* ---- API tokens ---- */

static void bad_token(struct api_request *req)
{
    respond_error(req, 401, "bad_token", "This API token is over, or was never given out.", NULL);
    respond_header(req, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
}

/* By which failed tries are told apart: a token that is right but over counts for nothing, so that a forgotten script locks
 * nobody out of its address. */
static struct span token_mark(const struct api_request *req)
{
    return span_sub(req->token, 0, USER_TOKEN_MARK_LEN);
}

static void token_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct account a = {0};
    if (rc == ERR_NOT_FOUND) {
        throttle_failed(req->api->token_throttle, token_mark(req), req->address, clock_now());
    }
    if (rc == ERR_NOT_FOUND || rc == ERR_DENIED) {
        bad_token(req);
        return;
    }
    if (rc == 0) {
        account_decode(data, &a);
        req->scopes = user_token_scopes_stored(cursor_str(data));
        seats_decode(req, data);
        rc = cursor_done(data) ? 0 : ERR_INVALID;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    account_known(req, &a);
}

static void by_token(struct api_request *req)
{
    struct buf q;
    if (answered_wait(req, req->api->token_throttle, token_mark(req))) {
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_USER_TOKEN_FIND);
    buf_str(&q, span_make((const char *)req->credential, sizeof req->credential));
    buf_str(&q, req->address);
    buf_str(&q, changes_state(req) ? span_of(arena_printf(&req->arena, "%s %s", req->route->method, req->route->path)) : SPAN(""));
    request_ask(req, &q, token_known);
    buf_free(&q);
}

/* A token, where one is shown, else the cookie. Answers itself when it has not the shape of either. */
static bool credential_shown(struct api_request *req)
{
    req->scopes = UINT64_MAX;
    req->cookie = head_cookie(&req->head, api_cookie_name(req->api));
    if (req->api->config.local || req->route->right == RIGHT_ANYBODY) {
        return true;
    }
    req->by_token = user_token_of_header(head_get(&req->head, "authorization"), &req->token);
    if (req->by_token) {
        req->cookie = SPAN("");
        if (req->token.len == 0) {
            bad_token(req);
            return false;
        }
    } else if (!secret_valid(req->cookie)) {
        no_session(req);
        return false;
    }
    secret_hash(req->by_token ? req->token : req->cookie, req->credential);
    return true;
}

/* A command of the command line: the system's file rights have said who may. Sessions and pages are
 * for browsers. */
static void by_local_operator(struct api_request *req)
{
    if (!is_api(req)) {
        respond_error(req, 404, "not_found", "The command line has no use for this.", NULL);
        return;
    }
    req->user = (struct account){.id = SPAN("local"),
                                 .name = SPAN("command line"),
                                 .role = SPAN("administrator"),
                                 .organisation = SPAN("*")};
    if (may(req)) {
        handle(req);
    } else {
        respond_error(req, 403, "not_permitted", "This is for a browser.", NULL);
    }
}

static void authenticate(struct api_request *req)
{
    if (req->api->config.local) {
        by_local_operator(req);
        return;
    }
    if (req->by_token) {
        by_token(req);
        return;
    }
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_SESSION_FIND);
    buf_str(&q, span_make((const char *)req->credential, sizeof req->credential));
    request_ask(req, &q, session_known);
    buf_free(&q);
}

/* What waits for the roles; in req->work until they came. */
struct waiting {
    api_handler *then;
    void *before;
};

/* A city's own roles, which the keeper hands over once; without them nobody can be told what he may. */
static void roles_came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct people_role_file files[PEOPLE_ROLE_FILES_MAX];
    uint32_t n = rc == 0 ? cursor_u32(data) : 0;
    rc = rc == 0 && n > PEOPLE_ROLE_FILES_MAX ? ERR_INVALID : rc;
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        files[i].name = cursor_str(data);
        files[i].text = cursor_str(data);
    }
    rc = rc == 0 && !cursor_done(data) ? ERR_INVALID : rc;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    if (req->api->roles == NULL) { /* two may have asked */
        req->api->roles = people_roles_load(files, n);
    }
    const struct waiting *w = req->work;
    req->work = w->before;
    w->then(req);
}

void request_with_roles(struct api_request *req, api_handler *then)
{
    struct buf q;
    if (req->api->roles != NULL) {
        then(req);
        return;
    }
    struct waiting *w = arena_alloc(&req->arena, sizeof *w);
    *w = (struct waiting){then, req->work};
    req->work = w;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ROLES);
    request_ask(req, &q, roles_came);
    buf_free(&q);
}

void request_dispatch(struct api_request *req)
{
    CHECK_OBJ(req, REQUEST_MAGIC);
    struct err e = {0};
    const char *where = NULL;
    if (req->route == NULL) { /* a file of the page, or the page itself */
        if (!assets_respond(req, req->uri.path)) {
            respond_error(req, 404, "not_found", "There is nothing here.", NULL);
        }
        return;
    }
    if (fields_check(req->route->query_fields, &req->uri.query, &where, &e) < 0) {
        respond_error(req, 400, "bad_query", e.text,
                      where == NULL ? NULL
                                    : arena_cstr(&req->arena,
                                                 span_sub(span_of(where), 0, strcspn(where, ":"))));
        return;
    }
    if (!credential_shown(req)) {
        return;
    }
    if (!req->api->config.local && req->route->right == RIGHT_ANYBODY) {
        handle(req);
    } else {
        request_with_roles(req, authenticate);
    }
}
