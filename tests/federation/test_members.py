#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Who belongs: enrolment, officers, epochs, revocation. usage: tests/federation/test_members.py PROGRAM"""
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from ports import free_port
from world import PASSWORD, World, run, wait_until

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else ""


class Members(unittest.TestCase):
    def setUp(self):
        self.world = World(PROGRAM)

    def tearDown(self):
        if any(error for _, error in getattr(self._outcome, "errors", [])):
            for n in self.world.nodes:
                print("==== %s ====\n%s" % (n.name, n.log(True)[-3000:]), flush=True)
        self.world.close()

    def test_a_code_is_for_one_use_and_one_organisation(self):
        w = self.world
        hub, city = w.node("hub", hub=True), w.node("ahus")
        admin = hub.admin()
        circle = hub.make_circle("Lake cities", admin)
        command = [PROGRAM, "enrol", hub.url, "--data", city.data, "--code"]
        wrong = run(*command, hub.code(circle, "Somebody Else"), check=False)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("code", wrong.stdout)
        bad_print = run(*command, hub.code(circle, city.organisation), "--fingerprint", "AAAA-BBBB", check=False)
        self.assertEqual(bad_print.returncode, 1)
        self.assertIn("fingerprint", bad_print.stdout)
        code = hub.code(circle, city.organisation)
        first = run(*command, code, check=False)
        self.assertEqual(first.returncode, 0, first.stdout)
        again = run(*command, code, check=False)
        self.assertEqual(again.returncode, 1, again.stdout)
        mine = city.federation()["node"]
        request = [r for r in hub.requests() if r["node"] == mine["id"]][0]  # newest first
        self.assertEqual(request["fingerprint"], mine["fingerprint"])
        path = "/api/v1/federation/requests/%s/approve" % request["id"]
        a = admin.send("POST", path, {"password": "not the password", "fingerprint": mine["fingerprint"]})
        self.assertEqual(a.status, 403)
        other = hub.federation()["node"]["fingerprint"]
        self.assertEqual(admin.send("POST", path, {"password": PASSWORD, "fingerprint": other}).status, 403)
        self.assertEqual(w.epochs(hub)[circle], 1)
        self.assertTrue(hub.approve(request, mine["fingerprint"], admin)["complete"])
        city.wait_link(hub)
        self.assertEqual(w.epochs(city)[circle], 2)
        # Keys stay with who they are for; nothing secret in a log.
        for n in (hub, city):
            for key in os.listdir(os.path.join(n.data, "keys")):
                self.assertEqual(os.stat(os.path.join(n.data, "keys", key)).st_mode & 0o777, 0o600)
            for key in ("node.sign", "node.seal"):
                with open(os.path.join(n.data, "keys", key), encoding="ascii") as f:
                    self.assertNotIn(f.read().strip(), n.log(True))

    def test_revocation_holds(self):
        w = self.world
        hub, one, two = w.node("hub", hub=True), w.node("ahus"), w.node("bergen")
        admin = hub.admin()
        circle = hub.make_circle("Lake cities", admin)
        w.enrol(hub, circle, one, admin)
        w.enrol(hub, circle, two, admin)
        w.wait_epoch(one, circle, 3)
        gone = one.federation()["node"]["id"]
        hub.remove(gone, circle, "suspend", admin)
        w.wait_epoch(two, circle, 4)
        one.wait_link(hub, "down")
        hub.remove(gone, circle, "readmit", admin)
        one.wait_link(hub)
        hub.remove(gone, circle, "remove", admin)
        one.wait_link(hub, "down")
        w.wait_epoch(two, circle, 6)
        wait_until(lambda: "removed" in (one.link(hub)["error"] or ""), lambda: one.link(hub))
        one.restart()
        one.expect(r"federation\.down .*removed")
        hub.expect(r"federation\.denied node=%s word=removed" % gone)
        hub.restart()
        one.restart()
        one.expect(r"federation\.down .*removed")
        state = {m["node"]: m["state"] for m in hub.get("/api/v1/federation/members")["items"]}
        self.assertEqual(state[gone], "removed")
        two.wait_link(hub)

    def test_a_listener_that_moves_while_members_wait(self):
        """A reload takes the listener away on which long polls and a stranger wait: they are told to come again, and nobody ends."""
        w = self.world
        hub, one, two = w.node("hub", hub=True), w.node("ahus"), w.node("bergen")
        admin = hub.admin()
        circle = hub.make_circle("Lake cities", admin)
        w.enrol(hub, circle, one, admin)
        w.join(hub, circle, two)  # not approved: it asks again and again
        desk = hub.role_pids("desk")
        with open(hub.config, encoding="utf-8") as f:
            before = f.read()
        elsewhere = before.replace(":%d\", name:" % hub.hub_port, ":%d\", name:" % free_port())
        self.assertNotEqual(before, elsewhere)
        for config, state in ((elsewhere, "down"), (before, "up")):
            seen = hub.log().count("hub.serving")
            with open(hub.config, "w", encoding="utf-8") as f:
                f.write(config)
            os.kill(hub.process.pid, signal.SIGHUP)
            wait_until(lambda: hub.log().count("hub.serving") > seen, lambda: "the hub serves again\n" + hub.log()[-3000:])
            one.wait_link(hub, state)
        self.assertEqual(hub.role_pids("desk"), desk)
        self.assertTrue(hub.approve(hub.requests()[0], two.federation()["node"]["fingerprint"], admin)["complete"])
        two.wait_link(hub)

    def test_two_officers_for_an_nda_circle(self):
        w = self.world
        hub, city = w.node("hub", hub=True), w.node("ahus")
        anna, bo = hub.admin("anna"), hub.admin("bo")
        for who in (anna, bo):
            self.assertEqual(who.send("POST", "/api/v1/federation/officers", {"password": PASSWORD}).status, 204)
        got = anna.do("/api/v1/federation/circles", {"name": "Closed", "class": "nda", "password": PASSWORD})
        self.assertFalse(got["complete"])
        circle = got["circle"]
        self.assertNotIn(circle, w.epochs(hub))
        waiting = hub.requests()[0]
        self.assertEqual((waiting["needed"], [a["who"] for a in waiting["approvals"]]), (2, ["anna"]))
        # Twice the same person is one person.
        self.assertFalse(hub.approve(waiting, "", anna)["complete"])
        self.assertTrue(hub.approve(waiting, "", bo)["complete"])
        self.assertEqual(w.epochs(hub)[circle], 1)
        request = w.join(hub, circle, city)
        mine = city.federation()["node"]["fingerprint"]
        self.assertFalse(hub.approve(request, mine, bo)["complete"])
        self.assertEqual(city.link(hub)["state"], "waiting")
        self.assertTrue(hub.approve(request, mine, anna)["complete"])
        city.wait_link(hub)

    def test_a_hub_in_a_hub_and_one_click(self):
        w = self.world
        top, hub, city = w.node("top", hub=True), w.node("hub", hub=True), w.node("ahus")
        region = top.make_circle("Region")
        lake = hub.make_circle("Lake cities")
        w.enrol(top, region, hub)
        w.enrol(hub, lake, city)
        w.enrol(top, region, city)  # a node in circles of several hubs
        self.assertEqual({c["id"] for c in city.federation()["circles"]}, {lake, region})
        self.assertEqual({c["id"]: c["own"] for c in hub.federation()["circles"]}, {lake: True, region: False})
        # Stopped: nothing leaves, also not after a restart.
        self.assertEqual(city.ask("POST", "/api/v1/federation/stop").status, 204)
        city.wait_link(hub, "down")
        seen = len(city.log().split("courier.carry"))
        city.restart()
        self.assertTrue(city.federation()["stopped"])
        self.assertNotIn("courier.carry", city.log())
        self.assertGreater(seen, 1)
        self.assertEqual(city.ask("POST", "/api/v1/federation/resume").status, 204)
        city.wait_link(hub)
        city.wait_link(top)


if __name__ == "__main__":
    unittest.main(verbosity=2)
