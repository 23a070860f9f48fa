/* SPDX-License-Identifier: EUPL-1.2 */
/* What records will soon say no more of persons, as a reader sees it: see retention.h. */
#include "desk/govern/retention.h"

#include "policy/own.h"
#include "records/registers/register_due.h"

bool retention_kind_of(const struct policy_reader *reader, const struct register_kind *k, time_ns now, struct retention_kind *out)
{
    struct policy_seat seats[POLICY_SEATS_MAX];
    struct policy_reader here;
    uint64_t from = k->retention.from < 0 ? 0 : UINT64_C(1) << k->retention.from;
    *out = (struct retention_kind){.kind = k};
    policy_reader_narrow(reader, POLICY_MAY_RETENTION, seats, &here);
    policy_record_scope(&here, &k->rights, now, &out->scope);
    out->masked = (policy_record_hidden(reader, &k->rights, now) & from) != 0;
    return k->retention.days > 0 && !record_scope_empty(&out->scope) && (policy_record_hidden_by_role(reader, &k->rights) & from) == 0;
}

static bool tells_days(enum retention_which which)
{
    return which == RETENTION_DUE || which == RETENTION_HELD;
}

bool retention_may_list(const struct retention_kind *k, enum retention_which which)
{
    return !k->masked || !tells_days(which);
}

bool retention_may_count(const struct retention_kind *k, enum retention_which which, int64_t days)
{
    return retention_may_list(k, which) || days == RETENTION_SOON_DAYS;
}

static void moment(struct json_writer *j, const char *key, time_ns t)
{
    char written[TIME_TEXT_MAX];
    json_member_text_or_null(j, key, t == TIME_NONE ? SPAN("") : span_of(time_format(t, written)));
}

static void day(struct json_writer *j, const char *key, int64_t value, struct arena *a)
{
    json_member_text_or_null(j, key, value == 0 ? SPAN("") : register_day_text(a, value));
}

/* ---- figures ---- */

static void state_members(struct json_writer *j, const struct retention_told *t, const struct retention_last *last, const struct trusted_time *clock)
{
    json_key(j, "last_run");
    if (last->ended == TIME_NONE) {
        json_null(j);
    } else {
        json_object(j);
        moment(j, "begun", last->begun);
        moment(j, "ended", last->ended);
        json_key(j, "whole"); /* it came to its end */
        json_bool(j, last->why[0] == '\0');
        json_member_text_or_null(j, "why", t->whole_node ? span_of(last->why) : SPAN(""));
        json_end(j);
    }
    json_key(j, "clock");
    json_object(j);
    json_member_text(j, "state", span_of(trusted_state_name(clock->state)));
    moment(j, "now", t->who->now);
    moment(j, "counted", clock->newest);
    json_key(j, "may_confirm");
    json_bool(j, t->may_confirm);
    json_end(j);
}

static void rule_members(struct json_writer *j, const struct retention_kind *k, uint32_t days, int64_t since, int64_t acts, struct arena *a)
{
    const struct register_kind *kind = k->kind;
    json_member_text(j, "kind", kind->name);
    json_member_text(j, "plural", kind->plural);
    json_key(j, "days");
    json_u64(j, days);
    json_key(j, "days_of_file");
    json_u64(j, kind->retention.days);
    json_member_text_or_null(j, "from", kind->retention.from < 0 ? SPAN("") : kind->fields[kind->retention.from].name);
    json_key(j, "states");
    json_array(j);
    for (uint32_t i = 0; i < kind->nstates; i++) {
        if ((kind->retention.states >> i & 1) != 0) {
            json_text(j, kind->states[i].id);
        }
    }
    json_end(j);
    json_member_text(j, "why", kind->retention.why);
    day(j, "since", since, a);
    day(j, "acts", acts, a);
    json_key(j, "masked");
    json_bool(j, k->masked);
}

static void figure(struct json_writer *j, const struct retention_kind *k, enum retention_which which, const struct retention_count *n, int64_t days, struct arena *a)
{
    json_key(j, retention_which_name(which));
    if (!retention_may_count(k, which, days)) {
        json_null(j);
        return;
    }
    json_object(j);
    json_key(j, "count");
    json_i64(j, n->count);
    json_key(j, "more");
    json_bool(j, n->more);
    if (which == RETENTION_DUE) {
        day(j, "first", n->count > 0 && !k->masked ? n->first : 0, a);
    }
    json_end(j);
}

bool retention_document(struct json_writer *j, const struct retention_told *t, struct arena *a, struct cursor *data)
{
    struct retention_last last;
    struct trusted_time clock;
    retention_state_decode(data, &last, &clock);
    json_object(j);
    json_key(j, "days");
    json_i64(j, t->days);
    json_member_text(j, "until", register_day_text(a, time_day(t->who->now) + t->days));
    state_members(j, t, &last, &clock);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < t->nkinds && !data->failed; i++) {
        uint32_t days = cursor_u32(data);
        int64_t since = (int64_t)cursor_u64(data);
        int64_t acts = (int64_t)cursor_u64(data);
        data->failed = data->failed || since < 0 || since > INT32_MAX || acts < 0 || acts > INT32_MAX;
        json_object(j);
        rule_members(j, &t->kinds[i], days, since, acts, a);
        for (int which = 0; which < RETENTION_WHICH_COUNT && !data->failed; which++) {
            struct retention_count n;
            retention_count_decode(data, &n);
            figure(j, &t->kinds[i], (enum retention_which)which, &n, t->days, a);
        }
        json_end(j);
    }
    json_end(j);
    json_end(j);
    return cursor_done(data);
}

/* ---- records ---- */

bool retention_list_document(struct json_writer *j, const struct record_worker *w, enum retention_which which, struct arena *a, struct cursor *data)
{
    bool more = cursor_u8(data) != 0;
    uint32_t n = cursor_u32(data);
    const char *next = NULL;
    json_object(j);
    json_member_text(j, "which", span_of(retention_which_name(which)));
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct retention_row r;
        retention_row_decode(data, &r);
        if (data->failed || !span_eq(r.row.kind, w->kind->name)) {
            continue;
        }
        next = arena_printf(a, "%.*s.%.*s", SPAN_ARG(r.key), SPAN_ARG(r.row.id));
        if (record_line_begin(w, &r.row, a, j) != NULL) {
            day(j, "goes", tells_days(which) ? r.day : 0, a);
            json_member_text_or_null(j, "held_why", r.why);
            json_member_text_or_null(j, "held_by", r.who);
            json_end(j);
        }
    }
    json_end(j);
    json_member_text_or_null(j, "next", more && next != NULL ? span_of(next) : SPAN(""));
    json_end(j);
    return cursor_done(data);
}
