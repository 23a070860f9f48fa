/* SPDX-License-Identifier: EUPL-1.2 */
/* Commands of the command line: one file (or family of files) per command, one table in cli.c. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/buf.h"
#include "base/err.h"

/* Exit status of every command (DESIGN §10). */
enum { CLI_OK = 0, CLI_UNREAD = 1, CLI_USAGE = 2 };

struct command {
    const char *name;
    const char *summary; /* one line for `sereno help` */
    const char *help;    /* what --help prints, with an example */
    int (*run)(int argc, char **argv, const struct command *self);
};

extern const struct command cmd_serve, cmd_scan, cmd_rules, cmd_bench, cmd_user, cmd_hunt, cmd_verify, cmd_backup, cmd_restore, cmd_export, cmd_import, cmd_hold, cmd_retention, cmd_registers, cmd_enrol, cmd_source, cmd_federation, cmd_upgrade, cmd_doctor, cmd_demo;

/* Picks the command named by argv[1]; prints help or a usage error. Returns the exit status. */
int cli_main(int argc, char **argv);

/* Prints "sereno COMMAND: text" and where to look, returns CLI_USAGE. */
int cli_usage(const struct command *self, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Prints the help text, returns CLI_OK. */
int cli_help(const struct command *self);
/* "sereno: where: text" of an error on stderr. */
void cli_print_err(const struct err *e);

/* Folder of a kind of shipped data ("rules", "sources"): beside the build or under /usr/share/sereno; NULL when absent.
 * Environment SERENO_SHARE names another place. The text lives until exit. */
const char *cli_share(const char *kind);

/* Text from outside made safe for a terminal: control characters, escape sequences and bad UTF-8 become '?' or \xNN. */
void cli_put_safe(struct buf *out, struct span s);

#endif
