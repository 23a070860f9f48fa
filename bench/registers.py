#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Registers of a large node: how fast lists, records and counts are answered, how long an import takes and what others wait for
meanwhile; one JSON object, times in milliseconds as a client sees them (one kept connection, one request at a time), and CPU time of
the node's processes, which tells more on a busy machine ("cpu": milliseconds for one request, mean, "cpu_p50" and "cpu_p99"; during an import others ask as well).
usage: ninja -C build tests/api/desk_node src/desk/registers_fill && bench/registers.py build/tests/api/desk_node
       build/src/desk/registers_fill [--records N] [--organisations N] [--people N] [--rows N] [--requests N] [--seed N]

registers_fill makes the records by seed while the node is stopped; half of them are of the organisation of the reader, the other
half of all others. Each question is asked with other values each time, from its second page on as well. The node is real: its
roles in their sandboxes (tests/api/desk_node.c)."""
import argparse
import glob
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "api"))
from node import Browser, Node

PASSWORD = "harbour lamp seven"
HOME = "lantern"
SEVERITIES, STATES = ("low", "medium", "high", "critical"), ("open", "accepted", "fixing", "retest", "closed", "duplicate")
ORIGINS = ("audit", "drift", "exercise", "incident")


class Asker:
    """One kept connection."""

    def __init__(self, browser):
        self.b, self.c = browser, browser.connection(timeout=600)

    def get(self, path):
        begun = time.perf_counter()
        self.c.request("GET", path, headers=self.b.headers({}))
        r = self.c.getresponse()
        body = r.read()
        took = (time.perf_counter() - begun) * 1000
        if r.status != 200:
            sys.exit("%s: %d %s" % (path, r.status, body[:300]))
        return took, json.loads(body)


def cpu_s(pid):
    """CPU seconds of a node's processes so far: what a busy machine does not change."""
    total = 0
    for child in children(pid):
        with open("/proc/%d/stat" % child, encoding="ascii") as f:
            total += sum(int(t) for t in f.read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")
    return total


def children(pid):
    return [pid] + [int(c) for c in subprocess.run(["pgrep", "-P", str(pid)], stdout=subprocess.PIPE, text=True, check=True).stdout.split()]


def cpu_ms(pids):
    """The same in milliseconds, as exactly as the kernel counts: of all threads."""
    total = 0
    for pid in pids:
        for task in glob.glob("/proc/%d/task/*/schedstat" % pid):
            with open(task, encoding="ascii") as f:
                total += int(f.read().split()[0])
    return total / 1e6


def spread(times):
    t = sorted(times)
    at = lambda share: round(t[min(len(t) - 1, int(len(t) * share))], 2)
    return {"p50": at(0.5), "p99": at(0.99), "max": round(t[-1], 2), "n": len(t)}


def questions(rng, ids, organisations):
    """By name: the path of one question, made anew each time."""
    day = lambda: "20%02d-%02d-%02d" % (rng.randrange(25, 28), rng.randrange(1, 13), rng.randrange(1, 29))
    pick = rng.choice
    return {
        "list": lambda: "/findings",
        "list sorted": lambda: "/findings?sort=%s" % pick(("due", "-due", "found", "severity", "-created")),
        "one filter": lambda: "/findings?severity=%s&sort=due" % pick(SEVERITIES),
        "two filters": lambda: "/findings?severity=%s&state=%s&sort=due" % (pick(SEVERITIES), pick(STATES)),
        "two filters, a range": lambda: "/findings?state=%s&due.to=%s&sort=due" % (pick(STATES), day()),
        "two filters, few fit": lambda: "/findings?owner=Person+%d&state=%s" % (rng.randrange(1, 5), pick(STATES)),
        "two filters, one organisation": lambda: "/findings?organisation=town+%d&severity=%s" % (rng.randrange(organisations), pick(SEVERITIES)),
        "three filters": lambda: "/findings?state=%s&origin=%s&due.from=%s&sort=-due" % (pick(STATES), pick(ORIGINS), day()),
        "two filters, none fits": lambda: "/findings?state=open&due.from=2027-12-28&due.to=2027-12-28&severity=low",
        "count": lambda: "/findings?limit=1&state=%s" % pick(STATES),
        "people by name": lambda: "/people?sort=%s&limit=50" % pick(("mail", "-mail")),
        "record": lambda: "/findings/" + pick(ids["findings"]),
        "record that many name": lambda: "/suppliers/" + pick(ids["suppliers"]),
        "named by": lambda: "/services/%s/named_by" % pick(ids["services"]),
        "list by link": lambda: "/findings?services=" + pick(ids["services"]),
    }


def measure(asker, rng, a, pid):
    ids = {k: [i["id"] for i in asker.get("/api/v1/registers/%s?limit=200" % k)[1]["items"]] for k in ("findings", "suppliers", "services")}
    out, worst, pids = {}, {}, children(pid)
    for name, path in questions(rng, ids, a.organisations).items():
        times, cpu, cursor, last = [], [], None, None
        for n in range(a.requests):
            asked = last + "&cursor=" + cursor if cursor and n % 3 == 1 else path()
            before = cpu_ms(pids)
            took, got = asker.get("/api/v1/registers" + asked)
            times.append(took)
            cpu.append(cpu_ms(pids) - before)
            worst[name] = max(worst.get(name, (0, "")), (took, asked))
            cursor = got.get("next") if "?" in asked else None
            last = asked
        out[name] = dict(spread(times), cpu=round(sum(cpu) / len(cpu), 2), cpu_p50=spread(cpu)["p50"], cpu_p99=spread(cpu)["p99"])
    return out, worst


def people(rows, first):
    return ("name,mail,contract,office\n" + "".join("Import %d,i%d@town.example,%s,Office %d\n" % (n, n, ("own", "external")[n % 3 == 0], n % 97)
                                                   for n in range(first, first + rows))).encode()


class Waiting(threading.Thread):
    """Asks for lists without a pause while something else goes on: what others wait for."""

    def __init__(self, browser):
        super().__init__(daemon=True)
        self.asker, self.times, self.ended = Asker(browser), [], threading.Event()

    def run(self):
        while not self.ended.is_set():
            self.times.append(self.asker.get("/api/v1/registers/findings?severity=high&state=open&sort=due&limit=50")[0])
            self.ended.wait(0.005)


def send(browser, path, body=None, content="application/json"):
    begun = time.perf_counter()
    answer = browser.ask("POST", path, body, {"Content-Type": content, "X-Sereno-CSRF": browser.csrf})
    return time.perf_counter() - begun, answer


def import_people(browser, a):
    """The same people twice, and taken back."""
    table, out, other = people(a.rows, 0), {"rows": a.rows, "bytes": len(people(a.rows, 0))}, None
    for name in ("import_s", "again_s", "undo_s"):
        other = Waiting(browser)
        other.start()
        before = cpu_s(a.pid)
        if name == "undo_s":
            took, got = send(browser, "/api/v1/registers/people/imports/%s/undo" % out["import"], b"{}")
            ok = got.status == 204
        else:
            took, got = send(browser, "/api/v1/registers/people/import?apply=true&why=bench", table, "text/csv")
            ok = got.status == 200 and got.json()["faulty"] == 0 and got.json()["new" if name == "import_s" else "same"] == a.rows
            out["import"] = got.json()["import"] if name == "import_s" and ok else out.get("import")
        other.ended.set()
        other.join()
        if not ok:
            sys.exit("%s: %d %s" % (name, got.status, got.body[:500]))
        out[name] = round(took, 2)
        out[name.replace("_s", "_cpu_s")] = round(cpu_s(a.pid) - before, 2)
        out[name.replace("_s", "_others_ms")] = spread(other.times)
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("node")
    p.add_argument("fill")
    for name, value in (("records", 200000), ("organisations", 4000), ("people", 30000), ("rows", 30000), ("requests", 300), ("seed", 1)):
        p.add_argument("--" + name, type=int, default=value)
    p.add_argument("--keep", help="a folder that is filled once and used again")
    a = p.parse_args()
    folder = a.keep or tempfile.mkdtemp(prefix="sereno-registers-")
    os.makedirs(folder, exist_ok=True)
    filled = os.path.exists(os.path.join(folder, "filled"))
    node = Node(os.path.abspath(a.node), folder)
    browser = Browser(node)
    begun = time.perf_counter()
    if filled:
        assert browser.login("Anna", PASSWORD).status == 303
    else:
        link = node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        assert browser.setup(link.group(2), "Anna", PASSWORD).status == 303
        node.stop()
        subprocess.run([os.path.abspath(a.fill), node.data, str(a.seed), HOME, str(a.records), str(a.organisations), str(a.people)], check=True,
                       stdout=subprocess.DEVNULL)
        open(os.path.join(folder, "filled"), "w", encoding="ascii").close()
        node.start()
    result = {"records": a.records, "organisations": a.organisations, "people": a.people, "seed": a.seed, "load_before": os.getloadavg()[0],
              "fill_s": None if filled else round(time.perf_counter() - begun, 1)}
    rng = random.Random(a.seed)
    result["ms"], worst = measure(Asker(browser), rng, a, node.process.pid)
    for name, (took, path) in sorted(worst.items()):
        print("# worst of %s: %.1f ms %s" % (name, took, path), file=sys.stderr)
    a.pid = node.process.pid
    if a.rows:
        result["import"] = import_people(browser, a)
    result["database_mb"] = round(os.path.getsize(os.path.join(node.data, "records.db")) / 1e6, 1)
    result["load_after"] = os.getloadavg()[0]
    node.stop()
    if not a.keep:
        shutil.rmtree(folder)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
