/* SPDX-License-Identifier: EUPL-1.2 */
/* What a file is, guessed from its first bytes: for `sereno scan FILE` without a word about it. */
#include "flow/normalise/normalise.h"
#include "wire/evtx.h"
#include "wire/syslog.h"

enum { GUESS_LINES = 20 };

static struct span next_line(struct span *rest)
{
    ptrdiff_t nl = span_find(*rest, '\n');
    struct span line = nl < 0 ? *rest : span_sub(*rest, 0, (size_t)nl);
    *rest = span_sub(*rest, nl < 0 ? rest->len : (size_t)nl + 1, rest->len);
    return span_trim(line);
}

/* 'client - - [22/Nov/2026:02:05:27 +0000] "GET …' */
static bool looks_web(struct span line)
{
    ptrdiff_t open = span_find(line, '[');
    if (open < 6 || (size_t)open + 24 > line.len) {
        return false;
    }
    struct span rest = span_sub(line, (size_t)open + 1, line.len);
    ptrdiff_t close = span_find(rest, ']');
    return rest.ptr[2] == '/' && rest.ptr[6] == '/' && rest.ptr[11] == ':' && close > 0 &&
           span_starts(span_sub(rest, (size_t)close, rest.len), SPAN("] \""));
}

static bool looks_audit(struct span line)
{
    bool type = span_starts(line, SPAN("type=")) || span_starts(line, SPAN("node="));
    return type && memmem(line.ptr, line.len, " msg=audit(", 11) != NULL;
}

/* A priority, or a time with host and program behind it. */
static bool looks_syslog(struct span line)
{
    struct syslog_context context = {clock_now(), 0};
    struct syslog_msg m;
    syslog_parse(line, &context, &m);
    bool header = m.format != SYSLOG_BARE && (m.time != TIME_NONE || m.facility >= 0);
    return header && m.hostname.len > 0 && m.appname.len > 0;
}

enum source_format normalise_guess_format(struct span head)
{
    if (evtx_is_file(head)) {
        return FORMAT_EVTX;
    }
    if (span_starts(head, SPAN("\xef\xbb\xbf"))) {
        head = span_sub(head, 3, head.len);
    }
    struct span trimmed = span_trim(head);
    if (trimmed.len > 0 && (trimmed.ptr[0] == '{' || trimmed.ptr[0] == '[')) {
        /* "[" also begins the time of some text logs. */
        struct span inner = span_trim(span_sub(trimmed, 1, trimmed.len));
        bool text =
            trimmed.ptr[0] == '[' && inner.len > 0 && memchr("{[]\"", inner.ptr[0], 4) == NULL;
        if (!text) {
            return FORMAT_JSON;
        }
    }
    for (int i = 0; i < GUESS_LINES && head.len > 0; i++) {
        struct span line = next_line(&head);
        if (span_starts(line, SPAN("#separator")) || span_starts(line, SPAN("#fields\t"))) {
            return FORMAT_ZEEK;
        }
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        if (line.ptr[0] == '{') {
            return FORMAT_JSON;
        }
        if (looks_audit(line)) {
            return FORMAT_AUDITD;
        }
        if (looks_web(line)) {
            return FORMAT_WEB;
        }
        if (looks_syslog(line)) {
            return FORMAT_SYSLOG;
        }
    }
    return FORMAT_TEXT;
}
