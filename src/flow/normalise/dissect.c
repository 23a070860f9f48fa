/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Running dissect patterns over lines: see dissect.h. On the event path of every worker; allocates
 * nothing. Each step moves forward or fails, so a line costs at most its length times the number of
 * patterns tried.
 */
#include "flow/normalise/dissect.h"

#include <string.h>

#include "base/check.h"

struct run {
    struct span rest;
    struct dissect_value *out;
    int n;
};

static bool keep(struct run *r, const struct dissect_step *s, struct span value)
{
    if (s->text.len == 0) {
        return true;
    }
    if (r->n == DISSECT_VALUES_MAX) {
        return false;
    }
    r->out[r->n++] = (struct dissect_value){s->text, s->node, value};
    return true;
}

static bool take(struct run *r, const struct dissect_step *s, size_t len)
{
    if (len == 0 && !s->may_be_empty) {
        return false;
    }
    bool kept = keep(r, s, span_sub(r->rest, 0, len));
    r->rest = span_sub(r->rest, len, r->rest.len);
    return kept;
}

static size_t find_first(struct span in, struct span what)
{
    const char *p = in.len == 0 ? NULL : memmem(in.ptr, in.len, what.ptr, what.len);
    return p == NULL ? SIZE_MAX : (size_t)(p - in.ptr);
}

static size_t find_last(struct span in, struct span what)
{
    for (size_t i = in.len >= what.len ? in.len - what.len + 1 : 0; i > 0; i--) {
        if (in.ptr[i - 1] == what.ptr[0] && memcmp(in.ptr + i - 1, what.ptr, what.len) == 0) {
            return i - 1;
        }
    }
    return SIZE_MAX;
}

/* Where a stretch before step i+1 ends: at the nearest literal that may follow, or at the end of
 * the line. */
static size_t stretch_end(const struct dissect_pattern *p, uint32_t i, struct span rest, bool last)
{
    size_t best = SIZE_MAX;
    bool may_end = true;
    for (uint32_t k = i + 1; k < p->nsteps; k++) {
        const struct dissect_step *s = &p->steps[k];
        bool option = s->kind == STEP_OPTION;
        const struct dissect_step *literal = option ? &p->steps[k + 1] : s;
        size_t at = last ? find_last(rest, literal->text) : find_first(rest, literal->text);
        best = at < best ? at : best;
        if (!option) {
            may_end = false;
            break;
        }
        k += s->skip;
    }
    return best == SIZE_MAX && may_end ? rest.len : best;
}

static size_t word_len(struct span s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] != ' ' && s.ptr[n] != '\t') {
        n++;
    }
    return n;
}

static size_t digits_len(struct span s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9') {
        n++;
    }
    return n;
}

/* Hex digits, dots, colons, and behind a % the zone of a link-local address. */
static size_t ip_len(struct span s)
{
    size_t n = 0;
    bool zone = false;
    bool sign = false;
    for (; n < s.len; n++) {
        char c = ascii_lower(s.ptr[n]);
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        bool mark = c == '.' || c == ':';
        zone = zone || (c == '%' && n > 0);
        sign = sign || mark;
        if (!hex && !mark && c != '%' && !(zone && c > 'f' && c <= 'z')) {
            break;
        }
    }
    return sign ? n : 0;
}

static bool take_choice(struct run *r, const struct dissect_step *s)
{
    const struct dissect_choice *best = NULL;
    for (uint32_t i = 0; i < s->nchoices; i++) {
        if (span_starts(r->rest, s->choices[i].word) &&
            (best == NULL || s->choices[i].word.len > best->word.len)) {
            best = &s->choices[i];
        }
    }
    if (best == NULL) {
        return false;
    }
    r->rest = span_sub(r->rest, best->word.len, r->rest.len);
    return keep(r, s, best->value);
}

static bool take_literal(struct run *r, struct span text)
{
    if (!span_starts(r->rest, text)) {
        return false;
    }
    r->rest = span_sub(r->rest, text.len, r->rest.len);
    return true;
}

static bool run_step(struct run *r, const struct dissect_pattern *p, uint32_t i)
{
    const struct dissect_step *s = &p->steps[i];
    size_t end;
    switch (s->kind) {
    case STEP_LITERAL:
        return take_literal(r, s->text);
    case STEP_UNTIL:
    case STEP_LAST:
        end = stretch_end(p, i, r->rest, s->kind == STEP_LAST);
        return end != SIZE_MAX && take(r, s, end);
    case STEP_WORD:
        return take(r, s, word_len(r->rest));
    case STEP_INT:
        return take(r, s, digits_len(r->rest));
    case STEP_IP:
        return take(r, s, ip_len(r->rest));
    case STEP_REST:
        return take(r, s, r->rest.len);
    case STEP_CHOICE:
        return take_choice(r, s);
    case STEP_OPTION:
        break;
    }
    UNREACHABLE();
}

int dissect_run(const struct dissect_pattern *p, struct span line,
                struct dissect_value out[DISSECT_VALUES_MAX])
{
    struct run r = {line, out, 0};
    for (uint32_t i = 0; i < p->nsteps; i++) {
        const struct dissect_step *s = &p->steps[i];
        if (s->kind == STEP_OPTION) {
            i += span_starts(r.rest, p->steps[i + 1].text) ? 0 : s->skip;
        } else if (!run_step(&r, p, i)) {
            return -1;
        }
    }
    return r.rest.len == 0 ? r.n : -1;
}

static bool for_program(const struct dissect_pattern *p, struct span program)
{
    for (uint32_t i = 0; i < p->nprograms; i++) {
        if (span_eq_nocase(p->programs[i], program)) {
            return true;
        }
    }
    return p->nprograms == 0;
}

int dissect_line(const struct dissect *d, struct span program, struct span line,
                 struct dissect_value out[DISSECT_VALUES_MAX])
{
    for (uint32_t i = 0; i < d->npatterns; i++) {
        const struct dissect_pattern *p = &d->patterns[i];
        int n = for_program(p, program) ? dissect_run(p, line, out) : -1;
        if (n < 0) {
            continue;
        }
        for (uint32_t k = 0; k < p->nfixed && n < DISSECT_VALUES_MAX; k++) {
            const struct dissect_fixed *f = &p->fixed[k];
            out[n++] = (struct dissect_value){f->name, f->node, f->value};
        }
        return n;
    }
    return -1;
}
