#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The texts of i18n/ in the nine languages of the desk. usage: tests/tree/languages.py

Each file has the keys of English, their placeholders, the plural forms that its language needs, nothing empty, nothing left in
English but words that are the same there, and no word by which the product would judge whom the law judges. What the program
says in English for pages without script stands in i18n/pages. The checks are tried on spoilt copies first.
"""
import copy
import glob
import json
import os
import re
import sys
import unicodedata

LANGUAGES = {"bg": "Български", "da": "Dansk", "de": "Deutsch", "en": "English", "es": "Español", "fr": "Français", "hr": "Hrvatski",
             "it": "Italiano", "nl": "Nederlands"}
FOLDERS = ("i18n", "i18n/pages", "i18n/registers")
HELD_TO_ALL = ("en", "es") # to each key of English: who adds a text adds it in both
# Unicode CLDR, plural rules of whole numbers; French, Italian and Spanish have "many" too, from a million on, and it may be left out.
NEEDED = {"hr": ("one", "few", "other")}
MAY = {"fr": ("many",), "it": ("many",), "es": ("many",)}
# Languages in which "one" is not the number 1 alone (French 0, Croatian 21): there the number is written, never spelt out.
ONE_IS_MORE = ("fr", "hr")
PLURAL = re.compile(r"\.(one|two|few|many|other)$")
HOLE = re.compile(r"\{\w+\}")

# Words that are the same as in English, by language; "*": in all of them.
SAME = {
    "*": "CISO|CSIRT|HTTP|IoT|Journal|MD5|OT|SHA-1|SHA-256|Syslog, TCP|Syslog, UDP",
    "bg": "",
    "da": "Administrator|administrator|Budget|EU|Find|For|Form|Hub|hub|Id|Insider|International|Intranet|IT|Log|Mail|Nation|National|"
          "Node|Node {name}|Note|Online|Organisation|Partner|Person|Region|Revision|SOV-3 Data|sponsor|Status|System|"
          "Tokens|Type|Version|Zone|{title}: over {state}.",
    "de": "Code|EU|Form|Host|Hub|International|Intranet|IT|Mail|Minute|Name|National|Online|Organisation|Partner|Person|"
          "Region|Revision|Sandbox|Status|System|Text|Version|Zone",
    "es": "Control|Error|Id|No|Tokens",
    "fr": "Association|Audit|Budget|Cause|Clauses|Code|Contact|Crises|Description|Hub|hub|Impact|Incident|International|"
          "Intranet|Licence|Minute|minutes|Mode|Nation|National|Note|Organisation|Organisations|Page|Participation|Plans|"
          "Points|Population|Programme|Quorum|Service|Services|Solution|Solutions|Source|Sources|Type|Version|Zone",
    "hr": "Administrator|administrator|EU|Hub|hub|Incident|Intranet|IT|Partner|Status",
    "it": "Account|Area|Audit|File|Host|Hub|hub|Id|Intranet|IT|No|Online|Partner|Password|Sandbox|Scenario|Tenant",
    "nl": "Account|Agenda|Audit|Auditor|Budget|Chief information security officer|Code|Compact|Contact|Contract|Crises|Criteria|"
          "EU|Host|Hub|hub|Id|Incident|Indicator|Intranet|is|IT|Label|Mail|Node|Node {name}|Online|Open|Open source|"
          "Partner|Poster|Procedures|Project|Quorum|Records: {kind}|Registers|Sandbox|Scenario|Score|Scores|sponsor|"
          "Sponsors|Status|Tokens|Week|Zone|{n} records",
}

# The product tells who was told what and when; whether somebody is liable, compliant, negligent, in breach, or bound to report, others
# decide. Beginnings of words, or words where a $ stands.
VERDICTS = {
    "en": "liable$|liabilit|complian|negligen|reportable|breach|unlawful|guilty",
    "bg": "виновн|вина$|небрежн|съответствие|несъответств|нарушен|нарушава|подлежи на уведом|противоправ|отговорност",
    "da": "erstatningsansvar|hæfter|uagtsom|forsømmel|overensstemmelse|ikke-overens|anmeldelsespligt|indberetningspligt|brud$|bruddet|databrud|"
          "overtræd|retsstridig|skyldig$",
    "de": "haftbar|haftet|haftung|konform|nichtkonform|fahrlässig|meldepflicht|verstoß|verstöß|verletz|pflichtverletz|datenschutzverletz|"
          "rechtswidrig|schuldhaft",
    "es": "imputable|negligen|conforme$|conformes$|conformidad|incumpl|infracci|infring|violaci|notificable|ilícit|culpable|culpa$",
    "fr": "passible|fauti|négligen|conforme$|conformes$|conformité|non-conform|manquement|violation|infraction|notifiable|illicite|illégal|coupable",
    "hr": "nemar|nehaj|sukladn|nesukladn|usklađen|neusklađen|prekrša|kršenj|krši$|povred|obveza prijave|protupravn|krivnj|krivac",
    "it": "inadempi|negligen|conforme$|conformi$|conformità|non conform|violazion|notificabil|da notificare|imputabil|illecit|colpevol|colpa$",
    "nl": "aansprakelijk|nalatig|conform$|niet-conform|naleving|meldplicht|meldingsplicht|schending|inbreuk|onrechtmatig|verwijtbaar|overtreding",
}


def verdict(language):
    words = "|".join(w[:-1] + r"\b" if w.endswith("$") else w for w in VERDICTS[language].split("|"))
    return re.compile(r"\b(?:%s)" % words.casefold())


def keys(texts):
    return [k for k in texts if not k.startswith("_")]


def stem(key, english):
    """The key of English that a form belongs to: "x.few" to "x.other"; None where English has no such text."""
    if key in english:
        return key
    other = PLURAL.sub(".other", key)
    return other if other in english and PLURAL.search(key) else None


def is_plural(key, english):
    m = PLURAL.search(key)
    return m is not None and PLURAL.sub(".other", key) in english and PLURAL.sub(".one", key) in english


def check_forms(language, texts, english, bad):
    """Every form that the language needs, none that it has not, and a number where "one" is more than 1."""
    for other in [k for k in english if k.endswith(".other") and is_plural(k, english)]:
        base = other[: -len(".other")]
        has = [f for f in ("one", "two", "few", "many", "other") if base + "." + f in texts]
        if not has:
            continue # all of it is missing: check_keys
        needed = NEEDED.get(language, ("one", "other"))
        for form in needed:
            if form not in has:
                bad.append("%s lacks the form %s.%s" % (language, base, form))
        for form in has:
            if form not in needed and form not in MAY.get(language, ()):
                bad.append("%s has the form %s.%s, which it does not know" % (language, base, form))
        if language in ONE_IS_MORE and "{n}" in texts.get(other, "") and "{n}" not in texts.get(base + ".one", "{n}"):
            bad.append("%s: %s.one spells out a number that may be another" % (language, base))


def lacks(texts, english):
    """Which forms a text needs, check_forms knows."""
    return [k for k in keys(english) if k not in texts and (k.endswith(".other") or not is_plural(k, english))]


def check_keys(language, texts, english, strict):
    bad = []
    for k in keys(texts):
        root = stem(k, english)
        if root is None:
            if strict:
                bad.append("%s: %s is not in English" % (language, k))
            continue
        t = texts[k]
        if not isinstance(t, str) or not t.strip():
            bad.append("%s: %s is empty" % (language, k))
            continue
        want, got = sorted(HOLE.findall(english[root])), sorted(HOLE.findall(t))
        one = k.endswith(".one") and is_plural(k, english)
        if one: # may spell its number out, and names nothing that the other form has not
            others = HOLE.findall(english[PLURAL.sub(".other", k)])
            wrong = not set(got) <= set(others) or set(others) - set(got) - {"{n}"}
        else:
            wrong = want != got
        if wrong:
            bad.append("%s: %s has other placeholders" % (language, k))
        if re.search(r"[<>&]|\{(?!\w+\})", t) and not re.search(r"[<>&]", english[root]):
            bad.append("%s: %s has markup or a brace alone" % (language, k))
        if t != unicodedata.normalize("NFC", t):
            bad.append("%s: %s is not in Unicode's form C" % (language, k))
    if strict:
        bad += ["%s lacks %s" % (language, k) for k in lacks(texts, english) if english[k] != ""]
    check_forms(language, texts, english, bad)
    return bad


def check_words(language, texts, english):
    bad = []
    same = set(SAME["*"].split("|")) | set(SAME.get(language, "").split("|"))
    judge = verdict(language)
    for k in keys(texts):
        t = str(texts[k])
        root = stem(k, english)
        letters = re.sub(r"[\W\d_]", "", HOLE.sub("", t))
        if language != "en" and root is not None and t == english[root] and len(letters) > 1 and t not in same and not k.startswith("unit."):
            bad.append("%s: %s is English: %s" % (language, k, t))
        if judge.search(t.casefold()):
            bad.append("%s: %s judges: %s" % (language, k, t))
        if "!" in t:
            bad.append("%s: %s shouts" % (language, k))
    return bad


def check_mark(folder, language, texts):
    """Who reads it sees whether a person has read it through. Sentences of link pages carry no mark: they are the same file for
    whatever a page says, and a page's own notices come from its author."""
    if folder == "i18n/pages":
        return []
    bad = [] if texts.get("_language") == LANGUAGES[language] else ["%s: _language is not %s" % (language, LANGUAGES[language])]
    if not isinstance(texts.get("_reviewed"), bool) or (language == "en" and not texts["_reviewed"]):
        bad.append("%s: _reviewed says neither true nor false" % language)
    return bad


