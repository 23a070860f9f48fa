/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One value under its chain of modifiers becomes predicates: strings, regular expressions, networks, numbers, parts of
 * dates, other fields, null. Called by sigma_detection.c in the compiler role; a value that does not fit its modifiers
 * refuses the rule.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <arpa/inet.h>

#include "base/num.h"
#include "flow/detect/sigma_priv.h"

enum {
    REGEX_PARENS_MAX = 250,               /* nesting of groups: bounds the compiler's recursion */
    REGEX_COMPILED_MAX_BYTES = 512 * 1024, /* of one pattern; repeats of repeats grow it */
};

static struct sigma_pred pred_base(const struct chain *c, enum sigma_pred_kind kind,
                                   const struct yaml_node *value)
{
    return (struct sigma_pred){.kind = kind,
                               .field = c->field,
                               .modifiers = c->modifiers,
                               .cased = chain_has(c, MOD_CASED),
                               .written = value->text};
}

static int add_pred(struct sigma_build *b, const struct sigma_pred *pred, uint32_t line,
                    sigma_nodes *out)
{
    struct sigma_node *n = sigma_node_pred(b, pred, line);
    if (n == NULL) {
        return ERR_LIMIT;
    }
    vec_push(out, n);
    return 0;
}

/* ---- strings ---- */

static int encode_patterns(struct sigma_build *b, const struct yaml_node *value, enum modifier m,
                           patterns *ps)
{
    patterns all = {0};
    for (size_t i = 0; i < ps->len; i++) {
        struct span text = {0};
        if (!pattern_literal(b->scratch, ps->data[i], &text)) {
            vec_free(&all);
            return sigma_refuse(b, value->line, "wildcards cannot be encoded (base64, wide, utf16): '%.*s'",
                                SPAN_ARG(span_sub(value->text, 0, 200)));
        }
        if (m == MOD_BASE64OFFSET && text.len < 2) {
            vec_free(&all);
            return sigma_refuse(b, value->line, "'%.*s' is too short for base64offset: two bytes at least",
                                SPAN_ARG(value->text));
        }
        for (unsigned shift = 0; shift < (m == MOD_BASE64OFFSET ? 3u : 1u); shift++) {
            struct span made = m == MOD_BASE64OFFSET ? encode_base64_offset(b->scratch, text, shift)
                               : m == MOD_BASE64     ? encode_base64(b->scratch, text)
                               : m == MOD_UTF16LE    ? encode_utf16(b->scratch, text, UTF16_LE)
                               : m == MOD_UTF16BE    ? encode_utf16(b->scratch, text, UTF16_BE)
                                                     : encode_utf16(b->scratch, text, UTF16_BOM);
            vec_push(&all, pattern_of_literal(b->scratch, made));
        }
    }
    vec_free(ps);
    *ps = all;
    if (all.len > SIGMA_VARIANTS_MAX) {
        return sigma_refuse(b, value->line, "more than %d variants of one value", SIGMA_VARIANTS_MAX);
    }
    return 0;
}

static int apply_modifier(struct sigma_build *b, const struct yaml_node *value, enum modifier m,
                          patterns *ps)
{
    switch (m) {
    case MOD_CONTAINS:
    case MOD_STARTSWITH:
    case MOD_ENDSWITH:
        for (size_t i = 0; i < ps->len; i++) {
            ps->data[i] = pattern_any_around(b->scratch, ps->data[i], m != MOD_STARTSWITH,
                                             m != MOD_ENDSWITH);
        }
        return 0;
    case MOD_WINDASH:
        return patterns_windash(b, value->line, ps);
    case MOD_BASE64:
    case MOD_BASE64OFFSET:
    case MOD_UTF16LE:
    case MOD_UTF16BE:
    case MOD_UTF16:
        return encode_patterns(b, value, m, ps);
    default:
        return 0; /* all, neq, cased, expand: seen to elsewhere */
    }
}

/* A keyword stands anywhere in a value unless its modifiers say where. */
static bool keyword_anywhere(const struct chain *c)
{
    return c->field.len == 0 && !chain_has(c, MOD_STARTSWITH) && !chain_has(c, MOD_ENDSWITH);
}

