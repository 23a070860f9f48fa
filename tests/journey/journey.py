#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The README's first five minutes, done as a person would, and what comes after. usage: journey.py PROGRAM

One node of its own, started by tools/run-node on free ports; the tests run in the order of their numbers and build on one
another. Nothing sleeps: every step waits for what it brings about."""
import gzip
import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import shutil
import threading
import unittest
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "api"))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from node import Browser, Hook, MailServer, Stream, mail_text, wait_until
from ports import free_port

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
TOKEN = "only-for-this-test-0123456789abcdef"
ROLES = ["compiler", "intake", "hunter", "keeper", "desk", "courier"]
STOP_S = 60


class Terminal:
    """A program whose output goes to a terminal of its own, as it does in front of a person."""

    def __init__(self, argv):
        ours, theirs = pty.openpty()
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.fd, self.seen = ours, b""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while True:
                part = os.read(self.fd, 65536)
                if not part:
                    break
                self.seen += part
        except OSError:  # the other side of the terminal is closed
            pass

    @property
    def text(self):
        return self.seen.decode(errors="replace").replace("\r\n", "\n")

    def plain(self):
        """Without bold."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.text)

    def expect(self, pattern):
        def look():
            m = re.search(pattern, self.plain())
            if m is None and self.process.poll() is not None:
                self.reader.join(STOP_S)
                m = re.search(pattern, self.plain())
                if m is None:
                    raise AssertionError("it ended without saying %s:\n%s" % (pattern, self.text))
            return m
        return wait_until(look, pattern)

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.ended()

    def ended(self):
        """The exit status of a program that ends by itself: what it says last comes before it has ended."""
        status = self.process.wait(STOP_S)
        self.reader.join(STOP_S)
        return status


def config(journey):
    return """node: {name: harbour, organisation: harbour-town}
desk: {listen: "127.0.0.1:%d"}
ingest: {listen: "127.0.0.1:%d"}
sources:
  - {name: syslog, kind: syslog-tcp, listen: "127.0.0.1:%d"}
  - {name: posted, kind: http, token: "%s"}
notify:
  mail: {server: "smtp://127.0.0.1:%d", from: sereno@town.example, to: [watch@town.example], levels: [critical]}
  webhook: {url: "http://127.0.0.1:%d/hook", levels: [critical]}
  heartbeat: {url: "http://127.0.0.1:%d/alive", every: 1}
""" % (journey.port, journey.ingest, journey.syslog, TOKEN, journey.mail.port, journey.hook.port, journey.hook.port)


