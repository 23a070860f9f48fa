/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sending items: preview, send, tighten, retract. What leaves was shown to its author by the same
 * decision that seals it; row, envelope, history and audit trail are one transaction in the keeper.
 */
#include "api/items.h"
#include "base/id.h"
#include "desk/federation/limits.h"

/* Between the question for the item and the change. */
struct sending {
    struct fed_composed composed;
    enum fed_item_change what;
    struct span why;
    const struct jcs *next; /* the version that follows on a tighter label */
};

static bool author_of(struct api_request *req, struct span circle, struct fed_author *out)
{
    *out = (struct fed_author){.person = req->user.name, .organisation = req->user.organisation, .now = clock_now()};
    out->m = items_circle(req->api, circle, &out->own);
    if (out->m == NULL) {
        respond_error(req, 409, "no_circle", "This node is in no circle of that name.", "circle");
        return false;
    }
    out->keys = req->api->circles->keys(req->api->circles->arg);
    return true;
}

/* The document of the request; answers itself when it is none. */
static const struct jcs *document(struct api_request *req)
{
    struct jcs *v = NULL;
    struct err e = {0};
    if (jcs_read(&req->arena, buf_view(&req->body), FED_DEPTH_MAX, &v, &e) < 0 || v->kind != JCS_OBJECT) {
        respond_error(req, 400, "bad_body", "The body must be a JSON object without numbers that are no whole numbers and without a name twice.", NULL);
        return NULL;
    }
    return v;
}

static void refuse(struct api_request *req, int rc, const struct fed_composed *c, const struct err *e)
{
    bool denied = rc == ERR_DENIED || rc == ERR_LIMIT;
    respond_error(req, denied ? 409 : 400, denied ? "not_sent" : "bad_body", e->text, c->where);
}

/* ---- preview ---- */

static void left_out(struct json_writer *j, const struct fed_preview *p)
{
    json_key(j, "left_out");
    json_array(j);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct fed_preview_line *l = &p->lines[i];
        if (l->reads) {
            continue;
        }
        json_object(j);
        json_key(j, "organisation");
        json_text(j, l->member->org);
        if (l->person.len > 0) {
            json_key(j, "person");
            json_text(j, l->person);
        }
        json_key(j, "reason");
        json_text(j, span_of(policy_reason_key(l->reason)));
        json_end(j);
    }
    json_end(j);
}

static void show_preview(struct api_request *req, const struct fed_author *author, const struct jcs *doc, const struct fed_item_row *before)
{
    struct fed_composed c;
    struct err e = {0};
    struct json_writer j;
    struct buf b;
    int rc = fed_compose_item(&req->arena, author, doc, SPAN(""), before, true, &c, &e);
    if (rc < 0 && rc != ERR_DENIED) {
        refuse(req, rc, &c, &e);
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "widens");
    json_bool(&j, c.widens);
    json_key(&j, "narrows");
    json_bool(&j, c.narrows);
    items_preview_json(&j, &c.preview);
    json_key(&j, "count");
    json_u64(&j, c.preview.organisations);
    left_out(&j, &c.preview);
    json_key(&j, "sealed");
    json_bool(&j, c.preview.seals);
    json_key(&j, "blocked");
    json_text_or_null(&j, rc < 0 ? span_of(e.text) : SPAN(""));
    json_end(&j);
    respond_json(req, 200, &b);
}

void item_preview(struct api_request *req)
{
    struct fed_author author;
    struct span circle = {0};
    const struct jcs *doc = document(req);
    if (doc == NULL) {
        return;
    }
    if (!fed_compose_circle(doc, &circle)) {
        respond_error(req, 400, "bad_body", "An item goes to a circle.", "circle");
        return;
    }
    if (author_of(req, circle, &author)) {
        show_preview(req, &author, doc, NULL);
    }
}

/* ---- what changes something ---- */

static void send_version(struct api_request *req, const struct fed_item_row *before, const struct jcs *doc);

