#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Items over HTTP: what a reader sees and what he does not, sending, tightening, taking back, personal links.

usage: test_items.py ITEMS_DESK [unittest arguments]"""
import http.client
import json
import subprocess
import sys
import unittest

PROGRAM = None
ITEM = "/api/v1/items/0197f3c0-0000-7000-8000-00000000000%d"


class Desk:
    """The program, and requests to its two ports: `local` is an administrator's, `net` a stranger's."""

    def __init__(self, node):
        self.process = subprocess.Popen([PROGRAM, str(node)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.local, self.net = (int(self.process.stdout.readline().rsplit(":", 1)[1]) for _ in range(2))

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(60)
        self.process.stdout.close()
        return code

    def raw(self, port, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        c.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"} if body is not None else {})
        answer = c.getresponse()
        text = answer.read().decode()
        c.close()
        return answer.status, text, answer.headers

    def ask(self, method, path, body=None):
        status, text, _ = self.raw(self.local, method, path, body)
        return status, json.loads(text) if text else None

    def get(self, path):
        return self.ask("GET", path)


class Case(unittest.TestCase):
    node = 1

    def setUp(self):
        self.desk = Desk(self.node)

    def tearDown(self):
        self.assertEqual(self.desk.stop(), 0)

    def item(self, **more):
        return {"kind": "story", "title": "A title", "text": "first line\nsecond", "tlp": "GREEN", "pap": "AMBER", "circle": "isac",
                "audience": {"all": True}, **more}


class Readers(Case):
    def test_list_shows_what_he_may_read_and_nothing_of_the_rest(self):
        status, page = self.desk.get("/api/v1/items")
        self.assertEqual(status, 200)
        self.assertEqual([i["title"] for i in page["items"]], ["nda", "chatham", "red", "amber", "green"])
        self.assertFalse(page["more"])
        self.assertIsNone(page["items"][1]["author"])
        self.assertEqual(page["items"][2]["author"], "Cville")
        self.assertNotIn("text", page["items"][0])
        _, found = self.desk.get("/api/v1/items?q=hidden")
        self.assertEqual(found, {"items": [], "more": False, "cursor": None})
        _, found = self.desk.get("/api/v1/items?q=of+amber")
        self.assertEqual([i["title"] for i in found["items"]], ["amber"])

    def test_pages_end_where_his_items_end(self):
        titles, cursor = [], ""
        for _ in range(5):
            _, page = self.desk.get("/api/v1/items?limit=1" + cursor)
            titles += [i["title"] for i in page["items"]]
            self.assertEqual(page["more"], len(titles) < 5)  # nothing tells that there are hidden ones
            cursor = "&cursor=%s" % page["cursor"]
        self.assertEqual(titles, ["nda", "chatham", "red", "amber", "green"])

    def test_hidden_items_answer_as_if_there_were_none(self):
        none = self.desk.get("/api/v1/items/0197f3c0-0000-7000-8000-0000000000ff")
        self.assertEqual(none[0], 404)
        for n in (3, 5, 7, 8):
            self.assertEqual(self.desk.get(ITEM % n), none)
        self.assertEqual(self.desk.get("/api/v1/items/nonsense"), none)

    def test_reading_amber_is_recorded_and_said(self):
        for n, recorded in ((1, False), (2, True), (4, True)):
            status, item = self.desk.get(ITEM % n)
            self.assertEqual((status, item["read_recorded"]), (200, recorded))
            _, again = self.desk.get(ITEM % n)
            self.assertEqual(len(again["reads"]), 1 if recorded else 0)
        self.assertEqual(item["text"], "text of red\n<second> line")
        self.assertEqual(again["reads"][0]["who"], "command line")

    def test_bad_questions(self):
        for query in ("limit=0", "limit=201", "cursor=x", "cursor=1.x", "q=" + 201 * "a", "other=1"):
            self.assertEqual(self.desk.get("/api/v1/items?" + query)[0], 400, query)
        self.assertEqual(self.desk.raw(self.desk.net, "GET", "/api/v1/items")[0], 401)


class Authors(Case):
    def test_preview_names_the_readers(self):
        status, p = self.desk.ask("POST", "/api/v1/items/preview", self.item())
        self.assertEqual(status, 200)
        self.assertEqual(sorted(p["organisations"]), ["Bville", "Cville", "Dville", "Eville", "Fville", "Hub"])
        self.assertEqual((p["count"], p["blocked"], p["sealed"]), (6, None, False))
        self.assertEqual([x["organisation"] for x in p["left_out"]], ["Region"])
        _, p = self.desk.ask("POST", "/api/v1/items/preview", self.item(tlp="AMBER", audience={"nda": True}))
        self.assertEqual((sorted(p["organisations"]), p["sealed"]), (["Bville", "Cville"], True))
        _, p = self.desk.ask("POST", "/api/v1/items/preview", self.item(tlp="RED"))
        self.assertEqual(p["count"], 0)
        self.assertIn("nobody", p["blocked"])
        self.assertEqual(self.desk.ask("POST", "/api/v1/items", self.item(tlp="RED"))[0], 409)

    def test_a_sponsor_reads_by_consent_for_this_item_and_by_name(self):
        ask = lambda **more: sorted(self.desk.ask("POST", "/api/v1/items/preview", self.item(tlp="AMBER", **more))[1]["organisations"])
        self.assertNotIn("Region", ask(audience={"all": True}))
        self.assertEqual(ask(audience={"orgs": ["Cville", "Region"]}), ["Cville", "Region"])  # this sponsor, whoever else there is
        self.assertEqual(ask(audience={"orgs": ["Cville"], "sponsors": True}), ["Cville", "Region"])  # every sponsor of the circle

    def test_life_of_an_item(self):
        status, made = self.desk.ask("POST", "/api/v1/items", self.item(tlp="AMBER"))
        self.assertEqual(status, 201, made)
        path = "/api/v1/items/" + made["id"]
        _, item = self.desk.get(path)
        self.assertEqual((item["mine"], item["state"], item["receipts"], item["read_recorded"]),
                         (True, "current", {"sent": 6, "received": 0, "removed": 0}, False))
        self.assertEqual(len(item["audience"]["organisations"]), 6)
        wider = {"tlp": "GREEN", "pap": "AMBER", "audience": {"all": True}}
        status, said = self.desk.ask("POST", path + "/tighten", wider)
        self.assertEqual((status, said["error"]["code"]), (409, "not_sent"))
        status, said = self.desk.ask("POST", path + "/tighten", {"tlp": "AMBER", "pap": "RED", "audience": {"nda": True}})
        self.assertEqual(status, 200, said)
        _, item = self.desk.get(path)
        self.assertEqual((item["state"], item["version"], sorted(item["audience"]["organisations"])), ("tightened", 2, ["Bville", "Cville"]))
        self.assertEqual(self.desk.ask("POST", path + "/retract", {"reason": "wrong city"})[0], 200)
        _, item = self.desk.get(path)
        self.assertEqual((item["state"], item["text"], item["title"], item["reason"]), ("retracted", "", "", "wrong city"))
        self.assertEqual([h["what"] for h in item["history"]], ["sent", "tightened", "retracted"])
        self.assertEqual(self.desk.ask("POST", path + "/retract", {"reason": "again"})[0], 409)

    def test_versions(self):
        status, made = self.desk.ask("POST", "/api/v1/items", self.item(tlp="AMBER", audience={"orgs": ["Dville", "Eville"]}))
        self.assertEqual(status, 201, made)
        path = "/api/v1/items/" + made["id"]
        _, item = self.desk.get(path)
        self.assertEqual(item["addressed"], {"orgs": ["Dville", "Eville"]})
        second = self.item(tlp="AMBER", audience={"orgs": ["Dville", "Eville"]}, title="Better", text="said again")
        _, p = self.desk.ask("POST", path + "/preview", second)
        self.assertEqual((sorted(p["organisations"]), p["widens"], p["narrows"], p["blocked"]), (["Dville", "Eville"], False, False, None))
        self.assertEqual(self.desk.ask("POST", path + "/version", second)[0], 201)
        _, item = self.desk.get(path)
        self.assertEqual((item["version"], item["title"], item["text"], item["state"]), (2, "Better", "said again", "current"))
        # Wider only where it is meant, narrower behind a tighter label, never both.
        wider = {**second, "audience": {"all": True}}
        _, p = self.desk.ask("POST", path + "/preview", wider)
        self.assertTrue(p["widens"] and "mean" in p["blocked"])
        status, said = self.desk.ask("POST", path + "/version", wider)
        self.assertEqual((status, said["error"]["code"]), (409, "not_sent"))
        self.assertEqual(self.desk.ask("POST", path + "/version", {**wider, "widen": True})[0], 201)
        self.assertEqual(self.desk.ask("POST", path + "/version", {**second, "title": "Fewer"})[0], 201)
        _, item = self.desk.get(path)
        self.assertEqual((item["version"], item["title"], sorted(item["audience"]["organisations"])), (5, "Fewer", ["Dville", "Eville"]))
        self.assertEqual([h["what"] for h in item["history"]], ["sent", "version", "version", "tightened", "version"])
        sideways = {**second, "audience": {"orgs": ["Dville", "Fville"]}, "widen": True}
        self.assertEqual(self.desk.ask("POST", path + "/version", sideways)[0], 409)
        for where, wrong in (("kind", {"kind": "notice"}), ("circle", {"circle": "other"}), ("widen", {"widen": 1})):
            status, said = self.desk.ask("POST", path + "/version", {**second, **wrong})
            self.assertEqual((status, said["error"]["where"]), (400, where), said)
        # Another's, and one that is gone, have none.
        self.assertEqual(self.desk.ask("POST", ITEM % 1 + "/version", second)[0], 404)
        self.assertEqual(self.desk.ask("POST", ITEM % 3 + "/preview", second)[0], 404)
        self.desk.ask("POST", path + "/retract", {"reason": "x"})
        self.assertEqual(self.desk.ask("POST", path + "/version", second)[0], 409)

    def test_chatham_house_export_names_nobody(self):
        text = "C-ville's Ada called at 2026-11-26T10:11:12Z from ada@lamp.example, said d.ville would too"
        _, made = self.desk.ask("POST", "/api/v1/items", self.item(title="What Bville saw", text=text, audience={"orgs": ["Cville"]}))
        path = "/api/v1/items/" + made["id"]
        status, got = self.desk.ask("POST", path + "/chr-export", {"also": ["lamp.example", "Ada", "--"]})
        self.assertEqual(status, 200, got)
        d = got["document"]
        self.assertEqual((d["title"], d["tlp"], d["chr"], d["kind"]), ("What [removed] saw", "GREEN", True, "story"))
        self.assertEqual(d["text"], "[removed]'s [removed] called at 2026-11-26T10:11:12Z from [removed]@[removed], said [removed] would too")
        self.assertTrue(d["created"].endswith("T00:00:00.000Z") and d["id"] != made["id"])
        self.assertEqual(got["report"]["texts"], 2)
        for word in ("ville", "lamp", made["id"], "author", "audience", "reads"):
            self.assertNotIn(word, json.dumps(d).lower())
        # It is noted who took it out, also of one's own; RED and what he may not read does not go; another's AMBER does.
        _, item = self.desk.get(path)
        self.assertEqual([(r["who"], r["reason"]) for r in item["reads"]], [("command line", "Chatham House export")])
        self.assertEqual(self.desk.ask("POST", ITEM % 2 + "/chr-export", {})[0], 200)
        status, said = self.desk.ask("POST", ITEM % 4 + "/chr-export", {})
        self.assertEqual((status, said["error"]["code"]), (403, "policy.label_too_strict"))
        self.assertEqual(self.desk.ask("POST", ITEM % 3 + "/chr-export", {})[0], 404)
        for bad in ({"also": "x"}, {"also": [1]}, {"also": ["x"] * 201}, {"more": 1}, []):
            self.assertEqual(self.desk.ask("POST", path + "/chr-export", bad)[0], 400, bad)
        self.desk.ask("POST", path + "/retract", {"reason": "x"})
        self.assertEqual(self.desk.ask("POST", path + "/chr-export", {})[0], 403)

    def test_what_is_another_s_is_not_his_to_change(self):
        for n in (1, 3):
            self.assertEqual(self.desk.ask("POST", ITEM % n + "/retract", {"reason": "x"})[0], 404)
            self.assertEqual(self.desk.ask("POST", ITEM % n + "/tighten", {"tlp": "RED", "pap": "RED", "audience": {"all": True}})[0], 404)

    def test_bad_documents(self):
        for where, document in (("tlp", self.item(tlp="PURPLE")), ("kind", self.item(kind="essay")), ("audience", self.item(audience={})),
                                ("title", self.item(title="")), ("expires", self.item(expires="soon")), ("of", self.item(of="x")), (None, self.item(x=1))):
            status, said = self.desk.ask("POST", "/api/v1/items", document)
            self.assertEqual((status, said["error"]["where"]), (400, where), said)
        self.assertEqual(self.desk.ask("POST", "/api/v1/items", self.item(circle="elsewhere"))[0], 409)
        self.assertEqual(self.desk.ask("POST", "/api/v1/items", [1])[0], 400)


class Links(Case):
    node = 0

    def make(self, **more):
        return self.desk.ask("POST", "/api/v1/link-pages", {"circle": "isac", "organisation": "Smalltown", "person": "Eve <b>", "mail": "eve@example.org", **more})

    def page(self, path):
        return self.desk.raw(self.desk.net, "GET", path)

    def test_a_link_shows_what_its_reader_may_read_until_it_is_revoked(self):
        status, made = self.make()
        self.assertEqual(status, 201)
        status, text, headers = self.page(made["path"])
        self.assertEqual(status, 200)
        for word in ("text of green<br>\n&#60;second&#62; line", "TLP:GREEN", "Eve &#60;b&#62;", "Smalltown", "Chatham House Rule"):
            self.assertIn(word, text)
        for word in ("text of amber", "text of hidden", "text of red", "text of nda", "<script", "TLP:AMBER", "TLP:RED"):
            self.assertNotIn(word, text)
        self.assertEqual(text.count("Cville"), 1)  # under the Chatham House Rule nobody is named
        self.assertEqual(headers["Referrer-Policy"], "same-origin")
        _, listed = self.desk.get("/api/v1/link-pages")
        self.assertEqual([(i["person"], i["organisation"]) for i in listed["items"]], [("Eve <b>", "Smalltown")])
        self.assertNotIn(made["path"][3:], json.dumps(listed))
        nonsense = self.page("/m/" + 64 * "0")
        self.assertEqual(self.desk.ask("DELETE", "/api/v1/link-pages/" + made["id"])[0], 204)
        gone = self.page(made["path"])
        self.assertEqual((gone[0], gone[1]), (404, nonsense[1]))
        self.assertEqual(self.page("/m/short")[1], nonsense[1])
        self.assertEqual(self.desk.ask("DELETE", "/api/v1/link-pages/" + made["id"])[0], 404)

    def test_a_page_speaks_the_language_of_its_reader(self):
        def page(path, accept, want=200):
            c = http.client.HTTPConnection("127.0.0.1", self.desk.net, timeout=60)
            c.request("GET", path, headers={"Accept-Language": accept} if accept else {})
            answer = c.getresponse()
            text = answer.read().decode()
            c.close()
            self.assertEqual(answer.status, want)
            self.assertIn("Accept-Language", answer.headers["Vary"])
            return answer.headers["Content-Language"], text
        _, any_ = self.make()
        _, spanish = self.make(person="Eva", language="es")
        _, listed = self.desk.get("/api/v1/link-pages")
        self.assertEqual([i["language"] for i in listed["items"]], [None, "es"])
        for path, accept, want in ((any_["path"], None, "en"), (any_["path"], "es-MX,es;q=0.9,en;q=0.5", "es"), (any_["path"], "pt, en;q=0.1", "en"),
                                   (any_["path"], "\xe9;q=<b>", "en"), (spanish["path"], "en", "es"), (spanish["path"], None, "es")):
            language, text = page(path, accept)
            self.assertEqual(language, want, accept)
            self.assertIn('<html lang="%s">' % want, text)
            self.assertIn({"en": "share with you", "es": "comparten con usted"}[want], text)
            self.assertIn({"en": "Chatham House Rule", "es": "Regla de Chatham House"}[want], text)
            self.assertIn("Eve &#60;b&#62;" if path == any_["path"] else "Eva", text)
        # A dead link is told in the browser's language, whatever the link's was: else it would tell that there was one.
        self.assertEqual(self.desk.ask("DELETE", "/api/v1/link-pages/" + self.desk.get("/api/v1/link-pages")[1]["items"][1]["id"])[0], 204)
        for path in (spanish["path"], "/m/" + 64 * "0", "/m/short"):
            for accept, want, words in (("en", "en", "This link leads nowhere"), ("es-MX,en;q=0.1", "es", "Este enlace no lleva a ninguna parte")):
                language, text = page(path, accept, 404)
                self.assertEqual(language, want)
                self.assertIn('<html lang="%s">' % want, text)
                self.assertIn("<h1>%s</h1>" % words, text)
        status, said = self.make(language="tlh")
        self.assertEqual((status, said["error"]["where"]), (400, "language"))

    def test_links_are_for_persons_without_a_node(self):
        for where, more in (("organisation", {"organisation": "Aville"}), ("organisation", {"organisation": 32 * "a"}), ("person", {"person": ""}),
                            ("mail", {"mail": "nobody"}), ("days", {"days": 0}), ("days", {"days": 400}), ("circle", {"circle": "x"})):
            status, said = self.make(**more)
            self.assertIn(status, (400, 409))
            self.assertEqual(said["error"]["where"], where)


class LinksElsewhere(Case):
    def test_only_a_hub_makes_links(self):
        body = {"circle": "isac", "organisation": "Smalltown", "person": "Eve"}
        self.assertEqual(self.desk.ask("POST", "/api/v1/link-pages", body)[0], 409)


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:], verbosity=1)
