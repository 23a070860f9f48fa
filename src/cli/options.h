/* SPDX-License-Identifier: EUPL-1.2 */
/* Options of a command as a table. Who calls: commands; reads argv alone. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "cli/cli.h"

/* One option: with a value (`--data DIR` or `--data=DIR`, the last counts), or a flag. Exactly one of value and flag
 * is not NULL. name has its dashes. */
struct cli_option {
    const char *name;
    const char **value;
    bool *flag;
};

enum { CLI_DONE_NOT = -1 /* the command goes on */ };

/*
 * Reads argv[1] to its end: options by the table, in any order; words (what is no option) into
 * words[0..max), the rest of them NULL. "--" ends the options. Texts are argv's own. Returns
 * CLI_DONE_NOT, or the exit status when --help was printed, or when an unknown option, one without
 * its value, or a word too many was named on stderr.
 */
int cli_options(const struct command *self, int argc, char **argv, const struct cli_option *table, size_t len,
                const char **words, size_t max) NODISCARD;

/*
 * For the commands that read their options by getopt_long, because some come more than once: what it could not take, named on
 * stderr. c is its answer: ':' where a value is missing (the short options begin with ':'), else '?'. CLI_USAGE.
 */
int cli_bad_option(const struct command *self, int c, char **argv) NODISCARD;

#endif
