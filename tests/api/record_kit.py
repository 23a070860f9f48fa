# SPDX-License-Identifier: EUPL-1.2
"""Makes fields of a record from its register's schema, with texts that trouble tables."""
import re

# What spreadsheets, separators and readers stumble over.
WORDS = ["=1+1", "+34 900", "-x", "@SUM(A1)", "'=x", "''", "\"\"", "\"", "a\"b", "a,b;c\td", "two\nlines", "cr\r\nlf", "\tab", " blank ", "|", "a|b\\c", "\\",
         "[1]", "{}", "true", "12", "null", "\u00e9\u20ac\U0001f6a8", "\u0416\u0416", "sep=;", "id", "<b>&amp;", "x" * 40]


def text_of(rng, schema):
    if "enum" in schema:
        return rng.choice(schema["enum"])
    form = schema.get("format")
    if form == "date":
        return "20%02d-%02d-%02d" % (rng.randrange(20, 40), rng.randrange(1, 13), rng.randrange(1, 29))
    if form == "date-time":
        return "2026-11-%02dT10:00:00Z" % rng.randrange(1, 29)
    if form == "email":
        return "p%d@town.example" % rng.randrange(10**6)
    if form == "uri":
        return "https://town.example/%d" % rng.randrange(10**6)
    if "pattern" in schema:
        fits = [t for t in ("ES", "DE", "ES300", "ES30", "2026/1", "5a" * 32, "2026-W48") if re.search(schema["pattern"], t)]
        return rng.choice(fits) if fits else None
    if form:
        return None
    low, high = schema.get("minLength", 0), schema.get("maxLength", 60)
    text = "".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 4)))[:high]
    return text if len(text) >= low else None


def value_of(rng, schema, links):
    kind = schema.get("type")
    if "x-ref" in schema:
        known = links.get(schema["x-ref"]["kind"], [])
        if not known:
            return None
        return rng.choice(known) if kind == "string" else rng.sample(known, rng.randrange(1, min(len(known), 3) + 1))
    if kind == "string":
        return text_of(rng, schema)
    if kind == "integer":
        return rng.randrange(schema.get("minimum", -5), schema.get("maximum", 5000) + 1)
    if kind == "number":
        return rng.randrange(0, 10**6) / 100 if "multipleOf" in schema else rng.randrange(0, 1000)
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "array":
        items = [value_of(rng, schema["items"], links) for _ in range(rng.randrange(0, 4))]
        items = [i for i in items if i is not None]
        if schema.get("uniqueItems"):
            items = [i for n, i in enumerate(items) if i not in items[:n]]
        return items[: schema.get("maxItems", 3)] if len(items) >= schema.get("minItems", 0) else None
    if kind == "object":
        return fields_of(rng, schema, links)
    return None


def fields_of(rng, schema, links, tries=50):
    out = {}
    for name, part in schema["properties"].items():
        needed = name in schema.get("required", [])
        if "x-computed" in part:
            continue  # nobody writes it
        if needed or rng.random() < 0.6:
            value = None
            for _ in range(tries if needed else 1):
                value = value_of(rng, part, links)
                if value is not None:
                    break
            if value is not None:
                out[name] = value
    for name, others in schema.get("dependentRequired", {}).items():
        if name in out and any(o not in out for o in others):
            del out[name]
    for name, others in schema.get("dependentRequired", {}).items():
        if name in out and any(o not in out for o in others):
            del out[name]
    return out
