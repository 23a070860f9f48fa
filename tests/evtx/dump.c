/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Prints what wire/evtx makes of a file, for the tests that compare it with others: "record N", then a line per value
 * (name, kind, text; tab between, backslash escapes), "damage: text" where something is wrong. usage: evtx_dump FILE...
 */
#include <stdio.h>

#include "base/mem.h"
#include "wire/evtx.h"

enum { FILE_MAX_BYTES = 256 << 20 };

static void put_escaped(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == '\\') {
            (void)printf("\\x%02x", c);
        } else {
            (void)putchar(c);
        }
    }
}

static void put_record(struct evtx *x, struct span record, unsigned number)
{
    static const char *const kinds[] = {"string", "number", "true", "false", "null"};
    struct leaves l;
    struct span text;
    struct err e;
    leaves_init(&l, 1);
    (void)printf("record %u\n", number);
    if (evtx_read(x, NULL, record, &l, &text, &e) != 0) {
        (void)printf("damage: %s\n", e.text);
    }
    for (uint32_t i = 0; i < l.len; i++) {
        put_escaped(evtx_name(x, i));
        (void)printf("\t%s\t", kinds[l.data[i].kind]);
        put_escaped(span_make(l.data[i].ptr, l.data[i].len));
        (void)putchar('\n');
    }
    leaves_fini(&l);
}

static unsigned put_chunk(struct evtx *x, struct span chunk, unsigned number)
{
    struct span record;
    struct err e;
    enum evtx_chunk_state state = evtx_chunk(x, chunk, true, &e);
    if (state == EVTX_CHUNK_DAMAGED || state == EVTX_CHUNK_LOST) {
        (void)printf("damage: %s\n", e.text);
    }
    for (;;) {
        enum evtx_next next = evtx_record_next(x, &record, &e);
        if (next == EVTX_RECORDS_END) {
            return number;
        }
        if (next == EVTX_RECORD) {
            put_record(x, record, number);
        } else {
            (void)printf("record %u\ndamage: %s\n", number, e.text);
        }
        number++;
    }
}

static int put_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return 1;
    }
    char *data = mem_alloc(FILE_MAX_BYTES);
    struct span rest = {data, fread(data, 1, FILE_MAX_BYTES, f)};
    (void)fclose(f);
    struct evtx *x = evtx_new();
    struct err e;
    unsigned number = 0;
    if (evtx_file_header(span_sub(rest, 0, EVTX_HEADER_BYTES), &e) != 0) {
        (void)printf("damage: %s\n", e.text);
    }
    rest = span_sub(rest, EVTX_HEADER_BYTES, rest.len);
    while (rest.len > 0) {
        number = put_chunk(x, span_sub(rest, 0, EVTX_CHUNK_BYTES), number);
        rest = span_sub(rest, EVTX_CHUNK_BYTES, rest.len);
    }
    evtx_free(&x);
    mem_free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int bad = argc < 2;
    for (int i = 1; i < argc; i++) {
        (void)printf("file %s\n", argv[i]);
        bad |= put_file(argv[i]);
    }
    return bad;
}
