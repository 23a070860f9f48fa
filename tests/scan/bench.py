# SPDX-License-Identifier: EUPL-1.2
"""What `sereno bench` feeds: events of one category, made by a seed, with unique values, twice the rules, several processes.
Counts are judged, never times."""
import json
import os
import tempfile

import common

RULES = {
    "starts": ("process_creation", "Image|endswith: '\\powershell.exe'"),
    "anywhere": ("process_creation", "CommandLine|contains: 'nothing has this'"),
    "connects": ("network_connection", "DestinationPort: 445"),
}
EVENTS = [
    {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "UtcTime": "2026-11-22 10:00:00.000",
     "Image": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe", "CommandLine": "powershell.exe -file \u00e9t\u00e9.ps1\n1234",
     "ProcessId": 4711, "Hashes": "MD5=0123456789ABCDEF0123456789ABCDEF", "User": "CITY\\clerk"},
    {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 3, "UtcTime": "2026-11-22 10:00:01.000",
     "Image": "C:\\Windows\\System32\\svchost.exe", "DestinationPort": 445, "ProcessId": 0},
]


def write(folder):
    os.mkdir(os.path.join(folder, "rules"))
    for name, (category, selection) in RULES.items():
        with open(os.path.join(folder, "rules", name + ".yml"), "w", encoding="utf-8") as f:
            f.write("title: %s\nid: %s\nlogsource: {product: windows, category: %s}\ndetection:\n  selection:\n    %s\n"
                    "  condition: selection\n" % (name, name, category, selection))
    with open(os.path.join(folder, "events.ndjson"), "w", encoding="utf-8") as f:
        for i in range(40):
            f.write(json.dumps(EVENTS[i % 2], ensure_ascii=i % 4 < 2) + "\n")


def figures(check, folder, *options):
    r = common.run("bench", "detect", "--rules", "rules", "--rounds", 1, "--json", *options, "events.ndjson", cwd=folder)
    check.equal(r.returncode, 0, "bench %s: %s" % (options, r.stderr[-300:]))
    f = json.loads(r.stdout or b"{}")
    return f.get("events"), f.get("rules"), f.get("matches")


def keeping(check, what, folder, *options):
    with tempfile.TemporaryDirectory() as left:
        os.environ["TMPDIR"] = left
        r = common.run("bench", what, "--rounds", 1, "--json", *options, "many.ndjson", cwd=folder)
        del os.environ["TMPDIR"]
        check.equal(r.returncode, 0, "bench %s %s: %s" % (what, options, r.stderr[-300:]))
        check.equal(os.listdir(left), [], "nothing is left behind")
    return json.loads(r.stdout or b"{}")


