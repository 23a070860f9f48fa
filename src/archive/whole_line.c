/* SPDX-License-Identifier: EUPL-1.2 */
/* A record as a line of the whole export, and back: see whole.h. The line is hostile. */
#include "archive/whole.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/rows.h"

static void put_time(struct json_writer *j, const char *key, time_ns t)
{
    char text[ROWS_TIME_TEXT_MAX];
    json_key(j, key);
    if (rows_time_text(t, text)) {
        json_text(j, span_of(text));
        return;
    }
    (void)snprintf(text, sizeof text, "%lld", (long long)t); /* over 2^53: as text too */
    json_text(j, span_of(text));
}

void archive_whole_put(const struct archive_whole_record *r, struct arena *a, struct buf *out)
{
    const struct archive_record *x = &r->record;
    char day[TIME_TEXT_MAX];
    struct json_writer j;
    const struct {
        const char *key;
        struct span value;
    } names[] = {{"organisation", x->organisation}, {"source", x->source}, {"class", x->class_name},
                 {"host", x->host},                 {"sender", x->sender}};
    json_writer_init(&j, out);
    json_object(&j);
    json_key(&j, "lies_in");
    json_u64(&j, r->where);
    json_key(&j, "day");
    json_text(&j, span_make(time_format((time_ns)r->at.day * TIME_DAY, day), 10));
    json_key(&j, "block");
    json_u64(&j, r->at.block);
    json_key(&j, "index");
    json_u64(&j, r->at.index);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_key(&j, names[i].key);
        json_text(&j, names[i].value);
    }
    put_time(&j, "time", x->time);
    put_time(&j, "received", x->received);
    json_key(&j, "flags");
    json_u64(&j, x->flags);
    json_key(&j, "arrival");
    json_u64(&j, x->arrival);
    bool text = utf8_valid(x->original) && (x->original.len == 0 || memchr(x->original.ptr, '\0', x->original.len) == NULL);
    json_key(&j, text ? "original" : "original_base64");
    if (text) {
        json_text(&j, x->original);
    } else {
        rows_put_bytes(&j, x->original, a);
    }
    json_end(&j);
    buf_u8(out, '\n');
}

static bool take_u32(const struct jcs *line, const char *key, uint32_t *out)
{
    int64_t v = 0;
    if (!jcs_get_int(line, key, &v) || v < 0 || v > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

static bool take_name(const struct jcs *line, const char *key, struct span *out)
{
    return jcs_get_text(line, key, out) && out->len <= ARCHIVE_NAME_MAX;
}

static bool take_original(const struct jcs *line, struct arena *a, struct span *out)
{
    struct span coded;
    bool taken = jcs_get_text(line, "original", out) ||
                 (jcs_get_text(line, "original_base64", &coded) && rows_bytes(coded, a, out));
    return taken && out->len <= ARCHIVE_RECORD_MAX_BYTES;
}

int archive_whole_read(struct span line, struct arena *a, struct archive_whole_record *out, struct err *e)
{
    struct jcs *v = NULL;
    struct span day;
    time_ns began = 0;
    struct archive_whole_record r = {0};
    struct archive_record *x = &r.record;
    int rc = jcs_read(a, line, 1, &v, e);
    if (rc != 0) {
        return rc;
    }
    bool fits = jcs_get_text(v, "day", &day) && day.len == 10 && time_parse(day, 0, &began) && take_u32(v, "lies_in", &r.where) &&
                take_u32(v, "block", &r.at.block) && take_u32(v, "index", &r.at.index) &&
                take_name(v, "organisation", &x->organisation) && take_name(v, "source", &x->source) &&
                take_name(v, "class", &x->class_name) && take_name(v, "host", &x->host) && take_name(v, "sender", &x->sender) &&
                rows_time(jcs_get(v, "time"), &x->time) && rows_time(jcs_get(v, "received"), &x->received) &&
                take_u32(v, "flags", &x->flags) && take_u32(v, "arrival", &x->arrival) && take_original(v, a, &x->original);
    if (!fits) {
        return err_set(e, ERR_INVALID, "a record lacks something, or has it out of range");
    }
    r.at.day = (int32_t)time_day(began);
    *out = r;
    return 0;
}
