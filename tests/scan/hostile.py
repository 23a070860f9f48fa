# SPDX-License-Identifier: EUPL-1.2
"""Broken input of each format: a clear message with file and offset, the rest of the batch read, exit status 1, no fault."""
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile

from common import ROOT, Checks, rows, run

sys.path.append(os.path.join(ROOT, "tests", "evtx"))
import make  # noqa: E402  (builds event log files)

c = Checks()
rng = random.Random(20261122)
RULES = os.path.join(ROOT, "rules")
good = "\n".join(json.dumps({"Channel": "Security", "EventID": 1102, "Computer": "h", "n": i}) for i in range(300)) + "\n"


def zeek():
    return ("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tmodbus\n#fields\tts\tuid\tid.orig_h\tfunc\n"
            "#types\ttime\tstring\taddr\tstring\n" + "".join("17000%05d.1\tC%d\t10.0.0.%d\tREAD_COILS\n" % (i, i, i % 250) for i in range(300)))


FORMATS = {
    "json": good.encode(),
    "json.gz": gzip.compress(good.encode()),
    "json.zst": subprocess.run(["zstd", "-q", "-c"], input=good.encode(), capture_output=True, check=True).stdout,
    "array.json": json.dumps([json.loads(l) for l in good.split("\n") if l]).encode(),
    "zeek.log": zeek().encode(),
    "web.log": b"".join(b'10.0.0.1 - - [22/Nov/2026:02:05:27 +0000] "GET /%d HTTP/1.1" 200 1 "-" "x"\n' % i for i in range(300)),
    "syslog.log": b"".join(b"<38>Nov 22 02:00:00 host sshd[%d]: Failed password for root from 10.0.0.1 port 4 ssh2\n" % i for i in range(300)),
    "log.evtx": make.make(make.many(300)),
    "audit.log": b"".join(b'type=SYSCALL msg=audit(1700000000.000:%d): arch=c000003e syscall=59 exe="/bin/ls"\n' % i for i in range(300)),
}
MUST_FAIL = {"json", "json.gz", "json.zst", "array.json", "log.evtx"}  # cut in the middle these are no longer whole


def flipped(data, n):
    b = bytearray(data)
    for _ in range(n):
        b[rng.randrange(len(b))] ^= 1 << rng.randrange(8)
    return bytes(b)


with tempfile.TemporaryDirectory() as tmp:
    control = os.path.join(tmp, "control.ndjson")
    open(control, "w").write(good)
    for name, data in FORMATS.items():
        variants = {"cut": data[: len(data) * 2 // 3 + 5], "flip": flipped(data, 40), "flip1": flipped(data, 1),
                    "random": bytes(rng.randrange(256) for _ in range(20000)), "zeros": bytes(5000), "empty": b"",
                    "head": data[:3], "doubled": data + data[: len(data) // 2]}
        for kind, broken in variants.items():
            path = os.path.join(tmp, "%s-%s" % (kind, name))
            open(path, "wb").write(broken)
            r = run("scan", "--quiet", "--format", "tsv", "--rules", RULES, path, control)
            what = "%s of %s" % (kind, name)
            c.ok(r.returncode in (0, 1), what + ": exit %d %s" % (r.returncode, r.stderr[-500:]))
            c.ok(b"died" not in r.stderr and b"Sanitizer" not in r.stderr and b"check failed" not in r.stderr, what + ": no fault: %s" % r.stderr[-800:])
            c.equal(len([x for x in rows(r.stdout) if x[0] == control]), 300, what + ": the rest of the batch is read")
            if kind == "cut" and name in MUST_FAIL:
                message = [l for l in r.stderr.decode(errors="replace").split("\n") if os.path.basename(path) in l]
                c.ok(r.returncode == 1 and message and any("byte" in l for l in message), what + ": told with its offset: %r" % r.stderr[-400:])
    # One bad record among good ones keeps its index and loses nothing else.
    lines = good.split("\n")
    lines[100] = '{"Channel": "Security", "EventID": 1102'
    lines[200] = "\x00\xff not json at all"
    mixed = os.path.join(tmp, "mixed.ndjson")
    open(mixed, "w", encoding="latin-1").write("\n".join(lines))
    r = run("scan", "--quiet", "--format", "tsv", "--rules", RULES, mixed)
    got = [int(x[1]) for x in rows(r.stdout)]
    c.equal(got, [i for i in range(300) if i not in (100, 200)], "bad records keep their index")
    c.ok(b"record 100 at byte" in r.stderr and b"record 200 at byte" in r.stderr, "both are named: %s" % r.stderr)
    c.equal(r.returncode, 1, "exit status with bad records")
    # A list that is cut between two records is told, too.
    whole = json.dumps([json.loads(l) for l in good.split("\n") if l])
    cut = os.path.join(tmp, "cut-between.json")
    open(cut, "w").write(whole[: whole.rindex("}, {") + 1])
    r = run("scan", "--quiet", "--format", "tsv", "--rules", RULES, cut)
    c.equal((r.returncode, len(rows(r.stdout))), (1, 299), "a list cut between records: %s" % r.stderr)
    c.ok(b"not closed" in r.stderr and b"byte" in r.stderr, "and says so: %s" % r.stderr)
    # Records of extreme shape are read or named, never fatal.
    deep = "[" * 5000 + "]" * 5000
    wide = json.dumps({"Channel": "Security", "EventID": 1102, **{"k%d" % i: i for i in range(20000)}})
    long = json.dumps({"Channel": "Security", "EventID": 1102, "x": "A" * 3000000})
    odd = '{"Channel":"Security","EventID":1102,"a":"\\ud800","b":1e99999,"c":"\x01","c":2,"d":"\xff"}'
    shapes = os.path.join(tmp, "shapes.ndjson")
    open(shapes, "w", encoding="latin-1").write("\n".join([deep, wide, long, odd, good]))
    r = run("scan", "--quiet", "--format", "tsv", "--rules", RULES, shapes)
    got = {int(x[1]) for x in rows(r.stdout)}
    c.ok(b"died" not in r.stderr and b"check failed" not in r.stderr, "extreme records: no fault: %s" % r.stderr[-500:])
    c.ok(len(got) >= 302, "extreme records: the rest is matched (%d)" % len(got))
c.finish()
