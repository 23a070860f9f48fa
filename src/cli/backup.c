/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno backup`: everything a node keeps into one encrypted file, while it runs. The work is done by a caged child
 * that can reach the data folder and the one file it was given; the records come first, then the seals, then the
 * archive, so that what is copied later holds all that what was copied before speaks of.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/seal.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "cli/data_logs.h"
#include "cli/options.h"
#include "wire/pack.h"
#include "os/sandbox.h"
#include "records/db_copy.h"
#include "records/upkeep.h"
#include "roles/recovery.h"
#include "roles/super.h"

enum { DEPTH_MAX = 8 /* folders in folders */, ANSWER_MAX = 256 * 1024 };

#define COPY_NAME "backup.tmp" /* in the data folder: one database at a time lies there while it is packed */
#define COPY_JOURNAL "backup.tmp-journal"

struct backup {
    const char *data_dir;
    int out;
    bool without_archive, weaker, terminal;
    struct pack *pack;
    unsigned char to[CRYPT_KEY_BYTES];
};

/* What needs no copy: it comes back by itself, or belongs to the process that runs. */
static const char *const skipped[] = {"lock", "control", "cache", COPY_NAME, COPY_JOURNAL, "copy.tmp", "copy.tmp-journal"};

/* What comes first, and not again when its folder is walked. */
#define RECORDS_NAME "records.db"
#define SEALS_NAME "archive/" SEAL_FILE_NAME

static bool is_skipped(const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < ARRAY_LEN(skipped); i++) {
        if (strcmp(path, skipped[i]) == 0) {
            return true;
        }
    }
    return n > 4 && (strcmp(path + n - 4, "-wal") == 0 || strcmp(path + n - 4, "-shm") == 0);
}

static bool is_database(const char *path)
{
    size_t n = strlen(path);
    return n > 3 && strcmp(path + n - 3, ".db") == 0;
}

static void path_in(const struct backup *b, const char *path, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%s/%s", b->data_dir, path);
}

/* A file as it is, a database as one moment's state. One that retention let go meanwhile is left out. */
static int pack_one(struct backup *b, const char *path, struct err *e)
{
    char from[PATH_MAX], copy[PATH_MAX];
    path_in(b, path, from);
    path_in(b, COPY_NAME, copy);
    int rc = is_database(path) ? db_copy(from, copy, e) : 0;
    int fd = rc == 0 ? open(is_database(path) ? copy : from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    bool gone = rc == ERR_NOT_FOUND || (rc == 0 && fd < 0 && errno == ENOENT);
    if (rc == 0 && fd < 0 && !gone) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    if (fd >= 0) {
        rc = pack_file(b->pack, path, fd, e);
        (void)close(fd);
    }
    if (b->terminal) {
        (void)fprintf(stderr, "\r%" PRIu64 " files, %" PRIu64 " MiB\x1b[K", pack_files(b->pack),
                      pack_bytes(b->pack) >> 20);
    }
    return gone ? 0 : rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
    VEC(char *) all;
};

/* Names in the folder, sorted: the caller frees each. */
static int list(const struct backup *b, const char *folder, struct names *out, struct err *e)
{
    char path[PATH_MAX];
    path_in(b, folder, path);
    DIR *d = opendir(path);
    if (d == NULL) {
        return errno == ENOENT ? 0 : err_set_errno(e, ERR_IO, errno, "%s", folder);
    }
    for (struct dirent *one = readdir(d); one != NULL; one = readdir(d)) {
        if (strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0) {
            vec_push(&out->all, mem_strdup(one->d_name));
        }
    }
    (void)closedir(d);
    if (out->all.len > 1) {
        qsort(out->all.data, out->all.len, sizeof *out->all.data, by_name);
    }
    return 0;
}

static int pack_folder(struct backup *b, const char *folder, int depth, struct err *e);

static int pack_named(struct backup *b, const char *path, int depth, struct err *e)
{
    char full[PATH_MAX];
    struct stat st;
    path_in(b, path, full);
    if (is_skipped(path) || lstat(full, &st) != 0) {
        return 0; /* gone since it was listed */
    }
    if (S_ISDIR(st.st_mode)) {
        return depth < DEPTH_MAX ? pack_folder(b, path, depth + 1, e)
                                 : err_set(e, ERR_LIMIT, "%s: folders lie too deep", path);
    }
    return S_ISREG(st.st_mode) ? pack_one(b, path, e) : 0;
}

static int pack_folder(struct backup *b, const char *folder, int depth, struct err *e)
{
    struct names names = {0};
    int rc = list(b, folder, &names, e);
    for (size_t i = 0; i < names.all.len; i++) {
        char path[PACK_PATH_MAX + 1];
        bool root = strcmp(folder, ".") == 0;
        int n = snprintf(path, sizeof path, "%s%s%s", root ? "" : folder, root ? "" : "/", names.all.data[i]);
        if (rc == 0 && (n >= (int)sizeof path || !pack_path_is_plain(path))) {
            rc = err_set(e, ERR_INVALID, "%s: a name that a backup cannot hold", folder);
        }
        bool done = strcmp(path, "archive") == 0 || strcmp(path, RECORDS_NAME) == 0 || strcmp(path, SEALS_NAME) == 0;
        if (rc == 0 && !done) {
            rc = pack_named(b, path, depth, e);
        }
        mem_free(names.all.data[i]);
    }
    vec_free(&names.all);
    return rc;
}

static int pack_all(struct backup *b, struct err *e)
{
    int rc = pack_one(b, RECORDS_NAME, e);
    if (rc == 0 && !b->without_archive) {
        rc = pack_one(b, SEALS_NAME, e);
        rc = rc == 0 ? pack_folder(b, "archive", 0, e) : rc;
    }
    return rc == 0 ? pack_folder(b, ".", 0, e) : rc;
}

/* One at a time: the lock on the file for copies says so. */
static int take_turn(const struct backup *b, int *fd_out, struct err *e)
{
    char path[PATH_MAX];
    path_in(b, COPY_NAME, path);
    *fd_out = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd_out < 0) {
        return err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    return flock(*fd_out, LOCK_EX | LOCK_NB) == 0 ? 0 : err_set(e, ERR_BUSY, "another backup runs");
}

static int write_backup(struct backup *b, struct err *e)
{
    unsigned char seed[CRYPT_KEY_BYTES];
    char copy[PATH_MAX];
    int turn = -1;
    int rc = recovery_public(b->data_dir, b->to, e);
    rc = rc == 0 ? take_turn(b, &turn, e) : rc;
    struct crypt_writer *w = rc == 0 ? crypt_writer_new(b->out, b->to) : NULL;
    b->pack = w == NULL ? NULL : pack_new(w, NULL, e);
    rc = rc == 0 && b->pack == NULL ? ERR_IO : rc;
    rc = rc == 0 ? pack_all(b, e) : rc;
    rc = rc == 0 ? pack_end(b->pack, e) : rc;
    bool is_signed = rc == 0 && recovery_signer(b->data_dir, seed);
    rc = rc == 0 ? crypt_writer_end(w, is_signed ? seed : NULL, e) : rc;
    sodium_memzero(seed, sizeof seed);
    if (rc == 0 && fsync(b->out) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "the backup");
    }
    if (turn >= 0 && rc != ERR_BUSY) {
        path_in(b, COPY_NAME, copy);
        (void)unlink(copy);
    }
    if (b->terminal) {
        (void)fputs("\r\x1b[K", stderr);
    }
    crypt_writer_free(&w);
    return rc;
}

/* Answers with what was done, or with why not. */
static void child(void *arg, int out)
{
    struct backup *b = arg;
    struct err e = {0};
    struct buf answer;
    const struct sandbox_options cage = {.data_dir = b->data_dir, .weaker = b->weaker};
    buf_init(&answer, ANSWER_MAX);
    int rc = cli_enter_data(&cage, &e);
    rc = rc == 0 ? write_backup(b, &e) : rc;
    if (rc != 0) {
        buf_cstr(&answer, e.text);
    } else {
        buf_printf(&answer, "%" PRIu64 " files, %" PRIu64 " bytes", pack_files(b->pack), pack_bytes(b->pack));
    }
    pack_free(&b->pack);
    cli_child_write(out, buf_view(&answer));
    buf_free(&answer);
    _exit(rc == 0 ? CLI_OK : CLI_UNREAD);
}

struct note {
    const struct backup *b;
    struct upkeep done;
};

/* The records are told: `sereno doctor` asks them. */
static void note_child(void *arg, int out)
{
    struct note *n = arg;
    struct err e = {0};
    struct db *db = NULL;
    char path[PATH_MAX];
    const struct sandbox_options cage = {.data_dir = n->b->data_dir, .weaker = n->b->weaker};
    path_in(n->b, RECORDS_NAME, path);
    int rc = cli_enter_data(&cage, &e);
    rc = rc == 0 ? db_open(path, &e, &db) : rc;
    rc = rc == 0 ? upkeep_put(db, UPKEEP_BACKUP, &n->done, &e) : rc;
    db_close(&db);
    cli_child_write(out, span_of(e.text));
    _exit(rc == 0 ? CLI_OK : CLI_UNREAD);
}

/* The backup is made either way: that it cannot be noted is told, and no failure. */
static void note_backup(const struct backup *b, const char *file, off_t bytes)
{
    struct note n = {.b = b, .done = {.at = clock_now(), .bytes = (uint64_t)bytes, .faults = b->without_archive}};
    struct buf answer;
    struct err e = {0};
    int status = CLI_UNREAD;
    char *full = realpath(file, NULL);
    (void)snprintf(n.done.place, sizeof n.done.place, "%s", full == NULL ? file : full);
    mem_free(full);
    buf_init(&answer, ANSWER_MAX);
    if (cli_child(note_child, &n, "noting the backup", &answer, &status, &e) != 0 || status != CLI_OK) {
        (void)fprintf(stderr, "sereno: the records cannot be told of it: %.*s\n", SPAN_ARG(buf_view(&answer)));
    }
    buf_free(&answer);
}

/* Runs the child and gives the finished file its name. */
static int into_file(struct backup *b, const char *part, const char *file, struct err *e)
{
    struct buf answer;
    int status = CLI_UNREAD;
    buf_init(&answer, ANSWER_MAX);
    int rc = cli_child(child, b, "the backup", &answer, &status, e);
    if (rc == 0 && status != CLI_OK) {
        rc = err_set(e, ERR_IO, "%.*s", SPAN_ARG(buf_view(&answer)));
    }
    if (rc == 0 && renameat2(AT_FDCWD, part, AT_FDCWD, file, RENAME_NOREPLACE) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", file);
    }
    if (rc == 0) {
        struct stat st = {0};
        (void)fstat(b->out, &st);
        (void)printf("%s: %.*s, packed and encrypted into %lld\n", file, SPAN_ARG(buf_view(&answer)),
                     (long long)st.st_size);
        note_backup(b, file, st.st_size);
    }
    buf_free(&answer);
    return rc;
}

static int make_backup(struct backup *b, const char *file, struct err *e)
{
    char part[PATH_MAX];
    if (access(file, F_OK) == 0) {
        return err_set(e, ERR_EXISTS, "%s exists already; a backup never takes another's place", file);
    }
    int n = snprintf(part, sizeof part, "%s.part", file);
    b->out = n < (int)sizeof part
                 ? open(part, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)
                 : -1;
    if (b->out < 0) {
        return err_set_errno(e, ERR_IO, errno, "%s.part", file);
    }
    int rc = into_file(b, part, file, e);
    if (rc != 0) {
        (void)unlink(part);
    }
    (void)close(b->out);
    return rc;
}

/* A new pair: the public half is kept here, the secret one is shown and nowhere written. */
static int make_key(const char *data_dir, bool replace, struct err *e)
{
    unsigned char to[CRYPT_KEY_BYTES], secret[CRYPT_KEY_BYTES];
    char path[PATH_MAX], text[CRYPT_TEXT_MAX], hex[2 * CRYPT_KEY_BYTES + 1];
    (void)snprintf(path, sizeof path, "%s/" RECOVERY_PUBLIC_NAME, data_dir);
    int fd = open(path, O_WRONLY | O_CREAT | (replace ? O_TRUNC : O_EXCL) | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        return err_set(e, ERR_EXISTS, "there is a recovery key already; --replace makes another for backups "
                                      "from now on (older ones still need the old one)");
    }
    if (fd < 0) {
        return err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    crypt_pair(to, secret);
    hex_encode(to, sizeof to, hex);
    hex[2 * CRYPT_KEY_BYTES] = '\n';
    bool good = write(fd, hex, 2 * CRYPT_KEY_BYTES + 1) == 2 * CRYPT_KEY_BYTES + 1 && fsync(fd) == 0;
    int rc = good ? 0 : err_set_errno(e, ERR_IO, errno, "%s", path);
    (void)close(fd);
    if (rc == 0) {
        crypt_text(secret, text);
        (void)printf("The recovery key, shown this once. Write it down and keep it away from this machine;\n"
                     "without it no backup can be read, by nobody:\n\n  %s\n\n",
                     text);
        sodium_memzero(text, sizeof text);
    }
    sodium_memzero(secret, sizeof secret);
    return rc;
}

static int run_backup(int argc, char **argv, const struct command *self)
{
    struct backup b = {.terminal = isatty(STDERR_FILENO) == 1, .out = -1};
    struct err e = {0};
    struct stat st;
    const char *file = NULL;
    bool replace = false;
    const struct cli_option table[] = {
        {"--data", &b.data_dir, NULL},
        {"--without-archive", NULL, &b.without_archive},
        {"--replace", NULL, &replace},
        {"--weaker-sandbox", NULL, &b.weaker},
    };
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), &file, 1);
    if (status != CLI_DONE_NOT) {
        return status;
    }
    if (file == NULL) {
        return cli_usage(self, "needs a FILE, or `key`");
    }
    b.data_dir = b.data_dir == NULL ? super_default_data() : b.data_dir;
    int rc = 0;
    if (sodium_init() < 0) {
        rc = err_set(&e, ERR_UNSUPPORTED, "the crypto library does not start");
    } else if (b.data_dir == NULL || stat(b.data_dir, &st) != 0 || strlen(b.data_dir) > PATH_MAX - 600) {
        rc = err_set(&e, ERR_NOT_FOUND, "there is no data folder: name one with --data");
    } else {
        rc = strcmp(file, "key") == 0 ? make_key(b.data_dir, replace, &e) : make_backup(&b, file, &e);
    }
    if (rc != 0) {
        cli_print_err(&e);
    }
    return rc == 0 ? CLI_OK : CLI_UNREAD;
}

const struct command cmd_backup = {
    .name = "backup",
    .summary = "everything a node keeps into one encrypted file, while it runs",
    .help = "usage: sereno backup key [--replace] [--data DIR]\n"
            "       sereno backup FILE [--without-archive] [--data DIR]\n"
            "\n"
            "First `key`, once: it makes the recovery key and shows it this one time. Only its public half\n"
            "stays here, so nobody who takes this machine can read the backups.\n"
            "\n"
            "Then FILE, as often as you like, also while the node runs: records, seals, archive, keys, own\n"
            "rules and sources, each database as one moment's state. Inside it is an ordinary tar with a list\n"
            "of hashes; the file is signed by the key that signs the archive's seals. FILE must be new. One\n"
            "database at a time is copied in the data folder: keep room for the largest.\n"
            "\n"
            "  --without-archive   records, keys, rules and sources only\n"
            "  --replace           with key: another recovery key for backups from now on\n"
            "  --data DIR          the node's data folder; default as for `sereno serve`\n"
            "  --weaker-sandbox    go on where the kernel has no Landlock\n"
            "\n"
            "`sereno verify --backup FILE` says whether one is whole, `sereno restore` reads it.\n"
            "\n"
            "example: sereno backup /mnt/safe/sereno-2026-11-27.backup\n",
    .run = run_backup,
};
