# SPDX-License-Identifier: EUPL-1.2
"""Writes Windows event log files (EVTX) for tests: real structure, our own content, the same bytes every time.

An event is a tree: (name, {attribute: content}, [content, ...]) where content is text, a V (typed value, becomes a
substitution), a B (binary XML of its own template) or another tree. usage: make.py corpus DIR | make.py file PATH EVENTS
"""
import os
import struct
import sys
import uuid
import zlib

CHUNK, HEADER, CHUNK_HEADER = 65536, 4096, 512
XMLNS = "http://schemas.microsoft.com/win/2004/08/events/event"
TYPES = {"null": 0, "string": 1, "ansi": 2, "int8": 3, "uint8": 4, "int16": 5, "uint16": 6, "int32": 7, "uint32": 8, "int64": 9,
         "uint64": 10, "real32": 11, "real64": 12, "bool": 13, "binary": 14, "guid": 15, "size": 16, "filetime": 17,
         "systemtime": 18, "sid": 19, "hex32": 20, "hex64": 21, "binxml": 33}
PACK = {"int8": "<b", "uint8": "<B", "int16": "<h", "uint16": "<H", "int32": "<i", "uint32": "<I", "int64": "<q", "uint64": "<Q",
        "real32": "<f", "real64": "<d", "bool": "<I", "size": "<Q", "filetime": "<Q", "hex32": "<I", "hex64": "<Q"}


class V:
    """A typed value; a list makes an array."""

    def __init__(self, kind, value):
        self.kind, self.value = kind, value

    @property
    def type(self):
        return TYPES[self.kind] | (0x80 if isinstance(self.value, list) else 0)

    def bytes(self):
        if isinstance(self.value, list):
            end = b"\0\0" if self.kind == "string" else b""
            return b"".join(V(self.kind, v).bytes() + end for v in self.value)
        v = self.value
        if self.kind in PACK:
            return struct.pack(PACK[self.kind], v)
        if self.kind == "string":
            return v.encode("utf-16-le", "surrogatepass")
        if self.kind == "guid":
            return uuid.UUID(v).bytes_le
        if self.kind == "sid":
            parts = [int(p) for p in v.split("-")[1:]]
            return struct.pack("<BB", parts[0], len(parts) - 2) + parts[1].to_bytes(6, "big") + struct.pack("<%dI" % (len(parts) - 2), *parts[2:])
        return v if v is not None else b""


class B:
    """Binary XML as a value: a tree with a template of its own."""

    def __init__(self, tree):
        self.tree = tree


def shape(node, values):
    """The tree without its values, which go to `values`: what two events of one template share."""
    if isinstance(node, (V, B)):
        values.append(node)
        return ("%", 33 if isinstance(node, B) else node.type, len(values) - 1)
    if isinstance(node, str):
        return node
    name, attributes, content = node
    return (name, tuple((k, shape(v, values)) for k, v in attributes.items()), tuple(shape(c, values) for c in content))


