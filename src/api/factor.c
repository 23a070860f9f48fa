/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The second factor: how a code is tried, and what somebody does with his own (/account/second-factor, /account/recovery-codes).
 * Runs in the desk, which alone has the key of the stored secrets. Must never log or keep a secret or a code.
 */
#include "api/factor.h"

#include <string.h>

#include <sodium.h>

#include "api/api_priv.h"
#include "api/passwords.h"
#include "desk/identity/totp.h"

_Static_assert((int)RECOVERY_CODES == (int)FACTOR_CODES && (int)RECOVERY_HASH_BYTES == (int)ACCOUNT_HASH_BYTES &&
                   (int)TOTP_BOX_BYTES <= (int)FACTOR_BOX_MAX, "what desk and keeper store together");

void api_set_factor_key(struct api *api, const unsigned char *key)
{
    CHECK_OBJ(api, API_MAGIC);
    memcpy(api->factor_key, key, sizeof api->factor_key);
    api->factor_ready = true;
}

/* ---- a code is tried ---- */

struct trial {
    struct span user_id, typed;
    code_refused *wrong;
    code_fits *then;
    enum code_wrong reason;
};

/* Codes have a count of their own: a right password must not forgive wrong codes. */
static struct span throttle_name(struct api_request *req, struct span user_id)
{
    return span_of(arena_printf(&req->arena, "code of %.*s", SPAN_ARG(user_id)));
}

static void noted(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct trial *t = req->work;
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    t->wrong(req, t->reason, 0);
}

static void refuse(struct api_request *req, enum code_wrong reason)
{
    struct trial *t = req->work;
    struct buf q;
    t->reason = reason;
    throttle_failed(req->api->throttle, throttle_name(req, t->user_id), req->address, clock_now());
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_FACTOR_FAILED);
    buf_str(&q, t->user_id);
    request_ask(req, &q, noted);
    buf_free(&q);
}

void code_used(struct api_request *req)
{
    refuse(req, CODE_WRONG);
}

static void factor_decode(struct cursor *c, struct factor *out)
{
    out->box = cursor_str(c);
    out->confirmed = (time_ns)cursor_u64(c);
    out->last_step = (int64_t)cursor_u64(c);
    out->failures = cursor_u32(c);
    out->codes = cursor_u32(c);
}

static void ask_factor(struct api_request *req, struct span user_id, api_then *then)
{
    struct buf q;
    if (!req->api->factor_ready) {
        respond_failure(req, ERR_BUSY, SPAN(""));
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_FACTOR);
    buf_str(&q, user_id);
    request_ask(req, &q, then);
    buf_free(&q);
}

static void factor_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct trial *t = req->work;
    struct err e = {0};
    struct factor f = {0};
    struct factor_proof proof = {.kind = FACTOR_NONE};
    unsigned char secret[TOTP_SECRET_BYTES];
    unsigned char *hash = arena_alloc(&req->arena, RECOVERY_HASH_BYTES);
    if (rc == 0) {
        factor_decode(data, &f);
        rc = !cursor_done(data) ? ERR_INVALID : f.confirmed == TIME_NONE ? ERR_NOT_FOUND : 0;
    }
    rc = rc == 0 ? totp_box_open(req->api->factor_key, t->user_id, f.box, secret, &e) : rc;
    if (rc < 0) {
        throttle_void(req->api->throttle, throttle_name(req, t->user_id), req->address);
        respond_failure(req, rc, e.text[0] != '\0' ? span_of(e.text) : text);
        return;
    }
    struct span key = span_make((const char *)secret, sizeof secret);
    if (recovery_hash(t->user_id, t->typed, hash)) {
        proof = (struct factor_proof){.kind = FACTOR_RECOVERY, .hash = span_make((const char *)hash, RECOVERY_HASH_BYTES)};
    } else if (totp_fits(key, t->typed, clock_now(), f.last_step, &proof.step) && f.failures < FACTOR_FAILURES_MAX) {
        proof.kind = FACTOR_TOTP;
    }
    sodium_memzero(secret, sizeof secret);
    if (proof.kind == FACTOR_NONE) {
        refuse(req, f.failures < FACTOR_FAILURES_MAX ? CODE_WRONG : CODE_LOCKED);
        return;
    }
    if (proof.kind == FACTOR_TOTP) {
        throttle_passed(req->api->throttle, throttle_name(req, t->user_id), req->address);
    } else { /* whether there is such a recovery code is not known yet: it must forgive nothing */
        throttle_void(req->api->throttle, throttle_name(req, t->user_id), req->address);
    }
    t->then(req, &proof);
}

void code_try(struct api_request *req, struct span user_id, struct span typed, code_refused *wrong, code_fits *then)
{
    int64_t wait_s = throttle_try(req->api->throttle, throttle_name(req, user_id), req->address, clock_now());
    if (wait_s > 0) {
        wrong(req, CODE_WAIT, wait_s);
        return;
    }
    struct trial *t = arena_alloc(&req->arena, sizeof *t);
    *t = (struct trial){.user_id = user_id, .typed = typed, .wrong = wrong, .then = then};
    req->work = t;
    ask_factor(req, user_id, factor_known);
}

