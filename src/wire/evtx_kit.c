/* SPDX-License-Identifier: EUPL-1.2 */
/* See evtx_kit.h. */
#include "wire/evtx_kit.h"

#include <string.h>
#include <zlib.h>

#include "base/check.h"
#include "base/mem.h"

enum { CHUNK_TABLES = 128 };

void kit_put(struct evtx_kit *k, const void *p, size_t n)
{
    CHECK(n <= sizeof k->data - k->at);
    if (n > 0) {
        memcpy(k->data + k->at, p, n);
    }
    k->at += n;
}

void kit_u8(struct evtx_kit *k, unsigned v)
{
    uint8_t b = (uint8_t)v;
    kit_put(k, &b, sizeof b);
}

void kit_u16(struct evtx_kit *k, unsigned v)
{
    uint16_t b = (uint16_t)v;
    kit_put(k, &b, sizeof b);
}

void kit_u32(struct evtx_kit *k, uint32_t v)
{
    kit_put(k, &v, sizeof v);
}

static void put_u64(struct evtx_kit *k, uint64_t v)
{
    kit_put(k, &v, sizeof v);
}

void kit_units(struct evtx_kit *k, const char *text)
{
    for (; *text != '\0'; text++) {
        kit_u16(k, (unsigned char)*text);
    }
}

/* ---- chunk and records ---- */

void kit_begin(struct evtx_kit *k)
{
    memset(k, 0, sizeof *k);
    k->at = EVTX_CHUNK_HEADER_BYTES;
}

void kit_finish(struct evtx_kit *k)
{
    size_t end = k->at;
    uint32_t records = (uint32_t)crc32(0, k->data + EVTX_CHUNK_HEADER_BYTES,
                                       (uInt)(end - EVTX_CHUNK_HEADER_BYTES));
    memset(k->data, 0, EVTX_CHUNK_HEADER_BYTES);
    k->at = 0;
    kit_put(k, "ElfChnk", 8);
    for (int i = 0; i < 2; i++) { /* numbers, then ids, of the first and last record */
        put_u64(k, 1);
        put_u64(k, k->records);
    }
    kit_u32(k, CHUNK_TABLES);
    kit_u32(k, (uint32_t)k->record);
    kit_u32(k, (uint32_t)end);
    kit_u32(k, records);
    uint32_t sum = (uint32_t)crc32(0, k->data, 120);
    sum = (uint32_t)crc32(sum, k->data + CHUNK_TABLES, EVTX_CHUNK_HEADER_BYTES - CHUNK_TABLES);
    k->at = 124;
    kit_u32(k, sum);
    k->at = end;
}

void kit_record(struct evtx_kit *k)
{
    k->record = k->at;
    kit_put(k, "**\0\0", 4);
    kit_u32(k, 0);
    put_u64(k, ++k->records);
    put_u64(k, UINT64_C(133500000000000000)); /* in January 2024 */
}

void kit_record_end(struct evtx_kit *k)
{
    while ((k->at - k->record) % 8 != 4) {
        kit_u8(k, 0);
    }
    uint32_t size = (uint32_t)(k->at + 4 - k->record);
    kit_u32(k, size);
    memcpy(k->data + k->record + 4, &size, sizeof size);
}

/* ---- tokens ---- */

void kit_fragment(struct evtx_kit *k)
{
    kit_put(k, "\x0f\x01\x01\x00", 4);
}

/* A name where it is used. */
static void put_name(struct evtx_kit *k, const char *name)
{
    kit_u32(k, (uint32_t)k->at + 4);
    kit_u32(k, 0);
    kit_u16(k, 0);
    kit_u16(k, (unsigned)strlen(name));
    kit_units(k, name);
    kit_u16(k, 0);
}

static void put_open(struct evtx_kit *k, const char *name, bool attributes, bool dependency)
{
    kit_u8(k, attributes ? 0x41 : 0x01);
    if (dependency) {
        kit_u16(k, 0xffff);
    }
    kit_u32(k, 0);
    put_name(k, name);
    if (attributes) {
        kit_u32(k, 0);
    }
}

void kit_open(struct evtx_kit *k, const char *name, bool attributes)
{
    put_open(k, name, attributes, true);
}

void kit_open_inside(struct evtx_kit *k, const char *name, bool attributes)
{
    put_open(k, name, attributes, false);
}

void kit_attribute(struct evtx_kit *k, const char *name)
{
    kit_u8(k, 0x06);
    put_name(k, name);
}

void kit_text(struct evtx_kit *k, const char *text)
{
    kit_u8(k, 0x05);
    kit_u8(k, 0x01);
    kit_u16(k, (unsigned)strlen(text));
    kit_units(k, text);
}

void kit_value(struct evtx_kit *k, unsigned number, unsigned type)
{
    kit_u8(k, 0x0e);
    kit_u16(k, number);
    kit_u8(k, type);
}

void kit_data(struct evtx_kit *k, const char *name)
{
    kit_open(k, "Data", true);
    kit_attribute(k, "Name");
    kit_text(k, name);
}

/* ---- templates ---- */

