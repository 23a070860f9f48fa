/* SPDX-License-Identifier: EUPL-1.2 */
/* What the first page counts of records: see today.h. */
#include "desk/govern/today.h"

/* Days on which somebody has to do something. moment: the field holds a time, not a day. */
static const struct {
    const char *kind, *field;
    enum today_group group;
    bool moment;
} days[] = {
    {"finding", "due", TODAY_WORK, false},
    {"finding", "retest", TODAY_WORK, false},
    {"risk", "review", TODAY_WORK, false},
    {"bug_report", "due", TODAY_WORK, false},
    {"minute", "due", TODAY_WORK, false},
    {"assessment", "due", TODAY_WORK, false},
    {"completion", "due", TODAY_WORK, false},
    {"crisis", "report_due", TODAY_WORK, false},
    {"action_line", "ends", TODAY_WORK, false},
    {"project", "ends", TODAY_WORK, false},
    {"waiver", "until", TODAY_ENDS, false},
    {"evidence", "valid_until", TODAY_ENDS, false},
    {"risk", "accepted_until", TODAY_ENDS, false},
    {"appointment", "ends", TODAY_ENDS, true},
    {"access_grant", "ends", TODAY_ENDS, true},
    {"contract", "ends", TODAY_ENDS, false},
    {"membership", "ends", TODAY_ENDS, false},
    {"procedure", "certified_until", TODAY_ENDS, false},
    {"system", "support_ends", TODAY_ENDS, false},
    {"supplier", "excluded_until", TODAY_ENDS, false},
    {"person", "leaves", TODAY_ENDS, false},
    {"system", "review", TODAY_LOOK, false},
    {"supplier", "review", TODAY_LOOK, false},
    {"access_grant", "review", TODAY_LOOK, false},
    {"baseline", "review", TODAY_LOOK, false},
    {"continuity_plan", "review", TODAY_LOOK, false},
    {"contract", "review", TODAY_LOOK, false},
    {"control", "next_test", TODAY_LOOK, false},
    {"course", "review", TODAY_LOOK, false},
    {"procedure", "review", TODAY_LOOK, false},
    {"solution", "review", TODAY_LOOK, false},
};

const char *today_group_name(enum today_group g)
{
    static const char *const names[TODAY_GROUP_COUNT] = {"work", "ends", "look"};
    CHECK(g < TODAY_GROUP_COUNT);
    return names[g];
}

/* A day as keys have it; of a field that holds a time, its first or its last second. */
static struct span day_text(struct arena *a, int64_t day, bool moment, bool last)
{
    char text[TIME_TEXT_MAX];
    struct span s = span_make(time_format(day * TIME_DAY, text), 10);
    return moment ? span_of(arena_printf(a, "%.*sT%s", SPAN_ARG(s), last ? "23:59:59Z" : "00:00:00Z")) : arena_copy(a, s);
}

/* The kind, when it is on and the reader sees the field in its lists; NULL. */
static const struct register_kind *kind_shown(const struct registers *kinds, const struct policy_reader *reader, struct span name, struct span field)
{
    const struct register_kind *k = registers_by_name(kinds, name);
    int place = k == NULL ? -1 : register_field_of(k, field);
    bool shown = place >= 0 && (policy_record_hidden(reader, &k->rights) >> place & 1) == 0;
    return shown && register_key_type(k, field) == KEY_TEXT ? k : NULL; /* a city's own file may have another field of that name */
}

uint32_t today_figures(const struct registers *kinds, const struct policy_reader *reader, time_ns now, struct arena *a, struct today_figure *out)
{
    uint32_t n = 0;
    int64_t today = time_day(now);
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        struct span field = span_of(days[i].field);
        const struct register_kind *k = kind_shown(kinds, reader, span_of(days[i].kind), field);
        struct today_due due = {.field = field};
        if (k == NULL) {
            continue;
        }
        policy_record_scope(reader, &k->rights, now, &due.scope);
        due.kind = k->name;
        for (int past = 1; past >= 0 && !record_scope_empty(&due.scope); past--) {
            due.from = past ? SPAN("") : day_text(a, today, days[i].moment, false);
            due.to = day_text(a, past ? today - 1 : today + TODAY_SOON_DAYS, days[i].moment, true);
            for (uint32_t s = 0; s < k->nstates && n < TODAY_DUE_MAX; s++) {
                if (!k->states[s].final) {
                    due.state = k->states[s].id;
                    out[n++] = (struct today_figure){days[i].group, k, past != 0, due};
                }
            }
        }
    }
    return n;
}
