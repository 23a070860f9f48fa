#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""How the sources are: one that is silent for too long is an alert, which closes itself when the source sends again.

usage: tests/node/test_health.py PROGRAM [-k WORD]
"""
import datetime
import json
import os
import pathlib
import socket
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, extra_options, free_port, until  # noqa: E402

PROGRAM = ""
TITLE = "A source is silent"


class Health(unittest.TestCase):
    def setUp(self):
        self.port = free_port()
        self.node = Node(PROGRAM, f'  - {{name: quiet, kind: syslog-udp, listen: "127.0.0.1:{self.port}", silent_after: 2}}\n', 1)
        self.node.receivers = lambda: 5
        self.node.start()

    def tearDown(self):
        self.node.remove()

    def send(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"<13>Nov 22 03:00:00 lantern app: it speaks", ("127.0.0.1", self.port))
        return True

    def silences(self):
        """(source, status, note of the last step) of each alert of silence."""
        db = sqlite3.connect(f"file:{self.node.data}/records.db?mode=ro", uri=True, timeout=30)
        try:
            return db.execute("SELECT source, status, (SELECT note FROM alert_history h WHERE h.alert_id = a.id ORDER BY seq DESC LIMIT 1)"
                              " FROM alert a WHERE title = ? ORDER BY received", (TITLE,)).fetchall()
        finally:
            db.close()

    def shown(self):
        done = subprocess.run(["curl", "-s", "-m", "10", "--unix-socket", str(self.node.data / "control"),
                               "http://localhost/api/v1/sources"], capture_output=True, text=True, timeout=60)
        return {s["name"]: s for s in json.loads(done.stdout)["items"]}

    def test_silence_is_an_alert_and_ends_it(self):
        (first,) = until("the alert", self.silences)  # it never sent: that is silence too
        self.assertEqual((first[0], first[2]), ("quiet", None))
        until("the page to say so", lambda: self.shown()["quiet"]["silent"])
        self.assertFalse([s for s in self.shown().values() if s["silent"] and s["name"] != "quiet"])
        (event,) = [json.loads(r[3]) for r in self.node.records() if r[1] == "sereno"]
        self.assertEqual((event["event"], event["source"], event["silent_after"], event["from"]), ("silent", "quiet", 2, None))
        until("the alert to close", lambda: self.send() and self.silences()[0][2] == "The source sends again.")
        self.assertNotEqual(self.silences()[0][1], first[1])
        # A slow machine asks so seldom that it has fallen silent again before.
        until("the page to say that it speaks", lambda: self.send() and not self.shown()["quiet"]["silent"])
        again = until("another alert", lambda: self.silences()[1:] and self.silences()[-1][2] is None and self.silences())  # it fell silent again
        self.assertEqual(self.node.stop(), 0)
        self.node.start()
        until("the page to say so after a restart", lambda: self.shown()["quiet"]["silent"])
        self.assertEqual(self.silences(), again)  # the open one still stands: no second for the same silence
        self.assertEqual(self.node.stop(), 0)

    def test_how_late_events_come(self):
        def send(text):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.sendto(text.encode(), ("127.0.0.1", self.node.udp))

        def lag():
            source = self.shown().get("udp")
            return source["lag"] if source else None
        send("<13>an event that states no time")
        until("the event to be counted", lambda: "udp" in self.shown())
        self.assertIsNone(lag())
        two_hours_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=2)
        send(f"<13>1 {two_hours_ago.isoformat(timespec='milliseconds').replace('+00:00', 'Z')} lantern app - - - late")
        found = until("its delay", lag)
        self.assertGreaterEqual(found, 7200 * 1000)
        self.assertLess(found, 7200 * 1000 + 600 * 1000)
        self.assertEqual(self.shown()["udp"]["drops"], {"buffer": 0, "refused": 0})
        self.assertIsNone(self.shown()["udp"]["dropped_at"])
        self.assertEqual(self.node.stop(), 0)  # kept through a restart
        self.node.start()
        self.assertEqual(until("the delay to be told again", lag), found)
        done = subprocess.run([PROGRAM, "doctor", "--data", str(self.node.data), "--json", *extra_options()], capture_output=True, text=True, timeout=60)
        says = [line["says"] for line in json.loads(done.stdout)["lines"] if line["check"] == "source"]
        self.assertIn("udp comes late: 2 hours after its own time", says)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: test_health.py PROGRAM [unittest options]")
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
