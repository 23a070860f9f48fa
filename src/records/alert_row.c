/* SPDX-License-Identifier: EUPL-1.2 */
/* Alerts as rows and as messages: see alert_row.h. Runs in keeper and desk; must trust no length
 * and no number. */
#include "records/alert_row.h"

#include "base/check.h"
#include "records/places.h"

static const char *const status_names[] = {"new", "acknowledged", "closed"};

const char *alert_status_name(enum alert_status status)
{
    CHECK((size_t)status < ARRAY_LEN(status_names));
    return status_names[status];
}

bool alert_status_parse(struct span s, enum alert_status *out)
{
    for (size_t i = 0; i < ARRAY_LEN(status_names); i++) {
        if (span_eq(s, span_of(status_names[i]))) {
            *out = (enum alert_status)i;
            return true;
        }
    }
    return false;
}

bool alert_close_reason_valid(struct span s)
{
    static const char *const reasons[] = {"true_positive", "false_positive", "benign", "duplicate"};
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (span_eq(s, span_of(reasons[i]))) {
            return true;
        }
    }
    return false;
}

void alert_row_encode(struct buf *out, const struct alert_row *row)
{
#define X(name) buf_str(out, row->name);
    ALERT_ROW_SPANS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)row->name);
    ALERT_ROW_NUMBERS(X)
#undef X
}

void alert_row_decode(struct cursor *c, struct alert_row *out)
{
#define X(name) out->name = cursor_str(c);
    ALERT_ROW_SPANS(X)
#undef X
#define X(name) out->name = (int64_t)cursor_u64(c);
    ALERT_ROW_NUMBERS(X)
#undef X
    if (out->level < 0 || out->level > LEVEL_CRITICAL || out->status < 0 ||
        out->status >= ALERT_STATUS_COUNT) {
        c->failed = true;
        out->level = out->status = 0;
    }
}

void alert_filter_encode(struct buf *out, const struct alert_filter *f)
{
    places_encode(out, &f->places);
    buf_u32(out, f->statuses);
    buf_u32(out, f->levels);
    buf_str(out, f->rule_id);
    buf_str(out, f->host);
    buf_str(out, f->words);
    buf_u32(out, f->limit);
    buf_u64(out, (uint64_t)f->before_received);
    buf_str(out, f->before_id);
}

void alert_filter_decode(struct cursor *c, struct alert_filter *out)
{
    places_decode(c, &out->places);
    out->statuses = cursor_u32(c);
    out->levels = cursor_u32(c);
    out->rule_id = cursor_str(c);
    out->host = cursor_str(c);
    out->words = cursor_str(c);
    out->limit = cursor_u32(c);
    out->before_received = (int64_t)cursor_u64(c);
    out->before_id = cursor_str(c);
    if (out->limit == 0 || out->limit > ALERT_PAGE_MAX ||
        out->words.len > ALERT_QUERY_MAX) {
        c->failed = true;
    }
}

void alert_counts_encode(struct buf *out, const struct alert_counts *n)
{
    for (size_t i = 0; i < ALERT_STATUS_COUNT; i++) {
        buf_u64(out, (uint64_t)n->by_status[i]);
    }
    buf_u64(out, (uint64_t)n->closed_today);
    buf_u64(out, (uint64_t)n->oldest_open);
}

void alert_counts_decode(struct cursor *c, struct alert_counts *out)
{
    for (size_t i = 0; i < ALERT_STATUS_COUNT; i++) {
        out->by_status[i] = (int64_t)cursor_u64(c);
    }
    out->closed_today = (int64_t)cursor_u64(c);
    out->oldest_open = (int64_t)cursor_u64(c);
}

void alert_change_encode(struct buf *out, const struct alert_change *ch)
{
    buf_str(out, ch->id);
    places_encode(out, &ch->places);
    buf_u8(out, (uint8_t)ch->action);
    buf_u64(out, (uint64_t)ch->revision);
    buf_str(out, ch->who);
    buf_str(out, ch->reason);
    buf_str(out, ch->note);
}

void alert_change_decode(struct cursor *c, struct alert_change *out)
{
    out->id = cursor_str(c);
    places_decode(c, &out->places);
    uint8_t action = cursor_u8(c);
    out->revision = (int64_t)cursor_u64(c);
    out->who = cursor_str(c);
    out->reason = cursor_str(c);
    out->note = cursor_str(c);
    out->action = action < ALERT_ACTION_COUNT ? (enum alert_action)action : ALERT_DO_ACKNOWLEDGE;
    if (action >= ALERT_ACTION_COUNT || out->who.len == 0 ||
        out->note.len > ALERT_NOTE_MAX * 4) {
        c->failed = true;
    }
}
