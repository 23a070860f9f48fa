#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Registers as people and programs meet them, with a city's own kind beside those shipped. usage: tests/api/test_registers.py PROGRAM"""
import json
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"

BIKE = """
title: Bicycles
type: object
required: [label]
additionalProperties: false
properties:
  label: {type: string, minLength: 1, maxLength: 40}
  wheels: {type: integer, minimum: 1, x-index: true}
  price: {type: number, multipleOf: 0.01}
x-table: {name: bicycle, plural: bicycles, title: label}
x-tlp: {default: GREEN, max: AMBER}
x-perm: {administrator: {ops: [read, create, change, move], fields: {price: read}}}
x-states:
  initial: fine
  list: [{id: fine}, {id: gone, final: true}]
  transitions: [{from: fine, to: gone, roles: [administrator]}]
"""
FLEET = """
title: Fleets
type: object
required: [label]
additionalProperties: false
properties:
  label: {type: string, minLength: 1, maxLength: 40}
  first: {type: string, format: uuid, x-ref: {kind: bicycle, inverse: led}}
  bicycles: {type: array, maxItems: 8, uniqueItems: true, items: {type: string, format: uuid}, x-ref: {kind: bicycle, inverse: fleets}}
  first_wheels: {type: integer, x-computed: first.wheels}
  gone: {type: integer, x-computed: count(bicycles.state = 'gone')}
  wheels: {type: integer, x-computed: sum(bicycles.wheels)}
x-table: {name: fleet, plural: fleets, title: label}
x-tlp: {default: GREEN, max: AMBER}
x-perm: {administrator: {ops: [read, create, change, move]}}
x-states:
  initial: open
  list: [{id: open}, {id: shut, final: true}]
  transitions: [{from: open, to: shut, roles: [administrator], guard: {properties: {gone: {maximum: 0}}}}]
"""
BROKEN = BIKE.replace("bicycle", "tricycle").replace("x-index", "x-indexed")
AUDITED = BIKE.replace("bicycle", "unicycle").replace("administrator", "auditor")
FINDING = {"title": "Old firmware in the tunnel", "origin": "audit", "severity": "high", "found": "2026-11-01"}


