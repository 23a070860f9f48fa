/* SPDX-License-Identifier: EUPL-1.2 */
/* The sandbox lets each profile do its work: threads, sockets, files, SQLite, pattern matching, as far as it has the right. */
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

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <sqlite3.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kit.h"
#include "os/ipc.h"

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
    *(int *)arg = kit_errno(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
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
    NEED(open("/etc/nsswitch.conf", O_RDONLY | O_CLOEXEC) >= 0);
    bool hosts = open("/etc/hosts", O_RDONLY | O_CLOEXEC) >= 0; /* a bare root has none, and no localhost */
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    NEED(getaddrinfo(hosts ? "localhost" : "127.0.0.1", "443", &hints, &found) == 0 && found != NULL);
    freeaddrinfo(found);
    return 0;
}

static int can_write_files(void)
{
    char path[5000], other[5000];
    (void)snprintf(path, sizeof path, "%s/a", kit_data);
    (void)snprintf(other, sizeof other, "%s/b", kit_data);
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
    (void)snprintf(path, sizeof path, "%s/t.db", kit_data);
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

/* PCRE2 compiles and searches without executable memory. */
static int can_match(void)
{
    int error = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR) "whoami.*priv", PCRE2_ZERO_TERMINATED,
                                     PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &error, &at, NULL);
    NEED(code != NULL);
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    NEED(data != NULL);
    NEED(pcre2_match(code, (PCRE2_SPTR) "x whoami /priv", PCRE2_ZERO_TERMINATED, 0, 0, data, NULL) == 1);
    NEED(pcre2_match(code, (PCRE2_SPTR) "nothing", PCRE2_ZERO_TERMINATED, 0, 0, data, NULL) ==
         PCRE2_ERROR_NOMATCH);
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
            int status = kit_run((enum sandbox_profile)p, needed[i].before, needed[i].run);
            if (status != 0) {
                fail_msg("%s in %s: status %#x", needed[i].what,
                         sandbox_profile_name((enum sandbox_profile)p), (unsigned)status);
            }
        }
    }
}

int main(void)
{
    if (kit_skips()) {
        return MESON_SKIP;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_needed)};
    return cmocka_run_group_tests(tests, kit_make_data, kit_drop_data);
}
