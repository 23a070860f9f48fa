/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * API tokens: one's own (/account/tokens) and, for who manages people, those of others (/users/{id}/tokens). Runs in the desk.
 * A token is shown once; the keeper gets its hash. Must never give one a scope that its person's role does not have now.
 */
#include "api/api_priv.h"
#include "api/passwords.h"
#include "base/id.h"
#include "base/utf8.h"
#include "desk/identity/user_token.h"
#include "records/user_tokens.h"

/* ---- lists ---- */

static void scopes_json(struct json_writer *j, uint64_t scopes)
{
    json_array(j);
    for (enum right r = RIGHT_KNOWN + 1; r < RIGHT_COUNT; r++) {
        if ((scopes >> r & 1) != 0) {
            json_text(j, span_of(right_name(r)));
        }
    }
    json_end(j);
}

static void day_json(struct json_writer *j, const char *key, int64_t day, bool known)
{
    char text[TIME_TEXT_MAX];
    json_key(j, key);
    json_text_or_null(j, known ? span_make(time_format((time_ns)day * TIME_DAY, text), 10) : SPAN(""));
}

static void token_json(struct json_writer *j, struct cursor *data)
{
    struct user_token t;
    user_token_decode(data, &t);
    json_object(j);
    json_key(j, "id");
    json_text(j, t.id);
    json_key(j, "name");
    json_text(j, t.name);
    json_key(j, "begins");
    json_text(j, t.mark);
    json_key(j, "scopes");
    scopes_json(j, user_token_scopes_stored(t.scopes));
    json_key(j, "created");
    json_time(j, t.created);
    day_json(j, "last_day", time_day(t.expires) - 1, true);
    day_json(j, "last_used", t.used_day, t.used_day > 0);
    json_key(j, "state");
    json_text(j, t.ended != TIME_NONE ? SPAN("ended") : t.expires <= clock_now() ? SPAN("over") : SPAN("good"));
    json_end(j);
}

/* What the asker can give a token: rights of his role, and those that his appointments give now. What it opens is asked anew at each request. */
static uint64_t may_give(const struct api_request *req)
{
    uint64_t out = 0;
    for (enum right r = RIGHT_KNOWN + 1; r < RIGHT_COUNT; r++) {
        bool by_seat = (req->seat_rights >> r & 1) != 0;
        if (user_token_carries(r) && (people_role_may(req->role, r) || by_seat)) {
            out |= UINT64_C(1) << r;
        }
    }
    return out;
}

/* own: with the scopes that the asker can give. */
static void rows_answered(struct api_request *req, int rc, struct span text, struct cursor *data, bool own)
{
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    uint32_t n = cursor_u32(data);
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        token_json(&j, data);
    }
    json_end(&j);
    if (own) {
        json_key(&j, "scopes");
        scopes_json(&j, may_give(req));
    }
    json_end(&j);
    respond_whole(req, cursor_done(data), &b);
}

static void own_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    rows_answered(req, rc, text, data, true);
}

static void his_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    rows_answered(req, rc, text, data, false);
}

static void ask_tokens(struct api_request *req, struct span user, api_then *then)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_USER_TOKENS);
    buf_str(&q, req->user.organisation);
    buf_str(&q, user);
    request_ask(req, &q, then);
    buf_free(&q);
}

void own_tokens(struct api_request *req)
{
    ask_tokens(req, req->user.id, own_answered);
}

void user_tokens(struct api_request *req)
{
    ask_tokens(req, req->param[0], his_answered);
}

/* ---- a new one ---- */

struct fresh {
    char id[ID_TEXT_LEN + 1];
    char token[USER_TOKEN_TEXT_LEN + 1];
};

static void created(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct fresh *f = req->work;
    struct json_writer j;
    struct buf b;
    (void)data;
    if (rc == ERR_LIMIT) {
        respond_error(req, 409, "too_many", arena_cstr(&req->arena, text), NULL);
        return;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "id");
    json_text(&j, span_of(f->id));
    json_key(&j, "token");
    json_text(&j, span_of(f->token));
    json_end(&j);
    respond_json(req, 201, &b);
}

static bool name_fits(struct span name)
{
    bool fits = name.len > 0 && name.len <= USER_TOKEN_NAME_MAX && utf8_valid(name);
    for (size_t i = 0; fits && i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        fits = c >= 0x20 && c != 0x7f;
    }
    return fits;
}

