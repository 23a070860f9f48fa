/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Syslog header and structured data: see syslog.h. Runs in intake and in scan workers, on bytes
 * from anyone. Must never allocate, never read past the line, never drop a byte: what is not header
 * is message.
 */
#include "wire/syslog.h"

#include <string.h>

#include "base/check.h"
#include "base/utf8.h"

const char *syslog_odd_name(uint32_t bit)
{
    switch (bit) {
#define X(name, number, text, meaning)                                                             \
    case 1u << (number):                                                                           \
        return text;
        SYSLOG_ODD_TABLE(X)
#undef X
    default:
        return NULL;
    }
}

const char *syslog_facility_name(int facility)
{
    static const char *const names[] = {
        "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
        "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
        "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};
    return facility >= 0 && facility < (int)ARRAY_LEN(names) ? names[facility] : NULL;
}

const char *syslog_severity_name(int severity)
{
    static const char *const names[] = {"emerg",   "alert",  "crit", "err",
                                        "warning", "notice", "info", "debug"};
    return severity >= 0 && severity < (int)ARRAY_LEN(names) ? names[severity] : NULL;
}

static void skip(struct span *s, size_t n)
{
    *s = span_sub(*s, n, s->len);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of "<ddd>" at the start, 0 when there is none. */
static size_t pri_length(struct span s, unsigned *value_out)
{
    size_t n = 1;
    unsigned v = 0;
    if (s.len < 3 || s.ptr[0] != '<') {
        return 0;
    }
    while (n < s.len && n < 5 && is_digit(s.ptr[n])) {
        v = v * 10 + (unsigned)(s.ptr[n++] - '0');
    }
    *value_out = v;
    return n > 1 && n < s.len && s.ptr[n] == '>' ? n + 1 : 0;
}

static void take_pri(struct span *s, struct syslog_msg *m)
{
    unsigned v = 0;
    size_t n = pri_length(*s, &v);
    m->facility = m->severity = -1;
    if (n == 0) {
        m->odd |= s->len > 0 && s->ptr[0] == '<' ? SYSLOG_ODD_PRI_BAD : SYSLOG_ODD_PRI_MISSING;
        return;
    }
    if (v > SYSLOG_PRI_MAX || n > 5 || (n > 3 && s->ptr[1] == '0')) {
        m->odd |= SYSLOG_ODD_PRI_BAD;
    }
    if (v <= SYSLOG_PRI_MAX) {
        m->facility = (int)(v / 8);
        m->severity = (int)(v % 8);
    }
    skip(s, n);
}

/* Bytes up to the next blank, and the blank is passed. "-" (NILVALUE) gives an empty span. */
static struct span take_word(struct span *s, size_t max_bytes, struct syslog_msg *m)
{
    ptrdiff_t blank = span_find(*s, ' ');
    struct span word = span_sub(*s, 0, blank < 0 ? s->len : (size_t)blank);
    skip(s, word.len + 1);
    if (word.len > max_bytes) {
        m->odd |= SYSLOG_ODD_FIELD_LONG;
    }
    return span_eq(word, SPAN("-")) ? span_make(word.ptr, 0) : word;
}

static void keep_param(struct syslog_msg *m, struct syslog_param p)
{
    if (m->param_count == SYSLOG_PARAMS_MAX) {
        m->odd |= SYSLOG_ODD_SD_MANY;
        return;
    }
    m->params[m->param_count++] = p;
}

/* SD-NAME (RFC 5424 §6.3.2): printable ASCII without '=', blank, ']' and '"'. */
static struct span take_sd_name(struct span *s, struct syslog_msg *m)
{
    size_t n = 0;
    while (n < s->len && s->ptr[n] > ' ' && s->ptr[n] < 0x7f && s->ptr[n] != '=' &&
           s->ptr[n] != ']' && s->ptr[n] != '"') {
        n++;
    }
    struct span name = span_sub(*s, 0, n);
    if (n > SYSLOG_SD_NAME_MAX) {
        m->odd |= SYSLOG_ODD_FIELD_LONG;
    }
    skip(s, n);
    return name;
}

/* The rest of a quoted value after its opening quote; false when no closing quote follows. */
static bool take_sd_value(struct span *s, struct syslog_param *p)
{
    size_t n = 0;
    while (n < s->len && s->ptr[n] != '"') {
        if (s->ptr[n] == '\\' && n + 1 < s->len) {
            p->escaped = true;
            n++;
        }
        n++;
    }
    if (n >= s->len) {
        return false;
    }
    p->value = span_sub(*s, 0, n);
    skip(s, n + 1);
    return true;
}

/* One "[id name="value" …]"; false when it is not well formed. */
static bool take_sd_element(struct span *s, struct syslog_msg *m)
{
    skip(s, 1);
    struct span id = take_sd_name(s, m);
    size_t before = m->param_count;
    if (id.len == 0) {
        return false;
    }
    while (s->len > 0 && s->ptr[0] == ' ') {
        while (s->len > 0 && s->ptr[0] == ' ') {
            skip(s, 1);
        }
        if (s->len > 0 && s->ptr[0] == ']') {
            break;
        }
        struct syslog_param p = {.id = id, .name = take_sd_name(s, m)};
        if (p.name.len == 0 || s->len < 2 || s->ptr[0] != '=' || s->ptr[1] != '"') {
            return false;
        }
        skip(s, 2);
        if (!take_sd_value(s, &p)) {
            return false;
        }
        keep_param(m, p);
    }
    if (s->len == 0 || s->ptr[0] != ']') {
        return false;
    }
    skip(s, 1);
    if (m->param_count == before) {
        struct span none = span_make(id.ptr, 0);
        keep_param(m, (struct syslog_param){.id = id, .name = none, .value = none});
    }
    return true;
}

/* STRUCTURED-DATA and the blank after it. Where it breaks, the message starts at the broken
 * element. */
static void take_structured(struct span *s, struct syslog_msg *m)
{
    if (s->len > 0 && s->ptr[0] == '-' && (s->len == 1 || s->ptr[1] == ' ')) {
        skip(s, 2);
        return;
    }
    if (s->len == 0 || s->ptr[0] != '[') {
        m->odd |= SYSLOG_ODD_SD_BROKEN;
        return;
    }
    while (s->len > 0 && s->ptr[0] == '[') {
        struct span element = *s;
        size_t kept = m->param_count;
        if (!take_sd_element(s, m)) {
            *s = element;
            m->param_count = kept;
            m->odd |= SYSLOG_ODD_SD_BROKEN;
            return;
        }
    }
    if (s->len > 0 && s->ptr[0] == ' ') {
        skip(s, 1);
    } else if (s->len > 0) {
        m->odd |= SYSLOG_ODD_SD_BROKEN;
    }
}

static void read_5424(struct span s, const struct syslog_context *context, struct syslog_msg *m)
{
    m->format = SYSLOG_RFC5424;
    m->time_text = take_word(&s, SIZE_MAX, m);
    if (m->time_text.len == 0) {
        m->odd |= SYSLOG_ODD_TIME_MISSING;
    } else if (!time_parse(m->time_text, context->zone_s, &m->time)) {
        m->time = TIME_NONE;
        m->odd |= SYSLOG_ODD_TIME_BAD;
    }
    m->hostname = take_word(&s, SYSLOG_HOST_MAX, m);
    m->appname = take_word(&s, SYSLOG_APP_MAX, m);
    m->procid = take_word(&s, SYSLOG_PROCID_MAX, m);
    bool was_left = s.len > 0;
    m->msgid = take_word(&s, SYSLOG_MSGID_MAX, m);
    if (m->hostname.len == 0) {
        m->odd |= SYSLOG_ODD_HOST_MISSING;
    }
    if (!was_left || s.len == 0) {
        m->odd |= SYSLOG_ODD_HEADER_SHORT;
    } else {
        take_structured(&s, m);
    }
    m->message = s;
}

/* A version and a blank after the priority, and then something that a 5424 time may start with. */
static bool is_5424(struct span s)
{
    return s.len >= 3 && s.ptr[0] == '1' && s.ptr[1] == ' ' &&
           (s.ptr[2] == '-' || is_digit(s.ptr[2]));
}

static bool is_host_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_' || (unsigned char)c >= 0x80;
}

/* A name, an IPv4 or IPv6 address, or a name with commas as access points write it. */
static bool looks_like_host(struct span w)
{
    size_t colons = 0;
    for (size_t i = 0; i < w.len; i++) {
        colons += w.ptr[i] == ':';
        if (!is_host_char(w.ptr[i]) && w.ptr[i] != ':' && w.ptr[i] != ',' && w.ptr[i] != '/') {
            return false;
        }
    }
    /* "sshd:" is a tag; an IPv6 address has two colons at least and does not end in a single one.
     */
    return w.len > 0 && w.len <= SYSLOG_HOST_MAX &&
           (colons == 0 || (colons > 1 && (w.ptr[w.len - 1] != ':' || w.ptr[w.len - 2] == ':')));
}

/* "app[123]: " or "app: " at the start (RFC 3164 §4.1.3, wider); leaves s alone when there is none.
 */
static void take_tag(struct span *s, struct syslog_msg *m)
{
    size_t n = 0;
    while (n < s->len && n <= SYSLOG_TAG_MAX && s->ptr[n] > ' ' && s->ptr[n] != '[' &&
           s->ptr[n] != ':') {
        n++;
    }
    if (n == 0 || n > SYSLOG_TAG_MAX || n == s->len) {
        return;
    }
    struct span rest = span_sub(*s, n, s->len);
    struct span pid = span_make(rest.ptr, 0);
    if (rest.ptr[0] == '[') {
        ptrdiff_t close = span_find(span_sub(rest, 0, SYSLOG_PROCID_MAX), ']');
        if (close < 2) {
            return;
        }
        pid = span_sub(rest, 1, (size_t)close - 1);
        skip(&rest, (size_t)close + 1);
        if (rest.len > 0 && rest.ptr[0] != ':' && rest.ptr[0] != ' ') {
            return;
        }
    }
    bool colon = rest.len > 0 && rest.ptr[0] == ':';
    if (!colon && pid.len == 0) {
        return; /* "word word": plain text, not a tag */
    }
    m->appname = span_sub(*s, 0, n);
    m->procid = pid;
    skip(&rest, colon ? 1 : 0);
    if (rest.len > 0 && rest.ptr[0] == ' ') {
        skip(&rest, 1);
    }
    *s = rest;
}

/* Cisco's "%FACILITY-SEVERITY-MNEMONIC: text": the mnemonic is the message id and stays in the
 * message. */
static void read_cisco_mnemonic(struct span s, struct syslog_msg *m)
{
    size_t n = 1;
    int dashes = 0;
    while (n < s.len && n < 64 && s.ptr[n] != ':' && s.ptr[n] > ' ') {
        dashes += s.ptr[n++] == '-';
    }
    if (s.len > 1 && s.ptr[0] == '%' && dashes >= 2 && n < s.len && s.ptr[n] == ':') {
        m->msgid = span_sub(s, 1, n - 1);
    }
}

/* "000123: " before the time: Cisco sequence numbers, also with a host name in front of or behind
 * them. */
static void take_sequence(struct span *s, struct syslog_msg *m)
{
    for (int round = 0; round < 2; round++) {
        size_t n = 0;
        while (n < s->len && n < 64 && (is_host_char(s->ptr[n]))) {
            n++;
        }
        if (n + 1 >= s->len || s->ptr[n] != ':' || s->ptr[n + 1] != ' ') {
            return;
        }
        struct span word = span_sub(*s, 0, n);
        struct span rest = span_sub(*s, n + 2, s->len);
        bool digits = true;
        for (size_t i = 0; i < n; i++) {
            digits = digits && is_digit(word.ptr[i]);
        }
        /* A name is taken only where a time or a sequence number follows, else it is the tag of the
         * message. */
        struct syslog_context any = {.received = 0};
        time_ns ignored;
        uint32_t odd = 0;
        struct span next = rest;
        if (next.len > 0 && (next.ptr[0] == '*' || next.ptr[0] == '.')) {
            skip(&next, 1);
        }
        bool time_next = syslog_take_time(next, &any, &ignored, &odd) > 0;
        if (!digits && !time_next && !(rest.len > 0 && is_digit(rest.ptr[0]))) {
            return;
        }
        if (!digits) {
            m->hostname = word;
        }
        *s = rest;
    }
}

static void skip_blanks(struct span *s)
{
    while (s->len > 0 && s->ptr[0] == ' ') {
        skip(s, 1);
    }
}

/* After a BSD time: "host tag: message", "host : message", ": message", or no host at all. */
static void read_host_and_tag(struct span s, struct syslog_msg *m)
{
    ptrdiff_t blank = span_find(s, ' ');
    struct span word = span_sub(s, 0, blank < 0 ? s.len : (size_t)blank);
    if (m->hostname.len == 0 && blank > 0 && looks_like_host(word)) {
        m->hostname = word;
        skip(&s, word.len + 1);
        skip_blanks(&s);
    }
    if (s.len >= 2 && s.ptr[0] == ':' && s.ptr[1] == ' ') { /* Cisco ASA: "host : %ASA-…" */
        skip(&s, 2);
    }
    m->message = s;
    if (s.len > 0 && s.ptr[0] == '%') {
        read_cisco_mnemonic(s, m);
    } else {
        take_tag(&m->message, m);
    }
    if (m->hostname.len == 0) {
        m->odd |= SYSLOG_ODD_HOST_MISSING;
    }
}

/* No time: all is message, but a tag or mnemonic after a priority is still worth having. */
static void read_timeless(struct span s, bool had_pri, struct syslog_msg *m)
{
    m->odd |= SYSLOG_ODD_TIME_MISSING | SYSLOG_ODD_HOST_MISSING;
    m->format = had_pri ? SYSLOG_RFC3164 : SYSLOG_BARE;
    m->hostname = span_make(s.ptr, 0);
    m->message = s;
    if (had_pri && s.len > 0 && s.ptr[0] == '%') {
        read_cisco_mnemonic(s, m);
    } else if (had_pri) {
        take_tag(&m->message, m);
    }
}

static void read_3164(struct span s, bool had_pri, const struct syslog_context *context,
                      struct syslog_msg *m)
{
    struct span whole = s;
    if (had_pri) {
        if (s.len > 1 && s.ptr[0] == ':' && s.ptr[1] == ' ') { /* NX-OS: "<189>: 2026 Nov 22 …" */
            skip(&s, 2);
        }
        take_sequence(&s, m);
    }
    skip_blanks(&s);
    if (s.len > 1 &&
        (s.ptr[0] == '*' || s.ptr[0] == '.')) { /* Cisco: clock not set, or not in step */
        uint32_t odd = 0;
        time_ns t;
        if (syslog_take_time(span_sub(s, 1, s.len), context, &t, &odd) > 0) {
            m->odd |= SYSLOG_ODD_CLOCK_UNSYNCED;
            skip(&s, 1);
        }
    }
    size_t n = syslog_take_time(s, context, &m->time, &m->odd);
    if (n == 0) {
        read_timeless(whole, had_pri, m);
        return;
    }
    m->format = SYSLOG_RFC3164;
    m->time_text = span_sub(s, 0, n);
    skip(&s, n);
    if (s.len >= 2 && s.ptr[0] == ':' && s.ptr[1] == ' ') {
        skip(&s, 1);
    }
    skip_blanks(&s);
    read_host_and_tag(s, m);
}

static void note_content(struct syslog_msg *m)
{
    unsigned ignored;
    if (span_starts(m->message, SPAN("\xEF\xBB\xBF"))) { /* RFC 5424 §6.4 */
        skip(&m->message, 3);
    }
    if (m->message.len > 0 && memchr(m->message.ptr, '\0', m->message.len) != NULL) {
        m->odd |= SYSLOG_ODD_NUL;
    }
    if (!utf8_valid(m->message)) {
        m->odd |= SYSLOG_ODD_UTF8;
    }
    if (pri_length(m->message, &ignored) > 0) {
        m->odd |= SYSLOG_ODD_NESTED;
    }
}

void syslog_parse(struct span line, const struct syslog_context *context, struct syslog_msg *out)
{
    size_t params_start = offsetof(struct syslog_msg, params);
    memset(out, 0, params_start); /* the parameters are written before they are read */
    out->param_count = 0;
    out->odd = 0;
    out->time = TIME_NONE;
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r' ||
                            line.ptr[line.len - 1] == '\0')) {
        line.len--; /* line ends, and the zero that some senders add */
    }
    struct span empty = span_make(line.ptr, 0);
    out->time_text = out->hostname = out->appname = out->procid = out->msgid = empty;
    out->message = line;
    if (line.len == 0) {
        out->facility = out->severity = -1;
        out->odd = SYSLOG_ODD_EMPTY;
        return;
    }
    take_pri(&line, out);
    bool had_pri = line.ptr > out->message.ptr;
    if (had_pri && is_5424(line)) {
        skip(&line, 2);
        read_5424(line, context, out);
    } else {
        read_3164(line, had_pri, context, out);
    }
    note_content(out);
}

size_t syslog_unescape(struct span value, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        bool escape =
            value.ptr[i] == '\\' && i + 1 < value.len &&
            (value.ptr[i + 1] == '"' || value.ptr[i + 1] == '\\' || value.ptr[i + 1] == ']');
        if (escape) {
            i++;
        }
        out[n++] = value.ptr[i];
    }
    return n;
}
