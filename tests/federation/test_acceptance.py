#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The community as a whole, in one run: a hub, a hub above it, five cities, each a real node in a network namespace of its own,
with a recorded attack, on lines that lose, double and reorder packets. usage: tests/federation/test_acceptance.py PROGRAM

    region  at top: lake's hub, delft, elche        lake  at lake's hub: ahus, bergen, cadiz, a simulated member"""
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import attack
from world import INGEST_TOKEN, PASSWORD, World, inside_of, namespaces_possible, no_clocks, run, wait_until

try:
    from peer import Identity, Member, SimulatedHub, when
except ImportError as why:
    Member, MISSING = None, str(why)

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else ""
SEED = 20261127
ADDRESS = "185.220.101.4"  # who attacks the lake
ABOVE = "193.32.162.9"     # who attacks the region
BAD_LINE = {"drop": 0.03, "double": 0.03, "late": 0.06}
SECRET = "lanternfish-quorum-7731"
OPEN = "harbourlight-plain-4410"
DAY_S = 86400


def copy(data, to):
    """As a backup does: files; the socket is made anew."""
    shutil.copytree(data, to, ignore=shutil.ignore_patterns("control"))


def dump(node):
    """All that the node's database says, as text: what an administrator of the machine would read."""
    with sqlite3.connect("file:%s/records.db?mode=ro" % node.data, uri=True, timeout=20) as db:
        parts = []
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in db.execute("SELECT * FROM %s" % table):
                parts += [x.decode("utf-8", "replace") if isinstance(x, bytes) else str(x) for x in row]
    return "\n".join(parts)


def files_with(node, words):
    return subprocess.run(["grep", "-r", "-l", "-a", words, node.data], stdout=subprocess.PIPE, check=False, text=True).stdout.split()


