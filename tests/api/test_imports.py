#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Tables of records out and in, over every register: round trips, faults by row and field, all or nothing, taken back.
usage: tests/api/test_imports.py NODE PROGRAM"""
import csv
import io
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
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node
from record_kit import fields_of

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
SERENO = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
SEED = int(os.environ.get("SERENO_SEED", "1"))
HOSTILE = 400


class Imports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-imports-")
        cls.node = Node(PROGRAM, cls.folder, "", "127.0.0.1")
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.b = Browser(cls.node)
        assert cls.b.setup(link.group(2), "Anna", PASSWORD).status == 303
        cls.kinds = cls.b.get("/api/v1/registers").json()["items"]

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    def ask(self, method, path, body=None, kind="application/json", headers=None):
        h = dict({"X-Sereno-CSRF": self.b.csrf}, **(headers or {}))
        if body is not None:
            h["Content-Type"] = kind
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        return self.b.ask(method, "/api/v1/registers" + path, body, h)

    def send(self, plural, table, query="", kind="text/csv"):
        return self.ask("POST", "/%s/import%s" % (plural, query), table, kind)

    def report(self, a, status=200, **numbers):
        self.assertEqual(a.status, status, a.body)
        got = a.json()
        want = dict({"new": 0, "changed": 0, "same": 0, "faulty": 0}, **numbers)
        self.assertEqual({k: got[k] for k in want}, want, a.body)
        return got

    def export(self, plural, query=""):
        a = self.ask("GET", "/%s/export%s" % (plural, query))
        self.assertEqual(a.status, 200, a.body)
        return a

    def state(self):
        """Everything that is stored of records, and how long the trail is."""
        with sqlite3.connect(os.path.join(self.node.data, "records.db")) as db:
            return (db.execute("SELECT * FROM record ORDER BY id").fetchall(), db.execute("SELECT * FROM record_key ORDER BY 1, 3").fetchall(),
                    db.execute("SELECT * FROM record_link ORDER BY 1, 3, 5").fetchall(), db.execute("SELECT COUNT(*) FROM audit").fetchone())

    def test_every_register_goes_out_and_comes_back(self):
        rng = random.Random(SEED)
        links = {}
        for again in range(2):  # the second time there is something to name
            for k in self.kinds:
                needs = [k["schema"]["properties"][n].get("x-ref", {}).get("kind") for n in k["schema"]["required"]]
                for i in range(12 if all(n is None or n in links for n in needs) else 0):
                    fields = fields_of(rng, k["schema"], links)
                    a = self.ask("POST", "/" + k["plural"], {"fields": fields})
                    self.assertEqual(a.status, 201, (k["name"], fields, a.body))
                    links.setdefault(k["name"], []).append(a.json()["id"])
        for k in self.kinds:
            before = self.state()
            for query, kind in (("?format=csv", "text/csv"), ("?format=csv&separator=semicolon", "text/csv"), ("?format=json", "application/x-ndjson")):
                out = self.export(k["plural"], query)
                n = len(links[k["name"]])
                self.assertGreaterEqual(n, 12)
                self.report(self.send(k["plural"], out.body, "?apply=true&why=again", kind), same=n)
                self.assertEqual(self.export(k["plural"], query).body, out.body)
            table = list(csv.reader(io.StringIO(self.export(k["plural"]).body.decode("utf-8-sig"))))
            self.assertEqual(table[0], ["id", "state", "tlp", "organisation"] + k["order"])
            for row in table[1:]:
                for cell in row:
                    self.assertTrue(cell[:1] not in ("=", "+", "@", "\t", "\r") and (cell[:1] != "-" or cell[1:].replace(".", "").isdigit()), cell)
            self.assertEqual(self.state(), before)

    def test_second_import_changes_nothing(self):
        table = "title;origin;severity;found;tags\r\nImported one;audit;high;2026-11-01;a|b\r\n\"Imported;two\";drift;low;2026-11-02;\r\n"
        self.report(self.send("findings", table), new=2)
        before = self.state()
        first = self.report(self.send("findings", table, "?apply=true&why=audit"), new=2)
        self.assertTrue(first["import"])
        self.assertEqual([(c["row"], c["what"], c["title"]) for c in first["changes"]], [(2, "new", "Imported one"), (3, "new", "Imported;two")])
        after = self.state()
        self.assertEqual(len(after[0]), len(before[0]) + 2)
        self.assertIsNone(self.report(self.send("findings", table, "?apply=true"), same=2)["import"])
        self.assertEqual(self.state(), after)
        changed = table.replace("high", "critical")
        told = self.report(self.send("findings", changed), changed=1, same=1)["changes"]
        self.assertEqual(told[0]["fields"], [{"field": "severity", "before": "high", "after": "critical"}])
        self.assertEqual(self.state(), after)
        second = self.report(self.send("findings", changed, "?apply=true"), changed=1, same=1)
        # taken back, the last first: what was there is there again, but for version, time and the trail
        one = "/findings/imports/%s/undo"
        self.assertEqual(self.ask("POST", one % first["import"], {}).status, 409)
        self.assertEqual(self.ask("POST", one % second["import"], {"why": "too soon"}).status, 204)
        self.assertEqual(self.ask("POST", one % second["import"], {}).status, 409)
        row = self.ask("GET", "/findings?severity=high&sort=-created").json()["items"][0]
        self.assertEqual((row["fields"]["title"], row["version"]), ("Imported one", 3))
        self.assertEqual(self.ask("POST", one % first["import"], {}).status, 409)  # one of them was changed, and changed back, since
        listed = self.ask("GET", "/findings/imports").json()["items"]
        self.assertEqual([(i["id"], i["new"], i["changed"], i["undone"], i["can_undo"]) for i in listed if i["id"] in (first["import"], second["import"])],
                         [(second["import"], 0, 1, True, False), (first["import"], 2, 0, False, True)])

    def test_taken_back(self):
        self.report(self.send("units", "name\nKept as it is\n", "?apply=true"), new=1)
        before = self.state()
        made = self.report(self.send("units", "name\nTaken back\nKept as it is\n", "?apply=true"), new=1, same=1)["import"]
        self.assertEqual(self.ask("POST", "/risks/imports/%s/undo" % made, {}).status, 404)
        self.assertEqual(self.ask("POST", "/units/imports/%s/undo" % made, {"why": "wrong file"}).status, 204)
        after = self.state()
        self.assertEqual(after[:3], before[:3])
        self.assertEqual(after[3][0], before[3][0] + 2)  # made, and gone: both in the trail
        # one that is named since stays, and all of its import
        made = self.report(self.send("units", "name\nNamed\n", "?apply=true"), new=1)["import"]
        unit = self.ask("GET", "/units?sort=-created").json()["items"][0]
        self.assertEqual(unit["fields"]["name"], "Named")
        self.assertEqual(self.ask("POST", "/people", {"fields": {"name": "Zo", "unit": unit["id"]}}).status, 201)
        before = self.state()
        self.assertEqual(self.ask("POST", "/units/imports/%s/undo" % made, {}).status, 409)
        self.assertEqual(self.state(), before)

    def test_states_by_ways(self):
        table = "title,origin,severity,found,owner,due,mended,retest,state\nFar,audit,low,2026-11-01,Bo,2026-12-01,done,2026-12-02,closed\n"
        self.report(self.send("findings", table), faulty=1)
        self.report(self.send("findings", table, "?apply=true&why=seen"), new=1)
        self.assertEqual(self.ask("GET", "/findings?sort=-created").json()["items"][0]["state"], "closed")
        got = self.report(self.send("findings", "title,origin,severity,found,state\nNear,audit,low,2026-11-01,fixing\n"), faulty=1)
        self.assertEqual(sorted(f["column"] for f in got["faults"]), ["due", "owner"])
        got = self.report(self.send("findings", "title,origin,severity,found,state\nNear,audit,low,2026-11-01,accepted\n"), faulty=1)
        self.assertEqual([(f["column"], f["reason"]) for f in got["faults"]], [("why", "missing")])
        self.report(self.send("findings", "title,origin,severity,found,state\nNear,audit,low,2026-11-01,accepted\n", "?why=agreed"), new=1)
        got = self.report(self.send("findings", "title,origin,severity,found,state\nNear,audit,low,2026-11-01,nowhere\n"), faulty=1)
        self.assertEqual([(f["column"], f["reason"]) for f in got["faults"]], [("state", "no_way")])

    def test_faults_by_row_and_field(self):
        table = ("title,origin,severity,found,systems\n"
                 "Good,audit,high,2026-11-01,\n"
                 "Bad,audit,awful,2026-02-30,\n"
                 ",audit,high,2026-11-01,\n"
                 "Good,drift,low,2026-11-03,\n"
                 "Astray,audit,high,2026-11-01,00000000-0000-7000-8000-000000000000\n"
                 "More,audit,high,2026-11-01,,and more\n")
        before = self.state()
        got = self.report(self.send("findings", table), new=1, faulty=5)
        self.assertEqual(sorted((f["row"], f["column"], f["reason"]) for f in got["faults"]),
                         [(3, "found", "format"), (3, "severity", "enum"), (4, "title", "missing"), (5, "", "again"), (6, "systems", "no_record"), (7, "", "cells")])
        for f in got["faults"]:
            self.assertTrue(f["message"] and "{" not in f["message"], f)
        refused = self.report(self.send("findings", table, "?apply=true"), 422, new=1, faulty=5)
        self.assertIsNone(refused["import"])
        self.assertEqual(self.state(), before)
        taken = self.report(self.send("findings", table, "?apply=true&skip=true"), new=1, faulty=5)
        self.assertEqual(self.ask("POST", "/findings/imports/%s/undo" % taken["import"], {}).status, 204)
        with sqlite3.connect(os.path.join(self.node.data, "records.db")) as db:
            self.assertEqual(db.execute("SELECT COUNT(*) FROM record_import_row WHERE length(put) > 0").fetchone()[0], 0)

    def test_rows_about_the_same_far_apart(self):
        rows = ["Far apart %d,audit,low,2026-11-01" % i for i in range(300)]
        got = self.report(self.send("findings", "\n".join(["title,origin,severity,found"] + rows + rows[:3] + rows[150:152])), new=300, faulty=5)
        self.assertEqual([(f["row"], f["reason"], f["limit"]) for f in got["faults"]],
                         [(302, "again", "2"), (303, "again", "3"), (304, "again", "4"), (305, "again", "152"), (306, "again", "153")])

    def test_files_that_are_none(self):
        for body, says in (("title\n\xfc".encode("latin-1"), "UTF-8"), (b"\xff\xfet\0i", "UTF-16"), (b"PK\x03\x04", "spreadsheet"),
                           (b"title,colour\nx,red\n", "colour"), (b"title,Title\nx,y\n", "twice"), (b"title\n\"open", "never closed"), (b"", "empty"),
                           (b"title\n", "no record"), (b"title\n" + b"x\n" * 50001, "50000"), (b"title\na\0b", "zero byte")):
            a = self.send("findings", body)
            self.assertEqual((a.status, a.json()["error"]["code"]), (400, "bad_file"), a.body)
            self.assertIn(says, a.json()["error"]["message"])
        self.assertEqual(self.send("findings", b"[1", "", "application/json").status, 400)
        self.assertEqual(self.send("findings", b"title\nx\n", "", "text/plain").status, 415)
        self.assertEqual(self.send("nothing", b"title\nx\n").status, 404)
        got = self.report(self.send("findings", b'{"fields":{}}\nnot json\n[]\n{"fields":{},"x":1}\n{"id":7,"fields":{}}\n{}\n', "", "application/x-ndjson"), faulty=6)
        self.assertEqual([(f["row"], f["column"], f["reason"]) for f in got["faults"]],
                         [(1, "title", "missing"), (2, "", "unreadable"), (3, "", "type"), (4, "x", "unknown"), (5, "id", "type"), (6, "fields", "missing")])

    def test_pages_of_an_export(self):
        rows = "title,origin,severity,found\n" + "".join("Many %04d,audit,low,2026-11-01\n" % i for i in range(2500))
        made = self.report(self.send("findings", rows, "?apply=true"), new=2500)["import"]
        seen, cursor, parts = [], None, 0
        while True:
            a = self.export("findings", "?severity=low" + ("" if cursor is None else "&cursor=" + urllib.parse.quote(cursor)))
            text = a.body.decode("utf-8")
            self.assertEqual(text.startswith("\ufeff"), cursor is None)
            seen += [r for r in csv.reader(io.StringIO(text.lstrip("\ufeff"))) if r[4].startswith("Many")]
            parts += 1
            cursor = a.headers.get("X-Sereno-Next")
            if cursor is None:
                break
        self.assertEqual((len(seen), len({r[0] for r in seen}), parts), (2500, 2500, 2))
        self.assertEqual(self.ask("POST", "/findings/imports/%s/undo" % made, {}).status, 204)

    def test_red_stays(self):
        a = self.ask("POST", "/findings", {"fields": {"title": "Mine alone", "origin": "audit", "severity": "high", "found": "2026-11-01"}, "tlp": "RED"})
        self.assertEqual(a.status, 201)
        for query in ("", "?format=json"):
            self.assertNotIn(b"Mine alone", self.export("findings", query).body)

    def command(self, *args, status=0, given=None):
        r = subprocess.run([SERENO, "registers", *args, "--data", self.node.data], input=given, capture_output=True, timeout=600)
        self.assertEqual(r.returncode, status, r.stderr)
        return r.stdout.decode(), r.stderr.decode()

    def test_command_line(self):
        path = os.path.join(self.folder, "waivers.csv")
        with open(path, "w", encoding="utf-8") as f:
            f.write("title,what,why,until\nOld boiler,heat,no part,2027-01-01\nNo day,heat,no part,soon\n")
        out, err = self.command("import", "waivers", path, status=1)
        self.assertIn("1 new, 0 changed, 0 the same, 1 with faults: nothing was stored", out)
        self.assertRegex(err, r"waivers\.csv:3: until: ")
        out, _ = self.command("import", "waivers", path, "--apply", "--skip", "--why", "the list & more", "--organisation", "lantern", status=1)
        ident = re.search(r"to take it back: sereno registers undo waivers (\S+)", out).group(1)
        listed, _ = self.command("imports", "waivers")
        self.assertEqual([(i["id"], i["why"]) for i in json.loads(listed)["items"]], [(ident, "the list & more")])
        table, _ = self.command("export", "waivers", "--semicolon")
        self.assertIn("Old boiler", table)
        out, _ = self.command("import", "waivers", "-", "--apply", given=table.encode())
        self.assertIn("0 new, 0 changed, ", out)
        lines = os.path.join(self.folder, "waivers.jsonl")
        self.command("export", "waivers", "--json", "--out", lines)
        self.command("export", "waivers", "--json", "--out", lines, status=1)
        out, _ = self.command("import", "waivers", lines, "--apply")
        self.assertIn("0 new, 0 changed, ", out)
        self.command("undo", "waivers", ident, "--why", "only a try")
        _, err = self.command("undo", "waivers", ident, status=1)
        self.assertIn("taken back already", err)
        self.command("import", "nothing", lines, status=1)
        self.command("import", "waivers", status=2)

    def test_as_large_a_table_as_the_node_takes(self):
        """The command sends what the node takes, 8 MiB, and says itself what is larger."""
        row = "Long %04d,audit,low,2026-11-01," + "x" * 5500 + "\n"
        table = "title,origin,severity,found,text\n" + "".join(row % i for i in range(1000))
        self.assertGreater(len(table), 5 << 20)
        out, _ = self.command("import", "findings", "-", given=table.encode())
        self.assertIn("1000 new, 0 changed, 0 the same, 0 with faults: nothing was stored", out)
        _, err = self.command("import", "findings", "-", status=1, given=(table + table).encode())
        self.assertIn("has more than 8 MiB", err)

    def test_hostile_tables(self):
        """None writes anything, and each says by row and field what is wrong."""
        rng = random.Random(SEED + 1)
        good = {k["plural"]: self.export(k["plural"]).body for k in self.kinds}
        before = self.state()
        for i in range(HOSTILE):
            plural = rng.choice(list(good))
            body = bytearray(good[plural] or b"id\n")
            for _ in range(rng.randrange(1, 12)):
                at = rng.randrange(len(body) + 1)
                body[at:at + rng.randrange(0, 9)] = rng.choice([b"", b"\"", b",", b";", b"\n", b"=cmd|'/c calc'!A1", b"\xff", b"\0", b"x" * rng.randrange(200), b"[[[[",
                                                                b"9" * 40, b"id,", b"\xef\xbb\xbf", b"'", b"|", b"\\"])
            a = self.send(plural, bytes(body), "", rng.choice(["text/csv", "text/csv", "application/x-ndjson"]))
            self.assertIn(a.status, (200, 400), (plural, bytes(body), a.body))
            if a.status == 200:
                for f in a.json()["faults"]:
                    self.assertTrue(f["row"] >= 1 and f["reason"] and f["message"], f)
            else:
                self.assertTrue(a.json()["error"]["message"])
        self.assertEqual(self.state(), before)


if __name__ == "__main__":
    unittest.main()
