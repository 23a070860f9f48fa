/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * After role_stopped() a role is not called any more: what it held is gone. A child is a desk that stops at once; while it
 * stands still, it is told to stop, and its peer speaks and goes away. All of that is found in one turn of its loop.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "roles/role.h"

/* What the child was called with; shared with it. */
static struct calls {
    unsigned starts, stops;
    unsigned late; /* calls after it had stopped */
} *calls;

static int start(struct role *r, const struct config *config, struct err *e)
{
    (void)r, (void)config, (void)e;
    calls->starts++;
    return 0;
}

static void on_message(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch, struct ipc_msg *msg)
{
    (void)r, (void)peer, (void)instance, (void)ch, (void)msg;
    calls->late += calls->stops;
}

static void on_peer_lost(struct role *r, enum role_id peer, uint32_t instance)
{
    (void)r, (void)peer, (void)instance;
    calls->late += calls->stops;
}

static void on_stop(struct role *r)
{
    calls->stops++;
    role_stopped(r);
}

static const struct role_ops ops = {.role = ROLE_DESK, .profile = SANDBOX_DESK, .start = start, .on_message = on_message,
                                    .on_peer_lost = on_peer_lost, .on_stop = on_stop};

static struct ipc *channel(int fd, enum role_id self)
{
    const struct ipc_config c = {.table = messages_table(), .self = role_bit(self), .peer = role_bit(ROLE_DESK), .peer_name = "desk"};
    return ipc_new(fd, &c);
}

static void start_desk(struct ipc *super, int peer_fd)
{
    struct config config;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_u32(&b, ROLE_COURIER);
    buf_u32(&b, 0);
    assert_int_equal(ipc_send_fds(super, MSG_PEER, 0, buf_view(&b), &peer_fd, 1), 0);
    buf_clear(&b);
    config_init(&config);
    config_encode(&config, ROLE_DESK, &b);
    assert_int_equal(ipc_send(super, MSG_START, 0, buf_view(&b)), 0);
    assert_int_equal(ipc_flush(super, 60000), 0);
    config_fini(&config);
    buf_free(&b);
}

static void nothing_is_called_after_the_end(void **state)
{
    (void)state;
    int super_fds[2], peer_fds[2], status = 0;
    char first;
    calls = mmap(NULL, sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(calls, MAP_FAILED);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, super_fds), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, peer_fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct role_args args = {.role = ROLE_DESK, .super_fd = super_fds[1], .weaker = true, .quiet_log = true};
        (void)close(super_fds[0]);
        (void)close(peer_fds[0]);
        (void)close(peer_fds[1]);
        _exit(role_run(&ops, &args));
    }
    (void)close(super_fds[1]);
    struct ipc *super = channel(super_fds[0], ROLE_SUPER);
    struct ipc *courier = channel(peer_fds[0], ROLE_COURIER);
    start_desk(super, peer_fds[1]);
    while (recv(super_fds[0], &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) { /* MSG_READY; the socket does not wait by itself */
        struct timespec t = {.tv_nsec = 1000000};
        assert_int_equal(waitpid(child, &status, WNOHANG), 0);
        (void)nanosleep(&t, NULL);
    }
    assert_int_equal(kill(child, SIGSTOP), 0);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_int_equal(ipc_send(super, MSG_STOP, 0, SPAN("")), 0);
    assert_int_equal(ipc_flush(super, 60000), 0);
    assert_int_equal(ipc_send(courier, MSG_NOTIFY_RESULT, 1, span_make("\1\0\0\0\0", 5)), 0);
    assert_int_equal(ipc_flush(courier, 60000), 0);
    ipc_free(&courier);
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ipc_free(&super);
    assert_int_equal(calls->starts, 1);
    assert_int_equal(calls->stops, 1);
    assert_int_equal(calls->late, 0);
    assert_int_equal(munmap(calls, sizeof *calls), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_called_after_the_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
