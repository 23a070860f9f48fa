/* SPDX-License-Identifier: EUPL-1.2 */
/* One record, ready to leave (export.h), and a whole export in pages (export_page.h). */
#include "archive/export_page.h"

#include <sodium.h>

#include "archive/block.h"
#include "base/log.h"
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

/* ---- in pages: export_page.h ---- */

void export_place_first(struct export_place *out)
{
    struct archive_walk w;
    archive_walk_init(&w);
    *out = (struct export_place){.day = w.day, .block = w.block};
}

static bool wanted(const struct export_window *w, const struct archive_record *r)
{
    return (w->from == TIME_NONE || r->time >= w->from) && (w->to == TIME_NONE || r->time < w->to);
}

/* Records from place->index on, until the page is full: true when some of the block are left, and place says which. */
static bool write_records(const struct export_window *w, const struct archive_header *h, const struct block *b, struct export_place *place, struct buf *out,
                          struct export_counts *counts)
{
    size_t i = place->index;
    for (; i < b->count && out->len < EXPORT_PAGE_BYTES; i++) {
        const struct archive_address at = {h->day, b->origins == NULL ? h->id : b->origins[i].block, b->origins == NULL ? (uint32_t)i : b->origins[i].index};
        if (wanted(w, &b->records[i])) {
            export_record(w->format, at, &b->records[i], out);
            counts->records++;
        }
    }
    place->index = i < b->count ? (uint32_t)i : 0;
    return i < b->count;
}

static void damaged(const struct archive_walk *walk, const struct err *e, struct export_counts *counts)
{
    char shown[LOG_VALUE_MAX];
    counts->damaged++;
    log_error("export.block", "day=%d block=%u why=\"%s\"", walk->day, walk->block, log_value(span_of(e->text), shown));
}

/* The next block, and what of it fits. 1: go on; 0: the archive's end, or the page's. */
static int one_block(struct archive_reader *r, const struct export_window *w, struct archive_walk *walk, struct export_place *place, struct buf *out,
                     struct export_counts *counts, bool *more, struct arena *scratch, struct err *e)
{
    struct archive_header h;
    struct block b;
    struct span body = {NULL, 0};
    struct err why = {0};
    int next = archive_walk_next(r, walk, scratch, &h, &body, &why);
    if (next == 0) {
        *more = false;
        return 0;
    }
    if (next < 0 && next != ERR_INVALID) {
        *e = why;
        return next;
    }
    bool same = place->index > 0 && walk->day == place->day && walk->block == place->block;
    place->day = walk->day;
    place->block = walk->block;
    place->index = same ? place->index : 0;
    int rc = next < 0 ? next : body.ptr == NULL ? ERR_NOT_FOUND : block_unpack(&h, body, scratch, &b, &why);
    rc = rc == 0 ? block_check(&h, &b, &why) : rc;
    if (rc == 0) {
        return write_records(w, &h, &b, place, out, counts) ? 0 : 1;
    }
    place->index = 0;
    counts->purged += rc == ERR_NOT_FOUND;
    if (rc != ERR_NOT_FOUND) {
        damaged(walk, &why, counts);
    }
    return 1;
}

int export_page(struct archive_reader *r, const struct export_window *w, struct export_place *place, struct buf *out, struct export_counts *counts,
                struct err *e)
{
    struct archive_end end;
    struct arena scratch;
    bool more = true;
    int rc = place->end_block > 0 ? 0 : archive_reader_end(r, &end, e);
    if (rc == ERR_NOT_FOUND) {
        return 0; /* nothing was kept yet */
    }
    if (rc == 0 && place->end_block == 0) {
        place->end_day = end.day;
        place->end_block = end.link;
    }
    struct archive_walk walk;
    archive_walk_init(&walk);
    walk.from = w->from;
    walk.to = w->to;
    walk.organisation = w->organisation;
    walk.source = w->source;
    walk.end_day = place->end_day;
    walk.end_block = place->end_block;
    walk.day = place->day;
    walk.block = place->index > 0 ? place->block - 1 : place->block;
    arena_init(&scratch, 1 << 20);
    rc = rc == 0 ? 1 : rc;
    for (size_t n = 0; rc == 1 && n < EXPORT_PAGE_BLOCKS && out->len < EXPORT_PAGE_BYTES; n++) {
        arena_reset(&scratch);
        rc = one_block(r, w, &walk, place, out, counts, &more, &scratch, e);
    }
    arena_fini(&scratch);
    return rc < 0 ? rc : more;
}

void export_window_encode(struct buf *out, const struct export_window *w)
{
    buf_u64(out, (uint64_t)w->from);
    buf_u64(out, (uint64_t)w->to);
    buf_str(out, w->organisation);
    buf_str(out, w->source);
    buf_u8(out, (uint8_t)w->format);
}

void export_window_decode(struct cursor *c, struct export_window *out)
{
    out->from = (time_ns)cursor_u64(c);
    out->to = (time_ns)cursor_u64(c);
    out->organisation = cursor_str(c);
    out->source = cursor_str(c);
    uint8_t format = cursor_u8(c);
    out->format = format == EXPORT_TEXT ? EXPORT_TEXT : EXPORT_NDJSON;
    c->failed = c->failed || format > EXPORT_TEXT;
}

void export_place_encode(struct buf *out, const struct export_place *p)
{
    buf_u32(out, (uint32_t)p->day);
    buf_u32(out, p->block);
    buf_u32(out, p->index);
    buf_u32(out, (uint32_t)p->end_day);
    buf_u32(out, p->end_block);
}

void export_place_decode(struct cursor *c, struct export_place *out)
{
    out->day = (int32_t)cursor_u32(c);
    out->block = cursor_u32(c);
    out->index = cursor_u32(c);
    out->end_day = (int32_t)cursor_u32(c);
    out->end_block = cursor_u32(c);
    c->failed = c->failed || (out->index > 0 && out->block == 0) || out->index > ARCHIVE_BLOCK_RECORDS_MAX;
}
