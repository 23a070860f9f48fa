/* SPDX-License-Identifier: EUPL-1.2 */
/* Forked children that answer through a pipe: see child.h. Used by engine, rules and bench. */
#include "cli/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_CHUNK = 64 * 1024 };

void cli_child_write(int out, struct span s)
{
    while (s.len > 0) {
        ssize_t n = write(out, s.ptr, s.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        s = span_sub(s, (size_t)n, s.len);
    }
}

static void gather(int fd, struct buf *answer)
{
    for (;;) {
        char *to = buf_room(answer, CHILD_CHUNK);
        ssize_t n = to == NULL ? 0 : read(fd, to, CHILD_CHUNK);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        buf_added(answer, (size_t)n);
    }
}

int cli_beside_start(void (*work)(void *arg, int out), void *arg, int keep, struct cli_beside *out, struct err *e)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return err_set_errno(e, ERR_IO, errno, "pipe");
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        if (keep >= 0) {
            (void)close(keep);
        }
        work(arg, ends[1]);
        _exit(127); /* work never returns */
    }
    int why = errno;
    (void)close(ends[1]);
    *out = (struct cli_beside){.pid = pid, .answer = ends[0]};
    if (pid < 0) {
        (void)close(ends[0]);
        return err_set_errno(e, ERR_IO, why, "fork");
    }
    return 0;
}

int cli_beside_end(struct cli_beside *b, const char *what, struct buf *answer, int *exit_out, struct err *e)
{
    int status = 0;
    gather(b->answer, answer);
    (void)close(b->answer);
    while (waitpid((pid_t)b->pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        int sig = WTERMSIG(status);
        return err_set(e, ERR_INVALID, "%s died of signal %d (%s)%s", what, sig, strsignal(sig),
                       sig == SIGSYS ? ": its sandbox stopped it" : "");
    }
    *exit_out = WEXITSTATUS(status);
    return 0;
}

int cli_child(void (*work)(void *arg, int out), void *arg, const char *what, struct buf *answer,
              int *exit_out, struct err *e)
{
    struct cli_beside b;
    int rc = cli_beside_start(work, arg, -1, &b, e);
    return rc == 0 ? cli_beside_end(&b, what, answer, exit_out, e) : rc;
}
