/* SPDX-License-Identifier: EUPL-1.2 */
/* Clocks and calendar: see clock.h. No libc time zone code: it would read files inside a sandbox. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/check.h"

enum { YEAR_MIN = 1678, YEAR_MAX = 2261, ZONE_MAX_S = 18 * 3600 };

static time_ns clock_read(clockid_t id)
{
    struct timespec ts;
    MUST(clock_gettime(id, &ts));
    return (time_ns)ts.tv_sec * TIME_SECOND + ts.tv_nsec;
}

time_ns clock_now(void)
{
    return clock_read(CLOCK_REALTIME);
}

time_ns clock_mono(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

time_ns clock_cpu(void)
{
    return clock_read(CLOCK_THREAD_CPUTIME_ID);
}

/* Days from civil date: the era arithmetic of the proleptic Gregorian calendar, eras of 400 years = 146097 days. */
static int64_t days_from_civil(int y, int m, int d)
{
    int64_t yy = m <= 2 ? y - 1 : y;
    int64_t era = (yy >= 0 ? yy : yy - 399) / 400;
    int64_t yoe = yy - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static int days_in_month(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return m == 2 && leap ? 29 : days[m - 1];
}

bool time_from_parts(const struct time_parts *p, int zone_s, time_ns *out)
{
    if (p->year < YEAR_MIN || p->year > YEAR_MAX || p->month < 1 || p->month > 12 || p->day < 1 ||
        p->day > days_in_month(p->year, p->month) || p->hour < 0 || p->hour > 23 ||
        p->minute < 0 || p->minute > 59 || p->second < 0 || p->second > 60 || p->nanos < 0 ||
        p->nanos > 999999999) {
        return false;
    }
    int64_t s = days_from_civil(p->year, p->month, p->day) * 86400 + p->hour * 3600 +
                p->minute * 60 + p->second - (p->has_offset ? p->offset_s : zone_s);
    *out = s * TIME_SECOND + p->nanos;
    return true;
}

/* n digits at *at into *out; advances. */
static bool take_digits(struct span s, size_t *at, size_t n, int *out)
{
    int v = 0;
    if (*at + n > s.len) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        char c = s.ptr[*at + i];
        if (c < '0' || c > '9') {
            return false;
        }
        v = v * 10 + (c - '0');
    }
    *at += n;
    *out = v;
    return true;
}

static bool take_char(struct span s, size_t *at, const char *any)
{
    for (; *at < s.len && *any != '\0'; any++) {
        if (s.ptr[*at] == *any) {
            (*at)++;
            return true;
        }
    }
    return false;
}

static void take_fraction(struct span s, size_t *at, int *nanos)
{
    int scale = 100000000;
    while (*at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9') {
        *nanos += (s.ptr[*at] - '0') * scale;
        scale /= 10;
        (*at)++;
    }
}

static bool take_zone(struct span s, size_t *at, struct time_parts *p)
{
    if (take_char(s, at, "Zz")) {
        p->has_offset = true;
        return true;
    }
    if (*at < s.len && (s.ptr[*at] == '+' || s.ptr[*at] == '-')) {
        int sign = s.ptr[(*at)++] == '-' ? -1 : 1;
        int h;
        int m = 0;
        if (!take_digits(s, at, 2, &h)) {
            return false;
        }
        (void)take_char(s, at, ":");
        if (*at < s.len && !take_digits(s, at, 2, &m)) {
            return false;
        }
        p->offset_s = sign * (h * 3600 + m * 60);
        p->has_offset = true;
        return h * 3600 + m * 60 <= ZONE_MAX_S;
    }
    return *at == s.len;
}

bool time_parse_parts(struct span s, struct time_parts *out)
{
    size_t at = 0;
    struct time_parts p = {0};
    if (!take_digits(s, &at, 4, &p.year) || !take_char(s, &at, "-/") ||
        !take_digits(s, &at, 2, &p.month) || !take_char(s, &at, "-/") ||
        !take_digits(s, &at, 2, &p.day)) {
        return false;
    }
    if (at < s.len) {
        if (!take_char(s, &at, "Tt _") || !take_digits(s, &at, 2, &p.hour) ||
            !take_char(s, &at, ":") || !take_digits(s, &at, 2, &p.minute)) {
            return false;
        }
        if (take_char(s, &at, ":") && !take_digits(s, &at, 2, &p.second)) {
            return false;
        }
        if (take_char(s, &at, ".,")) {
            take_fraction(s, &at, &p.nanos);
        }
        (void)take_char(s, &at, " ");
        if (!take_zone(s, &at, &p)) {
            return false;
        }
    }
    *out = p;
    return at == s.len;
}

bool time_parse(struct span s, int zone_s, time_ns *out)
{
    struct time_parts p;
    return time_parse_parts(s, &p) && time_from_parts(&p, zone_s, out);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return a % b < 0 ? q - 1 : q;
}

int64_t time_day(time_ns t)
{
    return floor_div(t, TIME_DAY);
}

void time_to_parts(time_ns t, struct time_parts *out)
{
    int64_t days = time_day(t);
    int64_t rest = t % TIME_DAY; /* not t - days * TIME_DAY: the first day begins before the first moment there is */
    rest += rest < 0 ? TIME_DAY : 0;
    int64_t z = days + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *out = (struct time_parts){
        .year = (int)(yoe + era * 400 + (month <= 2 ? 1 : 0)),
        .month = month,
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (int)(rest / (3600 * TIME_SECOND)),
        .minute = (int)(rest / (60 * TIME_SECOND) % 60),
        .second = (int)(rest / TIME_SECOND % 60),
        .nanos = (int)(rest % TIME_SECOND),
        .has_offset = true,
    };
}

const char *time_format(time_ns t, char out[TIME_TEXT_MAX])
{
    if (t == TIME_NONE) {
        return memcpy(out, "-", 2);
    }
    struct time_parts p;
    time_to_parts(t, &p);
    (void)snprintf(out, TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", p.year, p.month,
                   p.day, p.hour, p.minute, p.second, p.nanos / 1000000);
    return out;
}
