/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The chain of modifiers behind a field name: which exist, which may stand together and in which order. An unknown or
 * misplaced one refuses the rule: a modifier that is ignored turns a rule into another rule. Called by
 * sigma_detection.c in the compiler role.
 */
#include "flow/detect/sigma_priv.h"

enum {
    ITEM_TEXT = ITEM_STRING | ITEM_RE,
    ITEM_ANY = ITEM_STRING | ITEM_RE | ITEM_CIDR | ITEM_FIELDREF | ITEM_COMPARE | ITEM_TIME,
};

/* name, what it makes of the item (0 = nothing), items it may be used on */
static const struct modifier_def {
    const char *name;
    enum modifier mod;
    unsigned makes;
    unsigned on;
} defs[] = {
    {"contains", MOD_CONTAINS, 0, ITEM_TEXT | ITEM_FIELDREF},
    {"startswith", MOD_STARTSWITH, 0, ITEM_TEXT | ITEM_FIELDREF},
    {"endswith", MOD_ENDSWITH, 0, ITEM_TEXT | ITEM_FIELDREF},
    {"all", MOD_ALL, 0, ITEM_TEXT | ITEM_FIELDREF | ITEM_COMPARE},
    {"neq", MOD_NEQ, 0, ITEM_ANY},
    {"cased", MOD_CASED, 0, ITEM_STRING},
    {"expand", MOD_EXPAND, 0, ITEM_TEXT | ITEM_CIDR},
    {"windash", MOD_WINDASH, 0, ITEM_STRING},
    {"base64", MOD_BASE64, 0, ITEM_STRING},
    {"base64offset", MOD_BASE64OFFSET, 0, ITEM_STRING},
    {"wide", MOD_UTF16LE, 0, ITEM_STRING},
    {"utf16le", MOD_UTF16LE, 0, ITEM_STRING},
    {"utf16be", MOD_UTF16BE, 0, ITEM_STRING},
    {"utf16", MOD_UTF16, 0, ITEM_STRING},
    {"re", MOD_RE, ITEM_RE, ITEM_RE},
    {"i", MOD_I, 0, ITEM_RE},
    {"ignorecase", MOD_I, 0, ITEM_RE},
    {"m", MOD_M, 0, ITEM_RE},
    {"multiline", MOD_M, 0, ITEM_RE},
    {"s", MOD_S, 0, ITEM_RE},
    {"dotall", MOD_S, 0, ITEM_RE},
    {"cidr", MOD_CIDR, ITEM_CIDR, ITEM_CIDR},
    {"fieldref", MOD_FIELDREF, ITEM_FIELDREF, ITEM_FIELDREF},
    {"exists", MOD_EXISTS, ITEM_EXISTS, ITEM_EXISTS},
    {"lt", MOD_LT, ITEM_COMPARE, ITEM_COMPARE | ITEM_TIME},
    {"lte", MOD_LTE, ITEM_COMPARE, ITEM_COMPARE | ITEM_TIME},
    {"gt", MOD_GT, ITEM_COMPARE, ITEM_COMPARE | ITEM_TIME},
    {"gte", MOD_GTE, ITEM_COMPARE, ITEM_COMPARE | ITEM_TIME},
    {"minute", MOD_MINUTE, ITEM_TIME, ITEM_TIME},
    {"hour", MOD_HOUR, ITEM_TIME, ITEM_TIME},
    {"day", MOD_DAY, ITEM_TIME, ITEM_TIME},
    {"week", MOD_WEEK, ITEM_TIME, ITEM_TIME},
    {"month", MOD_MONTH, ITEM_TIME, ITEM_TIME},
    {"year", MOD_YEAR, ITEM_TIME, ITEM_TIME},
};

bool chain_has(const struct chain *c, enum modifier m)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->mods[i] == m) {
            return true;
        }
    }
    return false;
}

static const struct modifier_def *def_find(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(defs); i++) {
        if (span_eq(name, span_of(defs[i].name))) {
            return &defs[i];
        }
    }
    return NULL;
}

