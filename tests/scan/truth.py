# SPDX-License-Identifier: EUPL-1.2
"""Every SigmaHQ rule over all shared data sets, compared with the truth: precision and recall must be 1."""
import json
import os
import subprocess
import sys
import tempfile

from common import SHARED, Checks, need_shared, run, said

need_shared()
c = Checks()
events, expected, sigma = (os.path.join(SHARED, d) for d in ("events", "expected", "sigma"))
args = ["scan", "--quiet"]
for tree in ("rules", "rules-threat-hunting", "rules-emerging-threats"):
    args += ["--rules", os.path.join(sigma, tree)]
r = run(*args, "--format", "tsv", "--manifest", "manifest.json", cwd=events)
c.equal(r.returncode, 1, "exit status (two rules are refused)")
told = said(r)
c.equal(len(told), 2, "nothing else is told: %r" % told)
c.ok(all("placeholder" in line and "expand" in line for line in told), "the refused rules are named: %r" % told)
manifest = json.load(open(os.path.join(events, "manifest.json")))
c.ok(any(m["format"] == "evtx" for m in manifest), "event log files are among the data")
with tempfile.TemporaryDirectory() as tmp:
    out, only = os.path.join(tmp, "out.tsv"), os.path.join(tmp, "only.txt")
    open(out, "wb").write(r.stdout)
    open(only, "w").write("".join(m["dataset"] + "\n" for m in manifest))
    command = [sys.executable, os.path.join(expected, "compare.py"), "--uncertain", os.path.join(expected, "uncertain.tsv"),
               "--only-datasets", only, "--min-precision", "1", "--min-recall", "1"]
    for part in ("regression", "otrf", "other", "synthetic", "audit-4688"):
        command += ["--truth", os.path.join(expected, part + ".tsv")]
    verdict = subprocess.run(command + [out], capture_output=True, text=True)
print(verdict.stdout)
c.equal(verdict.returncode, 0, "the comparison with the truth")
c.finish()
