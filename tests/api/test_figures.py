#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Figures are of queues, sources and rules, never of a person. usage: tests/api/test_figures.py NODE

People with names of their own work on everything there is. No metric and no answer that counts anything tells one of their names, and
beside a name, where an answer has one (who took an alert, who wrote a record), no number stands but those of the thing itself.
"""
import json
import os
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node, wait_until

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
WHY = "call to the night shift, case 47"
NAMES = ("Xenia Xaver", "Yolanda Ypsilon")
USER = "zora.zacharias"  # of a log line
# Numbers beside a name, each of the thing and not of whom it names: how many events an alert or a hunt has, which version a record is.
OF_THE_THING = {"revision", "version", "place", "events", "matches", "blocks_total", "blocks_done", "new", "changed"}
ALLOWED = {("/api/v1/alerts?status=all", "count")}  # how often the rule fired for this alert
COUNTS = ("/metrics", "/api/v1/today", "/api/v1/status", "/api/v1/sources", "/api/v1/rules", "/api/v1/rules/costs", "/api/v1/copy", "/api/v1/federation/level")
THINGS = ("/api/v1/alerts?status=all", "/api/v1/registers/people", "/api/v1/registers/findings", "/api/v1/registers/findings/imports", "/api/v1/hunts", "/api/v1/users",
          "/api/v1/holds", "/api/v1/tokens", "/api/v1/privacy/searches", "/api/v1/users/imports")


def beside_a_name(value, names, path, found):
    """Numbers of objects that say one of the names in a text of their own."""
    if isinstance(value, dict):
        named = any(isinstance(v, str) and n in v for v in value.values() for n in names)
        for key, v in value.items():
            if named and isinstance(v, (int, float)) and not isinstance(v, bool):
                found.append((path, key, v))
            beside_a_name(v, names, path, found)
    elif isinstance(value, list):
        for v in value:
            beside_a_name(v, names, path, found)
    return found


class Figures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-figures-")
        cls.node = Node(PROGRAM, cls.folder, "", "127.0.0.1")
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.admin = Browser(cls.node)
        assert cls.admin.setup(link.group(2), "Anna", PASSWORD).status == 303
        for i in range(4):
            cls.node.alert(host="web%d" % i, user=USER, title="Log-in from far away")
        wait_until(lambda: cls.admin.get("/api/v1/alerts").json()["counts"]["open"] == 4, "four alerts")
        cls.work()

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    @classmethod
    def work(cls):
        for name in NAMES:
            assert cls.admin.send("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "role": "administrator", "organisation": "*"}).status == 201
            b = Browser(cls.node)
            assert b.login(name, PASSWORD).status == 303
            alerts = b.get("/api/v1/alerts?status=new").json()["items"]
            assert b.send("POST", "/api/v1/alerts/%s/acknowledge" % alerts[0]["id"], {"revision": alerts[0]["revision"]}).status == 200
            assert b.send("POST", "/api/v1/alerts/%s/close" % alerts[-1]["id"], {"revision": alerts[-1]["revision"], "reason": "benign"}).status == 200
            finding = {"title": "Old firmware", "origin": "audit", "severity": "high", "found": "2026-11-01", "due": "2026-01-01", "owner": name}
            assert b.send("POST", "/api/v1/registers/findings", {"fields": finding}).status == 201
            assert b.send("POST", "/api/v1/registers/people", {"fields": {"name": name}}).status == 201
            assert b.send("POST", "/api/v1/privacy/search", {"terms": USER, "why": WHY}).status == 200

    def test_what_counts_names_nobody(self):
        names = [n.encode() for n in NAMES + (USER, "Anna")]
        answered = 0
        for path in COUNTS:
            a = self.admin.get(path)
            if a.status == 404:
                continue
            answered += a.status == 200
            self.assertEqual([n for n in names if n in a.body], [], path)
        self.assertGreaterEqual(answered, 5)
        counts = self.admin.get("/api/v1/alerts").json()["counts"]
        self.assertEqual(set(counts), {"open", "new", "acknowledged", "closed_today", "oldest_open"})

    def test_no_figure_stands_beside_a_name(self):
        told, named = set(), 0
        for path in THINGS:
            a = self.admin.get(path)
            if a.status == 404:
                continue
            self.assertEqual(a.status, 200, (path, a.body))
            named += any(n.encode() in a.body for n in NAMES)
            told |= {(p, key) for p, key, _ in beside_a_name(a.json(), NAMES + (USER,), path, []) if key not in OF_THE_THING}
        self.assertEqual(told - ALLOWED, set())
        self.assertGreaterEqual(named, 4)  # there are names to be told

    def test_no_filter_or_order_is_by_who_worked(self):
        """Lists cannot be narrowed to one person's work, whose count would be his figure."""
        document = self.admin.get("/api/v1/openapi.json").json()
        by_who = re.compile(r"^(who|assignee|author|by|acknowledged_by|closed_by|user)(\.|$)")
        found = []
        for path, methods in document["paths"].items():
            for p in methods.get("get", {}).get("parameters", []):
                if p.get("in") == "query" and by_who.match(p["name"]):
                    found.append((path, p["name"]))
        self.assertEqual(found, [])
        for query in ("?author=Anna", "?author.from=A", "?sort=author"):
            self.assertEqual(self.admin.get("/api/v1/registers/findings" + query).status, 400)
        self.assertEqual(self.admin.get("/api/v1/alerts?assignee=Anna").status, 400)


if __name__ == "__main__":
    unittest.main()
