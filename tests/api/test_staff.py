#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Lists of the personnel office: looked at, done all or nothing, done again without effect, taken back; by HTTP and command line.
usage: tests/api/test_staff.py PROGRAM SERENO"""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import LIMIT_S, Browser, Node, Stream  # noqa: E402

SERENO = os.path.abspath(sys.argv.pop(2)) if len(sys.argv) > 2 else ""
PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"


class Staff(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-staff-")
        cls.node = Node(PROGRAM, cls.folder)
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.admin = Browser(cls.node)
        assert cls.admin.setup(link.group(2), "Anna", PASSWORD).status == 303

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    def person(self, name, **more):
        a = self.admin.send("POST", "/api/v1/users", dict(more, name=name, password=PASSWORD))
        self.assertEqual(a.status, 201, a.body)
        b = Browser(self.node)
        self.assertEqual(b.login(name, PASSWORD).status, 303)
        b.id = a.json()["id"]
        return b

    def send(self, text, apply=False, by=None, kind="text/csv", query=""):
        b = by or self.admin
        return b.ask("POST", "/api/v1/staff-imports?apply=%s%s" % ("true" if apply else "false", query), text.encode(),
                     {"Content-Type": kind, "X-Sereno-CSRF": b.csrf})

    def account(self, name, by=None):
        rows = [p for p in (by or self.admin).get("/api/v1/users?q=" + name.replace(" ", "%20")).json()["items"] if p["name"] == name]
        return rows[0] if rows else None

    def counts(self, a):
        r = a.json()
        return [r[k] for k in ("joins", "role", "leaves", "same", "faulty")]

    def command(self, *words):
        return subprocess.run([SERENO, "user", *words, "--data", self.node.data], capture_output=True, text=True, timeout=LIMIT_S, check=False)

    def test_joiners_and_leavers(self):
        bo, cy = self.person("Bo", role="reader"), self.person("Cy", role="analyst")
        token = cy.send("POST", "/api/v1/account/tokens", {"name": "n", "scopes": "watch", "last_day": "2999-01-01", "password": PASSWORD})
        self.assertEqual(token.status, 400)  # an end is bounded
        text = "name,state,role\nLea,active,reader\nBo,active,analyst\nCy,left,\nNobody,left,\nAnna,active,administrator\n"
        a = self.send(text)
        self.assertEqual((a.status, self.counts(a), a.json()["import"]), (200, [1, 1, 1, 2, 0], None))
        self.assertEqual([(c["row"], c["what"], c["name"], c["role"], c["was"]) for c in a.json()["changes"]],
                         [(2, "joins", "Lea", "reader", None), (3, "role", "Bo", "analyst", "reader"), (4, "leaves", "Cy", None, "analyst")])
        self.assertNotIn("link", a.json()["changes"][0])
        self.assertIsNone(self.account("Lea"))  # it was a look
        stream = Stream(cy)
        a = self.send(text, apply=True, query="&why=November")
        self.assertEqual((a.status, self.counts(a)), (200, [1, 1, 1, 2, 0]), a.body)
        done = a.json()
        self.assertIsNone(stream.next(kinds=()))  # his open page ended
        stream.c.close()
        self.assertEqual(cy.get("/api/v1/session").status, 401)
        self.assertEqual(bo.get("/api/v1/session").json()["user"]["role"], "analyst")
        self.assertRegex(done["changes"][0]["link"], r"^/welcome\?token=[0-9a-f]{64}$")
        self.assertEqual(Browser(self.node).get(done["changes"][0]["link"]).status, 200)
        self.assertEqual(self.account("Lea")["id"], done["changes"][0]["id"])
        # The same list again changes nothing.
        a = self.send(text, apply=True)
        self.assertEqual((a.status, self.counts(a), a.json()["import"]), (200, [0, 0, 0, 5, 0], None))
        row = self.admin.get("/api/v1/staff-imports").json()["items"][0]
        self.assertEqual((row["id"], row["who"], row["why"], row["changes"], row["undone"]), (done["import"], "Anna", "November", 3, None))
        # Taken back, once.
        path = "/api/v1/staff-imports/%s/undo" % done["import"]
        self.assertEqual(self.admin.send("POST", path).status, 204)
        self.assertEqual(self.admin.send("POST", path).status, 404)
        self.assertIsNotNone(self.account("Lea")["disabled"])
        self.assertEqual(self.account("Bo")["role"], "reader")
        self.assertIsNone(self.account("Cy")["disabled"])
        self.assertEqual(cy.get("/api/v1/session").status, 401)  # sessions of before stay ended
        with sqlite3.connect(os.path.join(self.node.data, "records.db")) as db:
            self.assertEqual([r[0] for r in db.execute("SELECT what FROM audit WHERE subject = ? ORDER BY seq", (done["import"],))],
                             ["staff.imported", "staff.undone"])
        # A list lets nobody in again.
        a = self.send("name,role\nLea,reader\n", apply=True)
        self.assertEqual((a.status, [(f["row"], f["column"]) for f in a.json()["faults"]]), (422, [(2, "state")]))

    def test_faults_stop_all(self):
        self.person("Eva", role="reader")
        a = self.send("name,state,role,organisation\nZoe,active,reader,\nEva,left,,\nYan,gone,reader,\nXia,active,king,\n,left,,\nzoe,left,,\nWim,active,,\nAnna,left,,\n", apply=True)
        self.assertEqual((a.status, self.counts(a)), (422, [1, 0, 1, 0, 6]), a.body)
        self.assertEqual([(f["row"], f["column"]) for f in a.json()["faults"]],
                         [(4, "state"), (5, "role"), (6, "name"), (7, "name"), (8, "role"), (9, "name")])
        self.assertIsNone(self.account("Zoe"))
        self.assertIsNone(self.account("Eva")["disabled"])
        for text, status in (("", 400), ("salary\n1\n", 400), ("name\n\"open\n", 400), ("name\n" + "x\n" * 10001, 400)):
            self.assertEqual(self.send(text).status, status, text[:20])
        self.assertEqual(self.send("[]", kind="application/json").status, 415)
        many = "name,role\n" + "".join("Many %d,reader\n" % i for i in range(201))
        a = self.send(many, apply=True)
        self.assertEqual((a.status, a.json()["error"]["code"]), (400, "too_many"))
        a = self.send("name,state\n" + "".join("Absent %d,left\n" % i for i in range(1200)), apply=True)
        self.assertEqual((a.status, self.counts(a)), (200, [0, 0, 0, 1200, 0]))

    def test_own_organisation_only(self):
        b = self.person("Pier Admin", role="administrator", organisation="pier")
        far = self.person("Far", role="reader", organisation="mole")
        reader = self.person("Pier Reader", role="reader", organisation="pier")
        self.assertEqual((self.send("name\nx\n", by=reader).status, reader.get("/api/v1/staff-imports").status), (403, 403))
        # Of another organisation's account a list learns nothing: as of nobody's.
        a = self.send("name,state\nFar,left\nNobody at all,left\n", apply=True, by=b)
        self.assertEqual((a.status, self.counts(a)), (200, [0, 0, 0, 2, 0]))
        self.assertEqual(far.get("/api/v1/session").status, 200)
        a = self.send("name,role,organisation\nJo,reader,mole\n", apply=True, by=b)
        self.assertEqual((a.status, a.json()["faults"][0]["column"]), (422, "organisation"))
        a = self.send("name,role\nJo,reader\n", apply=True, by=b)
        self.assertEqual(a.status, 200, a.body)
        self.assertEqual(self.account("Jo")["organisation"], "pier")
        other = self.person("Mole Admin", role="administrator", organisation="mole")
        self.assertEqual(other.get("/api/v1/staff-imports").json()["items"], [])
        absent = other.send("POST", "/api/v1/staff-imports/%s/undo" % ("0" * 36))
        a = other.send("POST", "/api/v1/staff-imports/%s/undo" % self.admin.get("/api/v1/staff-imports").json()["items"][0]["id"])
        self.assertEqual((a.status, a.body), (404, absent.body))

    def test_command_line(self):
        ida = self.person("Ida", role="reader")
        path = os.path.join(self.folder, "staff.csv")
        with open(path, "w", encoding="utf-8") as f:
            f.write("name;state;role\nIda;left;\nOle;active;reader\n")
        out = self.command("import", path)
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertIn("1 join, 0 get another role, 1 leave, 0 the same, 0 with faults: nothing was changed", out.stdout)
        stream = Stream(ida)
        out = self.command("import", path, "--apply", "--why", "end of term")
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertIn("/welcome?token=", out.stdout)
        self.assertIsNone(stream.next(kinds=()))
        stream.c.close()
        ident = re.search(r"sereno user undo (\S+)", out.stdout).group(1)
        self.assertIn(ident, self.command("imports").stdout)
        # Somebody changed one of them since: it stays as it is, whole.
        self.assertEqual(self.admin.send("POST", "/api/v1/users/%s/enable" % ida.id, {}).status, 204)
        out = self.command("undo", ident)
        self.assertEqual(out.returncode, 1, out.stdout)
        self.assertIsNone(self.account("Ole")["disabled"])
        self.assertEqual(self.admin.send("POST", "/api/v1/users/%s/disable" % ida.id, {}).status, 204)
        out = self.command("undo", ident)
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertIsNotNone(self.account("Ole")["disabled"])
        with open(path, "w", encoding="utf-8") as f:
            f.write("name,role\nOdd,king\n")
        out = self.command("import", path, "--apply")
        self.assertEqual((out.returncode, "staff.csv:2: role: There is no such role." in out.stderr), (1, True), out.stderr)
        self.assertEqual(self.command("import").returncode, 2)
        self.assertEqual(self.command("undo", "x").returncode, 2)

    # ---- records of people ----

    def record(self, plural, fields, organisation="*", move=None):
        a = self.admin.send("POST", "/api/v1/registers/" + plural, {"fields": fields, "organisation": organisation})
        self.assertEqual(a.status, 201, a.body)
        row = a.json()
        if move:
            a = self.admin.ask("POST", "/api/v1/registers/%s/%s/move" % (plural, row["id"]), json.dumps({"to": move, "why": "as decided"}),
                               {"Content-Type": "application/json", "X-Sereno-CSRF": self.admin.csrf, "If-Match": '"%d"' % row["version"]})
            self.assertEqual(a.status, 200, a.body)
        return row["id"]

    def people(self, number):
        rows = self.admin.get("/api/v1/registers/people?staff_number=" + number).json()["items"]
        return [(r["organisation"], r["state"], {k: v for k, v in r["fields"].items() if k != "staff_number"}) for r in rows]

    def whose(self, name):
        return self.admin.get("/api/v1/users/" + self.account(name)["id"]).json()["person"]

    def persons(self, a):
        p = a.json()["persons"]
        return [p[k] for k in ("new", "changed", "left", "linked", "same", "faulty")]

    def test_records_follow_a_list(self):
        """A spreadsheet's list: a joiner gets a record, somebody who has one gets what is empty in it, a second time changes nothing."""
        known = self.record("people", {"name": "Olga Prat", "staff_number": "0815", "mail": "o.prat@town.example"})
        text = ("\ufeffName;Person;Number;Mail;Office;Last_day;Role\r\n"
                "lea.costa;Lea Costa;\u00a00042 ;lea@town.example;\"Head; of \"\"Works\"\"\";31.12.2026;reader\r\n"
                "oprat;O. Prat;0815;olga@town.example;Clerk;;reader\r\n")
        a = self.send(text)
        self.assertEqual((a.status, self.counts(a), self.persons(a)), (200, [2, 0, 0, 0, 0], [1, 1, 0, 2, 0, 0]), a.body)
        told = {c["title"]: c for c in a.json()["person_changes"]}
        self.assertEqual((told["Lea Costa"]["what"], told["Olga Prat"]["what"]), ("new", "changed"))
        self.assertEqual([(f["field"], f["before"], f["after"]) for f in told["Olga Prat"]["fields"]], [("office", None, "Clerk")])
        self.assertEqual(told["Olga Prat"]["kept"], ["name", "mail"])  # somebody wrote that: it stays
        self.assertEqual(self.people("0042"), [])  # it was a look
        a = self.send(text, apply=True)
        self.assertEqual((a.status, self.persons(a)), (200, [1, 1, 0, 2, 0, 0]), a.body)
        done = a.json()["import"]
        lea = {"name": "Lea Costa", "mail": "lea@town.example", "office": 'Head; of "Works"', "leaves": "2026-12-31"}
        self.assertEqual(self.people("0042"), [("*", "active", lea)])
        self.assertEqual(self.people("0815"), [("*", "active", {"name": "Olga Prat", "mail": "o.prat@town.example", "office": "Clerk"})])
        self.assertEqual(self.whose("oprat"), known)
        a = self.send(text, apply=True)
        self.assertEqual((self.counts(a), self.persons(a), a.json()["import"], a.json()["person_changes"]), ([0, 0, 0, 2, 0], [0, 0, 0, 0, 2, 0], None, []), a.body)
        with sqlite3.connect(os.path.join(self.node.data, "records.db")) as db:  # the trail has marks of what it says of persons, no values
            told = db.execute("SELECT COALESCE(before_value, '') || COALESCE(after_value, '') FROM audit WHERE what = 'record.imported'").fetchall()
        self.assertEqual((len(told) >= 2, [t for t, in told if "town.example" in t]), (True, []))
        # What the list wrote is the list's to change, as long as nobody wrote something else there.
        a = self.send("name,number,office,mail\nlea.costa,0042,Deputy head,lea.costa@town.example\n", apply=True)
        self.assertEqual(self.persons(a), [0, 1, 0, 0, 0, 0], a.body)
        second = a.json()["import"]
        row = self.admin.get("/api/v1/registers/people?staff_number=0042").json()["items"][0]
        a = self.admin.ask("PUT", "/api/v1/registers/people/" + row["id"], json.dumps({"fields": {**row["fields"], "office": "Mayor"}}),
                           {"Content-Type": "application/json", "X-Sereno-CSRF": self.admin.csrf, "If-Match": '"%d"' % row["version"]})
        self.assertEqual(a.status, 200, a.body)
        a = self.send("name,number,office\nlea.costa,0042,Caretaker\n", apply=True)
        self.assertEqual((self.persons(a), a.json()["import"]), ([0, 0, 0, 0, 1, 0], None), a.body)
        # Taken back only as a whole, and not over what somebody did since.
        self.assertEqual(self.admin.send("POST", "/api/v1/staff-imports/%s/undo" % second).status, 409)
        self.assertEqual(self.admin.send("POST", "/api/v1/staff-imports/%s/undo" % done).status, 409)
        self.assertIsNone(self.account("oprat")["disabled"])
        self.assertEqual(self.admin.send("POST", "/api/v1/registers/people/imports/%s/undo" % done, {}).status, 404)

    def test_a_list_taken_back(self):
        known = self.record("people", {"name": "Pia Nord", "staff_number": "7001"})
        a = self.send("name,role,number,office\npia,reader,7001,Archive\nquim,reader,7002,\n", apply=True)
        self.assertEqual(self.persons(a), [1, 1, 0, 2, 0, 0], a.body)
        self.assertEqual((self.whose("pia"), self.people("7002")[0][2]), (known, {"name": "quim"}))
        self.assertEqual(self.admin.get("/api/v1/staff-imports").json()["items"][0]["persons"], 2)
        self.assertEqual(self.admin.send("POST", "/api/v1/staff-imports/%s/undo" % a.json()["import"]).status, 204)
        self.assertEqual((self.people("7001"), self.people("7002")), ([("*", "active", {"name": "Pia Nord"})], []))
        self.assertEqual(self.whose("pia"), "")
        self.assertIsNotNone(self.account("quim")["disabled"])
        told = self.admin.get("/api/v1/registers/people/%s/history" % known).json()["items"]
        self.assertEqual([h["what"] for h in told][:2], ["import_undone", "imported"])

    def test_a_leaver_and_what_he_held(self):
        """His record says that he left, with the reason; who stands in for what he was appointed to is told."""
        town = self.record("people", {"name": "Rita Vale", "staff_number": "9001"}, "harbour town")
        deputy = self.record("people", {"name": "Said Amin"}, "harbour town")
        rita = self.person("rita", role="reader", organisation="harbour town")
        self.assertEqual(self.admin.send("POST", "/api/v1/users/%s/person" % rita.id, {"person": town}).status, 204)
        for function, more in (("ciso", {"deputy": deputy}), ("data_protection_officer", {})):
            self.record("appointments", {"title": "Act", "person": town, "function": function, "act": "7/26", "begins": "2026-01-01T08:00:00Z", **more}, "harbour town", "signed")
        self.record("people", {"name": "Tom Gray", "staff_number": "9002"}, "harbour town")  # who has no account leaves, too
        text = "name,state,number,organisation,last_day\nrita,left,9001,harbour town,2026-11-30\ntgray,left,9002,harbour town,\nabsent,left,9003,harbour town,\n"
        a = self.send(text)
        self.assertEqual((self.counts(a), self.persons(a)), ([0, 0, 1, 2, 0], [0, 0, 2, 0, 0, 0]), a.body)
        held = a.json()["person_changes"][0]["appointments"]
        self.assertEqual(sorted((h["function"], h["deputy"]) for h in held), [("ciso", "Said Amin"), ("data_protection_officer", None)])
        gaps = lambda: {g["function"]: g["why"] for g in self.admin.get("/api/v1/appointments/gaps").json()["items"] if g["organisation"] == "harbour town"}
        self.record("units", {"name": "Harbour office", "type": "office"}, "harbour town")  # gaps are told of organisations with units
        self.assertEqual(gaps(), {"security_officer": "nobody"})
        a = self.send(text, apply=True, query="&why=end%20of%20term")
        self.assertEqual(gaps(), {"security_officer": "nobody", "ciso": "left", "data_protection_officer": "left"})  # from that moment
        self.assertEqual(self.persons(a), [0, 0, 2, 0, 0, 0], a.body)
        done = a.json()["import"]
        self.assertEqual(self.people("9001"), [("harbour town", "left", {"name": "Rita Vale", "leaves": "2026-11-30"})])
        self.assertEqual([p[1] for p in self.people("9002")], ["left"])
        past = self.admin.get("/api/v1/registers/people/%s/history" % town).json()["items"][0]
        self.assertEqual((past["what"], past["why"]), ("imported", "end of term"))
        a = self.send(text, apply=True)
        self.assertEqual((self.persons(a), a.json()["import"]), ([0, 0, 0, 0, 2, 0], None), a.body)
        a = self.send("name,role,number,organisation\nsomebody,reader,9001,harbour town\n", apply=True)  # nobody comes back through a file
        self.assertEqual((a.status, [f["column"] for f in a.json()["faults"]]), (422, ["number"]), a.body)
        self.assertEqual(self.admin.send("POST", "/api/v1/staff-imports/%s/undo" % done).status, 204)
        self.assertEqual([p[1] for p in self.people("9001") + self.people("9002")], ["active", "active"])
        self.assertEqual(gaps(), {"security_officer": "nobody"})
        self.assertEqual(self.admin.send("POST", "/api/v1/users/%s/disable" % rita.id, {"why": "locked out"}).status, 204)
        self.assertEqual(gaps(), {"security_officer": "nobody", "ciso": "closed", "data_protection_officer": "closed"})

    def test_never_by_a_name(self):
        """The same name is somebody else; two numbers, two people; a number that is another account's person is a fault."""
        self.record("people", {"name": "Uma Lind"})
        a = self.send("name,role,number,person\numa,reader,5001,Uma Lind\n", apply=True)
        self.assertEqual(self.persons(a)[0], 1, a.body)
        self.assertEqual(len([p for p in self.admin.get("/api/v1/registers/people?limit=200").json()["items"] if p["fields"]["name"] == "Uma Lind"]), 2)
        a = self.send("name,role,number\numa2,reader,5001\n")
        self.assertEqual([(f["row"], f["column"]) for f in a.json()["faults"]], [(2, "number")])
        a = self.send("name,number\numa,5002\n")
        self.assertEqual([(f["row"], f["column"]) for f in a.json()["faults"]], [(2, "number")])
        for n in range(2):
            self.record("people", {"name": "Twin %d" % n, "staff_number": "5009"})
        a = self.send("name,role,number,mail,last_day\ntwin,reader,5009,,\nvic,reader,5010,no mail,\nwes,reader,5011,,2026-02-30\nxen,reader,5012,,\nyve,reader,5012,,\n")
        self.assertEqual([(f["row"], f["column"]) for f in a.json()["faults"]], [(2, "number"), (3, "mail"), (4, "last_day"), (6, "number")], a.body)
        # Of another town's people a list learns nothing.
        self.record("people", {"name": "Zoe Far", "staff_number": "5020", "phone": "1"}, "far town")
        near = self.person("near", role="administrator", organisation="near town")
        a = self.send("name,role,number,phone\nzoe.near,reader,5020,2\n", apply=True, by=near)
        self.assertEqual((self.persons(a), a.json()["person_changes"][0]["what"]), ([1, 0, 0, 1, 0, 0], "new"), a.body)
        self.assertEqual([p[0] for p in self.people("5020")].count("far town"), 1)


if __name__ == "__main__":
    unittest.main()
