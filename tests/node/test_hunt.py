#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Hunts on a whole node that took in the recorded attack: found is what a scan of the same originals finds, neither
cancelling nor killing loses or doubles anything, and "clean" is said only of what was looked at."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import day_file  # noqa: E402
from node import Node, until  # noqa: E402

PROGRAM = ""
ATTACK = pathlib.Path(__file__).parent.parent / "data" / "attack"
RULES = {  # own rules; what they say of the attack is told by scan, not written here
    "sshd-failed.yml": """title: Password refused
id: 11111111-1111-4111-8111-111111111111
logsource: {product: linux, service: sshd}
detection:
  s: {message|contains: 'Failed password'}
  condition: s
level: low
""",
    "sudo.yml": """title: Sudo by anna
id: 22222222-2222-4222-8222-222222222222
logsource: {product: linux}
detection:
  keywords: ['anna : ']
  condition: keywords
level: low
""",
    "web.yml": """title: A path with dots
id: 33333333-3333-4333-8333-333333333333
logsource: {category: webserver}
detection:
  s: {cs-uri|contains: '../'}
  condition: s
level: low
""",
    "absent.yml": """title: Never there
id: 44444444-4444-4444-8444-444444444444
logsource: {product: linux, service: sshd}
detection:
  s: {message|contains: 'no such words anywhere'}
  condition: s
level: low
""",
    "cloud.yml": """title: Of a cloud that is not here
id: 55555555-5555-4555-8555-555555555555
logsource: {product: aws, service: cloudtrail}
detection:
  s: {eventName: x}
  condition: s
level: low
""",
    "fields.yml": """title: A field that never comes
id: 66666666-6666-4666-8666-666666666666
logsource: {product: linux, service: sshd}
detection:
  s: {Hovercraft: eels}
  condition: s
level: low
""",
    "guess.yml": """title: Refused for the guesses
id: 77777777-7777-4777-8777-777777777777
name: refused_once
logsource: {product: linux, service: sshd}
detection:
  s: {message|contains: 'Failed password'}
  condition: s
---
title: Password guessed at
id: 88888888-8888-4888-8888-888888888888
correlation:
  type: event_count
  rules: [refused_once]
  timespan: 5m
  condition: {gte: 5}
level: medium
""",
    "broken.yml": "title: Broken\nlogsource: {product: linux}\ndetection: {condition: nothing}\n",
}
SENT = ("auth.log", "web-access.log", "journal.ndjson")


