#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""No way tells what a record says of a person to whom it is masked. usage: tests/api/test_masking.py NODE

Records of every kind have a word of their own in each field with x-pii. Every role asks every way about each of them; without the
right to see persons no answer to it holds such a word, or tells two values apart. Had it shown, with a reason, it sees just that, in
that session, and the audit trail says who, what, why.
"""
import glob
import json
import os
import random
import re
import shutil
import sqlite3
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node
from record_kit import fields_of

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
WHY = "call to the night shift, case 47"


def word_into(schema, word):
    """A value of the field's kind that holds the word; None where it can hold none."""
    kind = schema.get("type")
    if kind == "string":
        if "enum" in schema or "pattern" in schema:
            return None
        return {"email": word + "@town.example"}.get(schema.get("format"), word if "format" not in schema else None)
    if kind == "array":
        inner = word_into(schema["items"], word)
        return None if inner is None else [inner]
    if kind == "object":
        return {n: word_into(s, word) for n, s in schema["properties"].items()}
    return None


class Masking(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-masking-")
        cls.node = Node(PROGRAM, cls.folder, "", "127.0.0.1")
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.admin = Browser(cls.node)
        assert cls.admin.setup(link.group(2), "Anna", PASSWORD).status == 303
        for k in cls.admin.get("/api/v1/register-kinds").json()["items"]:
            if not k["on"]:
                assert cls.admin.send("PUT", "/api/v1/register-kinds/" + k["name"], {"to": "on"}).status == 200, k
        cls.kinds = cls.admin.get("/api/v1/registers").json()["items"]
        cls.personal = {k["name"]: [n for n, s in k["schema"]["properties"].items() if "x-pii" in s] for k in cls.kinds}
        cls.rights = {}
        for path in glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "roles", "*.yml")):
            with open(path, encoding="utf-8") as f:
                text = f.read()
            cls.rights[os.path.basename(path)[:-4]] = set(re.findall(r"[a-z]+\.[a-z]+", text[text.index("\nmay:"):]))
        cls.records, cls.words = [], []
        cls.fill()

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    @classmethod
    def fill(cls):
        rng, mine, made = random.Random(3), {}, {}
        for turn in range(4):  # what must name another comes when that is there
            for k in cls.kinds:
                schema = k["schema"]
                needs = [schema["properties"][n].get("x-ref", {}).get("kind") for n in schema["required"]]
                if made.get(k["name"], 0) >= 2 or any(n is not None and n not in mine for n in needs):
                    continue
                fields = fields_of(rng, schema, {})
                for how in schema.get("x-constraints", {}).values():
                    fields.pop(how.get("sum_le", {}).get("sum"), None)
                for n, part in schema["properties"].items():
                    if "x-ref" in part and part["x-ref"]["kind"] in mine:
                        found = mine[part["x-ref"]["kind"]]
                        fields[n] = found[-1 - turn % len(found)] if part["type"] == "string" else found[: part["maxItems"]]
                words = {}
                for n in cls.personal[k["name"]]:
                    word = "w%04dw" % len(cls.words)
                    value = word_into(schema["properties"][n], word)
                    if value is not None:
                        fields[n], words[n] = value, word
                        cls.words.append(word)
                for n, others in schema.get("dependentRequired", {}).items():
                    for other in others if n in fields else ():
                        if other not in fields:
                            fields.pop(n, None)
                a = cls.admin.send("POST", "/api/v1/registers/" + k["plural"], {"fields": fields, "tlp": "AMBER" if k["schema"]["x-tlp"].get("max", "RED") == "AMBER" else "AMBER+STRICT"})
                if a.status != 201:
                    raise AssertionError((k["name"], fields, a.body))
                made[k["name"]] = made.get(k["name"], 0) + 1
                mine.setdefault(k["name"], []).append(a.json()["id"])
                cls.records.append({"id": a.json()["id"], "kind": k["name"], "plural": k["plural"], "words": words, "fields": a.json()["fields"]})

    def person(self, role, name=None):
        name = name or "A person who is " + role
        self.admin.send("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "role": role, "organisation": "*"})
        b = Browser(self.node)
        self.assertEqual(b.login(name, PASSWORD).status, 303)
        return b

    def everything(self, b):
        """All that somebody is sent about records, way by way."""
        heard = []

        def ask(method, path, value=None, kind="application/json", headers=None):
            h = dict({"X-Sereno-CSRF": b.csrf}, **(headers or {}))
            if value is not None:
                h["Content-Type"] = kind
            a = b.ask(method, "/api/v1" + path, value if value is None or isinstance(value, str) else json.dumps(value), h)
            heard.append(a.body + json.dumps(sorted(a.headers.items())).encode())
            return a
        for path in ("/registers", "/openapi.json", "/today", "/register-kinds", "/due?to=2060-01-01", "/appointments/gaps?days=400"):
            ask("GET", path)
        heard.append(b.get("/brief").body)
        for k in self.kinds:
            base = "/registers/" + k["plural"]
            for query in ("?limit=1", "?limit=200", "/export", "/export?format=json", "/imports"):
                ask("GET", base + query)
        for r in self.records:
            base = "/registers/%s/%s" % (r["plural"], r["id"])
            for path in ("", "/named_by", "/chain", "/chain?direction=down", "/history"):
                ask("GET", base + path)
            tag = {"If-Match": '"1"'}
            ask("POST", "/registers/%s/import" % r["plural"], "id\n%s\n" % r["id"], "text/csv")
            ask("PUT", base, {"fields": {"nonsense": 1}}, headers=tag)
            ask("POST", base + "/move", {"to": "nowhere"}, headers=tag)
            twin = {n: v for n, v in r["fields"].items() if n not in self.personal[r["kind"]]}
            ask("POST", "/registers/" + r["plural"], {"fields": twin})
        return b"\n".join(heard), ask

    def test_a_masked_value_goes_out_on_no_way(self):
        self.assertGreater(len(self.words), 25)
        kinds_with = {r["kind"] for r in self.records if r["words"]}
        self.assertGreaterEqual(kinds_with, {"person", "appointment", "supplier", "roster", "bug_report", "access_grant", "meeting", "crisis"})
        seen = 0
        for role in sorted(self.rights):
            with self.subTest(role=role):
                b = self.person(role)
                heard, ask = self.everything(b)
                told = [w for w in self.words if w.encode() in heard]
                if "persons.read" in self.rights[role]:
                    seen += len(told)
                    continue
                self.assertEqual(told, [])
                masked = self.guesses(ask)
                self.assertTrue(masked > 3 if "registers.read" in self.rights[role] else masked == 0, masked)
        self.assertGreater(seen, 60)

    def test_an_appointment_opens_names_where_its_role_says_so(self):
        """Who reads the registers by an appointment alone sees names as the file of its role says (appointment_gives): an auditor none until he
        gave a reason, a CISO all."""
        b = self.person("appointed", "Ola")
        self.assertEqual(b.get("/api/v1/registers/people").status, 403)
        post = lambda path, value, tag=None: self.admin.ask("POST", "/api/v1" + path, json.dumps(value), {
            "X-Sereno-CSRF": self.admin.csrf, "Content-Type": "application/json", **({"If-Match": tag} if tag else {})})
        row = post("/registers/people", {"fields": {"name": "Ola"}}).json()["id"]
        account = self.admin.get("/api/v1/users?q=Ola").json()["items"][0]["id"]
        self.assertEqual(post("/users/%s/person" % account, {"person": row}).status, 204)
        def appoint(function):
            fields = {"title": "An act", "person": row, "function": function, "act": "1/26", "begins": "2026-01-01T00:00:00Z"}
            given = post("/registers/appointments", {"fields": fields})
            self.assertEqual(given.status, 201, given.body)
            move = lambda to, tag: post("/registers/appointments/%s/move" % given.json()["id"], {"to": to, "why": "as decided"}, tag)
            self.assertEqual(move("signed", '"1"').status, 200)
            return lambda: self.assertEqual(move("revoked", '"2"').status, 200)

        end = appoint("data_protection_officer")
        people = b.get("/api/v1/registers/people")
        self.assertEqual(people.status, 200, people.body)
        self.assertGreater(len(people.json()["items"]), 2)
        heard, ask = self.everything(b)
        self.assertEqual([w for w in self.words if w.encode() in heard], [])
        self.assertGreater(self.guesses(ask), 3)
        somebody = next(r for r in self.records if r["kind"] == "person")
        shown = lambda: list(somebody["words"].values())[0].encode() in b.get("/api/v1/registers/people/" + somebody["id"]).body
        self.assertEqual(b.send("POST", "/api/v1/privacy/unmask", {"kind": "person", "record": somebody["id"], "why": WHY}).status, 200)
        self.assertTrue(shown())
        end()
        self.assertEqual(b.send("POST", "/api/v1/privacy/unmask", {"kind": "person", "record": somebody["id"], "why": WHY}).status, 403)
        end = appoint("ciso")
        self.assertTrue(shown())
        heard, _ = self.everything(b)
        self.assertGreater(len([w for w in self.words if w.encode() in heard]), 20)
        end()
        self.assertFalse(shown())

    def guesses(self, ask):
        """Neither by filter nor by order, nor by sending what may be there."""
        masked = 0
        for r in self.records:
            kind = next(k for k in self.kinds if k["name"] == r["kind"])
            base = "/registers/" + r["plural"]
            if ask("GET", base).status != 200:
                continue
            one = ask("GET", base + "/" + r["id"]).json()
            self.assertFalse(set(one["fields"]) & set(self.personal[r["kind"]]))
            masked += len(one["masked"])
            for n in self.personal[r["kind"]]:
                title = kind["schema"]["x-table"]["title"] == n
                hidden = any("hidden" == p.get("fields", {}).get(n) for p in kind["schema"]["x-perm"].values())
                if not title and not kind["schema"]["properties"][n].get("x-index"):
                    continue
                for query in ("?%s=w0001w", "?%s.from=a", "?%s.to=z", "?sort=%s", "?sort=-%s"):
                    a = ask("GET", base + query % n)
                    self.assertIn(a.status, (400, 403) if hidden else (403,))
                    self.assertIn(a.json()["error"]["code"], ("masked", "bad_query") if hidden else ("masked",))
                    self.assertIn(ask("GET", base + "/export" + query % n).status, (400, 403))
            answers = []
            for n, word in r["words"].items():
                fixed = any("read" == p.get("fields", {}).get(n) for p in kind["schema"]["x-perm"].values())
                if fixed:  # he may not write it: the right value and a wrong one are refused alike
                    for value in (r["fields"][n], word_into(kind["schema"]["properties"][n], "another")):
                        answers.append(ask("PUT", base + "/" + r["id"], {"fields": {n: value}}, headers={"If-Match": '"1"'}))
                    self.assertEqual(answers[-1].body, answers[-2].body)
        return masked

    def test_shown_with_a_reason_for_a_while_and_for_this_session_only(self):
        b, other = self.person("analyst", "Bea"), self.person("analyst", "Bea")
        first, second = [r for r in self.records if r["kind"] == "person"][:2]
        path = "/api/v1/registers/people/"
        for why in ("", "because", "aaaaaaaaaaaaaaaa", "x" * 600):
            self.assertEqual(b.send("POST", "/api/v1/privacy/unmask", {"kind": "person", "why": why}).status, 400)
        self.assertEqual(b.send("POST", "/api/v1/privacy/unmask", {"kind": "nothing", "why": WHY}).status, 404)
        self.assertEqual(b.send("POST", "/api/v1/privacy/unmask", {"kind": "person", "record": first["id"][:-1] + ("1" if first["id"][-1] == "0" else "0"), "why": WHY}).status, 404)
        self.assertEqual(b.get("/api/v1/privacy/unmasked").json()["items"], [])
        a = b.send("POST", "/api/v1/privacy/unmask", {"kind": "person", "record": first["id"], "why": WHY})
        self.assertEqual((a.status, a.json()["record"]), (200, first["id"]))
        self.assertEqual(b.get(path + first["id"]).json()["fields"]["name"], first["words"]["name"])
        self.assertEqual(b.get(path + first["id"]).json()["masked"], [])
        self.assertNotIn("name", b.get(path + second["id"]).json()["fields"])
        self.assertNotIn("name", other.get(path + first["id"]).json()["fields"])
        self.assertEqual(b.get("/api/v1/registers/people?sort=name").status, 403)
        grant = next(r for r in self.records if r["kind"] == "access_grant")
        titles = lambda: {link["title"] for link in b.get("/api/v1/registers/access_grants/" + grant["id"]).json()["links"] if link["kind"] == "person"}
        self.assertLessEqual(titles(), {"", first["words"]["name"]})
        self.assertEqual(b.send("POST", "/api/v1/privacy/unmask", {"kind": "access_grant", "record": grant["id"], "why": WHY}).status, 200)
        self.assertNotIn("", titles())  # who had it shown sees whom it names
        self.assertEqual(b.send("POST", "/api/v1/privacy/unmask", {"kind": "person", "why": WHY}).status, 200)
        self.assertEqual(b.get("/api/v1/registers/people?sort=name").status, 200)
        self.assertEqual(other.get("/api/v1/registers/people?sort=name").status, 403)
        self.assertEqual(b.send("POST", "/api/v1/privacy/mask", None).status, 204)
        self.assertNotIn("name", b.get(path + first["id"]).json()["fields"])
        reader = self.person("reader", "Rea")
        self.assertEqual(reader.send("POST", "/api/v1/privacy/unmask", {"kind": "person", "why": WHY}).status, 403)
        with sqlite3.connect("file:%s?mode=ro" % os.path.join(self.node.data, "records.db"), uri=True) as db:
            rows = db.execute("SELECT who, subject, why, after_value FROM audit WHERE what = 'persons.shown' AND who = 'Bea' ORDER BY seq").fetchall()
        self.assertEqual([(r[0], r[1], r[2]) for r in rows], [("Bea", s, WHY) for s in (first["id"], grant["id"], "person")])
        self.assertRegex(rows[0][3], r"^person until 20\d\d-")

    def test_what_is_masked_stays_when_somebody_else_changes_the_record(self):
        b = self.person("analyst", "Cleo")
        risk = next(r for r in self.records if r["kind"] == "risk")
        one = b.get("/api/v1/registers/risks/" + risk["id"])
        self.assertIn("accepted_by", one.json()["masked"])
        fields = dict(one.json()["fields"], title="A title that was changed")
        a = b.ask("PUT", "/api/v1/registers/risks/" + risk["id"], json.dumps({"fields": fields}),
                  {"X-Sereno-CSRF": b.csrf, "Content-Type": "application/json", "If-Match": one.headers["ETag"]})
        self.assertEqual(a.status, 200, a.body)
        self.assertEqual(self.admin.get("/api/v1/registers/risks/" + risk["id"]).json()["fields"]["accepted_by"], risk["words"]["accepted_by"])


if __name__ == "__main__":
    unittest.main()
