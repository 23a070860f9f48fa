/* SPDX-License-Identifier: EUPL-1.2 */
/* /session, /status, /sources, /rules, /healthz: what the node is and holds. Runs in the desk; the
 * keeper answers. */
#include <stdio.h>

#include "api/api_priv.h"
#include "base/num.h"
#include "records/places.h"

static void number(struct json_writer *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_i64(j, v);
}

void session_get(struct api_request *req)
{
    struct json_writer j;
    struct buf b;
    char csrf[SECRET_TEXT_LEN + 1];
    if (!req->by_token) {
        secret_csrf(req->cookie, csrf);
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "user");
    json_object(&j);
    json_member_text(&j, "id", req->user.id);
    json_member_text(&j, "name", req->user.name);
    json_member_text(&j, "role", req->user.role);
    session_role_json(&j, req);
    json_key(&j, "whole_node"); /* of no one organisation: what is said of all of the node is his to read and to say */
    json_bool(&j, span_eq(req->user.organisation, SPAN("*")));
    json_member_text(&j, "second_factor", req->user.factor ? SPAN("on") : factor_needed(&req->user, req->role) ? SPAN("needed") : SPAN("off"));
    json_end(&j);
    json_member_text(&j, "csrf", req->by_token ? SPAN("") : span_of(csrf));
    json_key(&j, "node");
    json_object(&j);
    json_member_text(&j, "name", req->api->config.node_name);
    json_member_text(&j, "version", SPAN(SERENO_VERSION));
    if (req->api->config.ingest.len > 0) {
        json_member_text(&j, "ingest", req->api->config.ingest);
    }
    json_end(&j);
    json_end(&j);
    respond_json(req, 200, &b);
}

void health_get(struct api_request *req)
{
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_member_text(&j, "status", SPAN("ok"));
    json_end(&j);
    respond_json(req, 200, &b);
}

/* Numbers over all organisations of the node; null for those who see one of them only. */
static void number_if(struct json_writer *j, bool shown, const char *key, int64_t v)
{
    json_key(j, key);
    if (shown) {
        json_i64(j, v);
    } else {
        json_null(j);
    }
}

static bool numbers_shown(const struct policy_reader *reader, time_ns now)
{
    struct own_item own;
    item_of_node_numbers(&own);
    return policy_own_allows(reader, &own.item, ACTION_COUNT, POLICY_MAY_WATCH, now);
}

static void archive_json(struct json_writer *j, const struct keeper_status *s, bool shown)
{
    json_key(j, "archive");
    json_object(j);
    number_if(j, shown, "bytes", s->archive_bytes);
    number_if(j, shown, "events", s->archive_events);
    json_key(j, "oldest_day");
    if (s->archive_oldest_day < 0 || !shown) {
        json_null(j);
    } else {
        char day[TIME_TEXT_MAX];
        (void)time_format(s->archive_oldest_day * TIME_DAY, day);
        json_text(j, span_sub(span_of(day), 0, 10));
    }
    json_end(j);
}

/* The second copy; without a place for one: null. */
static void copy_json(struct json_writer *j, const struct keeper_status *s, bool shown)
{
    json_key(j, "copy");
    if (s->copy_wanted == 0 || !shown) {
        json_null(j);
        return;
    }
    json_object(j);
    number(j, "days", s->copy_days);
    number(j, "bytes", s->copy_bytes);
    number(j, "waiting", s->copy_waiting);
    json_key(j, "at");
    json_time(j, s->copy_at);
    json_key(j, "failed_at");
    json_time(j, s->copy_failed_at);
    json_end(j);
}

static void correlations_json(struct json_writer *j, const struct keeper_status *s, bool shown)
{
    json_key(j, "correlations");
    json_object(j);
#define X(name) number_if(j, shown, #name, s->correlate_##name);
    CORRELATE_COUNTERS(X)
#undef X
    number_if(j, shown, "matches_lost", s->matches_lost);
    json_end(j);
}

