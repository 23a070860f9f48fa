#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The figures of Today: each is the count of the list that it opens, for every role of two towns, and none is missing. usage: tests/api/test_today.py PROGRAM"""
import calendar
import datetime
import json
import os
import random
import shutil
import sys
import tempfile
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node, wait_until
from record_kit import fields_of

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
TOWNS = ("lantern", "harbour")
SOON_DAYS = 30


def day(offset):
    return (datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=offset)).isoformat()


def months_on(text, months):
    y, m, d = (int(x) for x in text[:10].split("-"))
    y, m = y + (m - 1 + months) // 12, (m - 1 + months) % 12 + 1
    return datetime.date(y, m, min(d, calendar.monthrange(y, m)[1])).isoformat()


def due_days(schema, fields):
    """Name, states and day of each due date of a record, as x-due says; the reader sees the fields that are given."""
    final = {s["id"] for s in schema["x-states"]["list"] if s.get("final")}
    open_states = [s["id"] for s in schema["x-states"]["list"] if s["id"] not in final]
    for d in schema.get("x-due", ()):
        said, since = fields.get(d.get("field"), "")[:10], fields.get(d.get("from"), "")[:10]
        how = d.get("every", d.get("before"))
        count = fields.get(how) if isinstance(how, str) else how
        counted = None
        if since and count is not None:
            counted = months_on(since, count) if "every" in d else (datetime.date.fromisoformat(since) - datetime.timedelta(days=count)).isoformat()
        stale = said and since and "every" in d and said <= since
        yield d.get("name", d.get("field")), d.get("states", open_states), (counted if stale or not said else said) or None


