#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Sets Chainsaw and Hayabusa beside `sereno scan` on event log files: the same files, rules and cores in one run, match counts beside
the times. usage: bench/evtx_peers.py --sereno BIN --files DIR --rules DIR [--rules DIR…] [--chainsaw BIN --mapping FILE]
[--hayabusa BIN --hayabusa-rules DIR] [--rounds 5] [--seconds 30] [--cores N] [--json OUT]

The .evtx files of DIR are copied under new names, as often as it takes until the slowest program runs for --seconds. What it costs to
load the rules is measured apart, on a file without events, and taken off on both sides; both figures are shown. A peer that is not
given, or does not run, is named. The rounds of all programs are interleaved; figures are medians. Peers are built elsewhere: nothing of
theirs is in this repository. Hayabusa reads rules of its own form: --hayabusa-rules names a checkout of its rules, whose folder "sigma" holds the same ones converted.
"""
import argparse
import glob
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "evtx"))
import make  # noqa: E402  (builds event log files)


def sereno(a, target, out):
    rules = [x for r in a.rules for x in ("--rules", r)]
    return [a.sereno, "scan", "--quiet", "--jobs", str(a.cores), "--format", "tsv"] + rules + [target], out


def chainsaw(a, target, out):
    rules = [x for r in a.rules for x in ("-s", r)]
    return [a.chainsaw, "hunt", target, "-q", "--mapping", a.mapping, "--jsonl", "-o", out] + rules, None


def hayabusa(a, target, out):
    where = ["-d" if os.path.isdir(target) else "-f", target]
    rules = ["-r", os.path.join(a.hayabusa_rules, "sigma"), "-c", os.path.join(a.hayabusa_rules, "config"), "-D", "-n", "-u"]
    return [a.hayabusa, "dfir-timeline"] + where + rules + ["-t", "jsonl", "-o", out, "-w", "-C", "-q", "-Q", "-N", "-K", "-p", "verbose",
                                                           "--threads", str(a.cores)], None


def originals(folder):
    """Rules that were converted have ids of their own: -> {that id: the id it is derived from}"""
    out = {}
    for path in glob.glob(os.path.join(folder, "sigma", "**", "*.yml"), recursive=True):
        text = open(path, encoding="utf-8").read()
        own = re.search(r"^id: *([0-9a-f-]{36})", text, re.M)
        derived = re.search(r"- id: *([0-9a-f-]{36})\s+type: *derived", text)
        if own and derived:
            out[own.group(1)] = derived.group(1)
    return out


def pairs_tsv(path):
    return [(os.path.basename(f), rule) for f, _, rule in (line.rstrip("\n").split("\t") for line in open(path))]


def pairs_chainsaw(path):
    out = []
    for line in open(path, errors="replace"):
        file, rule = re.search(r'"path":"([^"]*)"', line), re.findall(r'"id":"([0-9a-f-]{36})"', line)
        if file and rule:
            out.append((os.path.basename(file.group(1)), rule[-1]))
    return out


def pairs_hayabusa(path):
    out = []
    for line in open(path, errors="replace"):
        file, rule = re.search(r'"EvtxFile": ?"([^"]*)"', line), re.search(r'"RuleID": ?"([0-9a-f-]{36})"', line)
        if file and rule:
            out.append((os.path.basename(file.group(1)), rule.group(1)))
    return [(f, ORIGINALS.get(rule, rule)) for f, rule in out]


ORIGINALS = {}
PROGRAMS = {"sereno": (sereno, pairs_tsv), "chainsaw": (chainsaw, pairs_chainsaw), "hayabusa": (hayabusa, pairs_hayabusa)}


def measure(a, name, target):
    """-> (wall seconds, CPU seconds, [(file, rule)]); raises with the program's own words when it does not run."""
    out = os.path.join(a.tmp, name + ".out")
    if os.path.exists(out):
        os.unlink(out)
    command, to = PROGRAMS[name][0](a, target, out)
    env = dict(os.environ, SERENO_SHARE=ROOT, RAYON_NUM_THREADS=str(a.cores))
    command = ["taskset", "-c", "0-%d" % (a.cores - 1)] + command
    with open(to or os.devnull, "wb") as stdout, tempfile.TemporaryFile() as errors:
        begin = os.times()
        code = subprocess.call(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=errors, env=env, cwd=a.tmp)
        end = os.times()
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    if code not in ((0, 1) if name == "sereno" else (0,)):
        raise RuntimeError("exit %d: %s" % (code, said[-600:]))
    found = PROGRAMS[name][1](out) if os.path.exists(out) else []
    cpu = end.children_user - begin.children_user + end.children_system - begin.children_system
    return end.elapsed - begin.elapsed, cpu, found


