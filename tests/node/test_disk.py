#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A node on a file system that is really full, of space or of inodes, or that cannot be written at all: a small tmpfs in a mount
namespace of the test's own. test_pressure.py asks the same of a disk that pretends; this one has the kernel's own answers, for
records, seals and temporary files too.

usage: tests/node/test_disk.py PROGRAM [-k WORD]
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import LIMIT_S, Node, extra_options, until  # noqa: E402
from test_crash import Poster  # noqa: E402

PROGRAM = ""
SKIPPED = 77
SIZE = 48 << 20
ROLES = ("keeper", "intake", "correlator", "hunter", "desk", "courier")


def mount(*words):
    subprocess.run(["mount", *words], check=True, timeout=60)


def own_namespace():
    """Runs this test again where its mounts are its own; status 77 where the kernel does not let it."""
    tried = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True)
    if tried.returncode != 0:
        print("skipped: no mount namespace of its own: " + tried.stderr.strip())
        sys.exit(SKIPPED)
    os.environ["SERENO_TEST_MOUNTS"] = "own"
    os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])


class Disk(unittest.TestCase):
    def setUp(self):
        self.node = Node(PROGRAM, intakes=1)
        self.node.data.mkdir()
        mount("-t", "tmpfs", "-o", f"size={SIZE},nr_inodes=400,mode=0700", "none", str(self.node.data))
        self.stop = threading.Event()

    def tearDown(self):
        self.stop.set()
        if self.node.process is not None and self.node.process.poll() is None:
            self.node.kill()
        subprocess.run(["umount", "--lazy", str(self.node.data)], check=True, timeout=60)
        self.node.remove()

    def pids(self):
        return {role: sorted(self.node.role_pids(role)) for role in ROLES}

    def posts(self, text):
        return self.node.post(b'{"message":"%s"}\n' % text.encode())[0]

    def not_taken(self):
        """Whether it does not ack what does not shrink: it waits for the disk, or says that it has too much waiting. False: it
        took that, into room that its own files had left."""
        return self.node.post(b'{"message":"%s"}\n' % os.urandom(1 << 15).hex()[:60000].encode(), "-m", "3")[0] in (0, 429, 503)

    def ballast(self):
        """Takes what space is left, to the last byte."""
        with open(self.node.data / "ballast", "wb", buffering=0) as f:
            try:
                while f.write(os.urandom(1 << 16)):
                    pass
            except OSError:
                pass
        self.assertLess(shutil.disk_usage(self.node.data).free, 4096)

    def waits_and_recovers(self, make_room):
        roles = self.pids()
        until("a post that is not acked", self.not_taken)
        self.assertEqual(self.pids(), roles, self.node.log.read_text(errors="replace")[-3000:])
        page = subprocess.run(["curl", "-s", "-m", "30", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{self.node.desk}/"],
                              capture_output=True, text=True, timeout=60)
        self.assertIn(page.stdout, ("200", "302", "303"))
        make_room()
        until("posts to be taken again", lambda: self.posts("there is room") == 200)
        until("what was taken to be kept", lambda: self.node.having("there is room"))
        self.assertEqual(self.pids(), roles)

    def told_once(self):
        """What fails again each second is said when it begins and when it is over (and each hour): never twice in a row."""
        log = self.node.log.read_text(errors="replace")
        for events in ("seal.head", "archive.stuck|archive.unstuck"):
            levels = re.findall(rf"^\S+ (\w+) +keeper (?:{events}) ", log, re.M)
            self.assertNotIn(("error", "error"), list(zip(levels, levels[1:])), log[-3000:])
        self.assertIn("archive.unstuck", log)

    def kept_what_was_acked(self, poster):
        self.stop.set()
        poster.join(LIMIT_S)
        self.assertFalse(poster.is_alive())
        self.assertEqual(self.node.stop(), 0)
        kept = {record[3] for record in self.node.records()}
        self.assertEqual([line for line in poster.acked if line not in kept], [])
        done = subprocess.run([PROGRAM, "verify", "--data", str(self.node.data)], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_no_space_and_space_again(self):
        self.node.start()
        poster = Poster(self.node.http, "full", self.stop)
        poster.start()
        until("posts before", lambda: len(poster.acked) > 200)
        for _ in range(3):
            self.ballast()
            self.waits_and_recovers(lambda: (self.node.data / "ballast").unlink())
            before = len(poster.acked)
            until("posts after", lambda before=before: len(poster.acked) > before + 100)
        self.told_once()
        self.kept_what_was_acked(poster)

    def test_it_begins_on_a_full_disk(self):
        """Restarted while there is no room, it waits for it or ends with words; with room it goes on with all it had."""
        self.node.start()
        poster = Poster(self.node.http, "before", self.stop)
        poster.start()
        until("posts before", lambda: len(poster.acked) > 200)
        self.stop.set()
        poster.join(LIMIT_S)
        self.assertEqual(self.node.stop(), 0)
        self.ballast()
        mark = len(self.node.log.read_bytes())
        with open(self.node.log, "ab") as log:
            self.node.process = subprocess.Popen([PROGRAM, "serve", "--config", str(self.node.config), "--data", str(self.node.data),
                                                  *extra_options()], stdout=log, stderr=log, start_new_session=True)
        until("it to run or to end", lambda: self.ended() or self.node.healthy())
        (self.node.data / "ballast").unlink()
        until("posts to be taken, or the end", lambda: self.ended() or self.posts("there is room") == 200)
        if self.ended():
            self.assertRegex(self.node.log.read_bytes()[mark:].decode(errors="replace"), r"(?i)no space left|disk is full")
            self.node.log_mark = len(self.node.log.read_bytes())
            self.node.start()
            self.assertEqual(self.posts("there is room"), 200)
        self.kept_what_was_acked(poster)

    def ended(self):
        return self.node.process.poll() is not None

    def test_a_disk_that_cannot_be_written(self):
        """It does not begin, names the folder and says what is wrong."""
        mount("-o", "remount,ro", str(self.node.data))
        done = subprocess.run([PROGRAM, "serve", "--config", str(self.node.config), "--data", str(self.node.data), *extra_options()],
                              capture_output=True, text=True, timeout=LIMIT_S)
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(re.search(re.escape(str(self.node.data)) + r".*(Read-only|cannot be written)", done.stderr), done.stderr)


if __name__ == "__main__":
    if os.environ.get("SERENO_TEST_MOUNTS") != "own":
        own_namespace()
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
