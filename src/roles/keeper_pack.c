/* SPDX-License-Identifier: EUPL-1.2 */
/* A day on its way into a file of the second copy: see keeper_pack.h. Nothing of the loop's is touched by the thread. */
#include "roles/keeper_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive/seal.h"
#include "base/mem.h"
#include "records/db_copy.h"
#include "roles/recovery.h"
#include "wire/pack.h"

/* Synced so often while it is written: what the last sync has to bring is bounded, and a disk that is only slow is seen to go on. */
enum { SYNC_EVERY_BYTES = 64 << 20 };

/* One file of the data folder under another name in the tar. */
static int put(struct keeper_pack *k, struct pack *p, const char *file, const char *as, struct err *e)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", k->data_dir, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return err_set_errno(e, ERR_IO, errno, "%s", file);
    }
    int rc = pack_file(p, as, fd, e);
    (void)close(fd);
    return rc;
}

/* The day's file as one moment's state, and the seals, without which nobody could tell that it is the one that was sealed. */
static int fill(struct keeper_pack *k, struct crypt_writer *w, struct err *e)
{
    char from[PATH_MAX], to[PATH_MAX], date[11], as[PACK_PATH_MAX];
    copy_date(k->day, date);
    (void)snprintf(from, sizeof from, "%s/archive/%s.db", k->data_dir, date);
    (void)snprintf(to, sizeof to, "%s/" KEEPER_PACK_TMP, k->data_dir);
    struct pack *p = pack_new(w, &k->stop, e);
    int rc = p == NULL ? ERR_IO : db_copy(from, to, e);
    atomic_store(&k->away, true);
    (void)snprintf(as, sizeof as, "archive/%s.db", date);
    rc = rc == 0 ? put(k, p, KEEPER_PACK_TMP, as, e) : rc;
    (void)snprintf(as, sizeof as, "seals/%s.jsonl", date);
    rc = rc == 0 ? put(k, p, "archive/" SEAL_FILE_NAME, as, e) : rc;
    rc = rc == 0 ? pack_end(p, e) : rc;
    pack_free(&p);
    (void)unlink(to);
    return rc;
}

/* After each write there. */
static int on_written(void *arg, uint64_t written, struct err *e)
{
    struct keeper_pack *k = arg;
    uint64_t before = atomic_exchange(&k->moved, written);
    if (before / SYNC_EVERY_BYTES != written / SYNC_EVERY_BYTES && fdatasync(k->fd) != 0) {
        return err_set_errno(e, ERR_IO, errno, "the copy");
    }
    return 0;
}

static int write_copy(struct keeper_pack *k, const unsigned char to[CRYPT_KEY_BYTES], const unsigned char *seed, struct err *e)
{
    struct crypt_writer *w = crypt_writer_new(k->fd, to);
    crypt_writer_watch(w, on_written, k);
    int rc = fill(k, w, e);
    rc = rc == 0 ? crypt_writer_end(w, seed, e) : rc;
    if (rc == 0 && fsync(k->fd) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "the copy");
    }
    crypt_writer_free(&w);
    return rc;
}

/* What was written, or what somebody wrote before, is whole, for our recovery key and signed by our key. */
static int check_copy(struct keeper_pack *k, const unsigned char to[CRYPT_KEY_BYTES], const unsigned char signer[SEAL_KEY_BYTES], struct err *e)
{
    struct crypt_report report;
    struct err why = {0};
    atomic_store(&k->away, true);
    int rc = crypt_check_watched(k->fd, &k->stop, &k->moved, &report, &why);
    bool ours = rc == 0 && report.is_signed && memcmp(report.signer, signer, SEAL_KEY_BYTES) == 0 && memcmp(report.to, to, CRYPT_KEY_BYTES) == 0;
    if (rc == ERR_CLOSED) {
        *e = why;
        return rc;
    }
    if (!ours && k->found == COPY_THERE) {
        return err_set(e, ERR_EXISTS, "a file of that day is there that is not this node's whole copy%s%s: it is not written over, move it away",
                       rc == 0 ? "" : ": ", rc == 0 ? "" : why.text);
    }
    if (!ours) {
        return err_set(e, ERR_IO, "the copy cannot be read as it was written: %s", rc == 0 ? "its keys differ" : why.text);
    }
    k->bytes = report.bytes;
    memcpy(k->hash, report.hash, sizeof k->hash);
    return 0;
}

static void on_pool(uv_work_t *work)
{
    struct keeper_pack *k = work->data;
    unsigned char to[CRYPT_KEY_BYTES], seed[CRYPT_KEY_BYTES], signer[SEAL_KEY_BYTES];
    k->rc = recovery_public(k->data_dir, to, &k->e);
    if (k->rc == 0 && !recovery_signer(k->data_dir, seed)) {
        k->rc = err_set(&k->e, ERR_NOT_FOUND, "keys/seal.key is missing, with which a copy is signed");
    }
    if (k->rc == 0) {
        struct seal_key *key = seal_key_new(seed);
        seal_key_public(key, signer);
        seal_key_free(&key);
        k->rc = k->found == COPY_NEW ? write_copy(k, to, seed, &k->e) : 0;
        k->rc = k->rc == 0 ? check_copy(k, to, signer, &k->e) : k->rc;
    }
    sodium_memzero(seed, sizeof seed);
    atomic_store(&k->away, true);
    (void)close(k->fd); /* all of it was synced, or counts for nothing */
    k->fd = -1;
}

static void on_done(uv_work_t *work, int status)
{
    struct keeper_pack *k = work->data;
    (void)status; /* nobody cancels it */
    k->done(k);
}

struct keeper_pack *keeper_pack_new(const char *data_dir, int32_t day, int fd, enum copy_found found)
{
    struct keeper_pack *k = mem_alloc(sizeof *k);
    k->data_dir = mem_strdup(data_dir);
    k->day = day;
    k->fd = fd;
    k->found = found;
    k->work.data = k;
    return k;
}

void keeper_pack_start(struct keeper_pack *p, uv_loop_t *loop, void *owner, void (*done)(struct keeper_pack *p))
{
    p->owner = owner;
    p->done = done;
    MUST(uv_queue_work(loop, &p->work, on_pool, on_done));
}

void keeper_pack_free(struct keeper_pack **given)
{
    struct keeper_pack *k = *given;
    *given = NULL;
    if (k != NULL) {
        CHECK(k->fd < 0);
        mem_free(k->data_dir);
        mem_free(k);
    }
}

/* ---- closing ---- */

struct closing {
    uv_work_t work;
    int fd;
};

static void on_close(uv_work_t *work)
{
    struct closing *c = work->data;
    (void)close(c->fd);
}

static void on_closed(uv_work_t *work, int status)
{
    (void)status;
    mem_free(work->data);
}

void keeper_pack_close_fd(uv_loop_t *loop, int fd)
{
    struct closing *c = mem_alloc(sizeof *c);
    c->work.data = c;
    c->fd = fd;
    MUST(uv_queue_work(loop, &c->work, on_close, on_closed));
}
