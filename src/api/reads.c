/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reads of sensitive records (desk/govern/reads.h): noted, and the list of them for whom may look after such reads, by his role or an
 * appointment. Runs in the desk; the keeper stores.
 */
#include "api/reads.h"

#include "base/num.h"
#include "policy/own.h"
#include "records/privacy.h"
#include "records/reads.h"

struct record_reads *reads_of(struct api_request *req)
{
    struct record_reads *r = arena_calloc(&req->arena, 1, sizeof *r);
    r->a = &req->arena;
    return r;
}

/* ---- noted ---- */

struct noting {
    api_handler *then;
    struct buf *body;
};

static void noted(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct noting *n = req->noting;
    (void)data;
    if (rc < 0) {
        if (n->body != NULL) {
            buf_free(n->body);
        }
        respond_failure(req, rc, text);
        return;
    }
    n->then(req);
}

void reads_note(struct api_request *req, const struct record_reads *r, const char *way, struct buf *body, api_handler *then)
{
    time_ns now = clock_now();
    struct buf q;
    if (r == NULL || r->n == 0 || (body != NULL && body->failed)) {
        then(req);
        return;
    }
    struct noting *n = arena_alloc(&req->arena, sizeof *n);
    *n = (struct noting){then, body};
    req->noting = n;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_READS_NOTE);
    buf_u32(&q, r->n);
    for (uint32_t i = 0; i < r->n; i++) {
        struct read_note note;
        struct span why = shown_why(req->api->shown, req->credential, span_of(r->of[i]->kind), span_of(r->of[i]->ids[0]), now);
        record_reads_note(r->of[i], req->user.name, span_of(way), why, now, &req->arena, &note);
        read_note_encode(&q, &note);
    }
    CHECK(!q.failed); /* READS_GROUPS_MAX rows of bounded parts */
    request_ask(req, &q, noted);
    buf_free(&q);
}

static void respond_body(struct api_request *req)
{
    struct buf *body = req->work;
    respond_json(req, 200, body);
}

void reads_respond(struct api_request *req, const struct record_reads *r, const char *way, bool whole, struct buf *body)
{
    if (!whole) {
        respond_whole(req, false, body);
        return;
    }
    struct buf *kept = arena_alloc(&req->arena, sizeof *kept);
    *kept = *body;
    req->work = kept;
    reads_note(req, r, way, kept, respond_body);
}

/* ---- who read ---- */

bool looks_places(struct api_request *req, struct policy_places *out)
{
    policy_own_places(&req->reader, ITEM_RECORD, ACTION_LIST, POLICY_MAY_LOOK, clock_now(), out);
    if (out->count == 0) {
        respond_error(req, 403, "not_permitted", "Your role does not allow this.", NULL);
    }
    return out->count > 0;
}

bool looks_cursor(struct api_request *req, int64_t *before_out)
{
    struct span cursor = request_query(req, "cursor");
    *before_out = 0;
    if (cursor.len > 0 && (!num_i64(cursor, before_out) || *before_out < 1)) {
        respond_error(req, 400, "bad_query", "This is no place in the list.", "cursor");
        return false;
    }
    return true;
}

static void ids_member(struct json_writer *j, struct span ids)
{
    json_key(j, "records");
    json_array(j);
    while (ids.len > 0) {
        ptrdiff_t blank = span_find(ids, ' ');
        size_t n = blank < 0 ? ids.len : (size_t)blank;
        json_text(j, span_sub(ids, 0, n));
        ids = span_sub(ids, n + (blank >= 0), ids.len);
    }
    json_end(j);
}

static void read_json(struct api_request *req, struct json_writer *j, struct cursor *data)
{
    struct read_note note;
    const struct read_note *n = &note;
    read_note_decode(data, &note);
    if (data->failed) {
        return;
    }
    const struct register_kind *k = req->api->registers == NULL ? NULL : registers_any(req->api->registers, n->kind);
    const struct {
        const char *key;
        struct span value;
    } texts[] = {{"organisation", n->organisation}, {"who", n->who}, {"kind", n->kind}, {"plural", k == NULL ? n->kind : k->plural}, {"way", n->way}, {"why", n->why}};
    json_object(j);
    json_key(j, "number");
    json_i64(j, n->number);
    json_key(j, "at");
    json_time(j, n->at);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_key(j, texts[i].key);
        json_text(j, texts[i].value);
    }
    ids_member(j, n->ids);
    json_key(j, "count");
    json_u64(j, n->count);
    json_key(j, "persons");
    json_bool(j, n->persons);
    json_key(j, "red");
    json_bool(j, n->red);
    json_end(j);
}

void looks_respond(struct api_request *req, int rc, struct span text, struct cursor *data, looks_item *item, uint64_t kept_days)
{
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    int64_t next = (int64_t)cursor_u64(data);
    uint32_t n = cursor_u32(data);
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        item(req, &j, data);
    }
    json_end(&j);
    json_key(&j, "next");
    json_text_or_null(&j, next > 0 ? span_of(arena_printf(&req->arena, "%lld", (long long)next)) : SPAN(""));
    if (kept_days > 0) {
        json_key(&j, "kept_days");
        json_u64(&j, kept_days);
    }
    json_end(&j);
    respond_whole(req, cursor_done(data), &b);
}

static void reads_came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    looks_respond(req, rc, text, data, read_json, READS_KEPT_DAYS);
}

static void reads_ready(struct api_request *req)
{
    struct policy_places places;
    int64_t before = 0;
    struct buf q;
    if (!looks_places(req, &places) || !looks_cursor(req, &before)) {
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_READS);
    places_encode(&q, &places);
    buf_u64(&q, (uint64_t)before);
    buf_u32(&q, READS_PAGE_MAX);
    request_ask(req, &q, reads_came);
    buf_free(&q);
}

void privacy_reads(struct api_request *req)
{
    with_registers(req, reads_ready);
}
