/* SPDX-License-Identifier: EUPL-1.2 */
/* Reads dissect patterns: see dissect.h for how they are written. Compiler role only. */
#include <string.h>

#include "base/check.h"
#include "flow/normalise/dissect.h"

struct parser {
    struct arena *a;
    struct span text;
    size_t pos;
    struct dissect_step *steps;
    uint32_t n;
    uint32_t option; /* index of the open option + 1, or 0 */
    struct err *e;
};

static int bad(struct parser *p, const char *what)
{
    return err_set(p->e, ERR_INVALID, "pattern, byte %zu: %s", p->pos + 1, what);
}

static int push(struct parser *p, struct dissect_step step)
{
    if (p->n == DISSECT_STEPS_MAX) {
        return bad(p, "more than 64 steps");
    }
    step.node = KEY_NONE;
    p->steps[p->n++] = step;
    return 0;
}

static bool at(const struct parser *p, const char *what)
{
    return span_starts(span_sub(p->text, p->pos, p->text.len), span_of(what));
}

static int take_literal(struct parser *p)
{
    char *out = arena_bytes(p->a, p->text.len + 1);
    size_t n = 0;
    while (p->pos < p->text.len && !at(p, "%{") && !at(p, "[[") && !at(p, "]]")) {
        char c = p->text.ptr[p->pos++];
        if (c == '%') {
            if (!at(p, "%")) {
                return bad(p, "a percent sign is written %%");
            }
            p->pos++;
        }
        out[n++] = c;
    }
    return push(p, (struct dissect_step){.kind = STEP_LITERAL, .text = span_make(out, n)});
}

static bool name_ok(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = ascii_lower(name.ptr[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("_-.", c) != NULL) ||
            c == '\0') {
            return false;
        }
    }
    return true;
}

static int take_choices(struct parser *p, struct span words, struct dissect_step *step)
{
    struct dissect_choice *list = arena_calloc(p->a, DISSECT_CHOICES_MAX, sizeof *list);
    step->kind = STEP_CHOICE;
    step->choices = list;
    bool more = true;
    while (more) {
        ptrdiff_t bar = span_find(words, '|');
        more = bar >= 0;
        struct span word = bar < 0 ? words : span_sub(words, 0, (size_t)bar);
        words = bar < 0 ? span_make(words.ptr, 0) : span_sub(words, (size_t)bar + 1, words.len);
        ptrdiff_t eq = span_find(word, '=');
        struct span left = eq < 0 ? word : span_sub(word, 0, (size_t)eq);
        struct span right = eq < 0 ? word : span_sub(word, (size_t)eq + 1, word.len);
        if (left.len == 0) {
            return bad(p, "an empty word in a choice");
        }
        if (step->nchoices == DISSECT_CHOICES_MAX) {
            return bad(p, "more than 32 words in a choice");
        }
        list[step->nchoices++] =
            (struct dissect_choice){arena_copy(p->a, left), arena_copy(p->a, right)};
    }
    return 0;
}

static int set_kind(struct parser *p, struct span kind, struct dissect_step *step)
{
    static const struct {
        const char *word;
        enum dissect_kind kind;
    } kinds[] = {{"word", STEP_WORD}, {"int", STEP_INT},   {"ip", STEP_IP},
                 {"rest", STEP_REST}, {"last", STEP_LAST}, {"until", STEP_UNTIL}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (span_eq(kind, span_of(kinds[i].word))) {
            step->kind = kinds[i].kind;
            step->may_be_empty = step->may_be_empty || step->kind == STEP_REST;
            return 0;
        }
    }
    if (span_find(kind, '|') < 0 && span_find(kind, '=') < 0) {
        return bad(p, "a name has an unknown kind");
    }
    return take_choices(p, kind, step);
}

