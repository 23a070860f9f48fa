#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A whole node fed by curl, logger and rsyslog: what arrives is kept byte for byte, alerts come, acked means kept."""
import gzip
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, Rsyslog, until  # noqa: E402

PROGRAM = ""


def logger(port, text, *options):
    subprocess.run(["logger", "-n", "127.0.0.1", "-P", str(port), "-t", "test", *options, text], check=True)


class Intake(unittest.TestCase):
    """One node for all cases that do not kill it."""

    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM).start()

    @classmethod
    def tearDownClass(cls):
        code = cls.node.stop()
        log = cls.node.log.read_text(errors="replace")
        cls.node.remove()
        assert code == 0, f"the node ended with {code}:\n{log[-3000:]}"

    def arrives(self, text, organisation, source):
        until(f"{text} in the archive", lambda: (organisation, source) in self.node.having(text))

    def alert_of(self, source):
        return until(f"an alert from {source}", lambda: [a for a in self.node.alerts() if a[0] == source])

    def test_post_is_kept_when_answered(self):
        body = b'{"message":"posted-one"}\n{"message":"posted-\xff-two"}\nnot json posted-three\n'
        code, text = self.node.post(body)
        self.assertEqual(code, 200, text)
        self.assertEqual(json.loads(text), {"kept": 3, "bad": 1})
        kept = [r[3] for r in self.node.records()]  # at once: 200 means it is there
        for line in body.splitlines():
            self.assertIn(line, kept)

    def test_post_gzip_array(self):
        records = [{"message": f"packed-{i}"} for i in range(500)]
        code, text = self.node.post(gzip.compress(json.dumps(records).encode()), "-H", "Content-Encoding: gzip")
        self.assertEqual((code, json.loads(text)), (200, {"kept": 500, "bad": 0}))
        self.assertEqual(len(self.node.having("packed-")), 500)

    def test_post_refusals(self):
        self.assertEqual(self.node.post(b"{}", token="wrong")[0], 401)
        self.assertEqual(self.node.post(b"{}", "-H", "Content-Encoding: gzip")[0], 400)
        self.assertEqual(self.node.post(b"x" * (33 * 1024 * 1024))[0], 413)
        bomb = gzip.compress(bytes(40 * 1024 * 1024))
        self.assertEqual(self.node.post(bomb, "-H", "Content-Encoding: gzip")[0], 413)

    def test_logger_udp(self):
        logger(self.node.udp, "udp-line sereno-marker-alarm", "-d", "--rfc3164")
        self.arrives("udp-line", "town", "udp")
        self.assertEqual(self.alert_of("udp")[0][1], "town")

    def test_logger_tcp_octets(self):
        logger(self.node.tcp, "tcp-line sereno-marker-alarm", "-T", "--rfc5424", "--octet-count")
        self.arrives("tcp-line", "other-town", "tcp")
        self.assertEqual(self.alert_of("tcp")[0][1], "other-town")

    def test_logger_tcp_newline(self):
        logger(self.node.tcp, "tcp-newline-line", "-T", "--rfc5424")
        self.arrives("tcp-newline-line", "other-town", "tcp")

    def test_rsyslog_both_framings(self):
        for framing in ("octet-counted", "traditional"):
            relay = Rsyslog(self.node.folder, self.node.tcp, framing)
            try:
                for i in range(20):
                    logger(relay.port, f"relayed-{framing}-{i:02}.", "-d", "--rfc5424")
                until(f"20 lines by rsyslog, {framing}",
                      lambda f=framing: len(self.node.having(f"relayed-{f}-")) == 20)
            finally:
                relay.stop()

    def test_followed_file_and_rotation(self):
        path = self.node.followed
        with open(path, "a", encoding="utf-8") as f:
            f.write("Nov 22 00:00:01 host app[1]: followed-before sereno-marker-alarm\n")
        self.arrives("followed-before", "town", "file")
        os.rename(path, str(path) + ".1")
        with open(str(path) + ".1", "a", encoding="utf-8") as f:
            f.write("Nov 22 00:00:02 host app[1]: followed-late\n")
        path.write_text("Nov 22 00:00:03 host app[1]: followed-after\n")
        self.arrives("followed-late", "town", "file")
        self.arrives("followed-after", "town", "file")
        self.assertEqual(len(self.node.having("followed-")), 3)
        self.alert_of("file")

    def test_other_spellings(self):
        """What the rule set looks for beside the rules' own words must lie in the region that intake maps."""
        logger(self.node.udp, "spelled \\u0041 \u212a \u017f sereno-marker-alarm", "-d", "--rfc3164")
        self.arrives("spelled", "town", "udp")
        self.assertNotIn("role.restart", self.node.log.read_text(errors="replace"))

    def test_alerts_are_folded(self):
        body = b"".join(b'{"message":"x","n":%d}\n' % i for i in range(100))
        self.assertEqual(self.node.post(body)[0], 200)
        for i in range(30):
            logger(self.node.udp, f"folded-{i} sereno-marker-alarm", "-d", "--rfc3164")
        until("30 lines", lambda: len(self.node.having("folded-")) == 30)
        self.assertLess(len([a for a in self.node.alerts() if a[0] == "udp"]), 20)


class Kill(unittest.TestCase):
    """What was answered 200 is there after kill -9, of one role or of all."""

    def setUp(self):
        self.node = Node(PROGRAM).start()

    def tearDown(self):
        self.node.remove()

    def post_until(self, stop, acked, first):
        number = first
        while not stop.is_set():
            if self.node.post(b'{"message":"acked-%06d."}\n' % number)[0] == 200:
                acked.append(number)
            number += 1

    def check(self, acked):
        kept = set()
        for record in self.node.records():
            if b"acked-" in record[3]:
                kept.add(int(record[3].split(b"acked-")[1].split(b".")[0]))
        self.assertEqual([n for n in acked if n not in kept], [])

    def senders(self, round_number):
        stop, acked = threading.Event(), []
        threads = [threading.Thread(target=self.post_until, args=(stop, acked, round_number * 100000 + i * 10000))
                   for i in range(4)]
        for t in threads:
            t.start()
        return stop, acked, threads

    def test_kill_the_whole_node(self):
        everything = []
        for round_number in range(int(os.environ.get("SERENO_NODE_KILLS", "3"))):
            stop, acked, threads = self.senders(round_number)
            until("20 answers", lambda a=acked: len(a) >= 20)
            self.node.kill()
            stop.set()
            for t in threads:
                t.join()
            everything += acked
            self.check(everything)
            self.node.start()
        self.check(everything)

    def test_kill_one_role(self):
        for role in ("keeper", "intake"):
            stop, acked, threads = self.senders(50 if role == "keeper" else 60)
            until("20 answers", lambda a=acked: len(a) >= 20)
            before = len(acked)
            for pid in self.node.role_pids(role):
                os.kill(pid, signal.SIGKILL)
            until(f"answers after {role} was killed", lambda a=acked, b=before: len(a) >= b + 20)
            stop.set()
            for t in threads:
                t.join()
            self.check(acked)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: test_intake.py PROGRAM [unittest options]")
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
