/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The plain evaluator: a rule against an event, straight from the Sigma specification, one predicate after the other,
 * with no plan, no memo, no index. It is the judge of the fast path in tests and shares no evaluation code with it
 * (match*.c): where both do the same thing they do it in different ways, slow and obvious here. Never on the event path.
 */
#include <arpa/inet.h>
#include <math.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "flow/detect/ruleset.h"

/* The values a predicate looks at, JSON null apart from texts. */
struct values {
    VEC(struct span) texts;
    bool null;
    bool present;
};

static void values_add(struct values *v, struct event *ev, uint32_t leaf)
{
    v->present = true;
    if (ev->leaves.data[leaf].kind == LEAF_NULL) {
        v->null = true;
    } else {
        vec_push(&v->texts, event_plain(ev, leaf));
    }
}

static void values_of(struct values *v, struct event *ev, struct span field)
{
    if (field.len > 0) {
        for (uint32_t i = event_first(ev, catalog_field(ev->catalog, field)); i != LEAF_NIL;
             i = event_next(ev, i)) {
            values_add(v, ev, i);
        }
    } else if (ev->keywords_raw) {
        v->present = true;
        vec_push(&v->texts, ev->raw);
    } else {
        for (uint32_t i = 0; i < ev->leaves.len; i++) {
            values_add(v, ev, i);
        }
    }
}

/* ---- text as characters ---- */

enum { UNIT_ANY = -1, UNIT_ONE = -2, UNIT_BAD_BYTE = 0x110000 };

struct units {
    VEC(int32_t) at;
};

/* Appends the characters of s; a byte that is no UTF-8 is a character of its own. */
static void units_add(struct units *u, struct span s, bool fold)
{
    char *folded = mem_alloc(utf8_fold_room(s.len) + 1);
    if (fold) {
        s = span_make(folded, utf8_fold(s, folded));
    }
    for (size_t i = 0; i < s.len;) {
        size_t n;
        int32_t c = utf8_decode(s.ptr + i, s.ptr + s.len, &n);
        vec_push(&u->at, c == UTF8_BAD ? UNIT_BAD_BYTE + (unsigned char)s.ptr[i] : c);
        i += n;
    }
    mem_free(folded);
}

/* The textbook table: row j tells which prefixes of the value the first j pattern characters can cover. */
static bool units_match(const struct units *pattern, const struct units *value)
{
    size_t n = value->at.len;
    bool *row = mem_calloc(n + 1, sizeof *row);
    bool *next = mem_calloc(n + 1, sizeof *next);
    row[0] = true;
    bool some = true; /* some prefix is still covered */
    for (size_t j = 0; j < pattern->at.len && some; j++) {
        int32_t p = pattern->at.data[j];
        next[0] = p == UNIT_ANY && row[0];
        some = next[0];
        for (size_t i = 1; i <= n; i++) {
            next[i] = p == UNIT_ANY ? row[i] || next[i - 1]
                                    : row[i - 1] && (p == UNIT_ONE || p == value->at.data[i - 1]);
            some = some || next[i];
        }
        bool *t = row;
        row = next;
        next = t;
    }
    bool ok = some && row[n];
    mem_free(row);
    mem_free(next);
    return ok;
}

static bool string_holds(const struct sigma_pred *p, struct span text)
{
    struct units pattern = {0};
    struct units value = {0};
    for (uint32_t i = 0; i < p->nparts; i++) {
        if (p->parts[i].kind == PART_LITERAL) {
            units_add(&pattern, p->parts[i].text, false); /* folded by the loader */
        } else {
            vec_push(&pattern.at, p->parts[i].kind == PART_ANY ? UNIT_ANY : UNIT_ONE);
        }
    }
    units_add(&value, text, !p->cased);
    bool ok = units_match(&pattern, &value);
    vec_free(&pattern.at);
    vec_free(&value.at);
    return ok;
}

