/* SPDX-License-Identifier: EUPL-1.2 */
/* The invented logs as a file: see demo_logs.h. Called by demo.c. Must never touch another file of the data folder. */
#include "cli/demo_logs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "roles/super.h"

enum { LOGS_MAX = 16 << 20, READ_BYTES = 64 << 10 };

void demo_logs_name(time_ns now, char out[DEMO_SOURCE_MAX + 1])
{
    struct time_parts p;
    time_to_parts(now, &p);
    (void)snprintf(out, DEMO_SOURCE_MAX + 1, DEMO_SOURCE_PREFIX "%04d%02d%02dT%02d%02d%02dZ", p.year, p.month, p.day, p.hour, p.minute, p.second);
}

void demo_logs_pause(void)
{
    const struct timespec tenth = {.tv_nsec = 100 * 1000 * 1000};
    (void)nanosleep(&tenth, NULL);
}

static int say(const char *what, const char *path)
{
    struct err e = {0};
    (void)err_set_errno(&e, ERR_IO, errno, "%s %s", what, path);
    cli_print_err(&e);
    return CLI_UNREAD;
}

/* The folder, owned as the data are: the node reads it under its own name. -1: said. */
static int open_folder(const char *data, bool make)
{
    char path[PATH_MAX];
    struct stat st;
    const char *root = data == NULL ? super_default_data() : data;
    int n = root == NULL ? -1 : snprintf(path, sizeof path, "%s/" SUPER_DEMO_FOLDER, root);
    if (n < 0 || n >= (int)sizeof path || stat(root, &st) != 0) {
        (void)say("the data folder", root == NULL ? "" : root);
        return -1;
    }
    if (make && mkdir(path, 0700) != 0 && errno != EEXIST) {
        (void)say("no folder", path);
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && make && geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) != 0) {
        (void)say("no owner of", path);
        (void)close(fd);
        return -1;
    }
    if (fd < 0 && make) {
        (void)say("the folder", path);
    }
    return fd;
}

static int write_all(int fd, struct span s)
{
    while (s.len > 0) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        s = span_sub(s, n < 0 ? 0 : (size_t)n, s.len);
    }
    return fsync(fd);
}

/* Whole under its name, or not there. */
static int put_file(int folder, const char *source, struct span text)
{
    struct stat st;
    char part[2 * DEMO_SOURCE_MAX + 8], name[2 * DEMO_SOURCE_MAX + 8];
    (void)snprintf(part, sizeof part, "%s.part", source);
    (void)snprintf(name, sizeof name, "%s.log", source);
    int fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool fine = fd >= 0 && fstat(folder, &st) == 0 && (geteuid() != 0 || fchown(fd, st.st_uid, st.st_gid) == 0) && write_all(fd, text) == 0 &&
                renameat(folder, part, folder, name) == 0;
    int status = fine ? CLI_OK : say("the file of logs", part);
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}

/* Until so many lines are kept; less is said, and is no failure of a removal. */
static int wait_kept(int64_t lines, demo_events_fn *events, void *ctx)
{
    int64_t kept = 0;
    int status = CLI_OK;
    for (unsigned tries = 0; status == CLI_OK && kept < lines; tries++) {
        if (tries > 0) {
            demo_logs_pause();
        }
        status = tries < DEMO_WAIT_S * 10 ? events(ctx, &kept) : CLI_UNREAD;
        if (tries == DEMO_WAIT_S * 10) {
            (void)fprintf(stderr, "sereno: the node keeps %lld of %lld lines of the invented logs\n", (long long)kept, (long long)lines);
        }
    }
    return status;
}

static int send_part(int folder, const char *source, const struct demo_city *city, const char *part)
{
    char name[2 * DEMO_SOURCE_MAX];
    struct buf b;
    buf_init(&b, LOGS_MAX);
    for (size_t i = 0; i < city->nlines; i++) {
        if (span_eq(city->lines[i].part, span_of(part))) {
            buf_span(&b, city->lines[i].text);
            buf_cstr(&b, "\n");
        }
    }
    CHECK(!b.failed); /* DEMO_LINES_MAX short lines of ours */
    (void)snprintf(name, sizeof name, "%s-%s", source, part);
    int status = put_file(folder, name, buf_view(&b));
    buf_free(&b);
    return status;
}

int demo_logs_send(const char *data, const char *source, const struct demo_city *city, demo_events_fn *events, void *ctx)
{
    static const char *const parts[] = DEMO_PARTS;
    int folder = open_folder(data, true);
    int status = folder < 0 ? CLI_UNREAD : CLI_OK;
    for (size_t i = 0; i < DEMO_NPARTS && status == CLI_OK; i++) {
        status = send_part(folder, source, city, parts[i]);
    }
    if (folder >= 0) {
        (void)close(folder);
    }
    return status == CLI_OK ? wait_kept((int64_t)city->nlines, events, ctx) : status;
}

static int64_t count_lines(int folder, const char *name)
{
    char bytes[READ_BYTES];
    int64_t lines = 0;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    for (ssize_t n = fd < 0 ? 0 : 1; n > 0;) {
        n = read(fd, bytes, sizeof bytes);
        for (ssize_t i = 0; i < n; i++) {
            lines += bytes[i] == '\n';
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return lines;
}

/* One that was being written, or lies there; what is not ours stays. */
static bool is_whole(const char *name)
{
    struct span s = span_of(name);
    return span_ends(s, SPAN(".log")) && demo_source_fits(span_sub(s, 0, s.len - 4));
}

static int remove_one(int folder, const char *name)
{
    struct span s = span_of(name);
    bool part = span_ends(s, SPAN(".part")) && demo_source_fits(span_sub(s, 0, s.len - 5));
    return (is_whole(name) || part) && unlinkat(folder, name, 0) != 0 && errno != ENOENT ? say("the file of logs", name) : CLI_OK;
}

int demo_logs_remove(const char *data, struct arena *a, demo_events_fn *events, void *ctx)
{
    enum { FILES_MAX = 32 };
    const char *names[FILES_MAX];
    size_t n = 0;
    int status = CLI_OK;
    int folder = open_folder(data, false);
    DIR *d = folder < 0 ? NULL : fdopendir(folder);
    if (d == NULL) {
        return CLI_OK;
    }
    for (struct dirent *f = readdir(d); f != NULL && n < FILES_MAX; f = readdir(d)) {
        names[n++] = arena_strdup(a, f->d_name);
    }
    int64_t lines = 0;
    for (size_t i = 0; i < n; i++) {
        lines += is_whole(names[i]) ? count_lines(folder, names[i]) : 0;
    }
    if (lines > 0) { /* to their end, so that nothing of them comes after */
        (void)wait_kept(lines, events, ctx);
    }
    for (size_t i = 0; i < n && status == CLI_OK; i++) {
        status = remove_one(folder, names[i]);
    }
    (void)closedir(d);
    return status;
}
