# SPDX-License-Identifier: EUPL-1.2
"""What the documents tell people to type is there: commands of the program and their options, targets of make, tools, files.
Each command's help shows its use and an example that fits it, and a wrong option is named. Scripts can be run. usage: commands.py PROGRAM"""
import os
import re
import subprocess
import sys

PROGRAM = os.path.abspath(sys.argv[1])
os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True)
files = listed.stdout.split() if listed.returncode == 0 else [os.path.join(d, n)[2:] for d, _, ns in os.walk(".")
                                                                  if "node_modules" not in d for n in ns]
bad, seen = [], {"command": 0, "option": 0, "make": 0, "path": 0}


def said(*words):
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    return done.returncode, done.stdout


helps = {name: said(name, "--help") for name in re.findall(r"^  ([a-z]+) +\S", said("help")[1], re.M)}
targets = set(re.findall(r"^([a-z][a-z-]*):", open("Makefile", encoding="utf-8").read(), re.M))


def check_call(where, command, rest):
    """One call as somebody wrote it: `rest` is what stands behind the command's name."""
    seen["command"] += 1
    if command not in helps:
        bad.append("%s: there is no command \"%s\"" % (where, command))
        return
    text = helps[command][1]
    for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest):
        seen["option"] += 1
        if option != "--help" and not re.search(re.escape(option) + r"(?![\w-])", text):
            bad.append("%s: sereno %s has no %s" % (where, command, option))
    verbs = set(re.findall(r"^(?:usage:|      ) sereno %s ([a-z0-9|]+)" % command, text, re.M))
    verbs = {v for group in verbs for v in group.split("|")}
    verb = re.match(r" ([a-z][a-z0-9|]*)(?= |$)", rest)
    if verbs and verb and not set(verb.group(1).split("|")) <= verbs:
        bad.append("%s: sereno %s has no %s" % (where, command, verb.group(1)))


def check_code(where, code):
    for m in re.finditer(r"(?:^|[\s`(&])(?:build/|\./)?sereno ([a-z]+)((?: [^`;&#]*)?)", code):
        check_call(where, m.group(1), m.group(2))
    for m in re.finditer(r"(?:^|&& )make ([a-z][a-z-]*)", code):
        seen["make"] += 1
        if m.group(1) not in targets:
            bad.append("%s: make has no target \"%s\"" % (where, m.group(1)))
    code = re.sub(r"\bninja -C .*|\bbuild[\w-]*/\S+", "", code)  # what is built stands nowhere yet
    for path in re.findall(r"(?<![\w./-])(?:src|docs|tests|tools|bench|packaging|fuzz)/[\w./-]*\w", code):
        parts = path.split("/")
        if any(p == "x" or re.fullmatch(r"[A-Z]+", p) for p in parts[1:]) or re.search(r"\bx_", path):
            continue  # a name that stands for others
        seen["path"] += 1
        if not (os.path.exists(path) or any(f.startswith(path if path.endswith("_") else (path + ".", path + "-")) for f in files)):
            bad.append("%s: there is no %s" % (where, path))


for name, (status, text) in helps.items():
    example = re.search(r"^example: .*", text, re.M)
    if status != 0 or not text.startswith("usage: sereno %s" % name):
        bad.append("sereno %s --help: status %d, \"%s\"" % (name, status, text[:40]))
    if not example or "sereno" not in example.group(0) or " %s" % name not in example.group(0):
        bad.append("sereno %s --help: no example of it" % name)
    check_code("sereno %s --help" % name, "\n".join(re.findall(r"^example: (.*(?:\n {6,}.*)*)", text, re.M)))
    done = subprocess.run([PROGRAM, name, "--not-there"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    if done.returncode != 2 or "--not-there" not in done.stderr or "--help" not in done.stderr:
        bad.append("sereno %s --not-there: status %d, \"%s\"" % (name, done.returncode, done.stderr))
for doc in (f for f in files if f.endswith(".md") and not f.startswith("ui/") and os.path.exists(f)):
    text = open(doc, encoding="utf-8").read()
    fenced = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.M | re.S)
    plain = re.sub(r"^ *```\w*\n.*?^ *```", "", text, flags=re.M | re.S)
    for code in [line.strip() for block in fenced for line in block.split("\n")] + [" ".join(s.split()) for s in re.findall(r"`([^`]+)`", plain)]:
        check_code(doc, code)
for path in files:  # what says by its first line how it is run, and is named as a command, can be run
    if re.match(r"(bench|tools|tests|packaging|\.ci)/", path) and os.path.isfile(path) and not os.access(path, os.X_OK):
        with open(path, "rb") as f:
            if f.read(2) == b"#!":
                bad.append("%s: has a #! line and cannot be run" % path)
print("\n".join(bad) if bad else "%(command)d commands, %(option)d options, %(make)d targets, %(path)d paths are there" % seen)
sys.exit(1 if bad or not all(seen.values()) or not helps else 0)
