# SPDX-License-Identifier: EUPL-1.2
"""The recorded SSH attack of tests/data/attack as a city's log sender would send it: times moved to now, and the attackers'
loopback addresses as addresses of the internet, since a community tells only such."""
import http.client
import json
import os
import re
import time

HERE = os.path.dirname(os.path.abspath(__file__))
JOURNAL = os.path.join(HERE, "..", "data", "attack", "journal.ndjson")
ATTACKERS = {"127.0.0.66": "185.220.101.4", "127.0.0.77": "185.220.101.5"}


def lines(attackers=ATTACKERS):
    """One JSON object a line; the newest event is of this moment."""
    with open(JOURNAL, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f if line.strip()]
    shift = time.time_ns() // 1000 - max(int(r["__REALTIME_TIMESTAMP"]) for r in rows)
    for r in rows:
        r["__REALTIME_TIMESTAMP"] = str(int(r["__REALTIME_TIMESTAMP"]) + shift)
        for recorded, other in attackers.items():
            r["MESSAGE"] = re.sub(re.escape(recorded) + r"(?![0-9])", other, r["MESSAGE"])
    return [json.dumps(r) for r in rows]


def send(node, token, attackers=ATTACKERS):
    """To a node of world.py; returns how many lines it took in."""
    from world import LIMIT_S, socket_in
    body = "\n".join(lines(attackers)) + "\n"
    c = http.client.HTTPConnection("127.0.0.1", node.ingest_port, timeout=LIMIT_S)
    c.sock = socket_in(node.namespace, ("127.0.0.1", node.ingest_port))
    c.request("POST", "/ingest", body.encode(), {"Authorization": "Bearer " + token, "Content-Type": "application/x-ndjson"})
    r = c.getresponse()
    said = r.read()
    c.close()
    assert r.status == 200, (r.status, said)
    return body.count("\n")
