/* SPDX-License-Identifier: EUPL-1.2 */
/* Requests for the courier as bytes: see carry.h. */
#include "desk/federation/carry.h"

void fed_carry_encode(struct buf *out, const struct fed_carry *c)
{
    const struct span parts[] = {c->url,   c->method, c->pin,      c->certificate,
                                 c->proof, c->reason, c->audience, c->body};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        buf_str(out, parts[i]);
    }
    buf_u32(out, c->wait_ms);
}

void fed_carry_decode(struct cursor *in, struct fed_carry *out)
{
    struct span *const parts[] = {&out->url,   &out->method, &out->pin,      &out->certificate,
                                  &out->proof, &out->reason, &out->audience, &out->body};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        *parts[i] = cursor_str(in);
        size_t max = parts[i] == &out->body  ? CARRY_BODY_MAX
                     : parts[i] == &out->url ? CARRY_URL_MAX
                                             : CARRY_TEXT_MAX;
        in->failed = in->failed || parts[i]->len > max;
    }
    out->wait_ms = cursor_u32(in);
    bool https = span_starts(out->url, SPAN("https://"));
    bool method = span_eq(out->method, SPAN("GET")) || span_eq(out->method, SPAN("POST"));
    in->failed = in->failed || !https || !method || out->wait_ms > CARRY_WAIT_MAX_MS;
}

void fed_carried_encode(struct buf *out, const struct fed_carried *c)
{
    buf_u32(out, c->status);
    buf_str(out, c->why);
    buf_str(out, c->pin);
    buf_str(out, c->body);
}

void fed_carried_decode(struct cursor *in, struct fed_carried *out)
{
    out->status = cursor_u32(in);
    out->why = cursor_str(in);
    out->pin = cursor_str(in);
    out->body = cursor_str(in);
    in->failed = in->failed || out->body.len > CARRY_ANSWER_MAX;
}