def check(folder, language, texts, english, strict):
    return check_keys(language, texts, english, strict) + check_words(language, texts, english) + check_mark(folder, language, texts)


def english_of_kinds():
    """English of labels and helps stands in the files of registers/; here: whether a key can be one of theirs."""
    return re.compile(r"^(\w+|\.\w+|=\w+|@\w+|\w+(\.\w+){1,2}(\?|=\w+)?|\w+@\w+|\w+\?)$")


def base_of(folder, files):
    """What other languages are held to. English of registers stands in their own files, and i18n/registers/en.json has only what is
    missing there: so each key that any language has is one for all."""
    english = dict(files["en"])
    if folder == "i18n/registers":
        for texts in files.values():
            for k in texts:
                english.setdefault(k, "")
    return english


def in_code():
    """Sentences that the pages without script are given in English (src/api/pages*.c, password*.c): each has a key in i18n/pages."""
    with open("i18n/pages/en.json", encoding="utf-8") as f:
        said = {re.sub(r"\{n\}", "%", v) for v in json.load(f).values()}
    bad = []
    for path in ("src/api/pages.c", "src/api/pages_code.c", "src/desk/identity/password.c"):
        with open(path, encoding="utf-8") as f:
            text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
        text = re.sub(r'"\s*\n\s*"', "", text)
        for sentence in re.findall(r'"([A-Z][^"]*\.)"', text):
            if re.sub(r"%[sd]", "%", sentence) not in said:
                bad.append("%s says what no language has (i18n/pages, words.def): %s" % (path, sentence))
    return bad


