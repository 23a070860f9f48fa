/* SPDX-License-Identifier: EUPL-1.2 */
/* Statuses and forms of the answers of each route: see openapi.h. Pure. */
#include <stdio.h>
#include <string.h>

#include "api/openapi.h"
#include "api/registers.h"
#include "desk/identity/user_token.h"

/* Answers that have a shape of their own; others are objects. */
static const struct {
    const char *path, *type, *other, *description; /* other: of its second form, or NULL */
} answers[] = {
    {"/api/v1/stream", "text/event-stream", NULL, "Events named alert, change and pulse"},
    {"/api/v1/archive/export", "application/x-ndjson", "text/plain", "A record a line; with format=text, the original and a line break"},
    {"/api/v1/registers/{kind}/export", "text/csv", "application/x-ndjson", "A table; with format=json, JSON line by line"},
    {"/metrics", "text/plain", NULL, "Counters, one a line"},
    {"/page.css", "text/css", NULL, "A style sheet"},
};

/* Of those that do not answer 200 when all is well; also: a second answer that is no error. */
static const struct {
    api_handler *handler;
    const char *status, *also;
} statuses[] = {
    {source_release, "204", NULL},
    {token_create, "201", NULL},
    {token_revoke, "204", NULL},
    {hold_create, "201", NULL},
    {hold_end, "204", NULL},
    {own_factor_begin, "201", NULL},
    {own_factor_remove, "204", NULL},
    {own_session_end, "204", NULL},
    {own_token_create, "201", NULL},
    {own_token_end, "204", NULL},
    {user_token_take, "204", NULL},
    {staff_import_post, "200", "422"},
    {staff_undo, "204", NULL},
    {own_password, "204", NULL},
    {user_create, "201", NULL},
    {user_role, "204", NULL},
    {user_person, "204", NULL},
    {user_disable, "204", NULL},
    {user_enable, "204", NULL},
    {user_link, "201", NULL},
    {user_factor_reset, "204", NULL},
    {privacy_mask, "204", NULL},
    {clock_confirm, "204", NULL},
    {demo_change, "200", "204"},
    {doctor_run, "202", NULL},
    {hunt_create, "201", NULL},
    {hunt_stop, "204", NULL},
    {stream_open, "200", "204"},
    {item_send, "201", NULL},
    {link_page_create, "201", NULL},
    {link_page_revoke, "204", NULL},
    {federation_stop, "204", NULL},
    {federation_resume, "204", NULL},
    {federation_join, "200", "202"},
    {federation_code, "201", NULL},
    {federation_officer, "204", NULL},
    {record_create, "201", NULL},
    {record_import_post, "200", "422"},
    {record_import_undo_post, "204", NULL},
    {rule_resume, "204", NULL},
    {provider_login, "303", NULL},
};

const char openapi_error_schema[] =
    "{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{\"error\":{\"type\":\"object\","
    "\"required\":[\"code\",\"message\",\"where\"],\"properties\":{\"code\":{\"type\":\"string\"},"
    "\"message\":{\"type\":\"string\"},\"where\":{\"type\":[\"string\",\"null\"]},"
    "\"count\":{\"type\":\"integer\"},\"fields\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
    "\"required\":[\"where\",\"reason\",\"limit\",\"message\"],\"properties\":{\"where\":{\"type\":\"string\"},"
    "\"reason\":{\"type\":\"string\"},\"limit\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}}}}}}}}";


static bool is_api(const struct route *r)
{
    return strncmp(r->path, "/api/", 5) == 0;
}

static bool changes(const struct route *r)
{
    return strcmp(r->method, "GET") != 0;
}

/* ---- when a route refuses ---- */

static bool always(const struct route *r)
{
    (void)r;
    return true;
}

static bool asks_who(const struct route *r)
{
    return is_api(r) ? r->right != RIGHT_ANYBODY : r->body == BODY_FORM || r->handler == metrics_get;
}

static bool may_forbid(const struct route *r)
{
    return !is_api(r) || r->right != RIGHT_ANYBODY || changes(r);
}

static bool may_be_long(const struct route *r)
{
    return strchr(r->path, '{') != NULL || r->query_fields[0] != '\0';
}

static bool names_something(const struct route *r)
{
    return !is_api(r) || changes(r) || may_be_long(r) || r->right == RIGHT_SIGNED_IN;
}

static bool may_conflict(const struct route *r)
{
    return changes(r) || r->handler == courier_export;
}

static bool takes_etag(const struct route *r)
{
    return r->handler == record_update || r->handler == record_transition;
}

static bool takes_body(const struct route *r)
{
    return r->body != BODY_NONE;
}

static bool checks_record(const struct route *r)
{
    return takes_etag(r) || r->handler == record_create;
}

/* Where secrets can be tried: a password, a code, a token. */
static bool can_be_tried(const struct route *r)
{
    return !is_api(r) || r->right == RIGHT_KNOWN || user_token_carries(r->right) || strstr(r->body_fields, "password:") != NULL || strstr(r->body_fields, "code:") != NULL;
}

