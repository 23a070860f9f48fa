/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Times in syslog headers: RFC 3339 and the BSD form with its missing year and its many dialects.
 * Called by syslog.c only. The year is inferred from the time of receipt: a clock cannot be asked
 * after the fact.
 */
#include <string.h>

#include "base/check.h"
#include "wire/syslog.h"

enum {
    YEARS_BACK = 8,    /* 29 February may lie up to eight years back (1900 style centuries) */
    ISO_TEXT_MAX = 40, /* bytes of an RFC 3339 time with nanoseconds and zone */
    FUTURE_SLACK_S =
        24 * 3600, /* a clock may run ahead this much before the year before is meant */
};

struct scan {
    struct span s;
    size_t at;
};

static char peek(const struct scan *c)
{
    return c->at < c->s.len ? c->s.ptr[c->at] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One to `most` digits. */
static bool take_number(struct scan *c, int least, int most, int *out)
{
    int v = 0;
    int n = 0;
    while (n < most && is_digit(peek(c))) {
        v = v * 10 + (c->s.ptr[c->at++] - '0');
        n++;
    }
    *out = v;
    return n >= least && !is_digit(peek(c));
}

static bool take(struct scan *c, char want)
{
    if (c->at < c->s.len && c->s.ptr[c->at] == want) {
        c->at++;
        return true;
    }
    return false;
}

static void skip_blanks(struct scan *c)
{
    while (take(c, ' ')) {
    }
}

static bool take_month(struct scan *c, int *out)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    if (c->s.len - c->at < 3) {
        return false;
    }
    for (int m = 0; m < 12; m++) {
        if (span_eq_nocase(span_make(names + 3 * m, 3), span_sub(c->s, c->at, 3))) {
            c->at += 3;
            *out = m + 1;
            return true;
        }
    }
    return false;
}

static bool take_clock(struct scan *c, struct time_parts *p)
{
    if (!take_number(c, 1, 2, &p->hour) || !take(c, ':') || !take_number(c, 2, 2, &p->minute) ||
        !take(c, ':') || !take_number(c, 2, 2, &p->second)) {
        return false;
    }
    if ((peek(c) == '.' || peek(c) == ',') && c->at + 1 < c->s.len &&
        is_digit(c->s.ptr[c->at + 1])) {
        c->at++;
        for (int scale = 100000000; is_digit(peek(c)); scale /= 10) {
            p->nanos += (c->s.ptr[c->at++] - '0') * scale;
        }
    }
    return true;
}

/* Names whose meaning does not differ from place to place; others (CST, IST, BST) are only noted.
 */
static const struct {
    const char *name;
    int offset_s;
} zones[] = {{"UTC", 0},      {"GMT", 0},      {"Z", 0},        {"WET", 0},      {"WEST", 3600},
             {"CET", 3600},   {"MET", 3600},   {"CEST", 7200},  {"MEST", 7200},  {"EET", 7200},
             {"EEST", 10800}, {"EST", -18000}, {"EDT", -14400}, {"PST", -28800}, {"PDT", -25200}};

/* " +0100" or "-05:30" after the clock. */
static bool take_offset(struct scan *c, struct time_parts *p)
{
    size_t start = c->at;
    skip_blanks(c);
    char sign = peek(c);
    int h;
    int m = 0;
    if (sign != '+' && sign != '-') {
        c->at = start;
        return false;
    }
    c->at++;
    struct scan two = {span_sub(c->s, 0, c->at + 2 < c->s.len ? c->at + 2 : c->s.len), c->at};
    if (!take_number(&two, 2, 2, &h)) {
        c->at = start;
        return false;
    }
    c->at += 2;
    (void)take(c, ':');
    if (!take_number(c, 2, 2, &m) || h > 18 || m > 59) {
        c->at = start;
        return false;
    }
    p->offset_s = (sign == '-' ? -1 : 1) * (h * 3600 + m * 60);
    p->has_offset = true;
    return true;
}

/* A zone name; an unknown one is taken as a zone only where a colon follows, else it is the host
 * name. */
static void take_zone(struct scan *c, struct time_parts *p, uint32_t *odd)
{
    if (take_offset(c, p)) {
        return;
    }
    size_t start = c->at;
    skip_blanks(c);
    size_t from = c->at;
    while ((peek(c) >= 'A' && peek(c) <= 'Z') && c->at - from < 6) {
        c->at++;
    }
    struct span name = span_sub(c->s, from, c->at - from);
    bool ends = peek(c) == ' ' || peek(c) == ':' || c->at == c->s.len;
    for (size_t i = 0; ends && i < ARRAY_LEN(zones); i++) {
        if (span_eq(name, span_of(zones[i].name))) {
            p->offset_s = zones[i].offset_s;
            p->has_offset = true;
            return;
        }
    }
    if (name.len >= 3 && peek(c) == ':') {
        *odd |= SYSLOG_ODD_ZONE_UNKNOWN;
        return;
    }
    c->at = start;
}

