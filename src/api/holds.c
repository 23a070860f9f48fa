/* SPDX-License-Identifier: EUPL-1.2 */
/* /holds: what retention must keep, who said so and why. Runs in the desk; the keeper answers. */
#include "api/api_priv.h"
#include "base/id.h"
#include "records/holds.h"

static void put_day(struct json_writer *j, const char *key, int64_t day)
{
    char text[TIME_TEXT_MAX];
    json_key(j, key);
    json_text(j, span_make(time_format((time_ns)day * TIME_DAY, text), 10));
}

static void hold_row(struct json_writer *j, struct cursor *data)
{
    struct hold h;
    hold_decode(data, &h);
    const struct {
        const char *key;
        struct span value;
    } texts[] = {{"id", h.id},         {"organisation", h.organisation}, {"source", h.source},
                 {"reason", h.reason}, {"who", h.who},                   {"lifted_by", h.lifted_by},
                 {"lifted_reason", h.lifted_reason}};
    json_object(j);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_key(j, texts[i].key);
        json_text(j, texts[i].value);
    }
    put_day(j, "from", h.first_day);
    put_day(j, "to", h.last_day);
    json_key(j, "created");
    json_time(j, h.created);
    json_key(j, "lifted");
    json_time(j, h.lifted);
    json_end(j);
}

static void list_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    respond_rows(req, rc, text, data, hold_row);
}

void show_holds(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_HOLDS);
    buf_str(&q, req->user.organisation);
    buf_u8(&q, 1);
    request_ask(req, &q, list_answered);
    buf_free(&q);
}

static void set_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "id");
    json_text(&j, span_of(req->work));
    json_end(&j);
    respond_json(req, 201, &b);
}

/* False when it is no day, and the request is answered. */
static bool day_of(struct api_request *req, const char *field, int64_t *out)
{
    struct span text = request_field(req, field);
    time_ns t;
    if (text.len != 10 || !time_parse(text, 0, &t)) {
        respond_error(req, 400, "bad_body", "A day is written like 2026-11-22.", field);
        return false;
    }
    *out = time_day(t);
    return true;
}

void hold_create(struct api_request *req)
{
    bool whole_node = span_eq(req->user.organisation, SPAN("*"));
    struct span asked = span_trim(request_field(req, "organisation"));
    char *id = arena_alloc(&req->arena, ID_TEXT_LEN + 1);
    struct hold h = {
        .organisation = asked.len > 0 ? asked : req->user.organisation,
        .source = span_trim(request_field(req, "source")),
        .reason = span_trim(request_field(req, "reason")),
        .who = req->user.name,
        .created = clock_now(),
        .lifted = TIME_NONE,
    };
    if (!day_of(req, "from", &h.first_day) || !day_of(req, "to", &h.last_day)) {
        return;
    }
    if (!whole_node && !span_eq(h.organisation, req->user.organisation)) {
        respond_error(req, 403, "not_permitted", "That is another organisation.", "organisation");
        return;
    }
    if (h.reason.len == 0 || h.reason.len > HOLD_REASON_MAX || h.source.len > HOLD_NAME_MAX ||
        h.organisation.len > HOLD_NAME_MAX || h.first_day > h.last_day) {
        respond_error(req, 400, "bad_body", "A hold needs a reason, and days that end on or after their first.",
                      h.first_day > h.last_day ? "to" : "reason");
        return;
    }
    id_new(h.created, id);
    h.id = span_of(id);
    req->work = id;
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_HOLD_SET);
    hold_encode(&q, &h);
    request_ask(req, &q, set_answered);
    buf_free(&q);
}

void hold_end(struct api_request *req)
{
    struct span reason = span_trim(request_field(req, "reason"));
    if (reason.len == 0 || reason.len > HOLD_REASON_MAX) {
        respond_error(req, 400, "bad_body", "Lifting a hold needs a reason.", "reason");
        return;
    }
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_HOLD_LIFT);
    buf_str(&q, req->user.organisation);
    buf_str(&q, req->param[0]);
    buf_str(&q, req->user.name);
    buf_str(&q, reason);
    request_ask(req, &q, respond_done);
    buf_free(&q);
}
