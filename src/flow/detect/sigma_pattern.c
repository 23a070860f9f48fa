/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Strings of rules: Sigma's escapes and wildcards, placeholders, dash variants, folding. Called by sigma_values.c in the
 * compiler role; allocates in the arenas given and never expands beyond SIGMA_VARIANTS_MAX.
 */
#include "base/utf8.h"
#include "flow/detect/sigma_priv.h"

static const char *const dashes[] = {"-", "/", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x80\x95"};
enum { DASHES = 5 };

struct part_list {
    struct arena *arena;
    struct sigma_part *parts;
    uint32_t n;
    char *lit; /* literal being gathered */
    size_t nlit;
    bool open;
};

static void list_literal(struct part_list *l)
{
    if (l->open) {
        l->parts[l->n++] = (struct sigma_part){PART_LITERAL, span_make(l->lit, l->nlit)};
        l->lit += l->nlit;
        l->nlit = 0;
        l->open = false;
    }
}

static void list_char(struct part_list *l, char c)
{
    l->lit[l->nlit++] = c;
    l->open = true;
}

static void list_part(struct part_list *l, unsigned kind, struct span text)
{
    list_literal(l);
    l->parts[l->n++] = (struct sigma_part){(enum sigma_part_kind)kind, text};
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* Length of "%name%" at the start of s, or 0. */
static size_t placeholder_len(struct span s)
{
    size_t i = 1;
    if (s.len < 3 || s.ptr[0] != '%') {
        return 0;
    }
    while (i < s.len && is_name_char(s.ptr[i])) {
        i++;
    }
    return i > 1 && i < s.len && s.ptr[i] == '%' ? i + 1 : 0;
}

struct pattern pattern_parse(struct arena *a, struct span text, bool placeholders)
{
    struct part_list l = {.arena = a};
    l.parts = arena_calloc(a, text.len + 1, sizeof *l.parts);
    l.lit = arena_bytes(a, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        char next = i + 1 < text.len ? text.ptr[i + 1] : '\0';
        size_t name = placeholders ? placeholder_len(span_sub(text, i, SIZE_MAX)) : 0;
        if (c == '\\' && i + 1 < text.len &&
            (next == '*' || next == '?' || next == '\\' || (placeholders && next == '%'))) {
            list_char(&l, next);
            i++;
        } else if (c == '*' || c == '?') {
            list_part(&l, c == '*' ? PART_ANY : PART_ONE, (struct span){0});
        } else if (name > 0) {
            list_part(&l, PART_PLACEHOLDER, span_sub(text, i + 1, name - 2));
            i += name - 1;
        } else {
            list_char(&l, c);
        }
    }
    list_literal(&l);
    return (struct pattern){l.parts, l.n};
}

struct pattern pattern_of_literal(struct arena *a, struct span text)
{
    struct sigma_part *part = arena_calloc(a, 1, sizeof *part);
    *part = (struct sigma_part){PART_LITERAL, text};
    return (struct pattern){part, text.len > 0 ? 1 : 0};
}

struct pattern pattern_any_around(struct arena *a, struct pattern p, bool front, bool back)
{
    struct pattern out = {arena_calloc(a, (size_t)p.n + 2, sizeof *p.parts), 0};
    if (front && (p.n == 0 || p.parts[0].kind != PART_ANY)) {
        out.parts[out.n++].kind = PART_ANY;
    }
    for (uint32_t i = 0; i < p.n; i++) {
        out.parts[out.n++] = p.parts[i];
    }
    if (back && (out.n == 0 || out.parts[out.n - 1].kind != PART_ANY)) {
        out.parts[out.n++].kind = PART_ANY;
    }
    return out;
}

bool pattern_literal(struct arena *a, struct pattern p, struct span *out)
{
    size_t len = 0;
    for (uint32_t i = 0; i < p.n; i++) {
        if (p.parts[i].kind != PART_LITERAL) {
            return false;
        }
        len += p.parts[i].text.len;
    }
    char *text = arena_bytes(a, len + 1);
    size_t at = 0;
    for (uint32_t i = 0; i < p.n; i++) {
        memcpy(text + at, p.parts[i].text.ptr, p.parts[i].text.len);
        at += p.parts[i].text.len;
    }
    *out = span_make(text, len);
    return true;
}

const struct sigma_part *pattern_finish(struct arena *a, struct pattern p, bool cased,
                                        uint32_t *count_out)
{
    struct sigma_part *out = arena_calloc(a, (size_t)p.n + 1, sizeof *out);
    uint32_t n = 0;
    for (uint32_t i = 0; i < p.n; i++) {
        if (p.parts[i].kind == PART_ANY && n > 0 && out[n - 1].kind == PART_ANY) {
            continue;
        }
        out[n] = p.parts[i];
        if (p.parts[i].kind == PART_LITERAL) {
            struct pattern run = {p.parts + i, 1};
            while (i + 1 < p.n && p.parts[i + 1].kind == PART_LITERAL) {
                i++;
                run.n++;
            }
            struct span text = {0};
            CHECK(pattern_literal(a, run, &text));
            if (!cased) {
                char *folded = arena_bytes(a, utf8_fold_room(text.len));
                text = span_make(folded, utf8_fold(text, folded));
            }
            out[n].text = text;
        }
        n++;
    }
    *count_out = n;
    return out;
}

/* ---- placeholders ---- */

static const struct sigma_placeholder *placeholder_find(struct sigma_build *b, uint32_t line,
                                                        struct span name)
{
    uint64_t at = 0;
    if (b->placeholders == NULL || !map_get(b->placeholders, name, &at)) {
        (void)sigma_refuse(b, line, "placeholder %%%.*s%% has no values (modifier expand)",
                           SPAN_ARG(span_sub(name, 0, 200)));
        return NULL;
    }
    const struct sigma_placeholder *p = (const struct sigma_placeholder *)(uintptr_t)at;
    if (p->nvalues == 0) {
        (void)sigma_refuse(b, line, "placeholder %%%.*s%% has an empty list of values",
                           SPAN_ARG(span_sub(name, 0, 200)));
        return NULL;
    }
    return p;
}

static struct pattern with_part(struct arena *a, struct pattern p, uint32_t at, struct span text)
{
    struct pattern out = {arena_calloc(a, p.n, sizeof *p.parts), p.n};
    memcpy(out.parts, p.parts, p.n * sizeof *p.parts);
    out.parts[at] = (struct sigma_part){PART_LITERAL, text};
    return out;
}

static int too_many(struct sigma_build *b, uint32_t line, const char *modifier)
{
    return sigma_refuse(b, line, "%s makes more than %d variants of one value", modifier,
                        SIGMA_VARIANTS_MAX);
}

/* Replaces the first placeholder of the pattern at `index`; *found_out tells whether there was one. */
static int expand_one(struct sigma_build *b, uint32_t line, patterns *ps, size_t index,
                      bool *found_out)
{
    struct pattern p = ps->data[index];
    *found_out = false;
    for (uint32_t i = 0; i < p.n; i++) {
        if ((unsigned)p.parts[i].kind != PART_PLACEHOLDER) {
            continue;
        }
        const struct sigma_placeholder *values = placeholder_find(b, line, p.parts[i].text);
        if (values == NULL) {
            return ERR_INVALID;
        }
        if (ps->len + values->nvalues > SIGMA_VARIANTS_MAX) {
            return too_many(b, line, "expand");
        }
        *found_out = true;
        ps->data[index] = with_part(b->scratch, p, i, values->values[0]);
        for (uint32_t v = 1; v < values->nvalues; v++) {
            vec_push(ps, with_part(b->scratch, p, i, values->values[v]));
        }
        return 0;
    }
    return 0;
}

int patterns_expand(struct sigma_build *b, uint32_t line, patterns *ps)
{
    for (size_t i = 0; i < ps->len;) {
        bool found = false;
        int code = expand_one(b, line, ps, i, &found);
        if (code != 0) {
            return code;
        }
        i += found ? 0 : 1;
    }
    return 0;
}

static struct span replaced(struct arena *a, struct span text, size_t at, size_t len, struct span by)
{
    char *out = arena_bytes(a, text.len - len + by.len + 1);
    memcpy(out, text.ptr, at);
    if (by.len > 0) {
        memcpy(out + at, by.ptr, by.len);
    }
    memcpy(out + at + by.len, text.ptr + at + len, text.len - at - len);
    return span_make(out, text.len - len + by.len);
}

/* A placeholder's value is taken as it is, also when it looks like another placeholder: the scan goes on behind it. */
int regex_expand(struct sigma_build *b, uint32_t line, struct span regex, spans *out)
{
    VEC(size_t) from = {0};
    int code = 0;
    vec_push(out, regex);
    vec_push(&from, 0);
    for (size_t i = 0; i < out->len && code == 0;) {
        struct span text = out->data[i];
        size_t at = from.data[i];
        size_t len = 0;
        while (at < text.len && len == 0) {
            len = placeholder_len(span_sub(text, at, SIZE_MAX));
            at += len > 0 ? 0 : text.ptr[at] == '\\' ? 2 : 1;
        }
        if (len == 0) {
            i++;
            continue;
        }
        const struct sigma_placeholder *p = placeholder_find(b, line, span_sub(text, at + 1, len - 2));
        code = p == NULL                                       ? ERR_INVALID
               : out->len + p->nvalues > SIGMA_VARIANTS_MAX ? too_many(b, line, "expand")
                                                               : 0;
        for (uint32_t v = 0; code == 0 && v < p->nvalues; v++) {
            struct span next = replaced(b->scratch, text, at, len, p->values[v]);
            if (v == 0) {
                out->data[i] = next;
                from.data[i] = at + p->values[v].len;
            } else {
                vec_push(out, next);
                vec_push(&from, at + p->values[v].len);
            }
        }
    }
    vec_free(&from);
    return code;
}

/* ---- windash ---- */

static size_t dash_len(struct span s)
{
    for (int i = 0; i < DASHES; i++) {
        if (span_starts(s, span_of(dashes[i]))) {
            return strlen(dashes[i]);
        }
    }
    return 0;
}

/* Cuts every dash out into a part of its own; *count_out how many. */
static struct pattern cut_dashes(struct arena *a, struct pattern p, uint32_t *count_out)
{
    size_t room = 1;
    for (uint32_t i = 0; i < p.n; i++) {
        room += p.parts[i].text.len + 1;
    }
    struct pattern out = {arena_calloc(a, room, sizeof *p.parts), 0};
    *count_out = 0;
    for (uint32_t i = 0; i < p.n; i++) {
        struct span rest = p.parts[i].text;
        if (p.parts[i].kind != PART_LITERAL) {
            out.parts[out.n++] = p.parts[i];
            continue;
        }
        while (rest.len > 0) {
            size_t at = 0;
            while (at < rest.len && dash_len(span_sub(rest, at, SIZE_MAX)) == 0) {
                at++;
            }
            if (at > 0) {
                out.parts[out.n++] = (struct sigma_part){PART_LITERAL, span_sub(rest, 0, at)};
            }
            if (at < rest.len) {
                size_t len = dash_len(span_sub(rest, at, SIZE_MAX));
                out.parts[out.n++] = (struct sigma_part){PART_LITERAL, span_sub(rest, at, len)};
                ++*count_out;
                at += len;
            }
            rest = span_sub(rest, at, SIZE_MAX);
        }
    }
    return out;
}

/* The variant number of a pattern cut by cut_dashes: one base-5 digit per dash. */
static struct pattern dash_variant(struct arena *a, struct pattern cut, uint32_t number)
{
    struct pattern out = {arena_calloc(a, (size_t)cut.n + 1, sizeof *cut.parts), cut.n};
    for (uint32_t i = 0; i < cut.n; i++) {
        out.parts[i] = cut.parts[i];
        if (cut.parts[i].kind == PART_LITERAL && dash_len(cut.parts[i].text) > 0) {
            out.parts[i].text = span_of(dashes[number % DASHES]);
            number /= DASHES;
        }
    }
    return out;
}

int patterns_windash(struct sigma_build *b, uint32_t line, patterns *ps)
{
    patterns all = {0};
    int code = 0;
    for (size_t i = 0; i < ps->len && code == 0; i++) {
        uint32_t sites = 0;
        uint32_t variants = 1;
        struct pattern cut = cut_dashes(b->scratch, ps->data[i], &sites);
        for (uint32_t s = 0; s < sites && variants <= SIGMA_VARIANTS_MAX; s++) {
            variants *= DASHES;
        }
        if (all.len + variants > SIGMA_VARIANTS_MAX) {
            code = too_many(b, line, "windash");
            break;
        }
        for (uint32_t v = 0; v < variants; v++) {
            vec_push(&all, dash_variant(b->scratch, cut, v));
        }
    }
    vec_free(ps);
    *ps = all;
    return code;
}
