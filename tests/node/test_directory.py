#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""People whom a real directory (OpenLDAP) knows, at a whole node in its sandbox: who gets in and as what, what is refused, and that local
accounts work whatever the directory does. usage: tests/node/test_directory.py SERENO"""
import html
import json
import os
import re
import sqlite3
import socket
import subprocess
import sys
import time
import unittest
import urllib.parse

import directory_kit
from directory_kit import BASE, SERVICE, Slapd
from node import Node, until
from provider_kit import Browser

SERENO = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
GUID = bytes(range(1, 17))
WRONG = "Name or password is not right."
DOWN = "The sign-in service does not answer. Log in with a local account, or try again later."
NO_ROLE = "The sign-in service knows you, but you have no role here. Ask an administrator."
BARRED = "Your account in the directory is disabled or locked. Ask whoever looks after it."


def directory(name, d, url, more="", kind="openldap", authority=True, people=""):
    ca = f"      ca_file: {d.authority}\n" if authority else ""
    return f"""    - name: {name}
      title: {name.title()} hall
      kind: {kind}
      url: {url}
{ca}      bind_dn: {SERVICE}
      bind_password_file: {d.folder}/secret
      people: {{base: "ou=people,{BASE}"{people}}}
{more}      roles:
        - {{group: "CN=chiefs,OU=Groups,{BASE}", role: ciso}}
        - {{group: "cn=guards,ou=groups,{BASE}", role: guard}}
        - {{group: "cn=soc,ou=groups,{BASE}", role: analyst, organisation: town}}
        - {{group: "cn=lost,ou=groups,{BASE}", role: no_such_role}}
