/* SPDX-License-Identifier: EUPL-1.2 */
/* The one loop over argv: see options.h. */
#include "cli/options.h"

#include <getopt.h>
#include <string.h>

/* Length of the option's name in arg, which may go on with "=value". */
static size_t name_len(const char *arg)
{
    const char *equals = strchr(arg, '=');
    return equals == NULL ? strlen(arg) : (size_t)(equals - arg);
}

static const struct cli_option *option_of(const char *arg, const struct cli_option *table, size_t len)
{
    size_t n = name_len(arg);
    for (size_t i = 0; i < len; i++) {
        if (strlen(table[i].name) == n && memcmp(table[i].name, arg, n) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

/* Takes argv[*i], and the value behind it; CLI_DONE_NOT or the exit status. */
static int take(const struct command *self, const struct cli_option *o, int argc, char **argv, int *i)
{
    const char *arg = argv[*i];
    const char *inside = arg[name_len(arg)] == '=' ? arg + name_len(arg) + 1 : NULL;
    if (o->flag != NULL) {
        *o->flag = true;
        return inside == NULL ? CLI_DONE_NOT : cli_usage(self, "%s takes no value", o->name);
    }
    if (inside == NULL && *i + 1 == argc) {
        return cli_usage(self, "%s needs a value behind it", o->name);
    }
    *o->value = inside != NULL ? inside : argv[++*i];
    return CLI_DONE_NOT;
}

int cli_bad_option(const struct command *self, int c, char **argv)
{
    const char *arg = argv[optind - 1];
    return c == ':' ? cli_usage(self, "%s needs a value behind it", arg) : cli_usage(self, "unknown option \"%s\"", arg);
}

int cli_options(const struct command *self, int argc, char **argv, const struct cli_option *table, size_t len,
                const char **words, size_t max)
{
    size_t used = 0;
    bool only_words = false;
    for (size_t w = 0; w < max; w++) {
        words[w] = NULL;
    }
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (only_words || arg[0] != '-' || arg[1] == '\0') {
            if (used == max) {
                return cli_usage(self, "\"%s\" is one word too many", arg);
            }
            words[used++] = arg;
            continue;
        }
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            return cli_help(self);
        }
        if (strcmp(arg, "--") == 0) {
            only_words = true;
            continue;
        }
        const struct cli_option *o = option_of(arg, table, len);
        int status = o == NULL ? cli_usage(self, "unknown option \"%s\"", arg) : take(self, o, argc, argv, &i);
        if (status != CLI_DONE_NOT) {
            return status;
        }
    }
    return CLI_DONE_NOT;
}
