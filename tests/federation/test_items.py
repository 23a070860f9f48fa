#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Items between real nodes: sealed on their way, read where they may be, tightened, taken back with receipts; the same in
files on a stick; a personal link. usage: tests/federation/test_items.py PROGRAM"""
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from node import MailServer
from world import PASSWORD, World, run, wait_until

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else ""
SECRET = "lanternfish-quorum-7731"


class Items(unittest.TestCase):
    def setUp(self):
        self.world = World(PROGRAM)
        w = self.world
        self.hub, self.one, self.two, self.three = w.node("hub", hub=True), w.node("ahus"), w.node("bergen"), w.node("cork")
        admin = self.hub.admin()
        self.circle = self.hub.make_circle("Lake cities", admin)
        for n in (self.one, self.two, self.three):
            w.enrol(self.hub, self.circle, n, admin)
        for n in (self.one, self.two, self.three):
            w.wait_epoch(n, self.circle, 4)

    def tearDown(self):
        if any(error for _, error in getattr(self._outcome, "errors", [])):
            for n in self.world.nodes:
                print("==== %s ====\n%s" % (n.name, n.log(True)[-3000:]), flush=True)
        self.world.close()

    def item(self, **more):
        return {"kind": "story", "title": "What happened", "text": "It was " + SECRET, "tlp": "AMBER", "pap": "AMBER",
                "circle": self.circle, "audience": {"orgs": [self.two.organisation]}, **more}

    def send(self, node, **more):
        a = node.ask("POST", "/api/v1/items", self.item(**more))
        self.assertEqual(a.status, 201, a.body)
        return a.json()["id"]

    def seen(self, node, id_, state="current"):
        def look():
            return next((i for i in node.get("/api/v1/items")["items"] if i["id"] == id_ and i["state"] == state), None)
        return wait_until(look, lambda: "%s sees %s %s: %s" % (node.name, id_, state, node.get("/api/v1/items")))

    def shared_rows(self, node):
        """Everything that a node keeps of what is shared: items, envelopes, streams, readers."""
        tables = [t for (t,) in node.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'fed!_%' ESCAPE '!' ORDER BY 1")]
        return {t: node.rows("SELECT * FROM " + t + " ORDER BY 1") for t in tables}

    def holds_secret(self, node):
        """Whether any file of the node's data holds the words."""
        return subprocess.run(["grep", "-r", "-l", "-a", SECRET, node.data], stdout=subprocess.PIPE, check=False, text=True).stdout.split()

    def test_life_of_an_item_between_nodes(self):
        admin = self.two.admin("anna")
        amber = self.send(self.one)
        red = self.send(self.one, tlp="RED", audience={"persons": [{"node": self.two.federation()["node"]["id"], "name": "anna"}]})
        green = self.send(self.one, tlp="GREEN", title="For all", text="nothing secret", audience={"all": True})
        self.assertEqual(self.seen(self.two, amber)["author"], self.one.organisation)
        self.seen(self.three, green)
        self.seen(self.two, green)
        # A new version takes the place of the one before; who loses it by the next one loses it.
        title = {"kind": "story", "title": "For all, better", "text": "nothing secret", "tlp": "GREEN", "pap": "AMBER", "circle": self.circle, "audience": {"all": True}}
        a = self.one.ask("POST", "/api/v1/items/%s/version" % green, title)
        self.assertEqual(a.status, 201, a.body)
        for n in (self.two, self.three):
            wait_until(lambda n=n: n.get("/api/v1/items/" + green)["title"] == "For all, better", "the newest at " + n.name)
        for audience, sees in (([self.two.organisation], False), ([self.two.organisation, self.three.organisation], True)):
            a = self.one.ask("POST", "/api/v1/items/%s/version" % green, {**title, "tlp": "AMBER" if not sees else "GREEN", "widen": sees,
                                                                          "audience": {"orgs": audience} if not sees else {"all": True}})
            self.assertEqual(a.status, 201, a.body)
            wait_until(lambda: (self.three.ask("GET", "/api/v1/items/" + green).status == 200) == sees, "three %s" % sees)
        self.assertEqual(self.two.rows("SELECT COUNT(*) FROM fed_item WHERE id = ?", green), [(1,)])
        # RED: at the other node one named person, and nobody else of it.
        wait_until(lambda: self.two.rows("SELECT 1 FROM fed_item WHERE id = ?", red), "RED at its reader's node")
        self.assertEqual(self.two.ask("GET", "/api/v1/items/" + red).status, 404)
        got = json.loads(admin.ask("GET", "/api/v1/items/" + red).body)
        self.assertEqual((got["text"], got["read_recorded"]), ("It was " + SECRET, True))
        # Neither the hub nor a member that was not meant holds a word of it.
        for n in (self.hub, self.three):
            self.assertEqual([i["id"] for i in n.get("/api/v1/items")["items"]], [green])
            self.assertEqual(self.holds_secret(n), [])
        # Tighter, then gone; the author sees who answered.
        tighter = {"tlp": "AMBER", "pap": "AMBER", "audience": {"orgs": [self.two.organisation]}}
        self.assertEqual(self.one.ask("POST", "/api/v1/items/%s/tighten" % green, tighter).status, 200)
        self.assertEqual(self.seen(self.two, green, "tightened")["tlp"], "AMBER")
        wait_until(lambda: all(i["id"] != green for i in self.three.get("/api/v1/items")["items"]), "three loses it")
        self.assertEqual(self.one.ask("POST", "/api/v1/items/%s/retract" % amber, {"reason": "wrong city"}).status, 200)
        self.assertEqual(self.seen(self.two, amber, "retracted")["title"], "")
        mine = wait_until(lambda: next((i for i in self.one.get("/api/v1/items")["items"] if i["id"] == amber and i["receipts"]["removed"] == 1), None),
                          "the receipt")
        self.assertEqual(mine["receipts"], {"sent": 1, "received": 1, "removed": 1})
        # No log of any node holds a word of it, nor a title, a reason or a name of who read.
        for n in self.world.nodes:
            for word in (SECRET, "What happened", "For all", "nothing secret", "wrong city", "anna"):
                self.assertNotIn(word, n.log(True))
        # A node that starts again has it no more, nor what the hub sends again.
        self.two.restart()
        self.two.wait_link(self.hub)
        self.seen(self.two, amber, "retracted")
        self.assertEqual(self.two.rows("SELECT title, body FROM fed_item WHERE id = ?", amber), [("", "")])

    def test_two_officers_take_back_what_its_author_cannot(self):
        anna, bo = self.hub.admin("anna"), self.hub.admin("bo")
        anna.do("/api/v1/federation/officers", {"password": PASSWORD})
        bo.do("/api/v1/federation/officers", {"password": PASSWORD})
        anna.do("/api/v1/federation/circles/%s/renew" % self.circle, {"password": PASSWORD})
        for n in (self.one, self.two):
            self.world.wait_epoch(n, self.circle, 5)
        amber, green = self.send(self.one), self.send(self.one, tlp="GREEN", title="For all", text="nothing secret", audience={"all": True})
        self.seen(self.two, amber)
        self.seen(self.three, green)
        self.one.kill()
        stone = {"circle": self.circle, "item": amber, "reason": "a person is named in it", "password": PASSWORD}
        for bad, status in (({"item": "x"}, 400), ({"reason": ""}, 400), ({"circle": "elsewhere"}, 404), ({"password": "no"}, 403)):
            self.assertEqual(anna.send("POST", "/api/v1/federation/tombstones", {**stone, **bad}).status, status, bad)
        self.assertFalse(anna.do("/api/v1/federation/tombstones", stone)["complete"])
        request, = [r for r in self.hub.requests() if r["kind"] == "tombstone"]
        self.assertEqual((request["item"], request["reason"], request["needed"], [a["who"] for a in request["approvals"]]),
                         (amber, "a person is named in it", 2, ["anna"]))
        approve = "/api/v1/federation/requests/%s/approve" % request["id"]
        self.assertEqual(anna.send("POST", approve, {"password": PASSWORD}).status, 409)  # nobody is two officers
        self.hub.restart()
        anna, bo = self.hub.admin("anna"), self.hub.admin("bo")
        self.seen(self.two, amber)
        self.assertTrue(bo.do(approve, {"password": PASSWORD})["complete"])
        self.assertEqual(self.seen(self.two, amber, "retracted")["title"], "")
        self.assertEqual(bo.send("POST", approve, {"password": PASSWORD}).status, 409)
        self.one.start()  # its author's node hears of it when it is back
        self.assertEqual(self.seen(self.one, amber, "retracted")["title"], "")
        # The hub counts who has deleted it: all members, also those who never had it.
        stone_now = lambda: [(x["item"], x["reason"], x["sent"], x["removed"]) for x in self.hub.get("/api/v1/federation/requests")["stones"]]
        wait_until(lambda: stone_now() == [(amber, "a person is named in it", 3, 3)], stone_now)
        for n in (self.two, self.three):
            self.assertEqual(n.get("/api/v1/federation/requests")["stones"], [])
            self.assertEqual(n.get("/api/v1/items/" + green)["state"], "current")
        # Refused by the other, nothing happens.
        self.assertFalse(anna.do("/api/v1/federation/tombstones", {**stone, "item": green})["complete"])
        request, = [r for r in self.hub.requests() if r["kind"] == "tombstone"]
        bo.do("/api/v1/federation/requests/%s/refuse" % request["id"], {"password": PASSWORD})
        self.assertEqual([r for r in self.hub.requests() if r["kind"] == "tombstone"], [])
        self.assertEqual(self.three.get("/api/v1/items/" + green)["state"], "current")

    def test_courier_mode(self):
        if not self.world.namespaces:
            self.skipTest("needs network namespaces, to cut a line")
        self.world.cut(self.one)
        first, second = self.send(self.one), self.send(self.one, title="Second")
        stick = os.path.join(self.world.folder, "stick.json")
        got = run(PROGRAM, "federation", "export", stick, "--data", self.one.data, check=False)
        self.assertEqual(got.returncode, 0, got.stdout)
        with open(stick, encoding="utf-8") as f:
            self.assertNotIn(SECRET, f.read())
        self.assertEqual(run(PROGRAM, "federation", "export", stick, "--data", self.one.data, check=False).returncode, 1)  # never over a file
        # Carried back to the node that wrote it, it changes nothing there.
        before = self.shared_rows(self.one)
        self.assertIn((1,), self.one.rows("SELECT COUNT(*) > 0 FROM fed_out"))
        run(PROGRAM, "federation", "import", stick, "--data", self.one.data, check=False)
        self.assertEqual(self.shared_rows(self.one), before)
        # At the wrong node, and with one letter changed, it is refused.
        self.assertEqual(run(PROGRAM, "federation", "import", stick, "--data", self.three.data, check=False).returncode, 1)
        with open(stick, encoding="utf-8") as f:
            text = f.read()
        forged = os.path.join(self.world.folder, "forged.json")
        with open(forged, "w", encoding="utf-8") as f:
            f.write(text.replace('"pap":"AMBER"', '"pap":"GREEN"', 1))
        self.assertEqual(run(PROGRAM, "federation", "import", forged, "--data", self.hub.data, check=False).returncode, 1)
        got = run(PROGRAM, "federation", "import", stick, "--data", self.hub.data, check=False)
        self.assertEqual(got.returncode, 0, got.stdout)
        self.assertIn("0 refused", got.stdout)
        for id_ in (first, second):
            self.seen(self.two, id_)
        again = run(PROGRAM, "federation", "import", stick, "--data", self.hub.data, check=False)
        self.assertIn(" 0 new, 0 refused", again.stdout)
        # The line is back: the same comes again, and is known.
        self.world.cut(self.one, down=False)
        third = self.send(self.one, title="Third")
        self.seen(self.two, third)
        for id_ in (first, second, third):
            self.assertEqual(self.two.rows("SELECT COUNT(*) FROM fed_item_read WHERE item = ? AND kind = 'change'", id_), [(1,)])

    def test_a_personal_link_at_the_hub(self):
        green = self.send(self.one, tlp="GREEN", title="For all", text="nothing secret", audience={"all": True})
        self.seen(self.hub, green)
        a = self.hub.ask("POST", "/api/v1/link-pages", {"circle": self.circle, "organisation": "Smalltown", "person": "Eve"})
        self.assertEqual(a.status, 201, a.body)
        stranger = self.hub.admin("bo")
        stranger.cookies = {}
        page = stranger.ask("GET", a.json()["path"])
        self.assertEqual(page.status, 200)
        self.assertIn(b"nothing secret", page.body)
        self.assertEqual(self.hub.ask("DELETE", "/api/v1/link-pages/" + a.json()["id"]).status, 204)
        gone = stranger.ask("GET", a.json()["path"])
        self.assertEqual((gone.status, gone.body), (404, stranger.ask("GET", "/m/" + 64 * "0").body))
        # What is over goes by itself: another's item and the link at the hub; the author keeps her own a while.
        for n in (self.hub, self.one):
            n.stop()
            with sqlite3.connect(os.path.join(n.data, "records.db")) as db:
                db.execute("UPDATE fed_item SET expires = ?", ((int(time.time()) - 2 * 86400) * 10**9,))
                db.execute("UPDATE fed_link_page SET revoked = 5")
            n.start()
        wait_until(lambda: self.hub.rows("SELECT (SELECT COUNT(*) FROM fed_item) + (SELECT COUNT(*) FROM fed_link_page) + "
                                         "(SELECT COUNT(*) FROM fed_item_read)") == [(0,)], "the hub's sweep")
        self.assertEqual(self.one.rows("SELECT COUNT(*) FROM fed_item"), [(1,)])


