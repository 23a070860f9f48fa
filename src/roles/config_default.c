/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Without sereno.yml: this machine's own logs as far as they are alive and readable, and listeners on localhost.
 * Called by super and by `sereno doctor`. Looks at names, sizes and times only; must never read what a log says.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/spawn.h"
#include "roles/config.h"

enum {
    ALIVE_S = 24 * 3600,    /* a log nobody wrote to for a day tells nothing about today */
    JOURNAL_WAIT_MS = 3000, /* journalctl answers at once or not at all */
};

/* `journal`: the journal holds the same lines, so the file is left out where there is one. */
static const struct {
    const char *name, *path;
    bool journal;
} known_logs[] = {
    {"auth.log", "/var/log/auth.log", true},
    {"secure", "/var/log/secure", true},
    {"syslog", "/var/log/syslog", true},
    {"messages", "/var/log/messages", true},
    {"nginx", "/var/log/nginx/access.log", false},
    {"nginx-error", "/var/log/nginx/error.log", false},
    {"apache", "/var/log/apache2/access.log", false},
    {"apache-error", "/var/log/apache2/error.log", false},
    {"httpd", "/var/log/httpd/access_log", false},
    {"lighttpd", "/var/log/lighttpd/access.log", false},
    {"audit", "/var/log/audit/audit.log", false},
    {"suricata", "/var/log/suricata/eve.json", false},
};

const char *config_journalctl(void)
{
    static const char *const places[] = {"/usr/bin/journalctl", "/bin/journalctl"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (access(places[i], X_OK) == 0) {
            return places[i];
        }
    }
    return NULL;
}

static bool answers(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    char c = 0;
    return poll(&p, 1, JOURNAL_WAIT_MS) == 1 && read(fd, &c, 1) == 1 && c == '{';
}

static bool journal_is_alive(void)
{
    const char *program = config_journalctl();
    char since[64];
    (void)snprintf(since, sizeof since, "--since=@%lld",
                   (long long)(clock_now() / TIME_SECOND - ALIVE_S));
    char *const argv[] = {(char[]){"journalctl"},
                          (char[]){"--quiet"},
                          (char[]){"--no-pager"},
                          (char[]){"--lines=1"},
                          (char[]){"--output=json"},
                          since,
                          NULL};
    int out[2];
    pid_t pid = 0;
    if (program == NULL || pipe2(out, O_CLOEXEC) != 0) {
        return false;
    }
    bool started = spawn_program(program, argv, -1, out[1], &pid, NULL) == 0;
    (void)close(out[1]);
    bool alive = started && answers(out[0]);
    (void)close(out[0]);
    if (started) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    return alive;
}

static bool file_is_alive(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool alive = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                 st.st_mtim.tv_sec > clock_now() / TIME_SECOND - ALIVE_S;
    if (fd >= 0) {
        (void)close(fd);
    }
    return alive;
}

int32_t config_local_zone(void)
{
    time_t now = (time_t)(clock_now() / TIME_SECOND);
    struct tm tm;
    return localtime_r(&now, &tm) == NULL ? 0 : (int32_t)tm.tm_gmtoff;
}

static void add(struct config *c, const struct config_source *s)
{
    c->sources[c->nsources] = *s;
    c->sources[c->nsources].source = SPAN("auto");
    c->sources[c->nsources].organisation = c->organisation;
    c->sources[c->nsources].zone_s = config_local_zone();
    c->nsources++;
}

void config_default(struct config *c)
{
    enum { LISTENERS = 3, JOURNAL = 1 };
    c->sources =
        arena_calloc(&c->arena, ARRAY_LEN(known_logs) + LISTENERS + JOURNAL, sizeof *c->sources);
    bool journal = journal_is_alive();
    if (journal) {
        add(c, &(struct config_source){.name = SPAN("journal"), .kind = SOURCE_JOURNAL});
    }
    for (size_t i = 0; i < ARRAY_LEN(known_logs); i++) {
        if (!(journal && known_logs[i].journal) && file_is_alive(known_logs[i].path)) {
            add(c, &(struct config_source){.name = span_of(known_logs[i].name),
                                           .kind = SOURCE_FILE,
                                           .path = span_of(known_logs[i].path)});
        }
    }
    add(c, &(struct config_source){.name = SPAN("http"), .kind = SOURCE_HTTP});
    add(c, &(struct config_source){.name = SPAN("syslog-udp"),
                                   .kind = SOURCE_SYSLOG_UDP,
                                   .listen = SPAN("127.0.0.1:5514")});
    add(c, &(struct config_source){.name = SPAN("syslog-tcp"),
                                   .kind = SOURCE_SYSLOG_TCP,
                                   .listen = SPAN("127.0.0.1:5514")});
}
