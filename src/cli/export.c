/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno export`: the records of a stretch of time, byte for byte, as NDJSON or as the original text. Reads the data folder
 * itself, whether a node runs or not, caged before the first byte is read; one block is in memory at a time.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/block.h"
#include "archive/export.h"
#include "archive/walk.h"
#include "cli/cli.h"
#include "cli/data_logs.h"
#include "cli/options.h"
#include "cli/whole.h"
#include "os/sandbox.h"
#include "roles/super.h"

enum { DAMAGED_TOLD_MAX = 1000, PROGRESS_AFTER_MS = 2000, PROGRESS_EVERY_MS = 200 };

struct export {
    const char *data_dir;
    enum export_format format;
    struct archive_walk walk;
    bool weaker, terminal;
    struct archive_reader *reader;
    struct archive_walk_totals totals;
    struct buf out;
    uint64_t blocks, records, damaged, purged;
    time_ns began, told;
    bool shown;
};

static void clear_progress(struct export *x)
{
    if (x->shown) {
        (void)fprintf(stderr, "\r\x1b[K");
        x->shown = false;
    }
}

static void progress(struct export *x)
{
    time_ns now = clock_mono();
    if (!x->terminal || now - x->began < (time_ns)PROGRESS_AFTER_MS * 1000000 ||
        now - x->told < (time_ns)PROGRESS_EVERY_MS * 1000000) {
        return;
    }
    x->told = now;
    x->shown = true;
    (void)fprintf(stderr, "\r\x1b[K%" PRIu64 " of %" PRIu64 " blocks, %" PRIu64 " records", x->blocks,
                  x->totals.blocks, x->records);
}

static void damaged(struct export *x, const struct err *e)
{
    char day[TIME_TEXT_MAX];
    struct buf safe;
    x->damaged++;
    if (x->damaged > DAMAGED_TOLD_MAX) {
        return;
    }
    clear_progress(x);
    buf_init(&safe, 4096);
    cli_put_safe(&safe, span_of(e->text));
    (void)fprintf(stderr, "sereno: day %.10s block %" PRIu32 " left out: %.*s\n",
                  time_format((time_ns)x->walk.day * TIME_DAY, day), x->walk.block, SPAN_ARG(buf_view(&safe)));
    buf_free(&safe);
}

/* 0, or ERR_IO: nobody takes what is written. */
static int flush(struct export *x, struct err *e)
{
    size_t n = fwrite(x->out.data, 1, x->out.len, stdout);
    return n == x->out.len ? 0 : err_set_errno(e, ERR_IO, errno, "standard output");
}

static bool wanted(const struct archive_walk *w, const struct archive_record *r)
{
    return (w->from == TIME_NONE || r->time >= w->from) && (w->to == TIME_NONE || r->time < w->to);
}

static int write_block(struct export *x, const struct archive_header *h, const struct block *b, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->count; i++) {
        struct archive_address at = {h->day, b->origins == NULL ? h->id : b->origins[i].block,
                                     b->origins == NULL ? (uint32_t)i : b->origins[i].index};
        if (wanted(&x->walk, &b->records[i])) {
            buf_clear(&x->out);
            export_record(x->format, at, &b->records[i], &x->out);
            CHECK(!x->out.failed);
            x->records++;
            rc = flush(x, e);
        }
    }
    return rc;
}

static int export_all(struct export *x, struct err *e)
{
    struct arena scratch;
    int rc = 0;
    arena_init(&scratch, 1 << 20);
    while (rc == 0) {
        struct archive_header h;
        struct block b;
        struct span body;
        struct err why = {0};
        arena_reset(&scratch);
        int next = archive_walk_next(x->reader, &x->walk, &scratch, &h, &body, &why);
        if (next == 0) {
            break;
        }
        if (next < 0 && next != ERR_INVALID) {
            *e = why;
            rc = next;
            break;
        }
        x->blocks++;
        x->purged += next > 0 && body.ptr == NULL;
        int read = next < 0          ? next
                   : body.ptr == NULL ? ERR_NOT_FOUND
                                      : block_unpack(&h, body, &scratch, &b, &why);
        read = read == 0 ? block_check(&h, &b, &why) : read;
        if (read == 0) {
            rc = write_block(x, &h, &b, e);
        } else if (read != ERR_NOT_FOUND) {
            damaged(x, &why);
        }
        progress(x);
    }
    arena_fini(&scratch);
    return rc == 0 && fflush(stdout) != 0 ? err_set_errno(e, ERR_IO, errno, "standard output") : rc;
}

static void tell(struct export *x)
{
    clear_progress(x);
    if (x->purged > 0) {
        (void)fprintf(stderr, "sereno: the originals of %" PRIu64 " blocks of this time were let go by retention\n",
                      x->purged);
    }
    if (x->damaged > 0) {
        (void)fprintf(stderr, "sereno: %" PRIu64 " damaged %s left out; the rest is here\n", x->damaged,
                      x->damaged == 1 ? "block was" : "blocks were");
    }
}

static int run(struct export *x)
{
    struct err e = {0};
    struct stat st;
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/archive", x->data_dir);
    if (n < 0 || n >= PATH_MAX - 32 || stat(path, &st) != 0) {
        (void)err_set(&e, ERR_NOT_FOUND, "there is no archive in it: name a node's data folder with --data");
        err_at(&e, x->data_dir, 0);
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    const struct sandbox_options cage = {.data_dir = x->data_dir, .weaker = x->weaker};
    int rc = sodium_init() >= 0 && sqlite3_initialize() == SQLITE_OK
                 ? cli_enter_data(&cage, &e)
                 : err_set(&e, ERR_IO, "libraries could not start");
    rc = rc == 0 ? archive_reader_open(path, &x->reader, &e) : rc;
    rc = rc == 0 ? archive_walk_count(x->reader, &x->walk, &x->totals, &e) : rc;
    buf_init(&x->out, EXPORT_RECORD_MAX);
    x->began = clock_mono();
    if (rc == 0) {
        x->walk.end_day = x->totals.end_day; /* what comes while it is written is not of it */
        x->walk.end_block = x->totals.end_block;
        archive_reader_steady(x->reader, true); /* a node may merge beside us: nothing twice, nothing missing */
        rc = x->totals.end_block == 0 ? 0 : export_all(x, &e);
    }
    tell(x);
    archive_reader_close(&x->reader);
    buf_free(&x->out);
    if (rc != 0) {
        cli_print_err(&e);
    }
    return rc == 0 && x->damaged == 0 ? CLI_OK : CLI_UNREAD;
}

static int time_of(const char *text, time_ns *out, const struct command *self)
{
    return text == NULL || time_parse(span_of(text), 0, out)
               ? CLI_OK
               : cli_usage(self, "\"%s\" is no time: 2026-11-22 or 2026-11-22T01:02:03Z", text);
}

static int run_export(int argc, char **argv, const struct command *self)
{
    struct export x = {.terminal = isatty(STDERR_FILENO) == 1, .format = EXPORT_NDJSON};
    const char *from = NULL, *to = NULL, *organisation = "", *source = "", *format = "ndjson", *all = NULL, *config = NULL;
    bool secrets = false;
    const struct cli_option table[] = {
        {"--data", &x.data_dir, NULL},   {"--from", &from, NULL},     {"--to", &to, NULL},
        {"--organisation", &organisation, NULL}, {"--source", &source, NULL}, {"--format", &format, NULL},
        {"--all", &all, NULL},           {"--config", &config, NULL}, {"--with-secrets", NULL, &secrets},
        {"--weaker-sandbox", NULL, &x.weaker},
    };
    archive_walk_init(&x.walk);
    int rc = cli_options(self, argc, argv, table, ARRAY_LEN(table), NULL, 0);
    if (rc != CLI_DONE_NOT) {
        return rc;
    }
    x.data_dir = x.data_dir == NULL ? super_default_data() : x.data_dir;
    bool window = from != NULL || to != NULL || organisation[0] != '\0' || source[0] != '\0' || strcmp(format, "ndjson") != 0;
    if (all != NULL ? window : config != NULL || secrets) {
        return cli_usage(self, all != NULL ? "--all writes everything: it takes no stretch, source, organisation or format"
                                           : "--config and --with-secrets go with --all");
    }
    if (all != NULL) {
        const struct whole_export whole = {.data_dir = x.data_dir, .target = all, .config = config, .secrets = secrets, .weaker = x.weaker, .terminal = x.terminal};
        return whole_export_run(&whole);
    }
    rc = time_of(from, &x.walk.from, self);
    rc = rc == CLI_OK ? time_of(to, &x.walk.to, self) : rc;
    if (rc != CLI_OK) {
        return rc;
    }
    if (!export_format_parse(span_of(format), &x.format)) {
        return cli_usage(self, "\"%s\" is no format: ndjson or text", format);
    }
    x.walk.organisation = span_of(organisation);
    x.walk.source = span_of(source);
    return run(&x);
}

const struct command cmd_export = {
    .name = "export",
    .summary = "write out the logs of a stretch of time, or everything of a node",
    .help = "usage: sereno export [--data DIR] [--from T] [--to T] [--source NAME] [--organisation NAME]\n"
            "                     [--format ndjson|text]\n"
            "       sereno export --all DIR|FILE.tar.zst|- [--data DIR] [--config FILE] [--with-secrets]\n"
            "\n"
            "Writes every record whose own time lies in the stretch to standard output, in the order in which the\n"
            "archive holds them. Each block is checked against its hashes first; a damaged one is named and left\n"
            "out. A running node is not disturbed.\n"
            "\n"
            "  --data DIR           the node's data folder; default as for `sereno serve`\n"
            "  --from T, --to T     RFC 3339, from <= time < to, UTC when no zone is given; default: everything\n"
            "  --source NAME        of this source in sereno.yml only\n"
            "  --organisation NAME  of this organisation only\n"
            "  --format ndjson      one JSON object a line: names, times, address and \"original\" (or\n"
            "                       \"original_base64\" where it is not UTF-8); the default\n"
            "  --format text        the original bytes, each followed by a line break\n"
            "  --weaker-sandbox     go on where the kernel has no Landlock\n"
            "\n"
            "Exit status: 0 all is written, 1 a block was damaged or something cannot be read, 2 wrong use.\n"
            "\n"
            "example: sereno export --data /var/lib/sereno --from 2026-11-22 --to 2026-11-23 --source firewalls > day.ndjson\n",
    .run = run_export,
};
