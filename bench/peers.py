#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Sets other Sigma engines beside Sereno: the same events, the same rules, one core, one run, match counts beside the times.
usage: bench/peers.py --rules DIR... [--rsigma PROGRAM] [--zircolite COMMAND] [--sqlite PYTHON] [--seed N] [--rounds N]
                      [--events N] FILE...

FILE: NDJSON, plain or .zst. Every engine reads the same unpacked file, its lines shuffled by the seed (0: as they are);
then one without events: what that takes is its start and the loading of rules, and is shown and taken off. CPU seconds
(user and system) of the engine and its children, medians of the rounds, engines in turn within a round. A peer that is not
named is left out; a peer that fails is told with what it wrote. Peers are built elsewhere; nothing of them is part of this
repository.
rsigma runs twice: with its names for Sysmon's events and every rule on every event, and told that all events are of Windows
(its quickest way). zircolite: the command that starts it, as 'python3 zircolite.py', with the rules as they are, the pipelines for
Sysmon and for log sources, and what else it does by default. sqlite: bench/sigma_sqlite.py, rules as SQL the way Zircolite asks them; it measures its loading itself.
example: bench/peers.py --rules sigma/rules --rsigma ~/.cargo/bin/rsigma --rounds 5 logs/*.ndjson.zst
"""
import argparse
import collections
import json
import os
import random
import resource
import shlex
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


def net(engine):
    """An engine that is run on the events, then on none: (CPU seconds, of these start and rules, matches by rule)."""
    def both(args):
        cpu, found = engine(args, args.full)
        return cpu, engine(args, args.empty)[0], found
    return both


def sereno(args, path):
    command = [args.sereno, "scan", "--quiet", "--format", "tsv"] + [x for r in args.rules for x in ("--rules", r)] + [path]
    cpu, done = run(command)
    if done.returncode > 1 or (os.path.getsize(path) and not done.stdout):  # 1 as well when a rule cannot be loaded
        sys.exit("sereno: %s" % (done.stderr[-2000:] or "no match at all"))
    return cpu, collections.Counter(line.split("\t")[2] for line in done.stdout.splitlines())


def rsigma(*options):
    def engine(args, path):
        command = [args.rsigma, "engine", "eval", "--rules", args.all_rules, "--input-format", "json", "-p", "sysmon"]
        cpu, done = run(command + list(options) + args.rsigma_option + ["--event", "@" + path])
        if done.returncode not in (0, 1):
            sys.exit("rsigma: %s" % done.stderr[-2000:])
        found = collections.Counter()
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                found[json.loads(line).get("rule_id", "?")] += 1
        return cpu, found
    return engine


def zircolite(args, path):
    script = shlex.split(args.zircolite)
    out = path + ".found"
    home = os.path.dirname(os.path.abspath(script[-1]))  # where its mapping of fields lies
    cpu, done = run(script + ["--events", path, "--jsonl", "--ruleset", args.all_rules, "--pipeline", "sysmon", "windows-logsources",
                              "--config", os.path.join(home, "config", "config.yaml"), "--quiet", "--outfile", out,
                              "--logfile", path + ".log"])
    if done.returncode != 0 or (os.path.getsize(path) and not os.path.exists(out)):
        sys.exit("zircolite: %s" % (done.stderr or done.stdout)[-2000:])
    found = collections.Counter()
    if os.path.getsize(path):
        with open(out, encoding="utf-8") as told:
            for rule in json.load(told):
                found[rule["id"]] += rule["count"]
    return cpu, found


def sqlite(args):
    _, done = run([args.sqlite, os.path.join(ROOT, "bench", "sigma_sqlite.py"), args.all_rules, args.full])
    if done.returncode != 0:
        sys.exit("sqlite: %s" % done.stderr[-2000:])
    r = json.loads(done.stdout)
    return r["load_s"] + r["run_s"], r["load_s"], collections.Counter(r["matches"])


def unpack(files, out, args):
    lines = []
    for name in files:
        data = subprocess.run(["zstd", "-dcq", name], capture_output=True, check=True).stdout if name.endswith(".zst") else open(name, "rb").read()
        lines += [line for line in data.splitlines() if line.startswith(b"{")]
    if args.seed:
        random.Random(args.seed).shuffle(lines)
    del lines[args.events:]
    out.writelines(line + b"\n" for line in lines)
    out.flush()
    return len(lines)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--sereno", default=os.path.join(ROOT, "build", "sereno"))
    ap.add_argument("--rsigma", help="the program")
    ap.add_argument("--zircolite", help="how it is started: 'PYTHON .../zircolite.py'")
    ap.add_argument("--sqlite", help="a Python that has pySigma-backend-sqlite")
    ap.add_argument("--seed", type=int, default=1, help="of the shuffle; 0: none")
    ap.add_argument("--rsigma-option", action="append", default=[], help="passed on, as --rsigma-option=--x")
    ap.add_argument("--rules", action="append", required=True)
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--events", type=int, default=10**9)
    ap.add_argument("files", nargs="+")
    args = ap.parse_args()
    engines = [("sereno", net(sereno))]
    if args.rsigma:
        engines += [("rsigma", net(rsigma())),
                    ("rsigma, routed", net(rsigma("--logsource-routing", "--event-logsource", "product=windows")))]
    if args.zircolite:
        engines.append(("zircolite", net(zircolite)))
    if args.sqlite:
        engines.append(("sqlite", sqlite))
    with tempfile.TemporaryDirectory() as folder:
        args.all_rules = os.path.join(folder, "rules")  # for those that take one folder
        for i, rules in enumerate(args.rules):
            shutil.copytree(rules, os.path.join(args.all_rules, str(i)))
        args.full, args.empty = os.path.join(folder, "events.ndjson"), os.path.join(folder, "empty.ndjson")
        open(args.empty, "wb").close()
        with open(args.full, "wb") as out:
            events = unpack(args.files, out, args)
        times = {name: ([], []) for name, _ in engines}
        found = {}
        for _ in range(args.rounds):
            for name, engine in engines:
                whole, start, found[name] = engine(args)
                times[name][0].append(whole)
                times[name][1].append(start)
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
