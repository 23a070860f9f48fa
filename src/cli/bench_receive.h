/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno bench receive`: syslog messages by UDP and lines by TCP, received and framed by intake's own receivers, and nothing more. */
#ifndef CLI_BENCH_RECEIVE_H
#define CLI_BENCH_RECEIVE_H

#include "cli/bench_archive.h"

enum {
    RECEIVE_UDP_BYTES = 300,        /* of a message */
    RECEIVE_LINE_BYTES = 138,       /* of a line, its end included: the mean of a public collection of system logs */
    RECEIVE_SENDERS = 4,            /* connections; sockets of the sender */
};

/* Makes its own lines. seconds: how long each is sent; events, if not 0: how many instead; rate: messages a second. Measure and print; 0 or an error. */
int bench_receive(const struct bench_options *o, const struct bench_text *t, struct err *e) NODISCARD;

#endif
