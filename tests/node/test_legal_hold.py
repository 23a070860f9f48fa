#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""`sereno hold` on a running node: set, told, lifted, each with a reason, and in the audit trail; wrong ones are refused. And a clock
that jumps lets nothing go, of records or logs, until it is right again or somebody says that it is; what was erased comes back from no export, and from a
backup of before for no longer than the next run.

usage: tests/node/test_legal_hold.py PROGRAM SET_CLOCK"""
import json
import mmap
import os
import pathlib
import re
import sqlite3
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, extra_options, until  # noqa: E402

PROGRAM = SET_CLOCK = ""
DAY = 86400
WORDS = ("Zquelline", "Vorberg", "zquelline@")  # of nobody else


class Hold(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM).start()

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        cls.node.remove()

    def hold(self, *words):
        done = subprocess.run([PROGRAM, "hold", *words, "--data", str(self.node.data)], capture_output=True, text=True)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def test_life(self):
        code, made = self.hold("set", "--from", "2026-11-01", "--to", "2026-11-30", "--source", "fw", "--reason", "case 4711")
        self.assertEqual(code, 0, made)
        (one,) = self.hold("list")[1]["items"]
        self.assertEqual((one["id"], one["source"], one["from"], one["to"], one["reason"], one["lifted"]),
                         (made["id"], "fw", "2026-11-01", "2026-11-30", "case 4711", None))
        self.assertEqual(self.hold("lift", made["id"], "--reason", "closed")[0], 0)
        self.assertEqual(self.hold("lift", made["id"], "--reason", "again")[0], 1)
        (one,) = self.hold("list")[1]["items"]
        self.assertEqual(one["lifted_reason"], "closed")
        self.assertIsNotNone(one["lifted"])
        db = sqlite3.connect(f"file:{self.node.data}/records.db?mode=ro", uri=True)
        trail = [w for (w,) in db.execute("SELECT what FROM audit WHERE what LIKE 'hold.%' ORDER BY seq")]
        db.close()
        self.assertEqual(trail, ["hold.set", "hold.lifted"])

    def test_refused(self):
        for words in (["set", "--from", "2026-11-01", "--to", "2026-11-30"], ["lift", "x", "--reason", "y"], ["what"], []):
            self.assertEqual(self.hold(*words)[0], 2, words)
        self.assertEqual(self.hold("set", "--from", "2026-11-02", "--to", "2026-11-01", "--reason", "x")[0], 1)
        self.assertEqual(self.hold("set", "--from", "soon", "--to", "2026-11-01", "--reason", "x")[0], 1)


class Jump(unittest.TestCase):
    """One node whose wall clock the test sets; the program is the installed one."""

    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM, "retention: {days: 30}\n", intakes=1)
        cls.node.data.mkdir(parents=True, mode=0o700)
        path = cls.node.folder / "clock"
        path.write_bytes(struct.pack("q", 0))
        with open(path, "r+b") as f:
            cls.off = mmap.mmap(f.fileno(), 8)
        cls.env = dict(os.environ, LD_PRELOAD=str(pathlib.Path(SET_CLOCK).resolve()), SERENO_CLOCK=str(path),
                       ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
        cls.begin(cls.node)

    @classmethod
    def begin(cls, node):
        before = dict(os.environ)
        os.environ.update(cls.env)
        try:
            node.start()
        finally:
            os.environ.clear()
            os.environ.update(before)

    @classmethod
    def tearDownClass(cls):
        cls.node.remove()

    def clock(self, days):
        self.off[:] = struct.pack("q", days * DAY)

    def sereno(self, *words, node=None, want=0):
        done = subprocess.run([PROGRAM, *map(str, words), "--data", str((node or self.node).data)], capture_output=True, text=True, env=self.env, timeout=120)
        self.assertEqual(done.returncode, want, done.stdout + done.stderr)
        return done.stdout

    def ask(self, method, path, body=None, node=None, etag=None):
        words = ["curl", "-s", "-m", "30", "--unix-socket", str((node or self.node).data / "control"), "-X", method, "http://localhost/api/v1" + path]
        words += ["-H", "If-Match: " + etag] if etag else []
        words += ["-H", "Content-Type: application/json", "--data-binary", json.dumps(body)] if body is not None else []
        done = subprocess.run(words, capture_output=True, timeout=60)
        return json.loads(done.stdout) if done.stdout else None

    def told(self, node=None):
        all_of_it = json.loads(self.sereno("retention", "--json", node=node))
        (person,) = (i for i in all_of_it["items"] if i["kind"] == "person")
        return all_of_it["clock"]["state"], {w: person[w]["count"] for w in ("due", "held", "erased", "passed_by")}

    def trail(self, node=None):
        db = sqlite3.connect(f"file:{(node or self.node).data}/records.db?mode=ro", uri=True)
        try:
            return [w for (w,) in db.execute("SELECT what FROM audit WHERE what LIKE 'retention.%' OR what = 'record.erased' ORDER BY seq")]
        finally:
            db.close()

    def doctor(self, want):
        lines = json.loads(self.sereno("doctor", "--json", want=2 if want == "bad" else 1))["lines"]
        (line,) = (l for l in lines if l["check"] == "retention")
        self.assertEqual(line["state"], want, line)
        return line["says"]

    def days_kept(self):
        return sorted(f.name for f in (self.node.data / "archive").iterdir() if re.fullmatch(r"\d{4}-\d\d-\d\d\.db", f.name))

    def words_in(self, place):
        """Files below a folder that have one of the words anywhere in their bytes."""
        files = [f for f in pathlib.Path(place).rglob("*") if f.is_file()]
        self.assertGreater(len(files), 3)
        return sorted(f.name for f in files if any(w.encode() in f.read_bytes() for w in WORDS))

    def leave(self):
        """Somebody who left years ago, of whom retention says that he goes 30 days after it was told."""
        row = self.ask("POST", "/registers/people", {"fields": {"name": "Zquelline Vorberg", "mail": "zquelline@town.example", "leaves": "2020-01-01"}})
        for to in ("leaving", "left"):
            row = self.ask("POST", f"/registers/people/{row['id']}/move", {"to": to, "why": "gone"}, etag=f'"{row["version"]}"')
            self.assertEqual(row.get("state"), to, row)
        return row["id"]

    def comes_back_nowhere(self, id):
        """Not by what is exported and imported, and from a backup of before until the next run."""
        out = self.node.folder / "whole"
        done = subprocess.run([PROGRAM, "export", "--all", str(out), "--data", str(self.node.data), "--with-secrets", *extra_options()], capture_output=True, text=True, env=self.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.words_in(out), [])
        self.assertIn(id, self.sereno("registers", "export", "people"))
        self.assertNotIn(WORDS[0], self.sereno("registers", "export", "people"))
        again = Node(PROGRAM, intakes=1)
        try:
            done = subprocess.run([PROGRAM, "import", str(out), "--data", str(again.data), *extra_options()], capture_output=True, text=True, env=self.env)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.words_in(again.data), [])
        finally:
            again.remove()

    def test_nothing_goes_by_a_jump(self):
        id = self.leave()
        self.assertEqual(self.node.post(b'{"message":"one line"}\n')[0], 200)
        until("the line", lambda: self.node.having("one line"))
        until("the first run, which takes note of the rules", lambda: self.told() == ("fits", {"due": 1, "held": 0, "erased": 0, "passed_by": 0}))
        self.assertIn("people", self.sereno("retention"))
        key = re.search(r"[A-Z2-7]{4}(-[A-Z2-7]{4})+", self.sereno("backup", "key"))
        self.assertIsNotNone(key)
        backup = self.node.folder / "before.backup"
        self.sereno("backup", backup, *extra_options())
        kept = self.days_kept()
        # Years ahead: it is told, and nothing goes.
        self.clock(400)
        until("the doubt", lambda: "retention.waits" in self.trail())
        self.assertEqual(self.told()[0], "ahead")
        self.assertIn("clock stands 400 days after", self.doctor("bad"))
        self.assertEqual(self.ask("GET", "/today")["retention"]["clock"], "ahead")
        self.assertIn("retention clock", self.sereno("retention"))
        self.assertEqual(self.ask("GET", "/registers/people/" + id)["fields"]["name"], "Zquelline Vorberg")
        self.assertLessEqual(set(kept), set(self.days_kept()))
        # Back again: it goes on by itself, and still nothing was due.
        self.clock(0)
        until("the end of the doubt", lambda: self.trail() == ["retention.waits", "retention.goes_on"])
        self.assertEqual(self.told(), ("fits", {"due": 1, "held": 0, "erased": 0, "passed_by": 0}))
        # Ahead, and a person says that it is right: then both go.
        self.clock(400)
        until("the doubt again", lambda: self.trail().count("retention.waits") == 2)
        self.sereno("retention", "clock", "--reason", "short", want=1)
        self.sereno("retention", "clock", "--reason", "the node stood still for a year")
        until("the person to go", lambda: "record.erased" in self.trail())
        until("the logs to go", lambda: not set(kept) & set(self.days_kept()))
        until("the run to end", lambda: self.told() == ("fits", {"due": 0, "held": 0, "erased": 1, "passed_by": 0}))
        (gone,) = self.ask("GET", "/privacy/retention/people?which=erased")["items"]
        self.assertEqual(gone["id"], id)
        self.sereno("retention", "clock", "--reason", "nobody doubts it now", want=1)
        self.assertEqual(self.trail()[-3:], ["retention.waits", "retention.clock_confirmed", "record.erased"])
        self.comes_back_nowhere(id)
        self.assertEqual(self.node.stop(), 0)
        until("the log of the records to be cut", lambda: self.words_in(self.node.data) == [])
        self.restored(backup, key.group(0), id)

    def restored(self, backup, key, id):
        twin = Node(PROGRAM, intakes=1)
        try:
            done = subprocess.run([PROGRAM, "restore", str(backup), "--data", str(twin.data), *extra_options()], input=key + "\n", capture_output=True, text=True, env=self.env)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotEqual(self.words_in(twin.data), [])
            self.begin(twin)
            until("the doubt: the backup is of a year before", lambda: "retention.waits" in self.trail(twin))
            self.sereno("retention", "clock", "--reason", "this is a restored node", node=twin)
            until("the person to go again", lambda: self.trail(twin)[-1] == "record.erased")
            self.assertTrue(self.ask("GET", "/registers/people/" + id, node=twin)["fields"]["name"].startswith("#"))
            until("the run to end", lambda: self.told(twin)[1]["erased"] == 1)
            self.assertEqual(twin.stop(), 0)
            self.assertEqual(self.words_in(twin.data), [])
        finally:
            twin.remove()


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    SET_CLOCK = sys.argv.pop(1)
    unittest.main()
