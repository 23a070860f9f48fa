/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Opening sockets that others then read: addresses as text, listening TCP, bound UDP. Called by
 * super, which hands the sockets to the sandboxed roles and never reads from them.
 */
#ifndef OS_LISTEN_H
#define OS_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/span.h"

enum {
    LISTEN_TEXT_MAX = 64,
    LISTEN_BACKLOG = 4096, /* connections waiting for accept: a hub whose members all come back at
                              once; the kernel cuts it to somaxconn */
    LISTEN_WAIT_MS = 2000, /* how long a taken port is tried again */
    LISTEN_UDP_BUFFER_BYTES =
        8 << 20 /* half a second of 30,000 datagrams; asked for, cut by net.core.rmem_max */
};

struct listen_address {
    struct sockaddr_storage addr;
    socklen_t len;
};

/* "127.0.0.1:8600", "[::1]:8600", "0.0.0.0:514". Numbers only: nothing is looked up. ERR_INVALID.
 */
int listen_parse(struct span text, struct listen_address *out, struct err *e) NODISCARD;
/* Port of an address that was parsed or bound. */
uint16_t listen_port(const struct listen_address *a);
/* True when only this machine can reach it. */
bool listen_is_loopback(const struct listen_address *a);
/* The address of a bound socket as text (port 0 became a real one). */
const char *listen_format(int fd, char out[LISTEN_TEXT_MAX]);

/*
 * `count` listening sockets on one address into fds_out[count]: the kernel spreads connections over them (SO_REUSEPORT), so
 * that none of several processes takes them all. Non-blocking, close-on-exec, SO_REUSEADDR. An address that anyone else listens on
 * is refused, also when he would share it. 0 or ERR_IO (text says what to do when the port is too low, or still taken after
 * LISTEN_WAIT_MS).
 */
int listen_tcp(const struct listen_address *a, unsigned count, int *fds_out, struct err *e) NODISCARD;
/* A Unix socket `name` in the folder, mode 0600; one that is left over from before makes room. */
int listen_unix(const char *folder, const char *name, int *fd_out, struct err *e) NODISCARD;
/* The same for datagrams: senders are spread. SO_RXQ_OVFL counts what the kernel drops of each socket, the receive buffers are
 * as large as allowed. */
int listen_udp(const struct listen_address *a, unsigned count, int *fds_out,
               struct err *e) NODISCARD;

#endif
