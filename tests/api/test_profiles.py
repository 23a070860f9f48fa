#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Tables of other programs and other houses by mapping profiles: guessed and told, chosen, in and out again; encodings of spreadsheets.
usage: tests/api/test_profiles.py NODE PROGRAM"""
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Browser, Node

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
SERENO = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PASSWORD = "harbour lamp seven"
CONTROLS = ("ref_id,name,description,domain,status,category,priority,csf_function,owner,progress_field\r\n"
            "C-1,\"Keys, locked away\",All keys lie in the safe,,to_do,physical,2,protect,Anna,\r\n"
            "C-2,Access review,Twice a year,Town,active,policy,3,govern,,10\r\n"
            "C-3,Firewall rules,,Town,in_progress,technical,1,protect,Ines,100\r\n")
ASSETS = "name,description,domain,type\nTicket desk,Where people ask,Global,Primary\nMail,,Global,Support\n"
OWN = ("profile: old_suppliers\ntitle: The old supplier list\nkind: supplier\ncolumns:\n  Firma: name\n  Seit: ~\n  Land: {field: country, values: {Deutschland: DE, Spanien: ES}}\n"
       "others: pass\nconstants: {control: EU}\nencoding: windows-1252\ndecimal: comma\ndates: d.m.y\n")


class Profiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sereno-profiles-")
        own = os.path.join(cls.folder, "data", "registers")
        os.makedirs(own, mode=0o700)
        os.chmod(os.path.join(cls.folder, "data"), 0o700)
        for name, text in (("old.yml", OWN), ("bad.yml", OWN.replace("kind: supplier", "kind: nothing").replace("old_suppliers", "other"))):
            with open(os.path.join(own, name), "w", encoding="utf-8") as f:
                f.write(text)
        cls.node = Node(PROGRAM, cls.folder, "", "127.0.0.1")
        link = cls.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")
        cls.b = Browser(cls.node)
        assert cls.b.setup(link.group(2), "Anna", PASSWORD).status == 303
        assert cls.b.send("PUT", "/api/v1/register-kinds/control", {"to": "on"}).status == 200

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.folder)

    def send(self, plural, table, query="", status=200):
        a = self.b.ask("POST", "/api/v1/registers/%s/import%s" % (plural, query), table if isinstance(table, bytes) else table.encode(),
                       {"Content-Type": "text/csv", "X-Sereno-CSRF": self.b.csrf})
        self.assertEqual(a.status, status, a.body)
        return a.json()

    def numbers(self, report):
        return tuple(report[k] for k in ("new", "changed", "same", "faulty"))

    def export(self, plural, query, status=200):
        a = self.b.get("/api/v1/registers/%s/export?%s" % (plural, query))
        self.assertEqual(a.status, status, a.body)
        return a.body

    def test_controls_there_and_back(self):
        looked = self.send("controls", CONTROLS)
        self.assertEqual(self.numbers(looked), (3, 0, 0, 0))
        self.assertEqual(looked["reading"], {"encoding": "utf-8", "separator": "comma", "profile": "ciso_assistant_controls",
                                             "title": "CISO Assistant, applied controls", "dates": "y-m-d", "decimal": "point", "passed_over": 6})
        self.assertEqual(self.numbers(self.send("controls", CONTROLS, "?apply=true&profile=ciso_assistant_controls")), (3, 0, 0, 0))
        self.assertEqual(self.numbers(self.send("controls", CONTROLS, "?apply=true")), (0, 0, 3, 0))
        items = {i["fields"]["title"]: i["fields"] for i in self.b.get("/api/v1/registers/controls?limit=100").json()["items"]}
        self.assertEqual(items["Keys, locked away"]["nature"], "physical")
        self.assertEqual(items["Access review"]["nature"], "organisational")
        out = self.export("controls", "profile=ciso_assistant_controls")
        rows = list(csv.DictReader(io.StringIO(out.decode("utf-8-sig"))))
        self.assertEqual({(r["name"], r["description"], r["category"], r["owner"]) for r in rows},
                         {("Keys, locked away", "All keys lie in the safe", "physical", "Anna"), ("Access review", "Twice a year", "policy", ""),
                          ("Firewall rules", "", "technical", "Ines")})
        self.assertEqual(self.numbers(self.send("controls", out, "?apply=true")), (0, 0, 3, 0))
        self.assertEqual(self.export("controls", "profile=ciso_assistant_controls"), out)

    def test_assets_there_and_back(self):
        self.assertEqual(self.numbers(self.send("systems", ASSETS, "?apply=true")), (2, 0, 0, 0))
        out = self.export("systems", "profile=ciso_assistant_assets&separator=semicolon")
        back = self.send("systems", out)
        self.assertEqual((self.numbers(back), back["reading"]["separator"]), ((0, 0, 2, 0), "semicolon"))

    def test_as_they_export_them(self):
        """The columns of their own exports (CSV with semicolons and a mark of UTF-8), texts of several lines and what they put before formulas."""
        def table(head, *rows):
            out = io.StringIO()
            csv.writer(out, delimiter=";").writerows([head.split(), *rows])
            return ("\ufeff" + out.getvalue()).encode()
        controls = table("internal_id ref_id name description reference_control_name reference_control_ref_id category csf_function folder status start_date eta "
                         "expiry_date priority effort impact cost_currency cost_build_fixed cost_build_people_days cost_run_fixed cost_run_people_days "
                         "cost_amortization_period owner labels evidences evidence_attachments",
                         ["1c7e3c0e-0b7a-4a27-8f0e-0d3c8f1c5a11", "C.1", "Copies", "Daily;\r\nand tried", "Backup", "A.8.13", "technical", "protect", "Town", "active",
                          "2025-01-01", "2025-06-30", "", "1", "Small", "High", "EUR", "1000.5", "3", "200", "1", "3", "anna@town.example", "ops,hr", "One\nTwo", "b.pdf"],
                         ["1c7e3c0e-0b7a-4a27-8f0e-0d3c8f1c5a12", "", "'=Rules", "", "", "", "procedure", "", "Town", "", *[""] * 16])
        assets = table("internal_id name description ref_id type asset_class folder security_objectives disaster_recovery_objectives security_capabilities "
                       "recovery_capabilities link owners parent_assets labels observation is_business",
                       ["0c7e3c0e-0b7a-4a27-8f0e-0d3c8f1c5a11", "Wages", "Pays;\r\nmonthly", "A-1", "PR", "assets/business", "Town", "confidentiality: 3,integrity: 4",
                        "RTO: 04h00m", "", "", "https://x.example", "anna@town.example", "", "critical", "", "True"]).replace(b"is_business", b"Is a business function ?")
        for plural, body, new in (("controls", controls, 2), ("systems", assets, 1)):
            report = self.send(plural, body, "?apply=true")
            self.assertEqual((self.numbers(report), report["reading"]["separator"]), ((new, 0, 0, 0), "semicolon"))
            self.assertTrue(report["reading"]["profile"].startswith("ciso_assistant_"))
            self.assertEqual(self.numbers(self.send(plural, body, "?apply=true")), (0, 0, new, 0))
            items = {i["fields"][{"controls": "title"}.get(plural, "name")]: i["fields"] for i in self.b.get("/api/v1/registers/%s?limit=100" % plural).json()["items"]}
            if plural == "controls":
                self.assertEqual(items["Copies"], {"title": "Copies", "text": "Daily;\r\nand tried", "nature": "technical", "owner": "anna@town.example", "tags": ["ops", "hr"]})
                self.assertEqual(items["=Rules"], {"title": "=Rules", "nature": "organisational"})
            else:
                self.assertEqual(items["Wages"], {"name": "Wages", "text": "Pays;\r\nmonthly", "domain": "IT", "tags": ["critical"]})
            made = self.b.get("/api/v1/registers/%s/imports" % plural).json()["items"][0]["id"]  # so that others find what they left
            self.assertEqual(self.b.send("POST", "/api/v1/registers/%s/imports/%s/undo" % (plural, made), {}).status, 204)

    def test_an_own_one(self):
        listed = self.b.get("/api/v1/registers").json()
        self.assertIn("DATA/registers/bad.yml", [r["file"] for r in listed["refused"]])
        table = "Firma;Seit;Land;Bemerkung;;\r\nM\u00fcller & S\u00f6hne;1999;Deutschland;gut;;\r\n;;;;;\r\n\u20ac-Druck;2003;ES;;;\r\n"
        report = self.send("suppliers", table.encode("cp1252"), "?profile=old_suppliers")
        self.assertEqual((self.numbers(report), report["reading"]["profile"], report["reading"]["encoding"]), ((2, 0, 0, 0), "old_suppliers", "windows-1252"))
        self.assertEqual([c["title"] for c in report["changes"]], ["M\u00fcller & S\u00f6hne", "\u20ac-Druck"])
        self.assertEqual([c["row"] for c in report["changes"]], [2, 4])
        named = self.send("suppliers", table.encode("utf-16"), "?profile=old_suppliers")
        self.assertEqual((self.numbers(named), named["reading"]["encoding"]), ((2, 0, 0, 0), "utf-16le"))

    def test_what_is_refused(self):
        self.assertIn("profile", self.send("risks", "title\nx\n", "?profile=nobody", 400)["error"]["message"])
        self.send("risks", "title\nx\n", "?profile=ciso_assistant_controls", 400)  # of another kind
        self.send("controls", CONTROLS, "?profile=none", 400)
        self.send("controls", "title,owner\nN\xfcrnberg,x\n".encode("latin-1"), "", 400)  # nobody said which old page
        told = self.send("controls", "title,owner\nN\xfcrnberg,x\n".encode("latin-1"), "?encoding=windows-1252")
        self.assertEqual((self.numbers(told), told["reading"]["profile"], told["reading"]["encoding"]), ((1, 0, 0, 0), None, "windows-1252"))
        self.send("controls", b"\xff\xfea", "", 400)
        self.export("controls", "profile=nobody", 400)
        self.export("controls", "profile=ciso_assistant_controls&format=json", 400)
        fault = self.send("controls", "name,category\nA,magic\n")  # a word that nobody knows stays, and the schema says so
        self.assertEqual([(f["row"], f["column"]) for f in fault["faults"]], [(2, "nature")])

    def test_by_command(self):
        path = os.path.join(self.folder, "controls.csv")
        with open(path, "w", encoding="utf-16") as f:
            f.write("name\tcategory\nBy command\ttechnical\n")
        done = subprocess.run([SERENO, "registers", "import", "controls", path, "--data", self.node.data], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 new", done.stdout)
        self.assertIn("profile ciso_assistant_controls", done.stdout)
        self.assertIn("utf-16le", done.stdout)
        done = subprocess.run([SERENO, "registers", "import", "controls", path, "--profile", "nobody", "--data", self.node.data], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stdout)
        done = subprocess.run([SERENO, "registers", "export", "controls", "--profile", "ciso_assistant_controls", "--data", self.node.data], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("name,description,owner,category", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
