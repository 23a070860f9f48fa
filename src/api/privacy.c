/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /privacy: personal fields that are masked for somebody, shown to him for a while. The keeper records who, what and why before
 * anything is shown. Runs in the desk.
 */
#include "api/registers.h"
#include "base/id.h"
#include "records/privacy.h"

void respond_bad_reason(struct api_request *req)
{
    respond_error(req, 400, "bad_reason", "Say for what you need it, in one line of at least 10 characters.", "why");
}

struct unmasking {
    struct policy_shown what;
    struct span why;
    time_ns until;
};

static void unmasked(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct unmasking *u = req->work;
    struct json_writer j;
    struct buf b;
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    shown_add_why(req->api->shown, req->credential, &u->what, u->why, u->until, clock_now());
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "kind");
    json_text(&j, u->what.kind);
    json_key(&j, "record");
    json_text_or_null(&j, u->what.record);
    json_key(&j, "until");
    json_time(&j, u->until);
    json_end(&j);
    respond_json(req, 200, &b);
}

static void unmask_ready(struct api_request *req)
{
    const struct register_kind *k = registers_by_name(req->api->registers, request_field(req, "kind"));
    struct unmasking *u = arena_calloc(&req->arena, 1, sizeof *u);
    struct record_scope scope = {0};
    struct span why = span_trim(request_field(req, "why"));
    time_ns now = clock_now();
    struct buf q;
    u->what = (struct policy_shown){k == NULL ? SPAN("") : k->name, request_field(req, "record")};
    u->until = now + (time_ns)SHOWN_MINUTES * 60 * TIME_SECOND;
    if (k != NULL) { /* where he may have persons shown, not wherever he reads */
        struct policy_seat *seats = arena_calloc(&req->arena, POLICY_SEATS_MAX, sizeof *seats);
        struct policy_reader shown_to;
        policy_reader_narrow(&req->reader, POLICY_MAY_SHOW, seats, &shown_to);
        policy_record_scope(&shown_to, &k->rights, now, &scope);
    }
    if (k == NULL || record_scope_empty(&scope) || (u->what.record.len > 0 && !id_valid(u->what.record))) {
        respond_failure(req, ERR_NOT_FOUND, SPAN(""));
        return;
    }
    if (!shown_reason_fits(why)) {
        respond_bad_reason(req);
        return;
    }
    u->why = why;
    req->work = u;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_PERSONS_SHOW);
    record_scope_encode(&q, &scope);
    persons_show_encode(&q, &(struct persons_show){u->what.kind, u->what.record, req->user.organisation, req->user.name, why, u->until});
    request_ask(req, &q, unmasked);
    buf_free(&q);
}

void privacy_unmask(struct api_request *req)
{
    with_registers(req, unmask_ready);
}

void privacy_unmasked(struct api_request *req)
{
    struct shown_part *parts = NULL;
    uint32_t n = shown_of(req->api->shown, req->credential, clock_now(), &req->arena, &parts);
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    for (uint32_t i = 0; i < n; i++) {
        json_object(&j);
        json_key(&j, "kind");
        json_text(&j, parts[i].what.kind);
        json_key(&j, "record");
        json_text_or_null(&j, parts[i].what.record);
        json_key(&j, "until");
        json_time(&j, parts[i].until);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    respond_json(req, 200, &b);
}

void privacy_mask(struct api_request *req)
{
    shown_end(req->api->shown, req->credential);
    respond_nothing(req);
}
