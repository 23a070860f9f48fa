#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What is due is mailed once, by a node with a mail server of the test's own. usage: tests/api/test_reminders.py PROGRAM"""
import datetime
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


if __name__ == "__main__":
    unittest.main()
