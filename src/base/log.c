/* SPDX-License-Identifier: EUPL-1.2 */
/* Own log lines: see log.h. One write(2) per line so that lines of several roles never mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum { LOG_LINE_MAX = 4096 };

/* Process-wide by nature: a process has one stderr. Set once at start-up. */
static const char *log_role = "sereno";
static enum log_level log_max = LOG_INFO;
static int log_journal = -1;

void log_init(const char *role, enum log_level max_level)
{
    log_role = role;
    log_max = max_level;
    log_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_set_level(enum log_level max_level)
{
    log_max = max_level;
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    static const int priorities[] = {3, 4, 6, 7};
    if (level > log_max) {
        return;
    }
    char line[LOG_LINE_MAX];
    char when[TIME_TEXT_MAX];
    int n = log_journal == 1
                ? snprintf(line, sizeof line, "<%d>%s %s ", priorities[level], log_role, event)
                : snprintf(line, sizeof line, "%s %-5s %s %s ", time_format(clock_now(), when),
                           names[level], log_role, event);
    va_list ap;
    va_start(ap, fmt);
    int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
    va_end(ap);
    size_t len = (size_t)n + (m < 0 ? 0 : (size_t)m);
    if (len > sizeof line - 2) {
        len = sizeof line - 2;
    }
    line[len] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, len + 1);
    (void)ignored; /* nowhere left to complain to */
}

bool log_lasting_failed(struct log_lasting *l, time_ns mono)
{
    if (l->on && mono - l->said < LOG_LASTING_EVERY_S * TIME_SECOND) {
        return false;
    }
    l->on = true;
    l->said = mono;
    return true;
}

bool log_lasting_over(struct log_lasting *l)
{
    bool was_on = l->on;
    l->on = false;
    return was_on;
}

const char *log_value(struct span s, char out[LOG_VALUE_MAX])
{
    static const char hex[] = "0123456789abcdef";
    size_t o = 0;
    size_t n = s.len > 200 ? 200 : s.len;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            out[o++] = (char)c;
        } else {
            out[o++] = '\\';
            out[o++] = 'x';
            out[o++] = hex[c >> 4];
            out[o++] = hex[c & 15];
        }
    }
    if (n < s.len) {
        memcpy(out + o, "...", 3);
        o += 3;
    }
    out[o] = '\0';
    return out;
}
