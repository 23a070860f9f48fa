/* SPDX-License-Identifier: EUPL-1.2 */
/* Bodies of push and pull: see batch.h. Bounded; trusts nothing. */
#include "desk/federation/batch.h"

#include "base/num.h"

#define NUMBER_MAX (INT64_C(1) << 53)

static bool skip(struct span *in, const char *text)
{
    struct span t = span_of(text);
    if (!span_starts(*in, t)) {
        return false;
    }
    *in = span_sub(*in, t.len, in->len);
    return true;
}

static bool number(struct span *in, int64_t *out)
{
    size_t n = 0;
    uint64_t v = 0;
    while (n < in->len && in->ptr[n] >= '0' && in->ptr[n] <= '9') {
        n++;
    }
    if (n == 0 || (n > 1 && in->ptr[0] == '0') || !num_u64(span_sub(*in, 0, n), &v) ||
        v >= (uint64_t)NUMBER_MAX) {
        return false;
    }
    *out = (int64_t)v;
    *in = span_sub(*in, n, in->len);
    return true;
}

/* One object by its brackets; strings are passed over. */
static bool object(struct span *in, struct span *out)
{
    size_t depth = 0, i = 0;
    bool text = false;
    if (in->len == 0 || in->ptr[0] != '{') {
        return false;
    }
    for (; i < in->len && i < BATCH_ENVELOPE_MAX; i++) {
        char c = in->ptr[i];
        if (text) {
            i += c == '\\';
            text = c != '"';
        } else if (c == '"') {
            text = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            *out = span_sub(*in, 0, i + 1);
            *in = span_sub(*in, i + 1, in->len);
            return true;
        }
    }
    return false;
}

static int broken(struct span in, struct span body, struct err *e)
{
    int rc = err_set(e, ERR_INVALID, "the envelopes cannot be told apart");
    if (e != NULL) {
        e->offset = body.len - in.len;
        e->has_offset = 1;
    }
    return rc;
}

/* One element of the list; a pull's has its number beside it. */
static bool element(struct span *in, bool pull, struct batch_item *out)
{
    if (!pull) {
        return object(in, &out->envelope);
    }
    return skip(in, "{\"envelope\":") && object(in, &out->envelope) && skip(in, ",\"seq\":") &&
           number(in, &out->seq) && skip(in, "}");
}

static int read_list(struct span *in, struct span body, bool pull, struct batch *out, struct err *e)
{
    out->count = 0;
    if (!skip(in, "{\"envelopes\":[")) {
        return broken(*in, body, e);
    }
    if (skip(in, "]")) {
        return 0;
    }
    do {
        if (out->count == BATCH_MAX) {
            return err_set(e, ERR_LIMIT, "more than %d envelopes at once", BATCH_MAX);
        }
        struct batch_item *item = &out->items[out->count];
        if (!element(in, pull, item) ||
            (pull && out->count > 0 && item->seq != item[-1].seq + 1)) {
            return broken(*in, body, e);
        }
        out->count++;
    } while (skip(in, ","));
    return skip(in, "]") ? 0 : broken(*in, body, e);
}

int batch_read_push(struct span body, struct batch *out, struct err *e)
{
    struct span in = body;
    int64_t from = 0;
    int rc = read_list(&in, body, false, out, e);
    if (rc == 0 && !(skip(&in, ",\"epoch\":") && number(&in, &out->epoch) &&
                     skip(&in, ",\"from\":") && number(&in, &from) && skip(&in, "}") &&
                     in.len == 0 && from > 0 && out->epoch > 0)) {
        rc = broken(in, body, e);
    }
    for (uint32_t i = 0; rc == 0 && i < out->count; i++) {
        out->items[i].seq = from + i;
    }
    return rc;
}

int batch_read_pull(struct span body, struct batch *out, struct err *e)
{
    struct span in = body;
    int rc = read_list(&in, body, true, out, e);
    if (rc == 0 && !(skip(&in, ",\"epoch\":") && number(&in, &out->epoch) && skip(&in, "}") &&
                     in.len == 0)) {
        rc = broken(in, body, e);
    }
    return rc;
}

void batch_write_push(const struct batch *b, struct buf *out)
{
    buf_cstr(out, "{\"envelopes\":[");
    for (uint32_t i = 0; i < b->count; i++) {
        buf_cstr(out, i > 0 ? "," : "");
        buf_span(out, b->items[i].envelope);
    }
    buf_printf(out, "],\"epoch\":%lld,\"from\":%lld}", (long long)b->epoch,
               (long long)(b->count > 0 ? b->items[0].seq : 1));
}

void batch_write_pull(const struct batch *b, struct buf *out)
{
    buf_cstr(out, "{\"envelopes\":[");
    for (uint32_t i = 0; i < b->count; i++) {
        buf_cstr(out, i > 0 ? ",{\"envelope\":" : "{\"envelope\":");
        buf_span(out, b->items[i].envelope);
        buf_printf(out, ",\"seq\":%lld}", (long long)b->items[i].seq);
    }
    buf_printf(out, "],\"epoch\":%lld}", (long long)b->epoch);
}