class Letters(unittest.TestCase):
    """The mail server is the test's own, on loopback: so are the nodes."""

    def setUp(self):
        self.mail = MailServer()
        self.world = World(PROGRAM, namespaces=False)

    def tearDown(self):
        if any(error for _, error in getattr(self._outcome, "errors", [])):
            for n in self.world.nodes:
                print("==== %s ====\n%s" % (n.name, n.log(True)[-3000:]), flush=True)
        self.world.close()
        self.mail.shutdown()
        self.mail.server_close()

    def test_a_letter_outlives_the_desk_and_the_node_and_comes_once(self):
        w = self.world
        hub = w.node("hub", hub=True, extra="notify:\n  mail: {server: \"smtp://127.0.0.1:%d\", from: hub@lantern.example, "
                     "to: [watch@lantern.example], levels: [critical]}\n" % self.mail.port)
        circle = hub.make_circle("Lake cities")
        a = hub.ask("POST", "/api/v1/link-pages", {"circle": circle, "organisation": "Smalltown", "person": "Eve", "mail": "eve@small.example"})
        self.assertEqual(a.status, 201, a.body)

        def send(title):
            a = hub.ask("POST", "/api/v1/items", {"kind": "story", "title": title, "text": "words", "tlp": "GREEN", "pap": "GREEN", "circle": circle,
                                                  "audience": {"all": True}})
            self.assertEqual(a.status, 201, a.body)
            return a.json()["id"]

        city = w.node("ahus")
        w.enrol(hub, circle, city)
        states = lambda: [x[0] for x in hub.rows("SELECT state FROM fed_letter ORDER BY created")]
        # The desk dies while the courier has the letter.
        self.mail.refuse = refused = 1 << 20
        first = send("first")
        wait_until(lambda: self.mail.refuse < refused, "a try")
        hub.kill_role("desk")
        wait_until(lambda: len(re.findall(r"federation\.ready", hub.log())) >= 2, lambda: "another desk:\n" + hub.log()[-3000:])
        self.assertEqual(states(), ["waiting"])
        letters = lambda: [(x["person"], x["organisation"], x["state"], x["seen"]) for x in hub.get("/api/v1/items/" + first)["letters"]]
        self.assertEqual(letters(), [("Eve", "Smalltown", "queued", None)])
        self.mail.refuse = 0
        wait_until(lambda: states() == ["sent"], lambda: "it goes: %s\n%s" % (states(), hub.log()[-3000:]))
        self.assertEqual([str(m["message"]["Subject"]) for m in self.mail.mails], ["[TLP:GREEN] first"])
        self.assertEqual(letters(), [("Eve", "Smalltown", "sent", None)])
        # The whole node dies between queueing and sending.
        self.mail.refuse = refused = 1 << 20
        send("second")
        wait_until(lambda: self.mail.refuse < refused, "a try")
        hub.kill()
        self.assertEqual(states(), ["sent", "waiting"])
        self.mail.refuse = 0
        hub.start()
        wait_until(lambda: states() == ["sent", "sent"], lambda: "it goes: %s\n%s" % (states(), hub.log()[-3000:]))
        self.assertEqual([str(m["message"]["Subject"]) for m in self.mail.mails], ["[TLP:GREEN] first", "[TLP:GREEN] second"])
        self.assertEqual(len({m["message"]["Message-ID"] for m in self.mail.mails}), 2)

    def test_a_small_member_gets_mail_of_what_the_policy_lets_go_by_mail(self):
        w = self.world
        hub = w.node("hub", hub=True, extra="notify:\n  mail: {server: \"smtp://127.0.0.1:%d\", from: hub@lantern.example, "
                     "to: [watch@lantern.example], levels: [critical]}\n" % self.mail.port)
        city = w.node("ahus")
        circle = hub.make_circle("Lake cities")
        w.enrol(hub, circle, city)
        for person, address in (("Eve", "eve@small.example"), ("Finn", "")):
            a = hub.ask("POST", "/api/v1/link-pages", {"circle": circle, "organisation": "Smalltown", "person": person, "mail": address, "language": "es"})
            self.assertEqual(a.status, 201, a.body)

        def send(node, title, **more):
            a = node.ask("POST", "/api/v1/items", {"kind": "story", "title": title, "text": "words of " + title, "tlp": "GREEN", "pap": "GREEN",
                                                   "circle": circle, "audience": {"all": True}, **more})
            self.assertEqual(a.status, 201, a.body)

        send(city, "amber", tlp="AMBER", audience={"orgs": [hub.organisation]})
        send(city, "green")
        send(hub, "from the hub")
        wait_until(lambda: len(self.mail.mails) >= 2, lambda: "two letters: %s\n%s" % (self.mail.mails, hub.log()[-2000:]))
        send(city, "last", chr=True)
        wait_until(lambda: len(self.mail.mails) >= 3, "the last letter")
        subjects = sorted(str(m["message"]["Subject"]) for m in self.mail.mails)
        self.assertEqual(subjects, ["[TLP:GREEN] from the hub", "[TLP:GREEN] green", "[TLP:GREEN] last"])
        texts = {m["message"]["Subject"]: m["message"].get_payload(decode=True).decode() for m in self.mail.mails}
        # Her pages are Spanish; her letters are not before a person has read the Spanish sentences through.
        self.assertIn("From %s to the members of Lake cities." % city.organisation, texts["[TLP:GREEN] green"])
        self.assertNotIn(city.organisation, texts["[TLP:GREEN] last"])  # under the Chatham House Rule
        for m in self.mail.mails:
            self.assertEqual(m["to"], ["RCPT TO:<eve@small.example>"])
            self.assertNotIn("amber", m["message"].get_payload(decode=True).decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
