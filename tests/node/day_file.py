# SPDX-License-Identifier: EUPL-1.2
"""Reads archive day files: blocks, their records, alerts. Independent of the C code; used by tests only."""
import ctypes
import ctypes.util
import hashlib
import pathlib
import sqlite3
import struct

PIECE_BYTES = 4096

_zstd = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
_zstd.ZSTD_decompress.restype = ctypes.c_size_t
_zstd.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
_zstd.ZSTD_isError.argtypes = [ctypes.c_size_t]


def _unpack(body, size):
    out = ctypes.create_string_buffer(max(size, 1))
    got = _zstd.ZSTD_decompress(out, size, body, len(body))
    if _zstd.ZSTD_isError(got) or got != size:
        raise ValueError("damaged body")
    return out.raw[:size]


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def header(blob):
    """The link's fields as a dictionary."""
    fmt, kind, day, number, count = struct.unpack_from("<HHiII", blob, 0)
    times = struct.unpack_from("<qqqq", blob, 16)
    meta, originals = struct.unpack_from("<II", blob, 48)
    hashes = [blob[56 + 32 * i:88 + 32 * i] for i in range(3)]
    at = 152
    names = []
    for _ in range(3):
        (size,) = struct.unpack_from("<I", blob, at)
        names.append(blob[at + 4:at + 4 + size].decode())
        at += 4 + size
    assert fmt in (1, 2, 3) and at == len(blob), "header"
    return {"sha256": fmt == 3, "kind": kind, "day": day, "id": number, "count": count, "times": times, "meta": meta,
            "originals": originals, "originals_hash": hashes[0], "meta_hash": hashes[1],
            "previous": hashes[2], "organisation": names[0], "source": names[1], "class": names[2]}


def records(link, body):
    """Original bytes of each record of a block, checked against the hash of its header."""
    content = _unpack(body, link["meta"] + link["originals"])
    assert hashlib.blake2b(content[:link["meta"]], digest_size=32).digest() == link["meta_hash"]
    at, place, out = 1, link["meta"], []
    digest = hashlib.blake2b(digest_size=32)
    for _ in range(link["count"]):
        size, at = _varint(content, at)
        out.append(content[place:place + size])
        digest.update(struct.pack("<I", size) + out[-1])
        place += size
    if link["sha256"]:
        pieces = range(link["meta"], len(content), PIECE_BYTES)
        digest = hashlib.sha256(b"".join(hashlib.sha256(content[i:i + PIECE_BYTES]).digest() for i in pieces))
    assert digest.digest() == link["originals_hash"], "originals"
    return out


def receipts(link, body):
    """When each record of a block was received, nanoseconds since 1970."""
    content = _unpack(body, link["meta"] + link["originals"])
    at, columns = 1, []
    for _ in range(3):  # lengths, arrival, received
        column = []
        for _ in range(link["count"]):
            value, at = _varint(content, at)
            column.append(value)
        columns.append(column)
    now, out = 0, []
    for v in columns[2]:
        now = (now + ((v >> 1) ^ (2 ** 64 - 1 if v & 1 else 0))) % 2 ** 64
        out.append(now)
    return out


def read_received(folder):
    """(received, bytes) of all records of all days."""
    found = []
    for path in sorted(pathlib.Path(folder).glob("????-??-??.db")):
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        for blob, body in db.execute("SELECT header, body FROM block ORDER BY id"):
            link = header(blob)
            if link["kind"] == 0 and body is not None:  # else it is purged
                found += list(zip(receipts(link, body), records(link, body)))
        db.close()
    return found


def read_all(folder):
    """All records of all days: (organisation, source, class, bytes); the chain is checked on the way."""
    found = []
    previous = bytes(32)
    for path in sorted(pathlib.Path(folder).glob("????-??-??.db")):
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        for blob, stored, body in db.execute("SELECT header, hash, body FROM block ORDER BY id"):
            link = header(blob)
            assert link["previous"] == previous, "chain"
            previous = hashlib.blake2b(blob, digest_size=32).digest()
            assert previous == stored, "hash"
            if link["kind"] == 0 and body is not None:  # else it is purged
                found += [(link["organisation"], link["source"], link["class"], r) for r in records(link, body)]
        db.close()
    return found