/* The other field's value as a pattern, wildcards of the mode around it. */
static bool fieldref_holds(const struct sigma_pred *p, struct span text, struct span other)
{
    struct units pattern = {0};
    struct units value = {0};
    if (p->mode == MATCH_ENDS || p->mode == MATCH_CONTAINS) {
        vec_push(&pattern.at, UNIT_ANY);
    }
    units_add(&pattern, other, !p->cased);
    if (p->mode == MATCH_STARTS || p->mode == MATCH_CONTAINS) {
        vec_push(&pattern.at, UNIT_ANY);
    }
    units_add(&value, text, !p->cased);
    bool ok = units_match(&pattern, &value);
    vec_free(&pattern.at);
    vec_free(&value.at);
    return ok;
}

static bool regex_holds(const struct sigma_pred *p, struct span text)
{
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    options |= (p->regex_flags & REGEX_I) != 0 ? PCRE2_CASELESS : 0;
    options |= (p->regex_flags & REGEX_M) != 0 ? PCRE2_MULTILINE : 0;
    options |= (p->regex_flags & REGEX_S) != 0 ? PCRE2_DOTALL : 0;
    int error;
    PCRE2_SIZE at;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)p->regex.ptr, p->regex.len, options, &error, &at, NULL);
    if (code == NULL) {
        return false;
    }
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int n = pcre2_match(code, (PCRE2_SPTR)text.ptr, text.len, 0, 0, data, NULL);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return n >= 0;
}

/* ---- addresses, numbers, dates ---- */

static bool address_bits(struct span s, bool bits[128], unsigned *count_out)
{
    unsigned char addr[16];
    struct arena a;
    arena_init(&a, 1024);
    ptrdiff_t zone = span_find(s, '%');
    bool v6 = span_find(s, ':') >= 0;
    bool ok = memchr(s.ptr, 0, s.len) == NULL && (zone < 0 || (v6 && (size_t)zone + 1 < s.len));
    if (ok && zone >= 0) {
        s.len = (size_t)zone;
    }
    ok = ok && inet_pton(v6 ? AF_INET6 : AF_INET, arena_cstr(&a, s), addr) == 1;
    arena_fini(&a);
    *count_out = v6 ? 128 : 32;
    for (unsigned i = 0; ok && i < *count_out; i++) {
        bits[i] = (addr[i / 8] >> (7 - i % 8) & 1) != 0;
    }
    return ok;
}

static bool cidr_holds(const struct sigma_pred *p, struct span text)
{
    bool bits[128];
    unsigned count;
    if (text.len == 0 || !address_bits(text, bits, &count) || count != p->addr_len * 8u) {
        return false;
    }
    for (unsigned i = 0; i < p->prefix; i++) {
        if (bits[i] != ((p->addr[i / 8] >> (7 - i % 8) & 1) != 0)) {
            return false;
        }
    }
    return true;
}

static bool compare_holds(const struct sigma_pred *p, double x)
{
    switch (p->cmp) {
    case CMP_EQ:
        return !islessgreater(x, p->number);
    case CMP_NEQ:
        return islessgreater(x, p->number);
    case CMP_LT:
        return isless(x, p->number);
    case CMP_LTE:
        return islessequal(x, p->number);
    case CMP_GT:
        return isgreater(x, p->number);
    case CMP_GTE:
        return isgreaterequal(x, p->number);
    }
    UNREACHABLE();
}

/* Seconds since 1970 of a date as written (its zone set aside), or of an epoch number. */
static bool date_seconds(struct span s, time_t *out)
{
    struct time_parts t;
    time_ns ns;
    double x;
    if (time_parse_parts(s, &t)) {
        t.has_offset = false;
        if (!time_from_parts(&t, 0, &ns)) {
            return false;
        }
        *out = (time_t)(ns / TIME_SECOND - (ns % TIME_SECOND < 0 ? 1 : 0));
        return true;
    }
    if (!num_double(s, &x) || x < 0) {
        return false;
    }
    x = x < 1e11 ? x : x < 1e14 ? x / 1e3 : x < 1e17 ? x / 1e6 : x / 1e9;
    *out = (time_t)x;
    return x < 9e9;
}

