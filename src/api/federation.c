/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Federation for people: what this node is linked to, and on a hub who belongs (docs/FEDERATION.md §7,
 * §8). The engine decides; what an officer does, he signs with the key that his password opens. Runs in
 * the desk.
 */
#include <sodium.h>
#include <stdio.h>

#include "api/api_priv.h"
#include "base/mem.h"
#include "desk/federation/engine.h"
#include "desk/federation/text.h"
#include "desk/identity/password.h"
#include "records/fed_enrol.h"

enum { CODE_BYTES = 16, CIRCLE_RANDOM = 4 };

static struct fed_engine *engine_of(struct api_request *req)
{
    struct fed_engine *en =
        req->api->config.federation == NULL ? NULL : req->api->config.federation(req->api->config.arg);
    if (en == NULL) {
        respond_failure(req, ERR_CLOSED, SPAN(""));
    }
    return en;
}

static void respond_err(struct api_request *req, const struct err *e)
{
    if (e->code == ERR_INVALID) {
        respond_error(req, 400, "bad_body", e->text, NULL);
    } else if (e->code == ERR_BUSY) {
        respond_error(req, 409, "changed", e->text, NULL);
    } else if (e->code == ERR_NOT_FOUND) {
        respond_error(req, 404, "not_found", e->text, NULL);
    } else {
        respond_failure(req, e->code, span_of(e->text));
    }
}

static void respond_document(struct api_request *req, int rc, struct buf *b, const struct err *e)
{
    if (rc < 0) {
        buf_free(b);
        respond_err(req, e);
    } else {
        respond_json(req, 200, b);
    }
}

/* ---- what there is ---- */

/* The engine's document, and in it how far the community is on its guard. */
static void add_level(struct api_request *req, struct buf *b)
{
    const struct level_report *level =
        req->api->config.level == NULL ? NULL : req->api->config.level(req->api->config.arg);
    struct json_writer j;
    if (b->failed || b->len == 0 || b->data[b->len - 1] != '}' ||
        !warning_shows(&req->reader, ACTION_COUNT, clock_now())) {
        return;
    }
    b->len--;
    buf_cstr(b, ",\"level\":");
    if (level == NULL) {
        buf_cstr(b, "null");
    } else {
        json_writer_init(&j, b);
        community_level_json(&j, level);
    }
    buf_cstr(b, "}");
}

static void status_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct err e = {0};
    struct buf b;
    struct fed_engine *en = rc < 0 ? NULL : engine_of(req);
    if (rc < 0) {
        respond_failure(req, rc, text);
    } else if (en != NULL) {
        buf_init(&b, REQUEST_RESPONSE_MAX);
        int known = fed_engine_status(en, data, &b, &e);
        if (known == 0) {
            add_level(req, &b);
        }
        respond_document(req, known, &b, &e);
    }
}

static void ask_plain(struct api_request *req, enum ask ask, api_then *then)
{
    struct buf q;
    buf_init(&q, 64);
    ask_begin(&q, ask);
    request_ask(req, &q, then);
    buf_free(&q);
}

void federation_get(struct api_request *req)
{
    if (engine_of(req) != NULL) {
        ask_plain(req, ASK_FED_STREAMS, status_answered);
    }
}

void federation_members(struct api_request *req)
{
    struct err e = {0};
    struct buf b;
    struct fed_engine *en = engine_of(req);
    if (en != NULL) {
        buf_init(&b, REQUEST_RESPONSE_MAX);
        respond_document(req, fed_engine_members(en, &b, &e), &b, &e);
    }
}

static void requests_answered(struct api_request *req, int rc, struct span text,
                              struct cursor *data)
{
    struct err e = {0};
    struct buf b;
    struct fed_engine *en = rc < 0 ? NULL : engine_of(req);
    if (rc < 0) {
        respond_failure(req, rc, text);
    } else if (en != NULL) {
        buf_init(&b, REQUEST_RESPONSE_MAX);
        respond_document(req, fed_engine_requests(en, data, &b, &e), &b, &e);
    }
}

void federation_requests(struct api_request *req)
{
    if (engine_of(req) != NULL) {
        ask_plain(req, ASK_FED_REQUESTS, requests_answered);
    }
}

/* ---- one click: nothing leaves ---- */

static void stopped(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    (void)data;
    struct fed_engine *en = rc < 0 ? NULL : engine_of(req);
    if (rc < 0) {
        respond_failure(req, rc, text);
    } else if (en != NULL) {
        fed_engine_set_stopped(en, span_of(req->work));
        respond_nothing(req);
    }
}

