/* SPDX-License-Identifier: EUPL-1.2 */
/* Fork and exec: see spawn.h. Runs in super only. Between fork and exec only async-signal-safe calls. */
#include "os/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/span.h"

const char *spawn_self(void)
{
    /* The kernel follows this link to the very file that runs, even if its name now means a newer one. */
    return "/proc/self/exe";
}

static int move_fd(int from, int to)
{
    if (from == to) { /* it only has to survive exec */
        return fcntl(to, F_SETFD, 0);
    }
    return dup2(from, to) < 0 ? -1 : 0;
}

static void reset_signals(void)
{
    sigset_t none;
    for (int s = 1; s < NSIG; s++) {
        (void)signal(s, SIG_DFL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Never returns; writes errno to report_fd when it cannot become the program. */
_Noreturn static void become(const char *program, char *const argv[], int socket_fd, int output_fd,
                             int report_fd, pid_t parent)
{
    reset_signals();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Out of the way of 0-3, close-on-exec: its end tells the parent that exec worked. */
    int report = fcntl(report_fd, F_DUPFD_CLOEXEC, 10);
    int sock = socket_fd < 0 ? -1 : fcntl(socket_fd, F_DUPFD_CLOEXEC, 10);
    int out = output_fd < 0 ? -1 : fcntl(output_fd, F_DUPFD_CLOEXEC, 10);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool ok = getppid() == parent && report >= 0 && null >= 0 && move_fd(null, STDIN_FILENO) == 0;
    ok = ok && (out < 0 || move_fd(out, STDOUT_FILENO) == 0);
    ok = ok && (sock < 0 || move_fd(sock, SPAWN_SOCKET_FD) == 0);
    if (ok) {
        unsigned first = sock < 0 ? SPAWN_SOCKET_FD : SPAWN_SOCKET_FD + 1;
        (void)close_range(first, ~0u, CLOSE_RANGE_CLOEXEC);
        (void)execv(program, argv);
    }
    int why = errno;
    ssize_t n = write(report, &why, sizeof why);
    (void)n;
    _exit(127);
}

int spawn_program(const char *program, char *const argv[], int socket_fd, int output_fd,
                  pid_t *pid_out, struct err *e)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) {
        return err_set_errno(e, ERR_IO, errno, "starting %s", argv[0]);
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become(program, argv, socket_fd, output_fd, report[1], parent);
    }
    int why = pid < 0 ? errno : 0;
    (void)close(report[1]);
    ssize_t n = -1;
    do {
        n = pid < 0 ? 0 : read(report[0], &why, sizeof why);
    } while (n < 0 && errno == EINTR);
    (void)close(report[0]);
    if (why != 0) {
        if (pid > 0) {
            (void)waitpid(pid, NULL, 0);
        }
        return err_set_errno(e, ERR_IO, why, "starting %s", argv[0]);
    }
    *pid_out = pid;
    return 0;
}
