#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""For every register, role and relation: no way tells of a record that a reader may not read. usage: tests/api/test_isolation.py NODE [--all]
--all: over the kinds that wait to be switched on as well, which takes some minutes.

Two organisations have records of every kind under AMBER+STRICT and RED that name one another. Everybody asks every way about
each of them, and about one that does not exist: the answers must be the same bytes, and no answer to him may hold an id or a
word of what is not his. What is his follows from the register's own file and from who made it.
"""
import glob
import json
import os
import random
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node
from record_kit import fields_of

ALL = "--all" in sys.argv
if ALL:
    sys.argv.remove("--all")
PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"
TOWNS = ("lantern", "harbour")


class Reader:
    def __init__(self, browser, name, roles, organisation):
        self.b, self.name, self.roles, self.organisation = browser, name, roles, organisation
        self.heard = []  # every body that he was sent

    def ask(self, method, path, value=None, kind="application/json", headers=None):
        h = dict({"X-Sereno-CSRF": self.b.csrf}, **(headers or {}))
        if value is not None:
            h["Content-Type"] = kind
        body = value if value is None or isinstance(value, str) else json.dumps(value)
        a = self.b.ask(method, "/api/v1" + path, body, h)
        self.heard.append(a.body)
        return a


def told(a):
    """All of an answer that could tell two apart."""
    return a.status, a.body, sorted((k, v) for k, v in a.headers.items() if k != "Date")


class Isolation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-isolation-")
        cls.node = Node(PROGRAM, cls.folder, "", "127.0.0.1")
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.admin = Browser(cls.node)
        assert cls.admin.setup(link.group(2), "Anna", PASSWORD).status == 303
        cls.waiting = [k["name"] for k in cls.admin.get("/api/v1/register-kinds").json()["items"] if not k["on"]] if ALL else []
        for name in cls.waiting:
            assert cls.admin.send("PUT", "/api/v1/register-kinds/" + name, {"to": "on"}).status == 200, name
        cls.kinds = cls.admin.get("/api/v1/registers").json()["items"]
        cls.roles = {}
        for path in glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "roles", "*.yml")):
            with open(path, encoding="utf-8") as f:
                acts = re.search(r"^acts_as: \[([^]]*)\]", f.read(), re.M).group(1)
            cls.roles[os.path.basename(path)[:-4]] = acts.replace(" ", "").split(",")
        cls.makers = {t: cls.person("Maker of " + t, "administrator", t) for t in TOWNS}
        cls.records = cls.fill()

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    @classmethod
    def person(cls, name, role, organisation):
        a = cls.admin.send("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "role": role, "organisation": organisation})
        assert a.status == 201, a.body
        b = Browser(cls.node)
        assert b.login(name, PASSWORD).status == 303
        return Reader(b, name, cls.roles[role], organisation)

    @classmethod
    def fill(cls):
        """Records of every kind, town and label; each names those of its maker that are there already."""
        rng, out = random.Random(1), []
        for _ in range(3):  # what must name another comes when that is there
            for k in cls.kinds:
                if len([r for r in out if r["kind"] == k["name"]]) >= (4 if k["name"] in cls.waiting else 8):
                    continue
                for town in TOWNS:
                    for tlp in ("AMBER+STRICT", k["schema"].get("x-tlp", {}).get("max", "RED")):
                        mine = {}
                        for r in out:
                            if r["town"] == town:
                                mine.setdefault(r["kind"], []).append(r["id"])
                        needs = [k["schema"]["properties"][n].get("x-ref", {}).get("kind") for n in k["schema"]["required"]]
                        if any(n is not None and n not in mine for n in needs):
                            continue
                        fields = fields_of(rng, k["schema"], {})
                        for name, part in k["schema"]["properties"].items():
                            if "x-ref" in part and part["x-ref"]["kind"] in mine:
                                found = mine[part["x-ref"]["kind"]]
                                nth = len([r for r in out if r["kind"] == k["name"] and r["town"] == town])
                                fields[name] = found[-1 - nth % len(found)] if part["type"] == "string" else found[: part["maxItems"]]
                        for how in k["schema"].get("x-constraints", {}).values():
                            fields.pop(how.get("sum_le", {}).get("sum"), None)  # what it is paid from may allow less
                        word = "token%04dend" % len(out)
                        fields[k["schema"]["x-table"]["title"]] = word
                        a = cls.makers[town].ask("POST", "/registers/" + k["plural"], {"fields": fields, "tlp": tlp})
                        assert a.status == 201, (k["name"], fields, a.body)
                        out.append({"id": a.json()["id"], "kind": k["name"], "plural": k["plural"], "town": town, "tlp": tlp, "word": word,
                                    "created": a.json()["created"], "maker": cls.makers[town].name})
        return out

    def is_his(self, reader, kind, r):
        perm = kind["schema"]["x-perm"]
        may = any("read" in perm[role]["ops"] for role in reader.roles if role in perm)
        return may and reader.organisation == r["town"] and (r["tlp"] != "RED" or r["maker"] == reader.name)

    def one_record(self, reader, kind, r, his):
        base = "/registers/%s/" % kind["plural"]
        a = reader.ask("GET", base + r["id"])
        self.assertEqual(a.status == 200, his, (reader.name, r, a.body))
        if his:
            return
        for path in ("", "/named_by", "/history", "/history?limit=1&cursor=1", "/chain", "/chain?direction=down"):
            self.assertEqual(told(reader.ask("GET", base + r["id"] + path)), told(reader.ask("GET", base + ABSENT + path)), path)
        tag = {"If-Match": '"1"'}
        for method, path, value in (("PUT", "", {"fields": {}}), ("POST", "/move", {"to": "closed"})):
            self.assertEqual(told(reader.ask(method, base + r["id"] + path, value, headers=tag)),
                             told(reader.ask(method, base + ABSENT + path, value, headers=tag)), path)
        for query in ("created.from=%s&created.to=%s" % (r["created"], r["created"]), kind["schema"]["x-table"]["title"] + "=" + r["word"]):
            a = reader.ask("GET", base[:-1] + "?" + query)
            self.assertTrue(a.status != 200 or (a.json()["items"], a.json()["count"]) == ([], 0), a.body)
        table = "id\n%s\n"
        self.assertEqual(told(reader.ask("POST", base + "import", table % r["id"], "text/csv")),
                         told(reader.ask("POST", base + "import", table % ABSENT, "text/csv")))

    def ways_to(self, reader, r):
        """Lists and new records of other kinds that name it."""
        for k in self.kinds:
            for name, part in k["schema"]["properties"].items():
                if part.get("x-ref", {}).get("kind") != r["kind"]:
                    continue
                path = "/registers/" + k["plural"]
                self.assertEqual(told(reader.ask("GET", path + "?%s=%s" % (name, r["id"]))), told(reader.ask("GET", path + "?%s=%s" % (name, ABSENT))))
                answers = []
                for to in (r["id"], ABSENT):
                    answers.append(told(reader.ask("POST", path, {"fields": {name: to if part["type"] == "string" else [to]}})))
                self.assertEqual(*answers)

    def one_kind(self, reader, kind):
        of = [r for r in self.records if r["kind"] == kind["name"]]
        self.assertGreaterEqual(len(of), 4)
        his = [r for r in of if self.is_his(reader, kind, r)]
        if kind["name"] in self.waiting and reader.organisation != TOWNS[0]:
            return his  # each relation is there with the readers of one town as well: half of the time
        path = "/registers/" + kind["plural"]
        a = reader.ask("GET", path + "?limit=200")
        if a.status == 200:
            self.assertEqual((sorted(i["id"] for i in a.json()["items"]), a.json()["count"]), (sorted(r["id"] for r in his), len(his)))
        else:
            self.assertEqual((told(a), his), (told(reader.ask("GET", "/registers/nothing?limit=200")), []))
        for query in ("", "?format=json"):
            a = reader.ask("GET", path + "/export" + query)
            if a.status == 200:
                self.assertNotIn(b"RED", a.body)
        relations = set()
        for r in of:
            self.one_record(reader, kind, r, r in his)
            if r not in his and (r["town"], r["tlp"]) not in relations:
                relations.add((r["town"], r["tlp"]))
                self.ways_to(reader, r)
        return his

    def test_nobody_hears_of_what_is_not_his(self):
        readers = [self.person("%s of %s" % (role, town), role, town) for role in sorted(self.roles) for town in TOWNS]
        readers += list(self.makers.values())
        open_to = 0
        for reader in readers:
            reader.heard.clear()
            his = []
            for kind in self.kinds:
                with self.subTest(reader=reader.name, kind=kind["name"]):
                    his += self.one_kind(reader, kind)
            open_to += len(his)
            for path in ("/registers", "/openapi.json"):
                reader.ask("GET", path)
            secrets = [s.encode() for r in self.records if r not in his for s in (r["id"], r["word"])]
            heard = b"\n".join(reader.heard)
            self.assertEqual([s for s in secrets if s in heard], [], reader.name)
        self.assertGreater(open_to, 100)  # somebody sees something


if __name__ == "__main__":
    unittest.main()
