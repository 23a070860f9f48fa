/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the doctor asks the machine: lock, /proc, disk, clock, limits; and the config. Before the cage, so it reads
 * nothing that came from outside: files of the kernel and the config alone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/cli.h"
#include "cli/doctor.h"
#include "os/listen.h"
#include "os/sandbox.h"

enum {
    PROC_FILE_MAX = 64 * 1024, /* bytes read of one */
    PROC_PATH_MAX = PATH_MAX + 64,
    CAPABILITY_NET_ADMIN = 12, /* its bit, linux/capability.h */
    PROCESSES_MAX = 256,       /* of one node: 64 intakes, 8 hunters, the rest */
};

/* Whole file of the kernel into text, cut at size; empty when it cannot be read. */
static struct span read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = 1;
    while (fd >= 0 && len < size && n > 0) {
        n = read(fd, text + len, size - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return span_make(text, len);
}

static struct span proc_text(pid_t pid, const char *name, char *text, size_t size)
{
    char path[PROC_PATH_MAX];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return read_text(path, text, size);
}

/* The first word behind `label` at the start of a line; empty: no such line. */
static struct span word_of(struct span text, const char *label)
{
    struct span want = span_of(label);
    while (text.len > 0) {
        ptrdiff_t end = span_find(text, '\n');
        struct span line = span_sub(text, 0, end < 0 ? text.len : (size_t)end);
        text = span_sub(text, line.len + 1, text.len);
        if (span_starts(line, want)) {
            line = span_trim(span_sub(line, want.len, line.len));
            size_t n = 0;
            while (n < line.len && line.ptr[n] != ' ' && line.ptr[n] != '\t') {
                n++;
            }
            return span_sub(line, 0, n);
        }
    }
    return SPAN("");
}

/* A number of kilobytes in bytes; -1: not there. */
static int64_t kib_of(struct span text, const char *label)
{
    int64_t v = 0;
    return num_i64(word_of(text, label), &v) && v >= 0 && v < INT64_MAX / 1024 ? v * 1024 : -1;
}

/* ---- the node's processes ---- */

static void look_at_lock(struct doctor_facts *f, const char *data_dir)
{
    char path[PROC_PATH_MAX], text[32];
    int64_t pid = 0;
    (void)snprintf(path, sizeof path, "%s/lock", data_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return;
    }
    f->running = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    ssize_t n = pread(fd, text, sizeof text, 0);
    if (f->running && n > 0 && num_i64(span_trim(span_make(text, (size_t)n)), &pid) && pid > 0 && pid <= INT_MAX) {
        f->pid = (pid_t)pid;
    }
    (void)close(fd);
}

static int64_t count_files(pid_t pid)
{
    char path[PROC_PATH_MAX];
    int64_t n = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    if (d == NULL) {
        return -1;
    }
    while (readdir(d) != NULL) {
        n++;
    }
    (void)closedir(d);
    return n - 2;
}

/* Adds one process: what it holds in memory, and its files when it is nearer to its limit than those before. */
static void add_process(struct doctor_facts *f, pid_t pid)
{
    char text[PROC_FILE_MAX];
    int64_t most = 0;
    int64_t used = kib_of(proc_text(pid, "status", text, sizeof text), "VmRSS:");
    int64_t open_now = count_files(pid);
    f->memory_used += used > 0 ? used : 0;
    bool known = open_now >= 0 && num_i64(word_of(proc_text(pid, "limits", text, sizeof text), "Max open files"), &most) && most > 0;
    if (known && (f->files_most <= 0 || open_now * f->files_most > f->files_open * most)) {
        struct span name = span_trim(proc_text(pid, "comm", text, sizeof text));
        f->files_open = open_now;
        f->files_most = most;
        (void)snprintf(f->files_role, sizeof f->files_role, "%.*s", SPAN_ARG(name));
    }
}

static bool may_administer_net(struct span status)
{
    uint64_t bits = 0;
    return num_hex(word_of(status, "CapEff:"), &bits) && (bits >> CAPABILITY_NET_ADMIN & 1) != 0;
}

static void look_at_processes(struct doctor_facts *f)
{
    char text[PROC_FILE_MAX], name[64];
    f->files_most = -1;
    if (f->pid == 0) {
        struct rlimit limit;
        if (!f->running && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
            f->files_most = limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
        }
        f->udp_forced = may_administer_net(read_text("/proc/self/status", text, sizeof text));
        return;
    }
    f->udp_forced = may_administer_net(proc_text(f->pid, "status", text, sizeof text));
    add_process(f, f->pid);
    (void)snprintf(name, sizeof name, "task/%d/children", (int)f->pid);
    char children[PROC_FILE_MAX];
    struct span rest = proc_text(f->pid, name, children, sizeof children);
    for (int i = 0; i < PROCESSES_MAX && rest.len > 0; i++) {
        ptrdiff_t at = span_find(rest, ' ');
        struct span word = span_sub(rest, 0, at < 0 ? rest.len : (size_t)at);
        int64_t pid = 0;
        rest = span_sub(rest, word.len + 1, rest.len);
        if (num_i64(word, &pid) && pid > 0 && pid <= INT_MAX) {
            add_process(f, (pid_t)pid);
        }
    }
}

/* The config that the running node was started with: from its command line. False: it has none, or cannot be told. */
static bool config_of_process(pid_t pid, char out[PROC_PATH_MAX])
{
    char text[PROC_FILE_MAX];
    struct span rest = proc_text(pid, "cmdline", text, sizeof text - 1);
    struct span given = SPAN("");
    while (rest.len > 0) {
        ptrdiff_t at = span_find(rest, '\0');
        struct span word = span_sub(rest, 0, at < 0 ? rest.len : (size_t)at);
        rest = span_sub(rest, word.len + 1, rest.len);
        if (span_eq(word, SPAN("--config"))) {
            at = span_find(rest, '\0');
            given = span_sub(rest, 0, at < 0 ? rest.len : (size_t)at);
        } else if (span_starts(word, SPAN("--config="))) {
            given = span_sub(word, strlen("--config="), word.len);
        }
    }
    if (given.len == 0 || given.len >= PATH_MAX) {
        return false;
    }
    if (given.ptr[0] == '/') {
        (void)snprintf(out, PROC_PATH_MAX, "%.*s", SPAN_ARG(given));
    } else {
        (void)snprintf(out, PROC_PATH_MAX, "/proc/%d/cwd/%.*s", (int)pid, SPAN_ARG(given));
    }
    return true;
}

/* ---- the machine ---- */

static void look_at_disk(struct doctor_facts *f, const char *data_dir)
{
    struct statvfs s;
    if (statvfs(data_dir, &s) == 0) {
        f->disk_free = (uint64_t)s.f_bavail * s.f_frsize;
        f->disk_size = (uint64_t)s.f_blocks * s.f_frsize;
        f->disk_read_only = (s.f_flag & ST_RDONLY) != 0;
    }
}

/* adjtimex(2) without modes asks and changes nothing. */
static void look_at_clock(struct doctor_facts *f)
{
    struct timex t = {0};
    int state = adjtimex(&t);
    f->now = clock_now();
    f->clock_known = state >= 0;
    f->clock_synchronised = state >= 0 && state != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
    f->clock_error_us = t.maxerror;
}

static void look_at_limits(struct doctor_facts *f)
{
    char text[PROC_FILE_MAX];
    f->udp_asked = LISTEN_UDP_BUFFER_BYTES;
    if (!num_i64(span_trim(read_text("/proc/sys/net/core/rmem_max", text, sizeof text)), &f->udp_most)) {
        f->udp_most = -1;
    }
    struct span memory = read_text("/proc/meminfo", text, sizeof text);
    f->memory_free = kib_of(memory, "MemAvailable:");
    f->memory_size = kib_of(memory, "MemTotal:");
}

static void look_at_config(struct doctor_facts *f, const struct config *c)
{
    f->keep_days = c->retention_days;
    for (uint32_t i = 0; i < c->nretention; i++) {
        uint32_t days = c->retention[i].days;
        f->keep_days = days == 0 || f->keep_days == 0 ? 0 : days > f->keep_days ? days : f->keep_days;
    }
    for (uint32_t i = 0; i < c->nsources; i++) {
        f->udp_sources += c->sources[i].kind == SOURCE_SYSLOG_UDP;
    }
}

static void look_at_sources(struct doctor_facts *f, const char *data_dir)
{
    char own[PROC_PATH_MAX];
    int n = snprintf(own, sizeof own, "%s/sources", data_dir);
    f->knows_logs = cli_share("sources") != NULL;
    DIR *d = !f->knows_logs && n > 0 && (size_t)n < sizeof own ? opendir(own) : NULL;
    for (struct dirent *one; d != NULL && !f->knows_logs && (one = readdir(d)) != NULL;) {
        f->knows_logs = one->d_name[0] != '.';
    }
    if (d != NULL) {
        (void)closedir(d);
    }
}

int doctor_machine(struct doctor_facts *f, const char *data_dir, const char *config_path, struct config *config,
                   struct err *e)
{
    char found[PROC_PATH_MAX];
    look_at_lock(f, data_dir);
    look_at_processes(f);
    look_at_disk(f, data_dir);
    look_at_clock(f);
    look_at_limits(f);
    f->landlock = sandbox_landlock_abi();
    f->caged = sandbox_is_built();
    look_at_sources(f, data_dir);
    if (config_path == NULL && f->pid > 0 && config_of_process(f->pid, found)) {
        config_path = found;
    }
    /* A node that was started without a config has the default one; for one that is stopped nobody can tell. */
    f->has_config = config_path != NULL || f->pid > 0;
    int rc = f->has_config ? config_load(config, config_path, e) : 0;
    if (rc == 0 && f->has_config) {
        look_at_config(f, config);
    }
    return rc;
}

