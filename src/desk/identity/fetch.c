/* SPDX-License-Identifier: EUPL-1.2 */
/* Requests to providers as bytes: see fetch.h. */
#include "desk/identity/fetch.h"

void fetch_encode(struct buf *out, const struct fetch *f)
{
    buf_str(out, f->provider);
    buf_str(out, f->url);
    buf_str(out, f->form);
    buf_u8(out, (uint8_t)f->client);
}

void fetch_decode(struct cursor *in, struct fetch *out)
{
    out->provider = cursor_str(in);
    out->url = cursor_str(in);
    out->form = cursor_str(in);
    uint8_t client = cursor_u8(in);
    out->client = (enum fetch_client)client;
    bool fine = provider_name_valid(out->provider) && provider_url_valid(out->url) && out->form.len <= FETCH_FORM_MAX && client < FETCH_CLIENT_COUNT;
    in->failed = in->failed || !fine;
}

void fetched_encode(struct buf *out, const struct fetched *f)
{
    buf_u32(out, f->status);
    buf_str(out, f->why);
    buf_str(out, f->body);
}

void fetched_decode(struct cursor *in, struct fetched *out)
{
    out->status = cursor_u32(in);
    out->why = cursor_str(in);
    out->body = cursor_str(in);
    in->failed = in->failed || out->body.len > FETCH_ANSWER_MAX || out->why.len > FETCH_WHY_MAX;
}
