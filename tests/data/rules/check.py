#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Checks the rules of rules/ against the test events here and the recording in ../attack.

A second opinion, written apart from the engine: a plain and slow evaluator that knows just what
our own rules use. It says when a rule is malformed, has no positive or no negative test events, or
when the matches differ from expected.tsv and expected-silent.tsv.

usage: check.py [--print]     (--print writes the matches instead of comparing them)
Exit status 0 when all is well, 1 with one line per complaint.
"""
import collections, datetime, ipaddress, json, pathlib, re, sys, uuid
import yaml

HERE = pathlib.Path(__file__).resolve().parent
ATTACK = HERE.parent / "attack"
RULES = HERE.parent.parent.parent / "rules"
NEEDED = ["title", "id", "status", "description", "author", "date", "license", "tags",
          "falsepositives", "level"]
LEVELS = ["informational", "low", "medium", "high", "critical"]
KNOWN_MODIFIERS = {"re", "i", "cidr", "gt", "contains", "startswith", "endswith", "all"}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
CHANNELS = {"Security": "security", "System": "system", "Application": "application"}
COUNTS = {"gte": lambda a, b: a >= b, "gt": lambda a, b: a > b, "lte": lambda a, b: a <= b,
          "lt": lambda a, b: a < b, "eq": lambda a, b: a == b, "neq": lambda a, b: a != b}


class Event:
    def __init__(self, fields, raw, time, sources):
        self.fields, self.raw, self.time, self.sources = fields, raw, time, sources


# ---- reading events -------------------------------------------------------------------------

SYSLOG = re.compile(r"^(?:<\d+>)?(\w{3} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\S+) "
                    r"(\S+) ([^:\[\s]+)(?:\[\d+\])?: (.*)$")
SSHD = re.compile(r"^(Failed|Accepted) (\S+) for (?:invalid user )?(\S+) from (\S+) port (\d+)")
SUDO = re.compile(r"^\s*(\S+) : (?:(.*?) ; )?(?:TTY=(\S+) ; )?PWD=(\S+) ; "
                  r"USER=(\S+) ; COMMAND=(.*)$")
WEB = re.compile(r'^(\S+) \S+ (\S+) \[([^\]]+)\] "(\S+) (\S+)(?: ([^"]*))?" (\d+) (\S+)'
                 r'(?: "([^"]*)" "([^"]*)")?')


def program_fields(program, message):
    if program in ("sshd", "sshd-session"):
        m = SSHD.match(message)
        if m:
            return {"outcome": "failure" if m[1] == "Failed" else "success", "auth_method": m[2],
                    "user": m[3], "src_ip": m[4], "src_port": m[5]}
    if program == "sudo":
        m = SUDO.match(message)
        if m:
            return {"user": m[1], "outcome": "failure" if m[2] else "success", "tty": m[3],
                    "target_user": m[5], "command": m[6]}
    return {}


def syslog_time(text):
    if text[0].isdigit():
        return datetime.datetime.fromisoformat(text).timestamp()
    return datetime.datetime.strptime("2026 " + text + " +0000", "%Y %b %d %H:%M:%S %z").timestamp()


def read_text(line, sources):
    m = SYSLOG.match(line)
    if not m:
        return Event({}, line, None, sources)
    fields = {"host_name": m[2], "appname": m[3], "message": m[4], **program_fields(m[3], m[4])}
    fields = {k: v for k, v in fields.items() if v is not None}
    return Event(fields, line, syslog_time(m[1]), sources)


def read_web(line, sources):
    m = WEB.match(line)
    if not m:
        return Event({}, line, None, sources)
    stem, mark, query = m[5].partition("?")
    fields = {"c-ip": m[1], "cs-username": m[2], "cs-method": m[4], "cs-uri": m[5],
              "cs-uri-stem": stem, "cs-uri-query": query if mark else "-",
              "cs-version": m[6], "sc-status": m[7],
              "sc-bytes": m[8], "cs-referer": m[9] or "-", "cs-user-agent": m[10] or "-"}
    time = datetime.datetime.strptime(m[3], "%d/%b/%Y:%H:%M:%S %z").timestamp()
    return Event({k: v for k, v in fields.items() if v != "-"}, line, time, sources)


def leaves(node, out):
    for key, value in node.items():
        if isinstance(value, dict):
            leaves(value, out)
        else:
            out[key] = value
    return out


def read_windows(obj, line):
    system = obj["Event"]["System"]
    fields = {}
    for key, value in system.items():
        if isinstance(value, dict) and "#attributes" in value:
            fields.update({f"{key}_{k}": v for k, v in value["#attributes"].items()})
        else:
            fields[key] = value
    data = obj["Event"].get("EventData") or obj["Event"].get("UserData") or {}
    fields.update({k: v for k, v in leaves(data, {}).items() if k != "xmlns"})
    fields["host_name"] = system["Computer"]
    source = {"product": "windows", "service": CHANNELS.get(system["Channel"])}
    time = datetime.datetime.fromisoformat(fields["TimeCreated_SystemTime"].replace("Z", "+00:00"))
    return Event(fields, line, time.timestamp(), [source])


def read_json(line, sources):
    obj = json.loads(line)
    if "Event" in obj:
        return read_windows(obj, line)
    fields = dict(obj)
    fields["host_name"] = obj.get("_HOSTNAME")
    fields.update(program_fields(obj.get("SYSLOG_IDENTIFIER"), obj.get("MESSAGE", "")))
    return Event(fields, line, int(obj["__REALTIME_TIMESTAMP"]) / 1e6, sources)


def read_dataset(home, entry):
    sources = [{k: entry.get(k) for k in ("product", "category", "service")}]
    names, events = None, []
    for line in (home / entry["dataset"]).read_text(encoding="utf-8").splitlines():
        if entry["format"] == "zeek":
            if line.startswith("#"):
                names = line.split("\t")[1:] if line.startswith("#fields") else names
                continue
            fields = {n: v for n, v in zip(names, line.split("\t")) if v != "-"}
            events.append(Event(fields, line, float(fields["ts"]), sources))
        elif line.strip():
            reader = {"syslog": read_text, "web": read_web, "json": read_json,
                      "journald": read_json}[entry["format"]]
            events.append(reader(line, sources))
    return events


# ---- base rules -----------------------------------------------------------------------------

def wildcard(text, before, after):
    parts, i = [], 0
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text) and text[i + 1] in "\\*?":
            i += 1
            parts.append(re.escape(text[i]))
        else:
            parts.append({"*": ".*", "?": "."}.get(text[i]) or re.escape(text[i]))
        i += 1
    pattern = (".*" if before else "") + "".join(parts) + (".*" if after else "")
    return re.compile(pattern, re.I | re.S)


def in_network(value, network):
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network)
    except ValueError:
        return False


def compare(have, want, modifiers):
    have = str(have)
    if "re" in modifiers:
        return re.search(want, have, re.I if "i" in modifiers else 0) is not None
    if "cidr" in modifiers:
        return in_network(have, want)
    if "gt" in modifiers:
        return float(have) > want
    contains = "contains" in modifiers
    return wildcard(str(want), contains or "endswith" in modifiers,
                    contains or "startswith" in modifiers).fullmatch(have) is not None


def item_holds(event, key, wanted):
    name, *modifiers = key.split("|")
    unknown = set(modifiers) - KNOWN_MODIFIERS
    if unknown:
        raise ValueError(f"modifier {unknown} is not known here")
    wanted = wanted if isinstance(wanted, list) else [wanted]
    if name == "":
        return all(keyword_holds(event, w) for w in wanted)
    have = event.fields.get(name)
    if have is None:
        return False
    return (all if "all" in modifiers else any)(compare(have, w, modifiers) for w in wanted)


def keyword_holds(event, word):
    pattern = wildcard(str(word), True, True)
    return any(pattern.fullmatch(str(v)) for v in [event.raw, *event.fields.values()])


def selection_holds(event, selection):
    if isinstance(selection, dict):
        return all(item_holds(event, k, v) for k, v in selection.items())
    return any(selection_holds(event, s) if isinstance(s, dict) else keyword_holds(event, s)
               for s in selection)


def rule_holds(rule, event):
    wanted = rule["logsource"]
    if not any(all(s.get(k) == v for k, v in wanted.items()) for s in event.sources):
        return False
    detection = rule["detection"]
    # Our conditions use names, and, or, not and parentheses, which Python reads alike.
    names = {k: selection_holds(event, v) for k, v in detection.items() if k != "condition"}
    return bool(eval(detection["condition"], {"__builtins__": {}}, names))


# ---- correlations ---------------------------------------------------------------------------

class Correlation:
    def __init__(self, rule, by_ref):
        self.spec = rule["correlation"]
        self.refs = [by_ref[r]["id"] for r in self.spec["rules"]]
        self.aliases = {a: {by_ref[r]["id"]: f for r, f in m.items()}
                        for a, m in self.spec.get("aliases", {}).items()}
        text = self.spec["timespan"]
        self.span = int(text[:-1]) * UNITS[text[-1]]
        self.seen = collections.defaultdict(list)

    def feed(self, event, hits):
        """Takes the ids that matched this event; says whether the correlation now holds."""
        fired = False
        for ref in [r for r in self.refs if r in hits]:
            names = [self.aliases.get(g, {}).get(ref, g) for g in self.spec["group-by"]]
            group = tuple(event.fields.get(n) for n in names)
            if None in group:
                continue
            seen = self.seen[group]
            field = self.spec.get("condition", {}).get("field")
            seen.append((event.time, ref, event.fields.get(field)))
            seen[:] = [s for s in seen if s[0] > event.time - self.span]
            fired = self.holds(seen) or fired
        return fired

    def holds(self, seen):
        kind = self.spec["type"]
        if kind == "temporal":
            return {s[1] for s in seen} == set(self.refs)
        if kind == "temporal_ordered":
            at = 0
            for s in seen:
                at += at < len(self.refs) and s[1] == self.refs[at]
            return at == len(self.refs) and seen[-1][1] == self.refs[-1]
        values = [s[2] for s in seen if s[2] is not None]
        number = {"event_count": lambda: len(seen), "value_count": lambda: len(set(values)),
                  "value_sum": lambda: sum(map(float, values)),
                  "value_avg": lambda: sum(map(float, values)) / len(values)}[kind]()
        return all(COUNTS[k](number, v) for k, v in self.spec["condition"].items() if k != "field")


def run(rules, by_ref, events):
    """Yields (index, rule id) for every match, silent or not."""
    base = [r for r in rules if "detection" in r]
    todo = [r for r in rules if "correlation" in r]
    ordered = []
    while todo:  # those that correlate correlations come after what they use
        ready = [r for r in todo if not {by_ref[x]["id"] for x in r["correlation"]["rules"]}
                 & {t["id"] for t in todo}]
        if not ready:
            raise ValueError("correlations use one another in a circle")
        ordered += [(r, Correlation(r, by_ref)) for r in ready]
        todo = [r for r in todo if r not in ready]
    for index, event in enumerate(events):
        hits = {r["id"] for r in base if rule_holds(r, event)}
        for rule, state in ordered:
            if state.feed(event, hits):
                hits.add(rule["id"])
        yield from ((index, h) for h in hits)


# ---- checks ---------------------------------------------------------------------------------

def load_rules(complain):
    rules, ids = {}, set()
    for path in sorted(RULES.rglob("*.yml")):
        rule = yaml.safe_load(path.read_text(encoding="utf-8"))
        missing = [k for k in NEEDED if not rule.get(k)]
        if missing:
            complain(f"{path}: without {', '.join(missing)}")
        if ("correlation" in rule) == ("detection" in rule):
            complain(f"{path}: must have either detection or correlation")
        if uuid.UUID(rule["id"]).version != 4 or rule["id"] in ids:
            complain(f"{path}: id is no fresh UUID of version 4")
        if rule["level"] not in LEVELS or not all(t.startswith("attack.") for t in rule["tags"]):
            complain(f"{path}: level or tags are not as they should be")
        ids.add(rule["id"])
        rules[path.stem] = rule
    return rules


def silent_ids(rules, by_ref):
    """Rules that a correlation uses without generate: they raise no alert of their own."""
    return {by_ref[ref]["id"] for r in rules.values()
            if "correlation" in r and not r.get("generate") for ref in r["correlation"]["rules"]}


def check_coverage(rules, found, complain):
    for stem, rule in rules.items():
        kinds = {"positive": [], "negative": []}
        for (dataset, _), ids in found.items():
            folder, name = dataset.split("/")
            if folder == stem:
                kinds[name.split(".")[0].split("-")[0]].append(rule["id"] in ids)
        if not any(kinds["positive"]):
            complain(f"{stem}: no positive test event matches")
        if not kinds["negative"] or any(kinds["negative"]):
            complain(f"{stem}: no negative test event, or one of them matches")


def check_folder(home, rules, by_ref, complain):
    """Runs all rules over one folder; returns {(dataset, index): ids}."""
    silent = silent_ids(rules, by_ref)
    found, lines = {}, {"expected.tsv": [], "expected-silent.tsv": []}
    for entry in json.loads((home / "manifest.json").read_text(encoding="utf-8")):
        events = read_dataset(home, entry)
        if len(events) != entry["events"]:
            complain(f"{entry['dataset']}: {len(events)} events, not {entry['events']}")
        found.update({(entry["dataset"], i): set() for i in range(len(events))})
        for index, rule_id in run(rules.values(), by_ref, events):
            found[entry["dataset"], index].add(rule_id)
            name = "expected-silent.tsv" if rule_id in silent else "expected.tsv"
            lines[name].append((entry["dataset"], index, rule_id))
    for name, got in lines.items():
        compare_or_print(home / name, [f"{d}\t{i}\t{r}" for d, i, r in sorted(got)], complain)
    return found


def compare_or_print(path, got, complain):
    if "--print" in sys.argv:
        print("\n".join([f"# {path.parent.name}/{path.name}", *got]))
        return
    have = [l for l in path.read_text(encoding="utf-8").splitlines() if not l.startswith("#")]
    for line in sorted(set(have) ^ set(got)):
        side = "not expected" if line not in have else "expected, not seen"
        complain(f"{path}: {side}: {line}")


def main():
    complaints = []
    rules = load_rules(complaints.append)
    by_ref = {k: r for r in rules.values() for k in (r["id"], r.get("name")) if k}
    found = check_folder(HERE, rules, by_ref, complaints.append)
    check_coverage(rules, found, complaints.append)
    listed = {dataset for dataset, _ in found}
    complaints += [f"{p}: not in manifest.json" for p in HERE.glob("*/*")
                   if str(p.relative_to(HERE)) not in listed and "__pycache__" not in p.parts]
    attack = check_folder(ATTACK, rules, by_ref, complaints.append)
    print("\n".join(complaints) or f"{len(rules)} rules, {len(found)} test events, "
          f"{len(attack)} recorded events: all well", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
