/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Indicators as a Sigma rule: see warning.h. One rule with two parts. `words` are plain pieces of
 * text, which the engine finds fast and by which the rule is woken; `exact` says where a piece must
 * begin and end, so that 8.8.8.8 is not found in 18.8.8.80.
 */
#include "desk/federation/warning_priv.h"

#include <stdio.h>

/* What may stand before and behind a value, as PCRE. A domain is also found in names below it. */
static const struct edge {
    const char *before, *behind;
} edges[FED_INDICATOR_TYPES] = {
    [FED_INDICATOR_IP] = {"(^|[^0-9a-f.:])", "($|[^0-9a-f.:]|[.:]($|[^0-9a-f])|:[0-9]{1,5}($|[^0-9a-f:]))"},
    [FED_INDICATOR_DOMAIN] = {"(^|[^a-z0-9_-])", "($|[^a-z0-9_.-]|[.]($|[^a-z0-9_-]))"},
    [FED_INDICATOR_MD5] = {"(^|[^0-9a-f])", "($|[^0-9a-f])"},
    [FED_INDICATOR_SHA1] = {"(^|[^0-9a-f])", "($|[^0-9a-f])"},
    [FED_INDICATOR_SHA256] = {"(^|[^0-9a-f])", "($|[^0-9a-f])"},
    [FED_INDICATOR_URL] = {"", "($|[^a-z0-9_.~%/-]|[.]($|[^a-z0-9_]))"},
};

static void put_quoted(struct buf *out, char c)
{
    if (c == '\'') { /* YAML 1.2 §7.3.2: the one escape within single quotes */
        buf_u8(out, '\'');
    }
    buf_u8(out, (uint8_t)c);
}

/* A piece of text: in Sigma \, * and ? mean something. */
static void put_word(struct buf *out, struct span value)
{
    buf_cstr(out, "        - '");
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '*' || c == '?' || c == '\\') {
            buf_u8(out, '\\');
        }
        put_quoted(out, c);
    }
    buf_cstr(out, "'\n");
}

static void put_exact(struct buf *out, const struct fed_indicator *in)
{
    buf_printf(out, "            - '%s", edges[in->type].before);
    for (size_t i = 0; i < in->value.len; i++) {
        char c = in->value.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain) {
            buf_u8(out, '\\');
        }
        put_quoted(out, c);
    }
    buf_printf(out, "%s'\n", edges[in->type].behind);
}

void warning_rule_id(struct span id, char out[ID_TEXT_LEN + 1])
{
    CHECK(id.len == WARNING_ID_LEN);
    const char *h = id.ptr;
    (void)snprintf(out, ID_TEXT_LEN + 1, "%.8s-%.4s-8%.3s-8%.3s-%.12s", h, h + 8, h + 13, h + 17,
                   h + 20);
}

void warning_indicator_rule(struct buf *out, const struct warning *w)
{
    char id[ID_TEXT_LEN + 1];
    CHECK(w->nindicators > 0);
    warning_rule_id(w->id, id);
    buf_cstr(out, "title: 'Community warning: an indicator seen at other members'\n");
    buf_printf(out, "id: %s\nstatus: experimental\nlevel: %s\n", id, alert_level_name(w->level));
    buf_printf(out, "description: 'Indicators of community warning %.*s'\n", SPAN_ARG(w->id));
    buf_cstr(out, "logsource: {product: '*'}\ndetection:\n    words:\n");
    for (uint32_t i = 0; i < w->nindicators; i++) {
        put_word(out, w->indicators[i].value);
    }
    buf_cstr(out, "    exact:\n        '|re|i':\n");
    for (uint32_t i = 0; i < w->nindicators; i++) {
        put_exact(out, &w->indicators[i]);
    }
    buf_cstr(out, "    condition: words and exact\n");
}

bool warning_files(const struct warning *w, struct buf *out)
{
    char id[ID_TEXT_LEN + 1];
    struct buf yaml;
    bool indicators = w->nindicators > 0;
    uint32_t files = warning_nfiles(w);
    buf_u32(out, files + indicators);
    for (uint32_t i = 0; i < w->nrules; i++) {
        char name[] = "0.yml";
        uint32_t number = warning_file_of(w, i);
        if (number == UINT32_MAX) {
            continue;
        }
        name[0] = (char)('0' + number);
        buf_init(&yaml, WARNING_FILES_BYTES + 8 * WARNING_RULES_MAX);
        warning_put_file(w, i, &yaml);
        buf_str(out, span_of(name));
        buf_str(out, w->rules[i].id);
        buf_str(out, buf_view(&yaml));
        out->failed = out->failed || yaml.failed;
        buf_free(&yaml);
    }
    if (indicators) {
        buf_init(&yaml, WARNING_YAML_MAX);
        warning_indicator_rule(&yaml, w);
        warning_rule_id(w->id, id);
        buf_str(out, SPAN("indicators.yml"));
        buf_str(out, span_of(id));
        buf_str(out, buf_view(&yaml));
        buf_free(&yaml);
    }
    return files > 0 || indicators;
}
