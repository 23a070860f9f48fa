/* SPDX-License-Identifier: EUPL-1.2 */
/* /hunts: what is looked for in the archive, how far it is, what came out. Runs in the desk; the keeper answers. */
#include "api/api_priv.h"
#include "base/num.h"
#include "desk/readers/readers.h"
#include "flow/hunt/hunt_result.h"
#include "flow/hunt/person.h"

static void number(struct json_writer *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_i64(j, v);
}

static void time_of(struct json_writer *j, const char *key, time_ns t)
{
    json_key(j, key);
    json_time(j, t);
}

static void row_fields(struct json_writer *j, const struct hunt_row *row)
{
    json_member_text(j, "id", row->id);
    json_member_text(j, "organisation", row->organisation);
    json_member_text(j, "who", row->who);
    json_member_text(j, "why", row->why);
    json_member_text(j, "status", span_of(hunt_status_name((enum hunt_status)row->status)));
    json_member_text(j, "problem", row->problem);
    time_of(j, "created", row->created);
    time_of(j, "finished", row->finished);
    number(j, "blocks_total", row->blocks_total);
    number(j, "blocks_done", row->blocks_done);
    number(j, "events", row->events);
    number(j, "matches", row->matches);
}

void hunt_row_json(struct json_writer *j, const struct hunt_row *row)
{
    json_object(j);
    row_fields(j, row);
    json_end(j);
}

/* Whose hunts the question may be about; false: nobody's, and the request is answered. */
static bool places_of(struct api_request *req, enum policy_action action, uint32_t may, struct policy_places *out)
{
    policy_own_places(&req->reader, ITEM_ALERT, action, may, clock_now(), out); /* what it finds is as an alert is */
    if (out->count == 0) {
        respond_error(req, 403, "not_permitted", "Your role does not allow this.", NULL);
    }
    return out->count > 0;
}

/* ---- one begins ---- */

static void created(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct json_writer j;
    struct buf b;
    struct span id = rc == 0 ? cursor_str(data) : SPAN("");
    if (rc == 0 && !cursor_done(data)) {
        rc = ERR_INVALID;
    }
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_member_text(&j, "id", id);
    json_end(&j);
    respond_json(req, 201, &b);
}

void hunt_create(struct api_request *req)
{
    struct err e = {0};
    struct hunt h;
    struct span why = SPAN("");
    struct buf definition;
    struct buf q;
    struct policy_places places;
    if (!places_of(req, ACTION_READ, POLICY_MAY_HUNT, &places)) {
        return;
    }
    int rc = hunt_from_json(buf_view(&req->body), &req->arena, &h, &why, &e);
    why = span_trim(why);
    if (rc == 0 && (why.len == 0 || why.len > HUNTS_WHY_MAX)) {
        rc = err_set(&e, ERR_INVALID, "A hunt needs a reason, \"why\", of 1 to %d bytes.",
                     HUNTS_WHY_MAX);
    }
    if (rc == 0 && hunt_names_person(&h) && !shown_reason_fits(why)) {
        respond_bad_reason(req);
        return;
    }
    buf_init(&definition, HUNT_ENCODED_MAX);
    buf_init(&q, ASK_HUNT_MAX_BYTES);
    if (rc == 0) {
        hunt_encode(&definition, &h);
        bool named = !policy_places_whole(&places) && policy_places_have(&places, h.organisation);
        hunt_ask_start(&q, named ? h.organisation : places.at[0], req->user.name, why, buf_view(&definition));
    }
    if (rc < 0) {
        respond_error(req, 400, "bad_hunt", e.text, NULL);
    } else if (definition.failed || q.failed) {
        respond_error(req, 413, "too_large", "The hunt is too large; ask in two.", NULL);
    } else {
        request_ask(req, &q, created);
    }
    buf_free(&definition);
    buf_free(&q);
}

/* ---- list ---- */

