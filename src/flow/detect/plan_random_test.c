/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Generated rules on generated events: the matcher must give exactly the verdicts of the plain evaluator, in rule order,
 * twice alike, and with the plan switched off too. The generator is seeded and prefers trouble: few words that overlap,
 * wildcards, escapes, characters whose folding changes their length, stray bytes, null, empty and absent values, several
 * values, folded split fields, chained classes.
 * SERENO_CASES sets how many events are tried, each against 70 rules (default 30,000), SERENO_PLAN_SEED where to start.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/test_cases.h"
#include "base/utf8.h"
#include "flow/detect/plan_kit.h"

enum {
    RULES_PER_ROUND = 70,
    EVENTS_PER_ROUND = 60,
    CASES_DEFAULT = 30000, /* events */
    DEPTH_MAX = 3,
    VALUE_MAX_BYTES = 512,
    JSON_ROOM_BYTES = 64 * 1024,
};

static uint64_t seed;

static uint32_t below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % n);
}

static bool chance(uint32_t percent)
{
    return below(100) < percent;
}

static const char *const fields[] = {"a", "b", "c", "EventID", "lost", "two", NULL};
static const char *const keys[] = {"a", "b", "c", "EventID", "lost", "two", "two_old", "elsewhere"};

static const char *const products[] = {"", "p", "P", "q"};
static const char *const categories[] = {"", "x", "y"};

static const struct kit_class classes[] = {
    {.name = "first",
     .sources = {{.product = {"p", 1}, .category = {"x", 1}}, {.product = {"p", 1}, .service = {"s", 1}}},
     .nsources = 2,
     .split = "EventID",
     .also = "second",
     .hidden = "lost"},
    {.name = "second",
     .sources = {{.product = {"p", 1}, .category = {"y", 1}}},
     .nsources = 1,
     .renamed = "two=two_old,two"},
    {.name = "third", .sources = {{.product = {"q", 1}}}, .nsources = 1, .split = "EventID"},
    {.name = "none", .sources = {{.product = {"", 0}}}, .nsources = 1, .split = "lost", .hidden = "lost"},
};

/* Pieces of values and of patterns alike, so that they meet. */
static const char *const pieces[] = {
    "a",     "b",     "ab",    "ba",   "abc",       "\\",        "/",          "\\cmd.exe",
    "cmd",   ".exe",  "/bin/", "sh",   "\xc3\xa9",  "\xc3\x89",  "\xe2\x84\xaa", "k",
    "\xc5\xbf", "s",  "\xef\xbc\xa1", "0", "1",     "10",        "4624",       "true",
    "null",  "-",     " ",     "\n",   "*",         "?",         "\xff",       "\xe2\x82",
    "\xe2\x82\xac", "\"", "10.1.2.3", "fe80::1", "2024-02-29T23:59:58Z", "aaaa", "powershell", "\x01", "mas",
};

static size_t put_pieces(char *out, uint32_t max)
{
    size_t len = 0;
    for (uint32_t n = below(max + 1); n > 0; n--) {
        const char *p = pieces[below(ARRAY_LEN(pieces))];
        size_t l = strlen(p);
        memcpy(out + len, p, l);
        for (size_t i = 0; i < l; i++) {
            if (chance(30) && out[len + i] >= 'a' && out[len + i] <= 'z') {
                out[len + i] = (char)(out[len + i] - 32);
            }
        }
        len += l;
    }
    return len;
}

/* ---- rules ---- */

static const struct sigma_node *random_string(struct kit *k, const char *field)
{
    char text[VALUE_MAX_BYTES];
    char pattern[VALUE_MAX_BYTES * 2 + 8];
    size_t n = put_pieces(text, 3);
    size_t len = 0;
    if (chance(45)) {
        pattern[len++] = '*';
    }
    for (size_t i = 0; i < n; i++) {
        if (chance(4)) {
            pattern[len++] = chance(50) ? '*' : '?';
        }
        if (strchr("*?\\", text[i]) != NULL && text[i] != '\0') {
            pattern[len++] = '\\';
        }
        pattern[len++] = text[i];
    }
    if (chance(45)) {
        pattern[len++] = '*';
    }
    return kit_string_span(k, field, span_make(pattern, len), chance(10));
}

