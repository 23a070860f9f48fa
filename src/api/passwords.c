/* SPDX-License-Identifier: EUPL-1.2 */
/* Passwords of requests: see passwords.h. Must never log, send or keep one. */
#include "api/passwords.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "api/api_priv.h"
#include "api/providers.h"
#include "base/mem.h"
#include "desk/identity/password.h"

struct job {
    char stored[PASSWORD_STRING_MAX];
    char given[PASSWORD_MAX + 1], fresh[PASSWORD_MAX + 1];
    size_t stored_len, given_len, fresh_len;
    char string[PASSWORD_STRING_MAX]; /* of the new one */
    bool verify, fits;
    int rc;
    password_then *then;
};

static void drop(void *arg)
{
    sodium_memzero(arg, sizeof(struct job));
    mem_free(arg);
}

static void run(void *arg)
{
    struct job *j = arg;
    j->fits = !j->verify || password_verify(span_make(j->stored, j->stored_len), span_make(j->given, j->given_len));
    j->rc = j->fits && j->fresh_len > 0 ? password_hash(span_make(j->fresh, j->fresh_len), j->string, NULL) : 0;
    sodium_memzero(j->given, sizeof j->given);
    sodium_memzero(j->fresh, sizeof j->fresh);
}

static void done(struct api_request *req, void *arg)
{
    struct job *j = arg;
    struct span string = arena_copy(&req->arena, span_of(j->string));
    password_then *then = j->then;
    bool fits = j->fits;
    int rc = j->rc;
    drop(j);
    if (rc < 0) {
        respond_failure(req, ERR_BUSY, SPAN("there is not enough memory to hash a password"));
        return;
    }
    then(req, fits, string);
}

/* At most PASSWORD_MAX + 1 bytes: one too many is a password that fits nothing. */
static size_t keep(char out[PASSWORD_MAX + 1], struct span s)
{
    size_t n = s.len < PASSWORD_MAX + 1 ? s.len : PASSWORD_MAX + 1;
    memcpy(out, n == 0 ? "" : s.ptr, n);
    return n;
}

void password_work(struct api_request *req, const struct password_task *task, password_then *then)
{
    CHECK(task->fresh.len <= PASSWORD_MAX && task->stored.len < PASSWORD_STRING_MAX);
    struct job *j = mem_alloc(sizeof *j);
    j->verify = task->verify;
    j->then = then;
    j->stored_len = task->stored.len;
    memcpy(j->stored, task->stored.len == 0 ? "" : task->stored.ptr, task->stored.len);
    j->given_len = keep(j->given, task->given);
    j->fresh_len = keep(j->fresh, task->fresh);
    request_work(req, j, run, done, drop);
}

static bool answer_wait(struct api_request *req, int64_t wait_s)
{
    if (wait_s > 0) {
        char wait[24];
        (void)snprintf(wait, sizeof wait, "%" PRId64, wait_s);
        respond_error(req, 429, "wait", "Too many tries. Wait a little, then try again.", NULL);
        respond_header(req, "Retry-After", wait);
    }
    return wait_s > 0;
}

bool answered_wait(struct api_request *req, const struct throttle *throttle, struct span name)
{
    return answer_wait(req, throttle_wait_s(throttle, name, req->address, clock_now()));
}

/* False: a try began. */
static bool answered_try(struct api_request *req, struct span name)
{
    return answer_wait(req, throttle_try(req->api->throttle, name, req->address, clock_now()));
}

/* ---- of whoever asks ---- */

struct asked {
    struct span fresh;
    password_then *then;
    struct span slowed; /* under what name tries are counted */
};

static void tried(struct api_request *req, bool fits, struct span string)
{
    const struct asked *a = req->work;
    if (!fits) {
        throttle_failed(req->api->throttle, a->slowed, req->address, clock_now());
        respond_error(req, 403, "wrong_password", "Your present password is another one.", "password");
        return;
    }
    throttle_passed(req->api->throttle, a->slowed, req->address);
    a->then(req, true, string);
}

/* ---- of whoever has none here: his directory's ---- */

