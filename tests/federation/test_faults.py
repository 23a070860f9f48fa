#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What goes wrong between nodes, and what must not follow from it. usage: tests/federation/test_faults.py PROGRAM"""
import datetime
import gzip
import http.client
import os
import shutil
import signal
import ssl
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import LIMIT_S, World, wait_until

try:
    from peer import Identity, Member, jcs, pem, push_body, when
except ImportError as why:
    Member, MISSING = None, str(why)

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else ""


def copy(data, to):
    """As a backup does: files; the socket is made anew."""
    shutil.copytree(data, to, ignore=shutil.ignore_patterns("control"))


def count(node, kind="x-note"):
    """Envelopes of a kind that a node holds, by state."""
    return dict(node.rows("SELECT state, COUNT(*) FROM fed_envelope WHERE type = ? GROUP BY state", kind))


class Pusher(threading.Thread):
    """A member that pushes signals until the hub has taken all, whatever becomes of the hub meanwhile."""
    EACH, SIGNALS, AT_ONCE = 80, 3, 2  # envelopes; signals of each; envelopes of a push

    def __init__(self, hub, member, circle, epoch):
        super().__init__(daemon=True)
        self.hub, self.member, self.acked, self.cut, self.problem = hub, member, 0, 0, None
        bucket = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:00Z")
        self.envelopes = [jcs(member.envelope(circle, epoch, {"signals": [
            {"n": n, "rule": "r-%s" % member.node[:8], "rule_hash": "0" * 64, "title": "", "level": "low", "techniques": [],
             "indicators": [], "product": "", "bucket": bucket, "count": n}
            for n in range(e * self.SIGNALS + 1, (e + 1) * self.SIGNALS + 1)]}, kind="signal")) for e in range(self.EACH)]

    def again(self):
        """Says hello until the hub is there; what was acknowledged must be."""
        def hello():
            try:
                return self.member.hello()["up"]
            except (OSError, http.client.HTTPException, AssertionError):  # not there, or it is starting
                return None
        view = wait_until(hello, "the hub to come back")
        assert view["seq"] >= self.acked, "acknowledged %d, kept %d" % (self.acked, view["seq"])
        self.member.up_seq = self.acked = view["seq"]

    def run(self):
        try:
            self.again()
            while self.acked < self.EACH:
                try:
                    status, got = self.member.push(self.envelopes[self.acked:self.acked + self.AT_ONCE])
                    assert status in (200, 409, 503) and not got.get("refused"), (status, got)
                except (OSError, http.client.HTTPException):
                    status = 0
                    self.cut += 1
                if status == 200:
                    self.acked = self.member.up_seq
                else:
                    self.again()
        except Exception as e:  # the test says so
            self.problem = repr(e)


