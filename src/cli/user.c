/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno user add NAME`: another person on the running node, in a role. The password comes from the terminal, without
 * echo, or as one line of standard input; never from the command line, where others could read it.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/control.h"
#include "cli/options.h"
#include "cli/prompt.h"
#include "wire/json_write.h"

static int add(const char *data_dir, const char *name, const char *role, const char *password)
{
    struct err e = {0};
    struct control_answer a = {0};
    struct json_writer j;
    struct buf body;
    buf_init(&body, 8192);
    json_writer_init(&j, &body);
    json_object(&j);
    json_key(&j, "name");
    json_text(&j, span_of(name));
    json_key(&j, "role");
    json_text(&j, span_of(role));
    json_key(&j, "password");
    json_text(&j, span_of(password));
    json_end(&j);
    int rc = control_ask(data_dir, "POST", "/api/v1/users", buf_view(&body), &a, &e);
    sodium_memzero(body.data, body.len);
    buf_free(&body);
    if (rc < 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    int status = CLI_OK;
    if (a.status != 201) {
        status = control_refused(&a);
    } else {
        (void)printf("%s may log in now. Role: %s.\n", name, role);
    }
    buf_free(&a.body);
    return status;
}

static int run_user(int argc, char **argv, const struct command *self)
{
    const char *data_dir = NULL, *role = "administrator", *words[2];
    char password[PROMPT_LINE_MAX], again[PROMPT_LINE_MAX];
    const struct cli_option table[] = {{"--data", &data_dir, NULL}, {"--role", &role, NULL}};
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), words, ARRAY_LEN(words));
    if (status != CLI_DONE_NOT) {
        return status;
    }
    const char *name = words[1];
    if (words[0] != NULL && strcmp(words[0], "add") != 0) {
        return cli_usage(self, "no command \"%s\"", words[0]);
    }
    if (name == NULL) {
        return cli_usage(self, "add needs a name");
    }
    bool terminal = isatty(STDIN_FILENO) == 1;
    bool same = prompt_secret("Password: ", password) &&
                (!terminal || (prompt_secret("Again: ", again) && strcmp(password, again) == 0));
    status = same ? add(data_dir, name, role, password)
                  : cli_usage(self, "no password, or not the same twice");
    sodium_memzero(password, sizeof password);
    sodium_memzero(again, sizeof again);
    return status;
}

const struct command cmd_user = {
    .name = "user",
    .summary = "another person, in a role",
    .help = "usage: sereno user add NAME [--role ROLE] [--data DIR]\n"
            "\n"
            "Makes another person on the node that runs with the data in DIR. Asks for the\n"
            "password twice; without a terminal it reads it as one line of standard input.\n"
            "\n"
            "  --role ROLE  what this person may do: a file of roles/ or DATA/roles; default administrator\n"
            "  --data DIR   the node's data folder; default as for `sereno serve`\n"
            "\n"
            "example: sereno user add anna --role analyst\n",
    .run = run_user,
};
