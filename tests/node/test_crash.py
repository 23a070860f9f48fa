#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Acked means kept: a node under load whose roles, and which as a whole, are killed at any moment on a disk that loses what
was not synced, fails syncs and runs full.

What was acked over HTTP is there byte for byte, once unless it was sent twice; what came by TCP and UDP is there at most
once; alerts, correlations included, are what the archive says. SERENO_KILLS kills (default 10), SERENO_KILL_SEED.
usage: tests/node/test_crash.py PROGRAM-WITH-FAULTS PROGRAM [-k WORD]
"""
import collections
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from faults import FaultNode  # noqa: E402
from node import TOKEN, until  # noqa: E402
from test_correlate import Sender, reference, stream  # noqa: E402

PROGRAM = PLAIN = ""
OTHERS = ("intake", "correlator", "hunter", "desk", "courier")
BATCH = 20
EVENT = re.compile(rb"^<13>1 \S+ (\S+) app - - - sereno-marker-alarm ")


class Poster(threading.Thread):
    """Posts batches, each until it is acked; counts how often it sent each."""

    def __init__(self, port, name, stop):
        super().__init__(daemon=True)
        self.port, self.name_of, self.stop = port, name, stop
        self.tries = collections.Counter()  # of each line
        self.acked = []                     # lines
        self.number = 0

    def post(self, body):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            c.request("POST", "/ingest", body, {"Authorization": "Bearer " + TOKEN})
            answer = c.getresponse()
            return answer.status == 200 and json.loads(answer.read()) == {"kept": BATCH, "bad": 0}
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            c.close()

    def run(self):
        while not self.stop.is_set():
            lines = [b'{"message":"acked %s %d %d \xc3\xb1","n":%d}' % (self.name_of.encode(), self.number, i, i) for i in range(BATCH)]
            self.number += 1
            while not self.stop.is_set():
                self.tries.update(lines)
                if self.post(b"\n".join(lines) + b"\n"):
                    self.acked += lines
                    break
                self.stop.wait(0.02)  # a node that is being started refuses at once


class Streamer(threading.Thread):
    """Syslog lines, each sent once, by TCP and by UDP in turn."""

    def __init__(self, node, seed, stop):
        super().__init__(daemon=True)
        self.node, self.stop = node, stop
        self.events = stream(seed, 10**9)
        self.sent = []
        self.tcp, self.udp = Sender(node.tcp), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def run(self):
        for i, line in enumerate(self.events):
            if self.stop.is_set():
                break
            self.sent.append(line.strip())
            try:
                if i % 4 == 0:
                    self.udp.sendto(line.strip(), ("127.0.0.1", self.node.udp))
                else:
                    self.tcp.send(line)
            except (OSError, AssertionError):
                pass  # nobody listens: this one is lost, as syslog loses it
            self.stop.wait(0.003)
        self.tcp.close()
        self.udp.close()


class Crash(unittest.TestCase):
    def setUp(self):
        self.seed = int(os.environ.get("SERENO_KILL_SEED", "20261127"))
        self.random = random.Random(self.seed)
        self.node = FaultNode(PROGRAM, 2, self.seed)
        self.stop = threading.Event()
        self.kills = self.sync_errors = self.full_spells = 0

    def tearDown(self):
        self.stop.set()
        said = collections.Counter(line.split(" ", 1)[1] for line in self.node.log.read_text(errors="replace").splitlines()
                                   if " error " in line and "role.ended" not in line)
        print("\n".join(f"{n} x {line}" for line, n in said.most_common(12)), file=sys.stderr)
        self.node.remove()

    # ---- what happens to the node ----

    def acks(self):
        return sum(len(p.acked) for p in self.posters)

    def some_acks(self, wanted):
        """Waits for them, but no longer than a role may be away."""
        goal, end = self.acks() + wanted, time.monotonic() + self.random.random()
        until("acks, or the time to be over", lambda: self.acks() >= goal or time.monotonic() >= end)

    def strike(self, role):
        """One death: of a role by SIGKILL, or of the keeper at one of its next file operations, or by a sync that fails."""
        pids = self.node.role_pids(role)
        if not pids:
            return
        way = self.random.randrange(4) if role == "keeper" else 0
        if way in (1, 2):
            self.node.faults.set("kill_in", self.random.randrange(1, 200))
        elif way == 3:
            self.node.faults.set("sync_error_in", self.random.randrange(1, 6))
            self.sync_errors += 1
        if way == 0 or not self.gone(pids[0]):
            pid = self.random.choice(pids)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.kills += 1

    def gone(self, pid):
        """Whether the process ended by itself within a moment; if not, it is killed as the others are."""
        end = time.monotonic() + 2
        until("its end, or the time to be over", lambda: pid not in self.node.role_pids("keeper") or time.monotonic() >= end)
        if pid not in self.node.role_pids("keeper"):
            return True
        for word in ("kill_in", "sync_error_in"):
            self.node.faults.set(word, 0)
        return False

    def run_full(self):
        """The disk is full for a moment, then there is room again."""
        self.node.faults.set("full", 1)
        before = self.acks()
        failed = self.node.faults.get("failed")
        until("a write that finds no space", lambda: self.node.faults.get("failed") > failed or not self.node.role_pids("keeper"))
        self.node.faults.set("full", 0)
        self.full_spells += 1
        until("acks after there is room again", lambda: self.acks() > before)

    def live(self, life, wanted):
        """From a start to the end of all processes at once."""
        self.node.faults.set("early_percent", (life % 3) * 40)
        self.node.start()
        if life % 4 == 1:
            self.run_full()
        whom = ["keeper", *self.random.sample(OTHERS, self.random.randrange(2, 6))]
        self.random.shuffle(whom)
        for role in whom:
            if self.kills + 1 >= wanted:
                break
            self.some_acks(2 * BATCH)
            self.strike(role)
        self.some_acks(2 * BATCH)
        self.node.kill()
        self.kills += 1

    # ---- what must hold ----

    def check_kept(self, records):
        kept = collections.Counter(r[3] for r in records)
        tries, doubled = collections.Counter(), 0
        for p in self.posters:
            tries.update(p.tries)
            lost = [line for line in p.acked if kept[line] == 0]
            self.assertEqual(lost, [], "acked and not kept")
        for line, n in kept.items():
            if line.startswith(b'{"message":"acked'):
                self.assertLessEqual(n, tries[line], "kept more often than sent")
                doubled += n - 1
        sent = collections.Counter(self.streamer.sent)
        streamed = {line: n for line, n in kept.items() if line.startswith(b"<13>")}
        more = [line for line, n in streamed.items() if n > sent[line]]
        self.assertEqual(more, [], "kept more often than sent, or not as it was sent")
        return doubled, len(streamed)

    def alerts_differ(self, records, data):
        """How the alerts differ from what the archive says; empty when they do not."""
        found, markers = collections.Counter(), collections.Counter()
        for title, town, source, host, summary, events in self.node.alert_rows(data):
            if self.node.is_correlation(title):
                found[(title, town, summary)] += events
            elif title == self.node.PLAIN_TITLE:
                markers[(town, source, host)] += events
        wanted = collections.Counter()
        for record in records:
            m = EVENT.match(record[3])
            if m:
                wanted[(record[0], record[1], m[1].decode())] += 1
        said = []
        completions = reference(records)
        if found != completions:
            said.append(("correlations: too many, too few", found - completions, completions - found))
        if set(markers) != set(wanted):
            said.append(("alerts", set(markers) ^ set(wanted)))
        # What a fold counted in its minute and had not told yet goes with its intake: never more than the archive says.
        said += [("counted twice", key) for key in markers if markers[key] > wanted[key]]
        return said

    def check_chain(self):
        done = subprocess.run([PLAIN, "verify", "--data", str(self.node.folder / "copy"), "--json"], capture_output=True, text=True,
                              timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_kills(self):
        wanted = int(os.environ.get("SERENO_KILLS", "10"))
        self.posters = [Poster(self.node.http, f"p{i}", self.stop) for i in range(4)]
        self.streamer = Streamer(self.node, self.seed, self.stop)
        for t in (*self.posters, self.streamer):
            t.start()
        life = 0
        while self.kills < wanted:
            self.live(life, wanted)
            life += 1
            if life % 20 == 0:
                self.check_kept(self.node.kept())
                self.check_chain()
                print(f"{self.kills} kills, {self.acks()} acked, none lost", file=sys.stderr, flush=True)
        self.stop.set()
        for t in (*self.posters, self.streamer):
            t.join()
        doubled, streamed = self.check_kept(self.node.kept())
        self.check_chain()
        seen = ["not looked at"]
        for _ in range(6):  # what a death kept it from is copied and correlated
            self.node.start()
            try:
                until("alerts to agree", lambda: not self.alerts_differ(self.node.records(), self.node.data), 60)
            except AssertionError:
                pass  # a look from outside may not see all; the look at the disk decides
            self.assertEqual(self.node.stop(), 0)
            records = self.node.kept()
            seen = self.alerts_differ(records, self.node.folder / "copy")
            if not seen:
                break
        self.assertEqual(seen, [], "alerts do not come to agree with the archive")
        self.check_kept(records)
        self.check_chain()
        print(f"{self.kills} kills in {life} lives (seed {self.seed}): {self.acks()} records acked, none lost; "
              f"{doubled} kept twice after a resend; {streamed} of {len(self.streamer.sent)} by syslog kept; "
              f"{sum(reference(records).values())} correlations as the reference; {self.node.faults.get('lost')} unsynced bytes discarded "
              f"with dead keepers, {self.sync_errors} failed syncs, {self.full_spells} times no space", file=sys.stderr)
        self.assertGreater(self.acks(), 0)
        self.assertGreater(streamed, 0)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: test_crash.py PROGRAM-WITH-FAULTS PROGRAM [unittest options]")
    PROGRAM, PLAIN = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
    unittest.main(verbosity=2)
