#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The brief for the council, a page without script. usage: tests/api/test_brief.py PROGRAM"""
import datetime
import html
import json
import os
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"


def day(n):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=n)).strftime("%Y-%m-%d")


class Brief(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-brief-")
        cls.node = Node(PROGRAM, cls.folder, "", "127.0.0.1")
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.admin = Browser(cls.node)
        assert cls.admin.setup(link.group(2), "Anna", PASSWORD).status == 303
        for kind in ("minute", "budget_request"):
            assert cls.admin.send("PUT", "/api/v1/register-kinds/" + kind, {"to": "on"}).status == 200
        cls.of = {}
        for name, role, town in (("Cleo", "ciso", "lantern"), ("Rea", "reader", "lantern"), ("Dora", "ciso", "harbour"), ("Otto", "operator", "lantern")):
            a = cls.admin.send("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "role": role, "organisation": town})
            assert a.status == 201, a.body
            cls.of[name] = Browser(cls.node)
            assert cls.of[name].login(name, PASSWORD).status == 303
        cls.fill(cls.of["Cleo"])

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    @staticmethod
    def send(b, method, path, value, version=None):
        headers = {"X-Sereno-CSRF": b.csrf, "Content-Type": "application/json"}
        if version is not None:
            headers["If-Match"] = '"%d"' % version
        a = b.ask(method, "/api/v1/registers" + path, json.dumps(value), headers)
        assert a.status in (200, 201), (path, a.body)
        return a.json()

    @classmethod
    def fill(cls, b):
        def make(plural, fields, *to, tlp=None):
            row = cls.send(b, "POST", "/" + plural, {"fields": fields, **({"tlp": tlp} if tlp else {})})
            for state in to:
                row = cls.send(b, "POST", "/%s/%s/move" % (plural, row["id"]), {"to": state, "why": "as it is"}, row["version"])
            return row

        person = make("people", {"name": "Elena"}) if b.get("/api/v1/registers/people").status == 200 else None
        for i in range(3):
            fields = {"name": "Service %d" % i, "priority": 1, "citizens": 1000, "mode": "operate", "legal_basis": "law", "rto_minutes": 60, "rpo_minutes": 60}
            fields.update({"manager": person["id"]} if person else {}, **({"tested": day(-30 if i else -500)}))
            make("services", fields, "live")
        for i in range(4):
            make("findings", {"title": "Weakness %d" % i, "origin": "audit", "severity": "low", "found": day(-40), "due": day(-1 if i < 2 else 5)})
        make("findings", {"title": "Under RED", "origin": "audit", "severity": "low", "found": day(-40)}, tlp="RED")
        make("budget_requests", {"title": "A second proof <b>at</b> sign-in", "year": 2027, "asked": 18400.5, "purpose": "Safe pumps", "owner": "Elena",
                                 "consequence": "Strangers could stop the pumps & more."}, "presented")
        make("budget_requests", {"title": "Not yet shown", "year": 2027, "asked": 1, "purpose": "x", "consequence": "y"})
        for title, tlp in (("Second copy of the backups", None), ("Told in confidence", "RED")):
            make("minutes", {"title": title, "body": "City council", "held": "2026-09-03", "item": "3", "record_kept": "Archive", "documents": [], "heard": "It burns.",
                             "decision": "mitigate", "reason": "cheap", "owner": "Elena", "due": day(20)}, "read", "approved", "sealed", tlp=tlp)

    def page(self, b, query="", headers=None):
        a = b.get("/brief" + query, headers or {})
        self.assertEqual(a.status, 200, a.body)
        return a

    def figures(self, text):
        return [(html.unescape(h), int(n), w) for h, n, w in re.findall(r'<li><a href="([^"]+)"><span class="big">(\d+)</span> ([^<]+)</a>', text)]

    def test_each_figure_opens_what_it_counted(self):
        for name, count in (("Cleo", 5), ("Rea", 2), ("Dora", 5)):
            b = self.of[name]
            found = self.figures(self.page(b).text)
            self.assertEqual(len(found), count, (name, found))
            for href, n, words in found:
                self.assertEqual(b.get("/api/v1" + href).json()["count"], n, (name, words, href))
        got = {w: n for _, n, w in self.figures(self.page(self.of["Cleo"]).text)}
        self.assertEqual(list(got.values()), [3, 2, 5, 2, 0], got)
        self.assertEqual([n for _, n, _ in self.figures(self.page(self.of["Dora"]).text)], [0] * 5)

    def test_what_is_asked_and_what_was_decided(self):
        text = self.page(self.of["Cleo"]).text
        for words in ("A second proof &#60;b&#62;at&#60;/b&#62; sign-in", "18400.5", "Strangers could stop the pumps &#38; more.", "Second copy of the backups",
                      "City council, 2026-09-03, item 3", "To do something about it", "Number in the minutes:", "TLP:AMBER+STRICT"):
            self.assertIn(words, text)
        for words in ("Not yet shown", "Told in confidence", "TLP:RED", "<script", "<b>"):
            self.assertNotIn(words, text)
        for name in ("Rea", "Dora"):  # a role that reads no such kind, and another town
            self.assertNotIn("second proof", self.page(self.of[name]).text)
            self.assertNotIn("Second copy", self.page(self.of[name]).text)
        self.assertNotIn("Asked of the council", self.page(self.of["Rea"]).text)
        self.assertIn("Nothing is asked of the council.", self.page(self.of["Dora"]).text)

    def test_only_languages_that_somebody_read_through(self):
        for query, headers in (("", {"Accept-Language": "de"}), ("?language=de", None), ("?language=", None), ("?language=%3Cx", None), ("?language=en", None)):
            a = self.page(self.of["Cleo"], query, headers)
            self.assertEqual(a.headers["Content-Language"], "en")
            self.assertIn('<html lang="en">', a.text)
            self.assertIn("speaks only languages that a person has read through", a.text)
            self.assertEqual(re.findall(r'href="/brief\?language=(\w+)"', a.text), ["en"])
        self.assertEqual(self.of["Cleo"].get("/brief?tongue=de").status, 400)

    def test_who_may(self):
        a = Browser(self.node).get("/brief")
        self.assertEqual((a.status, a.headers["Location"].split("?")[0]), (303, "/login"))
        csp = self.page(self.of["Cleo"]).headers["Content-Security-Policy"]
        self.assertIn("default-src 'self'", csp)


if __name__ == "__main__":
    unittest.main()