static bool timepart_holds(const struct sigma_pred *p, struct span text)
{
    time_t t;
    struct tm tm;
    char part[16];
    double x;
    if (!date_seconds(text, &t) || gmtime_r(&t, &tm) == NULL) {
        return false;
    }
    size_t n = 0;
    switch (p->timepart) { /* formats spelled out, so that the compiler checks them */
    case TIME_MINUTE:
        n = strftime(part, sizeof part, "%M", &tm);
        break;
    case TIME_HOUR:
        n = strftime(part, sizeof part, "%H", &tm);
        break;
    case TIME_DAY_OF_MONTH:
        n = strftime(part, sizeof part, "%d", &tm);
        break;
    case TIME_WEEK:
        n = strftime(part, sizeof part, "%V", &tm);
        break;
    case TIME_MONTH:
        n = strftime(part, sizeof part, "%m", &tm);
        break;
    case TIME_YEAR:
        n = strftime(part, sizeof part, "%Y", &tm);
        break;
    }
    size_t zeros = 0;
    while (zeros + 1 < n && part[zeros] == '0') {
        zeros++;
    }
    return num_double(span_make(part + zeros, n - zeros), &x) && compare_holds(p, x);
}

/* ---- predicates and conditions ---- */

static bool text_holds(const struct sigma_pred *p, struct event *ev, struct span text)
{
    double x;
    switch (p->kind) {
    case PRED_STRING:
        return string_holds(p, text);
    case PRED_REGEX:
        return regex_holds(p, text);
    case PRED_CIDR:
        return cidr_holds(p, text);
    case PRED_COMPARE:
        return num_double(text, &x) && compare_holds(p, x);
    case PRED_TIMEPART:
        return timepart_holds(p, text);
    case PRED_FIELDREF: {
        struct values other = {0};
        bool ok = false;
        values_of(&other, ev, p->other);
        for (size_t i = 0; i < other.texts.len; i++) {
            ok = ok || fieldref_holds(p, text, other.texts.data[i]);
        }
        vec_free(&other.texts);
        return ok;
    }
    case PRED_NULL:
    case PRED_EXISTS:
        break;
    }
    UNREACHABLE();
}

static bool pred_holds(const struct sigma_pred *p, struct event *ev)
{
    struct values v = {0};
    values_of(&v, ev, p->field);
    bool ok = false;
    if (p->kind == PRED_NULL) {
        ok = !v.present || v.null;
    } else if (p->kind == PRED_EXISTS) {
        ok = v.present == p->want;
    } else {
        for (size_t i = 0; i < v.texts.len && !ok; i++) {
            ok = text_holds(p, ev, v.texts.data[i]);
        }
    }
    vec_free(&v.texts);
    return ok;
}

static bool node_holds(const struct sigma_node *n, struct event *ev)
{
    switch (n->kind) {
    case NODE_AND:
        for (uint32_t i = 0; i < n->nkids; i++) {
            if (!node_holds(n->kids[i], ev)) {
                return false;
            }
        }
        return true;
    case NODE_OR:
        for (uint32_t i = 0; i < n->nkids; i++) {
            if (node_holds(n->kids[i], ev)) {
                return true;
            }
        }
        return false;
    case NODE_NOT:
        return !node_holds(n->kids[0], ev);
    case NODE_PRED:
        return pred_holds(n->pred, ev);
    case NODE_TRUE:
        return true;
    case NODE_FALSE:
        return false;
    }
    UNREACHABLE();
}

bool reference_match(const struct sigma_rule *rule, const struct catalog *catalog, struct event *ev,
                     class_id cls)
{
    const struct event_class *c = &catalog->classes[cls];
    bool applies = false;
    for (uint32_t i = 0; i < c->nsources; i++) {
        applies = applies || logsource_applies(&rule->logsource, &c->sources[i]);
    }
    if (!applies) {
        return false;
    }
    event_use_class(ev, cls);
    return node_holds(rule->root, ev);
}