"""


class Directory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(SERENO)
        cls.base = f"http://127.0.0.1:{cls.node.desk}"
        cls.slapd = d = Slapd(cls.node.folder / "directory")
        cls.addClassCleanup(cls.end)
        for name in ("anna", "bert", "carla", "dora", "emil", "fred", "gina", "hugo", "jana", "kim"):
            d.person(name)
        d.person("locked", pwdAccountLockedTime="000001010000Z")
        d.person("off", sAMAccountName="off", userAccountControl=514, objectGUID=bytes(16), memberOf=f"cn=soc,ou=groups,{BASE}")
        d.person("win", sAMAccountName="Win.Dow", userAccountControl=512, objectGUID=GUID, accountExpires=0, memberOf=f"cn=soc,ou=groups,{BASE}")
        for name, members in (("chiefs", ()), ("soc", ("anna", "bert", "dora", "emil", "gina", "hugo", "jana", "kim", "locked")),
                              ("guards", ("fred",)), ("other", ("carla",)), ("lost", ())):
            d.group(name, *members)
        d.start()
        groups = f"      groups: {{base: \"ou=groups,{BASE}\"}}\n"
        windows = ", filter: \"(&(objectClass=adUser)(sAMAccountName={name}))\""
        silent = socket.socket()  # takes connections and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        cls.addClassCleanup(silent.close)
        with open(cls.node.config, "a", encoding="utf-8") as f:
            f.write(f"sign_in:\n  url: {cls.base}\n  ldap:\n" + directory("city", d, f"ldaps://localhost:{d.tls}", groups)
                    + directory("start", d, f"ldap://localhost:{d.plain}", groups)
                    + directory("office", d, f"ldaps://localhost:{d.tls}", "      groups: {attribute: memberOf}\n", "active_directory", people=windows)
                    + directory("strange", d, f"ldaps://localhost:{d.tls}", groups, authority=False))
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
            {"token": token, "name": "anna", "password": PASSWORD, "again": PASSWORD, "csrf": cls.hidden(page, "csrf")}))
        assert status == 303, text
        cls.csrf = cls.session(cls.admin)["csrf"]

    @classmethod
    def end(cls):
        cls.slapd.stop()
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

    def log_in(self, who, name="city", secret=None, browser=None, after="/sources"):
        """(browser, (status, headers, text))"""
        b = browser or Browser()
        status, _, page = b.ask("GET", f"{self.base}/login/directory/{name}?next={urllib.parse.quote(after, safe='')}")
        self.assertEqual(status, 200, page)
        return b, b.ask("POST", f"{self.base}/login/directory/{name}", urllib.parse.urlencode(
            {"name": who, "password": directory_kit.password(who) if secret is None else secret, "csrf": self.hidden(page, "csrf"), "next": after}))

    def gets_in(self, who, name="city", secret=None):
        b, answer = self.log_in(who, name, secret)
        self.assertEqual((answer[0], answer[1]["Location"]), (303, "/sources"), answer[2])
        return b

    def assert_refused(self, answer, status, sentence):
        self.assertEqual(answer[0], status, answer[2])
        self.assertIn(sentence, html.unescape(answer[2]))
        self.assertIn('href="/login?next=', answer[2])  # the way to local accounts is there

    def query(self, sql, *values):
        db = sqlite3.connect(f"file:{self.node.data}/records.db?mode=ro", uri=True)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def asked(self):
        """How often the directory was asked to bind somebody."""
        return (self.slapd.folder / "out").read_bytes().count(b" BIND dn=")

    def sync(self, *more):
        done = subprocess.run([SERENO, "user", "sync", "city", "--data", str(self.node.data), *more], capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    def change(self, method, path, body, browser=None):
        b = browser or self.admin
        csrf = self.csrf if browser is None else self.session(browser)["csrf"]
        status, _, text = b.ask(method, self.base + path, json.dumps(body), "application/json", {"X-Sereno-CSRF": csrf})
        return status, json.loads(text) if text else None

    def test_page(self):
        _, _, page = Browser().ask("GET", f"{self.base}/login?next=/alerts")
        self.assertIn('href="/login/directory/city?next=%2Falerts"', page)
        self.assertIn("Log in with City hall", page)
        _, _, page = Browser().ask("GET", f"{self.base}/login/directory/city?next=/alerts")
        self.assertIn('action="/login/directory/city"', page)
        self.assertIn("Log in with City hall", page)
        _, _, page = Browser().ask("GET", f"{self.base}/login/directory/city", more={"Accept-Language": "de"})
        self.assertIn("Mit City hall anmelden", page)
        self.assertEqual(Browser().ask("GET", f"{self.base}/login/directory/nobody")[0], 404)

    def test_gets_in_and_is_linked_by_its_id(self):
        b = self.gets_in("anna")
        s = self.account(b)
        # anna is an administrator here, with a password of her own: nobody takes her account by her name.
        self.assertEqual((s["name"], s["role"], s["organisation"], s["password"]), ("anna (city)", "analyst", "town", False))  # none of this node
        first = self.query("SELECT p.issuer, p.subject, p.user_id FROM provider_account p JOIN user_account u ON u.id = p.user_id WHERE u.name = 'anna (city)'")
        self.assertEqual([r[0] for r in first], ["ldap:city"])
        self.assertRegex(first[0][1], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.slapd.members("chiefs", "anna")  # another day: the same account, another role
        again = self.gets_in("ANNA", secret=directory_kit.password("anna"))
        s = self.account(again)
        self.assertEqual((s["name"], s["role"], s["organisation"]), ("anna (city)", "ciso", "*"))
        self.assertEqual(self.session(b)["role"], "ciso")
        told = self.query("SELECT what FROM audit WHERE who = 'provider city' AND subject = ? ORDER BY rowid", first[0][2])
        self.assertEqual([w for w, in told], ["user.created", "sign_in", "user.role", "sign_in"], told)
        self.gets_in("anna", "start")  # another directory of the config is another one
        self.assertEqual(self.query("SELECT COUNT(*) FROM user_account WHERE name LIKE 'anna%'"), [(3,)])

    def test_a_name_used_again_is_somebody_else(self):
        before = self.account(self.gets_in("gina"))["name"]
        self.slapd.remove("gina")
        self.slapd.person("gina")
        after = self.account(self.gets_in("gina"))["name"]
        self.assertEqual((before, after), ("gina", "gina (city)"))

    def test_wrong(self):
        self.assert_refused(self.log_in("bert", secret="bert's passwor")[1], 401, WRONG)
        self.assert_refused(self.log_in("nobody")[1], 401, WRONG)
        self.assert_refused(self.log_in("*", secret=directory_kit.password("bert"))[1], 401, WRONG)
        self.assert_refused(self.log_in("bert)(uid=*", secret=directory_kit.password("bert"))[1], 401, WRONG)
        self.assert_refused(self.log_in("ber*", secret=directory_kit.password("bert"))[1], 401, WRONG)
        before = self.asked()
        b, answer = self.log_in("bert", secret="")  # a directory would call that a success
        self.assert_refused(answer, 401, WRONG)
        self.assert_refused(self.log_in("bert", secret="x" * 257)[1], 401, WRONG)
        self.assert_refused(self.log_in("x" * 65)[1], 401, WRONG)
        self.assertEqual(self.asked(), before)
        self.assertIsNone(self.session(b))

    def test_slows_down(self):
        answers = [self.log_in("jana", secret="x")[1] for _ in range(6)]
        self.assertEqual([a[0] for a in answers[:5]], [401] * 5)
        before = self.asked()
        _, answer = self.log_in("Jana", secret=directory_kit.password("jana"))
        self.assertEqual(answer[0], 429, answer[2])
        self.assertGreaterEqual(int(answer[1]["Retry-After"]), 1)
        self.assertEqual(self.asked(), before)

    def test_needs_a_role(self):
        self.assert_refused(self.log_in("carla")[1], 403, NO_ROLE)
        self.assertEqual(self.query("SELECT COUNT(*) FROM user_account WHERE name = 'carla'"), [(0,)])
        self.slapd.members("lost", "carla")  # a role that no file has
        self.assert_refused(self.log_in("carla")[1], 403, NO_ROLE)
        b = self.gets_in("dora")
        self.slapd.members("soc", "anna", "bert", "emil", "gina", "hugo", "jana", "kim", "locked")  # she left: her sessions end with the next try
        self.assert_refused(self.log_in("dora")[1], 403, NO_ROLE)
        self.assertIsNone(self.session(b))

    def test_disabled_there(self):
        self.slapd.change("emil", "userAccountControl", 512)
        b = self.gets_in("emil")
        self.slapd.change("emil", "userAccountControl", 514)
        self.assert_refused(self.log_in("emil")[1], 403, BARRED)
        self.assertIsNone(self.session(b))
        self.slapd.change("emil", "userAccountControl", 512)
        self.slapd.change("emil", "accountExpires", 132223104000000000)
        self.assert_refused(self.log_in("emil")[1], 403, BARRED)
        told = self.query("SELECT after_value FROM audit WHERE what = 'sign_in.refused' AND who = 'provider city' AND after_value LIKE '%directory%'")
        self.assertEqual({t for t, in told}, {"it is disabled in the directory", "it has expired in the directory"})
        self.assert_refused(self.log_in("locked")[1], 403, BARRED)

    def test_a_leavers_record_follows(self):
        """Who is gone from the directory: his person record says that he left, why, and who stands in for what he held; undo takes that back too."""
        for name in ("mara", "milo"):
            self.slapd.person(name)
        self.slapd.members("chiefs", "mara", "milo")
        for name in ("mara", "milo"):
            self.gets_in(name)
        ids = dict(self.query("SELECT name, id FROM user_account WHERE name IN ('mara', 'milo')"))
        kept = {}
        for name, title in (("mara", "Mara Prats"), ("deputy", "Dana Roig")):
            status, row = self.change("POST", "/api/v1/registers/people", {"fields": {"name": title}})
            self.assertEqual(status, 201, row)
            kept[name] = row["id"]
        self.assertEqual(self.change("POST", f"/api/v1/users/{ids['mara']}/person", {"person": kept["mara"]})[0], 204)
        status, row = self.change("POST", "/api/v1/registers/appointments", {"fields": {
            "title": "Act", "person": kept["mara"], "deputy": kept["deputy"], "function": "ciso", "act": "3/26", "begins": "2026-01-01T08:00:00Z"}})
        self.assertEqual(status, 201, row)
        status, _, text = self.admin.ask("POST", f"{self.base}/api/v1/registers/appointments/{row['id']}/move", json.dumps({"to": "signed"}), "application/json",
                                         {"X-Sereno-CSRF": self.csrf, "If-Match": f'"{row["version"]}"'})
        self.assertEqual(status, 200, text)
        self.assertEqual(self.sync("--apply", "--beyond")[0], 0)  # whoever other tests removed
        state = "SELECT state FROM record WHERE id = ?"
        self.slapd.remove("mara")
        self.slapd.remove("milo")  # nobody said whose account that is
        status, text = self.sync()
        self.assertIn("person left Mara Prats", text)
        self.assertIn("held ciso in *: Dana Roig stands in", text)
        self.assertEqual(self.query(state, kept["mara"]), [("active",)])
        status, text = self.sync("--apply", "--beyond")
        self.assertEqual((status, "people: 0 new, 0 changed, 1 left" in text), (0, True), text)
        self.assertEqual(self.query(state, kept["mara"]), [("left",)])
        told = self.query("SELECT what, why FROM audit WHERE subject = ? ORDER BY seq DESC LIMIT 1", f"person/{kept['mara']}")
        self.assertEqual(told, [("record.imported", "it is gone from the directory")])
        self.assertIn("0 leave", self.sync("--apply")[1])
        undo = [SERENO, "user", "undo", re.search(r"sereno user undo (\S+)", text).group(1), "--data", str(self.node.data)]
        done = subprocess.run(undo, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.query(state, kept["mara"]), [("active",)])
        self.assertEqual(self.sync("--apply", "--beyond")[0], 0)

    def test_leavers(self):
        names = ["lea", "leo", "lin", "lou", "lux"]
        for name in names:
            self.slapd.person(name)
        self.slapd.members("chiefs", *names)
        in_ = {n: self.gets_in(n) for n in names}
        self.assertEqual(self.sync("--apply", "--beyond")[0], 0)  # whoever other tests removed
        before = self.query("SELECT COUNT(*) FROM user_account WHERE disabled IS NOT NULL")[0][0]
        status, text = self.sync("--apply")
        self.assertEqual((status, "0 leave" in text), (0, True), text)
        self.slapd.remove("lea")
        self.slapd.change("leo", "userAccountControl", 514)
        status, text = self.sync()  # looks, and changes nothing
        self.assertEqual(status, 0, text)
        self.assertIn("leaves lea ciso: it is gone from the directory", text)
        self.assertIn("leaves leo ciso: it is disabled in the directory", text)
        self.assertIsNotNone(self.session(in_["lea"]))
        status, text = self.sync("--apply")
        self.assertEqual(status, 0, text)
        self.assertEqual([self.session(in_[n]) is None for n in names], [True, True, False, False, False])
        told = dict(self.query("SELECT u.name, a.why FROM audit a JOIN user_account u ON u.id = a.subject WHERE a.what = 'user.disabled' AND u.name IN ('lea', 'leo')"))
        self.assertEqual(told, {"lea": "it is gone from the directory", "leo": "it is disabled in the directory"})
        import_id = re.search(r"sereno user undo (\S+)", text).group(1)
        self.assertIn("0 leave", self.sync("--apply")[1])  # the same again changes nothing
        undo = subprocess.run([SERENO, "user", "undo", import_id, "--data", str(self.node.data)], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(undo.returncode, 0, undo.stderr)
        # a directory that answers with less than it has, or not at all, makes no leavers
        kept = dict(self.slapd.people)
        gone = [n for n, in self.query("SELECT u.name FROM provider_account p JOIN user_account u ON u.id = p.user_id WHERE p.issuer = 'ldap:city' AND "
                                       "u.disabled IS NULL AND u.name IN ('leo', 'lin', 'lou', 'lux')")]
        for name in gone:
            self.slapd.remove(name)
        status, text = self.sync("--apply")
        self.assertEqual(status, 1, text)
        self.assertIn("More than a fifth", text)
        self.slapd.stop()
        status, text = self.sync("--apply")
        self.slapd.start()
        self.assertEqual(status, 1, text)
        self.assertIn("does not answer", text)
        self.assertEqual(self.query("SELECT COUNT(*) FROM user_account WHERE disabled IS NOT NULL")[0][0], before)
        for name in gone:
            self.slapd.person(name, **kept[name])
        self.slapd.remove("lin")
        self.slapd.remove("lou")
        self.slapd.remove("lux")
        status, text = self.sync("--apply", "--beyond")
        self.assertEqual((status, "leaves lux" in text), (0, True), text)
        self.assertIsNone(self.session(in_["lux"]))
        self.assertEqual(self.sync("--nothing")[0], 2)

    def test_shows_its_password_again(self):
        """Who has a directory's password makes API tokens and enrols a second factor with it; a wrong one opens neither."""
        b = self.gets_in("kim")
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))
        body = {"name": "script", "scopes": "watch", "last_day": day, "password": "no"}
        self.assertEqual(self.change("POST", "/api/v1/account/tokens", body, b)[0], 403)
        status, made = self.change("POST", "/api/v1/account/tokens", {**body, "password": directory_kit.password("kim")}, b)
        self.assertEqual(status, 201, made)
        status, _, text = Browser().ask("GET", f"{self.base}/api/v1/alerts", more={"Authorization": "Bearer " + made["token"]})
        self.assertEqual(status, 200, text)
        status, told = self.change("POST", "/api/v1/account/second-factor", {"password": directory_kit.password("kim")}, b)
        self.assertEqual((status, "secret" in told), (201, True), told)
        # no second password beside the directory's
        status, told = self.change("POST", "/api/v1/account/password", {"password": directory_kit.password("kim"), "new": "another lamp by the sea"}, b)
        self.assertEqual((status, told["error"]["code"]), (409, "no_password"))

    def test_windows_names(self):
        b = self.gets_in("win.dow", "office", directory_kit.password("win"))
        s = self.account(b)
        self.assertEqual((s["name"], s["role"]), ("Win.Dow", "analyst"))
        self.assertEqual(self.query("SELECT subject FROM provider_account WHERE issuer = 'ldap:office'"), [("04030201-0605-0807-090a-0b0c0d0e0f10",)])
        self.assert_refused(self.log_in("off", "office")[1], 403, BARRED)

    def test_disabled_here(self):
        b = self.gets_in("bert")
        who = self.query("SELECT id FROM user_account WHERE name = 'bert'")[0][0]
        self.assertEqual(self.change("POST", f"/api/v1/users/{who}/disable", {})[0], 204)
        self.assertIsNone(self.session(b))
        self.assert_refused(self.log_in("bert")[1], 403, "Your account here is disabled. Ask an administrator.")
        self.assertEqual(self.change("POST", f"/api/v1/users/{who}/enable", {})[0], 204)
        self.gets_in("bert")

    def test_certificate(self):
        _, answer = self.log_in("bert", "strange")
        self.assert_refused(answer, 503, DOWN)
        until("the log to say why", lambda: b"its certificate is not good" in self.node.log.read_bytes())

    def test_down(self):
        b = self.gets_in("hugo")
        self.slapd.stop()
        self.addCleanup(self.slapd.start)
        self.assert_refused(self.log_in("hugo")[1], 503, DOWN)
        self.assertIsNotNone(self.session(b))  # who is in stays in
        local = Browser()
        _, _, page = local.ask("GET", f"{self.base}/login")
        status, _, text = local.ask("POST", f"{self.base}/login", urllib.parse.urlencode(
            {"name": "anna", "password": PASSWORD, "csrf": self.hidden(page, "csrf"), "next": "/"}))
        self.assertEqual(status, 303, text)
        self.assertEqual(self.session(local)["role"], "administrator")

    def test_zz_keeps_secrets(self):
        log = self.node.log.read_text(errors="replace")
        self.assertNotIn(directory_kit.SERVICE_PASSWORD, log)
        self.assertNotIn("'s password", log)
        # whatever was said to the directory was encrypted: it refuses to bind anybody else (security simple_bind)
        self.assertNotIn("confidentiality required", (self.slapd.folder / "out").read_text(errors="replace"))


if __name__ == "__main__":
    why = directory_kit.missing()
    if why:
        print(f"skipped: {why}")
        sys.exit(77)
    unittest.main()
