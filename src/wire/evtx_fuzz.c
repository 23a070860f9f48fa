/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as the records of a chunk: values stay in the text, the text in its limit, and a second
 * reading gives the same. */
#include <stdint.h>

#include "base/mem.h"
#include "wire/evtx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t read_record(struct evtx *x, struct span record, struct leaves *l)
{
    struct span text;
    struct err e;
    uint64_t sum = 0;
    int rc = evtx_read(x, NULL, record, l, &text, &e);
    CHECK(rc == 0 || rc == ERR_INVALID || rc == ERR_TRUNCATED || rc == ERR_LIMIT);
    CHECK(text.len <= EVTX_TEXT_MAX && l->len <= LEAVES_MAX);
    for (uint32_t i = 0; i < l->len; i++) {
        const struct leaf *f = &l->data[i];
        CHECK(f->ptr >= text.ptr && f->ptr + f->len <= text.ptr + text.len);
        CHECK(evtx_name(x, i).len <= EVTX_PATH_MAX);
        sum = sum * 31 + f->len + f->kind;
    }
    return rc == 0 ? sum : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = size > EVTX_CHUNK_BYTES - EVTX_CHUNK_HEADER_BYTES ? EVTX_CHUNK_BYTES
                                                                   : size + EVTX_CHUNK_HEADER_BYTES;
    char *chunk = mem_alloc(len);
    memcpy(chunk, "ElfChnk", 8);
    if (size > 0) {
        memcpy(chunk + EVTX_CHUNK_HEADER_BYTES, data, len - EVTX_CHUNK_HEADER_BYTES);
    }
    static struct evtx *x; /* one for all inputs: its text is a mebibyte */
    x = x == NULL ? evtx_new() : x;
    struct leaves l;
    struct span record;
    struct err e;
    enum evtx_next next;
    const char *behind = chunk;
    leaves_init(&l, 1);
    CHECK(evtx_chunk(x, span_make(chunk, len), true, &e) == EVTX_CHUNK_DAMAGED);
    while ((next = evtx_record_next(x, &record, &e)) != EVTX_RECORDS_END) {
        CHECK(record.len > 0 && record.ptr >= behind && record.ptr + record.len <= chunk + len);
        behind = record.ptr + record.len;
        if (next == EVTX_RECORD) {
            uint64_t first = read_record(x, record, &l);
            uint64_t again = read_record(x, record, &l);
            CHECK(first == again || again == 0); /* 0: the chunk's budget may end in between */
        }
    }
    leaves_fini(&l);
    (void)evtx_chunk(x, span_make("", 0), false, &e); /* it lets go of the chunk */
    mem_free(chunk);
    return 0;
}
