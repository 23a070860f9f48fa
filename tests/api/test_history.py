#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What happened to a record, as each reader may see it. usage: tests/api/test_history.py PROGRAM"""
import json
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
PUMP = """
title: Pumps
type: object
required: [label]
additionalProperties: false
properties:
  label: {type: string, minLength: 1, maxLength: 40}
  power: {type: integer, x-index: true}
  weakness: {type: string}
  feeds: {type: array, maxItems: 4, uniqueItems: true, items: {type: string, format: uuid}, x-ref: {kind: pump, inverse: fed_by}}
x-table: {name: pump, plural: pumps, title: label, key: label}
x-tlp: {default: AMBER, max: RED}
x-perm:
  administrator: {ops: [read, create, change, move]}
  officer: {ops: [read], fields: {weakness: hidden}}
x-states:
  initial: fine
  list: [{id: fine}, {id: gone, final: true}]
  transitions: [{from: fine, to: gone, roles: [administrator], reason: true}]
"""


class Reader:
    def __init__(self, browser):
        self.b = browser

    def ask(self, method, path, value=None, match=None, kind="application/json"):
        headers = {"X-Sereno-CSRF": self.b.csrf}
        if value is not None:
            headers["Content-Type"] = kind
            value = value if kind == "text/csv" else json.dumps(value)
        if match is not None:
            headers["If-Match"] = '"%d"' % match
        return self.b.ask(method, "/api/v1/registers/pumps" + path, value, headers)