class Chunk:
    def __init__(self, first):
        self.out, self.names, self.templates = bytearray(CHUNK_HEADER), {}, {}
        self.first, self.count, self.last = first, 0, 0

    def name(self, at, text):
        """Bytes of a name that is used at an offset; it stands there when it is its first use in the chunk."""
        if text in self.names:
            return struct.pack("<I", self.names[text])
        self.names[text] = at + 4
        h = 0
        for c in text:
            h = (h * 65599 + ord(c)) & 0xffffffff
        return struct.pack("<IIHH", at + 4, 0, h & 0xffff, len(text)) + text.encode("utf-16-le") + b"\0\0"

    def content(self, at, node):
        if isinstance(node, str):
            return b"\x05\x01" + struct.pack("<H", len(node)) + node.encode("utf-16-le")
        if node[0] == "%":
            return struct.pack("<BHB", 0x0e, node[2], node[1])
        return self.element(at, node)

    def element(self, at, node):
        name, attributes, content = node
        head = struct.pack("<BH", 0x41 if attributes else 0x01, 0xffff)
        body = bytearray(self.name(at + 7, name))
        if attributes:
            listed = bytearray()
            begin = at + 7 + len(body) + 4
            for i, (k, v) in enumerate(attributes):
                listed.append(0x46 if i + 1 < len(attributes) else 0x06)
                listed += self.name(begin + len(listed), k)
                listed += self.content(begin + len(listed), v)
            body += struct.pack("<I", len(listed)) + listed
        if content:
            body.append(0x02)
            for c in content:
                body += self.content(at + 7 + len(body), c)
            body.append(0x04)
        else:
            body.append(0x03)
        return head + struct.pack("<I", len(body)) + body

    def instance(self, at, tree):
        """Fragment with a template instance: its definition where it is first used in the chunk."""
        values = []
        form = shape(tree, values)
        out = bytearray(b"\x0f\x01\x01\x00\x0c\x01")
        definition = self.templates.get(form)
        guid = uuid.uuid5(uuid.NAMESPACE_OID, repr(form)).bytes_le
        if definition is None:
            definition = self.templates[form] = at + len(out) + 8
            body = b"\x0f\x01\x01\x00" + self.element(definition + 24 + 4, form) + b"\x00"
            resident = struct.pack("<I", 0) + guid + struct.pack("<I", len(body)) + body
        else:
            resident = b""
        out += guid[:4] + struct.pack("<I", definition) + resident + struct.pack("<I", len(values))
        table, data = len(out), bytearray()
        out += bytes(4 * len(values))
        for i, v in enumerate(values):
            item = self.instance(at + len(out) + len(data), v.tree) if isinstance(v, B) else v.bytes()
            struct.pack_into("<HBB", out, table + 4 * i, len(item), 33 if isinstance(v, B) else v.type, 0)
            data += item
        return bytes(out + data)

    def add(self, tree, number, filetime):
        """False, and nothing changed, when the record does not fit any more."""
        before = (dict(self.names), dict(self.templates))
        at = len(self.out)
        body = self.instance(at + 24, tree) + b"\x00"
        size = (24 + len(body) + 4 + 7) // 8 * 8
        if at + size > CHUNK:
            self.names, self.templates = before
            return False
        body += bytes(size - 28 - len(body))
        self.out += b"**\0\0" + struct.pack("<IQQ", size, number, filetime) + body + struct.pack("<I", size)
        self.last, self.count = at, self.count + 1
        return True

    def bytes(self):
        end = len(self.out)
        head = b"ElfChnk\0" + struct.pack("<QQQQIIII", self.first, self.first + self.count - 1, self.first, self.first + self.count - 1,
                                          128, self.last, end, zlib.crc32(self.out[CHUNK_HEADER:]))
        head += bytes(120 - len(head))
        tables = bytes(CHUNK_HEADER - 128)
        head += struct.pack("<II", 0, zlib.crc32(tables, zlib.crc32(head))) + tables
        return head + bytes(self.out[CHUNK_HEADER:]) + bytes(CHUNK - end)


def make(trees, filetime=133769664000000000):
    """A whole file of these events."""
    chunks = [Chunk(1)]
    for i, tree in enumerate(trees):
        if not chunks[-1].add(tree, i + 1, filetime + i * 10000000):
            chunks.append(Chunk(i + 1))
            if not chunks[-1].add(tree, i + 1, filetime + i * 10000000):
                raise ValueError("an event larger than a chunk")
    head = b"ElfFile\0" + struct.pack("<QQQIHHHH", 0, len(chunks) - 1, len(trees) + 1, 128, 1, 3, HEADER, len(chunks))
    head += bytes(120 - len(head))
    head += struct.pack("<II", 0, zlib.crc32(head))
    return head + bytes(HEADER - len(head)) + b"".join(c.bytes() for c in chunks)


def event(number, channel, event_id, data, provider="Example", computer="host.example.org", user_data=None):
    """An event as Windows writes it: System in one template, EventData (a list of (name, V)) in another."""
    filetime = 133769664000000000 + number * 10000000
    system = ("System", {}, [
        ("Provider", {"Name": V("string", provider), "Guid": V("guid", "5770385f-c22a-43e0-bf4c-06f5698ffbd9")}, []),
        ("EventID", {"Qualifiers": V("null", None)}, [V("uint16", event_id)]),
        ("Version", {}, [V("uint8", 5)]), ("Level", {}, [V("uint8", 4)]), ("Task", {}, [V("uint16", 1)]), ("Opcode", {}, [V("uint8", 0)]),
        ("Keywords", {}, [V("hex64", 0x8000000000000000)]),
        ("TimeCreated", {"SystemTime": V("filetime", filetime)}, []),
        ("EventRecordID", {}, [V("uint64", number + 1)]),
        ("Correlation", {"ActivityID": V("null", None)}, []),
        ("Execution", {"ProcessID": V("uint32", 1234), "ThreadID": V("uint32", 5678)}, []),
        ("Channel", {}, [V("string", channel)]), ("Computer", {}, [computer]),
        ("Security", {"UserID": V("sid", "S-1-5-18")}, []),
    ])
    if user_data is not None:
        payload = B(("UserData", {}, [user_data]))
    else:
        payload = B(("EventData", {}, [("Data", {"Name": n} if n else {}, [v]) for n, v in data]))
    return ("Event", {"xmlns": XMLNS}, [system, payload])


