/* SPDX-License-Identifier: EUPL-1.2 */
/* /copy: the second copy of the archive. Runs in the desk; the keeper answers. */
#include "api/api_priv.h"
#include "records/copies.h"

static void put_day(struct json_writer *j, const char *key, int32_t day)
{
    char text[TIME_TEXT_MAX];
    json_key(j, key);
    if (day == INT32_MIN) {
        json_null(j);
    } else {
        json_text(j, span_make(time_format((time_ns)day * TIME_DAY, text), 10));
    }
}

static void put_text(struct json_writer *j, const char *key, struct span text)
{
    json_key(j, key);
    json_text_or_null(j, text);
}

static void put_report(struct json_writer *j, const struct copy_report *r, time_ns now)
{
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {{"days", r->state.days}, {"bytes", r->state.bytes}, {"waiting", r->waiting}};
    json_object(j);
    put_text(j, "state", span_of(copy_health_name(copies_health(r, now))));
    put_text(j, "place", r->place);
    put_text(j, "kind", r->place.len == 0 ? SPAN("") : span_of(copy_place_kind(r->place)));
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        json_key(j, numbers[i].key);
        json_i64(j, numbers[i].value);
    }
    put_day(j, "newest_day", r->state.newest);
    put_day(j, "oldest_waiting", r->oldest);
    json_key(j, "at");
    json_time(j, r->state.at);
    json_key(j, "failed_at");
    json_time(j, r->state.failed_at);
    put_text(j, "why", span_of(r->state.why));
    json_end(j);
}

static void copy_answered(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct copy_report r = {0};
    struct json_writer j;
    struct buf b;
    if (rc == 0) {
        copy_report_decode(data, &r);
        rc = cursor_done(data) ? 0 : ERR_INVALID;
        why = rc == 0 ? why : SPAN("the answer is broken");
    }
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &b, &j);
    put_report(&j, &r, clock_now());
    respond_json(req, 200, &b);
}

void copy_get(struct api_request *req)
{
    struct buf q;
    if (!request_may_see_numbers(req)) {
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_COPY);
    request_ask(req, &q, copy_answered);
    buf_free(&q);
}
