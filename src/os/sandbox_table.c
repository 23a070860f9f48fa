/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who may do what: the rights of every sandbox profile, as one table. Read by sandbox.c, which turns it into a filter.
 * A call that no row lets through kills the process. To widen a profile, add its bit here and a case to
 * tests/sandbox, and say why in docs/decisions.
 */
#include "os/sandbox_priv.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

enum {
    COMPILER = 1 << SANDBOX_COMPILER,
    INTAKE = 1 << SANDBOX_INTAKE,
    CORRELATOR = 1 << SANDBOX_CORRELATOR,
    KEEPER = 1 << SANDBOX_KEEPER,
    DESK = 1 << SANDBOX_DESK,
    COURIER = 1 << SANDBOX_COURIER,
    HUNTER = 1 << SANDBOX_HUNTER,
    SCAN_WORKER = 1 << SANDBOX_SCAN_WORKER,
    SCAN_COMPILER = 1 << SANDBOX_SCAN_COMPILER,

    ALL = (1 << SANDBOX_PROFILE_COUNT) - 1,
    NODE = COMPILER | INTAKE | CORRELATOR | KEEPER | DESK | COURIER | HUNTER, /* the roles that run a loop */
    SERVERS = INTAKE | DESK,
    FILES = KEEPER | COURIER, /* may open; Landlock says what */
    BUILDERS = COMPILER | SCAN_COMPILER,
};

const uint32_t sandbox_connects = COURIER;

#define ALLOW(name, who)                                                                           \
    {                                                                                              \
        SCMP_SYS(name), (who), RIGHT_ALLOW, RIGHT_ALWAYS, 0, 0                                     \
    }
#define ALLOW_IF(name, who, test, argument, value)                                                 \
    {                                                                                              \
        SCMP_SYS(name), (who), RIGHT_ALLOW, (test), (argument), (uint64_t)(value)                  \
    }
#define ANSWER(name, who, verdict)                                                                 \
    {                                                                                              \
        SCMP_SYS(name), (who), (verdict), RIGHT_ALWAYS, 0, 0                                       \
    }
#define ANSWER_IF(name, who, verdict, test, argument, value)                                       \
    {                                                                                              \
        SCMP_SYS(name), (who), (verdict), (test), (argument), (uint64_t)(value)                    \
    }
/* Calls that name a file: allowed to `who` (where Landlock then decides), EACCES for all others. */
#define FILE_CALL(name, who) ALLOW(name, who), ANSWER(name, ALL & ~(uint32_t)(who), RIGHT_EACCES)