static int string_value(struct sigma_build *b, const struct chain *c, const struct yaml_node *value,
                        sigma_nodes *out)
{
    patterns ps = {0};
    struct span text = yaml_plain(b->scratch, value);
    if (c->field.len == 0 && text.len == 0) {
        return sigma_refuse(b, value->line, "an empty keyword would match every event");
    }
    vec_push(&ps, pattern_parse(b->scratch, text, chain_has(c, MOD_EXPAND)));
    int code = patterns_expand(b, value->line, &ps);
    for (uint32_t i = 0; i < c->n && code == 0; i++) {
        code = apply_modifier(b, value, c->mods[i], &ps);
    }
    if (code == 0 && keyword_anywhere(c)) {
        code = apply_modifier(b, value, MOD_CONTAINS, &ps);
    }
    for (size_t i = 0; i < ps.len && code == 0; i++) {
        struct sigma_pred p = pred_base(c, PRED_STRING, value);
        p.parts = pattern_finish(b->arena, ps.data[i], p.cased, &p.nparts);
        code = add_pred(b, &p, value->line, out);
    }
    vec_free(&ps);
    return code;
}

/* ---- regular expressions ---- */

static uint32_t regex_options(unsigned flags)
{
    return PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
           ((flags & REGEX_I) != 0 ? PCRE2_CASELESS : 0u) |
           ((flags & REGEX_M) != 0 ? PCRE2_MULTILINE : 0u) |
           ((flags & REGEX_S) != 0 ? PCRE2_DOTALL : 0u);
}

const char *sigma_regex_problem(struct arena *a, struct span regex, unsigned flags, size_t *size_out)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    *size_out = 0;
    if (regex.len > SIGMA_REGEX_MAX_BYTES) {
        return arena_printf(a, "regular expression longer than %d bytes", SIGMA_REGEX_MAX_BYTES);
    }
    pcre2_compile_context *limits = pcre2_compile_context_create(NULL);
    CHECK(limits != NULL);
    (void)pcre2_set_parens_nest_limit(limits, REGEX_PARENS_MAX);
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)regex.ptr, regex.len, regex_options(flags), &code, &at,
                                   limits);
    pcre2_compile_context_free(limits);
    if (re == NULL) {
        char text[256];
        (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
        return arena_printf(a, "regular expression, at byte %zu: %s", at, text);
    }
    (void)pcre2_pattern_info(re, PCRE2_INFO_SIZE, size_out);
    pcre2_code_free(re);
    return *size_out <= REGEX_COMPILED_MAX_BYTES
               ? NULL
               : arena_printf(a, "regular expression of %zu bytes when compiled, at most %d", *size_out,
                              REGEX_COMPILED_MAX_BYTES);
}

/* Each matcher has its own copy of every regular expression: what a rule may make of its text is bounded, whatever its length. */
static int check_states(struct sigma_build *b, uint32_t line, size_t size)
{
    b->regex_bytes += size;
    if (b->regex_bytes > SIGMA_REGEX_STATES_MAX) {
        return sigma_refuse(b, line, "regular expressions of one rule with more than %d bytes of states together",
                            SIGMA_REGEX_STATES_MAX);
    }
    return b->regex_before + b->regex_bytes <= SIGMA_REGEX_STATES_TOTAL_MAX
               ? 0
               : sigma_refuse(b, line, "the rules before this one hold regular expressions of %d bytes of states, all that fits",
                              SIGMA_REGEX_STATES_TOTAL_MAX);
}

/* startswith and endswith on a regular expression tie it to that end of the value. */
static struct span regex_anchored(struct arena *a, const struct chain *c, struct span regex)
{
    bool head = chain_has(c, MOD_STARTSWITH);
    bool tail = chain_has(c, MOD_ENDSWITH);
    if (!head && !tail) {
        return arena_copy(a, regex);
    }
    return span_of(arena_printf(a, "%s(?:%.*s)%s", head ? "\\A" : "", SPAN_ARG(regex), tail ? "\\z" : ""));
}

