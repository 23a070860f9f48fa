#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""From the attack on one city to the rule of another: a hub and three cities, real logs, real archives.
usage: tests/federation/test_signals.py PROGRAM"""
import glob
import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import attack
from world import INGEST_TOKEN, World, wait_until

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else ""
ADDRESS = "ip:185.220.101.4"
# A correlation that two cities and the hub have and the third has not; it names what it joins by name, as rules do.
JOINED = "6a0f9f0e-0d4b-4f0e-9c55-9e0f6a5d1c01"
GUESSED = "6a0f9f0e-0d4b-4f0e-9c55-9e0f6a5d1c02"
CORRELATION = """title: One password refused
id: %s
name: one_password_refused
logsource: {product: linux}
detection:
  s: ['Failed password for ']
  condition: s
level: informational
---
title: Passwords guessed in a row
id: %s
correlation:
  type: event_count
  rules: [one_password_refused]
  timespan: 10m
  condition: {gte: 5}
level: high
""" % (JOINED, GUESSED)


def without_rules(value):
    """What a signal or warning says, without the text of the published rules that it brings: that is nobody's log."""
    if not isinstance(value, bytes) or not value.startswith(b"{"):
        return str(value)
    told = json.loads(value)
    for rule in told.get("body", {}).get("rules", []):
        rule.pop("yaml", None)
    return json.dumps(told)


