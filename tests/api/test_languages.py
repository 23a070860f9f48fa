#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What the node says to a browser without script, in each language of i18n/pages. usage: test_languages.py DESK_NODE"""
import os
import shutil
import sys
import tempfile
import unittest

from node import Browser, Node

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""


class Languages(unittest.TestCase):
    """Pages without script speak the browser's language, whatever they have to say; what nobody has translated is marked as English."""

    SAID = {"bg": ("Първи администратор", "Вход", "Тук няма нищо."), "da": ("Første administrator", "Log ind", "Her er intet."),
            "de": ("Erster Administrator", "Anmelden", "Hier ist nichts."), "en": ("First administrator", "Log in", "There is nothing here."),
            "es": ("Primer administrador", "Entrar", "Aquí no hay nada."), "fr": ("Premier administrateur", "Se connecter", "Il n’y a rien ici."),
            "hr": ("Prvi administrator", "Prijava", "Ovdje nema ničega."), "it": ("Primo amministratore", "Accedi", "Qui non c’è nulla."),
            "nl": ("Eerste beheerder", "Inloggen", "Hier is niets.")}

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sereno-languages-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.node = Node(PROGRAM, self.folder, "", "127.0.0.1")
        self.addCleanup(self.node.stop)
        self.link = self.node.expect(r"(https?)://[^/]+/setup\?token=([0-9a-f]{64})")

    def test_each_page(self):
        token, b = self.link.group(2), Browser(self.node)
        for language, (setup, login, nothing) in self.SAID.items():
            for path, status, words in (("/setup?token=" + token, 200, "<h1>%s</h1>" % setup), ("/login", 200, "<h1>%s</h1>" % login),
                                        ("/assets/none.js", 404, "<p>%s</p>" % nothing)):
                self.said_in(b, path, language, status, words)
        wrong = b.form("/login", {"name": "x", "password": "y", "csrf": "0"}, {"Accept-Language": "de"})
        self.assertIn("Dieses Formular war zu alt. Bitte melden Sie sich noch einmal an.", wrong.text)
        short = b.form("/setup", {"token": token, "name": "Anna", "password": "short", "again": "short",
                                  "csrf": b.hidden(b.get("/setup?token=" + token), "csrf")}, {"Accept-Language": "hr"})
        self.assertRegex(short.text, r"Najmanji broj znakova lozinke: \d+\.")
        odd = b.form("/login", {"name": "x", "password": "y"}, {"Accept-Language": "de", "Content-Type": "text/plain"})
        self.assertIn('<p lang="en">', odd.text) # a sentence for programmers
        for language in self.SAID: # links that lead nowhere; after some of them, how long to wait
            for path in ("/setup?token=" + "0" * 64, "/welcome?token=" + "0" * 64):
                self.said_in(b, path, language, (403, 429), "Sereno")

    def said_in(self, b, path, language, status, words):
        page = b.get(path, {"Accept-Language": "%s-XX,xx;q=0.5,en;q=0.1" % language})
        self.assertIn(page.status, status if isinstance(status, tuple) else (status,), path)
        self.assertEqual((page.headers["Content-Language"], page.headers["Vary"]), (language, "Accept-Language"), path)
        self.assertIn('<html lang="%s">' % language, page.text)
        self.assertNotIn("<p lang=", page.text, path)
        self.assertIn(words, page.text)


if __name__ == "__main__":
    unittest.main()
