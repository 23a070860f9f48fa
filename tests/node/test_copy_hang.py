#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The second copy on a disk that stops answering (hang_fs.py): given up and told, while the watch goes on; taken up again by itself.

usage: tests/node/test_copy_hang.py PROGRAM OLD_ARCHIVE PROGRAM-WITH-FAULTS [-k WORD]"""
import ctypes
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import copy_kit  # noqa: E402
from copy_kit import DAYS, until  # noqa: E402
from processes import wait_gone  # noqa: E402

CLONE_NEWNS, MS_REC, MS_PRIVATE, MNT_DETACH = 0x20000, 1 << 14, 1 << 18, 2


def own_mounts():
    """Mounts of ours are seen by us and our children alone, and end with us."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.unshare(CLONE_NEWNS) == 0 and libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0


class Disk:
    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen([sys.executable, str(pathlib.Path(__file__).parent / "hang_fs.py"), str(folder)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
        self.mounted = self.process.stdout.readline() == "mounted\n"

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        while self.process.stdout.readline() not in ("done\n", ""):
            pass

    def wait_held(self):
        return self.process.stdout.readline().split()[1:]

    def end(self):
        """The server is gone for good: the kernel lets everybody go, with an error."""
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(60)
            ctypes.CDLL(None).umount2(os.fsencode(self.folder), MNT_DETACH)


class CopyHang(copy_kit.CopyCase):
    def setUp(self):
        super().setUp()
        self.target.mkdir()
        self.disk = Disk(self.target)
        if not self.disk.mounted:
            self.skipTest("FUSE cannot be mounted here: " + self.disk.process.stderr.read().splitlines()[-1])
        self.addCleanup(self.disk.end)

    def begin_hanging(self, what):
        self.disk.tell("hang " + what)
        self.begin(f"{{folder: {self.target}, give_up_after: 5}}")
        self.assertEqual(self.disk.wait_held(), [what])

    def watch_goes_on(self, word):
        (keeper,) = self.node.role_pids("keeper")
        self.assertEqual(self.node.post(f"{word} one\n".encode())[0], 200)
        self.said("does not answer")  # longer than super waits for a role that does not answer
        self.assertEqual(self.node.post(f"{word} two\n".encode())[0], 200)
        self.assertEqual(len(self.node.having(word)), 2)
        told = self.second_copy()
        self.assertEqual((told["state"], self.metric("failing")), ("fails", "1"))
        self.assertIn("does not answer", told["why"])
        self.assertEqual(self.node.role_pids("keeper"), [keeper])
        self.assertNotIn(b"role.hangs", self.node.log.read_bytes())

    def hangs(self, what):
        self.begin_hanging(what)
        self.watch_goes_on("during-" + what)
        self.disk.tell("go")
        until("the records to know", lambda: self.doctor()[0] == "ok" and f"{DAYS} days lie there" in self.doctor()[1])
        self.assertEqual(self.names(), [f"sereno-{day}.copy" for day in self.days])
        self.assertEqual(self.node.stop(), 0)

    def test_folder(self):
        self.hangs("opendir")

    def test_create(self):
        self.hangs("create")

    def test_write(self):
        self.hangs("write")

    def test_sync(self):
        self.hangs("fsync")

    def test_close(self):
        self.hangs("flush")

    def test_read(self):
        self.hangs("read")

    def test_stopped_meanwhile(self):
        """The node ends though one of its threads is in the kernel for good; what is left of it ends with the disk."""
        self.begin_hanging("write")
        self.watch_goes_on("before-the-end")
        self.assertEqual(self.node.stop(), 1)
        self.assertIn(b"role.stuck role=keeper", self.node.log.read_bytes())
        self.disk.end()
        wait_gone(self.node.process.pid)
        self.assertEqual(len(self.node.having("before-the-end")), 2)


if __name__ == "__main__":
    if os.geteuid() != 0 or not own_mounts():
        print("skipped: only root, with mounts of its own, can have a disk that hangs")
        sys.exit(77)
    copy_kit.main("test_copy_hang.py")