class History(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-history-")
        own = os.path.join(cls.folder, "data", "registers")
        os.makedirs(own, mode=0o700)
        os.chmod(os.path.join(cls.folder, "data"), 0o700)
        with open(os.path.join(own, "pump.yml"), "w", encoding="utf-8") as f:
            f.write(PUMP)
        cls.node = Node(PROGRAM, cls.folder, "", "127.0.0.1")
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        admin = Browser(cls.node)
        assert admin.setup(link.group(2), "Anna", PASSWORD).status == 303
        cls.admin = Reader(admin)
        cls.of = {}
        for name, role, town in (("Bert", "officer", "lantern"), ("Cleo", "administrator", "lantern"), ("Dora", "administrator", "harbour")):
            a = admin.send("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "role": role, "organisation": town})
            assert a.status == 201, a.body
            b = Browser(cls.node)
            assert b.login(name, PASSWORD).status == 303
            cls.of[name] = Reader(b)

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    def done(self, reader, method, path, value, match=None):
        a = reader.ask(method, path, value, match)
        self.assertIn(a.status, (200, 201, 204), a.body)
        return a.json() if a.body else None

    def history(self, reader, row, query=""):
        a = reader.ask("GET", "/%s/history%s" % (row["id"], query))
        self.assertEqual(a.status, 200, a.body)
        return a.json()

    def test_each_change(self):
        cleo, bert = self.of["Cleo"], self.of["Bert"]
        well = self.done(cleo, "POST", "", {"fields": {"label": "Well"}})
        pump = self.done(cleo, "POST", "", {"fields": {"label": "North", "power": 4}, "why": "bought"})
        self.done(cleo, "PUT", "/" + pump["id"], {"fields": {"label": "North", "power": 5, "feeds": [well["id"]]}, "why": "measured again"}, 1)
        self.done(cleo, "PUT", "/" + pump["id"], {"fields": {"label": "North", "weakness": "no lock", "feeds": [well["id"]]}, "why": "anybody can open it", "tlp": "AMBER+STRICT"}, 2)
        self.done(cleo, "POST", "/%s/move" % pump["id"], {"to": "gone", "why": "rusted"}, 3)
        got = self.history(cleo, pump)
        self.assertIsNone(got["next"])
        self.assertEqual([(i["number"], i["who"], i["what"], i["why"]) for i in got["items"]],
                         [(4, "Cleo", "moved", "rusted"), (3, "Cleo", "changed", "anybody can open it"), (2, "Cleo", "changed", "measured again"),
                          (1, "Cleo", "created", "bought")])
        moved, third, second, first = got["items"]
        self.assertEqual((moved["state"], moved["fields"], moved["tlp"]), ({"before": "fine", "after": "gone"}, [], None))
        self.assertEqual((third["tlp"], third["fields"]), ({"before": "AMBER", "after": "AMBER+STRICT"},
                         [{"field": "power", "before": 5, "after": None}, {"field": "weakness", "before": None, "after": "no lock"}]))
        self.assertEqual(second["fields"], [{"field": "power", "before": 4, "after": 5}, {"field": "feeds", "before": None, "after": [well["id"]]}])
        self.assertEqual([(x["field"], x["plural"], x["title"]) for x in second["links"]], [("feeds", "pumps", "Well")])
        self.assertEqual((first["state"], first["tlp"]), ({"before": None, "after": "fine"}, {"before": None, "after": "AMBER"}))
        self.assertEqual(first["fields"], [{"field": "label", "before": None, "after": "North"}, {"field": "power", "before": None, "after": 4}])
        self.assertEqual(first["at"], pump["created"])
        # A field that somebody does not see is in no change of his, nor the reason for it.
        got = self.history(bert, pump)["items"]
        self.assertEqual([i["why"] for i in got], ["rusted", "", "measured again", "bought"])
        self.assertEqual(got[1]["fields"], [{"field": "power", "before": 5, "after": None}])
        self.assertNotIn("no lock", json.dumps(got))
        self.assertNotIn("weakness", json.dumps(got))

    def test_pages(self):
        cleo = self.of["Cleo"]
        pump = self.done(cleo, "POST", "", {"fields": {"label": "South", "power": 1}})
        for n in range(2, 8):
            self.done(cleo, "PUT", "/" + pump["id"], {"fields": {"label": "South", "power": n}}, n - 1)
        seen, cursor = [], ""
        while True:
            got = self.history(cleo, pump, "?limit=3" + cursor)
            seen.append([i["number"] for i in got["items"]])
            if got["next"] is None:
                break
            cursor = "&cursor=" + got["next"]
            if len(seen) == 1:  # what is done meanwhile moves no page
                self.done(cleo, "PUT", "/" + pump["id"], {"fields": {"label": "South", "power": 99}}, 7)
        self.assertEqual(seen, [[7, 6, 5], [4, 3, 2], [1]])
        self.assertEqual([i["number"] for i in self.history(cleo, pump, "?cursor=500&limit=1")["items"]], [8])
        for bad in ("limit=0", "limit=51", "limit=x", "cursor=0", "cursor=-1", "cursor=x", "cursor=99999999999999999999", "sort=number"):
            self.assertEqual(cleo.ask("GET", "/%s/history?%s" % (pump["id"], bad)).status, 400, bad)

    def test_another_label_then(self):
        """What was RED stays its author's, also when the record is open today."""
        cleo, anna = self.of["Cleo"], self.admin
        pump = self.done(cleo, "POST", "", {"fields": {"label": "East", "weakness": "first secret"}, "tlp": "RED", "why": "told in confidence"})
        self.done(cleo, "PUT", "/" + pump["id"], {"fields": {"label": "East", "weakness": "second secret"}}, 1)
        self.assertEqual(anna.ask("GET", "/%s/history" % pump["id"]).status, 404)
        self.done(cleo, "PUT", "/" + pump["id"], {"fields": {"label": "East"}, "tlp": "AMBER"}, 2)
        self.done(cleo, "PUT", "/" + pump["id"], {"fields": {"label": "East", "power": 3}}, 3)
        self.assertEqual([i["number"] for i in self.history(cleo, pump)["items"]], [4, 3, 2, 1])
        for reader in (anna, self.of["Bert"]):
            got = self.history(reader, pump)["items"]
            self.assertEqual([i["number"] for i in got], [4])
            for word in ("secret", "confidence"):
                self.assertNotIn(word, json.dumps(got))

    def test_records_out_of_sight_are_not_named(self):
        cleo, bert = self.of["Cleo"], self.of["Bert"]
        hidden = self.done(cleo, "POST", "", {"fields": {"label": "Hidden well"}, "tlp": "RED"})
        pump = self.done(cleo, "POST", "", {"fields": {"label": "West"}})
        self.done(cleo, "PUT", "/" + pump["id"], {"fields": {"label": "West", "feeds": [hidden["id"]]}, "why": "feeds the hidden well"}, 1)
        self.assertEqual([x["title"] for x in self.history(cleo, pump)["items"][0]["links"]], ["Hidden well"])
        got = self.history(bert, pump)["items"]
        self.assertEqual((got[0]["fields"], got[0]["links"], got[0]["why"]), ([], [], ""))
        self.assertNotIn(hidden["id"], json.dumps(got))
        self.assertNotIn("idden", json.dumps(got))

    def test_another_towns_is_not_there(self):
        pump = self.done(self.of["Cleo"], "POST", "", {"fields": {"label": "Centre"}})
        absent = "01890a5d-ac96-774b-bcce-b302099a8057"
        for path in ("/history", "/history?limit=1&cursor=1"):
            a, b = (self.of["Dora"].ask("GET", "/%s%s" % (i, path)) for i in (pump["id"], absent))
            self.assertEqual((a.status, a.body), (404, b.body))
        self.assertEqual(self.of["Cleo"].b.ask("GET", "/api/v1/registers/risks/%s/history" % pump["id"]).status, 404)
        self.assertEqual(self.of["Cleo"].b.ask("GET", "/api/v1/registers/nothing/%s/history" % pump["id"]).status, 404)

    def test_imported_and_taken_back(self):
        cleo = self.of["Cleo"]
        a = cleo.ask("POST", "/import?apply=true&why=list", "label,power\nListed,7\n", kind="text/csv")
        self.assertEqual(a.status, 200, a.body)
        row = cleo.ask("GET", "?label=Listed").json()["items"][0]
        self.assertEqual([(i["number"], i["what"], i["why"]) for i in self.history(cleo, row)["items"]], [(1, "imported", "list")])
        b = cleo.ask("POST", "/import?apply=true&why=again", "id,power\n%s,8\n" % row["id"], kind="text/csv")
        self.done(cleo, "POST", "/imports/%s/undo" % b.json()["import"], {"why": "wrong column"})
        self.assertEqual([(i["what"], i["why"], i["fields"][0]["after"]) for i in self.history(cleo, row)["items"][:2]],
                         [("import_undone", "wrong column", 7), ("imported", "again", 8)])
        gone = self.done(cleo, "POST", "", {"fields": {"label": "Gone"}})
        c = cleo.ask("POST", "/import?apply=true", "label\nNew by table\n", kind="text/csv").json()
        new = cleo.ask("GET", "?label=New%20by%20table").json()["items"][0]
        self.done(cleo, "POST", "/imports/%s/undo" % c["import"], {})
        self.assertEqual(cleo.ask("GET", "/%s/history" % new["id"]).status, 404)
        self.assertEqual(len(self.history(cleo, gone)["items"]), 1)


if __name__ == "__main__":
    unittest.main()