/* clang-format off: one right, one line */
const struct sandbox_right sandbox_rights[] = {
    /* bytes of fds that the process holds */
    ALLOW(read, ALL),
    ALLOW(readv, ALL),
    ALLOW(pread64, ALL),
    ALLOW(preadv, ALL),
    ALLOW(write, ALL),
    ALLOW(writev, ALL),
    ALLOW(pwrite64, ALL),
    ALLOW(lseek, ALL),
    ALLOW(fstat, ALL),
    ALLOW(close, ALL),
    ALLOW(close_range, ALL),
    ALLOW(dup, ALL),
    ALLOW(fadvise64, ALL),
    ALLOW(recvfrom, ALL),
    ALLOW(recvmsg, ALL),
    ALLOW(recvmmsg, SERVERS),
    ALLOW(sendto, ALL),
    ALLOW(sendmsg, ALL),
    ALLOW(sendmmsg, COURIER), /* the resolver asks for A and AAAA at once */
    ALLOW(shutdown, ALL),
    ALLOW(getsockopt, ALL),
    ALLOW(getsockname, NODE),
    ALLOW(getpeername, NODE),
    ALLOW(setsockopt, SERVERS | COURIER),
    ALLOW(accept, SERVERS),
    ALLOW(accept4, SERVERS),

    /* fcntl by command: F_SETOWN would let a role signal its siblings */
    ALLOW_IF(fcntl, ALL, RIGHT_IF_EQUAL, 1, F_GETFD),
    ALLOW_IF(fcntl, ALL, RIGHT_IF_EQUAL, 1, F_SETFD),
    ALLOW_IF(fcntl, ALL, RIGHT_IF_EQUAL, 1, F_GETFL),
    ALLOW_IF(fcntl, ALL, RIGHT_IF_EQUAL, 1, F_SETFL),
    ALLOW_IF(fcntl, ALL, RIGHT_IF_EQUAL, 1, F_DUPFD_CLOEXEC),
    ALLOW_IF(fcntl, ALL, RIGHT_IF_EQUAL, 1, F_GET_SEALS),
    ALLOW_IF(fcntl, BUILDERS, RIGHT_IF_EQUAL, 1, F_ADD_SEALS),
    ALLOW_IF(fcntl, KEEPER, RIGHT_IF_EQUAL, 1, F_GETLK),
    ALLOW_IF(fcntl, KEEPER, RIGHT_IF_EQUAL, 1, F_SETLK),
    ALLOW_IF(fcntl, KEEPER, RIGHT_IF_EQUAL, 1, F_SETLKW),
    ALLOW_IF(fcntl, KEEPER, RIGHT_IF_EQUAL, 1, F_OFD_GETLK),
    ALLOW_IF(fcntl, KEEPER, RIGHT_IF_EQUAL, 1, F_OFD_SETLK),
    ALLOW_IF(ioctl, ALL, RIGHT_IF_EQUAL, 1, FIONBIO),
    ALLOW_IF(ioctl, ALL, RIGHT_IF_EQUAL, 1, FIONREAD),
    ANSWER_IF(ioctl, ALL, RIGHT_ENOTTY, RIGHT_IF_EQUAL, 1, TCGETS), /* isatty */

    /* waiting */
    ALLOW(poll, ALL),
    ALLOW(ppoll, ALL),
    ALLOW(select, ALL),
    ALLOW(pselect6, ALL),
    ALLOW(epoll_create1, ALL),
    ALLOW(epoll_ctl, ALL),
    ALLOW(epoll_wait, ALL),
    ALLOW(epoll_pwait, ALL),
    ALLOW(eventfd2, ALL),
    ALLOW(pipe2, ALL),
    ALLOW(timerfd_create, NODE),
    ALLOW(timerfd_settime, NODE),
    ALLOW(nanosleep, ALL),
    ALLOW(clock_nanosleep, ALL),
    ALLOW(restart_syscall, ALL),
    ALLOW(futex, ALL),
    ALLOW(membarrier, ALL),
    ALLOW(sched_yield, ALL),

    /* memory, never executable */
    ALLOW_IF(mmap, ALL, RIGHT_IF_CLEAR, 2, PROT_EXEC),
    ALLOW_IF(mprotect, ALL, RIGHT_IF_CLEAR, 2, PROT_EXEC),
    ALLOW(munmap, ALL),
    ALLOW(mremap, ALL),
    ALLOW(madvise, ALL),
    ALLOW(msync, ALL),
    ALLOW(brk, ALL),
    ALLOW(mlock, ALL), /* libsodium keeps secrets out of swap */
    ALLOW(munlock, ALL),

    /* threads of this process; a new process has no CLONE_THREAD */
    ALLOW_IF(clone, ALL, RIGHT_IF_SET, 0, CLONE_THREAD),
    ANSWER(clone3, ALL, RIGHT_ENOSYS), /* its flags lie in memory, where a filter cannot look */
    ALLOW(set_robust_list, ALL),
    ALLOW(rseq, ALL),
    ALLOW(sched_getaffinity, ALL),
    ALLOW(sched_getparam, ALL),
    ALLOW(sched_getscheduler, ALL),
    ALLOW_IF(prctl, ALL, RIGHT_IF_EQUAL, 0, PR_SET_NAME),
    ALLOW_IF(prctl, ALL, RIGHT_IF_EQUAL, 0, PR_SET_VMA), /* names of malloc's areas */
    ALLOW(exit, ALL),
    ALLOW(exit_group, ALL),

    /* itself */
    ALLOW(getpid, ALL),
    ALLOW(gettid, ALL),
    ALLOW(getppid, ALL),
    ALLOW(getuid, ALL),
    ALLOW(geteuid, ALL),
    ALLOW(getgid, ALL),
    ALLOW(getegid, ALL),
    ALLOW(getrusage, ALL),
    ALLOW(times, ALL),
    ALLOW(sysinfo, ALL),
    ALLOW(uname, ALL),
    ALLOW(getrandom, ALL),
    ALLOW(clock_gettime, ALL),
    ALLOW(clock_getres, ALL),
    ALLOW(gettimeofday, ALL),
    ALLOW(time, ALL),
    ALLOW(getcpu, ALL),
    ALLOW_IF(prlimit64, ALL, RIGHT_IF_EQUAL, 2, 0), /* reading limits, not setting them */
    ALLOW(getrlimit, ALL),

    /* signals to itself: abort, raise, timers of libraries */
    ALLOW_IF(tgkill, ALL, RIGHT_IF_SELF_PID, 0, 0),
    ALLOW(rt_sigaction, ALL),
    ALLOW(rt_sigprocmask, ALL),
    ALLOW(rt_sigreturn, ALL),
    ALLOW(rt_sigtimedwait, ALL),
    ALLOW(sigaltstack, ALL),

    /* size of what it holds */
    ALLOW(ftruncate, BUILDERS | KEEPER),
    ALLOW(fallocate, BUILDERS | KEEPER),
    ALLOW(fsync, KEEPER),
    ALLOW(fdatasync, KEEPER),
    ALLOW(sync_file_range, KEEPER),
    ALLOW(fchmod, KEEPER),
    ALLOW(fchown, KEEPER), /* SQLite gives -wal and -shm the owner of the database */
    ALLOW(flock, KEEPER),
    ALLOW(umask, KEEPER),

    /* glibc makes fstat(fd) of newfstatat(fd, "", AT_EMPTY_PATH) */
    ALLOW_IF(newfstatat, ALL, RIGHT_IF_EQUAL, 3, AT_EMPTY_PATH),
    ALLOW_IF(newfstatat, FILES, RIGHT_IF_NOT, 3, AT_EMPTY_PATH),
    ANSWER_IF(newfstatat, ALL & ~(uint32_t)FILES, RIGHT_EACCES, RIGHT_IF_NOT, 3, AT_EMPTY_PATH),

    /* files by name */
    FILE_CALL(open, FILES),
    FILE_CALL(openat, FILES),
    FILE_CALL(openat2, 0),
    FILE_CALL(creat, 0),
    FILE_CALL(stat, FILES),
    FILE_CALL(lstat, FILES),
    FILE_CALL(statx, FILES),
    FILE_CALL(statfs, 0),
    FILE_CALL(fstatfs, KEEPER),
    FILE_CALL(access, FILES),
    FILE_CALL(faccessat, FILES),
    FILE_CALL(faccessat2, FILES),
    FILE_CALL(readlink, FILES),
    FILE_CALL(readlinkat, FILES),
    FILE_CALL(getcwd, FILES),
    FILE_CALL(chdir, 0),
    FILE_CALL(getdents64, FILES),
    FILE_CALL(mkdir, KEEPER),
    FILE_CALL(mkdirat, KEEPER),
    FILE_CALL(rmdir, KEEPER),
    FILE_CALL(unlink, KEEPER),
    FILE_CALL(unlinkat, KEEPER),
    FILE_CALL(rename, KEEPER),
    FILE_CALL(renameat, KEEPER),
    FILE_CALL(renameat2, KEEPER),
    FILE_CALL(utimensat, KEEPER),
    FILE_CALL(chmod, KEEPER),
    FILE_CALL(fchmodat, KEEPER),
    FILE_CALL(link, 0),
    FILE_CALL(linkat, 0),
    FILE_CALL(symlink, 0),
    FILE_CALL(symlinkat, 0),
    FILE_CALL(chown, 0),
    FILE_CALL(lchown, 0),
    FILE_CALL(fchownat, 0),
    FILE_CALL(truncate, 0),
    FILE_CALL(mknod, 0),
    FILE_CALL(mknodat, 0),
    FILE_CALL(inotify_init1, 0),

    /* connecting out: the courier alone. AF_UNIX is where glibc looks for nscd: it may look in vain. */
    ALLOW_IF(socket, COURIER, RIGHT_IF_EQUAL, 0, AF_INET),
    ALLOW_IF(socket, COURIER, RIGHT_IF_EQUAL, 0, AF_INET6),
    ALLOW_IF(socket, COURIER, RIGHT_IF_EQUAL, 0,
    AF_NETLINK), /* which address families the machine has */
    ANSWER_IF(socket, COURIER, RIGHT_EACCES, RIGHT_IF_EQUAL, 0, AF_UNIX),
    ALLOW_IF(socketpair, COURIER, RIGHT_IF_EQUAL, 0, AF_UNIX), /* libcurl wakes itself with one */
    ALLOW(connect, COURIER),
    ALLOW(bind, COURIER), /* netlink; TCP ports are Landlock's */
};
/* clang-format on */
const size_t sandbox_right_count = ARRAY_LEN(sandbox_rights);

/* The resolver and the certificate store; never a private key. */
const struct sandbox_path sandbox_paths[] = {
    {"/etc/resolv.conf", COURIER},
    {"/etc/hosts", COURIER},
    {"/etc/host.conf", COURIER},
    {"/etc/nsswitch.conf", COURIER},
    {"/etc/gai.conf", COURIER},
    {"/etc/services", COURIER},
    {"/etc/ssl/certs", COURIER},
    {"/etc/ssl/openssl.cnf", COURIER},
    {"/usr/lib/ssl/openssl.cnf", COURIER},
    {"/usr/share/ca-certificates", COURIER},
    {"/usr/local/share/ca-certificates", COURIER},
    {"/run/systemd/resolve", COURIER},
    {"/run/resolvconf", COURIER},
    {"/run/NetworkManager/resolv.conf", COURIER},
    {"/dev/urandom", KEEPER | COURIER}, /* SQLite's own seed */
};
const size_t sandbox_path_count = ARRAY_LEN(sandbox_paths);