/* The latest year that makes a real date not more than a day ahead of receipt. */
static time_ns infer_year(struct time_parts p, const struct syslog_context *context)
{
    time_ns received = context->received == TIME_NONE ? clock_now() : context->received;
    struct time_parts now;
    time_to_parts(received, &now);
    for (int back = -1; back <= YEARS_BACK; back++) {
        time_ns t;
        p.year = now.year - back;
        if (time_from_parts(&p, context->zone_s, &t) &&
            t <= received + FUTURE_SLACK_S * TIME_SECOND) {
            return t;
        }
    }
    return TIME_NONE;
}

/* "2026-11-22T01:02:03.4Z" and "2026-11-22 01:02:03": how many bytes look like it; 0 = none. */
static size_t iso_length(struct span s)
{
    static const char shape[] = "0000-00-00T00:00:00";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        if (i >= s.len || (shape[i] == '0' && !is_digit(s.ptr[i])) ||
            ((shape[i] == '-') && s.ptr[i] != '-' && s.ptr[i] != '/') ||
            (shape[i] == ':' && s.ptr[i] != ':') ||
            (shape[i] == 'T' && s.ptr[i] != 'T' && s.ptr[i] != 't' && s.ptr[i] != ' ')) {
            return 0;
        }
    }
    size_t n = sizeof shape - 1;
    while (n < s.len && n < ISO_TEXT_MAX && s.ptr[n] != '\0' &&
           strchr("0123456789.,:+-Zz", s.ptr[n]) != NULL) {
        n++;
    }
    /* A colon or comma at the end belongs to what follows ("…Z: %SYS-5-…"). */
    while (n > 0 && (s.ptr[n - 1] == ':' || s.ptr[n - 1] == ',' || s.ptr[n - 1] == '.')) {
        n--;
    }
    return n;
}

static bool take_bsd(struct scan *c, struct time_parts *p)
{
    if (is_digit(peek(c))) { /* "2026 Nov 22 01:02:03" */
        if (!take_number(c, 4, 4, &p->year) || !take(c, ' ')) {
            return false;
        }
    }
    if (!take_month(c, &p->month) || !take(c, ' ')) {
        return false;
    }
    skip_blanks(c);
    if (!take_number(c, 1, 2, &p->day) || !take(c, ' ')) {
        return false;
    }
    skip_blanks(c);
    struct scan after = *c;
    int year = 0;
    if (p->year == 0 && take_number(&after, 4, 4, &year)) { /* "Nov 22 2026 01:02:03" */
        p->year = year;
        *c = after;
        skip_blanks(c);
    }
    return take_clock(c, p);
}

size_t syslog_take_time(struct span s, const struct syslog_context *context, time_ns *time_out,
                        uint32_t *odd_out)
{
    *time_out = TIME_NONE;
    size_t iso = iso_length(s);
    if (iso > 0) {
        if (!time_parse(span_sub(s, 0, iso), context->zone_s, time_out)) {
            *time_out = TIME_NONE;
            *odd_out |= SYSLOG_ODD_TIME_BAD;
        }
        return iso;
    }
    struct scan c = {s, 0};
    struct time_parts p = {0};
    uint32_t odd = 0;
    if (!take_bsd(&c, &p)) {
        return 0;
    }
    take_zone(&c, &p, &odd);
    struct scan after = c; /* "Nov 22 01:02:03 2026": the year last */
    int year = 0;
    skip_blanks(&after);
    if (p.year == 0 && take_number(&after, 4, 4, &year) && year >= 1970 && year < 2200 &&
        (peek(&after) == ' ' || span_starts(span_sub(s, after.at, 2), SPAN(": ")))) {
        p.year = year;
        c = after;
    }
    if (p.year != 0) {
        if (!time_from_parts(&p, context->zone_s, time_out)) {
            *time_out = TIME_NONE;
        }
    } else {
        *time_out = infer_year(p, context);
        odd |= SYSLOG_ODD_YEAR_INFERRED;
    }
    if (*time_out == TIME_NONE) {
        odd = (odd & ~(uint32_t)SYSLOG_ODD_YEAR_INFERRED) | SYSLOG_ODD_TIME_BAD;
    }
    *odd_out |= odd;
    return c.at;
}
