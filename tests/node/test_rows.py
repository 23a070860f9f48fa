#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""`sereno verify` over records.db of a real node: every cell of evidence changed, and bytes flipped in every page in use, are found."""
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, until  # noqa: E402

PROGRAM = ""
KEY = re.compile(r"^  ((?:[A-Z2-7]{4}-){13}[A-Z2-7]{4})$", re.M)
FLIPS = int(os.environ.get("SERENO_FLIPS", "400"))  # 4000 in `make prove`
SEED = 20261127
# What use alone changes, and what is no evidence: src/records/proof.def says why of each.
DEF = pathlib.Path(__file__).resolve().parents[2] / "src" / "records" / "proof.def"


def lines_of_def():
    out = {}
    for line in DEF.read_text(encoding="utf-8").splitlines():
        if line.startswith("PROOF("):
            number, table, how, rest = line[len("PROOF("):-1].split(", ", 3)
            words = rest.split('"')
            out[table] = (int(number), how, words[1].strip(",").split(","), words[3].strip(",").split(","))
    return out


def verify(data):
    done = subprocess.run([PROGRAM, "verify", "--data", str(data), "--json"], capture_output=True, text=True, timeout=120)
    return done.returncode, (json.loads(done.stdout)["list"] if done.stdout else [done.stderr])


def evidence(path):
    """What a reader of the database sees of it: all tables but what is no evidence. A text when it cannot be read."""
    said = hashlib.sha256()
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.text_factory = bytes
    try:
        for table, (_, how, _, loose) in sorted(lines_of_def().items()):
            if how == "LOOSE":
                continue
            columns = [c[1].decode() for c in db.execute(f'SELECT * FROM pragma_table_info("{table}")')]
            wanted = ", ".join(f'"{c}", typeof("{c}")' for c in columns if c not in loose)
            rows = sorted(db.execute(f'SELECT {wanted} FROM "{table}"').fetchall(), key=repr)
            said.update(repr((table, columns, rows)).encode())
        return said.hexdigest()
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as e:
        return f"unreadable: {e}"
    finally:
        db.close()


