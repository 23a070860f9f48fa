# SPDX-License-Identifier: EUPL-1.2
"""What the EVTX tests share: running evtx_dump and reading what it prints; from the scan tests, running the program."""
import importlib.util
import os
import re
import subprocess

_spec = importlib.util.spec_from_file_location("scan_common", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scan", "common.py"))
_scan = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_scan)
SHARED, SKIP, Checks = _scan.SHARED, _scan.SKIP, _scan.Checks
need_shared, rows, run, said = _scan.need_shared, _scan.rows, _scan.run, _scan.said

DUMP = os.environ["EVTX_DUMP"]
TEXT = "#text"  # the export's name for the text of an element that has attributes


def _unescaped(s):
    return re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m.group(1), 16)), s)


def dump(path):
    """-> list of records, each a list of (name, kind, value)"""
    r = subprocess.run([DUMP, path], capture_output=True, timeout=120)
    if r.returncode != 0 or r.stderr:
        raise RuntimeError("%s: exit %d %s" % (path, r.returncode, r.stderr[-1000:]))
    records = []
    for line in r.stdout.decode("utf-8", "surrogateescape").split("\n")[1:]:
        if line.startswith("record "):
            records.append([])
        elif line.startswith("damage: "):
            raise RuntimeError("%s: %s" % (path, line))
        elif line:
            name, kind, value = line.split("\t")
            records[-1].append((_unescaped(name), kind, _unescaped(value)))
    return records
