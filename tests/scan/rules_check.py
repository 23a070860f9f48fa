# SPDX-License-Identifier: EUPL-1.2
"""`rules check`: counts, exit status, and how a broken rule is named; all of SigmaHQ where it is there."""
import json
import os
import shutil
import tempfile

from common import ROOT, SHARED, Checks, run

c = Checks()
r = run("rules", "check")
c.equal(r.returncode, 0, "our own rules all load: " + r.stderr.decode() + r.stdout.decode())
own = json.loads(run("rules", "check", "--json").stdout)
c.equal(own["refused"], [], "no rule of ours is refused")
c.equal(own["without_source"], 0, "each rule of ours has a source that can feed it")
c.ok(own["loaded"] >= 20, "at least twenty rules")

GOOD = "title: t\nid: 11111111-2222-4333-8444-555555555555\nlogsource: {category: webserver}\ndetection:\n  a:\n    x: y\n  condition: a\n"
BROKEN = {
    "modifier.yml": (GOOD.replace("x: y", "x|nosuch: y"), "nosuch"),
    "condition.yml": (GOOD.replace("condition: a", "condition: a and"), "condition"),
    "identifier.yml": (GOOD.replace("condition: a", "condition: b"), "b"),
    "yaml.yml": ("title: [unclosed\n", ""),
    "binary.yml": (bytes(range(256)).decode("latin-1"), ""),
    "expand.yml": (GOOD.replace("x: y", "x|expand: '%nobody%'"), "nobody"),
    "empty.yml": ("", ""),
    "regex.yml": (GOOD.replace("x: y", "x|re: '(unclosed'"), ""),
    "cidr.yml": (GOOD.replace("x: y", "x|cidr: 10.0.0.1/8"), ""),
}
with tempfile.TemporaryDirectory() as tmp:
    for name, (text, _) in BROKEN.items():
        open(os.path.join(tmp, name), "w", encoding="utf-8").write(text.replace("11111111", "%08d" % (len(name) * 1234567 % 99999999)))
    open(os.path.join(tmp, "good.yml"), "w").write(GOOD)
    r = run("rules", "check", tmp)
    err = r.stderr.decode()
    c.equal(r.returncode, 1, "a refused rule gives exit status 1")
    for name, (_, word) in BROKEN.items():
        line = [l for l in err.split("\n") if name in l]
        c.ok(len(line) >= 1 or name == "empty.yml", "%s is named: %s" % (name, err))
        c.ok(not line or word in line[0], "%s names the reason (%s): %s" % (name, word, line))
    good = json.loads(run("rules", "check", "--json", tmp).stdout)
    c.equal(good["loaded"], 1, "the good rule beside them loads")
# Tables of frequencies: a bad one is named with its line, the rest is used without it; one that was learnt is taken.
with tempfile.TemporaryDirectory() as tmp:
    sources = os.path.join(tmp, "sources")
    shutil.copytree(os.path.join(ROOT, "sources"), sources)
    log = os.path.join(tmp, "access.log")
    with open(log, "w") as f:
        for i in range(200):
            f.write('203.0.113.%d - - [12/Mar/2024:10:00:%02d +0000] "GET /index.php?a=%d HTTP/1.1" 200 5 "-" "curl/8.0"\n' % (i % 250, i % 60, i))
    learnt = run("rules", "learn", log)
    c.equal(learnt.returncode, 0, "learning: %r" % learnt.stderr)
    text = learnt.stdout.decode()
    c.ok(text.startswith("sereno-frequencies 1\n") and "\tindex" not in text and "G\t200\tinde\n" in text, "what was learnt: " + text[:500])
    c.equal(run("rules", "learn", log).stdout.decode(), text, "the same logs teach the same")
    c.ok("V\t200\tcurl/8.0\n" in run("rules", "learn", "--values", log).stdout.decode(), "whole values when asked for")
    open(os.path.join(sources, "learnt.tsv"), "w").write(text)
    good = run("rules", "check", "--sources", sources)
    c.equal(good.returncode, 0, "a table that was learnt is taken: %r" % good.stderr)
    open(os.path.join(sources, "bad.tsv"), "w").write("sereno-frequencies 1\nF\tweb/webserver\tcs-uri\t100\t3\nG\t101\tabcd\n")
    bad = run("rules", "check", "--sources", sources)
    c.equal(bad.returncode, 1, "a bad table gives exit status 1")
    c.ok("bad.tsv:3: " in bad.stderr.decode(), "… and is named with its line: %r" % bad.stderr)
    c.ok(bad.stdout.split(b" ")[0] == good.stdout.split(b" ")[0], "all rules load all the same: %r" % bad.stdout)
    c.equal(run("rules", "learn").returncode, 2, "learning from nothing is wrong use")
    c.equal(run("rules", "learn", "/nonexistent").returncode, 1, "a log that is not there")
c.equal(run("rules", "check", "/nonexistent").returncode, 1, "a folder that is not there")
c.equal(run("rules").returncode, 2, "no subcommand is wrong use")
r = run("rules", "explain", "--rules", os.path.join(ROOT, "rules"), sorted(f for f in os.listdir(os.path.join(ROOT, "rules", "web")) if f.endswith(".yml"))[0])
c.ok(r.returncode == 0 and len(r.stdout) > 50, "explain says something: %r" % r.stderr)
c.equal(run("rules", "explain", "no such rule").returncode, 1, "explain of an unknown rule")

if os.path.isdir(os.path.join(SHARED, "sigma")):
    folders = [os.path.join(SHARED, "sigma", d) for d in ("rules", "rules-threat-hunting", "rules-emerging-threats")]
    r = run("rules", "check", "--json", *folders)
    all_rules = json.loads(r.stdout)
    c.equal((all_rules["loaded"], len(all_rules["refused"]), r.returncode), (3752, 2, 1), "SigmaHQ: loaded, refused, exit")
    c.ok(all("expand" in x["reason"] or "%" in x["reason"] for x in all_rules["refused"]), "refused for placeholders: %r" % all_rules["refused"])
    print("SigmaHQ checked in %.2f s" % all_rules["seconds"])
else:
    print("skipped part: SigmaHQ's rules are not here (SERENO_SHARED)")
c.finish()
