/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reads one syslog message: RFC 5424, RFC 3164, and the many shapes that real devices send instead
 * (no priority, ISO time in an old header, Cisco sequence numbers, bodies without any header).
 *
 * Nothing is refused: what does not fit the format stays in `message` and is named in `odd`, since
 * a record that a reader drops is a record an attacker can hide. All spans point into the line
 * given; nothing is allocated. Called by flow/normalise in intake and by scan.
 */
#ifndef WIRE_SYSLOG_H
#define WIRE_SYSLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/span.h"

/* bit, name used in tags, what it means */
#define SYSLOG_ODD_TABLE(X)                                                                        \
    X(SYSLOG_ODD_EMPTY, 0, "syslog-empty", "nothing in the line")                                  \
    X(SYSLOG_ODD_PRI_MISSING, 1, "syslog-no-pri", "no <priority> at the start")                    \
    X(SYSLOG_ODD_PRI_BAD, 2, "syslog-bad-pri", "priority over 191 or badly written")               \
    X(SYSLOG_ODD_TIME_MISSING, 3, "syslog-no-time", "no time found")                               \
    X(SYSLOG_ODD_TIME_BAD, 4, "syslog-bad-time", "a time that no calendar has")                    \
    X(SYSLOG_ODD_YEAR_INFERRED, 5, "syslog-year-inferred", "year taken from the time of receipt")  \
    X(SYSLOG_ODD_ZONE_UNKNOWN, 6, "syslog-zone-unknown", "time zone name not known")               \
    X(SYSLOG_ODD_CLOCK_UNSYNCED, 7, "syslog-clock-unsynced", "the device says its clock is off")   \
    X(SYSLOG_ODD_HOST_MISSING, 8, "syslog-no-host", "no host name found")                          \
    X(SYSLOG_ODD_HEADER_SHORT, 9, "syslog-short-header", "RFC 5424 header ends early")             \
    X(SYSLOG_ODD_SD_BROKEN, 10, "syslog-broken-sd", "structured data is not well formed")          \
    X(SYSLOG_ODD_SD_MANY, 11, "syslog-many-sd", "more parameters than are kept")                   \
    X(SYSLOG_ODD_FIELD_LONG, 12, "syslog-long-field", "header field over its RFC 5424 length")     \
    X(SYSLOG_ODD_NUL, 13, "syslog-nul", "zero bytes inside")                                       \
    X(SYSLOG_ODD_UTF8, 14, "syslog-bad-utf8", "message is not UTF-8")                              \
    X(SYSLOG_ODD_NESTED, 15, "syslog-nested", "a second <priority> header inside the message")

enum syslog_odd {
#define X(name, bit, text, meaning) name = 1 << (bit),
    SYSLOG_ODD_TABLE(X)
#undef X
};

enum syslog_format {
    SYSLOG_BARE,    /* neither header found: all is message */
    SYSLOG_RFC3164, /* BSD style, in the wide sense of RFC 3164 §4.3 */
    SYSLOG_RFC5424,
};

enum {
    SYSLOG_PARAMS_MAX =
        64, /* structured data parameters kept of one message; the rest is counted as odd */
    SYSLOG_PRI_MAX = 191,    /* RFC 5424 §6.2.1: facility 23, severity 7 */
    SYSLOG_HOST_MAX = 255,   /* bytes, RFC 5424 §6 */
    SYSLOG_APP_MAX = 48,     /* bytes, RFC 5424 §6 */
    SYSLOG_PROCID_MAX = 128, /* bytes, RFC 5424 §6 */
    SYSLOG_MSGID_MAX = 32,   /* bytes, RFC 5424 §6 */
    SYSLOG_SD_NAME_MAX = 32, /* bytes, RFC 5424 §6 */
    SYSLOG_TAG_MAX = 64, /* bytes of a BSD tag; RFC 3164 says 32, systems write longer unit names */
};

/* One name="value"; an element without parameters has an empty name. */
struct syslog_param {
    struct span id; /* SD-ID of its element */
    struct span name;
    struct span value; /* as written; syslog_unescape() when `escaped` */
    bool escaped;
};

struct syslog_context {
    time_ns received; /* for the year of RFC 3164 times */
    int32_t zone_s;   /* seconds east of UTC for times without a zone */
};

struct syslog_msg {
    enum syslog_format format;
    int facility; /* 0-23, or -1 */
    int severity; /* 0-7, or -1 */
    time_ns time; /* TIME_NONE when there is none */
    struct span time_text;
    struct span hostname; /* empty = none, as are the next four */
    struct span appname;
    struct span procid;
    struct span msgid;
    struct span message; /* without byte order mark and line end */
    struct syslog_param params[SYSLOG_PARAMS_MAX];
    size_t param_count;
    uint32_t odd; /* bits of enum syslog_odd */
};

/* Reads `line` (one message, with or without its line end) into out. Cannot fail. */
void syslog_parse(struct span line, const struct syslog_context *context, struct syslog_msg *out);

/* Removes the escapes of RFC 5424 §6.3.3 from a value into out (room for value.len); returns the
 * new length. */
size_t syslog_unescape(struct span value, char *out);

/* Name of one bit of enum syslog_odd ("syslog-no-pri"), NULL for anything else. */
const char *syslog_odd_name(uint32_t bit);

/* "kern", "auth", …; NULL outside 0-23. And "emerg" … "debug"; NULL outside 0-7. */
const char *syslog_facility_name(int facility);
const char *syslog_severity_name(int severity);

/*
 * BSD time at the start of s ("Nov  2 01:02:03", with year before or after the day, fraction, zone;
 * or RFC 3339). Returns the bytes used, 0 when there is none. Sets time (TIME_NONE when impossible)
 * and odd bits.
 */
size_t syslog_take_time(struct span s, const struct syslog_context *context, time_ns *time_out,
                        uint32_t *odd_out);

#endif
