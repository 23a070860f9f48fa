#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Searches on persons ask for a reason and are recorded; who may read that, reads it. usage: tests/api/test_looks.py NODE"""
import json
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node, wait_until

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
WHY = "call to the night shift, case 47"


class Looks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-looks-")
        cls.node = Node(PROGRAM, cls.folder, "", "127.0.0.1")
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.admin = Browser(cls.node)
        assert cls.admin.setup(link.group(2), "Anna", PASSWORD).status == 303
        cls.node.alert(host="web1", user="anna.torres", title="Log-in from far away")
        cls.node.alert(host="web2", user="root", title="Too many tries")
        wait_until(lambda: cls.admin.get("/api/v1/alerts").json()["counts"]["open"] == 2, "two alerts")

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    def person(self, name, role, organisation="*"):
        self.admin.send("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "role": role, "organisation": organisation})
        b = Browser(self.node)
        self.assertEqual(b.login(name, PASSWORD).status, 303)
        return b

    def looks(self, b):
        items, cursor = [], ""
        while cursor is not None:
            page = b.get("/api/v1/privacy/searches" + (cursor and "?cursor=" + cursor)).json()
            items, cursor = items + page["items"], page["next"]
        return items

    def find(self, b, words):
        a = b.get("/api/v1/alerts?q=" + words)
        return len(a.json()["items"]) if a.status == 200 else (a.status, a.json()["error"]["code"], a.json()["error"]["where"])

    def test_the_list_of_alerts(self):
        b, other = self.person("Bea", "analyst"), self.person("Bea", "analyst")
        refused = (403, "reason_needed", "q")
        for words, found in (("web1", 1), ("far", 1), ("root", 1), ("web1+far", 1), ("nothing", 0),
                             ("anna.torres", refused), ("torres", refused), ("TORRES", refused), ("web1+torres", refused), ("somebody@town.example", refused)):
            self.assertEqual(self.find(b, words), found, words)
        for body in ({"terms": "torres", "why": "because"}, {"terms": "", "why": WHY}, {"terms": "torres"}):
            self.assertEqual(b.send("POST", "/api/v1/privacy/search", body).status, 400)
        a = b.send("POST", "/api/v1/privacy/search", {"terms": "torres", "why": WHY})
        self.assertEqual((a.status, a.json()["terms"]), (200, "torres"))
        self.assertEqual([self.find(b, w) for w in ("torres", "anna")], [1, refused])  # for these words,
        self.assertEqual(self.find(other, "torres"), refused)  # and in this session
        auditor = self.person("Aud", "auditor")
        row = next(r for r in self.looks(auditor) if r["detail"] == "torres")
        self.assertEqual((row["who"], row["what"], row["subject"], row["why"]), ("Bea", "persons.searched", "alerts", WHY))

    def test_hunts(self):
        """Those that begin are in tests/e2e: here nothing runs them."""
        b = self.person("Hugo", "analyst")
        for hunt in ({"search": "user=maria"}, {"search": "maria@town.example"}, {"indicators": [{"value": "maria@town.example"}]}):
            a = b.send("POST", "/api/v1/hunts", dict(hunt, why="look"))
            self.assertEqual((a.status, a.json()["error"]["code"]), (400, "bad_reason"))

    def test_registers(self):
        for name in ("Anna Torres", "Bo Larsen"):
            self.assertEqual(self.admin.send("POST", "/api/v1/registers/people", {"fields": {"name": name}}).status, 201)
        before = len(self.looks(self.admin))
        for query in ("?name.from=Ann&name.to=Anz", "?name.from=Ann&name.to=Anz", "?state=active", "", "?sort=name"):
            self.assertEqual(self.admin.get("/api/v1/registers/people" + query).status, 200)
        self.assertEqual(self.admin.get("/api/v1/registers/people/export?name=Bo%20Larsen").status, 200)
        rows = self.looks(self.admin)
        self.assertEqual([(r["subject"], r["detail"]) for r in rows[: len(rows) - before]], [("people", "name=Bo Larsen"), ("people", "name.from=Ann name.to=Anz")])

    def reads(self, b):
        items, cursor = [], ""
        while cursor is not None:
            page = b.get("/api/v1/privacy/reads" + (cursor and "?cursor=" + cursor)).json()
            items, cursor = items + page["items"], page["next"]
        return items

    def make(self, plural, fields, organisation, **more):
        a = self.admin.send("POST", "/api/v1/registers/" + plural, {"fields": fields, "organisation": organisation, **more})
        self.assertEqual(a.status, 201, a.body)
        return a.json()

    def test_reads(self):
        """Whoever sees what records say of persons, or a RED record, leaves a row on each way out; who sees neither leaves none."""
        town = self.person("Dpo of mill", "auditor", "mill")
        officer, masked = self.person("Olga", "officer", "mill"), self.person("Mia", "manager", "mill")
        ids = [self.make("people", {"name": f"Rita {n}"}, "mill")["id"] for n in range(25)]
        one, other = ids[0], self.make("people", {"name": "Otto"}, "quay")["id"]
        self.assertEqual(self.reads(town), [])  # who makes one reads nothing
        base = "/api/v1/registers/people"
        for way, address in (("record", base + "/" + one), ("list", base + "?limit=200"), ("search", base + "?name=Rita%203"), ("history", f"{base}/{one}/history"),
                             ("export", base + "/export")):
            before = self.reads(town)
            self.assertEqual(masked.get(address).status, 403 if way == "search" else 200, address)
            self.assertEqual(self.reads(town), before, address)
            self.assertEqual(officer.get(address).status, 200, address)
            after = self.reads(town)
            self.assertEqual(after[1:], before)
            row = after[0]
            self.assertEqual((row["who"], row["way"], row["kind"], row["organisation"], row["persons"], row["red"], row["why"]), ("Olga", way, "person", "mill", True, False, ""))
            self.assertEqual((row["count"], len(row["records"])), {"record": (1, 1), "history": (1, 1), "search": (1, 1)}.get(way, (25, 20)), way)
            self.assertLessEqual(set(row["records"]), set(ids))
        reason = "call to the night shift, case 48"
        self.assertEqual(masked.send("POST", "/api/v1/privacy/unmask", {"kind": "person", "record": one, "why": reason}).status, 200)
        self.assertEqual(masked.get(f"{base}/{one}").json()["fields"]["name"], "Rita 0")
        row = self.reads(town)[0]
        self.assertEqual((row["who"], row["records"], row["why"]), ("Mia", [one], reason))
        answer = officer.ask("PUT", f"{base}/{one}", json.dumps({"fields": {"name": "Rita Zero"}}),
                             {"X-Sereno-CSRF": officer.csrf, "Content-Type": "application/json", "If-Match": officer.get(f"{base}/{one}").headers["ETag"]})
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual([r["way"] for r in self.reads(town)[:2]], ["change", "record"])
        a = officer.send("POST", "/api/v1/registers/findings", {"fields": {"title": "A weak gate", "origin": "audit", "severity": "low", "found": "2026-11-01"}, "tlp": "RED"})
        self.assertEqual(a.status, 201, a.body)
        red, before = a.json()["id"], len(self.reads(town))
        self.assertEqual(officer.get("/api/v1/registers/findings/" + red).status, 200)
        self.assertEqual([(r["records"], r["red"], r["persons"]) for r in self.reads(town)[: len(self.reads(town)) - before]], [([red], True, False)])
        # Isolation: another organisation's rows are not there, without the right there is no list at all.
        self.assertEqual(self.admin.get(f"{base}/{other}").status, 200)
        quay = self.person("Dpo of quay", "auditor", "quay")
        self.assertEqual([r["records"] for r in self.reads(quay)], [[other]])
        self.assertNotIn(other, json.dumps(self.reads(town)))
        for b in (officer, masked):
            self.assertEqual(b.get("/api/v1/privacy/reads").status, 403)
        self.assertEqual(self.admin.get("/api/v1/privacy/reads?cursor=x").status, 400)
        self.assertNotIn("Rita", json.dumps(self.reads(self.admin)))

    def left(self, name, organisation):
        """Somebody who left years ago: late told, it goes 30 days from today on (decision 072)."""
        row = self.make("people", {"name": name, "leaves": "2020-01-01"}, organisation)
        for to in ("leaving", "left"):
            b = self.admin.ask("POST", "/api/v1/registers/people/%s/move" % row["id"], json.dumps({"to": to, "why": "gone"}),
                               {"X-Sereno-CSRF": self.admin.csrf, "Content-Type": "application/json", "If-Match": self.admin.get("/api/v1/registers/people/" + row["id"]).headers["ETag"]})
            self.assertEqual(b.status, 200, b.body)
        return row["id"]

    def figures(self, b, query=""):
        a = b.get("/api/v1/privacy/retention" + query)
        self.assertEqual(a.status, 200, a.body)
        rows = [r for r in a.json()["items"] if r["kind"] == "person"]
        self.assertEqual(len(rows), 1)
        return {w: rows[0][w] and rows[0][w]["count"] for w in ("due", "held", "erased", "passed_by")}

    def behind(self, b, which, query=""):
        """Records behind a figure, page by page of one."""
        items, cursor = [], ""
        while cursor is not None:
            page = b.get("/api/v1/privacy/retention/people?which=%s&limit=1%s%s" % (which, query, cursor and "&cursor=" + cursor))
            self.assertEqual(page.status, 200, page.body)
            items, cursor = items + page.json()["items"], page.json()["next"]
        return items

    def test_what_will_go(self):
        """Each figure counts what its list has, of the reader's own organisation; what a day would tell of a masked field stays masked."""
        here = sorted(self.left("Old " + n, "weir") for n in "ABC")
        there = self.left("Old D", "ford")
        ciso = self.person("Ciso of weir", "ciso", "weir")
        self.assertEqual(self.figures(ciso), {"due": 3, "held": 0, "erased": 0, "passed_by": 0})
        hold = self.admin.send("POST", "/api/v1/holds", {"from": "2020-01-01", "to": "2099-01-01", "source": "registers/person/" + here[0], "reason": "case 4711"})
        self.assertEqual(hold.status, 201, hold.body)
        self.assertEqual(self.figures(ciso), {"due": 2, "held": 1, "erased": 0, "passed_by": 0})
        self.assertEqual(self.figures(ciso, "?days=29")["due"], 0)
        rows = self.behind(ciso, "due")
        self.assertEqual(sorted(r["id"] for r in rows), here[1:])
        self.assertTrue(all(r["goes"] and r["title"].startswith("Old ") and not r["masked"] and r["held_why"] is None for r in rows), rows)
        self.assertEqual([(r["id"], r["held_why"], r["held_by"]) for r in self.behind(ciso, "held")], [(here[0], "case 4711", "Anna")])
        self.assertEqual(self.behind(ciso, "due", "&days=29"), [])
        other = self.person("Ciso of ford", "ciso", "ford")
        self.assertEqual((self.figures(other)["due"], [r["id"] for r in self.behind(other, "due")]), (1, [there]))
        # Who looks after data protection sees persons with a reason alone: until then no day, no order, and the figures of one span only.
        dpo = self.person("Dpo of weir", "auditor", "weir")
        self.assertEqual(self.figures(dpo), {"due": 2, "held": 1, "erased": 0, "passed_by": 0})
        self.assertEqual(self.figures(dpo, "?days=29"), {"due": None, "held": None, "erased": 0, "passed_by": 0})
        a = dpo.get("/api/v1/privacy/retention/people?which=due")
        self.assertEqual((a.status, a.json()["error"]["code"]), (403, "masked"))
        self.assertEqual(dpo.send("POST", "/api/v1/privacy/unmask", {"kind": "person", "why": WHY}).status, 200)
        self.assertEqual(sorted(r["id"] for r in self.behind(dpo, "due")), here[1:])
        self.assertEqual(self.reads(dpo)[0]["way"], "retention")
        self.assertEqual(self.figures(dpo, "?days=29")["due"], 0)
        # Without the right there is nothing, and what is no register, span or place is refused.
        for b in (self.person("Ana of weir", "analyst", "weir"), self.person("Rea of weir", "reader", "weir"), self.person("Olga of weir", "officer", "weir")):
            for path in ("", "/people", "/nothing"):
                self.assertEqual(b.get("/api/v1/privacy/retention" + path).status, 403)
        for query, status in (("?days=x", 400), ("/people?which=all", 400), ("/people?cursor=x", 400), ("/nothing", 404), ("/units", 404)):
            self.assertEqual(ciso.get("/api/v1/privacy/retention" + query).status, status, query)
        self.assertEqual(self.admin.send("POST", "/api/v1/holds/%s/lift" % hold.json()["id"], {"reason": "over"}).status, 204)
        self.assertEqual(self.figures(ciso)["due"], 3)
        # The clock fits: there is nothing to confirm, and it is not for one town to say.
        self.assertEqual(self.admin.get("/api/v1/privacy/retention").json()["clock"]["state"], "fits")
        for b, status in ((ciso, 403), (dpo, 403), (self.admin, 409)):
            self.assertEqual(b.send("POST", "/api/v1/privacy/clock", {"why": "it is right, I looked"}).status, status)

    def test_who_reads_it(self):
        self.assertEqual(self.person("Ana", "analyst").get("/api/v1/privacy/searches").status, 403)
        here, there = self.person("Aud of lantern", "auditor", "lantern"), self.person("Aud of harbour", "auditor", "harbour")
        b = self.person("Lea", "analyst", "lantern")
        self.assertEqual(b.send("POST", "/api/v1/privacy/search", {"terms": "lea@town.example", "why": WHY}).status, 200)
        self.assertEqual([r["who"] for r in self.looks(here)], ["Lea"])
        self.assertEqual(self.looks(there), [])
        self.assertEqual(self.admin.get("/api/v1/privacy/searches?cursor=x").status, 400)


if __name__ == "__main__":
    unittest.main()