class Journey(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-journey-")
        cls.data = os.path.join(cls.folder, "data")
        cls.config = os.path.join(cls.folder, "sereno.yml")
        cls.port, cls.ingest, cls.syslog = free_port(), free_port(), free_port()
        cls.mail, cls.hook = MailServer(), Hook()
        with open(cls.config, "w", encoding="utf-8") as f:
            f.write(config(cls))
        cls.browser = Browser(cls)
        cls.terminal = None

    @classmethod
    def tearDownClass(cls):
        if cls.terminal is not None:
            cls.terminal.stop()
        for server in (cls.mail, cls.hook):
            server.shutdown()
            server.server_close()
        shutil.rmtree(cls.folder)

    @classmethod
    def start(cls, *more):
        cls.terminal = Terminal([sys.executable, os.path.join(ROOT, "tools", "run-node"), "--data", cls.data, "--config",
                                 cls.config, "--syslog", "127.0.0.1:%d" % cls.syslog, "--program", PROGRAM,
                                 *(more or ("--no-attack",))])
        cls.terminal.expect(r"Sereno is watching 2 sources\. Desk: http://127\.0\.0\.1:%d/" % cls.port)

    @classmethod
    def attack(cls, kind):
        done = subprocess.run([sys.executable, os.path.join(ROOT, "tools", "send-attack"), kind, "--to",
                               "127.0.0.1:%d" % cls.syslog], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def alerts(self, query="status=all"):
        a = self.browser.get("/api/v1/alerts?limit=200&" + query)
        self.assertEqual(a.status, 200, a.body)
        return a.json()["items"]

    def alert(self, title, more=lambda a: True):
        def look():
            return next((a for a in self.alerts() if a["rule"]["title"] == title and more(a)), None)
        return wait_until(look, "an alert \"%s\"" % title)

    def post(self, body, token=TOKEN, **headers):
        request = urllib.request.Request("http://127.0.0.1:%d/ingest" % self.ingest, data=body,
                                         headers={"Authorization": "Bearer " + token, **headers})
        try:
            with urllib.request.urlopen(request, timeout=30) as r:
                return r.status, json.loads(r.read())
        except urllib.error.HTTPError as e:
            return e.code, json.loads(e.read() or b"{}")

    def pid_of(self, role):
        roles = self.browser.get("/api/v1/status").json()["roles"]
        return next(((r["pid"], r["restarts"]) for r in roles if r["name"] == role), (0, 0))

    def test_01_the_link_is_the_last_thing_on_the_terminal(self):
        type(self).start()
        m = self.terminal.expect(r"Set up Sereno: (http://127\.0\.0\.1:%d/setup\?token=([0-9a-f]{64}))\s*$" % self.port)
        type(self).token = m.group(2)
        self.assertIn("\x1b[1mSet up Sereno", self.terminal.text)
        self.assertNotIn(" info ", self.terminal.text)
        # A sanitizer build runs without the sandbox, and each role says so: those lines are meant to be seen.
        lines = [l for l in self.terminal.plain().strip().split("\n") if "sandbox.absent" not in l]
        self.assertLess(len(lines), 6, self.terminal.text)

    def test_02_the_administrator(self):
        self.assertEqual(self.browser.get("/api/v1/alerts").status, 401)
        self.assertEqual(self.browser.setup(self.token, "Elena", PASSWORD).status, 303)
        page = self.browser.get("/")
        self.assertEqual(page.status, 200)
        self.assertIn("<title>Sereno", page.text)
        self.assertEqual(self.alerts(), [])

    def test_03_the_attack_is_on_the_page_at_once(self):
        stream = Stream(self.browser)
        self.assertRegex(self.attack("ssh"), r"sent \d+ lines")
        event, alert, _ = stream.next(("alert",))
        self.assertEqual((event, alert["host"], alert["source"]["name"]), ("alert", "lantern", "syslog"))
        stream.close()
        self.alert("Log Files Cleared Through Sudo")
        titles = {a["rule"]["title"] for a in self.alerts()}
        for title in ("Direct SSH Login as Root", "Sudo Refused by Policy", "User Added to an Administrator Group",
                      "Local User Account Created", "Root Shell Started Through Sudo"):
            self.assertIn(title, titles)

    def test_04_open_acknowledge_close_reopen(self):
        a = self.alert("Direct SSH Login as Root")
        full = self.browser.get("/api/v1/alerts/" + a["id"]).json()
        self.assertIn("Accepted password for root", full["record"]["text"])
        self.assertTrue(full["why"])
        self.assertIn("detection:", full["rule_detail"]["text"])

        def act(what, body):
            r = self.browser.send("POST", "/api/v1/alerts/%s/%s" % (a["id"], what), body)
            self.assertEqual(r.status, 200, r.body)
            return r.json()
        now = act("acknowledge", {"revision": a["revision"]})
        self.assertEqual((now["status"], now["assignee"]), ("acknowledged", "Elena"))
        now = act("close", {"revision": now["revision"], "reason": "benign", "note": "The night shift."})
        self.assertEqual((now["status"], now["close_reason"]), ("closed", "benign"))
        self.assertEqual([h["what"] for h in self.browser.get("/api/v1/alerts/" + a["id"]).json()["history"]],
                         ["created", "acknowledged", "closed"])

    def test_05_http_ingest(self):
        one = b'{"_HOSTNAME":"quay","PRIORITY":"1","SYSLOG_IDENTIFIER":"sudo","MESSAGE":"eve : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh"}\n'
        self.assertEqual(self.post(one), (200, {"kept": 1, "bad": 0}))
        self.alert("Sudo Refused by Policy", lambda a: a["host"] == "quay")
        self.assertEqual(self.post(one, token="not-the-right-one-at-all")[0], 401)
        packed = gzip.compress(one.replace(b"quay", b"pier") * 3)
        self.assertEqual(self.post(packed, **{"Content-Encoding": "gzip"}), (200, {"kept": 3, "bad": 0}))
        self.alert("Sudo Refused by Policy", lambda a: a["host"] == "pier")
        status, said = self.post(one.replace(b"quay", b"dock") + b'{"broken": }\n' + b"\xff\xfe no JSON at all\n" + b'{"whole":1}\n')
        self.assertEqual((status, said["kept"], said["bad"]), (200, 4, 2))
        self.alert("Sudo Refused by Policy", lambda a: a["host"] == "dock")
        self.assertNotEqual(self.post(packed[:40], **{"Content-Encoding": "gzip"})[0], 200)
        self.assertEqual(self.post(one)[0], 200)

    def test_06_a_critical_alert_goes_out_and_the_heart_beats(self):
        record = {"_HOSTNAME": "vault", "PRIORITY": "6", "SYSLOG_IDENTIFIER": "useradd",
                  "MESSAGE": "new user: name=toor, UID=0, GID=0, home=/root, shell=/bin/bash, from=none"}
        self.assertEqual(self.post(json.dumps(record).encode() + b"\n")[0], 200)
        critical = wait_until(lambda: next((a for a in self.alerts() if a["rule"]["level"] == "critical"), None), "it")
        self.assertEqual(critical["host"], "vault")
        wait_until(lambda: self.mail.mails, "a mail")
        mail = self.mail.mails[0]
        self.assertIn("watch@town.example", mail["to"][0])
        self.assertIn(critical["rule"]["title"], mail_text(mail))
        self.assertIn("vault", mail_text(mail))
        wait_until(lambda: self.hook.of("/hook"), "the web hook")
        self.assertIn(critical["rule"]["title"], json.dumps(self.hook.of("/hook")[0][2]))
        wait_until(lambda: len(self.hook.of("/alive")) >= 2, "two heartbeats")
        self.assertEqual(len(self.mail.mails), 1)

    def test_07_kill_9_of_intake_loses_nothing_that_was_acked(self):
        pid, restarts = self.pid_of("intake")
        kept = []

        def send(n):
            body = "".join('{"journey":"kill","n":%d}\n' % (n * 50 + i) for i in range(50)).encode()
            try:
                status, said = self.post(body)
            except OSError:  # the one that died, or none there yet
                return False
            if status == 200:
                kept.append(said["kept"])
            return status == 200
        events = wait_until(lambda: self.browser.get("/api/v1/status").json()["archive"]["events"], "events")
        for n in range(20):
            self.assertTrue(send(n))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.pid_of("intake")[0] not in (0, pid), "a new intake")
        self.assertEqual(self.pid_of("intake")[1], restarts + 1)
        wait_until(lambda: send(20), "the new intake to take logs in")
        self.assertGreaterEqual(sum(kept), 21 * 50)
        wait_until(lambda: self.browser.get("/api/v1/status").json()["archive"]["events"] >= events + sum(kept),
                   "all %d acked events in the archive" % sum(kept))
        self.post(b'{"_HOSTNAME":"after","PRIORITY":"1","SYSLOG_IDENTIFIER":"sudo","MESSAGE":"eve : user NOT in sudoers ; TTY=pts/0"}\n')
        self.alert("Sudo Refused by Policy", lambda a: a["host"] == "after")

    def test_08_a_second_node_on_the_same_data_is_refused(self):
        second = Terminal([PROGRAM, "serve", "--data", self.data, "--config", self.config])
        second.expect(r"Sereno did not start: another node, process \d+ runs with the data in")
        self.assertEqual(second.ended(), 1)
        self.assertEqual(self.browser.get("/api/v1/session").status, 200)

    def test_09_a_restart_keeps_everything_and_offers_no_link(self):
        before = {a["id"]: (a["status"], a["revision"]) for a in self.alerts()}
        self.assertEqual(self.terminal.stop(), 0)
        type(self).start()
        self.assertEqual({a["id"]: (a["status"], a["revision"]) for a in self.alerts()}, before)
        again = Browser(self)
        self.assertEqual(again.get("/setup?token=" + self.token).status, 403)
        self.assertEqual(again.login("elena", PASSWORD).status, 303)
        closed = next(a for a in self.alerts("status=closed"))
        history = self.browser.get("/api/v1/alerts/" + closed["id"]).json()["history"]
        self.assertEqual(history[-1]["note"], "The night shift.")
        reopened = self.browser.send("POST", "/api/v1/alerts/%s/reopen" % closed["id"], {"revision": closed["revision"]})
        self.assertEqual((reopened.status, reopened.json()["status"]), (200, "acknowledged"))  # as before it was closed

    def test_10_sigterm_ends_it_clean(self):
        pids = [self.pid_of(role)[0] for role in ROLES if self.pid_of(role)[0]]
        self.assertGreaterEqual(len(pids), 4)
        self.assertEqual(self.terminal.stop(), 0)
        self.assertNotIn("setup?token", self.terminal.text)
        self.assertNotIn("error", self.terminal.text)
        for pid in pids:
            self.assertFalse(os.path.exists("/proc/%d" % pid), "process %d is still there" % pid)


if __name__ == "__main__":
    if not PROGRAM:
        sys.exit("usage: journey.py PROGRAM")
    unittest.main(verbosity=2, failfast=True)