class Hunts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM, "".join(
            f'  - {{name: {name}, kind: file, path: "{{folder}}/{name}"}}\n' for name in SENT))
        config = cls.node.config.read_text().replace("{folder}", str(cls.node.folder))
        cls.node.config.write_text(config)
        for name in SENT:
            (cls.node.folder / name).write_bytes(b"")
        for name, text in RULES.items():
            (cls.node.folder / name).write_text(text)
        cls.node.start()
        cls.fill(cls.node)

    @classmethod
    def fill(cls, node):
        """The attack, through the files that the node follows."""
        lines = 0
        for name in SENT:
            data = (ATTACK / name).read_bytes()
            lines += data.count(b"\n")
            with open(node.folder / name, "ab") as f:
                f.write(data)

        def taken_in():
            try:
                return len([r for r in node.records() if r[1] in SENT]) == lines
            except day_file.sqlite3.OperationalError:
                return False  # the day's file is being made
        until("the attack in the archive", taken_in)

    @classmethod
    def tearDownClass(cls):
        code = cls.node.stop()
        log = cls.node.log.read_text(errors="replace")
        cls.node.remove()
        assert code == 0, f"the node ended with {code}:\n{log[-3000:]}"
        assert "stopped by its sandbox" not in log, log[-3000:]

    def api(self, method, path, body=None):
        """(status, JSON) of the interface, over the control socket."""
        options = ["-X", method]
        if body is not None:
            options += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
        done = subprocess.run(
            ["curl", "-s", "-m", "60", "--unix-socket", str(self.node.data / "control"), "-w", "\n%{http_code}", *options,
             "http://localhost" + path],
            input=json.dumps(body) if body is not None else None, capture_output=True, text=True)
        text, _, code = done.stdout.rpartition("\n")
        return int(code or 0), json.loads(text) if text.strip() else None

    def start(self, **asked):
        code, answer = self.api("POST", "/api/v1/hunts", {"why": "a test", **asked})
        self.assertEqual(code, 201, answer)
        return answer["id"]

    def ended(self, hunt):
        def look():
            code, answer = self.api("GET", f"/api/v1/hunts/{hunt}")
            return answer if code == 200 and answer["status"] not in ("waiting", "running") else None
        return until(f"the hunt {hunt} to end", look)

    def hunt(self, **asked):
        answer = self.ended(self.start(**asked))
        self.assertEqual(answer["status"], "done", answer)
        return answer

    @staticmethod
    def item(answer, name):
        return next(i for i in answer["result"]["items"] if i["name"] == name)

    def originals(self, item):
        """(source, bytes) of the records that an item names."""
        found = []
        for r in item["records"]:
            db = day_file.sqlite3.connect(f"file:{self.node.data}/archive/{r['day']}.db?mode=ro", uri=True)
            blob, body = db.execute("SELECT header, body FROM block WHERE id=?", (r["block"],)).fetchone()
            db.close()
            link = day_file.header(blob)
            self.assertEqual((link["organisation"], link["source"]), (r["organisation"], r["source"]))
            found.append((link["source"], day_file.records(link, body)[r["index"]]))
        return sorted(found)

    def scanned(self, *rules):
        """{rule title: [(file, line)]} of a scan of the same originals with the same rules."""
        command = [PROGRAM, "scan", "--format", "ndjson"]
        for rule in rules:
            command += ["--rules", str(self.node.folder / rule)]
        out = subprocess.run([*command, *(str(ATTACK / n) for n in SENT)], capture_output=True, text=True, check=True)
        found = {}
        for line in out.stdout.splitlines():
            alert = json.loads(line)
            name = pathlib.Path(alert["file"]).name
            record = (ATTACK / name).read_bytes().splitlines()[alert["event"]]
            found.setdefault(alert["title"], []).append((name, record))
        return {title: sorted(records) for title, records in found.items()}

    def texts(self, *names):
        return [{"name": n, "text": RULES[n]} for n in names]

    def command(self, *options, node=None):
        """(exit status, answer, what it said) of `sereno hunt --json`."""
        done = subprocess.run([PROGRAM, "hunt", "--data", str((node or self.node).data), "--json", *map(str, options)],
                              capture_output=True, text=True, timeout=120)
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    # ---- what is found ----

    def test_rules_find_what_scan_finds(self):
        wanted = ("sshd-failed.yml", "sudo.yml", "web.yml", "absent.yml", "guess.yml")
        scanned = self.scanned(*wanted)
        self.assertGreaterEqual(len(scanned), 3)  # or the test would show nothing
        answer = self.hunt(rules=self.texts(*wanted))
        for title in ("Password refused", "Sudo by anna", "A path with dots", "Password guessed at"):
            item = self.item(answer, title)
            self.assertEqual((item["state"], item["count"]), ("matched", len(scanned[title])), item)
            found = self.originals(item)
            if item["count"] <= 20:
                self.assertEqual(found, scanned[title])
            else:
                self.assertEqual(len(found), 20)
                self.assertLessEqual(set(found), set(scanned[title]))
        self.assertEqual(self.item(answer, "Never there")["state"], "clean")
        self.assertNotIn("Refused for the guesses", [i["name"] for i in answer["result"]["items"]])
        self.assertEqual(answer["result"]["coverage"]["events"], answer["events"])
        self.assertGreaterEqual(answer["events"], 173 + 173 + 67)

    def test_indicators_find_the_lines_that_hold_them(self):
        lines = {n: (ATTACK / n).read_bytes().splitlines() for n in SENT}
        held = sum(b"127.0.0.66" in line for name in SENT for line in lines[name])
        self.assertGreater(held, 0)
        answer = self.hunt(indicators=[{"value": "127.0.0.66"}, {"value": "127.0.0.6"}, {"value": "127.0.0.64/28"},
                                       {"type": "sha1", "value": "0" * 40}])
        self.assertEqual(self.item(answer, "ipv4 127.0.0.66")["count"], held)
        self.assertEqual(self.item(answer, "ipv4 127.0.0.6")["state"],
                         "matched" if any(b"127.0.0.6 " in li for n in SENT for li in lines[n]) else "clean")
        self.assertGreaterEqual(self.item(answer, "cidr 127.0.0.64/28")["count"], held)
        self.assertEqual(self.item(answer, "sha1 " + "0" * 40)["state"], "not-covered")

    def test_search(self):
        answer = self.hunt(search='"Failed password" AND NOT *clara*')
        want = sum(b"Failed password" in li and b"clara" not in li
                   for n in SENT for li in (ATTACK / n).read_bytes().splitlines())
        item = answer["result"]["items"][0]
        self.assertEqual((item["kind"], item["count"]), ("search", want))

    def test_clean_needs_coverage(self):
        answer = self.hunt(rules=self.texts("absent.yml", "cloud.yml", "fields.yml", "broken.yml"))
        states = {i["name"]: i["state"] for i in answer["result"]["items"]}
        self.assertEqual(states, {"Never there": "clean", "Of a cloud that is not here": "not-covered",
                                  "A field that never comes": "rule-unsupported", "4/broken.yml": "rule-unsupported"})
        self.assertTrue(any(s["product"] == "linux" for s in answer["result"]["coverage"]["log_sources"]))

    def test_window(self):
        whole = self.item(self.hunt(rules=self.texts("sshd-failed.yml")), "Password refused")
        first = whole["first"]
        late = self.item(self.hunt(rules=self.texts("sshd-failed.yml"), **{"from": whole["last"]}), "Password refused")
        self.assertGreaterEqual(late["count"], 1)
        self.assertLess(late["count"], whole["count"])
        self.assertEqual(late["first"], whole["last"])
        before = self.hunt(rules=self.texts("sshd-failed.yml"), to=first)  # up to it, not with it
        self.assertNotEqual(self.item(before, "Password refused")["state"], "matched")
        long_ago = self.hunt(rules=self.texts("sshd-failed.yml"), to="2001-01-01T00:00:00Z")
        self.assertEqual(self.item(long_ago, "Password refused")["state"], "not-covered")
        self.assertEqual(long_ago["events"], 0)
        one = self.hunt(rules=self.texts("sshd-failed.yml"), source="auth.log")
        self.assertEqual({r["source"] for r in self.item(one, "Password refused")["records"]}, {"auth.log"})
        nobody = self.hunt(rules=self.texts("sshd-failed.yml"), organisation="nobody")
        self.assertEqual(self.item(nobody, "Password refused")["state"], "not-covered")

    def test_command_asks_the_node(self):
        rule = self.node.folder / "sshd-failed.yml"
        code, answer, said = self.command("--rule", rule, "--indicator", "127.0.0.66", "--search", "anna")
        self.assertEqual((code, said, answer["status"]), (0, "", "done"))
        self.assertEqual(answer["who"], "command line")
        want = self.hunt(rules=[{"name": "x", "text": RULES["sshd-failed.yml"]}], search="anna",
                         indicators=[{"value": "127.0.0.66"}])
        self.assertEqual(answer["result"], want["result"])
        text = subprocess.run([PROGRAM, "hunt", "--data", str(self.node.data), "--rule", str(rule)],
                              capture_output=True, text=True, check=True).stdout
        self.assertIn("matched          Password refused", text)
        for options in ((), ("--rule", "/nothing/there"), ("--indicator", "nothing at all"), ("--search", "("),
                        ("--from", "soon", "--search", "a"), ("--nonsense",), ("--search", "a", "word")):
            self.assertEqual(self.command(*options)[0], 1 if "/nothing/there" in options else 2, options)
        code, answer, _ = self.command("--rule", self.node.folder / "broken.yml")
        self.assertEqual((code, answer["status"]), (1, "done"))  # a rule was refused

    def test_refusals(self):
        for body in ({}, {"why": "x"}, {"search": "a"}, {"why": " ", "search": "a"}, {"why": "x", "search": "("},
                     {"why": "x", "indicators": [{"value": "nothing at all"}]}, {"why": "x", "nothing": "y"},
                     {"why": "x", "search": "a", "from": "2026-02-02", "to": "2026-01-01"}):
            self.assertEqual(self.api("POST", "/api/v1/hunts", body)[0], 400, body)
        self.assertEqual(self.api("GET", "/api/v1/hunts/00000000-0000-7000-8000-000000000000")[0], 404)
        self.assertEqual(self.api("POST", "/api/v1/hunts/00000000-0000-7000-8000-000000000000/cancel")[0], 404)
        done = self.hunt(search="a")
        self.assertEqual(self.api("POST", f"/api/v1/hunts/{done['id']}/cancel")[0], 409)
        listed = self.api("GET", "/api/v1/hunts?limit=200")[1]["items"]
        self.assertIn(done["id"], [h["id"] for h in listed])


