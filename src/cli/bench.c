/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno bench`: options and printing; of parse and detect here, of the others in a file each. Inputs are unpacked into memory before the clock starts; the work runs in a caged child; medians of several rounds.
 */
#include "cli/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/bench_archive.h"
#include "cli/bench_correlate.h"
#include "cli/bench_e2e.h"
#include "cli/bench_receive.h"
#include "cli/child.h"
#include "cli/options.h"
#include "cli/paths.h"
#include "wire/json_write.h"

static const struct option options[] = {
    CLI_PATHS_OPTIONS,
    {"feed", required_argument, NULL, 'F'},   {"seed", required_argument, NULL, 's'},
    {"rounds", required_argument, NULL, 'n'}, {"reference", no_argument, NULL, 'R'},
    {"only", required_argument, NULL, 'o'},   {"vary", required_argument, NULL, 'v'},
    {"unique", no_argument, NULL, 'u'},       {"double", no_argument, NULL, 'd'},
    {"cores", required_argument, NULL, 'c'},  {"rate", required_argument, NULL, 'e'},
    {"hosts", required_argument, NULL, 'H'},  {"level", required_argument, NULL, 'l'},
    {"connections", required_argument, NULL, 'C'},
    {"seconds", required_argument, NULL, 't'}, {"events", required_argument, NULL, 'E'},
    {"json", no_argument, NULL, 'J'},         {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

enum { RECEIVE_SECONDS = 5 /* of each case */ };
#define DOUBLE_SEED UINT64_C(0x5e2e90)

struct bench_args {
    struct bench_options o;
    struct cli_paths paths;
    bool json;
    bool reference;
    bool doubled;
};

/* Options that are a number: where it goes, and what it may be. */
static const struct number_option {
    int letter;
    bool wide; /* uint64_t, else unsigned */
    size_t at; /* in struct bench_options */
    uint64_t min, max;
} numbers[] = {
    {'s', true, offsetof(struct bench_options, seed), 0, UINT64_MAX},
    {'n', false, offsetof(struct bench_options, rounds), 1, BENCH_ROUNDS_MAX},
    {'v', true, offsetof(struct bench_options, vary), 1, BENCH_VARY_MAX},
    {'c', false, offsetof(struct bench_options, cores), 1, BENCH_CORES_MAX},
    {'C', false, offsetof(struct bench_options, connections), 1, BENCH_CONNECTIONS_MAX},
    {'e', true, offsetof(struct bench_options, rate), 1, BENCH_RATE_MAX},
    {'H', true, offsetof(struct bench_options, hosts), 1, BENCH_HOSTS_MAX},
    {'l', false, offsetof(struct bench_options, level), 1, BENCH_LEVEL_MAX},
    {'t', false, offsetof(struct bench_options, seconds), 1, BENCH_SECONDS_MAX},
    {'E', true, offsetof(struct bench_options, events), 1, BENCH_EVENTS_MAX},
};

/* 1 taken, 0 no such option, -1 does not fit. */
static int take_number(struct bench_options *o, int c)
{
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        const struct number_option *n = &numbers[i];
        uint64_t value = 0;
        if (n->letter != c) {
            continue;
        }
        if (!num_u64(span_of(optarg), &value) || value < n->min || value > n->max) {
            return -1;
        }
        unsigned narrow = (unsigned)value;
        memcpy((char *)o + n->at, n->wide ? (const void *)&value : (const void *)&narrow, n->wide ? sizeof value : sizeof narrow);
        return 1;
    }
    return 0;
}

static int take_option(const struct command *self, struct bench_args *a, int c)
{
    int number = take_number(&a->o, c);
    bool ok = number >= 0;
    if (number > 0) {
        return -1;
    }
    switch (number < 0 ? 0 : c) {
    case 0:
        break;
    case 'F':
        a->o.interleaved = strcmp(optarg, "interleaved") == 0;
        ok = a->o.interleaved || strcmp(optarg, "contiguous") == 0;
        break;
    case 'R':
        a->reference = true;
        break;
    case 'o':
        a->o.only = optarg;
        break;
    case 'u':
        a->o.unique = true;
        break;
    case 'd':
        a->doubled = true;
        break;
    case 'J':
        a->json = true;
        break;
    case 'h':
        return cli_help(self);
    default:
        ok = cli_paths_take(&a->paths, c, optarg) == 1;
        if (!ok) {
            return cli_usage(self, "too many folders");
        }
    }
    return ok ? -1 : cli_usage(self, "\"%s\" does not fit its option", optarg);
}

/* Model name of the processor, from the kernel's own list. */
static void cpu_name(char *out, size_t size)
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "re");
    (void)snprintf(out, size, "unknown");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            struct span name = span_trim(span_of(colon + 1));
            (void)snprintf(out, size, "%.*s", SPAN_ARG(name));
            break;
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
}

static const char *build_name(void)
{
#ifdef __OPTIMIZE__
    return "portable x86-64, " __VERSION__;
#else
    return "unoptimised, " __VERSION__;
#endif
}

static void print_json(const struct bench_args *a, const struct bench_result *r, const char *cpu)
{
    struct buf b;
    struct json_writer j;
    bool detect = a->o.what == BENCH_DETECT;
    const struct bench_figure *f = detect ? &r->detect : &r->parse;
    buf_init(&b, 65536);
    json_writer_init(&j, &b);
    json_object(&j);
    json_key(&j, "bench");
    json_text(&j, detect ? SPAN("detect") : SPAN("parse"));
    json_key(&j, "feed");
    json_text(&j, a->o.interleaved ? SPAN("interleaved") : SPAN("contiguous"));
    json_key(&j, "build");
    json_text(&j, span_of(build_name()));
    json_key(&j, "cpu");
    json_text(&j, span_of(cpu));
    json_key(&j, "cores");
    json_u64(&j, a->o.cores);
    json_key(&j, "events");
    json_u64(&j, r->events);
    json_key(&j, "bytes");
    json_u64(&j, r->bytes);
    json_key(&j, "events_per_s");
    json_double(&j, f->cpu_s > 0 ? (double)r->events / f->cpu_s : 0);
    json_key(&j, "bytes_per_s");
    json_double(&j, f->cpu_s > 0 ? (double)r->bytes / f->cpu_s : 0);
    json_key(&j, "cpu_s");
    json_double(&j, f->cpu_s);
    json_key(&j, "wall_s");
    json_double(&j, f->wall_s);
    json_key(&j, "best_cpu_s");
    json_double(&j, f->best_s);
    json_key(&j, "peak_rss");
    json_u64(&j, r->peak_rss);
    json_key(&j, "ratio");
    json_double(&j, r->parse.cpu_s > 0 ? f->cpu_s / r->parse.cpu_s : 1);
    if (detect) {
        json_key(&j, "rules");
        json_u64(&j, r->rules);
        json_key(&j, "matches");
        json_u64(&j, r->matches);
        json_key(&j, "candidates");
        json_u64(&j, r->candidates);
        json_key(&j, "parse_events_per_s");
        json_double(&j, r->parse.cpu_s > 0 ? (double)r->events / r->parse.cpu_s : 0);
    }
    json_key(&j, "rounds");
    json_u64(&j, a->o.rounds);
    json_end(&j);
    (void)printf("%.*s\n", (int)b.len, b.data);
    buf_free(&b);
}

static void print_text(const struct bench_args *a, const struct bench_result *r, const char *cpu)
{
    const struct bench_figure *rows[] = {&r->parse, &r->detect};
    const char *names[] = {"parse", "detect"};
    (void)printf("%llu events, %.1f MB, %s feed, seed %llu, %u core%s of %s, medians of %u rounds\n",
                 (unsigned long long)r->events, (double)r->bytes / 1e6,
                 a->o.interleaved ? "interleaved" : "contiguous", (unsigned long long)a->o.seed,
                 a->o.cores, a->o.cores == 1 ? "" : "s", cpu, a->o.rounds);
    for (size_t i = 0; i < (a->o.what == BENCH_DETECT ? 2u : 1u); i++) {
        (void)printf("  %-7s %10.0f events/s %8.1f MB/s  cpu %.3f s (best %.3f)  wall %.3f s  %.2f x the cost of parse\n",
                     names[i], (double)r->events / rows[i]->cpu_s,
                     (double)r->bytes / rows[i]->cpu_s / 1e6, rows[i]->cpu_s, rows[i]->best_s, rows[i]->wall_s,
                     rows[i]->cpu_s / r->parse.cpu_s);
    }
    if (a->o.what == BENCH_DETECT) {
        (void)printf("  %llu rules, %llu matches, %.2f candidates per event\n",
                     (unsigned long long)r->rules, (unsigned long long)r->matches,
                     (double)r->candidates / (double)(r->events == 0 ? 1 : r->events));
    }
    (void)printf("  peak memory %.1f MB\n", (double)r->peak_rss / 1e6);
}

struct bench_job {
    const struct bench_options *o;
    const struct engine *en;
};

static void child(void *arg, int out)
{
    const struct bench_job *job = arg;
    bench_child(job->o, job->en, out);
}

static int run_child(struct bench_args *a, const struct engine *en, struct bench_result *r,
                     struct err *e)
{
    struct buf answer;
    int status = 0;
    struct bench_job job = {&a->o, en};
    buf_init(&answer, 1 << 20);
    int rc = cli_child(child, &job, "the measuring process", &answer, &status, e);
    if (rc == 0 && (answer.len != sizeof *r || status != 0)) {
        rc = err_set(e, ERR_IO, "the measuring process ended early (status %d)", status);
    }
    if (rc == 0) {
        memcpy(r, answer.data, sizeof *r);
        r->error[sizeof r->error - 1] = '\0';
        rc = r->error[0] == '\0' ? 0 : err_set(e, ERR_INVALID, "%s", r->error);
    }
    buf_free(&answer);
    return rc;
}

static int measure(const struct command *self, struct bench_args *a, int argc, char **argv)
{
    struct engine en;
    struct bench_result r = {0};
    struct err e = {0};
    char cpu[128];
    struct compile_options co = {.reference = a->reference, .double_seed = a->doubled ? DOUBLE_SEED : 0};
    VEC(int) fds = {0};
    if (argc == 0) {
        return cli_usage(self, "name the log files to measure on");
    }
    engine_init(&en);
    int rc = cli_paths_load(&a->paths, &en, &e);
    rc = rc == 0 ? engine_compile(&en, &co, &e) : rc;
    size_t refused = rc == 0 ? engine_print_refused(&en) : 0;
    for (int i = 0; i < argc && rc == 0; i++) {
        int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            rc = err_set_errno(&e, ERR_IO, errno, "%s", argv[i]);
        } else {
            vec_push(&fds, fd);
        }
    }
    a->o.fds = fds.data;
    a->o.nfds = fds.len;
    cpu_name(cpu, sizeof cpu);
    const struct bench_text text = {cpu, build_name(), a->json};
    if (rc == 0 && a->o.what == BENCH_ARCHIVE) {
        rc = bench_archive(&a->o, &en, &text, &e);
    } else if (rc == 0 && a->o.what == BENCH_E2E) {
        rc = bench_e2e(&a->o, &en, &text, a->paths.list[BUNDLE_RULE], a->paths.count[BUNDLE_RULE], &e);
    } else if (rc == 0 && a->o.what == BENCH_HUNT) {
        rc = bench_hunt(&a->o, &en, &text, a->paths.list[BUNDLE_RULE], a->paths.count[BUNDLE_RULE], &e);
    } else if (rc == 0) {
        rc = run_child(a, &en, &r, &e);
        if (rc == 0) {
            (a->json ? print_json : print_text)(a, &r, cpu);
        }
    }
    if (rc != 0) {
        cli_print_err(&e);
    }
    for (size_t i = 0; i < fds.len; i++) {
        (void)close(fds.data[i]);
    }
    vec_free(&fds);
    engine_free(&en);
    return rc == 0 && refused == 0 ? CLI_OK : CLI_UNREAD;
}

static const char *const kinds[] = {
    [BENCH_PARSE] = "parse", [BENCH_DETECT] = "detect", [BENCH_E2E] = "e2e", [BENCH_ARCHIVE] = "archive", [BENCH_HUNT] = "hunt"};

static int receive(const struct command *self, struct bench_args *a, int nfiles)
{
    struct err e = {0};
    char cpu[128];
    if (nfiles > 0) {
        return cli_usage(self, "receive makes its own messages: no FILE");
    }
    cpu_name(cpu, sizeof cpu);
    const struct bench_text text = {cpu, build_name(), a->json};
    a->o.seconds = a->o.seconds == 0 ? RECEIVE_SECONDS : a->o.seconds;
    if (bench_receive(&a->o, &text, &e) != 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    return CLI_OK;
}

static int bench_main(int argc, char **argv, const struct command *self)
{
    static struct bench_args a; /* large; one per process */
    a.o = (struct bench_options){.rounds = 5, .cores = 1, .connections = BENCH_CONNECTIONS, .seed = 1, .interleaved = true, .level = BENCH_LEVEL};
    int status = -1;
    opterr = 0;
    optind = 1;
    for (int c; status < 0 && (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        status = c == '?' || c == ':' ? cli_bad_option(self, c, argv) : take_option(self, &a, c);
    }
    if (status >= 0) {
        return status;
    }
    const char *what = optind < argc ? argv[optind++] : "";
    if (strcmp(what, "correlate") == 0) {
        return optind < argc ? cli_usage(self, "correlate makes its own events: no FILE")
                             : bench_correlate(a.o.seed, a.o.rounds, a.json);
    }
    if (strcmp(what, "receive") == 0) {
        return receive(self, &a, argc - optind);
    }
    size_t kind = 0;
    while (kind < ARRAY_LEN(kinds) && strcmp(what, kinds[kind]) != 0) {
        kind++;
    }
    if (kind == ARRAY_LEN(kinds)) {
        return cli_usage(self, "say what to measure: parse, detect, e2e, receive, archive, hunt or correlate");
    }
    a.o.what = (enum bench_what)kind;
    if (kind >= BENCH_ARCHIVE && a.o.cores > 1) {
        return cli_usage(self, "--cores is of parse, detect and e2e");
    }
    return measure(self, &a, argc - optind, argv + optind);
}

const struct command cmd_bench = {
    .name = "bench",
    .summary = "measure how fast this machine reads and detects",
    .help = "usage: sereno bench parse|detect|e2e|archive|hunt [OPTION...] FILE...\n"
            "       sereno bench correlate [--seed N] [--rounds N] [--json]\n"
            "       sereno bench receive [--seconds N | --events N] [--rate N] [--json]\n\n"
            "parse: JSON records into slots. detect: every rule on every record, reading included; parse is measured in\n"
            "the same run and `ratio` is the cost of one to the other. CPU time of the measuring processes.\n"
            "e2e: a whole node below TMPDIR (default /var/tmp): JSON records over POST /ingest until every one is acked, which is durable, and\n"
            "counted in the archive. CPU time of each role; the sender's apart. receive: syslog messages by UDP, lines by TCP, received and\n"
            "framed by a node's own receivers: how many in a second of the receiver's CPU time, and that what was dropped is counted.\n"
            "archive: into day files below TMPDIR (default /var/tmp), as a node keeps them: bytes and CPU time of an event, before\n"
            "and after merging. hunt: bytes of original log that a second of CPU time looks through, for indicators, with and\n"
            "without token filters, and with --rules for all of those (1,000 at most); `sereno hunt` itself, its start taken off.\n"
            "correlate: matches into one correlation of each type, with one group and many; the events are made.\n\n"
            "  --rules DIR      Sigma rules (repeatable; default: the rules shipped)\n"
            "  --sources DIR    descriptions of log sources (default: those shipped)\n"
            "  --feed F         interleaved (records of all files shuffled, of event log files chunks; default) or contiguous\n"
            "  --seed N         of the shuffle (default 1)\n"
            "  --rounds N       rounds whose median is told (default 5)\n"
            "  --only CATEGORY  only events of this category of log source (process_creation)\n"
            "  --vary N         N events made from the real ones: digits, long hex numbers and some words of their values\n"
            "                   changed by the seed\n"
            "  --unique         every value made different from all others: what is remembered of values is worth nothing\n"
            "  --double         every rule a second time, with every letter of its strings changed by a fixed seed\n"
            "  --cores N        N processes at once, each on its share; cpu is the sum, wall of the longest (default 1); e2e: N intakes on N cores\n"
            "  --connections N  e2e: of the sender to each core, each with one batch on its way (default 8)\n"
            "  --rate N         N events a second; archive, hunt: a window every 200 ms (default: windows always full)\n"
            "  --seconds N      e2e: the feed again and again, for N seconds (default: once); receive: each case (default 5)\n"
            "  --events N       e2e, receive: at least N events and no more than the last batch over; receive: exactly N\n"
            "  --hosts N        archive, hunt: N hosts in turn, whose names are made (default: those of the records)\n"
            "  --level N        archive, hunt: of zstd, as windows are packed (default 1, as in a node)\n"
            "  --reference      every rule on every event, no plan: what an index is worth\n"
            "  --json           one JSON object\n\n"
            "example: sereno bench detect --rules sigma/rules --json logs/*.ndjson.zst\n",
    .run = bench_main,
};
