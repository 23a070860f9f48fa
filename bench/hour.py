#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A node under a steady rate for an hour: what its memory does, what lags, what is lost, what retention lets go. usage:
ninja -C build src/cli/sereno tests/faults/set_clock.so && bench/hour.py build/src/cli/sereno --clock build/tests/faults/set_clock.so
    --rules DIR [--rules DIR …] [--rate 42000] [--seconds 3600] [--day 300] [--intakes 2] [--every 10] [--no-verify] [--out FILE] FILE...

A node as it is, with its sandbox, below TMPDIR. FILEs are NDJSON (.zst too), shuffled over all files (seed 1), again and again. Six
sources: three by HTTP (POST /ingest, NDJSON, six sevenths of the rate; a batch counts when it was acked), two of syslog lines by TCP,
one by UDP. Each batch is due at its time: a sender that is held up by the node (429, TCP that stops) is late, and sends all the same.
Late is from that time to the ack (HTTP), or until the kernel took the line (TCP); an ack's own time begins when its batch was sent.

So that retention has work within the hour, a day is --day seconds long: the wall clock of the node's processes is set to
the next day as often (--clock: see tests/faults/set_clock.c; the program is the installed one). Two days are kept, of two of the sources one.
With every sample: PSS of each role, lag, drops, disk. At the end sent = taken in + counted drops, source by source, and `sereno
verify` over what is left. FILE of --out gets every sample as a line of JSON. Exit status 1: something was lost or does not add up."""
import argparse
import json
import mmap
import os
import pathlib
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "node"))
from node import TOKEN, Node, free_port, until  # noqa: E402

BATCH = 500       # events of one POST: 1.2 MB of the yardstick's feed
POSTERS = 16      # connections of one HTTP source
TICK_S = 0.02     # how often lines are sent
LINES = ("<86>1 {t} host{h}.town.example sshd {p} - - Accepted publickey for clerk{u} from 10.{h}.{u}.7 port {p} ssh2: ED25519 SHA256:{x}",
         "<85>1 {t} host{h}.town.example sudo {p} - - clerk{u} : TTY=pts/{u} ; PWD=/home/clerk{u} ; USER=root ; COMMAND=/usr/bin/systemctl status {x}",
         "<78>1 {t} host{h}.town.example CRON {p} - - (root) CMD (test -x /usr/sbin/job{u} && /usr/sbin/job{u} --seed {x})",
         "<134>1 {t} gate{h}.town.example kernel - - - [UFW BLOCK] IN=eth0 OUT= SRC=198.51.100.{u} DST=10.{h}.0.1 LEN=52 PROTO=TCP SPT={p} DPT=445 ID={x}")


def load(files):
    """The feed in batches of bodies, shuffled over all files."""
    events = []
    for path in files:
        data = (subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
                if path.endswith(".zst") else pathlib.Path(path).read_bytes())
        events += [line for line in data.split(b"\n") if line.strip()]
    random.Random(1).shuffle(events)
    whole = len(events) // BATCH * BATCH
    return [b"\n".join(events[i:i + BATCH]) + b"\n" for i in range(0, whole, BATCH)]


def syslog_lines(seed, count=20000):
    rnd, now = random.Random(seed), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return [rnd.choice(LINES).format(t=now, h=rnd.randrange(200), u=rnd.randrange(90), p=rnd.randrange(1024, 65000),
                                     x="%016x" % rnd.getrandbits(64)).encode() for _ in range(count)]


class Source:
    """One source's figures: written by its senders, read by the sampler."""

    def __init__(self, name, rate):
        self.name, self.rate = name, rate
        self.lock = threading.Lock()
        self.sent = self.again = 0
        self.lags, self.own, self.all_own = [], [], []

    def note(self, events, lag, own=None):
        with self.lock:
            self.sent += events
            self.lags.append(lag)
            if own is not None:
                self.own.append(own)

    def take(self):
        """How late the batches since the last call were, and the times of their acks."""
        with self.lock:
            lags, own, self.lags, self.own = self.lags, self.own, [], []
        self.all_own += own
        return lags, own


