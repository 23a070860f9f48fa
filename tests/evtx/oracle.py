# SPDX-License-Identifier: EUPL-1.2
"""libevtx, which shares no line with us, reads the same values: over files made here and every regression sample that is there.
Needs evtxexport (Debian's libevtx-utils)."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

import make
from common import SHARED, SKIP, Checks, dump

if shutil.which("evtxexport") is None:
    print("needs evtxexport (libevtx-utils)")
    sys.exit(SKIP)
c = Checks()
# What libevtx 20181227 reads or writes in another way; src/wire/evtx_value_test.c has these.
OTHERWISE = {
    "signed": "the sign bit of negative numbers is not taken off",
    "surrogates": "characters beyond U+FFFF come out as others",
    "more_types": "reals with an exponent, pointers in decimal, SYSTEMTIME with three digits",
    "mixed": "text around a value cannot be read",
    "nothing": "an element without name and value is left out",
}
HEX = re.compile(r"^0x0*([0-9a-f]+)$")
GUID = re.compile(r"^\{([0-9A-Fa-f-]{36})\}$")
TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})\d*Z$")


def plain(value):
    """What the two write in different ways: zeros of HexInt, braces of GUIDs, digits of a second, ends of lines in XML."""
    value = HEX.sub(lambda m: "0x" + m.group(1), value)
    value = GUID.sub(lambda m: m.group(1).upper(), value)
    return TIME.sub(lambda m: m.group(1) + "Z", value).replace("\r\n", "\n")


def flat(element, name=""):
    """An element as evtx_dump shows it: a list of (name, value)."""
    space, _, tag = element.tag.rpartition("}")
    attributes = dict(element.attrib)
    key = attributes.pop("Name") if tag == "Data" and "Name" in attributes else tag
    name = name + "." + key if name else key
    out = [(name + ".#attributes." + k, plain(v)) for k, v in attributes.items()]
    if not len(element):
        text = element.text or ""
        if text or tag == "Data" or not attributes:
            out.append((name, plain(text)))
    for child in element:
        out += flat(child, name)
    return out


def exported(path):
    r = subprocess.run(["evtxexport", "-f", "xml", path], capture_output=True, timeout=120)
    text = r.stdout.decode("utf-8")
    c.equal(r.returncode, 0, "evtxexport %s: %s" % (path, r.stderr[-300:]))
    for part in re.findall(r"<Event[ >].*?\n</Event>", text, re.S):
        yield flat(ET.fromstring(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "", part)))


def ours(path):
    for record in dump(path):
        # Our names have xmlns as an attribute, of which an XML reader says nothing.
        yield [(n, plain(v)) for n, _, v in record if not n.endswith("#attributes.xmlns")]


def compare(path, what):
    theirs, own = list(exported(path)), list(ours(path))
    c.equal(len(own), len(theirs), what + ": records")
    for a, b in zip(own, theirs):
        c.ok(sorted(a) == sorted(b), "%s: only ours %r, only libevtx %r" % (what, [x for x in a if x not in b][:5], [x for x in b if x not in a][:5]))
    return len(own)


records = 0
with tempfile.TemporaryDirectory() as tmp:
    path = os.path.join(tmp, "made.evtx")
    samples = make.samples()
    c.ok(set(OTHERWISE) < set(samples), "what is left out is there")
    for name, trees in [s for s in samples.items() if s[0] not in OTHERWISE] + [("many", make.many(2000))]:
        with open(path, "wb") as f:
            f.write(make.make(trees))
        records += compare(path, name)
for path in sorted(glob.glob(os.path.join(SHARED, "events", "regression", "**", "*.evtx"), recursive=True)):
    records += compare(path, path)
print("%d records compared" % records)
c.finish()
