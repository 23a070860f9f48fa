/* SPDX-License-Identifier: EUPL-1.2 */
/* Copies of days: see keeper_copy.h. Between two steps nothing here belongs to the pool's thread. */
#include "roles/keeper_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "wire/pack.h"
#include "archive/seal.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "records/copies.h"
#include "records/db_copy.h"
#include "roles/copy_file.h"
#include "roles/recovery.h"

enum {
    LOOK_EVERY_S = 20,    /* for a day that is over and sealed */
    RETRY_EVERY_S = 30,   /* a mounted disk */
    RETRY_FIRST_S = 5,    /* a place on the network: after the first failure, doubling */
    RETRY_MAX_S = 900,
    ANSWER_MAX_S = 600,   /* of super, or of the place behind it: since it last moved */
    FAIL_LOG_EVERY_S = 600,
};

#define COPY_TMP "copy.tmp" /* in the data folder: the day's database lies there while it is packed */

enum step { STEP_REST, STEP_ASKED, STEP_PACKING, STEP_CLOSING };

struct keeper_copy {
    uv_work_t work;
    struct role *role;
    struct db *db;
    char *data_dir, *archive_dir;
    enum step step;
    bool orphan, wanted, remote;
    const struct config *seen; /* the config in use, to tell a new one */
    unsigned failures;         /* in a row */
    atomic_bool stop;
    char place[CONFIG_TEXT_MAX + 1];
    time_ns due, asked_at, logged_at; /* monotonic */
    int64_t waiting;
    /* the step's own */
    int32_t day;
    int fd;
    enum copy_found found;
    int rc;
    uint64_t bytes;
    unsigned char hash[CRYPT_HASH_BYTES];
    struct err e;
};

static void take_config(struct keeper_copy *k, const struct config *config)
{
    struct span place = config_copy_place(config);
    k->wanted = place.len > 0;
    k->remote = config->copy.folder.len == 0;
    (void)snprintf(k->place, sizeof k->place, "%.*s", SPAN_ARG(place));
}

struct keeper_copy *keeper_copy_open(struct role *r, const char *data_dir, struct db *db, const struct config *config)
{
    char path[PATH_MAX];
    struct keeper_copy *k = mem_alloc(sizeof *k);
    k->role = r;
    k->db = db;
    k->data_dir = mem_strdup(data_dir);
    (void)snprintf(path, sizeof path, "%s/archive", data_dir);
    k->archive_dir = mem_strdup(path);
    (void)snprintf(path, sizeof path, "%s/" COPY_TMP, data_dir);
    (void)unlink(path); /* of a keeper that was killed */
    k->work.data = k;
    k->fd = -1;
    take_config(k, config);
    return k;
}

static void release(struct keeper_copy *k)
{
    if (k->fd >= 0) {
        (void)close(k->fd);
    }
    mem_free(k->data_dir);
    mem_free(k->archive_dir);
    mem_free(k);
}

void keeper_copy_close(struct keeper_copy **given)
{
    struct keeper_copy *k = *given;
    *given = NULL;
    if (k == NULL) {
        return;
    }
    atomic_store(&k->stop, true);
    if (k->step == STEP_PACKING) {
        k->orphan = true;
    } else {
        release(k);
    }
}

/* ---- on the pool ---- */

/* One file of the data folder under another name in the tar. */
static int put(struct keeper_copy *k, struct pack *p, const char *file, const char *as, struct err *e)
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
static int fill(struct keeper_copy *k, struct crypt_writer *w, struct err *e)
{
    char from[PATH_MAX], to[PATH_MAX], date[11], as[PACK_PATH_MAX];
    copy_date(k->day, date);
    (void)snprintf(from, sizeof from, "%s/%s.db", k->archive_dir, date);
    (void)snprintf(to, sizeof to, "%s/" COPY_TMP, k->data_dir);
    struct pack *p = pack_new(w, &k->stop, e);
    int rc = p == NULL ? ERR_IO : db_copy(from, to, e);
    (void)snprintf(as, sizeof as, "archive/%s.db", date);
    rc = rc == 0 ? put(k, p, COPY_TMP, as, e) : rc;
    (void)snprintf(as, sizeof as, "seals/%s.jsonl", date);
    rc = rc == 0 ? put(k, p, "archive/" SEAL_FILE_NAME, as, e) : rc;
    rc = rc == 0 ? pack_end(p, e) : rc;
    pack_free(&p);
    (void)unlink(to);
    return rc;
}

