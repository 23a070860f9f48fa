#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The supervisor and the cages of a real node. usage: tests/node/test_super.py PROGRAM [-k WORD]"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import TOKEN, Node, extra_options, until  # noqa: E402

PROGRAM = None
ROOT = pathlib.Path(__file__).resolve().parents[2]
MARKER_RULE = "5f1d1c1e-3f5b-4a53-9f0a-2b8f1f0c9e01"  # of node.RULE
ROLES = ("intake", "correlator", "hunter", "keeper", "desk", "courier")  # in the order in which they end

CORRELATION = """title: The marker three times
id: 0a1b8f4e-7d7a-4c83-9c55-1d1f0f6a7e02
status: test
description: Counts the marker rule.
correlation:
    type: event_count
    rules:
        - 5f1d1c1e-3f5b-4a53-9f0a-2b8f1f0c9e01
    group-by:
        - host_name
    timespan: 5m
    condition:
        gte: 3
level: critical
"""

HOSTILE_RULE = """title: From a city that means no good
id: 7c2f7d0a-51f4-4d0e-8f5b-6a5e2f1b9c66
status: test
logsource:
    product: linux
detection:
    selection:
        message|re:
%s    condition: selection
level: low
""" % "".join(f"            - '(a|aa)+[y-z]{{1,{i}}}$'\n" for i in range(1, 9))

OTHER_RULE = """title: A word that comes with a reload
id: 7c2f7d0a-51f4-4d0e-8f5b-6a5e2f1b9c03
status: test
description: Fires on another marker.
logsource:
    product: linux
detection:
    keywords:
        - sereno-second-marker
    condition: keywords
level: high
"""


def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


