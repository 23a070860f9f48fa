/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno retention`: what records will soon say no more of persons, asked of the running node; and the word that its clock is right. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/options.h"
#include "wire/jcs.h"
#include "wire/json_write.h"

enum { BODY_MAX = 16384, PATH_TEXT_MAX = 96, ROW_MAX = 4096 };

static struct span text_of(const struct jcs *map, const char *key)
{
    struct span v = SPAN("");
    return map != NULL && jcs_get_text(map, key, &v) ? v : SPAN("");
}

/* A figure as a person reads it: "12", "1000+", "masked". */
static const char *figure(struct arena *a, const struct jcs *item, const char *key)
{
    const struct jcs *f = jcs_get_object(item, key);
    const struct jcs *count = f == NULL ? NULL : jcs_get(f, "count");
    const struct jcs *more = f == NULL ? NULL : jcs_get(f, "more");
    return count == NULL ? "masked" : arena_printf(a, "%.*s%s", SPAN_ARG(jcs_text(a, count)), more != NULL && more->truth ? "+" : "");
}

static void print_row(struct arena *a, const struct jcs *item)
{
    struct buf safe;
    struct span first = text_of(jcs_get_object(item, "due"), "first"), from = text_of(item, "from");
    const struct jcs *days = jcs_get(item, "days");
    buf_init(&safe, ROW_MAX);
    cli_put_safe(&safe, span_of(arena_printf(a, "%-20.*s %6.*s days after %-10.*s %6s %-10.*s %6s %8s %6s", SPAN_ARG(text_of(item, "plural")),
                                             SPAN_ARG(days == NULL ? SPAN("?") : jcs_text(a, days)), SPAN_ARG(from.len > 0 ? from : SPAN("change")),
                                             figure(a, item, "due"), SPAN_ARG(first.len > 0 ? first : SPAN("-")), figure(a, item, "held"), figure(a, item, "erased"),
                                             figure(a, item, "passed_by"))));
    (void)printf("%.*s\n", SPAN_ARG(buf_view(&safe)));
    buf_free(&safe);
}

static void print_state(const struct jcs *doc)
{
    const struct jcs *run = jcs_get_object(doc, "last_run");
    const struct jcs *clock = jcs_get_object(doc, "clock");
    struct span state = text_of(clock, "state");
    if (run == NULL) {
        (void)printf("No run has ended yet.\n");
    } else {
        (void)printf("Last run: %.*s%s\n", SPAN_ARG(text_of(run, "ended")), text_of(run, "why").len > 0 ? ", ended early: see the node's log" : "");
    }
    if (!span_eq(state, SPAN("fits"))) {
        (void)printf("Nothing goes: the clock says %.*s, and %.*s was counted last. If the clock is right: sereno retention clock --reason TEXT\n",
                     SPAN_ARG(text_of(clock, "now")), SPAN_ARG(text_of(clock, "counted")));
    }
}

static int print_text(struct span body)
{
    struct arena a;
    struct jcs *doc = NULL;
    struct err e = {0};
    arena_init(&a, 0);
    int rc = jcs_read_decimals(&a, body, JCS_DEPTH_MAX, &doc, &e);
    const struct jcs *items = rc == 0 ? jcs_get(doc, "items") : NULL;
    if (items == NULL || items->kind != JCS_ARRAY) {
        (void)fprintf(stderr, "sereno: the node's answer is broken\n");
        arena_fini(&a);
        return CLI_UNREAD;
    }
    print_state(doc);
    (void)printf("%-20s %-28s %6s %-10s %6s %8s %6s\n", "register", "kept for", "go", "from", "held", "went", "could not");
    for (const struct jcs *i = items->first; i != NULL; i = i->next) {
        print_row(&a, i);
    }
    arena_fini(&a);
    return CLI_OK;
}

static int show(const char *data, const char *days, bool json)
{
    struct err e = {0};
    struct control_answer a = {0};
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof path, "/api/v1/privacy/retention%s%s", days == NULL ? "" : "?days=", days == NULL ? "" : days);
    if (control_ask(data, "GET", path, SPAN(""), &a, &e) < 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    int status = CLI_OK;
    if (a.status != 200) {
        status = control_refused(&a);
    } else if (json) {
        (void)printf("%.*s\n", SPAN_ARG(buf_view(&a.body)));
    } else {
        status = print_text(buf_view(&a.body));
    }
    buf_free(&a.body);
    return status;
}

static int confirm(const char *data, const char *reason)
{
    struct err e = {0};
    struct control_answer a = {0};
    struct json_writer j;
    struct buf body;
    buf_init(&body, BODY_MAX);
    json_writer_init(&j, &body);
    json_object(&j);
    json_key(&j, "why");
    json_text(&j, span_of(reason));
    json_end(&j);
    int status = CLI_UNREAD;
    if (body.failed) {
        (void)fprintf(stderr, "sereno: that is too long\n");
    } else if (control_ask(data, "POST", "/api/v1/privacy/clock", buf_view(&body), &a, &e) < 0) {
        cli_print_err(&e);
    } else {
        status = a.status == 204 ? CLI_OK : control_refused(&a);
        buf_free(&a.body);
    }
    buf_free(&body);
    return status;
}

static int run_retention(int argc, char **argv, const struct command *self)
{
    const char *data = NULL, *days = NULL, *reason = NULL, *words[1];
    bool json = false;
    uint64_t n = 0;
    const struct cli_option table[] = {{"--data", &data, NULL}, {"--days", &days, NULL}, {"--reason", &reason, NULL}, {"--json", NULL, &json}};
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), words, ARRAY_LEN(words));
    if (status != CLI_DONE_NOT) {
        return status;
    }
    if (words[0] != NULL && strcmp(words[0], "clock") == 0) {
        return reason != NULL && days == NULL ? confirm(data, reason) : cli_usage(self, "clock needs --reason");
    }
    bool fits = words[0] == NULL && reason == NULL && (days == NULL || num_u64(span_of(days), &n));
    return fits ? show(data, days, json) : cli_usage(self, "[--days N], or clock --reason TEXT");
}

const struct command cmd_retention = {
    .name = "retention",
    .summary = "what records will soon say no more of persons",
    .help = "usage: sereno retention [--days N] [--json] [--data DIR]\n"
            "       sereno retention clock --reason TEXT [--data DIR]\n"
            "\n"
            "One line for each register whose records say something of persons that goes: after how many days,\n"
            "counted from what, how many records go within the next N days and the first day of these, how many\n"
            "a legal hold keeps, how many went in the last run, and how many it could not erase. The records\n"
            "behind a figure: /api/v1/privacy/retention/REGISTER?which=due, or the page \"Looks at persons\".\n"
            "\n"
            "Nothing goes, neither of records nor of logs, while the node's clock stands more than 14 days from\n"
            "the time that was counted last: a clock that jumps would let go what nobody gets back. `clock` says\n"
            "that the clock is right, and why; that is recorded.\n"
            "\n"
            "  --days N       days from today on; default 30\n"
            "  --json         the node's answer as it came\n"
            "\n"
            "Exit status: 0 done, 1 refused or no node runs, 2 wrong use.\n"
            "\n"
            "example: sereno retention --days 90\n",
    .run = run_retention,
};
