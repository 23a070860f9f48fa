#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""API tokens over HTTP: every route with a token of each scope, as tests/api/permission_matrix.txt has the rights; other people's
tokens; the end of one.
usage: tests/api/test_tokens.py PROGRAM SERENO"""
import datetime
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
SERENO = os.path.abspath(sys.argv.pop(2)) if len(sys.argv) > 2 else ""
PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
from node import LIMIT_S, Browser, Node, Stream  # noqa: E402
from test_people import PASSWORD, matrix  # noqa: E402
STRICT = "name: strict\ntitle: Strict\nhelp: Needs a factor.\nacts_as: [analyst]\nmay: [watch]\nsecond_factor: required\n"


def day(ahead):
    return (datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=ahead)).isoformat()


class Script(Browser):
    """Shows a token instead of a cookie."""

    def __init__(self, node, token):
        super().__init__(node)
        self.token = token

    def headers(self, extra):
        return dict(extra, Authorization="Bearer " + self.token)


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-tokens-")
        own = os.path.join(cls.folder, "data", "roles")
        os.makedirs(own, mode=0o700)
        os.chmod(os.path.join(cls.folder, "data"), 0o700)
        with open(os.path.join(own, "strict.yml"), "w", encoding="utf-8") as f:
            f.write(STRICT)
        cls.node = Node(PROGRAM, cls.folder)
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.admin = Browser(cls.node)
        assert cls.admin.setup(link.group(2), "Anna", PASSWORD).status == 303
        cls.admin.id = cls.admin.get("/api/v1/session").json()["user"]["id"]

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

    def token(self, browser, scopes, **more):
        body = dict({"name": "nightly", "scopes": scopes, "last_day": day(30), "password": PASSWORD}, **more)
        a = browser.send("POST", "/api/v1/account/tokens", body)
        self.assertEqual(a.status, 201, a.body)
        s = Script(self.node, a.json()["token"])
        s.id = a.json()["id"]
        return s

    def audit(self, subject):
        with sqlite3.connect(os.path.join(self.node.data, "records.db")) as db:
            return db.execute("SELECT what, who, why, after_value FROM audit WHERE subject = ? ORDER BY seq", (subject,)).fetchall()

    def ask(self, script, method, path):
        """Status and body, without waiting for the end of what never ends."""
        c = script.connection()
        c.request(method, path, None if method == "GET" else b"{}", script.headers({"Content-Type": "application/json"}))
        r = c.getresponse()
        body = b"" if r.headers.get("Content-Type", "").startswith("text/event-stream") else r.read()
        c.close()
        return r.status, body

    def test_every_route_with_every_scope(self):
        """An administrator's token of one scope opens the routes of that right and nothing else."""
        rows = [(m, p, right) for m, p, right, _ in matrix()[1] if right != "anybody"]
        document = self.admin.get("/api/v1/openapi.json").json()
        self.assertEqual(document["components"]["securitySchemes"]["token"]["scheme"], "bearer")
        scopes = sorted({right for _, _, right in rows} - {"signed in", "known", "people.manage"} | {"persons.read"})
        self.assertEqual(sorted(self.admin.get("/api/v1/account/tokens").json()["scopes"]), scopes)
        for scope in scopes:
            s = self.token(self.admin, scope, name=scope)
            self.assertEqual(s.get("/api/v1/session").json()["user"]["rights"], [scope])
            for method, path, right in rows:
                status, body = self.ask(s, method, path.replace("{", "").replace("}", ""))
                code = "not_by_token" if right in ("signed in", "people.manage") else "scope_needed"
                opened = right in ("known", scope)
                what = (scope, method, path, status, body)
                if opened:
                    self.assertNotIn(b'"scope_needed"', body, what)
                    self.assertNotIn(b'"not_by_token"', body, what)
                    self.assertNotIn(status, (401, 500), what)
                elif path.startswith("/api/"):
                    self.assertEqual((status, b'"%s"' % code.encode() in body), (403, True), what)
                else:
                    self.assertEqual(status, 403, what)
                if "{kind}" not in path and path.startswith("/api/"):
                    operation = document["paths"][path][method.lower()]
                    ways = {k: v for way in operation["security"] for k, v in way.items()}
                    self.assertEqual(ways.get("token"), None if code == "not_by_token" else [] if right == "known" else [right], what)
                    needs = operation["responses"]["403"].get("description", "")
                    self.assertEqual(needs.endswith("the right " + right), right not in ("signed in", "known"), what)
            self.assertEqual(self.admin.send("DELETE", "/api/v1/account/tokens/" + s.id).status, 204)

    def test_parts_of_an_answer(self):
        """Today counts records only for a token that opens the registers."""
        for scopes, counted in (("watch", False), ("watch registers.read", True)):
            s = self.token(self.admin, scopes, name=scopes)
            self.assertEqual(s.get("/api/v1/today").json()["looked_for"] > 0, counted)
            self.assertEqual(self.admin.send("DELETE", "/api/v1/account/tokens/" + s.id).status, 204)

    def test_only_what_the_role_gives(self):
        b = self.person("Rob", role="analyst")
        self.assertNotIn("sources.manage", b.get("/api/v1/account/tokens").json()["scopes"])
        for body, where in (({"scopes": "sources.manage"}, "scopes"), ({"scopes": "watch people.manage"}, "scopes"), ({"scopes": "king"}, "scopes"),
                            ({"scopes": ""}, "scopes"), ({"last_day": day(-1)}, "last_day"), ({"last_day": day(367)}, "last_day"),
                            ({"last_day": "soon"}, "last_day"), ({"name": " "}, "name"), ({"name": "x" * 81}, "name"), ({"password": ""}, "password")):
            a = b.send("POST", "/api/v1/account/tokens", dict({"name": "n", "scopes": "watch", "last_day": day(1), "password": PASSWORD}, **body))
            self.assertEqual((a.status, a.json()["error"]["where"]), (400, where), a.body)
        a = b.send("POST", "/api/v1/account/tokens", {"name": "n", "scopes": "watch", "last_day": day(1), "password": PASSWORD + "x"})
        self.assertEqual((a.status, a.json()["error"]["code"]), (403, "wrong_password"))
        s = self.token(b, "watch hunts.run alerts.work", last_day=day(366))
        row = b.get("/api/v1/account/tokens").json()["items"][0]
        self.assertEqual((row["name"], row["scopes"], row["last_day"], row["last_used"], row["state"]),
                         ("nightly", ["watch", "alerts.work", "hunts.run"], day(366), None, "good"))
        self.assertTrue(s.token.startswith(row["begins"]) and len(row["begins"]) == 15)
        self.assertNotIn(s.token.encode(), b.get("/api/v1/account/tokens").body)
        # A change needs no token of a session, and both who and by what are in the audit trail.
        self.assertEqual(s.send("POST", "/api/v1/hunts/x/cancel").status, 404)
        self.assertEqual(b.get("/api/v1/account/tokens").json()["items"][0]["last_used"], day(0))
        self.assertEqual(self.audit(s.id), [("user_token.created", "Rob", "nightly", "watch alerts.work hunts.run"),
                                            ("user_token.used", "Rob", "first use of the day", "127.0.0.1"),
                                            ("user_token.asked", "Rob", "POST /api/v1/hunts/{id}/cancel", "127.0.0.1")])
        with open(os.path.join(self.node.data, "records.db"), "rb") as f:
            self.assertNotIn(s.token[7:].encode(), f.read())
        # Another role, and the token can no more than that.
        self.assertEqual(self.admin.send("POST", "/api/v1/users/%s/role" % b.id, {"role": "reader"}).status, 204)
        a = s.send("POST", "/api/v1/hunts/x/cancel")
        self.assertEqual((a.status, a.json()["error"]["code"]), (403, "not_permitted"))
        self.assertEqual(s.get("/api/v1/session").json()["user"]["rights"], ["watch"])
        self.assertEqual(s.get("/api/v1/alerts").status, 200)

    def test_others_are_not_there(self):
        b = self.person("Quay Admin", role="administrator", organisation="quay")
        c = self.person("Quay Reader", role="reader", organisation="quay")
        mine, his, far = self.token(b, "watch"), self.token(c, "watch"), self.token(self.admin, "watch")
        absent = b.send("DELETE", "/api/v1/account/tokens/" + "0" * 36)
        self.assertEqual(absent.status, 404)
        for ident in (his.id, far.id, "x"):
            a = b.send("DELETE", "/api/v1/account/tokens/" + ident)
            self.assertEqual((a.status, a.body), (404, absent.body))
        # Of another organisation not even the person is there.
        nobody = b.get("/api/v1/users/%s/tokens" % ("0" * 36))
        a = b.get("/api/v1/users/%s/tokens" % self.admin.id)
        self.assertEqual((nobody.status, a.status, a.body), (404, 404, nobody.body))
        a = b.send("DELETE", "/api/v1/users/%s/tokens/%s" % (self.admin.id, far.id))
        self.assertEqual((a.status, a.body), (404, absent.body))
        self.assertEqual(b.send("DELETE", "/api/v1/users/%s/tokens/%s" % (c.id, mine.id)).status, 404)
        # Of his own he sees them, and ends one; a reader does neither.
        self.assertEqual([r["id"] for r in b.get("/api/v1/users/%s/tokens" % c.id).json()["items"]], [his.id])
        self.assertEqual(c.get("/api/v1/users/%s/tokens" % b.id).status, 403)
        self.assertEqual(c.send("DELETE", "/api/v1/users/%s/tokens/%s" % (b.id, mine.id)).status, 403)
        self.assertEqual(b.send("DELETE", "/api/v1/users/%s/tokens/%s" % (c.id, his.id)).status, 204)
        self.assertEqual((his.get("/api/v1/session").status, mine.get("/api/v1/session").status, far.get("/api/v1/session").status), (401, 200, 200))

    def test_ends_at_once(self):
        b = self.person("Eve", role="reader")
        first, second, third = self.token(b, "watch"), self.token(b, "watch"), self.token(b, "watch")
        stream = Stream(first)
        self.assertEqual(b.send("DELETE", "/api/v1/account/tokens/" + first.id, csrf="0" * 64).status, 403)
        self.assertEqual(b.send("DELETE", "/api/v1/account/tokens/" + first.id).status, 204)
        self.assertIsNone(stream.next(kinds=()))
        stream.c.close()
        a = first.get("/api/v1/alerts")
        self.assertEqual((a.status, a.json()["error"]["code"]), (401, "bad_token"))
        self.assertEqual(a.headers["WWW-Authenticate"], 'Bearer error="invalid_token"')
        self.assertEqual([r["state"] for r in b.get("/api/v1/account/tokens").json()["items"]], ["good", "good", "ended"])
        # From the command line too, with what is open by it.
        stream = Stream(second)
        out = subprocess.run([SERENO, "user", "token", "list", "Eve", "--data", self.node.data], capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertIn(second.id, out.stdout)
        self.assertNotIn(second.token, out.stdout)
        out = subprocess.run([SERENO, "user", "token", "end", "Eve", second.id, "--data", self.node.data], capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertIsNone(stream.next(kinds=()))
        stream.c.close()
        out = subprocess.run([SERENO, "user", "token", "end", "Eve", second.id, "--data", self.node.data], capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(out.returncode, 1)
        # With its person.
        stream = Stream(third)
        out = subprocess.run([SERENO, "user", "disable", "Eve", "--data", self.node.data], capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertIsNone(stream.next(kinds=()))
        stream.c.close()
        self.assertEqual(third.get("/api/v1/alerts").status, 401)
        self.assertEqual(self.admin.send("POST", "/api/v1/users/%s/enable" % b.id, {}).status, 204)
        self.assertEqual(third.get("/api/v1/alerts").status, 401)
        # When its last day is over.
        s = self.token(self.admin, "watch")
        self.assertEqual(s.get("/api/v1/alerts").status, 200)
        with sqlite3.connect(os.path.join(self.node.data, "records.db"), timeout=LIMIT_S) as db:
            db.execute("UPDATE user_token SET expires = 1 WHERE id = ?", (s.id,))
        self.assertEqual(s.get("/api/v1/alerts").status, 401)
        self.assertEqual([r["state"] for r in self.admin.get("/api/v1/account/tokens").json()["items"] if r["id"] == s.id], ["over"])

    def test_no_way_round_the_second_factor(self):
        b = self.person("Sue", role="reader")
        s = self.token(b, "watch")
        self.assertEqual(self.admin.send("POST", "/api/v1/users/%s/role" % b.id, {"role": "strict"}).status, 204)
        for path in ("/api/v1/alerts", "/api/v1/session", "/api/v1/openapi.json"):
            a = s.get(path)
            self.assertEqual((a.status, a.json()["error"]["code"]), (403, "second_factor_needed"), path)
        a = b.get("/api/v1/account/tokens")
        self.assertEqual(a.status, 200)  # his own account stays open to him

    def test_shapes(self):
        s = self.token(self.admin, "watch")
        good = self.admin.cookies
        for value in ("Bearer x", "Bearer " + s.token[:-1], "Bearer " + s.token.upper(), "bearer  " + s.token + "0"):
            a = self.admin.ask("GET", "/api/v1/alerts", headers={"Authorization": value})  # the cookie beside it does not count
            self.assertEqual((a.status, a.json()["error"]["code"]), (401, "bad_token"), value)
        self.assertEqual(self.admin.ask("GET", "/api/v1/alerts", headers={"Authorization": "Basic eDp5"}).status, 200)
        self.assertEqual(self.admin.cookies, good)
        self.assertEqual(Browser(self.node).ask("GET", "/api/v1/alerts", headers={"Authorization": "Bearer " + s.token}).status, 200)

    def test_guessing_waits(self):
        """Who tries what nobody was given waits; a token that is over does not count."""
        folder = tempfile.mkdtemp(prefix="sereno-guess-")
        node = Node(PROGRAM, folder)
        try:
            b = Browser(node)
            self.assertEqual(b.setup(node.expect(r"/setup\?token=([0-9a-f]{64})").group(1), "Anna", PASSWORD).status, 303)
            tokens = []
            for _ in range(2):
                a = b.send("POST", "/api/v1/account/tokens", {"name": "n", "scopes": "watch", "last_day": day(1), "password": PASSWORD})
                self.assertEqual(a.status, 201, a.body)
                tokens.append((a.json()["id"], a.json()["token"]))
            self.assertEqual(b.send("DELETE", "/api/v1/account/tokens/" + tokens[0][0]).status, 204)
            over, good = Script(node, tokens[0][1]), Script(node, tokens[1][1])
            self.assertEqual({over.get("/api/v1/alerts").status for _ in range(30)}, {401})
            self.assertEqual(good.get("/api/v1/alerts").status, 200)
            seen = [Script(node, "sereno_" + "%064x" % i).get("/api/v1/alerts") for i in range(40)]
            self.assertEqual({a.status for a in seen}, {401, 429})
            self.assertTrue(all(int(a.headers["Retry-After"]) > 0 for a in seen if a.status == 429))
            self.assertEqual(b.get("/api/v1/alerts").status, 200)  # sessions are counted apart
        finally:
            node.stop()
            shutil.rmtree(folder)


if __name__ == "__main__":
    unittest.main()
