# SPDX-License-Identifier: EUPL-1.2
"""A bridge in user space, for tests: forwards Ethernet frames between the ports of a network namespace, and on its way drops,
doubles, holds back and swallows them by a seeded rule, and counts what it did.

    bridge = Bridge("s1-switch", seed=7)      # a process of its own inside that namespace
    bridge.add(0), bridge.add(1)              # ports p0, p1: the other ends of two nodes' eth0
    bridge.rule(0, drop=0.05, double=0.05, late=0.1)
    bridge.swallow(1)                         # nothing passes, and nobody is told: a half-open link
    bridge.counts()                           # {"forwarded": …, "dropped": …, …}
    bridge.close()

The kernels at both ends must not leave checksums and cutting into packets to a network card (`plain`), since there is none."""
import ctypes
import heapq
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

ETH_P_ALL = 3
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
SIOCETHTOOL = 0x8946
OFFLOADS = (0x17, 0x1f, 0x24)  # ETHTOOL_STXCSUM, STSO, SGSO
FRAME_MAX = 65536
LATE_S = (0.002, 0.04)  # how long a frame is held back: others overtake it
DOINGS = ("forwarded", "dropped", "doubled", "late", "swallowed", "lost")


def plain(name):
    """The interface of this namespace sends whole, checked packets of at most its MTU. False: this kernel will not."""
    import fcntl
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for command in OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP16x", name.encode(), ctypes.addressof(value))
            try:
                fcntl.ioctl(s, SIOCETHTOOL, request)
            except OSError:
                return False
    return True


class Forwarder:
    """The process's own part."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.ports, self.where, self.rules, self.dead = {}, {}, {}, set()
        self.waiting, self.order = [], 0
        self.count = dict.fromkeys(DOINGS, 0)

    def add(self, number):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        s.bind(("p%d" % number, ETH_P_ALL))
        s.setblocking(False)
        if not plain("p%d" % number):
            raise OSError("p%d leaves work to its card" % number)
        self.ports[number] = s

    def send(self, number, frame):
        try:
            self.ports[number].send(frame)
            self.count["forwarded"] += 1
        except OSError:  # its interface is down, or full
            self.count["lost"] += 1

    def pass_on(self, origin, to, frame):
        """Both ends have a rule; the worse of the two holds."""
        mine, theirs = self.rules.get(origin, {}), self.rules.get(to, {})
        chance = {k: max(mine.get(k, 0), theirs.get(k, 0)) for k in ("drop", "double", "late")}
        if origin in self.dead or to in self.dead:
            self.count["swallowed"] += 1
            return
        if self.random.random() < chance["drop"]:
            self.count["dropped"] += 1
            return
        copies = 2 if self.random.random() < chance["double"] else 1
        self.count["doubled"] += copies - 1
        for _ in range(copies):
            if self.random.random() < chance["late"]:
                self.count["late"] += 1
                self.order += 1
                heapq.heappush(self.waiting, (time.monotonic() + self.random.uniform(*LATE_S), self.order, to, frame))
            else:
                self.send(to, frame)

    def take(self, origin, frame):
        to, sender = frame[0:6], frame[6:12]
        self.where[sender] = origin
        known = self.where.get(to) if not to[0] & 1 else None
        for number in [known] if known is not None else list(self.ports):
            if number != origin:
                self.pass_on(origin, number, frame)

    def drain(self, number):
        for _ in range(256):
            try:
                frame = self.ports[number].recv(FRAME_MAX)
            except OSError:  # nothing more, or its interface went down
                return
            self.take(number, frame)

    def obey(self, line):
        word = json.loads(line)
        what = word.pop("do")
        if what == "add":
            self.add(word["port"])
        elif what == "rule":
            self.rules[word.pop("port")] = word
        elif what == "swallow":
            (self.dead.add if word["on"] else self.dead.discard)(word["port"])
        print(json.dumps(self.count), flush=True)

    def run(self):
        commands = b""
        while True:
            pause = None
            while self.waiting:
                pause = self.waiting[0][0] - time.monotonic()
                if pause > 0:
                    break
                _, _, to, frame = heapq.heappop(self.waiting)
                self.send(to, frame)
                pause = None
            by_fd = {s.fileno(): n for n, s in self.ports.items()}
            ready, _, _ = select.select([0, *by_fd], [], [], pause)
            for fd in ready:
                if fd in by_fd:
                    self.drain(by_fd[fd])
                    continue
                part = os.read(0, 65536)
                if not part:
                    return
                commands += part
                while b"\n" in commands:
                    line, commands = commands.split(b"\n", 1)
                    self.obey(line)


class Bridge:
    def __init__(self, namespace, seed):
        self.process = subprocess.Popen(["ip", "netns", "exec", namespace, sys.executable, os.path.abspath(__file__), str(seed)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, **word):
        self.process.stdin.write(json.dumps(word) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def add(self, port):
        return self.say(do="add", port=port)

    def rule(self, port, **chances):
        """Chances of `drop`, `double`, `late` for each frame to and from a port; none = as a line should be."""
        return self.say(do="rule", port=port, **chances)

    def swallow(self, port, on=True):
        return self.say(do="swallow", port=port, on=on)

    def counts(self):
        return self.say(do="count")

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


if __name__ == "__main__":
    Forwarder(int(sys.argv[1])).run()
