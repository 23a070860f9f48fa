/* SPDX-License-Identifier: EUPL-1.2 */
/* The options that name rules, sources and placeholders, the same for scan, rules and bench. */
#ifndef CLI_PATHS_H
#define CLI_PATHS_H

#include <getopt.h>
#include <stdbool.h>

#include "cli/cli.h"
#include "cli/engine.h"

enum { CLI_PATHS_MAX = 256 /* of one kind */ };

struct cli_paths {
    const char *list[BUNDLE_KINDS][CLI_PATHS_MAX];
    size_t count[BUNDLE_KINDS];
};

/* Rows for a command's getopt table; cli_paths_take knows their letters. */
#define CLI_PATHS_OPTIONS                                                                          \
    {"rules", required_argument, NULL, 'r'}, {"sources", required_argument, NULL, 'S'},            \
    {                                                                                              \
        "placeholders", required_argument, NULL, 'P'                                               \
    }

/* Adds one path; false when there are too many. */
bool cli_paths_add(struct cli_paths *p, enum bundle_kind kind, const char *path);
/* Takes option letter c if it is one of CLI_PATHS_OPTIONS: 1 taken, 0 not ours, -1 too many. */
int cli_paths_take(struct cli_paths *p, int c, const char *value);
/* Puts all of them, or what is shipped, into the engine's bundle. */
int cli_paths_load(const struct cli_paths *p, struct engine *en, struct err *e) NODISCARD;

#endif
