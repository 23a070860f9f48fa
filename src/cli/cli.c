/* SPDX-License-Identifier: EUPL-1.2 */
/* The table of commands, help, and what all commands share. Called by main; parses nothing from outside but argv. */
#include "cli/cli.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

static const struct command *const commands[] = {&cmd_serve, &cmd_user, &cmd_scan, &cmd_hunt, &cmd_rules, &cmd_bench, &cmd_verify, &cmd_backup, &cmd_restore, &cmd_export, &cmd_import, &cmd_hold, &cmd_retention, &cmd_registers, &cmd_doctor, &cmd_enrol, &cmd_source, &cmd_federation, &cmd_upgrade, &cmd_demo};

static void print_overview(FILE *to)
{
    (void)fprintf(to, "sereno %s: the night watch for cities\n\nusage: sereno COMMAND [OPTION...]\n\n",
                  SERENO_VERSION);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        (void)fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    (void)fprintf(to, "\n`sereno COMMAND --help` explains one, with an example.\n");
}

int cli_main(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_overview(stdout);
        return CLI_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        (void)printf("sereno %s\n", SERENO_VERSION);
        return CLI_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(name, commands[i]->name) == 0) {
            return commands[i]->run(argc - 1, argv + 1, commands[i]);
        }
    }
    (void)fprintf(stderr, "sereno: no command \"%s\"; `sereno help` lists them\n", name);
    return CLI_USAGE;
}

int cli_usage(const struct command *self, const char *fmt, ...)
{
    va_list ap;
    (void)fprintf(stderr, "sereno %s: ", self->name);
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fprintf(stderr, "\n`sereno %s --help` shows the options and an example\n", self->name);
    return CLI_USAGE;
}

int cli_help(const struct command *self)
{
    (void)fputs(self->help, stdout);
    return CLI_OK;
}

void cli_print_err(const struct err *e)
{
    if (e->where[0] != '\0' && e->line != 0) {
        (void)fprintf(stderr, "sereno: %s:%u: %s\n", e->where, e->line, e->text);
    } else if (e->where[0] != '\0') {
        (void)fprintf(stderr, "sereno: %s: %s\n", e->where, e->text);
    } else {
        (void)fprintf(stderr, "sereno: %s\n", e->text);
    }
}

static bool share_at(char *out, size_t size, const char *root, const char *kind)
{
    int n = snprintf(out, size, "%s/%s", root, kind);
    return n > 0 && (size_t)n < size && access(out, R_OK) == 0;
}

const char *cli_share(const char *kind)
{
    static char found[4][PATH_MAX]; /* one per kind asked for; the command line asks for few */
    static size_t used;
    char exe[PATH_MAX];
    char *out = found[used % ARRAY_LEN(found)];
    const char *env = getenv("SERENO_SHARE");
    if (env != NULL) {
        used++;
        return share_at(out, PATH_MAX, env, kind) ? out : NULL;
    }
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n < 0 ? 0 : n] = '\0';
    /* build/src/sereno, build/sereno or a copy beside the data: a few folders up is the source tree. */
    for (int up = 0; up < 5; up++) {
        char *slash = strrchr(exe, '/');
        if (slash == NULL) {
            break;
        }
        *slash = '\0';
        char probe[PATH_MAX];
        if (share_at(probe, sizeof probe, exe, "sources/windows.yml") ||
            share_at(probe, sizeof probe, exe, "sources/README.md")) {
            used++;
            return share_at(out, PATH_MAX, exe, kind) ? out : NULL;
        }
    }
    used++;
    return share_at(out, PATH_MAX, "/usr/share/sereno", kind) ? out : NULL;
}

void cli_put_safe(struct buf *out, struct span s)
{
    const char *p = s.ptr;
    const char *end = s.ptr + s.len;
    while (p < end) {
        size_t n;
        int32_t cp = utf8_decode(p, end, &n);
        bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x200e && cp <= 0x200f) ||
                       (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
        if (cp == UTF8_BAD || control) {
            for (size_t i = 0; i < n; i++) {
                buf_printf(out, "\\x%02x", (unsigned char)p[i]);
            }
        } else {
            buf_put(out, p, n);
        }
        p += n;
    }
}
