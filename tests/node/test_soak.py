#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Hostile input at full rate: real log lines, mutated by a seed, over UDP, TCP, HTTP and a followed file; no role is lost.

SERENO_SOAK_S seconds (default 6), SERENO_SOAK_SEED. usage: tests/node/test_soak.py PROGRAM [-k WORD]
"""
import gzip
import http.client
import os
import pathlib
import random
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import TOKEN, Node, until  # noqa: E402

PROGRAM = ""
ROOT = pathlib.Path(__file__).parents[2]
ROLES = ("keeper", "intake", "correlator", "hunter", "desk", "courier")
LINE_MAX = 60000
TOKENS = (b'"', b"{", b"}", b"[", b"]", b"\\u0000", b"\\ud800", b"\xff\xfe", b"\x00", b"<999>", b"<13>", b"1e999999", b"9" * 400, b"%s%n",
          b"\xe2\x84\xaa", b"sereno-marker-alarm", b"=" * 50, b"\\" * 99, b"-" * 300, b"[" * 3000, b'{"a":' * 700)


def lines():
    """Of every file of our own data, and of the shared ones when they are there: as bytes, a few of each."""
    found = []
    folders = [ROOT / "tests" / "data", ROOT.parent / "shared" / "data" / "events"]
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".gz", ".zst", ".evtx", ".md"))[:400]:
            with open(path, "rb") as f:
                found += [line for line in f.read(1 << 18).split(b"\n") if line][:40]
    return found


def mutate(rnd, line, others):
    line = bytearray(line[:LINE_MAX])
    for _ in range(rnd.randrange(1, 5)):
        at = rnd.randrange(len(line) + 1)
        how = rnd.randrange(6)
        if how == 0 and line:
            line[at % len(line)] ^= 1 << rnd.randrange(8)
        elif how == 1:
            line[at:at] = rnd.choice(TOKENS)
        elif how == 2:
            del line[at:at + rnd.randrange(1, 200)]
        elif how == 3:
            line[at:at] = line[max(0, at - rnd.randrange(1, 300)):at]
        elif how == 4:
            other = rnd.choice(others)
            line[at:] = other[rnd.randrange(len(other)):]
        else:
            line[at:at] = bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 40)))
    return bytes(line[:LINE_MAX])


class Soak(unittest.TestCase):
    def setUp(self):
        self.node = Node(PROGRAM).start()
        self.seed = int(os.environ.get("SERENO_SOAK_SEED", "5"))
        self.end = time.monotonic() + int(os.environ.get("SERENO_SOAK_S", "6"))
        self.lines = lines()
        self.assertGreater(len(self.lines), 500)
        self.sent = [0] * 4
        self.cut = 0  # connections by TCP that the node tore off

    def tearDown(self):
        self.node.remove()

    def batches(self, number):
        rnd = random.Random(self.seed * 100 + number)
        while time.monotonic() < self.end:
            yield rnd, [mutate(rnd, rnd.choice(self.lines), self.lines) for _ in range(50)]
            self.sent[number] += 50

    def by_tcp(self):
        for rnd, batch in self.batches(0):
            octets = rnd.randrange(3)
            try:
                with socket.create_connection(("127.0.0.1", self.node.tcp), 60) as s:
                    for line in batch:
                        if octets == 0:
                            line = b"%d %s" % (len(line) + rnd.choice((0, 0, 0, 1, -1, 10**9)), line)
                        s.sendall(line + (b"" if octets == 0 else b"\n"))
            except (ConnectionResetError, BrokenPipeError):
                self.cut += 1

    def by_udp(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _, batch in self.batches(1):
                for line in batch:
                    s.sendto(line, ("127.0.0.1", self.node.udp))

    def by_http(self):
        for rnd, batch in self.batches(2):
            body = rnd.choice((b"\n", b",", b"")).join(batch)
            headers = {"Authorization": "Bearer " + TOKEN}
            if rnd.randrange(3) == 0:
                body = bytearray(gzip.compress(body, 1))
                if rnd.randrange(2) == 0:
                    body[rnd.randrange(len(body))] ^= 1 << rnd.randrange(8)
                headers["Content-Encoding"] = "gzip"
            c = http.client.HTTPConnection("127.0.0.1", self.node.http, timeout=60)
            c.request("POST", "/ingest", bytes(body), headers)
            self.assertIn(c.getresponse().status, (200, 400, 413, 429))
            c.close()

    def by_file(self):
        with open(self.node.followed, "ab") as f:
            for _, batch in self.batches(3):
                f.write(b"\n".join(batch) + b"\n")
                f.flush()

    def test_no_role_is_lost(self):
        before = {role: sorted(self.node.role_pids(role)) for role in ROLES}
        failed = []

        def guarded(work):
            try:
                work()
            except Exception as e:  # noqa: BLE001
                failed.append(f"{work.__name__}: {e!r}")
        threads = [threading.Thread(target=guarded, args=(work,)) for work in (self.by_tcp, self.by_udp, self.by_http, self.by_file)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(failed, [])
        until("the node to answer", lambda: self.node.post(b'{"message":"still here"}\n')[0] == 200)
        log = self.node.log.read_text(errors="replace")
        self.assertEqual({role: sorted(self.node.role_pids(role)) for role in ROLES}, before, log[-3000:])
        self.assertNotIn("role.restart", log)
        # No content makes the node hang up; it turns away only whom it says it turned away, having too many of his
        # connections to read still.
        self.assertLessEqual(self.cut, log.count("receive.refused"))
        self.assertEqual(self.node.stop(), 0)
        print(f"{sum(self.sent)} hostile records (seed {self.seed}), no role lost", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: test_soak.py PROGRAM [unittest options]")
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