bool hunts_document(struct json_writer *j, const struct policy_reader *reader, struct cursor *data,
                    time_ns now)
{
    uint32_t n = cursor_u32(data);
    json_object(j);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct hunt_row row;
        struct own_item own;
        hunt_row_decode(data, &row);
        item_of_hunt(&row, &own);
        if (!data->failed && policy_own_allows(reader, &own.item, ACTION_LIST, POLICY_MAY_WATCH, now)) {
            hunt_row_json(j, &row);
        }
    }
    json_end(j);
    json_end(j);
    return cursor_done(data);
}

static void listed(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &b, &j);
    respond_whole(req, hunts_document(&j, &req->reader, data, clock_now()), &b);
}

void show_hunts(struct api_request *req)
{
    int64_t limit = request_number(req, "limit", 50);
    struct buf q;
    struct policy_places places;
    if (!places_of(req, ACTION_LIST, POLICY_MAY_WATCH, &places)) {
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    hunt_ask_list(&q, &places, (uint32_t)limit);
    request_ask(req, &q, listed);
    buf_free(&q);
}

/* ---- one ---- */

/* What was asked: rules by name, and how many indicators. */
static void asked_json(struct json_writer *j, const struct hunt *h)
{
    json_key(j, "asked");
    json_object(j);
    time_of(j, "from", h->from);
    time_of(j, "to", h->to);
    json_member_text(j, "organisation", h->organisation);
    json_member_text(j, "source", h->source);
    json_member_text(j, "search", h->search);
    json_key(j, "rules");
    json_array(j);
    for (uint32_t i = 0; i < h->nrules; i++) {
        json_text(j, h->rules[i].name);
    }
    json_end(j);
    number(j, "indicators", h->nindicators);
    json_end(j);
}

bool hunt_document(struct json_writer *j, struct arena *arena, const struct policy_reader *reader,
                   struct cursor *data, time_ns now, bool *shown_out)
{
    struct hunt_row row;
    struct own_item own;
    struct hunt h;
    struct hunt_result result = {0};
    hunt_row_decode(data, &row);
    struct span definition = cursor_str(data);
    struct span found = cursor_str(data);
    *shown_out = false;
    if (!cursor_done(data) || hunt_decode(definition, arena, &h, NULL) != 0 ||
        (found.len > 0 && hunt_result_decode(found, arena, &result, NULL) != 0)) {
        return false;
    }
    item_of_hunt(&row, &own);
    if (!policy_own_allows(reader, &own.item, ACTION_READ, POLICY_MAY_WATCH, now)) {
        return true;
    }
    *shown_out = true;
    json_object(j);
    row_fields(j, &row);
    asked_json(j, &h);
    json_key(j, "result");
    if (found.len == 0) {
        json_null(j);
    } else {
        json_object(j);
        hunt_result_json(j, &result);
        json_end(j);
    }
    json_end(j);
    return true;
}

static void shown(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct json_writer j;
    struct buf b;
    bool may = false;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &b, &j);
    bool whole = hunt_document(&j, &req->arena, &req->reader, data, clock_now(), &may);
    if (whole && !may) {
        buf_free(&b);
        respond_failure(req, ERR_NOT_FOUND, SPAN(""));
        return;
    }
    respond_whole(req, whole, &b);
}

void hunt_show(struct api_request *req)
{
    struct buf q;
    struct policy_places places;
    if (!places_of(req, ACTION_READ, POLICY_MAY_WATCH, &places)) {
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    hunt_ask_get(&q, &places, req->param[0]);
    request_ask(req, &q, shown);
    buf_free(&q);
}

/* ---- the end ---- */

static void stopped(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    (void)data;
    if (rc == ERR_BUSY) {
        respond_error(req, 409, "ended", "This hunt has ended.", NULL);
    } else if (rc < 0) {
        respond_failure(req, rc, why);
    } else {
        respond_nothing(req);
    }
}

void hunt_stop(struct api_request *req)
{
    struct buf q;
    struct policy_places places;
    if (!places_of(req, ACTION_READ, POLICY_MAY_HUNT, &places)) {
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    hunt_ask_cancel(&q, &places, req->param[0], req->user.name);
    request_ask(req, &q, stopped);
    buf_free(&q);
}
