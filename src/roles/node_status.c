/* SPDX-License-Identifier: EUPL-1.2 */
/* Codec of node_status.h. Written by super, read by the desk. */
#include "roles/node_status.h"

#include <string.h>

void node_status_encode(struct buf *out, const struct node_status *s)
{
    CHECK(s->count <= NODE_ROLES_MAX);
    buf_u64(out, (uint64_t)s->started);
    buf_u8(out, (uint8_t)s->sandbox);
    buf_u32(out, s->count);
    for (uint32_t i = 0; i < s->count; i++) {
        buf_str(out, s->roles[i].name);
        buf_u64(out, (uint64_t)s->roles[i].pid);
        buf_u32(out, s->roles[i].restarts);
    }
}

void node_status_decode(struct cursor *c, struct node_status *out)
{
    memset(out, 0, sizeof *out);
    out->started = (time_ns)cursor_u64(c);
    uint8_t sandbox = cursor_u8(c);
    out->count = cursor_u32(c);
    if (sandbox >= NODE_SANDBOX_COUNT || out->count > NODE_ROLES_MAX) {
        c->failed = true;
        out->count = 0;
        return;
    }
    out->sandbox = (enum node_sandbox)sandbox;
    for (uint32_t i = 0; i < out->count; i++) {
        out->roles[i].name = cursor_str(c);
        out->roles[i].pid = (int64_t)cursor_u64(c);
        out->roles[i].restarts = cursor_u32(c);
    }
}
