/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno scan`: options and set-up. Files are opened here and read by caged workers (scan_pool.c, scan_worker.c). */
#include "cli/scan.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/options.h"
#include "cli/paths.h"

enum { SCAN_SWITCHES_MAX = 256, SCAN_FOLDER_DEPTH = 16 };

struct scan_args {
    struct cli_paths paths;
    struct span switches[SCAN_SWITCHES_MAX];
    uint32_t nswitches;
    const char *manifest;
    int input; /* enum source_format or SCAN_GUESS */
};

static const struct option options[] = {
    CLI_PATHS_OPTIONS,
    {"switch", required_argument, NULL, 'w'},
    {"format", required_argument, NULL, 'f'},   {"manifest", required_argument, NULL, 'm'},
    {"input", required_argument, NULL, 'i'},    {"source", required_argument, NULL, 's'},
    {"jobs", required_argument, NULL, 'j'},     {"stats", no_argument, NULL, 't'},
    {"quiet", no_argument, NULL, 'q'},          {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool parse_output(struct scan *s, const char *word)
{
    static const char *const words[] = {"ndjson", "tsv", "table"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i]) == 0) {
            s->format = (enum scan_format)i;
            return true;
        }
    }
    return false;
}

/* One option; returns -1 to go on, else an exit status. */
static int take_option(struct scan *s, struct scan_args *a, int c)
{
    enum source_format f;
    uint64_t n;
    bool ok = true;
    switch (c) {
    case 'w':
        ok = a->nswitches < SCAN_SWITCHES_MAX;
        if (ok) {
            a->switches[a->nswitches++] = span_of(optarg);
        }
        break;
    case 'f':
        ok = parse_output(s, optarg);
        break;
    case 'm':
        a->manifest = optarg;
        break;
    case 'i':
        ok = source_format_parse(span_of(optarg), &f);
        a->input = ok ? (int)f : 0;
        break;
    case 's':
        s->source = optarg;
        break;
    case 'j':
        ok = num_u64(span_of(optarg), &n) && n >= 1 && n <= SCAN_WORKERS_MAX;
        s->jobs = ok ? (unsigned)n : 1;
        break;
    case 't':
        s->stats = true;
        break;
    case 'q':
        s->quiet = true;
        break;
    case 'h':
        return cli_help(s->self);
    default:
        ok = cli_paths_take(&a->paths, c, optarg) == 1;
        if (!ok) {
            return cli_usage(s->self, "too many folders");
        }
    }
    return ok ? -1 : cli_usage(s->self, "\"%s\" does not fit its option", optarg);
}

static void add_file(struct scan *s, const char *name, const char *path, int32_t declared, int format)
{
    struct stat st;
    struct scan_file f = {.name = arena_strdup(&s->arena, name), .path = arena_strdup(&s->arena, path),
                          .declared = declared, .format = (uint8_t)format, .parts = 1};
    f.size = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    arena_init(&f.arena, 4096);
    vec_push(&s->files, f);
}

static int visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static void add_path(struct scan *s, const char *path, int format, int depth)
{
    struct stat st;
    struct dirent **names = NULL;
    if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISDIR(st.st_mode) ||
        depth > SCAN_FOLDER_DEPTH) {
        add_file(s, path, path, -1, format);
        return;
    }
    int n = scandir(path, &names, visible, alphasort);
    for (int i = 0; i < n; i++) {
        add_path(s, arena_printf(&s->arena, "%s/%s", path, names[i]->d_name), format, depth + 1);
        mem_free(names[i]);
    }
    mem_free(names);
}

static void add_manifest_entry(struct scan *s, const struct manifest_entry *m)
{
    if (m->declared < 0) {
        (void)fprintf(stderr, "sereno: %s: files of format \"%.*s\" are not read by this version\n",
                      m->dataset, SPAN_ARG(m->format));
        s->unread = true;
        return;
    }
    add_file(s, m->dataset, m->path, m->declared, SCAN_GUESS);
}

static int add_files(struct scan *s, struct scan_args *a, const struct manifest *m, int argc,
                     char **argv)
{
    if (a->manifest == NULL && argc == 0) {
        return cli_usage(s->self, "name a file, a folder, \"-\" for standard input, or --manifest");
    }
    for (size_t i = 0; a->manifest != NULL && argc == 0 && i < m->entries.len; i++) {
        add_manifest_entry(s, &m->entries.data[i]);
    }
    for (int i = 0; i < argc; i++) {
        const struct manifest_entry *entry =
            a->manifest == NULL ? NULL : manifest_find(m, argv[i]);
        if (entry != NULL) {
            add_manifest_entry(s, entry);
        } else if (a->manifest != NULL) {
            (void)fprintf(stderr, "sereno: %s: not in the manifest\n", argv[i]);
            s->unread = true;
        } else {
            add_path(s, argv[i], a->input, 0);
        }
    }
    for (size_t i = 0; i < s->files.len && a->manifest != NULL; i++) {
        struct scan_file *f = &s->files.data[i];
        f->format = (uint8_t)m->declared.data[f->declared].format;
    }
    return -1;
}

static int compile(struct scan *s, struct scan_args *a, const struct manifest *m, struct err *e)
{
    struct compile_options co = {.declared = m->declared.data, .ndeclared = (uint32_t)m->declared.len,
                                 .switches = a->switches, .nswitches = a->nswitches};
    int rc = cli_paths_load(&a->paths, &s->engine, e);
    rc = rc == 0 ? engine_compile(&s->engine, &co, e) : rc;
    if (rc == 0 && engine_print_refused(&s->engine) > 0) {
        s->unread = true;
    }
    return rc;
}

static int scan_all(struct scan *s, struct err *e)
{
    time_ns start = clock_mono();
    bool people = isatty(STDOUT_FILENO) != 0 && s->format == SCAN_TABLE;
    if (people || s->stats) {
        s->summary = scan_summary_new();
    }
    s->explain = s->format != SCAN_TSV;
    int rc = scan_run(s, e);
    if (s->summary != NULL) {
        (void)fflush(stdout);
        scan_summary_print(s, people ? stdout : stderr, (double)(clock_mono() - start) / 1e9);
    }
    if (fflush(stdout) != 0 && rc == 0) {
        rc = err_set_errno(e, ERR_IO, errno, "standard output");
    }
    return rc;
}

static void scan_free(struct scan *s)
{
    for (size_t i = 0; i < s->files.len; i++) {
        vec_free(&s->files.data[i].alerts);
        arena_fini(&s->files.data[i].arena);
    }
    vec_free(&s->files);
    vec_free(&s->inputs);
    scan_summary_free(&s->summary);
    engine_free(&s->engine);
    arena_fini(&s->arena);
}

static int run_scan(struct scan *s, struct scan_args *a, int argc, char **argv)
{
    struct manifest m;
    struct err e = {0};
    int status = CLI_OK;
    int rc = 0;
    memset(&m, 0, sizeof m);
    arena_init(&m.arena, 0);
    if (a->manifest != NULL) {
        manifest_free(&m);
        rc = manifest_read(&m, a->manifest, &e);
    }
    if (rc == 0) {
        status = add_files(s, a, &m, argc, argv);
        if (status < 0) {
            rc = compile(s, a, &m, &e);
            rc = rc == 0 ? scan_all(s, &e) : rc;
            status = s->unread ? CLI_UNREAD : CLI_OK;
        }
    }
    if (rc != 0) {
        cli_print_err(&e);
        status = CLI_UNREAD;
    }
    manifest_free(&m);
    return status;
}

static int scan_main(int argc, char **argv, const struct command *self)
{
    struct scan s = {.self = self, .source = ""};
    static struct scan_args a; /* large; one per process */
    a.input = SCAN_GUESS;
    cpu_set_t cpus;
    s.format = isatty(STDOUT_FILENO) != 0 ? SCAN_TABLE : SCAN_NDJSON;
    s.jobs = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
    s.jobs = s.jobs > SCAN_WORKERS_MAX ? SCAN_WORKERS_MAX : s.jobs;
    arena_init(&s.arena, 0);
    engine_init(&s.engine);
    int status = -1;
    opterr = 0;
    optind = 1;
    for (int c; status < 0 && (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        status = c == '?' || c == ':' ? cli_bad_option(self, c, argv) : take_option(&s, &a, c);
    }
    if (status < 0) {
        status = run_scan(&s, &a, argc - optind, argv + optind);
    }
    scan_free(&s);
    return status;
}

const struct command cmd_scan = {
    .name = "scan",
    .summary = "try every rule on log files and print what matches",
    .help =
        "usage: sereno scan [OPTION...] FILE...\n"
        "       sereno scan [OPTION...] --manifest LIST.json [DATASET...]\n\n"
        "Reads logs (NDJSON, JSON arrays, concatenated JSON, text, web access logs, auditd, Zeek TSV and JSON, Windows\n"
        "event logs (EVTX); also .gz and .zst; folders; - for standard input), tries every rule on every record, prints the matches in the order of\n"
        "files, records and rule ids. Records are parsed by sandboxed workers, one per core.\n\n"
        "  --rules DIR        Sigma rules (a file or folder; repeatable; default: the rules shipped)\n"
        "  --sources DIR      descriptions of log sources (default: those shipped)\n"
        "  --placeholders F   values for %name% in rules: a file named after it, one value per line (repeatable)\n"
        "  --switch NAME=on   turns a switch of a source on or off\n"
        "  --input FORMAT     json, text, web, auditd, zeek, zeekjson, syslog, evtx (default: by the first bytes)\n"
        "  --source NAME      read every file as this source of --sources (default: by content)\n"
        "  --manifest LIST    a JSON list of {dataset, format, product, category, service}: each entry is the whole truth\n"
        "  --format F         table (default on a terminal), ndjson (default elsewhere), tsv: FILE, record, rule id\n"
        "  --stats            a summary on standard error: rules, hosts, timeline\n"
        "  --jobs N           workers (default: the cores of this machine)\n"
        "  --quiet            no progress bar\n\n"
        "Exit status: 0 fine, 1 a file, record or rule could not be read, 2 wrong use.\n\n"
        "example: sereno scan --stats /var/log/auth.log /var/log/nginx\n",
    .run = scan_main,
};
