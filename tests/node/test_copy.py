#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The second copy of the archive: made, refused, tried again, restored onto an empty machine.

usage: tests/node/test_copy.py PROGRAM OLD_ARCHIVE [-k WORD]"""
import datetime
import http.client
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, TOKEN, extra_options, until  # noqa: E402

PROGRAM = OLD = None
DAYS = 3


def sereno(*args, stdin=None):
    done = subprocess.run([PROGRAM, *map(str, args)], input=stdin, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


class Copy(unittest.TestCase):
    def setUp(self):
        self.weaker = extra_options()
        self.node = Node(PROGRAM, intakes=1)
        self.addCleanup(self.node.remove)
        self.target = self.node.folder / "safe"
        self.archive = self.node.data / "archive"
        self.archive.mkdir(parents=True, mode=0o700)
        self.node.data.chmod(0o700)
        first = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=10)
        self.days = [(first + datetime.timedelta(days=i)).isoformat() for i in range(DAYS)]
        subprocess.run([OLD, self.archive, str((first - datetime.date(1970, 1, 1)).days), str(DAYS)], check=True)

    def begin(self, key=True, same_disk=True):
        text = self.node.config.read_text()
        self.node.config.write_text(text + f"copy: {{folder: {self.target}, same_disk: {str(same_disk).lower()}}}\n")
        self.node.start()
        if key:
            self.make_key()

    def make_key(self):
        code, text, said = sereno("backup", "key", "--data", self.node.data)
        self.assertEqual(code, 0, said)
        self.key = self.node.folder / "recovery"
        self.key.write_text([line.strip() for line in text.splitlines() if line.count("-") > 10][0] + "\n")

    def doctor(self):
        code, text, said = sereno("doctor", "--data", self.node.data, "--config", self.node.config, "--json", *self.weaker)
        self.assertTrue(text, said)
        (line,) = [line for line in json.loads(text)["lines"] if line["check"] == "copy"]
        return line["state"], line["says"]

    def metric(self, name):
        c = http.client.HTTPConnection("127.0.0.1", self.node.desk, timeout=60)
        c.request("GET", "/metrics", headers={"Authorization": "Bearer " + TOKEN})
        text = c.getresponse().read().decode()
        c.close()
        return {line.split()[0]: line.split()[1] for line in text.splitlines() if line and line[0] != "#"}.get("sereno_copy_" + name)

    def names(self, folder=None):
        return sorted(os.listdir(folder or self.target))

    def wait_for_all(self, folder=None):
        want = [f"sereno-{day}.copy" for day in self.days]
        until("all days to be copied", lambda: self.names(folder) == want)
        until("the records to know", lambda: self.doctor()[0] == "ok" and f"{DAYS} days lie there" in self.doctor()[1])

    def said(self, *words):
        """Waits until the doctor says so, and not ok."""
        def look():
            state, says = self.doctor()
            return state != "ok" and all(word in says for word in words) and (state, says)
        return until(f"the doctor to say {words}", look)

    def test_copied_and_restored(self):
        self.target.mkdir()
        self.begin(key=False)
        self.said("without a recovery key")
        self.make_key()
        self.wait_for_all()
        until("the metrics", lambda: self.metric("days") == str(DAYS))
        self.assertEqual((self.metric("wanted"), self.metric("waiting_days"), self.metric("failing")), ("1", "0", "0"))
        self.assertEqual(int(self.metric("bytes")), sum((self.target / name).stat().st_size for name in self.names()))
        before = {name: (self.target / name).read_bytes() for name in self.names()}
        for content in before.values():
            self.assertNotIn(b"of day", content)
        self.assertEqual(self.node.stop(), 0)
        self.node.start()  # what is there is left as it is
        self.wait_for_all()
        self.assertEqual(before, {name: (self.target / name).read_bytes() for name in self.names()})
        backup = self.node.folder / "records.backup"
        code, _, said = sereno("backup", backup, "--without-archive", "--data", self.node.data, *self.weaker)
        self.assertEqual(code, 0, said)
        self.assertEqual(self.node.stop(), 0)
        want = self.exported(self.node.data)
        self.assertEqual(len(want), DAYS * 200)
        # An empty machine: nothing of the node but the copy and the key.
        place = self.node.folder / "restored"
        code, text, said = sereno("restore", "--copy", self.target, "--data", place, "--key-file", self.key, *self.weaker)
        self.assertEqual(code, 0, said)
        self.assertEqual(sorted(os.listdir(place)), ["archive"])
        self.assertEqual(sorted(os.listdir(place / "archive")), [f"{day}.db" for day in self.days] + ["seals.jsonl"])
        self.assertEqual(self.exported(place), want)
        public = self.public_key(self.node.data)
        self.assertIn(f"signed by the key {public}", text)
        code, text, said = sereno("verify", "--data", place, "--key", public, "--json", *self.weaker)
        self.assertEqual((code, json.loads(text.splitlines()[-1])["faults"]), (1, 1), text + said)  # the records are not there; the rest fits
        whole = self.node.folder / "whole"
        code, text, said = sereno("restore", backup, "--copy", self.target, "--data", whole, "--key-file", self.key, *self.weaker)
        self.assertEqual(code, 0, said)
        self.assertEqual(self.exported(whole), want)
        code, text, said = sereno("verify", "--data", whole, *self.weaker)
        self.assertEqual(code, 0, text + said)
        self.forged(before)

    def public_key(self, data):
        code, text, said = sereno("verify", "--data", data, "--json", *self.weaker)
        self.assertEqual(code, 0, text + said)
        return json.loads(text.splitlines()[-1])["seal_key"]

    def forged(self, before):
        """What somebody who holds the place could do to it."""
        names = self.names()
        changed = bytearray(before[names[1]])
        changed[len(changed) // 2] ^= 1
        (self.target / names[1]).write_bytes(changed)
        code, _, said = sereno("restore", "--copy", self.target, "--verify", "--key-file", self.key, *self.weaker)
        self.assertEqual(code, 1)
        self.assertIn(names[1], said)
        (self.target / names[1]).write_bytes(before[names[1]])
        self.assertEqual(sereno("restore", "--copy", self.target, "--verify", "--key-file", self.key, *self.weaker)[0], 0)
        (self.target / names[0]).write_bytes(before[names[1]])  # one day twice, under two names
        place = self.node.folder / "twice"
        code, _, said = sereno("restore", "--copy", self.target, "--data", place, "--key-file", self.key, *self.weaker)
        self.assertEqual((code, place.exists()), (1, False), said)
        self.assertIn("another day is in it", said)

    def exported(self, data):
        done = subprocess.run([PROGRAM, "export", "--data", str(data), *self.weaker], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return sorted((r["day"], r["block"], r["index"], r["original"]) for r in rows if r["day"] in self.days)

    def test_refused_and_tried_again(self):
        self.target.mkdir()
        foreign = self.target / f"sereno-{self.days[0]}.copy"
        foreign.write_bytes(b"somebody's own\n")
        self.begin()
        self.said("not this node's whole copy", "is not written over")
        self.assertEqual(self.metric("failing"), "1")
        self.assertEqual(self.names(), [foreign.name])
        self.assertEqual(foreign.read_bytes(), b"somebody's own\n")
        foreign.unlink()
        self.target.rmdir()
        self.said("No such file")
        self.target.mkdir()
        (self.target / f".sereno-{self.days[0]}.copy.part").write_bytes(b"of a try that did not end")
        self.wait_for_all()
        self.assertEqual(self.metric("failing"), "0")
        self.assertEqual(self.node.stop(), 0)

    def test_same_disk(self):
        self.target.mkdir()
        self.begin(same_disk=False)
        self.said("lies on the disk of the data")
        self.assertEqual(self.names(), [])
        self.assertEqual(self.node.stop(), 0)

    def test_a_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest("only root can mount")
        self.target.mkdir()
        inside = self.node.folder / "inside"
        inside.write_text(f'#!/bin/sh\nmount -t tmpfs -o size=8k none "{self.target}" || exit 99\nexec "{PROGRAM}" "$@"\n')
        outside = self.node.folder / "outside"
        outside.write_text(f'#!/bin/sh\nexec unshare -m "{inside}" "$@"\n')
        for script in (inside, outside):
            script.chmod(0o700)
        if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", str(self.target)], capture_output=True).returncode != 0:
            self.skipTest("nothing can be mounted here")
        self.node.program = str(outside)
        self.begin(same_disk=False)
        self.said("No space left")
        there = f"/proc/{self.node.process.pid}/root{self.target}"
        until("what was not finished to be removed", lambda: not any(name.endswith(".part") for name in self.names(there)))
        self.assertLess(len(self.names(there)), DAYS)
        subprocess.run(["nsenter", "-t", str(self.node.process.pid), "-m", "mount", "-o", "remount,size=16m", str(self.target)], check=True)
        self.wait_for_all(there)
        self.assertEqual(self.node.stop(), 0)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: test_copy.py PROGRAM OLD_ARCHIVE [unittest options]")
    PROGRAM, OLD = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
