/* SPDX-License-Identifier: EUPL-1.2 */
/* Syslog over UDP (RFC 5426): one datagram, one message. What the kernel had to drop is counted
 * exactly (SO_RXQ_OVFL). */
#ifndef FLOW_RECEIVE_UDP_H
#define FLOW_RECEIVE_UDP_H

#include <uv.h>

#include "base/err.h"
#include "flow/receive/receive.h"

enum {
    UDP_BATCH = 64,            /* datagrams per system call, at most; fewer where they are dear */
    UDP_BATCHES_PER_WAKE = 16, /* then others have their turn; or after RECEIVE_TURN_MS */
    UDP_DATAGRAM_MAX = 64 * 1024,
};

/* How many drops of which socket were counted: what the next intake goes on from, on the same socket. */
struct udp_counted {
    uint64_t socket; /* the kernel's name of it, unique since boot */
    uint32_t drops;
};

struct udp_receiver;
/* Takes over fd (bound, SO_RXQ_OVFL set). sink must outlive it. before: NULL, or what was counted already. */
int udp_receiver_new(uv_loop_t *loop, int fd, uint32_t source, const struct receive_sink *sink,
                     const struct udp_counted *before, struct udp_receiver **out, struct err *e) NODISCARD;
/* Frees once the loop has let go. */
void udp_receiver_free(struct udp_receiver **u);
/* What comes from now on is of another source. */
void udp_receiver_source(struct udp_receiver *u, uint32_t source);
/* Asks the socket, also when nothing comes any more; tells the sink, and what is counted now. */
struct udp_counted udp_receiver_count(struct udp_receiver *u);
void udp_receiver_pause(struct udp_receiver *u, bool pause);

#endif
