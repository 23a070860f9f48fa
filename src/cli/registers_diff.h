/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno registers diff` and `apply`: register files that are not in force yet. */
#ifndef CLI_REGISTERS_DIFF_H
#define CLI_REGISTERS_DIFF_H

#include <stdbool.h>

struct registers_look {
    const char *data, *dir; /* dir: of the files, NULL = DATA/registers */
    bool json, weaker;
};

/* Tells it; reads the records caged. CLI_UNREAD where a file would not come into force, or something cannot be read. */
int registers_diff(const struct registers_look *look);
/* Asks the running node to take the files as they lie there, at its next start. */
int registers_mean(const char *data, const char *why);

#endif
