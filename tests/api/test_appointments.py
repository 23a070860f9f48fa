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
from node import LIMIT_S, Browser, Node, Stream, wait_until

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

    def in_time(self, what):
        """A test that must be done with something before a moment comes: where the machine was too slow for that, again with more time.
        what(seconds) is None where it was not done in time."""
        for seconds in (2, 10, 50):
            got = what(seconds)
            if got is not None:
                return got
        raise AssertionError("not even 50 s were enough")

    def test_from_the_first_moment_until_the_last(self):
        bea = self.officer("Bea")
        self.assertEqual(self.status(bea), 403)

        def watched(seconds):
            draft = self.appoint(bea, signed=False, begins=moment(time.time() - 60))
            self.assertEqual(self.status(bea), 403)
            begins = time.time() + seconds
            ends = begins + seconds
            draft = self.change("appointments", draft, {"begins": moment(begins), "ends": moment(ends)})
            signed, seen = self.move(draft, "signed"), []
            while time.time() < ends + 0.5:
                before = time.time()
                seen.append((before, self.status(bea), time.time()))
                time.sleep(0.05)
            sure = {"before": [], "while": [], "after": []}  # the clock of the node is this one; a moment is what is written, to the millisecond
            for before, status, after in [*seen, (time.time(), self.status(bea), time.time())]:
                if after < begins - 0.002:
                    sure["before"].append(status)
                elif before > begins + 0.002 and after < ends - 0.002:
                    sure["while"].append(status)
                elif before > ends + 0.002:
                    sure["after"].append(status)
            self.move(signed, "revoked")
            return sure if all(sure.values()) else None
        self.assertEqual({when: set(got) for when, got in self.in_time(watched).items()}, {"before": {403}, "while": {200}, "after": {403}})
        self.assertEqual(bea.ask("GET", "/api/v1/session").status, 200)  # signed in all the time

    def test_tokens_have_the_scopes_of_the_appointment(self):
        """A program of an officer: what his appointment gives, and as long as it holds."""
        dana = self.officer("Dana")
        want = {"name": "script", "scopes": "registers.read", "last_day": time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400)), "password": PASSWORD}
        self.assertEqual(dana.send("POST", "/api/v1/account/tokens", want).status, 400)  # nothing to give
        row = self.appoint(dana)
        self.assertEqual(dana.ask("GET", "/api/v1/account/tokens").json()["scopes"], ["watch", "registers.read", "registers.write", "persons.read", "persons.show"])
        self.assertEqual(dana.send("POST", "/api/v1/account/tokens", {**want, "scopes": "people.manage"}).status, 400)
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
        self.assertEqual(told["rights"], ["watch", "registers.read", "registers.write", "persons.read", "persons.show"])
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
        for path in ("/api/v1/users", "/api/v1/tokens", "/api/v1/holds", "/api/v1/items"):  # these ask for the organisation of the account
            self.assertEqual(dan.ask("GET", path).status, 403, path)
        self.move(row, "revoked")

    # ---- what happens there ----

    def happen(self, *titles):
        """An alert of each organisation that such a title begins with; by title, once they are in."""
        for title in titles:
            self.node.alert(level="high@" + title.split(":")[0], title=title)
        there = lambda: {i["rule"]["title"]: i for i in self.admin.ask("GET", "/api/v1/alerts?limit=500").json()["items"]}
        wait_until(lambda: all(t in there() for t in titles), "alerts")
        return there()

    def hunted(self, *organisations):
        """Hunts that are over, as no compiler of this node runs one; ids by organisation."""
        made = {o: "018f0000-0000-7000-8000-00000000000%d" % n for n, o in enumerate(organisations)}
        with sqlite3.connect(os.path.join(self.node.data, "records.db"), timeout=30) as db:
            names = [r[1] for r in db.execute("PRAGMA table_info(hunt)") if r[3]]
            for o, ident in made.items():
                row = {**{n: 0 for n in names}, "id": ident, "organisation": o, "who": "Tom", "why": "an old pump", "problem": "", "status": 3}
                db.execute("INSERT INTO hunt (%s) VALUES (%s)" % (", ".join(row), ", ".join("?" * len(row))), list(row.values()))
        db.close()
        return made

    def test_hears_of_what_happens_there(self):
        jon, kim = self.officer("Jon"), self.officer("Kim")
        works, parks, village = "Ourtown/Works: one", "Ourtown/Parks: one", "Village: one"
        alerts = self.happen(works, parks, village, "Ourtown: one")
        self.assertEqual(jon.ask("GET", "/api/v1/alerts").status, 403)
        row = self.appoint(jon)
        mine = lambda who, query="": who.ask("GET", "/api/v1/alerts?limit=500" + query).json()
        a = mine(jon)
        self.assertIn(works, [i["rule"]["title"] for i in a["items"]])
        self.assertEqual({i["organisation"] for i in a["items"]}, {"Ourtown/Works"})
        self.assertEqual((a["counts"]["open"], a["counts"]["oldest_open"]), (len(a["items"]), a["items"][-1]["received"]))
        self.assertEqual(mine(jon, "&host=web1")["items"], a["items"])
        one = lambda who, title: who.ask("GET", "/api/v1/alerts/" + alerts[title]["id"])
        absent = jon.ask("GET", "/api/v1/alerts/" + "0" * 32)
        self.assertEqual((one(jon, works).status, absent.status), (200, 404))
        self.assertNotEqual(one(jon, works).json()["record"]["text"], "")
        for title in (parks, village, "Ourtown: one"):
            self.assertEqual((one(jon, title).status, one(jon, title).body), (404, absent.body), title)
        take = lambda who, title: who.send("POST", "/api/v1/alerts/%s/acknowledge" % alerts[title]["id"], {"revision": 1}).status
        self.assertEqual([take(jon, t) for t in (works, parks)], [403, 403])  # roles/officer.yml: he hears of it, the watch works on it
        figures = jon.ask("GET", "/api/v1/today").json()
        self.assertEqual(sum(f["count"] for f in figures["alerts"] if f["level"] is not None), a["counts"]["open"])
        self.assertEqual(figures["sources"]["all"], 1)
        self.assertNotIn("copy", figures)  # of the whole node
        sources = jon.ask("GET", "/api/v1/sources").json()
        self.assertEqual([s["organisation"] for s in sources["items"]], ["Ourtown/Works"])
        self.assertIsNone(sources["unknown"])
        for path in ("/api/v1/rules/costs", "/api/v1/copy"):
            self.assertEqual(jon.ask("GET", path).status, 403, path)
        # Live, and in hunts: those of his department, which the CISO above starts.
        ciso = self.appoint(kim, None, function="ciso")
        self.assertEqual({i["organisation"] for i in mine(kim)["items"]}, {"Ourtown", "Ourtown/Works", "Ourtown/Parks"})
        page = Stream(jon)
        self.happen("Ourtown/Parks: two", "Ourtown/Works: two")
        self.assertEqual(page.next(("alert",))[1]["rule"]["title"], "Ourtown/Works: two")
        self.assertEqual(take(kim, village), 404)
        self.assertEqual([take(kim, t) for t in (works, parks)], [200, 200])
        self.assertEqual(page.next(("alert", "change"))[1]["id"], alerts[works]["id"])
        hunt = lambda who, **more: who.send("POST", "/api/v1/hunts", {"why": "looking for the old pump", "search": "pump", **more}).status
        self.assertEqual((hunt(jon), hunt(kim, organisation="Village")), (403, 403))
        made = self.hunted("Ourtown", "Ourtown/Works", "Ourtown/Parks", "Village")
        listed = lambda who: {h["organisation"] for h in who.ask("GET", "/api/v1/hunts").json()["items"]}
        self.assertEqual((listed(jon), listed(kim)), ({"Ourtown/Works"}, {"Ourtown", "Ourtown/Works", "Ourtown/Parks"}))
        other = jon.ask("GET", "/api/v1/hunts/" + made["Ourtown/Parks"])
        self.assertEqual((other.status, other.body), (404, jon.ask("GET", "/api/v1/hunts/" + ABSENT).body))
        stop = lambda who, town: who.send("POST", "/api/v1/hunts/%s/cancel" % made[town]).status
        self.assertEqual([stop(jon, "Ourtown/Works"), stop(kim, "Ourtown/Works"), stop(kim, "Village")], [403, 409, 404])  # 409: it had ended
        # With the end of the act all of it is over, in the same session.
        self.move(row, "revoked")
        for path in ("alerts", "alerts/" + alerts[works]["id"], "sources", "hunts", "today", "stream"):
            self.assertEqual(jon.ask("GET", "/api/v1/" + path).status, 403, path)
        self.move(ciso, "revoked")
        self.assertEqual(mine(self.tom)["counts"]["open"], len([t for t in self.happen() if t.startswith("Ourtown: ")]))
        page.close()

    def test_an_open_page_hears_no_more_when_the_act_ends(self):
        lea = self.officer("Lea")

        def heard(seconds):
            ends = time.time() + seconds
            row = self.appoint(lea, ends=moment(ends))
            if self.status(lea) != 200:
                return self.move(row, "revoked") and None
            page, title = Stream(lea), "Ourtown/Works: before, in %d s" % seconds
            self.happen(title)
            if time.time() > ends - seconds / 4:  # it may come too late to be heard
                page.close()
                return self.move(row, "revoked") and None
            return page, row, ends, title
        page, row, ends, title = self.in_time(heard)
        self.assertEqual(page.next(("alert",))[1]["rule"]["title"], title)
        wait_until(lambda: time.time() > ends, "the end")
        self.happen("Ourtown/Works: after")
        page.c.sock.settimeout(1)
        with self.assertRaises(TimeoutError):
            page.next(("alert",))
        page.close()
        self.move(row, "revoked")

    def test_what_two_ways_give_is_given_by_neither(self):
        """An account that works on the alerts of its town, and an appointment by which one only hears of those of a department."""
        max_ = self.person("Max", "analyst", "Ourtown", self.tom)
        max_.row = self.make(self.tom, "people", {"name": "Max"})
        self.assertEqual(self.tom.send("POST", "/api/v1/users/%s/person" % max_.id, {"person": max_.row["id"]}).status, 204)
        row = self.appoint(max_)
        alerts = self.happen("Ourtown: mine", "Ourtown/Works: heard")
        take = lambda title: max_.send("POST", "/api/v1/alerts/%s/acknowledge" % alerts[title]["id"], {"revision": 1}).status
        self.assertEqual({i["organisation"] for i in max_.ask("GET", "/api/v1/alerts?limit=500").json()["items"]}, {"Ourtown", "Ourtown/Works"})
        self.assertEqual((take("Ourtown: mine"), take("Ourtown/Works: heard")), (200, 403))
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

    def looks_after_reads(self, officer):
        """Who is data protection officer of a town by appointment sees who read what its records say of persons, and of no other's."""
        a = self.admin.send("POST", "/api/v1/registers/people", {"fields": {"name": "Vera"}, "organisation": "Village"})
        self.assertEqual(a.status, 201, a.body)
        for who in (officer.row["id"], a.json()["id"]):
            self.assertEqual(self.admin.ask("GET", "/api/v1/registers/people/" + who).status, 200)
        rows = officer.ask("GET", "/api/v1/privacy/reads").json()["items"]
        self.assertEqual({r["organisation"] for r in rows}, {"Ourtown"})
        self.assertIn(("Anna", [officer.row["id"]]), [(r["who"], r["records"]) for r in rows])
        self.assertEqual(officer.ask("GET", "/api/v1/privacy/searches").status, 200)
        self.assertIn("person", {r["kind"] for r in officer.ask("GET", "/api/v1/privacy/retention").json()["items"]})

    def test_whole_town_and_below(self):
        fay = self.officer("Fay")
        row = self.appoint(fay, None, function="ciso")
        listed = {i["organisation"] for i in fay.ask("GET", "/api/v1/registers/findings?limit=200").json()["items"]}
        self.assertEqual(listed, {"Ourtown", "Ourtown/Works", "Ourtown/Parks"})  # roles/ciso.yml reaches below
        self.move(row, "revoked")
        row = self.appoint(fay, None, function="data_protection_officer")
        listed = {i["organisation"] for i in fay.ask("GET", "/api/v1/registers/findings?limit=200").json()["items"]}
        self.assertEqual(listed, {"Ourtown"})
        self.looks_after_reads(fay)
        self.move(row, "revoked")
        self.assertEqual(fay.ask("GET", "/api/v1/privacy/reads").status, 403)
        self.assertEqual(fay.ask("GET", "/api/v1/privacy/retention").status, 403)
        row = self.appoint(fay, None, function="crisis_role")  # gives no role
        self.assertEqual(self.status(fay), 403)
        self.move(row, "revoked")

    # ---- which addresses ----

    def test_what_each_function_opens(self):
        """Every route, to an account that may nothing by itself, as tests/api/appointment_matrix.txt has it."""
        here = os.path.dirname(os.path.abspath(__file__))

        def table(name):
            with open(os.path.join(here, name), encoding="utf-8") as f:
                return [line.split() for line in f]

        head, *rows = table("appointment_matrix.txt")
        functions = head[3:]
        self.assertGreaterEqual(set(functions), {"ciso", "security_officer", "data_protection_officer"})
        opened = {(r[0], r[1]): dict(zip(functions, r[3:])) for r in rows}
        routes = [(r[0], r[1]) for r in table("permission_matrix.txt")[1:] if "." in r[2] or r[2] == "watch"]
        who = self.officer("Ned")
        for function in functions:
            row = self.appoint(who, "Works office" if function == "security_officer" else None, function=function)
            for method, path in routes:
                c = who.connection()
                c.request(method, path.replace("{", "").replace("}", ""), None if method == "GET" else b"{}",
                          who.headers({"X-Sereno-CSRF": who.csrf, "Content-Type": "application/json"}))
                a = c.getresponse()
                body = b"" if path.endswith("/stream") and a.status == 200 else a.read()
                c.close()
                refused = a.status == 403 and (b'"not_permitted"' in body or not path.startswith("/api/"))
                may = opened.get((method, path), {}).get(function, "-") == "yes"
                whole = b"numbers over all organisations" in body  # what is open to the whole node's people
                self.assertEqual(refused and not (may and whole), not may, (function, method, path, a.status, body))
                self.assertLess(a.status, 500, (function, method, path, body))
            self.move(row, "revoked")

    # ---- deputies ----

    def test_a_deputy_acts_while_the_officer_is_away(self):
        gus, hal = self.officer("Gus"), self.officer("Hal")
        row = self.appoint(gus, deputy=hal.row["id"])
        self.assertEqual((self.status(gus), self.status(hal)), (200, 403))

        def away(seconds):
            until = time.time() + seconds
            gus.row = self.change("people", gus.row, {"away_from": moment(time.time() - 5), "away_until": moment(until)})
            got = self.status(hal)
            return got if time.time() < until else None
        self.assertEqual(self.in_time(away), 200)
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
        a = gaps(self.tom, 2)
        self.assertEqual(mine(a, "Works office")[0][1:], (a.json()["from"], a.json()["to"]))
        self.assertEqual(len(mine(gaps(self.tom), "Parks office")), 1)
        self.assertEqual(gaps(self.tom, 0).status, 400)
        self.assertEqual(gaps(self.tom, 401).status, 400)
        self.assertEqual(gaps(ida).status, 403)
        other = self.person("Vic", "administrator", "Village")
        self.assertEqual({g["organisation"] for g in gaps(other).json()["items"]}, {"Village"})
        # A department has the CISO and the data protection officer of its town: the files of these roles say which levels need one.
        wim = self.person("Wim", "administrator", "Ourtown/Works")
        self.assertEqual(gaps(wim).json()["items"], [])
        self.make(wim, "units", {"name": "Workshop"})
        self.assertEqual({(g["title"], g["function"]) for g in gaps(wim).json()["items"]}, {("Workshop", "security_officer")})
        self.make(wim, "organisations", {"name": "Works Ltd", "code": "Ourtown/Works", "type": "enterprise"})
        self.assertEqual({g["function"] for g in gaps(wim).json()["items"] if g["unit"] == ""}, {"ciso", "data_protection_officer"})
        self.move(row, "revoked")

    # ---- one's own page ----

    def test_own_department(self):
        jon, kay = self.officer("Joris"), self.officer("Kaya")
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
                         [(now["id"], "Works office", "Kaya", "1/26", True, True, False, now["fields"]["ends"]),
                          (later["id"], "Parks office", "", "1/26", False, False, False, None)])
        # What the act opens; its record is the town's, and not open to who is appointed for a department.
        self.assertEqual({(*a["rights"], a["readable"]) for a in told["appointments"]},
                         {("watch", "registers.read", "registers.write", "persons.read", "persons.show", False)})
        deputy = me(kay)
        self.assertEqual([(a["id"], a["person"], a["as_deputy"], a["acts"]) for a in deputy["appointments"]], [(now["id"], "Joris", True, False)])
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
