/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The folder of the second copy: super opens it for the keeper, whose sandbox ends at the data folder, makes one file at a
 * time there, and gives it its name when the keeper says that it is whole. Nothing there is ever written over or, but
 * for what was not finished, removed. Each step runs on a thread of libuv's pool, closing too, since a disk elsewhere may not
 * answer for long; super itself goes on, and a keeper that asks meanwhile is told so.
 */
#include "roles/super_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "roles/copy_file.h"

enum { COPY_TEXT_MAX = 2048 };

struct copy_job {
    uv_work_t work;
    struct super *super;
    uint16_t type; /* MSG_COPY_OPEN or MSG_COPY_CLOSE */
    int32_t day;
    bool whole, same_disk;
    char *folder, *data_dir;
    int fd;
    enum copy_found found;
    struct err e;
};

/* ---- on the pool ---- */

/* An empty folder where a disk should be mounted would be a second copy on the first disk. */
static int open_folder(const struct copy_job *j, struct err *e)
{
    struct stat there, here;
    int dir = open(j->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return err_set_errno(e, ERR_IO, errno, "%s", j->folder);
    }
    if (fstat(dir, &there) != 0 || stat(j->data_dir, &here) != 0) {
        (void)close(dir);
        return err_set_errno(e, ERR_IO, errno, "%s", j->folder);
    }
    if (!j->same_disk && there.st_dev == here.st_dev) {
        (void)close(dir);
        return err_set(e, ERR_INVALID, "%s lies on the disk of the data: is the other one mounted? (same_disk: true allows it)", j->folder);
    }
    return dir;
}