static int write_copy(struct keeper_copy *k, const unsigned char to[CRYPT_KEY_BYTES], const unsigned char *seed, struct err *e)
{
    struct crypt_writer *w = crypt_writer_new(k->fd, to);
    int rc = fill(k, w, e);
    rc = rc == 0 ? crypt_writer_end(w, seed, e) : rc;
    if (rc == 0 && fsync(k->fd) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "the copy");
    }
    crypt_writer_free(&w);
    return rc;
}

/* What was written, or what somebody wrote before, is whole, for our recovery key and signed by our key. */
static int check_copy(struct keeper_copy *k, const unsigned char to[CRYPT_KEY_BYTES], const unsigned char signer[SEAL_KEY_BYTES], struct err *e)
{
    struct crypt_report report;
    struct err why = {0};
    int rc = crypt_check(k->fd, &report, &why);
    bool ours = rc == 0 && report.is_signed && memcmp(report.signer, signer, SEAL_KEY_BYTES) == 0 && memcmp(report.to, to, CRYPT_KEY_BYTES) == 0;
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
    struct keeper_copy *k = work->data;
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
}

/* ---- on the loop ---- */

static void rest(struct keeper_copy *k, time_ns seconds)
{
    k->step = STEP_REST;
    k->due = clock_mono() + seconds * TIME_SECOND;
    if (k->fd >= 0) {
        (void)close(k->fd);
        k->fd = -1;
    }
}

/* A quarter more or less, so that many nodes do not come to one server at once. */
static time_ns pause_s(struct keeper_copy *k)
{
    if (!k->remote) {
        return RETRY_EVERY_S;
    }
    time_ns s = k->failures < 8 ? (time_ns)RETRY_FIRST_S << k->failures : RETRY_MAX_S;
    k->failures++;
    s = s > RETRY_MAX_S ? RETRY_MAX_S : s;
    return s - s / 4 + (time_ns)randombytes_uniform((uint32_t)(s / 2 + 1));
}

static void fail(struct keeper_copy *k, struct span why)
{
    struct err e = {0};
    char date[11], text[COPY_WHY_MAX], shown[LOG_VALUE_MAX];
    time_ns now = clock_mono();
    copy_date(k->day, date);
    (void)snprintf(text, sizeof text, "%s: %.*s", date, SPAN_ARG(why));
    if (k->logged_at == 0 || now - k->logged_at > FAIL_LOG_EVERY_S * TIME_SECOND) {
        k->logged_at = now;
        log_error("copy.failed", "why=\"%s\"", log_value(span_of(text), shown));
    }
    if (copies_failed(k->db, span_of(text), clock_now(), &e) != 0) {
        log_error("copy.failed", "why=\"%s\"", e.text);
    }
    rest(k, pause_s(k));
}

static void ask(struct keeper_copy *k, uint16_t type, bool whole)
{
    struct buf b;
    buf_init(&b, 16);
    buf_u32(&b, (uint32_t)k->day);
    if (type == MSG_COPY_CLOSE) {
        buf_u8(&b, whole);
    }
    if (ipc_send(role_super(k->role), type, 0, buf_view(&b)) != 0) {
        log_warn("copy.failed", "why=\"super was not told\"");
    }
    buf_free(&b);
    k->asked_at = clock_mono();
}

/* The oldest day that is over, was sealed after its end, and is not there; how many there are. */
static int choose(struct keeper_copy *k, time_ns now, bool *found_out, struct err *e)
{
    struct archive_reader *reader = NULL;
    struct arena scratch;
    int32_t *days = NULL, *done = NULL;
    size_t n = 0, ndone = 0, at = 0;
    arena_init(&scratch, 0);
    time_ns sealed = archive_sealed_at(k->archive_dir);
    int rc = archive_reader_open(k->archive_dir, &reader, e);
    rc = rc == 0 ? archive_days(reader, &scratch, &days, &n, e) : rc;
    rc = rc == 0 ? copies_days(k->db, span_of(k->place), &scratch, &done, &ndone, e) : rc;
    k->waiting = 0;
    *found_out = false;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        while (at < ndone && done[at] < days[i]) {
            at++;
        }
        bool over = days[i] >= 0 && days[i] < time_day(now) && sealed != TIME_NONE && sealed >= ((time_ns)days[i] + 1) * TIME_DAY;
        if (over && (at == ndone || done[at] != days[i])) {
            k->day = *found_out ? k->day : days[i];
            *found_out = true;
            k->waiting++;
        }
    }
    archive_reader_close(&reader);
    arena_fini(&scratch);
    return rc;
}

