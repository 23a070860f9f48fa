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

enum { TOLD_RULE = 1, TOLD_DONE = 2, GENERATION_BYTES = 8 };

void rules_told_rule(struct buf *out, struct span rule)
{
    buf_u8(out, TOLD_RULE);
    buf_str(out, rule);
}

void rules_told_done(struct buf *out, struct span done)
{
    CHECK(done.len >= GENERATION_BYTES);
    buf_u8(out, TOLD_DONE);
    buf_str(out, span_sub(done, GENERATION_BYTES, done.len));
}

void rules_told_next(struct rules_told *t)
{
    t->more = cursor_left(&t->rest) > 0 && cursor_u8(&t->rest) == TOLD_RULE;
    t->rule = t->more ? cursor_str(&t->rest) : SPAN("");
}

int rules_told_open(struct rules_told *t, struct span bytes, struct err *e)
{
    struct cursor c = cursor_of(bytes);
    uint8_t kind = TOLD_RULE;
    struct span part = SPAN("");
    while (cursor_left(&c) > 0 && kind == TOLD_RULE) {
        kind = cursor_u8(&c);
        part = cursor_str(&c);
    }
    if (!cursor_done(&c) || kind != TOLD_DONE) {
        return err_set(e, ERR_INVALID, "what was told of the rules is broken");
    }
    *t = (struct rules_told){.rest = cursor_of(bytes), .done = part};
    rules_told_next(t);
    return 0;
}
