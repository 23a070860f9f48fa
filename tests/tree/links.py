# SPDX-License-Identifier: EUPL-1.2
"""Every relative link in the documents leads somewhere; the files a public project needs are there, a README in each
folder of src too; forbidden words are not."""
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
os.chdir(ROOT)
listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True)
files = listed.stdout.split() if listed.returncode == 0 else [os.path.join(d, n)[2:] for d, _, ns in os.walk(".")
                                                                  if "node_modules" not in d for n in ns]
bad, links = [], 0
for doc in (f for f in files if f.endswith(".md") and os.path.exists(f)):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", open(doc, encoding="utf-8").read()):
        if re.match(r"[a-z]+:", target):
            continue
        links += 1
        if not os.path.exists(os.path.normpath(os.path.join(os.path.dirname(doc), target))):
            bad.append("%s: no %s" % (doc, target))
for name in ("LICENSE", "README.md", "CONTRIBUTING.md", "SECURITY.md", "GOVERNANCE.md", "CHANGELOG.md", "publiccode.yml",
             "docs/READING_ORDER.md", "docs/THREAT_MODEL.md", "docs/DATA_DIR.md"):
    if not os.path.exists(name):
        bad.append("missing: " + name)
for folder in sorted({os.path.dirname(f) for f in files if f.startswith("src/")} | {"src/flow"}):
    if not os.path.exists(folder + "/README.md"):
        bad.append("missing: %s/README.md" % folder)
numbers = {}
for doc in (f for f in files if re.match(r"docs/decisions/[^/]+\.md$", f) and os.path.exists(f)):
    number = os.path.basename(doc)[:3]
    if not re.search(r"^# %s\b" % number, open(doc, encoding="utf-8").read(), re.M):
        bad.append("%s: its title does not begin with its number" % doc)
    if numbers.setdefault(number, doc) != doc:
        bad.append("%s has the number of %s" % (doc, numbers[number]))
# The product records; it does not judge (texts of pages, rules and languages).
VERDICT = re.compile(r"\b(liable|compliant|non-compliant|negligent|reportable)\b", re.I)
for f in files:
    if (f.startswith(("i18n/", "ui/src/")) or (f.startswith("src/") and f.endswith((".c", ".h")))) and os.path.exists(f):
        for n, line in enumerate(open(f, encoding="utf-8", errors="replace"), 1):
            if VERDICT.search(line):
                bad.append("%s:%d: a verdict that is not ours to give: %s" % (f, n, line.strip()[:80]))
version = re.search(r"version: '([^']+)'", open("meson.build").read()).group(1)
if ("softwareVersion: " + version) not in open("publiccode.yml").read():
    bad.append("publiccode.yml does not name version " + version)
print("\n".join(bad) if bad else "%d links lead somewhere" % links)
sys.exit(1 if bad or not links else 0)
