#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""`sereno doctor` beside a node that runs, after it stopped, on a disk that is full, and on an archive that was cut.
usage: tests/node/test_doctor.py PROGRAM [-k WORD]"""
import json
import os
import pathlib
import resource
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, extra_options, until  # noqa: E402

PROGRAM = None
CHECKS = ["node", "sandbox", "rules", "disk", "clock", "chain", "verified", "backup", "copy", "retention", "sources", "buffers", "files", "memory"]
STATES = ["ok", "warn", "bad"]


def sereno(*args):
    done = subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


class Doctor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.weaker = extra_options()
        cls.node = Node(PROGRAM)
        text = cls.node.config.read_text()
        cls.node.config.write_text(text.replace("path: ", "silent_after: 1, path: ") + "retention: {days: 90}\n")
        cls.node.start()
        for i in range(20):
            assert cls.node.post(b'{"message":"one of twenty"}')[0] == 200
        until("the events to be counted", lambda: cls.look()["source counters"] >= 20)
        until("the first seal, which comes with the keeper's next second", lambda: cls.look()["chain"][0]["state"] == "ok")

    @classmethod
    def tearDownClass(cls):
        cls.node.remove()

    @classmethod
    def look(cls, *args, data=None):
        """Lines by check; 'code' and 'source counters' beside them."""
        code, text, said = sereno("doctor", "--data", data or cls.node.data, "--json", *args, *cls.weaker)
        assert text, said
        found = json.loads(text)
        lines = {}
        for line in found["lines"]:
            lines.setdefault(line["check"], []).append(line)
            assert (line["state"] == "ok") == (line["advice"] == ""), line
        assert list(dict.fromkeys(c for c in lines if c != "source")) == CHECKS, lines
        worst = max(STATES.index(line["state"]) for line in found["lines"])
        assert code == worst and found["state"] == STATES[worst], (code, found)
        lines["running"] = found["running"]
        lines["source counters"] = int(lines["sources"][0]["says"].split("with ")[1].split()[0]) if "with " in lines["sources"][0]["says"] else -1
        return lines

    def one(self, lines, check):
        (line,) = lines[check]
        return line["state"], line["says"]

    def test_a_running_node(self):
        lines = self.look()
        self.assertTrue(lines["running"], self.node.log.read_text()[-2000:])
        self.assertEqual(self.one(lines, "node"), ("ok", f"runs, process {self.node.process.pid}"))
        self.assertEqual(self.one(lines, "chain")[0], "ok", lines["chain"])
        self.assertRegex(self.one(lines, "disk")[1], "are free, .* are kept")
        self.assertEqual(self.one(lines, "copy")[0], "warn")
        if os.geteuid() == 0:
            self.assertRegex(self.one(lines, "files")[1], r"sereno.* has \d+ of \d+ open")
        self.assertRegex(self.one(lines, "memory")[1], "the node's processes hold")
        # Its config was found by its command line: there stands that "file" must not be silent for a second.
        until("the silent source", lambda: any("file never sent anything" in s["says"] for s in self.look().get("source", [])))
        code, text, _ = sereno("doctor", "--data", self.node.data, *self.weaker)
        for check in CHECKS:
            self.assertRegex(text, rf"(?m)^(ok|warn|bad) +{check} ")

    def test_backup_and_verification_are_remembered(self):
        self.assertRegex(self.one(self.look(), "backup")[1], "none was ever made|ago")
        self.assertEqual(sereno("backup", "key", "--data", self.node.data)[0], 0)
        file = self.node.folder / "one.backup"
        code, _, said = sereno("backup", file, "--data", self.node.data, *self.weaker)
        self.assertEqual(code, 0, said)
        self.assertNotIn("sereno: ", said)  # the records were told; a build without sandbox logs a line of its own
        state, says = self.one(self.look(), "backup")
        self.assertEqual(state, "ok")
        self.assertIn(f"ago, to {file}", says)
        self.assertEqual(sereno("verify", "--data", self.node.data, *self.weaker)[0], 0)
        self.assertIn("everything fitted", self.one(self.look(), "verified")[1])

    def test_a_stopped_node_and_harm(self):
        twin = Node(PROGRAM, intakes=1)
        try:
            twin.start()
            self.assertEqual(twin.post(b'{"message":"kept"}')[0], 200)
            self.assertEqual(twin.stop(), 0)
            lines = self.look(data=twin.data)
            self.assertFalse(lines["running"])
            self.assertEqual(self.one(lines, "node")[0], "warn")
            self.assertEqual(self.one(lines, "chain")[0], "ok", lines["chain"])
            self.assertGreaterEqual(lines["source counters"], 1)
            (day,) = (twin.data / "archive").glob("*.db")
            whole = day.read_bytes()
            db = sqlite3.connect(day)
            db.execute("DELETE FROM block WHERE id = (SELECT max(id) FROM block)")
            db.commit()
            db.close()
            self.assertEqual(self.one(self.look(data=twin.data), "chain")[0], "bad")
            day.write_bytes(whole)
            db = sqlite3.connect(day)
            db.execute("UPDATE block SET hash = zeroblob(32) WHERE id = (SELECT max(id) FROM block)")
            db.commit()
            db.close()
            self.assertIn("not the one that the records know", self.one(self.look(data=twin.data), "chain")[1])
            (twin.data / "held").write_text("file\n")
            (held,) = self.look(data=twin.data)["source"]
            self.assertEqual((held["state"], "file is on hold" in held["says"]), ("bad", True))
            (twin.data / "records.db").write_bytes(b"nothing of the kind" * 1000)
            for check in ("chain", "verified", "backup", "copy", "retention", "sources"):
                self.assertEqual(self.one(self.look(data=twin.data), check)[0], "bad")
        finally:
            twin.remove()

    def test_a_program_without_its_sources(self):
        """A program that was copied alone: it keeps what comes, says that no rule can match, and doctor says so too."""
        twin, empty = Node(PROGRAM, intakes=1), None
        try:
            empty = twin.folder / "share"
            empty.mkdir()
            os.environ["SERENO_SHARE"] = str(empty)
            twin.start()
            self.assertEqual(twin.post(b'{"message":"kept"}')[0], 200)
            until("a word of it", lambda: b"rules.blind" in twin.log.read_bytes())
            state, says = self.one(self.look(data=twin.data), "rules")
            self.assertEqual((state, "no rule can match" in says), ("bad", True))
            # A description of the city's own is enough.
            (twin.data / "sources").mkdir(exist_ok=True)
            self.assertEqual(self.one(self.look(data=twin.data), "rules")[0], "bad")
            (twin.data / "sources" / "own.yml").write_text("name: own\n")
            self.assertEqual(self.one(self.look(data=twin.data), "rules")[0], "ok")
        finally:
            os.environ.pop("SERENO_SHARE", None)
            twin.remove()

    def test_a_small_disk_and_few_files(self):
        if os.geteuid() != 0:
            self.skipTest("only root can mount")
        done = subprocess.run(["unshare", "-m", "sh", "-c",
                               'mount -t tmpfs -o size=1m none "$1" && exec "$2" doctor --data "$1" --json $3',
                               "sh", str(self.node.folder / "rules"), PROGRAM, " ".join(self.weaker)], capture_output=True, text=True)
        if "mount" in done.stderr or "unshare" in done.stderr:
            self.skipTest("nothing can be mounted here")
        disk = [line for line in json.loads(done.stdout)["lines"] if line["check"] == "disk"]
        self.assertEqual(([line["state"] for line in disk], done.returncode), (["bad"], 2))
        done = subprocess.run([PROGRAM, "doctor", "--data", str(self.node.folder / "rules"), "--json", *self.weaker], capture_output=True, text=True,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        files = [line for line in json.loads(done.stdout)["lines"] if line["check"] == "files"]
        self.assertEqual([(line["state"], line["says"]) for line in files], [("warn", "a process may have 64 open")])

    def test_refusals(self):
        code, text, said = sereno("doctor", "--data", self.node.folder / "not there")
        self.assertEqual((code, text), (2, ""))
        self.assertIn("no data of a node", said)
        self.assertEqual(sereno("doctor", "--no-such")[0], 2)
        broken = self.node.folder / "broken.yml"
        broken.write_text("no-such-key: 1\n")
        code, text, said = sereno("doctor", "--data", self.node.data, "--config", broken)
        self.assertEqual((code, text), (2, ""))
        self.assertIn("broken.yml:1", said)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: test_doctor.py PROGRAM [unittest options]")
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
