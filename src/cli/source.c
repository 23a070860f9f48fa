/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno source release NAME`: a source that was put on hold is read again. Asks the running node. */
#include <stdio.h>
#include <string.h>

#include "cli/control.h"
#include "cli/options.h"
#include "wire/json_write.h"

static const char help[] =
    "usage: sereno source release [--data DIR] NAME\n"
    "\n"
    "A source over whose records intake crashed three times is on hold: nothing of it is read, so that the others go on.\n"
    "The log and the page of sources say which. Find out what it sends before you release it; if it crashes intake three\n"
    "times more, it is on hold again.\n"
    "\n"
    "  --data DIR   data of the node (default: where `sereno serve` keeps it)\n"
    "\n"
    "example: sereno source release firewall\n";

static int release(const char *data_dir, const char *name)
{
    struct control_answer answer = {0};
    struct json_writer j;
    struct err e = {0};
    struct buf body;
    buf_init(&body, 8192);
    json_writer_init(&j, &body);
    json_object(&j);
    json_key(&j, "name");
    json_text(&j, span_of(name));
    json_end(&j);
    int rc = control_ask(data_dir, "POST", "/api/v1/sources/release", buf_view(&body), &answer, &e);
    buf_free(&body);
    if (rc < 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    int status = CLI_OK;
    if (answer.status != 204) {
        status = control_refused(&answer);
    } else {
        (void)printf("The source is read again.\n");
    }
    buf_free(&answer.body);
    return status;
}

static int run(int argc, char **argv, const struct command *self)
{
    const char *words[2] = {NULL, NULL};
    const char *data_dir = NULL;
    const struct cli_option options[] = {{"--data", &data_dir, NULL}};
    int done = cli_options(self, argc, argv, options, ARRAY_LEN(options), words, ARRAY_LEN(words));
    if (done != CLI_DONE_NOT) {
        return done;
    }
    if (words[0] == NULL || strcmp(words[0], "release") != 0 || words[1] == NULL) {
        return cli_usage(self, "say `release` and the name of a source");
    }
    return release(data_dir, words[1]);
}

const struct command cmd_source = {"source", "read a source again that was put on hold", help, run};
