#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The whole interface from its own description: generated requests, good and hostile, for every operation of the OpenAPI document.
None may end in an error of the server, in an answer that the document does not declare, or in one of another type.
usage: tests/api/test_openapi.py NODE"""
import json
import os
import random
import re
import shutil
import sys
import tempfile
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node
from record_kit import WORDS, fields_of

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
SEED = int(os.environ.get("SERENO_SEED", "1"))
ROUNDS = 12  # requests of one operation
ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"
# What ends the session that asks, never ends itself, or speaks to other machines.
NOT_ASKED = {"/api/v1/stream", "/logout", "/login", "/login/code", "/setup", "/welcome", "/api/v1/federation/join", "/api/v1/account/password",
             "/api/v1/account/sessions/{id}", "/api/v1/account/second-factor", "/api/v1/account/second-factor/confirm"}
STRANGE = ["", "0", "-1", "1e9", "99999999999999999999", "../..", "a/b", "%00", "\u0000", "\u202e", "{}", "x" * 3000, "*", "null", ABSENT, "2026-11-01T00:00:00Z"]
ERROR = {"code": str, "message": str}


class Interface(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-openapi-")
        cls.node = Node(PROGRAM, cls.folder, "", "127.0.0.1")
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.b = Browser(cls.node)
        assert cls.b.setup(link.group(2), "Anna", PASSWORD).status == 303
        cls.document = cls.b.get("/api/v1/openapi.json").json()
        cls.rng = random.Random(SEED)
        cls.known = [ABSENT]

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    def text(self):
        return self.rng.choice(self.rng.choice([WORDS, STRANGE, self.known]))

    def value(self, schema, depth=0):
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            target = self.document["components"]["schemas"][name]
            return fields_of(self.rng, target, {}) if self.rng.random() < 0.6 else {self.text(): self.text()}
        if self.rng.random() < 0.1:
            return self.rng.choice([None, 7, -1, 2.5, [], {}, [[]], True, "x" * 5000])
        if "enum" in schema:
            return self.rng.choice(schema["enum"]) if self.rng.random() < 0.8 else self.text()
        kind = schema.get("type", "string")
        if kind == "integer":
            return self.rng.choice([0, 1, 7, 200, -1, 10**12, "many"])
        if kind == "boolean":
            return self.rng.choice([True, False, "true"])
        if kind == "array":
            return [self.text() for _ in range(self.rng.randrange(3))]
        if kind == "object":
            out = {}
            for name, part in schema.get("properties", {}).items():
                if name in schema.get("required", []) or self.rng.random() < 0.5:
                    out[name] = self.value(part, depth + 1)
            return out
        return self.text()

    def request(self, method, path, operation):
        """One request: address, body, headers."""
        query, headers = [], {}
        for p in operation.get("parameters", []):
            value = self.value(p["schema"])
            value = value if isinstance(value, str) else json.dumps(value)
            if p["in"] == "path":
                path = path.replace("{%s}" % p["name"], urllib.parse.quote(value, safe="") or "x")
            elif p["in"] == "query" and (p["required"] or self.rng.random() < 0.2):
                query.append((p["name"], value))
            elif p["in"] == "header" and p["name"] == "If-Match":
                headers["If-Match"] = self.rng.choice(['"1"', '"2"', "x", '""'])
        headers["X-Sereno-CSRF"] = self.b.csrf
        body, content = None, operation.get("requestBody", {}).get("content", {})
        if content:
            kind = self.rng.choice(sorted(content))
            value = self.value(content[kind]["schema"])
            headers["Content-Type"] = kind
            body = urllib.parse.urlencode({k: str(v) for k, v in value.items()}) if kind.endswith("urlencoded") and isinstance(value, dict) else \
                value if isinstance(value, str) else json.dumps(value)
            body = body.encode("utf-8", "replace")
        return path + ("?" + urllib.parse.urlencode(query) if query else ""), body, headers

    def judge(self, what, operation, a):
        status, kind = str(a.status), (a.headers.get("Content-Type") or "").split(";")[0]
        self.assertTrue(a.status < 500 or a.status == 503, (what, a.body))
        if kind == "application/json" and a.status == 400 and a.json()["error"]["code"] == "bad_address":
            return  # no address, so of no path
        self.assertIn(status, operation["responses"], (what, a.body[:300]))
        declared = operation["responses"][status]
        if "$ref" in declared:
            declared = self.document["components"]["responses"][declared["$ref"].rsplit("/", 1)[1]]
        content = declared.get("content", {})
        if not content:
            self.assertEqual(a.body, b"", what)
            return
        self.assertIn(kind, list(content), (what, status, a.body[:300]))
        if kind == "application/json":
            value = a.json()
            self.assertIsInstance(value, dict, what)
            if content[kind]["schema"] == {"$ref": "#/components/schemas/error"}:
                for name, form in ERROR.items():
                    self.assertIsInstance(value["error"][name], form, what)
                self.assertIn("where", value["error"], what)

    def test_every_operation(self):
        count, good = 0, 0
        for path, methods in sorted(self.document["paths"].items()):
            for method, operation in sorted(methods.items()):
                if path in NOT_ASKED or (method, path) == ("post", "/api/v1/hunts"):  # this node's compiler is a stand-in that knows no hunts
                    continue
                for _ in range(ROUNDS):
                    at, body, headers = self.request(method, path, operation)
                    what = (method, at, body, headers.get("Content-Type"))
                    with self.subTest(what=what):
                        a = self.b.ask(method.upper(), at, body, headers)
                        self.judge(what, operation, a)
                        count, good = count + 1, good + (a.status < 300)
                        if a.status == 201 and a.headers.get("Content-Type", "").startswith("application/json"):
                            self.known += [v for v in [a.json().get("id")] if v]
        self.assertEqual(self.b.get("/api/v1/session").status, 200)
        self.assertGreater(good, count // 20)
        print("%d requests of %d paths, %d taken" % (count, len(self.document["paths"]), good))

    def schemas(self, value):
        if isinstance(value, dict):
            for key, part in value.items():
                if key == "$ref":
                    yield part
                else:
                    yield from self.schemas(part)
        elif isinstance(value, list):
            for part in value:
                yield from self.schemas(part)

    def test_document(self):
        """The rules of OpenAPI 3.1 that a generated document can break, for every register."""
        d = self.document
        self.assertEqual((d["openapi"][:4], set(d) >= {"info", "paths", "components"}), ("3.1.", True))
        kinds = self.b.get("/api/v1/registers").json()["items"]
        for k in kinds:
            schema = d["components"]["schemas"]["register_" + k["name"]]
            self.assertEqual(schema, k["schema"])
            self.assertEqual(schema["$schema"] if "$schema" in schema else "https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2020-12/schema")
            for path in ("", "/{id}", "/{id}/move", "/{id}/chain", "/{id}/named_by", "/{id}/history", "/export", "/import", "/imports"):
                self.assertIn("/api/v1/registers/" + k["plural"] + path, d["paths"])
            post = d["paths"]["/api/v1/registers/" + k["plural"]]["post"]
            self.assertEqual(post["requestBody"]["content"]["application/json"]["schema"]["properties"]["fields"],
                             {"$ref": "#/components/schemas/register_" + k["name"]})
        for ref in self.schemas(d):
            if ref.startswith("#/components/"):
                _, _, part, name = ref.split("/")
                self.assertIn(name, d["components"][part], ref)
        seen = set()
        for path, methods in d["paths"].items():
            self.assertTrue(path.startswith("/"))
            shape = re.sub(r"\{[^}]*\}", "{}", path)
            self.assertNotIn(shape, seen)  # two paths that mean the same
            seen.add(shape)
            for method, operation in methods.items():
                self.assertIn(method, ("get", "put", "post", "delete"))
                self.assertTrue(operation["responses"])
                for status, answer in operation["responses"].items():
                    self.assertRegex(status, "^[1-5][0-9][0-9]$")  # never "default" or a range: those would declare everything
                    self.assertTrue("$ref" in answer or answer["description"])
                named = [(p["in"], p["name"]) for p in operation["parameters"]]
                self.assertEqual(len(named), len(set(named)), path)
                self.assertEqual(sorted(n for where, n in named if where == "path"), sorted(re.findall(r"\{([^}]*)\}", path)))
                self.assertTrue(all(p["required"] for p in operation["parameters"] if p["in"] == "path"))


if __name__ == "__main__":
    unittest.main()
