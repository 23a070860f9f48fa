#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Correlations of a real node: one intake or three, killed or not, they complete what a plain reference says.

The reference looks at what the archive holds and counts, for each event, what lies in the window behind it. Event times
are the test's own, so nothing hangs on how fast the machine is. usage: tests/node/test_correlate.py PROGRAM [-k WORD]
"""
import collections
import datetime
import json
import os
import pathlib
import random
import re
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, until  # noqa: E402

PROGRAM = None
SPAN_S = 60
COUNTED, ORDERED, SUMMED = "Three markers of one host", "A marker, then a second one", "Seen on two hosts"

RULES = """title: Second marker
id: 7c2f7d0a-51f4-4d0e-8f5b-6a5e2f1b9c03
status: test
logsource: {product: linux}
detection: {keywords: [sereno-second-marker], condition: keywords}
level: low
---
title: %(counted)s
id: 0a1b8f4e-7d7a-4c83-9c55-1d1f0f6a7e02
status: test
correlation:
    type: event_count
    rules: [5f1d1c1e-3f5b-4a53-9f0a-2b8f1f0c9e01]
    group-by: [host_name]
    timespan: %(span)ds
    condition: {gte: %(least)d}
level: critical
---
title: %(ordered)s
id: 0a1b8f4e-7d7a-4c83-9c55-1d1f0f6a7e03
status: test
correlation:
    type: temporal_ordered
    rules: [5f1d1c1e-3f5b-4a53-9f0a-2b8f1f0c9e01, 7c2f7d0a-51f4-4d0e-8f5b-6a5e2f1b9c03]
    group-by: [host_name]
    timespan: %(span)ds
level: high
---
title: %(summed)s
id: 0a1b8f4e-7d7a-4c83-9c55-1d1f0f6a7e04
status: test
correlation:
    type: value_count
    rules: [7c2f7d0a-51f4-4d0e-8f5b-6a5e2f1b9c03]
    timespan: 5s
    condition: {field: host_name, gte: 2}
