/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Landlock by raw system calls (glibc 2.36 has no wrappers, and Debian 12's headers know version 2 only).
 * Called by sandbox.c in every role before its first thread: Landlock covers the calling thread alone.
 * Must use whatever the running kernel's version knows, and never less because of the headers it was built with.
 */
#include "os/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's interface, uapi/linux/landlock.h, as of version 6. */
struct ll_ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* version 4 */
    uint64_t scoped;             /* version 6 */
};

struct ll_path_beneath {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

enum { LL_CREATE_VERSION = 1, LL_RULE_PATH_BENEATH = 1 };

enum ll_fs {
    LL_EXECUTE = 1 << 0,
    LL_WRITE_FILE = 1 << 1,
    LL_READ_FILE = 1 << 2,
    LL_READ_DIR = 1 << 3,
    LL_REMOVE_DIR = 1 << 4,
    LL_REMOVE_FILE = 1 << 5,
    LL_MAKE_DIR = 1 << 7,
    LL_MAKE_REG = 1 << 8,
    LL_ALL_V1 = (1 << 13) - 1,
    LL_REFER = 1 << 13,     /* version 2 */
    LL_TRUNCATE = 1 << 14,  /* version 3 */
    LL_IOCTL_DEV = 1 << 15, /* version 5 */
};

enum { LL_NET_BIND_TCP = 1 << 0, LL_NET_CONNECT_TCP = 1 << 1 };
enum { LL_SCOPE_ABSTRACT_UNIX = 1 << 0, LL_SCOPE_SIGNAL = 1 << 1 };

enum {
    LL_READ = LL_READ_FILE | LL_READ_DIR,
    LL_DATA = LL_READ | LL_WRITE_FILE | LL_REMOVE_DIR | LL_REMOVE_FILE | LL_MAKE_DIR | LL_MAKE_REG |
              LL_REFER | LL_TRUNCATE,
    LL_FILE_ONLY = LL_READ_FILE | LL_WRITE_FILE | LL_TRUNCATE, /* what a rule on a file may hold */
};

int sandbox_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LL_CREATE_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

static struct ll_ruleset handled_by(int abi, enum sandbox_profile profile)
{
    struct ll_ruleset r = {LL_ALL_V1, 0, 0};
    r.handled_access_fs |= abi >= 2 ? LL_REFER : 0;
    r.handled_access_fs |= abi >= 3 ? LL_TRUNCATE : 0;
    r.handled_access_fs |= abi >= 5 ? LL_IOCTL_DEV : 0;
    if (abi >= 4) {
        bool connects = (sandbox_connects & (1u << profile)) != 0;
        r.handled_access_net = LL_NET_BIND_TCP | (connects ? 0 : LL_NET_CONNECT_TCP);
    }
    if (abi >= 6) {
        r.scoped = LL_SCOPE_ABSTRACT_UNIX | LL_SCOPE_SIGNAL;
    }
    return r;
}

static size_t ruleset_bytes(int abi)
{
    return abi >= 6   ? sizeof(struct ll_ruleset)
           : abi >= 4 ? 2 * sizeof(uint64_t)
                      : sizeof(uint64_t);
}

/* Lets `path` and what lies below be used. A path that is not there is skipped unless it is needed. */
static int allow_path(int ruleset, const char *path, uint64_t access, bool needed, struct err *e)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return needed ? err_set_errno(e, ERR_DENIED, errno, "sandbox: %s", path) : 0;
    }
    struct ll_path_beneath rule = {access, fd};
    long rc = syscall(SYS_landlock_add_rule, ruleset, LL_RULE_PATH_BENEATH, &rule, 0);
    if (rc != 0 && errno == EINVAL) { /* a file, not a folder */
        rule.allowed_access &= LL_FILE_ONLY;
        rc = syscall(SYS_landlock_add_rule, ruleset, LL_RULE_PATH_BENEATH, &rule, 0);
    }
    int why = errno;
    (void)close(fd);
    return rc == 0 ? 0 : err_set_errno(e, ERR_DENIED, why, "sandbox: Landlock rule for %s", path);
}

static int allow_paths(int ruleset, enum sandbox_profile profile, const char *data_dir,
                       uint64_t handled, struct err *e)
{
    for (size_t i = 0; i < sandbox_path_count; i++) {
        if ((sandbox_paths[i].profiles & (1u << profile)) != 0) {
            int rc = allow_path(ruleset, sandbox_paths[i].path, LL_READ & handled, false, e);
            if (rc != 0) {
                return rc;
            }
        }
    }
    if (data_dir != NULL) {
        return allow_path(ruleset, data_dir, LL_DATA & handled, true, e);
    }
    return 0;
}

int sandbox_landlock(enum sandbox_profile profile, const char *data_dir, struct err *e)
{
    int abi = sandbox_landlock_abi();
    if (abi == 0) {
        return err_set(e, ERR_UNSUPPORTED,
                       "sandbox: this kernel has no Landlock (Linux 5.13 or later with "
                       "CONFIG_SECURITY_LANDLOCK and landlock in its lsm= list has it)");
    }
    struct ll_ruleset r = handled_by(abi, profile);
    long made = syscall(SYS_landlock_create_ruleset, &r, ruleset_bytes(abi), 0);
    if (made < 0) {
        return err_set_errno(e, ERR_DENIED, errno, "sandbox: Landlock rule set, version %d", abi);
    }
    int ruleset = (int)made;
    int rc = allow_paths(ruleset, profile, data_dir, r.handled_access_fs, e);
    if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
        rc = err_set_errno(e, ERR_DENIED, errno, "sandbox: Landlock");
    }
    (void)close(ruleset);
    return rc;
}
