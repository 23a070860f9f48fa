/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /registers/{kind}/{id}/named_by and …/chain: a record from the other side. Runs in the desk; what the reader sees of each kind
 * goes with the question to the keeper, and nothing behind a record that he may not read comes back.
 */
#include "api/registers.h"

#include "base/map.h"

static struct span plural_of(const struct record_worker *w, struct span kind)
{
    const struct register_kind *k = registers_by_name(w->kinds, kind);
    return k == NULL ? kind : k->plural;
}

/* ---- what names it ---- */

void record_named_document(struct json_writer *j, const struct record_work *w)
{
    json_object(j);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < w->sight.nways; i++) {
        const struct record_named *n = &w->named[i];
        const struct register_field *f = record_way_field(w->who.kinds, &n->way);
        CHECK(f != NULL); /* the way was made of it */
        json_object(j);
        json_member_text(j, "name", f->inverse);
        json_member_text(j, "kind", n->way.kind);
        json_member_text(j, "plural", plural_of(&w->who, n->way.kind));
        json_member_text(j, "field", n->way.field);
        json_key(j, "count");
        json_i64(j, n->count);
        json_key(j, "uncounted");
        json_bool(j, n->uncounted);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

static void named_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct record_work *w = req->work;
    struct record_row row = {0};
    struct json_writer j;
    struct buf b;
    rc = record_take(w, rc, data, &row);
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    request_json(req, &b, &j);
    record_named_document(&j, w);
    respond_json(req, 200, &b);
}

static void named_ready(struct api_request *req)
{
    if (record_work_of(req) != NULL) {
        record_ask(req, true, named_answered);
    }
}

void record_named_get(struct api_request *req)
{
    with_registers(req, named_ready);
}

/* ---- chains ---- */

static void record_of_step(struct json_writer *j, const struct record_worker *w, const struct record_step *s)
{
    json_object(j);
    json_member_text(j, "id", s->id);
    json_member_text(j, "kind", s->kind);
    json_member_text(j, "plural", plural_of(w, s->kind));
    bool masked = record_title_masked(w, s->kind, s->id);
    json_member_text(j, "title", masked ? SPAN("") : s->title);
    json_key(j, "masked");
    json_bool(j, masked);
    json_member_text(j, "state", s->state);
    json_key(j, "depth");
    json_u64(j, s->depth);
    json_end(j);
}

static void items_of(struct json_writer *j, const struct record_worker *w, const struct record_step *steps, uint32_t n, struct span only)
{
    struct map told; /* the first step of a record is by its shortest way */
    map_init(&told);
    map_put(&told, steps[0].id, 1);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 1; i < n; i++) {
        bool is_new = false;
        *map_at(&told, steps[i].id, &is_new) = 1;
        if (is_new && (only.len == 0 || span_eq(steps[i].kind, only))) {
            record_of_step(j, w, &steps[i]);
        }
    }
    json_end(j);
    map_free(&told);
}

bool record_chain_document(struct json_writer *j, const struct record_worker *w, struct arena *arena, struct cursor *data, bool up,
                           struct span only)
{
    bool more = cursor_u8(data) != 0;
    uint32_t n = cursor_u32(data);
    if (n < 1 || n > RECORD_CHAIN_MAX) {
        return false;
    }
    struct record_step *steps = arena_calloc(arena, n, sizeof *steps);
    for (uint32_t i = 0; i < n; i++) {
        record_step_decode(data, &steps[i]);
    }
    if (!cursor_done(data)) {
        return false;
    }
    json_object(j);
    json_key(j, "from");
    record_of_step(j, w, &steps[0]);
    items_of(j, w, steps, n, only);
    json_key(j, "edges"); /* who names, by which field, whom */
    json_array(j);
    for (uint32_t i = 1; i < n; i++) {
        json_object(j);
        json_member_text(j, "from", up ? steps[i].id : steps[i].next);
        json_member_text(j, "field", steps[i].field);
        json_member_text(j, "to", up ? steps[i].next : steps[i].id);
        json_end(j);
    }
    json_end(j);
    json_key(j, "more");
    json_bool(j, more);
    json_end(j);
    return true;
}

static void chain_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct record_work *w = req->work;
    struct json_writer j;
    struct buf b;
    bool up = !span_eq(request_query(req, "direction"), SPAN("down"));
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    request_json(req, &b, &j);
    respond_whole(req, record_chain_document(&j, &w->who, &req->arena, data, up, request_query(req, "kind")), &b);
}

static void chain_ready(struct api_request *req)
{
    struct record_work *w = record_work_of(req);
    struct span only = request_query(req, "kind");
    struct buf q;
    if (w == NULL) {
        return;
    }
    record_sight_of(w->who.kinds, w->who.reader, w->who.now, &w->sight);
    record_sight_narrow(w->who.kinds, SPAN(""), &w->sight);
    bool known = only.len == 0;
    for (uint32_t i = 0; i < w->sight.nkinds; i++) {
        known = known || span_eq(w->sight.kinds[i], only);
    }
    if (!known) {
        respond_error(req, 400, "bad_query", "There is no such kind of record.", "kind");
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_RECORD_CHAIN);
    record_sight_encode(&q, &w->sight);
    buf_str(&q, w->who.kind->name);
    buf_str(&q, req->param[1]);
    buf_u8(&q, !span_eq(request_query(req, "direction"), SPAN("down")));
    request_ask(req, &q, chain_answered);
    buf_free(&q);
}

void record_chain_get(struct api_request *req)
{
    with_registers(req, chain_ready);
}
