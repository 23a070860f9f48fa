#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The desk as people and programs meet it. usage: tests/api/test_desk.py PROGRAM"""
import email.header
import hashlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Hook, MailServer, Node, Stream, mail_text, wait_until

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"


class WithNode(unittest.TestCase):
    extra = ""
    listen = "127.0.0.1"

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-desk-")
        cls.node = Node(PROGRAM, cls.folder, cls.extra, cls.listen)
        cls.link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)


class CommandLine(WithNode):
    """The control socket: the same interface, for whoever owns the data folder."""

    def ask(self, method, path, value=None):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(os.path.join(self.node.data, "control"))
            body = b"" if value is None else json.dumps(value).encode()
            s.sendall(("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
                       "Content-Length: %d\r\n\r\n" % (method, path, len(body))).encode() + body)
            got = b""
            while True:
                part = s.recv(65536)
                if not part:
                    break
                got += part
        head, _, rest = got.partition(b"\r\n\r\n")
        return int(head.split()[1]), rest

    def test_a_second_administrator(self):
        mode = os.stat(os.path.join(self.node.data, "control")).st_mode
        self.assertEqual(mode & 0o777, 0o600)
        self.assertEqual(Browser(self.node).setup(self.link.group(2), "Anna", PASSWORD).status, 303)
        self.assertEqual(self.ask("GET", "/login")[0], 404)
        self.assertEqual(self.ask("GET", "/api/v1/alerts")[0], 200)
        self.assertEqual(self.ask("POST", "/api/v1/users", {"name": "Bo", "password": "short"})[0], 400)
        self.assertEqual(self.ask("POST", "/api/v1/users", {"name": "Bo", "password": PASSWORD})[0], 201)
        again = self.ask("POST", "/api/v1/users", {"name": "bo", "password": PASSWORD})
        self.assertEqual(again[0], 409)
        b = Browser(self.node)
        self.assertEqual(b.login("Bo", PASSWORD).status, 303)
        self.assertEqual(b.get("/api/v1/session").json()["user"]["name"], "Bo")
        self.assertEqual(b.send("POST", "/api/v1/users", {"name": "Eve", "password": PASSWORD}, csrf="").status, 403)


class FirstHour(WithNode):
    """From an empty data directory to the first administrator, once."""

    def test_the_link_works_once(self):
        token = self.link.group(2)
        b = Browser(self.node)
        self.assertEqual(b.get("/setup?token=" + "0" * 64).status, 403)
        self.assertEqual(b.get("/setup?token=short").status, 403)
        self.assertEqual(b.get("/setup").status, 400)
        for name, password, again in [("Anna", "short", None), ("Anna", PASSWORD, "another one 123"),
                                      (" ", PASSWORD, None), ("Anna", "aaaaaaaaaaaaaaa", None)]:
            a = b.setup(token, name, password, again)
            self.assertEqual(a.status, 400)
            self.assertIn('role="alert"', a.text)
        page = b.get("/setup?token=" + token)
        forged = b.form("/setup", {"token": token, "name": "Eve", "password": PASSWORD, "again": PASSWORD, "csrf": "0" * 64})
        self.assertEqual(forged.status, 403)
        self.assertEqual(page.headers["Cache-Control"], "no-store")
        a = b.setup(token, "Anna", PASSWORD)
        self.assertEqual((a.status, a.headers["Location"]), (303, "/"))
        self.assertEqual(b.get("/api/v1/session").json()["user"]["name"], "Anna")
        other = Browser(self.node)
        self.assertEqual(other.get("/setup?token=" + token).status, 403)
        self.assertEqual(other.login("anna", PASSWORD).status, 303)
        # Nothing of it lies in the database in clear, and a new start gives no new link.
        self.node.stop()
        held = b""
        for name in os.listdir(self.node.data):
            if name.startswith("records.db"):
                with open(os.path.join(self.node.data, name), "rb") as f:
                    held += f.read()
        for secret in (token, PASSWORD, other.cookies["sereno_session"]):
            self.assertNotIn(secret.encode(), held)
        self.node.start()
        self.assertEqual(other.get("/api/v1/session").status, 200)
        self.assertFalse([line for line in self.node.lines if "/setup?token=" in line])


