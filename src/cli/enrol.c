/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno enrol URL --code CODE` joins a hub; `sereno federation status` says how the links are. Both ask the running
 * node over its control socket and decide nothing themselves.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/control.h"
#include "cli/courier.h"
#include "wire/jcs.h"
#include "wire/json_write.h"

enum { ENROL_WAIT_S = 40, ENROL_PAUSE_MS = 200 };

/* Text of the answer as a terminal may show it. */
static void show(const char *label, struct span s)
{
    struct buf safe;
    buf_init(&safe, 65536);
    cli_put_safe(&safe, s);
    (void)printf("%s%.*s\n", label, SPAN_ARG(buf_view(&safe)));
    buf_free(&safe);
}

/* The node's view as a tree in `a`; NULL and *status set when it cannot be had. */
static const struct jcs *ask_status(const char *data_dir, struct arena *a, int *status)
{
    struct err e = {0};
    struct jcs *root = NULL;
    struct control_answer answer = {0};
    if (control_ask(data_dir, "GET", "/api/v1/federation", SPAN(""), &answer, &e) < 0) {
        cli_print_err(&e);
        *status = CLI_UNREAD;
        return NULL;
    }
    if (answer.status != 200) {
        *status = control_refused(&answer);
    } else if (jcs_read(a, arena_copy(a, buf_view(&answer.body)), JCS_DEPTH_MAX, &root, &e) < 0) {
        cli_print_err(&e);
        *status = CLI_UNREAD;
        root = NULL;
    }
    buf_free(&answer.body);
    return root;
}

static struct span text_of(const struct jcs *v, const char *key)
{
    struct span s = SPAN("");
    return jcs_get_text(v, key, &s) ? s : SPAN("");
}

static long long number_of(const struct jcs *v, const char *key)
{
    int64_t n = 0;
    return jcs_get_int(v, key, &n) ? (long long)n : 0;
}

/* ---- enrol ---- */

static const struct jcs *find_join(const struct jcs *root, struct span id)
{
    const struct jcs *list = jcs_get_array(root, "joins");
    for (const struct jcs *j = list == NULL ? NULL : list->first; j != NULL; j = j->next) {
        if (span_eq(text_of(j, "id"), id)) {
            return j;
        }
    }
    return NULL;
}

/* The hub's first answer: within seconds, or not at all. */
static int wait_for(const char *data_dir, struct span id)
{
    const struct timespec pause = {0, ENROL_PAUSE_MS * 1000000L};
    int status = CLI_OK;
    for (int i = 0; i < ENROL_WAIT_S * 1000 / ENROL_PAUSE_MS; i++) {
        struct arena a;
        arena_init(&a, 0);
        const struct jcs *root = ask_status(data_dir, &a, &status);
        const struct jcs *j = root == NULL ? NULL : find_join(root, id);
        struct span state = text_of(j, "state");
        bool waits = span_eq(state, SPAN("waiting"));
        if (waits) {
            show("The hub's fingerprint:  ", text_of(j, "hub_fingerprint"));
            show("This node's:            ", text_of(jcs_get_object(root, "node"), "fingerprint"));
            (void)printf("Compare both with the hub's officer, by voice. He approves; this node goes on by itself.\n");
        } else if (span_eq(state, SPAN("failed"))) {
            show("sereno: ", text_of(j, "error"));
            status = CLI_UNREAD;
        }
        bool over = root == NULL || j == NULL || waits || status != CLI_OK;
        arena_fini(&a);
        if (over) {
            return status;
        }
        (void)nanosleep(&pause, NULL);
    }
    (void)fprintf(stderr, "sereno: the hub has not answered; `sereno federation status` tells more\n");
    return CLI_UNREAD;
}

static int enrol(const char *data_dir, const char *url, const char *code, const char *fingerprint)
{
    struct err e = {0};
    struct arena a;
    struct jcs *root = NULL;
    struct control_answer answer = {0};
    struct json_writer j;
    struct buf body;
    buf_init(&body, 8192);
    json_writer_init(&j, &body);
    json_object(&j);
    json_key(&j, "url");
    json_text(&j, span_of(url));
    json_key(&j, "code");
    json_text(&j, span_of(code));
    json_key(&j, "fingerprint");
    json_text(&j, span_of(fingerprint));
    json_end(&j);
    int rc = control_ask(data_dir, "POST", "/api/v1/federation/join", buf_view(&body), &answer, &e);
    buf_free(&body);
    if (rc < 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    arena_init(&a, 0);
    int status = answer.status != 202 ? control_refused(&answer) : CLI_OK;
    if (status == CLI_OK && jcs_read(&a, buf_view(&answer.body), JCS_DEPTH_MAX, &root, &e) < 0) {
        cli_print_err(&e);
        status = CLI_UNREAD;
    }
    status = status == CLI_OK ? wait_for(data_dir, text_of(root, "join")) : status;
    buf_free(&answer.body);
    arena_fini(&a);
    return status;
}

static int run_enrol(int argc, char **argv, const struct command *self)
{
    const char *data_dir = NULL, *url, *code = NULL, *fingerprint = "";
    const struct cli_option table[] = {
        {"--data", &data_dir, NULL},
        {"--code", &code, NULL},
        {"--fingerprint", &fingerprint, NULL},
    };
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), &url, 1);
    if (status != CLI_DONE_NOT) {
        return status;
    }
    if (url == NULL || code == NULL) {
        return cli_usage(self, "needs the hub's address and --code");
    }
    return enrol(data_dir, url, code, fingerprint);
}

const struct command cmd_enrol = {
    .name = "enrol",
    .summary = "join a hub with a one-time code",
    .help = "usage: sereno enrol URL --code CODE [--fingerprint F] [--data DIR]\n"
            "\n"
            "Hands a one-time code in at a hub, for the node that runs with the data in DIR. Shows the\n"
            "fingerprints of both sides; the hub's officer compares them and approves, and the node goes\n"
            "on by itself.\n"
            "\n"
            "  --code CODE        as the hub gave it out: 72 hours, one use, for this organisation\n"
            "  --fingerprint F    of the hub, when it was given beforehand: anything else is refused\n"
            "  --data DIR         the node's data folder; default as for `sereno serve`\n"
            "\n"
            "example: sereno enrol https://hub.example.org:8610 --code 0123456789abcdef0123456789abcdef\n",
    .run = run_enrol,
};

/* ---- federation status ---- */

static void show_links(const struct jcs *root)
{
    const struct jcs *list = jcs_get_array(root, "links");
    for (const struct jcs *l = list == NULL ? NULL : list->first; l != NULL; l = l->next) {
        const struct jcs *up = jcs_get_object(l, "up"), *down = jcs_get_object(l, "down");
        show("\nhub       ", text_of(l, "name"));
        show("  address ", text_of(l, "url"));
        show("  state   ", text_of(l, "state"));
        (void)printf("  sent    %lld.%lld, received there up to %lld, waiting %lld, dropped %lld\n",
                     number_of(up, "epoch"), number_of(up, "seq"), number_of(up, "acked"),
                     number_of(up, "waiting"), number_of(up, "dropped"));
        (void)printf("  taken   %lld.%lld\n", number_of(down, "epoch"), number_of(down, "seq"));
        if (text_of(l, "error").len > 0) {
            show("  problem ", text_of(l, "error"));
        }
    }
    list = jcs_get_array(root, "circles");
    for (const struct jcs *c = list == NULL ? NULL : list->first; c != NULL; c = c->next) {
        show("\ncircle    ", text_of(c, "name"));
        show("  id      ", text_of(c, "id"));
        (void)printf("  epoch   %lld, %lld members\n", number_of(c, "epoch"), number_of(c, "members"));
        show("  state   ", text_of(c, "state"));
    }
}

static int tell_status(const char *data_dir, bool json)
{
    struct arena a;
    int status = CLI_OK;
    arena_init(&a, 0);
    const struct jcs *root = ask_status(data_dir, &a, &status);
    if (root != NULL && json) {
        (void)printf("%.*s\n", SPAN_ARG(jcs_text(&a, root)));
    } else if (root != NULL) {
        const struct jcs *node = jcs_get_object(root, "node");
        bool stopped = false;
        show("node      ", text_of(node, "id"));
        show("  prints  ", text_of(node, "fingerprint"));
        if (jcs_get_bool(root, "stopped", &stopped) && stopped) {
            show("  stopped by ", text_of(root, "stopped_by"));
        }
        show_links(root);
    }
    arena_fini(&a);
    return status;
}

static int run_federation(int argc, char **argv, const struct command *self)
{
    const char *data_dir = NULL, *words[2], *to = NULL, *received = NULL;
    bool json = false;
    const struct cli_option table[] = {
        {"--data", &data_dir, NULL},
        {"--to", &to, NULL},
        {"--received", &received, NULL},
        {"--json", NULL, &json},
    };
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), words, ARRAY_LEN(words));
    if (status != CLI_DONE_NOT) {
        return status;
    }
    const char *what = words[0], *file = words[1];
    bool takes_file = what != NULL && (strcmp(what, "export") == 0 || strcmp(what, "import") == 0);
    if (what == NULL || (!takes_file && strcmp(what, "status") != 0) || takes_file != (file != NULL)) {
        return cli_usage(self, "needs `status`, `export FILE` or `import FILE`");
    }
    if (takes_file) {
        return what[0] == 'e' ? courier_export_file(data_dir, file, to, received) : courier_import_file(data_dir, file);
    }
    return tell_status(data_dir, json);
}

const struct command cmd_federation = {
    .name = "federation",
    .summary = "how the links to hubs are; files to carry where there is no line",
    .help = "usage: sereno federation status [--json] [--data DIR]\n"
            "       sereno federation export FILE [--to NODE] [--received EPOCH.NUMBER] [--data DIR]\n"
            "       sereno federation import FILE [--data DIR]\n"
            "\n"
            "All ask the node that runs with the data in DIR.\n"
            "\n"
            "status tells its fingerprint, each link with what was sent and taken and what waits, each circle\n"
            "with its epoch. export writes what waits for the hub (on a hub: for the member NODE) into a new,\n"
            "signed file: the same envelopes as over the line, sealed where they must be. import takes such a\n"
            "file in, and says what the other side may tell its next export with --received, so that it goes\n"
            "on behind. What also comes over the line later is known, and not taken twice.\n"
            "\n"
            "example: sereno federation export /media/stick/for-the-hub.json\n",
    .run = run_federation,
};