class Registers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-registers-")
        own = os.path.join(cls.folder, "data", "registers")
        os.makedirs(own, mode=0o700)
        os.chmod(os.path.join(cls.folder, "data"), 0o700)
        for name, text in (("bicycle.yml", BIKE), ("fleet.yml", FLEET), ("broken.yml", BROKEN), ("audited.yaml", AUDITED), ("notes.txt", "no kind"),
                           ("json.json", json.dumps(json.loads('{"type": "list"}')))):
            with open(os.path.join(own, name), "w", encoding="utf-8") as f:
                f.write(text)
        cls.node = Node(PROGRAM, cls.folder, "", "127.0.0.1")
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.b = Browser(cls.node)
        assert cls.b.setup(link.group(2), "Anna", PASSWORD).status == 303

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    def ask(self, method, path, value=None, match=None):
        headers = {"X-Sereno-CSRF": self.b.csrf}
        body = None
        if value is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(value)
        if match is not None:
            headers["If-Match"] = match
        return self.b.ask(method, "/api/v1/registers" + path, body, headers)

    def made(self, kind, fields, **more):
        a = self.ask("POST", "/" + kind, dict(more, fields=fields))
        self.assertEqual(a.status, 201, a.body)
        return a.json(), a.headers["ETag"]

    def faults(self, a, *want):
        self.assertEqual(a.status, 422, a.body)
        error = a.json()["error"]
        self.assertEqual(error["code"], "invalid")
        self.assertEqual(sorted((f["where"], f["reason"]) for f in error["fields"]), sorted(want))
        self.assertEqual(error["count"], len(want))
        for f in error["fields"]:
            self.assertTrue(f["message"])
            self.assertNotIn("{", f["message"])

    def test_kinds_and_refused_files(self):
        got = self.b.get("/api/v1/registers").json()
        names = [k["plural"] for k in got["items"]]
        self.assertEqual(names, ["appointments", "findings", "organisations", "people", "risks", "services", "suppliers", "systems", "units", "waivers",
                                 "bicycles", "fleets"])  # unicycles are the auditor's alone
        self.assertEqual(got["items"][-2]["schema"]["x-table"]["name"], "bicycle")
        self.assertEqual(got["items"][-2]["order"], ["label", "wheels", "price"])
        refused = {r["file"]: r for r in got["refused"]}
        self.assertEqual(sorted(refused), ["DATA/registers/broken.yml", "DATA/registers/json.json"])
        self.assertEqual(refused["DATA/registers/broken.yml"]["line"], 8)
        self.assertIn("/properties/wheels/x-indexed", refused["DATA/registers/broken.yml"]["why"])
        self.node.expect(r'records.register file="?DATA/registers/broken.yml')
        mine = got["items"][-2]
        self.assertEqual((mine["may"], mine["hidden"], mine["fixed"], mine["ways"]), (["create", "change", "move"], [], ["price"], [0]))

    def test_a_record_lives(self):
        row, tag = self.made("findings", FINDING, why="the yearly audit")
        self.assertEqual((row["state"], row["tlp"], row["version"], tag), ("open", "AMBER+STRICT", 1, '"1"'))
        self.assertEqual(row["fields"], FINDING)
        self.assertEqual(row["author"], "Anna")
        one = "/findings/" + row["id"]
        a = self.ask("GET", one)
        self.assertEqual((a.status, a.json(), a.headers["ETag"]), (200, row, tag))
        changed = dict(FINDING, owner="Bo", due="2026-12-24")
        self.assertEqual(self.ask("PUT", one, {"fields": changed}).status, 428)
        for other in ('"2"', "1", "*", 'W/"1"', '"x"', '"1", "2"'):
            self.assertEqual(self.ask("PUT", one, {"fields": changed}, other).status, 412, other)
        a = self.ask("PUT", one, {"fields": changed}, tag)
        self.assertEqual((a.status, a.json()["version"], a.headers["ETag"]), (200, 2, '"2"'))
        self.assertEqual(self.ask("PUT", one, {"fields": FINDING}, tag).status, 412)
        self.assertEqual(self.ask("GET", one).json()["fields"], changed)
        a = self.ask("POST", one + "/move", {"to": "fixing"}, '"2"')
        self.assertEqual((a.status, a.json()["state"], a.json()["version"]), (200, "fixing", 3))
        self.assertEqual(a.json()["moves"], ["open", "retest"])
        self.faults(self.ask("POST", one + "/move", {"to": "retest"}, '"3"'), ("/fields", "missing"), ("/fields", "missing"))
        self.faults(self.ask("POST", one + "/move", {"to": "open"}, '"3"'), ("/why", "missing"))
        self.faults(self.ask("POST", one + "/move", {"to": "closed", "why": "x"}, '"3"'), ("/to", "no_way"))
        self.faults(self.ask("POST", one + "/move", {"to": "nowhere", "why": "x"}, '"3"'), ("/to", "no_way"))
        self.assertEqual(self.ask("POST", one + "/move", {"to": "open", "why": "not yet"}, '"2"').status, 412)
        with sqlite3.connect(os.path.join(self.node.data, "records.db")) as db:
            rows = db.execute("SELECT who, what, why, before_value, after_value FROM audit WHERE subject = ? ORDER BY seq",
                              ("finding/" + row["id"],)).fetchall()
        self.assertEqual([(r[0], r[1]) for r in rows], [("Anna", "record.created"), ("Anna", "record.changed"), ("Anna", "record.moved")])
        self.assertEqual(rows[0][2:4], ("the yearly audit", ""))
        self.assertEqual(json.loads(rows[2][3]), {"fields": changed, "state": "open", "tlp": "AMBER+STRICT"})
        self.assertEqual(json.loads(rows[2][4])["state"], "fixing")

    def test_faults_by_field(self):
        self.faults(self.ask("POST", "/findings", {"fields": dict(FINDING, severity="awful", found="2026-02-30", colour="red")}),
                    ("/fields/found", "format"), ("/fields/severity", "enum"), ("/fields/colour", "unknown"))
        self.faults(self.ask("POST", "/findings", {"fields": {}, "tlp": "pink"}), ("/tlp", "enum"), *[("/fields", "missing")] * 4)
        self.faults(self.ask("POST", "/bicycles", {"fields": {"label": "x", "price": 3}, "tlp": "RED"}),
                    ("/tlp", "maximum"), ("/fields/price", "fixed"))
        for body in ({}, {"fields": []}, {"fields": FINDING, "state": "closed"}, {"fields": FINDING, "why": 7}, {"fields": FINDING, "why": "a\nb"},
                     {"fields": FINDING, "tlp": "x" * 65}, [], "x"):
            self.assertEqual(self.ask("POST", "/findings", body).status, 400, body)
        self.faults(self.ask("POST", "/findings", {"fields": dict(FINDING, text="\u20ac" * 6000)}), ("/fields", "too_much"))
        self.b_raw = self.b.ask("POST", "/api/v1/registers/findings", '{"fields":{"title":"a","title":"b"}}',
                                {"X-Sereno-CSRF": self.b.csrf, "Content-Type": "application/json"})
        self.assertEqual(self.b_raw.status, 400)
        before = self.ask("GET", "/risks").json()["count"]
        self.faults(self.ask("POST", "/risks", {"fields": {"title": "t", "scenario": "s", "likelihood": 1, "impact": 6,
                                                           "accepted_until": "2027-01-01"}}),
                    ("/fields/impact", "maximum"), ("/fields", "missing_with"))
        self.assertEqual(self.ask("GET", "/risks").json()["count"], before)

    def test_not_there(self):
        row, tag = self.made("bicycles", {"label": "b"})
        for path in ("/unicycles", "/tricycles", "/nothing", "/finding", "/findings/" + row["id"], "/bicycles/x",
                     "/bicycles/00000000-0000-7000-8000-000000000000", "/nothing/" + row["id"]):
            a = self.ask("GET", path)
            self.assertEqual((a.status, a.json()["error"]["code"]), (404, "not_found"), path)
        self.assertEqual(self.ask("POST", "/unicycles", {"fields": {"label": "u"}}).status, 404)
        self.assertEqual(self.ask("PUT", "/findings/" + row["id"], {"fields": FINDING}, tag).status, 404)
        self.assertEqual(self.ask("POST", "/findings/" + row["id"] + "/move", {"to": "fixing"}, tag).status, 404)
        # RED of another organisation would be a secret from its own author.
        self.faults(self.ask("POST", "/findings", {"fields": FINDING, "tlp": "RED", "organisation": "elsewhere"}), ("/tlp", "never"))
        row, tag = self.made("findings", FINDING, organisation="elsewhere", tlp="AMBER")
        self.assertEqual(row["organisation"], "elsewhere")
        self.assertEqual(self.ask("PUT", "/findings/" + row["id"], {"fields": FINDING, "organisation": "x"}, tag).status, 400)

    def pages(self, query, limit):
        rows, cursor = [], None
        while True:
            path = "/bicycles?limit=%d&%s" % (limit, query) + ("" if cursor is None else "&cursor=" + urllib.parse.quote(cursor))
            a = self.ask("GET", path)
            self.assertEqual(a.status, 200, a.body)
            page = a.json()
            self.assertLessEqual(len(page["items"]), limit)
            rows += page["items"]
            cursor = page["next"]
            if cursor is None:
                return rows, page["count"]

    def test_lists(self):
        made = {}
        for i in range(23):
            fields = {"label": "list %02d" % (i * 7 % 23)}
            if i % 3:
                fields["wheels"] = 1 + i * 5 % 12
            row, _ = self.made("bicycles", fields, organisation="lists")
            made[row["id"]] = row
        mine = "organisation=lists"
        for sort, key in (("label", lambda r: r["fields"]["label"]), ("wheels", lambda r: r["fields"].get("wheels", -1)),
                          ("created", lambda r: r["created"]), ("state", lambda r: r["state"])):
            for sign in ("", "-"):
                rows, count = self.pages(mine + "&sort=" + sign + sort, 5)
                self.assertEqual(count, 23)
                self.assertEqual(sorted(r["id"] for r in rows), sorted(made))
                want = sorted(made.values(), key=lambda r: (key(r), r["id"]), reverse=sign == "-")
                if sort == "created":  # kept finer than it is shown: of one millisecond either may come first
                    rows, want = [key(r) for r in rows], [key(r) for r in want]
                self.assertEqual(rows, want, sort)
        rows, count = self.pages(mine + "&wheels.from=3&wheels.to=11", 4)
        want = [r for r in made.values() if 3 <= r["fields"].get("wheels", 0) <= 11]
        self.assertEqual((count, sorted(r["id"] for r in rows)), (len(want), sorted(r["id"] for r in want)))
        self.assertGreater(len(want), 4)
        rows, count = self.pages(mine + "&wheels=6&state=fine&tlp=GREEN&created.from=2020-01-01T00:00:00Z", 3)
        want = [r for r in made.values() if r["fields"].get("wheels") == 6]
        self.assertEqual((count, len(rows)), (len(want), len(want)))
        self.assertTrue(want)
        for bad in ("price=3", "sort=price", "colour=red", "sort=", "sort=-", "wheels=x", "tlp=pink", "created.from=yesterday", "limit=0", "limit=201",
                    "cursor=x", "cursor=00000000-0000-7000-8000-000000000000.zz", "label=", "wheels.like=3", "state.from"):
            if bad != "sort=":
                self.assertEqual(self.ask("GET", "/bicycles?" + bad).status, 400, bad)
        self.assertEqual(self.ask("GET", "/bicycles?" + "&".join("wheels%s=%d" % (e, n) for e in (".from", ".to", "") for n in (1,)) +
                                  "&label=a&label.from=a&label.to=b&state=fine&state.from=a&state.to=z").status, 400)

    def chain(self, plural, row, query=""):
        a = self.ask("GET", "/%s/%s/chain%s" % (plural, row["id"], query))
        self.assertEqual(a.status, 200, a.body)
        return a.json()

    def test_links(self):
        lamps, _ = self.made("suppliers", {"name": "Lamps", "country": "ES", "control": "EU"})
        cables, _ = self.made("suppliers", {"name": "Cables", "country": "ES", "control": "EU", "stands_on": [lamps["id"]]})
        hall, _ = self.made("systems", {"name": "Machine hall", "domain": "IT", "suppliers": [cables["id"]]})
        gates, gates_tag = self.made("systems", {"name": "Gates", "domain": "OT", "depends_on": [hall["id"]]})
        water, tag = self.made("services", {"name": "Water", "priority": 1, "systems": [gates["id"], hall["id"]]})
        light, _ = self.made("services", {"name": "Light", "priority": 2, "suppliers": [lamps["id"]]})
        self.made("services", {"name": "Parks", "priority": 5})
        # This supplier fails: which essential services?
        got = self.chain("suppliers", lamps, "?kind=service")
        self.assertEqual(sorted((i["title"], i["depth"]) for i in got["items"]), [("Light", 1), ("Water", 3)])
        self.assertEqual((got["from"]["title"], got["more"]), ("Lamps", False))
        edges = {(e["from"], e["field"], e["to"]) for e in got["edges"]}
        self.assertEqual(edges, {(cables["id"], "stands_on", lamps["id"]), (light["id"], "suppliers", lamps["id"]), (hall["id"], "suppliers", cables["id"]),
                                 (gates["id"], "depends_on", hall["id"]), (water["id"], "systems", hall["id"]), (water["id"], "systems", gates["id"])})
        got = self.chain("services", water, "?direction=down")
        self.assertEqual([(i["title"], i["depth"]) for i in got["items"]], [("Gates", 1), ("Machine hall", 1), ("Cables", 2), ("Lamps", 3)])
        self.assertEqual(self.chain("services", water)["items"], [])
        self.assertEqual(self.ask("GET", "/services/%s/chain?direction=sideways" % water["id"]).status, 400)
        self.assertEqual(self.ask("GET", "/services/%s/chain?kind=unicycle" % water["id"]).status, 400)
        self.assertEqual(self.ask("GET", "/services/%s/chain" % lamps["id"]).status, 404)
        # What names it, and the list of those.
        named = {(n["plural"], n["field"]): n for n in self.ask("GET", "/systems/%s/named_by" % hall["id"]).json()["items"]}
        self.assertEqual((named["services", "systems"]["count"], named["services", "systems"]["name"]), (1, "services"))
        self.assertEqual((named["systems", "depends_on"]["count"], named["findings", "systems"]["count"]), (1, 0))
        got = self.ask("GET", "/services?systems=%s&sort=name" % hall["id"]).json()
        self.assertEqual((got["count"], [i["id"] for i in got["items"]]), (1, [water["id"]]))
        got = self.ask("GET", "/services?systems=%s&priority=1&state=proposed" % hall["id"]).json()
        self.assertEqual((got["count"], got["items"][0]["id"]), (1, water["id"]))
        for bad in ("systems=x", "systems.from=" + hall["id"], "sort=systems"):
            self.assertEqual(self.ask("GET", "/services?" + bad).status, 400, bad)
        self.assertEqual([(x["field"], x["plural"], x["title"], x["state"]) for x in water["links"]],
                         [("systems", "systems", "Gates", "planned"), ("systems", "systems", "Machine hall", "planned")])
        self.assertEqual(self.ask("GET", "/services/" + water["id"]).json(), water)
        # One that is not there, of another kind, and twice.
        nothing = "00000000-0000-7000-8000-000000000000"
        self.faults(self.ask("PUT", "/services/" + water["id"], {"fields": {"name": "Water", "priority": 1, "systems": [hall["id"], nothing, lamps["id"]]}}, tag),
                    ("/fields/systems/1", "no_record"), ("/fields/systems/2", "no_record"))
        self.faults(self.ask("POST", "/services", {"fields": {"name": "W", "priority": 1, "unit": nothing}}), ("/fields/unit", "no_record"))
        self.faults(self.ask("POST", "/services", {"fields": {"name": "W", "priority": 1, "systems": [hall["id"]] * 2}}), ("/fields/systems", "twice"))
        a = self.ask("PUT", "/services/" + water["id"], {"fields": {"name": "Water", "priority": 1, "systems": [hall["id"]]}}, tag)
        self.assertEqual((a.status, [x["title"] for x in a.json()["links"]]), (200, ["Machine hall"]))
        self.assertEqual([i["title"] for i in self.chain("systems", gates)["items"]], [])
        self.assertEqual(self.ask("POST", "/systems/%s/move" % gates["id"], {"to": "retired", "why": "old"}, gates_tag).status, 200)
        self.assertEqual([i["state"] for i in self.chain("systems", hall, "?kind=system")["items"]], ["retired"])

    def test_worked_out_through_a_link(self):
        """As it is read: in the answer to a write, alone, in a list and a table; it follows, guards ask it, and no list sorts by it."""
        (a, tag), (b, _) = self.made("bicycles", {"label": "tandem", "wheels": 2}), self.made("bicycles", {"label": "rickshaw", "wheels": 3})
        fleet, match = self.made("fleets", {"label": "town", "first": a["id"], "bicycles": [a["id"], b["id"]], "wheels": 99})
        at = "/fleets/" + fleet["id"]
        worth = lambda row: [row["fields"].get(n) for n in ("first_wheels", "gone", "wheels")]
        self.assertEqual(worth(fleet), [2, 0, 5])
        self.assertEqual(self.ask("PUT", "/bicycles/" + a["id"], {"fields": {"label": "tandem", "wheels": 4}}, tag).status, 200)
        now = self.ask("GET", at)
        self.assertEqual((worth(now.json()), now.headers["ETag"]), ([4, 0, 7], match))
        self.assertEqual([worth(r) for r in self.ask("GET", "/fleets?sort=label").json()["items"]], [[4, 0, 7]])
        self.assertEqual(self.ask("GET", "/fleets?sort=wheels").status, 400)
        self.assertEqual(self.ask("GET", "/fleets?wheels.from=1").status, 400)
        table = self.ask("GET", "/fleets/export?format=csv").body
        table = table.decode() if isinstance(table, bytes) else table
        self.assertIn("first_wheels,gone,wheels", table)
        self.assertIn(",4,0,7", table)
        tried = self.b.ask("POST", "/api/v1/registers/fleets/import", table.encode(), {"X-Sereno-CSRF": self.b.csrf, "Content-Type": "text/csv"})
        self.assertEqual((tried.status, tried.json()["same"], tried.json()["faulty"]), (200, 1, 0), tried.body)
        tried = self.b.ask("POST", "/api/v1/registers/fleets/import", table.replace(",open,", ",shut,", 1).encode(),
                           {"X-Sereno-CSRF": self.b.csrf, "Content-Type": "text/csv"})
        self.assertEqual((tried.status, tried.json()["faulty"]), (200, 1), tried.body)  # a table does not know what they are worth
        self.assertEqual(self.ask("POST", "/bicycles/%s/move" % b["id"], {"to": "gone"}, '"1"').status, 200)
        self.assertEqual(worth(self.ask("GET", at).json()), [4, 1, 7])
        self.faults(self.ask("POST", at + "/move", {"to": "shut"}, match), ("/fields/gone", "maximum"))
        changed = self.ask("PUT", at, {"fields": {"label": "town", "bicycles": [a["id"]]}}, match)
        self.assertEqual(worth(changed.json()), [None, 0, 4])
        self.assertEqual(self.ask("POST", at + "/move", {"to": "shut"}, changed.headers["ETag"]).status, 200)

    def test_described(self):
        doc = self.b.get("/api/v1/openapi.json").json()
        self.assertFalse([p for p in doc["paths"] if "{kind}" in p or "unicycle" in p])
        listed = doc["paths"]["/api/v1/registers/bicycles"]
        names = {p["name"] for p in listed["get"]["parameters"]}
        self.assertIn("wheels.from", names)
        self.assertNotIn("price", names)
        body = listed["post"]["requestBody"]["content"]["application/json"]["schema"]
        self.assertEqual(body["properties"]["fields"], {"$ref": "#/components/schemas/register_bicycle"})
        self.assertEqual(body["required"], ["fields"])
        self.assertEqual(doc["components"]["schemas"]["register_bicycle"]["required"], ["label"])
        for path in ("/api/v1/registers/bicycles/{id}", "/api/v1/registers/bicycles/{id}/move"):
            operation = doc["paths"][path].get("put") or doc["paths"][path]["post"]
            self.assertIn("If-Match", {p["name"] for p in operation["parameters"] if p["in"] == "header"})
        refs = set(re.findall(r'"#/components/schemas/([a-z_]+)"', json.dumps(doc)))
        self.assertEqual(refs - set(doc["components"]["schemas"]), set())

    def test_kept_through_a_restart(self):
        row, tag = self.made("suppliers", {"name": "Lamps & Co", "country": "ES", "control": "EU"})
        self.node.stop()
        own = os.path.join(self.node.data, "registers", "bicycle.yml")
        with open(own, "w", encoding="utf-8") as f:  # lists learn another field: keys are made anew
            f.write(BIKE.replace("x-index: true", "x-index: false"))
        self.node.start()
        self.assertEqual(self.ask("GET", "/suppliers/" + row["id"]).json(), row)
        self.assertEqual(self.ask("GET", "/bicycles?wheels=3").status, 400)
        with open(own, "w", encoding="utf-8") as f:
            f.write(BIKE)
        a, _ = self.made("bicycles", {"label": "late", "wheels": 77})
        self.assertEqual(self.ask("GET", "/bicycles?wheels=77").status, 400)
        self.node.stop()
        self.node.start()
        got = self.ask("GET", "/bicycles?wheels=77").json()
        self.assertEqual((got["count"], [r["id"] for r in got["items"]]), (1, [a["id"]]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
