/* SPDX-License-Identifier: EUPL-1.2 */
/* Alert codec: see alert.h. Written by intake, read by keeper and desk, which treat it as hostile. */
#include "event/alert.h"

#include "base/check.h"

static const char *const level_names[] = {"informational", "low", "medium", "high", "critical"};

const char *alert_level_name(enum alert_level level)
{
    CHECK((size_t)level < ARRAY_LEN(level_names));
    return level_names[level];
}

bool alert_level_parse(struct span s, enum alert_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (span_eq_nocase(s, span_of(level_names[i]))) {
            *out = (enum alert_level)i;
            return true;
        }
    }
    return false;
}

/* The spans of an alert in wire order: one table for writer and reader. */
#define ALERT_SPANS(X)                                                                             \
    X(rule_id) X(rule_hash) X(title) X(organisation) X(source) X(product) X(category) X(service)   \
    X(host) X(user) X(summary)

static struct span cut(struct span s)
{
    return span_sub(s, 0, ALERT_VALUE_MAX);
}

static void why_encode(struct buf *out, const struct alert_why *w)
{
    buf_str(out, cut(w->selection));
    buf_str(out, cut(w->field));
    buf_str(out, cut(w->operator_));
    buf_str(out, cut(w->wanted));
    buf_str(out, cut(w->value));
    uint16_t n = w->nmarks > ALERT_MARKS_MAX ? ALERT_MARKS_MAX : w->nmarks;
    buf_u16(out, n);
    for (uint16_t i = 0; i < n; i++) {
        buf_u32(out, w->marks[i][0]);
        buf_u32(out, w->marks[i][1]);
    }
}

void alert_encode(struct buf *out, const struct alert *a)
{
#define X(name) buf_str(out, cut(a->name));
    ALERT_SPANS(X)
#undef X
    buf_u8(out, (uint8_t)a->level);
    buf_u64(out, (uint64_t)a->time);
    buf_u64(out, (uint64_t)a->received);
    buf_u64(out, (uint64_t)a->last_time);
    buf_u32(out, a->count);
    buf_u32(out, a->block);
    buf_u32(out, a->index);
    buf_u32(out, a->tags);
    uint16_t nwhy = a->nwhy > ALERT_WHY_MAX ? ALERT_WHY_MAX : a->nwhy;
    buf_u16(out, nwhy);
    for (uint16_t i = 0; i < nwhy; i++) {
        why_encode(out, &a->why[i]);
    }
    uint16_t nfields = a->nfields > ALERT_FIELDS_MAX ? ALERT_FIELDS_MAX : a->nfields;
    buf_u16(out, nfields);
    for (uint16_t i = 0; i < nfields; i++) {
        buf_str(out, cut(a->fields[i].name));
        buf_str(out, cut(a->fields[i].value));
    }
}

static struct span get_text(struct cursor *c)
{
    struct span s = cursor_str(c);
    if (s.len > ALERT_VALUE_MAX) {
        c->failed = true;
    }
    return s;
}

static void why_decode(struct cursor *c, struct alert_why *w)
{
    w->selection = get_text(c);
    w->field = get_text(c);
    w->operator_ = get_text(c);
    w->wanted = get_text(c);
    w->value = get_text(c);
    w->nmarks = cursor_u16(c);
    if (w->nmarks > ALERT_MARKS_MAX) {
        c->failed = true;
        w->nmarks = 0;
    }
    for (uint16_t i = 0; i < w->nmarks; i++) {
        w->marks[i][0] = cursor_u32(c);
        w->marks[i][1] = cursor_u32(c);
        if (w->marks[i][0] > w->marks[i][1] || w->marks[i][1] > w->value.len) {
            c->failed = true;
        }
    }
}

static void lists_decode(struct cursor *c, struct arena *scratch, struct alert *out)
{
    out->nwhy = cursor_u16(c);
    if (out->nwhy > ALERT_WHY_MAX) {
        c->failed = true;
        out->nwhy = 0;
    }
    struct alert_why *why = arena_calloc(scratch, out->nwhy, sizeof *why);
    for (uint16_t i = 0; i < out->nwhy && !c->failed; i++) {
        why_decode(c, &why[i]);
    }
    out->why = why;
    out->nfields = cursor_u16(c);
    if (out->nfields > ALERT_FIELDS_MAX) {
        c->failed = true;
        out->nfields = 0;
    }
    struct alert_field *fields = arena_calloc(scratch, out->nfields, sizeof *fields);
    for (uint16_t i = 0; i < out->nfields && !c->failed; i++) {
        fields[i].name = get_text(c);
        fields[i].value = get_text(c);
    }
    out->fields = fields;
}

int alert_decode(struct cursor *c, struct arena *scratch, struct alert *out, struct err *e)
{
    memset(out, 0, sizeof *out);
#define X(name) out->name = get_text(c);
    ALERT_SPANS(X)
#undef X
    uint8_t level = cursor_u8(c);
    out->time = (time_ns)cursor_u64(c);
    out->received = (time_ns)cursor_u64(c);
    out->last_time = (time_ns)cursor_u64(c);
    out->count = cursor_u32(c);
    out->block = cursor_u32(c);
    out->index = cursor_u32(c);
    out->tags = cursor_u32(c);
    lists_decode(c, scratch, out);
    if (c->failed || level > LEVEL_CRITICAL || out->count == 0) {
        memset(out, 0, sizeof *out);
        return err_set(e, ERR_INVALID, "an alert message is broken");
    }
    out->level = (enum alert_level)level;
    return 0;
}
