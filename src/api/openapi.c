/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * GET /api/v1/openapi.json: the table of routes as an OpenAPI 3.1 document, its rows about records once for each kind that the
 * reader may read, with the kind's own schema. Pure but for answering.
 */
#include <stdio.h>
#include <string.h>

#include "api/openapi.h"
#include "api/registers.h"
#include "desk/identity/user_token.h"
#include "records/registers/register_due.h"

/* {"type":"string"}, {"type":"integer"}, or an enum of the words. */
static void type_json(struct json_writer *j, struct span type)
{
    int64_t least = 0, most = 0;
    json_object(j);
    if (route_is_int(type, &least, &most)) {
        json_member_text(j, "type", SPAN("integer"));
        if (least != INT64_MIN) {
            json_key(j, "minimum");
            json_i64(j, least);
            json_key(j, "maximum");
            json_i64(j, most);
        }
    } else if (span_eq(type, SPAN("bool"))) {
        json_member_text(j, "type", SPAN("boolean"));
    } else if (span_eq(type, SPAN("object"))) {
        json_member_text(j, "type", SPAN("object"));
    } else if (span_eq(type, SPAN("list"))) {
        json_member_text(j, "type", SPAN("array"));
    } else {
        json_member_text(j, "type", SPAN("string"));
    }
    if (span_find(type, '|') >= 0) {
        json_key(j, "enum");
        json_array(j);
        while (type.len > 0) {
            ptrdiff_t bar = span_find(type, '|');
            json_text(j, span_sub(type, 0, bar < 0 ? type.len : (size_t)bar));
            type = bar < 0 ? SPAN("") : span_sub(type, (size_t)bar + 1, type.len);
        }
        json_end(j);
    }
    json_end(j);
}

struct field {
    struct span name, type;
    bool needed;
};

static bool next_field(struct span *spec, struct field *f)
{
    *spec = span_trim(*spec);
    if (spec->len == 0) {
        return false;
    }
    ptrdiff_t blank = span_find(*spec, ' ');
    struct span one = span_sub(*spec, 0, blank < 0 ? spec->len : (size_t)blank);
    *spec = span_sub(*spec, one.len, spec->len);
    ptrdiff_t colon = span_find(one, ':');
    CHECK(colon > 0);
    f->name = span_sub(one, 0, (size_t)colon);
    f->type = span_sub(one, (size_t)colon + 1, one.len);
    f->needed = span_ends(f->type, SPAN("!"));
    f->type.len -= f->needed;
    return true;
}

static void parameter(struct json_writer *j, struct span name, const char *where, bool needed,
                      struct span type)
{
    json_object(j);
    json_member_text(j, "name", name);
    json_member_text(j, "in", span_of(where));
    json_key(j, "required");
    json_bool(j, needed);
    json_key(j, "schema");
    type_json(j, type);
    json_end(j);
}

static void filter(struct json_writer *j, const struct register_kind *k, struct span name)
{
    static const char *const endings[] = {"", ".from", ".to"};
    enum register_key_type type = register_key_type(k, name);
    for (size_t i = 0; type != KEY_NO && i < ARRAY_LEN(endings); i++) {
        char text[REGISTER_NAME_MAX + 8];
        (void)snprintf(text, sizeof text, "%.*s%s", SPAN_ARG(name), endings[i]);
        parameter(j, span_of(text), "query", false, type == KEY_INTEGER ? SPAN("int") : SPAN("text"));
    }
}

/* What a list of this kind can be filtered by. */
static void filters(struct json_writer *j, const struct register_kind *k, uint64_t hidden)
{
    const struct span always[] = {REGISTER_KEY_STATE, REGISTER_KEY_TLP, REGISTER_KEY_ORGANISATION, REGISTER_KEY_CREATED, REGISTER_KEY_CHANGED};
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        filter(j, k, always[i]);
    }
    for (uint32_t i = 0; i < k->nfields; i++) {
        if ((hidden >> i & 1) == 0) {
            filter(j, k, k->fields[i].name);
        }
    }
    uint64_t made_of = 0;
    for (uint32_t i = 0; i < k->ndue; i++) {
        made_of |= register_due_fields(&k->due[i]);
        if (k->due[i].counted && (register_due_fields(&k->due[i]) & hidden) == 0) {
            filter(j, k, k->due[i].name);
        }
    }
    if ((made_of & hidden) == 0) {
        filter(j, k, REGISTER_KEY_DUE); /* nothing where the kind has no days */
    }
}

/* Of which kind an operation is, for a row about records. */
struct about {
    const struct register_kind *kind; /* NULL = the row is about none */
    uint64_t hidden;
};

