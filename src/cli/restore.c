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
#include <stdlib.h>
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
#include "cli/restore_fetch.h"
#include "os/sandbox.h"
#include "roles/copy_file.h"

enum { ANSWER_MAX = 256 * 1024 };

struct restore {
    const char *file, *data_dir, *key_file, *copy_dir, *copy_key, *host_key, *endpoint, *region;
    bool verify, weaker, asked;
    struct restore_days days;
    struct restore_fetch fetch; /* copy_dir is a URL */
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

/* One encrypted file, open as r->fd: anybody's, until hash and signature fit. Closes it. */
static int one_open(struct restore *r, struct err *e)
{
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

static int one_file(struct restore *r, struct err *e)
{
    r->fd = open(r->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return r->fd < 0 ? err_set_errno(e, ERR_IO, errno, "%s", r->file) : one_open(r, e);
}

/* A day from another machine, by way of a file that has no name any more. */
static int one_fetched(struct restore *r, const struct restore_day *day, struct err *e)
{
    char path[PATH_MAX];
    const char *tmp = getenv("TMPDIR");
    const char *folder = !r->verify ? r->part : tmp != NULL && tmp[0] == '/' ? tmp : "/var/tmp";
    int n = snprintf(path, sizeof path, "%s/.sereno-restore-%ld", folder, (long)getpid());
    r->fd = n < (int)sizeof path ? open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    if (r->fd < 0) {
        return err_set_errno(e, ERR_IO, n < (int)sizeof path ? errno : ENAMETOOLONG, "%s", path);
    }
    (void)unlink(path);
    int rc = restore_fetch_day(&r->fetch, day, r->fd, e);
    if (rc != 0) {
        (void)close(r->fd);
        return rc;
    }
    return one_open(r, e);
}

/* The days of a second copy, each a file of its own; all must be signed by one key. */
static int all_days(struct restore *r, struct err *e)
{
    char path[PATH_MAX];
    unsigned char signer[CRYPT_KEY_BYTES];
    bool remote = restore_fetch_is_url(r->copy_dir);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->days.all.len; i++) {
        if (remote) {
            (void)snprintf(path, sizeof path, "%s/" COPY_NAME_START "%s" COPY_NAME_END, r->copy_dir, r->days.all.data[i].date);
        } else {
            restore_days_path(&r->days, i, path);
        }
        if (!r->verify && restore_days_has(r->part, r->days.all.data[i])) {
            continue; /* it came with the backup */
        }
        r->file = path;
        rc = remote ? one_fetched(r, &r->days.all.data[i], e) : one_file(r, e);
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
    if (rc != 0 && rmdir(r->part) != 0) { /* nothing was read: then nothing stays */
        (void)fprintf(stderr, "sereno: what could be read lies in %s; remove it before another try\n", r->part);
    }
    if (rc != 0) {
        return rc;
    }
    (void)printf("Next: `sereno verify --data %s`, then `sereno serve --data %s`. Never run two nodes with\n"
                 "copies of one data folder.\n",
                 r->data_dir, r->data_dir);
    return 0;
}

static int list_days(struct restore *r, struct err *e)
{
    if (r->copy_dir == NULL) {
        return 0;
    }
    if (!restore_fetch_is_url(r->copy_dir)) {
        return restore_days_list(r->copy_dir, &r->days, e);
    }
    r->fetch.weaker = r->weaker;
    const struct restore_fetch_options o = {.url = r->copy_dir, .host_keys = r->host_key, .endpoint = r->endpoint, .region = r->region, .key_file = r->copy_key};
    int rc = restore_fetch_open(&r->fetch, &o, e);
    return rc == 0 ? restore_fetch_list(&r->fetch, &r->days, e) : rc;
}

static int restore(struct restore *r, struct err *e)
{
    int rc = list_days(r, e);
    if (rc == 0) {
        rc = r->verify ? unpack_all(r, e) : into_folder(r, e);
    }
    restore_days_free(&r->days);
    restore_fetch_close(&r->fetch);
    return rc;
}

static int run_restore(int argc, char **argv, const struct command *self)
{
    struct restore r = {.fd = -1, .fetch = {.key_fd = -1}};
    struct err e = {0};
    const struct cli_option table[] = {
        {"--data", &r.data_dir, NULL},
        {"--copy", &r.copy_dir, NULL},
        {"--copy-key", &r.copy_key, NULL},
        {"--host-key", &r.host_key, NULL},
        {"--endpoint", &r.endpoint, NULL},
        {"--region", &r.region, NULL},
        {"--key-file", &r.key_file, NULL},
        {"--verify", NULL, &r.verify},
        {"--weaker-sandbox", NULL, &r.weaker},
    };
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), &r.file, 1);
    if (status != CLI_DONE_NOT) {
        return status;
    }
    if ((r.file == NULL && r.copy_dir == NULL) || (r.data_dir == NULL) != r.verify) {
        return cli_usage(self, "needs a FILE or --copy DIR|URL, and either --data DIR or --verify");
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
    .help = "usage: sereno restore FILE --data DIR [--copy DIR|URL] [--key-file F]\n"
            "       sereno restore --copy DIR|URL --data DIR [--key-file F]\n"
            "       sereno restore FILE|--copy DIR|URL --verify [--key-file F]\n"
            "\n"
            "Checks hash and signature of a backup, decrypts it with the recovery key (typed without echo, or\n"
            "the first line of F), and unpacks it into DIR, which must not exist yet and appears only when all\n"
            "files are as the backup's manifest lists them.\n"
            "\n"
            "--copy names a second copy of the archive (`copy:` in sereno.yml), a folder or a URL: all days in it are\n"
            "restored, beside those of FILE or, without FILE, as an archive without records, keys and rules. All\n"
            "days must be signed by one key. From a URL one day is fetched at a time, into DIR or, with --verify, into\n"
            "$TMPDIR (/var/tmp).\n"
            "\n"
            "  --data DIR         the new data folder\n"
            "  --copy DIR|URL     the second copy of the archive: a folder, sftp://user@host[:port]/folder, or s3://bucket[/prefix]\n"
            "  --copy-key F       of a URL: what opens the door there, as key_file in sereno.yml\n"
            "  --host-key PIN     of sftp://: who the server is, SHA256:... as `ssh-keygen -l` prints it; several with commas\n"
            "  --endpoint URL     of s3://: the server, https://host[:port]\n"
            "  --region R         of s3://: us-east-1 where it is not said\n"
            "  --verify           decrypt and compare everything, keep nothing\n"
            "  --key-file F       a file with the recovery key\n"
            "  --weaker-sandbox   go on where the kernel has no Landlock\n"
            "\n"
            "example: sereno restore /mnt/safe/sereno-2026-11-27.backup --data /var/lib/sereno\n"
            "         sereno restore --copy sftp://sereno@safe.example/copy --copy-key copy.key --host-key SHA256:... --verify\n",
    .run = run_restore,
};