void status_document(struct json_writer *j, const struct api *api,
                     const struct policy_reader *reader, const struct keeper_status *s, time_ns now)
{
    bool shown = numbers_shown(reader, now);
    json_object(j);
    json_member_text(j, "version", SPAN(SERENO_VERSION));
    json_key(j, "started");
    json_time(j, api->started);
    number_if(j, shown, "events", s->events);
    number_if(j, shown, "alerts", s->alerts);
    json_key(j, "last_event");
    json_time(j, shown ? s->last_event : TIME_NONE);
    json_key(j, "sources");
    json_object(j);
    number_if(j, shown, "total", s->sources_total);
    number_if(j, shown, "live", s->sources_live);
    json_end(j);
    json_key(j, "rules");
    json_object(j);
    number(j, "loaded", s->rules_loaded);
    number(j, "refused", s->rules_refused);
    number(j, "alert", s->rules_loaded); /* every rule is on at the level that makes alerts */
    json_end(j);
    json_key(j, "roles");
    if (api->roles_json.len > 0) {
        json_raw(j, buf_view(&api->roles_json));
    } else {
        json_array(j);
        json_end(j);
    }
    archive_json(j, s, shown);
    copy_json(j, s, shown);
    correlations_json(j, s, shown);
    json_member_text(j, "sandbox", api->sandbox[0] == '\0' ? SPAN("off") : span_of(api->sandbox));
    json_member_text_or_null(j, "certificate", span_of(api->fingerprint));
    json_end(j);
}

static void status_answered(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    struct keeper_status s;
    struct json_writer j;
    struct buf b;
    keeper_status_decode(data, &s);
    request_json(req, &b, &j);
    status_document(&j, req->api, &req->reader, &s, clock_now());
    respond_whole(req, cursor_done(data), &b);
}

static void ask_plain(struct api_request *req, enum ask ask, bool with_organisation, api_then *then)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ask);
    if (with_organisation) {
        struct policy_places places;
        policy_own_places(&req->reader, ITEM_SOURCE, ACTION_LIST, POLICY_MAY_WATCH, clock_now(), &places);
        if (places.count == 0) {
            buf_free(&q);
            respond_error(req, 403, "not_permitted", "Your role does not allow this.", NULL);
            return;
        }
        places_encode(&q, &places);
    }
    request_ask(req, &q, then);
    buf_free(&q);
}

void status_get(struct api_request *req)
{
    ask_plain(req, ASK_STATUS, false, status_answered);
}

static void number_json(struct json_writer *j, const struct source_row *s, const struct source_number *n)
{
    int64_t v = 0;
    bool known = source_number_get(s, n, &v);
    json_key(j, n->key);
    if (!known) {
        json_null(j);
    } else if (n->kind == SOURCE_NUMBER_TIME) {
        json_time(j, v);
    } else if (n->kind == SOURCE_NUMBER_MILLI) {
        json_milli(j, v);
    } else if (n->kind == SOURCE_NUMBER_FLAG) {
        json_bool(j, v != 0);
    } else {
        json_i64(j, v);
    }
}

static void source_json(struct json_writer *j, const struct source_row *s)
{
    json_object(j);
    json_member_text(j, "name", s->name);
    json_member_text(j, "kind", s->kind);
    json_member_text_or_null(j, "product", s->product);
    json_member_text_or_null(j, "category", s->category);
    json_member_text_or_null(j, "service", s->service);
    json_member_text(j, "organisation", s->organisation);
    for (size_t i = 0; i < source_number_count; i++) {
        number_json(j, s, &source_numbers[i]);
    }
    json_key(j, "drops");
    json_object(j);
    for (int why = 0; why < DROP_COUNT; why++) {
        number(j, drop_word((enum drop_cause)why), s->drops[why]);
    }
    json_end(j);
    json_end(j);
}

bool sources_document(struct json_writer *j, const struct policy_reader *reader,
                      struct cursor *data, time_ns now)
{
    int64_t unknown = (int64_t)cursor_u64(data);
    uint32_t n = cursor_u32(data);
    json_object(j);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct source_row s;
        struct own_item own;
        source_decode(data, &s);
        item_of_source(&s, &own);
        if (!data->failed && policy_own_allows(reader, &own.item, ACTION_LIST, POLICY_MAY_WATCH, now)) {
            source_json(j, &s);
        }
    }
    json_end(j);
    number_if(j, numbers_shown(reader, now), "unknown", unknown);
    json_end(j);
    return cursor_done(data);
}

