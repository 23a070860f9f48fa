/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The one outside program that super runs: `journalctl -f -o json`, whose pipe goes to intake. Where to begin is what
 * intake asks for (the cursor of the last entry that is on disk), else now. Must never read from the pipe itself.
 */
#include "roles/super_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "os/spawn.h"

void journal_want(struct super *s, bool wanted)
{
    s->journal.wanted = wanted;
    if (!wanted) {
        journal_stop(s);
    }
}

void journal_stop(struct super *s)
{
    s->journal.due = TIME_NONE;
    if (s->journal.pid != 0) {
        (void)kill(s->journal.pid, SIGTERM);
    }
}

/* Cursors are made of these: what intake says becomes an argument of a program, so nothing else may. */
static bool is_cursor(struct span c)
{
    for (size_t i = 0; i < c.len; i++) {
        char x = ascii_lower(c.ptr[i]);
        if (!((x >= 'a' && x <= 'z') || (x >= '0' && x <= '9') || strchr("=;-_", x) != NULL) ||
            x == '\0') {
            return false;
        }
    }
    return c.len < sizeof((struct journal *)0)->cursor;
}

void journal_from(struct super *s, struct span cursor)
{
    if (!s->journal.wanted) {
        return;
    }
    if (!is_cursor(cursor)) {
        log_error("journal.cursor", "why=\"no cursor of the journal\"");
        return;
    }
    /* One that failed before would fail for ever: what lies between is lost, and said so when it failed. */
    bool bad = cursor.len > 0 && span_eq(cursor, span_of(s->journal.refused));
    size_t len = bad ? 0 : cursor.len;
    if (len > 0) {
        memcpy(s->journal.cursor, cursor.ptr, len);
    }
    s->journal.cursor[len] = '\0';
    journal_stop(s);
    s->journal.due = clock_mono(); /* at the next tick, or when the old one has ended */
}

/* The index of the journal in the config, as intake knows it. */
static uint32_t journal_source(const struct super *s)
{
    for (uint32_t i = 0; i < s->config->nsources; i++) {
        if (s->config->sources[i].kind == SOURCE_JOURNAL) {
            return i;
        }
    }
    return FD_NO_SOURCE;
}

static void hand(struct super *s, struct child *intake, int fd)
{
    const struct role_fd f = {.kind = FD_JOURNAL,
                              .source = journal_source(s),
                              .name = SPAN("journal"),
                              .from_start = true};
    struct buf b;
    buf_init(&b, 256);
    role_fd_encode(&b, &f);
    (void)!child_send(intake, MSG_FD, buf_view(&b), &fd);
    buf_free(&b);
}

static void start(struct super *s, struct child *intake)
{
    char after[sizeof s->journal.cursor + 32];
    if (s->journal.cursor[0] == '\0') {
        (void)snprintf(after, sizeof after, "--lines=0");
    } else {
        (void)snprintf(after, sizeof after, "--after-cursor=%s", s->journal.cursor);
    }
    char *const argv[] = {(char[]){"journalctl"},
                          (char[]){"--quiet"},
                          (char[]){"--no-pager"},
                          (char[]){"--follow"},
                          (char[]){"--output=json"},
                          after,
                          NULL};
    const char *program = config_journalctl();
    int out[2];
    struct err e = {0};
    if (program == NULL || pipe2(out, O_CLOEXEC) != 0) {
        log_error("journal.start", "why=\"%s\"",
                  program == NULL ? "no journalctl" : strerror(errno));
        return;
    }
    if (spawn_program(program, argv, -1, out[1], &s->journal.pid, &e) != 0) {
        log_error("journal.start", "why=\"%s\"", e.text);
        s->journal.pid = 0;
    } else {
        s->journal.started_at = clock_mono();
        memcpy(s->journal.tried, s->journal.cursor, sizeof s->journal.tried);
        log_info("journal.started", "pid=%d from=%s", (int)s->journal.pid,
                 s->journal.cursor[0] == '\0' ? "now" : "cursor");
        hand(s, intake, out[0]);
    }
    (void)close(out[0]);
    (void)close(out[1]);
}

void journal_tick(struct super *s, time_ns now)
{
    struct journal *j = &s->journal;
    struct child *intake = super_child(s, ROLE_INTAKE, 0);
    if (!j->wanted || j->pid != 0 || j->due == TIME_NONE || now < j->due || s->stopping ||
        intake == NULL || intake->state != CHILD_READY || !intake->has_rules) {
        return;
    }
    j->due = TIME_NONE;
    start(s, intake);
    j->cursor[0] = '\0'; /* used once: intake names the next place itself */
    if (j->pid == 0) {
        j->due = now + SUPER_JOURNAL_RETRY_S * TIME_SECOND;
    }
}

void journal_exited(struct super *s, int status)
{
    s->journal.pid = 0;
    if (s->stopping || !s->journal.wanted) {
        return;
    }
    log_info("journal.ended", "status=%d", status);
    bool soon = clock_mono() - s->journal.started_at < SUPER_JOURNAL_RETRY_S * TIME_SECOND;
    if (soon && s->journal.tried[0] != '\0' && WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        log_error("journal.cursor", "why=\"journalctl did not take it; going on from now\"");
        memcpy(s->journal.refused, s->journal.tried, sizeof s->journal.refused);
    }
    if (s->journal.due == TIME_NONE) {
        /* Intake sees the end of the pipe and asks for the entry after its last one before this is over. */
        s->journal.due = clock_mono() + SUPER_JOURNAL_RETRY_S * TIME_SECOND;
    }
}