/* What the chain's value is: made by re, cidr, … ; a part of a date may be compared. */
static int chain_class(struct sigma_build *b, uint32_t line, struct chain *c,
                       const struct modifier_def *const *used)
{
    const struct modifier_def *maker = NULL;
    c->item = ITEM_STRING;
    for (uint32_t i = 0; i < c->n; i++) {
        if (used[i]->makes == 0) {
            continue;
        }
        if (maker != NULL && !(maker->makes == ITEM_TIME && used[i]->makes == ITEM_COMPARE)) {
            return sigma_refuse(b, line, "modifiers '%s' and '%s' cannot stand together", maker->name,
                                used[i]->name);
        }
        if (maker == NULL) {
            c->item = (enum item_class)used[i]->makes;
        }
        maker = used[i]; /* after hour|gte nothing more can follow: gte is the maker then */
    }
    return 0;
}

static bool is_utf16(enum modifier m)
{
    return m == MOD_UTF16LE || m == MOD_UTF16BE || m == MOD_UTF16;
}

static int chain_order(struct sigma_build *b, uint32_t line, const struct chain *c,
                       const struct modifier_def *const *used)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if ((used[i]->on & c->item) == 0) {
            return sigma_refuse(b, line, "modifier '%s' cannot be used in '%.*s'", used[i]->name,
                                SPAN_ARG(c->modifiers));
        }
        if (used[i]->mod == MOD_RE && i != 0) {
            return sigma_refuse(b, line, "modifier 're' must be the first one");
        }
        if (is_utf16(used[i]->mod) &&
            (i + 1 == c->n || (c->mods[i + 1] != MOD_BASE64 && c->mods[i + 1] != MOD_BASE64OFFSET))) {
            return sigma_refuse(b, line, "modifier '%s' needs base64 or base64offset right behind it",
                                used[i]->name);
        }
    }
    if (c->item == ITEM_FIELDREF && chain_has(c, MOD_STARTSWITH) + chain_has(c, MOD_ENDSWITH) +
                                            chain_has(c, MOD_CONTAINS) > 1) {
        return sigma_refuse(b, line, "fieldref takes one of contains, startswith and endswith");
    }
    if (c->field.len == 0 && (c->item & ~(unsigned)ITEM_TEXT) != 0) {
        return sigma_refuse(b, line, "'%.*s' needs a field name", SPAN_ARG(c->modifiers));
    }
    if (chain_has(c, MOD_BASE64OFFSET) && !chain_has(c, MOD_CONTAINS)) {
        sigma_warn(b, line, "base64offset without contains compares whole values: it can hardly match");
    }
    return 0;
}

int chain_parse(struct sigma_build *b, const struct yaml_node *key, struct chain *out)
{
    const struct modifier_def *used[SIGMA_MODIFIERS_MAX];
    struct span text = key->text;
    ptrdiff_t bar = span_find(text, '|');
    *out = (struct chain){0};
    out->n = 0; /* of those in used[]; the analyzer does not see it in the line above */
    out->field = bar < 0 ? text : span_sub(text, 0, (size_t)bar);
    if (bar >= 0) {
        out->modifiers = span_sub(text, (size_t)bar + 1, SIZE_MAX);
    }
    for (struct span rest = out->modifiers; bar >= 0;) {
        bar = span_find(rest, '|');
        struct span name = bar < 0 ? rest : span_sub(rest, 0, (size_t)bar);
        const struct modifier_def *def = def_find(name);
        if (def == NULL) {
            return sigma_refuse(b, key->line, "unknown modifier '%.*s' of '%.*s'",
                                SPAN_ARG(span_sub(name, 0, 100)),
                                SPAN_ARG(span_sub(out->field, 0, 200)));
        }
        if (out->n == SIGMA_MODIFIERS_MAX) {
            return sigma_refuse(b, key->line, "more than %d modifiers", SIGMA_MODIFIERS_MAX);
        }
        used[out->n] = def;
        out->mods[out->n++] = def->mod;
        rest = bar < 0 ? rest : span_sub(rest, (size_t)bar + 1, SIZE_MAX);
    }
    int code = chain_class(b, key->line, out, used);
    return code != 0 ? code : chain_order(b, key->line, out, used);
}