def copies(a, files, count):
    folder = os.path.join(a.tmp, "files")
    have = len(glob.glob(os.path.join(folder, "*"))) // len(files)
    for i in range(have, count):
        for k, path in enumerate(files):
            shutil.copy(path, os.path.join(folder, "%04d-%04d.evtx" % (i, k)))
    return folder


def find_size(a, names, files):
    """Copies until the slowest takes long enough."""
    count = 1
    while True:
        folder = copies(a, files, count)
        slowest = 0
        for name in list(names):
            try:
                slowest = max(slowest, measure(a, name, folder)[0])
            except (OSError, RuntimeError) as e:
                print("%s does not run: %s" % (name, e), file=sys.stderr)
                names.remove(name)
        if "sereno" not in names:
            sys.exit(1)
        if slowest >= a.seconds or count > 4096:
            return folder, count
        count = max(count + 1, int(count * min(8, 1.2 * a.seconds / max(slowest, 0.1))))


def report(a, names, count, files, results, loads, found):
    med = statistics.median
    rows = {}
    for name in names:
        wall, cpu = (med(r[i] for r in results[name]) for i in (0, 1))
        load_wall, load_cpu = (med(r[i] for r in loads[name]) for i in (0, 1))
        rows[name] = {"wall_s": wall, "cpu_s": cpu, "load_wall_s": load_wall, "load_cpu_s": load_cpu, "net_wall_s": wall - load_wall,
                      "net_cpu_s": cpu - load_cpu, "matches": len(found[name]), "pairs": len(set(found[name]))}
    own = set(found["sereno"])
    print("%d files (%d under %d names), %d cores, %d rounds, medians" % (count * len(files), len(files), count, a.cores, a.rounds))
    print("%-9s %9s %9s %11s %11s %9s %9s %8s %10s %10s" % ("", "wall s", "cpu s", "rules wall", "rules cpu", "net wall", "net cpu",
                                                         "matches", "wall ratio", "cpu ratio"))
    for name, r in rows.items():
        r["ratio_wall"] = r["net_wall_s"] / max(1e-9, rows["sereno"]["net_wall_s"])
        r["ratio_cpu"] = r["net_cpu_s"] / max(1e-9, rows["sereno"]["net_cpu_s"])
        print("%-9s %9.2f %9.2f %11.2f %11.2f %9.2f %9.2f %8d %10.1f %10.1f" % (name, r["wall_s"], r["cpu_s"], r["load_wall_s"], r["load_cpu_s"],
              r["net_wall_s"], r["net_cpu_s"], r["matches"], r["ratio_wall"], r["ratio_cpu"]))
        if name != "sereno":
            r["common"], r["only_theirs"] = len(own & set(found[name])), len(set(found[name]) - own)
            print("          of its %d pairs of file and rule %d are ours too, %d are not; we have %d" % (r["pairs"], r["common"], r["only_theirs"], len(own)))
    if a.json:
        json.dump({"files": count * len(files), "cores": a.cores, "rounds": a.rounds, "programs": rows}, open(a.json, "w"), indent=1)


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--sereno", default=os.path.join(ROOT, "build", "sereno"))
    p.add_argument("--files", required=True)
    p.add_argument("--rules", action="append", required=True)
    p.add_argument("--chainsaw")
    p.add_argument("--mapping")
    p.add_argument("--hayabusa")
    p.add_argument("--hayabusa-rules")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=30)
    p.add_argument("--cores", type=int, default=os.cpu_count())
    p.add_argument("--json")
    a = p.parse_args()
    for key in ("sereno", "files", "chainsaw", "mapping", "hayabusa", "hayabusa_rules", "json"):
        if getattr(a, key):
            setattr(a, key, os.path.abspath(getattr(a, key)))
    a.rules = [os.path.abspath(r) for r in a.rules]
    files = sorted(glob.glob(os.path.join(a.files, "**", "*.evtx"), recursive=True))
    if not files:
        sys.exit("no .evtx files in " + a.files)
    if a.hayabusa_rules:
        ORIGINALS.update(originals(a.hayabusa_rules))
    names = [n for n in PROGRAMS if getattr(a, n)]
    for name in PROGRAMS:
        if name not in names:
            print("%s is not given" % name, file=sys.stderr)
    with tempfile.TemporaryDirectory() as a.tmp:
        os.mkdir(os.path.join(a.tmp, "files"))
        empty = os.path.join(a.tmp, "empty.evtx")
        with open(empty, "wb") as f:
            f.write(make.make([]))
        folder, count = find_size(a, names, files)
        results, loads, found = {n: [] for n in names}, {n: [] for n in names}, {}
        for _ in range(a.rounds):
            for name in names:
                loads[name].append(measure(a, name, empty)[:2])
                wall, cpu, found[name] = measure(a, name, folder)
                results[name].append((wall, cpu))
        report(a, names, count, files, results, loads, found)


main()
