/* SPDX-License-Identifier: EUPL-1.2 */
/* Courier mode for people: what waits for a peer as one signed file, and such a file taken in. What may leave was
 * decided when it was put into the outbox; the file carries the same envelopes. Runs in the desk. */
#include "api/api_priv.h"
#include "base/num.h"
#include "desk/federation/engine.h"

static struct fed_engine *engine_of(struct api_request *req)
{
    struct fed_engine *en = req->api->config.federation == NULL ? NULL : req->api->config.federation(req->api->config.arg);
    if (en == NULL) {
        respond_failure(req, ERR_CLOSED, SPAN(""));
    }
    return en;
}

static void refuse(struct api_request *req, const struct err *e)
{
    bool none = e->code == ERR_NOT_FOUND;
    unsigned status = none ? 404 : e->code == ERR_INVALID ? 400 : 409;
    respond_error(req, status, none ? "not_found" : "refused", e->text, NULL);
}

static void batch_came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct fed_courier_place *at = req->work;
    struct fed_engine *en = rc < 0 ? NULL : engine_of(req);
    struct span file = {0};
    struct err e = {0};
    struct buf b;
    if (rc == ERR_INVALID) {
        respond_error(req, 409, "refused", "That many were never sent: the receipt is wrong, or this node has gone back in time.", "received");
        return;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    if (en == NULL) {
        return;
    }
    if (fed_engine_courier_write(en, at->peer, data, &req->arena, &file, &e) < 0) {
        refuse(req, &e);
        return;
    }
    buf_init(&b, file.len + 1);
    buf_span(&b, file);
    respond_json(req, 200, &b);
    respond_header(req, "Content-Disposition", "attachment; filename=\"sereno-courier.json\"");
}

/* "2.17": epoch and number up to which the other side has it all. */
static bool receipt_fits(struct span text, struct fed_courier_place *at)
{
    ptrdiff_t dot = span_find(text, '.');
    return text.len == 0 || (dot > 0 && num_u64(span_sub(text, 0, (size_t)dot), &at->epoch) &&
                             num_u64(span_sub(text, (size_t)dot + 1, text.len), &at->after));
}

void courier_export(struct api_request *req)
{
    struct fed_courier_place *at = arena_alloc(&req->arena, sizeof *at);
    struct fed_engine *en = engine_of(req);
    struct err e = {0};
    struct buf q;
    if (en == NULL) {
        return;
    }
    if (fed_engine_courier_place(en, request_query(req, "peer"), at, &e) < 0) {
        refuse(req, &e);
        return;
    }
    at->peer = arena_copy(&req->arena, at->peer);
    if (!receipt_fits(request_query(req, "received"), at)) {
        respond_error(req, 400, "bad_query", "A receipt is epoch and number, as 1.17.", "received");
        return;
    }
    req->work = at;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_FED_BATCH);
    buf_str(&q, at->peer);
    buf_u64(&q, at->epoch);
    buf_u64(&q, at->after);
    buf_u32(&q, FED_OUT_BATCH_MAX);
    request_ask(req, &q, batch_came);
    buf_free(&q);
}

static void imported(struct api_request *req, const struct fed_import *r)
{
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "from");
    json_text(&j, span_of(r->from));
    json_key(&j, "envelopes");
    json_u64(&j, r->count);
    json_key(&j, "new");
    json_u64(&j, r->fresh);
    json_key(&j, "refused");
    json_u64(&j, r->refused);
    json_key(&j, "received"); /* what the other side says to its next export */
    json_text(&j, span_of(arena_printf(&req->arena, "%llu.%llu", (unsigned long long)r->epoch, (unsigned long long)r->last)));
    json_end(&j);
    respond_json(req, 200, &b);
}

static void look_again(struct api_request *req);

/* The keeper answered something: by then it may have kept the file. */
static void came_round(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct fed_engine *en = rc < 0 ? NULL : engine_of(req);
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    if (en == NULL) {
        return;
    }
    const struct fed_import *r = fed_engine_import(en, *(const uint64_t *)req->work);
    if (r == NULL || (r->over && r->rc < 0)) {
        respond_failure(req, r == NULL ? ERR_CLOSED : r->rc, SPAN("the file could not be kept"));
    } else if (r->over) {
        imported(req, r);
    } else {
        look_again(req);
    }
}

static void look_again(struct api_request *req)
{
    struct buf q;
    buf_init(&q, 64);
    ask_begin(&q, ASK_FED_STREAMS);
    request_ask(req, &q, came_round);
    buf_free(&q);
}

void courier_import(struct api_request *req)
{
    struct fed_engine *en = engine_of(req);
    uint64_t *id = arena_alloc(&req->arena, sizeof *id);
    struct err e = {0};
    req->work = id;
    if (en == NULL) {
        return;
    }
    if (fed_engine_courier_read(en, buf_view(&req->body), id, &e) < 0) {
        refuse(req, &e);
        return;
    }
    look_again(req);
}
