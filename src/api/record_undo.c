/* SPDX-License-Identifier: EUPL-1.2 */
/* /registers/{kind}/imports: the imports that somebody made, and taking one back. How one comes in: record_import.c. Runs in the desk. */
#include "api/registers.h"
#include "base/id.h"
#include "records/registers/record_import.h"

static void import_json(struct json_writer *j, struct cursor *data)
{
    struct record_import_row r;
    char at[TIME_TEXT_MAX];
    record_import_row_decode(data, &r);
    if (data->failed) {
        return;
    }
    json_object(j);
    json_key(j, "id");
    json_text(j, r.id);
    json_key(j, "at");
    json_text(j, span_of(time_format(r.at, at)));
    json_key(j, "why");
    json_text(j, r.why);
    json_key(j, "new");
    json_i64(j, r.made);
    json_key(j, "changed");
    json_i64(j, r.changed);
    json_key(j, "undone");
    json_bool(j, r.undone);
    json_key(j, "can_undo");
    json_bool(j, r.can_undo);
    json_end(j);
}

static void imports_came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    respond_rows(req, rc, text, data, import_json);
}

static void imports_ready(struct api_request *req)
{
    struct record_work *w = record_work_of(req);
    struct buf q;
    if (w == NULL) {
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_IMPORTS);
    buf_str(&q, w->who.kind->name);
    buf_str(&q, req->user.id);
    buf_u64(&q, (uint64_t)w->who.now);
    request_ask(req, &q, imports_came);
    buf_free(&q);
}

void show_imports(struct api_request *req)
{
    with_registers(req, imports_ready);
}

static void swept(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    if (record_import_drops_more(rc, data)) {
        record_import_drop(req, req->param[1], swept);
        return;
    }
    struct cursor none = cursor_of(SPAN(""));
    respond_done(req, 0, text, &none); /* it was taken back; what is left of it nobody sees */
}

static void undone(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    if (rc < 0) {
        respond_done(req, rc, text, data);
        return;
    }
    record_import_drop(req, req->param[1], swept);
}

/* Whoever imported may take it back as long as his role still lets him change records of his own making. */
static void undo_ready(struct api_request *req)
{
    struct record_work *w = record_work_of(req);
    struct record_scope scope;
    struct buf q;
    if (w == NULL) {
        return;
    }
    if (policy_record_home(&req->reader, &w->who.kind->rights, w->who.kind->tlp_default, RECORD_CHANGE, w->who.now).len == 0) {
        respond_failure(req, ERR_DENIED, SPAN("The register's file gives your role no right to do this."));
        return;
    }
    struct span why = request_field(req, "why");
    if (why.len > RECORD_WHY_MAX || !record_is_line(why)) {
        respond_error(req, 400, "bad_body", "A reason is one line of at most 1,000 bytes.", "why");
        return;
    }
    const struct record_import_row import = {.id = req->param[1], .kind = w->who.kind->name, .who = w->who.name, .who_id = req->user.id, .why = why};
    if (!id_valid(import.id)) {
        respond_failure(req, ERR_NOT_FOUND, SPAN(""));
        return;
    }
    policy_record_scope(w->who.reader, &w->who.kind->rights, w->who.now, &scope);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_IMPORT_UNDO);
    record_scope_encode(&q, &scope);
    record_import_row_encode(&q, &import);
    buf_u64(&q, (uint64_t)w->who.now);
    request_ask(req, &q, undone);
    buf_free(&q);
}

void record_import_undo_post(struct api_request *req)
{
    with_registers(req, undo_ready);
}
