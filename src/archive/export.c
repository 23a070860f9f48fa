/* SPDX-License-Identifier: EUPL-1.2 */
/* One record, ready to leave: see export.h. */
#include "archive/export.h"

#include <sodium.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "wire/json_write.h"

bool export_format_parse(struct span word, enum export_format *out)
{
    *out = span_eq(word, SPAN("text")) ? EXPORT_TEXT : EXPORT_NDJSON;
    return *out == EXPORT_TEXT || span_eq(word, SPAN("ndjson"));
}

static void put_original(struct json_writer *j, struct span original)
{
    if (utf8_valid(original)) {
        json_key(j, "original");
        json_text(j, original);
        return;
    }
    size_t room = sodium_base64_ENCODED_LEN(original.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = mem_alloc(room);
    (void)sodium_bin2base64(text, room, (const unsigned char *)original.ptr, original.len,
                            sodium_base64_VARIANT_ORIGINAL);
    json_key(j, "original_base64");
    json_text(j, span_of(text));
    mem_free(text);
}

static void put_json(struct archive_address at, const struct archive_record *r, struct buf *out)
{
    char time[TIME_TEXT_MAX];
    struct json_writer j;
    const struct {
        const char *key;
        struct span value;
    } names[] = {{"organisation", r->organisation}, {"source", r->source}, {"class", r->class_name},
                 {"host", r->host},                 {"sender", r->sender}};
    json_writer_init(&j, out);
    json_object(&j);
    json_key(&j, "day");
    json_text(&j, span_make(time_format((time_ns)at.day * TIME_DAY, time), 10));
    json_key(&j, "block");
    json_u64(&j, at.block);
    json_key(&j, "index");
    json_u64(&j, at.index);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_key(&j, names[i].key);
        json_text(&j, names[i].value);
    }
    json_key(&j, "time");
    json_text(&j, span_of(time_format(r->time, time)));
    json_key(&j, "received");
    json_text(&j, span_of(time_format(r->received, time)));
    json_key(&j, "flags");
    json_u64(&j, r->flags);
    json_key(&j, "arrival");
    json_u64(&j, r->arrival);
    put_original(&j, r->original);
    json_end(&j);
}

void export_record(enum export_format format, struct archive_address at,
                   const struct archive_record *r, struct buf *out)
{
    if (format == EXPORT_NDJSON) {
        put_json(at, r, out);
    } else {
        buf_span(out, r->original);
    }
    buf_u8(out, '\n');
}
