/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sereno's own log: one line per event on stderr, `level role event key=value …`.
 * Never secrets; values from outside are escaped by the caller's use of log_value or cut. With journald behind
 * stderr (JOURNAL_STREAM set) the line starts with its priority in <>.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/check.h"
#include "base/clock.h"
#include "base/span.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Names this process's role in each line; default "sereno". Borrowed. */
void log_init(const char *role, enum log_level max_level);
void log_set_level(enum log_level max_level);

/* `event` is a short fixed word with dots ("source.silent"); fmt makes the key=value part. */
void log_line(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/* Escapes s (cut at 200 bytes) into out: quotes, control and non-ASCII bytes become \xNN. For values from outside. */
enum { LOG_VALUE_MAX = 840 };
const char *log_value(struct span s, char out[LOG_VALUE_MAX]);

/*
 * A failure that lasts, tried again and again: said when it begins, once an hour while it lasts, and when it is over.
 * Zeroed = none. Times are monotonic, so that a clock that is set back keeps nobody silent.
 */
enum { LOG_LASTING_EVERY_S = 3600 };
struct log_lasting {
    bool on;
    time_ns said;
};
/* It failed now: true when that is to be said. */
bool log_lasting_failed(struct log_lasting *l, time_ns mono);
/* It went well: true when it had failed before, and its end is to be said. */
bool log_lasting_over(struct log_lasting *l);

#endif
