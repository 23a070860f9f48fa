/* SPDX-License-Identifier: EUPL-1.2 */
/* An alert as JSON, and small pieces that all documents share. Runs in the desk; texts come from
 * logs and are hostile. */
#include "api/api_priv.h"
#include "base/utf8.h"

void json_time(struct json_writer *j, time_ns t)
{
    char text[TIME_TEXT_MAX];
    if (t == TIME_NONE) {
        json_null(j);
    } else {
        json_text(j, span_of(time_format(t, text)));
    }
}

void json_text_or_null(struct json_writer *j, struct span s)
{
    if (s.len == 0) {
        json_null(j);
    } else {
        json_text(j, s);
    }
}

void json_milli(struct json_writer *j, int64_t milli)
{
    json_double(j, (double)milli / 1000.0);
}

size_t utf16_units(struct span s, size_t bytes)
{
    size_t units = 0;
    const char *p = s.ptr;
    const char *end = s.ptr + s.len;
    const char *stop = s.ptr + (bytes < s.len ? bytes : s.len);
    while (p < stop) {
        size_t n = 1;
        int32_t cp = utf8_decode(p, end, &n);
        units += cp > 0xFFFF ? 2 : 1;
        p += n;
    }
    return units;
}

static void pair(struct json_writer *j, const char *key, struct span value)
{
    json_key(j, key);
    json_text(j, value);
}

static void pair_or_null(struct json_writer *j, const char *key, struct span value)
{
    json_key(j, key);
    json_text_or_null(j, value);
}

static void pair_time(struct json_writer *j, const char *key, time_ns t)
{
    json_key(j, key);
    json_time(j, t);
}

void alert_json_fields(struct json_writer *j, const struct alert_row *row)
{
    pair(j, "id", row->id);
    json_key(j, "rule");
    json_object(j);
    pair(j, "id", row->rule_id);
    pair(j, "title", row->title);
    pair(j, "level", span_of(alert_level_name((enum alert_level)row->level)));
    json_end(j);
    pair(j, "status", span_of(alert_status_name((enum alert_status)row->status)));
    pair_time(j, "time", row->time);
    pair_time(j, "received", row->received);
    pair_or_null(j, "host", row->host);
    pair_or_null(j, "user", row->user);
    json_key(j, "source");
    json_object(j);
    pair_or_null(j, "name", row->source);
    pair_or_null(j, "product", row->product);
    pair_or_null(j, "category", row->category);
    pair_or_null(j, "service", row->service);
    json_end(j);
    pair(j, "organisation", row->organisation);
    json_key(j, "count");
    json_i64(j, row->count);
    pair_time(j, "last_time", row->last_time);
    pair(j, "summary", row->summary);
    pair_or_null(j, "assignee", row->assignee);
    pair_or_null(j, "close_reason", row->close_reason);
    json_key(j, "revision");
    json_i64(j, row->revision);
}

void alert_json(struct json_writer *j, const struct alert_row *row)
{
    json_object(j);
    alert_json_fields(j, row);
    json_end(j);
}
