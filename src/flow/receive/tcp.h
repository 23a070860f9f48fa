/* SPDX-License-Identifier: EUPL-1.2 */
/* Syslog over TCP (RFC 6587, both framings). Syslog has no ack: what was read is kept, what was not
 * is the sender's. */
#ifndef FLOW_RECEIVE_TCP_H
#define FLOW_RECEIVE_TCP_H

#include <uv.h>

#include "base/err.h"
#include "flow/receive/receive.h"

enum {
    TCP_CONNECTIONS_MAX = 1024,       /* of one listener */
    TCP_CONNECTIONS_PER_SENDER = 128, /* one address must not shut out the others */
    TCP_READ_BYTES = 256 * 1024, /* one buffer for all connections; reads of 64 KiB cost a quarter more a line */
    TCP_READS_PER_WAKE = 4, /* then others have their turn; or after RECEIVE_TURN_MS of all connections */
};

struct tcp_receiver;
/* Takes over fd (listening, non-blocking). sink must outlive it. */
int tcp_receiver_new(uv_loop_t *loop, int fd, uint32_t source, const struct receive_sink *sink,
                     struct tcp_receiver **out, struct err *e) NODISCARD;
/* Ends all connections; what was read of an unfinished message is handed on. */
void tcp_receiver_free(struct tcp_receiver **t);
/* What comes from now on is of another source. */
void tcp_receiver_source(struct tcp_receiver *t, uint32_t source);
void tcp_receiver_pause(struct tcp_receiver *t, bool pause);
size_t tcp_receiver_connections(const struct tcp_receiver *t);

#endif