static const char *random_field(void)
{
    return chance(12) ? "" : chance(5) ? "in no view" : fields[below(ARRAY_LEN(fields) - 1)];
}

static const struct sigma_node *random_regex(struct kit *k, const char *field)
{
    static const char *const patterns[] = {
        "ab+c",  "^a.*b$", "(cmd|sh)\\.exe", "[0-9]{2,}", "\\\\cmd", "(?i)CMD\\.exe", "a?b", "k",
        "b{0,2}a", "ab{2}", "^$", "\\bsh\\b", "\xc3\xa9", "x|ab", "[^a]b", "a(?=b)", "(a)b|", "a{,3}b", "4624",
    };
    return kit_regex(k, field, patterns[below(ARRAY_LEN(patterns))], below(8));
}

static const struct sigma_node *random_other(struct kit *k, const char *field)
{
    const struct sigma_node *n;
    struct sigma_pred *p;
    static const char *const nets[] = {"10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "fe80::/10"};
    switch (below(6)) {
    case 0:
        return kit_cidr(k, field, nets[below(ARRAY_LEN(nets))]);
    case 1:
        p = kit_pred(k, PRED_COMPARE, field, &n);
        p->cmp = (enum sigma_cmp)below(6);
        p->number = below(12);
        return n;
    case 2:
        p = kit_pred(k, PRED_TIMEPART, field, &n);
        p->timepart = (enum sigma_timepart)below(6);
        p->cmp = (enum sigma_cmp)below(6);
        p->number = below(60);
        return n;
    case 3:
        p = kit_pred(k, PRED_FIELDREF, field, &n);
        p->other = span_of(fields[below(ARRAY_LEN(fields) - 1)]);
        p->mode = (enum sigma_match_mode)below(4);
        p->cased = chance(20);
        return n;
    case 4:
        (void)kit_pred(k, PRED_NULL, field[0] == '\0' ? "a" : field, &n);
        return n;
    default:
        kit_pred(k, PRED_EXISTS, field[0] == '\0' ? "a" : field, &n)->want = chance(50);
        return n;
    }
}

/* Set in rounds whose keywords are all long: only then are records looked at before their values are. */
static bool long_keywords;

static const struct sigma_node *random_leaf(struct kit *k)
{
    static const char *const words[] = {"*powershell*", "*MASK*", "*cmd.exe*", "*abc\\\\cmd*", ("*\xc3\x89" "4624*"), "*ab?cmd*"};
    static const char *const ids[] = {"1", "10", "4624", "", "0"};
    if (chance(15)) {
        return kit_string(k, "EventID", ids[below(ARRAY_LEN(ids))]);
    }
    const char *field = random_field();
    if (field[0] == '\0' && long_keywords) {
        return kit_string(k, field, words[below(ARRAY_LEN(words))]);
    }
    return chance(70) ? random_string(k, field)
           : chance(40) ? random_regex(k, field)
                        : random_other(k, field);
}

/* Strings on one field side by side, as most rules list them: they are asked as one question. */
static const struct sigma_node *random_row(struct kit *k)
{
    const struct sigma_node *kids[12];
    const char *field = fields[below(ARRAY_LEN(fields) - 1)];
    uint32_t n = 3 + below(ARRAY_LEN(kids) - 2);
    bool negate = chance(50);
    for (uint32_t i = 0; i < n; i++) {
        kids[i] = random_string(k, field);
        kids[i] = negate ? kit_not(k, kids[i]) : kids[i];
    }
    return kit_join(k, negate == chance(90) ? NODE_AND : NODE_OR, kids, n);
}

static const struct sigma_node *random_tree(struct kit *k, uint32_t depth)
{
    const struct sigma_node *out;
    if (chance(8)) {
        return random_row(k);
    }
    if (depth == 0 || chance(25)) {
        out = random_leaf(k);
    } else if (chance(18)) {
        out = kit_not(k, random_tree(k, depth - 1));
    } else {
        const struct sigma_node *kids[5];
        uint32_t n = 1 + below(ARRAY_LEN(kids));
        for (uint32_t i = 0; i < n; i++) {
            kids[i] = random_tree(k, depth - 1);
        }
        if (chance(2)) {
            n = 0; /* an empty AND is true, an empty OR false */
        }
        out = kit_join(k, chance(50) ? NODE_AND : NODE_OR, kids, n);
    }
    return chance(20) ? kit_named(k, "selection", out) : out;
}

/* ---- events ---- */

static size_t put_json_string(char *out)
{
    char text[VALUE_MAX_BYTES];
    size_t n = put_pieces(text, 4);
    size_t len = 0;
    out[len++] = '"';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || (c < 0x80 && chance(5))) {
            len += (size_t)snprintf(out + len, 8, "\\u%04x", c);
            continue;
        }
        if (c == '"' || c == '\\') {
            out[len++] = '\\';
        }
        out[len++] = (char)c;
    }
    out[len++] = '"';
    return len;
}

