#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Backup of a node that works meanwhile, and restore: the restored folder verifies, holds what was acked before the
backup began, and a node runs on it. usage: tests/node/test_backup.py PROGRAM [-k WORD]"""
import os
import pathlib
import re
import stat
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import day_file  # noqa: E402
from node import Node, extra_options, until  # noqa: E402

PROGRAM = None
KEY = re.compile(r"^  ((?:[A-Z2-7]{4}-){13}[A-Z2-7]{4})$", re.M)


def sereno(*args, stdin=None):
    done = subprocess.run([PROGRAM, *map(str, args)], input=stdin, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


class Backup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM).start()
        cls.weaker = extra_options()
        (cls.node.data / "rules" / "own rule (ours).yml").write_text("# a city's own\n")
        code, text, said = sereno("backup", cls.node.folder / "early.backup", "--data", cls.node.data, *cls.weaker)
        assert code == 1 and "sereno backup key" in said, said
        code, text, said = sereno("backup", "key", "--data", cls.node.data)
        assert code == 0, said
        cls.key = KEY.search(text)[1]
        cls.key_file = cls.node.folder / "recovery.key"
        cls.key_file.write_text(cls.key + "\n")
        cls.before = [f"before-{i}" for i in range(40)]
        for word in cls.before:
            code, said = cls.node.post(b'{"message":"%s sereno-marker-alarm"}' % word.encode())
            assert code == 200, said
        cls.file = cls.node.folder / "one.backup"
        stop = threading.Event()

        def load():
            n = 0
            while not stop.is_set():
                cls.node.post(b'{"message":"meanwhile-%d sereno-marker-alarm"}' % n)
                n += 1
        sender = threading.Thread(target=load)
        sender.start()
        try:
            cls.made = sereno("backup", cls.file, "--data", cls.node.data, *cls.weaker)
        finally:
            stop.set()
            sender.join()

    @classmethod
    def tearDownClass(cls):
        cls.node.remove()

    def restored(self, name, *more, file=None):
        place = self.node.folder / name
        return place, sereno("restore", file or self.file, "--data", place, "--key-file", self.key_file, *more, *self.weaker)

    def test_made(self):
        code, text, said = self.made
        self.assertEqual(code, 0, said)
        self.assertRegex(text, r"\d+ files, \d+ bytes, packed and encrypted into \d+")
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertFalse((self.node.data / "backup.tmp").exists())
        content = self.file.read_bytes()
        for word in (b"before-1", b"sereno-marker", b"SQLite format", b"records.db"):
            self.assertNotIn(word, content)

    def test_restored_folder_verifies_and_runs(self):
        place, (code, text, said) = self.restored("restored")
        self.assertEqual(code, 0, said)
        self.assertRegex(text, "signed by the key [0-9a-f]{64}")
        code, text, said = sereno("verify", "--data", place, *self.weaker)
        self.assertEqual(code, 0, text + said)
        kept = "\n".join(r[3].decode() for r in day_file.read_all(place / "archive"))
        for word in self.before:
            self.assertEqual(kept.count(word + " "), 1, word)
        self.assertEqual((place / "rules" / "own rule (ours).yml").read_text(), "# a city's own\n")
        for path in place.rglob("*"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o700 if path.is_dir() else 0o600, path)
        twin = Node(PROGRAM)
        try:
            twin.data = place
            twin.start()
            code, said = twin.post(b'{"message":"after the restore"}')
            self.assertEqual(code, 200, said)
            until("the event", lambda: twin.having("after the restore"))
            self.assertEqual(twin.stop(), 0)
            code, text, said = sereno("verify", "--data", place, *self.weaker)
            self.assertEqual(code, 0, text + said)
        finally:
            twin.remove()

    def test_verify_without_writing_and_typed_key(self):
        code, text, said = sereno("restore", self.file, "--verify", *self.weaker, stdin=self.key.lower().replace("-", " ") + "\n")
        self.assertEqual(code, 0, said)
        self.assertIn("all as the manifest lists them", text)

    def test_anybody_sees_whether_it_is_whole(self):
        code, text, said = sereno("verify", "--backup", self.file, *self.weaker)
        self.assertEqual(code, 0, said)
        signer = re.search("signed by the key ([0-9a-f]{64})", text)[1]
        self.assertEqual(sereno("verify", "--backup", self.file, "--key", signer, *self.weaker)[0], 0)
        self.assertEqual(sereno("verify", "--backup", self.file, "--key", "00" * 32, *self.weaker)[0], 1)

    def test_flipped_bytes(self):
        whole, changed = self.file.read_bytes(), self.node.folder / "changed.backup"
        for at in [*range(0, len(whole), max(1, len(whole) // 60)), len(whole) - 1]:
            changed.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1:])
            code, text, said = sereno("verify", "--backup", changed, *self.weaker)
            self.assertEqual(code, 1, (at, text))
        place, (code, text, said) = self.restored("from-changed", file=changed)
        self.assertEqual(code, 1, said)
        self.assertFalse(place.exists())
        changed.write_bytes(whole[:-1])
        self.assertEqual(sereno("verify", "--backup", changed, *self.weaker)[0], 1)

    def test_refusals(self):
        self.assertEqual(sereno("backup", self.file, "--data", self.node.data, *self.weaker)[0], 1)  # exists
        code, text, said = sereno("backup", "key", "--data", self.node.data)
        self.assertEqual(code, 1)
        self.assertIn("--replace", said)
        place, (code, text, said) = self.restored("data")  # the node's own folder
        self.assertEqual(code, 1)
        self.assertIn("exists already", said)
        wrong = self.key[:-1] + ("A" if self.key[-1] != "A" else "B")
        code, text, said = sereno("restore", self.file, "--verify", *self.weaker, stdin=wrong + "\n")
        self.assertEqual(code, 1)
        self.assertIn("typing mistake", said)
        for args in (["backup"], ["restore", self.file], ["restore", self.file, "--verify", "--data", "x"]):
            self.assertEqual(sereno(*args)[0], 2, args)
        full = subprocess.run(["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=16k none "$1" && exec "$2" backup "$1/b" --data "$3" $4',
                               "sh", self.node.folder / "rules", PROGRAM, self.node.data, " ".join(self.weaker)],
                              capture_output=True, text=True) if os.geteuid() == 0 else None
        if full is not None and "mount" not in full.stderr and "unshare" not in full.stderr:
            self.assertEqual(full.returncode, 1, full.stderr)
            self.assertIn("No space left", full.stderr)

    def test_records_alone(self):
        file = self.node.folder / "small.backup"
        code, text, said = sereno("backup", file, "--without-archive", f"--data={self.node.data}", *self.weaker)
        self.assertEqual(code, 0, said)
        place, (code, text, said) = self.restored("small", file=file)
        self.assertEqual(code, 0, said)
        self.assertTrue((place / "records.db").exists())
        self.assertFalse((place / "archive").exists())


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: test_backup.py PROGRAM [unittest options]")
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