class WithAdministrator(WithNode):
    """One administrator, logged in."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.b = Browser(cls.node)
        assert cls.b.setup(cls.link.group(2), "Anna", PASSWORD).status == 303

    def new_alert(self, **what):
        """Sends one and waits for it on the stream; returns its row."""
        s = Stream(self.b)
        self.assertEqual(s.r.status, 200)
        self.node.alert(**what)
        while True:
            got = s.next(("alert",))
            self.assertIsNotNone(got)
            if "title" not in what or got[1]["rule"]["title"] == what["title"]:
                s.close()
                return got[1]

    def refused(self, a, status, code):
        self.assertEqual(a.status, status, a.body)
        self.assertEqual(a.json()["error"]["code"], code)
        self.assertTrue(a.json()["error"]["message"])


class Desk(WithAdministrator):
    def test_cookie_is_strict(self):
        page = Browser(self.node)
        form = page.get("/login")
        a = page.form("/login", {"name": "Anna", "password": PASSWORD, "csrf": page.hidden(form, "csrf"), "next": "/"})
        cookie = a.headers["Set-Cookie"]
        for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(part, cookie)
        self.assertNotIn("Expires", cookie)

    def test_every_answer_is_guarded(self):
        for path in ("/login", "/api/v1/session", "/api/v1/nothing", "/", "/page.css", "/assets/nothing.js", "/healthz"):
            a = self.b.get(path)
            self.assertIn("default-src 'self'", a.headers["Content-Security-Policy"], path)
            self.assertEqual(a.headers["X-Content-Type-Options"], "nosniff", path)
            self.assertEqual(a.headers["X-Frame-Options"], "DENY", path)
            if path not in ("/", "/page.css", "/assets/nothing.js"):
                self.assertEqual(a.headers["Cache-Control"], "no-store", path)

    def test_nothing_without_a_session(self):
        b = Browser(self.node)
        doc = self.b.get("/api/v1/openapi.json").json()
        self.assertEqual(doc["openapi"], "3.1.0")
        self.assertGreater(len(doc["paths"]), 15)
        for path, item in doc["paths"].items():
            for method, operation in item.items():
                if operation["security"]:
                    got = b.ask(method.upper(), re.sub(r"\{\w+\}", "x", path.replace("{node}", "0" * 32)))
                    self.assertEqual(got.status, 401 if path.startswith("/api/") else 303, path)
        b.cookies["sereno_session"] = "0" * 64
        self.assertEqual(b.get("/api/v1/alerts").status, 401)

    def test_session_ends_with_logout(self):
        b = Browser(self.node)
        self.assertEqual(b.login("Anna", PASSWORD).status, 303)
        s = Stream(b)
        self.assertEqual(s.r.status, 200)
        kept = dict(b.cookies)
        self.assertEqual(b.ask("POST", "/logout", headers={"X-Sereno-CSRF": "0" * 64}).status, 403)
        self.assertEqual(b.get("/api/v1/session").status, 200)
        a = b.ask("POST", "/logout", headers={"X-Sereno-CSRF": b.csrf})
        self.assertEqual((a.status, a.headers["Location"]), (303, "/login"))
        self.assertNotIn("sereno_session", b.cookies)
        b.cookies = kept
        self.assertEqual(b.get("/api/v1/session").status, 401)
        while s.next() is not None:  # the open stream ends with the session
            pass
        s.close()

    def test_login_goes_where_asked_but_never_away(self):
        for asked, goes in (("/alerts?level=critical", "/alerts?level=critical"), ("//evil.example", "/"),
                            ("https://evil.example", "/"), ("/\\evil.example", "/"), ("", "/")):
            b = Browser(self.node)
            self.assertEqual(b.login("Anna", PASSWORD, asked).headers["Location"], goes)

    def test_forgery_is_refused(self):
        row = self.new_alert(title="Forged")
        path = "/api/v1/alerts/%s/acknowledge" % row["id"]
        self.refused(self.b.send("POST", path, {"revision": 1}, csrf=""), 403, "bad_csrf")
        self.refused(self.b.send("POST", path, {"revision": 1}, csrf="0" * 64), 403, "bad_csrf")
        other = Browser(self.node)
        other.login("Anna", PASSWORD)
        self.refused(self.b.send("POST", path, {"revision": 1}, csrf=other.csrf), 403, "bad_csrf")
        good = {"Content-Type": "application/json", "X-Sereno-CSRF": self.b.csrf}
        body = json.dumps({"revision": 1})
        for extra in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            self.refused(self.b.ask("POST", path, body, {**good, **extra}), 403, "other_origin")
        self.refused(self.b.ask("POST", path, body, {**good, "Content-Type": "text/plain"}), 415, "bad_type")
        form = Browser(self.node)
        self.assertEqual(form.form("/login", {"name": "Anna", "password": PASSWORD, "csrf": "0" * 64}).status, 403)
        self.assertEqual(self.b.send("POST", path, {"revision": 1}).status, 200)

    def test_life_of_an_alert(self):
        row = self.new_alert(title="Life", host="db1")
        path = "/api/v1/alerts/" + row["id"]
        self.assertEqual((row["status"], row["revision"], row["organisation"]), ("new", 1, "lantern"))
        a = self.b.send("POST", path + "/acknowledge", {"revision": 1})
        self.assertEqual((a.status, a.json()["status"], a.json()["assignee"]), (200, "acknowledged", "Anna"))
        a = self.b.send("POST", path + "/close", {"revision": 1, "reason": "benign", "note": ""})
        self.refused(a, 409, "stale")
        self.assertEqual(a.json()["alert"]["revision"], 2)
        for body in ({"revision": 2}, {"revision": 2, "reason": "why not"}, {"revision": "x", "reason": "benign"},
                     {"revision": 2, "reason": "benign", "more": 1}, {"revision": 2, "reason": "benign", "note": "\u0000"},
                     {"revision": 2, "reason": "benign", "note": "x" * 4001}):
            self.refused(self.b.send("POST", path + "/close", body), 400, "bad_body")
        note = "tried by the caretaker: \u017d <b>&\n" + "x" * 3900
        a = self.b.send("POST", path + "/close", {"revision": 2, "reason": "benign", "note": note})
        self.assertEqual((a.status, a.json()["status"], a.json()["close_reason"]), (200, "closed", "benign"))
        self.refused(self.b.send("POST", path + "/close", {"revision": 3, "reason": "benign"}), 409, "not_possible")
        a = self.b.send("POST", path + "/reopen", {"revision": 3})
        self.assertEqual((a.json()["status"], a.json()["assignee"], a.json()["close_reason"]), ("acknowledged", "Anna", None))
        whole = self.b.get(path).json()
        self.assertEqual([h["what"] for h in whole["history"]], ["created", "acknowledged", "closed", "reopened"])
        self.assertEqual((whole["history"][2]["reason"], whole["history"][2]["note"]), ("benign", note))
        self.assertEqual(self.b.send("POST", "/api/v1/alerts/" + "0" * 32 + "/reopen", {"revision": 1}).status, 404)

    def test_one_alert_in_full(self):
        record = "\u017d\U0001F600<script>alert('x')</script> ".encode() + b"\xff\xfe end"
        row = self.new_alert(title="Full", record=record)
        d = self.b.get("/api/v1/alerts/" + row["id"]).json()
        self.assertEqual(d["record"]["text"], record.decode(errors="replace"))
        self.assertEqual((d["record"]["truncated"], d["record"]["kept"]), (False, True))
        self.assertRegex(d["record"]["block"], r"^\d{4}-\d\d-\d\d/\d+$")
        why = d["why"][0]
        self.assertEqual((why["selection"], why["field"], why["operator"]), ("selection", "message", "contains"))
        # The mark covers four bytes: two characters would be wrong in bytes, and wrong again in code points.
        self.assertEqual(why["marks"], [[0, 3]])
        self.assertEqual(d["rule_detail"]["text"], "title: Test rule\n")
        self.assertEqual(d["rule_detail"]["references"], ["https://example.org/"])
        self.assertEqual(d["fields"][0]["name"], "message")
        self.assertEqual(self.b.get("/api/v1/alerts/" + "0" * 32).status, 404)

    def test_list_pages_and_filters(self):
        for i in range(7):
            self.new_alert(title="Page-%d" % i, host="pager", level="critical" if i % 2 else "low")
        seen, cursor = [], ""
        while True:
            page = self.b.get("/api/v1/alerts?host=pager&limit=3" + cursor).json()
            seen += [a["rule"]["title"] for a in page["items"]]
            if page["next"] is None:
                break
            cursor = "&cursor=" + page["next"]
        self.assertEqual(seen, ["Page-%d" % i for i in range(6, -1, -1)])
        def titles(query):
            return [a["rule"]["title"] for a in self.b.get("/api/v1/alerts?host=pager&" + query).json()["items"]]
        self.assertEqual(titles("level=critical"), ["Page-5", "Page-3", "Page-1"])
        self.assertEqual(titles("level=critical,low&q=log+PAGE-5"), ["Page-5"])
        self.assertEqual(titles("status=closed"), [])
        counts = self.b.get("/api/v1/alerts").json()["counts"]
        self.assertGreaterEqual(counts["new"], 7)
        self.assertEqual(counts["open"], counts["new"] + counts["acknowledged"])
        self.assertRegex(counts["oldest_open"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        for query in ("limit=0", "limit=501", "limit=x", "level=huge", "status=odd", "cursor=odd", "unknown=1",
                      "q=" + "x" * 201, "limit=1&limit=2"):
            self.assertEqual(self.b.get("/api/v1/alerts?" + query).status, 400, query)

    def test_stream_delivers_and_resumes(self):
        s = Stream(self.b)
        self.node.alert(title="First of stream")
        event, data, first_id = s.next(("alert",))
        self.assertEqual(data["rule"]["title"], "First of stream")
        s.close()
        missed = self.new_alert(title="Missed")
        self.b.send("POST", "/api/v1/alerts/%s/acknowledge" % missed["id"], {"revision": 1})
        s = Stream(self.b, first_id)
        got = [s.next(("alert", "change")) for _ in range(2)]
        self.assertEqual([(g[0], g[1]["rule"]["title"]) for g in got], [("alert", "Missed"), ("change", "Missed")])
        event, pulse, _ = s.next(("pulse",))
        self.assertEqual(set(pulse), {"last_event", "sources", "rate", "open"})
        s.close()
        for gone in ("nonsense", "00000000-1", first_id.split("-")[0] + "-99999"):
            late = Stream(self.b, gone)
            self.assertEqual(late.r.status, 204)  # the page reads its list afresh
            late.close()

    def test_tokens(self):
        a = self.b.send("POST", "/api/v1/tokens", {"name": "web servers", "source": "test"})
        self.assertEqual(a.status, 201)
        token = a.json()
        self.assertRegex(token["token"], r"^[0-9a-f]{64}$")
        listed = self.b.get("/api/v1/tokens").json()["items"]
        mine = [t for t in listed if t["id"] == token["id"]][0]
        self.assertEqual((mine["name"], mine["source"], mine["last_used"]), ("web servers", "test", None))
        self.assertNotIn(token["token"], json.dumps(listed))
        self.assertEqual(self.b.send("DELETE", "/api/v1/tokens/" + token["id"]).status, 204)
        self.assertEqual(self.b.send("DELETE", "/api/v1/tokens/" + token["id"]).status, 404)
        self.refused(self.b.send("POST", "/api/v1/tokens", {"name": " ", "source": "test"}), 400, "bad_body")

    def test_status_sources_rules(self):
        self.new_alert(title="Counted")
        def counted():
            items = self.b.get("/api/v1/sources").json()["items"]
            return [i for i in items if i["name"] == "test" and i["events"] > 0]
        source = wait_until(counted, "the source is counted")[0]
        self.assertEqual((source["kind"], source["product"], source["category"]), ("syslog-udp", "linux", None))
        self.assertGreater(source["rate"], 0)
        status = self.b.get("/api/v1/status").json()
        self.assertEqual(status["sources"], {"total": 1, "live": 1})
        self.assertEqual((status["rules"]["loaded"], status["rules"]["refused"]), (1, 1))
        self.assertIn(status["sandbox"], ("on", "weaker", "off"))
        self.assertEqual(sorted(r["name"] for r in status["roles"]),
                         ["correlator", "courier", "desk", "hunter", "intake", "keeper"])
        self.assertEqual(status["correlations"]["evicted"], 0)
        self.assertGreater(status["archive"]["events"], 0)
        rules = self.b.get("/api/v1/rules?q=TEST").json()
        self.assertEqual([r["title"] for r in rules["items"]], ["Test rule"])
        self.assertGreater(rules["items"][0]["hits"], 0)
        self.assertEqual(rules["refused"], [{"file": "bad.yml", "line": 7, "reason": "no condition"}])
        self.assertEqual(self.b.get("/api/v1/rules?q=elephant").json()["items"], [])

    def test_malformed_http(self):
        host = "Host: 127.0.0.1:%d\r\n" % self.node.port
        get = "GET /healthz HTTP/1.1\r\n"
        post = "POST /login HTTP/1.1\r\n" + host
        end = "Connection: close\r\n\r\n"
        cases = [
            ("plain", get + host + end, 200),
            ("no host", get + end, 400),
            ("two hosts", get + host + host + end, 400),
            ("rebinding", get + "Host: evil.example\r\n" + end, 421),
            ("two lengths", post + "Content-Length: 3\r\nContent-Length: 3\r\n" + end + "a=b", 400),
            ("two different lengths", post + "Content-Length: 3\r\nContent-Length: 30\r\n" + end + "a=b", 400),
            ("length and chunked", post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" + end + "0\r\n\r\n", (400, 411)),
            ("chunked", post + "Transfer-Encoding: chunked\r\n" + end + "0\r\n\r\n", 411),
            ("bad length", post + "Content-Length: 3x\r\n" + end + "a=b", (400, 0)),
            ("negative length", post + "Content-Length: -3\r\n" + end, (400, 0)),
            ("large body", post + "Content-Length: 10000000\r\n" + end, 413),
            ("old version", "GET /healthz HTTP/1.0\r\n" + host + end, (505, 0)),
            ("version of another world", "GET /healthz HTTP/9.9\r\n" + host + end, (505, 400, 0)),
            ("space before colon", get + "Host : 127.0.0.1\r\n" + end, 400),
            ("folded header", get + host + "X-A: b\r\n c\r\n" + end, (200, 400)),
            ("control in header", get + host + "X-A: \x01\r\n" + end, 400),
            ("dots", "GET /api/v1/../v1/session HTTP/1.1\r\n" + host + end, 400),
            ("encoded slash", "GET /api%2fv1 HTTP/1.1\r\n" + host + end, 400),
            ("zero byte", "GET /a%00b HTTP/1.1\r\n" + host + end, 400),
            ("absolute address", "GET http://evil.example/ HTTP/1.1\r\n" + host + end, 400),
            ("star", "OPTIONS * HTTP/1.1\r\n" + host + end, (400, 405)),
            ("trace", "TRACE /healthz HTTP/1.1\r\n" + host + end, 405),
            ("long address", "GET /" + "a" * 5000 + " HTTP/1.1\r\n" + host + end, 414),
            ("many headers", get + host + "".join("X-%d: a\r\n" % i for i in range(200)) + end, 431),
            ("huge header", get + host + "X-A: " + "a" * 100000 + "\r\n" + end, (431, 413, 0)),
            ("no http", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x00" * 200 + "\r\n\r\n", (400, 0)),
        ]
        for name, request, want in cases:
            with self.subTest(name):
                status, got = self.node.raw(request.encode("latin-1"))
                self.assertIn(status, want if isinstance(want, tuple) else (want,), got[:300])
                if status >= 400 and b"Content-Security-Policy" in got:
                    self.assertEqual(got.count(b"HTTP/1.1 "), 1, "one answer per refused request")
        self.assertEqual(self.b.get("/api/v1/session").status, 200)

    def test_nothing_after_a_refused_request_is_read(self):
        """A second request hidden behind a refused one must not be answered."""
        host = "Host: 127.0.0.1:%d\r\n" % self.node.port
        hidden = "GET /healthz HTTP/1.1\r\n" + host + "\r\n"
        for head in ("Content-Length: 0\r\nContent-Length: %d\r\n" % len(hidden),
                     "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"):
            _, got = self.node.raw(("POST /login HTTP/1.1\r\n" + host + head + "\r\n" + hidden).encode())
            self.assertNotIn(b'"status":"ok"', got)

    def test_who_is_refused_while_sending_can_read_why(self):
        """Sends all it has before it reads a byte, as many clients do: the connection is not torn off under it."""
        host = "Host: 127.0.0.1:%d\r\n" % self.node.port
        body = b"x" * (16 << 20)
        sized = "Content-Length: %d\r\n" % len(body)
        chunked = "Transfer-Encoding: chunked\r\n"
        for head, want in (("POST /login HTTP/1.1\r\n" + host + sized, 413),
                           ("POST /nothing HTTP/1.1\r\n" + host + sized, 413),
                           ("PUT /api/v1/nothing HTTP/1.1\r\n" + host + sized, 413),
                           ("POST /login HTTP/1.1\r\nHost: elsewhere.example\r\n" + sized, 421),
                           ("POST /api/v1/nothing HTTP/1.1\r\n" + host + chunked, None)):
            sent = b"1000000\r\n" + body + b"\r\n0\r\n\r\n" if head.endswith(chunked) else body
            with socket.create_connection(("127.0.0.1", self.node.port), timeout=60) as s:
                s.sendall(head.encode() + b"\r\n" + sent)  # raises when it is torn off
                got = b"".join(iter(lambda s=s: s.recv(65536), b""))
            status = int(got.split(b" ", 2)[1])
            self.assertIn(status, (400, 404, 411) if want is None else (want,), head)
            length = int(re.search(rb"(?i)content-length: (\d+)", got).group(1))
            self.assertEqual(len(got.split(b"\r\n\r\n", 1)[1]), length, head)

    def test_slow_and_cut_requests_hurt_nobody(self):
        opened = [socket.create_connection(("127.0.0.1", self.node.port)) for _ in range(60)]
        for i, s in enumerate(opened):
            s.sendall(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 20\r\n\r\nname"[:20 + i])
        self.assertEqual(self.b.get("/api/v1/session").status, 200)
        for s in opened:
            s.close()
        self.assertEqual(self.b.get("/api/v1/session").status, 200)

    def test_keeper_dies_and_the_desk_goes_on(self):
        pid = [r["pid"] for r in self.b.get("/api/v1/status").json()["roles"] if r["name"] == "keeper"][0]
        self.node.may_fall.append("pid=%d " % pid)
        os.kill(pid, 9)
        def back():
            return self.b.get("/api/v1/session").status == 200 and [
                r for r in self.b.get("/api/v1/status").json()["roles"] if r["name"] == "keeper" and r["pid"] != pid]
        wait_until(back, "the keeper is back, the session still good")

    def test_page_or_word_that_there_is_none(self):
        a = self.b.get("/alerts/abc", {"Accept-Encoding": "gzip"})
        self.assertEqual(a.status, 200)
        if "without its page" in (a.text if a.headers["Content-Encoding"] != "gzip" else ""):
            return
        self.assertEqual(a.headers["Content-Encoding"], "gzip")
        plain = self.b.get("/")
        self.assertIn("<div id=\"app\">", plain.text)
        self.assertEqual(self.b.get("/", {"If-None-Match": plain.headers["ETag"]}).status, 304)
        for asset in re.findall(r'"(/assets/[^"]+)"', plain.text):
            self.assertIn("immutable", self.b.get(asset).headers["Cache-Control"])
        self.assertEqual(self.b.get("/assets/../index.html").status, 400)
        self.assertEqual(self.b.get("/assets/none.js").status, 404)


class PlantedWords(WithAdministrator):
    """The node's own log names events and ids, never content (src/policy/paths.def, LOG)."""

    def test_no_word_of_content_reaches_the_log(self):
        words = {"host": "quondarhost77", "user": "wilhelminaoxblood", "title": "Zephyrgate seen", "record": "a line of gothmogwords"}
        row = self.new_alert(**words)
        path = "/api/v1/alerts/" + row["id"]
        self.b.send("POST", path + "/acknowledge", {"revision": 1})
        self.b.send("POST", path + "/close", {"revision": 2, "reason": "benign", "note": "planted-note-31204"})
        self.b.get("/api/v1/alerts?status=all&q=wilhelminaoxblood")
        self.b.get("/api/v1/alerts?nonsense=planted-query-31204")
        token = self.b.send("POST", "/api/v1/tokens", {"name": "planted-token-name", "source": "test"}).json()
        self.b.send("POST", "/api/v1/items", {"kind": "story", "title": "planted-item-title", "text": "planted-item-text", "tlp": "RED", "pap": "RED",
                                              "circle": "planted-circle", "audience": {"persons": [{"name": "planted-person", "organisation": "x"}]}})
        Browser(self.node).login("planted-account", "planted-password")
        self.node.raw(b"GET /planted-path?planted=1 HTTP/1.1\r\nHost: planted-host\r\nplanted-field: x\r\n\r\n")
        self.assertEqual(self.b.get(path).status, 200)  # all of it went through
        log = "\n".join(list(self.node.lines))
        self.assertIn("desk.serving", log)
        for word in ("quondarhost77", "wilhelminaoxblood", "Zephyrgate", "gothmogwords", "planted", token["token"], PASSWORD):
            self.assertNotIn(word, log)