void keeper_copy_tick(struct keeper_copy *k, const struct config *config, time_ns now)
{
    struct err e = {0};
    bool found = false;
    if (k->step == STEP_REST && config != NULL) {
        k->due = k->seen == config ? k->due : clock_mono();
        k->failures = k->seen == config ? k->failures : 0;
        k->seen = config;
        take_config(k, config);
    }
    if ((k->step == STEP_ASKED || k->step == STEP_CLOSING) && clock_mono() - k->asked_at > ANSWER_MAX_S * TIME_SECOND) {
        fail(k, SPAN("the place of the copy does not answer"));
    }
    if (!k->wanted || k->step != STEP_REST || clock_mono() < k->due) {
        return;
    }
    if (choose(k, now, &found, &e) != 0) {
        fail(k, span_of(e.text));
    } else if (!found) {
        rest(k, LOOK_EVERY_S);
    } else {
        k->step = STEP_ASKED;
        ask(k, MSG_COPY_OPEN, false);
    }
}

static void keep(struct keeper_copy *k)
{
    struct err e = {0};
    char hex[2 * CRYPT_HASH_BYTES + 1], date[11];
    hex_encode(k->hash, sizeof k->hash, hex);
    copy_date(k->day, date);
    const struct copy_day done = {.day = k->day, .at = clock_now(), .bytes = (int64_t)k->bytes, .hash = span_of(hex)};
    if (copies_put(k->db, span_of(k->place), &done, &e) != 0) {
        fail(k, span_of(e.text));
        return;
    }
    k->waiting -= k->waiting > 0;
    k->logged_at = 0;
    k->failures = 0;
    log_info("copy.made", "day=%s bytes=%llu", date, (unsigned long long)k->bytes);
    rest(k, 0);
}

static void on_packed(uv_work_t *work, int status)
{
    struct keeper_copy *k = work->data;
    (void)status; /* nobody cancels it */
    if (k->orphan) {
        release(k);
        return;
    }
    if (k->rc == 0 && k->found == COPY_THERE) {
        keep(k);
        return;
    }
    if (k->found != COPY_THERE) {
        ask(k, MSG_COPY_CLOSE, k->rc == 0);
    }
    if (k->rc == 0) {
        k->step = STEP_CLOSING;
    } else if (k->rc == ERR_NOT_FOUND && access(k->archive_dir, F_OK) == 0 && k->e.text[0] == '/') {
        rest(k, 0); /* retention let the day go meanwhile */
    } else {
        fail(k, span_of(k->e.text));
    }
}

static void take_file(struct keeper_copy *k, int32_t day, uint8_t found, struct span why, int fd)
{
    if (k->step != STEP_ASKED || day != k->day || (found != COPY_FAILED && found != COPY_BUSY && fd < 0)) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    if (found == COPY_FAILED) {
        fail(k, why);
        return;
    }
    if (found == COPY_BUSY) { /* what an earlier keeper asked for: no failure */
        rest(k, RETRY_FIRST_S);
        return;
    }
    k->fd = fd;
    k->found = (enum copy_found)found;
    k->e = (struct err){0};
    k->step = STEP_PACKING;
    MUST(uv_queue_work(role_loop(k->role), &k->work, on_pool, on_packed));
}

void keeper_copy_message(struct keeper_copy *k, struct ipc_msg *msg)
{
    struct cursor c = cursor_of(msg->body);
    int32_t day = (int32_t)cursor_u32(&c);
    if (msg->type == MSG_COPY_GOING) {
        k->asked_at = day == k->day ? clock_mono() : k->asked_at;
        return;
    }
    uint8_t found = msg->type == MSG_COPY_FILE ? cursor_u8(&c) : (uint8_t)COPY_NEW;
    struct span why = cursor_str(&c);
    int fd = msg->type == MSG_COPY_FILE ? ipc_msg_take_fd(msg, 0) : -1;
    CHECK(cursor_done(&c) && found < COPY_FOUND_COUNT); /* super is us */
    if (msg->type == MSG_COPY_FILE) {
        take_file(k, day, found, why, fd);
    } else if (k->step == STEP_CLOSING && day == k->day) {
        if (why.len > 0) {
            fail(k, why);
        } else {
            keep(k);
        }
    }
}

void keeper_copy_status(struct keeper_copy *k, struct keeper_status *out)
{
    struct copy_state s = {.at = TIME_NONE, .failed_at = TIME_NONE};
    struct err e = {0};
    out->copy_at = out->copy_failed_at = TIME_NONE;
    if (k == NULL || !k->wanted) {
        return;
    }
    if (copies_state(k->db, span_of(k->place), &s, &e) != 0) {
        log_error("copy.state", "why=\"%s\"", e.text);
        return;
    }
    out->copy_wanted = 1;
    out->copy_days = s.days;
    out->copy_bytes = s.bytes;
    out->copy_waiting = k->waiting;
    out->copy_at = s.at;
    out->copy_failed_at = s.failed_at;
}
