# SPDX-License-Identifier: EUPL-1.2
"""Ports for servers that a test starts, and starts again, on loopback.

They lie below the range from which the kernel takes a port for each outgoing connection: a client that dials a server
which is just being restarted could otherwise be given that very port, and hold it. Each is reserved for the life of this
process (by an abstract socket of that name), so that tests that run side by side choose different ones."""
import errno
import random
import socket

LOWEST = 10000
RESERVED = []  # sockets whose names keep others away


def ephemeral_start():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        return int(f.read().split()[0])


def reserve(port):
    """True when no other test has it and nobody listens there, for streams and for datagrams."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind("\0sereno-test-port-%d" % port)
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("127.0.0.1", port))
    except OSError as e:
        name.close()
        if e.errno != errno.EADDRINUSE:
            raise
        return False
    RESERVED.append(name)
    return True


def free_port():
    rnd, top = random.SystemRandom(), max(ephemeral_start(), LOWEST + 10000)
    while True:
        port = rnd.randrange(LOWEST, top)
        if reserve(port):
            return port
