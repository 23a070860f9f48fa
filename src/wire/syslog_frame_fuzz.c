/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Fuzz target: framing. First byte: framing and piece size. The frames, what was skipped and what
 * was left out as line ends and lengths must not depend on how the stream was cut, and no frame may
 * be over the limit.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "wire/syslog_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAME_MAX = 64 };

struct result {
    uint64_t frames;
    uint64_t bytes;
    uint64_t sum; /* order-dependent mix of all frame bytes and flags */
    uint64_t skipped;
};

static void add(struct result *r, const struct syslog_frame *frame)
{
    CHECK(frame->bytes.len > 0 && frame->bytes.len <= FRAME_MAX);
    r->frames++;
    r->bytes += frame->bytes.len;
    for (size_t i = 0; i < frame->bytes.len; i++) {
        r->sum = r->sum * 1099511628211u + (unsigned char)frame->bytes.ptr[i];
    }
    r->sum = r->sum * 31 + frame->cut * 2u + frame->unfinished;
}

static struct result run(struct span stream, enum syslog_framing framing, size_t piece)
{
    struct syslog_framer f;
    struct syslog_frame frame;
    struct result r = {0};
    syslog_framer_init(&f, framing, FRAME_MAX);
    for (size_t at = 0; at < stream.len; at += piece) {
        struct span input = span_sub(stream, at, piece);
        while (syslog_framer_next(&f, &input, &frame)) {
            add(&r, &frame);
        }
        CHECK(input.len == 0);
    }
    CHECK(f.consumed + f.pending == stream.len);
    while (syslog_framer_end(&f, &frame)) {
        add(&r, &frame);
    }
    r.skipped = f.skipped_bytes;
    syslog_framer_fini(&f);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    enum syslog_framing framing = data[0] & 1 ? SYSLOG_FRAMING_LINES : SYSLOG_FRAMING_AUTO;
    size_t piece = (size_t)(data[0] >> 1) + 1;
    struct span stream = span_make((const char *)data + 1, size - 1);
    struct result whole = run(stream, framing, stream.len + 1);
    struct result parts = run(stream, framing, piece);
    CHECK(whole.frames == parts.frames && whole.bytes == parts.bytes && whole.sum == parts.sum);
    CHECK(whole.skipped == parts.skipped);
    return 0;
}
