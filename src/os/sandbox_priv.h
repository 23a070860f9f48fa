/* SPDX-License-Identifier: EUPL-1.2 */
/* The table of rights, shared by sandbox.c, sandbox_landlock.c and sandbox_table.c only. */
#ifndef OS_SANDBOX_PRIV_H
#define OS_SANDBOX_PRIV_H

#include "os/sandbox.h"

/* What the kernel does with a call that a row matches. What no row matches kills the process. */
enum right_verdict { RIGHT_ALLOW, RIGHT_EACCES, RIGHT_ENOSYS, RIGHT_ENOTTY };

/* Which calls of that number a row matches, by one argument (or none). */
enum right_test {
    RIGHT_ALWAYS,
    RIGHT_IF_EQUAL,    /* argument == value */
    RIGHT_IF_NOT,      /* argument != value */
    RIGHT_IF_CLEAR,    /* (argument & value) == 0 */
    RIGHT_IF_SET,      /* (argument & value) == value */
    RIGHT_IF_SELF_PID, /* argument == getpid() */
};

struct sandbox_right {
    int syscall;       /* libseccomp's number */
    uint32_t profiles; /* bits 1 << enum sandbox_profile */
    enum right_verdict verdict;
    enum right_test test;
    unsigned argument; /* 0-5 */
    uint64_t value;
};

extern const struct sandbox_right sandbox_rights[];
extern const size_t sandbox_right_count;

/* Files a profile may read (and below, for folders), as Landlock sees them. Missing ones are skipped. */
struct sandbox_path {
    const char *path;
    uint32_t profiles;
};
extern const struct sandbox_path sandbox_paths[];
extern const size_t sandbox_path_count;

/* Profiles that may connect out over TCP. */
extern const uint32_t sandbox_connects;

/* sandbox_landlock.c: confines this thread. 0, ERR_UNSUPPORTED (no Landlock), ERR_DENIED. */
int sandbox_landlock(enum sandbox_profile profile, const char *data_dir, struct err *e) NODISCARD;

#endif
