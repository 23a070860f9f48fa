#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Every kind of record that comes with the program, on a node: kinds are switched on and off, and of each file records are made from
its schema, changed, listed, and taken along every transition. usage: tests/api/test_kinds.py PROGRAM SERENO"""
import collections
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node

SERENO = os.path.abspath(sys.argv.pop(2)) if len(sys.argv) > 2 else ""
PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
AT_FIRST = ["appointment", "finding", "organisation", "person", "risk", "service", "supplier", "system", "unit", "waiver"]
SHIPPED = sorted(f[:-4] for d in ("registers", "registers/more") for f in os.listdir(os.path.join(ROOT, d)) if f.endswith(".yml"))
BIKE = """
title: Bicycles
description: What people ride.
type: object
required: [label]
additionalProperties: false
properties: {label: {type: string, maxLength: 40}}
x-table: {name: bicycle, plural: bicycles, title: label}
x-perm: {administrator: {ops: [read, create]}}
x-states: {initial: fine, list: [{id: fine, final: true}]}
"""
SECRET = BIKE.replace("bicycle", "unicycle").replace("administrator", "auditor")
HELD_TO_ALL = ("en.json", "es.json")  # what others lack is shown as the file has it
# Texts that fit the patterns of the files; a new pattern is added here.
PATTERNS = {"^[A-Z]{2}$": "ES", "^[A-Z]{2}[A-Z0-9]{0,3}$": "ES30", "^[0-9a-f]{64}$": "5a" * 32, "Z$": "2026-12-01T08:00:00Z", "^[0-9]{4}-W[0-9]{2}$": "2026-W48"}


def kept(k, fields):
    """Without what is worked out of other fields: that is not stored, and what is sent for it is passed over."""
    return {n: v for n, v in fields.items() if "x-computed" not in k["schema"]["properties"][n]}


class Kinds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-kinds-")
        own = os.path.join(cls.folder, "data", "registers")
        os.makedirs(own, mode=0o700)
        os.chmod(os.path.join(cls.folder, "data"), 0o700)
        for name, text in (("bicycle.yml", BIKE), ("secret.yml", SECRET)):
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

    def ask(self, method, path, value=None, match=None, status=None):
        headers = {"X-Sereno-CSRF": self.b.csrf}
        body = None
        if value is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(value)
        if match is not None:
            headers["If-Match"] = match
        a = self.b.ask(method, "/api/v1" + path, body, headers)
        if status is not None:
            self.assertEqual(a.status, status, (method, path, value, a.body))
        return a

    def on(self):
        return [k["name"] for k in self.ask("GET", "/registers", status=200).json()["items"]]

    def told(self):
        return {k["name"]: k for k in self.ask("GET", "/register-kinds", status=200).json()["items"]}

    def switch(self, kind, to, status=200, **more):
        return self.ask("PUT", "/register-kinds/" + kind, dict(more, to=to), status=status).json()

    def all_on(self):
        """Every shipped kind on; as GET /registers tells them, by name."""
        for name, k in self.told().items():
            if not k["on"]:
                self.switch(name, "on")
        return {k["name"]: k for k in self.ask("GET", "/registers", status=200).json()["items"] if k["name"] in SHIPPED}

    def as_at_first(self):
        """Switches back; one that another needs waits for that."""
        left = [n for n, k in self.told().items() if k["on"] != (n in AT_FIRST or n == "bicycle")]
        while left:
            done = [n for n in left if self.ask("PUT", "/register-kinds/" + n, {"to": "on" if n in AT_FIRST else "off"}).status == 200]
            self.assertTrue(done, left)
            left = [n for n in left if n not in done]

    # ---- switches ----

    def test_a_few_are_on_at_first(self):
        self.as_at_first()
        self.assertEqual(self.on(), AT_FIRST + ["bicycle"])
        all_kinds = self.told()
        self.assertEqual(sorted(all_kinds), sorted(SHIPPED + ["bicycle"]))  # unicycles are the auditor's alone
        for name, k in all_kinds.items():
            self.assertEqual(k["on"], name in AT_FIRST or name == "bicycle", name)
            self.assertTrue(k["about"] and k["title"], name)
        self.assertEqual(all_kinds["bid"]["needs"], ["tender"])  # suppliers are on
        self.assertEqual(all_kinds["bid"]["needed_by"], [])
        self.assertIn("service", all_kinds)

    def test_off_is_as_if_not_there(self):
        self.as_at_first()
        self.switch("roster", "on", why="for the night shift")
        self.assertIn("roster", self.on())
        person = self.make("people", {"name": "Bo", "contract": "own"})
        turn = self.make("rosters", {"title": "Night", "person": person["id"], "zone": "Tunnels", "begins": "2026-12-01T20:00:00Z",
                                     "ends": "2026-12-02T06:00:00Z", "channel": "radio 4"})
        named = lambda: [n["kind"] for n in self.ask("GET", "/registers/people/%s/named_by" % person["id"], status=200).json()["items"] if n["count"]]
        self.assertEqual(named(), ["roster"])
        self.assertEqual(self.switch("roster", "off")["switched"], ["roster"])
        self.assertNotIn("roster", self.on())
        self.assertEqual(named(), [])
        for method, path, body in (("GET", "/registers/rosters", None), ("GET", "/registers/rosters/" + turn["id"], None),
                                   ("POST", "/registers/rosters", {"fields": turn["fields"]}),
                                   ("PUT", "/registers/rosters/" + turn["id"], {"fields": turn["fields"]}),
                                   ("POST", "/registers/rosters/%s/move" % turn["id"], {"to": "cancelled", "why": "x"}),
                                   ("GET", "/registers/rosters/%s/chain" % turn["id"], None)):
            self.ask(method, path, body, '"1"', 404)
        doc = self.ask("GET", "/openapi.json", status=200).json()
        self.assertFalse([p for p in doc["paths"] if "/rosters" in p])
        self.assertNotIn("register_roster", doc["components"]["schemas"])
        # Off and on again: the records are there, also over a restart.
        self.node.stop()
        self.node.start()
        self.assertNotIn("roster", self.on())
        self.switch("roster", "on")
        self.assertEqual(self.ask("GET", "/registers/rosters/" + turn["id"], status=200).json(), turn)
        self.assertEqual(self.ask("GET", "/registers/rosters?zone=Tunnels", status=200).json()["count"], 1)
        self.node.stop()
        self.node.start()
        self.assertIn("roster", self.on())
        with sqlite3.connect(os.path.join(self.node.data, "records.db")) as db:
            rows = db.execute("SELECT who, what, why, before_value, after_value FROM audit WHERE subject = 'roster' AND what LIKE 'register.%' "
                              "ORDER BY seq DESC LIMIT 3").fetchall()
        self.assertEqual(rows[::-1], [("Anna", "register.on", "for the night shift", "off", "on"), ("Anna", "register.off", "", "on", "off"),
                                      ("Anna", "register.on", "", "off", "on")])

    def test_what_must_be_named_is_switched_with_it(self):
        self.as_at_first()
        self.switch("supplier", "off", status=200)
        self.assertEqual(sorted(self.switch("bid", "on")["switched"]), ["bid", "supplier", "tender"])
        self.assertEqual(self.switch("bid", "on")["switched"], [])
        a = self.switch("tender", "off", status=409)
        self.assertEqual((a["error"]["code"], a["error"]["where"]), ("needed", "bid"))
        self.assertEqual(self.told()["tender"]["needed_by"], ["bid"])
        self.assertIn("tender", self.on())
        self.switch("bid", "off")
        self.assertEqual(self.switch("tender", "off")["switched"], ["tender"])
        self.as_at_first()

    def test_who_may_switch(self):
        self.ask("PUT", "/register-kinds/nothing", {"to": "on"}, status=404)
        self.ask("PUT", "/register-kinds/unicycle", {"to": "off"}, status=404)  # of which he does not know
        for body in ({}, {"to": "maybe"}, {"to": 1}, {"to": "on", "why": "x" * 1001}, {"on": True}):
            self.ask("PUT", "/register-kinds/tender", body, status=400)
        for role, may, organisation in (("ciso", True, None), ("officer", False, None), ("reader", False, None), ("auditor", False, None), ("ciso", False, "harbour")):
            name = "%s %s" % (role, organisation)
            self.ask("POST", "/users", dict({"name": name, "password": PASSWORD, "role": role}, **({"organisation": organisation} if organisation else {})), status=201)
            other = Browser(self.node)
            self.assertEqual(other.login(name, PASSWORD).status, 303)
            a = other.send("PUT", "/api/v1/register-kinds/exercise", {"to": "on"})
            self.assertEqual(a.status, 200 if may else 403, (name, a.body))
            kinds = {k["name"] for k in other.get("/api/v1/register-kinds").json()["items"]}
            # A kind whose file gives his role nothing is told to nobody of that role, on or off.
            self.assertEqual("bid" in kinds, role in ("ciso", "officer", "auditor"), name)
            self.assertEqual("unicycle" in kinds, role == "auditor", name)
        self.as_at_first()

    def test_from_the_command_line(self):
        self.as_at_first()
        run = lambda *words: subprocess.run([SERENO, "registers", *words, "--data", self.node.data], capture_output=True, text=True, timeout=120,
                                            stdin=subprocess.DEVNULL)
        a = run("list")
        self.assertEqual((a.returncode, a.stderr), (0, ""))
        lines = {line.split()[0]: line.split()[1] for line in a.stdout.splitlines()}
        self.assertEqual((lines["risk"], lines["bid"], lines["bicycle"]), ("on", "off", "on"))
        a = run("on", "bid", "--why", "the new tender")
        self.assertEqual((a.returncode, a.stdout), (0, "on: bid\non: tender\n"), a.stderr)
        self.assertIn("bid", self.on())
        a = run("off", "tender")
        self.assertEqual((a.returncode, "bid" in a.stderr), (1, True), a.stderr)
        self.assertEqual(run("off", "bids").stdout, "off: bid\n")
        self.assertEqual(run("off", "nothing").returncode, 1)
        for words in (["on"], ["list", "bid"], ["up", "bid"], ["on", "../users"]):
            self.assertEqual(run(*words).returncode, 2, words)
        self.as_at_first()

    # ---- every file ----

    def make(self, plural, fields):
        return self.ask("POST", "/registers/" + plural, {"fields": fields}, status=201).json()

    def value(self, s, kinds):
        """A value that fits; of a field that names records, ids of new ones."""
        if "x-ref" in s:
            ids = [self.row(kinds, kinds[s["x-ref"]["kind"]], {})["id"] for _ in range(2 if s["type"] == "array" else 1)]
            return ids if s["type"] == "array" else ids[0]
        if "const" in s:
            return s["const"]
        if "enum" in s:
            return self.random.choice(s["enum"])
        if s["type"] == "object":
            return {n: self.value(m, kinds) for n, m in s["properties"].items()}
        if s["type"] == "array":
            rows = [self.value(s["items"], kinds) for _ in range(min(2, s["maxItems"]))]
            return [r for i, r in enumerate(rows) if r not in rows[:i]]
        if s["type"] == "boolean":
            return self.random.random() < 0.5
        if s["type"] == "integer":
            return self.random.randint(s.get("minimum", -5), min(s.get("maximum", 10**6), 10**6))
        if s["type"] == "number":
            return round(self.random.random() * 1000, 2) + s.get("minimum", 0)
        if "pattern" in s:
            self.assertIn(s["pattern"], PATTERNS)
            return PATTERNS[s["pattern"]]
        if s.get("format") == "date":
            return "2026-%02d-%02d" % (self.random.randint(1, 12), self.random.randint(1, 28))
        if s.get("format") == "email":
            return "someone@example.org"
        self.assertNotIn("format", s)
        text = "".join(self.random.choice("abc äß€\"<&/\\; ") for _ in range(self.random.randint(1, min(s["maxLength"], 40)))).strip()
        return text or "x"

    def row(self, kinds, k, more):
        """A new record with what its file asks for, and more."""
        props = k["schema"]["properties"]
        fields = {n: self.value(props[n], kinds) for n in k["schema"]["required"] if n not in more}
        return self.make(k["plural"], {**fields, **more})

    def full(self, kinds, k):
        """All fields, so that every guard is met: what guards say of one comes first."""
        props = dict(k["schema"]["properties"])
        for way in k["schema"]["x-states"].get("transitions", []):
            for n, s in way.get("guard", {}).get("properties", {}).items():
                props[n] = {**props[n], **s}
        fields = {n: self.value(s, kinds) for n, s in props.items()}
        for how in k["schema"].get("x-constraints", {}).values():
            if "sum_le" in how:  # what it is paid from allows it
                other = kinds[props[how["sum_le"]["within"]]["x-ref"]["kind"]]
                self.allow(other["plural"], fields[how["sum_le"]["within"]], how["sum_le"]["most"], 10**9)
        return fields

    def allow(self, plural, ident, field, value, status=200):
        one = "/registers/%s/%s" % (plural, ident)
        row = self.ask("GET", one, status=200).json()
        return self.ask("PUT", one, {"fields": dict(row["fields"], **{field: value})}, '"%d"' % row["version"], status).json()

    def apart(self, kinds, k, fields):
        """The same, alike to no other record where its file wants that: names another one."""
        out = dict(fields)
        for how in k["schema"].get("x-constraints", {}).values():
            for n in [f for rule in how.values() for f in rule.get("fields", [])]:
                if "x-ref" in k["schema"]["properties"][n]:
                    out[n] = self.value(k["schema"]["properties"][n], kinds)
        return out

    def move(self, k, row, way):
        body = {"to": way["to"], **({"why": "as decided"} if way.get("reason") else {})}
        return self.ask("POST", "/registers/%s/%s/move" % (k["plural"], row["id"]), body, '"%d"' % row["version"])

    def paths(self, k):
        """For each state the transitions that lead to it from the first."""
        states = k["schema"]["x-states"]
        found, queue = {states["initial"]: []}, collections.deque([states["initial"]])
        while queue:
            at = queue.popleft()
            for way in states.get("transitions", []):
                if way["from"] == at and way["to"] not in found:
                    found[way["to"]] = found[at] + [way]
                    queue.append(way["to"])
        return found

    def test_every_file(self):
        self.random = random.Random(4711)
        kinds = self.all_on()
        self.assertEqual(sorted(kinds), SHIPPED)
        for k in kinds.values():
            with self.subTest(kind=k["name"]):
                self.one_kind(kinds, k)
        self.as_at_first()

    def one_kind(self, kinds, k):
        at = "/registers/" + k["plural"]
        bare = self.row(kinds, k, {})
        fields = self.full(kinds, k)
        row = self.make(k["plural"], fields)
        one = "%s/%s" % (at, row["id"])
        self.assertEqual(kept(k, row["fields"]), kept(k, fields))
        self.assertEqual(self.ask("GET", one, status=200).json(), row)
        changed = dict(fields, **{k["schema"]["x-table"]["title"]: "Another " + k["name"]})
        row = self.ask("PUT", one, {"fields": changed}, '"1"', 200).json()
        self.assertEqual((kept(k, row["fields"]), row["version"]), (kept(k, changed), 2))
        for n in k["schema"]["required"]:
            without = {m: v for m, v in changed.items() if m != n}
            self.ask("PUT", one, {"fields": without}, '"2"', 422)
        self.ask("PUT", one, {"fields": dict(changed, nothing_such=1)}, '"2"', 422)
        for n, s in k["schema"]["properties"].items():
            if s.get("x-index") or n == k["schema"]["x-table"]["title"]:
                found = self.ask("GET", "%s?%s&limit=200" % (at, "sort=" + n), status=200).json()
                self.assertIn(row["id"], [r["id"] for r in found["items"]], n)
            elif "x-ref" in s and n in fields:
                target = fields[n][0] if isinstance(fields[n], list) else fields[n]
                found = self.ask("GET", "%s?%s=%s" % (at, n, target), status=200).json()
                self.assertIn(row["id"], [r["id"] for r in found["items"]], n)
        states, reached = k["schema"]["x-states"], self.paths(k)
        self.assertEqual(sorted(reached), sorted(s["id"] for s in states["list"]))
        for way in states.get("transitions", []):
            fields = self.apart(kinds, k, fields)
            row = self.make(k["plural"], fields)
            for step in reached[way["from"]] + [way]:
                if step.get("reason"):
                    self.ask("POST", "%s/%s/move" % (at, row["id"]), {"to": step["to"]}, '"%d"' % row["version"], 422)
                a = self.move(k, row, step)
                self.assertEqual(a.status, 200, (step, a.body))
                row = a.json()
            self.assertEqual((row["state"], kept(k, row["fields"])), (way["to"], kept(k, fields)))
            # From the first state, without the fields that its guard asks for.
            missing = set(way.get("guard", {}).get("required", [])) - set(bare["fields"])
            if way["from"] == states["initial"] and missing:
                self.assertEqual(self.move(k, bare, way).status, 422, way)
        for s in states["list"]:
            self.assertEqual(bool(s.get("final")), not [w for w in states.get("transitions", []) if w["from"] == s["id"]], s)

    # ---- what must hold over several ----

    def refused(self, a, where, reason, limit):
        self.assertEqual(a.status, 422, a.body)
        self.assertEqual([(f["where"], f["reason"], f["limit"]) for f in a.json()["error"]["fields"]], [(where, reason, limit)])
        self.assertIn(limit, a.json()["error"]["fields"][0]["message"])

    def test_one_officer_at_a_time(self):
        self.as_at_first()
        unit, other = (self.make("units", {"name": n})["id"] for n in ("Water", "Parks"))
        anna, bo = (self.make("people", {"name": n})["id"] for n in ("Anna Officer", "Bo Officer"))
        fields = {"title": "Anna for water", "person": anna, "unit": unit, "function": "security_officer", "act": "1/26", "begins": "2026-12-01T08:00:00Z"}
        signs = {"from": "draft", "to": "signed"}
        first = self.move({"plural": "appointments"}, self.make("appointments", fields), signs).json()
        second = self.make("appointments", dict(fields, title="Bo for water", person=bo, begins="2027-01-01T08:00:00Z"))  # a draft may be
        self.refused(self.move({"plural": "appointments"}, second, signs), "/fields/begins", "collides", "Anna for water")
        self.assertEqual(self.ask("GET", "/registers/appointments/" + second["id"], status=200).json(), second)
        elsewhere = self.make("appointments", dict(fields, title="Anna for parks", unit=other))
        self.assertEqual(self.move({"plural": "appointments"}, elsewhere, signs).status, 200)
        third = self.make("appointments", dict(fields, title="Anna for all", person=anna, function="other"))
        self.assertEqual(self.move({"plural": "appointments"}, third, signs).status, 200)  # of other functions there may be several
        third = self.make("appointments", dict(fields, title="Bo for all", person=bo, function="other"))
        self.assertEqual(self.move({"plural": "appointments"}, third, signs).status, 200)
        # The first one ends the minute at which the second begins.
        one = "/registers/appointments/" + first["id"]
        self.ask("PUT", one, {"fields": dict(fields, ends="2027-01-01T08:00:00Z")}, '"%d"' % first["version"], 200)
        second = self.move({"plural": "appointments"}, second, signs)
        self.assertEqual(second.status, 200, second.body)
        self.refused(self.ask("PUT", one, {"fields": dict(fields, ends="2027-01-01T08:00:01Z")}, '"%d"' % (first["version"] + 1)),
                     "/fields/begins", "collides", "Bo for water")
        # A table says so by its row; two of its own that meet are found when it shall be stored.
        head = "title,person,unit,function,act,begins,state\n"
        row = lambda title, ident, begins: "%s,%s,%s,security_officer,2/26,%s,signed\n" % (title, bo, ident, begins)
        send = lambda table, query: self.b.ask("POST", "/api/v1/registers/appointments/import" + query, table,
                                               {"Content-Type": "text/csv", "X-Sereno-CSRF": self.b.csrf})
        a = send(head + row("Again", unit, "2026-12-24T08:00:00Z"), "")
        self.assertEqual([(f["row"], f["column"], f["reason"], f["limit"]) for f in a.json()["faults"]], [(2, "begins", "collides", "Anna for water")], a.body)
        fresh = self.make("units", {"name": "Trams"})["id"]
        count = self.ask("GET", "/registers/appointments", status=200).json()["count"]
        a = send(head + row("Tram one", fresh, "2026-12-24T08:00:00Z") + row("Tram two", fresh, "2026-12-25T08:00:00Z"), "?apply=true")
        self.assertEqual(a.status, 409, a.body)
        self.assertIn("Tram", a.json()["error"]["message"])
        self.assertEqual(self.ask("GET", "/registers/appointments", status=200).json()["count"], count)

    def test_a_tree_of_organisations(self):
        self.as_at_first()
        one = lambda r: "/registers/organisations/" + r["id"]
        names = ["Nation", "Region", "City", "Works", "Roads"]
        rows = []
        for n in names:
            above = {"parent": rows[-1]["id"]} if rows else {}
            rows.append(self.make("organisations", {"name": n, "type": "department" if rows else "nation", **above}))
        put = lambda r, more, status: self.ask("PUT", one(r), {"fields": {**r["fields"], **more}}, '"%d"' % r["version"], status)
        fields = {"name": "Nation", "type": "nation", "parent": rows[-1]["id"]}
        self.refused(self.ask("PUT", one(rows[0]), {"fields": fields}, '"1"'), "/fields/parent", "loop", "Roads")
        self.refused(self.ask("PUT", one(rows[0]), {"fields": dict(fields, parent=rows[0]["id"])}, '"1"'), "/fields/parent", "loop", "Nation")
        # Works goes to another city, and Roads with it; the trail says from where to where, and why.
        other = self.make("organisations", {"name": "Other city", "type": "city", "parent": rows[1]["id"]})
        body = {"fields": dict(rows[3]["fields"], parent=other["id"]), "why": "merged by act 12/26"}
        self.ask("PUT", one(rows[3]), body, '"1"', 200)
        named = self.ask("GET", "/registers/organisations?parent=" + other["id"], status=200).json()["items"]
        self.assertEqual([r["id"] for r in named], [rows[3]["id"]])
        self.assertEqual(self.ask("GET", one(rows[4]), status=200).json()["fields"]["parent"], rows[3]["id"])
        # Ten levels, not eleven: neither by one more below, nor by a part that goes deeper.
        for n in range(6, 11):
            rows.append(self.make("organisations", {"name": "Level %d" % n, "type": "department", "parent": rows[-1]["id"]}))
        deep = {"name": "Too deep", "type": "department", "parent": rows[-1]["id"]}
        self.refused(self.ask("POST", "/registers/organisations", {"fields": deep}), "/fields/parent", "deep", "10")
        root = self.make("organisations", {"name": "Union", "type": "other"})
        self.refused(self.ask("PUT", one(rows[0]), {"fields": dict(fields, parent=root["id"])}, '"1"'), "/fields/parent", "deep", "10")
        put(rows[0], {"name": "The nation"}, 200)
        # A table that closes a ring is refused as a whole, though each of its rows alone would do.
        units = [self.make("units", {"name": n}) for n in ("Parks", "Trees")]
        table = "id,name,parent\n%s,Parks,%s\n%s,Trees,%s\n" % (units[0]["id"], units[1]["id"], units[1]["id"], units[0]["id"])
        a = self.b.ask("POST", "/api/v1/registers/units/import?apply=true", table, {"Content-Type": "text/csv", "X-Sereno-CSRF": self.b.csrf})
        self.assertEqual(a.status, 409, a.body)
        self.assertIn("below itself", a.json()["error"]["message"])
        self.assertEqual([self.ask("GET", "/registers/units/" + u["id"], status=200).json()["fields"] for u in units], [u["fields"] for u in units])

    def test_rewards_within_the_grant(self):
        self.random = random.Random(4712)
        self.all_on()
        grant = self.make("budget_requests", {"title": "Rewards", "year": 2026, "asked": 500, "purpose": "x", "consequence": "y", "granted": 100.05})["id"]
        paid = lambda n, reward: {"title": "Bug %d" % n, "received": "2026-11-01", "reward": reward, "paid_from": grant}
        first = self.make("bug_reports", paid(1, 60.05))
        self.make("bug_reports", paid(2, 40))
        self.refused(self.ask("POST", "/registers/bug_reports", {"fields": paid(3, 0.01)}), "/fields/reward", "sum", "100.05")
        self.refused(self.ask("PUT", "/registers/bug_reports/" + first["id"], {"fields": paid(1, 60.06)}, '"1"'), "/fields/reward", "sum", "100.05")
        a = self.allow("budget_requests", grant, "granted", 100.04, 422)
        self.assertEqual([(f["where"], f["reason"]) for f in a["error"]["fields"]], [("/fields/granted", "sum")])
        self.allow("budget_requests", grant, "granted", 100.06)
        self.make("bug_reports", paid(3, 0.01))
        self.as_at_first()

    def test_the_interface_of_all(self):
        kinds = self.all_on()
        doc = self.ask("GET", "/openapi.json", status=200).json()
        schemas = doc["components"]["schemas"]
        for name, k in kinds.items():
            self.assertEqual(schemas["register_" + name], k["schema"])
            for path, methods in (("", "get post"), ("/{id}", "get put"), ("/{id}/move", "post"), ("/{id}/named_by", "get"), ("/{id}/history", "get"), ("/{id}/chain", "get")):
                self.assertGreaterEqual(set(doc["paths"]["/api/v1/registers/" + k["plural"] + path]), set(methods.split()), name)
            names = {p["name"] for p in doc["paths"]["/api/v1/registers/" + k["plural"]]["get"]["parameters"]}
            for n, s in k["schema"]["properties"].items():
                self.assertEqual(n in names, bool(s.get("x-index") or "x-ref" in s or n == k["schema"]["x-table"]["title"]), (name, n))
        for path, item in doc["paths"].items():
            for method, operation in item.items():
                inside = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
                self.assertEqual(inside, set(re.findall(r"\{(\w+)\}", path)), (method, path))
                self.assertTrue(operation["responses"], (method, path))
        refs = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(doc)))
        self.assertTrue(refs)
        for ref in refs:
            _, _, part, name = ref.split("/")
            self.assertIn(name, doc["components"][part])
        self.as_at_first()

    # ---- what is worked out ----

    def test_computed(self):
        """The reference vector of sovereignty; sorted and filtered by it; a change of its parts changes it; nobody writes it."""
        self.random = random.Random(63)
        kinds = self.all_on()
        tender = self.row(kinds, kinds["tender"], {})
        made = {}
        for title, levels in (("a", (3, 2, 3, 2, 1, 3, 4, 2)), ("b", (4,) * 8), ("c", (0,) * 8), ("d", (1,))):
            fields = dict(self.full(kinds, kinds["bid"]), title=title, tender=tender["id"], sovereignty={"sov_%d" % (i + 1): n for i, n in enumerate(levels)}, sovereignty_score=1.5)
            made[title] = self.make("bids", fields)
        told = {t: (r["fields"].get("sovereignty_score"), r["fields"].get("sovereignty_least")) for t, r in made.items()}
        self.assertEqual(told, {"a": (60, 1), "b": (100, 4), "c": (0, 0), "d": (None, 1)})
        ask = lambda query: [r["fields"]["title"] for r in self.ask("GET", "/registers/bids?tender=%s&%s" % (tender["id"], query), status=200).json()["items"]]
        self.assertEqual(ask("sort=-sovereignty_score"), ["b", "a", "c", "d"])
        self.assertEqual(ask("sovereignty_score.from=59.5&sovereignty_score.to=60"), ["a"])
        self.assertEqual(ask("sovereignty_least=1&sort=title"), ["a", "d"])
        self.ask("GET", "/registers/bids?sovereignty_score=much", status=400)
        row = made["a"]
        fields = dict(row["fields"], sovereignty=dict(row["fields"]["sovereignty"], sov_8=3), sovereignty_score=7)
        row = self.ask("PUT", "/registers/bids/" + row["id"], {"fields": fields}, '"1"', 200).json()
        self.assertEqual(row["fields"]["sovereignty_score"], 61.25)
        self.assertEqual(ask("sovereignty_score=61.25"), ["a"])
        self.as_at_first()

    # ---- words ----

    def test_words(self):
        """Every kind, field, word and state in the languages held to all; in no language what no file has; nothing that judges."""
        kinds = self.all_on()
        folder = os.path.join(ROOT, "i18n", "registers")
        for file in sorted(os.listdir(folder)):
            with open(os.path.join(folder, file), encoding="utf-8") as f:
                words = json.load(f)
            asked = []

            def has(*keys):
                asked.extend(keys)
                self.assertTrue(file not in HELD_TO_ALL or [x for x in keys if str(words.get(x, "")).strip()], "%s lacks %s" % (file, " or ".join(keys)))

            def walk(kind, path, s):
                has("%s.%s" % (kind, path), "." + path.rsplit(".", 1)[-1])
                if "description" in s:
                    if file == "en.json":  # the file itself has it
                        asked.append("%s.%s?" % (kind, path))
                    else:
                        has("%s.%s?" % (kind, path))
                for w in s.get("enum", s.get("items", {}).get("enum", [])):
                    has("%s.%s=%s" % (kind, path, w), "=%s" % w)
                for n, inside in s.get("properties", s.get("items", {}).get("properties", {})).items():
                    walk(kind, path + "." + n, inside)

            for name, k in kinds.items():
                has(name)
                asked.append(name + "?")
                if file != "en.json":
                    has(name + "?")
                for n, s in k["schema"]["properties"].items():
                    walk(name, n, s)
                for d in k["schema"].get("x-due", ()):
                    has(*("%s.%s" % (name, d.get("name", d.get("field"))), "." + d.get("name", d.get("field"))))
                for s in k["schema"]["x-states"]["list"]:
                    has("%s@%s" % (name, s["id"]), "@" + s["id"])
            self.assertEqual([w for w in words if w not in asked and not w.startswith("_")], [], file)
        verdict = re.compile(r"\b(liab\w+|(non-)?complian\w+|negligen\w+|reportable|breach\w*|incumpl\w+|culpa\w*|responsable legal)\b", re.I)
        for k in kinds.values():
            self.assertNotRegex(json.dumps(k["schema"], ensure_ascii=False), verdict)
        self.as_at_first()


if __name__ == "__main__":
    unittest.main(verbosity=2)
