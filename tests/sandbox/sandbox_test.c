/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The sandbox bites, and lets each profile do its work. Each case is a child process that enters the profile and does one
 * thing; the parent looks at how it ended. In a sanitizer build there is no sandbox: the test says so and is skipped.
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

#include <hs.h>
#include <sqlite3.h>

#include <cmocka.h>

#include "base/mem.h"
#include "os/ipc.h"
#include "os/sandbox.h"

enum { MESON_SKIP = 77 };

static char data_dir[] = "sandbox-data-XXXXXX"; /* below the build's working directory */
static char data_path[4096];

#define BIT(p) (1u << SANDBOX_##p)
enum { ALL = (1 << SANDBOX_PROFILE_COUNT) - 1 };

/* What a child returns: 0 = as it should be; an errno where a call failed. */
typedef int action(void);

static int errno_of(long rc)
{
    return rc < 0 ? errno : 0;
}

static int do_open(void)
{
    return errno_of(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}
static int do_open_hosts(void)
{
    return errno_of(open("/etc/hosts", O_RDONLY | O_CLOEXEC));
}
static int do_create(void)
{
    return errno_of(open("/tmp/sereno-sandbox-test", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}
static int do_stat(void)
{
    struct stat st;
    return errno_of(stat("/etc/passwd", &st));
}
static int do_unlink(void)
{
    return errno_of(unlink("/tmp/sereno-sandbox-test"));
}
static int do_openat2(void)
{
    uint64_t how[3] = {0};
    return errno_of(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", how, sizeof how));
}
static int do_readdir(void)
{
    char room[1024];
    return errno_of(syscall(SYS_getdents64, STDIN_FILENO, room, sizeof room));
}
static int do_socket(void)
{
    return errno_of(socket(AF_INET, SOCK_STREAM, 0));
}
static int do_socket_unix(void)
{
    return errno_of(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int do_socket_packet(void)
{
    return errno_of(socket(AF_PACKET, SOCK_RAW, 0));
}
static int do_connect(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9)};
    return errno_of(connect(STDIN_FILENO, (struct sockaddr *)&a, sizeof a));
}
static int do_listen(void)
{
    return errno_of(listen(STDIN_FILENO, 5));
}
static int do_ptrace(void)
{
    return errno_of(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}
static int do_kill(void)
{
    return errno_of(kill(getppid(), 0));
}
static int do_kill_by_thread(void)
{
    return errno_of(syscall(SYS_tgkill, getppid(), getppid(), 0));
}
static int do_signal_by_owner(void)
{
    return errno_of(fcntl(STDIN_FILENO, F_SETOWN, getppid()));
}
static int do_exec(void)
{
    char *const argv[] = {(char[]){"true"}, NULL};
    return errno_of(execve("/bin/true", argv, NULL));
}
static int do_fork(void)
{
    pid_t p = fork();
    if (p == 0) {
        _exit(0);
    }
    return errno_of(p);
}
static int do_read_other(void)
{
    char room[8];
    struct iovec to = {room, sizeof room}, from = {data_path, sizeof room};
    return errno_of(process_vm_readv(getppid(), &to, 1, &from, 1, 0));
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
    return p == MAP_FAILED ? -1 : errno_of(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}
static int do_dumpable(void)
{
    return errno_of(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
static int do_raise_limit(void)
{
    const struct rlimit r = {RLIM_INFINITY, RLIM_INFINITY};
    return errno_of(setrlimit(RLIMIT_CORE, &r));
}
static int do_uring(void)
{
    char params[128] = {0};
    return errno_of(syscall(SYS_io_uring_setup, 4, params));
}
static int do_bpf(void)
{
    return errno_of(syscall(SYS_bpf, 0, NULL, 0));
}
static int do_unshare(void)
{
    return errno_of(syscall(SYS_unshare, 0x10000000)); /* CLONE_NEWUSER */
}
static int do_memfd(void)
{
    return errno_of(memfd_create("x", MFD_CLOEXEC));
}
static int do_x32(void)
{
#ifdef __x86_64__
    return errno_of(syscall(0x40000000L | SYS_getpid));
#else
    return errno_of(syscall(SYS_ptrace, 0, 0, 0, 0)); /* no second ABI to try: any forbidden call */
#endif
}
static int do_clone3(void)
{
    struct clone_args args;
    memset(&args, 0, sizeof args);
    return errno_of(syscall(SYS_clone3, &args, sizeof args));
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

static const struct sandbox_options *options_for(enum sandbox_profile p)
{
    static const struct sandbox_options none = {0};
    static struct sandbox_options data;
    data.data_dir = data_path;
    return p == SANDBOX_KEEPER ? &data : &none;
}

/* Runs the action in a child inside the profile; returns its wait status. */
static int run_in(enum sandbox_profile p, action *before, action *run)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)dup2(null, STDIN_FILENO);
        struct err e;
        if ((before != NULL && before() != 0) || sandbox_enter_with(p, options_for(p), &e) != 0) {
            _exit(255);
        }
        _exit(run());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_forbidden(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
        for (unsigned p = 0; p < SANDBOX_PROFILE_COUNT; p++) {
            if ((forbidden[i].profiles & (1u << p)) == 0) {
                continue;
            }
            int status = run_in((enum sandbox_profile)p, NULL, forbidden[i].run);
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

/* What each profile needs. An action returns 0 when all went well, else the line that went wrong. */
#define NEED(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            (void)fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #cond, strerror(errno));         \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static int prepared[4]; /* fds made before the sandbox */

static void *thread_main(void *arg)
{
    size_t *sum = arg;
    for (size_t i = 1; i < 200; i++) {
        char *p = mem_alloc(i * 4096);
        p[i] = 1;
        *sum += (size_t)p[i];
        mem_free(p);
    }
    return NULL;
}

static int can_thread(void)
{
    pthread_t t[3];
    size_t sums[3] = {0};
    for (int i = 0; i < 3; i++) {
        NEED(pthread_create(&t[i], NULL, thread_main, &sums[i]) == 0);
    }
    for (int i = 0; i < 3; i++) {
        NEED(pthread_join(t[i], NULL) == 0 && sums[i] == 199);
    }
    return 0;
}

static int thread_open_answer;
static void *thread_opens(void *arg)
{
    *(int *)arg = errno_of(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    return NULL;
}

static int can_thread_but_not_open(void)
{
    pthread_t t;
    NEED(pthread_create(&t, NULL, thread_opens, &thread_open_answer) == 0);
    NEED(pthread_join(t, NULL) == 0);
    NEED(thread_open_answer == EACCES);
    return 0;
}

static const struct ipc_type ipc_types[] = {[2] = {"FD", 1, 2, 0, 100, IPC_FD}};
static const struct ipc_table ipc_types_table = {ipc_types, ARRAY_LEN(ipc_types)};

static int prepare_pair(void)
{
    NEED(ipc_pair(prepared, NULL) == 0);
    prepared[2] = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    NEED(prepared[2] >= 0);
    return 0;
}

/* Gets an fd over its socket and reads it: how a worker of `scan` gets its files. */
static int can_receive_fd(void)
{
    const struct ipc_config ca = {.table = &ipc_types_table, .self = 1, .peer = 2};
    const struct ipc_config cb = {.table = &ipc_types_table, .self = 2, .peer = 1};
    struct ipc *a = ipc_new(prepared[0], &ca);
    struct ipc *b = ipc_new(prepared[1], &cb);
    NEED(ipc_send_fds(a, 2, 1, SPAN("file"), &prepared[2], 1) == 0);
    NEED(ipc_flush(a, 1000) == 0);
    struct ipc_msg *m = NULL;
    NEED(ipc_next(b, 1000, &m, NULL) == 0);
    int fd = ipc_msg_take_fd(m, 0);
    char c = 0;
    struct stat st;
    NEED(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0);
    NEED(pread(fd, &c, 1, 0) == 1);
    void *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    NEED(map != MAP_FAILED && munmap(map, 4096) == 0);
    ipc_free(&a);
    ipc_free(&b);
    return 0;
}

static void timer_done(uv_timer_t *t)
{
    uv_close((uv_handle_t *)t, NULL);
}

static int can_loop(void)
{
    uv_loop_t loop;
    uv_timer_t timer;
    uv_async_t async;
    NEED(uv_loop_init(&loop) == 0);
    NEED(uv_async_init(&loop, &async, NULL) == 0);
    NEED(uv_timer_init(&loop, &timer) == 0);
    NEED(uv_timer_start(&timer, timer_done, 1, 0) == 0);
    uv_close((uv_handle_t *)&async, NULL);
    NEED(uv_run(&loop, UV_RUN_DEFAULT) == 0);
    NEED(uv_loop_close(&loop) == 0);
    return 0;
}

static int prepare_listener(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    prepared[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    NEED(bind(prepared[0], (struct sockaddr *)&a, sizeof a) == 0 && listen(prepared[0], 4) == 0);
    NEED(getsockname(prepared[0], (struct sockaddr *)&a, &len) == 0);
    prepared[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    NEED(connect(prepared[1], (struct sockaddr *)&a, sizeof a) == 0);
    prepared[2] = ntohs(a.sin_port);
    return 0;
}

static int can_serve(void)
{
    int one = 1;
    char c = 0;
    int s = accept4(prepared[0], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    NEED(s >= 0);
    NEED(setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) == 0);
    NEED(write(prepared[1], "x", 1) == 1);
    struct pollfd p = {s, POLLIN, 0};
    NEED(poll(&p, 1, 1000) == 1 && recv(s, &c, 1, 0) == 1 && c == 'x');
    NEED(send(s, "y", 1, MSG_NOSIGNAL) == 1 && shutdown(s, SHUT_RDWR) == 0 && close(s) == 0);
    struct mmsghdr mm = {0};
    NEED(recvmmsg(prepared[1], &mm, 1, MSG_DONTWAIT, NULL) >= -1);
    return 0;
}

static int can_connect(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    a.sin_port = htons((uint16_t)prepared[2]);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    NEED(s >= 0 && connect(s, (struct sockaddr *)&a, sizeof a) == 0 && close(s) == 0);
    NEED(do_open_hosts() == 0);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    NEED(getaddrinfo("localhost", "443", &hints, &found) == 0 && found != NULL);
    freeaddrinfo(found);
    return 0;
}

static int can_write_files(void)
{
    char path[5000], other[5000];
    (void)snprintf(path, sizeof path, "%s/a", data_path);
    (void)snprintf(other, sizeof other, "%s/b", data_path);
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    NEED(fd >= 0 && write(fd, "abc", 3) == 3 && ftruncate(fd, 1) == 0 && fsync(fd) == 0);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    NEED(fcntl(fd, F_SETLK, &lock) == 0 && close(fd) == 0);
    NEED(rename(path, other) == 0 && unlink(other) == 0);
    return 0;
}

static int can_use_sqlite(void)
{
    char path[5000];
    (void)snprintf(path, sizeof path, "%s/t.db", data_path);
    sqlite3 *db = NULL;
    NEED(sqlite3_open(path, &db) == SQLITE_OK);
    NEED(sqlite3_exec(db,
                      "pragma journal_mode=wal; pragma synchronous=full;"
                      "create table if not exists t(x); insert into t values(randomblob(5000));"
                      "pragma wal_checkpoint(truncate); vacuum",
                      NULL, NULL, NULL) == SQLITE_OK);
    NEED(sqlite3_close(db) == SQLITE_OK);
    return 0;
}

static int prepare_memfd(void)
{
    prepared[0] = memfd_create("rules", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    NEED(prepared[0] >= 0);
    return 0;
}

static int can_build(void)
{
    NEED(ftruncate(prepared[0], 1 << 20) == 0);
    char *m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, prepared[0], 0);
    NEED(m != MAP_FAILED);
    m[5] = 1;
    NEED(munmap(m, 1 << 20) == 0);
    NEED(fcntl(prepared[0], F_ADD_SEALS,
               F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
    return 0;
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *arg)
{
    (void)from, (void)to, (void)flags;
    *(unsigned *)arg += id;
    return 0;
}

/* Vectorscan compiles and scans without executable memory. */
static int can_match(void)
{
    const char *const patterns[] = {"mimikatz", "whoami.*priv"};
    const unsigned flags[] = {HS_FLAG_CASELESS, HS_FLAG_DOTALL}, ids[] = {1, 2};
    hs_database_t *db = NULL;
    hs_compile_error_t *why = NULL;
    hs_scratch_t *scratch = NULL;
    unsigned sum = 0;
    NEED(hs_compile_multi(patterns, flags, ids, 2, HS_MODE_BLOCK, NULL, &db, &why) == HS_SUCCESS);
    NEED(hs_alloc_scratch(db, &scratch) == HS_SUCCESS);
    NEED(hs_scan(db, "MimiKatz; whoami /priv", 22, 0, scratch, on_match, &sum) == HS_SUCCESS);
    NEED(sum == 3);
    return 0;
}

static const struct {
    const char *what;
    action *before, *run;
    uint32_t profiles;
} needed[] = {
    {"threads", NULL, can_thread, ALL},
    {"threads under the same filter", NULL, can_thread_but_not_open, ALL},
    {"fds over a socket", prepare_pair, can_receive_fd, ALL},
    {"a loop", NULL, can_loop, ALL},
    {"pattern matching", NULL, can_match, ALL},
    {"accepting", prepare_listener, can_serve, BIT(INTAKE) | BIT(DESK)},
    {"connecting", prepare_listener, can_connect, BIT(COURIER)},
    {"files below the data folder", NULL, can_write_files, BIT(KEEPER)},
    {"SQLite", NULL, can_use_sqlite, BIT(KEEPER)},
    {"sealing", prepare_memfd, can_build, BIT(COMPILER) | BIT(SCAN_COMPILER)},
};

static void test_needed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        for (unsigned p = 0; p < SANDBOX_PROFILE_COUNT; p++) {
            if ((needed[i].profiles & (1u << p)) == 0) {
                continue;
            }
            int status = run_in((enum sandbox_profile)p, needed[i].before, needed[i].run);
            if (status != 0) {
                fail_msg("%s in %s: status %#x", needed[i].what,
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

static int make_data(void **state)
{
    (void)state;
    if (mkdtemp(data_dir) == NULL || realpath(data_dir, data_path) == NULL) {
        return -1;
    }
    return 0;
}

static int drop_data(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "t.db", "t.db-wal", "t.db-shm"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[5000];
        (void)snprintf(path, sizeof path, "%s/%s", data_path, names[i]);
        (void)unlink(path);
    }
    return rmdir(data_path);
}

int main(void)
{
    if (!sandbox_is_built()) {
        (void)printf("sandbox: a sanitizer build runs without the sandbox; skipped\n");
        return MESON_SKIP;
    }
    if (sandbox_landlock_abi() == 0) {
        (void)printf("sandbox: this kernel has no Landlock; skipped\n");
        return MESON_SKIP;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forbidden),
        cmocka_unit_test(test_needed),
        cmocka_unit_test(test_refuses_with_threads),
        cmocka_unit_test(test_without_landlock),
    };
    return cmocka_run_group_tests(tests, make_data, drop_data);
}
