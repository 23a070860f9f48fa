/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What an unquoted scalar is: YAML 1.1's implicit types (its "bool", "int", "float" and "null" pages) in the form that
 * PyYAML reads them, because rules are written and tested with it. Called by loaders; pure.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "wire/yaml.h"

static bool is_word(struct span s, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (span_eq(s, span_of(*words))) {
            return true;
        }
    }
    return false;
}

static bool is_plain(const struct yaml_node *n)
{
    return n != NULL && n->kind == YAML_SCALAR && !n->quoted;
}

bool yaml_is_null(const struct yaml_node *n)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return is_plain(n) && is_word(n->text, words);
}

bool yaml_as_bool(const struct yaml_node *n, bool *out)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes",
                                      "YES",  "on",   "On",   "ON",  NULL};
    static const char *const no[] = {"false", "False", "FALSE", "no",  "No",
                                     "NO",    "off",   "Off",   "OFF", NULL};
    if (!is_plain(n)) {
        return false;
    }
    if (is_word(n->text, yes)) {
        *out = true;
        return true;
    }
    *out = false;
    return is_word(n->text, no);
}

/* Digits of a base with underscores between; at least one digit. */
static bool digits_of(struct span s, unsigned base, uint64_t *out)
{
    uint64_t v = 0;
    bool any = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.ptr[i]);
        if (c == '_') {
            continue;
        }
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                            : 99;
        if (d >= base || v > (UINT64_MAX - d) / base) {
            return false;
        }
        v = v * base + d;
        any = true;
    }
    *out = v;
    return any;
}

/* "190:20:30": base 60, the first part not starting with 0. */
static bool sexagesimal_of(struct span s, uint64_t *out)
{
    uint64_t total = 0;
    for (bool first = true;; first = false) {
        ptrdiff_t colon = span_find(s, ':');
        struct span part = colon < 0 ? s : span_sub(s, 0, (size_t)colon);
        uint64_t v = 0;
        if (part.len == 0 || (first && (part.ptr[0] < '1' || part.ptr[0] > '9')) ||
            (!first && (part.len > 2 || span_find(part, '_') >= 0)) || !digits_of(part, 10, &v) ||
            (!first && v > 59) || total > (UINT64_MAX - v) / 60) {
            return false;
        }
        total = total * 60 + v;
        if (colon < 0) {
            *out = total;
            return !first;
        }
        s = span_sub(s, (size_t)colon + 1, SIZE_MAX);
    }
}

static bool magnitude_of(struct span s, uint64_t *out)
{
    if (s.len == 0 || s.ptr[0] < '0' || s.ptr[0] > '9') {
        return false;
    }
    if (s.len == 1 || s.ptr[0] != '0') {
        return span_find(s, ':') >= 0 ? sexagesimal_of(s, out) : digits_of(s, 10, out);
    }
    if (s.ptr[1] == 'x') {
        return digits_of(span_sub(s, 2, SIZE_MAX), 16, out);
    }
    if (s.ptr[1] == 'b') {
        return digits_of(span_sub(s, 2, SIZE_MAX), 2, out);
    }
    return digits_of(s, 8, out);
}

bool yaml_as_int(const struct yaml_node *n, int64_t *out)
{
    if (!is_plain(n) || n->text.len == 0) {
        return false;
    }
    struct span s = n->text;
    bool minus = s.ptr[0] == '-';
    uint64_t v = 0;
    if (minus || s.ptr[0] == '+') {
        s = span_sub(s, 1, SIZE_MAX);
    }
    if (!magnitude_of(s, &v) || v > (uint64_t)INT64_MAX) {
        return false;
    }
    *out = minus ? -(int64_t)v : (int64_t)v;
    return true;
}

/* [-+]? digits_ "." digits_ ([eE][-+]digits)? with a digit first unless the point is. */
static bool float_shape(struct span s)
{
    size_t i = 0;
    if (i < s.len && (s.ptr[i] == '-' || s.ptr[i] == '+')) {
        i++;
    }
    size_t whole = i;
    while (i < s.len && ((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (i > whole && s.ptr[i] == '_'))) {
        i++;
    }
    bool has_whole = i > whole;
    if (i >= s.len || s.ptr[i] != '.') {
        return false;
    }
    size_t part = ++i;
    while (i < s.len && ((s.ptr[i] >= '0' && s.ptr[i] <= '9') || s.ptr[i] == '_')) {
        i++;
    }
    if (!has_whole && (i == part || s.ptr[part] == '_')) {
        return false;
    }
    if (i == s.len) {
        return true;
    }
    if ((s.ptr[i] != 'e' && s.ptr[i] != 'E') || i + 2 >= s.len || (s.ptr[i + 1] != '-' && s.ptr[i + 1] != '+')) {
        return false;
    }
    for (i += 2; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return true;
}

static bool infinity_of(struct span s, double *out)
{
    static const char *const words[] = {".inf", ".Inf", ".INF", NULL};
    bool minus = s.len > 0 && s.ptr[0] == '-';
    if (s.len > 0 && (minus || s.ptr[0] == '+')) {
        s = span_sub(s, 1, SIZE_MAX);
    }
    *out = minus ? -HUGE_VAL : HUGE_VAL;
    return is_word(s, words);
}

static bool float_of(struct span s, double *out)
{
    char text[NUM_TEXT_MAX + 1];
    size_t len = 0;
    if (s.len > NUM_TEXT_MAX || !float_shape(s)) {
        return infinity_of(s, out);
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '_') {
            text[len++] = s.ptr[i];
        }
    }
    text[len] = '\0';
    *out = strtod(text, NULL); /* the shape was checked; the locale is never changed from "C" */
    return true;
}

bool yaml_as_double(const struct yaml_node *n, double *out)
{
    int64_t whole = 0;
    if (yaml_as_int(n, &whole)) {
        *out = (double)whole;
        return true;
    }
    return is_plain(n) && n->text.len > 0 && float_of(n->text, out);
}

static struct span shortest(struct arena *a, double v)
{
    char text[64];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) {
            break;
        }
    }
    bool whole = strpbrk(text, ".en") == NULL;
    return span_of(arena_printf(a, "%s%s", text, whole ? ".0" : ""));
}

struct span yaml_plain(struct arena *a, const struct yaml_node *n)
{
    bool flag = false;
    int64_t whole = 0;
    double v = 0;
    if (!is_plain(n)) {
        return n->text;
    }
    if (yaml_is_null(n)) {
        return SPAN("");
    }
    if (yaml_as_bool(n, &flag)) {
        return flag ? SPAN("true") : SPAN("false");
    }
    if (yaml_as_int(n, &whole)) {
        return span_of(arena_printf(a, "%lld", (long long)whole));
    }
    return float_of(n->text, &v) && isfinite(v) ? shortest(a, v) : n->text;
}
