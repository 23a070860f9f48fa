#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Briefs that are issued: frozen, signed, listed, withdrawn, then and now, found by `sereno verify`, out and in again.
usage: tests/api/test_briefs.py DESK_NODE PROGRAM"""
import html
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node

PROGRAM, SERENO = "", ""
PASSWORD = "harbour lamp seven"
# where the kernel has no Landlock, as tests/node does
MORE = ["--weaker-sandbox"] if os.environ.get("SERENO_TEST_WEAKER") and not os.path.exists("/sys/kernel/security/landlock") else []
PERIOD = {"from": "2026-11-01", "to": "2026-11-30"}


class Briefs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-briefs-")
        cls.node = Node(PROGRAM, cls.folder, "", "127.0.0.1")
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.admin = Browser(cls.node)
        assert cls.admin.setup(link.group(2), "Anna", PASSWORD).status == 303
        for kind in ("minute", "budget_request"):
            assert cls.admin.send("PUT", "/api/v1/register-kinds/" + kind, {"to": "on"}).status == 200
        cls.of = {}
        for name, role, town in (("Cleo", "ciso", "lantern"), ("Rea", "reader", "lantern"), ("Dora", "ciso", "harbour"), ("Olga", "officer", "lantern")):
            assert cls.admin.send("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "role": role, "organisation": town}).status == 201
            cls.of[name] = Browser(cls.node)
            assert cls.of[name].login(name, PASSWORD).status == 303
        cls.cleo = cls.of["Cleo"]
        for i in range(3):
            cls.finding("Weakness %d" % i, "2026-11-0%d" % (i + 1))
        cls.finding("Under RED", "2026-11-01", "RED")
        ask = cls.make("budget_requests", {"title": "A second <b>proof</b>", "year": 2027, "asked": 18400, "purpose": "Safe pumps", "owner": "Elena", "consequence": "Pumps could stop."})
        cls.move("budget_requests", ask, "presented")
        minute = cls.make("minutes", {"title": "Second copy in hall B", "body": "City council", "held": "2026-09-03", "item": "3", "record_kept": "Archive", "documents": [],
                                      "heard": "It burns.", "decision": "mitigate", "reason": "cheap", "owner": "Elena", "due": "2027-01-31"})
        for to in ("read", "approved", "sealed"):
            minute = cls.move("minutes", minute, to)

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    @classmethod
    def send(cls, method, path, value, version=None):
        headers = {"X-Sereno-CSRF": cls.cleo.csrf, "Content-Type": "application/json", **({"If-Match": '"%d"' % version} if version else {})}
        a = cls.cleo.ask(method, "/api/v1/registers" + path, json.dumps(value), headers)
        assert a.status in (200, 201), (path, a.body)
        return a.json()

    @classmethod
    def make(cls, plural, fields, tlp=None):
        return cls.send("POST", "/" + plural, {"fields": fields, **({"tlp": tlp} if tlp else {})})

    @classmethod
    def move(cls, plural, row, to):
        return cls.send("POST", "/%s/%s/move" % (plural, row["id"]), {"to": to, "why": "as it is"}, row["version"])

    @classmethod
    def finding(cls, title, due, tlp=None):
        return cls.make("findings", {"title": title, "origin": "audit", "severity": "low", "found": "2026-10-01", "due": due}, tlp)

    def issue(self, **more):
        a = self.cleo.send("POST", "/api/v1/briefs", {**PERIOD, **more})
        self.assertEqual(a.status, 201, a.body)
        return a.json()

    def get(self, path, who="Cleo", status=200):
        a = self.of[who].get(path)
        self.assertEqual(a.status, status, (who, path, a.body))
        return a

    def verify(self, data):
        done = subprocess.run([SERENO, "verify", "--data", data, "--json", *MORE], capture_output=True, text=True)
        return done.returncode, json.loads(done.stdout)

    def test_frozen_then_and_now(self):
        first = self.finding("Soon mended", "2026-11-05")
        made = self.issue(text="Two lines.\nOf <words>.")
        page = self.get("/briefs/" + made["id"]).text
        whole = self.get("/api/v1/briefs/" + made["id"]).json()
        document = json.loads(whole["document"])
        opened = next(f for f in document["figures"] if f["key"] == "brief.open")
        self.assertEqual(opened["count"], len(opened["records"]))
        self.assertNotIn("Under RED", whole["document"])
        self.assertIn([first["id"], first["version"]], [r[:2] for r in opened["records"]])
        self.assertEqual(whole["hidden"], 0)
        for words in ("Two lines.", "Of &#60;words&#62;.", "A second &#60;b&#62;proof&#60;/b&#62;", "for 2026-11-01 to 2026-11-30", "by Cleo", "Second copy in hall B", "City council, 2026-09-03, item 3", "To do something about it", whole["key"][:16]):
            self.assertIn(words, page)
        self.assertNotIn("<script", page)
        row = self.get("/api/v1/registers/findings/" + first["id"]).json()
        # the registers move on; the brief does not
        self.send("PUT", "/findings/" + first["id"], {"fields": {**row["fields"], "title": "Mended"}}, row["version"])
        gone = next(r[0] for r in opened["records"] if r[0] != first["id"])
        self.move("findings", self.get("/api/v1/registers/findings/" + gone).json(), "accepted")
        new = self.finding("Came later", "2026-11-06")
        self.assertEqual(self.get("/briefs/" + made["id"]).text, page)
        self.assertEqual(self.get("/api/v1/briefs/" + made["id"]).json(), whole)
        place = document["figures"].index(opened)
        now = self.get("/api/v1/briefs/%s/figures/%d" % (made["id"], place)).json()
        stands = {r["id"]: r["stands"] for r in now["records"]}
        self.assertEqual((stands[first["id"]], stands[gone], stands[new["id"]]), ("changed", "gone", "new"))
        self.assertEqual((now["then"], now["now"]), (opened["count"], opened["count"]))
        self.assertIn("same", stands.values())
        figure = self.get("/briefs/%s/figures/%d" % (made["id"], place)).text
        for words in ("Mended", "Came later", gone, "Counted then, not today", "Counted today, not then", "changed since"):
            self.assertIn(words, figure)
        self.assertIn('href="/briefs/%s/figures/%d"' % (made["id"], place), html.unescape(page))
        for path in ("/briefs/%s/figures/9" % made["id"], "/briefs/%s/figures/x" % made["id"], "/briefs/" + made["id"][:-1] + ("1" if made["id"][-1] == "0" else "0"), "/briefs/x"):
            self.get("/api/v1" + path, status=404)

    def test_who_may(self):
        made = self.issue()
        for who in ("Rea", "Olga"):
            self.assertEqual(self.of[who].send("POST", "/api/v1/briefs", PERIOD).status, 403)
            self.assertEqual(self.of[who].send("POST", "/api/v1/briefs/%s/withdraw" % made["id"], {"why": "no"}).status, 403)
        self.get("/api/v1/briefs/" + made["id"], "Dora", 404)
        self.assertEqual(self.of["Dora"].send("POST", "/api/v1/briefs/%s/withdraw" % made["id"], {"why": "no"}).status, 404)
        self.assertNotIn(made["id"], self.get("/api/v1/briefs", "Dora").text)
        self.get("/api/v1/briefs/%s/figures/0" % made["id"], "Dora", 404)
        # a reader sees the figures of registers that are open to him, and is told that there are more
        seen = self.get("/api/v1/briefs/" + made["id"], "Rea").json()
        self.assertIsNone(seen["document"])
        self.assertEqual([f["place"] for f in seen["figures"]], [0, 1])
        self.assertEqual(seen["hidden"], 5)
        page = self.get("/briefs/" + made["id"], "Rea").text
        self.assertNotIn("still open", page)
        self.assertNotIn("proof", page)
        self.assertIn("that are of registers not open to you: 5", page)
        self.assertNotIn("<form", page)
        self.get("/api/v1/briefs/%s/figures/2" % made["id"], "Rea", 404)
        self.assertEqual(Browser(self.node).get("/briefs").status, 303)

    def test_by_form_and_withdrawn(self):
        page = self.get("/briefs").text
        csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page).group(1)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        bad = self.cleo.ask("POST", "/briefs", urllib.parse.urlencode({**PERIOD, "csrf": "0" * len(csrf)}), form)
        self.assertEqual(bad.status, 403)
        a = self.cleo.ask("POST", "/briefs", urllib.parse.urlencode({**PERIOD, "text": "By form", "csrf": csrf}), form)
        self.assertEqual(a.status, 303, a.body)
        where = a.headers["Location"]
        self.assertIn("By form", self.get(where).text)
        self.assertEqual(self.cleo.ask("POST", where + "/withdraw", urllib.parse.urlencode({"why": " ", "csrf": csrf}), form).status, 400)
        a = self.cleo.ask("POST", where + "/withdraw", urllib.parse.urlencode({"why": "A wrong <figure>", "csrf": csrf}), form)
        self.assertEqual((a.status, a.headers["Location"]), (303, where))
        for path in (where, "/briefs"):
            self.assertIn("by Cleo: A wrong &#60;figure&#62;", self.get(path).text)
        self.assertNotIn("<form", self.get(where).text)
        self.assertEqual(self.cleo.send("POST", "/api/v1%s/withdraw" % where, {"why": "again"}).status, 404)
        self.assertEqual(self.get("/api/v1" + where).json()["withdrawn_why"], "A wrong <figure>")
        for fields in ({"from": "2026-11-30", "to": "2026-11-01"}, {"from": "1.11.2026", "to": "2026-11-30"}, {**PERIOD, "text": "x" * 4001}):
            self.assertEqual(self.cleo.send("POST", "/api/v1/briefs", fields).status, 400)

    def test_numbers_are_in_order(self):
        numbers = [self.issue()["number"] for _ in range(2)]
        self.assertEqual(numbers[1], numbers[0] + 1)
        listed = self.get("/api/v1/briefs").json()["items"]
        self.assertEqual([b["number"] for b in listed], list(range(len(listed), 0, -1)))

    def test_verify_and_the_way_out_and_in(self):
        made = self.issue(text="To be kept")
        self.node.stop()
        try:
            code, said = self.verify(self.node.data)
            self.assertEqual((code, said["list"]), (0, []))
            self.assertGreater(said["briefs"], 0)
            out, new = os.path.join(self.folder, "out"), os.path.join(self.folder, "new")
            subprocess.run([SERENO, "export", "--all", out, "--data", self.node.data, "--with-secrets", *MORE], check=True, capture_output=True)
            subprocess.run([SERENO, "import", out, "--data", new, *MORE], check=True, capture_output=True)
            code, again = self.verify(new)
            self.assertEqual((code, again["list"], again["briefs"]), (0, [], said["briefs"]))
            rows = [list(sqlite3.connect(os.path.join(d, "records.db")).execute("SELECT * FROM issued_brief ORDER BY id")) for d in (self.node.data, new)]
            self.assertEqual(rows[0], rows[1])
            db = sqlite3.connect(os.path.join(new, "records.db"), isolation_level=None)
            columns = [c[1] for c in db.execute("PRAGMA table_info(issued_brief)") if c[1] not in ("id", "withdrawn", "withdrawn_by", "withdrawn_why")]
            for column in columns:
                (was,) = db.execute("SELECT %s FROM issued_brief WHERE id = ?" % column, (made["id"],)).fetchone()
                to = was + 1000 if isinstance(was, int) else was[:-1] + chr(ord(was[-1]) ^ 1)
                to = 2 if column == "tlp" else to
                db.execute("UPDATE issued_brief SET %s = ? WHERE id = ?" % column, (to, made["id"]))
                code, said = self.verify(new)
                self.assertEqual(code, 1, column)
                self.assertTrue(any("its signature is not of what it says" in f and made["id"] in f for f in said["list"]), (column, said["list"]))
                db.execute("UPDATE issued_brief SET %s = ? WHERE id = ?" % column, (was, made["id"]))
            db.execute("UPDATE issued_brief SET withdrawn_why = 'another' WHERE id = ?", (made["id"],))
            self.assertEqual(self.verify(new)[0], 1)
            db.close()
        finally:
            self.node.start()


if __name__ == "__main__":
    PROGRAM, SERENO = (os.path.abspath(p) for p in sys.argv[1:3])
    del sys.argv[1:3]
    unittest.main()