def samples():
    """One event for each kind of thing: what the corpus and the oracle tests read."""
    every = [("s", V("string", "caf\u00e9 \u20ac <&>")), ("empty", V("string", "")), ("i8", V("int8", 5)), ("u8", V("uint8", 250)),
             ("i16", V("int16", 300)), ("u16", V("uint16", 65000)), ("i32", V("int32", 70000)), ("u32", V("uint32", 4000000000)),
             ("i64", V("int64", 1 << 40)), ("u64", V("uint64", (1 << 64) - 1)), ("yes", V("bool", 1)), ("no", V("bool", 0)),
             ("bin", V("binary", bytes(range(16)))), ("guid", V("guid", "00112233-4455-6677-8899-aabbccddeeff")),
             ("time", V("filetime", 133769664001234560)), ("sid", V("sid", "S-1-5-21-1-2-3-500")), ("h32", V("hex32", 0x1fffff)),
             ("h64", V("hex64", 0x3e7))]
    signed = [("i8", V("int8", -5)), ("i16", V("int16", -300)), ("i32", V("int32", -70000)), ("i64", V("int64", -(1 << 40)))]
    pairs = [("s", V("string", "\U0001f600")), ("half", V("string", "\ud83d."))]
    more = [("r32", V("real32", 0.5)), ("r64", V("real64", 2.25)), ("size", V("size", 0x1000)), ("ansi", V("ansi", b"ansi\xe9")),
            ("sys", V("systemtime", struct.pack("<8H", 2026, 11, 0, 22, 1, 2, 3, 456)))]
    arrays = [("strings", V("string", ["a", "bc"])), ("numbers", V("uint32", [1, 2, 3])), (None, V("string", ["x", "y"])),
              ("hexes", V("hex64", [1, 255]))]
    deep = ("Outer", {"xmlns": "urn:x"}, [("Middle", {}, [("Leaf", {"kind": V("string", "k")}, [V("uint32", 7)])]), ("Other", {}, ["constant"])])
    mixed = ("Outer", {}, [("Mixed", {}, ["from ", V("uint32", 7), " to ", V("string", "x")])])
    return {
        "plain": [event(i, "Security", 1102, [("n", V("uint32", i)), ("s", V("string", "text %d" % i))]) for i in range(3)],
        "types": [event(0, "Application", 1, every)], "signed": [event(0, "Application", 4, signed)],
        "surrogates": [event(0, "Application", 5, pairs)], "more_types": [event(0, "Application", 2, more)],
        "arrays": [event(0, "Application", 3, arrays)],
        "user_data": [event(i, "System", 104, [], user_data=deep) for i in range(2)],
        "mixed": [event(0, "System", 105, [], user_data=mixed)],
        "nothing": [event(0, "System", 7, [(None, V("null", None)), ("blank name", V("string", "v"))])],
    }


def many(count, marker="marker"):
    """Process creations as Sysmon writes them."""
    out = []
    for i in range(count):
        image = "C:\\Windows\\System32\\%s.exe" % ("whoami" if i % 7 == 3 else "notepad")
        out.append(event(i, "Microsoft-Windows-Sysmon/Operational", 1, [
            ("RuleName", V("string", "-")), ("UtcTime", V("string", "2024-11-25 00:00:%02d.000" % (i % 60))),
            ("ProcessGuid", V("guid", "0197231e-f943-69e5-a527-%012x" % i)), ("ProcessId", V("uint32", 1000 + i)),
            ("Image", V("string", image)), ("CommandLine", V("string", "\"%s\" /%s %d" % (image, marker if i % 7 == 3 else "x", i))),
            ("User", V("string", "EXAMPLE\\user%d" % (i % 5))), ("LogonId", V("hex64", 0x3e7 + i))], provider="Microsoft-Windows-Sysmon"))
    return out


if __name__ == "__main__":
    if sys.argv[1:2] == ["corpus"] and len(sys.argv) == 3:
        # The fuzz target's inputs are the records of one chunk, without its header.
        for name, trees in samples().items():
            data = make(trees)[HEADER + CHUNK_HEADER:]
            with open(os.path.join(sys.argv[2], name), "wb") as f:
                f.write(data.rstrip(b"\0") + b"\0\0\0")
    elif sys.argv[1:2] == ["file"] and len(sys.argv) == 4:
        with open(sys.argv[2], "wb") as f:
            f.write(make(many(int(sys.argv[3]))))
    else:
        sys.exit(__doc__)
