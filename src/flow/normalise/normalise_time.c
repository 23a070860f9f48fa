/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * When an event says it happened. Knows the forms that logs use: RFC 3339 and its relatives,
 * seconds to nanoseconds since 1970, the web server's, syslog's. A time that is missing or lies
 * more than a day ahead is replaced by the time of receipt and tagged: else one wrong clock would
 * keep a correlation window open for ever.
 */
#include "base/num.h"
#include "flow/normalise/normalise_priv.h"
#include "wire/syslog.h"

enum { EPOCH_TEXT_MAX = 40, TIME_WEB_MIN = 20 };

/* Powers of ten from which a number counts as milli-, micro-, nanoseconds: seconds reach 11 digits
 * in the year 5138. */
static const int64_t epoch_limits[] = {INT64_C(100000000000), INT64_C(100000000000000),
                                       INT64_C(100000000000000000)};

static size_t digits(struct span s, size_t at)
{
    size_t n = 0;
    while (at + n < s.len && s.ptr[at + n] >= '0' && s.ptr[at + n] <= '9') {
        n++;
    }
    return n;
}

/* "1684329817", "1684329817.579", "1588205199824370". */
static bool epoch_parse(struct span s, time_ns *out)
{
    uint64_t whole = 0;
    size_t n = digits(s, 0);
    if (n < 9 || n > 19 || s.len > EPOCH_TEXT_MAX || !num_u64(span_sub(s, 0, n), &whole) ||
        whole > INT64_MAX) {
        return false;
    }
    int64_t unit = TIME_SECOND;
    for (size_t i = 0; i < ARRAY_LEN(epoch_limits) && (int64_t)whole >= epoch_limits[i]; i++) {
        unit /= 1000;
    }
    if ((int64_t)whole > INT64_MAX / unit) {
        return false;
    }
    *out = (int64_t)whole * unit;
    if (n == s.len) {
        return true;
    }
    size_t fraction = digits(s, n + 1);
    if (s.ptr[n] != '.' || n + 1 + fraction != s.len) {
        return false;
    }
    int64_t part = unit / 10;
    for (size_t i = 0; i < fraction && part > 0; i++, part /= 10) {
        *out += (s.ptr[n + 1 + i] - '0') * part;
    }
    return true;
}

static bool two(struct span s, size_t at, int *out)
{
    if (at + 2 > s.len || digits(span_sub(s, at, 2), 0) != 2) {
        return false;
    }
    *out = (s.ptr[at] - '0') * 10 + (s.ptr[at + 1] - '0');
    return true;
}

static int month_number(struct span s)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int i = 0; i < 12; i++) {
        if (span_eq_nocase(s, span_make(names + (size_t)i * 3, 3))) {
            return i + 1;
        }
    }
    return 0;
}

