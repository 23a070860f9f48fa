#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The official JSON Schema test suite (draft 2020-12) for the keywords that are taken: every answer must be the suite's.

It comes inside the source package of the Python library jsonschema; pip brings it into a folder of the build. Where it cannot
be had the test is skipped. A group whose schema is refused is counted with the reason; refusing is right only for what
src/records/schema/README.md does not list, so the numbers are compared with what they were.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

PACKAGE = "jsonschema==4.26.0"
SKIP = 77
PREFIX = "jsonschema-4.26.0/json/tests/draft2020-12/"
# Here a format is asserted; the suite's format.json holds the other view, and optional/format/ ours.
LEFT_OUT = {"format.json": "format is asserted here"}
FORMATS = ["date", "date-time", "email", "ipv4", "ipv6", "uri", "uuid"]
# Keywords of README.md: nothing of these files may be refused but for the reasons that README.md gives.
WHOLE = ["allOf", "anyOf", "boolean_schema", "const", "dependentRequired", "enum", "exclusiveMaximum", "exclusiveMinimum", "maxItems",
         "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf",
         "pattern", "prefixItems", "propertyNames", "required", "type", "uniqueItems", "if-then-else", "items"]
REASONS = ["no such keyword here", "must be \"#\" or \"#/$defs/", "may stand at the root only", "must be https://json-schema.org/draft/2020-12",
           "holds a zero character", "a number", "digits", "two ways", "there is no #/$defs/"]
TESTS_MIN = 937  # answers compared: fewer means that something is refused that was not


def fetch(folder):
    """The package's file, or None."""
    there = sorted(folder.glob("jsonschema-*.tar.gz"))
    pip = shutil.which("pip") or shutil.which("pip3")
    if there or pip is None:
        return there[0] if there else None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run([pip, "download", "--quiet", "--no-deps", "--no-binary", ":all:", "-d", str(folder), PACKAGE],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=240, check=False)
    except subprocess.TimeoutExpired:
        return None
    there = sorted(folder.glob("jsonschema-*.tar.gz"))
    return there[0] if there else None


class Try:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, letter, value):
        self.process.stdin.write(letter + " " + json.dumps(value, ensure_ascii=False) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def end(self):
        self.process.stdin.close()
        return self.process.wait(60)


def main():
    package = fetch(pathlib.Path(sys.argv[2]))
    if package is None:
        print("skipped: the suite cannot be had here")
        return SKIP
    files = {}
    with tarfile.open(package) as tar:
        for member in tar.getmembers():
            if member.isfile() and member.name.startswith(PREFIX) and member.name.endswith(".json"):
                files[member.name[len(PREFIX):]] = json.load(tar.extractfile(member))
    names = sorted(n for n in files if "/" not in n and n not in LEFT_OUT) + [f"optional/format/{f}.json" for f in FORMATS]
    program = Try(sys.argv[1])
    compared, refused, unreadable, bad = 0, {}, 0, []
    for name in names:
        for group in files[name]:
            said = program.ask("S", group["schema"])
            if said != "ok":
                refused.setdefault(name, []).append((group["description"], said))
                if not any(reason in said for reason in REASONS):
                    bad.append(f"{name}: {group['description']}: {said}")
                continue
            for test in group["tests"]:
                answer = program.ask("D", test["data"])
                if answer.startswith("unreadable"):
                    unreadable += 1
                    continue
                compared += 1
                if answer != ("valid" if test["valid"] else "invalid"):
                    bad.append(f"{name}: {group['description']}: {test['description']}: {answer}")
    for name in WHOLE:
        for description, said in refused.get(name + ".json", []):
            print(f"refused: {name}: {description}: {said}")
    print("groups refused:", {n: len(g) for n, g in refused.items()})
    print(f"{compared} answers compared in {len(names)} files, {sum(map(len, refused.values()))} groups refused, "
          f"{unreadable} values unreadable (numbers that are not kept exactly, zero characters), left out: {LEFT_OUT}")
    for line in bad:
        print("WRONG", line)
    return 1 if bad or program.end() != 0 or compared < TESTS_MIN else 0


if __name__ == "__main__":
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.exit(main())