level: medium
"""


def rules(least=3):
    return RULES % {"counted": COUNTED, "ordered": ORDERED, "summed": SUMMED, "span": SPAN_S, "least": least}


LINE = re.compile(rb"^<13>1 (\S+) (\S+) app - - - sereno-(marker-alarm|second-marker)")


def line(at, host, second=False, more=""):
    stamp = datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"<13>1 {stamp} {host} app - - - sereno-{'second-marker' if second else 'marker-alarm'} {more}\n".encode()


def within(window, now, span_us):
    """Forgets what lies before the window that ends now."""
    while window and now - window[0][0] > span_us:
        window.popleft()
    return window


def reference(records):
    """Completions of each (title, group), as docs/decisions/003 has it, from what the archive holds."""
    events = []
    for record in records:
        m = LINE.match(record[3])
        if m:
            at = datetime.datetime.fromisoformat(m[1].decode().replace("Z", "+00:00")).timestamp()
            events.append((round(at * 1e6), m[2].decode(), m[3] == b"second-marker", record[0]))
    events.sort()
    found = collections.Counter()
    first, both = collections.defaultdict(collections.deque), collections.defaultdict(collections.deque)
    for at, host, second, town in events:
        mine, all_hosts = first[(town, host)], both[town]
        (all_hosts if second else mine).append((at, host))
        within(mine, at, SPAN_S * 10**6)
        if not second and len(mine) >= 3:
            found[(COUNTED, town, f"host_name={host}")] += 1
        if second and mine:
            found[(ORDERED, town, f"host_name={host}")] += 1
        if second and len({e[1] for e in within(all_hosts, at, 5 * 10**6)}) >= 2:
            found[(SUMMED, town, SUMMED)] += 1
    return found


class CorrelatedNode(Node):
    def __init__(self, program, intakes):
        super().__init__(program, intakes=intakes)
        (self.folder / "rules" / "correlations.yml").write_text(rules())

    def correlated(self, columns="title, organisation, summary, events"):
        path = self.data / "records.db"
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
        try:
            return db.execute(f"SELECT {columns} FROM alert WHERE title IN (?,?,?)", (COUNTED, ORDERED, SUMMED)).fetchall()
        finally:
            db.close()

    def totals(self):
        found = collections.Counter()
        for title, town, summary, events in self.correlated():
            found[(title, town, summary)] += events
        return found

    def settle(self, what):
        """Waits until alerts say what the archive says; says how they differ when they never do."""
        seen = {}

        def agree():
            seen["alerts"], seen["reference"] = self.totals(), reference(self.records())
            return seen["alerts"] == seen["reference"]
        try:
            until(what, agree)
        except AssertionError as e:
            more = seen["alerts"] - seen["reference"]
            less = seen["reference"] - seen["alerts"]
            raise AssertionError(f"{e}\ntoo many: {more}\ntoo few: {less}") from e
        return seen["reference"]


class Sender:
    """A TCP connection that comes back when it is cut."""

    def __init__(self, port):
        self.port, self.socket = port, None

    def send(self, data):
        end = time.monotonic() + 60
        while True:
            try:
                if self.socket is None:
                    self.socket = socket.create_connection(("127.0.0.1", self.port), 60)
                self.socket.sendall(data)
                return
            except OSError:
                self.close()
                assert time.monotonic() < end, "nobody listens"
                select.select([], [], [], 0.02)

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def stream(seed, count, hosts=12, apart=0.08):
    """Events of several hosts, a time of its own each, so many seconds apart on average."""
    rnd, at = random.Random(seed), int(time.time()) - 3600.0
    for i in range(count):
        at += 0.001 + rnd.random() * 2 * apart
        yield line(at, f"host{rnd.randrange(hosts)}", rnd.random() < 0.2, f"n={i}")


class Correlate(unittest.TestCase):
    def run_once(self, intakes, events, batches=None):
        """All events over several connections and datagram senders in turn; the alerts that came of them.

        Batches: the events' numbers in the order in which they are sent, each when the one before is in the archive.
        """
        node = CorrelatedNode(PROGRAM, intakes).start()
        senders = [Sender(node.tcp) for _ in range(4)]
        datagrams = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
        try:
            sent = 0
            for batch in batches or [range(len(events))]:
                for i in batch:
                    if i % 7 < 4:
                        senders[i % 7].send(events[i])
                    else:
                        datagrams[i % 7 - 4].sendto(events[i].strip(), ("127.0.0.1", node.udp))
                sent += len(batch)
                until("all events in the archive", lambda sent=sent: len(node.having("sereno-")) == sent)
            for s in senders:
                s.close()
            found = node.settle(f"alerts of {intakes} intakes to agree with the reference")
            return found, sorted(node.correlated("title, organisation, summary, events, time, last_time"))
        finally:
            for s in datagrams:
                s.close()
            node.remove()

    def test_as_many_intakes_as_you_like(self):
        events = list(stream(7, 1500))
        one, alerts_of_one = self.run_once(1, events)
        three, alerts_of_three = self.run_once(3, events)
        self.assertGreater(sum(one.values()), 500)
        self.assertGreater(len({key[0] for key in one}), 2)  # each of the three completed something
        self.assertEqual(one, three)
        self.assertEqual(alerts_of_one, alerts_of_three)

    def test_an_hour_in_a_moment(self):
        """An old log has more minutes than a minute may have alerts; each group still gets its own."""
        found, alerts = self.run_once(1, list(stream(5, 1500, hosts=4, apart=2.4)))
        self.assertGreater(sum(found.values()), 300)
        self.assertGreater(max(collections.Counter(a[:2] for a in alerts).values()), 60)  # of one correlation and organisation

    def test_in_whatever_order_they_come(self):
        """Events that come late, as those of a slow intake do, complete and fold as if they had come in time."""
        events = list(stream(7, 1500))
        late = [range(at, at + 75) for pair in range(0, len(events), 150) for at in (pair + 75, pair)]
        in_time, alerts = self.run_once(1, events)
        out_of_order, alerts_of_late = self.run_once(1, events, late)
        self.assertEqual(in_time, out_of_order)
        self.assertEqual(alerts, alerts_of_late)

    def test_kill_anyone_at_any_time(self):
        node = CorrelatedNode(PROGRAM, 2).start()
        rnd = random.Random(int(os.environ.get("SERENO_KILL_SEED", "11")))
        whom = ["correlator", "keeper", "intake", "correlator", None] * int(os.environ.get("SERENO_CORRELATE_KILLS", "1"))
        senders = [Sender(node.tcp) for _ in range(3)]
        events = list(stream(3, 350 * len(whom)))
        deaths = dict(zip(sorted(rnd.sample(range(100, len(events) - 100), len(whom))), whom))
        try:
            for i, event in enumerate(events):
                senders[i % 3].send(event)
                if i % 50 == 0:  # acked ones too: these must be there
                    code, text = node.post(b'{"message":"n=%d"}' % i)
                    self.assertIn(code, (0, 200, 503), text)
                if i not in deaths:
                    continue
                if deaths[i] is None:
                    node.kill()
                    node.start()
                else:
                    victims = until(deaths[i], lambda role=deaths[i]: node.role_pids(role))
                    os.kill(rnd.choice(victims), signal.SIGKILL)
            for i, s in enumerate(senders):
                # A connection that was cut unseen loses a line: it is sent until it arrives.
                last = line(time.time() - 100, "lasthost", False, f"last-{i}")

                def arrived(s=s, last=last, i=i):
                    s.close()
                    s.send(last)
                    return node.having(f"last-{i}")
                until(f"the last event of sender {i}", arrived)
                s.close()
            until("all roles", lambda: all(node.role_pids(r) for r in ("keeper", "intake", "correlator")))
            found = node.settle("alerts after the kills to agree with the reference")
            self.assertGreater(sum(found.values()), 300)
            self.assertEqual(node.stop(), 0)
            node.start()
            node.settle("alerts after a restart to agree with the reference")
        finally:
            node.remove()

    def rules_are_new(self, node, times):
        """Both intakes and the correlator have taken rules so often since the node was started."""
        until("rules in use", lambda: node.log.read_bytes()[node.mark():].count(b"rules.in_use") == 3 * times)

    def test_windows_outlive_restart_and_reload(self):
        node = CorrelatedNode(PROGRAM, 2).start()
        sender, now = Sender(node.tcp), int(time.time()) - 3600
        try:
            def arrive(at, host, word):
                sender.send(line(now + at, host, False, word))
                until(word, lambda: node.having(word))

            arrive(0, "a", "first-a")
            arrive(1, "b", "first-b")
            self.assertEqual(node.stop(), 0)  # windows are stored
            sender.close()
            node.start()
            arrive(2, "a", "second-a")
            arrive(3, "b", "second-b")
            self.rules_are_new(node, 1)
            (node.folder / "rules" / "more.yml").write_text(rules().split("---\n")[0].replace("7c2f7d0a", "7c2f7d0b")
                                                            .replace("Second", "Third").replace("second", "third"))
            node.process.send_signal(signal.SIGHUP)
            self.rules_are_new(node, 2)
            arrive(4, "a", "third-a")  # the third of three: before the restart, after it, after the reload
            until("the correlation of a", lambda: node.totals()[(COUNTED, "other-town", "host_name=a")] == 1)
            self.assertEqual(node.stop(), 0)  # what correlations cost is told at the end, too
            done = subprocess.run([PROGRAM, "rules", "cost", "--data", str(node.data), "--json"], capture_output=True, text=True)
            (counted,) = [r for r in json.loads(done.stdout) if r["title"] == COUNTED]
            self.assertGreaterEqual(counted["hits"], 1)
            self.assertGreaterEqual(counted["events"], counted["hits"])
            self.assertGreaterEqual(counted["windows"], 1)
            self.assertGreater(counted["state_bytes"], 100)
            sender.close()
            node.start()
            self.rules_are_new(node, 1)
            (node.folder / "rules" / "correlations.yml").write_text(rules(least=2))  # another definition: it begins anew
            node.process.send_signal(signal.SIGHUP)
            self.rules_are_new(node, 2)
            arrive(5, "b", "third-b")
            arrive(6, "c", "first-c")
            arrive(7, "c", "second-c")
            until("the correlation of c", lambda: node.totals()[(COUNTED, "other-town", "host_name=c")] == 1)
            self.assertEqual(node.totals()[(COUNTED, "other-town", "host_name=b")], 0)
            self.assertNotIn("role.ended role=correlator", node.log.read_text(errors="replace").split("node.stopped")[-1])
        finally:
            sender.close()
            node.remove()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: test_correlate.py PROGRAM [unittest options]")
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
