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

int cli_child(void (*work)(void *arg, int out), void *arg, const char *what, struct buf *answer,
              int *exit_out, struct err *e)
{
    int ends[2];
    int status = 0;
    if (pipe(ends) != 0) {
        return err_set_errno(e, ERR_IO, errno, "pipe");
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        work(arg, ends[1]);
        _exit(127); /* work never returns */
    }
    int why = errno;
    (void)close(ends[1]);
    gather(ends[0], answer);
    (void)close(ends[0]);
    if (pid < 0) {
        return err_set_errno(e, ERR_IO, why, "fork");
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        int sig = WTERMSIG(status);
        return err_set(e, ERR_INVALID, "%s died of signal %d (%s)%s", what, sig, strsignal(sig),
                       sig == SIGSYS ? ": its sandbox stopped it" : "");
    }
    *exit_out = WEXITSTATUS(status);
    return 0;
}
