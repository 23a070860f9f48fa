#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""schemathesis over the whole interface of a real node with the invented city on it, by its own OpenAPI document: as an administrator, as a reader
and as nobody. No error of the server, no status and no content type that is not declared, no answer that its schema does not describe.

Every operation of the document is asked; NOT_ASKED names those that are not, and why. Parts of addresses are often those of records that are
there, so that operations on one of them do something. Of the kinds of record two stand for all, since all have the same operations (which is
looked at); with SERENO_SCHEMA_ALL all are asked. What is asked depends on SERENO_SEED alone, never on how fast the machine is.
The program is brought by pip into a folder of the build; where it cannot be had the test is skipped.

usage: tests/api/test_schemathesis.py PROGRAM FOLDER"""
import collections
import datetime
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).parent
PACKAGE = "schemathesis==4.32.5"
SKIP = 77
SEED = os.environ.get("SERENO_SEED", "1")
EXAMPLES = int(os.environ.get("SERENO_SCHEMA_EXAMPLES", "2"))  # requests of an operation as administrator
ALL = "SERENO_SCHEMA_ALL" in os.environ
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
PASSWORD = "a long sentence that nobody guesses"
KINDS = ("findings", "appointments")
NOT_ASKED = {
    "get /api/v1/stream": "never ends by itself",
    "post /logout": "ends the session that asks; asked as nobody",
    "post /api/v1/demo": "takes the city away that the others ask for; asked as a reader and as nobody",
}
LIST_ALL = {"/api/v1/alerts": "?status=all"}
# What people write where the document says only "text".
HINTS = {"why": ["as was agreed"], "reason": ["as was agreed"], "note": ["seen"], "password": [PASSWORD, "wrong"], "new": [PASSWORD], "tlp": ["GREEN", "AMBER"],
         "role": ["reader", "none"], "source": ["posted"], "from": ["2026-01-01"], "to": ["2026-01-31"], "last_day": ["2026-01-31"], "language": ["es"],
         "kind": ["finding"], "sort": [""], "cursor": [""], "fingerprint": ["0" * 64]}
TAKEN = 65  # operations that an administrator must have done at least once
LIMIT_S = 900  # of one run: only against one that hangs


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fetch(folder):
    """The program, or None where the registry gives none."""
    program = folder / "bin" / "schemathesis"
    if not program.exists():
        venv.create(folder)
        done = subprocess.run([sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet", "--no-compile",
                               "--disable-pip-version-check", PACKAGE], timeout=600)
        if done.returncode != 0:
            return None
    return program


def operations(paths):
    return {"%s %s" % (m, p) for p, methods in paths.items() for m in methods}


def of_kinds(paths):
    """The operations of each kind of record, without its name."""
    out = collections.defaultdict(set)
    for p, methods in paths.items():
        m = re.match(r"/api/v1/registers/([^/{]+)(.*)$", p)
        if m:
            out[m.group(1)] |= {(method, m.group(2)) for method in methods}
    return out


def known(browser, paths, own):
    """For each address with {id} or {name}: what stands in the list one part before it, but for what the test itself stands on."""
    out = {}
    for p in sorted(paths):
        m = re.fullmatch(r"(.*)/\{(id|name)\}(/[a-z_/-]*)?", p)
        listed = m and (m.group(1) if m.group(1).startswith("/api/") else "/api/v1" + m.group(1))  # a page of one names it as the interface does
        if not m or "{" in listed or "get" not in paths.get(listed, {}):
            continue
        answer = browser.get(listed + LIST_ALL.get(listed, ""))
        items = answer.json().get("items", []) if answer.status == 200 else []
        found = [i[m.group(2)] for i in items if isinstance(i.get(m.group(2)), str) and i.get("name") not in own and not i.get("this")]
        if found:
            out[p] = (m.group(2), found[:3])
    return out


def plain_times(schema):
    """The generator makes of a pattern and a length together a pattern that no time meets: two times that meet all in their place."""
    for part in schema.get("properties", {}).values():
        if part.get("format") == "date-time" and "pattern" in part:
            part["enum"] = ["2026-12-01T08:00:00Z", "2027-02-28T23:59:00Z"]
            del part["pattern"]


def hint(schema):
    """Says in a body's schema what a person would write in fields that are only text for the document."""
    for name, part in schema.get("properties", {}).items():
        if name in HINTS and part.get("type") == "string" and "enum" not in part:
            part["enum"] = HINTS[name]


