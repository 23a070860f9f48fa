#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What is due is mailed once, by a node with a mail server of the test's own; and whose it is. usage: tests/api/test_reminders.py PROGRAM"""
import datetime
import json
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, MailServer, Node, mail_text, wait_until

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"


class Reminders(unittest.TestCase):
    """What is due is mailed once, over restarts; as numbers, and nothing of what is RED."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sereno-desk-")
        self.mail = MailServer()
        self.config = """notify:
  mail: {server: "smtp://127.0.0.1:%d", from: sereno@lantern.example, to: [watch@lantern.example], levels: [critical]}
""" % self.mail.port

    def tearDown(self):
        self.mail.shutdown()
        self.mail.server_close()
        shutil.rmtree(self.folder)

    def test_once_over_restarts(self):
        day = [(datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=n)).isoformat() for n in (0, 2, 60)]
        node = Node(PROGRAM, self.folder, self.config)
        try:
            link = node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
            b = Browser(node)
            self.assertEqual(b.setup(link.group(2), "Anna", PASSWORD).status, 303)
            for due, tlp in ((day[1], "AMBER+STRICT"), (day[1], "RED"), (day[2], "AMBER+STRICT")):
                a = b.send("POST", "/api/v1/registers/findings", {"tlp": tlp, "fields": {"title": "Planted words", "origin": "audit", "severity": "high", "found": day[0], "due": due}})
                self.assertEqual(a.status, 201, a.body)
        finally:
            node.stop()
        node = Node(PROGRAM, self.folder, self.config)  # it looks when it starts
        try:
            mail = wait_until(lambda: self.mail.mails, "a mail of what is due")[0]
            b = Browser(node)  # it has looked, and looks again in some minutes only
            self.assertEqual(b.login("Anna", PASSWORD).status, 303)
            a = b.send("POST", "/api/v1/registers/findings", {"fields": {"title": "Another", "origin": "audit", "severity": "high", "found": day[0], "due": day[1]}})
            self.assertEqual(a.status, 201, a.body)
        finally:
            node.stop()
        node = Node(PROGRAM, self.folder, self.config)  # and so again; what came anew shows that it looked, and is told alone
        try:
            wait_until(lambda: len(self.mail.mails) > 1, "a mail of what came anew")
        finally:
            node.stop()
        self.assertEqual([m["message"]["Subject"] for m in self.mail.mails], ["[Sereno] What is due: 1 record"] * 2)
        self.assertIn("Findings: 1 due within 3 days", mail_text(mail))
        self.assertNotIn("Planted", mail_text(mail))


class Owners(unittest.TestCase):
    """What is due is due for whom the record names, if he may read it; a record that names nobody with an account is its maker's."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sereno-desk-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.node = Node(PROGRAM, self.folder)
        self.addCleanup(self.node.stop)
        link = self.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        self.anna = Browser(self.node)
        self.assertEqual(self.anna.setup(link.group(2), "Anna", PASSWORD).status, 303)

    def post(self, path, body, status=201):
        a = self.anna.send("POST", "/api/v1" + path, body)
        self.assertEqual(a.status, status, a.body)
        return a.json() if a.body else None

    def finding(self, title, tlp="AMBER+STRICT", **more):
        day = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        return self.post("/registers/findings", {"tlp": tlp, "fields": dict({"title": title, "origin": "audit", "severity": "high", "found": day, "due": day}, **more)})

    def due(self, browser, query=""):
        a = browser.get("/api/v1/due" + query)
        self.assertEqual(a.status, 200, a.body)
        return {r["title"]: (r["owner"], r["mine"]) for r in a.json()["items"]}

    def test_named_owner(self):
        bo = self.post("/users", {"name": "bo", "role": "analyst", "password": PASSWORD})
        person = self.post("/registers/people", {"fields": {"name": "Bo Lind"}})
        alone = self.post("/registers/people", {"fields": {"name": "Cy Moor"}})
        self.post("/users/%s/person" % bo["id"], {"person": person["id"]}, 204)
        self.finding("Linked", responsible=person["id"], owner="Anna")
        self.finding("Red", tlp="RED", responsible=person["id"])
        self.finding("No account", responsible=alone["id"])
        self.finding("Text", owner="bo")
        self.finding("Nobody")
        b = Browser(self.node)
        self.assertEqual(b.login("bo", PASSWORD).status, 303)
        # An analyst is told the owner's name where he may see it: of a person's record it is masked, and the text is not.
        self.assertEqual(self.due(b), {"Linked": (None, True), "No account": (None, False), "Text": ("bo", True), "Nobody": (None, False)})
        self.assertEqual(set(self.due(b, "?mine=true")), {"Linked", "Text"})
        self.assertEqual(self.due(self.anna), {"Linked": ("Bo Lind", False), "Red": ("Bo Lind", False), "No account": ("Cy Moor", True), "Text": ("bo", True), "Nobody": (None, True)})
        self.assertEqual(set(self.due(self.anna, "?mine=true&limit=200")), {"No account", "Text", "Nobody"})
        self.assertEqual(self.anna.get("/api/v1/due?mine=perhaps").status, 400)
        self.post("/users/%s/disable" % bo["id"], {"why": "left"}, 204)  # who cannot sign in is told nothing: it is the maker's again
        self.assertTrue(self.due(self.anna)["Linked"][1])

    def test_either_owner_lets_it_be_mended(self):
        person = self.post("/registers/people", {"fields": {"name": "Bo Lind"}})
        for more, status in (({}, 422), ({"owner": "bo"}, 200), ({"responsible": person["id"]}, 200)):
            row = self.finding("Mend", **more)
            a = self.anna.ask("POST", "/api/v1/registers/findings/%s/move" % row["id"], json.dumps({"to": "fixing"}),
                              {"Content-Type": "application/json", "X-Sereno-CSRF": self.anna.csrf, "If-Match": '"1"'})
            self.assertEqual(a.status, status, a.body)


if __name__ == "__main__":
    unittest.main()
