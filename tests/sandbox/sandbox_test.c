/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The sandbox bites: what each profile must not do ends the process or is answered with an error. Each case is a child
 * that enters the profile and does one thing. In a sanitizer build there is no sandbox: the test says so and is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kit.h"

static int do_open(void)
{
    return kit_errno(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}
static int do_open_hosts(void)
{
    return kit_errno(open("/etc/nsswitch.conf", O_RDONLY | O_CLOEXEC)); /* on every Debian; hosts is not */
}
static int do_create(void)
{
    return kit_errno(open("/tmp/sereno-sandbox-test", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}
static int do_stat(void)
{
    struct stat st;
    return kit_errno(stat("/etc/passwd", &st));
}
static int do_unlink(void)
{
    return kit_errno(unlink("/tmp/sereno-sandbox-test"));
}
static int do_openat2(void)
{
    uint64_t how[3] = {0};
    return kit_errno(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", how, sizeof how));
}
static int do_readdir(void)
{
    char room[1024];
    return kit_errno(syscall(SYS_getdents64, STDIN_FILENO, room, sizeof room));
}
static int do_socket(void)
{
    return kit_errno(socket(AF_INET, SOCK_STREAM, 0));
}
static int do_socket_unix(void)
{
    return kit_errno(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int do_socket_packet(void)
{
    return kit_errno(socket(AF_PACKET, SOCK_RAW, 0));
}
static int do_connect(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9)};
    return kit_errno(connect(STDIN_FILENO, (struct sockaddr *)&a, sizeof a));
}
static int do_listen(void)
{
    return kit_errno(listen(STDIN_FILENO, 5));
}
static int do_accept(void)
{
    return kit_errno(accept4(STDIN_FILENO, NULL, NULL, SOCK_CLOEXEC));
}
static int do_set_option(void)
{
    int one = 1;
    return kit_errno(setsockopt(STDIN_FILENO, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
}
static int do_receive_many(void)
{
    return kit_errno(recvmmsg(STDIN_FILENO, NULL, 0, MSG_DONTWAIT, NULL));
}
static int do_ptrace(void)
{
    return kit_errno(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}
static int do_kill(void)
{
    return kit_errno(kill(getppid(), 0));
}
static int do_kill_by_thread(void)
{
    return kit_errno(syscall(SYS_tgkill, getppid(), getppid(), 0));
}
static int do_signal_by_owner(void)
{
    return kit_errno(fcntl(STDIN_FILENO, F_SETOWN, getppid()));
}
static int do_exec(void)
{
    char *const argv[] = {(char[]){"true"}, NULL};
    return kit_errno(execve("/bin/true", argv, NULL));
}
static int do_fork(void)
{
    pid_t p = fork();
    if (p == 0) {
        _exit(0);
    }
    return kit_errno(p);
}
static int do_read_other(void)
{
    char room[8];
    struct iovec to = {room, sizeof room}, from = {kit_data, sizeof room};
    return kit_errno(process_vm_readv(getppid(), &to, 1, &from, 1, 0));
}
static int do_map_exec(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? errno
               : 0;
}
static int do_make_exec(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? -1 : kit_errno(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}
static int do_dumpable(void)
{
    return kit_errno(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
static int do_raise_limit(void)
{
    const struct rlimit r = {RLIM_INFINITY, RLIM_INFINITY};
    return kit_errno(setrlimit(RLIMIT_CORE, &r));
}
static int do_uring(void)
{
    char params[128] = {0};
    return kit_errno(syscall(SYS_io_uring_setup, 4, params));
}
static int do_bpf(void)
{
    return kit_errno(syscall(SYS_bpf, 0, NULL, 0));
}
static int do_unshare(void)
{
    return kit_errno(syscall(SYS_unshare, 0x10000000)); /* CLONE_NEWUSER */
}
static int do_memfd(void)
{
    return kit_errno(memfd_create("x", MFD_CLOEXEC));
}
static int do_x32(void)
{
#ifdef __x86_64__
    return kit_errno(syscall(0x40000000L | SYS_getpid));
#else
    return kit_errno(
        syscall(SYS_ptrace, 0, 0, 0, 0)); /* no second ABI to try: any forbidden call */
#endif
}
static int do_clone3(void)
{
    struct clone_args args;
    memset(&args, 0, sizeof args);
    return kit_errno(syscall(SYS_clone3, &args, sizeof args));
}
static int do_tty(void)
{
    return isatty(STDIN_FILENO) == 1 ? 0 : errno;
}
static int do_abort(void)
{
    abort();
}

static const struct {
    const char *what;
    action *run;
    uint32_t profiles;
    int signal; /* it ends by this signal, or 0 */
    int answer; /* else it gets this errno */
} forbidden[] = {
    {"open", do_open, ALL, 0, EACCES},
    {"open of a resolver file", do_open_hosts, ALL & ~BIT(COURIER), 0, EACCES},
    {"create a file elsewhere", do_create, ALL, 0, EACCES},
    {"stat", do_stat, ALL & ~(BIT(KEEPER) | BIT(COURIER)), 0, EACCES},
    {"unlink", do_unlink, ALL & ~BIT(KEEPER), 0, EACCES},
    {"openat2", do_openat2, ALL, 0, EACCES},
    {"list a folder", do_readdir, ALL & ~(BIT(KEEPER) | BIT(COURIER)), 0, EACCES},
    {"clone3", do_clone3, ALL, 0, ENOSYS},
    {"isatty", do_tty, ALL, 0, ENOTTY},
    {"socket", do_socket, ALL & ~BIT(COURIER), SIGSYS, 0},
    {"unix socket", do_socket_unix, ALL & ~BIT(COURIER), SIGSYS, 0},
    {"unix socket of the courier", do_socket_unix, BIT(COURIER), 0, EACCES},
    {"packet socket", do_socket_packet, ALL, SIGSYS, 0},
    {"connect", do_connect, ALL & ~BIT(COURIER), SIGSYS, 0},
    {"listen", do_listen, ALL, SIGSYS, 0},
    {"accept", do_accept, ALL & ~(BIT(INTAKE) | BIT(DESK)), SIGSYS, 0},
    {"setsockopt", do_set_option, ALL & ~(BIT(INTAKE) | BIT(DESK) | BIT(COURIER)), SIGSYS, 0},
    {"recvmmsg", do_receive_many, ALL & ~(BIT(INTAKE) | BIT(DESK)), SIGSYS, 0},
    {"ptrace", do_ptrace, ALL, SIGSYS, 0},
    {"kill", do_kill, ALL, SIGSYS, 0},
    {"tgkill of another process", do_kill_by_thread, ALL, SIGSYS, 0},
    {"signals by F_SETOWN", do_signal_by_owner, ALL, SIGSYS, 0},
    {"execve", do_exec, ALL, SIGSYS, 0},
    {"fork", do_fork, ALL, SIGSYS, 0},
    {"process_vm_readv", do_read_other, ALL, SIGSYS, 0},
    {"executable mmap", do_map_exec, ALL, SIGSYS, 0},
    {"executable mprotect", do_make_exec, ALL, SIGSYS, 0},
    {"PR_SET_DUMPABLE", do_dumpable, ALL, SIGSYS, 0},
    {"setrlimit", do_raise_limit, ALL, SIGSYS, 0},
    {"io_uring", do_uring, ALL, SIGSYS, 0},
    {"bpf", do_bpf, ALL, SIGSYS, 0},
    {"unshare", do_unshare, ALL, SIGSYS, 0},
    {"memfd_create", do_memfd, ALL, SIGSYS, 0},
    {"another architecture's call", do_x32, ALL, SIGSYS, 0},
    {"abort", do_abort, ALL, SIGABRT, 0}, /* not forbidden: a failed CHECK must end as what it is */
};

static void test_forbidden(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
        for (unsigned p = 0; p < SANDBOX_PROFILE_COUNT; p++) {
            if ((forbidden[i].profiles & (1u << p)) == 0) {
                continue;
            }
            int status = kit_run((enum sandbox_profile)p, NULL, forbidden[i].run);
            bool good = forbidden[i].signal != 0
                            ? WIFSIGNALED(status) && WTERMSIG(status) == forbidden[i].signal
                            : WIFEXITED(status) && WEXITSTATUS(status) == forbidden[i].answer;
            if (!good) {
                fail_msg("%s in %s: status %#x", forbidden[i].what,
                         sandbox_profile_name((enum sandbox_profile)p), (unsigned)status);
            }
        }
    }
}

static void *thread_waits(void *arg)
{
    char c = 0;
    ssize_t n = read(*(int *)arg, &c, 1);
    (void)n;
    return NULL;
}

static void test_refuses_with_threads(void **state)
{
    (void)state;
    int p[2];
    pthread_t t;
    struct err e;
    memset(&e, 0, sizeof e);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&t, NULL, thread_waits, &p[0]), 0);
    assert_int_equal(sandbox_enter(SANDBOX_INTAKE, &e), ERR_BUSY);
    assert_non_null(strstr(e.text, "threads"));
    (void)close(p[1]);
    assert_int_equal(pthread_join(t, NULL), 0);
    (void)close(p[0]);
}

/* A kernel without Landlock, played by a filter that says so. */
static int without_landlock(bool weaker)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    NEED(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0) == 0);
    NEED(seccomp_load(ctx) == 0);
    seccomp_release(ctx);
    NEED(sandbox_landlock_abi() == 0);
    struct err e;
    const struct sandbox_options o = {.weaker = weaker};
    int rc = sandbox_enter_with(SANDBOX_INTAKE, &o, &e);
    if (!weaker) {
        NEED(rc == ERR_UNSUPPORTED && strstr(e.text, "Landlock") != NULL);
        return 0;
    }
    NEED(rc == 0 && do_open() == EACCES);
    return 0;
}

static void test_without_landlock(void **state)
{
    (void)state;
    for (int weaker = 0; weaker < 2; weaker++) {
        pid_t child = fork();
        if (child == 0) {
            _exit(without_landlock(weaker == 1));
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    if (kit_skips()) {
        return MESON_SKIP;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forbidden),
        cmocka_unit_test(test_refuses_with_threads),
        cmocka_unit_test(test_without_landlock),
    };
    return cmocka_run_group_tests(tests, kit_make_data, kit_drop_data);
}
