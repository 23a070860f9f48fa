#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What registers say of persons goes when its time is over: a real node by a clock that is set. A name that was changed, and its owner's
record in its final state, is in no byte of the data folder a year later; a held one is; history, trail and `sereno verify` agree.

usage: tests/node/test_retention.py PROGRAM-WITH-FAULTS PROGRAM"""
import importlib.util
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import types
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from faults import Faults  # noqa: E402
from node import Node, until  # noqa: E402

spec = importlib.util.spec_from_file_location("api_node", pathlib.Path(__file__).parents[1] / "api" / "node.py")
api_node = importlib.util.module_from_spec(spec)
spec.loader.exec_module(api_node)

DAY_S = 86400
GONE = [b"Zdravka Quellmann", b"Zdravka Formerly", b"zq.mail@town.example"]
HELD, HERE = b"Ottokar Heldburg", b"Ignazia Stillhere"
PASSWORD = "a long sentence that nobody guesses"


class Retention(unittest.TestCase):
    def setUp(self):
        self.node = Node(FAULTS, intakes=1)
        self.faults = Faults(self.node.folder / "faults", 1)
        self.node.config.write_text(self.node.config.read_text() + "retention: {registers: [{name: person, days: 40}]}\n")
        os.environ["SERENO_FAULTS"] = str(self.faults.path)
        try:
            self.node.start()
        finally:
            del os.environ["SERENO_FAULTS"]
        token = until("the set-up link", lambda: re.findall(rb"/setup\?token=([0-9a-f]+)", self.node.log.read_bytes()))[-1].decode()
        self.anna = api_node.Browser(types.SimpleNamespace(port=self.node.desk))
        self.assertEqual(self.anna.setup(token, "Anna", PASSWORD).status, 303)

    def tearDown(self):
        if self.node.process.poll() is None:
            self.node.kill()
        self.node.remove()

    def send(self, method, path, value, status, version=None):
        headers = {"X-Sereno-CSRF": self.anna.csrf, "Content-Type": "application/json"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        answer = self.anna.ask(method, "/api/v1" + path, json.dumps(value), headers)
        self.assertEqual(answer.status, status, answer.text)
        return json.loads(answer.text) if answer.text else None

    def person(self, fields, leaves):
        made = self.send("POST", "/registers/people", {"fields": fields}, 201)
        if leaves:
            self.send("POST", f"/registers/people/{made['id']}/move", {"to": "left", "why": "a new post elsewhere"}, 200, made["version"])
        return made["id"]

    def found(self, words):
        """Which of them stand in any byte of the records' files."""
        files = [p.read_bytes() for p in self.node.data.glob("records.db*")]
        return [w for w in words if any(w in f for f in files)]

    def verify(self):
        done = subprocess.run([PROGRAM, "verify", "--data", str(self.node.data), "--json"], capture_output=True, text=True, timeout=120)
        said = json.loads(done.stdout)
        self.assertEqual((done.returncode, said["list"]), (0, []))
        return said

    def runs(self):
        """How many went in each run that is over."""
        return [int(n) for n in re.findall(rb"records\.retention.*erased=(\d+)", self.node.log.read_bytes())]

    def test_a_year_goes_by(self):
        made = self.send("POST", "/registers/people", {"fields": {"name": GONE[1].decode(), "mail": GONE[2].decode(), "tags": ["night"]}}, 201)
        gone = made["id"]
        made = self.send("PUT", f"/registers/people/{gone}", {"fields": {"name": GONE[0].decode(), "tags": ["night"]}}, 200, made["version"])
        self.send("POST", f"/registers/people/{gone}/move", {"to": "left", "why": "a new post elsewhere"}, 200, made["version"])
        held = self.person({"name": HELD.decode()}, True)
        self.person({"name": HERE.decode()}, False)
        self.send("POST", "/holds", {"source": f"registers/person/{held}", "from": "2020-01-01", "to": "2099-12-31", "reason": "a court asked, file 47"}, 201)
        self.assertEqual(self.found([*GONE, HELD, HERE]), [*GONE, HELD, HERE])
        until("the first run, which takes note of the rules", lambda: self.runs() == [0])
        self.faults.set("clock_s", 41 * DAY_S)
        until("the clock to be doubted", lambda: b"retention.clock" in self.node.log.read_bytes())
        until("a sign-in of that day", lambda: self.anna.login("Anna", PASSWORD).status == 303)
        self.send("POST", "/privacy/clock", {"why": "forty-one days went by"}, 204)
        until("the run of that day", lambda: self.runs() == [0, 1])
        # The session of a month ago is over. A sign-in is a commit: on this disk the log is cut with the next sync of it.
        until("the log to be cut", lambda: self.anna.login("Anna", PASSWORD).status == 303 and self.found(GONE) == [])
        self.assertEqual(self.found([HELD, HERE]), [HELD, HERE])
        shown = json.loads(self.anna.ask("GET", f"/api/v1/registers/people/{gone}").text)
        self.assertEqual(shown["fields"], {"name": "#" + gone[-12:], "tags": ["night"]})
        past = json.loads(self.anna.ask("GET", f"/api/v1/registers/people/{gone}/history").text)["items"]
        self.assertEqual([(p["what"], p["who"], p["erased"]) for p in past],
                         [("erased", "sereno", True), ("moved", "Anna", True), ("changed", "Anna", True), ("created", "Anna", True)])
        self.assertEqual(past[0]["why"], "person: 40 days after leaves")
        self.assertEqual(self.node.stop(), 0)  # the disk that can fail is one process's own: others look when it has ended
        self.assertGreater(self.verify()["erased"], 0)
        db = sqlite3.connect(f"file:{self.node.data}/records.db?mode=ro", uri=True, timeout=30)
        self.assertEqual(db.execute("SELECT COUNT(*) FROM audit WHERE what = 'record.erased'").fetchone()[0], 1)
        db.close()
        self.assertEqual(self.found([*GONE, HELD, HERE]), [HELD, HERE])


if __name__ == "__main__":
    FAULTS, PROGRAM = (os.path.abspath(p) for p in sys.argv[1:3])
    del sys.argv[1:3]
    unittest.main()
