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
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from node import LIMIT_S, Browser, Node

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
                refused = status == 403 and b'"not_permitted"' in body
                self.assertEqual(refused, not may[role], (role, method, path, status, body))
                self.assertNotIn(status, (401, 500), (role, method, path, body))
                if right != "signed in":
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


if __name__ == "__main__":
    unittest.main()
