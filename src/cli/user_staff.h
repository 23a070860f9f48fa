/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno user import`, `sync`, `imports` and `undo`: lists of the personnel office, leavers of a directory. */
#ifndef CLI_USER_STAFF_H
#define CLI_USER_STAFF_H

#include "cli/cli.h"

struct user_staff {
    const char *data_dir; /* NULL = the default place */
    const char *why;      /* NULL = not said */
    bool apply;
    bool beyond; /* of sync */
};

bool user_staff_knows(const char *word);
/* words[0] is one that it knows; returns a CLI_* status. */
int user_staff(const struct command *self, const struct user_staff *u, const char *const words[4]);

#endif
