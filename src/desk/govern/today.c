/* SPDX-License-Identifier: EUPL-1.2 */
/* What the first page counts of records: see today.h. */
#include "desk/govern/today.h"

/* A day as keys have it; of a field that holds a time, its first or its last second. */
static struct span day_text(struct arena *a, int64_t day, bool moment, bool last)
{
    struct span s = register_day_text(a, day);
    return moment ? span_of(arena_printf(a, "%.*sT%s", SPAN_ARG(s), last ? "23:59:59Z" : "00:00:00Z")) : s;
}

/* One for each state in which the day counts: a list has one state. */
static uint32_t by_state(const struct register_kind *k, const struct register_due *d, bool past, struct today_due *due, struct today_figure *out, uint32_t room)
{
    uint32_t n = 0;
    for (uint32_t s = 0; s < k->nstates && n < room; s++) {
        if ((d->states >> s & 1) != 0) {
            due->state = k->states[s].id;
            out[n++] = (struct today_figure){d->about, k, past, *due};
        }
    }
    return n;
}

static uint32_t of_kind(const struct register_kind *k, const struct policy_reader *reader, time_ns now, struct arena *a, struct today_figure *out, uint32_t room)
{
    uint32_t n = 0;
    int64_t today = time_day(now);
    uint64_t hidden = policy_record_hidden(reader, &k->rights, now);
    struct today_due due = {.kind = k->name};
    policy_record_scope(reader, &k->rights, now, &due.scope);
    for (uint32_t i = 0; i < k->ndue && !record_scope_empty(&due.scope); i++) {
        const struct register_due *d = &k->due[i];
        due.field = d->name;
        for (int past = 1; past >= 0 && (register_due_fields(d) & hidden) == 0; past--) {
            due.from = past ? SPAN("") : day_text(a, today, d->moment, false);
            due.to = day_text(a, past ? today - 1 : today + TODAY_SOON_DAYS, d->moment, true);
            n += by_state(k, d, past != 0, &due, out + n, room - n);
        }
    }
    return n;
}

uint32_t today_figures(const struct registers *kinds, const struct policy_reader *reader, time_ns now, struct arena *a, struct today_figure *out)
{
    uint32_t n = 0;
    size_t count = 0;
    const struct register_kind *k = registers_kinds(kinds, &count);
    for (size_t i = 0; i < count; i++) {
        n += of_kind(&k[i], reader, now, a, out + n, TODAY_DUE_MAX - n);
    }
    return n;
}