/* The moment after its last day; answers itself when that is no day, or none that is allowed. */
static bool end_wanted(struct api_request *req, time_ns now, time_ns *out)
{
    struct span text = request_field(req, "last_day");
    time_ns t = 0;
    if (text.len != 10 || !time_parse(text, 0, &t)) {
        respond_error(req, 400, "bad_body", "A day is written like 2026-11-22.", "last_day");
        return false;
    }
    int64_t ahead = time_day(t) - time_day(now);
    if (ahead < 0 || ahead > USER_TOKEN_DAYS_MAX) {
        respond_error(req, 400, "bad_body", "The last day of a token is today or later, and at most a year ahead.", "last_day");
        return false;
    }
    *out = (time_day(t) + 1) * (time_ns)TIME_DAY;
    return true;
}

/* Scopes that the asker's role has now; answers itself. */
static bool scopes_wanted(struct api_request *req, uint64_t *out)
{
    struct err e = {0};
    if (user_token_scopes_read(request_field(req, "scopes"), out, &e) < 0) {
        respond_error(req, 400, "bad_body", e.text, "scopes");
        return false;
    }
    uint64_t beyond = *out & ~may_give(req);
    for (enum right r = 0; beyond != 0 && r < RIGHT_COUNT; r++) {
        if ((beyond >> r & 1) != 0) {
            respond_error(req, 400, "bad_body",
                          arena_printf(&req->arena, "Your role does not have \"%s\", so no token of yours can.", right_name(r)), "scopes");
            return false;
        }
    }
    return true;
}

static void ask_create(struct api_request *req, bool fits, struct span string)
{
    unsigned char hash[SECRET_HASH_BYTES];
    struct fresh *f = arena_alloc(&req->arena, sizeof *f);
    struct user_token t = {.user_id = req->user.id, .name = span_trim(request_field(req, "name")), .created = clock_now(), .ended = TIME_NONE};
    uint64_t scopes = 0;
    struct buf words;
    struct buf q;
    (void)string;
    CHECK(fits);
    if (!scopes_wanted(req, &scopes) || !end_wanted(req, t.created, &t.expires)) {
        return;
    }
    req->work = f;
    id_new(t.created, f->id);
    user_token_new(f->token);
    secret_hash(span_of(f->token), hash);
    t.id = span_of(f->id);
    t.hash = span_make((const char *)hash, sizeof hash);
    t.mark = span_make(f->token, USER_TOKEN_MARK_LEN);
    buf_init(&words, USER_TOKEN_SCOPES_MAX);
    user_token_scopes_write(&words, scopes);
    CHECK(!words.failed);
    t.scopes = buf_view(&words);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_USER_TOKEN_CREATE);
    user_token_encode(&q, &t);
    buf_str(&q, req->user.name);
    request_ask(req, &q, created);
    buf_free(&q);
    buf_free(&words);
}

void own_token_create(struct api_request *req)
{
    uint64_t scopes = 0;
    time_ns end = 0;
    if (!name_fits(span_trim(request_field(req, "name")))) {
        respond_error(req, 400, "bad_body", "A name has 1 to 80 bytes and no control characters.", "name");
    } else if (scopes_wanted(req, &scopes) && end_wanted(req, clock_now(), &end)) {
        password_of_asker(req, SPAN(""), ask_create);
    }
}

/* ---- the end of one ---- */

static void ended(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct span hash = rc == 0 ? cursor_str(data) : SPAN("");
    if (rc == 0 && (!cursor_done(data) || hash.len != SECRET_HASH_BYTES)) {
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    if (rc == 0) {
        request_signed_out(req, SPAN(""), hash);
    }
    respond_done(req, rc, text, data);
}

static void ask_end(struct api_request *req, struct span user, struct span id)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_USER_TOKEN_END);
    buf_str(&q, req->user.organisation);
    buf_str(&q, user);
    buf_str(&q, id);
    buf_str(&q, req->user.name);
    request_ask(req, &q, ended);
    buf_free(&q);
}

void own_token_end(struct api_request *req)
{
    ask_end(req, req->user.id, req->param[0]);
}

void user_token_take(struct api_request *req)
{
    ask_end(req, req->param[0], req->param[1]);
}
