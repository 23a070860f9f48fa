/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The doctor for the page: this very program as `sereno doctor --json`, which looks at the machine and then goes into a cage of its own. So there is
 * one doctor, whoever asks. Its report goes to the desk as it is; super never reads it. One at a time, and not again before a while has passed.
 */
#include "roles/super_priv.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "os/spawn.h"
#include "roles/doctor_told.h"

enum { DOCTOR_TAKES_MAX_S = 60 /* then it is ended: a disk may hang */ };

static void tell(struct super *s, struct span report, struct span why)
{
    struct child *desk = super_child(s, ROLE_DESK, 0);
    const struct doctor_told told = {.at = clock_now(), .report = report, .why = why};
    struct buf b;
    if (desk == NULL || !child_runs(desk)) {
        return;
    }
    buf_init(&b, DOCTOR_REPORT_MAX + 4096);
    doctor_told_encode(&b, &told);
    (void)!child_send(desk, MSG_DOCTOR_TOLD, buf_view(&b), NULL);
    buf_free(&b);
}

void doctor_start(struct super *s)
{
    struct doctor_run *d = &s->doctor;
    char *const argv[] = {(char[]){"sereno"}, (char[]){"doctor"}, (char[]){"--json"}, (char[]){"--data"}, s->data_dir, NULL};
    const char *program = s->options.program == NULL ? spawn_self() : s->options.program;
    struct err e = {0};
    if (d->pid != 0 || s->stopping) {
        return; /* what runs answers both */
    }
    d->out_fd = memfd_create("doctor", MFD_CLOEXEC);
    if (d->out_fd < 0 || spawn_program(program, argv, -1, d->out_fd, &d->pid, &e) != 0) {
        log_error("doctor.start", "why=\"%s\"", e.text);
        d->pid = 0;
        tell(s, SPAN(""), SPAN("it could not be started"));
        if (d->out_fd >= 0) {
            (void)close(d->out_fd);
        }
        return;
    }
    d->started = clock_mono();
}

/* What it wrote; its exit status is its verdict, and is in the report too. */
static void read_report(struct super *s, const struct doctor_run *d, int status)
{
    struct stat st = {0};
    bool ended = WIFEXITED(status) && WEXITSTATUS(status) <= 2;
    size_t size = fstat(d->out_fd, &st) == 0 && st.st_size > 0 && st.st_size <= DOCTOR_REPORT_MAX ? (size_t)st.st_size : 0;
    void *at = ended && size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, d->out_fd, 0) : MAP_FAILED;
    if (at == MAP_FAILED) {
        tell(s, SPAN(""), ended ? SPAN("it could look at nothing; the node's own log says why") : SPAN("it ended before it was done"));
        return;
    }
    tell(s, span_trim(span_make(at, size)), SPAN(""));
    (void)munmap(at, size);
}

void doctor_reap(struct super *s)
{
    struct doctor_run *d = &s->doctor;
    int status = 0;
    if (d->pid != 0 && waitpid(d->pid, &status, WNOHANG) == d->pid) {
        d->pid = 0;
        read_report(s, d, status);
        (void)close(d->out_fd);
    }
}

void doctor_tick(struct super *s, time_ns now)
{
    if (s->doctor.pid != 0 && now - s->doctor.started > DOCTOR_TAKES_MAX_S * TIME_SECOND) {
        (void)kill(s->doctor.pid, SIGKILL);
    }
}
