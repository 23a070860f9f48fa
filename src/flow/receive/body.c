/* SPDX-License-Identifier: EUPL-1.2 */
/* Bodies of POST /ingest: see body.h. Runs in intake on bytes from whoever has a token. */
#include "flow/receive/body.h"

#include <zlib.h>

#include "base/mem.h"
#include "wire/json_read.h"

struct body {
    bool gzip;
    bool ended; /* the gzip stream has come to its end */
    bool begun;
    z_stream z;
    struct shared *bytes; /* unpacked */
    size_t packed;
};

enum { INFLATE_STEP = 64 * 1024, GZIP_WINDOW = 15 + 16 /* largest window, gzip header required */ };

struct body *body_new(bool gzip)
{
    struct body *b = mem_alloc(sizeof *b);
    b->gzip = gzip;
    b->bytes = shared_new(BODY_MAX_BYTES);
    if (gzip) {
        CHECK(inflateInit2(&b->z, GZIP_WINDOW) == Z_OK);
    }
    return b;
}

void body_expect(struct body *b, size_t bytes)
{
    if (!b->gzip) {
        (void)buf_room(&b->bytes->bytes, bytes > BODY_EXPECT_MAX ? BODY_EXPECT_MAX : bytes);
    }
}

void body_free(struct body **b)
{
    if (*b != NULL) {
        if ((*b)->gzip) {
            (void)inflateEnd(&(*b)->z);
        }
        shared_drop(&(*b)->bytes);
        mem_free(*b);
        *b = NULL;
    }
}

size_t body_bytes(const struct body *b)
{
    return b->bytes->bytes.len;
}

static int too_large(struct err *e)
{
    return err_set(e, ERR_LIMIT, "body is larger than %d bytes", (int)BODY_MAX_BYTES);
}

/* One call of inflate with a bounded output step. */
static int inflate_step(struct body *b, struct err *e)
{
    size_t room = BODY_MAX_BYTES - b->bytes->bytes.len;
    room = room > INFLATE_STEP ? INFLATE_STEP : room;
    char spill = 0;
    char *to = room == 0 ? &spill : buf_room(&b->bytes->bytes, room);
    CHECK(to != NULL);
    b->z.next_out = (unsigned char *)to;
    b->z.avail_out = room == 0 ? 1 : (uInt)room;
    int rc = inflate(&b->z, Z_NO_FLUSH);
    if (room == 0 && b->z.avail_out == 0) {
        return too_large(e);
    }
    if (room > 0) {
        buf_added(&b->bytes->bytes, room - b->z.avail_out);
    }
    if (rc == Z_STREAM_END) {
        b->ended = true;
        return 0;
    }
    return rc == Z_OK || rc == Z_BUF_ERROR
               ? 0
               : err_set(e, ERR_INVALID, "gzip: %s", b->z.msg == NULL ? "damaged" : b->z.msg);
}

static int add_packed(struct body *b, struct span bytes, struct err *e)
{
    b->z.next_in = (unsigned char *)(uintptr_t)bytes.ptr; /* zlib does not write there */
    b->z.avail_in = (uInt)bytes.len;
    while (b->z.avail_in > 0 || (b->begun && !b->ended && b->z.avail_out == 0)) {
        if (b->ended) { /* a further member: gzip files may be joined (RFC 1952 §2.2) */
            CHECK(inflateReset(&b->z) == Z_OK);
            b->ended = false;
        }
        b->begun = true;
        int rc = inflate_step(b, e);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int body_add(struct body *b, struct span bytes, struct err *e)
{
    if (bytes.len > BODY_MAX_BYTES - b->packed) {
        return too_large(e);
    }
    b->packed += bytes.len;
    if (b->gzip) {
        return add_packed(b, bytes, e);
    }
    buf_span(&b->bytes->bytes, bytes);
    return b->bytes->bytes.failed ? too_large(e) : 0;
}

int body_end(struct body *b, struct err *e)
{
    return b->gzip && !b->ended ? err_set(e, ERR_TRUNCATED, "gzip stream ends early") : 0;
}

/*
 * A line that is no JSON at all is one record, not one per word: takes it whole from where `word`
 * starts. Inside an array there are no lines, so the splitter's word stands.
 */
static bool take_line(struct json_split *split, struct span *window, struct span *word)
{
    if (word->len == 0 || word->ptr[0] == '{' || word->ptr[0] == '[' || split->in_array != 0) {
        return false;
    }
    struct span rest = span_make(word->ptr, (size_t)(window->ptr + window->len - word->ptr));
    ptrdiff_t end = span_find(rest, '\n');
    size_t n = end < 0 ? rest.len : (size_t)end;
    if (n < word->len) {
        return false;
    }
    *word = span_trim(span_sub(rest, 0, n));
    *window = span_sub(rest, n, rest.len);
    json_split_init(split, true);
    return true;
}

void body_records(const struct body *b, uint32_t source, struct span sender, time_ns received,
                  const struct receive_sink *sink, uint64_t *kept_out, uint64_t *bad_out)
{
    struct json_split split;
    struct span window = buf_view(&b->bytes->bytes);
    struct receive_record r = {.source = source, .sender = sender, .received = received, .held = b->bytes};
    *kept_out = *bad_out = 0;
    if (window.len == 0) {
        return;
    }
    json_split_init(&split, true);
    for (;;) {
        size_t used = 0;
        struct err e;
        enum json_split_result result = json_split_next(&split, window, true, &used, &r.bytes, &e);
        CHECK(used <= window.len);
        window = span_sub(window, used, window.len);
        if (result == JSON_SPLIT_MORE && used > 0) {
            continue;
        }
        if (result != JSON_SPLIT_RECORD && result != JSON_SPLIT_BAD) {
            return;
        }
        r.broken = take_line(&split, &window, &r.bytes) || result == JSON_SPLIT_BAD;
        /* A record over the limit is kept in its first part; what is cut off is gone, and it is
         * counted as bad. */
        r.cut = r.bytes.len > RECEIVE_EVENT_MAX;
        r.bytes = span_sub(r.bytes, 0, RECEIVE_EVENT_MAX);
        ++*kept_out;
        *bad_out += !sink->record(sink->ctx, &r) || r.cut;
        if (used == 0) {
            return; /* a splitter that does not move must not hang intake */
        }
    }
}
