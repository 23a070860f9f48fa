#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Sets other Sigma engines beside Sereno: the same events, the same rules, one core, one run, match counts beside the times.
usage: bench/peers.py --rules DIR... [--rsigma PROGRAM] [--rounds N] [--events N] FILE...

FILE: NDJSON, plain or .zst. Every engine reads the same unpacked file; then one without events: what that takes is its
start and the loading of rules, and is shown and taken off. CPU seconds (user and system) of the engine and its children,
medians of the rounds, engines in turn within a round. A peer that is not named is left out; a peer that fails is told
with what it wrote. Peers are built elsewhere; nothing of them is part of this repository.
"""
import argparse
import collections
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))


def one_core():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def run(command):
    """CPU seconds and output of the command on one core; ends the program where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=one_core)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, done


def sereno(args, path):
    command = [args.sereno, "scan", "--quiet", "--format", "tsv"] + [x for r in args.rules for x in ("--rules", r)] + [path]
    cpu, done = run(command)
    return cpu, collections.Counter(line.split("\t")[2] for line in done.stdout.splitlines())


def rsigma(args, path):
    cpu, done = run([args.rsigma, "engine", "eval", "--rules", args.all_rules] + args.rsigma_option + ["--event", "@" + path])
    if done.returncode not in (0, 1):
        sys.exit("rsigma: %s" % done.stderr[-2000:])
    found = collections.Counter()
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            found[json.loads(line).get("rule_id", "?")] += 1
    return cpu, found


def unpack(files, out, limit):
    n = 0
    for name in files:
        data = subprocess.run(["zstd", "-dcq", name], capture_output=True, check=True).stdout if name.endswith(".zst") else open(name, "rb").read()
        for line in data.splitlines():
            if line.startswith(b"{") and n < limit:
                out.write(line + b"\n")
                n += 1
    out.flush()
    return n


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--sereno", default=os.path.join(ROOT, "build", "sereno"))
    ap.add_argument("--rsigma")
    ap.add_argument("--rsigma-option", action="append", default=[], help="passed on, as --rsigma-option=--x")
    ap.add_argument("--rules", action="append", required=True)
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--events", type=int, default=10**9)
    ap.add_argument("files", nargs="+")
    args = ap.parse_args()
    engines = [("sereno", sereno)] + [(f.__name__, f) for f in (rsigma,) if getattr(args, f.__name__)]
    with tempfile.TemporaryDirectory() as folder:
        args.all_rules = os.path.join(folder, "rules")  # for those that take one folder
        for i, rules in enumerate(args.rules):
            shutil.copytree(rules, os.path.join(args.all_rules, str(i)))
        full, empty = os.path.join(folder, "events.ndjson"), os.path.join(folder, "empty.ndjson")
        open(empty, "wb").close()
        with open(full, "wb") as out:
            events = unpack(args.files, out, args.events)
        times = {name: ([], []) for name, _ in engines}
        found = {}
        for _ in range(args.rounds):
            for name, engine in engines:
                cpu, found[name] = engine(args, full)
                times[name][0].append(cpu)
                times[name][1].append(engine(args, empty)[0])
        print("%d events, %d rounds, one core, load %.1f when it ended\n" % (events, args.rounds, os.getloadavg()[0]))
        print("| engine | CPU s | of these start and rules | events/s without them | matches | rules that matched | times as long as sereno |\n|---|---|---|---|---|---|---|")
        base = None
        for name, _ in engines:
            whole, start = statistics.median(times[name][0]), statistics.median(times[name][1])
            base = base or whole - start
            print("| %s | %.2f | %.2f | %.0f | %d | %d | %.1f |" % (
                name, whole, start, events / max(whole - start, 1e-9), sum(found[name].values()), len(found[name]), (whole - start) / base))
        for name, _ in engines[1:]:
            fewer = {r: n - found[name][r] for r, n in found["sereno"].items() if found[name][r] < n}
            more = {r: n - found["sereno"][r] for r, n in found[name].items() if found["sereno"][r] < n}
            print("\n%s against sereno: %d matches fewer in %d rules, %d more in %d rules" % (
                name, sum(fewer.values()), len(fewer), sum(more.values()), len(more)))


main()