static void parameters(struct json_writer *j, const struct route *r, bool changes, const struct about *about)
{
    struct field f;
    struct span spec = span_of(r->query_fields);
    json_key(j, "parameters");
    json_array(j);
    const char *p = r->path;
    while ((p = strchr(p, '{')) != NULL) {
        size_t n = strcspn(p + 1, "}");
        if (!span_eq(span_make(p + 1, n), SPAN("kind"))) {
            parameter(j, span_make(p + 1, n), "path", true, SPAN("text"));
        }
        p += n;
    }
    while (next_field(&spec, &f)) {
        if (span_eq(f.name, SPAN("*")) && about->kind == NULL) {
            continue; /* what others may add is not ours to describe */
        }
        if (span_eq(f.name, SPAN("*"))) {
            filters(j, about->kind, about->hidden);
        } else {
            parameter(j, f.name, "query", f.needed, f.type);
        }
    }
    if (r->handler == record_update || r->handler == record_transition) {
        parameter(j, SPAN("If-Match"), "header", true, SPAN("text"));
    }
    if (changes && r->right != RIGHT_ANYBODY) {
        parameter(j, SPAN("X-Sereno-CSRF"), "header", !(r->right == RIGHT_KNOWN || user_token_carries(r->right)), SPAN("text"));
    }
    json_end(j);
}

/* The fields of a record, as their file has them. */
static void fields_json(struct json_writer *j, const struct register_kind *k)
{
    char text[REGISTER_NAME_MAX + 40];
    (void)snprintf(text, sizeof text, "#/components/schemas/register_%.*s", SPAN_ARG(k->name));
    json_object(j);
    json_member_text(j, "$ref", span_of(text));
    json_end(j);
}

static void body_json(struct json_writer *j, const struct route *r, const struct about *about)
{
    struct field f;
    struct span spec = span_of(r->body_fields);
    json_key(j, "requestBody");
    json_object(j);
    json_key(j, "required");
    json_bool(j, true);
    json_key(j, "content");
    json_object(j);
    json_key(j, r->body == BODY_FORM ? "application/x-www-form-urlencoded" : "application/json");
    json_object(j);
    json_key(j, "schema");
    json_object(j);
    json_member_text(j, "type", SPAN("object"));
    json_key(j, "additionalProperties");
    json_bool(j, false);
    json_key(j, "properties");
    json_object(j);
    while (next_field(&spec, &f)) {
        json_key_text(j, f.name);
        if (about->kind != NULL && span_eq(f.name, SPAN("fields"))) {
            fields_json(j, about->kind);
        } else {
            type_json(j, f.type);
        }
    }
    json_end(j);
    json_key(j, "required");
    json_array(j);
    spec = span_of(r->body_fields);
    while (next_field(&spec, &f)) {
        if (f.needed) {
            json_text(j, f.name);
        }
    }
    json_end(j);
    for (int i = 0; i < 4; i++) {
        json_end(j);
    }
}

