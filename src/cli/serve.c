/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno serve`: reads its options and becomes the supervisor of a node. Parses nothing but its command line; what the
 * node does stands in src/roles.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "roles/super.h"

static int run_serve(int argc, char **argv, const struct command *self)
{
    /* On a terminal a person reads: what goes well is not told in log lines there, the links stay in sight. */
    struct super_options o = {.quiet_log = isatty(STDERR_FILENO) == 1};
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        bool config = strcmp(arg, "--config") == 0;
        bool data = strcmp(arg, "--data") == 0;
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            return cli_help(self);
        }
        if (strcmp(arg, "--verbose") == 0 || strcmp(arg, "-v") == 0) {
            o.quiet_log = false;
        } else if (strcmp(arg, "--weaker-sandbox") == 0) {
            o.weaker = true;
        } else if (strncmp(arg, "--config=", 9) == 0) {
            o.config_path = arg + 9;
        } else if (strncmp(arg, "--data=", 7) == 0) {
            o.data_dir = arg + 7;
        } else if ((config || data) && i + 1 < argc) {
            *(config ? &o.config_path : &o.data_dir) = argv[++i];
        } else if (config || data) {
            return cli_usage(self, "%s needs a name behind it", arg);
        } else {
            return cli_usage(self, "unknown option \"%s\"", arg);
        }
    }
    o.rules_dir = cli_share("rules");
    o.sources_dir = cli_share("sources");
    return super_run(&o);
}

const struct command cmd_serve = {
    .name = "serve",
    .summary = "watch: take logs in, try every rule, show alerts on a page",
    .help = "usage: sereno serve [--config FILE] [--data DIR] [--verbose] [--weaker-sandbox]\n"
            "\n"
            "Runs a node until it is stopped (Ctrl-C, or SIGTERM by a service manager).\n"
            "The first start prints a link that makes the first administrator.\n"
            "\n"
            "  --config FILE      sereno.yml; without it the node watches this machine's own\n"
            "                     logs and listens on localhost only\n"
            "  --data DIR         where everything is kept (docs/DATA_DIR.md); default\n"
            "                     /var/lib/sereno for root, else ~/.local/share/sereno\n"
            "  -v, --verbose      all log lines also on a terminal, which else shows warnings\n"
            "                     and errors only\n"
            "  --weaker-sandbox   go on where the kernel has no Landlock: the roles then have\n"
            "                     only the system call filter between them and the files\n"
            "\n"
            "SIGHUP reads config, rules and certificates again, without a pause.\n"
            "\n"
            "example: sereno serve --config /etc/sereno/sereno.yml\n",
    .run = run_serve,
};