static void sent(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct sending *s = req->work;
    struct json_writer j;
    struct buf b;
    (void)data;
    if (rc == ERR_BUSY) {
        respond_error(req, 409, "changed", "The item was changed meanwhile. Read it again.", NULL);
        return;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    req->api->circles->sent(req->api->circles->arg, s->composed.row.circle, s->what == FED_ITEM_CHANGE_PUT ? s->composed.row.id : SPAN(""));
    if (s->next != NULL) {
        const struct fed_item_row before = s->composed.row;
        send_version(req, &before, s->next);
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "id");
    json_text(&j, s->composed.row.id);
    json_key(&j, "version");
    json_i64(&j, s->composed.row.version);
    json_key(&j, "envelope");
    json_text(&j, s->composed.out.id);
    json_key(&j, "audience");
    json_object(&j);
    items_preview_json(&j, &s->composed.preview);
    json_end(&j);
    json_end(&j);
    respond_json(req, s->what == FED_ITEM_CHANGE_PUT ? 201 : 200, &b);
}

static void ask_send(struct api_request *req, const struct sending *s)
{
    struct buf q;
    if (req->api->circles->stopped(req->api->circles->arg)) {
        respond_error(req, 409, "stopped", "Everything is stopped: nothing leaves this node.", NULL);
        return;
    }
    buf_init(&q, FED_ENVELOPE_MAX + (2 << 20));
    ask_begin(&q, ASK_ITEM_SEND);
    buf_u8(&q, (uint8_t)s->what);
    fed_item_encode(&q, &s->composed.row);
    buf_str(&q, req->user.name);
    buf_str(&q, s->why);
    fed_out_encode(&q, &s->composed.out);
    request_ask(req, &q, sent);
    buf_free(&q);
}

void item_send(struct api_request *req)
{
    struct fed_author author;
    struct sending *s = arena_calloc(&req->arena, 1, sizeof *s);
    struct span circle = {0};
    struct err e = {0};
    char *id = arena_alloc(&req->arena, ID_TEXT_LEN + 1);
    const struct jcs *doc = document(req);
    req->work = s;
    if (doc == NULL) {
        return;
    }
    if (!fed_compose_circle(doc, &circle)) {
        respond_error(req, 400, "bad_body", "An item goes to a circle.", "circle");
        return;
    }
    if (!author_of(req, circle, &author)) {
        return;
    }
    id_new(author.now, id);
    s->what = FED_ITEM_CHANGE_PUT;
    int rc = fed_compose_item(&req->arena, &author, doc, span_of(id), NULL, false, &s->composed, &e);
    if (rc < 0) {
        refuse(req, rc, &s->composed, &e);
        return;
    }
    ask_send(req, s);
}

/* The item as it is, if it is his to change. */
static bool take_own(struct api_request *req, int rc, struct span text, struct cursor *data, struct fed_item_row *row)
{
    struct fed_item_row got = {0};
    if (rc == 0) {
        fed_item_decode(data, &got);
    }
    struct span scope = reader_scope(&req->reader, ACTION_READ, clock_now());
    bool his = got.mine != 0 && (span_eq(scope, SPAN("*")) || span_eq(scope, got.organisation));
    /* RED is its author's, and nobody else's of his organisation. */
    his = his && (!span_eq(got.tlp, SPAN("RED")) || span_eq(got.person, req->user.name));
    if (rc == ERR_NOT_FOUND || (rc == 0 && !his)) {
        respond_error(req, 404, "not_found", "There is no such item of yours.", NULL);
        return false;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
        return false;
    }
    if (span_eq(got.state, SPAN("retracted"))) {
        respond_error(req, 409, "retracted", "It was taken back already.", NULL);
        return false;
    }
    *row = (struct fed_item_row){0};
#define X(name) row->name = arena_copy(&req->arena, got.name);
    FED_ITEM_SPANS(X)
#undef X
#define X(name) row->name = got.name;
    FED_ITEM_NUMBERS(X)
#undef X
    return true;
}

/* The four members of a document that are its label. */
static const struct jcs *label_of(struct arena *a, const struct jcs *doc)
{
    static const char *const names[] = {"tlp", "pap", "chr", "audience"};
    struct jcs *o = jcs_new_object(a);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct jcs *v = jcs_get(doc, names[i]);
        if (v != NULL) {
            jcs_set(a, o, names[i], jcs_copy(a, v));
        }
    }
    return o;
}

/* Who loses it hears of that first, by a tighter label; then the others get the new version. */
static void send_version(struct api_request *req, const struct fed_item_row *before, const struct jcs *doc)
{
    struct sending *s = req->work;
    struct fed_author author;
    struct err e = {0};
    if (!author_of(req, before->circle, &author)) {
        return;
    }
    s->what = FED_ITEM_CHANGE_PUT;
    s->next = NULL;
    int rc = fed_compose_item(&req->arena, &author, doc, SPAN(""), before, false, &s->composed, &e);
    if (rc == 0 && s->composed.narrows) {
        s->what = FED_ITEM_CHANGE_TIGHTEN;
        s->next = doc;
        rc = fed_compose_tighten(&req->arena, &author, label_of(&req->arena, doc), before, &s->composed, &e);
    }
    if (rc < 0) {
        refuse(req, rc, &s->composed, &e);
        return;
    }
    ask_send(req, s);
}

static void version_it(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct fed_item_row row;
    const struct jcs *doc = NULL;
    if (take_own(req, rc, text, data, &row) && (doc = document(req)) != NULL) {
        send_version(req, &row, doc);
    }
}

void item_version(struct api_request *req)
{
    req->work = arena_calloc(&req->arena, 1, sizeof(struct sending));
    items_ask_item(req, version_it);
}

static void preview_it(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct fed_author author;
    struct fed_item_row row;
    const struct jcs *doc = NULL;
    if (take_own(req, rc, text, data, &row) && author_of(req, row.circle, &author) && (doc = document(req)) != NULL) {
        show_preview(req, &author, doc, &row);
    }
}

void item_version_preview(struct api_request *req)
{
    items_ask_item(req, preview_it);
}

static void tighten_it(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct sending *s = req->work;
    struct fed_author author;
    struct fed_item_row row;
    struct err e = {0};
    const struct jcs *doc = NULL;
    if (!take_own(req, rc, text, data, &row) || !author_of(req, row.circle, &author) || (doc = document(req)) == NULL) {
        return;
    }
    s->what = FED_ITEM_CHANGE_TIGHTEN;
    rc = fed_compose_tighten(&req->arena, &author, doc, &row, &s->composed, &e);
    if (rc < 0) {
        refuse(req, rc, &s->composed, &e);
        return;
    }
    ask_send(req, s);
}

void item_tighten(struct api_request *req)
{
    req->work = arena_calloc(&req->arena, 1, sizeof(struct sending));
    items_ask_item(req, tighten_it);
}

static void retract_it(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct sending *s = req->work;
    struct fed_author author;
    struct fed_item_row row;
    struct err e = {0};
    if (!take_own(req, rc, text, data, &row) || !author_of(req, row.circle, &author)) {
        return;
    }
    s->what = FED_ITEM_CHANGE_RETRACT;
    s->why = request_field(req, "reason");
    rc = fed_compose_retract(&req->arena, &author, s->why, &row, &s->composed, &e);
    if (rc < 0) {
        refuse(req, rc, &s->composed, &e);
        return;
    }
    ask_send(req, s);
}

void item_retract(struct api_request *req)
{
    req->work = arena_calloc(&req->arena, 1, sizeof(struct sending));
    items_ask_item(req, retract_it);
}
