/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Starting ourselves again as a role, and starting the one outside program there is (journalctl). Fork and exec, so that
 * each role has its own address layout and inherits nothing but the fds named. Called by super and by its tests.
 */
#ifndef OS_SPAWN_H
#define OS_SPAWN_H

#include <sys/types.h>

#include "base/err.h"

enum { SPAWN_ARGS_MAX = 32, SPAWN_SOCKET_FD = 3 };

/*
 * Starts program with argv (NULL-terminated). socket_fd becomes fd 3 of the child, output_fd (-1 = none) its stdout;
 * stdin is /dev/null, stderr is ours, every other fd is closed. Signal mask and handlers are reset. The child dies with
 * its parent. ERR_IO when the program could not be run (waits for the exec to have happened).
 */
int spawn_program(const char *program, char *const argv[], int socket_fd, int output_fd,
                  pid_t *pid_out, struct err *e) NODISCARD;

/* Path of the running program, also after it was replaced on disk. Lives until exit. */
const char *spawn_self(void);

#endif
