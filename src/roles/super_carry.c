/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A second copy on the network. What the keeper packs is written into DATA/copy/, encrypted to the recovery key; when it says that
 * it is whole the file gets its name there and the courier gets an fd of it, to read and nothing else, and one of the
 * key that opens the door. The file stays until the courier has seen it whole on the other side: whoever dies meanwhile,
 * nothing is packed twice, and what was brought is gone on with. Before a day is packed the courier looks whether it
 * lies there, and then the keeper looks at that. All steps here are on the data's own disk, and short.
 */
#include "roles/super_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum {
    CARRY_PATH_MAX = 4096,
    CARRY_MORE_BYTES = 256 << 20, /* that a copy may have beyond twice its day: seals, frames, a day that was merged since */
    CARRY_MESSAGE_MAX = 64 << 10,
};

/* Names in DATA/copy. */
#define SPOOL_FOLDER "copy"
#define SPOOL_PART ".part"   /* the keeper writes it */
#define SPOOL_THERE ".there" /* the courier writes it: what lies on the other side */

struct carry {
    enum copy_errand errand;
    int32_t day;
    int fd; /* fetch: what it is written to */
};

static void name_of(int32_t day, const char *end, char out[COPY_NAME_MAX + 8])
{
    char name[COPY_NAME_MAX];
    copy_name(day, name);
    (void)snprintf(out, COPY_NAME_MAX + 8, "%s%s", name, end);
}

static int open_spool(const struct super *s, struct err *e)
{
    char path[CARRY_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/" SPOOL_FOLDER, s->data_dir);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return dir >= 0 ? dir : err_set_errno(e, ERR_IO, errno, "%s", path);
}

/* What other days left, and what of this one was not finished. */
static void clean(int dir, const char *keep)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (d == NULL) {
        if (copy >= 0) {
            (void)close(copy);
        }
        return;
    }
    for (struct dirent *one = readdir(d); one != NULL; one = readdir(d)) {
        if (strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0 && strcmp(one->d_name, keep) != 0) {
            (void)unlinkat(dir, one->d_name, 0);
        }
    }
    (void)closedir(d);
}

/* More than a copy of the day can have: what is larger on the other side is something else. */
static uint64_t most_bytes(const struct super *s, int32_t day)
{
    char path[CARRY_PATH_MAX], date[11];
    struct stat st;
    copy_date(day, date);
    (void)snprintf(path, sizeof path, "%s/archive/%s.db", s->data_dir, date);
    return CARRY_MORE_BYTES + (stat(path, &st) == 0 ? 2 * (uint64_t)st.st_size : 0);
}

/* ---- the courier ---- */

static int hand_over(struct super *s, enum copy_errand errand, int32_t day, int fd, struct err *e)
{
    struct child *courier = super_child(s, ROLE_COURIER, 0);
    char path[CARRY_PATH_MAX];
    struct buf b;
    if (courier == NULL || !child_runs(courier)) {
        return err_set(e, ERR_BUSY, "the courier does not run");
    }
    (void)snprintf(path, sizeof path, "%.*s", SPAN_ARG(s->config->copy.key_file));
    int key = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (key < 0) {
        return err_set_errno(e, ERR_IO, errno, "key_file %s", path);
    }
    const int fds[2] = {fd, key};
    buf_init(&b, CARRY_MESSAGE_MAX);
    buf_u8(&b, (uint8_t)errand);
    buf_u32(&b, (uint32_t)day);
    buf_u64(&b, most_bytes(s, day));
    copy_place_encode(&b, &s->config->copy.place);
    int rc = b.failed ? ERR_LIMIT : ipc_send_fds(courier->ch, MSG_COPY_CARRY, 0, buf_view(&b), fds, 2);
    buf_free(&b);
    (void)close(key);
    if (rc != 0) {
        return err_set(e, rc, "the courier was not told: %s", err_name(rc));
    }
    s->carrying = mem_alloc(sizeof *s->carrying);
    *s->carrying = (struct carry){.errand = errand, .day = day, .fd = errand == COPY_FETCH ? fd : -1};
    return 0;
}

/* ---- what the keeper asks ---- */

/* The day was packed by an earlier try; else the courier looks whether it lies there. *fd_out -1: that is under way. */
static int ask_for_file(struct super *s, int dir, int32_t day, int *fd_out, struct err *e)
{
    char name[COPY_NAME_MAX + 8], there[COPY_NAME_MAX + 8];
    name_of(day, "", name);
    name_of(day, SPOOL_THERE, there);
    clean(dir, name);
    *fd_out = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd_out >= 0) {
        return 0;
    }
    int fd = openat(dir, there, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = fd < 0 ? err_set_errno(e, ERR_IO, errno, SPOOL_FOLDER "/%s", there) : hand_over(s, COPY_FETCH, day, fd, e);
    if (rc != 0 && fd >= 0) {
        (void)close(fd);
        (void)unlinkat(dir, there, 0);
    }
    return rc;
}

