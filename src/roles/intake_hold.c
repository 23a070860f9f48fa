/* SPDX-License-Identifier: EUPL-1.2 */
/* Whose bytes are being handled, for super to see after a crash, and which sources are on hold. Runs in intake. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "roles/intake_priv.h"

void intake_flight_take(struct intake *in, int fd)
{
    void *at = mmap(NULL, sizeof *in->flight, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (at == MAP_FAILED) {
        log_warn("flight.map", "why=\"nobody will know over what this intake crashed\"");
        return;
    }
    in->flight = at;
}

void intake_handles(void *ctx, uint32_t source, bool begins)
{
    struct intake *in = ctx;
    if (in->flight == NULL) {
        return;
    }
    if (!begins) {
        in->flight->depth--;
        return;
    }
    if (in->flight_source != source || in->flight->len == 0) {
        const char *name = in->sources.data[source]->name;
        size_t len = strlen(name);
        in->flight_source = source;
        in->flight->len = (uint32_t)(len > FLIGHT_NAME_MAX ? FLIGHT_NAME_MAX : len);
        memcpy(in->flight->name, name, in->flight->len);
    }
    in->flight->depth++;
}

static bool is_held(const struct intake *in, const char *name)
{
    struct cursor c = cursor_of(buf_view(&in->held));
    uint32_t n = cursor_u32(&c);
    for (uint32_t i = 0; i < n && !c.failed; i++) {
        if (span_eq(cursor_str(&c), span_of(name))) {
            return true;
        }
    }
    return false;
}

void intake_held_apply(struct intake *in, uint32_t source)
{
    struct intake_source *s = in->sources.data[source];
    bool held = is_held(in, s->name);
    if (held != s->held) {
        s->held = held;
        intake_pause_source(in, source);
    }
}

int intake_held_take(struct intake *in, struct span body, struct err *e)
{
    struct cursor c = cursor_of(body);
    uint32_t n = cursor_u32(&c);
    for (uint32_t i = 0; i < n && !c.failed; i++) {
        (void)cursor_str(&c);
    }
    if (!cursor_done(&c)) {
        return err_set(e, ERR_INVALID, "MSG_SOURCES_HELD is wrong");
    }
    buf_clear(&in->held);
    buf_span(&in->held, body);
    for (uint32_t i = 0; i < in->sources.len; i++) {
        intake_held_apply(in, i);
    }
    return 0;
}
