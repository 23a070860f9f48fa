/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno rules check|explain`: what loads, what does not and why, and what a rule asks in plain words. */
#include <stdio.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/paths.h"
#include "cli/rules_cost.h"
#include "cli/rules_learn.h"
#include "flow/detect/sigma_explain.h"
#include "base/num.h"
#include "os/sandbox.h"
#include "records/rule_cost.h"
#include "wire/json_write.h"

enum { EXPLAIN_MAX_BYTES = 4 * 1024 * 1024 };

struct rules_args {
    struct cli_paths paths;
    bool json, warnings, values;
    struct rules_cost_args cost;
    const char *wanted; /* explain: id, title or file ending; "" = all */
};

static const struct option options[] = {
    CLI_PATHS_OPTIONS,
    {"json", no_argument, NULL, 'J'},
    {"warnings", no_argument, NULL, 'W'},
    {"values", no_argument, NULL, 'V'},
    {"data", required_argument, NULL, 'D'},
    {"sort", required_argument, NULL, 'o'},
    {"limit", required_argument, NULL, 'L'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void put_list(struct json_writer *j, const char *key, const struct engine_refused *list,
                     size_t n)
{
    json_key(j, key);
    json_array(j);
    for (size_t i = 0; i < n; i++) {
        json_object(j);
        json_key(j, "file");
        json_text(j, list[i].file);
        json_key(j, "line");
        json_u64(j, list[i].line);
        json_key(j, "reason");
        json_text(j, list[i].reason);
        json_end(j);
    }
    json_end(j);
}

static void check_json(const struct engine *en)
{
    struct buf b;
    struct json_writer j;
    buf_init(&b, 64 * 1024 * 1024);
    json_writer_init(&j, &b);
    json_object(&j);
    json_key(&j, "loaded");
    json_u64(&j, en->rules + en->correlations);
    json_key(&j, "rules");
    json_u64(&j, en->rules);
    json_key(&j, "correlations");
    json_u64(&j, en->correlations);
    json_key(&j, "filters");
    json_u64(&j, en->filters);
    json_key(&j, "without_source");
    json_u64(&j, en->unreachable);
    json_key(&j, "seconds");
    json_double(&j, en->seconds);
    json_key(&j, "bytes");
    json_u64(&j, en->region_bytes);
    put_list(&j, "refused", en->refused.data, en->refused.len);
    put_list(&j, "warnings", en->warnings.data, en->warnings.len);
    json_end(&j);
    (void)printf("%.*s\n", (int)b.len, b.data);
    buf_free(&b);
}

static int run_check(struct rules_args *a)
{
    struct engine en;
    struct err e = {0};
    struct compile_options co = {0};
    int status = CLI_OK;
    engine_init(&en);
    int rc = cli_paths_load(&a->paths, &en, &e);
    rc = rc == 0 ? engine_compile(&en, &co, &e) : rc;
    if (rc != 0) {
        cli_print_err(&e);
        status = CLI_UNREAD;
    } else {
        size_t refused = en.bundle.problems.len + en.refused.len;
        if (a->json) {
            check_json(&en);
        } else {
            (void)engine_print_refused(&en);
            engine_print_warnings(&en, a->warnings ? SIZE_MAX : 0);
            (void)printf("%u loaded (%u rules, %u correlations), %zu refused, %u filters applied, "
                         "%zu warnings; %u rules wait for a log source that no source gives; %.2f s\n",
                         en.rules + en.correlations, en.rules, en.correlations, refused, en.filters,
                         en.warnings.len, en.unreachable, en.seconds);
        }
        status = refused > 0 ? CLI_UNREAD : CLI_OK;
    }
    engine_free(&en);
    return status;
}

static bool is_wanted(const struct sigma_rule *r, struct span wanted)
{
    return wanted.len == 0 || span_eq_nocase(r->id, wanted) || span_eq_nocase(r->title, wanted) ||
           (r->name.len > 0 && span_eq_nocase(r->name, wanted)) || span_ends(r->file, wanted);
}

struct explain_job {
    const struct engine *en;
    const char *wanted;
};

/* The caged child: loads and writes its words to `out`; exit status 0 told something, 1 nothing found. */
static void explain_child(void *arg, int out)
{
    const struct explain_job *job = arg;
    const struct engine *en = job->en;
    const char *wanted = job->wanted;
    struct err e = {0};
    struct buf b;
    struct compile_report report;
    struct compile_options co = {.rules_only = true};
    size_t told = 0;
    buf_init(&b, EXPLAIN_MAX_BYTES);
    int rc = sandbox_enter(SANDBOX_SCAN_COMPILER, &e);
    rc = rc == 0 ? compile_bundle(&en->bundle, &co, NULL, NULL, &report, &e) : rc;
    if (rc != 0) {
        (void)fprintf(stderr, "sereno: %s\n", e.text);
        _exit(3);
    }
    for (size_t i = 0; i < report.set->rules.len; i++) {
        if (is_wanted(report.set->rules.data[i], span_of(wanted))) {
            sigma_explain_rule(&b, report.set->rules.data[i], 0);
            told++;
        }
    }
    for (size_t i = 0; i < report.set->correlations.len; i++) {
        if (is_wanted(&report.set->correlations.data[i]->meta, span_of(wanted))) {
            sigma_explain_correlation(&b, report.set, report.set->correlations.data[i]);
            told++;
        }
    }
    for (size_t i = 0; i < report.set->refused.len; i++) {
        const struct sigma_refused *r = &report.set->refused.data[i];
        if (wanted[0] == '\0' || span_ends(r->file, span_of(wanted))) {
            buf_printf(&b, "%.*s:%u: not loaded: %.*s\n", SPAN_ARG(r->file), r->line,
                       SPAN_ARG(r->reason));
            told++;
        }
    }
    cli_child_write(out, buf_view(&b));
    _exit(told > 0 ? 0 : 1);
}

/* Prints what the child says, made safe line by line. */
static void print_answer(struct span rest)
{
    struct buf safe;
    buf_init(&safe, 4 * EXPLAIN_MAX_BYTES);
    while (rest.len > 0) {
        ptrdiff_t nl = span_find(rest, '\n');
        size_t n = nl < 0 ? rest.len : (size_t)nl;
        cli_put_safe(&safe, span_sub(rest, 0, n));
        buf_u8(&safe, '\n');
        rest = span_sub(rest, n + 1, rest.len);
    }
    (void)fwrite(safe.data, 1, safe.len, stdout);
    buf_free(&safe);
}

static int run_explain(struct rules_args *a)
{
    struct engine en;
    struct err e = {0};
    struct buf answer;
    int status = 3;
    engine_init(&en);
    buf_init(&answer, EXPLAIN_MAX_BYTES + (1 << 20));
    struct explain_job job = {&en, a->wanted};
    int rc = cli_paths_load(&a->paths, &en, &e);
    rc = rc == 0 ? cli_child(explain_child, &job, "the reader of the rules", &answer, &status, &e) : rc;
    print_answer(buf_view(&answer));
    if (rc != 0) {
        cli_print_err(&e);
    } else if (status == 1) {
        (void)fprintf(stderr, "sereno: no rule with the id, title or file \"%s\"\n", a->wanted);
    }
    buf_free(&answer);
    engine_free(&en);
    return rc == 0 && status == 0 ? CLI_OK : CLI_UNREAD;
}

static int take_option(const struct command *self, struct rules_args *a, int c)
{
    switch (c) {
    case 'J':
        a->json = true;
        break;
    case 'W':
        a->warnings = true;
        break;
    case 'V':
        a->values = true;
        break;
    case 'D':
        a->cost.data_dir = optarg;
        break;
    case 'o':
        a->cost.sort = optarg;
        if (!rule_cost_order_parse(span_of(optarg), &(enum rule_cost_order){COST_BY_NS})) {
            return cli_usage(self, "--sort takes ns, candidates, hits or events");
        }
        break;
    case 'L': {
        uint64_t n = 0;
        if (!num_u64(span_of(optarg), &n) || n == 0 || n > RULE_COST_LIST_MAX) {
            return cli_usage(self, "--limit takes a number up to %d", (int)RULE_COST_LIST_MAX);
        }
        a->cost.limit = (unsigned)n;
        break;
    }
    case 'h':
        return cli_help(self);
    default:
        return cli_paths_take(&a->paths, c, optarg) == 1 ? -1 : cli_usage(self, "too many folders");
    }
    return -1;
}

static int rules_main(int argc, char **argv, const struct command *self)
{
    static struct rules_args a; /* large; one per process */
    a.cost = (struct rules_cost_args){.sort = "ns", .limit = 20};
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
    if (strcmp(what, "check") == 0) {
        for (; optind < argc; optind++) {
            if (!cli_paths_add(&a.paths, BUNDLE_RULE, argv[optind])) {
                return cli_usage(self, "too many folders");
            }
        }
        return run_check(&a);
    }
    if (strcmp(what, "explain") == 0 && optind < argc) {
        /* A file or folder explains all that is in it; anything else is an id, a title or a file's ending. */
        if (access(argv[optind], R_OK) == 0 && a.paths.count[BUNDLE_RULE] == 0) {
            (void)cli_paths_add(&a.paths, BUNDLE_RULE, argv[optind]);
            a.wanted = "";
        } else {
            a.wanted = argv[optind];
        }
        return run_explain(&a);
    }
    if (strcmp(what, "cost") == 0 && optind == argc) {
        a.cost.json = a.json;
        return rules_cost(&a.cost);
    }
    if (strcmp(what, "resume") == 0 && optind + 1 == argc) {
        return rules_resume(a.cost.data_dir, argv[optind]);
    }
    if (strcmp(what, "learn") == 0) {
        return rules_learn(&a.paths, argv + optind, (size_t)(argc - optind), a.values);
    }
    return cli_usage(self, "say what to do: check DIR..., explain ID|TITLE|FILE, cost, resume ID, or learn FILE...");
}

const struct command cmd_rules = {
    .name = "rules",
    .summary = "check which rules load, explain what one asks, show what each costs",
    .help = "usage: sereno rules check [OPTION...] [DIR...]\n"
            "       sereno rules explain [OPTION...] ID|TITLE|FILE\n"
            "       sereno rules cost [--data DIR] [--sort ns|candidates|hits|events] [--limit N] [--json]\n"
            "       sereno rules resume ID [--data DIR]\n"
            "       sereno rules learn [--rules DIR] [--sources DIR] [--values] FILE... >frequencies.tsv\n\n"
            "check loads and compiles all rules below DIR (default: the rules shipped) and names each one that cannot be\n"
            "loaded: file, line, reason. explain says in plain words what a rule asks.\n"
            "cost shows what each rule has cost on a node, most first: events of its kind, of these evaluated (candidates),\n"
            "hits, time. It asks the running node, or reads the records when none runs. A rule that used more of a core than\n"
            "one rule may is stopped and shown with the reason; resume has the node evaluate it again.\n\n"
            "learn reads logs and writes how often texts are met in which field (docs/SOURCES.md): put below DATA/sources it helps\n"
            "the node to look for what is rare in your logs first. --values lists whole values too, which may name people.\n\n"
            "  --rules DIR         explain: where to look (repeatable; default: the rules shipped)\n"
            "  --sources DIR       check: descriptions of log sources (default: those shipped)\n"
            "  --placeholders F    values for %name% in rules (repeatable)\n"
            "  --warnings          check: print warnings too\n"
            "  --data DIR          cost, resume: the node's data (default: as for serve)\n"
            "  --json              check, cost: JSON\n\n"
            "Exit status: 0 all loaded, 1 some refused, 2 wrong use.\n\n"
            "example: sereno rules check sigma/rules && sereno rules explain \"SSH brute force\"\n"
            "         sereno rules cost --sort candidates --limit 10\n",
    .run = rules_main,
};
