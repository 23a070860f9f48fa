# SPDX-License-Identifier: EUPL-1.2
"""A node on a disk that can fail (tests/faults/fault_vfs.h): what is not synced is lost with the process that wrote it."""
import mmap
import os
import pathlib
import shutil
import sqlite3
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import day_file  # noqa: E402
from test_correlate import COUNTED, ORDERED, SUMMED, CorrelatedNode  # noqa: E402

WORDS = ("magic", "kill_in", "sync_error_in", "write_error_in", "full", "read_only", "early_percent", "operations", "syncs",
         "failed", "unsynced", "seed", "lost",
         "clock_s")
MAGIC = 0x544C4146


class Faults:
    """The page that the test and the keeper share."""

    def __init__(self, path, seed):
        self.path = pathlib.Path(path)
        self.path.write_bytes(struct.pack(f"<{len(WORDS)}I", MAGIC, *[0] * (len(WORDS) - 4), seed, 0, 0))
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), len(WORDS) * 4)

    def get(self, word):
        return struct.unpack_from("<I", self.map, WORDS.index(word) * 4)[0]

    def set(self, word, value):
        struct.pack_into("<I", self.map, WORDS.index(word) * 4, value & 0xFFFFFFFF)


PLAIN_RULE = """title: %s
id: 5f1d1c1e-3f5b-4a53-9f0a-2b8f1f0c9e44
status: test
description: As the marker's rule, but no correlation keeps its alerts back.
logsource: {product: linux}
detection: {keywords: [sereno-marker-alarm], condition: keywords}
level: high
"""


class FaultNode(CorrelatedNode):
    PLAIN_TITLE = "The marker by itself"

    def __init__(self, program, intakes=2, seed=1):
        super().__init__(program, intakes)
        (self.folder / "rules" / "plain.yml").write_text(PLAIN_RULE % self.PLAIN_TITLE)
        self.faults = Faults(self.folder / "faults", seed)

    def start(self):
        os.environ["SERENO_FAULTS"] = str(self.faults.path)
        try:
            return super().start()
        finally:
            del os.environ["SERENO_FAULTS"]

    def kill(self):
        """Ends every process at once."""
        super().kill()
        for word in ("kill_in", "sync_error_in", "write_error_in"):
            self.faults.set(word, 0)

    def records(self):
        """While it runs. A checkpoint in parts is not synced until its end, and other processes cannot see what is not: then
        there is nothing to be seen yet."""
        try:
            return super().records()
        except sqlite3.DatabaseError:
            return []

    def dead_copy(self):
        """The disk of a node that does not run. Memory shared by processes is no part of a disk."""
        to = self.folder / "copy"
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.data, to, ignore=shutil.ignore_patterns("control", "*-shm"))
        return to

    def kept(self):
        copy = self.dead_copy()
        for path in sorted((copy / "archive").glob("*.db")):
            db = sqlite3.connect(path)
            empty = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
            db.close()
            if empty:  # a crash came before its tables
                path.unlink()
        return day_file.read_all(copy / "archive")

    def alert_rows(self, data):
        """(title, organisation, source, host, summary, events) of the records in a data folder."""
        db = sqlite3.connect(f"file:{data}/records.db?mode=ro", uri=True, timeout=30)
        try:
            return db.execute("SELECT title, organisation, source, host, summary, events FROM alert").fetchall()
        finally:
            db.close()

    @staticmethod
    def is_correlation(title):
        return title in (COUNTED, ORDERED, SUMMED)
