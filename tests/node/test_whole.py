#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Everything of a node out and in again: a node on what `sereno import` made gives the same answer to every question that a page or a
program can ask. A flipped byte in any file, and an archive made to do harm, are refused by name.
usage: tests/node/test_whole.py PROGRAM OLD_ARCHIVE CLOCK"""
import hashlib
import importlib.util
import io
import json
import os
import pathlib
import random
import re
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tarfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, TOKEN, extra_options, until  # noqa: E402
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "api"))
from record_kit import fields_of  # noqa: E402
at = importlib.util.spec_from_file_location("api_node", pathlib.Path(__file__).parent.parent / "api" / "node.py")
api_node = importlib.util.module_from_spec(at)
at.loader.exec_module(api_node)

PROGRAM, OLD_ARCHIVE, CLOCK = "", "", ""
PASSWORD = "harbour lamp seven"
SEED = int(os.environ.get("SERENO_SEED", "1"))
MANIFEST = "MANIFEST.sha256"
PACKED_DAY = 20600  # days since 1970 of a day that a node merges when it starts

# What two nodes cannot say alike, by key: what belongs to one session, and that the second node was verified in between. Nothing else
# differs, not even what is told of now, for the clock of both stands still.
OWN = {"csrf"}
OWN_OF = {"/api/v1/today": {"verified"}}
# Questions whose answer is about the machine and the running process, not about what is kept.
OF_THE_MACHINE = {"/api/v1/status", "/api/v1/stream", "/api/v1/account/sessions"}

OWN_REGISTER = """title: Bicycles
type: object
required: [label]
additionalProperties: false
properties:
  label: {type: string, minLength: 1, maxLength: 40}
  wheels: {type: integer, minimum: 1, x-index: true}
x-table: {name: bicycle, plural: bicycles, title: label}
x-tlp: {default: GREEN, max: AMBER}
x-perm:
  administrator: {ops: [read, create, change, move]}
x-states:
  initial: fine
  list: [{id: fine}, {id: gone, final: true}]
  transitions:
    - {from: fine, to: gone, roles: [administrator], reason: true}
"""


def sereno(*args, stdin=None):
    done = subprocess.run([PROGRAM, *map(str, args)], input=stdin, capture_output=True, timeout=300)
    said = "".join(l for l in done.stderr.decode(errors="replace").splitlines(True) if "sandbox.absent" not in l)
    return done.returncode, done.stdout, said


class Desk:
    """What api_node's browser needs of a node."""

    def __init__(self, node):
        self.port = node.desk


def without_own(value, own=frozenset(OWN)):
    if isinstance(value, dict):
        return {k: without_own(v, own) for k, v in value.items() if k not in own}
    return [without_own(v, own) for v in value] if isinstance(value, list) else value


