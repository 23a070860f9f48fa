# SPDX-License-Identifier: EUPL-1.2
"""Starts the node under test and speaks to it: raw HTTP, a small browser, a live stream, an SMTP server, a web hook.

Nothing here sleeps: everything waits for something with a limit."""
import base64
import email
import http.client
import http.server
import json
import os
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from ports import free_port  # noqa: E402

LIMIT_S = 120


def wait_until(what, say):
    """Polls a condition that has no event of its own; fails after LIMIT_S."""
    end = time.monotonic() + LIMIT_S
    pause = threading.Event()
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        pause.wait(0.02)
    raise AssertionError("waited in vain: " + say)


class Node:
    def __init__(self, program, folder, extra="", listen="127.0.0.1"):
        self.port = free_port()
        self.udp = free_port()
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.config = os.path.join(folder, "sereno.yml")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write("intakes: 1\nnode: {name: lantern-desk, organisation: lantern}\n"
                    "desk: {listen: \"%s:%d\"}\ningest: {listen: \"127.0.0.1:%d\"}\n"
                    "sources:\n  - {name: test, kind: syslog-udp, listen: \"127.0.0.1:%d\", source: auto}\n%s"
                    % (listen, self.port, free_port(), self.udp, extra))
        self.program = program
        self.may_fall = []  # roles that the test itself kills
        self.start()

    def start(self):
        self.lines = []
        self.process = subprocess.Popen([self.program, self.config, self.data], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace")
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.expect(r"desk\.serving")
        self.expect(r"node\.ready")

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def expect(self, pattern):
        """The first match of a line, now or to come."""
        def look():
            for line in list(self.lines):
                m = re.search(pattern, line)
                if m:
                    return m
            if self.process.poll() is not None:
                raise AssertionError("the node ended:\n" + "\n".join(self.lines))
            return None
        return wait_until(look, pattern + "\n" + "\n".join(self.lines[-20:]))

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(LIMIT_S)
        self.reader.join(LIMIT_S)
        self.process.stdout.close()
        self.check()

    def check(self):
        """A role that fell over is started again, and the test might not notice: its words must not pass."""
        bad = [line for line in self.lines
               if re.search(r"Sanitizer|runtime error:|: check failed|role\.killed|role\.hung", line)
               or (re.search(r"role\.ended", line) and not re.search(r'how="?exit"? code=0', line)
                   and not any(k in line for k in self.may_fall))]
        if bad or self.process.returncode != 0:
            raise AssertionError("status %s\n%s" % (self.process.returncode, "\n".join(bad or self.lines[-30:])))

    def alert(self, level="high", host="web1", user="anna", title="Log-in from far away", record="a log line"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            text = "|".join([level, host, user, title]).encode() + b"|" + (record if isinstance(record, bytes) else record.encode())
            s.sendto(text, ("127.0.0.1", self.udp))

    def raw(self, request, timeout=60):
        """Sends bytes as they are; returns the status (0 when the server just closes) and everything that came."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            try:
                s.sendall(request)
            except (BrokenPipeError, ConnectionResetError):
                pass
            got = b""
            try:
                while True:
                    part = s.recv(65536)
                    if not part:
                        break
                    got += part
            except (ConnectionResetError, socket.timeout):
                pass
        m = re.match(rb"HTTP/1\.1 (\d{3})", got)
        return (int(m.group(1)) if m else 0), got


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


class Browser:
    """Keeps cookies and the session's token; sends forms and JSON as the page does."""

    def __init__(self, node, context=None):
        self.node, self.cookies, self.csrf, self.context = node, {}, None, context

    def connection(self, timeout=LIMIT_S):
        if self.context:
            return http.client.HTTPSConnection("127.0.0.1", self.node.port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection("127.0.0.1", self.node.port, timeout=timeout)

    def headers(self, extra):
        headers = dict(extra)
        if self.cookies:
            headers["Cookie"] = "; ".join("%s=%s" % c for c in self.cookies.items())
        return headers

    def ask(self, method, path, body=None, headers=None):
        c = self.connection()
        c.request(method, path, body, self.headers(headers or {}))
        a = Answer(c.getresponse())
        c.close()
        for cookie in a.headers.get_all("Set-Cookie") or []:
            name, value = cookie.split(";")[0].split("=", 1)
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return a

    def get(self, path, headers=None):
        return self.ask("GET", path, headers=headers)

    def send(self, method, path, value=None, csrf=None):
        headers = {"Content-Type": "application/json", "X-Sereno-CSRF": csrf if csrf is not None else self.csrf or ""}
        return self.ask(method, path, None if value is None else json.dumps(value), headers)

    def form(self, path, fields, headers=None):
        return self.ask("POST", path, urllib.parse.urlencode(fields),
                        {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})})

    @staticmethod
    def hidden(page, name):
        return re.search(r'name="%s" value="([^"]*)"' % name, page.text).group(1)

    def login(self, name, password, next_="/"):
        page = self.get("/login?next=" + urllib.parse.quote(next_))
        a = self.form("/login", {"name": name, "password": password, "csrf": self.hidden(page, "csrf"),
                                 "next": self.hidden(page, "next")})
        if a.status == 303:
            self.csrf = self.get("/api/v1/session").json()["csrf"]
        return a

    def setup(self, token, name, password, again=None):
        page = self.get("/setup?token=" + token)
        if page.status != 200:
            return page
        a = self.form("/setup", {"token": token, "name": name, "password": password,
                                 "again": password if again is None else again, "csrf": self.hidden(page, "csrf")})
        if a.status == 303:
            self.csrf = self.get("/api/v1/session").json()["csrf"]
        return a


class Stream:
    """Server-sent events of one page, as (event, data, id)."""

    def __init__(self, browser, last_id=None):
        self.c = browser.connection(timeout=60)
        headers = browser.headers({"Accept": "text/event-stream"})
        if last_id:
            headers["Last-Event-ID"] = last_id
        self.c.request("GET", "/api/v1/stream", headers=headers)
        self.r = self.c.getresponse()

    def next(self, kinds=("alert", "change", "pulse")):
        event, data, ident = None, None, None
        while True:
            line = self.r.readline()
            if not line:
                return None
            line = line.decode().rstrip("\n")
            if line == "" and data is not None:
                if event in kinds:
                    return event, json.loads(data), ident
                event, data, ident = None, None, None
            elif line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                data = line[6:]
            elif line.startswith("id: "):
                ident = line[4:]

    def close(self):
        self.c.close()


class MailServer(socketserver.ThreadingTCPServer):
    """SMTP (RFC 5321), as much as a sender needs. refuse: how many first tries get 451."""
    allow_reuse_address = True
    daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text):
            self.wfile.write(text.encode() + b"\r\n")

        def handle(self):
            self.say("220 test ESMTP")
            mail = {"to": []}
            while True:
                line = self.rfile.readline().decode("latin-1").strip()
                word = line.upper()
                if not line or word.startswith("QUIT"):
                    self.say("221 bye")
                    return
                if word.startswith("EHLO"):
                    self.say("250-test\r\n250 8BITMIME")
                elif word.startswith("MAIL FROM"):
                    if self.server.refuse > 0:
                        self.server.refuse -= 1
                        self.say("451 later")
                        continue
                    mail["from"] = line
                    self.say("250 ok")
                elif word.startswith("RCPT TO"):
                    mail["to"].append(line)
                    self.say("250 ok")
                elif word == "DATA":
                    self.say("354 go")
                    text = b""
                    while True:
                        part = self.rfile.readline()
                        if part in (b".\r\n", b""):
                            break
                        text += part[1:] if part.startswith(b"..") else part
                    mail["message"] = email.message_from_bytes(text)
                    mail["raw"] = text
                    self.server.mails.append(mail)
                    mail = {"to": []}
                    self.say("250 kept")
                else:
                    self.say("250 ok")

    def __init__(self, refuse=0):
        self.mails, self.refuse = [], refuse
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Hook(http.server.ThreadingHTTPServer):
    """Takes POSTs by path; answers the statuses given first, then 204."""
    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.server.got.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    def __init__(self, statuses=()):
        self.got, self.statuses = [], list(statuses)
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def of(self, path):
        return [g for g in list(self.got) if g[0] == path]


def mail_text(mail):
    return base64.b64decode(mail["message"].get_payload()).decode()
