/* SPDX-License-Identifier: EUPL-1.2 */
/* Questions and answers as bytes: see ask.h. Runs in desk and keeper; must trust no length and no
 * number. */
#include "records/ask.h"

const char *ask_name(uint16_t number)
{
    switch (number) {
#define ASK(name, number, goes, comes)                                                             \
    case name:                                                                                     \
        return #name;
#include "records/ask.def"
#undef ASK
    default:
        return "unknown";
    }
}

void ask_begin(struct buf *out, enum ask ask)
{
    buf_clear(out);
    buf_u16(out, (uint16_t)ask);
}

void answer_begin(struct buf *out, int rc, const struct err *e)
{
    CHECK(rc <= 0);
    buf_clear(out);
    buf_u32(out, (uint32_t)rc);
    buf_str(out, rc == 0 ? SPAN("") : span_of(e->text));
}

int answer_read(struct cursor *c, struct span *text_out)
{
    int rc = (int)cursor_u32(c);
    *text_out = cursor_str(c);
    if (rc > 0) {
        c->failed = true;
    }
    return c->failed ? ERR_INVALID : rc;
}

void account_encode(struct buf *out, const struct account *a)
{
    buf_str(out, a->id);
    buf_str(out, a->name);
    buf_str(out, a->role);
    buf_str(out, a->organisation);
    buf_u8(out, a->factor);
}

void account_decode(struct cursor *c, struct account *out)
{
    out->id = cursor_str(c);
    out->name = cursor_str(c);
    out->role = cursor_str(c);
    out->organisation = cursor_str(c);
    out->factor = cursor_u8(c) != 0;
    out->password = SPAN("");
    if (out->organisation.len == 0 || out->id.len == 0) {
        c->failed = true;
    }
}

void token_encode(struct buf *out, const struct ingest_token *t)
{
    buf_str(out, t->id);
    buf_str(out, t->hash);
    buf_str(out, t->name);
    buf_str(out, t->source);
    buf_str(out, t->organisation);
    buf_u64(out, (uint64_t)t->created);
    buf_u64(out, (uint64_t)t->last_used);
}

void token_decode(struct cursor *c, struct ingest_token *out)
{
    out->id = cursor_str(c);
    out->hash = cursor_str(c);
    out->name = cursor_str(c);
    out->source = cursor_str(c);
    out->organisation = cursor_str(c);
    out->created = (time_ns)cursor_u64(c);
    out->last_used = (time_ns)cursor_u64(c);
    if (out->organisation.len == 0) {
        c->failed = true;
    }
}

void step_encode(struct buf *out, const struct alert_step *s)
{
    buf_u64(out, (uint64_t)s->at);
    buf_str(out, s->who);
    buf_str(out, s->what);
    buf_str(out, s->reason);
    buf_str(out, s->note);
}

void step_decode(struct cursor *c, struct alert_step *out)
{
    out->at = (time_ns)cursor_u64(c);
    out->who = cursor_str(c);
    out->what = cursor_str(c);
    out->reason = cursor_str(c);
    out->note = cursor_str(c);
}

void refusal_encode(struct buf *out, const struct rule_refusal *r)
{
    buf_str(out, r->file);
    buf_u64(out, (uint64_t)r->line);
    buf_str(out, r->reason);
}

void refusal_decode(struct cursor *c, struct rule_refusal *out)
{
    out->file = cursor_str(c);
    out->line = (int64_t)cursor_u64(c);
    out->reason = cursor_str(c);
}

void record_encode(struct buf *out, const struct ask_record *r)
{
    buf_u8(out, r->found);
    buf_u8(out, r->truncated);
    buf_str(out, span_sub(r->text, 0, ASK_RECORD_MAX));
}

void record_decode(struct cursor *c, struct ask_record *out)
{
    out->found = cursor_u8(c) != 0;
    out->truncated = cursor_u8(c) != 0;
    out->text = cursor_str(c);
}

/* In wire order, for both directions. */
#define STATUS_NUMBERS(X)                                                                          \
    X(events)                                                                                      \
    X(alerts) X(last_event) X(sources_total) X(sources_live) X(rate_milli) X(open) X(rules_loaded) \
        X(rules_refused) X(archive_bytes) X(archive_events) X(archive_oldest_day) X(matches_lost) \
        X(copy_wanted) X(copy_days) X(copy_bytes) X(copy_waiting) X(copy_at) X(copy_failed_at)

void keeper_status_encode(struct buf *out, const struct keeper_status *s)
{
#define X(name) buf_u64(out, (uint64_t)s->name);
    STATUS_NUMBERS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)s->correlate_##name);
    CORRELATE_COUNTERS(X)
#undef X
}

void keeper_status_decode(struct cursor *c, struct keeper_status *out)
{
#define X(name) out->name = (int64_t)cursor_u64(c);
    STATUS_NUMBERS(X)
#undef X
#define X(name) out->correlate_##name = (int64_t)cursor_u64(c);
    CORRELATE_COUNTERS(X)
#undef X
}
