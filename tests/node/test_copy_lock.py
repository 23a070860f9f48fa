#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The second copy on an S3 server with Object Lock (versitygw, which keeps versions and locks on a file system): whoever holds the node's
own keys can neither remove a locked copy nor change it nor shorten its lock, and what he puts in front of it can be taken away again.

usage: tests/node/test_copy_lock.py PROGRAM OLD_ARCHIVE PROGRAM-WITH-FAULTS [-k WORD]"""
import datetime
import http.client
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

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import copy_kit  # noqa: E402
from copy_kit import DAYS, free_port, sereno, until  # noqa: E402

VERSITYGW = shutil.which("versitygw", path=os.environ["PATH"] + ":" + os.path.expanduser("~/go/bin"))
HAS_BOTOCORE = importlib.util.find_spec("botocore") is not None
LOCK_DAYS = 30


class Versity:
    """The gateway over a folder, with versions; a bucket that locks."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lock-test-"))
        self.port, self.process = free_port(), None
        self.id, self.secret = "ours", "a-secret-of-this-test-only"
        self.key = self.folder / "key"
        self.key.write_text(f"{self.id}\n{self.secret}\n")
        for name in ("root", "versions"):
            (self.folder / name).mkdir()

    def start(self):
        log = open(self.folder / "log", "ab")
        env = dict(os.environ, ROOT_ACCESS_KEY=self.id, ROOT_SECRET_KEY=self.secret)
        self.process = subprocess.Popen([VERSITYGW, "--port", f"127.0.0.1:{self.port}", "posix", "--versioning-dir", str(self.folder / "versions"),
                                         str(self.folder / "root")], env=env, stdout=log, stderr=log, start_new_session=True)
        log.close()
        until("versitygw to listen", self.listens)
        self.ask("PUT", "/bucket", want=200, **{"x-amz-bucket-object-lock-enabled": "true"})
        return self

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError("versitygw ended:\n" + (self.folder / "log").read_text(errors="replace")[-2000:])
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        except OSError:
            return False

    def ask(self, method, path, body=b"", want=None, **headers):
        """Signed by botocore with the node's own keys: (status, body, headers by small names)."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        r = AWSRequest(method=method, url=f"http://127.0.0.1:{self.port}{path}", data=body, headers=headers)
        S3SigV4Auth(Credentials(self.id, self.secret), "s3", "us-east-1").add_auth(r)
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request(method, path, body, dict(r.headers.items()))
        answer = c.getresponse()
        content, named = answer.read(), {name.lower(): value for name, value in answer.getheaders()}
        c.close()
        assert want is None or answer.status == want, (method, path, answer.status, content)
        return answer.status, content, named

    def names(self):
        return sorted(re.findall("<Key>(.*?)</Key>", self.ask("GET", "/bucket?list-type=2", want=200)[1].decode()))

    def remove(self):
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(60)
        shutil.rmtree(self.folder)


class CopyLock(copy_kit.CopyCase):
    def setUp(self):
        super().setUp()
        self.server = Versity()
        self.addCleanup(self.server.remove)
        self.server.start()

    def restore(self, *args):
        return sereno("restore", "--copy", "s3://bucket", "--endpoint", f"http://127.0.0.1:{self.server.port}", "--copy-key", self.server.key,
                      "--key-file", self.key, *args, *self.weaker)

    def refused(self, method, path, body=b"", **headers):
        status, content, _ = self.server.ask(method, path, body, **headers)
        self.assertEqual(status, 403, (method, path, content))

    def test_a_locked_copy_stays(self):
        self.begin(f"{{url: 's3://bucket', endpoint: 'http://127.0.0.1:{self.server.port}', key_file: {self.server.key}, "
                   f"allow: [127.0.0.0/8], lock_days: {LOCK_DAYS}}}")
        until("the records to know", lambda: self.doctor()[0] == "ok" and f"{DAYS} days lie there" in self.doctor()[1])
        self.assertEqual(self.node.stop(), 0)
        wanted = [f"sereno-{day}.copy" for day in self.days]
        self.assertEqual(self.server.names(), wanted)
        before, versions = {}, {}
        now = datetime.datetime.now(datetime.timezone.utc)
        for name in wanted:
            _, before[name], headers = self.server.ask("GET", f"/bucket/{name}", want=200)
            versions[name] = headers["x-amz-version-id"]
            lock = self.server.ask("GET", f"/bucket/{name}?retention", want=200)[1].decode()
            self.assertEqual(re.search("<Mode>(.*?)<", lock).group(1), "COMPLIANCE", lock)
            until_day = datetime.datetime.fromisoformat(re.search("<RetainUntilDate>(.*?)<", lock).group(1).replace("Z", "+00:00"))
            self.assertTrue(LOCK_DAYS - 1 < (until_day - now) / datetime.timedelta(days=1) < LOCK_DAYS + 1, until_day)
        self.attack(wanted[1], versions[wanted[1]], now)
        for name in wanted:
            self.assertEqual(self.server.ask("GET", f"/bucket/{name}?versionId={versions[name]}", want=200)[1], before[name])
        self.hidden_and_found(wanted[1], versions[wanted[1]])
        want = self.exported(self.node.data)
        self.assertEqual(len(want), DAYS * 200)
        place = self.node.folder / "restored"
        code, text, said = self.restore("--data", place)
        self.assertEqual(code, 0, text + said)
        self.assertEqual(self.exported(place), want)

    def attack(self, name, version, now):
        """All that the node's keys could do to the version that was brought."""
        self.refused("DELETE", f"/bucket/{name}?versionId={version}")
        self.refused("DELETE", f"/bucket/{name}?versionId={version}", **{"x-amz-bypass-governance-retention": "true"})
        for mode, day in (("COMPLIANCE", now + datetime.timedelta(hours=1)), ("GOVERNANCE", now + datetime.timedelta(days=LOCK_DAYS + 9))):
            body = f"<Retention><Mode>{mode}</Mode><RetainUntilDate>{day.strftime('%Y-%m-%dT%H:%M:%SZ')}</RetainUntilDate></Retention>"
            status, content, _ = self.server.ask("PUT", f"/bucket/{name}?retention&versionId={version}", body.encode())
            self.assertGreaterEqual(status, 400, (mode, content))
        status, content, _ = self.server.ask("PUT", f"/bucket/{name}", b"another", **{"If-None-Match": "*"})
        self.assertEqual(status, 412, content)  # as the node writes: never over what is there

    def hidden_and_found(self, name, version):
        """He may put something in front of it: that shows, and what is behind it is as it was."""
        marker = self.server.ask("DELETE", f"/bucket/{name}", want=204)[2]["x-amz-version-id"]
        self.assertNotIn(name, self.server.names())
        code, text, _ = sereno("verify", "--copy", "s3://bucket", "--endpoint", f"http://127.0.0.1:{self.server.port}", "--copy-key", self.server.key,
                               "--data", self.node.data, *self.weaker)
        self.assertEqual(code, 1)
        self.assertIn(f"{name}: is missing there", text)
        self.server.ask("DELETE", f"/bucket/{name}?versionId={marker}", want=204)
        self.assertEqual(self.server.ask("GET", f"/bucket/{name}", want=200)[2]["x-amz-version-id"], version)
        forged = self.server.ask("PUT", f"/bucket/{name}", b"forged", want=200)[2]["x-amz-version-id"]
        code, _, said = self.restore("--verify")
        self.assertEqual(code, 1)
        self.assertIn(name, said)
        self.server.ask("DELETE", f"/bucket/{name}?versionId={forged}", want=204)


if __name__ == "__main__":
    if VERSITYGW is None or not HAS_BOTOCORE:
        print("skipped: versitygw (an S3 server with Object Lock: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0) or botocore is not installed")
        sys.exit(77)
    copy_kit.main("test_copy_lock.py")
