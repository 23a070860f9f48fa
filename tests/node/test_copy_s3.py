#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The second copy in S3-compatible storage (moto's server, which checks signatures): copied, refused, killed in the middle, restored.

usage: tests/node/test_copy_s3.py PROGRAM OLD_ARCHIVE PROGRAM-WITH-FAULTS [-k WORD]"""
import http.client
import json
import importlib.util
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import copy_kit  # noqa: E402
from copy_gate import Gate  # noqa: E402
from copy_kit import DAYS, free_port, sereno, until  # noqa: E402

HAS_MOTO = all(importlib.util.find_spec(name) is not None for name in ("moto", "flask", "botocore"))
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'


class Storage:
    """moto's server with one user, whose signatures it checks from then on."""

    def __init__(self, checked=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="s3-test-"))
        self.port, self.checked, self.process = free_port(), checked, None
        self.keys = {name: self.folder / name for name in ("ours", "foreign", "bad")}

    def start(self):
        env = dict(os.environ, INITIAL_NO_AUTH_ACTION_COUNT="3" if self.checked else "inf", PYTHONDONTWRITEBYTECODE="1")
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen([sys.executable, "-c", "import sys; from moto.server import main; main(sys.argv[1:])", "-H", "127.0.0.1", "-p", str(self.port)],
                                        env=env, stdout=log, stderr=log, start_new_session=True)
        log.close()
        until("the storage to listen: " + str(self.folder / "log"), self.listens)
        self.iam("CreateUser")
        made = self.iam("CreateAccessKey")
        self.iam("PutUserPolicy", PolicyName="p", PolicyDocument=POLICY)
        self.id, self.secret = (re.search(f"<{tag}>(.*?)<", made).group(1) for tag in ("AccessKeyId", "SecretAccessKey"))
        self.keys["ours"].write_text(f"{self.id}\n{self.secret}\n")
        self.keys["foreign"].write_text(f"{self.id}\n{'x' * 40}\n")
        self.keys["bad"].write_text("only one line\n")
        self.request("PUT", "/bucket")
        return self

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError("the storage ended:\n" + (self.folder / "log").read_text(errors="replace")[-2000:])
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        except OSError:
            return False

    def iam(self, action, **more):
        body = urllib.parse.urlencode({"Action": action, "UserName": "u", "Version": "2010-05-08", **more})
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request("POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded", "Authorization":
                                      "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x"})
        answer = c.getresponse()
        text = answer.read().decode()
        c.close()
        assert answer.status == 200, text
        return text

    def request(self, method, path, body=b""):
        """Signed by botocore, not by what is tested."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        r = AWSRequest(method=method, url=f"http://127.0.0.1:{self.port}{path}", data=body)
        S3SigV4Auth(Credentials(self.id, self.secret), "s3", "us-east-1").add_auth(r)
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request(method, path, body, dict(r.headers.items()))
        answer = c.getresponse()
        content = answer.read()
        headers = dict(answer.getheaders())
        c.close()
        assert answer.status in (200, 204), (answer.status, content)
        return content, {name.lower(): value for name, value in headers.items()}

    def names(self):
        return sorted(re.findall("<Key>(.*?)</Key>", self.request("GET", "/bucket?list-type=2")[0].decode()))

    def content(self, name):
        return self.request("GET", f"/bucket/{name}")[0]

    def stop(self):
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(60)
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)


class CopyS3(copy_kit.CopyCase):
    prefix = ""

    def serve(self, checked=True):
        self.server = Storage(checked)
        self.addCleanup(self.server.remove)
        self.server.start()
        self.gate = Gate(self.server.port)
        self.addCleanup(self.gate.close)

    def place(self, key="ours", allow="allow: [127.0.0.0/8]", more=""):
        return (f"{{url: 's3://bucket{self.prefix}', endpoint: 'http://127.0.0.1:{self.gate.port}', key_file: {self.server.keys[key]}, "
                f"{allow}{more}}}")

    def reload(self, copy):
        self.configure(copy)
        self.node.process.send_signal(signal.SIGHUP)

    def wanted(self):
        return [f"{self.prefix[1:]}{'/' if self.prefix else ''}sereno-{day}.copy" for day in self.days]

    def wait_for_days(self):
        until("the records to know", lambda: self.doctor()[0] == "ok" and f"{DAYS} days lie there" in self.doctor()[1])
        self.assertEqual([name for name in self.server.names() if name.endswith(".copy")], self.wanted())
        self.assertEqual(self.spool(), [])

    def spool(self):
        folder = self.node.data / "copy"
        return sorted(os.listdir(folder)) if folder.exists() else []

    def restore(self, *args, key="ours"):
        return sereno("restore", "--copy", f"s3://bucket{self.prefix}", "--endpoint", f"http://127.0.0.1:{self.gate.port}",
                      "--copy-key", self.server.keys[key], "--key-file", self.key, *args, *self.weaker)

    def verified(self, *more, key="ours"):
        code, text, said = sereno("verify", "--copy", f"s3://bucket{self.prefix}", "--endpoint", f"http://127.0.0.1:{self.gate.port}",
                                  "--copy-key", self.server.keys[key], "--data", self.node.data, "--json", *more, *self.weaker)
        self.assertTrue(text, said)
        told = json.loads(text)
        self.assertEqual(code, 1 if told["faults"] else 0, text + said)
        return told

    def check_restored(self):
        for more in ((), ("--full",)):
            told = self.verified(*more)
            self.assertEqual((told["days"], told["known"], told["faults"]), (DAYS, DAYS, 0), told)
        want = self.exported(self.node.data)
        self.assertEqual(len(want), DAYS * 200 * self.windows)
        place = self.node.folder / "restored"
        code, text, said = self.restore("--data", place)
        self.assertEqual(code, 0, said)
        self.assertEqual(sorted(os.listdir(place / "archive")), [f"{day}.db" for day in self.days] + ["seals.jsonl"])
        self.assertEqual(self.exported(place), want)
        self.assertIn(f"signed by the key {self.public_key(self.node.data)}", text)

    def test_copied_and_restored(self):
        self.serve()
        self.begin(self.place())
        self.wait_for_days()
        self.assertEqual((self.metric("days"), self.metric("failing")), (str(DAYS), "0"))
        before = {name: self.server.content(name) for name in self.server.names()}
        self.assertEqual(list(before), self.wanted())
        for content in before.values():
            self.assertNotIn(b"of day", content)
        self.assertNotIn(self.server.secret.encode(), self.node.log.read_bytes())
        self.assertEqual(self.node.stop(), 0)
        self.check_restored()
        code, _, said = self.restore("--verify", key="foreign")
        self.assertEqual(code, 1)
        self.assertIn("does not take the keys", said)
        # A node that died between bringing a day and noting it: what lies there is fetched, looked at, and taken.
        subprocess.run(["sqlite3", str(self.node.data / "records.db"), "DELETE FROM day_copy"], check=True)
        self.node.start()
        self.wait_for_days()
        self.assertEqual(before, {name: self.server.content(name) for name in self.server.names()})
        self.assertEqual(self.node.stop(), 0)

    def test_what_comes_late(self):
        self.serve()
        self.late_additions(self.place(), lambda place: self.restore("--data", place))

    def test_refused_and_tried_again(self):
        self.serve()
        self.begin(self.place(allow="allow: [10.0.0.0/8]"))
        self.said("is not public")
        self.assertEqual(self.gate.passed, 0)
        self.reload(self.place(key="foreign"))
        self.said("does not take the keys of key_file")
        self.reload(self.place(key="bad"))
        self.said("holds no access key")
        self.assertEqual(self.server.names(), [])
        first = self.wanted()[0]
        self.server.request("PUT", f"/bucket/{first}", b"somebody's own\n")
        self.reload(self.place())
        self.said("not this node's whole copy", "is not written over")
        self.assertEqual((self.server.names(), self.server.content(first)), ([first], b"somebody's own\n"))
        self.server.request("DELETE", f"/bucket/{first}")
        self.reload(self.place())
        self.wait_for_days()
        self.assertEqual(self.node.stop(), 0)
        self.assertEqual(self.restore("--verify")[0], 0)


class CopyS3Prefix(CopyS3):
    """In a part of a bucket; this server cannot check the signature of a list with a prefix."""
    prefix = "/city/one"
    test_refused_and_tried_again = test_what_comes_late = None

    def serve(self, checked=False):
        super().serve(checked)

    def test_copied_and_restored(self):
        self.serve()
        self.begin(self.place())
        self.wait_for_days()
        self.assertEqual(self.node.stop(), 0)
        self.check_restored()


class CopyS3Pieces(CopyS3):
    """Days of several pieces: 1.7 MB each, in pieces of 1 MiB."""
    windows = 400
    test_copied_and_restored = test_refused_and_tried_again = test_what_comes_late = None

    def pieces(self, day):
        return [name for name in self.server.names() if day in name and not name.endswith(".copy")]

    def in_the_middle(self, day, pieces):
        """An upload that is held: no object has the day's name."""
        name = f"sereno-{day}.copy"
        until("the middle of an upload", lambda: self.gate.held and self.spool() == [name] and len(self.pieces(day)) == pieces)
        self.assertNotIn(name, self.server.names())
        return (self.node.data / "copy" / name).read_bytes()

    def joined(self, day):
        (second,) = self.pieces(day)
        return self.server.content(f"sereno-{day}.copy") + self.server.content(second)

    def kill(self, role):
        (pid,) = self.node.role_pids(role)
        os.kill(pid, signal.SIGKILL)
        until(f"another {role}", lambda: self.node.role_pids(role) not in ([], [pid]))

    def test_killed(self):
        self.serve()
        self.gate.hold_after(1 << 20)  # the second piece, which goes first and has some 700 KB, and a part of the first
        self.begin(self.place(more=", piece_mib: 1"))
        packed = self.in_the_middle(self.days[0], 1)
        (piece,) = self.pieces(self.days[0])
        self.kill("courier")
        until("the doctor to tell", lambda: "courier ended on its way" in self.doctor()[1])
        self.gate.cut()
        self.gate.hold_after(400000)  # the second piece is not brought again; of the first not all
        until("another try", lambda: self.gate.held)
        self.assertEqual(self.server.names(), [piece])
        self.kill("keeper")
        self.assertEqual(self.server.names(), [piece])
        self.gate.open()
        until("the first day", lambda: f"sereno-{self.days[0]}.copy" in self.server.names())
        self.assertEqual(self.pieces(self.days[0]), [piece])
        self.assertEqual(self.joined(self.days[0]), packed)
        self.wait_for_days()
        self.assertEqual(self.node.stop(), 0)
        self.assertNotIn(b"Aborted", self.node.log.read_bytes())
        self.check_restored()
        for day in self.days:
            self.assertEqual(len(self.pieces(day)), 1)
        self.server.request("DELETE", f"/bucket/{self.pieces(self.days[1])[0]}")
        code, _, said = self.restore("--verify")
        self.assertEqual(code, 1)
        self.assertIn("piece 2 of", said)
        before = self.gate.passed
        told = self.verified()
        self.assertEqual(told["faults"], 1, told)
        self.assertIn("piece 2 of", told["list"][0])
        self.assertLess(self.gate.passed - before, 100000)  # of megabytes

    def test_server_gone(self):
        self.serve()
        self.gate.hold_after(1 << 20)
        self.begin(self.place(more=", piece_mib: 1"))
        packed = self.in_the_middle(self.days[0], 1)
        self.server.stop()  # and all that it held
        self.gate.cut()
        self.said("fails for")
        self.gate.hold_after(0)
        self.server.start()  # its first requests are not checked, and they must be ours
        self.gate.open()
        self.reload(self.place(more=", piece_mib: 1"))
        self.wait_for_days()
        self.assertEqual(self.joined(self.days[0]), packed)
        self.assertEqual(self.node.stop(), 0)


if __name__ == "__main__":
    if not HAS_MOTO:
        print("skipped: moto (an S3-compatible server for tests, from PyPI) is not installed")
        sys.exit(77)
    copy_kit.main("test_copy_s3.py")