static size_t put_scalar(char *out)
{
    static const char *const others[] = {"null", "true", "false", "0", "1", "10", "4624", "-1", "1.0", "1e2"};
    if (chance(65)) {
        return put_json_string(out);
    }
    const char *s = others[below(ARRAY_LEN(others))];
    memcpy(out, s, strlen(s));
    return strlen(s);
}

static size_t put_value(char *out)
{
    if (!chance(15)) {
        return put_scalar(out);
    }
    size_t len = 0;
    out[len++] = '[';
    for (uint32_t i = 0, n = below(4); i < n; i++) {
        if (i > 0) {
            out[len++] = ',';
        }
        len += put_scalar(out + len);
    }
    out[len++] = ']';
    return len;
}

static struct span random_event(char *out)
{
    size_t len = 0;
    out[len++] = '{';
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (chance(25)) {
            continue;
        }
        len += (size_t)snprintf(out + len, 32, "%s\"%s\":", len > 1 ? "," : "", keys[i]);
        len += put_value(out + len);
    }
    out[len++] = '}';
    CHECK(len < JSON_ROOM_BYTES);
    return span_make(out, len);
}

/* ---- comparing ---- */

static struct logsource random_logsource(void)
{
    return (struct logsource){.product = span_of(products[below(ARRAY_LEN(products))]),
                              .category = span_of(categories[below(ARRAY_LEN(categories))]),
                              .service = span_of(chance(15) ? "S" : "")};
}

/* The condition, for whoever has to find out why. */
static void dump(const struct sigma_node *n, int depth)
{
    static const char *const kinds[] = {"AND", "OR", "NOT", "PRED", "TRUE", "FALSE"};
    (void)printf("%*s%s", depth * 2 + 2, "", kinds[n->kind]);
    if (n->kind == NODE_PRED) {
        const struct sigma_pred *p = n->pred;
        (void)printf(" kind %d field '%.*s' cased %d flags %u cmp %d number %g: %.*s", (int)p->kind,
                     SPAN_ARG(p->field), p->cased, p->regex_flags, (int)p->cmp, p->number,
                     SPAN_ARG(p->written));
    }
    (void)printf("\n");
    for (uint32_t i = 0; i < n->nkids; i++) {
        dump(n->kids[i], depth + 1);
    }
}

static int complain(struct kit *k, struct event *ev, struct span json, uint32_t rule, const char *what,
                    uint64_t round)
{
    (void)printf("round %llu: %s: rule %u, class %u, event %.*s\n", (unsigned long long)round, what,
                 rule, ev->class_id, SPAN_ARG(json));
    dump(k->set->rules.data[rule]->root, 0);
    return 1;
}

