#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A hub that lies, and one whose membership ran out. usage: tests/federation/test_hostile_hub.py PROGRAM"""
import hashlib
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, run, wait_until

try:
    from peer import Identity, SimulatedHub, when
except ImportError as why:
    SimulatedHub, MISSING = None, str(why)

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else ""


@unittest.skipIf(SimulatedHub is None, "no simulated hubs: " + (MISSING if SimulatedHub is None else ""))
class HostileHub(unittest.TestCase):
    def setUp(self):
        self.world = World(PROGRAM, namespaces=False)
        self.city = self.world.node("ahus")
        self.hub = SimulatedHub()
        got = run(PROGRAM, "enrol", self.hub.url, "--code", "0" * 32, "--data", self.city.data, "--fingerprint",
                  self.hub.fingerprint, check=False)
        self.assertEqual(got.returncode, 0, got.stdout)
        self.wait("up")

    def tearDown(self):
        if any(error for _, error in getattr(self._outcome, "errors", [])):
            print(self.city.log(True)[-4000:], flush=True)
        self.world.close()
        self.hub.close()

    def link(self):
        links = self.city.federation()["links"]
        return links[0] if links else {"state": "none", "error": None}

    def wait(self, state, error=""):
        wait_until(lambda: self.link()["state"] == state and error in (self.link()["error"] or ""), lambda: self.link())

    def circle(self):
        return self.city.federation()["circles"][0]

    def note(self, issuer=None, epoch=None, **other):
        return (issuer or self.hub).envelope(self.hub.circle, epoch or self.hub.epoch, {"n": os.urandom(4).hex()}, **other)

    def stored(self):
        return {r[0] for r in self.city.rows("SELECT id FROM fed_envelope WHERE type = 'x-note' AND state = 'stored'")}

    def test_lies_about_members(self):
        hub, stranger = self.hub, Identity()
        hub.epoch = 5
        hub.announce(hub.membership(5), epoch=1)
        self.world.wait_epoch(self.city, hub.circle, 5)
        lies = [hub.membership(4), hub.membership(6, keys=[hub.sign]), hub.membership(6, keys=[hub.officer]),
                hub.membership(6, keys=[stranger.sign, hub.officer]),
                hub.membership(6, officers=[{"name": "mallory", "key": stranger.sign_text}], keys=[hub.sign, stranger.sign]),
                hub.membership(6, hub={"node": hub.node, "sign": stranger.sign_text, "seal": hub.seal_text},
                               keys=[stranger.sign, hub.officer]),
                hub.membership(5, name="Another truth")]
        for lie in lies:
            hub.announce(lie)
        good = self.note()
        hub.tell(good)
        wait_until(lambda: good["id"] in self.stored(), "the true note")
        self.assertEqual((self.circle()["epoch"], self.circle()["state"]), (5, "conflict"))
        for word in ("epoch-lower", "hub-key", "quorum", "two-truths"):
            self.city.expect("word=" + word)
        self.assertGreaterEqual(self.city.federation()["alarms"], 3)

    def test_lies_about_what_others_said(self):
        hub, friend = self.hub, Identity()
        hub.epoch = 2
        hub.announce(hub.membership(2, [hub.entry(friend, "Friend", ["member"], since=2)]), epoch=1)
        self.world.wait_epoch(self.city, hub.circle, 2)
        true = self.note(friend)
        forged = self.note(friend, key=hub)
        hub.tell(dict(true, body={"n": 0}), forged, self.note(Identity()), hub.envelope("c-other", 2, {"n": 1}), b'{"x":1}', true, true)
        wait_until(lambda: true["id"] in self.stored(), "the true note")
        self.assertEqual(self.stored(), {true["id"]})

    def warning(self, value, more=(), **other):
        """As the hub would warn of an address; `more` stands in the body beside what this version knows."""
        name = "\n".join(("sereno-warning-1", self.hub.circle, "indicator", "ip:" + value)).encode()
        at = when()[:14] + "00Z"
        return self.hub.envelope(self.hub.circle, self.hub.epoch, {
            "warning": hashlib.blake2b(name, digest_size=16).hexdigest(), "version": 1, "why": {"kind": "indicator", "value": "ip:" + value},
            "title": "Seen at several members: " + value, "level": "high", "seen": "at least one other member", "first": at, "last": at,
            "withdrawn": False, "rules": [], "indicators": [{"type": "ip", "value": value}], "products": [], **dict(more)}, kind="warning", **other)

    def test_what_a_later_version_says(self):
        """It waits whole, without effect; what comes behind it is taken, and the board says that an upgrade is needed."""
        hub = self.hub
        story = {"item": "0197f3c0-0000-7000-8000-00000000000b", "version": 1, "kind": "bulletin", "title": "Week 48", "text": "words", "of": None, "derived": []}
        later = [self.warning("185.220.101.7", more={"playbooks": []}), hub.envelope(hub.circle, hub.epoch, story, kind="item"),
                 self.warning("185.220.101.8", more={"why": {"kind": "behaviour", "value": "x"}})]
        hub.tell(*later, self.warning("185.220.101.9"))
        state = lambda: [w["why"]["value"] for w in self.city.get("/api/v1/warnings")["items"]]
        wait_until(lambda: state() == ["ip:185.220.101.9"], state)
        self.assertEqual(self.city.get("/api/v1/items")["items"], [])
        rows = self.city.rows("SELECT state, substr(reason, 1, 6) FROM fed_envelope WHERE id IN (?, ?, ?)", *(e["id"] for e in later))
        self.assertEqual(rows, [("held", "newer:")] * 3)
        self.assertEqual(self.city.federation()["newer"], 3)

    def test_a_label_of_a_later_version(self):
        """It waits, and nobody reads the story meanwhile, be the label unknown in its body or on the envelope too; a new version is read."""
        hub, shown = self.hub, lambda: [i["title"] for i in self.city.get("/api/v1/items")["items"]]
        stories = ["0197f3c0-0000-7000-8000-0000000000a%d" % n for n in (1, 2, 3)]
        story = lambda n, version=1: hub.envelope(hub.circle, hub.epoch, {
            "item": stories[n], "version": version, "kind": "story", "title": "Story %d" % n, "text": "words", "of": None, "derived": []}, kind="item")
        label = lambda n, **more: hub.envelope(hub.circle, hub.epoch, {
            "item": stories[n], "version": 2, "tlp": "PURPLE", "pap": "RED", "chr": False, "audience": {"all": True}}, kind="relabel", **more)
        hub.tell(*(story(n) for n in range(3)))
        wait_until(lambda: sorted(shown()) == ["Story 0", "Story 1", "Story 2"], shown)
        later = [label(0), label(1, tlp="PURPLE")]
        hub.tell(*later)
        wait_until(lambda: shown() == ["Story 2"], shown)
        self.assertEqual(self.city.rows("SELECT state, substr(reason, 1, 6) FROM fed_envelope WHERE id IN (?, ?)", *(e["id"] for e in later)),
                         [("held", "newer:")] * 2)
        self.assertEqual(self.city.federation()["newer"], 2)
        self.assertEqual([self.city.ask("GET", "/api/v1/items/" + i).status for i in stories], [404, 404, 200])
        hub.tell(story(0, 3))
        wait_until(lambda: sorted(shown()) == ["Story 0", "Story 2"], shown)

    def test_what_is_not_for_this_city(self):
        """A hub that relays too much, or tells one city what was meant for another: the city's own policy lets none of it in, and what its
        policy takes by itself after a dry run is only what it lets in."""
        hub, friend = self.hub, Identity()
        hub.epoch = 2
        hub.announce(hub.membership(2, [hub.entry(friend, "Friend", ["member"], since=2)]), epoch=1)
        self.world.wait_epoch(self.city, hub.circle, 2)
        self.assertEqual(self.city.ask("PUT", "/api/v1/federation/sharing", {"items": [], "automatic": True, "cap": 10}).status, 200)
        story = {"item": "0197f3c0-0000-7000-8000-00000000000a", "version": 1, "kind": "story", "title": "For Friend alone", "text": "words",
                 "of": None, "derived": []}
        theirs, mine = {"nodes": [friend.node]}, {"nodes": [self.hub.member["node"]]}
        lies = [self.warning("185.220.101.7", audience=theirs, tlp="AMBER"), self.warning("185.220.101.8", audience={"orgs": ["Friend"]}),
                hub.envelope(hub.circle, 2, story, kind="item", audience=theirs, tlp="AMBER"),
                friend.envelope(hub.circle, 2, story, kind="item", audience=mine, tlp="AMBER")]  # for this city, and open to the hub
        good = self.warning("185.220.101.9")
        hub.tell(*lies, good)
        state = lambda: [(w["why"]["value"], w["state"], w["automatic"]) for w in self.city.get("/api/v1/warnings")["items"]]
        wait_until(lambda: state() == [("ip:185.220.101.9", "taken", True)], state)
        self.assertEqual(self.city.rows("SELECT id FROM fed_envelope WHERE type IN ('warning', 'item') AND peer <> ''"), [(good["id"],)])
        for word in ("policy", "unsealed"):
            self.city.expect("word=" + word)
        self.assertEqual(self.city.get("/api/v1/items")["items"], [])

    def test_answers_that_hurt(self):
        hub = self.hub
        desk = "http://127.0.0.1:%d/api/v1/federation/stop" % self.city.desk_port
        for name, answer, error in (
                ("pull", lambda h: h.say(200, b"x" * (9 << 20)), "too large"),
                ("pull", lambda h: h.say(302, b"{}", [("Location", desk)]), "302"),
                ("pull", lambda h: h.say(200, b"\x1f\x8b" + b"0" * 100, [("Content-Encoding", "gzip")]), ""),
                ("pull", lambda h: h.say(200, b'{"envelopes":[{"envelope":{},"seq":900}],"epoch":1}'), "gap"),
                ("hello", lambda h: h.say(200, b'{"node":"' + b"0" * 32 + b'"}'), "")):
            hub.answers[name] = answer
            if name == "hello":
                hub.answers["pull"] = lambda h: h.say(500)
            self.wait("down", error)
            hub.answers.clear()
            self.wait("up")
        self.assertFalse(self.city.federation()["stopped"])
        note = self.note()
        hub.tell(note)
        wait_until(lambda: note["id"] in self.stored(), "the note after all that")

    def test_another_key_on_the_wire(self):
        hub, port = self.hub, self.hub.port
        hub.close()
        self.wait("down")
        seen = len(hub.asked)
        hub.serve(Identity(hub.node), port)  # somebody in between, with a key of his own
        self.wait("down", "another key")
        self.assertEqual(len(hub.asked), seen)  # not a byte of a request
        hub.close()
        hub.serve(port=port)
        self.wait("up")

    def test_a_membership_that_ran_out(self):
        """As after thirty days without a word: nothing new is taken, own work goes on; a new file lets in what was held."""
        hub = self.hub
        hub.epoch = 2
        hub.announce(hub.membership(2, expires=when(4)), epoch=1)
        self.world.wait_epoch(self.city, hub.circle, 2)
        wait_until(lambda: self.circle()["state"] == "expired", lambda: self.circle())
        late = self.note()
        hub.tell(late)
        held = lambda: self.city.rows("SELECT id, reason FROM fed_envelope WHERE state = 'held'")
        wait_until(held, "the note is held")
        self.assertEqual(held(), [(late["id"], "membership-expired: the circle's membership file is over its date")])
        self.assertEqual(self.city.get("/api/v1/alerts?status=open")["items"], [])
        hub.epoch = 3
        hub.announce(hub.membership(3), epoch=2)
        self.world.wait_epoch(self.city, hub.circle, 3)
        wait_until(lambda: late["id"] in self.stored(), "what was held is let in")
        self.assertEqual(self.circle()["state"], "valid")


if __name__ == "__main__":
    unittest.main(verbosity=2)
