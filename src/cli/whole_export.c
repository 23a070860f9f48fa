/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno export --all`: everything of a node in open form, while it runs. One caged child reads the data folder and writes a
 * tar to the fd it was given; where a folder is wanted, a second child, which can reach that folder alone, unpacks it there.
 * The records come first, as one moment's state, then a city's own files, then the archive day by day: what comes later holds
 * all that what came before speaks of.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/whole.h"
#include "base/id.h"
#include "cli/child.h"
#include "cli/data_logs.h"
#include "cli/whole.h"
#include "cli/whole_out.h"
#include "os/sandbox.h"
#include "records/migrate.h"

struct exporting {
    const struct whole_export *x;
    int out; /* the tar goes there */
    int config; /* sereno.yml, or -1 */
    int unpack_from, into; /* of the second child */
    char part[PATH_MAX];
};

static int archive_part(struct whole_out *o, const char *data_dir, struct archive_whole_totals *totals, struct err *e)
{
    char path[PATH_MAX];
    struct archive_reader *r = NULL;
    struct arena keep;
    int32_t *days = NULL;
    size_t n = 0;
    (void)snprintf(path, sizeof path, "%s/archive", data_dir);
    arena_init(&keep, 1 << 14);
    int rc = access(path, F_OK) != 0 ? 0 : archive_reader_open(path, &r, e);
    rc = rc == 0 && r != NULL ? archive_days(r, &keep, &days, &n, e) : rc;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        archive_reader_steady(r, true); /* each day as it stood at one moment */
        whole_out_day(o, days[i]);
        rc = archive_whole_day(r, days[i], whole_out_archive, o, totals, e);
        rc = rc == ERR_NOT_FOUND ? 0 : rc; /* retention let it go, and says so in a later one */
        rc = rc == 0 ? whole_out_flush(o, e) : rc;
    }
    archive_reader_close(&r);
    arena_fini(&keep);
    return rc == 0 && n > 0 ? whole_out_file(o, "archive/" "seals.jsonl", "archive/seals.jsonl", true, e) : rc;
}

static int write_all(struct exporting *w, struct whole_out *o, struct archive_whole_totals *totals, struct err *e)
{
    int rc = whole_out_records(o, e);
    rc = rc == 0 ? whole_out_files(o, w->config, e) : rc;
    rc = rc == 0 ? archive_part(o, w->x->data_dir, totals, e) : rc;
    return rc == 0 ? whole_out_end(o, e) : rc;
}

static void answer_of(const struct whole_out *o, const struct archive_whole_totals *t, struct buf *answer)
{
    buf_printf(answer, "%" PRIu64 " files, %" PRIu64 " bytes; %" PRIu64 " rows of records, %" PRIu64 " log records in %" PRIu64 " blocks",
               pack_files(o->pack), pack_bytes(o->pack), o->rows, t->records, t->blocks);
    if (t->damaged > 0) {
        buf_printf(answer, "; %" PRIu64 " damaged or unknown blocks went out as the bytes they are", t->damaged);
    }
}

static void export_child(void *arg, int answer_fd)
{
    struct exporting *w = arg;
    struct err e = {0};
    struct buf answer;
    struct whole_out o;
    struct archive_whole_totals totals = {0};
    bool packed = w->unpack_from < 0;
    const struct sandbox_options cage = {.data_dir = w->x->data_dir, .weaker = w->x->weaker};
    buf_init(&answer, WHOLE_ANSWER_MAX);
    if (w->unpack_from >= 0) {
        (void)close(w->unpack_from);
    }
    int rc = sodium_init() >= 0 && sqlite3_initialize() == SQLITE_OK ? cli_enter_data(&cage, &e)
                                                                      : err_set(&e, ERR_IO, "libraries could not start");
    whole_out_init(&o, w->x);
    o.pack = rc == 0 ? pack_new_to(whole_pipe_give, &w->out, packed, &e) : NULL;
    rc = rc == 0 && o.pack == NULL ? e.code : rc;
    rc = rc == 0 ? write_all(w, &o, &totals, &e) : rc;
    if (w->x->terminal) {
        (void)fputs("\r\x1b[K", stderr);
    }
    if (rc != 0) {
        buf_cstr(&answer, e.text);
    } else {
        answer_of(&o, &totals, &answer);
    }
    cli_child_write(answer_fd, buf_view(&answer));
    pack_free(&o.pack);
    whole_out_fini(&o);
    buf_free(&answer);
    _exit(rc != 0 ? CLI_UNREAD : CLI_OK);
}

static void keep_manifest(void *ctx, struct span text)
{
    struct pack_folder *f = ctx;
    struct err e = {0};
    if (pack_folder_begin(f, PACK_MANIFEST, &e) != 0 || pack_folder_data(f, text, &e) != 0 || pack_folder_end(f, &e) != 0) {
        (void)fprintf(stderr, "sereno: %s\n", e.text);
        _exit(CLI_UNREAD);
    }
}

static void unpack_child(void *arg, int answer_fd)
{
    struct exporting *w = arg;
    struct err e = {0};
    struct unpacked sum = {0};
    struct pack_folder f;
    static char piece[WHOLE_PIECE];
    struct whole_pipe pipe_in = {.fd = w->unpack_from, .piece = piece};
    const struct pack_visitor visitor = {.ctx = &f, .begin = pack_folder_begin, .data = pack_folder_data, .end = pack_folder_end, .manifest = keep_manifest};
    const struct sandbox_options cage = {.data_dir = w->part, .weaker = w->x->weaker};
    pack_folder_init(&f, w->into);
    int rc = sandbox_enter_with(SANDBOX_KEEPER, &cage, &e);
    rc = rc == 0 ? pack_walk(whole_pipe_more, &pipe_in, &visitor, &sum, &e) : rc;
    rc = rc == 0 && fsync(w->into) != 0 ? err_set_errno(&e, ERR_IO, errno, "%s", w->part) : rc;
    cli_child_write(answer_fd, span_of(rc == 0 ? "" : e.text));
    _exit(rc == 0 ? CLI_OK : CLI_UNREAD);
}

/* What a child said: its own words when it failed. */
static int judge(int rc, int status, struct buf *answer, struct err *e)
{
    struct buf safe;
    if (rc != 0 || status == CLI_OK) {
        return rc;
    }
    buf_init(&safe, WHOLE_ANSWER_MAX * 4);
    cli_put_safe(&safe, buf_view(answer));
    rc = err_set(e, ERR_IO, "%.*s", SPAN_ARG(buf_view(&safe)));
    buf_free(&safe);
    return rc;
}

static int to_fd(struct exporting *w, struct buf *answer, struct err *e)
{
    int status = CLI_UNREAD;
    int rc = cli_child(export_child, w, "the export", answer, &status, e);
    return judge(rc, status, answer, e);
}

static int to_folder(struct exporting *w, struct buf *answer, struct err *e)
{
    int ends[2], status = CLI_UNREAD, other = CLI_UNREAD;
    struct cli_beside beside;
    struct buf said;
    struct err why = {0};
    if (pipe(ends) != 0) {
        return err_set_errno(e, ERR_IO, errno, "pipe");
    }
    w->unpack_from = ends[0];
    w->out = ends[1];
    buf_init(&said, WHOLE_ANSWER_MAX);
    int rc = cli_beside_start(export_child, w, -1, &beside, e);
    (void)close(ends[1]);
    if (rc == 0) {
        int unpacked = cli_child(unpack_child, w, "unpacking", &said, &status, &why);
        unpacked = judge(unpacked, status, &said, &why);
        (void)close(ends[0]); /* who still writes is told that nobody listens */
        rc = cli_beside_end(&beside, "the export", answer, &other, e);
        rc = judge(rc, other, answer, e);
        if (unpacked != 0 && (rc == 0 || rc == ERR_CLOSED || strstr(e->text, strerror(EPIPE)) != NULL)) {
            *e = why; /* the first that failed */
            rc = unpacked;
        }
    }
    buf_free(&said);
    return rc;
}

static int into_folder(struct exporting *w, struct buf *answer, struct err *e)
{
    const char *part = w->part;
    int n = snprintf(w->part, sizeof w->part, "%s.part", w->x->target);
    if (n >= (int)sizeof w->part || mkdir(part, 0700) != 0) {
        return err_set_errno(e, ERR_IO, errno, "%s%s", part, errno == EEXIST ? " (of an export that did not end: remove it)" : "");
    }
    w->into = open(part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = w->into < 0 ? err_set_errno(e, ERR_IO, errno, "%s", part) : to_folder(w, answer, e);
    if (rc == 0 && renameat2(AT_FDCWD, part, AT_FDCWD, w->x->target, RENAME_NOREPLACE) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", w->x->target);
    }
    if (w->into >= 0) {
        (void)close(w->into);
    }
    if (rc != 0) {
        (void)fprintf(stderr, "sereno: what could be written lies in %s; remove it before another try\n", part);
    }
    return rc;
}

static int into_file(struct exporting *w, struct buf *answer, struct err *e)
{
    char part[PATH_MAX];
    int n = snprintf(part, sizeof part, "%s.part", w->x->target);
    w->out = n < (int)sizeof part ? open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    if (w->out < 0) {
        return err_set_errno(e, ERR_IO, n < (int)sizeof part ? errno : ENAMETOOLONG, "%s.part", w->x->target);
    }
    int rc = to_fd(w, answer, e);
    if (rc == 0 && fsync(w->out) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", part);
    }
    if (rc == 0 && renameat2(AT_FDCWD, part, AT_FDCWD, w->x->target, RENAME_NOREPLACE) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", w->x->target);
    }
    (void)close(w->out);
    if (rc != 0) {
        (void)unlink(part);
    }
    return rc;
}

static int run(struct exporting *w, struct buf *answer, struct err *e)
{
    struct stat st;
    char path[PATH_MAX];
    bool out = strcmp(w->x->target, "-") == 0;
    int n = snprintf(path, sizeof path, "%s/records.db", w->x->data_dir);
    if (n < 0 || n >= PATH_MAX || stat(path, &st) != 0) {
        return err_set(e, ERR_NOT_FOUND, "%s: there are no records in it: name a node's data folder with --data", w->x->data_dir);
    }
    if (!out && access(w->x->target, F_OK) == 0) {
        return err_set(e, ERR_EXISTS, "%s exists already; an export never takes another's place", w->x->target);
    }
    if (out && isatty(STDOUT_FILENO) == 1) {
        return err_set(e, ERR_INVALID, "an export is no text for a terminal: name a folder or a file, or pass it on");
    }
    if (w->x->config != NULL) {
        w->config = open(w->x->config, O_RDONLY | O_CLOEXEC);
        if (w->config < 0) {
            return err_set_errno(e, ERR_IO, errno, "%s", w->x->config);
        }
    }
    if (out) {
        w->out = STDOUT_FILENO;
        return to_fd(w, answer, e);
    }
    return span_ends(span_of(w->x->target), SPAN(".tar.zst")) ? into_file(w, answer, e) : into_folder(w, answer, e);
}

int whole_export_run(const struct whole_export *x)
{
    struct exporting w = {.x = x, .out = -1, .config = -1, .unpack_from = -1, .into = -1};
    struct buf answer;
    struct err e = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    buf_init(&answer, WHOLE_ANSWER_MAX);
    int rc = run(&w, &answer, &e);
    if (rc != 0) {
        cli_print_err(&e);
    } else {
        (void)fprintf(stderr, "sereno: %s: %.*s\n", x->target, SPAN_ARG(buf_view(&answer)));
        (void)fprintf(stderr, "sereno: it is readable by whoever has it, RED items and the logs included%s\n",
                      x->secrets ? ", and holds keys and hashes of passwords" : "");
    }
    if (w.config >= 0) {
        (void)close(w.config);
    }
    bool damaged = memmem(answer.data, answer.len, "damaged", 7) != NULL;
    buf_free(&answer);
    return rc == 0 && !damaged ? CLI_OK : CLI_UNREAD;
}
