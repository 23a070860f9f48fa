# SPDX-License-Identifier: EUPL-1.2
"""Event log files through `sereno scan`: each packing, in parts, by manifest; damage is named with its offset and the rest is read."""
import gzip
import json
import os
import subprocess
import tempfile

import make
from common import Checks, dump, rows, run, said

RULE = """title: marker
id: 0a0a0a0a-0000-4000-8000-000000000001
level: high
logsource: {product: windows, category: process_creation}
detection:
  a: {CommandLine|contains: marker}
  condition: a
"""
COUNT = 5000
c = Checks()
whole = make.make(make.many(COUNT))
chunks = (len(whole) - make.HEADER) // make.CHUNK
want = [i for i in range(COUNT) if i % 7 == 3]
with tempfile.TemporaryDirectory() as tmp:
    os.mkdir(os.path.join(tmp, "rules"))
    open(os.path.join(tmp, "rules", "r.yml"), "w").write(RULE)

    def scan(*args, **more):
        return run("scan", "--quiet", "--format", "tsv", "--rules", "rules", *args, cwd=tmp, **more)

    def write(name, data):
        with open(os.path.join(tmp, name), "wb") as f:
            f.write(data)
        return name

    def indexes(r):
        return [int(x[1]) for x in rows(r.stdout)]

    write("log.evtx", whole)
    write("log.evtx.gz", gzip.compress(whole))
    subprocess.run(["zstd", "-q", "-f", "log.evtx"], check=True, cwd=tmp)
    for name in ("log.evtx", "log.evtx.gz", "log.evtx.zst"):
        r = scan(name)
        c.ok((r.returncode, said(r), indexes(r)) == (0, [], want), "%s: exit %d, %r" % (name, r.returncode, said(r)))
    c.equal(indexes(scan("-", stdin=whole)), want, "standard input")
    for jobs in (1, 2, 3, 7):
        c.equal(indexes(scan("--jobs", jobs, "log.evtx")), want, "%d workers share one file" % jobs)
    alert = json.loads(run("scan", "--quiet", "--format", "ndjson", "--rules", "rules", "log.evtx", cwd=tmp).stdout.split(b"\n")[0])
    c.equal((alert["event"], alert["host"], alert["user"], alert["time"], alert["why"][0]["field"]),
            (3, "host.example.org", "EXAMPLE\\user3", "2024-11-25T00:00:03.000Z", "CommandLine"), "an alert in NDJSON")
    for feed in ("interleaved", "contiguous"):
        r = run("bench", "detect", "--rules", "rules", "--feed", feed, "--rounds", 1, "--json", "log.evtx", "log.evtx.zst", cwd=tmp)
        figures = json.loads(r.stdout) if r.returncode == 0 else {}
        c.equal((figures.get("events"), figures.get("matches")), (2 * COUNT, 2 * len(want)), "bench, %s: %s" % (feed, r.stderr[-300:]))
    json.dump([{"dataset": "log.evtx", "format": "evtx"}], open(os.path.join(tmp, "m.json"), "w"))
    c.equal(indexes(scan("--manifest", "m.json")), want, "by manifest")
    json.dump([{"dataset": "log.evtx", "format": "evtx", "product": "linux"}], open(os.path.join(tmp, "m.json"), "w"))
    c.equal(indexes(scan("--manifest", "m.json")), [], "a stated log source is the whole truth")
    write("not.evtx", b'{"a": 1}\n')
    r = scan("--input", "evtx", "not.evtx", "log.evtx")
    c.ok(r.returncode == 1 and b"not.evtx" in r.stderr and indexes(r) == want, "another file read as EVTX: %s" % r.stderr)

    # Damage. The records of chunk 2 (counted from 0) are those whose matches fall away when it is no chunk.
    at = make.HEADER + 2 * make.CHUNK

    def damaged(offset, data):
        b = bytearray(whole)
        b[offset:offset + len(data)] = data
        return write("damaged.evtx", bytes(b))

    records = [len(dump(write("c", whole[:make.HEADER] + whole[make.HEADER + i * make.CHUNK:][:make.CHUNK]) and os.path.join(tmp, "c"))) for i in range(chunks)]
    c.equal(sum(records), COUNT, "records by chunk")
    before, inside = sum(records[:2]), records[2]
    rest = [i if i < before else i - inside for i in want if not before <= i < before + inside]
    for jobs in (1, 3):
        r = scan("--jobs", jobs, damaged(at, b"xxxxxxxx"))
        c.equal((r.returncode, indexes(r)), (1, rest), "a chunk that is none, %d workers" % jobs)
        c.ok(b"damaged.evtx: at byte %d: " % at in r.stderr and len(said(r)) == 1, "is named once: %s" % r.stderr)
    r = scan(damaged(at + 124, b"\0\0\0\0"))
    c.equal((r.returncode, indexes(r)), (1, want), "a chunk's checksum is wrong: all is read")
    c.ok(b"at byte %d: " % at in r.stderr and b"header" in r.stderr, "and named: %s" % r.stderr)
    r = scan(damaged(at + make.CHUNK_HEADER, b"xx"))
    c.equal((r.returncode, indexes(r)), (1, [i for i in want if i != before]), "a record is none: it keeps its index")
    c.ok(b"record %d at byte %d: " % (before, at + make.CHUNK_HEADER) in r.stderr, "and is named: %s" % r.stderr)
    r = scan(damaged(at + make.CHUNK_HEADER + 24 + 4 + 6, b"\xff\xff\xff\xff"))
    c.equal((r.returncode, indexes(r)), (1, [i for i in want if i != before]), "a record's binary XML is damaged")
    c.ok(b"record %d at byte %d: EVTX: " % (before, at + make.CHUNK_HEADER) in r.stderr, "and is named: %s" % r.stderr)
    r = scan(damaged(124, b"\0\0\0\0"))
    c.equal((r.returncode, indexes(r)), (1, want), "the file's own header")
    c.ok(b"at byte 0: " in r.stderr, "is named: %s" % r.stderr)
    r = scan(write("damaged.evtx", whole[:at + 30000]))
    got = indexes(r)
    c.ok(r.returncode == 1 and got == want[:len(got)] and max(got) > before, "a file that is cut: %d matches" % len(got))
    c.ok(b"at byte %d: " % at in r.stderr and b"ends within the chunk" in r.stderr, "is named: %s" % r.stderr)
    r = scan(write("damaged.evtx", whole[:make.HEADER] + bytes(make.CHUNK) + whole[make.HEADER:] + bytes(make.CHUNK)))
    c.ok((r.returncode, said(r), indexes(r)) == (0, [], want), "room that is kept ready is no damage: %r" % said(r))
c.finish()
