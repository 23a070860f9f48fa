/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno serve`: reads its options and becomes the supervisor of a node. Parses nothing but its command line; what the
 * node does stands in src/roles.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "roles/compile.h"
#include "roles/super.h"

static int run_serve(int argc, char **argv, const struct command *self)
{
    /* On a terminal a person reads: what goes well is not told in log lines there, the links stay in sight. */
    struct super_options o = {.quiet_log = isatty(STDERR_FILENO) == 1};
    bool verbose = false;
    const struct cli_option table[] = {
        {"--config", &o.config_path, NULL},         {"--data", &o.data_dir, NULL},
        {"--weaker-sandbox", NULL, &o.weaker},      {"--verbose", NULL, &verbose},
        {"-v", NULL, &verbose},
    };
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), NULL, 0);
    if (status != CLI_DONE_NOT) {
        return status;
    }
    o.quiet_log = o.quiet_log && !verbose;
    o.rules_dir = cli_share("rules");
    o.sources_dir = cli_share("sources");
    o.stamp = compile_stamp();
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
