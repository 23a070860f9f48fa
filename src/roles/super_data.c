/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The data directory: where it is, that it exists with the right modes, and the lock that refuses a second node.
 * Runs in super before anything else. Must never loosen a mode. Layout: docs/DATA_DIR.md.
 */
#include "roles/super_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

static const char *const folders[] = {"keys", "archive", "rules", "learnt"};

/* Where the data goes when nobody says: root serves the machine, anybody else himself. */
const char *super_default_data(void)
{
    static char place[PATH_MAX];
    const char *share = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    int n = 0;
    if (geteuid() == 0) {
        return "/var/lib/sereno";
    }
    if (share != NULL && share[0] == '/') {
        n = snprintf(place, sizeof place, "%s/sereno", share);
    } else if (home != NULL && home[0] == '/') {
        n = snprintf(place, sizeof place, "%s/.local/share/sereno", home);
    }
    return n > 0 && n < (int)sizeof place ? place : NULL;
}

static const char *default_place(struct err *e)
{
    const char *place = super_default_data();
    if (place == NULL) {
        (void)err_set(e, ERR_INVALID, "no home folder for the data: name one with --data");
    }
    return place;
}

static int make_folder(const char *path, struct err *e)
{
    struct stat st;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return err_set_errno(e, ERR_IO, errno, "data folder %s", path);
    }
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return err_set(e, ERR_INVALID, "data folder %s: is there, and no folder", path);
    }
    if ((st.st_mode & 0022) != 0) {
        return err_set(e, ERR_INVALID, "data folder %s: others may write to it (chmod go-w %s)",
                       path, path);
    }
    return 0;
}

/* All folders on the way, as mkdir -p does. */
static int make_path(char *path, struct err *e)
{
    for (char *p = path + 1; *p != '\0'; p++) {
        if (*p != '/') {
            continue;
        }
        *p = '\0';
        int rc = mkdir(path, 0700) != 0 && errno != EEXIST
                     ? err_set_errno(e, ERR_IO, errno, "folder %s", path)
                     : 0;
        *p = '/';
        if (rc != 0) {
            return rc;
        }
    }
    return make_folder(path, e);
}

static int make_subfolders(const char *root, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(folders); i++) {
        char path[PATH_MAX];
        int n = snprintf(path, sizeof path, "%s/%s", root, folders[i]);
        rc = n < (int)sizeof path ? make_folder(path, e)
                                  : err_set(e, ERR_LIMIT, "data folder %s: too long a path", root);
    }
    return rc;
}

static int take_lock(struct super *s, struct err *e)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/lock", s->data_dir);
    if (n >= (int)sizeof path) {
        return err_set(e, ERR_LIMIT, "data folder %s: too long a path", s->data_dir);
    }
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0) {
        return err_set_errno(e, ERR_IO, errno, "lock file %s", path);
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        char pid[24] = "";
        ssize_t got = pread(s->lock_fd, pid, sizeof pid - 1, 0);
        pid[got > 0 ? strspn(pid, "0123456789") : 0] = '\0';
        return err_set(e, ERR_BUSY, "another node%s%s runs with the data in %s",
                       pid[0] == '\0' ? "" : ", process ", pid, s->data_dir);
    }
    char text[24];
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(s->lock_fd, 0) != 0 || pwrite(s->lock_fd, text, (size_t)len, 0) != len) {
        return err_set_errno(e, ERR_IO, errno, "lock file %s", path);
    }
    return 0;
}

int data_open(struct super *s, struct err *e)
{
    const char *place = s->options.data_dir;
    if (place == NULL && s->config->data_dir.len > 0) {
        place = arena_cstr(&s->config->arena, s->config->data_dir);
    }
    if (place == NULL) {
        place = default_place(e);
    }
    if (place == NULL || place[0] == '\0') {
        return place == NULL ? ERR_INVALID : err_set(e, ERR_INVALID, "the data folder has no name");
    }
    char *path = mem_strdup(place);
    int rc = make_path(path, e);
    s->data_dir = rc == 0 ? realpath(path, NULL) : NULL;
    mem_free(path);
    if (rc == 0 && s->data_dir == NULL) {
        rc = err_set_errno(e, ERR_IO, errno, "data folder %s", place);
    }
    /* The lock first: a second node must not even touch the folders of the first. */
    rc = rc == 0 ? take_lock(s, e) : rc;
    rc = rc == 0 ? make_subfolders(s->data_dir, e) : rc;
    if (rc == 0) {
        s->config->data_dir = span_of(arena_strdup(&s->config->arena, s->data_dir));
    }
    return rc;
}
