/* SPDX-License-Identifier: EUPL-1.2 */
/* A forked child that answers through a pipe and ends: how commands keep hostile bytes out of themselves. */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Runs work(arg, out) in a child; it must cage itself first and never return. Everything it writes to `out` is gathered
 * in answer (up to the buffer's maximum). Returns 0 with the child's exit status in *exit_out, or ERR_INVALID when a
 * signal ended it; `what` names it ("the compile step").
 */
int cli_child(void (*work)(void *arg, int out), void *arg, const char *what, struct buf *answer,
              int *exit_out, struct err *e) NODISCARD;

/* One that runs beside the caller, which reads or writes another fd of it; its answer must fit a pipe (64 KiB). */
struct cli_beside {
    long pid;
    int answer;
};
/* keep: an fd of the caller that the child must not hold open (-1: none). ERR_IO. */
int cli_beside_start(void (*work)(void *arg, int out), void *arg, int keep, struct cli_beside *out, struct err *e) NODISCARD;
/* Its end, as of cli_child. */
int cli_beside_end(struct cli_beside *b, const char *what, struct buf *answer, int *exit_out, struct err *e) NODISCARD;

/* In the child: writes all of s, or gives up when nobody listens any more. */
void cli_child_write(int out, struct span s);

#endif