/* From here on the file is whole, whoever dies. */
static int send_file(struct super *s, int dir, int32_t day, struct err *e)
{
    char name[COPY_NAME_MAX + 8], part[COPY_NAME_MAX + 8];
    name_of(day, "", name);
    name_of(day, SPOOL_PART, part);
    if ((renameat(dir, part, dir, name) != 0 && errno != ENOENT) || fsync(dir) != 0) {
        return err_set_errno(e, ERR_IO, errno, SPOOL_FOLDER "/%s", name);
    }
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int rc = fd < 0 ? err_set_errno(e, ERR_IO, errno, SPOOL_FOLDER "/%s", name) : hand_over(s, COPY_SEND, day, fd, e);
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

void carry_on_message(struct super *s, uint16_t asked, int32_t day, bool whole)
{
    struct err e = {0};
    int fd = -1;
    if (s->carrying != NULL) { /* of a keeper that died, or gave up waiting */
        copy_tell(s, asked, day, COPY_BUSY, "an earlier errand is still on its way", -1);
        return;
    }
    int dir = open_spool(s, &e);
    int rc = dir < 0 ? dir : 0;
    if (rc == 0 && asked == MSG_COPY_OPEN) {
        rc = ask_for_file(s, dir, day, &fd, &e);
    } else if (rc == 0 && whole) {
        rc = send_file(s, dir, day, &e);
    } else if (rc == 0) {
        clean(dir, "");
    }
    if (dir >= 0) {
        (void)close(dir);
    }
    if (rc != 0 && (asked == MSG_COPY_OPEN || whole)) {
        copy_tell(s, asked, day, COPY_FAILED, e.text, -1);
    } else if (fd >= 0) {
        copy_tell(s, asked, day, COPY_READY, "", fd);
        (void)close(fd);
    }
}

/* ---- what the courier says ---- */

/* An empty file for the keeper, since none lies there. */
static int make_part(int dir, int32_t day, struct err *e)
{
    char part[COPY_NAME_MAX + 8];
    name_of(day, SPOOL_PART, part);
    (void)unlinkat(dir, part, 0);
    int fd = openat(dir, part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : err_set_errno(e, ERR_IO, errno, SPOOL_FOLDER "/%s", part);
}

static void fetched(struct super *s, const struct carry *c, enum copy_carried what, const char *why)
{
    struct err e = {0};
    char there[COPY_NAME_MAX + 8];
    enum copy_found found = what == CARRIED_DONE ? COPY_THERE : what == CARRIED_ABSENT ? COPY_NEW : COPY_FAILED;
    int part = -1;
    name_of(c->day, SPOOL_THERE, there);
    int dir = open_spool(s, &e);
    if (dir >= 0) {
        (void)unlinkat(dir, there, 0); /* the keeper gets the file itself */
        part = found == COPY_NEW ? make_part(dir, c->day, &e) : -1;
        (void)close(dir);
    }
    if (dir < 0 || (found == COPY_NEW && part < 0)) {
        found = COPY_FAILED;
        why = e.text;
    }
    copy_tell(s, MSG_COPY_OPEN, c->day, found, found == COPY_FAILED ? why : "", found == COPY_THERE ? c->fd : part);
    if (part >= 0) {
        (void)close(part);
    }
}

static void sent(struct super *s, const struct carry *c, enum copy_carried what, const char *why)
{
    struct err e = {0};
    char name[COPY_NAME_MAX + 8];
    if (what == CARRIED_DONE) {
        int dir = open_spool(s, &e);
        name_of(c->day, "", name);
        if (dir >= 0) {
            (void)unlinkat(dir, name, 0);
            (void)close(dir);
        }
    }
    copy_tell(s, MSG_COPY_CLOSE, c->day, COPY_NEW, what == CARRIED_DONE ? "" : why, -1);
}

void carry_tidy(struct super *s)
{
    char path[CARRY_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/" SPOOL_FOLDER, s->data_dir);
    if (s->config->copy.place.url.len > 0 || s->carrying != NULL || access(path, F_OK) != 0) {
        return;
    }
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir >= 0) {
        clean(dir, "");
        (void)close(dir);
    }
    if (dir < 0 || rmdir(path) != 0) {
        log_warn("copy.tidy", "why=\"%s/ cannot be removed: %s\"", SPOOL_FOLDER, strerror(errno));
    }
}

static void carried(struct super *s, enum copy_carried what, const char *why)
{
    struct carry *c = s->carrying;
    s->carrying = NULL;
    if (c->errand == COPY_FETCH) {
        fetched(s, c, what, why);
    } else {
        sent(s, c, what, why);
    }
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    mem_free(c);
    carry_tidy(s);
}

static void tell_going(struct super *s, uint64_t bytes)
{
    struct child *keeper = super_child(s, ROLE_KEEPER, 0);
    struct buf b;
    if (keeper == NULL || !child_runs(keeper)) {
        return;
    }
    buf_init(&b, 16);
    buf_u32(&b, (uint32_t)s->carrying->day);
    buf_u64(&b, bytes);
    (void)!child_send(keeper, MSG_COPY_GOING, buf_view(&b), NULL);
    buf_free(&b);
}

void carry_on_courier(struct super *s, struct ipc_msg *msg)
{
    char why[ERR_TEXT_MAX];
    struct cursor in = cursor_of(msg->body);
    if (msg->type == MSG_COPY_MOVED) {
        uint64_t bytes = cursor_u64(&in);
        if (s->carrying != NULL && cursor_done(&in)) {
            tell_going(s, bytes);
        }
        return;
    }
    uint8_t errand = cursor_u8(&in);
    int32_t day = (int32_t)cursor_u32(&in);
    uint8_t what = cursor_u8(&in);
    struct span said = cursor_str(&in);
    (void)snprintf(why, sizeof why, "%.*s", SPAN_ARG(said));
    if (!cursor_done(&in) || what >= COPY_CARRIED_COUNT || s->carrying == NULL || s->carrying->errand != errand || s->carrying->day != day) {
        log_error("copy.carried", "why=\"the courier says what was not asked\"");
        return;
    }
    carried(s, (enum copy_carried)what, why);
}

void carry_lost(struct super *s)
{
    if (s->carrying != NULL) {
        carried(s, CARRIED_FAILED, "the courier ended on its way");
    }
}
