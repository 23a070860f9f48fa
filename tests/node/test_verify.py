#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""`sereno verify` over the data of a real node: fits while it runs and after; every byte flipped in what it keeps is found."""
import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, until  # noqa: E402

PROGRAM = ""
FLIPS = 60  # of each kind of value
SEED = 20261126


def verify(data, *options):
    done = subprocess.run([PROGRAM, "verify", "--data", str(data), "--json", *options], capture_output=True, text=True)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


class Verify(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM).start()
        for n in range(3):  # windows with and without alerts
            code, text = cls.node.post("".join('{"message":"line %d of %d"}\n' % (i, n) for i in range(40)).encode())
            assert code == 200, text
            with open(cls.node.followed, "a", encoding="utf-8") as f:
                f.write(f"Nov 26 10:00:0{n} host{n} test: sereno-marker-alarm {n}\n")
        until("alerts", lambda: len(cls.node.alerts()) >= 1)
        until("the first seal", lambda: (cls.node.data / "archive" / "seals.jsonl").exists())
        cls.live = verify(cls.node.data)  # a running node is not disturbed, and fits
        assert cls.node.stop() == 0

    @classmethod
    def tearDownClass(cls):
        cls.node.remove()

    def copy(self):
        to = self.node.folder / "copy"
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.node.data, to, ignore=shutil.ignore_patterns("control"))
        return to

    def day(self, data):
        return sorted((data / "archive").glob("*.db"))[0]

    def test_it_fits(self):
        self.assertEqual(self.live[1]["list"], [])
        self.assertEqual(self.live[0], 0)
        code, said = verify(self.node.data)
        self.assertEqual((code, said["list"], said["faults"]), (0, [], 0))
        self.assertGreaterEqual(said["records"], 120)
        self.assertGreaterEqual(said["alerts"], 1)
        self.assertGreaterEqual(said["seals"], 1)
        self.assertIsNotNone(said["sealed"])

    def test_another_key_is_not_ours(self):
        code, said = verify(self.node.data, "--key", "ab" * 32)
        self.assertEqual(code, 1)
        self.assertIn("another key", said["list"][0])
        code, said = verify(self.node.data, "--key", verify(self.node.data)[1]["seal_key"])
        self.assertEqual((code, said["list"]), (0, []))

    def test_any_flipped_byte(self):
        """In each kind of value that is needed to read a record or an alert, or to trust it."""
        rng = random.Random(SEED)
        data = self.copy()
        path = self.day(data)
        db = sqlite3.connect(path, isolation_level=None)
        values = []
        for table, columns in (("block", ("header", "hash", "body")), ("alert", ("body",))):
            for column in columns:
                rows = db.execute(f"SELECT rowid, length({column}) FROM {table} WHERE {column} IS NOT NULL").fetchall()
                spots = [(table, column, row, at) for row, size in rows for at in range(size)]
                values += rng.sample(spots, min(FLIPS, len(spots)))
        missed = []
        for table, column, row, at in values:
            (whole,) = db.execute(f"SELECT {column} FROM {table} WHERE rowid=?", (row,)).fetchone()
            changed = bytearray(whole)
            changed[at] ^= 1 << rng.randrange(8)
            db.execute(f"UPDATE {table} SET {column}=? WHERE rowid=?", (bytes(changed), row))
            if verify(data)[0] != 1:
                missed.append((table, column, row, at))
            db.execute(f"UPDATE {table} SET {column}=? WHERE rowid=?", (whole, row))
        self.assertEqual(missed, [])
        self.assertEqual(verify(data)[0], 0, "put back, it fits again")
        for table, columns in (("block", ("kind", "count", "time_min", "time_max", "organisation", "source", "class")),
                               ("alert", ("day", "block", "record"))):
            for column in columns:
                (row, value) = db.execute(f"SELECT rowid, {column} FROM {table} ORDER BY rowid LIMIT 1").fetchone()
                other = value + 1 if isinstance(value, int) else value + "x"
                db.execute(f"UPDATE {table} SET {column}=? WHERE rowid=?", (other, row))
                self.assertEqual(verify(data)[0], 1, (table, column))
                db.execute(f"UPDATE {table} SET {column}=? WHERE rowid=?", (value, row))
        db.close()

    def test_the_end_and_the_records(self):
        for what, sql, says in (
                ("archive", "DELETE FROM block WHERE id=(SELECT max(id) FROM block);"
                            "DELETE FROM alert WHERE id>(SELECT count(*) FROM alert)", "not in the archive any more"),
                ("records", "INSERT OR REPLACE INTO audit_head VALUES (1, 99, zeroblob(32))", "audit"),
                ("records", "UPDATE setting SET value='0 0 00' WHERE name='archive.head'", "archive's end")):
            data = self.copy()
            db = sqlite3.connect(self.day(data) if what == "archive" else data / "records.db")
            db.executescript(sql)
            db.close()
            code, said = verify(data)
            self.assertEqual(code, 1, sql)
            self.assertTrue(any(says in line for line in said["list"]), (sql, said["list"]))
        data = self.copy()
        (data / "archive" / "seals.jsonl").unlink()
        self.assertIn("missing", verify(data)[1]["list"][0])

    def test_wrong_use(self):
        for options, status in ((["--nothing"], 2), (["--data"], 2), (["--data", "/nonexistent"], 1)):
            done = subprocess.run([PROGRAM, "verify", *options], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (status, ""), options)
            self.assertTrue(done.stderr)


class Sealed(unittest.TestCase):
    """A node that ended between a seal's line and the records."""
    def test_told_at_the_next_start(self):
        node = Node(PROGRAM).start()
        try:
            self.assertEqual(node.post(b'{"message":"one"}\n')[0], 200)
            until("the first seal", lambda: b"archive.sealed" in node.log.read_bytes())
            self.assertEqual(node.stop(), 0)
            known = self.seal(node)
            self.assertIsNotNone(known)
            for was, after, says in ((None, known, b"the records are told now"), ("ff" * 32, "ff" * 32, b"the records know of another seal")):
                self.seal(node, was)  # not told yet; another line stood there: they go on knowing it
                node.start()
                until("a look at the archive's end", lambda: says in node.log.read_bytes())
                self.assertEqual(node.stop(), 0)
                self.assertEqual(self.seal(node), after)
                self.assertEqual(verify(node.data)[0], 0 if after == known else 1)
        finally:
            node.remove()

    def seal(self, node, *value):
        """The hash of the last seal's line as the records have it; with a value: sets it, None: takes it away."""
        db = sqlite3.connect(node.data / "records.db", isolation_level=None)
        for v in value:
            db.execute("DELETE FROM setting WHERE name = 'archive.seal'")
            if v:
                db.execute("INSERT INTO setting VALUES ('archive.seal', ?, 1)", (v,))
        row = db.execute("SELECT value FROM setting WHERE name = 'archive.seal'").fetchone()
        db.close()
        return row[0] if row else None


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=1)
