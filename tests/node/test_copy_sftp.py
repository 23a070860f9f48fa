#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The second copy on an SFTP server (OpenSSH's own): copied, refused, killed in the middle, restored onto an empty machine.

usage: tests/node/test_copy_sftp.py PROGRAM OLD_ARCHIVE PROGRAM-WITH-FAULTS [-k WORD]"""
import getpass
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import copy_kit  # noqa: E402
from copy_gate import Gate  # noqa: E402
from copy_kit import DAYS, free_port, sereno, until  # noqa: E402

SSHD = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")


class Sshd:
    """OpenSSH's server for SFTP alone, by somebody who is not root, with keys of its own."""

    def __init__(self, disk=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sshd-test-"))
        self.files = self.folder / "files"
        self.files.mkdir()
        self.root = os.geteuid() == 0
        self.user = "nobody" if self.root else getpass.getuser()
        self.port, self.disk, self.process = free_port(), disk, None
        self.keys = {name: self.new_key(name) for name in ("host", "other-host", "ours", "foreign")}
        self.admit("ours")
        (self.folder / "config").write_text(f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.folder}/host
PidFile none
UsePAM yes
StrictModes no
AuthorizedKeysFile {self.folder}/admitted
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
""")
        if self.root:
            for path in [self.folder, *self.folder.iterdir()]:
                shutil.chown(path, self.user)
        self.folder.chmod(0o755)

    def new_key(self, name):
        path = self.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
        return path

    def pin(self, name="host"):
        out = subprocess.run(["ssh-keygen", "-l", "-E", "sha256", "-f", str(self.keys[name]) + ".pub"], capture_output=True, text=True, check=True)
        return out.stdout.split()[1]

    def admit(self, name):
        (self.folder / "admitted").write_text(self.keys[name].with_suffix(".pub").read_text())

    def start(self):
        argv = [SSHD, "-D", "-e", "-f", str(self.folder / "config")]
        if self.disk is not None:  # root only: a small disk that nobody else sees
            script = (f'mount -t tmpfs -o size={self.disk},uid=$(id -u {self.user}),mode=0700 none "{self.files}" && '
                      f'exec setpriv --reuid={self.user} --regid=nogroup --clear-groups "$@"')
            argv = ["unshare", "-m", "sh", "-c", script, "sh", *argv]
        log = open(self.folder.with_suffix(".log"), "ab")
        extra = {"user": self.user, "group": "nogroup", "extra_groups": []} if self.root and self.disk is None else {}
        self.process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True, **extra)
        log.close()
        until("sshd to listen, log: " + self.log(), self.listens)
        return self

    def log(self):
        return self.folder.with_suffix(".log").read_text(errors="replace")[-2000:]

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError("sshd ended:\n" + self.log())
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait(60)
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)
        self.folder.with_suffix(".log").unlink(missing_ok=True)


@unittest.skipIf(SSHD is None, "openssh-server is not installed")
class CopySftp(copy_kit.CopyCase):
    def serve(self, **options):
        self.server = Sshd(**options)
        self.addCleanup(self.server.remove)
        self.server.start()
        self.gate = Gate(self.server.port)
        self.addCleanup(self.gate.close)

    def url(self):
        return f"sftp://{self.server.user}@127.0.0.1:{self.gate.port}{self.server.files}"

    def place(self, pins="host", key="ours", allow="allow: [127.0.0.0/8]"):
        return f"{{url: '{self.url()}', host_key: '{self.server.pin(pins)}', key_file: {self.server.keys[key]}, {allow}}}"

    def there(self):
        return sorted(os.listdir(self.server.files))

    def spool(self):
        folder = self.node.data / "copy"
        return sorted(os.listdir(folder)) if folder.exists() else []

    def reload(self, copy):
        self.configure(copy)
        self.node.process.send_signal(signal.SIGHUP)

    def restore(self, *args, pin="host", key="ours"):
        return sereno("restore", "--copy", self.url(), "--copy-key", self.server.keys[key], "--host-key", self.server.pin(pin),
                      "--key-file", self.key, *args, *self.weaker)

    def test_copied_and_restored(self):
        self.serve()
        self.begin(self.place())
        self.wait_for_all(self.server.files)
        until("the metrics", lambda: self.metric("days") == str(DAYS))
        self.assertEqual((self.metric("wanted"), self.metric("waiting_days"), self.metric("failing")), ("1", "0", "0"))
        self.assertEqual(int(self.metric("bytes")), sum((self.server.files / name).stat().st_size for name in self.there()))
        self.assertEqual(self.spool(), [])
        for name in self.there():
            content = (self.server.files / name).read_bytes()
            self.assertNotIn(b"of day", content)
        log = self.node.log.read_bytes()
        secret = self.server.keys["ours"].read_bytes().splitlines()[1]
        self.assertNotIn(secret, log)
        self.assertEqual(self.node.stop(), 0)
        want = self.exported(self.node.data)
        self.assertEqual(len(want), DAYS * 200 * self.windows)
        place = self.node.folder / "restored"
        code, text, said = self.restore("--data", place)
        self.assertEqual(code, 0, said)
        self.assertEqual(sorted(os.listdir(place / "archive")), [f"{day}.db" for day in self.days] + ["seals.jsonl"])
        self.assertEqual(self.exported(place), want)
        public = self.public_key(self.node.data)
        self.assertIn(f"signed by the key {public}", text)
        self.verify_finds()
        self.refuse_to_restore()

    def verified(self, *more):
        code, text, said = sereno("verify", "--copy", self.url(), "--copy-key", self.server.keys["ours"], "--host-key", self.server.pin(),
                                  "--data", self.node.data, "--json", *more, *self.weaker)
        self.assertTrue(text, said)
        told = json.loads(text)
        self.assertEqual(code, 1 if told["faults"] else 0, text + said)
        return told

    def verify_finds(self):
        for more in ((), ("--full",)):
            told = self.verified(*more)
            self.assertEqual((told["days"], told["known"], told["faults"]), (DAYS, DAYS, 0), told)
        path = self.server.files / self.there()[0]
        whole = path.read_bytes()
        for said, content in {"is missing there": None, "too short": whole[:-5000] + whole[-128:], "ends too early": b""}.items():
            path.unlink() if content is None else path.write_bytes(content)
            told = self.verified()
            self.assertEqual(told["faults"], 1, told)
            self.assertIn(said, told["list"][0])
            path.write_bytes(whole)

    def refuse_to_restore(self):
        code, _, said = self.restore("--verify", pin="other-host")
        self.assertEqual(code, 1)
        self.assertIn("which host_key does not name", said)
        code, _, said = self.restore("--verify", key="foreign")
        self.assertEqual(code, 1)
        self.assertIn("does not take the key", said)
        self.assertEqual(self.restore("--verify")[0], 0)
        damaged = self.server.files / self.there()[1]
        content = bytearray(damaged.read_bytes())
        content[len(content) // 2] ^= 1
        damaged.write_bytes(content)
        code, _, said = self.restore("--verify")
        self.assertEqual(code, 1)
        self.assertIn(damaged.name, said)

    def test_refused_and_tried_again(self):
        self.serve()
        self.begin(self.place(allow="allow: [10.0.0.0/8]"))
        self.said("is not public")
        self.assertEqual(self.gate.passed, 0)
        self.reload(self.place(pins="other-host"))
        self.said(f"the host key {self.server.pin()}", "may be another machine")
        self.assertEqual(self.there(), [])
        self.reload(self.place(key="foreign"))
        self.said("does not take the key of key_file")
        self.server.keys["bad"] = self.server.folder / "bad"
        self.server.keys["bad"].write_text("no key at all\n")
        self.reload(self.place(key="bad"))
        self.said("no private key that can be read")
        self.server.stop()
        self.reload(self.place())
        self.said("fails for", "127.0.0.1")
        self.server.start()
        first = self.server.files / f"sereno-{self.days[0]}.copy"
        first.write_bytes(b"somebody's own\n")
        first.chmod(0o644)
        self.reload(self.place())
        self.said("not this node's whole copy", "is not written over")
        self.assertEqual(self.metric("failing"), "1")
        self.assertEqual((self.there(), first.read_bytes()), ([first.name], b"somebody's own\n"))
        first.unlink()
        part = self.server.files / f".{first.name}.part"  # of a try that did not end, and not ours
        part.write_bytes(b"x" * 3000)
        part.chmod(0o666)
        self.reload(self.place())
        self.wait_for_all(self.server.files)
        self.assertEqual(self.metric("failing"), "0")
        self.assertEqual(self.node.stop(), 0)
        self.assertEqual(self.restore("--verify")[0], 0)

    def test_what_comes_late(self):
        self.serve()
        self.late_additions(self.place(), lambda place: self.restore("--data", place))

    def test_records_that_forgot(self):
        """A node that died between bringing a day and noting it: what lies there is fetched, looked at, and taken."""
        self.serve()
        self.begin(self.place())
        self.wait_for_all(self.server.files)
        self.assertEqual(self.node.stop(), 0)
        before = {name: (self.server.files / name).read_bytes() for name in self.there()}
        subprocess.run(["sqlite3", str(self.node.data / "records.db"), "DELETE FROM day_copy"], check=True)
        self.node.start()
        self.wait_for_all(self.server.files)
        self.assertEqual(before, {name: (self.server.files / name).read_bytes() for name in self.there()})
        self.assertEqual(self.spool(), [])
        self.assertEqual(self.node.stop(), 0)

    def test_a_full_disk(self):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode != 0:
            self.skipTest("nothing can be mounted here")
        self.serve(disk="8k")
        self.begin(self.place())
        self.said("is there room?")
        inside = f"/proc/{self.server.process.pid}/root{self.server.files}"
        whole = [name for name in os.listdir(inside) if not name.startswith(".")]
        self.assertLess(len(whole), DAYS)
        subprocess.run(["nsenter", "-t", str(self.server.process.pid), "-m", "mount", "-o", "remount,size=16m", str(self.server.files)], check=True)
        self.reload(self.place())
        self.wait_for_all(inside)
        self.assertEqual(self.node.stop(), 0)


@unittest.skipIf(SSHD is None, "openssh-server is not installed")
class CopySftpKilled(CopySftp):
    """Whoever dies in the middle: no half of a file has the name of a whole one, nothing is packed twice, and it is gone on with."""
    windows = 200  # some 880 KB a day, encrypted
    test_copied_and_restored = test_refused_and_tried_again = test_records_that_forgot = test_a_full_disk = test_what_comes_late = None

    def hold_in_the_middle(self, day):
        name = f"sereno-{day}.copy"
        part = self.server.files / f".{name}.part"
        until("the middle of an upload", lambda: self.gate.held and part.exists() and part.stat().st_size > 0)
        self.assertFalse((self.server.files / name).exists())
        self.assertEqual(self.spool(), [name])
        packed = (self.node.data / "copy" / name).read_bytes()
        self.assertLess(part.stat().st_size, len(packed))
        return self.server.files / name, packed

    def gone_on_with(self, whole, packed):
        until("the rest", whole.exists)
        self.assertEqual(whole.read_bytes(), packed)

    def kill(self, role):
        (pid,) = self.node.role_pids(role)
        os.kill(pid, signal.SIGKILL)
        until(f"another {role}", lambda: self.node.role_pids(role) not in ([], [pid]))

    def check_courier(self, name):
        """All that the courier has of the node's files, beside its own TLS key: this encrypted day and the key, neither to be written."""
        (pid,) = self.node.role_pids("courier")
        files = {}
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                path = os.readlink(f"/proc/{pid}/fd/{fd}")
                flags = pathlib.Path(f"/proc/{pid}/fdinfo/{fd}").read_text().split("flags:")[1].split()[0]
            except FileNotFoundError:
                continue
            if path.startswith((str(self.node.folder), str(self.server.folder))) and path not in (str(self.node.log), str(self.node.data / "keys" / "node.tls.key")):
                files[path] = int(flags, 8) & os.O_ACCMODE
        self.assertEqual(files, {str(self.node.data / "copy" / name): os.O_RDONLY, str(self.server.keys["ours"]): os.O_RDONLY})

    def test_killed(self):
        self.serve()
        self.gate.hold_after(400000)
        self.begin(self.place())
        whole, packed = self.hold_in_the_middle(self.days[0])
        self.check_courier(whole.name)
        self.kill("courier")
        until("the doctor to tell", lambda: "courier ended on its way" in self.doctor()[1])
        self.gate.cut()
        self.assertFalse(whole.exists())
        left = len(packed) - (self.server.files / f".{whole.name}.part").stat().st_size
        self.gate.hold_after(left + 300000)  # and the middle of the second day: more than that is not sent of the first
        self.gone_on_with(whole, packed)
        whole, packed = self.hold_in_the_middle(self.days[1])
        self.kill("keeper")
        self.gate.open()
        self.gone_on_with(whole, packed)
        self.wait_for_all(self.server.files)
        self.assertEqual(self.spool(), [])
        self.assertEqual(self.node.stop(), 0)
        self.assertEqual(self.restore("--verify")[0], 0)

    def test_node_and_server_gone(self):
        self.serve()
        self.gate.hold_after(400000)
        self.begin(self.place())
        whole, packed = self.hold_in_the_middle(self.days[0])
        self.node.kill()
        self.gate.cut()
        self.gate.hold_after(200000)
        self.node.start()
        until("the rest to be on its way", lambda: self.gate.held)
        self.server.stop()  # now the server goes away
        self.gate.cut()
        self.said("fails for")
        self.assertFalse(whole.exists())
        self.gate.open()
        self.server.start()
        self.reload(self.place())
        self.gone_on_with(whole, packed)
        self.wait_for_all(self.server.files)
        self.assertEqual(self.node.stop(), 0)

    def test_stopped(self):
        """A node that is stopped in the middle ends at once, and well."""
        self.serve()
        self.gate.hold_after(400000)
        self.begin(self.place())
        whole, packed = self.hold_in_the_middle(self.days[0])
        self.assertEqual(self.node.stop(), 0)
        self.assertNotIn(b"role.killed", self.node.log.read_bytes())
        self.assertNotIn(b"Aborted", self.node.log.read_bytes())
        self.gate.open()
        self.gate.cut()
        self.node.start()
        self.gone_on_with(whole, packed)
        self.wait_for_all(self.server.files)
        self.assertEqual(self.node.stop(), 0)


if __name__ == "__main__":
    copy_kit.main("test_copy_sftp.py")