static int make_file(struct copy_job *j, int dir, const char *name, const char *part)
{
    j->fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (j->fd >= 0) {
        j->found = COPY_THERE;
        return 0;
    }
    if (errno != ENOENT) {
        return err_set_errno(&j->e, ERR_IO, errno, "%s/%s", j->folder, name);
    }
    (void)unlinkat(dir, part, 0); /* of a try that did not end */
    j->fd = openat(dir, part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    j->found = COPY_NEW;
    return j->fd >= 0 ? 0 : err_set_errno(&j->e, ERR_IO, errno, "%s/%s", j->folder, part);
}

/* A second name and the first one gone, where the file system has hard links; else a rename, of which super is the only one to do it. */
static int give_name(struct copy_job *j, int dir, const char *name, const char *part)
{
    struct stat st;
    int rc = renameat2(dir, part, dir, name, RENAME_NOREPLACE);
    if (rc != 0 && errno == EINVAL) {
        rc = linkat(dir, part, dir, name, 0);
        if (rc == 0) {
            (void)unlinkat(dir, part, 0);
        } else if (errno != EEXIST && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
            rc = renameat(dir, part, dir, name);
        }
    }
    if (rc != 0) {
        return err_set_errno(&j->e, ERR_IO, errno, "%s/%s", j->folder, name);
    }
    /* Some network file systems do not sync folders; the file itself is synced by the keeper. */
    if (fsync(dir) != 0 && errno != EINVAL && errno != EROFS) {
        return err_set_errno(&j->e, ERR_IO, errno, "%s", j->folder);
    }
    return 0;
}

static void on_pool(uv_work_t *work)
{
    struct copy_job *j = work->data;
    char name[COPY_NAME_MAX], part[COPY_NAME_MAX + 8];
    copy_name(j->day, name);
    (void)snprintf(part, sizeof part, ".%s.part", name);
    int dir = open_folder(j, &j->e);
    int rc = dir < 0 ? dir : 0;
    if (rc == 0 && j->type == MSG_COPY_OPEN) {
        rc = make_file(j, dir, name, part);
    } else if (rc == 0 && j->whole) {
        rc = give_name(j, dir, name, part);
    } else if (rc == 0) {
        (void)unlinkat(dir, part, 0);
    }
    if (rc != 0) {
        j->found = COPY_FAILED;
    }
    if (dir >= 0) {
        (void)close(dir);
    }
}

/* ---- on the loop ---- */

void copy_tell(struct super *s, uint16_t asked, int32_t day, enum copy_found found, const char *why, int fd)
{
    struct child *keeper = super_child(s, ROLE_KEEPER, 0);
    struct buf b;
    if (keeper == NULL || !child_runs(keeper)) {
        return;
    }
    buf_init(&b, COPY_TEXT_MAX);
    buf_u32(&b, (uint32_t)day);
    if (asked == MSG_COPY_OPEN) {
        buf_u8(&b, (uint8_t)found);
    }
    buf_str(&b, span_of(why));
    (void)!child_send(keeper, asked == MSG_COPY_OPEN ? MSG_COPY_FILE : MSG_COPY_CLOSED, buf_view(&b), fd < 0 ? NULL : &fd);
    buf_free(&b);
}

/* Closing writes back what is left, and may wait as long as writing. */
struct closing {
    uv_work_t work;
    struct super *super;
    int fd;
};

static void on_close(uv_work_t *work)
{
    struct closing *c = work->data;
    (void)close(c->fd);
}

static void on_closed(uv_work_t *work, int status)
{
    struct closing *c = work->data;
    (void)status;
    c->super->copy_closing--;
    mem_free(c);
}

void copy_close_fd(struct super *s, int fd)
{
    struct closing *c = mem_alloc(sizeof *c);
    *c = (struct closing){.super = s, .fd = fd};
    c->work.data = c;
    s->copy_closing++;
    MUST(uv_queue_work(&s->loop, &c->work, on_close, on_closed));
}

bool copy_is_busy(const struct super *s)
{
    return s->copying != NULL || s->copy_closing > 0;
}

static void on_done(uv_work_t *work, int status)
{
    struct copy_job *j = work->data;
    (void)status; /* nobody cancels it */
    j->super->copying = NULL;
    if (j->type == MSG_COPY_OPEN || j->whole) {
        copy_tell(j->super, j->type, j->day, j->found, j->found == COPY_FAILED ? j->e.text : "", j->found == COPY_FAILED ? -1 : j->fd);
    }
    if (j->fd >= 0) {
        copy_close_fd(j->super, j->fd);
    }
    mem_free(j->folder);
    mem_free(j->data_dir);
    mem_free(j);
}

static char *text_of(struct span s)
{
    char *out = mem_alloc(s.len + 1);
    if (s.len > 0) {
        memcpy(out, s.ptr, s.len);
    }
    return out;
}

void copy_on_message(struct super *s, struct ipc_msg *msg)
{
    struct cursor c = cursor_of(msg->body);
    int32_t day = (int32_t)cursor_u32(&c);
    bool whole = msg->type == MSG_COPY_CLOSE && cursor_u8(&c) == 1;
    if (!cursor_done(&c) || day < 0 || day > UINT16_MAX) {
        log_error("copy.asked", "why=\"the keeper asks for a day that cannot be\"");
        return;
    }
    if (s->copying == NULL && s->config->copy.place.url.len > 0) {
        carry_on_message(s, msg->type, day, whole);
        return;
    }
    if (s->copying != NULL || s->config->copy.folder.len == 0) {
        copy_tell(s, msg->type, day, COPY_FAILED, s->copying != NULL ? "the place of the copy does not answer" : "no place for a copy is configured", -1);
        return;
    }
    struct copy_job *j = mem_alloc(sizeof *j);
    *j = (struct copy_job){.super = s, .type = msg->type, .day = day, .whole = whole, .same_disk = s->config->copy.same_disk, .fd = -1,
                           .folder = text_of(s->config->copy.folder), .data_dir = mem_strdup(s->data_dir)};
    j->work.data = j;
    s->copying = j;
    MUST(uv_queue_work(&s->loop, &j->work, on_pool, on_done));
}
