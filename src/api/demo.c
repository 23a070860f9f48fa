/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /demo: the invented city, as far as it is; `sereno demo` tells when it begins to load one, when all of it is there, and that it is to go.
 * Runs in the desk; the keeper does it. Only for whoever speaks for the whole node.
 */
#include "api/api_priv.h"
#include "api/registers.h"
#include "records/demo.h"


static void tell_servers(struct api_request *req, bool on)
{
    if (req->api->config.demo != NULL) {
        req->api->config.demo(req->api->config.arg, on);
    } else {
        api_set_demo(req->api, on);
    }
}

static void came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct json_writer j;
    struct buf b;
    uint8_t stage = rc == 0 ? cursor_u8(data) : 0;
    struct span source = rc == 0 ? cursor_str(data) : SPAN("");
    time_ns at = rc == 0 ? (time_ns)cursor_u64(data) : 0;
    uint64_t events = rc == 0 ? cursor_u64(data) : 0;
    rc = rc == 0 && (!cursor_done(data) || stage >= DEMO_STAGES) ? ERR_INVALID : rc;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "stage");
    json_text(&j, span_of(demo_stage_name((enum demo_stage)stage)));
    json_key(&j, "organisation");
    json_text(&j, SPAN(DEMO_ORGANISATION));
    json_key(&j, "source");
    json_text(&j, source);
    json_key(&j, "since");
    json_time(&j, at);
    json_key(&j, "events");
    json_u64(&j, events);
    json_end(&j);
    respond_json(req, 200, &b);
}

void demo_get_one(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_DEMO);
    request_ask(req, &q, came);
    buf_free(&q);
}

static void begun(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    if (rc == 0) {
        tell_servers(req, true);
    }
    respond_done(req, rc, text, data);
}

/* Kinds that were on for it are off again on every server. */
static void switch_off(struct api_request *req, struct span kinds)
{
    while (kinds.len > 0) {
        ptrdiff_t n = span_find(kinds, ' ');
        struct span kind = span_sub(kinds, 0, n < 0 ? kinds.len : (size_t)n);
        kinds = span_sub(kinds, n < 0 ? kinds.len : (size_t)n + 1, kinds.len);
        if (req->api->config.switched != NULL) {
            req->api->config.switched(req->api->config.arg, kind, false);
        } else {
            api_register_switched(req->api, kind, false);
        }
    }
}

static void purged(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct span kinds = rc == 0 ? cursor_str(data) : SPAN("");
    uint64_t records = rc == 0 ? cursor_u64(data) : 0;
    rc = rc == 0 && !cursor_done(data) ? ERR_INVALID : rc;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    switch_off(req, kinds);
    tell_servers(req, false);
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "log_records");
    json_u64(&j, records);
    json_end(&j);
    respond_json(req, 200, &b);
}

static void ask_change(struct api_request *req)
{
    struct span to = request_field(req, "to");
    bool loads = span_eq(to, SPAN("loading"));
    bool is_loaded = span_eq(to, SPAN("loaded"));
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, loads ? ASK_DEMO_BEGIN : is_loaded ? ASK_DEMO_LOADED : ASK_DEMO_PURGE);
    buf_str(&q, req->user.name);
    if (loads) {
        buf_str(&q, request_field(req, "source"));
        buf_str(&q, request_field(req, "kinds"));
    }
    request_ask(req, &q, loads ? begun : is_loaded ? respond_done : purged);
    buf_free(&q);
}

void demo_change(struct api_request *req)
{
    struct span source = request_field(req, "source");
    bool loads = span_eq(request_field(req, "to"), SPAN("loading"));
    if (!span_eq(req->user.organisation, SPAN("*"))) {
        respond_error(req, 403, "not_permitted", "Whether an invented city is here is for the whole node to say.", NULL);
    } else if (loads ? !demo_source_fits(source) : source.len > 0) {
        respond_error(req, 400, "bad_body", "The name of its source of logs goes with \"loading\" and begins with demo-.", "source");
    } else if (request_field(req, "kinds").len > DEMO_KINDS_MAX) {
        respond_error(req, 400, "bad_body", "That are too many kinds.", "kinds");
    } else {
        with_registers(req, ask_change); /* which of them are on is known then */
    }
}