@unittest.skipIf(Member is None, "no simulated members: " + (MISSING if Member is None else ""))
class Acceptance(unittest.TestCase):
    def setUp(self):
        if not namespaces_possible():
            self.skipTest("no network namespaces here: not root, or no `ip netns`")
        self.world, self.hostile = World(PROGRAM, seed=SEED), None

    def tearDown(self):
        if not hasattr(self, "world"):
            return
        if any(error for _, error in getattr(self._outcome, "errors", [])):
            for n in self.world.nodes:
                print("==== %s ====\n%s" % (n.name, n.log(True)[-3500:]), flush=True)
        if self.hostile:
            self.hostile.close()
        self.world.close()

    def test_the_whole(self):
        self.began = time.monotonic()
        for step in (self.enrolment, self.a_warning_and_its_dry_run, self.a_warning_from_above, self.red_and_green,
                     self.a_half_open_line, self.a_hostile_member, self.killed_and_an_older_copy, self.taken_back,
                     self.revocation, self.a_hostile_hub, self.nothing_doubled_or_lost, self.clocks, self.thirty_days):
            step()
            print("%5.1f s  %s" % (time.monotonic() - self.began, step.__name__), flush=True)
        print("packets: %s" % self.world.bridge.counts(), flush=True)

    # ---- helpers ----

    def warning(self, node, value, kind="indicator"):
        for w in node.get("/api/v1/warnings")["items"]:
            if w["why"] == {"kind": kind, "value": value}:
                return w
        return None

    def post(self, node, title, circle=None, **more):
        a = node.ask("POST", "/api/v1/items", {
            "kind": "story", "title": title, "text": "words of " + title, "tlp": "GREEN", "pap": "GREEN",
            "circle": circle or self.lake_circle, "audience": {"all": True}, **more})
        self.assertEqual(a.status, 201, a.body)
        return a.json()["id"]

    def states(self, node):
        return {i["id"]: i["state"] for i in node.get("/api/v1/items?limit=200")["items"]}

    def wait_items(self, nodes, ids, state="current"):
        for n in nodes:
            wait_until(lambda: all(self.states(n).get(i) == state for i in ids),
                       lambda: "%s: %s of %s: %s\n%s" % (n.name, state, ids, self.states(n), n.federation()["links"]), 120)

    # ---- who belongs ----

    def enrolment(self):
        w = self.world
        made = w.nodes_at_once("top", "lake", "ahus", "bergen", "cadiz", "delft", "elche", hubs=("top", "lake"))
        self.top, self.lake, self.ahus, self.bergen, self.cadiz, self.delft, self.elche = made
        self.cities = made[2:]
        self.id = {n.name: n.federation()["node"]["id"] for n in made}
        self.chief, self.chief_top = self.lake.admin(), self.top.admin()
        self.lake_circle = self.lake.make_circle("Lake cities", self.chief)
        self.region = self.top.make_circle("Region", self.chief_top)
        for n in (self.ahus, self.bergen, self.cadiz):
            w.enrol(self.lake, self.lake_circle, n, self.chief)
        for n in (self.lake, self.delft, self.elche):
            w.enrol(self.top, self.region, n, self.chief_top)
        self.sim = Member(self.lake, "Simulated").enrol(w, self.lake_circle, self.chief)
        for n in (self.ahus, self.bergen, self.cadiz):
            w.wait_epoch(n, self.lake_circle, 5)
        for n in (self.lake, self.delft, self.elche):
            w.wait_epoch(n, self.region, 4)
        self.admins = {n.name: n.admin() for n in made}
        # Few members: they agreed that they may be guessed. cadiz keeps to itself what it sees.
        for n in (self.lake, self.top):
            self.share(n, {"agreed": True})
        for n in (self.ahus, self.bergen, self.delft, self.elche):
            self.share(n, {"items": [{"when": "at_once", "class": {}}]})

    def share(self, node, value):
        a = self.admins[node.name].send("PUT", "/api/v1/federation/sharing", value)
        self.assertEqual(a.status, 200, a.body)

    # ---- warnings ----

    def told(self, hub, city, address):
        return hub.rows("SELECT COUNT(*) FROM fed_signal WHERE node = ? AND indicators LIKE ?", self.id[city.name],
                        "%" + address + "%")[0][0] > 0

    def a_warning_and_its_dry_run(self):
        third = self.cadiz
        attack.send(third, INGEST_TOKEN)
        wait_until(lambda: third.get("/api/v1/alerts?status=all")["counts"]["open"] > 5, "alerts of the third city")
        attack.send(self.ahus, INGEST_TOKEN)
        wait_until(lambda: self.told(self.lake, self.ahus, ADDRESS), "the first city's signal at the hub")
        self.assertIsNone(self.warning(third, "ip:" + ADDRESS))
        attack.send(self.bergen, INGEST_TOKEN)
        wait_until(lambda: self.told(self.lake, self.bergen, ADDRESS), "the second city's signal at the hub")
        second = time.monotonic()
        got = wait_until(lambda: self.warning(third, "ip:" + ADDRESS), "the warning at the third city")
        print("        warned %.2f s after the second city's signal was kept at the hub (wanted: 5 s)" % (time.monotonic() - second))
        self.assertEqual(got["seen"], {"text": "at least one other member", "count": None})

        def tried():
            found = self.warning(third, "ip:" + ADDRESS)
            return found if found["dry_run"]["state"] == "done" else None
        got = wait_until(tried, lambda: str(self.warning(third, "ip:" + ADDRESS)))
        self.assertGreater(got["dry_run"]["matched"], 10)
        self.assertGreater(got["dry_run"]["events"], 100)
        self.assertFalse(self.told(self.lake, third, ADDRESS))

    def a_warning_from_above(self):
        """From here on every line is bad."""
        w = self.world
        for n in w.nodes:
            w.hurt(n, **BAD_LINE)
        attackers = {"127.0.0.66": ABOVE, "127.0.0.77": "193.32.162.10"}
        for n in (self.delft, self.elche):
            attack.send(n, INGEST_TOKEN, attackers)
        wait_until(lambda: self.warning(self.lake, "ip:" + ABOVE), "the region's warning at the hub below", 120)
        for n in (self.ahus, self.bergen, self.cadiz):
            got = wait_until(lambda: self.warning(n, "ip:" + ABOVE), "the region's warning at " + n.name, 120)
            self.assertEqual((got["circle"], got["seen"]["count"]), (self.lake_circle, None))
            body = n.rows("SELECT body FROM fed_warning WHERE id = ?", got["id"])[0][0]
            self.assertIn('"derived":[{"circle":"%s"' % self.region, body)
        # What the lake saw by itself is not told to it a second time, and nothing goes in circles.
        self.assertEqual(self.lake.rows("SELECT COUNT(*) FROM fed_warning WHERE circle = ? AND issuer <> ?", self.lake_circle,
                                        self.id["lake"]), [(0,)])
        self.assertEqual(self.top.rows("SELECT COUNT(*) FROM fed_warning WHERE issuer <> ?", self.id["top"]), [(0,)])

    # ---- items ----

    def red_and_green(self):
        reader = self.admins["bergen"]
        red = self.post(self.ahus, "RED", text="It was " + SECRET, tlp="RED", pap="AMBER",
                        audience={"persons": [{"node": self.id["bergen"], "name": "anna"}]})
        self.green = self.post(self.ahus, "For all", text="It was " + OPEN)
        self.wait_items((self.lake, self.bergen, self.cadiz), [self.green])
        wait_until(lambda: self.bergen.rows("SELECT 1 FROM fed_item WHERE id = ?", red), "RED at its reader's node", 120)
        self.assertEqual(reader.ask("GET", "/api/v1/items/" + red).json()["text"], "It was " + SECRET)
        self.assertTrue(self.lake.rows("SELECT 1 FROM fed_envelope WHERE type = 'item' AND CAST(body AS TEXT) LIKE '%\"sealed\"%'"))
        for n in (self.lake, self.cadiz, self.top):
            self.assertEqual(files_with(n, SECRET), [])
            self.assertNotIn(SECRET, dump(n))
            self.assertNotIn(red, self.states(n))
        self.assertNotEqual(files_with(self.lake, OPEN), [])  # this search finds what is there
        self.assertIn(OPEN, dump(self.lake))

    # ---- faults ----

    def a_half_open_line(self):
        """One side is gone and nobody was told: the others go on, and it catches up."""
        self.world.bridge.swallow(self.cadiz.number)
        self.missed = [self.post(self.ahus, "while cadiz was away %d" % i) for i in range(5)]
        self.wait_items((self.lake, self.bergen), self.missed)
        # Its own work goes on; what is acknowledged is told, so it is one that says nothing of the address that is taken back below.
        own = next(a for a in self.cadiz.get("/api/v1/alerts?status=open")["items"] if a["rule"]["title"] == "Log Files Cleared Through Sudo")
        self.admins["cadiz"].do("/api/v1/alerts/%s/acknowledge" % own["id"], {"revision": own["revision"]})
        self.missed.append(self.post(self.cadiz, "of cadiz, cut off"))
        self.cadiz.wait_link(self.lake, "down", 120)
        self.assertEqual([i for i in self.missed[:5] if i in self.states(self.cadiz)], [])
        self.world.bridge.swallow(self.cadiz.number, False)
        self.wait_items((self.lake, self.ahus, self.bergen, self.cadiz), self.missed)

    def note(self, **other):
        return self.sim.envelope(self.lake_circle, self.world.epochs(self.lake)[self.lake_circle],
                                 {"n": os.urandom(8).hex()}, **other)

    def a_hostile_member(self):
        """Envelopes doubled, replayed, out of order, forged, too far ahead."""
        sim, lake = self.sim, self.lake
        sim.hello()
        good = [self.note() for _ in range(6)]
        for first, part, want in ((1, good[:3], 200), (1, good[:3], 200), (2, good[1:4], 200), (6, good[5:], 409),
                                  (5, good[4:], 200), (7, good[:2], 200)):
            self.assertEqual(sim.push(part, first=first)[0], want, (first, len(part)))
        lies = [(self.note(key=Identity()), "signature"), (self.note(issuer=self.id["ahus"]), "issuer"),
                (dict(self.note(), tlp="CLEAR"), "id"), (self.note(created=when(-90), expires=when(-60)), "expired"),
                (self.note(kind="warning"), "author"), (self.note(kind="membership"), "author"),
                (sim.envelope(self.region, 1, {"n": 1}), "circle")]
        status, got = sim.push([x[0] for x in lies])
        self.assertEqual((status, [r["reason"] for r in got["refused"]]), (200, [x[1] for x in lies]))
        self.notes = {e["id"] for e in good}
        for n in (lake, self.ahus, self.bergen, self.cadiz):
            wait_until(lambda: self.held_notes(n) == self.notes, lambda: "%s: %s" % (n.name, self.held_notes(n)), 120)

    def held_notes(self, node):
        return {r[0] for r in node.rows("SELECT id FROM fed_envelope WHERE type = 'x-note' AND state = 'stored'")}

    def killed_and_an_older_copy(self):
        ids = [self.post(self.ahus, "before")]
        self.lake.kill()
        ids.append(self.post(self.ahus, "the hub is down"))
        self.lake.start()
        self.bergen.kill()
        ids.append(self.post(self.cadiz, "bergen is down"))
        self.bergen.start()
        self.wait_items((self.lake, self.ahus, self.bergen, self.cadiz), ids)
        old = self.bergen.data + ".old"
        self.bergen.stop()
        copy(self.bergen.data, old)
        self.bergen.start()
        ids += [self.post(self.ahus, "after the copy"), self.post(self.bergen, "of bergen, after the copy")]
        self.wait_items((self.lake, self.ahus, self.bergen, self.cadiz), ids)
        link = lambda: self.bergen.link(self.lake)["up"]
        wait_until(lambda: link()["acked"] == link()["seq"], lambda: link())
        acked = "SELECT 1 FROM fed_stream WHERE peer = ? AND way = 0 AND acked = seq"
        wait_until(lambda: self.lake.rows(acked, self.id["bergen"]), "the receipt for all of them", 120)
        self.bergen.stop()
        shutil.rmtree(self.bergen.data)
        os.rename(old, self.bergen.data)
        self.bergen.start()
        ids.append(self.post(self.ahus, "after the older copy"))
        self.lake.expect(r"federation\.restart peer=%s way=down" % self.id["bergen"], 120)
        # Its own item of after the copy is not known to it any more; the others keep what they have of it.
        self.wait_items((self.lake, self.ahus, self.cadiz), ids)
        self.wait_items((self.bergen,), [i for i in ids if i != ids[-2]])
        self.lost_at_bergen = ids[-2]
        self.items = [self.green, *self.missed, *ids]

    # ---- taking back ----

    def taken_back(self):
        self.assertEqual(self.ahus.ask("POST", "/api/v1/items/%s/retract" % self.green, {"reason": "wrong city"}).status, 200)
        self.wait_items((self.lake, self.bergen, self.cadiz), [self.green], "retracted")
        receipts = lambda: next(i for i in self.ahus.get("/api/v1/items?limit=200")["items"] if i["id"] == self.green)["receipts"]
        wait_until(lambda: receipts()["removed"] >= 3, receipts, 120)
        for n in (self.lake, self.bergen, self.cadiz):
            self.assertEqual(n.rows("SELECT title, body FROM fed_item WHERE id = ?", self.green), [("", "")])
        # A second city finds that it was nothing: the warning ends everywhere, also the one from above.
        for city, address in ((self.bergen, ADDRESS), (self.delft, ABOVE)):
            admin = city.admin()
            for a in city.get("/api/v1/alerts?status=open&limit=500")["items"]:
                admin.do("/api/v1/alerts/%s/close" % a["id"], {"revision": a["revision"], "reason": "false_positive"})
            for n in (self.cadiz, self.ahus):
                wait_until(lambda: self.warning(n, "ip:" + address)["state"] == "withdrawn",
                           lambda: "%s: %s" % (n.name, self.warning(n, "ip:" + address)), 120)

    def revocation(self):
        gone = self.id["elche"]
        before = self.post(self.delft, "while elche belonged", self.region)
        self.wait_items((self.elche, self.lake), [before])
        self.chief_top = self.top.admin()
        self.top.remove(gone, self.region, "remove", self.chief_top)
        for n in (self.lake, self.delft):
            self.world.wait_epoch(n, self.region, 5, 120)
        wait_until(lambda: "removed" in (self.elche.link(self.top)["error"] or ""), lambda: self.elche.link(self.top), 120)
        self.assertEqual(self.elche.link(self.top)["state"], "down")
        after = self.post(self.delft, "without elche", self.region)
        amber = self.post(self.delft, "sealed, without elche", self.region, tlp="AMBER")
        self.wait_items((self.lake, self.top), [after, amber])
        self.elche.restart()
        self.elche.expect(r"federation\.down .*removed", 120)
        self.top.expect(r"federation\.denied node=%s word=removed" % gone)
        for i in (after, amber):
            self.assertNotIn(i, self.states(self.elche))
        self.assertEqual(self.top.rows("SELECT COUNT(*) FROM fed_out WHERE peer = ? AND envelope IN (SELECT id FROM fed_envelope "
                                       "WHERE type = 'item' AND epoch >= 5)", gone), [(0,)])

    def a_hostile_hub(self):
        """elche joins a hub that lies about its members and about what others said."""
        hub = self.hostile = inside_of(self.elche.namespace, SimulatedHub)
        got = run(PROGRAM, "enrol", hub.url, "--code", "0" * 32, "--data", self.elche.data, "--fingerprint", hub.fingerprint,
                  check=False)
        self.assertEqual(got.returncode, 0, got.stdout)
        link = lambda: next((x for x in self.elche.federation()["links"] if x["hub"] == hub.node), None)
        wait_until(lambda: link() and link()["state"] == "up", link)
        hub.epoch = 3
        hub.announce(hub.membership(3), epoch=1)
        self.world.wait_epoch(self.elche, hub.circle, 3)
        stranger, signer = Identity(), hub.sign
        for lie in (hub.membership(2), hub.membership(4, keys=[signer]), hub.membership(4, keys=[stranger.sign, hub.officer]),
                    hub.membership(3, name="Another truth")):
            hub.announce(lie)
        true = hub.envelope(hub.circle, 3, {"n": 1})
        hub.tell(hub.envelope(hub.circle, 3, {"n": 2}, issuer=self.id["delft"]), hub.envelope(self.region, 5, {"n": 3}),
                 dict(true, body={"n": 4}), true, true)
        stored = lambda: {r[0] for r in self.elche.rows("SELECT id FROM fed_envelope WHERE type = 'x-note' AND peer = ? AND "
                                                        "state = 'stored'", hub.node)}
        wait_until(lambda: true["id"] in stored(), stored)
        self.assertEqual(stored(), {true["id"]})
        epochs = {c["id"]: (c["epoch"], c["state"]) for c in self.elche.federation()["circles"]}
        self.assertEqual(epochs[hub.circle], (3, "conflict"))
        self.assertEqual(epochs[self.region][1], "valid")

    # ---- both ends ----

    def ends_agree(self, hub, city, circle):
        """Numbers, signals and items at both ends of a link."""
        me = self.id[city.name]
        stream = "SELECT epoch, seq, acked FROM fed_stream WHERE peer = ? AND way = ?"

        def agree():
            sent, got = city.rows(stream, self.id[hub.name], 0), hub.rows(stream, me, 1)
            down, taken = hub.rows(stream, me, 0), city.rows(stream, self.id[hub.name], 1)
            nothing = not got and (not sent or sent[0][1] == 0)
            ups = nothing or (sent and got and sent[0][:2] == got[0][:2] and sent[0][1] == sent[0][2])
            return ups and down[0][:2] == taken[0][:2] and down[0][1] == down[0][2]
        wait_until(agree, lambda: (city.name, city.rows(stream, self.id[hub.name], 0), hub.rows(stream, me, 1),
                                   hub.rows(stream, me, 0), city.rows(stream, self.id[hub.name], 1)), 120)
        told = city.rows("SELECT number, rule_hash, bucket, count FROM fed_told WHERE circle = ? ORDER BY number", circle)
        kept = hub.rows("SELECT number, rule_hash, bucket, count FROM fed_signal WHERE node = ? AND circle = ? ORDER BY number", me, circle)
        return told, kept

    def nothing_doubled_or_lost(self):
        for n in self.world.nodes:
            self.world.hurt(n)
        for city in (self.ahus, self.bergen, self.cadiz):
            told, kept = self.ends_agree(self.lake, city, self.lake_circle)
            self.assertEqual(told, kept, city.name)
        for city in (self.delft,):
            told, kept = self.ends_agree(self.top, city, self.region)
            self.assertEqual(told, kept, city.name)
            self.assertGreater(len(told), 3)
        self.ends_agree(self.top, self.lake, self.region)
        for n in (self.lake, self.ahus, self.bergen, self.cadiz):
            here = self.states(n)
            missing = [i for i in self.items if i not in here]
            self.assertEqual(missing, [self.lost_at_bergen] if n is self.bergen else [], n.name)
            titles = [i["title"] for i in n.get("/api/v1/items?limit=200")["items"] if i["state"] == "current" and i["circle"] == self.lake_circle]
            self.assertEqual(len(titles), len(set(titles)), titles)
            for i in self.items:
                changes = n.rows("SELECT COUNT(*) FROM fed_item_read WHERE item = ? AND kind = 'change'", i)[0][0]
                self.assertLessEqual(changes, 2 if i == self.green else 1, (n.name, i))
            self.assertEqual(self.held_notes(n), self.notes)
            self.assertEqual(n.rows("PRAGMA integrity_check"), [("ok",)])
        counts = self.world.bridge.counts()
        for what in ("dropped", "doubled", "late", "swallowed"):
            self.assertGreater(counts[what], 10, counts)
        print("        packets: %s" % counts, flush=True)

    # ---- time ----

    def clocks(self):
        """Nodes whose clocks are off: what is too far ahead waits, and nothing is lost."""
        if no_clocks(PROGRAM):
            print("skipped part: clock skew and 30 days offline: " + no_clocks(PROGRAM), flush=True)
            return
        self.bergen.stop()
        self.bergen.clock = "+310s"  # ten seconds more than is taken at once
        self.bergen.start()
        ahead = self.post(self.bergen, "from a clock that is ahead")
        held = "SELECT COUNT(*) FROM fed_envelope WHERE state = 'held' AND reason LIKE 'ahead%'"
        wait_until(lambda: self.lake.rows(held)[0][0] > 0, "held at the hub")
        self.cadiz.stop()
        self.cadiz.clock = "-900s"
        self.cadiz.start()
        behind = self.post(self.ahus, "ahead of cadiz")
        wait_until(lambda: self.cadiz.rows(held)[0][0] > 0, "held at the node whose clock is behind")
        self.assertNotIn(behind, self.states(self.cadiz))
        for n in (self.cadiz, self.bergen):
            n.stop()
            n.clock = ""
            n.start()
        self.wait_items((self.lake, self.ahus, self.bergen, self.cadiz), [ahead, behind])
        self.items += [ahead, behind]

    def thirty_days(self):
        """cadiz is off for 31 days; meanwhile things come, are taken back, and end. All clocks are moved, not the data."""
        if no_clocks(PROGRAM):
            return
        at = lambda days: when(days * DAY_S)
        self.cadiz.stop()
        long, short = self.post(self.ahus, "for sixty days", expires=at(60)), self.post(self.ahus, "for twenty days", expires=at(20))
        back = next(i for i in self.missed if i in self.states(self.ahus))
        self.wait_items((self.lake, self.bergen), [long, short])
        for n in self.world.nodes:
            n.stop()
            n.clock = "+31d"
        self.lake.start()
        self.ahus.start()
        circle = lambda n: next(c for c in n.federation()["circles"] if c["id"] == self.lake_circle)
        wait_until(lambda: circle(self.ahus)["state"] == "expired", lambda: circle(self.ahus))
        a = self.ahus.ask("POST", "/api/v1/items", {"kind": "story", "title": "x", "text": "x", "tlp": "GREEN", "pap": "GREEN",
                                                     "circle": self.lake_circle, "audience": {"all": True}})
        self.assertNotEqual(a.status, 201)  # fails closed, and says so
        self.assertEqual(self.ahus.ask("GET", "/api/v1/alerts?status=all").status, 200)  # its own work goes on
        self.lake.admin().do("/api/v1/federation/circles/%s/renew" % self.lake_circle, {"password": PASSWORD})
        wait_until(lambda: circle(self.ahus)["state"] == "valid", lambda: circle(self.ahus))
        self.assertEqual(self.ahus.ask("POST", "/api/v1/items/%s/retract" % back, {"reason": "no longer so"}).status, 200)
        late = self.post(self.ahus, "of day thirty-one", expires=at(60))
        self.wait_items((self.lake,), [late])
        self.cadiz.start()
        self.wait_items((self.cadiz,), [long, late])
        self.wait_items((self.cadiz,), [back], "retracted")
        self.assertNotEqual(self.states(self.cadiz).get(short), "current")
        self.assertEqual(circle(self.cadiz)["state"], "valid")
        self.ends_agree(self.lake, self.cadiz, self.lake_circle)


if __name__ == "__main__":
    unittest.main(verbosity=2)
