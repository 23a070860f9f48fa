#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""People and their roles over HTTP: every role on every route, as tests/api/permission_matrix.txt has it.
usage: tests/api/test_people.py PROGRAM SERENO"""
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from node import LIMIT_S, Browser, Node, Stream

SERENO = os.path.abspath(sys.argv.pop(2)) if len(sys.argv) > 2 else ""
PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
NIGHT = "name: night\ntitle: Night shift\nhelp: Looks and acknowledges.\nacts_as: [analyst]\nmay: [watch, alerts.work]\n"
SHADOW = NIGHT.replace("name: night", "name: analyst").replace("alerts.work", "people.manage")


def matrix():
    """[(method, path, right, {role: may})] of the golden file."""
    with open(os.path.join(HERE, "permission_matrix.txt"), encoding="utf-8") as f:
        head, *lines = f.read().splitlines()
    roles = head[head.index("right") + len("right"):].split()
    rows = []
    for line in lines:
        method, path = line.split()[:2]
        cells = line.split()[-len(roles):]
        right = " ".join(line.split()[2:-len(roles)])
        rows.append((method, path, right, dict(zip(roles, (c == "yes" for c in cells)))))
    return roles, rows


class People(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-people-")
        own = os.path.join(cls.folder, "data", "roles")
        os.makedirs(own, mode=0o700)
        os.chmod(os.path.join(cls.folder, "data"), 0o700)
        for name, text in (("night.yml", NIGHT), ("shadow.yml", SHADOW), ("broken.yml", "name: broken\n"), ("notes.txt", "no role")):
            with open(os.path.join(own, name), "w", encoding="utf-8") as f:
                f.write(text)
        os.symlink("/etc/passwd", os.path.join(own, "link.yml"))
        cls.node = Node(PROGRAM, cls.folder)
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.admin = Browser(cls.node)
        assert cls.admin.setup(link.group(2), "Anna", PASSWORD).status == 303

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    def person(self, name, **more):
        a = self.admin.send("POST", "/api/v1/users", dict(more, name=name, password=PASSWORD))
        self.assertEqual(a.status, 201, a.body)
        b = Browser(self.node)
        self.assertEqual(b.login(name, PASSWORD).status, 303)
        b.id = a.json()["id"]
        return b

    def audit(self, what, subject):
        with sqlite3.connect(os.path.join(self.node.data, "records.db")) as db:
            return db.execute("SELECT who, why, before_value, after_value FROM audit WHERE what = ? AND subject = ? ORDER BY seq",
                              (what, subject)).fetchall()

    def status_of(self, browser, method, path):
        """Status and error code, without waiting for the end of what never ends."""
        headers = {"X-Sereno-CSRF": browser.csrf, "Content-Type": "application/json"}
        c = browser.connection()
        c.request(method, path, None if method == "GET" else b"{}", browser.headers(headers))
        r = c.getresponse()
        body = b"" if r.headers.get("Content-Type", "").startswith("text/event-stream") else r.read()
        c.close()
        return r.status, body

    def test_every_role_on_every_route(self):
        roles, rows = matrix()
        served = self.admin.get("/api/v1/openapi.json").json()["paths"]
        self.assertIn("administrator", roles)
        for role in roles:
            b = self.person("one " + role, role=role)
            session = b.get("/api/v1/session").json()["user"]
            for method, path, right, may in rows:
                if right == "anybody" or path == "/logout":
                    continue
                if "{kind}" not in path:
                    self.assertEqual(served[path][method.lower()]["x-sereno-right"], right)
                status, body = self.status_of(b, method, path.replace("{", "").replace("}", ""))
                refused = status == 403 and (b'"not_permitted"' in body or not path.startswith("/api/"))  # a page says so in words
                self.assertEqual(refused, not may[role], (role, method, path, status, body))
                self.assertNotIn(status, (401, 500), (role, method, path, body))
                if right not in ("signed in", "known"):
                    self.assertEqual(right in session["rights"], may[role], (role, right))
            self.assertEqual(self.audit("user.created", b.id), [("Anna", "one " + role, "", role)])

    def test_stranger_sees_nothing(self):
        b = Browser(self.node)
        b.csrf = ""
        for method, path, right, _ in matrix()[1]:
            status, _ = self.status_of(b, method, path.replace("{", "").replace("}", ""))
            if right != "anybody":
                self.assertEqual(status, 401 if path.startswith("/api/") else 303, path)

    def test_own_roles(self):
        got = self.admin.get("/api/v1/roles").json()
        names = {r["name"]: r for r in got["items"]}
        self.assertEqual(sorted(names), sorted(matrix()[0] + ["night"]))
        self.assertEqual(names["night"]["rights"], ["watch", "alerts.work"])
        self.assertNotIn("people.manage", names["analyst"]["rights"])
        self.assertEqual(sorted(r["file"] for r in got["refused"]), ["DATA/roles/broken.yml", "DATA/roles/shadow.yml"])
        self.node.expect(r'records.role file="link.yml" line=0 why="cannot be read as a file"')
        b = self.person("Nora", role="night")
        self.assertEqual(b.get("/api/v1/alerts").status, 200)
        self.assertEqual(b.get("/api/v1/roles").status, 403)
        self.assertEqual(b.send("POST", "/api/v1/hunts", {"why": "x"}).status, 403)

    def test_bad_requests(self):
        for body, where in (({"name": "Zed", "password": PASSWORD, "role": "king"}, "role"),
                            ({"name": "Zed", "password": PASSWORD, "role": "Administrator"}, "role"),
                            ({"name": " ", "password": PASSWORD, "role": "reader"}, "name"),
                            ({"name": "Zed", "password": PASSWORD, "role": "reader", "organisation": " x"}, "organisation"),
                            ({"name": "Zed", "password": "short", "role": "reader"}, "password")):
            a = self.admin.send("POST", "/api/v1/users", body)
            self.assertEqual((a.status, a.json()["error"]["where"]), (400, where), a.body)

    def test_own_organisation_only(self):
        b = self.person("Harbour Admin", role="administrator", organisation="harbour")
        a = b.send("POST", "/api/v1/users", {"name": "Har", "password": PASSWORD, "role": "reader", "organisation": "lantern"})
        self.assertEqual((a.status, a.json()["error"]["where"]), (400, "organisation"))
        a = b.send("POST", "/api/v1/users", {"name": "Har", "password": PASSWORD, "role": "reader", "organisation": "*"})
        self.assertEqual(a.status, 400)
        a = b.send("POST", "/api/v1/users", {"name": "Har", "password": PASSWORD, "role": "reader"})
        self.assertEqual(a.status, 201)
        with sqlite3.connect(os.path.join(self.node.data, "records.db")) as db:
            self.assertEqual(db.execute("SELECT organisation FROM user_account WHERE name = 'Har'").fetchall(), [("harbour",)])

    def welcome(self, link, password, again=None):
        """Opens a one-time link and chooses a password; returns the browser and the last answer."""
        b = Browser(self.node)
        page = b.get(link)
        if page.status != 200:
            return b, page
        a = b.form("/welcome", {"token": b.hidden(page, "token"), "password": password, "again": password if again is None else again,
                                "csrf": b.hidden(page, "csrf")})
        if a.status == 303:
            b.csrf = b.get("/api/v1/session").json()["csrf"]
        return b, a

    def test_one_time_link(self):
        a = self.admin.send("POST", "/api/v1/users", {"name": "Lea <b>", "role": "reader"})
        self.assertEqual(a.status, 201, a.body)
        ident, link = a.json()["id"], a.json()["link"]
        self.assertRegex(link, r"^/welcome\?token=[0-9a-f]{64}$")
        self.assertRegex(a.json()["expires"], r"^2\d{3}-")
        row = [p for p in self.admin.get("/api/v1/users?q=lea").json()["items"] if p["id"] == ident][0]
        self.assertEqual((row["password"], row["role"], row["disabled"], row["last_seen"]), (False, "reader", None, None))
        self.assertIsNotNone(row["link_expires"])
        self.assertNotEqual(Browser(self.node).login("Lea <b>", "").status, 303)  # without a password nobody gets in
        page = Browser(self.node).get(link)
        self.assertIn("Lea &#60;b&#62;", page.text)
        self.assertNotIn("<b>", page.text)
        b, a = self.welcome(link, "short")
        self.assertEqual(a.status, 400)
        b, a = self.welcome(link, PASSWORD, PASSWORD + "x")
        self.assertEqual(a.status, 400)
        self.assertIn("differ", a.text)
        b, a = self.welcome(link, PASSWORD)
        self.assertEqual(a.status, 303, a.body)
        self.assertEqual(b.get("/api/v1/session").json()["user"]["name"], "Lea <b>")
        again, a = self.welcome(link, PASSWORD)  # it works once
        self.assertEqual(a.status, 403)
        self.assertIn("Ask an administrator", a.text)
        self.assertEqual(self.audit("user.password", ident), [("Lea <b>", "by sign-in link", "", "")])
        with sqlite3.connect(os.path.join(self.node.data, "records.db")) as db:
            for (text,) in db.execute("SELECT password FROM user_account UNION ALL SELECT hash FROM sign_in_link"):
                self.assertNotIn(PASSWORD.encode(), text if isinstance(text, bytes) else text.encode())
        # A second link ends the sessions when it is used, and the first of two dies.
        first = self.admin.send("POST", "/api/v1/users/%s/link" % ident).json()["link"]
        second = self.admin.send("POST", "/api/v1/users/%s/link" % ident).json()["link"]
        self.assertEqual(Browser(self.node).get(first).status, 403)
        self.assertEqual(b.get("/api/v1/session").status, 200)
        _, a = self.welcome(second, PASSWORD + " eight")
        self.assertEqual(a.status, 303)
        self.assertEqual(b.get("/api/v1/session").status, 401)
        self.assertEqual(Browser(self.node).login("Lea <b>", PASSWORD).status, 401)
        self.assertEqual(Browser(self.node).login("Lea <b>", PASSWORD + " eight").status, 303)

    def test_role_and_disable_at_once(self):
        b = self.person("Rob", role="analyst")
        path = "/api/v1/users/" + b.id
        stream = Stream(b)
        self.assertEqual(b.send("POST", "/api/v1/hunts/x/cancel").status, 404)
        self.assertEqual(self.admin.send("POST", path + "/role", {"role": "king"}).status, 400)
        self.assertEqual(self.admin.send("POST", path + "/role", {"role": "reader", "why": "left the SOC"}).status, 204)
        self.assertEqual(self.admin.send("POST", path + "/role", {"role": "reader"}).status, 409)
        self.assertIsNone(stream.next(kinds=()))
        stream.c.close()  # the stream ended: it comes back in the new role
        self.assertEqual(b.send("POST", "/api/v1/hunts/x/cancel").status, 403)
        self.assertEqual(b.get("/api/v1/session").json()["user"]["role"], "reader")
        stream = Stream(b)
        self.assertEqual(self.admin.send("POST", path + "/disable", {}).status, 204)
        self.assertIsNone(stream.next(kinds=()))
        stream.c.close()
        self.assertEqual(b.get("/api/v1/session").status, 401)
        self.assertEqual(Browser(self.node).login("Rob", PASSWORD).status, 401)
        self.assertEqual(self.admin.send("POST", path + "/link").status, 404)
        row = self.admin.get("/api/v1/users?q=ROB").json()["items"][0]
        self.assertIsNotNone(row["disabled"])
        self.assertEqual(self.admin.send("POST", path + "/enable", {"why": "back"}).status, 204)
        self.assertEqual(b.get("/api/v1/session").status, 401)  # old sessions stay ended
        self.assertEqual(Browser(self.node).login("Rob", PASSWORD).status, 303)
        self.assertEqual(self.audit("user.role", b.id), [("Anna", "left the SOC", "analyst", "reader")])
        self.assertEqual(self.audit("user.disabled", b.id), [("Anna", "", "Rob", "")])
        self.assertEqual(self.audit("user.enabled", b.id), [("Anna", "back", "Rob", "")])

    def test_others_are_not_there(self):
        b = self.person("Quay Admin", role="administrator", organisation="quay")
        c = self.person("Quay Reader", role="reader", organisation="quay")
        own = [p["name"] for p in b.get("/api/v1/users").json()["items"]]
        self.assertEqual(own, ["Quay Admin", "Quay Reader"])
        admin = self.admin.get("/api/v1/session").json()["user"]["id"]
        absent = b.send("POST", "/api/v1/users/" + "0" * len(admin) + "/disable", {})
        self.assertEqual(b.get("/api/v1/users/" + c.id).json()["name"], "Quay Reader")
        for ident in (admin, "0" * len(admin), "x"):
            self.assertEqual(b.get("/api/v1/users/" + ident).status, 404, ident)
        self.assertEqual(b.get("/api/v1/users/" + admin).body, b.get("/api/v1/users/" + "0" * len(admin)).body)
        for what, body in (("disable", {}), ("enable", {}), ("role", {"role": "reader"}), ("link", None)):
            a = b.send("POST", "/api/v1/users/%s/%s" % (admin, what), body)
            self.assertEqual((a.status, a.body), (404, absent.body), what)
        self.assertEqual(b.send("POST", "/api/v1/users/%s/disable" % c.id, {}).status, 204)
        self.assertEqual(self.admin.get("/api/v1/session").status, 200)

    def test_last_administrator_stays_and_dead_links(self):
        """On a node of its own: who tries dead links waits, and the others come from the same address."""
        folder = tempfile.mkdtemp(prefix="sereno-last-")
        node = Node(PROGRAM, folder)
        try:
            b = Browser(node)
            self.assertEqual(b.setup(node.expect(r"/setup\?token=([0-9a-f]{64})").group(1), "Anna", PASSWORD).status, 303)
            for token in ("0" * 64, "x", ""):
                self.assertEqual(Browser(node).get("/welcome?token=" + token).status, 403, token)
            a = b.send("POST", "/api/v1/users", {"name": "Late", "role": "reader"})
            with sqlite3.connect(os.path.join(node.data, "records.db")) as db:
                db.execute("UPDATE sign_in_link SET expires = 1 WHERE user_id = ?", (a.json()["id"],))
            # The page of a link, and what is wrong with it, in the language of the browser.
            es = {"Accept-Language": "es-MX, en;q=0.5"}
            a = Browser(node).get(a.json()["link"], es)
            self.assertEqual(a.status, 403)
            self.assertIn('<html lang="es">', a.text)
            a = b.send("POST", "/api/v1/users", {"name": "Luz <i>", "role": "reader"})
            s = Browser(node)
            page = s.get(a.json()["link"], es)
            self.assertIn('<html lang="es">', page.text)
            self.assertIn("Luz &#60;i&#62;", page.text)
            path = "/api/v1/users/" + b.get("/api/v1/session").json()["user"]["id"]
            for what, body in (("disable", {}), ("role", {"role": "reader"})):
                a = b.send("POST", path + "/" + what, body)
                self.assertEqual((a.status, a.json()["error"]["code"]), (409, "last_administrator"))
            self.assertEqual(b.send("POST", "/api/v1/users", {"name": "Bo", "password": PASSWORD}).status, 201)
            self.assertEqual(b.send("POST", path + "/disable", {}).status, 204)
            self.assertEqual(b.get("/api/v1/session").status, 401)
        finally:
            node.stop()
            shutil.rmtree(folder)

    def test_own_sessions_and_password(self):
        b = self.person("Sam", role="reader")
        other, third = Browser(self.node), Browser(self.node)
        self.assertEqual((other.login("Sam", PASSWORD).status, third.login("Sam", PASSWORD).status), (303, 303))
        rows = b.get("/api/v1/account/sessions").json()["items"]
        self.assertEqual([len(r["id"]) for r in rows], [32, 32, 32])
        self.assertEqual([r["this"] for r in rows].count(True), 1)
        self.assertEqual({r["address"] for r in rows}, {"127.0.0.1"})
        mine = [r["id"] for r in third.get("/api/v1/account/sessions").json()["items"] if r["this"]][0]
        stranger = self.person("Tom", role="administrator")
        self.assertEqual(stranger.send("DELETE", "/api/v1/account/sessions/" + mine).status, 404)
        self.assertEqual(b.send("DELETE", "/api/v1/account/sessions/" + "0" * 32).status, 404)
        stream = Stream(third)
        self.assertEqual(b.send("DELETE", "/api/v1/account/sessions/" + mine, csrf="0" * 64).status, 403)
        self.assertEqual(b.send("DELETE", "/api/v1/account/sessions/" + mine).status, 204)
        self.assertIsNone(stream.next(kinds=()))
        stream.c.close()
        self.assertEqual(third.get("/api/v1/session").status, 401)
        fresh = PASSWORD + " eight"
        for body, status, where in (({"password": PASSWORD, "new": "short"}, 400, "new"), ({"password": "", "new": fresh}, 400, "password"),
                                    ({"password": PASSWORD}, 400, "new"), ({"password": "x" * 257, "new": fresh}, 400, "password"),
                                    ({"password": PASSWORD + "x", "new": fresh}, 403, "password")):
            a = b.send("POST", "/api/v1/account/password", body)
            self.assertEqual((a.status, a.json()["error"]["where"]), (status, where), a.body)
        self.assertEqual(other.get("/api/v1/session").status, 200)
        self.assertEqual(b.send("POST", "/api/v1/account/password", {"password": PASSWORD, "new": fresh}).status, 204)
        self.assertEqual(b.get("/api/v1/session").status, 200)  # one's own stays
        self.assertEqual(other.get("/api/v1/session").status, 401)
        self.assertEqual(Browser(self.node).login("Sam", PASSWORD).status, 401)
        self.assertEqual(Browser(self.node).login("Sam", fresh).status, 303)
        self.assertEqual(self.audit("user.password", b.id), [(b.id, "changed by its person", "", "")])

    def test_guessing_the_present_password_waits(self):
        """On a node of its own: failures count for the address too."""
        folder = tempfile.mkdtemp(prefix="sereno-guess-")
        node = Node(PROGRAM, folder)
        try:
            b = Browser(node)
            self.assertEqual(b.setup(node.expect(r"/setup\?token=([0-9a-f]{64})").group(1), "Anna", PASSWORD).status, 303)
            got = []
            while 429 not in got and len(got) < 15:  # the waits double, so that one of them outlasts any machine
                got.append(b.send("POST", "/api/v1/account/password", {"password": "wrong wrong wrong", "new": PASSWORD + " nine"}).status)
            self.assertEqual((got[:5], got[-1]), ([403] * 5, 429), got)
        finally:
            node.stop()
            shutil.rmtree(folder)

    def test_guesses_at_the_same_moment(self):
        """Twenty that begin before the first is known are no more than one after another."""
        folder = tempfile.mkdtemp(prefix="sereno-guess-")
        node = Node(PROGRAM, folder)
        try:
            b, got, barrier = Browser(node), [], threading.Barrier(20)
            self.assertEqual(b.setup(node.expect(r"/setup\?token=([0-9a-f]{64})").group(1), "Anna", PASSWORD).status, 303)

            def guess(n):
                x = Browser(node)
                csrf = x.hidden(x.get("/login"), "csrf")
                barrier.wait(60)
                got.append(x.form("/login", {"name": "Anna", "password": "wrong wrong %d" % n, "csrf": csrf, "next": "/"}).status)

            all_ = [threading.Thread(target=guess, args=(n,)) for n in range(20)]
            for t in all_:
                t.start()
            for t in all_:
                t.join()
            self.assertEqual((got.count(401) <= 5, len(got), set(got)), (True, 20, {401, 429}), got)
        finally:
            node.stop()
            shutil.rmtree(folder)

    def test_pages(self):
        b = self.person("Pager", role="auditor", organisation="pages")
        for i in range(3):
            self.person("Page %d" % i, role="reader", organisation="pages")
        got, cursor = [], ""
        while cursor is not None:
            page = b.get("/api/v1/users?limit=3&cursor=" + cursor).json()
            got += [p["name"] for p in page["items"]]
            cursor = page["next"]
        self.assertEqual(got, ["Page 0", "Page 1", "Page 2", "Pager"])
        for query in ("limit=0", "limit=201", "limit=x", "q=" + "x" * 65, "q=%ff", "cursor=x", "what=1"):
            self.assertEqual(b.get("/api/v1/users?" + query).status, 400, query)

    def sereno(self, *words, text=""):
        return subprocess.run([SERENO, *words, "--data", self.node.data], input=text, capture_output=True, text=True, timeout=LIMIT_S)

    def test_command_line(self):
        r = self.sereno("user", "add", "Carla", "--role", "auditor", text=PASSWORD + "\n")
        self.assertEqual((r.returncode, r.stdout), (0, "Carla may log in now. Role: auditor.\n"), r.stderr)
        b = Browser(self.node)
        self.assertEqual(b.login("Carla", PASSWORD).status, 303)
        self.assertEqual(b.get("/api/v1/session").json()["user"]["role"], "auditor")
        r = self.sereno("user", "add", "Dora", "--role", "king", text=PASSWORD + "\n")
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("no such role", r.stderr)
        r = self.sereno("user", "role", "Carla", "reader")
        self.assertEqual((r.returncode, r.stdout), (0, "Carla has another role now.\n"), r.stderr)
        self.assertEqual(b.get("/api/v1/session").json()["user"]["role"], "reader")
        r = self.sereno("user", "list")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertRegex(r.stdout, r"(?m)^Carla +reader +\*")
        self.assertEqual(self.sereno("user", "disable", "Carla").returncode, 0)
        self.assertEqual(b.get("/api/v1/session").status, 401)
        self.assertRegex(self.sereno("user", "list").stdout, r"(?m)^Carla +reader +\* +disabled$")
        self.assertNotEqual(self.sereno("user", "disable", "Carla").returncode, 0)
        self.assertEqual(self.sereno("user", "enable", "Carla").returncode, 0)
        for words in (("add", "Elsa", "--role", "reader", "--link"), ("link", "Carla")):
            r = self.sereno("user", *words)
            self.assertEqual(r.returncode, 0, r.stderr)
            _, a = self.welcome(r.stdout.split(": ")[1].strip(), PASSWORD)
            self.assertEqual(a.status, 303, a.body)
        r = self.sereno("user", "disable", "Nobody here")
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("nobody is called", r.stderr)
        for words in (("list", "x"), ("role", "Carla"), ("disable",), ("enable", "a", "b"), ("link", "a", "--role", "reader"), ("frob", "x")):
            self.assertEqual(self.sereno("user", *words).returncode, 2, words)


if __name__ == "__main__":
    unittest.main()
