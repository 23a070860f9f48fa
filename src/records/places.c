/* SPDX-License-Identifier: EUPL-1.2 */
/* Places as a message: see places.h. */
#include "records/places.h"

void places_encode(struct buf *out, const struct policy_places *p)
{
    buf_u32(out, p->count);
    for (uint32_t i = 0; i < p->count; i++) {
        buf_str(out, p->at[i]);
    }
}

void places_decode(struct cursor *c, struct policy_places *out)
{
    uint32_t n = cursor_u32(c);
    *out = (struct policy_places){0};
    c->failed = c->failed || n == 0 || n > POLICY_PLACES_MAX;
    while (!c->failed && out->count < n) {
        struct span at = cursor_str(c);
        c->failed = c->failed || at.len == 0 || at.len > POLICY_PLACE_MAX || (n > 1 && span_eq(at, SPAN("*")));
        out->at[out->count++] = at;
    }
    out->count = c->failed ? 0 : out->count;
}