def offered():
    """The chooser of the desk, its loaders, and the pages' table name the same languages as i18n/ has."""
    bad = []
    want = set(LANGUAGES)
    with open("ui/src/base/i18n.ts", encoding="utf-8") as f:
        ui = f.read()
    chooser = dict(re.findall(r"\{ code: '(\w+)', name: '([^']+)', reviewed: (?:true|false) \}", ui))
    if chooser != LANGUAGES:
        bad.append("ui/src/base/i18n.ts offers %s" % ", ".join(sorted(chooser)))
    for path, pattern in (("ui/src/base/i18n.ts", r"i18n/(\w+)\.json"), ("ui/src/registers/kinds.ts", r"i18n/registers/(\w+)\.json")):
        with open(path, encoding="utf-8") as f:
            if set(re.findall(pattern, f.read())) != want:
                bad.append("%s loads other languages" % path)
    with open("src/desk/meson.build", encoding="utf-8") as f:
        listed = re.search(r"foreach language : \[([^\]]*)\]", f.read())
    if set(re.findall(r"'(\w+)'", listed.group(1) if listed else "")) != want:
        bad.append("src/desk/meson.build embeds other languages")
    return bad


def load(folder):
    files = {}
    for path in glob.glob(os.path.join(folder, "*.json")):
        with open(path, encoding="utf-8") as f:
            pairs = json.load(f, object_pairs_hook=list)
        names = [k for k, _ in pairs]
        if len(names) != len(set(names)):
            sys.exit("%s has a key twice" % path)
        files[os.path.splitext(os.path.basename(path))[0]] = dict(pairs)
    return files


