/* SPDX-License-Identifier: EUPL-1.2 */
/* Passwords of requests: see passwords.h. Must never log, send or keep one. */
#include "api/passwords.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "api/api_priv.h"
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

bool answered_wait(struct api_request *req, const struct throttle *throttle, struct span name)
{
    int64_t wait_s = throttle_wait_s(throttle, name, req->address, clock_now());
    if (wait_s > 0) {
        char wait[24];
        (void)snprintf(wait, sizeof wait, "%" PRId64, wait_s);
        respond_error(req, 429, "wait", "Too many tries. Wait a little, then try again.", NULL);
        respond_header(req, "Retry-After", wait);
    }
    return wait_s > 0;
}

/* ---- of whoever asks ---- */

struct asked {
    struct span fresh;
    password_then *then;
};

static void tried(struct api_request *req, bool fits, struct span string)
{
    const struct asked *a = req->work;
    if (!fits) {
        throttle_failed(req->api->throttle, req->user.name, req->address, clock_now());
        respond_error(req, 403, "wrong_password", "Your present password is another one.", "password");
        return;
    }
    throttle_passed(req->api->throttle, req->user.name, req->address);
    a->then(req, true, string);
}

static void known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct asked *w = req->work;
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
    if (answered_wait(req, req->api->throttle, req->user.name)) {
        return;
    }
    struct asked *a = arena_alloc(&req->arena, sizeof *a);
    *a = (struct asked){fresh, then};
    req->work = a;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ACCOUNT_BY_NAME);
    buf_str(&q, req->user.name);
    request_ask(req, &q, known);
    buf_free(&q);
}
