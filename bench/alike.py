#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Does time tell that a record exists which one may not read? One JSON object: for each relation and way how often the time of a
single answer, guessed from, tells a record that is not allowed from one that is absent ("told": 0.5 is what a coin does; the area under
the curve over all pairs), with the interval that chance alone gives at this number of asks ("chance": 99 in 100 lie within), both
medians in milliseconds, and the same for the mean of 25 answers each ("told_25").
usage: ninja -C build tests/api/desk_node && bench/alike.py build/tests/api/desk_node [--asks N] [--seed N]

Records of another organisation, of another author under RED, and of a kind that the role does not see; each once with few words and no
links, once with long texts and named by hundreds of others, since these would cost the most if anything of them were looked at. The two
questions of a pair come in an order that a coin decides, over one kept connection, to a real node."""
import argparse
import json
import math
import os
import random
import shutil
import sys
import tempfile
import time
import uuid

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "api"))
from node import Browser, Node

PASSWORD = "harbour lamp seven"
NAMED_BY = 300  # records that name each of the large ones
MEAN_OF = 25
WAYS = (("GET", "", None), ("GET", "/named_by", None), ("GET", "/chain", None), ("PUT", "", {"fields": {}}), ("POST", "/move", {"to": "closed"}))


def person(node, admin, name, role, organisation):
    a = admin.send("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "role": role, "organisation": organisation})
    assert a.status == 201, a.body
    b = Browser(node)
    assert b.login(name, PASSWORD).status == 303
    return b


def make(maker, plural, fields, tlp):
    a = maker.send("POST", "/api/v1/registers/" + plural, {"fields": fields, "tlp": tlp})
    assert a.status == 201, (plural, a.body)
    return a.json()["id"]


def records(maker, tlp):
    """A small and a large supplier of one maker."""
    least = {"name": "Lamps", "country": "ES", "control": "EU"}
    small = make(maker, "suppliers", least, tlp)
    large = make(maker, "suppliers", dict(least, name="L" * 100, remarks="long words " * 300), tlp)
    for n in range(NAMED_BY):
        make(maker, "systems", {"name": "System %d" % n, "domain": "OT", "suppliers": [large]}, tlp)
    return {"small": small, "large": large}


class Asker:
    def __init__(self, browser):
        self.b, self.c = browser, browser.connection(timeout=600)

    def ask(self, method, path, value):
        body = None if value is None else json.dumps(value)
        head = self.b.headers({"X-Sereno-CSRF": self.b.csrf, "If-Match": '"1"', "Content-Type": "application/json"})
        begun = time.perf_counter()
        self.c.request(method, path, body, head)
        r = self.c.getresponse()
        got = r.read()
        return (time.perf_counter() - begun) * 1000, (r.status, got)


def area(a, b):
    """How often one of a lies above one of b, ties half."""
    both = sorted([(x, 0) for x in a] + [(x, 1) for x in b])
    rank_sum, at = 0.0, 0
    while at < len(both):
        end = at
        while end < len(both) and both[end][0] == both[at][0]:
            end += 1
        rank_sum += sum(1 for x in both[at:end] if x[1] == 0) * (at + 1 + end) / 2
        at = end
    return (rank_sum - len(a) * (len(a) + 1) / 2) / (len(a) * len(b))


def means(times):
    return [sum(times[i:i + MEAN_OF]) / MEAN_OF for i in range(0, len(times) - MEAN_OF + 1, MEAN_OF)]


def chance(n):
    """Half the width in which 99 of 100 areas of two alike samples of n lie."""
    return round(2.576 * math.sqrt((2 * n + 1) / (12 * n * n)), 3)


def compare(asker, rng, way, plural, record, asks):
    method, rest, value = way
    times = ([], [])
    for _ in range(asks):
        pair = [(0, record), (1, str(uuid.UUID(int=(uuid.UUID(record).int & ~((1 << 62) - 1)) | rng.getrandbits(62))))]
        rng.shuffle(pair)
        got = {}
        for which, one in pair:
            took, got[which] = asker.ask(method, "/api/v1/registers/%s/%s%s" % (plural, one, rest), value)
            times[which].append(took)
        if got[0] != got[1] or got[0][0] not in (403, 404):
            sys.exit("%s %s%s: answers differ: %r %r" % (method, plural, rest, got[0], got[1]))
    told, of = area(*times), (means(times[0]), means(times[1]))
    return {"told": round(told, 3), "chance": chance(asks), "told_25": round(area(*of), 3), "chance_25": chance(len(of[0])),
            "not_allowed_ms": round(sorted(times[0])[asks // 2], 3), "absent_ms": round(sorted(times[1])[asks // 2], 3)}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("node")
    p.add_argument("--asks", type=int, default=2000)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    folder = tempfile.mkdtemp(prefix="sereno-alike-")
    node = Node(os.path.abspath(a.node), folder)
    try:
        link = node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        admin = Browser(node)
        assert admin.setup(link.group(2), "Anna", PASSWORD).status == 303
        reader = person(node, admin, "Reader", "administrator", "lantern")
        other = person(node, admin, "Other", "administrator", "harbour")
        found = {"title": "Doors", "origin": "audit", "severity": "high", "found": "2026-11-01"}
        relations = {"another organisation": (reader, "suppliers", records(other, "AMBER+STRICT")),
                     "another author, RED": (reader, "suppliers", records(person(node, admin, "Neighbour", "administrator", "lantern"), "RED")),
                     "not for this role": (person(node, admin, "Visitor", "reader", "harbour"), "findings", {"small": make(other, "findings", found, "GREEN")})}
        rng, out = random.Random(a.seed), {"asks": a.asks, "seed": a.seed, "load_before": os.getloadavg()[0], "relations": {}}
        for name, (who, plural, known) in relations.items():
            asker = Asker(who)
            for size, record in known.items():
                for way in WAYS:
                    key = "%s, %s: %s %s" % (name, size, way[0], way[1] or "/")
                    out["relations"][key] = compare(asker, rng, way, plural, record, a.asks)
                    print("# %s %s" % (key, out["relations"][key]), file=sys.stderr)
        out["load_after"] = os.getloadavg()[0]
        print(json.dumps(out))
    finally:
        node.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