static const struct {
    const char *status, *description;
    bool (*when)(const struct route *r);
} refusals[] = {
    {"400", "The address, a field of the query or the body is not as this operation takes it; where says which", always},
    {"401", "Nobody is signed in, or the token or password is none", asks_who},
    {"403", "The role, a token's scope or the session does not allow it", may_forbid},
    {"404", "There is no such thing for who asks", names_something},
    {"409", "It cannot be done as things stand", may_conflict},
    {"412", "Somebody changed it meanwhile", takes_etag},
    {"413", "The body is larger than this operation takes", takes_body},
    {"414", "The address is too long", may_be_long},
    {"415", "The body is of a type that this operation does not take", takes_body},
    {"422", "The record is not as its register wants it; fields says where", checks_record},
    {"428", "If-Match is missing", takes_etag},
    {"429", "Too many tries; wait a little", can_be_tried},
    {"503", "The node is busy or starting; try again in a moment", always},
};

/* ---- written ---- */

static void kv(struct json_writer *j, const char *key, const char *value)
{
    json_key(j, key);
    json_text(j, span_of(value));
}

static void content_json(struct json_writer *j, const char *type, bool is_error)
{
    json_key(j, type);
    json_object(j);
    json_key(j, "schema");
    json_object(j);
    if (is_error) {
        kv(j, "$ref", "#/components/schemas/error");
    } else {
        kv(j, "type", strcmp(type, "application/json") == 0 ? "object" : "string");
    }
    json_end(j);
    json_end(j);
}

/* type: NULL = it has no body; other: of its second form, or NULL. */
static void answer_json(struct json_writer *j, const char *status, const char *description, const char *type, const char *other, bool is_error)
{
    json_key(j, status);
    json_object(j);
    kv(j, "description", description);
    if (type != NULL) {
        json_key(j, "content");
        json_object(j);
        content_json(j, type, is_error);
        if (other != NULL) {
            content_json(j, other, is_error);
        }
        json_end(j);
    }
    json_end(j);
}

/* How it answers when all is well. */
struct good {
    const char *status, *also; /* also: a second one that is no error, or NULL */
    const char *type, *other, *description;
};

static struct good good_of(const struct route *r)
{
    struct good g = {.status = r->body == BODY_FORM ? "303" : "200",
                     .type = is_api(r) || r->handler == health_get ? "application/json" : "text/html",
                     .description = r->summary};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        if (strcmp(answers[i].path, r->path) == 0) {
            g.type = answers[i].type;
            g.other = answers[i].other;
            g.description = answers[i].description;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (statuses[i].handler == r->handler) {
            g.status = statuses[i].status;
            g.also = statuses[i].also;
        }
    }
    g.type = strcmp(g.status, "204") == 0 || strcmp(g.status, "303") == 0 ? NULL : g.type;
    return g;
}

static void refusal_json(struct json_writer *j, const char *status, const char *kind)
{
    char text[64];
    (void)snprintf(text, sizeof text, "#/components/responses/%s%s", kind, status);
    json_key(j, status);
    json_object(j);
    kv(j, "$ref", text);
    json_end(j);
}

void openapi_answers(struct json_writer *j, const struct route *r)
{
    struct good g = good_of(r);
    json_key(j, "responses");
    json_object(j);
    answer_json(j, g.status, g.description, g.type, g.other, false);
    if (g.also != NULL) {
        answer_json(j, g.also, g.description, strcmp(g.also, "204") == 0 ? NULL : g.type, NULL, false);
    }
    if (!is_api(r) && r->right != RIGHT_ANYBODY && strcmp(g.status, "303") != 0) {
        answer_json(j, "303", "Not logged in: to the log-in form", NULL, NULL, false);
    }
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        const char *status = refusals[i].status;
        if ((g.also != NULL && strcmp(status, g.also) == 0) || !refusals[i].when(r)) {
            continue;
        }
        if (is_api(r) && r->right > RIGHT_KNOWN && strcmp(status, "403") == 0) {
            char need[128];
            (void)snprintf(need, sizeof need, "The role, or the API token shown, lacks the right %s", right_name(r->right));
            answer_json(j, status, need, "application/json", NULL, true);
        } else {
            refusal_json(j, status, is_api(r) ? "error" : "page");
        }
    }
    json_end(j);
}

void openapi_refusals(struct json_writer *j)
{
    char name[32];
    json_key(j, "responses");
    json_object(j);
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        (void)snprintf(name, sizeof name, "error%s", refusals[i].status);
        answer_json(j, name, refusals[i].description, "application/json", NULL, true);
        (void)snprintf(name, sizeof name, "page%s", refusals[i].status);
        answer_json(j, name, refusals[i].description, "text/html", NULL, false);
    }
    json_end(j);
}
