/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /account: what somebody does with his own account, whatever his role: password, sessions. Runs in the desk. Passwords are
 * tried and hashed on the worker thread and wiped. Must never touch anybody else's: the id is that of the session, not of the
 * request.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "api/api_priv.h"
#include "base/id.h"
#include "base/mem.h"
#include "desk/identity/password.h"

/* ---- sessions ---- */

static void sessions_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    unsigned char hash[SECRET_HASH_BYTES];
    char here[2 * SECRET_HASH_BYTES + 1];
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    secret_hash(req->cookie, hash);
    hex_encode(hash, sizeof hash, here);
    uint32_t n = cursor_u32(data);
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct span id = cursor_str(data);
        json_object(&j);
        json_key(&j, "id");
        json_text(&j, id);
        json_key(&j, "created");
        json_time(&j, (time_ns)cursor_u64(data));
        json_key(&j, "last_seen");
        json_time(&j, (time_ns)cursor_u64(data));
        json_key(&j, "address");
        json_text(&j, cursor_str(data));
        json_key(&j, "this");
        json_bool(&j, id.len > 0 && span_starts(span_of(here), id));
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    if (!cursor_done(data)) {
        buf_free(&b);
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    respond_json(req, 200, &b);
}

void own_sessions(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_OWN_SESSIONS);
    buf_str(&q, req->user.id);
    request_ask(req, &q, sessions_answered);
    buf_free(&q);
}

static void session_ended(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct span hash = rc == 0 ? cursor_str(data) : SPAN("");
    if (rc == 0 && (!cursor_done(data) || hash.len != SECRET_HASH_BYTES)) {
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    if (rc == 0) {
        streams_end(req->api, (const unsigned char *)hash.ptr);
    }
    respond_done(req, rc, text, data);
}

void own_session_end(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_OWN_SESSION_END);
    buf_str(&q, req->user.id);
    buf_str(&q, req->param[0]);
    request_ask(req, &q, session_ended);
    buf_free(&q);
}

/* ---- password ---- */

struct change {
    char old_password[PASSWORD_MAX + 1], new_password[PASSWORD_MAX + 1];
    size_t old_len, new_len;
    char stored[PASSWORD_STRING_MAX]; /* Argon2id of the present one */
    char string[PASSWORD_STRING_MAX]; /* of the new one */
    bool fits;
    int rc;
};

static void drop(void *arg)
{
    sodium_memzero(arg, sizeof(struct change));
    mem_free(arg);
}

static void try_and_hash(void *arg)
{
    struct change *w = arg;
    w->fits = password_verify(span_of(w->stored), span_make(w->old_password, w->old_len));
    w->rc = w->fits ? password_hash(span_make(w->new_password, w->new_len), w->string, NULL) : 0;
    sodium_memzero(w->old_password, sizeof w->old_password);
    sodium_memzero(w->new_password, sizeof w->new_password);
}

static void password_set(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    if (rc == 0) {
        streams_end_person(req->api, req->user.id); /* that of this session comes back by itself */
    }
    respond_done(req, rc, text, data);
}

static void tried(struct api_request *req, void *arg)
{
    struct change *w = arg;
    unsigned char hash[SECRET_HASH_BYTES];
    struct buf q;
    req->work = NULL;
    if (!w->fits || w->rc < 0) {
        bool fits = w->fits;
        drop(w);
        if (fits) {
            respond_failure(req, ERR_LIMIT, SPAN("there is not enough memory to hash a password"));
            return;
        }
        throttle_failed(req->api->throttle, req->user.name, req->address, clock_now());
        respond_error(req, 403, "wrong_password", "Your present password is another one.", "password");
        return;
    }
    throttle_passed(req->api->throttle, req->user.name, req->address);
    secret_hash(req->cookie, hash);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_PASSWORD_SET);
    buf_str(&q, req->user.id);
    buf_str(&q, span_make((const char *)hash, sizeof hash));
    buf_str(&q, span_of(w->string));
    drop(w);
    request_ask(req, &q, password_set);
    buf_free(&q);
}

static void present_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct account a = {0};
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    account_decode(data, &a);
    struct span stored = cursor_str(data);
    if (!cursor_done(data) || stored.len >= PASSWORD_STRING_MAX || !span_eq(a.id, req->user.id)) {
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    struct span old_password = request_field(req, "password");
    struct span new_password = request_field(req, "new");
    struct change *w = mem_alloc(sizeof *w);
    CHECK(new_password.len <= PASSWORD_MAX && old_password.len <= PASSWORD_MAX); /* own_password looked */
    w->old_len = old_password.len;
    w->new_len = new_password.len;
    memcpy(w->old_password, old_password.ptr, old_password.len);
    memcpy(w->new_password, new_password.ptr, new_password.len);
    memcpy(w->stored, stored.ptr, stored.len);
    request_work(req, w, try_and_hash, tried, drop);
}

void own_password(struct api_request *req)
{
    struct err e = {0};
    struct buf q;
    struct span old_password = request_field(req, "password");
    struct span new_password = request_field(req, "new");
    if (req->api->config.local) {
        respond_error(req, 404, "not_found", "The command line has no password of its own.", NULL);
        return;
    }
    if (old_password.len == 0 || old_password.len > PASSWORD_MAX) {
        respond_error(req, 400, "bad_body", "Your present password has 1 to 256 bytes.", "password");
        return;
    }
    if (password_acceptable(new_password, req->user.name, &e) < 0) {
        respond_error(req, 400, "bad_password", e.text, "new");
        return;
    }
    int64_t wait_s = throttle_wait_s(req->api->throttle, req->user.name, req->address, clock_now());
    if (wait_s > 0) {
        char wait[24];
        (void)snprintf(wait, sizeof wait, "%" PRId64, wait_s);
        respond_error(req, 429, "wait", "Too many tries. Wait a little, then try again.", NULL);
        respond_header(req, "Retry-After", wait);
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ACCOUNT_BY_NAME);
    buf_str(&q, req->user.name);
    request_ask(req, &q, present_known);
    buf_free(&q);
}