/* ---- one's own ---- */

/* f: NULL for none. password: he has one of this node. */
static void account_json(struct api_request *req, const struct factor *f, bool password)
{
    struct json_writer j;
    struct buf b;
    bool on = f != NULL && f->confirmed != TIME_NONE;
    const struct {
        const char *key;
        struct span value;
    } texts[] = {{"id", req->user.id}, {"name", req->user.name}, {"role", req->user.role}, {"organisation", req->user.organisation}};
    request_json(req, &b, &j);
    json_object(&j);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_key(&j, texts[i].key);
        json_text(&j, texts[i].value);
    }
    session_role_json(&j, req);
    json_key(&j, "password");
    json_bool(&j, password);
    json_key(&j, "second_factor");
    json_object(&j);
    json_key(&j, "on");
    json_bool(&j, on);
    json_key(&j, "since");
    json_time(&j, on ? f->confirmed : TIME_NONE);
    json_key(&j, "required");
    json_bool(&j, req->role != NULL && req->role->second_factor);
    json_key(&j, "recovery_codes");
    json_u64(&j, on ? f->codes : 0);
    json_end(&j);
    json_end(&j);
    respond_json(req, 200, &b);
}

static void password_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct account a = {0};
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    account_decode(data, &a);
    struct span stored = cursor_str(data);
    if (!cursor_done(data) || !span_eq(a.id, req->user.id)) {
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    account_json(req, req->work, stored.len > 0);
}

static void account_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct factor f = {.confirmed = TIME_NONE};
    if (rc == 0) {
        factor_decode(data, &f);
        rc = cursor_done(data) ? 0 : ERR_INVALID;
    }
    if (rc < 0 && rc != ERR_NOT_FOUND) {
        respond_failure(req, rc, text);
        return;
    }
    req->work = NULL;
    if (rc == 0) {
        struct factor *kept = arena_alloc(&req->arena, sizeof *kept);
        *kept = (struct factor){.confirmed = f.confirmed, .codes = f.codes};
        req->work = kept;
    }
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ACCOUNT_BY_NAME);
    buf_str(&q, req->user.name);
    request_ask(req, &q, password_known);
    buf_free(&q);
}

static bool of_a_person(struct api_request *req)
{
    if (req->api->config.local) {
        respond_error(req, 404, "not_found", "The command line has no account of its own.", NULL);
    }
    return !req->api->config.local;
}

void own_account(struct api_request *req)
{
    if (of_a_person(req)) {
        ask_factor(req, req->user.id, account_known);
    }
}

/* Enrolment, first half: a new secret, shown this once. */
static void begun(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const unsigned char *secret = req->work;
    char shown[TOTP_SECRET_TEXT + 1];
    struct json_writer j;
    struct buf b, uri;
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    totp_secret_text(secret, shown);
    buf_init(&uri, TOTP_URI_MAX);
    totp_uri(&uri, span_of(arena_printf(&req->arena, "Sereno %.*s", SPAN_ARG(req->api->config.node_name))), req->user.name, secret);
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "secret");
    json_text(&j, span_of(shown));
    json_key(&j, "uri");
    json_text(&j, buf_view(&uri));
    json_end(&j);
    sodium_memzero(shown, sizeof shown);
    sodium_memzero(uri.data, uri.len);
    buf_free(&uri);
    respond_json(req, 201, &b);
}

static void may_begin(struct api_request *req, bool fits, struct span string)
{
    unsigned char box[TOTP_BOX_BYTES];
    unsigned char *secret = arena_alloc(&req->arena, TOTP_SECRET_BYTES);
    struct buf q;
    (void)string;
    CHECK(fits);
    if (!req->api->factor_ready) {
        respond_failure(req, ERR_BUSY, SPAN(""));
        return;
    }
    totp_secret_new(secret);
    totp_box_seal(req->api->factor_key, req->user.id, secret, box);
    req->work = secret;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_FACTOR_BEGIN);
    buf_str(&q, req->user.id);
    buf_str(&q, span_make((const char *)box, sizeof box));
    request_ask(req, &q, begun);
    buf_free(&q);
}

void own_factor_begin(struct api_request *req)
{
    password_of_asker(req, SPAN(""), may_begin);
}

/* New recovery codes: texts for the answer, hashes for the keeper. */
struct codes {
    char text[RECOVERY_CODES][RECOVERY_TEXT + 1];
    unsigned char hash[RECOVERY_CODES * RECOVERY_HASH_BYTES];
};

static struct codes *codes_new(struct api_request *req)
{
    struct codes *c = arena_alloc(&req->arena, sizeof *c);
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        recovery_new(c->text[i]);
        bool whole = recovery_hash(req->user.id, span_of(c->text[i]), c->hash + i * RECOVERY_HASH_BYTES);
        CHECK(whole);
    }
    return c;
}