class Hour:
    def __init__(self, a):
        self.a = a
        self.end = False
        self.failed = []
        self.node = Node(a.program, self.extra(), a.intakes)
        self.node.receivers = lambda: 4 * a.intakes + 1
        rules = ", ".join(str(pathlib.Path(r).resolve()) for r in a.rules)
        text = self.node.config.read_text().replace(f"rules: [{self.node.folder}/rules]", f"rules: [{rules}]")
        self.node.config.write_text(text + "retention: {days: 2, sources: [{name: posted-3, days: 1}, {name: tcp, days: 1}]}\n")
        self.posts = [Source(n, a.rate * 6 / 7 / 3) for n in ("posted", "posted-2", "posted-3")]
        self.tcps = [Source(n, a.rate / 21) for n in ("tcp", "tcp-2")]
        self.udp = Source("udp", a.rate / 21)
        self.sources = self.posts + self.tcps + [self.udp]
        self.samples, self.days, self.purges = [], 0, 0
        clock = self.node.folder / "clock"
        clock.write_bytes(struct.pack("q", 0))
        with open(clock, "r+b") as f:
            self.clock = mmap.mmap(f.fileno(), 8)
        self.clock_path = clock

    def extra(self):
        self.tcp_2 = free_port()
        return (f'  - {{name: posted-2, kind: http, token: "{TOKEN}-2", organisation: second-town}}\n'
                f'  - {{name: posted-3, kind: http, token: "{TOKEN}-3"}}\n'
                f'  - {{name: tcp-2, kind: syslog-tcp, listen: "127.0.0.1:{self.tcp_2}"}}\n')

    # ---- senders ----

    def post(self, source, token, number):
        every, due = BATCH * POSTERS / source.rate, self.begun + BATCH / source.rate * number
        head = (b"POST /ingest HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\n"
                b"Content-Length: %%d\r\n\r\n" % token.encode())
        s, rnd = socket.create_connection(("127.0.0.1", self.node.http)), random.Random(number)
        while not self.end:
            time.sleep(max(0, due - time.monotonic()))
            body, from_s = rnd.choice(self.feed), time.monotonic()
            while True:
                s.sendall(head % len(body))
                s.sendall(body)
                answer = b""
                while b"\r\n\r\n" not in answer or not answer.endswith(b"\n"):
                    data = s.recv(4096)
                    if not data:
                        break
                    answer += data
                if answer.startswith(b"HTTP/1.1 200"):
                    if b'"kept":%d,"bad":0' % BATCH not in answer:
                        raise RuntimeError("not all were kept: %r" % answer)
                    break
                if not answer.startswith(b"HTTP/1.1 429"):
                    raise RuntimeError("refused: %r" % answer[:200])
                source.again += 1
                s.close()  # it did not read the body
                time.sleep(0.5)
                s = socket.create_connection(("127.0.0.1", self.node.http))
            source.note(BATCH, time.monotonic() - due, time.monotonic() - from_s)
            due += every
        s.close()

    def lines(self, source, send):
        """send(list of lines) gives nothing back; late when it had to wait."""
        lines, at, given = syslog_lines(hash(source.name) & 0xFFFF), 0, 0
        while not self.end:
            time.sleep(TICK_S)
            want = int((time.monotonic() - self.begun) * source.rate)
            while given < want and not self.end:
                n = min(want - given, 200, len(lines) - at)
                due = self.begun + given / source.rate
                send(lines[at:at + n])
                source.note(n, time.monotonic() - due)
                given, at = given + n, (at + n) % len(lines)

    def by_tcp(self, source, port):
        with socket.create_connection(("127.0.0.1", port)) as s:
            self.lines(source, lambda some: s.sendall(b"\n".join(some) + b"\n"))

    def by_udp(self, source):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", self.node.udp))
            self.lines(source, lambda some: [s.send(line) for line in some])

    def guarded(self, work, *args):
        try:
            work(*args)
        except Exception as e:  # noqa: BLE001
            self.failed.append(f"{work.__name__}: {e!r}")

    def senders(self):
        out = [(self.post, s, TOKEN + tail, n) for s, tail in zip(self.posts, ("", "-2", "-3")) for n in range(POSTERS)]
        out += [(self.by_tcp, s, port) for s, port in zip(self.tcps, (self.node.tcp, self.tcp_2))]
        return [threading.Thread(target=self.guarded, args=x, daemon=True) for x in out + [(self.by_udp, self.udp)]]

    # ---- what the node does meanwhile ----

    def roles(self):
        """{role, numbered: (pid, PSS MB, CPU s)}"""
        out, names = {}, {}
        for pid in subprocess.run(["pgrep", "-g", str(self.node.process.pid)], stdout=subprocess.PIPE, text=True).stdout.split():
            try:
                rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
            except OSError:  # a compiler that ended
                continue
            name = stat[stat.index("(") + 1:stat.rindex(")")].replace("sereno-", "").replace("sereno", "super")
            names[name] = names.get(name, -1) + 1
            times = stat.rsplit(")", 1)[1].split()[11:13]
            out[name + (str(names[name]) if name == "intake" else "")] = (
                int(pid), int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1]) / 1024, sum(map(int, times)) / os.sysconf("SC_CLK_TCK"))
        return out

    def metrics(self):
        done = subprocess.run(["curl", "-s", "-m", "30", "-H", f"Authorization: Bearer {TOKEN}",
                               f"http://127.0.0.1:{self.node.desk}/metrics"], capture_output=True, text=True)
        return done.stdout

    def counted(self):
        """{source: (events, dropped)} as the node tells, and the rest of its figures."""
        text, out = self.metrics(), {}
        for s in self.sources:
            pair = [re.search(r'^sereno_source_%s_total\{source="%s",.*\} (\d+)' % (what, s.name), text, re.M)
                    for what in ("events", "dropped")]
            out[s.name] = tuple(int(m[1]) if m else 0 for m in pair)
        rest = {k: int(m[1]) if (m := re.search(r"^sereno_%s (\d+)" % k, text, re.M)) else 0
                for k in ("archive_bytes", "archive_events", "alerts", "matches_lost_total", "rules_loaded")}
        return out, rest

    def log_count(self, word):
        return self.node.log.read_bytes().count(word)

    def sample(self):
        roles = self.roles()
        counts, rest = self.counted()
        took = [s.take() for s in self.posts]
        web, own = (sorted(x for t in took for x in t[i]) or [0] for i in (0, 1))
        tcp = sorted(x for s in self.tcps for x in s.take()[0]) or [0]
        self.udp.take()
        files = [p for p in self.node.data.rglob("*") if p.is_file()]
        one = {"at_s": round(time.monotonic() - self.begun, 1), "day": self.days, "sent": sum(s.sent for s in self.sources),
               "taken": sum(c[0] for c in counts.values()), "dropped": sum(c[1] for c in counts.values()),
               "again": sum(s.again for s in self.posts), "ack_median_s": round(own[len(own) // 2], 3), "ack_max_s": round(own[-1], 3), "late_max_s": round(web[-1], 3),
               "tcp_max_s": round(tcp[-1], 3), "pss_mb": {k: round(v[1], 1) for k, v in roles.items()},
               "pss_sum_mb": round(sum(v[1] for v in roles.values()), 1), "disk_mb": round(sum(self.size(p) for p in files) / 1e6, 1),
               "days_on_disk": sum(p.suffix == ".db" and p.parent.name == "archive" for p in files),
               "purges": self.log_count(b"retention.done"), "load": os.getloadavg()[0], "pids": [v[0] for v in roles.values()], **rest}
        self.samples.append(one)
        if self.a.out:
            with open(self.a.out, "a", encoding="utf-8") as f:
                f.write(json.dumps(one) + "\n")
        return roles

    @staticmethod
    def size(path):
        try:
            return path.stat().st_blocks * 512
        except OSError:  # let go a moment ago
            return 0

    def start(self):
        os.environ.update(LD_PRELOAD=str(pathlib.Path(self.a.clock).resolve()), SERENO_CLOCK=str(self.clock_path))
        try:
            self.node.start()
        finally:
            del os.environ["LD_PRELOAD"], os.environ["SERENO_CLOCK"]
        until("the compiler's end", lambda: self.log_count(b"role.ended role=compiler") > 0)

    def run(self):
        self.feed = load(self.a.files)
        self.start()
        self.begun = time.monotonic()
        before = self.sample()
        threads = self.senders()
        for t in threads:
            t.start()
        while time.monotonic() < self.begun + self.a.seconds and not self.failed:
            time.sleep(self.a.every)
            if time.monotonic() - self.begun >= (self.days + 1) * self.a.day:
                self.days += 1
                self.clock[:] = struct.pack("q", self.days * 86400)
            self.sample()
        self.end = True
        for t in threads:
            t.join()
        self.took = time.monotonic() - self.begun
        self.after = {k: round(v[2] - before.get(k, (0, 0, 0))[2], 1) for k, v in self.roles().items()}
        return self.judge()

    # ---- what came of it ----

    def adds_up(self):
        counts, _ = self.counted()
        return all(s.sent == sum(counts[s.name]) for s in self.sources)

    def judge(self):
        bad = list(self.failed)
        try:
            until("what was sent to be taken in or counted as dropped", self.adds_up)
        except AssertionError as e:
            bad.append(str(e))
        counts, rest = self.counted()
        self.sample()
        bad += [f"{k} was restarted" for k, n in [("a role", self.log_count(b"role.restart"))] if n > 0]
        if rest["matches_lost_total"]:
            bad.append("%d matches lost" % rest["matches_lost_total"])
        self.table(counts)
        if self.node.stop() != 0:
            bad.append("the node ended badly")
        if not self.a.no_verify:
            done = subprocess.run([self.a.program, "verify", "--data", str(self.node.data)], capture_output=True, text=True)
            print("verify: status %d, %s" % (done.returncode, " ".join(done.stdout.split())[-400:]))
            bad += [done.stderr[-400:]] if done.returncode else []
        for line in bad:
            print("BAD: " + line)
        return 1 if bad or any(c[1] for c in counts.values()) else 0

    def table(self, counts):
        s, took = self.samples, self.took
        sent = sum(x.sent for x in self.sources)
        print("%d events in %.0f s: %.0f a second of %d asked for; %d rules, %d intakes, load %.1f to %.1f" % (
            sent, took, sent / took, self.a.rate, s[-1]["rules_loaded"], self.a.intakes, min(x["load"] for x in s), max(x["load"] for x in s)))
        print("\n| | first | at a quarter | at half | last | least | most |\n|---|---|---|---|---|---|---|")
        warm = s[min(len(s) - 1, 1):]  # the one before holds no events yet

        def row(name, get):
            v = [get(x) for x in warm]
            print("| %s | " % name + " | ".join("%g" % x for x in (v[0], v[len(v) // 4], v[len(v) // 2], v[-1], min(v), max(v))) + " |")
        row("PSS of all roles, MB", lambda x: x["pss_sum_mb"])
        for role in sorted(warm[-1]["pss_mb"]):
            row("... " + role, lambda x, r=role: x["pss_mb"].get(r, 0))
        row("ack by HTTP, median of 10 s, s", lambda x: x["ack_median_s"])
        row("... most", lambda x: x["ack_max_s"])
        row("batch by HTTP late, most, s", lambda x: x["late_max_s"])
        row("line by TCP late, most, s", lambda x: x["tcp_max_s"])
        row("disk, MB", lambda x: x["disk_mb"])
        row("day files", lambda x: x["days_on_disk"])
        acks = sorted(x for p in self.posts for x in p.all_own) or [0]
        print("\nacks: median %.3f s, p99 %.3f, most %.3f; %d posts answered 429 and sent again" % (
            acks[len(acks) // 2], acks[len(acks) * 99 // 100], acks[-1], s[-1]["again"]))
        print("retention: %d times it let something go, over %d days; alerts %d" % (s[-1]["purges"], self.days, s[-1]["alerts"]))
        print("CPU s: " + ", ".join("%s %.1f" % x for x in sorted(self.after.items())) + "; sum %.1f, %.0f events a CPU second" % (
            sum(self.after.values()), sent / max(0.001, sum(self.after.values()))))
        print("\n| source | sent | taken in | drops counted | left over |\n|---|---|---|---|---|")
        for x in self.sources:
            print("| %s | %d | %d | %d | %d |" % (x.name, x.sent, *counts[x.name], x.sent - sum(counts[x.name])))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("files", nargs="+", metavar="FILE")
    p.add_argument("--clock", required=True)
    p.add_argument("--rules", action="append", required=True)
    p.add_argument("--rate", type=int, default=42000)
    p.add_argument("--seconds", type=float, default=3600)
    p.add_argument("--day", type=float, default=300)
    p.add_argument("--every", type=float, default=10)
    p.add_argument("--intakes", type=int, default=2)
    p.add_argument("--no-verify", action="store_true")
    p.add_argument("--out")
    sys.stdout.reconfigure(line_buffering=True)
    hour = Hour(p.parse_args())
    try:
        sys.exit(hour.run())
    finally:
        hour.node.remove()


if __name__ == "__main__":
    main()
