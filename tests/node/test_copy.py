#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The second copy of the archive: made, refused, tried again, restored onto an empty machine.

usage: tests/node/test_copy.py PROGRAM OLD_ARCHIVE PROGRAM-WITH-FAULTS [-k WORD]"""
import json
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import copy_kit  # noqa: E402
from copy_kit import DAYS, sereno, until  # noqa: E402


class Copy(copy_kit.CopyCase):
    def begin_in_folder(self, key=True, same_disk=True):
        self.begin(f"{{folder: {self.target}, same_disk: {str(same_disk).lower()}}}", key)

    def test_copied_and_restored(self):
        self.target.mkdir()
        self.begin_in_folder(key=False)
        self.said("without a recovery key")
        self.assertEqual([self.second_copy()[key] for key in ("state", "place", "kind", "days", "newest_day", "at")],
                         ["no_key", str(self.target), "folder", 0, None, None])
        self.make_key()
        self.wait_for_all()
        told = self.second_copy()
        self.assertEqual([told[key] for key in ("state", "days", "newest_day", "waiting", "oldest_waiting", "failed_at", "why")],
                         ["fine", DAYS, self.days[-1], 0, None, None, None])
        self.assertEqual(told["bytes"], sum((self.target / name).stat().st_size for name in self.names()))
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
        self.verify_finds(before)
        self.forged(before)

    def verified(self, *more):
        code, text, said = sereno("verify", "--copy", self.target, "--json", *more, *self.weaker)
        self.assertTrue(text, said)
        told = json.loads(text)
        self.assertEqual(code, 1 if told["faults"] else 0, text + said)
        return told

    def verify_finds(self, before):
        """Without fetching, and without the recovery key: what is missing, too short, foreign, another one; in the middle only with --full."""
        ours = ("--data", self.node.data)
        names = self.names()
        told = self.verified(*ours)
        self.assertEqual((told["days"], told["known"], told["missing"], told["faults"], told["full"]), (DAYS, DAYS, 0, 0, False))
        self.assertEqual(told["bytes"], sum(map(len, before.values())))
        self.assertEqual(self.verified(*ours, "--full")["faults"], 0)
        self.assertEqual((self.verified()["known"], self.verified("--key", self.public_key(self.node.data))["faults"]), (0, 0))
        self.assertEqual(self.verified("--key", "0" * 64)["faults"], DAYS)
        whole = before[names[1]]
        other = sereno("backup", self.node.folder / "other", "--without-archive", "--data", self.node.data, *self.weaker)
        self.assertEqual(other[0], 0, other[2])
        cases = {"is missing there": None, "too short": whole[:-1000] + whole[-128:], "it had fewer": whole[:100], "not an encrypted file": b"x" * len(whole),
                 "its hash differs": (self.node.folder / "other").read_bytes()[:152] + whole[152:-128] + before[names[0]][-128:],
                 "signature": whole[:-1] + bytes([whole[-1] ^ 1])}
        for said, content in cases.items():
            with self.subTest(said):
                (self.target / names[1]).unlink() if content is None else (self.target / names[1]).write_bytes(content)
                told = self.verified(*ours)
                self.assertEqual((told["faults"], told["list"][0].split(":")[0]), (1, names[1]), told)
                self.assertIn("ends too early" if said == "it had fewer" else said, told["list"][0])
        (self.target / names[1]).write_bytes(whole[:len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1:])
        self.assertEqual(self.verified(*ours)["faults"], 0)
        self.assertEqual([fault.split(":")[0] for fault in self.verified(*ours, "--full")["list"]], [names[1]])
        (self.target / names[1]).write_bytes(whole)
        (self.target / "sereno-2001-02-03.copy").write_bytes(whole)
        told = self.verified(*ours)
        self.assertEqual((told["faults"], told["unknown"]), (1, 1), told)
        (self.target / "sereno-2001-02-03.copy").unlink()
        self.assertEqual(self.verified(*ours)["faults"], 0)

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

    def test_refused_and_tried_again(self):
        self.target.mkdir()
        foreign = self.target / f"sereno-{self.days[0]}.copy"
        foreign.write_bytes(b"somebody's own\n")
        self.begin_in_folder()
        self.said("not this node's whole copy", "is not written over")
        self.assertEqual(self.metric("failing"), "1")
        told = self.second_copy()
        self.assertEqual([told[key] for key in ("state", "waiting", "oldest_waiting")], ["fails", DAYS, self.days[0]])
        self.assertIn("is not written over", told["why"])
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

    def test_what_comes_late(self):
        self.target.mkdir()
        self.late_additions(f"{{folder: {self.target}, same_disk: true}}",
                            lambda place: sereno("restore", "--copy", self.target, "--data", place, "--key-file", self.key, *self.weaker))

    def test_same_disk(self):
        self.target.mkdir()
        self.begin_in_folder(same_disk=False)
        self.said("lies on the disk of the data")
        self.assertEqual(self.names(), [])
        self.assertEqual(self.node.stop(), 0)

    def test_no_place_and_none_any_more(self):
        """Without a place there is nothing to tell; what waited for a server is removed when none is named any more."""
        self.node.start()
        self.assertEqual({key: value for key, value in self.second_copy().items() if value}, {"state": "none"})
        spool = self.node.data / "copy"
        spool.mkdir(mode=0o700)
        (spool / f"sereno-{self.days[0]}.copy").write_bytes(b"packed for a server that is not named any more")
        self.node.process.send_signal(signal.SIGHUP)
        until("the folder to be removed", lambda: not spool.exists())
        self.assertEqual(self.node.stop(), 0)
        spool.mkdir(mode=0o700)
        (spool / f"sereno-{self.days[0]}.copy.part").write_bytes(b"begun")
        self.node.start()
        self.assertFalse(spool.exists())
        self.assertEqual(self.node.stop(), 0)

    def test_a_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest("only root can mount")
        self.target.mkdir()
        inside = self.node.folder / "inside"
        inside.write_text(f'#!/bin/sh\nmount -t tmpfs -o size=8k none "{self.target}" || exit 99\nexec "{copy_kit.PROGRAM}" "$@"\n')
        outside = self.node.folder / "outside"
        outside.write_text(f'#!/bin/sh\nexec unshare -m "{inside}" "$@"\n')
        for script in (inside, outside):
            script.chmod(0o700)
        if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", str(self.target)], capture_output=True).returncode != 0:
            self.skipTest("nothing can be mounted here")
        self.node.program = str(outside)
        self.begin_in_folder(same_disk=False)
        self.said("No space left")
        there = f"/proc/{self.node.process.pid}/root{self.target}"
        until("what was not finished to be removed", lambda: not any(name.endswith(".part") for name in self.names(there)))
        self.assertLess(len(self.names(there)), DAYS)
        subprocess.run(["nsenter", "-t", str(self.node.process.pid), "-m", "mount", "-o", "remount,size=16m", str(self.target)], check=True)
        self.wait_for_all(there)
        self.assertEqual(self.node.stop(), 0)


if __name__ == "__main__":
    copy_kit.main("test_copy.py")
