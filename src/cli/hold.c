/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno hold`: legal holds on the running node, over its control socket. What the node says is told as it came. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/control.h"
#include "cli/options.h"
#include "wire/json_write.h"

enum { BODY_MAX = 16384 };

/* The answer's JSON on standard output, one line. */
static int ask(const char *data, const char *method, const char *path, struct span body, unsigned want)
{
    struct err e = {0};
    struct control_answer a = {0};
    if (control_ask(data, method, path, body, &a, &e) < 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    int status = CLI_OK;
    if (a.status != want) {
        status = control_refused(&a);
    } else if (a.body.len > 0) {
        (void)printf("%.*s\n", SPAN_ARG(buf_view(&a.body)));
    }
    buf_free(&a.body);
    return status;
}

struct field {
    const char *name, *value;
};

static int send(const char *data, const char *path, const struct field *fields, size_t n, unsigned want)
{
    struct json_writer j;
    struct buf body;
    buf_init(&body, BODY_MAX);
    json_writer_init(&j, &body);
    json_object(&j);
    for (size_t i = 0; i < n; i++) {
        if (fields[i].value != NULL) {
            json_key(&j, fields[i].name);
            json_text(&j, span_of(fields[i].value));
        }
    }
    json_end(&j);
    int status = CLI_UNREAD;
    if (body.failed) {
        (void)fprintf(stderr, "sereno: that is too long\n");
    } else {
        status = ask(data, "POST", path, buf_view(&body), want);
    }
    buf_free(&body);
    return status;
}

static bool is_id(const char *s)
{
    return strlen(s) == 36 && strspn(s, "0123456789abcdef-") == 36;
}

static int run_hold(int argc, char **argv, const struct command *self)
{
    const char *data = NULL, *words[2];
    struct field f[] = {{"from", NULL}, {"to", NULL}, {"reason", NULL}, {"organisation", NULL}, {"source", NULL}};
    const struct cli_option table[] = {{"--data", &data, NULL},         {"--from", &f[0].value, NULL},
                                       {"--to", &f[1].value, NULL},     {"--reason", &f[2].value, NULL},
                                       {"--organisation", &f[3].value, NULL}, {"--source", &f[4].value, NULL}};
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), words, ARRAY_LEN(words));
    if (status != CLI_DONE_NOT) {
        return status;
    }
    const char *what = words[0] == NULL ? "" : words[0];
    if (strcmp(what, "list") == 0 && words[1] == NULL) {
        return ask(data, "GET", "/api/v1/holds", SPAN(""), 200);
    }
    if (strcmp(what, "set") == 0 && words[1] == NULL) {
        return f[0].value != NULL && f[1].value != NULL && f[2].value != NULL
                   ? send(data, "/api/v1/holds", f, ARRAY_LEN(f), 201)
                   : cli_usage(self, "set needs --from, --to and --reason");
    }
    if (strcmp(what, "lift") == 0 && words[1] != NULL) {
        char path[96];
        if (f[2].value == NULL || !is_id(words[1])) {
            return cli_usage(self, "lift needs the id of a hold, and --reason");
        }
        (void)snprintf(path, sizeof path, "/api/v1/holds/%s/lift", words[1]);
        return send(data, path, &f[2], 1, 204);
    }
    return cli_usage(self, "set, lift ID or list");
}

const struct command cmd_hold = {
    .name = "hold",
    .summary = "legal holds: what retention must keep",
    .help = "usage: sereno hold set --from DAY --to DAY --reason TEXT [--organisation NAME] [--source NAME] [--data DIR]\n"
            "       sereno hold lift ID --reason TEXT [--data DIR]\n"
            "       sereno hold list [--data DIR]\n"
            "\n"
            "While a hold stands, retention lets no original go that it names. Setting and lifting are in the audit\n"
            "trail with who, when and why. Asks the node that runs with the data in DIR; answers are JSON.\n"
            "\n"
            "  --from DAY, --to DAY   days of receipt (UTC), both inclusive: 2026-11-22\n"
            "  --organisation NAME    of this organisation only; default: all of the node\n"
            "  --source NAME          of this source only; default: all\n"
            "\n"
            "Exit status: 0 done, 1 refused or no node runs, 2 wrong use.\n"
            "\n"
            "example: sereno hold set --from 2026-11-01 --to 2026-11-30 --source firewalls --reason \"case 4711\"\n",
    .run = run_hold,
};
