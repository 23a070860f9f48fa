#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Every file and every function() that a README of a folder, docs/READING_ORDER.md or another document names between `backquotes` is there.
usage: tests/tree/names.py"""
import fnmatch
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
KINDS = "c|h|def|py|ts|tsx|mjs|css|md|sh|service"
PATH = re.compile(r"[A-Za-z0-9_.*{},/-]+\.(?:%s)" % KINDS)
CALL = re.compile(r"(?<![.\w])([a-z_][a-z0-9_]{3,})\(\)")
SKIPPED = ("CHANGELOG.md", "docs/decisions/")  # they say what was
SOURCES = (".c", ".h", ".def", ".py", ".ts", ".tsx", ".mjs")


def tracked():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True)
    if listed.returncode == 0:
        return listed.stdout.split("\n")
    return [os.path.relpath(os.path.join(d, n), ROOT) for d, _, names in os.walk(ROOT) if "node_modules" not in d for n in names]


def variants(text):
    """a.[ch] and a{,_b}.c are several names."""
    m = re.match(r"(.*?)\{([^{}]*)\}(.*)$", text)
    return [v for part in m.group(2).split(",") for v in variants(m.group(1) + part + m.group(3))] if m else [text]


def there(name, folder, files):
    """As it stands, seen from the document's folder, or as the end of a path."""
    if name.startswith(".."):
        name = os.path.normpath(os.path.join(folder, name))
    return any(f == name or f.endswith("/" + name) or fnmatch.fnmatchcase(f, name) or fnmatch.fnmatchcase(f, "*/" + name) for f in files)


def main():
    files = [f for f in tracked() if f]
    words = set()
    for f in files:
        if f.endswith(SOURCES) and (ROOT / f).is_file():
            words |= set(re.findall(r"[A-Za-z_][A-Za-z0-9_]{3,}(?=\()", (ROOT / f).read_text(encoding="utf-8")))
    bad, count = [], 0
    for f in files:
        if not f.endswith(".md") or f.startswith(SKIPPED) or not (ROOT / f).is_file():
            continue
        fence = False
        for n, line in enumerate((ROOT / f).read_text(encoding="utf-8").split("\n"), 1):
            fence ^= line.startswith("```")
            if fence:
                continue
            for code in re.findall(r"`([^`]+)`", line):
                for path in ([v for v in variants(code)] if PATH.fullmatch(code) else []):
                    count += 1
                    if not there(path, os.path.dirname(f), files):
                        bad.append("%s:%d: there is no file %s" % (f, n, path))
                for name in CALL.findall(code):
                    count += 1
                    if name not in words:
                        bad.append("%s:%d: there is no %s()" % (f, n, name))
    print("\n".join(bad))
    print("%d files and functions named, %d not there" % (count, len(bad)))
    return 1 if bad or count < 100 else 0


sys.exit(main())
