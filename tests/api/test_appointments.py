#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Rights that follow an appointment, over HTTP: from its first moment until its last, in its department and nowhere else, without a restart
and in a session that was open all the time. usage: tests/api/test_appointments.py PROGRAM"""
import datetime
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import LIMIT_S, Browser, Node

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"


def finding(title):
    return {"title": title, "origin": "audit", "severity": "low", "found": "2026-11-01"}


def moment(t):
    return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Appointments(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-appointments-")
        cls.node = Node(PROGRAM, cls.folder)
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.admin = Browser(cls.node)
        assert cls.admin.setup(link.group(2), "Anna", PASSWORD).status == 303
        cls.tom = cls.person("Tom", "administrator", "Ourtown")
        cls.rows = {}
        for name, code, kind in (("Ourtown", "Ourtown", "city"), ("Works", "Ourtown/Works", "department"), ("Parks", "Ourtown/Parks", "department")):
            above = {"parent": cls.rows["Ourtown"]["id"]} if cls.rows else {}
            cls.rows[name] = cls.make(cls.tom, "organisations", {"name": name, "code": code, "type": kind, **above})
        for name in ("Works", "Parks"):
            cls.rows[name + " office"] = cls.make(cls.tom, "units", {"name": name + " office", "part_of": cls.rows[name]["id"]})
        cls.findings = {}
        for organisation in ("Ourtown", "Ourtown/Works", "Ourtown/Parks", "Village"):
            a = cls.admin.send("POST", "/api/v1/registers/findings", {"fields": finding("Of " + organisation), "organisation": organisation})
            assert a.status == 201, a.body
            cls.findings[organisation] = a.json()["id"]

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    @classmethod
    def person(cls, name, role, organisation, by=None):
        a = (by or cls.admin).send("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "role": role, "organisation": organisation})
        assert a.status == 201, a.body
        b = Browser(cls.node)
        assert b.login(name, PASSWORD).status == 303
        b.id = a.json()["id"]
        return b

    @classmethod
    def make(cls, by, plural, fields):
        a = by.send("POST", "/api/v1/registers/" + plural, {"fields": fields})
        assert a.status == 201, a.body
        return a.json()

    def change(self, plural, row, more, by=None):
        fields = {k: v for k, v in {**row["fields"], **more}.items() if v is not None}
        a = (by or self.tom).ask("PUT", "/api/v1/registers/%s/%s" % (plural, row["id"]), json.dumps({"fields": fields}),
                                 {"Content-Type": "application/json", "X-Sereno-CSRF": (by or self.tom).csrf, "If-Match": '"%d"' % row["version"]})
        self.assertEqual(a.status, 200, a.body)
        return a.json()

    def move(self, row, to):
        a = self.tom.ask("POST", "/api/v1/registers/appointments/%s/move" % row["id"], json.dumps({"to": to, "why": "as decided"}),
                         {"Content-Type": "application/json", "X-Sereno-CSRF": self.tom.csrf, "If-Match": '"%d"' % row["version"]})
        self.assertEqual(a.status, 200, a.body)
        return a.json()

    def officer(self, name):
        """A record of somebody, an account of his that may nothing by itself, and both said to be one."""
        row = self.make(self.tom, "people", {"name": name})
        b = self.person(name, "appointed", "Ourtown", self.tom)
        self.assertEqual(self.tom.send("POST", "/api/v1/users/%s/person" % b.id, {"person": row["id"]}).status, 204)
        b.row = row
        return b

    def appoint(self, who, unit="Works office", signed=True, **more):
        fields = {"title": "An appointment", "person": who.row["id"], "function": "security_officer", "act": "1/26", "begins": moment(time.time() - 60)}
        fields.update({"unit": self.rows[unit]["id"]} if unit else {})
        row = self.make(self.tom, "appointments", {**fields, **more})
        return self.move(row, "signed") if signed else row

    def status(self, who):
        return who.ask("GET", "/api/v1/registers/findings").status

    def soon(self, who, status):
        end = time.monotonic() + LIMIT_S
        while self.status(who) != status and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(self.status(who), status)

    # ---- time ----

    def test_from_the_first_moment_until_the_last(self):
        bea = self.officer("Bea")
        self.assertEqual(self.status(bea), 403)
        draft = self.appoint(bea, signed=False, begins=moment(time.time() - 60))
        self.assertEqual(self.status(bea), 403)
        begins = time.time() + 2
        ends = begins + 3
        draft = self.change("appointments", draft, {"begins": moment(begins), "ends": moment(ends)})
        signed = self.move(draft, "signed")
        seen = []
        while time.time() < ends + 1:
            before = time.time()
            seen.append((before, self.status(bea), time.time()))
            time.sleep(0.05)
        for before, status, after in seen:  # the clock of the node is this one; a moment is what is written, to the millisecond
            if after < begins - 0.002 or before > ends + 0.002:
                self.assertEqual(status, 403, (begins, ends, before, after))
            elif before > begins + 0.002 and after < ends - 0.002:
                self.assertEqual(status, 200, (begins, ends, before, after))
        self.assertEqual({s for _, s, _ in seen}, {200, 403})
        self.assertEqual(bea.ask("GET", "/api/v1/session").status, 200)  # signed in all the time
        self.move(signed, "revoked")

    def test_tokens_have_the_scopes_of_the_appointment(self):
        """A program of an officer: what his appointment gives, and as long as it holds."""
        dana = self.officer("Dana")
        want = {"name": "script", "scopes": "registers.read", "last_day": time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400)), "password": PASSWORD}
        self.assertEqual(dana.send("POST", "/api/v1/account/tokens", want).status, 400)  # nothing to give
        row = self.appoint(dana)
        self.assertEqual(dana.ask("GET", "/api/v1/account/tokens").json()["scopes"], ["registers.read", "registers.write"])
        self.assertEqual(dana.send("POST", "/api/v1/account/tokens", {**want, "scopes": "watch"}).status, 400)
        made = dana.send("POST", "/api/v1/account/tokens", want)
        self.assertEqual(made.status, 201, made.body)
        program = Browser(self.node)
        ask = lambda: program.ask("GET", "/api/v1/registers/findings", None, {"Authorization": "Bearer " + made.json()["token"]}).status
        self.assertEqual(ask(), 200)
        self.move(row, "revoked")
        self.assertEqual(ask(), 403)

    def test_revoked_and_ended_at_once(self):
        cleo = self.officer("Cleo")
        row = self.appoint(cleo, "Parks office")
        self.assertEqual(self.status(cleo), 200)
        told = cleo.ask("GET", "/api/v1/session").json()["user"]
        self.assertEqual([(a["organisation"], a["function"], a["role_title"], a["ends"]) for a in told["appointments"]],
                         [("Ourtown/Parks", "security_officer", "Delegated security officer", None)])
        self.assertEqual(told["rights"], ["registers.read", "registers.write"])
        self.move(row, "revoked")
        self.assertEqual(self.status(cleo), 403)
        self.assertEqual(cleo.ask("GET", "/api/v1/session").json()["user"]["appointments"], [])
        row = self.appoint(cleo, "Parks office")
        self.assertEqual(self.status(cleo), 200)
        self.assertEqual(self.tom.send("POST", "/api/v1/users/%s/person" % cleo.id, {"person": "", "why": "not hers"}).status, 204)
        self.assertEqual(self.status(cleo), 403)
        self.move(row, "revoked")
        with sqlite3.connect(os.path.join(self.node.data, "records.db")) as db:
            trail = db.execute("SELECT who, before_value, after_value, why FROM audit WHERE what = 'user.person' AND subject = ? ORDER BY seq", (cleo.id,)).fetchall()
        self.assertEqual(trail, [("Tom", "", cleo.row["id"], ""), ("Tom", cleo.row["id"], "", "not hers")])

    # ---- place ----

    def test_in_its_department_and_nowhere_else(self):
        dan = self.officer("Dan")
        row = self.appoint(dan)
        a = dan.ask("GET", "/api/v1/registers/findings").json()
        self.assertIn(self.findings["Ourtown/Works"], [i["id"] for i in a["items"]])
        self.assertEqual({i["organisation"] for i in a["items"]}, {"Ourtown/Works"})
        self.assertEqual(a["count"], len(a["items"]))
        one = lambda ident: dan.ask("GET", "/api/v1/registers/findings/" + ident)
        self.assertEqual(one(self.findings["Ourtown/Works"]).status, 200)
        for organisation in ("Ourtown", "Ourtown/Parks", "Village"):
            other = one(self.findings[organisation])
            self.assertEqual((other.status, other.body), (404, one(ABSENT).body))
        export = dan.ask("GET", "/api/v1/registers/findings/export").body
        self.assertIn(b"Of Ourtown/Works", export)
        for word in (b"Of Ourtown/Parks", b"Of Village", b"Of Ourtown,"):
            self.assertNotIn(word, export)
        made = self.make(dan, "findings", finding("A loose cable"))  # his place is taken for granted
        self.assertEqual(made["organisation"], "Ourtown/Works")
        a = dan.send("POST", "/api/v1/registers/findings", {"fields": finding("x"), "organisation": "Ourtown/Parks"})
        self.assertEqual(a.status, 403, a.body)
        for path in ("/api/v1/users", "/api/v1/alerts", "/api/v1/hunts", "/api/v1/today"):  # only registers ask for each thing in its organisation
            self.assertEqual(dan.ask("GET", path).status, 403, path)
        self.move(row, "revoked")

    def test_no_other_town(self):
        eve = self.officer("Eve")
        claimed = self.make(self.tom, "organisations", {"name": "Claimed", "type": "department", "code": "Village/Hall", "parent": self.rows["Ourtown"]["id"]})
        unit = self.make(self.tom, "units", {"name": "Claimed office", "part_of": claimed["id"]})
        self.rows["Claimed office"] = unit
        row = self.appoint(eve, "Claimed office")
        self.assertEqual(self.status(eve), 403)
        self.move(row, "revoked")
        city = self.make(self.tom, "units", {"name": "Town hall", "part_of": self.rows["Ourtown"]["id"]})
        self.rows["Town hall"] = city  # keeps no records of its own: an appointment for it opens none of the town's
        row = self.appoint(eve, "Town hall")
        self.assertEqual(self.status(eve), 403)
        self.move(row, "revoked")
        away = self.make(self.admin, "people", {"name": "Somebody of the node"})
        a = self.tom.send("POST", "/api/v1/users/%s/person" % eve.id, {"person": away["id"]})
        self.assertEqual(a.status, 404, a.body)
        self.assertEqual(self.tom.send("POST", "/api/v1/users/%s/person" % self.admin_id(), {"person": eve.row["id"]}).status, 404)
        a = self.admin.send("POST", "/api/v1/users/%s/person" % self.tom.id, {"person": eve.row["id"]})
        self.assertEqual(a.status, 409, a.body)  # another account is that person's

    def admin_id(self):
        return next(u["id"] for u in self.admin.ask("GET", "/api/v1/users").json()["items"] if u["name"] == "Anna")

    def test_whole_town_and_below(self):
        fay = self.officer("Fay")
        row = self.appoint(fay, None, function="ciso")
        listed = {i["organisation"] for i in fay.ask("GET", "/api/v1/registers/findings?limit=200").json()["items"]}
        self.assertEqual(listed, {"Ourtown", "Ourtown/Works", "Ourtown/Parks"})  # roles/ciso.yml reaches below
        self.move(row, "revoked")
        row = self.appoint(fay, None, function="data_protection_officer")
        listed = {i["organisation"] for i in fay.ask("GET", "/api/v1/registers/findings?limit=200").json()["items"]}
        self.assertEqual(listed, {"Ourtown"})
        self.move(row, "revoked")
        row = self.appoint(fay, None, function="crisis_role")  # gives no role
        self.assertEqual(self.status(fay), 403)
        self.move(row, "revoked")

    # ---- deputies ----

    def test_a_deputy_acts_while_the_officer_is_away(self):
        gus, hal = self.officer("Gus"), self.officer("Hal")
        row = self.appoint(gus, deputy=hal.row["id"])
        self.assertEqual((self.status(gus), self.status(hal)), (200, 403))
        gus.row = self.change("people", gus.row, {"away_from": moment(time.time() - 5), "away_until": moment(time.time() + 2)})
        self.assertEqual(self.status(hal), 200)
        self.soon(hal, 403)  # back again
        gus.row = self.change("people", gus.row, {"away_from": moment(time.time() - 5), "away_until": None})
        self.assertEqual(self.status(hal), 200)
        gus.row = self.change("people", gus.row, {"away_from": None})
        self.assertEqual(self.status(hal), 403)
        self.move(row, "revoked")
        row = self.appoint(hal, function="deputy")  # of a unit that has no officer
        self.assertEqual(self.status(hal), 200)
        officer = self.appoint(gus)
        self.assertEqual((self.status(gus), self.status(hal)), (200, 403))
        self.move(officer, "revoked")
        self.assertEqual(self.status(hal), 200)
        self.move(row, "revoked")
        self.assertEqual(self.status(hal), 403)

    # ---- gaps ----

    def test_gaps_are_shown(self):
        ida = self.officer("Ida")
        day = 24 * 3600
        start = time.time()
        gaps = lambda who, days=30: who.ask("GET", "/api/v1/appointments/gaps?days=%d" % days)
        mine = lambda a, unit: [(g["function"], g["from"], g["to"]) for g in a.json()["items"] if g["unit"] == self.rows[unit]["id"]]
        a = gaps(self.tom)
        self.assertEqual([g[0] for g in mine(a, "Works office")], ["security_officer"])
        self.assertEqual({(g["organisation"], g["function"]) for g in a.json()["items"] if g["unit"] == ""},
                         {("Ourtown", "ciso"), ("Ourtown", "data_protection_officer")})
        row = self.appoint(ida, begins=moment(start + 3 * day), ends=moment(start + 10 * day))
        a = gaps(self.tom)
        self.assertEqual(mine(a, "Works office"), [("security_officer", a.json()["from"], row["fields"]["begins"]), ("security_officer", row["fields"]["ends"], a.json()["to"])])
        self.assertEqual(mine(gaps(self.tom, 2), "Works office")[0][1:], (gaps(self.tom, 2).json()["from"], gaps(self.tom, 2).json()["to"]))
        self.assertEqual(len(mine(gaps(self.tom), "Parks office")), 1)
        self.assertEqual(gaps(self.tom, 0).status, 400)
        self.assertEqual(gaps(self.tom, 401).status, 400)
        self.assertEqual(gaps(ida).status, 403)
        other = self.person("Vic", "administrator", "Village")
        self.assertEqual({g["organisation"] for g in gaps(other).json()["items"]}, {"Village"})
        self.move(row, "revoked")

    # ---- one's own page ----

    def test_own_department(self):
        jon, kay = self.officer("Jon"), self.officer("Kay")
        me = lambda who: who.ask("GET", "/api/v1/me").json()
        self.assertEqual((me(jon)["organisations"], me(jon)["appointments"], me(jon)["person"]), ([], [], jon.row["id"]))
        start = time.time()
        now = self.appoint(jon, deputy=kay.row["id"], ends=moment(start + 3600))
        later = self.appoint(jon, "Parks office", begins=moment(start + 3600))
        self.appoint(jon, "Parks office", begins=moment(start - 3600), ends=moment(start - 60))
        self.appoint(jon, "Parks office", signed=False, begins=moment(start + 7200))
        told = me(jon)
        self.assertEqual(told["organisations"], [{"organisation": "Ourtown/Works", "by": "appointment", "below": False}])
        self.assertEqual([(a["id"], a["unit"], a["deputy"], a["act"], a["holds"], a["acts"], a["as_deputy"], a["ends"]) for a in told["appointments"]],
                         [(now["id"], "Works office", "Kay", "1/26", True, True, False, now["fields"]["ends"]),
                          (later["id"], "Parks office", "", "1/26", False, False, False, None)])
        deputy = me(kay)
        self.assertEqual([(a["id"], a["person"], a["as_deputy"], a["acts"]) for a in deputy["appointments"]], [(now["id"], "Jon", True, False)])
        self.assertEqual(deputy["organisations"], [])
        jon.row = self.change("people", jon.row, {"away_from": moment(start - 60)})
        deputy = me(kay)
        self.assertEqual([a["acts"] for a in deputy["appointments"]], [True])
        self.assertEqual([o["organisation"] for o in deputy["organisations"]], ["Ourtown/Works"])
        for row in (now, later):
            self.move(row, "revoked")
        self.assertEqual((me(jon)["appointments"], me(jon)["organisations"]), ([], []))
        self.assertEqual([(o["organisation"], o["by"]) for o in me(self.tom)["organisations"]], [("Ourtown", "account")])


if __name__ == "__main__":
    unittest.main()