bool norm_time_web(struct span text, int zone_s, time_ns *out)
{
    struct time_parts p = {0};
    int century = 0;
    int rest = 0;
    text = span_trim(text);
    if (text.len < TIME_WEB_MIN || text.ptr[2] != '/' || text.ptr[6] != '/' ||
        text.ptr[11] != ':' || text.ptr[14] != ':' || text.ptr[17] != ':' ||
        !two(text, 0, &p.day) || !two(text, 7, &century) || !two(text, 9, &rest) ||
        !two(text, 12, &p.hour) || !two(text, 15, &p.minute) || !two(text, 18, &p.second)) {
        return false;
    }
    p.month = month_number(span_sub(text, 3, 3));
    p.year = century * 100 + rest;
    int hours = 0;
    int minutes = 0;
    if (text.len >= 26 && (text.ptr[21] == '+' || text.ptr[21] == '-') && two(text, 22, &hours) &&
        two(text, 24, &minutes)) {
        p.has_offset = true;
        p.offset_s = (text.ptr[21] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    }
    return time_from_parts(&p, zone_s, out);
}

/* "2026/11/22 02:05:27" of nginx and others: the slashes become dashes. */
static bool time_slashed(struct span text, int zone_s, time_ns *out)
{
    char copy[TIME_TEXT_MAX];
    if (text.len < 19 || text.len > sizeof copy || text.ptr[4] != '/' || text.ptr[7] != '/') {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[4] = '-';
    copy[7] = '-';
    return time_parse(span_make(copy, text.len), zone_s, out);
}

/* "Sun Nov 22 02:05:27.123456 2026" of Apache's error log and ctime. */
static bool time_ctime(struct span text, int zone_s, time_ns *out)
{
    struct time_parts p = {0};
    int century = 0;
    int rest = 0;
    size_t year = text.len - 4;
    if (text.len < 24 || text.ptr[3] != ' ' || text.ptr[7] != ' ' || text.ptr[13] != ':' ||
        text.ptr[16] != ':' || text.ptr[year - 1] != ' ' || !two(text, 11, &p.hour) ||
        !two(text, 14, &p.minute) || !two(text, 17, &p.second) || !two(text, year, &century) ||
        !two(text, year + 2, &rest)) {
        return false;
    }
    bool one_digit = text.ptr[8] == ' ';
    if (one_digit ? digits(text, 9) != 1 : !two(text, 8, &p.day)) {
        return false;
    }
    p.day = one_digit ? text.ptr[9] - '0' : p.day;
    p.month = month_number(span_sub(text, 4, 3));
    p.year = century * 100 + rest;
    int scale = 100000000;
    for (size_t i = 20; text.ptr[19] == '.' && i < year - 1 && scale > 0; i++, scale /= 10) {
        p.nanos += text.ptr[i] >= '0' && text.ptr[i] <= '9' ? (text.ptr[i] - '0') * scale : 0;
    }
    return time_from_parts(&p, zone_s, out);
}

bool norm_time_parse(struct span text, int zone_s, time_ns received, time_ns *out,
                     uint32_t *tags_out)
{
    text = span_trim(text);
    if (text.len < 9) {
        return false;
    }
    if (epoch_parse(text, out) || time_parse(text, zone_s, out) ||
        norm_time_web(text, zone_s, out) || time_slashed(text, zone_s, out) ||
        time_ctime(text, zone_s, out)) {
        return true;
    }
    if (span_starts(text, SPAN("/Date(")) && span_ends(text, SPAN(")/"))) {
        return epoch_parse(span_sub(text, 6, text.len - 8), out);
    }
    struct syslog_context context = {received, zone_s};
    uint32_t odd = 0;
    size_t used = syslog_take_time(text, &context, out, &odd);
    if (used == 0 || *out == TIME_NONE) {
        return false;
    }
    *tags_out |= (odd & SYSLOG_ODD_YEAR_INFERRED) != 0 ? TAG_YEAR_GUESSED : 0u;
    return true;
}

static bool time_from_view(struct job *j)
{
    struct event *ev = j->ev;
    const struct view *v = ev->view;
    field_id field = v->times[0];
    if (field == FIELD_NONE) {
        return false;
    }
    for (uint32_t i = v->start[field]; i < v->start[field + 1]; i++) {
        uint32_t leaf = leaves_first(&ev->leaves, v->nodes[i]);
        time_ns t = TIME_NONE;
        if (leaf != LEAF_NIL &&
            norm_time_parse(event_plain(ev, leaf), j->st->zone_s, ev->received, &t, &ev->tags)) {
            ev->time = t;
            return true;
        }
    }
    return false;
}

void norm_find_time(struct job *j)
{
    struct event *ev = j->ev;
    if (ev->time == TIME_NONE && !time_from_view(j)) {
        ev->time = j->written;
    }
    if (ev->time == TIME_NONE) {
        ev->tags |= TAG_NO_TIME;
        ev->time = ev->received;
        return;
    }
    if (ev->received != TIME_NONE && ev->time > ev->received &&
        ev->time - ev->received > TIME_DAY) {
        ev->tags |= TAG_FUTURE_TIME;
        ev->time = ev->received;
    }
}