static int regex_value(struct sigma_build *b, const struct chain *c, const struct yaml_node *value,
                       sigma_nodes *out)
{
    spans texts = {0};
    int code = 0;
    unsigned flags = (chain_has(c, MOD_I) ? REGEX_I : 0u) | (chain_has(c, MOD_M) ? REGEX_M : 0u) |
                     (chain_has(c, MOD_S) ? REGEX_S : 0u);
    if (value->text.len == 0) {
        return sigma_refuse(b, value->line, "an empty regular expression matches everything");
    }
    if (chain_has(c, MOD_EXPAND)) {
        code = regex_expand(b, value->line, value->text, &texts);
    } else {
        vec_push(&texts, value->text);
    }
    for (size_t i = 0; i < texts.len && code == 0; i++) {
        struct sigma_pred p = pred_base(c, PRED_REGEX, value);
        p.regex = regex_anchored(b->arena, c, texts.data[i]);
        p.regex_flags = flags;
        p.cased = (flags & REGEX_I) == 0;
        size_t size = 0;
        const char *problem = sigma_regex_problem(b->scratch, p.regex, flags, &size);
        code = problem != NULL ? sigma_refuse(b, value->line, "%s", problem) : check_states(b, value->line, size);
        code = code == 0 ? add_pred(b, &p, value->line, out) : code;
    }
    vec_free(&texts);
    return code;
}

/* ---- networks ---- */

static bool host_bits_zero(const unsigned char *addr, unsigned len, unsigned prefix)
{
    for (unsigned i = 0; i < len; i++) {
        unsigned kept = prefix <= i * 8 ? 0 : prefix - i * 8 >= 8 ? 8 : prefix - i * 8;
        if ((addr[i] & (0xffu >> kept)) != 0) {
            return false;
        }
    }
    return true;
}

static int cidr_text(struct sigma_build *b, const struct chain *c, const struct yaml_node *value,
                     struct span text, sigma_nodes *out)
{
    struct sigma_pred p = pred_base(c, PRED_CIDR, value);
    char host[INET6_ADDRSTRLEN + 1] = {0};
    ptrdiff_t slash = span_find(text, '/');
    struct span name = slash < 0 ? text : span_sub(text, 0, (size_t)slash);
    uint64_t prefix = 0;
    if (name.len < sizeof host && name.len > 0) {
        memcpy(host, name.ptr, name.len);
    }
    p.addr_len = inet_pton(AF_INET, host, p.addr) == 1    ? 4
                 : inet_pton(AF_INET6, host, p.addr) == 1 ? 16
                                                          : 0;
    prefix = p.addr_len * 8u;
    if (p.addr_len == 0 || (slash >= 0 && !num_u64(span_sub(text, (size_t)slash + 1, 4), &prefix)) ||
        prefix > p.addr_len * 8u) {
        return sigma_refuse(b, value->line, "'%.*s' is no network like 10.0.0.0/8 or fd00::/8",
                            SPAN_ARG(span_sub(text, 0, 200)));
    }
    if (!host_bits_zero(p.addr, p.addr_len, (unsigned)prefix)) {
        return sigma_refuse(b, value->line, "network '%.*s' has bits set behind its prefix",
                            SPAN_ARG(text));
    }
    p.prefix = (uint8_t)prefix;
    return add_pred(b, &p, value->line, out);
}

static int cidr_value(struct sigma_build *b, const struct chain *c, const struct yaml_node *value,
                      sigma_nodes *out)
{
    patterns ps = {0};
    int code = 0;
    if (!chain_has(c, MOD_EXPAND)) {
        return cidr_text(b, c, value, value->text, out);
    }
    vec_push(&ps, pattern_parse(b->scratch, value->text, true));
    code = patterns_expand(b, value->line, &ps);
    for (size_t i = 0; i < ps.len && code == 0; i++) {
        struct span text = {0};
        code = pattern_literal(b->scratch, ps.data[i], &text)
                   ? cidr_text(b, c, value, text, out)
                   : sigma_refuse(b, value->line, "a network takes no wildcards");
    }
    vec_free(&ps);
    return code;
}

/* ---- numbers, dates, fields ---- */

static enum sigma_cmp chain_cmp(const struct chain *c)
{
    return chain_has(c, MOD_LT)    ? CMP_LT
           : chain_has(c, MOD_LTE) ? CMP_LTE
           : chain_has(c, MOD_GT)  ? CMP_GT
           : chain_has(c, MOD_GTE) ? CMP_GTE
                                   : CMP_EQ;
}