class Whole(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.weaker = extra_options()
        cls.node = Node(PROGRAM)
        cls.node.data.mkdir(parents=True, mode=0o700)
        subprocess.run([OLD_ARCHIVE, str(cls.node.data / "archive"), str(PACKED_DAY), "1", "12"], check=True)
        for folder, name, text in (("registers", "bicycle.yml", OWN_REGISTER), ("rules", "own rule (ours).yml", "# a city's own\n")):
            (cls.node.data / folder).mkdir(exist_ok=True, mode=0o700)
            (cls.node.data / folder / name).write_text(text)
        cls.node.start()
        link = until("the set-up link", lambda: re.search(r"/setup\?token=([0-9a-f]{64})", cls.node.log.read_text(errors="replace")))
        cls.browser = api_node.Browser(Desk(cls.node))
        assert cls.browser.setup(link.group(1), "Anna", PASSWORD).status == 303
        cls.fill_logs()
        cls.fill_records()
        cls.merged()
        cls.folder = cls.node.folder
        cls.to_file = sereno("export", "--all", cls.folder / "whole.tar.zst", "--data", cls.node.data, "--with-secrets", *cls.weaker)
        cls.to_pipe = sereno("export", "--all", "-", "--data", cls.node.data, *cls.weaker)
        assert cls.node.stop() == 0
        cls.to_folder = sereno("export", "--all", cls.folder / "plain", "--data", cls.node.data, "--config", cls.node.config, *cls.weaker)
        cls.silent = sereno("export", "--all", cls.folder / "silent", "--data", cls.node.data, "--with-secrets", *cls.weaker)

    @classmethod
    def tearDownClass(cls):
        cls.node.remove()

    @classmethod
    def fill_logs(cls):
        lines = [b'{"message":"line %d \\u00e9 \xe9 sereno-marker-alarm","host":"web%d"}' % (i, i % 3) for i in range(120)]
        lines += [b'{"message":"not UTF-8: \xff\xfe %d"}' % i for i in range(5)] + [b'{"message":"with a NUL \x00 byte"}', b"", b"no JSON at all"]

        code, text = cls.node.post(b"\n".join(lines) + b"\n")
        assert code == 200, text

        def alarm():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                for host in ("web1", "web2"):
                    s.sendto(b"<13>%s: sereno-marker-alarm" % host.encode(), ("127.0.0.1", cls.node.udp))
            return cls.node.alerts()
        until("alerts", alarm)
        seen = []

        def quiet():  # all that was sent has become alerts
            seen.append(sorted(cls.node.alerts()))
            return len(seen) > 50 and seen[-1] == seen[-50]
        until("the last alert", quiet)

    @classmethod
    def merged(cls):
        def packs():
            with sqlite3.connect(f"file:{cls.node.data}/archive/2026-05-27.db?mode=ro", uri=True) as db:
                return db.execute("SELECT count(*) FROM block WHERE kind = 3").fetchone()[0]
        until("the oldest day to be merged", packs)

    @classmethod
    def send(cls, method, path, value=None, status=(200, 201, 204), **headers):
        h = {"Content-Type": "application/json", "X-Sereno-CSRF": cls.browser.csrf, **headers}
        a = cls.browser.ask(method, path, None if value is None else json.dumps(value), h)
        assert a.status in status, (method, path, a.status, a.body)
        return a

    @classmethod
    def fill_records(cls):
        rng = random.Random(SEED)
        for kind in ("tender", "minute", "roster"):
            cls.send("PUT", "/api/v1/register-kinds/" + kind, {"to": "on", "why": "we buy things"})
        kinds = cls.browser.get("/api/v1/registers").json()["items"]
        links, made = {}, 0
        for _ in range(2):  # the second time there is something to name
            for kind in kinds:
                for _ in range(3):
                    fields = fields_of(rng, kind["schema"], links)
                    a = cls.send("POST", "/api/v1/registers/" + kind["plural"], {"fields": fields}, status=(201, 422))
                    if a.status == 201:
                        made += 1
                        links.setdefault(kind["name"], []).append(a.json()["id"])
        assert made > 30, made
        cls.send("POST", "/api/v1/registers/bicycles", {"fields": {"label": "=1+1 'Größe'", "wheels": 2}})
        bicycle = cls.browser.get("/api/v1/registers/bicycles").json()["items"][0]["id"]
        one = cls.browser.get("/api/v1/registers/bicycles/" + bicycle)
        cls.send("PUT", "/api/v1/registers/bicycles/" + bicycle, {"fields": {"label": "red", "wheels": 3}, "why": "a third one"}, **{"If-Match": one.headers["ETag"]})
        table = "label,wheels\r\n" + "".join("b%d,%d\r\n" % (i, i + 1) for i in range(20))
        a = cls.browser.ask("POST", "/api/v1/registers/bicycles/import?apply=true&why=first", table, {"Content-Type": "text/csv", "X-Sereno-CSRF": cls.browser.csrf})
        assert a.status == 200, a.body
        cls.send("POST", "/api/v1/tokens", {"name": "a sender", "source": "auto"}, status=(200, 201, 400, 422))
        code, _, said = sereno("user", "add", "Ines", "--role", "analyst", "--data", cls.node.data, stdin=b"harbour lamp eight\nharbour lamp eight\n")
        assert code == 0, said

    # -- questions

    def answers(self, node):
        """Every question without a body that the interface has, asked for everything that it is answered of."""
        b = api_node.Browser(Desk(node))
        self.assertEqual(b.login("Anna", PASSWORD).status, 303)
        api = b.get("/api/v1/openapi.json").json()
        got, ids = {}, {}
        simple = [p for p, m in api["paths"].items() if "get" in m and p.startswith("/api/") and p not in OF_THE_MACHINE]
        plain = sorted(p for p in simple if "{" not in p)
        self.assertGreater(len(plain), 40, plain)
        for path in plain:
            self.take(b, path, got, ids)
        for path in sorted(p for p in simple if p.count("{") == 1):
            parent = path[:path.index("{")].rstrip("/")
            for one in ids.get(parent, []):
                self.take(b, re.sub(r"\{\w+\}", one, path), got, ids)
        return got

    def take(self, b, path, got, ids):
        a = b.get(path)
        if a.headers.get("Content-Type", "").startswith("application/json"):
            value = a.json()
            got[path] = (a.status, without_own(value, OWN | OWN_OF.get(path, set())))
            items = value.get("items") if isinstance(value, dict) else None
            if isinstance(items, list):
                ids[path] = [i["id"] for i in items if isinstance(i, dict) and "id" in i]
                for field in ("sort=-changed", "sort=created", "limit=2", "q=a"):  # another order, a page, a search, where there is one
                    other = b.get(path + "?" + field)
                    got[path + "?" + field] = (other.status, without_own(other.json()))
        else:
            got[path] = (a.status, a.body)

    def imported(self, name, source, stdin=None):
        place = self.folder / name
        code, out, said = sereno("import", source, "--data", place, *self.weaker, stdin=stdin)
        self.assertEqual(code, 0, said)
        self.assertIn(b"all as the manifest lists them", out)
        return place

    def verified(self, place):
        code, out, said = sereno("verify", "--data", place, *self.weaker)
        self.assertEqual((code, out.splitlines()[-1]), (0, b"Everything fits."), (out, said))

    def test_same_answers(self):
        code, _, said = self.silent
        self.assertEqual(code, 0, said)
        before = self.trees()
        place = self.imported("again", self.folder / "silent")
        self.verified(place)
        self.hold_clock()
        self.node.start()
        first = self.answers(self.node)
        self.assertEqual(self.node.stop(), 0)
        aside = self.folder / "aside"
        self.node.data.rename(aside)  # under the same name: answers tell where rules lie
        place.rename(self.node.data)
        try:
            self.node.start()
            second = self.answers(self.node)
            self.assertEqual(self.node.stop(), 0)
        finally:
            self.node.data.rename(place)
            aside.rename(self.node.data)
            self.node.env = None
        self.assertEqual(sorted(first), sorted(second))
        self.assertGreater(len(first), 200)
        for path in first:
            self.assertEqual(first[path], second[path], path)
        self.assertGreater(len(before), 10)

    def hold_clock(self):
        """The node's wall clock stands still from here on: both are asked at the same moment, whatever they count from now."""
        clock = self.folder / "clock"
        clock.write_bytes(struct.pack("qq", 0, int(time.time())))
        asan = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
        self.node.env = {**os.environ, "LD_PRELOAD": CLOCK, "SERENO_CLOCK": str(clock), "ASAN_OPTIONS": asan}

    def trees(self):
        """The originals of every record of the archive, by its address."""
        code, out, said = sereno("export", "--data", self.node.data, *self.weaker)
        self.assertEqual(code, 0, said)
        return sorted(out.splitlines())

    def test_logs_come_back(self):
        place = self.imported("logs", self.folder / "silent")
        code, out, said = sereno("export", "--data", place, *self.weaker)
        self.assertEqual((code, sorted(out.splitlines())), (0, self.trees()), said)

    def test_exports_of_exports(self):
        """What was imported is exported as the same files, byte for byte, but for the head, which has its time."""
        place = self.imported("twice", self.folder / "silent")
        code, _, said = sereno("export", "--all", self.folder / "twice-out", "--data", place, "--with-secrets", *self.weaker)
        self.assertEqual(code, 0, said)
        first, second = (self.manifest(self.folder / n) for n in ("silent", "twice-out"))
        first.pop("EXPORT.json"), second.pop("EXPORT.json")
        self.assertEqual(first, second)

    @staticmethod
    def manifest(folder):
        return {l[66:]: l[:64] for l in (folder / MANIFEST).read_text().splitlines()}

    def test_files_and_manifest(self):
        code, _, said = self.to_folder
        self.assertEqual(code, 0, said)
        self.assertIn("RED items and the logs included", said)
        folder = self.folder / "plain"
        listed = self.manifest(folder)
        found = {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST}
        self.assertEqual(listed, found)
        for name in ("EXPORT.json", "COUNTS.ndjson", "files/registers/bicycle.yml", "files/rules/own rule (ours).yml", "config/sereno.yml", "archive/seals.jsonl"):
            self.assertIn(name, listed)
        head = json.loads((folder / "EXPORT.json").read_text())
        self.assertEqual((head["format"], head["secrets"]), ("sereno-export", False))
        with sqlite3.connect(f"file:{self.node.data}/records.db?mode=ro", uri=True) as db:
            tables = {r[0] for r in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")}
            self.assertEqual({t["name"] for t in head["tables"]} - {"sqlite_sequence"}, tables)
            for t in head["tables"]:
                rows = db.execute('SELECT count(*) FROM "%s"' % t["name"]).fetchone()[0]
                lines = sum(len(p.read_bytes().splitlines()) for p in folder.glob("records/%s.*" % t["name"]))
                self.assertIn(lines, (0,) if "left_out" in t else (rows,), t["name"])
                self.assertEqual([c["name"] for c in t["columns"]], [c[1] for c in db.execute('PRAGMA table_info("%s")' % t["name"])])
        counts = {json.loads(l)["of"]: json.loads(l)["lines"] for l in (folder / "COUNTS.ndjson").read_text().splitlines()}
        for stem, n in counts.items():
            self.assertEqual(n, sum(p.read_bytes().count(b"\n") for p in folder.glob(glob_safe(stem) + ".*")), stem)

    def test_no_secret_without_asking(self):
        with sqlite3.connect(f"file:{self.node.data}/records.db?mode=ro", uri=True) as db:
            secrets = [r[0].encode() for r in db.execute("SELECT password FROM user_account WHERE password <> ''")]
        self.assertTrue(secrets)
        text = b"".join(p.read_bytes() for p in (self.folder / "plain").rglob("*") if p.is_file())
        for s in secrets:
            self.assertNotIn(s, text)
        names = self.manifest(self.folder / "plain")
        for table in ("session", "setup_token", "sign_in_link", "second_factor", "recovery_code"):
            self.assertFalse([n for n in names if n.startswith("records/%s." % table)], table)
        self.assertFalse([n for n in names if n.startswith("keys/")])
        self.assertTrue([n for n in self.manifest(self.folder / "silent") if n.startswith("keys/")])

    def test_without_secrets_nobody_signs_in(self):
        place = self.imported("closed", self.folder / "plain")
        self.verified(place)
        with sqlite3.connect(f"file:{place}/records.db?mode=ro", uri=True) as db:
            self.assertEqual([r[0] for r in db.execute("SELECT DISTINCT password FROM user_account")], [""])
            self.assertEqual(db.execute("SELECT count(*) FROM session").fetchone()[0], 0)
        self.assertEqual((place / "imported-sereno.yml").read_text(), self.node.config.read_text())

    def test_file_and_pipe(self):
        for code, _, said in (self.to_file, self.to_pipe):
            self.assertEqual(code, 0, said)
        self.verified(self.imported("of-file", self.folder / "whole.tar.zst"))
        self.verified(self.imported("of-pipe", "-", stdin=self.to_pipe[1]))

    # -- what is refused

    def refused(self, source, word, stdin=None, name="refused"):
        place = self.folder / name
        code, _, said = sereno("import", source, "--data", place, *self.weaker, stdin=stdin)
        shutil.rmtree(str(place) + ".part", ignore_errors=True)
        self.assertEqual(code, 1, (word, said))
        self.assertIn(word, said)
        self.assertFalse(place.exists())
        return said

    def test_a_flipped_byte_in_any_file(self):
        rng = random.Random(SEED)
        folder = self.folder / "flip"
        shutil.copytree(self.folder / "plain", folder)
        for name in sorted(self.manifest(folder)) + [MANIFEST]:
            path = folder / name
            content = path.read_bytes()
            if not content:
                continue
            places = {rng.randrange(len(content)) for _ in range(6 if name in (MANIFEST, "EXPORT.json") else 1)}
            for at in places:
                bit = 1 << rng.randrange(8)
                path.write_bytes(content[:at] + bytes([content[at] ^ bit]) + content[at + 1:])
                code, _, said = sereno("import", folder, "--data", self.folder / "flipped", *self.weaker)
                self.assertEqual(code, 1, (name, at, bit))
                self.assertFalse((self.folder / "flipped").exists())
                shutil.rmtree(self.folder / "flipped.part", ignore_errors=True)
                if name != MANIFEST:
                    self.assertIn(name.split(".")[0], said, (name, at, bit))
            path.write_bytes(content)
        shutil.rmtree(folder)

    def test_cut_anywhere(self):
        whole = self.to_pipe[1]
        rng = random.Random(SEED)
        for at in [0, 1, len(whole) - 1] + [rng.randrange(len(whole)) for _ in range(8)]:
            self.refused("-", "", stdin=whole[:at])
        files = self.folder / "missing"
        shutil.copytree(self.folder / "plain", files)
        listed = [n for n in self.manifest(files) if n.startswith("archive/")]
        for name in {listed[0], listed[-1], next(n for n in listed if "/records/" in n)}:  # each alone: the file that is missing is named
            (files / name).rename(self.folder / "away")
            self.refused(files, f"{name}: No such file")
            (self.folder / "away").rename(files / name)

    @staticmethod
    def tar(entries):
        """Entries (path, content or tarfile type and link) with a manifest that fits."""
        out, lines = io.BytesIO(), b""
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
            for name, content, *kind in entries:
                info = tarfile.TarInfo(name)
                if kind:
                    info.type, info.linkname = kind[0], content.decode()
                    t.addfile(info)
                else:
                    info.size = len(content)
                    t.addfile(info, io.BytesIO(content))
                    lines += hashlib.sha256(content).hexdigest().encode() + b"  " + name.encode() + b"\n"
            info = tarfile.TarInfo(MANIFEST)
            info.size = len(lines)
            t.addfile(info, io.BytesIO(lines))
        return out.getvalue()

    def test_made_to_do_harm(self):
        head = (self.folder / "plain" / "EXPORT.json").read_bytes()
        newer = head.replace(b'"format_version":1', b'"format_version":9')
        secret = head.replace(b'"secrets":false', b'"secrets":true')
        day = "archive/2026-11-27/"
        about = (day + "chain/about.0001.ndjson", b'{"day":20784,"format":4}\n')
        cases = [
            ([], "EXPORT.json"),
            ([("EXPORT.json", b"{}")], "no head"),
            ([("EXPORT.json", newer)], "newer program"),
            ([("EXPORT.json", head), ("EXPORT.json", head)], "one EXPORT.json"),
            ([("records/setting.0001.ndjson", b"{}\n")], "EXPORT.json"),
            ([("EXPORT.json", head), ("../evil", b"x")], "not one that Sereno writes"),
            ([("EXPORT.json", head), ("/etc/evil", b"x")], "not one that Sereno writes"),
            ([("EXPORT.json", head), ("files/rules/../../evil", b"x")], "not one that Sereno writes"),
            ([("EXPORT.json", head), ("files/rules/a", b"/etc/passwd", tarfile.SYMTYPE)], "no plain file"),
            ([("EXPORT.json", head), ("files/rules/a", b"EXPORT.json", tarfile.LNKTYPE)], "no plain file"),
            ([("EXPORT.json", head), ("files/rules/a", b"", tarfile.CHRTYPE)], "no plain file"),
            ([("EXPORT.json", head), ("files/rules/a", b"x"), ("files/rules/a", b"y")], "rules/a"),
            ([("EXPORT.json", head), ("files/rules/a", b"x"), ("files/rules/a/b", b"y")], "rules/a"),
            ([("EXPORT.json", head), ("files/archive/2026-11-27.db", b"x")], "no file of an export"),
            ([("EXPORT.json", head), ("records.db", b"x")], "no file of an export"),
            ([("EXPORT.json", head), ("keys/seal.key", b"x")], "no file of an export"),
            ([("EXPORT.json", secret), ("keys/a/seal.key", b"x")], "no file of an export"),
            ([("EXPORT.json", head), ("records/session.0001.ndjson", b"{}\n")], "no such table"),
            ([("EXPORT.json", secret), ("records/session.0001.ndjson", b"{}\n")], "no such table"),
            ([("EXPORT.json", head), ("records/schema_version.0001.ndjson", b"{}\n")], "no such table"),
            ([("EXPORT.json", head), ("records/sqlite_schema.0001.ndjson", b"{}\n")], "no such table"),
            ([("EXPORT.json", head), ("records/second_factor.0001.ndjson", b"{}\n")], "no such table"),
            ([("EXPORT.json", head), ("records/user_account.0001.ndjson", b'{"id":"a","password":"x"}\n')], "records/user_account.0001.ndjson:1"),
            ([("EXPORT.json", head), ("records/setting.0001.ndjson", b'{"name":"a","value":"b","changed":0}')], "has no end"),
            ([("EXPORT.json", head), ("records/setting.0001.ndjson", b'{"name":"a","value":"b","changed":0}\n' * 2)], "records/setting.0001.ndjson:2"),
            ([("EXPORT.json", head), ("records/setting.0001.ndjson", b"[" * 100000 + b"\n")], "records/setting.0001.ndjson:1"),
            ([("EXPORT.json", head), ("records/alert_history.0001.ndjson", b'{"alert_id":"none","seq":1,"at":0,"who":"x","what":"y","reason":null,"note":null}\n')], "not there"),
            ([("EXPORT.json", head), (day + "chain/block.0001.ndjson", b"{}\n")], "comes before"),
            ([("EXPORT.json", head), about, about], "chain/about"),
            ([("EXPORT.json", head), (about[0], about[1].replace(b"20784", b"20785"))], "chain/about"),
            ([("EXPORT.json", head), (about[0], about[1].replace(b":4", b":99"))], "chain/about"),
            ([("EXPORT.json", head), about, (day + "chain/sqlite_schema.0001.ndjson", b"{}\n")], "no table of a day"),
            ([("EXPORT.json", head), about, (day + "records/x.0001.ndjson", b'{"lies_in":7}\n')], "no link waits"),
            ([("EXPORT.json", head), about, (day + "rest/body.0001.ndjson", b'{"block":7,"body":"AAAA"}\n')], "no link waits"),
            ([("EXPORT.json", head), about, (day + "else/body.0001.ndjson", b"{}\n")], "no part of a day"),
            ([("EXPORT.json", head), ("archive/2026-13-99/chain/about.0001.ndjson", b"{}\n")], "no file of an export"),
        ]
        for entries, word in cases:
            with self.subTest(word=word, last=entries[-1][0] if entries else ""):
                self.refused("-", word, stdin=self.tar(entries))
        self.assertFalse((self.folder / "evil").exists())

    def test_other_records_than_the_chain_has(self):
        """Whoever changes a record and makes a manifest that fits still has the chain against him."""
        path = next((self.folder / "plain").glob("archive/*/records/posted.*"))
        name = str(path.relative_to(self.folder / "plain"))
        lines = path.read_bytes().splitlines(True)
        first = json.loads(lines[0])
        tries = [[json.dumps({**first, "flags": first["flags"] ^ 1}).encode() + b"\n"] + lines[1:], lines[1:], lines[:1] + lines, [lines[1], lines[0]] + lines[2:]]
        tries.append([json.dumps({**first, "source": "another"}).encode() + b"\n"] + lines[1:])
        for changed in tries:
            entries = [(n, b"".join(changed) if n == name else (self.folder / "plain" / n).read_bytes()) for n in self.manifest(self.folder / "plain")]
            said = self.refused("-", "block", stdin=self.tar(entries))
            self.assertIn("archive/", said)

    def test_damage_goes_out_as_it_is(self):
        """A block that cannot be read is no reason to keep the rest: its bytes come back, and verify names it as before."""
        hurt = self.folder / "hurt"
        shutil.copytree(self.node.data, hurt, ignore=shutil.ignore_patterns("control"))
        day = next(iter(sorted((hurt / "archive").glob("*.db"), reverse=True)))
        with sqlite3.connect(day) as db:
            ident, body = db.execute("SELECT id, body FROM block WHERE kind = 0 LIMIT 1").fetchone()
            db.execute("UPDATE block SET body = ? WHERE id = ?", (body[:20] + bytes([body[20] ^ 1]) + body[21:], ident))
        code, _, said = sereno("export", "--all", self.folder / "hurt-out", "--data", hurt, *self.weaker)
        self.assertEqual(code, 1, said)
        self.assertIn("1 damaged", said)
        place = self.imported("hurt-again", self.folder / "hurt-out")
        before, after = (sereno("verify", "--data", d, *self.weaker) for d in (hurt, place))
        self.assertEqual((before[0], after[0]), (1, 1))
        self.assertEqual(re.findall(rb"block %d\b[^\n]*" % ident, before[1]), re.findall(rb"block %d\b[^\n]*" % ident, after[1]))

    def test_never_over_another(self):
        for target in ("plain", "whole.tar.zst"):
            code, _, said = sereno("export", "--all", self.folder / target, "--data", self.node.data, *self.weaker)
            self.assertEqual(code, 1)
            self.assertIn("exists already", said)
        code, _, said = sereno("import", self.folder / "plain", "--data", self.node.data, *self.weaker)
        self.assertEqual(code, 1)
        self.assertIn("exists already", said)

    def test_wrong_use(self):
        for args in (["export", "--all", "x", "--from", "2026-01-01"], ["export", "--with-secrets"], ["import"], ["import", "x"]):
            code, _, said = sereno(*args)
            self.assertEqual(code, 2, (args, said))


def glob_safe(text):
    return re.sub(r"([\[\]*?])", r"[\1]", text)


if __name__ == "__main__":
    PROGRAM, OLD_ARCHIVE, CLOCK = (os.path.abspath(a) for a in sys.argv[1:4])
    del sys.argv[1:4]
    unittest.main(verbosity=2)
