#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The second factor over HTTP: enrolment, log-in in two steps, recovery codes, what a role demands, what an administrator resets.
Codes are made here by Python's own HMAC. usage: tests/api/test_factor.py PROGRAM SERENO"""
import base64
import hashlib
import hmac
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from node import LIMIT_S, Browser, Node, Stream, wait_until

SERENO = os.path.abspath(sys.argv.pop(2)) if len(sys.argv) > 2 else ""
PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
GUARD = "name: guard\ntitle: Guard\nhelp: Looks, with two factors.\nacts_as: [reader]\nmay: [watch]\nsecond_factor: required\n"
CALM = "name: calm\ntitle: Calm\nhelp: Looks.\nacts_as: [reader]\nmay: [watch, people.read]\n"


def code_of(secret, step):
    """RFC 6238 with HMAC-SHA-1 and six digits."""
    mac = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[-1] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff) % 1000000)


class Authenticator:
    """Gives codes that the node has not seen: of the step before, of now, of the next; then of the next one that counts."""

    def __init__(self, secret):
        self.secret, self.last = secret, -1

    def code(self):
        def next_step():
            now = int(time.time()) // 30
            first = max(self.last + 1, now - 1)
            # A step that could leave the slack while the node is asked is left out: an old one at the end of its time.
            if first == now - 1 and int(time.time()) % 30 > 20:
                first = now
            return first if first <= now + 1 else None
        self.last = wait_until(next_step, "a fresh code")
        return code_of(self.secret, self.last)