def name_records(browser, schemas):
    """Fields that name a record name one that is there."""
    plural = {k["name"]: k["plural"] for k in browser.get("/api/v1/registers").json()["items"]}
    ids = {}
    for schema in schemas:
        for part in schema["properties"].values():
            kind = part.get("x-ref", {}).get("kind")
            if kind in plural and part["type"] == "string":
                if kind not in ids:
                    ids[kind] = [i["id"] for i in browser.get("/api/v1/registers/%s?limit=3" % plural[kind]).json()["items"]]
                part.update({"enum": ids[kind]} if ids[kind] else {})


def document_for(browser, asked, own, good):
    """The node's document with the operations that are asked; good: with what is there in addresses and what people write in fields."""
    document = browser.get("/api/v1/openapi.json").json()
    whole = document["paths"]
    shapes = of_kinds(whole)
    assert len(shapes) > 30 and all(shapes[k] == shapes[KINDS[0]] for k in shapes), "a kind has other operations than the rest"
    kept = {}
    for p, methods in whole.items():
        kind = re.match(r"/api/v1/registers/([^/{]+)", p)
        if kind and kind.group(1) not in KINDS and not ALL:
            continue
        left = {m: o for m, o in methods.items() if asked("%s %s" % (m, p))}
        if left:
            kept[p] = left
    for p, (name, values) in (known(browser, whole, own) if good else {}).items():
        for operation in kept.get(p, {}).values():
            for parameter in operation["parameters"]:
                if (parameter["in"], parameter["name"]) == ("path", name):
                    parameter["schema"] = {"enum": values}
    for operation in (o for methods in kept.values() for o in methods.values() if good):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            hint(content["schema"])
        for parameter in operation["parameters"]:
            if parameter["in"] == "query" and parameter["name"] in HINTS:
                parameter["schema"] = {"enum": HINTS[parameter["name"]]}
    document["paths"] = kept
    named = set(re.findall(r"#/components/schemas/([A-Za-z0-9_]+)", json.dumps(kept)))
    schemas = document["components"]["schemas"]
    document["components"]["schemas"] = {n: v for n, v in schemas.items() if n in named or not n.startswith("register_")}
    records = [v for n, v in document["components"]["schemas"].items() if n.startswith("register_")]
    for schema in records:
        plain_times(schema)
    if good:
        name_records(browser, records)
    return document


def run(program, folder, url, who, document, headers, mode, examples):
    """Asks each operation of a document; returns how many answers there were by operation and status, and the operations that were done once."""
    file, report = folder / (who.split(",")[0] + mode + ".json"), folder / (who.split(",")[0] + mode + ".ndjson")
    file.write_text(json.dumps(document))
    command = [program, "run", file, "--url", url, "--seed", SEED, "--max-examples", str(examples), "--mode", mode, "--phases", "fuzzing",
               "--workers", "1", "--no-shrink", "--checks", CHECKS, "--continue-on-failure", "--warnings", "off", "--suppress-health-check", "all", "--no-color",
               "--generation-database", "none", "--max-redirects", "0", "--generation-with-security-parameters", "false",
               "--output-sanitize", "false", "--report", "ndjson", "--report-ndjson-path", report]
    for h in headers:
        command += ["--header", h]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, cwd=folder)  # it leaves a folder of its own where it runs
    if done.returncode != 0:
        print(done.stdout[-12000:], done.stderr[-2000:])
        raise SystemExit("schemathesis as %s, seed %s: exit %d" % (who, SEED, done.returncode))
    answers = collections.defaultdict(collections.Counter)
    for line in report.read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder")
        for i in (recorder or {}).get("interactions", {}).values():
            method, _, path = recorder["label"].partition(" ")
            answers[method.lower() + " " + path][(i.get("response") or {}).get("status_code")] += 1
    left = operations(document["paths"] if mode == "positive" else {}) - {o for o, by in answers.items() if any(by)}
    assert not left, "as %s nobody answered %s" % (who, sorted(left))
    taken = {o for o, by in answers.items() if any(s and s < 400 for s in by)}
    print("as %s: %d operations, %d answers, %d operations taken" % (who, len(answers), sum(sum(by.values()) for by in answers.values()), len(taken)))
    return answers, taken


