#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The invented city: what `sereno demo load` brings, that everything says so while it is there, and that `sereno demo purge` leaves a node as it
was before, but for the trail, wherever either was cut off.

usage: tests/node/test_demo.py PROGRAM [-k WORD]"""
import datetime
import importlib.util
import json
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, until  # noqa: E402

spec = importlib.util.spec_from_file_location("api_node", pathlib.Path(__file__).parents[1] / "api" / "node.py")
api_node = importlib.util.module_from_spec(spec)
spec.loader.exec_module(api_node)

PROGRAM = ""
CITY = "Valdesol (DEMO)"
# What goes on by itself: trail, proofs, counters of rules and sources, the correlator's windows, who is logged in.
MOVES = {"audit", "audit_head", "row_proof", "proof_chain", "rule_cost", "correlation_state", "source_counter", "source_drop", "session", "rule_text",
         "schema_version", "sqlite_sequence"}
KINDS = 38


class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM, intakes=1)
        text = "".join(line + "\n" for line in cls.node.config.read_text().splitlines() if not line.startswith("rules:"))
        cls.node.config.write_text(text)  # the rules shipped
        cls.node.start()
        token = until("the set-up link", lambda: re.findall(rb"/setup\?token=([0-9a-f]+)", cls.node.log.read_bytes()))[-1].decode()
        cls.anna = cls.browser()
        assert cls.anna.setup(token, "Anna", "a long sentence that nobody guesses").status == 303
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S+00:00")
        with open(cls.node.followed, "a", encoding="utf-8") as f:
            f.write(now + " srv1 useradd[612]: new user: name=real, UID=0, GID=0, home=/home/real, shell=/bin/bash, from=/dev/pts/2\n")
        until("an alert of the town's own", lambda: [a for a in cls.node.alerts() if a[1] == "town"])

    @classmethod
    def tearDownClass(cls):
        code = cls.node.stop()
        cls.node.remove()
        assert code == 0, code

    @classmethod
    def browser(cls):
        stand_in = type("N", (), {"port": cls.node.desk, "tls": False})
        return api_node.Browser(stand_in)

    def demo(self, what, status=0):
        done = subprocess.run([PROGRAM, "demo", what, "--data", str(self.node.data)], capture_output=True, text=True, timeout=240)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def rows(self, sql, *values):
        with sqlite3.connect(f"file:{self.node.data}/records.db?mode=ro", uri=True) as db:
            return db.execute(sql, values).fetchall()

    def state(self):
        """Every row that says what is known, and which records the archive can give out."""
        out = {}
        for (table,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
            if table not in MOVES:
                out[table] = sorted(map(repr, self.rows(f"SELECT * FROM {table}" + (
                    " WHERE name NOT LIKE 'archive.%' AND name NOT LIKE 'rules.%' AND name NOT LIKE 'retention.%' AND name NOT IN ('records.retention_run', 'time.trusted')" if table == "setting" else ""))))
        out["counters"] = self.rows("SELECT name FROM source_counter WHERE organisation = ?", CITY)
        out["archive"] = sorted(repr(r) for r in self.node.records())
        return out

    def assert_same(self, before):
        after = self.state()
        for table, rows in before.items():
            self.assertEqual([r for r in after[table] if r not in rows], [], table)
            self.assertEqual([r for r in rows if r not in after[table]], [], table)

    def verify(self):
        done = subprocess.run([PROGRAM, "verify", "--data", str(self.node.data)], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_1_comes_and_goes(self):
        before = self.state()
        self.assertNotIn("X-Sereno-Demo", self.anna.get("/api/v1/status").headers)
        self.assertNotIn("demo-band", self.anna.get("/brief").text)
        self.assertIn("220 records", self.demo("load"))
        self.look_at_records()
        self.look_at_alerts()
        self.look_at_marks()
        self.assertIn("already", self.demo("load"))
        self.demo("purge")
        self.assert_same(before)
        self.assertNotIn("X-Sereno-Demo", self.anna.get("/api/v1/status").headers)
        self.assertNotIn("demo-band", self.anna.get("/brief").text)
        self.assertIn("There is no invented city", self.demo("purge"))
        self.verify()
        told = [w for w, in self.rows("SELECT what FROM audit WHERE what LIKE 'demo.%' ORDER BY seq")]
        self.assertEqual(told, ["demo.loading", "demo.loaded", "demo.purging", "demo.purged"])

    def look_at_records(self):
        kinds = dict(self.rows("SELECT kind, COUNT(*) FROM record GROUP BY kind"))
        self.assertEqual(len(kinds), KINDS, kinds)
        self.assertEqual(self.rows("SELECT DISTINCT organisation FROM record"), [(CITY,)])
        states = {s for s, in self.rows("SELECT state FROM record WHERE kind = 'finding'")}
        self.assertEqual(states, {"open", "accepted", "fixing", "retest", "closed", "duplicate"})
        self.assertEqual({s for s, in self.rows("SELECT state FROM record WHERE kind = 'waiver'")}, {"asked", "approved", "expired", "refused"})
        gaps = self.anna.get("/api/v1/appointments/gaps?days=90").json()
        self.assertTrue(gaps["items"])  # nobody answers for taxes
        deputies = [json.loads(f) for f, in self.rows("SELECT fields FROM record WHERE kind = 'appointment'")]
        self.assertTrue(any(d["function"] == "deputy" for d in deputies) and any("deputy" in d for d in deputies))
        (supplier,), = self.rows("SELECT id FROM record WHERE kind = 'supplier' AND fields LIKE '%Talrand%'")
        chain = self.anna.get("/api/v1/registers/suppliers/%s/chain?kind=service" % supplier).json()
        self.assertGreaterEqual(len(chain["items"]), 2)
        for day in ("due", "found", "until", "accepted_until"):
            self.assertTrue(self.rows("SELECT 1 FROM record WHERE fields LIKE ?", '%%"%s":"20%%' % day), day)

    def look_at_alerts(self):
        alerts = self.rows("SELECT title, status, close_reason, source FROM alert WHERE organisation = ?", CITY)
        self.assertGreaterEqual(len({a[0] for a in alerts}), 8, alerts)
        self.assertEqual({a[1] for a in alerts}, {0, 1, 2})  # new, acknowledged, closed
        self.assertEqual({a[2] for a in alerts if a[1] == 2}, {"true_positive", "false_positive"})
        self.assertTrue(all(a[3].startswith("demo-") for a in alerts))
        self.assertEqual(len({a[3] for a in alerts}), 3)  # each of its sources
        self.assertEqual(self.rows("SELECT COUNT(*) FROM fed_pending WHERE alert IN (SELECT id FROM alert WHERE organisation = ?)", CITY), [(0,)])
        self.assertEqual(len([r for r in self.node.records() if r[0] == CITY]), 1180)

    def look_at_marks(self):
        for path in ("/api/v1/alerts", "/api/v1/registers/findings", "/api/v1/today", "/api/v1/nothing", "/api/v1/registers/findings/export", "/", "/login"):
            self.assertEqual(self.anna.get(path).headers.get("X-Sereno-Demo"), "Valdesol", path)
        for path in ("/login", "/brief", "/brief?language=de", "/nowhere/at/all"):
            page = self.anna.get(path)
            if page.headers.get("Content-Type", "").startswith("text/html") and "/assets/" not in page.text:
                self.assertRegex(page.text, r'<body>\n<aside class="demo-band" aria-label="DEMO"><strong>DEMO</strong> [^<]{20,}</aside>', path)
        table = self.anna.get("/api/v1/registers/findings/export?format=csv").text.splitlines()
        self.assertEqual(len([line for line in table if CITY in line]), 8)
        out = subprocess.run([PROGRAM, "export", "--all", "-", "--data", str(self.node.data)], capture_output=True, timeout=120)
        self.assertEqual(out.returncode, 0, out.stderr)

    def test_2_cut_off_anywhere(self):
        before = self.state()
        for records, at in ((100, 0), (220, 1)):
            load = subprocess.Popen([PROGRAM, "demo", "load", "--data", str(self.node.data)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until("some of it", lambda: self.rows("SELECT COUNT(*) FROM record")[0][0] >= records and (
                at == 0 or any(r[0] == CITY for r in self.node.records())) or load.poll() is not None)
            load.send_signal(signal.SIGKILL)
            load.wait(60)
            if at == 1:  # and the node with it
                self.node.kill()
                self.node.start()
            until("the node to say so", lambda: self.anna.get("/api/v1/status").headers.get("X-Sereno-Demo") == "Valdesol")
            self.demo("purge")
            self.assert_same(before)
        self.assertIn("is here", self.demo("load"))  # and after all that it can be loaded
        purge = subprocess.Popen([PROGRAM, "demo", "purge", "--data", str(self.node.data)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("it to begin", lambda: not list((self.node.data / "demo").glob("*.log")) or purge.poll() is not None)
        purge.send_signal(signal.SIGKILL)
        purge.wait(60)
        self.node.kill()
        self.node.start()
        self.demo("purge")
        self.assert_same(before)
        self.verify()

    def test_3_beside_what_is_real(self):
        alerts = sorted(a for a in self.node.alerts() if a[1] == "town")
        self.demo("load")
        (person,), = self.rows("SELECT id FROM record WHERE kind = 'person' AND fields LIKE '%Lena Brandt%'")
        fields = {"title": "A real one", "what": "A", "why": "B", "until": "2030-01-01", "asked_by": person}
        made = self.anna.send("POST", "/api/v1/registers/waivers", {"fields": fields, "organisation": "town"})
        self.assertEqual(made.status, 201, made.body)
        self.assertIn("1 records of your own name records of the invented city", self.demo("purge", 1))
        self.assertEqual(self.anna.get("/api/v1/status").headers.get("X-Sereno-Demo"), "Valdesol")
        del fields["asked_by"]
        one = "/api/v1/registers/waivers/" + made.json()["id"]
        changed = self.anna.ask("PUT", one, json.dumps({"fields": fields}),
                                {"Content-Type": "application/json", "X-Sereno-CSRF": self.anna.csrf, "If-Match": made.headers["ETag"]})
        self.assertEqual(changed.status, 200, changed.body)
        mine = self.rows("SELECT * FROM record WHERE organisation = 'town'")
        self.demo("purge")
        self.assertEqual(self.rows("SELECT * FROM record"), mine)
        self.assertEqual(sorted(a for a in self.node.alerts() if a[1] == "town"), alerts)
        self.assertIn("1 records of its own", self.demo("load", 1))
        self.assertEqual(self.rows("SELECT * FROM record"), mine)
        self.verify()


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
