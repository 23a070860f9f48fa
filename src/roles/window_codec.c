/* SPDX-License-Identifier: EUPL-1.2 */
/* Codecs of intake's and keeper's messages: see window_codec.h. No I/O; the readers are fuzzed. */
#include "roles/window_codec.h"

#include <string.h>

static void put_block(struct buf *out, const struct archive_block_in *b)
{
    struct buf header;
    buf_init(&header, ARCHIVE_HEADER_MAX_BYTES);
    archive_header_encode(&header, &b->header);
    CHECK(!header.failed);
    buf_str(out, buf_view(&header));
    buf_str(out, b->body);
    buf_free(&header);
}

void window_encode(struct buf *out, const struct archive_window *w)
{
    buf_u64(out, w->intake);
    buf_u64(out, w->id);
    buf_u64(out, (uint64_t)w->received);
    buf_u32(out, (uint32_t)w->nblocks);
    for (size_t i = 0; i < w->nblocks; i++) {
        put_block(out, &w->blocks[i]);
    }
    buf_u32(out, (uint32_t)w->nalerts);
    for (size_t i = 0; i < w->nalerts; i++) {
        const struct archive_alert_in *a = &w->alerts[i];
        buf_u8(out, a->placed ? 1 : 0);
        buf_u32(out, a->placed ? (uint32_t)a->at.day : 0);
        buf_u32(out, a->placed ? a->at.block : a->block);
        buf_u32(out, a->placed ? a->at.index : a->index);
        buf_str(out, a->body);
    }
    positions_encode(out, w->positions, w->npositions);
    buf_str(out, w->matches);
}

/* A count that the rest of the message can hold at all, each item being at least `least` bytes. */
static int take_count(struct cursor *c, size_t max, size_t least, const char *what, size_t *out,
                      struct err *e)
{
    size_t n = cursor_u32(c);
    if (c->failed || n > max || n > cursor_left(c) / least) {
        return err_set(e, ERR_INVALID, "window: number of %s is out of range", what);
    }
    *out = n;
    return 0;
}

static int take_blocks(struct cursor *c, struct arena *scratch, struct archive_window *w,
                       struct err *e)
{
    int rc = take_count(c, ARCHIVE_WINDOW_BLOCKS_MAX, 8, "blocks", &w->nblocks, e);
    if (rc != 0) {
        return rc;
    }
    struct archive_block_in *blocks = arena_calloc(scratch, w->nblocks, sizeof *blocks);
    for (size_t i = 0; i < w->nblocks; i++) {
        struct cursor header = cursor_of(cursor_str(c));
        rc = archive_header_decode(&header, &blocks[i].header, e);
        if (rc == 0 && !cursor_done(&header)) {
            rc = err_set(e, ERR_INVALID, "window: bytes behind a header");
        }
        if (rc != 0) {
            return rc;
        }
        blocks[i].body = cursor_str(c);
    }
    w->blocks = blocks;
    return 0;
}

static int take_alerts(struct cursor *c, struct arena *scratch, struct archive_window *w,
                       struct err *e)
{
    int rc = take_count(c, WINDOW_ALERTS_MAX, 17, "alerts", &w->nalerts, e);
    if (rc != 0) {
        return rc;
    }
    struct archive_alert_in *alerts = arena_calloc(scratch, w->nalerts, sizeof *alerts);
    for (size_t i = 0; i < w->nalerts; i++) {
        uint8_t placed = cursor_u8(c);
        int32_t day = (int32_t)cursor_u32(c);
        uint32_t block = cursor_u32(c);
        uint32_t index = cursor_u32(c);
        alerts[i] = (struct archive_alert_in){.placed = placed == 1,
                                              .at = {day, block, index},
                                              .block = block,
                                              .index = index,
                                              .body = cursor_str(c)};
        if (placed > 1) {
            return err_set(e, ERR_INVALID, "window: alert %zu is badly marked", i);
        }
    }
    w->alerts = alerts;
    return 0;
}

static int take_positions(struct cursor *c, struct arena *scratch, struct archive_position **out,
                          size_t *count_out, struct err *e)
{
    int rc = take_count(c, WINDOW_POSITIONS_MAX, 8, "positions", count_out, e);
    if (rc != 0) {
        return rc;
    }
    *out = arena_calloc(scratch, *count_out, sizeof **out);
    for (size_t i = 0; i < *count_out; i++) {
        (*out)[i].name = cursor_str(c);
        (*out)[i].value = cursor_str(c);
    }
    return 0;
}

static int end(const struct cursor *c, const char *what, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "%s: ends early or late", what);
}

int window_decode(struct span body, struct arena *scratch, struct archive_window *out,
                  struct err *e)
{
    struct cursor c = cursor_of(body);
    struct archive_window w = {0}; /* one statement each: initialisers have no order */
    w.intake = cursor_u64(&c);
    w.id = cursor_u64(&c);
    struct archive_position *positions = NULL;
    w.received = (time_ns)cursor_u64(&c);
    int rc = take_blocks(&c, scratch, &w, e);
    if (rc == 0) {
        rc = take_alerts(&c, scratch, &w, e);
    }
    if (rc == 0) {
        rc = take_positions(&c, scratch, &positions, &w.npositions, e);
    }
    w.positions = positions;
    w.matches = cursor_str(&c);
    *out = w;
    return rc == 0 ? end(&c, "window", e) : rc;
}

void window_kept_encode(struct buf *out, const struct window_kept *k)
{
    buf_u64(out, k->intake);
    buf_u64(out, k->id);
    buf_u32(out, (uint32_t)k->kept.day);
    buf_u32(out, k->kept.first_block);
}

int window_kept_decode(struct span body, struct window_kept *out, struct err *e)
{
    struct cursor c = cursor_of(body);
    *out = (struct window_kept){.intake = cursor_u64(&c), .id = cursor_u64(&c)};
    out->kept.day = (int32_t)cursor_u32(&c);
    out->kept.first_block = cursor_u32(&c);
    return end(&c, "receipt of a window", e);
}

void positions_encode(struct buf *out, const struct archive_position *p, size_t count)
{
    buf_u32(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        buf_str(out, p[i].name);
        buf_str(out, p[i].value);
    }
}

int positions_decode(struct span body, struct arena *scratch, struct archive_position **out,
                     size_t *count_out, struct err *e)
{
    struct cursor c = cursor_of(body);
    int rc = take_positions(&c, scratch, out, count_out, e);
    return rc == 0 ? end(&c, "positions", e) : rc;
}

void intake_tokens_encode(struct buf *out, const struct intake_token *t, size_t count)
{
    buf_u32(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        buf_put(out, t[i].hash, sizeof t[i].hash);
        buf_str(out, t[i].name);
        buf_str(out, t[i].kind);
        buf_str(out, t[i].organisation);
    }
}

int intake_tokens_decode(struct span body, struct arena *scratch, struct intake_token **out,
                         size_t *count_out, struct err *e)
{
    struct cursor c = cursor_of(body);
    int rc = take_count(&c, TOKEN_COUNT_MAX, TOKEN_HASH_BYTES + 12, "tokens", count_out, e);
    if (rc != 0) {
        return rc;
    }
    *out = arena_calloc(scratch, *count_out, sizeof **out);
    for (size_t i = 0; i < *count_out; i++) {
        struct span hash = cursor_take(&c, TOKEN_HASH_BYTES);
        memcpy((*out)[i].hash, hash.ptr, hash.len);
        (*out)[i].name = cursor_str(&c);
        (*out)[i].kind = cursor_str(&c);
        (*out)[i].organisation = cursor_str(&c);
    }
    return end(&c, "tokens", e);
}
