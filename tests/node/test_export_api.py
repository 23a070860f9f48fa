#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""GET /api/v1/archive/export of a real node: the bytes of `sereno export` in many pages, for whoever has the right and a reason, audited;
readers that go away or read slowly hold up nobody.

usage: tests/node/test_export_api.py PROGRAM [-k WORD]"""
import http.client
import importlib.util
import json
import os
import pathlib
import random
import re
import socket
import sqlite3
import subprocess
import sys
import time
import types
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, extra_options, until  # noqa: E402

spec = importlib.util.spec_from_file_location("api_node", pathlib.Path(__file__).parents[1] / "api" / "node.py")
api_node = importlib.util.module_from_spec(spec)
spec.loader.exec_module(api_node)

PROGRAM = ""
BATCHES, LINES, LINE_BYTES = 24, 200, 2000  # some 11 MB: eleven pages, more than sockets hold
AT_A_TIME = 4
WHY = "a court asked, file 4711"


def path_of(why=WHY, **asked):
    return "/api/v1/archive/export?" + urllib.parse.urlencode({**({"why": why} if why else {}), **asked})


class ExportApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(PROGRAM, intakes=1).start()
        rnd = random.Random(4711)
        for batch in range(BATCHES):
            lines = [b'{"message":"%d of %d %s"}' % (n, batch, "".join(rnd.choices("abcdefghijklmnop", k=LINE_BYTES)).encode()) for n in range(LINES)]
            lines += [b'{"message":"not UTF-8: \xff\xfe"}', b"x" * 200000]
            code, text = cls.node.post(b"\n".join(lines) + b"\n")
            assert code == 200, text
        token = until("the set-up link", lambda: re.findall(rb"/setup\?token=([0-9a-f]+)", cls.node.log.read_bytes()))[-1].decode()
        cls.anna = cls.browser()
        assert cls.anna.setup(token, "Anna", "a long sentence that nobody guesses").status == 303

    @classmethod
    def tearDownClass(cls):
        code = cls.node.stop()
        cls.node.remove()
        assert code == 0, code

    @classmethod
    def browser(cls):
        return api_node.Browser(types.SimpleNamespace(port=cls.node.desk))

    def as_role(self, role, name=None):
        name, password = name or f"one {role}", f"another sentence of a {role} here"
        made = self.anna.send("POST", "/api/v1/users", {"name": name, "password": password, "role": role})
        self.assertEqual(made.status, 201, made.text)
        someone = self.browser()
        self.assertEqual(someone.login(name, password).status, 303)
        return someone

    def whole(self, who, **asked):
        """The body as bytes, and the answer."""
        c = who.connection()
        c.request("GET", path_of(**asked), headers=who.headers({}))
        answer = c.getresponse()
        body = answer.read()
        c.close()
        self.assertEqual(answer.status, 200, body[:300])
        return body, answer

    def written(self, *options):
        done = subprocess.run([PROGRAM, "export", "--data", str(self.node.data), *options, *extra_options()], capture_output=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_the_same_bytes(self):
        rows = [json.loads(line) for line in self.written().splitlines()]
        times = sorted(row["time"] for row in rows)
        first, middle, last = times[0], times[len(times) // 2], times[-1]
        for asked in ({"to": last}, {"from": first, "to": middle}, {"from": middle, "to": last}, {"source": "posted", "to": last},
                      {"organisation": "town", "to": last}, {"source": "nobody"}, {"to": last, "format": "text"}, {"to": "2001-01-01"}):
            with self.subTest(asked):
                options = [part for key, value in asked.items() for part in ("--" + key, value)]
                body, answer = self.whole(self.anna, **asked)
                self.assertEqual(answer.getheader("Content-Type").split(";")[0], "text/plain" if asked.get("format") else "application/x-ndjson")
                self.assertEqual(body, self.written(*options))
        self.assertGreater(len(self.whole(self.anna, to=last)[0]), 10 << 20)

    def test_the_trailer_counts(self):
        with socket.create_connection(("127.0.0.1", self.node.desk), timeout=120) as s:
            lines = [f"GET {path_of()} HTTP/1.1", "Host: 127.0.0.1", "TE: trailers", "Connection: close"]
            lines += [f"{key}: {value}" for key, value in self.anna.headers({}).items()]
            s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            text = b""
            while data := s.recv(1 << 16):
                text += data
        tail = text.rpartition(b"\r\n0\r\n")[2].decode()
        told = dict(line.split(": ") for line in tail.strip().splitlines())
        self.assertEqual(told["X-Sereno-Records"], str(len(self.written().splitlines())))
        self.assertEqual((told["X-Sereno-Damaged-Blocks"], told["X-Sereno-Purged-Blocks"]), ("0", "0"))

    def test_who_may(self):
        self.assertEqual(self.browser().get(path_of()).status, 401)
        for role in ("analyst", "reader", "manager", "officer"):
            self.assertEqual(self.as_role(role).get(path_of()).status, 403, role)
        auditor = self.as_role("auditor")
        body, _ = self.whole(auditor, to="2100-01-01", source="posted")
        self.assertEqual(body, self.written("--source", "posted"))

    def test_wrong_questions(self):
        for path in (path_of(why=None), path_of(why=" "), path_of(why="x" * 1001), path_of(format="xml"), path_of(**{"from": "yesterday"}),
                     path_of(to="never"), path_of(source="x" * 257), path_of(what="else")):
            self.assertEqual(self.anna.get(path).status, 400, path[:100])

    def test_it_is_audited_before_it_leaves(self):
        self.whole(self.anna, why="to see the trail", source="tcp", **{"from": "2026-01-01", "to": "2100-01-01"})
        db = sqlite3.connect(f"file:{self.node.data}/records.db?mode=ro", uri=True)
        rows = db.execute("SELECT who, why, subject FROM audit WHERE what = 'archive.exported' AND why = 'to see the trail'").fetchall()
        db.close()
        self.assertEqual(rows, [("Anna", "to see the trail", "from 2026-01-01T00:00:00.000Z to 2100-01-01T00:00:00.000Z, organisation *, source tcp")])

    def begun(self, who=None):
        """A reader who took the first bytes of an export and reads no more."""
        who = who or self.anna
        c = who.connection()
        c.sock = socket.socket()
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)  # the kernel holds little for him
        c.sock.settimeout(120)
        c.sock.connect(("127.0.0.1", self.node.desk))
        c.request("GET", path_of(), headers=who.headers({}))
        answer = c.getresponse()
        if answer.status == 200:
            self.assertEqual(len(answer.read(1000)), 1000)
        return c, answer

    def test_readers_that_stop_and_go(self):
        open_ones = [self.begun() for _ in range(AT_A_TIME)]
        self.assertEqual([answer.status for _, answer in open_ones], [200] * AT_A_TIME)
        c, answer = self.begun()
        self.assertEqual(answer.status, 503)
        c.close()
        self.assertEqual(self.node.post(b'{"message":"taken in meanwhile"}\n')[0], 200)
        self.assertEqual(self.anna.get("/api/v1/status").status, 200)
        kept = open_ones.pop()
        for c, answer in open_ones:  # they go in the middle
            answer.close()
            c.close()

        def free():
            c, answer = self.begun()
            answer.close()
            c.close()
            return answer.status == 200
        until("their places to be free", free)
        self.assertGreater(len(kept[1].read()), 10 << 20)  # the slow one gets all of it
        kept[0].close()

    def test_it_ends_with_the_account(self):
        someone = self.as_role("auditor", "one more auditor")
        c, answer = self.begun(someone)
        self.assertEqual(answer.status, 200)
        (one,) = [p for p in self.anna.get("/api/v1/users").json()["items"] if p["name"] == "one more auditor"]
        self.assertEqual(self.anna.send("POST", f"/api/v1/users/{one['id']}/disable", {"why": "a test"}).status, 204)
        with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
        c.close()

    def test_it_ends_with_the_token(self):
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 30 * 86400))
        made = self.anna.send("POST", "/api/v1/account/tokens", {"name": "nightly", "scopes": "archive.export", "last_day": day,
                                                                 "password": "a long sentence that nobody guesses"})
        self.assertEqual(made.status, 201, made.text)
        script = self.browser()
        script.headers = lambda extra: dict(extra, Authorization="Bearer " + made.json()["token"])
        c, answer = self.begun(script)
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.anna.send("DELETE", "/api/v1/account/tokens/" + made.json()["id"]).status, 204)
        with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
        c.close()


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
