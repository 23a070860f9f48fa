# SPDX-License-Identifier: EUPL-1.2
"""scan's inputs and outputs: the same records in each packing and shape, order, options, exit status, workers."""
import gzip
import json
import os
import subprocess
import tempfile

from common import ROOT, Checks, rows, run

RULE = """title: marker
id: 0a0a0a0a-0000-4000-8000-00000000000%d
level: high
logsource: {category: %s}
detection:
  a: {%s}
  condition: a
"""
c = Checks()
with tempfile.TemporaryDirectory() as tmp:
    rules = os.path.join(tmp, "rules")
    os.mkdir(rules)
    manifest_rule = "title: marker\nid: 0a0a0a0a-0000-4000-8000-000000000001\nlevel: high\nlogsource: {product: windows, service: system}\ndetection:\n  a:\n    Marker|contains: 'bad'\n  condition: a\n"
    open(os.path.join(rules, "r.yml"), "w").write(manifest_rule)
    events = [{"Channel": "System", "EventID": i, "Marker": "bad \u00e9 %d" % i if i % 7 == 3 else "fine", "Hostname": "h%d" % (i % 3)} for i in range(5000)]
    want = [str(i) for i in range(5000) if i % 7 == 3]
    shapes = {
        "plain.ndjson": "\n".join(json.dumps(e) for e in events) + "\n",
        "noeol.ndjson": "\n".join(json.dumps(e) for e in events),
        "crlf.ndjson": "\r\n".join(json.dumps(e) for e in events) + "\r\n",
        "array.json": json.dumps(events),
        "array-pretty.json": json.dumps(events, indent=2),
        "concat.json": "".join(json.dumps(e) for e in events),
        "pretty.json": "\n".join(json.dumps(e, indent=1, ensure_ascii=False) for e in events),
        "records.json": json.dumps({"Records": events}),
    }
    for name, text in shapes.items():
        path = os.path.join(tmp, name)
        open(path, "w", encoding="utf-8", newline="").write(text)
        with gzip.open(path + ".gz", "wb") as f:
            f.write(text.encode())
        subprocess.run(["zstd", "-q", "-f", path, "-o", path + ".zst"], check=True)
        for packed in (name, name + ".gz", name + ".zst"):
            r = run("scan", "--quiet", "--rules", rules, "--format", "tsv", packed, cwd=tmp)
            c.equal(r.returncode, 0, packed + " exit: " + r.stderr.decode()[:300])
            c.equal([x[1] for x in rows(r.stdout)], want, packed + " indexes in order")
    r = run("scan", "--quiet", "--rules", rules, "--format", "tsv", "-", stdin=shapes["plain.ndjson"].encode())
    c.equal([x[1] for x in rows(r.stdout)], want, "standard input")
    one = run("scan", "--quiet", "--jobs", "1", "--rules", rules, "--format", "ndjson", "plain.ndjson", "array.json", cwd=tmp)
    four = run("scan", "--quiet", "--jobs", "4", "--rules", rules, "--format", "ndjson", "plain.ndjson", "array.json", cwd=tmp)
    c.equal(one.stdout, four.stdout, "the same bytes from one worker and from four")
    first = json.loads(one.stdout.split(b"\n")[0])
    c.equal((first["file"], first["event"], first["level"], first["host"]), ("plain.ndjson", 3, "high", "h0"), "an alert in NDJSON")
    c.ok(first["why"] and first["why"][0]["field"] == "Marker" and "bad" in first["why"][0]["wanted"], "why it fired: %r" % first["why"])
    big = os.path.join(tmp, "big.ndjson")
    open(big, "w").write(shapes["plain.ndjson"] * 12)
    a = run("scan", "--quiet", "--jobs", "1", "--rules", rules, "--format", "tsv", big)
    b = run("scan", "--quiet", "--jobs", "3", "--rules", rules, "--format", "tsv", big)
    c.equal(a.stdout, b.stdout, "a large file in parts gives the same")
    c.equal(len(rows(a.stdout)), len(want) * 12, "all of it")
    r = run("scan", "--quiet", "--stats", "--rules", rules, "--format", "table", "plain.ndjson", cwd=tmp)
    c.ok(b"Timeline" in r.stderr or b"Rules" in r.stderr, "a summary on stderr")
    # manifest
    json.dump([{"dataset": "plain.ndjson", "format": "json"}, {"dataset": "x.pcap", "format": "pcap"}], open(os.path.join(tmp, "m.json"), "w"))
    r = run("scan", "--quiet", "--rules", rules, "--format", "tsv", "--manifest", os.path.join(tmp, "m.json"))
    c.equal(r.returncode, 1, "an unread format gives 1")
    c.ok(b"x.pcap" in r.stderr, "and is named")
    c.equal({x[0] for x in rows(r.stdout)}, {"plain.ndjson"}, "FILE as the manifest gives it")
    r = run("scan", "--quiet", "--rules", rules, "--format", "tsv", "nothing-here", "plain.ndjson", cwd=tmp)
    c.equal(r.returncode, 1, "a missing file gives 1")
    c.ok(b"nothing-here" in r.stderr and len(rows(r.stdout)) == len(want), "it is named, the rest is read")
c.equal(run("scan").returncode, 2, "no file is wrong use")
c.equal(run("scan", "--nosuch").returncode, 2, "an unknown option is wrong use")
c.equal(run("scan", "--format", "xml", "f").returncode, 2, "an unknown format is wrong use")
c.equal(run("nosuch").returncode, 2, "an unknown command")
for command in ("scan", "rules", "bench"):
    r = run(command, "--help")
    c.ok(r.returncode == 0 and b"example:" in r.stdout, command + " --help has an example")
c.finish()
