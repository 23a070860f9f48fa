#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What a reload of all rules does to the events that arrive meanwhile. usage:
bench/reload.py build/src/cli/sereno --rules DIR [--rules DIR …] [--reloads 10] [--rate 500] [--senders 16] [--kept] [--json]

A node as it is, with its sandbox. Two streams: syslog lines over four TCP connections at a steady pace, each holding when it was
sent, so that the archive's time of receipt says how long the intake let it lie; and senders that post one record at a time and wait
until it is kept (the answer's time is the kernel's, not this program's). Each reload compiles everything anew, since a rule of
our own was changed before (--kept: it changes between two sets that are kept compiled). Told are the delays of events that
were sent while a reload ran, those of all others, and the difference: what the reload costs. Exit status 1 when an event is lost or
the difference is over 100 ms at the 99th percentile, or for any event that lay unread."""
import argparse
import json
import pathlib
import random
import re
import signal
import socket
import struct
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "node"))
import day_file  # noqa: E402
from node import TOKEN, Node, until  # noqa: E402

SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)
LIMIT_MS = 100
AFTER_S = 0.5  # of a reload's end: what it caused may show as late as that
OWN = """title: A rule of our own, version {0}
id: 5f1d1c1e-3f5b-4a53-9f0a-2b8f1f0c9e02
logsource:
    product: linux
detection:
    keywords:
        - a-word-nobody-sends-{0}
    condition: keywords
level: low
"""


class Bench:
    def __init__(self, args):
        self.args = args
        self.end = False
        self.sent, self.posted, self.spans = 0, [], []
        self.lock = threading.Lock()
        self.node = Node(args.program)
        text = self.node.config.read_text()
        rules = ", ".join([str(pathlib.Path(r).resolve()) for r in args.rules] + [str(self.node.folder / "rules")])
        self.node.config.write_text(text.replace(f"rules: [{self.node.folder}/rules]", f"rules: [{rules}]"))

    # ---- the streams ----

    def send_lines(self):
        socks = [socket.create_connection(("127.0.0.1", self.node.tcp)) for _ in range(4)]
        for s in socks:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        due = time.monotonic()
        while not self.end:
            now = time.time_ns()
            socks[self.sent % 4].sendall(
                b"<13>1 2026-11-27T00:00:00Z host app - - - paced %d sent %d\n" % (self.sent, now))
            self.sent += 1
            due = max(due + 1 / self.args.rate, time.monotonic() - 0.2)
            time.sleep(max(0, due - time.monotonic()))
        for s in socks:
            s.close()

    def post_records(self, number):
        s = socket.create_connection(("127.0.0.1", self.node.http))
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        dice, mine, i = random.Random(number), [], 0
        while not self.end:
            body = b'{"message":"posted %d %d"}\n' % (number, i)
            now = time.time_ns()
            s.sendall(b"POST /ingest HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s"
                      % (TOKEN.encode(), len(body), body))
            answer, stamp = b"", 0
            while not re.search(rb"\r\n\r\n.*\n", answer, re.S):
                data, extra, _, _ = s.recvmsg(4096, 64)
                if not data:
                    raise RuntimeError("the node closed a connection: %r" % answer)
                answer += data
                for _, kind, raw in extra:
                    if kind == SO_TIMESTAMPNS:
                        sec, ns = struct.unpack("qq", raw)
                        stamp = sec * 10 ** 9 + ns
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError("refused: %r" % answer)
            mine.append((now, (stamp or time.time_ns()) - now, b"posted %d %d\"" % (number, i)))
            i += 1
            time.sleep(dice.uniform(0, 0.05))
        s.close()
        with self.lock:
            self.posted += mine

    # ---- reloads ----

    def count(self, word):
        return self.node.log.read_bytes().count(word)

    def reload(self, version):
        used, ended = self.count(b"rules.in_use"), self.count(b"role.ended role=compiler")
        (self.node.folder / "rules" / "own.yml").write_text(OWN.format(version))
        start = time.time_ns()
        self.node.process.send_signal(signal.SIGHUP)
        until("a reload", lambda: self.count(b"rules.in_use") >= used + 1 + self.node.intakes)
        until("the compiler's end", lambda: self.count(b"role.ended role=compiler") > ended)
        self.spans.append((start, time.time_ns()))

    def run(self):
        args = self.args
        (self.node.folder / "rules" / "own.yml").write_text(OWN.format(0))
        self.node.start()
        try:
            until("the compiler's end", lambda: self.count(b"role.ended role=compiler") > 0)
            if args.kept:
                self.reload(1)
                self.spans.clear()
            threads = [threading.Thread(target=self.send_lines)]
            threads += [threading.Thread(target=self.post_records, args=(n,)) for n in range(args.senders)]
            for t in threads:
                t.start()
            time.sleep(3)
            for i in range(args.reloads):
                self.reload(i % 2 if args.kept else i + 1)
                time.sleep(2)
            self.end = True
            for t in threads:
                t.join()
            until("all lines to be kept", lambda: len(self.node.having("paced ")) >= self.sent)
            self.node.stop()
            return self.judge()
        finally:
            if args.keep:
                print(self.node.folder, file=sys.stderr)
            else:
                self.node.remove()

    # ---- what came of it ----

    def during(self, when):
        return any(a <= when <= b + AFTER_S * 1e9 for a, b in self.spans)

    def judge(self):
        lines, kept = {}, []
        for received, text in day_file.read_received(self.node.data / "archive"):
            m = re.search(rb"paced (\d+) sent (\d+)", text)
            if m:
                lines[int(m[1])] = (int(m[2]), received - int(m[2]))
            else:
                kept.append(text)
        blob = b"\n".join(kept)
        lost = self.sent - len(lines) + sum(1 for p in self.posted if p[2] not in blob)
        out = {"reloads": len(self.spans), "reload_ms": [round((b - a) / 1e6) for a, b in self.spans],
               "pause_ms": [int(x) for x in re.findall(rb"pause_ms=(\d+)", self.node.log.read_bytes())],
               "events": self.sent + len(self.posted), "lost": lost}
        for name, pairs in (("unread", lines.values()), ("kept", [(p[0], p[1]) for p in self.posted])):
            for when in (False, True):
                ms = sorted(d / 1e6 for t, d in pairs if self.during(t) == when)
                out[f"{name}_{'reload' if when else 'quiet'}"] = {
                    "n": len(ms), "median": round(ms[len(ms) // 2], 2), "p99": round(ms[len(ms) * 99 // 100], 2),
                    "max": round(ms[-1], 2)}
            out[f"{name}_cost"] = {k: round(out[f"{name}_reload"][k] - out[f"{name}_quiet"][k], 2)
                                   for k in ("median", "p99", "max")}
        return out


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("program")
    p.add_argument("--rules", action="append", required=True)
    p.add_argument("--reloads", type=int, default=10)
    p.add_argument("--rate", type=float, default=500)
    p.add_argument("--senders", type=int, default=16)
    p.add_argument("--kept", action="store_true")
    p.add_argument("--keep", action="store_true", help="leave the node's folder")
    p.add_argument("--json", action="store_true")
    out = Bench(p.parse_args()).run()
    if "--json" in sys.argv:
        print(json.dumps(out))
    else:
        for k, v in out.items():
            print(f"{k:16} {v}")
    bad = out["lost"] > 0 or out["unread_cost"]["max"] > LIMIT_MS or out["kept_cost"]["p99"] > LIMIT_MS
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
