/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of starting processes and of the notification socket. The test program starts itself again as the child. */
#include "os/spawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/notify.h"

/* The child: says on its socket which fds above 3 are open, whether INT is ignored, and what came on its stdin. */
static int child_main(void)
{
    int open_fds = 0;
    for (int fd = SPAWN_SOCKET_FD + 1; fd < 256; fd++) {
        open_fds += fcntl(fd, F_GETFD) >= 0;
    }
    struct sigaction sa;
    char c = 0, text[100];
    bool handled = sigaction(SIGINT, NULL, &sa) != 0 || sa.sa_handler != SIG_DFL;
    int n = snprintf(text, sizeof text, "open=%d handled=%d stdin=%zd", open_fds, handled,
                     read(STDIN_FILENO, &c, 1));
    return write(SPAWN_SOCKET_FD, text, (size_t)n) == n && write(STDOUT_FILENO, "out", 3) == 3 ? 0
                                                                                               : 9;
}

static void test_child_inherits_only_what_it_should(void **state)
{
    (void)state;
    int pair[2], out[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    int leak = open("/dev/null", O_RDONLY); // NOLINT: not close-on-exec on purpose
    assert_true(leak > 0);
    (void)signal(SIGINT, SIG_IGN);
    char *const argv[] = {(char[]){"spawn_test"}, (char[]){"child"}, NULL};
    pid_t pid = 0;
    struct err e;
    assert_int_equal(spawn_program(spawn_self(), argv, pair[1], out[1], &pid, &e), 0);
    (void)signal(SIGINT, SIG_DFL);
    (void)close(pair[1]);
    (void)close(out[1]);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    char text[100] = {0};
    assert_true(read(pair[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "open=0 handled=0 stdin=0");
    memset(text, 0, sizeof text);
    assert_int_equal(read(out[0], text, sizeof text - 1), 3);
    assert_string_equal(text, "out");
    (void)close(pair[0]);
    (void)close(out[0]);
    (void)close(leak);
}

static void test_program_that_is_not_there(void **state)
{
    (void)state;
    char *const argv[] = {(char[]){"nothing"}, NULL};
    pid_t pid = 0;
    struct err e;
    assert_int_equal(spawn_program("/nonexistent/program", argv, -1, -1, &pid, &e), ERR_IO);
    assert_non_null(strstr(e.text, "No such file"));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
    assert_int_equal(errno, ECHILD);
}

static void test_notify(void **state)
{
    (void)state;
    (void)unsetenv("NOTIFY_SOCKET");
    assert_false(notify_send("READY=1"));
    (void)setenv("NOTIFY_SOCKET", "relative", 1);
    assert_false(notify_send("READY=1"));

    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "sereno-notify-%d", (int)getpid());
    int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    assert_int_equal(bind(s, (struct sockaddr *)&a, len), 0);
    char name[128];
    (void)snprintf(name, sizeof name, "@%s", a.sun_path + 1);
    (void)setenv("NOTIFY_SOCKET", name, 1);
    assert_true(notify_send("READY=1\nSTATUS=watching"));
    char text[64] = {0};
    assert_true(read(s, text, sizeof text - 1) > 0);
    assert_string_equal(text, "READY=1\nSTATUS=watching");
    (void)close(s);
    (void)unsetenv("NOTIFY_SOCKET");
}

static void test_watchdog(void **state)
{
    (void)state;
    char pid[32];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    static const struct {
        const char *usec, *pid; /* pid "self" = ours */
        uint64_t want;
    } cases[] = {
        {NULL, NULL, 0},
        {"30000000", NULL, 30000000},
        {"30000000", "self", 30000000},
        {"30000000", "1", 0},
        {"soon", NULL, 0},
        {"30000000", "x", 0},
        {"-5", NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)unsetenv("WATCHDOG_USEC");
        (void)unsetenv("WATCHDOG_PID");
        if (cases[i].usec != NULL) {
            (void)setenv("WATCHDOG_USEC", cases[i].usec, 1);
        }
        if (cases[i].pid != NULL) {
            (void)setenv("WATCHDOG_PID", strcmp(cases[i].pid, "self") == 0 ? pid : cases[i].pid, 1);
        }
        assert_int_equal(notify_watchdog_us(), cases[i].want);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "child") == 0) {
        return child_main();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child_inherits_only_what_it_should),
        cmocka_unit_test(test_program_that_is_not_there),
        cmocka_unit_test(test_notify),
        cmocka_unit_test(test_watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
