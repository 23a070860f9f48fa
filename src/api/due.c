/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /due: records of all kinds on which something is due, the first day first. Runs in the desk; the keeper looks. What it looks at is
 * in the reader's scope, kind by kind, as that of the lists is.
 */
#include "api/reads.h"
#include "desk/govern/due.h"

#include "base/id.h"
#include "base/num.h"

enum { DUE_SOON_DAYS = 30, DUE_LIMIT = 50, DUE_SECOND_TEXT = 19 /* bytes of a time to the second */ };

struct due_work {
    struct record_worker who;
    struct due_query query;
};

static bool is_day(struct span s)
{
    time_ns t = 0;
    return s.len == DUE_DAY_TEXT && s.ptr[4] == '-' && s.ptr[7] == '-' && time_parse(s, 0, &t);
}

static bool read_query(struct api_request *req, struct due_work *w)
{
    struct due_query *q = &w->query;
    struct span to = request_query(req, "to");
    struct span cursor = request_query(req, "cursor");
    char now[TIME_TEXT_MAX];
    q->to = to.len > 0 ? to : register_day_text(&req->arena, time_day(w->who.now) + DUE_SOON_DAYS);
    if (!is_day(q->to)) {
        respond_error(req, 400, "bad_query", "This is no day: 2026-12-31.", "to");
        return false;
    }
    q->mine = span_eq(request_query(req, "mine"), SPAN("true"));
    q->user = req->user.id;
    q->name = req->user.name;
    q->moment = span_of(arena_printf(&req->arena, "%.*sZ", DUE_SECOND_TEXT, time_format(w->who.now, now)));
    q->limit = (uint32_t)request_number(req, "limit", DUE_LIMIT);
    q->after = span_sub(cursor, 0, cursor.len < DUE_DAY_TEXT ? cursor.len : DUE_DAY_TEXT);
    q->after_id = span_sub(cursor, cursor.len < DUE_DAY_TEXT + 1 ? cursor.len : DUE_DAY_TEXT + 1, cursor.len);
    if (cursor.len > 0 && (!is_day(q->after) || !id_valid(q->after_id))) {
        respond_error(req, 400, "bad_query", "This is no place in a list.", "cursor");
        return false;
    }
    return true;
}

static void answered(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct due_work *w = req->work;
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &b, &j);
    bool whole = due_document(&j, &w->who, w->query.to, &req->arena, data);
    reads_respond(req, w->who.reads, "due", whole, &b);
}

static void kinds_known(struct api_request *req)
{
    struct due_work *w = arena_calloc(&req->arena, 1, sizeof *w);
    struct buf q;
    req->work = w;
    w->who = (struct record_worker){.reader = &req->reader, .name = req->user.name, .now = clock_now(), .kinds = req->api->registers, .reads = reads_of(req)};
    if (!read_query(req, w)) {
        return;
    }
    due_kinds(req->api->registers, &req->reader, w->who.now, &w->query);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_DUE);
    due_query_encode(&q, &w->query);
    request_ask(req, &q, answered);
    buf_free(&q);
}

void show_due(struct api_request *req)
{
    with_registers(req, kinds_known);
}