class Throttling(WithNode):
    def test_guessing_is_slowed(self):
        b = Browser(self.node)
        b.setup(self.link.group(2), "Anna", PASSWORD)
        guesser = Browser(self.node)
        statuses = [guesser.login("Anna", "wrong number %d" % i).status for i in range(7)]
        self.assertEqual(statuses[:5], [401] * 5)
        self.assertIn(429, statuses[5:])
        a = guesser.login("Anna", PASSWORD)
        self.assertEqual(a.status, 429)  # not even the right one
        self.assertGreater(int(a.headers["Retry-After"]), 0)
        self.assertEqual(b.get("/api/v1/session").status, 200)  # who is in stays in
        unknown = Browser(self.node).login("nobody of that name", "wrong number 1")
        self.assertEqual(unknown.status, 401)
        self.assertIn("Name or password is not right", unknown.text)
        self.assertFalse([line for line in self.node.lines if "wrong number" in line])


class Courier(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sereno-desk-")
        self.mail = MailServer(refuse=1)
        self.hook = Hook([500])
        self.node = Node(PROGRAM, self.folder, """notify:
  mail: {server: "smtp://127.0.0.1:%d", from: sereno@lantern.example, to: [watch@lantern.example, night@lantern.example], levels: [critical]}
  webhook: {url: "http://127.0.0.1:%d/alerts", levels: [critical, high]}
  heartbeat: {url: "http://127.0.0.1:%d/beat", every: 5}
""" % (self.mail.port, self.hook.port, self.hook.port))

    def tearDown(self):
        self.node.stop()
        self.mail.shutdown()
        self.hook.shutdown()
        self.mail.server_close()
        self.hook.server_close()
        shutil.rmtree(self.folder)

    def test_critical_goes_out_and_comes_again_after_a_failure(self):
        wait_until(lambda: self.hook.of("/beat") or self.hook.statuses == [], "a first heartbeat")
        self.node.alert(level="low", title="Quiet one")
        self.node.alert(level="critical", title="\u017dupa\u0148 logged in from far\taway", record="SECRET LOG LINE")
        self.node.alert(level="high", title="For the hook only")
        mail = wait_until(lambda: self.mail.mails, "a mail, after the 451")[0]
        self.assertEqual(len(mail["to"]), 2)
        subject = str(email.header.make_header(email.header.decode_header(mail["message"]["Subject"])))
        self.assertEqual(subject, "[Sereno] critical: \u017dupa\u0148 logged in from far away on web1")
        self.assertIn("/alerts/", mail_text(mail))
        wait_until(lambda: len({g[2]["id"] for g in self.hook.of("/alerts")}) == 2, "both posts, also after a 500")
        self.assertEqual({g[2]["level"] for g in self.hook.of("/alerts")}, {"critical", "high"})
        everything = mail_text(mail) + json.dumps([g[2] for g in self.hook.got])
        self.assertNotIn("SECRET", everything)  # logs stay home
        self.assertNotIn("Quiet one", everything)
        beats = wait_until(lambda: len(self.hook.of("/beat")) >= 2 and self.hook.of("/beat"), "heartbeats")
        self.assertEqual(beats[-1][2]["kind"], "heartbeat")
        self.assertEqual(len(self.mail.mails), 1)


class BeyondThisMachine(WithNode):
    """Listening on every address: TLS with a certificate of its own, and only this machine until there is an administrator."""
    listen = "0.0.0.0"

    def outside(self):
        """An address of this machine that is not loopback, or None."""
        out = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
        four = [a for a in out if a.count(".") == 3 and not a.startswith("127.")]
        return four[0] if four else None

    def handshake(self, address):
        try:
            with socket.create_connection((address, self.node.port), timeout=60) as s:
                with self.context.wrap_socket(s) as t:
                    t.sendall(b"GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % address.encode())
                    return t.recv(12)
        except (OSError, ssl.SSLError):
            return b""

    def test_tls_and_who_may_come(self):
        self.assertEqual(self.link.group(1), "https")
        printed = self.node.expect(r"((?:[0-9A-F]{2}:){31}[0-9A-F]{2})").group(1)
        der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", self.node.port)))
        got = hashlib.sha256(der).hexdigest().upper()
        self.assertEqual(printed.replace(":", ""), got)
        self.context = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(der))
        self.assertEqual(self.node.raw(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")[0], 0)  # no plain HTTP
        address = self.outside()
        loose = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(der))
        loose.check_hostname = False
        strict, self.context = self.context, loose
        if address:
            self.assertEqual(self.handshake(address), b"")
        b = Browser(self.node, strict)  # 127.0.0.1 is a name of the certificate
        a = b.setup(self.link.group(2), "Anna", PASSWORD)
        self.assertEqual(a.status, 303)
        self.assertIn("Secure", a.headers["Set-Cookie"])
        self.assertTrue(a.headers["Set-Cookie"].startswith("__Host-sereno_session="))
        self.assertIn("max-age", a.headers["Strict-Transport-Security"])
        if address:
            self.assertEqual(self.handshake(address), b"HTTP/1.1 200")
        old = ssl.create_default_context()
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is old is the point
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((OSError, ssl.SSLError)):
            with socket.create_connection(("127.0.0.1", self.node.port)) as s:
                old.wrap_socket(s)
        # The certificate stays over a restart.
        self.node.stop()
        self.node.start()
        again = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", self.node.port)))
        self.assertEqual(again, der)


if __name__ == "__main__":
    if not PROGRAM:
        sys.exit(__doc__)
    unittest.main(verbosity=2)
