# SPDX-License-Identifier: EUPL-1.2
"""EVTX and JSON of each regression sample agree: the same values of the same kind under the same names, and the same matches of
every SigmaHQ rule."""
import json
import os

from common import SHARED, TEXT, Checks, dump, need_shared, rows, run

need_shared()
c = Checks()
events, sigma = os.path.join(SHARED, "events"), os.path.join(SHARED, "sigma")


def objects(text):
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        yield value


def flat(value, name=""):
    """JSON as evtx_dump shows it: a list of (name, kind, value)."""
    if isinstance(value, dict):
        return [leaf for k, v in value.items() for leaf in flat(v, name if k == TEXT else name + "." + k if name else k)]
    if isinstance(value, list):
        return [leaf for v in value for leaf in flat(v, name)]
    if value is None:
        return [(name, "null", "")]
    if isinstance(value, bool):
        return [(name, "true" if value else "false", "true" if value else "false")]
    return [(name, "string" if isinstance(value, str) else "number", str(value))]


def record_id(leaves):
    return [v for n, _, v in leaves if n == "Event.System.EventRecordID"]


manifest = json.load(open(os.path.join(events, "manifest.json")))
samples = [m["dataset"] for m in manifest if m["format"] == "evtx"]
c.ok(len(samples) >= 100, "samples: %d" % len(samples))
compared, order = 0, {}
for dataset in samples:
    records = dump(os.path.join(events, dataset))
    by_id = {record_id(r)[0]: r for r in records}
    of_json = [flat(o) for o in objects(open(os.path.join(events, dataset[:-5] + ".json"), encoding="utf-8").read())]
    order[dataset] = ([record_id(r)[0] for r in records], [record_id(r)[0] for r in of_json])
    for leaves in of_json:
        # The program that made the JSON left out blanks at the end of values; libevtx finds them, too (oracle.py).
        got = [(n, k, v.rstrip(" ")) for n, k, v in by_id.get(record_id(leaves)[0], [])]
        if sorted(got) != sorted(leaves):
            c.ok(False, "%s: only EVTX %r, only JSON %r" % (dataset, [x for x in got if x not in leaves], [x for x in leaves if x not in got]))
        else:
            compared += 1
            c.ok(True, dataset)
c.ok(compared >= 118, "events compared: %d" % compared)

args = ["scan", "--quiet", "--format", "tsv"]
for tree in ("rules", "rules-threat-hunting", "rules-emerging-threats"):
    args += ["--rules", os.path.join(sigma, tree)]
r = run(*args, *[d for s in samples for d in (s, s[:-5] + ".json")], cwd=events)
c.equal(r.returncode, 1, "exit status (two rules are refused)")
matches = {}
for name, index, rule in rows(r.stdout):
    evtx = name.endswith(".evtx")
    sample = name if evtx else name[:-5] + ".evtx"
    matches.setdefault((sample, order[sample][0 if evtx else 1][int(index)]), (set(), set()))[0 if evtx else 1].add(rule)
both = 0
for (sample, number), (evtx, of_json) in sorted(matches.items()):
    if number in order[sample][1]:  # some samples hold a record that their JSON lacks
        c.equal(evtx, of_json, "matches of record %s of %s" % (number, sample))
        both += len(evtx)
c.ok(both > 100, "matches compared: %d" % both)
print("%d events and %d matches compared" % (compared, both))
c.finish()