/* trial, while codes are made anew; NULL when a factor is confirmed. */
struct giving {
    struct codes *codes;
    struct trial *trial;
};

static void codes_given(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct giving *g = req->work;
    struct json_writer j;
    struct buf b;
    (void)data;
    if (rc == ERR_DENIED && g->trial != NULL) {
        req->work = g->trial;
        code_used(req);
        return;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "recovery_codes");
    json_array(&j);
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        json_text(&j, span_of(g->codes->text[i]));
    }
    json_end(&j);
    json_end(&j);
    sodium_memzero(g->codes, sizeof *g->codes);
    if (g->trial == NULL) { /* his other sessions have ended; the stream of this one comes back by itself */
        streams_end_person(req->api, req->user.id);
    }
    respond_json(req, 200, &b);
}

static void wrong_code(struct api_request *req, enum code_wrong wrong, int64_t wait_s)
{
    if (wrong == CODE_WAIT) {
        respond_error(req, 429, "wait", "Too many tries. Wait a little, then try again.", "code");
        respond_header(req, "Retry-After", arena_printf(&req->arena, "%lld", (long long)wait_s));
    } else if (wrong == CODE_LOCKED) {
        respond_error(req, 403, "code_locked", "Too many codes were wrong. Use a recovery code, or ask an administrator.", "code");
    } else {
        respond_error(req, 403, "wrong_code", "This code is not right, or was used already.", "code");
    }
}

/* Enrolment, second half: a first code shows that the authenticator has the secret. */
static void confirm_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct err e = {0};
    struct factor f = {0};
    int64_t step = 0;
    unsigned char secret[TOTP_SECRET_BYTES] = {0}, here[SECRET_HASH_BYTES];
    struct buf q;
    if (rc == 0) {
        factor_decode(data, &f);
        rc = !cursor_done(data)          ? ERR_INVALID
             : f.confirmed != TIME_NONE  ? err_set(&e, ERR_EXISTS, "There is a second factor already.")
                                         : totp_box_open(req->api->factor_key, req->user.id, f.box, secret, &e);
    }
    if (rc < 0) {
        respond_failure(req, rc, e.text[0] != '\0' ? span_of(e.text) : text);
        return;
    }
    bool fits = totp_fits(span_make((const char *)secret, sizeof secret), request_field(req, "code"), clock_now(), -1, &step);
    sodium_memzero(secret, sizeof secret);
    if (!fits) {
        wrong_code(req, CODE_WRONG, 0);
        return;
    }
    struct giving *g = arena_alloc(&req->arena, sizeof *g);
    *g = (struct giving){.codes = codes_new(req)};
    req->work = g;
    secret_hash(req->cookie, here);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_FACTOR_CONFIRM);
    buf_str(&q, req->user.id);
    buf_str(&q, f.box);
    buf_u64(&q, (uint64_t)step);
    buf_str(&q, span_make((const char *)g->codes->hash, sizeof g->codes->hash));
    buf_str(&q, span_make((const char *)here, sizeof here));
    request_ask(req, &q, codes_given);
    buf_free(&q);
}

void own_factor_confirm(struct api_request *req)
{
    if (of_a_person(req)) {
        ask_factor(req, req->user.id, confirm_known);
    }
}

static void codes_proved(struct api_request *req, const struct factor_proof *proof)
{
    struct buf q;
    struct giving *g = arena_alloc(&req->arena, sizeof *g);
    *g = (struct giving){.codes = codes_new(req), .trial = req->work};
    req->work = g;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_FACTOR_CODES);
    buf_str(&q, req->user.id);
    factor_proof_encode(&q, proof);
    buf_str(&q, span_make((const char *)g->codes->hash, sizeof g->codes->hash));
    request_ask(req, &q, codes_given);
    buf_free(&q);
}

static void codes_password(struct api_request *req, bool fits, struct span string)
{
    (void)string;
    CHECK(fits);
    code_try(req, req->user.id, request_field(req, "code"), wrong_code, codes_proved);
}

void own_recovery_codes(struct api_request *req)
{
    password_of_asker(req, SPAN(""), codes_password);
}

static void removed(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    if (rc == ERR_DENIED) {
        code_used(req);
        return;
    }
    respond_done(req, rc, text, data);
}

static void remove_proved(struct api_request *req, const struct factor_proof *proof)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_FACTOR_REMOVE);
    buf_str(&q, req->user.id);
    factor_proof_encode(&q, proof);
    request_ask(req, &q, removed);
    buf_free(&q);
}

static void remove_password(struct api_request *req, bool fits, struct span string)
{
    (void)string;
    CHECK(fits);
    code_try(req, req->user.id, request_field(req, "code"), wrong_code, remove_proved);
}

void own_factor_remove(struct api_request *req)
{
    if (req->role != NULL && req->role->second_factor) {
        respond_error(req, 409, "required", "Your role needs a second factor.", NULL);
        return;
    }
    password_of_asker(req, SPAN(""), remove_password);
}