class Today(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-today-")
        cls.node = Node(PROGRAM, cls.folder)
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.admin = Browser(cls.node)
        assert cls.admin.setup(link.group(2), "Anna", PASSWORD).status == 303
        for k in cls.admin.get("/api/v1/register-kinds").json()["items"]:
            if not k["on"]:
                a = cls.admin.send("PUT", "/api/v1/register-kinds/" + k["name"], {"to": "on"})
                assert a.status in (200, 409), a.body
        cls.kinds = cls.admin.get("/api/v1/registers").json()["items"]
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "roles")
        cls.readers = {}
        for role in sorted(f[:-4] for f in os.listdir(folder) if f.endswith(".yml") and f != "appointed.yml"):
            for town in TOWNS:
                cls.readers[role, town] = cls.person("%s of %s" % (role, town), role, town)
        cls.day = day(0)
        cls.fill()

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    @classmethod
    def person(cls, name, role, town):
        a = cls.admin.send("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "role": role, "organisation": town})
        assert a.status == 201, a.body
        b = Browser(cls.node)
        assert b.login(name, PASSWORD).status == 303
        return b

    @classmethod
    def fill(cls):
        """Records of every kind whose days lie around today; some findings are being mended."""
        rng = random.Random(2)
        for town in TOWNS:
            maker, links = cls.readers["administrator", town], {}
            for round_ in range(6):
                for k in cls.kinds:
                    fields = fields_of(rng, k["schema"], links)
                    for name, part in k["schema"]["properties"].items():
                        if part.get("format") == "date":
                            fields[name] = day(rng.choice((-40, -1, 0, 3, 30, 31, 90)))
                        elif part.get("format") == "date-time":
                            fields[name] = day(rng.choice((-40, -1, 0, 3, 30, 31, 90))) + "T10:00:00Z"
                    for name, others in k["schema"].get("dependentRequired", {}).items():
                        if name in fields and any(o not in fields for o in others):
                            del fields[name]
                    a = maker.send("POST", "/api/v1/registers/" + k["plural"], {"fields": fields, "tlp": rng.choice(("AMBER+STRICT", "RED"))})
                    if a.status == 422:
                        continue  # it needs another record that is not there yet, or its days must follow one another
                    assert a.status == 201, (k["name"], a.body)
                    links.setdefault(k["name"], []).append(a.json()["id"])
            for _ in range(4):
                a = maker.send("POST", "/api/v1/registers/findings", {"fields": {"title": "Old", "origin": "audit", "severity": "low", "found": day(-9),
                                                                               "owner": "Bo", "due": day(rng.choice((-1, 0))), "retest": day(9)}})
                assert a.status == 201, a.body
                b = maker.ask("POST", "/api/v1/registers/findings/%s/move" % a.json()["id"], json.dumps({"to": "fixing"}), headers={"If-Match": '"1"', "Content-Type": "application/json", **cls.csrf(maker)})
                assert b.status == 200, b.body

    @staticmethod
    def csrf(browser):
        return {"X-Sereno-CSRF": browser.get("/api/v1/session").json()["csrf"]}

    def walk(self, browser, path, query):
        """All items of a list, over its pages."""
        out, cursor = [], None
        while True:
            q = dict(query, **({"cursor": cursor} if cursor else {}))
            a = browser.get(path + "?" + urllib.parse.urlencode(q))
            self.assertEqual(a.status, 200, a.body)
            out += a.json()["items"]
            cursor = a.json()["next"]
            if cursor is None:
                return out

    def figures_of_records(self, reader):
        b = self.readers[reader]
        today = b.get("/api/v1/today")
        self.assertEqual(today.status, 200, today.body)
        told = {}
        for f in today.json()["due"]:
            query = {"state": f["state"], f["field"] + ".to": f["to"], **({f["field"] + ".from": f["from"]} if f["from"] else {})}
            items = self.walk(b, "/api/v1/registers/" + f["plural"], query)
            self.assertEqual((f["count"], f["more"]), (len(items), False), (reader, f))
            self.assertGreater(f["count"], 0)
            told[f["kind"], f["field"], f["state"], f["past"]] = f["count"]
        return told

    def expected(self, reader, dated):
        """The same, from all records that he may read, one by one."""
        want, seen = {}, self.readers[reader].get("/api/v1/registers").json()["items"]
        for k in seen:
            for r in self.walk(self.readers[reader], "/api/v1/registers/" + k["plural"], {"limit": 200}):
                for name, counts, when in due_days(k["schema"], r["fields"]):
                    if name not in dated.get(k["name"], ()) or r["state"] not in counts or when is None or when > day(SOON_DAYS):
                        continue
                    key = (k["name"], name, r["state"], when < self.day)
                    want[key] = want.get(key, 0) + 1
        return want

    def test_1_records(self):
        dated = {}
        for kind, field, _, _ in self.figures_of_records(("administrator", "lantern")) | self.figures_of_records(("administrator", "harbour")):
            dated.setdefault(kind, set()).add(field)
        self.assertGreater(sum(map(len, dated.values())), 20)
        self.assertLessEqual({"due", "retest"}, dated["finding"])
        for reader in self.readers:
            told, want = self.figures_of_records(reader), self.expected(reader, dated)
            if day(0) != self.day:
                self.skipTest("midnight came between")
            self.assertEqual(told, want, reader)
        mending = self.figures_of_records(("administrator", "lantern"))
        self.assertTrue(any(k[:3] == ("finding", "due", "fixing") for k in mending))

    def test_1_list_of_what_is_due(self):
        """Over all kinds, page by page, the first day first; as each record says, and as the lists of the kinds have it."""
        last = day(60)
        for reader in self.readers:
            b = self.readers[reader]
            kinds = {k["name"]: k for k in b.get("/api/v1/registers").json()["items"]}
            items = self.walk(b, "/api/v1/due", {"limit": 7, "to": last})
            self.assertEqual([(i["due"]["day"], i["id"]) for i in items], sorted((i["due"]["day"], i["id"]) for i in items))
            want = {}
            for k in kinds.values():
                unseen = k["hidden"] + k["masked"]
                sees = all(f not in unseen for d in k["schema"].get("x-due", ()) for f in (d.get("field"), d.get("from"), d.get("every"), d.get("before")))
                for r in self.walk(b, "/api/v1/registers/" + k["plural"], {"limit": 200}):
                    first = min(((when, name) for name, counts, when in due_days(k["schema"], r["fields"]) if when and r["state"] in counts), default=None)
                    if "x-due" not in k["schema"]:
                        self.assertNotIn("due", r)
                        continue
                    if sees:
                        self.assertEqual(r["due"] and r["due"]["day"], first and first[0], (reader, k["name"], r))
                    if sees and first and first[0] <= last:
                        want[r["id"]] = first[0]
                query = {"due_day.to": last, "sort": "due_day", "limit": 200}
                a = b.get("/api/v1/registers/%s?%s" % (k["plural"], urllib.parse.urlencode(query)))
                veiled = any(f in k["masked"] for d in k["schema"].get("x-due", ()) for f in (d.get("field"), d.get("from"), d.get("every"), d.get("before")))
                self.assertEqual(a.status, 403 if veiled else 200 if sees and "x-due" in k["schema"] else 400, (reader, k["name"], a.body))
                if a.status == 200:
                    self.assertEqual({r["id"]: r["due"]["day"] for r in a.json()["items"]}, {i: d for i, d in want.items() if i in {r["id"] for r in a.json()["items"]}})
                    self.assertEqual(len(a.json()["items"]), len([i for i in items if i["kind"] == k["name"]]))
            self.assertEqual({i["id"]: i["due"]["day"] for i in items}, want, reader)
            for i in items if day(0) == self.day else []:  # else midnight came between
                self.assertEqual(i["due"]["in"], (datetime.date.fromisoformat(i["due"]["day"]) - datetime.date.fromisoformat(self.day)).days)
        admin = self.readers["administrator", "lantern"]
        self.assertGreater(len(admin.get("/api/v1/due?limit=200").json()["items"]), 20)
        self.assertTrue(all(i["mine"] for i in admin.get("/api/v1/due").json()["items"] if i["organisation"] == "lantern"))
        for bad in ("to=soon", "to=2026-13-01", "limit=0", "limit=201", "cursor=x", "cursor=2026-12-01.y", "what=1"):
            self.assertEqual(admin.get("/api/v1/due?" + bad).status, 400, bad)

    def test_2_alerts(self):
        for i, level in enumerate(("critical", "high", "high", "low")):
            self.node.alert(level=level, host="web%d" % i, title="Today %d" % i)
        b = self.readers["administrator", "lantern"]
        wait_until(lambda: b.get("/api/v1/alerts").json()["counts"]["open"] == 4, "four alerts")
        first = b.get("/api/v1/alerts").json()["items"][0]
        self.assertEqual(b.send("POST", "/api/v1/alerts/%s/acknowledge" % first["id"], {"revision": first["revision"]}).status, 200)
        for reader, browser in self.readers.items():
            figures = browser.get("/api/v1/today").json()["alerts"]
            self.assertEqual([f["level"] for f in figures if f["level"]], ["informational", "low", "medium", "high", "critical"])
            for f in figures:
                query = {"status": "open", **({"level": f["level"]} if f["level"] else {}), **({"until": f["until"]} if f["until"] else {})}
                self.assertEqual(f["count"], len(self.walk(browser, "/api/v1/alerts", query)), (reader, f))
            total = sum(f["count"] for f in figures if f["level"])
            self.assertEqual(total, 4 if reader[1] == "lantern" else 0, reader)
        received = sorted(a["received"] for a in self.walk(b, "/api/v1/alerts", {"status": "open"}))
        self.assertEqual(len(self.walk(b, "/api/v1/alerts", {"status": "open", "until": received[2], "limit": 1})), len([r for r in received if r < received[2]]))
        self.assertEqual(b.get("/api/v1/alerts?until=yesterday").status, 400)

    def test_3_sources_and_the_node(self):
        for reader, browser in self.readers.items():
            today, items = browser.get("/api/v1/today").json(), browser.get("/api/v1/sources").json()["items"]
            self.assertEqual(today["sources"], {"all": len(items), "silent": len([s for s in items if s["silent"]]),
                                                "behind": len([s for s in items if s["lag"] is not None and s["lag"] > 60000]),
                                                "held": len([s for s in items if s["held"]])}, reader)
            whole = browser.get("/api/v1/copy").status == 200
            self.assertEqual(("copy" in today, "backup" in today, "verified" in today), (whole, whole, whole), reader)
            warnings = browser.get("/api/v1/warnings").json()["items"]
            self.assertEqual(today.get("warnings", {"all": 0, "waiting": 0}), {"all": len(warnings), "waiting": 0})
        stranger = Browser(self.node)
        self.assertEqual(stranger.get("/api/v1/today").status, 401)


if __name__ == "__main__":
    unittest.main()