static void set_stop(struct api_request *req, const char *value)
{
    struct buf q;
    req->work = (void *)(uintptr_t)value;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_FED_STOP);
    buf_str(&q, span_of(value));
    request_ask(req, &q, stopped);
    buf_free(&q);
}

void federation_stop(struct api_request *req)
{
    char at[TIME_TEXT_MAX];
    set_stop(req, arena_printf(&req->arena, "%s %.*s", time_format(clock_now(), at),
                               SPAN_ARG(req->user.name)));
}

void federation_resume(struct api_request *req)
{
    set_stop(req, "");
}

/* ---- joining ---- */

void federation_join(struct api_request *req)
{
    struct err e = {0};
    struct buf b;
    struct fed_engine *en = engine_of(req);
    if (en == NULL) {
        return;
    }
    buf_init(&b, 4096);
    int rc = fed_engine_join(en, span_trim(request_field(req, "url")),
                             span_trim(request_field(req, "code")),
                             span_trim(request_field(req, "fingerprint")), req->user.name, &b, &e);
    if (rc < 0) {
        buf_free(&b);
        respond_err(req, &e);
    } else {
        respond_json(req, 202, &b);
    }
}

/* ---- codes ---- */

static void code_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    char at[TIME_TEXT_MAX];
    time_ns expires = rc < 0 ? 0 : (time_ns)cursor_u64(data);
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "code");
    json_text(&j, span_of(req->work));
    json_key(&j, "expires");
    json_text(&j, span_of(time_format(expires, at)));
    json_end(&j);
    respond_json(req, 201, &b);
}

void federation_code(struct api_request *req)
{
    struct fed_engine *en = engine_of(req);
    struct span org = span_trim(request_field(req, "organisation"));
    struct span circle = request_field(req, "circle");
    unsigned char random[CODE_BYTES], hash[SECRET_HASH_BYTES];
    struct buf q;
    if (en == NULL) {
        return;
    }
    if (!fed_engine_is_hub(en) || fed_engine_circle(en, circle) == NULL) {
        respond_error(req, 404, "not_found", "This node is the hub of no such circle.", "circle");
        return;
    }
    if (!fed_name_valid(org, FED_NAME_MAX)) {
        respond_error(req, 400, "bad_body", "An organisation has a name of 1 to 200 bytes.",
                      "organisation");
        return;
    }
    char *code = arena_calloc(&req->arena, 1, 2 * CODE_BYTES + 1);
    randombytes_buf(random, sizeof random);
    hex_encode(random, sizeof random, code);
    secret_hash(span_of(code), hash);
    req->work = code;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_FED_CODE);
    buf_str(&q, span_make((const char *)hash, sizeof hash));
    buf_str(&q, circle);
    buf_str(&q, org);
    buf_str(&q, req->user.name);
    request_ask(req, &q, code_answered);
    buf_free(&q);
}

/* ---- officers ---- */

typedef void officer_then(struct api_request *req, struct fed_engine *en,
                          const struct fed_sign_key *key);

/* What runs aside with a password. */
struct opening {
    bool make; /* he has no key yet: checks the account's password and makes one */
    char password[PASSWORD_MAX + 1];
    size_t len;
    char string[PASSWORD_STRING_MAX]; /* of the account */
    struct arena arena;
    struct span sealed;
    unsigned char public_key[FED_KEY_BYTES];
    struct fed_sign_key key;
    int rc;
};

/* What a request of an officer keeps, in its arena. */
struct officer_work {
    officer_then *then;
    struct fed_change_ask ask;
    struct opening *opening;
    struct span question;
    bool complete;
};

static void drop(void *arg)
{
    struct opening *o = arg;
    arena_fini(&o->arena);
    sodium_memzero(o, sizeof *o);
    mem_free(o);
}

static void open_key(void *arg)
{
    struct opening *o = arg;
    struct err e = {0};
    struct span password = span_make(o->password, o->len);
    if (o->make && !password_verify(span_of(o->string), password)) {
        o->rc = ERR_DENIED;
    } else if (o->make) {
        unsigned char random[FED_OFFICER_RANDOM_BYTES];
        randombytes_buf(random, sizeof random);
        o->rc = fed_officer_make(&o->arena, password, random, &o->sealed, o->public_key, &e);
        sodium_memzero(random, sizeof random);
    }
    if (o->rc == 0) {
        o->rc = fed_officer_open(&o->arena, o->sealed, password, &o->key, &e);
    }
    sodium_memzero(o->password, sizeof o->password);
}

