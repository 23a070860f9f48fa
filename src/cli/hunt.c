/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno hunt`: looks in what a node keeps. Asks the node that runs (hunt_node.c), or reads the data itself when none
 * does (hunt_here.c). This file reads options, rule files and lists, and never looks into a log.
 */
#include "cli/hunt.h"
#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "roles/bundle.h"
#include "roles/super.h"

enum { LIST_MAX_BYTES = 4 << 20, BAR_WIDTH = 30, PROGRESS_AFTER_S = 2 };

static const struct option options[] = {
    {"data", required_argument, NULL, 'd'},     {"rule", required_argument, NULL, 'r'},
    {"indicator", required_argument, NULL, 'i'}, {"indicators", required_argument, NULL, 'I'},
    {"search", required_argument, NULL, 's'},   {"from", required_argument, NULL, 'f'},
    {"to", required_argument, NULL, 't'},       {"organisation", required_argument, NULL, 'o'},
    {"source", required_argument, NULL, 'S'},   {"why", required_argument, NULL, 'w'},
    {"json", no_argument, NULL, 'j'},           {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
};

/* ---- progress ---- */

static bool progress_shown;

void hunt_show_progress(const struct hunt_command *c, int64_t done, int64_t total, int64_t events,
                        int64_t matches)
{
    static time_ns began;
    time_ns now = clock_mono();
    began = began == 0 ? now : began;
    if (c->quiet || isatty(STDERR_FILENO) != 1 || now - began < PROGRESS_AFTER_S * TIME_SECOND) {
        return;
    }
    int64_t part = total > 0 && done > 0 ? (done < total ? done : total) * 100 / total : 0;
    int fill = (int)(part * BAR_WIDTH / 100);
    progress_shown = true;
    if (done < 0) {
        (void)fprintf(stderr, "\rwaits for another hunt to end%-40s", "");
    } else {
        (void)fprintf(stderr, "\r[%.*s%*s] %3lld %%  %lld events, %lld matches ", fill,
                      "==============================", BAR_WIDTH - fill, "", (long long)part,
                      (long long)events, (long long)matches);
    }
}

void hunt_end_progress(void)
{
    if (progress_shown) {
        (void)fprintf(stderr, "\r%-100s\r", "");
        progress_shown = false;
    }
}

/* ---- options ---- */

static int add_rules(struct hunt_command *c, const char *path, struct err *e)
{
    struct bundle b;
    bundle_init(&b);
    int rc = bundle_add(&b, BUNDLE_RULE, path, e);
    for (size_t i = 0; rc == 0 && i < b.problems.len; i++) {
        rc = err_set(e, ERR_IO, "%.*s: %.*s", SPAN_ARG(b.problems.data[i].name),
                     SPAN_ARG(b.problems.data[i].text));
    }
    for (size_t i = 0; rc == 0 && i < b.files.len; i++) {
        struct span name = b.files.data[i].name;
        size_t cut = name.len > HUNT_NAME_MAX ? name.len - HUNT_NAME_MAX : 0; /* its end says more */
        struct hunt_rule rule = {arena_copy(&c->arena, span_sub(name, cut, name.len)),
                                 arena_copy(&c->arena, b.files.data[i].bytes)};
        vec_push(&c->rules, rule);
    }
    if (rc == 0 && b.files.len == 0) {
        rc = err_set(e, ERR_NOT_FOUND, "%s: no rules", path);
    }
    bundle_fini(&b);
    return rc;
}

static int add_list(struct hunt_command *c, const char *path, struct err *e)
{
    struct buf b;
    ssize_t n = 0;
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    buf_init(&b, LIST_MAX_BYTES);
    do {
        char *to = buf_room(&b, 4096);
        n = to == NULL ? 0 : read(fd, to, 4096);
        if (n > 0) {
            buf_added(&b, (size_t)n);
        }
    } while (n > 0 || (n < 0 && errno == EINTR));
    int rc = n < 0      ? err_set_errno(e, ERR_IO, errno, "%s", path)
             : b.failed ? err_set(e, ERR_LIMIT, "%s: larger than %d bytes", path, LIST_MAX_BYTES)
                        : hunt_add_indicators(&c->hunt, arena_copy(&c->arena, buf_view(&b)),
                                              &c->arena, e);
    if (rc != 0) {
        err_at(e, path, e->line);
    }
    buf_free(&b);
    if (fd != STDIN_FILENO) {
        (void)close(fd);
    }
    return rc;
}

static int take_time(const char *text, time_ns *out, struct err *e)
{
    return time_parse(span_of(text), 0, out)
               ? 0
               : err_set(e, ERR_INVALID, "\"%.60s\" is no time (2026-11-22 or 2026-11-22T01:00:00Z)",
                         text);
}

static int take_option(struct hunt_command *c, int option, struct err *e)
{
    switch (option) {
    case 'd':
        c->data_dir = optarg;
        return 0;
    case 'r':
        return add_rules(c, optarg, e);
    case 'i':
        return hunt_add_indicators(&c->hunt, span_of(optarg), &c->arena, e);
    case 'I':
        return add_list(c, optarg, e);
    case 's':
        c->hunt.search = span_of(optarg);
        return 0;
    case 'f':
        return take_time(optarg, &c->hunt.from, e);
    case 't':
        return take_time(optarg, &c->hunt.to, e);
    case 'o':
        c->hunt.organisation = span_of(optarg);
        return 0;
    case 'S':
        c->hunt.source = span_of(optarg);
        return 0;
    case 'w':
        c->why = span_of(optarg);
        return 0;
    case 'j':
        c->json = true;
        return 0;
    case 'q':
        c->quiet = true;
        return 0;
    default:
        return 0; /* none: the loop names what is no option */
    }
}

/* ---- who holds the data ---- */

/* The data folder as an absolute path; ERR_NOT_FOUND when there is none. */
static int find_data(const struct hunt_command *c, char out[PATH_MAX], struct err *e)
{
    const char *place = c->data_dir == NULL ? super_default_data() : c->data_dir;
    if (place == NULL || realpath(place, out) == NULL) {
        return err_set(e, ERR_NOT_FOUND, "%s: no data of a node", place == NULL ? "?" : place);
    }
    return 0;
}

/* Shares the lock for as long as this process lives, so that no node starts under us: 0; ERR_BUSY: a node has it. */
static int share_lock(const char *data_dir, struct err *e)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/lock", data_dir);
    int fd = n < (int)sizeof path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0) {
        return err_set_errno(e, ERR_NOT_FOUND, errno, "%s: no data of a node", data_dir);
    }
    if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
        (void)close(fd);
        return err_set(e, ERR_BUSY, "a node runs");
    }
    return 0;
}

static int run(struct hunt_command *c)
{
    struct err e = {0};
    struct buf document;
    char data_dir[PATH_MAX];
    buf_init(&document, 64 << 20);
    int rc = find_data(c, data_dir, &e);
    int held = rc == 0 ? share_lock(data_dir, &e) : rc;
    if (held == ERR_BUSY) {
        c->data_dir = data_dir;
        rc = hunt_ask_node(c, &document, &e);
    } else {
        rc = held != 0 ? held : hunt_here(c, data_dir, &document, &e);
    }
    hunt_end_progress();
    int status = CLI_UNREAD;
    if (rc != 0 && e.text[0] != '\0') { /* a refusal of the node was told in its words */
        cli_print_err(&e);
    } else if (rc == 0) {
        status = hunt_print(c, buf_view(&document));
    }
    buf_free(&document);
    return status;
}

/* -1: go on; else the exit status. */
static int take_options(struct hunt_command *c, int argc, char **argv)
{
    struct err e = {0};
    int option = 0;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "+:h", options, NULL)) >= 0) {
        if (option == '?' || option == ':') {
            return cli_bad_option(c->self, option, argv);
        }
        if (option == 'h') {
            return cli_help(c->self);
        }
        int rc = take_option(c, option, &e);
        if (rc == ERR_IO || rc == ERR_NOT_FOUND) {
            cli_print_err(&e);
            return CLI_UNREAD;
        }
        if (rc != 0) {
            return cli_usage(c->self, "%s%s%s", e.where, e.where[0] != '\0' ? ": " : "", e.text);
        }
    }
    c->hunt.rules = c->rules.data;
    c->hunt.nrules = (uint32_t)c->rules.len;
    if (optind < argc) {
        return cli_usage(c->self,
                         "\"%s\": what is looked for comes behind --rule, --indicator or --search",
                         argv[optind]);
    }
    if (hunt_check(&c->hunt, &e) != 0 || span_trim(c->why).len == 0) {
        return cli_usage(c->self, "%s", e.text[0] != '\0' ? e.text : "--why needs a reason");
    }
    return -1;
}

static int run_hunt(int argc, char **argv, const struct command *self)
{
    struct hunt_command c = {.self = self, .why = SPAN("sereno hunt, from the command line")};
    arena_init(&c.arena, 0);
    hunt_init(&c.hunt);
    int status = take_options(&c, argc, argv);
    status = status < 0 ? run(&c) : status;
    vec_free(&c.rules);
    arena_fini(&c.arena);
    return status;
}

const struct command cmd_hunt = {
    .name = "hunt",
    .summary = "look for rules, indicators or a search in what a node keeps",
    .help =
        "usage: sereno hunt [--data DIR] (--rule F | --indicator V | --search Q)... [--from T] [--to T]\n"
        "\n"
        "Looks in everything that the node with the data in DIR keeps. Asks the node when it\n"
        "runs; reads the data itself, in caged processes, when none does.\n"
        "\n"
        "  --rule F           a Sigma rule, or a folder of them (again for more)\n"
        "  --indicator V      an address, network, domain (*.D: with sub-domains), URL, hash or\n"
        "                     mail address; \"file NAME\", \"process NAME\", \"command TEXT\"; behind\n"
        "                     it \"until TIME\" when it is only valid so long (again for more)\n"
        "  --indicators FILE  a list of them, one a line; - is standard input\n"
        "  --search Q         words, \"several words\", field=value; * and ? as in Sigma; AND, OR,\n"
        "                     NOT, brackets\n"
        "  --from T, --to T   event time, from T on, before T; UTC: 2026-11-22 or\n"
        "                     2026-11-22T01:00:00Z\n"
        "  --organisation O, --source S   of this organisation, from this source only\n"
        "  --why TEXT         the reason, which the node keeps with the hunt\n"
        "  --data DIR         the node's data folder; default as for `sereno serve`\n"
        "  --json             the whole answer as JSON\n"
        "  --quiet            no progress\n"
        "\n"
        "Each rule and indicator is told as matched (with its records), clean (what it needs was\n"
        "read, and it was not there), not-covered (nothing of the kind was read) or\n"
        "rule-unsupported. Exit status 1: a rule was refused, or some of the data cannot be read.\n"
        "\n"
        "example: sereno hunt --indicator 203.0.113.7 --search 'user=root \"Failed password\"' --from 2026-11-01\n",
    .run = run_hunt,
};