class Factor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-factor-")
        own = os.path.join(cls.folder, "data", "roles")
        os.makedirs(own, mode=0o700)
        os.chmod(os.path.join(cls.folder, "data"), 0o700)
        for name, text in (("guard.yml", GUARD), ("calm.yml", CALM)):
            with open(os.path.join(own, name), "w", encoding="utf-8") as f:
                f.write(text)
        cls.node = Node(PROGRAM, cls.folder)
        link = cls.node.expect(r"/setup\?token=([0-9a-f]{64})")
        cls.admin = Browser(cls.node)
        assert cls.admin.setup(link.group(1), "Anna", PASSWORD).status == 303

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    def person(self, name, role="reader"):
        a = self.admin.send("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "role": role})
        self.assertEqual(a.status, 201, a.body)
        b = Browser(self.node)
        self.assertEqual(b.login(name, PASSWORD).status, 303)
        b.id = a.json()["id"]
        return b

    def enrol(self, b):
        a = b.send("POST", "/api/v1/account/second-factor", {"password": PASSWORD})
        self.assertEqual(a.status, 201, a.body)
        phone = Authenticator(a.json()["secret"])
        a = b.send("POST", "/api/v1/account/second-factor/confirm", {"code": phone.code()})
        self.assertEqual(a.status, 200, a.body)
        phone.codes = a.json()["recovery_codes"]
        return phone

    def first_step(self, name, password=PASSWORD, headers=None):
        """The answer to the right password: the form of the second step."""
        b = Browser(self.node)
        page = b.get("/login?next=/sources")
        a = b.ask("POST", "/login", urllib.parse.urlencode({"name": name, "password": password, "csrf": b.hidden(page, "csrf"), "next": "/sources"}),
                  {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})})
        return b, a

    def second_step(self, b, page, code, **more):
        fields = {"csrf": b.hidden(page, "csrf"), "step": b.hidden(page, "step"), "next": b.hidden(page, "next"), "code": code}
        fields.update(more)
        a = b.form("/login/code", fields)
        if a.status == 303:
            b.csrf = b.get("/api/v1/session").json()["csrf"]
        return a

    def login(self, name, code):
        b, page = self.first_step(name)
        self.assertEqual(page.status, 200, page.body)
        a = self.second_step(b, page, code)
        return b, a

    def rows(self, sql, *values):
        with sqlite3.connect(os.path.join(self.node.data, "records.db")) as db:
            return db.execute(sql, values).fetchall()

    def audit(self, subject):
        return [r for (r,) in self.rows("SELECT what FROM audit WHERE subject = ? AND what LIKE 'user.%' ORDER BY seq", subject)]

    def test_enrol_and_log_in(self):
        b = self.person("Eva")
        other = Browser(self.node)
        self.assertEqual(other.login("Eva", PASSWORD).status, 303)
        account = b.get("/api/v1/account").json()
        self.assertEqual((account["password"], account["second_factor"]), (True, {"on": False, "since": None, "required": False, "recovery_codes": 0}))
        self.assertEqual(b.get("/api/v1/session").json()["user"]["second_factor"], "off")
        for body, status in (({"password": PASSWORD + "x"}, 403), ({"password": ""}, 400), ({}, 400)):
            self.assertEqual(b.send("POST", "/api/v1/account/second-factor", body).status, status)
        self.assertEqual(b.send("POST", "/api/v1/account/second-factor/confirm", {"code": "123456"}).status, 404)
        a = b.send("POST", "/api/v1/account/second-factor", {"password": PASSWORD}).json()
        self.assertRegex(a["secret"], r"^[A-Z2-7]{32}$")
        self.assertEqual(a["uri"], "otpauth://totp/Sereno%%20lantern-desk:Eva?secret=%s&issuer=Sereno%%20lantern-desk&algorithm=SHA1&digits=6&period=30"
                         % a["secret"])
        self.assertEqual(Browser(self.node).login("Eva", PASSWORD).status, 303)  # it guards nothing yet
        again = b.send("POST", "/api/v1/account/second-factor", {"password": PASSWORD}).json()
        self.assertNotEqual(a["secret"], again["secret"])
        now = int(time.time()) // 30
        wrong = next(c for c in ("000000", "111111", "222222", "333333", "444444", "555555", "666666")
                     if c not in [code_of(again["secret"], now + i) for i in range(-3, 4)])
        self.assertEqual(b.send("POST", "/api/v1/account/second-factor/confirm", {"code": wrong}).json()["error"]["code"], "wrong_code")
        self.assertEqual(other.get("/api/v1/session").status, 200)
        stream = Stream(other)
        phone = Authenticator(again["secret"])
        a = b.send("POST", "/api/v1/account/second-factor/confirm", {"code": phone.code()})
        self.assertEqual(a.status, 200, a.body)
        codes = a.json()["recovery_codes"]
        self.assertEqual((len(codes), len(set(codes))), (10, 10))
        self.assertIsNone(stream.next(kinds=()))  # the other session ended, and its page with it
        stream.c.close()
        self.assertEqual(other.get("/api/v1/session").status, 401)
        self.assertEqual(b.get("/api/v1/session").json()["user"]["second_factor"], "on")
        f = b.get("/api/v1/account").json()["second_factor"]
        self.assertEqual((f["on"], f["recovery_codes"]), (True, 10))
        self.assertEqual(b.send("POST", "/api/v1/account/second-factor", {"password": PASSWORD}).status, 409)
        # Log in: password, then code.
        s, page = self.first_step("Eva")
        self.assertEqual(page.status, 200)
        self.assertNotIn("sereno_session", str(s.cookies))
        self.assertEqual(s.get("/api/v1/session").status, 401)  # the password alone opened nothing
        self.assertEqual(self.second_step(s, page, wrong).status, 401)
        right = phone.code()
        a = self.second_step(s, page, right[:3] + " " + right[3:])
        self.assertEqual((a.status, a.headers["Location"]), (303, "/sources"), a.body)
        self.assertEqual(s.get("/api/v1/session").json()["user"]["name"], "Eva")
        _, a = self.login("Eva", right)  # each code counts once
        self.assertEqual(a.status, 401)
        self.assertIn("used already", a.text)
        # Nothing of it lies in the records in clear.
        dump = b"".join(bytes(v) if isinstance(v, bytes) else str(v).encode()
                        for r in self.rows("SELECT box, '' FROM second_factor UNION ALL SELECT hash, '' FROM recovery_code") for v in r)
        self.assertNotIn(base64.b32decode(again["secret"]), dump)
        self.assertNotIn(codes[0].encode(), dump)
        self.assertEqual(os.stat(os.path.join(self.node.data, "keys", "factor.key")).st_mode & 0o777, 0o600)
        self.assertNotIn(again["secret"], "\n".join(self.node.lines))

    def test_recovery_codes(self):
        b = self.person("Rita")
        phone = self.enrol(b)
        s, a = self.login("Rita", phone.codes[3].upper().replace("-", " "))
        self.assertEqual(a.status, 303, a.body)
        _, a = self.login("Rita", phone.codes[3])
        self.assertEqual(a.status, 401)
        _, a = self.login("Rita", "abcd-efgh-jkmn-pqrs")
        self.assertEqual(a.status, 401)
        self.assertEqual(s.get("/api/v1/account").json()["second_factor"]["recovery_codes"], 9)
        path = "/api/v1/account/recovery-codes"
        self.assertEqual(s.send("POST", path, {"password": PASSWORD + "x", "code": phone.codes[4]}).json()["error"]["code"], "wrong_password")
        self.assertEqual(s.send("POST", path, {"password": PASSWORD, "code": phone.codes[3]}).json()["error"]["code"], "wrong_code")
        a = s.send("POST", path, {"password": PASSWORD, "code": phone.code()})
        self.assertEqual(a.status, 200, a.body)
        fresh = a.json()["recovery_codes"]
        self.assertFalse(set(fresh) & set(phone.codes))
        _, a = self.login("Rita", phone.codes[4])  # the older ones ended
        self.assertEqual(a.status, 401)
        self.assertEqual(s.send("POST", "/api/v1/account/second-factor/remove", {"password": PASSWORD, "code": "000"}).status, 403)
        self.assertEqual(s.send("POST", "/api/v1/account/second-factor/remove", {"password": PASSWORD, "code": fresh[0]}).status, 204)
        self.assertEqual(Browser(self.node).login("Rita", PASSWORD).status, 303)
        self.assertEqual(self.audit(b.id), ["user.created", "user.factor", "user.recovery_code", "user.recovery_codes", "user.recovery_code", "user.factor"])

    def test_two_at_once_with_one_code(self):
        b = self.person("Duo")
        phone = self.enrol(b)
        code = phone.code()
        firsts = [self.first_step("Duo") for _ in range(4)]
        got = sorted(self.second_step(s, page, code).status for s, page in firsts)
        self.assertEqual(got, [303, 401, 401, 401])

    def test_the_step_between(self):
        b = self.person("Mid")
        phone = self.enrol(b)
        s, page = self.first_step("Mid")
        step = s.hidden(page, "step")
        flipped = ("0" if step[100] != "0" else "1").join([step[:100], step[101:]])
        for more in ({"step": flipped}, {"step": ""}, {"step": "00" * 100}, {"step": step + "00"}, {"step": "x" * 4000}, {"csrf": "0" * 64}):
            a = self.second_step(s, page, phone.codes[0], **more)
            self.assertEqual(a.status, 403, more)
            self.assertIn("too old", a.text)
        stranger, other = self.first_step("Mid")  # another browser cannot use it
        self.assertEqual(self.second_step(stranger, other, phone.codes[0], step=step).status, 403)
        # A password changed meanwhile ends it; so does disabling.
        self.assertEqual(b.send("POST", "/api/v1/account/password", {"password": PASSWORD, "new": PASSWORD + " eight"}).status, 204)
        self.assertEqual(self.second_step(s, page, phone.codes[0]).status, 403)
        s, page = self.first_step("Mid", PASSWORD + " eight")
        self.assertEqual(self.admin.send("POST", "/api/v1/users/%s/disable" % b.id, {}).status, 204)
        self.assertEqual(self.second_step(s, page, phone.codes[0]).status, 403)

    def test_page_in_the_languages(self):
        b = self.person("Luz")
        self.enrol(b)
        for tag, word in (("es-MX,en;q=0.5", "Segundo paso"), ("en", "Second step"), ("xx", "Second step")):
            s, page = self.first_step("Luz", headers={"Accept-Language": tag})
            self.assertIn("<h1>%s</h1>" % word, page.text)
            self.assertIn('autocomplete="one-time-code"', page.text)
            self.assertNotIn("<script", page.text)
            self.assertRegex(page.text, r'<html lang="%s">' % ("es" if "Segundo" in word else "en"))

    def test_a_link_does_not_go_round_it(self):
        b = self.person("Lin")
        phone = self.enrol(b)
        link = self.admin.send("POST", "/api/v1/users/%s/link" % b.id).json()["link"]
        s = Browser(self.node)
        page = s.get(link)
        a = s.form("/welcome", {"token": s.hidden(page, "token"), "password": PASSWORD + " nine", "again": PASSWORD + " nine",
                                "csrf": s.hidden(page, "csrf")})
        self.assertEqual(a.status, 200)
        self.assertIn('name="code"', a.text)
        self.assertEqual(s.get("/api/v1/session").status, 401)
        self.assertEqual(self.second_step(s, a, phone.codes[0]).status, 303)

    def test_a_role_that_needs_it(self):
        b = self.person("Gus", "guard")
        s = b.get("/api/v1/session").json()["user"]
        self.assertEqual((s["role"], s["second_factor"]), ("guard", "needed"))
        for method, path in (("GET", "/api/v1/alerts"), ("GET", "/api/v1/stream"), ("GET", "/api/v1/status")):
            a = b.ask(method, path, headers={"X-Sereno-CSRF": b.csrf})
            self.assertEqual((a.status, a.json()["error"]["code"]), (403, "second_factor_needed"), path)
        self.assertEqual(b.get("/api/v1/account/sessions").status, 200)
        self.assertEqual(b.get("/api/v1/account").json()["second_factor"]["required"], True)
        phone = self.enrol(b)
        self.assertEqual(b.get("/api/v1/alerts").status, 200)
        a = b.send("POST", "/api/v1/account/second-factor/remove", {"password": PASSWORD, "code": phone.codes[0]})
        self.assertEqual((a.status, a.json()["error"]["code"]), (409, "required"))
        c = self.person("Cal", "calm")
        self.assertEqual(c.get("/api/v1/alerts").status, 200)
        roles = {r["name"]: r["second_factor"] for r in c.get("/api/v1/roles").json()["items"]}
        self.assertEqual((roles["guard"], roles["calm"], roles["administrator"]), (True, False, False))
        # Given such a role, he is held to it from the next request on.
        self.assertEqual(self.admin.send("POST", "/api/v1/users/%s/role" % c.id, {"role": "guard"}).status, 204)
        self.assertEqual(c.get("/api/v1/alerts").json()["error"]["code"], "second_factor_needed")

    def test_reset(self):
        b = self.person("Ren")
        self.assertEqual(self.admin.send("POST", "/api/v1/users/%s/second-factor/reset" % b.id, {}).status, 404)
        self.enrol(b)
        row = self.admin.get("/api/v1/users?q=Ren").json()["items"][0]
        self.assertTrue(row["second_factor"])
        path = "/api/v1/users/%s/second-factor/reset" % b.id
        self.assertEqual(b.send("POST", path, {"why": "mine"}).status, 403)
        a = self.admin.send("POST", "/api/v1/users", {"name": "Far", "password": PASSWORD, "role": "administrator", "organisation": "faraway"})
        far = Browser(self.node)
        self.assertEqual(far.login("Far", PASSWORD).status, 303)
        self.assertEqual(far.send("POST", path, {"why": "x"}).status, 404)
        self.assertEqual(self.admin.send("POST", path, {"why": "lost the telephone"}).status, 204)
        self.assertEqual(b.get("/api/v1/session").status, 401)
        self.assertEqual(Browser(self.node).login("Ren", PASSWORD).status, 303)
        self.assertEqual(self.rows("SELECT who, why FROM audit WHERE what = 'user.factor_reset' AND subject = ?", b.id), [("Anna", "lost the telephone")])
        self.enrol(self.person("Sol"))
        words = [SERENO, "user", "reset-factor", "Sol", "--data", self.node.data]
        r = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S)
        self.assertEqual((r.returncode, r.stdout), (0, "Sol has no second factor any more, and is logged out everywhere.\n"), r.stderr)
        self.assertNotEqual(subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S).returncode, 0)
        self.assertEqual(Browser(self.node).login("Sol", PASSWORD).status, 303)

    def test_guessing_waits_and_ends(self):
        """On a node of its own: failures count for the address too."""
        folder = tempfile.mkdtemp(prefix="sereno-guess-")
        node = Node(PROGRAM, folder)
        here, type(self).node = self.node, node
        try:
            b = Browser(node)
            self.assertEqual(b.setup(node.expect(r"/setup\?token=([0-9a-f]{64})").group(1), "Anna", PASSWORD).status, 303)
            phone = self.enrol(b)
            s, page = self.first_step("Anna")
            got = []
            while 429 not in got and len(got) < 15:  # the waits double, so that one of them outlasts any machine
                got.append(self.second_step(s, page, "12345").status)  # too short to be right by chance
            self.assertEqual((got[:5], got[-1]), ([401] * 5, 429), got)
            self.assertEqual(self.rows("SELECT failures FROM second_factor"), [(len(got) - 1,)])
            node.stop()  # wrong recovery codes, which could be one, wait as well, and make no others wait less
            node.start()
            s, page = self.first_step("Anna")
            got = []
            while 429 not in got and len(got) < 15:
                got.append(self.second_step(s, page, phone.codes[0][::-1] if len(got) % 2 else "12345").status)
            self.assertEqual((got[:5], got[-1]), ([401] * 5, 429), got)
            node.stop()  # the waits lie in the desk's memory; the count of wrong codes does not
            with sqlite3.connect(os.path.join(node.data, "records.db")) as db:
                db.execute("UPDATE second_factor SET failures = 100")
            node.start()
            s, page = self.first_step("Anna")
            a = self.second_step(s, page, phone.code())
            self.assertEqual(a.status, 403)
            self.assertIn("recovery code", a.text)
            self.assertEqual(self.second_step(s, page, phone.codes[0]).status, 303)
            s, page = self.first_step("Anna")
            self.assertEqual(self.second_step(s, page, phone.code()).status, 303)
        finally:
            type(self).node = here
            node.stop()
            shutil.rmtree(folder)


if __name__ == "__main__":
    unittest.main()
