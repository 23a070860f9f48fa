/* SPDX-License-Identifier: EUPL-1.2 */
/* Error values: see err.h. Called from everywhere; allocates nothing. */
#include "base/err.h"

#undef err_set /* the analyzer's */
#undef err_set_errno

#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void err_vset(struct err *e, int code, const char *fmt,
                                                           va_list ap)
{
    e->code = code;
    (void)vsnprintf(e->text, sizeof e->text, fmt, ap);
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    CHECK(code < 0);
    if (e != NULL) {
        va_list ap;
        va_start(ap, fmt);
        err_vset(e, code, fmt, ap);
        va_end(ap);
    }
    return code;
}

int err_set_errno(struct err *e, int code, int errnum, const char *fmt, ...)
{
    CHECK(code < 0);
    if (e != NULL) {
        va_list ap;
        va_start(ap, fmt);
        err_vset(e, code, fmt, ap);
        va_end(ap);
        size_t n = strlen(e->text);
        char why[128];
        /* GNU strerror_r: returns the text, which may or may not be in `why`. */
        const char *text = strerror_r(errnum, why, sizeof why);
        (void)snprintf(e->text + n, sizeof e->text - n, ": %s", text);
    }
    return code;
}

void err_at(struct err *e, const char *where, uint32_t line)
{
    if (e == NULL) {
        return;
    }
    (void)snprintf(e->where, sizeof e->where, "%s", where);
    e->line = line;
}

const char *err_name(int code)
{
    switch (code) {
#define X(name, number, text)                                                                      \
    case name:                                                                                     \
        return text;
        ERR_TABLE(X)
#undef X
    default:
        return "unknown";
    }
}
