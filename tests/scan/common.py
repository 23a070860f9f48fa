# SPDX-License-Identifier: EUPL-1.2
"""What the scan tests share: where things are, running the program, reading its output."""
import os
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SERENO = os.path.abspath(os.environ.get("SERENO_BIN", os.path.join(ROOT, "build", "sereno")))
# Data beside the repository, where a machine has it; tests that need it say so and are counted as skipped elsewhere.
SHARED = os.path.abspath(os.environ.get("SERENO_SHARED", os.path.join(ROOT, "..", "shared", "data")))
SKIP = 77


def need_shared():
    if not os.path.isdir(os.path.join(SHARED, "events")):
        print("needs the shared data sets (SERENO_SHARED)")
        sys.exit(SKIP)


def run(*args, cwd=None, stdin=None, timeout=600):
    env = dict(os.environ, SERENO_SHARE=ROOT)
    return subprocess.run([SERENO] + [str(a) for a in args], cwd=cwd, input=stdin, capture_output=True, timeout=timeout, env=env)


def rows(output):
    return [tuple(l.split("\t")) for l in output.decode().split("\n") if l]


def said(result):
    """Lines on standard error, without those in which a sanitizer build says that it runs without the sandbox."""
    return [l for l in result.stderr.decode(errors="replace").split("\n") if l and "sandbox.absent" not in l]


def read_tsv(path):
    return {tuple(l.rstrip("\n").split("\t")) for l in open(path, encoding="utf-8") if l.strip() and not l.startswith("#")}


class Checks:
    """Counts checks and prints what went wrong; finish() ends the test."""

    def __init__(self):
        self.done = self.bad = 0

    def ok(self, condition, what):
        self.done += 1
        if not condition:
            self.bad += 1
            print("WRONG:", what)

    def equal(self, got, want, what):
        self.ok(got == want, "%s: got %r, want %r" % (what, got, want))

    def finish(self):
        print("%d checks, %d wrong" % (self.done, self.bad))
        sys.exit(1 if self.bad or not self.done else 0)
