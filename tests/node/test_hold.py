#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A source whose records end intake is put on hold after three crashes, says so, and the others go on; a role that runs out
of memory starts again and loses nothing acked. The program with faults has a record that no decoder survives.

usage: tests/node/test_hold.py PROGRAM-WITH-FAULTS PROGRAM [-k WORD]
"""
import json
import os
import pathlib
import re
import resource
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from faults import FaultNode  # noqa: E402
from node import TOKEN, until  # noqa: E402
from test_crash import Poster  # noqa: E402

PROGRAM = PLAIN = ""
POISON = b"sereno-test-poison"


class Hold(unittest.TestCase):
    def setUp(self):
        self.node = FaultNode(PROGRAM, 1).start()
        self.stop = threading.Event()

    def tearDown(self):
        self.stop.set()
        self.node.remove()

    def log(self):
        return self.node.log.read_text(errors="replace")

    def crashes(self):
        return len(re.findall(r'source\.crash source="', self.log()))

    def control(self, *words):
        return subprocess.run([PLAIN, *words], capture_output=True, text=True, timeout=60)

    def sources(self):
        done = subprocess.run(["curl", "-s", "-m", "10", "--unix-socket", str(self.node.data / "control"), "http://localhost/api/v1/sources"],
                              capture_output=True, text=True, timeout=60)
        return {s["name"]: s for s in json.loads(done.stdout)["items"]}

    def check_held(self, name):
        until("the source on hold", lambda: f'source.held source="{name}"' in self.log())
        self.assertEqual(self.crashes(), 3)
        self.assertEqual((self.node.data / "held").read_text(), name + "\n")
        until("the page to say so", lambda: self.sources()[name]["held"])
        until("the others to go on", lambda: self.node.post(b'{"message":"another source"}\n')[0] == 200)

    def test_a_followed_file(self):
        with open(self.node.followed, "a", encoding="utf-8") as f:
            f.write("Nov 22 03:00:00 host app: before\nNov 22 03:00:01 host app: " + POISON.decode() + "\nNov 22 03:00:02 host app: behind\n")
        self.check_held("file")
        self.assertEqual(self.node.having("behind"), [])
        self.node.stop()
        self.node.start()  # it stays on hold
        until("the others to go on", lambda: self.node.post(b'{"message":"after a restart"}\n')[0] == 200)
        self.assertTrue(until("the page", lambda: self.sources().get("file"))["held"])
        self.assertEqual(self.crashes(), 3)
        wrong = self.control("source", "release", "--data", str(self.node.data), "no such source")
        self.assertEqual(wrong.returncode, 1, wrong.stdout + wrong.stderr)
        self.node.followed.write_text("")  # what somebody did about it
        with open(self.node.followed, "a", encoding="utf-8") as f:
            f.write("Nov 22 03:00:03 host app: mended\n")
        done = self.control("source", "release", "--data", str(self.node.data), "file")
        self.assertEqual(done.returncode, 0, done.stderr)
        until("the file to be read again", lambda: self.node.having("mended"))
        self.assertFalse(self.sources()["file"]["held"])
        self.assertEqual((self.node.data / "held").read_text(), "")

    def poisoned(self, wanted):
        """Sends the record until intake has crashed so often; a connection may wait for the next intake, and be the next crash."""
        if self.crashes() < wanted:
            try:
                with socket.create_connection(("127.0.0.1", self.node.tcp), 5) as s:
                    s.sendall(b"<13>Nov 22 03:00:00 lantern app: " + POISON + b"\n")
                until("the crash", lambda: self.crashes() >= wanted, 8)
            except (OSError, AssertionError):
                return False
        return True

    def test_a_sender(self):
        for n in (1, 2, 3):
            until("a crash", lambda k=n: self.poisoned(k), 300)
        self.check_held("tcp")

    def expected(self, length):
        """A connection on which intake waits for a body of so many bytes: it has its memory already, which it would be refused later."""
        s = socket.create_connection(("127.0.0.1", self.node.http), 30)
        s.sendall(b"POST /ingest HTTP/1.1\r\nHost: lantern\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"
                  % (TOKEN.encode(), length))
        self.assertIn(b" 100 ", s.recv(200))
        return s

    @staticmethod
    def sent(s, body):
        try:
            s.sendall(body)
            s.recv(200)
        except OSError:
            pass  # intake went, as it should
        s.close()

    def test_out_of_memory(self):
        posters = [Poster(self.node.http, f"p{i}", self.stop) for i in range(3)]
        for p in posters:
            p.start()

        def acks():
            return sum(len(p.acked) for p in posters)
        for role in ("intake", "keeper"):
            before = acks()
            until("acks", lambda b=before: acks() > b + 60)
            (pid,) = self.node.role_pids(role)
            body = b"".join(b'{"message":"%s"}\n' % os.urandom(2000).hex().encode() for _ in range(6000))  # packs badly: much for the keeper too
            large = self.expected(len(body))
            resource.prlimit(pid, resource.RLIMIT_AS, (1 << 20, 1 << 20))  # less than it has: the next piece of memory is refused
            threading.Thread(target=self.sent, args=(large, body), daemon=True).start()  # asks for much at once
            until(f"{role} to end", lambda p=pid, r=role: p not in self.node.role_pids(r))
            before = acks()
            until("acks again", lambda b=before: acks() > b + 60)
        self.stop.set()
        for p in posters:
            p.join()
        self.assertEqual(self.node.stop(), 0)
        kept = {r[3] for r in self.node.kept()}
        for p in posters:
            self.assertEqual([line for line in p.acked if line not in kept], [])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: test_hold.py PROGRAM-WITH-FAULTS PROGRAM [unittest options]")
    PROGRAM, PLAIN = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
    unittest.main(verbosity=2)
