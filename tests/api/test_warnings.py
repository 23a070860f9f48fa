#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What a node tells its community, and what it makes of warnings. usage: tests/api/test_warnings.py PROGRAM"""
import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node, Stream

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"


class WithNode(unittest.TestCase):
    extra = ""
    listen = "127.0.0.1"

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-desk-")
        cls.node = Node(PROGRAM, cls.folder, cls.extra, cls.listen)
        cls.link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)


class Warnings(WithNode):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.b = Browser(cls.node)
        assert cls.b.setup(cls.link.group(2), "Anna", PASSWORD).status == 303

    def refused(self, a, status, code):
        self.assertEqual(a.status, status, a.body)
        self.assertEqual(a.json()["error"]["code"], code)

    def test_sharing(self):
        shown = self.b.get("/api/v1/federation/sharing").json()
        self.assertEqual((shown["stopped"], shown["automatic"], shown["agreed"]), (False, False, False))
        self.assertEqual([(i["id"], i["when"]) for i in shown["items"]], [("default", "after_acknowledgement")])
        self.assertIsNone(shown["findings"])  # no hub below another
        rows = [{"circle": None, "class": {"level": "high", "product": "linux", "technique": "T1110"}, "when": "at_once"},
                {"class": {"source": "test"}, "when": "after_minutes", "minutes": 30}]
        a = self.b.send("PUT", "/api/v1/federation/sharing",
                        {"items": rows + shown["items"], "networks": "195.1.0.0/16, 2a00:1::/32", "automatic": True, "cap": 7})
        self.assertEqual(a.status, 200, a.body)
        shown = a.json()
        self.assertEqual((shown["cap"], shown["automatic"], shown["networks"]), (7, True, "195.1.0.0/16, 2a00:1::/32"))
        by_when = {i["when"]: i for i in shown["items"]}
        self.assertEqual(by_when["at_once"]["class"], {"level": "high", "product": "linux", "technique": "T1110", "source": None})
        self.assertEqual((by_when["after_minutes"]["minutes"], by_when["after_minutes"]["by"]), (30, "Anna"))
        # What is not named stays.
        again = self.b.send("PUT", "/api/v1/federation/sharing", {"cap": 8}).json()
        self.assertEqual(again["items"], shown["items"])
        for bad, where in (({"items": [{"when": "sometimes"}]}, "when"), ({"items": {}}, "items"), ({"networks": "10.0.0.0/99"}, "networks"),
                           ({"items": [{"when": "never", "class": {"level": "loud"}}]}, "class"), ({"cap": -1}, "cap"), ({"log": 1}, "body"),
                           ({"items": [{"when": "after_minutes", "minutes": 50000}]}, "minutes"),
                           ({"items": [{"when": "after_acknowledgement", "class": {"source": "federation:circles"}}]}, "when"),
                           ({"items": [{"when": "at_once", "class": {"source": "federation:circles", "product": "linux"}}]}, "class"), ({"automatic": 1}, "automatic"), ([1], "body")):
            a = self.b.send("PUT", "/api/v1/federation/sharing", bad)
            self.refused(a, 400, "bad_body")
            self.assertEqual(a.json()["error"]["where"], where)
        self.assertEqual(self.b.get("/api/v1/federation/sharing").json()["items"], shown["items"])

    def warning(self, name, rules):
        """As if a hub had sent it: into the records of the running node, beside its keeper."""
        def blake(text):
            return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()
        wid = blake(name)[:32]
        body = {"warning": wid, "version": 1, "why": {"kind": "indicator", "value": "ip:185.220.101.4"}, "title": name, "level": "high",
                "seen": "at least one other member", "first": "2026-11-26T20:15Z", "last": "2026-11-26T20:30Z", "withdrawn": False,
                "rules": [{"id": i, "yaml": y, "hash": blake(y)} for i, y in rules],
                "indicators": [{"type": "ip", "value": "185.220.101.4"}], "products": ["linux"]}
        now = time.time_ns()
        with contextlib.closing(sqlite3.connect(os.path.join(self.node.data, "records.db"), timeout=30)) as db:
            db.execute("INSERT INTO fed_warning VALUES (?,'c','hub',1,'indicator','ip:185.220.101.4',?,3,0,1993521,1993522,?,0,?,?,?,'1',?,1,'')",
                       (wid, name, json.dumps(body, sort_keys=True, separators=(",", ":")), now, now, now + 86400 * 10**9, len(rules)))
            db.commit()
        return wid

    def test_life_of_a_warning(self):
        s = Stream(self.b)
        yaml = "title: Planted <b>rule\nid: 11111111-0000-4000-8000-000000000001\nlogsource: {product: linux}\ndetection: {s: [x], condition: s}\n"
        wid = self.warning("Seen elsewhere", [("11111111-0000-4000-8000-000000000001", yaml)])
        while True:
            event, told, _ = s.next(("warning",))
            if told["id"] == wid:
                break
        self.assertEqual((told["state"], told["seen"]["text"], told["rules"]), ("new", "at least one other member", 1))
        s.close()
        listed = self.b.get("/api/v1/warnings").json()["items"]
        self.assertEqual(listed[0]["title"], "Seen elsewhere")
        level = self.b.get("/api/v1/federation/level").json()
        self.assertEqual(level["level"], "watchful")
        self.assertTrue(level["reasons"])
        one = self.b.get("/api/v1/warnings/" + wid).json()
        self.assertEqual((one["rules"][0]["yaml"], one["indicators"][0]["value"]), (yaml, "185.220.101.4"))
        folder = os.path.join(self.node.data, "rules", "federation", wid)
        a = self.b.send("POST", "/api/v1/warnings/%s/take" % wid, {"reason": "we look for it too"})
        self.assertEqual((a.status, a.json()["state"], a.json()["automatic"]), (200, "taken", False))
        self.assertEqual(sorted(os.listdir(folder)), ["0.yml", "indicators.yml"])
        self.assertEqual(open(os.path.join(folder, "0.yml"), encoding="utf-8").read(), yaml)
        self.assertIn("185", open(os.path.join(folder, "indicators.yml"), encoding="utf-8").read())
        a = self.b.send("POST", "/api/v1/warnings/%s/dismiss" % wid, {"reason": "too loud"})
        self.assertEqual((a.status, a.json()["state"]), (200, "dismissed"))
        self.assertFalse(os.path.exists(folder))
        history = self.b.get("/api/v1/warnings/" + wid).json()["history"]
        self.assertEqual([(h["who"], h["what"], h["reason"]) for h in history if h["who"] == "Anna"],
                         [("Anna", "taken", "we look for it too"), ("Anna", "dismissed", "too loud")])
        self.refused(self.b.send("POST", "/api/v1/warnings/%s/dry-run" % wid, {"days": 0}), 400, "bad_body")
        self.refused(self.b.send("POST", "/api/v1/warnings/%s/take" % ("0" * 32), {}), 404, "not_found")
        self.assertEqual(self.b.get("/api/v1/warnings/" + "0" * 32).status, 404)


if __name__ == "__main__":
    unittest.main(verbosity=2)
