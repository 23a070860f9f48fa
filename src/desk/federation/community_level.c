/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How far the community is on its guard: see warning.h. Counts only what was published to all, so
 * that the level says nothing that the warnings did not.
 */
#include <stdio.h>

#include "desk/federation/warning.h"

/* A day's warnings, by what they count. */
struct day {
    int64_t by_kind[COMMUNITY_KINDS];
    int64_t high, critical, wide; /* wide: seen by so many that the number was said */
    time_ns newest;
};

const char *community_level_name(enum community_level level)
{
    static const char *const names[] = {"calm", "watchful", "raised", "high"};
    CHECK((size_t)level < ARRAY_LEN(names));
    return names[level];
}

static struct day day_of(const struct level_warning *list, size_t count, time_ns now)
{
    struct day d = {.newest = TIME_NONE};
    for (size_t i = 0; i < count; i++) {
        const struct level_warning *w = &list[i];
        if (w->issued < now - TIME_DAY || w->issued > now + TIME_DAY) {
            continue;
        }
        d.by_kind[w->kind]++;
        d.high += w->level == LEVEL_HIGH;
        d.critical += w->level == LEVEL_CRITICAL;
        d.wide += w->seen > 0 && w->level >= LEVEL_MEDIUM;
        d.newest = w->issued > d.newest ? w->issued : d.newest;
    }
    return d;
}

static void reason(struct level_report *out, int64_t count, const char *one, const char *many)
{
    if (count > 0 && out->nreasons < LEVEL_REASONS_MAX) {
        struct level_reason *r = &out->reasons[out->nreasons++];
        r->count = count;
        (void)snprintf(r->text, sizeof r->text, "%s", count == 1 ? one : many);
    }
}

/*
 * calm: no warning in a day. watchful: some. raised: a critical one, three of high level, or one
 * that many members saw. high: two of these at once, or three critical.
 */
static enum community_level level_of(const struct day *d)
{
    int marks = (d->critical > 0) + (d->high >= 3) + (d->wide > 0);
    bool any = false;
    for (size_t i = 0; i < COMMUNITY_KINDS; i++) {
        any = any || d->by_kind[i] > 0;
    }
    return !any                             ? LEVEL_CALM
           : d->critical >= 3 || marks >= 2 ? LEVEL_ALARMED
           : marks == 1                     ? LEVEL_RAISED
                                            : LEVEL_WATCHFUL;
}

void community_level_of(const struct level_warning *list, size_t count, time_ns now,
                        struct level_report *out)
{
    struct day d = day_of(list, count, now);
    *out = (struct level_report){.level = level_of(&d), .since = d.newest};
    reason(out, d.critical, "warning of level critical in the last day",
           "warnings of level critical in the last day");
    reason(out, d.high, "warning of level high in the last day",
           "warnings of level high in the last day");
    reason(out, d.wide, "warning of something that many members saw",
           "warnings of things that many members saw");
    reason(out, d.by_kind[COMMUNITY_INDICATOR], "indicator seen by several members",
           "indicators seen by several members");
    reason(out, d.by_kind[COMMUNITY_RULE], "rule that fired at several members",
           "rules that fired at several members");
    reason(out, d.by_kind[COMMUNITY_TECHNIQUE], "technique seen at several members",
           "techniques seen at several members");
    reason(out, d.by_kind[COMMUNITY_SEQUENCE], "sequence of attacks seen at several members",
           "sequences of attacks seen at several members");
    if (out->nreasons == 0) {
        (void)snprintf(out->reasons[0].text, sizeof out->reasons[0].text,
                       "no warning in the last day");
        out->nreasons = 1;
    }
}
