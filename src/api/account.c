/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /account: what somebody does with his own account, whatever his role: password, sessions. Runs in the desk. Must never touch anybody else's: the id is that of the session, not of the
 * request.
 */
#include "api/api_priv.h"
#include "api/passwords.h"
#include "base/id.h"
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
    respond_whole(req, cursor_done(data), &b);
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

static void password_set(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    if (rc == 0) {
        streams_end_person(req->api, req->user.id); /* that of this session comes back by itself */
    }
    respond_done(req, rc, text, data);
}

static void hashed(struct api_request *req, bool fits, struct span string)
{
    unsigned char hash[SECRET_HASH_BYTES];
    struct buf q;
    CHECK(fits);
    secret_hash(req->cookie, hash);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_PASSWORD_SET);
    buf_str(&q, req->user.id);
    buf_str(&q, span_make((const char *)hash, sizeof hash));
    buf_str(&q, string);
    request_ask(req, &q, password_set);
    buf_free(&q);
}

void own_password(struct api_request *req)
{
    struct err e = {0};
    struct span fresh = request_field(req, "new");
    if (!req->api->config.local && password_acceptable(fresh, req->user.name, &e) < 0) {
        respond_error(req, 400, "bad_password", e.text, "new");
        return;
    }
    password_of_asker(req, fresh, hashed);
}