static int check_why(struct kit *k, struct event *ev, struct span json, const struct match *m,
                     uint64_t round)
{
    struct arena scratch;
    arena_init(&scratch, 0);
    const struct alert_why *why;
    uint32_t n = matcher_explain(k->m, ev, m, &scratch, &why);
    int bad = n > ALERT_WHY_MAX;
    for (uint32_t i = 0; i < n; i++) {
        bad += why[i].operator_.len == 0 || why[i].nmarks > ALERT_MARKS_MAX;
        for (uint32_t x = 0; x < why[i].nmarks && x < ALERT_MARKS_MAX; x++) {
            bad += why[i].marks[x][0] >= why[i].marks[x][1] || why[i].marks[x][1] > why[i].value.len;
        }
    }
    arena_fini(&scratch);
    return bad == 0 ? 0 : complain(k, ev, json, m->rule, "the reason given is not sound", round);
}

/* Verdicts of the current plan on ev against those of the plain evaluator; returns the differences. */
static int compare(struct kit *k, struct event *ev, struct span json, uint64_t round, bool explain,
                   uint64_t *matches)
{
    const struct match *found;
    struct match copy[RULES_PER_ROUND];
    uint32_t n = matcher_run(k->m, ev, &found);
    CHECK(n <= RULES_PER_ROUND);
    memcpy(copy, found, n * sizeof *copy);
    uint32_t again = matcher_run(k->m, ev, &found);
    int bad = 0;
    if (again != n || memcmp(copy, found, n * sizeof *copy) != 0) {
        bad += complain(k, ev, json, 0, "a second run differs", round);
    }
    uint32_t at = 0;
    for (uint32_t r = 0; r < k->set->rules.len; r++) {
        bool fast = at < n && copy[at].rule == r;
        at += fast;
        bool plain = kit_reference(k, ev, r);
        *matches += plain;
        if (fast != plain) {
            bad += complain(k, ev, json, r, plain ? "missed" : "matched for nothing", round);
        }
    }
    bad += at == n ? 0 : complain(k, ev, json, n, "out of order", round);
    for (uint32_t i = 0; i < n && explain; i++) {
        bad += check_why(k, ev, json, &copy[i], round);
    }
    return bad;
}

static int play_round(uint64_t round, uint64_t *pairs, uint64_t *matches)
{
    static char json[EVENTS_PER_ROUND][JSON_ROOM_BYTES];
    struct span texts[EVENTS_PER_ROUND];
    struct kit k;
    int bad = 0;
    kit_init(&k, fields, classes, ARRAY_LEN(classes));
    long_keywords = round % 2 == 0;
    for (uint32_t i = 0; i < RULES_PER_ROUND; i++) {
        (void)kit_rule(&k, "r", random_logsource(), random_tree(&k, 1 + below(DEPTH_MAX)));
    }
    for (uint32_t i = 0; i < EVENTS_PER_ROUND; i++) {
        texts[i] = random_event(json[i]);
    }
    const struct ruleset_options off = {.reference = true};
    for (int plain = 0; plain < (chance(20) ? 2 : 1); plain++) {
        kit_compile(&k, plain == 1 ? &off : NULL);
        for (uint32_t i = 0; i < EVENTS_PER_ROUND; i++) {
            struct event *ev = kit_event(&k, texts[i], i % ARRAY_LEN(classes));
            ev->keywords_raw = i % 7 == 0;
            bad += compare(&k, ev, texts[i], round, i % 5 == 0, matches);
            *pairs += RULES_PER_ROUND;
        }
    }
    kit_fini(&k);
    return bad;
}

static uint64_t number_from_env(const char *name, uint64_t other)
{
    const char *s = getenv(name);
    return s == NULL ? other : strtoull(s, NULL, 10);
}

int main(void)
{
    uint64_t wanted = test_cases(CASES_DEFAULT) * RULES_PER_ROUND;
    uint64_t first = number_from_env("SERENO_PLAN_SEED", 1);
    uint64_t pairs = 0;
    uint64_t matches = 0;
    int bad = 0;
    for (uint64_t round = first; pairs < wanted && bad < 10; round++) {
        seed = round * UINT64_C(0x9E3779B97F4A7C15) | 1;
        bad += play_round(round, &pairs, &matches);
    }
    (void)printf("%llu (rule, event) pairs, %llu matches, %d wrong\n", (unsigned long long)pairs,
                 (unsigned long long)matches, bad);
    return bad == 0 && matches > pairs / 100 ? 0 : 1;
}