@unittest.skipIf(Member is None, "no simulated members: " + (MISSING if Member is None else ""))
class Faults(unittest.TestCase):
    """One hub, two real cities, a simulated member; each test leaves them as they were."""

    @classmethod
    def setUpClass(cls):
        cls.world = w = World(PROGRAM, seed=20261127)
        cls.hub = w.node("hub", hub=True)
        cls.admin = cls.hub.admin()
        cls.circle = cls.hub.make_circle("Lake cities", cls.admin)
        cls.one, cls.two = w.node("ahus"), w.node("bergen")
        for n in (cls.one, cls.two):
            w.enrol(cls.hub, cls.circle, n, cls.admin)
        cls.sim = Member(cls.hub, "Simulated").enrol(w, cls.circle, cls.admin)
        cls.crowd = [Member(cls.hub, "Town %d" % i).enrol(w, cls.circle, cls.admin) for i in range(3)]
        cls.epoch = w.epochs(cls.hub)[cls.circle]
        for n in (cls.one, cls.two):
            w.wait_epoch(n, cls.circle, cls.epoch)
        cls.sim.hello()
        cls.notes = 0

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def tearDown(self):
        if any(error for _, error in getattr(self._outcome, "errors", [])):
            for n in self.world.nodes:
                print("==== %s ====\n%s" % (n.name, n.log(True)[-2500:]), flush=True)

    def note(self, **other):
        type(self).notes += 1
        return self.sim.envelope(self.circle, self.epoch, {"n": self.notes, "of": os.urandom(8).hex()}, **other)

    def wait_notes(self, *nodes):
        """All notes so far, each once: a note is of a type that nobody knows, so it is stored and passed on."""
        for n in nodes or (self.one, self.two):
            wait_until(lambda: count(n).get("stored", 0) >= self.good, lambda: "%s: %s of %d" % (n.name, count(n), self.good))
            self.assertEqual(count(n), {"stored": self.good})

    good = 0

    def send(self, n=1):
        notes = [self.note() for _ in range(n)]
        status, got = self.sim.push(notes)
        self.assertEqual((status, got["refused"]), (200, []), got)
        type(self).good += n
        return notes

    # ---- what a member may not ----

    def test_a_hostile_member(self):
        sim, before = self.sim, count(self.hub, "x-note")
        other = Identity()
        real = self.one.federation()["node"]["id"]
        good = self.note()
        forged = dict(good, body={"n": 0})
        forged_id = dict(self.note(), id="0" * 64)
        cases = [
            (forged, "id"), (forged_id, "id"), (self.note(key=other), "signature"), (self.note(issuer=real), "issuer"),
            (self.note(issuer=other.node), "issuer"), (sim.envelope("elsewhere", self.epoch, {"n": 0}), "circle"),
            (self.note(created=when(-3600), expires=when(-60)), "expired"), (self.note(more=1), "shape"), (self.note(tlp=None), "shape"),
            (b'{"a":1}', "shape"), (b'{"a": 1}', "not-canonical"), (b'{"a":1,"a":2}', "syntax"),
            (dict(good, sig=good["sig"][:-4] + "AAAA"), "signature"),
            (self.sim.envelope(self.circle, self.epoch, {"t": "x" * (1 << 20)}), "oversized"),
            (self.sim.envelope(self.circle, self.epoch, {"name": 1}, kind="membership"), "author"),
            (self.sim.envelope(self.circle, self.epoch, {"name": 1}, kind="warning"), "author"),
        ]
        status, got = sim.push([c[0] for c in cases])
        self.assertEqual(status, 200, got)
        first = got["seq"] - len(cases) + 1
        said = {r["seq"] - first: r["reason"] for r in got["refused"]}
        self.assertEqual({i: said.get(i) for i in range(len(cases))}, {i: c[1] for i, c in enumerate(cases)})
        self.assertEqual(count(self.hub, "x-note"), before)  # without effect
        # The forged ones did not spoil the true one, which has the same id as one of them.
        status, got = sim.push([good])
        self.assertEqual((status, got["refused"]), (200, []))
        type(self).good += 1
        self.wait_notes()

    def test_replays_and_gaps(self):
        sim = self.sim
        notes = self.send(3)
        for again in range(2):  # the same numbers, as after a lost answer
            status, got = sim.push(notes, first=sim.up_seq - 2)
            self.assertEqual((status, got["seq"]), (200, sim.up_seq))
        status, got = sim.push(notes)  # the same envelopes under new numbers
        self.assertEqual((status, got["refused"]), (200, []))
        self.assertEqual(sim.push([self.note()], first=sim.up_seq + 5)[0], 409)
        self.assertEqual(sim.push([self.note()], epoch=sim.up_epoch + 1, first=2)[0], 409)
        self.wait_notes()

    def test_a_hello_amid_a_push(self):
        """While a push is being kept its end is not known: a hello is told to come again, and counts right afterwards."""
        sim, got = self.sim, []
        before = sim.hello()["up"]["seq"]
        keeper = self.hub.role_pids("keeper")
        for pid in keeper:
            os.kill(pid, signal.SIGSTOP)
        try:
            notes = [self.note() for _ in range(3)]
            type(self).good += 3
            push = threading.Thread(target=lambda: got.append(sim.push(notes)))
            push.start()
            hello = jcs({"up": {"epoch": sim.up_epoch, "seq": sim.up_seq}, "version": "sim", "clock": 0, "circles": {},
                         "down": {"epoch": sim.down_epoch, "seq": sim.down_seq, "hash": sim.down_id}})
            answers = []

            def busy():  # until the push has come in, a hello waits for the keeper like everything else
                try:
                    answers.append(sim.ask("POST", "hello", hello, timeout=2))
                except OSError:
                    return False
                return answers[-1][0] == 503
            wait_until(busy, lambda: answers)
            self.assertEqual(answers[-1][1]["error"], "busy")
        finally:
            for pid in keeper:
                os.kill(pid, signal.SIGCONT)
        push.join(LIMIT_S)
        self.assertEqual([status for status, _ in got], [200])
        self.assertEqual(sim.hello()["up"]["seq"], before + 3)
        self.wait_notes()

    def test_the_newest_connection_counts(self):
        """After a cut the hub may still hold a long poll of a connection that is dead: a new one takes its place."""
        sim, got = self.sim, []
        while sim.pull():
            pass
        path = "pull?epoch=%d&after=%d&wait=20" % (sim.down_epoch, sim.down_seq)
        threads = []
        for _ in range(3):
            threads.append(threading.Thread(target=lambda: got.append(sim.ask("GET", path))))
            threads[-1].start()
            wait_until(lambda: len(got) == len(threads) - 1, lambda: got)
        self.assertEqual([status for status, _ in got], [409, 409])
        sim.hello()
        for t in threads:
            t.join(30)
        self.assertEqual([status for status, _ in got], [409, 409, 409])
        self.assertEqual(sim.pull(), [])

    def test_what_is_put_aside(self):
        """Unknown labels, audiences and epochs: quarantine. A clock that is ahead: held."""
        n = len(self.hub.rows("SELECT 1 FROM fed_envelope WHERE state = 'quarantined'"))
        aside = [self.note(tlp="PURPLE"), self.note(audience={"all": True, "moon": True}),
                 self.sim.envelope(self.circle, self.epoch + 50, {"n": 0})]
        status, got = self.sim.push(aside + [self.note(created=when(600))])
        self.assertEqual((status, got["refused"]), (200, []))
        rows = dict(self.hub.rows("SELECT id, reason FROM fed_envelope WHERE state = 'quarantined'"))
        self.assertEqual(len(rows), n + 3)
        self.assertEqual([rows[e["id"]].split(":")[0] for e in aside], ["label", "audience", "epoch"])
        self.assertEqual(len(self.hub.rows("SELECT 1 FROM fed_envelope WHERE state = 'held' AND reason LIKE 'ahead%'")), 1)
        for node in (self.one, self.two):
            self.assertEqual(len(node.rows("SELECT 1 FROM fed_envelope WHERE state IN ('held', 'quarantined')")), 0)

    def test_a_clock_that_is_ahead_comes_right(self):
        """Held, not refused: taken in when its time has come."""
        status, got = self.sim.push([self.note(created=when(308))])  # eight seconds more than is taken at once
        self.assertEqual((status, got["refused"]), (200, []))
        type(self).good += 1
        self.hub.expect(r"federation\.held .*let_in=1")
        self.wait_notes()

    # ---- the wire ----

    def test_strangers_and_bad_requests(self):
        sim = self.sim
        good = push_body([self.note()], sim.up_epoch, sim.up_seq + 1)
        packed = gzip.compress(b"0" * (64 << 20))
        cases = [
            (("POST", "push", packed, {"Content-Encoding": "gzip"}), 415), (("POST", "push", b"x" * (7 << 20)), 413),
            (("POST", "push", b"[]"), 400), (("POST", "push", good[:-1]), 400), (("GET", "push"), 404), (("POST", "pull"), 404),
            (("GET", "pull?epoch=1&after=0&wait=9999"), 404), (("GET", "../api/v1/alerts"), 404),
            (("POST", "push", iter([good]), {"Transfer-Encoding": "chunked"}), 411),
            (("POST", "enrol", jcs({"code": "0" * 32})), 400), (("GET", "enrol/" + sim.request_id), 404),
        ]
        for request, want in cases:
            self.assertEqual(sim.ask(*request)[0], want, request[:2])  # also who still sends hears why
        self.assertEqual(sim.ask("POST", "push", good, context=Member(self.hub, "x").context())[0], 403)  # no certificate
        thief = Member(self.hub, "x", node=self.one.federation()["node"]["id"])
        try:  # a certificate of no authority, for somebody else's name
            self.assertEqual(thief.ask("POST", "push", good, context=thief.context(pem(thief.certificate())))[0], 403)
        except (ConnectionError, ssl.SSLError):
            pass
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            sim.ask("POST", "hello", b"{}", context=sim.context(version=ssl.TLSVersion.TLSv1_2))
        self.assertEqual(self.hub.process.poll(), None)
        self.send()
        self.wait_notes()

    # ---- time and place ----

    def test_killed_and_restarted(self):
        for who in (self.hub, self.one, self.hub):
            self.send(3)
            who.kill()
            who.start()
            if who is self.hub:
                self.sim.hello()
            self.send(2)
        self.wait_notes()
        self.assertEqual(self.hub.rows("PRAGMA integrity_check"), [("ok",)])

    def test_killed_amid_pushes(self):
        """What members were told is taken is there after kill -9, each signal once; what they were not told comes again."""
        threads = [Pusher(self.hub, m, self.circle, self.epoch) for m in self.crowd]
        for t in threads:
            t.start()
        for kills in range(1, 5):
            wait_until(lambda: sum(t.acked for t in threads) >= kills * Pusher.EACH // 2 or not any(t.is_alive() for t in threads),
                       lambda: "taken: %s" % [t.acked for t in threads])
            self.hub.kill()
            self.hub.start()
        for t in threads:
            t.join(LIMIT_S)
            self.assertFalse(t.is_alive() or t.problem, t.problem)
            kept = self.hub.rows("SELECT number, count FROM fed_signal WHERE node = ? ORDER BY number", t.member.node)
            self.assertEqual(kept, [(n, n) for n in range(1, Pusher.EACH * Pusher.SIGNALS + 1)])
            self.assertEqual(self.hub.rows("SELECT COUNT(*), COUNT(DISTINCT id) FROM fed_envelope WHERE issuer = ? AND "
                                           "type = 'signal' AND state = 'applied'", t.member.node), [(Pusher.EACH, Pusher.EACH)])
        self.assertGreater(sum(t.cut for t in threads), 0)  # else no kill came between
        self.assertEqual(self.hub.rows("PRAGMA integrity_check"), [("ok",)])
        self.sim.hello()

    def test_an_older_copy_of_a_member(self):
        """The data folder of a stopped node is put back as it was some time ago."""
        self.send(2)
        self.wait_notes()
        old = self.one.data + ".old"
        self.one.stop()
        copy(self.one.data, old)
        self.one.start()
        self.send(4)
        self.wait_notes()
        me = self.one.federation()["node"]["id"]
        acked = "SELECT 1 FROM fed_stream WHERE peer = ? AND way = 0 AND acked = seq"
        wait_until(lambda: self.hub.rows(acked, me), "the receipt for all of them")
        self.one.stop()
        shutil.rmtree(self.one.data)
        os.rename(old, self.one.data)
        self.one.start()
        self.hub.expect(r"federation\.restart peer=%s way=down" % me)
        self.send(1)
        self.wait_notes()

    def test_an_older_copy_of_the_hub(self):
        self.send(2)
        self.wait_notes()
        old = self.hub.data + ".old"
        self.hub.stop()
        copy(self.hub.data, old)
        self.hub.start()
        self.sim.hello()
        later = self.send(3)
        self.wait_notes()
        self.hub.stop()
        shutil.rmtree(self.hub.data)
        os.rename(old, self.hub.data)
        self.hub.start()
        view = self.sim.hello()
        self.assertLess(view["up"]["seq"], self.sim.up_seq)  # the hub has lost what it gave receipts for
        # As a member does: a new epoch, and everything that lives once more.
        self.sim.up_epoch, self.sim.up_seq = view["up"]["epoch"] + 1, 0
        status, got = self.sim.push(later)
        self.assertEqual((status, got["refused"]), (200, []))
        self.send(1)
        self.wait_notes(self.hub, self.one, self.two)

    def test_a_cut_and_half_open_links(self):
        if not self.world.namespaces:
            self.skipTest("no network namespaces here: not root, or no `ip netns`")
        self.one.wait_link(self.hub)
        self.world.cut(self.one)
        self.send(5)
        self.wait_notes(self.two)
        self.one.wait_link(self.hub, "down", 120)
        self.assertEqual(self.one.get("/api/v1/alerts?status=open")["items"], [])  # its own work goes on
        self.world.cut(self.one, down=False)
        self.wait_notes()

    def test_a_bad_line(self):
        """Packets are lost, doubled and overtaken on both cities' lines, by a seeded rule."""
        if self.world.bridge is None:
            self.skipTest("no network namespaces here: not root, or no `ip netns`")
        before = self.world.bridge.counts()
        for node in (self.one, self.two):
            self.world.hurt(node, drop=0.1, double=0.1, late=0.2)
        try:
            for _ in range(10):
                self.send(3)
            self.wait_notes()
        finally:
            for node in (self.one, self.two):
                after = self.world.hurt(node)
        for what in ("dropped", "doubled", "late"):
            self.assertGreater(after[what], before[what], after)


if __name__ == "__main__":
    unittest.main(verbosity=2)
