/* SPDX-License-Identifier: EUPL-1.2 */
/* Codecs between keeper and correlator: see correlate_wire.h. No I/O; the readers are fuzzed. */
#include "roles/correlate_wire.h"

static int end(const struct cursor *c, const char *what, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "%s: ends early or late", what);
}

void correlate_part_encode(struct buf *out, const struct correlate_part *p)
{
    buf_u32(out, p->session);
    buf_u8(out, p->last ? 1 : 0);
    buf_span(out, p->bytes);
}

int correlate_part_decode(struct span body, struct correlate_part *out, struct err *e)
{
    struct cursor c = cursor_of(body);
    out->session = cursor_u32(&c);
    uint8_t last = cursor_u8(&c);
    out->last = last == 1;
    out->bytes = cursor_take(&c, cursor_left(&c));
    return last > 1 ? err_set(e, ERR_INVALID, "part of windows: badly marked") : end(&c, "part of windows", e);
}

void correlate_place_encode(struct buf *out, struct archive_match_place place)
{
    buf_u32(out, (uint32_t)place.day);
    buf_u64(out, place.row);
}

int correlate_place_decode(struct cursor *c, struct archive_match_place *out, struct err *e)
{
    out->day = (int32_t)cursor_u32(c);
    out->row = cursor_u64(c);
    return c->failed ? err_set(e, ERR_INVALID, "windows: end early") : 0;
}

void correlate_row_encode(struct buf *out, uint32_t session, const struct archive_match *row)
{
    buf_u32(out, session);
    correlate_place_encode(out, row->place);
    buf_u32(out, row->first_block);
    buf_u64(out, (uint64_t)row->received);
    buf_str(out, row->body);
}

int correlate_row_decode(struct span body, uint32_t *session_out, struct archive_match *out, struct err *e)
{
    struct cursor c = cursor_of(body);
    *session_out = cursor_u32(&c);
    int rc = correlate_place_decode(&c, &out->place, e);
    out->first_block = cursor_u32(&c);
    out->received = correlate_time(cursor_u64(&c));
    out->body = cursor_str(&c);
    return rc != 0 ? rc : end(&c, "row of matches", e);
}

void correlated_begin(struct buf *out, uint32_t session, time_ns want_tick, uint32_t count)
{
    buf_u32(out, session);
    buf_u64(out, (uint64_t)want_tick);
    buf_u32(out, count);
}

void correlated_alert_encode(struct buf *out, const struct correlate_alert *a)
{
    buf_u32(out, (uint32_t)a->at.day);
    buf_u32(out, a->at.block);
    buf_u32(out, a->at.index);
    buf_str(out, a->group);
    buf_str(out, a->body);
}

int correlated_decode(struct span body, struct arena *scratch, struct correlated *out, struct err *e)
{
    struct cursor c = cursor_of(body);
    out->session = cursor_u32(&c);
    out->want_tick = (time_ns)cursor_u64(&c);
    out->count = cursor_u32(&c);
    if (c.failed || out->count > CORRELATE_ALERTS_MAX || out->count > cursor_left(&c) / 20) {
        return err_set(e, ERR_INVALID, "correlated: number of alerts is out of range");
    }
    struct correlate_alert *alerts = arena_calloc(scratch, out->count, sizeof *alerts);
    for (uint32_t i = 0; i < out->count; i++) {
        alerts[i].at.day = (int32_t)cursor_u32(&c);
        alerts[i].at.block = cursor_u32(&c);
        alerts[i].at.index = cursor_u32(&c);
        alerts[i].group = cursor_str(&c);
        alerts[i].body = cursor_str(&c);
    }
    out->alerts = alerts;
    return end(&c, "correlated", e);
}

void correlate_pulse_encode(struct buf *out, const struct correlate_pulse *p)
{
#define X(name) buf_u64(out, p->name);
    CORRELATE_COUNTERS(X)
#undef X
}

int correlate_pulse_decode(struct span body, struct correlate_pulse *out, struct err *e)
{
    struct cursor c = cursor_of(body);
#define X(name) out->name = cursor_u64(&c);
    CORRELATE_COUNTERS(X)
#undef X
    return end(&c, "counters of correlations", e);
}