class SuperTest(unittest.TestCase):
    def setUp(self):
        self.node = Node(PROGRAM)
        (self.node.folder / "rules" / "three.yml").write_text(CORRELATION)
        self.node.start()

    def tearDown(self):
        self.node.remove()

    def log(self):
        return self.node.log.read_text(errors="replace")

    def send(self, text):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(f"<13>Nov 22 03:00:00 lantern app: {text}".encode(), ("127.0.0.1", self.node.udp))

    def titles(self):
        return [a[4] for a in self.node.alerts()]

    def test_every_role_is_caged(self):
        if "sandbox.absent" in self.log():
            self.skipTest("a sanitizer build runs without the sandbox")
        for role in ROLES:
            pids = self.node.role_pids(role)
            self.assertEqual(len(pids), self.node.intakes if role == "intake" else 1, role)
            for pid in pids:
                status = status_of(pid)
                self.assertEqual(status["Seccomp"].strip(), "2", role)
                self.assertEqual(status["NoNewPrivs"].strip(), "1", role)
                self.assertEqual(int(status["CapEff"], 16), 0, role)
                self.assertEqual(int(status["CapBnd"], 16) if os.geteuid() == 0 else 0, 0, role)

    def test_roles_hold_no_files(self):
        if os.geteuid() != 0:
            self.skipTest("only root may look at what a role that cannot be dumped holds")
        for role in ("intake", "correlator", "hunter", "desk", "courier"):
            pids = self.node.role_pids(role)
            held = {os.readlink(f"/proc/{pid}/fd/{fd}") for pid in pids for fd in os.listdir(f"/proc/{pid}/fd")}
            files = {f for f in held if f.startswith("/") and not f.startswith(("/dev/null", "/memfd:"))}
            allowed = {str(self.node.log)}  # stderr
            if role == "intake":
                allowed.add(str(self.node.followed))
            if role == "courier":
                allowed.add(str(self.node.data / "keys" / "node.tls.key"))  # what it speaks to a hub with
            self.assertLessEqual(files, allowed, role)

    def test_correlation_gives_an_alert(self):
        for _ in range(3):
            self.send("sereno-marker-alarm")
        until("the correlation's alert", lambda: "The marker three times" in self.titles())
        self.assertNotIn("role.ended role=intake", self.log())

    def test_reload_brings_new_rules(self):
        self.send("sereno-second-marker one")
        (self.node.folder / "rules" / "other.yml").write_text(OTHER_RULE)
        self.node.process.send_signal(signal.SIGHUP)
        until("the new rules in use", lambda: self.log().count("rules.in_use") == 2 * (self.node.intakes + 1))
        self.send("sereno-second-marker two")
        until("an alert of the new rule", lambda: "A word that comes with a reload" in self.titles())
        self.assertNotIn("role.ended role=intake", self.log())

    def test_an_intake_learns_what_is_common(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:  # one socket: one intake
            for i in range(70):  # each is kept before the next comes: an intake takes one now and then
                s.sendto(b"<13>Nov 22 03:00:00 lantern app: a line of which there are many %d" % i, ("127.0.0.1", self.node.udp))
                until("a line", lambda i=i: self.node.having("there are many %d" % i))
        self.assertEqual(self.node.stop(), 0)
        (table,) = (self.node.data / "learnt").glob("*.new")
        text = table.read_text()
        self.assertRegex(text, r"^# events \d\d\nsereno-frequencies 1\n")
        self.assertRegex(text, r"\nG\t\d\d\tmany\n")
        self.assertNotIn("\nV\t", text)  # no values: they may name people
        self.assertEqual(table.stat().st_mode & 0o777, 0o600)
        shutil.copytree(ROOT / "sources", self.node.folder / "sources")
        shutil.copy(table, self.node.folder / "sources" / "learnt.tsv")
        done = subprocess.run([PROGRAM, "rules", "check", "--sources", str(self.node.folder / "sources"), "--rules",
                               str(self.node.folder / "rules")], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)

    def cost(self, *options):
        done = subprocess.run([PROGRAM, "rules", "cost", "--data", str(self.node.data), "--json", *options],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_a_rule_that_takes_too_much_is_stopped(self):
        (self.node.folder / "rules" / "hostile.yml").write_text(HOSTILE_RULE)
        self.node.process.send_signal(signal.SIGHUP)
        until("the hostile rule in use", lambda: self.log().count("rules.in_use") == 2 * (self.node.intakes + 1))

        enough = threading.Event()

        def steadily():  # by TCP, which takes no more at a time than an intake has time for, however slow it is
            with socket.create_connection(("127.0.0.1", self.node.tcp), 120) as s:
                while not enough.wait(0.005):
                    s.sendall(b"<13>Nov 22 03:00:00 lantern app: sereno-marker-alarm " + b"a" * 60 + b"zb\n")
        sender = threading.Thread(target=steadily)
        sender.start()
        try:
            (row,) = until("the rule to be stopped", lambda: [r for r in self.cost() if r["stopped"]])
        finally:
            enough.set()
            sender.join()
        self.assertIn("of the time of an intake", row["stopped"])
        self.assertEqual(row["title"], "From a city that means no good")
        self.assertIn("role.ready role=intake", self.log())
        self.assertNotIn("role.hangs", self.log())
        (marker,) = until("the costs of the marker rule", lambda: [r for r in self.cost() if r["id"] == MARKER_RULE and r["hits"] > 3])
        self.assertGreaterEqual(marker["events"], marker["candidates"])
        self.assertEqual(self.node.stop(), 0)
        self.assertTrue([r for r in self.cost() if r["stopped"]])  # from the records, and it stays stopped
        self.node.start()
        resumed = subprocess.run([PROGRAM, "rules", "resume", row["id"], "--data", str(self.node.data)],
                                 capture_output=True, text=True, timeout=60)
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        self.assertEqual([r for r in self.cost() if r["stopped"]], [])

    def completed(self, title):
        return sum(a[3] for a in self.node.alerts() if a[4] == "The marker " + title)

    def markers(self, count):
        for _ in range(count):
            self.send("sereno-marker-alarm")

    def test_a_stopped_correlation_rests_until_it_is_resumed(self):
        witness = CORRELATION.replace("three", "four").replace("gte: 3", "gte: 4").replace("7e02", "7e0f")
        (self.node.folder / "rules" / "four.yml").write_text(witness)
        self.node.process.send_signal(signal.SIGHUP)
        until("the witness in use", lambda: self.log().count("rules.in_use") == 2 * (self.node.intakes + 1))
        self.markers(4)
        until("both", lambda: self.completed("four times") == 1 and self.completed("three times") == 2)
        self.assertEqual(self.node.stop(), 0)
        (row,) = [r for r in self.cost() if r["title"] == "The marker three times"]
        with contextlib.closing(sqlite3.connect(self.node.data / "records.db")) as db, db:  # as on the correlator's word
            db.execute("UPDATE rule_cost SET stopped = 1, reason = 'too dear' WHERE hash = ?", (row["hash"],))
        self.node.start()
        self.markers(3)
        until("the witness of seven markers", lambda: self.completed("four times") == 4)
        self.assertEqual(self.completed("three times"), 2)
        resumed = subprocess.run([PROGRAM, "rules", "resume", row["id"], "--data", str(self.node.data)],
                                 capture_output=True, text=True, timeout=60)
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        self.markers(3)
        until("the witness of ten", lambda: self.completed("four times") == 7)
        found = until("the correlation", lambda: max(0, self.completed("three times") - 2))
        self.assertLessEqual(found, 3)  # of the last three, with the first four or without; none of those between
        self.assertEqual(self.node.stop(), 0)
        self.node.start()
        self.markers(1)
        until("the witness of eleven", lambda: self.completed("four times") == 8)
        self.assertEqual(self.completed("three times"), 2 + found + 1)  # nor are they counted after a restart

    def metrics(self, *options):
        done = subprocess.run(["curl", "-s", "-m", "10", "-w", "\n%{http_code}", *options,
                               f"http://127.0.0.1:{self.node.desk}/metrics"], capture_output=True, text=True, timeout=60)
        text, _, code = done.stdout.rpartition("\n")
        return int(code), text

    def test_metrics_are_for_who_has_the_token(self):
        self.assertEqual(self.metrics()[0], 401)
        self.assertEqual(self.metrics("-H", "Authorization: Bearer wrong-token-of-some-length")[0], 401)
        for _ in range(3):
            self.send("sereno-marker-alarm")

        def counted():
            code, text = self.metrics("-H", f"Authorization: Bearer {TOKEN}")
            self.assertEqual(code, 200, text)
            return text if 'sereno_correlations{what="completed"} 1\n' in text else None
        text = until("the correlation counted", counted)
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) sereno_\w+ .+|sereno_\w+(\{(\w+="([^"\\]|\\.)*",?)+\})? -?\d+(\.\d{3})?)$')
        self.assertIn('sereno_source_events_total{source="udp",organisation="town"} 3', text)
        self.assertIn('sereno_source_drops_total{source="udp",organisation="town",cause="buffer"} 0', text)
        self.assertRegex(text, r'sereno_source_last_event_seconds\{source="udp",organisation="town"\} \d{10}\.\d{3}')
        self.assertRegex(text, r'sereno_source_rate\{source="udp",organisation="town"\} 0\.\d{3}')
        self.assertIn('sereno_source_held{source="udp",organisation="town"} 0', text)
        self.assertNotIn("sereno_source_last_drop_seconds{", text)  # none was lost: no number
        self.assertIn('sereno_role_restarts_total{role="correlator"', text)
        self.assertIn("# TYPE sereno_rule_stopped gauge", text)
        for what in ("envelopes", "signals", "warnings", "items", "tombstones", "letters"):  # the federation, though it has none
            for name in ("dropped_total", "refused_total", "short"):
                self.assertIn(f'sereno_federation_room_{name}{{what="{what}"}} 0\n', text)
            self.assertRegex(text, f'sereno_federation_room_most{{what="{what}"}} [1-9]')
        for line in ('envelopes{state="refused"}', 'letters{state="waiting"}', 'letters{state="sent"}', 'letters{state="dropped"}',
                     'letters{state="failed"}', 'tombstones{what="items"}', 'tombstones{what="told"}', 'tombstones{what="removed"}',
                     'room_rows{what="signals"}', 'room_bytes{what="envelopes"}'):
            self.assertEqual(text.count(f"sereno_federation_{line} 0\n"), 1, line)
        self.assertIn('sereno_correlations{what="evicted"} 0', text)

    def test_second_node_is_refused(self):
        other = subprocess.run([PROGRAM, "serve", "--config", str(self.node.config), "--data", str(self.node.data),
                                *extra_options()], capture_output=True, text=True, timeout=60)
        self.assertEqual(other.returncode, 1)
        self.assertIn(f"process {self.node.process.pid} ", other.stderr)

    def test_end_follows_the_flow(self):
        self.assertEqual(self.node.stop(), 0)
        ended = [line.split("role=")[1].split()[0] for line in self.log().splitlines()
                 if "role.ended" in line and "role=compiler" not in line]
        self.assertEqual(ended, ["intake"] * self.node.intakes + list(ROLES[1:]))

    def test_a_role_is_no_command(self):
        done = subprocess.run([PROGRAM, "--role=nobody", "--fd=3"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("sereno serve", done.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: test_super.py PROGRAM [unittest options]")
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
