#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A node whose data an older program wrote: it keeps a copy, changes the form, loses nothing; where that fails it does not start."""
import json
import pathlib
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, until  # noqa: E402

PROGRAM = OLD_RECORDS = ""
STEPS_BACK = 9


def rows(path, sql):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


class Upgrade(unittest.TestCase):
    def setUp(self):
        self.node = Node(PROGRAM, intakes=1)
        self.node.data.mkdir(mode=0o700)
        self.records = self.node.data / "records.db"

    def tearDown(self):
        self.node.remove()

    def older(self, steps_back):
        """Records of a program so many migrations ago, with something of a city's own in them; returns their version."""
        done = subprocess.run([OLD_RECORDS, str(self.records), str(steps_back)], capture_output=True, text=True, check=True)
        db = sqlite3.connect(self.records)
        db.execute("INSERT INTO setting VALUES ('a.city.s.own', 'as it was set', 1)")
        db.execute("INSERT INTO user_account VALUES ('u1', 'Anna', 'anna', 'x', 'admin', 'town', 1, NULL)")
        db.commit()
        db.close()
        return int(done.stdout)

    def kept(self, path):
        self.assertEqual(rows(path, "SELECT value FROM setting WHERE name = 'a.city.s.own'"), [("as it was set",)])
        self.assertEqual(rows(path, "SELECT name, role FROM user_account"), [("Anna", "admin")])

    def test_it_arrives_and_can_go_back(self):
        version = self.older(STEPS_BACK)
        config = self.node.config.read_bytes()
        self.node.start()
        copy = self.node.data / f"records.before-{version}.db"
        self.assertTrue(copy.exists())
        self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
        code, text = self.node.post(b'{"message":"after the upgrade"}\n')
        self.assertEqual(code, 200, text)
        self.assertEqual(self.node.stop(), 0)
        self.kept(self.records)
        self.kept(copy)
        self.assertEqual(rows(self.records, "SELECT MAX(version) FROM schema_version"), [(version + STEPS_BACK,)])
        self.assertEqual(rows(copy, "SELECT MAX(version) FROM schema_version"), [(version,)])
        self.assertEqual(self.node.config.read_bytes(), config)
        self.assertFalse((self.node.data / "records.db.unfinished").exists())
        done = subprocess.run([PROGRAM, "verify", "--data", str(self.node.data)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        # The way back that docs/DATA_DIR.md tells: the copy takes the place of the records, beside the archive as it is now.
        for tail in ("", "-wal", "-shm"):
            (self.node.data / f"records.db{tail}").unlink(missing_ok=True)
        copy.rename(self.records)
        self.node.start()
        self.assertEqual(self.node.stop(), 0)
        self.kept(self.records)
        self.assertEqual(len(self.node.having("after the upgrade")), 1)
        done = subprocess.run([PROGRAM, "verify", "--data", str(self.node.data)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def check(self, *options):
        done = subprocess.run([PROGRAM, "upgrade", "--check", "--data", str(self.node.data), "--json", *options],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def set(self, name, change):
        """What another program would have left in a setting."""
        db = sqlite3.connect(self.records)
        (value,) = db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        self.assertNotEqual(change(value), value)
        db.execute("UPDATE setting SET value = ? WHERE name = ?", (change(value), name))
        db.commit()
        db.close()

    def test_check_tells_what_changes(self):
        version = self.older(2)
        said = self.check()
        self.assertEqual((said["records"], said["records_to"], len(said["migrations"])), (version, version + 2, 2))
        self.assertIsNone(said["from"])
        self.assertIsNone(said["defaults"])  # that program kept no list: not told as "nothing changes"
        self.assertGreater(said["free_bytes"], 0)
        self.assertGreater(said["copy_bytes"], 0)
        self.assertEqual(rows(self.records, "SELECT MAX(version) FROM schema_version"), [(version,)])  # it changed nothing
        self.node.start()
        said = self.check()  # a running node is not disturbed
        self.assertEqual((said["from"], said["migrations"], said["defaults"]), (said["to"], [], []))
        self.assertEqual(self.node.stop(), 0)
        # The program before had one hunter more, knew a key that is gone, and not yet the one of heartbeats.
        self.set("program.version", lambda v: "0.0.9")
        self.set("program.defaults", lambda v: v.replace("hunters=1\n", "hunters=2\nhurry=no\n").replace(
            "notify.heartbeat.every=60\n", "").replace("desk.listen=127.0.0.1:8600", "desk.listen=127.0.0.1:8599"))
        want = [{"key": "desk.listen", "before": "127.0.0.1:8599", "now": "127.0.0.1:8600", "stated": True},
                {"key": "hunters", "before": "2", "now": "1", "stated": False},
                {"key": "hurry", "before": "no", "now": None, "stated": False},
                {"key": "notify.heartbeat.every", "before": None, "now": "60", "stated": False}]
        said = self.check("--config", str(self.node.config))
        self.assertEqual((said["from"], said["defaults"]), ("0.0.9", want))
        text = subprocess.run([PROGRAM, "upgrade", "--check", "--data", str(self.node.data), "--config", str(self.node.config)],
                              capture_output=True, text=True)
        self.assertEqual(text.returncode, 0, text.stderr)
        self.assertIn("4 defaults change", text.stdout)
        self.assertIn("hunters: was 2, becomes 1\n", text.stdout)
        self.assertIn("states it, so nothing changes", text.stdout)
        # The start tells it too: in the log, and for ever in the audit trail.
        self.node.start()
        self.assertEqual(self.node.stop(), 0)
        self.assertEqual(
            rows(self.records, "SELECT what, subject, before_value, after_value FROM audit WHERE who = 'sereno' "
                 "AND what IN ('program.changed', 'default.changed') ORDER BY seq"),
            [("program.changed", "sereno", "0.0.9", said["to"])] +
            [("default.changed", d["key"], d["before"] or "", d["now"] or "") for d in want])
        self.assertIn("upgrade.changed", self.node.log.read_text(errors="replace"))
        self.assertEqual(self.check()["defaults"], [])
        self.kept(self.records)

    def test_check_refuses(self):
        for options in ([], ["--check", "--data", str(self.node.folder / "nowhere")]):
            done = subprocess.run([PROGRAM, "upgrade", *options], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1 if options else 2)
            self.assertTrue(done.stderr)
        self.older(0)
        db = sqlite3.connect(self.records)
        db.execute("INSERT INTO schema_version VALUES (9999, 'future', 1)")
        db.commit()
        db.close()
        done = subprocess.run([PROGRAM, "upgrade", "--check", "--data", str(self.node.data)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("newer program", done.stderr)

    def test_a_failed_one_does_not_start(self):
        version = self.older(STEPS_BACK)
        db = sqlite3.connect(self.records)
        # What the next migrations would make is there already.
        new = subprocess.run([OLD_RECORDS, str(self.node.folder / "new.db"), "0"], capture_output=True, text=True, check=True)
        self.assertEqual(int(new.stdout), version + STEPS_BACK)
        here = {r[0] for r in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        coming = [r[0] for r in rows(self.node.folder / "new.db", "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")]
        db.execute(f"CREATE TABLE {[name for name in coming if name not in here][-1]} (in_the_way TEXT)")
        db.commit()
        before = list(db.iterdump())
        db.close()
        with self.assertRaisesRegex(AssertionError, "the node ended"):
            self.node.start()
        said = until("the reason", lambda: self.node.log.read_text(errors="replace"))
        self.assertIn("failed and all was undone", said)
        self.assertIn("start the former program again", said)
        self.assertIn(f"records.before-{version}.db", said)
        self.kept(self.records)
        db = sqlite3.connect(self.records)
        self.assertEqual(list(db.iterdump()), before)
        db.close()


if __name__ == "__main__":
    PROGRAM, OLD_RECORDS = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
