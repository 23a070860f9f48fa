#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Sigma rules as SQL over a database in memory, by pySigma's own backend: the way Zircolite works, without its parts.
usage: PYTHON bench/sigma_sqlite.py RULES EVENTS.ndjson

PYTHON must have pySigma-backend-sqlite, pysigma-pipeline-sysmon and pysigma-pipeline-windows. Prints one JSON object:
load_s (CPU seconds to read and convert the rules), run_s (to read the events into the database and ask every query),
rules, refused, matches (a count per rule id). Called by bench/peers.py; example: PYTHON bench/sigma_sqlite.py sigma/ a.ndjson
"""
import json
import re
import sqlite3
import sys
import time

from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.pipelines.sysmon import sysmon_pipeline
from sigma.pipelines.windows import windows_logsource_pipeline


def queries(folder):
    """(rule id, query) of every rule that can be converted, and how many cannot."""
    backend = sqliteBackend(sysmon_pipeline() + windows_logsource_pipeline())
    found, refused = [], 0
    for rule in SigmaCollection.load_ruleset([folder], collect_errors=True).rules:
        try:
            for query in backend.convert_rule(rule):
                found.append((str(rule.id), query.replace("SELECT *", "SELECT COUNT(*)", 1)))
        except Exception:  # a rule that its libraries refuse: counted, not a fault of this program
            refused += 1
    return found, refused


def flat(value, name, out):
    if isinstance(value, dict):
        for key, inner in value.items():
            flat(inner, name + "." + key if name else key, out)
    else:
        out[name] = value if isinstance(value, (str, int, float)) or value is None else json.dumps(value)


def fill(db, path):
    columns, rows = {}, []
    with open(path) as f:
        for line in f:
            row = {}
            flat(json.loads(line), "", row)
            rows.append({name.lower(): value for name, value in row.items()})
            columns.update(dict.fromkeys(rows[-1]))
    names = list(columns) or ["eventid"]
    db.execute("CREATE TABLE logs (%s)" % ", ".join('"%s" COLLATE NOCASE' % n.replace('"', "") for n in names))
    ask = "INSERT INTO logs VALUES (%s)" % ",".join("?" * len(names))
    db.executemany(ask, ([r.get(n) for n in names] for r in rows))


def count(db, query):
    while True:
        try:
            return db.execute(query).fetchone()[0]
        except sqlite3.OperationalError as e:
            missing = re.match(r"no such column: (.+)", str(e))
            if not missing:
                return 0
            db.execute('ALTER TABLE logs ADD COLUMN "%s"' % missing.group(1).replace('"', ""))


def main():
    if len(sys.argv) != 3 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    asked, refused = queries(sys.argv[1])
    load = time.process_time()
    db = sqlite3.connect(":memory:")
    db.create_function("REGEXP", 2, lambda p, s: s is not None and re.search(p, str(s)) is not None)
    fill(db, sys.argv[2])
    matches = {}
    for rule, query in asked:
        n = count(db, query)
        if n:
            matches[rule] = matches.get(rule, 0) + n
    json.dump({"load_s": load, "run_s": time.process_time() - load, "rules": len(asked), "refused": refused, "matches": matches}, sys.stdout)


main()
