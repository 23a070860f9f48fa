/* SPDX-License-Identifier: EUPL-1.2 */
/* Faults of a record by field, in the language of who sent it: for whom writes one, and for imports of many. */
#include "api/registers.h"

static void put_plain(struct buf *b, struct span value)
{
    buf_span(b, value);
}

void record_fault_json(struct json_writer *j, const struct api_request *req, const struct schema_fault *f)
{
    const struct words_value limit = {"limit", f->limit};
    struct buf says;
    buf_init(&says, 64 << 10);
    words_write(&says, request_words(req), words_of_fault(f->reason), &limit, 1, put_plain);
    json_member_text(j, "where", f->pointer);
    json_member_text(j, "reason", span_of(schema_reason_word(f->reason)));
    json_member_text(j, "limit", f->limit);
    json_member_text(j, "message", buf_view(&says));
    buf_free(&says);
}

void respond_record_faults(struct api_request *req, const struct record_faults *f)
{
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "error");
    json_object(&j);
    json_member_text(&j, "code", SPAN("invalid"));
    json_member_text(&j, "message", SPAN("Some of this cannot be taken; \"fields\" says what and why."));
    json_member_text(&j, "where", f->list[0].pointer);
    json_key(&j, "fields");
    json_array(&j);
    for (uint32_t i = 0; i < f->count && i < SCHEMA_FAULTS_MAX; i++) {
        json_object(&j);
        record_fault_json(&j, req, &f->list[i]);
        json_end(&j);
    }
    json_end(&j);
    json_key(&j, "count");
    json_u64(&j, f->count);
    json_end(&j);
    json_end(&j);
    respond_json(req, 422, &b);
}
