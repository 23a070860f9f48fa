/* SPDX-License-Identifier: EUPL-1.2 */
/* Labels and how they are written: labels.def as tables, and one reader over them. See label.h. */
#include "policy/label.h"

#include "base/check.h"

enum { LEGACY = 1, AMBIGUOUS = 2, CHATHAM = 100, LETTERS_MAX = 32 };

static const struct {
    struct span letters;
    enum label_what family;
    int value;
    bool bare;
    unsigned flags;
} words[] = {
#define WORD(letters, family, value, bare, flags)                                                  \
    {SPAN(letters), LABEL_##family, value, bare, flags},
#include "policy/labels.def"
#undef WORD
};

static const struct {
    struct span id;
    enum tlp tlp;
    unsigned flags;
} stix_ids[] = {
#define STIX(id, tlp, flags) {SPAN(id), tlp, flags},
#include "policy/labels.def"
#undef STIX
};

static const char *const tlp_names[TLP_COUNT] = {"UNKNOWN", "CLEAR",        "GREEN",
                                                 "AMBER",   "AMBER+STRICT", "RED"};
static const char *const pap_names[PAP_COUNT] = {"UNKNOWN", "CLEAR", "GREEN", "AMBER", "RED"};

unsigned tlp_rank(enum tlp t)
{
    return t > TLP_UNKNOWN && t < TLP_COUNT ? (unsigned)t : TLP_COUNT;
}

unsigned pap_rank(enum pap p)
{
    return p > PAP_UNKNOWN && p < PAP_COUNT ? (unsigned)p : PAP_RED;
}

enum tlp tlp_stricter(enum tlp a, enum tlp b)
{
    return tlp_rank(a) >= tlp_rank(b) ? a : b;
}

enum pap pap_stricter(enum pap a, enum pap b)
{
    return pap_rank(a) >= pap_rank(b) ? a : b;
}

const char *tlp_name(enum tlp t)
{
    return tlp_names[t > TLP_UNKNOWN && t < TLP_COUNT ? t : TLP_UNKNOWN];
}

const char *pap_name(enum pap p)
{
    return pap_names[p > PAP_UNKNOWN && p < PAP_COUNT ? p : PAP_UNKNOWN];
}

enum tlp policy_label_default(bool local)
{
    return local ? TLP_AMBER_STRICT : TLP_RED;
}

const char *tlp_stix_id(enum tlp t)
{
    for (size_t i = 0; i < ARRAY_LEN(stix_ids); i++) {
        if (stix_ids[i].tlp == t && stix_ids[i].flags == 0) {
            return stix_ids[i].id.ptr;
        }
    }
    return NULL;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Letters and digits in lower case without what people put between them. False: too long, or a byte
 * that no label has, which may be there to look like one. */
static bool letters_of(struct span text, char out[LETTERS_MAX], size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = ascii_lower(text.ptr[i]);
        if (is_letter(c)) {
            if (*len == LETTERS_MAX) {
                return false;
            }
            out[(*len)++] = c;
        } else if (c == '\0' || strchr(" \t:=+-_/\"'()[]", c) == NULL) {
            return false;
        }
    }
    return true;
}

static void set_value(struct label *l, enum label_what family, int value, unsigned flags)
{
    l->what = value == CHATHAM ? LABEL_CHR : family;
    l->tlp = l->what == LABEL_TLP ? (enum tlp)value : TLP_UNKNOWN;
    l->pap = l->what == LABEL_PAP ? (enum pap)value : PAP_UNKNOWN;
    l->legacy = (flags & LEGACY) != 0;
    l->ambiguous = (flags & AMBIGUOUS) != 0;
    l->unknown = false;
}

/* Whether it calls itself a label: "tlp…" in any way, "pap" as a word of its own. */
static enum label_what claims(struct span text)
{
    struct span head = span_sub(text, 0, 3);
    if (span_eq_nocase(head, SPAN("tlp"))) {
        return LABEL_TLP;
    }
    if (span_eq_nocase(head, SPAN("pap")) &&
        (text.len == 3 || !is_letter(ascii_lower(text.ptr[3])))) {
        return LABEL_PAP;
    }
    return LABEL_NOTHING;
}

/* Drops quotes and brackets around it. */
static struct span unwrap(struct span text)
{
    text = span_trim(text);
    while (text.len > 0 && strchr("\"'([", text.ptr[0]) != NULL && text.ptr[0] != '\0') {
        text = span_trim(span_sub(text, 1, text.len));
    }
    return text;
}

static bool stix_label(struct span text, struct label *l)
{
    const struct span prefix = SPAN("marking-definition--");
    bool prefixed = text.len > prefix.len && span_eq_nocase(span_sub(text, 0, prefix.len), prefix);
    struct span id = prefixed ? span_sub(text, prefix.len, text.len) : text;
    for (size_t i = 0; i < ARRAY_LEN(stix_ids); i++) {
        if (span_eq_nocase(id, stix_ids[i].id)) {
            set_value(l, LABEL_TLP, (int)stix_ids[i].tlp, stix_ids[i].flags);
            return true;
        }
    }
    /* A marking we do not know restricts in ways we do not know. */
    l->what = prefixed ? LABEL_TLP : LABEL_NOTHING;
    l->unknown = prefixed;
    return prefixed;
}

static struct label parse(struct span text, bool bare)
{
    struct label l = {.original = span_trim(text)};
    char room[LETTERS_MAX];
    size_t len = 0;
    struct span inner = unwrap(text);
    if (stix_label(inner, &l)) {
        return l;
    }
    enum label_what family = claims(inner);
    l.unknown = family != LABEL_NOTHING || bare;
    l.what = l.unknown && family == LABEL_NOTHING ? LABEL_TLP : family;
    if (!letters_of(inner, room, &len)) {
        return l;
    }
    struct span letters = span_make(room, len);
    struct span rest = family == LABEL_NOTHING ? letters : span_sub(letters, 3, len);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        bool fits = family == LABEL_NOTHING ? bare && words[i].bare && words[i].family == LABEL_TLP
                                            : words[i].family == family;
        if (fits && span_eq(rest, words[i].letters)) {
            set_value(&l, words[i].family, words[i].value, words[i].flags);
            break;
        }
    }
    return l;
}

struct label policy_label_parse(struct span text)
{
    return parse(text, true);
}

struct label policy_tag_parse(struct span tag)
{
    return parse(tag, false);
}
