/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /registers/{kind}/{id}/history: what happened to a record. Runs in the desk; the keeper reads it from the audit trail, and what of
 * each change the reader sees is decided here by the label that the record had then (desk/govern/history.h).
 */
#include "api/reads.h"

#include "base/num.h"

enum { HISTORY_LIMIT = 20 /* changes of a page where nobody says how many */ };

bool record_history_document(struct json_writer *j, const struct record_worker *w, struct arena *arena, struct cursor *data)
{
    bool more = cursor_u8(data) != 0;
    uint32_t n = cursor_u32(data);
    struct record_past *past = n > RECORD_HISTORY_PAGE_MAX ? NULL : arena_calloc(arena, n + 1, sizeof *past);
    for (uint32_t i = 0; past != NULL && i < n; i++) {
        record_past_decode(data, &past[i]);
    }
    if (past == NULL || !cursor_done(data)) {
        return false;
    }
    json_object(j);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < n; i++) {
        (void)record_past_show(w, &past[i], arena, j);
    }
    json_end(j);
    json_key(j, "next");
    if (more && n > 0) {
        json_text(j, span_of(arena_printf(arena, "%lld", (long long)past[n - 1].number - 1)));
    } else {
        json_null(j);
    }
    json_end(j);
    return true;
}

static void history_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct record_work *w = req->work;
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    request_json(req, &b, &j);
    bool whole = record_history_document(&j, &w->who, &req->arena, data);
    reads_respond(req, w->who.reads, "history", whole, &b);
}

static void history_ready(struct api_request *req)
{
    struct record_work *w = record_work_of(req);
    struct record_scope scope;
    struct buf q;
    if (w == NULL) {
        return;
    }
    policy_record_scope(w->who.reader, &w->who.kind->rights, w->who.now, &scope);
    record_sight_of(w->who.kinds, w->who.reader, w->who.now, &w->sight);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_RECORD_HISTORY);
    record_scope_encode(&q, &scope);
    record_sight_encode(&q, &w->sight);
    buf_str(&q, w->who.kind->name);
    buf_str(&q, req->param[1]);
    buf_u64(&q, (uint64_t)request_number(req, "cursor", 0));
    buf_u32(&q, (uint32_t)request_number(req, "limit", HISTORY_LIMIT));
    request_ask(req, &q, history_answered);
    buf_free(&q);
}

void record_history_get(struct api_request *req)
{
    with_registers(req, history_ready);
}
