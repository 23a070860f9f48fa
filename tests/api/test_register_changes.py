#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A city changes the file of a register: names go along, what does not fit is told and keeps the former file in force until it is meant,
the trail is read under the names of today, and tables of before still come in. usage: tests/api/test_register_changes.py PROGRAM SERENO"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node

SERENO = os.path.abspath(sys.argv.pop(2)) if len(sys.argv) > 2 else ""
PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
FILE = """
title: Bicycles
type: object
required: [label%s]
additionalProperties: false
properties:
  label: {type: string, minLength: 1, maxLength: 40}
%sx-table: {name: %s, plural: %ss, title: label%s}
x-perm: {administrator: {ops: [read, create, change, move]}, officer: {ops: [read]}}
x-states: {initial: fine, list: [{id: fine}, {id: %s, final: true}], transitions: [{from: fine, to: %s, roles: [administrator]}]}
"""
FIRST = FILE % ("", "  colour: {type: string, maxLength: 20, x-index: true}\n  wheels: {type: integer, x-index: true}\n", "bicycle", "bicycle", "", "gone", "gone")
SECOND = FILE % (", lock", "  paint: {type: string, maxLength: 20, x-index: true, x-was: colour}\n  wheels: {type: integer, x-index: true}\n  lock: {type: string, enum: [none, good], default: none}\n",
                 "cycle", "cycle", ", was: bicycle", "sold, was: gone", "sold")
NARROW = SECOND.replace("wheels: {type: integer", "wheels: {type: integer, maximum: 2")


class Changes(unittest.TestCase):
    def write(self, text):
        with open(os.path.join(self.own, "bicycle.yml"), "w", encoding="utf-8") as f:
            f.write(text)

    def restart(self):
        self.node.stop()
        self.node.start()
        self.assertEqual(self.b.login("Anna", PASSWORD).status, 303)

    def table(self, plural, text, query="?apply=true"):
        got = self.b.ask("POST", "/api/v1/registers/%s/import%s" % (plural, query), text.encode(), {"Content-Type": "text/csv", "X-Sereno-CSRF": self.b.csrf})
        self.assertEqual(got.status, 200, got.body)
        return got.json()

    def items(self, plural, query=""):
        return {i["fields"]["label"]: i for i in self.b.get("/api/v1/registers/%s?limit=50%s" % (plural, query)).json()["items"]}

    def sereno(self, *words):
        done = subprocess.run([SERENO, "registers"] + list(words) + ["--data", self.node.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout

    def test_all(self):
        folder = tempfile.mkdtemp(prefix="sereno-changes-")
        self.addCleanup(shutil.rmtree, folder)
        self.own = os.path.join(folder, "data", "registers")
        os.makedirs(self.own, mode=0o700)
        os.chmod(os.path.join(folder, "data"), 0o700)
        self.write(FIRST)
        self.node = Node(PROGRAM, folder, "", "127.0.0.1")
        self.addCleanup(self.node.stop)
        link = self.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        self.b = Browser(self.node)
        self.assertEqual(self.b.setup(link.group(2), "Anna", PASSWORD).status, 303)
        imported = self.table("bicycles", "label,colour,wheels,state\none,red,2,\ntwo,blue,3,gone\nthree,,2,\n")
        self.assertEqual(imported["new"], 3)
        one = self.items("bicycles")["one"]
        changed = self.b.ask("PUT", "/api/v1/registers/bicycles/" + one["id"], json.dumps({"fields": {"label": "one", "colour": "green", "wheels": 2}}).encode(),
                             {"Content-Type": "application/json", "X-Sereno-CSRF": self.b.csrf, "If-Match": '"%d"' % one["version"]})
        self.assertEqual(changed.status, 200, changed.body)
        before = self.b.get("/api/v1/registers/bicycles/export?format=csv").body.decode("utf-8-sig")
        self.assertEqual(self.sereno("diff"), (0, "nothing differs from what is in force\n"))

        # told before, by the running node and without it
        self.write(SECOND)
        status, said = self.sereno("diff")
        self.assertEqual(status, 0, said)
        for part in ("kind bicycle: comes into force", "called otherwise: cycle, before bicycle", "called otherwise: paint, before colour", "called otherwise: sold, before gone",
                     "a new field: lock", "3 of 3 records would be rewritten, 3 filled"):
            self.assertIn(part, said)
        told = self.b.get("/api/v1/register-changes").json()["items"]
        self.assertEqual([(i["kind"], i["taken"], i["rewritten"], i["misfits"]) for i in told], [("bicycle", True, 3, [])])
        self.restart()
        self.assertEqual(self.b.get("/api/v1/registers/bicycles").status, 404)
        now = self.items("cycles")
        self.assertEqual({n: (i["fields"], i["state"]) for n, i in now.items()},
                         {"one": ({"label": "one", "paint": "green", "wheels": 2, "lock": "none"}, "fine"),
                          "two": ({"label": "two", "paint": "blue", "wheels": 3, "lock": "none"}, "sold"), "three": ({"label": "three", "wheels": 2, "lock": "none"}, "fine")})
        self.assertEqual(list(self.items("cycles", "&paint=green")), ["one"])
        self.assertEqual(list(self.items("cycles", "&state=sold")), ["two"])
        story = self.b.get("/api/v1/registers/cycles/%s/history" % one["id"]).json()["items"]
        self.assertEqual([[(f["field"], f["before"], f["after"]) for f in c["fields"]] for c in story[:2]], [[("lock", None, "none")], [("paint", "red", "green")]])
        self.assertEqual(len(story), 3)

        # a table of before comes in under its old names and changes nothing; an import of before is not taken back
        got = self.table("cycles", before)
        self.assertEqual((got["same"], got["faulty"], got["changed"]), (3, 0, 0))
        again = self.b.send("POST", "/api/v1/registers/cycles/imports/%s/undo" % imported["import"], {"why": "of before"})
        self.assertEqual(again.status, 409, again.body)
        self.assertIn("changed since", again.text)

        # not all fit: the former file stays, and says so
        self.write(NARROW)
        status, said = self.sereno("diff")
        self.assertEqual(status, 1)
        self.assertIn("does not fit: 1 record, field wheels (maximum): " + now["two"]["id"], said)
        self.restart()
        refused = self.b.get("/api/v1/registers").json()["refused"]
        self.assertEqual([r["file"] for r in refused], ["DATA/registers/bicycle.yml"])
        self.assertIn("the former file stays in force", refused[0]["why"])
        self.assertEqual(len(self.items("cycles")), 3)
        item = self.b.get("/api/v1/register-changes").json()["items"][0]
        self.assertEqual((item["taken"], item["misfits"]), (False, [{"why": "maximum", "name": "wheels", "count": 1, "examples": [now["two"]["id"]]}]))
        self.assertEqual(self.b.send("POST", "/api/v1/register-changes", {"why": " "}).status, 400)
        self.assertEqual(self.sereno("apply", "--why", "two wheels are enough"), (0, "cycle: comes into force at the next start of the node\n"))
        self.restart()
        self.assertEqual(self.b.get("/api/v1/registers").json()["refused"], [])
        self.assertEqual(self.items("cycles")["two"]["fields"]["wheels"], 3)  # kept as it was until somebody changes it
        self.assertEqual(self.sereno("diff")[0], 0)
        self.assertEqual(self.sereno("apply", "--why", "once more"), (0, "no file waits for this\n"))
        self.assertEqual(self.sereno("apply")[0], 2)


if __name__ == "__main__":
    unittest.main()
