/* SPDX-License-Identifier: EUPL-1.2 */
/* People: another administrator. Runs in the desk. The password is hashed on the worker thread and
 * wiped; it reaches the keeper as an Argon2id string. */
#include <sodium.h>

#include "api/api_priv.h"
#include "base/mem.h"
#include "desk/identity/password.h"

struct new_user {
    char password[PASSWORD_MAX + 1];
    size_t len;
    char string[PASSWORD_STRING_MAX];
    int rc;
};

static void drop(void *arg)
{
    sodium_memzero(arg, sizeof(struct new_user));
    mem_free(arg);
}

static void hash(void *arg)
{
    struct new_user *u = arg;
    u->rc = password_hash(span_make(u->password, u->len), u->string, NULL);
    sodium_memzero(u->password, sizeof u->password);
}

static void created(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct span id = rc == 0 ? cursor_str(data) : SPAN("");
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "id");
    json_text(&j, id);
    json_end(&j);
    respond_json(req, 201, &b);
}

static void hashed(struct api_request *req, void *arg)
{
    struct new_user *u = arg;
    struct buf q;
    if (u->rc < 0) {
        drop(u);
        respond_failure(req, ERR_LIMIT, SPAN("there is not enough memory to hash a password"));
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ACCOUNT_CREATE);
    buf_str(&q, span_trim(request_field(req, "name")));
    buf_str(&q, span_of(u->string));
    buf_str(&q, req->user.name);
    drop(u);
    request_ask(req, &q, created);
    buf_free(&q);
}

void user_create(struct api_request *req)
{
    struct err e = {0};
    struct span name = span_trim(request_field(req, "name"));
    struct span password = request_field(req, "password");
    if (!account_name_valid(name)) {
        respond_error(req, 400, "bad_body",
                      "A name has 1 to 64 bytes and no control characters.", "name");
        return;
    }
    if (password_acceptable(password, name, &e) < 0) {
        respond_error(req, 400, "bad_password", e.text, "password");
        return;
    }
    struct new_user *u = mem_alloc(sizeof *u);
    CHECK(password.len <= PASSWORD_MAX); /* acceptable says so */
    u->len = password.len;
    memcpy(u->password, password.ptr, password.len);
    request_work(req, u, hash, hashed, drop);
}
