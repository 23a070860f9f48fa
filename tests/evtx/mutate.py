# SPDX-License-Identifier: EUPL-1.2
"""A thousand mutated event log files through `sereno scan`: no worker dies, a sanitizer build says nothing, the rest of the batch is
read, and one worker finds what three find. The seed is fixed; SERENO_MUTATIONS and SERENO_SEED say otherwise."""
import glob
import json
import os
import random
import struct
import tempfile
import zlib

import make
from common import SHARED, Checks, rows, run

FILES = int(os.environ.get("SERENO_MUTATIONS", "1000"))
rng = random.Random(int(os.environ.get("SERENO_SEED", "20261126")))
BATCH = 250
RULE = """title: marker
id: 0a0a0a0a-0000-4000-8000-000000000001
level: high
logsource: {product: windows}
detection:
  a: {CommandLine|contains: marker}
  b: ['*whoami*']
  condition: a or b
"""
c = Checks()


def repaired(data):
    """With the checksums of its chunks set right, so that the reader trusts what they say."""
    b = bytearray(data)
    for at in range(make.HEADER, len(b) - make.CHUNK_HEADER, make.CHUNK):
        end = struct.unpack_from("<I", b, at + 48)[0]
        struct.pack_into("<I", b, at + 52, zlib.crc32(b[at + make.CHUNK_HEADER:at + min(end, make.CHUNK)]))
        struct.pack_into("<I", b, at + 124, zlib.crc32(b[at + 128:at + make.CHUNK_HEADER], zlib.crc32(b[at:at + 120])))
    return bytes(b)


def place(used):
    """Mostly among the records, near the begin, where templates stand."""
    spot = rng.random()
    low = 0 if spot < 0.1 else make.HEADER if spot < 0.2 else make.HEADER + make.CHUNK_HEADER
    return rng.randrange(low, max(low + 1, min(used, low + 4000) if spot < 0.7 else used))


def mutated(data):
    b = bytearray(data)
    used = len(data.rstrip(b"\0")) + 16
    for _ in range(rng.choice((1, 1, 2, 4, 16, 64))):
        at, kind = place(used), rng.randrange(7)
        if kind < 2:
            b[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            b[at] = rng.choice((0, 1, 4, 5, 6, 0x0c, 0x0d, 0x0e, 0x21, 0x41, 0x81, 0xff, rng.randrange(256)))
        elif kind == 3 and at + 4 <= len(b):
            struct.pack_into("<I", b, at, rng.choice((0, 1, 0x7fffffff, 0xffffffff, rng.randrange(make.CHUNK), rng.randrange(1 << 32))))
        elif kind == 4 and at + 2 <= len(b):
            struct.pack_into("<H", b, at, rng.choice((0, 1, 0x7fff, 0xffff, rng.randrange(1 << 16))))
        elif kind == 5:
            n, other = rng.randrange(1, 64), place(used)
            b[at:at + n] = b[other:other + n].ljust(len(b[at:at + n]), b"\0")
        else:
            n = rng.randrange(1, 16)
            b[at:at + n] = bytes(rng.randrange(256) for _ in b[at:at + n])
    out = bytes(b)
    if rng.random() < 0.5:
        out = repaired(out)
    return out[:rng.randrange(len(out))] if rng.random() < 0.1 else out


bases = [make.make(trees) for trees in make.samples().values()] + [make.make(make.many(n)) for n in (20, 300)]
bases += [open(p, "rb").read() for p in sorted(glob.glob(os.path.join(SHARED, "events", "regression", "**", "*.evtx"), recursive=True))[::5]]
matches = told = 0
with tempfile.TemporaryDirectory() as tmp:
    rules, control = os.path.join(tmp, "rules"), os.path.join(tmp, "control.ndjson")
    os.mkdir(rules)
    open(os.path.join(rules, "r.yml"), "w").write(RULE)
    open(control, "w").write(json.dumps({"Channel": "System", "EventID": 1, "CommandLine": "marker"}) + "\n")
    for batch in range(0, FILES, BATCH):
        paths = [os.path.join(tmp, "%d.evtx" % i) for i in range(batch, min(batch + BATCH, FILES))]
        for path in paths:
            with open(path, "wb") as f:
                f.write(mutated(rng.choice(bases)))
        args = ["scan", "--quiet", "--format", "tsv", "--input", "evtx", "--rules", rules]
        found = {jobs: run(*args, "--jobs", jobs, *paths) for jobs in (1, 3)}
        for jobs, r in found.items():
            c.ok(r.returncode in (0, 1), "exit %d with %d workers: %s" % (r.returncode, jobs, r.stderr[-2000:]))
            c.ok(b"died" not in r.stderr and b"Sanitizer" not in r.stderr and b"runtime error" not in r.stderr
                 and b"check failed" not in r.stderr, "no fault: %s" % r.stderr[-3000:])
        c.equal(found[1].stdout, found[3].stdout, "one worker and three")
        r = run("scan", "--quiet", "--format", "tsv", "--rules", rules, *paths, control)
        c.equal(len([x for x in rows(r.stdout) if x[0] == control]), 1, "the rest of the batch is read")
        matches += len(rows(found[1].stdout))
        told += found[1].stderr.count(b"byte")
        for path in paths:
            os.unlink(path)
c.ok(matches > FILES / 4 and told > FILES / 4, "something was read (%d matches), something was told (%d)" % (matches, told))
print("%d files: %d matches, %d damages told" % (FILES, matches, told))
c.finish()