def archive_and_hunt(check, folder):
    text = "\n".join(json.dumps(dict(EVENTS[i % 2], Computer="PC-%d.city.example" % (i % 7), n=i, words="x" * 300)) for i in range(4000))
    with open(os.path.join(folder, "many.ndjson"), "w", encoding="utf-8") as f:
        f.write(text + "\n")
    full = keeping(check, "archive", folder)
    check.equal((full["events"], full["bytes"], full["windows"]), (4000, len(text) - 3999, 1), "all of it, in one window")
    check.ok(full["kept_bytes"] > 0 and full["kept_ratio"] > 1, "it is packed: %s" % full)
    small = keeping(check, "archive", folder, "--rate", "100", "--hosts", "5")
    check.equal((small["events"], small["bytes"], small["windows"]), (4000, full["bytes"], 200), "20 events in each window of 200 ms")
    check.ok(small["packs"] > 0 and small["filters"] > 0 and small["filter_bytes"] > 0, "small blocks are merged: %s" % small)
    check.ok(small["merged_bytes"] < small["kept_bytes"], "and take less room then: %s" % small)
    hunts = keeping(check, "hunt", folder, "--rules", "rules")
    check.equal([c["hunt"] for c in hunts["cases"]], ["one", "fifty", "rules", "one_filtered", "fifty_filtered"], "every hunt ended")
    whole = keeping(check, "e2e", folder, "--rules", "rules")
    check.equal([whole.get(k) for k in ("feed_events", "feed_matches", "events", "kept", "bad", "dropped", "rules", "cores")],
                [4000, 4000, 4000, 4000, 0, 0, 3, 1], "a whole node: what was sent is acked and kept")
    check.equal(whole["bytes"], full["bytes"], "byte for byte as many")
    check.ok(whole["alerts"] > 0 and whole["kept_bytes"] > 0, "alerts were made: %s" % whole)
    check.ok({"keeper", "intake", "super", "desk"} <= set(whole["roles_cpu_s"]), "every role is told apart: %s" % whole)
    paced = keeping(check, "e2e", folder, "--rules", "rules", "--cores", "2", "--events", "2500", "--rate", "20000")
    check.equal((paced["events"], paced["kept"], paced["cores"]), (3000, 3000, 2), "whole batches, up to the first that is enough")
    for what, option, value in (("e2e", "--seconds", "0"), ("e2e", "--events", "0"), ("receive", "--rate", "x"), ("archive", "--rate", "0"), ("archive", "--hosts", "x"), ("hunt", "--level", "20"), ("hunt", "--cores", "2")):
        check.equal(common.run("bench", what, option, value, "many.ndjson", cwd=folder).returncode, 2, "%s %s" % (option, value))
    check.equal(common.run("bench", "archive", "no-such-file", cwd=folder).returncode, 1, "a file that is not there")


def receive(check):
    r = common.run("bench", "receive", "--events", 5000, "--json")
    check.equal(r.returncode, 0, "bench receive: %s" % r.stderr[-300:])
    for case in json.loads(r.stdout or b"{}").get("cases", []):
        check.equal(case["sent"], 5000, "%s: as many as asked for" % case["case"])
        check.equal(case["received"] + case["dropped"], 5000, "%s: what was not received is counted as dropped" % case["case"])
        check.ok(case["case"] == "udp" or case["dropped"] == 0, "a stream loses nothing")
    check.equal([c["case"] for c in json.loads(r.stdout or b"{}").get("cases", [])], ["udp", "tcp"], "both")
    check.equal(common.run("bench", "receive", "a-file").returncode, 2, "it makes its own messages")


def main():
    check = common.Checks()
    receive(check)
    with tempfile.TemporaryDirectory() as folder:
        write(folder)
        check.equal(figures(check, folder), (40, 3, 40), "as it is")
        check.equal(figures(check, folder, "--only", "process_creation"), (20, 3, 20), "one category")
        check.equal(figures(check, folder, "--double")[:2], (40, 6), "twice the rules")
        check.equal(figures(check, folder, "--cores", "3"), (40, 3, 40), "three processes share the events")
        made = figures(check, folder, "--only", "process_creation", "--vary", "500", "--seed", "7")
        check.equal(made[:2], (500, 3), "as many events as asked for")
        check.ok(0 < made[2] <= 500, "a word of the path is changed in some, not in all: %s" % made[2])
        check.equal(figures(check, folder, "--only", "process_creation", "--vary", "500", "--seed", "7"), made, "the same seed makes the same events")
        unique = figures(check, folder, "--unique")
        check.equal(unique[0], 40, "no event is lost when values are made unique")
        check.ok(unique[2] >= 20, "numbers stay, and what is not in the middle: %s" % unique[2])
        wrong = common.run("bench", "detect", "--rules", "rules", "--only", "no_such", "events.ndjson", cwd=folder)
        check.equal(wrong.returncode, 1, "a category without events")
        for option, value in (("--cores", "0"), ("--vary", "0"), ("--cores", "1000")):
            check.equal(common.run("bench", "detect", option, value, "events.ndjson", cwd=folder).returncode, 2, "%s %s" % (option, value))
        archive_and_hunt(check, folder)
    check.finish()


main()