def bites():
    """Each check finds what it is for."""
    english = {"_language": "English", "_reviewed": True, "a": "Alerts of {name}", "n.one": "One alert", "n.other": "{n} alerts", "reg.many": "more than {n}"}
    fine = {"de": {"_language": "Deutsch", "_reviewed": False, "a": "Alarme von {name}", "n.one": "Ein Alarm", "n.other": "{n} Alarme", "reg.many": "mehr als {n}"},
            "hr": {"_language": "Hrvatski", "_reviewed": False, "a": "Alarmi: {name}", "n.one": "{n} alarm", "n.few": "{n} alarma", "n.other": "{n} alarma",
                   "reg.many": "više od {n}"}}
    spoilt = [("de", "a", None), ("de", "a", ""), ("de", "a", "Alarme"), ("de", "a", "Alarme von {nam}"), ("de", "a", "Alerts of {name}"), ("de", "b", "zu viel"),
              ("de", "n.other", "{m} Alarme"), ("de", "n.one", None), ("de", "n.few", "{n} Alarme"), ("de", "n.other", None), ("de", "_reviewed", None),
              ("de", "_language", "German"), ("de", "a", "{name} haftet"), ("de", "a", "Meldepflichtig: {name}"), ("de", "a", "Alarme von {name}!"),
              ("de", "a", "<b>{name}</b>"), ("hr", "n.few", None), ("hr", "n.one", "jedan alarm"), ("hr", "a", "Kršenje: {name}"), ("hr", "n.many", "{n} alarma")]
    for language, texts in fine.items():
        found = check("i18n", language, texts, english, True)
        if found:
            sys.exit("a good file is refused: %s" % found)
    for language, key, value in spoilt:
        texts = copy.deepcopy(fine[language])
        if value is None:
            del texts[key]
        else:
            texts[key] = value
        if not check("i18n", language, texts, english, True):
            sys.exit("not found: %s %s = %r" % (language, key, value))
    for language in LANGUAGES: # each list has words, and they are found in capitals too
        for word in VERDICTS[language].split("|"):
            if not verdict(language).search(("x %s." % word.rstrip("$").upper()).casefold()):
                sys.exit("the words of %s do not find %s" % (language, word))


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    bites()
    bad = in_code() + offered()
    kind_key = english_of_kinds()
    counted = 0
    for folder in FOLDERS:
        files = load(folder)
        if set(files) != set(LANGUAGES):
            sys.exit("%s has %s" % (folder, ", ".join(sorted(files))))
        english = base_of(folder, files)
        for language, texts in sorted(files.items()):
            own = dict(files["en"]) if language == "en" else english
            bad += ["%s/%s" % (folder, b) for b in check(folder, language, texts, own, language in HELD_TO_ALL)]
            if folder == "i18n/registers":
                bad += ["%s/%s: %s can be no key" % (folder, language, k) for k in keys(texts) if not kind_key.match(k)]
            counted += len(keys(texts))
            bad += ["%s/%s lacks %s" % (folder, language, k) for k in lacks(texts, english) if language not in HELD_TO_ALL]  # check() holds those two
            bad += ["%s/%s has %s, which is not in English" % (folder, language, k) for k in keys(texts) if stem(k, english) is None]
    if bad:
        sys.exit("\n".join(bad))
    print("%d texts in %d languages" % (counted, len(LANGUAGES)))


main()