def fill(browser):
    """One of each of what the city has none of."""
    next_month = str(datetime.date.today() + datetime.timedelta(30))
    for path, body in (("users", {"name": "Rita", "password": PASSWORD, "role": "reader"}), ("users", {"name": "Tom", "password": PASSWORD, "role": "reader"}),
                       ("holds", {"from": "2026-01-01", "to": "2026-01-31", "reason": "a court asks"}), ("tokens", {"name": "wall", "source": "posted"}),
                       ("hunts", {"why": "to see", "search": "x"}),
                       ("account/tokens", {"name": "board", "scopes": "watch", "last_day": next_month, "password": PASSWORD})):
        a = browser.send("POST", "/api/v1/" + path, body)
        assert a.status in (201, 202), (path, a.status, a.body)


def ask_all(tool, node, node_token, anna, rita):
    url = "http://127.0.0.1:%d" % node.desk
    whole = operations(anna.get("/api/v1/openapi.json").json()["paths"])
    assert set(NOT_ASKED) < whole, "what is not asked is not there either: %s" % (set(NOT_ASKED) - whole)
    own = {"Anna", "Rita"}

    def sign(b):
        return ["Cookie: " + "; ".join("%s=%s" % c for c in b.cookies.items()), "X-Sereno-CSRF: " + b.csrf]

    def one(who, browser, mode, examples, left_out):
        document = document_for(anna, lambda o: o not in left_out, own, mode == "positive")
        asked = run(tool, node.folder, url, who, document, sign(browser) if browser else [], mode, examples)
        assert not browser or browser.get("/api/v1/session").status == 200, "the session of %s ended" % who
        return asked

    never = {o for o, why in NOT_ASKED.items() if o.startswith("get ")}
    _, reached = one("administrator", anna, "positive", EXAMPLES, NOT_ASKED)
    assert len(reached) >= TAKEN, "only %d operations were taken: %s" % (len(reached), sorted(reached))
    one("administrator, hostile", anna, "negative", EXAMPLES, NOT_ASKED)
    one("reader", rita, "positive", 1, never | {"post /logout"})
    answers, _ = one("nobody", None, "positive", 1, never)
    let_in = {o for o, by in answers.items() if o.split(" ")[1].startswith("/api/") and any(s and s < 400 for s in by)}
    assert not let_in, "nobody was let in: %s" % let_in
    a = anna.get("/metrics", {"Authorization": "Bearer " + node_token})
    declared = anna.get("/api/v1/openapi.json").json()["paths"]["/metrics"]["get"]["responses"]["200"]["content"]
    assert a.status == 200 and a.headers["Content-Type"].split(";")[0] in declared, (a.status, a.headers["Content-Type"])


def main():
    program, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    tool = fetch(folder.resolve() / "schemathesis")
    if tool is None:
        print("skipped: the registry gives no " + PACKAGE)
        return SKIP
    sys.path.insert(0, str(HERE.parent / "node"))
    node_kit, desk_kit = load("node_kit", HERE.parent / "node" / "node.py"), load("desk_kit", HERE / "node.py")
    node = node_kit.Node(program, intakes=1)
    node.start()
    try:
        token = node_kit.until("the set-up link", lambda: re.findall(rb"/setup\?token=([0-9a-f]+)", node.log.read_bytes()))[-1].decode()
        subprocess.run([program, "demo", "load", "--data", str(node.data)], check=True, timeout=LIMIT_S)
        stand_in = type("N", (), {"port": node.desk, "tls": False})
        anna, rita = desk_kit.Browser(stand_in), desk_kit.Browser(stand_in)
        assert anna.setup(token, "Anna", PASSWORD).status == 303
        fill(anna)
        assert rita.login("Rita", PASSWORD).status == 303
        ask_all(tool, node, node_kit.TOKEN, anna, rita)
        assert node.process.poll() is None and b"role.died" not in node.log.read_bytes(), "a role of the node ended"
    finally:
        if node.process.poll() is None:
            node.stop()
        node.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
