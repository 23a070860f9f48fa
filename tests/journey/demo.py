#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The README's walk through `make demo`, done by script: what tools/demo prints is what happens. usage: demo.py PROGRAM

Nothing sleeps: every step waits for what it brings about."""
import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "api"))
sys.path.insert(0, HERE)
from journey import PROGRAM, Terminal
from node import Browser, wait_until


class Place:
    """What Browser needs of a node."""

    def __init__(self, port):
        self.port = port


def free_base():
    """Forty ports in a row that nobody has."""
    for base in range(21000 + os.getpid() % 200 * 50, 60000, 50):
        taken = []
        for port in range(base, base + 40):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    taken.append(port)
        if not taken:
            return base
    raise AssertionError("no free ports")


class Walk(unittest.TestCase):
    def setUp(self):
        self.terminal = Terminal([sys.executable, os.path.join(ROOT, "tools", "demo"), "--program", PROGRAM, "--port", str(free_base())])
        self.addCleanup(lambda: self.terminal.process.poll() is None and self.terminal.process.kill())

    def enter(self, organisation):
        port = int(self.terminal.expect(re.escape(organisation) + r" +http://127\.0\.0\.1:(\d+)/").group(1))
        b = Browser(Place(port))
        password = self.terminal.expect(r"the password  (\S+)").group(1)
        self.assertEqual(b.login("demo", password).status, 303)
        return b

    def warning(self, b):
        items = b.get("/api/v1/warnings").json()["items"]
        return next((w for w in items if w["why"]["kind"] == "indicator"), None)

    def do_as_told(self, step):
        """The command that the terminal says."""
        command = re.search(r"^%s\. .*?^ +(tools/send-attack [^\n]+)$" % step, self.terminal.plain(), re.M | re.S).group(1)
        subprocess.run([sys.executable] + command.split(), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    def test_the_walk(self):
        began = time.monotonic()
        self.terminal.expect(r"Ctrl-C stops all four")
        print("ready after %.0f s" % (time.monotonic() - began), flush=True)
        hub, ahus, bergen, cadiz = (self.enter(o) for o in ("Hub of the lake cities", "City of Ahus", "City of Bergen", "City of Cadiz"))
        # 1: both have the alerts, nobody was warned.
        for city in (ahus, cadiz):
            self.assertGreater(city.get("/api/v1/alerts?status=open").json()["counts"]["open"], 5)
        self.assertIsNone(self.warning(cadiz))
        self.assertEqual(bergen.get("/api/v1/alerts?status=open").json()["counts"]["open"], 0)
        # 2 and 3: a second city, and all are warned; the third finds it in its archive.
        self.do_as_told(2)
        wait_until(lambda: self.warning(cadiz), "the warning at Cadiz")
        tried = wait_until(lambda: (self.warning(cadiz) or {}).get("dry_run", {}).get("state") == "done" and self.warning(cadiz), "its dry run")
        self.assertEqual(tried["seen"]["text"], "at least one other member")
        self.assertGreater(tried["dry_run"]["matched"], 0)
        self.assertNotEqual(hub.get("/api/v1/federation").json()["level"]["level"], "calm")
        # 4: taken, it fires.
        self.assertEqual(cadiz.send("POST", "/api/v1/warnings/%s/take" % tried["id"], {"reason": "demo"}).status, 200)
        rule = wait_until(lambda: [r for r in cadiz.get("/api/v1/rules?q=Community").json()["items"] if r["file"].startswith("federation/")], "the rule")
        self.do_as_told(4)
        wait_until(lambda: cadiz.get("/api/v1/alerts?status=open&rule=" + rule[0]["id"]).json()["items"], "its alert")
        # 5: it was nothing; the warning is taken back, and the rule goes.
        for a in bergen.get("/api/v1/alerts?status=open&limit=500").json()["items"]:
            self.assertEqual(bergen.send("POST", "/api/v1/alerts/%s/close" % a["id"], {"revision": a["revision"], "reason": "false_positive"}).status, 200)
        wait_until(lambda: self.warning(cadiz)["state"] == "withdrawn", "the withdrawal")
        wait_until(lambda: not [r for r in cadiz.get("/api/v1/rules?q=Community").json()["items"] if r["file"].startswith("federation/")], "the rule is gone")
        folder = self.folder()
        self.assertEqual(self.terminal.stop(signal.SIGINT), 0)
        self.assertEqual([c for c in self.children() if folder in c], [])
        self.assertFalse(os.path.exists(folder))

    def folder(self):
        """Where this demonstration lies: its program opened nothing else there, so its children say it."""
        with open("/proc/%d/task/%d/children" % (self.terminal.process.pid, self.terminal.process.pid), encoding="ascii") as f:
            pid = f.read().split()[0]
        with open("/proc/%s/cmdline" % pid, "rb") as f:
            return re.search(rb"(/\S*sereno-demo-\w+)/", f.read().replace(b"\0", b" ")).group(1).decode()

    def children(self):
        """Command lines of nodes that run for a demonstration."""
        out = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    line = f.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if " serve --config " in line and "/sereno-demo-" in line:
                out.append(line)
        return out


if __name__ == "__main__":
    unittest.main(verbosity=2)
