# SPDX-License-Identifier: EUPL-1.2
"""What docs/FEDERATION_TESTS.md names is there: tests of the build by their names in quotes, files, functions and tables by theirs in
backquotes, fuzz targets by their corpus. A page that names nothing that can be looked for fails too. usage: promises.py BUILD"""
import json
import os
import re
import subprocess
import sys

BUILD = os.path.abspath(sys.argv[1])
os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PAGE = "docs/FEDERATION_TESTS.md"
listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True)
files = listed.stdout.split() if listed.returncode == 0 else [os.path.join(d, n)[2:] for d, _, ns in os.walk(".")
                                                                  if "node_modules" not in d for n in ns]
read = lambda f: open(f, encoding="utf-8", errors="replace").read() if os.path.exists(f) else ""
with open(os.path.join(BUILD, "meson-info", "intro-tests.json"), encoding="utf-8") as f:
    tests = {t["name"] for t in json.load(f)}
# A build with sanitizers or without the page leaves some out: those stand in a meson.build by their whole name.
tests |= {m for f in files if f.endswith("meson.build") for m in re.findall(r"\btest\(\s*'([^']+)'", read(f))}
words = {w for f in files if f.startswith(("src/", "tests/", "bench/", "ui/", "tools/")) and not f.endswith(".md") for w in re.findall(r"\w+", read(f))}
bad, seen = [], {"test": 0, "file": 0, "word": 0, "fuzz target": 0}


def check(kind, there, where, name):
    seen[kind] += 1
    if not there:
        bad.append("%s:%d: there is no %s \"%s\"" % (PAGE, where, kind, name))


def check_quoted(where, text):
    """Commands are looked at by commands.py; here the targets of a run of the fuzzers."""
    if text.startswith("tools/run-fuzz "):
        for target in text.split()[2:]:
            check("fuzz target", os.path.isdir("fuzz/corpus/" + target), where, target)
    elif re.fullmatch(r"[\w./-]+\.[a-z]+", text):
        check("file", any(f == text or f.endswith("/" + text) for f in files), where, text)
    elif re.fullmatch(r"\w+_…", text):
        check("word", any(w.startswith(text[:-1]) for w in words), where, text)
    elif re.fullmatch(r"\w+", text):
        check("word", text in words, where, text)


for where, line in enumerate(read(PAGE).split("\n"), 1):
    for name in re.findall(r"(?<!\w)'([^']+)'(?!\w)", re.sub(r"`[^`]*`", "", line)):
        check("test", name in tests, where, name)
    for text in re.findall(r"`([^`]+)`", line):
        check_quoted(where, text)
print("\n".join(bad) if bad else ", ".join("%d %ss" % (n, k) for k, n in seen.items()) + " are there")
sys.exit(1 if bad or not all(seen.values()) else 0)
