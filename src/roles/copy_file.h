/* SPDX-License-Identifier: EUPL-1.2 */
/* Files of the second copy: their names, and what super says of one. Shared by super, keeper and `sereno restore`. */
#ifndef ROLES_COPY_FILE_H
#define ROLES_COPY_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"

/* What MSG_COPY_FILE says. */
enum copy_found {
    COPY_NEW,    /* an empty file to be written */
    COPY_THERE,  /* a file of that name is there already, to be looked at: none is ever written over */
    COPY_FAILED, /* neither; the message says why */
    COPY_READY,  /* it was packed before and waits to be sent: to be looked at, and closed as a new one is */
    COPY_BUSY,   /* an earlier errand is still on its way: ask again later */
    COPY_FOUND_COUNT
};

/* What super asks of the courier, and what came of it. */
enum copy_errand { COPY_FETCH, COPY_SEND, COPY_ERRAND_COUNT };
enum copy_carried { CARRIED_DONE, CARRIED_ABSENT, CARRIED_FAILED, COPY_CARRIED_COUNT };

enum { COPY_NAME_MAX = 64 };

#define COPY_NAME_START "sereno-"
#define COPY_NAME_END ".copy"

/* "2026-11-26" with its zero. */
static inline void copy_date(int32_t day, char out[11])
{
    char text[TIME_TEXT_MAX];
    (void)time_format((time_ns)day * TIME_DAY, text);
    (void)snprintf(out, 11, "%.10s", text);
}

/* "sereno-2026-11-26.copy" */
static inline void copy_name(int32_t day, char out[COPY_NAME_MAX])
{
    char date[11];
    copy_date(day, date);
    (void)snprintf(out, COPY_NAME_MAX, COPY_NAME_START "%s" COPY_NAME_END, date);
}

/* Whether it is a name that copy_name() gives. */
static inline bool copy_is_name(const char *name)
{
    static const char form[] = COPY_NAME_START "dddd-dd-dd" COPY_NAME_END;
    bool date = false;
    for (size_t i = 0; i < sizeof form; i++) {
        date = i >= sizeof COPY_NAME_START - 1 && i < sizeof COPY_NAME_START - 1 + 10;
        if (date && form[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != form[i]) {
            return false;
        }
    }
    return true;
}

#endif
