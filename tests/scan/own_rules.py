# SPDX-License-Identifier: EUPL-1.2
"""Our rules over our events, recognised by content: each alert that is expected, and no other."""
import json
import os

from common import ROOT, Checks, read_tsv, rows, run

c = Checks()
for part in ("rules", "attack"):
    folder = os.path.join(ROOT, "tests", "data", part)
    names = [m["dataset"] for m in json.load(open(os.path.join(folder, "manifest.json")))]
    for name in names if part == "attack" else [None]:
        # The recorded files of one attack tell of the same events: each is read by itself.
        files = [name] if name else names
        want = {r for r in read_tsv(os.path.join(folder, "expected.tsv")) if r[0] in files}
        r = run("scan", "--quiet", "--format", "tsv", "--rules", os.path.join(ROOT, "rules"), *files, cwd=folder)
        c.equal(r.returncode, 0, "exit status of %s: %s" % (files[:2], r.stderr.decode()[:2000]))
        got = set(rows(r.stdout))
        for row in sorted(want - got):
            c.ok(False, "missed %s #%s %s" % row)
        for row in sorted(got - want):
            c.ok(False, "unexpected %s #%s %s" % row)
        c.ok(len(want) > 0, "something is expected of %s" % files[:2])
c.finish()