static void go_on(struct api_request *req, struct opening *o)
{
    struct officer_work *w = req->work;
    struct fed_engine *en = engine_of(req);
    struct fed_sign_key key = o->key;
    drop(o);
    if (en != NULL) {
        w->then(req, en, &key);
    }
    fed_sign_key_wipe(&key);
}

static void officer_kept(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct officer_work *w = req->work;
    struct opening *o = w->opening;
    struct fed_engine *en = rc < 0 ? NULL : engine_of(req);
    (void)data;
    if (rc < 0) {
        drop(o);
        respond_failure(req, rc, text);
    } else if (en == NULL) {
        drop(o);
    } else {
        fed_engine_officer_known(en, req->user.id, req->user.name, o->public_key, o->sealed);
        go_on(req, o);
    }
}

static void keep_officer(struct api_request *req, struct opening *o)
{
    struct officer_work *w = req->work;
    char key[2 * FED_KEY_BYTES + 1];
    struct buf q;
    hex_encode(o->public_key, sizeof o->public_key, key);
    const struct fed_officer_row row = {req->user.id, req->user.name, span_of(key), o->sealed};
    w->opening = o;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_FED_OFFICER);
    fed_officer_encode(&q, &row);
    request_ask(req, &q, officer_kept);
    buf_free(&q);
}

static void opened(struct api_request *req, void *arg)
{
    struct opening *o = arg;
    if (o->rc == ERR_DENIED) {
        throttle_failed(req->api->throttle, req->user.name, req->address, clock_now());
        drop(o);
        respond_error(req, 403, "bad_password", "The password is wrong.", "password");
    } else if (o->rc < 0) {
        drop(o);
        respond_failure(req, ERR_LIMIT, SPAN("The key cannot be opened now."));
    } else {
        throttle_passed(req->api->throttle, req->user.name, req->address);
        o->make ? keep_officer(req, o) : go_on(req, o);
    }
}

static struct opening *opening_new(struct api_request *req)
{
    struct opening *o = mem_alloc(sizeof *o);
    struct span password = request_field(req, "password");
    arena_init(&o->arena, 4096);
    o->len = password.len > PASSWORD_MAX ? PASSWORD_MAX : password.len;
    memcpy(o->password, password.ptr, o->len);
    return o;
}

static void account_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct account a = {0};
    if (rc == 0) {
        account_decode(data, &a);
    }
    struct span string = rc == 0 ? cursor_str(data) : SPAN("");
    if (rc == 0 && (!cursor_done(data) || string.len >= PASSWORD_STRING_MAX)) {
        rc = ERR_INVALID;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    struct opening *o = opening_new(req);
    o->make = true;
    memcpy(o->string, string.ptr, string.len);
    request_work(req, o, open_key, opened, drop);
}

/* Goes on with the officer's open key. */
static void with_officer(struct api_request *req, officer_then *then,
                         const struct fed_change_ask *ask)
{
    struct fed_engine *en = engine_of(req);
    struct buf q;
    if (en == NULL) {
        return;
    }
    if (!fed_engine_is_hub(en) || req->api->config.local) {
        respond_error(req, 403, "denied",
                      req->api->config.local ? "An officer acts on the page, under his own name."
                                             : "This node is no hub.",
                      NULL);
        return;
    }
    int64_t wait =
        throttle_wait_s(req->api->throttle, req->user.name, req->address, clock_now());
    if (wait > 0) {
        respond_error(req, 429, "wait", "Too many wrong passwords. Wait a little.", "password");
        return;
    }
    struct officer_work *w = arena_calloc(&req->arena, 1, sizeof *w);
    w->then = then;
    w->ask = *ask;
    req->work = w;
    struct span sealed = fed_engine_officer_sealed(en, req->user.id);
    if (sealed.len > 0) {
        struct opening *o = opening_new(req);
        o->sealed = arena_copy(&o->arena, sealed);
        request_work(req, o, open_key, opened, drop);
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ACCOUNT_BY_NAME);
    buf_str(&q, req->user.name);
    request_ask(req, &q, account_known);
    buf_free(&q);
}

static void is_officer(struct api_request *req, struct fed_engine *en,
                       const struct fed_sign_key *key)
{
    (void)en;
    (void)key;
    respond_nothing(req);
}

