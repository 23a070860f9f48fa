#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""`sereno export` over the data of a real node: every record byte for byte, while it runs and after; a damaged block is named and left out."""
import base64
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node  # noqa: E402

PROGRAM = ""
BATCHES = 5
LINES = 30


def export(data, *options):
    done = subprocess.run([PROGRAM, "export", "--data", str(data), *options], capture_output=True)
    said = [l for l in done.stderr.decode().splitlines(True) if "sandbox.absent" not in l]  # of a sanitizer build
    return done.returncode, done.stdout, "".join(said)


def line(batch, number):
    return ('{"message":"line %d of %d \\u00e9 \xe9 \\"said\\""}' % (number, batch)).encode()


class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM).start()
        cls.sent = []
        for batch in range(BATCHES):
            lines = [line(batch, n) for n in range(LINES)] + [b'{"message":"not UTF-8: \xff\xfe"}']
            code, text = cls.node.post(b"\n".join(lines) + b"\n")
            assert code == 200, text
            cls.sent += lines
        cls.live = export(cls.node.data)
        assert cls.node.stop() == 0

    @classmethod
    def tearDownClass(cls):
        cls.node.remove()

    def originals(self, out):
        rows = [json.loads(one) for one in out.splitlines()]
        return rows, [r["original"].encode() if "original" in r else base64.b64decode(r["original_base64"]) for r in rows]

    def test_every_byte(self):
        for code, out, said in (self.live, export(self.node.data)):
            self.assertEqual((code, said), (0, ""))
            rows, originals = self.originals(out)
            ours = [o for o in originals if o in set(self.sent)]
            self.assertEqual(sorted(ours), sorted(self.sent))
            self.assertEqual(len({(r["day"], r["block"], r["index"]) for r in rows}), len(rows))

    def test_text(self):
        code, out, said = export(self.node.data, "--format", "text")
        self.assertEqual((code, said), (0, ""))
        lines = out.split(b"\n")
        for one in self.sent:
            self.assertIn(one, lines)

    def test_window_and_source(self):
        rows, _ = self.originals(self.live[1])
        middle = sorted(r["time"] for r in rows)[len(rows) // 2]
        _, before, _ = export(self.node.data, "--to", middle)
        _, after, _ = export(self.node.data, "--from", middle)
        self.assertEqual(len(before.splitlines()) + len(after.splitlines()), len(rows))
        self.assertTrue(all(json.loads(r)["time"] >= middle for r in after.splitlines()))
        name = rows[0]["source"]
        _, out, _ = export(self.node.data, "--source", name)
        self.assertEqual(len(out.splitlines()), sum(r["source"] == name for r in rows))
        self.assertEqual(export(self.node.data, "--source", "nobody")[:2], (0, b""))

    def test_wrong_use(self):
        for options in (["--from", "yesterday"], ["--format", "xml"], ["--what"], ["word"]):
            self.assertEqual(export(self.node.data, *options)[0], 2, options)
        self.assertEqual(export(self.node.folder / "nowhere")[0], 1)

    def test_damaged_block_is_named_and_left_out(self):
        to = self.node.folder / "copy"
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.node.data, to, ignore=shutil.ignore_patterns("control"))
        day = sorted((to / "archive").glob("*.db"))[0]
        db = sqlite3.connect(day)
        block, count, body = db.execute("SELECT id, count, body FROM block WHERE kind=0 ORDER BY count DESC LIMIT 1").fetchone()
        spoiled = bytearray(body)
        spoiled[len(body) // 2] ^= 4
        db.execute("UPDATE block SET body=? WHERE id=?", (bytes(spoiled), block))
        db.commit()
        db.close()
        code, out, said = export(to)
        self.assertEqual(code, 1)
        self.assertIn(f"block {block} left out", said)
        self.assertEqual(len(out.splitlines()), len(self.live[1].splitlines()) - count)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