class Signals(unittest.TestCase):
    def setUp(self):
        self.world = World(PROGRAM)

    def tearDown(self):
        if any(error for _, error in getattr(self._outcome, "errors", [])):
            for n in self.world.nodes:
                print("==== %s ====\n%s" % (n.name, n.log(True)[-6000:]), flush=True)
        self.world.close()

    def put(self, admin, value):
        a = admin.send("PUT", "/api/v1/federation/sharing", value)
        self.assertEqual(a.status, 200, a.body)
        return a.json()

    def warning(self, node, kind, value):
        for w in node.get("/api/v1/warnings")["items"]:
            if w["why"] == {"kind": kind, "value": value}:
                return w
        return None

    def test_two_cities_warn_a_third(self):
        w = self.world
        hub = w.node("hub", hub=True)
        cities = [w.node(name) for name in ("ahus", "bergen", "cadiz")]
        first, second, third = cities
        chief = hub.admin()
        admins = {c.name: c.admin() for c in cities}
        circle = hub.make_circle("Lake cities", chief)
        for c in cities:
            w.enrol(hub, circle, c, chief)
        self.assertEqual(hub.federation()["level"]["level"], "calm")
        # Three cities: they agreed that they may be guessed.
        self.put(chief, {"agreed": True})
        for c in (first, second):
            self.put(admins[c.name], {"items": [{"when": "at_once", "class": {}}]})
        # The third was attacked too, keeps it to itself, and does not know what it has.
        attack.send(third, INGEST_TOKEN)
        wait_until(lambda: third.get("/api/v1/alerts?status=all")["counts"]["open"] > 5, "alerts of the third city")
        attack.send(first, INGEST_TOKEN)
        told = lambda c: hub.rows("SELECT COUNT(*) FROM fed_signal WHERE node = ? AND indicators LIKE '%185.220.101.4%'",
                                  c.federation()["node"]["id"])[0][0] > 0
        wait_until(lambda: told(first), "the first city's signals at the hub")
        self.assertIsNone(self.warning(third, "indicator", ADDRESS))
        self.assertEqual(hub.rows("SELECT COUNT(*) FROM fed_signal WHERE state <> 'machine signal, unreviewed'"), [(0,)])
        attack.send(second, INGEST_TOKEN)
        wait_until(lambda: told(second), "the second city's signals at the hub")
        began = time.monotonic()
        got = wait_until(lambda: self.warning(third, "indicator", ADDRESS), "the warning at the third city")
        print("warned %.2f s after the second city's signal was at the hub" % (time.monotonic() - began), flush=True)
        self.assertEqual(got["seen"], {"text": "at least one other member", "count": None})
        # It is tried on the archive, which holds the attack.
        def tried():
            found = self.warning(third, "indicator", ADDRESS)
            return found if found["dry_run"]["state"] == "done" else None
        got = wait_until(tried, lambda: str(self.warning(third, "indicator", ADDRESS)))
        self.assertGreater(got["dry_run"]["matched"], 10)
        self.assertGreater(got["dry_run"]["events"], 100)
        self.assertEqual(got["state"], "checked")
        # A technique alone brings no rule: the city's own rules of it are tried, and they are no reason to take it.
        def technique():
            return next((x for x in third.get("/api/v1/warnings")["items"] if x["why"]["kind"] == "technique" and x["dry_run"]["state"] == "done"), None)
        alone = wait_until(technique, lambda: str(third.get("/api/v1/warnings")))
        self.assertEqual((alone["rules"], alone["indicators"]), (0, 0))
        self.assertGreater(alone["dry_run"]["events"], 100)
        self.assertGreater(alone["dry_run"]["matched"], 0)
        again = admins[third.name].do("/api/v1/warnings/%s/dry-run" % alone["id"], {"days": 2})
        self.assertIn(again["dry_run"]["state"], ("waiting", "running"))
        self.assertEqual(admins[third.name].send("POST", "/api/v1/warnings/%s/take" % alone["id"], {}).status, 409)
        # Nothing that is the city's own left it: no person, no host, no line of the log.
        for row in hub.rows("SELECT * FROM fed_signal") + hub.rows("SELECT body FROM fed_envelope WHERE type IN ('signal', 'warning')"):
            text = " ".join(without_rules(x) for x in row)
            for own in ("anna", "clara", "lantern", "Failed password", "127.0.0"):
                self.assertNotIn(own, text)
        self.take_and_see_it_live(third, admins[third.name], got)
        self.take_back(hub, second, admins[second.name], third, got)

    def test_a_correlation_comes_with_what_it_joins(self):
        w = self.world
        mine = {"guess.yml": CORRELATION}
        hub = w.node("hub", hub=True, rules=mine)
        first, second = (w.node(name, rules=mine) for name in ("ahus", "bergen"))
        third = w.node("cadiz")
        chief = hub.admin()
        admins = {c.name: c.admin() for c in (first, second, third)}
        circle = hub.make_circle("Lake cities", chief)
        for c in (first, second, third):
            w.enrol(hub, circle, c, chief)
        self.put(chief, {"agreed": True})
        for c in (first, second):
            self.put(admins[c.name], {"items": [{"when": "at_once", "class": {}}]})
        for c in (third, first, second):  # the third keeps it to itself
            attack.send(c, INGEST_TOKEN)
        def tried():
            found = self.warning(third, "rule", GUESSED)
            return found if found and found["dry_run"]["state"] == "done" else None
        got = wait_until(tried, lambda: str(third.get("/api/v1/warnings")))
        self.assertEqual((got["rules"], got["title"]), (1, "A rule fired at several members: Passwords guessed in a row"))
        self.assertGreater(got["dry_run"]["matched"], 0)  # over the archive, which holds the attack
        whole = third.get("/api/v1/warnings/" + got["id"])
        self.assertEqual({r["id"]: r["joins"] for r in whole["rules"]}, {GUESSED: [JOINED], JOINED: []})
        self.assertEqual([r["check"]["ok"] for r in whole["rules"] if r["id"] == GUESSED], [True])
        self.assertEqual(third.get("/api/v1/alerts?status=all&rule=" + GUESSED)["items"], [])
        taken = admins[third.name].do("/api/v1/warnings/%s/take" % got["id"], {"reason": "we were attacked so"})
        self.assertEqual(taken["state"], "taken")
        wait_until(lambda: third.get("/api/v1/rules?q=Passwords+guessed")["items"], "the correlation is compiled")
        self.assertEqual(third.get("/api/v1/status")["rules"]["refused"], 0)

        def fired():
            attack.send(third, INGEST_TOKEN)
            return third.get("/api/v1/alerts?status=all&rule=" + GUESSED)["items"]
        alert = wait_until(fired, "the correlation fires")[0]
        self.assertIn("federation/" + got["id"], third.get("/api/v1/alerts/" + alert["id"])["rule_detail"]["file"])
        self.assertEqual(third.get("/api/v1/alerts?status=all&rule=" + JOINED)["items"], [])  # what it joins is silent

    def test_a_hub_below_tells_what_its_members_saw(self):
        w = self.world
        top, lake, ahus, bergen, delft = w.nodes_at_once("top", "lake", "ahus", "bergen", "delft", hubs=("top", "lake"))
        admins = {n.name: n.admin() for n in (top, lake, ahus, bergen, delft)}
        lakes = lake.make_circle("Lake cities", admins["lake"])
        region = top.make_circle("Region", admins["top"])
        for n in (ahus, bergen):
            w.enrol(lake, lakes, n, admins["lake"])
        for n in (lake, delft):
            w.enrol(top, region, n, admins["top"])
        for n in (top, lake):
            self.put(admins[n.name], {"agreed": True})
        for n in (ahus, bergen, delft):
            self.put(admins[n.name], {"items": [{"when": "at_once", "class": {}}]})
        for n in (ahus, bergen):
            attack.send(n, INGEST_TOKEN)
        wait_until(lambda: self.warning(ahus, "indicator", ADDRESS), lambda: str(ahus.get("/api/v1/warnings")))
        # Nothing went up until the hub's own policy says so in its own words.
        of_lake = ("SELECT number, rule, title, product, count FROM fed_signal WHERE node = ? AND indicators LIKE '%185.220.101.4%'",
                   lake.federation()["node"]["id"])
        self.assertEqual(top.rows(*of_lake), [])
        page = lake.get("/api/v1/federation/sharing")
        self.assertEqual(([c["circle"] for c in page["findings"]["circles"]], {r["circle"]: r["own"] for r in page["readers"]}),
                         ([lakes], {lakes: True, region: False}))
        self.assertEqual([(i["id"], i["when"], i["class"]["source"]) for i in page["items"][-1:]], [("findings", "never", "federation:circles")])
        self.assertIsNone(ahus.get("/api/v1/federation/sharing")["findings"])
        self.put(admins["lake"], {"items": [{"when": "at_once", "class": {"source": "federation:circles"}}] + page["items"]})
        told = wait_until(lambda: top.rows(*of_lake), "the lake's finding at the hub above")
        self.assertEqual([(title, product, count) for _, _, title, product, count in told], [("", "", 1)])  # too few to say how many
        row = lake.get("/api/v1/federation/sharing")["items"][0]  # what it told, since when, by whom
        self.assertEqual((row["when"], row["by"], row["sent"] > 0, row["since"] is None), ("at_once", admins["lake"].name, True, False))
        self.assertIsNone(self.warning(delft, "indicator", ADDRESS))
        attack.send(delft, INGEST_TOKEN)
        got = wait_until(lambda: self.warning(delft, "indicator", ADDRESS), lambda: str(delft.get("/api/v1/warnings")))
        self.assertEqual(got["seen"], {"text": "at least one other member", "count": None})
        self.assertEqual(self.warning(lake, "indicator", ADDRESS) is None, False)
        text = " ".join(str(x) for row in top.rows("SELECT * FROM fed_signal") + top.rows("SELECT body FROM fed_envelope WHERE type = 'signal'")
                        for x in row)
        for n in (ahus, bergen):  # whose it was stays in the circle
            self.assertNotIn(n.organisation, text)
            self.assertNotIn(n.federation()["node"]["id"], text)
        # What turns out to be nothing is taken back above, too.
        for a in bergen.get("/api/v1/alerts?status=open&limit=500")["items"]:
            admins["bergen"].do("/api/v1/alerts/%s/close" % a["id"], {"revision": a["revision"], "reason": "false_positive"})
        wait_until(lambda: [row[4] for row in top.rows(*of_lake)] == [0] or not top.rows(*of_lake), lambda: str(top.rows(*of_lake)))
        wait_until(lambda: self.warning(delft, "indicator", ADDRESS)["state"] == "withdrawn", lambda: str(self.warning(delft, "indicator", ADDRESS)))

    def take_and_see_it_live(self, city, admin, warning):
        rule = lambda: [r for r in city.get("/api/v1/rules?q=Community")["items"] if r["file"].startswith("federation/")]
        self.assertEqual(rule(), [])
        taken = admin.do("/api/v1/warnings/%s/take" % warning["id"], {"reason": "we were attacked by it"})
        self.assertEqual(taken["state"], "taken")
        live = wait_until(rule, "the rule is compiled")
        self.assertIn(warning["id"], live[0]["file"])
        before = city.get("/api/v1/status")["rules"]["refused"]
        self.assertEqual(before, 0)
        def fired():
            attack.send(city, INGEST_TOKEN)
            return [a for a in city.get("/api/v1/alerts?status=all&rule=" + live[0]["id"])["items"]]
        alerts = wait_until(fired, "the taken rule fires")
        one = city.get("/api/v1/alerts/" + alerts[0]["id"])
        self.assertIn("federation/" + warning["id"], one["rule_detail"]["file"])  # where it came from

    def take_back(self, hub, city, admin, third, warning):
        """The second city finds that it was nothing: the hub withdraws, and the third city's rule goes."""
        for a in city.get("/api/v1/alerts?status=open&limit=500")["items"]:
            admin.do("/api/v1/alerts/%s/close" % a["id"], {"revision": a["revision"], "reason": "false_positive"})
        gone = lambda: self.warning(third, "indicator", ADDRESS)["state"] == "withdrawn"
        wait_until(gone, lambda: str(self.warning(third, "indicator", ADDRESS)))
        files = os.path.join(third.data, "rules", "federation", warning["id"], "*.yml")
        wait_until(lambda: not glob.glob(files), "its rules are gone")
        self.assertEqual(hub.rows("SELECT COUNT(*) FROM fed_signal WHERE count > 0 AND node = ?",
                                  city.federation()["node"]["id"]), [(0,)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
