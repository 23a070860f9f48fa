#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""More than fits, and things that go wrong around the watch: nothing is lost unsaid, and none of it takes the watch down.

usage: tests/node/test_pressure.py PROGRAM-WITH-FAULTS PROGRAM [-k WORD]
"""
import datetime
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from faults import FaultNode  # noqa: E402
from node import TOKEN, free_port, until  # noqa: E402
from test_correlate import COUNTED, line  # noqa: E402
from test_crash import Poster  # noqa: E402

PROGRAM = PLAIN = ""
LINE_BYTES = 32 * 1024


def drop_events(records):
    return [json.loads(r[3]) for r in records if r[1] == "sereno"]


class Pressure(unittest.TestCase):
    def setUp(self):
        self.second = free_port()
        self.node = FaultNode(PROGRAM, 1)
        with open(self.node.config, "a", encoding="utf-8") as f:
            f.write(f'  - {{name: second, kind: syslog-tcp, listen: "127.0.0.1:{self.second}"}}\n')
        self.node.start()
        self.stop = threading.Event()

    def tearDown(self):
        self.stop.set()
        self.node.remove()

    def log(self):
        return self.node.log.read_text(errors="replace")

    def post(self, body):
        """(status, answer, Retry-After)"""
        c = http.client.HTTPConnection("127.0.0.1", self.node.http, timeout=60)
        c.request("POST", "/ingest", body, {"Authorization": "Bearer " + TOKEN})
        answer = c.getresponse()
        out = answer.status, answer.read(), answer.getheader("Retry-After")
        c.close()
        return out

    def check_chain(self):
        done = subprocess.run([PLAIN, "verify", "--data", str(self.node.data), "--json"], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def dropped(self, source, cause):
        return self.counted(r'sereno_source_drops_total\{source="%s",organisation="[^"]*",cause="%s"\} (\d+)' % (source, cause))

    def events(self, source):
        """As the metrics count them."""
        return self.counted(r'sereno_source_events_total\{source="%s",[^}]*\} (\d+)' % source)

    def counted(self, pattern):
        c = http.client.HTTPConnection("127.0.0.1", self.node.desk, timeout=60)
        c.request("GET", "/metrics", headers={"Authorization": "Bearer " + TOKEN})
        text = c.getresponse().read().decode()
        c.close()
        found = re.search(pattern, text)
        return int(found[1]) if found else 0

    # ---- UDP: read or counted, each datagram once ----

    def flood(self, count, word):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for i in range(count):
                s.sendto(b"<13>Nov 22 03:00:00 lantern app: %s %d %s" % (word, i, b"x" * 1200), ("127.0.0.1", self.node.udp))

    def account(self, word):
        """(datagrams kept, datagrams told as dropped)"""
        records = self.node.records()
        told = [e for e in drop_events(records) if e["source"] == "udp"]
        for e in told:
            self.assertEqual((e["event"], e["cause"], e["kind"]), ("dropped", "buffer", "syslog-udp"))
            self.assertLessEqual(e["from"], e["to"])
        return sum(r[1] == "udp" and word in r[3] for r in records), sum(e["count"] for e in told)

    def test_every_datagram_is_kept_or_told_as_dropped(self):
        sent = 0
        for how in (signal.SIGCONT, signal.SIGKILL, signal.SIGKILL):
            (pid,) = until("an intake", lambda: self.node.role_pids("intake"))
            os.kill(pid, signal.SIGSTOP)
            self.flood(20000, b"flooded")
            sent += 20000
            os.kill(pid, how)  # SIGKILL: what the socket holds, and what it dropped, is the next one's to tell
            until("all datagrams to be kept or told", lambda n=sent: sum(self.account(b"flooded")) >= n)
            kept, dropped = self.account(b"flooded")
            self.assertEqual(kept + dropped, sent)
            self.assertGreater(dropped, 0)
            if how == signal.SIGCONT:  # the counters of an intake's last second die with it, the events do not
                until("the drops to be counted by their cause", lambda n=dropped: self.dropped("udp", "buffer") == n)
                self.assertEqual(self.dropped("udp", "refused"), 0)
        self.assertIn('{"sereno":"sources","event":"dropped","source":"udp"', [r[3].decode() for r in self.node.records() if r[1] == "sereno"][0])
        self.assertEqual(self.node.stop(), 0)
        self.check_chain()

    # ---- quotas and back-pressure ----

    def pour(self, port, lines):
        """Sends lines until all are taken; another thread's work."""
        with socket.create_connection(("127.0.0.1", port)) as s:
            for line in lines:
                s.sendall(line + b"\n")

    def lines(self, word, count):
        return [b"<13>Nov 22 03:00:00 lantern app: %s-%05d %s" % (word, i, os.urandom(LINE_BYTES // 2).hex().encode()) for i in range(count)]

    def test_a_flood_stops_its_source_and_no_other(self):
        one, other = self.lines(b"flood-one", 2600), self.lines(b"flood-two", 2600)
        self.node.faults.set("full", 1)
        pourers = [threading.Thread(target=self.pour, args=(self.node.tcp, one), daemon=True),
                   threading.Thread(target=self.pour, args=(self.second, other), daemon=True)]
        answers = []
        pourers[0].start()
        until("the flooding source to wait", lambda: 'receive.wait source="tcp" on=1' in self.log())
        poster = threading.Thread(target=lambda: answers.append(self.post(b'{"message":"from another source"}\n')), daemon=True)
        poster.start()  # is not refused: it waits for the disk
        pourers[1].start()
        until("all to wait", lambda: "receive.pause on=1" in self.log())
        status, _, retry = self.post(b'{"message":"nobody has room"}\n')
        self.assertEqual((status, retry), (429, "2"))
        self.assertEqual(answers, [])
        self.assertTrue(all(p.is_alive() for p in pourers))  # TCP is read no more: they cannot go on
        self.node.faults.set("full", 0)
        for t in (*pourers, poster):
            t.join(120)
            self.assertFalse(t.is_alive())
        self.assertEqual(answers[0][0], 200)
        wanted = {*one, *other}
        until("all lines of both floods", lambda: self.events("tcp") == len(one) and self.events("second") == len(other))
        self.assertEqual(self.node.stop(), 0)
        kept = [r[3] for r in self.node.kept() if b"flood-" in r[3]]
        self.assertEqual(len(kept), len(wanted))
        self.assertEqual(set(kept), wanted)
        self.check_chain()

    # ---- the disk, the clock, the past ----

    def loaded(self):
        self.posters = [Poster(self.node.http, f"p{i}", self.stop) for i in range(3)]
        for p in self.posters:
            p.start()
        self.more_acks()

    def acks(self):
        return sum(len(p.acked) for p in self.posters)

    def more_acks(self, batches=3):
        goal = self.acks() + 20 * batches
        until("acks", lambda: self.acks() >= goal)

    def unload(self):
        self.stop.set()
        for p in self.posters:
            p.join()
        self.assertEqual(self.node.stop(), 0)
        self.assertNotIn("role.restart", self.log())  # nobody died of it
        kept = [r[3] for r in self.node.kept()]
        for p in self.posters:
            self.assertEqual([line for line in p.acked if line not in kept], [])
        self.check_chain()

    def test_no_space_and_read_only(self):
        self.loaded()
        for word in ("full", "read_only"):
            self.node.faults.set(word, 1)
            failed = self.node.faults.get("failed")
            until("refused writes", lambda f=failed: self.node.faults.get("failed") > f + 3)
            before = self.acks()
            until("more refused writes", lambda f=failed: self.node.faults.get("failed") > f + 6)
            self.assertEqual(self.acks(), before)  # nothing is acked that is not on disk
            self.node.faults.set(word, 0)
            self.more_acks()
        self.unload()

    def days(self):
        return sorted(p.name for p in (self.node.data / "archive").glob("????-??-??.db"))

    def test_clock_steps_and_the_day_changes(self):
        self.loaded()
        self.node.faults.set("clock_s", -7200)
        self.more_acks()
        before = self.days()
        now = datetime.datetime.now(datetime.timezone.utc)
        left = int(86400 - now.hour * 3600 - now.minute * 60 - now.second)
        self.node.faults.set("clock_s", left - 2)  # two seconds to midnight
        until("the next day's file", lambda: len(self.days()) == len(before) + 1)
        self.more_acks()
        self.node.faults.set("clock_s", left - 86400)  # back into the day before
        self.more_acks()
        self.assertEqual(len(self.days()), len(before) + 1)
        self.node.faults.set("clock_s", left + 60)
        self.more_acks()
        self.unload()

    def test_an_import_of_last_year(self):
        self.loaded()
        then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=365)
        with socket.create_connection(("127.0.0.1", self.node.tcp)) as s:
            for i in range(3000):
                s.sendall(line(then.timestamp() + i, "old-host", False, f"imported {i}"))
        until("the import", lambda: len(self.node.having("imported ")) == 3000)
        self.more_acks()
        until("its correlations", lambda: self.node.totals()[(COUNTED, "other-town", "host_name=old-host")] == 2998)
        self.assertLessEqual(len(self.days()), 2)  # kept by the day of receipt
        self.unload()
        db = sqlite3.connect(self.node.data / "archive" / self.days()[-1])
        (oldest,) = db.execute("SELECT min(time_min) FROM block WHERE kind=0").fetchone()
        db.close()
        self.assertLess(abs(oldest / 1e9 - then.timestamp()), 2)  # found by its own time

    def test_a_damaged_block_hurts_no_other(self):
        self.assertEqual(self.post(b'{"message":"before the damage"}\n')[0], 200)
        self.assertEqual(self.post(b'{"message":"also before"}\n')[0], 200)
        self.assertEqual(self.node.stop(), 0)
        db = sqlite3.connect(self.node.data / "archive" / self.days()[-1])
        db.execute("UPDATE block SET body = CAST(x'00' || substr(body, 2) AS BLOB) WHERE id = (SELECT min(id) FROM block WHERE kind=0)")
        db.commit()
        db.close()
        self.node.start()
        self.assertEqual(self.post(b'{"message":"after the damage"}\n')[0], 200)
        done = subprocess.run([PLAIN, "hunt", "--data", str(self.node.data), "--search", "damage", "--json"], capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(json.loads(done.stdout)["matches"], 1, done.stdout)  # the damaged one is told, the other found
        self.assertEqual(self.node.stop(), 0)
        verify = subprocess.run([PLAIN, "verify", "--data", str(self.node.data), "--json"], capture_output=True, text=True, timeout=120)
        self.assertEqual(verify.returncode, 1)
        self.assertEqual(json.loads(verify.stdout)["faults"], 1)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: test_pressure.py PROGRAM-WITH-FAULTS PROGRAM [unittest options]")
    PROGRAM, PLAIN = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
    unittest.main(verbosity=2)