static int take_name(struct parser *p)
{
    struct span inside = span_sub(p->text, p->pos + 2, p->text.len);
    ptrdiff_t end = span_find(inside, '}');
    if (end < 0) {
        return bad(p, "%{ without }");
    }
    inside = span_sub(inside, 0, (size_t)end);
    ptrdiff_t colon = span_find(inside, ':');
    struct span name = colon < 0 ? inside : span_sub(inside, 0, (size_t)colon);
    struct dissect_step step = {.kind = STEP_UNTIL};
    if (span_ends(name, SPAN("?"))) {
        step.may_be_empty = true;
        name = span_sub(name, 0, name.len - 1);
    }
    if (!name_ok(name)) {
        return bad(p, "a name holds more than letters, digits, _ - and .");
    }
    step.text = arena_copy(p->a, name);
    int rc = colon < 0 ? 0 : set_kind(p, span_sub(inside, (size_t)colon + 1, inside.len), &step);
    p->pos += (size_t)end + 3;
    return rc == 0 ? push(p, step) : rc;
}

static int open_option(struct parser *p)
{
    if (p->option != 0) {
        return bad(p, "[[ inside [[");
    }
    p->pos += 2;
    if (p->pos >= p->text.len || at(p, "%{") || at(p, "]]")) {
        return bad(p, "[[ must begin with a literal");
    }
    p->option = p->n + 1;
    return push(p, (struct dissect_step){.kind = STEP_OPTION});
}

static int close_option(struct parser *p)
{
    if (p->option == 0) {
        return bad(p, "]] without [[");
    }
    p->steps[p->option - 1].skip = p->n - p->option;
    p->option = 0;
    p->pos += 2;
    return 0;
}

static bool is_stretch(enum dissect_kind kind)
{
    return kind == STEP_UNTIL || kind == STEP_LAST;
}

/* A stretch needs something that tells its end: a literal, an option, or the end of the pattern. */
static int check_stretches(struct parser *p)
{
    for (uint32_t i = 0; i + 1 < p->n; i++) {
        enum dissect_kind next = p->steps[i + 1].kind;
        if (is_stretch(p->steps[i].kind) && next != STEP_LITERAL && next != STEP_OPTION) {
            return err_set(p->e, ERR_INVALID,
                           "pattern: a stretch must be followed by a literal or the end");
        }
        if (p->steps[i].kind == STEP_OPTION && p->steps[i].skip > 0) {
            uint32_t last = i + p->steps[i].skip;
            uint32_t after = last + 1;
            if (is_stretch(p->steps[last].kind) && after < p->n &&
                p->steps[after].kind != STEP_LITERAL && p->steps[after].kind != STEP_OPTION) {
                return err_set(p->e, ERR_INVALID,
                               "pattern: a stretch must be followed by a literal or the end");
            }
        }
    }
    return 0;
}

/* Behind options, what ends a stretch must be a literal too: anything else would hide where it
 * ends. */
static int check_options(struct parser *p)
{
    for (uint32_t i = 0; i < p->n; i++) {
        if (p->steps[i].kind != STEP_OPTION || i == 0 || !is_stretch(p->steps[i - 1].kind)) {
            continue;
        }
        uint32_t after = i;
        while (after < p->n && p->steps[after].kind == STEP_OPTION) {
            after += p->steps[after].skip + 1;
        }
        if (after < p->n && p->steps[after].kind != STEP_LITERAL) {
            return err_set(p->e, ERR_INVALID,
                           "pattern: behind a stretch and [[ ]] a literal or the end must follow");
        }
    }
    return 0;
}

int dissect_parse(struct arena *a, struct span text, struct dissect_pattern *out, struct err *e)
{
    struct parser p = {.a = a, .text = text, .e = e};
    if (text.len == 0 || text.len > DISSECT_TEXT_MAX) {
        return err_set(e, ERR_INVALID, "a pattern has 1 to %d bytes", DISSECT_TEXT_MAX);
    }
    p.steps = arena_calloc(a, DISSECT_STEPS_MAX, sizeof *p.steps);
    int rc = 0;
    while (rc == 0 && p.pos < text.len) {
        if (at(&p, "%{")) {
            rc = take_name(&p);
        } else if (at(&p, "[[")) {
            rc = open_option(&p);
        } else if (at(&p, "]]")) {
            rc = close_option(&p);
        } else {
            rc = take_literal(&p);
        }
    }
    if (rc == 0 && p.option != 0) {
        rc = bad(&p, "[[ without ]]");
    }
    rc = rc == 0 ? check_stretches(&p) : rc;
    rc = rc == 0 ? check_options(&p) : rc;
    out->steps = p.steps;
    out->nsteps = p.n;
    return rc;
}
