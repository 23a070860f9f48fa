#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Merging and purging under load, killed at any moment: days go by while a node takes logs, so that those before are merged and
let go of, source by source and whole, on a disk that loses what was not synced.

What was acked and has not had its time is there byte for byte; what retention let go is proved; nothing is there more often than it
was sent; `sereno verify` finds no fault. SERENO_KILLS kills (default 10), SERENO_KILL_SEED.
usage: tests/node/test_age.py PROGRAM-WITH-FAULTS PROGRAM [-k WORD]
"""
import collections
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import test_crash  # noqa: E402
from node import until  # noqa: E402
from test_crash import BATCH, Poster, Streamer  # noqa: E402

DAYS, POSTED_DAYS = 4, 2  # that all sources are kept, and that one is
DAY_S = 86400


class AgingPoster(Poster):
    """Notes of each acked line between which two days of the node's clock it was received."""

    def __init__(self, case, name):
        super().__init__(case.node.http, name, case.stop)
        self.case = case
        self.received = {}  # of an acked line: the earliest day it can lie in

    def post(self, body):
        first = self.case.day()
        kept = super().post(body)
        if kept:
            self.received.update((line, first) for line in body.splitlines())
        return kept


class Age(test_crash.Crash):
    def setUp(self):
        super().setUp()
        self.node.config.write_text(self.node.config.read_text() + f"retention: {{days: {DAYS}, sources: [{{name: posted, days: {POSTED_DAYS}}}]}}\n")
        now = datetime.datetime.now(datetime.timezone.utc)
        self.noon = int((now.replace(hour=12, minute=0, second=0, microsecond=0) - now).total_seconds())
        self.today, self.gone_by = now.date(), 0
        self.set_day(0)

    def day(self):
        return self.gone_by

    def set_day(self, day):
        """Before the clock: what is received from here on lies on this day or later, or in a file that was open already."""
        self.node.faults.set("clock_s", self.noon + day * DAY_S)
        self.gone_by = day

    def count(self, word):
        return len(re.findall(word, self.node.log.read_bytes()))

    def let_it_work(self):
        """Until something more was merged or let go, or for as long as it takes to be in the middle of it: a keeper looks a second after its start."""
        def done():
            return self.count(rb"archive.merged|retention.done")
        before, end = done(), time.monotonic() + 3 * self.random.random()
        until("work, or the time to be over", lambda: done() > before or time.monotonic() >= end)

    def live(self, life, wanted):
        """A day and its end under load, then all processes at once."""
        self.node.faults.set("early_percent", (life % 3) * 40)
        self.node.start()
        self.some_acks(4 * BATCH)
        self.set_day(self.gone_by + 1)
        whom = ["keeper", self.random.choice(test_crash.OTHERS), "keeper"]
        for role in whom:
            if self.kills + 1 >= wanted:
                break
            self.let_it_work()
            self.strike(role)
        self.let_it_work()
        self.node.kill()
        self.kills += 1

    def exported(self):
        """(source, original) of all that the dead node's disk holds, by the program: day_file reads no merged days."""
        done = subprocess.run([test_crash.PLAIN, "export", "--data", str(self.node.dead_copy())], capture_output=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = (json.loads(line) for line in done.stdout.splitlines())
        return [(r["source"], r["original"].encode()) for r in rows]

    def check(self):
        records = self.exported()
        kept = collections.Counter(original for _, original in records)
        for p in self.posters:
            # A day before what retention may let go is kept for sure: a window goes to the day of its receipt, or to a later one.
            lost = [line for line in p.acked if kept[line] == 0 and p.received[line] >= self.gone_by - POSTED_DAYS]
            self.assertEqual(lost, [], "acked, young enough, and not kept")
        tries = collections.Counter()
        for p in self.posters:
            tries.update(p.tries)
        tries.update(self.streamer.sent)
        more = [line for line, n in kept.items() if n > tries[line] and (line.startswith((b'{"message":"acked', b"<13>")))]
        self.assertEqual(more, [], "kept more often than sent, or not as it was sent")
        self.check_chain()
        return kept

    def ages(self):
        """The node by itself until all that is due was merged and let go."""
        self.node.start()
        before = (self.count(b"archive.merged"), self.count(b"retention.done"))
        self.set_day(self.gone_by + 1)
        self.some_acks(4 * BATCH)
        until("something to be merged", lambda: self.count(b"archive.merged") > before[0])
        until("retention to let something go", lambda: self.count(b"retention.done") > before[1])
        self.stop.set()
        for t in (*self.posters, self.streamer):
            t.join()
        self.assertEqual(self.node.stop(), 0)

    def test_kills(self):
        wanted = int(os.environ.get("SERENO_KILLS", "10"))
        self.posters = [AgingPoster(self, f"p{i}") for i in range(3)]
        self.streamer = Streamer(self.node, self.seed, self.stop)
        for t in (*self.posters, self.streamer):
            t.start()
        life = 0
        while self.kills < wanted or self.gone_by <= POSTED_DAYS:
            self.live(life, max(wanted, self.kills + 4))
            life += 1
            if life % 4 == 0:
                self.check()
                print(f"{self.kills} kills, {self.gone_by} days, {self.acks()} acked, none lost", file=sys.stderr, flush=True)
        self.ages()
        kept = self.check()
        went = sum(kept[line] == 0 for p in self.posters for line in p.acked)
        report = json.loads(subprocess.run([test_crash.PLAIN, "verify", "--data", str(self.node.folder / "copy"), "--json"], capture_output=True,
                                           text=True, timeout=600).stdout.splitlines()[-1])
        print(f"{self.kills} kills in {life} lives and {self.gone_by} days (seed {self.seed}): {self.acks()} records acked, none lost before its time, "
              f"{went} let go; merged {self.count(b'archive.merged')} times, let go {self.count(b'retention.done')} times; {report}", file=sys.stderr)
        self.assertGreater(went, 0)
        self.assertGreater(self.count(rb"archive.merged blocks=[1-9]"), 0)


del test_crash.Crash  # its own tests are node crash's

if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: test_age.py PROGRAM-WITH-FAULTS PROGRAM [unittest options]")
    test_crash.PROGRAM, test_crash.PLAIN = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
    unittest.main(verbosity=2)
