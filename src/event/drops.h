/* SPDX-License-Identifier: EUPL-1.2 */
/* Why records were lost before they could be read: one table for receivers, events about drops, counters, API, page and metrics. */
#ifndef EVENT_DROPS_H
#define EVENT_DROPS_H

#include "base/check.h"

/* name, word in events, records, API and metrics (never changed: it is stored), text */
#define DROP_TABLE(X)                                                                              \
    X(DROP_BUFFER, "buffer", "the socket's buffer was full: nobody read it in time")               \
    X(DROP_REFUSED, "refused", "a connection was turned away")

enum drop_cause {
#define X(name, word, text) name,
    DROP_TABLE(X)
#undef X
        DROP_COUNT
};

/* Never NULL. */
const char *drop_word(enum drop_cause why);
const char *drop_text(enum drop_cause why);

#endif