class Without(unittest.TestCase):
    """The command on data that no node holds finds what the node found."""

    def test_same_answer(self):
        node = Node(PROGRAM, "".join(f'  - {{name: {n}, kind: file, path: "{{folder}}/{n}"}}\n' for n in SENT))
        node.config.write_text(node.config.read_text().replace("{folder}", str(node.folder)))
        for name in SENT:
            (node.folder / name).write_bytes(b"")
        for name, text in RULES.items():
            (node.folder / name).write_text(text)
        self.addCleanup(node.remove)
        node.start()
        Hunts.fill(node)
        options = [o for n in RULES for o in ("--rule", node.folder / n)]
        options += ["--indicator", "127.0.0.66", "--indicator", "sha1 " + "0" * 40, "--search", "anna OR clara",
                    "--from", "2026-11-22", "--to", "2026-11-23"]
        code, live, said = Hunts.command(self, *options, node=node)
        self.assertEqual((code, live["status"]), (1, "done"), said)  # 1: broken.yml
        self.assertEqual(node.stop(), 0)
        code, here, said = Hunts.command(self, *options, node=node)
        self.assertEqual((code, here["status"]), (1, "done"), said)
        self.assertEqual(here["result"], live["result"])
        self.assertGreater(here["result"]["matches"], 0)
        day = sorted((node.data / "archive").glob("*.db"))[-1]
        db = day_file.sqlite3.connect(day)
        db.execute("UPDATE block SET body = substr(body, 1, length(body) / 2) WHERE id = (SELECT min(id) FROM block)")
        db.commit()
        db.close()
        code, damaged, _ = Hunts.command(self, "--search", "anna", node=node)
        self.assertEqual((code, damaged["result"]["coverage"]["damaged_blocks"]), (1, 1))
        db = day_file.sqlite3.connect(day)
        db.execute("UPDATE block SET header = x'00' WHERE id = (SELECT max(id) FROM block)")
        db.commit()
        db.close()
        code, damaged, _ = Hunts.command(self, "--search", "anna", node=node)
        self.assertEqual((code, damaged["result"]["coverage"]["damaged_blocks"]), (1, 2))
        code, nothing, said = Hunts.command(self, "--search", "a", "--data", "/nothing/there", node=node)
        self.assertEqual((code, nothing), (1, None))
        self.assertIn("no data of a node", said)


