#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Lists of the personnel office: looked at, done all or nothing, done again without effect, taken back; by HTTP and command line.
usage: tests/api/test_staff.py PROGRAM SERENO"""
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


if __name__ == "__main__":
    unittest.main()
