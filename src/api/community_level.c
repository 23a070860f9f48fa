/* SPDX-License-Identifier: EUPL-1.2 */
/* /federation/level: how far the community is on its guard, of the warnings that the reader may count. Runs in the desk; the
 * keeper answers. */
#include "api/api_priv.h"
#include "desk/federation/warning.h"
#include "records/fed_warnings.h"

enum { LIST_LIMIT = 200 };

void community_level_json(struct json_writer *j, const struct level_report *r)
{
    json_object(j);
    json_key(j, "level");
    json_text(j, span_of(community_level_name(r->level)));
    json_key(j, "since");
    json_time(j, r->since);
    json_key(j, "reasons");
    json_array(j);
    for (uint32_t i = 0; i < r->nreasons; i++) {
        json_object(j);
        json_key(j, "text");
        json_text(j, span_of(r->reasons[i].text));
        json_key(j, "count");
        if (r->reasons[i].count > 0) {
            json_i64(j, r->reasons[i].count);
        } else {
            json_null(j);
        }
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

bool community_level_document(struct json_writer *j, struct arena *arena, const struct policy_reader *reader, struct cursor *data, time_ns now)
{
    struct level_report report;
    uint32_t n = cursor_u32(data);
    struct level_warning *list = arena_calloc(arena, LIST_LIMIT + 1, sizeof *list);
    size_t count = 0;
    for (uint32_t i = 0; i < n && i < LIST_LIMIT && !data->failed; i++) {
        struct fed_warning_row r;
        enum community_kind kind;
        fed_warning_decode(data, &r);
        if (!data->failed && r.withdrawn == 0 && r.expires > now && community_kind_parse(r.kind, &kind) &&
            warning_shows(reader, ACTION_COUNT, now)) {
            list[count++] = (struct level_warning){kind, (enum alert_level)r.level, r.seen, r.updated};
        }
    }
    community_level_of(list, count, now, &report);
    community_level_json(j, &report);
    return !data->failed;
}

static void level_answered(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &b, &j);
    respond_whole(req, community_level_document(&j, &req->arena, &req->reader, data, clock_now()), &b);
}

void show_community_level(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_WARNINGS);
    buf_u64(&q, (uint64_t)INT64_MAX);
    buf_u32(&q, LIST_LIMIT);
    buf_u8(&q, 1);
    request_ask(req, &q, level_answered);
    buf_free(&q);
}