/* A body that its handler reads itself, as a text of any of these types. */
static void table_json(struct json_writer *j)
{
    static const char *const types[] = {"text/csv", "application/x-ndjson", "application/json"};
    json_key(j, "requestBody");
    json_object(j);
    json_key(j, "required");
    json_bool(j, true);
    json_key(j, "content");
    json_object(j);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        json_key(j, types[i]);
        json_object(j);
        json_key(j, "schema");
        json_object(j);
        if (i < 2) {
            json_member_text(j, "type", SPAN("string"));
        } else {
            json_member_text(j, "type", SPAN("array"));
        }
        json_end(j);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

/* One way to show who one is: the scheme's name, and for a token the scope that it must carry. */
static void way_json(struct json_writer *j, const char *scheme, const char *scope)
{
    json_object(j);
    json_key(j, scheme);
    json_array(j);
    if (scope != NULL) {
        json_text(j, span_of(scope));
    }
    json_end(j);
    json_end(j);
}

static void security_json(struct json_writer *j, enum right right)
{
    json_key(j, "security");
    json_array(j);
    if (right != RIGHT_ANYBODY) {
        way_json(j, "session", NULL);
    }
    if (right == RIGHT_KNOWN || user_token_carries(right)) {
        way_json(j, "token", right == RIGHT_KNOWN ? NULL : right_name(right));
    }
    json_end(j);
}

static void operation(struct json_writer *j, const struct route *r, const struct about *about)
{
    char method[8] = {0};
    bool changes = strcmp(r->method, "GET") != 0;
    for (size_t i = 0; r->method[i] != '\0' && i + 1 < sizeof method; i++) {
        method[i] = ascii_lower(r->method[i]);
    }
    json_key(j, method);
    json_object(j);
    json_member_text(j, "summary", span_of(r->summary));
    json_member_text(j, "x-sereno-right", span_of(right_name(r->right)));
    parameters(j, r, changes, about);
    if (r->body == BODY_TABLE) {
        table_json(j);
    } else if (r->body != BODY_NONE) {
        body_json(j, r, about);
    }
    openapi_answers(j, r);
    security_json(j, r->right);
    json_end(j);
}

/* All methods of one path stand together; the table need not have them side by side. */
static void path_json(struct json_writer *j, size_t at, struct span path, const struct about *about)
{
    size_t n = 0;
    const struct route *table = route_table(&n);
    for (size_t k = 0; k < at; k++) {
        if (strcmp(table[k].path, table[at].path) == 0) {
            return; /* it stood with an earlier row */
        }
    }
    json_key_text(j, path);
    json_object(j);
    for (size_t k = at; k < n; k++) {
        if (strcmp(table[k].path, table[at].path) == 0) {
            operation(j, &table[k], about);
        }
    }
    json_end(j);
}

/* Whether a kind is told of to this reader: when some record of it could be his to read. */
static bool told(const struct api_request *req, const struct register_kind *k)
{
    struct record_scope scope;
    policy_record_scope(&req->reader, &k->rights, clock_now(), &scope);
    return !record_scope_empty(&scope);
}

static void paths_json(struct json_writer *j, const struct api_request *req)
{
    size_t n = 0;
    size_t nkinds = 0;
    const struct route *table = route_table(&n);
    const struct register_kind *kinds = registers_kinds(req->api->registers, &nkinds);
    json_key(j, "paths");
    json_object(j);
    for (size_t i = 0; i < n; i++) {
        const struct about nothing = {0};
        const char *brace = strstr(table[i].path, "{kind}");
        if (brace == NULL) {
            path_json(j, i, span_of(table[i].path), &nothing);
        }
        for (size_t k = 0; k < nkinds && brace != NULL; k++) {
            const struct about about = {&kinds[k], policy_record_hidden_by_role(&req->reader, &kinds[k].rights)};
            char path[REGISTER_NAME_MAX + 80];
            (void)snprintf(path, sizeof path, "%.*s%.*s%s", (int)(brace - table[i].path), table[i].path, SPAN_ARG(kinds[k].plural),
                           brace + strlen("{kind}"));
            if (told(req, &kinds[k])) {
                path_json(j, i, span_of(path), &about);
            }
        }
    }
    json_end(j);
}

static void kind_schemas(struct json_writer *j, const struct api_request *req)
{
    size_t n = 0;
    const struct register_kind *kinds = registers_kinds(req->api->registers, &n);
    for (size_t i = 0; i < n; i++) {
        char name[REGISTER_NAME_MAX + 16];
        (void)snprintf(name, sizeof name, "register_%.*s", SPAN_ARG(kinds[i].name));
        if (told(req, &kinds[i])) {
            json_key(j, name);
            json_raw(j, kinds[i].document);
        }
    }
}

static void document(struct api_request *req)
{
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_member_text(&j, "openapi", SPAN("3.1.0"));
    json_key(&j, "info");
    json_object(&j);
    json_member_text(&j, "title", SPAN("Sereno desk"));
    json_member_text(&j, "version", SPAN(SERENO_VERSION));
    json_member_text(&j, "description", SPAN("Each operation names every status that it answers with. Before an operation is looked for, a request that is none for this node is refused: "
                               "400, 405, 411, 413, 415, 421, 431 or 505, with what is wrong."));
    json_key(&j, "license");
    json_object(&j);
    json_member_text(&j, "name", SPAN("EUPL-1.2"));
    json_member_text(&j, "identifier", SPAN("EUPL-1.2"));
    json_end(&j);
    json_end(&j);
    paths_json(&j, req);
    json_key(&j, "components");
    json_object(&j);
    json_key(&j, "schemas");
    json_object(&j);
    json_key(&j, "error");
    json_raw(&j, span_of(openapi_error_schema));
    kind_schemas(&j, req);
    json_end(&j);
    openapi_refusals(&j);
    json_key(&j, "securitySchemes");
    json_object(&j);
    json_key(&j, "session");
    json_object(&j);
    json_member_text(&j, "type", SPAN("apiKey"));
    json_member_text(&j, "in", SPAN("cookie"));
    json_member_text(&j, "name", api_cookie_name(req->api));
    json_end(&j);
    json_key(&j, "token");
    json_object(&j);
    json_member_text(&j, "type", SPAN("http"));
    json_member_text(&j, "scheme", SPAN("bearer"));
    json_member_text(&j, "description", SPAN("An API token of a person. Its scopes are rights, and can only narrow what that person's role gives. No X-Sereno-CSRF is asked."));
    json_end(&j);
    json_end(&j);
    json_end(&j);
    json_end(&j);
    respond_json(req, 200, &b);
}

void openapi_get(struct api_request *req)
{
    with_registers(req, document);
}
