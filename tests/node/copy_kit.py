# SPDX-License-Identifier: EUPL-1.2
"""What the tests of the second copy share: an archive of some days ago, and what doctor, metrics and export say."""
import datetime
import http.client
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import types
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, TOKEN, extra_options, free_port, until  # noqa: E402,F401

spec = importlib.util.spec_from_file_location("api_node", pathlib.Path(__file__).parents[1] / "api" / "node.py")
api_node = importlib.util.module_from_spec(spec)
spec.loader.exec_module(api_node)

PROGRAM = OLD = None
DAYS = 3


def sereno(*args, stdin=None):
    done = subprocess.run([PROGRAM, *map(str, args)], input=stdin, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


class CopyCase(unittest.TestCase):
    """A node with an archive of some days ago."""
    windows = 1
    browser = None

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
        subprocess.run([OLD, self.archive, str((first - datetime.date(1970, 1, 1)).days), str(DAYS), str(self.windows)], check=True)

    def begin(self, copy, key=True):
        self.configure(copy)
        self.node.start()
        if key:
            self.make_key()

    def configure(self, copy):
        text = "".join(line for line in self.node.config.read_text().splitlines(True) if not line.startswith("copy:"))
        self.node.config.write_text(text + f"copy: {copy}\n")

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

    def second_copy(self):
        """What an administrator reads of it over the API."""
        if self.browser is None:
            self.browser = api_node.Browser(types.SimpleNamespace(port=self.node.desk))
            token = re.findall(rb"/setup\?token=([0-9a-f]+)", self.node.log.read_bytes())[-1].decode()
            self.assertEqual(self.browser.setup(token, "Anna", "a long sentence that nobody guesses").status, 303)
        answer = self.browser.get("/api/v1/copy")
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json()

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
        try:
            until("all days to be copied", lambda: self.names(folder) == want)
        except AssertionError as e:
            raise AssertionError(f"{e}; the doctor says {self.doctor()}") from None
        until("the records to know", lambda: self.doctor()[0] == "ok" and f"{DAYS} days lie there" in self.doctor()[1])

    def said(self, *words):
        """Waits until the doctor says so, and not ok."""
        def look():
            state, says = self.doctor()
            return state != "ok" and all(word in says for word in words) and (state, says)
        try:
            return until(f"the doctor to say {words}", look)
        except AssertionError as e:
            raise AssertionError(f"{e}; it says {self.doctor()}") from None

    def public_key(self, data):
        code, text, said = sereno("verify", "--data", data, "--json", *self.weaker)
        self.assertEqual(code, 0, text + said)
        return json.loads(text.splitlines()[-1])["seal_key"]

    def exported(self, data):
        done = subprocess.run([PROGRAM, "export", "--data", str(data), *self.weaker], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return sorted((r["day"], r["block"], r["index"], r["original"]) for r in rows if r["day"] in self.days)


def main(name):
    global PROGRAM, OLD
    if len(sys.argv) < 3:
        sys.exit(f"usage: {name} PROGRAM OLD_ARCHIVE [unittest options]")
    PROGRAM, OLD = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
