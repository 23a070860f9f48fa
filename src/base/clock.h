/* SPDX-License-Identifier: EUPL-1.2 */
/* Time: signed nanoseconds since 1970-01-01 UTC, good for the years 1678 to 2262. TIME_NONE = not known. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

typedef int64_t time_ns;
#define TIME_NONE INT64_MIN
#define TIME_SECOND INT64_C(1000000000)
#define TIME_DAY (INT64_C(86400) * TIME_SECOND)

enum { TIME_TEXT_MAX = 40 };

/* Wall clock now. */
time_ns clock_now(void);
/* Monotonic clock, for durations. */
time_ns clock_mono(void);
/* CPU time of the calling thread. */
time_ns clock_cpu(void);

struct time_parts {
    int year, month, day, hour, minute, second; /* month 1-12, day 1-31 */
    int nanos;
    int offset_s;    /* seconds east of UTC, when has_offset */
    bool has_offset;
};

/* RFC 3339 and its relatives: "2026-11-22T01:02:03.5Z", blank for T, comma for point, "+01:00", "+0100", no zone at all. */
bool time_parse_parts(struct span s, struct time_parts *out) __attribute__((warn_unused_result));
/* As above to nanoseconds; without a zone, zone_s seconds east of UTC are assumed. */
bool time_parse(struct span s, int zone_s, time_ns *out) __attribute__((warn_unused_result));
/* Calendar to nanoseconds (proleptic Gregorian); false when a part is out of range. */
bool time_from_parts(const struct time_parts *p, int zone_s, time_ns *out)
    __attribute__((warn_unused_result));
void time_to_parts(time_ns t, struct time_parts *out);
/* "2026-11-22T01:02:03.456Z" into out; returns out. TIME_NONE gives "-". */
const char *time_format(time_ns t, char out[TIME_TEXT_MAX]);
/* Days since 1970-01-01 of the UTC day that t lies in. */
int64_t time_day(time_ns t);

#endif
