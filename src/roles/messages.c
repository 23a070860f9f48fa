/* SPDX-License-Identifier: EUPL-1.2 */
/* The message table, made from messages.def: see messages.h. Used by every role when it opens a
 * channel. */
#include "roles/messages.h"

enum {
#define X(name, text) name = 1 << ROLE_##name,
    ROLE_TABLE(X)
#undef X
        ANY_ROLE = (1 << ROLE_COUNT) - 1 - SUPER,
};

static const struct ipc_type message_types[] = {
#define MSG(name, number, from, to, min, max, flags)                                               \
    [number] = {#name, (from), (to), (min), (max), (flags)},
#include "roles/messages.def"
#undef MSG
};

const struct ipc_table *messages_table(void)
{
    static const struct ipc_table table = {message_types, ARRAY_LEN(message_types)};
    return &table;
}

static const char *const role_names[] = {
#define X(name, text) text,
    ROLE_TABLE(X)
#undef X
};

const char *role_name(enum role_id role)
{
    CHECK((unsigned)role < ROLE_COUNT);
    return role_names[role];
}

bool role_by_name(struct span name, enum role_id *out)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if (span_eq(name, span_of(role_names[i]))) {
            *out = (enum role_id)i;
            return true;
        }
    }
    return false;
}