void federation_officer(struct api_request *req)
{
    with_officer(req, is_officer, &(struct fed_change_ask){0});
}

/* ---- changes of membership ---- */

static void changed(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct officer_work *w = req->work;
    struct fed_engine *en = rc < 0 ? NULL : engine_of(req);
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc == ERR_INVALID ? ERR_LIMIT : rc, text);
        return;
    }
    if (en == NULL) {
        return;
    }
    fed_engine_changed(en, w->question);
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "complete");
    json_bool(&j, w->complete);
    if (w->ask.circle.len > 0) {
        json_key(&j, "circle");
        json_text(&j, w->ask.circle);
    }
    json_end(&j);
    respond_json(req, 200, &b);
}

static void change(struct api_request *req, struct fed_engine *en, const struct fed_sign_key *key)
{
    struct officer_work *w = req->work;
    struct err e = {0};
    struct buf q;
    w->ask.officer = (struct fed_officer_key){req->user.name, req->user.id, key};
    buf_init(&q, 24 << 20);
    int rc = fed_engine_change(en, &w->ask, &q, &w->complete, &e);
    if (rc < 0) {
        respond_err(req, &e);
    } else {
        w->question = arena_copy(&req->arena, buf_view(&q));
        request_ask(req, &q, changed);
    }
    buf_free(&q);
}

static void row_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct fed_change_ask *ask = req->work;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    struct span row = arena_copy(&req->arena, span_make(data->ptr, cursor_left(data)));
    ask->row = arena_calloc(&req->arena, 1, sizeof *ask->row);
    *ask->row = cursor_of(row);
    with_officer(req, change, ask);
}

static void decide(struct api_request *req, enum fed_change_kind kind)
{
    struct buf q;
    struct fed_change_ask *ask = arena_calloc(&req->arena, 1, sizeof *ask);
    ask->kind = kind;
    ask->request = req->param[0];
    ask->fingerprint = request_field(req, "fingerprint");
    req->work = ask;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_FED_REQUEST);
    buf_str(&q, req->param[0]);
    request_ask(req, &q, row_known);
    buf_free(&q);
}

void federation_approve(struct api_request *req)
{
    decide(req, FED_CHANGE_APPROVE);
}

void federation_refuse(struct api_request *req)
{
    decide(req, FED_CHANGE_REFUSE);
}

static void member_change(struct api_request *req, enum fed_change_kind kind)
{
    with_officer(req, change,
                 &(struct fed_change_ask){.kind = kind,
                                          .node = req->param[0],
                                          .circle = request_field(req, "circle")});
}

void federation_suspend(struct api_request *req)
{
    member_change(req, FED_CHANGE_SUSPEND);
}

void federation_remove(struct api_request *req)
{
    member_change(req, FED_CHANGE_REMOVE);
}

void federation_readmit(struct api_request *req)
{
    member_change(req, FED_CHANGE_RESUME);
}

void federation_tombstone(struct api_request *req)
{
    with_officer(req, change,
                 &(struct fed_change_ask){.kind = FED_CHANGE_TOMBSTONE,
                                          .circle = request_field(req, "circle"),
                                          .node = SPAN(""),
                                          .item = span_trim(request_field(req, "item")),
                                          .reason = span_trim(request_field(req, "reason"))});
}

void federation_renew(struct api_request *req)
{
    with_officer(req, change,
                 &(struct fed_change_ask){
                     .kind = FED_CHANGE_RENEW, .circle = req->param[0], .node = SPAN("")});
}

void federation_circle(struct api_request *req)
{
    struct span name = span_trim(request_field(req, "name"));
    unsigned char random[CIRCLE_RANDOM];
    char hex[2 * CIRCLE_RANDOM + 1];
    if (!fed_name_valid(name, FED_NAME_MAX)) {
        respond_error(req, 400, "bad_body", "A circle has a name of 1 to 200 bytes.", "name");
        return;
    }
    randombytes_buf(random, sizeof random);
    hex_encode(random, sizeof random, hex);
    const char *id = arena_printf(&req->arena, "c-%s", hex);
    with_officer(req, change,
                 &(struct fed_change_ask){.kind = FED_CHANGE_CIRCLE,
                                          .circle = span_of(id),
                                          .name = name,
                                          .nda = span_eq(request_field(req, "class"), SPAN("nda")),
                                          .node = SPAN("")});
}