class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM).start()
        with open(cls.node.followed, "a", encoding="utf-8") as f:
            for n in range(30):
                f.write(f"Nov 26 10:00:{n:02} host{n} test: sereno-marker-alarm {n}\n")
        until("alerts", lambda: len(cls.node.alerts()) >= 1)
        assert cls.node.stop() == 0
        cls.path = cls.node.data / "records.db"
        db = sqlite3.connect(cls.path)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        cls.whole = cls.path.read_bytes()

    @classmethod
    def tearDownClass(cls):
        cls.node.remove()

    def setUp(self):
        self.path.write_bytes(self.whole)
        for tail in ("-wal", "-shm"):
            pathlib.Path(str(self.path) + tail).unlink(missing_ok=True)

    def test_each_cell_of_evidence(self):
        """One cell of each column of each table that has rows: named by table and field."""
        tried = 0
        for table, (_, how, key, loose) in lines_of_def().items():
            if how not in ("ROWS", "SUM") or table == "schema_version":  # another number is another program's
                continue
            db = sqlite3.connect(self.path, isolation_level=None)
            columns = [c[1] for c in db.execute(f'SELECT * FROM pragma_table_info("{table}")')]
            rows = [r[0] for r in db.execute(f'SELECT rowid FROM "{table}"')]
            db.close()
            for column in columns if rows else ():
                db = sqlite3.connect(self.path, isolation_level=None)
                row = random.Random(f"{SEED}{table}{column}").choice(rows)
                (old,) = db.execute(f'SELECT "{column}" FROM "{table}" WHERE rowid = ?', (row,)).fetchone()
                new = old + 4000 if isinstance(old, int) else (old or "") + "x" if old is None or isinstance(old, str) else old[:-1] + bytes([old[-1] ^ 4])
                db.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (new, row))
                db.close()
                code, said = verify(self.node.data)
                tried += 1
                if column in loose:
                    self.assertEqual((code, said), (0, []), f"{table}.{column}")
                else:
                    self.assertEqual(code, 1, f"{table}.{column}")
                    named = [s for s in said if table in s and (how == "SUM" or column in key or column in s)]
                    self.assertTrue(named or table == "setting", (table, column, said))
                self.setUp()
        self.assertGreater(tried, 60)

    def test_any_flipped_byte(self):
        """Places drawn by a seed over every page of the file. What changes the content, or makes it unreadable, is found; what is said and changes nothing
        may only be form (free space, the place of a counter): it is counted and bounded."""
        rng = random.Random(SEED)
        before = evidence(self.path)
        size = len(self.whole)
        page = int.from_bytes(self.whole[16:18], "big")
        pages = size // page
        missed, changed = [], 0
        for n in range(max(FLIPS, pages)):
            at = (n % pages) * page + rng.randrange(page)
            bit = 1 << rng.randrange(8)
            with open(self.path, "r+b") as f:
                f.seek(at)
                f.write(bytes([self.whole[at] ^ bit]))
            after = evidence(self.path)
            if after != before:
                changed += 1
                if verify(self.node.data)[0] != 1:
                    missed.append((at, bit, after))
            self.setUp()
        self.assertEqual(missed, [])
        self.assertGreater(changed, FLIPS // 25)
        print(f"{max(FLIPS, pages)} flips over {pages} pages: {changed} changed what is kept, all found", file=sys.stderr)

    def test_a_noted_link_stays(self):
        """What is printed is in the chain ever after; in records that were put back, or whose link was never theirs, it is not."""
        def ask(*more):
            done = subprocess.run([PROGRAM, "verify", "--data", str(self.node.data), "--json", *more], capture_output=True, text=True)
            return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr
        first = ask()[1]["link"]
        older = self.path.read_bytes()
        second = ask("--link", first)
        self.assertEqual((second[0], second[1]["list"]), (0, []))
        self.assertNotEqual(second[1]["link"], first)
        for noted in (first, second[1]["link"]):
            self.assertEqual(ask("--link", noted)[0], 0)
        third = ask()[1]["link"]
        self.path.write_bytes(older)
        self.assertEqual(ask("--link", first)[0], 0)
        code, said = ask("--link", third)
        self.assertEqual(code, 1)
        self.assertTrue(any("put back" in s for s in said["list"]), said)
        self.assertEqual(ask("--link", "ab" * 32)[0], 1)
        self.assertEqual(ask("--link", "ab")[0], 2)

    def test_a_restored_backup_verifies(self):
        """Backed up, restored: all rows are proved there too; and a byte changed in the restored one is found."""
        made = subprocess.run([PROGRAM, "backup", "key", "--data", str(self.node.data)], capture_output=True, text=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        file, to = self.node.folder / "b.sereno", self.node.folder / "restored"
        done = subprocess.run([PROGRAM, "backup", str(file), "--data", str(self.node.data)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        key = self.node.folder / "recovery.key"
        key.write_text(KEY.search(made.stdout)[1] + "\n")
        done = subprocess.run([PROGRAM, "restore", str(file), "--data", str(to), "--key-file", str(key)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(verify(to), (0, []))
        db = sqlite3.connect(to / "records.db")
        db.execute("UPDATE alert SET summary = summary || ' '")
        db.commit()
        db.close()
        code, said = verify(to)
        self.assertEqual(code, 1)
        self.assertTrue(all("summary" in s for s in said), said)
        shutil.rmtree(to)


class Logs(unittest.TestCase):
    """What a killed node leaves in the engine's logs: a byte changed there is found, before and after the engine dropped what came behind it."""

    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM, intakes=1).start()
        with open(cls.node.followed, "a", encoding="utf-8") as f:
            f.writelines(f"Nov 26 10:00:{n:02} host{n} test: sereno-marker-alarm {n}\n" for n in range(30))
        until("alerts", lambda: len(cls.node.alerts()) >= 1)
        cls.node.kill()
        cls.kept = cls.node.folder / "kept"
        shutil.copytree(cls.node.data, cls.kept, ignore=shutil.ignore_patterns("control"))

    @classmethod
    def tearDownClass(cls):
        cls.node.remove()

    def setUp(self):
        shutil.rmtree(self.node.data)
        shutil.copytree(self.kept, self.node.data)

    def test_any_flipped_byte_of_a_log(self):
        self.assertEqual(verify(self.node.data), (0, []))
        rng = random.Random(SEED + 1)
        logs = [p.relative_to(self.kept) for p in [self.kept / "records.db-wal", *sorted((self.kept / "archive").glob("*-wal"))] if p.stat().st_size > 32]
        self.assertEqual(len(logs), 2)
        for log in logs:
            whole = (self.kept / log).read_bytes()
            for n in range(max(8, FLIPS // 40)):
                self.setUp()
                at = n * 4 if n < 4 else rng.randrange(len(whole))
                changed = bytearray(whole)
                changed[at] ^= 1 << rng.randrange(8)
                (self.node.data / log).write_bytes(changed)
                for again in range(2):  # the first time the engine forgot that log
                    code, said = verify(self.node.data)
                    self.assertEqual(code, 1, (log, at, again))
                    self.assertTrue(any(log.name.removesuffix("-wal") in s and "log of the last changes" in s for s in said), said)

    def test_a_node_says_so(self):
        log = self.node.data / "records.db-wal"
        changed = bytearray(log.read_bytes())
        changed[len(changed) // 2] ^= 1
        log.write_bytes(changed)
        self.node.start()
        self.assertEqual(self.node.stop(), 0)
        self.assertIn("disk.log_damaged", self.node.log.read_text(errors="replace"))
        self.assertEqual(pathlib.Path(str(log) + ".damaged").read_bytes(), bytes(changed))
        code, said = verify(self.node.data)
        self.assertEqual(code, 1)
        self.assertTrue(any("records.db-wal.damaged" in s for s in said), said)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=1)