class Interrupted(unittest.TestCase):
    """Long hunts: many small blocks, and so many pieces of text to look for that each block takes a while."""

    BLOCKS, EVENTS, PIECES = 120, 60, 2000

    api, start, ended, hunt, item = Hunts.api, Hunts.start, Hunts.ended, Hunts.hunt, staticmethod(Hunts.item)

    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM).start()
        for i in range(cls.BLOCKS):
            body = "".join(json.dumps({"n": i, "message": f"needle-{k % 7} in block {i} " + "there is " * 40, "src": f"10.1.{k}.9"}) + "\n"
                           for k in range(cls.EVENTS))
            code, text = cls.node.post(body.encode())
            assert code == 200, text

    tearDownClass = Hunts.__dict__["tearDownClass"]

    def slow(self):
        """What is found is little; what is looked for, much."""
        return {"search": "needle-3", "indicators": [{"value": "10.1.5.9"}] + [
            {"type": "command", "value": f"there is no such text {i}"} for i in range(self.PIECES)]}

    def row(self, hunt):
        db = day_file.sqlite3.connect(f"file:{self.node.data}/records.db?mode=ro", uri=True)
        row = db.execute("SELECT status, block, length(tally), blocks_done, blocks_total FROM hunt WHERE id=?",
                         (hunt,)).fetchone()
        db.close()
        return row

    def begun(self):
        """A hunt that is stored half done, and its number."""
        hunt = self.start(**self.slow())

        def half():
            status, block, tally, done, total = self.row(hunt)
            self.assertLess(status, 2, "the hunt ended before it could be disturbed: give it more to do")
            return status == 1 and block > 0 and tally > 0 and 0 < done < total
        until("a hunt that is half done", half)
        return hunt

    def whole(self):
        if not hasattr(type(self), "undisturbed"):
            type(self).undisturbed = self.hunt(**self.slow())["result"]
        return self.undisturbed

    def check(self, hunt):
        answer = self.ended(hunt)
        self.assertEqual(answer["status"], "done", answer["problem"])
        want = self.whole()
        self.assertEqual(answer["result"], want)  # every count, every record, and what was looked at
        found = {i["name"]: i["count"] for i in want["items"]}
        self.assertEqual(found["ipv4 10.1.5.9"], self.BLOCKS)
        self.assertEqual(found["needle-3"], self.BLOCKS * sum(k % 7 == 3 for k in range(self.EVENTS)))
        begins = [li for li in self.node.log.read_text(errors="replace").splitlines()
                  if "hunt.begins" in li and hunt in li]
        if len(begins) < 2:
            return False  # it ended before it was disturbed
        self.assertNotIn(" block=0", begins[-1])  # it went on where it stood
        return True

    def disturb(self, how):
        """A hunt in the middle of which something happens: another one where the machine was so slow that it had ended by then."""
        for _ in range(5):
            hunt = self.begun()
            how()
            if self.check(hunt):
                return
        self.fail("no hunt of five was still running when it was disturbed")

    def kill(self, role):
        for pid in self.node.role_pids(role):
            os.kill(pid, signal.SIGKILL)

    def test_hunter_killed(self):
        self.disturb(lambda: self.kill("hunter"))

    def test_keeper_killed(self):
        self.disturb(lambda: self.kill("keeper"))

    def kill_node(self):
        self.node.kill()
        roles = ("intake", "correlator", "hunter", "keeper", "desk", "courier")
        until("the last of its processes to be gone", lambda: not any(self.node.role_pids(r) for r in roles))
        self.node.start()

    def test_node_killed(self):
        self.disturb(self.kill_node)

    def test_cancel(self):
        hunt = self.begun()
        self.assertEqual(self.api("POST", f"/api/v1/hunts/{hunt}/cancel")[0], 204)
        answer = self.ended(hunt)
        self.assertEqual(answer["status"], "cancelled")
        self.assertLess(answer["blocks_done"], answer["blocks_total"])
        self.assertEqual(self.hunt(search="needle-3")["status"], "done")  # the hunter is free again

    def test_two_wait_their_turn(self):
        first, second = self.begun(), self.start(search="needle-3")
        self.assertEqual(self.row(second)[0], 0)  # one hunter: the second waits
        self.api("POST", f"/api/v1/hunts/{first}/cancel")
        self.assertEqual(self.ended(second)["status"], "done")

    def test_the_watch_goes_on(self):
        hunt = self.begun()
        code, text = self.node.post(b'{"message":"taken in during a hunt needle-3"}')
        self.assertEqual(code, 200, text)
        self.assertIn(self.row(hunt)[0], (0, 1))  # it still runs, and the record is durable
        # what came after a hunt began is not of it
        self.assertEqual(self.ended(hunt)["result"]["coverage"]["events"], self.BLOCKS * self.EVENTS)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