static void sources_answered(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    (void)sources_document(&j, &req->reader, data, clock_now());
    respond_whole(req, cursor_done(data), &b);
}

void source_release(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_SOURCE_RELEASE);
    buf_str(&q, request_field(req, "name"));
    buf_str(&q, req->user.name);
    request_ask(req, &q, respond_done);
    buf_free(&q);
}

void show_sources(struct api_request *req)
{
    ask_plain(req, ASK_SOURCES, true, sources_answered);
}

static void rule_item(struct json_writer *j, const struct rule_row *r, bool numbers)
{
    json_object(j);
    json_member_text(j, "id", r->rule_id);
    json_member_text(j, "title", r->title);
    json_member_text(j, "level", span_of(alert_level_name((enum alert_level)r->level)));
    json_member_text(j, "file", r->file);
    number_if(j, numbers, "events", r->events);
    number_if(j, numbers, "hits", r->alerts);
    json_end(j);
}

static void refused_json(struct json_writer *j, struct cursor *data, bool shown)
{
    json_key(j, "refused");
    json_array(j);
    uint32_t n = cursor_u32(data);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct rule_refusal r;
        refusal_decode(data, &r);
        if (!shown) {
            continue;
        }
        json_object(j);
        json_member_text(j, "file", r.file);
        json_key(j, "line");
        if (r.line > 0) {
            json_i64(j, r.line);
        } else {
            json_null(j);
        }
        json_member_text(j, "reason", r.reason);
        json_end(j);
    }
    json_end(j);
}

static bool rule_shown(const struct policy_reader *reader, const struct rule_row *r, time_ns now)
{
    struct own_item own;
    item_of_rule(r, &own);
    return policy_own_allows(reader, &own.item, ACTION_LIST, POLICY_MAY_WATCH, now);
}

bool rules_document(struct json_writer *j, struct arena *arena, const struct policy_reader *reader,
                    struct cursor *data, time_ns now)
{
    bool numbers = numbers_shown(reader, now);
    bool more = cursor_u8(data) != 0;
    int64_t total = (int64_t)cursor_u64(data);
    uint32_t n = cursor_u32(data);
    struct rule_row r = {0};
    struct rule_row last = {0}; /* shown */
    json_object(j);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        rule_decode(data, &r);
        if (!data->failed && rule_shown(reader, &r, now)) {
            rule_item(j, &r, numbers);
            last = r;
        }
    }
    json_end(j);
    refused_json(j, data, numbers);
    number_if(j, numbers, "total", total);
    json_key(j, "next");
    if (more && last.hash.len > 0) {
        json_text(j, span_of(arena_printf(arena, "%.*s.%.*s", SPAN_ARG(last.hash),
                                          SPAN_ARG(last.title))));
    } else {
        json_null(j);
    }
    json_end(j);
    return cursor_done(data);
}

static void rules_answered(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    (void)rules_document(&j, &req->arena, &req->reader, data, clock_now());
    respond_whole(req, cursor_done(data), &b);
}

void show_rules(struct api_request *req)
{
    struct span after = request_query(req, "cursor"); /* "<hash>.<title>" */
    if (after.len > 0 && (after.len <= RULE_HASH_LEN || after.ptr[RULE_HASH_LEN] != '.')) {
        respond_error(req, 400, "bad_query", "This value is not one the list knows.", "cursor");
        return;
    }
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_RULES);
    buf_str(&q, request_query(req, "q"));
    buf_str(&q, span_sub(after, RULE_HASH_LEN + 1, after.len));
    buf_str(&q, span_sub(after, 0, RULE_HASH_LEN));
    buf_u32(&q, (uint32_t)request_number(req, "limit", 100));
    request_ask(req, &q, rules_answered);
    buf_free(&q);
}
