/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno import`: a new data folder from what `sereno export --all` wrote. The bytes are read by a caged child that can reach
 * that new folder alone; of an export that is a folder, another caged child, which can reach that one alone, makes a stream.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/options.h"
#include "cli/whole_in.h"
#include "os/sandbox.h"

struct importing {
    const char *from, *data_dir;
    bool weaker, terminal, is_folder;
    int in;   /* the tar comes from there */
    int out;  /* of the child that reads a folder */
    int part_fd;
    char part[PATH_MAX];
};

static void take_child(void *arg, int answer_fd)
{
    struct importing *m = arg;
    struct err e = {0};
    struct buf answer;
    struct unpacked sum = {0};
    struct pack_visitor visitor;
    static char piece[WHOLE_PIECE];
    struct whole_pipe from = {.fd = m->in, .piece = piece};
    const struct sandbox_options cage = {.data_dir = m->part, .weaker = m->weaker};
    if (m->out >= 0) {
        (void)close(m->out);
    }
    buf_init(&answer, WHOLE_ANSWER_MAX);
    int rc = sqlite3_initialize() == SQLITE_OK ? sandbox_enter_with(SANDBOX_KEEPER, &cage, &e)
                                               : err_set(&e, ERR_IO, "libraries could not start");
    struct whole_in *w = whole_in_new(m->part, m->part_fd, m->terminal);
    whole_in_visitor(w, &visitor);
    rc = rc == 0 ? pack_walk(whole_pipe_more, &from, &visitor, &sum, &e) : rc;
    rc = rc == 0 ? whole_in_end(w, &e) : rc;
    if (m->terminal) {
        (void)fputs("\r\x1b[K", stderr);
    }
    if (rc != 0) {
        buf_cstr(&answer, e.text);
    } else {
        whole_in_tell(w, &answer);
    }
    whole_in_free(&w);
    cli_child_write(answer_fd, buf_view(&answer));
    buf_free(&answer);
    _exit(rc == 0 ? CLI_OK : CLI_UNREAD);
}

/* The file that this line of a manifest names, into the pack; its hash must be the line's. */
static int feed_file(struct pack *p, int folder, struct span line, struct err *e)
{
    enum { HASH = 64, BLANKS = 2 };
    char path[PACK_PATH_MAX + 1];
    struct span name = span_sub(line, HASH + BLANKS, line.len);
    if (name.len == 0 || name.len > PACK_PATH_MAX || memchr(name.ptr, '\0', name.len) != NULL) {
        return err_set(e, ERR_INVALID, PACK_MANIFEST ": a line of it names no file");
    }
    memcpy(path, name.ptr, name.len);
    path[name.len] = '\0';
    if (!pack_path_is_plain(path)) {
        return err_set(e, ERR_INVALID, PACK_MANIFEST ": a path that leads elsewhere");
    }
    int fd = openat(folder, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    int rc = pack_file(p, path, fd, e);
    (void)close(fd);
    struct span have = pack_manifest(p);
    bool same = have.len > line.len && have.ptr[have.len - 1] == '\n' &&
                span_eq(span_sub(have, have.len - 1 - line.len, line.len), line);
    return rc == 0 && !same ? err_set(e, ERR_INVALID, "%s is not as the manifest lists it", path) : rc;
}

static int read_manifest(int folder, struct buf *out, struct err *e)
{
    int fd = openat(folder, PACK_MANIFEST, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(e, ERR_IO, errno, PACK_MANIFEST " (an export that did not end has none)");
    }
    ssize_t n = 1;
    while (n > 0) {
        char *to = buf_room(out, 65536);
        n = to == NULL ? 0 : read(fd, to, 65536);
        buf_added(out, n > 0 ? (size_t)n : 0);
    }
    int rc = n < 0         ? err_set_errno(e, ERR_IO, errno, PACK_MANIFEST)
             : out->failed ? err_set(e, ERR_LIMIT, PACK_MANIFEST " is too long")
                           : 0;
    (void)close(fd);
    return rc;
}

static int feed(struct importing *m, struct err *e)
{
    struct buf manifest;
    buf_init(&manifest, PACK_MANIFEST_MAX);
    int folder = open(m->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = folder < 0 ? err_set_errno(e, ERR_IO, errno, "%s", m->from) : read_manifest(folder, &manifest, e);
    struct pack *p = rc == 0 ? pack_new_to(whole_pipe_give, &m->out, false, e) : NULL;
    rc = rc == 0 && p == NULL ? e->code : rc;
    struct span rest = buf_view(&manifest);
    while (rc == 0 && rest.len > 0) {
        ptrdiff_t n = span_find(rest, '\n');
        rc = n < 0 ? err_set(e, ERR_TRUNCATED, PACK_MANIFEST ": its last line has no end")
                   : feed_file(p, folder, span_sub(rest, 0, (size_t)n), e);
        rest = span_sub(rest, n < 0 ? rest.len : (size_t)n + 1, rest.len);
    }
    rc = rc == 0 ? pack_end(p, e) : rc;
    pack_free(&p);
    buf_free(&manifest);
    return rc;
}

static void feed_child(void *arg, int answer_fd)
{
    struct importing *m = arg;
    struct err e = {0};
    const struct sandbox_options cage = {.data_dir = m->from, .weaker = m->weaker};
    (void)close(m->in);
    int rc = sandbox_enter_with(SANDBOX_KEEPER, &cage, &e);
    rc = rc == 0 ? feed(m, &e) : rc;
    cli_child_write(answer_fd, span_of(rc == 0 ? "" : e.text));
    _exit(rc == 0 ? CLI_OK : rc == ERR_CLOSED ? CLI_USAGE : CLI_UNREAD);
}

static int said(int rc, int status, struct buf *answer, struct err *e)
{
    struct buf safe;
    if (rc != 0 || status == CLI_OK) {
        return rc;
    }
    buf_init(&safe, WHOLE_ANSWER_MAX * 4);
    cli_put_safe(&safe, buf_view(answer)); /* names in it may be anybody's */
    rc = err_set(e, ERR_INVALID, "%.*s", SPAN_ARG(buf_view(&safe)));
    buf_free(&safe);
    return rc;
}

/* Two children, a pipe between them. What the one that reads the folder found wrong is the reason, not the end that it made. */
static int from_folder(struct importing *m, struct buf *answer, struct err *e)
{
    int ends[2], status = CLI_UNREAD, fed = CLI_UNREAD;
    struct cli_beside beside;
    struct buf other;
    struct err why = {0};
    if (pipe(ends) != 0) {
        return err_set_errno(e, ERR_IO, errno, "pipe");
    }
    m->in = ends[0];
    m->out = ends[1];
    buf_init(&other, WHOLE_ANSWER_MAX);
    int rc = cli_beside_start(feed_child, m, -1, &beside, e);
    if (rc == 0) {
        (void)close(m->out);
        m->out = -1;
        rc = cli_child(take_child, m, "the import", answer, &status, e);
        rc = said(rc, status, answer, e);
        (void)close(m->in);
        int read = cli_beside_end(&beside, "reading the folder", &other, &fed, &why);
        read = said(read, fed, &other, &why);
        if (read != 0 && (rc == 0 || fed != CLI_USAGE)) {
            *e = why;
            rc = read;
        }
    }
    buf_free(&other);
    return rc;
}

static int from_file(struct importing *m, struct buf *answer, struct err *e)
{
    int status = CLI_UNREAD;
    bool in = strcmp(m->from, "-") == 0;
    m->in = in ? STDIN_FILENO : open(m->from, O_RDONLY | O_CLOEXEC);
    if (m->in < 0) {
        return err_set_errno(e, ERR_IO, errno, "%s", m->from);
    }
    int rc = cli_child(take_child, m, "the import", answer, &status, e);
    if (!in) {
        (void)close(m->in);
    }
    return said(rc, status, answer, e);
}

/* Beside the place, and moved there: a folder of that name is always whole. */
static int run(struct importing *m, struct buf *answer, struct err *e)
{
    struct stat st;
    int n = snprintf(m->part, sizeof m->part, "%s.part", m->data_dir);
    if (n >= (int)sizeof m->part || access(m->data_dir, F_OK) == 0) {
        return err_set(e, ERR_EXISTS, "%s exists already: name a new folder with --data", m->data_dir);
    }
    if (mkdir(m->part, 0700) != 0) {
        return err_set_errno(e, ERR_IO, errno, "%s%s", m->part, errno == EEXIST ? " (of an import that did not end: remove it)" : "");
    }
    m->part_fd = open(m->part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m->part_fd < 0) {
        return err_set_errno(e, ERR_IO, errno, "%s", m->part);
    }
    bool folder = strcmp(m->from, "-") != 0 && stat(m->from, &st) == 0 && S_ISDIR(st.st_mode);
    int rc = folder ? from_folder(m, answer, e) : from_file(m, answer, e);
    (void)close(m->part_fd);
    if (rc == 0 && rename(m->part, m->data_dir) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", m->data_dir);
    }
    if (rc != 0 && rmdir(m->part) != 0) { /* nothing was read: then nothing stays */
        (void)fprintf(stderr, "sereno: what could be read lies in %s; remove it before another try\n", m->part);
    }
    return rc;
}

static int run_import(int argc, char **argv, const struct command *self)
{
    struct importing m = {.in = -1, .out = -1, .terminal = isatty(STDERR_FILENO) == 1};
    struct buf answer;
    struct err e = {0};
    const struct cli_option table[] = {
        {"--data", &m.data_dir, NULL},
        {"--weaker-sandbox", NULL, &m.weaker},
    };
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), &m.from, 1);
    if (status != CLI_DONE_NOT) {
        return status;
    }
    if (m.from == NULL || m.data_dir == NULL) {
        return cli_usage(self, "needs what `sereno export --all` wrote, and --data with a new folder");
    }
    (void)signal(SIGPIPE, SIG_IGN);
    buf_init(&answer, WHOLE_ANSWER_MAX);
    int rc = sodium_init() < 0 ? err_set(&e, ERR_UNSUPPORTED, "the crypto library does not start") : run(&m, &answer, &e);
    if (rc == 0) {
        (void)printf("%s: %.*s, all as the manifest lists them\n"
                     "Next: `sereno verify --data %s`, then `sereno serve --data %s`. Where secrets were left out, everybody\n"
                     "needs a link to sign in (`sereno user`), and senders and federation need new tokens and codes.\n",
                     m.data_dir, SPAN_ARG(buf_view(&answer)), m.data_dir, m.data_dir);
    } else {
        cli_print_err(&e);
    }
    buf_free(&answer);
    return rc == 0 ? CLI_OK : CLI_UNREAD;
}

const struct command cmd_import = {
    .name = "import",
    .summary = "a new data folder from what `sereno export --all` wrote",
    .help = "usage: sereno import DIR|FILE.tar.zst|- --data NEW\n"
            "\n"
            "Makes a data folder of a whole export, or nothing: the folder appears only when every file is as the\n"
            "export's manifest lists it, every block of the archive has the link that the chain has, and every row\n"
            "fits its table. A node on it gives the same answers as the one that it was made of, but for what\n"
            "docs/EXPORT.md lists. Its sereno.yml, where the export has one, is imported-sereno.yml in the folder.\n"
            "\n"
            "  --data NEW         the new data folder, which must not exist\n"
            "  --weaker-sandbox   go on where the kernel has no Landlock\n"
            "\n"
            "Exit status: 0 done, 1 something is not as it must be (it is named), 2 wrong use.\n"
            "\n"
            "example: sereno import /mnt/usb/sereno-2026-11-27.tar.zst --data /var/lib/sereno\n",
    .run = run_import,
};
