/* SPDX-License-Identifier: EUPL-1.2 */
/* People: accounts and the roles that there are. Runs in the desk. The password is hashed on the worker thread and
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

/* Not named: an administrator, as before there were others. */
static struct span role_wanted(const struct api_request *req)
{
    struct span role = request_field(req, "role");
    return role.len > 0 ? role : SPAN("administrator");
}

/* Not named: the whole of what the asker has. */
static struct span organisation_wanted(const struct api_request *req)
{
    struct span organisation = request_field(req, "organisation");
    return organisation.len > 0 ? organisation : req->user.organisation;
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
    buf_str(&q, role_wanted(req));
    buf_str(&q, organisation_wanted(req));
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
    if (people_roles_find(req->api->roles, role_wanted(req)) == NULL) {
        respond_error(req, 400, "bad_body", "There is no such role.", "role");
        return;
    }
    struct span organisation = organisation_wanted(req);
    bool his = span_eq(req->user.organisation, SPAN("*")) || span_eq(organisation, req->user.organisation);
    if (!his || !account_name_valid(organisation)) {
        respond_error(req, 400, "bad_body", "There is no such organisation here.", "organisation");
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

/* ---- roles ---- */

static void rights_json(struct json_writer *j, const struct people_role *role)
{
    json_array(j);
    for (enum right r = RIGHT_SIGNED_IN + 1; r < RIGHT_COUNT; r++) {
        if (people_role_may(role, r)) {
            json_text(j, span_of(right_name(r)));
        }
    }
    json_end(j);
}

void session_role_json(struct json_writer *j, const struct people_role *role)
{
    json_key(j, "role_title");
    json_text(j, role == NULL ? SPAN("") : role->title);
    json_key(j, "rights");
    rights_json(j, role);
}

static void role_json(struct json_writer *j, const struct people_role *role)
{
    const struct {
        const char *key;
        struct span value;
    } texts[] = {{"name", role->name}, {"title", role->title}, {"help", role->help}, {"file", role->file}};
    json_object(j);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_key(j, texts[i].key);
        json_text(j, texts[i].value);
    }
    json_key(j, "rights");
    rights_json(j, role);
    json_end(j);
}

void show_roles(struct api_request *req)
{
    struct json_writer j;
    struct buf b;
    size_t n = 0;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    const struct people_role *roles = people_roles_all(req->api->roles, &n);
    for (size_t i = 0; i < n; i++) {
        role_json(&j, &roles[i]);
    }
    json_end(&j);
    json_key(&j, "refused");
    json_array(&j);
    const struct people_role_refusal *refused = people_roles_refusals(req->api->roles, &n);
    for (size_t i = 0; i < n; i++) {
        json_object(&j);
        json_key(&j, "file");
        json_text(&j, refused[i].file);
        json_key(&j, "line");
        json_u64(&j, refused[i].line);
        json_key(&j, "why");
        json_text(&j, refused[i].why);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    respond_json(req, 200, &b);
}
