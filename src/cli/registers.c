/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno registers`: tables of records out of and into the running node, over its control socket. What the node says of rows and
 * fields is told as FILE:ROW: field: why. Nothing of a table is parsed here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/options.h"
#include "cli/registers_diff.h"
#include "cli/registers_on.h"
#include "cli/table_file.h"
#include "wire/jcs.h"

enum { PATH_MAX_BYTES = 8192 };

struct table_command {
    const char *data, *kind, *file, *why, *organisation, *out, *profile, *encoding, *dir;
    bool apply, skip, json, semicolon, weaker;
};

/* The address of a kind; more of it follows. */
static void begin_path(struct buf *b, const struct table_command *t)
{
    buf_init(b, PATH_MAX_BYTES);
    buf_cstr(b, "/api/v1/registers/");
    table_file_escaped(b, t->kind);
}

/* Ends the address and asks. CLI_DONE_NOT: the answer is there; else what went wrong was said. */
static int ask(const struct table_command *t, const char *method, struct buf *path, const char *type, struct span body, struct control_answer *a)
{
    struct err e = {0};
    buf_u8(path, 0);
    int rc = path->failed ? err_set(&e, ERR_LIMIT, "that is too long") : control_send(t->data, method, path->data, type, body, a, &e);
    buf_free(path);
    if (rc < 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    return CLI_DONE_NOT;
}

/* ---- out ---- */

static int write_all(FILE *to, struct span s)
{
    return fwrite(s.ptr, 1, s.len, to) == s.len ? CLI_DONE_NOT : CLI_UNREAD;
}

/* Part after part, so that none needs to be held as a whole. */
static int export_to(const struct table_command *t, FILE *to)
{
    struct arena a;
    const char *next = NULL;
    int status = CLI_DONE_NOT;
    arena_init(&a, 0);
    do {
        struct control_answer got = {0};
        struct buf path;
        begin_path(&path, t);
        buf_printf(&path, "/export?format=%s&separator=%s", t->json ? "json" : "csv", t->semicolon ? "semicolon" : "comma");
        table_file_query(&path, "profile", t->profile);
        table_file_query(&path, "cursor", next);
        status = ask(t, "GET", &path, "", SPAN(""), &got);
        if (status == CLI_DONE_NOT && got.status != 200) {
            status = control_refused(&got);
        }
        status = status == CLI_DONE_NOT ? write_all(to, buf_view(&got.body)) : status;
        struct span cursor = status == CLI_DONE_NOT ? control_field(&got, SPAN("x-sereno-next")) : SPAN("");
        next = cursor.len > 0 ? arena_cstr(&a, cursor) : NULL;
        control_free(&got);
    } while (status == CLI_DONE_NOT && next != NULL);
    arena_fini(&a);
    return status == CLI_DONE_NOT ? CLI_OK : status;
}

static int run_export(const struct table_command *t)
{
    FILE *to = t->out == NULL ? stdout : fopen(t->out, "wxe");
    if (to == NULL) {
        (void)fprintf(stderr, "sereno: %s: %s\n", t->out, strerror(errno));
        return CLI_UNREAD;
    }
    int status = export_to(t, to);
    bool fine = fflush(to) == 0 && (t->out == NULL || fclose(to) == 0);
    if (!fine) {
        (void)fprintf(stderr, "sereno: what was exported could not be written\n");
    }
    return fine ? status : CLI_UNREAD;
}

/* ---- in ---- */

static const char *type_of(const char *name)
{
    static const char *const endings[] = {".json", ".jsonl", ".ndjson"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (span_ends(span_of(name), span_of(endings[i]))) {
            return "application/x-ndjson";
        }
    }
    return "text/csv";
}

static struct span text_of(const struct jcs *v, const char *key)
{
    struct span s = SPAN("");
    return jcs_get_text(v, key, &s) ? s : SPAN("");
}

static long long number_of(const struct jcs *v, const char *key)
{
    int64_t n = 0;
    return jcs_get_int(v, key, &n) ? n : 0;
}

/* FILE:ROW: field: why, as the node says it. */
static void print_faults(const struct table_command *t, const struct jcs *report)
{
    const struct jcs *faults = jcs_get_array(report, "faults");
    for (const struct jcs *f = faults == NULL ? NULL : faults->first; f != NULL; f = f->next) {
        struct buf line;
        buf_init(&line, 1 << 20);
        buf_printf(&line, "%s:%lld: ", t->file, number_of(f, "row"));
        cli_put_safe(&line, text_of(f, "column"));
        buf_cstr(&line, text_of(f, "column").len > 0 ? ": " : "");
        cli_put_safe(&line, text_of(f, "message"));
        (void)fprintf(stderr, "%.*s\n", SPAN_ARG(buf_view(&line)));
        buf_free(&line);
    }
    if (faults != NULL && number_of(report, "count") > (long long)faults->count) {
        (void)fprintf(stderr, "%s: %lld faults in all\n", t->file, number_of(report, "count"));
    }
}

/* How the node read a table that is not in our own form. */
static void print_reading(const struct jcs *report)
{
    const struct jcs *r = jcs_get_object(report, "reading");
    struct span profile = text_of(r, "profile");
    if (r == NULL || (profile.len == 0 && span_eq(text_of(r, "encoding"), SPAN("utf-8")))) {
        return;
    }
    struct buf line;
    buf_init(&line, 1 << 16);
    buf_cstr(&line, "read as ");
    cli_put_safe(&line, profile.len > 0 ? text_of(r, "title") : SPAN("a table of ours"));
    if (profile.len > 0) {
        buf_printf(&line, " (profile %.*s; dates %.*s, decimal %.*s, %lld columns passed over)", SPAN_ARG(profile), SPAN_ARG(text_of(r, "dates")),
                   SPAN_ARG(text_of(r, "decimal")), number_of(r, "passed_over"));
    }
    buf_printf(&line, ", %.*s, cells parted by %.*s", SPAN_ARG(text_of(r, "encoding")), SPAN_ARG(text_of(r, "separator")));
    (void)printf("%.*s\n", SPAN_ARG(buf_view(&line)));
    buf_free(&line);
}

static int print_report(const struct table_command *t, const struct control_answer *a)
{
    struct arena arena;
    struct jcs *report = NULL;
    struct err e = {0};
    arena_init(&arena, 0);
    if (jcs_read_decimals(&arena, buf_view(&a->body), JCS_DEPTH_MAX, &report, &e) != 0) {
        cli_print_err(&e);
        arena_fini(&arena);
        return CLI_UNREAD;
    }
    struct span id = text_of(report, "import");
    if (t->json) {
        (void)printf("%.*s\n", SPAN_ARG(buf_view(&a->body)));
    } else {
        print_reading(report);
        print_faults(t, report);
        (void)printf("%lld new, %lld changed, %lld the same, %lld with faults: %s\n", number_of(report, "new"), number_of(report, "changed"),
                     number_of(report, "same"), number_of(report, "faulty"), id.len > 0 ? "stored" : "nothing was stored");
    }
    if (id.len > 0 && !t->json) {
        (void)printf("to take it back: sereno registers undo %s %.*s\n", t->kind, SPAN_ARG(id));
    }
    int status = number_of(report, "faulty") > 0 ? CLI_UNREAD : CLI_OK;
    arena_fini(&arena);
    return status;
}

static int run_import(const struct table_command *t)
{
    struct control_answer a = {0};
    struct buf path, table;
    int status = table_file_read(t->file, &table);
    if (status == CLI_DONE_NOT) {
        begin_path(&path, t);
        buf_printf(&path, "/import?apply=%s&skip=%s", t->apply ? "true" : "false", t->skip ? "true" : "false");
        table_file_query(&path, "organisation", t->organisation);
        table_file_query(&path, "why", t->why);
        table_file_query(&path, "profile", t->profile);
        table_file_query(&path, "encoding", t->encoding);
        status = ask(t, "POST", &path, type_of(t->file), buf_view(&table), &a);
    }
    if (status == CLI_DONE_NOT) {
        status = a.status == 200 || a.status == 422 ? print_report(t, &a) : control_refused(&a);
        control_free(&a);
    }
    buf_free(&table);
    return status;
}

static int run_undo(const struct table_command *t, const char *id)
{
    struct control_answer a = {0};
    struct buf path, body;
    struct arena arena;
    arena_init(&arena, 0);
    struct jcs *o = jcs_new_object(&arena);
    if (t->why != NULL) {
        jcs_set_text(&arena, o, "why", span_of(t->why));
    }
    begin_path(&path, t);
    buf_cstr(&path, "/imports/");
    table_file_escaped(&path, id);
    buf_cstr(&path, "/undo");
    buf_init(&body, 64 << 10);
    jcs_write(&body, o);
    int status = ask(t, "POST", &path, "application/json", buf_view(&body), &a);
    if (status == CLI_DONE_NOT) {
        status = a.status == 204 ? CLI_OK : control_refused(&a);
        control_free(&a);
    }
    buf_free(&body);
    arena_fini(&arena);
    return status;
}

static int run_imports(const struct table_command *t)
{
    struct control_answer a = {0};
    struct buf path;
    begin_path(&path, t);
    buf_cstr(&path, "/imports");
    int status = ask(t, "GET", &path, "", SPAN(""), &a);
    if (status == CLI_DONE_NOT) {
        status = a.status == 200 ? CLI_OK : control_refused(&a);
        if (status == CLI_OK) {
            (void)printf("%.*s\n", SPAN_ARG(buf_view(&a.body)));
        }
        control_free(&a);
    }
    return status;
}

static int run_registers(int argc, char **argv, const struct command *self)
{
    const char *words[3];
    struct table_command t = {0};
    const struct cli_option table[] = {{"--data", &t.data, NULL},   {"--why", &t.why, NULL},    {"--organisation", &t.organisation, NULL}, {"--out", &t.out, NULL},
                                       {"--apply", NULL, &t.apply}, {"--skip", NULL, &t.skip},  {"--json", NULL, &t.json},                {"--semicolon", NULL, &t.semicolon},
                                       {"--profile", &t.profile, NULL}, {"--encoding", &t.encoding, NULL},
                                       {"--dir", &t.dir, NULL}, {"--weaker-sandbox", NULL, &t.weaker}};
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), words, ARRAY_LEN(words));
    if (status != CLI_DONE_NOT) {
        return status;
    }
    const char *what = words[0] == NULL ? "" : words[0];
    t.kind = words[1];
    t.file = words[2];
    if ((strcmp(what, "list") == 0 || strcmp(what, "on") == 0 || strcmp(what, "off") == 0) && t.file == NULL) {
        return registers_on(self, t.data, what, t.kind, t.why);
    }
    if (strcmp(what, "diff") == 0 && t.kind == NULL) {
        const struct registers_look look = {t.data, t.dir, t.json, t.weaker};
        return registers_diff(&look);
    }
    if (strcmp(what, "apply") == 0 && t.kind == NULL) {
        return t.why == NULL ? cli_usage(self, "apply needs --why: the audit trail shall know it") : registers_mean(t.data, t.why);
    }
    if (strcmp(what, "export") == 0 && t.kind != NULL && t.file == NULL) {
        return run_export(&t);
    }
    if (strcmp(what, "import") == 0 && t.file != NULL) {
        return run_import(&t);
    }
    if (strcmp(what, "undo") == 0 && t.file != NULL) {
        return run_undo(&t, t.file);
    }
    if (strcmp(what, "imports") == 0 && t.kind != NULL && t.file == NULL) {
        return run_imports(&t);
    }
    return cli_usage(self, "list, on KIND, off KIND, diff, apply --why TEXT, export KIND, import KIND FILE, imports KIND or undo KIND IMPORT");
}

const struct command cmd_registers = {
    .name = "registers",
    .summary = "which kinds of record are on; records as tables, out and in",
    .help = "usage: sereno registers export KIND [--json] [--semicolon] [--profile NAME] [--out FILE] [--data DIR]\n"
            "       sereno registers import KIND FILE [--apply] [--skip] [--organisation NAME] [--why TEXT] [--profile NAME]\n"
            "                        [--encoding windows-1252] [--json] [--data DIR]\n"
            "       sereno registers imports KIND [--data DIR]\n"
            "       sereno registers undo KIND IMPORT [--why TEXT] [--data DIR]\n"
            "       sereno registers list [--data DIR]\n"
            "       sereno registers on|off KIND [--why TEXT] [--data DIR]\n"
            "       sereno registers diff [--dir DIR] [--json] [--data DIR]\n"
            "       sereno registers apply --why TEXT [--data DIR]\n"
            "\n"
            "A kind that is off is as if it were not there; its records are kept, and are there again when it is switched on.\n"
            "With a kind those go on whose records its own must name. No upgrade changes what was switched.\n"
            "\n"
            "diff tells what the register files of a city would change that are not in force yet: fields, states and kinds, and which\n"
            "records would not fit, counted, with examples by id. It reads the folder and the records itself, whether the node runs\n"
            "or not, and changes nothing. A node that starts takes files that all records fit; others it takes when apply has said\n"
            "that they are meant as they lie there, at its next start.\n"
            "\n"
            "KIND is a register as its address has it: risks, findings, suppliers. Tables are CSV, or JSON with one record\n"
            "a line; docs/REGISTERS.md says what stands in them. An import without --apply only tells what it would do.\n"
            "The same file again changes nothing. Asks the node that runs with the data in DIR.\n"
            "\n"
            "  --apply              store it: all of it, or nothing where a row has a fault\n"
            "  --skip               leave rows with faults out, and store the others\n"
            "  --organisation NAME  whose the new records are that name none\n"
            "  --why TEXT           the reason that the audit trail shall know\n"
            "  --json               export: JSON, one record a line; import: the report as the node gives it\n"
            "  --semicolon          part cells by semicolons, as spreadsheets of most of Europe expect\n"
            "  --profile NAME       the table has, or gets, the columns and words of this mapping profile; an import without it takes the\n"
            "                       one that knows the columns, and says so; \"none\": the columns are ours\n"
            "  --encoding NAME      windows-1252: of a file that is not UTF-8; UTF-16 tells itself\n"
            "  --out FILE           write there; it must not exist yet\n"
            "  --dir DIR            diff: files in this folder instead of DATA/registers\n"
            "  --weaker-sandbox     diff: go on where the kernel has no Landlock\n"
            "\n"
            "Exit status: 0 done, 1 faults, refused, a diff that would not come into force, or no node runs, 2 wrong use.\n"
            "\n"
            "example: sereno registers import suppliers suppliers.csv --apply --why \"list of the purchasing office\"\n",
    .run = run_registers,
};
