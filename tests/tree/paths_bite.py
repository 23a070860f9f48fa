# SPDX-License-Identifier: EUPL-1.2
"""A way out of the product without a row in src/policy/paths.def fails: tried with one more of each kind. usage: paths_bite.py CC...

What the compiler holds (routes, events, notices) is compiled with a changed table before the real one in the search path;
what tools/check-paths holds is tried on a changed copy of the tree.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
CC = sys.argv[1:]
del sys.argv[1:]


def text(path, root=ROOT):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        return f.read()


class Compiler(unittest.TestCase):
    def compiles(self, unit, table=None, change=lambda s: s):
        """(whether, what it said), with the table of that path under src/ changed."""
        with tempfile.TemporaryDirectory(prefix="sereno-paths-") as tmp:
            if table:
                path = os.path.join(tmp, table)
                os.makedirs(os.path.dirname(path))
                changed = change(text("src/" + table))
                self.assertNotEqual(changed, text("src/" + table))
                with open(path, "w", encoding="utf-8") as f:
                    f.write(changed)
            r = subprocess.run(CC + ["-std=c17", "-D_GNU_SOURCE", '-DSERENO_VERSION="0"', "-fsyntax-only", "-I", tmp, "-I",
                                     os.path.join(ROOT, "src"), os.path.join(ROOT, "src", unit)], capture_output=True, text=True)
            return r.returncode == 0, r.stderr

    def without(self, row):
        return lambda s: "\n".join(line for line in s.split("\n") if row not in line)

    def test_as_they_are(self):
        for unit in ("api/routes.c", "api/stream.c", "desk/notify/notify.c", "desk/federation/envelope_policy.c"):
            ok, said = self.compiles(unit)
            self.assertTrue(ok, said)

    def test_a_route_without_a_row(self):
        extra = '\nROUTE(GET, "/api/v1/secrets", READ, show_secrets, NONE, "", "", "All of them")\n'
        ok, said = self.compiles("api/routes.c", "api/routes.def", lambda s: s + extra)
        self.assertFalse(ok)
        self.assertIn("PATH_OF_ROUTE_show_secrets", said)

    def test_a_row_without_a_route(self):
        ok, said = self.compiles("api/routes.c", "policy/paths.def",
                                 lambda s: s.replace("/* ---- live", 'PLAIN(ROUTE, show_nothing, "not there")\n/* ---- live', 1))
        self.assertFalse(ok)
        self.assertIn("show_nothing", said)

    def test_an_event_without_a_row(self):
        ok, said = self.compiles("api/stream.c", "policy/paths.def", self.without("(EVENT, PULSE"))
        self.assertFalse(ok)
        self.assertIn("lacks its row", said)

    def test_a_notice_without_a_row(self):
        ok, said = self.compiles("desk/notify/notify.c", "policy/paths.def", self.without("(NOTICE, MAIL"))
        self.assertFalse(ok)
        self.assertIn("lacks its row", said)

    def test_an_envelope_without_a_row(self):
        ok, said = self.compiles("desk/federation/envelope_policy.c", "desk/federation/types.def",
                                 lambda s: s + '\nTYPE(GOSSIP, "gossip", 0, 0)\n')
        self.assertFalse(ok)
        self.assertIn("PATH_OF_ENVELOPE_GOSSIP", said)


class Tool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.copy = tempfile.mkdtemp(prefix="sereno-paths-")
        shutil.copytree(os.path.join(ROOT, "src"), os.path.join(cls.copy, "src"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.copy)

    def check(self, path=None, change=lambda s: s):
        kept = text(path, self.copy) if path else None
        if path:
            changed = change(kept)
            self.assertNotEqual(changed, kept)
            with open(os.path.join(self.copy, path), "w", encoding="utf-8") as f:
                f.write(changed)
        r = subprocess.run([sys.executable, os.path.join(ROOT, "tools", "check-paths"), self.copy], capture_output=True, text=True)
        if path:
            with open(os.path.join(self.copy, path), "w", encoding="utf-8") as f:
                f.write(kept)
        return r.returncode == 0, r.stdout

    def found(self, words, path, change):
        ok, said = self.check(path, change)
        self.assertFalse(ok, said)
        self.assertIn(words, said)

    def test_as_it_is(self):
        ok, said = self.check()
        self.assertTrue(ok, said)

    def test_a_message_to_the_courier(self):
        self.found("COURIER MSG_DUMP", "src/roles/messages.def", lambda s: s + "\nMSG(MSG_DUMP, 9999, DESK, COURIER, 0, 64, 0)\n")

    def test_a_command(self):
        self.found("COMMAND dump", "src/cli/cli.c", lambda s: s.replace("&cmd_serve", "&cmd_serve, &cmd_dump"))

    def test_a_class_of_log_lines(self):
        self.found("LOG story", "src/roles/desk.c", lambda s: s + '\nvoid f(void) { log_info("story.read", "title=x"); }\n')

    def test_a_log_line_that_cannot_be_checked(self):
        self.found("not a literal", "src/roles/desk.c", lambda s: s + '\nvoid f(const char *e) { log_info(e, "x"); }\n')

    def test_a_row_without_its_thing(self):
        self.found("there is no COMMAND gone", "src/policy/paths.def",
                   lambda s: s.replace("/* ---- commands", 'PLAIN(COMMAND, gone, "is no more")\n/* ---- commands', 1))

    def test_no_reason(self):
        self.found("needs a reason", "src/policy/paths.def",
                   lambda s: s.replace('(COMMAND, bench, "measures; prints numbers about the caller\'s own files")', '(COMMAND, bench, "")'))


unittest.main(verbosity=1)
