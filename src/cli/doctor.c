/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno doctor`: how the node and its machine are, one line each, and what to do. Works beside a running node and without one. */
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/data_logs.h"
#include "cli/doctor.h"
#include "cli/options.h"
#include "os/sandbox.h"
#include "roles/super.h"
#include "wire/json_write.h"

enum { JSON_MAX = 1 << 20 };

static void print_text(const struct doctor_report *r)
{
    for (size_t i = 0; i < r->lines.len; i++) {
        const struct doctor_line *l = &r->lines.data[i];
        (void)printf("%-4s  %-8s  %s\n", doctor_state_name(l->state), l->check, l->says);
        if (l->advice[0] != '\0') {
            (void)printf("                -> %s\n", l->advice);
        }
    }
}

static void text(struct json_writer *j, const char *key, const char *value)
{
    json_key(j, key);
    json_text(j, span_of(value));
}

static void print_json(const struct doctor_facts *f, const struct doctor_report *r)
{
    char at[TIME_TEXT_MAX];
    struct json_writer j;
    struct buf b;
    buf_init(&b, JSON_MAX);
    json_writer_init(&j, &b);
    json_object(&j);
    text(&j, "state", doctor_state_name(doctor_worst(r)));
    text(&j, "at", time_format(f->now, at));
    json_key(&j, "running");
    json_bool(&j, f->running);
    json_key(&j, "lines");
    json_array(&j);
    for (size_t i = 0; i < r->lines.len; i++) {
        const struct doctor_line *l = &r->lines.data[i];
        json_object(&j);
        text(&j, "check", l->check);
        text(&j, "state", doctor_state_name(l->state));
        text(&j, "says", l->says);
        text(&j, "advice", l->advice);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    CHECK(json_writer_done(&j));
    (void)printf("%.*s\n", SPAN_ARG(buf_view(&b)));
    buf_free(&b);
}

struct doctor {
    const char *data_dir, *config_path;
    bool json, weaker;
    struct config config;
    struct doctor_facts facts;
    struct doctor_report report;
};

/* The data folder: as given, as the config says, or where a node would put it. */
static int find_data(struct doctor *d, char out[PATH_MAX], struct err *e)
{
    struct config c;
    char named[PATH_MAX] = "";
    const char *place = d->data_dir;
    config_init(&c);
    int rc = place == NULL && d->config_path != NULL ? config_load(&c, d->config_path, e) : 0;
    if (rc == 0 && c.data_dir.len > 0) {
        (void)snprintf(named, sizeof named, "%.*s", SPAN_ARG(c.data_dir));
        place = named;
    }
    place = place == NULL ? super_default_data() : place;
    struct stat st;
    if (rc == 0 && (place == NULL || realpath(place, out) == NULL || stat(out, &st) != 0 || !S_ISDIR(st.st_mode))) {
        rc = err_set(e, ERR_NOT_FOUND, "%s: no data of a node; name its folder with --data", place == NULL ? "?" : place);
    }
    config_fini(&c);
    return rc;
}

static int examine(struct doctor *d, struct err *e)
{
    char data_dir[PATH_MAX];
    int rc = sodium_init() < 0 ? err_set(e, ERR_UNSUPPORTED, "the crypto library does not start") : find_data(d, data_dir, e);
    rc = rc == 0 ? doctor_machine(&d->facts, data_dir, d->config_path, &d->config, e) : rc;
    const struct sandbox_options cage = {.data_dir = data_dir, .weaker = d->weaker || d->facts.landlock == 0};
    rc = rc == 0 ? cli_enter_data(&cage, e) : rc;
    if (rc == 0) {
        doctor_data(&d->facts, data_dir, &d->config);
        doctor_judge(&d->facts, &d->report);
    }
    return rc;
}

static int run_doctor(int argc, char **argv, const struct command *self)
{
    struct doctor *d = mem_alloc(sizeof *d);
    struct err e = {0};
    const struct cli_option table[] = {
        {"--data", &d->data_dir, NULL},
        {"--config", &d->config_path, NULL},
        {"--json", NULL, &d->json},
        {"--weaker-sandbox", NULL, &d->weaker},
    };
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), NULL, 0);
    if (status == CLI_DONE_NOT) {
        config_init(&d->config);
        if (examine(d, &e) != 0) {
            cli_print_err(&e);
            status = CLI_USAGE;
        } else {
            if (d->json) {
                print_json(&d->facts, &d->report);
            } else {
                print_text(&d->report);
            }
            status = (int)doctor_worst(&d->report);
        }
        config_fini(&d->config);
        doctor_facts_free(&d->facts);
        vec_free(&d->report.lines);
    }
    mem_free(d);
    return status;
}

const struct command cmd_doctor = {
    .name = "doctor",
    .summary = "how the node and its machine are, and what to do",
    .help = "usage: sereno doctor [--data DIR] [--config FILE] [--json]\n"
            "\n"
            "One line for each of: node, sandbox, disk (free room against the days to keep, at the present\n"
            "rate), clock (as the kernel tells), chain (its end against what the records know), verified,\n"
            "backup, copy, retention, sources, buffers of UDP sockets, files, memory. Each is ok, warn or bad, and what\n"
            "is not ok says what to do. Changes nothing; reads ends and counters, so that it takes a moment\n"
            "whatever is kept: `sereno verify` reads the archive itself. A running node is not disturbed; its\n"
            "counters are those of the last minute.\n"
            "\n"
            "  --data DIR         the node's data folder; default as for `sereno serve`\n"
            "  --config FILE      sereno.yml: retention, sources. A running node's own is found without it\n"
            "  --json             one JSON object\n"
            "  --weaker-sandbox   accepted as elsewhere; without Landlock the doctor says so and goes on\n"
            "\n"
            "Exit status: 0 all is ok, 1 something wants a look, 2 something is bad, or nothing could be looked\n"
            "at, or wrong use. So it can be a check of a monitoring system as it is.\n"
            "\n"
            "example: sereno doctor --config /etc/sereno/sereno.yml\n",
    .run = run_doctor,
};
