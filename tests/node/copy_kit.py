# SPDX-License-Identifier: EUPL-1.2
"""What the tests of the second copy share: an archive of some days ago, and what doctor, metrics and export say."""
import datetime
import http.client
import importlib.util
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import threading
import types
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from faults import Faults  # noqa: E402
from node import Node, TOKEN, extra_options, free_port, until  # noqa: E402,F401

spec = importlib.util.spec_from_file_location("api_node", pathlib.Path(__file__).parents[1] / "api" / "node.py")
api_node = importlib.util.module_from_spec(spec)
spec.loader.exec_module(api_node)

PROGRAM = OLD = FAULTS = None
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
            token = until("the set-up link", lambda: re.findall(rb"/setup\?token=([0-9a-f]+)", self.node.log.read_bytes()))[-1].decode()
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


    # ---- what comes late ----

    def is_copied(self, day):
        db = sqlite3.connect(f"file:{self.node.data}/records.db?mode=ro", uri=True, timeout=30)
        try:
            return db.execute("SELECT count(*) FROM day_copy WHERE day = ?", ((day - datetime.date(1970, 1, 1)).days,)).fetchone()[0] == 1
        finally:
            db.close()

    def everything(self, data):
        done = subprocess.run([PROGRAM, "export", "--data", str(data), *self.weaker], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        return sorted((r["day"], r["block"], r["index"], r["original"]) for r in map(json.loads, done.stdout.splitlines()))

    def kept(self, text):
        self.assertEqual(self.node.post(json.dumps({"message": text}).encode() + b"\n")[0], 200)

    def late_additions(self, copy, restore):
        """After a day was copied the clock is set back into it; windows that a full disk held come after their day. restore makes a
        folder of the copy: every record is in it, and the day's file is the one that was copied."""
        self.node.program = FAULTS
        page = Faults(self.node.folder / "faults", 1)
        os.environ["SERENO_FAULTS"] = str(page.path)
        self.addCleanup(os.environ.pop, "SERENO_FAULTS", None)
        now = datetime.datetime.now(datetime.timezone.utc)
        today = now.date()
        noon = int((now.replace(hour=12, minute=0, second=0, microsecond=0) - now).total_seconds())

        def clock(days):
            page.set("clock_s", noon + days * 86400)

        clock(0)
        self.begin(copy)
        self.kept("on its own day")
        until("the days of before to be copied", lambda: all(self.is_copied(datetime.date.fromisoformat(day)) for day in self.days))
        clock(1)  # nothing comes on this day
        until("the day that is over to be copied", lambda: self.is_copied(today))
        clock(0)
        self.kept("the clock was set back over midnight")
        clock(1)
        page.set("full", 1)
        failed = page.get("failed")
        held = threading.Thread(target=self.kept, args=("held by a full disk",))
        held.start()
        until("a write that finds no space", lambda: page.get("failed") > failed)
        clock(2)
        page.set("full", 0)
        held.join()
        until("the second day to be copied", lambda: self.is_copied(today + datetime.timedelta(days=1)))
        self.kept("the day after")
        clock(3)
        until("the third day to be copied", lambda: self.is_copied(today + datetime.timedelta(days=2)))
        self.assertEqual(self.node.stop(), 0)
        want = self.everything(self.node.data)
        self.assertEqual([text for row in want if "message" in (text := row[3])],
                         [json.dumps({"message": text}) for text in ("on its own day", "the clock was set back over midnight", "held by a full disk", "the day after")])
        place = self.node.folder / "late"
        code, text, said = restore(place)
        self.assertEqual(code, 0, text + said)
        self.assertEqual(self.everything(place), want)


def main(name):
    global PROGRAM, OLD, FAULTS
    if len(sys.argv) < 4:
        sys.exit(f"usage: {name} PROGRAM OLD_ARCHIVE PROGRAM-WITH-FAULTS [unittest options]")
    PROGRAM, OLD, FAULTS = (os.path.abspath(sys.argv.pop(1)) for _ in range(3))
    unittest.main(verbosity=2)
