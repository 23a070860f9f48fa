/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Entering the cage: see sandbox.h. Turns the table of rights into a seccomp filter and loads it after Landlock.
 * Called once per process, before its first thread. Must never return success with less than was asked for.
 */
#include "os/sandbox_priv.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

const char *sandbox_profile_name(enum sandbox_profile profile)
{
    static const char *const names[] = {
        [SANDBOX_COMPILER] = "compiler",
        [SANDBOX_INTAKE] = "intake",
        [SANDBOX_CORRELATOR] = "correlator",
        [SANDBOX_KEEPER] = "keeper",
        [SANDBOX_DESK] = "desk",
        [SANDBOX_COURIER] = "courier",
        [SANDBOX_HUNTER] = "hunter",
        [SANDBOX_SCAN_WORKER] = "scan-worker",
        [SANDBOX_SCAN_COMPILER] = "scan-compiler",
    };
    CHECK((unsigned)profile < ARRAY_LEN(names));
    return names[profile];
}

int sandbox_enter(enum sandbox_profile profile, struct err *e)
{
    const struct sandbox_options none = {0};
    return sandbox_enter_with(profile, &none, e);
}

#ifdef SERENO_NO_SANDBOX

bool sandbox_is_built(void)
{
    return false;
}

int sandbox_enter_with(enum sandbox_profile profile, const struct sandbox_options *options,
                       struct err *e)
{
    (void)options;
    (void)e;
    log_warn("sandbox.absent", "profile=%s reason=\"sanitizer build\"",
             sandbox_profile_name(profile));
    return 0;
}

#else

bool sandbox_is_built(void)
{
    return true;
}

static int check_single_thread(struct err *e)
{
    DIR *d = opendir("/proc/self/task");
    if (d == NULL) {
        return 0; /* no /proc: the filter is loaded with TSYNC and covers all threads anyway */
    }
    unsigned count = 0;
    for (const struct dirent *t = readdir(d); t != NULL; t = readdir(d)) {
        count += t->d_name[0] != '.';
    }
    (void)closedir(d);
    return count <= 1
               ? 0
               : err_set(e, ERR_BUSY,
                         "sandbox: %u threads run already, and Landlock would miss them", count);
}

static int drop_capabilities(struct err *e)
{
    for (unsigned long cap = 0; cap < 64; cap++) {
        /* Without CAP_SETPCAP (any ordinary user) there is nothing to drop: EPERM; past the last one: EINVAL. */
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capset, &header, none) != 0) {
        return err_set_errno(e, ERR_DENIED, errno, "sandbox: dropping capabilities");
    }
    return 0;
}

static int drop_privileges(struct err *e)
{
    const struct rlimit no_core = {0, 0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &no_core) != 0) {
        return err_set_errno(e, ERR_DENIED, errno, "sandbox: giving up privileges");
    }
    return drop_capabilities(e);
}

static uint32_t action_of(enum right_verdict verdict)
{
    switch (verdict) {
    case RIGHT_ALLOW:
        return SCMP_ACT_ALLOW;
    case RIGHT_EACCES:
        return SCMP_ACT_ERRNO(EACCES);
    case RIGHT_ENOSYS:
        return SCMP_ACT_ERRNO(ENOSYS);
    case RIGHT_ENOTTY:
        return SCMP_ACT_ERRNO(ENOTTY);
    }
    UNREACHABLE();
}

static int add_right(scmp_filter_ctx ctx, const struct sandbox_right *r)
{
    struct scmp_arg_cmp arg = {.arg = r->argument, .datum_a = r->value};
    switch (r->test) {
    case RIGHT_ALWAYS:
        return seccomp_rule_add(ctx, action_of(r->verdict), r->syscall, 0);
    case RIGHT_IF_EQUAL:
        arg.op = SCMP_CMP_EQ;
        break;
    case RIGHT_IF_NOT:
        arg.op = SCMP_CMP_NE;
        break;
    case RIGHT_IF_CLEAR:
        arg.op = SCMP_CMP_MASKED_EQ; /* datum_b 0 */
        break;
    case RIGHT_IF_SET:
        arg.op = SCMP_CMP_MASKED_EQ;
        arg.datum_b = r->value;
        break;
    case RIGHT_IF_SELF_PID:
        arg.op = SCMP_CMP_EQ;
        arg.datum_a = (uint64_t)getpid();
        break;
    }
    return seccomp_rule_add_array(ctx, action_of(r->verdict), r->syscall, 1, &arg);
}

static int fill_filter(scmp_filter_ctx ctx, enum sandbox_profile profile, struct err *e)
{
    /* A call made with another architecture's numbers (x32, i386) would slip past the table: it kills too. */
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (rc == 0) {
        rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    }
    if (rc == 0) {
        rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
    }
    for (size_t i = 0; rc == 0 && i < sandbox_right_count; i++) {
        if ((sandbox_rights[i].profiles & (1u << profile)) != 0) {
            rc = add_right(ctx, &sandbox_rights[i]);
            if (rc != 0) {
                return err_set_errno(e, ERR_DENIED, -rc, "sandbox: row %zu of the table", i);
            }
        }
    }
    return rc == 0 ? 0 : err_set_errno(e, ERR_DENIED, -rc, "sandbox: seccomp filter");
}

static int load_filter(enum sandbox_profile profile, struct err *e)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (ctx == NULL) {
        return err_set(e, ERR_DENIED, "sandbox: no memory for the seccomp filter");
    }
    int rc = fill_filter(ctx, profile, e);
    if (rc == 0) {
        int why = seccomp_load(ctx);
        if (why != 0) {
            rc = err_set_errno(e, ERR_DENIED, -why, "sandbox: the kernel refused the filter");
        }
    }
    seccomp_release(ctx);
    return rc;
}

int sandbox_enter_with(enum sandbox_profile profile, const struct sandbox_options *options,
                       struct err *e)
{
    CHECK((unsigned)profile < SANDBOX_PROFILE_COUNT);
    CHECK(options->data_dir == NULL || profile == SANDBOX_KEEPER);
    int rc = check_single_thread(e);
    if (rc == 0) {
        rc = drop_privileges(e);
    }
    if (rc == 0) {
        rc = sandbox_landlock(profile, options->data_dir, e);
        if (rc == ERR_UNSUPPORTED && options->weaker) {
            log_warn("sandbox.weaker", "profile=%s reason=\"no Landlock in this kernel\"",
                     sandbox_profile_name(profile));
            rc = 0;
        }
    }
    return rc == 0 ? load_filter(profile, e) : rc;
}

#endif
