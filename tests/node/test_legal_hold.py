#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""`sereno hold` on a running node: set, told, lifted, each with a reason, and in the audit trail; wrong ones are refused."""
import json
import pathlib
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node  # noqa: E402

PROGRAM = ""


class Hold(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM).start()

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        cls.node.remove()

    def hold(self, *words):
        done = subprocess.run([PROGRAM, "hold", *words, "--data", str(self.node.data)], capture_output=True, text=True)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def test_life(self):
        code, made = self.hold("set", "--from", "2026-11-01", "--to", "2026-11-30", "--source", "fw", "--reason", "case 4711")
        self.assertEqual(code, 0, made)
        (one,) = self.hold("list")[1]["items"]
        self.assertEqual((one["id"], one["source"], one["from"], one["to"], one["reason"], one["lifted"]),
                         (made["id"], "fw", "2026-11-01", "2026-11-30", "case 4711", None))
        self.assertEqual(self.hold("lift", made["id"], "--reason", "closed")[0], 0)
        self.assertEqual(self.hold("lift", made["id"], "--reason", "again")[0], 1)
        (one,) = self.hold("list")[1]["items"]
        self.assertEqual(one["lifted_reason"], "closed")
        self.assertIsNotNone(one["lifted"])
        db = sqlite3.connect(f"file:{self.node.data}/records.db?mode=ro", uri=True)
        trail = [w for (w,) in db.execute("SELECT what FROM audit WHERE what LIKE 'hold.%' ORDER BY seq")]
        db.close()
        self.assertEqual(trail, ["hold.set", "hold.lifted"])

    def test_refused(self):
        for words in (["set", "--from", "2026-11-01", "--to", "2026-11-30"], ["lift", "x", "--reason", "y"], ["what"], []):
            self.assertEqual(self.hold(*words)[0], 2, words)
        self.assertEqual(self.hold("set", "--from", "2026-11-02", "--to", "2026-11-01", "--reason", "x")[0], 1)
        self.assertEqual(self.hold("set", "--from", "soon", "--to", "2026-11-01", "--reason", "x")[0], 1)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
