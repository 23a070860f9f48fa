/* SPDX-License-Identifier: EUPL-1.2 */
/* RFC 6587 and line framing: see syslog_frame.h. Runs in intake on bytes from anyone; memory is
 * bounded by max_bytes. */
#include "wire/syslog_frame.h"

#include <string.h>

#include "base/check.h"

void syslog_framer_init(struct syslog_framer *f, enum syslog_framing framing, size_t max_bytes)
{
    CHECK(max_bytes > SYSLOG_FRAME_LEN_DIGITS + 1);
    memset(f, 0, sizeof *f);
    f->framing = framing;
    f->max_bytes = max_bytes;
    buf_init(&f->held, max_bytes);
}

void syslog_framer_fini(struct syslog_framer *f)
{
    buf_free(&f->held);
}

static struct span advance(struct syslog_framer *f, struct span *input, size_t n)
{
    struct span taken = span_sub(*input, 0, n);
    *input = span_sub(*input, n, input->len);
    f->pending += taken.len;
    return taken;
}

static void hold(struct syslog_framer *f, struct span bytes)
{
    buf_span(&f->held, bytes);
    CHECK(!f->held.failed); /* callers keep within max_bytes */
}

/* Hands out what is held plus `tail`; without a held part the frame stays in the input. */
static void give(struct syslog_framer *f, struct span tail, bool cut, struct syslog_frame *out)
{
    if (f->held.len > 0) {
        hold(f, tail);
        f->held_given = true;
        out->bytes = buf_view(&f->held);
    } else {
        out->bytes = tail;
    }
    out->cut = cut;
    out->unfinished = false;
    f->consumed += f->pending;
    f->pending = 0;
}

/* What the bytes at the start of a frame are. */
enum start { START_LINE, START_COUNTED, START_UNKNOWN };

/* MSG-LEN SP: looks across what is held and the input. prefix_out: bytes of digits and blank. */
static enum start frame_start(const struct syslog_framer *f, struct span input, size_t *len_out,
                              size_t *prefix_out)
{
    size_t v = 0;
    if (f->framing == SYSLOG_FRAMING_LINES) {
        return START_LINE;
    }
    for (size_t i = 0; i < f->held.len + input.len; i++) {
        char c = i < f->held.len ? f->held.data[i] : input.ptr[i - f->held.len];
        if (c == ' ' && i > 0) {
            *len_out = v;
            *prefix_out = i + 1;
            return START_COUNTED;
        }
        if (c < '0' || c > '9' || (i == 0 && c == '0') || i == SYSLOG_FRAME_LEN_DIGITS) {
            return START_LINE;
        }
        v = v * 10 + (size_t)(c - '0');
    }
    return START_UNKNOWN;
}

/* Takes octets of a counted frame; true when it is complete (or cut). */
static bool next_counted(struct syslog_framer *f, struct span *input, struct syslog_frame *out)
{
    size_t room = f->max_bytes - f->held.len;
    size_t want = f->counted_left < room ? f->counted_left : room;
    bool cut = f->counted_left > room;
    if (input->len < want) {
        f->counted_left -= input->len;
        hold(f, advance(f, input, input->len));
        return false;
    }
    struct span tail = advance(f, input, want);
    f->skip_left = f->counted_left - want;
    f->skipped_bytes += f->skip_left;
    f->counted_left = 0;
    give(f, tail, cut, out);
    return true;
}

/* Takes bytes up to a line end; true when a frame is complete (or cut). */
static bool next_line(struct syslog_framer *f, struct span *input, struct syslog_frame *out)
{
    size_t room = f->max_bytes - f->held.len;
    ptrdiff_t end = span_find(span_sub(*input, 0, room + 1), '\n');
    if (end >= 0) {
        struct span tail = advance(f, input, (size_t)end + 1);
        tail.len--;
        give(f, tail, false, out);
        if (out->bytes.len > 0 && out->bytes.ptr[out->bytes.len - 1] == '\r') {
            out->bytes.len--;
        }
        return true;
    }
    if (input->len > room) {
        f->skip_line = true;
        give(f, advance(f, input, room), true, out);
        return true;
    }
    hold(f, advance(f, input, input->len));
    return false;
}

/* Skips the rest of a cut frame; false when more input is needed for that. */
static bool pass_skipped(struct syslog_framer *f, struct span *input)
{
    if (f->skip_left > 0) {
        size_t n = f->skip_left < input->len ? f->skip_left : input->len;
        (void)advance(f, input, n);
        f->skip_left -= n;
    }
    if (f->skip_line) {
        ptrdiff_t end = span_find(*input, '\n');
        size_t n = end < 0 ? input->len : (size_t)end + 1;
        f->skipped_bytes += end < 0 ? n : n - 1;
        (void)advance(f, input, n);
        f->skip_line = end < 0;
    }
    return f->skip_left == 0 && !f->skip_line;
}

static void forget_given(struct syslog_framer *f)
{
    if (f->held_given) {
        buf_clear(&f->held);
        f->held_given = false;
    }
}

bool syslog_framer_next(struct syslog_framer *f, struct span *input, struct syslog_frame *out)
{
    forget_given(f);
    while (pass_skipped(f, input) && input->len > 0) {
        if (f->counted_left == 0) {
            size_t len = 0;
            size_t prefix = 0;
            switch (frame_start(f, *input, &len, &prefix)) {
            case START_UNKNOWN: /* at most SYSLOG_FRAME_LEN_DIGITS digits */
                hold(f, advance(f, input, input->len));
                return false;
            case START_COUNTED:
                (void)advance(f, input, prefix - f->held.len);
                buf_clear(&f->held);
                f->counted_left = len;
                continue;
            case START_LINE:
                break;
            }
        }
        bool done = f->counted_left > 0 ? next_counted(f, input, out) : next_line(f, input, out);
        if (done && out->bytes.len > 0) {
            return true;
        }
        forget_given(f);
    }
    return false;
}

bool syslog_framer_end(struct syslog_framer *f, struct syslog_frame *out)
{
    forget_given(f);
    f->counted_left = 0;
    f->skip_left = 0;
    f->skip_line = false;
    if (f->held.len == 0) {
        return false;
    }
    give(f, span_make("", 0), false, out);
    out->unfinished = true;
    return true;
}