void kit_instance(struct evtx_kit *k, uint32_t definition)
{
    kit_u8(k, 0x0c);
    kit_u8(k, 0x01);
    kit_u32(k, 0x1234);
    kit_u32(k, definition);
}

void kit_template(struct evtx_kit *k)
{
    kit_instance(k, (uint32_t)k->at + 10);
    k->template = k->at;
    kit_u32(k, 0);
    kit_put(k, "0123456789abcdef", 16);
    kit_u32(k, 0);
    kit_fragment(k);
}

void kit_template_end(struct evtx_kit *k)
{
    kit_u8(k, KIT_END);
    uint32_t size = (uint32_t)(k->at - k->template - 24);
    memcpy(k->data + k->template + 20, &size, sizeof size);
}

void kit_value_entry(struct evtx_kit *k, unsigned type, size_t size)
{
    kit_u16(k, (unsigned)size);
    kit_u8(k, type);
    kit_u8(k, 0);
}

/* ---- what was read ---- */

void kit_dump(const struct evtx *x, const struct leaves *l, struct buf *out)
{
    for (uint32_t i = 0; i < l->len; i++) {
        const struct leaf *f = &l->data[i];
        struct span name = evtx_name(x, i);
        bool quoted = f->kind == LEAF_STRING;
        buf_span(out, name.ptr == NULL ? SPAN("(again)") : name);
        buf_cstr(out, quoted ? "='" : "=");
        buf_span(out, f->kind == LEAF_NULL ? SPAN("null") : span_make(f->ptr, f->len));
        buf_cstr(out, quoted ? "';" : ";");
    }
}

/* ---- reading ---- */

struct kit_reading *kit_reading_new(void)
{
    struct kit_reading *r = mem_alloc(sizeof *r);
    r->x = evtx_new();
    leaves_init(&r->l, 64);
    buf_init(&r->out, 1 << 22);
    kit_begin(&r->kit);
    return r;
}

void kit_reading_free(struct kit_reading *r)
{
    evtx_free(&r->x);
    leaves_fini(&r->l);
    buf_free(&r->out);
    mem_free(r->chunk);
    mem_free(r);
}

enum evtx_chunk_state kit_take(struct kit_reading *r, size_t len)
{
    mem_free(r->chunk);
    r->chunk = mem_alloc(len);
    memcpy(r->chunk, r->kit.data, len);
    return evtx_chunk(r->x, span_make(r->chunk, len), true, &r->e);
}

/* Reads all records; each is a line of r->out: its values, "BAD" for a stretch, "FAILED" for one
 * that cannot be read. */
const char *kit_lines(struct kit_reading *r)
{
    struct span record;
    enum evtx_next next;
    buf_clear(&r->out);
    while ((next = evtx_record_next(r->x, &record, &r->e)) != EVTX_RECORDS_END) {
        struct span text = {NULL, 0};
        CHECK(record.ptr >= r->chunk && record.len > 0);
        if (next == EVTX_RECORD_BAD) {
            buf_cstr(&r->out, "BAD");
        } else if (evtx_read(r->x, r->keys, record, &r->l, &text, &r->e) != 0) {
            buf_cstr(&r->out, "FAILED");
        } else {
            kit_dump(r->x, &r->l, &r->out);
        }
        for (uint32_t i = 0; i < r->l.len; i++) {
            CHECK(next == EVTX_RECORD_BAD ||
                  (r->l.data[i].ptr >= text.ptr &&
                   r->l.data[i].ptr + r->l.data[i].len <= text.ptr + text.len));
        }
        buf_cstr(&r->out, "\n");
    }
    buf_u8(&r->out, 0);
    return r->out.data;
}

const char *kit_read_all(struct kit_reading *r)
{
    kit_finish(&r->kit);
    CHECK(kit_take(r, EVTX_CHUNK_BYTES) == EVTX_CHUNK_GOOD);
    return kit_lines(r);
}

/* <Event><EventData><Data Name="v">%0</Data></EventData></Event> */
void kit_one_value(struct evtx_kit *k, unsigned type, const char *bytes, size_t len)
{
    kit_record(k);
    kit_fragment(k);
    kit_template(k);
    kit_open(k, "Event", false);
    kit_u8(k, KIT_TAG);
    kit_open(k, "EventData", false);
    kit_u8(k, KIT_TAG);
    kit_data(k, "v");
    kit_u8(k, KIT_TAG);
    kit_value(k, 0, type);
    kit_put(k, "\x04\x04\x04", 3);
    kit_template_end(k);
    kit_u32(k, 1);
    kit_value_entry(k, type, len);
    kit_put(k, bytes, len);
    kit_record_end(k);
}

void kit_event(struct evtx_kit *k)
{
    kit_record(k);
    kit_fragment(k);
    kit_template(k);
    kit_open(k, "Event", true);
    kit_attribute(k, "xmlns");
    kit_text(k, "u");
    kit_u8(k, KIT_TAG);
}

void kit_event_end(struct evtx_kit *k)
{
    kit_u8(k, KIT_CLOSE);
    kit_template_end(k);
}

void kit_no_values(struct evtx_kit *k)
{
    kit_u32(k, 0);
    kit_record_end(k);
}
