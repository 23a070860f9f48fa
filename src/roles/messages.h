/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The roles and the numbers of the messages between them, made from messages.def. Used by all of
 * src/roles. Knows names and sizes only: what a body holds stands with the code that writes it.
 */
#ifndef ROLES_MESSAGES_H
#define ROLES_MESSAGES_H

#include "os/ipc.h"

/* name in code, name in the process list */
#define ROLE_TABLE(X)                                                                              \
    X(SUPER, "super")                                                                              \
    X(COMPILER, "compiler")                                                                        \
    X(INTAKE, "intake")                                                                            \
    X(CORRELATOR, "correlator")                                                                    \
    X(KEEPER, "keeper")                                                                            \
    X(DESK, "desk")                                                                                \
    X(COURIER, "courier")                                                                          \
    X(HUNTER, "hunter")

enum role_id {
#define X(name, text) ROLE_##name,
    ROLE_TABLE(X)
#undef X
        ROLE_COUNT
};

enum message {
#define MSG(name, number, from, to, min, max, flags) name = (number),
#include "roles/messages.def"
#undef MSG
};

/* The set of one role, as the message table has it. */
static inline uint32_t role_bit(enum role_id role)
{
    return UINT32_C(1) << role;
}

/* "intake"; never NULL. */
const char *role_name(enum role_id role);
/* False when no role is called so. */
bool role_by_name(struct span name, enum role_id *out) NODISCARD;
/* The whole table, for ipc_config. */
const struct ipc_table *messages_table(void);

#endif
