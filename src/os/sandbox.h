/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The cage of each role: seccomp (libseccomp) and Landlock (raw system calls), on by default everywhere.
 *
 * Which role may do what stands in the table of sandbox_table.c: read that one first. In every profile a forbidden
 * open or stat is answered EACCES (libraries ask for files and live without them), clone3 is answered ENOSYS (glibc
 * then uses clone), and anything else that is not in the table kills the process with SIGSYS.
 *
 * Called by roles after they hold nothing but their socket to super, and by the workers of `scan`, `hunt`, `bench`;
 * always before the first thread starts. There is no way back.
 */
#ifndef OS_SANDBOX_H
#define OS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum sandbox_profile {
    SANDBOX_COMPILER,    /* read fds, compute, fill and seal a memfd */
    SANDBOX_INTAKE,      /* accept and read sockets, read fds */
    SANDBOX_CORRELATOR,  /* talk over the fds it has, compute */
    SANDBOX_KEEPER,      /* files below the data directory, nothing else */
    SANDBOX_DESK,        /* accept, read and write sockets */
    SANDBOX_COURIER,     /* connect out; read resolver and CA files */
    SANDBOX_HUNTER,      /* as intake, but it serves nobody */
    SANDBOX_SCAN_WORKER, /* read fds (also such as come over its socket), compute, write to its pipe */
    SANDBOX_SCAN_COMPILER, /* as worker, and fill and seal a memfd */
    SANDBOX_PROFILE_COUNT
};

struct sandbox_options {
    const char *data_dir; /* SANDBOX_KEEPER: the one directory it may use; NULL = none */
    bool weaker;          /* go on without Landlock where the kernel has none */
};

/*
 * Enters the profile for good. Also: no new privileges, not dumpable, no core file, all capabilities dropped.
 * ERR_UNSUPPORTED: no Landlock here and not `weaker`; ERR_BUSY: threads run already; ERR_DENIED: the kernel refused.
 * On failure the process may be half caged: end it. A sanitizer build says on stderr that it runs without, returns 0.
 */
int sandbox_enter(enum sandbox_profile profile, struct err *e) NODISCARD;
int sandbox_enter_with(enum sandbox_profile profile, const struct sandbox_options *options,
                       struct err *e) NODISCARD;

/* Landlock version of this kernel, 0 = none. Works before sandbox_enter only. */
int sandbox_landlock_abi(void);

/* False in a sanitizer build, where sandbox_enter does nothing. */
bool sandbox_is_built(void);

/* "intake"; never NULL. */
const char *sandbox_profile_name(enum sandbox_profile profile);

#endif