static int number_value(struct sigma_build *b, const struct chain *c, const struct yaml_node *value,
                        sigma_nodes *out)
{
    static const enum modifier parts[] = {MOD_MINUTE, MOD_HOUR, MOD_DAY, MOD_WEEK, MOD_MONTH, MOD_YEAR};
    static const int low[] = {0, 0, 1, 1, 1, 0};
    static const int high[] = {59, 23, 31, 53, 12, 9999};
    struct sigma_pred p = pred_base(c, c->item == ITEM_TIME ? PRED_TIMEPART : PRED_COMPARE, value);
    p.cmp = chain_cmp(c);
    if (!yaml_as_double(value, &p.number) && !num_double(value->text, &p.number)) {
        return sigma_refuse(b, value->line, "'%.*s' is no number, which '%.*s' needs",
                            SPAN_ARG(span_sub(value->text, 0, 100)), SPAN_ARG(c->modifiers));
    }
    for (size_t i = 0; c->item == ITEM_TIME && i < ARRAY_LEN(parts); i++) {
        if (!chain_has(c, parts[i])) {
            continue;
        }
        p.timepart = (enum sigma_timepart)i;
        if (p.number < low[i] || p.number > high[i]) {
            return sigma_refuse(b, value->line, "'%.*s' takes a number from %d to %d",
                                SPAN_ARG(c->modifiers), low[i], high[i]);
        }
    }
    return add_pred(b, &p, value->line, out);
}

static int fieldref_value(struct sigma_build *b, const struct chain *c,
                          const struct yaml_node *value, sigma_nodes *out)
{
    struct sigma_pred p = pred_base(c, PRED_FIELDREF, value);
    if (value->text.len == 0) {
        return sigma_refuse(b, value->line, "fieldref needs the name of a field");
    }
    p.other = value->text;
    p.mode = chain_has(c, MOD_CONTAINS)     ? MATCH_CONTAINS
             : chain_has(c, MOD_STARTSWITH) ? MATCH_STARTS
             : chain_has(c, MOD_ENDSWITH)   ? MATCH_ENDS
                                            : MATCH_WHOLE;
    return add_pred(b, &p, value->line, out);
}

static int exists_value(struct sigma_build *b, const struct chain *c, const struct yaml_node *value,
                        sigma_nodes *out)
{
    struct sigma_pred p = pred_base(c, PRED_EXISTS, value);
    if (!yaml_as_bool(value, &p.want)) {
        return sigma_refuse(b, value->line, "exists takes true or false");
    }
    return add_pred(b, &p, value->line, out);
}

static int null_value(struct sigma_build *b, const struct chain *c, const struct yaml_node *value,
                      sigma_nodes *out)
{
    struct sigma_pred p = pred_base(c, PRED_NULL, value);
    if (c->field.len == 0) {
        return sigma_refuse(b, value->line, "null is no keyword");
    }
    if (c->n > 0 && !(c->n == 1 && c->mods[0] == MOD_NEQ)) {
        return sigma_refuse(b, value->line, "null cannot be used with '%.*s'", SPAN_ARG(c->modifiers));
    }
    p.written = SPAN("null");
    return add_pred(b, &p, value->line, out);
}

int sigma_value(struct sigma_build *b, const struct chain *c, const struct yaml_node *value,
                sigma_nodes *out)
{
    if (value->kind != YAML_SCALAR) {
        return sigma_refuse(b, value->line, "the value of '%.*s' is %s inside a list",
                            SPAN_ARG(span_sub(c->field, 0, 200)), yaml_kind_name(value->kind));
    }
    if (yaml_is_null(value)) {
        return null_value(b, c, value, out);
    }
    switch (c->item) {
    case ITEM_RE:
        return regex_value(b, c, value, out);
    case ITEM_CIDR:
        return cidr_value(b, c, value, out);
    case ITEM_FIELDREF:
        return fieldref_value(b, c, value, out);
    case ITEM_EXISTS:
        return exists_value(b, c, value, out);
    case ITEM_COMPARE:
    case ITEM_TIME:
        return number_value(b, c, value, out);
    case ITEM_STRING:
    default:
        return string_value(b, c, value, out);
    }
}
