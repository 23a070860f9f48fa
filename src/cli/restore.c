/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno restore`: a backup into a new data folder, or, with --verify, nowhere: then it says whether it could be.
 * The file may be anybody's: its hash and signature are checked first, then a caged child unpacks it into a folder that
 * gets its name only when everything fitted.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "wire/pack.h"
#include "cli/prompt.h"
#include "cli/restore_copy.h"
#include "os/sandbox.h"

enum { ANSWER_MAX = 256 * 1024 };

struct restore {
    const char *file, *data_dir, *key_file, *copy_dir;
    bool verify, weaker, asked;
    struct restore_days days;
    int fd;
    char part[PATH_MAX];
    unsigned char secret[CRYPT_KEY_BYTES];
    struct crypt_report report;
};

/* From --key-file, or typed. */
static int read_secret(struct restore *r, struct err *e)
{
    char line[PROMPT_LINE_MAX] = "";
    int rc = 0;
    if (r->asked) {
        return 0;
    }
    r->asked = true;
    if (r->key_file != NULL) {
        int fd = open(r->key_file, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
        rc = n < 0 ? err_set_errno(e, ERR_IO, errno, "%s", r->key_file) : 0;
        line[n < 0 ? 0 : n] = '\0';
        if (fd >= 0) {
            (void)close(fd);
        }
    } else if (!prompt_secret("Recovery key: ", line)) {
        rc = err_set(e, ERR_INVALID, "no recovery key was given");
    }
    rc = rc == 0 ? crypt_text_read(span_trim(span_of(line)), r->secret, e) : rc;
    sodium_memzero(line, sizeof line);
    return rc;
}

static int unpack(struct restore *r, struct unpacked *sum, struct err *e)
{
    struct crypt_reader *reader = NULL;
    int into = r->verify ? -1 : open(r->part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!r->verify && into < 0) {
        return err_set_errno(e, ERR_IO, errno, "%s", r->part);
    }
    int rc = crypt_reader_new(r->fd, r->secret, &reader, e);
    rc = rc == 0 ? pack_read(reader, into, sum, e) : rc;
    crypt_reader_free(&reader);
    if (rc == 0 && into >= 0 && fsync(into) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", r->part);
    }
    if (into >= 0) {
        (void)close(into);
    }
    return rc;
}

static void child(void *arg, int out)
{
    struct restore *r = arg;
    struct err e = {0};
    struct buf answer;
    struct unpacked sum = {0};
    const struct sandbox_options cage = {.data_dir = r->verify ? NULL : r->part, .weaker = r->weaker};
    buf_init(&answer, ANSWER_MAX);
    int rc = sandbox_enter_with(SANDBOX_KEEPER, &cage, &e);
    rc = rc == 0 ? unpack(r, &sum, &e) : rc;
    if (rc != 0) {
        buf_cstr(&answer, e.text);
    } else {
        buf_printf(&answer, "%" PRIu64 " files, %" PRIu64 " bytes", sum.files, sum.bytes);
    }
    cli_child_write(out, buf_view(&answer));
    buf_free(&answer);
    _exit(rc == 0 ? CLI_OK : CLI_UNREAD);
}

static int run_child(struct restore *r, struct err *e)
{
    struct buf answer, safe;
    int status = CLI_UNREAD;
    buf_init(&answer, ANSWER_MAX);
    buf_init(&safe, ANSWER_MAX * 4);
    int rc = cli_child(child, r, "the restore", &answer, &status, e);
    cli_put_safe(&safe, buf_view(&answer)); /* names in the file may be anybody's */
    if (rc == 0 && status != CLI_OK) {
        rc = err_set(e, ERR_INVALID, "%s: %.*s", r->file, SPAN_ARG(buf_view(&safe)));
    } else if (rc == 0) {
        (void)printf("%s: %.*s, all as the manifest lists them\n", r->file, SPAN_ARG(buf_view(&safe)));
    }
    buf_free(&answer);
    buf_free(&safe);
    return rc;
}

static void tell_signer(const struct crypt_report *report)
{
    char hex[2 * CRYPT_KEY_BYTES + 1];
    hex_encode(report->signer, sizeof report->signer, hex);
    if (report->is_signed) {
        (void)printf("signed by the key %s\n", hex);
    } else {
        (void)printf("not signed: anybody who has the public recovery key may have made it\n");
    }
}

/* One encrypted file: anybody's, until hash and signature fit. */
static int one_file(struct restore *r, struct err *e)
{
    r->fd = open(r->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->fd < 0) {
        return err_set_errno(e, ERR_IO, errno, "%s", r->file);
    }
    int rc = crypt_check(r->fd, &r->report, e);
    err_at(e, rc == 0 ? "" : r->file, 0);
    rc = rc == 0 ? read_secret(r, e) : rc;
    if (rc == 0) {
        tell_signer(&r->report);
        rc = run_child(r, e);
    }
    (void)close(r->fd);
    return rc;
}

/* The days of a second copy, each a file of its own; all must be signed by one key. */
static int all_days(struct restore *r, struct err *e)
{
    char path[PATH_MAX];
    unsigned char signer[CRYPT_KEY_BYTES];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->days.all.len; i++) {
        restore_days_path(&r->days, i, path);
        if (!r->verify && restore_days_has(r->part, r->days.all.data[i])) {
            continue; /* it came with the backup */
        }
        r->file = path;
        rc = one_file(r, e);
        bool same = i == 0 || memcmp(signer, r->report.signer, sizeof signer) == 0;
        if (rc == 0 && (!r->report.is_signed || !same)) {
            rc = err_set(e, ERR_DENIED, "%s: not signed by the key of the days before it: it is not this node's", path);
        }
        if (rc == 0 && !r->verify && !restore_days_has(r->part, r->days.all.data[i])) {
            rc = err_set(e, ERR_INVALID, "%s: another day is in it than its name says", path);
        }
        memcpy(signer, r->report.signer, sizeof signer);
    }
    r->file = NULL; /* it was in path */
    return rc == 0 && !r->verify ? restore_days_seals(r->part, e) : rc;
}

static int unpack_all(struct restore *r, struct err *e)
{
    int rc = r->file == NULL ? 0 : one_file(r, e);
    return rc == 0 && r->copy_dir != NULL ? all_days(r, e) : rc;
}

/* Unpacks beside the place and moves there: a folder of that name is always whole. */
static int into_folder(struct restore *r, struct err *e)
{
    int n = snprintf(r->part, sizeof r->part, "%s.part", r->data_dir);
    if (n >= (int)sizeof r->part || access(r->data_dir, F_OK) == 0) {
        return err_set(e, ERR_EXISTS, "%s exists already: name a new folder with --data", r->data_dir);
    }
    if (mkdir(r->part, 0700) != 0) {
        return err_set_errno(e, ERR_IO, errno, "%s%s", r->part,
                             errno == EEXIST ? " (of a restore that did not end: remove it)" : "");
    }
    int rc = unpack_all(r, e);
    if (rc == 0 && rename(r->part, r->data_dir) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", r->data_dir);
    }
    if (rc != 0) {
        (void)fprintf(stderr, "sereno: what could be read lies in %s; remove it before another try\n", r->part);
        return rc;
    }
    (void)printf("Next: `sereno verify --data %s`, then `sereno serve --data %s`. Never run two nodes with\n"
                 "copies of one data folder.\n",
                 r->data_dir, r->data_dir);
    return 0;
}

static int restore(struct restore *r, struct err *e)
{
    int rc = r->copy_dir == NULL ? 0 : restore_days_list(r->copy_dir, &r->days, e);
    if (rc == 0) {
        rc = r->verify ? unpack_all(r, e) : into_folder(r, e);
    }
    restore_days_free(&r->days);
    return rc;
}

static int run_restore(int argc, char **argv, const struct command *self)
{
    struct restore r = {.fd = -1};
    struct err e = {0};
    const struct cli_option table[] = {
        {"--data", &r.data_dir, NULL},
        {"--copy", &r.copy_dir, NULL},
        {"--key-file", &r.key_file, NULL},
        {"--verify", NULL, &r.verify},
        {"--weaker-sandbox", NULL, &r.weaker},
    };
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), &r.file, 1);
    if (status != CLI_DONE_NOT) {
        return status;
    }
    if ((r.file == NULL && r.copy_dir == NULL) || (r.data_dir == NULL) != r.verify) {
        return cli_usage(self, "needs a FILE or --copy DIR, and either --data DIR or --verify");
    }
    int rc = sodium_init() < 0 ? err_set(&e, ERR_UNSUPPORTED, "the crypto library does not start") : restore(&r, &e);
    sodium_memzero(&r, sizeof r);
    if (rc != 0) {
        cli_print_err(&e);
    }
    return rc == 0 ? CLI_OK : CLI_UNREAD;
}

const struct command cmd_restore = {
    .name = "restore",
    .summary = "a backup into a new data folder, or try whether it could be",
    .help = "usage: sereno restore FILE --data DIR [--copy DIR] [--key-file F]\n"
            "       sereno restore --copy DIR --data DIR [--key-file F]\n"
            "       sereno restore FILE|--copy DIR --verify [--key-file F]\n"
            "\n"
            "Checks hash and signature of a backup, decrypts it with the recovery key (typed without echo, or\n"
            "the first line of F), and unpacks it into DIR, which must not exist yet and appears only when all\n"
            "files are as the backup's manifest lists them.\n"
            "\n"
            "With --copy, DIR is the folder of a second copy of the archive (`copy:` in sereno.yml): all days in it\n"
            "are restored, beside those of FILE or, without FILE, as an archive without records, keys and rules.\n"
            "All days must be signed by one key.\n"
            "\n"
            "  --data DIR         the new data folder\n"
            "  --copy DIR         the second copy of the archive\n"
            "  --verify           decrypt and compare everything, write nothing\n"
            "  --key-file F       a file with the recovery key\n"
            "  --weaker-sandbox   go on where the kernel has no Landlock\n"
            "\n"
            "example: sereno restore /mnt/safe/sereno-2026-11-27.backup --data /var/lib/sereno\n",
    .run = run_restore,
};
