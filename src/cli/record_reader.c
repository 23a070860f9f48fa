/* SPDX-License-Identifier: EUPL-1.2 */
/* Files to records: see record_reader.h. Runs inside the sandbox; every byte it sees is hostile. */
#include "cli/record_reader.h"

#include "flow/normalise/normalise.h"

/* Reads one more chunk into the window, dropping what is consumed. False at the end of the stream. */
static bool fill(struct record_reader *r)
{
    if (r->final) {
        return false;
    }
    buf_drop(&r->window, r->at);
    r->base += r->at;
    r->at = 0;
    size_t n = 0;
    char *to = buf_room(&r->window, RECORD_CHUNK);
    CHECK(to != NULL); /* the window is drained below its maximum before it is filled */
    int rc = unpack_read(r->unpack, to, RECORD_CHUNK, &n, &r->stream_err);
    buf_added(&r->window, n);
    if (rc != 0 || n == 0) {
        r->final = true;
        r->failed = rc != 0;
    }
    return n > 0;
}

int record_reader_open(struct record_reader *r, int fd, unsigned format, struct err *e)
{
    memset(r, 0, sizeof *r);
    buf_init(&r->window, RECORD_WINDOW_MAX + RECORD_CHUNK);
    r->unpack = unpack_new(fd);
    (void)fill(r);
    if (r->failed && r->window.len == 0) {
        *e = r->stream_err;
        record_reader_close(r);
        return e->code;
    }
    struct span head = buf_view(&r->window);
    r->format = format == 255 ? normalise_guess_format(head) : (enum source_format)format;
    json_split_init(&r->split, true);
    lines_init(&r->lines, EVENT_MAX_BYTES);
    r->parts = 1;
    if (r->format == FORMAT_EVTX) {
        r->evtx = evtx_new();
    }
    return 0;
}

void record_reader_close(struct record_reader *r)
{
    if (r->unpack != NULL) {
        unpack_free(&r->unpack);
    }
    evtx_free(&r->evtx);
    buf_free(&r->window);
}

uint64_t record_reader_slice(const struct record_reader *r, uint64_t index, uint64_t records)
{
    return r->format == FORMAT_EVTX ? r->chunks : index / records;
}

uint64_t record_reader_position(const struct record_reader *r)
{
    return unpack_offset(r->unpack);
}

static struct span unread(const struct record_reader *r)
{
    return span_make(r->window.data + r->at, r->window.len - r->at);
}

/* What to say when nothing is left: the end, or why the stream broke off. */
static enum record_result at_end(struct record_reader *r, struct err *e)
{
    if (r->failed) {
        r->failed = false;
        *e = r->stream_err;
        return RECORD_FAILED;
    }
    return RECORD_END;
}

static enum record_result next_json(struct record_reader *r, struct span *record, uint64_t *offset,
                                    struct err *e)
{
    for (;;) {
        size_t used = 0;
        enum json_split_result res = json_split_next(&r->split, unread(r), r->final, &used, record, e);
        if (res == JSON_SPLIT_RECORD || res == JSON_SPLIT_BAD) {
            *offset = r->base + (uint64_t)(record->ptr - r->window.data);
            r->at += used;
            return res == JSON_SPLIT_RECORD ? RECORD_OK : RECORD_BAD;
        }
        r->at += used;
        if (res == JSON_SPLIT_END || r->final) {
            *offset = r->base + r->at;
            if (!r->failed && r->split.in_array != 0) {
                r->failed = true;
                r->split.in_array = 0;
                (void)err_set(&r->stream_err, ERR_TRUNCATED,
                              "the list of records is not closed: the file ends at byte %llu",
                              (unsigned long long)*offset);
            }
            return at_end(r, e);
        }
        if (unread(r).len >= RECORD_WINDOW_MAX) {
            /* One value larger than the window: give what is there as bad and go on behind it. */
            *record = unread(r);
            *offset = r->base + r->at;
            r->at = r->window.len;
            json_split_init(&r->split, true);
            (void)err_set(e, ERR_LIMIT, "a value larger than %d MiB", RECORD_WINDOW_MAX >> 20);
            return RECORD_BAD;
        }
        (void)fill(r);
    }
}

/* Lines without their end; empty ones have no index. A line over the event limit is cut there and told. */
static enum record_result next_line(struct record_reader *r, struct span *record, uint64_t *offset,
                                    struct err *e)
{
    for (;;) {
        size_t used = 0;
        bool cut = false;
        enum lines_result res = lines_next(&r->lines, unread(r), r->final, &used, record, &cut);
        *offset = r->base + r->at;
        r->at += used;
        if (res == LINES_END) {
            return at_end(r, e);
        }
        if (res == LINES_MORE) {
            (void)fill(r);
            continue;
        }
        if (span_trim(*record).len == 0) {
            continue;
        }
        if (cut) {
            (void)err_set(e, ERR_LIMIT, "a line longer than the limit of %d bytes was cut there",
                          EVENT_MAX_BYTES);
            return RECORD_BAD;
        }
        return RECORD_OK;
    }
}

/* Makes n bytes unread, or as many as there are. */
static struct span want(struct record_reader *r, size_t n)
{
    while (unread(r).len < n && fill(r)) {
    }
    return span_sub(unread(r), 0, n);
}

/* The file's header, then chunk by chunk. False: the next chunk is ready, or nothing is left; true: e tells of damage. */
static bool next_chunk(struct record_reader *r, struct err *e)
{
    if (!r->header_seen) {
        struct span header = want(r, EVTX_HEADER_BYTES);
        r->header_seen = true;
        r->at += header.len;
        return evtx_file_header(header, e) != 0;
    }
    struct span chunk = want(r, EVTX_CHUNK_BYTES);
    if (chunk.len == 0) {
        return false;
    }
    r->chunk_bytes = chunk.len;
    r->chunks++;
    enum evtx_chunk_state state = evtx_chunk(r->evtx, chunk, r->chunks % r->parts == r->part, e);
    return state == EVTX_CHUNK_DAMAGED || state == EVTX_CHUNK_LOST;
}

static enum record_result next_evtx(struct record_reader *r, struct span *record, uint64_t *offset,
                                    struct err *e)
{
    for (;;) {
        enum evtx_next next = r->chunk_bytes == 0 ? EVTX_RECORDS_END : evtx_record_next(r->evtx, record, e);
        if (next != EVTX_RECORDS_END) {
            *offset = r->base + (uint64_t)(record->ptr - r->window.data);
            return next == EVTX_RECORD ? RECORD_OK : RECORD_BAD;
        }
        r->at += r->chunk_bytes;
        r->chunk_bytes = 0;
        bool header = !r->header_seen;
        bool damaged = next_chunk(r, e);
        *offset = header ? 0 : r->base + r->at;
        if (damaged) {
            return RECORD_DAMAGE;
        }
        if (!header && r->chunk_bytes == 0) {
            return at_end(r, e);
        }
    }
}

enum record_result record_next(struct record_reader *r, struct span *record_out,
                               uint64_t *offset_out, struct err *e)
{
    *record_out = span_make("", 0);
    if (r->format == FORMAT_EVTX) {
        return next_evtx(r, record_out, offset_out, e);
    }
    return r->format == FORMAT_JSON || r->format == FORMAT_ZEEKJSON
               ? next_json(r, record_out, offset_out, e)
               : next_line(r, record_out, offset_out, e);
}
