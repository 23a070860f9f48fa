/* SPDX-License-Identifier: EUPL-1.2 */
/* The compiler's report as a message: see rules_wire.h. Runs in compiler, super and keeper. */
#include "roles/rules_wire.h"

void rules_done_encode(struct buf *out, const struct rules_done *d)
{
    buf_u64(out, d->generation);
    buf_u8(out, d->usable ? 1 : 0);
    buf_u32(out, d->rules);
    buf_u32(out, d->correlations);
    buf_u32(out, d->filters);
    buf_u32(out, d->unreachable);
    buf_u32(out, d->refused);
    buf_u32(out, d->warnings);
    buf_u32(out, d->listed);
}

void rules_done_decode(struct cursor *c, struct rules_done *out)
{
    out->generation = cursor_u64(c);
    uint8_t usable = cursor_u8(c);
    out->usable = usable == 1;
    out->rules = cursor_u32(c);
    out->correlations = cursor_u32(c);
    out->filters = cursor_u32(c);
    out->unreachable = cursor_u32(c);
    out->refused = cursor_u32(c);
    out->warnings = cursor_u32(c);
    out->listed = cursor_u32(c);
    c->failed = c->failed || usable > 1 || out->listed > out->refused;
}

void rules_refusal_encode(struct buf *out, const struct rules_refusal *r)
{
    buf_str(out, span_sub(r->file, 0, RULES_REFUSED_TEXT_MAX));
    buf_u32(out, r->line);
    buf_str(out, span_sub(r->reason, 0, RULES_REFUSED_TEXT_MAX));
}

void rules_refusal_decode(struct cursor *c, struct rules_refusal *out)
{
    out->file = cursor_str(c);
    out->line = cursor_u32(c);
    out->reason = cursor_str(c);
    c->failed = c->failed || out->file.len > RULES_REFUSED_TEXT_MAX ||
                out->reason.len > RULES_REFUSED_TEXT_MAX;
}