static void directory_said(void *ctx, const struct directory_answer *f)
{
    struct api_request *req = ctx;
    CHECK_OBJ(req, REQUEST_MAGIC);
    const struct asked *a = req->work;
    if (f->said == DIRECTORY_DOWN) {
        throttle_void(req->api->throttle, a->slowed, req->address);
        respond_error(req, 503, "directory_down", "Your directory does not answer. Try again later.", NULL);
    } else {
        tried(req, f->said == DIRECTORY_FOUND && directory_barred(&f->entry, clock_now()).len == 0, SPAN(""));
    }
}

/* Whether one of the directories of the config knows him; then it is asked. */
static bool asked_directory(struct api_request *req, struct span issuer, struct span subject)
{
    const struct sign_in *all = providers_config(req->api->providers);
    const struct api_config *config = &req->api->config;
    struct asked *w = req->work;
    char id[DIRECTORY_ID_MAX];
    size_t len = 0;
    for (uint32_t i = 0; i < all->ndirectories; i++) {
        const struct directory *d = &all->directories[i];
        if (!span_eq(issuer, directory_issuer(&req->arena, d->name)) || !directory_id_value(d->id, subject, id, &len)) {
            continue;
        }
        const struct directory_ask q = {.errand = DIRECTORY_PROVE, .directory = d->name, .who = span_make(id, len),
                                        .password = request_field(req, "password")};
        w->slowed = span_of(arena_printf(&req->arena, "directory %.*s %.*s", SPAN_ARG(d->name), SPAN_ARG(subject)));
        if (!answered_try(req, w->slowed) && (config->directory == NULL || !config->directory(config->arg, &q, directory_said, req))) {
            directory_said(req, &(struct directory_answer){.said = DIRECTORY_DOWN});
        }
        return true;
    }
    return false;
}

static void ways_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct asked *w = req->work;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    uint32_t n = cursor_u32(data);
    for (uint32_t i = 0; i < n && !data->failed && w->fresh.len == 0; i++) { /* nobody gets a second password here by the one that he has there */
        struct span issuer = cursor_str(data), subject = cursor_str(data);
        if (!data->failed && asked_directory(req, issuer, subject)) {
            return;
        }
    }
    respond_error(req, 409, "no_password",
                  "You have no password here: a provider or a directory says who you are. What asks for one cannot be done with this account.", "password");
}

static void ask_ways(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ACCOUNT_WAYS);
    buf_str(&q, req->user.id);
    request_ask(req, &q, ways_known);
    buf_free(&q);
}

static void known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct asked *w = req->work;
    struct account a = {0};
    if (rc < 0) {
        throttle_void(req->api->throttle, w->slowed, req->address);
        respond_failure(req, rc, text);
        return;
    }
    account_decode(data, &a);
    struct span stored = cursor_str(data);
    if (!cursor_done(data) || stored.len >= PASSWORD_STRING_MAX || !span_eq(a.id, req->user.id)) {
        throttle_void(req->api->throttle, w->slowed, req->address);
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    if (stored.len == 0 || request_work_full(req)) { /* no password of this node is tried */
        throttle_void(req->api->throttle, w->slowed, req->address);
    }
    if (stored.len == 0) {
        ask_ways(req);
        return;
    }
    const struct password_task task = {.verify = true, .stored = stored, .given = request_field(req, "password"), .fresh = w->fresh};
    password_work(req, &task, tried);
}

void password_of_asker(struct api_request *req, struct span fresh, password_then *then)
{
    struct buf q;
    struct span given = request_field(req, "password");
    if (req->api->config.local) {
        respond_error(req, 404, "not_found", "The command line has no account of its own.", NULL);
        return;
    }
    if (given.len == 0 || given.len > PASSWORD_MAX) {
        respond_error(req, 400, "bad_body", "Your present password has 1 to 256 bytes.", "password");
        return;
    }
    if (answered_try(req, req->user.name)) {
        return;
    }
    struct asked *a = arena_alloc(&req->arena, sizeof *a);
    *a = (struct asked){fresh, then, req->user.name};
    req->work = a;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ACCOUNT_BY_NAME);
    buf_str(&q, req->user.name);
    request_ask(req, &q, known);
    buf_free(&q);
}
