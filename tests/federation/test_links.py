#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Links and what they stand on: proxies, addresses, certificates, refusals, a full outbox, circles with an NDA.
usage: tests/federation/test_links.py PROGRAM"""
import os
import socket
import sqlite3
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import attack
from world import INGEST_TOKEN, PASSWORD, World, free_port, no_clocks, run, wait_until

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from peer import Identity, Member, SimulatedHub, jcs, when
except ImportError as why:
    Member, MISSING = None, str(why)

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else ""
ADDRESS = "185.220.101.4"
DAY_S = 86400


class Proxy:
    """An HTTP proxy that knows CONNECT alone, and keeps what passes."""

    def __init__(self):
        self.port, self.targets, self.bytes, self.refuse = free_port(), [], bytearray(), False
        self.socket = socket.create_server(("127.0.0.1", self.port))
        self.open = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(client,), daemon=True).start()

    def one(self, client):
        self.open.append(client)
        head = b""
        try:
            while b"\r\n\r\n" not in head:
                part = client.recv(4096)
                if not part:
                    return
                head += part
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            self.targets.append((method, target))
            if self.refuse or method != "CONNECT":
                client.sendall(b"HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n")
                return
            host, port = target.rsplit(":", 1)
            server = socket.create_connection((host, int(port)))
            self.open.append(server)
            client.sendall(b"HTTP/1.1 200 fine\r\n\r\n")
            back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
            back.start()
            self.pump(client, server)
            back.join()
        except OSError:
            pass
        finally:
            client.close()

    def pump(self, origin, to):
        try:
            while True:
                part = origin.recv(65536)
                if not part:
                    break
                self.bytes += part
                to.sendall(part)
        except OSError:
            pass
        for s in (origin, to):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for s in self.open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.socket.close()
        self.cut()


@unittest.skipIf(Member is None, "no simulated members: " + (MISSING if Member is None else ""))
class Links(unittest.TestCase):
    def setUp(self):
        self.world = World(PROGRAM, namespaces=False)
        self.hub = self.world.node("hub", hub=True)
        self.admin = self.hub.admin()
        self.circle = self.hub.make_circle("Lake cities", self.admin)

    def tearDown(self):
        if any(error for _, error in getattr(self._outcome, "errors", [])):
            for n in self.world.nodes:
                print("==== %s ====\n%s" % (n.name, n.log(True)[-3000:]), flush=True)
        self.world.close()

    def post(self, node, title, **more):
        return node.ask("POST", "/api/v1/items", {"kind": "story", "title": title, "text": "words", "tlp": "GREEN", "pap": "GREEN",
                                                  "circle": self.circle, "audience": {"all": True}, **more})

    def seen(self, node, title, limit_s=60):
        return wait_until(lambda: next((i for i in node.get("/api/v1/items")["items"] if i["title"] == title), None),
                          lambda: "%s sees %s" % (node.name, title), limit_s)

    def expires(self, node):
        return next(m for m in self.hub.get("/api/v1/federation/members")["items"] if m["node"] == node)["certificate_expires"]

    # ---- the way out ----

    def test_through_a_proxy(self):
        proxy = Proxy()
        try:
            city = self.world.node("ahus", proxy="http://127.0.0.1:%d" % proxy.port, allow="10.77.0.0/16")
            self.world.enrol(self.hub, self.circle, city, self.admin)
            self.assertEqual(self.post(city, "lanternfish-through").status, 201)
            self.seen(self.hub, "lanternfish-through")
            self.assertEqual(set(proxy.targets), {("CONNECT", "127.0.0.1:%d" % self.hub.hub_port)})
            for word in (b"lanternfish", b"/federation/", b"envelopes"):
                self.assertNotIn(word, proxy.bytes)  # it carries, and reads nothing
            proxy.refuse = True
            proxy.cut()
            city.wait_link(self.hub, "down")
            self.assertTrue(city.link(self.hub)["error"])
            before = len(proxy.targets)
            wait_until(lambda: len(proxy.targets) > before, "it tries the proxy again, and no way around it")
            self.assertEqual(city.link(self.hub)["state"], "down")
            proxy.refuse = False
            city.wait_link(self.hub)
        finally:
            proxy.close()

    def test_addresses_that_are_refused(self):
        """No hub's address, and no name of it, turns the courier on its own network."""
        hub = SimulatedHub()
        try:
            city = self.world.node("ahus", allow="10.77.0.0/16")
            for host in ("127.0.0.1", "localhost", "127.1", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"):
                got = run(PROGRAM, "enrol", "https://%s:%d" % (host, hub.port), "--code", "0" * 32, "--data", city.data,
                          "--fingerprint", hub.fingerprint, check=False)
                self.assertEqual(got.returncode, 1, (host, got.stdout))
            city.expect(r"not public, and the config does not allow it")
            self.assertEqual(hub.asked, [])
            self.assertEqual(city.federation()["links"], [])
        finally:
            hub.close()

    # ---- who belongs ----

    def test_a_refused_request(self):
        city = self.world.node("ahus")
        request = self.world.join(self.hub, self.circle, city)
        path = "/api/v1/federation/requests/%s/" % request["id"]
        self.assertEqual(self.admin.send("POST", path + "refuse", {"password": "not the password"}).status, 403)
        self.assertEqual(city.link(self.hub)["state"], "waiting")
        self.admin.do(path + "refuse", {"password": PASSWORD})
        city.wait_link(self.hub, "refused")
        mine = city.federation()["node"]
        self.assertNotIn(self.admin.send("POST", path + "approve", {"password": PASSWORD, "fingerprint": mine["fingerprint"]}).status,
                         (200, 201, 202, 204))  # what was refused stays so
        self.assertEqual(self.world.epochs(self.hub)[self.circle], 1)
        city.restart()
        self.assertEqual(city.link(self.hub)["state"], "refused")
        self.world.enrol(self.hub, self.circle, city, self.admin)  # with a new code it may ask again

    def test_a_membership_signed_anew(self):
        city = self.world.node("ahus")
        self.world.enrol(self.hub, self.circle, city, self.admin)
        before = next(c for c in city.federation()["circles"] if c["id"] == self.circle)
        path = "/api/v1/federation/circles/%s/renew" % self.circle
        self.assertEqual(self.admin.send("POST", path, {"password": "not the password"}).status, 403)
        self.assertTrue(self.admin.do(path, {"password": PASSWORD})["complete"])
        self.world.wait_epoch(city, self.circle, before["epoch"] + 1)
        after = next(c for c in city.federation()["circles"] if c["id"] == self.circle)
        self.assertGreaterEqual(after["expires"], before["expires"])
        self.assertEqual((after["members"], after["state"]), (before["members"], "valid"))

    def test_renewal_of_a_certificate(self):
        sim = Member(self.hub, "Simulated").enrol(self.world, self.circle, self.admin)
        self.assertIsNone(self.expires(sim.node))  # it has not spoken yet
        sim.hello()
        self.assertIn(self.expires(sim.node)[:10], (when(90 * DAY_S)[:10], when(90 * DAY_S - 7200)[:10]))
        csr = sim.request().public_bytes(serialization.Encoding.PEM).decode()
        other = Identity()
        other.tls = sim.tls  # asks in another's name
        foreign = other.request().public_bytes(serialization.Encoding.PEM).decode()
        for request in (csr, foreign):
            status, got = sim.ask("POST", "renew", jcs({"csr": request}))
            self.assertEqual(status, 200, got)
            cert = x509.load_pem_x509_certificate(got["certificate"].encode())
            self.assertEqual(cert.subject.rfc4514_string(), "CN=" + sim.node)
        old, sim.cert = sim.cert, got["certificate"]
        sim.hello()
        broken = csr[:100] + ("A" if csr[100] != "A" else "B") + csr[101:]
        for body in (jcs({"csr": broken}), jcs({"csr": ""}), jcs({}), b"[]", b"{"):
            self.assertEqual(sim.ask("POST", "renew", body)[0], 400, body)
        self.assertEqual(sim.ask("POST", "renew", jcs({"csr": csr}), context=Member(self.hub, "x").context())[0], 403)
        self.hub.remove(sim.node, self.circle, "remove", self.admin)
        for cert in (old, sim.cert):
            sim.cert = cert
            self.assertEqual(sim.ask("POST", "renew", jcs({"csr": csr}))[0], 403)

    def test_a_node_renews_in_time(self):
        if no_clocks(PROGRAM):
            self.skipTest(no_clocks(PROGRAM))
        city = self.world.node("ahus")
        self.world.enrol(self.hub, self.circle, city, self.admin)
        mine = city.federation()["node"]["id"]
        first = wait_until(lambda: self.expires(mine), "the certificate's end")
        self.assertEqual(city.link(self.hub)["certificate_expires"][:19], first[:19])
        for n in (self.hub, city):
            n.stop()
            n.clock = "+61d"
        self.hub.start()
        city.start()
        city.expect(r"federation\.certificate hub=")
        later = city.link(self.hub)["certificate_expires"]
        self.assertIn(later[:10], (when(151 * DAY_S)[:10], when(151 * DAY_S - 7200)[:10]))
        city.restart()
        city.wait_link(self.hub)
        wait_until(lambda: self.expires(mine)[:19] == later[:19], lambda: (self.expires(mine), later))

    # ---- streams ----

    def test_a_push_from_before_the_last_hello(self):
        """A member's data was put back; what it had sent before comes in late, under numbers that it uses again."""
        sim = Member(self.hub, "Simulated").enrol(self.world, self.circle, self.admin)
        epoch = self.world.epochs(self.hub)[self.circle]
        note = lambda: sim.envelope(self.circle, epoch, {"n": os.urandom(8).hex()})
        kept = lambda: {r[0] for r in self.hub.rows("SELECT id FROM fed_envelope WHERE type = 'x-note'")}
        sim.hello()
        first, late, anew = [note()], [note(), note()], [note(), note()]
        self.assertEqual(sim.push(first)[0], 200)
        self.assertEqual(sim.hello()["up"]["seq"], 1)
        self.assertEqual(sim.push(late, first=2)[0], 200)  # was on its way when it said hello
        for more in ([], [note()]):  # as many, and more than that
            status, got = sim.push(anew + more, first=2)
            self.assertEqual((status, got["error"]), (409, "stream"))
        self.assertEqual(kept(), {e["id"] for e in first + late})
        view = sim.hello()
        self.assertEqual((view["up"]["seq"], view["up"]["hash"]), (3, late[1]["id"]))  # not what it knows: a new epoch
        sim.up_epoch, sim.up_seq = view["up"]["epoch"] + 1, 0
        status, got = sim.push(first + anew)
        self.assertEqual((status, got["refused"]), (200, []))
        self.assertEqual(kept(), {e["id"] for e in first + late + anew})
        self.assertEqual(sim.push(first + anew, first=1)[0], 200)  # a repetition is none of that

    def test_a_full_outbox_on_a_live_link(self):
        """Results are refused with a reason, bulk is dropped and counted; with room again everything goes on."""
        city = self.world.node("ahus")
        self.world.enrol(self.hub, self.circle, city, self.admin)
        hub = self.hub.federation()["node"]["id"]
        a = city.admin().send("PUT", "/api/v1/federation/sharing", {"items": [{"when": "at_once", "class": {}}]})
        self.assertEqual(a.status, 200)
        self.assertEqual(self.post(city, "before").status, 201)
        self.seen(self.hub, "before")

        def waiting(n):
            with sqlite3.connect(city.data + "/records.db", timeout=20) as db:
                db.execute("INSERT INTO fed_stream (peer, way, epoch, seq, acked, id, waiting, bytes, dropped, contact) VALUES "
                           "(?, 0, 0, 0, 0, '', ?, 0, 0, 0) ON CONFLICT (peer, way) DO UPDATE SET waiting = waiting + ?", (hub, n, n))
        up = lambda: city.link(self.hub)["up"]
        wait_until(lambda: up()["waiting"] == 0 and up()["acked"] == up()["seq"] > 0, up)
        waiting(100000)  # as many as one peer may have
        a = self.post(city, "too much")
        self.assertNotEqual(a.status, 201)
        self.assertIn(b"full", a.body)
        attack.send(city, INGEST_TOKEN)
        wait_until(lambda: city.link(self.hub)["up"]["dropped"] > 0, lambda: city.link(self.hub))
        self.assertEqual(city.link(self.hub)["state"], "up")
        told = city.rows("SELECT COUNT(*) FROM fed_told")[0][0]
        self.assertGreater(told, 0)
        waiting(-100000)
        self.assertEqual(self.post(city, "after").status, 201)
        self.seen(self.hub, "after")
        self.assertNotIn("too much", [i["title"] for i in self.hub.get("/api/v1/items")["items"]])

    # ---- an NDA ----

    def test_signals_of_a_circle_with_an_nda(self):
        """Sealed on their way, read by the hub that compares, told to its members sealed as well."""
        anna, bo = self.hub.admin("anna"), self.hub.admin("bo")
        for who in (anna, bo):
            self.assertIn(who.send("POST", "/api/v1/federation/officers", {"password": PASSWORD}).status, (204, 409))
        closed = anna.do("/api/v1/federation/circles", {"name": "Closed", "class": "nda", "password": PASSWORD})["circle"]
        self.assertTrue(self.hub.approve(self.hub.requests()[0], "", bo)["complete"])
        cities = [self.world.node(n) for n in ("ahus", "bergen")]
        for n in cities:
            request, mine = self.world.join(self.hub, closed, n), n.federation()["node"]["fingerprint"]
            self.assertFalse(self.hub.approve(request, mine, anna)["complete"])
            self.assertTrue(self.hub.approve(request, mine, bo)["complete"])
            n.wait_link(self.hub)
        for n in cities:
            self.world.wait_epoch(n, closed, 3)
            self.assertEqual(n.admin().send("PUT", "/api/v1/federation/sharing", {"items": [{"when": "at_once", "class": {}}]}).status, 200)
        self.assertEqual(anna.send("PUT", "/api/v1/federation/sharing", {"agreed": True}).status, 200)
        for n in cities:
            attack.send(n, INGEST_TOKEN)
        for n in cities:
            got = wait_until(lambda: next((w for w in n.get("/api/v1/warnings")["items"] if w["why"] == {"kind": "indicator", "value": "ip:" + ADDRESS}), None),
                             lambda: "the warning at %s" % n.name)
            self.assertEqual(got["circle"], closed)
        for n in (self.hub, *cities):
            for kind, body in n.rows("SELECT type, CAST(body AS TEXT) FROM fed_envelope WHERE circle = ? AND type IN ('signal', 'warning')", closed):
                self.assertIn('"sealed":', body, kind)
                self.assertNotIn(ADDRESS, body)


if __name__ == "__main__":
    unittest.main(verbosity=2)
