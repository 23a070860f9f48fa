#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""People whom a real OpenID Connect provider signs in, at a whole node in its sandbox: who gets in and as what, what is refused, and that
local accounts work whatever the provider does. usage: tests/node/test_sign_in.py SERENO"""
import html
import json
import os
import re
import signal
import sqlite3
import sys
import unittest
import urllib.parse

import provider_kit
from node import Node, until
from provider_kit import Browser, Glewlwyd

SERENO = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
NAMES = ("city", "strict", "inside", "strange")


def provider(name, g, more):
    return f"""    - name: {name}
      title: {name.title()}
      issuer: {g.issuer}
      client_id: sereno
      client_secret_file: {g.folder}/secret
      scopes: [openid]
      roles:
        - {{group: chiefs, role: ciso}}
        - {{group: guards, role: guard}}
        - {{group: soc, role: analyst, organisation: town}}
        - {{group: lost, role: no_such_role}}
{more}"""


class SignIn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(SERENO)
        cls.base = f"http://127.0.0.1:{cls.node.desk}"
        cls.provider = Glewlwyd(cls.node.folder / "provider", [f"{cls.base}/login/provider/{n}/back" for n in NAMES])
        cls.addClassCleanup(cls.end)
        g = cls.provider.start().configure()
        trusted, near = f"      ca_file: {g.authority}\n", "      allow: [127.0.0.0/8, '::1/128']\n"
        with open(cls.node.config, "a", encoding="utf-8") as f:
            f.write(f"sign_in:\n  url: {cls.base}\n  oidc:\n" + provider("city", g, trusted + near)
                    + provider("strict", g, trusted + near + "      second_factor: {amr: [session]}\n")
                    + provider("inside", g, trusted) + provider("strange", g, near))
        roles = cls.node.data / "roles"
        roles.mkdir(parents=True, mode=0o700)
        cls.node.data.chmod(0o700)
        (roles / "guard.yml").write_text("name: guard\ntitle: Guard\nhelp: Looks, with two factors.\nacts_as: [reader]\nmay: [watch]\n"
                                         "second_factor: required\n")
        cls.node.start()
        token = until("the set-up link", lambda: re.findall(rb"/setup\?token=([0-9a-f]+)", cls.node.log.read_bytes()))[-1].decode()
        cls.admin = Browser()
        _, _, page = cls.admin.ask("GET", f"{cls.base}/setup?token={token}")
        status, _, text = cls.admin.ask("POST", f"{cls.base}/setup", urllib.parse.urlencode(
            {"token": token, "name": "Anna", "password": PASSWORD, "again": PASSWORD, "csrf": cls.hidden(page, "csrf")}))
        assert status == 303, text
        cls.csrf = cls.session(cls.admin)["csrf"]

    @classmethod
    def end(cls):
        cls.provider.stop()
        if os.environ.get("KEEP"):
            cls.node.stop()
        else:
            cls.node.remove()

    @staticmethod
    def hidden(page, name):
        return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', page).group(1))

    @classmethod
    def session(cls, browser):
        status, _, text = browser.ask("GET", f"{cls.base}/api/v1/session")
        return {**json.loads(text)["user"], "csrf": json.loads(text)["csrf"]} if status == 200 else None

    def account(self, browser):
        return json.loads(browser.ask("GET", f"{self.base}/api/v1/account")[2])

    def person(self, name, *groups):
        self.provider.user(name, name + "'s password", list(groups))
        return Browser(self.provider.authority)

    def go(self, browser, name="city", after="/sources"):
        """Where the node sends the browser."""
        status, headers, text = browser.ask("GET", f"{self.base}/login/provider/{name}?next={urllib.parse.quote(after, safe='')}")
        self.assertEqual(status, 303, text)
        self.assertTrue(headers["Location"].startswith(self.provider.issuer + "/auth?"), headers["Location"])
        return headers["Location"]

    def sign_in(self, browser, who, name="city"):
        """(status, headers, text) of the way back."""
        back = self.provider.sign_in(browser, self.go(browser, name), who, who + "'s password")
        return browser.ask("GET", back)

    def assert_refused(self, answer, status, sentence):
        self.assertEqual(answer[0], status, answer[2])
        self.assertIn(html.escape(sentence, quote=False), html.unescape(answer[2]))
        self.assertIn('action="/login"', answer[2])  # the form for local accounts is there

    def query(self, sql, *values):
        db = sqlite3.connect(f"file:{self.node.data}/records.db?mode=ro", uri=True)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def test_page(self):
        _, _, page = Browser().ask("GET", f"{self.base}/login?next=/alerts")
        self.assertIn('href="/login/provider/city?next=%2Falerts"', page)
        self.assertIn("Log in with City", page)
        self.assertIn('action="/login"', page)
        self.assertEqual(Browser().ask("GET", f"{self.base}/login/provider/nobody")[0], 404)

    def test_signs_in(self):
        b = self.person("anna", "other", "soc")
        status, headers, text = self.sign_in(b, "anna")
        self.assertEqual(status, 200, text)
        self.assertEqual(headers["Refresh"], "0; url=/sources")
        s = self.account(b)
        # Anna is somebody else, with a password: nobody takes her account by her name.
        self.assertEqual((s["name"], s["role"], s["organisation"]), ("anna (city)", "analyst", "town"))
        first = self.query("SELECT user_id FROM provider_account p JOIN user_account u ON u.id = p.user_id WHERE u.name = 'anna (city)'")
        self.assertEqual(len(first), 1)
        again = self.person("anna", "chiefs", "soc")  # another day: the same account, another role
        self.assertEqual(self.sign_in(again, "anna")[0], 200)
        s = self.account(again)
        self.assertEqual((s["name"], s["role"], s["organisation"]), ("anna (city)", "ciso", "*"))
        self.assertEqual(self.session(b)["role"], "ciso")
        self.assertEqual(self.query("SELECT COUNT(*) FROM user_account WHERE name LIKE 'anna%'"), [(2,)])
        told = self.query("SELECT what FROM audit WHERE who = 'provider city' AND subject = ? ORDER BY rowid", first[0][0])
        self.assertEqual([w for w, in told], ["user.created", "sign_in", "user.role", "sign_in"], told)

    def test_comes_back_once_and_in_its_browser(self):
        b = self.person("bert", "soc")
        back = self.provider.sign_in(b, self.go(b), "bert", "bert's password")
        old = "This sign-in was too old, or began in another browser. Please try again."
        self.assert_refused(Browser().ask("GET", back), 403, old)
        self.assert_refused(Browser().ask("GET", f"{self.base}/login/provider/city/back"), 403, old)
        cookies = dict(b.cookies)
        self.assertEqual(b.ask("GET", back)[0], 200)
        b.cookies = {k: v for k, v in cookies.items()}  # as it was before: a thief's copy
        self.assert_refused(b.ask("GET", back), 403, old)
        c = Browser()
        self.go(c)
        state = "0" * 64
        self.assert_refused(c.ask("GET", f"{self.base}/login/provider/city/back?code=x&state={state}"), 403, old)
        d = Browser()
        self.go(d, "strict")  # of another provider's button
        moved = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]
        self.assert_refused(d.ask("GET", f"{self.base}/login/provider/city/back?code={moved}&state={state}"), 403, old)

    def test_refuses_what_is_not_right(self):
        refused = "The sign-in service did not let you in. Try again, or log in with a local account."
        b = self.person("carla", "soc")
        back = self.provider.sign_in(b, self.go(b), "carla", "carla's password")
        self.assert_refused(b.ask("GET", re.sub(r"iss=[^&]*", "iss=https%3A%2F%2Felsewhere.example", back)), 403, refused)
        back = self.provider.sign_in(b, self.go(b), "carla", "carla's password")
        self.assert_refused(b.ask("GET", re.sub(r"code=[^&]*", "code=made-up", back)), 403, refused)
        state = urllib.parse.parse_qs(urllib.parse.urlsplit(self.go(b)).query)["state"][0]
        self.assert_refused(b.ask("GET", f"{self.base}/login/provider/city/back?error=access_denied&state={state}"), 403, refused)
        self.assertIsNone(self.session(b))
        self.assertEqual(self.query("SELECT COUNT(*) FROM user_account WHERE name = 'carla'"), [(0,)])

    def test_needs_a_role(self):
        nothing = "The sign-in service knows you, but you have no role here. Ask an administrator."
        b = self.person("dora", "other")
        self.assert_refused(self.sign_in(b, "dora"), 403, nothing)
        self.assertEqual(self.query("SELECT COUNT(*) FROM user_account WHERE name = 'dora'"), [(0,)])
        b = self.person("dora", "lost")  # a role that no file has
        self.assert_refused(self.sign_in(b, "dora"), 403, nothing)
        b = self.person("dora", "soc")
        self.assertEqual(self.sign_in(b, "dora")[0], 200)
        self.assertIsNotNone(self.session(b))
        c = self.person("dora")  # she left: her sessions end with the next try
        self.assert_refused(self.sign_in(c, "dora"), 403, nothing)
        self.assertIsNone(self.session(b))

    def test_disabled_stays_disabled(self):
        b = self.person("emil", "soc")
        self.assertEqual(self.sign_in(b, "emil")[0], 200)
        name = self.session(b)["name"]
        who = self.query("SELECT id FROM user_account WHERE name = ?", name)[0][0]
        self.assertEqual(self.change(f"/api/v1/users/{who}/disable"), 204)
        self.assertIsNone(self.session(b))
        self.assert_refused(self.sign_in(b, "emil"), 403, "Your account here is disabled. Ask an administrator.")
        self.assertEqual(self.change(f"/api/v1/users/{who}/enable"), 204)
        self.assertEqual(self.sign_in(b, "emil")[0], 200)

    def change(self, path):
        return self.admin.ask("POST", self.base + path, json.dumps({}), "application/json", {"X-Sereno-CSRF": self.csrf})[0]

    def test_second_factor(self):
        b = self.person("fred", "guards")
        self.assert_refused(self.sign_in(b, "fred"), 403,
                            "Your role needs a second factor, and the sign-in service did not ask for one. Ask an administrator.")
        self.assertIsNone(self.session(b))
        self.assertEqual(self.sign_in(b, "fred", "strict")[0], 200)  # whose amr counts here
        self.assertEqual(self.session(b)["second_factor"], "on")
        self.assertEqual(b.ask("GET", f"{self.base}/api/v1/alerts")[0], 200)

    def test_config_changes(self):
        """Who is in stays in; a sign-in that is on its way begins anew, since the server does."""
        b = self.person("jana", "soc")
        self.assertEqual(self.sign_in(b, "jana")[0], 200)
        back = self.provider.sign_in(b, self.go(b), "jana", "jana's password")
        text = self.node.config.read_text()
        self.node.config.write_text(text.replace("title: Inside", "title: Indoors"))
        self.node.process.send_signal(signal.SIGHUP)

        def told():
            try:
                return "Log in with Indoors" in Browser().ask("GET", f"{self.base}/login")[2]
            except ConnectionError:  # came in just when the server began anew
                return False

        until("the page to know the new config", told)
        self.assertEqual(self.session(b)["name"], "jana")
        self.assert_refused(b.ask("GET", back), 403, "This sign-in was too old, or began in another browser. Please try again.")
        c = self.person("jana", "soc")
        self.assertEqual(self.sign_in(c, "jana")[0], 200)
        self.assertEqual(self.session(c)["name"], "jana")

    def test_goes_nowhere_else(self):
        down = "The sign-in service does not answer. Log in with a local account, or try again later."
        for name, why in (("inside", b"its address is not public"), ("strange", b"certificate")):
            answer = Browser().ask("GET", f"{self.base}/login/provider/{name}")
            self.assert_refused(answer, 503, down)
            until(f"the log to say {why}", lambda: why in self.node.log.read_bytes())

    def test_new_key(self):
        b = self.person("gina", "soc")
        self.assertEqual(self.sign_in(b, "gina")[0], 200)
        self.provider.rotate("ec")
        c = self.person("gina", "soc")
        self.assertEqual(self.sign_in(c, "gina")[0], 200)
        self.assertIsNotNone(self.session(c))

    def test_provider_down(self):
        b = self.person("hugo", "soc")
        self.assertEqual(self.sign_in(b, "hugo")[0], 200)
        back = self.provider.sign_in(b, self.go(b), "hugo", "hugo's password")
        self.provider.stop()
        self.addCleanup(self.provider.start)
        down = "The sign-in service does not answer. Log in with a local account, or try again later."
        self.assert_refused(b.ask("GET", back), 503, down)
        ask = lambda: Browser().ask("GET", f"{self.base}/login/provider/city")
        until("the node to find out that the provider is gone", lambda: ask()[0] == 503)
        self.assert_refused(ask(), 503, down)
        self.assertIsNotNone(self.session(b))  # who is in stays in
        local = Browser()
        _, _, page = local.ask("GET", f"{self.base}/login")
        status, _, text = local.ask("POST", f"{self.base}/login", urllib.parse.urlencode(
            {"name": "Anna", "password": PASSWORD, "csrf": self.hidden(page, "csrf"), "next": "/"}))
        self.assertEqual(status, 303, text)
        self.assertEqual(self.session(local)["role"], "administrator")

    def test_provider_is_back(self):
        until("the node to find out that the provider is there", lambda: Browser().ask("GET", f"{self.base}/login/provider/city")[0] == 303)
        b = self.person("ines", "soc")
        self.assertEqual(self.sign_in(b, "ines")[0], 200)

    def test_zz_keeps_secrets(self):
        log = self.node.log.read_text(errors="replace")
        self.assertNotIn(provider_kit.CLIENT_SECRET, log)
        self.assertNotIn("eyJ", log)
        self.assertNotRegex(log, r"code=[A-Za-z0-9]{20}")


if __name__ == "__main__":
    why = provider_kit.missing()
    if why:
        print(f"skipped: {why}")
        sys.exit(77)
    unittest.main()
